//! Chats over HTTP: made, talked in, branched, marked, exported, erased; and nobody else's.

use base64::Engine;
use serde_json::{Value, json};

use super::{Asker, uncounted};
use crate::ask::world;
use crate::support::model::{Answer, ModelServer};
use crate::support::serving::Serving;

#[test]
fn a_chat_is_made_talked_in_branched_and_erased() {
    let model = ModelServer::start();
    let world = uncounted(world(&model));
    let server = Serving::start(&world, &[]);
    let owner = Asker::owner(&server);
    let made = owner.post("/api/v1/sessions", &json!({"name": "work", "title": "Work"})).is(201);
    let id = made.json()["id"].as_str().unwrap().to_string();
    assert_eq!(made.header("location"), Some(format!("/api/v1/sessions/{id}").as_str()));
    let chat = format!("/api/v1/sessions/{id}");
    model.answer(Answer::text("four").usage(7, 1, 0, 0));
    let first = owner.post(&format!("{chat}/messages"), &json!({"text": "2 + 2?"})).is(200).json();
    assert_eq!(
        (&first["text"], &first["status"], &first["model"]),
        (&json!("four"), &json!("done"), &json!("my-openai/test-model"))
    );
    assert_eq!(first["usage"]["input"], 7);
    model.answer(Answer::text("five"));
    owner.post(&format!("{chat}/messages"), &json!({"text": "and 2 + 3?"})).is(200);
    let thread = owner.get(&format!("{chat}/thread")).is(200).json();
    let said: Vec<&str> = thread["messages"].as_array().unwrap().iter().map(|m| m["text"].as_str().unwrap()).collect();
    assert_eq!(said, ["2 + 2?", "four", "and 2 + 3?", "five"]);
    let answer = first["message"].as_str().unwrap();
    owner.post(&format!("{chat}/branch"), &json!({"message": answer})).is(200);
    assert_eq!(owner.get(&format!("{chat}/thread")).is(200).json()["messages"].as_array().unwrap().len(), 2);
    assert_eq!(owner.get(&format!("{chat}/tree")).is(200).json()["messages"].as_array().unwrap().len(), 4);
    assert_eq!(owner.get(&format!("{chat}/messages?limit=3")).is(200).json()["items"].as_array().unwrap().len(), 3);
    let edit = json!({"name": "done", "title": null, "tag": ["old"], "pinned": true});
    let edited = owner.send("PATCH", &chat, &edit).is(200).json();
    assert_eq!((&edited["name"], &edited["title"], &edited["tags"]), (&json!("done"), &Value::Null, &json!(["old"])));
    let printed: Value = serde_json::from_str(&world.run(&["sessions", "ls", "--json"]).ok()).unwrap();
    assert_eq!(printed["sessions"], owner.get("/api/v1/sessions?tag=old").is(200).json()["items"]);
    for (to, media) in [
        ("json", "application/json"),
        ("markdown", "text/markdown; charset=utf-8"),
        ("html", "text/html; charset=utf-8"),
    ] {
        let file = owner.get(&format!("{chat}/export?to={to}")).is(200);
        assert_eq!(file.header("content-type"), Some(media));
        assert!(file.text.contains("four"), "{to}");
    }
    assert_eq!(owner.post(&format!("{chat}/redact"), &json!({"words": "four"})).is(200).json()["messages"], 1);
    owner.delete(&chat).is(204);
    owner.get(&chat).is(404);
    let found = owner.get("/api/v1/search?q=four&kind=message").is(200).json();
    assert_eq!(found["items"], json!([]));
}

#[test]
fn a_sign_stands_once_for_each_who_puts_it_there() {
    let model = ModelServer::start();
    let world = uncounted(world(&model));
    let server = Serving::start(&world, &[]);
    let (owner, mia) = (Asker::owner(&server), Asker::new(&server, "mia", "member"));
    let id = mia.post("/api/v1/sessions", &json!({})).is(201).json()["id"].as_str().unwrap().to_string();
    let messages = format!("/api/v1/sessions/{id}/messages");
    let message =
        mia.post(&messages, &json!({"text": "hello"})).is(200).json()["message"].as_str().unwrap().to_string();
    let sign = format!("{messages}/{message}/reactions/%2B1");
    let put = |asker: &Asker<'_>| asker.send("PUT", &sign, &json!({})).is(200).json()["reactions"].clone();
    assert_eq!(put(&mia), json!([{"sign": "+1", "count": 1, "mine": true}]));
    assert_eq!(put(&mia), json!([{"sign": "+1", "count": 1, "mine": true}]));
    assert_eq!(put(&owner), json!([{"sign": "+1", "count": 2, "mine": true}]));
    assert_eq!(mia.delete(&sign).is(200).json()["reactions"], json!([{"sign": "+1", "count": 1, "mine": false}]));
    assert_eq!(owner.get(&format!("{messages}/{message}")).is(200).json()["reactions"][0]["count"], 1);
    world.run(&["sessions", "react", &id, &message, "★"]).ok();
    let printed: Value = serde_json::from_str(&world.run(&["sessions", "show", &id, "--json"]).ok()).unwrap();
    assert_eq!(printed["messages"][1]["reactions"][1], json!({"sign": "★", "count": 1, "mine": true}));
    owner.send("PUT", &format!("{messages}/{message}/reactions/%20"), &json!({})).is(422);
    assert_eq!(world.run(&["events", "verify"]).code, 0);
    owner.delete(&format!("/api/v1/sessions/{id}")).is(204);
    assert_eq!(world.run(&["events", "verify"]).code, 0);
}

