//! The full-screen terminal as a person meets it: the real program on a pseudo-terminal.

mod chat;
pub mod commands;
mod pictures;

use rustix::process::{Pid, Signal, kill_process};

use crate::support::pty::Seat;
use crate::support::world::World;

/// What the terminal gets back: the screen it had, its cursor, its keys.
const GIVEN_BACK: [&str; 4] = ["\x1b[?1049l", "\x1b[?25h", "\x1b[?2004l", "\x1b[?1002l"];

fn world() -> World {
    let world = World::new();
    world.run(&["disk", "free"]).ok();
    world
}

/// Everything that was switched on was switched off again, behind the last thing that was drawn.
fn assert_given_back(written: &str) {
    for sequence in GIVEN_BACK {
        let on = sequence.replace('l', "h");
        let on = if sequence.ends_with('h') { "\x1b[?25l".to_string() } else { on };
        let (off, on) = (written.rfind(sequence), written.rfind(&on));
        assert!(off.is_some() && off > on, "{sequence:?} is missing at the end of {written:?}");
    }
}

#[test]
fn fac_alone_opens_it_and_every_tab_shows_something() {
    let world = world();
    let mut seat = Seat::fac(&world, &[], 120, 40);
    seat.expect("1 Chat").expect("9 Health").expect("0 Plugins");
    seat.press("\x1b7").expect("run.finished");
    seat.press("8").expect("No model was asked in this time");
    seat.press("9").expect("the database is sound");
    seat.press("0").expect("0 of 7 on").expect("redact");
    seat.press("\x11");
    let (code, written) = seat.end();
    assert_eq!(code, 0);
    assert_given_back(&written);
}

#[test]
fn the_palette_finds_an_action_and_does_it() {
    let world = world();
    let mut seat = Seat::fac(&world, &["tui", "--tab", "events"], 100, 30);
    seat.expect("run.finished").press("\x10").expect("Do").press("only some").expect("Show only some kinds");
    seat.press("\r").expect("Kinds of events").press("source.*\r").expect("Events: source.*").expect("source.added");
    seat.press("?").expect("Keys").expect("events-filter").press("q").expect("filter");
    seat.press("\x11");
    assert_eq!(seat.end().0, 0);
}

#[test]
fn names_of_tabs_get_shorter_with_the_window_and_can_be_clicked() {
    let world = world();
    let mut seat = Seat::fac(&world, &["tui", "--tab", "events"], 100, 30);
    seat.expect("run.finished").expect(" 2 Comman ").expect(" 4 Automa ").expect(" 7 Events ");
    seat.resize(60, 20).expect(" 7 Events  8 Usa ").expect(" 1  2 ").resize(120, 40).expect(" 4 Automations ");
    // A click on the name of the last one.
    seat.press("\x1b[<0;106;1M\x1b[<0;106;1m").expect("0 of 7 on").press("\x11");
    assert_eq!(seat.end().0, 0);
}

#[test]
fn a_plugin_is_found_by_the_palette_shown_allowed_and_switched_off() {
    let mut world = world();
    world.set("FAC_TEST_PATIENCE", "0");
    let mut seat = Seat::fac(&world, &["tui", "--tab", "health"], 100, 30);
    seat.expect("the database is sound").press("\x10").expect("Do").press("plugin").expect("Go to Plugins").press("\r");
    // The last of the bundled ones.
    seat.expect("0 of 7 on").press("G").expect("╭ words").press("e").expect("Allow words to do this, and use it?");
    // Enter alone allows nothing.
    seat.press("\r").expect("`words` was not allowed").press("e").expect("allow it").press("y").expect("1 of 7 on");
    let state = || world.run(&["plugin", "show", "words"]).ok();
    assert!(state().contains("state: on"), "{}", state());
    seat.press("x").expect("0 of 7 on");
    // What was allowed exactly so needs no second word.
    seat.press("e").expect("1 of 7 on").press("l").expect("The log of words").press("q").expect("x disable");
    seat.press("\x11");
    assert_eq!(seat.end().0, 0);
}

#[test]
fn an_entry_of_the_palette_that_cannot_be_chosen_says_why() {
    let world = world();
    let folder = world.fac().join("config/plugins/entries");
    std::fs::create_dir_all(&folder).unwrap();
    let manifest = "name = \"entries\"\nversion = \"1.0.0\"\nsummary = \"x\"\nhooks = [\"palette\"]\n";
    std::fs::write(folder.join("plugin.toml"), manifest).unwrap();
    let script = "return { palette = function() return { { title = 'Room', run = 'disk free' }, { title = 'None', run = 'nope' } } end }";
    std::fs::write(folder.join("main.luau"), script).unwrap();
    world.run(&["plugin", "enable", "entries", "--yes"]).ok();
    let mut seat = Seat::fac(&world, &["tui", "--tab", "health"], 200, 30);
    seat.expect("`entries` has an entry of the palette, `None`, that cannot be used: ").press("\x10").expect("Do");
    seat.press("room").expect("Room").press("\x1b").expect("Ctrl-Q quit").press("\x11");
    assert_eq!(seat.end().0, 0);
}

#[test]
fn it_follows_the_window_and_says_kindly_when_that_is_too_small() {
    let world = world();
    let mut seat = Seat::fac(&world, &["tui", "--tab", "events"], 120, 40);
    seat.expect("Ctrl-Q quit").resize(50, 12).expect("fac needs 60×15 characters").resize(80, 24).expect("Ctrl-Q quit");
    seat.expect("run.finished").press("\x11");
    assert_eq!(seat.end().0, 0);
}

