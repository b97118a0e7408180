//! Anthropic messages.

use serde_json::{Value, json};

use super::super::answer::{Answer, Item, Refusal, Usage};
use super::super::asked::{Asked, Said};
use super::{Frame, argument_pieces, calls, names, object, text_of};

pub fn read(asked: &mut Asked) {
    let body = asked.body.clone();
    asked.model = body["model"].as_str().unwrap_or_default().into();
    asked.stream = body["stream"] == true;
    asked.tools = names(&body["tools"], |tool| &tool["name"]);
    let system = text_of(&body["system"]);
    if !system.is_empty() {
        asked.messages.push(Said { role: "system".into(), text: system, ..Said::default() });
    }
    asked.messages.extend(body["messages"].as_array().into_iter().flatten().map(said));
}

fn said(message: &Value) -> Said {
    let word = |value: &Value| value.as_str().unwrap_or_default().to_string();
    let mut said = Said { role: word(&message["role"]), text: text_of(&message["content"]), ..Said::default() };
    for part in message["content"].as_array().into_iter().flatten() {
        match part["type"].as_str().unwrap_or_default() {
            "image" | "document" => {
                let source = &part["source"];
                said.files.push(word(source.get("media_type").or(source.get("url")).unwrap_or(&Value::Null)));
            }
            "thinking" => said.reasoning.push_str(&word(&part["thinking"])),
            "tool_use" => said.calls.push((word(&part["id"]), word(&part["name"]), part["input"].clone())),
            "tool_result" => said.results.push((word(&part["tool_use_id"]), text_of(&part["content"]))),
            _ => {}
        }
    }
    // Results come in the person's name.
    if !said.results.is_empty() && said.text.is_empty() {
        said.role = "tool".into();
    }
    said
}

fn why(answer: &Answer) -> &str {
    match answer.why() {
        "stop" => "end_turn",
        "length" => "max_tokens",
        "tool_calls" => "tool_use",
        "content_filter" => "refusal",
        other => other,
    }
}

/// Cached tokens are told beside the others, not among them.
fn usage_value(usage: Usage) -> Value {
    json!({
        "input_tokens": usage.input - usage.cached - usage.cache_written,
        "cache_creation_input_tokens": usage.cache_written,
        "cache_read_input_tokens": usage.cached,
        "output_tokens": usage.output,
        "service_tier": "standard",
    })
}

fn message(asked: &Asked, content: Value, stop: Value, usage: Usage) -> Value {
    json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": asked.model, "content": content,
        "stop_reason": stop, "stop_sequence": null, "usage": usage_value(usage),
    })
}

pub fn whole(asked: &Asked, answer: &Answer, usage: Option<Usage>) -> Frame {
    let part = |item: &Item| match item {
        Item::Text(text) => json!({"type": "text", "text": text, "citations": null}),
        Item::Reasoning(text) => json!({"type": "thinking", "thinking": text, "signature": "sealed"}),
        Item::Tool { id, name, arguments } => {
            json!({"type": "tool_use", "id": id, "name": name, "input": object(arguments)})
        }
    };
    let content = answer.items.iter().map(part).collect();
    let mut body = message(asked, content, json!(why(answer)), usage.unwrap_or_default());
    if usage.is_none() {
        body["usage"] = json!({"input_tokens": 0, "output_tokens": 0});
    }
    Frame::json(body).tells(usage).words(&answer.words())
}

