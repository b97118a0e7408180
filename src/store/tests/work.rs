//! Work that is owed: claimed once, ended by who took it last, taken over from processes that are gone.

use serde_json::json;

use super::support::*;
use crate::kernel::clock::Timestamp;
use crate::store::*;

pub(super) fn key(name: &str) -> RuleKey {
    RuleKey { source: "user:/c".into(), command: name.into() }
}

pub(super) fn new_firing(name: &str, told: Option<&str>) -> NewFiring {
    NewFiring {
        key: key(name),
        digest: "d1".into(),
        kind: "mqtt".into(),
        nr: 0,
        told: told.map(String::from),
        depth: 0,
        held: None,
        data: json!({"topic": "home/door"}),
        seen: vec![("trigger.topic".into(), json!("home/door"))],
        work: json!({"fired": {"topic": "home/door"}}),
        most: 2,
        lane: Some(name.into()),
    }
}

pub(super) fn process(pid: u32) -> Process {
    Process { pid, start: 7, boot: "b".into() }
}

fn fire(store: &Store, firing: &NewFiring, admission: Admission) -> Fired {
    let mut admit = |_, _, _: &[OpenJob]| admission.clone();
    store.fire(std::slice::from_ref(firing), &[], &process(1), &Along::default(), &mut admit).unwrap().remove(0)
}

#[test]
fn what_is_told_twice_fires_once() {
    let world = World::new();
    let first = fire(&world.store, &new_firing("a", Some("slot:1")), Admission::Wait);
    let job = first.job.unwrap();
    let again = fire(&world.again(2), &new_firing("a", Some("slot:1")), Admission::Wait);
    assert_eq!((again.outcome, again.id, again.job), (None, first.id, None));
    assert_eq!(
        fire(&world.store, &new_firing("b", Some("slot:1")), Admission::Wait).outcome,
        Some(FiringOutcome::Fired)
    );
    assert_eq!(world.store.jobs(&JobFilter::default(), None, 10).unwrap().len(), 2);
    assert_eq!(world.store.firing(&first.id.to_string()).unwrap().job, Some(job.id));
    assert_eq!(world.store.depth_of(job.trace).unwrap(), Some(0));
}

#[test]
fn a_timer_that_somebody_else_ended_or_prolonged_does_not_fire() {
    let world = World::new();
    let store = &world.store;
    let (since, due) = (store.now(), store.now().plus_micros(-1));
    let hold = |due| Hold {
        key: key("a"),
        nr: 0,
        subject: "s".into(),
        digest: "d1".into(),
        why: "for".into(),
        kind: "mqtt".into(),
        data: json!({}),
        told: None,
        depth: 0,
        since,
        due,
    };
    let keep = |due| store.keep_along(&Along { holds: vec![hold(due)], ..Along::default() }).unwrap();
    let firing = NewFiring { held: Some(("s".into(), since)), ..new_firing("a", None) };
    let over = Along { over: vec![(key("a"), 0, "s".into())], ..Along::default() };
    let fire = || {
        let mut admit = |_, _, _: &[OpenJob]| Admission::Wait;
        store.fire(std::slice::from_ref(&firing), &[], &process(1), &over, &mut admit).unwrap().remove(0).outcome
    };
    assert_eq!(fire(), None, "it was released");
    let later = store.now().plus_micros(60_000_000);
    keep(later);
    assert_eq!((fire(), store.holds().unwrap().len()), (None, 1), "it was prolonged, and goes on");
    keep(due);
    assert_eq!((fire(), store.holds().unwrap().len()), (Some(FiringOutcome::Fired), 0));
}

