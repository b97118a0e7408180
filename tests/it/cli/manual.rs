//! The manual and the completion scripts lie in the repository as the program prints them.

use std::collections::BTreeMap;
use std::path::Path;

use crate::support::world::World;

fn files(folder: &Path) -> BTreeMap<String, String> {
    let read = |entry: std::fs::DirEntry| {
        (entry.file_name().into_string().unwrap(), std::fs::read_to_string(entry.path()).unwrap())
    };
    std::fs::read_dir(folder).unwrap().map(|entry| read(entry.unwrap())).collect()
}

fn checked_in(folder: &str) -> BTreeMap<String, String> {
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder))
}

#[test]
fn the_manual_that_is_checked_in_is_the_one_the_program_prints() {
    let world = World::new();
    world.run(&["man", "--dir", "pages"]).ok();
    let printed = files(&world.path("pages"));
    let kept = checked_in("man");
    let names = |pages: &BTreeMap<String, String>| pages.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&kept), names(&printed), "write them again: make completions");
    for (name, text) in &printed {
        assert!(kept[name] == *text, "man/{name} is stale; write it again: make completions");
    }
    assert_eq!(printed["fac.1"], world.run(&["man"]).ok());
    assert_eq!(printed["fac-commands-ls.1"], world.run(&["man", "commands", "ls"]).ok());
    let said = world.run(&["man", "nothing"]).failed(3);
    assert!(said.contains("there is no page `fac-nothing`"), "{said}");
}

#[test]
fn the_completion_scripts_that_are_checked_in_are_the_ones_the_program_prints() {
    let world = World::new();
    let kept = checked_in("completions");
    let shells = [
        ("bash", "fac.bash"),
        ("zsh", "_fac"),
        ("fish", "fac.fish"),
        ("powershell", "_fac.ps1"),
        ("elvish", "fac.elv"),
    ];
    assert_eq!(kept.len(), shells.len());
    for (shell, file) in shells {
        assert!(kept[file] == world.run(&["completions", shell]).ok(), "completions/{file} is stale");
    }
}

#[test]
fn every_page_renders_without_a_warning() {
    let world = World::new();
    if world.which("groff").is_none() {
        println!("skipped: groff is not installed");
        return;
    }
    world.run(&["man", "--dir", "pages"]).ok();
    let said = world.sh("for page in pages/*.1; do groff -man -Tutf8 -ww \"$page\" 2>&1 >/dev/null; done");
    assert_eq!(said, "");
    let page = world.sh("groff -man -Tascii -P-cbou pages/fac.1");
    for heading in ["NAME", "SYNOPSIS", "SUBCOMMANDS", "EXAMPLES", "EXIT STATUS", "ENVIRONMENT", "FILES"] {
        assert!(page.lines().any(|l| l == heading), "{heading} in\n{page}");
    }
    assert!(page.contains("  fac help git recent                 what a command or a subcommand accepts"), "{page}");
}
