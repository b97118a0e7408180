//! What came in, in no vendor's shape.

use std::time::Instant;

use serde_json::Value;

use super::answer::Usage;
use super::wire::Wire;

/// One message of a request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Said {
    /// `system`, `user`, `assistant` or `tool`.
    pub role: String,
    /// Its texts, joined.
    pub text: String,
    /// Its reasoning, joined.
    pub reasoning: String,
    /// MIME types of its files; the address of those that are only named.
    pub files: Vec<String>,
    /// Tools it asks for: id, name, arguments.
    pub calls: Vec<(String, String, Value)>,
    /// What tools answered: id (or name, where the wire has no ids) and content.
    pub results: Vec<(String, String)>,
}

/// How the answer to a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It is on its way.
    Open,
    /// All was sent.
    Whole,
    /// It was cut on purpose.
    Cut,
    /// The client left before the end.
    HungUp,
}

/// One request.
#[derive(Clone, Debug)]
pub struct Asked {
    pub wire: Wire,
    pub method: String,
    /// Decoded, without the query.
    pub path: String,
    /// As sent.
    pub query: String,
    /// In order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Null where it was not JSON.
    pub body: Value,
    pub model: String,
    /// Whether a stream was asked for.
    pub stream: bool,
    /// System texts first, wherever the wire has them.
    pub messages: Vec<Said>,
    /// Names of the tools on offer.
    pub tools: Vec<String>,
    /// The status it was answered with; 0 until it is, and for a connection that was cut before.
    pub status: u16,
    pub ended: Ended,
    /// When the client was seen to have left.
    pub hung_up: Option<Instant>,
    /// The usage that was told.
    pub told: Option<Usage>,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(k, _)| k == name).map(|(_, v)| v.as_str())
    }

    /// A value of the query, decoded.
    pub fn parameter(&self, name: &str) -> Option<String> {
        let found = self.query.split('&').filter_map(|pair| pair.split_once('=')).find(|(n, _)| *n == name);
        found.map(|(_, value)| crate::support::http::decoded(value))
    }

    /// The text of the last message of the person.
    pub fn last_user(&self) -> &str {
        self.messages.iter().rev().find(|m| m.role == "user").map_or("", |m| &m.text)
    }

    /// The system texts, joined with blank lines.
    pub fn system(&self) -> String {
        let texts = self.messages.iter().filter(|m| m.role == "system").map(|m| m.text.as_str());
        texts.collect::<Vec<_>>().join("\n\n")
    }

    /// `role: text` lines, for comparison at a glance.
    pub fn talk(&self) -> Vec<String> {
        self.messages.iter().map(|m| format!("{}: {}", m.role, m.text)).collect()
    }

    /// The words of all messages: what stands for tokens here.
    pub fn count(&self) -> u64 {
        let texts = self.messages.iter().map(|m| {
            let results: usize = m.results.iter().map(|(_, text)| text.split_whitespace().count()).sum();
            m.text.split_whitespace().count() + results
        });
        texts.sum::<usize>() as u64
    }
}
