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
fn who_looks_is_shown_what_has_begun_whoever_began_it() {
    let looks: [fn(&Store) -> usize; 4] = [
        |store| store.jobs(&JobFilter::default(), None, 9).unwrap().len(),
        |store| store.job_counts().unwrap().len(),
        |store| store.firings(None, None, 9).unwrap().len(),
        |store| store.runs(&RunFilter::default(), None, 9).unwrap().0.len(),
    ];
    for look in looks {
        let world = World::new();
        begin(&world.store, &new_firing("a", Some("m1")), foreseen(&world.store));
        assert_eq!((rows(&world, "jobs"), look(&world.again(3))), (0, 1));
    }
    let world = World::new();
    let fired = begin(&world.store, &new_firing("a", Some("m1")), foreseen(&world.store));
    let other = world.again(3);
    assert_eq!(other.firing(&fired.id.to_string()).unwrap().job, fired.job.as_ref().map(|job| job.id));
    let fired = begin(&world.store, &new_firing("b", Some("m2")), foreseen(&world.store)).job.unwrap();
    assert_eq!(other.job(&fired.id.to_string()).unwrap(), fired);
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
    let recovered = next.recover_jobs(&next.lost_jobs(&|_| false).unwrap(), &|_, lost| lost.then_some(now)).unwrap();
    assert_eq!(recovered, [Recovery { id: fired.job.unwrap().id, status: JobStatus::Waiting }]);
    assert_eq!(next.mark_lost(&|_| false).unwrap(), [fired.run.unwrap()]);
    assert_eq!(next.take_job(now, &process(2)).unwrap().map(|job| (job.epoch, job.lost)), Some((2, 1)));
}

/// The texts of a row as programs before wrote them: one that was killed may leave it to a newer one.
const OF_OLD: [&str; 3] = [
    r#"{"key":{"source":"user:/c","command":"a"},"digest":"d1","kind":"mqtt","nr":0,"told":"m0","depth":0,"data":{"topic":"home/door"},"seen":[["trigger.topic","home/door"]],"work":{"fired":{"topic":"home/door"}},"most":2,"lane":"a"}"#,
    r#"{"command":"a","source":"user:/c","digest":"d1","trigger":"mqtt","args":{},"cwd":"/","zone":null,"process":null,"steps_planned":1,"status":"Running","job":null}"#,
    r#"{"pid":1,"start":7,"boot":"b"}"#,
];

/// Puts these texts into the row that stands there.
fn overwrite(world: &World, [what, record, process]: [&str; 3]) {
    let sql = "UPDATE begun SET what = ?1, record = ?2, process = ?3 WHERE unread IS NULL";
    assert_eq!(world.raw().execute(sql, [what, record, process]).unwrap(), 1);
}

#[test]
fn what_an_older_program_wrote_is_read() {
    let world = World::new();
    let store = &world.store;
    let fired = begin(store, &new_firing("a", Some("m1")), foreseen(store));
    overwrite(&world, OF_OLD);
    store.write_out().unwrap();
    let told = begin(store, &new_firing("a", Some("m0")), None);
    assert_eq!((told.outcome, told.id), (None, fired.id));
    let job = store.job(&fired.job.unwrap().id.to_string()).unwrap();
    assert_eq!((job.lane.as_deref(), job.most, job.process), (Some("a"), 2, Some(process(1))));
    assert_eq!(store.run(&fired.run.unwrap().to_string()).unwrap().row.trigger, "mqtt");
}

#[test]
fn what_cannot_be_read_keeps_nobody_from_anything_and_is_told() {
    let world = World::new();
    let store = &world.store;
    let lost = begin(store, &new_firing("a", Some("m1")), foreseen(store));
    overwrite(&world, ["{\"key\":", OF_OLD[1], OF_OLD[2]]);
    let fired = begin(store, &new_firing("a", Some("m2")), foreseen(store));
    store.write_out().unwrap();
    assert_eq!((rows(&world, "begun"), rows(&world, "jobs")), (1, 1));
    assert_eq!(store.firing(&fired.id.to_string()).unwrap().outcome, FiringOutcome::Fired);
    let said = store.integrity_check().unwrap();
    assert!(said.len() == 1 && said[0].contains(&lost.id.to_string()), "{said:?}");
    assert_eq!(store.verify().unwrap().fault, None);
}

#[test]
fn the_end_of_a_run_is_written_with_that_of_its_job() {
    let world = World::new();
    let store = &world.store;
    let status = |run: Id| store.run(&run.to_string()).unwrap().row.status;
    let fired = begin(store, &new_firing("a", None), foreseen(store));
    let (job, run) = (fired.job.unwrap(), fired.run.unwrap());
    let end = ended(Status::Ok, "words");
    assert_eq!(store.end_job_and_run(job.id, 1, run, &end, &JobEnd::Done).unwrap(), Some(JobStatus::Done));
    assert_eq!(status(run), Status::Ok);
    let job = store.job(&job.id.to_string()).unwrap();
    assert_eq!((job.run, job.exit_code, job.finished.is_some()), (Some(run), Some(0), true));
    // Somebody else has the job by now: what was done here was done.
    let fired = begin(store, &new_firing("b", None), foreseen(store));
    let (job, run) = (fired.job.unwrap(), fired.run.unwrap());
    assert_eq!(store.end_job_and_run(job.id, 7, run, &end, &JobEnd::Done).unwrap(), None);
    assert_eq!((status(run), store.job(&job.id.to_string()).unwrap().status), (Status::Ok, JobStatus::Running));
    // The run was removed: the job is over all the same.
    store.remove_runs(&[run]).unwrap();
    assert_eq!(store.end_job_and_run(job.id, 1, run, &end, &JobEnd::Done).unwrap(), Some(JobStatus::Done));
}
