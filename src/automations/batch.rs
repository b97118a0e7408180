//! A batch worked off: what is owed for each line of something is taken as it is read, and done by so many at once.
//!
//! No more is taken than can be done now, so that a batch of any length takes the same memory. What was taken stands in
//! the store: whoever begins the same batch anew, after a Ctrl-C or a crash, goes on where it ended.

use std::collections::VecDeque;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use super::keeper::World;
use super::worker::{self, Ended, Hands, Pool};
use crate::exec::Stop;
use crate::kernel::error::Result;
use crate::store::{Claim, JobStatus, NewJob};

/// So many lines are read ahead.
const AHEAD: usize = 256;

/// How often it is looked what others did.
const GLANCE: Duration = Duration::from_millis(100);

/// How often processes are looked after.
const ROUND: Duration = Duration::from_secs(2);

/// What became of a batch so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Worked {
    /// Done here.
    pub done: u64,
    /// Failed for good here, or taken back.
    pub failed: u64,
    /// Was over when it was read.
    pub before: u64,
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
        worked: Worked::default(),
    };
    let mut round = None;
    while !stop.is_requested() {
        if round.is_none_or(|at: Instant| at.elapsed() >= ROUND) {
            worker::recover(world)?;
            round = Some(Instant::now());
        }
        off.hear(tell)?;
        let begun = off.begin(feed)?;
        if begun {
            continue;
        }
        if off.pool.busy() == 0 && off.read && off.ahead.is_empty() && !world.store.batch_is_open(batch)? {
            break;
        }
        if let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(GLANCE) {
            off.stop_those_asked()?;
        }
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
    worked: Worked,
}

impl Off<'_> {
    fn hear(&mut self, tell: &mut Tell<'_>) -> Result<()> {
        let ended = self.pool.ended();
        for one in &ended {
            match one.status {
                Some(JobStatus::Done) => self.worked.done += 1,
                Some(JobStatus::Dead | JobStatus::Cancelled) => self.worked.failed += 1,
                _ => {}
            }
        }
        tell(&self.worked, &ended);
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
            let Some(job) = store.take_job_of(self.batch, self.world.clock.now(), &self.world.process)? else {
                return Ok(false);
            };
            self.pool.begin(job)?;
            return Ok(true);
        }
        let claims = store.claim_jobs(self.ahead.make_contiguous(), free, &self.world.process)?;
        self.ahead.drain(..claims.len());
        for claim in claims {
            match claim {
                Claim::Taken { job, .. } => self.pool.begin(*job)?,
                Claim::Left(status) if status.is_final() => self.worked.before += 1,
                // Somebody else has it, or it comes when all was read.
                Claim::Left(_) => {}
            }
        }
        Ok(true)
    }

    fn stop_those_asked(&self) -> Result<()> {
        let asked = self.world.store.jobs_to_stop(&self.world.process)?;
        asked.into_iter().for_each(|id| self.pool.stop(id));
        Ok(())
    }
}
