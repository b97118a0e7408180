//! Streams of the five wires with bytes changed, and what reads them: a model that answers with exactly these bytes.
//!
//! Shared by the guided fuzzing and by the property test that runs with all others.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use factotum::kernel::clock::{Clock, Timestamp};
use factotum::kernel::http::{self, Http};
use factotum::kernel::secret::Secret;
use factotum::providers::entry::{Entry, Patience, Wire};
use factotum::providers::model::{Answer, Part, Piece, Request, Role, Turn, words};
use factotum::providers::{Attempt, Choice, Memory, Models, Needs, Settings, Watch};
use serde_json::Value;

/// A whole stream of `wire`: thoughts, `Grüße`, a call of `f` with `{"a":1}` and its figures.
pub fn sample(wire: Wire) -> String {
    let events: &[&str] = match wire {
        Wire::OpenAi => &[
            r#"{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#,
            r#"{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"reasoning_content":"hm"},"finish_reason":null}]}"#,
            r#"{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"Grüße"},"finish_reason":null}]}"#,
            r#"{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"t","type":"function","function":{"name":"f","arguments":"{\"a\":"}}]},"finish_reason":null}]}"#,
            r#"{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"1}"}}]},"finish_reason":null}]}"#,
            r#"{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}"#,
            r#"{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[],"usage":{"prompt_tokens":7,"completion_tokens":5,"total_tokens":12}}"#,
            "[DONE]",
        ],
        Wire::Responses => &[
            r#"{"type":"response.created","sequence_number":0,"response":{"id":"r","object":"response","created_at":1,"status":"in_progress","model":"m","output":[]}}"#,
            r#"{"type":"response.output_item.added","sequence_number":1,"output_index":0,"item":{"type":"message","id":"msg","status":"in_progress","role":"assistant","content":[]}}"#,
            r#"{"type":"response.content_part.added","sequence_number":2,"item_id":"msg","output_index":0,"content_index":0,"part":{"type":"output_text","text":"","annotations":[]}}"#,
            r#"{"type":"response.output_text.delta","sequence_number":3,"item_id":"msg","output_index":0,"content_index":0,"delta":"Grüße"}"#,
            r#"{"type":"response.output_text.done","sequence_number":4,"item_id":"msg","output_index":0,"content_index":0,"text":"Grüße"}"#,
            r#"{"type":"response.output_item.done","sequence_number":5,"output_index":0,"item":{"type":"message","id":"msg","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Grüße","annotations":[]}]}}"#,
            r#"{"type":"response.output_item.added","sequence_number":6,"output_index":1,"item":{"type":"function_call","id":"fc","call_id":"t","name":"f","arguments":"","status":"in_progress"}}"#,
            r#"{"type":"response.function_call_arguments.delta","sequence_number":7,"item_id":"fc","output_index":1,"delta":"{\"a\":1}"}"#,
            r#"{"type":"response.function_call_arguments.done","sequence_number":8,"item_id":"fc","output_index":1,"arguments":"{\"a\":1}"}"#,
            r#"{"type":"response.output_item.done","sequence_number":9,"output_index":1,"item":{"type":"function_call","id":"fc","call_id":"t","name":"f","arguments":"{\"a\":1}","status":"completed"}}"#,
            r#"{"type":"response.completed","sequence_number":10,"response":{"id":"r","object":"response","created_at":1,"status":"completed","model":"m","output":[{"type":"message","id":"msg","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Grüße","annotations":[]}]},{"type":"function_call","id":"fc","call_id":"t","name":"f","arguments":"{\"a\":1}","status":"completed"}],"usage":{"input_tokens":7,"output_tokens":5,"total_tokens":12}}}"#,
        ],
        Wire::Anthropic => &[
            r#"{"type":"message_start","message":{"id":"m","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":7,"output_tokens":1}}}"#,
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm"}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"c2ln"}}"#,
            r#"{"type":"content_block_stop","index":0}"#,
            r#"{"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}"#,
            r#"{"type":"ping"}"#,
            r#"{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"Grüße"}}"#,
            r#"{"type":"content_block_stop","index":1}"#,
            r#"{"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"t","name":"f","input":{}}}"#,
            r#"{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\"a\":"}}"#,
            r#"{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"1}"}}"#,
            r#"{"type":"content_block_stop","index":2}"#,
            r#"{"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":5}}"#,
            r#"{"type":"message_stop"}"#,
        ],
        Wire::Gemini => &[
            r#"{"candidates":[{"index":0,"content":{"role":"model","parts":[{"text":"hm","thought":true}]}}],"modelVersion":"m"}"#,
            r#"{"candidates":[{"index":0,"content":{"role":"model","parts":[{"text":"Grüße"}]}}],"modelVersion":"m"}"#,
            r#"{"candidates":[{"index":0,"content":{"role":"model","parts":[{"functionCall":{"name":"f","args":{"a":1}}}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":7,"candidatesTokenCount":5,"totalTokenCount":12},"modelVersion":"m"}"#,
        ],
        Wire::Ollama => &[
            r#"{"model":"m","created_at":"2026-01-01T00:00:00Z","message":{"role":"assistant","content":"","thinking":"hm"},"done":false}"#,
            r#"{"model":"m","created_at":"2026-01-01T00:00:00Z","message":{"role":"assistant","content":"Grüße"},"done":false}"#,
            r#"{"model":"m","created_at":"2026-01-01T00:00:00Z","message":{"role":"assistant","content":"","tool_calls":[{"function":{"name":"f","arguments":{"a":1}}}]},"done":false}"#,
            r#"{"model":"m","created_at":"2026-01-01T00:00:00Z","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","prompt_eval_count":7,"eval_count":5,"total_duration":1}"#,
        ],
    };
    let event = |data: &&str| match (wire, serde_json::from_str::<Value>(data)) {
        (Wire::Ollama, _) => format!("{data}\n"),
        (Wire::Anthropic | Wire::Responses, Ok(value)) => {
            format!("event: {}\ndata: {data}\n\n", value["type"].as_str().unwrap_or_default())
        }
        _ => format!("data: {data}\n\n"),
    };
    events.iter().map(event).collect()
}

