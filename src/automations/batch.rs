//! A batch worked off: what is owed for each line of something is taken as it is read, and done by so many at once.
//!
//! No more is taken than can be done now, so that a batch of any length takes the same memory. What was taken stands in
//! the store: whoever begins the same batch anew, after a Ctrl-C or a crash, goes on where it ended.

use std::collections::{HashSet, VecDeque};
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use super::keeper::World;
use super::worker::{self, Ended, Hands, Pool};
use crate::exec::Stop;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::ids::Id;
use crate::store::{Claim, JobStatus, NewJob};

/// So many lines are read ahead.
const AHEAD: usize = 256;

/// How often it is looked what others did.
const GLANCE: Duration = Duration::from_millis(100);

/// How often processes are looked after.
const ROUND: Duration = Duration::from_secs(2);

/// What became of the lines of a batch so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Worked {
    /// Done.
    pub done: u64,
    /// Failed for good, now or before.
    pub failed: u64,
    /// Taken back, now or before.
    pub cancelled: u64,
    /// Were done before.
    pub before: u64,
    /// Whether all of it was taken back, so that what was left was not begun.
    pub taken_back: bool,
}

impl Worked {
    /// How many lines are over.
    pub fn over(&self) -> u64 {
        self.done + self.failed + self.cancelled + self.before
    }

    fn count(&mut self, status: JobStatus, before: bool) {
        match status {
            JobStatus::Done if before => self.before += 1,
            JobStatus::Done => self.done += 1,
            JobStatus::Dead => self.failed += 1,
            JobStatus::Cancelled => self.cancelled += 1,
            JobStatus::Waiting | JobStatus::Running => {}
        }
    }
}

/// Hears how far it is, and of each job that ended since.
pub type Tell<'a> = dyn FnMut(&Worked, &[Ended]) + 'a;

/// What comes next of a batch.
#[derive(Debug)]
pub enum Next {
    /// Work that is owed.
    Job(Box<NewJob>),
    /// Nothing for now.
    NotYet,
    /// Nothing any more.
    End,
}

/// What is owed, one after another. It does not wait.
pub type Feed<'a> = dyn FnMut() -> Result<Next> + 'a;

/// Works off a batch with these hands until everything of it is over, also what others took of it. Asked to stop, it gives
/// back what it has begun.
///
/// # Errors
/// Those of `feed` and of the store.
pub fn work_off(
    world: &World,
    batch: &str,
    hands: Vec<Box<dyn Hands>>,
    feed: &mut Feed<'_>,
    stop: &Stop,
    tell: &mut Tell<'_>,
) -> Result<Worked> {
    let (send, ended) = sync_channel(1);
    let wake = Box::new(move || {
        // Whoever finds it full knows that somebody is awake.
        let _ = send.try_send(());
    });
    let mut off = Off {
        world,
        batch,
        pool: Pool::new(world.store.clone(), hands, wake),
        ahead: VecDeque::new(),
        read: false,
        elsewhere: HashSet::new(),
        worked: Worked::default(),
    };
    let (mut round, mut glance) = (None, None);
    let is_time = |last: &Option<Instant>, every: Duration| last.is_none_or(|last: Instant| last.elapsed() >= every);
    while !stop.is_requested() {
        if is_time(&round, ROUND) {
            worker::recover(world)?;
            round = Some(Instant::now());
        }
        if is_time(&glance, GLANCE) {
            off.look()?;
            glance = Some(Instant::now());
        }
        off.hear(tell)?;
        if off.begin(feed)? {
            continue;
        }
        if off.pool.busy() == 0 && off.read && off.ahead.is_empty() && !world.store.batch_is_open(batch)? {
            off.hear_of_others()?;
            break;
        }
        // The end of a job wakes.
        let _ = ended.recv_timeout(GLANCE);
    }
    off.pool.leave();
    off.hear(tell)?;
    world.store.wait_for_disk()?;
    Ok(off.worked)
}

struct Off<'a> {
    world: &'a World,
    batch: &'a str,
    pool: Pool,
    /// What was read and not looked at.
    ahead: VecDeque<NewJob>,
    /// Whether all was read.
    read: bool,
    /// Lines that others work on, or that are due later.
    elsewhere: HashSet<Id>,
    worked: Worked,
}

impl Off<'_> {
    /// Looks who asked for something to be stopped.
    fn look(&mut self) -> Result<()> {
        let asked = self.world.store.jobs_to_stop(&self.world.process)?;
        asked.into_iter().for_each(|id| self.pool.stop(id));
        if self.world.store.batch(self.batch)?.is_some_and(|batch| batch.cancelled) {
            self.worked.taken_back = true;
            self.read = true;
            self.ahead.clear();
        }
        Ok(())
    }

    fn hear(&mut self, tell: &mut Tell<'_>) -> Result<()> {
        let ended = self.pool.ended();
        for one in &ended {
            let Some(status) = one.status else {
                // It would stay with this process, and nobody could take it over as long as that lives.
                return Err(Error::new(Kind::Failed, "the end of a job could not be written down")
                    .hint("free some space; the same command goes on where it ended"));
            };
            self.worked.count(status, false);
        }
        tell(&self.worked, &ended);
        Ok(())
    }

    /// What became of lines that others had.
    fn hear_of_others(&mut self) -> Result<()> {
        for id in std::mem::take(&mut self.elsewhere) {
            self.worked.count(self.world.store.job(&id.to_string())?.status, false);
        }
        Ok(())
    }

    /// Begins what there are hands for; whether there was anything.
    fn begin(&mut self, feed: &mut Feed<'_>) -> Result<bool> {
        let free = self.pool.free();
        if free == 0 {
            return Ok(false);
        }
        while !self.read && self.ahead.len() < AHEAD {
            match feed()? {
                Next::Job(next) => self.ahead.push_back(*next),
                Next::NotYet => break,
                Next::End => self.read = true,
            }
        }
        let store = &self.world.store;
        if self.ahead.is_empty() {
            // What was given back, or failed and is to be tried again.
            let now = self.world.clock.now();
            let next = if self.read { store.take_job_of(self.batch, now, &self.world.process)? } else { None };
            let Some(job) = next else { return Ok(false) };
            self.elsewhere.remove(&job.id);
            self.pool.begin(job, None)?;
            return Ok(true);
        }
        let claims = store.claim_jobs(self.ahead.make_contiguous(), free, &self.world.process)?;
        self.ahead.drain(..claims.len());
        for claim in claims {
            match claim {
                Claim::Taken { job, .. } => self.pool.begin(*job, None)?,
                Claim::Over(status) => self.worked.count(status, true),
                Claim::Open(id) => drop(self.elsewhere.insert(id)),
            }
        }
        Ok(true)
    }
}
