//! Logs of `llm` as its versions write them.

use std::path::PathBuf;

use rusqlite::Connection;
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::kernel::error::Kind;

/// What 0.13 had.
const OLD: &str = r#"
    CREATE TABLE "conversations" ("id" TEXT PRIMARY KEY, "name" TEXT, "model" TEXT);
    CREATE TABLE "responses" ("id" TEXT PRIMARY KEY, "model" TEXT, "prompt" TEXT, "system" TEXT, "prompt_json" TEXT,
      "options_json" TEXT, "response" TEXT, "response_json" TEXT,
      "conversation_id" TEXT REFERENCES "conversations"("id"), "duration_ms" INTEGER, "datetime_utc" TEXT);
    INSERT INTO conversations VALUES ('c1', 'Hello', 'm1');
    INSERT INTO responses VALUES ('r2', 'm1', 'again', NULL, NULL, NULL, 'yes', NULL, 'c1', 9, '2024-01-02T03:04:06');
    INSERT INTO responses VALUES ('r1', 'm1', 'hello', 'be kind', NULL, NULL, 'hi', NULL, 'c1', 9, '2024-01-02T03:04:05');
    INSERT INTO responses VALUES ('r9', 'm2', x'ff41', 7, NULL, NULL, NULL, NULL, NULL, 9, NULL);
"#;

/// What was added up to 0.35.
const LATER: &str = r#"
    ALTER TABLE responses ADD COLUMN "input_tokens" INTEGER;
    ALTER TABLE responses ADD COLUMN "output_tokens" INTEGER;
    CREATE TABLE "attachments" ("id" TEXT PRIMARY KEY, "type" TEXT, "path" TEXT, "url" TEXT, "content" BLOB);
    CREATE TABLE "prompt_attachments" ("response_id" TEXT, "attachment_id" TEXT, "order" INTEGER);
    CREATE TABLE "fragments" ("id" INTEGER PRIMARY KEY, "hash" TEXT, "content" TEXT, "datetime_utc" TEXT, "source" TEXT);
    CREATE TABLE "prompt_fragments" ("response_id" TEXT, "fragment_id" INTEGER, "order" INTEGER);
    CREATE TABLE "system_fragments" ("response_id" TEXT, "fragment_id" INTEGER, "order" INTEGER);
    CREATE TABLE "tool_calls" ("id" INTEGER PRIMARY KEY, "response_id" TEXT, "tool_id" INTEGER, "name" TEXT,
      "arguments" TEXT, "tool_call_id" TEXT);
    CREATE TABLE "tool_results" ("id" INTEGER PRIMARY KEY, "response_id" TEXT, "tool_id" INTEGER, "name" TEXT,
      "output" TEXT, "tool_call_id" TEXT, "instance_id" INTEGER);
    UPDATE responses SET input_tokens = 3, output_tokens = 'many' WHERE id = 'r1';
    INSERT INTO fragments VALUES (1, 'h', 'a fragment', NULL, NULL), (2, 'i', 'another', NULL, NULL);
    INSERT INTO prompt_fragments VALUES ('r1', 2, 1), ('r1', 1, 0);
    INSERT INTO system_fragments VALUES ('r2', 1, 0);
    INSERT INTO attachments VALUES ('a1', 'image/png', NULL, NULL, x'89504e47'), ('a2', NULL, '/tmp/x.pdf', NULL, NULL);
    INSERT INTO prompt_attachments VALUES ('r1', 'a2', 1), ('r1', 'a1', 0);
    INSERT INTO tool_calls VALUES (1, 'r1', 1, 'add', '{"a": 1}', 't1');
    INSERT INTO tool_results VALUES (1, 'r2', 1, 'add', '3', 't1', NULL);
"#;

