//! The log of `llm`, from the rows of its database.
//!
//! The store reads the rows (SQL lives there); this makes a chat of them. Each response is a question and an answer.

use serde_json::Value;

use crate::chat::archive::{Chat, Message, Notes, arrange};
use crate::providers::model::{Part, Role, ToolCall, ToolResult};

use super::chatgpt::tool_name;

/// A row of `conversations` and its rows of `responses`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LlmConversation {
    /// `id`.
    pub id: String,
    /// `name`.
    pub name: Option<String>,
    /// `model`.
    pub model: Option<String>,
    /// Its responses, the oldest first.
    pub responses: Vec<LlmResponse>,
}

/// A row of `responses`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LlmResponse {
    /// `id`.
    pub id: String,
    /// `model`.
    pub model: Option<String>,
    /// `prompt`.
    pub prompt: String,
    /// `system`.
    pub system: Option<String>,
    /// `response`.
    pub response: String,
    /// `datetime_utc`, RFC 3339 with or without its zone.
    pub at: Option<String>,
    /// `input_tokens`.
    pub input_tokens: Option<u64>,
    /// `output_tokens`.
    pub output_tokens: Option<u64>,
    /// Rows of `tool_calls` of this response: id, name, arguments as JSON text.
    pub tool_calls: Vec<(String, String, String)>,
    /// Rows of `tool_results` that were sent with this prompt: id of the call, name, output.
    pub tool_results: Vec<(String, String, String)>,
}

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

/// `llm` writes `2024-01-02T03:04:05.678901+00:00`, older versions without the zone.
fn time(text: &str) -> Option<crate::kernel::clock::Timestamp> {
    text.parse().ok().or_else(|| format!("{text}Z").parse().ok())
}
