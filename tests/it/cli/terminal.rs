//! What changes where stdout is a terminal, and what must not.

use std::process::Stdio;

use crate::support::pty::Seat;
use crate::support::world::World;

fn on_terminal(world: &World, columns: u16, args: &[&str]) -> String {
    let (_, written) = Seat::fac(world, args, columns, 200).end();
    written.replace("\r\n", "\n")
}

/// Text without the colours that this program uses.
fn plain(text: &str) -> String {
    let mut out = String::new();
    let mut parts = text.split("\x1b[");
    out.push_str(parts.next().unwrap());
    parts.for_each(|part| out.push_str(part.split_once('m').unwrap().1));
    out
}

#[test]
fn lists_fit_the_terminal_and_are_whole_in_a_pipe() {
    let mut world = World::new();
    world.set("PAGER", "");
    let long = "x".repeat(200);
    world.run(&["commands", "new", &format!("long-{long} <who>"), "-d", &long, "--script", "echo"]).ok();
    world.run(&["run", &format!("long-{long}"), &long]).ok();
    for args in [
        &["commands", "ls"][..],
        &["runs", "ls"],
        &["source", "ls"],
        &["config", "explain"],
        &["events", "tail"],
        &["search", "files"],
        &["doctor"],
        &["--help"],
        &["source", "--help"],
        &["run", "--help"],
    ] {
        for columns in [60, 80, 120] {
            let shown = plain(&on_terminal(&world, columns, args));
            let widest = shown.lines().max_by_key(|l| l.chars().count()).unwrap_or_default();
            assert!(widest.chars().count() <= usize::from(columns), "{args:?} at {columns}: {widest}");
        }
    }
    let piped = world.run(&["commands", "ls"]).ok();
    assert!(piped.lines().any(|l| l.starts_with(&format!("long-{long}")) && l.ends_with(&long)), "{piped}");
    assert!(!piped.contains("NAME  "), "no heading in a pipe");
    assert!(world.run(&["runs", "ls"]).ok().contains(&format!("who={long}")));
}

#[test]
fn colours_come_where_they_are_welcome() {
    let mut world = World::new();
    world.run(&["commands", "ls"]).ok();
    let escapes = |text: &str| text.matches('\x1b').count();
    assert!(escapes(&on_terminal(&world, 80, &["source", "ls"])) > 0);
    assert!(escapes(&on_terminal(&world, 80, &["--help"])) > 0);
    assert_eq!(escapes(&on_terminal(&world, 80, &["--color", "never", "source", "ls"])), 0);
    assert_eq!(escapes(&on_terminal(&world, 80, &["--color=never", "--help"])), 0);
    assert_eq!(escapes(&on_terminal(&world, 80, &["source", "ls", "--json"])), 0);
    for args in [&["source", "ls"][..], &["--help"], &["commands", "show", "calc"], &["doctor"], &["nosuch"]] {
        let out = world.run(args);
        assert_eq!(escapes(&format!("{}{}", out.stdout, out.stderr)), 0, "{args:?}");
    }
    let out = world.run(&["--color", "always", "source", "ls"]);
    assert!(escapes(&out.stdout) > 0);
    assert!(escapes(&world.run(&["--color", "always", "--help"]).ok()) > 0);
    assert!(escapes(&world.run(&["--color", "always", "nosuch"]).stderr) > 0);
    assert_eq!(escapes(&world.run(&["--color", "always", "--json", "source", "ls"]).ok()), 0);
    // The settings say it for good, and a variable says it before them.
    world.run(&["config", "set", "color", "always"]).ok();
    assert!(escapes(&world.run(&["source", "ls"]).ok()) > 0);
    world.set("NO_COLOR", "1");
    assert_eq!(escapes(&on_terminal(&world, 80, &["source", "ls"])), 0);
    assert_eq!(escapes(&world.run(&["source", "ls"]).ok()), 0);
    assert!(escapes(&world.run(&["--color", "always", "source", "ls"]).ok()) > 0);
}

#[test]
fn a_pipe_that_closes_early_is_no_error() {
    let world = World::new();
    for i in 0..3 {
        world.run(&["commands", "new", &format!("long-{i}"), "-d", &"x".repeat(60_000), "--script", "true"]).ok();
    }
    for args in
        ["commands ls", "commands ls --json", "commands show calc", "--help", "man", "completions zsh", "doctor"]
    {
        let script = format!("\"$0\" {args} 2>err | head -n 1 >out; echo ${{PIPESTATUS[0]}}; cat err");
        let mut command = world.program("bash", &["-c", &script, env!("CARGO_BIN_EXE_fac")]);
        let out = command.stdin(Stdio::null()).output().unwrap();
        let said = String::from_utf8(out.stdout).unwrap();
        let quiet = if args == "doctor" { said.starts_with("0\n") } else { said == "0\n" };
        assert!(quiet, "{args}: {said}");
    }
    let out = world.sh(&format!("{} commands ls >&- 2>err || echo \"code $?\"; cat err", env!("CARGO_BIN_EXE_fac")));
    assert!(!out.contains("panic"), "{out}");
}

#[test]
fn what_does_not_fit_goes_through_the_pager() {
    let mut world = World::new();
    world.run(&["commands", "ls"]).ok();
    let pager = world.write("page", "#!/bin/sh\necho paged\nhead -n 3\n");
    std::fs::set_permissions(&pager, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    world.set("PAGER", pager.to_str().unwrap());
    let (code, written) = Seat::fac(&world, &["commands", "ls"], 80, 24).end();
    assert!(written.starts_with("paged\r\n") && written.lines().count() == 4, "{written}");
    assert_eq!(code, 0);
    let (_, written) = Seat::fac(&world, &["source", "ls"], 80, 24).end();
    assert!(!written.contains("paged"), "what fits is printed");
    assert!(!world.run(&["commands", "ls"]).ok().contains("paged"));
    world.set("PAGER", "no-such-pager");
    let (code, written) = Seat::fac(&world, &["commands", "ls"], 80, 24).end();
    assert!(code == 0 && written.contains("git recent"), "a pager that is missing is done without");
}

#[test]
fn init_leads_through_the_first_steps() {
    let mut world = World::new();
    world.set("SHELL", "/bin/bash");
    world.write("kit/maskfile.md", "## build\n\n~~~sh\necho built\n~~~\n");
    let mut seat = Seat::fac(&world, &["init"], 100, 40);
    seat.expect("Make a folder for your own commands").press("y");
    seat.expect("Install completions for bash").press("y");
    seat.expect("Colours").press("\r");
    seat.expect("A repository or folder").press("./kit\r");
    // It is asked for once more.
    seat.expect_times("(empty: none)", 2).press("\r");
    seat.expect("Done.");
    assert_eq!(seat.end().0, 0);
    assert!(world.fac().join("config/commands").is_dir());
    let script = std::fs::read_to_string(world.home().join(".local/share/bash-completion/completions/fac")).unwrap();
    assert_eq!(script, world.run(&["completions", "bash"]).ok());
    assert!(world.run(&["source", "ls"]).ok().contains("kit"));
}
