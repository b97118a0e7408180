//! What the machine says, without store, network or clock.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::automations::trigger;
use crate::kernel::ids::Ids;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(1_700_000_000_000_000 + seconds * 1_000_000)
}

/// A trigger as it stands in a definition: `mqtt home/door for=5s`.
fn written(text: &str) -> Trigger {
    let mut words = text.split(' ');
    let kind = words.next().unwrap().to_string();
    let (mut args, mut options) = (Vec::new(), BTreeMap::new());
    for word in words {
        match word.split_once('=') {
            Some((key, value)) => drop(options.insert(key.to_string(), value.to_string())),
            None => args.push(word.to_string()),
        }
    }
    Trigger { kind, args, options, line: 1 }
}

fn rule(name: &str, on: &[&str]) -> Rule {
    let triggers = on.iter().map(|text| {
        let written = written(text);
        let (wanted, timing) = trigger::parse(&written).unwrap();
        (written, wanted.settle(&Default::default()), timing)
    });
    Rule {
        key: RuleKey { source: "user:/c".into(), command: name.into() },
        name: name.into(),
        digest: "d1".into(),
        triggers: triggers.collect(),
        condition: None,
        mode: Mode::Single,
        retry: 0,
        enabled: at(-1000),
        cwd: "/".into(),
    }
}

fn machine(rules: Vec<Rule>) -> Machine {
    let mut machine = Machine::default();
    machine.set_rules(rules);
    machine
}

fn message(topic: &str, payload: &str, second: i64) -> Happening {
    let data = json!({"kind": "mqtt", "topic": topic, "payload": payload, "retain": false, "qos": 1});
    Happening { kind: "mqtt", data, at: at(second), key: None, depth: 0, kept: None }
}

fn state(entity: &str, from: &str, to: &str, second: i64) -> Happening {
    let data = json!({"kind": "homeassistant", "entity": entity, "from": from, "to": to, "attributes": {}});
    Happening { kind: "homeassistant", data, at: at(second), key: None, depth: 0, kept: None }
}

#[test]
fn what_lasts_begins_anew_after_a_while_in_which_nothing_was_known() {
    let mut machine = machine(vec![rule("a", &["homeassistant switch.s to=on for=10s"])]);
    assert_eq!(machine.hear(&state("switch.s", "off", "on", 0)).len(), 1);
    machine.hear(&state("switch.s", "on", "unavailable", 3));
    machine.hear(&state("switch.s", "unavailable", "unknown", 4));
    assert!(machine.due(at(20)).is_empty());
    machine.hear(&state("switch.s", "unknown", "on", 20));
    assert!(machine.due(at(29)).is_empty());
    assert_eq!(machine.due(at(30)).len(), 2, "it fires, and is over");
    // What was not held before did not begin by that.
    machine.hear(&state("switch.s", "on", "unavailable", 40));
    machine.hear(&state("switch.s", "unavailable", "on", 41));
    assert!(machine.due(at(90)).is_empty());
}

#[test]
fn what_a_broker_kept_ends_what_lasts_and_begins_nothing() {
    let mut machine = machine(vec![rule("a", &["mqtt door payload=open for=10s"])]);
    let kept = |payload: &str, second: i64| {
        let mut kept = message("door", payload, second);
        kept.data["retain"] = json!(true);
        kept
    };
    assert!(machine.hear(&kept("open", 0)).is_empty());
    assert_eq!(machine.hear(&message("door", "open", 1)).len(), 1);
    assert!(machine.hear(&kept("open", 2)).is_empty());
    assert!(!machine.hear(&kept("shut", 3)).is_empty());
    assert!(machine.due(at(60)).is_empty());
}

fn event(name: &str, depth: u32) -> Happening {
    let data = json!({"kind": "event", "name": name, "subject": "s", "payload": {}});
    Happening { kind: "event", data, at: at(0), key: None, depth, kept: None }
}