#[test]
fn files_and_chats_of_others_are_not_there() {
    let model = ModelServer::start();
    let world = uncounted(world(&model));
    let server = Serving::start(&world, &[]);
    let (mia, tom) = (Asker::new(&server, "mia", "member"), Asker::new(&server, "tom", "member"));
    let id = mia.post("/api/v1/sessions", &json!({"title": "secret plan"})).is(201).json()["id"]
        .as_str()
        .unwrap()
        .to_string();
    let chat = format!("/api/v1/sessions/{id}");
    for size in [10, 5000] {
        let mut picture = b"\x89PNG\r\n\x1a\n".to_vec();
        picture.extend((0..size).map(|n| (n % 251) as u8));
        let data = base64::engine::general_purpose::STANDARD.encode(&picture);
        let body = json!({"text": "what is this?", "attachments": [{"name": "p.png", "data": data}]});
        mia.post(&format!("{chat}/messages"), &body).is(200);
        let thread = mia.get(&format!("{chat}/thread")).is(200).json();
        let mut files = thread["messages"].as_array().unwrap().iter().filter_map(|m| m["attachments"].get(0));
        let file = files.next_back().unwrap().clone();
        assert_eq!((&file["name"], &file["mime"]), (&json!("p.png"), &json!("image/png")));
        assert!(!thread.to_string().contains(&data), "the bytes are for who asks for them");
        let target = format!("/api/v1/attachments/{}", file["id"].as_str().unwrap());
        let sent = mia.get(&target).is(200);
        assert_eq!(
            (sent.header("content-type"), sent.header("content-disposition")),
            (Some("image/png"), Some("attachment"))
        );
        assert_eq!(sent.header("content-length"), Some(picture.len().to_string().as_str()));
        tom.get(&target).is(404);
        server.ask("GET", &target, &[], "").is(401);
        mia.get(&format!("{target}7")).is(404);
    }
    for (method, target) in [
        ("GET", chat.clone()),
        ("DELETE", chat.clone()),
        ("GET", format!("{chat}/thread")),
        ("GET", format!("{chat}/tree")),
        ("GET", format!("{chat}/messages")),
        ("GET", format!("{chat}/export")),
        ("GET", format!("{chat}/context")),
    ] {
        assert_eq!(tom.send(method, &target, &json!({})).status, 404, "{method} {target}");
    }
    tom.post(&format!("{chat}/messages"), &json!({"text": "tell me"})).is(404);
    // A key that may only ask writes no chats, and lets no model run anything.
    let key = mia.post("/api/v1/keys", &json!({"scopes": ["models:ask"]})).is(201).json();
    let asks = Asker { server: &server, key: key["secret"].as_str().unwrap().to_string() };
    asks.post(&format!("{chat}/messages"), &json!({"text": "hello"})).is(403);
    asks.post("/api/v1/processor/ask", &json!({"prompt": "hello", "session": id})).is(403);
    asks.post("/api/v1/processor/ask", &json!({"prompt": "hello", "tools": ["own:x"]})).is(403);
    mia.post("/api/v1/processor/ask", &json!({"prompt": "hello", "tools": ["mcp:files"]})).is(403);
    asks.post("/api/v1/processor/ask", &json!({"prompt": "hello"})).is(200);
    tom.send("PATCH", &chat, &json!({"name": "mine"})).is(404);
    assert_eq!(tom.get("/api/v1/sessions").is(200).json()["items"], json!([]));
    assert_eq!(tom.get("/api/v1/search?q=this&kind=message&facets=true").is(200).json()["items"], json!([]));
    mia.post(&format!("{chat}/messages"), &json!({"text": "x", "attachments": [{"name": "a", "data": "not base64!"}]}))
        .is(422);
}
