//! Networks, servers, disks and repositories that misbehave; and none of it loses what was there.

use std::process::Stdio;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;

use super::*;
use crate::support::github::Failure;

/// Everything a person can do without the network still works.
#[track_caller]
fn works_from_the_cache(lab: &Lab) {
    assert_eq!(lab.names("kit"), ["a", "b"]);
    assert_eq!(lab.run(&["a"]).ok(), "1\n");
    assert!(lab.run(&["commands", "show", "a"]).ok().contains("echo 1"));
    assert!(lab.run(&["search", "does"]).ok().contains("kit"));
    assert_eq!(lab.run(&["b"]).code, 4);
    lab.run(&["source", "trust", "kit", "--command", "b", "--yes"]).ok();
    assert_eq!(lab.run(&["b"]).ok(), "2\n");
    lab.run(&["source", "untrust", "kit", "--command", "b"]).ok();
}

fn kit_lab() -> Lab {
    let lab = Lab::new();
    lab.kit("ada/kit", &[("a", "echo 1"), ("b", "echo 2")]);
    lab.run(&["source", "add", "github:ada/kit"]).ok();
    lab.run(&["source", "trust", "kit", "--command", "a", "--yes"]).ok();
    lab
}

#[test]
fn at_the_limit_the_cache_serves_and_the_time_is_told() {
    let lab = kit_lab();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
    // 13:37 UTC of tomorrow.
    let reset = (now / 86_400 + 1) * 86_400 + 13 * 3600 + 37 * 60;
    lab.hub().fail_always("/repos/", Failure::PrimaryLimit { reset });
    let out = lab.run(&["source", "update"]);
    assert_eq!(out.code, 5);
    snapshot!("source_update_limited", lab.shown(&out));
    assert_eq!(lab.source("kit")["state"], "stale");
    works_from_the_cache(&lab);
    let error = lab.error(5, &["source", "add", "github:ada/other"]);
    assert!(error["message"].as_str().unwrap().ends_with("it is back at 13:37"), "{error}");
}

#[test]
fn without_a_network_everything_but_fetching_works() {
    let mut lab = kit_lab();
    lab.go_offline();
    works_from_the_cache(&lab);
    let out = lab.run(&["source", "update"]);
    assert_eq!(out.code, 5);
    assert!(out.stderr.contains("1 of 1 failed: kit; what was fetched before still works"), "{out:?}");
    assert_eq!(lab.error(5, &["source", "add", "github:ada/other"])["kind"], "unreachable");
    works_from_the_cache(&lab);
}

#[test]
fn a_broken_download_changes_nothing() {
    let lab = kit_lab();
    let repo = lab.hub().repo("ada/kit");
    repo.commit(&[("kit.md", &native(&[("a", "echo 11"), ("b", "echo 2")]))], "Second");
    let before = lab.source("kit");
    lab.hub().fail_always("/git/blobs/", Failure::WrongBytes);
    let out = lab.run(&["source", "update"]);
    assert_eq!(out.code, 6, "{out:?}");
    assert!(out.stdout.contains("sent other content than the file"), "{out:?}");
    let after = lab.source("kit");
    assert_eq!((&after["commit"], &after["fetched"]), (&before["commit"], &before["fetched"]));
    works_from_the_cache(&lab);
    lab.hub().heal();
    lab.run(&["source", "update"]).ok();
    assert_eq!(lab.trust("a"), "changed");
}

#[test]
fn a_listing_that_is_cut_short_is_walked_and_odd_things_are_said() {
    let lab = Lab::new();
    let repo = lab.hub().repo("ada/odd");
    let submodule = "0123456789abcdef0123456789abcdef01234567";
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0000000000000000000000000000000000000000000000000000000000000000\nsize 12345\n";
    let changes = [
        Change::file("kit.md", native(&[("a", "echo 1")])),
        Change::file(
            "deep/er/kit.md",
            native(&[(
                "b",
                "ls \"$FAC_SOURCE_DIR\"/../ >/dev/null; find \"$FAC_SOURCE_DIR\" -type f | sort | sed \"s|$FAC_SOURCE_DIR/||\"",
            )]),
        ),
        Change::file("big.md", pointer),
        Change::Symlink(b"link.md".to_vec(), b"/etc/passwd".to_vec()),
        Change::Submodule(b"sub".to_vec(), submodule.to_string()),
        Change::file("back\\slash.md", native(&[("c", "echo 3")])),
        Change::file("esc\u{1b}[31m.md", native(&[("d", "echo 4")])),
    ];
    repo.commit_changes("main", &changes, "First");
    repo.truncate_above(3);
    let out = lab.run(&["source", "add", "github:ada/odd"]);
    assert_eq!(out.code, 0, "{out:?}");
    snapshot!("source_add_odd", lab.shown(&out));
    assert!(!out.stderr.contains('\u{1b}'), "{out:?}");
    assert_eq!(lab.names("odd"), ["a", "b", "c", "d"]);
    lab.run(&["source", "trust", "odd", "--yes"]).ok();
    assert_eq!(lab.run(&["b"]).ok(), "back\\slash.md\ndeep/er/kit.md\nkit.md\n");
}

