//! Whoever runs automations: hears what happens, asks the rules, writes down what they owe, and has it done.
//!
//! [`Keeper::up`] goes on until it is stopped, [`Keeper::tick`] does what is due and ends. Both go the same way, and may do
//! so at once: what fires is claimed in the store by what tells it apart, and work by who takes it.

mod deciding;
mod endings;
mod faces;
mod house;
mod judging;
mod settle;
mod taken_up;

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use serde_json::{Value as Json, json};

use self::endings::Endings;
pub use self::faces::{Crew, EndLeft, Foresight, Note, Tell, Ticked, World};
use self::judging::asks_for_states;
pub use self::judging::judge;
use self::settle::Settler;
pub use self::taken_up::TAKEN_UP;
use self::taken_up::TakenUp;
use super::happening::Happening;
use super::log::Log;
use super::rules::Machine;
use super::times::Times;
use super::trigger::Wanted;
use super::worker::{self, Pool, Rescue};
use crate::commands::model;
use crate::exec::Stop;
use crate::kernel::clock::Timestamp;
use crate::kernel::error::Result;
use crate::kernel::events::Position;
use crate::store::{Along, OWED, Quiet, RuleKey};

/// So many facts wait to be heard; whoever tells more waits itself.
const WAITING: usize = 1024;

/// So many are decided in one transaction.
const AT_ONCE: usize = 256;

/// How often it is looked whether somebody else changed the store.
const GLANCE: Duration = Duration::from_millis(100);

/// What ended a state while nobody listened may be told so long after the start, µs.
const RESUMING: i64 = 1_000_000;

/// A day, milliseconds.
const DAY: u64 = 86_400_000;

/// The kind of a fact that only wakes.
const WAKE: &str = "wake";

/// Runs automations.
pub struct Keeper {
    world: World,
    crew: Crew,
    machine: Machine,
    times: Times,
    log: Log,
    pool: Pool,
    rescue: Rescue,
    taken_up: TakenUp,
    send: SyncSender<Happening>,
    receive: Receiver<Happening>,
    /// What was told and could not be written down yet: at most [`AT_ONCE`].
    unwritten: Vec<Happening>,
    /// What each source listens for, as it was told last.
    listening: Vec<Vec<model::Trigger>>,
    /// Why a kind of source could not listen when it was asked last.
    deaf: BTreeMap<&'static str, String>,
    /// What was away when it was looked last, and why.
    away: BTreeMap<String, String>,
    /// Where the log ended when it was looked at last.
    seen: Option<Position>,
    /// The same at the last round, and when the store's log was folded last.
    round_saw: Option<Position>,
    folded: Option<Position>,
    quiet: Quiet,
    /// Whether the store may soon have no room.
    tight: bool,
    settler: Settler,
    endings: Endings,
    /// When the next job comes due.
    job_due: Option<Timestamp>,
    more: bool,
    /// Whether it was woken in the middle of a pass.
    woken: bool,
    round: Timestamp,
    saved: Timestamp,
    /// When this began to listen.
    began: Timestamp,
    /// How far back firings are remembered, milliseconds.
    remembers: u64,
    counts: Ticked,
}

/// So many milliseconds before.
fn before(now: Timestamp, ms: u64) -> Timestamp {
    now.plus_micros(-i64::try_from(ms.saturating_mul(1000)).unwrap_or(i64::MAX))
}

