//! Sources, owners, trust, state and the reading of events.

use serde_json::json;

use super::support::*;
use crate::kernel::error::Kind;
use crate::kernel::events::Event;
use crate::store::*;

#[test]
fn a_source_is_added_found_changed_and_removed() {
    let world = World::new();
    let added =
        world.store.add_source(&NewSource { reference: Some("main".to_string()), ..new_source("kit") }).unwrap();
    assert_eq!(added.state, "new");
    assert_eq!((added.rank, added.name.as_str(), added.kind), (1, "kit", SourceKind::Github));
    assert_eq!(added.added_at.to_string(), "2026-01-02T03:04:05.000000Z");
    let second = world.store.add_source(&new_source("other")).unwrap();
    assert_eq!(second.rank, 2);

    let mut changed = added.clone();
    changed.state = "ok".to_string();
    changed.commit = Some("c1".to_string());
    changed.etag = Some("\"e\"".to_string());
    changed.last_modified = Some("Mon".to_string());
    changed.fetched_at = Some(added.added_at);
    changed.error = Some("none".to_string());
    changed.rate = Some(json!({"remaining": 59}));
    changed.options = json!({"depth": 1});
    changed.renamed_to = Some("github:new/kit".to_string());
    world.store.update_source(&changed).unwrap();
    assert_eq!(world.store.source_by_name("kit").unwrap(), Some(changed.clone()));
    assert_eq!(world.store.source_by_spec("github:someone/kit").unwrap(), Some(changed.clone()));
    assert_eq!(world.store.sources().unwrap(), [changed, second.clone()]);

    assert_eq!(world.store.remove_source(added.id).unwrap(), 0);
    assert_eq!(world.store.sources().unwrap(), [second]);
    assert_eq!(world.store.source_by_name("kit").unwrap(), None);
    let kinds: Vec<String> = world.store.events(None, "*", 10).unwrap().into_iter().map(|e| e.kind).collect();
    assert_eq!(kinds, ["source.added", "source.added", "source.updated", "source.removed"]);
}

#[test]
fn a_taken_name_and_a_source_that_is_gone_are_errors_that_change_nothing() {
    let world = World::new();
    let kit = world.store.add_source(&new_source("kit")).unwrap();
    let other = world.store.add_source(&new_source("other")).unwrap();
    let taken = world.store.add_source(&new_source("kit")).unwrap_err();
    assert_eq!((taken.kind(), taken.message()), (Kind::Usage, "there is already a source called kit"));
    let renamed = Source { name: "kit".to_string(), ..other.clone() };
    assert_eq!(world.store.update_source(&renamed).unwrap_err().kind(), Kind::Usage);
    world.store.remove_source(kit.id).unwrap();
    assert_eq!(world.store.update_source(&kit).unwrap_err().kind(), Kind::NotFound);
    assert_eq!(world.store.remove_source(kit.id).unwrap_err().kind(), Kind::NotFound);
    assert_eq!(world.store.replace_definitions(&kit, &[], &[]).unwrap_err().kind(), Kind::NotFound);
    assert_eq!(world.store.counts().unwrap().events, 3);
}

#[test]
fn owners_do_not_see_each_other() {
    let world = World::new();
    world.store.add_source(&new_source("kit")).unwrap();
    let ann = world.store.owned_by("ann");
    assert_eq!(ann.sources().unwrap(), []);
    ann.add_source(&new_source("kit")).unwrap();
    let run = ann.begin_run(&new_run("build")).unwrap();
    assert_eq!(world.store.runs(&RunFilter::default(), None, 10).unwrap().0, []);
    assert_eq!(world.store.run(&run.to_string()).unwrap_err().kind(), Kind::NotFound);
    assert_eq!(ann.tail("*", 1).unwrap()[0].owner, "ann");
    world.store.set_state("k", &json!(1)).unwrap();
    assert_eq!(ann.state("k").unwrap(), None);
}

