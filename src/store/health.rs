//! What `fac doctor` asks: how much there is, and whether it is sound.

use std::path::PathBuf;

use super::{Store, begun};
use crate::kernel::error::Result;

/// How much there is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Sources.
    pub sources: u64,
    /// Definitions of all sources.
    pub definitions: u64,
    /// Permissions.
    pub grants: u64,
    /// Runs, also unfinished ones.
    pub runs: u64,
    /// Events, also those with an erased payload.
    pub events: u64,
    /// Bytes of the database with its write-ahead log.
    pub bytes: u64,
}

impl Store {
    /// How much there is.
    pub fn counts(&self) -> Result<Counts> {
        let mut counts = self.read(|connection| {
            let sql = "SELECT (SELECT count(*) FROM sources), (SELECT count(*) FROM definitions),
                 (SELECT count(*) FROM grants), (SELECT count(*) FROM runs), (SELECT count(*) FROM events)";
            Ok(connection.query_row(sql, [], |row| {
                let count = |i| Ok::<_, rusqlite::Error>(row.get::<_, i64>(i)? as u64);
                Ok(Counts {
                    sources: count(0)?,
                    definitions: count(1)?,
                    grants: count(2)?,
                    runs: count(3)?,
                    events: count(4)?,
                    bytes: 0,
                })
            })?)
        })?;
        let mut log = self.path().as_os_str().to_os_string();
        log.push("-wal");
        let files = [self.path().to_path_buf(), PathBuf::from(log)];
        counts.bytes = files.iter().filter_map(|file| file.metadata().ok()).map(|file| file.len()).sum();
        Ok(counts)
    }

    /// Reads the whole database and says what is wrong with it, one sentence each; empty when it is sound.
    pub fn integrity_check(&self) -> Result<Vec<String>> {
        self.read(|connection| {
            let mut statement = connection.prepare("PRAGMA integrity_check")?;
            let said: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
            let mut problems: Vec<String> = said.into_iter().filter(|line| line != "ok").collect();
            let mut statement = connection.prepare("PRAGMA foreign_key_check")?;
            let orphans = statement.query_map([], |row| {
                Ok(format!(
                    "a row of {} points at a row of {} that is gone",
                    row.get::<_, String>(0)?,
                    row.get::<_, String>(2)?
                ))
            })?;
            for orphan in orphans {
                problems.push(orphan?);
            }
            problems.extend(begun::unread(connection)?);
            Ok(problems)
        })
    }
}
