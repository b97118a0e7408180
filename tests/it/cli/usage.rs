//! Words that are understood, and what is said to those that are not.

use crate::support::world::{Output, World};

fn error(output: &Output) -> serde_json::Value {
    let value: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(output.stderr, "", "nothing but JSON");
    let error = value["error"].clone();
    assert_eq!(error["exit_code"], output.code);
    error
}

#[test]
fn bare_prints_help_and_opens_nothing() {
    let world = World::new();
    let bare = world.run(&[]).ok();
    assert!(bare.contains("Usage: fac [OPTIONS] <SUBCOMMAND>"), "{bare}");
    assert_eq!(bare, world.run(&["--help"]).ok());
    assert_eq!(bare, world.run(&["help"]).ok());
    assert_eq!(std::fs::read_dir(world.fac()).unwrap().count(), 0);
}

#[test]
fn what_is_built_in_reads_and_makes_no_file() {
    let world = World::new();
    // A settings file, a database and a log that would be refused at once if anybody opened them.
    for (file, text) in [("config/config.toml", "= ="), ("data/store.db", "garbage"), ("cache/index/meta.json", "{")] {
        let file = world.fac().join(file);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }
    let before = world.tree();
    let version = world.run(&["--version"]).ok();
    assert_eq!(version, format!("fac {}\n", env!("CARGO_PKG_VERSION")));
    for words in [
        &["--help"][..],
        &["-h"],
        &["run", "--help"],
        &["help", "source", "add"],
        &["completions", "bash"],
        &["completions", "elvish"],
        &["man"],
        &["man", "commands", "ls"],
        &["__complete", "--", "so"],
        &["shell-init", "bash"],
    ] {
        assert_ne!(world.run(words).ok(), "", "{words:?}");
    }
    assert_eq!(world.tree(), before, "nothing was made and nothing changed");
}

#[test]
fn help_of_a_name_is_the_help_of_what_it_names() {
    let world = World::new();
    assert_eq!(world.run(&["help", "source"]).ok(), world.run(&["source", "--help"]).ok());
    assert_eq!(world.run(&["help", "commands", "ls"]).ok(), world.run(&["commands", "ls", "--help"]).ok());
    assert_eq!(world.run(&["help", "git", "recent"]).ok(), world.run(&["git", "recent", "--help"]).ok());
    let said = world.run(&["help", "source", "ad"]).failed(3);
    assert_eq!(said, "error: `fac source` has no subcommand `ad`\n hint: did you mean `fac source add`?\n");
    assert!(world.run(&["help", "nothing-like-it"]).failed(3).contains("there is no command `nothing-like-it`"));
}

#[test]
fn a_wrong_word_below_a_subcommand_is_told_as_one_above() {
    let world = World::new();
    let said = "error: `fac auto` has no subcommand `trcae`\n hint: did you mean `fac auto trace`?\n";
    assert_eq!(world.run(&["auto", "trcae"]).failed(2), said);
    assert_eq!(world.run(&["-q", "auto", "trcae", "x"]).failed(2), said);
    assert_eq!(world.run(&["help", "auto", "trcae"]).failed(3), said);
    for (group, word) in [("jobs", "retyr"), ("mqtt", "pubb"), ("plugin", "intsall"), ("source", "udpate")] {
        let said = world.run(&[group, word]).failed(2);
        assert!(said.contains(&format!("did you mean `fac {group} ")), "{said}");
    }
    let said = world.run(&["jobs", "xyzzy"]).failed(2);
    assert_eq!(said, "error: `fac jobs` has no subcommand `xyzzy`\n hint: `fac jobs --help` lists what there is\n");
    let said = error(&world.run(&["voice", "models", "pul", "--json"]));
    assert_eq!(
        (&said["message"], &said["hint"]),
        (&"`fac voice models` has no subcommand `pul`".into(), &"did you mean `fac voice models pull`?".into())
    );
    let said = world.run(&["mqtt", "pub", "a", "x", "--url", "mqtt://there"]).failed(2);
    assert!(said.contains("--url") && !said.contains("similar"), "{said}");
}

#[test]
fn help_is_understood_below_a_subcommand_and_flags_alone_ask_for_it() {
    let world = World::new();
    assert_eq!(world.run(&["mqtt", "help", "sub"]).ok(), world.run(&["help", "mqtt", "sub"]).ok());
    assert_eq!(world.run(&["jobs", "help"]).ok(), world.run(&["help", "jobs"]).ok());
    assert!(world.run(&["jobs", "help", "lss"]).failed(3).contains("did you mean `fac jobs ls`?"));
    for group in ["mqtt", "config", "auto"] {
        let alone = world.run(&[group]).failed(2);
        assert!(alone.contains("Usage: "), "{alone}");
        assert_eq!(world.run(&["-q", group]).failed(2), alone);
        assert_eq!(world.run(&[group, "-q"]).failed(2), alone);
    }
    let words = |args: &[&str]| error(&world.run(args))["message"].clone();
    assert_eq!(words(&["mqtt", "--json"]), words(&["--json", "mqtt"]));
}

