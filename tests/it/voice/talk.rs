//! Talking in a chat: messages that are said, answers that are read aloud, and who speaks silences them. A real sound
//! server and a real recogniser on a pseudo-terminal; the model and the reader are scripted.

use serde_json::json;

use crate::listen::{say, understanding};
use crate::support::model::{Answer, ModelServer};
use crate::support::pty::Seat;
use crate::support::sound::{Pulse, are_here, until, write_wav};
use crate::support::world::World;

const PROGRAMS: [&str; 4] = ["pulseaudio", "pactl", "paplay", "pocketsphinx_continuous"];

/// A world that understands, is answered, and in which `aloud` reads a text so long, writing down what.
fn world(server: &ModelServer, seconds: usize) -> World {
    let mut world = understanding();
    world.set("MY_KEY", "sk-canary-4711");
    let clip: Vec<f32> = (0..48_000 * seconds).map(|n| (n as f32 * 0.03).sin() * 0.1).collect();
    let made = write_wav(&world.path("made.wav"), &clip, 1, 1);
    let script = "{ cat \"$1\"; echo; } >> \"$4\"; cp \"$3\" \"$2\"";
    let command = json!(["sh", "-c", script, "sh", "{text}", "{wav}", made, world.path("spoken")]).to_string();
    let url = format!("{}/v1", server.url());
    for (key, value) in [
        ("local_models", "false"),
        ("model", "my-openai/test-model"),
        ("providers.my-openai.wire", "openai"),
        ("providers.my-openai.url", &url),
        ("providers.my-openai.key_env", "MY_KEY"),
        ("voice.speakers.mine.command", &command),
    ] {
        world.run(&["config", "set", key, value]).ok();
    }
    world
}

fn spoken(world: &World) -> String {
    std::fs::read_to_string(world.path("spoken")).unwrap_or_default()
}

#[test]
fn a_message_is_said_at_the_prompt_and_answers_are_read_aloud() {
    if !are_here(&PROGRAMS) {
        return;
    }
    let server = ModelServer::start();
    let world = world(&server, 1);
    let pulse = Pulse::start(&world);
    server.answer(Answer::text("**It** is there. And [here](http://x.invalid).")).answer(Answer::text("Silence."));
    let mut seat = Seat::fac(&world, &["chat"], 100, 30);
    seat.expect_editor().press("/speak\r").expect("answers are read aloud").expect_editor();
    // What was typed before stays before what is said.
    seat.press("please: ").expect("please:").press("\x1b[19~").expect("● listening");
    say(&pulse, "Front_Left");
    seat.expect("please: front left").press("\r").expect("And here").expect_editor();
    until("all of it is read", || spoken(&world) == "It is there.\nAnd here.\n");
    assert_eq!(server.last().talk(), ["user: please: front left"]);
    seat.press("/speak off\r").expect("answers are not read aloud").expect_editor();
    seat.press("hush\r").expect("Silence.").expect_editor().press("\x04");
    assert_eq!(seat.end().0, 0);
    assert_eq!(spoken(&world), "It is there.\nAnd here.\n");
}

#[test]
fn without_hands_one_talks_on_and_who_speaks_silences_the_answer() {
    if !are_here(&PROGRAMS) {
        return;
    }
    let server = ModelServer::start();
    // An answer that nobody would hear to its end.
    let world = world(&server, 600);
    world.run(&["config", "set", "voice.answers", "true"]).ok();
    let pulse = Pulse::start(&world);
    server.answer(Answer::text("A long story.")).answer(Answer::text("Well.").hold("W"));
    let mut seat = Seat::fac(&world, &["chat"], 100, 30);
    seat.expect_editor().press("/talk on\r").expect("● listening");
    say(&pulse, "Front_Left");
    seat.expect("› front left").expect("A long story.");
    until("it is read", || spoken(&world) == "A long story.\n");
    seat.until("A long story.");
    seat.until("● listening");
    say(&pulse, "Rear_Right");
    seat.expect("› rear right");
    server.wait_held(1);
    assert_eq!(server.last().talk(), ["user: front left", "assistant: A long story.", "user: rear right"]);
    server.release();
    seat.press("\x03").expect_editor().press("\x04");
    assert_eq!(seat.end().0, 0);
}

#[test]
fn lines_that_are_piped_in_are_answered_aloud_to_the_end() {
    if !are_here(&PROGRAMS[..3]) {
        return;
    }
    let server = ModelServer::start();
    let world = world(&server, 1);
    world.run(&["config", "set", "voice.answers", "true"]).ok();
    let pulse = Pulse::start(&world);
    server.answer(Answer::text("One.")).answer(Answer::text("Two."));
    let speaker = pulse.record("virtspk.monitor");
    world.run_with(&["chat"], b"first\nsecond\n").ok();
    let loud = speaker.after(4_800).iter().filter(|sample| sample.abs() > 0.01).count();
    // Two seconds of a sine, which passes through zero now and then.
    assert!((80_000..96_000).contains(&loud), "{loud}");
    assert_eq!(spoken(&world), "One.\nTwo.\n");
    // Who cannot be heard is said, and the words come all the same.
    drop((speaker, pulse));
    server.answer(Answer::text("Three."));
    let said = world.run_with(&["chat"], b"third\n");
    assert!(said.stdout.contains("Three."), "{}", said.stdout);
    assert!(said.stderr.contains("there is no speaker that can be opened"), "{}", said.stderr);
}

#[test]
fn the_full_screen_reads_aloud_and_is_spoken_against() {
    if !are_here(&PROGRAMS) {
        return;
    }
    let server = ModelServer::start();
    let world = world(&server, 600);
    world.run(&["config", "set", "voice.barge_in", "true"]).ok();
    let pulse = Pulse::start(&world);
    server.answer(Answer::text("A long story."));
    let mut seat = Seat::fac(&world, &[], 120, 40);
    seat.expect("To my-openai/test-model").press("/speak on\r").expect("reads aloud");
    seat.press("tell me\r").expect("A long story.").expect("♪ reads aloud");
    seat.press("\x1b5").expect("● ");
    seat.expect("listening");
    say(&pulse, "Rear_Right");
    seat.press("\x1b1").expect("┃ rear right");
    assert!(!seat.screen().contains('♪'), "{}", seat.screen());
    // Ctrl-X silences too.
    server.answer(Answer::text("Another one."));
    seat.press("\r").expect("Another one.").expect("♪ reads aloud").press("\x18").expect(" reads aloud");
    seat.press("/speak off\r").expect("answers are not read aloud").press("\x11");
    assert_eq!(seat.end().0, 0);
}
