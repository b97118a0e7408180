//! Threads and handles that write at once.

use std::sync::Barrier;

use super::support::*;
use crate::kernel::clock::Clock;
use crate::kernel::ids::Ids;
use crate::store::*;

/// Each handle has its own connections, as processes have; files are locked per connection in the same way.
#[test]
fn sixteen_writers_open_a_fresh_store_at_once_and_all_get_through() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data/store.db");
    let barrier = Barrier::new(16);
    std::thread::scope(|scope| {
        for n in 0..16u32 {
            let (path, barrier) = (&path, &barrier);
            scope.spawn(move || {
                barrier.wait();
                let store = Store::open(path, Clock::system(), Ids::random()).unwrap();
                for _ in 0..20 {
                    store.counts().unwrap();
                    let run = store.begin_run(&new_run(&format!("c{n}"))).unwrap();
                    assert_eq!(store.run(&run.to_string()).unwrap().row.status, Status::Running);
                    store.finish_run(run, &ended(Status::Ok, "out")).unwrap();
                }
            });
        }
    });
    let store = Store::open(&path, Clock::system(), Ids::random()).unwrap();
    let counts = store.counts().unwrap();
    assert_eq!((counts.runs, counts.events), (320, 640));
    assert_eq!(store.verify().unwrap().fault, None);
    let ok = RunFilter { status: Some(Status::Ok), ..RunFilter::default() };
    assert_eq!(store.runs(&ok, None, 1000).unwrap().0.len(), 320);
}

#[test]
fn threads_share_one_handle() {
    let world = World::new();
    std::thread::scope(|scope| {
        for n in 0..4 {
            let store = &world.store;
            scope.spawn(move || {
                for _ in 0..20 {
                    store.begin_run(&new_run(&format!("c{n}"))).unwrap();
                    store.runs(&RunFilter::default(), None, 5).unwrap();
                }
            });
        }
    });
    assert_eq!(world.store.counts().unwrap().runs, 80);
    assert_eq!(world.store.verify().unwrap().fault, None);
}

#[test]
fn an_error_inside_a_change_leaves_no_trace() {
    let world = World::new();
    let failed = world.store.write(|change| {
        change.record(&crate::kernel::events::Event::new("x.happened", "x", serde_json::json!({})))?;
        Err::<(), _>(crate::kernel::error::Error::new(crate::kernel::error::Kind::Failed, "no").into())
    });
    assert_eq!(failed.unwrap_err().message(), "no");
    assert_eq!(world.store.counts().unwrap().events, 0);
}

#[test]
fn events_are_read_in_pieces_of_some_bytes() {
    let world = World::new();
    for n in 0..5 {
        let payload = serde_json::json!({"long": "x".repeat(1000)});
        world.store.append(&crate::kernel::events::Event::new("test.rang", n.to_string(), payload)).unwrap();
    }
    let read = |after, most, bytes| {
        let (events, more) = world.store.events_up_to(after, "*", most, bytes).unwrap();
        (events.len(), more, events.last().map(|event| event.position))
    };
    let (count, more, last) = read(None, 9, 1500);
    assert_eq!((count, more), (2, true));
    assert_eq!(read(last, 9, 1_000_000).0, 3);
    assert!(!read(last, 9, 1_000_000).1 && read(last, 3, 1_000_000).1, "as many as asked for: there may be more");
    assert_eq!(read(None, 9, 1).0, 1, "one goes in any case");
}
