//! Nothing from outside runs before a person allowed exactly that.

use std::path::PathBuf;

use serde_json::json;

use super::*;

/// The command between the last backticks of a refusal: the one that grants it.
fn granting(error: &Value) -> String {
    let hint = error["hint"].as_str().unwrap();
    let (_, rest) = hint.split_once("allow it with `").unwrap_or_else(|| panic!("{hint}"));
    rest.trim_end_matches('`').to_string()
}

/// Types a line that a hint printed into a shell.
#[track_caller]
fn type_in(lab: &Lab, line: &str) -> String {
    let bin = PathBuf::from(env!("CARGO_BIN_EXE_fac"));
    let script = format!("PATH=\"{}:$PATH\"; {line}", bin.parent().unwrap().display());
    finish(lab.world.program("sh", &["-c", &script]), b"").ok()
}

#[test]
fn without_a_terminal_the_refusal_names_the_command_that_grants_it() {
    let lab = Lab::new();
    lab.kit("ada/kit", &[("greet <name>", "echo \"hi $name\"")]);
    lab.run(&["source", "add", "github:ada/kit"]).ok();
    snapshot!("run_untrusted", lab.shown(&lab.run(&["greet", "Ada"])));
    let error = lab.error(4, &["greet", "Ada"]);
    assert_eq!(error["kind"], "refused");
    // Yes to everything is no yes to this.
    for words in
        [&["-y", "greet", "Ada"][..], &["run", "--yes", "greet", "Ada"], &["run", "greet", "Ada", "-y", "--no-input"]]
    {
        assert_eq!(lab.run(words).code, 4, "{words:?}");
    }
    let runs = lab.json(&["runs", "ls"]);
    assert_eq!(runs["runs"], json!([]), "what was refused is no run");
    assert_eq!(type_in(&lab, &granting(&error)), "kit:greet  Does greet.\n");
    assert_eq!(lab.run(&["greet", "Ada"]).ok(), "hi Ada\n");
}

#[test]
fn odd_names_are_quoted_in_the_granting_command() {
    let lab = Lab::new();
    let repo = lab.hub().repo("ada/masks");
    repo.commit(
        &[("maskfile.md", "## don't; touch PWNED\n~~~sh\necho 1\n~~~\n### deeper one\n~~~sh\necho 2\n~~~\n")],
        "First",
    );
    lab.run(&["source", "add", "github:ada/masks"]).ok();
    for name in lab.names("masks") {
        let error = lab.error(4, &["run", &format!("masks:{name}")]);
        type_in(&lab, &granting(&error));
        lab.run(&["run", &format!("masks:{name}")]).ok();
    }
    assert_eq!(holds_file(&lab, "PWNED"), Vec::<PathBuf>::new());
}

#[test]
fn what_a_command_requires_and_runs_needs_trust_too() {
    let lab = Lab::new();
    let root =
        "---\nfactotum: 1\n---\n## `/all`\n**Requires:** `/base`\n```sh\necho all\n```\n```run\nother:side\n```\n";
    let repo = lab.hub().repo("ada/kit");
    repo.commit(&[("kit.md", root), ("base.md", &native(&[("base", "echo base")]))], "First");
    lab.kit("ada/other", &[("side", "echo side")]);
    lab.run(&["source", "add", "github:ada/kit"]).ok();
    lab.run(&["source", "add", "github:ada/other"]).ok();
    // One command grants all that a run needs.
    let error = lab.error(4, &["all"]);
    let granted = type_in(&lab, &granting(&error));
    assert_eq!(granted, "kit:all\nkit:base    Does base.\nother:side  Does side.\n");
    assert_eq!(lab.run(&["all"]).ok(), "base\nall\nside\n");
    // Trust in the one that asks is not enough once another changed.
    repo.commit(&[("base.md", &native(&[("base", "echo other")]))], "Second");
    lab.run(&["source", "update"]).ok();
    let error = lab.error(4, &["all"]);
    assert_eq!(error["message"], "`kit:base` has changed since it was trusted");
    type_in(&lab, &granting(&error));
    assert_eq!(lab.run(&["all"]).ok(), "other\nall\nside\n");
    lab.run(&["source", "untrust", "other"]).ok();
    assert_eq!(lab.error(4, &["all"])["message"], "`other:side` comes from outside and is not trusted yet");
}

