//! What the tab looks like in every state.

use super::*;
use crate::tui::stage::{State, every_state, fault, silent_keys};

fn stage_of(state: State, size: (u16, u16)) -> Stage {
    let mut stage = Stage::with(Box::new(Search::default()), size);
    let words = match state {
        State::Says(words) => words,
        _ => "tar",
    };
    stage.types(words);
    let asked = asked(words.trim(), &[], PAGE);
    let found = match state {
        State::Busy => return stage,
        State::Empty => Ok(Found { hits: Vec::new(), facets: Facets::default() }),
        State::Fails => Err(fault()),
        State::Says(words) => Ok(says(words)),
    };
    stage.answer(AnyAnswer::Search(Answer::Found(asked, found)));
    if let State::Says(words) = state {
        let part = |head: &str| Part { head: head.into(), body: words.repeat(3), markdown: true, found: true };
        let preview = Preview { title: words.into(), parts: vec![part("user"), part(words)] };
        stage.answer(AnyAnswer::Search(Answer::Preview(thing(&says(words).hits[0]), Ok(preview))));
    }
    stage
}

fn says(words: &str) -> Found {
    let word = words.split(' ').next().unwrap();
    let kinds = ["message", "run", "definition", "memory"];
    let one =
        |at: usize| hit(kinds[at % 4], words, words, word, json!({"role": words, "status": "failed", "source": words}));
    let mut found = found();
    found.facets.fields.insert("source".into(), vec![(words.to_string(), 30), ("own".to_string(), 2)]);
    Found { hits: (0..40).map(one).collect(), ..found }
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
