//! `fac commands`: list, show, check, write, edit, export and bind.

use serde_json::Value;

use crate::support::pty::Seat;
use crate::support::world::{Output, World};

const KIT: &str = "\
---
factotum: 1
---
# Kit
## Releasing
### `/release <version> [channel=stable|beta] [--dry] [files...]`
**Description:** Tag and describe a release
**Aliases:** `/rel`
**Effects:** read, network
**Tool:** yes
**Options:**
- `version` (text): What to call it
- `channel`: Where it goes
**On:**
- `schedule \"0 9 * * 1-5\" tz=Europe/Berlin`

```bash {id=tag}
echo \"v$version $channel\"
```
```prompt {id=notes}
Write about {{version}}
```
";

fn json(output: Output) -> Value {
    serde_json::from_str(&output.ok()).unwrap()
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

fn with_kit() -> World {
    let world = World::new();
    world.write("kit/commands/kit.md", KIT);
    world.run(&["source", "add", "./kit", "--name", "kit"]).ok();
    world
}

#[test]
fn ls_as_json_is_the_contract() {
    let world = with_kit();
    let listed = json(world.run(&["commands", "ls", "--source", "kit", "--json"]));
    assert_eq!(keys(&listed), ["commands", "next"]);
    assert_eq!(listed["next"], Value::Null);
    let mut command = listed["commands"][0].clone();
    assert!(command["origin"]["repo"].take().as_str().unwrap().ends_with("/work/kit"));
    insta::assert_snapshot!(serde_json::to_string_pretty(&command).unwrap());
}

#[test]
fn every_bundled_command_has_every_field_of_the_contract() {
    let world = World::new();
    let listed = json(world.run(&["commands", "ls", "--json"]));
    let contract = [
        "name",
        "source",
        "dialect",
        "summary",
        "category",
        "aliases",
        "effects",
        "tool",
        "params",
        "steps",
        "triggers",
        "runnable",
        "trust",
        "origin",
        "diagnostics",
    ];
    let params = ["name", "kind", "type", "short", "required", "default", "choices", "help", "secret"];
    for command in listed["commands"].as_array().unwrap() {
        assert_eq!(keys(command), contract);
        assert_eq!(keys(&command["origin"]), ["repo", "commit", "path", "blob", "lines"]);
        assert_eq!(command["trust"], "trusted");
        command["params"].as_array().unwrap().iter().for_each(|p| assert_eq!(keys(p), params));
        command["steps"].as_array().unwrap().iter().for_each(|s| assert_eq!(keys(s), ["id", "kind", "lang", "tools"]));
        assert_eq!(command["origin"]["lines"].as_array().unwrap().len(), 2);
    }
}

#[test]
fn pages_go_on_where_the_last_one_ended() {
    let world = World::new();
    let whole = json(world.run(&["commands", "ls", "--json"]));
    let names = |page: &Value| {
        let list = page["commands"].as_array().unwrap().iter();
        list.map(|c| c["name"].as_str().unwrap().to_string()).collect::<Vec<_>>()
    };
    let (mut paged, mut cursor) = (Vec::new(), None::<String>);
    for _ in 0..100 {
        let mut words = vec!["commands", "ls", "--json", "--limit", "7"];
        words.extend(cursor.iter().flat_map(|c| ["--after", c]));
        let page = json(world.run(&words));
        assert!(names(&page).len() <= 7);
        paged.extend(names(&page));
        cursor = page["next"].as_str().map(String::from);
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(paged, names(&whole));
    assert!(paged.len() > 14);
    assert_eq!(world.run(&["commands", "ls", "--after", "nonsense", "--json"]).code, 2);
}

#[test]
fn lists_are_narrowed_by_name_source_dialect_and_category() {
    let world = with_kit();
    let names = |words: &[&str]| {
        let listed = json(world.run(&[&["commands", "ls", "--json"], words].concat()));
        let list = listed["commands"].as_array().unwrap().iter();
        list.map(|c| c["name"].as_str().unwrap().to_string()).collect::<Vec<_>>()
    };
    assert_eq!(names(&["rel"]), ["release"]);
    assert_eq!(names(&["--source", "kit"]), ["release"]);
    assert_eq!(names(&["--category", "Releasing"]), ["release"]);
    assert_eq!(names(&["--dialect", "mask"]), [""; 0]);
    assert!(names(&["git "]).iter().all(|n| n.starts_with("git ")));
    assert!(world.run(&["commands", "ls", "--source", "kitt"]).failed(3).contains("kit"));
    let out = world.run(&["commands", "ls", "zzz"]);
    assert_eq!((out.stdout.as_str(), out.stderr.as_str(), out.code), ("", "no commands match\n", 0));
}

#[test]
fn show_has_all_there_is_to_know() {
    let world = with_kit();
    let shown = json(world.run(&["commands", "show", "kit:release", "--json"]));
    let command = &shown["command"];
    assert_eq!(command["trust"], "untrusted");
    assert_eq!(command["steps"][0]["text"], "echo \"v$version $channel\"\n");
    assert!(command["text"].as_str().unwrap().starts_with("### `/release <version>"));
    assert!(command["digest"].as_str().unwrap().len() >= 40);
    assert_eq!(world.run(&["commands", "show", "--raw", "rel"]).ok(), command["text"].as_str().unwrap());
    assert!(world.run(&["commands", "show", "releese"]).failed(3).contains("did you mean `release`"));
}

#[test]
fn check_names_the_place_and_ends_with_6() {
    let world = World::new();
    world.write("good.md", KIT);
    assert_eq!(world.run(&["commands", "check", "good.md"]).failed(0), "1 command, 0 errors, 0 warnings\n");
    let bad = KIT.replace("`/release <version>", "`/release <PATH>").replace("bash {id=tag}", "bash {stdin=nowhere}");
    world.write("sub/commands/bad.md", &bad);
    let out = world.run(&["commands", "check", "sub"]);
    assert_eq!(out.code, 6, "{out:?}");
    insta::assert_snapshot!(format!("{}---\n{}", out.stdout, out.stderr));
    let value: Value = serde_json::from_str(&world.run(&["commands", "check", "sub", "--json"]).stdout).unwrap();
    assert_eq!(keys(&value["check"]), ["commands", "errors", "warnings", "diagnostics"]);
    assert_eq!(keys(&value["check"]["diagnostics"][0]), ["path", "line", "column", "severity", "message"]);
    let said = world.run(&["commands", "check", "gone.md"]).failed(3);
    assert!(said.contains("gone.md"), "{said}");
    world.write("notes.txt", "no definition");
    assert_eq!(world.run(&["commands", "check", "notes.txt"]).code, 6);
    // Everything that is bundled is sound, even strictly.
    let out = world.run(&["commands", "check", "--strict"]);
    assert_eq!(out.code, 0, "{out:?}");
}

#[test]
fn new_by_flags_writes_what_can_be_run_at_once() {
    let world = World::new();
    let words = ["commands", "new", "greet <who> [--loud]", "-d", "Say hello", "--script", "echo \"hello $who\""];
    let out = world.run(&words);
    assert_eq!(out.stderr, "run it with `fac greet <who> [--loud]`\n");
    let file = world.fac().join("config/commands/greet.md");
    assert_eq!(out.stdout, format!("{}\n", file.display()));
    let text = "---\nfactotum: 1\n---\n# `/greet <who> [--loud]`\n\n**Description:** Say hello\n\n```sh\necho \"hello $who\"\n```\n";
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
    assert_eq!(world.run(&["greet", "Ada"]).ok(), "hello Ada\n");
    // A second one of the name does not overwrite the first.
    world.run(&words).ok();
    assert!(world.fac().join("config/commands/greet-2.md").is_file());
    // The script may come from stdin and hold fences of its own.
    let script = "cat <<'E'\n```\nfenced\n```\nE\n";
    world.run_with(&["commands", "new", "fenced", "--script", "-"], script).ok();
    assert_eq!(world.run(&["fenced"]).ok(), "```\nfenced\n```\n");
    world.run(&["commands", "new", "here", "--project", "--script", "true"]).ok();
    assert!(world.path(".factotum/commands/here.md").is_file());
    assert!(world.run(&["commands", "new"]).failed(2).contains("the signature is missing"));
    assert_eq!(world.run(&["commands", "new", "bad <PATH>", "--script", "true"]).code, 2);
}

#[test]
fn new_is_a_dialogue_on_a_terminal() {
    let world = World::new();
    let mut seat = Seat::fac(&world, &["commands", "new"], 100, 30);
    seat.expect("Signature").press("hail <who>\r");
    seat.expect("What does it do").press("Say hail\r");
    seat.expect("Language").press("\r");
    seat.expect("Script (one line").press("echo hail $who\r");
    seat.expect("run it with `fac hail <who>`");
    assert_eq!(seat.end().0, 0);
    assert_eq!(world.run(&["hail", "Ada"]).ok(), "hail Ada\n");
}

#[test]
fn edit_opens_the_file_in_the_editor_and_checks_it_afterwards() {
    let mut world = World::new();
    world.run(&["commands", "new", "greet", "--script", "echo hello"]).ok();
    let editor = world.write("bin/ed it", "#!/bin/sh\nsed -i \"s/hello/$1/\" \"$2\"\n");
    std::fs::set_permissions(&editor, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    world.set("EDITOR", &format!("'{}' 'good day'", editor.display()));
    world.run(&["commands", "edit", "greet"]).ok();
    assert_eq!(world.run(&["greet"]).ok(), "good day\n");
    let breaker = world.write("bin/break", "#!/bin/sh\nprintf '%s\\n' '```sh {stdin=nowhere}' x '```' >> \"$1\"\n");
    std::fs::set_permissions(&breaker, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    world.set("EDITOR", breaker.to_str().unwrap());
    let out = world.run(&["commands", "edit", "greet"]);
    assert!(out.stderr.contains("warning: greet.md:"), "{out:?}");
    world.set("EDITOR", "false");
    assert!(world.run(&["commands", "edit", "greet"]).failed(1).contains("the editor `false` failed"));
    world.set("EDITOR", "no-such-editor");
    assert!(world.run(&["commands", "edit", "greet"]).failed(5).contains("`no-such-editor`"));
    let said = world.run(&["commands", "edit", "calc"]).failed(4);
    assert!(said.contains("fac commands export 'bundled:calc' --to native"), "{said}");
}

#[test]
fn export_writes_every_dialect_and_says_what_is_lost() {
    let world = with_kit();
    world.run(&["commands", "new", "greet <who>", "-d", "Say hello", "--script", "echo $who"]).ok();
    let prompt = world.fac().join("config/commands/ask.md");
    std::fs::write(prompt, "---\nfactotum: 1\n---\n# `/ask`\n```prompt\nSay it\n```\n").unwrap();
    for (dialect, name) in
        [("mask", "greet"), ("claude", "ask"), ("fabric", "ask"), ("tldr", "greet"), ("native", "release")]
    {
        let out = world.run(&["commands", "export", name, "--to", dialect]);
        assert_eq!(out.code, 0, "{dialect}: {out:?}");
        assert!(!out.stdout.is_empty(), "{dialect}");
        let value = json(world.run(&["commands", "export", name, "--to", dialect, "--json"]));
        assert_eq!(keys(&value["export"]), ["to", "text", "lost"]);
        assert_eq!(value["export"]["text"], out.stdout.as_str());
        let lost = value["export"]["lost"].as_array().unwrap().len();
        assert_eq!(out.stderr.matches("warning: lost: ").count(), lost, "{out:?}");
    }
    let native = world.run(&["commands", "export", "release", "--to", "native"]).ok();
    world.write("copy.md", &native);
    assert_eq!(world.run(&["commands", "check", "copy.md"]).code, 0);
}

#[test]
fn an_entry_without_a_body_can_be_bound() {
    let world = World::new();
    let entries = "---\nfactotum: 1\n---\n# Menu\n## Things\n### `/brew <kind>`\n**Description:** Make tea\n";
    std::fs::create_dir_all(world.fac().join("config/commands")).unwrap();
    std::fs::write(world.fac().join("config/commands/menu.md"), entries).unwrap();
    let said = world.run(&["brew", "green"]);
    assert!(said.stderr.contains("fac commands bind 'brew'"), "{said:?}");
    world.run(&["commands", "bind", "brew", "--shell", "echo brewing $kind"]).ok();
    assert_eq!(world.run(&["brew", "green"]).ok(), "brewing green\n");
    world.run(&["commands", "new", "tea", "--script", "echo tea"]).ok();
    world.run(&["commands", "bind", "brew", "--to", "tea"]).ok();
    assert_eq!(world.run(&["brew", "green"]).ok(), "tea\n");
    world.run(&["commands", "bind", "brew", "--prompt", "Tell me of {{kind}} tea"]).ok();
    assert!(world.run(&["brew", "green", "--dry-run"]).ok().contains("Tell me of green tea"));
    assert!(world.run(&["commands", "bind", "brew", "--to", "nosuch"]).failed(3).contains("nosuch"));
    world.run(&["commands", "bind", "brew", "--remove"]).ok();
    assert!(world.run(&["brew", "green"]).stderr.contains("commands bind"));
    assert!(world.run(&["commands", "bind", "tea", "--shell", "x"]).failed(2).contains("has a body of its own"));
    assert!(world.run(&["commands", "bind", "brew"]).failed(2).contains("--to COMMAND"));
}
