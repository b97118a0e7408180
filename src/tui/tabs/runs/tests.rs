//! The runs tab, by values and by what can be seen.

mod looks;

use std::path::Path;

use jiff::tz::TimeZone;
use serde_json::json;

use super::*;
use crate::exec::Stream;
use crate::kernel::clock::Timestamp;
use crate::kernel::events::{RUN_FINISHED, RUN_REMOVED, RUN_STARTED};
use crate::kernel::ids::Ids;
use crate::store::{Captured, Run, StepRecord};
use crate::tui::popups::Reply;
use crate::tui::shell::Incoming;
use crate::tui::stage::{LARGE, NOW, SMALL, Stage, fact};
use crate::tui::theme::Role;

const SECOND: i64 = 1_000_000;

fn row(ago: i64, command: &str, status: Status) -> RunRow {
    let ids = Ids::seeded(u64::try_from(ago).unwrap());
    let started = Timestamp::from_micros(NOW - ago * SECOND);
    let done = status.is_final();
    RunRow {
        id: ids.next(started),
        command: command.to_string(),
        source: "own".to_string(),
        digest: "d".to_string(),
        trigger: if ago % 2 == 0 { "manual".to_string() } else { "schedule 0 9 * * *".to_string() },
        args: json!({"values": {"count": "5", "token": "***"}, "rest": ["a b", "c"]}),
        cwd: "/home/me".to_string(),
        trace: ids.trace(),
        zone: None,
        steps_planned: 1,
        status,
        exit_code: done.then_some(if status == Status::Ok { 0 } else { 7 }),
        started,
        finished: done.then(|| started.plus_micros(SECOND * 5 / 4)),
        owner: None,
    }
}

fn rows() -> Vec<RunRow> {
    let commands = [
        "git recent",
        "deploy",
        "backup 日本語",
        "שלום עולם",
        "🎉 party",
        "a rather long name of a command that is cut",
        "tar",
        "clean up",
        "nightly",
    ];
    let all = Status::ALL.into_iter().zip(commands).enumerate();
    all.map(|(at, (status, command))| row(60 + 4000 * i64::try_from(at * at).unwrap(), command, status)).collect()
}

fn listed(rows: &[RunRow], next: bool) -> AnyAnswer {
    let items: Vec<Item> = rows.iter().map(Item::from).collect();
    let next = items.last().filter(|_| next).map(|item| item.id.to_string());
    let list = List { limit: PAGE, ..List::default() };
    AnyAnswer::Runs(Answer::Listed(list, Ok(Listed { items, next })))
}

fn step(n: u32, id: &str, out: &str, err: &str) -> StepRecord {
    StepRecord {
        n,
        id: id.to_string(),
        kind: "script".to_string(),
        lang: "bash".to_string(),
        status: if err.is_empty() { "ok".to_string() } else { "failed".to_string() },
        exit_code: Some(if err.is_empty() { 0 } else { 7 }),
        duration_us: SECOND,
        stdout: Captured::whole(out),
        stderr: Captured::whole(err),
        undoes: None,
    }
}

fn record(row: &RunRow) -> AnyAnswer {
    let long = format!("{}\n", "a long line that goes on ".repeat(8));
    let steps = vec![
        step(0, "fetch", &format!("fetched 3 files\n\x1b[31mred\x1b[0m 日本語 שלום 🎉\n{long}"), ""),
        step(1, "build", "compiling\n", "error: no such file\n"),
    ];
    let run = Run { row: row.clone(), steps };
    let record = record::of(run, Some(Path::new("/nowhere")), &TimeZone::UTC, &|| true).unwrap();
    AnyAnswer::Runs(Answer::Read(row.id, Ok(Box::new(record))))
}

fn filled(size: (u16, u16)) -> (Stage, Vec<RunRow>) {
    let (mut stage, rows) = (Stage::with(Box::new(Runs::default()), size), rows());
    stage.answer(listed(&rows, false));
    stage.answer(record(&rows[0]));
    stage.take();
    (stage, rows)
}

fn requests(stage: &mut Stage) -> Vec<(String, Request)> {
    let effects = stage.take().into_iter().filter_map(|effect| match effect {
        Effect::Work(lane, AnyRequest::Runs(request)) => Some((lane.0, request)),
        _ => None,
    });
    effects.collect()
}

#[test]
fn every_status_is_told_by_sign_and_word_and_the_run_stands_beside_it() {
    insta::assert_snapshot!(filled(LARGE).0.text());
    let (mut stage, rows) = filled(SMALL);
    stage.keys("j").answer(record(&rows[1]));
    insta::assert_snapshot!(stage.text());
    stage.keys("z w");
    insta::assert_snapshot!(stage.text());
}

