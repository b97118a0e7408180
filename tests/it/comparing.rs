//! `fac compare` against the scripted model server: lines, JSON, a wide terminal.

use serde_json::Value;

use crate::ask::world;
use crate::support::model::{Answer, Asked, Ended, ModelServer, Wire};
use crate::support::pty::Seat;
use crate::support::world::{Output, World};

const A: &str = "my-openai/test-model";
const B: &str = "my-anthropic/test-model";
const C: &str = "my-ollama/test-model";

/// Answers by wire, however the requests come.
fn by_wire(server: &ModelServer, answer: impl Fn(Wire) -> Answer + Send + 'static) {
    server.on(move |asked: &Asked| answer(asked.wire));
}

fn lines(output: &Output) -> Vec<Value> {
    output.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn tree(world: &World) -> Value {
    serde_json::from_str(&world.run(&["sessions", "show", "--tree", "--json"]).ok()).unwrap()
}

/// Figures of time and ids, which no two runs share, as `#`.
fn steady(text: &str) -> String {
    let mut out = Vec::new();
    for line in text.lines() {
        let words = line.split(' ').map(|word| {
            let number = word.contains('.') && word.parse::<f64>().is_ok();
            let id = word.len() == 8 && word.bytes().all(|b| b.is_ascii_hexdigit());
            if number {
                "#.##"
            } else if id {
                "########"
            } else {
                word
            }
        });
        out.push(words.collect::<Vec<_>>().join(" ").trim_end().to_string());
    }
    out.join("\n")
}

#[test]
fn answers_stand_under_headings_and_are_branches_of_one_chat() {
    let server = ModelServer::start();
    let world = world(&server);
    by_wire(&server, |wire| match wire {
        Wire::OpenAi => Answer::text("Six **times** seven.").usage(10, 4, 0, 0),
        _ => Answer::text("Forty-two.\u{1b}[2J").usage(11, 3, 0, 0),
    });
    let out = world.run(&["compare", "-m", A, "-m", B, "-s", "be brief", "-o", "temperature=0", "what is it?"]);
    assert_eq!(out.code, 0, "{out:?}");
    for expected in ["── my-openai/test-model\nSix **times** seven.\n", "── my-anthropic/test-model\nForty-two.\n"]
    {
        assert!(out.stdout.contains(expected), "{}", out.stdout);
    }
    assert!(!out.stdout.contains('\u{1b}'));
    assert!(out.stderr.contains("`fac ask -c` goes on with the answer of my-openai/test-model"), "{}", out.stderr);
    assert_eq!(server.asked().len(), 2);
    for asked in server.asked() {
        assert_eq!((asked.system().as_str(), asked.last_user()), ("be brief", "what is it?"));
        assert_eq!(asked.body["temperature"].as_f64(), Some(0.0), "{}", asked.body);
    }
    let tree = tree(&world);
    let messages = tree["messages"].as_array().unwrap();
    assert_eq!(messages.len(), 3);
    let said = |m: &Value| format!("{} {} {}", m["role"], m["model"], m["status"]).replace('"', "");
    assert_eq!(said(&messages[0]), "user null done");
    assert_eq!(said(&messages[1]), "assistant my-openai/test-model done");
    assert_eq!(said(&messages[2]), "assistant my-anthropic/test-model done");
    assert!(messages[1..].iter().all(|m| m["parent"] == messages[0]["id"]));
    assert_eq!(tree["session"]["head"], messages[1]["id"]);
    // What it took is counted by model.
    let usage: Value = serde_json::from_str(&world.run(&["usage", "--by", "model", "--json"]).ok()).unwrap();
    assert_eq!((usage["total"]["input"].as_u64(), usage["total"]["output"].as_u64()), (Some(21), Some(7)));
    // And another branch is gone on with.
    let (session, other) = (tree["session"]["id"].as_str().unwrap(), messages[2]["id"].as_str().unwrap());
    world.run(&["sessions", "branch", session, other]).ok();
    world.run(&["ask", "-c", "sure?"]).ok();
    assert_eq!(server.last().talk()[2], "assistant: Forty-two.\u{1b}[2J");
}

#[test]
fn all_are_asked_at_once_and_each_is_shown_when_it_is_done() {
    let server = ModelServer::start();
    let world = world(&server);
    // Each is held until all three are asked, so that asking one after another would never end.
    by_wire(&server, |wire| Answer::text(format!("I am {wire:?}.")).hold("I"));
    let mut out = None;
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| world.run(&["compare", "-m", A, "-m", B, "-m", C, "who?", "--json"]));
        server.wait_held(3);
        server.release();
        out = asked.join().ok();
    });
    let out = out.unwrap();
    assert_eq!(out.code, 0, "{out:?}");
    let lines = lines(&out);
    assert_eq!(lines.len(), 4);
    let names: Vec<&str> = lines[..3].iter().map(|l| l["answer"]["asked"].as_str().unwrap()).collect();
    assert_eq!(names, [A, B, C], "in the order in which they were named");
    let openai = lines.iter().find(|l| l["answer"]["model"] == A).unwrap();
    assert_eq!(
        (openai["answer"]["text"].as_str(), openai["answer"]["status"].as_str()),
        (Some("I am OpenAi."), Some("done"))
    );
    let summary = &lines[3]["compared"];
    assert_eq!((summary["answered"].as_u64(), summary["failed"].as_u64()), (Some(3), Some(0)));
    assert_eq!(summary["session"], tree(&world)["session"]["id"]);
}

