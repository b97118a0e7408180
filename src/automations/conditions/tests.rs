use jiff::tz::TimeZone;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::kernel::clock::Timestamp;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn world() -> Json {
    let trigger = json!({"kind": "mqtt", "topic": "home/door", "payload": "open", "json": {"t": 21.5, "list": [1, 2]}});
    let states =
        json!({"light.kitchen": "on", "sensor.t": "19", "sun.sun": {"state": "below_horizon", "elevation": -3}});
    let berlin = TimeZone::get("Europe/Berlin").unwrap();
    facts(&trigger, states, at("2026-11-21T21:30:00Z"), &berlin, Some((at("2026-11-21T21:00:00Z"), "ok")))
}

#[test]
fn conditions_see_the_trigger_states_the_time_and_the_last_run() {
    for holds in [
        "trigger.payload == 'open'",
        "trigger.json.t > 20 and trigger.json.list|length == 2",
        "trigger['topic'] == 'home/door'",
        "states['light.kitchen'] == 'on'",
        "states('light.kitchen') == 'on' and is_state('light.kitchen', 'on')",
        "is_state('sun.sun', 'below_horizon') and states['sun.sun'].elevation < 0",
        "states['sensor.t']|float < 20",
        "now.hour == 22 and now.time >= '22:00' and now.weekday in ['sat', 'sun']",
        "last_run.status == 'ok' and last_run.ago >= 1800",
        "2 in trigger.json.list",
        "trigger.json.list == [1, 2]",
        "trigger.nothing is not defined",
        "trigger.nothing|default('x') == 'x'",
    ] {
        let judged = judge(holds, &world());
        assert!(judged.is_met(), "{holds}: {:?}", judged.holds);
    }
    for not in ["trigger.payload == 'shut'", "is_state('light.kitchen', 'off')", "now.hour < 6", "false", "''", "[]"] {
        assert!(matches!(judge(not, &world()).holds, Ok(false)), "{not}");
    }
}

#[test]
fn what_cannot_be_judged_does_not_hold_and_says_why() {
    for bad in [
        "nothing == 1",
        "nothing != 1",
        "not nothing",
        "trigger.nothing == 'x'",
        "trigger.nothing != 'x'",
        "not trigger.nothing",
        "trigger.nothing",
        "states['light.garage'] != 'on'",
        "not is_state('light.garage', 'on')",
        "states('light.garage') != 'on'",
        "trigger.nothing.more is defined",
        "trigger.payload >",
        "",
        "{{ trigger }}",
        "trigger.payload|shell",
        "range(100000000)",
    ] {
        let judged = judge(bad, &world());
        assert!(!judged.is_met(), "{bad}");
        let error = judged.holds.expect_err(bad);
        assert_eq!(error.kind(), Kind::BadData, "{bad}");
    }
    let said = judge("trigger.nothing == 'x'", &world()).holds.unwrap_err();
    assert!(
        said.message().starts_with("the condition `trigger.nothing == 'x'` cannot be judged: "),
        "{}",
        said.message()
    );
}

#[test]
fn the_values_it_looked_at_are_told_once_each() {
    let seen = judge("trigger.json.t > 20 and trigger.json.t < 30 and states['light.kitchen'] == 'off'", &world()).seen;
    assert_eq!(
        seen,
        [("trigger.json.t".to_string(), json!(21.5)), ("states['light.kitchen']".to_string(), json!("on")),]
    );
    // What is not reached is not looked at.
    let seen = judge("trigger.payload == 'shut' and now.hour > 5", &world()).seen;
    assert_eq!(seen, [("trigger.payload".to_string(), json!("open"))]);
    let seen = judge("is_state('light.kitchen', 'on')", &world()).seen;
    assert_eq!(seen, [("states['light.kitchen']".to_string(), json!("on"))]);
    let seen = judge("trigger.nothing == 1", &world()).seen;
    assert_eq!(seen, [("trigger.nothing".to_string(), json!(null))]);
}

#[test]
fn never_run_before_is_none() {
    let facts = facts(&json!({}), json!({}), at("2026-11-21T21:30:00Z"), &TimeZone::UTC, None);
    assert!(judge("last_run is none or last_run.ago > 60", &facts).is_met());
}

#[test]
fn a_condition_that_cannot_be_read_is_malformed() {
    assert_eq!(malformed("trigger.x == 1"), None);
    assert_eq!(malformed(" "), Some("it is empty".to_string()));
    assert!(malformed("trigger.x ==").is_some());
}

proptest! {
    #[test]
    fn any_condition_is_judged_or_refused(text in "[ -~äß]{0,60}") {
        let judged = judge(&text, &world());
        prop_assert!(judged.seen.len() <= 100);
    }

    #[test]
    fn any_mix_of_its_words_is_judged_or_refused(
        words in prop::collection::vec(
            prop::sample::select(vec![
                "trigger", ".x", ".payload", "states", "['light.kitchen']", "now", ".hour", "and", "or", "not", "==", "!=",
                "<", "in", "(", ")", "[", "]", "1", "'on'", "is defined", "|length", "|int", "|default(1)", "if", "else", "*",
            ]),
            0..12,
        ),
    ) {
        let _ = judge(&words.join(" "), &world()).is_met();
    }
}