#[test]
fn a_folder_that_climbs_out_is_data() {
    let lab = Lab::new();
    let repo = lab.hub().repo("eve/climb");
    repo.commit_folder_named("..", "evil.md", &native(&[("evil", "echo 1")]));
    let out = lab.run(&["source", "add", "github:eve/climb"]);
    assert_eq!(out.code, 0, "{out:?}");
    assert_eq!(lab.names("climb"), ["evil"]);
    assert!(out.stderr.contains("kept as data only, not laid out: ../evil.md"), "{out:?}");
    let found = lab.world.sh(&format!("find '{}' -name evil.md", lab.world.home().parent().unwrap().display()));
    assert_eq!(found, "");
}

/// Starts `fac`, waits until the stand-in holds its answer back, and sends a signal.
fn cut_off(lab: &Lab, args: &[&str], signal: rustix::process::Signal) -> Output {
    lab.hub().fail_next("/git/trees/", Failure::Hold);
    let child =
        lab.world.command(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    lab.hub().wait_until_held();
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), signal).unwrap();
    let out = child.wait_with_output().unwrap();
    lab.hub().open_gate();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let by = std::os::unix::process::ExitStatusExt::signal(&out.status).unwrap_or(0);
    Output { stdout: text(&out.stdout), stderr: text(&out.stderr), code: out.status.code().unwrap_or(128 + by) }
}

#[test]
fn an_interrupted_update_changes_nothing() {
    for signal in [rustix::process::Signal::INT, rustix::process::Signal::KILL] {
        let lab = kit_lab();
        let repo = lab.hub().repo("ada/kit");
        repo.commit(&[("kit.md", &native(&[("a", "echo 11"), ("b", "echo 2")]))], "Second");
        let before = (lab.json(&["source", "info", "kit"]), lab.json(&["commands", "ls", "--source", "kit"]));
        let out = cut_off(&lab, &["source", "update", "--json"], signal);
        if signal == rustix::process::Signal::INT {
            assert_eq!(out.code, 130);
            let said: Value = serde_json::from_str(&out.stdout).unwrap();
            assert_eq!(said["error"]["message"], "interrupted; nothing was changed");
        }
        let after = (lab.json(&["source", "info", "kit"]), lab.json(&["commands", "ls", "--source", "kit"]));
        assert_eq!(before, after);
        works_from_the_cache(&lab);
        lab.run(&["source", "update"]).ok();
        assert_eq!(lab.trust("a"), "changed");
    }
}

#[test]
fn an_interrupted_add_leaves_no_source() {
    for signal in [rustix::process::Signal::INT, rustix::process::Signal::TERM, rustix::process::Signal::KILL] {
        let lab = Lab::new();
        lab.kit("ada/kit", &[("a", "echo 1")]);
        let out = cut_off(&lab, &["source", "add", "github:ada/kit"], signal);
        assert_eq!(out.code, if signal == rustix::process::Signal::KILL { 137 } else { 130 }, "{out:?}");
        let list = lab.json(&["source", "ls"]);
        assert_eq!(list["sources"].as_array().unwrap().len(), 1, "{list}");
        lab.run(&["source", "add", "github:ada/kit"]).ok();
        assert_eq!(lab.names("kit"), ["a"]);
    }
}

