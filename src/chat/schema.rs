//! Structured answers: the schema a person asks for, and whether an answer keeps to it.
//!
//! A schema is written as JSON Schema or in the short form of `llm`: `name, age int, bio: one sentence`. The short form
//! is described at <https://llm.datasette.io/en/stable/schemas.html>. It does not know models, retries or files: whoever
//! calls reads the file and decides what to do with an answer that does not fit.

use serde_json::{Map, Value, json};

use crate::kernel::error::{Context, Error, Kind, Result};
use crate::kernel::markdown::{self, Block, BlockKind, Code};

/// What stands behind a type's word, and the words.
const TYPES: [(&str, &str); 4] = [("str", "string"), ("int", "integer"), ("float", "number"), ("bool", "boolean")];
/// The most mistakes of an answer that are told.
const MAX_PROBLEMS: usize = 20;
/// How many braces of an answer are tried as the start of its JSON.
const MAX_STARTS: usize = 64;

/// Reads a schema: a JSON object is JSON Schema, anything else the short form. `multi` (or brackets around the short
/// form: `[name, age int]`) asks for a list of such objects under `items`.
///
/// # Errors
/// `Usage` for a short form that cannot be read, `BadData` for JSON that is no schema; both name the place.
pub fn parse(text: &str, multi: bool) -> Result<Value> {
    let text = text.trim();
    let schema = match text.starts_with('{') {
        true => {
            let schema: Value = serde_json::from_str(text)
                .context(Kind::BadData, || "the schema is not JSON".to_string())
                .map_err(|e| e.hint("the short form needs no braces: name, age int, bio: one sentence"))?;
            check(&schema)?;
            if multi { list_of(schema) } else { schema }
        }
        false => match text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(inner) => list_of(concise(inner)?),
            None if multi => list_of(concise(text)?),
            None => concise(text)?,
        },
    };
    Ok(schema)
}

/// Whether it is a schema at all.
fn check(schema: &Value) -> Result<()> {
    match compile(schema) {
        Ok(_) => Ok(()),
        Err(why) => Err(Error::new(Kind::BadData, format!("this is not a JSON Schema: {why}"))
            .hint("references to other files and addresses are not followed")),
    }
}

fn compile(schema: &Value) -> std::result::Result<jsonschema::Validator, String> {
    jsonschema::validator_for(schema).map_err(|error| error.to_string())
}

fn list_of(schema: Value) -> Value {
    json!({"type": "object", "properties": {"items": {"type": "array", "items": schema}}, "required": ["items"]})
}

/// The short form: fields parted by commas, or by lines when there are several.
fn concise(text: &str) -> Result<Value> {
    let by_line = text.contains('\n');
    let fields = text.split(if by_line { '\n' } else { ',' }).map(str::trim).filter(|field| !field.is_empty());
    let mut properties = Map::new();
    for field in fields {
        let (name, property) = one_field(field, by_line)?;
        if properties.insert(name.to_string(), property).is_some() {
            return Err(Error::new(Kind::Usage, format!("the schema names the field {name:?} twice")));
        }
    }
    if properties.is_empty() {
        return Err(Error::new(Kind::Usage, "the schema has no fields")
            .hint("write them as: name, age int, bio: one sentence; or give a JSON Schema"));
    }
    let required: Vec<String> = properties.keys().cloned().collect();
    Ok(json!({"type": "object", "properties": properties, "required": required}))
}

/// `name`, `name type` or either with `: description`.
fn one_field(field: &str, by_line: bool) -> Result<(&str, Value)> {
    let (head, description) = field.split_once(':').map_or((field, ""), |(head, rest)| (head, rest.trim()));
    let mut words = head.split_whitespace();
    let name = words.next().unwrap_or_default();
    let plain = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'));
    if !plain {
        return Err(Error::new(Kind::Usage, format!("{name:?} cannot be the name of a field"))
            .hint("a name is made of letters, digits, _ and -"));
    }
    let word = words.next().unwrap_or("str");
    let found = TYPES.iter().find(|(short, _)| *short == word).filter(|_| words.next().is_none());
    let Some((_, kind)) = found else {
        let wrong = head.trim().strip_prefix(name).unwrap_or_default().trim();
        let hint = match by_line {
            true => "the types are str, int, float and bool; a description comes after a colon",
            false => {
                "the types are str, int, float and bool; where a description has a comma, write one field on each line"
            }
        };
        return Err(Error::new(Kind::Usage, format!("{wrong:?} is not the type of the field {name:?}")).hint(hint));
    };
    Ok((
        name,
        match description {
            "" => json!({"type": kind}),
            words => json!({"type": kind, "description": words}),
        },
    ))
}

