//! Ollama's chat and generate: what a client asks, and answers whole and line by line.
//! <https://github.com/ollama/ollama/blob/main/docs/api.md>. Here an answer comes piece by piece unless that is refused.

use serde_json::{Value, json};

use super::Vendor;
use super::asked::{Asked, Label, Told, Writer, arguments_object, calls, thoughts};
use super::fault::Fault;
use super::frame::{Frame, Framing};
use super::openai::read::{push_result, spec};
use super::read::{Field, Read, others};
use crate::providers::model::{Answer, Effort, Finish, Part, Piece, Role, ToolCall, ToolResult, Tuning, Turn, words};

/// The fields that are understood, or mean nothing here.
const KNOWN: [&str; 15] = [
    "model",
    "messages",
    "stream",
    "tools",
    "format",
    "think",
    "options",
    "prompt",
    "system",
    "images",
    "suffix",
    "template",
    "context",
    "raw",
    "keep_alive",
];
/// The options that are understood.
const OPTIONS: [&str; 5] = ["temperature", "top_p", "num_predict", "stop", "seed"];

/// Reads the body of `/api/chat`.
///
/// # Errors
/// What is wrong with it, and where.
pub fn chat(body: &Value) -> Read<Asked> {
    let root = Field::root(body);
    let mut asked = common(&root)?;
    let turns = &mut asked.request.turns;
    for message in root.list_of("messages")? {
        take_message(&message, turns)?;
    }
    for tool in root.list_of("tools")? {
        asked.request.tools.push(spec(&tool.need("function")?)?);
    }
    Ok(asked)
}

/// Reads the body of `/api/generate`.
///
/// # Errors
/// What is wrong with it, and where.
pub fn generate(body: &Value) -> Read<Asked> {
    let root = Field::root(body);
    let mut asked = common(&root)?;
    for refused in ["suffix", "template", "context"] {
        if let Some(field) =
            root.get(refused).filter(|field| *field.value() != json!("") && *field.value() != json!([]))
        {
            return Err(field.wrong("is not understood here"));
        }
    }
    let turns = &mut asked.request.turns;
    if let Some(system) = root.text_of("system")?.filter(|system| !system.is_empty()) {
        turns.push(Turn::text(Role::System, system));
    }
    let mut parts = images(&root)?;
    let prompt = root.text_of("prompt")?.unwrap_or_default();
    if !prompt.is_empty() {
        parts.push(Part::text(prompt));
    }
    if !parts.is_empty() {
        turns.push(Turn { role: Role::User, parts });
    }
    Ok(asked)
}

fn common(root: &Field<'_>) -> Read<Asked> {
    root.object()?;
    let model = root.need("model")?.text()?.to_string();
    let stream = root.get("stream").map_or(Ok(true), |field| field.flag())?;
    let mut asked = Asked { model, stream, own: others(root.value(), &KNOWN), ..Asked::default() };
    if let Some(keep) = root.get("keep_alive") {
        asked.own.insert("keep_alive".to_string(), keep.value().clone());
    }
    if let Some(options) = root.get("options") {
        asked.request.tuning = tuning(&options)?;
        // As they are, where Ollama is asked in its own tongue and they say more than is understood.
        if options.object()?.keys().any(|name| !OPTIONS.contains(&name.as_str())) {
            asked.own.insert("options".to_string(), options.value().clone());
        }
    }
    asked.request.tuning.effort = root.get("think").map(|think| effort(&think)).transpose()?;
    if let Some(format) = root.get("format").filter(|format| *format.value() != json!("")) {
        match format.value() {
            Value::String(word) if word == "json" => {
                asked.json = true;
                asked.own.insert("format".to_string(), json!("json"));
            }
            _ => {
                format.object()?;
                asked.request.tuning.schema = Some(format.value().clone());
            }
        }
    }
    Ok(asked)
}

