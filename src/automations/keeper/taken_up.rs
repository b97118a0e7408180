//! Says in the store what was taken up: whoever enables an automation can wait until it is listened for.

use std::time::{Duration, Instant};

use serde_json::json;

use super::super::happening::Trigger;
use super::super::rules::Rule;
use crate::kernel::clock::Timestamp;
use crate::store::{Along, Store};

/// Under which key the store keeps when the newest automation was enabled that is listened for, µs since 1970.
pub const TAKEN_UP: &str = "automations.taken_up";

/// So long sources may take; what is listened for later is not said.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often it is looked meanwhile whether they listen.
pub(super) const GLANCE: Duration = Duration::from_millis(5);

/// What was taken up, and is not said yet.
#[derive(Debug, Default)]
pub(super) struct TakenUp {
    said: Option<Timestamp>,
    waits: Option<(Timestamp, Instant)>,
}

impl TakenUp {
    /// These may fire from now on, as soon as the sources listen.
    pub(super) fn loaded(&mut self, rules: &[Rule]) {
        let newest = rules.iter().map(|rule| rule.enabled).max();
        self.waits = newest.filter(|at| self.said != Some(*at)).map(|at| (at, Instant::now()));
    }

    /// Whether something is not said yet.
    pub(super) fn is_pending(&self) -> bool {
        self.waits.is_some()
    }

    /// Says it where all sources listen, or cannot for now.
    pub(super) fn look(&mut self, store: &Store, sources: &[Box<dyn Trigger>]) {
        let Some((at, since)) = self.waits else { return };
        let listen = sources.iter().all(|source| source.is_settled());
        if !listen && since.elapsed() < PATIENCE {
            return;
        }
        self.waits = None;
        if listen {
            let state = vec![(TAKEN_UP.to_string(), json!(at.as_micros()))];
            match store.keep_along(&Along { state, ..Along::default() }) {
                Ok(()) => self.said = Some(at),
                // Whoever waits goes on after a while.
                Err(error) => tracing::warn!(error = error.full_message(), "what was taken up is not written down"),
            }
        }
    }
}
