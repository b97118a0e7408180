//! `fac sessions`: finding, context, titles, and chats that come from and go to files.

use serde_json::{Value, json};

use crate::ask::world;
use crate::support::model::{Answer, ModelServer};
use crate::support::pty::Seat;
use crate::support::world::World;

fn value(world: &World, args: &[&str]) -> Value {
    serde_json::from_str(&world.run(args).ok()).unwrap()
}

#[test]
fn what_was_said_is_found_and_commands_are_not() {
    let server = ModelServer::start();
    let world = world(&server);
    world.run(&["commands", "new", "walrus", "--script", "echo walrus"]).ok();
    server.answer(Answer::text("The walrus is large.")).answer(Answer::text("Nothing of that kind."));
    world.run(&["ask", "--session", "zoo", "tell me of the sea"]).ok();
    world.run(&["ask", "--session", "other", "and of the wind"]).ok();
    let found = value(&world, &["sessions", "search", "walrus", "--json"]);
    let hits = found["hits"].as_array().unwrap();
    assert_eq!(hits.len(), 1, "{found}");
    assert_eq!(hits[0]["kind"], "message");
    let out = world.run(&["sessions", "search", "walrus"]).ok();
    assert!(out.contains("The walrus is large.") && out.contains("zoo"), "{out}");
    // Several words are one query, in the language of `fac search`.
    assert_eq!(
        value(&world, &["sessions", "search", "role:user", "wind", "--json"])["hits"].as_array().unwrap().len(),
        1
    );
}

#[test]
fn the_context_is_listed_piece_by_piece() {
    let server = ModelServer::start();
    let world = world(&server);
    world.run(&["config", "set", "models.test-model.context", "4096"]).ok();
    world.run(&["remember", "I live in Oslo"]).ok();
    server.answer(Answer::text("It is cold.\u{1b}[2J"));
    world.run(&["ask", "--session", "c", "-s", "be brief", "how is the weather?"]).ok();
    insta::with_settings!({filters => vec![(r"\b[0-9a-f]{8}\b", "########")]}, {
        insta::assert_snapshot!(world.run(&["sessions", "context", "c"]).ok());
    });
    let told = value(&world, &["sessions", "context", "c", "--json"]);
    let pieces = told["pieces"].as_array().unwrap();
    assert_eq!(told["tokens"].as_u64().unwrap(), pieces.iter().map(|p| p["tokens"].as_u64().unwrap()).sum::<u64>());
    assert_eq!((told["exact"].as_bool(), told["context"].as_u64()), (Some(false), Some(4096)));
    // A known encoding is counted exactly.
    let exact = value(&world, &["sessions", "context", "c", "-m", "my-openai/gpt-4o", "--json"]);
    assert_eq!(exact["exact"], true, "{exact}");
    assert_eq!(server.asked().len(), 1, "nobody is asked for it");
}

#[test]
fn a_title_is_given_or_asked_for() {
    let server = ModelServer::start();
    let world = world(&server);
    world.run(&["ask", "--session", "t", "hello"]).ok();
    world.run(&["sessions", "title", "t", "A", "fine", "title"]).ok();
    assert_eq!(value(&world, &["sessions", "show", "t", "--json"])["session"]["title"], "A fine title");
    assert_eq!(server.asked().len(), 1);
    server.answer(Answer::text("Greetings\u{1b}[31m"));
    assert_eq!(world.run(&["sessions", "title", "t"]).ok(), "Greetings\n");
    server.answer(Answer::wrong_key());
    assert_eq!(world.run(&["sessions", "title", "t"]).code, 4);
    assert!(
        value(&world, &["sessions", "show", "t", "--json"])["session"]["title"]
            .as_str()
            .unwrap()
            .starts_with("Greetings")
    );
}

#[test]
fn a_chat_is_resumed_at_the_prompt() {
    let server = ModelServer::start();
    let world = world(&server);
    world.run(&["ask", "--session", "r", "first"]).ok();
    world.run(&["ask", "--session", "later", "else"]).ok();
    let mut seat = Seat::fac(&world, &["sessions", "resume", "r"], 90, 30);
    seat.expect_editor().press("second\r").expect("in,").expect_editor().press("\x04");
    assert_eq!(seat.end().0, 0);
    assert_eq!(server.last().talk(), ["user: first", "assistant: first", "user: second"]);
    assert_eq!(world.run(&["sessions", "resume", "nobody"]).code, 3);
}