fn tuning(options: &Field<'_>) -> Read<Tuning> {
    options.object()?;
    // -1 and -2 stand for no bound.
    let bound = options.get("num_predict").filter(|field| field.value().as_i64().is_none_or(|n| n >= 0));
    Ok(Tuning {
        temperature: options.number_of("temperature")?,
        top_p: options.number_of("top_p")?,
        max_tokens: bound.map(|field| field.small()).transpose()?,
        stop: options.get("stop").map_or(Ok(Vec::new()), |stop| stop.texts())?,
        seed: options.seed_of("seed")?,
        ..Tuning::default()
    })
}

fn effort(think: &Field<'_>) -> Read<Effort> {
    match think.value() {
        Value::Bool(true) => Ok(Effort::Medium),
        Value::Bool(false) => Ok(Effort::None),
        _ => super::openai::read::effort(think),
    }
}

fn images(message: &Field<'_>) -> Read<Vec<Part>> {
    let image = |image: &Field<'_>| {
        let data = image.text()?.to_string();
        let mime = mime_of(&data).to_string();
        Ok(Part::File { mime, name: String::new(), data, url: None })
    };
    message.list_of("images")?.iter().map(image).collect()
}

/// What the first bytes of a picture in base64 say of its kind.
fn mime_of(data: &str) -> &'static str {
    let begins = [("iVBOR", "image/png"), ("R0lGOD", "image/gif"), ("UklGR", "image/webp")];
    begins.iter().find(|(begin, _)| data.starts_with(begin)).map_or("image/jpeg", |(_, mime)| mime)
}

fn take_message(message: &Field<'_>, turns: &mut Vec<Turn>) -> Read<()> {
    let role = message.need("role")?;
    let text = message.text_of("content")?.unwrap_or_default();
    let speaker = match role.text()? {
        "system" => Role::System,
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "tool" => {
            let named = message.text_of("tool_name")?.or(message.text_of("name")?).map(String::from);
            let (id, name) = match message.text_of("tool_call_id")? {
                Some(id) => (id.to_string(), named.unwrap_or_default()),
                None => unanswered(turns, named.as_deref()),
            };
            push_result(turns, ToolResult { id, name, content: text.to_string(), is_error: false });
            return Ok(());
        }
        _ => return Err(role.wrong("must be system, user, assistant or tool")),
    };
    let mut parts = Vec::new();
    if let Some(thinking) = message.text_of("thinking")?.filter(|text| !text.is_empty()) {
        parts.push(Part::Reasoning { text: thinking.to_string(), signature: None });
    }
    parts.extend(images(message)?);
    if !text.is_empty() {
        parts.push(Part::text(text));
    }
    for call in message.list_of("tool_calls")? {
        let function = call.need("function")?;
        let count =
            turns.iter().flat_map(|t| &t.parts).chain(&parts).filter(|p| matches!(p, Part::ToolCall(_))).count();
        parts.push(Part::ToolCall(ToolCall {
            id: call.text_of("id")?.map_or_else(|| format!("call_{count}"), String::from),
            name: function.need("name")?.text()?.to_string(),
            arguments: function.get("arguments").map_or_else(|| json!({}), |args| args.value().clone()),
            signatures: Vec::new(),
        }));
    }
    turns.push(Turn { role: speaker, parts });
    Ok(())
}

/// Ollama's calls have no ids: a result belongs to the first call (of its name) that has none yet.
fn unanswered(turns: &[Turn], name: Option<&str>) -> (String, String) {
    let parts = || turns.iter().flat_map(|turn| &turn.parts);
    let is_answered = |id: &str| parts().any(|part| matches!(part, Part::ToolResult(result) if result.id == id));
    let open = parts().filter_map(|part| match part {
        Part::ToolCall(call) if !is_answered(&call.id) => Some((call.id.clone(), call.name.clone())),
        _ => None,
    });
    let open: Vec<(String, String)> = open.collect();
    let same = open.iter().find(|(_, called)| name.is_none_or(|name| name == called));
    let unknown = || name.unwrap_or_default().to_string();
    same.or(open.first().filter(|_| name.is_none())).cloned().unwrap_or_else(|| (unknown(), unknown()))
}

