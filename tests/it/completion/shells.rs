//! The scripts in real shells: the key is pressed, and what then stands on the line is what was meant.

use super::kit;
use crate::support::pty::Seat;
use crate::support::world::World;

/// The shell's path, or a word that it is missing.
fn shell(world: &World, name: &str) -> Option<String> {
    let found = world.which(name).map(|p| p.display().to_string());
    if found.is_none() {
        println!("skipped: {name} is not installed");
    }
    found
}

/// A world with `fac` on PATH, odd names and files, and an installed completion script.
fn shelled() -> World {
    let mut world = kit();
    let bin = std::path::Path::new(env!("CARGO_BIN_EXE_fac")).parent().unwrap().to_path_buf();
    world.prepend_path(&bin);
    world.run(&["commands", "new", "weird<x>", "--script", "true"]).stdout.clear();
    world.write("some file.txt", "");
    for shell in ["bash", "zsh", "fish", "elvish"] {
        world.write(&format!("fac.{shell}"), world.run(&["completions", shell]).ok());
    }
    world
}

/// Types `typed` and a tab, waits for `wanted` on the line, and checks nothing else ran.
fn completes(seat: &mut Seat, typed: &str, wanted: &str) {
    seat.press(typed).press("\t").expect(wanted.trim_end()).press("\x15");
}

#[test]
fn bash_asked_by_function() {
    let world = shelled();
    let Some(bash) = shell(&world, "bash") else { return };
    let script = r#"
        source ./fac.bash
        ask() {
            COMP_LINE="$1" COMP_POINT=${#1}
            COMP_WORDS=(fac) COMP_CWORD=1
            _fac
            printf '%s|' "${COMPREPLY[@]}"; echo
        }
        ask "fac too"; ask "fac tool b"; ask "fac kit:to"; ask "fac tool build --channel=s"; ask "fac 'too"
        ask 'fac "kit:to'; ask "fac commands sh"; ask "fac tool build x --"
    "#;
    let out = world.program(&bash, &["--norc", "-c", script]).output().unwrap();
    let said = String::from_utf8(out.stdout).unwrap();
    assert_eq!(
        said,
        "tool|\nbuild|bundle|\ntool|town|\nstable|\ntool|\nkit:tool|kit:town|\nshow|\n--channel|--fast|--help|--dry-run|--json|\n",
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
}

#[test]
fn bash_on_a_terminal() {
    let world = shelled();
    let Some(bash) = shell(&world, "bash") else { return };
    world.write("rc", "PS1='> '\nsource ./fac.bash\nbind 'set enable-bracketed-paste off'\n");
    let mut seat = Seat::start(&world, &bash, &["--noprofile", "--rcfile", "rc", "-i"], 100, 40);
    seat.expect(">");
    completes(&mut seat, "fac comma", "fac commands ");
    completes(&mut seat, "fac tool bui", "fac tool build ");
    completes(&mut seat, "fac kit:tow", "fac kit:town ");
    completes(&mut seat, "fac tool build --channel=st", "--channel=stable ");
    completes(&mut seat, "fac tool build x so", "fac tool build x some\\ file.txt ");
    completes(&mut seat, "fac 'tow", "fac 'town' ");
    seat.press("exit\r");
    seat.end();
}

#[test]
fn zsh_on_a_terminal() {
    let world = shelled();
    let Some(zsh) = shell(&world, "zsh") else { return };
    world.write(
        "z/.zshrc",
        "PS1='> '\nautoload -U compinit\ncompinit -u -D\nsource ./fac.zsh\nunsetopt zle_bracketed_paste 2>/dev/null\n",
    );
    let mut world = world;
    let z = world.path("z").display().to_string();
    world.set("ZDOTDIR", &z);
    let mut seat = Seat::start(&world, &zsh, &["-d", "-i"], 100, 40);
    seat.expect(">");
    completes(&mut seat, "fac comma", "fac commands ");
    completes(&mut seat, "fac tool bui", "fac tool build ");
    completes(&mut seat, "fac kit:tow", "fac kit:town ");
    completes(&mut seat, "fac tool build --channel=st", "--channel=stable ");
    completes(&mut seat, "fac tool build x so", "fac tool build x some\\ file.txt ");
    seat.press("exit\r");
    seat.end();
}

#[test]
fn fish_asked_and_on_a_terminal() {
    let world = shelled();
    let Some(fish) = shell(&world, "fish") else { return };
    let ask = |line: &str| {
        let script = format!("source ./fac.fish; complete -C '{line}'");
        let out = world.program(&fish, &["--no-config", "-c", &script]).output().unwrap();
        String::from_utf8(out.stdout).unwrap()
    };
    assert_eq!(ask("fac tow"), "town\tAnother\n");
    assert_eq!(ask("fac tool b"), "build\tBuild it\nbundle\tBundle it\n");
    assert_eq!(ask("fac kit:tow"), "kit:town\tAnother\n");
    assert_eq!(ask("fac tool build --channel "), "beta\nstable\n");
    assert_eq!(ask("fac comma"), "commands\tList, show, check, write and export commands\n");
    assert!(ask("fac tool build x some").contains("some file.txt"));
}

#[test]
fn elvish_on_a_terminal() {
    let world = shelled();
    let Some(elvish) = shell(&world, "elvish") else { return };
    let prompt = "set edit:prompt = { put '> ' }\nset edit:rprompt = { }\n";
    world.write("rc", format!("{prompt}eval (slurp < fac.elvish)\n"));
    let mut seat = Seat::start(&world, &elvish, &["-rc", "rc"], 100, 40);
    seat.expect(">");
    completes(&mut seat, "fac comma", "fac commands ");
    completes(&mut seat, "fac tool bui", "fac tool build ");
    completes(&mut seat, "fac kit:tow", "fac kit:town ");
    seat.press("fac sour\t").expect("fac source").press("tru\t").expect("fac source trust").press("\x15");
    // Of several what they share, then the first, with what they do below.
    seat.press("fac tool b\t").expect("fac tool bu").press("\t").expect("bundle (Bundle it)").press("\r\x15");
    completes(&mut seat, "fac tool build x so", "fac tool build x 'some file.txt'");
    seat.press("\r\x15exit\r");
    seat.end();
}

#[test]
fn the_wish_key_s_code_is_accepted_by_its_shell() {
    let world = World::new();
    for (name, check) in [("bash", "-n"), ("zsh", "-n"), ("fish", "-n")] {
        let Some(program) = shell(&world, name) else { continue };
        world.write("code", world.run(&["shell-init", name]).ok());
        assert!(world.program(&program, &[check, "code"]).status().unwrap().success(), "{name}");
        world.write("code", world.run(&["completions", name]).ok());
        assert!(world.program(&program, &[check, "code"]).status().unwrap().success(), "{name}");
    }
}
