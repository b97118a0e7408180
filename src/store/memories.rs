//! What a person asked to be remembered, and nothing else.

use rusqlite::params;
use serde_json::json;

use super::Store;
use super::named::only;
use super::search::DocKind;
use crate::kernel::clock::Timestamp;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::events::{self, Event};
use crate::kernel::ids::Id;

/// Something to remember.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Its id.
    pub id: Id,
    /// What.
    pub text: String,
    /// How it came here: `cli`, a chat's id.
    pub source: String,
    /// When.
    pub created: Timestamp,
}

impl Store {
    /// Remembers `text`.
    pub fn remember(&self, text: &str, source: &str) -> Result<Memory> {
        self.write(|change| {
            let memory = Memory {
                id: change.ids().next(change.at),
                text: text.into(),
                source: source.into(),
                created: change.at,
            };
            let sql = "INSERT INTO memories (id, owner, text, source, created, person) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            change.alter(sql, params![memory.id, change.owner(), text, source, change.at, change.person()])?;
            change.record(&Event::new(events::MEMORY_ADDED, memory.id.to_string(), json!({"source": source})))?;
            change.touch_doc(DocKind::Memory, &memory.id.to_string())?;
            Ok(memory)
        })
    }

    /// Everything remembered, oldest first. Nobody is reminded of what another asked to be remembered.
    pub fn memories(&self) -> Result<Vec<Memory>> {
        self.read(|connection| {
            let sql = "SELECT id, text, source, created FROM memories WHERE owner = ?1 AND person IS ?2 ORDER BY id";
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map(params![&*self.owner, self.acting.person], |row| {
                Ok(Memory { id: row.get(0)?, text: row.get(1)?, source: row.get(2)?, created: row.get(3)? })
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Erases the memory whose id is, begins or ends so. `NotFound` when there is none, `Usage` when several.
    pub fn forget(&self, wanted: &str) -> Result<Memory> {
        let part = wanted.to_ascii_lowercase();
        let fits = |m: &Memory| {
            let id = m.id.to_string();
            part.len() >= 4 && (id.starts_with(&part) || id.ends_with(&part))
        };
        let found = self.memories()?.into_iter().filter(fits).collect();
        let memory: Memory = only(found, wanted, "memories", |wanted| {
            Error::new(Kind::NotFound, format!("nothing remembered is called {wanted}"))
                .hint("`fac memory ls` shows what is, with its ids")
        })?;
        self.erase(|change| {
            let id = memory.id.to_string();
            let sql = "DELETE FROM memories WHERE id = ?1 AND owner = ?2";
            change.alter(sql, params![memory.id, change.owner()])?;
            change.erase_payloads(&id)?;
            change.bury_doc(DocKind::Memory, &id)?;
            change.record(&Event::new(events::MEMORY_REMOVED, id, json!({})))?;
            Ok(())
        })?;
        Ok(memory)
    }
}
