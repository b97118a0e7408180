//! Where the event log ends now, and who is told when that changes; and what is only of the moment.
//!
//! The log is looked at again and again, since other processes write into it too; work of this process rings at once.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, Semaphore, SemaphorePermit, broadcast, watch};

use crate::kernel::error::Result;
use crate::kernel::events::{self, Position, Recorded};
use crate::kernel::ids::Id;
use crate::serve::metrics::Metrics;
use crate::store::Store;

/// How often the log is looked at while somebody waits.
const LOOK: Duration = Duration::from_millis(25);
/// The same while nobody does.
const GLANCE: Duration = Duration::from_millis(500);
/// Work of ours rings no more often than that.
const REST: Duration = Duration::from_millis(3);
/// What was appended is read no more often than that.
const COUNTED: Duration = Duration::from_millis(250);
/// What says that somebody who is here may be so no more, or may something else now.
const OF_ACCESS: [&str; 6] = [
    events::USER_CHANGED,
    events::USER_REMOVED,
    events::KEY_REVOKED,
    events::KEY_REMOVED,
    events::LOGIN_ENDED,
    events::LOGIN_REMOVED,
];
/// Moments that somebody slow may be behind.
const MOMENTS: usize = 256;

/// Somebody types, which is kept nowhere.
#[derive(Clone, Debug)]
pub struct Typing {
    /// The chat.
    pub session: String,
    /// Whose chat it is.
    pub owner: Option<Id>,
    /// Who types.
    pub user: String,
    /// On which socket.
    pub socket: u64,
}

/// The end of the log, and moments. Clones are the same.
#[derive(Clone)]
pub struct Hub {
    store: Store,
    end: Arc<watch::Sender<Option<Position>>>,
    access: Arc<watch::Sender<()>>,
    moments: broadcast::Sender<Arc<Typing>>,
    /// Who makes up for what they missed takes turns, so that those who ask for something else get theirs.
    turns: Arc<Semaphore>,
    rung: Arc<Notify>,
}

impl Hub {
    /// Of this store; `rung` is rung when work of this process is done.
    pub fn new(store: Store, rung: Arc<Notify>) -> Hub {
        let (moments, _) = broadcast::channel(MOMENTS);
        Hub {
            store,
            end: Arc::new(watch::Sender::new(None)),
            access: Arc::new(watch::Sender::new(())),
            moments,
            turns: Arc::new(Semaphore::new(1)),
            rung,
        }
    }

    /// The store that is watched, which sees everything.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Where the log ends, from now on.
    pub(super) fn end(&self) -> watch::Receiver<Option<Position>> {
        self.end.subscribe()
    }

    /// Changes within a second of what changes who may be here, or what they may, from now on.
    pub fn access(&self) -> watch::Receiver<()> {
        self.access.subscribe()
    }

    /// The turn of somebody who makes up for what they missed.
    pub(super) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        self.turns.acquire().await.ok()
    }

    /// Something was written.
    pub fn ring(&self) {
        self.rung.notify_one();
    }

    /// Says that somebody types.
    pub fn types(&self, typing: Typing) {
        // Nobody may be there to hear it.
        let _ = self.moments.send(Arc::new(typing));
    }

    /// Who types, from now on.
    pub fn moments(&self) -> broadcast::Receiver<Arc<Typing>> {
        self.moments.subscribe()
    }

    /// Looks at the log for ever, and counts what is appended.
    pub async fn watch(self, metrics: Arc<Metrics>) {
        let mut counted = self.now().await.ok().flatten();
        self.end.send_replace(counted);
        let mut last = tokio::time::Instant::now();
        loop {
            if self.end.receiver_count() > 0 {
                tokio::select! {
                    () = tokio::time::sleep(LOOK) => {}
                    () = self.rung.notified() => tokio::time::sleep(REST).await,
                }
            } else {
                tokio::select! {
                    () = tokio::time::sleep(GLANCE) => {}
                    () = self.sought() => {}
                }
            }
            let Ok(end) = self.now().await else { continue };
            self.end.send_if_modified(|known| std::mem::replace(known, end) != end);
            if end != counted && last.elapsed() > COUNTED {
                last = tokio::time::Instant::now();
                let (store, metrics) = (self.store.clone(), metrics.clone());
                let read = tokio::task::spawn_blocking(move || {
                    let mut of_access = false;
                    let mut each = |event: &Recorded| of_access |= OF_ACCESS.contains(&event.kind.as_str());
                    metrics.follow(&store, counted, &mut each).map(|counted| (counted, of_access))
                });
                if let Ok(Ok((now, of_access))) = read.await {
                    counted = now;
                    if of_access {
                        self.access.send_replace(());
                    }
                }
            }
        }
    }

    /// Waits until somebody wants to know.
    async fn sought(&self) {
        loop {
            self.rung.notified().await;
            if self.end.receiver_count() > 0 {
                return;
            }
        }
    }

    /// Where the log ends at this moment.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn now(&self) -> Result<Option<Position>> {
        let store = self.store.clone();
        match tokio::task::spawn_blocking(move || store.last_position()).await {
            Ok(read) => read,
            Err(_) => Ok(None),
        }
    }
}
