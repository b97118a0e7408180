//! Inside one chat: its questions, what stands where in it, one exchange, and blacking out.

use serde_json::Value;

use crate::ask::world;
use crate::support::model::{Answer, ModelServer};
use crate::support::pty::Seat;
use crate::support::world::World;

fn value(world: &World, args: &[&str]) -> Value {
    serde_json::from_str(&world.run(args).ok()).unwrap()
}

/// A chat of three questions, the second of which has two versions.
fn talked() -> (ModelServer, World, Vec<String>) {
    let server = ModelServer::start();
    let world = world(&server);
    for (question, answer) in [
        ("what is a fjord?", "Water\nbetween Rocks."),
        ("and a sound?", "Wider."),
        ("the word canary-77?", "Secret canary-77 it is."),
    ] {
        server.answer(Answer::text(answer));
        world.run(&["ask", "--session", "sea", question]).ok();
    }
    let all = value(&world, &["sessions", "show", "sea", "--json"]);
    let ids = all["messages"].as_array().unwrap().iter().map(|m| m["id"].as_str().unwrap().to_string()).collect();
    (server, world, ids)
}

#[test]
fn questions_are_listed_and_one_is_shown_with_its_answer() {
    let (_server, world, ids) = talked();
    let listed = value(&world, &["sessions", "show", "sea", "--questions", "--json"]);
    let texts: Vec<&str> =
        listed["questions"].as_array().unwrap().iter().map(|q| q["text"].as_str().unwrap()).collect();
    assert_eq!(texts, ["what is a fjord?", "and a sound?", "the word canary-77?"]);
    assert_eq!(listed["questions"][1]["message"], ids[2].as_str());
    let second = world.run(&["sessions", "show", "sea", "--only", "2"]).ok();
    assert!(second.contains("and a sound?") && second.contains("Wider.") && !second.contains("fjord"), "{second}");
    let answer = world.run(&["sessions", "show", "sea", "--only", &ids[1]]).ok();
    assert!(answer.contains("Water\nbetween Rocks.") && !answer.contains("fjord"), "{answer}");
    let said = world.run(&["sessions", "show", "sea", "--only", "9"]).failed(3);
    assert!(said.contains("there are 3 questions here, not 9"), "{said}");
}

#[test]
fn words_are_found_in_one_chat_whatever_their_case() {
    let (_server, world, ids) = talked();
    let found = value(&world, &["sessions", "show", "sea", "--find", "BETWEEN rocks", "--json"]);
    assert_eq!(found["hits"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&found["hits"][0]["message"], &found["hits"][0]["lines"][0]),
        (&ids[1].as_str().into(), &"between Rocks.".into())
    );
    let said = world.run(&["sessions", "show", "sea", "--find", "whale"]).failed(3);
    assert!(said.contains("`whale` stands nowhere in `sea`"), "{said}");
}

#[test]
fn a_chat_is_found_by_its_title_where_no_name_and_no_id_fits() {
    let (server, world, _) = talked();
    for _ in 0..2 {
        server.answer(Answer::text("x"));
        world.run(&["ask", "twice"]).ok();
    }
    server.answer(Answer::text("x"));
    world.run(&["ask", "once only"]).ok();
    world.run(&["sessions", "show", "once only"]).ok();
    let said = world.run(&["sessions", "show", "twice"]).failed(2);
    assert!(said.contains("several chats are called twice"), "{said}");
    world.run(&["sessions", "show", "once"]).failed(3);
}

#[test]
fn what_is_blacked_out_is_gone_everywhere_and_the_tree_stays() {
    let (server, world, ids) = talked();
    let gone = |word: &str| {
        for (path, bytes) in world.tree() {
            let there = bytes.windows(word.len()).any(|w| w == word.as_bytes());
            assert!(!there, "`{word}` stands in {}", path.display());
        }
    };
    // It is in the index before it goes.
    assert!(world.run(&["search", "canary-77"]).ok().contains("canary-77"));
    world.run(&["sessions", "redact", "sea", "--words", "canary-77"]).ok();
    gone("canary-77");
    world.run(&["search", "canary-77"]).failed(3);
    let shown = world.run(&["sessions", "show", "sea"]).ok();
    assert!(shown.contains("Secret [redacted] it is."), "{shown}");
    // A whole message, and with it the title that was its beginning.
    world.run(&["sessions", "redact", "sea", &ids[0]]).ok();
    gone("fjord");
    let all = value(&world, &["sessions", "show", "sea", "--json"]);
    assert_eq!(
        (&all["messages"][0]["text"], &all["messages"][1]["text"]),
        (&"[redacted]".into(), &"Water\nbetween Rocks.".into())
    );
    assert_eq!(all["messages"].as_array().unwrap().len(), 6);
    // The model hears no more of it either.
    server.answer(Answer::text("so"));
    world.run(&["ask", "--session", "sea", "go on"]).ok();
    assert!(!server.last().body.to_string().contains("canary-77"));
    world.run(&["sessions", "redact", "sea"]).failed(2);
    world.run(&["sessions", "redact", "sea", "--words", "nowhere"]).failed(3);
    world.run(&["events", "verify"]).ok();
}