/// What acts say, shortly.
fn said(acts: &[Act]) -> Vec<String> {
    acts.iter()
        .map(|act| match act {
            Act::Fire(_, firing) => format!("fire {}", firing.key.command),
            Act::Broken(_, firing, why) => format!("broken {}: {why}", firing.key.command),
            Act::Hold(hold) => {
                format!("hold {} {} {}", hold.key.command, hold.subject, hold.due.since(at(0)) / 1_000_000)
            }
            Act::Release(key, _, subject) | Act::Over(key, _, subject) => format!("release {} {subject}", key.command),
        })
        .collect()
}

#[test]
fn a_happening_means_the_rules_that_wait_for_it_each_once() {
    let mut machine = machine(vec![
        rule("all", &["mqtt home/# home/door"]),
        rule("door", &["mqtt home/door payload=open"]),
        rule("one", &["mqtt test/one"]),
        rule("event", &["event run.*"]),
    ]);
    assert_eq!(said(&machine.hear(&message("home/door", "open", 0))), ["fire all", "fire door"]);
    assert_eq!(said(&machine.hear(&message("home/door", "shut", 0))), ["fire all"]);
    assert_eq!(said(&machine.hear(&message("test/two", "x", 0))), Vec::<String>::new(), "no cross-talk");
    assert_eq!(said(&machine.hear(&event("run.finished", 0))), ["fire event"]);
    assert_eq!(
        said(&machine.hear(&message("home/door", "open", -2000))),
        Vec::<String>::new(),
        "before it was enabled"
    );
}

#[test]
fn what_must_last_fires_when_it_did_and_not_when_it_ended() {
    let mut machine = machine(vec![rule("open", &["mqtt home/+ payload=open for=5s"])]);
    assert_eq!(said(&machine.hear(&message("home/a", "open", 0))), ["hold open home/a 5"]);
    assert_eq!(
        said(&machine.hear(&message("home/a", "open", 3))),
        Vec::<String>::new(),
        "it still is; nothing begins anew"
    );
    assert_eq!(said(&machine.hear(&message("home/b", "open", 4))), ["hold open home/b 9"], "each has its own");
    assert_eq!(said(&machine.due(at(4))), Vec::<String>::new());
    assert_eq!(machine.next_due(), Some(at(5)));
    assert_eq!(said(&machine.due(at(5))), ["fire open", "release open home/a"]);
    assert_eq!(
        said(&machine.hear(&message("home/b", "shut", 8))),
        ["broken open: it lasted 4.0 s and not 5.0 s, as for= wants", "release open home/b"]
    );
    assert_eq!(said(&machine.due(at(100))), Vec::<String>::new());
}

#[test]
fn timers_go_on_after_a_restart_and_end_with_their_definition() {
    let mut first = machine(vec![rule("open", &["mqtt a payload=open for=5s"])]);
    let acts = first.hear(&message("a", "open", 0));
    let Act::Hold(hold) = &acts[0] else { panic!("{acts:?}") };
    let mut again = Machine::new(Bounds::default(), vec![hold.clone()], &[]);
    assert_eq!(again.set_rules(vec![rule("open", &["mqtt a payload=open for=5s"])]), []);
    again.postpone(at(6));
    assert_eq!(said(&again.due(at(5))), Vec::<String>::new(), "what ended it may still be told");
    assert_eq!(said(&again.due(at(6))), ["fire open", "release open a"]);

    let mut other = Machine::new(Bounds::default(), vec![hold.clone()], &[]);
    let changed = Rule { digest: "d2".into(), ..rule("open", &["mqtt a payload=open for=5s"]) };
    assert_eq!(said(&other.set_rules(vec![changed])), ["release open a"]);
    assert_eq!(said(&other.due(at(100))), Vec::<String>::new());
}

