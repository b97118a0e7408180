//! `/ws`: frames, chats, runs, events.

use std::io::{Read as _, Write as _};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::served::{Served, Socket, eventually};
use crate::ask::world;
use crate::support::model::{Answer, Ended, ModelServer};
use crate::support::world::World;

fn texts(frames: &[Value], kind: &str) -> String {
    let of = |frame: &&Value| frame["type"] == kind;
    frames.iter().filter(of).filter_map(|f| f["text"].as_str().or(f["data"].as_str())).collect()
}

#[test]
fn frames_are_numbered_and_answered_by_their_ids() {
    let world = World::new();
    let served = Served::start(&world, &["--no-automations"]);
    let mut socket = served.socket();
    let hello = socket.until("hello");
    assert_eq!((hello["user"].as_str(), hello["limits"]["subscriptions"].as_u64()), (Some("owner"), Some(100)));
    let pong = socket.send(json!({"id": "p1", "type": "ping"})).until("pong");
    assert_eq!((pong["id"].as_str(), pong["seq"].as_u64()), (Some("p1"), Some(2)));
    for (frame, status, kind) in [
        ("no json", 400, "usage"),
        ("{}", 400, "usage"),
        ("{\"type\":\"fly\"}", 404, "not_found"),
        ("{\"type\":\"subscribe\",\"events\":\"*\"}", 422, "usage"),
        ("{\"id\":1,\"type\":\"subscribe\",\"events\":\"[a-z]\"}", 422, "usage"),
        ("{\"id\":1,\"type\":\"subscribe\",\"events\":\"*\",\"more\":1}", 422, "usage"),
        ("{\"id\":1,\"type\":\"cancel\"}", 404, "not_found"),
        ("{\"id\":1,\"type\":\"chat:send\",\"text\":\"x\",\"session\":7}", 422, "usage"),
    ] {
        let error = socket.say(frame).error();
        assert_eq!((error["status"].as_u64(), error["kind"].as_str()), (Some(status), Some(kind)), "{frame} {error}");
        assert_eq!(error["trace"], hello["trace"]);
    }
    assert_eq!(socket.send(json!({"type": "ping"})).until("pong")["id"], Value::Null);
}

#[test]
fn nobody_comes_in_without_saying_who_they_are() {
    let world = World::new();
    let served = Served::start(&world, &["--no-automations"]);
    let address = &served.address;
    assert_eq!(Socket::open(address, "", &[("authorization", "Bearer wrong")]).err(), Some(401));
    assert_eq!(Socket::open(address, "?ticket=fact_wrong", &[]).err(), Some(401));
    // A key in the address is none.
    let mut silent = Socket::open(address, &format!("?token={}", served.key), &[]).unwrap();
    assert_eq!(silent.send(json!({"type": "ping"})).closed(), Some((1008, "say who you are".into())));
    let mut wrong = Socket::open(address, "", &[]).unwrap();
    assert_eq!(wrong.send(json!({"type": "auth", "token": "fac_wrong"})).closed().unwrap().0, 1008);
    let mut first = Socket::open(address, "", &[]).unwrap();
    first.send(json!({"type": "auth", "token": served.key})).until("hello");
    // Pages of other places, and other names.
    let bearer = format!("Bearer {}", served.key);
    assert_eq!(
        Socket::open(address, "", &[("authorization", &bearer), ("origin", "https://evil.example")]).err(),
        Some(403)
    );
    assert_eq!(Socket::open(address, "", &[("authorization", &bearer), ("host", "evil.example")]).err(), Some(421));
    // A plain request is told what this is for.
    assert_eq!(served.own("GET", "/ws", b"").status, 426);
}

