//! Opening: new, old, newer, damaged and impossible stores.

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use super::support::*;
use crate::kernel::clock::Clock;
use crate::kernel::error::Kind;
use crate::kernel::ids::Ids;
use crate::store::schema::MIGRATIONS;
use crate::store::*;

fn open(path: &std::path::Path) -> crate::kernel::error::Result<Store> {
    Store::open(path, Clock::system(), Ids::random())
}

fn mode(path: &std::path::Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

#[test]
fn a_new_store_is_private_and_at_the_last_version() {
    let world = World::new();
    world.store.set_state("k", &serde_json::json!(1)).unwrap();
    assert_eq!(mode(world.path().parent().unwrap()), 0o700);
    for name in ["store.db", "store.db-wal", "store.db-shm"] {
        assert_eq!(mode(&world.path().with_file_name(name)), 0o600, "{name}");
    }
    let version: usize = world.raw().query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0)).unwrap() as usize;
    assert_eq!(version, MIGRATIONS.len());
    assert_eq!(world.store.integrity_check().unwrap(), Vec::<String>::new());
}

#[test]
fn connections_wait_changes_lie_on_the_disk_and_references_hold() {
    let world = World::new();
    let ask = |pragma: &str| {
        let value = world.store.read(|c| Ok(c.query_row(&format!("PRAGMA {pragma}"), [], |row| row.get::<_, i64>(0))?));
        value.unwrap()
    };
    // Commits keep the file sound, and each change waits for the disk itself.
    assert_eq!((ask("synchronous"), ask("foreign_keys"), ask("busy_timeout")), (1, 1, 60_000));
    let flushes = || world.store.shared.pool.flushes();
    let before = flushes();
    world.store.set_state("k", &serde_json::json!(1)).unwrap();
    assert_eq!(flushes(), before + 1);
    // One that goes with the next does not, whether it went well or not; nor does one that changed nothing.
    let named = NewSession { name: Some("one".to_string()), ..NewSession::default() };
    world.store.begin_session(&named).unwrap();
    world.store.begin_session(&named).unwrap_err();
    world.store.write(|_| Ok(())).unwrap();
    assert_eq!(flushes(), before + 1);
    let mode = world.store.read(|c| Ok(c.query_row("PRAGMA journal_mode", [], |row| row.get::<_, String>(0))?));
    assert_eq!(mode.unwrap(), "wal");
}

#[test]
fn an_older_store_is_brought_up_to_date_and_keeps_its_rows() {
    let world = World::new();
    let path = world.path().with_file_name("old.db");
    let raw = rusqlite::Connection::open(&path).unwrap();
    raw.execute_batch(MIGRATIONS[0]).unwrap();
    raw.execute_batch("INSERT INTO event_payloads VALUES (1, x'00', '{}')").unwrap_err();
    raw.pragma_update(None, "user_version", 1).unwrap();
    drop(raw);
    let store = open(&path).unwrap();
    store.begin_run(&new_run("a")).unwrap();
    assert_eq!(store.verify().unwrap().events, 1);
}

#[test]
fn a_newer_store_is_refused() {
    let world = World::new();
    world.raw().pragma_update(None, "user_version", 4000).unwrap();
    let error = open(&world.path()).unwrap_err();
    assert_eq!(error.kind(), Kind::BadData);
    let expected = format!(
        "the store {} was written by a newer fac (version 4000 of its tables, this one knows {})",
        world.path().display(),
        MIGRATIONS.len()
    );
    assert_eq!(error.message(), expected);
    assert_eq!(error.way_forward(), Some("install the newer fac, or choose another place with --home"));
    world.raw().pragma_update(None, "user_version", -1).unwrap();
    assert_eq!(open(&world.path()).unwrap_err().kind(), Kind::BadData);
}

#[test]
fn a_damaged_store_is_named_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let garbage = "this is no database ".repeat(500);
    std::fs::write(&path, &garbage).unwrap();
    let error = open(&path).unwrap_err();
    assert_eq!(error.kind(), Kind::BadData);
    assert_eq!(error.message(), format!("the store {} is damaged or is no database", path.display()));
    assert!(error.way_forward().unwrap().contains("move it away"));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), garbage);
}

#[test]
fn damage_inside_is_found_by_the_check() {
    let world = World::new();
    for _ in 0..50 {
        world.store.begin_run(&new_run("a")).unwrap();
    }
    world.raw().execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    let path = world.path().with_file_name("copy.db");
    let mut bytes = std::fs::read(world.path()).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 8192].fill(0x5a);
    std::fs::write(&path, bytes).unwrap();
    let found = open(&path).and_then(|store| store.integrity_check());
    assert!(found.map_or_else(|error| error.kind() == Kind::BadData, |problems| !problems.is_empty()));
}

#[test]
fn a_place_that_cannot_hold_a_store_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "").unwrap();
    assert_eq!(open(&folder.path().join("file/store.db")).unwrap_err().kind(), Kind::Failed);
    assert_eq!(open(folder.path()).unwrap_err().kind(), Kind::Failed);
}

#[test]
fn every_table_of_every_migration_is_strict() {
    let mut tables = 0;
    for migration in MIGRATIONS {
        for statement in migration.split(';').filter(|statement| statement.contains("CREATE TABLE")) {
            let tail = statement.rsplit(')').next().unwrap();
            assert!(tail.contains("STRICT"), "not strict: {statement}");
            tables += 1;
        }
    }
    assert_eq!(tables, 42);
    let world = World::new();
    let sql =
        "SELECT count(*) FROM pragma_table_list WHERE schema = 'main' AND name NOT LIKE 'sqlite_%' AND NOT strict";
    assert_eq!(world.raw().query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap(), 0);
}

/// The log tells nothing of a column that came later: what stood in it from the first would be another row than it tells.
#[test]
fn a_column_that_comes_later_holds_nothing_at_first() {
    let added = MIGRATIONS.iter().flat_map(|text| text.split(';')).filter(|statement| statement.contains("ADD COLUMN"));
    let added: Vec<&str> = added.map(str::trim).collect();
    assert!(added.len() >= 12);
    assert!(added.iter().all(|statement| !statement.contains("DEFAULT")), "{added:?}");
}

#[test]
fn every_migration_file_is_in_the_list() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/store/migrations");
    let mut names: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    assert_eq!(names.len(), MIGRATIONS.len());
    for (n, (path, text)) in names.iter().zip(MIGRATIONS).enumerate() {
        let number = format!("{:04}_", n + 1);
        assert!(path.file_name().unwrap().to_string_lossy().starts_with(&number), "{}", path.display());
        assert_eq!(std::fs::read_to_string(path).unwrap(), *text);
    }
}

#[test]
fn readers_open_only_when_the_writer_is_busy() {
    let world = World::new();
    world.store.sources().unwrap();
    world.store.begin_run(&new_run("a")).unwrap();
    world.store.sources().unwrap();
    assert_eq!(world.store.shared.pool.idle_readers(), 0);
    let seen = world.store.write(|_| Ok(world.store.counts()?.runs)).unwrap();
    assert_eq!(seen, 1);
    assert_eq!(world.store.shared.pool.idle_readers(), 1);
}

/// Not a measurement, only a guard against work that does not belong there.
#[test]
fn opening_again_is_quick() {
    let world = World::new();
    let started = Instant::now();
    for _ in 0..20 {
        open(&world.path()).unwrap();
    }
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
}
