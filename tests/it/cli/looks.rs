//! What people see at eighty columns, word for word.

use crate::support::pty::Seat;
use crate::support::world::World;

/// The screen at eighty columns without colours; what differs from run to run is hidden.
fn look(world: &World, args: &[&str]) -> String {
    let (_, written) = Seat::fac(world, args, 80, 300).end();
    let root = world.fac().parent().unwrap().display().to_string();
    written.replace("\r\n", "\n").replace(&root, "/tmp/w")
}

fn world() -> World {
    let mut world = World::new();
    world.set("NO_COLOR", "1");
    world.set("PAGER", "cat");
    world.set("FAC_TEST_CLOCK", "2026-11-05T12:00:00Z");
    world
}

macro_rules! snapshot {
    ($world:expr, $args:expr) => {
        insta::with_settings!({filters => vec![
            (r"/tmp/w\S*", "[path]"),
            (r"(?m)^[0-9a-f]{8} ", "[run id] "),
            (r" +\d+ ms(  +|\n)", "  [took]$1"),
            (r"[\d.]+ [kMGT]?B free", "[n] MB free"),
            (r"outputs [\d.]+ [kMGT]?B, cache [\d.]+ [kMGT]?B;", "outputs [n] MB, cache [n] MB;"),
            (r"[\d.]+ MB\b", "[n] MB"),
            (r"fac 0\.\d+\.\d+", "fac [version]"),
            (r"on \w+ \w+\n", "on [platform]\n"),
            (r"(bubblewrap|landlock) keeps", "[wall] keeps"),
            (r"(run here|not installed): .*", "$1: [languages]"),
        ]}, {
            insta::assert_snapshot!(look($world, $args));
        });
    };
}

#[test]
fn help() {
    snapshot!(&world(), &["--help"]);
}

#[test]
fn help_run() {
    snapshot!(&world(), &["run", "--help"]);
}

#[test]
fn help_source() {
    snapshot!(&world(), &["source", "--help"]);
}

#[test]
fn commands_ls() {
    snapshot!(&world(), &["commands", "ls", "git"]);
}

#[test]
fn commands_show() {
    snapshot!(&world(), &["commands", "show", "git", "recent"]);
}

#[test]
fn command_help() {
    snapshot!(&world(), &["files", "extract", "--help"]);
}

#[test]
fn runs_ls() {
    let mut world = world();
    world.run(&["commands", "new", "greet <who>", "--script", "echo \"hello $who\""]).ok();
    world.run(&["commands", "new", "fail", "--script", "exit 3"]).ok();
    world.run(&["greet", "Ada"]).ok();
    world.set("FAC_TEST_CLOCK", "2026-11-05T12:01:00Z");
    world.run(&["greet", "somebody with a name that is far too long for one line of a terminal"]).ok();
    world.set("FAC_TEST_CLOCK", "2026-11-05T12:02:00Z");
    world.run(&["fail"]);
    snapshot!(&world, &["runs", "ls"]);
}

#[test]
fn source_ls() {
    let world = world();
    world.write("kit/maskfile.md", "## build\n\n~~~sh\necho built\n~~~\n");
    world.run(&["source", "add", "./kit"]).ok();
    let (_, written) = Seat::fac(&world, &["source", "ls"], 80, 300).end();
    let lines: Vec<&str> = written.lines().collect();
    assert_eq!(lines.len(), 3, "{written}");
    assert!(lines[0].starts_with("NAME     COMMANDS  TRUST      STATE  VERSION  WHERE"), "{written}");
    assert!(lines.iter().any(|l| l.starts_with("kit      1         untrusted  ok     ")), "{written}");
}

#[test]
fn doctor() {
    let mut world = world();
    for name in ["SSL_CERT_FILE", "GH_TOKEN"] {
        world.set(name, "");
    }
    world.set("PATH", "/usr/bin:/bin");
    // What runs on the machine of the test is not part of the picture.
    world.set("FAC_LOCAL_MODELS", "false");
    snapshot!(&world, &["doctor"]);
}
