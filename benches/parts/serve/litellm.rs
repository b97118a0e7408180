//! LiteLLM's proxy in front of the same server of ours, where it is installed.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The proxy; it ends with this.
pub struct Litellm {
    child: Child,
    _folder: tempfile::TempDir,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Drop for Litellm {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Litellm {
    /// Starts what `FAC_BENCH_LITELLM` names and waits until it answers; it takes most of a minute.
    pub fn start(url: &str) -> Option<Litellm> {
        let program = std::env::var_os("FAC_BENCH_LITELLM")?;
        let folder = tempfile::tempdir().ok()?;
        let config = folder.path().join("config.yaml");
        let text = format!(
            "model_list:\n- model_name: test\n  litellm_params:\n    model: hosted_vllm/test\n    api_base: {url}\n    api_key: x\nrouter_settings:\n  disable_cooldowns: true\n  num_retries: 0\n"
        );
        std::fs::write(&config, text).ok()?;
        let port = TcpListener::bind("127.0.0.1:0").ok()?.local_addr().ok()?.port();
        let child = Command::new(program)
            .args(["--config", config.to_str()?, "--host", "127.0.0.1", "--port", &port.to_string()])
            .env("LITELLM_LOCAL_MODEL_COST_MAP", "True")
            .env("LITELLM_MASTER_KEY", "sk-bench")
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let proxy = Litellm { child, _folder: folder, address };
        let until = Instant::now() + Duration::from_secs(180);
        while TcpStream::connect(address).is_err() {
            if Instant::now() > until {
                return None;
            }
            std::thread::sleep(Duration::from_millis(500));
        }
        Some(proxy)
    }
}
