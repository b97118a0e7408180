//! `source add` in all its spellings, and the shapes of `ls`, `info` and `rm`.

use serde_json::json;

use super::*;

#[test]
fn a_repository_becomes_a_source() {
    let lab = Lab::new();
    let repo = lab.hub().repo("ada/kit");
    let commit = repo.commit(
        &[
            ("kit.md", &native(&[("up", "echo up")])),
            ("ops/tasks.md", &native(&[("down", "echo down")])),
            ("README.md", "# Kit\n"),
        ],
        "First",
    );
    snapshot!("source_add", lab.shown(&lab.run(&["source", "add", "github:ada/kit"])));
    assert_eq!(lab.names("kit"), ["down", "up"]);
    let added = lab.json(&["source", "add", "github:ada/kit/ops@main", "--name", "ops"]);
    assert_eq!(added["source"]["name"], "ops");
    assert_eq!(added["source"]["spec"], "github:ada/kit/ops@main");
    assert_eq!(added["source"]["commit"], commit.as_str());
    assert_eq!(added["source"]["commands"], 1);
    assert_eq!(lab.names("ops"), ["down"]);
    snapshot!("source_ls", lab.shown(&lab.run(&["source", "ls"])));
    snapshot!("source_info", lab.shown(&lab.run(&["source", "info", "ops"])));
    let list = lab.json(&["source", "ls"]);
    let keys: Vec<&String> = list["sources"][1].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["name", "kind", "spec", "commit", "fetched", "commands", "trust", "state", "error", "version"]);
    snapshot!("source_ls_json", serde_json::to_string_pretty(&list).unwrap());
    snapshot!(
        "source_info_json",
        lab.tidy(&serde_json::to_string_pretty(&lab.json(&["source", "info", "ops"])).unwrap())
    );
}

#[test]
fn a_pasted_address_names_branch_and_folder() {
    let lab = Lab::new();
    let repo = lab.hub().repo("ada/kit");
    let one = repo.commit(&[("tasks/a.md", &native(&[("a", "echo 1")]))], "First");
    repo.point("feature/x", &one);
    repo.commit(&[("tasks/b.md", &native(&[("b", "echo 2")]))], "Second");
    lab.run(&["source", "add", "https://github.com/ada/kit/tree/feature/x/tasks", "--name", "x"]).ok();
    assert_eq!(lab.names("x"), ["a"]);
    assert_eq!(lab.source("x")["spec"], "github:ada/kit/tasks@feature/x");
    let again = lab.error(2, &["source", "add", "https://github.com/ada/kit/tree/feature/x/tasks"]);
    assert_eq!(again["message"], "github:ada/kit/tasks was added already, as `x`");
    lab.run(&["source", "add", "https://github.com/ada/kit"]).ok();
    assert_eq!(lab.names("kit"), ["a", "b"]);
}

#[test]
fn folders_and_files_are_sources_too() {
    let lab = Lab::new();
    lab.world.write("box/one.md", native(&[("one", "echo 1")]));
    lab.world.write("box/deep/two.md", native(&[("two", "echo 2")]));
    lab.run(&["source", "add", "./box"]).ok();
    assert_eq!(lab.names("box"), ["one", "two"]);
    lab.run(&["source", "add", "box/one.md", "--name", "single"]).ok();
    assert_eq!(lab.names("single"), ["one"]);
    let spec = lab.source("single")["spec"].as_str().unwrap().to_string();
    assert!(spec.starts_with("dir:/") && spec.ends_with("/box/one.md"), "{spec}");
}

#[test]
fn a_dialect_can_be_insisted_on() {
    let lab = Lab::new();
    lab.world.write("roles/shakespeare.md", "---\nmodel: openai:gpt-4o\n---\nAnswer in verse: __INPUT__\n");
    lab.run(&["source", "add", "./roles", "--as", "aichat"]).ok();
    let list = lab.json(&["commands", "ls", "--source", "roles"]);
    assert_eq!(list["commands"][0]["dialect"], "aichat");
    let error = lab.error(2, &["source", "add", "./roles", "--as", "aicht"]);
    assert_eq!(
        (&error["message"], &error["hint"]),
        (&json!("there is no dialect `aicht`"), &json!("did you mean `aichat`?"))
    );
}

