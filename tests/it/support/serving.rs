//! `fac serve` in a world of its own, on a port of its own, ended with the test; and a client that sends exactly what it is
//! told.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::world::World;

/// A server that runs.
pub struct Serving {
    child: Child,
    pub address: SocketAddr,
    /// The key of the first owner, where this was the first start.
    pub key: Option<String>,
}

/// What was answered.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    /// In order, names in lower case.
    pub headers: Vec<(String, String)>,
    pub text: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(k, _)| k == name).map(|(_, v)| v.as_str())
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {} {}", self.status, self.text))
    }

    /// What was answered, where that was this status.
    #[track_caller]
    pub fn is(self, status: u16) -> Answer {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }
}

impl Serving {
    /// Starts it with more arguments and waits until it listens.
    pub fn start(world: &World, more: &[&str]) -> Serving {
        let mut args = vec!["--json", "serve", "--listen", "127.0.0.1:0", "--no-automations"];
        args.extend(more);
        let mut child =
            world.command(&args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut next = || {
            let mut line = String::new();
            lines.read_line(&mut line).unwrap();
            serde_json::from_str::<Value>(&line).unwrap_or_else(|_| panic!("it said {line:?}"))
        };
        let mut key = None;
        let address = loop {
            let said = next();
            match said["listening"].as_str() {
                Some(place) => break place.split("://").nth(1).unwrap().parse().unwrap(),
                None => key = said["key"].as_str().map(String::from),
            }
        };
        // It may go on talking.
        std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
        Serving { child, address, key }
    }

    /// The key of the first owner.
    pub fn owner(&self) -> &str {
        self.key.as_deref().expect("the first start")
    }

    /// Sends one request with these headers, and no others but the host and the length of the body.
    pub fn ask(&self, method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut text = format!("{method} {target} HTTP/1.1\r\n");
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            text += &format!("Host: {}\r\n", self.address);
        }
        for (name, value) in headers {
            text += &format!("{name}: {value}\r\n");
        }
        if !body.is_empty() {
            text += &format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
        }
        self.send(&format!("{text}Connection: close\r\n\r\n{body}"))
    }

    /// The same with a credential.
    pub fn ask_as(&self, credential: &str, method: &str, target: &str, body: &str) -> Answer {
        self.ask(method, target, &[("Authorization", &format!("Bearer {credential}"))], body)
    }

    /// Sends these bytes and reads the answer.
    pub fn send(&self, text: &str) -> Answer {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        // A server that refuses early may have closed already.
        let _ = stream.write_all(text.as_bytes());
        let mut lines = BufReader::new(stream);
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        let status = line.split(' ').nth(1).and_then(|n| n.parse().ok()).unwrap_or_else(|| panic!("{line:?}"));
        let mut headers = Vec::new();
        loop {
            line.clear();
            lines.read_line(&mut line).unwrap();
            match line.trim_end().split_once(':') {
                Some((name, value)) => headers.push((name.to_ascii_lowercase(), value.trim().to_string())),
                None => break,
            }
        }
        let mut answer = Answer { status, headers, text: String::new() };
        let streams = answer.header("content-type").is_some_and(|kind| kind.starts_with("text/event-stream"));
        if !streams {
            let mut bytes = Vec::new();
            let _ = lines.read_to_end(&mut bytes);
            answer.text = String::from_utf8_lossy(&bytes).into_owned();
        }
        if answer.header("transfer-encoding") == Some("chunked") {
            answer.text = unchunked(&answer.text);
        }
        answer
    }
}

fn unchunked(text: &str) -> String {
    let (mut rest, mut whole) = (text, String::new());
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or(0);
        // What is no text was read with other lengths.
        let (Some(chunk), true) = (after.get(..size), size > 0) else { break };
        whole += chunk;
        rest = after[size..].trim_start_matches("\r\n");
    }
    whole
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
