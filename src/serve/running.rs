//! The runs that this process does for somebody, and how each is stopped.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::exec::Stop;
use crate::kernel::ids::Id;

/// How often it is looked whether runs have ended.
const GLANCE: Duration = Duration::from_millis(20);

/// The runs of this process. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Running(Arc<Mutex<HashMap<Id, Stop>>>);

impl Running {
    /// A run has begun; it is known until what is given back goes.
    pub fn begins(&self, run: Id, stop: &Stop) -> Begun {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(run, stop.clone());
        Begun { running: self.clone(), run }
    }

    /// Asks a run to end; false when it is none of this process.
    pub fn stop(&self, run: Id) -> bool {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(&run).map(Stop::request).is_some()
    }

    /// Waits until none is under way, for so long at most.
    pub async fn idle(&self, limit: Duration) {
        let begun = Instant::now();
        while begun.elapsed() < limit && !self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty() {
            tokio::time::sleep(GLANCE).await;
        }
    }

    /// Asks every run to end.
    pub fn stop_all(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().for_each(Stop::request);
    }
}

/// A run that is under way.
#[derive(Debug)]
pub struct Begun {
    running: Running,
    run: Id,
}

impl Drop for Begun {
    fn drop(&mut self) {
        self.running.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.run);
    }
}