#[test]
fn nothing_a_failure_and_a_filter_without_runs_are_said() {
    let mut stage = Stage::with(Box::new(Runs::default()), SMALL);
    let first = List { limit: PAGE, ..List::default() };
    assert_eq!(requests(&mut stage), [("list".into(), Request::List(first.clone()))]);
    assert!(stage.text().contains("reading …"));
    stage.answer(listed(&[], false));
    insta::assert_snapshot!(stage.text());
    let fault = Fault { said: "the store is broken".into(), hint: Some("fac doctor".into()) };
    stage.answer(AnyAnswer::Runs(Answer::Listed(first, Err(fault))));
    assert!(stage.text().contains("the store is broken (fac doctor)"), "{}", stage.text());
    stage.keys("f").types("git").keys("enter");
    let filter = Filter { part: "git".into(), status: None };
    let asked = List { filter: filter.clone(), limit: PAGE, ..List::default() };
    assert_eq!(requests(&mut stage), [("list".into(), Request::List(asked.clone()))]);
    stage.keys("s").types("failed").keys("enter");
    let filter = Filter { status: Some(Status::Failed), ..filter };
    let asked = List { filter, ..asked };
    assert_eq!(requests(&mut stage), [("list".into(), Request::List(asked.clone()))]);
    stage.answer(listed(&rows(), false));
    assert!(stage.text().contains("reading …"), "an answer to another filter is passed over");
    stage.answer(AnyAnswer::Runs(Answer::Listed(asked, Ok(Listed::default()))));
    assert!(stage.text().contains("no run is so"), "{}", stage.text());
}

#[test]
fn more_is_read_near_the_end_and_once() {
    let rows: Vec<RunRow> = (0..300).map(|n| row(100 + n, "tick", Status::Ok)).collect();
    let mut stage = Stage::with(Box::new(Runs::default()), SMALL);
    stage.answer(listed(&rows, true)).take();
    (0..20).for_each(|_| {
        stage.keys("pagedown");
    });
    let after = Some(rows[299].id.to_string());
    let more = List { after: after.clone(), limit: PAGE, ..List::default() };
    let asked: Vec<_> = requests(&mut stage).into_iter().filter(|(lane, _)| lane == "more").collect();
    assert_eq!(asked, [("more".into(), Request::List(more.clone()))]);
    let older: Vec<Item> = (300..400).map(|n| Item::from(&row(100 + n, "tock", Status::Ok))).collect();
    stage.answer(AnyAnswer::Runs(Answer::Listed(more, Ok(Listed { items: older, next: None }))));
    assert!(stage.text().contains(" 400 "), "{}", stage.text());
    stage.keys("G");
    assert!(stage.text().contains("tock") && requests(&mut stage).iter().all(|(lane, _)| lane == "read"));
}

#[test]
fn the_cursor_stays_on_its_run_when_others_come_end_and_go() {
    let (mut stage, mut rows) = filled(LARGE);
    stage.keys("j").answer(record(&rows[1])).take();
    let subject = |row: &RunRow| row.id.to_string();
    let new = row(1, "newest", Status::Running);
    stage.news(vec![fact(1, RUN_STARTED, &subject(&new))]);
    assert_eq!(requests(&mut stage).len(), 1);
    rows.insert(0, new.clone());
    stage.answer(listed(&rows, false));
    let chosen = |stage: &Stage| stage.text().lines().find(|l| l.contains('▌')).unwrap_or_default().to_string();
    assert!(chosen(&stage).contains("running") && chosen(&stage).contains("deploy"), "{}", stage.text());
    let mut end = fact(2, RUN_FINISHED, &subject(&rows[2]));
    end.payload = Some(json!({"status": "failed", "exit_code": 3, "duration_us": 90 * SECOND}));
    stage.news(vec![end]);
    assert!(chosen(&stage).contains("✗ failed 3") && chosen(&stage).contains("1m 30s"), "{}", chosen(&stage));
    assert_eq!(requests(&mut stage), [("read".into(), Request::Read(rows[2].id))], "its output is there now");
    stage.news(vec![fact(3, RUN_REMOVED, &subject(&new))]);
    assert!(chosen(&stage).contains("deploy") && !stage.text().contains("newest"));
}

