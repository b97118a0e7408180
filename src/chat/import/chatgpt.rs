//! `conversations.json` of a ChatGPT export.
//!
//! A conversation is a `mapping` from node ids to nodes with `message`, `parent` and `children`; `current_node` is where
//! the person stands. Nodes without words (the root, hidden system messages) are bridged. OpenAI publishes no
//! description; the shapes here are those that exports of 2023 to 2026 hold.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::{moment, text};
use crate::chat::archive::{Chat, Message, Notes, label};
use crate::providers::model::{Part, Role, ToolCall, ToolResult};

/// A conversation; `None` when the value is none.
pub(super) fn chat(value: &Value, notes: &mut Notes) -> Option<Chat> {
    let mapping = value.get("mapping")?.as_object()?;
    let mut chat = Chat {
        id: text(value, "conversation_id").or_else(|| text(value, "id")).map(String::from),
        title: text(value, "title").map(String::from),
        model: text(value, "default_model_slug").map(String::from),
        archived: value.get("is_archived").and_then(Value::as_bool).unwrap_or(false),
        pinned: value.get("is_starred").and_then(Value::as_bool).unwrap_or(false),
        origin: Some("chatgpt".to_string()),
        created: moment(value.get("create_time")),
        updated: moment(value.get("update_time")),
        ..Chat::default()
    };
    let nodes: HashMap<&str, Node> = mapping.iter().map(|(id, node)| (id.as_str(), Node::read(node))).collect();
    let kept = |id: &str| nodes.get(id).is_some_and(|node| node.message.is_some());
    let above = bridge(mapping.keys().map(String::as_str), &nodes, &kept);
    let tools = Tools::find(mapping.keys().map(String::as_str), &nodes, &above);
    let mut images = 0;
    for id in mapping.keys().map(String::as_str) {
        let Some(said) = nodes.get(id).and_then(|node| node.message.as_ref()) else { continue };
        images += said.images;
        let parent = above.get(id).copied().flatten();
        let (role, parts) = tools.parts(id, parent, said);
        let mut message = Message::new(id, parent.map(String::from), role, parts);
        message.created = said.created;
        message.model = said.model.map(String::from);
        chat.messages.push(message);
    }
    if images > 0 {
        notes.add(format!("{}: {images} pictures and sounds are not in the export", label(&chat)));
    }
    let current = text(value, "current_node");
    chat.head = current.and_then(|id| if kept(id) { Some(id) } else { above.get(id).copied()? }).map(String::from);
    Some(chat)
}

struct Node<'a> {
    parent: Option<&'a str>,
    message: Option<Said<'a>>,
}

/// What a node says.
struct Said<'a> {
    role: Role,
    /// The tool's name for a tool's message.
    author: &'a str,
    /// Whom it is for; a tool's name when it is a call.
    recipient: Option<&'a str>,
    words: String,
    thoughts: bool,
    images: usize,
    created: Option<crate::kernel::clock::Timestamp>,
    model: Option<&'a str>,
}

