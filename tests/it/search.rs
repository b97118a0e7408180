//! `fac search`: everything is found at once, whatever happened to the index.

use std::path::PathBuf;

use serde_json::Value;

use crate::support::world::{Output, World};

/// What is done to the bytes of a file.
type Damage = fn(Vec<u8>) -> Vec<u8>;

fn index(world: &World) -> PathBuf {
    world.fac().join("cache/index")
}

/// The names found; finding none is exit 3, said or in JSON.
fn names(output: Output) -> Vec<String> {
    let value: Value = serde_json::from_str(&output.stdout).unwrap();
    let hits = value["hits"].as_array().unwrap();
    assert_eq!(output.code, if hits.is_empty() { 3 } else { 0 }, "{output:?}");
    hits.iter().map(|h| h["name"].as_str().unwrap().to_string()).collect()
}

fn found(world: &World, words: &str) -> Vec<String> {
    names(world.run(&["search", words, "--json"]))
}

#[test]
fn names_come_first_and_beginnings_and_slips_are_understood() {
    let world = World::new();
    world.run(&["commands", "new", "telescope", "-d", "Look far", "--script", "true"]).ok();
    world.run(&["commands", "new", "zoom", "-d", "Like a telescope", "--script", "true"]).ok();
    assert_eq!(found(&world, "telescope"), ["user:telescope", "user:zoom"]);
    assert_eq!(found(&world, "teles"), ["user:telescope", "user:zoom"]);
    assert_eq!(found(&world, "telescpoe"), ["user:telescope", "user:zoom"]);
    assert_eq!(found(&world, "TELESCOPE far"), ["user:telescope"]);
    let out = world.run(&["search", "telescope"]);
    assert_eq!(out.stdout, "telescope  Look far\nzoom  Like a telescope\n");
    let said = world.run(&["search", "qqqqzzzz"]).failed(3);
    assert_eq!(said, "error: nothing was found for `qqqqzzzz`\n hint: try fewer or shorter words\n");
    assert_eq!(names(world.run(&["commands", "search", "telescope", "--json"])).len(), 2);
}

#[test]
fn a_thing_just_written_is_found_and_a_thing_removed_is_not() {
    let world = World::new();
    assert_eq!(found(&world, "telescope"), [""; 0]);
    world.run(&["commands", "new", "telescope", "--script", "echo saturn-seen"]).ok();
    assert_eq!(found(&world, "telescope"), ["user:telescope"]);
    world.run(&["telescope"]).ok();
    assert_eq!(names(world.run(&["search", "telescope", "--kind", "run", "--json"])), ["telescope"]);
    assert!(found(&world, "saturn").contains(&"telescope".to_string()), "a run is found by what it printed");
    std::fs::remove_file(world.fac().join("config/commands/telescope.md")).unwrap();
    assert_eq!(names(world.run(&["search", "telescope", "--kind", "command", "--json"])), [""; 0]);
    world.run(&["runs", "rm", "last"]).ok();
    assert_eq!(found(&world, "saturn"), [""; 0]);
}

#[test]
fn commands_of_another_project_are_not_found_here() {
    let world = World::new();
    world.write("one/.factotum/commands/x.md", "---\nfactotum: 1\n---\n# `/telescope`\n```sh\ntrue\n```\n");
    let mut there = world.command(&["search", "telescope", "--json"]);
    there.current_dir(world.path("one"));
    assert_eq!(names(crate::support::world::finish(there, b"")).len(), 1);
    assert_eq!(found(&world, "telescope"), [""; 0]);
}

