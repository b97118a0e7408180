//! What lasts longer than a request: sockets, streams, and the work that they began.
//!
//! A server that ends asks all of it to come to an end first, then ends it. Events are read from the store by position,
//! so that nobody misses one; what is only of the moment, such as that somebody types, goes from memory to memory.

pub mod chat;
pub mod code;
pub mod feed;
pub mod frame;
pub mod hub;
pub mod outbox;
pub mod run;
pub mod socket;
pub mod sse;
mod standing;
mod stream;
mod talks;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::StatusCode;
use tokio::sync::watch;

use self::hub::Hub;
use super::problem::Problem;
use super::route::Route;
use crate::exec::Stop;

/// The routes.
pub fn routes() -> Vec<Route> {
    socket::routes().into_iter().chain(sse::routes()).collect()
}

/// How a server stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// It serves.
    Serving,
    /// It takes nothing new, and lets what is under way end.
    Draining,
    /// It ends what is under way.
    Over,
}

/// What lasts. Clones are the same.
#[derive(Clone)]
pub struct Live {
    shared: Arc<Shared>,
}

struct Shared {
    phase: watch::Sender<Phase>,
    /// How much work is under way.
    count: watch::Sender<usize>,
    stops: Mutex<(u64, BTreeMap<u64, Stop>)>,
    hub: Hub,
}

impl Live {
    /// With events and moments from this hub.
    pub fn new(hub: Hub) -> Live {
        let shared = Shared {
            phase: watch::Sender::new(Phase::Serving),
            count: watch::Sender::new(0),
            stops: Mutex::default(),
            hub,
        };
        Live { shared: Arc::new(shared) }
    }

    /// Where events come from.
    pub fn hub(&self) -> &Hub {
        &self.shared.hub
    }

    /// How the server stands, from now on.
    pub fn phase(&self) -> watch::Receiver<Phase> {
        self.shared.phase.subscribe()
    }

    /// Work begins that must not be lost when the server ends.
    ///
    /// # Errors
    /// 503 when the server is ending; 500 when the process is out of file descriptors.
    pub fn begin(&self) -> Result<Work, Problem> {
        if *self.shared.phase.borrow() != Phase::Serving {
            let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "interrupted", "the server is ending").after(5);
            return Err(problem.hint("try again in a moment"));
        }
        let stop = Stop::new()?;
        let mut stops = self.shared.stops.lock().unwrap_or_else(PoisonError::into_inner);
        stops.0 += 1;
        let number = stops.0;
        stops.1.insert(number, stop.clone());
        self.shared.count.send_modify(|count| *count += 1);
        Ok(Work { stop, number, shared: self.shared.clone() })
    }

    /// Somebody is there who is to be told when the server ends; nothing is lost where that takes too long.
    pub fn attend(&self) -> Attended {
        self.shared.count.send_modify(|count| *count += 1);
        Attended(self.shared.clone())
    }

    /// From now on nothing new is taken.
    pub fn drain(&self) {
        self.shared.phase.send_replace(Phase::Draining);
    }

    /// Waits until nothing is under way, but no longer than `limit`; whether nothing is.
    pub async fn idle(&self, limit: Duration) -> bool {
        let mut count = self.shared.count.subscribe();
        let idle = count.wait_for(|count| *count == 0);
        tokio::time::timeout(limit, idle).await.is_ok()
    }

    /// Ends what is under way.
    pub fn over(&self) {
        self.shared.phase.send_replace(Phase::Over);
        let stops = self.shared.stops.lock().unwrap_or_else(PoisonError::into_inner);
        stops.1.values().for_each(Stop::request);
    }
}

/// Work under way; over when it is dropped.
pub struct Work {
    /// Ends it.
    pub stop: Stop,
    number: u64,
    shared: Arc<Shared>,
}

impl Drop for Work {
    fn drop(&mut self) {
        self.shared.stops.lock().unwrap_or_else(PoisonError::into_inner).1.remove(&self.number);
        self.shared.count.send_modify(|count| *count = count.saturating_sub(1));
    }
}

/// Somebody who is there as long as this is.
pub struct Attended(Arc<Shared>);

impl Drop for Attended {
    fn drop(&mut self) {
        self.0.count.send_modify(|count| *count = count.saturating_sub(1));
    }
}
