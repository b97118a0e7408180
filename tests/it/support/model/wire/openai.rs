//! OpenAI chat completions.

use serde_json::{Value, json};

use super::super::answer::{Answer, Item, Refusal, Usage};
use super::super::asked::{Asked, Said};
use super::{Frame, argument_pieces, calls, mime_of, names, text_of};

pub fn read(asked: &mut Asked) {
    let body = asked.body.clone();
    asked.model = body["model"].as_str().unwrap_or_default().into();
    asked.stream = body["stream"] == true;
    asked.tools = names(&body["tools"], |tool| &tool["function"]["name"]);
    asked.messages = body["messages"].as_array().into_iter().flatten().map(said).collect();
}

fn said(message: &Value) -> Said {
    let role = match message["role"].as_str().unwrap_or_default() {
        "developer" => "system",
        other => other,
    };
    let text = text_of(&message["content"]);
    let call = |call: &Value| {
        let arguments = call["function"]["arguments"].as_str().unwrap_or_default();
        let arguments = serde_json::from_str(arguments).unwrap_or_else(|_| json!(arguments));
        (word(&call["id"]), word(&call["function"]["name"]), arguments)
    };
    let parts = message["content"].as_array().into_iter().flatten();
    let file = |part: &Value| part["image_url"]["url"].as_str().or(part["file"]["file_data"].as_str()).map(mime_of);
    let results = if role == "tool" { vec![(word(&message["tool_call_id"]), text.clone())] } else { Vec::new() };
    Said {
        role: role.into(),
        text: if role == "tool" { String::new() } else { text },
        reasoning: word(&message["reasoning_content"]) + &word(&message["reasoning"]),
        files: parts.filter_map(file).collect(),
        calls: message["tool_calls"].as_array().into_iter().flatten().map(call).collect(),
        results,
    }
}

fn word(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_string()
}

/// How usage is told.
pub fn usage_value(usage: Usage) -> Value {
    json!({
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "prompt_tokens_details": {"cached_tokens": usage.cached, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning, "audio_tokens": 0,
            "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0,
        },
    })
}

pub fn stream(asked: &Asked, answer: &Answer, usage: Option<Usage>) -> Vec<Frame> {
    let wants_usage = asked.body["stream_options"]["include_usage"] == true;
    let chunk = |choices: Value, usage: Value| {
        let mut chunk = json!({
            "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_790_000_000, "model": asked.model,
            "service_tier": "default", "system_fingerprint": "fp_1", "choices": choices,
        });
        if wants_usage {
            chunk["usage"] = usage;
        }
        Frame::json(chunk)
    };
    let delta = |delta: Value, finish: Option<&str>| {
        chunk(json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish}]), Value::Null)
    };
    let mut frames = vec![delta(json!({"role": "assistant", "content": "", "refusal": null}), None)];
    let field = answer.reasoning_field.as_deref().unwrap_or("reasoning_content");
    for item in &answer.items {
        match item {
            Item::Text(text) => {
                frames.extend(answer.in_pieces(text).iter().map(|p| delta(json!({"content": p}), None).words(p)));
            }
            Item::Reasoning(text) => {
                frames.extend(answer.in_pieces(text).iter().map(|p| delta(json!({field: p}), None).words(p)));
            }
            Item::Tool { .. } => {}
        }
    }
    frames.extend(call_deltas(answer).into_iter().map(|call| delta(json!({"tool_calls": [call]}), None)));
    if let Some(message) = &answer.error_in_stream {
        frames.push(Frame::json(json!({"error": {
            "message": message, "type": "server_error", "param": null, "code": null,
        }})));
        return frames;
    }
    if answer.no_end_mark {
        return frames;
    }
    frames.push(delta(json!({}), Some(answer.why())));
    if let (true, Some(usage)) = (wants_usage, usage) {
        frames.push(chunk(json!([]), usage_value(usage)).tells(Some(usage)));
    }
    if !answer.no_done {
        frames.push(Frame { data: "[DONE]".into(), ..Frame::default() });
    }
    frames
}

