//! Files of every kind: as they should be, as they are found, and broken on purpose.

use std::process::{Command, Stdio};

use proptest::prelude::*;

use super::*;
use crate::voice::clip::level;

/// A tone of 440 Hz at half height.
fn tone(rate: u32, samples: usize) -> Vec<f32> {
    (0..samples).map(|n| (n as f32 * 440.0 * std::f32::consts::TAU / rate as f32).sin() * 0.5).collect()
}

fn chunk(name: &[u8; 4], length: u32, body: &[u8]) -> Vec<u8> {
    [&name[..], &length.to_le_bytes(), body, &[0][..body.len() % 2]].concat()
}

fn whole(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
    chunk(name, body.len() as u32, body)
}

fn format(tag: u16, channels: u16, rate: u32, bits: u16) -> Vec<u8> {
    let room = channels * bits.div_ceil(8);
    let mut body = [tag.to_le_bytes(), channels.to_le_bytes()].concat();
    body.extend(rate.to_le_bytes());
    body.extend((rate.wrapping_mul(u32::from(room))).to_le_bytes());
    body.extend(room.to_le_bytes());
    body.extend(bits.to_le_bytes());
    whole(b"fmt ", &body)
}

fn riff(chunks: &[Vec<u8>]) -> Vec<u8> {
    let body = [b"WAVE".to_vec(), chunks.concat()].concat();
    whole(b"RIFF", &body)
}

fn sixteen(samples: &[f32]) -> Vec<u8> {
    write::sixteen(samples).collect()
}

fn reading(bytes: &[u8]) -> Result<Clip> {
    read_bytes(bytes.to_vec(), "a.wav", None)
}

/// The same through a file, which can go back where a pipe cannot.
fn reading_file(bytes: &[u8]) -> Result<Clip> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    read(file.path(), None)
}

fn nearly(a: &[f32], b: &[f32], within: f32) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(x, y)| (x - y).abs() <= within)
}

#[test]
fn what_is_written_is_read_back_to_the_bit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.wav");
    let mut clip = Clip::new(22_050, (-32_768..32_768).map(|n| n as f32 / 32_768.0).collect());
    write(&path, &clip).unwrap();
    assert!(read(&path, None).unwrap() == clip);
    clip.samples = vec![2.0, -2.0, f32::NAN];
    write(&path, &clip).unwrap();
    assert_eq!(read(&path, None).unwrap().samples, [32_767.0 / 32_768.0, -1.0, 0.0]);
}

#[test]
fn what_is_written_in_memory_is_read_by_others() {
    let clip = Clip::new(16_000, vec![0.0, 0.5, -0.5, 2.0, f32::NAN]);
    let bytes = bytes(&clip);
    let mut theirs = hound::WavReader::new(&bytes[..]).unwrap();
    assert_eq!((theirs.spec().sample_rate, theirs.spec().channels, theirs.duration()), (16_000, 1, 5));
    assert_eq!(theirs.samples::<i16>().map(|s| s.unwrap()).collect::<Vec<_>>(), [0, 16_384, -16_384, 32_767, 0]);
    assert_eq!(raw(&[0, 64, 0, 192, 1], 8000), Clip::new(8000, vec![0.5, -0.5]));
}

#[test]
fn samples_of_every_width_are_the_same_sound() {
    let sound = tone(8_000, 800);
    let step = |bits: u32| 1.0 / (1u64 << (bits - 1)) as f32;
    let scaled = |s: f32, bits: u32| (f64::from(s) * (1u64 << (bits - 1)) as f64) as i64;
    for bits in [8u32, 16, 24, 32] {
        let bytes: Vec<u8> = sound
            .iter()
            .flat_map(|s| {
                let number = if bits == 8 { scaled(*s, 8) + 128 } else { scaled(*s, bits) };
                number.to_le_bytes()[..bits as usize / 8].to_vec()
            })
            .collect();
        let file = riff(&[format(1, 1, 8_000, bits as u16), whole(b"data", &bytes)]);
        let clip = reading(&file).unwrap();
        assert!(clip.rate == 8_000 && nearly(&clip.samples, &sound, 1.01 * step(bits.min(24))), "{bits} bits");
    }
    let floats: Vec<u8> = sound.iter().flat_map(|s| s.to_le_bytes()).collect();
    assert!(reading(&riff(&[format(3, 1, 8_000, 32), whole(b"data", &floats)])).unwrap().samples == sound);
    let doubles: Vec<u8> = sound.iter().flat_map(|s| f64::from(*s).to_le_bytes()).collect();
    assert!(reading(&riff(&[format(3, 1, 8_000, 64), whole(b"data", &doubles)])).unwrap().samples == sound);
}

