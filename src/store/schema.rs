//! Migrations: numbered files that are only ever added, counted by `user_version`.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode};

use super::fault::Outcome;
use super::pool::{self, PATIENCE};
use crate::kernel::error::{Error, Kind};

/// Every migration in order; the first brings `user_version` to 1.
pub(super) const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_events.sql"),
    include_str!("migrations/0002_sources.sql"),
    include_str!("migrations/0003_trust.sql"),
    include_str!("migrations/0004_runs.sql"),
    include_str!("migrations/0005_search.sql"),
    include_str!("migrations/0006_state.sql"),
    include_str!("migrations/0007_chats.sql"),
    include_str!("migrations/0008_rows.sql"),
    include_str!("migrations/0009_recordings.sql"),
    include_str!("migrations/0010_holders.sql"),
    include_str!("migrations/0011_work.sql"),
    include_str!("migrations/0012_plugins.sql"),
    include_str!("migrations/0013_access.sql"),
    include_str!("migrations/0014_reactions.sql"),
    include_str!("migrations/0015_names.sql"),
    include_str!("migrations/0016_undoes.sql"),
    include_str!("migrations/0017_next_job.sql"),
    include_str!("migrations/0018_begun.sql"),
    include_str!("migrations/0019_unread.sql"),
    include_str!("migrations/0020_failing.sql"),
];

/// Brings the tables up to date; one read of the header when they are.
pub(super) fn bring_up_to_date(writer: &mut Connection, path: &Path) -> Outcome<()> {
    if version(writer)? == MIGRATIONS.len() {
        return Ok(());
    }
    refuse_newer(version(writer)?, path)?;
    switch_to_wal(writer)?;
    pool::immediately(writer, |tx| {
        // Another process may have been here while this one waited.
        let done = version(tx)?;
        refuse_newer(done, path)?;
        for migration in &MIGRATIONS[done..] {
            tx.execute_batch(migration)?;
        }
        tx.pragma_update(None, "user_version", MIGRATIONS.len() as i64)?;
        Ok(())
    })
}

fn version(connection: &Connection) -> Outcome<usize> {
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    // A negative number is nobody's version; read as a huge one it is refused as unknown.
    Ok(usize::try_from(version).unwrap_or(usize::MAX))
}

fn refuse_newer(version: usize, path: &Path) -> Outcome<()> {
    if version <= MIGRATIONS.len() {
        return Ok(());
    }
    let known = MIGRATIONS.len();
    Err(Error::new(
        Kind::BadData,
        format!(
            "the store {} was written by a newer fac (version {version} of its tables, this one knows {known})",
            path.display()
        ),
    )
    .hint("install the newer fac, or choose another place with --home")
    .into())
}

/// Switches a fresh file to write-ahead logging. SQLite does not wait by itself when several processes try at once.
fn switch_to_wal(writer: &Connection) -> Outcome<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let switched = writer.query_row("PRAGMA journal_mode = WAL", [], |row| row.get::<_, String>(0));
        match switched {
            Ok(mode) if mode == "wal" => return Ok(()),
            Ok(_) => {}
            Err(error)
                if matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)) => {}
            Err(error) => return Err(error.into()),
        }
        if Instant::now() >= deadline {
            return Err(Error::new(Kind::Failed, "the store cannot switch to write-ahead logging")
                .hint(
                    "other processes hold it, or its file system cannot share memory; choose another place with --home",
                )
                .into());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
