//! One request over one wire, by the client library: our values in, pieces and a whole answer out.
//!
//! The library is the only one that knows the vendors' formats; this is the only file that knows the library. It sends
//! once: trying again, falling back and health are decided in [`super::ask`].
//!
//! Known limit: genai 0.7.2 takes a `\r` at the end of a chunk for the end of a line, so where a server ends lines with
//! CR LF and the two arrive apart, an event is torn in two. Anthropic's events need their names and are lost then. The
//! library reads the body of the response itself and lets nobody before it, so this cannot be mended here.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use genai::adapter::AdapterKind;
use genai::chat::{
    Binary, ChatMessage, ChatOptions, ChatRequest, ChatResponseFormat, ChatRole, ChatStreamEvent, ContentPart,
    JsonSpec, MessageContent, ReasoningEffort, StopReason, StreamEnd, Tool, ToolChoice, ToolResponse,
};
use genai::resolver::{AuthData, Endpoint};
use genai::{Client, ModelIden, ServiceTarget};
use serde_json::{Value, json};

use super::entry::{Entry, Wire};
use super::failure::{Failure, FailureKind};
use super::model::{Answer, Effort, Finish, Part, Piece, Request, Role, ToolCall, ToolUse, Turn, Usage};
use super::trouble;

/// What the frames of a stream say that the library does not pass on.
#[derive(Clone, Debug, Default)]
struct Seen {
    finish: Option<String>,
    done: bool,
    /// An error that came as a frame of its own, as Ollama sends it.
    error: Option<String>,
    /// Figures of OpenAI's form in a frame of their own.
    usage: Option<Usage>,
    /// Whether anything came that a stream is made of.
    frames: bool,
}

/// The longest answer that is taken, bytes: who sends more is broken, or means harm.
const LONGEST: usize = 256 << 20;

/// Sends `request` to `model` of `entry` once. `sink` gets pieces as they come; dropping the future ends the request.
///
/// # Errors
/// A [`Failure`] with what had come until then.
pub async fn send(
    client: &Client,
    entry: &Entry,
    model: &str,
    request: &Request,
    trace: &str,
    sink: &mut (dyn FnMut(Piece) + Send),
) -> Result<Answer, Failure> {
    let name = format!("{}/{model}", entry.name);
    let begun = Instant::now();
    let seen = Arc::new(Mutex::new(Seen::default()));
    let options = options(entry, request, trace, &seen);
    let target = ServiceTarget {
        endpoint: Endpoint::from_owned(entry.url.as_str()),
        auth: match &entry.key {
            Some(key) => AuthData::from_single(key.expose()),
            None => AuthData::from_single("none"),
        },
        model: ModelIden::new(kind(entry.wire), model),
    };
    let mut got = Got::new(&name, begun);
    let failed = |error: &genai::Error| trouble::of_library(error, entry, &name);
    let opened = client.exec_chat_stream(target, chat_request(request, entry.wire), Some(&options)).await;
    let mut stream = opened.map_err(|e| failed(&e))?.stream;
    loop {
        let patience = if got.has_begun() { entry.patience.idle } else { entry.patience.first_token };
        let event = match tokio::time::timeout(patience, stream.next()).await {
            Err(_) => return Err(got.fail(too_slow(entry, &name, got.has_begun(), patience))),
            Ok(None) => break,
            Ok(Some(Err(error))) => return Err(got.fail(failed(&error))),
            Ok(Some(Ok(event))) => event,
        };
        match event {
            ChatStreamEvent::End(end) => {
                got.end(end);
                break;
            }
            other => got.take(other, sink),
        }
        if got.text.len() + got.reasoning.len() > LONGEST {
            let said = format!("{name} has sent {} MB and does not end", LONGEST >> 20);
            return Err(got.fail(Failure::new(FailureKind::Broken, &name, said)));
        }
    }
    let seen = seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
    match &seen.error {
        Some(said) => Err(got.fail(trouble::in_stream(entry, &name, said))),
        None if !seen.frames && !got.has_begun() => Err(got.fail(trouble::no_stream(entry, &name))),
        None => Ok(got.answer(&seen)),
    }
}

fn too_slow(entry: &Entry, name: &str, begun: bool, patience: Duration) -> Failure {
    let seconds = crate::kernel::duration::human_ms(u64::try_from(patience.as_millis()).unwrap_or(u64::MAX));
    let (kind, said, key) = match begun {
        true => (FailureKind::IdleTimeout, format!("the answer of {name} stopped for {seconds}"), "idle_timeout"),
        false => (FailureKind::FirstTokenTimeout, format!("{name} said nothing for {seconds}"), "first_token_timeout"),
    };
    let hint = format!("try again, or wait longer: `fac config set providers.{}.{key} 5m`", entry.name);
    Failure::new(kind, name, said).hint(hint)
}

