//! A mosquitto of a test's own: started on free ports, killed and started again, gone with the value.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::http::bind;

/// The password of the user `ada`.
pub const PASSWORD: &str = "open-sesame-42";
/// How long anything may take here.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A broker with all the ways in that it can have.
pub struct Mosquitto {
    folder: tempfile::TempDir,
    child: Option<Child>,
    /// Without a password.
    pub open: u16,
    /// With the password.
    pub closed: u16,
    /// With TLS and the password.
    pub tls: u16,
    /// With TLS and a certificate of the client's.
    pub mutual: u16,
    /// In a WebSocket, without a password.
    pub ws: u16,
    /// Without a password, and nobody may say or hear anything there but below `b/`.
    pub guarded: u16,
}

impl Mosquitto {
    /// Starts one; `tls` makes certificates, which takes a moment.
    pub fn start(tls: bool) -> Mosquitto {
        Mosquitto::start_with(tls, "")
    }

    /// The same with more lines for its configuration.
    pub fn start_with(tls: bool, more: &str) -> Mosquitto {
        let folder = tempfile::Builder::new().prefix("fac-mosquitto-").tempdir().unwrap();
        let ports: Vec<_> = (0..6).map(|_| bind()).collect();
        let port = |at: usize| ports[at].local_addr().unwrap().port();
        let (open, closed, tls_port, mutual, ws) = (port(0), port(1), port(2), port(3), port(4));
        let guarded = port(5);
        drop(ports);
        let dir = folder.path().display();
        let passwd = folder.path().join("passwd");
        std::fs::write(&passwd, "").unwrap();
        private(&passwd);
        run(Command::new("mosquitto_passwd").args(["-b", passwd.to_str().unwrap(), "ada", PASSWORD]));
        let mut conf = format!(
            "{more}per_listener_settings true\nuser root\npersistence true\npersistence_location {dir}/\nautosave_interval 1\n\
             autosave_on_changes true\nmax_inflight_messages 20\nmax_queued_messages 100000\nset_tcp_nodelay true\n\
             sys_interval 1\nlistener {open} 127.0.0.1\nallow_anonymous true\nlistener {closed} 127.0.0.1\n\
             allow_anonymous false\npassword_file {dir}/passwd\nlistener {ws} 127.0.0.1\nprotocol websockets\n\
             allow_anonymous true\nlistener {guarded} 127.0.0.1\nallow_anonymous true\nplugin {}\n\
             plugin_opt_config_file {dir}/guard.json\n",
            guard().display()
        );
        let acls = ["publishClientSend", "subscribePattern"];
        let acls = acls.map(|kind| serde_json::json!({"acltype": kind, "topic": "b/#", "allow": true}));
        let guard = serde_json::json!({
            "groups": [{"groupname": "anyone", "roles": [{"rolename": "b"}]}],
            "roles": [{"rolename": "b", "acls": acls}],
            "anonymousGroup": "anyone",
            "defaultACLAccess": {
                "publishClientSend": false, "publishClientReceive": true, "subscribe": false, "unsubscribe": true
            },
        });
        std::fs::write(folder.path().join("guard.json"), guard.to_string()).unwrap();
        if tls {
            certificates(folder.path());
            let files = format!("cafile {dir}/ca.crt\ncertfile {dir}/server.crt\nkeyfile {dir}/server.key\n");
            conf +=
                &format!("listener {tls_port} 127.0.0.1\nallow_anonymous false\npassword_file {dir}/passwd\n{files}");
            conf += &format!("listener {mutual} 127.0.0.1\nallow_anonymous true\nrequire_certificate true\n{files}");
        }
        std::fs::write(folder.path().join("mosquitto.conf"), conf).unwrap();
        let mut broker = Mosquitto { folder, child: None, open, closed, tls: tls_port, mutual, ws, guarded };
        broker.again();
        broker
    }

    /// A file of its folder: `ca.crt`, `client.crt`, `client.key`, `other.crt`.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The address without a password.
    pub fn url(&self) -> String {
        format!("mqtt://127.0.0.1:{}", self.open)
    }

