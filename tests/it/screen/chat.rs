//! The chat tab on a pseudo-terminal, against the scripted model server.

use std::time::{Duration, Instant};

use factotum::kernel::clock::Clock;
use factotum::kernel::ids::Ids;
use factotum::store::Store;
use serde_json::{Value, json};

use crate::ask::world;
use crate::support::model::{Answer, Ended, ModelServer};
use crate::support::pty::Seat;
use crate::support::world::World;

const KIT: &str =
    "---\nfactotum: 1\n---\n### `/write <text>`\n**Effects:** write\n```sh\nprintf '%s' \"$text\" > written\n```\n";

/// The line of keys where no answer can be stopped any more: the turn is over and on the disk.
const OVER: &str = "\n Enter send";

/// The chat tab, ready to be written in.
fn seat(world: &World) -> Seat {
    let mut seat = Seat::fac(world, &[], 120, 40);
    seat.expect("To my-openai/test-model");
    seat
}

/// Role, status and text of each message of the newest chat.
fn said(world: &World) -> Vec<String> {
    let shown: Value = serde_json::from_str(&world.run(&["sessions", "show", "--json"]).ok()).unwrap();
    let line = |m: &Value| format!("{} {}: {}", m["role"], m["status"], m["text"]).replace('"', "");
    shown["messages"].as_array().unwrap().iter().map(line).collect()
}

#[test]
fn an_answer_comes_piece_by_piece_while_one_looks_elsewhere_and_escape_stops_it() {
    let server = ModelServer::start();
    let world = world(&server);
    server.answer(Answer::text("one two three four five six").hold("one two").hold("one two three four"));
    let mut seat = seat(&world);
    seat.press("count for me\r").expect("one two");
    assert!(!seat.screen().contains("three"), "{}", seat.screen());
    seat.press("\x1b9").expect("the database is sound");
    assert!(seat.screen().contains("1 Chat…") && !seat.screen().contains("one two"), "{}", seat.screen());
    server.wait_held(1);
    server.release();
    server.wait_held(2);
    seat.press("\x1b1").expect("one two three four");
    assert!(!seat.screen().contains("five"), "{}", seat.screen());
    seat.press("\x1b").expect("you stopped it there");
    assert_eq!(server.wait_ended(0).ended, Ended::HungUp);
    // One may write on at once.
    server.answer(Answer::text("five six"));
    seat.press("and on\r").expect("five six").expect(OVER).press("\x11");
    assert_eq!(seat.end().0, 0);
    assert_eq!(
        said(&world),
        [
            "user done: count for me",
            "assistant cancelled: one two three four ",
            "user done: and on",
            "assistant done: five six",
        ]
    );
}

#[test]
fn the_window_may_change_while_an_answer_comes() {
    let server = ModelServer::start();
    let world = world(&server);
    let words = "the quick brown fox jumps over the lazy dog and then it sleeps for the rest of the long afternoon";
    server.answer(
        Answer::text(format!("{words} START MIDDLE END")).hold(format!("{words} START").as_str()).hold("MIDDLE"),
    );
    let mut seat = seat(&world);
    seat.press("tell\r").expect("START").resize(50, 12).expect("fac needs 60×15 characters");
    server.wait_held(1);
    server.release();
    seat.resize(60, 15).expect("MIDDLE").expect("Enter send");
    let screen = seat.screen();
    assert!(screen.lines().count() == 15 && screen.contains("the long afternoon START "), "{screen}");
    assert!(!screen.contains("END"), "{screen}");
    server.wait_held(2);
    server.release();
    seat.resize(120, 40).expect("START MIDDLE END").expect("╭ Chats").expect(OVER).press("\x11");
    assert_eq!(seat.end().0, 0);
    assert_eq!(said(&world)[1], format!("assistant done: {words} START MIDDLE END"));
}