fn kind(wire: Wire) -> AdapterKind {
    match wire {
        Wire::OpenAi => AdapterKind::OpenAI,
        Wire::Responses => AdapterKind::OpenAIResp,
        Wire::Anthropic => AdapterKind::Anthropic,
        Wire::Gemini => AdapterKind::Gemini,
        Wire::Ollama => AdapterKind::Ollama,
    }
}

fn options(entry: &Entry, request: &Request, trace: &str, seen: &Arc<Mutex<Seen>>) -> ChatOptions {
    let tuning = &request.tuning;
    let mut options = ChatOptions::default()
        .with_capture_usage(true)
        .with_capture_content(true)
        .with_capture_reasoning_content(true)
        .with_capture_tool_calls(true)
        .with_stop_sequences(tuning.stop.clone());
    options.temperature = tuning.temperature;
    options.top_p = tuning.top_p;
    options.max_tokens = tuning.max_tokens;
    options.seed = tuning.seed;
    options.reasoning_effort = tuning.effort.map(|effort| match effort {
        Effort::None => ReasoningEffort::Zero,
        Effort::Low => ReasoningEffort::Low,
        Effort::Medium => ReasoningEffort::Medium,
        Effort::High => ReasoningEffort::High,
    });
    options.tool_choice = tuning.tool_use.as_ref().filter(|_| !request.tools.is_empty()).map(|how| match how {
        ToolUse::Auto => ToolChoice::Auto,
        ToolUse::Never => ToolChoice::None,
        ToolUse::Always => ToolChoice::Required,
        ToolUse::Only(name) => ToolChoice::tool(name),
    });
    let mut body = entry.body.clone();
    body.extend(tuning.extra.clone());
    if let Some(schema) = &tuning.schema {
        match entry.wire {
            // The library knows only plain JSON here; the field takes a schema.
            // https://github.com/ollama/ollama/blob/main/docs/api.md#request-structured-outputs
            Wire::Ollama => drop(body.insert("format".to_string(), schema.clone())),
            _ => {
                let spec = JsonSpec::new("answer", schema.clone());
                options = options.with_response_format(ChatResponseFormat::JsonSpec(spec));
            }
        }
    }
    if !body.is_empty() {
        options.extra_body = Some(Value::Object(body));
    }
    let mut headers = entry.headers.clone();
    if !trace.is_empty() {
        headers.push(("traceparent".to_string(), trace.to_string()));
    }
    let (seen, is_openai) = (Arc::clone(seen), entry.wire == Wire::OpenAi);
    options.with_extra_headers(headers).with_raw_frame_fn(move |_, frame| {
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        // LiteLLM tells them beside an empty choice, where the library does not look.
        if is_openai && frame.data.contains("\"usage\":{") {
            seen.usage = frame.json().as_ref().and_then(|v| v.get("usage")).map(openai_usage);
        }
        // Other text than a stream has frames without data; so have comments, but never alone.
        seen.frames |= !frame.data.trim().is_empty();
        if frame.data.trim() == "[DONE]" {
            seen.done = true;
        } else if frame.data.trim_start().starts_with("{\"error\"") {
            seen.error = frame.json().as_ref().and_then(trouble::message_in);
        } else if frame.data.contains("finish_reason")
            && let Some(reason) =
                frame.json().and_then(|v| Some(v.pointer("/choices/0/finish_reason")?.as_str()?.to_string()))
        {
            seen.finish = Some(reason);
        }
    })
}

fn chat_request(request: &Request, wire: Wire) -> ChatRequest {
    let systems: Vec<String> = request.turns.iter().filter(|t| t.role == Role::System).map(Turn::words).collect();
    let turns = request.turns.iter().filter(|t| t.role != Role::System);
    let messages = match wire {
        // A message there holds one result, and the library would keep only the last.
        Wire::Ollama => turns.flat_map(apart).map(|turn| message(&turn)).collect(),
        _ => turns.map(message).collect(),
    };
    let mut chat = ChatRequest::new(messages);
    if !systems.is_empty() {
        chat = chat.with_system(systems.join("\n\n"));
    }
    if request.tools.is_empty() {
        return chat;
    }
    chat.with_tools(request.tools.iter().map(|tool| {
        let told = Tool::new(tool.name.clone()).with_description(tool.description.clone());
        let told = told.with_schema(tool.schema.clone());
        // The field must be said there, and parameters may be left out in our schemas.
        if wire == Wire::Responses { told.with_strict(false) } else { told }
    }))
}

/// A turn of several results as so many turns.
fn apart(turn: &Turn) -> Vec<Turn> {
    match turn.role {
        Role::Tool => turn.parts.iter().map(|part| Turn { role: Role::Tool, parts: vec![part.clone()] }).collect(),
        _ => vec![turn.clone()],
    }
}