    /// Starts it again after it was ended, on the same ports.
    pub fn again(&mut self) {
        let until = Instant::now() + PATIENCE;
        let mut child = self.spawn();
        // It opens them in order; this is the last but for those with TLS.
        while TcpStream::connect(("127.0.0.1", self.guarded)).is_err() {
            let log = std::fs::read_to_string(self.file("log")).unwrap_or_default();
            assert!(Instant::now() < until, "mosquitto does not come up: {log}");
            std::thread::sleep(Duration::from_millis(5));
            // A connection of somebody else may go out from one of its ports for a moment.
            if child.try_wait().unwrap().is_some() {
                child = self.spawn();
            }
        }
        self.child = Some(child);
    }

    fn spawn(&self) -> Child {
        let conf = self.file("mosquitto.conf");
        let log = std::fs::File::options().create(true).append(true).open(self.file("log")).unwrap();
        let mut mosquitto = Command::new("/usr/sbin/mosquitto");
        mosquitto.args(["-c", conf.to_str().unwrap()]).stdout(log.try_clone().unwrap()).stderr(log);
        mosquitto.stdin(Stdio::null()).spawn().unwrap()
    }

    /// Ends it as an administrator does; what it holds is kept.
    pub fn end(&mut self) {
        self.signal(rustix::process::Signal::TERM);
    }

    /// Ends it with kill -9.
    pub fn kill(&mut self) {
        self.signal(rustix::process::Signal::KILL);
    }

    fn signal(&mut self, signal: rustix::process::Signal) {
        let Some(mut child) = self.child.take() else { return };
        let pid = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(pid, signal).unwrap();
        child.wait().unwrap();
    }

    /// Publishes with mosquitto's own client.
    pub fn publish(&self, args: &[&str]) {
        run(Command::new("mosquitto_pub").args(["-h", "127.0.0.1", "-p", &self.open.to_string()]).args(args));
    }

    /// What mosquitto's own client hears.
    pub fn listen(&self, args: &[&str]) -> Listening {
        // Into a pipe it would write only when it has a lot to say.
        let mut command = Command::new("stdbuf");
        command.args(["-oL", "mosquitto_sub", "-h", "127.0.0.1", "-p", &self.open.to_string(), "-d"]).args(args);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let lines = super::lines_of(child.stdout.take().unwrap());
        let listening = Listening { child, lines };
        listening.until(|line| line.contains("SUBACK") || line.starts_with("Subscribed"));
        listening
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A running mosquitto_sub.
pub struct Listening {
    child: Child,
    lines: std::sync::mpsc::Receiver<String>,
}

impl Listening {
    /// The next line that is as wanted.
    #[track_caller]
    pub fn until(&self, wanted: impl Fn(&str) -> bool) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left).expect("mosquitto_sub heard nothing of the kind");
            if wanted(&line) {
                return line;
            }
        }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The plugin that comes with mosquitto and says who may do what.
fn guard() -> PathBuf {
    let folders = std::fs::read_dir("/usr/lib").unwrap().map(|entry| entry.unwrap().path());
    let mut files = folders.map(|folder| folder.join("mosquitto_dynamic_security.so"));
    files.find(|file| file.is_file()).expect("mosquitto came without its plugin")
}

#[track_caller]
fn run(command: &mut Command) {
    let out = command.stdin(Stdio::null()).output().unwrap();
    assert!(out.status.success(), "{command:?}: {}", String::from_utf8_lossy(&out.stderr));
}

fn private(file: &Path) {
    std::fs::set_permissions(file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
}

/// An authority, a server's certificate, a client's, and another authority that vouches for nobody here.
fn certificates(folder: &Path) {
    let script = r#"
key="-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
for ca in ca other; do openssl req -x509 $key -days 30 -subj "/CN=test $ca" -keyout $ca.key -out $ca.crt \
  -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign; done
printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\nbasicConstraints=CA:FALSE\n' > server.ext
printf 'extendedKeyUsage=clientAuth\nbasicConstraints=CA:FALSE\n' > client.ext
for one in server client; do
  openssl req $key -subj /CN=$one -keyout $one.key -out $one.csr
  openssl x509 -req -in $one.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 -extfile $one.ext -out $one.crt
done"#;
    run(Command::new("sh").args(["-euc", script]).current_dir(folder));
}
