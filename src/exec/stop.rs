//! The shared word that ends what is running.

use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::kernel::error::{Context, Kind, Result};

use super::unix::Bell;

/// A handle by which anyone may end the jobs that run under it. Clones are the same handle; it stays set for good.
#[derive(Clone, Debug)]
pub struct Stop {
    pub(super) bell: Arc<Bell>,
    pub(super) signal: Arc<AtomicUsize>,
}

impl Stop {
    /// A handle that nobody has used. Fails when the process is out of file descriptors.
    pub fn new() -> Result<Self> {
        let bell = Bell::new().context(Kind::Failed, || "cannot open a pipe".to_owned())?;
        Ok(Stop { bell: Arc::new(bell), signal: Arc::default() })
    }

    /// Asks the jobs to end; asking again skips their grace.
    pub fn request(&self) {
        self.bell.ring();
    }

    /// Whether anyone asked.
    pub fn is_requested(&self) -> bool {
        self.count() > 0
    }

    /// Waits for `limit`, or until somebody asks; says whether somebody did.
    pub fn wait(&self, limit: std::time::Duration) -> bool {
        // A wait that fails early is followed by the answer that holds anyway.
        let _ = super::unix::wait_ready(&[(self.bell.as_fd(), super::unix::Want::Read)], limit);
        self.is_requested()
    }

    /// How often it was asked.
    pub fn count(&self) -> u64 {
        self.bell.count()
    }

    /// The number of the signal that came last, where it was a signal (see [`super::signals::StopOnSignals`]).
    pub fn signal(&self) -> Option<i32> {
        i32::try_from(self.signal.load(Ordering::SeqCst)).ok().filter(|n| *n > 0)
    }

    /// That number where the signal means the whole program and not only what it does now: not Ctrl-C.
    pub fn end_of_all(&self) -> Option<i32> {
        self.signal().filter(|n| *n != signal_hook::consts::SIGINT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_and_seen_by_every_clone() {
        let stop = Stop::new().unwrap();
        let other = stop.clone();
        assert!(!other.is_requested());
        stop.request();
        stop.request();
        assert_eq!((other.is_requested(), other.count(), other.signal()), (true, 2, None));
    }
}
