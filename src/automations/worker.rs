//! Working off what is owed: threads that take one job after another, and when work that failed is tried again.
//!
//! How a job is carried out is the business of whoever lends a hand.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use sha2::{Digest, Sha256};

use super::keeper::{EndLeft, World};
use crate::commands::run::Plan;
use crate::exec::Stop;
use crate::kernel::clock::{Clock, Timestamp};
use crate::kernel::error::{Context, Kind, Result};
use crate::kernel::ids::Id;
use crate::store::{Job, JobEnd, JobStatus, Lost, RunEnd, Store};

/// The first wait before another try, µs; each later one is twice as long.
const FIRST_WAIT: i64 = 1_000_000;

/// The longest wait before another try, µs.
const LONGEST_WAIT: i64 = 600_000_000;

/// Work whose process was gone so often without a word may be what ends it.
const MOST_LOST: u32 = 20;

/// So many losses are nothing to wait for: a machine that was switched off is no fault of the work.
const FREE_LOSSES: u32 = 3;

/// Carries jobs out, one at a time.
pub trait Hands: Send {
    /// Does a job, to its end or until it is asked to stop. `begun` is its first try, where that has begun with the firing.
    fn carry_out(&mut self, job: &Job, begun: Option<FirstTry>, stop: &Stop) -> Carried;
}

/// The first try of a job whose run was recorded with the firing behind it.
#[derive(Clone, Debug)]
pub struct FirstTry {
    /// The run.
    pub run: Id,
    /// What is to be run.
    pub plan: Plan,
    /// Of how many firings it is the consequence.
    pub depth: u32,
}

/// How a job was carried out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Carried {
    /// The run that was recorded.
    pub run: Option<Id>,
    /// How that ended, where it is not recorded yet.
    pub ran: Option<RunEnd>,
    /// Its exit code.
    pub exit_code: Option<i32>,
    /// What went wrong; `None` when it is done.
    pub error: Option<String>,
    /// Whether it was stopped before its end.
    pub stopped: bool,
    /// Whether another try could not go better.
    pub hopeless: bool,
}

/// When a job is tried again after it failed, or after its process was lost; `None` for never.
pub fn again(job: &Job, lost: bool, now: Timestamp) -> Option<Timestamp> {
    let times = match lost {
        true if job.lost > MOST_LOST => return None,
        true => job.lost.saturating_sub(FREE_LOSSES),
        false if job.tries >= job.most => return None,
        false => job.tries.max(1),
    };
    // What nothing is waited for keeps its place among those that wait.
    Some(if times == 0 { job.due } else { now.plus_micros(wait(&job.id.to_string(), times)) })
}

/// Twice as long each time, and a little more or less, so that what failed together does not come back together.
fn wait(of: &str, times: u32) -> i64 {
    let whole = FIRST_WAIT.saturating_mul(1 << times.saturating_sub(1).min(20)).min(LONGEST_WAIT);
    let drawn = Sha256::digest(format!("{of}/{times}"));
    let part = i64::from(u16::from_be_bytes([drawn[0], drawn[1]]));
    whole - whole / 4 + whole / 2 * part / i64::from(u16::MAX)
}

/// Takes over jobs whose process is gone, and ends what their scripts left.
///
/// # Errors
/// Those of the store.
pub fn recover(world: &World) -> Result<()> {
    let lost = world.store.lost_jobs(&*world.is_alive)?;
    take_over(&world.store, &world.clock, &*world.end_left, &lost)
}

/// Until what their scripts left has ended they count as running, whoever is killed meanwhile: nothing else of their lanes
/// begins, and who takes one back waits for that.
fn take_over(store: &Store, clock: &Clock, end_left: &EndLeft, lost: &[Lost]) -> Result<()> {
    if lost.is_empty() {
        return Ok(());
    }
    end_left(lost);
    let now = clock.now();
    store.recover_jobs(lost, &|job, lost| again(job, lost, now)).map(drop)
}

