//! What the tab looks like in every state.

use super::*;
use crate::tui::stage::{State, every_state, fault, silent_keys};

fn stage_of(state: State, size: (u16, u16)) -> Stage {
    let mut stage = Stage::with(Box::new(Runs::default()), size);
    match state {
        State::Busy => {}
        State::Empty => drop(stage.answer(listed(&[], false))),
        State::Fails => {
            let list = List { limit: PAGE, ..List::default() };
            stage.answer(AnyAnswer::Runs(Answer::Listed(list, Err(fault()))));
        }
        State::Says(words) => {
            let statuses = Status::ALL.into_iter().cycle().take(50).zip(1..);
            let rows: Vec<RunRow> = statuses.map(|(status, at)| row(60 * at, words, status)).collect();
            stage.answer(listed(&rows, true));
            let mut step = step(0, words, &format!("{words}\n").repeat(4), words);
            step.kind = "script".into();
            let run = Run { row: rows[0].clone(), steps: vec![step] };
            let record = record::of(run, None, &TimeZone::UTC, &|| true).unwrap();
            stage.answer(AnyAnswer::Runs(Answer::Read(rows[0].id, Ok(Box::new(record)))));
        }
    }
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
