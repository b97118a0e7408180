//! OpenAI responses.

use serde_json::{Value, json};

use super::super::answer::{Answer, Item, Usage};
use super::super::asked::{Asked, Said};
use super::{Frame, argument_pieces, mime_of, names, text_of};

pub fn read(asked: &mut Asked) {
    let body = asked.body.clone();
    asked.model = body["model"].as_str().unwrap_or_default().into();
    asked.stream = body["stream"] == true;
    asked.tools = names(&body["tools"], |tool| &tool["name"]);
    let mut messages = Vec::new();
    if let Some(text) = body["instructions"].as_str() {
        messages.push(Said { role: "system".into(), text: text.into(), ..Said::default() });
    }
    match &body["input"] {
        Value::String(text) => messages.push(Said { role: "user".into(), text: text.clone(), ..Said::default() }),
        Value::Array(items) => items.iter().for_each(|item| add(&mut messages, item)),
        _ => {}
    }
    asked.messages = messages;
}

/// Items without a role belong to the assistant's message, or are a tool's result.
fn add(messages: &mut Vec<Said>, item: &Value) {
    let word = |name: &str| item[name].as_str().unwrap_or_default().to_string();
    match item["type"].as_str().unwrap_or("message") {
        "function_call" => {
            let arguments = serde_json::from_str(&word("arguments")).unwrap_or_else(|_| item["arguments"].clone());
            of_assistant(messages).calls.push((word("call_id"), word("name"), arguments));
        }
        "function_call_output" => {
            let results = vec![(word("call_id"), text_of(&item["output"]))];
            messages.push(Said { role: "tool".into(), results, ..Said::default() });
        }
        "reasoning" => {
            let text = text_of(&item["summary"]) + &text_of(&item["content"]);
            messages.push(Said { role: "assistant".into(), reasoning: text, ..Said::default() });
        }
        _ => {
            let role = if word("role") == "developer" { "system".into() } else { word("role") };
            let parts = item["content"].as_array().into_iter().flatten();
            let file = |part: &Value| part["image_url"].as_str().or(part["file_data"].as_str()).map(mime_of);
            let files = parts.filter_map(file).collect();
            let text = text_of(&item["content"]);
            let last =
                messages.last_mut().filter(|m| role == "assistant" && m.role == "assistant" && m.text.is_empty());
            match last {
                Some(message) => message.text = text,
                None => messages.push(Said { role, text, files, ..Said::default() }),
            }
        }
    }
}

fn of_assistant(messages: &mut Vec<Said>) -> &mut Said {
    if messages.last().is_none_or(|m| m.role != "assistant") {
        messages.push(Said { role: "assistant".into(), ..Said::default() });
    }
    messages.last_mut().unwrap()
}

fn response(asked: &Asked, status: &str, output: Vec<Value>, usage: Option<Usage>) -> Value {
    let body = &asked.body;
    let or = |name: &str, otherwise: Value| body.get(name).cloned().unwrap_or(otherwise);
    json!({
        "id": "resp_1", "object": "response", "created_at": 1_790_000_000, "status": status, "error": null,
        "incomplete_details": null, "instructions": body.get("instructions"), "metadata": {}, "model": asked.model,
        "output": output, "parallel_tool_calls": true, "temperature": or("temperature", json!(1.0)),
        "top_p": or("top_p", json!(1.0)), "tool_choice": or("tool_choice", json!("auto")), "tools": or("tools", json!([])),
        "max_output_tokens": body.get("max_output_tokens"), "previous_response_id": null,
        "reasoning": {"effort": null, "summary": null}, "text": {"format": {"type": "text"}}, "truncation": "disabled",
        "store": or("store", json!(true)), "user": null, "background": false, "service_tier": "default",
        "usage": usage.map(|u| json!({
            "input_tokens": u.input, "input_tokens_details": {"cached_tokens": u.cached, "cache_write_tokens": u.cache_written}, "output_tokens": u.output,
            "output_tokens_details": {"reasoning_tokens": u.reasoning}, "total_tokens": u.input + u.output,
        })),
    })
}

/// An output item: as it begins, or whole.
fn output(item: &Item, index: usize, done: bool) -> Value {
    let status = if done { "completed" } else { "in_progress" };
    match item {
        Item::Text(text) => {
            let content = if done { json!([text_part(text)]) } else { json!([]) };
            json!({"id": format!("msg_{index}"), "type": "message", "status": status, "role": "assistant", "content": content})
        }
        Item::Reasoning(text) => {
            let summary = if done { json!([{"type": "summary_text", "text": text}]) } else { json!([]) };
            let sealed = if done { json!(format!("sealed-{index}")) } else { Value::Null };
            json!({"id": format!("rs_{index}"), "type": "reasoning", "summary": summary, "encrypted_content": sealed})
        }
        Item::Tool { id, name, arguments } => {
            let arguments = if done { arguments } else { "" };
            json!({
                "id": format!("fc_{index}"), "type": "function_call", "status": status, "call_id": id, "name": name,
                "arguments": arguments,
            })
        }
    }
}

fn text_part(text: &str) -> Value {
    json!({"type": "output_text", "text": text, "annotations": [], "logprobs": []})
}

/// The final response and the name of its event.
fn last(asked: &Asked, answer: &Answer, usage: Option<Usage>) -> (&'static str, Value) {
    let all = answer.items.iter().enumerate().map(|(i, item)| output(item, i, true)).collect();
    let why = match answer.why() {
        "length" => "max_output_tokens",
        "content_filter" => "content_filter",
        _ => return ("response.completed", response(asked, "completed", all, usage)),
    };
    let mut value = response(asked, "incomplete", all, usage);
    value["incomplete_details"] = json!({"reason": why});
    ("response.incomplete", value)
}

