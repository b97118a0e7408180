use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::automations::trigger::{Wanted, parse};
use crate::commands::model::Trigger;

pub(super) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn trigger(args: &[&str], options: &[(&str, &str)]) -> Trigger {
    let options: BTreeMap<String, String> = options.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
    Trigger { kind: "schedule".into(), args: args.iter().map(|a| a.to_string()).collect(), options, line: 7 }
}

pub(super) fn schedule(args: &[&str], options: &[(&str, &str)]) -> Schedule {
    let berlin = TimeZone::get("Europe/Berlin").unwrap();
    let here = Here { zone: Some(berlin), place: Place::new(52.52, 13.405), ..Here::default() };
    match parse(&trigger(args, options)).unwrap().0.settle(&here) {
        Wanted::Schedule(schedule) => schedule,
        other => panic!("{other:?}"),
    }
}

fn wrong(args: &[&str], options: &[(&str, &str)]) -> String {
    let found = parse(&trigger(args, options)).unwrap_err();
    assert_eq!(found.line, 7);
    found.message
}

/// The first slots after an instant.
fn slots(schedule: &Schedule, after: &str, count: usize) -> Vec<String> {
    let mut now = at(after);
    let mut found = Vec::new();
    while let Some(next) = schedule.next_after(now).filter(|_| found.len() < count) {
        found.push(next.to_string().replace(".000000Z", "Z"));
        now = next;
    }
    found
}

