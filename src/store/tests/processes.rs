//! Real processes: this test program starts itself, so that locks, deaths and recoveries are the real ones.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::support::*;
use crate::kernel::clock::Clock;
use crate::kernel::ids::Ids;
use crate::store::*;

const STORE: &str = "FAC_STORE_OF_TEST";
const RUNS: &str = "FAC_RUNS_OF_TEST";

/// What a child does: it records runs and says each id once the store has acknowledged it.
#[test]
#[ignore = "started by the tests below"]
fn child() {
    let Some(path) = std::env::var_os(STORE) else { return };
    let runs: usize = std::env::var(RUNS).unwrap().parse().unwrap();
    let store = Store::open(Path::new(&path), Clock::system(), Ids::random()).unwrap();
    for _ in 0..runs {
        store.counts().unwrap();
        let run = store.begin_run(&new_run("a")).unwrap();
        println!("begun {run}");
        store.finish_run(run, &ended(Status::Ok, "out")).unwrap();
        println!("ended {run}");
    }
}

/// What another child does: it asks, lets answers grow, and counts what they took, and says what was acknowledged.
#[test]
#[ignore = "started by a test below"]
fn chatter() {
    let Some(path) = std::env::var_os(STORE) else { return };
    let turns: u64 = std::env::var(RUNS).unwrap().parse().unwrap();
    let store = Store::open(Path::new(&path), Clock::system(), Ids::random()).unwrap();
    let chat = store.begin_session(&NewSession::default()).unwrap().id;
    for n in 1..=turns {
        let (asked, answer) = store.add_turn(&said(chat, "question"), &awaited(chat)).unwrap();
        println!("asked {asked} {answer} -");
        let new = NewCall { session: Some(chat), message: Some(answer), model: "p/m".into(), ..NewCall::default() };
        let call = store.begin_call(&new).unwrap();
        println!("begun {call} {answer} -");
        store.grow_message(answer, &text("half"), "half").unwrap();
        println!("grown {answer} {answer} -");
        let took = CallEnd { status: "ok".into(), input: Some(n), output: Some(1), ..CallEnd::default() };
        store.end_call(call, &took).unwrap();
        println!("counted {call} {answer} {n}");
        store.end_message(answer, &done("whole")).unwrap();
        println!("ended {answer} {answer} -");
    }
}

fn spawn(path: &Path, runs: usize) -> Child {
    spawn_as("child", path, runs)
}

fn spawn_as(what: &str, path: &Path, runs: usize) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", &format!("store::tests::processes::{what}"), "--nocapture"])
        .env(STORE, path)
        .env(RUNS, runs.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn sixteen_processes_write_a_fresh_store_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data/store.db");
    let children: Vec<Child> = (0..16).map(|_| spawn(&path, 20)).collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(
            output.status.success(),
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    let store = Store::open(&path, Clock::system(), Ids::random()).unwrap();
    let counts = store.counts().unwrap();
    assert_eq!((counts.runs, counts.events), (320, 640));
    assert_eq!(store.verify().unwrap().fault, None);
}

#[test]
fn what_was_acknowledged_survives_a_killed_process() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data/store.db");
    let mut acknowledged = Vec::new();
    for round in 0..12 {
        let mut child = spawn(&path, 10_000);
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        // The first lines are the test program's own; a different number each round kills at a different moment.
        let said: Vec<String> =
            lines.filter(|line| line.contains(" ") && line.len() > 40).take(1 + round * 7).collect();
        child.kill().unwrap();
        child.wait().unwrap();
        acknowledged.extend(said);
        let store = Store::open(&path, Clock::system(), Ids::random()).unwrap();
        assert_eq!(store.integrity_check().unwrap(), Vec::<String>::new());
        assert_eq!(store.verify().unwrap().fault, None);
    }
    let store = Store::open(&path, Clock::system(), Ids::random()).unwrap();
    let mut ends = 0;
    for line in &acknowledged {
        // libtest writes the name of the test before the first line.
        let words: Vec<&str> = line.split(' ').collect();
        let [.., what, id] = words[..] else { panic!("{line}") };
        let status = store.run(id).unwrap().row.status;
        assert!(what == "begun" || status == Status::Ok, "{line}: {status}");
        ends += usize::from(what == "ended");
    }
    assert!(acknowledged.len() > 200 && ends > 50, "{} {ends}", acknowledged.len());
    let lost = store.mark_lost(&|_| false).unwrap();
    let still = store.runs(&RunFilter { status: Some(Status::Running), ..RunFilter::default() }, None, 10).unwrap().0;
    assert!(still.is_empty() && lost.len() <= 12, "{}", lost.len());
}

#[test]
fn a_killed_chat_loses_no_question_and_no_token_and_waits_for_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data/store.db");
    let mut said = Vec::new();
    for round in 0..15 {
        let mut child = spawn_as("chatter", &path, 10_000);
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        // libtest writes the name of the test before the first line.
        let lines = lines.filter(|line| line.split(' ').count() >= 4 && line.len() > 70);
        said.extend(lines.take(1 + round * 3));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let store = Store::open(&path, Clock::system(), Ids::random()).unwrap();
    assert_eq!((store.integrity_check().unwrap(), store.verify().unwrap().fault), (vec![], None));
    let pending = store.messages_between(None, None, Some("assistant"), None, 100_000).unwrap().0;
    let pending = pending.iter().filter(|m| m.status == MessageStatus::Pending).count();
    assert!(pending <= 15, "{pending}");
    assert_eq!(store.adopt_pending(&|_| false).unwrap(), pending);
    let (mut tokens, mut begun) = (0, 0);
    for line in &said {
        let words: Vec<&str> = line.split(' ').collect();
        let [.., what, id, answer, number] = words[..] else { panic!("{line}") };
        let kept = store.thread(answer.parse().unwrap()).unwrap();
        let [question, answer] = &kept[..] else { panic!("{line}: {kept:?}") };
        assert_eq!(question.words, "question");
        match what {
            "asked" => assert_eq!(question.id.to_string(), id),
            "grown" => assert_ne!(answer.words, "", "{line}"),
            "ended" => assert_eq!((answer.status, answer.words.as_str()), (MessageStatus::Done, "whole")),
            "counted" => tokens += number.parse::<u64>().unwrap(),
            _ => begun += 1,
        }
        assert_ne!(answer.status, MessageStatus::Pending);
    }
    let sum = store.usage(&UsageFilter::default(), UsageBy::All, 0).unwrap().remove(0);
    // At most the one under way when it was killed was kept without being heard of.
    assert!(said.len() > 200 && sum.calls >= begun && sum.calls <= begun + 15, "{sum:?} {begun} {}", said.len());
    assert!(sum.input >= tokens && sum.output + sum.open == sum.calls && sum.unknown == sum.open, "{sum:?} {tokens}");
}