/// Takes jobs over beside whoever runs automations, as what scripts left may take its time to end.
#[derive(Default)]
pub struct Rescue(Option<JoinHandle<Result<()>>>);

impl Rescue {
    /// Begins to take over what is lost, where that is not under way.
    ///
    /// # Errors
    /// Those of the store, also of the time before; and when the system gives no thread.
    pub fn look(&mut self, world: &World) -> Result<()> {
        if let Some(thread) = self.0.take_if(|thread| thread.is_finished()) {
            // One that panicked has taken over nothing, which is found again.
            thread.join().unwrap_or(Ok(()))?;
        }
        if self.0.is_some() {
            return Ok(());
        }
        let lost = world.store.lost_jobs(&*world.is_alive)?;
        if lost.is_empty() {
            return Ok(());
        }
        let (store, clock, end_left) = (world.store.clone(), world.clock.clone(), world.end_left.clone());
        let work = move || take_over(&store, &clock, &*end_left, &lost);
        let thread = std::thread::Builder::new().name("rescue".into()).spawn(work);
        self.0 = Some(thread.context(Kind::Failed, || "cannot start a thread".to_string())?);
        Ok(())
    }
}

/// A job that is over for now.
#[derive(Clone, Debug, PartialEq)]
pub struct Ended {
    /// The job as it was taken.
    pub job: Job,
    /// Where it stands now; `None` when somebody else had taken it, or when that could not be written.
    pub status: Option<JobStatus>,
    /// How it was carried out.
    pub carried: Carried,
}

/// Threads that work.
pub struct Pool {
    shared: Arc<Shared>,
    hands: Vec<Box<dyn Hands>>,
    size: usize,
    send: Option<Sender<Taken>>,
    receive: Arc<Mutex<Receiver<Taken>>>,
    threads: Vec<JoinHandle<()>>,
    /// Threads of hands that were replaced, each with its last job.
    old: Vec<JoinHandle<()>>,
}

/// A job that was taken, its first try where that has begun, and what stops it.
type Taken = (Job, Option<FirstTry>, Stop);

struct Shared {
    store: Store,
    running: Mutex<HashMap<Id, Stop>>,
    ended: Mutex<Vec<Ended>>,
    /// Whether this process is about to end, so that what is stopped is given back and not cancelled.
    leaving: AtomicBool,
    wake: Box<dyn Fn() + Send + Sync>,
}

impl Pool {
    /// Nothing is started yet: each hand gets a thread when there is work for it. `wake` is called when a job has ended.
    pub fn new(store: Store, hands: Vec<Box<dyn Hands>>, wake: Box<dyn Fn() + Send + Sync>) -> Pool {
        let shared =
            Shared { store, running: Mutex::default(), ended: Mutex::default(), leaving: AtomicBool::new(false), wake };
        let (send, receive) = channel();
        let size = hands.len();
        let receive = Arc::new(Mutex::new(receive));
        Pool { shared: Arc::new(shared), hands, size, send: Some(send), receive, threads: Vec::new(), old: Vec::new() }
    }

    /// Other hands do what begins from now on; what is being done goes on.
    pub fn renew(&mut self, hands: Vec<Box<dyn Hands>>) {
        let (send, receive) = channel();
        (self.send, self.receive) = (Some(send), Arc::new(Mutex::new(receive)));
        (self.size, self.hands) = (hands.len(), hands);
        self.old.append(&mut self.threads);
        self.old.retain(|thread| !thread.is_finished());
    }

    /// How many more jobs may begin now.
    pub fn free(&self) -> usize {
        self.size.saturating_sub(lock(&self.shared.running).len())
    }

    /// How many are being done.
    pub fn busy(&self) -> usize {
        lock(&self.shared.running).len()
    }

