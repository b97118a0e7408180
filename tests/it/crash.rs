//! Killed at any moment, and many at once: nothing that was acknowledged is lost, and the next start is quick.
//!
//! The moments are drawn from a seed that is printed; `FAC_CRASH_SEED` draws the same ones again.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::support::github::{Change, Standin};
use crate::support::world::World;

/// How often something is killed.
const KILLS: u32 = 100;
/// The latest moment of a kill, in milliseconds after the start.
const LATEST: u64 = 80;
/// The bound is two seconds; a loaded machine and an unoptimised program get some more.
const NEXT_START: Duration = Duration::from_secs(8);

/// Splitmix64: enough to draw moments.
struct Moments(u64);

impl Moments {
    fn new() -> Moments {
        let given = std::env::var("FAC_CRASH_SEED").ok().and_then(|s| s.parse().ok());
        let seed = given.unwrap_or_else(|| SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64);
        println!("FAC_CRASH_SEED={seed}");
        Moments(seed)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }

    /// The kill comes from outside at a moment nobody knows: that is what is tested.
    fn kill(&mut self, child: &mut Child) {
        std::thread::sleep(Duration::from_micros(self.below(LATEST * 1000)));
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

fn definition(name: &str, script: &str) -> String {
    format!("---\nfactotum: 1\n---\n## `/{name}`\n\nDoes {name}.\n\n```sh\n{script}\n```\n")
}

/// A repository whose two commits differ in many files; `count` and `stable` are in both.
struct Place {
    world: World,
    hub: Standin,
    commits: [(String, u64); 2],
}

impl Place {
    fn new() -> Place {
        let mut world = World::new();
        let hub = Standin::start();
        world.set("GITHUB_API_URL", &hub.api_url);
        let repo = hub.repo("ada/kit");
        let count = "echo \"started $n\"; i=0; while [ $i -lt 40000 ]; do i=$((i+1)); done; echo \"ended $n\"";
        let version = |text: &str, files: usize| {
            let mut changes = vec![
                Change::RemoveAll,
                Change::file("count.md", definition("count <n>", count)),
                Change::file("stable.md", definition("stable", "echo stable")),
            ];
            for n in 0..files {
                changes
                    .push(Change::file(format!("f{n}.md"), definition(&format!("f{n}"), &format!("echo {text} {n}"))));
            }
            (repo.commit_changes("main", &changes, text), files as u64 + 2)
        };
        let commits = [version("one", 30), version("two", 45)];
        let place = Place { world, hub, commits };
        place.world.run(&["source", "add", "github:ada/kit"]).ok();
        place.world.run(&["source", "trust", "kit", "--yes"]).ok();
        place
    }

    fn json(&self, args: &[&str]) -> Value {
        let out = self.world.run(&[args, &["--json"]].concat());
        serde_json::from_str(&out.stdout).unwrap_or_else(|e| panic!("{args:?}: {e}: {out:?}"))
    }

    fn start(&self, args: &[&str]) -> Child {
        let mut command = self.world.command(args);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// Store and log are whole, the source is at one commit or the other with all that belongs to it.
    #[track_caller]
    fn is_whole(&self) {
        let doctor = self.json(&["doctor"]);
        let findings = doctor["findings"].as_array().unwrap();
        let bad = |f: &&Value| f["level"] == "problem" && f["area"] != "network";
        assert_eq!(findings.iter().filter(bad).collect::<Vec<_>>(), Vec::<&Value>::new());
        for wanted in ["the database is sound", "is whole"] {
            assert!(findings.iter().any(|f| f["message"].as_str().unwrap().ends_with(wanted)), "{wanted}: {doctor}");
        }
        let list = self.json(&["source", "ls"]);
        let kit = list["sources"].as_array().unwrap().iter().find(|s| s["name"] == "kit").unwrap().clone();
        let (_, commands) = self.commits.iter().find(|(sha, _)| kit["commit"] == sha.as_str()).unwrap();
        assert_eq!(kit["commands"].as_u64(), Some(*commands), "{kit}");
    }

    /// Every acknowledged run is there and over.
    #[track_caller]
    fn are_recorded(&self, acknowledged: &BTreeSet<u32>) {
        let list = self.json(&["runs", "ls", "-n", "1000"]);
        let mut recorded = BTreeSet::new();
        for run in list["runs"].as_array().unwrap() {
            let status = run["status"].as_str().unwrap();
            assert!(matches!(status, "ok" | "failed" | "lost"), "{run}");
            recorded.insert(run["args"]["values"]["n"].as_str().unwrap().parse::<u32>().unwrap());
        }
        let lost: Vec<&u32> = acknowledged.difference(&recorded).collect();
        assert!(lost.is_empty(), "not recorded: {lost:?}");
    }
}

#[test]
fn killed_at_any_moment_nothing_acknowledged_is_lost() {
    let place = Place::new();
    let mut moments = Moments::new();
    let mut acknowledged = BTreeSet::new();
    let mut slowest = Duration::ZERO;
    let mut cut_off = 0;
    for n in 0..KILLS {
        if n % 2 == 0 {
            let (commit, _) = &place.commits[(n as usize / 2) % 2];
            place.hub.repo("ada/kit").point("main", commit);
            if n % 10 == 0 {
                // So that there is something to download, too.
                let _ = std::fs::remove_dir_all(place.world.home().parent().unwrap().join("fac/cache/blobs"));
            }
            let mut child = place.start(&["source", "update"]);
            moments.kill(&mut child);
            cut_off += u32::from(child.wait().unwrap().code().is_none());
        } else {
            let mut child = place.start(&["run", "count", &n.to_string()]);
            let stdout = BufReader::new(child.stdout.take().unwrap());
            let said = std::thread::spawn(move || stdout.lines().map_while(Result::ok).collect::<Vec<_>>());
            moments.kill(&mut child);
            if said.join().unwrap().contains(&format!("started {n}")) {
                acknowledged.insert(n);
            }
        }
        let start = Instant::now();
        place.world.run(&["commands", "show", "stable"]).ok();
        slowest = slowest.max(start.elapsed());
        place.is_whole();
        place.are_recorded(&acknowledged);
    }
    println!(
        "{cut_off} updates were cut off; {} of {} runs were seen to start; the slowest next start took {slowest:?}",
        acknowledged.len(),
        KILLS / 2
    );
    assert!(slowest < NEXT_START, "{slowest:?}");
    assert_eq!(place.world.run(&["stable"]).ok(), "stable\n");
    place.world.run(&["source", "update"]).ok();
    place.is_whole();
}

#[test]
fn an_adding_that_was_killed_can_be_done_again() {
    let place = Place::new();
    let repo = place.hub.repo("ada/other");
    let files: Vec<(String, String)> =
        (0..30).map(|n| (format!("o{n}.md"), definition(&format!("o{n}"), "echo other"))).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    repo.commit(&files, "First");
    let mut moments = Moments::new();
    for _ in 0..15 {
        moments.kill(&mut place.start(&["source", "add", "github:ada/other"]));
        place.is_whole();
        let list = place.json(&["source", "ls"]);
        let other = list["sources"].as_array().unwrap().iter().find(|s| s["name"] == "other").cloned();
        if other.is_none_or(|o| o["commit"].is_null()) {
            place.world.run(&["source", "add", "github:ada/other"]).ok();
        }
        let list = place.json(&["source", "ls"]);
        let names: Vec<&str> =
            list["sources"].as_array().unwrap().iter().map(|s| s["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["kit", "bundled", "other"]);
        assert_eq!(list["sources"][2]["commands"], 30);
        place.json(&["source", "rm", "other"]);
    }
}

#[test]
fn sixteen_at_once_all_succeed() {
    let place = Place::new();
    let kinds: [&[&str]; 8] = [
        &["run", "count", "1"],
        &["commands", "ls"],
        &["source", "update"],
        &["search", "stable"],
        &["run", "stable"],
        &["runs", "ls"],
        &["source", "ls", "--json"],
        &["run", "count", "2", "--json"],
    ];
    for round in 0..3 {
        let (commit, _) = &place.commits[round % 2];
        place.hub.repo("ada/kit").point("main", commit);
        let children: Vec<(usize, Child)> = (0..16)
            .map(|n| {
                let mut command = place.world.command(kinds[n % kinds.len()]);
                command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
                (n, command.spawn().unwrap())
            })
            .collect();
        for (n, child) in children {
            let out = child.wait_with_output().unwrap();
            let said = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
            assert_eq!(out.status.code(), Some(0), "{:?}: {said}", kinds[n % kinds.len()]);
            assert!(!said.contains("locked"), "{said}");
        }
        place.is_whole();
    }
    let runs = place.json(&["runs", "ls", "-n", "1000"]);
    let runs = runs["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 3 * 6);
    assert!(runs.iter().all(|r| r["status"] == "ok"), "{runs:?}");
}
