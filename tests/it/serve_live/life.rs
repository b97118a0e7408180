//! How a server lives and ends.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::net::UnixDatagram;
use std::sync::Mutex;

use serde_json::{Value, json};

use super::served::{PATIENCE, Served, eventually};
use crate::ask::{configure, world};
use crate::support::model::{Answer, ModelServer};
use crate::support::world::World;

#[test]
fn it_ends_when_what_is_under_way_has_ended_and_nothing_is_lost() {
    let model = ModelServer::start();
    let world = world(&model);
    let mut served = Served::start(&world, &["--no-automations"]);
    model.answer(Answer::text("one two three").hold("one two"));
    let mut socket = served.socket();
    let mut idle = served.socket();
    idle.until("hello");
    socket.send(json!({"id": 1, "type": "chat:send", "text": "count"})).until("chat:delta");
    model.wait_held(1);
    served.signal("TERM");
    assert_eq!(idle.closed(), Some((1001, "the server is ending".into())));
    // Nothing new is begun.
    let refused = socket.send(json!({"id": 2, "type": "chat:send", "text": "more"})).error();
    assert_eq!(refused["status"], 503, "{refused}");
    model.release();
    let end = socket.until("chat:end");
    assert_eq!(end["answer"]["text"], "one two three");
    assert_eq!(socket.closed(), Some((1001, "the server is ending".into())));
    assert!(served.child.wait().unwrap().success());
}

#[test]
fn a_run_that_is_under_way_ends_by_itself() {
    let world = World::new();
    std::fs::create_dir_all(world.fac().join("config/commands")).unwrap();
    let script = "---\nfactotum: 1\n---\n### `/slow`\n```sh\necho begun > begun; while test ! -e go; do sleep 0.05; done; echo all of it\n```\n";
    std::fs::write(world.fac().join("config/commands/own.md"), script).unwrap();
    let mut served = Served::start(&world, &["--no-automations"]);
    let said = std::thread::scope(|scope| {
        let asked = scope.spawn(|| served.own("POST", "/api/v1/commands/slow/runs", b"{}"));
        eventually("it begins", || world.path("begun").exists());
        let mut idle = served.socket();
        idle.until("hello");
        served.signal("TERM");
        // It drains.
        assert_eq!(idle.closed(), Some((1001, "the server is ending".into())));
        std::fs::write(world.path("go"), "").unwrap();
        asked.join().unwrap()
    });
    assert_eq!((said.status, &said.json()["run"]["status"]), (200, &json!("ok")), "{}", said.body);
    assert!(served.child.wait().unwrap().success());
}

#[test]
fn half_an_answer_does_not_look_like_a_whole_one() {
    let model = ModelServer::start();
    let world = world(&model);
    let mut served = Served::start(&world, &["--no-automations"]);
    model.on(|_| Answer::text("one two three").hold("one two"));
    let mut idle = served.socket();
    idle.until("hello");
    let body =
        json!({"model": "my-openai/test-model", "stream": true, "messages": [{"role": "user", "content": "count"}]})
            .to_string();
    let asked = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        served.address,
        served.key,
        body.len()
    );
    let mut stream = TcpStream::connect(&served.address).unwrap();
    stream.write_all(asked.as_bytes()).unwrap();
    let (mut heard, mut some) = (String::new(), [0; 4096]);
    while !heard.contains("two") {
        let read = stream.read(&mut some).unwrap();
        assert!(read > 0, "{heard}");
        heard.push_str(&String::from_utf8_lossy(&some[..read]));
    }
    served.signal("TERM");
    assert_eq!(idle.closed(), Some((1001, "the server is ending".into())));
    // Asked twice it waits no longer.
    served.signal("TERM");
    stream.read_to_string(&mut heard).unwrap();
    assert!(heard.contains("\"error\"") && heard.contains("the server is ending"), "{heard}");
    assert!(!heard.contains("finish_reason\":\"stop"), "{heard}");
    served.child.wait().unwrap();
}

#[test]
fn what_does_not_end_is_stopped_and_what_had_come_is_kept() {
    let model = ModelServer::start();
    let world = world(&model);
    let mut served = Served::start(&world, &["--no-automations"]);
    model.answer(Answer::text("one two three").hold("one two"));
    let mut socket = served.socket();
    let begun = socket.send(json!({"id": 1, "type": "chat:send", "text": "count"})).until("chat:begin");
    model.wait_held(1);
    served.signal("TERM");
    // Asked twice it waits no longer.
    while let super::served::Came::Frame(frame) = socket.next() {
        if frame["type"] == "chat:delta" {
            served.signal("TERM");
        }
        if frame["type"] == "chat:end" {
            assert_eq!(frame["status"], "cancelled");
        }
    }
    served.child.wait().unwrap();
    let kept = world.run(&["--json", "sessions", "show", begun["session"].as_str().unwrap()]).ok();
    assert!(kept.contains("one two") && kept.contains("cancelled"), "{kept}");
}

