//! What the tab looks like in every state, and that no key of it is silent.

use super::*;
use crate::tui::stage::{State, every_state, silent_keys};

fn stage_of(state: State, size: (u16, u16)) -> Stage {
    let mut stage = Stage::with(Box::new(Automations::default()), size);
    let found = match state {
        State::Busy => return stage,
        State::Empty => Ok(Listed::default()),
        State::Fails => Err(fault()),
        State::Says(words) => {
            let standing = [Standing::On, Standing::Off, Standing::Not(words.into())];
            let rows = (0..40).map(|at| row(words, standing[at % 3].clone(), &[words, words], Some(1), Some(-1)));
            Ok(Listed { rows: rows.collect(), holder: Some(words.into()), here: false, owed: 3 })
        }
    };
    answer(&mut stage, Answer::Listed(found));
    if let State::Says(words) = state {
        let firings = (0..40).map(|at| Firing { what: words.into(), ..firing(at, words, Some(words), None) });
        answer(&mut stage, Answer::Traced(format!("home:{words}"), Ok(firings.collect())));
        stage.keys("enter");
    }
    stage.take();
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
