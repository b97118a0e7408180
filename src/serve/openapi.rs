//! The OpenAPI 3.1 document, made from the table of routes and the schemas of their types.

use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value as Json, json};

use super::problem::{self, Problem};
use super::route::{Answers, EVENTS, Facts, Guard, Route};

/// Statuses that any route may answer with.
const ALWAYS: [u16; 9] = [400, 401, 403, 421, 422, 429, 500, 502, 503];

/// The document of these routes.
pub fn document(routes: &[Route]) -> Json {
    let mut settings = SchemaSettings::draft2020_12();
    settings.definitions_path = "/components/schemas".into();
    settings.meta_schema = None;
    let mut generator = settings.into_generator();
    let problem = generator.subschema_for::<Problem>();
    let mut paths: Map<String, Json> = Map::new();
    for route in routes.iter().filter(|route| route.facts.listed) {
        let facts = &route.facts;
        let entry = paths.entry(facts.path.to_string()).or_insert_with(|| json!({}));
        entry[facts.method.as_str().to_ascii_lowercase()] = operation(facts, &mut generator);
    }
    let schemas = generator.take_definitions(true);
    // Protocols of others, which have documents of their own.
    let compatible: Vec<Json> = routes
        .iter()
        .map(|route| &route.facts)
        .filter(|facts| ["faces", "mcp"].contains(&facts.tag))
        .map(|facts| {
            let permission = match facts.guard {
                Guard::May(permission) => Some(permission.name()),
                _ => None,
            };
            let (method, path) = (facts.method.as_str(), facts.path.replace("{*", "{"));
            json!({"method": method, "path": path, "summary": facts.summary, "permission": permission})
        })
        .collect();
    json!({
        "openapi": "3.1.0",
        "x-compatible": compatible,
        "info": {
            "title": "factotum",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What `fac` does at a terminal, over HTTP. Lists are pages: `next` is the `after` of the next \
                one, or null. `fields=a,b.c` keeps only these fields. Errors are problems of RFC 9457.",
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": {"Problem": {
                "description": "It did not work.",
                "content": {problem::MEDIA_TYPE: {"schema": problem}},
            }},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "An access token or an API key"},
                "key": {"type": "apiKey", "in": "header", "name": "x-api-key", "description": "An API key"},
            },
        },
    })
}

fn operation(facts: &Facts, generator: &mut SchemaGenerator) -> Json {
    let mut operation = json!({
        "operationId": id_of(facts),
        "summary": facts.summary,
        "tags": [facts.tag],
        "responses": responses(facts, generator),
    });
    let parameters = parameters(facts, generator);
    if !parameters.is_empty() {
        operation["parameters"] = Json::Array(parameters);
    }
    if let Some(schema) = facts.body {
        let schema = schema(generator);
        operation["requestBody"] = json!({"required": true, "content": {"application/json": {"schema": schema}}});
    }
    match facts.guard {
        Guard::Public => operation["security"] = json!([]),
        Guard::Identity => operation["security"] = json!([{"bearer": []}, {"key": []}]),
        Guard::May(permission) => {
            operation["security"] = json!([{"bearer": []}, {"key": []}]);
            operation["x-permission"] = json!(permission.name());
        }
    }
    operation
}

/// `GET /api/v1/runs/{id}` is `get_runs_id`.
fn id_of(facts: &Facts) -> String {
    let path = facts.path.strip_prefix("/api/v1").unwrap_or(facts.path);
    let words = path.split(['/', '{', '}', '.', '-', ':', '*']).filter(|word| !word.is_empty());
    words.fold(facts.method.as_str().to_ascii_lowercase(), |id, word| format!("{id}_{word}"))
}

fn parameters(facts: &Facts, generator: &mut SchemaGenerator) -> Vec<Json> {
    let mut all: Vec<Json> = facts
        .path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| {
            json!({"name": name.trim_start_matches('*'), "in": "path", "required": true, "schema": {"type": "string"}})
        })
        .collect();
    if let Some(schema) = facts.query {
        let schema = schema(generator).to_value();
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Json::as_str).collect();
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            let mut property = property.clone();
            let said = property.as_object_mut().and_then(|p| p.remove("description"));
            let mut parameter =
                json!({"name": name, "in": "query", "required": required.contains(&name.as_str()), "schema": property});
            if let Some(said) = said {
                parameter["description"] = said;
            }
            all.push(parameter);
        }
    }
    if facts.method == axum::http::Method::GET && matches!(facts.answers, Answers::Json(_)) {
        let said = "Only these fields, parted by commas";
        all.push(json!({"name": "fields", "in": "query", "description": said, "schema": {"type": "string"}}));
    }
    all
}

fn responses(facts: &Facts, generator: &mut SchemaGenerator) -> Json {
    let mut all = Map::new();
    let good = match facts.answers {
        Answers::Json(schema) if facts.method == axum::http::Method::GET => {
            content("application/json", Some(or_some_of_it(schema(generator))))
        }
        Answers::Json(schema) => content("application/json", Some(schema(generator))),
        Answers::JsonOrEvents(schema) => {
            let mut either = content("application/json", Some(schema(generator)));
            either["content"][EVENTS] = content(EVENTS, None)["content"][EVENTS].take();
            either
        }
        Answers::Media(media) => content(media, None),
        Answers::Nothing => json!({"description": "It is done."}),
    };
    for status in facts.also.iter().chain([&facts.status]) {
        all.insert(status.as_str().to_string(), good.clone());
    }
    if facts.method == axum::http::Method::GET && matches!(facts.answers, Answers::Json(_)) {
        all.insert("304".into(), json!({"description": "It is as the entity tag says."}));
    }
    let mut statuses = ALWAYS.to_vec();
    if facts.guard != Guard::Public {
        statuses.push(401);
    }
    if matches!(facts.guard, Guard::May(_)) {
        statuses.push(403);
    }
    statuses.extend([404, 409, 504]);
    if !facts.method.is_safe() && facts.method != axum::http::Method::POST {
        // By `If-Match`.
        statuses.push(412);
    }
    if facts.body.is_some() {
        statuses.extend([408, 413, 415]);
    }
    statuses.extend(facts.refuses);
    statuses.sort_unstable();
    statuses.dedup();
    for status in statuses {
        all.insert(status.to_string(), json!({"$ref": "#/components/responses/Problem"}));
    }
    Json::Object(all)
}

/// With `fields` some members are left out.
fn or_some_of_it(whole: Schema) -> Schema {
    let some = json!({"title": "Some fields", "type": "object", "description": "What `fields` named"});
    Schema::try_from(json!({"anyOf": [whole.to_value(), some]})).unwrap_or_default()
}

fn content(media: &str, schema: Option<Schema>) -> Json {
    let other = || match media {
        // Each event for itself: a document of this version has no other words for it.
        EVENTS => json!({"type": "object", "description": "One event of a stream of them", "properties": {
            "event": {"type": "string", "description": "Its kind"},
            "id": {"type": "string", "description": "Where to go on, for Last-Event-ID"},
            "data": {"type": "string", "contentMediaType": "application/json"},
        }}),
        media if media.starts_with("text/") => json!({"type": "string"}),
        // What is no text may be anything.
        _ => json!({}),
    };
    let schema = schema.map_or_else(other, Schema::to_value);
    json!({"description": "It worked.", "content": {media: {"schema": schema}}})
}
