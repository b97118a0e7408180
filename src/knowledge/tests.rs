//! The index over a real store.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::kernel::clock::{Clock, Timestamp};
use crate::kernel::ids::{Id, Ids};
use crate::store::{MessageStatus, NewMessage, NewSession, Session, SessionEdit, Store};

struct World {
    folder: TempDir,
    store: Store,
    index: Index,
}

impl World {
    fn new() -> World {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::from_test_value(Some("2026-03-10T12:00:00Z")).unwrap();
        let store = Store::open(&folder.path().join("store.db"), clock, Ids::seeded(1)).unwrap();
        let index = Index::new(&folder.path().join("index"));
        World { folder, store, index }
    }

    fn chat(&self, name: &str, title: &str) -> Session {
        let new = NewSession { name: Some(name.into()), title: Some(title.into()), ..NewSession::default() };
        self.store.begin_session(&new).unwrap()
    }

    fn say(&self, chat: &Session, role: &str, words: &str) -> Id {
        self.store.add_message(&message(chat.id, role, words)).unwrap()
    }

    fn find(&self, query: &str) -> Found {
        let query = Query::parse(query, "2026-03-10T12:00:00Z".parse().unwrap(), &TimeZone::UTC).unwrap();
        self.index.find(&self.store, &query, 20, true).unwrap()
    }

    /// The excerpts found; the counts are right too.
    fn texts(&self, query: &str) -> Vec<String> {
        let found = self.find(query);
        assert_eq!(found.facets.unwrap().total as usize, found.hits.len(), "{query}");
        found.hits.into_iter().map(|hit| hit.excerpt).collect()
    }

    /// Whether the word stands in any file of the index or the store.
    fn holds(&self, word: &str) -> bool {
        let mut folders = vec![self.folder.path().to_path_buf()];
        while let Some(folder) = folders.pop() {
            for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
                if path.is_dir() {
                    folders.push(path);
                } else if std::fs::read(&path).unwrap().windows(word.len()).any(|part| part == word.as_bytes()) {
                    println!("{}", path.display());
                    return true;
                }
            }
        }
        false
    }
}

fn message(session: Id, role: &str, words: &str) -> NewMessage {
    NewMessage {
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
        at: None,
    }
}

/// Asks everything twice: once of the index, once of the rows that it has not read because another holds it.
fn both(ask: impl Fn(&World)) {
    let world = filled();
    world.index.catch_up(&world.store).unwrap();
    ask(&world);
    let world = filled();
    let other = tempfile::tempdir().unwrap();
    let empty = Store::open(&other.path().join("s.db"), Clock::system(), Ids::seeded(2)).unwrap();
    world.index.catch_up(&empty).unwrap();
    let open = tantivy::Index::open_in_dir(world.folder.path().join("index")).unwrap();
    let _writer: tantivy::IndexWriter = open.writer_with_num_threads(1, 15_000_000).unwrap();
    ask(&world);
}

fn filled() -> World {
    let world = World::new();
    let rust = world.chat("rust-talk", "Lifetimes in Rust");
    world.say(&rust, "user", "What does the borrow checker want?");
    world.say(&rust, "assistant", "It wants that no reference outlives its owner");
    let trip = world.chat("trip", "Ein Ausflug");
    world.store.edit_session(trip.id, &[SessionEdit::Tag("Travel".into())]).unwrap();
    let old: Timestamp = "2026-01-31T10:00:00Z".parse().unwrap();
    let said = NewMessage {
        at: Some(old),
        ..message(trip.id, "user", "Wohin? Ärger mit dem Owner der 東京タワー Hütte")
    };
    world.store.add_message(&said).unwrap();
    world.store.remember("likes tea", "cli").unwrap();
    world
}

const CHECKER: &str = "What does the borrow checker want?";
const OUTLIVES: &str = "It wants that no reference outlives its owner";
const TRIP: &str = "Wohin? Ärger mit dem Owner der 東京タワー Hütte";

