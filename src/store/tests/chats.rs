//! Chats and what is said in them.

use serde_json::{Value, json};

use super::support::*;
use crate::kernel::clock::Timestamp;
use crate::kernel::error::Kind;
use crate::kernel::ids::Id;
use crate::store::*;

fn named(store: &Store, name: &str) -> Session {
    store.begin_session(&NewSession { name: Some(name.to_string()), ..NewSession::default() }).unwrap()
}

fn names(store: &Store, filter: &SessionFilter) -> Vec<String> {
    store.sessions(filter, None, 100).unwrap().0.into_iter().map(|s| s.name.unwrap()).collect()
}

fn process(pid: u32) -> Process {
    Process { pid, start: 7, boot: "b".to_string() }
}

#[test]
fn a_question_and_its_answer_are_kept_together_and_the_answer_filled_in_once() {
    let world = World::new();
    let store = &world.store;
    let chat = named(store, "work");
    assert_eq!((chat.messages, chat.head, chat.tags.len()), (0, None, 0));
    let (asked, answer) = store.add_turn(&said(chat.id, "Why?"), &awaited(chat.id)).unwrap();
    // Another handle sees both, so they are committed.
    let other = world.again(2);
    let path = other.thread(answer).unwrap();
    assert_eq!(
        path.iter().map(|m| (m.id, m.status.name())).collect::<Vec<_>>(),
        [(asked, "done"), (answer, "pending")]
    );
    assert_eq!((path[1].parent, path[1].finished, path[0].words.as_str()), (Some(asked), None, "Why?"));
    let chat = other.session("work").unwrap();
    assert_eq!((chat.messages, chat.head), (2, Some(answer)));

    store.grow_message(answer, &text("Be"), "Be").unwrap();
    assert_eq!(other.thread(answer).unwrap()[1].words, "Be");
    store.end_message(answer, &done("Because.")).unwrap();
    let kept = other.thread(answer).unwrap().remove(1);
    assert_eq!((kept.status, kept.words.as_str(), kept.parts), (MessageStatus::Done, "Because.", text("Because.")));
    assert_eq!((kept.model.as_deref(), kept.tokens, kept.error), (Some("p/m2"), Some(3), None));
    assert_eq!(store.end_message(answer, &done("Again.")).unwrap_err().kind(), Kind::NotFound);
    store.grow_message(answer, &text("Late"), "Late").unwrap();
    assert_eq!(other.thread(answer).unwrap()[1].words, "Because.");
    let kinds: Vec<String> = store.tail("*", 9).unwrap().into_iter().map(|e| e.kind).collect();
    assert_eq!(kinds, ["session.begun", "message.added", "message.added", "message.ended"]);
    assert_eq!(store.verify().unwrap().fault, None);
}

#[test]
fn a_message_needs_its_chat_and_what_it_follows() {
    let world = World::new();
    let store = &world.store;
    let (one, two) = (named(store, "one"), named(store, "two"));
    let first = store.add_message(&said(one.id, "a")).unwrap();
    let stray = NewMessage { parent: Some(first), ..said(two.id, "b") };
    assert_eq!(store.add_message(&stray).unwrap_err().kind(), Kind::NotFound);
    assert_eq!(store.edit_session(two.id, &[SessionEdit::Head(Some(first))]).unwrap_err().kind(), Kind::NotFound);
    assert_eq!(store.add_message(&said(first, "c")).unwrap_err().kind(), Kind::NotFound);
    assert_eq!(store.session("two").unwrap().messages, 0);
    // Nobody else's chats are there.
    let other = store.owned_by("eve");
    assert_eq!(other.session("one").unwrap_err().kind(), Kind::NotFound);
    assert_eq!((other.thread(first).unwrap(), other.tree(one.id).unwrap()), (vec![], vec![]));
    assert_eq!(other.messages(one.id, None, 9).unwrap_err().kind(), Kind::NotFound);
    assert_eq!(other.remove_message(first).unwrap_err().kind(), Kind::NotFound);
    assert_eq!(other.remove_session(one.id).unwrap_err().kind(), Kind::NotFound);
    assert_eq!(store.tree(one.id).unwrap().len(), 1);
}