#[test]
fn one_that_fails_does_not_stop_the_others() {
    let server = ModelServer::start();
    let world = world(&server);
    world.run(&["config", "set", "model_fallbacks", C]).ok();
    by_wire(&server, |wire| match wire {
        Wire::OpenAi => Answer::wrong_key(),
        Wire::Ollama => Answer::text("part").cut("part"),
        _ => Answer::text("well"),
    });
    let out = world.run(&["compare", "-m", A, "-m", B, "-m", C, "-m", "nobody-has-this", "hello", "--json"]);
    assert_eq!(out.code, 0, "{out:?}");
    let lines = lines(&out);
    let of = |name: &str| lines.iter().find(|l| l["answer"]["model"] == name).unwrap()["answer"].clone();
    assert_eq!((of(A)["status"].as_str(), of(A)["error"]["exit_code"].as_u64()), (Some("failed"), Some(4)));
    assert_eq!((of(B)["status"].as_str(), of(B)["text"].as_str()), (Some("done"), Some("well")));
    assert!(["cut_off", "failed"].contains(&of(C)["status"].as_str().unwrap()) && of(C)["text"] == "part", "{}", of(C));
    assert_eq!(of("nobody-has-this")["error"]["kind"], "not_found");
    // No other model stepped in for one of them.
    assert!(server.asked().iter().filter(|a| a.wire == Wire::Ollama).count() <= 4);
    assert_eq!(lines[4]["compared"]["answered"], 1);
    assert_eq!(tree(&world)["session"]["model"], B, "the chat goes on with who answered");
    // Nobody answers: the first failure's code.
    by_wire(&server, |wire| if wire == Wire::OpenAi { Answer::wrong_key() } else { Answer::unknown_model() });
    let out = world.run(&["compare", "-m", A, "-m", B, "hello"]);
    assert_eq!(out.code, 4, "{out:?}");
    assert!(out.stderr.contains("does not accept the key"), "{out:?}");
    // Nobody is known: nothing is kept.
    let before = world.run(&["sessions", "ls", "--json"]).ok();
    assert_eq!(world.run(&["compare", "-m", "nobody-1", "-m", "nobody-2", "hello"]).code, 3);
    assert_eq!(world.run(&["sessions", "ls", "--json"]).ok(), before);
    assert_eq!(world.run(&["compare", "-m", A, "hello"]).code, 2);
    assert_eq!(world.run(&["compare", "-m", A, "-m", B]).code, 2);
}

#[test]
fn answers_grow_side_by_side_on_a_wide_terminal() {
    let server = ModelServer::start();
    let world = world(&server);
    by_wire(&server, |wire| match wire {
        Wire::OpenAi => Answer::text("# Plan\n\nFirst **one**, then `two`.\n\n- a\n- b\n\nThe end.\n")
            .hold("First ")
            .usage(10, 9, 0, 0),
        _ => {
            Answer::text("\u{1b}]0;x\u{7}Nothing \u{202e}to plan, but a long sentence that needs more than one line.\n")
                .usage(11, 9, 0, 0)
        }
    });
    let mut seat = Seat::fac(&world, &["compare", "-m", A, "-m", B, "plan", "--color", "never"], 110, 24);
    // Both at once, while one of them is still held.
    seat.expect("Plan").expect("more than one line.").expect("answering");
    let growing = seat.screen();
    assert!(growing.lines().next().unwrap().contains(" │ my-anthropic/test-model"), "{growing}");
    seat.resize(120, 30).expect("answering");
    server.release();
    seat.expect("The end.").expect("goes on with");
    let screen = seat.screen();
    let (code, all) = seat.end();
    assert_eq!(code, 0);
    assert!(!all.contains('\u{202e}') && !all.contains("\u{1b}]0;"));
    assert!(all.contains("\u{1b}[?1049l"), "the terminal is given back");
    let ids = steady(&screen);
    insta::assert_snapshot!(ids.split("\n`fac").next().unwrap());
}

