//! Server-sent events, and readers that are slow.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use serde_json::json;

use super::served::{PATIENCE, Served, eventually};
use crate::support::world::World;

/// A stream of events, by its lines.
fn follow(served: &Served, query: &str, more: &str) -> BufReader<TcpStream> {
    let mut stream = TcpStream::connect(&served.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let head = format!(
        "GET /api/v1/events/stream{query} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\naccept-encoding: gzip\r\n{more}\r\n",
        served.address, served.key
    );
    stream.write_all(head.as_bytes()).unwrap();
    BufReader::new(stream)
}

/// Lines until one begins so.
fn until(reader: &mut BufReader<TcpStream>, begin: &str) -> String {
    loop {
        let mut line = String::new();
        assert!(reader.read_line(&mut line).unwrap() > 0, "the stream ended before {begin}");
        if line.starts_with(begin) {
            return line.trim_end().to_string();
        }
    }
}

#[test]
fn events_come_as_a_stream_and_go_on_by_last_event_id() {
    let world = World::new();
    let served = Served::start(&world, &["--no-automations"]);
    let mut stream = follow(&served, "?kinds=memory.*", "");
    assert!(until(&mut stream, "HTTP/1.1").contains("200"));
    assert_eq!(until(&mut stream, "content-type"), "content-type: text/event-stream");
    until(&mut stream, ": ");
    world.run(&["remember", "first"]).ok();
    let id = until(&mut stream, "id: ");
    assert_eq!(until(&mut stream, "event: "), "event: event");
    assert!(until(&mut stream, "data: ").contains("memory.added"));
    drop(stream);
    world.run(&["remember", "second"]).ok();
    let mut again = follow(&served, "?kinds=memory.*", &format!("last-event-id: {}\r\n", &id[4..]));
    let next = until(&mut again, "id: ");
    assert!(next[4..].parse::<u64>().unwrap() > id[4..].parse::<u64>().unwrap());
    for wrong in ["?kinds=A", "?after=x", "?other=1"] {
        assert_eq!(served.own("GET", &format!("/api/v1/events/stream{wrong}"), b"").status, 422, "{wrong}");
    }
    assert_eq!(served.ask("GET", "/api/v1/events/stream", &[], b"").status, 401);
}

#[test]
fn a_reader_that_takes_nothing_costs_no_memory_and_is_cut_off_kindly() {
    let world = World::new();
    let served = Served::start(&world, &["--no-automations"]);
    let mut slow = served.socket();
    slow.subscribe("s", json!("config.changed"), None);
    let mut quick = served.socket();
    quick.subscribe("q", json!("config.changed"), None);
    let memory = || {
        let figures = served.figures();
        let line = figures.lines().find_map(|l| l.strip_prefix("process_resident_memory_bytes ")).unwrap().to_string();
        line.parse::<f64>().unwrap()
    };
    let before = memory();
    let store = factotum::store::Store::open(
        &world.fac().join("data/store.db"),
        factotum::kernel::clock::Clock::system(),
        factotum::kernel::ids::Ids::random(),
    )
    .unwrap();
    // More than what sockets hold on their way, and than what allocators keep of what was let go.
    let (many, long) = (2500, "x".repeat(100_000));
    let writing = std::thread::spawn(move || {
        for n in 0..many {
            let event = factotum::kernel::events::Event::new("config.changed", n.to_string(), json!({"long": long}));
            store.append(&event).unwrap();
        }
    });
    for n in 0..many {
        assert_eq!(quick.until("event")["event"]["subject"], n.to_string());
    }
    writing.join().unwrap();
    eventually("the slow one is cut off", || served.figures().contains("\nslow_readers_cut_off_total 1\n"));
    let after = memory();
    assert!(after - before < 180e6, "{after} after {before}");
    // It reads on, and finds why.
    let why = slow.closed();
    assert!(why.is_none() || why.as_ref().unwrap().0 == 1013, "{why:?}");
}

#[test]
fn a_stream_that_nobody_reads_ends_with_its_connection() {
    let world = World::new();
    let served = Served::start(&world, &["--no-automations"]);
    let mut stream = follow(&served, "", "");
    until(&mut stream, ": ");
    assert!(served.figures().contains("\nevent_subscriptions 1\n"));
    drop(stream);
    eventually("it is noticed", || served.figures().contains("\nevent_subscriptions 0\n"));
    let mut rest = Vec::new();
    let mut again = follow(&served, "", "");
    until(&mut again, ": ");
    served.signal("TERM");
    // It ends when the server does.
    again.read_to_end(&mut rest).unwrap();
}
