//! Users, keys and logins; and that what a user made is there for nobody else.

use serde_json::json;

use super::support::*;
use crate::kernel::clock::Timestamp;
use crate::kernel::error::Kind;
use crate::kernel::ids::Id;
use crate::store::access::*;
use crate::store::*;

const OWNER: &str = "owner";

fn new_user(name: &str, role: &str) -> NewUser {
    NewUser { name: name.into(), email: None, role: role.into(), tier: None, password: Some("$hash".into()) }
}

fn later(store: &Store, seconds: i64) -> Timestamp {
    store.now().plus_micros(seconds * 1_000_000)
}

fn login(store: &Store, user: Id) -> (Login, Family) {
    let expires = later(store, 3600);
    let new = NewLogin { user, address: "10.0.0.1".into(), agent: "curl\u{1b}[0m".into(), expires };
    store.begin_login(&new).unwrap()
}

#[test]
fn names_and_addresses_are_unique_whatever_their_case() {
    let world = World::new();
    let store = &world.store;
    assert!(!store.has_users().unwrap());
    let ann = store.add_user(&NewUser { email: Some("Ann@Example.org".into()), ..new_user(" Ann ", OWNER) }).unwrap();
    assert_eq!((ann.name.as_str(), ann.email.as_deref()), ("Ann", Some("Ann@Example.org")));
    for (name, email) in [("ANN", None), ("bob", Some("ann@EXAMPLE.ORG")), ("ann@example.org", None)] {
        let error = store.add_user(&NewUser { email: email.map(String::from), ..new_user(name, OWNER) }).unwrap_err();
        assert_eq!(error.kind(), Kind::Usage, "{name}");
    }
    for bad in ["", " ", "a b", "a\nb", "x/y", &"x".repeat(65), &ann.id.to_string()] {
        assert_eq!(store.add_user(&new_user(bad, OWNER)).unwrap_err().kind(), Kind::Usage, "{bad}");
    }
    for bad in ["", "x", "@", "a@", "@b", "a b@c", &format!("{}@x", "a".repeat(255))] {
        let new = NewUser { email: Some(bad.into()), ..new_user("eve", OWNER) };
        assert_eq!(store.add_user(&new).unwrap_err().kind(), Kind::Usage, "{bad}");
    }
    let id = ann.id.to_string();
    for wanted in ["ann", "aNN@example.org", &id, &id[..13], &id[28..]] {
        assert_eq!(store.user(wanted).unwrap(), ann, "{wanted}");
    }
    assert_eq!(store.user("nobody").unwrap_err().kind(), Kind::NotFound);
    // A part of an id does not log in.
    assert!(store.user_for_login(&id[28..]).unwrap().is_none());
    assert_eq!(store.user_for_login("ANN").unwrap().unwrap(), (ann, Some("$hash".into())));
}

#[test]
fn no_hash_stands_in_the_log() {
    let world = World::new();
    let ann = world.store.add_user(&NewUser { password: Some("$argon2id$canary".into()), ..new_user("ann", OWNER) });
    let key = NewKey {
        user: ann.unwrap().id,
        name: "ci".into(),
        prefix: "fac_abcdefgh".into(),
        digest: [0x63; 32],
        scopes: Some(vec!["chat:read".into()]),
        expires: None,
    };
    world.store.add_key(&key).unwrap();
    let sql = "SELECT count(*) FROM event_payloads WHERE instr(payload || ifnull(rows, ''), 'canary') OR instr(payload || ifnull(rows, ''), 'cccccccc')";
    assert_eq!(world.raw().query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap(), 0);
    assert_eq!(world.store.verify().unwrap().state.differences, Vec::<String>::new());
}

