//! Gemini's generateContent: what a client asks, and answers whole and as a stream.
//! <https://ai.google.dev/api/generate-content>. Protocol buffers take every field by two spellings.

use serde_json::{Map, Value, json};

use super::Vendor;
use super::asked::{Asked, Label, Told, Writer, arguments_object, effort_of, is_withheld};
use super::fault::Fault;
use super::frame::{Frame, Framing};
use super::read::{Field, Read};
use crate::providers::model::{
    Answer, Effort, Finish, Part, Piece, Role, ToolCall, ToolResult, ToolSpec, ToolUse, Tuning, Turn, Usage,
};

/// A question, and what of the answer is wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct Generate {
    /// The question.
    pub asked: Asked,
    /// Whether thoughts are told.
    pub thoughts: bool,
}

/// Reads the body of a question for `model`; `stream` is said by the address.
///
/// # Errors
/// What is wrong with it, and where.
pub fn generate(model: &str, stream: bool, body: &Value) -> Read<Generate> {
    let root = Field::root(body);
    root.object()?;
    let mut asked = Asked { model: model.to_string(), stream, ..Asked::default() };
    let turns = &mut asked.request.turns;
    if let Some(system) = root.either(["systemInstruction", "system_instruction"]) {
        let parts = match system.value() {
            Value::String(text) => vec![Part::text(text.clone())],
            _ => parts(&system, turns)?,
        };
        turns.push(Turn { role: Role::System, parts });
    }
    match root.need("contents")?.value() {
        Value::Array(_) => {
            root.need("contents")?.some()?.iter().try_for_each(|content| take_content(content, turns))?
        }
        _ => take_content(&root.need("contents")?, turns)?,
    }
    for tool in root.list_of("tools")? {
        take_tools(&tool, &mut asked.request.tools)?;
    }
    if let Some(choice) = root
        .either(["toolConfig", "tool_config"])
        .and_then(|config| config.either(["functionCallingConfig", "function_calling_config"]))
    {
        asked.request.tuning.tool_use = Some(tool_use(&choice)?);
    }
    let thoughts = match root.either(["generationConfig", "generation_config"]) {
        Some(config) => take_config(&config, &mut asked)?,
        None => false,
    };
    for name in ["safetySettings", "cachedContent", "labels"] {
        if let Some(field) = root.get(name) {
            asked.own.insert(name.to_string(), field.value().clone());
        }
    }
    Ok(Generate { asked, thoughts })
}

/// The member that either spelling has.
fn both<'a>(field: &Field<'a>, camel: &str, snake: &str) -> Option<Field<'a>> {
    field.either([camel, snake])
}

/// What a configuration says; whether thoughts are wanted.
fn take_config(config: &Field<'_>, asked: &mut Asked) -> Read<bool> {
    let whole = config.object()?;
    let number = |camel, snake| both(config, camel, snake).map(|field| field.number()).transpose();
    if both(config, "candidateCount", "candidate_count").map(|n| n.small()).transpose()?.is_some_and(|n| n != 1) {
        return Err(config.wrong("can only want one candidate here"));
    }
    let tool_use = asked.request.tuning.tool_use.take();
    asked.request.tuning = Tuning {
        temperature: number("temperature", "temperature")?,
        top_p: number("topP", "top_p")?,
        max_tokens: both(config, "maxOutputTokens", "max_output_tokens").map(|n| n.small()).transpose()?,
        stop: both(config, "stopSequences", "stop_sequences").map_or(Ok(Vec::new()), |stop| stop.texts())?,
        seed: config.seed_of("seed")?,
        tool_use,
        ..Tuning::default()
    };
    let mime = both(config, "responseMimeType", "response_mime_type").map(|m| m.text()).transpose()?;
    if let Some(schema) = both(config, "responseJsonSchema", "response_json_schema") {
        asked.request.tuning.schema = Some(schema.value().clone());
    } else if let Some(schema) = both(config, "responseSchema", "response_schema") {
        asked.request.tuning.schema = Some(plain_schema(schema.value()));
    } else if mime == Some("application/json") {
        asked.json = true;
    }
    let mut thoughts = false;
    if let Some(thinking) = both(config, "thinkingConfig", "thinking_config") {
        thoughts = both(&thinking, "includeThoughts", "include_thoughts").map_or(Ok(false), |field| field.flag())?;
        asked.request.tuning.effort = effort(&thinking)?;
    }
    // As it is, where Gemini is asked in its own tongue.
    if whole.keys().all(|name| !name.contains('_')) {
        asked.own.insert("generationConfig".to_string(), config.value().clone());
    }
    Ok(thoughts)
}

