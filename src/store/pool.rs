//! Connections: one that writes, and readers opened only when somebody needs them.
//!
//! A read uses an idle reader, else the writer while nobody writes, and only then opens another reader. So
//! a short program has one connection, and a server's readers never wait for its writer. Nor does a change wait for the disk
//! while it keeps others from writing.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::disk::{Disk, Written};
use super::fault::{Fault, Outcome};
use super::{files, schema};
use crate::kernel::error::{Error, Kind, Result};

/// How long a process waits for another one's write.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// How long the write-ahead log grows before it is folded into the database, in pages.
///
/// The first process to open the store reads all of it, about 1.5 µs a page; each folding waits for the disk twice. A
/// run writes some 30 pages.
const LOG_PAGES: u32 = 400;

/// The same where somebody folds it whenever nothing else is to be done.
const TENDED_PAGES: u32 = 4000;

/// Statements that each connection keeps ready.
const STATEMENTS: usize = 128;

/// Readers that are kept for the next question.
const KEPT_READERS: usize = 8;

#[derive(Debug)]
pub(super) struct Pool {
    path: PathBuf,
    log: PathBuf,
    disk: Disk,
    writer: Mutex<Connection>,
    readers: Mutex<Vec<Connection>>,
    /// Whether nobody waits for the disk.
    #[cfg(test)]
    hurried: std::sync::atomic::AtomicBool,
}

impl Pool {
    pub(super) fn open(path: &Path) -> Result<Pool> {
        files::ensure_private(path)?;
        let writer = open_writer(path).map_err(|fault| fault.explain(path))?;
        let mut log = path.as_os_str().to_owned();
        log.push("-wal");
        let log = PathBuf::from(log);
        let disk = Disk::new(log.clone());
        Ok(Pool {
            path: path.to_path_buf(),
            log,
            disk,
            writer: Mutex::new(writer),
            readers: Mutex::default(),
            #[cfg(test)]
            hurried: std::sync::atomic::AtomicBool::new(false),
        })
    }

    /// The write-ahead log.
    pub(super) fn log(&self) -> &Path {
        &self.log
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// How many readers lie idle.
    #[cfg(test)]
    pub(super) fn idle_readers(&self) -> usize {
        lock(&self.readers).len()
    }

    /// No waiting for the disk, for tests that write thousands of times.
    #[cfg(test)]
    pub(super) fn hurry(&self) {
        self.hurried.store(true, std::sync::atomic::Ordering::Relaxed);
        lock(&self.writer).pragma_update(None, "synchronous", "OFF").unwrap();
    }

    /// How often the disk was waited for.
    #[cfg(test)]
    pub(super) fn flushes(&self) -> u64 {
        self.disk.flushes()
    }

    pub(super) fn read<T>(&self, ask: impl FnOnce(&Connection) -> Outcome<T>) -> Result<T> {
        let idle = lock(&self.readers).pop();
        let answer = match idle {
            Some(reader) => self.read_with(reader, ask),
            None => match self.writer.try_lock() {
                Ok(writer) => ask(&writer),
                Err(TryLockError::Poisoned(poisoned)) => ask(&poisoned.into_inner()),
                Err(TryLockError::WouldBlock) => open_reader(&self.path).and_then(|reader| self.read_with(reader, ask)),
            },
        };
        answer.map_err(|fault| fault.explain(&self.path))
    }

    /// The same for what is answered by a row or two: the writer is asked where nobody writes, as what it knows of the file
    /// is newer than what a reader does, which must read it again after each change.
    pub(super) fn glance<T>(&self, ask: impl FnOnce(&Connection) -> Outcome<T>) -> Result<T> {
        match self.writer.try_lock() {
            Ok(writer) => ask(&writer).map_err(|fault| fault.explain(&self.path)),
            Err(_) => self.read(ask),
        }
    }

    fn read_with<T>(&self, reader: Connection, ask: impl FnOnce(&Connection) -> Outcome<T>) -> Outcome<T> {
        let answer = ask(&reader);
        let mut readers = lock(&self.readers);
        if readers.len() < KEPT_READERS {
            readers.push(reader);
        }
        answer
    }

    /// Changes something; it is on the disk when this returns.
    pub(super) fn write<T>(&self, change: impl FnOnce(&Connection) -> Outcome<T>) -> Result<T> {
        let (value, written) = self.commit(change)?;
        if let Some(written) = written {
            self.wait_for(written)?;
        }
        Ok(value)
    }

    /// The same, and the disk is not waited for: the next [`Pool::write`] takes the change along, because what the log
    /// holds before a change lies on the disk when the change does.
    pub(super) fn write_with_next<T>(&self, change: impl FnOnce(&Connection) -> Outcome<T>) -> Result<T> {
        Ok(self.commit(change)?.0)
    }

    /// Waits until all that was written by this process lies on the disk.
    pub(super) fn wait_for_disk(&self) -> Result<()> {
        self.wait_for(self.disk.last())
    }

    fn wait_for(&self, written: Written) -> Result<()> {
        self.disk.wait_for(written).map_err(|error| {
            Error::new(Kind::Failed, format!("the disk does not keep what was written to {}", self.path.display()))
                .because(error)
                .hint("look after the disk: `dmesg` says more")
        })
    }

    /// A change that stands in the log, if it changed anything.
    fn commit<T>(&self, change: impl FnOnce(&Connection) -> Outcome<T>) -> Result<(T, Option<Written>)> {
        let mut writer = lock(&self.writer);
        let before = writer.total_changes();
        let value = immediately(&mut writer, change).map_err(|fault| fault.explain(&self.path))?;
        let changed = writer.total_changes() != before;
        #[cfg(test)]
        let changed = changed && !self.hurried.load(std::sync::atomic::Ordering::Relaxed);
        Ok((value, changed.then(|| self.disk.written())))
    }

    /// From now on the log may grow, as whoever asks for that folds it when there is time.
    pub(super) fn let_log_grow(&self) -> Result<()> {
        let pragma = format!("PRAGMA wal_autocheckpoint = {TENDED_PAGES}");
        let done = lock(&self.writer).query_row(&pragma, [], |_| Ok(()));
        done.map_err(|error| Fault::from(error).explain(&self.path))
    }

    /// Folds as much of the log into the database as nobody reads just now.
    pub(super) fn fold_log(&self) -> Result<()> {
        let done = lock(&self.writer).query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
        done.map_err(|error| Fault::from(error).explain(&self.path))
    }

    /// Folds the write-ahead log into the database and empties it, unless others are in the way.
    ///
    /// For after a large change: whoever opens the store next must read the whole log, and what was erased would
    /// still stand in it.
    pub(super) fn empty_log(&self) -> Result<()> {
        let writer = lock(&self.writer);
        let outcome = (|| {
            writer.busy_timeout(Duration::from_millis(250))?;
            let done = writer.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
            writer.busy_timeout(PATIENCE)?;
            done
        })();
        match outcome {
            Err(error) if error.sqlite_error_code() != Some(rusqlite::ErrorCode::DatabaseBusy) => {
                Err(Fault::from(error).explain(&self.path))
            }
            _ => Ok(()),
        }
    }
}

/// Runs `change` in a transaction that holds the write lock from its start, so that it never fails for a snapshot
/// that went stale between its read and its write.
pub(super) fn immediately<T>(writer: &mut Connection, change: impl FnOnce(&Connection) -> Outcome<T>) -> Outcome<T> {
    let open = Open::begin(writer)?;
    let value = change(open.writer)?;
    open.commit()?;
    Ok(value)
}

/// A transaction, by statements that are kept ready; rolled back unless it was committed.
struct Open<'c> {
    writer: &'c Connection,
}