#[test]
fn only_a_yes_that_was_meant_lets_a_tool_run() {
    let server = ModelServer::start();
    let mut world = world(&server);
    world.set("FAC_TEST_PATIENCE", "0");
    let folder = world.fac().join("config/commands");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("kit.md"), KIT).unwrap();
    let mut seat = seat(&world);
    seat.press("/tools write\r").expect("offered: write");
    let heard = |at: usize| -> String {
        server.asked()[at].messages.iter().flat_map(|m| m.results.clone()).map(|r| r.1).collect()
    };
    // Enter and Escape are no.
    for (at, no) in ["\r", "\x1b", "n"].into_iter().enumerate() {
        server.answer(Answer::call("write", json!({"text": "no"}))).answer(Answer::text(format!("round {at} is over")));
        seat.press("write it\r").expect("Allow it?").expect("user:write (it may change things)");
        seat.expect("printf").expect("[n  no ]");
        seat.press(no).expect(&format!("round {at} is over")).expect(OVER);
        assert!(!heard(2 * at + 1).is_empty());
    }
    assert!(!world.path("written").exists());
    server.answer(Answer::call("write", json!({"text": "yes"}))).answer(Answer::text("it is written"));
    seat.press("now really\r").expect("[n  no ]");
    assert!(!world.path("written").exists());
    assert_eq!(server.asked().len(), 7);
    seat.press("y").expect("it is written").press("\x11");
    assert_eq!(seat.end().0, 0);
    assert_eq!(world.read("written"), "yes");
}

#[test]
fn what_was_being_written_survives_a_kill() {
    let server = ModelServer::start();
    let world = world(&server);
    let mut seat = self::seat(&world);
    seat.press("half a thought, שלום 日本").expect("half a thought");
    let store =
        Store::open(&world.fac().join("data/store.db"), Clock::from_test_value(None).unwrap(), Ids::seeded(7)).unwrap();
    let patience = Instant::now() + Duration::from_secs(60);
    while store.state("draft:new").unwrap().is_none_or(|(value, _)| value["text"] != "half a thought, שלום 日本")
    {
        assert!(Instant::now() < patience, "it was not kept; the screen shows:\n{}", seat.screen());
        std::thread::yield_now();
    }
    // Nothing asks it first.
    drop(seat);
    let mut seat = self::seat(&world);
    seat.expect("half a thought, ").press(", gone on with\r").expect("› You").expect("2 messages").press("\x11");
    assert_eq!(seat.end().0, 0);
    assert_eq!(server.last().last_user(), "half a thought, שלום 日本, gone on with");
    // What was sent is no draft any more.
    let mut seat = self::seat(&world);
    seat.expect("╭ Chats");
    assert!(store.state("draft:new").unwrap().is_none_or(|(value, _)| value.is_null()));
    seat.press("\x11");
    assert_eq!(seat.end().0, 0);
}

#[test]
fn a_chat_is_opened_from_the_search_where_the_words_were_said() {
    let server = ModelServer::start();
    let world = world(&server);
    for (name, question, answer) in
        [("stars", "what is around Saturn?", "Rings of ice and dust."), ("eggs", "how long?", "Six minutes.")]
    {
        server.answer(Answer::text(answer));
        world.run(&["ask", "--session", name, question]).ok();
    }
    let mut seat = seat(&world);
    seat.press("\x1b6").expect("Search everything").press("Saturn").expect("2 found").expect("what is around");
    seat.press("\r").expect("╭ Chats").expect("Rings of ice and dust.");
    assert!(!seat.screen().contains("Six minutes."), "{}", seat.screen());
    // One goes on in it.
    server.answer(Answer::text("Most of them."));
    seat.press("i").press("are they old?\r").expect("Most of them.").press("\x11");
    assert_eq!(seat.end().0, 0);
    assert_eq!(
        server.last().talk(),
        ["user: what is around Saturn?", "assistant: Rings of ice and dust.", "user: are they old?"]
    );
}

#[test]
fn a_line_for_the_shell_has_the_terminal_and_a_chat_is_saved_where_one_says() {
    let server = ModelServer::start();
    let mut world = world(&server);
    world.set("FAC_TEST_PATIENCE", "0");
    let mut seat = seat(&world);
    seat.press("!echo the shell says $((6 * 7))\r").until("the shell says 42");
    seat.until("Enter goes back to fac");
    seat.press("\r").expect("To my-openai/test-model");
    server.answer(Answer::text("Rings of ice."));
    seat.press("what is around Saturn?\r").expect("Rings of ice.").expect(OVER);
    seat.press("/save saturn.md\r").expect("saved in");
    assert!(world.read("saturn.md").contains("Rings of ice."));
    seat.press("/context\r").expect("What would be sent now").expect("what is around Saturn?").press("q");
    seat.press("/reda").expect("Tab takes it").press("\x15/sav\tsat");
    // Files are found beside the screen.
    seat.expect("/save sat").expect("1 of 1").press("\t\r").expect("Write over it?").press("n\x11");
    assert_eq!(seat.end().0, 0);
}
