//! What aichat keeps: sessions in YAML, and `messages.md`, the log of everything outside sessions.
//!
//! The shapes are those of aichat 0.20 to 0.30 (`src/config/session.rs`, `src/client/message.rs` there). Messages that
//! aichat had compressed come first; the summary that stands for them says so.

use serde_json::Value;

use super::text;
use crate::chat::archive::{Chat, Message, Notes};
use crate::kernel::clock::Timestamp;
use crate::kernel::error::{Error, Kind, Result};
use crate::providers::model::{Part, Role, ToolCall, ToolResult};

use super::chatgpt::tool_name;

/// The largest session that is read, in bytes of YAML.
const MAX_YAML: usize = 64 << 20;
/// The line between question and answer in `messages.md`.
const RULE: &str = "--------";

/// A session; `name` is its file's name.
pub(super) fn session(name: &str, yaml: &str, notes: &mut Notes) -> Result<Chat> {
    let value = parse(yaml).map_err(|why| {
        Error::new(Kind::BadData, format!("{name} is not a session of aichat: {why}"))
            .hint("its sessions lie in ~/.config/aichat/sessions")
    })?;
    let stem = name.rsplit('/').next().unwrap_or(name);
    let stem = stem.strip_suffix(".yaml").or_else(|| stem.strip_suffix(".yml")).unwrap_or(stem);
    let mut chat = Chat {
        title: Some(stem.to_string()),
        model: text(&value, "model").map(String::from),
        origin: Some("aichat".to_string()),
        settings: settings(&value),
        ..Chat::default()
    };
    let list = |key: &str| value.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let urls = value.get("data_urls").unwrap_or(&Value::Null);
    for entry in list("compressed_messages") {
        add(&mut chat, entry, urls, notes);
    }
    let compressed: Vec<String> = chat.messages.iter().map(|m| m.id.clone()).collect();
    for (number, entry) in list("messages").iter().enumerate() {
        let before = chat.messages.len();
        add(&mut chat, entry, urls, notes);
        if number == 0
            && let Some(first) = chat.messages.get_mut(before)
            && first.role == Role::System
            && !compressed.is_empty()
        {
            first.summary_of.clone_from(&compressed);
        }
    }
    Ok(chat)
}

fn parse(yaml: &str) -> std::result::Result<Value, String> {
    if yaml.len() > MAX_YAML {
        return Err("it is too large".to_string());
    }
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_events: 10_000_000,
            max_nodes: 5_000_000,
            max_aliases: 32,
            max_anchors: 32,
            max_depth: 32,
            max_documents: 1,
            max_merge_keys: 32,
            max_total_scalar_bytes: MAX_YAML,
        },
        strict_booleans: true,
        non_finite_float_policy: serde_saphyr::NonFiniteFloatPolicy::AsString,
        with_snippet: false,
    };
    let value: Value = serde_saphyr::from_str_with_options(yaml, options).map_err(|e| e.to_string())?;
    match value.is_object() {
        true => Ok(value),
        false => Err("it is no mapping".to_string()),
    }
}

/// What is kept of how the session was set up.
fn settings(value: &Value) -> Value {
    let kept = ["temperature", "top_p", "use_tools", "role_name", "compress_threshold"];
    let found = kept.iter().filter_map(|key| Some(((*key).to_string(), value.get(*key)?.clone())));
    let found: serde_json::Map<String, Value> = found.filter(|(_, v)| !v.is_null()).collect();
    if found.is_empty() { Value::Null } else { Value::Object(found) }
}

/// Adds a message, or two where a tool was called, below the last one.
fn add(chat: &mut Chat, entry: &Value, urls: &Value, notes: &mut Notes) {
    let role = text(entry, "role").and_then(Role::parse).unwrap_or(Role::User);
    let content = entry.get("content").unwrap_or(&Value::Null);
    let pieces = match content {
        Value::String(words) => vec![(role, vec![Part::text(words.clone())])],
        Value::Array(parts) => {
            vec![(role, parts.iter().map(|part| one_part(part, urls, notes)).collect())]
        }
        Value::Object(_) if content.get("tool_results").is_some() => tools(content, chat.messages.len()),
        Value::Null => Vec::new(),
        other => vec![(role, vec![Part::text(other.to_string())])],
    };
    for (role, parts) in pieces {
        let parent = chat.messages.last().map(|m| m.id.clone());
        let number = chat.messages.len() + 1;
        chat.messages.push(Message::new(number.to_string(), parent, role, parts));
    }
}

