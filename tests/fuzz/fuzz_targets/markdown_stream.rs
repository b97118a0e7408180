//! Markdown that comes in pieces: no panic, no control bytes but our own, and without drawing the same as in one piece.
#![no_main]

use factotum::kernel::markdown::stream::{StreamRenderer, StreamStyle};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let [width, step, bytes @ ..] = data else { return };
    let text = String::from_utf8_lossy(bytes);
    let (width, step) = (usize::from(*width % 120), usize::from(*step % 16) + 1);
    for draw in [true, false] {
        let style = StreamStyle { draw, ..StreamStyle::default() };
        let whole = drawn(&[&text], width, style.clone());
        let chars: Vec<String> = text.chars().collect::<Vec<_>>().chunks(step).map(String::from_iter).collect();
        let pieces: Vec<&str> = chars.iter().map(String::as_str).collect();
        let split = drawn(&pieces, width, style);
        let harmless = |c: char| matches!(c, '\n' | '\t') || !c.is_control();
        assert!(whole.chars().chain(split.chars()).all(harmless));
        assert!(draw || whole == split);
    }
});

fn drawn(pieces: &[&str], width: usize, style: StreamStyle) -> String {
    let mut renderer = StreamRenderer::new(width, style);
    let mut out: String = pieces.iter().map(|piece| renderer.push(piece)).collect();
    out.push_str(&renderer.finish());
    out
}
