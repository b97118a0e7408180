use std::path::Path;

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;
use crate::commands::model::{Dialect, Severity};
use crate::kernel::clock::Timestamp;

/// A trigger as the parser of definitions gives it.
fn written(text: &str) -> Trigger {
    let words = shlex::split(text).unwrap();
    let mut trigger = Trigger { kind: words[0].clone(), args: Vec::new(), options: Default::default(), line: 12 };
    for word in &words[1..] {
        match word.split_once('=').filter(|(k, _)| k.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')) {
            Some((key, value)) => drop(trigger.options.insert(key.to_string(), value.to_string())),
            None => trigger.args.push(word.clone()),
        }
    }
    trigger
}

fn wanted(text: &str) -> Wanted {
    let here = Here { home: Some("/home/me".into()), broker: Some("main".into()), ..Here::default() };
    parse(&written(text)).unwrap().0.settle(&here)
}

fn happening(kind: &'static str, data: Json) -> Happening {
    Happening { kind, data, at: Timestamp::from_micros(0), key: None, depth: 0, kept: None }
}

fn fires(trigger: &str, kind: &'static str, data: Json) -> bool {
    wanted(trigger).matches(&happening(kind, data))
}

fn wrong(text: &str) -> String {
    let found = parse(&written(text)).unwrap_err();
    assert_eq!((found.line, found.severity), (12, Severity::Error));
    found.message
}

#[test]
fn a_topic_fits_its_filter_and_no_other() {
    let fits = [
        ("a/b", "a/b"),
        ("a/+", "a/b"),
        ("+/b", "a/b"),
        ("a/#", "a/b/c"),
        ("a/#", "a"),
        ("#", "a/b"),
        ("+/+", "a/"),
        ("a//b", "a//b"),
        ("+", "a"),
        ("$SYS/#", "$SYS/broker"),
        ("$share/group/a/+", "a/b"),
        ("a/+/c/#", "a/b/c"),
    ];
    for (filter, topic) in fits {
        assert!(check_filter(filter).is_ok() && filter_fits(filter, topic), "{filter} {topic}");
    }
    let not = [
        ("a/b", "a/c"),
        ("a/b", "a/b/c"),
        ("a/+", "a"),
        ("a/+", "a/b/c"),
        ("+", "a/b"),
        ("a/#", "ab"),
        ("#", "$SYS/x"),
        ("+/x", "$SYS/x"),
        ("A/b", "a/b"),
        ("a/b", "/a/b"),
        ("#", ""),
    ];
    for (filter, topic) in not {
        assert!(!filter_fits(filter, topic), "{filter} {topic}");
    }
    for bad in ["", "a/#/b", "a#", "a/b+", "+a/b", "#/a", "$share/a", "$share//a", "$share/+/a", "a\0b"] {
        assert!(check_filter(bad).is_err(), "{bad}");
    }
}

