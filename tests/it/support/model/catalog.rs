//! Lists and descriptions of models, and Ollama's pull and delete.

use serde_json::{Value, json};

use super::answer::{Answer, Item};
use super::asked::Asked;
use super::wire::Frame;

/// A model in the lists.
#[derive(Clone, Debug)]
pub struct Entry {
    pub name: String,
    pub context: u64,
    pub max_output: u64,
    pub vision: bool,
    pub tools: bool,
    pub thinking: bool,
    pub size: u64,
    /// More fields of its entry, as in the lists of vLLM, OpenRouter and others.
    pub extra: Value,
}

impl Entry {
    pub fn new(name: &str) -> Entry {
        Entry {
            name: name.into(),
            context: 8192,
            max_output: 4096,
            vision: false,
            tools: true,
            thinking: false,
            size: 1_234_567_890,
            extra: json!({}),
        }
    }

    fn with_extra(&self, mut value: Value) -> Value {
        for (name, field) in self.extra.as_object().into_iter().flatten() {
            value[name] = field.clone();
        }
        value
    }

    fn openai(&self) -> Value {
        let entry = json!({"id": self.name, "object": "model", "created": 1_790_000_000, "owned_by": "test"});
        self.with_extra(entry)
    }

    fn anthropic(&self) -> Value {
        let can = |can: bool| json!({"supported": can});
        self.with_extra(json!({
            "type": "model", "id": self.name, "display_name": self.name, "created_at": "2026-01-02T00:00:00Z",
            "max_input_tokens": self.context, "max_tokens": self.max_output,
            "capabilities": {"image_input": can(self.vision), "thinking": can(self.thinking)},
        }))
    }

    fn gemini(&self) -> Value {
        self.with_extra(json!({
            "name": format!("models/{}", self.name), "version": "001", "displayName": self.name,
            "description": "A model of the tests", "inputTokenLimit": self.context, "outputTokenLimit": self.max_output,
            "supportedGenerationMethods": ["generateContent", "countTokens"], "temperature": 1, "topP": 0.95,
            "topK": 64, "thinking": self.thinking,
        }))
    }

    fn details() -> Value {
        json!({
            "parent_model": "", "format": "gguf", "family": "test", "families": ["test"], "parameter_size": "1.0B",
            "quantization_level": "Q4_K_M",
        })
    }

    fn ollama(&self) -> Value {
        // Ollama writes `name:latest` where no tag was given.
        let name = if self.name.contains(':') { self.name.clone() } else { format!("{}:latest", self.name) };
        self.with_extra(json!({
            "name": name, "model": name, "modified_at": "2026-11-01T10:00:00.5Z", "size": self.size,
            "digest": "sha256:".to_string() + &"ab".repeat(32), "details": Entry::details(),
        }))
    }

    fn shown(&self) -> Value {
        let mut capabilities = vec!["completion"];
        let known = [(self.vision, "vision"), (self.tools, "tools"), (self.thinking, "thinking")];
        capabilities.extend(known.iter().filter(|(can, _)| *can).map(|(_, name)| *name));
        json!({
            "license": "MIT", "modelfile": "FROM test", "parameters": "stop \"</s>\"", "template": "{{ .Prompt }}",
            "details": Entry::details(), "capabilities": capabilities, "modified_at": "2026-11-01T10:00:00.5Z",
            "model_info": {
                "general.architecture": "test", "general.parameter_count": 1_000_000_000,
                "test.context_length": self.context, "test.embedding_length": 1024,
            },
        })
    }

    pub fn is_called(&self, name: &str) -> bool {
        self.name.trim_end_matches(":latest") == name.trim_end_matches(":latest")
    }
}

