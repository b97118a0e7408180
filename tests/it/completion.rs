//! Completion: what `fac __complete` answers, and what bash, zsh, fish and elvish make of it.

mod shells;
mod wish;

use crate::support::world::World;

const KIT: &str = "\
---
factotum: 1
---
### `/tool build <target=> [channel=stable|beta] [--fast] [files...]`
**Description:** Build it
```sh
true
```
### `/tool bundle`
**Description:** Bundle it
```sh
true
```
### `/town`
**Description:** Another
```sh
true
```
";

pub(crate) fn kit() -> World {
    let world = World::new();
    world.write("kit/commands/kit.md", KIT.replace("<target=>", "<target>"));
    world.run(&["source", "add", "./kit", "--name", "kit"]).ok();
    std::fs::remove_dir_all(world.path("kit")).ok();
    world
}

fn values(world: &World, words: &[&str]) -> Vec<String> {
    let out = world.run(&[&["__complete", "--"], words].concat()).ok();
    out.lines().map(|l| l.split('\t').next().unwrap().to_string()).collect()
}

#[test]
fn subcommands_names_and_nested_names_come_word_by_word() {
    let world = kit();
    assert_eq!(values(&world, &["to"]), ["top", "todo", "tool", "town"]);
    assert_eq!(values(&world, &["tool", ""])[..2], ["build", "bundle"]);
    assert_eq!(values(&world, &["tool", "bui"]), ["build"]);
    assert_eq!(values(&world, &["run", "tool", "bun"]), ["bundle"]);
    assert_eq!(values(&world, &["kit:to"]), ["kit:tool", "kit:town"]);
    assert_eq!(values(&world, &["kit:tool", "b"]), ["build", "bundle"]);
    assert_eq!(values(&world, &["ki"]), ["kit:"]);
    assert_eq!(values(&world, &["comm"]), ["commands"]);
    assert_eq!(values(&world, &["commands", "s"]), ["show", "search"]);
    assert_eq!(values(&world, &["commands", "show", "tool", "bui"]), ["build"]);
    assert_eq!(values(&world, &["run", "--from", "k"]), ["kit"]);
    assert_eq!(values(&world, &["source", "trust", ""]), ["bundled", "kit"]);
    assert_eq!(values(&world, &["help", "sour"]), ["source"]);
    assert_eq!(values(&world, &["help", "source", "tr"]), ["trust"]);
    let first = values(&world, &[""]);
    assert!(first.contains(&"run".into()) && first.contains(&"tool".into()) && first.contains(&"git".into()));
}

#[test]
fn a_command_s_own_flags_choices_and_files_follow_its_name() {
    let world = kit();
    assert_eq!(values(&world, &["tool", "build", "x", "--"]), ["--channel", "--fast", "--help", "--dry-run", "--json"]);
    assert_eq!(values(&world, &["tool", "build", "--channel", ""]), ["stable", "beta"]);
    assert_eq!(values(&world, &["tool", "build", "--channel=s"]), ["--channel=stable"]);
    assert_eq!(values(&world, &["tool", "build", "x", ""]), [":files"]);
    assert_eq!(values(&world, &["tool", "build", "x", "--", "-"]), [":files"], "behind -- a dash is nothing special");
    assert_eq!(values(&world, &["--color", "al"]), ["always"]);
    assert_eq!(values(&world, &["exec", "-l", "pyt"]), ["python"]);
    assert_eq!(values(&world, &["exec", "-l", "python", "--read", ""]), [":files"]);
    assert_eq!(values(&world, &["--color=al"]), ["--color=always"]);
    assert_eq!(values(&world, &["commands", "ls", "--dia"]), ["--dialect"]);
    assert_eq!(values(&world, &["config", "get", "log.l"]), ["log.level"]);
    assert_eq!(values(&world, &["commands", "check", ""]), [":files"]);
    assert_eq!(values(&world, &["text", "case", "up"]), ["upper"]);
}

#[test]
fn it_needs_no_database_and_no_settings_and_survives_a_broken_index() {
    let world = kit();
    std::fs::write(world.fac().join("data/store.db"), "garbage").unwrap();
    std::fs::create_dir_all(world.fac().join("config")).unwrap();
    std::fs::write(world.fac().join("config/config.toml"), "= broken").unwrap();
    let before = world.tree();
    assert_eq!(values(&world, &["to"]), ["top", "todo", "tool", "town"]);
    assert_eq!(world.tree(), before);
    for text in [&b"\xff\xfe"[..], b"", b"factotum-names-1 7\nx\n\t\t\t\t\n\t\ty\tz\t{\n", &[b'\t'; 5000]] {
        std::fs::write(world.fac().join("cache/names.idx"), text).unwrap();
        assert_eq!(values(&world, &["sour"]), ["source"]);
        values(&world, &["x", "", "--"]);
    }
    std::fs::remove_dir_all(world.fac()).unwrap();
    assert_eq!(values(&world, &["sour"]), ["source"]);
    assert!(!world.fac().exists());
}

