//! Gemini generateContent.

use serde_json::{Value, json};

use super::super::answer::{Answer, Item, Refusal, Usage};
use super::super::asked::{Asked, Said};
use super::{Frame, object};

/// A field by either of its names: protocol buffers take both spellings.
fn field<'a>(value: &'a Value, camel: &str, snake: &str) -> &'a Value {
    value.get(camel).or(value.get(snake)).unwrap_or(&Value::Null)
}

pub fn read(asked: &mut Asked) {
    let body = asked.body.clone();
    let last = asked.path.rsplit("/models/").next().unwrap_or_default();
    let (model, action) = last.rsplit_once(':').unwrap_or((last, ""));
    asked.model = model.to_string();
    asked.stream = action == "streamGenerateContent";
    for tool in body["tools"].as_array().into_iter().flatten() {
        let declared = field(tool, "functionDeclarations", "function_declarations");
        asked.tools.extend(super::names(declared, |function| &function["name"]));
    }
    let system = said(field(&body, "systemInstruction", "system_instruction"));
    if !system.text.is_empty() {
        asked.messages.push(Said { role: "system".into(), ..system });
    }
    asked.messages.extend(body["contents"].as_array().into_iter().flatten().map(said));
}

fn said(content: &Value) -> Said {
    let word = |value: &Value| value.as_str().unwrap_or_default().to_string();
    let role = match content["role"].as_str().unwrap_or("user") {
        "model" => "assistant",
        other => other,
    };
    let mut said = Said { role: role.into(), ..Said::default() };
    for part in content["parts"].as_array().into_iter().flatten() {
        let text = word(&part["text"]);
        if part["thought"] == true {
            said.reasoning.push_str(&text)
        } else {
            said.text.push_str(&text)
        }
        let (data, file) = (field(part, "inlineData", "inline_data"), field(part, "fileData", "file_data"));
        if data.is_object() {
            said.files.push(word(field(data, "mimeType", "mime_type")));
        }
        if file.is_object() {
            said.files.push(word(field(file, "fileUri", "file_uri")));
        }
        let call = field(part, "functionCall", "function_call");
        if call.is_object() {
            said.calls.push((word(&call["id"]), word(&call["name"]), call["args"].clone()));
        }
        let result = field(part, "functionResponse", "function_response");
        if result.is_object() {
            let id = result["id"].as_str().or(result["name"].as_str()).unwrap_or_default();
            said.results.push((id.to_string(), plain(&result["response"])));
            said.role = "tool".into();
        }
    }
    said
}

/// The one text of a response object, else its JSON.
fn plain(response: &Value) -> String {
    match response.as_object().filter(|o| o.len() == 1).and_then(|o| o.values().next()) {
        Some(Value::String(text)) => text.clone(),
        _ => response.to_string(),
    }
}

fn why(answer: &Answer) -> &str {
    match answer.why() {
        "stop" | "tool_calls" => "STOP",
        "length" => "MAX_TOKENS",
        "content_filter" => "SAFETY",
        other => other,
    }
}

/// Thoughts are told beside the candidates' tokens, not among them.
fn usage_value(usage: Usage, all: bool) -> Value {
    let mut value = json!({
        "promptTokenCount": usage.input, "totalTokenCount": usage.input,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": usage.input}],
    });
    if usage.cached > 0 {
        value["cachedContentTokenCount"] = json!(usage.cached);
    }
    if all {
        value["candidatesTokenCount"] = json!(usage.output - usage.reasoning);
        value["totalTokenCount"] = json!(usage.input + usage.output);
        if usage.reasoning > 0 {
            value["thoughtsTokenCount"] = json!(usage.reasoning);
        }
    }
    value
}

fn part(item: &Item) -> Value {
    match item {
        Item::Text(text) => json!({"text": text}),
        Item::Reasoning(text) => json!({"text": text, "thought": true}),
        Item::Tool { id, name, arguments } => {
            json!({"functionCall": {"id": id, "name": name, "args": object(arguments)}, "thoughtSignature": "c2VhbGVk"})
        }
    }
}