#[test]
fn somebody_is_always_left_to_rule() {
    let world = World::new();
    let store = &world.store;
    let ann = store.add_user(&new_user("ann", OWNER)).unwrap();
    let bob = store.add_user(&new_user("bob", "member")).unwrap();
    for edit in [UserEdit::Role("member".into()), UserEdit::Disabled(true)] {
        let error = store.edit_user(ann.id, &[edit], OWNER).unwrap_err();
        assert_eq!((error.kind(), error.message()), (Kind::Usage, "nobody would be owner any more"));
    }
    assert_eq!(store.remove_user(ann.id, OWNER).unwrap_err().kind(), Kind::Usage);
    assert_eq!(store.user_by_id(ann.id).unwrap().unwrap(), ann);
    let bob =
        store.edit_user(bob.id, &[UserEdit::Role(OWNER.into()), UserEdit::Tier(Some("gold".into()))], OWNER).unwrap();
    assert_eq!((bob.role.as_str(), bob.tier.as_deref()), (OWNER, Some("gold")));
    store.remove_user(ann.id, OWNER).unwrap();
    assert_eq!(store.users().unwrap(), [bob]);
}

#[test]
fn a_key_is_found_by_its_hash_until_it_is_revoked_or_over() {
    let world = World::new();
    let store = &world.store;
    let ann = store.add_user(&new_user("ann", OWNER)).unwrap();
    let expires = Some(later(store, 60));
    let new = NewKey {
        user: ann.id,
        name: "ci".into(),
        prefix: "fac_abcdefgh".into(),
        digest: [1; 32],
        scopes: None,
        expires,
    };
    let key = store.add_key(&new).unwrap();
    assert_eq!(store.key_by_digest(&[1; 32]).unwrap().unwrap(), (key.clone(), ann));
    assert!(store.key_by_digest(&[2; 32]).unwrap().is_none());
    assert!(key.is_good(store.now()) && !key.is_good(later(store, 61)));
    assert_eq!(store.key("fac_abcdefgh").unwrap(), key);
    assert_eq!((store.revoke_key(key.id).unwrap(), store.revoke_key(key.id).unwrap()), (true, false));
    assert!(!store.key_by_digest(&[1; 32]).unwrap().unwrap().0.is_good(store.now()));
    assert!(store.keys(&KeyFilter::default()).unwrap().is_empty());
    assert_eq!(store.keys(&KeyFilter { revoked: true, user: None }).unwrap().len(), 1);
}

#[test]
fn a_refresh_token_that_comes_twice_ends_its_login() {
    let world = World::new();
    let store = &world.store;
    let ann = store.add_user(&new_user("ann", OWNER)).unwrap();
    let (begun, family) = login(store, ann.id);
    assert_eq!((family.generation, begun.agent.as_str()), (1, "curl[0m"));
    let on = |generation, grace| store.refresh_login(begun.id, generation, grace, later(store, 3600)).unwrap();
    assert!(matches!(on(1, 10_000_000), Refreshed::On(_, 2)));
    // Two requests at once get the same.
    assert!(matches!(on(1, 10_000_000), Refreshed::On(_, 2)));
    assert!(matches!(on(2, 10_000_000), Refreshed::On(_, 3)));
    // One that nobody gave out yet does no harm.
    assert_eq!(on(9, 10_000_000), Refreshed::Over);
    assert!(store.login_by_id(begun.id).unwrap().unwrap().0.ended.is_none());
    // Two generations ago is too long, however little time went by.
    assert!(matches!(on(1, 10_000_000), Refreshed::Reused(_)));
    assert_eq!((on(3, 10_000_000), on(2, 10_000_000)), (Refreshed::Over, Refreshed::Over));
    let (ended, ..) = store.login_by_id(begun.id).unwrap().unwrap();
    assert_eq!(ended.why.as_deref(), Some("a refresh token was used twice"));
    assert_eq!(store.events(None, "login.token_reuse", 9).unwrap().len(), 1);

    // After the grace the one before is too old as well.
    let (begun, _) = login(store, ann.id);
    let on = |generation| store.refresh_login(begun.id, generation, 500, later(store, 3600)).unwrap();
    assert!(matches!(on(1), Refreshed::On(_, 2)));
    assert!(matches!(on(1), Refreshed::Reused(_)));
}

