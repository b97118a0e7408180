//! What a condition sees.

use jiff::tz::TimeZone;
use serde_json::{Value as Json, json};

use crate::kernel::clock::Timestamp;

/// The facts of a condition: `trigger` (what happened), `states` (by entity), `now`, and `last_run` (when the automation
/// last ran and how it ended; null when it never did).
pub fn facts(
    trigger: &Json,
    states: Json,
    now: Timestamp,
    zone: &TimeZone,
    last_run: Option<(Timestamp, &str)>,
) -> Json {
    let last_run = last_run.map(|(at, status)| {
        let mut told = moment(at, zone);
        told["status"] = json!(status);
        told["ago"] = json!(now.since(at).div_euclid(1_000_000));
        told
    });
    json!({"trigger": trigger, "states": states, "now": moment(now, zone), "last_run": last_run})
}

/// An instant on the calendar of `zone`, in parts that can be compared: `now.time >= '22:00'`, `now.weekday in ['sat',
/// 'sun']`, `now.hour < 6`. `at` is RFC 3339 in UTC, `unix` seconds since 1970.
pub fn moment(at: Timestamp, zone: &TimeZone) -> Json {
    let instant = jiff::Timestamp::from_microsecond(at.as_micros()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let local = instant.to_zoned(zone.clone());
    const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let day = usize::try_from(local.weekday().to_monday_zero_offset()).unwrap_or(0);
    json!({
        "at": at.to_string(),
        "unix": at.as_micros().div_euclid(1_000_000),
        "date": local.date().to_string(),
        "time": local.strftime("%H:%M:%S").to_string(),
        "year": local.year(),
        "month": local.month(),
        "day": local.day(),
        "hour": local.hour(),
        "minute": local.minute(),
        "second": local.second(),
        "weekday": DAYS[day.min(6)],
        "zone": zone.iana_name(),
    })
}