/// What 0.36 writes.
const NEW: &str = r#"
    CREATE TABLE "messages" ("hash" TEXT PRIMARY KEY, "parent_hash" TEXT, "role" TEXT, "provider_metadata" TEXT);
    CREATE TABLE "parts" ("id" INTEGER PRIMARY KEY, "message_hash" TEXT, "position" INTEGER, "type" TEXT, "tool_name" TEXT,
      "text" TEXT, "payload" TEXT);
    CREATE TABLE "threads" ("id" TEXT PRIMARY KEY, "name" TEXT, "tip_message_hash" TEXT, "forked_from" TEXT, "datetime_utc" TEXT);
    CREATE TABLE "turns" ("id" TEXT PRIMARY KEY, "thread_id" TEXT, "parent_message_hash" TEXT, "tip_message_hash" TEXT,
      "model" TEXT, "resolved_model" TEXT, "options_json" TEXT, "schema_id" TEXT, "input_tokens" INTEGER,
      "output_tokens" INTEGER, "token_details" TEXT, "duration_ms" INTEGER, "datetime_utc" TEXT, "response_json" TEXT);
    INSERT INTO messages VALUES ('b2:1', NULL, 'system', NULL), ('b2:2', 'b2:1', 'user', NULL), ('b2:3', 'b2:2', 'assistant', NULL),
      ('b2:4', 'b2:2', 'assistant', NULL), ('b2:9', NULL, 'user', NULL);
    INSERT INTO parts VALUES (1, 'b2:1', 0, 'text', NULL, 'be kind', NULL),
      (2, 'b2:2', 0, 'text', NULL, NULL, '{"text_ref": [{"fragment": 1}, {"literal": " hello"}, {"fragment": 99}]}'),
      (3, 'b2:2', 1, 'attachment', NULL, NULL, '{"attachment": {"id": "a1"}}'),
      (4, 'b2:3', 1, 'tool_call', 'add', NULL, '{"name": "add", "arguments": {"a": 1}, "tool_call_id": "t1"}'),
      (5, 'b2:3', 0, 'text', NULL, 'calling', NULL), (6, 'b2:4', 0, 'text', NULL, 'other', 'no json');
    INSERT INTO threads VALUES ('t1', 'Sums', 'b2:3', NULL, '2026-11-21 05:07:18'), ('c1', 'Hello', 'b2:9', NULL, NULL);
    INSERT INTO turns VALUES ('u1', 't1', 'b2:2', 'b2:3', 'm', NULL, NULL, NULL, 3, 5, NULL, 0, '2026-11-21T05:07:18+00:00', NULL),
      ('u2', 't1', 'b2:2', 'b2:4', 'n', NULL, NULL, NULL, 3, 6, NULL, 0, '2026-11-21T05:08:00+00:00', NULL);
"#;

fn log(sql: &[&str]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("logs.db");
    Connection::open(&path).unwrap().execute_batch(&sql.concat()).unwrap();
    (folder, path)
}

fn conversations(path: &Path) -> Vec<LlmConversation> {
    let mut all = Vec::new();
    let mut each = |conversation| {
        all.push(conversation);
        Ok(())
    };
    LlmLog::open(path).unwrap().conversations(&mut each).unwrap();
    all
}

fn threads(path: &Path) -> Vec<LlmThread> {
    let mut all = Vec::new();
    let mut each = |thread| {
        all.push(thread);
        Ok(())
    };
    LlmLog::open(path).unwrap().threads(&mut each).unwrap();
    all
}

#[test]
fn an_old_log_is_read_by_time_whatever_its_types() {
    let (_folder, path) = log(&[OLD]);
    let before = std::fs::read(&path).unwrap();
    let all = conversations(&path);
    assert_eq!(all.iter().map(|c| c.id.as_str()).collect::<Vec<_>>(), ["c1", "r9"]);
    assert_eq!((all[0].name.as_deref(), all[0].model.as_deref()), (Some("Hello"), Some("m1")));
    let first = LlmResponse {
        id: "r1".into(),
        model: Some("m1".into()),
        prompt: "hello".into(),
        system: Some("be kind".into()),
        response: "hi".into(),
        at: Some("2024-01-02T03:04:05".into()),
        ..LlmResponse::default()
    };
    assert_eq!((&all[0].responses[0], all[0].responses[1].prompt.as_str()), (&first, "again"));
    let odd = &all[1].responses[0];
    assert_eq!((odd.prompt.as_str(), odd.system.as_deref(), odd.response.as_str()), ("\u{fffd}A", Some("7"), ""));
    assert_eq!(threads(&path), []);
    assert_eq!(std::fs::read(&path).unwrap(), before);
    assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing is left beside it");
}