#[test]
fn a_skipped_hour_fires_once_at_its_end_and_a_repeated_one_the_first_time() {
    let at_half_past_two = schedule(&["30 2 * * *"], &[]);
    let spring = slots(&at_half_past_two, "2026-03-28T12:00:00Z", 2);
    assert_eq!(spring, ["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]);
    let autumn = slots(&at_half_past_two, "2026-10-24T12:00:00Z", 2);
    assert_eq!(autumn, ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]);
    let both = schedule(&["at", "02:30,02:45,03:00"], &[]);
    assert_eq!(slots(&both, "2026-03-29T00:00:00Z", 2), ["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]);
    let beat = schedule(&["*/30 2 * * *"], &[]);
    assert_eq!(slots(&beat, "2026-03-28T12:00:00Z", 1), ["2026-03-30T00:00:00Z"]);
    let twice = ["2026-10-25T00:00:00Z", "2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z", "2026-10-25T01:30:00Z"];
    assert_eq!(slots(&beat, "2026-10-24T12:00:00Z", 4), twice);
    let midnight = schedule(&["0 0 * * *"], &[("tz", "America/Havana")]);
    assert_eq!(slots(&midnight, "2026-03-07T06:00:00Z", 2), ["2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z"]);
}

#[test]
fn cron_expressions_know_seconds_last_days_and_nicknames() {
    let first = |text: &str| slots(&schedule(&[text], &[("tz", "UTC")]), "2026-02-01T00:00:00Z", 2);
    assert_eq!(first("*/20 * * * * *"), ["2026-02-01T00:00:20Z", "2026-02-01T00:00:40Z"]);
    assert_eq!(first("0 0 L * *"), ["2026-02-28T00:00:00Z", "2026-03-31T00:00:00Z"]);
    assert_eq!(first("0 18 * * 5L"), ["2026-02-27T18:00:00Z", "2026-03-27T18:00:00Z"]);
    assert_eq!(first("0 9 * * mon#2"), ["2026-02-09T09:00:00Z", "2026-03-09T09:00:00Z"]);
    assert_eq!(first("0 9 15W * *"), ["2026-02-16T09:00:00Z", "2026-03-16T09:00:00Z"]);
    assert_eq!(first("@daily"), ["2026-02-02T00:00:00Z", "2026-02-03T00:00:00Z"]);
    assert_eq!(first("@hourly"), ["2026-02-01T01:00:00Z", "2026-02-01T02:00:00Z"]);
    assert_eq!(first("30 0 12 29 2 *"), ["2028-02-29T12:00:30Z", "2032-02-29T12:00:30Z"]);
    // 0 and 7 are Sunday, and either day of two counts.
    assert_eq!(first("0 0 13 * 5"), ["2026-02-06T00:00:00Z", "2026-02-13T00:00:00Z"]);
    assert_eq!(first("0 0 * * 7"), first("0 0 * * 0"));
    assert_eq!(first("0 0 0 1 1 * 2026-2027"), ["2027-01-01T00:00:00Z"]);
}

#[test]
fn beats_times_and_the_sun() {
    let first = |args: &[&str], options: &[(&str, &str)]| slots(&schedule(args, options), "2026-06-20T12:07:00Z", 2);
    assert_eq!(first(&["every", "15m"], &[]), ["2026-06-20T12:15:00Z", "2026-06-20T12:30:00Z"]);
    assert_eq!(first(&["every 15m"], &[("offset", "-5m")]), ["2026-06-20T12:10:00Z", "2026-06-20T12:25:00Z"]);
    assert_eq!(first(&["every hour"], &[]), ["2026-06-20T13:00:00Z", "2026-06-20T14:00:00Z"]);
    assert_eq!(first(&["at", "07:30"], &[("days", "mon-fri")]), ["2026-06-22T05:30:00Z", "2026-06-23T05:30:00Z"]);
    assert_eq!(first(&["at 7:30:15, 19:00"], &[]), ["2026-06-20T17:00:00Z", "2026-06-21T05:30:15Z"]);
    // Almanacs say 04:43 and 21:33 for Berlin.
    let minute = |slots: Vec<String>| slots[0][..16].to_string();
    assert_eq!(minute(first(&["sunrise"], &[])), "2026-06-21T02:43");
    assert_eq!(minute(first(&["sunset"], &[])), "2026-06-20T19:32");
    assert_eq!(minute(first(&["sunset", "-30m"], &[])), "2026-06-20T19:02");
    assert_eq!(minute(first(&["sunset"], &[("offset", "+1h")])), "2026-06-20T20:32");
    // In Tromsø the sun does not set before the end of July, and does not rise from the end of November on.
    let north = [("lat", "69.65"), ("lon", "18.96"), ("tz", "Europe/Oslo")];
    assert_eq!(first(&["sunset"], &north)[0][..7], *"2026-07");
    assert_eq!(slots(&schedule(&["sunrise"], &north), "2026-12-01T00:00:00Z", 1)[0][..7], *"2027-01");
}

#[test]
fn the_sun_needs_a_place() {
    let Wanted::Schedule(nowhere) = parse(&trigger(&["sunset"], &[])).unwrap().0.settle(&Here::default()) else {
        panic!("no schedule")
    };
    assert_eq!(nowhere.next_after(at("2026-06-20T12:00:00Z")), None);
    assert!(nowhere.lacks().unwrap().contains("automations.latitude"));
    assert_eq!(schedule(&["sunset"], &[]).lacks(), None);
}

fn due(schedule: &Schedule, last: &str, now: &str) -> Vec<String> {
    schedule.due(at(last), at(now)).iter().map(|slot| slot.to_string()[11..16].to_string()).collect()
}

#[test]
fn what_was_missed_is_skipped_caught_up_once_or_all() {
    let (last, now) = ("2026-05-05T07:00:00Z", "2026-05-05T10:00:30Z");
    let missed = |how: &[(&str, &str)]| due(&schedule(&["*/30 * * * *"], how), last, now);
    assert_eq!(missed(&[("missed", "skip")]), ["10:00"]);
    assert_eq!(missed(&[]), ["10:00"]);
    assert_eq!(missed(&[("missed", "all")]), ["07:30", "08:00", "08:30", "09:00", "09:30", "10:00"]);
    assert_eq!(missed(&[("missed", "all"), ("cap", "2")]), ["09:30", "10:00"]);
    let late = "2026-05-05T10:20:00Z";
    let missed = |how: &[(&str, &str)]| due(&schedule(&["*/30 * * * *"], how), last, late);
    assert_eq!(missed(&[("missed", "skip")]), [""; 0]);
    assert_eq!(missed(&[("missed", "skip"), ("grace", "1h")]), ["09:30", "10:00"]);
    assert_eq!(missed(&[]), ["10:00"]);
    // Nothing was missed: a program that is started once a minute fires all that came in it.
    let quick = schedule(&["every", "20s"], &[]);
    assert_eq!(quick.due(at("2026-05-05T10:00:00Z"), at("2026-05-05T10:01:00Z")).len(), 3);
}

#[test]
fn a_clock_that_is_set_back_fires_nothing_again() {
    let hourly = schedule(&["0 * * * *"], &[("missed", "all")]);
    assert_eq!(due(&hourly, "2026-05-05T10:00:00Z", "2026-05-05T09:00:30Z"), [""; 0]);
    assert_eq!(due(&hourly, "2026-05-05T10:00:00Z", "2026-05-05T11:00:01Z"), ["11:00"]);
    // It had shown another year: what is due now counts.
    assert_eq!(due(&hourly, "2031-05-05T10:00:00Z", "2026-05-05T09:00:30Z"), ["09:00"]);
}

#[test]
fn years_without_anybody_cost_nothing() {
    let begun = std::time::Instant::now();
    let busy = schedule(&["* * * * * *"], &[("missed", "all"), ("cap", "5")]);
    assert_eq!(busy.due(at("1990-01-01T00:00:00Z"), at("2026-05-05T09:00:00Z")).len(), 5);
    let rare = schedule(&["0 0 29 2 *"], &[("missed", "all")]);
    assert_eq!(rare.due(at("1990-01-01T00:00:00Z"), at("2026-05-05T09:00:00Z")).len(), 9);
    assert!(begun.elapsed().as_secs() < 20);
}

#[test]
fn what_is_no_time_says_why() {
    assert!(wrong(&["0 0 30 2 *"], &[]).ends_with("names a day that never comes"));
    assert!(wrong(&["61 * * * *"], &[]).starts_with("`61 * * * *` is no cron expression: "));
    assert_eq!(wrong(&["@reboot"], &[]), "`@reboot` is written as the trigger `startup`");
    assert_eq!(wrong(&["every", "soon"], &[]), "`every soon` needs a length of time such as `15m`");
    assert_eq!(wrong(&["every"], &[]), "`every` needs a length of time such as `15m`");
    assert_eq!(wrong(&["every", "10ms"], &[]), "`every 10ms`: a beat lasts from a second to a year");
    assert_eq!(wrong(&["at", "25:00"], &[]), "`at 25:00` is no time of day such as `07:30`");
    let days = "`days=noday` are no days of the week such as `mon-fri` or `sat,sun`";
    assert_eq!(wrong(&["at", "07:30"], &[("days", "noday")]), days);
    assert_eq!(
        wrong(&["at", "07:30"], &[("tz", "Mars/Base")]),
        "`tz=Mars/Base` is no time zone such as `Europe/Berlin`"
    );
    let typo = "`every=` is no option of `schedule`; it has `tz=`, `missed=`, `cap=`, `grace=`, `days=`, `offset=`, `lat=`, `lon=`, `limit=`, `max=`";
    assert_eq!(wrong(&["every", "1h"], &[("every", "UTC")]), typo);
    assert_eq!(
        wrong(&["every", "1h"], &[("mised", "all")]),
        "`mised=` is no option of `schedule`; did you mean `missed=`?"
    );
    assert_eq!(wrong(&["every", "1h"], &[("missed", "some")]), "`missed=some` is none of skip, once, all");
    assert_eq!(wrong(&["sunset"], &[("lat", "52")]), "`lat=` and `lon=` belong together");
    assert_eq!(wrong(&["sunset"], &[("lat", "95"), ("lon", "0")]), "`lat=95` is no place on Earth");
    assert_eq!(wrong(&["sunset", "99h"], &[]), "`99h` is no offset such as `-30m`");
    assert!(wrong(&[], &[]).starts_with("`schedule` needs a time"));
}

#[test]
fn a_schedule_is_told_in_words() {
    assert_eq!(schedule(&["0 9 * * 1-5"], &[]).describe(), "At 09:00, on Monday through Friday (Europe/Berlin)");
    assert_eq!(schedule(&["every", "15m"], &[]).describe(), "every 15m");
    assert_eq!(schedule(&["at", "07:30"], &[("tz", "UTC")]).describe(), "at 07:30 (UTC)");
    assert_eq!(schedule(&["sunset", "-30m"], &[]).describe(), "sunset -30m (Europe/Berlin)");
}

proptest! {
    #[test]
    fn any_words_are_a_schedule_or_a_diagnostic(text in "[ -~äß]{0,30}", option in "[a-z]{1,8}", value in "[ -~]{0,12}") {
        let _ = parse(&trigger(&[&text], &[(&option, &value)]));
    }

    #[test]
    fn any_fields_are_a_schedule_or_a_diagnostic(fields in prop::collection::vec("[0-9*/,LW#?-]{1,7}", 5..8)) {
        let text = fields.join(" ");
        if let Ok((Wanted::Schedule(schedule), _)) = parse(&trigger(&[&text], &[])) {
            let now = at("2026-05-05T09:00:00Z");
            if let Some(next) = schedule.next_after(now) {
                prop_assert!(next > now);
            }
        }
    }

    #[test]
    fn due_is_ordered_within_its_bounds_and_never_told_twice(
        period in 1i64..100_000, start in 0i64..4_000_000_000, first in 0i64..300_000, second in 0i64..300_000,
    ) {
        let beat = schedule(&["every", &format!("{period}s")], &[("missed", "all")]);
        let last = Timestamp::from_micros(start * 1_000_000);
        let now = last.plus_micros(first * 1_000_000);
        let due = beat.due(last, now);
        prop_assert!(due.windows(2).all(|w| w[0] < w[1]));
        prop_assert!(due.iter().all(|slot| *slot > last && *slot <= now));
        let reached = due.last().copied().unwrap_or(last);
        let later = beat.due(reached, now.plus_micros(second * 1_000_000));
        prop_assert!(later.iter().all(|slot| *slot > reached));
    }
}
