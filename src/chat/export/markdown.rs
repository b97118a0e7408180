//! A chat as Markdown that a person reads: front matter, a heading for each message, tool calls and results in fences.
//!
//! The current branch, or all of them: other branches follow as sections that say where they part. It is made to be
//! read; [`super::json`] is what can be read back whole.

use std::collections::HashMap;
use std::fmt::Write as _;

use crate::chat::archive::{Chat, Message, path};
use crate::providers::model::{Part, Role};

/// The chat as Markdown; `all` adds the branches that are not the current one.
pub fn markdown(chat: &Chat, all: bool) -> String {
    let mut out = String::new();
    front_matter(chat, &mut out);
    let title = chat.title.as_deref().or(chat.name.as_deref()).unwrap_or("Chat");
    let _ = writeln!(out, "# {}\n", one_line(title));
    if let Some(system) = chat.system.as_deref().filter(|s| !s.trim().is_empty()) {
        let _ = writeln!(out, "## System\n\n{}\n", system.trim_end());
    }
    let main = path(chat);
    let mut numbers: HashMap<usize, usize> = HashMap::new();
    for &at in &main {
        numbers.insert(at, numbers.len() + 1);
        one(&chat.messages[at], numbers.len(), &mut out);
    }
    if all {
        branches(chat, &mut numbers, &mut out);
    }
    out
}

/// What is not on the current branch: each stretch until the next parting is a section.
fn branches(chat: &Chat, numbers: &mut HashMap<usize, usize>, out: &mut String) {
    let at: HashMap<&str, usize> = chat.messages.iter().enumerate().map(|(n, m)| (m.id.as_str(), n)).collect();
    let mut children: HashMap<usize, Vec<usize>> = HashMap::new();
    let parent_of = |m: &Message| m.parent.as_deref().and_then(|id| at.get(id).copied());
    for (n, message) in chat.messages.iter().enumerate() {
        if let Some(parent) = parent_of(message) {
            children.entry(parent).or_default().push(n);
        }
    }
    let mut section = 0;
    // Parents come first, so a message that has no number yet begins a branch.
    for start in 0..chat.messages.len() {
        if numbers.contains_key(&start) {
            continue;
        }
        section += 1;
        match parent_of(&chat.messages[start]).and_then(|p| numbers.get(&p)) {
            Some(number) => drop(writeln!(out, "# Branch {section}, after message {number}\n")),
            None => drop(writeln!(out, "# Branch {section}, from the beginning\n")),
        }
        let mut next = Some(start);
        while let Some(here) = next {
            numbers.insert(here, numbers.len() + 1);
            one(&chat.messages[here], numbers.len(), out);
            let below = children.get(&here).into_iter().flatten().copied();
            next = below.into_iter().find(|child| !numbers.contains_key(child));
        }
    }
}

fn front_matter(chat: &Chat, out: &mut String) {
    let mut lines: Vec<(&str, String)> = Vec::new();
    let texts = [("id", &chat.id), ("name", &chat.name), ("title", &chat.title), ("model", &chat.model)];
    lines.extend(texts.into_iter().filter_map(|(key, value)| Some((key, quoted(value.as_deref()?)))));
    if !chat.tags.is_empty() {
        let tags: Vec<String> = chat.tags.iter().map(|t| quoted(t)).collect();
        lines.push(("tags", format!("[{}]", tags.join(", "))));
    }
    lines.extend(chat.created.map(|at| ("created", at.to_string())));
    lines.extend(chat.updated.map(|at| ("updated", at.to_string())));
    if lines.is_empty() {
        return;
    }
    out.push_str("---\n");
    for (key, value) in lines {
        let _ = writeln!(out, "{key}: {value}");
    }
    out.push_str("---\n\n");
}

/// A YAML text in quotes; JSON's are YAML's too.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Who says a message, with which model, when, and how it ended.
pub(super) fn who(message: &Message) -> String {
    let who = match (message.role, message.summary_of.is_empty()) {
        (_, false) => "Summary of what came before",
        (Role::System, _) => "System",
        (Role::User, _) => "User",
        (Role::Assistant, _) => "Assistant",
        (Role::Tool, _) => "Tool",
    };
    let mut about: Vec<String> = Vec::new();
    about.extend(message.model.as_deref().map(one_line));
    about.extend(message.created.map(|at| at.to_string()));
    if message.status != "done" {
        about.push(one_line(&message.status));
    }
    let about = if about.is_empty() { String::new() } else { format!(" ({})", about.join(", ")) };
    format!("{who}{about}")
}

