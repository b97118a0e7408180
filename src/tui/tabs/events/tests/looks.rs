//! What the tab looks like in every state.

use super::*;
use crate::tui::stage::{State, every_state, fault, silent_keys};

fn stage_of(state: State, size: (u16, u16)) -> Stage {
    let mut stage = stage(size);
    let says = |words: &str| {
        let facts = (1..=60).map(|at| {
            let kind = ["run.started", "session.begun", "memory.added", "source.updated"][at as usize % 4];
            let payload = serde_json::json!({"command": words, "note": words});
            Recorded { payload: Some(payload), ..fact(at, kind, "01a1fd71-7b") }
        });
        Ok(facts.collect())
    };
    let found = match state {
        State::Busy => return stage,
        State::Empty => Ok(Vec::new()),
        State::Fails => Err(fault()),
        State::Says(words) => says(words),
    };
    stage.answer(AnyAnswer::Events(Answer::Tail(found)));
    stage
}

#[test]
fn every_state_is_drawn() {
    for (name, text) in every_state(stage_of) {
        insta::assert_snapshot!(name, text);
    }
}

#[test]
fn every_key_does_something_or_says_why_not() {
    assert_eq!(silent_keys(stage_of), Vec::<String>::new());
}
