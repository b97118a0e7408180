//! When the sun rises and sets, at a place.

use std::fmt::Write as _;

use jiff::tz::TimeZone;
use jiff::{Timestamp as Instant, ToSpan};
use sunrise::{Coordinates, DawnType, SolarDay, SolarEvent};

use crate::kernel::clock::Timestamp;

/// Where the sun does not rise for longer (the poles have half a year of night), nobody waits for it.
const DAYS: i64 = 400;

/// A place on Earth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    latitude: f64,
    longitude: f64,
}

impl Place {
    /// Degrees north and east; `None` where there is no such place.
    pub fn new(latitude: f64, longitude: f64) -> Option<Place> {
        Coordinates::new(latitude, longitude).map(|_| Place { latitude, longitude })
    }
}

/// What the sun does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sun {
    /// Its upper edge comes over the horizon.
    Rise,
    /// Its upper edge goes under it.
    Set,
    /// It is six degrees under the horizon, and comes.
    Dawn,
    /// It is six degrees under the horizon, and goes.
    Dusk,
}

impl Sun {
    /// `sunrise`, `sunset`, `dawn`, `dusk`.
    pub(super) fn named(word: &str) -> Option<Sun> {
        Some(match word {
            "sunrise" => Sun::Rise,
            "sunset" => Sun::Set,
            "dawn" => Sun::Dawn,
            "dusk" => Sun::Dusk,
            _ => return None,
        })
    }

    fn event(self) -> SolarEvent {
        match self {
            Sun::Rise => SolarEvent::Sunrise,
            Sun::Set => SolarEvent::Sunset,
            Sun::Dawn => SolarEvent::Dawn(DawnType::Civil),
            Sun::Dusk => SolarEvent::Dusk(DawnType::Civil),
        }
    }

    /// When it does so on a day (of the place's own sun), seconds since 1970.
    fn on(self, place: Place, day: jiff::civil::Date) -> Option<i64> {
        let mut text = String::new();
        write!(text, "{day}").ok()?;
        let day = SolarDay::new(Coordinates::new(place.latitude, place.longitude)?, text.parse().ok()?);
        day.event_time(self.event()).map(|time| time.timestamp())
    }

    /// The first time after an instant, `offset_us` later than the sun does it.
    pub(super) fn next_after(
        self,
        place: Place,
        offset_us: i64,
        zone: &TimeZone,
        after: Timestamp,
    ) -> Option<Timestamp> {
        let wanted = after.plus_micros(-offset_us);
        let first = Instant::from_microsecond(wanted.as_micros()).ok()?.to_zoned(zone.clone()).date();
        // The place's day may be another one than the clock's, by one.
        let first = first.checked_sub(2.days()).ok()?;
        (0..DAYS).find_map(|days| {
            let day = first.checked_add(days.days()).ok()?;
            let at = Timestamp::from_micros(self.on(place, day)?.checked_mul(1_000_000)?).plus_micros(offset_us);
            (at > after).then_some(at)
        })
    }
}
