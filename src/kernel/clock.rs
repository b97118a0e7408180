//! What time it is: instants in microseconds UTC, and the clock they come from.
//!
//! A clock is passed in, never looked up, so that a test can fix it. It knows no calendar rule beyond
//! printing an instant; schedules belong to the rooms that keep them.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::tz::TimeZone;

use crate::kernel::error::{Context, Error, Kind, Result};

/// An instant: microseconds since 1970-01-01T00:00:00Z, leap seconds ignored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The first instant that can be written as RFC 3339 here (year -9999, as jiff counts).
    pub const MIN: i64 = -377_705_023_201_000_000;
    /// The last instant that can be written as RFC 3339 here (year 9999).
    pub const MAX: i64 = 253_402_207_200_999_999;

    /// The instant `micros` microseconds after 1970; outside the writable range it becomes the nearest end of it.
    pub fn from_micros(micros: i64) -> Self {
        Timestamp(micros.clamp(Self::MIN, Self::MAX))
    }

    /// Microseconds since 1970.
    pub fn as_micros(self) -> i64 {
        self.0
    }

    /// Milliseconds since 1970, rounded down, and 0 before it (what a UUIDv7 carries).
    pub fn as_millis(self) -> u64 {
        u64::try_from(self.0.div_euclid(1000)).unwrap_or(0)
    }

    /// This instant moved by `micros` microseconds.
    pub fn plus_micros(self, micros: i64) -> Self {
        Self::from_micros(self.0.saturating_add(micros))
    }

    /// Microseconds from `earlier` to this instant; negative when `earlier` is later.
    pub fn since(self, earlier: Timestamp) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// For lists a person reads: `2026-11-21 01:11` on the clock of this machine.
    pub fn local_short(self) -> String {
        self.short_in(TimeZone::system())
    }

    /// For lists of what happened: as [`Timestamp::local_short`], to the second.
    pub fn local_seconds(self) -> String {
        self.seconds_in(&TimeZone::system())
    }

    fn seconds_in(self, zone: &TimeZone) -> String {
        self.in_zone(zone).strftime("%Y-%m-%d %H:%M:%S").to_string()
    }

    /// For a time that was set beforehand: as [`Timestamp::local_short`], with seconds only where it has some.
    pub fn local_slot(self) -> String {
        let zoned = self.in_zone(&TimeZone::system());
        zoned.strftime(if zoned.second() == 0 { "%Y-%m-%d %H:%M" } else { "%Y-%m-%d %H:%M:%S" }).to_string()
    }

    /// What this instant's zone is called here: `UTC`, `CET`.
    pub fn local_zone(self) -> String {
        self.in_zone(&TimeZone::system()).strftime("%Z").to_string()
    }

    /// For one thing that a person looks at closely: `2026-11-21 01:11:07.250 UTC`.
    pub fn local_exact(self) -> String {
        self.exact_in(TimeZone::system())
    }

    /// The same on the clock of `zone`.
    pub fn exact_in(self, zone: TimeZone) -> String {
        self.in_zone(&zone).strftime("%Y-%m-%d %H:%M:%S%.3f %Z").to_string()
    }

    /// For lists a person reads: `2026-11-21 01:11` on the clock of `zone`.
    pub fn short_in(self, zone: TimeZone) -> String {
        self.in_zone(&zone).strftime("%Y-%m-%d %H:%M").to_string()
    }

    /// This instant on the calendar of `zone`.
    pub(super) fn in_zone(self, zone: &TimeZone) -> jiff::Zoned {
        self.instant().to_zoned(zone.clone())
    }

    fn instant(self) -> jiff::Timestamp {
        jiff::Timestamp::from_microsecond(self.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
    }
}

/// RFC 3339 in UTC with six decimals, so that text sorts as time does: `2026-11-21T00:11:01.250000Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.6}", self.instant())
    }
}

/// Reads RFC 3339 with any offset; what is finer than a microsecond is dropped.
impl FromStr for Timestamp {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let instant: jiff::Timestamp =
            text.parse().context(Kind::Usage, || format!("{text:?} is no time; write it like 2026-11-21T08:30:00Z"))?;
        Ok(Timestamp::from_micros(instant.as_microsecond()))
    }
}

impl serde::Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Where the time comes from. Clones share one clock.
#[derive(Clone, Debug)]
pub struct Clock {
    fixed: Option<Arc<AtomicI64>>,
}

impl Clock {
    /// How far a fixed clock moves with each reading, microseconds.
    pub const FIXED_STEP: i64 = 1000;

    /// The clock of this machine.
    pub fn system() -> Self {
        Clock { fixed: None }
    }