#[test]
fn the_index_of_names_follows_every_change() {
    let world = World::new();
    world.run(&["commands", "ls"]).ok();
    assert_eq!(values(&world, &["newco"]), [""; 0]);
    let mask = |tasks: &[&str]| tasks.iter().map(|t| format!("## {t}\n\n~~~sh\ntrue\n~~~\n")).collect::<String>();
    world.write("kit/maskfile.md", mask(&["newcomer"]));
    world.run(&["source", "add", "./kit"]).ok();
    assert_eq!(values(&world, &["newco"]), ["newcomer"]);
    world.write("kit/maskfile.md", mask(&["newcomer", "newcoat"]));
    world.run(&["source", "update"]).ok();
    assert_eq!(values(&world, &["newco"]), ["newcoat", "newcomer"]);
    // What was changed by hand is seen with the next list.
    world.write("kit/maskfile.md", mask(&["newcoast"]));
    world.run(&["commands", "ls"]).ok();
    assert_eq!(values(&world, &["newco"]), ["newcoast"]);
    world.run(&["source", "rm", "kit"]).ok();
    assert_eq!(values(&world, &["newco"]), [""; 0]);
    world.run(&["--home", "elsewhere", "commands", "new", "newcount", "--script", "true"]).ok();
    world.run(&["--home", "elsewhere", "commands", "ls"]).ok();
    assert_eq!(values(&world, &["--home", "elsewhere", "newco"]), ["newcount"]);
}

#[test]
fn no_line_can_break_a_shell() {
    let world = World::new();
    let odd = "---\nfactotum: 1\n---\n### `/we$(touch${IFS}PWNED) [x=a'b|`|c d|$HOME|\"q]`\n**Description:** tab\there: and \u{1b}]0;x\u{7} back`tick`\n```sh\ntrue\n```\n";
    world.write("kit/commands/odd.md", odd);
    world.run(&["source", "add", "./kit"]).ok();
    for words in [&[""][..], &["we"], &["kit:"]] {
        let out = world.run(&[&["__complete", "--"], words].concat()).ok();
        for line in out.lines() {
            assert!(line.matches('\t').count() <= 1, "{line:?}");
            assert!(!line.chars().any(|c| c.is_control() && c != '\t'), "{line:?}");
        }
    }
}

#[test]
fn chats_and_models_come_from_what_is_kept_and_nobody_is_asked() {
    let server = crate::support::model::ModelServer::start();
    let world = crate::ask::world(&server);
    assert_eq!(values(&World::new(), &["sessions", "show", ""]), [""; 0]);
    world.run(&["ask", "--session", "trip to Rome", "where to eat?"]).ok();
    world.run(&["ask", "--session", "taxes", "how much?"]).ok();
    world.run(&["ask", "without a name"]).ok();
    world.run(&["models", "ls", "--refresh"]).ok();
    world.run(&["models", "alias", "mine", "my-gemini/test-model"]).ok();
    let asked = server.all_asked().len();
    assert_eq!(values(&world, &["sessions", "show", "t"]), ["taxes", "trip to Rome"]);
    assert_eq!(values(&world, &["ask", "--session", "tax"]), ["taxes"]);
    assert_eq!(values(&world, &["chat", "--session=tax"]), ["--session=taxes"]);
    assert_eq!(values(&world, &["sessions", "rm", "taxes", "tri"]), ["trip to Rome"]);
    let lines = world.run(&["__complete", "--", "sessions", "export", ""]).ok();
    assert_eq!(lines.lines().count(), 3, "{lines}");
    assert!(lines.lines().next().unwrap().ends_with("\twithout a name"), "{lines}");
    assert!(lines.contains("taxes\thow much?"), "{lines}");
    let messages = world.run(&["__complete", "--", "sessions", "branch", "taxes", ""]).ok();
    assert_eq!(messages.lines().count(), 2, "{messages}");
    assert!(messages.ends_with("\tuser: how much?\n"), "{messages}");
    assert_eq!(values(&world, &["ask", "-m", "m"])[..2], ["mine", "my-anthropic/test-model"]);
    assert_eq!(values(&world, &["compare", "-m", "mine", "-m", "my-ol"]), ["my-ollama/test-model:latest"]);
    assert_eq!(server.all_asked().len(), asked);
}
