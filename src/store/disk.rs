//! Waiting for the disk: whoever has written waits until the write-ahead log lies there, and whoever writes meanwhile need not
//! wait for them. Those who wait at once wait for one flush together (group commit).
//!
//! SQLite itself commits with `synchronous=NORMAL`, which keeps the database sound whatever happens, and leaves it to this
//! that a change is on the disk before anybody is told that it was made: what `synchronous=FULL` does, but without the write
//! lock held while the disk works.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// The disk below a write-ahead log.
#[derive(Debug)]
pub(super) struct Disk {
    log: PathBuf,
    state: Mutex<State>,
    flushed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Changes that were committed, by count.
    written: u64,
    /// Of these, the first that lie on the disk.
    safe: u64,
    flushing: bool,
    /// How often the disk was waited for.
    #[cfg(test)]
    flushes: u64,
}

/// A change that was committed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Written(u64);

impl Disk {
    /// Below the log at `log`, which need not be there yet.
    pub(super) fn new(log: PathBuf) -> Disk {
        Disk { log, state: Mutex::default(), flushed: Condvar::new() }
    }

    /// A change stands in the log now. To be called while nobody else can write.
    pub(super) fn written(&self) -> Written {
        let mut state = self.lock();
        state.written += 1;
        Written(state.written)
    }

    /// The last change that stands in the log.
    pub(super) fn last(&self) -> Written {
        Written(self.lock().written)
    }

    /// Waits until a change, and all before it, are on the disk.
    ///
    /// # Errors
    /// When the disk fails: the change is made, and a power cut may take it back.
    pub(super) fn wait_for(&self, change: Written) -> io::Result<()> {
        let mut state = self.lock();
        while state.safe < change.0 {
            if state.flushing {
                state = self.flushed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            state.flushing = true;
            let covered = state.written;
            drop(state);
            // Another handle than SQLite's; that file holds none of its locks.
            let done = File::open(&self.log).and_then(|log| log.sync_data());
            state = self.lock();
            state.flushing = false;
            #[cfg(test)]
            {
                state.flushes += 1;
            }
            if done.is_ok() {
                state.safe = covered;
            }
            // Where it failed each who waits tries for themselves and hears of it.
            self.flushed.notify_all();
            done?;
        }
        Ok(())
    }

    /// How often the disk was waited for.
    #[cfg(test)]
    pub(super) fn flushes(&self) -> u64 {
        self.lock().flushes
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_at_once_waits_for_one_flush_or_two() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        std::fs::write(&log, "x").unwrap();
        let disk = Disk::new(log);
        let changes: Vec<Written> = (0..50).map(|_| disk.written()).collect();
        std::thread::scope(|scope| {
            for change in &changes {
                scope.spawn(|| disk.wait_for(*change).unwrap());
            }
        });
        assert_eq!(disk.flushes(), 1);
        let next = disk.written();
        disk.wait_for(changes[49]).unwrap();
        assert_eq!(disk.flushes(), 1, "it lies there already");
        disk.wait_for(next).unwrap();
        assert_eq!(disk.flushes(), 2);
    }

    #[test]
    fn where_the_disk_fails_everybody_hears_of_it() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        let disk = Disk::new(log.clone());
        let change = disk.written();
        std::thread::scope(|scope| {
            (0..4).for_each(|_| drop(scope.spawn(|| disk.wait_for(change).unwrap_err())));
        });
        std::fs::write(&log, "x").unwrap();
        disk.wait_for(change).unwrap();
    }
}
