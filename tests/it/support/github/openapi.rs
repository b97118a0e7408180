//! GitHub's own description of the routes, carved to what is used, as a check on requests and answers.
//!
//! `tests/data/github-subset.json` is OpenAPI 3.0; its `nullable` becomes a null type, which makes its schemas JSON
//! Schema.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock};

use serde_json::{Map, Value, json};

use super::server::Answer;

pub struct Subset {
    description: Value,
    validators: Mutex<HashMap<String, std::sync::Arc<jsonschema::Validator>>>,
}

/// The description, read once for the test program.
pub fn subset() -> &'static Subset {
    static SUBSET: OnceLock<Subset> = OnceLock::new();
    SUBSET.get_or_init(|| {
        let text = include_str!("../../../data/github-subset.json");
        let mut description: Value = serde_json::from_str(text).unwrap();
        nullable_to_null(&mut description);
        Subset { description, validators: Mutex::default() }
    })
}

impl Subset {
    /// The template that a path is an instance of, percent-escapes left as they are.
    pub fn template(&self, path: &str) -> Option<&str> {
        let paths = self.description["paths"].as_object().unwrap();
        paths.iter().find(|(template, item)| fits(template, item, path)).map(|(template, _)| template.as_str())
    }

    /// Whether a request is one that is described: its route, each of its query parameters, and their encoding.
    pub fn check_request(&self, path: &str, query: &str) -> Result<(), String> {
        let template = self.template(path).ok_or_else(|| format!("{path} is no described route"))?;
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-._~%/".contains(c);
        if let Some(odd) = path.chars().find(|c| !allowed(*c)) {
            return Err(format!("{path} holds {odd:?} unescaped"));
        }
        let parameters = self.description["paths"][template]["get"]["parameters"].as_array().unwrap();
        for name in query.split('&').filter(|q| !q.is_empty()).map(|q| q.split('=').next().unwrap()) {
            if !parameters.iter().any(|p| p["in"] == "query" && p["name"] == name) {
                return Err(format!("{template} has no query parameter {name:?}"));
            }
        }
        Ok(())
    }

    /// Whether a JSON answer has the shape that is described for its route and status.
    pub fn check_answer(&self, path: &str, answer: &Answer) -> Result<(), String> {
        let is_json =
            |(name, value): &(String, String)| name == "content-type" && value.starts_with("application/json");
        if !answer.headers.iter().any(is_json) {
            return Ok(());
        }
        let body: Value = serde_json::from_slice(&answer.body).map_err(|e| e.to_string())?;
        let errors = json!({"$ref": "#/components/schemas/basic-error"});
        let schema = match self.template(path) {
            Some(template) => {
                let described = &self.description["paths"][template]["get"]["responses"][answer.status.to_string()];
                described["content"]["application/json"].get("schema").unwrap_or(&errors)
            }
            None if answer.status == 200 => return Ok(()),
            None => &errors,
        };
        self.check(schema, &body)
    }

    /// Whether `body` fits `schema`, which may refer to the description's components.
    pub fn check(&self, schema: &Value, body: &Value) -> Result<(), String> {
        let key = schema.to_string();
        let known = self.validators.lock().unwrap().get(&key).cloned();
        let validator = known.unwrap_or_else(|| {
            let root = json!({"allOf": [schema], "components": self.description["components"]});
            let made = std::sync::Arc::new(jsonschema::validator_for(&root).unwrap());
            self.validators.lock().unwrap().insert(key, made.clone());
            made
        });
        let errors: Vec<String> =
            validator.iter_errors(body).take(5).map(|e| format!("{e} at {}", e.instance_path())).collect();
        if errors.is_empty() { Ok(()) } else { Err(errors.join("; ")) }
    }

    /// The least value that fits a component: required properties with empty values.
    pub fn least(&self, component: &str) -> Value {
        self.least_of(&self.description["components"]["schemas"][component])
    }

    fn least_of(&self, schema: &Value) -> Value {
        if let Some(reference) = schema["$ref"].as_str() {
            return self.least(reference.rsplit('/').next().unwrap());
        }
        for many in ["anyOf", "oneOf", "allOf"] {
            if let Some(all) = schema[many].as_array() {
                let null = all.iter().any(|s| s["type"] == "null");
                return if null { Value::Null } else { self.least_of(&all[0]) };
            }
        }
        if let Some(first) = schema["enum"].as_array().and_then(|all| all.first()) {
            return first.clone();
        }
        let types: Vec<&str> = match &schema["type"] {
            Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
            one => one.as_str().into_iter().collect(),
        };
        match types.as_slice() {
            all if all.contains(&"null") => Value::Null,
            ["string"] => json!(""),
            ["boolean"] => json!(false),
            ["integer" | "number"] => json!(0),
            ["array"] => json!([]),
            _ => {
                let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
                let entry = |name: &str| (name.to_string(), self.least_of(&schema["properties"][name]));
                Value::Object(required.map(entry).collect::<Map<_, _>>())
            }
        }
    }
}

fn fits(template: &str, item: &Value, path: &str) -> bool {
    let wanted: Vec<&str> = template.split('/').collect();
    let given: Vec<&str> = path.split('/').collect();
    let many = item["get"]["parameters"].as_array().is_some_and(|all| all.iter().any(|p| p["x-multi-segment"] == true));
    let long_enough = if many { given.len() >= wanted.len() } else { given.len() == wanted.len() };
    let same = |(w, g): (&&str, &&str)| if w.starts_with('{') { !g.is_empty() } else { w == g };
    long_enough && wanted.iter().zip(&given).all(same)
}

fn nullable_to_null(value: &mut Value) {
    match value {
        Value::Array(all) => all.iter_mut().for_each(nullable_to_null),
        Value::Object(map) => {
            map.values_mut().for_each(nullable_to_null);
            if map.get("nullable") == Some(&json!(true)) {
                map.remove("nullable");
                *value = with_null(std::mem::take(map));
            }
        }
        _ => {}
    }
}

fn with_null(mut schema: Map<String, Value>) -> Value {
    match schema.get("type").cloned() {
        Some(Value::String(name)) => {
            schema.insert("type".into(), json!([name, "null"]));
            if let Some(Value::Array(values)) = schema.get_mut("enum") {
                values.push(Value::Null);
            }
            Value::Object(schema)
        }
        _ => json!({"anyOf": [schema, {"type": "null"}]}),
    }
}