#[test]
fn telephone_codes_are_heights_of_g711() {
    for (tag, bytes, heights) in [
        (6u16, [0xd5u8, 0x55, 0x80, 0xaa, 0x2a], [8i32, -8, 5_504, 32_256, -32_256]),
        (7, [0xff, 0x7f, 0x80, 0x00, 0xf0], [0, 0, 32_124, -32_124, 120]),
    ] {
        let clip = reading(&riff(&[format(tag, 1, 8_000, 8), whole(b"data", &bytes)])).unwrap();
        let found: Vec<i32> = clip.samples.iter().map(|s| (s * 32_768.0) as i32).collect();
        assert_eq!(found, heights, "{tag}");
    }
}

#[test]
fn a_header_that_lies_does_not_hide_the_sound() {
    let sound = tone(22_050, 5_000);
    let bytes = sixteen(&sound);
    let header = |riff: u32, data: u32| {
        let all = [b"WAVE".to_vec(), format(1, 1, 22_050, 16), chunk(b"data", data, &bytes)].concat();
        chunk(b"RIFF", riff, &all)
    };
    // espeak-ng, ffmpeg, sox into pipes; a recorder that was killed; a length beyond the end.
    for (riff, data) in [(0x7fff_f024, 0x7fff_f000), (u32::MAX, u32::MAX), (0, 0), (36, 0), (1_000_000, 999_000)] {
        for clip in [reading(&header(riff, data)), reading_file(&header(riff, data))] {
            let clip = clip.unwrap();
            assert!(nearly(&clip.samples, &sound, 1e-4), "{riff:#x} {data:#x}: {}", clip.samples.len());
        }
    }
    let cut = &header(10_036, 10_000)[..44 + 1_001];
    assert_eq!(reading(cut).unwrap().samples.len(), 500);
}

#[test]
fn chunks_may_stand_in_any_order() {
    let sound = tone(16_000, 400);
    let data = whole(b"data", &sixteen(&sound));
    let odd = whole(b"LIST", b"INFOx");
    let form = format(1, 1, 16_000, 16);
    let first = riff(&[odd.clone(), whole(b"fact", &[0; 4]), form.clone(), odd.clone(), data.clone(), odd.clone()]);
    assert!(nearly(&reading(&first).unwrap().samples, &sound, 1e-4));
    let last = riff(&[odd, data, form]);
    assert!(nearly(&reading_file(&last).unwrap().samples, &sound, 1e-4));
    let error = reading(&last).unwrap_err();
    assert!(error.message().contains("a pipe cannot go back to"), "{}", error.message());
}

#[test]
fn the_long_form_of_a_format_and_rf64_are_known() {
    let sound = tone(48_000, 480);
    let mut body = format(0xfffe, 1, 48_000, 16)[8..].to_vec();
    body.extend([22, 0, 16, 0, 4, 0, 0, 0, 1, 0]);
    body.extend([0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71]);
    let file = riff(&[whole(b"fmt ", &body), whole(b"data", &sixteen(&sound))]);
    assert!(nearly(&reading(&file).unwrap().samples, &sound, 1e-4));
    let all = [
        b"WAVE".to_vec(),
        whole(b"ds64", &[0; 28]),
        format(1, 1, 48_000, 16),
        chunk(b"data", u32::MAX, &sixteen(&sound)),
    ];
    let big = chunk(b"RF64", u32::MAX, &all.concat());
    assert!(nearly(&reading(&big).unwrap().samples, &sound, 1e-4));
}