#[test]
fn fragments_files_and_tools_come_along() {
    let (_folder, path) = log(&[OLD, LATER]);
    let all = conversations(&path);
    let [first, second] = &all[0].responses[..] else { panic!("{all:?}") };
    assert_eq!(first.prompt, "a fragment\nanother\nhello");
    assert_eq!((first.input_tokens, first.output_tokens), (Some(3), None));
    assert_eq!(first.tool_calls, [("t1".into(), "add".into(), "{\"a\": 1}".into())]);
    assert_eq!(first.attachments[0].content.as_deref(), Some(&b"\x89PNG"[..]));
    assert_eq!(first.attachments[1].path.as_deref(), Some("/tmp/x.pdf"));
    assert_eq!(second.tool_results, [("t1".into(), "add".into(), "3".into())]);
    assert_eq!(second.system.as_deref(), Some("a fragment"));
}

#[test]
fn threads_are_trees_and_a_conversation_that_became_one_comes_once() {
    let (_folder, path) = log(&[OLD, LATER, NEW]);
    assert_eq!(conversations(&path).into_iter().map(|c| c.id).collect::<Vec<_>>(), ["r9"]);
    let all = threads(&path);
    assert_eq!(all.iter().map(|t| t.id.as_str()).collect::<Vec<_>>(), ["c1", "t1"]);
    let thread = &all[1];
    assert_eq!((thread.name.as_deref(), thread.tip.as_deref()), (Some("Sums"), Some("b2:3")));
    let tree: Vec<_> =
        thread.messages.iter().map(|m| (m.hash.as_str(), m.parent.as_deref(), m.role.as_str())).collect();
    let expected = [
        ("b2:1", None, "system"),
        ("b2:2", Some("b2:1"), "user"),
        ("b2:3", Some("b2:2"), "assistant"),
        ("b2:4", Some("b2:2"), "assistant"),
    ];
    assert_eq!(tree, expected);
    let [_, question, answer, other] = &thread.messages[..] else { panic!() };
    assert_eq!(question.parts[0].text, "a fragment hello");
    assert_eq!(question.parts[1].attachments[0].mime.as_deref(), Some("image/png"));
    assert_eq!(question.at.as_deref(), Some("2026-11-21T05:07:18+00:00"));
    let said = (answer.model.as_deref(), answer.output_tokens, answer.at.as_deref());
    assert_eq!(said, (Some("m"), Some(5), Some("2026-11-21T05:07:18+00:00")));
    assert_eq!((answer.parts[0].text.as_str(), &answer.parts[1].payload["arguments"]), ("calling", &json!({"a": 1})));
    assert_eq!((other.output_tokens, &other.parts[0].payload), (Some(6), &json!("no json")));
}

#[test]
fn a_circle_ends_and_what_is_no_log_is_said() {
    let circle = "UPDATE messages SET parent_hash = 'b2:4' WHERE hash = 'b2:1';";
    let (_folder, path) = log(&[OLD, LATER, NEW, circle]);
    assert_eq!(threads(&path)[1].messages.len(), 4);
    let (folder, path) = log(&["CREATE TABLE other (x);"]);
    assert_eq!(LlmLog::open(&path).unwrap_err().kind(), Kind::BadData);
    let text = folder.path().join("text.db");
    std::fs::write(&text, "no database at all, but long enough to be looked at".repeat(20)).unwrap();
    assert_eq!(LlmLog::open(&text).unwrap_err().kind(), Kind::BadData);
    assert_eq!(LlmLog::open(&folder.path().join("none.db")).unwrap_err().kind(), Kind::NotFound);
    // Tables that only look like those of llm.
    let (_folder, path) = log(&["CREATE TABLE responses (a); CREATE TABLE threads (b);"]);
    let hollow = LlmLog::open(&path).unwrap();
    assert_eq!(hollow.conversations(&mut |_| Ok(())).unwrap_err().kind(), Kind::BadData);
    assert_eq!(hollow.threads(&mut |_| Ok(())).unwrap_err().kind(), Kind::BadData);
}

/// `FAC_LLM_LOG=…/logs.db cargo test --lib store::foreign -- --ignored --nocapture` prints a real one.
#[test]
#[ignore = "needs a real log"]
fn a_real_log() {
    let Some(path) = std::env::var_os("FAC_LLM_LOG").map(PathBuf::from) else { return };
    println!("{:#?}\n{:#?}", conversations(&path), threads(&path));
}