/// Changes bytes: of every four of `edits` the first two say where, the third how, the fourth with what.
pub fn edited(mut bytes: Vec<u8>, edits: &[u8]) -> Vec<u8> {
    for edit in edits.chunks_exact(4) {
        let at = usize::from(u16::from_be_bytes([edit[0], edit[1]])) % bytes.len().max(1);
        match edit[2] % 6 {
            0 if at < bytes.len() => bytes[at] = edit[3],
            1 => bytes.insert(at, edit[3]),
            2 => drop(bytes.drain(at..(at + usize::from(edit[3])).min(bytes.len()))),
            3 => bytes.truncate(at),
            4 => {
                let again = bytes[at..(at + usize::from(edit[3])).min(bytes.len())].to_vec();
                bytes.splice(at..at, again);
            }
            _ => bytes.splice(at..at, b"\r\n\r\n".iter().take(usize::from(edit[3] % 5)).copied()).for_each(drop),
        }
    }
    bytes
}

/// Remembers nothing.
struct Forgetful;

impl Memory for Forgetful {
    fn recall(&self, _key: &str) -> Option<(Value, Timestamp)> {
        None
    }
    fn keep(&self, _key: &str, _value: &Value) {}
    fn cached(&self, _key: &str) -> Option<String> {
        None
    }
    fn cache(&self, _key: &str, _value: &str, _ttl: Duration) {}
}

/// What was heard of an answer.
#[derive(Debug, PartialEq)]
pub struct Heard {
    /// The words that came, joined.
    pub words: String,
    /// Whole or not: the parts as JSON, or the kind of failure.
    pub end: Result<Value, String>,
    /// What it took, in and out.
    pub tokens: (Option<u64>, Option<u64>),
}

/// Joins the words that come.
#[derive(Default)]
struct Ear(String);

