//! Whatever is done to the log behind the store's back is named.

use serde_json::json;

use super::support::*;
use crate::kernel::events::{Event, Position};
use crate::store::*;

/// A log of five events, changed behind the store's back by `sql`; what verify then says.
fn after(sql: &str) -> Option<(i64, String)> {
    let world = World::new();
    for n in 1..=5 {
        world.store.append(&Event::new("config.changed", format!("key{n}"), json!({"n": n}))).unwrap();
    }
    let raw = world.raw();
    raw.pragma_update(None, "foreign_keys", false).unwrap();
    raw.execute_batch(sql).unwrap();
    world.store.verify().unwrap().fault.map(|fault| (fault.position.stored(), fault.what))
}

fn named(position: i64, what: &str) -> Option<(i64, String)> {
    Some((position, what.to_string()))
}

#[test]
fn an_untouched_log_verifies() {
    assert_eq!(after(""), None);
    let world = World::new();
    let empty = Verified { events: 0, erased: 0, head: None, fault: None, state: Replayed::default() };
    assert_eq!(world.store.verify().unwrap(), empty);
    let at = world.store.append(&Event::new("config.changed", "k", json!({}))).unwrap();
    let hash = world.store.tail("*", 1).unwrap().remove(0).hash;
    assert_eq!(hash.len(), 64);
    assert_eq!(world.store.verify().unwrap().head, Some((at, hash)));
}

#[test]
fn an_edited_row_is_named() {
    let what = "event 3 was changed after it was recorded";
    for set in [
        "subject = 'x'",
        "kind = 'x'",
        "owner = 'x'",
        "at = at + 1",
        "trace = 'x'",
        "payload_hash = zeroblob(32)",
        "hash = x'00'",
    ] {
        assert_eq!(after(&format!("UPDATE events SET {set} WHERE position = 3")), named(3, what), "{set}");
    }
}

#[test]
fn an_edited_payload_is_named() {
    let found = after("UPDATE event_payloads SET payload = '{\"n\":9}' WHERE position = 2");
    assert_eq!(found, named(2, "the payload of event 2 was changed after it was recorded"));
}

#[test]
fn a_payload_that_vanished_is_named() {
    let found = after("DELETE FROM event_payloads WHERE position = 4");
    assert_eq!(found, named(4, "the payload of event 4 is gone although nothing says it was removed"));
}

#[test]
fn a_deleted_row_is_named() {
    let found = after("DELETE FROM events WHERE position = 3");
    assert_eq!(found, named(3, "event 3 is missing; the next one there is 4"));
    let first = after("DELETE FROM events WHERE position = 1");
    assert_eq!(first, named(1, "event 1 is missing; the next one there is 2"));
}

#[test]
fn a_deleted_row_whose_gap_was_closed_is_named() {
    let found = after(
        "DELETE FROM event_payloads WHERE position = 3; DELETE FROM events WHERE position = 3;
         UPDATE events SET position = 3 WHERE position = 4; UPDATE event_payloads SET position = 3 WHERE position = 4;",
    );
    assert_eq!(found, named(3, "event 3 was changed after it was recorded"));
}

#[test]
fn reordered_rows_are_named() {
    let found = after(
        "UPDATE events SET position = 100 WHERE position = 2; UPDATE events SET position = 2 WHERE position = 3;
         UPDATE events SET position = 3 WHERE position = 100;",
    );
    assert_eq!(found, named(2, "event 2 was changed after it was recorded"));
}

#[test]
fn a_tail_that_was_cut_off_is_named() {
    let found = after("DELETE FROM events WHERE position >= 4");
    assert_eq!(found, named(4, "events 4 to 5 are missing from the end"));
    let all = after("DELETE FROM events");
    assert_eq!(all, named(1, "events 1 to 5 are missing from the end"));
    let head = after("UPDATE event_head SET hash = x'00'");
    assert_eq!(head, named(5, "event 5 is not the one the log was closed with"));
    let short = after("UPDATE event_head SET position = 3");
    assert_eq!(short, named(5, "event 5 is not the one the log was closed with"));
}

#[test]
fn a_row_that_was_rehashed_no_longer_carries_the_next() {
    let world = World::new();
    let other = World::new();
    for n in 1..=3 {
        world.store.append(&Event::new("config.changed", "k", json!({"n": n}))).unwrap();
        other.store.append(&Event::new("config.changed", "other", json!({"n": n}))).unwrap();
    }
    // A row of another log is whole in itself.
    let foreign = other.path().display().to_string();
    world
        .raw()
        .execute_batch(&format!(
            "ATTACH '{foreign}' AS other; PRAGMA foreign_keys = OFF;
             INSERT OR REPLACE INTO main.events SELECT * FROM other.events WHERE position = 1;
             INSERT OR REPLACE INTO main.event_payloads SELECT * FROM other.event_payloads WHERE position = 1;"
        ))
        .unwrap();
    let fault = world.store.verify().unwrap().fault.unwrap();
    assert_eq!(fault.position, Position::from_stored(1));
    assert_eq!(fault.what, "event 2 does not continue event 1: that one was changed");
}
