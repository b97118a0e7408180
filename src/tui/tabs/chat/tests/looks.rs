//! What the tab looks like in every state.

use super::*;
use crate::tui::stage::{State, every_state, fault, silent_keys};

fn stage_of(state: State, size: (u16, u16)) -> Stage {
    let mut stage = Stage::with(Box::new(Chat::default()), size);
    if state == State::Busy {
        stage.told(Tell::Session(id(1).to_string(), None));
        return stage;
    }
    stage.answer(AnyAnswer::Chat(knows()));
    match state {
        State::Busy | State::Empty => {
            stage.answer(AnyAnswer::Chat(Answer::List(Ok(Found { sessions: Vec::new(), next: None }), false)));
        }
        State::Fails => {
            stage.answer(AnyAnswer::Chat(Answer::List(Err(fault()), false)));
            stage.told(Tell::Session(id(1).to_string(), None));
            stage.answer(AnyAnswer::Chat(Answer::Thread(id(1), Err(fault()))));
        }
        State::Says(words) => {
            let sessions = (1..=60).map(|n| chat(n, words)).collect();
            stage.answer(AnyAnswer::Chat(Answer::List(Ok(Found { sessions, next: None }), false)));
            stage.told(Tell::Session(id(1).to_string(), None));
            stage.answer(AnyAnswer::Chat(loaded(says(words))));
            stage.types(words);
        }
    }
    stage
}

fn says(words: &str) -> Vec<Entry> {
    let question = said(11, None, "user", text(words));
    let marked = format!(
        "# {words}\n\n{words}\n\n- {words}\n\n| {words} | b |\n|---|---|\n| 1 | {words} |\n\n```sh\n{words}\n```"
    );
    let mut answer = said(12, Some(11), "assistant", text(&marked));
    answer.message.model = Some(words.to_string());
    let call = ToolCall { id: "a".into(), name: "read".into(), arguments: json!({"path": words}), signatures: vec![] };
    answer.parts.push(Part::ToolCall(call));
    answer.results =
        vec![ToolResult { id: "a".into(), name: String::new(), content: words.to_string(), is_error: true }];
    let file = Part::File { mime: "application/pdf".into(), name: words.into(), data: "A".repeat(400), url: None };
    vec![question, answer, said(13, Some(12), "user", vec![file, Part::text(words)])]
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