#[test]
fn words_phrases_and_fields_find_what_they_say() {
    both(|world| {
        let cases: &[(&str, &[&str])] = &[
            ("borrow", &[CHECKER]),
            ("want reference", &[OUTLIVES]),
            ("\"want reference\"", &[]),
            ("\"no Reference outlives\"", &[OUTLIVES]),
            ("outlvies", &[OUTLIVES]),
            ("want -owner", &[CHECKER]),
            ("owner -\"its owner\"", &[TRIP]),
            ("arger", &[TRIP]),
            ("京タワ", &[TRIP]),
            ("東タワ", &[]),
            ("owner role:user", &[TRIP]),
            ("role:assistant", &[OUTLIVES]),
            ("owner role:system,assistant", &[OUTLIVES]),
            ("model:gpt-5", &[OUTLIVES]),
            ("model:mini", &[OUTLIVES]),
            ("model:gpt-4", &[]),
            ("session:rust borrow", &[CHECKER]),
            ("tag:travel", &[TRIP]),
            ("-tag:travel owner", &[OUTLIVES]),
            ("until:2026-01-31", &[TRIP]),
            ("since:2026-01-31 until:2026-01-31", &[TRIP]),
            ("since:2026-02-01 owner", &[OUTLIVES]),
            ("kind:memory", &["likes tea"]),
            ("tea source:cli", &["likes tea"]),
            ("tea status:done", &[]),
            ("lifetimes borrow", &[CHECKER]),
            ("-kind:memory role:user", &[CHECKER, TRIP]),
            ("\"\"", &[]),
        ];
        for (query, expected) in cases {
            assert_eq!(world.texts(query), *expected, "{query}");
        }
    });
}

#[test]
fn any_query_gets_the_same_answer_from_the_index_and_from_the_rows() {
    let terms = [
        "owner",
        "ownr",
        "ow",
        "o",
        "onwer",
        "reference outlives",
        "\"no reference\"",
        "-its",
        "-\"der Owner\"",
        "role:user",
        "-role:user",
        "tag:travel",
        "since:2026-02",
        "until:2026-01-31",
        "kind:message",
        "kind:memory,run",
        "東",
        "東京",
        "Ärger",
        "arge",
        "model:gpt",
        "-model:5",
        "lifetimes",
        "session:t",
        "tea",
        "source:cli",
        "status:done",
        "wants",
        "the",
    ];
    let (read, unread) = (filled(), filled());
    read.index.catch_up(&read.store).unwrap();
    let query = |picked: &[usize]| picked.iter().map(|at| terms[*at]).collect::<Vec<_>>().join(" ");
    let ask = |world: &World, text: &str, from_rows: bool| {
        let now = "2026-03-10T12:00:00Z".parse().unwrap();
        let query = Query::parse(text, now, &TimeZone::UTC).unwrap();
        let mut keys: Vec<(String, String)> = match from_rows {
            false => {
                let found = world.index.find(&world.store, &query, 99, false).unwrap();
                found.hits.into_iter().map(|hit| (hit.kind, hit.excerpt)).collect()
            }
            true => {
                let rows = world.store.search_feed(0, 99).unwrap();
                let fitting = rows.iter().filter(|row| row::fits(&doc::Doc::of(row), &query).is_some());
                fitting.map(|row| (row.kind.name().to_string(), excerpt::excerpt(&row.body, &query).text)).collect()
            }
        };
        keys.sort();
        keys
    };
    let mut runner = proptest::test_runner::TestRunner::new(proptest::test_runner::Config {
        cases: 200,
        failure_persistence: None,
        ..Default::default()
    });
    let picks = proptest::collection::vec(0..terms.len(), 1..4);
    let held = runner.run(&picks, |picked| {
        let text = query(&picked);
        proptest::prop_assert_eq!(ask(&read, &text, false), ask(&unread, &text, true), "{}", text);
        Ok(())
    });
    held.unwrap();
}

#[test]
fn a_hit_says_what_a_list_shows_and_which_words_match() {
    both(|world| {
        let mut found = world.find("outlives owner role:assistant");
        let hit = found.hits.remove(0);
        assert_eq!((hit.kind.as_str(), hit.title.as_str()), ("message", "Lifetimes in Rust"));
        let marked: Vec<&str> = hit.marks.iter().map(|mark| &hit.excerpt[mark.clone()]).collect();
        assert_eq!(marked, ["outlives", "owner"]);
        let session = world.store.session("rust-talk").unwrap();
        assert_eq!((&hit.extra["session"], &hit.extra["role"]), (&json!(session.id), &json!("assistant")));
        assert_eq!(hit.when.to_string()[..10], *"2026-03-10");
        let facets = world.find("owner,tea -zebra want,owner -zzz since:2020").facets.unwrap();
        assert_eq!(facets, Facets::default());
        let facets = world.find("since:2020").facets.unwrap();
        let expected = json!({
            "kind": [["message", 3], ["memory", 1]],
            "model": [["openai/gpt-5-mini", 1]],
            "role": [["user", 2], ["assistant", 1]],
            "source": [["cli", 1]],
            "status": [["done", 3]],
            "tag": [["travel", 1]],
        });
        assert_eq!((facets.total, serde_json::to_value(facets.fields).unwrap()), (4, expected));
        // Newest first, where no word says what fits best.
        assert_eq!(world.texts("kind:message"), [OUTLIVES, CHECKER, TRIP]);
    });
}

