//! `fac chat` on a terminal and over lines, against the scripted model server.

use std::process::Stdio;

use serde_json::Value;

use crate::ask::world;
use crate::support::model::{Answer, Ended, ModelServer, Place};
use crate::support::pty::Seat;
use crate::support::world::World;

/// A chat at 90 columns by 30 lines.
fn seat(world: &World, args: &[&str]) -> Seat {
    let mut seat = Seat::fac(world, &[&["chat"], args].concat(), 90, 30);
    seat.expect_editor();
    seat
}

fn shown(world: &World, args: &[&str]) -> Value {
    serde_json::from_str(&world.run(&[&["sessions", "show", "--json"], args].concat()).ok()).unwrap()
}

/// Role, status and text of each message on the branch.
fn said(shown: &Value) -> Vec<String> {
    let line = |m: &Value| {
        let text = |key: &str| m[key].as_str().unwrap().to_string();
        format!("{} {}: {}", text("role"), text("status"), text("text"))
    };
    shown["messages"].as_array().unwrap().iter().map(line).collect()
}

#[test]
fn a_conversation_is_kept_and_gone_on_with() {
    let server = ModelServer::start();
    let world = world(&server);
    server.answer(Answer::text("Hello, you.").usage(5, 3, 0, 0)).answer(Answer::text("Still here."));
    let mut seat = seat(&world, &[]);
    seat.press("hi there\r").expect("Hello, you.").expect("5 in, 3 out");
    seat.expect_editor().press("and now?\r").expect("Still here.");
    seat.expect_editor().press("\x04");
    assert_eq!(seat.end().0, 0);
    assert_eq!(server.last().talk(), ["user: hi there", "assistant: Hello, you.", "user: and now?"]);
    server.answer(Answer::text("Yes."));
    let mut seat = self::seat(&world, &["-c"]);
    seat.expect("Still here.").press("really?\r").expect("Yes.").expect_editor().press("/quit\r");
    assert_eq!(seat.end().0, 0);
    assert_eq!(server.last().talk().len(), 5);
    assert_eq!(shown(&world, &[])["session"]["title"], "hi there");
}

#[test]
fn answers_are_drawn_while_they_come() {
    let server = ModelServer::start();
    let world = world(&server);
    let text = "# Plan\n\nSome **bold** words and `code`.\n\n- one\n- two\n\n```sh\nls -l\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n\u{1b}[2J\u{202e}done\n";
    server.answer(Answer::text(text));
    let mut seat = seat(&world, &[]);
    seat.press("draw\r").expect("done").expect("in,");
    let screen = seat.screen();
    let drawn: Vec<&str> = screen.lines().filter(|l| !l.contains('›') && !l.contains(" in, ")).collect();
    insta::assert_snapshot!(drawn.join("\n"));
    assert!(!String::from_utf8_lossy(&seat.bytes).contains('\u{202e}'));
    // As it was written.
    server.answer(Answer::text("Some **bold** words"));
    seat.expect_editor()
        .press("/raw on\r")
        .expect("as they are written")
        .expect_editor()
        .press("again\r")
        .expect("Some **bold** words");
}

#[test]
fn ctrl_c_stops_the_answer_and_not_the_chat() {
    let server = ModelServer::start();
    let world = world(&server);
    server.answer(Answer::text("one two three").hold("one two")).answer(Answer::text("three"));
    let mut seat = seat(&world, &["--session", "count"]);
    seat.press("count\r").expect("one two").press("\x03").expect("stopped; what came is kept").expect_editor();
    assert_eq!(server.wait_ended(0).ended, Ended::HungUp);
    seat.press("/continue\r").expect("three").expect_editor();
    // The next one too.
    server.answer(Answer::text("four five six").hold("four five"));
    seat.press("more\r").expect("four five").press("\x03").expect_editor();
    assert_eq!(server.wait_ended(2).ended, Ended::HungUp);
    // At the prompt it only clears the line, however often.
    seat.press("half a question").expect("half a question").press("\x03").expect_editor();
    seat.press("\x03").expect("Ctrl-D leaves").expect_editor();
    seat.press("/usage\r").expect("3 answers").expect_editor().press("\x04");
    assert_eq!(seat.end().0, 0);
    assert_eq!(
        said(&shown(&world, &["count"])),
        [
            "user done: count",
            "assistant cancelled: one two ",
            "user done: Go on exactly where you stopped, without repeating anything.",
            "assistant done: three",
            "user done: more",
            "assistant cancelled: four five ",
        ]
    );
}

