//! Rows that belong to a process, and those whose process is gone: who forgets a temporary chat when it ends, and the
//! chats that nobody is left to forget.
//!
//! Which processes live is the caller's to know. A holder is true only while its process lives, so it is no part of what
//! the log tells of rows.

use rusqlite::params;

use super::fault::Outcome;
use super::{Change, Process, Store};
use crate::kernel::error::{Kind, Result};
use crate::kernel::ids::Id;

/// Temporary chats and their holders; those of versions that wrote none down have none.
pub(super) const HELD: &str = "SELECT s.id, h.pid, h.process_start, h.boot
     FROM sessions s INDEXED BY sessions_temporary LEFT JOIN session_holders h ON h.session = s.n
     WHERE s.owner = ?1 AND s.temporary";

impl Store {
    /// The ids of rows whose process `is_alive` no more, or that name none. `sql` gives id, pid, process_start and boot,
    /// by owner.
    pub(super) fn orphans(&self, sql: &str, is_alive: &dyn Fn(&Process) -> bool) -> Result<Vec<Id>> {
        let held: Vec<(Id, Option<Process>)> = self.read(|connection| {
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map([&*self.owner], |row| {
                let process = match row.get::<_, Option<i64>>(1)? {
                    Some(pid) => {
                        let start = row.get::<_, i64>(2)? as u64;
                        Some(Process { pid: pid as u32, start, boot: row.get(3)? })
                    }
                    None => None,
                };
                Ok((row.get(0)?, process))
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })?;
        let is_gone = |process: &Option<Process>| process.as_ref().is_none_or(|process| !is_alive(process));
        Ok(held.into_iter().filter(|(_, process)| is_gone(process)).map(|(id, _)| id).collect())
    }

    /// Erases every temporary chat whose process `is_alive` no more, with all that was said in it; says which those were.
    /// Writes nothing when all are alive.
    pub fn forget_orphans(&self, is_alive: &dyn Fn(&Process) -> bool) -> Result<Vec<Id>> {
        let mut forgotten = Vec::new();
        for id in self.orphans(HELD, is_alive)? {
            match self.remove_session(id) {
                Ok(()) => forgotten.push(id),
                // Another process was quicker.
                Err(error) if error.kind() == Kind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(forgotten)
    }
}

impl Change<'_> {
    /// From now on this process forgets the chat of this number; without one the chat is kept.
    pub(super) fn hold(&self, session: i64, process: Option<&Process>) -> Outcome<()> {
        self.tx.prepare_cached("DELETE FROM session_holders WHERE session = ?1")?.execute([session])?;
        if let Some(process) = process {
            let sql = "INSERT INTO session_holders (session, pid, process_start, boot) VALUES (?1, ?2, ?3, ?4)";
            let start = process.start as i64;
            self.tx.prepare_cached(sql)?.execute(params![session, i64::from(process.pid), start, process.boot])?;
        }
        Ok(())
    }
}