#[test]
fn branches_share_their_beginning() {
    let world = World::new();
    let store = &world.store;
    let chat = named(store, "c");
    let (a, b) = store.add_turn(&said(chat.id, "a"), &awaited(chat.id)).unwrap();
    store.end_message(b, &done("b")).unwrap();
    let c = store.add_message(&NewMessage { parent: Some(b), ..said(chat.id, "c") }).unwrap();
    let other = store.add_message(&NewMessage { parent: Some(a), ..said(chat.id, "other") }).unwrap();
    let words = |leaf: Id| store.thread(leaf).unwrap().into_iter().map(|m| m.words).collect::<Vec<_>>();
    assert_eq!((words(c), words(other)), (vec!["a".into(), "b".into(), "c".into()], vec!["a".into(), "other".into()]));
    assert_eq!(store.session("c").unwrap().head, Some(other));
    // A summary stands beside the tree.
    let summary = NewMessage { parent: Some(b), summary_of: vec![a, b], ..said(chat.id, "short") };
    let summary = store.add_message(&summary).unwrap();
    assert_eq!(store.session("c").unwrap().head, Some(other));
    let found = store.summaries(chat.id).unwrap();
    assert_eq!((found.len(), found[0].id, &found[0].summary_of), (1, summary, &vec![a, b]));

    assert_eq!(store.message(chat.id, &c.tail()).unwrap().id, c);
    let several = store.message(chat.id, &a.to_string()[..8]).unwrap_err();
    assert_eq!(several.kind(), Kind::Usage);
    for wrong in ["", "01", "%%%%", "____", "nonsense"] {
        assert_eq!(store.message(chat.id, wrong).unwrap_err().kind(), Kind::NotFound, "{wrong}");
    }
    // What follows goes along; the chat goes on before it.
    store.edit_session(chat.id, &[SessionEdit::Head(Some(c))]).unwrap();
    assert_eq!(store.remove_message(b).unwrap(), 3);
    let chat = store.session("c").unwrap();
    assert_eq!((chat.head, chat.messages), (Some(a), 2));
    assert_eq!(store.verify().unwrap().fault, None);
}

#[test]
fn large_files_stand_apart_once_and_come_back_whole() {
    let world = World::new();
    let store = &world.store;
    let chat = named(store, "c");
    let data = "QUJD".repeat(1000);
    let parts =
        |data: &str| json!([{"type": "text", "text": "see"}, {"type": "file", "mime": "image/png", "data": data}]);
    let with = |data: &str| NewMessage { parts: parts(data), ..said(chat.id, "see") };
    let first = store.add_message(&with(&data)).unwrap();
    let second = store.add_message(&with(&data)).unwrap();
    let small = store.add_message(&with("QUJD")).unwrap();
    let raw = world.raw();
    let count =
        |table: &str| -> i64 { raw.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap() };
    assert_eq!((count("attachments"), count("message_attachments")), (1, 2));
    for (id, whole) in [(first, data.as_str()), (second, &data), (small, "QUJD")] {
        assert_eq!(store.thread(id).unwrap()[0].parts, parts(whole));
    }
    let lists = [store.tree(chat.id).unwrap(), store.messages(chat.id, None, 9).unwrap().0];
    // Where the file is left out its size is said.
    let mut left_out = parts("");
    left_out[1]["bytes"] = json!(3000);
    assert!(lists.iter().flatten().filter(|m| m.id != small).all(|m| m.parts == left_out));
    assert_eq!(store.whole_tree(chat.id).unwrap()[1].parts, parts(&data));
    // An answer with a file, saved while it grew and once more at its end.
    let (_, answer) = store.add_turn(&said(chat.id, "paint"), &awaited(chat.id)).unwrap();
    let other = "REVG".repeat(1000);
    store.grow_message(answer, &parts(&data), "see").unwrap();
    store.end_message(answer, &MessageEnd { parts: parts(&other), ..done("see") }).unwrap();
    assert_eq!(store.thread(answer).unwrap()[1].parts, parts(&other));
    assert_eq!((count("attachments"), count("message_attachments")), (2, 3));
    store.remove_message(first).unwrap();
    assert_eq!(count("attachments"), 2);
    store.remove_message(second).unwrap();
    assert_eq!(count("attachments"), 1);
    assert_eq!(store.integrity_check().unwrap(), Vec::<String>::new());
}

