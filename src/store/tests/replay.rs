//! The log alone says what the tables hold: replayed, it equals them, whatever was done; and who edits a row is found.

use std::collections::HashSet;

use serde_json::json;

use super::support::*;
use super::work::{key, new_firing};
use crate::kernel::clock::{Clock, Timestamp};
use crate::kernel::ids::{Id, Ids};
use crate::store::access::{KeyFilter, NewKey, NewLogin, NewUser, UserEdit};
use crate::store::rows::{NOT_STATE, STATE};
use crate::store::schema::MIGRATIONS;
use crate::store::*;

/// Numbers that look random and are the same each time (SplitMix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % sides as u64) as usize
    }

    fn of<T: Copy>(&mut self, things: &[T]) -> Option<T> {
        (!things.is_empty()).then(|| things[self.roll(things.len())])
    }

    /// A text, short or long, that holds `word`.
    fn text(&mut self, word: &str) -> String {
        let long = [0, 3, 100][self.roll(3)];
        format!("{word} {} {}", self.roll(1000), "lorem ipsum ".repeat(long))
    }
}

const PRIVATE: &str = "canary-51c2";

/// What there is, for commands that need something.
#[derive(Default)]
struct Things {
    runs: Vec<Id>,
    sessions: Vec<Id>,
    messages: Vec<(Id, Id)>,
    pending: Vec<Id>,
    calls: Vec<Id>,
    memories: Vec<Id>,
    recordings: Vec<Id>,
}

fn process(dice: &mut Dice) -> Process {
    Process { pid: dice.roll(9) as u32, start: 7, boot: "b".to_string() }
}

fn runs(store: &Store, dice: &mut Dice, things: &mut Things) {
    match dice.roll(6) {
        0 | 1 => {
            let status = [Status::Pending, Status::Running, Status::Running][dice.roll(3)];
            let args = json!({"what": dice.text(PRIVATE)});
            let new = NewRun { args, status, process: Some(process(dice)), ..new_run(&format!("c{}", dice.roll(5))) };
            things.runs.push(store.begin_run(&new).unwrap());
        }
        2 => drop(dice.of(&things.runs).map(|id| store.start_run(id))),
        3 => {
            let mut end = ended([Status::Ok, Status::Failed, Status::TimedOut][dice.roll(3)], &dice.text(PRIVATE));
            end.steps = (0..dice.roll(4) as u32).map(|n| StepRecord { n, ..end.steps[0].clone() }).collect();
            drop(dice.of(&things.runs).map(|id| store.finish_run(id, &end)));
        }
        4 => drop(store.mark_lost(&|process| process.pid != 3).unwrap()),
        _ => {
            let some: Vec<Id> = (0..dice.roll(3)).filter_map(|_| dice.of(&things.runs)).collect();
            store.remove_runs(&some).unwrap();
        }
    }
}

fn sources(store: &Store, dice: &mut Dice) {
    let name = format!("s{}", dice.roll(6));
    let known = store.source_by_name(&name).unwrap();
    match (dice.roll(4), known) {
        (0 | 1, None) => drop(store.add_source(&new_source(&name)).unwrap()),
        (0, Some(source)) => drop(store.remove_source(source.id).unwrap()),
        (1, Some(source)) => {
            let error = (dice.roll(2) == 0).then(|| dice.text("unreachable"));
            let etag = Some(dice.text("etag"));
            store.update_source(&Source { error, etag, state: "stale".into(), ..source }).unwrap();
        }
        (_, Some(source)) => {
            let all: Vec<NewDefinition> = (0..dice.roll(5)).map(|n| definition(&format!("d{n}"))).collect();
            store.replace_definitions(&source, &[file("maskfile.md", dice.roll(9) as i64)], &all).unwrap();
        }
        _ => {}
    }
}

