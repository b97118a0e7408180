//! `fac demo`, as somebody sees it who has never run fac: offline, in a world of its own, with nothing left behind.

use std::path::PathBuf;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::support::pty::Seat;
use crate::support::world::{Output, World, finish};

/// A world whose temporary files are counted, and whose settings and project are broken: who reads them, fails.
fn world() -> World {
    let mut world = World::new();
    std::fs::create_dir(world.home().join("tmp")).unwrap();
    let tmp = temporary(&world);
    world.set("TMPDIR", tmp.to_str().unwrap());
    world.set("OPENAI_API_KEY", "sk-not-to-be-used");
    world.set("FAC_RUN_SHELL", "no-such-shell");
    std::fs::create_dir_all(world.fac().join("config")).unwrap();
    std::fs::write(world.fac().join("config/config.toml"), "[[[ nonsense").unwrap();
    world.write(".factotum.toml", "[[[ nonsense");
    world
}

fn temporary(world: &World) -> PathBuf {
    world.home().join("tmp")
}

/// Everything that lies below the homes and the folder of work.
fn all(world: &World) -> Vec<String> {
    let root = world.home().parent().unwrap().display().to_string();
    let listed = world.sh(&format!("find '{root}' -exec ls -ld --time-style=full-iso {{}} +"));
    // The folder of temporary files had something in it for a while, which its time tells.
    listed.lines().filter(|line| !line.ends_with("/home/tmp")).map(String::from).collect()
}

fn names(world: &World) -> Vec<String> {
    let listed: Value = serde_json::from_str(&world.run(&["demo", "--list", "--json"]).ok()).unwrap();
    listed["parts"].as_array().unwrap().iter().map(|p| p["name"].as_str().unwrap().to_string()).collect()
}

#[test]
fn it_shows_what_fac_does_and_leaves_nothing_behind() {
    let world = world();
    let before = all(&world);
    let out = world.run(&["demo"]);
    assert_eq!(all(&world), before);
    assert!(before.len() >= 8, "{before:?}");
    assert_eq!(out.code, 0, "{out:?}");
    let Output { stdout, stderr, .. } = out;
    // What the first demonstration promised.
    for heading in [
        "── What fac brings along",
        "── Running them",
        "── Other people's Markdown",
        "── Nothing from outside runs by itself",
        "── Arguments are data, whatever they hold",
        "── What would run, and what a model would be asked",
        "── Commands of your own",
        "── Everything is kept and found again",
        "── Chats of elsewhere",
        "── Settings that say where they come from",
        "── For scripts",
    ] {
        assert!(stdout.contains(heading), "{heading}:\n{stdout}");
    }
    // A refusal is shown with its exit code, and the same line works once it was allowed.
    let greet = stdout.split("$ fac greet Ada\n").skip(1).map(|s| s.lines().next().unwrap_or("")).collect::<Vec<_>>();
    assert_eq!(
        greet,
        [
            "error: `tasks:greet` comes from outside and is not trusted yet",
            "Hello, Ada!",
            "error: `tasks:greet` has changed since it was trusted",
            "Good day, Ada!",
        ]
    );
    assert!(stdout.contains("(exit code 4)") && stdout.contains("the chain holds"), "{stdout}");
    assert!(stdout.contains("x'; touch PWNED; #!") && stdout.contains("|    Tea & Biscuits    |"), "{stdout}");
    assert!(!stdout.contains('✗') && !stdout.contains('\x1b'), "{stdout}");
    // What it cannot show is named at its end, in three lines.
    let rest = stdout.split_once("Not shown, for it needs more than this:\n").unwrap().1;
    let needs: Vec<&str> = rest.lines().map(|line| line[..14].trim()).collect();
    assert_eq!(needs, ["a model", "a microphone", "the network"]);
    assert!(stderr.contains("a throw-away home, and it is gone"), "{stderr}");
}

#[test]
fn it_needs_neither_a_network_nor_a_folder_it_can_write_to() {
    let world = world();
    world.sh("mkdir locked && chmod 555 locked");
    let mut command = world.command(&["demo"]);
    // Where a person may have a network of their own, there is none.
    let alone = world.program("unshare", &["-rn", "true"]).stderr(Stdio::null()).status().is_ok_and(|s| s.success());
    if alone {
        command = world.program("unshare", &["-rn", env!("CARGO_BIN_EXE_fac"), "demo"]);
    } else {
        println!("not cut off from the network: unshare is not allowed here");
    }
    command.current_dir(world.path("locked"));
    let out = finish(command, b"");
    assert_eq!((out.code, out.stdout.contains('✗')), (0, false), "{out:?}");
    assert_eq!(world.sh("ls -A locked"), "");
}