#[test]
fn a_branch_is_drawn_as_one() {
    let (server, world, ids) = talked();
    world.run(&["sessions", "branch", "sea", &ids[1]]).ok();
    server.answer(Answer::text("Narrow."));
    world.run(&["ask", "--session", "sea", "and a strait?"]).ok();
    let tree = world.run(&["sessions", "show", "sea", "--tree"]).ok();
    let all = value(&world, &["sessions", "show", "sea", "--tree", "--json"]);
    let ids: Vec<&str> = all["messages"].as_array().unwrap().iter().map(|m| m["id"].as_str().unwrap()).collect();
    let shown = ids.iter().fold(tree, |tree, id| tree.replace(&id[id.len() - 8..], "#"));
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(
        lines,
        [
            "sea",
            "# user what is a fjord?",
            "# assistant Water↵between Rocks.",
            "├╴# user and a sound?",
            "│ # assistant Wider.",
            "│ # user the word canary-77?",
            "│ # assistant Secret canary-77 it is.",
            "├╴# user and a strait?",
            "│ # assistant Narrow. ◀",
        ]
    );
}

#[test]
fn the_same_is_there_at_the_prompt() {
    let (_server, world, _) = talked();
    let mut seat = Seat::fac(&world, &["chat", "--session", "sea"], 90, 40);
    seat.expect("sea:").expect_editor().press("/questions\r").expect("and a sound?");
    seat.expect_editor().press("/show 2\r").expect("Wider.");
    seat.expect_editor().press("/find rocks\r").expect("between Rocks.");
    seat.expect_editor().press("/find whale\r").expect("stands nowhere");
    seat.expect_editor().press("/quit\r");
    assert_eq!(seat.end().0, 0);
}

#[test]
fn a_query_may_stand_in_one_pair_of_quotes_and_a_chat_is_named_by_its_title() {
    let (server, world, _) = talked();
    let hits = |words: &[&str]| {
        let out = world.run(&[&["search", "--json", "--kind", "message"], words].concat());
        let found: Value = serde_json::from_str(&out.stdout).unwrap();
        found["hits"].as_array().unwrap().len()
    };
    assert_eq!(hits(&["role:user sound"]), 1);
    assert_eq!(hits(&["role:assistant model:test-model since:1d \"between rocks\""]), 1);
    server.answer(Answer::text("Dune."));
    world.run(&["ask", "about deserts mostly"]).ok();
    assert_eq!(hits(&["session:about deserts mostly", "dune"]), 1);
    assert_eq!(hits(&["session:sea", "dune"]), 0);
}

#[test]
fn a_page_shows_the_chat_and_runs_nothing_of_it() {
    let server = ModelServer::start();
    let world = world(&server);
    server.answer(Answer::text(
        "# Big\n\n<script>alert(1)</script>\n\n[in](javascript:alert(2)) [out](https://example.org/?a=1&b=2)\n\n\
         ![spy](https://example.org/p.png)\n\n```html\n</code><img src=x>\n```\n\n| a | b |\n|---|--:|\n| 1 | 2 |\n",
    ));
    world.run(&["ask", "--session", "page", "show <b>me</b>"]).ok();
    let page = world.run(&["sessions", "export", "page", "--to", "html"]).ok();
    assert!(page.starts_with("<!doctype html>") && page.contains("default-src 'none'"), "{page}");
    assert!(page.contains("<title>show &lt;b&gt;me&lt;/b&gt;</title>"), "{page}");
    for never in ["<script", "<img", "<b>", "href=\"javascript"] {
        assert!(!page.contains(never), "{never}: {page}");
    }
    assert!(page.contains("href=\"https://example.org/?a=1&amp;b=2\">out</a>"), "{page}");
    assert!(page.contains("<h3>Big</h3>") && page.contains("<td style=\"text-align:right\">2</td>"), "{page}");
}