/// Finds the JSON of an answer (alone, in a fence, or among words) and holds it against the schema.
///
/// # Errors
/// What is wrong, one sentence each, as a model can be told: `/age: "x" is not of type "integer"`.
pub fn validate(schema: &Value, text: &str) -> std::result::Result<Value, Vec<String>> {
    let validator = compile(schema).map_err(|why| vec![format!("the schema cannot be used: {why}")])?;
    let found = candidates(text);
    let mut first = None;
    for value in found {
        let problems: Vec<String> = validator.iter_errors(&value).take(MAX_PROBLEMS).map(|e| problem(&e)).collect();
        if problems.is_empty() {
            return Ok(value);
        }
        first.get_or_insert(problems);
    }
    Err(first.unwrap_or_else(|| vec!["the answer holds no JSON".to_string()]))
}

fn problem(error: &jsonschema::ValidationError<'_>) -> String {
    let place = error.instance_path().to_string();
    let words: String = error.to_string().chars().take(300).collect();
    if place.is_empty() { words } else { format!("{place}: {words}") }
}

/// Every JSON value that the answer may mean, the likeliest first.
fn candidates(text: &str) -> Vec<Value> {
    if let Ok(whole) = serde_json::from_str(text.trim()) {
        return vec![whole];
    }
    let fenced = code_blocks(text).into_iter().filter_map(|code| serde_json::from_str(&code.text).ok());
    let mut found: Vec<Value> = fenced.collect();
    if found.is_empty() {
        found = loose(text);
    }
    found
}

/// JSON objects and lists that stand among words.
fn loose(text: &str) -> Vec<Value> {
    let mut found = Vec::new();
    let mut at = 0;
    for _ in 0..MAX_STARTS {
        let Some(start) = text[at..].find(['{', '[']).map(|offset| at + offset) else { break };
        let mut stream = serde_json::Deserializer::from_str(&text[start..]).into_iter::<Value>();
        match stream.next() {
            Some(Ok(value)) => {
                found.push(value);
                at = start + stream.byte_offset();
            }
            _ => at = start + 1,
        }
    }
    found
}

/// The text of the first fenced block of an answer, as `--extract` prints it.
pub fn extract_code(text: &str) -> Option<String> {
    extract_block(text, 1)
}

/// The text of fenced block number `number`, counted from 1.
pub fn extract_block(text: &str, number: usize) -> Option<String> {
    code_blocks(text).into_iter().nth(number.checked_sub(1)?).map(|code| code.text)
}

