//! `fac events`: what happened, and whether somebody changed it.

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::world::World;

/// `fac events tail --follow` that goes on until it is asked to end.
struct Following(Child, Lines<BufReader<ChildStdout>>);

impl Following {
    fn start(world: &World, args: &[&str]) -> Following {
        let mut command = world.command(&[&["events", "tail", "--follow"], args].concat());
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Following(child, lines)
    }

    #[track_caller]
    fn line(&mut self) -> String {
        self.1.next().unwrap().unwrap()
    }

    /// The exit code after Ctrl-C, and what came until then.
    fn end(mut self) -> (Option<i32>, Vec<String>) {
        kill_process(Pid::from_child(&self.0), Signal::INT).unwrap();
        let rest = self.1.by_ref().map(Result::unwrap).collect();
        (self.0.wait().unwrap().code(), rest)
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

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
fn a_follower_is_told_what_happens_once_each_until_ctrl_c() {
    let world = lived();
    let mut following = Following::start(&world, &["run.finished", "-n", "1", "--json"]);
    let subject = |line: String| serde_json::from_str::<Value>(&line).unwrap()["subject"].clone();
    let mut seen = vec![subject(following.line())];
    for _ in 0..2 {
        world.run(&["hi"]).ok();
        seen.push(subject(following.line()));
    }
    let (code, rest) = following.end();
    assert_eq!((code, rest), (Some(130), Vec::new()));
    let runs: Value = serde_json::from_str(&world.run(&["runs", "ls", "--json"]).ok()).unwrap();
    let ids: Vec<Value> = (0..3).rev().map(|at| runs["runs"][at]["id"].clone()).collect();
    assert_eq!(seen, ids, "each once, oldest first, and none of another kind");
}

#[test]
fn a_follower_begins_where_it_is_told_to() {
    let world = lived();
    let lines = world.run(&["events", "tail", "--json"]).ok();
    let all: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let from = all[1]["position"].as_str().unwrap();
    let mut following = Following::start(&world, &["--after", from, "-n", "1"]);
    for event in &all[2..] {
        let line = following.line();
        assert!(line.contains(event["kind"].as_str().unwrap()), "{line}");
        let second = line.split_whitespace().nth(1).unwrap();
        assert_eq!(second.split(':').count(), 3, "{line}");
    }
    assert_eq!(following.end(), (Some(130), Vec::new()));
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