#[test]
fn silence_is_waited_for_and_the_last_word_counts() {
    let mut machine = machine(vec![rule("quiet", &["mqtt a debounce=2s"])]);
    for (second, payload) in [(0, "1"), (1, "2"), (2, "3")] {
        assert_eq!(said(&machine.hear(&message("a", payload, second))), [format!("hold quiet a {}", second + 2)]);
    }
    assert_eq!(said(&machine.due(at(3))), Vec::<String>::new());
    let acts = machine.due(at(4));
    assert_eq!(said(&acts), ["fire quiet", "release quiet a"]);
    let Act::Fire(_, firing) = &acts[0] else { panic!() };
    assert_eq!((&firing.data["payload"], &firing.work["fired"]["payload"]), (&json!("3"), &json!("3")));
}

#[test]
fn a_button_means_the_automation_of_its_name_and_nothing_else() {
    let mut machine = machine(vec![rule("a", &["mqtt x limit=1/1h"]), rule("b", &["mqtt x"])]);
    let press = |name: &str| {
        let data = json!({"kind": BUTTON, "command": name});
        Happening { kind: BUTTON, data, at: at(0), key: None, depth: 0, kept: None }
    };
    let acts = machine.hear(&press("b"));
    assert!(
        matches!(&acts[..], [Act::Fire(1, firing)] if firing.kind == "button" && firing.told.is_none()),
        "{acts:?}"
    );
    assert!(machine.hear(&press("c")).is_empty());
    // It may be pressed more often than its trigger may fire, and takes nothing away from that.
    for second in 0..3 {
        assert_eq!(admit(&mut machine, &press("a"), 0, second), "begin");
    }
    let message = Happening { kind: "mqtt", data: json!({"kind": "mqtt", "topic": "x", "payload": ""}), ..press("a") };
    assert_eq!(admit(&mut machine, &message, 0, 4), "begin");
    assert!(admit(&mut machine, &message, 0, 5).contains("1 times in 1h"));
}

/// Asks whether the first act of a happening may be.
fn admit(machine: &mut Machine, happening: &Happening, open: usize, second: i64) -> String {
    let acts = machine.hear(happening);
    let Some(Act::Fire(_, firing)) = acts.first() else { return "nothing".to_string() };
    let ids = Ids::seeded(second as u64);
    let open: Vec<OpenJob> = (0..open).map(|n| OpenJob { id: ids.next(at(second)), running: n == 0 }).collect();
    match machine.admit(firing, None, ids.next(at(second)), &open, at(second), true) {
        Admission::No { outcome, why, stop, .. } => {
            format!("{}{}: {why}", outcome.name(), if stop { " and stopped" } else { "" })
        }
        other => format!("{other:?}").to_lowercase(),
    }
}

#[test]
fn modes_say_what_happens_while_it_runs() {
    let of = |mode, max: &str, open| {
        let on = format!("mqtt a{max}");
        let mut machine = machine(vec![Rule { mode, ..rule("m", &[&on]) }]);
        admit(&mut machine, &message("a", "", 0), open, 0)
    };
    for mode in [Mode::Single, Mode::Restart, Mode::Queued, Mode::Parallel] {
        assert_eq!(of(mode, "", 0), "begin");
    }
    assert_eq!(of(Mode::Single, "", 1), "dropped: it is not done with the last one");
    assert_eq!(of(Mode::Restart, "", 1), "replace");
    assert_eq!(of(Mode::Queued, " max=3", 2), "wait");
    assert_eq!(of(Mode::Queued, " max=3", 3), "dropped: 3 run or wait already, which is the most");
    assert_eq!(of(Mode::Parallel, " max=3", 2), "begin");
    assert_eq!(of(Mode::Parallel, " max=3", 3), "dropped: 3 run or wait already, which is the most");
    assert_eq!(of(Mode::Parallel, "", 10), "dropped: 10 run or wait already, which is the most");
}

#[test]
fn a_loop_ends_at_its_depth_and_is_told_once() {
    let mut machine = Machine::new(Bounds { depth: 3, per_minute: 0 }, Vec::new(), &[]);
    machine.set_rules(vec![rule("me", &["event run.finished"])]);
    let said: Vec<String> = (0..6).map(|depth| admit(&mut machine, &event("run.finished", depth), 0, 0)).collect();
    let looped = "looped: it is the consequence of 3 firings, one of which may be its own";
    assert_eq!(said, ["begin", "begin", "begin", looped, "nothing", "nothing"]);
}

