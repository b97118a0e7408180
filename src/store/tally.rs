//! How often each of many things was seen, in a database of its own that goes away with it: it takes the same memory however
//! many they are.

use std::path::Path;

use rusqlite::{Connection, params};

use super::fault::Outcome;
use crate::kernel::error::Result;

/// Counts things by their digests.
pub struct Tally(Connection);

impl Tally {
    /// One that has seen nothing.
    ///
    /// # Errors
    /// When no temporary file can be made.
    pub fn new() -> Result<Tally> {
        open().map(Tally).map_err(|fault| fault.explain(Path::new("a temporary file")))
    }

    /// Notes that a thing was seen; how often that was by now.
    ///
    /// # Errors
    /// When the temporary file cannot be written.
    pub fn see(&self, digest: [u8; 8]) -> Result<u64> {
        see(&self.0, i64::from_le_bytes(digest)).map_err(|fault| fault.explain(Path::new("a temporary file")))
    }
}

/// SQLite keeps a database without a name in a file that is removed when it is opened, once it is larger than its cache
/// (<https://www.sqlite.org/inmemorydb.html>).
fn open() -> Outcome<Connection> {
    let connection = Connection::open("")?;
    connection.execute_batch(
        "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -2000;
         CREATE TABLE seen (thing INTEGER PRIMARY KEY, times INTEGER NOT NULL) STRICT; BEGIN;",
    )?;
    Ok(connection)
}

fn see(connection: &Connection, thing: i64) -> Outcome<u64> {
    let sql = "INSERT INTO seen VALUES (?1, 1) ON CONFLICT DO UPDATE SET times = times + 1 RETURNING times";
    let times: i64 = connection.prepare_cached(sql)?.query_row(params![thing], |row| row.get(0))?;
    Ok(u64::try_from(times).unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_thing_is_counted_by_itself() {
        let tally = Tally::new().unwrap();
        let see = |n: u64| tally.see(n.to_le_bytes()).unwrap();
        assert_eq!((see(1), see(u64::MAX), see(1), see(1), see(2)), (1, 1, 2, 3, 1));
        // More than its cache holds.
        assert!((0..200_000u64).all(|n| see(n.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1 << 63) == 1));
        assert_eq!(see(1), 4);
    }
}
