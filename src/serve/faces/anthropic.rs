//! Anthropic's messages: what a client asks, and answers whole and as events.
//! <https://docs.anthropic.com/en/api/messages>, `/messages-streaming`.

use serde_json::{Value, json};

use super::Vendor;
use super::asked::{
    Asked, Label, Told, Writer, arguments_object, calls, effort_of, is_withheld, name_of_call, signature,
};
use super::fault::Fault;
use super::frame::{Frame, Framing};
use super::read::{Field, Read, others};
use crate::providers::model::{
    Answer, Effort, Finish, Part, Piece, Role, ToolCall, ToolResult, ToolSpec, ToolUse, Tuning, Turn, Usage,
};

/// The fields that are understood; `thinking` and others go along as they are where Claude is asked in its own tongue.
const KNOWN: [&str; 12] = [
    "model",
    "messages",
    "system",
    "stream",
    "max_tokens",
    "temperature",
    "top_p",
    "stop_sequences",
    "tools",
    "tool_choice",
    "output_config",
    "output_format",
];

/// Reads the body of a question. `counting`: it is only counted, and needs no bound.
///
/// # Errors
/// What is wrong with it, and where.
pub fn messages(body: &Value, counting: bool) -> Read<Asked> {
    let root = Field::root(body);
    root.object()?;
    let model = root.need("model")?.text()?.to_string();
    let mut asked = Asked { model, stream: root.says("stream")?, own: others(body, &KNOWN), ..Asked::default() };
    let turns = &mut asked.request.turns;
    if let Some(system) = root.get("system") {
        turns.push(Turn { role: Role::System, parts: content(&system)? });
    }
    for message in root.need("messages")?.some()? {
        take_message(&message, turns)?;
    }
    asked.request.tools = root.list_of("tools")?.iter().map(tool).collect::<Read<_>>()?;
    asked.request.tuning = Tuning {
        temperature: root.number_of("temperature")?,
        top_p: root.number_of("top_p")?,
        max_tokens: if counting { None } else { Some(root.need("max_tokens")?.small()?) },
        stop: root.get("stop_sequences").map_or(Ok(Vec::new()), |stop| stop.texts())?,
        tool_use: root.get("tool_choice").map(|field| tool_use(&field)).transpose()?,
        ..Tuning::default()
    };
    take_effort(&root, &mut asked)?;
    Ok(asked)
}

/// How hard to think, and the shape of the answer, which stand beside each other.
fn take_effort(root: &Field<'_>, asked: &mut Asked) -> Read<()> {
    let config = root.get("output_config");
    let format = config.as_ref().and_then(|config| config.get("format")).or_else(|| root.get("output_format"));
    if let Some(format) = format {
        let schema = format.need("schema")?;
        schema.object()?;
        asked.request.tuning.schema = Some(schema.value().clone());
    }
    let tuning = &mut asked.request.tuning;
    if let Some(effort) = config.and_then(|config| config.get("effort")) {
        tuning.effort = Some(match effort.text()? {
            "low" => Effort::Low,
            "medium" => Effort::Medium,
            "high" | "xhigh" | "max" => Effort::High,
            _ => return Err(effort.wrong("must be low, medium or high")),
        });
    }
    if let Some(thinking) = root.get("thinking") {
        let thinks = match thinking.need("type")?.text()? {
            "disabled" => Effort::None,
            "enabled" => effort_of(thinking.need("budget_tokens")?.small()?),
            "adaptive" => tuning.effort.unwrap_or(Effort::Medium),
            _ => return Err(thinking.wrong("must have the type enabled, adaptive or disabled")),
        };
        tuning.effort = Some(tuning.effort.filter(|_| thinks != Effort::None).unwrap_or(thinks));
    }
    Ok(())
}

fn tool(tool: &Field<'_>) -> Read<ToolSpec> {
    if let Some(kind) = tool.text_of("type")?.filter(|kind| *kind != "custom") {
        return Err(tool.wrong(format!("is a `{kind}`; only tools of the client are passed on here")));
    }
    let schema = tool.need("input_schema")?;
    schema.object()?;
    Ok(ToolSpec {
        name: tool.need("name")?.text()?.to_string(),
        description: tool.text_of("description")?.unwrap_or_default().to_string(),
        schema: schema.value().clone(),
    })
}

fn tool_use(field: &Field<'_>) -> Read<ToolUse> {
    match field.need("type")?.text()? {
        "auto" => Ok(ToolUse::Auto),
        "any" => Ok(ToolUse::Always),
        "none" => Ok(ToolUse::Never),
        "tool" => Ok(ToolUse::Only(field.need("name")?.text()?.to_string())),
        _ => Err(field.wrong("must have the type auto, any, none or tool")),
    }
}

