//! A server that answers as it is told, and keeps what it was asked.

use std::io::{BufReader, Write};
use std::sync::{Arc, Mutex};

use crate::support::http::{Head, Listener, bind, listen, read_body, read_head};

/// What is answered: status, more headers, body.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Breaks off after so many bytes of the body.
    pub only: Option<usize>,
}

impl Reply {
    pub fn of(status: u16, kind: &str, body: impl Into<Vec<u8>>) -> Reply {
        Reply { status, headers: vec![("Content-Type".into(), kind.into())], body: body.into(), only: None }
    }

    pub fn with(mut self, name: &str, value: &str) -> Reply {
        self.headers.push((name.into(), value.into()));
        self
    }
}

/// A request that came.
#[derive(Clone, Debug)]
pub struct Asked {
    pub head: Head,
    pub body: Vec<u8>,
}

impl Asked {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A field of a form.
    pub fn field(&self, name: &str) -> Option<String> {
        let text = self.text();
        let at = text.find(&format!("name=\"{name}\""))?;
        let rest = &text[at..];
        let from = rest.find("\r\n\r\n")? + 4;
        Some(rest[from..].split("\r\n--").next()?.to_string())
    }
}

pub struct Server {
    pub url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    _listener: Listener,
}

impl Server {
    pub fn new(answer: impl Fn(&Asked, usize) -> Reply + Send + Sync + 'static) -> Server {
        let socket = bind();
        let url = format!("http://{}", socket.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = asked.clone();
        let listener = listen(socket, move |stream| {
            let mut lines = BufReader::new(stream.try_clone().unwrap());
            while let Some(head) = read_head(&mut lines) {
                let Some(body) = read_body(&mut lines, &head) else { return };
                let one = Asked { head, body };
                let count = {
                    let mut seen = seen.lock().unwrap();
                    seen.push(one.clone());
                    seen.len()
                };
                let reply = answer(&one, count);
                let mut out = format!("HTTP/1.1 {} X\r\nContent-Length: {}\r\n", reply.status, reply.body.len());
                for (name, value) in &reply.headers {
                    out.push_str(&format!("{name}: {value}\r\n"));
                }
                out.push_str("\r\n");
                let mut stream = &stream;
                let body = &reply.body[..reply.only.unwrap_or(reply.body.len()).min(reply.body.len())];
                let sent = stream.write_all(out.as_bytes()).and_then(|()| stream.write_all(body));
                if sent.is_err() || reply.only.is_some() {
                    let _ = stream.shutdown(std::net::Shutdown::Both);
                    return;
                }
            }
        });
        Server { url, asked, _listener: listener }
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}
