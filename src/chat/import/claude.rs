//! `conversations.json` of a Claude export.
//!
//! A conversation has `chat_messages`, each with `sender` and `content` blocks (older ones only `text`). Newer exports
//! name each message's parent; without it the messages are one line. A message in which tools were used becomes
//! several: what was asked, the results, and what was said after.

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};

use super::chatgpt::tool_name;
use super::{moment, text};
use crate::chat::archive::{Chat, Message, Notes, label};
use crate::providers::model::{Part, Role, ToolCall, ToolResult};

/// The parent that means none.
const ROOT: &str = "00000000-0000-4000-8000-000000000000";

/// A conversation; `None` when the value is none.
pub(super) fn chat(value: &Value, notes: &mut Notes) -> Option<Chat> {
    let list = value.get("chat_messages")?.as_array()?;
    let mut chat = Chat {
        id: text(value, "uuid").map(String::from),
        title: text(value, "name").map(String::from),
        model: text(value, "model").map(String::from),
        pinned: value.get("is_starred").and_then(Value::as_bool).unwrap_or(false),
        origin: Some("claude".to_string()),
        created: moment(value.get("created_at")),
        updated: moment(value.get("updated_at")),
        ..Chat::default()
    };
    // The last piece of each message, which its children follow.
    let mut ends: HashMap<String, String> = HashMap::new();
    let mut before: Option<String> = None;
    let mut files = 0;
    for (number, entry) in list.iter().enumerate() {
        let id = text(entry, "uuid").map_or_else(|| format!("message-{number}"), String::from);
        let parent = match text(entry, "parent_message_uuid") {
            Some(ROOT) => None,
            Some(parent) => Some(ends.get(parent).cloned().unwrap_or_else(|| parent.to_string())),
            None => before.clone(),
        };
        let mut pieces = pieces(entry);
        files += attached(entry, &mut pieces);
        pieces.retain(|(_, parts)| !parts.is_empty());
        // A message without words is bridged: its children follow its parent.
        let mut last = parent;
        for (n, (role, parts)) in pieces.into_iter().enumerate() {
            let piece = if n == 0 { id.clone() } else { format!("{id}/{}", n + 1) };
            let mut message = Message::new(piece.clone(), last.take(), role, parts);
            message.created = moment(entry.get("created_at"));
            last = Some(piece);
            chat.messages.push(message);
        }
        if let Some(end) = &last {
            ends.insert(id, end.clone());
        }
        before = last;
    }
    if files > 0 {
        notes.add(format!("{}: {files} files are not in the export", label(&chat)));
    }
    let head = text(value, "current_leaf_message_uuid").and_then(|id| ends.get(id).cloned());
    chat.head = head.or(before);
    Some(chat)
}

/// A message in pieces: an assistant's words and calls, then results, then words again.
fn pieces(entry: &Value) -> Vec<(Role, Vec<Part>)> {
    let role = if text(entry, "sender") == Some("human") { Role::User } else { Role::Assistant };
    let blocks = entry.get("content").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let answered: HashSet<&str> =
        blocks.iter().filter(|b| kind(b) == "tool_result").filter_map(|b| text(b, "tool_use_id")).collect();
    let mut asked: HashSet<&str> = HashSet::new();
    let mut pieces: Vec<(Role, Vec<Part>)> = Vec::new();
    for block in blocks {
        let (role, part) = match kind(block) {
            "tool_use" => match text(block, "id").filter(|id| answered.contains(id) && asked.insert(id)) {
                Some(id) => (role, call(id, block)),
                None => (
                    role,
                    Part::text(format!("[{}]\n{}", text(block, "name").unwrap_or("tool"), inner(block, "input"))),
                ),
            },
            "tool_result" => match text(block, "tool_use_id").filter(|id| asked.remove(id)) {
                Some(id) => (Role::Tool, result(id, block)),
                None => (role, Part::text(inner(block, "content"))),
            },
            "thinking" => (role, Part::Reasoning { text: inner(block, "thinking"), signature: None }),
            "text" => (role, Part::text(inner(block, "text"))),
            _ => (role, Part::text(block.to_string())),
        };
        if matches!(&part, Part::Text { text } | Part::Reasoning { text, .. } if text.is_empty()) {
            continue;
        }
        match pieces.last_mut() {
            Some((last, parts)) if *last == role => parts.push(part),
            _ => pieces.push((role, vec![part])),
        }
    }
    if pieces.is_empty() {
        let words = text(entry, "text").map(Part::text);
        pieces.push((role, words.into_iter().collect()));
    }
    pieces
}

fn kind(block: &Value) -> &str {
    text(block, "type").unwrap_or_default()
}

fn call(id: &str, block: &Value) -> Part {
    Part::ToolCall(ToolCall {
        id: id.to_string(),
        name: tool_name(text(block, "name").unwrap_or("tool")),
        arguments: block.get("input").cloned().unwrap_or_else(|| json!({})),
        signatures: Vec::new(),
    })
}

fn result(id: &str, block: &Value) -> Part {
    Part::ToolResult(ToolResult {
        id: id.to_string(),
        name: tool_name(text(block, "name").unwrap_or("tool")),
        content: inner(block, "content"),
        is_error: block.get("is_error").and_then(Value::as_bool).unwrap_or(false),
    })
}

/// The words of a field: a text, a list of blocks with texts, or JSON.
fn inner(block: &Value, key: &str) -> String {
    match block.get(key) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(words)) => words.clone(),
        Some(Value::Array(list)) => {
            let one = |b: &Value| text(b, "text").map_or_else(|| b.to_string(), String::from);
            list.iter().map(one).collect::<Vec<_>>().join("\n")
        }
        Some(other) => other.to_string(),
    }
}

/// Adds the text of attachments to the first piece; returns how many files came without any.
fn attached(entry: &Value, pieces: &mut [(Role, Vec<Part>)]) -> usize {
    let list = |key: &str| entry.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let Some((_, parts)) = pieces.first_mut() else { return 0 };
    let mut without = 0;
    for file in list("attachments").iter().chain(list("files")) {
        let name = text(file, "file_name").unwrap_or("a file");
        match text(file, "extracted_content") {
            Some(words) => parts.push(Part::text(format!("\n\nFile: {name}\n{words}"))),
            None => {
                without += 1;
                parts.push(Part::text(format!("\n\n[{name}, not in the export]")));
            }
        }
    }
    without
}
