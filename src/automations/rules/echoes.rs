//! Files that change while the work runs that their last change fired: what changes its own file fires itself.
//!
//! Who writes to a file nobody tells, so it takes many in a row.

use std::collections::HashMap;

use crate::kernel::clock::Timestamp;
use crate::store::RuleKey;

/// So many in a row are no accident any more.
pub(super) const IN_A_ROW: u32 = 30;

/// The grain of a file's time, µs.
const GRAIN: i64 = 10_000;

/// A file that fired nothing for so long is forgotten, µs.
const MEMORY: i64 = 3_600_000_000;

/// What is known of the files that fired an automation.
#[derive(Debug, Default)]
pub(super) struct Echoes(HashMap<(RuleKey, String), Echo>);

#[derive(Debug)]
struct Echo {
    /// When the last work on it began and ended.
    work: (Timestamp, Timestamp),
    /// A change that was not during that, and may be during the work that is under way.
    open: Option<Timestamp>,
    in_a_row: u32,
}

impl Echoes {
    /// Work that this file had fired is over.
    pub(super) fn worked(&mut self, key: RuleKey, path: &str, begun: Timestamp, ended: Timestamp) {
        let fresh = Echo { work: (begun, ended), open: None, in_a_row: 0 };
        let echo = self.0.entry((key, path.to_string())).or_insert(fresh);
        echo.work = (begun, ended);
        if let Some(changed) = echo.open.take() {
            echo.in_a_row = if is_during(changed, echo.work) { echo.in_a_row + 1 } else { 0 };
        }
    }

    /// This file changed then; how often in a row that was while the work ran which the change before had fired.
    pub(super) fn changed(&mut self, key: &RuleKey, path: &str, at: Timestamp) -> u32 {
        let Some(echo) = self.0.get_mut(&(key.clone(), path.to_string())) else { return 0 };
        match is_during(at, echo.work) {
            true => echo.in_a_row += 1,
            // It is told when the work that is under way has ended.
            false => echo.open = Some(at),
        }
        echo.in_a_row
    }

    pub(super) fn tidy(&mut self, now: Timestamp) {
        self.0.retain(|_, echo| (0..MEMORY).contains(&now.since(echo.work.1)));
    }
}

fn is_during(at: Timestamp, (begun, ended): (Timestamp, Timestamp)) -> bool {
    at >= begun.plus_micros(-GRAIN) && at <= ended.plus_micros(GRAIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_changes_during_its_own_work_counts() {
        let key = RuleKey { source: "user".into(), command: "a".into() };
        let at = |ms: i64| Timestamp::from_micros(ms * 1000);
        let mut echoes = Echoes::default();
        assert_eq!(echoes.changed(&key, "/x", at(5)), 0, "nothing was done for it yet");
        for n in 1..=4 {
            echoes.worked(key.clone(), "/x", at(n * 1000), at(n * 1000 + 100));
            assert_eq!(i64::from(echoes.changed(&key, "/x", at(n * 1000 + 50))), n);
        }
        assert_eq!(echoes.changed(&key, "/y", at(4050)), 0, "another file");
        assert_eq!(echoes.changed(&key, "/x", at(5050)), 4, "the work that it may belong to goes on");
        echoes.worked(key.clone(), "/x", at(5000), at(5900));
        assert_eq!(echoes.changed(&key, "/x", at(5800)), 6);
        echoes.changed(&key, "/x", at(6500));
        echoes.worked(key.clone(), "/x", at(7000), at(7100));
        assert_eq!(echoes.changed(&key, "/x", at(7050)), 1, "somebody else wrote it between");
        echoes.tidy(at(4_000_000));
        assert!(echoes.0.is_empty());
    }
}
