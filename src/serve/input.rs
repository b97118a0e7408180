//! What was sent, checked in one place: size, media type, JSON, and the schema of the type that the route names. The
//! same schema stands in the OpenAPI document, so what is said there is what is held.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::Duration;

use axum::body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use jsonschema::error::ValidationErrorKind;
use jsonschema::{ValidationError, Validator};
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};

use super::fields;
use super::problem::{Problem, Wrong};
use super::route::Answers;

/// Longer than this nobody waits for a body.
const PATIENCE: Duration = Duration::from_secs(30);
/// Wrong fields that are told at once.
const TOLD: usize = 20;

/// What stands in a path, by name.
pub type Params = BTreeMap<String, String>;

/// What may stand behind the `?`.
pub trait Query: DeserializeOwned + JsonSchema + Send + 'static {}
impl<T: DeserializeOwned + JsonSchema + Send + 'static> Query for T {}

/// What may be sent.
pub trait Body: DeserializeOwned + JsonSchema + Send + 'static {}
impl<T: DeserializeOwned + JsonSchema + Send + 'static> Body for T {}

/// The schema of a type, by reference.
pub fn schema<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// The schema of a type, with its properties in place.
pub fn whole_schema<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    T::json_schema(generator)
}

/// What a route holds what it is sent against.
#[derive(Debug)]
pub struct Checks {
    query: Option<(Json, Validator)>,
    body: Option<Validator>,
    /// What the route answers with, once somebody wanted only some of it.
    answer: OnceLock<Option<Json>>,
}

impl Checks {
    /// For these types; `()` takes nothing.
    pub fn of<Q: JsonSchema + 'static, B: JsonSchema + 'static>() -> Checks {
        Checks {
            query: alone::<Q>().and_then(|schema| Some((schema.clone(), jsonschema::validator_for(&schema).ok()?))),
            body: alone::<B>().and_then(|schema| jsonschema::validator_for(&schema).ok()),
            answer: OnceLock::new(),
        }
    }

    /// Whether the route's answers have these fields.
    ///
    /// # Errors
    /// 422 that names one that they have not.
    pub fn has(&self, answers: &Answers, wanted: &[String]) -> Result<(), Problem> {
        if wanted.is_empty() {
            return Ok(());
        }
        let schema = self.answer.get_or_init(|| match answers {
            Answers::Json(schema) | Answers::JsonOrEvents(schema) => Some(fields::schema(*schema)),
            Answers::Nothing | Answers::Media(_) => None,
        });
        schema.as_ref().map_or(Ok(()), |schema| fields::check(schema, wanted))
    }
}

/// The schema of a type with all that it refers to; `None` for `()`.
fn alone<T: JsonSchema + 'static>() -> Option<Json> {
    if std::any::TypeId::of::<T>() == std::any::TypeId::of::<()>() {
        return None;
    }
    let schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>();
    Some(schema.to_value())
}

fn complaints(validator: &Validator, value: &Json) -> Vec<Wrong> {
    let found = validator.iter_errors(value).take(TOLD);
    found.map(|error| Wrong { field: place(&error), detail: brief(&error.to_string()) }).collect()
}

/// The JSON pointer of what is wrong; of what is missing, where it would be.
fn place(error: &ValidationError<'_>) -> String {
    let at = error.instance_path().to_string();
    match error.kind() {
        ValidationErrorKind::Required { property } => format!("{at}/{}", property.as_str().unwrap_or_default()),
        _ => at,
    }
}

/// What somebody sent is not repeated at length.
fn brief(said: &str) -> String {
    match said.char_indices().nth(300) {
        Some((at, _)) => format!("{}…", &said[..at]),
        None => said.to_string(),
    }
}

/// What stands behind the `?`: the wanted fields, and the rest as the route's type.
///
/// # Errors
/// 422 that names the parameter.
pub fn query<Q: Query>(text: Option<&str>, checks: &Checks) -> Result<(Vec<String>, Q), Problem> {
    let mut fields = Vec::new();
    let mut given: Map<String, Json> = Map::new();
    for (name, value) in url::form_urlencoded::parse(text.unwrap_or_default().as_bytes()) {
        if name == "fields" {
            fields.extend(value.split(',').map(str::trim).filter(|f| !f.is_empty()).map(String::from));
            continue;
        }
        let wanted = checks.query.as_ref().map(|(schema, _)| kind_of(schema, &name));
        let Some(Some(kind)) = wanted else {
            return Err(Problem::wrong(vec![Wrong {
                field: name.into_owned(),
                detail: "there is no such parameter".into(),
            }]));
        };
        let value = typed(kind, &value);
        match (kind, given.get_mut(&*name)) {
            ("array", Some(Json::Array(all))) => all.push(value),
            ("array", _) => {
                given.insert(name.into_owned(), Json::Array(vec![value]));
            }
            (_, Some(_)) => {
                let detail = "it is given more than once".to_string();
                return Err(Problem::wrong(vec![Wrong { field: name.into_owned(), detail }]));
            }
            (_, None) => {
                given.insert(name.into_owned(), value);
            }
        }
    }
    let value = if checks.query.is_some() { Json::Object(given) } else { Json::Null };
    if let Some((_, validator)) = &checks.query {
        let wrong = complaints(validator, &value);
        if !wrong.is_empty() {
            let named = |w: Wrong| Wrong { field: w.field.trim_start_matches('/').to_string(), ..w };
            return Err(Problem::wrong(wrong.into_iter().map(named).collect()));
        }
    }
    let parsed = serde_json::from_value(value);
    Ok((
        fields,
        parsed.map_err(|e| Problem::wrong(vec![Wrong { field: "query".into(), detail: brief(&e.to_string()) }]))?,
    ))
}

