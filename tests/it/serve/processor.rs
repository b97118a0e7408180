//! Models asked over HTTP: one, several, in a row; every answer with `response`, `tokensUsed` and `model`.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Asker, uncounted};
use crate::ask::world;
use crate::support::model::{Answer, ModelServer};
use crate::support::serving::Serving;

const WIRES: [&str; 4] = ["openai", "anthropic", "gemini", "ollama"];

#[test]
fn every_processor_has_the_same_contract() {
    let model = ModelServer::start();
    let world = uncounted(world(&model));
    let server = Serving::start(&world, &[]);
    let owner = Asker::owner(&server);
    model.on(|_| Answer::text("pong").usage(3, 2, 0, 0));
    for wire in WIRES {
        let body = json!({"prompt": "ping", "maxTokens": 50, "temperature": 0.5});
        let answer = owner.post(&format!("/api/v1/processor/my-{wire}%2Ftest-model"), &body);
        assert_eq!(answer.status, 200, "{wire}: {}", answer.text);
        let said = answer.json();
        let contract = (&said["response"], &said["tokensUsed"], &said["model"]);
        assert_eq!(contract, (&json!("pong"), &json!(5), &json!(format!("my-{wire}/test-model"))));
    }
    // Nothing of it is kept.
    assert_eq!(owner.get("/api/v1/sessions").is(200).json()["items"], json!([]));
    let asked = owner.post("/api/v1/processor/ask", &json!({"prompt": "ping"})).is(200).json();
    let session = asked["answer"]["session"].as_str().unwrap();
    owner.get(&format!("/api/v1/sessions/{session}")).is(200);
    let on = owner.post("/api/v1/processor/ask", &json!({"prompt": "again", "session": session})).is(200).json();
    assert_eq!(on["answer"]["session"], session);
    assert_eq!(owner.get(&format!("/api/v1/sessions/{session}")).is(200).json()["messages"], 4);
    owner.post("/api/v1/processor/ask", &json!({"prompt": "ping", "temperature": 9})).is(422);
    owner.post("/api/v1/processor/nobody%2Fat-all", &json!({"prompt": "ping"})).is(404);
    model.on(|_| Answer::wrong_key());
    let refused = owner.post("/api/v1/processor/ask", &json!({"prompt": "ping"}));
    assert!(refused.status >= 400 && refused.status != 500, "{}: {}", refused.status, refused.text);
}

#[test]
fn a_comparison_answers_in_the_order_asked() {
    let model = ModelServer::start();
    let world = uncounted(world(&model));
    let server = Serving::start(&world, &[]);
    let owner = Asker::owner(&server);
    model.on(|asked| match asked.headers.iter().any(|(k, _)| k == "x-api-key") {
        true => Answer::text("from anthropic"),
        false => Answer::text("from openai"),
    });
    let models = ["my-openai/test-model", "my-anthropic/test-model", "nonsense-9"];
    let said = owner.post("/api/v1/processor/compare", &json!({"prompt": "hello", "models": models})).is(200).json();
    let texts: Vec<&str> =
        said["responses"].as_array().unwrap().iter().map(|one| one["response"].as_str().unwrap()).collect();
    assert_eq!(texts, ["from openai", "from anthropic", ""]);
    assert_eq!(said["responses"][2]["answer"]["error"]["kind"], "not_found");
    assert_eq!((&said["compared"]["answered"], &said["compared"]["failed"]), (&json!(2), &json!(1)));
    owner.post("/api/v1/processor/compare", &json!({"prompt": "hello", "models": ["one"]})).is(422);
}

#[test]
fn a_chain_hands_each_answer_on_and_keeps_what_came_before_a_failure() {
    let model = ModelServer::start();
    let world = uncounted(world(&model));
    let server = Serving::start(&world, &[]);
    let owner = Asker::owner(&server);
    model.answer(Answer::text("three bees")).answer(Answer::text("a limerick"));
    let steps = json!([{"prompt": "facts about {{input}}"}, {"prompt": "a limerick from: {{input}}"}]);
    let said = owner.post("/api/v1/processor/chain", &json!({"steps": steps, "input": "bees"})).is(200).json();
    assert_eq!((&said["response"], &said["complete"]), (&json!("a limerick"), &json!(true)));
    assert!(model.asked().last().unwrap().body.to_string().contains("a limerick from: three bees"));
    model.answer(Answer::text("whole")).answer(Answer::wrong_key());
    let said = owner.post("/api/v1/processor/chain", &json!({"steps": steps})).is(200).json();
    assert_eq!((&said["answered"], &said["complete"], &said["response"]), (&json!(1), &json!(false), &json!("whole")));
    assert!(said["responses"][1]["answer"]["error"]["message"].is_string(), "{said}");
    let eleven: Vec<Value> = (0..11).map(|n| json!({"prompt": n.to_string()})).collect();
    owner.post("/api/v1/processor/chain", &json!({"steps": eleven})).is(422);
}

#[test]
fn a_parallel_chain_answers_in_order_and_only_the_one_that_hangs_is_late() {
    let model = ModelServer::start();
    let world = uncounted(world(&model));
    let server = Serving::start(&world, &[]);
    let owner = Asker::owner(&server);
    model.on(|asked| {
        let said = asked.body.to_string();
        let number = (0..3).find(|n| said.contains(&format!("step {n}"))).unwrap_or(9);
        if number == 1 { Answer::text("never").hold("never") } else { Answer::text(format!("answer {number}")) }
    });
    let steps: Vec<Value> = (0..3).map(|n| json!({"prompt": format!("step {n}")})).collect();
    let begun = Instant::now();
    let body = json!({"steps": steps, "parallel": true, "timeout": "2s"});
    let said = owner.post("/api/v1/processor/chain", &body).is(200).json();
    assert!(begun.elapsed() < Duration::from_secs(30), "it waits for nobody else");
    let texts: Vec<&Value> =
        said["responses"].as_array().unwrap().iter().map(|one| &one["answer"]["error"]["kind"]).collect();
    assert_eq!(texts, [&Value::Null, &json!("timed_out"), &Value::Null], "{said}");
    assert_eq!(
        (&said["responses"][0]["response"], &said["responses"][2]["response"]),
        (&json!("answer 0"), &json!("answer 2"))
    );
    model.release();
}
