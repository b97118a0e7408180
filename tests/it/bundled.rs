//! The bundled definitions: every file is read without a complaint, and every command has a test here that
//! runs it through the binary.

use std::collections::HashSet;
use std::path::Path;

use factotum::commands::dialect::{SourceFile, native};
use factotum::commands::model::{Command, Severity};

use crate::support::world::{Output, World};

mod data;
mod files;
mod git;
mod network;
mod notes;
mod system;
mod text;

/// The sources of the tests, to see that none is missing.
const TESTS: [&str; 7] = [
    include_str!("bundled/data.rs"),
    include_str!("bundled/files.rs"),
    include_str!("bundled/git.rs"),
    include_str!("bundled/network.rs"),
    include_str!("bundled/notes.rs"),
    include_str!("bundled/system.rs"),
    include_str!("bundled/text.rs"),
];

/// Subcommands of `fac`, which a bundled command must not hide behind.
const RESERVED: &str = "commands source run runs chat ask sessions models compare usage cache listen say voice auto mqtt ha \
    tick search kb context file exec plugin serve user key mcp backup events jobs doctor config secret completions man \
    tui init shell-init help access top demo";

/// An argument that would leave its marks if it were ever taken for code.
const HOSTILE: &str = "x'; touch PWNED; #\"$(touch PWNED)`touch PWNED`";

/// Runs a bundled command.
fn run(world: &World, words: &[&str]) -> Output {
    world.run(&[&["run"], words].concat())
}

/// Runs a bundled command with something on its standard input.
fn pipe(world: &World, words: &[&str], input: impl AsRef<[u8]>) -> Output {
    world.run_with(&[&["run"], words].concat(), input)
}

fn bundled() -> Vec<Command> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("commands");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().path()).collect();
    files.sort();
    let mut commands = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let path = file.file_name().unwrap().to_str().unwrap();
        let parsed = native::read(&SourceFile { path, text: &text });
        let of_commands = parsed.commands.iter().flat_map(|c| &c.diagnostics);
        let odd: Vec<_> =
            parsed.diagnostics.iter().chain(of_commands).filter(|d| d.severity > Severity::Info).collect();
        assert!(odd.is_empty(), "{path}: {odd:#?}");
        commands.extend(parsed.commands);
    }
    commands
}

#[test]
fn every_definition_is_whole() {
    let commands = bundled();
    assert!(commands.len() >= 35, "{}", commands.len());
    let mut names = HashSet::new();
    for command in &commands {
        let name = &command.name;
        assert!(command.runnable(), "{name} cannot run");
        assert!(command.category.is_some(), "{name} has no category");
        assert!((10..=100).contains(&command.summary.chars().count()), "{name}: {}", command.summary);
        assert!(!command.summary.ends_with('.') && !command.summary.contains('\n'), "{name}: {}", command.summary);
        for word in [name].into_iter().chain(&command.aliases) {
            assert!(names.insert(word.to_lowercase()), "{word} stands for two commands");
            let first = word.split(' ').next().unwrap();
            assert!(!RESERVED.split_whitespace().any(|r| r == first), "{word} hides behind a subcommand");
        }
    }
}

#[test]
fn every_command_has_a_test() {
    let missing: Vec<String> = bundled()
        .iter()
        .map(|c| format!("fn {}()", c.name.replace([' ', '-'], "_")))
        .filter(|head| !TESTS.iter().any(|source| source.contains(head)))
        .collect();
    assert!(missing.is_empty(), "no test for {missing:?}");
}

#[test]
fn nothing_in_the_callers_folder_is_imported() {
    let world = World::new();
    for module in ["json", "os", "re", "csv", "heapq", "collections", "ast"] {
        world.write(&format!("{module}.py"), "open('PWNED', 'w')\nraise SystemExit(9)\n");
    }
    for words in [vec!["json", "keys"], vec!["csv", "json"], vec!["calc", "1"], vec!["disk", "big"]] {
        pipe(&world, &words, "{}").ok();
    }
    assert!(!world.path("PWNED").exists());
}

#[test]
fn hostile_words_stay_words() {
    let world = World::new();
    world.sh("git init -q . && git commit -q --allow-empty -m first");
    for words in [
        vec!["git", "wip", HOSTILE],
        vec!["git", "when", HOSTILE],
        vec!["git", "standup", "--author", HOSTILE],
        vec!["git", "cleanup", HOSTILE],
        vec!["git", "blame-stats", HOSTILE],
        vec!["disk", "usage", HOSTILE],
        vec!["net", "dns", HOSTILE],
        vec!["note", "add", HOSTILE],
        vec!["note", "find", HOSTILE],
        vec!["todo", "add", HOSTILE],
        vec!["text", "case", "upper", HOSTILE],
        vec!["text", "slug", HOSTILE],
        vec!["files", "backup", HOSTILE],
        vec!["files", "hash", HOSTILE],
        vec!["files", "rename", HOSTILE, HOSTILE, HOSTILE],
        vec!["system", "path", HOSTILE],
        vec!["system", "env", HOSTILE],
        vec!["dev", "todos", HOSTILE],
        vec!["dev", "retry", "--", "true", HOSTILE],
        vec!["calc", HOSTILE],
        vec!["calc", "__import__('os').system('touch PWNED')"],
        vec!["encode", "url", HOSTILE],
        vec!["time", "until", HOSTILE],
        vec!["color", HOSTILE],
    ] {
        run(&world, &words);
        assert!(!world.path("PWNED").exists(), "{words:?}");
    }
    assert!(world.sh("find \"$HOME\" -name PWNED").is_empty());
}
