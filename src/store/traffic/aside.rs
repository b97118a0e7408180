//! Counting in memory while the file takes nothing, as on a full disk: who serves goes on, and limits hold.
//!
//! What stood in the file is taken along, and put back into it when it takes something again. Meanwhile each process counts
//! for itself.

use std::path::Path;

use rusqlite::{Connection, ErrorCode};

use super::super::fault::{Fault, Outcome};
use super::super::pool;
use super::TABLES;
use crate::kernel::clock::Timestamp;

/// So long after it took nothing the file is not asked again, microseconds.
const AGAIN: i64 = 10_000_000;

/// What is counted in memory.
#[derive(Debug)]
pub(super) struct Aside {
    pub(super) memory: Connection,
    /// Until when the file is left alone.
    pub(super) until: Timestamp,
}

impl Aside {
    /// Begins with what can be read of the file at `path`.
    pub(super) fn begin(path: &Path, now: Timestamp) -> Outcome<Aside> {
        let memory = Connection::open_in_memory()?;
        pool::prepare_all(&memory, std::time::Duration::from_secs(5))?;
        memory.execute_batch(TABLES)?;
        if let Err(fault) = beside(&memory, path, "INSERT OR REPLACE INTO main.{t} SELECT * FROM kept.{t}") {
            tracing::warn!(error = fault.explain(path).full_message(), "limits begin anew");
        }
        Ok(Aside { memory, until: now.plus_micros(AGAIN) })
    }

    /// Puts what was counted into the file; says whether that took it. It is left alone for a while where it did not.
    pub(super) fn put_back(&mut self, path: &Path, now: Timestamp) -> bool {
        let done = beside(&self.memory, path, "INSERT OR REPLACE INTO kept.{t} SELECT * FROM main.{t}");
        self.until = now.plus_micros(AGAIN);
        done.is_ok()
    }
}

/// Does `sql` for each table `{t}`, with the file at `path` beside the memory as `kept`, all or nothing.
fn beside(memory: &Connection, path: &Path, sql: &str) -> Outcome<()> {
    memory.execute("ATTACH ?1 AS kept", [path.to_string_lossy()])?;
    let tables = ["windows", "guesses", "tickets", "seen"];
    let all: String = tables.iter().map(|table| format!("{};", sql.replace("{t}", table))).collect();
    let done = memory.execute_batch(&format!("BEGIN; {all} COMMIT;"));
    if done.is_err() && !memory.is_autocommit() {
        memory.execute_batch("ROLLBACK")?;
    }
    memory.execute_batch("DETACH kept")?;
    Ok(done?)
}

/// Whether the file takes nothing, as opposed to a mistake in what was asked.
pub(super) fn takes_nothing(fault: &Fault) -> bool {
    let Fault::Sql(error) = fault else { return false };
    let full = [ErrorCode::DiskFull, ErrorCode::SystemIoFailure, ErrorCode::ReadOnly, ErrorCode::CannotOpen];
    error.sqlite_error_code().is_some_and(|code| full.contains(&code))
}
