//! `fac ask` and its kin against the scripted model server, on every wire.

use std::io::Write;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::support::model::{Answer, Ended, ModelServer, Place, Split, Wire};
use crate::support::pty::Seat;
use crate::support::world::{Output, World};

/// The name of a wire's provider in these worlds, and of its wire.
const PROVIDERS: [(Wire, &str, &str); 5] = [
    (Wire::OpenAi, "openai", "/v1/"),
    (Wire::Responses, "responses", "/v1/"),
    (Wire::Anthropic, "anthropic", "/v1/"),
    (Wire::Gemini, "gemini", "/v1beta/"),
    (Wire::Ollama, "ollama", "/"),
];

/// A world whose settings name the server once a wire, and look for no other.
pub fn world(server: &ModelServer) -> World {
    let world = World::new();
    let mut text = "local_models = false\nmodel = \"my-openai/test-model\"\n".to_string();
    for (_, wire, path) in PROVIDERS {
        let url = format!("{}{path}", server.url());
        text.push_str(&format!("[providers.my-{wire}]\nwire = \"{wire}\"\nurl = \"{url}\"\nkey_env = \"MY_KEY\"\n"));
    }
    configure(&world, &text);
    let mut world = world;
    world.set("MY_KEY", "sk-canary-4711");
    world
}

pub fn configure(world: &World, text: &str) {
    let folder = world.fac().join("config");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("config.toml"), text).unwrap();
}

fn model(wire: &str) -> String {
    format!("my-{wire}/test-model")
}

fn json_of(output: Output) -> Value {
    serde_json::from_str(output.stdout.lines().last().unwrap_or_default()).unwrap()
}

#[test]
fn every_wire_answers_whatever_the_splits() {
    let server = ModelServer::start();
    let world = world(&server);
    for (_, wire, _) in PROVIDERS {
        for split in [Split::Events, Split::EveryByte, Split::Nowhere] {
            server.answer(Answer::text("grüß dich, 🌍 — done").usage(12, 7, 0, 0).split(split.clone()));
            let said = world.run(&["ask", "-m", &model(wire), "-s", "be kind", "hello"]).ok();
            assert_eq!(said, "grüß dich, 🌍 — done\n", "{wire} {split:?}");
        }
        let asked = server.last();
        assert_eq!((asked.system(), asked.last_user()), ("be kind".to_string(), "hello"), "{wire}");
        assert!(asked.header("traceparent").is_some_and(|t| t.len() == 55), "{wire}");
    }
}

#[test]
fn an_answer_without_its_end_is_said_to_be_cut_and_kept() {
    let server = ModelServer::start();
    let world = world(&server);
    for (_, wire, _) in PROVIDERS {
        server.answer(Answer::text("one two three four").cut("one two"));
        let out = world.run(&["ask", "-m", &model(wire), "count"]);
        assert_eq!(out.code, 1, "{wire}: {out:?}");
        assert!(out.stdout.starts_with("one two"), "{wire}: {out:?}");
        let shown: Value = serde_json::from_str(&world.run(&["sessions", "show", "--json"]).ok()).unwrap();
        let answer = &shown["messages"][1];
        assert!(["cut_off", "failed"].contains(&answer["status"].as_str().unwrap()), "{wire}: {answer}");
        assert!(answer["text"].as_str().unwrap().starts_with("one two"), "{wire}: {answer}");
        // And it can be gone on with.
        server.answer(Answer::text("three four"));
        assert_eq!(world.run(&["ask", "-m", &model(wire), "-c", "go on"]).ok(), "three four\n");
        assert!(server.last().talk().iter().any(|line| line.contains("one two")), "{wire}");
    }
}

#[test]
fn an_error_within_the_stream_is_an_error() {
    let server = ModelServer::start();
    let world = world(&server);
    for (_, wire, _) in PROVIDERS {
        server.answer(Answer::text("part").error_in_stream("the engine overheated"));
        let out = world.run(&["ask", "-m", &model(wire), "hello"]);
        assert_eq!(out.code, 1, "{wire}: {out:?}");
        assert!(out.stderr.contains("the engine overheated"), "{wire}: {out:?}");
    }
}

