//! How often something may be: rate limits of triggers, the bound that ends loops, and how many lines of the trace the same
//! may take.

use std::collections::{HashMap, VecDeque};

use crate::kernel::clock::Timestamp;
use crate::kernel::ids::Id;
use crate::store::{Admitted, FiringOutcome, RuleKey};

/// A minute, µs.
pub(super) const MINUTE: i64 = 60_000_000;

/// So many firings of an automation that were kept back for the same reason are written in a minute; more are counted.
const WRITTEN: usize = 20;

/// What bounds all automations.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// A firing that is the consequence of so many is taken for a loop.
    pub depth: u32,
    /// An automation that is fired more often than this in a minute is stopped; 0 for never.
    pub per_minute: u32,
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds { depth: 8, per_minute: 300 }
    }
}

/// Instants, the oldest first, of which only those of the last while are kept.
#[derive(Debug, Default)]
struct Window(VecDeque<Timestamp>);

impl Window {
    /// How many there were in the `span` µs before `now`.
    fn count(&mut self, now: Timestamp, span: i64) -> usize {
        // A clock that was set back leaves instants ahead of now, which would never go.
        while self.0.front().is_some_and(|at| now.since(*at) >= span || now < *at) {
            self.0.pop_front();
        }
        self.0.len()
    }
}

/// What was let through lately.
#[derive(Debug, Default)]
pub(super) struct Gates {
    limits: HashMap<(RuleKey, u32), Window>,
    all: HashMap<RuleKey, Window>,
    lines: HashMap<(RuleKey, FiringOutcome), (Window, Option<Id>)>,
}

impl Gates {
    /// Whether a trigger may fire once more within its limit: so many in so many milliseconds.
    pub(super) fn is_within(&mut self, key: &RuleKey, nr: u32, limit: (u32, u64), now: Timestamp) -> bool {
        let span = i64::try_from(limit.1.saturating_mul(1000)).unwrap_or(i64::MAX);
        let window = self.limits.entry((key.clone(), nr)).or_default();
        window.count(now, span) < limit.0 as usize
    }

    /// How often an automation was fired in the minute before `now`.
    pub(super) fn in_last_minute(&mut self, key: &RuleKey, now: Timestamp) -> usize {
        self.all.get_mut(key).map_or(0, |window| window.count(now, MINUTE))
    }

    /// These were fired, the oldest first, and no others.
    pub(super) fn set_fired(&mut self, fired: &[Admitted]) {
        self.limits.clear();
        self.all.clear();
        fired.iter().for_each(|one| self.fired(one));
    }

    /// How often an automation was fired counts from here on, as far as loops go; limits are limits.
    pub(super) fn count_from(&mut self, key: &RuleKey, from: Timestamp) {
        if let Some(window) = self.all.get_mut(key) {
            window.0.retain(|at| *at >= from);
        }
    }

    /// It was fired.
    pub(super) fn fired(&mut self, one: &Admitted) {
        if let Some(nr) = one.nr {
            self.limits.entry((one.key.clone(), nr)).or_default().0.push_back(one.at);
        }
        if let Some(at) = one.happened {
            self.all.entry(one.key.clone()).or_default().0.push_back(at);
        }
    }

    /// The firing on which one that was kept back is counted, where enough of its kind were written. It would be called
    /// `id`.
    pub(super) fn line(&mut self, key: &RuleKey, outcome: FiringOutcome, id: Id, now: Timestamp) -> Option<Id> {
        let (window, last) = self.lines.entry((key.clone(), outcome)).or_default();
        if window.count(now, MINUTE) >= WRITTEN && last.is_some() {
            return *last;
        }
        window.0.push_back(now);
        *last = Some(id);
        None
    }

    /// Forgets what is too old to count; `longest` is the longest span of a limit, µs.
    pub(super) fn tidy(&mut self, now: Timestamp, longest: i64) {
        self.limits.retain(|_, window| window.count(now, longest.max(MINUTE)) > 0);
        self.all.retain(|_, window| window.count(now, MINUTE) > 0);
        self.lines.retain(|_, (window, _)| window.count(now, MINUTE) > 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::ids::Ids;

    fn key() -> RuleKey {
        RuleKey { source: "user".into(), command: "a".into() }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn a_limit_holds_for_any_span_of_its_length() {
        let mut gates = Gates::default();
        let limit = (2, 10_000);
        let mut let_through = Vec::new();
        for second in 0..25 {
            if gates.is_within(&key(), 0, limit, at(second)) {
                gates.fired(&Admitted { key: key(), nr: Some(0), at: at(second), happened: Some(at(second)) });
                let_through.push(second);
            }
        }
        assert_eq!(let_through, [0, 1, 10, 11, 20, 21]);
        assert!(gates.is_within(&key(), 1, limit, at(25)), "each trigger has its own");
        assert_eq!(gates.in_last_minute(&key(), at(25)), 6);
        assert!(gates.is_within(&key(), 0, limit, at(3)), "a clock that was set back locks nobody out");
    }

    #[test]
    fn the_same_takes_some_lines_and_is_counted_then() {
        let mut gates = Gates::default();
        let ids = Ids::seeded(1);
        let mut line = |second| gates.line(&key(), FiringOutcome::Dropped, ids.next(at(second)), at(second));
        assert_eq!((0..WRITTEN).filter_map(|_| line(0)).count(), 0);
        let counted = line(1);
        assert!(counted.is_some());
        assert_eq!(line(2), counted);
        assert_eq!(line(70), None, "a minute later it is news again");
    }
}
