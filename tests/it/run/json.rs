//! `--json`: the contract to the letter, one value on stdout and nothing else there.

use super::*;

#[test]
fn a_run_is_told_as_the_contract_says() {
    let mut world = world(
        "### `/two <name>`\n```sh {id=greet}\necho \"hi $name\"; echo careful >&2\n```\n```sh {allow_failure}\nexit 3\n```\n",
    );
    world.set("FAC_TEST_CLOCK", "2026-03-01T12:00:00Z");
    let out = world.run(&["two", "Ada", "--json"]);
    assert_eq!((out.code, out.stderr.as_str(), out.stdout.lines().count()), (0, "", 1));
    let mut value = json(&out);
    assert!(value["run"]["id"].as_str().is_some_and(|id| id.len() == 36));
    value["run"]["id"] = "[id]".into();
    for place in ["/run/duration_ms", "/run/steps/0/duration_ms", "/run/steps/1/duration_ms"] {
        let took = value.pointer_mut(place).unwrap();
        assert!(took.is_u64());
        *took = "[ms]".into();
    }
    insta::assert_json_snapshot!(value);
    assert_eq!(json(&world.run(&["--json", "two", "Ada"]))["run"]["steps"][0]["stdout"], "hi Ada\n");
    assert_eq!(json(&world.run(&["run", "--json", "two", "Ada"]))["run"]["steps"][0]["stdout"], "hi Ada\n");
}

#[test]
fn a_failure_is_a_run_with_its_code() {
    let world = world("### `/bad`\n```sh\necho out; exit 9\n```\n### `/tongue`\n```ruby\np 1\n```\n");
    let out = world.run(&["bad", "--json"]);
    let run = json(&out)["run"].clone();
    assert_eq!((out.code, &run["status"], &run["exit_code"]), (9, &"failed".into(), &9.into()));
    let mut world = world;
    world.set("PATH", "/nonexistent");
    let out = world.run(&["tongue", "--json"]);
    let run = json(&out)["run"].clone();
    assert_eq!((out.code, &run["exit_code"], &run["problem"]["kind"]), (5, &5.into(), &"missing".into()));
    assert_eq!(run["problem"]["hint"], "apt install ruby");
}

#[test]
fn bytes_that_are_no_text_come_as_base64() {
    let world = world("### `/raw`\n```sh\nprintf 'a\\377b'; printf ok >&2\n```\n");
    let step = json(&world.run(&["raw", "--json"]))["run"]["steps"][0].clone();
    assert_eq!(
        (&step["encoding"], &step["stdout"], &step["stderr"]),
        (&"base64".into(), &"Yf9i".into(), &"b2s=".into())
    );
}

#[test]
fn where_no_run_exists_there_is_an_error_and_nothing_else() {
    let world = world(
        "### `/one <x>`\n```sh\ntouch ran\n```\n### `/caged`\n```sh {sandbox=x}\ntouch ran\n```\n### `/a`\n**Requires:** `/a`\n\n```sh\ntouch ran\n```\n",
    );
    world.write("maskfile.md", "# M\n\n## outside\n\n```sh\ntouch ran\n```\n");
    world.run(&["source", "add", ".", "--name", "here"]).ok();
    for (words, kind, code) in [
        (&["one", "--json"][..], "usage", 2),
        (&["--json", "one"], "usage", 2),
        (&["one", "--nope", "--json"], "usage", 2),
        (&["nowhere", "--json"], "not_found", 3),
        (&["run", "nowhere", "--json"], "not_found", 3),
        (&["outside", "--json"], "refused", 4),
        (&["caged", "--json"], "refused", 4),
        (&["a", "--json"], "bad_data", 6),
        (&["runs", "show", "ffff", "--json"], "not_found", 3),
        (&["runs", "--json", "--nope"], "usage", 2),
    ] {
        let out = world.run(words);
        assert_eq!((out.code, out.stderr.as_str(), out.stdout.lines().count()), (code, "", 1), "{words:?} {out:?}");
        let error = json(&out)["error"].clone();
        assert_eq!((&error["kind"], &error["exit_code"]), (&kind.into(), &code.into()), "{words:?}");
        assert!(!error["message"].as_str().unwrap().is_empty() && error.get("hint").is_some(), "{error}");
    }
    assert!(!world.path("ran").exists());
    assert_eq!(runs(&world).len(), 0);
}

#[test]
fn the_refusal_names_the_command_that_grants() {
    let world = World::new();
    world.write("maskfile.md", "# M\n\n## out side\n\n```sh\necho ran\n```\n");
    world.run(&["source", "add", ".", "--name", "here"]).ok();
    let hint = json(&world.run(&["out", "side", "--json"]))["error"]["hint"].as_str().unwrap().to_string();
    let grant = hint.rsplit('`').nth(1).unwrap().strip_prefix("fac ").unwrap();
    let words = shlex::split(grant).unwrap();
    world.run(&["-y", "out", "side"]).failed(4);
    world.run(&words.iter().map(String::as_str).collect::<Vec<_>>()).ok();
    assert_eq!(world.run(&["out", "side"]).ok(), "ran\n");
}

#[test]
fn pipes_get_no_escape_bytes() {
    let mut world = world("### `/show <x>`\n**Description:** **bold** `code`\n\n```sh\ntest -t 1 || echo pipe\n```\n");
    world.set("TERM", "xterm-256color");
    for words in [
        &["show", "1"][..],
        &["show", "--help"],
        &["show"],
        &["show", "1", "--dry-run"],
        &["runs", "ls"],
        &["runs", "show", "last"],
        &["commands", "show", "show"],
        &["commands", "ls"],
        &["nowhere"],
    ] {
        let out = world.run(words);
        assert!(!format!("{}{}", out.stdout, out.stderr).contains('\x1b'), "{words:?}");
    }
}