fn trust(store: &Store, dice: &mut Dice, things: &Things) {
    let of = |dice: &mut Dice, what: &str| format!("{what}{}", dice.roll(4));
    let session = dice.of(&things.sessions).unwrap_or_else(|| store.shared.ids.next(store.now()));
    match dice.roll(8) {
        0 | 1 => {
            let grants: Vec<NewGrant> = (0..1 + dice.roll(3))
                .map(|_| NewGrant {
                    source: of(dice, "s"),
                    command: of(dice, "c"),
                    digest: of(dice, "d"),
                    how: "asked".into(),
                    text: dice.text("echo"),
                })
                .collect();
            store.grant(&grants).unwrap();
        }
        2 => store.carry_grants(&of(dice, "s"), &of(dice, "s")).unwrap(),
        3 => drop(store.revoke(Some(&of(dice, "s")), Some(&of(dice, "c"))).unwrap()),
        4 => store.pin("mcp", &of(dice, "k"), &of(dice, "h"), &dice.text("tool")).unwrap(),
        5 => drop(store.unpin("mcp", &of(dice, "k")).unwrap()),
        6 => store.allow_tool(session, &of(dice, "t"), &of(dice, "d")).unwrap(),
        _ => drop(store.revoke_tools(session, None).unwrap()),
    }
}

fn edit(dice: &mut Dice, head: Option<Id>) -> SessionEdit {
    let text = dice.text(PRIVATE);
    match dice.roll(8) {
        0 => SessionEdit::Title(Some(text)),
        1 => SessionEdit::System(Some(text)),
        2 => SessionEdit::Tag(format!("{PRIVATE}{}", dice.roll(3))),
        3 => SessionEdit::Untag(format!("{PRIVATE}{}", dice.roll(3))),
        4 => SessionEdit::Settings(json!({"note": text})),
        5 => SessionEdit::Pinned(dice.roll(2) == 0),
        6 => SessionEdit::Head(head),
        _ => SessionEdit::Archived(dice.roll(2) == 0),
    }
}

/// Parts with one of three files, or none.
fn parts(dice: &mut Dice) -> serde_json::Value {
    let words = dice.text(PRIVATE);
    match dice.roll(4) {
        n @ 0..3 => json!([{"type": "file", "mime": "x/y", "name": words, "data": "A".repeat(2000 + n)}]),
        _ => text(&words),
    }
}

fn chats(store: &Store, dice: &mut Dice, things: &mut Things) {
    let Some(session) = dice.of(&things.sessions).filter(|_| dice.roll(12) > 0) else {
        let new = NewSession { title: Some(dice.text(PRIVATE)), ..NewSession::default() };
        return things.sessions.push(store.begin_session(&new).unwrap().id);
    };
    let old = dice.of(&things.messages);
    match dice.roll(20) {
        0..4 => {
            let new = NewMessage { parts: parts(dice), ..said(session, &dice.text(PRIVATE)) };
            things.messages.extend(store.add_message(&new).map(|id| (session, id)));
        }
        4..9 => {
            let answer = NewMessage { process: Some(process(dice)), ..awaited(session) };
            let turn = store.add_turn(&said(session, &dice.text(PRIVATE)), &answer);
            things.pending.extend(turn.as_ref().map(|turn| turn.1));
            things.messages.extend(turn.map(|turn| (session, turn.1)));
        }
        9 | 10 => drop(dice.of(&things.pending).map(|id| store.grow_message(id, &parts(dice), "more").unwrap())),
        11..14 => {
            let end = MessageEnd { parts: parts(dice), ..done(&dice.text(PRIVATE)) };
            drop(dice.of(&things.pending).map(|id| store.end_message(id, &end)));
        }
        14 => drop(store.adopt_pending(&|process| process.pid != 3).unwrap()),
        15 if dice.roll(2) == 0 => {
            let words = ["a", "e", PRIVATE][dice.roll(3)];
            let words = (dice.roll(2) == 0).then_some(words);
            drop(old.map(|(session, id)| store.redact(session, words.is_none().then_some(id), words)));
        }
        15 => drop(old.map(|(_, id)| store.remove_message(id))),
        16 if dice.roll(4) == 0 => drop(store.remove_session(session)),
        17 => {
            let of = NewSession { title: Some(dice.text(PRIVATE)), ..NewSession::default() };
            let words = dice.text(PRIVATE);
            let message = ImportedMessage {
                said: NewMessage {
                    session: (),
                    parent: None,
                    role: "user".into(),
                    parts: parts(dice),
                    words,
                    status: MessageStatus::Done,
                    model: None,
                    command: None,
                    summary_of: Vec::new(),
                    tokens: None,
                    process: None,
                    at: None,
                },
                error: Some(dice.text(PRIVATE)),
                finished: Some(store.now()),
                cost_micros: Some(3),
            };
            let edits = vec![edit(dice, None), edit(dice, None)];
            let mut reply = message.clone();
            reply.said.parent = Some(0);
            let messages = vec![message, reply];
            let chat = Imported { session: of, edits, updated: Some(store.now()), head: Some(0), messages };
            things.sessions.push(store.import_session(&chat).unwrap());
        }
        18 => {
            let (sign, on) = (["+1", "★"][dice.roll(2)], dice.roll(3) > 0);
            drop(old.map(|(_, id)| store.react(id, sign, on)));
        }
        _ => {
            let head = old.filter(|(of, _)| *of == session).map(|(_, id)| id);
            let edits: Vec<SessionEdit> = (0..1 + dice.roll(3)).map(|_| edit(dice, head)).collect();
            drop(store.edit_session(session, &edits));
        }
    }
}