/// Every fenced block, in reading order, those in lists and quotes too.
pub fn code_blocks(text: &str) -> Vec<Code> {
    let mut found = Vec::new();
    let mut waiting: Vec<Block> = markdown::parse(text).blocks;
    waiting.reverse();
    while let Some(block) = waiting.pop() {
        match block.kind {
            BlockKind::Code(code) if code.fenced => found.push(code),
            BlockKind::Quote(inner) => waiting.extend(inner.into_iter().rev()),
            BlockKind::List { items, .. } => {
                waiting.extend(items.into_iter().rev().flat_map(|item| item.blocks.into_iter().rev()));
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_short_form_says_what_llm_says() {
        let wanted = json!({
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "age": {"type": "integer"},
                "bio": {"type": "string", "description": "one sentence"}
            },
            "required": ["name", "age", "bio"]
        });
        assert_eq!(parse("name, age int, bio: one sentence", false).unwrap(), wanted);
        assert_eq!(parse("name\nage int\nbio str: one sentence\n", false).unwrap(), wanted);
        let list = json!({"type": "object", "properties": {"items": {"type": "array", "items": wanted}}, "required": ["items"]});
        assert_eq!(parse("name, age int, bio: one sentence", true).unwrap(), list);
        assert_eq!(parse(" [name, age int, bio: one sentence] ", false).unwrap(), list);
        let lines = parse("a float: x, y and z\nb bool", false).unwrap();
        assert_eq!(lines["properties"]["a"], json!({"type": "number", "description": "x, y and z"}));
        assert_eq!(lines["properties"]["b"], json!({"type": "boolean"}));
    }

    #[test]
    fn slips_in_the_short_form_are_named() {
        let wrong = |text: &str| {
            let error = parse(text, false).unwrap_err();
            assert_eq!(error.kind(), Kind::Usage, "{text}");
            error.message().to_string()
        };
        assert_eq!(wrong("name strin"), "\"strin\" is not the type of the field \"name\"");
        assert_eq!(wrong("bio: short, witty text"), "\"text\" is not the type of the field \"witty\"");
        assert_eq!(wrong("a, b, a"), "the schema names the field \"a\" twice");
        assert_eq!(wrong("a{}"), "\"a{}\" cannot be the name of a field");
        assert_eq!(wrong(" , "), "the schema has no fields");
    }

    #[test]
    fn a_json_schema_is_taken_as_it_is_and_checked() {
        let schema = r#"{"type": "array", "items": {"type": "integer"}}"#;
        assert_eq!(parse(schema, false).unwrap(), json!({"type": "array", "items": {"type": "integer"}}));
        assert_eq!(parse(r#"{"type": "nonsense"}"#, false).unwrap_err().kind(), Kind::BadData);
        assert_eq!(parse("{", false).unwrap_err().message(), "the schema is not JSON");
        // A schema leads nowhere else: neither to files nor to the network.
        for outside in ["file:///etc/passwd", "http://127.0.0.1:1/x"] {
            assert_eq!(parse(&json!({"$ref": outside}).to_string(), false).unwrap_err().kind(), Kind::BadData);
        }
    }

    #[test]
    fn the_json_is_found_wherever_a_model_puts_it() {
        let schema = parse("age int", false).unwrap();
        let wanted = json!({"age": 3});
        for text in [
            "{\"age\": 3}",
            "  {\"age\": 3}\n",
            "Here it is:\n\n```json\n{\"age\": 3}\n```\nDone.",
            "1. so\n\n   ```\n   {\"age\": 3}\n   ```\n",
            "Sure {x}! The answer is {\"age\": 3}, I think.",
            "```json\n{\"other\": 1}\n```\nor rather\n```json\n{\"age\": 3}\n```",
        ] {
            assert_eq!(validate(&schema, text), Ok(wanted.clone()), "{text}");
        }
    }

    #[test]
    fn what_does_not_fit_is_said_with_its_place() {
        let schema = parse("age int, name", false).unwrap();
        assert_eq!(validate(&schema, "I cannot"), Err(vec!["the answer holds no JSON".to_string()]));
        assert_eq!(
            validate(&schema, "{\"age\": \"x\"}"),
            Err(vec![
                "\"name\" is a required property".to_string(),
                "/age: \"x\" is not of type \"integer\"".to_string()
            ])
        );
    }

    #[test]
    fn code_is_taken_from_fences_only() {
        let text = "a\n\n    indented\n\n```sh\necho 1\n```\n> ```\n> two\n> ```\n";
        assert_eq!(extract_code(text).as_deref(), Some("echo 1\n"));
        assert_eq!(extract_block(text, 2).as_deref(), Some("two\n"));
        assert_eq!((extract_block(text, 0), extract_block(text, 3)), (None, None));
    }

    #[test]
    fn a_wall_of_braces_takes_no_time() {
        let schema = parse("age int", false).unwrap();
        for wall in ["{".repeat(1_000_000), "[".repeat(1_000_000), "{\"a\":".repeat(100_000)] {
            assert_eq!(validate(&schema, &wall), Err(vec!["the answer holds no JSON".to_string()]));
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in any::<String>(), multi in any::<bool>()) {
            let _ = parse(&text, multi);
            let _ = validate(&json!({"type": "object"}), &text);
            let _ = extract_code(&text);
        }
    }
}
