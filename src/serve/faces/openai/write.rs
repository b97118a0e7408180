//! Answers as OpenAI's chat completions give them, whole and as a stream.
//! <https://platform.openai.com/docs/api-reference/chat/object>, `/chat-streaming`. Thoughts stand in
//! `reasoning_content`, where most servers that speak this tongue put them.

use serde_json::{Map, Value, json};

use super::super::Vendor;
use super::super::asked::{Label, Told, Writer, arguments_text, calls, is_withheld, thoughts};
use super::super::fault::Fault;
use super::super::frame::{Frame, Framing};
use crate::providers::model::{Answer, Finish, Piece, ToolCall, Usage, words};

/// Writes chat completions.
#[derive(Clone, Debug)]
pub struct Completions {
    label: Label,
    include_usage: bool,
    told: Told,
}

impl Completions {
    /// A writer for one answer.
    pub fn new(label: Label, include_usage: bool) -> Completions {
        Completions { label, include_usage, told: Told::default() }
    }

    fn chunk(&self, delta: Value, finish: Option<&str>) -> Frame {
        let choice = json!({"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish});
        self.wrap(json!([choice]), None)
    }

    fn wrap(&self, choices: Value, usage: Option<Value>) -> Frame {
        let mut value = json!({
            "id": format!("chatcmpl-{}", self.label.id), "object": "chat.completion.chunk", "created": self.label.at,
            "model": self.label.model, "choices": choices,
        });
        if self.include_usage {
            value["usage"] = usage.unwrap_or(Value::Null);
        }
        Frame::Value(value)
    }
}

impl Writer for Completions {
    fn framing(&self) -> Framing {
        Framing::Events
    }

    fn begin(&mut self) -> Vec<Frame> {
        vec![self.chunk(json!({"role": "assistant", "content": ""}), None)]
    }

    fn piece(&mut self, piece: &Piece) -> Vec<Frame> {
        self.told.count(piece);
        match piece {
            Piece::Text(text) if !text.is_empty() => vec![self.chunk(json!({"content": text}), None)],
            Piece::Reasoning(text) if !text.is_empty() => vec![self.chunk(json!({"reasoning_content": text}), None)],
            _ => Vec::new(),
        }
    }

    fn end(&mut self, answer: &Answer) -> Vec<Frame> {
        self.label.model.clone_from(&answer.model);
        let rest = self.told.rest(answer);
        let mut frames: Vec<Frame> = rest.iter().flat_map(|piece| self.piece(piece)).collect();
        for (index, call) in calls(&answer.parts).into_iter().enumerate() {
            let mut value = Value::Object(Map::from_iter([("index".to_string(), json!(index))]));
            if let (Value::Object(value), Value::Object(call)) = (&mut value, call_value(call)) {
                value.extend(call);
            }
            frames.push(self.chunk(json!({"tool_calls": [value]}), None));
        }
        frames.push(self.chunk(json!({}), Some(finish_reason(&answer.finish))));
        if self.include_usage {
            frames.push(self.wrap(json!([]), Some(usage(&answer.usage))));
        }
        frames.push(Frame::Done);
        frames
    }

    fn fail(&mut self, fault: &Fault) -> Vec<Frame> {
        vec![Frame::Value(fault.body(Vendor::OpenAi, ""))]
    }

    fn whole(&self, answer: &Answer) -> Value {
        let text = words(&answer.parts);
        let calls: Vec<Value> = calls(&answer.parts).into_iter().map(call_value).collect();
        let content = if text.is_empty() && !calls.is_empty() { Value::Null } else { json!(text) };
        let mut message = json!({"role": "assistant", "content": content, "refusal": null});
        let thought = thoughts(&answer.parts);
        if !thought.is_empty() {
            message["reasoning_content"] = json!(thought);
        }
        if !calls.is_empty() {
            message["tool_calls"] = json!(calls);
        }
        let finish = finish_reason(&answer.finish);
        json!({
            "id": format!("chatcmpl-{}", self.label.id), "object": "chat.completion", "created": self.label.at,
            "model": answer.model,
            "choices": [{"index": 0, "message": message, "logprobs": null, "finish_reason": finish}],
            "usage": usage(&answer.usage),
        })
    }
}

fn call_value(call: &ToolCall) -> Value {
    let function = json!({"name": call.name, "arguments": arguments_text(call)});
    let mut value = json!({"id": call.id, "type": "function", "function": function});
    if let Some(signature) = call.signatures.last() {
        value["extra_content"] = json!({"google": {"thought_signature": signature}});
    }
    value
}

fn finish_reason(finish: &Finish) -> &'static str {
    match finish {
        Finish::Length => "length",
        Finish::Tools => "tool_calls",
        other if is_withheld(other) => "content_filter",
        _ => "stop",
    }
}

/// What it took; what nobody counted is 0, as clients expect numbers.
fn usage(usage: &Usage) -> Value {
    let (input, output) = (usage.input.unwrap_or(0), usage.output.unwrap_or(0));
    json!({
        "prompt_tokens": input, "completion_tokens": output, "total_tokens": input.saturating_add(output),
        "prompt_tokens_details": {"cached_tokens": usage.cached.unwrap_or(0)},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning.unwrap_or(0)},
    })
}
