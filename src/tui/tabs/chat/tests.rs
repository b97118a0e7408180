//! The tab, by values and by what can be seen.

mod cards;
mod long;
mod looks;
mod pictures;
mod writing;

use serde_json::json;

use super::messages::Entry;
use super::thread::Loaded;
use super::turn::{Ask, End, Step};
use super::*;
use crate::kernel::events::Recorded;
use crate::kernel::ids::Ids;
use crate::providers::model::{Part, ToolCall, ToolResult};
use crate::store::{AnswerCost, Message, MessageStatus, Session, SessionEdit};
use crate::tui::happening::Tell;
use crate::tui::stage::{LARGE, NOW, SMALL, Stage};
use crate::tui::tabs::Request as AnyRequest;

fn id(n: u64) -> Id {
    Ids::seeded(n).next(Timestamp::from_micros(NOW))
}

fn chat(n: u64, title: &str) -> Session {
    Session {
        id: id(n),
        name: None,
        title: Some(title.to_string()),
        model: None,
        system: None,
        settings: json!({}),
        tags: Vec::new(),
        pinned: false,
        archived: false,
        temporary: false,
        imported_from: None,
        head: None,
        messages: 4,
        created: Timestamp::from_micros(NOW),
        updated: Timestamp::from_micros(NOW),
        owner: None,
    }
}

fn said(n: u64, parent: Option<u64>, role: &str, parts: Vec<Part>) -> Entry {
    let words = crate::providers::model::words(&parts);
    let at = Timestamp::from_micros(NOW - 600_000_000 + i64::try_from(n).unwrap() * 1_000_000);
    let answer = role == "assistant";
    Entry {
        message: Message {
            id: id(n),
            session: id(1),
            parent: parent.map(id),
            role: role.to_string(),
            status: MessageStatus::Done,
            words,
            parts: json!(parts),
            model: answer.then(|| "openai/gpt-4o".to_string()),
            command: None,
            summary_of: Vec::new(),
            tokens: None,
            error: None,
            created: at,
            finished: Some(at.plus_micros(1_200_000)),
        },
        parts,
        results: Vec::new(),
        versions: vec![id(n)],
        cost: answer.then(|| AnswerCost { message: id(n), input: 812, output: 64, cost_micros: Some(2_670) }),
        goes_on: false,
    }
}

fn text(words: &str) -> Vec<Part> {
    vec![Part::text(words)]
}

const ANSWER: &str = "A **monad** is a type with two functions:\n\n- `pure` puts a value in\n- `bind` goes on with what is in it\n\n```rust\nfn bind<A, B>(a: Option<A>, f: impl Fn(A) -> Option<B>) -> Option<B> {\n    a.and_then(f)\n}\n```\n\nMore at [the wiki](https://wiki.example/Monad).";

fn talk() -> Vec<Entry> {
    let mut question = said(11, None, "user", text("What is a monad, in one short paragraph and an example?"));
    question.versions = vec![id(90), id(11), id(91)];
    let mut answer = said(12, Some(11), "assistant", Vec::new());
    answer.parts = vec![
        Part::Reasoning { text: "They want it short.\nRust will do.".into(), signature: None },
        Part::text(ANSWER),
    ];
    answer.message.words = ANSWER.to_string();
    let mut asks = said(14, Some(13), "assistant", Vec::new());
    asks.parts = vec![
        Part::text("Let me look."),
        Part::ToolCall(ToolCall {
            id: "a".into(),
            name: "git_recent".into(),
            arguments: json!({"n": 3}),
            signatures: vec![],
        }),
        Part::ToolCall(ToolCall {
            id: "b".into(),
            name: "read_file".into(),
            arguments: json!({"path": "nope"}),
            signatures: vec![],
        }),
    ];
    let result = |id: &str, content: &str, is_error| ToolResult {
        id: id.into(),
        name: String::new(),
        content: content.into(),
        is_error,
    };
    asks.results = vec![result("a", "one\ntwo\nthree", false), result("b", "there is no file `nope`", true)];
    let mut stopped = said(15, Some(14), "assistant", text("Three commits, the first of th"));
    stopped.message.status = MessageStatus::Cancelled;
    stopped.goes_on = true;
    let picture = Part::File { mime: "image/png".into(), name: "plan.png".into(), data: "A".repeat(16_000), url: None };
    let mut asked = said(13, Some(12), "user", vec![picture, Part::text("And what changed here?")]);
    asked.message.parts = json!([{"bytes": 12_000}, {}]);
    vec![question, answer, asked, asks, stopped]
}