#[test]
fn questions_are_asked_again_and_put_otherwise_on_branches() {
    let server = ModelServer::start();
    let world = world(&server);
    for text in ["first answer", "second answer", "third answer"] {
        server.answer(Answer::text(text));
    }
    let mut seat = seat(&world, &[]);
    seat.press("question\r").expect("first answer");
    seat.expect_editor().press("/retry\r").expect("second answer");
    assert_eq!(server.last().talk(), ["user: question"]);
    seat.expect_editor().press("/branch\r").expect("stands beside");
    seat.expect_editor().press("otherwise\r").expect("third answer");
    assert_eq!(server.last().talk(), ["user: otherwise"]);
    seat.expect_editor().press("/tree\r").expect("third answer ◀");
    seat.expect_editor().press("\x04");
    seat.end();
    let tree = world.run(&["sessions", "show", "--tree"]).ok();
    for text in ["first answer", "second answer", "third answer"] {
        assert!(tree.contains(text), "{tree}");
    }
}

#[test]
fn lines_go_on_complete_and_come_from_an_editor() {
    let server = ModelServer::start();
    let mut world = world(&server);
    let editor = world.write("edit.sh", "#!/bin/sh\nprintf 'from the editor: %s' \"$(cat \"$1\")\" > \"$1\"\n");
    world.set("EDITOR", &format!("sh {}", editor.display()));
    let mut seat = seat(&world, &[]);
    seat.press("one\\\rtwo\r").expect("in,").expect_editor();
    assert_eq!(server.last().last_user(), "one\ntwo");
    seat.press("```\rls\r```\r").expect_editor();
    assert_eq!(server.last().last_user(), "```\nls\n```");
    seat.press("/edit some text\r").expect("from the editor: some text").expect_editor();
    assert_eq!(server.last().last_user(), "from the editor: some text");
    seat.press("/mode\t").expect("show the model, or change it").press("\x03").expect_editor();
    // A pasted text is one message, whatever its lines begin with; so is what Ctrl-J breaks.
    seat.press("\x1b[200~/quit\nis a\n!word\x1b[201~").expect("!word").press("\x03").expect_editor();
    seat.press("three\nfour\r").expect_editor();
    assert_eq!(server.last().last_user(), "three\nfour");
    // Nor does it act on the terminal.
    seat.press("\x1b[200~so \x1b]0;title\x07\x1b[31mred\x1b[201~\r").expect_editor();
    assert_eq!(server.last().last_user(), "so red");
    assert!(!seat.bytes.windows(7).any(|w| w == b"0;title"));
    drop(seat);
    // What was typed is there next time also when the program was killed, and nobody else can read it.
    let history = world.fac().join("state/chat_history");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&history).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let mut seat = self::seat(&world, &[]);
    seat.press("\x12e\\").expect("(e\\)").expect("two").press("\r").expect("› one").press("\r").expect_editor();
    assert_eq!(server.last().last_user(), "one\ntwo");
}

#[test]
fn the_commands_do_what_they_say() {
    let server = ModelServer::start();
    let world = world(&server);
    world.write("note.txt", "a file's words");
    let mut seat = seat(&world, &["--session", "all"]);
    let mut say = |line: &str, expected: &str| {
        seat.press(&format!("{line}\r")).expect(expected).expect_editor();
        seat.press("/clear\r").expect_editor();
    };
    say("/help", "begins a new line");
    say("/attach note.txt", "+1 file");
    say("what is in it?", "in,");
    assert!(server.last().last_user().contains("a file's words"));
    say("/attach nothing.txt", "error:");
    say("/modle x", "did you mean /model");
    say("/model my-anthropic/test-model", "my-anthropic/test-model answers from now on");
    say("/system be a pirate", "the system text is set");
    say("/think high", "thinks hard");
    say("/think off", "does not think");
    say("/set temperature=0.5", "temperature=0.5");
    say("hello again", "in,");
    assert_eq!(
        (server.last().system().as_str(), server.last().body["temperature"].as_f64()),
        ("be a pirate", Some(0.5))
    );
    say("/tag +work +home", "home work");
    say("/tag -home", "work");
    say("/usage", "2 answers:");
    say("/context", "tokens");
    say("/tools 'git recent'", "offered: git recent");
    say("/tools nonsense", "there is no command `nonsense`");
    say("/tools", "offered: git recent");
    say("/title A fine title", "`A fine title`");
    say("/save chat.md", "saved in");
    say("/copy", "copied");
    say("!echo from the shell", "\nfrom the shell");
    say("!exit 3", "exit code 3");
    say("/search zzz", "nothing was found");
    say("/sessions", "all #work");
    say("/new other", "a new chat begins");
    say("/resume all", "messages; the last of them");
    assert!(world.read("chat.md").contains("## System"));
    seat.press("\x04");
    assert_eq!(seat.end().0, 0);
}

