use proptest::prelude::*;

use super::super::model::{Dialect, Trigger};
use super::*;
use crate::commands::dialect::SourceFile;

fn command(phrase: &str) -> Command {
    let text = format!(
        "---\nfactotum: 1\n---\n### `/c [version] [channel=stable|release-candidate] [count]`\n\
         **Options:**\n- `count` (integer): how many\n\n**On:**\n- `voice \"{phrase}\"`\n\n```sh\ntrue\n```\n"
    );
    let parsed = crate::commands::dialect::native::read(&SourceFile { path: "c.md", text: &text });
    let command = parsed.commands.into_iter().next().unwrap();
    assert_eq!(command.triggers.len(), 1, "{:?}", command.diagnostics);
    command
}

fn heard(phrases: &[&str], said: &str) -> Option<(usize, String, bool)> {
    let commands: Vec<Command> = phrases.iter().map(|phrase| command(phrase)).collect();
    let found = meant(said, commands.iter().enumerate());
    found.first().map(|first| {
        let arguments = first.arguments.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join(" ");
        (first.whose, arguments, first.certain)
    })
}

fn sure(whose: usize, arguments: &str) -> Option<(usize, String, bool)> {
    Some((whose, arguments.to_string(), true))
}

#[test]
fn words_and_slots_are_heard() {
    let all =
        ["release version {version}", "turn the lights (on|off)", "(play|start) [some] music", "wait {count} minutes"];
    for (said, wanted) in [
        ("Release version 1.2.", sure(0, "version=1.2")),
        ("release, version Blue Moon", sure(0, "version=Blue Moon")),
        ("um turn the lights on please", sure(1, "")),
        ("turn lights off", sure(1, "")),
        ("turn the light on", sure(1, "")),
        ("Start music!", sure(2, "")),
        ("play some music", sure(2, "")),
        ("wait twenty-five minutes", sure(3, "count=25")),
        ("wait one hundred and two minutes", sure(3, "count=102")),
        ("what is the weather tomorrow", None),
        ("release", None),
        ("", None),
        ("...", None),
    ] {
        assert_eq!(heard(&all, said), wanted, "{said}");
    }
}

#[test]
fn a_slot_alone_means_nothing() {
    let all = ["remind me to {version}", "put {version} on my list"];
    assert_eq!(heard(&all, "side left"), None);
    assert_eq!(heard(&all, "remind me to water the ferns"), sure(0, "version=water the ferns"));
}

#[test]
fn what_is_half_heard_is_asked_about() {
    let all = ["release version {version}", "turn the lights (on|off)"];
    // Close, and not close enough to do it unasked.
    assert_eq!(heard(&all, "turn the kites on"), Some((1, String::new(), false)));
    assert_eq!(heard(&all, "release conversion 3"), Some((0, "version=3".to_string(), false)));
    // Two commands of the same phrase: nobody knows which.
    assert_eq!(heard(&["good night", "good night"], "good night").map(|found| found.2), Some(false));
}

#[test]
fn a_choice_is_the_nearest_one() {
    let all = ["ship to {channel}"];
    assert_eq!(heard(&all, "ship to release candidate"), sure(0, "channel=release-candidate"));
    assert_eq!(heard(&all, "ship to stables"), Some((0, "channel=stable".to_string(), true)));
    assert_eq!(heard(&all, "ship to the moon").filter(|found| found.2), None);
}

#[test]
fn slots_take_as_little_as_they_can() {
    let all = ["tell {version} about {channel}"];
    assert_eq!(heard(&all, "tell my old friend about stable"), sure(0, "version=my old friend channel=stable"));
}

#[test]
fn what_is_wrong_with_a_phrase_is_said_with_its_line() {
    let said = |phrase: &str| {
        let mut command = Command::new(Dialect::Native, "c");
        let args = if phrase.is_empty() { Vec::new() } else { vec![phrase.to_string()] };
        command.triggers.push(Trigger { kind: "voice".into(), args, options: Default::default(), line: 7 });
        diagnose(&command).into_iter().map(|d| (d.line, d.message)).collect::<Vec<_>>()
    };
    assert_eq!(said("good night"), []);
    for (phrase, message) in [
        ("", "a voice trigger needs its phrase in quotes"),
        ("turn (on|off", "the phrase `turn (on|off`: a `)` is missing"),
        ("turn [on", "the phrase `turn [on`: a `]` is missing"),
        ("turn on)", "the phrase `turn on)`: a `)` stands there that closes or parts nothing"),
        ("a|b", "the phrase `a|b`: a `|` stands there that closes or parts nothing"),
        ("{x}", "the phrase `{x}`: a phrase needs words beside its slots"),
        ("go {}", "the phrase `go {}`: `{}` is no slot"),
        ("go {place}", "the phrase `go {place}` has a slot {place} and the command no parameter of that name"),
    ] {
        assert_eq!(said(phrase), [(7, message.to_string())]);
    }
    let many = "(a|b|c|d|e|f|g|h)".repeat(3);
    assert!(said(&many)[0].1.ends_with("it can be said in more than 256 ways"));
}

#[test]
fn numbers_are_words_or_figures() {
    for (said, wanted) in [
        ("7", Some("7")),
        ("21%", Some("21")),
        ("minus three point one four", Some("-3.14")),
        ("two thousand twenty six", Some("2026")),
        ("a million", None),
        ("inf", None),
        ("", None),
    ] {
        assert_eq!(number(said).as_deref(), wanted, "{said}");
    }
}

proptest! {
    #[test]
    fn nothing_that_is_written_or_heard_is_too_much(phrase in "\\PC{0,60}", said in "\\PC{0,200}") {
        if let Ok(phrase) = Phrase::parse(&phrase) {
            let (score, _) = phrase.fit(&heard_words(&said), &[]);
            prop_assert!((0.0..=1.0).contains(&score));
        }
    }

    #[test]
    fn a_phrase_is_always_heard_as_itself(words in prop::collection::vec("[a-z]{3,8}", 1..8)) {
        let text = words.join(" ");
        let (score, _) = Phrase::parse(&text).unwrap().fit(&heard_words(&text), &[]);
        prop_assert!(score > 0.999);
    }
}
