//! What is written: sent, kept, put otherwise, typed as a command.

use super::*;
use crate::tui::happening::Lend;

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
    let draft = Request::SaveDraft { of: Some(id(1)), text: "half a thou".into(), files: Vec::new(), last: false };
    assert_eq!(saved, [draft]);
    stage.keys("ctrl-n").types("other");
    stage.told(Tell::Session(id(1).to_string(), None));
    assert!(stage.text().contains("half a thou"), "{}", stage.text());
    stage.told(Tell::Draft("explain this".into()));
    assert!(stage.text().contains("explain this") && stage.text().contains("New chat"), "{}", stage.text());
}

#[test]
fn commands_that_are_typed_do_what_keys_do() {
    let mut stage = open(SMALL);
    stage.types("/tag +x -y").keys("enter");
    let edits = vec![SessionEdit::Tag("x".into()), SessionEdit::Untag("y".into())];
    assert_eq!(requests(&mut stage).pop(), Some(Request::Edit(id(1), edits)));
    stage.types("/modle").keys("enter");
    assert!(stage.text().contains("there is no command `/modle`"), "{}", stage.text());
    stage.keys("ctrl-u").types("//etc is a folder").keys("enter");
    assert_eq!(turn(&mut stage).text.as_deref(), Some("/etc is a folder"));
    for (command, action) in super::slash::SAME {
        assert!(TABLE.iter().chain(crate::tui::actions::TABLE).any(|e| e.action == *action), "{command:?}");
    }
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

#[test]
fn what_is_written_behind_a_slash_is_completed() {
    let mut stage = open(SMALL);
    stage.types("/re");
    insta::assert_snapshot!("commands_on_offer", stage.text());
    // Half a word becomes the whole one, and nothing is sent.
    stage.keys("down enter");
    assert!(stage.text().contains("/rename") && stage.take().is_empty(), "{}", stage.text());
    stage.keys("ctrl-u").types("/attach no");
    let asked = requests(&mut stage);
    let offers = Request::Offers { before: "/attach no".into(), session: Some(id(1)), attached: Vec::new() };
    assert_eq!(asked.last(), Some(&offers));
    let found = |all: &[&str]| crate::chat::offers::Offers {
        from: 8,
        all: all.iter().map(|v| ((*v).to_string(), String::new())).collect(),
    };
    // What was found for another line is of no use.
    stage.answer(AnyAnswer::Chat(Answer::Offers("/attach n".into(), found(&["nine"]))));
    assert!(!stage.text().contains("nine"), "{}", stage.text());
    stage.answer(AnyAnswer::Chat(Answer::Offers("/attach no".into(), found(&["notes/", "nothing"]))));
    stage.keys("down tab");
    assert!(stage.text().contains("/attach nothing "), "{}", stage.text());
    stage.keys("ctrl-u").types("/mod").keys("esc");
    assert!(!stage.text().contains("Tab takes it"), "{}", stage.text());
    stage.keys("ctrl-u").types("see /etc");
    assert!(!stage.text().contains("Tab takes it"), "{}", stage.text());
}

#[test]
fn every_command_that_the_prompt_knows_does_something_here() {
    use crate::chat::slash::TABLE;
    for slash in TABLE {
        for argument in ["", "x"] {
            let mut stage = open(LARGE);
            stage.types(&format!("/{} {argument}", slash.name)).keys("esc esc enter");
            let before = stage.text();
            assert!(!before.contains("works at the prompt"), "/{}: {before}", slash.name);
        }
    }
    for (typed, expected) in [
        ("/save a b.md", Request::Save { session: id(1), path: "a b.md".into(), over: false }),
        (
            "/redact 4f2 my word",
            Request::BlackOut { session: id(1), message: "4f2".into(), words: Some("my word".into()) },
        ),
        ("/show 2", Request::Exchange(id(1), "2".into())),
        ("/goto 4f2", Request::Goto { session: id(1), which: "4f2".into(), most: super::super::reads::PAGE }),
        ("/resume trip", Request::Chat("trip".into())),
        ("/attach a", Request::File { path: "a".into(), pasted: None }),
    ] {
        let mut stage = open(LARGE);
        stage.types(typed).keys("enter");
        assert!(requests(&mut stage).contains(&expected), "{typed}");
    }
    let mut stage = open(LARGE);
    stage.types("!ls -l").keys("enter");
    assert_eq!(stage.take().pop(), Some(Effect::Lend(Lend::Shell { name: "shell", line: "ls -l".into() })));
    let mut stage = open(SMALL);
    stage.types("/help").keys("enter");
    insta::assert_snapshot!("the_commands_that_can_be_typed", stage.text());
}

#[test]
fn a_file_that_is_there_and_words_that_are_erased_are_asked_about() {
    let mut stage = open(SMALL);
    stage.keys("esc S").types("out.md").keys("enter");
    assert_eq!(requests(&mut stage), [Request::Save { session: id(1), path: "out.md".into(), over: false }]);
    stage.answer(AnyAnswer::Chat(Answer::Exists(id(1), "out.md".into())));
    stage.keys("enter");
    assert!(requests(&mut stage).is_empty(), "Enter alone writes over nothing");
    stage.answer(AnyAnswer::Chat(Answer::Exists(id(1), "out.md".into())));
    stage.keys("w");
    assert_eq!(requests(&mut stage), [Request::Save { session: id(1), path: "out.md".into(), over: true }]);
    stage.keys("g B").types("monad").keys("enter");
    insta::assert_snapshot!("before_words_are_blacked_out", stage.text());
    stage.keys("b");
    let black = Request::BlackOut { session: id(1), message: id(11).to_string(), words: Some("monad".into()) };
    assert_eq!(requests(&mut stage), [black]);
}

#[test]
fn answers_are_shown_as_they_were_written() {
    let mut stage = open(LARGE);
    assert!(!stage.text().contains("**monad**"), "{}", stage.text());
    stage.types("/raw on").keys("enter esc g j");
    assert!(stage.text().contains("A **monad** is a type"), "{}", stage.text());
    stage.keys("w");
    assert!(!stage.text().contains("**monad**"), "{}", stage.text());
}

#[test]
fn a_chat_that_is_not_kept_is_forgotten_when_one_leaves_it() {
    let mut stage = stage(LARGE);
    stage.types("/temp").keys("enter").types("hush").keys("enter");
    let ask = turn(&mut stage);
    assert!(ask.temporary && ask.session.is_none());
    let session = Session { temporary: true, ..chat(7, "hush") };
    step(&mut stage, &ask.lane, Step::Begun(Box::new(session.clone())));
    step(&mut stage, &ask.lane, Step::Ended(End { asked: true, ..End::default() }));
    let entries = vec![said(20, None, "user", text("hush"))];
    let whole = Loaded { session, leaf: Some(id(20)), entries, older: None, cost_micros: 0 };
    stage.answer(AnyAnswer::Chat(Answer::Thread(id(7), Ok(Box::new(whole)))));
    assert!(stage.text().contains("Not kept"), "{}", stage.text());
    stage.take();
    stage.keys("ctrl-n");
    assert!(requests(&mut stage).contains(&Request::Remove(id(7))));
}

#[test]
fn what_is_written_is_kept_when_the_program_is_left() {
    let mut stage = open(LARGE);
    stage.types("half a thou").leave();
    let draft = Request::SaveDraft { of: Some(id(1)), text: "half a thou".into(), files: Vec::new(), last: true };
    assert_eq!(requests(&mut stage), [draft]);
}

#[test]
fn what_is_asked_before_the_chat_was_read_goes_behind_what_will_be_shown() {
    let mut stage = stage(LARGE);
    stage.told(Tell::Session(id(1).to_string(), Some(id(12).to_string()))).take();
    stage.keys("i").types("and now?").keys("enter");
    let ask = turn(&mut stage);
    assert_eq!((ask.session, ask.parent, ask.unread, ask.to), (Some(id(1)), None, true, Some(id(12))));
    // What follows an answer follows it though it was not read again yet.
    let mut stage = open(LARGE);
    stage.take();
    stage.types("one").keys("enter");
    let first = turn(&mut stage);
    assert_eq!((first.parent, first.unread), (Some(id(15)), false));
    step(&mut stage, &first.lane, Step::Awaited(id(40)));
    step(&mut stage, &first.lane, Step::Ended(End { asked: true, ..End::default() }));
    stage.take();
    stage.types("two").keys("enter");
    let second = turn(&mut stage);
    assert_eq!((second.parent, second.unread), (Some(id(40)), false));
}
