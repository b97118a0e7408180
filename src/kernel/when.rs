//! Words for time as a person writes them in a search or a list: `7d`, `today`, `2026-01-31`.
//!
//! The clock and the zone are given, so that a test can fix both. It knows no schedules.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Span, ToSpan};

use crate::kernel::clock::Timestamp;
use crate::kernel::error::{Error, Kind, Result};

/// The stretch of time that a word means. "Since it" begins at `from`, "until it" ends before `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// The first instant of it.
    pub from: Timestamp,
    /// The first instant after it; an instant is its own end.
    pub to: Timestamp,
}

/// Reads a length of time before `now` (`30s`, `10m`, `24h`, `7d`, `2w`, `3mo`, `1y`), a day, month or year of `zone`
/// (`today`, `yesterday`, `2026-01-31`, `2026-01`, `2026`), or an instant in RFC 3339. `Usage` for anything else.
pub fn stretch(text: &str, now: Timestamp, zone: &TimeZone) -> Result<Stretch> {
    let word = text.trim().to_lowercase();
    let read = || ago(&word, now, zone).or_else(|| day(&word, now, zone)).or_else(|| month(&word, zone));
    if let Some(found) = read() {
        return Ok(found);
    }
    let instant: Result<Timestamp> = text.trim().parse();
    instant.map(|at| Stretch { from: at, to: at }).map_err(|_| {
        Error::new(Kind::Usage, format!("`{text}` is no time"))
            .hint("write 24h, 7d, today, yesterday, 2026-01-31, 2026-01 or 2026-01-31T12:00:00Z")
    })
}

/// A time of day: `07:30`, `7:30:15`.
pub fn time_of_day(text: &str) -> Option<Time> {
    let mut parts = text.trim().split(':');
    let mut part = |most: i8, digits: std::ops::RangeInclusive<usize>| -> Option<i8> {
        let text = parts.next()?;
        let fits = digits.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        text.parse().ok().filter(|n| fits && *n <= most)
    };
    let (hour, minute) = (part(23, 1..=2)?, part(59, 2..=2)?);
    let second = match text.matches(':').count() {
        1 => 0,
        2 => part(59, 2..=2)?,
        _ => return None,
    };
    Time::new(hour, minute, second, 0).ok()
}

/// The first instant after `now` that a text names: a time of day on the clock of `zone`; or one that may be past, with its
/// day on that clock (`2026-01-31T12:00`, `2026-01-31 12:00`), or in RFC 3339. A time that the clock jumps over comes as
/// much later as it jumps.
pub fn next(text: &str, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    let text = text.trim();
    let Some(time) = time_of_day(text) else {
        let on_the_clock = || text.parse::<DateTime>().ok()?.to_zoned(zone.clone()).ok().map(|zoned| moment(&zoned));
        return text.parse().ok().or_else(on_the_clock);
    };
    let today = now.in_zone(zone).date();
    let on = |date: Date| date.to_datetime(time).to_zoned(zone.clone()).ok().map(|zoned| moment(&zoned));
    on(today).filter(|at| *at > now).or_else(|| on(today.tomorrow().ok()?))
}

fn ago(word: &str, now: Timestamp, zone: &TimeZone) -> Option<Stretch> {
    let digits = word.find(|c: char| !c.is_ascii_digit())?;
    let number: i64 = word[..digits].parse().ok()?;
    let span = match &word[digits..] {
        "s" => Span::new().try_seconds(number),
        "m" | "min" => Span::new().try_minutes(number),
        "h" => Span::new().try_hours(number),
        "d" => Span::new().try_days(number),
        "w" => Span::new().try_weeks(number),
        "mo" => Span::new().try_months(number),
        "y" => Span::new().try_years(number),
        _ => return None,
    };
    let then = span.ok().and_then(|span| now.in_zone(zone).checked_sub(span).ok());
    // Longer ago than time reaches is since ever.
    let at = then.map_or(Timestamp::from_micros(Timestamp::MIN), |then| moment(&then));
    Some(Stretch { from: at, to: at })
}

fn day(word: &str, now: Timestamp, zone: &TimeZone) -> Option<Stretch> {
    let today = now.in_zone(zone).date();
    let date = match word {
        "today" => today,
        "yesterday" => today.yesterday().ok()?,
        _ if word.len() == 10 => word.parse().ok()?,
        _ => return None,
    };
    between(date, date.tomorrow().ok()?, zone)
}