fn one_part(part: &Value, urls: &Value, notes: &mut Notes) -> Part {
    if let Some(words) = text(part, "text") {
        return Part::text(words);
    }
    let Some(url) = part.get("image_url").and_then(|image| text(image, "url")) else {
        return Part::text(part.to_string());
    };
    let inline = url.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,"));
    if let Some((mime, data)) = inline {
        let name = urls.as_object().and_then(|all| all.keys().find(|key| url.contains(key.as_str())));
        let name = name.cloned().unwrap_or_default();
        return Part::File { mime: mime.to_string(), name, data: data.to_string(), url: None };
    }
    notes.add(format!("a picture is only named: {}", url.chars().take(80).collect::<String>()));
    Part::text(format!("[image: {url}]"))
}

/// Calls and their results, which aichat keeps in one message.
fn tools(content: &Value, number: usize) -> Vec<(Role, Vec<Part>)> {
    let list = content.get("tool_results").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut asked: Vec<Part> = text(content, "text").map(Part::text).into_iter().collect();
    let mut results = Vec::new();
    for (n, entry) in list.iter().enumerate() {
        let call = entry.get("call").unwrap_or(&Value::Null);
        let id = text(call, "id").map_or_else(|| format!("call-{number}-{n}"), String::from);
        let name = tool_name(text(call, "name").unwrap_or("tool"));
        let output = match entry.get("output") {
            Some(Value::String(words)) => words.clone(),
            Some(other) => other.to_string(),
            None => String::new(),
        };
        let arguments = call.get("arguments").cloned().unwrap_or(Value::Null);
        asked.push(Part::ToolCall(ToolCall { id: id.clone(), name: name.clone(), arguments, signatures: Vec::new() }));
        results.push(Part::ToolResult(ToolResult { id, name, content: output, is_error: false }));
    }
    let both = [(Role::Assistant, asked), (Role::Tool, results)];
    both.into_iter().filter(|(_, parts)| !parts.is_empty()).collect()
}

/// Whether a text begins like `messages.md`.
pub(super) fn is_log(text: &str) -> bool {
    text.lines().next().is_some_and(|line| header(line).is_some())
}

/// `# CHAT: summary [2024-05-13T10:00:00+02:00] (role)`: the summary, the time and what follows.
fn header(line: &str) -> Option<(&str, Option<Timestamp>, &str)> {
    let rest = line.strip_prefix("# CHAT:")?;
    let (summary, rest) = rest.rsplit_once('[')?;
    let (time, scope) = rest.split_once(']')?;
    time.starts_with(|c: char| c.is_ascii_digit()).then(|| (summary.trim(), time.parse().ok(), scope.trim()))
}

/// Every exchange of `messages.md`, each a chat of its own.
pub(super) fn log(text: &str) -> Vec<Chat> {
    let mut chats = Vec::new();
    let mut open: Option<(Chat, String)> = None;
    for line in text.split_inclusive('\n') {
        let bare = line.trim_end_matches(['\n', '\r']);
        match header(bare) {
            Some((summary, time, scope)) => {
                chats.extend(open.take().map(|(chat, body)| exchange(chat, &body)));
                let mut chat = Chat { origin: Some("aichat".to_string()), created: time, ..Chat::default() };
                chat.title = Some(summary.to_string()).filter(|s| !s.is_empty());
                chat.tags =
                    scope.strip_prefix('(').and_then(|s| s.strip_suffix(')')).map(String::from).into_iter().collect();
                open = Some((chat, String::new()));
            }
            None => {
                if let Some((_, body)) = &mut open {
                    body.push_str(line);
                }
            }
        }
    }
    chats.extend(open.take().map(|(chat, body)| exchange(chat, &body)));
    chats
}

/// Question and answer of one entry.
fn exchange(mut chat: Chat, body: &str) -> Chat {
    let body = body.trim_end();
    let body = body.strip_suffix(RULE).filter(|rest| rest.is_empty() || rest.ends_with('\n')).unwrap_or(body);
    let (question, answer) = match body.split_once(&format!("\n{RULE}\n")) {
        Some((question, answer)) => (question, answer),
        None => (body, ""),
    };
    let halves = [(Role::User, question), (Role::Assistant, answer)];
    for (role, words) in halves.into_iter().map(|(role, words)| (role, words.trim_matches('\n'))) {
        if words.is_empty() {
            continue;
        }
        let parent = chat.messages.last().map(|m| m.id.clone());
        let mut message = Message::new((chat.messages.len() + 1).to_string(), parent, role, vec![Part::text(words)]);
        message.created = chat.created;
        chat.messages.push(message);
    }
    chat
}
