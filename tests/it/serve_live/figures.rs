//! `/metrics`, the log of requests, and what is shipped to read them.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::served::{Served, eventually};
use crate::ask::world;
use crate::support::model::{Answer, ModelServer};
use crate::support::world::World;

fn asset(name: &str) -> String {
    std::fs::read_to_string(format!("{}/assets/serve/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// Lines of the log, each of them JSON.
fn log(world: &World) -> Vec<Value> {
    let text = std::fs::read_to_string(world.fac().join("state/fac.log")).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
}

#[test]
fn what_the_cache_answers_asks_no_provider() {
    let model = ModelServer::start();
    let world = world(&model);
    world.run(&["config", "set", "cache.answers", "true"]).ok();
    let served = Served::start(&world, &["--no-automations"]);
    model.answer(Answer::text("yes").usage(7, 2, 0, 0));
    model.answer(Answer::text("no").usage(8, 2, 0, 0));
    for question in ["one?", "one?", "two?"] {
        world.run(&["ask", question]).ok();
    }
    // Each call is counted before the next one's tokens are.
    let input = "provider_tokens_total{provider=\"my-openai\",model=\"test-model\",direction=\"input\"} 15";
    eventually("the last was counted", || served.figures().contains(input));
    let asked = "provider_request_duration_seconds_count{provider=\"my-openai\",model=\"test-model\",status=\"ok\"} 2";
    assert!(served.figures().contains(asked), "{}", served.figures());
}

#[test]
fn figures_are_by_template_command_and_provider() {
    let model = ModelServer::start();
    let world = world(&model);
    let served = Served::start(&world, &["--no-automations"]);
    for n in 0..50 {
        assert_eq!(served.own("GET", &format!("/api/v1/runs/0190{n:08}"), b"").status, 404);
        served.own("GET", &format!("/nothing/{n}"), b"");
    }
    model.answer(Answer::text("yes").usage(7, 2, 0, 0));
    let mut socket = served.socket();
    socket.send(json!({"id": 1, "type": "chat:send", "text": "there?"})).until("chat:end");
    let provider =
        "provider_request_duration_seconds_count{provider=\"my-openai\",model=\"test-model\",status=\"ok\"} 1";
    eventually("what was asked is counted", || served.figures().contains(provider));
    let figures = served.figures();
    for name in [
        "http_request_duration_seconds_bucket{le=\"+Inf\",method=\"GET\",route=\"/api/v1/runs/{id}\",status=\"404\"} 50",
        "http_request_duration_seconds_count{method=\"GET\",route=\"none\",status=\"404\"} 50",
        "# TYPE command_processing_duration_seconds histogram",
        "github_requests_total 0",
        "# TYPE content_processing_duration_seconds histogram",
        "# TYPE api_latency histogram",
        "service_uptime ",
        "system_health 1",
        "service_status{name=\"store\"} 1",
        "panics_total 0",
        "websocket_connections 1",
        "websocket_frames_total{name=\"chat:send\"} 1",
        "provider_tokens_total{provider=\"my-openai\",model=\"test-model\",direction=\"input\"} 7",
    ] {
        assert!(figures.contains(name), "{name}: {figures}");
    }
    assert!(!figures.contains("0190") && !figures.contains("nothing/") && !figures.contains("# EOF"));
    // Every series is of a name that was told about before.
    let mut told = BTreeSet::new();
    for line in figures.lines() {
        match line.strip_prefix("# TYPE ").and_then(|rest| rest.split(' ').next()) {
            Some(name) => drop(told.insert(name.to_string())),
            None if line.starts_with('#') => {}
            None => {
                let name = line.split(['{', ' ']).next().unwrap();
                let bare = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
                assert!(told.contains(name) || bare.is_some_and(|name| told.contains(name)), "{line}");
            }
        }
    }
    let of_process =
        |name: &str| figures.lines().find_map(|l| l.strip_prefix(name)).unwrap().trim().parse::<f64>().unwrap();
    assert!(of_process("process_resident_memory_bytes ") > 1e6 && of_process("data_dir_bytes ") > 1e4);
}

#[test]
fn a_request_is_one_line_of_the_log_with_its_trace_id_and_no_secret() {
    let world = World::new();
    let served = Served::start(&world, &["--no-automations"]);
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let parent = format!("00-{trace}-b7ad6b7169203331-01");
    let bearer = format!("Bearer {}", served.key);
    let headers = [("authorization", bearer.as_str()), ("traceparent", parent.as_str())];
    let answer = served.ask("GET", "/api/v1/runs?limit=1", &headers, b"");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("x-request-id").as_deref(), Some(trace));
    assert!(answer.header("traceparent").unwrap().starts_with(&format!("00-{trace}-")));
    assert_eq!(served.ask("GET", "/ws?ticket=fact_secretticket", &[], b"").status, 426);
    let mine = || log(&world).into_iter().find(|line| line["trace"] == trace && line["message"] == "request");
    eventually("it is logged", || mine().is_some());
    let line = mine().unwrap();
    let fields = &line["fields"];
    assert_eq!(
        (fields["method"].as_str(), fields["route"].as_str(), fields["status"].as_u64(), fields["user"].as_str()),
        (Some("GET"), Some("/api/v1/runs"), Some(200), Some("owner"))
    );
    let whole: String = log(&world).iter().map(Value::to_string).collect();
    assert!(!whole.contains(&served.key) && !whole.contains("secretticket"), "{whole}");
    // A problem names the same id.
    let wrong = served.ask("GET", "/api/v1/runs/none", &headers, b"");
    assert_eq!(wrong.json()["trace"], trace);
}

/// Names of figures in a text, where one may stand: what is followed by `{`, `[`, or stands alone in an expression.
fn named(expression: &str) -> Vec<String> {
    const WORDS: [&str; 26] = [
        "sum",
        "rate",
        "increase",
        "histogram_quantile",
        "by",
        "le",
        "on",
        "and",
        "or",
        "max",
        "min",
        "avg",
        "clamp_min",
        "count",
        "command",
        "route",
        "status",
        "provider",
        "model",
        "direction",
        "name",
        "job",
        "m",
        "s",
        "unless",
        "e9",
    ];
    let mut bare = String::new();
    let (mut quoted, mut braces) = (false, 0);
    for c in expression.chars() {
        match c {
            '"' => quoted = !quoted,
            '{' | '[' if !quoted => braces += 1,
            '}' | ']' if !quoted => braces -= 1,
            c if !quoted && braces == 0 => {
                bare.push(c);
                continue;
            }
            _ => {}
        }
        bare.push(' ');
    }
    let words = bare.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let name = |word: &&str| word.starts_with(|c: char| c.is_ascii_lowercase()) && !WORDS.contains(word);
    words.filter(name).map(String::from).collect()
}

#[test]
fn every_figure_that_alerts_and_dashboard_name_is_one() {
    let known = factotum::serve::metrics::names();
    let dashboard: Value = serde_json::from_str(&asset("grafana.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let queries = panels.iter().flat_map(|panel| panel["targets"].as_array().into_iter().flatten());
    let mut expressions: Vec<String> = queries.map(|target| target["expr"].as_str().unwrap().to_string()).collect();
    assert!(expressions.len() > 10);
    let rules = asset("alerts.yml");
    let alerts = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("expr: "))
        .map(|text| text.trim_matches('\'').to_string());
    expressions.extend(alerts);
    let mut seen = 0;
    for expression in &expressions {
        for name in named(expression) {
            assert!(known.contains(&name), "{name} in {expression}");
            seen += 1;
        }
    }
    assert!(seen > 20);
    for alert in ["HighErrorRate", "HighLatency"] {
        assert!(rules.contains(&format!("- alert: {alert}\n")), "{alert}");
    }
}
