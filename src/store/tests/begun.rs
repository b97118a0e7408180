//! Work that begins with its firing: one row first, all its rows with the next change, whoever makes that.

use serde_json::json;

use super::support::*;
use super::work::{key, new_firing, process};
use crate::kernel::events::Event;
use crate::kernel::ids::Id;
use crate::store::*;

fn foreseen(store: &Store) -> Option<Foreseen> {
    let record = NewRun { process: None, ..new_run("a") };
    Some(Foreseen { record, version: store.allowed_version().unwrap() })
}

/// Fires with what was foreseen by `version`.
fn begin(store: &Store, firing: &NewFiring, foreseen: Option<Foreseen>) -> Fired {
    let mut admit = |_, _, _: &[OpenJob]| Admission::Begin;
    let firing = std::slice::from_ref(firing);
    store.fire(firing, &[foreseen], &process(1), &Along::default(), &mut admit).unwrap().remove(0)
}

fn rows(world: &World, table: &str) -> i64 {
    world.raw().query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
}

#[test]
fn one_row_is_written_first_and_the_next_change_writes_the_same_as_ever() {
    let world = World::new();
    let store = &world.store;
    let fired = begin(store, &new_firing("a", Some("m1")), foreseen(store));
    let (job, run) = (fired.job.clone().unwrap(), fired.run.unwrap());
    assert_eq!(
        (rows(&world, "begun"), rows(&world, "jobs"), rows(&world, "firings"), rows(&world, "events")),
        (1, 0, 0, 0)
    );
    // Any change of anybody writes it out: of another owner's, of a user's too, and it stays whose it is.
    let bob = world.again(3).acting(Some(Id::floor(store.now())), true);
    bob.append(&Event::new("store.changed", "x", json!({}))).unwrap();
    assert_eq!((rows(&world, "begun"), rows(&world, "jobs"), rows(&world, "firings")), (0, 1, 1));
    assert_eq!(store.job(&job.id.to_string()).unwrap(), job, "what was given back is what is written");
    let firing = store.firing(&fired.id.to_string()).unwrap();
    assert_eq!((firing.job, firing.trace, firing.outcome), (Some(job.id), job.trace, FiringOutcome::Fired));
    assert_eq!((firing.at, firing.seen.len(), firing.key), (job.created, 1, key("a")));
    let written = store.run(&run.to_string()).unwrap().row;
    assert_eq!((written.trace, written.status, written.owner), (job.trace, Status::Running, None));
    assert_eq!((written.started, written.trigger.as_str()), (job.created, "cli"));
    let told: Vec<String> = store.events(None, "*", 99).unwrap().into_iter().map(|event| event.kind).collect();
    assert_eq!(told, ["job.added", "job.begun", "automation.fired", "run.started", "store.changed"]);
    // The rest of its life is that of any other.
    store.finish_run_of_job(run, &ended(Status::Ok, "")).unwrap();
    assert_eq!(store.end_job(job.id, 1, Some(run), Some(0), &JobEnd::Done).unwrap(), Some(JobStatus::Done));
    store.write_out().unwrap();
    assert_eq!((rows(&world, "jobs"), rows(&world, "runs"), rows(&world, "firings")), (1, 1, 1));
}

#[test]
fn what_has_begun_counts_before_it_is_written_out() {
    let world = World::new();
    let store = &world.store;
    let first = begin(store, &new_firing("a", Some("m1")), foreseen(store));
    // Told twice it fires once, and its automation is busy, for this process and for others.
    let other = world.again(2);
    let again = begin(&other, &new_firing("a", Some("m1")), foreseen(&other));
    assert_eq!((again.outcome, again.id, again.run), (None, first.id, None));
    let second = begin(store, &new_firing("a", Some("m2")), foreseen(store));
    let mut open = Vec::new();
    let mut admit = |_, _, jobs: &[OpenJob]| {
        open = jobs.iter().map(|job| (job.id, job.running)).collect();
        Admission::Wait
    };
    other.fire(&[new_firing("a", Some("m3"))], &[], &process(2), &Along::default(), &mut admit).unwrap();
    let ids = [first, second].map(|fired| (fired.job.unwrap().id, true));
    assert_eq!(open, ids);
    // Its lane is taken.
    begin(store, &new_firing("b", None), foreseen(store));
    other.fire(&[new_firing("b", None)], &[], &process(2), &Along::default(), &mut |_, _, _| Admission::Wait).unwrap();
    let later = store.now().plus_micros(1_000_000_000);
    assert_eq!(other.take_job(later, &process(2)).unwrap(), None);
}

#[test]
fn of_several_that_come_together_each_counts_for_the_next() {
    let world = World::new();
    let store = &world.store;
    let firings = [new_firing("a", Some("m1")), new_firing("a", Some("m1")), new_firing("a", Some("m2"))];
    let mut open = Vec::new();
    let mut admit = |_, _, jobs: &[OpenJob]| {
        open.push(jobs.len());
        Admission::Begin
    };
    let runs: Vec<_> = firings.iter().map(|_| foreseen(store)).collect();
    let fired = store.fire(&firings, &runs, &process(1), &Along::default(), &mut admit).unwrap();
    assert_eq!(open, [0, 1]);
    assert_eq!((fired[1].outcome, fired[1].id), (None, fired[0].id));
    assert_eq!((rows(&world, "begun"), rows(&world, "jobs")), (1, 1), "only the last waits to be written out");
}

#[test]
fn what_was_foreseen_counts_for_nothing_once_anything_behind_it_has_changed() {
    let world = World::new();
    let store = &world.store;
    let grant = |digest: &str| NewGrant {
        source: "user:/c".into(),
        command: "a".into(),
        digest: digest.into(),
        how: "asked".into(),
        text: String::new(),
    };
    let changes: [&dyn Fn(); 3] =
        [&|| store.grant(&[grant("d1")]).unwrap(), &|| assert_eq!(store.revoke(None, Some("a")).unwrap(), 1), &|| {
            drop(store.add_source(&new_source("kit")).unwrap())
        }];
    for change in changes {
        let before = foreseen(store);
        change();
        let fired = begin(store, &new_firing("a", None), before);
        assert_eq!((fired.run, rows(&world, "begun")), (None, 0));
        assert_eq!(fired.job.unwrap().status, JobStatus::Running, "it begins as any other");
        assert!(begin(store, &new_firing("a", None), foreseen(store)).run.is_some());
    }
}

#[test]
fn what_a_process_that_is_gone_has_begun_is_done_again_and_its_run_is_lost() {
    let world = World::new();
    let fired = begin(&world.store, &new_firing("a", Some("m1")), foreseen(&world.store));
    // Nothing else was written: the process was killed in that moment.
    let next = world.again(2);
    let now = next.now().plus_micros(1_000_000_000);
    assert_eq!(next.mark_lost(&|_| true).unwrap(), [], "it may still live");
    assert_eq!(rows(&world, "begun"), 0);
    let recovered = next.recover_jobs(&|_| false, &|_, lost| lost.then_some(now)).unwrap();
    assert_eq!(recovered, [Recovery { id: fired.job.unwrap().id, status: JobStatus::Waiting }]);
    assert_eq!(next.mark_lost(&|_| false).unwrap(), [fired.run.unwrap()]);
    assert_eq!(next.take_job(now, &process(2)).unwrap().map(|job| (job.epoch, job.lost)), Some((2, 1)));
}
