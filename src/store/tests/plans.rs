//! The questions asked most use an index.

use super::support::*;
use crate::store::*;

fn plan(world: &World, sql: &str) -> Vec<String> {
    let raw = world.raw();
    let mut statement = raw.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    for n in 1..=statement.parameter_count() {
        statement.raw_bind_parameter(n, rusqlite::types::Null).unwrap();
    }
    let mut rows = statement.raw_query();
    let mut lines = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        lines.push(row.get::<_, String>(3).unwrap());
    }
    lines
}

/// The plan searches, first by `index`, and sorts nothing apart.
fn searches(world: &World, sql: &str, index: &str) {
    let lines = plan(world, sql);
    assert!(lines[0].starts_with("SEARCH") && lines[0].contains(index), "{lines:#?}");
    assert!(!lines.iter().any(|line| line.starts_with("SCAN")), "{lines:#?}");
}

fn sorts(world: &World, sql: &str) -> bool {
    plan(world, sql).iter().any(|line| line.contains("TEMP B-TREE"))
}

#[test]
fn a_name_is_looked_up_by_its_index() {
    let world = World::new();
    searches(&world, &lookup::by_name_sql(), "PRIMARY KEY (folded=?)");
    searches(&world, lookup::CHILDREN, "PRIMARY KEY (folded>? AND folded<?)");
    searches(&world, listing::PAGE, "PRIMARY KEY ((folded,definition)>(?,?) AND folded<?)");
    assert!(!sorts(&world, listing::PAGE));
}

#[test]
fn runs_are_listed_by_an_index_and_never_sorted() {
    let world = World::new();
    let cases = [
        (history::page_sql(false, false), "sqlite_autoindex_runs_1 (id>? AND id<?)"),
        (history::page_sql(true, false), "runs_by_command (command=? AND id>? AND id<?)"),
        (history::page_sql(false, true), "runs_by_status (status=? AND id>? AND id<?)"),
        (history::page_sql(true, true), "runs_by_command (command=? AND id>? AND id<?)"),
    ];
    for (sql, index) in cases {
        searches(&world, &sql, index);
        assert!(!sorts(&world, &sql), "{sql}");
    }
}

#[test]
fn open_runs_are_found_by_the_partial_index() {
    let world = World::new();
    assert!(plan(&world, runs::OPEN)[0].contains("runs_open"), "{:?}", plan(&world, runs::OPEN));
}

#[test]
fn events_and_changes_are_read_from_their_place() {
    let world = World::new();
    searches(&world, events::AFTER, "INTEGER PRIMARY KEY (rowid>?)");
    searches(&world, events::TAIL, "INTEGER PRIMARY KEY (rowid<?)");
    searches(&world, search::FEED, "INTEGER PRIMARY KEY (rowid>?)");
    for sql in [events::AFTER, events::TAIL, search::FEED] {
        assert!(!sorts(&world, sql));
    }
}

#[test]
fn trust_is_asked_by_an_index() {
    let world = World::new();
    searches(&world, trust::IS_GRANTED, "(owner=? AND source=? AND command=? AND digest=?)");
}