#[test]
fn a_run_is_watched_while_it_goes_on() {
    let (mut stage, rows) = filled(LARGE);
    let launch = Launch { command: "own:hello".into(), ..Launch::default() };
    stage.told(Tell::Launch(launch.clone()));
    let start = Start { number: 1, launch, trigger: "manual".into() };
    assert_eq!(requests(&mut stage), [("run-1".into(), Request::Start(Box::new(start)))]);
    let new = row(0, "hello", Status::Running);
    let halt = Halt(Stop::new().unwrap());
    let say = |answer| AnyAnswer::Runs(answer);
    stage.answer(say(Answer::Began(1, Box::new(new.clone()), halt.clone())));
    let chunks = vec![
        Chunk::Say(Role::Accent, "━━ hello · bash".into()),
        Chunk::Bytes(Stream::Stdout, (0..60).map(|n| format!("line {n}\n")).collect::<String>().into_bytes()),
        Chunk::Bytes(Stream::Stderr, b"careful\n".to_vec()),
    ];
    stage.answer(say(Answer::Wrote(1, chunks, Token::default())));
    insta::assert_snapshot!(stage.text());
    stage.take();
    stage.keys("x");
    assert_eq!(requests(&mut stage), [("halt".into(), Request::Halt(halt))]);
    stage.answer(record(&new));
    assert!(stage.text().contains("careful"), "the store has less of it than the screen");
    let last = vec![(Role::Good, "━━ ✓ ok · 2 s".to_string())];
    stage.answer(say(Answer::Ended(1, Ok(last))));
    assert!(stage.text().contains("━━ ✓ ok · 2 s"));
    stage.keys("x");
    assert!(stage.text().contains("this is over already") || stage.text().contains("another process"));
    stage.keys("j").answer(record(&rows[0])).keys("k");
    assert!(stage.text().contains("careful"), "its output is still there, in its order");
    assert!(requests(&mut stage).iter().all(|(_, r)| *r == Request::Read(rows[0].id)));
}

#[test]
fn leaving_cuts_nothing_short_once_the_screen_says_how_a_run_ended() {
    let mut end = fact(2, RUN_FINISHED, &row(0, "hello", Status::Running).id.to_string());
    end.payload = Some(json!({"status": "ok", "exit_code": 0, "duration_us": SECOND}));
    let last = vec![(Role::Good, "━━ ✓ ok · 1 s".to_string())];
    let ended = AnyAnswer::Runs(Answer::Ended(1, Ok(last)));
    for told in [Incoming::News(vec![end]), Incoming::Answered(TabId::Runs, Ok(ended))] {
        let (mut stage, _) = filled(LARGE);
        stage.told(Tell::Launch(Launch { command: "own:hello".into(), ..Launch::default() }));
        let began = Answer::Began(1, Box::new(row(0, "hello", Status::Running)), Halt(Stop::new().unwrap()));
        stage.answer(AnyAnswer::Runs(began)).take();
        stage.keys("q");
        assert!(stage.text().contains("would be stopped: own:hello"), "{}", stage.text());
        let before = stage.keys("n").text().matches("✓ ok").count();
        stage.incoming(told);
        assert!(stage.text().matches("✓ ok").count() > before, "{}", stage.text());
        assert_eq!(stage.keys("q").take().pop(), Some(Effect::Quit));
    }
}

#[test]
fn what_never_began_is_said_and_leaves_nothing() {
    let (mut stage, _) = filled(SMALL);
    stage.told(Tell::Launch(Launch { command: "far:away".into(), ..Launch::default() })).take();
    let fault = Fault { said: "`far:away` is not trusted".into(), hint: None };
    stage.answer(AnyAnswer::Runs(Answer::Ended(1, Err(fault))));
    assert!(stage.text().contains("`far:away` is not trusted"), "{}", stage.text());
}

#[test]
fn a_run_is_repeated_with_its_arguments_and_what_was_secret_is_asked_for() {
    let (mut stage, rows) = filled(LARGE);
    stage.keys("j j").answer(record(&rows[2])).take();
    stage.keys("r");
    insta::assert_snapshot!(stage.text());
    stage.types("hunter2").keys("enter");
    let launch = Launch {
        command: "own:backup 日本語".into(),
        values: vec![("count".into(), "5".into()), ("token".into(), "hunter2".into())],
        rest: vec!["a b".into(), "c".into()],
    };
    let start = Start { number: 1, launch, trigger: format!("rerun {}", rows[2].id) };
    assert_eq!(requests(&mut stage), [("run-1".into(), Request::Start(Box::new(start)))]);
}

#[test]
fn runs_are_removed_only_after_a_question() {
    let (mut stage, rows) = filled(SMALL);
    stage.keys("j D");
    assert!(stage.text().contains("must be stopped first"), "{}", stage.text());
    stage.keys("j m m delete");
    insta::assert_snapshot!(stage.text());
    stage.keys("enter");
    assert!(requests(&mut stage).iter().all(|(lane, _)| lane != "remove"), "enter alone keeps them");
    stage.keys("delete y");
    let mut ids = vec![rows[2].id, rows[3].id];
    ids.sort();
    assert!(requests(&mut stage).contains(&("remove".into(), Request::Remove(ids))));
}