pub fn stream(asked: &Asked, answer: &Answer, usage: Option<Usage>) -> Vec<Frame> {
    let begun = usage.map(|u| Usage { output: 1, reasoning: 0, ..u });
    let start = message(asked, json!([]), Value::Null, begun.unwrap_or_default());
    let mut frames = vec![event(json!({"type": "message_start", "message": start})).tells(begun)];
    let mut index = 0;
    for item in &answer.items {
        let (block, pieces) = match item {
            Item::Text(text) => (json!({"type": "text", "text": ""}), answer.in_pieces(text)),
            Item::Reasoning(text) => {
                (json!({"type": "thinking", "thinking": "", "signature": ""}), answer.in_pieces(text))
            }
            Item::Tool { .. } => continue,
        };
        frames.push(event(json!({"type": "content_block_start", "index": index, "content_block": block})));
        if index == 0 {
            frames.push(event(json!({"type": "ping"})));
        }
        let thinks = matches!(item, Item::Reasoning(_));
        frames.extend(pieces.iter().map(|piece| {
            let delta = match thinks {
                true => json!({"type": "thinking_delta", "thinking": piece}),
                false => json!({"type": "text_delta", "text": piece}),
            };
            block_delta(index, delta).words(piece)
        }));
        if thinks {
            frames.push(block_delta(index, json!({"type": "signature_delta", "signature": "sealed"})));
        }
        frames.push(event(json!({"type": "content_block_stop", "index": index})));
        index += 1;
    }
    frames.extend(call_events(answer, index));
    if let Some(message) = &answer.error_in_stream {
        frames.push(event(
            json!({"type": "error", "error": {"type": "overloaded_error", "message": message}, "request_id": "req_1"}),
        ));
    } else if !answer.no_end_mark {
        let mut end = json!({
            "type": "message_delta", "delta": {"stop_reason": why(answer), "stop_sequence": null},
            "usage": {"output_tokens": 0},
        });
        if let Some(usage) = usage {
            end["usage"] = usage_value(usage);
        }
        frames.push(event(end).tells(usage));
        frames.push(event(json!({"type": "message_stop"})));
    }
    frames
}

fn event(data: Value) -> Frame {
    let name = data["type"].as_str().unwrap().to_string();
    Frame::named(&name, data)
}

fn block_delta(index: usize, delta: Value) -> Frame {
    event(json!({"type": "content_block_delta", "index": index, "delta": delta}))
}

fn call_events(answer: &Answer, first: usize) -> Vec<Frame> {
    let calls = calls(answer);
    let arguments: Vec<&str> = calls.iter().map(|call| call.2).collect();
    let pieces = argument_pieces(answer, &arguments);
    let begin = |i: usize| {
        let (id, name, _) = calls[i];
        let block = json!({"type": "tool_use", "id": id, "name": name, "input": {}});
        event(json!({"type": "content_block_start", "index": first + i, "content_block": block}))
    };
    let piece =
        |(i, text): &(usize, String)| block_delta(first + i, json!({"type": "input_json_delta", "partial_json": text}));
    let end = |i: usize| event(json!({"type": "content_block_stop", "index": first + i}));
    let all = 0..calls.len();
    if answer.interleaved {
        let middle = pieces.iter().map(piece);
        return all.clone().map(begin).chain(middle).chain(all.map(end)).collect();
    }
    let one = |i: usize| {
        let own: Vec<Frame> = pieces.iter().filter(|(at, _)| *at == i).map(piece).collect();
        std::iter::once(begin(i)).chain(own).chain([end(i)]).collect::<Vec<_>>()
    };
    all.flat_map(one).collect()
}

pub fn refuse(model: &str, refusal: &Refusal, message: Option<&str>) -> (u16, Value) {
    let (status, kind, usual) = match refusal {
        Refusal::Auth => (401, "authentication_error", "invalid x-api-key".to_string()),
        Refusal::UnknownModel => (404, "not_found_error", format!("model: {model}")),
        Refusal::TooLong { tokens, limit } => {
            (400, "invalid_request_error", format!("prompt is too long: {tokens} tokens > {limit} maximum"))
        }
        Refusal::Status(status) | Refusal::Raw { status, .. } => {
            let (kind, usual) = match status {
                401 => ("authentication_error", "invalid x-api-key"),
                403 => ("permission_error", "Your API key does not have permission to use the specified resource."),
                404 => ("not_found_error", "Not found"),
                413 => ("request_too_large", "Request exceeds the maximum size"),
                429 => ("rate_limit_error", "This request would exceed your organization's rate limit."),
                529 => ("overloaded_error", "Overloaded"),
                500.. => ("api_error", "Internal server error"),
                _ => ("invalid_request_error", "Invalid request"),
            };
            (*status, kind, usual.to_string())
        }
    };
    let message = message.map_or(usual, String::from);
    (status, json!({"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}))
}