#[test]
fn chats_are_listed_by_pages_pinned_ones_first() {
    let world = World::new();
    let store = &world.store;
    for name in ["a", "b", "c", "d", "e"] {
        named(store, name);
    }
    let of = |name: &str| store.session(name).unwrap().id;
    store.add_message(&said(of("b"), "hello")).unwrap();
    store.edit_session(of("a"), &[SessionEdit::Pinned(true), SessionEdit::Tag("x".into())]).unwrap();
    store.edit_session(of("d"), &[SessionEdit::Archived(true)]).unwrap();
    let edits = [SessionEdit::Title(Some("Ärger im Büro".into())), SessionEdit::Model(Some("p/m".into()))];
    store.edit_session(of("c"), &edits).unwrap();
    let all = SessionFilter::default();
    assert_eq!(names(store, &all), ["a", "b", "e", "c"]);
    assert_eq!(store.last_session().unwrap().unwrap().name.unwrap(), "b");
    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let (rows, next) = store.sessions(&all, cursor.as_deref(), 1).unwrap();
        seen.extend(rows.into_iter().map(|s| s.name.unwrap()));
        cursor = next;
        if cursor.is_none() {
            break;
        }
        // A chat that begins while the last used are read moves nothing.
        if seen.len() > 1 {
            named(store, &format!("late {}", seen.len()));
        }
    }
    assert_eq!(seen, ["a", "b", "e", "c"]);
    assert_eq!(names(store, &SessionFilter { archived: true, ..all.clone() }), ["d"]);
    assert_eq!(names(store, &SessionFilter { tag: Some("x".into()), ..all.clone() }), ["a"]);
    assert_eq!(names(store, &SessionFilter { model: Some("p/m".into()), ..all.clone() }), ["c"]);
    assert_eq!(names(store, &SessionFilter { text: Some("ÄRGER".into()), ..all.clone() }), ["c"]);
    assert_eq!(names(store, &SessionFilter { text: Some("late".into()), ..all.clone() }).len(), 2);
    let used = store.session("b").unwrap().updated;
    let since = SessionFilter { since: Some(used), ..all.clone() };
    assert_eq!(names(store, &since), ["late 3", "late 2", "b"]);
    assert_eq!(names(store, &SessionFilter { until: Some(used), ..all.clone() }), ["a", "e", "c"]);
    for wrong in ["7", "1.2", "1.2.3", "x.y.z"] {
        assert_eq!(store.sessions(&all, Some(wrong), 3).unwrap_err().kind(), Kind::Usage, "{wrong}");
    }
}