#[test]
fn whose_key_is_revoked_hears_nothing_more() {
    let world = World::new();
    let served = Served::start(&world, &["--no-automations"]);
    let made: Value = serde_json::from_str(&world.run(&["--json", "key", "create", "other"]).ok()).unwrap();
    let key = made["key"]["secret"].as_str().or(made["secret"].as_str()).unwrap().to_string();
    let bearer = format!("Bearer {key}");
    let mut socket = Socket::open(&served.address, "", &[("authorization", &bearer)]).unwrap();
    socket.subscribe("all", json!("*"), None);
    let stream = std::net::TcpStream::connect(&served.address).unwrap();
    let asked =
        format!("GET /api/v1/events/stream HTTP/1.1\r\nhost: {}\r\nauthorization: {bearer}\r\n\r\n", served.address);
    (&stream).write_all(asked.as_bytes()).unwrap();
    let mut own = served.socket();
    own.until("hello");
    world.run(&["key", "revoke", &key[..12]]).ok();
    assert_eq!(socket.closed(), Some((1008, "what you showed is not good any more".into())));
    let mut rest = String::new();
    (&stream).read_to_string(&mut rest).unwrap();
    assert!(rest.starts_with("HTTP/1.1 200"), "it was let in, and ends: {rest}");
    own.send(json!({"type": "ping"})).until("pong");
    let beyond = own.send(json!({"id": 1, "type": "subscribe", "events": "*", "after": "99999999"})).error();
    assert_eq!(beyond["detail"], "the log does not reach so far", "{beyond}");
}

#[test]
fn whose_key_ends_by_time_is_closed_out_at_that_moment() {
    let world = World::new();
    let served = Served::start(&world, &["--no-automations"]);
    let made: Value =
        serde_json::from_str(&world.run(&["--json", "key", "create", "brief", "--expires", "5s"]).ok()).unwrap();
    let bearer = format!("Bearer {}", made["key"]["secret"].as_str().or(made["secret"].as_str()).unwrap());
    let mut socket = Socket::open(&served.address, "", &[("authorization", &bearer)]).unwrap();
    socket.subscribe("all", json!("*"), None);
    assert_eq!(socket.closed(), Some((1008, "what you showed is not good any more".into())));
}

#[test]
fn a_chat_streams_and_is_kept() {
    let model = ModelServer::start();
    let world = world(&model);
    let served = Served::start(&world, &["--no-automations"]);
    model.answer(Answer::text("one two three").hold("one two").usage(5, 3, 0, 0));
    let mut socket = served.socket();
    let trace = socket.until("hello")["trace"].as_str().unwrap().to_string();
    socket.send(json!({"id": 7, "type": "chat:send", "text": "count"}));
    let session = socket.until("chat:begin")["session"].as_str().unwrap().to_string();
    // What came is told before the model goes on.
    let mut heard = String::new();
    while !heard.starts_with("one two") {
        heard.push_str(socket.until("chat:delta")["text"].as_str().unwrap());
    }
    model.release();
    let end = socket.until("chat:end");
    assert_eq!((end["id"].as_u64(), end["status"].as_str()), (Some(7), Some("done")), "{end}");
    assert_eq!(end["answer"]["text"], "one two three");
    assert_eq!(end["answer"]["usage"]["output"], 3);
    // The trace of the socket is told to the provider.
    let asked = model.last();
    assert!(asked.header("traceparent").unwrap().starts_with(&format!("00-{trace}-")));
    model.answer(Answer::text("four"));
    let end = socket.send(json!({"id": 8, "type": "chat:send", "session": session, "text": "on"})).until("chat:end");
    assert_eq!(end["answer"]["session"], session);
    assert_eq!(model.last().talk(), ["user: count", "assistant: one two three", "user: on"]);
    let shown = world.run(&["--json", "sessions", "show", &session]).ok();
    assert!(shown.contains("one two three") && shown.contains("four"), "{shown}");
}

