//! Ollama chat.

use serde_json::{Value, json};

use super::super::answer::{Answer, Item, Refusal, Usage};
use super::super::asked::{Asked, Said};
use super::{Frame, calls, names, object};

pub fn read(asked: &mut Asked) {
    let body = asked.body.clone();
    asked.model = body["model"].as_str().unwrap_or_default().into();
    // A stream unless it is declined.
    asked.stream = body["stream"] != false;
    asked.tools = names(&body["tools"], |tool| &tool["function"]["name"]);
    asked.messages = body["messages"].as_array().into_iter().flatten().map(said).collect();
}

fn said(message: &Value) -> Said {
    let word = |value: &Value| value.as_str().unwrap_or_default().to_string();
    let (role, text) = (word(&message["role"]), word(&message["content"]));
    let call = |call: &Value| {
        let function = &call["function"];
        (word(&call["id"]), word(&function["name"]), function["arguments"].clone())
    };
    let images = message["images"].as_array().into_iter().flatten().map(|_| "image".to_string());
    let id = [&message["tool_call_id"], &message["tool_name"]].into_iter().find(|v| v.is_string());
    let results = if role == "tool" { vec![(word(id.unwrap_or(&Value::Null)), text.clone())] } else { Vec::new() };
    Said {
        text: if role == "tool" { String::new() } else { text },
        role,
        reasoning: word(&message["thinking"]),
        files: images.collect(),
        calls: message["tool_calls"].as_array().into_iter().flatten().map(call).collect(),
        results,
    }
}

/// Ollama knows neither cached nor reasoning tokens.
pub fn known(usage: Option<Usage>) -> Option<Usage> {
    usage.map(|u| Usage { input: u.input, output: u.output, ..Usage::default() })
}

fn line(asked: &Asked, message: Value) -> Value {
    json!({"model": asked.model, "created_at": "2026-11-21T04:00:00.123456789Z", "message": message, "done": false})
}

fn end(line: &mut Value, answer: &Answer, usage: Option<Usage>) {
    line["done"] = json!(true);
    line["done_reason"] = json!(match answer.why() {
        "tool_calls" => "stop",
        other => other,
    });
    let durations = ["total_duration", "load_duration", "prompt_eval_duration", "eval_duration"];
    durations.iter().for_each(|name| line[*name] = json!(5_000_000));
    if let Some(usage) = usage {
        line["prompt_eval_count"] = json!(usage.input);
        line["eval_count"] = json!(usage.output);
    }
}

fn tool_calls(answer: &Answer) -> Vec<Value> {
    let call = |(i, (id, name, arguments)): (usize, (&str, &str, &str))| json!({"id": id, "function": {"index": i, "name": name, "arguments": object(arguments)}});
    calls(answer).into_iter().enumerate().map(call).collect()
}

pub fn whole(asked: &Asked, answer: &Answer, usage: Option<Usage>) -> Frame {
    let mut message = json!({"role": "assistant", "content": answer.words()});
    for item in &answer.items {
        if let Item::Reasoning(text) = item {
            message["thinking"] = json!(text);
        }
    }
    if answer.has_tools() {
        message["tool_calls"] = json!(tool_calls(answer));
    }
    let mut line = line(asked, message);
    end(&mut line, answer, usage);
    Frame::json(line).tells(known(usage)).words(&answer.words())
}

pub fn stream(asked: &Asked, answer: &Answer, usage: Option<Usage>) -> Vec<Frame> {
    let mut frames = Vec::new();
    for item in &answer.items {
        match item {
            Item::Text(text) => frames.extend(
                answer
                    .in_pieces(text)
                    .iter()
                    .map(|piece| Frame::json(line(asked, json!({"role": "assistant", "content": piece}))).words(piece)),
            ),
            Item::Reasoning(text) => frames.extend(answer.in_pieces(text).iter().map(|piece| {
                Frame::json(line(asked, json!({"role": "assistant", "content": "", "thinking": piece}))).words(piece)
            })),
            Item::Tool { .. } => {}
        }
    }
    for call in tool_calls(answer) {
        frames.push(Frame::json(line(asked, json!({"role": "assistant", "content": "", "tool_calls": [call]}))));
    }
    if let Some(message) = &answer.error_in_stream {
        frames.push(Frame::json(json!({"error": message})));
    } else if !answer.no_end_mark {
        let mut last = line(asked, json!({"role": "assistant", "content": ""}));
        end(&mut last, answer, usage);
        frames.push(Frame::json(last).tells(known(usage)));
    }
    frames
}

pub fn refuse(model: &str, refusal: &Refusal, message: Option<&str>) -> (u16, Value) {
    let (status, usual) = match refusal {
        Refusal::Auth => (401, "unauthorized".to_string()),
        Refusal::UnknownModel => (404, format!("model '{model}' not found")),
        Refusal::TooLong { tokens, limit } => {
            (400, format!("the prompt of {tokens} tokens exceeds the context length of {limit}"))
        }
        Refusal::Status(status) | Refusal::Raw { status, .. } => {
            let usual = match status {
                401 => "unauthorized",
                429 => "too many requests",
                503 => "server busy, please try again.  maximum pending requests exceeded",
                500.. => "llama runner process has terminated",
                _ => "invalid request",
            };
            (*status, usual.to_string())
        }
    };
    (status, json!({"error": message.map_or(usual, String::from)}))
}
