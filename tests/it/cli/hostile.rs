//! Definitions that try to act on the terminal or the shell: nothing of them gets through, wherever they are shown.

use crate::support::pty::Seat;
use crate::support::world::{Output, World};

/// Sets the clipboard, colours, clears, turns the reading direction, begins a C1 sequence, rings and goes back.
const EVIL: &str = "A\x1b]52;c;ZXZpbA==\x07B\x1b[2J\x1b[31mC\u{202e}D\u{9b}31mE\u{9d}0;title\u{9c}F\x08\x07G\x7f";

fn acts(c: char) -> bool {
    let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    turns || (c.is_control() && c != '\n' && c != '\t')
}

#[track_caller]
fn harmless(what: &str, output: &Output) {
    for (name, text) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
        if let Some(at) = text.find(acts) {
            let around: String = text[..at].chars().rev().take(60).collect::<Vec<_>>().into_iter().rev().collect();
            panic!("{what}: {name} holds {:?} behind {around:?}", text[at..].chars().next().unwrap());
        }
    }
}

fn poisoned() -> World {
    let world = World::new();
    let native = format!(
        "---\nfactotum: 1\ndescription: {EVIL}\n---\n# Kit {EVIL}\n## Cat{EVIL}\n### `/evil-{EVIL} <who{EVIL}> [x=a{EVIL}|b]`\n**Description:** does {EVIL}\n**Odd{EVIL}:** {EVIL}\n**Options:**\n- `x`: help {EVIL}\n\n```nosuchlang{EVIL}\n{EVIL}\n```\n```sh {{id=a{EVIL} stdin=b{EVIL}}}\necho {EVIL}\n```\n### `/plain [x=a{EVIL}|b]`\n**Description:** plain {EVIL}\n```sh\necho '{EVIL}'\n```\n"
    );
    world.write("kit/commands/evil.md", &native);
    world.write(&format!("kit/commands/na{EVIL}me.md"), native.replace("/plain", "/plain2"));
    world.write("kit/maskfile.md", format!("## mask{EVIL} (a{EVIL})\n> {EVIL}\n\n~~~sh\necho {EVIL}\n~~~\n"));
    world.write("kit/sheets/x.cheat", format!("% tag{EVIL}\n# does {EVIL}\necho <a{EVIL}>\n$ a{EVIL}: echo {EVIL}\n"));
    world.write("kit/pages/common/tl.md", format!("# tl\n\n> {EVIL}\n\n- Do {EVIL}:\n\n`tl {{{{{EVIL}}}}}`\n"));
    let out = world.run(&["source", "add", "./kit", "--name", "kit"]);
    harmless("source add", &out);
    assert_eq!(out.code, 0, "{out:?}");
    world
}

#[test]
fn no_control_character_of_a_definition_reaches_the_terminal() {
    let world = poisoned();
    let listed: serde_json::Value =
        serde_json::from_str(&world.run(&["commands", "ls", "--source", "kit", "--json"]).ok()).unwrap();
    let names: Vec<String> =
        listed["commands"].as_array().unwrap().iter().map(|c| format!("kit:{}", c["name"].as_str().unwrap())).collect();
    assert!(names.len() >= 6, "{names:?}");
    let general = [
        &["commands", "ls"][..],
        &["commands", "ls", "--json"],
        &["commands", "check"],
        &["commands", "check", "--json"],
        &["commands", "check", "kit"],
        &["search", "plain"],
        &["search", "does", "--json"],
        &["source", "ls"],
        &["source", "info", "kit"],
        &["source", "info", "kit", "--json"],
        &["source", "diff", "kit"],
        &["events", "tail"],
        &["events", "tail", "--json"],
        &["doctor"],
        &["kit:evil"],
        &["__complete", "--", ""],
        &["__complete", "--", "e"],
        &["__complete", "--", "kit:"],
        &["__complete", "--bash", ":=", "fac kit:"],
        &["__complete", "--", "plain", "-"],
        &["__complete", "--", "plain", "--x", ""],
    ];
    for words in general {
        let out = world.run(words);
        harmless(&format!("{words:?}"), &out);
        assert!(!format!("{}{}", out.stdout, out.stderr).contains("panicked"), "{out:?}");
    }
    for name in &names {
        for words in [
            &["commands", "show", name][..],
            &["commands", "show", "--raw", name],
            &["commands", "show", "--json", name],
            &["commands", "export", name, "--to", "native", "--json"],
            &["run", name, "--help"],
            &["run", name, "--dry-run"],
            &["run", name, "--dry-run", "--json"],
            &["run", name, "x"],
            &["run", name, "--x", "nonsense"],
            &["help", name],
        ] {
            harmless(&format!("{words:?}"), &world.run(words));
        }
    }
    harmless("source trust", &world.run(&["source", "trust", "kit", "--yes"]));
    world
        .write("kit/commands/evil.md", format!("---\nfactotum: 1\n---\n# `/plain`\n```sh\necho changed {EVIL}\n```\n"));
    harmless("source update", &world.run(&["source", "update"]));
    harmless("source diff", &world.run(&["source", "diff", "kit"]));
    harmless("changed", &world.run(&["plain"]));
    harmless("source rm", &world.run(&["source", "rm", "kit", "--yes"]));
}

#[test]
fn a_terminal_gets_only_our_own_colours() {
    let mut world = poisoned();
    world.set("PAGER", "");
    for words in [
        &["commands", "ls"][..],
        &["commands", "show", "plain"],
        &["commands", "check"],
        &["search", "plain"],
        &["run", "plain", "--dry-run"],
        &["doctor"],
        &["events", "tail"],
        &["commands", "ls", "--json"],
    ] {
        let (_, written) = Seat::fac(&world, words, 120, 400).end();
        let mut rest = written.replace("\r\n", "\n");
        while let Some(at) = rest.find("\x1b[") {
            let end = rest[at..].find('m').map(|m| at + m + 1).expect("an SGR sequence ends");
            let inside = &rest[at + 2..end - 1];
            assert!(inside.chars().all(|c| c.is_ascii_digit() || c == ';'), "{words:?}: {inside:?}");
            rest.replace_range(at..end, "");
        }
        assert_eq!(rest.find(acts).map(|at| rest[at..].chars().next()), None, "{words:?}: {rest:?}");
    }
}

#[test]
fn json_keeps_the_text_though_nothing_of_it_acts() {
    let world = World::new();
    world.run(&["commands", "new", "raw", "-d", "a\u{9b}31m\u{202e}b", "--script", "true"]).ok();
    let out = world.run(&["commands", "ls", "raw", "--json"]).ok();
    assert!(out.contains("a\\u009b31m\\u202eb"), "{out}");
    let value: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(value["commands"][0]["summary"], "a\u{9b}31m\u{202e}b");
}