#[test]
fn a_chat_is_found_by_name_or_a_part_of_its_id_and_a_name_is_taken_once() {
    let world = World::new();
    let store = &world.store;
    let chat = named(store, "work");
    let other = store.begin_session(&NewSession::default()).unwrap();
    assert_eq!(store.session(&other.id.tail()).unwrap().id, other.id);
    assert_eq!(store.session(&chat.id.to_string()).unwrap(), chat);
    assert_eq!(store.session(&chat.id.to_string()[..8]).unwrap_err().kind(), Kind::Usage);
    let taken = NewSession { name: Some("work".into()), ..NewSession::default() };
    assert_eq!(store.begin_session(&taken).unwrap_err().kind(), Kind::Usage);
    let rename = |id: Id, name: &str| store.edit_session(id, &[SessionEdit::Name(Some(name.into()))]);
    assert_eq!(rename(other.id, "work").unwrap_err().kind(), Kind::Usage);
    rename(chat.id, "work").unwrap();
    rename(chat.id, "play").unwrap();
    rename(other.id, "work").unwrap();
    let edits = [SessionEdit::Tag("b".into()), SessionEdit::Tag("a".into()), SessionEdit::Untag("b".into())];
    store.edit_session(other.id, &edits).unwrap();
    store
        .edit_session(other.id, &[SessionEdit::Settings(json!({"k": 1})), SessionEdit::Temporary(Some(process(1)))])
        .unwrap();
    let other = store.session("work").unwrap();
    assert_eq!((other.tags, other.settings, other.temporary), (vec!["a".to_string()], json!({"k": 1}), true));
    let payload = store.tail("session.changed", 1).unwrap().remove(0).payload.unwrap();
    assert_eq!(payload, json!({"settings": {"k": 1}, "temporary": true}));
}

#[test]
fn messages_come_by_pages_and_by_the_time_they_were_said() {
    let world = World::new();
    let store = &world.store;
    let chat = named(store, "c");
    let all: Vec<Id> = (0..7).map(|n| store.add_message(&said(chat.id, &format!("{n}"))).unwrap()).collect();
    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let (rows, next) = store.messages(chat.id, cursor.as_deref(), 3).unwrap();
        seen.extend(rows.into_iter().map(|m| m.id));
        cursor = next;
        if cursor.is_none() {
            break;
        }
        store.add_message(&said(chat.id, "late")).unwrap();
    }
    assert_eq!(seen, all.iter().rev().copied().collect::<Vec<_>>());
    assert_eq!(store.messages(chat.id, Some("zzz"), 3).unwrap_err().kind(), Kind::Usage);

    // What an imported message says of its time moves neither its place nor the ids of what comes after.
    let then: Timestamp = "2019-05-05T05:05:05Z".parse().unwrap();
    let never: Timestamp = "9999-01-01T00:00:00Z".parse().unwrap();
    let at = |at: Timestamp| NewMessage { at: Some(at), role: "assistant".into(), ..said(chat.id, "imported") };
    let (old, odd) = (store.add_message(&at(then)).unwrap(), store.add_message(&at(never)).unwrap());
    let next = store.add_message(&said(chat.id, "now")).unwrap();
    assert!(old < odd && odd < next && next.millis() < 1_800_000_000_000);
    let between = |since: Option<Timestamp>, until: Option<Timestamp>, role: Option<&str>| {
        let (rows, next) = store.messages_between(since, until, role, None, 100).unwrap();
        assert_eq!(next, None);
        rows.into_iter().map(|m| m.id).collect::<Vec<_>>()
    };
    assert_eq!(between(None, Some(then.plus_micros(1)), None), [old]);
    assert_eq!(between(None, Some(then), None), []);
    assert_eq!(between(Some(never), None, None), [odd]);
    assert_eq!(between(None, None, Some("assistant")), [odd, old]);
    let (first, cursor) = store.messages_between(None, None, None, None, 1).unwrap();
    let (second, _) = store.messages_between(None, None, None, cursor.as_deref(), 1).unwrap();
    assert_eq!((first[0].id, second[0].id), (odd, next));
    assert_eq!(store.messages_between(None, None, None, Some("7"), 1).unwrap_err().kind(), Kind::Usage);
}