fn loaded(entries: Vec<Entry>) -> Answer {
    let leaf = entries.last().map(|e| e.message.id);
    let session = Session { head: leaf, ..chat(1, "Monads and commits") };
    let loaded = Loaded { session, leaf, entries, older: None, cost_micros: 5_340 };
    Answer::Thread(id(1), Ok(Box::new(loaded)))
}

fn list() -> Answer {
    let mut pinned = chat(2, "Trip to Lisbon");
    (pinned.pinned, pinned.tags) = (true, vec!["travel".to_string()]);
    let wide = chat(3, "日本語の質問について");
    let right = chat(4, "שלום עולם");
    let sessions = vec![pinned, chat(1, "Monads and commits"), wide, right, chat(5, "Emoji 🦀🎉 party")];
    Answer::List(Ok(Found { sessions, next: None }), false)
}

fn knows() -> Answer {
    let knows = Knows { default: Some("openai/gpt-4o".into()), ..Knows::default() };
    Answer::Knows(Box::new(knows))
}

fn stage(size: (u16, u16)) -> Stage {
    let mut stage = Stage::with(Box::new(Chat::default()), size);
    stage.answer(AnyAnswer::Chat(knows())).answer(AnyAnswer::Chat(list()));
    stage
}

fn open(size: (u16, u16)) -> Stage {
    let mut stage = stage(size);
    stage.told(Tell::Session(id(1).to_string(), None));
    stage.answer(AnyAnswer::Chat(loaded(talk())));
    stage.take();
    stage
}

/// The requests among what was asked for.
fn requests(stage: &mut Stage) -> Vec<Request> {
    let of = |effect| match effect {
        Effect::Work(_, AnyRequest::Chat(request)) => Some(request),
        _ => None,
    };
    stage.take().into_iter().filter_map(of).collect()
}

fn turn(stage: &mut Stage) -> Ask {
    let found = requests(stage).into_iter().find_map(|r| match r {
        Request::Turn(ask) => Some(*ask),
        _ => None,
    });
    found.expect("nothing is asked")
}

fn step(stage: &mut Stage, lane: &str, step: Step) {
    stage.answer(AnyAnswer::Chat(Answer::Turn(lane.to_string(), Box::new(step))));
}

#[test]
fn a_conversation_is_drawn_with_everything_that_was_said() {
    insta::assert_snapshot!(open(LARGE).text());
    insta::assert_snapshot!(open(SMALL).text());
    insta::assert_snapshot!(open((60, 15)).text());
    insta::assert_snapshot!("inside_of_the_conversation", open(LARGE).keys("esc g z j j").text());
}

#[test]
fn nothing_and_nobody_are_said() {
    insta::assert_snapshot!(stage(LARGE).text());
    let mut nobody = Stage::with(Box::new(Chat::default()), SMALL);
    let fault =
        Fault { said: "no model is set up here".into(), hint: Some("one of these is enough:\n  a\n  b\n  c".into()) };
    let knows = Knows { nobody: Some(fault), ..Knows::default() };
    nobody.answer(AnyAnswer::Chat(Answer::Knows(Box::new(knows))));
    nobody.answer(AnyAnswer::Chat(Answer::List(Ok(Found::default()), false)));
    insta::assert_snapshot!(nobody.text());
}

