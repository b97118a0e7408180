//! A server of the built binary on a free port, killed with the test, and clients for it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::support::world::World;

/// A loaded machine gets so long for what takes a moment.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A server that ends with the test.
pub struct Served {
    pub child: Child,
    /// `127.0.0.1:PORT`.
    pub address: String,
    /// The owner's key.
    pub key: String,
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An answer of HTTP.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {} {}", self.head, self.body))
    }

    /// A header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<String> {
        self.head.lines().find_map(|line| {
            let (left, right) = line.split_once(':')?;
            left.eq_ignore_ascii_case(name).then(|| right.trim().to_string())
        })
    }
}

impl Served {
    /// Starts it for the first time in this world.
    pub fn start(world: &World, args: &[&str]) -> Served {
        Served::spawn(world.command(&[&["--json", "serve", "--listen", "127.0.0.1:0"], args].concat()), None)
    }

    pub fn spawn(mut command: Command, mut key: Option<String>) -> Served {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut address = None;
        while address.is_none() || key.is_none() {
            let line = lines.next().expect("it listens").unwrap();
            let said: Value = serde_json::from_str(&line).unwrap();
            if let Some(url) = said["listening"].as_str() {
                address = Some(url.trim_start_matches("http://").to_string());
            }
            if let Some(own) = said["key"].as_str() {
                key = Some(own.to_string());
            }
        }
        std::thread::spawn(move || lines.for_each(drop));
        Served { child, address: address.unwrap(), key: key.unwrap() }
    }

    pub fn signal(&self, name: &str) {
        let done = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status().unwrap();
        assert!(done.success());
    }

    /// Asks, with headers as lines; the connection ends with the answer.
    pub fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        self.attempt(method, path, headers, body).unwrap()
    }

    /// The same of a server that may be gone.
    pub fn attempt(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> std::io::Result<Answer> {
        let mut stream = TcpStream::connect(&self.address)?;
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n", self.address);
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
        stream.write_all(head.as_bytes())?;
        stream.write_all(body)?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes)?;
        let text = String::from_utf8_lossy(&bytes);
        let cut = || std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
        let (head, body) = text.split_once("\r\n\r\n").ok_or_else(cut)?;
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(cut)?;
        Ok(Answer { status, head: head.to_string(), body: body.to_string() })
    }

    /// Asks with the owner's key.
    pub fn own(&self, method: &str, path: &str, body: &[u8]) -> Answer {
        self.attempt_own(method, path, body).unwrap()
    }

    /// The same of a server that may be gone.
    pub fn attempt_own(&self, method: &str, path: &str, body: &[u8]) -> std::io::Result<Answer> {
        let bearer = format!("Bearer {}", self.key);
        self.attempt(method, path, &[("authorization", &bearer), ("content-type", "application/json")], body)
    }

    pub fn figures(&self) -> String {
        let answer = self.ask("GET", "/metrics", &[], b"");
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body
    }

    /// Opens a socket as the owner.
    pub fn socket(&self) -> Socket {
        Socket::open(&self.address, "", &[("authorization", &format!("Bearer {}", self.key))]).unwrap()
    }
}

/// A client of `/ws`, with a runtime of its own.
pub struct Socket {
    runtime: Runtime,
    stream: WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>,
    seq: u64,
    /// Frames that were passed over.
    pub passed: Vec<Value>,
}

/// What comes.
#[derive(Debug)]
pub enum Came {
    Frame(Value),
    Closed(Option<(u16, String)>),
}

impl Socket {
    /// The status instead, where it is not let in.
    pub fn open(address: &str, query: &str, headers: &[(&'static str, &str)]) -> Result<Socket, u16> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut request = format!("ws://{address}/ws{query}").into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        match runtime.block_on(tokio_tungstenite::connect_async(request)) {
            Ok((stream, _)) => Ok(Socket { runtime, stream, seq: 0, passed: Vec::new() }),
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(other) => panic!("{other}"),
        }
    }

    pub fn send(&mut self, frame: Value) -> &mut Socket {
        self.say(&frame.to_string())
    }

    pub fn say(&mut self, text: &str) -> &mut Socket {
        assert!(self.try_say(text), "the socket is closed");
        self
    }

    /// Whether it could be said.
    pub fn try_say(&mut self, text: &str) -> bool {
        self.runtime.block_on(self.stream.send(Message::text(text.to_string()))).is_ok()
    }

    /// The next thing; its `seq` is the next one.
    #[track_caller]
    pub fn next(&mut self) -> Came {
        let next = async {
            loop {
                match tokio::time::timeout(PATIENCE, self.stream.next()).await.expect("something comes") {
                    Some(Ok(Message::Text(text))) => return Came::Frame(serde_json::from_str(&text).unwrap()),
                    Some(Ok(Message::Close(frame))) => {
                        return Came::Closed(frame.map(|f| (u16::from(f.code), f.reason.to_string())));
                    }
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return Came::Closed(None),
                }
            }
        };
        let came = self.runtime.block_on(next);
        if let Came::Frame(frame) = &came {
            self.seq += 1;
            assert_eq!(frame["seq"], self.seq, "{frame}");
        }
        came
    }

    /// The next frame of this type; others are passed over.
    #[track_caller]
    pub fn until(&mut self, kind: &str) -> Value {
        loop {
            match self.next() {
                Came::Frame(frame) if frame["type"] == kind => return frame,
                Came::Frame(frame) => {
                    assert!(frame["type"] != "error", "{frame}");
                    self.passed.push(frame);
                }
                Came::Closed(why) => panic!("closed: {why:?}, before {kind}"),
            }
        }
    }

    /// The frame that it ends with.
    #[track_caller]
    pub fn closed(&mut self) -> Option<(u16, String)> {
        loop {
            if let Came::Closed(why) = self.next() {
                return why;
            }
        }
    }

    /// The frame of an error.
    #[track_caller]
    pub fn error(&mut self) -> Value {
        loop {
            match self.next() {
                Came::Frame(frame) if frame["type"] == "error" => return frame["error"].clone(),
                Came::Frame(frame) => self.passed.push(frame),
                other => panic!("{other:?}"),
            }
        }
    }

    /// Subscribes, and waits until it is so.
    #[track_caller]
    pub fn subscribe(&mut self, id: &str, events: Value, after: Option<&str>) -> String {
        let mut frame = json!({"id": id, "type": "subscribe", "events": events});
        if let Some(after) = after {
            frame["after"] = json!(after);
        }
        let told = self.send(frame).until("subscribed");
        assert_eq!(told["id"], id);
        told["position"].as_str().unwrap().to_string()
    }
}

/// Waits until something is so.
#[track_caller]
pub fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < until, "{what}");
        std::thread::yield_now();
    }
}