    /// Begins a job that this process has taken; `begun` is its first try, where that has begun with the firing.
    ///
    /// # Errors
    /// When the system gives no pipe or thread.
    pub fn begin(&mut self, job: Job, begun: Option<FirstTry>) -> Result<()> {
        let stop = Stop::new()?;
        let busy = {
            let mut running = lock(&self.shared.running);
            running.insert(job.id, stop.clone());
            running.len()
        };
        if busy > self.threads.len()
            && let Some(hands) = self.hands.pop()
        {
            let (shared, receive) = (self.shared.clone(), self.receive.clone());
            let work = move || work(&shared, &receive, hands);
            let thread = std::thread::Builder::new().name("worker".into()).spawn(work);
            self.threads.push(thread.context(Kind::Failed, || "cannot start a thread".to_string())?);
        }
        if let Some(send) = &self.send {
            // The receiver lives as long as this does.
            let _ = send.send((job, begun, stop));
        }
        Ok(())
    }

    /// Asks a job to stop, where it is done here.
    pub fn stop(&self, id: Id) {
        if let Some(stop) = lock(&self.shared.running).get(&id).filter(|stop| !stop.is_requested()) {
            stop.request();
        }
    }

    /// What has ended since this was last asked.
    pub fn ended(&self) -> Vec<Ended> {
        std::mem::take(&mut *lock(&self.shared.ended))
    }