#[test]
fn trust_and_untrust_say_what_they_did() {
    let lab = Lab::new();
    lab.kit("ada/kit", &[("a", "echo 1"), ("b", "echo 2")]);
    lab.run(&["source", "add", "github:ada/kit"]).ok();
    snapshot!("source_trust_refused", lab.shown(&lab.run(&["source", "trust", "kit"])));
    assert_eq!(
        lab.error(4, &["source", "trust", "kit"])["hint"],
        "`fac source trust kit --yes` grants it without a question"
    );
    assert_eq!(lab.json(&["source", "trust", "kit", "--command", "a", "--yes"]), json!({"trusted": ["a"]}));
    assert_eq!((lab.trust("a"), lab.trust("b")), ("trusted".into(), "untrusted".into()));
    assert_eq!(lab.source("kit")["trust"], "partly");
    assert_eq!(lab.json(&["source", "trust", "kit", "-y"]), json!({"trusted": ["b"]}));
    assert_eq!(lab.json(&["source", "trust", "kit", "-y"]), json!({"trusted": []}));
    assert_eq!(
        lab.json(&["source", "untrust", "kit", "--command", "kit:b"]),
        json!({"untrusted": "kit", "permissions": 1})
    );
    assert_eq!(lab.error(4, &["b"])["message"], "`kit:b` comes from outside and is not trusted yet");
    assert_eq!(lab.error(3, &["source", "trust", "kit", "--command", "c"])["kind"], "not_found");
    assert_eq!(lab.error(3, &["source", "untrust", "kit", "--command", "c"])["kind"], "not_found");
    assert_eq!(lab.error(2, &["source", "untrust", "bundled"])["message"], "`bundled` is trusted from the start");
}

#[test]
fn on_a_terminal_the_definition_is_shown_and_yes_counts_once_for_these_bytes() {
    let lab = Lab::new();
    let repo = lab.kit("ada/kit", &[("greet", "echo hello")]);
    lab.run(&["source", "add", "github:ada/kit"]).ok();
    let mut terminal = lab.sit(&["-y", "greet"]);
    let shown = terminal.until("Trust exactly this?");
    assert!(shown.contains("kit:greet") && shown.contains("echo hello"), "{shown}");
    terminal.press("n");
    let (code, said) = terminal.end_rest();
    assert_eq!(code, 4, "{said}");
    assert!(said.contains("`kit:greet` was not trusted, so nothing was run"), "{said}");

    let mut terminal = lab.sit(&["greet"]);
    terminal.until("Trust exactly this?");
    terminal.press("y");
    let (code, said) = terminal.end_rest();
    assert_eq!((code, said.ends_with("hello\n")), (0, true), "{said}");
    assert_eq!(lab.sit(&["greet"]).end_rest(), (0, "hello\n".to_string()));
    assert_eq!(lab.run(&["greet"]).ok(), "hello\n");

    repo.commit(&[("kit.md", &native(&[("greet", "echo bye")]))], "Second");
    lab.run(&["source", "update"]).ok();
    let mut terminal = lab.sit(&["greet"]);
    let shown = terminal.until("Trust it as it is now?");
    assert!(shown.contains("- echo hello") && shown.contains("+ echo bye"), "{shown}");
    terminal.press("y");
    assert_eq!(terminal.end().0, 0);
}

const DEPLOY: &str = "---\nfactotum: 1\n---\n## `/deploy <where> <token>`\n**Description:** Send it there\n\
    **Requires:** `/base`\n**Env:** `STAGE=live`\n**Options:**\n- `<token>` (secret)\n\n\
    ```sh {id=send cwd=/}\ncurl -H \"$token $DEPLOY_TOKEN $HOME $NO_SUCH_TOKEN\" \"$where\"\n```\n```run\nother:side\n```\n";