    /// A clock for tests: the first reading is `start`, each later one is a millisecond on.
    pub fn fixed(start: Timestamp) -> Self {
        Clock { fixed: Some(Arc::new(AtomicI64::new(start.as_micros()))) }
    }

    /// The machine's clock, or a fixed one where `value` (the text of `FAC_TEST_CLOCK`) names an instant in RFC 3339.
    pub fn from_test_value(value: Option<&str>) -> Result<Self> {
        Ok(match value {
            None | Some("") => Clock::system(),
            Some(text) => Clock::fixed(text.parse()?),
        })
    }

    /// Whether a test fixed it.
    pub fn is_fixed(&self) -> bool {
        self.fixed.is_some()
    }

    /// What time it is.
    pub fn now(&self) -> Timestamp {
        match &self.fixed {
            Some(next) => Timestamp::from_micros(next.fetch_add(Self::FIXED_STEP, Ordering::Relaxed)),
            None => Timestamp::from_micros(jiff::Timestamp::now().as_microsecond()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn an_instant_is_written_in_utc_with_six_decimals() {
        assert_eq!(Timestamp::from_micros(0).to_string(), "1970-01-01T00:00:00.000000Z");
        assert_eq!(Timestamp::from_micros(1_795_219_861_250_000).to_string(), "2026-11-21T00:11:01.250000Z");
        assert_eq!(Timestamp::from_micros(-1).to_string(), "1969-12-31T23:59:59.999999Z");
    }

    #[test]
    fn an_offset_is_understood() {
        assert_eq!(at("2026-11-21T01:11:01.25+01:00"), at("2026-11-21T00:11:01.25Z"));
        assert_eq!(at("1970-01-01T00:00:01Z").as_micros(), 1_000_000);
    }

    #[test]
    fn what_is_no_time_is_a_usage_error() {
        let error = "yesterday".parse::<Timestamp>().unwrap_err();
        assert_eq!(error.kind(), Kind::Usage);
        assert_eq!(error.message(), "\"yesterday\" is no time; write it like 2026-11-21T08:30:00Z");
    }

    #[test]
    fn the_ends_of_the_range_are_jiffs() {
        assert_eq!(Timestamp::MIN, jiff::Timestamp::MIN.as_microsecond());
        assert_eq!(Timestamp::MAX, jiff::Timestamp::MAX.as_microsecond());
        assert_eq!(Timestamp::from_micros(i64::MAX).as_micros(), Timestamp::MAX);
        assert!(Timestamp::from_micros(i64::MIN).to_string().starts_with("-009999-01-"));
    }

    #[test]
    fn a_list_shows_the_wall_clock() {
        let berlin = TimeZone::fixed(jiff::tz::offset(1));
        assert_eq!(at("2026-11-21T23:30:59Z").seconds_in(&berlin), "2026-11-22 00:30:59");
        assert_eq!(at("2026-11-21T23:30:59Z").short_in(berlin), "2026-11-22 00:30");
    }

    #[test]
    fn a_fixed_clock_moves_a_millisecond_a_reading_and_is_shared_by_clones() {
        let clock = Clock::from_test_value(Some("2026-01-02T03:04:05Z")).unwrap();
        let clone = clock.clone();
        assert_eq!(clock.now().to_string(), "2026-01-02T03:04:05.000000Z");
        assert_eq!(clone.now().to_string(), "2026-01-02T03:04:05.001000Z");
        assert_eq!(clock.now().to_string(), "2026-01-02T03:04:05.002000Z");
        assert!(!Clock::from_test_value(None).unwrap().is_fixed());
        assert!(Clock::from_test_value(Some("soon")).is_err());
    }

    proptest! {
        #[test]
        fn writing_and_reading_an_instant_gives_it_back(micros in Timestamp::MIN..=Timestamp::MAX) {
            let instant = Timestamp::from_micros(micros);
            prop_assert_eq!(instant.to_string().parse::<Timestamp>().unwrap(), instant);
            let json = serde_json::to_string(&instant).unwrap();
            prop_assert_eq!(serde_json::from_str::<Timestamp>(&json).unwrap(), instant);
        }

        #[test]
        fn any_text_is_an_instant_or_an_error(text in "\\PC{0,40}") {
            let _ = text.parse::<Timestamp>();
        }

        #[test]
        fn text_sorts_as_time_does(a in 0..=Timestamp::MAX, b in 0..=Timestamp::MAX) {
            let (a, b) = (Timestamp::from_micros(a), Timestamp::from_micros(b));
            prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
        }
    }
}
