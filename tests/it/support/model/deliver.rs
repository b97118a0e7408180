//! How an answer comes: its bytes, and the writes, holds and cuts on its way.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::Instant;

use super::answer::{Answer, Place, Split, Usage};
use super::asked::Ended;
use super::wire::Frame;
use super::{Shared, State};

/// The body of an answer, with what is known about its places.
#[derive(Default)]
pub struct Body {
    pub bytes: Vec<u8>,
    /// Where each event ends, what has been told by then, and the usage that is told with it.
    ends: Vec<(usize, String, Option<Usage>)>,
}

impl Body {
    /// A body of one piece.
    pub fn whole(frame: &Frame) -> Body {
        let bytes = frame.data.clone().into_bytes();
        Body { ends: vec![(bytes.len(), frame.words.clone(), frame.tells)], bytes }
    }

    /// Bytes that tell nothing.
    pub fn plain(bytes: Vec<u8>) -> Body {
        Body { ends: vec![(bytes.len(), String::new(), None)], bytes }
    }

    /// Lines of JSON, or events.
    pub fn stream(frames: &[Frame], answer: &Answer, lines: bool) -> Body {
        let mut body = Body::default();
        let mut told = String::new();
        for (number, frame) in frames.iter().enumerate() {
            let text = if lines { format!("{}\n", frame.data) } else { event(frame, answer, number) };
            let text = if answer.crlf { text.replace('\n', "\r\n") } else { text };
            body.bytes.extend_from_slice(text.as_bytes());
            told.push_str(&frame.words);
            body.ends.push((body.bytes.len(), told.clone(), frame.tells));
        }
        body
    }

    /// The offset of a place; `None` is before the head.
    fn offset(&self, place: &Place) -> Option<usize> {
        match place {
            Place::Head => None,
            Place::Byte(at) => Some((*at).min(self.bytes.len())),
            Place::End => Some(self.bytes.len()),
            Place::Words(words) => {
                let found = self.ends.iter().find(|(_, told, _)| told.contains(words.as_str()));
                Some(found.unwrap_or_else(|| panic!("{words:?} is never told")).0)
            }
        }
    }

    /// Puts garbage where it belongs.
    fn spoil(&mut self, place: &Place, garbage: &[u8]) {
        let at = self.offset(place).unwrap_or(0);
        self.bytes.splice(at..at, garbage.iter().copied());
        self.ends.iter_mut().filter(|(end, ..)| *end > at).for_each(|(end, ..)| *end += garbage.len());
    }
}

fn event(frame: &Frame, answer: &Answer, number: usize) -> String {
    let space = if answer.tight { "" } else { " " };
    let mut text = String::new();
    if answer.comments {
        text.push_str([": keep-alive\n\n", ":\n", ": OPENROUTER PROCESSING\n\n"][number % 3]);
    }
    if answer.odd_fields {
        text.push_str(&format!("retry: 3000\n\nid: {number}\nfuture-field\n"));
    }
    if let Some(name) = &frame.event {
        text.push_str(&format!("event:{space}{name}\n"));
    }
    text.push_str(&format!("data:{space}{}\n\n", frame.data));
    text
}

/// Who is being answered.
pub struct Line<'a> {
    pub out: &'a mut TcpStream,
    pub shared: &'a Arc<Shared>,
    /// The number of the request in the log.
    pub number: usize,
}

/// Why a connection is over.
pub struct Over;

