//! `fac voice transcribe`, `retry` and `recordings`.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::server::{Reply, Server};
use super::{needs, world};
use crate::support::world::World;

const ALSA: &str = "/usr/share/sounds/alsa";
const GRAMMAR: &str = "#JSGF V1.0;
grammar prompts;
public <prompt> = (front | rear | side) (left | right | center);
";

/// A real recorded voice, eight prompts of two words.
fn prompts() -> Vec<(PathBuf, &'static str)> {
    let all = [
        "front center",
        "front left",
        "front right",
        "rear center",
        "rear left",
        "rear right",
        "side left",
        "side right",
    ];
    let file = |words: &str| {
        let capital = |word: &str| word[..1].to_uppercase() + &word[1..];
        let name: Vec<String> = words.split(' ').map(capital).collect();
        Path::new(ALSA).join(format!("{}.wav", name.join("_")))
    };
    all.into_iter().map(|words| (file(words), words)).collect()
}

fn sphinx(world: &World) {
    let grammar = world.write("grammar.jsgf", GRAMMAR);
    let command = json!(["pocketsphinx_continuous", "-infile", "{wav}", "-jsgf", grammar, "-logfn", "/dev/null"]);
    world.run(&["config", "set", "voice.transcribers.sphinx.command", &command.to_string()]).ok();
}

/// A second of a tone, loud enough to be sent.
fn tone(world: &World) -> PathBuf {
    let mut writer = hound::WavWriter::create(
        world.path("tone.wav"),
        hound::WavSpec {
            channels: 1,
            sample_rate: 16_000,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        },
    )
    .unwrap();
    (0..16_000).for_each(|n| writer.write_sample(((n as f32 * 0.2).sin() * 9000.0) as i16).unwrap());
    writer.finalize().unwrap();
    world.path("tone.wav")
}

#[test]
fn pocketsphinx_hears_a_real_voice_eight_of_eight() {
    let world = world();
    if !needs(&world, "pocketsphinx_continuous") || !Path::new(ALSA).join("Front_Left.wav").is_file() {
        println!("skipped: the prompts of alsa-utils or pocketsphinx are missing");
        return;
    }
    sphinx(&world);
    for (file, words) in prompts() {
        let said = world.run(&["voice", "transcribe", file.to_str().unwrap()]).ok();
        assert_eq!(said.trim(), words);
    }
}

#[test]
fn pocketsphinx_hears_flite_and_files_of_any_rate() {
    let world = world();
    if !needs(&world, "pocketsphinx_continuous") || !needs(&world, "flite") || !needs(&world, "sox") {
        return;
    }
    sphinx(&world);
    world.sh("flite -voice slt -t 'rear left' -o a.wav && sox a.wav -r 44100 -c 2 b.flac && sox a.wav c.ogg");
    let said = world.run(&["voice", "transcribe", "a.wav", "b.flac", "c.ogg"]).ok();
    assert_eq!(said, "a.wav: rear left\nb.flac: rear left\nc.ogg: rear left\n");
    world.run(&["voice", "transcribe", "--srt", "a.wav", "b.flac"]).ok();
    let srt = world.read("a.wav.srt");
    assert!(srt.starts_with("1\n00:00:00,000 --> 00:00:0") && srt.ends_with("\nrear left\n\n"), "{srt}");
    let piped = world.run_with(&["voice", "transcribe", "-"], std::fs::read(world.path("a.wav")).unwrap()).ok();
    assert_eq!(piped, "rear left\n");
}

#[test]
fn a_server_is_asked_as_openai_is_and_its_times_become_subtitles() {
    let answer = json!({"text": " Hello there.", "language": "english", "duration": 1.0, "segments": [
        {"id": 0, "start": 0.0, "end": 0.62, "text": " Hello", "no_speech_prob": 0.01, "avg_logprob": -0.3},
        {"id": 1, "start": 0.62, "end": 1.0, "text": " there.", "no_speech_prob": 0.01, "avg_logprob": -0.3}]});
    let server = Server::new(move |_, _| Reply::of(200, "application/json", answer.to_string()));
    let mut world = world();
    world.set("MINE_KEY", "canary-key-123");
    let file = tone(&world);
    for (key, value) in
        [("url", format!("{}/v1", server.url)), ("model", "large".into()), ("key_env", "MINE_KEY".into())]
    {
        world.run(&["config", "set", &format!("voice.transcribers.mine.{key}"), &value]).ok();
    }
    let file = file.to_str().unwrap();
    let args = ["voice", "transcribe", file, "--language", "en", "--prompt", "Ada, Grace", "--vtt"];
    assert_eq!(
        world.run(&args).ok(),
        "WEBVTT\n\n00:00:00.000 --> 00:00:00.620\nHello\n\n00:00:00.620 --> 00:00:01.000\nthere.\n"
    );
    let asked = &server.asked()[0];
    assert_eq!((asked.head.method.as_str(), asked.head.target.as_str()), ("POST", "/v1/audio/transcriptions"));
    assert_eq!(asked.head.header("authorization"), Some("Bearer canary-key-123"));
    let field = |name: &str| asked.field(name).unwrap_or_default();
    assert_eq!(
        (field("model"), field("language"), field("prompt")),
        ("large".into(), "en".into(), "Ada, Grace".into())
    );
    assert_eq!((field("response_format"), field("temperature")), ("verbose_json".into(), "0".into()));
    assert!(asked.text().contains("filename=\"speech.wav\"") && asked.body.windows(4).any(|part| part == b"RIFF"));
    let value: serde_json::Value =
        serde_json::from_str(&world.run(&["--json", "voice", "transcribe", file]).ok()).unwrap();
    assert_eq!((value["text"].as_str(), value["transcriber"].as_str()), (Some("Hello there."), Some("mine")));
    assert_eq!(value["segments"][1]["start_ms"], 620);
}