fn take_message(message: &Field<'_>, turns: &mut Vec<Turn>) -> Read<()> {
    let role = message.need("role")?;
    let speaker = match role.text()? {
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "system" => Role::System,
        _ => return Err(role.wrong("must be user or assistant")),
    };
    let content = message.need("content")?;
    if content.value().is_string() {
        turns.push(Turn::text(speaker, content.text()?));
        return Ok(());
    }
    let (mut results, mut parts) = (Vec::new(), Vec::new());
    for block in content.list()? {
        match block.need("type")?.text()? {
            "tool_result" => {
                let (result, files) = tool_result(&block, turns)?;
                results.push(Part::ToolResult(result));
                // A result is a text for most vendors: pictures of it follow as the person's.
                parts.extend(files);
            }
            _ => parts.push(part(&block)?),
        }
    }
    if !results.is_empty() {
        turns.push(Turn { role: Role::Tool, parts: results });
    }
    if !parts.is_empty() {
        turns.push(Turn { role: speaker, parts });
    }
    Ok(())
}

fn tool_result(block: &Field<'_>, turns: &[Turn]) -> Read<(ToolResult, Vec<Part>)> {
    let id = block.need("tool_use_id")?.text()?.to_string();
    let parts = block.get("content").map_or(Ok(Vec::new()), |field| content(&field))?;
    let (texts, files): (Vec<Part>, Vec<Part>) = parts.into_iter().partition(|p| matches!(p, Part::Text { .. }));
    let content = crate::providers::model::words(&texts);
    let name = name_of_call(turns, &id).unwrap_or_default();
    Ok((ToolResult { id, name, content, is_error: block.says("is_error")? }, files))
}

fn content(content: &Field<'_>) -> Read<Vec<Part>> {
    match content.value() {
        Value::String(text) => Ok(vec![Part::text(text.clone())]),
        _ => content.list()?.iter().map(part).collect(),
    }
}

fn part(block: &Field<'_>) -> Read<Part> {
    let text = |name: &str| Ok(block.need(name)?.text()?.to_string());
    match block.need("type")?.text()? {
        "text" => Ok(Part::Text { text: text("text")? }),
        "image" => file(block, "image/png"),
        "document" => file(block, "application/pdf"),
        "thinking" => {
            let signature = block.text_of("signature")?.filter(|s| !s.is_empty()).map(String::from);
            Ok(Part::Reasoning { text: text("thinking")?, signature })
        }
        "redacted_thinking" => Ok(Part::Reasoning { text: String::new(), signature: Some(text("data")?) }),
        "tool_use" => {
            let input = block.get("input").map_or_else(|| json!({}), |input| input.value().clone());
            Ok(Part::ToolCall(ToolCall {
                id: text("id")?,
                name: text("name")?,
                arguments: input,
                signatures: Vec::new(),
            }))
        }
        other => Err(block.wrong(format!("is a `{other}`, which is not understood here"))),
    }
}

fn file(block: &Field<'_>, usual: &str) -> Read<Part> {
    let source = block.need("source")?;
    let name = block.text_of("title")?.unwrap_or_default().to_string();
    match source.need("type")?.text()? {
        "base64" => {
            let mime = source.text_of("media_type")?.unwrap_or(usual).to_string();
            Ok(Part::File { mime, name, data: source.need("data")?.text()?.to_string(), url: None })
        }
        "url" => {
            let url = Some(source.need("url")?.text()?.to_string());
            Ok(Part::File { mime: usual.to_string(), name, data: String::new(), url })
        }
        "text" => Ok(Part::text(source.need("data")?.text()?)),
        other => Err(source.wrong(format!("is a `{other}`, which is not understood here"))),
    }
}

/// Writes messages. The block of thoughts stays open until the end, where its signature is known; clients go by the
/// index of a block and not by the order of events.
#[derive(Clone, Debug)]
pub struct Messages {
    label: Label,
    told: Told,
    blocks: usize,
    thinking: Option<usize>,
    text: Option<usize>,
}

impl Messages {
    /// A writer for one answer.
    pub fn new(label: Label) -> Messages {
        Messages { label, told: Told::default(), blocks: 0, thinking: None, text: None }
    }

    fn open(&mut self, block: Value, frames: &mut Vec<Frame>) -> usize {
        let index = self.blocks;
        self.blocks += 1;
        let data = json!({"type": "content_block_start", "index": index, "content_block": block});
        frames.push(Frame::Event("content_block_start", data));
        index
    }

    fn message(&self, content: Vec<Value>, stop: Option<&str>, usage: Value) -> Value {
        json!({
            "id": format!("msg_{}", self.label.id), "type": "message", "role": "assistant", "model": self.label.model,
            "content": content, "stop_reason": stop, "stop_sequence": null, "usage": usage,
        })
    }
}

fn delta(index: usize, delta: Value) -> Frame {
    Frame::Event("content_block_delta", json!({"type": "content_block_delta", "index": index, "delta": delta}))
}