impl Keeper {
    /// A keeper that remembers what was kept of the one before.
    ///
    /// # Errors
    /// Those of the store.
    pub fn new(world: World, mut crew: Crew) -> Result<Keeper> {
        let now = world.clock.now();
        let store = world.store.clone();
        let lately = store.fired_since(before(now, DAY))?;
        let machine = Machine::new(crew.bounds, store.holds()?, &lately);
        let log = Log::resume(&store)?;
        let (send, receive) = sync_channel(WAITING);
        let waker = send.clone();
        // Whoever finds it full knows that somebody is awake.
        let wake = Box::new(move || drop(waker.try_send(waking())));
        let hands = std::mem::take(&mut crew.hands);
        let settler = Settler::new(store.clone());
        let pool = Pool::new(store, hands, wake);
        let listening = crew.sources.iter().map(|_| Vec::new()).collect();
        let never = Timestamp::from_micros(Timestamp::MIN);
        Ok(Keeper {
            world,
            crew,
            machine,
            times: Times::default(),
            log,
            pool,
            rescue: Rescue::default(),
            taken_up: TakenUp::default(),
            send,
            receive,
            unwritten: Vec::new(),
            listening,
            deaf: BTreeMap::new(),
            away: BTreeMap::new(),
            seen: None,
            round_saw: None,
            folded: None,
            quiet: Quiet::default(),
            tight: false,
            settler,
            endings: Endings::default(),
            job_due: None,
            more: true,
            woken: false,
            round: never,
            saved: now,
            began: now,
            remembers: DAY,
            counts: Ticked::default(),
        })
    }

    /// Runs automations until `stop`. `epoch` tells this start from every other.
    ///
    /// # Errors
    /// When the store cannot be used from the start. Later it is tried again.
    pub fn up(&mut self, epoch: u64, stop: &Stop, tell: &mut Tell<'_>) -> Result<()> {
        self.world.store.let_log_grow()?;
        self.begin(true, tell)?;
        self.machine.postpone(self.world.clock.now().plus_micros(RESUMING));
        self.unwritten.push(self.started(epoch));
        // What keeps it from going on, as it was said: once, however often it is tried again.
        let mut said = String::new();
        while !stop.is_requested() {
            match self.go_on(!said.is_empty(), tell) {
                Ok(()) => said.clear(),
                Err(error) => {
                    if said != error.full_message() {
                        said = error.full_message();
                        tell(Note::Trouble(&error));
                    }
                    stop.wait(Duration::from_secs(1));
                }
            }
        }
        self.crew.sources.iter_mut().for_each(|source| source.stop());
        self.pool.leave();
        self.end(tell)?;
        self.world.store.fold_log()
    }

    /// One pass over what comes next. Where it goes on `again`, what was decided may not have been written: what stands in
    /// the store counts.
    fn go_on(&mut self, again: bool, tell: &mut Tell<'_>) -> Result<()> {
        if again {
            self.remember()?;
        }
        let heard = if self.unwritten.is_empty() { self.wait() } else { Vec::new() };
        self.pass(heard, true, tell)
    }

    /// Where it is told of presses of a button: a [`Happening`] of the kind [`BUTTON`](super::rules::BUTTON).
    pub fn ear(&self) -> SyncSender<Happening> {
        self.send.clone()
    }

    /// Does everything that is due, and the work that comes of it.
    ///
    /// # Errors
    /// Those of the store.
    pub fn tick(&mut self, stop: &Stop, tell: &mut Tell<'_>) -> Result<Ticked> {
        self.begin(false, tell)?;
        loop {
            let (before, idle) = (self.counts, self.pool.busy() == 0);
            // Whoever else runs automations may have prolonged or ended what waits.
            self.machine.set_holds(self.world.store.holds()?);
            self.pass(Vec::new(), false, tell)?;
            if stop.is_requested() {
                self.pool.leave();
            }
            let quiet = before == self.counts && !self.more;
            if idle && self.pool.busy() == 0 && quiet || stop.is_requested() {
                break;
            }
            if self.pool.busy() > 0 && !std::mem::take(&mut self.woken) {
                // The end of a job wakes.
                let _ = self.receive.recv_timeout(self.settler.patience(false).unwrap_or(GLANCE));
            }
        }
        self.end(tell)?;
        Ok(self.counts)
    }

    /// Tells the rest, and writes down how far everything was heard.
    fn end(&mut self, tell: &mut Tell<'_>) -> Result<()> {
        self.hear_ended(&mut false)?;
        self.save()?;
        self.settler.write_out()?;
        self.settler.end();
        self.tell_ended(tell);
        self.settler.trouble().map_or(Ok(()), Err)
    }

    fn begin(&mut self, listens: bool, tell: &mut Tell<'_>) -> Result<()> {
        match listens {
            true => self.rescue.look(&self.world)?,
            // Nobody comes back for it.
            false => worker::recover(&self.world)?,
        }
        self.look(tell);
        self.load(listens, tell)
    }

