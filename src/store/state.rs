//! Small live state by key: what is true until something newer is known, such as a host's rate limit.
//!
//! It is no fact anybody has to account for, so it writes no event.

use rusqlite::{OptionalExtension, params};
use serde_json::Value;

use super::Store;
use crate::kernel::clock::Timestamp;
use crate::kernel::error::Result;

impl Store {
    /// What was last set under `key`, and when.
    pub fn state(&self, key: &str) -> Result<Option<(Value, Timestamp)>> {
        self.read(|connection| {
            let mut statement =
                connection.prepare_cached("SELECT value, at FROM state WHERE owner = ?1 AND key = ?2")?;
            let found: Option<(String, Timestamp)> =
                statement.query_row(params![&*self.owner, key], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
            found.map(|(text, at)| Ok((serde_json::from_str(&text)?, at))).transpose()
        })
    }

    /// Sets `key`; null forgets it.
    pub fn set_state(&self, key: &str, value: &Value) -> Result<()> {
        self.write(|change| {
            if value.is_null() {
                let mut delete = change.tx.prepare_cached("DELETE FROM state WHERE owner = ?1 AND key = ?2")?;
                delete.execute(params![change.owner(), key])?;
            } else {
                let mut insert = change
                    .tx
                    .prepare_cached("INSERT OR REPLACE INTO state (owner, key, value, at) VALUES (?1, ?2, ?3, ?4)")?;
                insert.execute(params![change.owner(), key, value.to_string(), change.at])?;
            }
            Ok(())
        })
    }
}
