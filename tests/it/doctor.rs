//! `fac doctor`: every planted fault is named, with a way to mend it.

use std::os::unix::fs::{PermissionsExt, symlink};

use factotum::kernel::clock::Clock;
use factotum::kernel::ids::Ids;
use factotum::store::{NewRun, Process, Status, Store};
use serde_json::Value;

use crate::support::model::{Answer, ModelServer};
use crate::support::world::World;

fn findings(world: &World) -> (i32, Vec<(String, String, String, String)>) {
    let out = world.run(&["doctor", "--json"]);
    let value: Value = serde_json::from_str(&out.stdout).unwrap_or_else(|e| panic!("{e}: {out:?}"));
    let text = |v: &Value| v.as_str().unwrap_or("").to_string();
    let list = value["findings"].as_array().unwrap().iter();
    let list: Vec<_> =
        list.map(|f| (text(&f["area"]), text(&f["level"]), text(&f["message"]), text(&f["fix"]))).collect();
    let bad = list.iter().filter(|f| f.1 == "problem").count();
    assert_eq!(value["problems"], bad);
    assert_eq!(out.code, i32::from(bad > 0), "{list:?}");
    assert!(list.iter().all(|f| (f.1 == "ok") == f.3.is_empty()), "what is not good has a fix: {list:?}");
    (out.code, list)
}

/// A world in which nothing is wrong.
fn healthy() -> World {
    let mut world = World::new();
    world.set("SSL_CERT_FILE", "");
    world.run(&["commands", "new", "hi", "--script", "echo hi"]).ok();
    world.run(&["hi"]).ok();
    world.run(&["search", "hi"]).ok();
    world
}

/// The finding of this level whose message holds `said`; its fix must hold `fix`.
#[track_caller]
fn named(world: &World, level: &str, said: &str, fix: &str) {
    let (code, list) = findings(world);
    let found = list.iter().find(|f| f.1 == level && f.2.contains(said));
    let found = found.unwrap_or_else(|| panic!("no {level} says {said:?}: {list:#?}"));
    assert!(found.3.contains(fix), "{:?} should hold {fix:?}", found.3);
    assert_eq!(code, i32::from(list.iter().any(|f| f.1 == "problem")));
    // People see the same.
    let out = world.run(&["doctor"]);
    assert!(out.stdout.contains("→ "), "{out:?}");
    assert_eq!(out.code, code);
}

fn database(world: &World) -> rusqlite::Connection {
    rusqlite::Connection::open(world.fac().join("data/store.db")).unwrap()
}

#[test]
fn nothing_is_wrong_where_nothing_is_wrong() {
    let world = healthy();
    let (code, list) = findings(&world);
    assert_eq!(code, 0, "{list:?}");
    assert!(world.run(&["doctor"]).stderr.starts_with("no problems, "));
    let areas: Vec<&str> = list.iter().map(|f| f.0.as_str()).collect();
    for area in ["version", "files", "settings", "store", "search", "disk", "languages", "terminal"] {
        assert!(areas.contains(&area), "{area} in {areas:?}");
    }
}

#[test]
fn folders() {
    let world = healthy();
    let state = world.fac().join("state");
    std::fs::set_permissions(&state, PermissionsExt::from_mode(0o755)).unwrap();
    named(&world, "problem", "state can be read by others", "chmod go-rwx");
    std::fs::set_permissions(world.fac().join("config"), PermissionsExt::from_mode(0o777)).unwrap();
    named(&world, "problem", "config can be changed by others", "chmod go-rwx");
    std::fs::remove_dir_all(&state).unwrap();
    std::fs::write(&state, "").unwrap();
    named(&world, "problem", "state is no folder", "mv ");
    std::fs::remove_file(&state).unwrap();
    symlink("/proc/self", &state).unwrap();
    named(&world, "problem", "cannot be written", "it is a link");
    std::fs::remove_file(&state).unwrap();
    symlink("/nowhere/at/all", &state).unwrap();
    named(&world, "problem", "points nowhere", "rm ");
}

