//! What the tab looks like whatever plugins call themselves and say, and that no key of it is silent.

use super::*;
use crate::tui::stage::{LARGE, SMALL, State, every_state, fault, silent_keys};

fn stage_of(state: State, size: (u16, u16)) -> Stage {
    let mut stage = Stage::with(Box::new(Plugins::default()), size);
    let found = match state {
        State::Busy => return stage,
        State::Empty => Ok(Vec::new()),
        State::Fails => Err(fault()),
        State::Says(words) => {
            let states = ["on", "off", "changed", "failed", "broken"];
            let row = |at: usize| Row {
                summary: words.into(),
                wants: vec![words.into()],
                error: Some(words.into()),
                lines: vec![said(1, "error", words)],
                ..row(words, states[at % 5], words)
            };
            Ok((0..40).map(row).collect())
        }
    };
    answer(&mut stage, Answer::Listed(found));
    stage.take();
    stage
}

#[test]
fn whatever_they_say_the_frames_stay_whole() {
    for (name, text) in every_state(stage_of) {
        for (screen, (_, rows)) in text.split("\n\n").zip([LARGE, SMALL]) {
            let lines: Vec<&str> = screen.lines().collect();
            assert_eq!(lines.len(), usize::from(rows), "{name}: {screen}");
            for line in &lines[1..lines.len() - 1] {
                assert!(line.ends_with(['╮', '│', '╯', '┓', '┃', '┛']), "{name}: {line}");
            }
        }
    }
}

#[test]
fn nothing_and_a_failure_are_said() {
    assert!(stage_of(State::Empty, SMALL).text().contains("there is no plugin"));
    assert!(stage_of(State::Fails, SMALL).text().contains("the database disk image"));
}

#[test]
fn every_key_does_something_or_says_why_not() {
    assert_eq!(silent_keys(stage_of), Vec::<String>::new());
}