impl<'a> Node<'a> {
    fn read(node: &'a Value) -> Node<'a> {
        Node { parent: text(node, "parent"), message: node.get("message").and_then(Said::read) }
    }
}

impl<'a> Said<'a> {
    /// What a message says; `None` when it has no words.
    fn read(message: &'a Value) -> Option<Said<'a>> {
        let content = message.get("content")?;
        let author = message.get("author").unwrap_or(&Value::Null);
        let kind = text(content, "content_type").unwrap_or("text");
        let mut images = 0;
        let words = words(kind, content, &mut images);
        if words.trim().is_empty() {
            return None;
        }
        let role = match (text(author, "role"), kind) {
            (_, "user_editable_context" | "model_editable_context") | (Some("system"), _) => Role::System,
            (Some("user"), _) => Role::User,
            (Some("tool"), _) => Role::Tool,
            _ => Role::Assistant,
        };
        let metadata = message.get("metadata").unwrap_or(&Value::Null);
        Some(Said {
            role,
            author: text(author, "name").unwrap_or("tool"),
            recipient: text(message, "recipient").filter(|who| *who != "all" && role == Role::Assistant),
            words,
            thoughts: matches!(kind, "thoughts" | "reasoning_recap"),
            images,
            created: moment(message.get("create_time")),
            model: text(metadata, "model_slug"),
        })
    }
}

/// The words of a content, whatever its type; nothing that holds words is left out.
fn words(kind: &str, content: &Value, images: &mut usize) -> String {
    let field = |key: &str| text(content, key).unwrap_or_default();
    match kind {
        "thoughts" => {
            let thoughts = content.get("thoughts").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            let one = |t: &Value| {
                [text(t, "summary"), text(t, "content")].into_iter().flatten().collect::<Vec<_>>().join("\n")
            };
            thoughts.iter().map(one).filter(|t| !t.is_empty()).collect::<Vec<_>>().join("\n\n")
        }
        "reasoning_recap" => field("content").to_string(),
        "code" | "execution_output" => field("text").to_string(),
        "tether_quote" => [field("title"), field("url"), field("text")].join("\n").trim().to_string(),
        "tether_browsing_display" => field("result").to_string(),
        "user_editable_context" => [field("user_profile"), field("user_instructions")].join("\n").trim().to_string(),
        _ => match content.get("parts").and_then(Value::as_array) {
            Some(parts) => {
                let pieces = parts.iter().map(|part| piece(part, images)).filter(|p| !p.is_empty());
                pieces.collect::<Vec<_>>().join("\n")
            }
            None => ["text", "result", "content", "model_set_context"]
                .map(field)
                .into_iter()
                .find(|t| !t.is_empty())
                .map_or_else(
                    || match content.as_object() {
                        Some(fields) if fields.len() > 1 => content.to_string(),
                        _ => String::new(),
                    },
                    String::from,
                ),
        },
    }
}

/// One part: words, or a note where a picture was.
fn piece(part: &Value, images: &mut usize) -> String {
    if let Some(words) = part.as_str() {
        return words.to_string();
    }
    if let Some(words) = text(part, "text") {
        return words.to_string();
    }
    let kind = text(part, "content_type").unwrap_or("object");
    if kind.contains("asset_pointer") {
        *images += 1;
        let pointer = part.get("asset_pointer").or_else(|| part.get("audio_asset_pointer")?.get("asset_pointer"));
        let pointer = pointer.and_then(Value::as_str).unwrap_or("no address");
        return format!("[{}, not in the export: {pointer}]", kind.trim_end_matches("_asset_pointer"));
    }
    match part {
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// For each node the nearest node above it that is kept. Each chain is walked once.
fn bridge<'a>(
    ids: impl Iterator<Item = &'a str>,
    nodes: &HashMap<&'a str, Node<'a>>,
    kept: &dyn Fn(&str) -> bool,
) -> HashMap<&'a str, Option<&'a str>> {
    let mut above: HashMap<&str, Option<&str>> = HashMap::new();
    for id in ids {
        let mut chain = Vec::new();
        let mut at = Some(id);
        let found = loop {
            let Some(here) = at else { break None };
            if let Some(known) = above.get(here) {
                break *known;
            }
            // Until its answer is known, a node on the way has none: a circle ends here.
            above.insert(here, None);
            chain.push(here);
            match nodes.get(here).and_then(|node| node.parent) {
                Some(parent) if kept(parent) => break Some(parent),
                parent => at = parent,
            }
        };
        for node in chain {
            above.insert(node, found);
        }
    }
    above
}

/// Which messages are calls of tools, and which are their results. A call counts only where every answer to it is a
/// result, since no provider takes a call without one; the rest stays as words.
struct Tools<'a> {
    calls: HashMap<&'a str, bool>,
}

impl<'a> Tools<'a> {
    fn find(
        ids: impl Iterator<Item = &'a str>,
        nodes: &HashMap<&'a str, Node<'a>>,
        above: &HashMap<&'a str, Option<&'a str>>,
    ) -> Tools<'a> {
        let mut calls: HashMap<&str, bool> = HashMap::new();
        for id in ids {
            let Some(said) = nodes.get(id).and_then(|n| n.message.as_ref()) else { continue };
            let Some(parent) = above.get(id).copied().flatten() else { continue };
            let is_call = nodes.get(parent).and_then(|n| n.message.as_ref()).is_some_and(|m| m.recipient.is_some());
            if is_call {
                let all = calls.entry(parent).or_insert(true);
                *all &= said.role == Role::Tool;
            }
        }
        Tools { calls }
    }

    fn is_call(&self, id: &str) -> bool {
        self.calls.get(id).copied().unwrap_or(false)
    }

    fn parts(&self, id: &str, parent: Option<&str>, said: &Said<'_>) -> (Role, Vec<Part>) {
        let words = said.words.clone();
        match (said.role, parent) {
            (Role::Tool, Some(call)) if self.is_call(call) => {
                let result =
                    ToolResult { id: call.to_string(), name: tool_name(said.author), content: words, is_error: false };
                (Role::Tool, vec![Part::ToolResult(result)])
            }
            (Role::Tool, _) => (Role::Assistant, vec![Part::text(format!("[{}]\n{words}", said.author))]),
            (role, _) if said.thoughts => (role, vec![Part::Reasoning { text: words, signature: None }]),
            (role, _) => match said.recipient {
                Some(tool) if self.is_call(id) => {
                    let object = serde_json::from_str::<Value>(&words).ok().filter(Value::is_object);
                    let arguments = object.unwrap_or_else(|| json!({"input": words}));
                    let call =
                        ToolCall { id: id.to_string(), name: tool_name(tool), arguments, signatures: Vec::new() };
                    (role, vec![Part::ToolCall(call)])
                }
                Some(tool) => (role, vec![Part::text(format!("[to {tool}]\n{words}"))]),
                None => (role, vec![Part::text(words)]),
            },
        }
    }
}

/// A name that every provider takes.
pub(super) fn tool_name(name: &str) -> String {
    let clean = name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' });
    clean.take(64).collect()
}
