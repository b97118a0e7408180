//! What is true for minutes: how much somebody asked for, who guessed passwords, tickets, when a key was used last.
//!
//! It stands in a small database of its own beside the state, shared by all processes that serve, and is not waited for on
//! the disk: what a power cut takes of it is no loss. A file that is damaged is begun anew.

mod aside;
mod window;

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, params};

use super::fault::{Fault, Outcome};
use super::{files, pool};
use crate::kernel::clock::Timestamp;
use crate::kernel::error::Result;
use crate::kernel::ids::Id;

use aside::Aside;
pub use window::{Taken, Window};

/// The name of its file in the folder of the state.
pub const FILE: &str = "traffic.db";

/// What is older, and does no harm any more, is forgotten after so many changes.
const SWEEP: u64 = 4096;

/// The form of its tables; a file of another form is begun anew.
const FORM: i64 = 1;

const TABLES: &str = "
CREATE TABLE windows (
    bucket TEXT NOT NULL,
    who    TEXT NOT NULL,
    slots  BLOB NOT NULL,
    until  INTEGER NOT NULL,
    PRIMARY KEY (bucket, who)
) STRICT, WITHOUT ROWID;
CREATE TABLE guesses (
    name    TEXT NOT NULL,
    address TEXT NOT NULL,
    count   INTEGER NOT NULL,
    last    INTEGER NOT NULL,
    locked  INTEGER,
    PRIMARY KEY (name, address)
) STRICT, WITHOUT ROWID;
CREATE TABLE tickets (
    digest  BLOB PRIMARY KEY,
    what    TEXT NOT NULL,
    expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE seen (
    id      TEXT PRIMARY KEY,
    at      INTEGER NOT NULL,
    address TEXT NOT NULL
) STRICT, WITHOUT ROWID;
";

/// What is true for minutes.
#[derive(Debug)]
pub struct Traffic {
    path: PathBuf,
    held: Mutex<Held>,
}

#[derive(Debug)]
struct Held {
    file: Connection,
    changes: u64,
    /// Where is counted while the file takes nothing.
    aside: Option<Aside>,
}

/// Who may log in by a password, after wrong ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guesses {
    /// So many may be wrong.
    pub most: u32,
    /// So long nothing is tried afterwards, and so long wrong ones are counted, microseconds.
    pub lock_us: i64,
}

/// Somebody may not try passwords from somewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lockout {
    /// Who: an id, or the name of nobody.
    pub name: String,
    /// From where.
    pub address: String,
    /// Until when.
    pub until: Timestamp,
}