#[test]
fn a_busy_server_is_asked_again_and_it_is_said() {
    let server = ModelServer::start();
    let world = world(&server);
    for (_, wire, _) in PROVIDERS {
        let before = server.asked().len();
        server.answer(Answer::status(429).retry_after("0")).answer(Answer::status(503).retry_after("0"));
        server.answer(Answer::text("at last"));
        let out = world.run(&["ask", "-m", &model(wire), "hello"]);
        assert_eq!(out.stdout, "at last\n", "{wire}: {out:?}");
        assert!(out.stderr.contains("trying again") && out.stderr.contains("(3 of 4)"), "{wire}: {out:?}");
        assert_eq!(server.asked().len() - before, 3, "{wire}");
    }
}

#[test]
fn mistakes_are_not_tried_again_and_no_key_is_shown() {
    let server = ModelServer::start();
    let world = world(&server);
    for (_, wire, _) in PROVIDERS {
        for (answer, code) in [
            (Answer::wrong_key().message("bad key sk-canary-4711"), 4),
            (Answer::unknown_model(), 3),
            (Answer::too_long(9, 8), 2),
        ] {
            let before = server.asked().len();
            server.answer(answer.clone());
            let out = world.run(&["ask", "-m", &model(wire), "hello"]);
            assert_eq!(out.code, code, "{wire}: {out:?}");
            assert!(!out.stderr.contains("4711"), "{wire}: {out:?}");
            assert_eq!(server.asked().len() - before, 1, "{wire}");
        }
    }
    for (path, bytes) in world.tree() {
        assert!(!bytes.windows(14).any(|w| w == b"sk-canary-4711"), "the key stands in {}", path.display());
    }
}

#[test]
fn another_model_steps_in_and_that_is_said_and_kept() {
    let server = ModelServer::start();
    let world = world(&server);
    world.run(&["config", "set", "model_fallbacks", "my-anthropic/test-model"]).ok();
    world.run(&["config", "set", "providers.my-openai.retries", "0"]).ok();
    server.on(|asked| match asked.wire {
        Wire::OpenAi => Answer::status(500),
        _ => Answer::text("the second speaks"),
    });
    let out = world.run(&["ask", "hello", "--json"]);
    let last = json_of(out.clone());
    assert_eq!(
        (&last["answer"]["text"], &last["answer"]["model"]),
        (&json!("the second speaks"), &json!("my-anthropic/test-model"))
    );
    assert!(out.stdout.contains("going on with my-anthropic/test-model"), "{out:?}");
}

#[test]
fn a_host_that_fails_five_times_is_left_alone() {
    let server = ModelServer::start();
    let world = world(&server);
    world.run(&["config", "set", "providers.my-openai.retries", "0"]).ok();
    server.on(|_| Answer::status(500));
    for _ in 0..5 {
        assert_eq!(world.run(&["ask", "hello"]).code, 5);
    }
    let before = server.asked().len();
    let out = world.run(&["ask", "hello"]);
    assert_eq!(out.code, 5);
    assert!(out.stderr.contains("my-openai failed 5 times in a row and is left alone"), "{out:?}");
    assert_eq!(server.asked().len(), before, "nothing was sent");
}

#[test]
fn ctrl_c_stops_the_request_and_keeps_what_came() {
    let server = ModelServer::start();
    let world = world(&server);
    for (number, (_, wire, _)) in PROVIDERS.into_iter().enumerate() {
        server.answer(Answer::text("one two three").hold("one"));
        let mut command = world.command(&["ask", "-m", &model(wire), "count"]);
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        server.wait_held(number + 1);
        let pid = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
        let out = child.wait_with_output().unwrap();
        assert_eq!(out.status.code(), Some(130), "{wire}");
        assert_eq!(server.wait_ended(number).ended, Ended::HungUp, "{wire}");
        let shown: Value = serde_json::from_str(&world.run(&["sessions", "show", "--json"]).ok()).unwrap();
        assert_eq!(shown["messages"][1]["status"], "cancelled", "{wire}: {shown}");
    }
}

