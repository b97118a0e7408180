//! What a client of OpenAI's chat completions asks. <https://platform.openai.com/docs/api-reference/chat/create>

use serde_json::{Value, json};

use super::super::asked::{Asked, name_of_call};
use super::super::read::{Field, Read, Wrong, arguments, data_url, others};
use crate::providers::model::{Effort, Part, Role, ToolCall, ToolResult, ToolSpec, ToolUse, Tuning, Turn};

/// The fields that are understood, or mean nothing here.
const KNOWN: [&str; 18] = [
    "model",
    "messages",
    "stream",
    "stream_options",
    "temperature",
    "top_p",
    "max_tokens",
    "max_completion_tokens",
    "stop",
    "seed",
    "tools",
    "tool_choice",
    "reasoning_effort",
    "n",
    "response_format",
    "store",
    "functions",
    "function_call",
];

/// A question, and what of the stream is wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct Chat {
    /// The question.
    pub asked: Asked,
    /// Whether the stream ends with what it took.
    pub include_usage: bool,
}

/// Reads the body of a question.
///
/// # Errors
/// What is wrong with it, and where.
pub fn chat(body: &Value) -> Read<Chat> {
    let root = Field::root(body);
    root.object()?;
    let model = root.need("model")?.text()?.to_string();
    let mut asked = Asked { model, stream: root.says("stream")?, own: others(body, &KNOWN), ..Asked::default() };
    if root.small_of("n")?.is_some_and(|n| n != 1) {
        return Err(Wrong::new("n", "can only be 1 here: ask again for another answer"));
    }
    for old in ["functions", "function_call"] {
        if let Some(field) = root.get(old) {
            return Err(field.wrong("is no longer understood: use `tools` and `tool_choice`"));
        }
    }
    for message in root.need("messages")?.some()? {
        take_message(&message, &mut asked.request.turns)?;
    }
    asked.request.tools = tools(&root)?;
    asked.request.tuning = Tuning {
        temperature: root.number_of("temperature")?,
        top_p: root.number_of("top_p")?,
        max_tokens: root.small_of("max_completion_tokens")?.or(root.small_of("max_tokens")?),
        stop: root.get("stop").map_or(Ok(Vec::new()), |stop| stop.texts())?,
        seed: root.seed_of("seed")?,
        effort: root.get("reasoning_effort").map(|field| effort(&field)).transpose()?,
        tool_use: root.get("tool_choice").map(|field| tool_use(&field)).transpose()?,
        ..Tuning::default()
    };
    if let Some(format) = root.get("response_format") {
        take_format(&format, &mut asked)?;
    }
    let options = root.get("stream_options");
    let include_usage = options.map_or(Ok(false), |options| options.says("include_usage"))?;
    Ok(Chat { asked, include_usage })
}

/// How hard to think.
pub fn effort(field: &Field<'_>) -> Read<Effort> {
    match field.text()? {
        "none" => Ok(Effort::None),
        "minimal" | "low" => Ok(Effort::Low),
        "medium" => Ok(Effort::Medium),
        "high" | "xhigh" | "max" => Ok(Effort::High),
        _ => Err(field.wrong("must be one of none, minimal, low, medium, high")),
    }
}

fn take_format(format: &Field<'_>, asked: &mut Asked) -> Read<()> {
    match format.need("type")?.text()? {
        "text" => {}
        "json_object" => {
            asked.json = true;
            asked.own.insert("response_format".to_string(), format.value().clone());
        }
        "json_schema" => {
            let schema = format.need("json_schema")?.need("schema")?;
            schema.object()?;
            asked.request.tuning.schema = Some(schema.value().clone());
        }
        _ => return Err(format.wrong("must have the type text, json_object or json_schema")),
    }
    Ok(())
}

/// The tools of chat completions, whose functions stand in an object of their own.
fn tools(root: &Field<'_>) -> Read<Vec<ToolSpec>> {
    let tool = |tool: &Field<'_>| {
        match tool.need("type")?.text()? {
            "function" => {}
            other => return Err(tool.wrong(format!("is a `{other}`; only functions are passed on here"))),
        }
        spec(&tool.need("function")?)
    };
    root.list_of("tools")?.iter().map(tool).collect()
}

/// A function that a model may ask for.
pub fn spec(function: &Field<'_>) -> Read<ToolSpec> {
    let schema = match function.get("parameters") {
        Some(parameters) => {
            parameters.object()?;
            parameters.value().clone()
        }
        None => json!({"type": "object", "properties": {}}),
    };
    let description = function.text_of("description")?.unwrap_or_default().to_string();
    Ok(ToolSpec { name: function.need("name")?.text()?.to_string(), description, schema })
}

/// `none`, `auto`, `required`, or a function by its name (in an object of its own, or beside).
pub fn tool_use(field: &Field<'_>) -> Read<ToolUse> {
    match field.value() {
        Value::String(word) => match word.as_str() {
            "none" => Ok(ToolUse::Never),
            "auto" => Ok(ToolUse::Auto),
            "required" => Ok(ToolUse::Always),
            _ => Err(field.wrong("must be none, auto, required or a function")),
        },
        _ => {
            let named = field.get("function").unwrap_or_else(|| field.clone());
            Ok(ToolUse::Only(named.need("name")?.text()?.to_string()))
        }
    }
}

