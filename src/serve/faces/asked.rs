//! A question as any of the faces reads it, and what writes the answer back.

use serde_json::{Map, Value, json};

use super::fault::Fault;
use super::frame::{Frame, Framing};
use crate::providers::entry::Wire;
use crate::providers::model::{Answer, Effort, Finish, Part, Piece, Request, ToolCall, Turn, words};

/// A question.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Asked {
    /// The model, as the client names it.
    pub model: String,
    /// The question.
    pub request: Request,
    /// Whether the answer is wanted piece by piece.
    pub stream: bool,
    /// Fields that only this tongue has: they go along where the model is asked in it.
    pub own: Map<String, Value>,
    /// Whether the answer has to be a JSON object of any shape.
    pub json: bool,
}

impl Asked {
    /// The request as it goes to models that are all asked in the tongue `asks`, where there is one; `own` is this face's.
    pub fn request_for(mut self, own: Wire, asks: Option<Wire>) -> Request {
        let same = asks == Some(own);
        if same {
            self.request.tuning.extra.extend(self.own);
        }
        // Where the tongue has a word for it, that stands among its own fields.
        if self.json && !same {
            self.request.tuning.schema = Some(json!({"type": "object"}));
        }
        self.request
    }
}

/// Writes answers as one vendor does.
pub trait Writer: Send {
    /// How the pieces of a stream are parted.
    fn framing(&self) -> Framing;

    /// What goes first.
    fn begin(&mut self) -> Vec<Frame>;

    /// A piece came.
    fn piece(&mut self, piece: &Piece) -> Vec<Frame>;

    /// The answer is whole: what of it was not told yet, and the end.
    fn end(&mut self, answer: &Answer) -> Vec<Frame>;

    /// It failed after the beginning.
    fn fail(&mut self, fault: &Fault) -> Vec<Frame>;

    /// The whole answer at once.
    fn whole(&self, answer: &Answer) -> Value;

    /// What is said while nothing comes, so that nobody on the way hangs up.
    fn pause(&self) -> Option<Frame> {
        None
    }
}

/// Who is named in an answer, and when it was made: the only things in it that no model says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Label {
    /// Letters and digits that no other answer has.
    pub id: String,
    /// Seconds since 1970 UTC.
    pub at: i64,
    /// The model, as the client named it.
    pub model: String,
}

/// Keeps how much of an answer was told piece by piece, so that the end tells the rest.
#[derive(Clone, Debug, Default)]
pub struct Told {
    text: usize,
    reasoning: usize,
}

impl Told {
    /// So much more was told.
    pub fn count(&mut self, piece: &Piece) {
        match piece {
            Piece::Text(text) => self.text += text.len(),
            Piece::Reasoning(text) => self.reasoning += text.len(),
            Piece::ToolStarts(_) | Piece::Notice(_) => {}
        }
    }

    /// The pieces that were not told yet.
    pub fn rest(&mut self, answer: &Answer) -> Vec<Piece> {
        let text = words(&answer.parts);
        let thought = thoughts(&answer.parts);
        let reasoning = rest(&thought, self.reasoning).map(|rest| Piece::Reasoning(rest.to_string()));
        let text = rest(&text, self.text).map(|rest| Piece::Text(rest.to_string()));
        let pieces: Vec<Piece> = reasoning.into_iter().chain(text).collect();
        pieces.iter().for_each(|piece| self.count(piece));
        pieces
    }
}

fn rest(whole: &str, told: usize) -> Option<&str> {
    whole.get(told..).filter(|rest| !rest.is_empty())
}

/// The thoughts among parts, joined.
pub fn thoughts(parts: &[Part]) -> String {
    let all = parts.iter().filter_map(|part| match part {
        Part::Reasoning { text, .. } => Some(text.as_str()),
        _ => None,
    });
    all.collect()
}

/// The last signature of the thoughts among parts.
pub fn signature(parts: &[Part]) -> Option<&str> {
    let all = parts.iter().rev();
    all.filter_map(|part| match part {
        Part::Reasoning { signature, .. } => signature.as_deref(),
        _ => None,
    })
    .next()
}

/// The calls among parts.
pub fn calls(parts: &[Part]) -> Vec<&ToolCall> {
    let all = parts.iter().filter_map(|part| match part {
        Part::ToolCall(call) => Some(call),
        _ => None,
    });
    all.collect()
}

/// The arguments of a call as text.
pub fn arguments_text(call: &ToolCall) -> String {
    match &call.arguments {
        Value::String(text) => text.clone(),
        Value::Null => "{}".to_string(),
        other => other.to_string(),
    }
}

/// The arguments of a call as an object; what is none stands under `input`.
pub fn arguments_object(call: &ToolCall) -> Value {
    match &call.arguments {
        Value::Object(_) => call.arguments.clone(),
        Value::Null => json!({}),
        other => json!({"input": other}),
    }
}

/// The name of the tool that `id` was called by, found among the turns before.
pub fn name_of_call(turns: &[Turn], id: &str) -> Option<String> {
    let parts = turns.iter().rev().flat_map(|turn| turn.parts.iter().rev());
    let mut found = parts.filter_map(|part| match part {
        Part::ToolCall(call) if call.id == id => Some(call.name.clone()),
        _ => None,
    });
    found.next()
}

/// Whether the provider kept something back.
pub fn is_withheld(finish: &Finish) -> bool {
    match finish {
        Finish::Filtered => true,
        Finish::Other(word) => {
            let word = word.to_lowercase();
            ["refus", "safety", "prohibited", "blocklist", "recitation"].iter().any(|part| word.contains(part))
        }
        _ => false,
    }
}

/// How hard to think for a budget of tokens, as the client library counts them.
pub fn effort_of(tokens: u32) -> Effort {
    match tokens {
        0 => Effort::None,
        1..=2048 => Effort::Low,
        2049..=16384 => Effort::Medium,
        _ => Effort::High,
    }
}
