//! How a schedule is written: `"0 9 * * 1-5"`, `every 15m`, `at 07:30,19:00 days=mon-fri`, `sunset -30m`.

use croner::Cron;
use croner::parser::{CronParser, Seconds};
use jiff::civil::Time;
use jiff::tz::TimeZone;

use super::sun::{Place, Sun};
use super::{Missed, Schedule, When};
use crate::automations::trigger::options::Options;
use crate::commands::model::{Diagnostic, Trigger};
use crate::kernel::clock::Timestamp;
use crate::kernel::duration::parse_ms;
use crate::kernel::when::time_of_day;

/// The shortest and the longest beat, milliseconds.
const BEATS_MS: (u64, u64) = (1000, 366 * 86_400_000);

/// How late a slot may be noticed and still be in time: who is started by cron comes once a minute.
const GRACE_MS: u64 = 90_000;

/// The most missed slots that are fired at once when nothing else is said.
const CAP: u32 = 24;

/// The most that may be asked for.
const MOST: u32 = 10_000;

const OPTIONS: [&str; 10] = ["tz", "missed", "cap", "grace", "days", "offset", "lat", "lon", "limit", "max"];

type Read<T> = Result<T, Diagnostic>;

impl Schedule {
    pub(in crate::automations) fn parse(trigger: &Trigger, options: &Options<'_>) -> Read<Schedule> {
        options.only(&OPTIONS)?;
        let written = trigger.args.join(" ");
        let words: Vec<&str> = written.split_whitespace().collect();
        let mut spoken = None;
        let when = match words.as_slice() {
            [] => {
                return Err(
                    options.wrong("`schedule` needs a time: `\"0 9 * * 1-5\"`, `every 15m`, `at 07:30` or `sunset`")
                );
            }
            ["every", rest @ ..] => every(&rest.join(" "), options)?,
            ["at", rest @ ..] => at(&rest.concat(), options)?,
            [word, rest @ ..] if Sun::named(word).is_some() => by_sun(word, &rest.concat(), options)?,
            ["cron", rest @ ..] => {
                spoken = Some(rest.join(" "));
                cron(&rest.join(" "), options)?
            }
            words => {
                spoken = Some(words.join(" "));
                cron(&words.join(" "), options)?
            }
        };
        let spoken = spoken.and_then(|text| Some(in_words(&pattern(&text).ok()?)));
        if options.text("days").is_some() && !matches!(words.first(), Some(&"at")) {
            return Err(options.wrong("`days=` belongs to `at`"));
        }
        if options.text("offset").is_some() && matches!(when, When::Beat(_) | When::Days { .. }) {
            return Err(options.wrong("`offset=` belongs to `every`, `sunrise` and `sunset`"));
        }
        if (options.text("lat").is_some() || options.text("lon").is_some()) && !matches!(when, When::Sun { .. }) {
            return Err(options.wrong("`lat=` and `lon=` belong to `sunrise` and `sunset`"));
        }
        let zone = options.text("tz").map(|name| zone(name, options)).transpose()?;
        let missed = [("skip", Missed::Skip), ("once", Missed::Once), ("all", Missed::All)];
        let cap = options.count("cap")?.unwrap_or(CAP);
        if cap > MOST {
            return Err(options.wrong(format!("`cap=` may be {MOST} at most")));
        }
        let grace_ms = options.ms("grace")?.unwrap_or(GRACE_MS).min(366 * 86_400_000);
        let schedule = Schedule {
            when: Box::new(when),
            zone_named: zone.is_some(),
            zone: zone.unwrap_or_else(TimeZone::system),
            missed: options.choice("missed", &missed)?.unwrap_or_default(),
            grace_us: i64::try_from(grace_ms).unwrap_or(i64::MAX / 1000) * 1000,
            cap: cap as usize,
            written: words.join(" "),
            spoken,
        };
        match &*schedule.when {
            When::Beat(_) | When::Days { .. } if schedule.next_after(Timestamp::from_micros(0)).is_none() => {
                Err(options.wrong(format!("`{}` names a day that never comes", schedule.written)))
            }
            _ => Ok(schedule),
        }
    }
}

fn every(text: &str, options: &Options<'_>) -> Read<When> {
    // `every hour` is every 1 hour.
    let ms = parse_ms(text).or_else(|| parse_ms(&format!("1{text}")).filter(|_| !text.is_empty()));
    let ms = ms.ok_or_else(|| {
        options.wrong(format!("`{}` needs a length of time such as `15m`", format!("every {text}").trim_end()))
    })?;
    if !(BEATS_MS.0..=BEATS_MS.1).contains(&ms) {
        return Err(options.wrong(format!("`every {text}`: a beat lasts from a second to a year")));
    }
    let period_us = micros(ms);
    let offset_us = options.read("offset", NO_OFFSET, offset)?.unwrap_or(0).rem_euclid(period_us);
    Ok(When::Every { period_us, offset_us })
}

const NO_OFFSET: &str = "is no offset such as `-30m`";