#[test]
fn a_run_that_needs_trust_in_several_says_how_many_and_what_each_would_reach() {
    let mut lab = Lab::new();
    let repo = lab.hub().repo("ada/kit");
    repo.commit(&[("kit.md", DEPLOY), ("base.md", &native(&[("base", "echo base")]))], "First");
    lab.kit("ada/other", &[("side", "echo side")]);
    lab.run(&["source", "add", "github:ada/kit"]).ok();
    lab.run(&["source", "add", "github:ada/other"]).ok();
    lab.world.set("DEPLOY_TOKEN", "c4n4ry-token");
    let mut terminal = lab.sit(&["deploy", "box", "hunter2222"]);
    let mut shown = String::new();
    for (question, key) in [("`kit:deploy` comes", "y"), ("`kit:base` comes", "y"), ("`other:side` comes", "n")] {
        shown += &terminal.until(question);
        shown += &terminal.until("Trust exactly this?");
        terminal.press(key);
    }
    let (code, said) = terminal.end_rest();
    assert_eq!(code, 4, "{said}");
    shown += &said;
    assert!(!shown.contains("c4n4ry") && !shown.contains("hunter2222"), "{shown}");
    let shell = lab.world.which("sh").unwrap();
    let shown = lab.tidy(&shown.replace('\r', "")).replace(shell.to_str().unwrap(), "[SH]");
    // How an answer is drawn is dialoguer's, and a key pressed early is shown by the terminal itself.
    let cards = shown.replace("\x1b[?25h", "");
    let cards: Vec<&str> = cards.lines().map(|l| l.split_once(" [y/N]").map_or(l, |(question, _)| question)).collect();
    snapshot!("trust_several", cards.join("\n"));
}

/// What was shown is what is granted: a file that is swapped while the question stands voids the answer.
#[test]
fn files_that_change_under_the_question_are_not_run() {
    let lab = Lab::new();
    lab.world.write("kit/kit.md", native(&[("greet", "./tools/greet.sh")]));
    let script = lab.world.write("kit/tools/greet.sh", "echo shown\n");
    lab.run(&["source", "add", "./kit"]).ok();
    let mut terminal = lab.sit(&["greet"]);
    terminal.until("Trust exactly this?");
    std::fs::write(&script, "echo swapped\n").unwrap();
    terminal.press("y");
    let (code, said) = terminal.end_rest();
    assert_eq!(code, 4, "{said}");
    assert!(said.contains("have just changed, so nothing was run") && !said.contains("swapped\n"), "{said}");
    assert_eq!(lab.trust("greet"), "untrusted");
}

/// One definition of every dialect; each would leave PWNED behind if anything in it ran.
fn booby_traps() -> Vec<(&'static str, &'static str)> {
    vec![
        (
            "native.md",
            "---\nfactotum: 1\n---\n## `/trap [file=$(touch PWNED)]`\n**If:** `touch PWNED`\n```sh\ntouch PWNED\n```\n```prompt\n!`touch PWNED`\n```\n",
        ),
        ("maskfile.md", "## masktrap (x)\n```sh\ntouch PWNED\n```\n"),
        ("xc/README.md", "<!-- xc-heading -->\n## Tasks\n### xctrap\nInputs: A\n```\ntouch PWNED\n```\n"),
        (
            "runme.md",
            "---\nrunme:\n  version: v3\n---\n```sh {\"name\":\"runmetrap\"}\nexport X=$(touch PWNED)\ntouch PWNED\n```\n",
        ),
        ("pages/common/tldrtrap.md", "# tldrtrap\n\n> Touches.\n\n- Touch:\n\n`touch PWNED {{$(touch PWNED)}}`\n"),
        ("navi.cheat", "% trap\n# navitrap\ntouch PWNED <file>\n$ file: touch PWNED; echo a\n"),
        (
            ".claude/commands/claudetrap.md",
            "---\ndescription: trap\nallowed-tools: Bash(touch:*)\n---\n!`touch PWNED` $ARGUMENTS\n",
        ),
        (".github/prompts/copilottrap.prompt.md", "---\ndescription: trap\n---\n${input:x:$(touch PWNED)}\n"),
        (
            "skills/skilltrap/SKILL.md",
            "---\nname: skilltrap\ndescription: trap\n---\nRun `touch PWNED`.\n```sh\ntouch PWNED\n```\n",
        ),
        ("patterns/fabrictrap/system.md", "# IDENTITY and PURPOSE\ntouch PWNED {{plugin:sys:touch PWNED}}\n"),
    ]
}