/// An export with ids numbered in the order in which they come, so that two worlds can be compared.
fn numbered(export: &str) -> Value {
    let mut text = export.to_string();
    let value: Value = serde_json::from_str(export).unwrap();
    for (s, session) in value["sessions"].as_array().unwrap().iter().enumerate() {
        text = text.replace(session["id"].as_str().unwrap(), &format!("s{s}"));
        for (m, message) in session["messages"].as_array().unwrap().iter().enumerate() {
            text = text.replace(message["id"].as_str().unwrap(), &format!("s{s}m{m}"));
        }
    }
    serde_json::from_str(&text).unwrap()
}

#[test]
fn an_export_comes_back_without_loss() {
    let server = ModelServer::start();
    let world = world(&server);
    world.run(&["config", "set", "models.test-model.input_price", "2"]).ok();
    world.run(&["config", "set", "models.test-model.output_price", "8"]).ok();
    let picture = world.write("dot.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR");
    server.answer(Answer::text("A **dot**.").reasoning("hm").usage(9, 3, 0, 1));
    world.run(&["ask", "--session", "trip", "-s", "be kind", "-a", picture.to_str().unwrap(), "what is it?"]).ok();
    server.answer(Answer::text("one two three").cut("one two"));
    world.run(&["ask", "-m", "my-anthropic/test-model", "--session", "trip", "count"]);
    let shown = value(&world, &["sessions", "show", "trip", "--json"]);
    world.run(&["sessions", "branch", "trip", shown["messages"][1]["id"].as_str().unwrap()]).ok();
    world.run(&["ask", "--session", "trip", "another way"]).ok();
    world.run(&["sessions", "tag", "trip", "work", "travel"]).ok();
    world.run(&["sessions", "pin", "trip"]).ok();
    world.run(&["ask", "a second chat"]).ok();
    world.run(&["sessions", "archive", "trip"]).ok();
    let exported = world.run(&["sessions", "export", "--all"]).ok();
    let file = world.write("all.json", &exported);
    let other = World::new();
    other.run(&["sessions", "import", file.to_str().unwrap()]).ok();
    let again = other.run(&["sessions", "export", "--all"]).ok();
    let (before, after) = (numbered(&exported), numbered(&again));
    assert_eq!(before["sessions"].as_array().unwrap().len(), 2);
    assert_eq!(after, before);
    let text = before.to_string();
    for kept in ["cost_micros", "be kind", "broke off the answer", "image/png", "finished", "\"hm\"", "travel"] {
        assert!(text.contains(kept), "{kept} in {text}");
    }
    // What it once cost was not spent there.
    let usage = value(&other, &["usage", "--json"]);
    assert_eq!((usage["total"]["calls"].as_u64().unwrap_or(0), usage["usage"].as_array().unwrap().len()), (0, 0));
    // A name that is taken is a title.
    world.run(&["sessions", "import", file.to_str().unwrap()]).ok();
    assert_eq!(value(&world, &["sessions", "ls", "--archived", "--json"])["sessions"].as_array().unwrap().len(), 2);
}

/// What `llm` 0.35 and 0.36 write, both in one file.
const LLM: &str = r#"
    CREATE TABLE "conversations" ("id" TEXT PRIMARY KEY, "name" TEXT, "model" TEXT);
    CREATE TABLE "responses" ("id" TEXT PRIMARY KEY, "model" TEXT, "prompt" TEXT, "system" TEXT, "prompt_json" TEXT,
      "options_json" TEXT, "response" TEXT, "response_json" TEXT, "conversation_id" TEXT REFERENCES "conversations"("id"),
      "duration_ms" INTEGER, "datetime_utc" TEXT, "input_tokens" INTEGER, "output_tokens" INTEGER);
    INSERT INTO conversations VALUES ('c1', 'Hello', 'gpt-4o'), ('c2', 'Empty', 'gpt-4o');
    INSERT INTO responses VALUES ('r2', 'gpt-4o', 'again', NULL, NULL, NULL, 'yes', NULL, 'c1', 9, '2024-01-02T03:04:06', 3, 4);
    INSERT INTO responses VALUES ('r1', 'gpt-4o', 'hello', 'be kind', NULL, NULL, 'hi', NULL, 'c1', 9, '2024-01-02T03:04:05', 1, 2);
    CREATE TABLE "messages" ("hash" TEXT PRIMARY KEY, "parent_hash" TEXT, "role" TEXT, "provider_metadata" TEXT);
    CREATE TABLE "parts" ("id" INTEGER PRIMARY KEY, "message_hash" TEXT, "position" INTEGER, "type" TEXT, "tool_name" TEXT,
      "text" TEXT, "payload" TEXT);
    CREATE TABLE "threads" ("id" TEXT PRIMARY KEY, "name" TEXT, "tip_message_hash" TEXT, "forked_from" TEXT, "datetime_utc" TEXT);
    CREATE TABLE "turns" ("id" TEXT PRIMARY KEY, "thread_id" TEXT, "parent_message_hash" TEXT, "tip_message_hash" TEXT,
      "model" TEXT, "resolved_model" TEXT, "options_json" TEXT, "schema_id" TEXT, "input_tokens" INTEGER,
      "output_tokens" INTEGER, "token_details" TEXT, "duration_ms" INTEGER, "datetime_utc" TEXT, "response_json" TEXT);
    INSERT INTO messages VALUES ('b2:1', NULL, 'user', NULL), ('b2:2', 'b2:1', 'assistant', NULL);
    INSERT INTO parts VALUES (1, 'b2:1', 0, 'text', NULL, 'what is a thread?', NULL),
      (2, 'b2:2', 0, 'text', NULL, 'a chain of turns', NULL);
    INSERT INTO threads VALUES ('t1', 'Threads', 'b2:2', NULL, '2025-01-01T00:00:00');
    INSERT INTO turns VALUES ('u1', 't1', NULL, 'b2:2', 'claude', NULL, NULL, NULL, 5, 6, NULL, 7, '2025-01-01T00:00:01', NULL);
