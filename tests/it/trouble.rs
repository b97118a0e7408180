//! Servers that misbehave and people who slip, through the binary: what is said, what it exits with, what is left.

use serde_json::{Value, json};

use crate::ask::{configure, world};
use crate::support::model::{Answer, Entry, ModelServer};
use crate::support::world::World;

/// A world with one model, and its server.
fn one() -> (ModelServer, World) {
    let server = ModelServer::start();
    let world = world(&server);
    world.run(&["config", "set", "providers.my-openai.retries", "0"]).ok();
    (server, world)
}

fn json_lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"))).collect()
}

#[test]
fn what_is_no_stream_is_not_taken_for_an_answer_that_was_cut() {
    let (server, world) = one();
    for (kind, body) in [
        ("text/html", "<html><body>Log in</body></html>"),
        ("application/json", "{\"error\": {\"message\": \"quota gone\"}}"),
        ("text/plain", ""),
    ] {
        server.answer(Answer::raw(200, kind, body));
        let said = world.run(&["ask", "hello"]).failed(1);
        assert!(said.contains("answered with something that is no stream of an answer"), "{said}");
        assert!(said.contains("providers.my-openai.url") && !said.contains("what came is kept"), "{said}");
    }
}

#[test]
fn a_redirect_is_not_followed_and_says_where_it_leads() {
    let (server, world) = one();
    server.answer(Answer::raw(307, "text/plain", "").header("location", "http://127.0.0.1:1/v1/chat/completions"));
    let said = world.run(&["ask", "hello"]).failed(3);
    assert!(said.contains("elsewhere (status 307): to http://127.0.0.1:1/v1/chat/completions"), "{said}");
    assert!(said.contains("fac config set providers.my-openai.url"), "{said}");
}

#[test]
fn who_must_wait_is_told_how_long() {
    let (server, world) = one();
    server.answer(Answer::status(429).retry_after("3600"));
    let said = world.run(&["ask", "hello"]).failed(5);
    assert!(said.contains("it asks to wait 1h 00m"), "{said}");
}

#[test]
fn half_an_answer_names_the_way_on_and_a_temporary_one_does_not_promise_it() {
    let (server, world) = one();
    server.answer(Answer::text("one two three").cut("one two"));
    let said = world.run(&["ask", "hello"]).failed(1);
    assert!(said.contains("what came is kept; `fac ask -c \"go on\"` continues it"), "{said}");
    server.answer(Answer::text("one two three").until_close().no_end_mark());
    let said = world.run(&["ask", "--temp", "hello"]).failed(1);
    assert!(said.contains("nothing is kept") && !said.contains("what came is kept"), "{said}");
    // How long the first word took is known also where the rest never came.
    server.answer(Answer::text("one two three").cut("one two"));
    let out = world.run(&["ask", "--json", "hello"]);
    let last = json_lines(&out.stdout).pop().unwrap();
    assert!(last["answer"]["first_token_ms"].is_u64(), "{last}");
}

#[test]
fn an_empty_answer_is_said_to_be_one() {
    let (server, world) = one();
    server.answer(Answer::default());
    let out = world.run(&["ask", "hello"]);
    assert_eq!((out.code, out.stdout.as_str()), (0, ""), "{out:?}");
    assert!(out.stderr.contains("my-openai/test-model gave an empty answer"), "{out:?}");
}

#[test]
fn the_first_block_of_code_keeps_json_lines_whole() {
    let (server, world) = one();
    server.answer(Answer::text("Here:\n\n```sh\nls -l\n```\n"));
    let out = world.run(&["ask", "-x", "--json", "hello"]).ok();
    assert_eq!(json_lines(&out).pop().unwrap()["answer"]["extracted"], "ls -l\n");
}

#[test]
fn an_unknown_model_lists_what_there_is_where_that_is_little() {
    let (server, world) = one();
    server.models(vec![Entry::new("a1"), Entry::new("b2")]);
    configure(&world, &format!("local_models = false\n[providers.only]\nurl = \"{}/v1/\"\n", server.url()));
    let said = world.run(&["ask", "-m", "zzz", "hello"]).failed(3);
    assert!(said.contains("there is `only/a1` and `only/b2`"), "{said}");
    assert_eq!(world.run(&["sessions", "ls", "--json"]).ok(), "{\"sessions\":[],\"next\":null}\n");
}

#[test]
fn settings_that_cannot_be_used_leave_no_empty_chat() {
    let (_server, world) = one();
    let file = world.fac().join("config/config.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{text}\n[providers.nowhere]\nwire = \"openai\"\n")).unwrap();
    let said = world.run(&["ask", "hello"]).failed(6);
    assert!(said.contains("nothing says where the provider `nowhere` is"), "{said}");
    std::fs::write(&file, text).unwrap();
    assert_eq!(world.run(&["sessions", "ls", "--json"]).ok(), "{\"sessions\":[],\"next\":null}\n");
}

