//! That what was heard lies on the disk before whoever told it may forget it.
//!
//! Work begins before that: it stands in the store where whoever kills this process leaves it, and after a power cut it is told
//! and owed again, as work that was cut off in the middle is. Nor is work that has just begun held up by it, or what is asked
//! next when it is answered: what begins in a moment and ends in the next is written out and waited for when it is still.

use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::kernel::error::{Context, Error, Kind, Result};
use crate::store::Store;

/// So long what is to be written out and waited for makes way for work that has just begun.
const LINGER: Duration = Duration::from_millis(4);

/// The same once that is over, as whoever got the answer may ask again.
const STILL: Duration = Duration::from_millis(1);

/// So long it makes way where one thing comes upon the other.
const LONGEST: Duration = Duration::from_millis(20);

/// Whoever told so much waits for no more to be taken: a broker has 20 messages on the way.
const MOST: usize = 8;

/// What is called when something is written down.
pub(super) type Kept = Box<dyn FnOnce() + Send>;

/// A thread that waits for the disk, so that nobody else does.
pub(super) struct Settler {
    store: Store,
    /// Why the disk did not take what was last waited for.
    failed: Arc<Mutex<Option<Error>>>,
    thread: Option<(Sender<Vec<Kept>>, JoinHandle<()>)>,
    held: Option<Held>,
}

/// What makes way.
struct Held {
    /// Since when.
    since: Instant,
    /// When the last work for which it does began or ended.
    last: Instant,
    /// What waits meanwhile.
    kept: Vec<Kept>,
}

impl Settler {
    pub(super) fn new(store: Store) -> Settler {
        Settler { store, failed: Arc::default(), thread: None, held: None }
    }

    /// Makes way for work that has just begun, until [`Settler::look`] says that it was long enough.
    pub(super) fn make_way(&mut self) {
        let now = Instant::now();
        self.held.get_or_insert_with(|| Held { since: now, last: now, kept: Vec::new() }).last = now;
    }

    /// Work is over: whoever waited for it may ask again.
    pub(super) fn hear_ended(&mut self) {
        if let Some(held) = &mut self.held {
            held.last = Instant::now();
        }
    }

    /// How long it makes way yet, where the work is `over` or is not; `None` where it does not.
    pub(super) fn patience(&self, over: bool) -> Option<Duration> {
        let held = self.held.as_ref()?;
        if held.kept.len() >= MOST {
            return Some(Duration::ZERO);
        }
        let linger = if over { STILL } else { LINGER };
        Some(linger.saturating_sub(held.last.elapsed()).min(LONGEST.saturating_sub(held.since.elapsed())))
    }

    /// Writes out what has begun and settles what waited for that, where it waited long enough.
    ///
    /// # Errors
    /// Those of the store.
    pub(super) fn look(&mut self, over: bool) -> Result<()> {
        match self.patience(over) {
            Some(Duration::ZERO) => self.write_out(),
            _ => Ok(()),
        }
    }

    /// The same however long it waited.
    ///
    /// # Errors
    /// Those of the store.
    pub(super) fn write_out(&mut self) -> Result<()> {
        self.store.write_out()?;
        self.held.take().map_or(Ok(()), |held| self.settle(held.kept))
    }

    /// Calls these once what was written until now lies on the disk.
    ///
    /// # Errors
    /// When there is no thread.
    pub(super) fn settle(&mut self, kept: Vec<Kept>) -> Result<()> {
        if let Some(held) = &mut self.held {
            held.kept.extend(kept);
            return Ok(());
        }
        if self.thread.is_none() {
            let (send, receive) = channel::<Vec<Kept>>();
            let (store, failed) = (self.store.clone(), self.failed.clone());
            let work = move || {
                while let Ok(mut all) = receive.recv() {
                    // Those who came meanwhile go along.
                    all.extend(receive.try_iter().flatten());
                    match store.wait_for_disk() {
                        Ok(()) => all.into_iter().for_each(|kept| kept()),
                        // Whoever told it does not forget it, and tells it again.
                        Err(error) => {
                            tracing::error!(error = error.full_message(), "what was heard is not kept");
                            *failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                        }
                    }
                }
            };
            let thread = std::thread::Builder::new().name("settler".into()).spawn(work);
            self.thread = Some((send, thread.context(Kind::Failed, || "cannot start a thread".to_string())?));
        }
        if let Some((send, _)) = &self.thread {
            // It ends only when this lets go.
            let _ = send.send(kept);
        }
        Ok(())
    }

    /// Why the disk did not take what was written, where that was not asked yet.
    pub(super) fn trouble(&self) -> Option<Error> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Waits until everything is done.
    pub(super) fn end(&mut self) {
        if let Some((send, thread)) = self.thread.take() {
            drop(send);
            let _ = thread.join();
        }
    }
}

impl Drop for Settler {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::clock::Clock;
    use crate::kernel::ids::Ids;
    use crate::store::{Admission, Along, Process};

    #[test]
    fn what_the_disk_does_not_take_is_not_called_and_can_be_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("store.db"), Clock::system(), Ids::random()).unwrap();
        let me = Process { pid: 1, start: 1, boot: "b".into() };
        let change = || {
            let along = Along { state: vec![("a".into(), serde_json::json!(1))], ..Along::default() };
            store.fire(&[], &[], &me, &along, &mut |_, _, _| Admission::Wait).unwrap();
        };
        let (log, away) = (dir.path().join("store.db-wal"), dir.path().join("away"));
        let mut settler = Settler::new(store.clone());
        let heard = |settler: &mut Settler| {
            let (send, receive) = channel::<()>();
            settler.settle(vec![Box::new(move || send.send(()).unwrap())]).unwrap();
            receive.recv().is_ok()
        };
        change();
        assert!(heard(&mut settler) && settler.trouble().is_none());
        change();
        std::fs::rename(&log, &away).unwrap();
        assert!(!heard(&mut settler), "it was dropped and not called");
        std::fs::rename(&away, &log).unwrap();
        assert!(settler.trouble().is_some() && settler.trouble().is_none(), "it is told once");
        assert!(heard(&mut settler));
    }
}
