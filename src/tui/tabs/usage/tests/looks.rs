//! What the tab looks like in every state.

use super::*;
use crate::tui::stage::{State, every_state, fault, silent_keys};

fn stage_of(state: State, size: (u16, u16)) -> Stage {
    let mut stage = stage(size);
    let found = match state {
        State::Busy => return stage,
        State::Empty => Ok(Box::default()),
        State::Fails => Err(fault()),
        State::Says(words) => {
            let mut sums = sums();
            sums.rows.iter_mut().for_each(|row| row.name = words.to_string());
            sums.rows = sums.rows.iter().cycle().take(40).cloned().collect();
            Ok(Box::new(sums))
        }
    };
    stage.answer(AnyAnswer::Usage(Answer(found)));
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