fn take_message(message: &Field<'_>, turns: &mut Vec<Turn>) -> Read<()> {
    let role = message.need("role")?;
    let turn = match role.text()? {
        "system" | "developer" => Turn { role: Role::System, parts: content(message)? },
        "user" => Turn { role: Role::User, parts: content(message)? },
        "assistant" => Turn { role: Role::Assistant, parts: assistant(message)? },
        "tool" => {
            let id = message.need("tool_call_id")?.text()?.to_string();
            let name = name_of_call(turns, &id).unwrap_or_default();
            let content = crate::providers::model::words(&content(message)?);
            push_result(turns, ToolResult { id, name, content, is_error: false });
            return Ok(());
        }
        _ => return Err(role.wrong("must be system, developer, user, assistant or tool")),
    };
    turns.push(turn);
    Ok(())
}

/// Results of one round of tools stand in one turn, whatever parts them on the wire.
pub fn push_result(turns: &mut Vec<Turn>, result: ToolResult) {
    match turns.last_mut().filter(|turn| turn.role == Role::Tool) {
        Some(turn) => turn.parts.push(Part::ToolResult(result)),
        None => turns.push(Turn { role: Role::Tool, parts: vec![Part::ToolResult(result)] }),
    }
}

fn content(message: &Field<'_>) -> Read<Vec<Part>> {
    let content = message.need("content")?;
    match content.value() {
        Value::String(text) => Ok(vec![Part::text(text.clone())]),
        _ => content.list()?.iter().map(part).collect(),
    }
}

fn part(part: &Field<'_>) -> Read<Part> {
    match part.need("type")?.text()? {
        "text" => Ok(Part::text(part.need("text")?.text()?)),
        "refusal" => Ok(Part::text(part.need("refusal")?.text()?)),
        "image_url" => {
            let image = part.need("image_url")?;
            let url = if image.value().is_string() { image.text()? } else { image.need("url")?.text()? };
            Ok(file_at(url, "image/*", ""))
        }
        "input_audio" => {
            let audio = part.need("input_audio")?;
            let mime = match audio.need("format")?.text()? {
                "mp3" => "audio/mpeg".to_string(),
                other => format!("audio/{other}"),
            };
            let data = audio.need("data")?.text()?.to_string();
            Ok(Part::File { mime, name: String::new(), data, url: None })
        }
        "file" => {
            let file = part.need("file")?;
            let Some(data) = file.get("file_data") else {
                return Err(file.wrong("wants `file_data`: no files are kept here"));
            };
            Ok(file_at(data.text()?, "application/pdf", file.text_of("filename")?.unwrap_or_default()))
        }
        other => Err(part.wrong(format!("is a `{other}`, which is not understood here"))),
    }
}

/// A file whose address may hold it.
pub fn file_at(url: &str, usual: &str, name: &str) -> Part {
    let name = name.to_string();
    match data_url(url) {
        Some((mime, data)) => Part::File { mime: mime.to_string(), name, data: data.to_string(), url: None },
        None if url.contains("://") => {
            Part::File { mime: mime_of(url, usual), name, data: String::new(), url: Some(url.to_string()) }
        }
        None => Part::File { mime: usual.to_string(), name, data: url.to_string(), url: None },
    }
}

/// What an address promises by its ending.
fn mime_of(url: &str, usual: &str) -> String {
    let path = url.split(['?', '#']).next().unwrap_or_default().to_lowercase();
    let known = [(".png", "image/png"), (".gif", "image/gif"), (".webp", "image/webp"), (".pdf", "application/pdf")];
    let found = known.iter().find(|(ending, _)| path.ends_with(ending)).map(|(_, mime)| *mime);
    found.unwrap_or(if usual == "image/*" { "image/jpeg" } else { usual }).to_string()
}

fn assistant(message: &Field<'_>) -> Read<Vec<Part>> {
    let mut parts = Vec::new();
    for name in ["reasoning_content", "reasoning"] {
        if let Some(text) = message.get(name).filter(|field| field.value().is_string()) {
            parts.push(Part::Reasoning { text: text.text()?.to_string(), signature: None });
            break;
        }
    }
    if message.get("content").is_some() {
        parts.extend(content(message)?.into_iter().filter(|part| *part != Part::text("")));
    }
    for call in message.list_of("tool_calls")? {
        let function = call.need("function")?;
        // Google's own field for what its models want back: https://ai.google.dev/gemini-api/docs/openai
        let google = call.get("extra_content").and_then(|extra| extra.get("google"));
        let signature = google.and_then(|google| google.get("thought_signature"));
        parts.push(Part::ToolCall(ToolCall {
            id: call.need("id")?.text()?.to_string(),
            name: function.need("name")?.text()?.to_string(),
            arguments: arguments(function.text_of("arguments")?.unwrap_or_default()),
            signatures: signature.map(|field| field.text().map(String::from)).transpose()?.into_iter().collect(),
        }));
    }
    Ok(parts)
}