#[test]
fn a_model_finds_a_title_when_asked() {
    let server = ModelServer::start();
    let world = world(&server);
    world.run(&["ask", "--session", "s", "how do I boil an egg?"]).ok();
    server.answer(Answer::text("\"Boiling *eggs*\"\n"));
    assert_eq!(world.run(&["sessions", "title", "s"]).ok(), "Boiling *eggs\n");
    assert!(server.last().last_user().contains("how do I boil an egg?"));
    assert_eq!(shown(&world, &["s"])["messages"].as_array().unwrap().len(), 2);
    assert!(world.run(&["usage", "--json"]).ok().contains("\"calls\":2"));
}

#[test]
fn what_is_not_kept_is_gone() {
    let server = ModelServer::start();
    let world = world(&server);
    let mut seat = seat(&world, &["--temp"]);
    seat.press("a secret plan\r").expect("in,").expect_editor().press("\x04");
    assert_eq!(seat.end().0, 0);
    assert!(!world.run(&["sessions", "ls", "--json"]).ok().contains("plan"));
    for (path, bytes) in world.tree() {
        assert!(!String::from_utf8_lossy(&bytes).contains("a secret plan"), "{path:?}");
    }
}

/// The files in which a text stands.
fn holding(world: &World, text: &str) -> Vec<std::path::PathBuf> {
    let holds = |bytes: &[u8]| bytes.windows(text.len()).any(|w| w == text.as_bytes());
    world.tree().into_iter().filter(|(_, bytes)| holds(bytes)).map(|(path, _)| path).collect()
}

#[test]
fn what_is_not_kept_is_gone_when_its_process_was_killed_and_stays_while_it_lives() {
    let server = ModelServer::start();
    let world = world(&server);
    let mut living = seat(&world, &["--temp"]);
    living.press("a living plan\r").expect("in,").expect_editor();
    // Killed in the middle of its answer, and with whole answers in it.
    server.answer(Answer::text("half of a secret answer").hold("half"));
    let mut asking = world.command(&["ask", "--temp", "a secret question"]);
    let mut asking = asking.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    server.wait_held(1);
    asking.kill().unwrap();
    asking.wait().unwrap();
    assert!(!holding(&world, "a secret question").is_empty());
    server.answer(Answer::text("yes")).answer(Answer::text("never").hold(Place::Head));
    let mut chatting = world.command(&["chat", "--temp"]);
    let mut chatting = chatting.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    std::io::Write::write_all(chatting.stdin.as_mut().unwrap(), b"a secret plan\nanother secret plan\n").unwrap();
    server.wait_held(2);
    chatting.kill().unwrap();
    chatting.wait().unwrap();
    // Whoever asked next has tidied up, and so does who asks now.
    assert!(holding(&world, "a secret question").is_empty() && !holding(&world, "a secret plan").is_empty());
    world.run(&["ask", "something else"]).ok();
    for gone in ["a secret question", "half of", "a secret plan", "another secret plan"] {
        assert_eq!(holding(&world, gone), Vec::<std::path::PathBuf>::new(), "{gone}");
    }
    assert!(!holding(&world, "a living plan").is_empty());
    let all: Value = serde_json::from_str(&world.run(&["sessions", "export", "--all"]).ok()).unwrap();
    let titles: Vec<&Value> = all["sessions"].as_array().unwrap().iter().map(|s| &s["title"]).collect();
    assert_eq!(titles, ["something else", "a living plan"]);
    assert!(world.run(&["events", "verify"]).ok().contains("the chain holds"));
    // The living one goes on, and goes when it ends.
    living.press("and now?\r").expect_times("in,", 2).expect_editor();
    assert!(server.last().talk().iter().any(|said| said.contains("a living plan")), "{:?}", server.last().talk());
    living.press("\x04");
    assert_eq!(living.end().0, 0);
    assert_eq!(holding(&world, "a living plan"), Vec::<std::path::PathBuf>::new());
}