#[test]
fn names_are_made_unique_and_checked() {
    let lab = Lab::new();
    lab.kit("ada/kit", &[("a", "echo 1")]);
    lab.kit("bob/kit", &[("a", "echo 2")]);
    lab.kit("eve/user", &[("a", "echo 3")]);
    for spec in ["github:ada/kit", "github:bob/kit", "github:eve/user"] {
        lab.run(&["source", "add", spec]).ok();
    }
    assert_eq!(lab.source("kit-2")["spec"], "github:bob/kit");
    // Nobody gets the name of what is trusted from the start.
    assert_eq!(lab.source("user-2")["spec"], "github:eve/user");
    for name in ["user", "bundled", "project"] {
        lab.kit("ada/other", &[("a", "echo 4")]);
        let error = lab.error(2, &["source", "add", "github:ada/other", "--name", name]);
        assert_eq!(error["message"], format!("the name `{name}` is kept"));
    }
    let error = lab.error(2, &["source", "add", "github:ada/other", "--name", "kit"]);
    assert_eq!(error["message"], "there is a source `kit` already");
    let error = lab.error(2, &["source", "add", "github:ada/other", "--name", "a b:c"]);
    assert_eq!(error["message"], "`a b:c` cannot be the name of a source");
    assert_eq!(lab.run(&["source", "info", "other"]).code, 3);
}

#[test]
fn what_names_no_source_gets_a_way_forward() {
    let lab = Lab::new();
    let error = lab.error(2, &["source", "add", "ada/kit"]);
    assert!(error["hint"].as_str().unwrap().starts_with("did you mean `github:ada/kit`?"), "{error}");
    assert_eq!(lab.error(3, &["source", "add", "./nothing"])["kind"], "not_found");
    assert_eq!(lab.error(2, &["source", "add", "http://example.org/x.md"])["hint"], "write https:// instead");
    assert_eq!(lab.error(3, &["source", "add", "github:ada/none"])["kind"], "not_found");
    lab.kit("ada/kit", &[("a", "echo 1")]);
    let error = lab.error(3, &["source", "add", "github:ada/kit@v9"]);
    assert_eq!(error["message"], "ada/kit has no branch, tag or commit \"v9\"");
    snapshot!("source_add_unknown", lab.shown(&lab.run(&["source", "add", "github:ada/none"])));
    // Nothing of all that was kept.
    let list = lab.json(&["source", "ls"]);
    assert_eq!(list["sources"].as_array().unwrap().len(), 1, "{list}");
}

#[test]
fn removing_takes_commands_files_and_trust_along() {
    let lab = Lab::new();
    lab.kit("ada/kit", &[("a", "echo 1")]);
    lab.run(&["source", "add", "github:ada/kit"]).ok();
    lab.run(&["source", "trust", "kit", "--yes"]).ok();
    assert_eq!(lab.run(&["a"]).ok(), "1\n");
    // A name that is unknown stops everything before anything is removed.
    assert_eq!(lab.error(3, &["source", "rm", "kit", "kitt"])["hint"], "did you mean `kit`? `fac source ls` lists all");
    assert_eq!(lab.error(2, &["source", "rm", "bundled"])["message"], "`bundled` is always there");
    assert_eq!(lab.json(&["source", "rm", "kit"]), json!({"removed": [{"name": "kit", "commands": 1}]}));
    assert_eq!(lab.run(&["a"]).code, 3);
    assert_eq!(std::fs::read_dir(lab.fac("cache/sources")).unwrap().count(), 0);
    lab.run(&["source", "add", "github:ada/kit"]).ok();
    assert_eq!(lab.trust("kit:a"), "untrusted");
}