#[test]
fn a_failure_to_read_is_said_in_its_place() {
    let mut stage = stage(SMALL);
    stage.told(Tell::Session(id(1).to_string(), None));
    let fault = Fault { said: "the store is broken".into(), hint: Some("fac doctor".into()) };
    stage.answer(AnyAnswer::Chat(Answer::Thread(id(1), Err(fault))));
    assert!(stage.text().contains("the store is broken (fac doctor)"), "{}", stage.text());
}

#[test]
fn what_is_written_is_sent_streams_and_ends() {
    let mut stage = stage(LARGE);
    stage.take();
    stage.types("hello").keys("alt-enter").types("there").keys("enter");
    let ask = turn(&mut stage);
    assert_eq!((ask.text.as_deref(), ask.session, ask.parent), (Some("hello\nthere"), None, None));
    assert!(stage.text().contains("waits for the first word"), "{}", stage.text());
    let session = Session { head: None, ..chat(7, "hello there") };
    step(&mut stage, &ask.lane, Step::Begun(Box::new(session.clone())));
    step(&mut stage, &ask.lane, Step::Awaited(id(21)));
    let reads: Vec<Request> = requests(&mut stage);
    assert!(
        matches!(reads.last(), Some(Request::Thread { session: s, leaf, .. }) if (*s, *leaf) == (id(7), Some(id(21)))),
        "{reads:?}"
    );
    let mut answer = said(21, Some(20), "assistant", Vec::new());
    (answer.message.status, answer.cost, answer.message.model) = (MessageStatus::Pending, None, None);
    let entries = vec![said(20, None, "user", text("hello\nthere")), answer.clone()];
    let whole = Loaded {
        session: Session { head: Some(id(21)), ..session.clone() },
        leaf: Some(id(21)),
        entries,
        older: None,
        cost_micros: 0,
    };
    stage.answer(AnyAnswer::Chat(Answer::Thread(id(7), Ok(Box::new(whole)))));
    step(&mut stage, &ask.lane, Step::Thought("A greeting.\nAnswer in kind.".into()));
    assert!(stage.text().contains("┊ A greeting."), "{}", stage.text());
    step(&mut stage, &ask.lane, Step::Text("Hello! **How** ".into()));
    step(&mut stage, &ask.lane, Step::Text("are you?".into()));
    step(&mut stage, &ask.lane, Step::Notice("openai is tried again in 2 s".into()));
    step(&mut stage, &ask.lane, Step::Text("Well, hello.".into()));
    step(&mut stage, &ask.lane, Step::ToolBegins("command git:recent".into(), "git log -n 3".into()));
    insta::assert_snapshot!(stage.text());
    assert!(!stage.text().contains("How are you"), "an attempt that failed is no part of the answer");
    step(&mut stage, &ask.lane, Step::Ended(End { asked: true, ..End::default() }));
    assert!(requests(&mut stage).iter().any(|r| matches!(r, Request::Thread { .. })));
    answer = said(21, Some(20), "assistant", text("Well, hello."));
    let entries = vec![said(20, None, "user", text("hello\nthere")), answer];
    let whole = Loaded { session, leaf: Some(id(21)), entries, older: None, cost_micros: 2670 };
    stage.answer(AnyAnswer::Chat(Answer::Thread(id(7), Ok(Box::new(whole)))));
    let text = stage.text();
    assert!(text.contains("Well, hello.") && text.contains("812 in, 64 out · $0.002670 · 1.2 s"), "{text}");
    assert!(text.contains("openai is tried again in 2 s"), "{text}");
}

