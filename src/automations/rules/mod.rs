//! The rules: a happening goes in, what is to be done comes out. A pure machine: it knows neither store nor network nor
//! clock, and what it is not told did not happen.
//!
//! [`Machine::hear`] says which automations a happening means and what waits for a while; [`Machine::due`] what waited long
//! enough; [`Machine::admit`], asked when it is written down, whether it may be now.

mod echoes;
mod gates;
mod index;
#[cfg(test)]
mod tests;
mod topics;

use std::collections::{HashMap, HashSet};

use serde_json::{Value as Json, json};

use self::echoes::{Echoes, IN_A_ROW};
pub use self::gates::Bounds;
use self::gates::Gates;
use self::index::Index;
use super::happening::Happening;
use super::trigger::{Timing, Wanted};
use crate::commands::model::{Mode, Trigger};
use crate::kernel::clock::Timestamp;
use crate::kernel::duration::human_ms;
use crate::kernel::ids::Id;
use crate::store::{Admission, Admitted, FiringOutcome, Hold, NewFiring, OWED, OpenJob, RuleKey};

/// How many may run or wait where the mode takes several and no trigger says.
const MANY: usize = 10;

/// An automation that may fire.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Which.
    pub key: RuleKey,
    /// What people call it.
    pub name: String,
    /// The digest of its definition.
    pub digest: String,
    /// What it waits for: as written, understood, and when it may fire.
    pub triggers: Vec<(Trigger, Wanted, Timing)>,
    /// `If:`.
    pub condition: Option<String>,
    /// What happens when it is fired while it runs.
    pub mode: Mode,
    /// How often failed work is tried again.
    pub retry: u32,
    /// When it was enabled: what was before is not its business.
    pub enabled: Timestamp,
    /// Where its scripts start.
    pub cwd: String,
}

impl Rule {
    fn max(&self) -> usize {
        self.triggers.iter().filter_map(|(_, _, timing)| timing.max).max().map_or(MANY, |max| max as usize)
    }

    /// The lane of its work: but for the mode parallel it is done one after another, and so is what is owed.
    fn lane(&self, owed: bool) -> Option<String> {
        (owed || self.mode != Mode::Parallel).then(|| format!("{}:{}", self.key.source, self.key.command))
    }

    /// What it fires stands for a time when nobody listened.
    pub(super) fn owe(&self, firing: &mut NewFiring) {
        firing.data[OWED] = json!(true);
        firing.lane = self.lane(true);
    }

    /// What would be fired by `data`, as it would be written.
    pub fn firing(&self, kind: &str, nr: u32, data: Json, told: Option<String>, depth: u32) -> NewFiring {
        let owed = data[OWED] == true;
        let work = json!({"fired": data, "cwd": self.cwd, "by": said_of(kind, &data)});
        NewFiring {
            key: self.key.clone(),
            digest: self.digest.clone(),
            kind: kind.to_string(),
            nr,
            told,
            depth,
            data: short(data),
            held: None,
            seen: Vec::new(),
            work,
            most: self.retry.saturating_add(1),
            lane: self.lane(owed),
        }
    }
}

/// What a happening leads to.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    /// This automation is meant, now; the number is its rule's.
    Fire(usize, Box<NewFiring>),
    /// It is meant when this is over and nothing else came.
    Hold(Hold),
    /// It would have been meant, but what was waited for did not last; why, in a sentence without its full stop.
    Broken(usize, Box<NewFiring>, String),
    /// What was waited for is over.
    Release(RuleKey, u32, String),
    /// It was waited for long enough. Where somebody else prolonged it meanwhile, it goes on.
    Over(RuleKey, u32, String),
}

/// All rules, and what they remember.
#[derive(Debug, Default)]
pub struct Machine {
    rules: Vec<Rule>,
    numbers: HashMap<RuleKey, usize>,
    index: Index,
    holds: HashMap<(RuleKey, u32, String), Hold>,
    /// What was held until nothing was known of it any more.
    silent: HashSet<(RuleKey, u32, String)>,
    gates: Gates,
    echoes: Echoes,
    bounds: Bounds,
}

