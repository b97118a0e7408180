//! Whatever bytes a provider streams: no panic, an end, and the same wherever they are cut.

use factotum::providers::entry::Wire;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;

#[path = "../fuzz/wires.rs"]
mod wires;

use self::wires::{Wires, sample};

#[test]
fn the_samples_are_understood() {
    let wires = Wires::new();
    for wire in Wire::ALL {
        let whole = sample(wire).into_bytes();
        let heard = wires.hear(wire, &whole, whole.len());
        assert_eq!(heard.words, "Grüße", "{wire:?}: {heard:?}");
        let parts = heard.end.unwrap();
        let call = parts.as_array().unwrap().last().unwrap();
        assert_eq!((&call["name"], &call["arguments"]), (&json!("f"), &json!({"a": 1})), "{wire:?}: {parts}");
        // Cut at every byte nothing changes.
        for cut in 0..whole.len() {
            assert_eq!(wires.hear(wire, &whole, cut).end.as_ref(), Ok(&parts), "{wire:?} cut at {cut}");
        }
    }
}

#[test]
fn figures_beside_an_empty_choice_are_counted() {
    let world = Wires::new();
    let stream =
        sample(Wire::OpenAi).replace("\"choices\":[],\"usage\"", "\"choices\":[{\"index\":0,\"delta\":{}}],\"usage\"");
    assert_ne!(stream, sample(Wire::OpenAi));
    for body in [stream, sample(Wire::OpenAi)] {
        assert_eq!(world.hear(Wire::OpenAi, body.as_bytes(), 0).tokens, (Some(7), Some(5)), "{body}");
    }
}

#[test]
fn of_an_error_beside_bytes_that_are_no_text_the_first_that_came_whole_is_told() {
    let edits = [
        21, 0, 18, 0, 176, 15, 225, 0, 60, 130, 38, 86, 118, 44, 55, 0, 73, 47, 7, 32, 131, 125, 66, 129, 128, 45, 115,
        32,
    ];
    Wires::new().check(Wire::ALL[3], &edits, 12_064_945_120_628_571_707);
}

#[test]
fn changed_streams_end_and_mean_the_same_wherever_they_are_cut() {
    let wires = Wires::new();
    let mut runner = TestRunner::new(Config { cases: 300, failure_persistence: None, ..Config::default() });
    let edits = (0usize..5, proptest::collection::vec(any::<u8>(), 0..32), any::<usize>());
    let checked = runner.run(&edits, |(wire, edits, cut)| {
        wires.check(Wire::ALL[wire], &edits, cut);
        Ok(())
    });
    checked.unwrap();
}
