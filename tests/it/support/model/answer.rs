//! What the server should answer, in no vendor's shape, and how it should come.

use serde_json::Value;

/// A piece of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    Text(String),
    Reasoning(String),
    /// A call of a tool: its id, its name and its arguments as they are written, which need not be JSON.
    Tool {
        id: String,
        name: String,
        arguments: String,
    },
}

/// Tokens, counted as OpenAI does: cached ones are part of the input, reasoning is part of the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    pub input: u64,
    pub output: u64,
    pub cached: u64,
    pub cache_written: u64,
    pub reasoning: u64,
}

/// A place in the body of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Place {
    /// Before the status line.
    Head,
    /// After so many bytes of the body.
    Byte(usize),
    /// After the event with which this much of the answer's text (and reasoning) is told.
    Words(String),
    /// After the body's last byte, before the end of the HTTP message.
    End,
}

impl From<usize> for Place {
    fn from(bytes: usize) -> Place {
        Place::Byte(bytes)
    }
}

impl From<&str> for Place {
    fn from(words: &str) -> Place {
        Place::Words(words.to_string())
    }
}

/// What is one write to the socket.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Split {
    /// Each event, or the whole of an answer that is not a stream.
    #[default]
    Events,
    /// The whole body.
    Nowhere,
    /// Each byte.
    EveryByte,
    /// What lies between these offsets.
    At(Vec<usize>),
}

/// A failure that is told instead of an answer, in the words and the shape of the vendor.
#[derive(Clone, Debug, PartialEq)]
pub enum Refusal {
    /// Any status with the vendor's usual message.
    Status(u16),
    /// The key is wrong.
    Auth,
    /// There is no such model.
    UnknownModel,
    /// The question does not fit: its tokens and the model's.
    TooLong { tokens: u64, limit: u64 },
    /// The bytes themselves.
    Raw { status: u16, content_type: String, body: Vec<u8> },
}

/// One answer. Made by [`Answer::text`] and its kin, changed by the rest.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    pub items: Vec<Item>,
    /// `None`: the words on both sides are counted.
    pub usage: Option<Usage>,
    pub no_usage: bool,
    /// `stop`, `length`, `tool_calls`, `content_filter`, or a word that is sent as it is.
    pub finish: Option<String>,
    pub refusal: Option<Refusal>,
    /// In place of the vendor's usual words.
    pub message: Option<String>,
    pub headers: Vec<(String, String)>,
    pub split: Split,
    pub holds: Vec<Place>,
    pub cut: Option<Place>,
    /// Garbage and where it comes.
    pub garbage: Option<(Place, Vec<u8>)>,
    pub no_end_mark: bool,
    pub no_done: bool,
    /// Its message; told after the last item, in place of the end.
    pub error_in_stream: Option<String>,
    pub crlf: bool,
    pub comments: bool,
    pub odd_fields: bool,
    pub tight: bool,
    pub interleaved: bool,
    pub until_close: bool,
    /// Characters of a piece of text, reasoning or arguments; 0 means words.
    pub piece: usize,
    /// Where OpenAI-compatible servers put reasoning: `reasoning_content` if this is none.
    pub reasoning_field: Option<String>,
}

impl Answer {
    /// An answer of one text.
    pub fn text(text: impl Into<String>) -> Answer {
        Answer::default().and_text(text)
    }

    /// An answer that asks for a tool.
    pub fn call(name: &str, arguments: Value) -> Answer {
        Answer::default().tool(name, arguments)
    }

    /// A failure with this status.
    pub fn status(status: u16) -> Answer {
        Answer { refusal: Some(Refusal::Status(status)), ..Answer::default() }
    }

    /// What a wrong key gets.
    pub fn wrong_key() -> Answer {
        Answer { refusal: Some(Refusal::Auth), ..Answer::default() }
    }

    /// What a model that is not there gets.
    pub fn unknown_model() -> Answer {
        Answer { refusal: Some(Refusal::UnknownModel), ..Answer::default() }
    }

    /// What too long a question gets.
    pub fn too_long(tokens: u64, limit: u64) -> Answer {
        Answer { refusal: Some(Refusal::TooLong { tokens, limit }), ..Answer::default() }
    }

