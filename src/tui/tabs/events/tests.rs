//! The log's tab by values, and what it looks like.

mod looks;

use super::*;
use crate::tui::stage::{LARGE, SMALL, Stage, fact};

fn stage(size: (u16, u16)) -> Stage {
    Stage::with(Box::new(Events::default()), size)
}

fn filled(size: (u16, u16)) -> Stage {
    let mut stage = stage(size);
    let kinds = ["source.added", "run.started", "run.finished", "memory.added"];
    let facts = kinds.iter().zip(1..).map(|(kind, at)| fact(at, kind, &format!("01a1fd71-{at}")));
    stage.answer(AnyAnswer::Events(Answer::Tail(Ok(facts.collect()))));
    stage.take();
    stage
}

#[test]
fn the_newest_stands_first_and_its_details_beside_it() {
    insta::assert_snapshot!(filled(LARGE).text());
    insta::assert_snapshot!(filled(SMALL).keys("j j").text());
}

#[test]
fn nothing_and_a_failure_are_said() {
    let mut stage = stage(SMALL);
    assert_eq!(stage.take(), [Effect::Work("tail".into(), AnyRequest::Events(Request::Tail("*".into(), PAGE)))]);
    stage.answer(AnyAnswer::Events(Answer::Tail(Ok(Vec::new()))));
    assert!(stage.text().contains("nothing happened yet"), "{}", stage.text());
    let fault = Fault { said: "the store is broken".into(), hint: Some("fac doctor".into()) };
    stage.answer(AnyAnswer::Events(Answer::Tail(Err(fault))));
    assert!(stage.text().contains("the store is broken (fac doctor)"), "{}", stage.text());
}

#[test]
fn a_filter_is_typed_and_asked_for() {
    let mut stage = filled(SMALL);
    stage.keys("f").types("run.*").keys("enter");
    assert_eq!(stage.take(), [Effect::Work("tail".into(), AnyRequest::Events(Request::Tail("run.*".into(), PAGE)))]);
    stage.keys("tab esc");
    assert_eq!(stage.take(), [], "the first step leads out of the details");
    stage.keys("esc");
    assert_eq!(stage.take(), [Effect::Work("tail".into(), AnyRequest::Events(Request::Tail("*".into(), PAGE)))]);
}

#[test]
fn the_cursor_stays_on_its_fact_when_newer_ones_come() {
    let mut stage = filled(SMALL);
    stage.keys("j");
    let facts = (1..=5).map(|at| fact(at, if at == 3 { "run.finished" } else { "x.y" }, "s")).collect();
    stage.answer(AnyAnswer::Events(Answer::Tail(Ok(facts))));
    let text = stage.text();
    let chosen = text.lines().find(|l| l.contains('▌')).unwrap();
    assert!(chosen.contains("run.finished"), "{text}");
}

#[test]
fn words_narrow_the_list_down_and_escape_opens_it_again() {
    let mut stage = filled(SMALL);
    stage.keys("/").types("RUN fin");
    assert!(stage.text().contains("1 of 4") && stage.text().contains("/RUN fin"), "{}", stage.text());
    stage.keys("enter");
    assert!(!stage.text().contains("source.added"), "{}", stage.text());
    stage.keys("esc");
    assert_eq!((stage.text().contains("source.added"), stage.take()), (true, Vec::new()));
    stage.keys("/").types("nowhere");
    assert!(stage.text().contains("nothing that was read holds this"), "{}", stage.text());
    stage.keys("esc o");
    assert!(stage.text().contains("there is nothing older"), "{}", stage.text());
    assert_eq!(stage.take(), []);
}

#[test]
fn a_message_leads_to_its_place_in_its_chat() {
    let mut stage = stage(SMALL);
    let added = Recorded { payload: Some(serde_json::json!({"session": "s1"})), ..fact(1, "message.added", "m1") };
    let ended = fact(2, "message.ended", "m1");
    stage.answer(AnyAnswer::Events(Answer::Tail(Ok(vec![added, ended]))));
    stage.take();
    stage.keys("enter");
    assert_eq!(stage.take(), [Effect::Tell(TabId::Chat, Tell::Session("s1".into(), Some("m1".into())))]);
}