fn calls_and_memories(store: &Store, dice: &mut Dice, things: &mut Things) {
    match dice.roll(6) {
        0 => {
            let of = dice.of(&things.messages);
            let (session, message) = (of.map(|of| of.0), of.map(|of| of.1));
            let new = NewCall { session, message, model: "p/m".into(), ..NewCall::default() };
            things.calls.push(store.begin_call(&new).unwrap());
        }
        1 => {
            let end = CallEnd { status: "failed".into(), error: Some(dice.text(PRIVATE)), ..CallEnd::default() };
            let _ = dice.of(&things.calls).map(|id| store.end_call(id, &end).unwrap());
        }
        2 => things.memories.push(store.remember(&dice.text(PRIVATE), "cli").unwrap().id),
        3 => things.recordings.push(store.begin_recording("listen", 900, |id| format!("{id}.wav")).unwrap().id),
        4 => {
            let Some(id) = dice.of(&things.recordings) else { return };
            let _ = match dice.roll(3) {
                0 => store.write_recording(id, "whisper", &dice.text(PRIVATE), Some("en"), 1000),
                1 => store.fail_recording(id, "whisper", &dice.text(PRIVATE)),
                _ => store.remove_recording(id),
            };
        }
        _ => drop(dice.of(&things.memories).map(|id| store.forget(&id.to_string()))),
    }
}