#[test]
fn settings() {
    let mut world = healthy();
    let file = world.fac().join("config/config.toml");
    std::fs::write(&file, "[run]\ntimout = \"5m\"\n").unwrap();
    named(&world, "problem", "config.toml:2:1: ", "fac config edit");
    std::fs::write(&file, "color = \"sometimes\"\n").unwrap();
    named(&world, "problem", "sometimes", "fac config edit");
    std::fs::write(&file, "= =\n").unwrap();
    named(&world, "problem", "config.toml:1:", "fac config edit");
    std::fs::write(&file, "[interpreters.sh]\nprogram = \"no-such-shell\"\n").unwrap();
    named(&world, "problem", "`no-such-shell`", "fac config unset interpreters.sh.program");
    std::fs::remove_file(&file).unwrap();
    symlink("/nowhere.toml", &file).unwrap();
    named(&world, "problem", "cannot be read", "ls -l");
    std::fs::remove_file(&file).unwrap();
    world.write(".factotum.toml", "colour = \"never\"\n");
    named(&world, "problem", ".factotum.toml:1:1: ", "mend ");
    world.write(".factotum.toml", "[interpreters.sh]\nprogram = \"/bin/sh\"\n");
    named(&world, "note", "interpreters.sh.program", "trust");
    std::fs::remove_file(world.path(".factotum.toml")).unwrap();
    symlink("gone.toml", world.path(".factotum.toml")).unwrap();
    named(&world, "problem", ".factotum.toml is a link that points nowhere", "rm ");
    std::fs::remove_file(world.path(".factotum.toml")).unwrap();
    world.set("FAC_COLOR", "sometimes");
    named(&world, "problem", "sometimes", "");
    world.set("FAC_COLOR", "auto");
    world.set("EDITOR", "no-such-editor -w");
    named(&world, "note", "the editor `no-such-editor -w` is not installed", "EDITOR");
}

#[test]
fn network() {
    let mut world = healthy();
    world.set("SSL_CERT_FILE", "/nowhere.pem");
    named(&world, "problem", "SSL_CERT_FILE names /nowhere.pem, which cannot be read", "unset SSL_CERT_FILE");
    let file = world.write("not.pem", "hello");
    world.set("SSL_CERT_FILE", file.to_str().unwrap());
    named(&world, "problem", "which holds no certificate", "unset SSL_CERT_FILE");
}

#[test]
fn the_database() {
    let world = healthy();
    database(&world).execute("UPDATE events SET kind = 'forged' WHERE position = 2", []).unwrap();
    named(&world, "problem", "the log is broken at event", "backup");
    database(&world).pragma_update(None, "user_version", 4711).unwrap();
    named(&world, "problem", "newer fac", "install the newer fac");
    std::fs::write(world.fac().join("data/store.db"), vec![0x5a; 40_000]).unwrap();
    let _ = std::fs::remove_file(world.fac().join("data/store.db-wal"));
    named(&world, "problem", "store.db", "");
}

#[test]
fn runs_that_were_cut_off() {
    let world = healthy();
    let clock = Clock::from_test_value(None).unwrap();
    let store = Store::open(&world.fac().join("data/store.db"), clock, Ids::seeded(7)).unwrap();
    let gone = Process { pid: 999_999_999, start: 1, boot: "b".into() };
    let run = NewRun {
        command: "hi".into(),
        source: "user".into(),
        digest: String::new(),
        trigger: "manual".into(),
        args: serde_json::json!({}),
        cwd: "/".into(),
        zone: None,
        process: Some(gone),
        steps_planned: 1,
        status: Status::Running,
        job: None,
    };
    store.begin_run(&run).unwrap();
    named(&world, "note", "1 runs were cut off", "fac runs ls --status lost");
}

#[test]
fn output_of_no_run() {
    let world = healthy();
    std::fs::create_dir_all(world.fac().join("state/outputs/0199a000-0000-7000-8000-000000000000")).unwrap();
    named(&world, "note", "belong to no run", "rm -r");
}

#[test]
fn sources_that_went_away() {
    let world = healthy();
    world.write("kit/maskfile.md", "## build\n\n~~~sh\ntrue\n~~~\n");
    world.run(&["source", "add", "./kit"]).ok();
    std::fs::rename(world.path("kit"), world.path("moved")).unwrap();
    named(&world, "problem", "the folder of kit is gone", "fac source rm kit");
    std::fs::rename(world.path("moved"), world.path("kit")).unwrap();
    assert_eq!(findings(&world).0, 0);
    world.write("kit/commands/bad.md", "---\nfactotum: 1\n---\n# `/bad <PATH>`\n```sh\ntrue\n```\n");
    named(&world, "note", "definitions of kit have mistakes", "fac commands check --source kit");
    database(&world)
        .execute("UPDATE sources SET kind = 'github', state = 'stale', error = 'no answer', commit_id = ?1 WHERE name = 'kit'", ["a".repeat(40)])
        .unwrap();
    named(&world, "problem", "kit is stale: no answer", "fac source update kit");
    named(&world, "problem", "the files of kit were removed from the cache", "fac source update kit");
}

#[test]
fn what_is_derived() {
    let world = healthy();
    std::fs::write(world.fac().join("cache/index/meta.json"), "{").unwrap();
    named(&world, "note", "the search index was damaged", "made again");
    let names = world.fac().join("cache/names.idx");
    let text = std::fs::read_to_string(&names).unwrap();
    let head = text.lines().next().unwrap();
    std::fs::write(&names, format!("{head}\ngarbage\n")).unwrap();
    let (_, list) = findings(&world);
    assert!(list.iter().any(|f| f.1 == "note" && f.2 == "the index of names was damaged"), "{list:?}");
    assert_eq!(std::fs::read_to_string(&names).unwrap(), text);
}

