//! What is written: sent, kept, put otherwise, typed as a command.

use super::*;

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
    let draft = Request::SaveDraft { of: Some(id(1)), text: "half a thou".into(), files: Vec::new() };
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
