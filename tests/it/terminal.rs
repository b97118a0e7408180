//! `fac` on a pseudo-terminal: programs as they look by hand, keys that arrive, questions, pickers.

use crate::run::{add_here, runs, settings, world};
use crate::support::pty::Seat;
use crate::support::world::World;

fn sit(world: &World, words: &[&str]) -> Seat {
    Seat::fac(world, words, 80, 24)
}

#[test]
fn a_script_sees_a_terminal_and_keeps_its_colours() {
    let world = world(
        "### `/look`\n```sh\ntest -t 0 && test -t 1 && test -t 2 && echo terminal; stty size </dev/tty\n\
         printf '\\033[31mred\\033[0m\\n'\n```\n",
    );
    let mut seat = sit(&world, &["look"]);
    seat.expect("red");
    assert!(seat.written().contains("\x1b[31mred\x1b[0m"), "{:?}", seat.written());
    let (code, screen) = seat.end_screen();
    assert_eq!((code, screen.as_str()), (0, "terminal\n24 80\nred"));
    let kept = world.run(&["runs", "show", "last"]).ok();
    assert!(kept.contains("red") && !kept.contains('\x1b'), "{kept:?}");
    assert!(world.run(&["runs", "show", "last", "--output"]).ok().contains("\x1b[31mred"), "as it was");
}

#[test]
fn keys_reach_the_script_and_ctrl_c_ends_it() {
    let world = world("### `/name me`\n```sh\nprintf 'name? '; read n; echo \"<$n>\"; exec sleep 1000\n```\n");
    let mut seat = sit(&world, &["name", "me"]);
    seat.expect("name?");
    seat.press("Ada\r");
    seat.expect("<Ada>");
    seat.press("\x03");
    let (code, screen) = seat.end_screen();
    assert_eq!(code, 130);
    assert!(screen.contains("`name me` was interrupted after"), "{screen}");
    assert_eq!((&runs(&world)[0]["status"], &runs(&world)[0]["exit_code"]), (&"interrupted".into(), &130.into()));
}

#[test]
fn what_feeds_another_step_has_a_pipes_line_ends() {
    let world = world("### `/feed`\n```sh {id=a}\nprintf 'x\\ny\\n'\n```\n```sh {stdin=a}\ncat >out\n```\n");
    assert_eq!(sit(&world, &["feed"]).end_screen().0, 0);
    assert_eq!(world.read("out"), "x\ny\n");
}

#[test]
fn missing_parameters_are_asked_for() {
    let world = world(
        "### `/deploy <where> <channel> <token> [note]`\n**Options:**\n- `<where>`: the machine\n- `<channel>` (stable|beta)\n\
         - `<token>` (secret)\n\n```sh\nprintf %s \"$where|$channel|$token|${note-unset}\" >out\n```\n",
    );
    let mut seat = sit(&world, &["deploy"]);
    seat.expect("where (the machine)");
    seat.press("box one\r");
    seat.expect("channel");
    seat.press("bet\r");
    seat.expect("token");
    seat.expect_hidden();
    seat.press("hunter2222\r");
    let (code, screen) = seat.end_screen();
    assert_eq!(code, 0, "{screen}");
    assert_eq!(world.read("out"), "box one|beta|hunter2222|unset");
    assert!(!screen.contains("hunter2222"));
    let said = world.run(&["deploy"]).failed(2);
    assert!(said.contains("`deploy` needs <where>"), "nobody is asked without a terminal: {said}");
}

#[test]
fn a_question_can_be_left_with_ctrl_c() {
    let world = world("### `/deploy <where>`\n```sh\ntouch ran\n```\n");
    let mut seat = sit(&world, &["deploy"]);
    seat.expect("where");
    seat.press("\x03");
    assert_eq!(seat.end_screen().0, 130);
    assert!(!world.path("ran").exists());
    let (code, screen) = sit(&world, &["--no-input", "deploy"]).end_screen();
    assert_eq!(code, 2, "{screen}");
}

const PAGE: &str = "# put\n\n> Print.\n\n- Print a thing:\n\n`printf '%s\\n' {{thing}}`\n\n- Print two:\n\n`printf '%s %s\\n' {{one}} {{two}}`\n";

fn with_page() -> World {
    let world = World::new();
    world.write("pages/common/put.md", PAGE);
    add_here(&world);
    world
}