#[test]
fn a_killed_question_is_kept_and_its_answer_does_not_wait_for_ever() {
    let server = ModelServer::start();
    let world = world(&server);
    server.answer(Answer::text("never").hold(Place::Head));
    let mut command = world.command(&["ask", "remember the milk"]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    server.wait_held(1);
    child.kill().unwrap();
    child.wait().unwrap();
    let shown: Value = serde_json::from_str(&world.run(&["sessions", "show", "--json"]).ok()).unwrap();
    assert_eq!(shown["messages"][0]["text"], "remember the milk");
    assert_eq!(shown["messages"][1]["status"], "failed");
    let usage: Value = serde_json::from_str(&world.run(&["usage", "--json"]).ok()).unwrap();
    assert_eq!((&usage["total"]["calls"], &usage["total"]["open"]), (&json!(1), &json!(1)));
}

#[test]
fn usage_is_what_the_server_told() {
    let server = ModelServer::start();
    let world = world(&server);
    world.run(&["config", "set", "models.test-model.input_price", "2"]).ok();
    world.run(&["config", "set", "models.test-model.output_price", "8"]).ok();
    for (n, (_, wire, _)) in PROVIDERS.into_iter().enumerate() {
        server.answer(Answer::text("yes").usage(100 + n as u64, 10, 0, 0));
        world.run(&["ask", "-m", &model(wire), "really?"]).ok();
    }
    let usage: Value = serde_json::from_str(&world.run(&["usage", "--by", "model", "--json"]).ok()).unwrap();
    let total = &usage["total"];
    assert_eq!((&total["calls"], &total["input"], &total["output"]), (&json!(5), &json!(510), &json!(50)));
    let expected: u64 = (0..5).map(|n| (100 + n) * 2 + 80).sum();
    assert_eq!(total["cost_usd"], json!(expected as f64 / 1e6));
}

#[test]
fn what_is_piped_in_and_pictures_go_along() {
    let server = ModelServer::start();
    let world = world(&server);
    let png = [b"\x89PNG\r\n\x1a\n".as_slice(), &[0; 64]].concat();
    std::fs::write(world.path("photo.png"), png).unwrap();
    for (_, wire, _) in PROVIDERS {
        world.run_with(&["ask", "-m", &model(wire), "-a", "photo.png", "review"], "a diff\n").ok();
        let asked = server.last();
        let user = asked.messages.iter().find(|m| m.role == "user").unwrap();
        assert!(user.text.contains("a diff") && user.text.contains("review"), "{wire}: {user:?}");
        assert_eq!(user.files.len(), 1, "{wire}: {user:?}");
    }
    assert_eq!(world.run_with(&["ask"], "only what is piped").ok(), "only what is piped\n");
}

#[test]
fn a_schema_is_held_and_asked_for_once_more() {
    let server = ModelServer::start();
    let world = world(&server);
    server.answer(Answer::text("no JSON at all")).answer(Answer::text("{\"name\": \"Rex\", \"age\": 3}"));
    let out = world.run(&["ask", "--schema", "name, age int", "invent a dog"]).ok();
    assert_eq!(serde_json::from_str::<Value>(&out).unwrap(), json!({"name": "Rex", "age": 3}));
    server.answer(Answer::text("no")).answer(Answer::text("still no"));
    assert_eq!(world.run(&["ask", "--schema", "name, age int", "invent a dog"]).code, 6);
    server.answer(Answer::text("Here:\n```sh\necho hi\n```\nbye"));
    assert_eq!(world.run(&["ask", "-x", "how?"]).ok(), "echo hi\n");
}

#[test]
fn no_control_sequence_of_a_model_reaches_the_terminal() {
    let server = ModelServer::start();
    let world = world(&server);
    let evil = "a\u{1b}]0;owned\u{7}b\u{1b}[2Jc\u{9b}31md\u{202e}e\u{1b}]8;;http://x\u{1b}\\f\u{1b}Pq\u{0}g\u{1b}";
    for (_, wire, _) in PROVIDERS {
        server.answer(Answer::text(evil).pieces(1).split(Split::EveryByte));
        let out = world.run(&["ask", "-m", &model(wire), "hello"]);
        assert!(!out.stdout.contains(|c: char| c.is_control() && c != '\n'), "{wire}: {:?}", out.stdout);
        assert!(!out.stdout.contains('\u{202e}'), "{wire}");
    }
}

#[test]
fn with_nobody_set_up_the_next_step_is_said() {
    let world = World::new();
    configure(&world, "local_models = false\n");
    let said = world.run(&["ask", "hello"]).failed(5);
    assert!(said.contains("no model is set up here") && said.contains("ANTHROPIC_API_KEY"), "{said}");
    assert_eq!(world.run(&["sessions", "ls", "--json"]).ok().trim(), r#"{"sessions":[],"next":null}"#);
}

#[test]
fn chats_branch_and_travel() {
    let server = ModelServer::start();
    let world = world(&server);
    world.run(&["ask", "--session", "trip", "first"]).ok();
    world.run(&["ask", "--session", "trip", "second"]).ok();
    let shown: Value = serde_json::from_str(&world.run(&["sessions", "show", "trip", "--json"]).ok()).unwrap();
    let first_answer = shown["messages"][1]["id"].as_str().unwrap().to_string();
    world.run(&["sessions", "branch", "trip", &first_answer]).ok();
    world.run(&["ask", "--session", "trip", "another second"]).ok();
    let last = server.last();
    assert_eq!(last.messages.iter().map(|m| m.text.as_str()).collect::<Vec<_>>(), ["first", "first", "another second"]);
    let exported = world.run(&["sessions", "export", "trip"]).ok();
    let file = world.write("trip.json", &exported);
    let other = World::new();
    other.run(&["sessions", "import", file.to_str().unwrap()]).ok();
    let tree = |world: &World| {
        let value: Value =
            serde_json::from_str(&world.run(&["sessions", "show", "trip", "--tree", "--json"]).ok()).unwrap();
        let texts = value["messages"].as_array().unwrap().iter().map(|m| m["text"].as_str().unwrap().to_string());
        texts.collect::<Vec<_>>()
    };
    assert_eq!(tree(&other), tree(&world));
    world.run(&["sessions", "rm", "trip"]).ok();
    assert_eq!(world.run(&["sessions", "show", "trip"]).code, 3);
}

#[test]
fn the_same_question_is_answered_from_the_cache_where_that_is_wanted() {
    let server = ModelServer::start();
    let world = world(&server);
    world.run(&["config", "set", "cache.answers", "true"]).ok();
    for _ in 0..3 {
        assert_eq!(world.run(&["ask", "the same"]).ok(), "the same\n");
    }
    assert_eq!(server.asked().len(), 1);
    world.run(&["ask", "--no-cache", "the same"]).ok();
    assert_eq!(server.asked().len(), 2);
}

#[test]
fn a_reader_that_leaves_ends_the_request() {
    let server = ModelServer::start();
    let world = world(&server);
    server.answer(Answer::text("one two three four").hold("one"));
    let mut command = world.command(&["ask", "count"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"").unwrap();
    server.wait_held(1);
    drop(child.stdout.take());
    server.release();
    let out = child.wait_with_output().unwrap();
    assert!(matches!(out.status.code(), Some(0 | 130)), "{out:?}");
}

#[test]
fn thoughts_have_a_mark_where_nothing_is_dimmed() {
    let server = ModelServer::start();
    let mut world = world(&server);
    let answer = || Answer::text("So it is.").reasoning("first this\nthen that");
    server.answer(answer()).answer(answer());
    let mut seat = Seat::fac(&world, &["ask", "why?"], 80, 24);
    seat.expect("So it is.");
    let (_, all) = seat.end();
    assert!(all.contains("\u{1b}[2mfirst this") && !all.contains("~ first"), "{all:?}");
    world.set("NO_COLOR", "1");
    let mut seat = Seat::fac(&world, &["ask", "why?"], 80, 24);
    seat.expect("So it is.");
    let (code, screen) = seat.end_screen();
    assert_eq!((code, screen.starts_with("~ first this\n~ then that\nSo it is.\n")), (0, true), "{screen}");
}
