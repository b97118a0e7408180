//! Whether the store was written since it was asked last, told by its file: to look at that is cheaper than to ask.

use std::time::{Duration, Instant, SystemTime};

use super::Store;

/// So long after it was written a file's time tells another change.
const GRAIN: Duration = Duration::from_millis(100);

/// So often it is asked in any case.
const SURE: Duration = Duration::from_secs(1);

/// How the store's file looked when the store was asked last.
#[derive(Debug, Default)]
pub struct Quiet {
    touched: Option<(SystemTime, u64)>,
    /// Whether that was long after it was written.
    settled: bool,
    asked: Option<Instant>,
}

impl Quiet {
    /// Whether nothing was written for certain; where that cannot be told, the store is to be asked now.
    pub fn is_sure(&mut self, store: &Store) -> bool {
        self.is_sure_of(store.touched(), SystemTime::now(), Instant::now())
    }

    fn is_sure_of(&mut self, touched: Option<(SystemTime, u64)>, now: SystemTime, moment: Instant) -> bool {
        let lately = self.asked.is_some_and(|asked| moment.duration_since(asked) < SURE);
        if touched.is_some() && touched == self.touched && self.settled && lately {
            return true;
        }
        // What is written within the grain of its clock looks as before.
        self.settled = touched.is_some_and(|(at, _)| now.duration_since(at).is_ok_and(|since| since > GRAIN));
        (self.touched, self.asked) = (touched, Some(moment));
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_file_that_lay_still_for_a_while_needs_no_question() {
        let (zero, begun) = (SystemTime::UNIX_EPOCH, Instant::now());
        let mut quiet = Quiet::default();
        let mut sure = |written: u64, bytes: u64, ms: u64| {
            let ago = |ms: u64| Duration::from_millis(ms);
            quiet.is_sure_of(Some((zero + ago(written), bytes)), zero + ago(ms), begun + ago(ms))
        };
        assert!(!sure(0, 9, 500) && sure(0, 9, 550) && sure(0, 9, 1400));
        assert!(!sure(0, 9, 1500), "it is asked once a second");
        assert!(!sure(1520, 9, 1550) && !sure(1520, 9, 1600), "it may have been written again within the grain");
        assert!(!sure(1520, 9, 1700) && sure(1520, 9, 1750));
        assert!(!sure(1520, 10, 1800), "it grew");
        assert!(!quiet.is_sure_of(None, zero, begun));
    }
}
