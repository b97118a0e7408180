//! Runs from beginning to erasure.

use serde_json::json;

use super::support::*;
use crate::kernel::clock::Timestamp;
use crate::kernel::error::Kind;
use crate::kernel::ids::Id;
use crate::store::*;

fn ids(store: &Store, filter: &RunFilter) -> Vec<Id> {
    store.runs(filter, None, 100).unwrap().0.into_iter().map(|row| row.id).collect()
}

#[test]
fn a_run_is_there_before_and_after() {
    let world = World::new();
    let store = &world.store;
    let id = store.begin_run(&new_run("build")).unwrap();
    // Another handle sees it, so it is committed.
    let before = world.again(2).run(&id.to_string()).unwrap();
    assert_eq!((before.row.status, before.row.finished, before.row.exit_code), (Status::Running, None, None));
    assert_eq!(before.row.args, json!({"version": "1.2"}));
    assert_eq!(before.row.zone.as_deref(), Some("Europe/Berlin"));
    assert_eq!(
        (before.row.cwd.as_str(), before.row.digest.as_str(), before.row.trigger.as_str()),
        ("/home/me", "d1", "cli")
    );
    assert_eq!((before.row.trace, before.row.steps_planned, before.steps), (store.trace(), 1, vec![]));

    let mut end = ended(Status::Failed, "");
    end.steps[0].stdout =
        Captured { head: vec![0, 159, 146], tail: b"end".to_vec(), total: 70_000, spill: Some("o.txt".to_string()) };
    end.steps.push(StepRecord { n: 1, status: "skipped".to_string(), exit_code: None, ..end.steps[0].clone() });
    store.finish_run(id, &end).unwrap();
    let after = store.run(&id.to_string()).unwrap();
    assert_eq!((after.row.status, after.row.exit_code), (Status::Failed, Some(1)));
    assert_eq!(after.row.duration_us(), Some(1000));
    assert_eq!(after.steps, end.steps);
    assert!(after.steps[0].stdout.truncated() && !after.steps[0].stderr.truncated());
    assert_eq!(after.row.started.to_string(), "2026-01-02T03:04:05.000000Z");
    let kinds: Vec<String> = store.tail("*", 9).unwrap().into_iter().map(|e| e.kind).collect();
    assert_eq!(kinds, ["run.started", "run.finished"]);
    let payload = store.tail("run.finished", 1).unwrap().remove(0).payload.unwrap();
    assert_eq!(
        payload,
        json!({"command": "build", "status": "failed", "exit_code": 1, "duration_us": 1000, "trigger": "cli"})
    );
}

#[test]
fn a_waiting_run_begins_once_and_a_refused_one_never() {
    let world = World::new();
    let store = &world.store;
    let waiting = store.begin_run(&NewRun { status: Status::Pending, ..new_run("a") }).unwrap();
    store.start_run(waiting).unwrap();
    assert_eq!(store.start_run(waiting).unwrap_err().kind(), Kind::NotFound);
    assert_eq!(store.run(&waiting.to_string()).unwrap().row.status, Status::Running);
    let refused = store.begin_run(&NewRun { status: Status::Refused, ..new_run("a") }).unwrap();
    assert_eq!(store.run(&refused.to_string()).unwrap().row.duration_us(), Some(0));
}

#[test]
fn the_newest_runs_come_first_by_pages() {
    let world = World::new();
    let store = &world.store;
    let all: Vec<Id> = (0..7).map(|_| store.begin_run(&new_run("build")).unwrap()).collect();
    let mut seen = Vec::new();
    let mut cursor = None;
    loop {
        let (rows, next) = store.runs(&RunFilter::default(), cursor.as_deref(), 3).unwrap();
        seen.extend(rows.into_iter().map(|row| row.id));
        cursor = next;
        if cursor.is_none() {
            break;
        }
        // A run that begins between two pages moves nothing.
        store.begin_run(&new_run("late")).unwrap();
    }
    assert_eq!(seen, all.into_iter().rev().collect::<Vec<_>>());
    assert_eq!(store.runs(&RunFilter::default(), Some("7"), 3).unwrap_err().kind(), Kind::Usage);
}

#[test]
fn runs_are_filtered_by_command_status_and_time() {
    let world = World::new();
    let store = &world.store;
    let commands = ["build", "test", "build", "test"];
    let all: Vec<Id> = commands.iter().map(|command| store.begin_run(&new_run(command)).unwrap()).collect();
    store.finish_run(all[0], &ended(Status::Ok, "")).unwrap();
    store.finish_run(all[1], &ended(Status::Failed, "")).unwrap();
    let none = RunFilter::default();
    let build = RunFilter { command: Some("build".to_string()), ..none.clone() };
    assert_eq!(ids(store, &build), [all[2], all[0]]);
    assert_eq!(ids(store, &RunFilter { status: Some(Status::Failed), ..none.clone() }), [all[1]]);
    assert_eq!(ids(store, &RunFilter { status: Some(Status::Running), ..build }), [all[2]]);
    let started = |i: usize| store.run(&all[i].to_string()).unwrap().row.started;
    assert_eq!(ids(store, &RunFilter { since: Some(started(2)), ..none.clone() }), [all[3], all[2]]);
    assert_eq!(ids(store, &RunFilter { until: Some(started(2)), ..none.clone() }), [all[1], all[0]]);
    let half = RunFilter { since: Some(started(1).plus_micros(1)), until: Some(started(2).plus_micros(1)), ..none };
    assert_eq!(ids(store, &half), [all[2]]);
}