#[test]
fn a_narrow_terminal_gets_one_after_another() {
    let server = ModelServer::start();
    let world = world(&server);
    by_wire(&server, |_| Answer::text("Some **bold** words.").usage(5, 4, 0, 0));
    let mut seat = Seat::fac(&world, &["compare", "-m", A, "-m", B, "hello"], 90, 24);
    seat.expect("goes on with");
    let screen = seat.screen();
    let (code, all) = seat.end();
    assert_eq!(code, 0);
    assert!(!all.contains("\u{1b}[?1049h"));
    assert_eq!(screen.matches("Some bold words.").count(), 2, "{screen}");
    // Nor is the other screen used where columns are not wanted, or do not fit.
    for args in [&["--rows", "-m", A][..], &["-m", A, "-m", A, "-m", C, "-m", C]] {
        let args = [&["compare", "hello", "-m", B], args].concat();
        let mut seat = Seat::fac(&world, &args, 120, 40);
        seat.expect("goes on with");
        assert!(!seat.end().1.contains("\u{1b}[?1049h"), "{args:?}");
    }
}

#[test]
fn ctrl_c_stops_all_and_keeps_what_came() {
    let server = ModelServer::start();
    let world = world(&server);
    by_wire(&server, |_| Answer::text("one two three").hold("one two"));
    let mut seat = Seat::fac(&world, &["compare", "-m", A, "-m", B, "count"], 110, 24);
    server.wait_held(2);
    // Both have said something.
    seat.expect_times("one", 2).press("\u{3}");
    let (code, all) = seat.end();
    assert_eq!(code, 130, "{all}");
    assert!(all.contains("\u{1b}[?1049l"), "the terminal is given back");
    for number in 0..2 {
        assert_eq!(server.wait_ended(number).ended, Ended::HungUp);
    }
    let tree = tree(&world);
    let answers = &tree["messages"].as_array().unwrap()[1..];
    assert_eq!(answers.len(), 2);
    assert!(
        answers.iter().all(|m| m["status"] == "cancelled" && m["text"].as_str().unwrap().starts_with("one")),
        "{tree}"
    );
}

#[test]
fn files_and_what_is_piped_in_go_to_everybody() {
    let server = ModelServer::start();
    let world = world(&server);
    world.write("notes.txt", "from the file");
    let out = world.run_with(&["compare", "-m", A, "-m", B, "-f", "notes.txt", "sum it up"], b"from the pipe");
    assert_eq!(out.code, 0, "{out:?}");
    assert_eq!(server.asked().len(), 2);
    for asked in server.asked() {
        let body = asked.body.to_string();
        assert!(["from the file", "from the pipe", "sum it up"].iter().all(|part| body.contains(part)), "{body}");
    }
    // Nothing of a temporary one is kept.
    let out = world.run(&["compare", "--temp", "-m", A, "-m", B, "hush", "--json"]);
    assert_eq!(out.code, 0, "{out:?}");
    assert_eq!(tree(&world)["session"]["title"], "sum it up");
}

#[test]
fn one_that_hangs_has_its_time() {
    let server = ModelServer::start();
    let world = world(&server);
    by_wire(&server, |wire| match wire {
        Wire::OpenAi => Answer::text("never whole").hold("never"),
        _ => Answer::text("fine"),
    });
    let out = world.run(&["compare", "--timeout", "3s", "-m", A, "-m", B, "hello"]);
    assert_eq!(out.code, 0, "{out:?}");
    assert!(out.stdout.contains("never") && out.stderr.contains("not whole within 3.0 s"), "{out:?}");
    assert!(out.stdout.contains("fine") && out.stdout.contains("cancelled"), "{out:?}");
    let ended = [server.wait_ended(0), server.wait_ended(1)];
    let hung: Vec<Wire> = ended.iter().filter(|a| a.ended == Ended::HungUp).map(|a| a.wire).collect();
    assert_eq!(hung, [Wire::OpenAi]);
}

#[test]
fn ctrl_z_gives_the_terminal_back_and_fg_draws_again() {
    let server = ModelServer::start();
    let mut world = world(&server);
    let Some(bash) = world.which("bash") else { return println!("skipped: bash is not installed") };
    let bin = std::path::Path::new(env!("CARGO_BIN_EXE_fac")).parent().unwrap().to_path_buf();
    world.prepend_path(&bin);
    by_wire(&server, |_| Answer::text("one two three").hold("one two"));
    world.write("rc", "PS1='> '\nbind 'set enable-bracketed-paste off'\n");
    let args = ["--noprofile", "--rcfile", "rc", "-i"];
    let mut seat = Seat::start(&world, &bash.display().to_string(), &args, 110, 24);
    seat.expect(">").press(&format!("fac compare -m {A} -m {B} count\r"));
    server.wait_held(2);
    seat.expect("answering")
        .press("\u{1a}")
        .expect("Stopped")
        .press("echo 'at the' 'prompt'\r")
        .expect("at the prompt\n");
    assert!(!seat.screen().contains("answering"), "{}", seat.screen());
    seat.press("fg\r").expect("answering");
    assert!(seat.screen().lines().next().unwrap().contains(" │ my-anthropic/test-model"), "{}", seat.screen());
    server.release();
    seat.expect("goes on with").press("exit\r");
    let (_, all) = seat.end();
    assert_eq!((all.matches("\u{1b}[?1049h").count(), all.matches("\u{1b}[?1049l").count()), (2, 2), "{all:?}");
}