impl Machine {
    /// A machine that remembers these timers and firings.
    pub fn new(bounds: Bounds, holds: Vec<Hold>, fired: &[Admitted]) -> Machine {
        let mut machine = Machine { bounds, ..Machine::default() };
        machine.set_holds(holds);
        machine.set_fired(fired);
        machine
    }

    /// From now on these are the rules. Timers of those that are as before go on; the others are over, and come back.
    pub fn set_rules(&mut self, rules: Vec<Rule>) -> Vec<Act> {
        let mut index = Index::default();
        for (number, rule) in rules.iter().enumerate() {
            for (nr, (written, wanted, _)) in rule.triggers.iter().enumerate() {
                index.add((number, nr as u32), written, wanted);
            }
        }
        self.numbers = rules.iter().enumerate().map(|(number, rule)| (rule.key.clone(), number)).collect();
        // What was before somebody let it fire counts no more against it.
        rules.iter().for_each(|rule| self.gates.count_from(&rule.key, rule.enabled));
        (self.rules, self.index) = (rules, index);
        let digests: HashMap<&RuleKey, &str> = self.rules.iter().map(|r| (&r.key, r.digest.as_str())).collect();
        let is_over = |hold: &&Hold| digests.get(&hold.key).is_none_or(|digest| *digest != hold.digest);
        let over: Vec<Hold> = self.holds.values().filter(is_over).cloned().collect();
        over.into_iter().map(|hold| self.release(hold)).collect()
    }

    /// The rules, by the numbers that [`Act::Fire`] gives.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Every trigger, as written, that waits for this kind.
    pub fn wanted(&self, kind: &str) -> Vec<Trigger> {
        let all = self.rules.iter().flat_map(|rule| &rule.triggers);
        all.filter(|(written, ..)| written.kind == kind).map(|(written, ..)| written.clone()).collect()
    }

    /// Whether an event of this name may fire anything.
    pub fn hears_event(&self, name: &str) -> bool {
        self.index.hears_event(name)
    }

    /// Whether anything waits for this kind.
    pub fn hears(&self, kind: &str) -> bool {
        self.index.hears(kind)
    }

    /// From now on these bounds hold.
    pub fn set_bounds(&mut self, bounds: Bounds) {
        self.bounds = bounds;
    }

    /// A button was pressed that stands for one automation; nothing where that may not fire.
    fn pressed(&self, happening: &Happening) -> Vec<Act> {
        let name = happening.data["command"].as_str();
        let Some(number) = self.rules.iter().position(|rule| Some(rule.name.as_str()) == name) else {
            tracing::warn!(name, "a button was pressed in vain");
            return Vec::new();
        };
        let (data, told) = (happening.data.clone(), happening.key.clone());
        let firing = self.rules[number].firing(BUTTON, 0, data, told, happening.depth);
        vec![Act::Fire(number, Box::new(firing))]
    }

