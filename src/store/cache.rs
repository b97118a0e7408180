//! Values that can be had again at a price: kept until they are old or room is needed, the least used going first.
//!
//! It is no fact, so it writes no event.

use rusqlite::{OptionalExtension, params};

use super::fault::Outcome;
use super::{Change, Store};
use crate::kernel::clock::Timestamp;
use crate::kernel::error::Result;

/// What the cache holds and how often it helped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheStats {
    /// Values.
    pub entries: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Lookups that found one.
    pub hits: u64,
    /// Lookups that did not.
    pub misses: u64,
}

impl Store {
    /// The value under `key`, unless it is too old.
    pub fn cache_get(&self, key: &str) -> Result<Option<String>> {
        self.write(|change| {
            let sql = "UPDATE cache SET used = ?3 WHERE owner = ?1 AND key = ?2 AND expires > ?3 RETURNING value";
            let found: Option<String> = change
                .tx
                .prepare_cached(sql)?
                .query_row(params![change.owner(), key, change.at], |row| row.get(0))
                .optional()?;
            let counter = if found.is_some() { "cache_hits" } else { "cache_misses" };
            change.tx.prepare_cached("UPDATE counters SET value = value + 1 WHERE name = ?1")?.execute([counter])?;
            Ok(found)
        })
    }

    /// Keeps a value until `expires`, and within `most` bytes in all.
    pub fn cache_put(&self, key: &str, value: &str, expires: Timestamp, most: u64) -> Result<()> {
        let size = i64::try_from(key.len() + value.len()).unwrap_or(i64::MAX);
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        if size > most {
            return Ok(());
        }
        self.write(|change| {
            change.tx.prepare_cached("DELETE FROM cache WHERE expires <= ?1")?.execute([change.at])?;
            let sql =
                "INSERT OR REPLACE INTO cache (owner, key, value, size, expires, used) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            change.tx.prepare_cached(sql)?.execute(params![change.owner(), key, value, size, expires, change.at])?;
            change.make_room(most)
        })
    }

    /// A value that its asker has at hand was found as if it had been looked up here.
    pub fn cache_hit(&self) -> Result<()> {
        self.write_with_next(|change| {
            change.tx.prepare_cached("UPDATE counters SET value = value + 1 WHERE name = 'cache_hits'")?.execute([])?;
            Ok(())
        })
    }

    /// Empties the cache; says how many values went.
    pub fn cache_clear(&self) -> Result<usize> {
        self.write(|change| change.forget_values())
    }

    /// A number that changes whenever values are forgotten at somebody's wish: what is at hand from before does not count.
    pub fn cache_forgettings(&self) -> Result<i64> {
        self.glance(|connection| {
            let sql = "SELECT value FROM counters WHERE name = 'cache_forgettings'";
            Ok(connection.prepare_cached(sql)?.query_row([], |row| row.get(0)).optional()?.unwrap_or(0))
        })
    }

    /// What is in it.
    pub fn cache_stats(&self) -> Result<CacheStats> {
        self.read(|connection| {
            let counter = |name: &str| -> Outcome<u64> {
                let sql = "SELECT value FROM counters WHERE name = ?1";
                Ok(connection.prepare_cached(sql)?.query_row([name], |row| row.get::<_, i64>(0))? as u64)
            };
            let sql = "SELECT count(*), ifnull(sum(size), 0) FROM cache WHERE owner = ?1";
            let (entries, bytes): (i64, i64) =
                connection.prepare_cached(sql)?.query_row([&*self.owner], |row| Ok((row.get(0)?, row.get(1)?)))?;
            Ok(CacheStats {
                entries: entries as u64,
                bytes: bytes as u64,
                hits: counter("cache_hits")?,
                misses: counter("cache_misses")?,
            })
        })
    }
}

impl Change<'_> {
    /// Forgets all values of whose store it is; says how many went.
    pub(super) fn forget_values(&self) -> Outcome<usize> {
        let sql = "INSERT INTO counters (name, value) VALUES ('cache_forgettings', 1)
                   ON CONFLICT (name) DO UPDATE SET value = value + 1";
        self.tx.prepare_cached(sql)?.execute([])?;
        Ok(self.tx.prepare_cached("DELETE FROM cache WHERE owner = ?1")?.execute([self.owner()])?)
    }

    /// Removes what was not used for longest until at most `most` bytes are left.
    fn make_room(&self, most: i64) -> Outcome<()> {
        let sql = "SELECT ifnull(sum(size), 0) FROM cache";
        let mut total: i64 = self.tx.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
        while total > most {
            let sql = "DELETE FROM cache WHERE (owner, key) = (SELECT owner, key FROM cache ORDER BY used LIMIT 1) RETURNING size";
            let freed: Option<i64> = self.tx.prepare_cached(sql)?.query_row([], |row| row.get(0)).optional()?;
            match freed {
                Some(size) => total -= size,
                None => break,
            }
        }
        Ok(())
    }
}