"#;

#[test]
fn the_log_of_llm_is_taken_over() {
    let world = World::new();
    let file = world.path("logs.db");
    rusqlite::Connection::open(&file).unwrap().execute_batch(LLM).unwrap();
    let taken = value(&world, &["sessions", "import", "logs.db", "--json"]);
    assert_eq!(taken["imported"], json!({"sessions": 2, "messages": 6}), "{taken}");
    let listed = value(&world, &["sessions", "ls", "--json"]);
    let titles: Vec<&str> =
        listed["sessions"].as_array().unwrap().iter().map(|s| s["title"].as_str().unwrap()).collect();
    assert_eq!(titles, ["Threads", "Hello"], "the last used first, by its own times");
    let id = listed["sessions"][1]["id"].as_str().unwrap();
    let shown = value(&world, &["sessions", "show", id, "--json"]);
    let said: Vec<&str> = shown["messages"].as_array().unwrap().iter().map(|m| m["text"].as_str().unwrap()).collect();
    assert_eq!(said, ["hello", "hi", "again", "yes"]);
    assert_eq!((&shown["messages"][1]["model"], &shown["session"]["imported_from"]), (&json!("gpt-4o"), &json!("llm")));
    assert_eq!(shown["messages"][0]["created"], "2024-01-02T03:04:05.000000Z");
    assert_eq!(value(&world, &["sessions", "search", "turns", "--json"])["hits"].as_array().unwrap().len(), 1);
    // The file stays as it is, and one that is none is said to be none.
    assert!(file.is_file());
    let none = world.path("other.db");
    rusqlite::Connection::open(&none).unwrap().execute_batch("CREATE TABLE x (y)").unwrap();
    assert_eq!(world.run(&["sessions", "import", "other.db"]).code, 6);
    assert_eq!(world.run(&["sessions", "import", "nothing.db"]).code, 3);
}

#[test]
fn a_large_export_of_chatgpt_is_taken_over() {
    let world = World::new();
    let node = |id: &str, parent: Value, role: &str, text: &str, at: f64| {
        json!({"id": id, "parent": parent, "children": [], "message": {
            "id": id, "author": {"role": role}, "create_time": at, "status": "finished_successfully",
            "content": {"content_type": "text", "parts": [text]}, "metadata": {"model_slug": "gpt-4o"}}})
    };
    let chat = |n: usize| {
        let mut mapping = serde_json::Map::new();
        mapping.insert("root".into(), json!({"id": "root", "parent": null, "children": ["m0"], "message": null}));
        for m in 0..20 {
            let parent = if m == 0 { json!("root") } else { json!(format!("m{}", m - 1)) };
            let (role, text) =
                if m % 2 == 0 { ("user", format!("question {m} of {n}")) } else { ("assistant", "word ".repeat(60)) };
            mapping.insert(format!("m{m}"), node(&format!("m{m}"), parent, role, &text, 1_700_000_000.0 + m as f64));
        }
        json!({"title": format!("Chat {n}"), "create_time": 1_700_000_000.0, "update_time": 1_700_000_100.0,
               "current_node": "m19", "id": format!("c{n}"), "mapping": mapping})
    };
    let chats: Vec<Value> = (0..200).map(chat).collect();
    world.write("conversations.json", serde_json::to_vec(&chats).unwrap());
    let taken = value(&world, &["sessions", "import", "conversations.json", "--json"]);
    assert_eq!(taken["imported"], json!({"sessions": 200, "messages": 4000}));
    let found = value(&world, &["sessions", "search", "\"question 4 of 77\"", "--json"]);
    assert_eq!(found["hits"].as_array().unwrap().len(), 1, "{found}");
}
