//! From a microphone to text through the built program, with a real sound server, real voices and a real recogniser.

use serde_json::json;

use crate::support::sound::{Pulse, Running, are_here, world};
use crate::support::world::World;

const PROGRAMS: [&str; 4] = ["pulseaudio", "pactl", "paplay", "pocketsphinx_continuous"];
const GRAMMAR: &str = "#JSGF V1.0;\ngrammar p;\npublic <p> = <a> <b>;\n<a> = front | rear | side;\n\
                       <b> = left | right | center;\n";

/// A world in which the words of alsa-utils' prompts are understood.
pub fn understanding() -> World {
    let world = world();
    let grammar = world.write("grammar.jsgf", GRAMMAR);
    let command = json!(["pocketsphinx_continuous", "-infile", "{wav}", "-jsgf", grammar, "-logfn", "/dev/null"]);
    world.run(&["config", "set", "voice.transcribers.sphinx.command", &command.to_string()]).ok();
    world.run(&["config", "set", "voice.transcriber", "sphinx"]).ok();
    world
}

pub fn say(pulse: &Pulse<'_>, words: &str) {
    pulse.play("virtmic_sink", std::path::Path::new(&format!("/usr/share/sounds/alsa/{words}.wav")));
}

#[test]
fn what_is_said_is_written_down_when_nobody_speaks_any_more() {
    if !are_here(&PROGRAMS) {
        return;
    }
    let world = understanding();
    let pulse = Pulse::start(&world);
    let fac = Running::start(&world, &["listen", "--until-silence"]);
    fac.says("listening to", 1);
    say(&pulse, "Front_Left");
    assert_eq!(fac.end().ok(), "front left\n");
    let kept = world.run(&["voice", "recordings", "ls", "--json"]).ok();
    assert!(kept.contains("front left"), "{kept}");
}

#[test]
fn another_process_ends_it_and_only_one_listens() {
    if !are_here(&PROGRAMS) {
        return;
    }
    let world = understanding();
    let pulse = Pulse::start(&world);
    world.run(&["listen", "--stop"]).failed(3);
    let fac = Running::start(&world, &["listen", "--json"]);
    fac.says("listening to", 1);
    assert!(world.run(&["listen"]).failed(1).contains("another `fac listen` has the microphone"));
    say(&pulse, "Rear_Right");
    world.run(&["listen", "--toggle"]).ok();
    let said: serde_json::Value = serde_json::from_str(&fac.end().ok()).unwrap();
    assert_eq!((&said["text"], &said["engine"]), (&"rear right".into(), &"sphinx".into()));
    // What is given up leaves nothing behind.
    let fac = Running::start(&world, &["listen"]);
    fac.says("listening to", 1);
    fac.interrupt();
    assert_eq!(fac.end().code, 130);
    let kept = world.run(&["voice", "recordings", "ls", "--json"]).ok();
    assert_eq!(kept.matches("\"id\"").count(), 1, "{kept}");
}

#[test]
fn what_was_said_before_a_kill_can_still_be_written_down() {
    if !are_here(&PROGRAMS) {
        return;
    }
    let world = understanding();
    let pulse = Pulse::start(&world);
    let fac = Running::start(&world, &["listen"]);
    fac.says("listening to", 1);
    say(&pulse, "Rear_Center");
    // So much later that all of it is on the disk, where the header says what is there twice a second.
    pulse.speak("virtmic_sink");
    fac.kill();
    let kept = world.run(&["voice", "recordings", "ls", "--json"]).ok();
    assert!(kept.contains("\"status\":\"pending\""), "{kept}");
    let written = world.run(&["voice", "retry", "--all"]).ok();
    assert!(written.contains("rear center"), "{written}");
    // Nobody holds the microphone any more.
    let fac = Running::start(&world, &["listen", "--until-silence"]);
    fac.says("listening to", 1);
    say(&pulse, "Front_Left");
    assert_eq!(fac.end().ok(), "front left\n");
}

#[test]
fn a_phrase_runs_its_command() {
    if !are_here(&PROGRAMS) {
        return;
    }
    let world = understanding();
    let pulse = Pulse::start(&world);
    let folder = world.fac().join("config/commands");
    std::fs::create_dir_all(&folder).unwrap();
    let text = "---\nfactotum: 1\n---\n### `/where <side>`\n**Effects:** read\n**On:**\n- `voice \"front {side}\"`\n\n\
         ```sh\necho \"side=$side\"\n```\n### `/doit`\n**On:**\n- `voice \"rear left\"`\n\n```sh\ntouch ran\n```\n";
    std::fs::write(folder.join("where.md"), text).unwrap();
    let listen = |words: &str| {
        let fac = Running::start(&world, &["listen", "--until-silence", "--run"]);
        fac.says("listening to", 1);
        say(&pulse, words);
        fac.end()
    };
    let out = listen("Front_Right");
    assert_eq!(out.stdout, "side=right\n", "{out:?}");
    // What may change something is asked about, and nobody is here to answer.
    let out = listen("Rear_Left");
    assert!(out.code == 4 && out.stderr.contains("it may change something"), "{out:?}");
    assert!(!world.path("ran").exists());
    assert_eq!(listen("Side_Left").code, 3);
}

#[test]
fn nobody_speaks_and_nobody_can_write() {
    let world = world();
    let said = world.run(&["listen"]).failed(5);
    assert!(said.contains("hint:"), "{said}");
    if !are_here(&PROGRAMS) {
        return;
    }
    let world = understanding();
    let _pulse = Pulse::start(&world);
    world.run(&["config", "set", "voice.give_up", "1s"]).ok();
    assert!(world.run(&["listen", "--until-silence"]).failed(3).contains("nobody spoke"));
    let kept = world.run(&["voice", "recordings", "ls", "--json"]).ok();
    assert_eq!(kept.matches("\"id\"").count(), 0, "{kept}");
}
