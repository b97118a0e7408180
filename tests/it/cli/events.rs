//! `fac events`: what happened, and whether somebody changed it.

use serde_json::Value;

use crate::support::world::World;

fn lived() -> World {
    let world = World::new();
    world.run(&["commands", "new", "hi", "--script", "echo hi"]).ok();
    for _ in 0..3 {
        world.run(&["hi"]).ok();
    }
    world
}

#[test]
fn tail_tells_what_happened_in_order() {
    let world = lived();
    let lines = world.run(&["events", "tail", "--json"]).ok();
    let events: Vec<Value> = lines.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let kinds: Vec<&str> = events.iter().map(|e| e["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds[0], "source.added");
    assert_eq!(kinds.iter().filter(|k| k.starts_with("run.")).count(), 6, "{kinds:?}");
    let positions: Vec<&str> = events.iter().map(|e| e["position"].as_str().unwrap()).collect();
    assert!(positions.iter().map(|p| p.parse::<u64>().unwrap()).is_sorted(), "{positions:?}");
    let rest = world.run(&["events", "tail", "--json", "--after", positions[1]]).ok();
    assert_eq!(rest.lines().count(), events.len() - 2);
    assert_eq!(world.run(&["events", "tail", "run.*", "-n", "2"]).ok().lines().count(), 2);
    assert_eq!(world.run(&["events", "tail", "--after", "here"]).code, 2);
}

#[test]
fn verify_holds_and_names_the_place_where_somebody_changed_it() {
    let world = lived();
    let said = world.run(&["events", "verify"]).ok();
    assert!(said.ends_with("events, the chain holds\n"), "{said}");
    let total: i64 = said.split(' ').rev().nth(4).unwrap().parse().unwrap();
    let database = rusqlite::Connection::open(world.fac().join("data/store.db")).unwrap();
    let at: i64 =
        database.query_row("SELECT position FROM events ORDER BY position LIMIT 1 OFFSET 3", [], |r| r.get(0)).unwrap();
    database.execute("UPDATE events SET kind = 'run.forged' WHERE position = ?1", [at]).unwrap();
    drop(database);
    let said = world.run(&["events", "verify"]).failed(6);
    assert!(said.starts_with("error: the log is broken at event "), "{said}");
    let out = world.run(&["events", "verify", "--json"]);
    assert_eq!(out.code, 6);
    let value: Value = serde_json::from_str(&out.stdout).unwrap();
    assert_eq!(value["verify"]["ok"], false);
    assert!(value["verify"]["position"].as_str().unwrap().contains(&at.to_string()), "{value} {at}");
    assert!(total > 4);
}

#[test]
fn a_changed_payload_and_a_missing_event_are_found_too() {
    for change in [
        "UPDATE event_payloads SET payload = '{\"name\":\"other\"}' WHERE rowid = 2",
        "DELETE FROM events WHERE position = (SELECT position FROM events ORDER BY position LIMIT 1 OFFSET 2)",
    ] {
        let world = lived();
        let database = rusqlite::Connection::open(world.fac().join("data/store.db")).unwrap();
        database.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
        database.execute(change, []).unwrap();
        drop(database);
        assert!(world.run(&["events", "verify"]).failed(6).contains("broken at event"), "{change}");
    }
}

#[test]
fn a_row_that_was_edited_by_hand_is_named_with_its_column() {
    let world = lived();
    let out = world.run(&["events", "verify"]);
    assert!(out.stdout.contains(" rows are as told by ") && out.stderr.is_empty(), "{out:?}");
    let database = rusqlite::Connection::open(world.fac().join("data/store.db")).unwrap();
    let id: String = database.query_row("SELECT id FROM runs ORDER BY id LIMIT 1", [], |r| r.get(0)).unwrap();
    database.execute("UPDATE runs SET exit_code = 77 WHERE id = ?1", [&id]).unwrap();
    drop(database);
    let said = world.run(&["events", "verify"]).failed(6);
    assert!(said.starts_with("error: one row is not as the log tells it:\n  the row "), "{said}");
    assert!(said.contains(&format!("the row {id} of runs is not as event ")), "{said}");
    assert!(said.contains(": its exit_code differs\n"), "{said}");
    let out = world.run(&["events", "verify", "--json"]);
    assert_eq!(out.code, 6);
    let value: Value = serde_json::from_str(&out.stdout).unwrap();
    assert_eq!((&value["verify"]["ok"], &value["verify"]["differ"]), (&Value::from(false), &Value::from(1)));
    assert!(world.run(&["doctor"]).stdout.contains("one row is not as the log tells it: the row "), "doctor");
}
