//! What the plugins tab does and shows.

mod looks;

use super::*;
use crate::kernel::clock::Timestamp;
use crate::store::PluginLine;
use crate::tui::stage::{NOW, Stage, fact};

/// The sizes of the snapshots.
const WIDE: (u16, u16) = (100, 30);
const NARROW: (u16, u16) = (60, 20);

fn hours(n: i64) -> Timestamp {
    Timestamp::from_micros(NOW + n * 3_600_000_000)
}

fn row(name: &str, state: &'static str, from: &str) -> Row {
    Row {
        name: name.into(),
        state,
        version: "1.0.0".into(),
        from: from.into(),
        summary: "Counts the words of the chat".into(),
        wants: vec!["says something in the status line".into(), "brings commands: words".into()],
        ..Row::default()
    }
}

fn said(ago: i64, level: &str, text: &str) -> PluginLine {
    PluginLine { plugin: "tidy".into(), at: hours(-ago), level: level.into(), text: text.into() }
}

const WHY: &str = "`tidy` (prompt) failed: tidy/main.luau:3: attempt to index nil with 'name'";

fn rows() -> Vec<Row> {
    let tidy = Row {
        failures: 3,
        error: Some(WHY.into()),
        allowed: Some(hours(-30)),
        lines: vec![said(2, "info", "begun"), said(1, "error", WHY)],
        ..row("tidy", "failed", "github:kit/tidy")
    };
    let broken = Row { version: String::new(), wants: Vec::new(), ..row("lost", "broken", "yours") };
    let broken = Row { error: Some("lost/plugin.toml: unknown variant `promt`".into()), ..broken };
    vec![tidy, broken, row("mine", "changed", "yours"), row("redact", "on", "bundled"), row("words", "off", "bundled")]
}

fn answer(stage: &mut Stage, answer: Answer) {
    stage.answer(AnyAnswer::Plugins(answer));
}

fn stage(size: (u16, u16)) -> Stage {
    let mut stage = Stage::with(Box::new(Plugins::default()), size);
    assert_eq!(stage.take(), [ask("list", Request::List)]);
    answer(&mut stage, Answer::Listed(Ok(rows())));
    stage
}

fn wish() -> Wish {
    Wish {
        name: "mine".into(),
        version: "1.1".into(),
        digest: "abc".into(),
        place: "/home/ada/plugins/mine".into(),
        origin: None,
        summary: "Mine".into(),
        wants: vec!["reads and may change what you say to a model".into(), "asks these hosts: example.org".into()],
        changed: Some(("one\ntwo\n".into(), "one\nthree\n".into())),
    }
}

#[test]
fn plugins_are_drawn_with_all_that_is_known_of_the_chosen_one() {
    insta::assert_snapshot!("list_wide", stage(WIDE).text());
    insta::assert_snapshot!("list_narrow", stage(NARROW).text());
}

#[test]
fn every_state_says_what_it_means() {
    let mut stage = stage(WIDE);
    for (key, sentence) in [
        ("", "failed, and is switched off"),
        ("j", "unknown variant `promt`"),
        ("j", "changed since you allowed it"),
        ("j", "● on"),
        ("j", "nothing of it is used"),
    ] {
        stage.keys(key);
        assert!(stage.text().contains(sentence), "{sentence}: {}", stage.text());
    }
    let worn = Row { failures: 2, ..row("redact", "on", "bundled") };
    answer(&mut stage, Answer::Listed(Ok(vec![worn])));
    assert!(stage.text().contains("it failed 2 times in a row"), "{}", stage.text());
}

#[test]
fn one_is_used_only_after_what_it_wants_was_shown_and_allowed() {
    for (key, expected) in [("y", Some(Request::Allow("mine".into(), "abc".into()))), ("n", None), ("esc", None)] {
        let mut stage = stage(WIDE);
        stage.keys("j j e");
        assert_eq!(stage.take(), [ask("change", Request::Enable("mine".into()))]);
        answer(&mut stage, Answer::Asks(Box::new(wish())));
        let text = stage.text();
        for said in ["Allow mine to do this, and use it?", "asks these hosts: example.org", "- two", "+ three"] {
            assert!(text.contains(said), "{said}: {text}");
        }
        stage.keys(key);
        let effects: Vec<Effect> = expected.into_iter().map(|request| ask("change", request)).collect();
        assert_eq!(stage.take(), effects, "{key}");
        assert_eq!(stage.text().contains("`mine` was not allowed"), effects.is_empty(), "{}", stage.text());
    }
}

