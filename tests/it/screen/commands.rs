//! Commands and their runs on a pseudo-terminal.

use crate::run::runs;
use crate::support::pty::Seat;
use crate::support::world::World;

const KIT: &str = "---\nfactotum: 1\n---\n### `/greet <who> [how=softly|loudly]`\n```sh\n\
printf 'hello %s, %s' \"$who\" \"$how\" | tee greeted\n```\n### `/linger`\n```sh\n\
echo be'gu'n\ntail -f /dev/null\n```\n";

/// Stands below what a run wrote once nothing of it can be cut short any more.
pub const OVER: &str = "━━ ✓ ok";

/// A world with a source that nobody trusts yet.
fn world() -> World {
    let world = World::new();
    world.write("kit/kit.md", KIT);
    world.run(&["source", "add", "./kit", "--name", "kit"]).ok();
    world
}

/// The commands tab, with the cursor on a command.
fn seat(world: &World, command: &str, title: &str) -> Seat {
    let mut seat = Seat::fac(world, &["tui", "--tab", "commands"], 120, 40);
    seat.expect("╭ ").press("/").press(command).expect(title).press("\r");
    seat
}

#[test]
fn a_command_goes_from_its_form_over_trust_to_its_output() {
    let mut world = world();
    world.set("FAC_TEST_PATIENCE", "0");
    let mut seat = seat(&world, "greet", "╭ kit:greet");
    seat.press("\r")
        .expect("Run greet")
        .press("Ada\r")
        .expect("‹ softly ›")
        .press("\x1b[C")
        .expect("‹ loudly ›")
        .press("\r");
    seat.expect("Trust exactly this").expect("from  kit").expect("trust and run");
    // Enter alone trusts nothing.
    seat.press("\r").expect("dry run");
    assert!(!world.path("greeted").exists() && runs(&world).is_empty());
    // What was filled in is still there.
    seat.press("\r").expect("Run greet").expect("* Ada").expect("‹ loudly ›").press("\r\r");
    seat.expect("trust and run").press("t").expect("hello Ada, loudly").expect(OVER).press("\x11");
    assert_eq!(seat.end().0, 0);
    assert_eq!(world.read("greeted"), "hello Ada, loudly");
    let runs = runs(&world);
    assert_eq!((runs.len(), runs[0]["status"].as_str(), runs[0]["command"].as_str()), (1, Some("ok"), Some("greet")));
}

#[test]
fn leaving_while_something_runs_is_asked_about_and_recorded() {
    let world = world();
    world.run(&["source", "trust", "kit", "--yes"]).ok();
    let mut seat = seat(&world, "linger", "╭ kit:linger");
    seat.press("\r").expect("begun").press("q").expect("Leave all the same?").expect("would be stopped: kit:linger");
    // Enter alone stays, and the run goes on.
    seat.press("\r")
        .expect("x stop")
        .press("\x1b9")
        .expect("the database is sound")
        .press("\x11")
        .expect("Leave all the same?");
    assert_eq!(runs(&world)[0]["status"], "running");
    seat.press("y");
    assert_eq!(seat.end().0, 0);
    let runs = runs(&world);
    assert_eq!((runs.len(), runs[0]["status"].as_str()), (1, Some("interrupted")), "{runs:?}");
}