    /// The next facts, or none when there is something else to do.
    fn wait(&mut self) -> Vec<Happening> {
        let now = self.world.clock.now();
        let next = [self.machine.next_due(), self.times.next_due(), self.job_due.filter(|_| self.pool.free() > 0)];
        let until = next.into_iter().flatten().min().map(|at| at.since(now).max(0));
        let patience = until.map_or(GLANCE, |us| GLANCE.min(Duration::from_micros(us.unsigned_abs())));
        let settles = self.settler.patience(self.pool.busy() == 0).unwrap_or(GLANCE);
        let patience = if self.taken_up.is_pending() { patience.min(taken_up::GLANCE) } else { patience };
        let at_once = std::mem::take(&mut self.woken) || self.more;
        let patience = if at_once { Duration::ZERO } else { settles.min(patience) };
        let mut heard = Vec::new();
        match self.receive.recv_timeout(patience) {
            Ok(first) => {
                heard.push(first);
                heard.extend(self.receive.try_iter().take(AT_ONCE - 1));
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
        }
        heard.retain(|one| one.kind != WAKE);
        heard
    }

    /// Everything once: facts, the log, times, timers, work.
    fn pass(&mut self, heard: Vec<Happening>, listens: bool, tell: &mut Tell<'_>) -> Result<()> {
        let now = self.world.clock.now();
        self.hear(heard, now, tell)?;
        let mut acts = Vec::new();
        let mut along = Along::default();
        let mut reload = false;
        let ended = self.hear_ended(&mut reload)?;
        self.tell_ended(tell);
        self.hear_more(tell)?;
        if let Some(error) = self.settler.trouble() {
            tell(Note::Trouble(&error));
        }
        let position =
            if self.quiet.is_sure(&self.world.store) { self.seen } else { self.world.store.last_position()? };
        let changed = position != self.seen || self.more;
        if changed {
            self.seen = position;
            let machine = &self.machine;
            let mut read = self.log.read(&self.world.store, &|name| machine.hears_event(name))?;
            self.more = read.more;
            reload |= read.rules_changed;
            for one in &mut read.happenings {
                // What happened while nobody listened is owed, one after another, however much of it there is.
                if one.at < self.began {
                    one.data[OWED] = json!(true);
                }
                acts.extend(self.machine.hear(one));
            }
            if !acts.is_empty() {
                along.state.extend(self.log.unsaved());
            }
        }
        acts.extend(self.machine.due(now));
        let (due, marks) = self.times.due(self.machine.rules(), now);
        acts.extend(due);
        along.marks.extend(marks);
        if !acts.is_empty() || !along.is_empty() {
            let saves = !along.state.is_empty();
            self.write(acts, along, now, tell)?;
            if saves {
                self.log.saved();
            }
        }
        if reload {
            self.load(listens, tell)?;
        }
        self.hear_more(tell)?;
        if changed || ended || self.job_due.is_some_and(|due| due <= now) {
            self.work(tell)?;
        }
        self.taken_up.look(&self.world.store, &self.crew.sources);
        self.settler.look(self.pool.busy() == 0)?;
        if self.tight {
            self.world.store.fold_log()?;
        }
        self.keep_house(now, tell)
    }

    /// Takes work that is due, as far as somebody is free, and stops what is to be stopped.
    fn work(&mut self, tell: &mut Tell<'_>) -> Result<()> {
        let store = self.world.store.clone();
        if self.pool.busy() > 0 {
            store.jobs_to_stop(&self.world.process)?.into_iter().for_each(|id| self.pool.stop(id));
        }
        while self.pool.free() > 0 {
            let Some(job) = store.take_job(self.world.clock.now(), &self.world.process)? else { break };
            if let Err(error) = self.pool.begin(job, None) {
                tell(Note::Trouble(&error));
                break;
            }
        }
        // What is due and waits for its lane is looked for again when something ends.
        let now = self.world.clock.now();
        self.job_due = store.next_job_due()?.filter(|due| *due > now);
        Ok(())
    }

    fn save(&mut self) -> Result<()> {
        let state: Vec<(String, Json)> = self.log.unsaved().into_iter().collect();
        self.world.store.keep_along(&Along { state, ..Along::default() })?;
        self.log.saved();
        Ok(())
    }

    /// Reads which automations may fire, and has the sources listen for what those wait for.
    fn load(&mut self, listens: bool, tell: &mut Tell<'_>) -> Result<()> {
        let rules = (self.crew.rules)()?;
        if listens && rules.iter().any(|rule| rule.condition.as_deref().is_some_and(asks_for_states)) {
            (self.crew.expect_states)();
        }
        self.times.set_rules(&rules, &self.world.store.marks()?);
        let over = self.machine.set_rules(rules);
        let longest = self.machine.longest_limit();
        if longest > self.remembers {
            self.remembers = longest;
            let lately = self.world.store.fired_since(before(self.world.clock.now(), longest))?;
            self.machine.set_fired(&lately);
        }
        self.write(over, Along::default(), self.world.clock.now(), tell)?;
        tell(Note::Rules(self.machine.rules()));
        if listens {
            self.taken_up.loaded(self.machine.rules());
        }
        for (source, known) in self.crew.sources.iter_mut().zip(&mut self.listening) {
            let wanted = self.machine.wanted(source.kind());
            if listens && wanted != *known {
                match source.listen(&wanted, &self.send) {
                    Ok(()) => {
                        *known = wanted;
                        self.deaf.remove(source.kind());
                    }
                    // What was said before is not said at each change of something else.
                    Err(error) => {
                        let said = error.full_message();
                        if self.deaf.insert(source.kind(), said.clone()).is_none_or(|before| before != said) {
                            tell(Note::Trouble(&error));
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Takes up what stands in the store instead of what is remembered.
    fn remember(&mut self) -> Result<()> {
        // On a full disk the log may be what takes the room.
        self.tight = true;
        if let Err(error) = self.world.store.empty_log() {
            tracing::warn!(error = error.full_message(), "the store's log stays as long as it is");
        }
        let lately = self.world.store.fired_since(before(self.world.clock.now(), self.remembers))?;
        self.machine = Machine::new(self.crew.bounds, self.world.store.holds()?, &lately);
        self.log = Log::resume(&self.world.store)?;
        self.more = true;
        self.load(true, &mut |_| {})
    }

    /// Hears of jobs that are over; whether there were any.
    fn hear_ended(&mut self, reload: &mut bool) -> Result<bool> {
        let ended = self.pool.ended();
        if ended.is_empty() {
            return Ok(false);
        }
        // What could not even begin may not be what was allowed any more: files beside a definition change silently.
        *reload |= ended.iter().any(|one| one.carried.hopeless);
        let now = self.world.clock.now();
        for job in ended.iter().map(|one| &one.job) {
            let key = RuleKey { source: job.source.clone(), command: job.command.clone() };
            self.machine.worked(key, &job.work["fired"], job.begun.unwrap_or(now), now);
        }
        let waker = self.send.clone();
        // Whoever finds it full knows that somebody is awake.
        let kept = self.endings.hear(ended, &mut self.counts, move || drop(waker.try_send(waking())));
        self.settler.hear_ended();
        self.settler.settle(vec![kept])?;
        Ok(true)
    }

    fn tell_ended(&self, tell: &mut Tell<'_>) {
        self.endings.kept().iter().for_each(|one| tell(Note::Ended(one)));
    }

    /// That somebody runs automations from now on.
    fn started(&self, epoch: u64) -> Happening {
        let at = self.world.clock.now();
        let data = json!({"kind": "startup", "at": at});
        Happening { kind: "startup", data, at, key: Some(format!("startup:{epoch}")), depth: 0, kept: None }
    }
}

fn waking() -> Happening {
    let at = Timestamp::from_micros(0);
    Happening { kind: WAKE, data: Json::Null, at, key: None, depth: 0, kept: None }
}

/// Whether this trigger is a time; its schedule.
pub(super) fn schedule_of(wanted: &Wanted) -> Option<&super::schedule::Schedule> {
    match wanted {
        Wanted::Schedule(schedule) => Some(schedule),
        _ => None,
    }
}
