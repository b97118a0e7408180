//! The right to run Lua, which one thread has at a time.

use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread::{ThreadId, current};

/// The right.
#[derive(Default)]
pub(super) struct Right {
    held: Mutex<()>,
    by: Mutex<Option<ThreadId>>,
}

/// The right while somebody has it.
pub(super) struct Held<'a> {
    right: &'a Right,
    _held: MutexGuard<'a, ()>,
}

impl Right {
    /// Whether this thread has it.
    pub(super) fn is_mine(&self) -> bool {
        *self.by() == Some(current().id())
    }

    /// Waits for it.
    pub(super) fn take(&self) -> Held<'_> {
        self.taken(self.held.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes it where nobody has it.
    pub(super) fn take_at_once(&self) -> Option<Held<'_>> {
        match self.held.try_lock() {
            Ok(held) => Some(self.taken(held)),
            Err(TryLockError::Poisoned(held)) => Some(self.taken(held.into_inner())),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    fn taken<'a>(&'a self, held: MutexGuard<'a, ()>) -> Held<'a> {
        *self.by() = Some(current().id());
        Held { right: self, _held: held }
    }

    fn by(&self) -> MutexGuard<'_, Option<ThreadId>> {
        self.by.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        *self.right.by() = None;
    }
}
