//! Every bundled plugin is loaded, tried by its own tests, and small.

use std::sync::Arc;
use std::time::Duration;

use super::Deaf;
use crate::kernel::clock::Clock;
use crate::plugins::limits::Limits;
use crate::plugins::manifest::Hook;
use crate::plugins::places;
use crate::plugins::room::Room;
use crate::plugins::scaffold;
use crate::plugins::trial::Trial;

fn trial(name: &str) -> Trial {
    Trial::new(&places::bundled(name).unwrap(), Limits::default(), 1 << 20, Clock::system())
        .unwrap_or_else(|e| panic!("{name}: {e}"))
}

#[test]
fn every_bundled_plugin_does_what_its_tests_say() {
    let names = places::bundled_names();
    assert!(names.len() >= 6, "{names:?}");
    for name in names {
        let trial = trial(name);
        let tests = trial.own_tests().unwrap();
        assert!(!tests.is_empty(), "{name} has no tests");
        for (test, wrong) in tests {
            assert_eq!(wrong, None, "{name}: {test}");
        }
        assert!(trial.used_memory() < 1 << 20, "{name} holds {} bytes", trial.used_memory());
    }
}

#[test]
fn a_new_plugin_of_every_kind_loads() {
    let place = tempfile::tempdir().unwrap();
    let folder = scaffold::new(place.path(), "whole", &Hook::ALL, true).unwrap();
    let trial = Trial::new(&places::read(&folder).unwrap(), Limits::default(), 1 << 20, Clock::system()).unwrap();
    assert_eq!(trial.pass(Hook::Prompt, "teh cat").unwrap().text.as_deref(), Some("the cat"));
    assert_eq!(trial.pass(Hook::Result, "x").unwrap().text, None);
    let said = trial.call(&["commands", "whole hello"], &[serde_json::json!({"who": "you"})]).unwrap();
    assert_eq!(said, "hello you");
    assert!(scaffold::new(place.path(), "whole", &[], false).is_err());
    assert!(scaffold::new(place.path(), "../whole", &[], false).is_err());
}

#[test]
fn what_is_allowed_is_every_byte() {
    let place = tempfile::tempdir().unwrap();
    let folder = scaffold::new(place.path(), "mine", &[Hook::Prompt], false).unwrap();
    let before = places::read(&folder).unwrap().digest;
    // What editors need is no part of it.
    std::fs::write(folder.join("fac.d.luau"), "other").unwrap();
    std::fs::write(folder.join(".luaurc"), "other").unwrap();
    assert_eq!(places::read(&folder).unwrap().digest, before);
    std::fs::write(folder.join("more.md"), "").unwrap();
    assert_ne!(places::read(&folder).unwrap().digest, before);
}

#[test]
fn a_state_that_nobody_calls_is_let_go_and_made_again() {
    let found = places::bundled("words").unwrap();
    let room = Room::new(Limits::default(), Arc::new(Deaf::default()), Arc::default());
    let call = || {
        let loaded = room.loaded("words", &found.digest, || Ok(found.clone())).unwrap();
        loaded.call("words", &["status"], &[serde_json::json!({"words": 7})]).unwrap()
    };
    assert_eq!(call(), "7 words");
    assert!(room.let_go(Duration::from_secs(60)));
    assert_eq!(room.memory().len(), 1);
    assert!(!room.let_go(Duration::ZERO));
    assert_eq!((call(), room.memory().len()), ("7 words".into(), 1));
}
