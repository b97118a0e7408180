//! Terminal text: whatever the bytes and wherever they are cut, no control byte comes out.
#![no_main]

use factotum::kernel::terminal::{Sanitizer, safe};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let cut = data.first().map_or(0, |b| usize::from(*b) % data.len().max(1));
    let (whole, split) = (run(&[data]), run(&[&data[..cut], &data[cut..]]));
    assert_eq!(whole, split);
    let harmless = |c: char| matches!(c, '\n' | '\t') || !c.is_control();
    assert!(whole.chars().all(harmless));
    assert!(safe(&String::from_utf8_lossy(data)).chars().all(harmless));
});

fn run(chunks: &[&[u8]]) -> String {
    let (mut sanitizer, mut out) = (Sanitizer::new(), String::new());
    chunks.iter().for_each(|c| sanitizer.push(c, &mut out));
    sanitizer.finish(&mut out);
    out
}
