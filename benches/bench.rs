//! `make bench`: the figures, side by side in one run with the programs people use today.
//!
//! Cold start, one line of shell, 10,000 commands, the parse rate over real files, memory, the full screen, and asking a model. Everything is
//! measured here and now on this machine; nothing is compared with figures from elsewhere. `FAC_BENCH_ROUNDS` says
//! how often (40), `FAC_BENCH_DIR` on which disk, `FAC_SHARED` where the corpora lie.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "parts/automations.rs"]
mod automations;
#[path = "parts/measure.rs"]
mod measure;
#[path = "parts/models.rs"]
mod models;
#[path = "parts/place.rs"]
mod place;
#[path = "parts/plugins.rs"]
mod plugins;
#[path = "parts/screen.rs"]
mod screen;
#[path = "parts/serve.rs"]
mod serve;
#[path = "parts/voice.rs"]
mod voice;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use factotum::app::{App, Options};
use factotum::commands::dialect::detect::Siblings;
use factotum::commands::scan;
use factotum::kernel::env::Env;

use measure::{Runner, median, peak_kib, percentile, race, table, timed};
use place::{EACH, Place, SOURCES};

fn main() {
    // `cargo test --benches` starts this as well; it has nothing to check.
    if std::env::args().any(|a| a == "--test") {
        return;
    }
    let rounds = std::env::var("FAC_BENCH_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(40);
    let peers = peers();
    let place = Rc::new(Place::new(PathBuf::from(env!("CARGO_BIN_EXE_fac"))));
    if std::env::var_os("FAC_BENCH_ONLY_MODELS").is_some() {
        return models::models(&place, &peers, rounds);
    }
    if std::env::var_os("FAC_BENCH_ONLY_SCREEN").is_some() {
        return screen::screen(&place, rounds);
    }
    if std::env::var_os("FAC_BENCH_ONLY_AUTOMATIONS").is_some() {
        return automations::automations(&place, rounds);
    }
    if std::env::var_os("FAC_BENCH_ONLY_PLUGINS").is_some() {
        return plugins::plugins(&place.path("work"));
    }
    if std::env::var_os("FAC_BENCH_ONLY_SERVE").is_some() {
        return serve::serve(&place, rounds);
    }
    if std::env::var_os("FAC_BENCH_ONLY_VOICE").is_some() {
        return voice::voice(&place.path("work"));
    }
    fill(&place);
    cold_start(&place, &peers, rounds);
    one_line(&place, &peers, rounds);
    many(&place, rounds);
    resolution(&place);
    parsing();
    memory(&place, &peers);
    screen::screen(&place, rounds);
    models::models(&place, &peers, rounds);
    voice::voice(&place.path("work"));
    plugins::plugins(&place.path("work"));
    automations::automations(&place, rounds);
    serve::serve(&place, rounds);
}

/// Other programs that are here, by name.
fn peers() -> BTreeMap<String, PathBuf> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/peers.sh");
    let out = std::process::Command::new("sh").arg(script).stderr(std::process::Stdio::inherit()).output().unwrap();
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    text.lines().filter_map(|l| l.split_once(' ')).map(|(n, p)| (n.to_string(), PathBuf::from(p))).collect()
}

fn peer(place: &Rc<Place>, name: &str, path: &Path, args: &[&str]) -> Runner {
    let (place, path) = (Rc::clone(place), path.to_path_buf());
    let args: Vec<String> = args.iter().map(|a| a.to_string()).collect();
    Runner::new(name, move || place.program(&path, &args.iter().map(String::as_str).collect::<Vec<_>>()))
}

fn own(place: &Rc<Place>, args: &[&str]) -> Runner {
    peer(place, &format!("fac {}", args.join(" ")), &place.fac, args)
}

/// Adds the sources, and trusts the one whose command is run.
fn fill(place: &Place) {
    let folders = place.write();
    let one = place.maskfile();
    let add = |folder: &Path| measure::once(&mut place.fac(&["source", "add", folder.to_str().unwrap()]));
    let each: Vec<f64> = folders.iter().map(|f| add(f)).collect();
    add(one.parent().unwrap());
    measure::once(&mut place.fac(&["source", "trust", "one", "--yes"]));
    println!("{} commands from {SOURCES} folders", SOURCES * EACH);
    println!(
        "  fac source add of {EACH} commands: median {:.0} ms, first {:.0} ms, last {:.0} ms",
        median(&each),
        each[0],
        each[SOURCES - 1]
    );
}

fn cold_start(place: &Rc<Place>, peers: &BTreeMap<String, PathBuf>, rounds: usize) {
    let mut runners = vec![
        own(place, &["--version"]),
        own(place, &["__complete", "--", "job", "s07", "n01"]),
        own(place, &["completions", "bash"]),
    ];
    for (name, path) in peers {
        runners.push(peer(place, &format!("{name} --version"), path, &["--version"]));
    }
    for name in ["mask", "just", "aichat"].iter().filter(|n| !peers.contains_key(**n)) {
        println!("  {name} is left out: it is not installed");
    }
    let times = race(rounds, &runners);
    table("cold start", &runners, &times);
}

