//! The wish key in real shells: a model writes the line, nothing runs, and Ctrl-C leaves what was typed.

use super::kit;
use crate::ask::configure;
use crate::support::model::{Answer, ModelServer, Place};
use crate::support::pty::Seat;
use crate::support::world::World;

const ALT_E: &str = "\x1be";

/// A world with `fac` on PATH and the key in the start-up file of each shell.
fn shelled(server: Option<&ModelServer>) -> World {
    let mut world = kit();
    let bin = std::path::Path::new(env!("CARGO_BIN_EXE_fac")).parent().unwrap().to_path_buf();
    world.prepend_path(&bin);
    let models = match server {
        Some(server) => {
            let url = server.url();
            format!("model = \"my/test-model\"\n[providers.my]\nwire = \"openai\"\nurl = \"{url}/v1/\"\nretries = 0\n")
        }
        None => String::new(),
    };
    configure(&world, &format!("local_models = false\n{models}"));
    for shell in ["bash", "zsh", "fish"] {
        world.write(&format!("key.{shell}"), world.run(&["shell-init", shell]).ok());
    }
    world.write("rc", "PS1='> '\nsource ./key.bash\nbind 'set enable-bracketed-paste off'\n");
    world.write("z/.zshrc", "PS1='> '\nsource ./key.zsh\nunsetopt zle_bracketed_paste 2>/dev/null\n");
    let z = world.path("z").display().to_string();
    world.set("ZDOTDIR", &z);
    world.set("fish_greeting", "");
    world
}

/// Each shell that is installed, at its prompt.
fn each_shell(world: &World, mut look: impl FnMut(&str, &mut Seat)) {
    let fish = "function fish_prompt; echo -n '> '; end; source ./key.fish";
    let starts: [(&str, &[&str]); 3] = [
        ("bash", &["--noprofile", "--rcfile", "rc", "-i"]),
        ("zsh", &["-d", "-i"]),
        ("fish", &["--no-config", "-i", "-C", fish]),
    ];
    for (name, args) in starts {
        let Some(program) = world.which(name) else {
            println!("skipped: {name} is not installed");
            continue;
        };
        let mut seat = Seat::start(world, &program.display().to_string(), args, 100, 40);
        seat.expect(">");
        look(name, &mut seat);
        seat.press("\x15exit\r");
        seat.end();
    }
}

#[test]
fn a_model_writes_the_line_and_nothing_runs() {
    let server = ModelServer::start();
    let world = shelled(Some(&server));
    each_shell(&world, |name, seat| {
        server.answer(Answer::text("```sh\necho made > made.txt\n```\n").usage(9, 4, 0, 0));
        seat.press("biggest files here").expect("biggest files here").press(ALT_E);
        seat.expect("echo made > made.txt");
        assert!(!world.path("made.txt").exists(), "{name}");
        let asked = server.last();
        assert_eq!(asked.last_user(), "biggest files here", "{name}");
        assert!(asked.system().contains(&format!("The shell is {name} on linux")), "{}", asked.system());
        // It is a line like any other: a person runs it.
        seat.press("\r").press("echo 'all''2' done\r").expect("all2 done");
        assert_eq!(world.read("made.txt"), "made\n", "{name}");
        std::fs::remove_file(world.path("made.txt")).unwrap();
    });
    assert!(world.run(&["usage", "--json"]).ok().contains("\"calls\":"));
    assert!(world.run(&["sessions", "ls", "--json"]).ok().contains("\"sessions\":[]"));
}

#[test]
fn ctrl_c_leaves_the_line_as_it_was() {
    let server = ModelServer::start();
    let world = shelled(Some(&server));
    let mut held = 0;
    each_shell(&world, |name, seat| {
        server.answer(Answer::text("never seen").hold(Place::Head));
        seat.press("echo still").expect("echo still").press(ALT_E).expect("Ctrl-C leaves the line as it is");
        held += 1;
        server.wait_held(held);
        seat.press("\x03");
        server.wait_ended(server.all_asked().len() - 1);
        // The same line is run.
        seat.press("\x05 here > kept.txt\r").press("echo 'all''2' done\r").expect("all2 done");
        assert_eq!(world.read("kept.txt"), "still here\n", "{name}");
        std::fs::remove_file(world.path("kept.txt")).unwrap();
    });
}

#[test]
fn a_failure_is_said_and_leaves_the_line() {
    let server = ModelServer::start();
    let world = shelled(Some(&server));
    each_shell(&world, |name, seat| {
        server.answer(Answer::wrong_key());
        seat.press("echo still").expect("echo still").press(ALT_E).expect("key");
        seat.press("\x05 here > kept.txt\r").press("echo 'all''2' done\r").expect("all2 done");
        assert_eq!(world.read("kept.txt"), "still here\n", "{name}");
        std::fs::remove_file(world.path("kept.txt")).unwrap();
    });
}

#[test]
fn without_a_model_the_commands_that_are_installed_answer() {
    let world = shelled(None);
    each_shell(&world, |_, seat| {
        seat.press("town").expect("town").press(ALT_E).expect("fac town");
    });
}