#[test]
fn of_eight_channels_the_loudest_is_taken() {
    let sound = tone(48_000, 9_600);
    let all: Vec<f32> = sound.iter().flat_map(|s| (0..8).map(move |c| if c == 5 { *s } else { s * 0.01 })).collect();
    let clip = reading(&riff(&[format(1, 8, 48_000, 16), whole(b"data", &sixteen(&all))])).unwrap();
    assert!(nearly(&clip.samples, &sound, 1e-4));
}

#[test]
fn what_is_no_sound_is_said_with_the_place() {
    let good = tone(8_000, 80);
    let cases: [(&str, Vec<u8>); 10] = [
        ("it is empty", vec![]),
        ("its first bytes are of no sound format", b"%PDF-1.7 and more".to_vec()),
        ("it ends at byte 12 of its header", riff(&[])),
        ("it is RIFF, but not WAVE (byte 8)", whole(b"RIFF", b"AVI LIST")),
        ("its header says 0 Hz", riff(&[format(1, 1, 0, 16), whole(b"data", &sixteen(&good))])),
        ("its header says 4294967295 Hz", riff(&[format(1, 1, u32::MAX, 16), whole(b"data", &sixteen(&good))])),
        ("its header says 0 channels", riff(&[format(1, 0, 8_000, 16), whole(b"data", &sixteen(&good))])),
        ("there are no samples in it", riff(&[format(1, 1, 8_000, 16)])),
        ("there is not a single sample in it", riff(&[format(1, 1, 8_000, 16), whole(b"data", &[])])),
        ("(code 0x0055, 16 bits, byte 20)", riff(&[format(0x55, 1, 8_000, 16), whole(b"data", &[0; 9])])),
    ];
    for (said, bytes) in cases {
        for error in [reading(&bytes), reading_file(&bytes)].map(Result::unwrap_err) {
            assert_eq!(error.kind(), Kind::BadData);
            assert!(error.message().contains(said), "{}", error.message());
        }
    }
    for (start, said) in [(&b"fLaC"[..], "its FLAC header is broken"), (b"OggS", "its OGG header is broken")] {
        let error = reading(&[start, &[7; 300]].concat()).unwrap_err();
        assert!(error.message().contains(said), "{}", error.message());
    }
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(read(&folder.path().join("none.wav"), None).unwrap_err().kind(), Kind::NotFound);
    assert!(read(folder.path(), None).unwrap_err().message().ends_with("is a folder, not a recording"));
}

#[test]
fn a_recording_can_be_read_at_any_moment_while_it_grows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.wav");
    let sound = tone(16_000, 40_000);
    let mut writer = Writer::create(&path, 16_000).unwrap();
    for (n, piece) in sound.chunks(160).enumerate() {
        writer.push(piece).unwrap();
        if n % 37 == 0 {
            let now = hound::WavReader::open(&path).unwrap().len() as usize;
            let there = (n + 1) * 160;
            assert!(now <= there && there - now <= 8_000, "{now} of {there}");
            let ours = read(&path, None).map_or(0, |c| c.samples.len());
            assert!(ours >= now, "{ours} of {there}");
        }
    }
    // Nobody says the last word: as after kill -9.
    assert_eq!(writer.ms(), 2_500);
    std::mem::forget(writer);
    assert!(nearly(&read(&path, None).unwrap().samples, &sound, 1e-4));
}

#[test]
fn a_pipe_is_written_with_lengths_that_mean_the_end() {
    let (mut from, to) = std::io::pipe().unwrap();
    let mut writer = Writer::pipe(Box::new(to), "stdout", 16_000).unwrap();
    writer.push(&[0.5; 800]).unwrap();
    writer.finish().unwrap();
    let mut bytes = Vec::new();
    from.read_to_end(&mut bytes).unwrap();
    assert_eq!((bytes.len(), &bytes[40..44]), (44 + 1_600, &[0xff; 4][..]));
    assert_eq!(reading(&bytes).unwrap(), Clip::new(16_000, vec![0.5; 800]));
}