impl Watch for Ear {
    fn piece(&mut self, piece: Piece) {
        if let Piece::Text(text) = piece {
            self.0.push_str(&text);
        }
    }
    fn attempt(&mut self, _model: &Choice, _cached: bool) {}
    fn attempt_ended(&mut self, _model: &Choice, _ended: &Attempt<'_>) {}
}

/// What the server says next: the kind of its content, and the body in two pieces.
type Says = Arc<Mutex<(&'static str, Vec<u8>, Vec<u8>)>>;

/// All five wires to a server of our own.
pub struct Wires {
    runtime: tokio::runtime::Runtime,
    models: Models,
    says: Says,
}

impl Wires {
    pub fn new() -> Wires {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let says = Says::default();
        let heard = says.clone();
        std::thread::spawn(move || listener.incoming().flatten().for_each(|stream| drop(serve(stream, &heard))));
        let entry = |wire: Wire| Entry {
            name: wire.name().to_string(),
            wire,
            url: url.clone(),
            key: Some(Secret::new("key")),
            key_from: None,
            headers: Vec::new(),
            body: serde_json::Map::new(),
            models: vec!["m".to_string()],
            patience: Patience { retries: 0, ..Patience::default() },
        };
        let settings = Settings { entries: Wire::ALL.map(entry).into(), ..Settings::default() };
        let http = Http::new(&http::Settings { proxies: false, ..http::Settings::default() }).unwrap();
        let models = Models::new(http, settings, Arc::new(Forgetful), Clock::system(), String::new()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Wires { runtime, models, says }
    }

    /// What is heard of a body that comes in two pieces.
    pub fn hear(&self, wire: Wire, body: &[u8], cut: usize) -> Heard {
        let (first, rest) = body.split_at(cut.min(body.len()));
        let kind = if wire == Wire::Ollama { "application/x-ndjson" } else { "text/event-stream" };
        *self.says.lock().unwrap() = (kind, first.to_vec(), rest.to_vec());
        let request = Request { turns: vec![Turn::text(Role::User, "hello")], ..Request::default() };
        let mut ear = Ear::default();
        let end = self.runtime.block_on(async {
            let name = format!("{}/m", wire.name());
            let choices = self.models.resolve(Some(&name), &Needs::default()).await.unwrap();
            let asked = self.models.ask(&choices, &request, false, &mut ear);
            tokio::time::timeout(Duration::from_secs(20), asked).await.expect("an answer that ended is over")
        });
        let tokens = end.as_ref().map_or((None, None), |answer| (answer.usage.input, answer.usage.output));
        Heard {
            words: ear.0,
            tokens,
            end: end.map(|answer| parts(&answer)).map_err(|failure| format!("{:?}", failure.kind)),
        }
    }

    /// Hears the changed sample whole and cut, and checks what must hold of any bytes.
    pub fn check(&self, wire: Wire, edits: &[u8], cut: usize) {
        let body = edited(sample(wire).into_bytes(), edits);
        let whole = self.hear(wire, &body, body.len());
        let split = self.hear(wire, &body, cut % body.len().max(1));
        let shown = String::from_utf8_lossy(&body);
        // Of what is broken as much came as was read before.
        // That bytes are no text the library says of a whole chunk, before or after what else is wrong with it.
        let no_text = |end: &Result<_, String>| end.as_ref().is_err_and(|kind| kind == "Broken");
        let both_fail = whole.end.is_err() && split.end.is_err() && std::str::from_utf8(&body).is_err();
        let at = cut % body.len().max(1);
        assert!(
            whole.end == split.end || both_fail && (no_text(&whole.end) || no_text(&split.end)),
            "{wire:?}, cut at {at}: {shown}: {:?}, {:?}",
            whole.end,
            split.end
        );
        assert!(whole.end.is_err() || whole.words == split.words, "{wire:?}: {shown}");
        assert_ne!(whole.end, Err("NoConnection".to_string()), "{wire:?}: {shown}");
        if let Ok(parts) = &whole.end {
            let parts: Vec<Part> = serde_json::from_value(parts.clone()).unwrap();
            assert_eq!(words(&parts).replace('\n', ""), whole.words.replace('\n', ""), "{wire:?}: {shown}");
        }
    }
}

/// The parts; names that are made up anew each time are left out.
fn parts(answer: &Answer) -> Value {
    let mut parts = answer.parts.clone();
    for part in &mut parts {
        if let Part::ToolCall(call) = part {
            call.id.clear();
        }
    }
    serde_json::to_value(parts).unwrap()
}

fn serve(stream: TcpStream, says: &Says) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut line, mut length) = (String::new(), 0);
    while reader.read_line(&mut line)? > 2 {
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        line.clear();
    }
    reader.read_exact(&mut vec![0; length])?;
    let (kind, first, rest) = says.lock().unwrap().clone();
    let mut stream = stream;
    let whole = first.len() + rest.len();
    write!(stream, "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {whole}\r\nconnection: close\r\n\r\n")?;
    stream.write_all(&first)?;
    stream.flush()?;
    std::thread::yield_now();
    stream.write_all(&rest)?;
    stream.flush()
}