#[test]
fn words_are_found_and_questions_jumped_to() {
    let mut stage = open(SMALL);
    stage.keys("esc /").types("monad");
    let asked = requests(&mut stage);
    assert_eq!(asked.last(), Some(&Request::Find { leaf: id(15), words: "monad".into() }));
    stage.answer(AnyAnswer::Chat(Answer::Hits("monad".into(), Ok(vec![id(11), id(12)]))));
    stage.keys("enter");
    insta::assert_snapshot!(stage.text());
    // It stands twice in this message.
    stage.keys("n");
    assert!(stage.text().contains("2 of 2"), "{}", stage.text());
    stage.keys("n");
    assert!(stage.text().contains("1 of 2"), "{}", stage.text());
    stage.keys("N");
    assert!(stage.text().contains("2 of 2"), "{}", stage.text());
}

#[test]
fn messages_code_links_and_what_is_marked_are_copied_as_they_were_written() {
    let mut stage = open(SMALL);
    stage.keys("esc g j j j y");
    let effects = stage.take();
    assert!(
        matches!(&effects[..], [Effect::Copy(text)] if text == ANSWER || text.starts_with("What is a monad")),
        "{effects:?}"
    );
    stage.keys("} { b o");
    stage.keys("g v j j y");
    let copied = stage.take();
    let marked = copied.iter().rev().find_map(|e| match e {
        Effect::Copy(text) => Some(text.clone()),
        _ => None,
    });
    assert!(marked.unwrap().contains("What is a monad, in one short paragraph and an example?"), "{copied:?}");
}

#[test]
fn files_go_along_as_chips() {
    let mut stage = open(SMALL);
    stage.incoming(crate::tui::shell::Incoming::Terminal(crossterm::event::Event::Paste("/tmp/a b.png".into())));
    let asked = requests(&mut stage);
    let file = Request::File { path: "/tmp/a b.png".into(), pasted: Some("/tmp/a b.png".into()) };
    assert_eq!(asked, [file]);
    let attached = Attached { path: "/tmp/a b.png".into(), mime: "image/png".into(), bytes: 12_345 };
    stage.answer(AnyAnswer::Chat(Answer::File(Ok(attached), Some("/tmp/a b.png".into()))));
    stage.types("what is it?");
    insta::assert_snapshot!(stage.text());
    stage.keys("enter");
    assert_eq!(turn(&mut stage).files, ["/tmp/a b.png"]);
    let none = Fault { said: "no".into(), hint: None };
    stage.answer(AnyAnswer::Chat(Answer::File(Err(none), Some("/not/a/file".into()))));
    assert!(stage.text().contains("/not/a/file"), "{}", stage.text());
}

#[test]
fn every_action_has_a_key_that_no_list_needs() {
    let lists = crate::tui::actions::TABLE.iter().filter(|e| e.section == Section::Lists).flat_map(|e| e.keys);
    let everywhere =
        crate::tui::actions::TABLE.iter().filter(|e| e.section == Section::Everywhere).flat_map(|e| e.keys);
    let taken: Vec<&str> = lists.chain(everywhere).copied().collect();
    for entry in TABLE.iter().filter(|e| e.section != Section::Compose) {
        assert!(!entry.keys.is_empty());
        for key in entry.keys.iter().filter(|k| !matches!(**k, "ctrl-d")) {
            assert!(!taken.contains(key), "{key} of {}", entry.action.0);
        }
    }
}

#[test]
fn the_mouse_opens_folds_writes_and_the_window_may_change() {
    let mut stage = open(LARGE);
    stage.keys("esc g").click(36, 6);
    assert!(stage.text().contains("┊ They want it short."), "{}", stage.text());
    stage.take();
    stage.click(10, 2);
    let asked = requests(&mut stage);
    assert!(asked.iter().any(|r| matches!(r, Request::Thread { session, .. } if *session == id(2))), "{asked:?}");
    stage.click(60, 37).types("hi");
    assert!(stage.text().contains("┃ hi"), "{}", stage.text());
    let mut stage = open(LARGE);
    stage.resized(SMALL);
    assert_eq!(stage.text(), open(SMALL).text());
}
