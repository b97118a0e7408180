//! Plugins: what was allowed, failures in a row, what they keep, their logs, and who moves a mark.

use serde_json::json;

use super::support::*;
use crate::kernel::error::Kind;
use crate::store::*;

fn new(name: &str, digest: &str) -> NewPlugin {
    NewPlugin {
        name: name.into(),
        place: "bundled".into(),
        digest: digest.into(),
        manifest: json!({"name": name, "hooks": ["prompt"]}),
    }
}

#[test]
fn a_plugin_is_allowed_fails_recovers_and_is_disabled() {
    let world = World::new();
    let store = &world.store;
    store.enable_plugin(&new("a", "1")).unwrap();
    store.enable_plugin(&new("b", "1")).unwrap();
    assert_eq!(store.plugin_failed("a", "prompt", "x", 3).unwrap(), (1, false));
    assert_eq!(store.plugin_failed("a", "prompt", "y", 3).unwrap(), (2, false));
    store.plugin_recovered("a", "prompt").unwrap();
    let row = store.plugin("a").unwrap().unwrap();
    assert_eq!((row.failures, row.error.as_deref(), row.enabled), (0, None, true));
    assert_eq!(
        (1..=4).map(|_| store.plugin_failed("a", "prompt", "z", 3).unwrap()).collect::<Vec<_>>(),
        [(1, false), (2, false), (3, true), (4, false)]
    );
    let on: Vec<String> = store.plugins(true).unwrap().into_iter().map(|row| row.name).collect();
    assert_eq!((on, store.plugins(false).unwrap().len()), (vec!["b".to_string()], 2));
    // Allowed anew it begins anew.
    store.enable_plugin(&new("a", "2")).unwrap();
    let row = store.plugin("a").unwrap().unwrap();
    assert_eq!((row.failures, row.digest.as_str(), row.enabled), (0, "2", true));
    assert!(store.disable_plugin("a", "why").unwrap() && !store.disable_plugin("a", "why").unwrap());
    assert!(store.remove_plugin("a").unwrap() && !store.remove_plugin("a").unwrap());
    let verified = store.verify().unwrap();
    assert_eq!((verified.fault, verified.state.differ), (None, 0));
}

#[test]
fn what_one_part_does_well_makes_nothing_good_that_another_fails_at() {
    let world = World::new();
    let store = &world.store;
    store.enable_plugin(&new("a", "1")).unwrap();
    let row = || store.plugin("a").unwrap().unwrap();
    for n in 1..=2 {
        assert_eq!(store.plugin_failed("a", "commands.bad", "it broke", 3).unwrap(), (n, false));
        store.plugin_recovered("a", "event").unwrap();
    }
    // Nor does one failure here and one there come to two in a row.
    assert_eq!(store.plugin_failed("a", "prompt", "so did this", 3).unwrap(), (1, false));
    assert!(row().fails_at("commands.bad") && row().fails_at("prompt") && !row().fails_at("event"));
    store.plugin_recovered("a", "prompt").unwrap();
    assert_eq!((row().failures, row().error.as_deref(), row().enabled), (2, Some("so did this"), true));
    assert_eq!(store.plugin_failed("a", "commands.bad", "again", 3).unwrap(), (3, true));
    assert!(!row().enabled);
    store.plugin_recovered("a", "commands.bad").unwrap();
    assert_eq!((row().failures, row().error.clone()), (0, None));
    let verified = store.verify().unwrap();
    assert_eq!((verified.fault, verified.state.differ), (None, 0));
}

#[test]
fn values_have_a_quota_and_go_with_their_plugin() {
    let world = World::new();
    let store = &world.store;
    store.set_plugin_value("a", "k", Some("12345"), 12).unwrap();
    // What is replaced makes room.
    store.set_plugin_value("a", "k", Some("1234567"), 12).unwrap();
    assert_eq!(store.set_plugin_value("a", "l", Some("1234"), 12).unwrap_err().kind(), Kind::Refused);
    store.set_plugin_value("a", "l", Some("123"), 12).unwrap();
    store.set_plugin_value("b", "k", Some("other"), 12).unwrap();
    assert_eq!(store.set_plugin_value("a", "k", Some("12345678"), 12).unwrap_err().kind(), Kind::Refused);
    // What was refused changed nothing.
    assert_eq!(store.plugin_value("a", "k").unwrap().as_deref(), Some("1234567"));
    assert_eq!(store.plugin_keys("a", "").unwrap(), ["k", "l"]);
    assert_eq!(store.plugin_keys("a", "l").unwrap(), ["l"]);
    store.set_plugin_value("a", "k", None, 12).unwrap();
    store.remove_plugin("a").unwrap();
    assert_eq!((store.plugin_keys("a", "").unwrap().len(), store.plugin_keys("b", "").unwrap().len()), (0, 1));
}

#[test]
fn logs_keep_their_last_lines() {
    let world = World::new();
    let store = &world.store;
    let line = |n: usize| PluginLine { plugin: "a".into(), at: store.now(), level: "info".into(), text: n.to_string() };
    store.add_plugin_lines(&(0..2500).map(line).collect::<Vec<_>>()).unwrap();
    let kept = store.plugin_lines(Some("a"), 10_000).unwrap();
    assert_eq!((kept.len(), kept[0].text.as_str(), kept[1999].text.as_str()), (2000, "500", "2499"));
    assert_eq!(store.plugin_lines(None, 2).unwrap().len(), 2);
    assert!(store.plugin_lines(Some("b"), 2).unwrap().is_empty());
}

#[test]
fn one_moves_a_mark() {
    let world = World::new();
    let store = &world.store;
    assert_eq!(store.plugin_mark("a", "m").unwrap(), None);
    assert!(store.move_plugin_mark("a", "m", None, 5).unwrap());
    assert!(!store.move_plugin_mark("a", "m", None, 6).unwrap());
    assert!(!store.move_plugin_mark("a", "m", Some(4), 6).unwrap());
    assert!(store.move_plugin_mark("a", "m", Some(5), 6).unwrap());
    assert_eq!(store.plugin_mark("a", "m").unwrap(), Some(6));
}