#[test]
fn trust_is_for_these_bytes_under_this_name() {
    let world = World::new();
    let grant = |command: &str, digest: &str| NewGrant {
        source: "github:someone/kit".to_string(),
        command: command.to_string(),
        digest: digest.to_string(),
        how: "asked".to_string(),
        text: format!("text {digest}"),
    };
    let store = &world.store;
    store.grant(&[grant("build", "d1"), grant("test", "t1")]).unwrap();
    assert!(store.is_granted("github:someone/kit", "build", "d1").unwrap());
    assert!(!store.is_granted("github:someone/kit", "build", "d2").unwrap());
    assert!(!store.is_granted("github:someone/kit", "test", "d1").unwrap());
    assert!(!store.is_granted("github:other/kit", "build", "d1").unwrap());
    store.grant(&[grant("build", "d2")]).unwrap();
    assert_eq!(store.last_grant("github:someone/kit", "build").unwrap().unwrap().text, "text d2");
    store.grant(&[grant("build", "d1")]).unwrap();
    let last = store.last_grant("github:someone/kit", "build").unwrap().unwrap();
    assert_eq!((last.digest.as_str(), last.text.as_str(), last.how.as_str()), ("d1", "text d1", "asked"));
    assert_eq!(store.last_grant("github:someone/kit", "deploy").unwrap(), None);
    let listed: Vec<(String, String)> =
        store.grants(None).unwrap().into_iter().map(|g| (g.command, g.digest)).collect();
    assert_eq!(listed, [("test", "t1"), ("build", "d2"), ("build", "d1")].map(|(a, b)| (a.to_string(), b.to_string())));

    assert_eq!(store.revoke(Some("github:someone/kit"), Some("build")).unwrap(), 2);
    assert!(!store.is_granted("github:someone/kit", "build", "d1").unwrap());
    assert_eq!(store.revoke(Some("github:other/kit"), None).unwrap(), 0);
    assert_eq!(store.revoke(None, None).unwrap(), 1);
    assert_eq!(store.grants(None).unwrap(), []);
    assert_eq!(store.events(None, "trust.granted", 10).unwrap().len(), 4);
    let revoked = store.events(None, "trust.revoked", 10).unwrap();
    assert_eq!(revoked.len(), 3);
    assert_eq!(revoked[0].subject, "github:someone/kit:build");
}

#[test]
fn state_is_set_read_and_forgotten_without_events() {
    let world = World::new();
    world.store.set_state("rate github.com", &json!({"remaining": 12})).unwrap();
    world.store.set_state("rate github.com", &json!({"remaining": 11})).unwrap();
    let (value, at) = world.store.state("rate github.com").unwrap().unwrap();
    assert_eq!(value, json!({"remaining": 11}));
    assert_eq!(at.to_string(), "2026-01-02T03:04:05.001000Z");
    world.store.set_state("rate github.com", &json!(null)).unwrap();
    assert_eq!(world.store.state("rate github.com").unwrap(), None);
    assert_eq!(world.store.counts().unwrap().events, 0);
}

#[test]
fn events_are_read_by_place_and_kind() {
    let world = World::new();
    let store = &world.store;
    assert_eq!(store.last_position().unwrap(), None);
    let first = store.append(&Event::new("config.changed", "color", json!({"to": "never"}))).unwrap();
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736".parse().unwrap();
    let run = store.traced(trace).begin_run(&new_run("build")).unwrap();
    let last = store.append(&Event::new("config.changed", "pager", json!(null))).unwrap();
    assert!(first < last);
    assert_eq!(store.last_position().unwrap(), Some(last));
    let after = store.events(Some(first), "*", 10).unwrap();
    assert_eq!(after.iter().map(|e| e.kind.as_str()).collect::<Vec<_>>(), ["run.started", "config.changed"]);
    assert_eq!((after[0].trace, after[0].subject.clone()), (trace, run.to_string()));
    assert_eq!(after[0].payload.as_ref().unwrap()["command"], "build");
    assert_eq!(after[0].at.to_string(), "2026-01-02T03:04:05.001000Z");
    assert_eq!(store.events(None, "run.*", 10).unwrap().len(), 1);
    assert_eq!(store.events(None, "run", 10).unwrap(), []);
    let tail: Vec<String> = store.tail("config.changed", 1).unwrap().into_iter().map(|e| e.subject).collect();
    assert_eq!(tail, ["pager"]);
    assert_eq!(store.tail("*", 2).unwrap(), after);
}
