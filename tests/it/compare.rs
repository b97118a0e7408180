//! `fac compare` and `fac chain` against the scripted model server.

use serde_json::{Value, json};

use crate::ask::world;
use crate::support::model::{Answer, Ended, ModelServer};
use crate::support::pty::Seat;

/// Answers by the model that is asked.
fn by_model(server: &ModelServer) {
    server.on(|asked| match asked.headers.iter().any(|(k, _)| k == "x-api-key") {
        true => Answer::text("from **anthropic**").usage(3, 2, 0, 0),
        false => Answer::text("from openai\n\n```sh\nls\n```\n").usage(4, 5, 0, 0),
    });
}

const TWO: [&str; 4] = ["-m", "my-openai/test-model", "-m", "my-anthropic/test-model"];

#[test]
fn answers_come_in_the_order_asked_with_what_they_took() {
    let server = ModelServer::start();
    let world = world(&server);
    by_model(&server);
    let said = world.run(&[&["compare"], &TWO[..], &["hello"]].concat()).ok();
    let first = said.find("── my-openai/test-model\nfrom openai").unwrap();
    let second = said.find("── my-anthropic/test-model\nfrom **anthropic**").unwrap();
    assert!(first < second, "{said}");
    assert_eq!(said.matches("done").count(), 2, "{said}");
    // One question, two answers behind it.
    let tree: Value = serde_json::from_str(&world.run(&["sessions", "show", "--tree", "--json"]).ok()).unwrap();
    let messages = tree["messages"].as_array().unwrap();
    let parents: Vec<&Value> = messages.iter().map(|m| &m["parent"]).collect();
    assert_eq!(parents, [&Value::Null, &messages[0]["id"], &messages[0]["id"]]);
    let lines = world.run(&[&["compare", "--json"], &TWO[..], &["hello"]].concat()).ok();
    let lines: Vec<Value> = lines.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(lines[0]["answer"]["usage"]["output"], json!(5));
    assert_eq!((&lines[1]["answer"]["asked"], &lines[2]["compared"]["answered"]), (&json!(TWO[3]), &json!(2)));
}

#[test]
fn one_that_fails_or_hangs_does_not_stop_the_others() {
    let server = ModelServer::start();
    let world = world(&server);
    server.on(|asked| match asked.headers.iter().any(|(k, _)| k == "x-api-key") {
        true => Answer::text("never whole").hold("never"),
        false => Answer::text("fine"),
    });
    let args = [&["compare", "--timeout", "3s", "-m", "nonsense-9"], &TWO[..], &["hello"]].concat();
    let out = world.run(&args);
    assert_eq!(out.code, 0, "{out:?}");
    assert!(out.stdout.contains("fine") && out.stdout.contains("cancelled"), "{out:?}");
    assert!(out.stderr.contains("nonsense-9"), "{out:?}");
    server.on(|_| Answer::wrong_key());
    assert_eq!(world.run(&[&["compare"], &TWO[..], &["hello"]].concat()).code, 4);
}

#[test]
fn a_wide_terminal_shows_columns() {
    let server = ModelServer::start();
    let world = world(&server);
    by_model(&server);
    let mut seat = Seat::fac(&world, &[&["compare"], &TWO[..], &["hello"]].concat(), 120, 30);
    seat.expect("FIRST WORD").expect("done").expect("from openai").expect("│ from anthropic");
    let screen = seat.screen();
    let columns = screen.lines().find(|l| l.contains("from openai")).unwrap();
    assert!(columns.contains("│ from anthropic"), "{screen}");
    assert_eq!(seat.end().0, 0);
}

#[test]
fn ctrl_c_stops_all_of_them() {
    let server = ModelServer::start();
    let world = world(&server);
    server.on(|_| Answer::text("one two three").hold("one two"));
    let mut seat = Seat::fac(&world, &[&["compare"], &TWO[..], &["hello"]].concat(), 120, 30);
    server.wait_held(2);
    seat.press("\x03");
    assert_eq!(seat.end().0, 130);
    for number in 0..2 {
        assert_eq!(server.wait_ended(number).ended, Ended::HungUp);
    }
}

#[test]
fn a_step_sees_what_the_one_before_said() {
    let server = ModelServer::start();
    let world = world(&server);
    server.answer(Answer::text("three facts")).answer(Answer::text("a limerick")).answer(Answer::text("ein Limerick"));
    let out = world.run_with(&["chain", "facts about {{input}}", "a limerick", "auf deutsch: {{input}}"], "bees");
    assert_eq!((out.code, out.stdout.as_str()), (0, "ein Limerick\n"), "{out:?}");
    let asked = server.asked();
    assert_eq!(asked[0].talk(), ["user: facts about bees"]);
    assert!(asked[1].last_user().contains("three facts") && asked[1].last_user().ends_with("a limerick"));
    assert_eq!(asked[2].talk(), ["user: auf deutsch: a limerick"]);
}

#[test]
fn what_was_answered_before_a_failure_is_printed_and_kept() {
    let server = ModelServer::start();
    let world = world(&server);
    server.answer(Answer::text("the first")).answer(Answer::wrong_key());
    let out = world.run(&["chain", "one", "two"]);
    assert_eq!((out.code, out.stdout.as_str()), (4, "the first\n"), "{out:?}");
    assert!(out.stderr.contains("step 2 failed; this is what step 1 said"), "{out:?}");
    server.answer(Answer::text("the first")).answer(Answer::text("x y").hold("x"));
    let lines = world.run(&["chain", "--timeout", "3s", "--json", "one", "two"]);
    let lines: Vec<Value> = lines.stdout.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(lines[0]["step"]["answer"]["text"], "the first");
    assert_eq!(lines[1]["step"]["answer"]["status"], "cancelled");
    let many: Vec<&str> = std::iter::once("chain").chain(std::iter::repeat_n("x", 11)).collect();
    assert!(world.run(&many).failed(2).contains("1 to 10 steps, not 11"));
}