fn effort(thinking: &Field<'_>) -> Read<Option<Effort>> {
    if let Some(level) = both(thinking, "thinkingLevel", "thinking_level") {
        return match level.text()?.to_lowercase().as_str() {
            "minimal" | "low" => Ok(Some(Effort::Low)),
            "medium" | "thinking_level_unspecified" => Ok(Some(Effort::Medium)),
            "high" => Ok(Some(Effort::High)),
            _ => Err(level.wrong("must be minimal, low, medium or high")),
        };
    }
    let Some(budget) = both(thinking, "thinkingBudget", "thinking_budget") else { return Ok(None) };
    // -1 lets the model decide.
    if budget.value().as_i64() == Some(-1) {
        return Ok(None);
    }
    budget.small().map(|tokens| Some(effort_of(tokens)))
}

/// A schema of Gemini's own kind as JSON Schema: its types are written in capitals, and `nullable` is a field.
fn plain_schema(schema: &Value) -> Value {
    match schema {
        Value::Object(members) => {
            let mut plain = Map::new();
            for (name, value) in members {
                let value = match (name.as_str(), value) {
                    ("type", Value::String(word)) => json!(word.to_lowercase()),
                    ("properties", Value::Object(all)) => {
                        Value::Object(all.iter().map(|(name, schema)| (name.clone(), plain_schema(schema))).collect())
                    }
                    ("items" | "anyOf" | "any_of", value) => plain_schema(value),
                    ("nullable" | "propertyOrdering" | "property_ordering", _) => continue,
                    _ => value.clone(),
                };
                plain.insert(if name == "any_of" { "anyOf".to_string() } else { name.clone() }, value);
            }
            if members.get("nullable") == Some(&Value::Bool(true))
                && let Some(Value::String(word)) = plain.get("type").cloned()
            {
                plain.insert("type".to_string(), json!([word, "null"]));
            }
            Value::Object(plain)
        }
        Value::Array(all) => Value::Array(all.iter().map(plain_schema).collect()),
        other => other.clone(),
    }
}

fn take_tools(tool: &Field<'_>, tools: &mut Vec<ToolSpec>) -> Read<()> {
    let Some(declared) = both(tool, "functionDeclarations", "function_declarations") else {
        let name = tool.object()?.keys().next().cloned().unwrap_or_default();
        return Err(tool.wrong(format!("has `{name}`; only functions are passed on here")));
    };
    for function in declared.list()? {
        let schema = match both(&function, "parametersJsonSchema", "parameters_json_schema") {
            Some(schema) => schema.value().clone(),
            None => match function.get("parameters") {
                Some(schema) => plain_schema(schema.value()),
                None => json!({"type": "object", "properties": {}}),
            },
        };
        let description = function.text_of("description")?.unwrap_or_default().to_string();
        tools.push(ToolSpec { name: function.need("name")?.text()?.to_string(), description, schema });
    }
    Ok(())
}

fn tool_use(choice: &Field<'_>) -> Read<ToolUse> {
    let names = both(choice, "allowedFunctionNames", "allowed_function_names");
    let names = names.map_or(Ok(Vec::new()), |names| names.texts())?;
    match choice.text_of("mode")?.unwrap_or("AUTO") {
        "AUTO" | "MODE_UNSPECIFIED" | "VALIDATED" => Ok(ToolUse::Auto),
        "NONE" => Ok(ToolUse::Never),
        "ANY" => Ok(match names.as_slice() {
            [name] => ToolUse::Only(name.clone()),
            _ => ToolUse::Always,
        }),
        _ => Err(choice.wrong("must have the mode AUTO, ANY or NONE")),
    }
}

fn take_content(content: &Field<'_>, turns: &mut Vec<Turn>) -> Read<()> {
    if content.value().is_string() {
        turns.push(Turn::text(Role::User, content.text()?));
        return Ok(());
    }
    let speaker = match content.text_of("role")?.unwrap_or("user") {
        "model" => Role::Assistant,
        "user" | "function" | "tool" => Role::User,
        _ => return Err(content.need("role")?.wrong("must be user or model")),
    };
    let parts = parts(content, turns)?;
    let (results, rest): (Vec<Part>, Vec<Part>) = parts.into_iter().partition(|p| matches!(p, Part::ToolResult(_)));
    if !results.is_empty() {
        turns.push(Turn { role: Role::Tool, parts: results });
    }
    if !rest.is_empty() {
        turns.push(Turn { role: speaker, parts: rest });
    }
    Ok(())
}

