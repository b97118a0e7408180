//! Microphones and speakers by the built program, with a real sound server, a real ALSA and real voices, and no
//! hardware.

use crate::support::sound::{
    Pipe, Pulse, Running, VOICE, are_here, dulled, likeness, piece_likeness, read_wav, spoken, until, world, write_wav,
};

const SERVER: [&str; 3] = ["pulseaudio", "pactl", "paplay"];
/// Recording for so long ends by Ctrl-C, not by itself.
const LONG: &str = "--seconds=3600";

/// The order in which eight channels are asked for, so that the server leaves them where they are.
const MAP: &str = "channel_map=front-left,front-right,front-center,lfe,rear-left,rear-right,side-left,side-right";

/// Records with `fac voice test` while `play` plays, and gives the sound and the figures.
fn recorded(world: &crate::support::world::World, more: &[&str], play: impl FnOnce()) -> (Vec<f32>, serde_json::Value) {
    let words = [&["voice", "test", "--json", "--no-play", LONG, "--out=heard.wav"], more].concat();
    let fac = Running::start(world, &words);
    fac.says("say something", 1);
    play();
    fac.interrupt();
    let figures = serde_json::from_str(&fac.end().ok()).unwrap();
    (read_wav(world.path("heard.wav")), figures)
}

#[test]
fn what_the_server_plays_into_the_microphone_is_heard_as_it_was() {
    if !are_here(&SERVER) {
        return;
    }
    let world = world();
    let pulse = Pulse::start(&world);
    let (heard, figures) = recorded(&world, &[], || pulse.speak("virtmic_sink"));
    let same = likeness(&read_wav(VOICE), &heard);
    assert!(same >= 0.99, "{same} {figures}");
    assert_eq!((&figures["host"], &figures["device"]), (&"pulseaudio".into(), &"virtmic".into()));
    assert_eq!((&figures["clipped"], &figures["overruns"]), (&0.into(), &0.into()));
    assert!(figures["first_sample_ms"].as_u64().unwrap() > 0);
}

#[test]
fn a_microphone_of_16_khz_is_heard_at_48() {
    if !are_here(&SERVER) {
        return;
    }
    let world = world();
    let pulse = Pulse::start(&world);
    pulse.pactl(&["load-module", "module-null-sink", "sink_name=slow", "norewinds=1", "rate=16000", "channels=1"]);
    let (heard, figures) = recorded(&world, &["--device=slow.monitor"], || pulse.speak("slow"));
    assert_eq!(figures["rate"], 16_000);
    let same = likeness(&dulled(&read_wav(VOICE)), &dulled(&heard));
    assert!(same >= 0.99, "{same} {figures}");
}

#[test]
fn the_one_channel_of_eight_that_speaks_is_heard_at_its_full_level() {
    if !are_here(&SERVER) {
        return;
    }
    let world = world();
    let pulse = Pulse::start(&world);
    pulse.pactl(&[
        "load-module",
        "module-null-sink",
        "sink_name=eight",
        "norewinds=1",
        "rate=48000",
        "channels=8",
        MAP,
    ]);
    let voice = read_wav(VOICE);
    let file = write_wav(&world.path("eight.wav"), &spoken(), 8, 6);
    let (heard, figures) = recorded(&world, &["--device=eight.monitor"], || pulse.play("eight", &file));
    assert_eq!((&figures["channels"], &figures["channel"]), (&8.into(), &6.into()));
    let same = likeness(&voice, &heard);
    assert!(same >= 0.99, "{same} {figures}");
    let most = |sound: &[f32]| sound.iter().fold(0.0, |m: f32, s| m.max(s.abs()));
    assert!((most(&heard) / most(&voice) - 1.0).abs() < 0.02, "{} of {}", most(&heard), most(&voice));
}

#[test]
fn too_much_volume_is_said_and_counted() {
    if !are_here(&SERVER) {
        return;
    }
    let world = world();
    let pulse = Pulse::start(&world);
    pulse.pactl(&["set-source-volume", "virtmic", "250%"]);
    let fac = Running::start(&world, &["voice", "level"]);
    fac.says("listening to", 1);
    pulse.speak("virtmic_sink");
    fac.says("too loud: ", 1);
    fac.says(" CLIP", 1);
    fac.interrupt();
    let said = fac.end();
    assert!(said.stderr.contains("turn the microphone down"), "{}", said.stderr);
    assert!(!said.stderr.contains(" 0 clipped"), "{}", said.stderr);
    assert_eq!(said.code, 0);
}

#[test]
fn a_muted_microphone_is_said_and_so_is_that_it_speaks_again() {
    if !are_here(&SERVER) {
        return;
    }
    let world = world();
    let pulse = Pulse::start(&world);
    pulse.pactl(&["set-source-mute", "virtmic", "1"]);
    let fac = Running::start(&world, &["voice", "level"]);
    fac.says("the microphone is muted", 1);
    fac.says("unmute it", 1);
    let doctor = world.run(&["voice", "doctor"]);
    assert_eq!(doctor.code, 1, "{}", doctor.stderr);
    assert!(doctor.stdout.contains("VirtualMic is muted"), "{}", doctor.stdout);
    pulse.pactl(&["set-source-mute", "virtmic", "0"]);
    pulse.speak("virtmic_sink");
    fac.says("sound comes again", 1);
    fac.interrupt();
    assert_eq!(fac.end().code, 0);
}