#[test]
fn a_job_is_taken_once_and_ended_by_who_took_it_last() {
    let world = World::new();
    let store = &world.store;
    let job = fire(store, &new_firing("a", None), Admission::Wait).job.unwrap();
    let now = store.now().plus_micros(1_000_000_000);
    let taken = store.take_job(now, &process(1)).unwrap().unwrap();
    assert_eq!((taken.id, taken.status, taken.tries, taken.epoch), (job.id, JobStatus::Running, 1, 1));
    assert_eq!(store.take_job(now, &process(2)).unwrap(), None);
    // Its process is gone; another takes it, and the first one, which was only asleep, says too late that it is done.
    let again = |job: &Job, lost: bool| (lost && job.lost < 2).then_some(job.due);
    let recovered = store.recover_jobs(&store.lost_jobs(&|p| p.pid != 1).unwrap(), &again).unwrap();
    assert_eq!(recovered, [Recovery { id: job.id, status: JobStatus::Waiting }]);
    let second = store.take_job(now, &process(2)).unwrap().unwrap();
    assert_eq!((second.epoch, second.tries, second.lost), (2, 1, 1));
    assert_eq!(store.end_job(job.id, 1, None, Some(0), &JobEnd::Done).unwrap(), None);
    assert_eq!(store.end_job(job.id, 2, None, Some(0), &JobEnd::Done).unwrap(), Some(JobStatus::Done));
    assert_eq!(store.end_job(job.id, 2, None, Some(0), &JobEnd::Done).unwrap(), None);
    let kinds: Vec<String> = store.tail("job.*", 10).unwrap().into_iter().map(|event| event.kind).collect();
    assert_eq!(kinds, ["job.added", "job.begun", "job.failed", "job.begun", "job.done"]);
    assert!(store.tail("job.*", 10).unwrap().iter().all(|event| event.trace == job.trace));
}

#[test]
fn a_run_that_ended_counts_although_nobody_said_so_of_its_job() {
    let world = World::new();
    let store = &world.store;
    let now = store.now().plus_micros(1_000_000_000);
    for (status, want) in [(Status::Ok, JobStatus::Done), (Status::Failed, JobStatus::Dead)] {
        let job = fire(store, &new_firing("a", None), Admission::Begin).job.unwrap();
        let run = store.begin_run(&NewRun { job: Some((job.id, job.epoch)), ..new_run("a") }).unwrap();
        store.finish_run(run, &ended(status, "")).unwrap();
        let recovered =
            store.recover_jobs(&store.lost_jobs(&|_| false).unwrap(), &|_, lost| lost.then_some(now)).unwrap();
        assert_eq!(recovered, [Recovery { id: job.id, status: want }]);
        assert_eq!(store.job(&job.id.to_string()).unwrap().run, Some(run));
    }
    // The run of an earlier try says nothing of this one.
    let job = fire(store, &new_firing("a", None), Admission::Begin).job.unwrap();
    let run = store.begin_run(&NewRun { job: Some((job.id, job.epoch)), ..new_run("a") }).unwrap();
    store.finish_run(run, &ended(Status::Failed, "")).unwrap();
    store
        .end_job(job.id, job.epoch, Some(run), Some(1), &JobEnd::Failed { error: "x".into(), again: Some(now) })
        .unwrap();
    store.take_job(now, &process(1)).unwrap().unwrap();
    let recovered = store.recover_jobs(&store.lost_jobs(&|_| false).unwrap(), &|_, lost| lost.then_some(now)).unwrap();
    assert_eq!(recovered, [Recovery { id: job.id, status: JobStatus::Waiting }]);
}

