//! What goes to a client piece by piece, and the bytes of it.

use serde_json::Value;

/// One piece of a stream.
#[derive(Clone, Debug, PartialEq)]
pub enum Frame {
    /// A value.
    Value(Value),
    /// A value under the name of an event.
    Event(&'static str, Value),
    /// OpenAI's mark of the end.
    Done,
}

impl Frame {
    /// The value, where it has one.
    pub fn value(&self) -> Option<&Value> {
        match self {
            Frame::Value(value) | Frame::Event(_, value) => Some(value),
            Frame::Done => None,
        }
    }
}

/// How pieces are parted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Server-sent events (<https://html.spec.whatwg.org/multipage/server-sent-events.html>).
    Events,
    /// A JSON value a line.
    Lines,
    /// A JSON list that is not closed before the stream ends.
    List,
}

impl Framing {
    /// The media type of the stream.
    pub fn media_type(self) -> &'static str {
        match self {
            Framing::Events => "text/event-stream",
            Framing::Lines => "application/x-ndjson",
            Framing::List => "application/json",
        }
    }

    /// The bytes of a piece; `first` says whether none was before it.
    pub fn bytes(self, frame: &Frame, first: bool) -> Vec<u8> {
        let text = match (self, frame) {
            (Framing::Events, Frame::Value(value)) => format!("data: {value}\n\n"),
            (Framing::Events, Frame::Event(name, value)) => format!("event: {name}\ndata: {value}\n\n"),
            (Framing::Events, Frame::Done) => "data: [DONE]\n\n".to_string(),
            (Framing::Lines, Frame::Value(value) | Frame::Event(_, value)) => format!("{value}\n"),
            (Framing::List, Frame::Value(value) | Frame::Event(_, value)) => {
                format!("{}{value}", if first { "[" } else { ",\n" })
            }
            (_, Frame::Done) => String::new(),
        };
        text.into_bytes()
    }

    /// What closes the stream.
    pub fn end(self, first: bool) -> &'static [u8] {
        match (self, first) {
            (Framing::List, true) => b"[]",
            (Framing::List, false) => b"]",
            _ => b"",
        }
    }
}
