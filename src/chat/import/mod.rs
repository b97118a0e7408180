//! Chats from other programs, and our own export, read into plain values.
//!
//! A reader never fails for one odd message: it keeps what it understands, says what it left out, and hands over one
//! chat after the other, so that a large export is not held as values all at once. It does not know the store.

mod aichat;
mod chatgpt;
mod claude;
mod codex;
mod llm;

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, SeqAccess, Visitor};
use serde_json::Value;

use super::archive::{Chat, Notes, arrange};
use super::export::json::{FORMAT, VERSION};
use crate::kernel::clock::Timestamp;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::terminal::safe_line;

pub use llm::{llm, llm_thread};

/// Takes over one chat.
pub type Each<'a> = &'a mut dyn FnMut(Chat) -> Result<()>;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `fac sessions export --json`.
    Own,
    /// `conversations.json` of a ChatGPT export.
    ChatGpt,
    /// `conversations.json` of a Claude export.
    Claude,
    /// A session of aichat, in YAML.
    Aichat,
    /// `messages.md` of aichat.
    AichatLog,
    /// A rollout of codex, a line of JSON an item.
    Codex,
}

impl Format {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Format::Own => "fac",
            Format::ChatGpt => "chatgpt",
            Format::Claude => "claude",
            Format::Aichat | Format::AichatLog => "aichat",
            Format::Codex => "codex",
        }
    }

    /// What a text is; `None` when it is nothing known.
    pub fn detect(text: &str) -> Option<Format> {
        let text = text.trim_start_matches('\u{feff}').trim_start();
        // Only the beginning is looked at: the keys of the first object stand there.
        let head: String = text.chars().take(4096).collect();
        let first = head.chars().next()?;
        let has = |key: &str| head.contains(&format!("\"{key}\""));
        match first {
            '{' if has("factotum") => Some(Format::Own),
            '{' if head.contains("\"session_meta\"") || head.contains("\"response_item\"") => Some(Format::Codex),
            '{' | '[' if has("chat_messages") || (has("account") && has("uuid")) => Some(Format::Claude),
            '{' | '[' if has("mapping") || has("create_time") => Some(Format::ChatGpt),
            '{' => None,
            '[' if text.len() < 8 => Some(Format::ChatGpt),
            '[' => None,
            _ if aichat::is_log(text) => Some(Format::AichatLog),
            _ if head.lines().any(|l| l.starts_with("model:") || l.starts_with("messages:")) => Some(Format::Aichat),
            _ => None,
        }
    }
}

/// Reads a file of any known format. `name` is the file's name: it names what has no name of its own. Returns remarks.
///
/// # Errors
/// `BadData` when the file is nothing known or breaks off; chats before the break were handed over. Errors of `each`.
pub fn read(name: &str, bytes: &[u8], each: Each<'_>) -> Result<Vec<String>> {
    let shown = safe_line(name).into_owned();
    if bytes.starts_with(b"PK\x03\x04") {
        return Err(Error::new(Kind::BadData, format!("{shown} is a ZIP archive"))
            .hint("unpack it and import the conversations.json in it"));
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|e| Error::new(Kind::BadData, format!("{shown} is not text")).because(e))?
        .trim_start_matches('\u{feff}');
    let Some(format) = Format::detect(text) else {
        return Err(Error::new(Kind::BadData, format!("{shown} is no export that is known here")).hint(
            "known are: fac, ChatGPT and Claude (conversations.json), aichat (sessions and messages.md), llm (logs.db), codex (rollout-*.jsonl)",
        ));
    };
    read_as(format, &shown, text, each)
}

/// Reads a file of this format.
///
/// # Errors
/// As for [`read`].
pub fn read_as(format: Format, name: &str, text: &str, each: Each<'_>) -> Result<Vec<String>> {
    let mut notes = Notes::default();
    match format {
        Format::Own => own(name, text, each, &mut notes)?,
        Format::ChatGpt => conversations(name, text, each, &mut notes, chatgpt::chat)?,
        Format::Claude => conversations(name, text, each, &mut notes, claude::chat)?,
        Format::Aichat => finished(aichat::session(name, text, &mut notes)?, each, &mut notes)?,
        Format::Codex => finished(codex::rollout(name, text, &mut notes), each, &mut notes)?,
        Format::AichatLog => {
            for chat in aichat::log(text) {
                finished(chat, each, &mut notes)?;
            }
        }
    }
    Ok(notes.finish())
}