impl Traffic {
    /// Opens it in `folder`, and makes it where it is not there.
    pub fn open(folder: &Path) -> Result<Traffic> {
        let path = folder.join(FILE);
        files::ensure_private(&path)?;
        let opened = match open(&path) {
            Err(Fault::Sql(error))
                if matches!(error.sqlite_error_code(), Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt)) =>
            {
                begin_anew(&path);
                files::ensure_private(&path)?;
                open(&path)
            }
            other => other,
        };
        let file = opened.map_err(|fault| fault.explain(&path))?;
        Ok(Traffic { path, held: Mutex::new(Held { file, changes: 0, aside: None }) })
    }

    /// The same where it is there already; `None` when nothing was ever served.
    pub fn open_if_there(folder: &Path) -> Result<Option<Traffic>> {
        if folder.join(FILE).exists() { Traffic::open(folder).map(Some) } else { Ok(None) }
    }

    /// Done once; tried a second time, elsewhere, where the file takes nothing.
    fn change<T>(&self, now: Timestamp, change: impl Fn(&Connection) -> Outcome<T>) -> Result<T> {
        let mut held = self.lock();
        let Held { file, changes, aside } = &mut *held;
        *changes = changes.wrapping_add(1);
        let sweep = changes.is_multiple_of(SWEEP);
        let work = |connection: &mut Connection| {
            pool::immediately(connection, |tx| {
                if sweep {
                    tx.execute("DELETE FROM windows WHERE until < ?1", [now])?;
                    tx.execute("DELETE FROM tickets WHERE expires < ?1", [now])?;
                }
                change(tx)
            })
        };
        if aside.as_mut().is_some_and(|aside| aside.until <= now && aside.put_back(&self.path, now)) {
            *aside = None;
        }
        let done = match aside {
            Some(aside) => work(&mut aside.memory),
            None => match work(file) {
                Err(fault) if aside::takes_nothing(&fault) => {
                    tracing::error!(error = fault.explain(&self.path).full_message(), "limits are counted in memory");
                    Aside::begin(&self.path, now).and_then(|begun| work(&mut aside.insert(begun).memory))
                }
                done => done,
            },
        };
        done.map_err(|fault| fault.explain(&self.path))
    }

    fn read<T>(&self, ask: impl FnOnce(&Connection) -> Outcome<T>) -> Result<T> {
        let held = self.lock();
        ask(held.aside.as_ref().map_or(&held.file, |aside| &aside.memory)).map_err(|fault| fault.explain(&self.path))
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        // A panic inside a transaction rolls it back, so what the mutex guards is sound.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks whether `wanted` requests of `who` may pass now, where `most` may in any `length_us`, and counts those that may.
    pub fn take(
        &self,
        bucket: &str,
        who: &str,
        (most, length_us): (u32, i64),
        wanted: u32,
        now: Timestamp,
    ) -> Result<Taken> {
        self.change(now, |tx| {
            let sql = "SELECT slots FROM windows WHERE bucket = ?1 AND who = ?2";
            let kept: Option<Vec<u8>> =
                tx.prepare_cached(sql)?.query_row([bucket, who], |row| row.get(0)).optional()?;
            let mut window = Window::from_bytes(&kept.unwrap_or_default());
            let taken = window.take(now.as_micros(), length_us, most, wanted);
            if taken.granted > 0 {
                let sql = "INSERT OR REPLACE INTO windows (bucket, who, slots, until) VALUES (?1, ?2, ?3, ?4)";
                let until = now.plus_micros(length_us.saturating_mul(2));
                tx.prepare_cached(sql)?.execute(params![bucket, who, window.to_bytes(), until])?;
            }
            Ok(taken)
        })
    }

    /// Until when nothing that `name` tries from `address` is looked at.
    pub fn locked(&self, name: &str, address: &str, now: Timestamp) -> Result<Option<Timestamp>> {
        self.read(|connection| {
            let sql = "SELECT locked FROM guesses WHERE name = ?1 AND address = ?2 AND locked > ?3";
            let mut find = connection.prepare_cached(sql)?;
            Ok(find.query_row(params![name, address, now], |row| row.get(0)).optional()?)
        })
    }

    /// From where nothing that is tried is looked at now: names, addresses, and until when.
    pub fn lockouts(&self, now: Timestamp) -> Result<Vec<Lockout>> {
        self.read(|connection| {
            let sql = "SELECT name, address, locked FROM guesses WHERE locked > ?1 ORDER BY name, address";
            let mut find = connection.prepare_cached(sql)?;
            let rows = find
                .query_map([now], |row| Ok(Lockout { name: row.get(0)?, address: row.get(1)?, until: row.get(2)? }))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// `name` tried a wrong password from `address`. Says until when it is locked, where this was one too many.
    pub fn guessed_wrong(&self, name: &str, address: &str, rule: Guesses, now: Timestamp) -> Result<Option<Timestamp>> {
        self.change(now, |tx| {
            let old = now.plus_micros(-rule.lock_us);
            tx.prepare_cached("DELETE FROM guesses WHERE last < ?1")?.execute([old])?;
            let count: u32 = tx
                .prepare_cached(
                    "INSERT INTO guesses (name, address, count, last) VALUES (?1, ?2, 1, ?3)
                     ON CONFLICT DO UPDATE SET count = count + 1, last = ?3 RETURNING count",
                )?
                .query_row(params![name, address, now], |row| row.get(0))?;
            if count < rule.most {
                return Ok(None);
            }
            let until = now.plus_micros(rule.lock_us);
            let sql = "UPDATE guesses SET locked = ?3, count = 0 WHERE name = ?1 AND address = ?2";
            tx.prepare_cached(sql)?.execute(params![name, address, until])?;
            Ok(Some(until))
        })
    }

    /// `name` showed the right password from `address`: what was wrong before does not count any more.
    pub fn guessed_right(&self, name: &str, address: &str, now: Timestamp) -> Result<()> {
        self.change(now, |tx| {
            tx.prepare_cached("DELETE FROM guesses WHERE name = ?1 AND address = ?2")?.execute([name, address])?;
            Ok(())
        })
    }

    /// Lets `name` try again from everywhere. Says from how many addresses it could not.
    pub fn unlock(&self, names: &[String], now: Timestamp) -> Result<usize> {
        self.change(now, |tx| {
            let mut locked = 0;
            for name in names {
                let sql = "SELECT count(*) FROM guesses WHERE name = ?1 AND locked > ?2";
                locked += tx.prepare_cached(sql)?.query_row(params![name, now], |row| row.get::<_, i64>(0))? as usize;
                tx.prepare_cached("DELETE FROM guesses WHERE name = ?1")?.execute([name])?;
            }
            Ok(locked)
        })
    }

    /// Keeps what a ticket stands for until it is shown.
    pub fn keep_ticket(&self, digest: &[u8; 32], what: &str, expires: Timestamp, now: Timestamp) -> Result<()> {
        self.change(now, |tx| {
            let sql = "INSERT INTO tickets (digest, what, expires) VALUES (?1, ?2, ?3)";
            tx.prepare_cached(sql)?.execute(params![digest, what, expires])?;
            Ok(())
        })
    }

    /// What a ticket stands for, once.
    pub fn take_ticket(&self, digest: &[u8; 32], now: Timestamp) -> Result<Option<String>> {
        self.change(now, |tx| {
            let sql = "DELETE FROM tickets WHERE digest = ?1 RETURNING what, expires";
            let found: Option<(String, Timestamp)> =
                tx.prepare_cached(sql)?.query_row([digest], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
            Ok(found.filter(|(_, expires)| now < *expires).map(|(what, _)| what))
        })
    }

    /// A key or a login was used.
    pub fn saw(&self, id: Id, address: IpAddr, now: Timestamp) -> Result<()> {
        self.change(now, |tx| {
            let sql = "INSERT OR REPLACE INTO seen (id, at, address) VALUES (?1, ?2, ?3)";
            tx.prepare_cached(sql)?.execute(params![id, now, address.to_string()])?;
            Ok(())
        })
    }

    /// When a key or a login was used last, and from where.
    pub fn seen(&self, id: Id) -> Result<Option<(Timestamp, String)>> {
        self.read(|connection| {
            let mut find = connection.prepare_cached("SELECT at, address FROM seen WHERE id = ?1")?;
            Ok(find.query_row([id], |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
        })
    }
}

fn open(path: &Path) -> Outcome<Connection> {
    let mut connection =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    pool::prepare_all(&connection, Duration::from_secs(5))?;
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    connection.execute_batch("PRAGMA synchronous = OFF")?;
    pool::immediately(&mut connection, |tx| {
        let form: i64 = tx.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        if form != FORM {
            tx.execute_batch(
                "DROP TABLE IF EXISTS windows; DROP TABLE IF EXISTS guesses; DROP TABLE IF EXISTS tickets;
                 DROP TABLE IF EXISTS seen;",
            )?;
            tx.execute_batch(TABLES)?;
            tx.pragma_update(None, "user_version", FORM)?;
        }
        Ok(())
    })?;
    Ok(connection)
}

/// Removes what cannot be read; what cannot be removed is complained about when it is opened next.
fn begin_anew(path: &Path) {
    for end in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_os_string();
        name.push(end);
        let _ = std::fs::remove_file(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(1_800_000_000 * SECOND + seconds * SECOND)
    }

    #[test]
    fn two_processes_count_together() {
        let root = tempfile::tempdir().unwrap();
        let (one, two) = (Traffic::open(root.path()).unwrap(), Traffic::open(root.path()).unwrap());
        let take = |traffic: &Traffic| traffic.take("user", "ann", (5, 60 * SECOND), 1, at(0)).unwrap().granted;
        let passed: u32 = (0..5).map(|_| take(&one) + take(&two)).sum();
        assert_eq!(passed, 5);
        assert_eq!(one.take("user", "bob", (5, 60 * SECOND), 1, at(0)).unwrap().left, 4);
        assert_eq!(one.take("chain", "ann", (5, 60 * SECOND), 1, at(0)).unwrap().left, 4);
    }

    #[test]
    fn five_wrong_lock_a_name_at_one_address_for_a_quarter() {
        let root = tempfile::tempdir().unwrap();
        let traffic = Traffic::open(root.path()).unwrap();
        let rule = Guesses { most: 5, lock_us: 900 * SECOND };
        for n in 0..4 {
            assert_eq!(traffic.guessed_wrong("ann", "1.2.3.4", rule, at(n)).unwrap(), None);
        }
        assert_eq!(traffic.locked("ann", "1.2.3.4", at(4)).unwrap(), None);
        assert_eq!(traffic.guessed_wrong("ann", "1.2.3.4", rule, at(4)).unwrap(), Some(at(904)));
        assert_eq!(traffic.locked("ann", "1.2.3.4", at(903)).unwrap(), Some(at(904)));
        assert_eq!(traffic.locked("ann", "1.2.3.5", at(5)).unwrap(), None);
        assert_eq!(traffic.locked("bob", "1.2.3.4", at(5)).unwrap(), None);
        assert_eq!(traffic.locked("ann", "1.2.3.4", at(904)).unwrap(), None);
        assert_eq!(traffic.unlock(&["ann".into()], at(10)).unwrap(), 1);
        assert_eq!(traffic.locked("ann", "1.2.3.4", at(11)).unwrap(), None);
    }

    #[test]
    fn wrong_ones_long_ago_and_before_a_right_one_do_not_count() {
        let root = tempfile::tempdir().unwrap();
        let traffic = Traffic::open(root.path()).unwrap();
        let rule = Guesses { most: 2, lock_us: 900 * SECOND };
        assert_eq!(traffic.guessed_wrong("ann", "a", rule, at(0)).unwrap(), None);
        assert_eq!(traffic.guessed_wrong("ann", "a", rule, at(901)).unwrap(), None);
        traffic.guessed_right("ann", "a", at(902)).unwrap();
        assert_eq!(traffic.guessed_wrong("ann", "a", rule, at(903)).unwrap(), None);
        assert!(traffic.guessed_wrong("ann", "a", rule, at(904)).unwrap().is_some());
    }

    #[test]
    fn a_ticket_is_good_once_and_not_for_long() {
        let root = tempfile::tempdir().unwrap();
        let (one, two) = (Traffic::open(root.path()).unwrap(), Traffic::open(root.path()).unwrap());
        one.keep_ticket(&[7; 32], "ann", at(30), at(0)).unwrap();
        assert_eq!(two.take_ticket(&[8; 32], at(1)).unwrap(), None);
        assert_eq!(two.take_ticket(&[7; 32], at(1)).unwrap().as_deref(), Some("ann"));
        assert_eq!(one.take_ticket(&[7; 32], at(1)).unwrap(), None);
        one.keep_ticket(&[9; 32], "ann", at(30), at(0)).unwrap();
        assert_eq!(one.take_ticket(&[9; 32], at(30)).unwrap(), None);
    }

    #[test]
    fn while_the_file_takes_nothing_it_is_counted_in_memory_and_put_back() {
        let root = tempfile::tempdir().unwrap();
        let (traffic, other) = (Traffic::open(root.path()).unwrap(), Traffic::open(root.path()).unwrap());
        let take = |traffic: &Traffic, s| traffic.take("user", "ann", (5, 60 * SECOND), 1, at(s)).unwrap().granted;
        let rule = Guesses { most: 1, lock_us: 900 * SECOND };
        assert_eq!(take(&traffic, 0) + take(&traffic, 0), 2);
        traffic.guessed_wrong("ann", "a", rule, at(0)).unwrap();
        // As a folder that became read-only; a full disk fails in the same place.
        let full = |on: bool| {
            let sql = if on { "PRAGMA query_only = 1" } else { "PRAGMA query_only = 0" };
            traffic.lock().file.execute_batch(sql).unwrap();
        };
        full(true);
        assert_eq!(take(&traffic, 1) + take(&traffic, 1), 2);
        traffic.guessed_wrong("bob", "b", rule, at(1)).unwrap();
        assert!(traffic.locked("ann", "a", at(2)).unwrap().is_some(), "what stood in the file counts");
        assert!(traffic.locked("bob", "b", at(2)).unwrap().is_some());
        assert_eq!(other.locked("bob", "b", at(2)).unwrap(), None);
        full(false);
        assert_eq!(take(&traffic, 2) + take(&traffic, 2), 1, "the file is left alone for a while");
        assert_eq!(take(&traffic, 20), 0);
        assert!(other.locked("bob", "b", at(21)).unwrap().is_some(), "it was put back");
        assert_eq!(take(&other, 21), 0);
    }

    #[test]
    fn a_damaged_file_is_begun_anew() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join(FILE), "no database at all, but long enough to look like one ".repeat(40))
            .unwrap();
        let traffic = Traffic::open(root.path()).unwrap();
        assert_eq!(traffic.take("user", "ann", (5, SECOND), 1, at(0)).unwrap().granted, 1);
        assert!(Traffic::open_if_there(root.path()).unwrap().is_some());
        assert!(Traffic::open_if_there(&root.path().join("none")).unwrap().is_none());
    }
}