#[test]
fn a_layout_that_was_deleted_is_made_again_from_the_cache() {
    let mut lab = Lab::new();
    let repo = lab.hub().repo("ada/kit");
    repo.commit_changes(
        "main",
        &[
            Change::file("kit.md", native(&[("build", "\"$FAC_SOURCE_DIR/build.sh\"")])),
            Change::Executable(b"build.sh".to_vec(), b"#!/bin/sh\necho built\n".to_vec()),
        ],
        "First",
    );
    lab.run(&["source", "add", "github:ada/kit"]).ok();
    lab.run(&["source", "trust", "kit", "--yes"]).ok();
    assert_eq!(lab.run(&["build"]).ok(), "built\n");
    lab.go_offline();
    lab.world.sh(&format!("chmod -R u+w '{0}'; rm -rf '{0}'", lab.fac("cache/sources").display()));
    assert_eq!(lab.run(&["build"]).ok(), "built\n");
    // The content is gone as well: it is said what helps.
    lab.world.sh(&format!("rm -rf '{0}'/*", lab.fac("cache").display()));
    let error = lab.error(5, &["build"]);
    assert_eq!(error["message"], "build.sh was fetched, but is gone from the cache");
    assert_eq!(error["hint"], "fetch them again with `fac source update kit`");
    assert_eq!(lab.json(&["runs", "ls"])["runs"].as_array().unwrap().len(), 2);
    assert_eq!(lab.names("kit"), ["build"]);
}

#[test]
fn damaged_content_is_fetched_again() {
    let lab = Lab::new();
    let repo = lab.hub().repo("ada/kit");
    repo.commit(
        &[("kit.md", &native(&[("build", "sh \"$FAC_SOURCE_DIR/build.sh\"")])), ("build.sh", "echo built\n")],
        "First",
    );
    lab.run(&["source", "add", "github:ada/kit"]).ok();
    lab.run(&["source", "trust", "kit", "--yes"]).ok();
    lab.world.sh(&format!("for f in $(find '{}' -type f); do echo x >> $f; done", lab.fac("cache/blobs").display()));
    lab.world.sh(&format!("chmod -R u+w '{0}'; rm -rf '{0}'", lab.fac("cache/sources").display()));
    assert_eq!(lab.error(5, &["build"])["kind"], "unreachable");
    let doctor = lab.run(&["doctor"]);
    assert!(doctor.stdout.contains("fac source update kit"), "{doctor:?}");
    let updated = lab.json(&["source", "update"]);
    assert_eq!(updated["updated"][0]["changes"], json!([]));
    assert_eq!(lab.run(&["build"]).ok(), "built\n");
}

#[test]
fn on_a_terminal_progress_is_shown_and_ctrl_c_ends_it() {
    let lab = kit_lab();
    let repo = lab.hub().repo("ada/kit");
    repo.commit(&[("kit.md", &native(&[("a", "echo 11"), ("b", "echo 2")]))], "Second");
    lab.hub().fail_next("/git/trees/", Failure::Hold);
    let mut terminal = lab.sit(&["source", "update"]);
    lab.hub().wait_until_held();
    terminal.until("kit listing files");
    terminal.press("\u{3}");
    let (code, said) = terminal.end_rest();
    assert_eq!((code, said.contains("interrupted; nothing was changed")), (130, true), "{said:?}");
    lab.hub().open_gate();
    works_from_the_cache(&lab);
    let (code, said) = lab.sit(&["source", "update"]).end_rest();
    assert_eq!((code, said.contains("kit: 1 changed")), (0, true), "{said:?}");
}

#[test]
fn many_sources_are_fetched_together_and_bounded() {
    let lab = Lab::new();
    for n in 0..12 {
        lab.kit(&format!("ada/kit{n}"), &[(&format!("c{n}"), "echo 1")]);
        lab.run(&["source", "add", &format!("github:ada/kit{n}")]).ok();
    }
    for n in 0..12 {
        lab.kit(&format!("ada/kit{n}"), &[(&format!("c{n}"), "echo 2")]);
    }
    // Every answer about a commit is held back: no more than four wait at one host.
    lab.hub().fail_always("/commits/", Failure::Hold);
    let child = lab.world.command(&["source", "update", "--json"]).stdout(Stdio::piped()).spawn().unwrap();
    while lab.hub().requests_held() < 4 {
        std::thread::yield_now();
    }
    assert_eq!(lab.hub().requests_held(), 4);
    lab.hub().open_gate();
    let out = child.wait_with_output().unwrap();
    let updated: Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(updated["failed"], 0);
    let names: Vec<&str> = updated["updated"].as_array().unwrap().iter().map(|u| u["name"].as_str().unwrap()).collect();
    assert_eq!(names, (0..12).map(|n| format!("kit{n}")).collect::<Vec<_>>(), "in the order of adding");
    assert!(updated["updated"].as_array().unwrap().iter().all(|u| u["changes"].as_array().unwrap().len() == 1));
}
