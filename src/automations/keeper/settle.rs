//! That what was heard lies on the disk before whoever told it may forget it.
//!
//! Work begins before that: it stands in the store where whoever kills this process leaves it, and after a power cut it is told
//! and owed again, as work that was cut off in the middle is. Nor is work that has just begun held up by it, or what is asked
//! next when it is answered: what begins in a moment and ends in the next is written out and waited for when it is still.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
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

/// So often the disk is asked again after it did not take something.
const AGAIN: Duration = Duration::from_secs(1);

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
            let work = move || settle_all(&store, &receive, &failed);
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

/// Settles what comes until nobody can send any more. What the disk does not take stays, and is tried again.
fn settle_all(store: &Store, receive: &Receiver<Vec<Kept>>, failed: &Mutex<Option<Error>>) {
    let mut owed: Vec<Kept> = Vec::new();
    loop {
        let next = match owed.is_empty() {
            true => receive.recv().map_err(RecvTimeoutError::from),
            false => receive.recv_timeout(AGAIN),
        };
        let on_disk = match next {
            Ok(some) => {
                owed.extend(some);
                // Those who came meanwhile go along.
                owed.extend(receive.try_iter().flatten());
                store.wait_for_disk()
            }
            // What a disk refused once counts there as written and is not tried again by waiting: folding the log writes it
            // to another place.
            Err(RecvTimeoutError::Timeout) => store.fold_log().and_then(|()| store.wait_for_disk()),
            Err(RecvTimeoutError::Disconnected) => return,
        };
        match on_disk {
            Ok(()) => owed.drain(..).for_each(|kept| kept()),
            Err(error) => {
                tracing::error!(error = error.full_message(), "what was heard is not on the disk yet");
                *failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            }
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
    fn what_the_disk_does_not_take_is_called_when_it_does() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("store.db"), Clock::system(), Ids::random()).unwrap();
        let me = Process { pid: 1, start: 1, boot: "b".into() };
        let change = || {
            let along = Along { state: vec![("a".into(), serde_json::json!(1))], ..Along::default() };
            store.fire(&[], &[], &me, &along, &mut |_, _, _| Admission::Wait).unwrap();
        };
        let (log, away) = (dir.path().join("store.db-wal"), dir.path().join("away"));
        let mut settler = Settler::new(store.clone());
        let hearing = |settler: &mut Settler| {
            let (send, receive) = channel::<()>();
            settler.settle(vec![Box::new(move || send.send(()).unwrap())]).unwrap();
            receive
        };
        change();
        assert!(hearing(&mut settler).recv().is_ok() && settler.trouble().is_none());
        change();
        std::fs::rename(&log, &away).unwrap();
        let first = hearing(&mut settler);
        let trouble = std::iter::repeat_with(|| settler.trouble()).flatten().next().unwrap();
        assert!(trouble.full_message().contains("the disk does not keep"), "{trouble:?}");
        assert!(first.try_recv().is_err(), "nobody was told that it lies on the disk");
        std::fs::rename(&away, &log).unwrap();
        assert!(first.recv().is_ok(), "it was tried again");
        change();
        assert!(hearing(&mut settler).recv().is_ok());
    }

    #[test]
    fn what_the_disk_never_takes_is_not_waited_for_at_the_end() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("store.db"), Clock::system(), Ids::random()).unwrap();
        let along = Along { state: vec![("a".into(), serde_json::json!(1))], ..Along::default() };
        let me = Process { pid: 1, start: 1, boot: "b".into() };
        store.fire(&[], &[], &me, &along, &mut |_, _, _| Admission::Wait).unwrap();
        std::fs::rename(dir.path().join("store.db-wal"), dir.path().join("away")).unwrap();
        let mut settler = Settler::new(store);
        let (send, receive) = channel::<()>();
        settler.settle(vec![Box::new(move || send.send(()).unwrap())]).unwrap();
        settler.end();
        assert!(receive.recv().is_err(), "it was let go, and not called");
    }
}