    /// Any bytes, such as a proxy's page.
    pub fn raw(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Answer {
        let raw = Refusal::Raw { status, content_type: content_type.into(), body: body.into() };
        Answer { refusal: Some(raw), ..Answer::default() }
    }

    /// More text.
    pub fn and_text(mut self, text: impl Into<String>) -> Answer {
        self.items.push(Item::Text(text.into()));
        self
    }

    /// Thoughts; before the text, wherever this is called.
    pub fn reasoning(mut self, text: impl Into<String>) -> Answer {
        let at = self.items.iter().take_while(|item| matches!(item, Item::Reasoning(_))).count();
        self.items.insert(at, Item::Reasoning(text.into()));
        self
    }

    /// A call of a tool.
    pub fn tool(self, name: &str, arguments: Value) -> Answer {
        self.tool_text(name, &arguments.to_string())
    }

    /// A call of a tool whose arguments are written like this: empty, or not JSON.
    pub fn tool_text(mut self, name: &str, arguments: &str) -> Answer {
        let id = format!("call_{}", self.items.iter().filter(|i| matches!(i, Item::Tool { .. })).count() + 1);
        self.items.push(Item::Tool { id, name: name.into(), arguments: arguments.into() });
        self
    }

    /// What it took, cached ones being part of the input and reasoning of the output.
    pub fn usage(mut self, input: u64, output: u64, cached: u64, reasoning: u64) -> Answer {
        self.usage = Some(Usage { input, output, cached, reasoning, cache_written: 0 });
        self
    }

    /// No word about usage.
    pub fn no_usage(mut self) -> Answer {
        self.no_usage = true;
        self
    }

    /// Why it ends.
    pub fn finish(mut self, why: &str) -> Answer {
        self.finish = Some(why.into());
        self
    }

    /// The vendor's words in a failure.
    pub fn message(mut self, message: &str) -> Answer {
        self.message = Some(message.into());
        self
    }

    /// A header of the answer.
    pub fn header(mut self, name: &str, value: &str) -> Answer {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// When to come again: seconds or a date.
    pub fn retry_after(self, value: &str) -> Answer {
        self.header("retry-after", value)
    }

    /// Every byte is a write of its own.
    pub fn split(mut self, how: Split) -> Answer {
        self.split = how;
        self
    }

    /// Stops there until [`super::ModelServer::release`], or until the client leaves.
    pub fn hold(mut self, at: impl Into<Place>) -> Answer {
        self.holds.push(at.into());
        self
    }

    /// The connection ends there.
    pub fn cut(mut self, at: impl Into<Place>) -> Answer {
        self.cut = Some(at.into());
        self
    }

    /// Bytes that belong to no format, there.
    pub fn garbage(mut self, at: impl Into<Place>, bytes: &[u8]) -> Answer {
        self.garbage = Some((at.into(), bytes.to_vec()));
        self
    }

    /// The HTTP message ends well, but nothing in it says that the answer is whole.
    pub fn no_end_mark(mut self) -> Answer {
        self.no_end_mark = true;
        self
    }

    /// OpenAI chat: why it ended is said, `[DONE]` is not.
    pub fn no_done(mut self) -> Answer {
        self.no_done = true;
        self
    }

    /// An error where the end should be.
    pub fn error_in_stream(mut self, message: &str) -> Answer {
        self.error_in_stream = Some(message.into());
        self
    }

    /// Lines end with CR LF.
    pub fn crlf(mut self) -> Answer {
        self.crlf = true;
        self
    }

    /// Ids, retry times and unknown fields, which the format allows and not every client of the vendors survives.
    pub fn odd_fields(mut self) -> Answer {
        self.odd_fields = true;
        self
    }

    /// Comments between the events.
    pub fn comments(mut self) -> Answer {
        self.comments = true;
        self
    }

    /// `data:` without the space.
    pub fn tight(mut self) -> Answer {
        self.tight = true;
        self
    }

    /// The pieces of several calls take turns.
    pub fn interleaved(mut self) -> Answer {
        self.interleaved = true;
        self
    }

    /// The body ends with the connection, so that a cut looks like an end.
    pub fn until_close(mut self) -> Answer {
        self.until_close = true;
        self
    }

    /// Pieces of so many characters instead of words.
    pub fn pieces(mut self, characters: usize) -> Answer {
        self.piece = characters;
        self
    }

    /// The name of the field of reasoning in OpenAI chat deltas.
    pub fn reasoning_field(mut self, name: &str) -> Answer {
        self.reasoning_field = Some(name.into());
        self
    }

    /// The texts, joined.
    pub fn words(&self) -> String {
        let texts = self.items.iter().filter_map(|item| match item {
            Item::Text(text) => Some(text.as_str()),
            _ => None,
        });
        texts.collect()
    }

    /// Whether it asks for tools.
    pub fn has_tools(&self) -> bool {
        self.items.iter().any(|item| matches!(item, Item::Tool { .. }))
    }

    /// Why it ends, in OpenAI's words.
    pub fn why(&self) -> &str {
        self.finish.as_deref().unwrap_or(if self.has_tools() { "tool_calls" } else { "stop" })
    }

    /// A text in the pieces in which it is told; an empty one is one piece.
    pub fn in_pieces(&self, text: &str) -> Vec<String> {
        if self.piece == 0 {
            let pieces: Vec<String> = text.split_inclusive([' ', '\n']).map(String::from).collect();
            return if pieces.is_empty() { vec![String::new()] } else { pieces };
        }
        let characters: Vec<char> = text.chars().collect();
        let pieces: Vec<String> = characters.chunks(self.piece).map(|c| c.iter().collect()).collect();
        if pieces.is_empty() { vec![String::new()] } else { pieces }
    }
}
