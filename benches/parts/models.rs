//! Asking a model: `fac ask` beside `aichat` (and `llm` where it is installed), at a server of our own on this machine.
//!
//! The server speaks OpenAI's chat completions and does nothing else: it notes when a request is whole and when it
//! sends the first token, so that what is measured is the client.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use super::measure::{median, percentile};
use super::place::Place;

/// Chunks of the long answer.
const CHUNKS: usize = 10_000;

/// What the server saw of the newest request.
#[derive(Default)]
struct Seen {
    whole: Option<Instant>,
    first: Option<Instant>,
    chunks: usize,
}

/// A server that speaks OpenAI's chat completions.
pub struct Server {
    /// Where it is, with `/v1`.
    pub url: String,
    seen: Arc<Mutex<Seen>>,
}

impl Server {
    /// Answers have as many chunks from now on.
    pub fn chunks(&self, chunks: usize) {
        self.seen.lock().unwrap().chunks = chunks;
    }

    /// Starts one.
    pub fn start() -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Seen { chunks: 1, ..Seen::default() }));
        let shared = Arc::clone(&seen);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let seen = Arc::clone(&shared);
                std::thread::spawn(move || drop(serve(stream, &seen)));
            }
        });
        Server { url, seen }
    }
}

/// Answers requests on one connection until it is closed.
fn serve(stream: TcpStream, seen: &Mutex<Seen>) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut writer = stream;
    loop {
        let (mut length, mut line, mut path) = (0, String::new(), String::new());
        while reader.read_line(&mut line)? > 2 {
            let lower = line.to_ascii_lowercase();
            if let Some(value) = lower.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            } else if path.is_empty() {
                path = line.split(' ').nth(1).unwrap_or_default().to_string();
            }
            line.clear();
        }
        if path.is_empty() {
            return Ok(());
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        if !path.ends_with("/chat/completions") {
            let list = r#"{"object":"list","data":[{"id":"test","object":"model"}]}"#;
            write!(
                writer,
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{list}",
                list.len()
            )?;
            continue;
        }
        let chunks = {
            let mut seen = seen.lock().unwrap();
            seen.whole = Some(Instant::now());
            seen.chunks
        };
        write!(writer, "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")?;
        for number in 0..chunks {
            let word = if number % 20 == 19 { "word\\n" } else { "word " };
            let choice = format!(r#"{{"index":0,"delta":{{"content":"{word}"}},"finish_reason":null}}"#);
            event(
                &mut writer,
                &format!(r#"{{"id":"c","object":"chat.completion.chunk","model":"test","choices":[{choice}]}}"#),
            )?;
            if number == 0 {
                seen.lock().unwrap().first = Some(Instant::now());
            }
        }
        let end = r#"{"index":0,"delta":{},"finish_reason":"stop"}"#;
        event(
            &mut writer,
            &format!(
                r#"{{"id":"c","object":"chat.completion.chunk","model":"test","choices":[{end}],"usage":{{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}}}"#
            ),
        )?;
        event(&mut writer, "[DONE]")?;
        write!(writer, "0\r\n\r\n")?;
    }
}

fn event(writer: &mut TcpStream, data: &str) -> std::io::Result<()> {
    let text = format!("data: {data}\n\n");
    write!(writer, "{:x}\r\n{text}\r\n", text.len())
}

/// One turn of one client.
struct Turn {
    /// From the start of the program to the whole request at the server, ms.
    sent: f64,
    /// From the server's first token to the first byte on stdout, ms.
    first: f64,
    /// All of it, ms.
    whole: f64,
    /// User and system time, ms.
    cpu: f64,
}

fn turn(server: &Server, mut command: Command, chunks: usize) -> Turn {
    *server.seen.lock().unwrap() = Seen { chunks, ..Seen::default() };
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let begun = Instant::now();
    let mut child = command.spawn().unwrap();
    let mut out = child.stdout.take().unwrap();
    let mut byte = [0];
    out.read_exact(&mut byte).unwrap_or_else(|_| {
        let mut said = String::new();
        let _ = child.stderr.take().unwrap().read_to_string(&mut said);
        panic!("{command:?} said nothing: {said}")
    });
    let heard = Instant::now();
    let mut rest = Vec::new();
    out.read_to_end(&mut rest).unwrap();
    let cpu = cpu_of_ended(child.id());
    assert!(child.wait().unwrap().success(), "{command:?}");
    let whole = begun.elapsed();
    let words = String::from_utf8_lossy(&rest).matches("ord").count();
    assert_eq!(words, chunks, "{command:?} lost words");
    let seen = server.seen.lock().unwrap();
    let ms = |later: Instant, sooner: Instant| later.saturating_duration_since(sooner).as_secs_f64() * 1e3;
    Turn {
        sent: ms(seen.whole.unwrap(), begun),
        first: ms(heard, seen.first.unwrap()),
        whole: whole.as_secs_f64() * 1e3,
        cpu,
    }
}

/// User and system time of a program that has ended and was not waited for yet, ms; ticks are hundredths of a second.
fn cpu_of_ended(pid: u32) -> f64 {
    loop {
        let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let Some((_, rest)) = text.rsplit_once(") ") else { return f64::NAN };
        let fields: Vec<&str> = rest.split(' ').collect();
        if fields[0] == "Z" {
            let ticks: f64 = fields[11].parse::<f64>().unwrap_or(0.0) + fields[12].parse::<f64>().unwrap_or(0.0);
            return ticks * 10.0;
        }
        std::thread::yield_now();
    }
}

type Make = Box<dyn Fn() -> Command>;
/// What a row is called, the turns of each client, and what is taken from a turn.
type Row<'a> = (&'a str, &'a [Vec<Turn>], fn(&Turn) -> f64);

/// The clients that are here, told of the server.
fn clients(place: &Rc<Place>, peers: &BTreeMap<String, PathBuf>, url: &str) -> Vec<(String, Make)> {
    let settings = format!("local_models = false\n[providers.s]\nurl = \"{url}/\"\nmodels = [\"test\"]\n");
    std::fs::create_dir_all(place.path("fac/config")).unwrap();
    std::fs::write(place.path("fac/config/config.toml"), settings).unwrap();
    let (at, fac) = (Rc::clone(place), place.fac.clone());
    let mut all: Vec<(String, Make)> =
        vec![("fac ask".to_string(), Box::new(move || at.program(&fac, &["ask", "-m", "s/test", "hello"])))];
    if let Some(aichat) = peers.get("aichat") {
        let folder = place.path("aichat");
        std::fs::create_dir_all(&folder).unwrap();
        let config = format!(
            "model: s:test\nsave: false\nclients:\n- type: openai-compatible\n  name: s\n  api_base: {url}\n  api_key: x\n  models:\n  - name: test\n"
        );
        std::fs::write(folder.join("config.yaml"), config).unwrap();
        let (at, path) = (Rc::clone(place), aichat.clone());
        all.push((
            "aichat".to_string(),
            Box::new(move || {
                let mut command = at.program(&path, &["hello"]);
                command.env("AICHAT_CONFIG_DIR", at.path("aichat"));
                command
            }),
        ));
    }
    if let Some(llm) = on_path("llm") {
        let folder = place.path("llm");
        std::fs::create_dir_all(&folder).unwrap();
        let models = format!("- model_id: test\n  model_name: test\n  api_base: {url}\n  api_key_name: s\n");
        std::fs::write(folder.join("extra-openai-models.yaml"), models).unwrap();
        let at = Rc::clone(place);
        all.push((
            "llm".to_string(),
            Box::new(move || {
                let mut command = at.program(&llm, &["-m", "test", "hello"]);
                command.env("LLM_USER_PATH", at.path("llm"));
                command
            }),
        ));
    }
    all
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file: &PathBuf| Path::is_file(file))
}

