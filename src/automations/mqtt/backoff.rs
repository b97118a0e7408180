//! How long to wait before a broker or server is tried again.
//!
//! It waits for nothing itself and knows no clock: whoever asks says what went wrong and how long it had stood.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

/// The first wait, and the longest after which is tried again.
const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(60);
/// Where trying again soon would be no use: a wrong password is not right a second later.
const HOPELESS: Duration = Duration::from_secs(120);
const HOPELESS_LONGEST: Duration = Duration::from_secs(900);
/// A connection that stood so long was a good one.
const GOOD: Duration = Duration::from_secs(10);

/// Counts the attempts that failed in a row.
#[derive(Debug)]
pub struct Backoff {
    failed: u32,
    chance: u64,
}

impl Default for Backoff {
    fn default() -> Backoff {
        // Every hasher of the standard library begins at a place of its own.
        Backoff { failed: 0, chance: RandomState::new().build_hasher().finish() | 1 }
    }
}

impl Backoff {
    /// How long to wait now. `stood` is how long the connection that was lost had stood; `None` when none came about.
    /// `hopeless`: nothing but a change by a person, or of another program, can mend it.
    pub fn next(&mut self, stood: Option<Duration>, hopeless: bool) -> Duration {
        if stood.is_some_and(|stood| stood >= GOOD) {
            self.failed = 0;
        }
        let (first, longest) = if hopeless { (HOPELESS, HOPELESS_LONGEST) } else { (FIRST, LONGEST) };
        let wait = first.saturating_mul(1 << self.failed.min(16)).min(longest);
        self.failed = self.failed.saturating_add(1);
        // Three quarters to five quarters, so that many clients do not come back at once.
        let share = 750 + self.roll() % 501;
        wait.saturating_mul(u32::try_from(share).unwrap_or(1000)) / 1000
    }

    /// How many attempts failed in a row.
    pub fn failed(&self) -> u32 {
        self.failed
    }

    /// A number by xorshift; good enough to spread clients, and for nothing else.
    fn roll(&mut self) -> u64 {
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        self.chance
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_port_is_tried_less_than_once_a_second_after_half_a_minute() {
        let mut backoff = Backoff::default();
        let (mut now, mut attempts) = (Duration::ZERO, Vec::new());
        while now < Duration::from_secs(600) {
            attempts.push(now);
            now += backoff.next(None, false);
        }
        let first = attempts.iter().filter(|at| **at < Duration::from_secs(30)).count();
        assert!((4..=9).contains(&first), "{first} in the first half minute");
        let later = attempts.iter().filter(|at| **at >= Duration::from_secs(30)).count();
        assert!((7..=16).contains(&later), "{later} in the next ten minutes");
    }

    #[test]
    fn a_wrong_password_is_not_tried_again_soon_and_a_good_connection_is() {
        let mut backoff = Backoff::default();
        for _ in 0..20 {
            assert!(backoff.next(None, true) >= Duration::from_secs(90));
        }
        assert!(backoff.next(None, true) <= Duration::from_secs(1125));
        assert!(backoff.next(Some(Duration::from_secs(3600)), false) <= Duration::from_millis(625));
        assert!(backoff.next(Some(Duration::from_secs(1)), false) >= Duration::from_millis(750), "flapping");
    }

    #[test]
    fn two_clients_do_not_come_back_at_once() {
        let waits: std::collections::BTreeSet<Duration> =
            (0..50).map(|_| Backoff::default().next(None, false)).collect();
        assert!(waits.len() > 20, "{waits:?}");
        assert!(waits.iter().all(|w| (375..=625).contains(&w.as_millis())));
    }
}