#[test]
fn lines_that_are_piped_in_are_a_chat_too() {
    let server = ModelServer::start();
    let world = world(&server);
    server.answer(Answer::text("**one**")).answer(Answer::wrong_key()).answer(Answer::text("three"));
    let out = world.run_with(&["chat", "--session", "p"], "first\n\n\"\"\"\nsecond\nline\n\"\"\"\n/nonsense\nthird\n");
    assert_eq!((out.code, out.stdout.as_str()), (0, "**one**\nthree\n"), "{out:?}");
    assert!(out.stderr.contains("there is no command `/nonsense`"), "{out:?}");
    assert_eq!(server.asked()[1].last_user(), "second\nline");
    let out = world.run_with(&["chat", "--session", "p", "--json"], "fourth\n").ok();
    let last: Value = serde_json::from_str(out.lines().last().unwrap()).unwrap();
    assert_eq!(last["answer"]["status"], "done");
    server.answer(Answer::wrong_key());
    assert_eq!(world.run_with(&["chat", "--temp"], "x\n").code, 4);
}

#[test]
fn words_make_what_is_piped_in_a_part_of_the_question() {
    let server = ModelServer::start();
    let world = world(&server);
    server.answer(Answer::text("it adds a line"));
    let out = world.run_with(&["chat", "--session", "d", "explain", "this"], "+a line\nsecond\n");
    assert_eq!((out.code, out.stdout.as_str()), (0, "it adds a line\n"), "{out:?}");
    let asked = server.asked();
    assert_eq!(asked.len(), 1);
    let said = asked[0].last_user();
    assert!(said.contains("+a line\nsecond\n") && said.ends_with("explain this"), "{said}");
    // A file named `-` is what is piped in.
    world.run_with(&["chat", "--session", "d", "-f", "-", "and this?"], "third\n").ok();
    assert!(server.last().last_user().contains("third\n"), "{}", server.last().last_user());
    // Nothing is read where nothing may be.
    let out = world.run_with(&["chat", "--no-input", "--session", "d", "and now?"], "fourth\n");
    assert_eq!((out.code, server.last().last_user()), (0, "and now?"), "{out:?}");
}

#[test]
fn after_what_is_piped_in_the_chat_goes_on_at_the_terminal() {
    let server = ModelServer::start();
    let world = world(&server);
    server.answer(Answer::text("it adds a line")).answer(Answer::text("on line two"));
    let fac = env!("CARGO_BIN_EXE_fac");
    let line = format!("printf '+a line' | {fac} chat 'explain this'");
    let mut seat = Seat::start(&world, "/bin/sh", &["-c", &line], 100, 30);
    seat.expect("it adds a line").expect_editor().press("where?\r").expect("on line two");
    seat.expect_editor().press("\x04");
    assert_eq!(seat.end().0, 0);
    let asked = server.last();
    assert!(asked.talk()[0].contains("+a line"), "{:?}", asked.talk());
    assert_eq!((asked.talk().len(), asked.last_user()), (3, "where?"));
}