/// A command of one line, among 10,000 others.
fn one_line(place: &Rc<Place>, peers: &BTreeMap<String, PathBuf>, rounds: usize) {
    let maskfile = place.maskfile();
    let mut runners = vec![own(place, &["run", "hi"])];
    if let Some(mask) = peers.get("mask") {
        runners.push(peer(place, "mask hi", mask, &["--maskfile", maskfile.to_str().unwrap(), "hi"]));
    }
    runners.push(peer(place, "sh -c 'echo hi'", Path::new("/bin/sh"), &["-c", "echo hi"]));
    let times = race(rounds, &runners);
    table("one line of shell", &runners, &times);
    let syncs: Vec<f64> = (0..rounds).map(|_| two_commits(place)).collect();
    let (run, sync) = (median(&times[0]), median(&syncs));
    println!("  two commits' own fsync, measured alone: {sync:.2} ms (p90 {:.2})", percentile(&syncs, 0.9));
    if peers.contains_key("mask") {
        let mask = median(&times[1]);
        println!(
            "  fac above mask: {:.2} ms, of which fsync {sync:.2} ms; beside it {:.2} ms",
            run - mask,
            run - mask - sync
        );
    }
}

/// What the disk takes for the two commits of a run: three pages appended and synced, twice.
fn two_commits(place: &Place) -> f64 {
    let path = place.path("fac/sync-probe");
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
    let (took, ()) = timed(|| {
        for _ in 0..2 {
            file.write_all(&[7u8; 3 * 4120]).unwrap();
            file.sync_data().unwrap();
        }
    });
    took
}

fn many(place: &Rc<Place>, rounds: usize) {
    let runners = [
        own(place, &["commands", "ls"]),
        own(place, &["commands", "ls", "job s07"]),
        own(place, &["commands", "ls", "--json"]),
        own(place, &["search", "compare things"]),
    ];
    let times = race(rounds.min(15), &runners);
    table(&format!("with {} commands", SOURCES * EACH), &runners, &times);
}

/// Names looked up in this process, store open: the number without a process around it.
fn resolution(place: &Place) {
    let env = Env::from_pairs([("HOME", place.path("home")), ("FAC_HOME", place.path("fac"))]);
    let app = App::new(env, &Options::default()).unwrap();
    let (open, catalog) = timed(|| app.catalog().unwrap());
    let mut samples = Vec::new();
    for turn in 0..4000usize {
        let (source, number) = (turn * 7 % SOURCES, turn * 13 % (EACH / 2));
        let words: Vec<String> =
            ["job", &format!("s{source:02}"), &format!("n{number:03}"), "web1"].map(String::from).to_vec();
        let (took, found) = timed(|| catalog.resolve(&words, None).unwrap());
        assert_eq!(found.1, 3);
        samples.push(took * 1e3);
    }
    println!("\nname resolution in process, {} commands", SOURCES * EACH);
    println!("  opening store and catalogue {open:.2} ms");
    println!(
        "  resolve   p50 {:.0} µs   p95 {:.0} µs   p99 {:.0} µs",
        median(&samples),
        percentile(&samples, 0.95),
        percentile(&samples, 0.99)
    );
}

struct Among(std::collections::HashSet<String>);

impl Siblings for Among {
    fn exists(&self, path: &str) -> bool {
        self.0.contains(path)
    }
}

/// Every Markdown file of the corpora, through the same door as any source.
fn parsing() {
    let shared = std::env::var_os("FAC_SHARED").map(PathBuf::from);
    let corpora = shared.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared")).join("corpora");
    let mut files = Vec::new();
    gather(&corpora, &corpora, &mut files);
    println!("\nparsing the corpora");
    if files.is_empty() {
        println!("  left out: {} is not there", corpora.display());
        return;
    }
    let among = Among(files.iter().map(|(path, _)| path.clone()).collect());
    let bytes: usize = files.iter().map(|(_, b)| b.len()).sum();
    let mut found = (0, 0);
    let times: Vec<f64> = (0..7)
        .map(|_| {
            let place = scan::Place::default();
            let (took, counts) = timed(|| {
                files.iter().fold((0, 0), |(read, commands), (path, bytes)| {
                    let scanned = scan::file(path, bytes, &place, &among);
                    (read + usize::from(scanned.dialect.is_some()), commands + scanned.commands.len())
                })
            });
            found = counts;
            took
        })
        .collect();
    let seconds = median(&times) / 1e3;
    println!(
        "  {} files, {:.2} MB; {} hold definitions, {} commands",
        files.len(),
        bytes as f64 / 1e6,
        found.0,
        found.1
    );
    println!("  {:.1} MB/s, {:.0} files/s", bytes as f64 / 1e6 / seconds, files.len() as f64 / seconds);
}

fn gather(root: &Path, folder: &Path, files: &mut Vec<(String, Vec<u8>)>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.filter_map(|e| e.ok()).map(|e| e.path()) {
        if path.is_dir() && !path.is_symlink() {
            gather(root, &path, files);
        } else if let Some(name) = path.strip_prefix(root).ok().and_then(Path::to_str)
            && (name.ends_with(".md") || name.ends_with(".cheat"))
            && let Ok(bytes) = std::fs::read(&path)
        {
            files.push((name.to_string(), bytes));
        }
    }
    files.sort();
}

fn memory(place: &Rc<Place>, peers: &BTreeMap<String, PathBuf>) {
    let mut runners = vec![own(place, &["--version"]), own(place, &["run", "hi"]), own(place, &["commands", "ls"])];
    if let Some(mask) = peers.get("mask") {
        let maskfile = place.maskfile();
        runners.push(peer(place, "mask hi", mask, &["--maskfile", maskfile.to_str().unwrap(), "hi"]));
    }
    for name in ["just", "aichat"] {
        if let Some(path) = peers.get(name) {
            runners.push(peer(place, &format!("{name} --version"), path, &["--version"]));
        }
    }
    println!("\npeak memory   (MiB; largest VmHWM seen in 5 turns)");
    for runner in &runners {
        println!("  {:<44} {:>8.1}", runner.name, peak_kib(&*runner.command) as f64 / 1024.0);
    }
}