#[test]
fn answers_of_dead_processes_are_given_up_with_what_had_come() {
    let world = World::new();
    let store = &world.store;
    let chat = named(store, "c");
    let with =
        |pid: u32| NewMessage { process: Some(Process { pid, start: 7, boot: "b".to_string() }), ..awaited(chat.id) };
    let (_, alive) = store.add_turn(&said(chat.id, "a"), &with(1)).unwrap();
    let (_, dead) = store.add_turn(&said(chat.id, "b"), &with(2)).unwrap();
    let (_, nobodys) = store.add_turn(&said(chat.id, "c"), &NewMessage { process: None, ..awaited(chat.id) }).unwrap();
    let (_, over) = store.add_turn(&said(chat.id, "d"), &with(2)).unwrap();
    store.end_message(over, &done("whole")).unwrap();
    store.grow_message(dead, &text("half an ans"), "half an ans").unwrap();
    let events = store.counts().unwrap().events;
    assert_eq!(store.adopt_pending(&|p| p.pid == 1).unwrap(), 2);
    assert_eq!(store.counts().unwrap().events, events + 2);
    assert_eq!(store.adopt_pending(&|p| p.pid == 1).unwrap(), 0);
    let status = |id: Id| store.thread(id).unwrap().pop().unwrap().status.name();
    assert_eq!([alive, dead, nobodys, over].map(status), ["pending", "failed", "failed", "done"]);
    let given_up = store.thread(dead).unwrap().pop().unwrap();
    assert_eq!((given_up.words.as_str(), given_up.parts), ("half an ans", text("half an ans")));
    assert_eq!(given_up.error.as_deref(), Some("the program was ended before the answer was whole"));
    assert!(given_up.finished.is_some());
    assert_eq!(store.end_message(dead, &done("late")).unwrap_err().kind(), Kind::NotFound);
}

#[test]
fn every_change_is_fed_to_the_index_with_what_a_find_shows() {
    let world = World::new();
    let store = &world.store;
    let chat = named(store, "c");
    let (asked, answer) = store.add_turn(&said(chat.id, "Why?"), &awaited(chat.id)).unwrap();
    let memory = store.remember("likes tea", "cli").unwrap();
    let fed = |after: i64| store.search_feed(after, 99).unwrap();
    // A pending answer cannot be found yet.
    let keys: Vec<String> = fed(0).into_iter().map(|d| d.key).collect();
    assert_eq!(keys, [asked.to_string(), memory.id.to_string()]);
    store.end_message(answer, &done("Because.")).unwrap();
    let mark = store.search_high_water().unwrap();
    let edits = [SessionEdit::Title(Some("Reasons".into())), SessionEdit::Tag("deep".into())];
    store.edit_session(chat.id, &edits).unwrap();
    let again = fed(mark);
    assert_eq!(again.iter().map(|d| d.title.as_str()).collect::<Vec<_>>(), ["Reasons", "Reasons"]);
    let extra = &again[1].extra;
    assert_eq!(
        [&extra["role"], &extra["model"], &extra["status"], &extra["session"], &extra["tags"]],
        [&json!("assistant"), &json!("p/m2"), &json!("done"), &json!(chat.id), &json!(["deep"])]
    );
    let mark = store.search_high_water().unwrap();
    store.forget(&memory.id.to_string()).unwrap();
    store.remove_session(chat.id).unwrap();
    let gone = fed(mark);
    assert!(gone.len() == 3 && gone.iter().all(|d| d.deleted && d.body.is_empty() && d.extra == Value::Null));
}