fn work(store: &Store, dice: &mut Dice) {
    let name = format!("a{}", dice.roll(4));
    let me = process(dice);
    let far = Timestamp::from_micros(Timestamp::MAX);
    match dice.roll(9) {
        0 => store.enable_automation(&key(&name), &dice.text("d"), "/").unwrap(),
        1 => drop(store.disable_automation(&key(&name)).unwrap()),
        2 | 3 => {
            let told = dice.text("k");
            let data = json!({"payload": dice.text(PRIVATE)});
            let work = json!({"fired": data});
            let firing = NewFiring { data, work, ..new_firing(&name, Some(&told)) };
            let no = Admission::No {
                outcome: FiringOutcome::Dropped,
                why: dice.text("w"),
                onto: None,
                stop: dice.roll(3) == 0,
            };
            let admission = [Admission::Begin, Admission::Wait, Admission::Replace, no][dice.roll(4)].clone();
            let mut admit = |_: usize, _: Id, _: &[OpenJob]| admission.clone();
            let record = NewRun { process: None, ..new_run(&name) };
            let foreseen = Foreseen { record, version: store.allowed_version().unwrap() };
            let runs = [Some(foreseen).filter(|_| dice.roll(2) == 0)];
            store.fire(&[firing], &runs, &me, &Along::default(), &mut admit).unwrap();
        }
        4 => drop(store.take_job(far, &me).unwrap()),
        5 => drop(
            store
                .recover_jobs(&store.lost_jobs(&|p| p.pid != 3).unwrap(), &|job, _| (job.lost < 3).then_some(job.due))
                .unwrap(),
        ),
        6 => {
            let filter = JobFilter { status: Some(JobStatus::Running), ..JobFilter::default() };
            if let Some(job) = store.jobs(&filter, None, 1).unwrap().pop() {
                let failed = JobEnd::Failed { error: dice.text(PRIVATE), again: None };
                let end = [JobEnd::Done, JobEnd::Given, failed][dice.roll(3)].clone();
                store.end_job(job.id, job.epoch, None, Some(1), &end).unwrap();
            }
        }
        7 => {
            for job in store.jobs(&JobFilter::default(), None, 2).unwrap() {
                let _ = if dice.roll(2) == 0 {
                    store.cancel_job(job.id).map(drop)
                } else {
                    store.retry_job(job.id, "d").map(drop)
                };
            }
        }
        _ if dice.roll(10) == 0 => drop(store.prune_work(store.now()).unwrap()),
        _ => {}
    }
}

fn plugins(store: &Store, dice: &mut Dice) {
    let name = format!("p{}", dice.roll(4));
    match dice.roll(5) {
        0 | 1 => store
            .enable_plugin(&NewPlugin {
                name,
                place: dice.text("place"),
                digest: dice.text("d"),
                manifest: json!({"summary": dice.text("about")}),
            })
            .unwrap(),
        2 => drop(store.plugin_failed(&name, &format!("part{}", dice.roll(2)), &dice.text("failed"), 3).unwrap()),
        3 => store.plugin_recovered(&name, &format!("part{}", dice.roll(2))).unwrap(),
        _ if dice.roll(2) == 0 => drop(store.disable_plugin(&name, "why").unwrap()),
        _ => drop(store.remove_plugin(&name).unwrap()),
    }
}

fn access(store: &Store, dice: &mut Dice) {
    let users = store.users().unwrap();
    let user = dice.of(&users.iter().map(|user| user.id).collect::<Vec<_>>());
    let far = Timestamp::from_micros(Timestamp::MAX);
    match (dice.roll(10), user) {
        (0, _) | (_, None) => {
            let name = format!("{PRIVATE}{}", dice.roll(5));
            let email = (dice.roll(2) == 0).then(|| format!("{PRIVATE}{}@example.org", dice.roll(5)));
            let role = ["owner", "member"][dice.roll(2)].to_string();
            let new = NewUser { name, email, role, tier: None, password: Some(dice.text(PRIVATE)) };
            drop(store.add_user(&new));
        }
        (1, Some(id)) => {
            let edits = [
                UserEdit::Role(["owner", "viewer"][dice.roll(2)].into()),
                UserEdit::Password(Some(dice.text(PRIVATE))),
                UserEdit::Disabled(dice.roll(2) == 0),
                UserEdit::Email(Some(format!("{PRIVATE}{}@example.org", dice.roll(9)))),
            ];
            drop(store.edit_user(id, &[edits[dice.roll(4)].clone()], "owner"));
        }
        (2, Some(id)) if dice.roll(4) == 0 => drop(store.remove_user(id, "owner")),
        (2 | 3, Some(user)) => {
            let digest = [dice.roll(250) as u8; 32];
            let new =
                NewKey { user, name: dice.text("k"), prefix: "fac_x".into(), digest, scopes: None, expires: None };
            drop(store.add_key(&NewKey { name: new.name.chars().take(20).collect(), ..new }));
        }
        (4, Some(_)) => {
            let keys = store.keys(&KeyFilter::default()).unwrap();
            let _ = dice.of(&keys.iter().map(|key| key.id).collect::<Vec<_>>()).map(|id| store.revoke_key(id).unwrap());
        }
        (5, Some(user)) => {
            let new = NewLogin { user, address: PRIVATE.into(), agent: dice.text(PRIVATE), expires: far };
            drop(store.begin_login(&new).unwrap());
        }
        (6 | 7, Some(_)) => {
            let logins = store.logins(None).unwrap();
            if let Some(id) = dice.of(&logins.iter().map(|login| login.id).collect::<Vec<_>>()) {
                let good = store.login_by_id(id).unwrap().unwrap().2.generation;
                store.refresh_login(id, good.saturating_sub(dice.roll(12) as u32 / 10), 3000, far).unwrap();
            }
        }
        (8, Some(user)) => {
            let mine = store.acting(Some(user), false);
            let run = mine.begin_run(&new_run("theirs")).unwrap();
            mine.finish_run(run, &ended(Status::Ok, "hello")).unwrap();
            mine.remember("blue", "cli").unwrap();
        }
        (_, Some(user)) if dice.roll(3) == 0 => drop(store.end_logins(user, "why").unwrap()),
        _ => {}
    }
}

