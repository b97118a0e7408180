//! What can be found, in the same shape whatever it is: for the index, and for rows that the index has not read yet.

use serde_json::Value;

use crate::kernel::clock::Timestamp;
use crate::store::{DocKind, SearchDoc};

/// A thing that can be found.
pub(super) struct Doc<'a> {
    pub(super) kind: DocKind,
    pub(super) key: &'a str,
    /// What it is called; empty for messages and memories.
    pub(super) title: &'a str,
    /// The title of the chat that it stands in.
    pub(super) chat: &'a str,
    pub(super) body: &'a str,
    pub(super) role: &'a str,
    pub(super) model: &'a str,
    pub(super) status: &'a str,
    pub(super) source: &'a str,
    /// What its chat is called by: id, end of the id, name; in lower case.
    pub(super) sessions: Vec<String>,
    /// The labels of its chat, in lower case.
    pub(super) tags: Vec<String>,
    pub(super) when: Timestamp,
    pub(super) extra: &'a Value,
}

impl<'a> Doc<'a> {
    pub(super) fn of(row: &'a SearchDoc) -> Doc<'a> {
        let text = |key: &str| row.extra.get(key).and_then(Value::as_str).unwrap_or_default();
        let (title, chat) = match row.kind {
            DocKind::Message => ("", row.title.as_str()),
            DocKind::Definition | DocKind::Run | DocKind::Memory | DocKind::Recording => (row.title.as_str(), ""),
        };
        let session = text("session");
        let tail = session.get(session.len().saturating_sub(8)..).unwrap_or_default();
        let mut sessions: Vec<String> =
            [session, tail, text("session_name"), text("session_title")].map(str::to_lowercase).into();
        sessions.retain(|name| !name.is_empty());
        let tags = row.extra.get("tags").and_then(Value::as_array).into_iter().flatten();
        let said = ["created", "started"].iter().find_map(|key| text(key).parse().ok());
        Doc {
            kind: row.kind,
            key: &row.key,
            title,
            chat,
            body: &row.body,
            role: text("role"),
            model: text("model"),
            status: text("status"),
            source: text("source"),
            sessions,
            tags: tags.filter_map(Value::as_str).map(str::to_lowercase).collect(),
            when: said.unwrap_or(row.at),
            extra: &row.extra,
        }
    }

    /// The line that lists call it by.
    pub(super) fn name(&self) -> &'a str {
        if self.title.is_empty() { self.chat } else { self.title }
    }
}