#[test]
fn one_lane_is_done_one_after_another_and_the_due_ones_first() {
    let world = World::new();
    let store = &world.store;
    let now = store.now().plus_micros(1_000_000_000);
    let first = fire(store, &new_firing("a", None), Admission::Wait).job.unwrap();
    let second = fire(store, &new_firing("a", None), Admission::Wait).job.unwrap();
    let other = fire(store, &new_firing("b", None), Admission::Wait).job.unwrap();
    let take = || store.take_job(now, &process(1)).unwrap().map(|job| job.id);
    assert_eq!((take(), take(), take()), (Some(first.id), Some(other.id), None));
    store.end_job(first.id, 1, None, None, &JobEnd::Done).unwrap();
    assert_eq!(store.take_job(now, &process(1)).unwrap().map(|job| job.id), Some(second.id));
    let later = NewJob { due: Some(now.plus_micros(5)), unique: Some("k".into()), ..new_job() };
    let added = store.add_job(&later).unwrap();
    assert_eq!(store.add_job(&later).unwrap().id, added.id, "owed once");
    assert_eq!(store.take_job(now, &process(1)).unwrap(), None);
    assert_eq!(store.next_job_due().unwrap(), Some(now.plus_micros(5)));
    let high = store.add_job(&NewJob { priority: 1, ..new_job() }).unwrap();
    assert_eq!(store.take_job(now.plus_micros(5), &process(1)).unwrap().map(|job| job.id), Some(high.id));
}

fn new_job() -> NewJob {
    NewJob {
        kind: JobKind::Run,
        source: "user:/c".into(),
        command: "x".into(),
        digest: "d".into(),
        work: json!({}),
        unique: None,
        lane: None,
        priority: 0,
        due: None,
        most: 1,
    }
}

#[test]
fn a_later_firing_takes_back_what_is_open() {
    let world = World::new();
    let store = &world.store;
    let running = fire(store, &new_firing("a", None), Admission::Begin).job.unwrap();
    let waiting = fire(store, &new_firing("a", None), Admission::Wait).job.unwrap();
    let fired = fire(store, &new_firing("a", None), Admission::Replace);
    assert_eq!(fired.stops, [running.id]);
    assert_eq!(store.job(&waiting.id.to_string()).unwrap().status, JobStatus::Cancelled);
    assert_eq!(store.jobs_to_stop(&process(1)).unwrap(), [running.id]);
    assert_eq!(store.jobs_to_stop(&process(2)).unwrap(), []);
    assert_eq!(store.cancel_job(waiting.id).unwrap_err().kind(), crate::kernel::error::Kind::Usage);
    store.retry_job(waiting.id, "d2").unwrap();
    assert_eq!(store.cancel_job(waiting.id).unwrap(), JobStatus::Cancelled);
}

#[test]
fn there_is_one_holder_and_each_has_its_number() {
    let world = World::new();
    let store = &world.store;
    let alive = |process: &Process| process.pid != 9;
    assert_eq!(store.take_lease("x", &process(9), &alive).unwrap(), Ok(1));
    assert_eq!(store.take_lease("x", &process(1), &alive).unwrap(), Ok(2), "a holder that is gone holds nothing");
    assert_eq!(store.take_lease("x", &process(2), &alive).unwrap(), Err(process(1)));
    assert_eq!(store.take_lease("y", &process(2), &alive).unwrap(), Ok(1));
    store.leave_lease("x", &process(2)).unwrap();
    assert_eq!(store.lease_holder("x").unwrap(), Some(process(1)), "only who holds it can leave it");
    store.leave_lease("x", &process(1)).unwrap();
    assert_eq!((store.lease_holder("x").unwrap(), store.take_lease("x", &process(2), &alive).unwrap()), (None, Ok(3)));
}

#[test]
fn what_was_kept_back_is_written_or_counted() {
    let world = World::new();
    let store = &world.store;
    store.enable_automation(&key("a"), "d1", "/").unwrap();
    let no = |onto, stop| Admission::No { outcome: FiringOutcome::Dropped, why: "busy".into(), onto, stop };
    let first = fire(store, &new_firing("a", None), no(None, false));
    for _ in 0..3 {
        assert_eq!(fire(store, &new_firing("a", None), no(Some(first.id), false)).id, first.id);
    }
    let found = store.firings(Some(&key("a")), None, 10).unwrap();
    assert_eq!((found.len(), found[0].count, found[0].outcome), (1, 4, FiringOutcome::Dropped));
    assert_eq!(store.automations().unwrap()[0].stopped, None);
    fire(store, &new_firing("a", None), no(None, true));
    assert_eq!(store.automations().unwrap()[0].stopped.as_ref().map(|s| s.1.as_str()), Some("busy"));
    store.enable_automation(&key("a"), "d1", "/").unwrap();
    assert_eq!(store.automations().unwrap()[0].stopped, None);
    let verified = store.verify().unwrap();
    assert_eq!((verified.fault, verified.state.differ), (None, 0), "{:?}", verified.state.differences);
    let (firings, jobs) = store.prune_work(Timestamp::from_micros(Timestamp::MAX)).unwrap();
    assert_eq!((firings, jobs), (2, 0));
    assert_eq!(store.verify().unwrap().state.differ, 0);
}