fn whole(store: &Store) -> Replayed {
    let verified = store.verify().unwrap();
    assert_eq!((verified.fault, &verified.state.differences), (None, &Vec::new()));
    assert_eq!((verified.state.differ, verified.state.older), (0, 0));
    verified.state
}

#[test]
fn ten_thousand_random_changes_replay_to_the_rows_that_are_there() {
    let world = World::new();
    let store = &world.store;
    store.shared.pool.hurry();
    let (mut dice, mut things) = (Dice(7), Things::default());
    let mut of_work = Dice(11);
    let mut most = 0;
    for n in 1..=10_000 {
        if n % 8 == 0 {
            work(store, &mut of_work);
        }
        if n % 10 == 0 {
            access(store, &mut of_work);
        }
        match dice.roll(11) {
            10 => plugins(store, &mut dice),
            0..3 => runs(store, &mut dice, &mut things),
            3 => sources(store, &mut dice),
            4 => trust(store, &mut dice, &things),
            5..8 => chats(store, &mut dice, &mut things),
            _ => calls_and_memories(store, &mut dice, &mut things),
        }
        if n % 1000 == 0 {
            most = most.max(whole(store).rows);
        }
    }
    assert!(most > 500, "{most}");
    let told: HashSet<String> = world
        .raw()
        .prepare("SELECT DISTINCT value ->> 0 FROM event_payloads, json_each(rows)")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(told, STATE.iter().map(|table| table.name.to_string()).collect());

    // What was private goes from the log with what it was about, to the last word.
    store.remove_runs(&things.runs).unwrap();
    things.sessions.iter().for_each(|id| drop(store.remove_session(*id)));
    for job in store.jobs(&JobFilter::default(), None, 10_000).unwrap() {
        // Those that are over already cannot be taken back.
        let _ = store.cancel_job(job.id);
    }
    store.recover_jobs(&store.lost_jobs(&|_| false).unwrap(), &|_, _| None).unwrap();
    store.prune_work(Timestamp::from_micros(Timestamp::MAX)).unwrap();
    store.memories().unwrap().iter().for_each(|memory| drop(store.forget(&memory.id.to_string()).unwrap()));
    store.recordings(None).unwrap().iter().for_each(|one| store.remove_recording(one.id).unwrap());
    for user in store.users().unwrap() {
        // The last owner stays, so somebody else must be it.
        drop(store.remove_user(user.id, "owner"));
    }
    let last = NewUser { name: "last".into(), email: None, role: "owner".into(), tier: None, password: None };
    let last = store.add_user(&last).unwrap();
    for user in store.users().unwrap().into_iter().filter(|user| user.id != last.id) {
        store.remove_user(user.id, "owner").unwrap();
    }
    for id in &things.calls {
        store.write(|change| change.forget_errors("id = ?1", [id])).unwrap();
    }
    whole(store);
    let sql = "SELECT count(*) FROM event_payloads WHERE instr(payload || ifnull(rows, ''), ?1)";
    assert_eq!(world.raw().query_row(sql, [PRIVATE], |row| row.get::<_, i64>(0)).unwrap(), 0);
}