/// Measures and prints the table.
pub fn models(place: &Rc<Place>, peers: &BTreeMap<String, PathBuf>, rounds: usize) {
    let server = Server::start();
    let clients = clients(place, peers, &server.url);
    let short = runs(&server, &clients, rounds, 1);
    let long = runs(&server, &clients, (rounds / 4).max(3), CHUNKS);
    let rows: [Row<'_>; 4] = [
        ("start to request sent", &short, |t| t.sent),
        ("server's first token to stdout", &short, |t| t.first),
        ("10,000 chunks, start to end", &long, |t| t.whole),
        ("10,000 chunks, processor time", &long, |t| t.cpu),
    ];
    println!(
        "\nasking a model on this machine   (ms; {} and {} turns each, interleaved)",
        short[0].len(),
        long[0].len()
    );
    println!("  {:<44} {:>8} {:>8} {:>8} {:>7}", "", "median", "p10", "p90", "ratio");
    for (what, turns, value) in rows {
        let values: Vec<Vec<f64>> = turns.iter().map(|t| t.iter().map(value).collect()).collect();
        let first = median(&values[0]);
        for ((name, _), values) in clients.iter().zip(&values) {
            let (low, high) = (percentile(values, 0.1), percentile(values, 0.9));
            let middle = median(values);
            let label = format!("{name}: {what}");
            println!("  {label:<44} {middle:>8.2} {low:>8.2} {high:>8.2} {:>6.2}x", middle / first);
        }
    }
    server.seen.lock().unwrap().chunks = CHUNKS;
    println!("  peak memory with 10,000 chunks (MiB)");
    for (name, make) in &clients {
        println!("  {name:<44} {:>8.1}", super::measure::peak_kib(&**make) as f64 / 1024.0);
    }
}

fn runs(server: &Server, clients: &[(String, Make)], rounds: usize, chunks: usize) -> Vec<Vec<Turn>> {
    let mut all: Vec<Vec<Turn>> = clients.iter().map(|_| Vec::new()).collect();
    for round in 0..rounds + 1 {
        for place in 0..clients.len() {
            let at = (place + round) % clients.len();
            let turn = turn(server, (clients[at].1)(), chunks);
            // The first round warms the caches.
            if round > 0 {
                all[at].push(turn);
            }
        }
    }
    all
}