#[test]
fn a_run_is_found_by_the_beginning_or_the_end_of_its_id() {
    let world = World::new();
    let store = &world.store;
    let (first, second) = (store.begin_run(&new_run("a")).unwrap(), store.begin_run(&new_run("a")).unwrap());
    assert_eq!(store.resolve_run(&first.to_string().to_uppercase()).unwrap(), first);
    assert_eq!(store.resolve_run(&first.tail()).unwrap(), first);
    assert_eq!(store.resolve_run(&second.to_string()[..18]).unwrap(), second);
    let several = store.resolve_run(&first.to_string()[..8]).unwrap_err();
    assert_eq!(several.kind(), Kind::Usage);
    assert!(several.way_forward().unwrap().contains(&second.to_string()));
    for wrong in ["", "01", "%%%%", "ffffffff", "nonsense"] {
        assert_eq!(store.resolve_run(wrong).unwrap_err().kind(), Kind::NotFound, "{wrong}");
    }
}

#[test]
fn runs_of_dead_processes_become_lost() {
    let world = World::new();
    let store = &world.store;
    let with = |pid: u32| NewRun { process: Some(Process { pid, start: 7, boot: "b".to_string() }), ..new_run("a") };
    let alive = store.begin_run(&with(1)).unwrap();
    let dead = store.begin_run(&with(2)).unwrap();
    let waiting = store.begin_run(&NewRun { status: Status::Pending, ..with(2) }).unwrap();
    let over = store.begin_run(&with(2)).unwrap();
    store.finish_run(over, &ended(Status::Ok, "")).unwrap();
    let nobodys = store.begin_run(&NewRun { process: None, ..new_run("a") }).unwrap();

    let events = store.counts().unwrap().events;
    assert_eq!(store.mark_lost(&|_| true).unwrap(), []);
    assert_eq!(store.counts().unwrap().events, events);
    assert_eq!(store.mark_lost(&|process| process.pid == 1).unwrap(), [dead, waiting]);
    let status = |id: Id| store.run(&id.to_string()).unwrap().row.status;
    assert_eq!(
        [alive, dead, waiting, over, nobodys].map(status).map(Status::name),
        ["running", "lost", "lost", "ok", "running"]
    );
    assert_eq!(store.mark_lost(&|process| process.pid == 1).unwrap(), []);
    assert_eq!(store.tail("run.finished", 1).unwrap()[0].payload.as_ref().unwrap()["status"], "lost");
}

#[test]
fn what_is_erased_is_nowhere_in_the_file() {
    const CANARY: &str = "canary-7f3a";
    let world = World::new();
    let store = &world.store;
    let kept = store.begin_run(&new_run("kept")).unwrap();
    let run = store.begin_run(&NewRun { args: json!({"word": CANARY}), ..new_run("gone") }).unwrap();
    let mut end = ended(Status::Ok, CANARY);
    end.steps[0].stderr.spill = Some("full.txt".to_string());
    store.finish_run(run, &end).unwrap();
    let bytes = |name: &str| std::fs::read(world.path().with_file_name(name)).unwrap_or_default();
    let holds = |name: &str| bytes(name).windows(CANARY.len()).any(|part| part == CANARY.as_bytes());
    assert!(holds("store.db") || holds("store.db-wal"));

    let removed = store.remove_runs(&[run, run]).unwrap();
    assert_eq!(removed, Removed { runs: vec![run], spill_files: vec!["full.txt".to_string()] });
    assert!(!holds("store.db") && !holds("store.db-wal"));
    assert_eq!(store.run(&run.to_string()).unwrap_err().kind(), Kind::NotFound);
    assert_eq!(store.finish_run(run, &end).unwrap_err().kind(), Kind::NotFound);
    let erased: Vec<bool> = store.events(None, "*", 9).unwrap().iter().map(|e| e.payload.is_none()).collect();
    assert_eq!(erased, [false, true, true, false]);
    let verified = store.verify().unwrap();
    assert_eq!((verified.events, verified.erased, verified.fault), (4, 2, None));
    assert_eq!(ids(store, &RunFilter::default()), [kept]);
}

#[test]
fn pruning_spares_the_young_the_last_and_the_unfinished() {
    let world = World::new();
    let store = &world.store;
    let all: Vec<Id> = (0..6).map(|_| store.begin_run(&new_run("a")).unwrap()).collect();
    for id in all.iter().skip(1) {
        store.finish_run(*id, &ended(Status::Ok, "")).unwrap();
    }
    let old: Timestamp = "2030-01-01T00:00:00Z".parse().unwrap();
    assert_eq!(store.prune_runs(old, 4).unwrap().runs, [all[1]]);
    let third = store.run(&all[3].to_string()).unwrap().row.started;
    assert_eq!(store.prune_runs(third, 0).unwrap().runs, [all[2]]);
    assert_eq!(store.prune_runs(third, 0).unwrap(), Removed::default());
    assert_eq!(ids(store, &RunFilter::default()), [all[5], all[4], all[3], all[0]]);
    assert_eq!(store.verify().unwrap().fault, None);
}