#[test]
fn a_batch_is_owed_once_claimed_in_order_and_changed_as_a_whole() {
    let world = World::new();
    let store = &world.store;
    let line = |number: u64| NewJob { unique: Some(key_in_batch("b", "t", number)), priority: -1, ..new_job() };
    let lines: Vec<NewJob> = (1..=5).map(line).collect();
    store.begin_batch("b", &BatchState { command: "x".into(), ..BatchState::default() }).unwrap();
    assert_eq!(store.add_jobs(&lines[..3]).unwrap(), 3);
    store.add_job(&NewJob { unique: Some(key_in_batch("bb", "t", 1)), ..new_job() }).unwrap();
    assert_eq!(store.add_jobs(&lines[1..4]).unwrap(), 1, "the fourth alone is new");

    // Two are taken, the rest is not looked at; what is taken is nobody else's.
    let claims = store.claim_jobs(&lines, 2, &process(1)).unwrap();
    let taken = |claim: &Claim| matches!(claim, Claim::Taken { new: false, .. });
    assert!(claims.len() == 2 && claims.iter().all(taken), "{claims:?}");
    let claims = store.claim_jobs(&lines, 9, &process(2)).unwrap();
    assert!(matches!(claims[0], Claim::Open(_)), "{claims:?}");
    assert!(matches!(&claims[4], Claim::Taken { new: true, job } if job.status == JobStatus::Running), "{claims:?}");
    assert_eq!(store.take_job_of("b", store.now(), &process(3)).unwrap(), None, "nothing of it waits");

    let Claim::Taken { job, .. } = &claims[2] else { panic!("{claims:?}") };
    store.end_job(job.id, job.epoch, None, Some(1), &JobEnd::Failed { error: "x".into(), again: None }).unwrap();
    let Claim::Taken { job, .. } = &claims[3] else { panic!("{claims:?}") };
    store.end_job(job.id, job.epoch, None, None, &JobEnd::Given).unwrap();
    assert_eq!(store.cancel_batch("b", &mut |_| {}).unwrap(), (1, 3), "one waited, three run");
    assert!(store.batch("b").unwrap().unwrap().cancelled && store.batch("bb").unwrap().is_none());
    let counts = |batch| store.batch_counts(batch).unwrap();
    assert_eq!(counts("b"), [(JobStatus::Cancelled, 1), (JobStatus::Dead, 1), (JobStatus::Running, 3)]);
    assert_eq!(counts("bb"), [(JobStatus::Waiting, 1)], "another batch is left alone");
    assert_eq!(store.retry_batch("b", "d2", &mut |_| {}).unwrap(), 2);
    assert!(store.batch_is_open("b").unwrap() && !store.batch_is_open("c").unwrap());
    let next = store.take_job_of("b", store.now(), &process(3)).unwrap().unwrap();
    assert_eq!((next.digest.as_str(), next.tries), ("d2", 1));
    let filter = JobFilter { batch: Some("b".into()), ..JobFilter::default() };
    assert_eq!(store.jobs(&filter, None, 99).unwrap().len(), 5);
    // It is known as long as one of its jobs is.
    store.begin_batch("empty", &BatchState::default()).unwrap();
    store.prune_work(store.now().plus_micros(1_000_000)).unwrap();
    let known = |batch| store.batch(batch).unwrap().is_some();
    assert!(known("b") && !known("empty"));
}