/// `07:30`, `7:30:15`, several with commas, on some days of the week.
fn at(text: &str, options: &Options<'_>) -> Read<When> {
    let days = options.text("days").unwrap_or("*");
    let is_one_field = !days.is_empty() && !days.contains(char::is_whitespace);
    let days = pattern(&format!("0 0 * * {days}")).ok().filter(|_| is_one_field).ok_or_else(|| {
        options.wrong(format!("`days={days}` are no days of the week such as `mon-fri` or `sat,sun`"))
    })?;
    let of = |text: &str| -> Read<Time> {
        time_of_day(text).ok_or_else(|| options.wrong(format!("`at {text}` is no time of day such as `07:30`")))
    };
    let times = text.split(',').map(of).collect::<Read<Vec<Time>>>()?;
    Ok(When::Days { days, times: sorted(times) })
}

fn sorted(mut times: Vec<Time>) -> Vec<Time> {
    times.sort_unstable();
    times.dedup();
    times
}

fn by_sun(word: &str, rest: &str, options: &Options<'_>) -> Read<When> {
    let said = match (rest, options.text("offset")) {
        ("", None) => "0s",
        ("", Some(text)) | (text, None) => text,
        _ => return Err(options.wrong("the offset is said twice")),
    };
    let offset_us = offset(said).ok_or_else(|| options.wrong(format!("`{said}` {NO_OFFSET}")))?;
    let degrees = |key: &str, most: f64| -> Read<Option<f64>> {
        match options.number(key)? {
            Some(number) if number.abs() > most => Err(options.wrong(format!("`{key}={number}` is no place on Earth"))),
            other => Ok(other),
        }
    };
    let place = match (degrees("lat", 90.0)?, degrees("lon", 180.0)?) {
        (Some(latitude), Some(longitude)) => Place::new(latitude, longitude),
        (None, None) => None,
        _ => return Err(options.wrong("`lat=` and `lon=` belong together")),
    };
    let sun = Sun::named(word).unwrap_or(Sun::Rise);
    Ok(When::Sun { sun, offset_us, place })
}

/// `-30m`, `+1h`, `10m`, in microseconds; half a day at most.
fn offset(text: &str) -> Option<i64> {
    let text = text.trim();
    let (sign, length) = match text.strip_prefix(['-', '−']) {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let ms = parse_ms(length).filter(|ms| *ms <= 43_200_000)?;
    Some(sign * micros(ms))
}

fn micros(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX / 1000).saturating_mul(1000)
}

fn cron(text: &str, options: &Options<'_>) -> Read<When> {
    if text.eq_ignore_ascii_case("@reboot") {
        return Err(options.wrong("`@reboot` is written as the trigger `startup`"));
    }
    let whole = pattern(text).map_err(|why| options.wrong(format!("`{text}` is no cron expression: {why}")))?;
    Ok(fixed(text, &whole).unwrap_or(When::Beat(whole)))
}

fn in_words(cron: &Cron) -> String {
    let said = cron.describe();
    let week = "Monday, Tuesday, Wednesday, Thursday, and Friday";
    said.trim_end_matches('.').replace(week, "Monday through Friday")
}

/// The times of day of an expression that names them one by one: without `*` and steps.
fn fixed(text: &str, whole: &Cron) -> Option<When> {
    let text = match text.trim().to_ascii_lowercase().as_str() {
        "@yearly" | "@annually" => "0 0 1 1 *",
        "@monthly" => "0 0 1 * *",
        "@weekly" => "0 0 * * 0",
        "@daily" | "@midnight" => "0 0 * * *",
        _ => text,
    };
    let fields: Vec<&str> = text.split_whitespace().collect();
    let day = if fields.len() == 5 { 2 } else { 3 };
    let (time, days) = fields.split_at_checked(day)?;
    if time.iter().any(|field| field.contains(['*', '/', '?', '@'])) {
        return None;
    }
    let days = pattern(&format!("0 0 0 {}", days.join(" "))).ok()?;
    let values = |component: &croner::CronComponent| -> Vec<i8> {
        component.values().into_iter().filter_map(|n| i8::try_from(n).ok()).collect()
    };
    let (hours, minutes) = (values(&whole.pattern.hours), values(&whole.pattern.minutes));
    let seconds = values(&whole.pattern.seconds);
    let times = hours.iter().flat_map(|h| minutes.iter().map(move |m| (h, m)));
    let times = times.flat_map(|(h, m)| seconds.iter().filter_map(move |s| Time::new(*h, *m, *s, 0).ok()));
    let times = sorted(times.collect());
    (!times.is_empty()).then_some(When::Days { days, times })
}

fn pattern(text: &str) -> Result<Cron, String> {
    // Longer ones are no mistake of a person.
    if text.len() > 500 {
        return Err("it is too long".to_string());
    }
    let parser = CronParser::builder().seconds(Seconds::Optional).build();
    parser.parse(text).map_err(|error| {
        let said = error.to_string();
        let said = said.trim_start_matches("Invalid pattern: ").trim_start_matches("Component error: ");
        said.trim_end_matches('.').to_string()
    })
}

fn zone(name: &str, options: &Options<'_>) -> Read<TimeZone> {
    match name.to_ascii_lowercase().as_str() {
        "local" | "system" => return Ok(TimeZone::system()),
        "utc" | "z" => return Ok(TimeZone::UTC),
        _ => {}
    }
    TimeZone::get(name).map_err(|_| options.wrong(format!("`tz={name}` is no time zone such as `Europe/Berlin`")))
}