#[test]
fn a_snippet_is_shown_filled_and_confirmed() {
    let world = with_page();
    let mut seat = sit(&world, &["put", "print-a-thing"]);
    seat.expect("thing");
    seat.press("a $(b)\r");
    seat.expect("Run it?");
    let asked = seat.screen();
    assert!(asked.contains("printf '%s\\n'") && asked.contains("thing = a $(b)"), "{asked}");
    seat.press("n");
    let (code, screen) = seat.end_screen();
    assert_eq!(code, 4, "{screen}");
    assert_eq!(runs(&world).len(), 0);
    let mut seat = sit(&world, &["put", "print-a-thing", "--set", "thing=here"]);
    seat.expect("Run it?");
    seat.press("y");
    let (code, screen) = seat.end_screen();
    assert!(code == 0 && screen.ends_with("here"), "{screen}");
    let (code, screen) = sit(&world, &["put", "print-a-thing", "--set", "thing=here", "-y"]).end_screen();
    assert!(code == 0 && screen.ends_with("here") && !screen.contains("Run it?"), "{screen}");
    settings(&world, "[run]\nconfirm_snippets = false\n");
    let (code, screen) = sit(&world, &["put", "print-a-thing", "--set", "thing=here"]).end_screen();
    assert!(code == 0 && screen.ends_with("here") && !screen.contains("Run it?"), "{screen}");
}

#[test]
fn a_page_picks_among_its_examples() {
    let world = with_page();
    let mut seat = sit(&world, &["put", "--set", "one=1", "--set", "two=2", "-y"]);
    seat.expect("Which `put`?");
    seat.expect("put print-two");
    seat.press("\x1b[B\r");
    let (code, screen) = seat.end_screen();
    assert!(code == 0 && screen.ends_with("1 2"), "{screen}");
    let said = world.run(&["put"]).failed(3);
    assert!(said.contains("under `put` there are: put print-a-thing, put print-two"), "{said}");
}

#[test]
fn bare_run_opens_a_picker() {
    let world = world("### `/zebra crossing`\n**Description:** Stripes\n\n```sh\necho striped\n```\n");
    let mut seat = sit(&world, &["run"]);
    seat.expect("Run");
    seat.expect_hidden();
    seat.press("zebracross");
    seat.expect("❯ zebra crossing  Stripes");
    seat.expect("zebracross");
    seat.expect_hidden();
    seat.press("\r");
    let (code, screen) = seat.end_screen();
    assert!(code == 0 && screen.trim_end().ends_with("striped"), "{screen}");
    let mut seat = sit(&world, &["run"]);
    seat.expect("Run");
    seat.expect_hidden();
    seat.press("\x1b");
    assert_eq!(seat.end_screen().0, 130);
}

#[test]
fn suggestions_of_a_cheat_sheet_come_from_its_command_only_once_trusted() {
    let world = World::new();
    world.write(
        "kit.cheat",
        "% kit\n\n# greet someone\nprintf '%s\\n' <name>\n\n$ name: touch asked; printf 'Ada\\nGrace\\n'\n",
    );
    world.run(&["source", "add", ".", "--name", "here"]).ok();
    let name = "here:kit greet-someone";
    let names = world.run(&["commands", "ls", "--json", "--source", "here"]).ok();
    assert!(names.contains("greet-someone"), "{names}");
    let mut seat = sit(&world, &["run", name]);
    seat.expect("name");
    seat.press("x\r");
    seat.expect("Trust exactly this?");
    assert!(!world.path("asked").exists(), "a stranger's command is not run for suggestions");
    seat.press("n");
    assert_eq!(seat.end_screen().0, 4);
    world.run(&["source", "trust", "here", "--yes"]).ok();
    let mut seat = sit(&world, &["run", name, "-y"]);
    seat.expect("Grace");
    seat.press("Gra\r");
    let (code, screen) = seat.end_screen();
    assert!(code == 0 && screen.ends_with("Grace"), "{screen}");
}

#[test]
fn trust_is_asked_for_with_the_definition_in_sight() {
    let world = World::new();
    world.write("maskfile.md", "# M\n\n## out (x)\n\n```sh\necho \"ran $x\" # \x1b]0;title\x07\n```\n");
    world.run(&["source", "add", ".", "--name", "here"]).ok();
    let mut seat = sit(&world, &["out", "1"]);
    seat.expect("`here:out` comes from outside. Trust exactly this?");
    assert!(seat.screen().contains("│ echo \"ran $x\""), "{}", seat.screen());
    assert!(!seat.written().contains("\x1b]0;"), "what comes from outside is made safe");
    seat.press("y");
    let (code, screen) = seat.end_screen();
    assert!(code == 0 && screen.contains("ran 1"), "{screen}");
    assert_eq!(sit(&world, &["out", "2"]).end_screen().0, 0, "asked once");
    world.write("maskfile.md", "# M\n\n## out (x)\n\n```sh\necho \"other $x\"\n```\n");
    let mut seat = sit(&world, &["-y", "out", "3"]);
    seat.expect("`here:out` has changed. Trust it as it is now?");
    assert!(seat.screen().contains("+ echo \"other $x\""), "{}", seat.screen());
    seat.press("n");
    assert_eq!(seat.end_screen().0, 4);
}