/// What is answered to a request that is not for an answer of a model.
pub enum Reply {
    /// A status and a JSON body.
    Json(u16, Value),
    /// A status and text.
    Text(u16, &'static str),
    /// Lines, delivered as the answer says.
    Lines(Vec<Frame>, Box<Answer>),
}

/// The reply, and the model to forget.
pub fn reply(asked: &Asked, models: &[Entry], pull: impl FnOnce() -> Answer) -> (Reply, Option<String>) {
    let named = asked.body["model"].as_str().or(asked.body["name"].as_str()).unwrap_or_default();
    let found = models.iter().find(|m| m.is_called(named));
    let absent = || Reply::Json(404, json!({"error": format!("model '{named}' not found")}));
    let path = asked.path.as_str();
    let ends = |end: &str| path.ends_with(end);
    let reply = match asked.method.as_str() {
        "GET" if path == "/" => Reply::Text(200, "Ollama is running"),
        "GET" if ends("/api/version") => Reply::Json(200, json!({"version": "0.13.0"})),
        "GET" if ends("/api/tags") => {
            Reply::Json(200, json!({"models": models.iter().map(Entry::ollama).collect::<Vec<_>>()}))
        }
        "GET" if ends("/models") => Reply::Json(200, list(asked, models)),
        "GET" if path.contains("/models/") => one(asked, models),
        "POST" if ends("/api/show") => found.map_or_else(absent, |m| Reply::Json(200, m.shown())),
        "POST" if ends("/api/pull") => pulled(asked, pull()),
        "DELETE" if ends("/api/delete") => match found {
            Some(model) => return (Reply::Text(200, ""), Some(model.name.clone())),
            None => absent(),
        },
        "POST" if ends("/messages/count_tokens") => Reply::Json(200, json!({"input_tokens": asked.count()})),
        "POST" if ends(":countTokens") => Reply::Json(200, json!({"totalTokens": asked.count()})),
        _ => Reply::Json(404, json!({"error": {"message": "Not found", "type": "invalid_request_error"}})),
    };
    (reply, None)
}

/// A page of the list, in the shape the headers and the path ask for.
fn list(asked: &Asked, models: &[Entry]) -> Value {
    let number = |name: &str| asked.parameter(name).and_then(|n| n.parse::<usize>().ok());
    let after = |name: &str| asked.parameter(name).filter(|token| !token.is_empty());
    let page = |most: usize, after: Option<String>| {
        let start = after.and_then(|id| models.iter().position(|m| m.name == id)).map_or(0, |at| at + 1);
        let page = &models[start..models.len().min(start + most)];
        (page.to_vec(), start + page.len() < models.len())
    };
    if asked.header("anthropic-version").is_some() {
        let (page, more) = page(number("limit").unwrap_or(20), after("after_id"));
        let id = |entry: Option<&Entry>| entry.map(|m| m.name.clone());
        let data: Vec<Value> = page.iter().map(Entry::anthropic).collect();
        return json!({"data": data, "has_more": more, "first_id": id(page.first()), "last_id": id(page.last())});
    }
    if is_gemini(asked) {
        let (page, more) = page(number("pageSize").unwrap_or(50), after("pageToken"));
        let mut value = json!({"models": page.iter().map(Entry::gemini).collect::<Vec<_>>()});
        if let (true, Some(last)) = (more, page.last()) {
            value["nextPageToken"] = json!(last.name);
        }
        return value;
    }
    json!({"object": "list", "data": models.iter().map(Entry::openai).collect::<Vec<_>>()})
}

fn is_gemini(asked: &Asked) -> bool {
    asked.path.contains("/v1beta/") || asked.header("x-goog-api-key").is_some() || asked.parameter("key").is_some()
}

fn one(asked: &Asked, models: &[Entry]) -> Reply {
    let name = asked.path.rsplit("/models/").next().unwrap_or_default();
    match models.iter().find(|m| m.is_called(name)) {
        Some(model) if asked.header("anthropic-version").is_some() => Reply::Json(200, model.anthropic()),
        Some(model) if is_gemini(asked) => Reply::Json(200, model.gemini()),
        Some(model) => Reply::Json(200, model.openai()),
        None => {
            let message = format!("The model '{name}' does not exist");
            let error = json!({"message": message, "type": "invalid_request_error", "param": "model", "code": "model_not_found"});
            Reply::Json(404, json!({"error": error}))
        }
    }
}

/// Lines of progress: a text of the answer is a status of its own, no texts mean the usual ones.
fn pulled(asked: &Asked, answer: Answer) -> Reply {
    let usual = || {
        let digest = "sha256:".to_string() + &"cd".repeat(32);
        let status = format!("pulling {}", &digest[7..19]);
        let part = |done: u64| json!({"status": status, "digest": digest, "total": 1000, "completed": done});
        vec![
            json!({"status": "pulling manifest"}),
            json!({"status": status, "digest": digest, "total": 1000}),
            part(250),
            part(500),
            part(1000),
            json!({"status": "verifying sha256 digest"}),
            json!({"status": "writing manifest"}),
        ]
    };
    let said: Vec<Value> = answer.items.iter().filter_map(said).collect();
    let mut lines = if said.is_empty() { usual() } else { said };
    match &answer.error_in_stream {
        Some(message) => lines.push(json!({"error": message})),
        None if !answer.no_end_mark => lines.push(json!({"status": "success"})),
        None => {}
    }
    if asked.body["stream"] == false {
        return Reply::Json(200, lines.pop().unwrap_or_default());
    }
    let frame = |line: Value| {
        let words = line["status"].as_str().unwrap_or_default().to_string();
        Frame::json(line).words(&words)
    };
    Reply::Lines(lines.into_iter().map(frame).collect(), Box::new(answer))
}

fn said(item: &Item) -> Option<Value> {
    match item {
        Item::Text(text) => Some(serde_json::from_str(text).unwrap_or_else(|_| json!({"status": text}))),
        _ => None,
    }
}