    /// Asks everything to stop, waits for it, and gives the work back.
    pub fn leave(&mut self) {
        self.shared.leaving.store(true, Ordering::SeqCst);
        lock(&self.shared.running).values().for_each(Stop::request);
        self.send = None;
        for thread in self.threads.drain(..).chain(self.old.drain(..)) {
            // One that panicked leaves its job to whoever finds this process gone.
            let _ = thread.join();
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.leave();
    }
}

fn work(shared: &Shared, receive: &Mutex<Receiver<Taken>>, mut hands: Box<dyn Hands>) {
    loop {
        let next = lock(receive).recv();
        let Ok((job, begun, stop)) = next else { return };
        // A mistake of ours costs this job, and not all that waits for a hand.
        let carried =
            catch_unwind(AssertUnwindSafe(|| hands.carry_out(&job, begun, &stop))).unwrap_or_else(|_| Carried {
                error: Some("the work broke off inside this program".to_string()),
                hopeless: true,
                ..Carried::default()
            });
        let end = end_of(shared, &job, &carried);
        let told = write_end(&shared.store, &job, &carried, &end);
        let status = told.unwrap_or_else(|error| {
            // It stands there as begun: whoever finds this process gone does it again.
            tracing::error!(job = %job.id, error = error.full_message(), "the end of a job could not be written");
            None
        });
        let id = job.id;
        lock(&shared.ended).push(Ended { job, status, carried });
        lock(&shared.running).remove(&id);
        (shared.wake)();
    }
}

/// Writes how a job was carried out, and how its run ended where nobody did; where there is no room for what that wrote, at
/// least how. Where the job stands now, as [`Store::end_job`] says it.
///
/// # Errors
/// Those of the store.
pub fn write_end(store: &Store, job: &Job, carried: &Carried, end: &JobEnd) -> Result<Option<JobStatus>> {
    let Some((run, ran)) = carried.run.zip(carried.ran.as_ref()) else {
        return store.end_job(job.id, job.epoch, carried.run, carried.exit_code, end);
    };
    // What follows from the end of a run is known by the request that the run belongs to.
    let store = store.traced(job.trace);
    store
        .end_job_and_run(job.id, job.epoch, run, ran, end)
        .or_else(|_| store.end_job_and_run(job.id, job.epoch, run, &ran.clone().without_output(), end))
}

fn end_of(shared: &Shared, job: &Job, carried: &Carried) -> JobEnd {
    match &carried.error {
        _ if carried.stopped && shared.leaving.load(Ordering::SeqCst) => JobEnd::Given,
        _ if carried.stopped => JobEnd::Cancelled { why: "it was asked to stop".to_string() },
        None => JobEnd::Done,
        Some(error) => {
            let again = if carried.hopeless { None } else { again(job, false, shared.store.now()) };
            JobEnd::Failed { error: error.clone(), again }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::ids::Ids;
    use crate::store::{JobKind, NewJob, Process};

    fn process() -> Process {
        Process { pid: 1, start: 1, boot: "b".into() }
    }

    fn two_of_a_lane() -> (tempfile::TempDir, Store, [Id; 2]) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("store.db"), Clock::system(), Ids::random()).unwrap();
        let owed = |command: &str| NewJob {
            kind: JobKind::Run,
            source: "s".into(),
            command: command.into(),
            digest: "d".into(),
            work: serde_json::json!({}),
            unique: None,
            lane: Some("one".into()),
            priority: 0,
            due: None,
            most: 3,
        };
        let both = ["first", "second"].map(|command| store.add_job(&owed(command)).unwrap().id);
        (dir, store, both)
    }

    #[test]
    fn nothing_of_a_lane_begins_before_what_was_left_has_ended_and_what_was_taken_back_is_not_tried_again() {
        let (_dir, store, [first, second]) = two_of_a_lane();
        store.take_job(store.now(), &process()).unwrap();
        let lost = store.lost_jobs(&|_| false).unwrap();
        let there = store.clone();
        let end_left: Arc<EndLeft> = Arc::new(move |lost| {
            assert_eq!(lost.iter().map(|job| job.id).collect::<Vec<_>>(), [first]);
            assert_eq!(there.take_job(there.now(), &process()).unwrap(), None);
            assert_eq!(there.cancel_job(first).unwrap(), JobStatus::Running);
        });
        take_over(&store, &Clock::system(), &*end_left, &lost).unwrap();
        assert_eq!(store.job(&first.to_string()).unwrap().status, JobStatus::Cancelled);
        // The same where it fails by itself in that moment.
        let taken = store.take_job(store.now(), &process()).unwrap().unwrap();
        assert_eq!(taken.id, second);
        assert_eq!(store.cancel_job(second).unwrap(), JobStatus::Running);
        let failed = JobEnd::Failed { error: "no".into(), again: Some(store.now()) };
        let ended = store.end_job(second, taken.epoch, None, Some(3), &failed).unwrap();
        assert_eq!(ended, Some(JobStatus::Cancelled));
    }

    #[test]
    fn what_was_lost_or_given_back_goes_on_before_what_came_after_it() {
        let (_dir, store, [first, second]) = two_of_a_lane();
        let me = process();
        let take = || store.take_job(store.now(), &me).unwrap().unwrap();
        let taken = take();
        assert_eq!(taken.id, first);
        store.end_job(first, taken.epoch, None, None, &JobEnd::Given).unwrap();
        for _ in 0..FREE_LOSSES {
            assert_eq!(take().id, first);
            let lost = store.lost_jobs(&|_| false).unwrap();
            store.recover_jobs(&lost, &|job, lost| again(job, lost, store.now())).unwrap();
        }
        // That often is too often for others to wait for it.
        assert_eq!(take().id, first);
        let lost = store.lost_jobs(&|_| false).unwrap();
        store.recover_jobs(&lost, &|job, lost| again(job, lost, store.now())).unwrap();
        assert_eq!(take().id, second);
    }

    #[test]
    fn waits_grow_and_differ_and_have_a_bound() {
        let mut last = 0;
        for times in 1..=9 {
            let waits: Vec<i64> = (0..50).map(|n| wait(&n.to_string(), times)).collect();
            let whole = FIRST_WAIT << (times - 1);
            assert!(waits.iter().all(|w| (whole * 3 / 4..=whole * 5 / 4).contains(w)), "{times}: {waits:?}");
            assert!(waits.iter().collect::<std::collections::HashSet<_>>().len() > 40);
            assert!(waits[0] > last / 2);
            last = waits[0];
        }
        assert!(wait("x", 4_000_000) <= LONGEST_WAIT * 5 / 4);
    }
}
