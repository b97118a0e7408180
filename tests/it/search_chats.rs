//! `fac search` over what was said in chats and what is remembered.

use std::path::Path;

use factotum::kernel::clock::{Clock, Timestamp};
use factotum::kernel::ids::{Id, Ids};
use factotum::store::{MessageStatus, NewMessage, NewSession, SessionEdit, Store};
use serde_json::{Value, json};

use crate::support::world::{Output, World};

fn store(world: &World) -> Store {
    let clock = Clock::from_test_value(Some("2026-03-10T12:00:00Z")).unwrap();
    Store::open(&world.fac().join("data/store.db"), clock, Ids::seeded(7)).unwrap()
}

fn say(store: &Store, session: Id, role: &str, words: &str, at: Option<&str>) -> Id {
    let message = NewMessage {
        session,
        parent: None,
        role: role.into(),
        parts: json!([{"type": "text", "text": words}]),
        words: words.into(),
        status: MessageStatus::Done,
        model: (role == "assistant").then(|| "openai/gpt-5-mini".to_string()),
        command: None,
        summary_of: Vec::new(),
        tokens: None,
        process: None,
        at: at.map(|at| at.parse::<Timestamp>().unwrap()),
    };
    store.add_message(&message).unwrap()
}

/// A chat with a title, one without, and a memory. Time stands at 2026-03-10.
fn filled() -> (World, Store) {
    let mut world = World::new();
    world.set("FAC_TEST_CLOCK", "2026-03-10T12:30:00Z");
    world.run(&["commands", "new", "telescope", "-d", "Look far", "--script", "true"]).ok();
    let store = store(&world);
    let begin = |name: Option<&str>, title: Option<&str>| {
        let new = NewSession { name: name.map(String::from), title: title.map(String::from), ..NewSession::default() };
        store.begin_session(&new).unwrap().id
    };
    let stars = begin(Some("stars"), Some("Looking at Saturn"));
    say(&store, stars, "user", "Which telescope shows the rings?", Some("2026-01-31T10:00:00Z"));
    say(&store, stars, "assistant", "Any telescope that magnifies 25 times shows \u{1b}[31mthe rings", None);
    store.edit_session(stars, &[SessionEdit::Tag("Sky".into())]).unwrap();
    let other = begin(None, None);
    let long = format!("{} and a telescope {}", "before ".repeat(30), "after ".repeat(30));
    say(&store, other, "user", &long, None);
    store.remember("owns a small telescope", "cli").unwrap();
    (world, store)
}

/// Ids differ in nothing but here.
fn readable(output: Output) -> String {
    let text = output.ok();
    let mut out = String::new();
    for word in text.split_inclusive([' ', '\n']) {
        let bare = word.trim_end();
        let is_tail = bare.len() == 8 && bare.bytes().all(|b| b.is_ascii_hexdigit());
        out.push_str(&if is_tail { word.replace(bare, "[id]") } else { word.to_string() });
    }
    out
}