#[test]
fn the_words_of_a_message_count_more_than_the_title_of_its_chat() {
    both(|world| {
        let chat = world.store.session("rust-talk").unwrap();
        world.say(&chat, "user", "and lifetimes of structs?");
        assert_eq!(world.texts("lifetimes")[0], "and lifetimes of structs?");
        assert_eq!(world.texts("lifetimes").len(), 3);
    });
}

#[test]
fn what_changes_or_goes_is_found_so_at_once() {
    both(|world| {
        let trip = world.store.session("trip").unwrap();
        world.store.edit_session(trip.id, &[SessionEdit::Title(Some("Reise".into()))]).unwrap();
        assert_eq!((world.texts("reise"), world.texts("ausflug")), (vec![TRIP.to_string()], vec![]));
        world.store.remove_session(trip.id).unwrap();
        assert_eq!(world.texts("owner"), [OUTLIVES]);
        let memory = world.store.memories().unwrap().remove(0);
        world.store.forget(&memory.id.to_string()).unwrap();
        assert_eq!(world.texts("tea"), [""; 0]);
    });
}

#[test]
fn commands_of_hidden_sources_are_neither_found_nor_counted() {
    let world = filled();
    let now = "2026-03-10T12:00:00Z".parse().unwrap();
    let hiding = |sources: &[&str]| {
        let query = Query::parse("tea", now, &TimeZone::UTC).unwrap();
        let query = query.hiding(sources.iter().map(ToString::to_string).collect());
        world.index.find(&world.store, &query, 9, true).unwrap().facets.unwrap().total
    };
    // The source of a memory is not that of a command.
    assert_eq!((hiding(&[]), hiding(&["cli"])), (1, 1));
}

#[test]
fn what_is_erased_leaves_the_files_of_the_index_too() {
    const CANARY: &str = "canary7f3a";
    let world = filled();
    let gone = world.chat("gone", CANARY);
    for n in 0..50 {
        world.say(&gone, "user", &format!("{CANARY} {n}"));
        if n % 20 == 0 {
            world.index.catch_up(&world.store).unwrap();
        }
    }
    let memory = world.store.remember(CANARY, "cli").unwrap();
    world.index.catch_up(&world.store).unwrap();
    assert!(world.holds(CANARY));
    world.store.forget(&memory.id.to_string()).unwrap();
    world.store.remove_session(gone.id).unwrap();
    assert!(world.index.catch_up(&world.store).unwrap() > 0);
    assert!(!world.holds(CANARY));
    assert_eq!(world.texts("owner -zebra").len(), 2);
}

#[test]
fn an_index_of_an_older_fac_is_made_again_by_itself() {
    let world = filled();
    let folder = world.folder.path().join("index");
    std::fs::create_dir_all(&folder).unwrap();
    let mut builder = tantivy::schema::Schema::builder();
    builder.add_text_field("body", tantivy::schema::TEXT);
    tantivy::Index::create_in_dir(&folder, builder.build()).unwrap();
    let found = world.find("borrow");
    assert_eq!((found.made, found.hits.len()), (Made::Anew, 1));
    assert_eq!(world.find("borrow").made, Made::No);
}