#[test]
fn a_busy_server_is_asked_again_and_a_model_without_times_in_its_own_form() {
    let server = Server::new(|asked, count| match (count, asked.field("response_format").as_deref()) {
        (1, _) => Reply::of(503, "text/plain", "busy").with("Retry-After", "0"),
        (_, Some("verbose_json")) => Reply::of(
            400,
            "application/json",
            r#"{"error":{"message":"response_format 'verbose_json' is not compatible"}}"#,
        ),
        _ => Reply::of(200, "application/json", r#"{"text":"plain"}"#),
    });
    let world = world();
    world.run(&["config", "set", "voice.transcribers.mine.url", &server.url]).ok();
    let file = tone(&world);
    assert_eq!(world.run(&["voice", "transcribe", file.to_str().unwrap()]).ok(), "plain\n");
    assert_eq!(server.asked().len(), 3);
}

#[test]
fn what_a_server_says_goes_no_further_than_its_sentence_and_without_the_key() {
    let server = Server::new(|_, _| {
        Reply::of(401, "application/json", r#"{"error":{"message":"Incorrect API key: canary-key-123\u001b[2J"}}"#)
    });
    let mut world = world();
    world.set("MINE_KEY", "canary-key-123");
    world.run(&["config", "set", "voice.transcribers.mine.url", &server.url]).ok();
    world.run(&["config", "set", "voice.transcribers.mine.key_env", "MINE_KEY"]).ok();
    let file = tone(&world);
    let said = world.run(&["voice", "transcribe", file.to_str().unwrap()]).failed(4);
    assert_eq!(said, "error: mine answered 401: Incorrect API key: ***\n hint: check its key\n");
    world.run(&["config", "set", "voice.transcribers.mine.url", "http://192.0.2.1/v1"]).ok();
    let said = world.run(&["voice", "transcribe", file.to_str().unwrap()]).failed(4);
    assert!(
        said.starts_with("error: the key of mine is not sent to http://192.0.2.1/v1, which is not encrypted\n"),
        "{said}"
    );
}

#[test]
fn silence_is_not_sent_and_ends_with_three() {
    let server = Server::new(|_, _| Reply::of(200, "application/json", r#"{"text":"Thank you."}"#));
    let world = world();
    world.run(&["config", "set", "voice.transcribers.mine.url", &server.url]).ok();
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 48_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(world.path("quiet.wav"), spec).unwrap();
    (0..96_000).for_each(|n| writer.write_sample((n % 3) as i16).unwrap());
    writer.finalize().unwrap();
    assert_eq!(world.run(&["voice", "transcribe", "quiet.wav"]).failed(3), "nobody speaks in quiet.wav\n");
    assert_eq!(server.asked().len(), 0);
}

#[test]
fn who_is_not_there_is_said_with_the_ways_to_get_one() {
    let mut world = world();
    let file = tone(&world);
    world.set("PATH", "/nowhere");
    let args = ["voice", "transcribe", file.to_str().unwrap()];
    insta::assert_snapshot!("nobody_writes_down", world.run(&args).failed(5));
    let other = [&args[..], &["-t", "whispr"]].concat();
    assert_eq!(world.run(&other).failed(3), "error: there is no transcriber `whispr`\n hint: is it whisper?\n");
}

#[test]
fn files_that_are_no_sound_are_named() {
    let world = world();
    let command = json!(["cat"]).to_string();
    world.run(&["config", "set", "voice.transcribers.cat.command", &command]).ok();
    world.write("empty.wav", "");
    world.write("text.wav", "this is no sound at all");
    for (file, code) in [("empty.wav", 6), ("text.wav", 6), ("missing.wav", 3)] {
        let said = world.run(&["voice", "transcribe", file]).failed(code);
        assert!(said.contains(file), "{said}");
    }
}

#[test]
fn recordings_are_listed_when_there_are_none() {
    let world = world();
    assert_eq!(world.run(&["voice", "recordings"]).stderr, "nothing is recorded\n");
    assert_eq!(world.run(&["voice", "retry"]).stderr, "every recording has its text\n");
    assert_eq!(world.run(&["voice", "retry", "--all"]).stderr, "every recording has its text\n");
    assert_eq!(
        world.run(&["voice", "recordings", "rm", "abcd"]).failed(3),
        "error: there is no recording abcd\n hint: `fac voice recordings` lists them with their ids\n"
    );
    assert_eq!(world.run(&["--json", "voice", "recordings"]).ok(), "{\"recordings\":[],\"next\":null}\n");
}