/// What is found when `sql` changes a store behind its back.
fn after(sql: &str) -> Vec<String> {
    let world = World::new();
    let store = &world.store;
    let run = store.begin_run(&new_run("a")).unwrap();
    store.finish_run(run, &ended(Status::Ok, "hello")).unwrap();
    store.add_source(&new_source("kit")).unwrap();
    let session = store.begin_session(&NewSession::default()).unwrap().id;
    store.edit_session(session, &[SessionEdit::Tag("work".into())]).unwrap();
    let parts = json!([{"type": "file", "mime": "x/y", "name": "f", "data": "A".repeat(2000)}]);
    store.add_message(&NewMessage { parts, ..said(session, &"long ".repeat(100)) }).unwrap();
    store.pin("mcp", "k", "h", "t").unwrap();
    let gone = store.begin_run(&new_run("gone")).unwrap();
    store.remove_runs(&[gone]).unwrap();
    let raw = world.raw();
    raw.pragma_update(None, "foreign_keys", false).unwrap();
    raw.execute_batch(sql).unwrap();
    let verified = store.verify().unwrap();
    assert_eq!(verified.fault, None);
    assert_eq!(verified.state.differ as usize, verified.state.differences.len());
    let names = [(run, "RUN"), (session, "SESSION"), (gone, "GONE")];
    let hide = |text: String| names.iter().fold(text, |text, (id, name)| text.replace(&id.to_string(), name));
    verified.state.differences.into_iter().map(hide).collect()
}

#[test]
fn a_row_that_was_edited_behind_its_back_is_named() {
    assert_eq!(after(""), Vec::<String>::new());
    let found = after("UPDATE runs SET exit_code = 1");
    assert_eq!(found, ["the row RUN of runs is not as event 2 tells it: its exit_code differs"]);
    let found = after("UPDATE run_steps SET stdout_head = CAST('hacked' AS BLOB)");
    assert_eq!(found, ["the row [1,0] of run_steps is not as event 2 tells it: its stdout_head differs"]);
    let found = after("UPDATE sources SET reference = 'x'");
    assert!(found[0].ends_with("of sources is not as event 3 tells it: its reference differs"), "{found:?}");
    let found = after("UPDATE messages SET words = replace(words, 'long', 'ling')");
    assert!(found[0].ends_with("of messages is not as event 6 tells it: its words differs"), "{found:?}");
    let found = after("INSERT INTO session_tags (session, tag) VALUES (1, 'other')");
    assert_eq!(found, ["the row SESSION of sessions is not as event 6 tells it: its tags differs"]);
    let found = after("UPDATE attachments SET data = 'B'");
    assert!(found[0].ends_with("of attachments has other bytes than its hash says"), "{found:?}");
    let found = after("DELETE FROM pins");
    assert_eq!(found, ["the row [\"local\",\"mcp\",\"k\"] of pins is gone; event 7 tells it"]);
    let found = after(
        "INSERT INTO grants (owner, source, command, digest, granted_at, how, text) VALUES ('local', 's', 'c', 'd', 1, 'me', '')",
    );
    assert_eq!(found, ["the row [1] of grants is there although no event tells of it"]);
    let found =
        after("INSERT INTO memories (n, id, owner, text, source, created) VALUES (9, 'm', 'local', 't', 's', 1)");
    assert_eq!(found, ["the row m of memories is there although no event tells of it"]);
    let found = after("UPDATE runs SET n = 2; UPDATE run_steps SET run = 2");
    assert_eq!(found.len(), 4);
    assert_eq!(found[0], "the row RUN of runs is there although it was removed");
    assert_eq!(found[1], "the row RUN of runs is gone; event 2 tells it");
}

