//! A year of firings in six zones, against an independent reckoning: it looks at every minute of the year, knows cron
//! fields by a few lines of its own, and finds the hours that clocks skip and repeat by looking at the clock.

use std::collections::BTreeSet;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::tests::{at, schedule};
use crate::kernel::clock::Timestamp;

const ZONES: [&str; 6] = [
    "Europe/Berlin",
    "America/New_York",
    // The clock skips midnight.
    "America/Havana",
    // It moves by half an hour.
    "Australia/Lord_Howe",
    // Back in spring, for Ramadan, and forth again.
    "Africa/Casablanca",
    "Africa/Cairo",
];

/// Minute, hour, day of month, month, day of week.
const PATTERNS: [&str; 16] = [
    "30 2 * * *",
    "0 0 * * *",
    "30 0 * * *",
    "0,15,30,45 1,2,3 * * *",
    "59 23 * * *",
    "0 9 * * 1-5",
    "30 1 * * 0",
    "0 2 31 * *",
    "0 12 15 * 1",
    "45 2 1-7 3,10,11 *",
    "*/30 * * * *",
    "0 * * * *",
    "*/20 1-3 * * *",
    "15 */2 * * 6",
    "5-10 * 29 3 *",
    "*/12 2 * * *",
];

fn field(text: &str, low: i8, high: i8) -> BTreeSet<i8> {
    let mut all = BTreeSet::new();
    for part in text.split(',') {
        let (range, step) = part.split_once('/').unwrap_or((part, "1"));
        let (from, to) = match range.split_once('-') {
            Some((a, b)) => (a.parse().unwrap(), b.parse().unwrap()),
            None if range == "*" => (low, high),
            None => (range.parse().unwrap(), range.parse().unwrap()),
        };
        all.extend((from..=to).step_by(step.parse().unwrap()));
    }
    all
}

struct Fields {
    sets: [BTreeSet<i8>; 5],
    any_day: bool,
    any_weekday: bool,
    beats: bool,
}

impl Fields {
    fn new(pattern: &str) -> Fields {
        let words: Vec<&str> = pattern.split(' ').collect();
        let bounds = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 6)];
        Fields {
            sets: std::array::from_fn(|n| field(words[n], bounds[n].0, bounds[n].1)),
            any_day: words[2] == "*",
            any_weekday: words[4] == "*",
            beats: words[..2].iter().any(|w| w.contains(['*', '/'])),
        }
    }

    fn fits(&self, clock: DateTime) -> bool {
        let [minutes, hours, days, months, weekdays] = &self.sets;
        let day = days.contains(&clock.day());
        let weekday = weekdays.contains(&clock.weekday().to_sunday_zero_offset());
        let day = if self.any_day || self.any_weekday { day && weekday } else { day || weekday };
        minutes.contains(&clock.minute()) && hours.contains(&clock.hour()) && months.contains(&clock.month()) && day
    }
}

/// One minute of the year in a zone.
struct Minute {
    /// Seconds since 1970.
    second: i64,
    /// What the clock shows.
    clock: DateTime,
    /// What it has never shown before and is past now: this very minute, none when it is shown again, many when the
    /// clock jumped over some.
    fresh: Vec<DateTime>,
}

fn minutes(zone: &TimeZone) -> Vec<Minute> {
    let first = at("2025-12-31T00:00:00Z").as_micros() / 1_000_000;
    let last = at("2027-01-02T00:00:00Z").as_micros() / 1_000_000;
    let clock = |second: i64| jiff::Timestamp::from_second(second).unwrap().to_zoned(zone.clone()).datetime();
    let mut next = clock(first);
    let of = |second: i64| {
        let clock = clock(second);
        let mut fresh = Vec::new();
        while next <= clock {
            fresh.push(next);
            next = next.checked_add(jiff::Span::new().minutes(1)).unwrap();
        }
        Minute { second, clock, fresh }
    };
    (first..last).step_by(60).map(of).collect()
}

fn reckoned(fields: &Fields, minutes: &[Minute]) -> BTreeSet<i64> {
    let fires = |minute: &&Minute| match fields.beats {
        true => fields.fits(minute.clock),
        false => minute.fresh.iter().any(|clock| fields.fits(*clock)),
    };
    minutes.iter().filter(fires).map(|minute| minute.second).collect()
}

/// A clock that goes on by jumps, as a machine does that sleeps at times; always the same ones.
fn jumps(seed: u64) -> impl Iterator<Item = i64> {
    let mut state = seed;
    std::iter::from_fn(move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let drawn = (state >> 33) as i64;
        Some(match drawn % 10 {
            0 => drawn % 300_000 + 1,
            1..4 => drawn % 20_000 + 1,
            _ => drawn % 3_000 + 1,
        })
    })
}

#[test]
fn a_year_of_firings_is_as_reckoned_in_six_zones() {
    let (begin, end) = (at("2026-01-01T00:00:00Z"), at("2027-01-01T00:00:00Z"));
    let mut compared = 0;
    for zone in ZONES {
        let minutes = minutes(&TimeZone::get(zone).unwrap());
        for (number, pattern) in PATTERNS.iter().enumerate() {
            let within = |second: &i64| {
                let at = Timestamp::from_micros(second * 1_000_000);
                at > begin && at <= end
            };
            let want: Vec<i64> = reckoned(&Fields::new(pattern), &minutes).into_iter().filter(within).collect();
            let schedule = schedule(&[pattern], &[("tz", zone), ("missed", "all"), ("cap", "10000")]);
            let (mut last, mut now, mut fired) = (begin, begin, Vec::new());
            for jump in jumps(number as u64 + 7) {
                now = now.plus_micros(jump * 1_000_000).min(end);
                let due = schedule.due(last, now);
                last = due.last().copied().unwrap_or(last);
                fired.extend(due.iter().map(|slot| slot.as_micros() / 1_000_000));
                if now == end {
                    break;
                }
            }
            let strange = |seconds: &[i64], others: &[i64]| -> Vec<String> {
                let only = seconds.iter().filter(|s| !others.contains(s)).take(5);
                only.map(|s| Timestamp::from_micros(s * 1_000_000).to_string()).collect()
            };
            if fired != want {
                panic!(
                    "{pattern} in {zone}: too many {:?}, missing {:?}",
                    strange(&fired, &want),
                    strange(&want, &fired)
                );
            }
            compared += want.len();
        }
    }
    assert!(compared > 200_000, "{compared}");
}