#[test]
fn a_yes_comes_only_after_the_end_was_seen() {
    let mut stage = stage(NARROW);
    let wants = (0..40).map(|at| format!("asks host number {at}")).collect();
    answer(&mut stage, Answer::Asks(Box::new(Wish { wants, changed: None, ..wish() })));
    stage.keys("y");
    assert_eq!(stage.take(), []);
    stage.keys("pagedown pagedown pagedown pagedown pagedown y");
    assert_eq!(stage.take(), [ask("change", Request::Allow("mine".into(), "abc".into()))]);
}

#[test]
fn a_question_that_comes_by_itself_is_answered_by_no_key_that_was_meant_for_the_list() {
    let mut stage = Stage::careful(Box::new(Plugins::default()), WIDE, 1_000_000);
    answer(&mut stage, Answer::Listed(Ok(rows())));
    stage.take();
    answer(&mut stage, Answer::Asks(Box::new(wish())));
    stage.keys("y");
    assert_eq!(stage.take(), []);
}

#[test]
fn they_are_switched_off_read_and_looked_at_again() {
    let mut stage = stage(NARROW);
    stage.keys("x l r");
    let tidy = || "tidy".to_string();
    assert_eq!(
        stage.take(),
        [ask("change", Request::Disable(tidy())), ask("log", Request::Log(tidy())), ask("list", Request::List)]
    );
    answer(&mut stage, Answer::Logged(tidy(), Ok(vec![said(1, "warn", "nearly \u{1b}[31mred")])));
    let text = stage.text();
    assert!(text.contains("The log of tidy") && text.contains("11:00 warn") && text.contains("nearly"), "{text}");
    assert!(!text.contains('\u{1b}'), "{text}");
    stage.keys("esc");
    answer(&mut stage, Answer::Done(Ok("`tidy` is disabled".into())));
    assert!(stage.text().contains("`tidy` is disabled"), "{}", stage.text());
    assert_eq!(stage.take(), [ask("list", Request::List)]);
    answer(&mut stage, Answer::Done(Err(Fault { said: WHY.repeat(2), hint: None })));
    assert!(stage.text().contains("That was not done"), "{}", stage.text());
}

#[test]
fn news_of_plugins_are_read_once_somebody_looked_and_what_they_say_themselves_is_none() {
    let mut fresh = Stage::with(Box::new(Plugins::default()), NARROW);
    fresh.take();
    fresh.news(vec![fact(1, "plugin.enabled", "tidy")]);
    assert_eq!(fresh.take(), [], "nothing was read yet");
    let mut stage = stage(NARROW);
    stage.news(vec![fact(1, "plugin.tidy.done", "tidy"), fact(2, "run.started", "x")]);
    assert_eq!(stage.take(), []);
    stage.news(vec![fact(3, "plugin.failed", "tidy")]);
    assert_eq!(stage.take(), [ask("list", Request::List)]);
}

#[test]
fn the_cursor_stays_on_its_plugin() {
    let mut stage = stage(WIDE);
    stage.keys("j j");
    let mut other = rows();
    other.insert(0, row("alpha", "off", "yours"));
    answer(&mut stage, Answer::Listed(Ok(other)));
    stage.keys("x");
    assert_eq!(stage.take(), [ask("change", Request::Disable("mine".into()))]);
}

#[test]
fn the_palette_finds_them_and_the_mouse_chooses() {
    let mut stage = stage(WIDE);
    stage.keys("ctrl-p").types("plugin");
    assert!(stage.text().contains("Go to Plugins"), "{}", stage.text());
    stage.keys("esc");
    stage.click(10, 5);
    stage.keys("x");
    assert_eq!(stage.take(), [ask("change", Request::Disable("redact".into()))]);
    // A click on the one that is chosen goes to what is known of it.
    stage.click(10, 5);
    assert!(stage.text().contains("┏ redact"), "{}", stage.text());
}
