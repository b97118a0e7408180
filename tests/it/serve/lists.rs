//! Lists: pages while others write, chosen fields, entity tags, compression.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use factotum::kernel::clock::Clock;
use factotum::kernel::ids::Ids;
use factotum::store::{NewRun, NewSession, RunEnd, Status, Store};
use serde_json::{Value, json};

use super::{Asker, uncounted};
use crate::support::serving::Serving;
use crate::support::world::World;

fn store(world: &World) -> Store {
    Store::open(&world.fac().join("data/store.db"), Clock::system(), Ids::random()).unwrap()
}

fn ran(store: &Store, n: usize) -> String {
    let id = store
        .begin_run(&NewRun {
            command: format!("command {}", n % 7),
            source: "own".into(),
            digest: "d".into(),
            trigger: "manual".into(),
            args: json!({"values": {}, "rest": []}),
            cwd: "/".into(),
            process: None,
            zone: None,
            steps_planned: 0,
            status: Status::Running,
            job: None,
        })
        .unwrap();
    store.finish_run(id, &RunEnd { status: Status::Ok, exit_code: Some(0), steps: Vec::new() }).unwrap();
    id.to_string()
}

/// Every item of a list, page by page.
fn walked(asker: &Asker<'_>, list: &str, limit: usize, field: &str) -> HashMap<String, usize> {
    let mut seen = HashMap::new();
    let mut target = format!("{list}?limit={limit}&fields={field}");
    loop {
        let page: Value = asker.get(&target).is(200).json();
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= limit);
        for item in items {
            assert_eq!(item.as_object().unwrap().len(), 1, "{item}");
            *seen.entry(item[field].as_str().unwrap().to_string()).or_default() += 1;
        }
        let Some(next) = page["next"].as_str() else { return seen };
        let next: String = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
        target = format!("{list}?limit={limit}&fields={field}&after={next}");
    }
}

#[test]
fn a_walk_over_a_thousand_rows_misses_none_and_doubles_none_while_others_write() {
    let world = uncounted(World::new());
    let server = Serving::start(&world, &[]);
    let owner = Asker::owner(&server);
    let store = store(&world);
    let runs: Vec<String> = (0..1000).map(|n| ran(&store, n)).collect();
    let begin =
        |n: usize| store.begin_session(&NewSession { title: Some(format!("chat {n}")), ..NewSession::default() });
    let sessions: Vec<String> = (0..300).map(|n| begin(n).unwrap().id.to_string()).collect();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let other = self::store(&world);
        let over = &over;
        scope.spawn(move || {
            let mut n = 0;
            while !over.load(Ordering::SeqCst) {
                ran(&other, n);
                n += 1;
            }
        });
        let seen = walked(&owner, "/api/v1/runs", 50, "id");
        let chats = walked(&owner, "/api/v1/sessions", 40, "id");
        over.store(true, Ordering::SeqCst);
        assert!(seen.values().all(|times| *times == 1));
        assert!(runs.iter().all(|id| seen.contains_key(id)));
        assert!(chats.values().all(|times| *times == 1));
        assert!(sessions.iter().all(|id| chats.contains_key(id)));
    });
}

#[test]
fn fields_are_chosen_and_what_is_known_is_not_sent_again() {
    let world = uncounted(World::new());
    let server = Serving::start(&world, &[]);
    let owner = Asker::owner(&server);
    let wrong = owner.get("/api/v1/commands?q=nothing-like-this&fields=name,nmae").is(422).json();
    assert_eq!(wrong["errors"][0]["detail"], "answers have no field `nmae`", "{wrong}");
    assert!(wrong["hint"].as_str().unwrap().contains("name, "), "{wrong}");
    let commands = owner.get("/api/v1/commands?limit=3&fields=name,origin.path").is(200).json();
    for command in commands["items"].as_array().unwrap() {
        let keys: Vec<&String> = command.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["name", "origin"]);
        assert_eq!(command["origin"].as_object().unwrap().len(), 1);
    }
    assert!(commands["next"].is_string());
    let first = owner.get("/api/v1/triggers").is(200);
    let tag = first.header("etag").unwrap().to_string();
    let bearer = format!("Bearer {}", owner.key);
    let again = server.ask("GET", "/api/v1/triggers", &[("Authorization", &bearer), ("If-None-Match", &tag)], "");
    assert_eq!((again.status, again.text.as_str()), (304, ""));
    let packed = server.ask("GET", "/api/v1/triggers", &[("Authorization", &bearer), ("Accept-Encoding", "br")], "");
    assert_eq!(packed.header("content-encoding"), Some("br"));
    let small = server.ask("GET", "/livez", &[("Accept-Encoding", "br")], "");
    assert_eq!(small.header("content-encoding"), None);
}

#[test]
fn what_the_command_line_prints_is_what_the_api_answers() {
    let world = uncounted(World::new());
    let server = Serving::start(&world, &[]);
    let owner = Asker::owner(&server);
    for (args, list, target) in [
        (&["source", "ls", "--json"][..], "sources", "/api/v1/sources"),
        (&["commands", "ls", "--json", "--limit", "20"][..], "commands", "/api/v1/commands?limit=20"),
        (&["auto", "ls", "--json"][..], "automations", "/api/v1/automations"),
        (&["auto", "triggers", "--json"][..], "triggers", "/api/v1/triggers"),
        (&["plugin", "ls", "--json"][..], "plugins", "/api/v1/plugins"),
        (&["usage", "--json"][..], "usage", "/api/v1/usage"),
    ] {
        let printed: Value = serde_json::from_str(&world.run(args).ok()).unwrap();
        assert_eq!(printed[list], owner.get(target).is(200).json()["items"], "{target}");
    }
}