impl Line<'_> {
    /// Sends it all, as the answer says. The head is recorded before it goes, so that who has the answer finds it.
    pub fn send(
        &mut self,
        status: u16,
        headers: &[(String, String)],
        mut body: Body,
        how: &Answer,
    ) -> Result<(), Over> {
        if let Some((place, garbage)) = &how.garbage {
            body.spoil(place, garbage);
        }
        self.watch();
        let is_at_head = |place: &&Place| body.offset(place).is_none();
        let held = how.holds.iter().filter(is_at_head).count();
        (0..held).try_for_each(|_| self.hold())?;
        if how.cut.as_ref().is_some_and(|cut| is_at_head(&cut)) {
            return self.end(Ended::Cut);
        }
        let cut = how.cut.as_ref().and_then(|cut| body.offset(cut));
        let mut holds: Vec<usize> = how.holds.iter().filter_map(|hold| body.offset(hold)).collect();
        holds.sort_unstable();
        self.shared.change(|s| s.asked[self.number].status = status);
        let mut head = format!("HTTP/1.1 {status} Said\r\n");
        for (name, value) in headers.iter().chain(&how.headers) {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(if how.until_close { "connection: close\r\n\r\n" } else { "transfer-encoding: chunked\r\n\r\n" });
        self.write(head.as_bytes())?;
        self.body(&body, how, &holds, cut)?;
        if how.until_close { Err(Over) } else { self.write(b"0\r\n\r\n") }
    }

    fn body(&mut self, body: &Body, how: &Answer, holds: &[usize], cut: Option<usize>) -> Result<(), Over> {
        let last = cut.unwrap_or(body.bytes.len());
        let mut stops: Vec<usize> = match &how.split {
            Split::Events => body.ends.iter().map(|(end, ..)| *end).collect(),
            Split::Nowhere => Vec::new(),
            Split::EveryByte => (1..=last).collect(),
            Split::At(offsets) => offsets.clone(),
        };
        stops.extend(holds.iter().chain([&last]));
        stops.retain(|at| *at <= last);
        stops.sort_unstable();
        stops.dedup();
        let (mut at, mut holds, mut ends) = (0, holds.iter().peekable(), body.ends.iter().peekable());
        for stop in stops {
            let is_last = stop == last && cut.is_none() && !holds.clone().any(|hold| *hold >= stop);
            let mut told = None;
            while let Some((_, _, tells)) = ends.next_if(|(end, ..)| *end <= stop) {
                told = tells.or(told);
            }
            // Before the write: who has read it may be gone before this thread goes on.
            self.shared.change(|s| {
                let asked = &mut s.asked[self.number];
                asked.told = told.or(asked.told);
                if is_last {
                    asked.ended = Ended::Whole;
                }
            });
            if stop > at {
                self.chunk(&body.bytes[at..stop], how.until_close)?;
            }
            at = stop;
            while holds.next_if(|hold| **hold <= stop).is_some() {
                self.hold()?;
            }
        }
        match cut {
            Some(_) => self.end(Ended::Cut),
            None => {
                self.shared.change(|s| s.asked[self.number].ended = Ended::Whole);
                Ok(())
            }
        }
    }

    fn chunk(&mut self, bytes: &[u8], bare: bool) -> Result<(), Over> {
        if bare {
            return self.write(bytes);
        }
        let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
        chunk.extend_from_slice(bytes);
        chunk.extend_from_slice(b"\r\n");
        self.write(&chunk)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Over> {
        match self.out.write_all(bytes) {
            Ok(()) => Ok(()),
            Err(_) => {
                self.shared.change(|s| hung_up(s, self.number));
                Err(Over)
            }
        }
    }

    fn end(&mut self, how: Ended) -> Result<(), Over> {
        self.shared.change(|s| s.asked[self.number].ended = how);
        let _ = self.out.shutdown(Shutdown::Both);
        Err(Over)
    }

    /// Until the test lets go; over when the client leaves.
    fn hold(&self) -> Result<(), Over> {
        let ticket = self.shared.change(|s| {
            s.held += 1;
            s.held
        });
        let goes_on = |s: &State| s.open || s.released >= ticket || s.asked[self.number].ended == Ended::HungUp;
        let state = self.shared.bell.wait_while(self.shared.state(), |s| !goes_on(s)).unwrap();
        if state.asked[self.number].ended == Ended::HungUp { Err(Over) } else { Ok(()) }
    }

    /// Notes when the client leaves before the end. The next request ends the watch.
    fn watch(&self) {
        let Ok(stream) = self.out.try_clone() else { return };
        let (shared, number) = (self.shared.clone(), self.number);
        std::thread::spawn(move || {
            if !matches!(stream.peek(&mut [0]), Ok(1..)) {
                shared.change(|s| hung_up(s, number));
            }
        });
    }
}

fn hung_up(state: &mut State, number: usize) {
    let asked = &mut state.asked[number];
    if asked.ended == Ended::Open {
        asked.ended = Ended::HungUp;
        asked.hung_up = Some(Instant::now());
    }
}

/// Reads and drops what is left, so that closing does not reset the connection under the client.
pub fn drain(stream: &mut TcpStream) {
    let _ = stream.set_read_timeout(Some(std::time::Duration::from_secs(1)));
    let mut rest = [0; 1024];
    while matches!(stream.read(&mut rest), Ok(1..)) {}
}
