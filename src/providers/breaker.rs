//! Leaves a host alone that failed five times in a row, and lets one request through every half a minute to see.
//!
//! Pure over what is remembered of a host, so that processes share it and tests need not wait.

use serde::{Deserialize, Serialize};

/// So many failures in a row open it.
pub const FAILURES: u32 = 5;
/// So long it stays open before one request is let through, milliseconds.
pub const REST_MS: u64 = 30_000;

/// What is remembered of a host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Health {
    /// Failures since the last success.
    pub failures: u32,
    /// When the last failure or probe was, milliseconds since 1970 UTC.
    pub since_ms: u64,
}

/// Whether a request may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// Yes.
    Open,
    /// Yes, this one, to see; the given health is to be remembered first.
    Probe(Health),
    /// Not before then.
    Closed {
        /// Milliseconds since 1970 UTC.
        until_ms: u64,
    },
}

impl Health {
    /// Whether a request may be sent at `now_ms`.
    pub fn gate(&self, now_ms: u64) -> Gate {
        let until_ms = self.since_ms.saturating_add(REST_MS);
        match self.failures {
            n if n < FAILURES => Gate::Open,
            _ if now_ms < until_ms => Gate::Closed { until_ms },
            _ => Gate::Probe(Health { since_ms: now_ms, ..*self }),
        }
    }

    /// After a request: `None` when nothing is to be remembered anew.
    pub fn after(&self, well: bool, now_ms: u64) -> Option<Health> {
        match well {
            true => (self.failures > 0).then(Health::default),
            false => Some(Health { failures: self.failures.saturating_add(1), since_ms: now_ms }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_failures_close_the_gate_and_one_probe_is_let_through_after_half_a_minute() {
        let mut health = Health::default();
        for n in 0..5 {
            assert_eq!(health.gate(1_000), Gate::Open, "after {n}");
            health = health.after(false, 1_000 + n).unwrap();
        }
        assert_eq!(health.gate(1_005), Gate::Closed { until_ms: 31_004 });
        let Gate::Probe(probing) = health.gate(31_004) else { panic!() };
        assert_eq!(probing.gate(31_005), Gate::Closed { until_ms: 61_004 }, "others wait for the probe");
        assert_eq!(probing.after(false, 31_500).unwrap().gate(31_600), Gate::Closed { until_ms: 61_500 });
        assert_eq!(probing.after(true, 31_500), Some(Health::default()));
        assert_eq!(Health::default().after(true, 5), None);
    }
}