#[test]
fn a_file_that_changed_is_read_again() {
    let world = filled();
    assert_eq!(world.find("borrow").made, Made::Anew);
    let files = || -> Vec<PathBuf> {
        let all = std::fs::read_dir(world.folder.path().join("index")).unwrap().map(|e| e.unwrap().path());
        all.filter(|path| path.extension().is_some_and(|e| e == "store" || e == "term" || e == "idx")).collect()
    };
    for at in 0..files().len() {
        let file = files()[at].clone();
        let mut bytes = std::fs::read(&file).unwrap();
        bytes[0] ^= 1;
        std::fs::write(&file, bytes).unwrap();
        let found = world.find("borrow");
        assert_eq!((found.made, found.hits.len()), (Made::Again, 1), "{}", file.display());
        assert_eq!(world.find("borrow").made, Made::No);
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_search_leaves_no_thread_behind() {
    let world = filled();
    world.find("borrow");
    let names = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let names = names.filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
    assert_eq!(names.filter(|name| name.starts_with("thread-tantivy")).count(), 0);
}

#[test]
#[ignore = "prints figures: cargo test --lib knowledge::tests::a_hundred -- --ignored --nocapture"]
fn a_hundred_thousand_messages() {
    let world = World::new();
    let vocabulary: Vec<String> = (0..20_000u64).map(|n| format!("w{:x}", n * 2_654_435_761 % 1_000_003)).collect();
    let mut seed = 7u64;
    let mut random = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((seed >> 33) as usize) % below
    };
    let mut text = |words: usize| -> String {
        // Small numbers come more often, as in a language.
        let word = |random: &mut dyn FnMut(usize) -> usize| {
            let most = 1 + random(20_000);
            vocabulary[random(most)].as_str()
        };
        (0..words).map(|_| word(&mut random)).collect::<Vec<_>>().join(" ")
    };
    let began = Instant::now();
    for chat in 0..1000 {
        let session = world.chat(&format!("chat {chat}"), &text(4));
        for n in 0..50 {
            let question = message(session.id, "user", &text(10 + n % 20));
            let answer = message(session.id, "assistant", &text(40 + n * 3));
            world.store.add_turn(&question, &answer).unwrap();
        }
    }
    println!("100,000 messages kept in {:?}", began.elapsed());
    let began = Instant::now();
    let folded = world.index.catch_up(&world.store).unwrap();
    let rate = folded as f64 / began.elapsed().as_secs_f64();
    println!("{folded} folded in {:?}: {rate:.0} a second", began.elapsed());

    let figures = |what: &str, ask: &mut dyn FnMut(usize)| {
        let mut times: Vec<Duration> = Vec::new();
        for n in 0..200 {
            let began = Instant::now();
            ask(n);
            times.push(began.elapsed());
        }
        times.sort_unstable();
        println!("{what:28} p50 {:>8.2?}  p95 {:>8.2?}  max {:>8.2?}", times[100], times[190], times[199]);
    };
    let find = |query: &str, facets: bool| {
        let query = Query::parse(query, "2026-03-10T12:00:00Z".parse().unwrap(), &TimeZone::UTC).unwrap();
        world.index.find(&world.store, &query, 20, facets).unwrap();
    };
    figures("one word", &mut |n| find(&vocabulary[n * 97], false));
    figures("a frequent word", &mut |n| find(&vocabulary[n % 20], false));
    figures("three words", &mut |n| {
        find(&format!("{} {} {}", vocabulary[n], vocabulary[n * 3], vocabulary[n * 7]), false)
    });
    figures("a phrase", &mut |n| find(&format!("\"{} {}\"", vocabulary[n % 50], vocabulary[n % 7]), false));
    figures("a word and fields", &mut |n| find(&format!("{} role:user model:gpt since:7d", vocabulary[n]), false));
    figures("fields alone", &mut |_| find("role:assistant since:7d", false));
    figures("with facets", &mut |n| find(&vocabulary[n * 97], true));
    figures("all with facets", &mut |_| find("kind:message", true));
    let chat = world.store.session("chat 500").unwrap();
    figures("a page of messages", &mut |_| drop(world.store.messages(chat.id, None, 50).unwrap()));
    figures("a page through all chats", &mut |_| {
        drop(world.store.messages_between(None, None, None, None, 50).unwrap())
    });
    let mut cursor: Option<String> = None;
    figures("the pages after it", &mut |_| {
        cursor = world.store.messages_between(None, None, None, cursor.as_deref(), 50).unwrap().1
    });
    figures("a page of chats", &mut |_| drop(world.store.sessions(&Default::default(), None, 50).unwrap()));
    figures("the tree of a chat", &mut |_| drop(world.store.tree(chat.id).unwrap()));
    let leaf = chat.head.unwrap();
    figures("a thread", &mut |_| drop(world.store.thread(leaf).unwrap()));
    figures("a message said and found", &mut |n| {
        world.say(&chat, "user", &format!("new{n}"));
        find(&format!("new{n}"), false);
    });
}