fn call_deltas(answer: &Answer) -> Vec<Value> {
    let calls = calls(answer);
    let starts: Vec<Value> = calls
        .iter()
        .enumerate()
        .map(|(i, (id, name, _))| {
            json!({"index": i, "id": id, "type": "function", "function": {"name": name, "arguments": ""}})
        })
        .collect();
    let arguments: Vec<&str> = calls.iter().map(|call| call.2).collect();
    let pieces = argument_pieces(answer, &arguments);
    let piece = |(i, piece): &(usize, String)| json!({"index": i, "function": {"arguments": piece}});
    if answer.interleaved {
        return starts.into_iter().chain(pieces.iter().map(piece)).collect();
    }
    let of = |(i, start): (usize, Value)| {
        let own: Vec<Value> = pieces.iter().filter(|(at, p)| *at == i && !p.is_empty()).map(piece).collect();
        std::iter::once(start).chain(own)
    };
    starts.into_iter().enumerate().flat_map(of).collect()
}

pub fn whole(asked: &Asked, answer: &Answer, usage: Option<Usage>) -> Frame {
    let text = answer.words();
    let mut message = json!({"role": "assistant", "content": text, "refusal": null, "annotations": []});
    if answer.has_tools() {
        let call = |(id, name, arguments): &(&str, &str, &str)| json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}});
        message["tool_calls"] = calls(answer).iter().map(call).collect();
        if text.is_empty() {
            message["content"] = Value::Null;
        }
    }
    for item in &answer.items {
        if let Item::Reasoning(text) = item {
            message[answer.reasoning_field.as_deref().unwrap_or("reasoning_content")] = json!(text);
        }
    }
    let mut body = json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1_790_000_000, "model": asked.model,
        "service_tier": "default", "system_fingerprint": "fp_1",
        "choices": [{"index": 0, "message": message, "logprobs": null, "finish_reason": answer.why()}],
    });
    if let Some(usage) = usage {
        body["usage"] = usage_value(usage);
    }
    Frame::json(body).tells(usage).words(&text)
}

pub fn refuse(model: &str, refusal: &Refusal, message: Option<&str>, input: &str) -> (u16, Value) {
    let (status, kind, usual, param, code): (u16, &str, String, Value, Value) = match refusal {
        Refusal::Auth => {
            let usual = "Incorrect API key provided: sk-wrong. You can find your API key at \
                         https://platform.openai.com/account/api-keys.";
            (401, "invalid_request_error", usual.into(), Value::Null, json!("invalid_api_key"))
        }
        Refusal::UnknownModel => {
            let usual = format!("The model `{model}` does not exist or you do not have access to it.");
            (404, "invalid_request_error", usual, Value::Null, json!("model_not_found"))
        }
        Refusal::TooLong { tokens, limit } => {
            let usual = format!(
                "This model's maximum context length is {limit} tokens. However, your messages resulted in {tokens} \
                 tokens. Please reduce the length of the messages."
            );
            (400, "invalid_request_error", usual, json!(input), json!("context_length_exceeded"))
        }
        Refusal::Status(status) | Refusal::Raw { status, .. } => {
            let (kind, usual, code) = match status {
                401 => ("invalid_request_error", "Incorrect API key provided: sk-wrong.", json!("invalid_api_key")),
                403 => (
                    "invalid_request_error",
                    "Country, region, or territory not supported",
                    json!("unsupported_country_region_territory"),
                ),
                429 => ("requests", "Rate limit reached for requests", json!("rate_limit_exceeded")),
                503 => (
                    "service_unavailable_error",
                    "That model is currently overloaded with other requests.",
                    Value::Null,
                ),
                500.. => (
                    "server_error",
                    "The server had an error while processing your request. Sorry about that!",
                    Value::Null,
                ),
                _ => ("invalid_request_error", "Invalid request", Value::Null),
            };
            (*status, kind, usual.into(), Value::Null, code)
        }
    };
    let message = message.map_or(usual, String::from);
    (status, json!({"error": {"message": message, "type": kind, "param": param, "code": code}}))
}
