//! The OpenAPI document is what the routes do: each of them is tried, and its answer held against its schema.

use serde_json::{Value, json};

use super::{Asker, uncounted};
use crate::support::serving::Serving;
use crate::support::world::World;

/// Every operation of the document: method, path, what is said of it.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().unwrap();
    let each = paths.iter().flat_map(|(path, methods)| {
        let methods = methods.as_object().unwrap().iter();
        methods.map(move |(method, operation)| (method.to_uppercase(), path.clone(), operation.clone()))
    });
    each.collect()
}

/// A path with something at each place that is nowhere.
fn filled(path: &str) -> String {
    let part = |part: &str| if part.starts_with('{') { "nowhere".to_string() } else { part.to_string() };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

#[test]
fn every_route_is_in_the_document_as_it_was() {
    let document: Value = serde_json::from_str(&World::new().run(&["serve", "--print-openapi"]).ok()).unwrap();
    let name = |schema: &Value| {
        let schema = if schema["anyOf"].is_array() { &schema["anyOf"][0] } else { schema };
        let found = schema["$ref"].as_str().map(|text| text.rsplit('/').next().unwrap_or_default().to_string());
        found.unwrap_or_else(|| if schema.is_null() { "-".into() } else { "…".into() })
    };
    let lines = operations(&document).into_iter().filter(|(_, path, _)| path.starts_with("/api/v1")).map(
        |(method, path, o)| {
            let query = o["parameters"].as_array().into_iter().flatten().filter(|p| p["in"] == "query");
            let query: Vec<&str> = query.map(|p| p["name"].as_str().unwrap()).collect();
            let takes = name(&o["requestBody"]["content"]["application/json"]["schema"]);
            let good = o["responses"].as_object().unwrap().iter().filter(|(status, _)| status.starts_with('2'));
            let good: Vec<String> = good
                .map(|(status, a)| format!("{status} {}", name(&a["content"]["application/json"]["schema"])))
                .collect();
            let needs = o["x-permission"].as_str().unwrap_or("-");
            format!("{method} {path} [{needs}] ?{} {takes} -> {}", query.join(","), good.join(", "))
        },
    );
    let mut lines: Vec<String> = lines.collect();
    lines.sort();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn what_a_list_answers_fits_its_schema() {
    let world = uncounted(World::new());
    let server = Serving::start(&world, &[]);
    let owner = Asker::owner(&server);
    owner.post("/api/v1/sessions", &json!({"title": "first"})).is(201);
    owner.post("/api/v1/commands/hello/runs", &json!({"dry_run": true}));
    let document = owner.get("/openapi.json").is(200).json();
    let mut tried = 0;
    for (method, path, operation) in operations(&document) {
        let schema = &operation["responses"]["200"]["content"]["application/json"]["schema"]["anyOf"][0];
        let asks = operation["parameters"].as_array().into_iter().flatten().any(|p| p["required"] == true);
        if method != "GET" || asks || !schema.is_object() || !path.starts_with("/api/v1") {
            continue;
        }
        let answer = owner.get(&path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        assert_eq!(answer.header("x-api-version"), Some("1"), "{path}");
        let whole = json!({"components": document["components"], "allOf": [schema]});
        let validator = jsonschema::validator_for(&whole).unwrap();
        let wrong: Vec<String> =
            validator.iter_errors(&answer.json()).map(|e| format!("{}: {e}", e.instance_path())).collect();
        assert!(wrong.is_empty(), "{path}: {wrong:#?}");
        tried += 1;
    }
    assert!(tried > 15, "{tried}");
}

#[test]
fn every_route_wants_a_key_and_knows_what_is_not_there() {
    let world = uncounted(World::new());
    let server = Serving::start(&world, &[]);
    let owner = Asker::owner(&server);
    let document = owner.get("/openapi.json").is(200).json();
    for (method, path, operation) in operations(&document) {
        let target = filled(&path);
        if !operation["security"].as_array().is_some_and(Vec::is_empty) {
            let answer = server.ask(&method, &target, &[], "");
            assert_eq!(answer.status, 401, "{method} {path}: {}", answer.text);
            assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{method} {path}");
            assert_eq!(answer.json()["kind"], "unidentified", "{method} {path}");
        }
        // What reads a place that is nowhere says so, and what is broken is said to be.
        let reads = method == "GET" && path.contains('{') && path.starts_with("/api/v1");
        // Where no model is set up at all, that is said first.
        if reads && !path.starts_with("/api/v1/models") {
            let answer = owner.get(&target);
            assert_eq!(answer.status, 404, "{path}: {}", answer.text);
            assert!(answer.json()["trace"].as_str().is_some_and(|trace| trace.len() == 32), "{path}");
        }
        if operation["requestBody"].is_object() && path.starts_with("/api/v1") {
            for (body, expected) in [("{", 400), ("[]", 422), ("{\"no such field\": 1}", 422)] {
                let answer = server.ask_as(&owner.key, &method, &target, body);
                assert_eq!(answer.status, expected, "{method} {path} {body}: {}", answer.text);
            }
        }
    }
    let wrong = owner.get("/api/v1/runs?limit=201&nosuch=1").is(422).json();
    assert_eq!(wrong["errors"][0]["field"], "nosuch");
    assert_eq!(owner.get("/api/v1/runs?limit=201").is(422).json()["errors"][0]["field"], "limit");
    owner.get("/api/v1/nowhere").is(404);
    assert_eq!(server.ask_as(&owner.key, "PATCH", "/api/v1/runs", "{}").status, 405);
}

#[test]
fn the_page_of_routes_is_ours_alone() {
    let world = uncounted(World::new());
    let server = Serving::start(&world, &[]);
    let page = server.ask("GET", "/docs", &[], "").is(200);
    let policy = page.header("content-security-policy").unwrap().to_string();
    assert!(policy.contains("script-src 'self'") && !policy.contains("unsafe"), "{policy}");
    assert!(page.text.contains("width=device-width") && !page.text.contains("onclick"), "{}", page.text);
    for (asset, media) in
        [("/docs/docs.js", "text/javascript; charset=utf-8"), ("/docs/docs.css", "text/css; charset=utf-8")]
    {
        assert!(page.text.contains(asset), "{asset}");
        let answer = server.ask("GET", asset, &[], "").is(200);
        assert_eq!(answer.header("content-type"), Some(media));
        let foreign =
            answer.text.contains("http://") || answer.text.contains("https://") || answer.text.contains("innerHTML");
        assert!(!foreign, "{asset} asks somebody else for something");
    }
    server.ask("GET", "/livez", &[], "").is(200);
    let ready = server.ask("GET", "/readyz", &[], "").is(200).json();
    assert_eq!(ready["status"], "ok");
    assert!(!ready.to_string().contains(world.fac().to_str().unwrap()));
}
