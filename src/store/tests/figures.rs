//! Figures, printed rather than judged: `cargo test --lib store::tests::figures -- --ignored --nocapture`.

use std::time::{Duration, Instant};

use super::support::*;
use crate::kernel::clock::Clock;
use crate::kernel::ids::Ids;
use crate::store::*;

fn micros(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100].as_micros();
    println!("{what:40} p50 {:>7} µs   p95 {:>7} µs   max {:>7} µs", at(50), at(95), at(100));
}

fn timed<T>(times: &mut Vec<Duration>, work: impl FnOnce() -> T) -> T {
    let started = Instant::now();
    let value = work();
    times.push(started.elapsed());
    value
}

#[test]
#[ignore = "prints figures"]
fn ten_thousand_commands_from_twenty_sources() {
    let world = World::new();
    let store = &world.store;
    let json = format!("{{\"text\":\"{}\"}}", "x".repeat(1500));
    let of = |source: usize| -> Vec<NewDefinition> {
        let named = |n: usize| NewDefinition {
            json: json.clone(),
            aliases: vec![format!("a{n}")],
            path: format!("pages/{n}.md"),
            ..definition(&format!("command {source} {n}"))
        };
        (0..500).map(named).collect()
    };
    let mut all = Vec::new();
    let mut sources = Vec::new();
    let started = Instant::now();
    for n in 0..20 {
        let source = store.add_source(&new_source(&format!("s{n}"))).unwrap();
        all.push(of(n));
        store.replace_definitions(&source, &[], &all[n]).unwrap();
        sources.push(source);
    }
    println!("20 sources of 500 definitions added in {:?}", started.elapsed());
    let big = store.add_source(&new_source("big")).unwrap();
    let whole: Vec<NewDefinition> = all
        .iter()
        .flatten()
        .map(|d| NewDefinition { name: format!("b {}", d.name), folded: format!("b {}", d.name), ..d.clone() })
        .collect();
    let started = Instant::now();
    store.replace_definitions(&big, &[], &whole).unwrap();
    println!("one source of {} definitions added in {:?}", whole.len(), started.elapsed());
    let started = Instant::now();
    let replaced = store.replace_definitions(&big, &[], &whole).unwrap();
    println!("the same again ({} unchanged) in {:?}", replaced.unchanged, started.elapsed());
    let started = Instant::now();
    store.remove_source(big.id).unwrap();
    println!("removed again in {:?}", started.elapsed());

    let mut times = Vec::new();
    for n in 0..2000usize {
        let hits = timed(&mut times, || store.find_by_name(&format!("command {} {}", n % 20, n % 500)).unwrap());
        assert_eq!(hits.len(), 1);
    }
    micros("find_by_name", times);
    let mut times = Vec::new();
    for n in 0..200 {
        let hits = timed(&mut times, || store.find_by_name(&format!("a{n}")).unwrap());
        assert_eq!(hits.len(), 20);
    }
    micros("find_by_name with 20 hits", times);
    let started = Instant::now();
    let rows = store.list_definitions(&DefinitionFilter::default(), None, 100_000).unwrap().0;
    println!("list of {} in {:?}", rows.len(), started.elapsed());
    let started = Instant::now();
    let names = store.names_feed(true).unwrap();
    println!("names feed of {} with JSON in {:?}", names.len(), started.elapsed());

    let (mut open, mut lookup, mut begin, mut finish, mut close) =
        <(Vec<_>, Vec<_>, Vec<_>, Vec<_>, Vec<_>)>::default();
    drop(world.raw());
    let path = world.path();
    drop(world.store.clone());
    for n in 0..300u64 {
        let store = timed(&mut open, || Store::open(&path, Clock::system(), Ids::seeded(n + 100)).unwrap());
        timed(&mut lookup, || store.find_by_name("command 3 77").unwrap());
        let run = timed(&mut begin, || store.begin_run(&new_run("command 3 77")).unwrap());
        timed(&mut finish, || store.finish_run(run, &ended(Status::Ok, "hello")).unwrap());
        timed(&mut close, || drop(store));
    }
    micros("open while another has it open", open);
    micros("first lookup after it", lookup);
    micros("begin_run", begin);
    micros("finish_run", finish);
    micros("close", close);
}

#[test]
#[ignore = "prints figures"]
fn alone_each_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data/store.db");
    let (mut open, mut begin, mut finish, mut close) = <(Vec<_>, Vec<_>, Vec<_>, Vec<_>)>::default();
    let log = path.with_file_name("store.db-wal");
    let mut largest = 0;
    for n in 0..300u64 {
        let store = timed(&mut open, || Store::open(&path, Clock::system(), Ids::seeded(n)).unwrap());
        let run = timed(&mut begin, || store.begin_run(&new_run("build")).unwrap());
        timed(&mut finish, || store.finish_run(run, &ended(Status::Ok, "hello")).unwrap());
        timed(&mut close, || drop(store));
        largest = largest.max(log.metadata().unwrap().len());
        if n == 3 {
            println!("log after 4 runs and the migrations: {} pages", largest / 4120);
        }
    }
    println!("largest log: {} pages", largest / 4120);
    micros("open alone", open);
    micros("begin_run", begin);
    micros("finish_run", finish);
    micros("close", close);
}

#[test]
#[ignore = "prints figures"]
fn a_run_without_the_disk() {
    let world = World::new();
    world.store.shared.pool.hurry();
    let mut times = Vec::new();
    for _ in 0..2000 {
        timed(&mut times, || {
            let id = world.store.begin_run(&new_run("a")).unwrap();
            world.store.finish_run(id, &ended(Status::Ok, "one line")).unwrap();
        });
    }
    micros("begin and finish a run, no disk", times);
}
