//! Conversations that are long, and those that others go on with.

use super::*;

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
    let look = Look { width: 60, theme: &theme, keys: &keys, zone: &zone, now, raw: false };
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
fn one_goes_on_from_where_one_stands_whatever_others_do() {
    let mut stage = open(LARGE);
    stage.types("mine").keys("enter");
    let ask = turn(&mut stage);
    assert_eq!(ask.parent, Some(id(15)));
    step(&mut stage, &ask.lane, Step::Awaited(id(41)));
    let own = |leaf| move |r: &Request| matches!(r, Request::Thread { leaf: l, .. } if *l == leaf);
    let asked = requests(&mut stage);
    assert!(asked.iter().any(own(Some(id(41)))), "one's own answer, not whatever came last: {asked:?}");
    let mut answer = said(41, Some(40), "assistant", text("Mine."));
    answer.message.session = id(1);
    let mut entries = talk();
    entries.extend([said(40, Some(15), "user", text("mine")), answer]);
    // Somebody else asked something at the same time, and the chat goes on there.
    let session = Session { head: Some(id(51)), ..chat(1, "Monads and commits") };
    let mine = Loaded { session, leaf: Some(id(41)), entries, older: None, cost_micros: 0 };
    stage.answer(AnyAnswer::Chat(Answer::Thread(id(1), Ok(Box::new(mine)))));
    step(&mut stage, &ask.lane, Step::Ended(End { asked: true, ..End::default() }));
    let asked = requests(&mut stage);
    assert!(asked.iter().any(own(Some(id(41)))), "{asked:?}");
    stage.types("and on").keys("enter");
    assert_eq!(turn(&mut stage).parent, Some(id(41)));
}