#[test]
fn a_missing_index_is_made_and_a_damaged_one_made_again_and_both_are_said() {
    let world = World::new();
    let out = world.run(&["search", "branches"]);
    assert_eq!(out.stderr, "made the search index\n");
    let whole = out.ok();
    assert!(!whole.is_empty());
    assert_eq!(world.run(&["search", "branches"]).stderr, "");
    std::fs::remove_dir_all(index(&world)).unwrap();
    let out = world.run(&["search", "branches"]);
    assert_eq!((out.stdout.as_str(), out.stderr.as_str()), (whole.as_str(), "made the search index\n"));
    let files = || {
        let mut files: Vec<PathBuf> = std::fs::read_dir(index(&world)).unwrap().map(|e| e.unwrap().path()).collect();
        files.retain(|f| !f.to_string_lossy().ends_with(".lock"));
        files.sort();
        files
    };
    let damages: [(&str, Damage); 4] = [
        ("emptied", |_| Vec::new()),
        ("cut", |bytes| bytes[..bytes.len() / 2].to_vec()),
        ("garbled", |bytes| bytes.iter().map(|b| b ^ 0x5a).collect()),
        ("one bit turned", |mut bytes| {
            let at = bytes.len() / 3;
            bytes[at] ^= 1;
            bytes
        }),
    ];
    for (how, damage) in damages {
        for at in 0..files().len() {
            let file = files()[at].clone();
            let bytes = std::fs::read(&file).unwrap();
            std::fs::write(&file, damage(bytes)).unwrap();
            let out = world.run(&["search", "branches"]);
            assert_eq!(out.stdout, whole, "{} {how}: {out:?}", file.display());
            assert!(!out.stderr.contains("panicked"), "{} {how}: {out:?}", file.display());
            world.run(&["search", "branches"]).ok();
        }
    }
    std::fs::write(index(&world).join("meta.json"), "{").unwrap();
    let said = world.run(&["search", "branches"]).stderr;
    assert_eq!(said, "the search index was damaged or of another store; it was made again\n");
    std::fs::remove_dir_all(index(&world)).unwrap();
    std::fs::write(index(&world), "a file").unwrap();
    assert_eq!(world.run(&["search", "branches"]).stdout, whole);
}

#[test]
fn an_index_of_another_store_is_noticed() {
    let world = World::new();
    world.run(&["search", "branches"]).ok();
    std::fs::remove_dir_all(world.fac().join("data")).unwrap();
    let out = world.run(&["search", "branches", "--json"]);
    assert!(out.stderr.contains("another store"), "{out:?}");
    assert!(names(out).contains(&"bundled:git recent".to_string()));
}

#[test]
fn while_another_writes_the_index_the_rest_comes_from_the_store() {
    let world = World::new();
    world.run(&["search", "branches"]).ok();
    world.run(&["commands", "new", "telescope", "-d", "Look far", "--script", "true"]).ok();
    let open = tantivy::Index::open_in_dir(index(&world)).unwrap();
    let writer: tantivy::IndexWriter = open.writer_with_num_threads(1, 15_000_000).unwrap();
    assert_eq!(found(&world, "telescope"), ["user:telescope"]);
    assert_eq!(found(&world, "telescpoe"), ["user:telescope"], "a slip is forgiven here too");
    assert!(found(&world, "branches").contains(&"bundled:git recent".to_string()));
    // Nothing is in the index yet: all of it comes from the store.
    std::fs::remove_file(world.fac().join("config/commands/telescope.md")).unwrap();
    assert_eq!(found(&world, "telescope"), [""; 0]);
    drop(writer);
    assert_eq!(found(&world, "telescope"), [""; 0]);
    assert!(found(&world, "branches").contains(&"bundled:git recent".to_string()));
}

#[test]
fn many_at_once_all_find_it() {
    let world = World::new();
    world.run(&["commands", "new", "telescope", "--script", "true"]).ok();
    let start = || {
        let mut command = world.command(&["search", "telescope", "--json"]);
        command.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::piped());
        command.stderr(std::process::Stdio::piped()).spawn().unwrap()
    };
    let children: Vec<_> = (0..8).map(|_| start()).collect();
    for child in children {
        let out = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(out.status.success(), "{said}");
        let value: Value = serde_json::from_slice(&out.stdout).unwrap();
        assert_eq!(value["hits"][0]["name"], "user:telescope", "{value} {said}");
    }
}

#[test]
fn a_search_that_is_killed_loses_nothing() {
    let world = World::new();
    world.run(&["commands", "new", "telescope", "--script", "true"]).ok();
    for _ in 0..20 {
        let mut child = world.command(&["-q", "search", "telescope"]);
        let mut child = child.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::null()).spawn().unwrap();
        std::thread::yield_now();
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(found(&world, "telescope"), ["user:telescope"]);
        std::fs::remove_dir_all(index(&world)).unwrap();
    }
}