#[test]
fn who_fires_too_often_is_stopped() {
    let mut machine = Machine::new(Bounds { depth: 8, per_minute: 4 }, Vec::new(), &[]);
    machine.set_rules(vec![rule("other", &["mqtt b"]), rule("me", &["mqtt a"])]);
    let said: Vec<String> = (0..7).map(|n| admit(&mut machine, &message("a", "", n), 0, n)).collect();
    let stopped = "looped and stopped: it was fired 4 times in a minute";
    assert_eq!(said, ["begin", "begin", "begin", "begin", stopped, "nothing", "nothing"]);
    assert_eq!(admit(&mut machine, &message("b", "", 7), 0, 7), "begin", "the others go on");
}

#[test]
fn what_is_owed_is_done_one_after_another_however_much_of_it_there_is() {
    let mut machine = Machine::new(Bounds { depth: 8, per_minute: 4 }, Vec::new(), &[]);
    let mut parallel = rule("me", &["event a max=2"]);
    parallel.mode = Mode::Parallel;
    machine.set_rules(vec![parallel]);
    let owed_since = |second: i64| {
        let mut owed = event("a", 0);
        (owed.data[OWED], owed.data["at"]) = (json!(true), json!(at(second)));
        owed
    };
    let owed = owed_since(0);
    let Act::Fire(_, firing) = machine.hear(&owed).remove(0) else { panic!("nothing") };
    assert!(firing.lane.is_some());
    let Act::Fire(_, now) = machine.hear(&event("a", 0)).remove(0) else { panic!("nothing") };
    assert_eq!((now.is_owed(), now.lane), (false, None));
    // One each half minute, of which is told in one moment.
    let said: Vec<String> = (0..9).map(|n| admit(&mut machine, &owed_since(30 * n), n as usize, 1000)).collect();
    assert_eq!((said[0].as_str(), said[1..].iter().all(|said| said == "wait")), ("begin", true), "{said:?}");
    // What comes now has its bounds, and so has what came as often then.
    let often = "looped and stopped: it was fired 4 times in a minute";
    let said: Vec<String> = (0..5).map(|_| admit(&mut machine, &event("a", 0), 0, 1001)).collect();
    assert_eq!(said, ["begin", "begin", "begin", "begin", often]);
    machine.set_rules(vec![rule("me", &["event a max=2"])]);
    let said: Vec<String> = (0..5).map(|n| admit(&mut machine, &owed_since(5000 + n), 0, 9000)).collect();
    assert_eq!(said[4], often, "{said:?}");
}

#[test]
fn what_changes_its_own_file_is_stopped_unless_it_says_how_often_it_may() {
    let said = |on: &str, changed: i64| {
        let mut machine = Machine::new(Bounds { depth: 8, per_minute: 0 }, Vec::new(), &[]);
        machine.set_rules(vec![rule("me", &[on])]);
        let key = rule("me", &[on]).key;
        // Each work lasts from the second 1 to the second 2 of three.
        let step = |n: i64| {
            let modified = at(n + changed).to_string();
            let data = json!({"kind": "file", "path": "/in/a", "change": "changed", "modified": modified});
            let happening = Happening { kind: "file", data, at: at(n), key: None, depth: 0, kept: None };
            let said = admit(&mut machine, &happening, 0, n);
            machine.worked(key.clone(), &happening.data, at(n + 1), at(n + 2));
            said
        };
        (0..120).step_by(3).map(step).collect::<Vec<_>>()
    };
    let begun = |said: &[String]| said.iter().filter(|said| *said == "begin").count();
    assert_eq!(begun(&said("file /in", 0)), 40, "somebody else writes between");
    let own = said("file /in", -1);
    assert_eq!(begun(&own), 30);
    assert!(
        own[30].starts_with("looped and stopped: /in/a changed 30 times in a row while its own work ran"),
        "{own:?}"
    );
    assert_eq!(begun(&said("file /in limit=1000/1m", -1)), 40);
}

