//! A bare HTTP/1.1 client for loads: it keeps connections and knows lengths and chunks, and nothing else.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use base64::Engine;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The bytes of a request.
pub fn request(method: &str, path: &str, key: &str, body: Option<&str>) -> String {
    let body = body.unwrap_or_default();
    format!(
        "{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// What came back.
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// When the first byte of its body came.
    pub first: Instant,
    /// Its body, with chunk sizes where it came in chunks.
    pub text: String,
}

/// One connection.
pub struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    /// Connects.
    pub async fn open(address: SocketAddr) -> io::Result<Client> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Client { stream, buffer: Vec::new() })
    }

    /// Sends a request and reads the whole answer.
    pub async fn ask(&mut self, request: &str) -> io::Result<Answer> {
        self.stream.write_all(request.as_bytes()).await?;
        let end = self.until(|bytes| find(bytes, b"\r\n\r\n").map(|at| at + 4)).await?;
        let head = String::from_utf8_lossy(&self.buffer[..end]).to_ascii_lowercase();
        self.buffer.drain(..end);
        let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0);
        let length = head.lines().find_map(|l| l.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
        if self.buffer.is_empty() && length != Some(0) && status != 204 && status != 304 {
            self.fill().await?;
        }
        let first = Instant::now();
        let end = match length {
            Some(length) => self.until(|bytes| (bytes.len() >= length).then_some(length)).await?,
            None if head.contains("chunked") => self.until(last_chunk).await?,
            None => 0,
        };
        let text = String::from_utf8_lossy(&self.buffer[..end]).into_owned();
        self.buffer.drain(..end);
        Ok(Answer { status, first, text })
    }

    /// Makes it a WebSocket.
    async fn upgrade(&mut self, key: &str) -> io::Result<u16> {
        let nonce = base64::engine::general_purpose::STANDARD.encode([7u8; 16]);
        let head = format!(
            "GET /ws HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {key}\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: {nonce}\r\n\r\n"
        );
        self.stream.write_all(head.as_bytes()).await?;
        let end = self.until(|bytes| find(bytes, b"\r\n\r\n").map(|at| at + 4)).await?;
        let head = String::from_utf8_lossy(&self.buffer[..end]).into_owned();
        self.buffer.drain(..end);
        Ok(head.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0))
    }

    /// Sends an empty masked ping frame and waits for the pong.
    pub async fn ping(&mut self) -> io::Result<()> {
        self.stream.write_all(&[0x89, 0x80, 1, 2, 3, 4]).await?;
        self.until(|bytes| bytes.iter().position(|b| *b == 0x8a).map(|at| at + 2)).await.map(drop)
    }

    async fn fill(&mut self) -> io::Result<()> {
        let mut chunk = [0; 16 << 10];
        match self.stream.read(&mut chunk).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            read => {
                self.buffer.extend_from_slice(&chunk[..read]);
                Ok(())
            }
        }
    }

    async fn until(&mut self, there: impl Fn(&[u8]) -> Option<usize>) -> io::Result<usize> {
        loop {
            if let Some(end) = there(&self.buffer).filter(|end| *end <= self.buffer.len()) {
                return Ok(end);
            }
            self.fill().await?;
        }
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

/// Where the chunk of no bytes ends.
fn last_chunk(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let line = at + find(&bytes[at..], b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&bytes[at..line]).ok()?.trim(), 16).ok()?;
        at = line + 2 + size + 2;
        if size == 0 {
            return Some(at);
        }
        if at > bytes.len() {
            return None;
        }
    }
}

/// One request on a connection of its own.
pub async fn once(address: SocketAddr, request: String) -> io::Result<Answer> {
    Client::open(address).await?.ask(&request).await
}

/// What a load met.
#[derive(Default)]
pub struct Load {
    /// Milliseconds of every answer.
    pub took_ms: Vec<f64>,
    /// Answers that were not 2xx, and connections that broke.
    pub refused: usize,
}

/// The same request over and over, on as many connections.
pub async fn load(address: SocketAddr, request: String, connections: usize, lasts: Duration) -> Load {
    let until = Instant::now() + lasts;
    let mut tasks = Vec::new();
    for _ in 0..connections {
        let request = request.clone();
        tasks.push(tokio::spawn(async move {
            let mut load = Load::default();
            let Ok(mut client) = Client::open(address).await else {
                return Load { refused: 1, ..load };
            };
            while Instant::now() < until {
                let begun = Instant::now();
                match client.ask(&request).await {
                    Ok(answer) if (200..300).contains(&answer.status) => {
                        load.took_ms.push(begun.elapsed().as_secs_f64() * 1e3);
                    }
                    Ok(_) => load.refused += 1,
                    Err(_) => {
                        load.refused += 1;
                        break;
                    }
                }
            }
            load
        }));
    }
    let mut all = Load::default();
    for task in tasks {
        let load = task.await.unwrap();
        all.took_ms.extend(load.took_ms);
        all.refused += load.refused;
    }
    all
}

/// Opens WebSockets; those that are open, and how many were refused.
pub async fn sockets(address: SocketAddr, key: &str, wanted: usize) -> (Vec<Client>, usize) {
    let (mut open, mut failed) = (Vec::new(), 0);
    for _ in 0..wanted {
        let Ok(mut client) = Client::open(address).await else {
            failed += 1;
            // The limit on open files is reached.
            break;
        };
        match client.upgrade(key).await {
            Ok(101) => open.push(client),
            _ => failed += 1,
        }
        if failed > 100 {
            break;
        }
    }
    (open, failed)
}
