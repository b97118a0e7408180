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

fn spawn(path: &Path, runs: usize) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "store::tests::processes::child", "--nocapture"])
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
