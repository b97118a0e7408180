//! `fac voice clean` and `fac voice bench`: recordings in, cleaned recordings and figures out.

use factotum::voice::chain::pace;
use factotum::voice::clip::{Clip, RATE, level};
use factotum::voice::file;
use serde_json::Value;

use crate::support::world::World;

/// Two seconds of something like speech, 10 dB above the noise.
fn noisy(world: &World, name: &str, rate: u32) -> Clip {
    let clip = Clip::new(RATE, pace::made_up(2, 10.0));
    let clip = factotum::voice::chain::resample::clip(&clip, rate).unwrap();
    file::write(&world.work().join(name), &clip).unwrap();
    clip
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

#[test]
fn a_recording_comes_out_as_long_and_cleaner() {
    let world = World::new();
    let before = noisy(&world, "in.wav", 44_100);
    let out = json(&world.run(&["voice", "clean", "in.wav", "out.wav", "--rate", "16000", "--json"]).ok());
    let clean = file::read(&world.work().join("out.wav"), None).unwrap();
    assert_eq!((clean.rate, clean.samples.len()), (16_000, 32_000));
    let (told, origin) = (&out["clean"], &out["origin"]);
    assert_eq!((&origin["format"], &origin["rate"], &origin["channels"]), (&"WAV".into(), &44_100.into(), &1.into()));
    assert_eq!((&told["ms"], &told["stages"]), (&2_000.into(), &serde_json::json!(["denoise", "detect"])));
    assert!((told["level_before_db"].as_f64().unwrap() - f64::from(before.level())).abs() < 0.2, "{told}");
    assert!((told["level_after_db"].as_f64().unwrap() - f64::from(clean.level())).abs() < 0.2, "{told}");
    // The pauses, where only noise was, are quieter.
    let pause = 1_260 * 16..1_480 * 16;
    let was = factotum::voice::chain::resample::clip(&before, 16_000).unwrap();
    let (was, is) = (level(&was.samples[pause.clone()]), level(&clean.samples[pause]));
    assert!(is < was - 10.0, "{was} and {is}");
}

#[test]
fn stdin_and_stdout_carry_recordings_whose_headers_lie() {
    let world = World::new();
    noisy(&world, "in.wav", 22_050);
    let mut bytes = std::fs::read(world.work().join("in.wav")).unwrap();
    bytes[4..8].copy_from_slice(&0x7fff_f024u32.to_le_bytes());
    bytes[40..44].copy_from_slice(&0x7fff_f000u32.to_le_bytes());
    std::fs::write(world.work().join("lie.wav"), &bytes).unwrap();
    let script = "voice clean - - --rate 22050 < lie.wav > out.wav 2> said.txt; cat said.txt";
    let said = world.sh(&format!("{} {script}", env!("CARGO_BIN_EXE_fac")));
    let clean = file::read(&world.work().join("out.wav"), None).unwrap();
    assert_eq!((clean.rate, clean.samples.len()), (22_050, 44_100), "{said}");
    assert!(said.starts_with("level    ") && said.contains("real-time factor"), "{said}");
}

#[test]
fn without_stages_nothing_changes() {
    let world = World::new();
    let before = noisy(&world, "in.wav", RATE);
    world.run(&["voice", "clean", "in.wav", "out.wav", "--stages", "none", "-q"]).ok();
    let after = file::read(&world.work().join("out.wav"), None).unwrap();
    let most = before.samples.iter().zip(&after.samples).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(most <= 1.0 / 32_768.0 && before.samples.len() == after.samples.len(), "{most}");
}

#[test]
fn mistakes_are_said_and_nothing_is_written() {
    let world = World::new();
    noisy(&world, "in.wav", RATE);
    let text = std::fs::read(world.work().join("in.wav")).unwrap();
    for (args, code, said) in [
        (vec!["in.wav", "in.wav"], 2, "a recording cannot be cleaned into itself"),
        (vec!["in.wav", "out.wav", "--stages", "noise"], 2, "there is no stage `noise`"),
        (vec!["in.wav", "-", "--json"], 2, ""),
        (vec!["none.wav", "out.wav"], 3, "cannot open none.wav"),
        (vec!["in.wav", "out.wav", "--play-reference", "text.txt"], 6, "text.txt is no sound that can be read"),
    ] {
        world.write("text.txt", "nothing to hear");
        let out = world.run(&[&["voice", "clean"][..], &args].concat());
        assert_eq!(out.code, code, "{args:?}: {out:?}");
        assert!(out.stderr.contains(said), "{args:?}: {}", out.stderr);
        assert!(!world.work().join("out.wav").exists(), "{args:?}");
    }
    assert!(std::fs::read(world.work().join("in.wav")).unwrap() == text);
}

#[test]
fn the_bench_has_a_row_for_every_stage() {
    let world = World::new();
    let out = json(&world.run(&["voice", "bench", "--seconds", "1", "--json"]).ok());
    let rows = out["bench"]["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 6);
    for row in rows {
        let [mean, p50, p99, max] = ["mean", "p50", "p99", "max"].map(|k| row[k].as_f64().unwrap());
        assert!(row["frames"] == 100 && p50 <= p99 && p99 <= max && mean > 0.0, "{row}");
    }
    // 10 ms for each of the two that denoise, 9 for the echo's bands and 4 for its lead; none for looking on.
    let delays: Vec<f64> = rows.iter().map(|r| r["delay_ms"].as_f64().unwrap()).collect();
    assert_eq!(delays, [33.0, 33.0, 20.0, 13.0, 0.0, 0.0]);
}
