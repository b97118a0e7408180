//! Times at which something is to happen: cron expressions, steady beats, times of day, sunrise and sunset.
//!
//! A schedule is a pure function of instants: it keeps nothing, and the same question always has the same answer. So who
//! fires it may be killed, may run twice, or may be a program that cron starts once a minute: a slot is known by its
//! instant, and claimed by it.

mod read;
mod slots;
mod sun;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod year;

use croner::Cron;
use jiff::civil::Time;
use jiff::tz::TimeZone;

pub use self::sun::{Place, Sun};
use crate::automations::trigger::Here;
use crate::kernel::clock::Timestamp;

/// What happens to slots that nobody was there for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Missed {
    /// Nothing.
    Skip,
    /// The latest of them is fired, for all.
    #[default]
    Once,
    /// All are fired, the latest ones where there are more than `cap=`.
    All,
}

/// A schedule.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// When.
    when: Box<When>,
    /// Whose clock counts.
    zone: TimeZone,
    /// Whether the trigger names a zone.
    zone_named: bool,
    /// What happens to missed slots.
    pub missed: Missed,
    /// A slot that is not older counts as in time, microseconds.
    grace_us: i64,
    /// The most slots that are fired at once.
    cap: usize,
    /// As it is written.
    written: String,
    /// A cron expression in words.
    spoken: Option<String>,
}

/// When.
#[derive(Clone, Debug)]
enum When {
    /// A cron expression whose time of day has a `*` or a step: a beat, which goes on through the hour that a clock
    /// repeats and leaves out the one that it skips.
    Beat(Cron),
    /// Times of day on some days (a cron expression of which only the day counts). Each comes once a day: in an hour
    /// that the clock skips at its end, in one that it repeats the first time.
    Days { days: Cron, times: Vec<Time> },
    /// Every so many microseconds, counted from 1970 (UTC) and `offset`.
    Every { period_us: i64, offset_us: i64 },
    /// By the sun, so many microseconds later.
    Sun { sun: Sun, offset_us: i64, place: Option<Place> },
}

impl Schedule {
    /// Takes the zone and the place from `here` where the trigger names none.
    pub(super) fn settle(&mut self, here: &Here) {
        if !self.zone_named {
            self.zone = here.zone.clone().unwrap_or_else(TimeZone::system);
        }
        if let When::Sun { place: place @ None, .. } = &mut *self.when {
            *place = here.place;
        }
    }

    /// The first slot after an instant; `None` when there is none any more.
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        slots::next_after(&self.when, &self.zone, after)
    }

    /// The slots to fire now, oldest first: those after `last` (the latest slot that was fired or given up, or when the
    /// schedule was enabled) up to `now`, as `missed=` says.
    ///
    /// A clock that was set back fires nothing again: as long as `last` lies ahead there is nothing due. Where it lies
    /// more than a day ahead the clock was wrong then, and what is due now is only what is in time.
    pub fn due(&self, last: Timestamp, now: Timestamp) -> Vec<Timestamp> {
        slots::due(self, last, now)
    }

    /// Why it can have no times, where what it needs is not known: a sentence.
    pub fn lacks(&self) -> Option<&'static str> {
        match &*self.when {
            When::Sun { place: None, .. } => Some(
                "nothing says where the sun is to rise: `fac config set automations.latitude 52.5` and `automations.longitude 13.4`, or `lat=` and `lon=`",
            ),
            _ => None,
        }
    }

    /// The schedule in words, such as `At 09:00, Monday through Friday (Europe/Berlin)`.
    pub fn describe(&self) -> String {
        let said = match (&*self.when, &self.spoken) {
            (_, Some(spoken)) => spoken.clone(),
            _ => self.written.clone(),
        };
        match (&*self.when, self.zone.iana_name()) {
            (When::Every { .. }, _) | (_, None) => said,
            (_, Some(name)) => format!("{said} ({name})"),
        }
    }

    /// The zone whose clock counts.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }
}