#[test]
fn a_microphone_that_is_pulled_out_is_said_and_the_next_default_is_heard() {
    if !are_here(&SERVER) {
        return;
    }
    let world = world();
    let pulse = Pulse::start(&world);
    let fac = Running::start(&world, &["voice", "level"]);
    fac.says("listening to VirtualMic ", 1);
    pulse.pactl(&["unload-module", "module-remap-source"]);
    fac.says("the microphone is gone: ", 1);
    fac.says("listening to Monitor of ", 1);
    fac.interrupt();
    assert_eq!(fac.end().code, 0);
}

/// As a headset does when it goes over from music to a call: the same microphone is gone, and there again as another.
#[test]
fn a_microphone_that_comes_back_with_another_rate_is_heard_again() {
    if !are_here(&SERVER) {
        return;
    }
    let world = world();
    let pulse = Pulse::start(&world);
    let sink = ["load-module", "module-null-sink", "sink_name=headset", "norewinds=1", "channels=1"];
    let music = pulse.pactl(&[&sink[..], &["rate=48000"]].concat());
    pulse.pactl(&["set-default-source", "headset.monitor"]);
    let fac = Running::start(&world, &["voice", "test", "--json", "--no-play", LONG, "--out=heard.wav"]);
    fac.says("say something", 1);
    pulse.pactl(&["unload-module", music.trim()]);
    fac.says("the microphone is gone: ", 1);
    fac.says("listening to ", 1);
    pulse.pactl(&[&sink[..], &["rate=16000"]].concat());
    pulse.pactl(&["set-default-source", "headset.monitor"]);
    fac.says("listening to ", 2);
    pulse.speak("headset");
    fac.interrupt();
    let figures = fac.end().ok();
    let same = piece_likeness(&dulled(&read_wav(VOICE)), &dulled(&read_wav(world.path("heard.wav"))));
    assert!(same >= 0.99, "{same} {figures}");
}

#[test]
fn a_wanted_microphone_that_is_not_there_is_said_and_the_default_is_heard() {
    if !are_here(&SERVER) {
        return;
    }
    let world = world();
    let pulse = Pulse::start(&world);
    world.run(&["config", "set", "voice.microphones", "headset", "virtual"]);
    let fac = Running::start(&world, &["voice", "level", "--device=headset"]);
    fac.says("headset is not there, listening to VirtualMic", 1);
    fac.interrupt();
    assert_eq!(fac.end().code, 0);
    drop(pulse);
}

#[test]
fn a_suspended_microphone_is_said_and_heard_again_when_it_wakes() {
    if !are_here(&SERVER) {
        return;
    }
    let world = world();
    let pulse = Pulse::start(&world);
    let fac = Running::start(&world, &["voice", "level"]);
    fac.says("listening to", 1);
    pulse.pactl(&["suspend-source", "virtmic", "1"]);
    fac.says("the sound system has suspended it", 1);
    pulse.pactl(&["suspend-source", "virtmic", "0"]);
    fac.says("listening to VirtualMic", 2);
    fac.interrupt();
    assert_eq!(fac.end().code, 0);
}

#[test]
fn a_server_that_dies_is_said_and_what_comes_after_it_is_heard() {
    if !are_here(&SERVER) {
        return;
    }
    let world = world();
    let mut pulse = Pulse::start(&world);
    let fac = Running::start(&world, &["voice", "level"]);
    fac.says("listening to", 1);
    pulse.kill();
    fac.says("the microphone is gone: ", 1);
    drop(pulse);
    let _again = Pulse::start(&world);
    fac.says("listening to VirtualMic", 2);
    fac.interrupt();
    assert_eq!(fac.end().code, 0);
}

#[test]
fn a_server_that_dies_for_good_ends_the_listening_with_a_way_forward() {
    if !are_here(&SERVER) {
        return;
    }
    let world = world();
    std::fs::write(world.fac().join("config.toml"), "[voice]\npatience = \"1s\"\n").unwrap();
    let mut pulse = Pulse::start(&world);
    let fac = Running::start(&world, &["voice", "level"]);
    fac.says("listening to", 1);
    pulse.kill();
    let said = fac.end().failed(5);
    assert!(said.contains("error: there is no microphone that can be opened"), "{said}");
    assert!(said.contains("hint: "), "{said}");
    assert!(!said.contains("ALSA lib"), "{said}");
}