#[test]
fn words_are_found_in_the_output_and_all_of_it_is_copied() {
    let (mut stage, rows) = filled(LARGE);
    stage.keys("/").types("ERROR").keys("enter");
    let mut asked = requests(&mut stage);
    let Some((_, Request::Find(id, words, whole))) = asked.pop() else { panic!("{asked:?}") };
    assert_eq!((id, words.as_str()), (rows[0].id, "ERROR"));
    stage.answer(AnyAnswer::Runs(Answer::Found(id, whole.find(&words, &|| true).unwrap())));
    assert!(stage.text().contains("1 of 1"), "{}", stage.text());
    stage.keys("Y");
    let mut asked = requests(&mut stage);
    let Some((_, Request::Copy(whole))) = asked.pop() else { panic!("{asked:?}") };
    assert!(whole.text(1000).starts_with("fetched 3 files\nred 日本語"));
    stage.answer(AnyAnswer::Runs(Answer::Copied("x".into())));
    assert_eq!(stage.take(), [Effect::Copy("x".into())]);
}

#[test]
fn a_run_far_down_is_gone_to() {
    let (mut stage, _) = filled(SMALL);
    let far = row(9_000_000, "far", Status::Ok);
    stage.told(Tell::Run(far.id.to_string()));
    let list = List { until: Some(far.id), limit: PAGE, ..List::default() };
    let asked = requests(&mut stage);
    assert_eq!(asked, [("read".into(), Request::Read(far.id)), ("list".into(), Request::List(list.clone()))]);
    let mut all = rows();
    all.push(far.clone());
    let items = all.iter().map(Item::from).collect();
    stage.answer(record(&far));
    stage.answer(AnyAnswer::Runs(Answer::Listed(list, Ok(Listed { items, next: None }))));
    let text = stage.text();
    assert!(text.lines().any(|l| l.contains('▌') && l.contains("far")), "{text}");
    stage.keys("o");
    assert_eq!(stage.front(), TabId::Runs, "only this tab is on the stage");
    assert_eq!(requests(&mut stage), []);
}

#[test]
fn the_mouse_chooses_scrolls_and_opens() {
    let (mut stage, rows) = filled(LARGE);
    stage.click(10, 4);
    assert_eq!(requests(&mut stage), [("read".into(), Request::Read(rows[2].id))]);
    stage.click(10, 4);
    let top = stage.text().lines().nth(1).unwrap_or_default().to_string();
    assert!(top.contains('╭') && top.contains('┏'), "the output has the keys: {top}");
}

#[test]
fn forms_keep_to_their_names() {
    let mut runs = Runs { unfinished: Some(Start::default()), ..Runs::default() };
    let values = vec![("*".to_string(), "'x y' z".to_string())];
    let effects = runs.closed("secrets", Reply::Filled(values));
    let Some(Effect::Work(_, AnyRequest::Runs(Request::Start(start)))) = effects.first() else { panic!("{effects:?}") };
    assert_eq!(start.launch.rest, ["x y", "z"]);
    assert_eq!(runs.closed("find", Reply::Dismissed), []);
}

#[test]
fn a_large_output_is_shown_by_its_ends_until_its_file_was_read() {
    let folder = tempfile::tempdir().unwrap();
    let text: String = (0..50_000).map(|n| format!("row {n}\n")).collect();
    std::fs::write(folder.path().join("0.stdout"), &text).unwrap();
    let row = row(60, "big", Status::Ok);
    let mut only = step(0, "main", "", "");
    only.stdout = Captured {
        head: text.as_bytes()[..6].to_vec(),
        tail: text.as_bytes()[text.len() - 10..].to_vec(),
        total: text.len() as u64,
        spill: Some("0.stdout".into()),
    };
    let run = Run { row: row.clone(), steps: vec![only] };
    assert!(record::is_large(&run));
    let read = |folder| {
        let record = record::of(run.clone(), folder, &TimeZone::UTC, &|| true).unwrap();
        AnyAnswer::Runs(Answer::Read(row.id, Ok(Box::new(record))))
    };
    let mut stage = Stage::with(Box::new(Runs::default()), LARGE);
    stage.answer(listed(std::slice::from_ref(&row), false)).answer(read(None));
    assert!(stage.text().contains("… 477 KB between are being read …"), "{}", stage.text());
    stage.take();
    stage.answer(read(Some(folder.path()))).keys("enter G");
    // A person sees a moment of dots; here the page is read at once.
    while let Some((_, Request::Page(id, want))) = requests(&mut stage).pop() {
        stage.answer(AnyAnswer::Runs(Answer::Page(id, want.read())));
    }
    let text = stage.text();
    assert!(text.contains("row 49999") && text.contains("row 49970") && !text.contains('…'), "{text}");
}
