//! Tools that a person allowed for a chat, and definitions from elsewhere as they were accepted.

use std::collections::BTreeSet;

use rusqlite::{OptionalExtension, params};
use serde_json::json;

use super::Store;
use crate::kernel::clock::Timestamp;
use crate::kernel::error::Result;
use crate::kernel::events::{self, Event};
use crate::kernel::ids::Id;

impl Store {
    /// Allows a tool, as its definition is now, for one chat.
    pub fn allow_tool(&self, session: Id, tool: &str, digest: &str) -> Result<()> {
        self.write(|change| {
            let sql = "INSERT INTO tool_grants (owner, session, tool, digest, granted_at) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT DO UPDATE SET granted_at = excluded.granted_at";
            change.alter(sql, params![change.owner(), session.to_string(), tool, digest, change.at])?;
            let payload = json!({"session": session, "digest": digest});
            change.record(&Event::new(events::TOOL_ALLOWED, tool, payload))?;
            Ok(())
        })
    }

    /// The digests of the tools allowed for a chat.
    pub fn allowed_tools(&self, session: Id) -> Result<BTreeSet<String>> {
        self.read(|connection| {
            let mut statement =
                connection.prepare_cached("SELECT digest FROM tool_grants WHERE owner = ?1 AND session = ?2")?;
            let rows = statement.query_map(params![&*self.owner, session.to_string()], |row| row.get(0))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// The tools allowed for a chat, or for every chat: the chat, the tool, when. Oldest first.
    pub fn tool_grants(&self, session: Option<Id>) -> Result<Vec<(Id, String, Timestamp)>> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT session, tool, granted_at FROM tool_grants WHERE owner = ?1 AND ifnull(?2, session) = session
                 ORDER BY granted_at, tool",
            )?;
            let rows = statement
                .query_map(params![&*self.owner, session], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Takes back what was allowed for a chat: one tool, or all of them. Says how many those were.
    pub fn revoke_tools(&self, session: Id, tool: Option<&str>) -> Result<usize> {
        self.write(|change| {
            let these = "owner = ?1 AND session = ?2 AND ifnull(?3, tool) = tool";
            let mut find = change.tx.prepare_cached(&format!("SELECT tool FROM tool_grants WHERE {these}"))?;
            let revoked: Vec<String> = find
                .query_map(params![change.owner(), session, tool], |row| row.get(0))?
                .collect::<rusqlite::Result<_>>()?;
            change.alter(&format!("DELETE FROM tool_grants WHERE {these}"), params![change.owner(), session, tool])?;
            for tool in &revoked {
                change.record(&Event::new(events::TOOL_REVOKED, tool, json!({"session": session})))?;
            }
            Ok(revoked.len())
        })
    }

    /// Keeps a definition from elsewhere as accepted. `kind` tells the sorts of definitions apart (`mcp`).
    pub fn pin(&self, kind: &str, key: &str, hash: &str, text: &str) -> Result<()> {
        self.write(|change| {
            let sql = "INSERT INTO pins (owner, kind, key, hash, text, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT DO UPDATE SET hash = excluded.hash, text = excluded.text, at = excluded.at";
            change.alter(sql, params![change.owner(), kind, key, hash, text, change.at])?;
            change.record(&Event::new(events::PINNED, format!("{kind} {key}"), json!({"hash": hash})))?;
            Ok(())
        })
    }

    /// The hash and the text that were accepted last.
    pub fn pinned(&self, kind: &str, key: &str) -> Result<Option<(String, String)>> {
        self.read(|connection| {
            let sql = "SELECT hash, text FROM pins WHERE owner = ?1 AND kind = ?2 AND key = ?3";
            let mut statement = connection.prepare_cached(sql)?;
            Ok(statement
                .query_row(params![&*self.owner, kind, key], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?)
        })
    }

    /// Forgets what was accepted of everything whose key begins with `prefix`.
    pub fn unpin(&self, kind: &str, prefix: &str) -> Result<usize> {
        self.write(|change| {
            let sql = "DELETE FROM pins WHERE owner = ?1 AND kind = ?2 AND substr(key, 1, length(?3)) = ?3";
            let forgotten = change.alter(sql, params![change.owner(), kind, prefix])?;
            if forgotten > 0 {
                let payload = json!({"forgotten": forgotten});
                change.record(&Event::new(events::UNPINNED, format!("{kind} {prefix}"), payload))?;
            }
            Ok(forgotten)
        })
    }
}
