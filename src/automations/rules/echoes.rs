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
    in_a_row: u32,
}

impl Echoes {
    /// Work that this file had fired is over.
    pub(super) fn worked(&mut self, key: RuleKey, path: &str, begun: Timestamp, ended: Timestamp) {
        let echo = self.0.entry((key, path.to_string())).or_insert(Echo { work: (begun, ended), in_a_row: 0 });
        echo.work = (begun, ended);
    }

    /// This file changed then; how often in a row that was while the work ran which the change before had fired.
    pub(super) fn changed(&mut self, key: &RuleKey, path: &str, at: Timestamp) -> u32 {
        let Some(echo) = self.0.get_mut(&(key.clone(), path.to_string())) else { return 0 };
        let (begun, ended) = echo.work;
        let within = at >= begun.plus_micros(-GRAIN) && at <= ended.plus_micros(GRAIN);
        echo.in_a_row = if within { echo.in_a_row + 1 } else { 0 };
        echo.in_a_row
    }

    pub(super) fn tidy(&mut self, now: Timestamp) {
        self.0.retain(|_, echo| (0..MEMORY).contains(&now.since(echo.work.1)));
    }
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
        assert_eq!(echoes.changed(&key, "/x", at(4500)), 0, "somebody else wrote it afterwards");
        echoes.tidy(at(4_000_000));
        assert!(echoes.0.is_empty());
    }
}
