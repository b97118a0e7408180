//! The times of `schedule` triggers: which come next, and which are due.
//!
//! A slot is known by its instant: whoever finds it due first claims it in the store, and it fires once.

use std::collections::HashMap;

use serde_json::json;

use super::keeper::schedule_of;
use super::rules::{Act, Rule};
use crate::kernel::clock::Timestamp;
use crate::store::{Mark, NewFiring, RuleKey};

/// When each schedule was looked at, and when it comes next.
#[derive(Debug, Default)]
pub(super) struct Times {
    known: HashMap<(RuleKey, u32), Known>,
}

#[derive(Debug)]
struct Known {
    digest: String,
    enabled: Timestamp,
    mark: Timestamp,
    next: Option<Timestamp>,
}

impl Times {
    /// From now on these are the rules. What was looked at counts on for those that are as before.
    pub(super) fn set_rules(&mut self, rules: &[Rule], marks: &[Mark]) {
        let mut known = HashMap::new();
        for rule in rules {
            for (nr, (_, wanted, _)) in rule.triggers.iter().enumerate() {
                let Some(schedule) = schedule_of(wanted) else { continue };
                let id = (rule.key.clone(), nr as u32);
                let same = |k: &Known| k.digest == rule.digest && k.enabled == rule.enabled;
                if let Some(before) = self.known.remove(&id).filter(same) {
                    known.insert(id, before);
                    continue;
                }
                let kept = marks.iter().find(|mark| mark.key == rule.key && mark.nr == id.1).map(|mark| mark.at);
                // What was before it was enabled is not its business.
                let mark = kept.unwrap_or(rule.enabled).max(rule.enabled);
                let next = schedule.next_after(mark);
                known.insert(id, Known { digest: rule.digest.clone(), enabled: rule.enabled, mark, next });
            }
        }
        self.known = known;
    }

    /// When the next slot comes.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.known.values().filter_map(|known| known.next).min()
    }

    /// What is due at `now`, as each schedule says of what was missed; and what is to be remembered of that.
    pub(super) fn due(&mut self, rules: &[Rule], now: Timestamp) -> (Vec<Act>, Vec<Mark>) {
        let (mut acts, mut marks) = (Vec::new(), Vec::new());
        if self.next_due().is_none_or(|next| next > now) {
            return (acts, marks);
        }
        for (number, rule) in rules.iter().enumerate() {
            for (nr, (_, wanted, _)) in rule.triggers.iter().enumerate() {
                let Some(schedule) = schedule_of(wanted) else { continue };
                let nr = nr as u32;
                let Some(known) = self.known.get_mut(&(rule.key.clone(), nr)) else { continue };
                if known.next.is_none_or(|next| next > now) {
                    continue;
                }
                let slots = schedule.due(known.mark, now);
                let caught_up = slots.len() > 1;
                for slot in slots {
                    let mut firing = fire(rule, nr, slot, now);
                    if caught_up {
                        rule.owe(&mut firing);
                    }
                    acts.push(Act::Fire(number, Box::new(firing)));
                }
                known.mark = now;
                known.next = schedule.next_after(now);
                marks.push(Mark { key: rule.key.clone(), nr, at: now });
            }
        }
        (acts, marks)
    }
}

/// What a slot fires.
pub fn fire(rule: &Rule, nr: u32, slot: Timestamp, now: Timestamp) -> NewFiring {
    let late = now.since(slot).max(0) / 1000;
    let mut data = json!({"kind": "schedule", "at": now, "slot": slot, "late_ms": late});
    let schedule = rule.triggers.get(nr as usize).and_then(|(_, wanted, _)| schedule_of(wanted));
    if let Some(zone) = schedule.and_then(|schedule| schedule.zone().iana_name()) {
        data["tz"] = json!(zone);
    }
    rule.firing("schedule", nr, data, Some(format!("slot:{nr}:{slot}")), 0)
}