fn message(turn: &Turn) -> ChatMessage {
    let mut parts = Vec::new();
    for part in &turn.parts {
        match part {
            Part::Text { text } => parts.push(ContentPart::from_text(text.clone())),
            // Only what a vendor wants back unread is sent back: a thought and its signature.
            Part::Reasoning { text, signature: Some(signature) } => {
                parts.push(ContentPart::ThoughtSignature(signature.clone()));
                if !text.is_empty() {
                    parts.push(ContentPart::ReasoningContent(text.clone()));
                }
            }
            Part::Reasoning { .. } => {}
            Part::File { mime, name, data, url } => {
                let name = Some(name.clone()).filter(|n| !n.is_empty());
                parts.push(ContentPart::Binary(match url {
                    Some(url) => Binary::from_url(mime.clone(), url.clone(), name),
                    None => Binary::from_base64(mime.clone(), data.as_str(), name),
                }));
            }
            Part::ToolCall(call) => parts.push(ContentPart::ToolCall(genai::chat::ToolCall {
                call_id: call.id.clone(),
                fn_name: call.name.clone(),
                fn_arguments: call.arguments.clone(),
                thought_signatures: Some(call.signatures.clone()).filter(|s| !s.is_empty()),
            })),
            Part::ToolResult(result) => {
                let content =
                    if result.is_error { json!({"error": result.content}).to_string() } else { result.content.clone() };
                parts.push(ContentPart::ToolResponse(
                    ToolResponse::new(result.id.clone(), content).with_fn_name(result.name.clone()),
                ));
            }
        }
    }
    let role = match turn.role {
        Role::System => ChatRole::System,
        Role::User => ChatRole::User,
        Role::Assistant => ChatRole::Assistant,
        Role::Tool => ChatRole::Tool,
    };
    ChatMessage::new(role, MessageContent::from_parts(parts))
}

/// What has come of an answer.
struct Got {
    name: String,
    begun: Instant,
    first_ms: Option<u64>,
    text: String,
    reasoning: String,
    /// By id, in order of appearance.
    calls: BTreeMap<usize, ToolCall>,
    order: Vec<String>,
    end: Option<StreamEnd>,
}

impl Got {
    fn new(name: &str, begun: Instant) -> Got {
        Got {
            name: name.to_string(),
            begun,
            first_ms: None,
            text: String::new(),
            reasoning: String::new(),
            calls: BTreeMap::new(),
            order: Vec::new(),
            end: None,
        }
    }

    fn has_begun(&self) -> bool {
        self.first_ms.is_some()
    }