fn parts(content: &Field<'_>, turns: &[Turn]) -> Read<Vec<Part>> {
    let mut parts = Vec::new();
    for field in content.list_of("parts")? {
        let part = part(&field, turns, &parts)?;
        parts.extend(part);
    }
    Ok(parts)
}

fn part(part: &Field<'_>, turns: &[Turn], before: &[Part]) -> Read<Option<Part>> {
    let signature = both(part, "thoughtSignature", "thought_signature").map(|s| s.text()).transpose()?;
    let signature = signature.map(String::from);
    if let Some(call) = both(part, "functionCall", "function_call") {
        let name = call.need("name")?.text()?.to_string();
        let id = match call.text_of("id")? {
            Some(id) => id.to_string(),
            None => made_id(turns, before),
        };
        let arguments = call.get("args").map_or_else(|| json!({}), |args| args.value().clone());
        return Ok(Some(Part::ToolCall(ToolCall { id, name, arguments, signatures: signature.into_iter().collect() })));
    }
    if let Some(result) = both(part, "functionResponse", "function_response") {
        let name = result.need("name")?.text()?.to_string();
        let id = match result.text_of("id")? {
            Some(id) => id.to_string(),
            None => unanswered(turns, before, &name).unwrap_or_else(|| name.clone()),
        };
        let response = result.get("response").map_or(Value::Null, |response| response.value().clone());
        let (content, is_error) = said(&response);
        return Ok(Some(Part::ToolResult(ToolResult { id, name, content, is_error })));
    }
    let text = part.text_of("text")?;
    if part.says("thought")? {
        return Ok(Some(Part::Reasoning { text: text.unwrap_or_default().to_string(), signature }));
    }
    if let Some(data) = both(part, "inlineData", "inline_data") {
        let mime = both(&data, "mimeType", "mime_type").map(|mime| mime.text()).transpose()?;
        let name = both(&data, "displayName", "display_name").map(|name| name.text()).transpose()?;
        return Ok(Some(Part::File {
            mime: mime.unwrap_or("application/octet-stream").to_string(),
            name: name.unwrap_or_default().to_string(),
            data: data.need("data")?.text()?.to_string(),
            url: None,
        }));
    }
    if let Some(file) = both(part, "fileData", "file_data") {
        let mime = both(&file, "mimeType", "mime_type").map(|mime| mime.text()).transpose()?;
        let Some(url) = both(&file, "fileUri", "file_uri") else { return Err(file.wrong("wants `fileUri`")) };
        return Ok(Some(Part::File {
            mime: mime.unwrap_or("application/octet-stream").to_string(),
            name: String::new(),
            data: String::new(),
            url: Some(url.text()?.to_string()),
        }));
    }
    match text {
        Some("") => Ok(None),
        Some(text) => Ok(Some(Part::text(text))),
        None => Err(part.wrong("is of a kind that is not understood here")),
    }
}

/// An id for a call that has none: they are counted through the whole talk.
fn made_id(turns: &[Turn], before: &[Part]) -> String {
    let all = turns.iter().flat_map(|turn| &turn.parts).chain(before);
    format!("call_{}", all.filter(|part| matches!(part, Part::ToolCall(_))).count())
}

/// The first call of that name that has no result yet.
fn unanswered(turns: &[Turn], before: &[Part], name: &str) -> Option<String> {
    let all = || turns.iter().flat_map(|turn| &turn.parts).chain(before);
    let is_answered = |id: &str| all().any(|part| matches!(part, Part::ToolResult(result) if result.id == id));
    let mut calls = all().filter_map(|part| match part {
        Part::ToolCall(call) if call.name == name => Some(call.id.clone()),
        _ => None,
    });
    calls.find(|id| !is_answered(id))
}

/// What a response tells: the text under the names that Google's clients use, else its JSON; and whether it failed.
fn said(response: &Value) -> (String, bool) {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), String::from);
    match response.as_object().filter(|object| object.len() == 1).and_then(|object| object.iter().next()) {
        Some((name, value)) if matches!(name.as_str(), "result" | "output" | "content") => (text(value), false),
        Some((name, value)) if name == "error" => (text(value), true),
        _ => (response.to_string(), false),
    }
}