/// A tone as sox writes it, where sox is installed and knows the format.
fn soxed(folder: &Path, name: &str, options: &[&str]) -> Option<Vec<u8>> {
    let (source, target) = (folder.join("source.wav"), folder.join(name));
    write(&source, &Clip::new(44_100, tone(44_100, 44_100))).unwrap();
    let mut sox = Command::new("sox");
    sox.arg("-D").arg(&source).args(options).arg(&target).stdin(Stdio::null()).stderr(Stdio::null());
    sox.status().ok().filter(|s| s.success())?;
    std::fs::read(&target).ok()
}

const SOXED: [(&str, &[&str], f32); 8] = [
    ("a.flac", &[], 1e-4),
    ("b.flac", &["-r", "96000", "-b", "24", "-c", "2"], 0.01),
    ("a.ogg", &[], 0.05),
    ("a.mp3", &[], 0.05),
    ("ima.wav", &["-e", "ima-adpcm"], 0.05),
    ("ms.wav", &["-e", "ms-adpcm"], 0.05),
    ("mu.wav", &["-e", "mu-law", "-r", "8000"], 0.05),
    ("a.wav", &["-e", "a-law", "-c", "2"], 0.05),
];

#[test]
fn other_programs_files_sound_as_they_should() {
    let folder = tempfile::tempdir().unwrap();
    for (name, options, within) in SOXED {
        let Some(bytes) = soxed(folder.path(), name, options) else {
            println!("skipped {name}: sox is not installed or does not know it");
            continue;
        };
        for made in [read_bytes(bytes.clone(), name, Some(16_000)), read(&folder.path().join(name), Some(16_000))] {
            let clip = made.unwrap();
            let long = clip.samples.len() as i64 - 16_000;
            // MP3 begins and ends with what its frames need.
            assert!(long.abs() < 2_000, "{name}: {long}");
            let middle = level(&clip.samples[4_000..12_000]);
            assert!((middle + 9.03).abs() < 20.0 * within, "{name}: {middle}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn any_wav_header_ends(edits in proptest::collection::vec((0usize..80, any::<u8>()), 1..12), cut in 0usize..300) {
        let mut bytes = riff(&[format(1, 2, 8_000, 16), whole(b"LIST", b"INFO"), whole(b"data", &[9; 200])]);
        for (at, value) in edits {
            let at = at % bytes.len();
            bytes[at] = value;
        }
        bytes.truncate(cut.max(1));
        if let Ok(clip) = reading(&bytes) {
            prop_assert!(clip.rate > 0 && !clip.samples.is_empty() && clip.samples.len() <= 400);
        }
        let _ = reading_file(&bytes);
    }

    #[test]
    fn any_packed_file_ends(which in 0usize..6, edits in proptest::collection::vec((any::<usize>(), any::<u8>()), 1..20), cut in any::<usize>()) {
        static FILES: std::sync::LazyLock<Vec<Vec<u8>>> = std::sync::LazyLock::new(|| {
            let folder = tempfile::tempdir().unwrap();
            let short = |bytes: Vec<u8>| bytes.into_iter().take(12_000).collect();
            SOXED[..6].iter().filter_map(|(name, options, _)| soxed(folder.path(), name, options)).map(short).collect()
        });
        prop_assume!(!FILES.is_empty());
        let mut bytes = FILES[which % FILES.len()].clone();
        for (at, value) in edits {
            let at = at % bytes.len();
            bytes[at] = value;
        }
        bytes.truncate(cut % bytes.len() + 1);
        let mut sound = match Sound::from_pipe(Box::new(Cursor::new(bytes)), "a", None) {
            Ok(sound) => sound,
            Err(error) => {
                prop_assert_eq!(error.kind(), Kind::BadData);
                return Ok(());
            }
        };
        let mut samples = Vec::new();
        while samples.len() < 10_000_000 && matches!(sound.more(&mut samples), Ok(true)) {}
        prop_assert!(samples.len() < 10_000_000);
    }
}