#[test]
fn a_rollout_of_codex_is_taken_over_with_its_calls() {
    let server = ModelServer::start();
    let world = world(&server);
    let message = |role: &str, kind: &str, text: &str| {
        format!(
            "{{\"timestamp\":\"2026-02-01T10:00:01.000Z\",\"type\":\"response_item\",\"payload\":{{\"type\":\"message\",\
             \"role\":\"{role}\",\"content\":[{{\"type\":\"{kind}\",\"text\":\"{text}\"}}]}}}}"
        )
    };
    let item = |payload: &str| {
        format!("{{\"timestamp\":\"2026-02-01T10:00:02.000Z\",\"type\":\"response_item\",\"payload\":{payload}}}")
    };
    let lines = [
        "{\"timestamp\":\"2026-02-01T10:00:00.000Z\",\"type\":\"session_meta\",\"payload\":{\"id\":\"0194-x\",\"timestamp\":\"2026-02-01T10:00:00.000Z\",\"cwd\":\"/w\"}}".to_string(),
        message("user", "input_text", "<environment_context>secret cwd</environment_context>"),
        message("developer", "input_text", "be an agent"),
        "{\"timestamp\":\"2026-02-01T10:00:00.500Z\",\"type\":\"turn_context\",\"payload\":{\"model\":\"gpt-5-codex\"}}".to_string(),
        message("user", "input_text", "list the walruses"),
        item("{\"type\":\"reasoning\",\"summary\":[{\"type\":\"summary_text\",\"text\":\"hm\"}],\"encrypted_content\":\"x\"}"),
        item("{\"type\":\"function_call\",\"name\":\"shell\",\"arguments\":\"{\\\"command\\\":[\\\"ls\\\"]}\",\"call_id\":\"c1\"}"),
        item("{\"type\":\"function_call\",\"name\":\"shell\",\"arguments\":\"{}\",\"call_id\":\"unanswered\"}"),
        item("{\"type\":\"function_call_output\",\"call_id\":\"c1\",\"output\":\"odobenus\"}"),
        "this line is torn".to_string(),
        message("assistant", "output_text", "There is one."),
    ];
    world.write("rollout-2026-02-01.jsonl", lines.join("\n"));
    let told = value(&world, &["sessions", "import", "rollout-2026-02-01.jsonl", "--json"]);
    assert_eq!(told["imported"], serde_json::json!({"sessions": 1, "messages": 4}));
    assert!(told["notes"][0].as_str().unwrap().contains("rollout-2026-02-01.jsonl:10"), "{told}");
    let shown = value(&world, &["sessions", "show", "list the walruses", "--json"]);
    let said: Vec<(&str, String)> = shown["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| (m["role"].as_str().unwrap(), m["parts"].to_string()))
        .collect();
    assert_eq!(said.iter().map(|s| s.0).collect::<Vec<_>>(), ["user", "assistant", "tool", "assistant"]);
    assert!(said[1].1.contains("\"command\":[\"ls\"]") && !said[1].1.contains("unanswered"), "{said:?}");
    assert!(said[2].1.contains("odobenus") && said[3].1.contains("There is one."), "{said:?}");
    assert_eq!(
        (&shown["session"]["imported_from"], &shown["session"]["created"]),
        (&"codex".into(), &"2026-02-01T10:00:00.000000Z".into())
    );
    // And it can be gone on with: the vendors refuse a call without its result.
    server.answer(Answer::text("so"));
    world.run(&["ask", "-c", "go on"]).ok();
    assert_eq!(server.last().talk().len(), 5);
}

#[test]
fn chats_expire_where_that_is_wanted_and_pinned_ones_stay() {
    let server = ModelServer::start();
    let mut world = world(&server);
    world.set("FAC_TEST_CLOCK", "2026-03-01T12:00:00Z");
    for name in ["old", "dear"] {
        world.run(&["ask", "--session", name, "the word canary-88?"]).ok();
    }
    world.run(&["sessions", "pin", "dear"]).ok();
    world.set("FAC_TEST_CLOCK", "2026-04-15T12:00:00Z");
    world.run(&["ask", "--session", "new", "hello"]).ok();
    world.run(&["sessions", "show", "old"]).ok();
    world.run(&["config", "set", "chat.keep_days", "30"]).ok();
    let out = world.run(&["ask", "-c", "again"]);
    assert!(out.stderr.contains("erased 1 chat that chat.keep_days lets go"), "{out:?}");
    world.run(&["sessions", "show", "old"]).failed(3);
    world.run(&["sessions", "show", "dear"]).ok();
    world.run(&["events", "verify"]).ok();
}