#[test]
fn with_another_password_and_for_those_shut_out_logins_end() {
    let world = World::new();
    let store = &world.store;
    store.add_user(&new_user("ann", OWNER)).unwrap();
    let bob = store.add_user(&new_user("bob", "member")).unwrap();
    for edit in [UserEdit::Password(Some("$other".into())), UserEdit::Disabled(true)] {
        login(store, bob.id);
        login(store, bob.id);
        assert_eq!(store.logins(Some(bob.id)).unwrap().len(), 2);
        store.edit_user(bob.id, &[edit], OWNER).unwrap();
        assert!(store.logins(Some(bob.id)).unwrap().is_empty());
    }
    let (begun, _) = login(store, bob.id);
    assert_eq!(store.refresh_login(begun.id, 1, 0, later(store, 9)).unwrap(), Refreshed::Over);
    assert_eq!((store.end_logins(bob.id, "x").unwrap(), store.end_logins(bob.id, "x").unwrap()), (1, 0));
    assert!(store.end_login(begun.id, "x").is_ok_and(|ended| !ended));
    assert_eq!(store.prune_logins(later(store, -3600)).unwrap(), 0);
    assert_eq!(store.prune_logins(later(store, 1)).unwrap(), 5);
    assert_eq!(store.verify().unwrap().state.differences, Vec::<String>::new());
}

/// What everybody could ask about a thing of somebody else.
fn there(store: &Store, run: Id, chat: Id, message: Id) -> Vec<&'static str> {
    let (run, said) = (run.to_string(), message.to_string());
    let mut found = Vec::new();
    let mut ask = |what: &'static str, yes: bool| {
        if yes {
            found.push(what);
        }
    };
    ask("run", store.run(&run).is_ok());
    ask("run by its end", store.resolve_run(&run[28..]).is_ok());
    ask("runs", !store.runs(&RunFilter::default(), None, 9).unwrap().0.is_empty());
    ask("chat", store.session_by_id(chat).is_ok());
    ask("chat by name", store.session("diary").is_ok());
    ask("chat by its end", store.session(&chat.to_string()[28..]).is_ok());
    ask("chats", !store.sessions(&SessionFilter::default(), None, 9).unwrap().0.is_empty());
    ask("last chat", store.last_session().unwrap().is_some());
    ask("message", store.message(chat, &said).is_ok());
    ask("messages", store.messages(chat, None, 9).is_ok());
    ask("messages by time", !store.messages_between(None, None, None, None, 9).unwrap().0.is_empty());
    ask("thread", !store.thread(message).unwrap().is_empty());
    ask("tree", !store.tree(chat).unwrap().is_empty());
    ask("edit", store.edit_session(chat, &[SessionEdit::Title(Some("x".into()))]).is_ok());
    ask("redact", store.redact(chat, None, Some("zebra")).is_ok());
    ask("usage", !store.usage(&UsageFilter::default(), UsageBy::Model, 0).unwrap().is_empty());
    ask("say", store.add_message(&said_in(chat)).is_ok());
    found
}

fn said_in(chat: Id) -> NewMessage {
    said(chat, "more")
}

#[test]
fn what_a_user_made_is_there_for_them_and_who_sees_all_and_nobody_else() {
    let world = World::new();
    let store = &world.store;
    store.add_user(&new_user("ann", OWNER)).unwrap();
    let bob = store.add_user(&new_user("bob", "member")).unwrap();
    let eve = store.add_user(&new_user("eve", "member")).unwrap();
    let (bobs, eves, all) =
        (store.acting(Some(bob.id), false), store.acting(Some(eve.id), false), store.acting(None, true));
    let run = bobs.begin_run(&new_run("a")).unwrap();
    let chat = bobs.begin_session(&NewSession { name: Some("diary".into()), ..NewSession::default() }).unwrap();
    assert_eq!(chat.owner, Some(bob.id));
    let message = bobs.add_message(&said(chat.id, "hello")).unwrap();
    bobs.begin_call(&NewCall { session: Some(chat.id), model: "p/m".into(), ..NewCall::default() }).unwrap();
    let of = |store: &Store| there(store, run, chat.id, message);
    assert_eq!(of(&bobs).len(), 17);
    assert_eq!((of(&all), of(store)), (of(&bobs), of(&bobs)));
    assert_eq!(of(&eves), Vec::<&str>::new());
    assert_eq!(store.run(&run.to_string()).unwrap().row.owner, Some(bob.id));
    // Neither can they be erased by another.
    assert!(eves.remove_runs(&[run]).unwrap().runs.is_empty());
    assert!(eves.remove_session(chat.id).is_err());
    assert!(eves.remove_message(message).is_err());
    // What was made on the machine itself is nobody's but its owner's.
    let own = store.begin_run(&new_run("b")).unwrap();
    assert!(bobs.run(&own.to_string()).is_err() && all.run(&own.to_string()).is_ok());
    // Nobody is reminded of another's memories, not even who sees all.
    bobs.remember("likes blue", "cli").unwrap();
    assert_eq!(
        (bobs.memories().unwrap().len(), eves.memories().unwrap().len(), all.memories().unwrap().len()),
        (1, 0, 0)
    );
    // Who is gone leaves what they made to the machine.
    store.remove_user(bob.id, OWNER).unwrap();
    assert_eq!(store.run(&run.to_string()).unwrap().row.owner, None);
    assert_eq!(store.verify().unwrap().state.differences, Vec::<String>::new());
}

