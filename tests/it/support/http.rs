//! Just enough HTTP/1.1 for stand-ins: a thread a connection, heads and bodies read, nothing answered.

use std::io::BufRead;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

/// The first line and the headers of a request.
#[derive(Clone, Debug, Default)]
pub struct Head {
    pub method: String,
    /// Path and query, as sent.
    pub target: String,
    /// In order, names in lower case.
    pub headers: Vec<(String, String)>,
}

impl Head {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(k, _)| k == name).map(|(_, v)| v.as_str())
    }
}

/// The next request's head; none when the other side is done.
pub fn read_head(lines: &mut impl BufRead) -> Option<Head> {
    let mut line = String::new();
    let mut next = |line: &mut String| {
        line.clear();
        lines.read_line(line).ok().filter(|n| *n > 0)
    };
    next(&mut line)?;
    let mut words = line.split(' ');
    let (method, target) = (words.next()?.to_string(), words.next()?.to_string());
    let mut headers = Vec::new();
    loop {
        next(&mut line)?;
        match line.trim_end().split_once(':') {
            Some((name, value)) => headers.push((name.to_ascii_lowercase(), value.trim().to_string())),
            None => return Some(Head { method, target, headers }),
        }
    }
}

/// The body that belongs to `head`; none when the other side left before its end.
pub fn read_body(lines: &mut impl BufRead, head: &Head) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    if head.header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
        loop {
            let mut line = String::new();
            lines.read_line(&mut line).ok().filter(|n| *n > 0)?;
            let size = usize::from_str_radix(line.trim().split(';').next()?, 16).ok()?;
            let start = body.len();
            body.resize(start + size, 0);
            lines.read_exact(&mut body[start..]).ok()?;
            line.clear();
            lines.read_line(&mut line).ok().filter(|n| *n > 0)?;
            if size == 0 {
                return Some(body);
            }
        }
    }
    body.resize(head.header("content-length").and_then(|n| n.parse().ok()).unwrap_or(0), 0);
    lines.read_exact(&mut body).ok()?;
    Some(body)
}

/// Undoes percent-encoding; what is not UTF-8 then becomes U+FFFD.
pub fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::new();
    let mut i = 0;
    while i < bytes.len() {
        let hex =
            (bytes[i] == b'%').then(|| text.get(i + 1..i + 3)).flatten().and_then(|h| u8::from_str_radix(h, 16).ok());
        out.push(hex.unwrap_or(bytes[i]));
        i += if hex.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Takes connections until it is stopped.
pub struct Listener {
    address: std::net::SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Listener {
    pub fn stop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A port of its own on loopback.
pub fn bind() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

/// Gives each connection to `served`, in a thread of its own.
pub fn listen(listener: TcpListener, served: impl Fn(TcpStream) + Send + Sync + 'static) -> Listener {
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = stop.clone();
    let address = listener.local_addr().unwrap();
    let served = Arc::new(served);
    let thread = std::thread::spawn(move || {
        for stream in listener.incoming() {
            if stopped.load(Ordering::SeqCst) {
                break;
            }
            let Ok(stream) = stream else { continue };
            let _ = stream.set_nodelay(true);
            let served = served.clone();
            std::thread::spawn(move || served(stream));
        }
    });
    Listener { address, stop, thread: Some(thread) }
}