fn response(asked: &Asked, parts: Vec<Value>, finish: Option<&str>, usage: Option<Value>) -> Value {
    let mut candidate = json!({"content": {"parts": parts, "role": "model"}, "index": 0});
    if let Some(finish) = finish {
        candidate["finishReason"] = json!(finish);
    }
    let mut value = json!({"candidates": [candidate], "modelVersion": asked.model, "responseId": "r1"});
    if let Some(usage) = usage {
        value["usageMetadata"] = usage;
    }
    value
}

pub fn whole(asked: &Asked, answer: &Answer, usage: Option<Usage>) -> Frame {
    let parts = answer.items.iter().map(part).collect();
    let told = usage.map(|u| usage_value(u, true));
    Frame::json(response(asked, parts, Some(why(answer)), told)).tells(usage).words(&answer.words())
}

pub fn stream(asked: &Asked, answer: &Answer, usage: Option<Usage>) -> Vec<Frame> {
    let begun = usage.map(|u| Usage { output: 0, reasoning: 0, ..u });
    let told = usage.map(|u| usage_value(u, false));
    let piece = |item: Item, words: &str| {
        Frame::json(response(asked, vec![part(&item)], None, told.clone())).words(words).tells(begun)
    };
    let mut frames: Vec<Frame> = Vec::new();
    for item in &answer.items {
        match item {
            Item::Text(text) => frames.extend(answer.in_pieces(text).iter().map(|p| piece(Item::Text(p.clone()), p))),
            Item::Reasoning(text) => {
                frames.extend(answer.in_pieces(text).iter().map(|p| piece(Item::Reasoning(p.clone()), p)));
            }
            Item::Tool { .. } => frames.push(piece(item.clone(), "")),
        }
    }
    if let Some(message) = &answer.error_in_stream {
        frames.push(Frame::json(json!({"error": {"code": 503, "message": message, "status": "UNAVAILABLE"}})));
    } else if !answer.no_end_mark {
        let told = usage.map(|u| usage_value(u, true));
        frames.push(Frame::json(response(asked, vec![json!({"text": ""})], Some(why(answer)), told)).tells(usage));
    }
    frames
}

pub fn refuse(model: &str, refusal: &Refusal, message: Option<&str>) -> (u16, Value) {
    let mut details = json!([]);
    let (code, status, usual) = match refusal {
        Refusal::Auth => {
            details = json!([{
                "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID",
                "domain": "googleapis.com", "metadata": {"service": "generativelanguage.googleapis.com"},
            }]);
            (400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.".to_string())
        }
        Refusal::UnknownModel => {
            let usual = format!(
                "models/{model} is not found for API version v1beta, or is not supported for generateContent. Call \
                 ListModels to see the list of available models and their supported methods."
            );
            (404, "NOT_FOUND", usual)
        }
        Refusal::TooLong { tokens, limit } => {
            let usual =
                format!("The input token count ({tokens}) exceeds the maximum number of tokens allowed ({limit}).");
            (400, "INVALID_ARGUMENT", usual)
        }
        Refusal::Status(code) | Refusal::Raw { status: code, .. } => {
            let (status, usual) = match code {
                401 => ("UNAUTHENTICATED", "Request had invalid authentication credentials."),
                403 => ("PERMISSION_DENIED", "The caller does not have permission"),
                404 => ("NOT_FOUND", "Requested entity was not found."),
                429 => ("RESOURCE_EXHAUSTED", "You exceeded your current quota."),
                500 => ("INTERNAL", "An internal error has occurred. Please retry."),
                503 => ("UNAVAILABLE", "The model is overloaded. Please try again later."),
                504 => ("DEADLINE_EXCEEDED", "Deadline exceeded"),
                _ => ("INVALID_ARGUMENT", "Invalid request"),
            };
            (*code, status, usual.to_string())
        }
    };
    let message = message.map_or(usual, String::from);
    let mut body = json!({"error": {"code": code, "message": message, "status": status}});
    if details != json!([]) {
        body["error"]["details"] = details;
    }
    (code, body)
}

/// Gemini says in the body when to come again.
pub fn retry_info(body: &mut Value, seconds: &str) {
    body["error"]["details"] =
        json!([{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": format!("{seconds}s")}]);
}