#[test]
fn messages_are_chosen_by_payload_path_and_bounds() {
    let said = |payload: &str| {
        let json: Json = serde_json::from_str(payload).unwrap_or(Json::Null);
        json!({"topic": "home/1/button", "payload": payload, "json": json, "retain": false, "broker": "main"})
    };
    let fires = |trigger: &str, payload: &str| fires(trigger, "mqtt", said(payload));
    assert!(fires("mqtt home/+/button", "anything"));
    assert!(fires("mqtt other/# home/#", "x"));
    assert!(fires("mqtt home/+/button payload=press", "press"));
    assert!(!fires("mqtt home/+/button payload=press", "Press"));
    assert!(fires("mqtt home/+/button 'payload=press|hold'", "hold"));
    assert!(fires("mqtt home/# path=$.action value=on", r#"{"action": "on"}"#));
    assert!(fires("mqtt home/# path=action value=on", r#"{"action": "on"}"#));
    assert!(!fires("mqtt home/# path=action value=on", r#"{"action": "off"}"#));
    assert!(!fires("mqtt home/# path=action value=on", "not json"));
    assert!(fires("mqtt home/# path=action", r#"{"action": null}"#));
    assert!(fires("mqtt home/# 'path=$.list[*].t' above=20", r#"{"list": [{"t": 1}, {"t": 21}]}"#));
    assert!(fires("mqtt home/# above=20 below=30", "21.5"));
    assert!(!fires("mqtt home/# above=20", "20") && !fires("mqtt home/# above=20", "warm"));
    assert!(!fires("mqtt home/# broker=cabin", "x"));
}

#[test]
fn kept_messages_fire_only_what_asks_for_them() {
    let kept = |retain: bool| json!({"topic": "a", "payload": "x", "retain": retain});
    assert!(!fires("mqtt a", "mqtt", kept(true)) && fires("mqtt a", "mqtt", kept(false)));
    assert!(fires("mqtt a retained=yes", "mqtt", kept(true)) && fires("mqtt a retained=yes", "mqtt", kept(false)));
    assert!(fires("mqtt a retain=only", "mqtt", kept(true)) && !fires("mqtt a retain=only", "mqtt", kept(false)));
}

fn state(from: Json, to: Json) -> Json {
    json!({"entity": "binary_sensor.door", "from": from, "to": to, "attributes": {"battery": 15}, "from_attributes": {"battery": 40}})
}

#[test]
fn states_fire_when_they_change_and_not_when_they_only_come_back() {
    let fires = |trigger: &str, from: Json, to: Json| fires(trigger, "homeassistant", state(from, to));
    assert!(fires("homeassistant binary_sensor.door", json!("off"), json!("on")));
    assert!(!fires("homeassistant binary_sensor.door", json!("on"), json!("on")));
    assert!(fires("homeassistant binary_sensor.* from=off to=on", json!("off"), json!("on")));
    assert!(!fires("homeassistant binary_sensor.door from=on", json!("off"), json!("on")));
    assert!(!fires("homeassistant light.*", json!("off"), json!("on")));
    for silent in [json!(null), json!("unavailable"), json!("unknown")] {
        assert!(!fires("homeassistant binary_sensor.door to=on", silent.clone(), json!("on")), "{silent}");
        assert!(!fires("homeassistant binary_sensor.door", json!("on"), silent.clone()), "{silent}");
    }
    assert!(fires("homeassistant binary_sensor.door from=unavailable", json!("unavailable"), json!("on")));
    assert!(fires("homeassistant binary_sensor.door to=unavailable", json!("on"), json!("unavailable")));
    assert!(fires("homeassistant binary_sensor.door unavailable=yes", json!("unavailable"), json!("on")));
    assert!(fires("homeassistant binary_sensor.door attribute=battery below=20", json!("on"), json!("on")));
    assert!(!fires("homeassistant binary_sensor.door attribute=battery below=50", json!("on"), json!("on")));
    assert!(!fires("homeassistant binary_sensor.door attribute=nothing", json!("off"), json!("on")));
    // A bound is crossed once.
    assert!(fires("homeassistant binary_sensor.door above=20", json!("19"), json!("21")));
    assert!(!fires("homeassistant binary_sensor.door above=20", json!("21"), json!("22")));
}

#[test]
fn an_attribute_fires_when_it_changes_and_its_values_are_told() {
    let change = crate::automations::ha::Change {
        entity: "counter.hits".into(),
        before: Some(json!({"state": "13", "attributes": {"step": 1}})),
        after: Some(json!({"state": "14", "attributes": {"step": 1}})),
        found_late: false,
    };
    let step = wanted("homeassistant counter.* attribute=step");
    assert!(!step.matches(&happening("homeassistant", change.data("now"))));
    let after = Some(json!({"state": "14", "attributes": {"step": 2}}));
    let data = crate::automations::ha::Change { after, ..change }.data("now");
    assert!(step.matches(&happening("homeassistant", data.clone())));
    let told = step.told(&data);
    let values = [&told["attribute"], &told["from"], &told["to"], &told["state"]];
    assert_eq!(values, [&json!("step"), &json!(1), &json!(2), &json!("14")]);
    assert_eq!(wanted("homeassistant counter.*").told(&data), data);
}

#[test]
fn what_is_held_ends_with_another_state_of_the_same_thing() {
    let wanted = wanted("homeassistant binary_sensor.door to=on for=5m");
    let told = |from: &str, to: &str| happening("homeassistant", state(json!(from), json!(to)));
    assert!(wanted.matches(&told("off", "on")) && !wanted.ends(&told("off", "on")));
    // An attribute changes; it is on still.
    assert!(!wanted.matches(&told("on", "on")) && !wanted.ends(&told("on", "on")));
    assert!(wanted.ends(&told("on", "off")) && wanted.ends(&told("on", "unavailable")));
    assert_eq!(Wanted::subject(&told("on", "off")), "binary_sensor.door");
}

#[test]
fn events_are_chosen_by_name_subject_and_what_they_say() {
    let event = json!({"name": "run.finished", "subject": "7", "payload": {"status": "failed"}});
    assert!(fires("event run.finished", "event", event.clone()));
    assert!(fires("event 'run.*' path=status value=failed", "event", event.clone()));
    assert!(fires("event '*.finished' subject=7", "event", event.clone()));
    for not in ["event run.started", "event run", "event 'run.*' path=status value=ok", "event 'run.*' subject=8"] {
        assert!(!fires(not, "event", event.clone()), "{not}");
    }
    assert!(!fires("event 'run.*'", "mqtt", event));
}

#[test]
fn files_are_chosen_by_path_and_change() {
    let File { .. } = match wanted("file ~/in/*.pdf") {
        Wanted::File(file) => file,
        other => panic!("{other:?}"),
    };
    let file = |path: &str, change: &str| json!({"path": path, "change": change});
    assert!(fires("file ~/in/*.pdf", "file", file("/home/me/in/a.pdf", "created")));
    assert!(!fires("file ~/in/*.pdf", "file", file("/home/me/in/b/a.pdf", "created")));
    assert!(!fires("file ~/in/*.pdf", "file", file("/home/me/in/a.pdf", "removed")));
    assert!(fires("file ~/in/*.pdf change=removed", "file", file("/home/me/in/a.pdf", "removed")));
    assert!(fires("file /in", "file", file("/in/a/b.txt", "changed")));
    assert!(!fires("file /in", "file", file("/in/.git/x", "changed")));
    assert!(fires("file /in hidden=yes", "file", file("/in/.git/x", "changed")));
    assert!(fires("file '/in/**/*.txt'", "file", file("/in/a.txt", "changed")));
    assert!(fires("file '/in/**/*.txt'", "file", file("/in/a/b/c.txt", "changed")));
    assert!(!fires("file '/in/**/*.txt'", "file", file("/inner/c.txt", "changed")));
    assert!(!fires("file /in/a.txt", "file", file("/in/a.txt.tmp", "changed")));
    let root = |text: &str| match wanted(text) {
        Wanted::File(file) => file.root(),
        other => panic!("{other:?}"),
    };
    assert_eq!(root("file '/in/a/*.txt'"), (PathBuf::from("/in/a"), false));
    assert_eq!(root("file '/in/*/x/*.txt'"), (PathBuf::from("/in"), true));
    assert_eq!(root("file /in/a"), (PathBuf::from("/in/a"), true));
    assert_eq!(root("file '/in/a/**'"), (PathBuf::from("/in/a"), true));
    assert_eq!(root("file '/in/a/**/*.txt'"), (PathBuf::from("/in/a"), true));
}

#[test]
fn timing_is_read_beside() {
    let timing = |text: &str| parse(&written(text)).unwrap().1;
    let all = timing("homeassistant light.a for=5m debounce=2s limit=5/1h max=3");
    let want = Timing { held_ms: Some(300_000), debounce_ms: Some(2000), limit: Some((5, 3_600_000)), max: Some(3) };
    assert_eq!(all, want);
    assert_eq!(timing("mqtt a"), Timing::default());
    // The watcher waits until a file is quiet.
    assert_eq!(timing("file /in debounce=1s"), Timing::default());
}

#[test]
fn what_cannot_be_understood_names_the_line_and_what_was_meant() {
    assert_eq!(wrong("mqtt a/#/b"), "the topic filter `a/#/b` is invalid: `#` may only stand at the end");
    assert_eq!(wrong("mqtt"), "`mqtt` needs a topic filter such as `home/+/button`");
    assert_eq!(wrong("mqtt a paylod=x"), "`paylod=` is no option of `mqtt`; did you mean `payload=`?");
    assert_eq!(wrong("mqtt a value=x"), "`value=` belongs to a `path=`; the whole message is compared by `payload=`");
    assert!(wrong("mqtt a 'path=$[' ").starts_with("`path=$[` is no JSON path such as `$.action`: "));
    assert_eq!(wrong("mqtt a above=3 below=2"), "nothing is above 3 and below 2");
    assert_eq!(wrong("mqtt a qos=3"), "`qos=3` is none of 0, 1, 2");
    assert_eq!(wrong("mqtt a limit=5"), "`limit=5` is not written as `5/1h`");
    assert_eq!(wrong("mqtt a debounce=soon"), "`debounce=soon` is no length of time such as `10s`");
    assert_eq!(wrong("homeassistant door"), "`door` is no entity such as `binary_sensor.door` or `light.*`");
    assert_eq!(wrong("event Run"), "`Run` is no name of an event such as `run.finished`, or `run.*`");
    assert_eq!(wrong("file a/b"), "`a/b` must begin with `/` or `~/`: an automation starts in no folder");
    assert_eq!(wrong("file /a/../b"), "`/a/../b` must be a path without `..`");
    assert_eq!(wrong("file '/**'"), "`/**` is too much to watch: name a folder");
    assert_eq!(wrong("file /a /b"), "`file` takes a path such as `~/Downloads/*.pdf`, and `/b` is one word too many");
    assert_eq!(wrong("file /a change=deleted"), "`change=deleted` is none of created, changed, removed");
    assert_eq!(wrong("webhook a/b"), "`a/b` is no name of a webhook: letters, digits, `-`, `_` and `.` are");
    assert_eq!(wrong("startup now"), "`startup` takes no words, and there is `now`");
    assert_eq!(wrong("voice"), "a voice trigger needs its phrase in quotes");
}

#[test]
fn a_command_is_checked_whole() {
    let mut command = Command::new(Dialect::Native, "x");
    command.triggers = vec![written("mqtt a/#/b"), written("schedule 'every 1h'"), written("unheard of")];
    command.condition = Some("trigger.x ==".to_string());
    command.origin.lines = (3, 20);
    let found: Vec<(usize, String)> = check(&command).into_iter().map(|d| (d.line, d.message)).collect();
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!((found[0].0, found[1].0), (12, 3));
    assert!(found[1].1.starts_with("the condition `trigger.x ==` cannot be read: "));
}

#[test]
fn the_reference_tells_every_option_and_its_examples_are_triggers() {
    assert_eq!(REFERENCE.map(|one| one.kind), KINDS);
    for one in REFERENCE {
        for example in one.examples {
            assert_eq!(parse(&written(example)).unwrap().0.kind(), one.kind, "{example}");
        }
        // An option that there is not names those that there are.
        let mut unknown = written(one.examples[0]);
        unknown.options.insert("0000".to_string(), "x".to_string());
        let said = parse(&unknown).unwrap_err().message;
        let listed = said.rsplit_once("it has ").unwrap().1;
        let told: Vec<String> = one.options.iter().map(|(name, _)| format!("`{name}=`")).collect();
        let mut known: Vec<&str> = listed.split(", ").collect();
        let mut told: Vec<&str> = told.iter().map(String::as_str).collect();
        known.sort_unstable();
        told.sort_unstable();
        assert_eq!(told, known, "{}", one.kind);
    }
}

/// A filter against a topic as the standard says it, letter by letter.
fn slow_fit(filter: &[&str], topic: &[&str]) -> bool {
    match (filter.split_first(), topic.split_first()) {
        (Some((&"#", _)), _) => true,
        (None, None) => true,
        (Some((&"+", rest)), Some((_, levels))) => slow_fit(rest, levels),
        (Some((want, rest)), Some((level, levels))) => want == level && slow_fit(rest, levels),
        _ => false,
    }
}

proptest! {
    #[test]
    fn any_trigger_is_understood_or_told(
        kind in prop::sample::select(KINDS.to_vec()),
        args in prop::collection::vec("[ -~ä]{0,20}", 0..3),
        options in prop::collection::btree_map(
            prop::sample::select(vec!["for", "path", "value", "to", "from", "change", "debounce", "tz", "above", "x"]),
            "[ -~]{0,12}", 0..3,
        ),
    ) {
        let options = options.into_iter().map(|(k, v)| (k.to_string(), v)).collect();
        let trigger = Trigger { kind: kind.to_string(), args, options, line: 3 };
        match parse(&trigger) {
            Ok((wanted, _)) => {
                prop_assert_eq!(wanted.kind(), kind);
                let told = json!({"topic": "a/b", "entity": "a.b", "path": "/a/b", "name": "a", "payload": "x"});
                let kind = wanted.kind();
                let _ = wanted.matches(&happening(kind, told));
            }
            Err(diagnostic) => prop_assert_eq!(diagnostic.line, 3),
        }
    }

    #[test]
    fn filters_fit_as_the_standard_says(
        filter in prop::collection::vec(prop::sample::select(vec!["a", "b", "", "+"]), 1..5),
        hash in any::<bool>(),
        topic in prop::collection::vec(prop::sample::select(vec!["a", "b", ""]), 1..6),
    ) {
        let mut filter = filter;
        if hash { filter.push("#"); }
        let topic_text = topic.join("/");
        prop_assume!(!topic_text.is_empty());
        let text = filter.join("/");
        prop_assume!(!text.is_empty());
        prop_assert!(check_filter(&text).is_ok());
        prop_assert_eq!(filter_fits(&text, &topic_text), slow_fit(&filter, &topic));
    }

    #[test]
    fn any_filter_and_path_pattern_takes_no_time(text in "[a+#/*$.]{0,60}", other in "[a/.]{0,60}") {
        let _ = (check_filter(&text), filter_fits(&text, &other));
        let file = File { path: format!("/{text}"), changes: Vec::new(), quiet_ms: 0, hidden: false };
        let _ = (file.covers(Path::new(&format!("/{other}"))), file.root());
    }
}

#[test]
fn parameters_that_no_trigger_tells_are_named() {
    let mut command = Command::new(Dialect::Native, "a");
    let param =
        |name: &str, required: bool| Param { name: name.into(), var: name.into(), required, ..Param::default() };
    command.params = vec![param("topic", true), param("who", true), param("how", false)];
    command.triggers = vec![written("mqtt a/b"), written("voice 'hello {who}'")];
    let said = "`mqtt a/b` never tells its `who`, without which it fails; it wants a default: `[who=…]`";
    assert_eq!(untold(&command), [said]);
}