#[test]
fn each_names_chats_for_themselves() {
    let world = World::new();
    let store = &world.store;
    store.add_user(&new_user("ann", OWNER)).unwrap();
    let bob = store.add_user(&new_user("bob", "member")).unwrap();
    let eve = store.add_user(&new_user("eve", "member")).unwrap();
    let (bobs, eves, all) =
        (store.acting(Some(bob.id), false), store.acting(Some(eve.id), false), store.acting(None, true));
    let called = |store: &Store, name: &str| {
        store.begin_session(&NewSession { name: Some(name.into()), ..NewSession::default() })
    };
    let (bobs_diary, eves_diary) = (called(&bobs, "diary").unwrap(), called(&eves, "diary").unwrap());
    assert_eq!(called(&bobs, "diary").unwrap_err().kind(), Kind::Usage);
    assert_eq!(bobs.session("diary").unwrap().id, bobs_diary.id);
    assert_eq!(eves.session("diary").unwrap().id, eves_diary.id);
    // Who sees all means their own, and else has to say which.
    assert_eq!(all.session("diary").unwrap_err().kind(), Kind::Usage);
    let own = called(store, "diary").unwrap();
    assert_eq!(all.session("diary").unwrap().id, own.id);
    // The name of another's chat is free for it too, and not one that its own person gave.
    let plans = called(&bobs, "plans").unwrap();
    assert!(store.edit_session(plans.id, &[SessionEdit::Name(Some("diary".into()))]).is_err());
    store.edit_session(eves_diary.id, &[SessionEdit::Name(Some("plans".into()))]).unwrap();
    // What they leave keeps its name where nothing of the machine's own is called so.
    store.remove_user(bob.id, OWNER).unwrap();
    assert_eq!(all.session("diary").unwrap().id, own.id);
    assert_eq!(store.session_by_id(bobs_diary.id).unwrap().name, None);
    assert_eq!(all.session("plans").unwrap().id, plans.id);
    assert_eq!(store.verify().unwrap().state.differences, Vec::<String>::new());
}

#[test]
fn a_job_and_its_runs_belong_to_who_owed_them() {
    let world = World::new();
    let store = &world.store;
    store.add_user(&new_user("ann", OWNER)).unwrap();
    let bob = store.add_user(&new_user("bob", "member")).unwrap();
    let (bobs, others) = (store.acting(Some(bob.id), false), store.acting(None, false));
    let new = NewJob {
        kind: JobKind::Run,
        source: "s".into(),
        command: "c".into(),
        digest: "d".into(),
        work: json!({}),
        unique: None,
        lane: None,
        priority: 0,
        due: None,
        most: 1,
    };
    let job = bobs.add_job(&new).unwrap();
    assert_eq!(job.owner, Some(bob.id));
    let id = job.id.to_string();
    assert!(bobs.job(&id).is_ok() && store.job(&id).is_ok() && others.job(&id).is_err());
    assert!(others.jobs(&JobFilter::default(), None, 9).unwrap().is_empty() && others.job_counts().unwrap().is_empty());
    assert!(others.cancel_job(job.id).is_err() && others.retry_job(job.id, "d").is_err());
    // Whoever works on it does so in the name of who owed it.
    let run = store.begin_run(&NewRun { job: Some((job.id, 1)), ..new_run("c") }).unwrap();
    assert_eq!(store.run(&run.to_string()).unwrap().row.owner, Some(bob.id));
    assert!(bobs.cancel_job(job.id).is_ok());
}
