//! What the tab looks like in every state.

use super::*;
use crate::tui::stage::{State, every_state, fault, silent_keys};

fn stage_of(state: State, size: (u16, u16)) -> Stage {
    if state == State::Busy {
        return Stage::with(Box::new(Health::default()), size);
    }
    let mut stage = stage(size);
    let found = match state {
        State::Busy | State::Empty => Vec::new(),
        State::Fails => vec![finding("store", Level::Bad, &fault().said, fault().hint.as_deref())],
        State::Says(words) => {
            let levels = [Level::Note, Level::Good, Level::Bad];
            let areas = ["store", "sources", "models"];
            (0..45).map(|at| finding(areas[at / 15], levels[at % 3], words, Some(words))).collect()
        }
    };
    stage.answer(AnyAnswer::Health(Answer::Found(found, true)));
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