#[test]
fn help_that_is_longer_than_the_screen_goes_through_the_pager() {
    let server = ModelServer::start();
    let world = world(&server);
    let pager = world.write("pager.sh", "#!/bin/sh\necho \"paged $(wc -l | tr -d ' ') lines\"\n");
    world.sh("chmod +x pager.sh");
    let file = world.fac().join("config/config.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("pager = {:?}\n{text}", pager.display().to_string())).unwrap();
    let mut seat = Seat::fac(&world, &["chat"], 100, 12);
    seat.expect_editor().press("/help\r").expect("paged ");
    seat.expect_editor().press("/help model\r").expect("/model ").expect_editor().press("\x04");
    assert_eq!(seat.end().0, 0);
    let mut seat = Seat::fac(&world, &["chat"], 100, 70);
    seat.expect_editor().press("/help\r").expect("!line runs a shell line");
    assert!(!seat.screen().contains("paged"), "{}", seat.screen());
    seat.expect_editor().press("\x04");
    assert_eq!(seat.end().0, 0);
}

#[test]
fn a_killed_chat_loses_nothing() {
    let server = ModelServer::start();
    let world = world(&server);
    server.answer(Answer::text("one two three").hold("one two"));
    // Without a standard input of its own it would share that of the whole test program.
    let mut command = world.command(&["chat", "--session", "k", "count"]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    server.wait_held(1);
    child.kill().unwrap();
    child.wait().unwrap();
    let lines = said(&shown(&world, &["k"]));
    assert_eq!(lines[0], "user done: count");
    assert!(lines[1].starts_with("assistant cut_off") || lines[1].starts_with("assistant failed"), "{lines:?}");
    let mut seat = seat(&world, &["--session", "k"]);
    seat.expect("/retry asks again");
    server.answer(Answer::text("whole"));
    seat.press("/retry\r").expect("whole").expect_editor().press("\x04");
    assert_eq!(seat.end().0, 0);
}

#[test]
fn what_is_typed_during_an_answer_waits_for_the_next_line() {
    let server = ModelServer::start();
    let world = world(&server);
    server.answer(Answer::text("one two three").hold("one two")).answer(Answer::text("answered"));
    let mut seat = seat(&world, &[]);
    seat.press("count\r").expect("one two").press("next\x1b[200~\rquestion\x1b[201~\r");
    server.wait_held(1);
    server.release();
    seat.expect("three").expect("answered");
    assert!(!seat.screen().contains("one two next"), "{}", seat.screen());
    assert_eq!(server.last().last_user(), "next\nquestion");
}

#[test]
fn a_question_is_put_right_in_its_place() {
    let server = ModelServer::start();
    let world = world(&server);
    for text in ["about cots", "about cats"] {
        server.answer(Answer::text(text));
    }
    let mut seat = seat(&world, &["--session", "s"]);
    seat.press("what is a cot?\r").expect("about cots").expect_editor();
    // Who thinks better of it leaves all as it is.
    seat.press("/fix\r").expect("takes the old one's place").expect_editor().press("\x03").expect_editor();
    seat.press("/tree\r").expect("about cots ◀").expect_editor();
    seat.press("/fix\r").expect_editor().press("\x7f\x7f\x7fat?\r").expect("about cats").expect_editor();
    assert_eq!(server.last().talk(), ["user: what is a cat?"]);
    // An answer that fails takes nothing away.
    server.answer(Answer::wrong_key());
    seat.press("/fix what is a dog?\r").expect("your question is kept").expect_editor();
    seat.press("/branch\r").expect("stands beside `what is a dog?`").expect_editor().press("\x04");
    assert_eq!(seat.end().0, 0);
    let tree = world.run(&["sessions", "show", "s", "--tree"]).ok();
    assert!(!tree.contains("cot") && tree.contains("about cats") && tree.contains("what is a dog?"), "{tree}");
    assert!(tree.contains("(failed)"), "{tree}");
    assert!(!world.run(&["search", "cots"]).stdout.contains("cots"));
}

#[test]
fn what_cannot_be_sent_stands_on_the_next_line() {
    let server = ModelServer::start();
    let world = world(&server);
    let mut seat = seat(&world, &["-m", "nonsense"]);
    seat.press("a long question\r").expect("error:").expect_editor();
    seat.press(", really").expect("a long question, really").press("\x03").expect_editor();
    seat.press("/model my-ollama/test-model\r").expect("answers from now on").expect_editor();
    seat.press("hello\r").expect("in,").expect_editor();
    assert_eq!(server.last().talk(), ["user: hello"]);
}

#[test]
fn a_chat_is_ended_from_outside() {
    let server = ModelServer::start();
    let world = world(&server);
    server.answer(Answer::text("one two three").hold("one two"));
    let mut seat = seat(&world, &["--session", "t"]);
    seat.press("count\r").expect("one two");
    let pid = rustix::process::Pid::from_raw(seat.pid().cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(seat.end().0, 143);
    assert_eq!(said(&shown(&world, &["t"])), ["user done: count", "assistant cancelled: one two "]);
}

#[test]
fn with_nobody_to_talk_to_the_way_is_said_at_once() {
    let world = World::new();
    crate::ask::configure(&world, "local_models = false\n");
    let seat = Seat::fac(&world, &["chat"], 100, 30);
    let (code, said) = seat.end();
    assert_eq!(code, 5, "{said}");
    assert!(said.contains("no model is set up here") && said.contains("fac config set"), "{said}");
}
