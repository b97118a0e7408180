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
        (history::page_sql(false, false, ""), "sqlite_autoindex_runs_1 (id>? AND id<?)"),
        (history::page_sql(true, false, ""), "runs_by_command (command=? AND id>? AND id<?)"),
        (history::page_sql(false, true, ""), "runs_by_status (status=? AND id>? AND id<?)"),
        (history::page_sql(true, true, ""), "runs_by_command (command=? AND id>? AND id<?)"),
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
fn temporary_chats_are_found_by_the_partial_index() {
    let world = World::new();
    searches(&world, holders::HELD, "sessions_temporary (owner=?)");
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

#[test]
fn chats_and_messages_are_listed_by_an_index_and_never_sorted() {
    let world = World::new();
    let cases = [
        (sessions::page_sql(""), "sessions_by_use (owner=? AND archived=? AND (pinned,updated,id)<(?,?,?))"),
        (sessions::last_sql(""), "sessions_by_last (owner=?)"),
        (threads::page_sql(), "messages_by_session (session=? AND id<?)"),
        (threads::by_time_sql(""), "messages_by_time (owner=? AND created>? AND (created,id)<(?,?))"),
    ];
    for (sql, index) in cases {
        let lines = plan(&world, &sql);
        assert!(lines.iter().any(|line| line.contains(index)), "{lines:#?}");
        assert!(!lines.iter().any(|line| line.starts_with("SCAN") && !line.contains("(subquery")), "{lines:#?}");
    }
    assert!(!sorts(&world, &threads::page_sql()) && !sorts(&world, &threads::by_time_sql("")));
    assert!(!sorts(&world, &sessions::page_sql("")) && !sorts(&world, &sessions::last_sql("")));
    searches(&world, &threads::tree_sql(""), "(id=?)");
    assert!(!sorts(&world, &threads::tree_sql("")));
    let lines = plan(&world, &threads::thread_sql(""));
    assert!(!lines.iter().any(|line| line.starts_with("SCAN m") || line.starts_with("SCAN s")), "{lines:#?}");
    let lines = plan(&world, &erasing::below_sql(""));
    assert!(lines.iter().any(|line| line.contains("messages_by_parent")), "{lines:#?}");
    assert!(plan(&world, messages::OPEN)[0].contains("messages_open"));
}

#[test]
fn versions_and_branches_are_followed_by_an_index() {
    let world = World::new();
    searches(&world, threads::FOLLOWING, "messages_by_parent (parent=?)");
    searches(&world, threads::BEGINNINGS, "messages_by_session (session=?)");
    let never = |sql: &str, what: &[&str]| {
        let lines = plan(&world, sql);
        assert!(!lines.iter().any(|line| what.iter().any(|what| line.starts_with(what))), "{lines:#?}");
        lines
    };
    let lines = never(threads::NEWEST_BELOW, &["SCAN m", "SCAN messages"]);
    assert!(lines.iter().any(|line| line.contains("messages_by_parent (parent=?)")), "{lines:#?}");
    // The way up is taken message by message, however long the chat is.
    for sql in [threads::SAID.to_string(), threads::thread_end_sql("")] {
        let lines = never(&sql, &["SCAN m", "SCAN messages", "SCAN s"]);
        assert_eq!(lines.iter().filter(|line| line.starts_with("SEARCH m ") && line.ends_with("(id=?)")).count(), 2);
    }
}

#[test]
fn usage_is_summed_by_an_index() {
    let world = World::new();
    searches(&world, &calls::timings_sql(""), "calls_by_time (owner=? AND started>? AND started<?)");
    searches(&world, calls::SPENT, "calls_by_time (owner=? AND started>?)");
    searches(&world, &calls::usage_sql("model", "1", false, ""), "calls_by_time (owner=? AND started>? AND started<?)");
    searches(&world, &calls::usage_sql("model", "1", true, ""), "calls_by_session (session=?)");
}

#[test]
fn open_jobs_are_found_by_the_partial_index() {
    let world = World::new();
    searches(&world, jobs::OPEN_OF, "jobs_open_of (owner=? AND source=? AND command=?)");
    searches(&world, jobs::NEXT, "jobs_next (owner=?)");
    assert!(!sorts(&world, jobs::NEXT), "what waits is in order already");
    for of_batch in [batches::NEXT_OF, batches::IS_OPEN] {
        searches(&world, of_batch, "jobs_open_by_key (owner=? AND key>? AND key<?)");
        assert!(!sorts(&world, of_batch));
    }
}

#[test]
fn pages_of_jobs_and_firings_are_read_in_the_order_they_stand_in() {
    let world = World::new();
    for (sql, index) in [
        (jobs::page_sql(""), "INTEGER PRIMARY KEY (rowid<?)"),
        (firings::page_sql(false), "INTEGER PRIMARY KEY (rowid<?)"),
        (firings::page_sql(true), "firings_of (owner=? AND source=? AND command=? AND n<?)"),
    ] {
        searches(&world, &sql, index);
        assert!(!sorts(&world, &sql), "{sql}");
    }
}

#[test]
fn a_question_with_other_values_is_not_planned_anew() {
    let world = World::new();
    let ask = |owner: &str| {
        world.store.read(|connection| {
            let sql = "SELECT n FROM jobs WHERE owner = ?1 AND tries = ?2 ORDER BY n LIMIT ?3";
            let mut statement = connection.prepare_cached(sql)?;
            statement.query((owner, 1, 20))?.next()?;
            Ok(statement.get_status(rusqlite::StatementStatus::RePrepare))
        })
    };
    let anew: i32 = ["a", "b", "c"].map(|owner| ask(owner).unwrap()).iter().sum();
    assert_eq!(anew, 0);
}
