//! Jobs that are over: counted at once, and told when that they are lies on the disk.
//!
//! What waits for such a job may begin before that: after a power cut both are done again, as work that was cut off in the
//! middle is.

use std::sync::{Arc, Mutex, PoisonError};

use super::Ticked;
use super::settle::Kept;
use crate::automations::worker::Ended;
use crate::store::JobStatus;

/// Jobs that are over and were not told yet.
#[derive(Default)]
pub(super) struct Endings {
    kept: Arc<Mutex<Vec<Ended>>>,
}

impl Endings {
    /// Counts these; what is given is to be called when they lie on the disk.
    pub(super) fn hear(&self, ended: Vec<Ended>, counts: &mut Ticked, wake: impl FnOnce() + Send + 'static) -> Kept {
        for one in &ended {
            match one.status {
                Some(JobStatus::Done) => counts.done += 1,
                Some(JobStatus::Dead) => counts.dead += 1,
                Some(JobStatus::Waiting) => counts.again += 1,
                _ => {}
            }
        }
        let kept = self.kept.clone();
        Box::new(move || {
            kept.lock().unwrap_or_else(PoisonError::into_inner).extend(ended);
            wake();
        })
    }

    /// Those that lie on the disk since this was last asked.
    pub(super) fn kept(&self) -> Vec<Ended> {
        std::mem::take(&mut *self.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