#[test]
fn a_schema_that_is_not_there_or_none_is_named() {
    let (_server, world) = one();
    let said = world.run(&["ask", "--schema", "dog.json", "hello"]).failed(3);
    assert!(said.contains("there is no file dog.json"), "{said}");
    world.write("dog.json", "not json");
    let said = world.run(&["ask", "--schema", "dog.json", "hello"]).failed(6);
    assert!(said.contains("dog.json holds no schema"), "{said}");
}

#[test]
fn a_chat_is_called_by_one_line_that_says_something() {
    let (server, world) = one();
    for name in ["", "  ", "a\nb", "\u{1b}[31mred", &"n".repeat(201)] {
        let said = world.run(&["ask", "--session", name, "hello"]).failed(2);
        assert!(said.contains("the name of a chat"), "{name:?}: {said}");
    }
    assert_eq!(server.asked().len(), 0);
    server.answer(Answer::text("hi"));
    world.run(&["ask", "--session", "trip", "hello"]).ok();
    world.run(&["sessions", "rename", "trip", ""]).failed(2);
    world.run(&["sessions", "show", "trip"]).ok();
}

#[test]
fn a_tool_that_nobody_may_allow_says_how_to_allow_it_and_that_works_as_said() {
    let (server, world) = one();
    std::fs::create_dir_all(world.fac().join("config/commands")).unwrap();
    let kit = "---\nfactotum: 1\n---\n# Kit\n## Kit\n### `/poke <what>`\n```sh\necho \"poked $what\"\n```\n";
    std::fs::write(world.fac().join("config/commands/kit.md"), kit).unwrap();
    let ask = || {
        server.answer(Answer::call("poke", json!({"what": "x"}))).answer(Answer::text("so"));
        world.run(&["ask", "-T", "poke", "do"])
    };
    let out = ask();
    assert!(out.stderr.contains("command user:poke was not run: nobody is there to allow it"), "{out:?}");
    let way = out.stderr.lines().find_map(|l| l.split_once("always: ")).unwrap().1.to_string();
    let words = shlex::split(&way).unwrap();
    world.run(&words[1..].iter().map(String::as_str).collect::<Vec<_>>()).ok();
    ask();
    assert!(server.last().messages.last().unwrap().results[0].1.contains("poked x"));
    // One rule that lost its quotes on the way is still one rule.
    world.run(&["config", "set", "tools.allow", "command user:*"]).ok();
    ask();
    assert!(server.last().messages.last().unwrap().results[0].1.contains("poked x"));
}

#[test]
fn a_turn_stops_at_its_sum_and_a_dear_question_is_asked_about() {
    let (server, world) = one();
    for (key, value) in [
        ("models.test-model.input_price", "2"),
        ("models.test-model.output_price", "8"),
        ("chat.max_turn_cost", "0.001"),
        ("tools.allow", "command bundled:calc"),
    ] {
        world.run(&["config", "set", key, value]).ok();
    }
    for _ in 0..3 {
        server.answer(Answer::call("calc", json!({"expression": "1+1"})).usage(400, 10, 0, 0));
    }
    let said = world.run(&["ask", "-T", "calc", "count"]).failed(1);
    assert!(said.contains("cost"), "{said}");
    assert_eq!(server.asked().len(), 2, "880 and 1760 millionths");
    world.run(&["config", "set", "usage.confirm_above", "0.001"]).ok();
    let long = "word ".repeat(3000);
    let said = world.run(&["ask", &long]).failed(4);
    assert!(said.contains("this may cost $0.007500 or more with my-openai/test-model"), "{said}");
    assert_eq!(server.asked().len(), 2, "nothing was sent");
    server.answer(Answer::text("fine"));
    assert_eq!(world.run(&["-y", "ask", &long]).ok(), "fine\n");
    let said = world.run(&["config", "set", "usage.daily_budget", "much"]).failed(2);
    assert!(said.contains("wants dollars such as 2.50"), "{said}");
}

#[test]
fn a_prompt_with_a_place_for_its_input_is_not_sent_without() {
    let (server, world) = one();
    std::fs::create_dir_all(world.fac().join("config/commands")).unwrap();
    let kit = "---\nfactotum: 1\n---\n# Kit\n## Kit\n### `/brief`\n```prompt\nSum up: {{input}} {{nobody}}\n```\n";
    std::fs::write(world.fac().join("config/commands/kit.md"), kit).unwrap();
    for args in [["ask", "-p", "brief"].as_slice(), ["run", "brief"].as_slice()] {
        let said = world.run(args).failed(2);
        assert!(said.contains("nothing to work on"), "{said}");
        assert_eq!(server.asked().len(), 0, "{args:?}");
    }
    server.answer(Answer::text("short"));
    let out = world.run_with(&["ask", "-p", "brief"], "a long text");
    assert_eq!(out.stdout, "short\n", "{out:?}");
    assert!(out.stderr.contains("`nobody` has no value and stays as it is"), "{out:?}");
    assert_eq!(server.last().last_user(), "Sum up: a long text {{nobody}}\n");
}
