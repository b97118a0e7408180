//! `fac say` and `fac voice voices`.

use std::io::Write;
use std::process::Stdio;

use serde_json::{Value, json};

use super::server::{Reply, Server};
use super::{needs, world};
use crate::support::sound::{self, Pulse, Running, are_here, likeness};
use crate::support::world::World;

/// Samples and rate of a WAV file, read by somebody else's reader.
fn wave(world: &World, file: &str) -> (usize, u32) {
    let reader = hound::WavReader::open(world.path(file)).unwrap();
    let spec = reader.spec();
    assert_eq!((spec.channels, spec.bits_per_sample), (1, 16));
    (reader.into_samples::<i16>().map(Result::unwrap).count(), spec.sample_rate)
}

/// A WAV of so many samples.
fn wav(samples: usize, rate: u32) -> Vec<u8> {
    let spec =
        hound::WavSpec { channels: 1, sample_rate: rate, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    let mut bytes = std::io::Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut bytes, spec).unwrap();
    (0..samples).for_each(|n| writer.write_sample((n % 100) as i16 * 90).unwrap());
    writer.finalize().unwrap();
    bytes.into_inner()
}

#[test]
fn espeak_makes_a_file_that_others_can_read() {
    let world = world();
    if !needs(&world, "espeak-ng") {
        return;
    }
    let said = world.run(&["say", "--out", "a.wav", "-S", "espeak-ng", "--", "-hello. How are *you*?"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let (samples, rate) = wave(&world, "a.wav");
    assert!(samples > 11_025 && rate == 22_050, "{samples} at {rate}");
    world.run(&["say", "--out", "fast.wav", "--speed", "300", "hello. How are you?"]).ok();
    assert!(wave(&world, "fast.wav").0 < samples * 2 / 3);
    let said = world.run(&["say", "--out", "no.wav", "--voice", "en-uss", "hello"]).failed(3);
    assert!(said.starts_with("error: espeak-ng has no voice `en-uss`\n hint: near it are en-us"), "{said}");
    assert!(!world.path("no.wav").exists());
    let voices = world.run(&["voice", "voices", "en-gb"]).ok();
    assert!(voices.lines().any(|line| line.starts_with("en-gb ")), "{voices}");
}

#[test]
fn only_voices_of_the_list_may_be_asked_for() {
    let world = world();
    world.run(&["config", "set", "voice.voices", "[\"en-us\", \"de\"]"]).ok();
    world.run(&["config", "set", "voice.speakers.mine.command", "[\"cat\"]"]).ok();
    let said = world.run(&["say", "--out", "a.wav", "--voice", "en-uk", "hello"]).failed(4);
    insta::assert_snapshot!("voice_not_allowed", said);
    world.run(&["config", "set", "voice.max_text", "5"]).ok();
    let said = world.run(&["say", "--out", "a.wav", "hello there"]).failed(2);
    assert!(said.starts_with("error: the text has 11 letters, and 5 are read aloud at most\n"), "{said}");
    let said = world.run(&["say", "--out", "a.wav", "a\u{7}b"]).failed(2);
    assert!(said.starts_with("error: the text holds U+0007, which has no sound\n"), "{said}");
}

#[test]
fn a_program_gets_the_text_where_nobody_sees_it() {
    let world = world();
    world.write("made.wav", wav(800, 8000));
    let script = "printf '%s|' \"$(cat \"$1\")\" >> asked; cp made.wav \"$2\"";
    let script = script.replace("asked", &world.path("asked").display().to_string());
    let script = script.replace("made.wav", &world.path("made.wav").display().to_string());
    let command = json!(["sh", "-c", script, "x", "{text}", "{wav}"]).to_string();
    world.run(&["config", "set", "voice.speakers.mine.command", &command]).ok();
    world.run(&["say", "--out", "a.wav", "# Title\n\nOne [link](http://x.y). `$(id)`\n\n- [x] two"]).ok();
    assert_eq!(world.read("asked"), "Title.|One link. |$(id).|Done: two.|");
    assert_eq!(wave(&world, "a.wav"), (3200, 8000));
    let json: Value = serde_json::from_str(&world.run(&["--json", "say", "--out", "b.wav", "x"]).ok()).unwrap();
    assert_eq!((json["ms"].as_u64(), json["rate"].as_u64()), (Some(100), Some(8000)));
    assert_eq!(
        world.run(&["say", "--out", "c.wav", "🎉"]).failed(2).lines().next(),
        Some("error: there is nothing to say")
    );
}

#[test]
fn the_first_sentence_is_made_before_the_text_is_whole() {
    let world = world();
    world.write("made.wav", wav(800, 8000));
    let asked = world.path("asked");
    let script = format!("cat >> {}; cat {}", asked.display(), world.path("made.wav").display());
    world.run(&["config", "set", "voice.speakers.mine.command", &json!(["sh", "-c", script]).to_string()]).ok();
    let mut command = world.command(&["say", "--out", "a.wav", "-"]);
    let mut child = command.stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"The first sentence. And the sec").unwrap();
    // It is there while we still hold the rest back; otherwise this never ends.
    while !std::fs::read_to_string(&asked).is_ok_and(|text| text == "The first sentence.") {
        assert!(child.try_wait().unwrap().is_none());
        std::thread::yield_now();
    }
    stdin.write_all("ond, caf\u{e9}.".as_bytes()).unwrap();
    drop(stdin);
    assert!(child.wait().unwrap().success());
    assert_eq!(std::fs::read_to_string(&asked).unwrap(), "The first sentence.And the second, café.");
    assert_eq!(wave(&world, "a.wav"), (1600, 8000));
}

#[test]
fn a_server_is_asked_as_openai_is() {
    let body = wav(2400, 24_000);
    let server = Server::new(move |asked, _| match asked.text().contains("\"pcm\"") {
        true => Reply::of(200, "audio/pcm", vec![1; 960]),
        false => Reply::of(200, "audio/wav", body.clone()),
    });
    let mut world = world();
    world.set("MINE_KEY", "canary-key-123");
    for (key, value) in
        [("url", format!("{}/v1", server.url)), ("key_env", "MINE_KEY".into()), ("voice", "nova".into())]
    {
        world.run(&["config", "set", &format!("voice.speakers.mine.{key}"), &value]).ok();
    }
    world.run(&["say", "--out", "a.wav", "--speed", "150", "Hello there"]).ok();
    assert_eq!(wave(&world, "a.wav"), (2400, 24_000));
    let asked = &server.asked()[0];
    assert_eq!(asked.head.target, "/v1/audio/speech");
    assert_eq!(asked.head.header("authorization"), Some("Bearer canary-key-123"));
    let sent: Value = serde_json::from_str(&asked.text()).unwrap();
    let wanted =
        json!({"model": "tts-1", "input": "Hello there.", "voice": "nova", "response_format": "wav", "speed": 1.5});
    assert_eq!(sent, wanted);
    world.run(&["config", "set", "voice.speakers.mine.format", "pcm"]).ok();
    world.run(&["say", "--out", "b.wav", "Hello"]).ok();
    assert_eq!(wave(&world, "b.wav"), (480, 24_000));
    world.run(&["config", "set", "voice.speakers.mine.voices", "[\"alloy\", \"nova\"]"]).ok();
    let said = world.run(&["say", "--out", "c.wav", "--voice", "novo", "Hello"]).failed(3);
    assert_eq!(said, "error: mine has no voice `novo`\n hint: near it are nova; `fac voice voices` lists them all\n");
}

#[test]
fn pipers_server_and_its_program_speak() {
    let body = wav(2205, 22_050);
    let server = Server::new(move |asked, _| match asked.head.target.as_str() {
        "/voices" => Reply::of(200, "application/json", r#"{"en_US-amy-low":{},"de_DE-eva":{}}"#),
        _ if asked.text().contains("nobody") => Reply::of(404, "text/plain", "no such voice"),
        _ => Reply::of(200, "audio/wav", body.clone()),
    });
    let world = world();
    world.run(&["config", "set", "voice.speakers.piper.url", &server.url]).ok();
    world.run(&["say", "--out", "a.wav", "--speed", "200", "Hello there"]).ok();
    assert_eq!(wave(&world, "a.wav"), (2205, 22_050));
    let sent: Value = serde_json::from_str(&server.asked()[0].text()).unwrap();
    assert_eq!(sent, json!({"text": "Hello there.", "length_scale": 0.5}));
    assert_eq!(world.run(&["voice", "voices"]).ok(), "en_US-amy-low\nde_DE-eva\n");
    let said = world.run(&["say", "--out", "b.wav", "--voice", "nobody", "Hello"]).failed(3);
    assert!(said.starts_with("error: piper has no voice `nobody`\n"), "{said}");

    // The program as its documentation describes it: --model, --output_file, a line of text on standard input.
    let program = world.write(
        "bin/piper",
        "#!/bin/sh\ncat > \"$0.asked\"; echo \"$@\" >> \"$0.asked\"; while [ \"$1\" != --output_file ]; do shift; done; cp \"$0.wav\" \"$2\"\n",
    );
    world.write("bin/piper.wav", wav(1000, 16_000));
    world.write("amy.onnx", "x");
    world.sh("chmod +x bin/piper");
    world.run(&["config", "unset", "voice.speakers.piper.url"]).ok();
    world.run(&["config", "set", "voice.speakers.piper.command", &json!([program]).to_string()]).ok();
    let model = world.path("amy.onnx");
    world.run(&["config", "set", "voice.speakers.piper.model", model.to_str().unwrap()]).ok();
    world.run(&["say", "--out", "p.wav", "Hello\nthere"]).ok();
    assert_eq!(wave(&world, "p.wav"), (1000, 16_000));
    let asked = world.read("bin/piper.asked");
    assert!(asked.starts_with(&format!("Hello there.\n--model {} --output_file /", model.display())), "{asked}");
}

#[test]
fn who_reads_aloud_is_said_when_nobody_is_there() {
    let mut world = world();
    world.set("PATH", "/nowhere");
    insta::assert_snapshot!("nobody_reads_aloud", world.run(&["say", "hello"]).failed(5));
}

#[test]
fn what_is_said_comes_out_of_the_loudspeaker() {
    if !are_here(&["pulseaudio", "pactl", "parec"]) {
        return;
    }
    let world = sound::world();
    let pulse = Pulse::start(&world);
    // A sweep, which is like itself in one place only.
    let clip: Vec<f32> = (0..24_000).map(|n| (n as f32 * n as f32 * 2e-6).sin() * 0.4).collect();
    let made = sound::write_wav(&world.path("made.wav"), &clip, 1, 1);
    let command = json!(["cat", made]).to_string();
    world.run(&["config", "set", "voice.speakers.mine.command", &command]).ok();
    let recorder = pulse.record("virtspk.monitor");
    world.run(&["say", "One sentence. And another one."]).ok();
    let heard = recorder.after(24_000);
    assert!(likeness(&clip, &heard) > 0.9, "{}", likeness(&clip, &heard));
    let loud = heard.iter().filter(|sample| sample.abs() > 0.01).count();
    assert!(loud > 40_000, "two sentences of 24000 samples, {loud} heard");
}

#[test]
fn ctrl_c_silences_the_loudspeaker_at_once() {
    if !are_here(&["pulseaudio", "pactl", "parec"]) {
        return;
    }
    let world = sound::world();
    let pulse = Pulse::start(&world);
    let clip: Vec<f32> = (0..30 * 48_000).map(|n| (n as f32 * 0.06).sin() * 0.4).collect();
    let made = sound::write_wav(&world.path("made.wav"), &clip, 1, 1);
    let command = json!(["cat", made]).to_string();
    world.run(&["config", "set", "voice.speakers.mine.command", &command]).ok();
    let recorder = pulse.record("virtspk.monitor");
    let fac = Running::start(&world, &["say", "A long one."]);
    sound::until("it is heard", || recorder.so_far().iter().any(|sample| sample.abs() > 0.1));
    fac.interrupt();
    assert_eq!(fac.end().code, 130);
    // What the recorder itself still had in hand, and nothing of the half second that the server had been given.
    let before = recorder.so_far().len();
    let heard = recorder.after(48_000);
    let loud = heard[before..].iter().filter(|sample| sample.abs() > 0.01).count();
    assert!(loud < 12_000, "{loud} samples were heard after it had ended");
    assert!(heard[heard.len() - 24_000..].iter().all(|sample| sample.abs() < 0.01), "it goes on");
}