fn holds_file(lab: &Lab, name: &str) -> Vec<PathBuf> {
    let out = lab.world.sh(&format!("find '{}' -name '{name}'", lab.world.home().parent().unwrap().display()));
    out.lines().map(PathBuf::from).collect()
}

#[test]
fn nothing_is_executed_before_it_is_trusted() {
    let mut lab = Lab::new();
    lab.world.set("SHELL", "/bin/bash");
    let repo = lab.hub().repo("eve/traps");
    repo.commit(&booby_traps(), "First");
    lab.run(&["source", "add", "github:eve/traps"]).ok();
    lab.run(&["source", "add", "github:eve/traps/patterns", "--name", "fabric", "--as", "fabric"]).ok();
    for (path, text) in booby_traps() {
        lab.world.write(&format!(".factotum/commands/{path}"), text);
        lab.world.write(&format!("added/{path}"), text);
    }
    lab.run(&["source", "add", "./added"]).ok();
    repo.commit(&[("native.md", "---\nfactotum: 1\n---\n## `/trap`\n```sh\ntouch PWNED\necho 2\n```\n")], "Second");
    lab.run(&["source", "update"]).ok();
    lab.run(&["source", "diff"]).ok();
    lab.run(&["source", "ls"]).ok();
    lab.run(&["source", "info", "traps"]).ok();
    lab.run(&["search", "trap"]).ok();
    lab.run(&["commands", "search", "trap"]).ok();
    lab.run(&["commands", "check"]);
    lab.run(&["doctor"]);
    let list = lab.json(&["commands", "ls", "--limit", "1000"]);
    let mut met = std::collections::BTreeSet::new();
    for command in list["commands"].as_array().unwrap().iter().filter(|c| c["source"] != "bundled") {
        let key = format!("{}:{}", command["source"].as_str().unwrap(), command["name"].as_str().unwrap());
        assert_ne!(command["trust"], "trusted", "{key}");
        met.insert(command["dialect"].as_str().unwrap().to_string());
        lab.run(&["commands", "show", &key]).ok();
        lab.run(&["run", &key, "--help"]).ok();
        lab.run(&["run", &key, "--dry-run"]);
        for to in ["mask", "claude", "fabric", "tldr", "native"] {
            lab.run(&["commands", "export", &key, "--to", to]);
        }
        lab.run(&["__complete", "--", &key, ""]);
        lab.run(&["__complete", "--", command["name"].as_str().unwrap(), ""]);
        lab.run(&["__complete", "--", "run", &key, "--"]);
        let out = lab.run(&["run", &key, "a", "--set", "file=a", "--set", "x=a"]);
        assert_ne!(out.code, 0, "{key}: {out:?}");
        assert!(!out.stdout.contains("PWNED"), "{key}: {out:?}");
    }
    let all = ["claude", "copilot", "fabric", "mask", "native", "navi", "runme", "skill", "tldr", "xc"];
    assert_eq!(met.iter().map(String::as_str).collect::<Vec<_>>(), all);
    assert_eq!(holds_file(&lab, "PWNED"), Vec::<PathBuf>::new());
}

