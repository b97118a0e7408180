//! What a `wait` step waits for: a length of time, or a time.

use std::fmt;
use std::time::Duration;

use jiff::tz::TimeZone;

use crate::kernel::clock::{Clock, Timestamp};
use crate::kernel::duration::{human_ms, parse_ms};
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::when;

/// How often the clock is looked at while a time is waited for: a machine may sleep, and a clock may be set.
const LOOK: Duration = Duration::from_secs(20);

/// A pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pause {
    /// So long.
    For(Duration),
    /// Until then; on a clock that somebody holds, so long.
    Until(Timestamp),
}

impl Pause {
    /// Reads `10s`, `1h 30m`, `until 07:30`, `until 2026-11-21T08:30:00Z`. A time of day is that of this machine.
    pub(super) fn read(text: &str, clock: &Clock) -> Result<Pause> {
        let text = text.trim();
        let Some(time) = text.strip_prefix("until").filter(|rest| rest.starts_with(char::is_whitespace)) else {
            let ms = parse_ms(text);
            return ms.map(|ms| Pause::For(Duration::from_millis(ms))).ok_or_else(|| {
                let said = format!("`{text}` is no length of time such as `10s`");
                Error::new(Kind::BadData, said).hint("`until 07:30` waits for a time")
            });
        };
        let now = clock.now();
        let then = when::next(time.trim(), now, &TimeZone::system())
            .ok_or_else(|| Error::new(Kind::BadData, format!("`{text}` names no time such as `until 07:30`")))?;
        match clock.is_fixed() {
            true => Ok(Pause::For(between(now, then))),
            false => Ok(Pause::Until(then)),
        }
    }

    /// How long it goes on, when it has gone on for `passed`.
    pub(super) fn left(&self, passed: Duration, clock: &Clock) -> Duration {
        match self {
            Pause::For(whole) => whole.saturating_sub(passed),
            Pause::Until(then) => between(clock.now(), *then),
        }
    }

    /// How long one may wait without looking at the clock.
    pub(super) fn look(&self) -> Duration {
        match self {
            Pause::For(_) => Duration::MAX,
            Pause::Until(_) => LOOK,
        }
    }
}

fn between(now: Timestamp, then: Timestamp) -> Duration {
    Duration::from_micros(u64::try_from(then.since(now)).unwrap_or(0))
}

impl fmt::Display for Pause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Pause::For(whole) => {
                write!(f, "waits {}", human_ms(u64::try_from(whole.as_millis()).unwrap_or(u64::MAX)))
            }
            Pause::Until(then) => write!(f, "waits until {}", then.local_short()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn clock() -> Clock {
        Clock::from_test_value(Some("2026-11-21T12:00:00Z")).unwrap()
    }

    #[test]
    fn a_pause_is_a_length_or_a_time() {
        let read = |text: &str| Pause::read(text, &clock());
        assert_eq!(read(" 1h 30m\n").unwrap(), Pause::For(Duration::from_secs(5400)));
        assert_eq!(read("until 2026-11-21T12:00:05Z").unwrap(), Pause::For(Duration::from_secs(5)));
        assert_eq!(read("until 2026-11-21T11:00:00Z").unwrap(), Pause::For(Duration::ZERO));
        assert_eq!(read("until noon").unwrap_err().message(), "`until noon` names no time such as `until 07:30`");
        assert_eq!(read("a while").unwrap_err().message(), "`a while` is no length of time such as `10s`");
        assert_eq!(Pause::For(Duration::from_secs(90)).to_string(), "waits 1m 30s");
    }

    #[test]
    fn a_time_is_waited_for_by_the_clock() {
        let clock = Clock::system();
        let then = clock.now().plus_micros(3_600_000_000);
        let left = Pause::Until(then).left(Duration::from_secs(7200), &clock);
        assert!(left > Duration::from_secs(3500), "{left:?}");
    }

    proptest! {
        #[test]
        fn any_text_is_a_pause_or_an_error(text in "(until )?[ -~]{0,30}") {
            let _ = Pause::read(&text, &clock());
        }
    }
}