#[test]
fn temporary_chats_of_processes_that_are_gone_are_forgotten_and_no_others() {
    let world = World::new();
    let store = &world.store;
    let begin = |pid: Option<u32>| {
        let new = NewSession { temporary: pid.map(process), ..NewSession::default() };
        let chat = store.begin_session(&new).unwrap();
        store.add_turn(&said(chat.id, "a secret plan"), &awaited(chat.id)).unwrap();
        chat.id
    };
    let (kept, mine, orphan, changed) = (begin(None), begin(Some(1)), begin(Some(2)), begin(Some(2)));
    store.edit_session(changed, &[SessionEdit::Temporary(None)]).unwrap();
    let alive = |p: &Process| *p == process(1);
    assert_eq!(store.forget_orphans(&alive).unwrap(), [orphan]);
    assert_eq!(store.session_by_id(orphan).unwrap_err().kind(), Kind::NotFound);
    for id in [kept, mine, changed] {
        assert_eq!(store.session_by_id(id).unwrap().messages, 2);
    }
    // All are alive: nothing is written. One of a version that wrote no holder down is nobody's.
    let before = store.tail("*", 1).unwrap();
    assert_eq!(store.forget_orphans(&alive).unwrap(), []);
    assert_eq!(store.tail("*", 1).unwrap(), before);
    world.raw().execute("DELETE FROM session_holders", []).unwrap();
    assert_eq!(store.forget_orphans(&alive).unwrap(), [mine]);
    let left: i64 = world.raw().query_row("SELECT count(*) FROM session_holders", [], |row| row.get(0)).unwrap();
    assert_eq!(left, 0);
    assert!(store.verify().unwrap().fault.is_none() && store.verify().unwrap().state.differ == 0);
}

#[test]
fn a_chat_that_goes_when_it_ends_is_not_found() {
    let world = World::new();
    let store = &world.store;
    let chat = store.begin_session(&NewSession { temporary: Some(process(1)), ..NewSession::default() }).unwrap();
    let (_, answer) = store.add_turn(&said(chat.id, "secret"), &awaited(chat.id)).unwrap();
    store.end_message(answer, &done("secret")).unwrap();
    assert_eq!(store.search_feed(0, 99).unwrap(), []);
    let deleted = || store.search_feed(0, 99).unwrap().iter().map(|d| d.deleted).collect::<Vec<_>>();
    store.edit_session(chat.id, &[SessionEdit::Temporary(None)]).unwrap();
    assert_eq!(deleted(), [false, false]);
    store.edit_session(chat.id, &[SessionEdit::Temporary(Some(process(1)))]).unwrap();
    assert_eq!(deleted(), [true, true]);
}

#[test]
fn each_person_puts_each_sign_once_and_it_goes_with_the_message() {
    let world = World::new();
    let store = &world.store;
    let chat = named(store, "work");
    let message = store.add_message(&said(chat.id, "Hello")).unwrap();
    let (ada, bob) = (Id::floor(Timestamp::from_micros(1_000_000)), Id::floor(Timestamp::from_micros(2_000_000)));
    let (ada, bob) = (store.acting(Some(ada), true), store.acting(Some(bob), false));
    assert!(store.react(message, "+1", true).unwrap() && !store.react(message, " +1 ", true).unwrap());
    assert!(ada.react(message, "+1", true).unwrap() && ada.react(message, "★", true).unwrap());
    let seen = |store: &Store| -> Vec<(String, u64, bool)> {
        store.reactions(chat.id).unwrap().into_iter().map(|one| (one.sign, one.count, one.mine)).collect()
    };
    assert_eq!(seen(store), [("+1".to_string(), 2, true), ("★".to_string(), 1, false)]);
    // Whoever does not see the chat sees and does nothing.
    assert_eq!((seen(&bob), bob.react(message, "+1", true).unwrap_err().kind()), (Vec::new(), Kind::NotFound));
    for wrong in ["", " ", "a b", "\u{7}", &"x".repeat(65)] {
        assert_eq!(store.react(message, wrong, true).unwrap_err().kind(), Kind::Usage, "{wrong:?}");
    }
    assert!(ada.react(message, "+1", false).unwrap() && !ada.react(message, "+1", false).unwrap());
    assert_eq!(seen(store).len(), 2);
    let whole = |store: &Store| (store.verify().unwrap().fault, store.verify().unwrap().state.differ);
    assert_eq!(whole(store), (None, 0));
    store.remove_session(chat.id).unwrap();
    assert_eq!(whole(store), (None, 0));
}
