//! Whisper in its own process: its form and its life, on a model without weights. Nothing here says how well it hears.

use super::models::empty_model;
use super::world;
use crate::support::world::World;

fn speech(world: &World) -> String {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 16_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(world.path("tone.wav"), spec).unwrap();
    (0..16_000).for_each(|n| writer.write_sample(((n as f32 * 0.2).sin() * 9000.0) as i16).unwrap());
    writer.finalize().unwrap();
    world.path("tone.wav").display().to_string()
}

fn with_model(bytes: &[u8]) -> World {
    let world = world();
    let model = world.write("model.bin", bytes);
    world.run(&["config", "set", "voice.model", model.to_str().unwrap()]).ok();
    world
}

#[test]
fn an_empty_model_loads_in_the_child_and_gives_no_text() {
    let mut world = with_model(&empty_model());
    world.set("FAC_TEST_EMPTY_MODEL", "1");
    let file = speech(&world);
    let said = world.run(&["voice", "transcribe", &file, &file, "-t", "whisper"]).failed(3);
    assert_eq!(said, format!("nobody speaks in {file}\nnobody speaks in {file}\n"));
}

#[test]
fn a_model_without_weights_is_refused_outside_tests() {
    let world = with_model(&empty_model());
    let said = world.run(&["voice", "transcribe", &speech(&world)]).failed(6);
    assert!(said.contains("/model.bin is broken: it has no weights\n"), "{said}");
}

#[test]
fn truncated_and_foreign_models_give_clean_errors() {
    let model = empty_model();
    for (bytes, why) in [
        (&model[..1000], "it ends after 1000 bytes, in the middle of something"),
        (&b"GGUF and more"[..], "it does not begin like a ggml file of Whisper"),
        (&b""[..], "it does not begin like a ggml file of Whisper"),
    ] {
        let mut world = with_model(bytes);
        world.set("FAC_TEST_EMPTY_MODEL", "1");
        let said = world.run(&["voice", "transcribe", &speech(&world)]).failed(6);
        assert!(said.contains(&format!("is broken: {why}\n")), "{said}");
        // The child looks for itself, too, and does not abort.
        let child = world.run(&["voice", "engine", "--empty", "--model", world.path("model.bin").to_str().unwrap()]);
        assert!(child.code == 6 && child.stdout.starts_with("{\"failed\":\"the model "), "{child:?}");
    }
}