/// Mends the tree and hands the chat over; one without messages is left out.
fn finished(mut chat: Chat, each: Each<'_>, notes: &mut Notes) -> Result<()> {
    if chat.messages.is_empty() {
        notes.add("chats without any message were left out");
        return Ok(());
    }
    arrange(&mut chat, notes);
    each(chat)
}

/// Our own export. Every chat is handed over, those without messages too.
fn own(name: &str, text: &str, each: Each<'_>, notes: &mut Notes) -> Result<()> {
    #[derive(serde::Deserialize)]
    struct File {
        factotum: String,
        #[serde(default)]
        version: u64,
        #[serde(default)]
        sessions: Vec<Chat>,
    }
    let file: File = serde_json::from_str(text).map_err(|e| broken(name, &e))?;
    if file.factotum != FORMAT {
        return Err(Error::new(Kind::BadData, format!("{name} is an export of {:?}, not of sessions", file.factotum)));
    }
    if file.version > VERSION {
        notes.add(format!(
            "the export was written by a newer version ({}); what is new in it is left out",
            file.version
        ));
    }
    for mut chat in file.sessions {
        let head = chat.head.clone();
        arrange(&mut chat, notes);
        if chat.messages.is_empty() {
            chat.head = head;
        }
        each(chat)?;
    }
    Ok(())
}

/// The conversations of a JSON list (or a lone one), one after the other.
fn conversations(
    name: &str,
    text: &str,
    each: Each<'_>,
    notes: &mut Notes,
    read: fn(&Value, &mut Notes) -> Option<Chat>,
) -> Result<()> {
    let mut failed = None;
    let mut one = |value: Value| match read(&value, notes).map(|chat| finished(chat, each, notes)) {
        None => {
            notes.add("entries that are no conversations were left out");
            true
        }
        Some(Ok(())) => true,
        Some(Err(error)) => {
            failed = Some(error);
            false
        }
    };
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let outcome = match text.trim_start().starts_with('[') {
        true => List(&mut one).deserialize(&mut deserializer).and_then(|()| deserializer.end()),
        false => serde_json::from_str(text).map(|value| {
            let _ = one(value);
        }),
    };
    match (failed, outcome) {
        (Some(error), _) => Err(error),
        (None, outcome) => outcome.map_err(|e| broken(name, &e)),
    }
}

fn broken(name: &str, error: &serde_json::Error) -> Error {
    Error::new(Kind::BadData, format!("{name}:{}:{}: {}", error.line(), error.column(), brief(error)))
        .hint("the file may be cut off; download or export it again")
}

fn brief(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or_default().to_string()
}

/// A JSON list whose elements are handed over as they come; `false` ends it.
struct List<'a>(&'a mut dyn FnMut(Value) -> bool);

impl<'de> DeserializeSeed<'de> for List<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> std::result::Result<(), D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for List<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of conversations")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> std::result::Result<(), A::Error> {
        while let Some(value) = list.next_element::<Value>()? {
            if !(self.0)(value) {
                return Err(serde::de::Error::custom("stopped"));
            }
        }
        Ok(())
    }
}

/// A text field that is there and not empty.
fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key)?.as_str().filter(|t| !t.is_empty())
}

/// A time as seconds since 1970, or as RFC 3339 (aichat's logs and Claude write that).
fn moment(value: Option<&Value>) -> Option<Timestamp> {
    match value? {
        Value::Number(seconds) => {
            let micros = seconds.as_f64()? * 1e6;
            // The cast saturates; `from_micros` keeps to what can be written.
            #[expect(clippy::cast_possible_truncation, reason = "a float becomes the nearest end of the range")]
            (micros.is_finite() && micros > 0.0).then(|| Timestamp::from_micros(micros.round() as i64))
        }
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
