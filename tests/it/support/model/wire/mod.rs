//! The wires: how each vendor's requests are read and its answers are written.

pub mod anthropic;
pub mod gemini;
pub mod ollama;
pub mod openai;
pub mod responses;

use serde_json::{Value, json};

use super::answer::{Answer, Item, Refusal, Usage};
use super::asked::Asked;

/// A vendor's protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Wire {
    /// OpenAI chat completions.
    OpenAi,
    /// OpenAI responses.
    Responses,
    /// Anthropic messages.
    Anthropic,
    /// Gemini generateContent.
    Gemini,
    /// Ollama chat.
    Ollama,
    /// Lists, descriptions of models, looks around.
    Other,
}

impl Wire {
    /// The five.
    pub const ALL: [Wire; 5] = [Wire::OpenAi, Wire::Responses, Wire::Anthropic, Wire::Gemini, Wire::Ollama];

    /// Its word in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Wire::OpenAi => "openai",
            Wire::Responses => "responses",
            Wire::Anthropic => "anthropic",
            Wire::Gemini => "gemini",
            Wire::Ollama => "ollama",
            Wire::Other => "other",
        }
    }

    /// The wire of a decoded path, wherever its root lies.
    pub fn of(path: &str) -> Wire {
        let ends = |end: &str| path.ends_with(end);
        match () {
            () if ends("/chat/completions") => Wire::OpenAi,
            () if ends("/responses") => Wire::Responses,
            () if ends("/v1/messages") || path == "/messages" => Wire::Anthropic,
            () if ends(":generateContent") || ends(":streamGenerateContent") => Wire::Gemini,
            () if ends("/api/chat") => Wire::Ollama,
            () => Wire::Other,
        }
    }

    /// Whether it streams lines of JSON rather than events.
    pub fn is_lines(self) -> bool {
        self == Wire::Ollama
    }

    /// Fills in what the body (and for Gemini the path) says.
    pub fn read(self, asked: &mut Asked) {
        match self {
            Wire::OpenAi => openai::read(asked),
            Wire::Responses => responses::read(asked),
            Wire::Anthropic => anthropic::read(asked),
            Wire::Gemini => gemini::read(asked),
            Wire::Ollama => ollama::read(asked),
            Wire::Other => {}
        }
    }

    /// The events of a stream.
    pub fn stream(self, asked: &Asked, answer: &Answer, usage: Option<Usage>) -> Vec<Frame> {
        match self {
            Wire::OpenAi => openai::stream(asked, answer, usage),
            Wire::Responses => responses::stream(asked, answer, usage),
            Wire::Anthropic => anthropic::stream(asked, answer, usage),
            Wire::Gemini => gemini::stream(asked, answer, usage),
            Wire::Ollama => ollama::stream(asked, answer, usage),
            Wire::Other => Vec::new(),
        }
    }

    /// The answer in one piece.
    pub fn whole(self, asked: &Asked, answer: &Answer, usage: Option<Usage>) -> Frame {
        match self {
            Wire::OpenAi => openai::whole(asked, answer, usage),
            Wire::Responses => responses::whole(asked, answer, usage),
            Wire::Anthropic => anthropic::whole(asked, answer, usage),
            Wire::Gemini => gemini::whole(asked, answer, usage),
            Wire::Ollama => ollama::whole(asked, answer, usage),
            Wire::Other => Frame::json(json!({})),
        }
    }

    /// A failure: its status and its body.
    pub fn refuse(self, model: &str, refusal: &Refusal, message: Option<&str>) -> (u16, Value) {
        match self {
            Wire::Anthropic => anthropic::refuse(model, refusal, message),
            Wire::Gemini => gemini::refuse(model, refusal, message),
            Wire::Ollama => ollama::refuse(model, refusal, message),
            Wire::Responses => openai::refuse(model, refusal, message, "input"),
            Wire::OpenAi | Wire::Other => openai::refuse(model, refusal, message, "messages"),
        }
    }
}

/// One event of a stream.
#[derive(Clone, Debug, Default)]
pub struct Frame {
    /// Its name, where the wire names events.
    pub event: Option<String>,
    /// Its data.
    pub data: String,
    /// The text or reasoning it tells.
    pub words: String,
    /// The usage that is told when it has been sent.
    pub tells: Option<Usage>,
}

impl Frame {
    pub fn json(data: Value) -> Frame {
        Frame { data: data.to_string(), ..Frame::default() }
    }

    pub fn named(event: &str, data: Value) -> Frame {
        Frame { event: Some(event.into()), ..Frame::json(data) }
    }

    pub fn words(mut self, words: &str) -> Frame {
        self.words = words.into();
        self
    }

    pub fn tells(mut self, usage: Option<Usage>) -> Frame {
        self.tells = usage;
        self
    }
}

/// The pieces of several calls' arguments, each with the position of its call: one call after the other, or in turns.
fn argument_pieces(answer: &Answer, calls: &[&str]) -> Vec<(usize, String)> {
    let pieces: Vec<Vec<String>> = calls.iter().map(|arguments| answer.in_pieces(arguments)).collect();
    let with_index = |(i, all): (usize, &Vec<String>)| all.iter().map(|p| (i, p.clone())).collect::<Vec<_>>();
    if !answer.interleaved {
        return pieces.iter().enumerate().flat_map(with_index).collect();
    }
    let longest = pieces.iter().map(Vec::len).max().unwrap_or(0);
    let turn = |n: usize| pieces.iter().enumerate().filter_map(move |(i, all)| all.get(n).map(|p| (i, p.clone())));
    (0..longest).flat_map(turn).collect()
}

/// The calls of an answer: id, name, arguments.
fn calls(answer: &Answer) -> Vec<(&str, &str, &str)> {
    let mut found = Vec::new();
    for item in &answer.items {
        if let Item::Tool { id, name, arguments } = item {
            found.push((id.as_str(), name.as_str(), arguments.as_str()));
        }
    }
    found
}

/// Arguments as an object; empty where they are not JSON.
fn object(arguments: &str) -> Value {
    serde_json::from_str(arguments).unwrap_or_else(|_| json!({}))
}

/// A string, or the text parts of a list, joined.
fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|p| p["text"].as_str()).collect::<Vec<_>>().concat(),
        _ => String::new(),
    }
}

/// What stands before `;base64,` in a data address, or the address itself.
fn mime_of(address: &str) -> String {
    let data = address.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,"));
    data.map_or(address.to_string(), |(mime, _)| mime.to_string())
}

fn names(tools: &Value, name: impl Fn(&Value) -> &Value) -> Vec<String> {
    tools.as_array().into_iter().flatten().filter_map(|tool| name(tool).as_str().map(String::from)).collect()
}
