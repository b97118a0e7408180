//! That what was heard lies on the disk before whoever told it may forget it.
//!
//! Work begins before that: it stands in the store where whoever kills this process leaves it, and after a power cut it is told
//! and owed again, as work that was cut off in the middle is.

use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;

use crate::kernel::error::{Context, Kind, Result};
use crate::store::Store;

/// What is called when something is written down.
pub(super) type Kept = Box<dyn FnOnce() + Send>;

/// A thread that waits for the disk, so that nobody else does.
pub(super) struct Settler {
    store: Store,
    thread: Option<(Sender<Vec<Kept>>, JoinHandle<()>)>,
}

impl Settler {
    pub(super) fn new(store: Store) -> Settler {
        Settler { store, thread: None }
    }

    /// Calls these once what was written until now lies on the disk.
    ///
    /// # Errors
    /// When there is no thread.
    pub(super) fn settle(&mut self, kept: Vec<Kept>) -> Result<()> {
        if self.thread.is_none() {
            let (send, receive) = channel::<Vec<Kept>>();
            let store = self.store.clone();
            let work = move || {
                while let Ok(mut all) = receive.recv() {
                    // Those who came meanwhile go along.
                    all.extend(receive.try_iter().flatten());
                    match store.wait_for_disk() {
                        Ok(()) => all.into_iter().for_each(|kept| kept()),
                        // Whoever told it does not forget it, and tells it again.
                        Err(error) => tracing::error!(error = error.full_message(), "what was heard is not kept"),
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