#[test]
fn of_none_nothing_can_be_asked() {
    let world = World::new();
    for words in [&["auto", "next", "-n", "0"][..], &["mqtt", "sub", "a", "-C", "0"]] {
        assert!(world.run(words).failed(2).contains("'0'"), "{words:?}");
    }
    for words in [&["mqtt", "pub", "a\u{7}b", "x"][..], &["mqtt", "pub", "a", "x", "--response-topic", "r/#"]] {
        assert!(world.run(words).failed(2).contains("the topic "), "{words:?}");
    }
}

#[test]
fn a_name_that_is_kept_for_a_subcommand_says_so_and_run_reaches_the_command() {
    let world = World::new();
    world.run(&["commands", "new", "kb <who>", "--script", "echo hi $who"]).ok();
    let said = world.run(&["kb", "Ada"]).failed(2);
    assert_eq!(
        said,
        "error: `kb` is no subcommand of this version\n hint: the name is kept for one; `fac run kb` reaches a command called so\n"
    );
    assert_eq!(world.run(&["run", "kb", "Ada"]).ok(), "hi Ada\n");
    assert!(world.run(&["help", "kb"]).failed(2).contains("`fac run kb`"));
    // A command called help hides behind ours, too.
    world.run(&["commands", "new", "help", "--script", "echo mine"]).ok();
    assert_eq!(world.run(&["run", "help"]).ok(), "mine\n");
}

#[test]
fn a_word_that_is_nothing_names_the_nearest_of_both() {
    let world = World::new();
    let said = world.run(&["comands", "ls"]).failed(3);
    assert!(said.contains("did you mean the subcommand `commands`?"), "{said}");
    let said = world.run(&["calx"]).failed(3);
    assert!(said.contains("did you mean `calc`?"), "{said}");
    world.run(&["commands", "new", "serch", "--script", "true"]).ok();
    let said = world.run(&["serach"]).failed(3);
    assert!(said.contains("did you mean the subcommand `search` or the command `serch`?"), "{said}");
    let said = world.run(&["git"]).failed(3);
    assert!(said.contains("under `git` there are: git big"), "{said}");
}

#[test]
fn mistakes_are_exit_code_2_and_json_where_it_was_asked_for() {
    let world = World::new();
    let said = world.run(&["commands", "ls", "--limt", "3"]).failed(2);
    assert!(said.contains("--limit"), "{said}");
    let out = world.run(&["commands", "ls", "--limt", "3", "--json"]);
    let said = error(&out);
    assert_eq!(said["kind"], "usage");
    assert_eq!(said["message"], "unexpected argument '--limt' found");
    assert!(said["hint"].as_str().unwrap().contains("'--limit'"), "{said}");
    let said = error(&world.run(&["commands", "--json"]));
    assert_eq!((said["kind"].as_str(), said["exit_code"].as_i64()), (Some("usage"), Some(2)));
    let said = error(&world.run(&["commands", "export", "calc", "--to", "docx", "--json"]));
    assert!(said["message"].as_str().unwrap().contains("mask, claude, fabric, tldr, native"), "{said}");
    // A name that is unknown is found out late; the flag stands among its own words.
    for words in [&["nosuch", "--json"][..], &["run", "nosuch", "--json"], &["--json", "nosuch"]] {
        let said = error(&world.run(words));
        assert_eq!(said["message"], "there is no command `nosuch`", "{words:?}");
        assert_eq!(said["exit_code"], 3);
    }
    // Behind `--` it is an argument.
    assert_eq!(world.run(&["run", "nosuch", "--", "--json"]).stdout, "");
    let said = error(&world.run(&["kb", "--json"]));
    assert_eq!(said["exit_code"], 2);
}

#[test]
fn quiet_silences_talk_and_not_errors() {
    let world = World::new();
    assert_ne!(world.run(&["runs", "ls"]).stderr, "");
    assert_eq!(world.run(&["-q", "runs", "ls"]).stderr, "");
    assert!(world.run(&["-q", "nosuch"]).failed(3).starts_with("error: "));
}

#[test]
fn init_is_a_dialogue_and_says_what_to_do_without_a_terminal() {
    let world = World::new();
    let said = world.run(&["init"]).failed(2);
    assert!(said.contains("needs a terminal") && said.contains("`fac completions`"), "{said}");
}

#[test]
fn shell_code_is_printed_and_a_wish_becomes_a_command_line() {
    let world = World::new();
    for shell in ["bash", "zsh", "fish"] {
        let code = world.run(&["shell-init", shell]).ok();
        assert!(code.contains(&format!("fac shell-init {shell} --wish")), "{code}");
    }
    world.write("wish.bash", world.run(&["shell-init", "bash"]).ok());
    world.sh("bash -n wish.bash");
    let line = world.run(&["shell-init", "bash", "--wish", "duplicates please"]).ok();
    assert!(line.starts_with("fac disk duplicates "), "{line}");
    assert_eq!(world.run(&["shell-init", "bash", "--wish", "zzzzqqq"]).code, 3);
}