fn hits(world: &World, query: &[&str]) -> Vec<Value> {
    let output = world.run(&[&["search", "--json"], query].concat());
    let value: Value = serde_json::from_str(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    let list = value["hits"].as_array().unwrap().clone();
    assert_eq!(output.code, if list.is_empty() { 3 } else { 0 });
    assert!(list.len() as u64 <= value["total"].as_u64().unwrap());
    list
}

fn names(world: &World, query: &[&str]) -> Vec<String> {
    hits(world, query).iter().map(|hit| hit["name"].as_str().unwrap().to_string()).collect()
}

#[test]
fn messages_are_shown_with_their_chat_and_the_words_that_match() {
    let (world, _) = filled();
    insta::with_settings!({ snapshot_path => "snapshots", prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("search_chats", readable(world.run(&["search", "telescope", "--facets"])));
        let mut colours = world.run(&["search", "telescope rings", "--color", "always"]);
        assert!(!colours.stdout.contains("\u{1b}[31m"), "{colours:?}");
        colours.stdout = colours.stdout.replace('\u{1b}', "ESC");
        insta::assert_snapshot!("search_chats_colours", readable(colours));
    });
}

#[test]
fn fields_phrases_and_times_narrow_it() {
    let (world, _) = filled();
    assert_eq!(names(&world, &["telescope", "role:assistant"]), ["Looking at Saturn"]);
    assert_eq!(names(&world, &["telescope until:2026-02"]), ["Looking at Saturn"]);
    assert_eq!(names(&world, &["telescope since:today role:user"]).len(), 1);
    assert_eq!(names(&world, &["\"a small telescope\""]).len(), 1);
    assert_eq!(names(&world, &["telescope", "kind:command"]), ["user:telescope"]);
    assert_eq!(names(&world, &["telescope", "--kind", "memory"]).len(), 1);
    assert_eq!(names(&world, &["telescope -kind:message,memory"]), ["user:telescope"]);
    assert_eq!(names(&world, &["--", "telescope", "-session:stars", "kind:message"]).len(), 1);
    assert_eq!(names(&world, &["tag:sky"]).len(), 2);
    assert_eq!(names(&world, &["telescope", "role:system"]), [""; 0]);
    let said = world.run(&["search", "telescope", "rolle:user"]).failed(2);
    assert!(said.contains("a search has no field `rolle`") && said.contains("did you mean `role:`?"), "{said}");
}

#[test]
fn json_says_where_the_words_stand_and_counts_everything() {
    let (world, store) = filled();
    let output = world.run(&["search", "telescope", "role:assistant", "--json"]);
    let value: Value = serde_json::from_str(&output.ok()).unwrap();
    let hit = &value["hits"][0];
    let text: Vec<char> = hit["excerpt"].as_str().unwrap().chars().collect();
    let mark = hit["marks"][0].as_array().unwrap();
    let [from, to] = [0, 1].map(|at| mark[at].as_u64().unwrap() as usize);
    assert_eq!(text[from..to].iter().collect::<String>(), "telescope");
    let session = store.session("stars").unwrap();
    assert_eq!((&hit["session"], &hit["session_name"]), (&json!(session.id), &json!("stars")));
    assert_eq!(
        (&hit["role"], &hit["model"], &hit["kind"]),
        (&json!("assistant"), &json!("openai/gpt-5-mini"), &json!("message"))
    );
    let value: Value = serde_json::from_str(&world.run(&["search", "telescope", "-n", "1", "--json"]).ok()).unwrap();
    assert_eq!((value["hits"].as_array().unwrap().len(), value["total"].as_u64()), (1, Some(5)));
    assert_eq!(value["facets"]["kind"], json!([["message", 3], ["command", 1], ["memory", 1]]));
    assert_eq!(value["facets"]["role"], json!([["user", 2], ["assistant", 1]]));
}

#[test]
fn another_process_finds_what_was_said_a_moment_ago_and_not_what_was_erased() {
    let (world, store) = filled();
    assert_eq!(names(&world, &["zarquon"]), [""; 0]);
    let chat = store.session("stars").unwrap().id;
    let said = say(&store, chat, "user", "zarquon", None);
    assert_eq!(names(&world, &["zarquon"]), ["Looking at Saturn"]);
    store.edit_session(chat, &[SessionEdit::Title(Some("Renamed".into()))]).unwrap();
    assert_eq!(names(&world, &["zarquon"]), ["Renamed"]);
    store.remove_message(said).unwrap();
    assert_eq!(names(&world, &["zarquon"]), [""; 0]);
    store.remove_session(chat).unwrap();
    assert_eq!(names(&world, &["rings"]), [""; 0]);
    let files = |folder: &str| -> Vec<Vec<u8>> {
        let read = |folder: &Path| std::fs::read_dir(folder).unwrap().map(|e| std::fs::read(e.unwrap().path()));
        read(&world.fac().join(folder)).map(Result::unwrap_or_default).collect()
    };
    for word in ["zarquon", "magnifies", "Looking at Saturn"] {
        let held = [files("data"), files("cache/index")]
            .concat()
            .iter()
            .any(|bytes| bytes.windows(word.len()).any(|part| part == word.as_bytes()));
        assert!(!held, "{word}");
    }
}

#[test]
fn what_a_person_erases_is_in_no_file_any_more() {
    let (world, store) = filled();
    let held =
        |word: &str| world.tree().iter().any(|(_, bytes)| bytes.windows(word.len()).any(|p| p == word.as_bytes()));
    world.run(&["remember", "zarquon comes on Sunday"]).ok();
    assert_eq!(hits(&world, &["zarquon"]).len(), 1);
    assert!(held("zarquon") && held("magnifies"));
    let memory = store.memories().unwrap().pop().unwrap();
    world.run(&["memory", "forget", &memory.id.to_string()]).ok();
    assert!(!held("zarquon"));
    world.run(&["sessions", "rm", "stars"]).ok();
    assert!(!held("magnifies") && !held("Looking at Saturn"));
}
