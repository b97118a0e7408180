//! A rollout of codex (`~/.codex/sessions/…/rollout-*.jsonl`): a line of JSON an item, one chat a file.
//!
//! The first line tells of the session (`session_meta`); `response_item` lines are messages, thoughts, calls and their
//! outputs, older files have these without the wrapping. What codex says to the model by itself (its surroundings, its
//! instructions) is left out. Who goes on with the chat asks the model of the settings. Source of the shapes:
//! codex-rs/protocol/src/models.rs in openai/codex.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::{moment, text};
use crate::chat::archive::{Chat, Message, Notes};
use crate::providers::model::{Part, Role, ToolCall, ToolResult};

/// How texts begin that codex wrote in the person's name.
const OWN: [&str; 4] = ["<environment_context>", "<user_instructions>", "<turn_aborted>", "# AGENTS.md instructions"];

/// The chat of a rollout; `name` is the file's name.
pub(super) fn rollout(name: &str, written: &str, notes: &mut Notes) -> Chat {
    let mut chat = Chat { origin: Some("codex".to_string()), ..Chat::default() };
    let lines: Vec<(usize, Value)> = written
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
        .filter_map(|(at, line)| match serde_json::from_str(line) {
            Ok(value) => Some((at, value)),
            Err(_) => {
                notes.add(format!("{name}:{}: this line is no JSON and was left out", at + 1));
                None
            }
        })
        .collect();
    let items = lines.iter().map(|(_, line)| line.get("payload").unwrap_or(line));
    let answered: HashSet<&str> =
        items.filter(|item| kind(item).ends_with("_output")).filter_map(|item| text(item, "call_id")).collect();
    let mut model: Option<String> = None;
    for (at, line) in &lines {
        let item = line.get("payload").unwrap_or(line);
        let said = moment(line.get("timestamp"));
        chat.updated = said.or(chat.updated);
        match kind(line) {
            "session_meta" => begins(item, &mut chat),
            "turn_context" => model = text(item, "model").map(String::from).or(model),
            "event_msg" | "compacted" => {}
            _ if *at == 0 && line.get("type").is_none() => begins(line, &mut chat),
            _ => {
                let Some((role, part)) = piece(item, &answered, &chat) else { continue };
                add(&mut chat, role, part);
                if let Some(message) = chat.messages.last_mut() {
                    message.created = message.created.or(said);
                    message.model = (role == Role::Assistant).then(|| model.clone()).flatten();
                }
            }
        }
    }
    chat.head = chat.messages.last().map(|m| m.id.clone());
    let first = chat.messages.iter().find(|m| m.role == Role::User).map(|m| crate::providers::model::words(&m.parts));
    chat.title = first.and_then(|words| words.lines().next().map(|line| line.chars().take(60).collect()));
    chat
}

fn begins(meta: &Value, chat: &mut Chat) {
    chat.id = text(meta, "id").map(String::from);
    chat.created = moment(meta.get("timestamp"));
}

fn kind(value: &Value) -> &str {
    text(value, "type").unwrap_or_default()
}

/// What an item says, and who; `None` for what is no part of the talk.
fn piece(item: &Value, answered: &HashSet<&str>, chat: &Chat) -> Option<(Role, Part)> {
    let id = || text(item, "call_id").filter(|id| answered.contains(id)).map(String::from);
    match kind(item) {
        "message" => {
            let words = texts(item.get("content")?);
            let role = match text(item, "role")? {
                "user" if !OWN.iter().any(|own| words.trim_start().starts_with(own)) => Role::User,
                "assistant" => Role::Assistant,
                _ => return None,
            };
            (!words.trim().is_empty()).then(|| (role, Part::text(words)))
        }
        "reasoning" => {
            let words = texts(item.get("summary")?);
            (!words.is_empty()).then_some((Role::Assistant, Part::Reasoning { text: words, signature: None }))
        }
        "function_call" | "custom_tool_call" => {
            let given = text(item, "arguments").or_else(|| text(item, "input")).unwrap_or("{}");
            let arguments = serde_json::from_str(given).ok().filter(Value::is_object);
            let arguments = arguments.unwrap_or_else(|| json!({"input": given}));
            let name = text(item, "name").unwrap_or("tool").to_string();
            Some((Role::Assistant, Part::ToolCall(ToolCall { id: id()?, name, arguments, signatures: Vec::new() })))
        }
        "function_call_output" | "custom_tool_call_output" => {
            let id = id()?;
            let output = item.get("output")?;
            let content = output.as_str().map(String::from).unwrap_or_else(|| match output.get("content") {
                Some(Value::String(text)) => text.clone(),
                _ => texts(output),
            });
            let calls = chat.messages.iter().flat_map(|m| &m.parts);
            let name = calls.rev().find_map(|p| match p {
                Part::ToolCall(call) if call.id == id => Some(call.name.clone()),
                _ => None,
            })?;
            Some((Role::Tool, Part::ToolResult(ToolResult { id, name, content, is_error: false })))
        }
        _ => None,
    }
}

/// The texts of a list of pieces.
fn texts(list: &Value) -> String {
    let all = list.as_array().into_iter().flatten().filter_map(|piece| text(piece, "text"));
    all.collect::<Vec<_>>().join("\n")
}

/// Items of one speaker in a row are one message: calls with the words before them, results together.
fn add(chat: &mut Chat, role: Role, part: Part) {
    match chat.messages.last_mut() {
        Some(last) if last.role == role && role != Role::User => last.parts.push(part),
        last => {
            let parent = last.map(|m| m.id.clone());
            let id = format!("item-{}", chat.messages.len() + 1);
            chat.messages.push(Message::new(id, parent, role, vec![part]));
        }
    }
}
