//! `source update`, `diff` and `pin`: what changed, and that a change asks again.

use serde_json::json;

use super::*;

#[test]
fn an_update_says_what_changed_and_a_diff_shows_it() {
    let lab = Lab::new();
    let repo = lab.kit("ada/kit", &[("keep", "echo keep"), ("change", "echo before"), ("drop", "echo drop")]);
    lab.run(&["source", "add", "github:ada/kit"]).ok();
    lab.run(&["source", "trust", "kit", "--yes"]).ok();
    assert_eq!(lab.source("kit")["trust"], "trusted");
    snapshot!("source_update_nothing", lab.shown(&lab.run(&["source", "update"])));
    repo.commit(
        &[("kit.md", &native(&[("keep", "echo keep"), ("change", "echo after"), ("fresh", "echo fresh")]))],
        "Second",
    );
    snapshot!("source_update", lab.shown(&lab.run(&["source", "update"])));
    snapshot!("source_diff", lab.shown(&lab.run(&["source", "diff", "kit"])));
    let diff = lab.json(&["source", "diff"]);
    assert_eq!(diff["changed"].as_array().unwrap().len(), 1);
    let one = &diff["changed"][0];
    assert_eq!((&one["source"], &one["name"]), (&json!("kit"), &json!("change")));
    assert!(one["before"].as_str().unwrap().contains("echo before"));
    assert!(one["after"].as_str().unwrap().contains("echo after"));

    assert_eq!(lab.source("kit")["trust"], "changed");
    assert_eq!([lab.trust("keep"), lab.trust("change"), lab.trust("fresh")], ["trusted", "changed", "untrusted"]);
    assert_eq!(lab.run(&["keep"]).ok(), "keep\n");
    snapshot!("run_changed", lab.shown(&lab.run(&["change"])));
    snapshot!("source_trust_changed", lab.shown(&lab.run(&["source", "trust", "kit", "--yes"])));
    assert_eq!(lab.run(&["change"]).ok(), "after\n");
    assert_eq!(lab.json(&["source", "diff"]), json!({"changed": []}));
    assert_eq!(lab.run(&["drop"]).code, 3);
}

#[test]
fn an_update_in_json_lists_changes_by_name() {
    let lab = Lab::new();
    let repo = lab.kit("ada/kit", &[("a", "echo 1"), ("b", "echo 1")]);
    lab.run(&["source", "add", "github:ada/kit"]).ok();
    repo.commit(&[("kit.md", &native(&[("b", "echo 2"), ("c", "echo 1")]))], "Second");
    let updated = lab.json(&["source", "update"]);
    assert_eq!(
        updated,
        json!({"updated": [{"name": "kit", "ok": true, "notes": [], "changes": [
            {"change": "changed", "name": "b"}, {"change": "new", "name": "c"}, {"change": "gone", "name": "a"},
        ]}], "failed": 0})
    );
}

#[test]
fn several_sources_fail_each_for_itself() {
    let lab = Lab::new();
    let (one, two) = (lab.kit("ada/one", &[("one", "echo 1")]), lab.kit("ada/two", &[("two", "echo 1")]));
    lab.kit("ada/three", &[("three", "echo 1")]);
    for name in ["one", "two", "three"] {
        lab.run(&["source", "add", &format!("github:ada/{name}")]).ok();
    }
    one.commit(&[("kit.md", &native(&[("one", "echo 2")]))], "Second");
    two.commit(&[("kit.md", &native(&[("two", "echo 2")]))], "Second");
    lab.hub().fail_always("/repos/ada/two/", crate::support::github::Failure::NotFound);
    let out = lab.run(&["source", "update"]);
    assert_eq!(out.code, 1);
    snapshot!("source_update_partial", lab.shown(&out));
    assert_eq!(lab.source("two")["state"], "stale");
    assert_eq!(lab.source("one")["state"], "ok");
    assert_eq!(lab.names("two"), ["two"]);
    let json = lab.run(&["source", "update", "--json"]);
    assert_eq!(json.code, 1);
    let value: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(value["failed"], 1);
    let failed = value["updated"].as_array().unwrap().iter().find(|u| u["ok"] == false).unwrap();
    assert_eq!((&failed["name"], &failed["error"]["kind"]), (&json!("two"), &json!("not_found")));
    // All for the same reason: the code of that reason.
    lab.hub().fail_always("/repos/", crate::support::github::Failure::NotFound);
    assert_eq!(lab.run(&["source", "update"]).code, 3);
    assert_eq!(lab.run(&["source", "update", "two"]).code, 3);
    // And well again.
    lab.hub().heal();
    lab.run(&["source", "update"]).ok();
    assert_eq!((&lab.source("two")["state"], &lab.source("two")["error"]), (&json!("ok"), &Value::Null));
}