#[test]
fn rows_told_with_an_event_are_covered_by_its_hash() {
    let world = World::new();
    world.store.begin_run(&new_run("a")).unwrap();
    world.raw().execute_batch("UPDATE event_payloads SET rows = replace(rows, 'running', 'ok')").unwrap();
    let fault = world.store.verify().unwrap().fault.unwrap();
    assert_eq!(fault.what, "the payload of event 1 was changed after it was recorded");
    world.raw().execute_batch("UPDATE event_payloads SET rows = NULL").unwrap();
    assert!(world.store.verify().unwrap().fault.is_some());
}

#[test]
fn rows_from_before_are_judged_from_their_next_change_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let raw = rusqlite::Connection::open(&path).unwrap();
    MIGRATIONS[..7].iter().for_each(|migration| raw.execute_batch(migration).unwrap());
    raw.pragma_update(None, "user_version", 7).unwrap();
    let columns = "(id, owner, command, source, digest, trigger, args, cwd, trace, steps_planned, status, started)";
    let ids = ["0197f1f0-0000-7000-8000-000000000001", "0197f1f0-0000-7000-8000-000000000002"];
    for id in ids {
        let sql = format!(
            "INSERT INTO runs {columns} VALUES ('{id}', 'local', 'c', 's', 'd', 'cli', '{{}}', '/', 't', 1, 'running', 1)"
        );
        raw.execute_batch(&sql).unwrap();
    }
    let clock = Clock::from_test_value(Some(START)).unwrap();
    let store = Store::open(&path, clock, Ids::seeded(1)).unwrap();
    store.begin_run(&new_run("new")).unwrap();
    let state = store.verify().unwrap().state;
    assert_eq!((state.rows, state.older, state.differ), (1, 2, 0));
    store.finish_run(ids[0].parse().unwrap(), &ended(Status::Ok, "")).unwrap();
    let state = store.verify().unwrap().state;
    assert_eq!((state.rows, state.older, state.differ), (3, 1, 0));
    raw.execute_batch(&format!("UPDATE runs SET cwd = '/other' WHERE id = '{}'", ids[0])).unwrap();
    assert_eq!(store.verify().unwrap().state.differ, 1);
}

#[test]
fn every_table_is_told_or_known_not_to_be() {
    let world = World::new();
    let raw = world.raw();
    let sql = "SELECT name FROM pragma_table_list WHERE schema = 'main' AND name NOT LIKE 'sqlite_%' ORDER BY name";
    let tables: Vec<String> =
        raw.prepare(sql).unwrap().query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
    let mut listed: Vec<&str> = STATE.iter().map(|table| table.name).chain(NOT_STATE.iter().copied()).collect();
    listed.sort_unstable();
    assert_eq!(listed, tables, "a new table stands in one of the lists of rows.rs");
    for table in STATE {
        let known: i64 =
            raw.query_row("SELECT count(*) FROM replay_start WHERE name = ?1", [table.name], |row| row.get(0)).unwrap();
        assert_eq!(known, 1, "{}", table.name);
    }
}

/// Whoever writes a table of the list through anything else than [`Change::alter`] would not be told.
#[test]
fn no_statement_writes_a_told_table_unseen() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/store");
    let mut unseen = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        for table in STATE {
            for verb in ["INTO", "UPDATE", "DELETE FROM"] {
                for (at, found) in text.match_indices(&format!("{verb} {} ", table.name)) {
                    // A statement and what runs it stand close together.
                    let around = &text[text.floor_char_boundary(at.saturating_sub(420))..];
                    let around = &around[..around.floor_char_boundary(1500)];
                    if !around.contains("alter(") && !around.contains("touch_row(") {
                        unseen.push(format!("{}: {found}", path.display()));
                    }
                }
            }
        }
    }
    // An answer that grows is told when it is whole.
    let known = format!("{folder}/messages.rs: UPDATE messages ");
    unseen.retain(|place| *place != known);
    assert_eq!(unseen, Vec::<String>::new());
}
