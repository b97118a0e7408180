//! What a client of OpenAI's responses asks. <https://platform.openai.com/docs/api-reference/responses/create>

use serde_json::{Map, Value};

use super::super::asked::{Asked, name_of_call};
use super::super::read::{Field, Read, arguments, others};
use super::read::{effort, file_at, push_result, spec, tool_use};
use crate::providers::model::{Part, Role, ToolCall, ToolResult, Tuning, Turn, words};

/// The fields that are understood, or mean nothing where nothing is kept.
const KNOWN: [&str; 16] = [
    "model",
    "input",
    "instructions",
    "stream",
    "stream_options",
    "temperature",
    "top_p",
    "max_output_tokens",
    "tools",
    "tool_choice",
    "reasoning",
    "text",
    "store",
    "previous_response_id",
    "conversation",
    "background",
];

/// A question, and what of it stands in the answer again.
#[derive(Clone, Debug, PartialEq)]
pub struct Responses {
    /// The question.
    pub asked: Asked,
    /// Fields that the answer repeats.
    pub repeated: Map<String, Value>,
}

/// Reads the body of a question.
///
/// # Errors
/// What is wrong with it, and where.
pub fn responses(body: &Value) -> Read<Responses> {
    let root = Field::root(body);
    root.object()?;
    let model = root.need("model")?.text()?.to_string();
    let mut asked = Asked { model, stream: root.says("stream")?, own: others(body, &KNOWN), ..Asked::default() };
    for kept in ["previous_response_id", "conversation"] {
        if let Some(field) = root.get(kept) {
            return Err(field.wrong("cannot be gone on with: no answers are kept here; send the whole input"));
        }
    }
    if root.says("background")? {
        return Err(root.wrong("asks for work in the background, which is not done here"));
    }
    let turns = &mut asked.request.turns;
    if let Some(instructions) = root.text_of("instructions")? {
        turns.push(Turn::text(Role::System, instructions));
    }
    let input = root.need("input")?;
    match input.value() {
        Value::String(text) => turns.push(Turn::text(Role::User, text.clone())),
        _ => input.some()?.iter().try_for_each(|item| take_item(item, turns))?,
    }
    for tool in root.list_of("tools")? {
        match tool.need("type")?.text()? {
            "function" => asked.request.tools.push(spec(&tool)?),
            other => return Err(tool.wrong(format!("is a `{other}`; only functions are passed on here"))),
        }
    }
    let reasoning = root.get("reasoning");
    asked.request.tuning = Tuning {
        temperature: root.number_of("temperature")?,
        top_p: root.number_of("top_p")?,
        max_tokens: root.small_of("max_output_tokens")?,
        effort: reasoning.and_then(|r| r.get("effort")).map(|field| effort(&field)).transpose()?,
        tool_use: root.get("tool_choice").map(|field| tool_use(&field)).transpose()?,
        ..Tuning::default()
    };
    if let Some(format) = root.get("text").and_then(|text| text.get("format")) {
        take_format(&format, &mut asked)?;
    }
    let again =
        ["instructions", "max_output_tokens", "metadata", "temperature", "text", "tool_choice", "tools", "top_p"];
    let repeated = again.iter().filter_map(|name| Some(((*name).to_string(), body.get(*name)?.clone()))).collect();
    Ok(Responses { asked, repeated })
}

fn take_format(format: &Field<'_>, asked: &mut Asked) -> Read<()> {
    match format.need("type")?.text()? {
        "text" => {}
        "json_object" => {
            asked.json = true;
            asked.own.insert("text".to_string(), serde_json::json!({"format": format.value()}));
        }
        "json_schema" => {
            let schema = format.need("schema")?;
            schema.object()?;
            asked.request.tuning.schema = Some(schema.value().clone());
        }
        _ => return Err(format.wrong("must have the type text, json_object or json_schema")),
    }
    Ok(())
}

fn take_item(item: &Field<'_>, turns: &mut Vec<Turn>) -> Read<()> {
    match item.text_of("type")?.unwrap_or("message") {
        "message" => {
            let role = item.need("role")?;
            let speaker = match role.text()? {
                "system" | "developer" => Role::System,
                "user" => Role::User,
                "assistant" => Role::Assistant,
                _ => return Err(role.wrong("must be system, developer, user or assistant")),
            };
            let parts = content(&item.need("content")?)?;
            match speaker {
                Role::Assistant => push_assistant(turns, parts),
                role => turns.push(Turn { role, parts }),
            }
        }
        "function_call" => {
            let call = ToolCall {
                id: item.need("call_id")?.text()?.to_string(),
                name: item.need("name")?.text()?.to_string(),
                arguments: arguments(item.text_of("arguments")?.unwrap_or_default()),
                signatures: Vec::new(),
            };
            push_assistant(turns, vec![Part::ToolCall(call)]);
        }
        "function_call_output" => {
            let id = item.need("call_id")?.text()?.to_string();
            let content = words(&content(&item.need("output")?)?);
            let name = name_of_call(turns, &id).unwrap_or_default();
            push_result(turns, ToolResult { id, name, content, is_error: false });
        }
        "reasoning" => {
            let texts = item.list_of("summary")?;
            let texts: Vec<&str> = texts.iter().map(|part| part.need("text")?.text()).collect::<Read<_>>()?;
            let signature = item.text_of("encrypted_content")?.map(String::from);
            push_assistant(turns, vec![Part::Reasoning { text: texts.join("\n\n"), signature }]);
        }
        other => return Err(item.wrong(format!("is a `{other}`, which is not understood here"))),
    }
    Ok(())
}

/// What a model said in one go stands in one turn, whatever parts it on the wire.
fn push_assistant(turns: &mut Vec<Turn>, parts: Vec<Part>) {
    match turns.last_mut().filter(|turn| turn.role == Role::Assistant) {
        Some(turn) => turn.parts.extend(parts),
        None => turns.push(Turn { role: Role::Assistant, parts }),
    }
}

fn content(content: &Field<'_>) -> Read<Vec<Part>> {
    match content.value() {
        Value::String(text) => Ok(vec![Part::text(text.clone())]),
        _ => content.list()?.iter().map(part).collect(),
    }
}

fn part(part: &Field<'_>) -> Read<Part> {
    match part.need("type")?.text()? {
        "input_text" | "output_text" | "text" => Ok(Part::text(part.need("text")?.text()?)),
        "refusal" => Ok(Part::text(part.need("refusal")?.text()?)),
        "input_image" => {
            let Some(url) = part.text_of("image_url")? else {
                return Err(part.wrong("wants `image_url`: no files are kept here"));
            };
            Ok(file_at(url, "image/*", ""))
        }
        "input_file" => {
            let name = part.text_of("filename")?.unwrap_or_default();
            match part.text_of("file_data")?.or(part.text_of("file_url")?) {
                Some(data) => Ok(file_at(data, "application/pdf", name)),
                None => Err(part.wrong("wants `file_data` or `file_url`: no files are kept here")),
            }
        }
        other => Err(part.wrong(format!("is a `{other}`, which is not understood here"))),
    }
}