    fn ms(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn take(&mut self, event: ChatStreamEvent, sink: &mut (dyn FnMut(Piece) + Send)) {
        match event {
            ChatStreamEvent::Chunk(chunk) => {
                self.text.push_str(&chunk.content);
                self.note_first();
                sink(Piece::Text(chunk.content));
            }
            ChatStreamEvent::ReasoningChunk(chunk) => {
                self.reasoning.push_str(&chunk.content);
                self.note_first();
                sink(Piece::Reasoning(chunk.content));
            }
            ChatStreamEvent::ToolCallChunk(chunk) => {
                self.note_first();
                let call = tool_call(&chunk.tool_call);
                match self.order.iter().position(|id| *id == call.id) {
                    Some(at) => drop(self.calls.insert(at, call)),
                    None => {
                        if !call.name.is_empty() {
                            sink(Piece::ToolStarts(call.name.clone()));
                        }
                        self.order.push(call.id.clone());
                        self.calls.insert(self.order.len() - 1, call);
                    }
                }
            }
            _ => {}
        }
    }

    fn note_first(&mut self) {
        if self.first_ms.is_none() {
            self.first_ms = Some(self.ms());
        }
    }

    fn end(&mut self, end: StreamEnd) {
        self.end = Some(end);
    }

    /// The failure with what had come before it.
    fn fail(&self, mut failure: Failure) -> Failure {
        failure.partial = self.parts_so_far(false);
        failure.first_token_ms = self.first_ms;
        failure
    }

    /// What was seen piece by piece. Half a tool call is no call.
    fn parts_so_far(&self, with_calls: bool) -> Vec<Part> {
        let mut parts = Vec::new();
        if !self.reasoning.is_empty() {
            parts.push(Part::Reasoning { text: self.reasoning.clone(), signature: None });
        }
        if !self.text.is_empty() {
            parts.push(Part::text(self.text.clone()));
        }
        if with_calls {
            parts.extend(self.calls.values().cloned().map(Part::ToolCall));
        }
        parts
    }

    fn answer(self, seen: &Seen) -> Answer {
        let stop = self.end.as_ref().and_then(|end| end.captured_stop_reason.clone());
        let stop = stop.or_else(|| seen.finish.clone().map(StopReason::from));
        let usage = self.end.as_ref().and_then(|end| end.captured_usage.as_ref()).map(usage).unwrap_or_default();
        let told = usage.input.is_some() || usage.output.is_some();
        let usage = if told { usage } else { seen.usage.unwrap_or(usage) };
        let whole = stop.is_some() || (seen.done && (!self.text.is_empty() || !self.calls.is_empty()));
        let mut parts = match &self.end {
            Some(end) if whole => self.parts_of_end(end),
            _ => self.parts_so_far(whole),
        };
        if whole && parts.is_empty() {
            parts = self.parts_so_far(true);
        }
        let calls = parts.iter().any(|p| matches!(p, Part::ToolCall(_)));
        let finish = match stop {
            None if whole && calls => Finish::Tools,
            None if whole => Finish::Stop,
            None => Finish::CutOff,
            Some(_) if calls => Finish::Tools,
            Some(StopReason::Completed(_) | StopReason::StopSequence(_)) => Finish::Stop,
            Some(StopReason::MaxTokens(_)) => Finish::Length,
            Some(StopReason::ToolCall(_)) => Finish::Stop,
            Some(StopReason::ContentFilter(_)) => Finish::Filtered,
            Some(StopReason::Other(word)) => Finish::Other(word),
        };
        let (duration_ms, first_token_ms) = (self.ms(), self.first_ms);
        Answer { parts, finish, usage, model: self.name, first_token_ms, duration_ms }
    }

    /// The parts as the library captured them: thoughts with their signatures, text, calls.
    fn parts_of_end(&self, end: &StreamEnd) -> Vec<Part> {
        let mut parts: Vec<Part> = Vec::new();
        let mut signature: Option<String> = None;
        let captured = end.captured_content.iter().flat_map(|content| content.parts());
        let mut thoughts = 0;
        for part in captured {
            match part {
                ContentPart::ThoughtSignature(sign) => {
                    if let Some(alone) = signature.replace(sign.clone()) {
                        parts.push(Part::Reasoning { text: String::new(), signature: Some(alone) });
                    }
                }
                ContentPart::ReasoningContent(text) => {
                    thoughts += text.len();
                    parts.push(Part::Reasoning { text: text.clone(), signature: signature.take() });
                }
                ContentPart::Text(text) => parts.push(Part::text(text.clone())),
                ContentPart::ToolCall(call) => parts.push(Part::ToolCall(tool_call(call))),
                _ => {}
            }
        }
        let alone = signature.map(|sign| Part::Reasoning {
            text: if thoughts == 0 { self.reasoning.clone() } else { String::new() },
            signature: Some(sign),
        });
        let unsigned = (alone.is_none() && thoughts == 0 && !self.reasoning.is_empty())
            .then(|| Part::Reasoning { text: self.reasoning.clone(), signature: None });
        alone.into_iter().chain(unsigned).chain(parts).collect()
    }
}

fn tool_call(call: &genai::chat::ToolCall) -> ToolCall {
    let arguments = match &call.fn_arguments {
        Value::Null => json!({}),
        // Some streams give no arguments at all where there are none.
        Value::String(text) if text.trim().is_empty() => json!({}),
        Value::String(text) => serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.clone())),
        other => other.clone(),
    };
    ToolCall {
        id: call.call_id.clone(),
        name: call.fn_name.clone(),
        arguments,
        signatures: call.thought_signatures.clone().unwrap_or_default(),
    }
}

fn usage(usage: &genai::chat::Usage) -> Usage {
    let count = |n: Option<i32>| n.and_then(|n| u64::try_from(n).ok());
    let prompt = usage.prompt_tokens_details.as_ref();
    let completion = usage.completion_tokens_details.as_ref();
    Usage {
        input: count(usage.prompt_tokens),
        output: count(usage.completion_tokens),
        cached: count(prompt.and_then(|d| d.cached_tokens)),
        cache_written: count(prompt.and_then(|d| d.cache_creation_tokens)),
        reasoning: count(completion.and_then(|d| d.reasoning_tokens)),
    }
}

/// The figures of a chat completion as OpenAI writes them.
/// https://platform.openai.com/docs/api-reference/chat/object
fn openai_usage(value: &Value) -> Usage {
    let count = |path: &str| value.pointer(path).and_then(Value::as_u64);
    Usage {
        input: count("/prompt_tokens"),
        output: count("/completion_tokens"),
        cached: count("/prompt_tokens_details/cached_tokens"),
        cache_written: None,
        reasoning: count("/completion_tokens_details/reasoning_tokens"),
    }
}
