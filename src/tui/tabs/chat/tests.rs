//! The tab, by values and by what can be seen.

mod looks;
mod pictures;

use std::sync::mpsc::sync_channel;

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
    assert!(matches!(reads.last(), Some(Request::Thread { session: s, leaf: None, .. }) if *s == id(7)), "{reads:?}");
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
fn what_could_not_be_asked_is_written_still() {
    let mut stage = stage(SMALL);
    stage.types("hello").keys("enter");
    let ask = turn(&mut stage);
    let fault = Fault { said: "today's budget of $1.00 is spent".into(), hint: None };
    step(&mut stage, &ask.lane, Step::Ended(End { fault: Some(fault), ..End::default() }));
    let text = stage.text();
    assert!(text.contains("hello") && text.contains("today's budget of $1.00 is spent"), "{text}");
    stage.take();
    stage.keys("enter");
    assert_eq!(turn(&mut stage).text.as_deref(), Some("hello"));
}

#[test]
fn two_chats_stream_at_once_and_each_is_stopped_alone() {
    let mut stage = open(LARGE);
    stage.types("one").keys("enter");
    let first = turn(&mut stage);
    stage.keys("ctrl-n").types("two").keys("enter");
    let second = turn(&mut stage);
    assert_ne!(first.lane, second.lane);
    assert_eq!((first.session, second.session), (Some(id(1)), None));
    let chosen = stage.text();
    assert!(chosen.contains("… Monads and commits"), "{chosen}");
    stage.take();
    stage.keys("esc");
    assert_eq!(stage.take(), [Effect::Stop(crate::tui::happening::Lane(second.lane.clone()))]);
    step(&mut stage, &first.lane, Step::Text("still".into()));
    step(&mut stage, &first.lane, Step::Awaited(id(40)));
    step(&mut stage, &first.lane, Step::Ended(End { asked: true, ..End::default() }));
    assert!(stage.text().contains("• Monads and commits"), "what was not seen has a sign: {}", stage.text());
}

#[test]
fn a_tool_is_allowed_by_a_card_and_by_nothing_else() {
    for (keys, verdict) in [
        ("y", Verdict::Once),
        ("s", Verdict::Session),
        ("n", Verdict::No(None)),
        ("enter", Verdict::No(None)),
        ("esc", Verdict::No(None)),
    ] {
        let mut stage = open(LARGE);
        stage.types("go").keys("enter");
        let ask = turn(&mut stage);
        let (sender, answer) = sync_channel(1);
        let question = Question {
            tool: "git_recent".into(),
            origin: "command git:recent".into(),
            read_only: true,
            preview: "git log -n 3\n\x1b[31m".into(),
        };
        step(&mut stage, &ask.lane, Step::Asks(question, ReplyTo(sender)));
        if keys == "y" {
            insta::assert_snapshot!("the_card_of_a_tool", stage.text());
        }
        stage.keys(keys);
        assert_eq!(answer.try_recv(), Ok(verdict), "{keys}");
    }
}

#[test]
fn a_yes_that_was_typed_for_something_else_is_none() {
    let mut stage = Stage::careful(Box::new(Chat::default()), LARGE, 50_000_000);
    stage.types("go").keys("enter");
    let ask = turn(&mut stage);
    let (sender, answer) = sync_channel(1);
    let question = Question { tool: "t".into(), origin: "mcp a/b".into(), read_only: false, preview: "rm x".into() };
    step(&mut stage, &ask.lane, Step::Asks(question, ReplyTo(sender)));
    stage.types("yes").keys("enter").click(14, 12);
    stage.seen().types("n y");
    assert!(answer.try_recv().is_err());
    let text = stage.text();
    assert!(text.contains("Allow it?") && text.contains("press it again"), "{text}");
    stage.keys("esc");
    assert_eq!(answer.try_recv(), Ok(Verdict::No(None)));
}

#[test]
fn cards_wait_for_each_other_and_say_where_they_belong() {
    let mut stage = open(LARGE);
    stage.types("one").keys("enter");
    let first = turn(&mut stage);
    stage.keys("ctrl-n").types("two").keys("enter");
    let second = turn(&mut stage);
    let ask_for = |what: &str| Question {
        tool: "t".into(),
        origin: what.into(),
        read_only: false,
        preview: format!("run {what}"),
    };
    let (one, one_said) = sync_channel(1);
    let (two, two_said) = sync_channel(1);
    step(&mut stage, &first.lane, Step::Asks(ask_for("alpha"), ReplyTo(one)));
    step(&mut stage, &second.lane, Step::Asks(ask_for("beta"), ReplyTo(two)));
    let text = stage.text();
    assert!(text.contains("In the chat `Monads and commits`:") && text.contains("run alpha"), "{text}");
    assert!(!text.contains("run beta"), "{text}");
    stage.keys("y");
    assert_eq!((one_said.try_recv(), two_said.try_recv().is_err()), (Ok(Verdict::Once), true));
    assert!(stage.text().contains("run beta"), "{}", stage.text());
    stage.keys("esc");
    assert_eq!(two_said.try_recv(), Ok(Verdict::No(None)));
}

