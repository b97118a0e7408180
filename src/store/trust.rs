//! What a person allowed to run. What needs allowing, and when to ask, is decided above.

use rusqlite::{OptionalExtension, Row, params};
use serde_json::json;

use super::Store;
use super::fault::Outcome;
use crate::kernel::clock::Timestamp;
use crate::kernel::error::Result;
use crate::kernel::events::{self, Event};

/// A permission that is about to be given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewGrant {
    /// The identity of the source (its spec).
    pub source: String,
    /// The command's name.
    pub command: String,
    /// The content hash that is allowed.
    pub digest: String,
    /// How it was given: `asked`, `source trust`, …
    pub how: String,
    /// The definition as the person saw it, for a later diff.
    pub text: String,
}

/// A permission that was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The identity of the source (its spec).
    pub source: String,
    /// The command's name.
    pub command: String,
    /// The content hash that is allowed.
    pub digest: String,
    /// How it was given.
    pub how: String,
    /// When.
    pub granted_at: Timestamp,
    /// The definition as the person saw it; empty in lists.
    pub text: String,
}

pub(super) const IS_GRANTED: &str =
    "SELECT 1 FROM grants WHERE owner = ?1 AND source = ?2 AND command = ?3 AND digest = ?4";

impl Store {
    /// Allows all of these at once.
    pub fn grant(&self, grants: &[NewGrant]) -> Result<()> {
        self.write(|change| {
            for new in grants {
                let owner = change.owner();
                // The last one given is the one with the greatest number.
                let same = "DELETE FROM grants WHERE owner = ?1 AND source = ?2 AND command = ?3 AND digest = ?4";
                change.alter(same, params![owner, new.source, new.command, new.digest])?;
                change.alter(
                    "INSERT INTO grants (owner, source, command, digest, granted_at, how, text)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                    params![owner, new.source, new.command, new.digest, change.at, new.how, new.text],
                )?;
                let payload =
                    json!({"source": new.source, "command": new.command, "digest": new.digest, "how": new.how});
                change.record(&Event::new(events::TRUST_GRANTED, subject(&new.source, &new.command), payload))?;
            }
            Ok(())
        })
    }

    /// Copies what is allowed of one source to another name of the same place. Permissions it has already stay.
    pub fn carry_grants(&self, from: &str, to: &str) -> Result<()> {
        self.write(|change| {
            let mut copy = change.tx.prepare_cached(
                "INSERT OR IGNORE INTO grants (owner, source, command, digest, granted_at, how, text)
                 SELECT owner, ?3, command, digest, granted_at, how, text FROM grants WHERE owner = ?1 AND source = ?2 ORDER BY n
                 RETURNING n, command, digest",
            )?;
            let copied: Vec<(i64, String, String)> = copy
                .query_map(params![change.owner(), from, to], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
                .collect::<rusqlite::Result<_>>()?;
            for (n, command, digest) in &copied {
                change.touch_row("grants", *n);
                let payload = json!({"source": to, "command": command, "digest": digest, "how": "renamed", "from": from});
                change.record(&Event::new(events::TRUST_GRANTED, subject(to, command), payload))?;
            }
            Ok(())
        })
    }

    /// Takes permissions back: those for one command of a source, for all of a source (`command` is `None`), or every
    /// one (both are `None`). Says how many those were.
    pub fn revoke(&self, source: Option<&str>, command: Option<&str>) -> Result<usize> {
        self.write(|change| {
            let mut delete = change.tx.prepare_cached(
                "DELETE FROM grants WHERE owner = ?1 AND ifnull(?2, source) = source AND ifnull(?3, command) = command
                 RETURNING n, source, command, digest",
            )?;
            let revoked: Vec<(i64, [String; 3])> = delete
                .query_map(params![change.owner(), source, command], |row| {
                    Ok((row.get(0)?, [row.get(1)?, row.get(2)?, row.get(3)?]))
                })?
                .collect::<rusqlite::Result<_>>()?;
            for (n, [source, command, digest]) in &revoked {
                change.touch_row("grants", *n);
                let payload = json!({"source": source, "command": command, "digest": digest});
                change.record(&Event::new(events::TRUST_REVOKED, subject(source, command), payload))?;
            }
            Ok(revoked.len())
        })
    }

    /// Whether these bytes, under this name, from this source, may run.
    pub fn is_granted(&self, source: &str, command: &str, digest: &str) -> Result<bool> {
        self.glance(|connection| {
            Ok(connection.prepare_cached(IS_GRANTED)?.exists(params![&*self.owner, source, command, digest])?)
        })
    }

    /// The last permission for a command, whatever its bytes were then, with the text that was accepted.
    pub fn last_grant(&self, source: &str, command: &str) -> Result<Option<Grant>> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT source, command, digest, how, granted_at, text FROM grants
                 WHERE owner = ?1 AND source = ?2 AND command = ?3 ORDER BY n DESC LIMIT 1",
            )?;
            Ok(statement.query_row(params![&*self.owner, source, command], grant).optional()?)
        })
    }

    /// Every permission, or those for one source, oldest first and without their texts.
    pub fn grants(&self, source: Option<&str>) -> Result<Vec<Grant>> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT source, command, digest, how, granted_at, '' FROM grants
                 WHERE owner = ?1 AND ifnull(?2, source) = source ORDER BY n",
            )?;
            let grants: Outcome<Vec<Grant>> =
                statement.query_map(params![&*self.owner, source], grant)?.map(|row| Ok(row?)).collect();
            grants
        })
    }
}

fn grant(row: &Row<'_>) -> rusqlite::Result<Grant> {
    Ok(Grant {
        source: row.get(0)?,
        command: row.get(1)?,
        digest: row.get(2)?,
        how: row.get(3)?,
        granted_at: row.get(4)?,
        text: row.get(5)?,
    })
}

fn subject(source: &str, command: &str) -> String {
    format!("{source}:{command}")
}
