//! Which instants are slots, and which of them are due.

use std::collections::VecDeque;

use croner::Cron;
use jiff::tz::TimeZone;

use super::{Missed, Schedule, When};
use crate::kernel::clock::Timestamp;

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

/// The first slot after an instant.
pub(super) fn next_after(when: &When, zone: &TimeZone, after: Timestamp) -> Option<Timestamp> {
    match when {
        When::Cron(crons) => crons.iter().filter_map(|cron| next_of(cron, zone, after)).min(),
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
