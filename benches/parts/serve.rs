//! `fac serve` on loopback, with the load coming from this process: reads, durable writes, a chat stream through it
//! beside the same server asked directly (and LiteLLM's proxy where `FAC_BENCH_LITELLM` names its program), a thousand
//! connections, events to those who follow them, what others meet while somebody attacks, idle sockets, memory.

#[path = "serve/attacks.rs"]
mod attacks;
#[path = "serve/client.rs"]
mod client;
#[path = "serve/events.rs"]
mod events;
#[path = "serve/litellm.rs"]
mod litellm;

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};

use client::{Client, Load};

use super::measure::{median, percentile};
use super::models::Server as Model;
use super::place::Place;

/// How long each load lasts.
const LASTS: Duration = Duration::from_secs(8);

/// A server under test; it ends with this.
pub struct Served {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// A key of its owner.
    pub key: String,
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Served {
    fn start(place: &Place) -> Served {
        let key = place.fac(&["--json", "key", "create", "bench"]).stderr(Stdio::inherit()).output().unwrap();
        let key: serde_json::Value = serde_json::from_slice(&key.stdout).expect("a key as JSON");
        let key = key["key"]["secret"].as_str().or(key["secret"].as_str()).expect("the key itself").to_string();
        let mut command = place.fac(&["--json", "serve", "--listen", "127.0.0.1:0", "--no-automations"]);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = loop {
            let line = lines.next().expect("it listens").unwrap();
            let said: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
            if let Some(url) = said["listening"].as_str() {
                break url.trim_start_matches("http://").parse().unwrap();
            }
        };
        std::thread::spawn(move || lines.for_each(drop));
        Served { child, address, key }
    }

    /// A line of `/proc/PID/status`, KiB.
    fn memory(&self, name: &str) -> u64 {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap_or_default();
        line.trim().trim_end_matches(" kB").parse().unwrap_or(0)
    }
}

/// Measures and prints.
pub fn serve(place: &Rc<Place>, rounds: usize) {
    let model = Model::start();
    let settings = format!(
        "local_models = false\n[providers.s]\nurl = \"{}/\"\nmodels = [\"test\"]\n[serve]\nlimit_user = 0\nlimit_anonymous = 0\n",
        model.url
    );
    std::fs::create_dir_all(place.path("fac/config")).unwrap();
    std::fs::write(place.path("fac/config/config.toml"), settings).unwrap();
    let served = Served::start(place);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    println!("\nfac serve on loopback, the load from another process");
    println!("  {:<44} {:>8.1} MiB", "memory, nobody there", served.memory("VmRSS") as f64 / 1024.0);
    let load = |name: &str, request: String, connections: usize| {
        let load = runtime.block_on(client::load(served.address, request, connections, LASTS));
        tell(name, connections, &load);
    };
    let get = |path: &str| client::request("GET", path, &served.key, None);
    load("GET /livez", get("/livez"), 64);
    for title in 0..50 {
        let body = format!(r#"{{"title":"Chat {title}"}}"#);
        let _ = runtime.block_on(client::once(
            served.address,
            client::request("POST", "/api/v1/sessions", &served.key, Some(&body)),
        ));
    }
    load("GET /api/v1/sessions?limit=20", get("/api/v1/sessions?limit=20"), 64);
    load(
        "POST /api/v1/sessions (durable)",
        client::request("POST", "/api/v1/sessions", &served.key, Some(r#"{"title":"One more"}"#)),
        64,
    );
    load("GET /api/v1/sessions?limit=20, 1,000 users", get("/api/v1/sessions?limit=20"), 1000);
    println!("  {:<44} {:>8.1} MiB", "memory after that, at most", served.memory("VmHWM") as f64 / 1024.0);
    streams(&runtime, &served, &model, rounds.max(100));
    runtime.block_on(events::events(served.address, &served.key));
    runtime.block_on(attacks::attacks(served.address, &served.key));
    println!("  {:<44} {:>8.1} MiB", "memory after that, at most", served.memory("VmHWM") as f64 / 1024.0);
    sockets(&runtime, &served);
}

fn tell(name: &str, connections: usize, load: &Load) {
    let at = |share| percentile(&load.took_ms, share);
    println!(
        "  {name:<44} {:>8.0}/s   p50 {:>7.2}  p95 {:>7.2}  p99 {:>7.2} ms   {connections} connections, {} not 2xx",
        load.took_ms.len() as f64 / LASTS.as_secs_f64(),
        at(0.5),
        at(0.95),
        at(0.99),
        load.refused
    );
}

/// A chat stream: asked directly, through `fac serve`, and through LiteLLM, in turns.
fn streams(runtime: &tokio::runtime::Runtime, served: &Served, model: &Model, rounds: usize) {
    let direct: SocketAddr = model.url.trim_start_matches("http://").trim_end_matches("/v1").parse().unwrap();
    let body =
        |name: &str| format!(r#"{{"model":"{name}","stream":true,"messages":[{{"role":"user","content":"hello"}}]}}"#);
    let mut askers = vec![
        ("directly".to_string(), direct, client::request("POST", "/v1/chat/completions", "x", Some(&body("test")))),
        (
            "fac serve".to_string(),
            served.address,
            client::request("POST", "/v1/chat/completions", &served.key, Some(&body("s/test"))),
        ),
    ];
    let litellm = litellm::Litellm::start(&model.url);
    if let Some(proxy) = &litellm {
        askers.push((
            "LiteLLM".into(),
            proxy.address,
            client::request("POST", "/v1/chat/completions", "sk-bench", Some(&body("test"))),
        ));
    } else {
        println!("  LiteLLM is left out: FAC_BENCH_LITELLM does not name it");
    }
    model.chunks(20);
    let mut clients: Vec<Client> =
        askers.iter().map(|(_, address, _)| runtime.block_on(Client::open(*address)).unwrap()).collect();
    let mut took: Vec<(Vec<f64>, Vec<f64>)> = askers.iter().map(|_| (Vec::new(), Vec::new())).collect();
    for round in 0..rounds + 5 {
        for turn in 0..askers.len() {
            let at = (turn + round) % askers.len();
            let begun = Instant::now();
            let answer = runtime.block_on(clients[at].ask(&askers[at].2)).unwrap();
            assert!(answer.text.contains("[DONE]"), "{}: {}", askers[at].0, answer.text);
            if round >= 5 {
                took[at].0.push(answer.first.duration_since(begun).as_secs_f64() * 1e3);
                took[at].1.push(begun.elapsed().as_secs_f64() * 1e3);
            }
        }
    }
    println!("  a chat stream of 20 words ({rounds} turns each, interleaved): first byte of the body, and all of it");
    for ((name, ..), (first, whole)) in askers.iter().zip(&took) {
        println!(
            "  {name:<44} p50 {:>7.2}  p95 {:>7.2} ms      p50 {:>7.2}  p95 {:>7.2} ms",
            median(first),
            percentile(first, 0.95),
            median(whole),
            percentile(whole, 0.95)
        );
    }
    let over = |share: f64| percentile(&took[1].1, share) - percentile(&took[0].1, share);
    println!("  what fac serve adds: p50 {:.2} ms, p95 {:.2} ms (aim 3)", over(0.5), over(0.95));
}

/// Idle sockets: as many as the limit on open files allows, to 10,000.
fn sockets(runtime: &tokio::runtime::Runtime, served: &Served) {
    let before = served.memory("VmRSS");
    let (sockets, failed) = runtime.block_on(client::sockets(served.address, &served.key, 10_000));
    let after = served.memory("VmRSS");
    println!(
        "  {:<44} {:>8.1} MiB in all, {:.1} KiB each ({} open, {failed} refused)",
        "idle WebSockets",
        after as f64 / 1024.0,
        after.saturating_sub(before) as f64 / sockets.len().max(1) as f64,
        sockets.len()
    );
    let mut clients = sockets;
    if let Some(one) = clients.last_mut() {
        let begun = Instant::now();
        runtime.block_on(one.ping()).unwrap();
        println!("  {:<44} {:>8.2} ms", "a ping is answered among them in", begun.elapsed().as_secs_f64() * 1e3);
    }
}
