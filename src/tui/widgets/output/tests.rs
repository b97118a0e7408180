//! How an output is scrolled, searched and marked.

use crossterm::event::KeyModifiers;

use super::*;

const AREA: Rect = Rect { x: 0, y: 0, width: 12, height: 4 };

fn output(text: &str) -> Output {
    let mut output = Output::default();
    output.bytes(Stream::Stdout, text.as_bytes());
    output
}

fn seen(output: &Output) -> Vec<String> {
    let text = |row: Laid| row.shown.map(|s| s.text[row.bytes].to_string()).unwrap_or("…".into());
    output.layout(AREA).into_iter().map(text).collect()
}

fn mouse(kind: MouseEventKind, column: u16, row: u16) -> MouseEvent {
    MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }
}

#[test]
fn rows_are_scrolled_and_not_lines() {
    let mut output = output("a\n0123456789abcdefghijKLM\nb\nc\nd\ne\n");
    assert_eq!(seen(&output), ["a", "0123456789", "abcdefghij", "KLM"]);
    output.act(actions::DOWN, AREA);
    output.act(actions::DOWN, AREA);
    assert_eq!(seen(&output), ["abcdefghij", "KLM", "b", "c"]);
    output.act(actions::PAGE_DOWN, AREA);
    assert_eq!((seen(&output), output.follows), (["b", "c", "d", "e"].map(String::from).to_vec(), true));
    output.bytes(Stream::Stdout, b"f\n");
    assert_eq!(seen(&output), ["c", "d", "e", "f"], "the end is followed");
    output.act(actions::PAGE_UP, AREA);
    assert_eq!((seen(&output), output.follows), (["abcdefghij", "KLM", "b", "c"].map(String::from).to_vec(), false));
    output.toggle_wrap(AREA);
    output.act(actions::FIRST, AREA);
    output.sideways(true);
    assert_eq!(seen(&output), ["", "89abcdefghijKLM", "", ""]);
}

#[test]
fn a_million_lines_cost_no_more_than_their_bytes() {
    let mut output = Output::bounded(8 << 20);
    let line = "x".repeat(40) + "\n";
    for _ in 0..1000 {
        output.bytes(Stream::Stdout, line.repeat(1000).as_bytes());
    }
    assert_eq!(output.lines(), 1_000_000);
    assert!(output.dropped() > 700_000 && output.dropped() < 850_000, "{}", output.dropped());
    output.act(actions::LAST, AREA);
    assert_eq!(seen(&output).len(), 4);
}

#[test]
fn places_are_found_in_turn_and_those_that_came_later_too() {
    let mut output = output("one\ntwo\nONE more\nthree\nfour\nfive\n");
    let find = |output: &Output, words: &str| output.whole().find(words, &|| true).unwrap();
    let found = find(&output, "one");
    output.show_found(found, AREA);
    assert_eq!(output.found(), "1 of 2");
    output.act(actions::FIND_NEXT, AREA);
    assert_eq!((output.found().as_str(), seen(&output)[1].as_str()), ("2 of 2", "ONE more"));
    assert!(output.is_searched());
    output.bytes(Stream::Stdout, b"one at last\n");
    assert!(!output.is_searched());
    let found = find(&output, "one");
    output.show_found(found, AREA);
    assert_eq!(output.found(), "2 of 3", "the place that is shown stays");
    let found = find(&output, "zzz");
    output.show_found(found, AREA);
    assert_eq!(output.found(), "not found");
}

#[test]
fn what_is_copied_has_the_lines_that_were_written() {
    let mut output = output("0123456789abcde\nsecond\n");
    output.mouse(&mouse(MouseEventKind::Down(MouseButton::Left), 4, 0), AREA);
    output.mouse(&mouse(MouseEventKind::Drag(MouseButton::Left), 4, 2), AREA);
    let copied = output.mouse(&mouse(MouseEventKind::Up(MouseButton::Left), 4, 2), AREA);
    assert_eq!(copied.as_deref(), Some("23456789abcde\nsec"));
    output.mouse(&mouse(MouseEventKind::Down(MouseButton::Left), 4, 0), AREA);
    assert_eq!(output.mouse(&mouse(MouseEventKind::Up(MouseButton::Left), 4, 0), AREA), None);
}

#[test]
fn wide_characters_are_not_cut_in_half() {
    assert_eq!(cuts("日本語x", 3), [0..3, 3..6, 6..10]);
    assert_eq!(from_column("日本x", 2), 3);
}