#[test]
fn a_suggestion_command_is_part_of_what_is_accepted_and_runs_only_then() {
    let lab = Lab::new();
    let sheet = "% tools\n\n# Show a file\ncat <file>\n\n# Other\necho other\n\n$ file: touch PWNED; ls *.txt\n";
    let repo = lab.hub().repo("ada/cheats");
    repo.commit(&[("tools.cheat", sheet)], "First");
    lab.world.write("a.txt", "text of a\n");
    lab.run(&["source", "add", "github:ada/cheats"]).ok();
    let name = lab
        .names("cheats")
        .into_iter()
        .find(|n| n.contains("show"))
        .unwrap_or_else(|| panic!("{:?}", lab.names("cheats")));
    // Not trusted: the value is asked for by hand, nothing is looked up; the question shows what would look it up.
    let mut terminal = lab.sit(&["run", &name]);
    terminal.until("file");
    terminal.press("a.txt\r");
    let card = terminal.until("Trust exactly this?");
    assert!(card.contains("cat <file>") && card.contains("$ file: touch PWNED; ls *.txt"), "{card}");
    terminal.press("n");
    assert_eq!(terminal.end().0, 4);
    assert_eq!(holds_file(&lab, "PWNED"), Vec::<PathBuf>::new());
    lab.run(&["source", "trust", "cheats", "--yes"]).ok();
    let mut terminal = lab.sit(&["run", &name]);
    terminal.until("looking for values with: touch PWNED; ls *.txt");
    terminal.until("a.txt");
    terminal.press("\r");
    terminal.until("Run it?");
    terminal.press("y");
    let (code, said) = terminal.end_rest();
    assert_eq!((code, said.ends_with("text of a\n")), (0, true), "{said}");
    assert_eq!(holds_file(&lab, "PWNED").len(), 1);
    // The definition stays, the suggestion changes: that is a change, and the diff shows it.
    repo.commit(&[("tools.cheat", &sheet.replace("ls *.txt", "ls -a"))], "Second");
    lab.run(&["source", "update"]).ok();
    assert_eq!(lab.trust(&name), "changed");
    let diff = lab.run(&["source", "diff", "cheats"]).ok();
    assert!(diff.contains("- $ file: touch PWNED; ls *.txt\n+ $ file: touch PWNED; ls -a"), "{diff}");
}

#[test]
fn a_script_beside_a_fetched_definition_is_part_of_it() {
    let lab = Lab::new();
    let repo = lab.hub().repo("ada/kit");
    repo.commit(
        &[("kit.md", &native(&[("build", "sh \"$FAC_SOURCE_DIR/build.sh\"")])), ("build.sh", "echo one\n")],
        "First",
    );
    lab.run(&["source", "add", "github:ada/kit"]).ok();
    lab.run(&["source", "trust", "kit", "--yes"]).ok();
    assert_eq!(lab.run(&["build"]).ok(), "one\n");
    repo.commit(&[("build.sh", "echo two\n")], "Second");
    let updated = lab.json(&["source", "update"]);
    assert_eq!(updated["updated"][0]["changes"], json!([{"change": "changed", "name": "build"}]));
    assert_eq!(lab.run(&["build"]).code, 4);
    let diff = lab.run(&["source", "diff"]).ok();
    assert_eq!(diff, "kit:build\n  its text is the same; files beside it that it can read have changed\n");
    lab.run(&["source", "trust", "kit", "--yes"]).ok();
    assert_eq!(lab.run(&["build"]).ok(), "two\n");
}

#[test]
fn a_definition_cannot_write_on_the_terminal_that_asks_about_it() {
    let lab = Lab::new();
    let sneaky = "echo \u{1b}[2K\u{1b}]0;owned\u{7}\u{9b}31m safe \u{202e}drawkcab";
    lab.kit("eve/kit", &[("sneak", sneaky)]);
    lab.run(&["source", "add", "github:eve/kit"]).ok();
    let mut terminal = lab.sit(&["sneak"]);
    let shown = terminal.until("Trust exactly this?");
    terminal.press("n");
    terminal.end();
    for piece in ["\u{1b}]0;", "\u{9b}", "\u{202e}", "\u{7}"] {
        assert!(!shown.contains(piece), "{shown:?}");
    }
    let card = shown.split("kit:sneak").nth(1).unwrap().split("comes from").next().unwrap().to_string();
    assert!(!card.contains("\u{1b}[2K"), "{card:?}");
}