#[test]
fn secrets_and_log() {
    let world = healthy();
    world.run_with(&["secret", "set", "token"], "value").ok();
    let file = world.fac().join("data/secrets.json");
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o644)).unwrap();
    named(&world, "problem", "secrets.json can be read by others", "chmod 600");
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    std::fs::write(&file, "{").unwrap();
    named(&world, "problem", "secrets.json is damaged", "backup");
    std::fs::remove_file(&file).unwrap();
    let log = world.fac().join("state/fac.log");
    std::fs::remove_file(&log).unwrap();
    std::fs::create_dir(&log).unwrap();
    named(&world, "problem", "cannot write", "state");
}

#[test]
fn programs_and_locale() {
    let mut world = healthy();
    let empty = world.write("empty/x", "").parent().unwrap().display().to_string();
    world.set("PATH", &empty);
    named(&world, "problem", "there is no sh on PATH", "PATH");
    named(&world, "note", "python is missing, and ", "python");
    named(&world, "note", "git is not installed", "apt install git");
    world.set("LC_ALL", "POSIX");
    named(&world, "note", "the locale is POSIX", "C.UTF-8");
}

#[test]
fn who_can_be_asked_and_how_they_fare() {
    let server = ModelServer::start();
    let mut world = crate::ask::world(&server);
    let (_, list) = findings(&world);
    let models = |list: &[(String, String, String, String)]| -> Vec<(String, String)> {
        list.iter().filter(|f| f.0 == "models").map(|f| (f.1.clone(), f.2.clone())).collect()
    };
    let found = models(&list);
    assert_eq!(found.len(), 5, "{found:?}");
    let said = format!("my-openai answers at {}/v1/ with 1 model, key from MY_KEY", server.url());
    assert!(found.contains(&("ok".to_string(), said.clone())), "{said}: {found:?}");
    assert_eq!(server.asked().len(), 0, "no model was asked anything");
    // Five failures in a row.
    world.set("FAC_TEST_CLOCK", "2026-03-01T12:00:00Z");
    world.run(&["config", "set", "providers.my-openai.retries", "0"]).ok();
    let fail = || {
        server.answer(Answer::status(500));
        assert_ne!(world.run(&["ask", "-m", "my-openai/test-model", "hello"]).code, 0);
    };
    (0..4).for_each(|_| fail());
    named(&world, "ok", "my-openai: closed, 4 failures in a row of the 5 that open it", "");
    fail();
    named(
        &world,
        "note",
        "my-openai: open after 5 failures in a row; the next question is let through in 30 s",
        "another model",
    );
    assert_eq!(world.run(&["ask", "-m", "my-openai/test-model", "hello"]).code, 5);
    assert_eq!(server.asked().len(), 5, "it was left alone");
    world.set("FAC_TEST_CLOCK", "2026-03-01T12:00:31Z");
    named(&world, "note", "my-openai: half-open after 5 failures in a row", "fac ask -m my-openai");
    world.run(&["ask", "-m", "my-openai/test-model", "hello"]).ok();
    let (_, list) = findings(&world);
    assert!(!models(&list).iter().any(|f| f.1.contains("in a row")), "{list:?}");
    // A key that is not taken is a problem, a server that is gone is not ours.
    server.answer_lists(Some(Answer::wrong_key()));
    named(&world, "problem", "my-anthropic lets nobody in (key from MY_KEY)", "");
    world.set("MY_KEY", "");
    named(&world, "note", "my-gemini has no key: MY_KEY gives none", "MY_KEY");
    drop(server);
    named(&world, "note", "my-ollama cannot be reached", "address");
}

#[test]
fn mcp_servers() {
    let world = healthy();
    let add = |name: &str, words: &[&str]| world.run(&[&["mcp", "add", name], words].concat()).ok();
    add("fine", &["--", "sh", "-c", "touch started"]);
    add("far", &["--url", "https://mcp.invalid/mcp"]);
    let said: Vec<String> = findings(&world).1.into_iter().filter(|f| f.0 == "mcp").map(|f| f.2).collect();
    assert!(said[0] == "far can be used (mcp.invalid); it was not started", "{said:?}");
    assert!(said[1].starts_with("fine can be used (/") && said.len() == 2, "{said:?}");
    assert!(!world.path("started").exists());
    add("off", &["--", "no-such-program"]);
    named(&world, "problem", "the MCP server `off` needs no-such-program, which is not there", "fac mcp disable off");
    add("locked", &["--env", "A=secret:nowhere", "--", "sh"]);
    named(&world, "problem", "there is no secret nowhere", "fac secret set nowhere");
    world.run(&["mcp", "disable", "off"]).ok();
    world.run(&["mcp", "disable", "locked"]).ok();
    assert_eq!(findings(&world).0, 0);
}
