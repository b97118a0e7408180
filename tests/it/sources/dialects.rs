//! Real repositories of every dialect, served by the stand-in: each is added, listed, shown and dry-run.

use std::collections::BTreeMap;

use super::*;
use crate::support::corpora;

/// Adds one corpus; gives the commands it lists.
#[track_caller]
fn add(lab: &Lab, corpora: &Path, folder: &str, name: &str, dialect: Option<&str>) -> Vec<Value> {
    let full = format!("corpora/{name}");
    let repo = lab.hub().repo(&full);
    // Some of these files are no UTF-8 names or too odd for a checkout; the stand-in serves them as they are.
    repo.commit_changes("main", &crate::support::github::repo::folder_changes(&corpora.join(folder)), "Import");
    let spec = format!("github:{full}");
    let mut args = vec!["source", "add", &spec];
    if let Some(dialect) = dialect {
        args.extend(["--as", dialect]);
    }
    lab.run(&args).ok();
    lab.json(&["commands", "ls", "--source", name])["commands"].as_array().unwrap().clone()
}

/// Shows and dry-runs `at_most` of the commands, spread over all of them.
#[track_caller]
fn show_and_plan(lab: &Lab, commands: &[Value], at_most: usize) -> (usize, usize) {
    let (mut shown, mut planned) = (0, 0);
    for command in commands.iter().step_by(commands.len().div_ceil(at_most).max(1)) {
        let key = format!("{}:{}", command["source"].as_str().unwrap(), command["name"].as_str().unwrap());
        assert_eq!(command["trust"], "untrusted", "{key}");
        let text = lab.run(&["commands", "show", &key]).ok();
        assert!(!text.contains('\u{1b}'), "{key}: {text:?}");
        shown += 1;
        if command["runnable"] == true {
            let broken = command["diagnostics"].as_array().unwrap().iter().any(|d| d["severity"] == "error");
            let out = lab.run(&["run", &key, "--dry-run", "--json"]);
            // A placeholder in a place where no quoting holds is refused, and that is right.
            let refused = out.code == 4 && out.stdout.contains("cannot be filled safely");
            assert!(out.code == 0 || broken || refused, "{key}: {out:?}");
            planned += usize::from(out.code == 0);
        }
    }
    (shown, planned)
}

/// Folder below the corpora, name of the source, dialect asked for, dialect expected, at least so many commands.
type Row = (&'static str, &'static str, Option<&'static str>, &'static str, usize);

const ROWS: [Row; 11] = [
    ("mask/jacobdeichert+mask", "mask", None, "mask", 5),
    ("xc/joerdav+xc", "xc", None, "xc", 5),
    ("runme/runmedev+runme", "runme", None, "runme", 60),
    ("tldr/tldr-pages+tldr", "tldr", None, "tldr", 3000),
    ("navi/denisidoro+cheats", "navi", None, "navi", 200),
    ("fabric/danielmiessler+fabric", "fabric", None, "fabric", 150),
    ("claude-commands/wshobson+commands", "claude", Some("claude"), "claude", 40),
    ("skills/anthropics+skills", "skills", None, "skill", 5),
    ("copilot-prompts/github+awesome-copilot", "copilot", None, "copilot", 70),
    ("aichat-roles/sigoden+aichat", "aichat", Some("aichat"), "aichat", 5),
    ("jaegis/usemanusai+JAEGIS", "jaegis", None, "jaegis", 100),
];

#[test]
fn real_repositories_of_every_dialect_are_listed_shown_and_planned() {
    let Some(corpora) = corpora() else { return };
    let lab = Lab::new();
    for (folder, name, asked, dialect, least) in ROWS {
        let commands = add(&lab, &corpora, folder, name, asked);
        let mut dialects: BTreeMap<&str, usize> = BTreeMap::new();
        for command in &commands {
            *dialects.entry(command["dialect"].as_str().unwrap()).or_default() += 1;
        }
        let (shown, planned) = show_and_plan(&lab, &commands, 6);
        println!("{name}: {dialects:?}, {shown} shown, {planned} planned");
        assert!(dialects.get(dialect).is_some_and(|n| *n >= least), "{name}: {dialects:?}");
        assert!(planned > 0 || dialect == "jaegis", "{name}: nothing could be planned");
    }
    // All of them side by side, and still in order.
    let list = lab.json(&["source", "ls"]);
    assert_eq!(list["sources"].as_array().unwrap().len(), ROWS.len() + 1);
    assert_eq!(lab.json(&["source", "update"])["failed"], 0);
}

#[test]
fn a_real_task_file_runs_once_it_is_trusted() {
    let Some(corpora) = corpora() else { return };
    let lab = Lab::new();
    let commands = add(&lab, &corpora, "mask/_edge-cases-with-oracle", "edge", Some("mask"));
    assert!(!commands.is_empty());
    lab.run(&["source", "trust", "edge", "--yes"]).ok();
    assert_eq!(lab.source("edge")["trust"], "trusted");
    let repo = lab.hub().repo("ada/mask");
    repo.commit(
        &[(
            "maskfile.md",
            "# Tasks\n\n## greet (name)\n> Greets\n\n~~~sh\necho \"hello $name from ${MASKFILE_DIR##*/}\"\n~~~\n",
        )],
        "First",
    );
    lab.run(&["source", "add", "github:ada/mask"]).ok();
    lab.run(&["source", "trust", "mask", "--yes"]).ok();
    let commit = repo.resolve("HEAD").unwrap();
    assert_eq!(lab.run(&["greet", "x'; touch PWNED; #"]).ok(), format!("hello x'; touch PWNED; # from {commit}\n"));
    assert!(!lab.world.path("PWNED").exists());
}