#[test]
fn what_is_played_back_arrives_at_the_speaker_as_it_was_recorded() {
    if !are_here(&[&SERVER[..], &["parec"]].concat()) {
        return;
    }
    let world = world();
    let pulse = Pulse::start(&world);
    let speaker = pulse.record("virtspk.monitor");
    let fac = Running::start(&world, &["voice", "test", "--seconds=6", "--out=heard.wav"]);
    fac.says("say something", 1);
    pulse.speak("virtmic_sink");
    fac.says("playing it back on VirtualSpeaker", 1);
    let said = fac.end();
    assert_eq!(said.code, 0, "{}", said.stderr);
    let clip = read_wav(world.path("heard.wav"));
    assert_eq!(clip.len(), 6 * 48_000);
    let same = likeness(&clip, &speaker.after(48_000));
    assert!(same >= 0.99, "{same}\n{}{}", said.stdout, said.stderr);
}

#[test]
fn two_programs_hear_the_same_microphone_at_once() {
    if !are_here(&SERVER) {
        return;
    }
    let world = world();
    let pulse = Pulse::start(&world);
    let start = |out: &str| Running::start(&world, &["voice", "test", "--no-play", LONG, out]);
    let (one, two) = (start("--out=one.wav"), start("--out=two.wav"));
    one.says("say something", 1);
    two.says("say something", 1);
    pulse.speak("virtmic_sink");
    for (fac, file) in [(one, "one.wav"), (two, "two.wav")] {
        fac.interrupt();
        let said = fac.end().ok();
        let same = likeness(&read_wav(VOICE), &read_wav(world.path(file)));
        assert!(same >= 0.99, "{file}: {same}\n{said}");
    }
}

#[test]
fn without_a_server_alsa_is_heard_and_its_chatter_is_not() {
    if !are_here(&[]) {
        return;
    }
    let world = world();
    let pipe = Pipe::start(&world);
    let voice = read_wav(VOICE);
    let mut said = None;
    // On a busy machine the pipe tears the sound: ALSA fills up what it does not find in it with zeros.
    until("a voice came through the pipe", || {
        let fac = Running::start(&world, &["voice", "test", "--no-play", LONG, "--out=heard.wav"]);
        fac.says("say something", 1);
        pipe.say(&spoken());
        fac.interrupt();
        said = Some(fac.end());
        piece_likeness(&voice, &read_wav(world.path("heard.wav"))) >= 0.99
    });
    let said = said.unwrap();
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(said.stderr.starts_with("listening to Default Audio Device (alsa, 48000 Hz, "), "{}", said.stderr);
    assert!(!said.stderr.contains("ALSA lib"), "{}", said.stderr);
}

#[test]
fn a_device_that_hangs_is_said_and_hangs_nobody() {
    if !are_here(&[]) {
        return;
    }
    let world = world();
    let pipe = Pipe::start(&world);
    let fac = Running::start(&world, &["voice", "level"]);
    fac.says("listening to", 1);
    pipe.hold();
    fac.says("no sound has come for ", 1);
    fac.interrupt();
    assert_eq!(fac.end().code, 0);
}

#[test]
fn without_any_sound_the_reason_is_said_on_a_clean_terminal() {
    let world = world();
    for words in [&["voice", "level"][..], &["voice", "test"], &["voice", "devices"]] {
        let said = world.run(words).failed(5);
        assert!(said.starts_with("error: there is no microphone that can be opened: "), "{said}");
        assert_eq!(said.lines().count(), 2, "{said}");
    }
    let doctor = world.run(&["voice", "doctor"]);
    assert_eq!((doctor.code, doctor.stderr.as_str()), (5, "listening for a moment: say something\n"));
    assert!(doctor.stdout.contains("! system      no sound server is running for this user\n"), "{}", doctor.stdout);
    assert!(doctor.stdout.contains("→ start one: "), "{}", doctor.stdout);
}

#[test]
fn devices_are_listed_with_what_the_server_knows_of_them() {
    if !are_here(&SERVER) {
        return;
    }
    let world = world();
    let pulse = Pulse::start(&world);
    pulse.pactl(&["set-source-mute", "virtmic", "1"]);
    pulse.pactl(&["set-sink-volume", "virtspk", "40%"]);
    let list = world.run(&["voice", "devices"]).ok();
    let rows: Vec<Vec<&str>> = list.lines().map(|line| line.split_whitespace().collect()).collect();
    let first =
        ["*", "microphone", "virtmic", "VirtualMic", "pulseaudio", "48000", "1", "muted,", "volume", "100", "%"];
    assert_eq!((rows.len(), &rows[0][..]), (3, &first[..]), "{list}");
    assert_eq!(rows[1][..5], ["*", "speaker", "virtspk", "VirtualSpeaker", "pulseaudio"], "{list}");
    let json: serde_json::Value = serde_json::from_str(&world.run(&["voice", "devices", "--json"]).ok()).unwrap();
    let (mic, speaker) = (&json["devices"][0], &json["devices"][1]);
    assert_eq!((&mic["name"], &mic["default"], &mic["muted"]), (&"virtmic".into(), &true.into(), &true.into()));
    assert_eq!((&speaker["name"], &speaker["volume"]), (&"virtspk".into(), &40.into()));
}
