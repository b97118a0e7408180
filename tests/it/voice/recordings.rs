//! Recordings whose text is owed: kept, listed, written down later, erased.

use std::path::PathBuf;

use factotum::kernel::clock::Clock;
use factotum::kernel::ids::{Id, Ids};
use factotum::store::Store;
use serde_json::json;

use super::world;
use crate::support::world::World;

fn store(world: &World) -> Store {
    Store::open(&world.fac().join("data/store.db"), Clock::system(), Ids::random()).unwrap()
}

/// A recording as a process leaves it that was killed, or whose transcriber failed.
fn record(world: &World, error: Option<&str>) -> (Id, PathBuf) {
    let store = store(world);
    let recording = store.begin_recording("listen", 0, |id| format!("{id}.wav")).unwrap();
    if let Some(error) = error {
        store.fail_recording(recording.id, "mine", error).unwrap();
    }
    let folder = world.fac().join("data/recordings");
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join(&recording.file);
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 48_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(&path, spec).unwrap();
    (0..48_000).for_each(|n| writer.write_sample(((n as f32 * 0.1).sin() * 9000.0) as i16).unwrap());
    writer.finalize().unwrap();
    (recording.id, path)
}

fn hears(world: &World, script: &str) {
    let command = json!(["sh", "-c", script, "x", "{wav}"]).to_string();
    world.run(&["config", "set", "voice.transcribers.mine.command", &command]).ok();
}

#[test]
fn what_nobody_could_write_down_is_kept_until_somebody_can() {
    let world = world();
    let (first, file) = record(&world, Some("mine answered 503"));
    let (second, _) = record(&world, None);
    let list = world.run(&["voice", "retry"]).ok();
    let line = |id: Id| list.lines().find(|line| line.starts_with(&id.tail())).unwrap().to_string();
    assert!(line(first).contains("  failed  ") && line(first).ends_with("mine answered 503"), "{list}");
    assert!(line(second).contains("  owed  "), "{list}");

    hears(&world, "echo no voice >&2; exit 7");
    let said = world.run(&["voice", "retry", &first.tail()]).failed(1);
    assert_eq!(said, "error: the transcriber mine ended with 7: no voice\n");
    let said = world.run(&["voice", "retry", "--all"]).failed(1);
    assert!(
        said.ends_with(
            "error: 2 recordings could not be written down\n hint: they are kept; `fac voice retry --all` tries again\n"
        ),
        "{said}"
    );
    assert!(file.is_file());

    hears(&world, "echo the words");
    assert_eq!(world.run(&["voice", "retry", "--all"]).ok(), "the words\nthe words\n");
    assert_eq!(world.run(&["voice", "retry"]).stderr, "every recording has its text\n");
    let all: serde_json::Value = serde_json::from_str(&world.run(&["--json", "voice", "recordings"]).ok()).unwrap();
    let one = &all["recordings"][0];
    assert_eq!(one["id"], json!(first.to_string()));
    assert_eq!(
        (&one["status"], &one["text"], &one["ms"], &one["tries"]),
        (&json!("done"), &json!("the words"), &json!(1000), &json!(4))
    );
    assert_eq!(world.run(&["voice", "recordings", "path", &first.tail()]).ok().trim(), file.to_str().unwrap());

    world.run(&["voice", "recordings", "rm", &first.tail()]).ok();
    assert!(!file.exists());
    assert_eq!(store(&world).recordings(None).unwrap().len(), 1);
    assert_eq!(store(&world).verify().unwrap().fault, None);
}

#[test]
fn with_nothing_to_keep_both_go_when_the_text_is_there() {
    let world = world();
    world.run(&["config", "set", "voice.keep_days", "0"]).ok();
    let (id, file) = record(&world, None);
    let words = world.write("words", "private words");
    hears(&world, &format!("cat {}", words.display()));
    assert_eq!(
        world.run(&["--json", "voice", "retry", &id.tail()]).ok(),
        format!("{{\"text\":\"private words\",\"language\":null,\"segments\":[],\"id\":\"{id}\"}}\n")
    );
    assert!(!file.exists());
    assert_eq!(world.run(&["voice", "recordings"]).stderr, "nothing is recorded\n");
    let held = world.tree().into_iter().any(|(_, bytes)| bytes.windows(13).any(|part| part == b"private words"));
    assert!(!held, "the text stands somewhere");
}

#[test]
fn what_was_said_is_found_until_it_is_erased() {
    let world = world();
    let (id, _) = record(&world, None);
    let words = world.write("words", "water the ferns on Tuesday");
    hears(&world, &format!("cat {}", words.display()));
    world.run(&["voice", "retry", &id.tail()]).ok();
    let found = world.run(&["--json", "search", "ferns"]).ok();
    let found: serde_json::Value = serde_json::from_str(&found).unwrap();
    assert_eq!(found["total"], 1);
    let hit = &found["hits"][0];
    assert_eq!((&hit["kind"], &hit["id"]), (&"recording".into(), &id.to_string().into()));
    assert_eq!(hit["excerpt"], "water the ferns on Tuesday");
    let lines = world.run(&["search", "kind:recordings"]).ok();
    assert!(lines.starts_with(&format!("recording {}", id.tail())), "{lines}");
    world.run(&["voice", "recordings", "rm", &id.tail()]).ok();
    world.run(&["search", "ferns"]).failed(3);
    let held = world
        .tree()
        .into_iter()
        .find(|(_, bytes)| bytes.windows(10).any(|part| part == b"on Tuesday"))
        .map(|(name, _)| name);
    assert_eq!(held, None, "the text stands somewhere");
}

#[test]
fn a_recording_without_its_file_is_said_and_can_be_erased() {
    let world = world();
    let (id, file) = record(&world, None);
    std::fs::remove_file(file).unwrap();
    hears(&world, "echo x");
    world.run(&["voice", "retry", &id.tail()]).failed(3);
    world.run(&["voice", "recordings", "rm", &id.tail()]).ok();
    assert_eq!(world.run(&["voice", "recordings"]).stderr, "nothing is recorded\n");
}

#[test]
fn what_was_said_long_ago_goes_though_nobody_speaks_any_more() {
    let mut world = world();
    world.set("FAC_TEST_CLOCK", "2026-03-02T09:30:00Z");
    let (id, file) = record(&world, None);
    hears(&world, "echo hello");
    world.run(&["voice", "retry", &id.tail()]).ok();
    world.set("FAC_TEST_CLOCK", "2026-03-08T09:30:00Z");
    world.run(&["text", "slug", "x"]).ok();
    assert!(file.exists(), "it is kept for a week");
    world.set("FAC_TEST_CLOCK", "2026-03-10T09:30:00Z");
    world.run(&["text", "slug", "x"]).ok();
    assert!(!file.exists());
    assert_eq!(world.run(&["voice", "recordings"]).stderr, "nothing is recorded\n");
}
