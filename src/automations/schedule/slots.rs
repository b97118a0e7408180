//! Which instants are slots, and which of them are due.

use std::collections::VecDeque;

use croner::Cron;
use jiff::ToSpan;
use jiff::civil::{DateTime, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};

use super::{Missed, Schedule, When};
use crate::kernel::clock::Timestamp;

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

/// The first slot after an instant.
pub(super) fn next_after(when: &When, zone: &TimeZone, after: Timestamp) -> Option<Timestamp> {
    match when {
        When::Beat(cron) => next_of(cron, zone, after),
        When::Days { days, times } => next_of_days(days, times, zone, after),
        When::Every { period_us, offset_us } => {
            let since = after.as_micros().checked_sub(*offset_us)?;
            let next = since.div_euclid(*period_us).checked_add(1)?.checked_mul(*period_us)?.checked_add(*offset_us)?;
            (next <= Timestamp::MAX).then(|| Timestamp::from_micros(next))
        }
        When::Sun { sun, offset_us, place } => sun.next_after(*place.as_ref()?, *offset_us, zone, after),
    }
}

fn next_of(cron: &Cron, zone: &TimeZone, after: Timestamp) -> Option<Timestamp> {
    let start = jiff::Timestamp::from_microsecond(after.as_micros()).ok()?.to_zoned(zone.clone());
    let found = cron.find_next_occurrence(&start, false).ok()?;
    let found = Timestamp::from_micros(found.timestamp().as_microsecond());
    // Without this a slot could be found twice and whoever asks for the next one would turn in a circle.
    (found > after).then_some(found)
}

fn next_of_days(days: &Cron, times: &[Time], zone: &TimeZone, after: Timestamp) -> Option<Timestamp> {
    let local = jiff::Timestamp::from_microsecond(after.as_micros()).ok()?.to_zoned(zone.clone()).datetime();
    // A clock moves by less than that at once.
    let early = local.checked_sub(1.day()).ok()?;
    let mut from = early.date();
    loop {
        let start = from.to_zoned(TimeZone::UTC).ok()?;
        let day = days.find_next_occurrence(&start, true).ok()?.date();
        let candidates = times.iter().map(|time| day.to_datetime(*time)).filter(|civil| *civil >= early);
        let mut instants = candidates.filter_map(|civil| instant(civil, zone));
        if let Some(found) = instants.find(|found| *found > after) {
            return Some(found);
        }
        from = day.tomorrow().ok()?;
    }
}

/// When a clock shows this: the first time where it does twice, and when it jumps over it where it never does.
fn instant(civil: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    let found = zone.to_ambiguous_timestamp(civil);
    let at = match found.offset() {
        AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(civil).ok()?,
        AmbiguousOffset::Fold { before, .. } => before.to_timestamp(civil).ok()?,
        AmbiguousOffset::Gap { before, .. } => {
            let inside = before.to_timestamp(civil).ok()?;
            zone.preceding(inside.checked_add(1.second()).ok()?).next()?.timestamp()
        }
    };
    Some(Timestamp::from_micros(at.as_microsecond()))
}

/// See [`Schedule::due`].
pub(super) fn due(schedule: &Schedule, last: Timestamp, now: Timestamp) -> Vec<Timestamp> {
    let grace = now.plus_micros(-schedule.grace_us);
    if last > now {
        return match last.since(now) > DAY {
            true => latest(schedule, grace, now, schedule.cap),
            false => Vec::new(),
        };
    }
    let in_time = || latest(schedule, grace.max(last), now, schedule.cap);
    match schedule.missed {
        Missed::Skip => in_time(),
        Missed::All => latest(schedule, last, now, schedule.cap),
        Missed::Once => {
            let first = schedule.next_after(last).filter(|slot| *slot <= now);
            match first.is_some_and(|slot| slot < grace) {
                true => latest(schedule, last, now, 1),
                false => in_time(),
            }
        }
    }
}

/// The latest slots after `from` up to `to`, at most `most`, oldest first. Years of a schedule that fires every second
/// cost no more than their end: it looks back from there, further and further.
fn latest(schedule: &Schedule, from: Timestamp, to: Timestamp, most: usize) -> Vec<Timestamp> {
    let mut reach = 60 * SECOND;
    loop {
        let start = to.plus_micros(-reach).max(from);
        let mut found = VecDeque::new();
        let mut at = start;
        while let Some(slot) = schedule.next_after(at).filter(|slot| *slot <= to) {
            if found.len() == most {
                found.pop_front();
            }
            found.push_back(slot);
            at = slot;
        }
        if found.len() == most || start <= from {
            return found.into();
        }
        reach = reach.saturating_mul(4);
    }
}