pub fn whole(asked: &Asked, answer: &Answer, usage: Option<Usage>) -> Frame {
    Frame::json(last(asked, answer, usage).1).tells(usage).words(&answer.words())
}

/// The events so far; each gets its number.
#[derive(Default)]
struct Events(Vec<Frame>);

impl Events {
    fn push(&mut self, event: &str, mut data: Value) -> &mut Frame {
        data["type"] = json!(event);
        data["sequence_number"] = json!(self.0.len());
        self.0.push(Frame::named(event, data));
        self.0.last_mut().unwrap()
    }
}

pub fn stream(asked: &Asked, answer: &Answer, usage: Option<Usage>) -> Vec<Frame> {
    let mut events = Events::default();
    for event in ["response.created", "response.in_progress"] {
        events.push(event, json!({"response": response(asked, "in_progress", Vec::new(), None)}));
    }
    for (index, item) in answer.items.iter().enumerate() {
        match item {
            Item::Text(text) => text_events(&mut events, answer, index, item, text),
            Item::Reasoning(text) => reasoning_events(&mut events, answer, index, item, text),
            Item::Tool { .. } => {}
        }
    }
    call_events(&mut events, answer);
    if let Some(message) = &answer.error_in_stream {
        events.push("error", json!({"code": "server_error", "message": message, "param": null}));
        let mut failed = response(asked, "failed", Vec::new(), None);
        failed["error"] = json!({"code": "server_error", "message": message});
        events.push("response.failed", json!({"response": failed}));
    } else if !answer.no_end_mark {
        let (event, value) = last(asked, answer, usage);
        events.push(event, json!({"response": value})).tells = usage;
    }
    events.0
}

fn text_events(events: &mut Events, answer: &Answer, index: usize, item: &Item, text: &str) {
    let id = format!("msg_{index}");
    let at = |mut value: Value| {
        value["item_id"] = json!(id);
        value["output_index"] = json!(index);
        value["content_index"] = json!(0);
        value
    };
    events.push("response.output_item.added", json!({"output_index": index, "item": output(item, index, false)}));
    events.push("response.content_part.added", at(json!({"part": text_part("")})));
    for piece in answer.in_pieces(text) {
        let event = events.push("response.output_text.delta", at(json!({"delta": piece, "logprobs": []})));
        event.words = piece;
    }
    events.push("response.output_text.done", at(json!({"text": text, "logprobs": []})));
    events.push("response.content_part.done", at(json!({"part": text_part(text)})));
    events.push("response.output_item.done", json!({"output_index": index, "item": output(item, index, true)}));
}

fn reasoning_events(events: &mut Events, answer: &Answer, index: usize, item: &Item, text: &str) {
    let id = format!("rs_{index}");
    let at = |mut value: Value| {
        value["item_id"] = json!(id);
        value["output_index"] = json!(index);
        value["summary_index"] = json!(0);
        value
    };
    let part = |text: &str| at(json!({"part": {"type": "summary_text", "text": text}}));
    events.push("response.output_item.added", json!({"output_index": index, "item": output(item, index, false)}));
    events.push("response.reasoning_summary_part.added", part(""));
    for piece in answer.in_pieces(text) {
        let event = events.push("response.reasoning_summary_text.delta", at(json!({"delta": piece})));
        event.words = piece;
    }
    events.push("response.reasoning_summary_text.done", at(json!({"text": text})));
    events.push("response.reasoning_summary_part.done", part(text));
    events.push("response.output_item.done", json!({"output_index": index, "item": output(item, index, true)}));
}

fn call_events(events: &mut Events, answer: &Answer) {
    let calls: Vec<(usize, &Item, &str, &str)> = answer.items.iter().enumerate().filter_map(call).collect();
    let arguments: Vec<&str> = calls.iter().map(|call| call.3).collect();
    let pieces = argument_pieces(answer, &arguments);
    let begin = |events: &mut Events, (index, item, _, _): &(usize, &Item, &str, &str)| {
        events.push("response.output_item.added", json!({"output_index": index, "item": output(item, *index, false)}));
    };
    let piece = |events: &mut Events, index: usize, piece: &str| {
        let data = json!({"item_id": format!("fc_{index}"), "output_index": index, "delta": piece});
        events.push("response.function_call_arguments.delta", data);
    };
    let end = |events: &mut Events, (index, item, name, arguments): &(usize, &Item, &str, &str)| {
        let id = format!("fc_{index}");
        let data = json!({"item_id": id, "output_index": index, "name": name, "arguments": arguments});
        events.push("response.function_call_arguments.done", data);
        events.push("response.output_item.done", json!({"output_index": index, "item": output(item, *index, true)}));
    };
    if answer.interleaved {
        calls.iter().for_each(|call| begin(events, call));
        pieces.iter().for_each(|(at, text)| piece(events, calls[*at].0, text));
        calls.iter().for_each(|call| end(events, call));
        return;
    }
    for (position, call) in calls.iter().enumerate() {
        begin(events, call);
        let own = pieces.iter().filter(|(at, text)| *at == position && !text.is_empty());
        own.for_each(|(_, text)| piece(events, call.0, text));
        end(events, call);
    }
}

fn call((index, item): (usize, &Item)) -> Option<(usize, &Item, &str, &str)> {
    match item {
        Item::Tool { name, arguments, .. } => Some((index, item, name, arguments)),
        _ => None,
    }
}