/// Writes what generateContent answers.
#[derive(Clone, Debug)]
pub struct Generated {
    label: Label,
    thoughts: bool,
    framing: Framing,
    told: Told,
}

impl Generated {
    /// A writer for one answer. Thoughts are told where they are wanted.
    pub fn new(label: Label, thoughts: bool, framing: Framing) -> Generated {
        Generated { label, thoughts, framing, told: Told::default() }
    }

    fn response(&self, parts: Vec<Value>, finish: Option<&str>, usage: Option<Value>) -> Value {
        let mut candidate = json!({"content": {"parts": parts, "role": "model"}, "index": 0});
        if let Some(finish) = finish {
            candidate["finishReason"] = json!(finish);
        }
        let mut value = json!({
            "candidates": [candidate], "modelVersion": self.label.model, "responseId": self.label.id,
        });
        if let Some(usage) = usage {
            value["usageMetadata"] = usage;
        }
        value
    }
}

impl Writer for Generated {
    fn framing(&self) -> Framing {
        self.framing
    }

    fn begin(&mut self) -> Vec<Frame> {
        Vec::new()
    }

    fn piece(&mut self, piece: &Piece) -> Vec<Frame> {
        self.told.count(piece);
        let part = match piece {
            Piece::Text(text) if !text.is_empty() => json!({"text": text}),
            Piece::Reasoning(text) if !text.is_empty() && self.thoughts => json!({"text": text, "thought": true}),
            _ => return Vec::new(),
        };
        vec![Frame::Value(self.response(vec![part], None, None))]
    }

    fn end(&mut self, answer: &Answer) -> Vec<Frame> {
        self.label.model.clone_from(&answer.model);
        let rest = self.told.rest(answer);
        let mut frames: Vec<Frame> = rest.iter().flat_map(|piece| self.piece(piece)).collect();
        let mut last: Vec<Value> = answer.parts.iter().filter_map(call_part).collect();
        if last.is_empty() {
            last.push(json!({"text": ""}));
        }
        let usage = Some(usage(&answer.usage));
        frames.push(Frame::Value(self.response(last, Some(finish_reason(&answer.finish)), usage)));
        frames
    }

    fn fail(&mut self, fault: &Fault) -> Vec<Frame> {
        vec![Frame::Value(fault.body(Vendor::Gemini, ""))]
    }

    fn whole(&self, answer: &Answer) -> Value {
        let parts = answer.parts.iter().filter_map(|part| match part {
            Part::Text { text } if !text.is_empty() => Some(json!({"text": text})),
            Part::Reasoning { text, .. } if !text.is_empty() && self.thoughts => {
                Some(json!({"text": text, "thought": true}))
            }
            other => call_part(other),
        });
        let parts = parts.collect();
        let mut value = self.response(parts, Some(finish_reason(&answer.finish)), Some(usage(&answer.usage)));
        value["modelVersion"] = json!(answer.model);
        value
    }
}

fn call_part(part: &Part) -> Option<Value> {
    let Part::ToolCall(call) = part else { return None };
    let mut value = json!({"functionCall": {"id": call.id, "name": call.name, "args": arguments_object(call)}});
    if let Some(signature) = call.signatures.last() {
        value["thoughtSignature"] = json!(signature);
    }
    Some(value)
}

fn finish_reason(finish: &Finish) -> &'static str {
    match finish {
        Finish::Length => "MAX_TOKENS",
        other if is_withheld(other) => "SAFETY",
        Finish::Other(_) => "OTHER",
        _ => "STOP",
    }
}

/// What it took: thoughts are told beside the candidates' tokens, not among them.
fn usage(usage: &Usage) -> Value {
    let (input, output) = (usage.input.unwrap_or(0), usage.output.unwrap_or(0));
    let thoughts = usage.reasoning.unwrap_or(0);
    let mut value = json!({
        "promptTokenCount": input, "candidatesTokenCount": output.saturating_sub(thoughts),
        "totalTokenCount": input.saturating_add(output),
    });
    if thoughts > 0 {
        value["thoughtsTokenCount"] = json!(thoughts);
    }
    if let Some(cached) = usage.cached.filter(|cached| *cached > 0) {
        value["cachedContentTokenCount"] = json!(cached);
    }
    value
}
