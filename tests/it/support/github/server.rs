//! How requests are answered: GET only, keep-alive, with failures done to the answer as planned.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use super::{Failure, Recorded, Shared, failure, routes};
use crate::support::http::{self, Listener};

/// An answer before any failure is done to it.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn new(status: u16, content_type: &str, body: Vec<u8>) -> Answer {
        Answer { status, headers: vec![("content-type".into(), content_type.into())], body }
    }

    pub fn with(mut self, name: &str, value: impl ToString) -> Answer {
        self.headers.push((name.into(), value.to_string()));
        self
    }
}

pub(crate) fn listen(listener: TcpListener, shared: Arc<Shared>, codeload: bool) -> Listener {
    http::listen(listener, move |stream| while_asked(stream, &shared, codeload))
}

fn while_asked(stream: TcpStream, shared: &Shared, codeload: bool) {
    let mut out = stream.try_clone().unwrap();
    let mut lines = BufReader::new(stream);
    while let Some(mut request) = read_head(&mut lines, codeload) {
        let failure = failure::take(&mut shared.script.lock().unwrap(), &request.target);
        let right = || routes::answer(shared, &request);
        let (answer, cut) = match &failure {
            None => (Some(right()), None),
            Some(failure) => apply(shared, failure, right),
        };
        request.status = answer.as_ref().map_or(0, |a| a.status);
        // Recorded before it is sent, so that who has the answer finds it in the log.
        shared.requests.lock().unwrap().push(request);
        let Some(answer) = answer else { return };
        if failure == Some(Failure::Drip) {
            return drip(&mut out, &answer);
        }
        if send(&mut out, &answer, cut).is_err() || cut.is_some() {
            let _ = out.shutdown(std::net::Shutdown::Both);
            return;
        }
    }
}

/// Sends the body a byte at a time, until nobody wants more.
fn drip(out: &mut TcpStream, answer: &Answer) {
    let first = send(out, answer, Some(0));
    let mut left = answer.body.iter();
    while let (Ok(()), Some(byte)) = (&first, left.next()) {
        if out.write_all(&[*byte]).is_err() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

/// The answer after the failure was done to it (`None`: none), and after how many bytes of the body it is cut.
fn apply(shared: &Shared, failure: &Failure, right: impl Fn() -> Answer) -> (Option<Answer>, Option<usize>) {
    let error = |status, message: &str| routes::error(status, message);
    let answer = match failure {
        Failure::NotFound => error(404, "Not Found"),
        Failure::Status(status, message, headers) => {
            headers.iter().fold(error(*status, message), |answer, (name, value)| answer.with(name, value))
        }
        Failure::PrimaryLimit { reset } => error(403, "API rate limit exceeded for 127.0.0.1.")
            .with("x-ratelimit-limit", 60)
            .with("x-ratelimit-remaining", 0)
            .with("x-ratelimit-used", 60)
            .with("x-ratelimit-reset", reset)
            .with("x-ratelimit-resource", "core"),
        Failure::SecondaryLimit => error(403, "You have exceeded a secondary rate limit. Please wait a few minutes."),
        Failure::TooMany { retry_after } => error(429, "Too many requests").with("retry-after", retry_after),
        Failure::CutBody => {
            let answer = right();
            let half = answer.body.len() / 2;
            return (Some(answer), Some(half));
        }
        Failure::Hangup => return (None, None),
        Failure::WrongBytes => {
            let mut answer = right();
            answer.body.iter_mut().for_each(|b| *b = b.wrapping_add(1));
            answer
        }
        Failure::Drip => Answer::new(200, "application/json", vec![b' '; 1 << 20]),
        Failure::Huge(bytes) => Answer::new(200, "application/octet-stream", vec![b'x'; *bytes as usize]),
        Failure::Redirect(status, location) => error(*status, "Moved Permanently").with("location", location),
        Failure::Hold => {
            let (gate, bell) = &shared.gate;
            let mut gate = gate.lock().unwrap();
            gate.waiting += 1;
            bell.notify_all();
            while !gate.open {
                gate = bell.wait(gate).unwrap();
            }
            drop(gate);
            right()
        }
    };
    (Some(answer), None)
}

fn read_head(lines: &mut impl BufRead, codeload: bool) -> Option<Recorded> {
    let head = http::read_head(lines)?;
    Some(Recorded { codeload, target: head.target, headers: head.headers, status: 0 })
}

fn send(out: &mut TcpStream, answer: &Answer, cut: Option<usize>) -> std::io::Result<()> {
    let mut head = format!("HTTP/1.1 {} Said\r\n", answer.status);
    for (name, value) in &answer.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if answer.status != 304 {
        head.push_str(&format!("content-length: {}\r\n", answer.body.len()));
    }
    head.push_str("\r\n");
    out.write_all(head.as_bytes())?;
    out.write_all(&answer.body[..cut.unwrap_or(answer.body.len())])?;
    out.flush()
}
