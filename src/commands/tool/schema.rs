//! Parameters as JSON Schema, and arguments as a model gives them back to parameters.
//!
//! Values are set by name and never read as options, whatever they begin with.

use serde_json::{Map, Value, json};

use super::super::bind::Given;
use super::super::model::{Command, Param, ParamKind, ParamType};
use crate::kernel::error::{Error, Kind, Result};

/// The schema of a command's parameters; secrets are not among them.
pub(super) fn schema_of(command: &Command) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for param in command.params.iter().filter(|p| p.ty != ParamType::Secret) {
        properties.insert(param.name.clone(), property(param));
        if param.required && param.default.is_none() {
            required.push(json!(param.name));
        }
    }
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

fn property(param: &Param) -> Value {
    let word = match param.ty {
        _ if param.kind == ParamKind::Flag => "boolean",
        ParamType::Bool => "boolean",
        ParamType::Integer => "integer",
        ParamType::Number => "number",
        _ => "string",
    };
    let mut value = json!({"type": word});
    if !param.choices.is_empty() {
        value = json!({"type": "string", "enum": param.choices});
    }
    if param.kind == ParamKind::Rest || param.multiple {
        value = json!({"type": "array", "items": value});
    }
    let mut help = param.help.clone();
    if let Some(default) = &param.default {
        help = format!("{help}{}default: {default}", if help.is_empty() { "" } else { "; " });
    }
    if matches!(param.ty, ParamType::Path | ParamType::File) && help.is_empty() {
        help = "a path".to_string();
    }
    if !help.is_empty() {
        value["description"] = json!(help);
    }
    value
}

/// The arguments of a call, by parameter.
///
/// # Errors
/// `Usage` for what is no object, for a name that the command does not have, and for a value of another shape.
pub fn given(command: &Command, arguments: &Value) -> Result<Given> {
    let empty = Map::new();
    let arguments = match arguments {
        Value::Object(arguments) => arguments,
        Value::Null => &empty,
        _ => return Err(Error::new(Kind::Usage, "the arguments must be a JSON object")),
    };
    let mut given = Given::default();
    for (name, value) in arguments {
        let Some(param) = command.param(name).filter(|p| p.ty != ParamType::Secret) else {
            let known: Vec<&str> = command.params.iter().map(|p| p.name.as_str()).collect();
            return Err(Error::new(
                Kind::Usage,
                format!("`{}` has no parameter `{name}`; it has: {}", command.name, known.join(", ")),
            ));
        };
        let values = match value {
            Value::Array(values) if param.kind == ParamKind::Rest || param.multiple => values.as_slice(),
            other => std::slice::from_ref(other),
        };
        for value in values {
            if let Some(text) = text_of(param, value)? {
                given.set(command, &param.var, &text)?;
            }
        }
    }
    Ok(given)
}

/// The text of one value; `None` for what is not given.
fn text_of(param: &Param, value: &Value) -> Result<Option<String>> {
    match value {
        Value::Null => Ok(None),
        Value::Bool(on) if param.kind == ParamKind::Flag => Ok(on.then(|| "true".to_string())),
        Value::String(text) if param.kind == ParamKind::Flag => Ok((text == "true").then(|| text.clone())),
        Value::Bool(_) | Value::Number(_) => Ok(Some(value.to_string())),
        Value::String(text) => Ok(Some(text.clone())),
        _ => Err(Error::new(Kind::Usage, format!("`{}` must be one value, not a list or an object", param.name))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::bind;
    use crate::commands::dialect::{SourceFile, native};

    fn command() -> Command {
        let text = "---\nfactotum: 1\n---\n### `/release <version> [channel=stable|beta] [--dry-run] [count] [files...]`\n\
                    **Options:**\n- `count` (integer): how many\n- `version`: a tag\n\n```sh\necho\n```\n";
        native::read(&SourceFile { path: "commands/x.md", text }).commands.remove(0)
    }

    #[test]
    fn parameters_are_a_schema() {
        let schema = schema_of(&command());
        assert_eq!(schema["required"], json!(["version"]));
        assert_eq!(schema["additionalProperties"], json!(false));
        assert_eq!(schema["properties"]["channel"]["enum"], json!(["stable", "beta"]));
        assert_eq!(schema["properties"]["channel"]["description"], json!("default: stable"));
        assert_eq!(schema["properties"]["dry-run"], json!({"type": "boolean"}));
        assert_eq!(schema["properties"]["count"]["type"], json!("integer"));
        assert_eq!(schema["properties"]["files"], json!({"type": "array", "items": {"type": "string"}}));
    }

    #[test]
    fn values_stay_values_whatever_they_look_like() {
        let command = command();
        let arguments = json!({"version": "--dry-run", "files": ["-rf", "$(x)", "--"], "count": 3, "dry-run": false});
        let bound = bind::check(&command, &given(&command, &arguments).unwrap(), &|_| None).unwrap();
        assert_eq!(bound.get("version"), Some("--dry-run"));
        assert_eq!(bound.get("count"), Some("3"));
        assert_eq!(bound.get("dry_run"), None);
        assert_eq!(bound.rest, ["-rf", "$(x)", "--"]);
    }

    #[test]
    fn what_does_not_fit_is_said() {
        let command = command();
        for (arguments, said) in [
            (json!([1]), "the arguments must be a JSON object"),
            (json!({"versoin": "1"}), "has no parameter `versoin`; it has: version, channel"),
            (json!({"version": {"a": 1}}), "`version` must be one value"),
        ] {
            let error = given(&command, &arguments).unwrap_err();
            assert!(error.full_message().contains(said), "{error}");
        }
        let checked = |arguments| bind::check(&command, &given(&command, &arguments).unwrap(), &|_| None).map(drop);
        assert!(checked(json!({"version": "1", "channel": "x"})).is_err());
        assert!(checked(json!({"version": "1", "count": "many"})).is_err());
        assert!(checked(json!({})).is_err());
    }
}