    /// What a happening leads to.
    pub fn hear(&mut self, happening: &Happening) -> Vec<Act> {
        if happening.kind == BUTTON {
            return self.pressed(happening);
        }
        // A consequence of more firings than a loop may have is told once, and then no more.
        if happening.depth > self.bounds.depth {
            return Vec::new();
        }
        let meant = self.index.of(happening);
        let mut acts = Vec::new();
        for (number, nr) in meant {
            let Some(rule) = self.rules.get(number) else { continue };
            let Some((_, wanted, timing)) = rule.triggers.get(nr as usize) else { continue };
            if happening.at < rule.enabled {
                continue;
            }
            let fits = wanted.matches(happening);
            if timing.held_ms.is_none() && timing.debounce_ms.is_none() {
                // What fits several triggers of one automation fires it once.
                let fired = acts.iter().any(|act| matches!(act, Act::Fire(other, _) if *other == number));
                if fits && !fired {
                    let (data, told) = (wanted.told(&happening.data), happening.key.clone());
                    let firing = rule.firing(happening.kind, nr, data, told, happening.depth);
                    acts.push(Act::Fire(number, Box::new(firing)));
                }
                continue;
            }
            let id = (rule.key.clone(), nr, Wanted::subject(happening));
            let waits = self.holds.get(&id);
            let fits = fits || self.silent.contains(&id) && wanted.is_so(happening);
            if !wanted.is_silent(happening) {
                self.silent.remove(&id);
            } else if waits.is_some() {
                self.silent.insert(id.clone());
            }
            let hold = |why: &str, ms: u64, since: Timestamp| Hold {
                key: id.0.clone(),
                nr,
                subject: id.2.clone(),
                digest: rule.digest.clone(),
                why: why.to_string(),
                kind: happening.kind.to_string(),
                data: wanted.told(&happening.data),
                told: happening.key.clone(),
                depth: happening.depth,
                since,
                due: happening.at.plus_micros(i64::try_from(ms.saturating_mul(1000)).unwrap_or(i64::MAX)),
            };
            match (timing.held_ms, timing.debounce_ms) {
                // It began then, and still is.
                (Some(_), _) if fits && waits.is_some() => {}
                (Some(ms), _) if fits => acts.push(Act::Hold(hold("for", ms, happening.at))),
                (Some(ms), _) if wanted.ends(happening) => {
                    if let Some(over) = waits {
                        acts.push(broken_off(number, rule, over, ms, happening.at));
                        acts.push(Act::Release(over.key.clone(), over.nr, over.subject.clone()));
                    }
                }
                (None, Some(ms)) if fits => {
                    let since = waits.map_or(happening.at, |hold| hold.since);
                    acts.push(Act::Hold(hold("debounce", ms, since)));
                }
                _ => {}
            }
        }
        self.note(&acts);
        acts
    }

    /// What waited until now: each fires and is over.
    pub fn due(&mut self, now: Timestamp) -> Vec<Act> {
        let mut ready: Vec<Hold> = self.holds.values().filter(|hold| hold.due <= now).cloned().collect();
        ready.sort_by(|a, b| (a.due, &a.key, a.nr, &a.subject).cmp(&(b.due, &b.key, b.nr, &b.subject)));
        let mut acts = Vec::new();
        for hold in ready {
            if let Some(number) = self.number(&hold.key) {
                let held = Some((hold.subject.clone(), hold.since));
                let firing = NewFiring { held, ..after_wait(&self.rules[number], &hold, &hold.why) };
                acts.push(Act::Fire(number, Box::new(firing)));
            }
            let Act::Release(key, nr, subject) = self.release(hold) else { continue };
            acts.push(Act::Over(key, nr, subject));
        }
        acts
    }

    /// What waits now, as others changed it.
    pub fn set_holds(&mut self, holds: Vec<Hold>) {
        self.holds = holds.into_iter().map(|hold| ((hold.key.clone(), hold.nr, hold.subject.clone()), hold)).collect();
    }

    /// The rule of an automation, where it may fire.
    pub fn rule(&self, key: &RuleKey) -> Option<&Rule> {
        self.rules.get(self.number(key)?)
    }

    /// The longest time that a limit counts over, milliseconds.
    pub fn longest_limit(&self) -> u64 {
        let limits = self.rules.iter().flat_map(|rule| &rule.triggers).filter_map(|(_, _, timing)| timing.limit);
        limits.map(|(_, ms)| ms).max().unwrap_or(0)
    }

    /// What was fired before, as far as limits count it, instead of what is remembered of it.
    pub fn set_fired(&mut self, fired: &[Admitted]) {
        self.gates.set_fired(fired);
    }