#[test]
fn every_part_can_be_shown_alone() {
    let world = world();
    for name in names(&world) {
        let out = world.run(&["demo", &name]);
        assert_eq!(out.code, 0, "{name}: {out:?}");
        assert_eq!(out.stdout.matches("\n\n── ").count() + usize::from(out.stdout.starts_with("\n── ")), 1, "{name}");
        assert!(!out.stdout.contains("Not shown"), "{name}");
    }
    assert_eq!(std::fs::read_dir(temporary(&world)).unwrap().count(), 0);
    let said = world.run(&["demo", "cooking"]).failed(2);
    assert!(said.contains("trust") && said.contains("records"), "{said}");
}

#[test]
fn its_parts_are_listed() {
    insta::assert_snapshot!(world().run(&["demo", "--list"]).ok());
}

#[test]
fn as_json_it_is_one_value_that_tells_every_step() {
    let world = world();
    let out = world.run(&["demo", "trust", "--json"]);
    let value: Value = serde_json::from_str(&out.clone().ok()).unwrap();
    assert_eq!(out.stderr, "");
    assert_eq!((&value["demo"]["steps"], &value["demo"]["wrong"]), (&json!(8), &json!(0)));
    let steps = value["demo"]["parts"][0]["steps"].as_array().unwrap();
    let codes: Vec<i64> = steps.iter().map(|s| s["exit_code"].as_i64().unwrap()).collect();
    assert_eq!(codes, [4, 0, 0, 0, 4, 0, 0, 0]);
    assert_eq!((&steps[2]["line"], &steps[2]["output"]), (&json!("fac greet Ada"), &json!("Hello, Ada!\n")));
    assert!(steps.iter().all(|s| s["ok"] == true && s["wrong"].is_null()), "{value}");
}

#[test]
fn a_step_that_does_not_behave_is_marked_and_counts() {
    let mut world = world();
    // A machine without Python: only what the other steps need.
    world.sh(
        "mkdir bin && for p in sh bash cp cat printf tr grep mkdir date wc; do ln -s \"$(command -v $p)\" bin/$p; done",
    );
    let bin = world.path("bin").display().to_string();
    world.set("PATH", &bin);
    let out = world.run(&["demo", "arguments"]);
    let said = out.clone().failed(1);
    assert!(out.stdout.contains("✗ exit code 0 was expected"), "{out:?}");
    assert!(said.contains("2 of 5 steps did not behave as they should"), "{said}");
    assert_eq!(std::fs::read_dir(temporary(&world)).unwrap().count(), 0);
}

#[test]
fn colours_are_there_only_where_they_are_welcome() {
    let mut world = world();
    let out = world.run(&["--color", "always", "demo", "settings"]).ok();
    // Ours, and those of the program that was started.
    assert!(out.contains("\x1b[1mfac config explain run\x1b[0m") && out.contains("\x1b[1;31merror:\x1b[0m"), "{out:?}");
    world.set("NO_COLOR", "1");
    let (code, written) = Seat::plain(&world, &["demo", "settings"], 80, 40).end();
    assert_eq!((code, written.contains("\x1b[")), (0, false), "{written:?}");
}

#[test]
fn on_a_terminal_it_goes_through_and_waits_only_when_asked() {
    let world = world();
    for columns in [80, 30] {
        let (code, written) = Seat::plain(&world, &["demo"], columns, 40).end();
        assert_eq!((code, written.contains('✗'), written.contains("Enter goes on")), (0, false, false), "{written}");
    }
    let mut seat = Seat::plain(&world, &["demo", "--step"], 100, 200);
    seat.expect("next: Running them (Enter goes on, q leaves)").press("\r");
    seat.expect("next: Other people's Markdown (Enter goes on, q leaves)").press("xq");
    let (code, written) = seat.end();
    assert_eq!(
        (code, written.contains("1.98838781516 mi"), written.contains("tasks: 7")),
        (0, true, false),
        "{written}"
    );
    assert_eq!(std::fs::read_dir(temporary(&world)).unwrap().count(), 0);
    let said = world.run(&["demo", "--step"]).failed(2);
    assert!(said.contains("needs a terminal"), "{said}");
}

#[test]
fn interrupted_it_takes_its_world_along() {
    let world = world();
    for keys in ["\r\u{3}", "\u{3}"] {
        let mut seat = Seat::plain(&world, &["demo", "--step"], 100, 200);
        seat.expect("next: Running them").press(keys);
        let (code, written) = seat.end();
        assert_eq!(code, 130, "{keys:?} {written}");
        assert_eq!(std::fs::read_dir(temporary(&world)).unwrap().count(), 0, "{keys:?}");
    }
    // A word from outside, while a step runs.
    let mut child =
        world.command(&["demo"]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut out = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("fac calc") {
        line.clear();
        assert!(std::io::BufRead::read_line(&mut out, &mut line).unwrap() > 0);
    }
    world.sh(&format!("kill -TERM {}", child.id()));
    drop(std::io::copy(&mut out, &mut std::io::sink()));
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(std::fs::read_dir(temporary(&world)).unwrap().count(), 0);
}