#[test]
fn a_question_put_otherwise_is_a_branch_and_a_correction_takes_its_place() {
    let mut stage = open(LARGE);
    stage.keys("esc { { e");
    assert!(stage.text().contains("Beside your question"), "{}", stage.text());
    stage.types(" Now!").keys("enter");
    let ask = turn(&mut stage);
    assert_eq!((ask.parent, ask.replaces), (None, None));
    assert!(ask.text.unwrap().ends_with("example? Now!"));
    let mut stage = open(LARGE);
    stage.keys("esc E").types("?").keys("enter");
    let ask = turn(&mut stage);
    assert_eq!((ask.parent, ask.replaces), (Some(id(12)), Some(id(13))));
    let mut unanswered = talk();
    unanswered.truncate(3);
    stage = self::stage(LARGE);
    stage.told(Tell::Session(id(1).to_string(), None)).answer(AnyAnswer::Chat(loaded(unanswered)));
    stage.keys("esc e");
    assert!(stage.text().contains("Instead of your question"), "{}", stage.text());
}

#[test]
fn versions_are_switched_and_answers_asked_for_again() {
    let mut stage = open(LARGE);
    stage.keys("esc g right");
    assert!(stage.text().contains("‹2/3›"), "{}", stage.text());
    let switched = requests(&mut stage);
    assert!(matches!(switched[..], [Request::Switch { version, .. }] if version == id(91)), "{switched:?}");
    stage.keys("G r");
    let ask = turn(&mut stage);
    assert_eq!((ask.parent, ask.text), (Some(id(13)), None));
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
    stage.keys("n");
    assert!(stage.text().contains("1 of 2"), "{}", stage.text());
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
fn the_list_renames_pins_tags_and_erases_after_a_card() {
    let mut stage = open(LARGE);
    stage.keys("esc shift-tab");
    stage.keys("p");
    let asked = requests(&mut stage);
    assert_eq!(asked, [Request::Edit(id(1), vec![SessionEdit::Pinned(true)])]);
    stage.keys("t").types("work -x").keys("enter");
    let asked = requests(&mut stage);
    assert!(
        matches!(&asked[..], [Request::Edit(_, edits)] if edits[0] == SessionEdit::Tag("work".into())),
        "{asked:?}"
    );
    stage.keys("d enter");
    assert!(requests(&mut stage).is_empty(), "Enter alone erases nothing");
    stage.keys("d e");
    assert!(requests(&mut stage).contains(&Request::Remove(id(1))));
    stage.keys("/").types("mon");
    let asked = requests(&mut stage);
    assert!(matches!(asked.last(), Some(Request::List { filter, .. }) if filter.text.as_deref() == Some("mon")));
}

#[test]
fn drafts_belong_to_their_chat_and_are_saved() {
    let mut stage = open(LARGE);
    stage.types("half a thou");
    stage.incoming(crate::tui::shell::Incoming::Moment);
    let saved = requests(&mut stage);
    let draft = Request::SaveDraft { of: Some(id(1)), text: "half a thou".into(), files: Vec::new() };
    assert_eq!(saved, [draft]);
    stage.keys("ctrl-n").types("other");
    stage.told(Tell::Session(id(1).to_string(), None));
    assert!(stage.text().contains("half a thou"), "{}", stage.text());
    stage.told(Tell::Draft("explain this".into()));
    assert!(stage.text().contains("explain this") && stage.text().contains("New chat"), "{}", stage.text());
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
fn what_other_programs_say_is_read_again() {
    let mut stage = open(SMALL);
    let fact = |kind: &str, subject: Id, session: Id| Recorded {
        payload: Some(json!({"session": session})),
        ..crate::tui::stage::fact(5, kind, &subject.to_string())
    };
    stage.news(vec![fact("message.added", id(70), id(1))]);
    let asked = requests(&mut stage);
    assert!(asked.iter().any(|r| matches!(r, Request::Thread { .. })), "{asked:?}");
    stage.news(vec![fact("message.added", id(71), id(3))]);
    let asked = requests(&mut stage);
    assert!(asked.iter().all(|r| matches!(r, Request::List { .. })), "{asked:?}");
}

#[test]
fn commands_that_are_typed_do_what_keys_do() {
    let mut stage = open(SMALL);
    stage.types("/tag +x -y").keys("enter");
    let edits = vec![SessionEdit::Tag("x".into()), SessionEdit::Untag("y".into())];
    assert_eq!(requests(&mut stage), [Request::Edit(id(1), edits)]);
    stage.types("/modle").keys("enter");
    assert!(stage.text().contains("there is no command `/modle`"), "{}", stage.text());
    stage.keys("ctrl-u").types("//etc is a folder").keys("enter");
    assert_eq!(turn(&mut stage).text.as_deref(), Some("/etc is a folder"));
    for (command, action) in super::slash::SAME {
        assert!(TABLE.iter().chain(crate::tui::actions::TABLE).any(|e| e.action == *action), "{command:?}");
    }
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
fn long_conversations_are_read_as_one_scrolls() {
    let mut entries: Vec<Entry> = (100..180)
        .map(|n| said(n, Some(n - 1), if n % 2 == 0 { "user" } else { "assistant" }, text(&format!("message {n}"))))
        .collect();
    entries.iter_mut().for_each(|e| e.cost = None);
    let mut stage = stage(LARGE);
    stage.told(Tell::Session(id(1).to_string(), None));
    let Answer::Thread(of, Ok(mut loaded)) = loaded(entries) else { unreachable!() };
    loaded.older = Some(id(99));
    stage.answer(AnyAnswer::Chat(Answer::Thread(of, Ok(loaded))));
    assert!(stage.text().contains("message 179") && !stage.text().contains("message 150"), "{}", stage.text());
    stage.take();
    stage.keys("esc pageup pageup");
    assert!(requests(&mut stage).is_empty(), "not near the beginning yet");
    stage.keys("g");
    let asked = requests(&mut stage);
    assert!(matches!(asked[..], [Request::Older { leaf, .. }] if leaf == id(99)), "{asked:?}");
    let before = stage.text();
    let older: Vec<Entry> = (60..100).map(|n| said(n, Some(n - 1), "user", text(&format!("message {n}")))).collect();
    stage.answer(AnyAnswer::Chat(Answer::Older(id(1), Ok((older, None)))));
    assert_eq!(stage.text().lines().nth(3), before.lines().nth(3), "what is looked at stays");
    stage.keys("k k");
    assert!(stage.text().contains("message 99"), "{}", stage.text());
}

#[test]
fn of_ten_thousand_messages_only_what_is_seen_is_made() {
    let entries = (0..10_000).map(|n| said(n, n.checked_sub(1), "user", text("words")));
    let session = chat(1, "long");
    let mut thread = super::thread::Thread::empty();
    let theme = crate::tui::theme::Theme::choose("plain", &Default::default(), crate::tui::theme::Depth::None, false);
    let (keys, _) = crate::tui::keymap::Keymap::new(&[TABLE], &Default::default());
    let (now, zone) = (Timestamp::from_micros(NOW), jiff::tz::TimeZone::UTC);
    let look = Look { width: 60, theme: &theme, keys: &keys, zone: &zone, now };
    let loaded = Loaded { session, leaf: None, entries: entries.collect(), older: None, cost_micros: 0 };
    thread.take(loaded, &look);
    thread.prepare(None, 40, &look);
    assert!(thread.made() < 30, "{}", thread.made());
    for _ in 0..50 {
        thread.act(actions::PAGE_UP, None, &look);
        thread.prepare(None, 40, &look);
    }
    assert!(thread.made() < 50 * 20, "{}", thread.made());
    assert_eq!(thread.visible(None, 40).len(), 40);
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

#[test]
fn the_tree_the_models_and_the_tools_are_lists() {
    let mut stage = open(LARGE);
    let model = Choice::new("openai/gpt-4o", "openai/gpt-4o", "128k context");
    stage.answer(AnyAnswer::Chat(Answer::Models(Ok(vec![model]), false)));
    stage.keys("ctrl-o");
    assert!(stage.text().contains("128k context"), "{}", stage.text());
    stage.keys("enter");
    let asked = requests(&mut stage);
    assert_eq!(asked, [Request::Edit(id(1), vec![SessionEdit::Model(Some("openai/gpt-4o".into()))])]);
    stage.keys("ctrl-t");
    let tools = vec![Choice::new("marked", "marked", ""), Choice::new("mcp:files", "mcp:files", "MCP server")];
    stage.answer(AnyAnswer::Chat(Answer::Tools(Ok(tools))));
    stage.keys("down enter");
    assert!(stage.text().contains("✓ offered"), "{}", stage.text());
    stage.keys("esc").types("go").keys("enter");
    assert_eq!(turn(&mut stage).tools, ["mcp:files"]);
}