/// Writes what Ollama answers.
#[derive(Clone, Debug)]
pub struct Lines {
    label: Label,
    /// Whether it is `/api/generate` that was asked.
    generate: bool,
    told: Told,
}

impl Lines {
    /// A writer for one answer; `generate` says which of the two was asked.
    pub fn new(label: Label, generate: bool) -> Lines {
        Lines { label, generate, told: Told::default() }
    }

    fn line(&self, text: &str, thinking: &str, calls: Vec<Value>) -> Value {
        let at = jiff::Timestamp::from_second(self.label.at).unwrap_or_default().to_string();
        let mut value = json!({"model": self.label.model, "created_at": at});
        let mut said =
            if self.generate { json!({"response": text}) } else { json!({"role": "assistant", "content": text}) };
        if !thinking.is_empty() {
            said["thinking"] = json!(thinking);
        }
        if !calls.is_empty() {
            said["tool_calls"] = json!(calls);
        }
        match said {
            Value::Object(said) if self.generate => said.into_iter().for_each(|(name, field)| value[name] = field),
            said => value["message"] = said,
        }
        value["done"] = json!(false);
        value
    }

    fn finish(&self, mut value: Value, answer: &Answer) -> Value {
        let nanoseconds = |ms: u64| ms.saturating_mul(1_000_000);
        let first = answer.first_token_ms.unwrap_or(0);
        value["done"] = json!(true);
        value["done_reason"] = json!(if answer.finish == Finish::Length { "length" } else { "stop" });
        value["total_duration"] = json!(nanoseconds(answer.duration_ms));
        value["load_duration"] = json!(0);
        value["prompt_eval_count"] = json!(answer.usage.input.unwrap_or(0));
        value["prompt_eval_duration"] = json!(nanoseconds(first));
        value["eval_count"] = json!(answer.usage.output.unwrap_or(0));
        value["eval_duration"] = json!(nanoseconds(answer.duration_ms.saturating_sub(first)));
        value
    }
}

impl Writer for Lines {
    fn framing(&self) -> Framing {
        Framing::Lines
    }

    fn begin(&mut self) -> Vec<Frame> {
        Vec::new()
    }

    fn piece(&mut self, piece: &Piece) -> Vec<Frame> {
        self.told.count(piece);
        match piece {
            Piece::Text(text) if !text.is_empty() => vec![Frame::Value(self.line(text, "", Vec::new()))],
            Piece::Reasoning(text) if !text.is_empty() => vec![Frame::Value(self.line("", text, Vec::new()))],
            _ => Vec::new(),
        }
    }

    fn end(&mut self, answer: &Answer) -> Vec<Frame> {
        let rest = self.told.rest(answer);
        let mut frames: Vec<Frame> = rest.iter().flat_map(|piece| self.piece(piece)).collect();
        let calls: Vec<Value> = calls(&answer.parts).into_iter().map(call).collect();
        if !calls.is_empty() {
            frames.push(Frame::Value(self.line("", "", calls)));
        }
        frames.push(Frame::Value(self.finish(self.line("", "", Vec::new()), answer)));
        frames
    }

    fn fail(&mut self, fault: &Fault) -> Vec<Frame> {
        vec![Frame::Value(fault.body(Vendor::Ollama, ""))]
    }

    fn whole(&self, answer: &Answer) -> Value {
        let calls = calls(&answer.parts).into_iter().map(call).collect();
        let value = self.line(&words(&answer.parts), &thoughts(&answer.parts), calls);
        self.finish(value, answer)
    }
}

fn call(call: &ToolCall) -> Value {
    json!({"id": call.id, "function": {"name": call.name, "arguments": arguments_object(call)}})
}