#[test]
fn a_limit_is_gentler_than_the_bound_of_loops() {
    let mut machine = Machine::new(Bounds { depth: 8, per_minute: 4 }, Vec::new(), &[]);
    machine.set_rules(vec![rule("me", &["mqtt a limit=2/10s"])]);
    let said: Vec<String> = (0..25).map(|n| admit(&mut machine, &message("a", "", n), 0, n)).collect();
    assert_eq!(said.iter().filter(|said| *said == "begin").count(), 4);
    assert_eq!(said[2], "limited: it may fire 2 times in 10.0 s");
}

#[test]
fn what_was_fired_before_a_restart_counts_for_limits() {
    let key = rule("me", &["mqtt a"]).key;
    let lately = [0, 1].map(|second| Admitted { key: key.clone(), nr: Some(0), at: at(second), happened: None });
    let mut machine = Machine::new(Bounds::default(), Vec::new(), &lately);
    machine.set_rules(vec![rule("me", &["mqtt a limit=2/1m"])]);
    assert!(admit(&mut machine, &message("a", "", 2), 0, 2).starts_with("limited"));
    assert_eq!(admit(&mut machine, &message("a", "", 61), 0, 61), "begin");
}

#[test]
fn the_trace_keeps_long_texts_short() {
    let whole = json!({"payload": "x".repeat(100_000), "json": {"a": "y".repeat(9000)}, "topic": "t"});
    let kept = short(whole);
    assert_eq!((&kept["topic"], &kept["json"]), (&json!("t"), &Json::Null));
    assert!(kept.to_string().len() < 2 * TRACED);
}

proptest! {
    /// The index finds what asking every trigger finds.
    #[test]
    fn the_index_misses_nothing(
        filters in proptest::collection::vec("(\\+|[ab])(/(\\+|[ab])){0,2}(/#)?", 1..12),
        topic in "[ab](/[ab]){0,3}",
    ) {
        let rules: Vec<Rule> = filters.iter().enumerate().map(|(n, f)| rule(&n.to_string(), &[&format!("mqtt {f}")])).collect();
        let heard = message(&topic, "", 0);
        let wanted: Vec<usize> = (0..rules.len()).filter(|n| rules[*n].triggers[0].1.matches(&heard)).collect();
        let mut found: Vec<usize> = machine(rules)
            .hear(&heard)
            .into_iter()
            .map(|act| match act { Act::Fire(n, _) => n, _ => usize::MAX })
            .collect();
        found.sort_unstable();
        prop_assert_eq!(found, wanted);
    }

    /// Whatever comes in whatever order: timers that run are those that were begun and not ended.
    #[test]
    fn any_sequence_keeps_timers_and_acts_in_step(steps in proptest::collection::vec((0u8..3, 0u8..3, 0i64..4), 0..60)) {
        let mut machine = machine(vec![rule("r", &["mqtt a b payload=open for=3s", "mqtt a debounce=2s"])]);
        let (mut now, mut running) = (0, std::collections::BTreeSet::new());
        for (topic, payload, pause) in steps {
            now += pause;
            let topic = ["a", "b", "c"][topic as usize];
            let payload = ["open", "shut", ""][payload as usize];
            let mut acts = machine.due(at(now));
            acts.extend(machine.hear(&message(topic, payload, now)));
            for act in acts {
                match act {
                    Act::Hold(hold) => { running.insert((hold.nr, hold.subject)); }
                    Act::Release(_, nr, subject) | Act::Over(_, nr, subject) => prop_assert!(running.remove(&(nr, subject))),
                    Act::Fire(..) | Act::Broken(..) => {}
                }
            }
        }
        prop_assert_eq!(machine.next_due().is_some(), !running.is_empty());
        machine.due(at(now + 10));
        prop_assert_eq!(machine.next_due(), None);
    }
}