#[test]
fn what_was_acknowledged_survives_a_kill_under_load() {
    let mut world = World::new();
    world.set("FAC_SERVE_LIMIT_USER", "0");
    let (mut key, acknowledged) = (None, Mutex::new(Vec::new()));
    let words = ["--json", "serve", "--listen", "127.0.0.1:0", "--no-automations"];
    for round in 1..=3 {
        let served = Served::spawn(world.command(&words), key.take());
        std::thread::scope(|scope| {
            for writer in 0..6 {
                let (served, acknowledged) = (&served, &acknowledged);
                scope.spawn(move || {
                    let body = json!({"title": format!("of writer {writer}")}).to_string();
                    // Until it is gone in the middle of something.
                    while let Ok(answer) = served.attempt_own("POST", "/api/v1/sessions", body.as_bytes()) {
                        assert_eq!(answer.status, 201, "{}", answer.body);
                        // A head without its body was no acknowledgement of this chat.
                        let Ok(made) = serde_json::from_str::<Value>(&answer.body) else { break };
                        acknowledged.lock().unwrap().push(made["id"].as_str().unwrap().to_string());
                    }
                });
            }
            eventually("writes are acknowledged", || acknowledged.lock().unwrap().len() > 100 * round);
            served.signal("KILL");
        });
        key = Some(served.key.clone());
    }
    let served = Served::spawn(world.command(&words), key);
    for id in acknowledged.into_inner().unwrap() {
        assert_eq!(served.own("GET", &format!("/api/v1/sessions/{id}"), b"").status, 200, "{id} is lost");
    }
    drop(served);
    world.run(&["events", "verify"]).ok();
}

#[test]
fn hup_reads_the_settings_again_and_wrong_ones_change_nothing() {
    let model = ModelServer::start();
    let mut world = world(&model);
    // It is asked as fast as it answers.
    world.set("FAC_SERVE_LIMIT_USER", "0");
    let served = Served::start(&world, &["--no-automations"]);
    let origin = [("origin", "https://app.example.org")];
    let bearer = format!("Bearer {}", served.key);
    let status = || {
        let headers = [("authorization", bearer.as_str()), origin[0]];
        served.ask("GET", "/api/v1/runs", &headers, b"").status
    };
    assert_eq!(status(), 403);
    let settings = std::fs::read_to_string(world.fac().join("config/config.toml")).unwrap();
    configure(&world, &format!("{settings}\n[serve]\norigins = [\"https://app.example.org\"]\n"));
    served.signal("HUP");
    eventually("the new settings hold", || status() == 200);
    configure(&world, "[serve\n");
    served.signal("HUP");
    let log = || std::fs::read_to_string(world.fac().join("state/fac.log")).unwrap_or_default();
    eventually("they were looked at", || log().contains("settings and certificate stay as they were"));
    let mut socket = served.socket();
    socket.until("hello");
    assert_eq!(status(), 200);
    // What is saved is taken up without a word, too.
    configure(&world, &settings);
    eventually("the settings of before hold again", || status() == 403);
    // So is how much the log is to say.
    let read_again = || log().matches("the settings were read again").count();
    eventually("the log says it", || read_again() == 2);
    let origins = "[serve]\norigins = [\"https://app.example.org\"]\n";
    configure(&world, &format!("{settings}\n{origins}[log]\nlevel = \"error\"\n"));
    eventually("the quiet settings hold", || status() == 200);
    configure(&world, &settings);
    eventually("the settings of before hold again", || status() == 403);
    eventually("the log says it", || read_again() == 3);
}

#[test]
fn a_request_that_panics_is_counted_and_takes_nobody_with_it() {
    let world = World::new();
    let served = Served::start(&world, &["--no-automations"]);
    assert_eq!(served.own("POST", "/debug/panic", b"").status, 500);
    assert_eq!(served.own("GET", "/api/v1/runs", b"").status, 200);
    assert!(served.figures().contains("\npanics_total 1\n"), "{}", served.figures());
}

#[test]
fn the_service_manager_hears_that_it_is_ready_lives_and_ends() {
    let world = World::new();
    let path = world.path("notify.sock");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager.set_read_timeout(Some(PATIENCE)).unwrap();
    let hear = |wanted: &str| loop {
        let mut bytes = [0; 256];
        let size = manager.recv(&mut bytes).unwrap();
        if String::from_utf8_lossy(&bytes[..size]).lines().any(|line| line == wanted) {
            return;
        }
    };
    let mut command = world.command(&["--json", "serve", "--listen", "127.0.0.1:0", "--no-automations"]);
    command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "400000");
    let mut served = Served::spawn(command, None);
    hear("READY=1");
    hear("WATCHDOG=1");
    served.signal("HUP");
    hear("RELOADING=1");
    hear("READY=1");
    served.signal("TERM");
    hear("STOPPING=1");
    assert!(served.child.wait().unwrap().success());
}

#[test]
fn its_unit_starts_it_as_it_was_asked_to_be() {
    let world = World::new();
    let unit = world.run(&["serve", "--print-systemd", "--listen", "127.0.0.1:4100", "--no-automations"]).ok();
    assert!(
        unit.contains(" serve --listen 127.0.0.1:4100 --no-automations\n") && unit.contains("Type=notify\n"),
        "{unit}"
    );
    // Where the machine has it, its own judge says whether it is sound.
    world.write("fac.service", &unit);
    if let Some(judge) = world.which("systemd-analyze") {
        let said = crate::support::world::finish(world.program(judge, &["verify", "./fac.service"]), b"");
        assert!(!said.stderr.contains("fac.service:"), "{}", said.stderr);
    }
}