#[test]
fn who_cancels_or_leaves_stops_the_model_within_a_second() {
    let model = ModelServer::start();
    let world = world(&model);
    let served = Served::start(&world, &["--no-automations"]);
    model.answer(Answer::text("one two three").hold("one two")).answer(Answer::text("four five six").hold("four five"));
    let mut socket = served.socket();
    socket.send(json!({"id": "a", "type": "chat:send", "text": "count"})).until("chat:delta");
    model.wait_held(1);
    let begun = Instant::now();
    let end = socket.send(json!({"id": "a", "type": "chat:cancel"})).until("chat:end");
    assert_eq!(end["status"], "cancelled", "{end}");
    assert_eq!(model.wait_ended(0).ended, Ended::HungUp);
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    let kept = world.run(&["--json", "sessions", "show", end["answer"]["session"].as_str().unwrap()]).ok();
    assert!(kept.contains("cancelled") && kept.contains("one two"), "{kept}");

    socket.send(json!({"id": "b", "type": "chat:send", "text": "more"})).until("chat:delta");
    model.wait_held(2);
    let begun = Instant::now();
    drop(socket);
    assert_eq!(model.wait_ended(1).ended, Ended::HungUp);
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
}

#[test]
fn a_run_is_told_while_it_happens_and_ends_as_its_record() {
    let world = World::new();
    let commands = world.fac().join("config/commands");
    std::fs::create_dir_all(&commands).unwrap();
    let text = "---\nfactotum: 1\n---\n# Kit\n### `/greet <name> [--loud]`\n\n```sh {id=say}\necho \"hello $name\"; echo oops >&2; exit 3\n```\n\n\
                ### `/sit`\n\n```sh\necho sitting; exec sleep 600\n```\n";
    std::fs::write(commands.join("kit.md"), text).unwrap();
    let served = Served::start(&world, &["--no-automations"]);
    let mut socket = served.socket();
    let end = socket.send(json!({"id": 1, "type": "run:start", "command": "greet", "args": ["Ada"]})).until("run:end");
    assert_eq!((end["run"]["exit_code"].as_i64(), end["run"]["status"].as_str()), (Some(3), Some("failed")), "{end}");
    let step = socket.passed.iter().find(|f| f["type"] == "run:step").unwrap();
    assert_eq!(step["step"], "say");
    let output: Vec<(Value, Value)> = socket
        .passed
        .iter()
        .filter(|f| f["type"] == "run:output")
        .map(|f| (f["stream"].clone(), f["data"].clone()))
        .collect();
    assert!(
        output.contains(&(json!("stdout"), json!("hello Ada\n")))
            && output.contains(&(json!("stderr"), json!("oops\n"))),
        "{output:?}"
    );
    let shown = world.run(&["--json", "runs", "show", end["run"]["id"].as_str().unwrap()]).ok();
    assert!(shown.contains("hello Ada"), "{shown}");

    let end = socket.send(json!({"id": 2, "type": "run:start", "command": "nothing such"})).until("run:end");
    assert_eq!(end["error"]["status"], 404, "{end}");

    socket.send(json!({"id": 3, "type": "run:start", "command": "sit"})).until("run:output");
    let end = socket.send(json!({"id": 3, "type": "run:cancel"})).until("run:end");
    assert_eq!(end["run"]["status"], "interrupted", "{end}");
}

#[test]
fn events_come_once_in_order_by_pattern_and_go_on_where_they_were_left() {
    let world = World::new();
    let served = Served::start(&world, &["--no-automations"]);
    let mut socket = served.socket();
    socket.subscribe("r", json!(["session.*", "memory.added"]), None);
    socket.subscribe("all", json!("*"), None);
    socket.send(json!({"id": "all", "type": "unsubscribe"})).until("unsubscribed");
    assert_eq!(socket.send(json!({"id": "r", "type": "subscribe", "events": "*"})).error()["status"], 409);
    world.run(&["remember", "first"]).ok();
    let first = socket.until("event");
    assert_eq!((first["id"].as_str(), first["event"]["kind"].as_str()), (Some("r"), Some("memory.added")));
    let position = first["event"]["position"].as_str().unwrap().to_string();
    drop(socket);
    world.run(&["remember", "second"]).ok();
    world.run(&["remember", "third"]).ok();
    let mut socket = served.socket();
    socket.subscribe("again", json!("memory.*"), Some(&position));
    let mut at = position.parse::<u64>().unwrap();
    for _ in 0..2 {
        let event = socket.until("event")["event"].clone();
        let position = event["position"].as_str().unwrap().parse::<u64>().unwrap();
        assert!(position > at && event["kind"] == "memory.added", "{event}");
        at = position;
    }
}