fn close(index: usize) -> Frame {
    Frame::Event("content_block_stop", json!({"type": "content_block_stop", "index": index}))
}

impl Writer for Messages {
    fn framing(&self) -> Framing {
        Framing::Events
    }

    fn begin(&mut self) -> Vec<Frame> {
        let message = self.message(Vec::new(), None, usage(&Usage::default()));
        vec![Frame::Event("message_start", json!({"type": "message_start", "message": message}))]
    }

    fn piece(&mut self, piece: &Piece) -> Vec<Frame> {
        self.told.count(piece);
        let mut frames = Vec::new();
        match piece {
            Piece::Text(text) if !text.is_empty() => {
                let index = match self.text {
                    Some(index) => index,
                    None => self.open(json!({"type": "text", "text": ""}), &mut frames),
                };
                self.text = Some(index);
                frames.push(delta(index, json!({"type": "text_delta", "text": text})));
            }
            Piece::Reasoning(text) if !text.is_empty() => {
                let block = json!({"type": "thinking", "thinking": "", "signature": ""});
                let index = match self.thinking {
                    Some(index) => index,
                    None => self.open(block, &mut frames),
                };
                self.thinking = Some(index);
                frames.push(delta(index, json!({"type": "thinking_delta", "thinking": text})));
            }
            _ => {}
        }
        frames
    }

    fn end(&mut self, answer: &Answer) -> Vec<Frame> {
        let rest = self.told.rest(answer);
        let mut frames: Vec<Frame> = rest.iter().flat_map(|piece| self.piece(piece)).collect();
        match (self.thinking, signature(&answer.parts)) {
            (Some(index), signature) => {
                if let Some(signature) = signature {
                    frames.push(delta(index, json!({"type": "signature_delta", "signature": signature})));
                }
                frames.push(close(index));
            }
            (None, Some(data)) => {
                let index = self.open(json!({"type": "redacted_thinking", "data": data}), &mut frames);
                frames.push(close(index));
            }
            (None, None) => {}
        }
        frames.extend(self.text.map(close));
        for call in calls(&answer.parts) {
            let block = json!({"type": "tool_use", "id": call.id, "name": call.name, "input": {}});
            let index = self.open(block, &mut frames);
            let input = arguments_object(call).to_string();
            frames.push(delta(index, json!({"type": "input_json_delta", "partial_json": input})));
            frames.push(close(index));
        }
        let stop = stop_reason(&answer.finish);
        let data = json!({
            "type": "message_delta", "delta": {"stop_reason": stop, "stop_sequence": null}, "usage": usage(&answer.usage),
        });
        frames.push(Frame::Event("message_delta", data));
        frames.push(Frame::Event("message_stop", json!({"type": "message_stop"})));
        frames
    }

    fn fail(&mut self, fault: &Fault) -> Vec<Frame> {
        vec![Frame::Event("error", fault.body(Vendor::Anthropic, &self.label.id))]
    }

    fn whole(&self, answer: &Answer) -> Value {
        let content = answer.parts.iter().filter_map(block).collect();
        let mut value = self.message(content, Some(stop_reason(&answer.finish)), usage(&answer.usage));
        value["model"] = json!(answer.model);
        value
    }

    fn pause(&self) -> Option<Frame> {
        Some(Frame::Event("ping", json!({"type": "ping"})))
    }
}

fn block(part: &Part) -> Option<Value> {
    match part {
        Part::Text { text } if text.is_empty() => None,
        Part::Text { text } => Some(json!({"type": "text", "text": text})),
        Part::Reasoning { text, signature: Some(data) } if text.is_empty() => {
            Some(json!({"type": "redacted_thinking", "data": data}))
        }
        Part::Reasoning { text, signature } => {
            Some(json!({"type": "thinking", "thinking": text, "signature": signature.as_deref().unwrap_or_default()}))
        }
        Part::ToolCall(call) => {
            Some(json!({"type": "tool_use", "id": call.id, "name": call.name, "input": arguments_object(call)}))
        }
        Part::File { .. } | Part::ToolResult(_) => None,
    }
}

fn stop_reason(finish: &Finish) -> &'static str {
    match finish {
        Finish::Length => "max_tokens",
        Finish::Tools => "tool_use",
        other if is_withheld(other) => "refusal",
        _ => "end_turn",
    }
}

/// What it took: tokens of the cache are told beside the others, not among them.
fn usage(usage: &Usage) -> Value {
    let (read, written) = (usage.cached.unwrap_or(0), usage.cache_written.unwrap_or(0));
    json!({
        "input_tokens": usage.input.unwrap_or(0).saturating_sub(read).saturating_sub(written),
        "cache_creation_input_tokens": written, "cache_read_input_tokens": read,
        "output_tokens": usage.output.unwrap_or(0),
    })
}