#[test]
fn the_terminal_is_given_back_when_it_is_killed_kindly() {
    for (signal, code) in [(Signal::TERM, 143), (Signal::HUP, 129)] {
        let world = world();
        let mut seat = Seat::fac(&world, &["tui", "--tab", "events"], 100, 30);
        seat.expect("run.finished");
        let pid = seat.pid().cast_signed();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
        let (ended, written) = seat.end();
        assert_eq!(ended, code);
        assert_given_back(&written);
    }
}

#[test]
fn a_mistake_of_ours_gives_the_terminal_back_and_leaves_a_report_without_secrets() {
    let mut world = world();
    world.set("GH_TOKEN", "canary-secret-123456");
    world.set("FAC_TEST_PANIC", "the canary-secret-123456 is out");
    let mut seat = Seat::fac(&world, &["tui"], 100, 30);
    seat.until("fac made a mistake and had to stop");
    let (code, written) = seat.end();
    assert_eq!(code, 101);
    assert_given_back(&written);
    let reports: Vec<_> = std::fs::read_dir(world.fac().join("state"))
        .unwrap()
        .flatten()
        .filter(|f| f.file_name().to_string_lossy().starts_with("crash-"))
        .collect();
    assert_eq!(reports.len(), 1);
    let report = std::fs::read_to_string(reports[0].path()).unwrap();
    assert!(report.contains("the *** is out") && !report.contains("canary"), "{report}");
}

#[test]
fn ctrl_c_in_the_editor_is_the_editors_and_the_draft_comes_back() {
    let mut world = world();
    let editor = world.work().join("editor");
    std::fs::write(&editor, "trap 'echo edited >\"$1\"; exit 0' INT\necho the editor is open\nread x\n").unwrap();
    world.set("EDITOR", &format!("sh {}", editor.display()));
    world.set("VISUAL", &format!("sh {}", editor.display()));
    let mut seat = Seat::fac(&world, &["tui"], 100, 30);
    seat.expect("Ctrl-N new").press("draft\x05").until("the editor is open");
    seat.press("\x03").expect("edited").press("\x11");
    assert_eq!(seat.end().0, 0);
}

#[test]
fn what_stood_in_the_editor_survives_whatever_ends_us() {
    for signal in [Signal::TERM, Signal::KILL] {
        let mut world = world();
        let editor = world.work().join("editor");
        std::fs::write(&editor, "echo 'half a thought' >\"$1\"\necho the editor is open\nexec tail -f /dev/null\n")
            .unwrap();
        world.set("EDITOR", &format!("sh {}", editor.display()));
        world.set("VISUAL", &format!("sh {}", editor.display()));
        let mut seat = Seat::fac(&world, &["tui"], 100, 30);
        seat.expect("Ctrl-N new").press("draft\x05").until("the editor is open");
        kill_process(Pid::from_raw(seat.pid().cast_signed()).unwrap(), signal).unwrap();
        if signal == Signal::TERM {
            let (code, written) = seat.end();
            assert_eq!(code, 143);
            assert_given_back(&written);
        } else {
            drop(seat);
        }
        let left = || {
            let state = std::fs::read_dir(world.fac().join("state")).unwrap().flatten();
            state.filter(|f| f.file_name().to_string_lossy().starts_with("edit-")).count()
        };
        assert_eq!(left(), usize::from(signal == Signal::KILL));
        let mut seat = Seat::fac(&world, &["tui"], 100, 30);
        seat.expect("half a thought").press("\x11");
        assert_eq!((seat.end().0, left()), (0, 0));
    }
}

#[test]
fn a_locked_database_is_waited_for_aloud_and_loses_nothing() {
    let world = world();
    let mut seat = Seat::fac(&world, &["tui"], 100, 30);
    seat.expect("Ctrl-N new");
    let path = world.fac().join("data/store.db");
    let lock = rusqlite::Connection::open(&path).unwrap();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    seat.press("never lost").expect("never lost").press("\x11");
    seat.until("waiting at most 7 s for what you were writing");
    let (code, written) = seat.end();
    assert_eq!(code, 0);
    assert!(written.contains("not waited for any longer: what you were writing"), "{written}");
    lock.execute_batch("ROLLBACK").unwrap();
    let mut seat = Seat::fac(&world, &["tui"], 100, 30);
    seat.expect("never lost").expect("what you were writing when fac was ended is here again").press("\x11");
    assert_eq!(seat.end().0, 0);
}

#[test]
fn lines_are_read_instead_of_a_picture_where_that_is_asked_for() {
    let world = world();
    let mut seat = Seat::fac(&world, &["tui", "--tab", "events", "--linear"], 100, 30);
    seat.until("Ctrl-Q quit");
    seat.until("run.finished");
    seat.press("j").until("> ");
    seat.press("\x11");
    let (code, written) = seat.end();
    assert_eq!(code, 0);
    assert!(!written.contains('\x1b'), "no sequence moves anything: {written:?}");
    assert!(!written.contains('┃') && !written.contains('│'), "{written}");
}

#[test]
fn without_a_terminal_it_says_what_works() {
    let world = World::new();
    let said = world.run(&["tui"]).failed(2);
    assert!(said.contains("needs a terminal to draw on"), "{said}");
}

#[test]
fn another_process_is_noticed_while_one_looks() {
    let world = world();
    let mut seat = Seat::fac(&world, &["tui", "--tab", "events"], 100, 30);
    seat.expect("run.finished");
    world.run(&["remember", "tea at five"]).ok();
    seat.expect("memory.added").press("\x11");
    assert_eq!(seat.end().0, 0);
}