fn month(word: &str, zone: &TimeZone) -> Option<Stretch> {
    let digits = |text: &str, many: usize| text.len() == many && text.bytes().all(|b| b.is_ascii_digit());
    let (first, length) = match word.split_once('-') {
        None if digits(word, 4) => (Date::new(word.parse().ok()?, 1, 1).ok()?, 1.year()),
        Some((year, month)) if digits(year, 4) && digits(month, 2) => {
            (Date::new(year.parse().ok()?, month.parse().ok()?, 1).ok()?, 1.month())
        }
        _ => return None,
    };
    between(first, first.checked_add(length).ok()?, zone)
}

fn between(first: Date, after: Date, zone: &TimeZone) -> Option<Stretch> {
    let start = |date: Date| date.to_zoned(zone.clone()).ok().map(|zoned| moment(&zoned));
    Some(Stretch { from: start(first)?, to: start(after)? })
}

fn moment(zoned: &jiff::Zoned) -> Timestamp {
    Timestamp::from_micros(zoned.timestamp().as_microsecond())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> (String, String) {
        let now = "2026-03-29T10:30:00Z".parse().unwrap();
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let found = stretch(text, now, &zone).unwrap();
        let short = |at: Timestamp| at.to_string().replace(":00.000000Z", "");
        (short(found.from), short(found.to))
    }

    #[test]
    fn the_next_time_of_day_is_today_or_tomorrow() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let next = |text: &str, now: &str| super::next(text, now.parse().unwrap(), &zone).map(|at| at.to_string());
        let said = |text: &str| Some(text.to_string());
        assert_eq!(next("07:30", "2026-11-21T05:00:00Z"), said("2026-11-21T06:30:00.000000Z"));
        assert_eq!(next("7:30:05", "2026-11-21T07:00:00Z"), said("2026-11-22T06:30:05.000000Z"));
        assert_eq!(next("02:30", "2026-03-28T20:00:00Z"), said("2026-03-29T01:30:00.000000Z"));
        assert_eq!(next("2026-12-24T21:30", "2026-11-21T07:00:00Z"), said("2026-12-24T20:30:00.000000Z"));
        assert_eq!(next("2026-01-31 12:00:05", "2026-11-21T07:00:00Z"), said("2026-01-31T11:00:05.000000Z"));
        assert_eq!(next("2026-11-21T10:00:00+01:00", "2026-11-21T07:00:00Z"), said("2026-11-21T09:00:00.000000Z"));
        for bad in ["24:00", "7:3", "noon", "", "07:30:00:00", "-1:30"] {
            assert_eq!(next(bad, "2026-11-21T07:00:00Z"), None, "{bad}");
        }
    }

    #[test]
    fn days_and_months_are_those_of_the_zone_also_when_the_clocks_change() {
        let pair = |a: &str, b: &str| (a.to_string(), b.to_string());
        assert_eq!(read("today"), pair("2026-03-28T23:00", "2026-03-29T22:00"));
        assert_eq!(read("Yesterday"), pair("2026-03-27T23:00", "2026-03-28T23:00"));
        assert_eq!(read("2026-01-31"), pair("2026-01-30T23:00", "2026-01-31T23:00"));
        assert_eq!(read("2026-03"), pair("2026-02-28T23:00", "2026-03-31T22:00"));
        assert_eq!(read("2025"), pair("2024-12-31T23:00", "2025-12-31T23:00"));
        assert_eq!(read("24h").0, "2026-03-28T10:30");
        assert_eq!(read("1d").0, "2026-03-28T11:30");
        assert_eq!(read("2w").0, "2026-03-15T11:30");
        assert_eq!(read("1mo").0, "2026-02-28T11:30");
        assert_eq!(read("10m"), pair("2026-03-29T10:20", "2026-03-29T10:20"));
        assert_eq!(read("2026-01-31T12:00:00+01:00").0, "2026-01-31T11:00");
        assert!(read("99999y").0.starts_with('-'));
    }

    #[test]
    fn what_is_no_time_is_said() {
        let now = Timestamp::from_micros(0);
        for wrong in ["", "soon", "7", "7x", "2026-13", "2026-02-30", "d", "-7d", "٣d"] {
            let error = stretch(wrong, now, &TimeZone::UTC).unwrap_err();
            assert_eq!(error.kind(), Kind::Usage, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_time_or_an_error(text in "\\PC{0,20}", now in Timestamp::MIN..=Timestamp::MAX) {
            let _ = stretch(&text, Timestamp::from_micros(now), &TimeZone::UTC);
        }

        #[test]
        fn a_stretch_never_ends_before_it_begins(text in "[0-9]{1,6}(s|m|h|d|w|mo|y)|[0-9]{4}-[0-9]{2}(-[0-9]{2})?") {
            if let Ok(found) = stretch(&text, Timestamp::from_micros(0), &TimeZone::UTC) {
                prop_assert!(found.from <= found.to);
            }
        }
    }
}