    /// When the next thing that waits is due.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.holds.values().map(|hold| hold.due).min()
    }

    /// Timers that were due before this moment wait until it: what ended them while nobody listened may still be told.
    pub fn postpone(&mut self, until: Timestamp) {
        self.holds.values_mut().filter(|hold| hold.due < until).for_each(|hold| hold.due = until);
    }

    /// Whether a firing may be, now that it is known what of its automation is open. `blocked` is what its condition says
    /// against it, `id` what it would be called, `may_begin` whether somebody is free to do its work.
    pub fn admit(
        &mut self,
        firing: &NewFiring,
        blocked: Option<&str>,
        id: Id,
        open: &[OpenJob],
        now: Timestamp,
        may_begin: bool,
    ) -> Admission {
        let Some(rule) = self.number(&firing.key).and_then(|number| self.rules.get(number)) else {
            return self.no(firing, FiringOutcome::Dropped, "it is not enabled any more".into(), id, now);
        };
        let (mode, max) = (rule.mode, rule.max());
        // What comes by another way than the trigger of its number is not bound by that.
        let trigger = rule.triggers.get(firing.nr as usize).filter(|(written, ..)| written.kind == firing.kind);
        let (own, limit) = (trigger.map(|_| firing.nr), trigger.and_then(|(_, _, timing)| timing.limit));
        if firing.depth >= self.bounds.depth {
            let why = format!("it is the consequence of {} firings, one of which may be its own", firing.depth);
            return self.no(firing, FiringOutcome::Looped, why, id, now);
        }
        if let Some(why) = blocked {
            return self.no(firing, FiringOutcome::Blocked, why.to_string(), id, now);
        }
        if limit.is_none() && self.echoes(firing) >= IN_A_ROW {
            let path = firing.data["path"].as_str().unwrap_or_default();
            let why = format!(
                "{path} changed {IN_A_ROW} times in a row while its own work ran: it fires itself, or say limit= for how often it may"
            );
            return self.stop(firing, why, id, now);
        }
        if let Some((count, ms)) = limit
            && !self.gates.is_within(&firing.key, firing.nr, (count, ms), now)
        {
            let why = format!("it may fire {count} times in {}", human_ms(ms));
            return self.no(firing, FiringOutcome::Limited, why, id, now);
        }
        let owed = firing.is_owed();
        let admission = match mode {
            _ if open.is_empty() && may_begin => Admission::Begin,
            _ if open.is_empty() => Admission::Wait,
            // What was missed is owed: it is done one after another, however much of it there is.
            _ if owed => Admission::Wait,
            Mode::Single => {
                return self.no(firing, FiringOutcome::Dropped, "it is not done with the last one".into(), id, now);
            }
            Mode::Restart => Admission::Replace,
            Mode::Queued | Mode::Parallel if open.len() >= max => {
                let why = format!("{} run or wait already, which is the most", open.len());
                return self.no(firing, FiringOutcome::Dropped, why, id, now);
            }
            Mode::Queued => Admission::Wait,
            Mode::Parallel if may_begin => Admission::Begin,
            Mode::Parallel => Admission::Wait,
        };
        let most = self.bounds.per_minute as usize;
        let happened = if owed { firing.happened() } else { Some(now) };
        let is_often = |gates: &mut Gates, at| gates.in_last_minute(&firing.key, at) >= most;
        if most > 0 && firing.kind != "manual" && happened.is_some_and(|at| is_often(&mut self.gates, at)) {
            return self.stop(firing, format!("it was fired {most} times in a minute"), id, now);
        }
        self.gates.fired(&Admitted { key: firing.key.clone(), nr: own, at: now, happened });
        admission
    }

    /// Work is over that this fired.
    pub fn worked(&mut self, key: RuleKey, fired: &Json, begun: Timestamp, ended: Timestamp) {
        if let (Some("file"), Some(path)) = (fired["kind"].as_str(), fired["path"].as_str()) {
            self.echoes.worked(key, path, begun, ended);
        }
    }

    /// How often in a row the file of a firing changed while the work ran that it had fired.
    fn echoes(&mut self, firing: &NewFiring) -> u32 {
        let changed = firing.data["modified"].as_str().and_then(|text| text.parse().ok());
        match (firing.kind.as_str(), firing.data["path"].as_str(), changed) {
            ("file", Some(path), Some(changed)) => self.echoes.changed(&firing.key, path, changed),
            _ => 0,
        }
    }

    /// Forgets what counts no more.
    pub fn tidy(&mut self, now: Timestamp) {
        self.echoes.tidy(now);
        let longest = self.longest_limit();
        self.gates.tidy(now, i64::try_from(longest.saturating_mul(1000)).unwrap_or(i64::MAX));
    }

    fn number(&self, key: &RuleKey) -> Option<usize> {
        self.numbers.get(key).copied()
    }

    /// It may not fire any more until a person says so.
    fn stop(&mut self, firing: &NewFiring, why: String, id: Id, now: Timestamp) -> Admission {
        let onto = self.gates.line(&firing.key, FiringOutcome::Looped, id, now);
        self.rules.retain(|other| other.key != firing.key);
        let rest = std::mem::take(&mut self.rules);
        self.set_rules(rest);
        Admission::No { outcome: FiringOutcome::Looped, why, onto, stop: true }
    }

    fn no(&mut self, firing: &NewFiring, outcome: FiringOutcome, why: String, id: Id, now: Timestamp) -> Admission {
        let onto = self.gates.line(&firing.key, outcome, id, now);
        Admission::No { outcome, why, onto, stop: false }
    }

    fn note(&mut self, acts: &[Act]) {
        for act in acts {
            match act {
                Act::Hold(hold) => {
                    let id = (hold.key.clone(), hold.nr, hold.subject.clone());
                    self.holds.insert(id, hold.clone());
                }
                Act::Release(key, nr, subject) => {
                    self.holds.remove(&(key.clone(), *nr, subject.clone()));
                }
                Act::Fire(..) | Act::Broken(..) | Act::Over(..) => {}
            }
        }
    }

    fn release(&mut self, hold: Hold) -> Act {
        let act = Act::Release(hold.key, hold.nr, hold.subject);
        self.note(std::slice::from_ref(&act));
        act
    }
}

