//! Whether a request is one that its vendor would take.
//!
//! The shapes are `tests/data/model/*.schema.json`, carved from the vendors' own clients; beside them stand the few
//! rules that vendors enforce and no schema says.

use std::collections::HashMap;
use std::sync::OnceLock;

use jsonschema::error::ValidationErrorKind as Kind;
use jsonschema::{ValidationError, Validator};
use serde_json::Value;

use super::asked::Asked;
use super::wire::Wire;

fn validator(wire: Wire) -> &'static Validator {
    static ALL: OnceLock<HashMap<Wire, Validator>> = OnceLock::new();
    let made = || {
        let schema = |wire: Wire| match wire {
            Wire::OpenAi => include_str!("../../../data/model/openai.schema.json"),
            Wire::Responses => include_str!("../../../data/model/responses.schema.json"),
            Wire::Anthropic => include_str!("../../../data/model/anthropic.schema.json"),
            Wire::Gemini => include_str!("../../../data/model/gemini.schema.json"),
            _ => include_str!("../../../data/model/ollama.schema.json"),
        };
        let made = |wire: Wire| {
            let schema: Value = serde_json::from_str(schema(wire)).unwrap();
            (wire, jsonschema::validator_for(&schema).unwrap())
        };
        Wire::ALL.into_iter().map(made).collect()
    };
    &ALL.get_or_init(made)[&wire]
}

/// What the vendor would refuse; fields of `allowed` at the top of the body are passed over.
pub fn check(asked: &Asked, allowed: &[String]) -> Vec<String> {
    if asked.wire == Wire::Other {
        return Vec::new();
    }
    let mut body = asked.body.clone();
    if let Some(fields) = body.as_object_mut() {
        fields.retain(|name, _| !allowed.contains(name));
    }
    if asked.wire == Wire::Gemini {
        camel(&mut body);
    }
    let mut problems: Vec<String> = validator(asked.wire).iter_errors(&body).take(5).map(|e| explained(&e)).collect();
    if !asked.header("content-type").is_some_and(|value| value.starts_with("application/json")) {
        problems.push("the content type is not application/json".into());
    }
    if asked.wire == Wire::Anthropic && asked.header("anthropic-version").is_none() {
        problems.push("the header anthropic-version is missing".into());
    }
    problems.extend(refused_by_model(asked));
    problems.extend(loose_ends(asked));
    problems.iter().map(|problem| format!("{} {}: {problem}", asked.wire.name(), asked.path)).collect()
}

/// Protocol buffers take `mime_type` for `mimeType`, and the vendor's own client sends it; what the person wrote stays.
fn camel(value: &mut Value) {
    match value {
        Value::Array(all) => all.iter_mut().for_each(camel),
        Value::Object(fields) => {
            for (name, mut value) in std::mem::take(fields) {
                let mut words = name.split('_');
                let mut new = words.next().unwrap_or_default().to_string();
                words.for_each(|word| {
                    new.push_str(&word.get(..1).map_or(String::new(), |first| first.to_uppercase() + &word[1..]))
                });
                let is_theirs = new.contains("chema") || ["args", "response", "parameters"].contains(&new.as_str());
                if !is_theirs {
                    camel(&mut value);
                }
                fields.insert(new, value);
            }
        }
        _ => {}
    }
}

/// The error at the bottom: of alternatives, the one that was most likely meant.
fn explained(error: &ValidationError) -> String {
    if let Kind::AnyOf { context } | Kind::OneOfNotValid { context } = error.kind() {
        // An alternative whose constant (a type or a role) is another one was not meant.
        let strange = |branch: &&Vec<ValidationError>| {
            let other = branch.iter().filter(|e| matches!(e.kind(), Kind::Constant { .. } | Kind::Type { .. })).count();
            (other, branch.len())
        };
        if let Some(error) = context.iter().min_by_key(strange).and_then(|branch| branch.first()) {
            return explained(error);
        }
    }
    let mut text = error.to_string();
    if let Some((at, _)) = text.char_indices().nth(300) {
        text.truncate(at);
    }
    format!("{text} at {}", error.instance_path())
}

/// Parameters that a model of this name does not take.
fn refused_by_model(asked: &Asked) -> Vec<String> {
    let has = |name: &str| asked.body.get(name).is_some_and(|value| !value.is_null());
    let refused: &[&str] = match asked.wire {
        Wire::Anthropic if is_new_claude(&asked.model) => &["temperature", "top_p", "top_k"],
        Wire::OpenAi if is_reasoner(&asked.model) => &["max_tokens"],
        _ => &[],
    };
    let mut found: Vec<String> =
        refused.iter().filter(|name| has(name)).map(|name| format!("{} refuses {name}", asked.model)).collect();
    let budget = &asked.body["thinking"]["budget_tokens"];
    if asked.wire == Wire::Anthropic && is_new_claude(&asked.model) && budget.is_number() {
        found.push(format!("{} refuses thinking.budget_tokens", asked.model));
    }
    if let (Some(budget), Some(most)) = (budget.as_u64(), asked.body["max_tokens"].as_u64())
        && (budget < 1024 || budget >= most)
    {
        found.push(format!("the thinking budget {budget} is not between 1024 and max_tokens, {most}"));
    }
    found
}

/// Claude 4.7 and later, in whichever order its name says family and version.
fn is_new_claude(model: &str) -> bool {
    let Some(rest) = model.strip_prefix("claude-") else { return false };
    let numbers: Vec<u32> = rest.split('-').filter_map(|word| word.parse().ok()).filter(|n| *n < 1000).collect();
    match numbers.as_slice() {
        [] => false,
        [major] => *major >= 5,
        [major, minor, ..] => (*major, *minor) >= (4, 7),
    }
}

fn is_reasoner(model: &str) -> bool {
    ["o1", "o3", "o4", "gpt-5", "gpt-6"].iter().any(|start| model.starts_with(start))
}

/// Calls without results and results without calls; empty texts where they are refused.
fn loose_ends(asked: &Asked) -> Vec<String> {
    // Ollama and Gemini join by name or position.
    if matches!(asked.wire, Wire::Ollama | Wire::Gemini) {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut open: Vec<String> = Vec::new();
    for message in &asked.messages {
        for (id, _) in &message.results {
            match open.iter().position(|call| call == id) {
                Some(at) => drop(open.remove(at)),
                None => found.push(format!("the result {id} has no call before it")),
            }
        }
        let goes_on = !message.results.is_empty() || (message.role == "assistant" && asked.wire == Wire::Responses);
        if !goes_on {
            found.extend(open.drain(..).map(|id| format!("the call {id} has no result behind it")));
        }
        open.extend(message.calls.iter().map(|(id, ..)| id.clone()));
    }
    found.extend(open.drain(..).map(|id| format!("the call {id} has no result behind it")));
    if asked.wire == Wire::Anthropic {
        let messages = asked.body["messages"].as_array();
        let blocks = messages.into_iter().flatten().filter_map(|m| m["content"].as_array()).flatten();
        if blocks.into_iter().any(|block| block["type"] == "text" && block["text"] == "") {
            found.push("a text block is empty".into());
        }
        if asked.messages.iter().find(|m| m.role != "system").is_some_and(|m| m.role != "user") {
            found.push("the first message is not the user's".into());
        }
    }
    found
}