#[test]
fn ten_listeners_miss_nothing_of_many_events() {
    const MANY: usize = 2000;
    let world = World::new();
    let served = Served::start(&world, &["--no-automations"]);
    let mut sockets: Vec<Socket> = (0..10).map(|_| served.socket()).collect();
    for socket in &mut sockets {
        socket.subscribe("w", json!("config.changed"), None);
    }
    let store = factotum::store::Store::open(
        &world.fac().join("data/store.db"),
        factotum::kernel::clock::Clock::system(),
        factotum::kernel::ids::Ids::random(),
    )
    .unwrap();
    let writing = std::thread::spawn(move || {
        for n in 0..MANY {
            let event = factotum::kernel::events::Event::new("config.changed", n.to_string(), json!({}));
            store.append(&event).unwrap();
        }
    });
    let reading: Vec<_> = sockets
        .into_iter()
        .map(|mut socket| {
            std::thread::spawn(move || {
                for n in 0..MANY {
                    assert_eq!(socket.until("event")["event"]["subject"], n.to_string());
                }
            })
        })
        .collect();
    writing.join().unwrap();
    reading.into_iter().for_each(|one| one.join().unwrap());
}

#[test]
fn typing_is_told_to_others_and_kept_nowhere() {
    let model = ModelServer::start();
    let world = world(&model);
    let served = Served::start(&world, &["--no-automations"]);
    let (mut one, mut other) = (served.socket(), served.socket());
    model.answer(Answer::text("yes"));
    let end = one.send(json!({"id": 1, "type": "chat:send", "text": "there?"})).until("chat:end");
    let session = end["answer"]["session"].clone();
    one.subscribe("t", json!("chat.typing"), None);
    other.subscribe("t", json!("chat.typing"), None);
    other.send(json!({"type": "chat:typing", "session": session}));
    let told = one.until("event")["event"].clone();
    assert_eq!(
        (&told["kind"], &told["subject"], &told["payload"]["user"]),
        (&json!("chat.typing"), &session, &json!("owner"))
    );
    // Not to who types.
    other.passed.clear();
    other.send(json!({"type": "ping"})).until("pong");
    assert_eq!(texts(&other.passed, "event"), "");
    assert!(!other.passed.iter().any(|frame| frame["type"] == "event"));
    assert!(!world.run(&["--json", "events", "tail"]).ok().contains("typing"));
    assert_eq!(other.send(json!({"id": 9, "type": "chat:typing", "session": "nowhere"})).error()["status"], 404);
}

#[test]
fn what_a_socket_may_hold_is_bounded() {
    let model = ModelServer::start();
    let world = world(&model);
    let served = Served::start(&world, &["--no-automations"]);
    let mut socket = served.socket();
    for n in 0..100 {
        socket.subscribe(&n.to_string(), json!("x.*"), None);
    }
    assert_eq!(socket.send(json!({"id": "more", "type": "subscribe", "events": "*"})).error()["status"], 429);
    drop(socket);
    eventually("subscriptions end with their socket", || served.figures().contains("\nevent_subscriptions 0\n"));

    model.on(|_| Answer::text("never").hold(crate::support::model::Place::Head));
    let mut socket = served.socket();
    for n in 0..16 {
        socket.send(json!({"id": n, "type": "chat:send", "text": "wait"})).until("chat:begin");
    }
    assert_eq!(socket.send(json!({"id": 3, "type": "chat:send", "text": "x"})).error()["status"], 409);
    assert_eq!(socket.send(json!({"id": 16, "type": "chat:send", "text": "x"})).error()["status"], 429);
    drop(socket);

    let mut socket = served.socket();
    let long = "x".repeat(2 << 20);
    let sent = json!({"type": "ping", "more": long}).to_string();
    socket.until("hello");
    // Where the server has closed before all was sent, the rest cannot be.
    if socket.try_say(&sent) {
        let why = socket.closed();
        assert!(why.is_none() || why == Some((1009, "a frame is too long".into())), "{why:?}");
    }
}
