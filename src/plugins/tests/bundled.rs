//! Every bundled plugin is loaded, tried by its own tests, and small.

use crate::kernel::clock::Clock;
use crate::plugins::limits::Limits;
use crate::plugins::manifest::Hook;
use crate::plugins::places;
use crate::plugins::scaffold;
use crate::plugins::trial::Trial;

fn trial(name: &str) -> Trial {
    Trial::new(&places::bundled(name).unwrap(), Limits::default(), Clock::system())
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
        assert!(trial.used_memory() < 400 << 10, "{name} holds {} bytes", trial.used_memory());
    }
}

#[test]
fn a_new_plugin_of_every_kind_loads() {
    let place = tempfile::tempdir().unwrap();
    let folder = scaffold::new(place.path(), "whole", &Hook::ALL, true).unwrap();
    let trial = Trial::new(&places::read(&folder).unwrap(), Limits::default(), Clock::system()).unwrap();
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
