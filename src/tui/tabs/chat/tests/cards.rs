//! Tools that ask for permission.

use std::sync::mpsc::sync_channel;

use super::*;
use crate::chat::policy::{Question, Verdict};
use crate::tui::happening::ReplyTo;

#[test]
fn a_tool_is_allowed_by_a_card_and_by_nothing_else() {
    for (keys, verdict) in [
        ("y", Verdict::Once),
        ("s", Verdict::Session),
        ("n", Verdict::No(None)),
        ("enter", Verdict::No(None)),
        ("esc", Verdict::No(None)),
    ] {
        let mut stage = open(LARGE);
        stage.types("go").keys("enter");
        let ask = turn(&mut stage);
        let (sender, answer) = sync_channel(1);
        let question = Question {
            tool: "git_recent".into(),
            origin: "command git:recent".into(),
            read_only: true,
            preview: "git log -n 3\n\x1b[31m".into(),
        };
        step(&mut stage, &ask.lane, Step::Asks(question, ReplyTo(sender)));
        if keys == "y" {
            insta::assert_snapshot!("the_card_of_a_tool", stage.text());
        }
        stage.keys(keys);
        assert_eq!(answer.try_recv(), Ok(verdict), "{keys}");
    }
}

#[test]
fn a_yes_that_was_typed_for_something_else_is_none() {
    let mut stage = Stage::careful(Box::new(Chat::default()), LARGE, 50_000_000);
    stage.types("go").keys("enter");
    let ask = turn(&mut stage);
    let (sender, answer) = sync_channel(1);
    let question = Question { tool: "t".into(), origin: "mcp a/b".into(), read_only: false, preview: "rm x".into() };
    step(&mut stage, &ask.lane, Step::Asks(question, ReplyTo(sender)));
    stage.types("yes").keys("enter").click(14, 12);
    stage.seen().types("n y");
    assert!(answer.try_recv().is_err());
    let text = stage.text();
    assert!(text.contains("Allow it?") && text.contains("press it again"), "{text}");
    stage.keys("esc");
    assert_eq!(answer.try_recv(), Ok(Verdict::No(None)));
}

#[test]
fn cards_wait_for_each_other_and_say_where_they_belong() {
    let mut stage = open(LARGE);
    stage.types("one").keys("enter");
    let first = turn(&mut stage);
    stage.keys("ctrl-n").types("two").keys("enter");
    let second = turn(&mut stage);
    let ask_for = |what: &str| Question {
        tool: "t".into(),
        origin: what.into(),
        read_only: false,
        preview: format!("run {what}"),
    };
    let (one, one_said) = sync_channel(1);
    let (two, two_said) = sync_channel(1);
    step(&mut stage, &first.lane, Step::Asks(ask_for("alpha"), ReplyTo(one)));
    step(&mut stage, &second.lane, Step::Asks(ask_for("beta"), ReplyTo(two)));
    let text = stage.text();
    assert!(text.contains("In the chat `Monads and commits`:") && text.contains("run alpha"), "{text}");
    assert!(!text.contains("run beta"), "{text}");
    stage.keys("y");
    assert_eq!((one_said.try_recv(), two_said.try_recv().is_err()), (Ok(Verdict::Once), true));
    assert!(stage.text().contains("run beta"), "{}", stage.text());
    stage.keys("esc");
    assert_eq!(two_said.try_recv(), Ok(Verdict::No(None)));
}

#[test]
fn a_no_says_why_and_a_long_question_is_read_to_its_end() {
    let mut stage = open(SMALL);
    stage.types("go").keys("enter");
    let ask = turn(&mut stage);
    let (sender, answer) = sync_channel(1);
    let preview = (1..60).map(|n| format!("line {n}\n")).collect();
    let question = Question { tool: "t".into(), origin: "mcp a/b".into(), read_only: true, preview };
    step(&mut stage, &ask.lane, Step::Asks(question, ReplyTo(sender)));
    insta::assert_snapshot!("a_long_question", stage.text());
    stage.keys("y s");
    assert!(answer.try_recv().is_err() && stage.text().contains("not on the screen yet"), "{}", stage.text());
    stage.keys("t").types("read the manual");
    insta::assert_snapshot!("a_no_that_says_why", stage.text());
    stage.keys("esc");
    assert!(stage.text().contains("Allow it?"), "{}", stage.text());
    stage.keys("t").types("read the manual").keys("enter");
    assert_eq!(answer.try_recv(), Ok(Verdict::No(Some("read the manual".into()))));
}
