//! commands/git.md

use super::{World, run};

/// Three commits by two people on fixed days, a merged branch and one that is not.
fn repository() -> World {
    let world = World::new();
    world.sh(r#"git init -q .
        commit() {
            export GIT_AUTHOR_DATE="2024-03-0$1T10:00:00+00:00" GIT_COMMITTER_DATE="2024-03-0$1T10:00:00+00:00"
            git add -A; git commit -q -m "$2"
        }
        printf 'one\ntwo\n' > a.txt; commit 1 "Begin"
        git branch merged
        git checkout -q -b open; printf 'open\n' > b.txt; commit 2 "Open ends"
        git checkout -q main; printf 'one\ntwo\nthree\n' > a.txt; head -c 5000 /dev/zero > big.bin
        git config user.name Bob; git config user.email bob@example.org
        commit 3 "Add three""#);
    world
}

#[test]
fn git_recent() {
    let shown = run(&repository(), &["git", "recent", "2"]).ok();
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(
        lines,
        [
            "* 2024-03-03  main                         Add three",
            "  2024-03-02  open                         Open ends"
        ]
    );
}

#[test]
fn git_undo() {
    let world = repository();
    let before = world.sh("git rev-parse HEAD");
    assert!(run(&world, &["git", "undo", "--dry-run"]).ok().starts_with("would undo "));
    assert_eq!(world.sh("git rev-parse HEAD"), before);
    let said = run(&world, &["git", "undo"]).ok();
    assert_eq!(world.sh("git log -1 --format=%s"), "Begin\n");
    assert_eq!(world.sh("git diff --cached --name-only"), "a.txt\nbig.bin\n");
    let back = said.lines().last().unwrap().strip_prefix("back again: ").unwrap();
    world.sh(back);
    assert_eq!((world.sh("git rev-parse HEAD"), world.sh("git status --short")), (before, String::new()));

    let empty = World::new();
    empty.sh("git init -q . && touch a && git add a && git commit -q -m first");
    run(&empty, &["git", "undo"]).ok();
    assert_eq!(empty.sh("git status --short"), "A  a\n");
    assert_eq!(run(&empty, &["git", "undo"]).failed(1), "there is no commit to undo\n");
}

#[test]
fn git_wip() {
    let world = repository();
    world.write("new file", "x");
    world.write("a.txt", "changed\n");
    world.write(".git/hooks/pre-commit", "#!/bin/sh\nexit 1\n");
    world.sh("chmod +x .git/hooks/pre-commit");
    assert!(run(&world, &["git", "wip", "half", "done"]).ok().contains("wip: half done\n"));
    assert_eq!(world.sh("git status --short"), "");
    assert_eq!(run(&world, &["git", "wip"]).ok(), "nothing to save\n");
}

#[test]
fn git_unwip() {
    let world = repository();
    assert!(run(&world, &["git", "unwip"]).failed(1).starts_with("the last commit is no work in progress: "));
    world.write("new file", "x");
    run(&world, &["git", "wip"]).ok();
    let said = run(&world, &["git", "unwip"]).ok();
    assert!(said.starts_with("taken apart: ") && said.ends_with("?? \"new file\"\n"), "{said}");
    assert_eq!(world.sh("git log -1 --format=%s"), "Add three\n");
}

#[test]
fn git_standup() {
    let world = repository();
    let said = run(&world, &["git", "standup", "9000", "--author", "ada@example.org"]).ok();
    let lines: Vec<(&str, &str)> = said.lines().map(|l| (&l[..10], l.rsplit("  ").next().unwrap())).collect();
    assert_eq!(lines, [("2024-03-02", "Open ends"), ("2024-03-01", "Begin")]);
    let nothing = run(&world, &["git", "standup", "1"]);
    assert_eq!((nothing.code, nothing.stderr.as_str()), (0, "no commits by bob@example.org in 1 days\n"));
}

#[test]
fn git_cleanup() {
    let world = repository();
    assert_eq!(run(&world, &["git", "cleanup", "--dry-run"]).ok(), "would delete merged\n");
    let commit = world.sh("git rev-parse --short merged");
    let said = run(&world, &["git", "cleanup"]).ok();
    assert_eq!(said, format!("deleted merged   back again: git branch merged {commit}"));
    assert_eq!(world.sh("git branch --format='%(refname:short)'"), "main\nopen\n");
    assert!(run(&world, &["git", "cleanup"]).ok().starts_with("nothing to clean"));
    assert!(run(&world, &["git", "cleanup", "trunk"]).failed(1).starts_with("no branch trunk here"));
}

#[test]
fn git_blame_stats() {
    let world = repository();
    let shown = run(&world, &["git", "blame-stats"]).ok();
    assert_eq!(shown, "      2   66.7%  Ada\n      1   33.3%  Bob\n");
}

#[test]
fn git_when() {
    let world = repository();
    let shown = run(&world, &["git", "when", "three"]).ok();
    assert!(shown.starts_with("2024-03-03  ") && shown.ends_with("  Bob: Add three\n"), "{shown}");
    assert_eq!(run(&world, &["git", "when", "never"]).failed(1), "no commit added or removed that text\n");
}

#[test]
fn git_churn() {
    let shown = run(&repository(), &["git", "churn", "1"]).ok();
    assert_eq!(shown, "      2 a.txt\n");
}

#[test]
fn git_big() {
    let shown = run(&repository(), &["git", "big", "2"]).ok();
    let lines: Vec<&str> = shown.lines().collect();
    assert!(lines[0].starts_with("   4.9K  ") && lines[0].ends_with("  big.bin"), "{shown}");
    assert!(lines[1].starts_with("    14B  ") && lines[1].ends_with("  a.txt"), "{shown}");
    assert_eq!(lines.len(), 2);
}
