//! The log of `llm`, from the rows of its database.
//!
//! The store reads the rows (SQL lives there); this makes a chat of them. Up to 0.35 each response is a question and an
//! answer; since then messages of parts name the message before.

use base64::prelude::{BASE64_STANDARD, Engine};
use serde_json::Value;

use crate::chat::archive::{Chat, Message, Notes, arrange};
use crate::providers::model::{Part, Role, ToolCall, ToolResult};
use crate::store::foreign::{LlmAttachment, LlmConversation, LlmPart, LlmResponse, LlmThread};

use super::chatgpt::tool_name;

/// A chat of a conversation, and remarks.
pub fn llm(from: LlmConversation) -> (Chat, Vec<String>) {
    let mut notes = Notes::default();
    let first = |find: fn(&LlmResponse) -> Option<String>| from.responses.iter().find_map(find);
    let mut chat = Chat {
        model: from.model.clone().or_else(|| first(|r| r.model.clone())),
        system: first(|r| r.system.clone().filter(|s| !s.is_empty())),
        id: Some(from.id),
        title: from.name,
        origin: Some("llm".to_string()),
        ..Chat::default()
    };
    let answered: Vec<String> =
        from.responses.iter().flat_map(|r| r.tool_results.iter().map(|(id, ..)| id.clone())).collect();
    let mut asked: Vec<String> = Vec::new();
    for response in from.responses {
        let at = response.at.as_deref().and_then(time);
        chat.created = chat.created.or(at);
        chat.updated = at.or(chat.updated);
        let mut push = |end: &str, role: Role, parts: Vec<Part>, tokens: Option<u64>| {
            if parts.is_empty() {
                return;
            }
            let parent = chat.messages.last().map(|m| m.id.clone());
            let mut message = Message::new(format!("{}{end}", response.id), parent, role, parts);
            message.created = at;
            message.tokens = tokens;
            message.model = response.model.clone().filter(|_| role == Role::Assistant);
            chat.messages.push(message);
        };
        let mut results = Vec::new();
        let mut question: Vec<Part> = Vec::new();
        for (id, name, content) in &response.tool_results {
            match asked.iter().position(|a| a == id) {
                Some(at) => {
                    asked.swap_remove(at);
                    let (id, name, content) = (id.clone(), tool_name(name), content.clone());
                    results.push(Part::ToolResult(ToolResult { id, name, content, is_error: false }));
                }
                None => question.push(Part::text(format!("[{name}]\n{content}\n"))),
            }
        }
        push("/results", Role::Tool, results, None);
        question.extend(Some(response.prompt.as_str()).filter(|p| !p.is_empty()).map(Part::text));
        question.extend(response.attachments.iter().filter_map(file));
        push("/prompt", Role::User, question, response.input_tokens);
        let mut answer: Vec<Part> =
            Some(response.response.as_str()).filter(|r| !r.is_empty()).map(Part::text).into_iter().collect();
        for (id, name, arguments) in &response.tool_calls {
            if answered.contains(id) && !asked.contains(id) {
                asked.push(id.clone());
                let arguments = serde_json::from_str(arguments).unwrap_or_else(|_| Value::String(arguments.clone()));
                let (id, name) = (id.clone(), tool_name(name));
                answer.push(Part::ToolCall(ToolCall { id, name, arguments, signatures: Vec::new() }));
            } else {
                answer.push(Part::text(format!("\n[to {name}]\n{arguments}")));
            }
        }
        push("", Role::Assistant, answer, response.output_tokens);
    }
    arrange(&mut chat, &mut notes);
    (chat, notes.finish())
}

/// A chat of a thread, and remarks.
pub fn llm_thread(from: LlmThread) -> (Chat, Vec<String>) {
    let mut notes = Notes::default();
    let mut chat = Chat {
        id: Some(from.id),
        title: from.name,
        model: from.messages.iter().rev().find_map(|m| m.model.clone()),
        origin: Some("llm".to_string()),
        head: from.tip,
        ..Chat::default()
    };
    let mut rules: Option<String> = None;
    for row in from.messages {
        let Some(role) = Role::parse(&row.role) else {
            notes.add(format!("a message of the role {:?} was left out", row.role));
            continue;
        };
        let parts: Vec<Part> = row.parts.into_iter().flat_map(|part| parts(part, &mut notes)).collect();
        if role == Role::System && row.parent.is_none() && chat.system.is_none() {
            chat.system = Some(crate::providers::model::words(&parts));
            rules = Some(row.hash);
            continue;
        }
        let at = row.at.as_deref().and_then(time);
        chat.created = chat.created.into_iter().chain(at).min();
        chat.updated = chat.updated.max(at);
        let parent = row.parent.filter(|parent| rules.as_ref() != Some(parent));
        let mut message = Message::new(row.hash, parent, role, parts);
        (message.created, message.model, message.tokens) = (at, row.model, row.output_tokens);
        chat.messages.push(message);
    }
    arrange(&mut chat, &mut notes);
    (chat, notes.finish())
}

fn parts(from: LlmPart, notes: &mut Notes) -> Vec<Part> {
    let word = |key: &str| from.payload.get(key).and_then(Value::as_str).unwrap_or_default().to_string();
    let mut parts = match from.kind.as_str() {
        "text" => vec![Part::text(from.text)],
        "reasoning" => vec![Part::Reasoning { text: from.text, signature: None }],
        "tool_call" => vec![Part::ToolCall(ToolCall {
            id: word("tool_call_id"),
            name: tool_name(&word("name")),
            arguments: from.payload.get("arguments").cloned().unwrap_or_default(),
            signatures: Vec::new(),
        })],
        "tool_result" => vec![Part::ToolResult(ToolResult {
            id: word("tool_call_id"),
            name: tool_name(&word("name")),
            content: word("output"),
            is_error: from.payload.get("exception").is_some_and(|e| !e.is_null()),
        })],
        "attachment" => Vec::new(),
        other => {
            notes.add(format!("a part of the type {other:?} was left out"));
            Vec::new()
        }
    };
    parts.extend(from.attachments.iter().filter_map(file));
    parts
}

/// A file that was sent along; one that only stood on a disk is gone.
fn file(from: &LlmAttachment) -> Option<Part> {
    let name = from.path.as_deref().and_then(|p| p.rsplit(['/', '\\']).next()).unwrap_or_default().to_string();
    let mime = from.mime.clone().unwrap_or_else(|| "application/octet-stream".to_string());
    match (&from.content, &from.url) {
        (Some(bytes), _) => Some(Part::File { mime, name, data: BASE64_STANDARD.encode(bytes), url: None }),
        (None, Some(url)) => Some(Part::File { mime, name, data: String::new(), url: Some(url.clone()) }),
        (None, None) => Some(Part::text(format!("[{mime}: {}]", from.path.as_deref().unwrap_or("a file")))),
    }
}

/// `llm` writes `2024-01-02T03:04:05.678901+00:00`, older versions without the zone.
fn time(text: &str) -> Option<crate::kernel::clock::Timestamp> {
    text.parse().ok().or_else(|| format!("{text}Z").parse().ok())
}