/// What is fired by something that waited. The same wait told twice is one; it may begin again with the same thing.
fn after_wait(rule: &Rule, hold: &Hold, why: &str) -> NewFiring {
    let mut data = hold.data.clone();
    if let Some(fields) = data.as_object_mut() {
        fields.insert("since".into(), json!(hold.since));
    }
    let told = format!("{why}:{}:{}:{}", hold.nr, hold.subject, hold.since.as_micros());
    rule.firing(&hold.kind, hold.nr, data, Some(told), hold.depth)
}

/// What was to last `ms` milliseconds ended before that.
fn broken_off(number: usize, rule: &Rule, hold: &Hold, ms: u64, now: Timestamp) -> Act {
    let lasted = u64::try_from(now.since(hold.since) / 1000).unwrap_or(0);
    let why = format!("it lasted {} and not {}, as for= wants", human_ms(lasted), human_ms(ms));
    Act::Broken(number, Box::new(after_wait(rule, hold, "broken")), why)
}

/// The kind of a press of a button that stands for an automation; `command` is its full name.
pub const BUTTON: &str = "button";

/// What fired, in a few words: `mqtt home/door`.
pub fn said_of(kind: &str, data: &Json) -> String {
    let about = ["topic", "entity", "path", "name"].iter().find_map(|field| data[*field].as_str());
    let slot = data["slot"].as_str().and_then(|slot| slot.parse::<Timestamp>().ok()).map(Timestamp::local_slot);
    match slot.as_deref().or(about) {
        Some(about) => format!("{kind} {about}"),
        None => kind.to_string(),
    }
}

/// The longest text of a happening that the trace keeps, bytes.
const TRACED: usize = 4096;

/// What the trace keeps of a happening: long texts are cut, and what belongs to them is left out.
fn short(mut data: Json) -> Json {
    if data.to_string().len() <= 4 * TRACED {
        return data;
    }
    for value in data.as_object_mut().into_iter().flat_map(|fields| fields.values_mut()) {
        match value {
            Json::String(text) if text.len() > TRACED => {
                text.truncate(text.floor_char_boundary(TRACED));
                text.push('…');
            }
            Json::Array(_) | Json::Object(_) if value.to_string().len() > TRACED => *value = Json::Null,
            _ => {}
        }
    }
    data
}
