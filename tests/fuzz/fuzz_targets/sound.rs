//! Any bytes as a recording: no panic, an end, and no rate or number of channels that nobody could believe.
#![no_main]

use std::io::Cursor;

use factotum::voice::file::Sound;
use libfuzzer_sys::fuzz_target;

const HEADS: [&[u8]; 5] =
    [b"", b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\x01\0", b"fLaC\0\0\0\x22", b"OggS\0\x02", b"\xff\xfb\x90\x64"];

fuzz_target!(|data: &[u8]| {
    let Some((choice, rest)) = data.split_first() else { return };
    let bytes = [HEADS[usize::from(*choice) % HEADS.len()], rest].concat();
    let Ok(mut sound) = Sound::from_pipe(Box::new(Cursor::new(bytes)), "fuzz", None) else { return };
    assert!((1..=768_000).contains(&sound.rate()) && (1..=64).contains(&sound.origin().channels));
    let mut samples = Vec::new();
    while samples.len() < 1 << 24 && matches!(sound.more(&mut samples), Ok(true)) {}
    assert!(samples.len() < 1 << 24);
});