fn one(message: &Message, number: usize, out: &mut String) {
    let _ = writeln!(out, "## {number}. {}\n", who(message));
    for part in &message.parts {
        one_part(part, out);
    }
    if let Some(error) = &message.error {
        let _ = writeln!(out, "> Failed: {}\n", one_line(error));
    }
}

/// One part as Markdown.
pub(super) fn one_part(part: &Part, out: &mut String) {
    match part {
        Part::Text { text } if text.trim().is_empty() => {}
        Part::Text { text } => drop(writeln!(out, "{}\n", text.trim_end())),
        Part::Reasoning { text, .. } if text.trim().is_empty() => {}
        Part::Reasoning { text, .. } => {
            out.push_str("> **Reasoning**\n>\n");
            for line in text.trim_end().lines() {
                let _ = writeln!(out, "> {line}");
            }
            out.push('\n');
        }
        Part::File { mime, name, url, data } => {
            let name = if name.is_empty() { "file" } else { name };
            let size = data.len() / 4 * 3;
            match url {
                Some(url) => drop(writeln!(out, "[{}]({}) ({mime})\n", one_line(name), one_line(url))),
                None => drop(writeln!(out, "*Attached: {} ({mime}, {size} bytes)*\n", one_line(name))),
            }
        }
        Part::ToolCall(call) => {
            let text = serde_json::to_string_pretty(&call.arguments).unwrap_or_default();
            let _ = writeln!(out, "**Calls `{}`**\n", one_line(&call.name));
            fence("json", &text, out);
        }
        Part::ToolResult(result) => {
            let failed = if result.is_error { " (failed)" } else { "" };
            let _ = writeln!(out, "**Result of `{}`**{failed}\n", one_line(&result.name));
            fence("text", &result.content, out);
        }
    }
}

/// A text in a fence that it cannot end.
fn fence(lang: &str, text: &str, out: &mut String) {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let ticks = "`".repeat(longest.max(2) + 1);
    let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    let _ = writeln!(out, "{ticks}{lang}\n{text}{end}{ticks}\n");
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::providers::model::{ToolCall, ToolResult};

    fn said(id: &str, parent: &str, role: Role, parts: Vec<Part>) -> Message {
        Message::new(id, Some(parent.to_string()).filter(|p| !p.is_empty()), role, parts)
    }

    #[test]
    fn it_reads_like_a_talk() {
        let call = ToolCall { id: "t".into(), name: "ls".into(), arguments: json!({"dir": "."}), signatures: vec![] };
        let result = ToolResult { id: "t".into(), name: "ls".into(), content: "a\n```\n".into(), is_error: true };
        let mut failed = said("e", "a", Role::Assistant, vec![Part::text("par")]);
        failed.status = "cut_off".into();
        failed.error = Some("the stream\nbroke".into());
        let thought = Part::Reasoning { text: "hm\nso".into(), signature: None };
        let picture = Part::File { mime: "image/png".into(), name: "p.png".into(), data: "AAAA".into(), url: None };
        let chat = Chat {
            title: Some("A \"talk\"".into()),
            model: Some("openai/gpt".into()),
            tags: vec!["x".into()],
            system: Some("be kind".into()),
            created: Some(crate::kernel::clock::Timestamp::from_micros(0)),
            head: Some("c".into()),
            messages: vec![
                said("a", "", Role::User, vec![Part::text("list"), picture]),
                said("b", "a", Role::Assistant, vec![thought, Part::ToolCall(call)]),
                said("c", "b", Role::Tool, vec![Part::ToolResult(result)]),
                said("d", "b", Role::User, vec![Part::text("or")]),
                failed,
            ],
            ..Chat::default()
        };
        let main = "---\ntitle: \"A \\\"talk\\\"\"\nmodel: \"openai/gpt\"\ntags: [\"x\"]\ncreated: 1970-01-01T00:00:00.000000Z\n---\n\n# A \"talk\"\n\n## System\n\nbe kind\n\n## 1. User\n\nlist\n\n*Attached: p.png (image/png, 3 bytes)*\n\n## 2. Assistant\n\n> **Reasoning**\n>\n> hm\n> so\n\n**Calls `ls`**\n\n```json\n{\n  \"dir\": \".\"\n}\n```\n\n## 3. Tool\n\n**Result of `ls`** (failed)\n\n````text\na\n```\n````\n\n";
        assert_eq!(markdown(&chat, false), main);
        let rest = "# Branch 1, after message 2\n\n## 4. User\n\nor\n\n# Branch 2, after message 1\n\n## 5. Assistant (cut_off)\n\npar\n\n> Failed: the stream broke\n\n";
        assert_eq!(markdown(&chat, true), format!("{main}{rest}"));
    }
}
