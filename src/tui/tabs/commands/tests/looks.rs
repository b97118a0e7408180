//! What the tab looks like in every state.

use super::*;
use crate::tui::stage::{State, every_state, fault, silent_keys};

fn stage_of(state: State, size: (u16, u16)) -> Stage {
    let mut stage = Stage::with(Box::new(Commands::default()), size);
    match state {
        State::Busy => {}
        State::Empty => answer(&mut stage, Answer::Listed(Ok(Listing::default()))),
        State::Fails => answer(&mut stage, Answer::Listed(Err(fault()))),
        State::Says(words) => {
            answer(&mut stage, Answer::Listed(Ok(says(words))));
            stage.keys("j j");
            let mut command = command("release", RELEASE);
            command.summary = words.into();
            command.text = format!("### `/release`\n{words}\n\n> {words}\n\n- {words}\n\n```sh\necho {words}\n```\n");
            command.params.iter_mut().for_each(|param| param.help = words.into());
            answer(&mut stage, Answer::Shown(id(1), Ok(Box::new(shown(1, command, 0, Trust::Changed)))));
        }
    }
    stage
}

fn says(words: &str) -> Listing {
    let mut listing = listing();
    listing.sources[0].error = Some(words.into());
    listing.sources[1].name = words.into();
    let of = |at: i64| {
        let trust = [Trust::Trusted, Trust::Untrusted, Trust::Changed][usize::try_from(at).unwrap() % 3];
        listed(at, usize::from(at > 20), words, Some(words), words, trust)
    };
    listing.commands = (1..=40).map(of).collect();
    listing
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