#[test]
fn a_pin_holds_until_it_is_taken_away() {
    let lab = Lab::new();
    let repo = lab.kit("ada/kit", &[("a", "echo 1")]);
    let first = repo.resolve("HEAD").unwrap();
    lab.run(&["source", "add", "github:ada/kit"]).ok();
    assert_eq!(lab.json(&["source", "pin", "kit"]), json!({"pinned": {"name": "kit", "reference": first}}));
    let second = repo.commit(&[("kit.md", &native(&[("a", "echo 2")]))], "Second");
    repo.tag("v2", &second);
    lab.hub().take_log();
    lab.run(&["source", "update"]).ok();
    assert_eq!(lab.hub().take_log(), Vec::<String>::new(), "a pinned commit costs nothing");
    assert_eq!(lab.source("kit")["commit"], first.as_str());
    snapshot!("source_pin", lab.shown(&lab.run(&["source", "pin", "kit", "v2"])));
    lab.run(&["source", "update"]).ok();
    assert_eq!(lab.source("kit")["commit"], second.as_str());
    assert_eq!(lab.source("kit")["spec"], "github:ada/kit@v2");
    lab.run(&["source", "pin", "kit", "HEAD"]).ok();
    assert_eq!(lab.source("kit")["spec"], "github:ada/kit");
    assert_eq!(lab.error(2, &["source", "pin", "bundled"])["message"], "`bundled` has no commits to pin");
}

#[test]
fn a_rename_is_followed_and_remembered_and_keeps_trust() {
    let lab = Lab::new();
    let repo = lab.kit("ada/old", &[("a", "echo 1")]);
    lab.run(&["source", "add", "github:ada/old", "--name", "kit"]).ok();
    lab.run(&["source", "trust", "kit", "--yes"]).ok();
    repo.rename("ada/new");
    let updated = lab.json(&["source", "update"]);
    assert_eq!(
        updated["updated"][0]["notes"],
        json!(["the repository is called ada/new now; the new name was stored"])
    );
    assert_eq!(lab.source("kit")["spec"], "github:ada/new");
    lab.hub().take_log();
    lab.run(&["source", "update"]).ok();
    assert_eq!(lab.hub().take_log(), ["304 /repos/ada/new/commits/HEAD"]);
    assert_eq!(lab.run(&["a"]).ok(), "1\n");
    // Together with a change: what did not change stays trusted.
    repo.commit(&[("more.md", &native(&[("b", "echo 2")]))], "Second");
    repo.rename("bob/kit");
    lab.run(&["source", "update"]).ok();
    assert_eq!(lab.source("kit")["spec"], "github:bob/kit");
    assert_eq!(lab.trust("kit:b"), "untrusted");
    let known = lab.error(2, &["source", "add", "github:ada/new", "--name", "twice"]);
    assert_eq!(known["message"], "github:bob/kit was added already, as `kit`");
}

#[test]
fn a_force_push_is_taken_and_a_deleted_branch_is_said() {
    let lab = Lab::new();
    let repo = lab.kit("ada/kit", &[("a", "echo 1")]);
    let first = repo.resolve("HEAD").unwrap();
    repo.commit(&[("kit.md", &native(&[("a", "echo 2")]))], "Second");
    repo.point("work", &first);
    lab.run(&["source", "add", "github:ada/kit"]).ok();
    lab.run(&["source", "add", "github:ada/kit/kit.md@work", "--name", "work"]).ok();
    repo.point("main", &first);
    let updated = lab.json(&["source", "update", "kit"]);
    assert_eq!(updated["updated"][0]["changes"], json!([{"change": "changed", "name": "a"}]));
    assert_eq!(lab.source("kit")["commit"], first.as_str());
    repo.delete_branch("work");
    let out = lab.run(&["source", "update"]);
    assert_eq!(out.code, 1);
    assert!(out.stdout.contains("work: ada/kit has no branch, tag or commit \"work\""), "{out:?}");
    assert!(out.stderr.contains("it may have been deleted; the default branch is \"main\""), "{out:?}");
    assert_eq!(lab.names("work"), ["a"]);
}

#[test]
fn a_folder_that_is_gone_keeps_its_commands() {
    let lab = Lab::new();
    lab.world.write("box/one.md", native(&[("one", "echo 1")]));
    lab.run(&["source", "add", "./box"]).ok();
    std::fs::rename(lab.world.path("box"), lab.world.path("away")).unwrap();
    let out = lab.run(&["source", "update"]);
    assert_eq!(out.code, 3, "{out:?}");
    assert_eq!(lab.source("box")["state"], "gone");
    assert_eq!(lab.names("box"), ["one"]);
    std::fs::rename(lab.world.path("away"), lab.world.path("box")).unwrap();
    lab.run(&["source", "update"]).ok();
    assert_eq!(lab.source("box")["state"], "ok");
}
