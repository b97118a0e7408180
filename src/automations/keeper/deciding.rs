//! Deciding: what was told is put to the rules, what those say is put to the conditions, and what comes of it is written down
//! before any of it is done.

use super::judging::asks_for_last_run;
use super::settle::Kept;
use super::{AT_ONCE, Keeper, Note, Tell, WAKE, judge};
use crate::automations::happening::Happening;
use crate::automations::rules::Act;
use crate::automations::worker::FirstTry;
use crate::kernel::clock::Timestamp;
use crate::kernel::error::Result;
use crate::store::{Admission, Along, FiringOutcome, NewFiring, RuleKey};

impl Keeper {
    /// Decides over what was told before anything else is looked at: somebody may wait for an answer. What could not be
    /// written down stays, and is decided over the next time: told twice, it fires once.
    pub(super) fn hear(&mut self, heard: Vec<Happening>, now: Timestamp, tell: &mut Tell<'_>) -> Result<()> {
        self.unwritten.extend(heard);
        let acts: Vec<Act> = self.unwritten.iter().flat_map(|one| self.machine.hear(one)).collect();
        let decides = !acts.is_empty();
        if decides {
            self.write(acts, Along::default(), now, tell)?;
        }
        let kept: Vec<Kept> = self.unwritten.drain(..).filter_map(|one| one.kept).collect();
        if decides {
            return self.settler.settle(kept);
        }
        kept.into_iter().for_each(|kept| kept());
        Ok(())
    }

    /// The same with what came meanwhile.
    pub(super) fn hear_more(&mut self, tell: &mut Tell<'_>) -> Result<()> {
        let mut heard: Vec<Happening> = self.receive.try_iter().take(AT_ONCE).collect();
        let count = heard.len();
        heard.retain(|one| one.kind != WAKE);
        self.woken |= heard.len() < count;
        if heard.is_empty() { Ok(()) } else { self.hear(heard, self.world.clock.now(), tell) }
    }

    /// Writes down what the rules say, and begins the work of which it was said that it begins.
    pub(super) fn write(
        &mut self,
        acts: Vec<Act>,
        mut along: Along,
        now: Timestamp,
        tell: &mut Tell<'_>,
    ) -> Result<()> {
        let mut some = Vec::new();
        for act in acts {
            if self.looks_back(&act, &some) {
                self.write_at_once(std::mem::take(&mut some), std::mem::take(&mut along), now, tell)?;
            }
            some.push(act);
        }
        self.write_at_once(some, along, now, tell)
    }

    /// Whether what an automation did last decides over this, and it is among these.
    fn looks_back(&self, act: &Act, before: &[Act]) -> bool {
        let Act::Fire(_, firing) = act else { return false };
        self.condition_of(&firing.key).is_some_and(asks_for_last_run)
            && before.iter().any(|act| matches!(act, Act::Fire(_, earlier) if earlier.key == firing.key))
    }

    /// By its name: its number is another one once a rule before it was stopped.
    fn condition_of(&self, key: &RuleKey) -> Option<&str> {
        self.machine.rule(key)?.condition.as_deref()
    }

    /// The same in one change of the store.
    fn write_at_once(&mut self, acts: Vec<Act>, mut along: Along, now: Timestamp, tell: &mut Tell<'_>) -> Result<()> {
        let mut firings: Vec<NewFiring> = Vec::new();
        let mut against: Vec<Option<String>> = Vec::new();
        for act in acts {
            match act {
                Act::Fire(_, firing) => {
                    let mut firing = *firing;
                    // A timer that is written in this very change is nobody else's.
                    let begins = |(subject, since): &(String, Timestamp)| {
                        let id = (&firing.key, firing.nr, subject, *since);
                        along.holds.iter().any(|h| (&h.key, h.nr, &h.subject, h.since) == id)
                    };
                    if firing.held.as_ref().is_some_and(begins) {
                        firing.held = None;
                    }
                    against.push(self.judge(&mut firing, now)?);
                    firings.push(firing);
                }
                Act::Broken(_, firing, why) => {
                    against.push(Some(why));
                    firings.push(*firing);
                }
                // Of one thing that waits only the last word counts.
                Act::Hold(hold) => {
                    let other =
                        |one: &(RuleKey, u32, String)| *one != (hold.key.clone(), hold.nr, hold.subject.clone());
                    along.released.retain(other);
                    along.over.retain(other);
                    along.holds.push(hold);
                }
                Act::Release(key, nr, subject) => {
                    along.holds.retain(|hold| (&hold.key, hold.nr, &hold.subject) != (&key, nr, &subject));
                    along.released.push((key, nr, subject));
                }
                Act::Over(key, nr, subject) => {
                    along.holds.retain(|hold| (&hold.key, hold.nr, &hold.subject) != (&key, nr, &subject));
                    along.over.push((key, nr, subject));
                }
            }
        }
        if firings.is_empty() {
            return self.world.store.keep_along(&along);
        }
        let mut free = self.pool.free();
        let foresight = &mut self.crew.foresight;
        let (runs, mut plans): (Vec<_>, Vec<_>) =
            firings.iter().take(free).map(|firing| foresight.foresee(firing).unzip()).unzip();
        let machine = &mut self.machine;
        let mut admit = |at: usize, id, open: &[_]| {
            let firing: &NewFiring = &firings[at];
            let admission = machine.admit(firing, against[at].as_deref(), id, open, now, free > 0);
            if admission == Admission::Begin {
                free -= 1;
            }
            admission
        };
        let fired = self.world.store.fire(&firings, &runs, &self.world.process, &along, &mut admit)?;
        plans.resize(firings.len(), None);
        for ((firing, fired), plan) in firings.iter().zip(fired).zip(plans) {
            fired.stops.iter().for_each(|id| self.pool.stop(*id));
            match fired.outcome {
                Some(FiringOutcome::Fired) => self.counts.fired += 1,
                Some(_) => self.counts.kept_back += 1,
                None => continue,
            }
            // It is not to wait until that was said.
            if let Some(job) = fired.job.as_ref().filter(|job| job.begun.is_some()) {
                match fired.run {
                    Some(_) => self.settler.make_way(),
                    None => self.crew.foresight.forget(),
                }
                let begun = fired.run.zip(plan).map(|(run, plan)| FirstTry { run, plan, depth: firing.depth });
                self.pool.begin(job.clone(), begun)?;
            }
            tell(Note::Heard(firing, &fired));
        }
        Ok(())
    }

    /// What its condition says against a firing; what it looked at is noted.
    fn judge(&self, firing: &mut NewFiring, now: Timestamp) -> Result<Option<String>> {
        let Some(condition) = self.condition_of(&firing.key) else { return Ok(None) };
        judge(&self.world.store, &*self.crew.states, &self.world.zone, condition, firing, now)
    }
}