/// The JSON type that a schema wants of a parameter; `None` where it has no such parameter.
fn kind_of<'a>(schema: &'a Json, name: &str) -> Option<&'a str> {
    let property = schema.get("properties")?.get(name)?;
    let named = match property.get("type") {
        Some(Json::String(kind)) => Some(kind.as_str()),
        Some(Json::Array(kinds)) => kinds.iter().filter_map(Json::as_str).find(|kind| *kind != "null"),
        _ => None,
    };
    Some(named.unwrap_or("string"))
}

/// A word as the JSON that its parameter wants; what does not fit stays a word, and the schema says so.
fn typed(kind: &str, word: &str) -> Json {
    let read = match kind {
        "integer" => word.parse::<i64>().ok().map(Json::from),
        "number" => word.parse::<f64>().ok().and_then(serde_json::Number::from_f64).map(Json::Number),
        "boolean" => word.parse::<bool>().ok().map(Json::Bool),
        _ => None,
    };
    read.unwrap_or_else(|| Json::String(word.to_string()))
}

/// What was sent, as the route's type.
///
/// # Errors
/// 413 when it is too large, 415 when it is no JSON, 400 when it is broken, 408 when it does not come, 422 with the
/// fields that are wrong.
pub async fn body<B: Body>(headers: &HeaderMap, body: body::Body, most: usize, checks: &Checks) -> Result<B, Problem> {
    let Some(validator) = &checks.body else {
        return serde_json::from_value(Json::Null)
            .map_err(|e| Problem::wrong(vec![Wrong { field: "body".into(), detail: e.to_string() }]));
    };
    if !is_json(headers) {
        let said = "what was sent is not called JSON";
        return Err(
            Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "usage", said).hint("Content-Type: application/json")
        );
    }
    let bytes = bytes(body, most).await?;
    let value: Json = serde_json::from_slice(&bytes)
        .map_err(|error| Problem::new(StatusCode::BAD_REQUEST, "usage", format!("this is no JSON: {error}")))?;
    let wrong = complaints(validator, &value);
    if !wrong.is_empty() {
        return Err(Problem::wrong(wrong));
    }
    serde_json::from_value(value)
        .map_err(|e| Problem::wrong(vec![Wrong { field: String::new(), detail: brief(&e.to_string()) }]))
}

fn is_json(headers: &HeaderMap) -> bool {
    let named = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let essence = named.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// A body, whole.
///
/// # Errors
/// 413 when it takes more than `most` bytes, 408 when it does not come.
pub async fn bytes(body: body::Body, most: usize) -> Result<body::Bytes, Problem> {
    let read = tokio::time::timeout(PATIENCE, body::to_bytes(body, most)).await;
    match read {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) if is_too_large(&error) => {
            Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "usage", format!("at most {most} bytes may be sent here")))
        }
        Ok(Err(_)) => Err(Problem::new(StatusCode::BAD_REQUEST, "usage", "the body broke off")),
        Err(_) => Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "timed_out", "the body did not come")),
    }
}

fn is_too_large(error: &axum::Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.is::<http_body_util::LengthLimitError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// A value that is answered, as JSON.
///
/// # Errors
/// 500 when it cannot be written as JSON.
pub fn to_json<T: Serialize>(value: &T) -> Result<Json, Problem> {
    serde_json::to_value(value).map_err(|error| {
        tracing::error!(%error, "an answer is no JSON");
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "failed", "the answer could not be written")
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, JsonSchema)]
    struct Wanted {
        #[schemars(range(min = 1, max = 200))]
        limit: Option<usize>,
        text: Option<String>,
        #[serde(default)]
        tags: Vec<String>,
        #[serde(default)]
        deep: bool,
        ratio: Option<f64>,
    }

    fn read(text: &str) -> Result<(Vec<String>, Wanted), Problem> {
        query::<Wanted>(Some(text), &Checks::of::<Wanted, ()>())
    }

    #[test]
    fn parameters_are_read_as_their_types_want() {
        let (fields, wanted) =
            read("limit=7&text=1&tags=a&tags=b+c&deep=true&ratio=0.5&fields=a,b.c&fields=d").unwrap();
        assert_eq!(fields, ["a", "b.c", "d"]);
        assert_eq!((wanted.limit, wanted.text.as_deref(), wanted.deep), (Some(7), Some("1"), true));
        assert_eq!((wanted.tags, wanted.ratio), (vec!["a".to_string(), "b c".to_string()], Some(0.5)));
        for (wrong, field) in [
            ("limit=0", "limit"),
            ("limit=201", "limit"),
            ("limit=many", "limit"),
            ("limit=", "limit"),
            ("deep=1", "deep"),
            ("nosuch=1", "nosuch"),
            ("text=a&text=b", "text"),
            ("ratio=NaN", "ratio"),
        ] {
            assert_eq!(read(wrong).unwrap_err().errors[0].field, field, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_query_panics_and_what_is_read_holds(text in ".{0,200}") {
            if let Ok((_, wanted)) = read(&text) {
                prop_assert!(wanted.limit.is_none_or(|limit| (1..=200).contains(&limit)));
            }
        }

        #[test]
        fn likely_queries_are_read_or_say_what_is_wrong(
            pairs in prop::collection::vec(("(limit|text|tags|deep|ratio|fields|x)", "[0-9a-z%+&=,. é-]{0,12}"), 0..6)
        ) {
            let text = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
            match read(&text) {
                Ok((_, wanted)) => {
                    let said: Vec<&str> = pairs.iter().filter(|(n, _)| n == "tags").map(|(_, v)| v.as_str()).collect();
                    prop_assert_eq!(wanted.tags, said);
                }
                Err(problem) => prop_assert!(problem.status == 422 && !problem.errors.is_empty()),
            }
        }
    }
}