impl Open<'_> {
    fn begin(writer: &mut Connection) -> Outcome<Open<'_>> {
        writer.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        Ok(Open { writer })
    }

    fn commit(self) -> Outcome<()> {
        self.writer.prepare_cached("COMMIT")?.execute([])?;
        Ok(())
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        // What failed may have rolled it back already.
        if !self.writer.is_autocommit() {
            let _ = self.writer.execute_batch("ROLLBACK");
        }
    }
}

fn open_writer(path: &Path) -> Outcome<Connection> {
    let mut writer =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    prepare(&writer)?;
    // A short program would otherwise fold and delete the log each time it ends, for several waits on the disk.
    writer.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    writer.query_row(&format!("PRAGMA wal_autocheckpoint = {LOG_PAGES}"), [], |_| Ok(()))?;
    // What is deleted, and what is left where a row stood before it moved, is overwritten: from the first change on, as
    // nobody knows what a person will want erased one day.
    writer.query_row("PRAGMA secure_delete = ON", [], |_| Ok(()))?;
    schema::bring_up_to_date(&mut writer, path)?;
    // From here on [`Disk`] sees to it.
    writer.execute_batch("PRAGMA synchronous = NORMAL")?;
    Ok(writer)
}

fn open_reader(path: &Path) -> Outcome<Connection> {
    let reader = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    prepare(&reader)?;
    Ok(reader)
}

/// What every connection of ours needs: no statement runs here.
///
/// Without the planner's stability guarantee SQLite makes most statements anew each time they get other values (a binding of
/// `=` is looked at for 0 and 1, one of `LIMIT` for its size), which takes longer than to carry them out.
pub(super) fn prepare_all(connection: &Connection, patience: Duration) -> rusqlite::Result<()> {
    connection.busy_timeout(patience)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

/// The same for connections to the store: foreign keys, and `synchronous=FULL` for what brings the tables up to
/// date, are how SQLite was built.
fn prepare(connection: &Connection) -> Outcome<()> {
    Ok(prepare_all(connection, PATIENCE)?)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic inside a transaction rolls it back, so what the mutex guards is sound.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
