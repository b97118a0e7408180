//! Figures from the event log: what ran, which models were asked, and what that took.

use std::time::Duration;

use super::{Metrics, OfCommand, OfModel, OfProvider};
use crate::kernel::error::Result;
use crate::kernel::events::{self, Position, Recorded};
use crate::store::Store;

/// Events that are read at once.
const AT_ONCE: usize = 1000;

impl Metrics {
    /// Counts what was appended behind `after`; gives where that ends.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn follow(
        &self,
        store: &Store,
        mut after: Option<Position>,
        each: &mut dyn FnMut(&Recorded),
    ) -> Result<Option<Position>> {
        loop {
            let read = store.events(after, "*", AT_ONCE)?;
            for event in &read {
                self.count(event);
                each(event);
            }
            after = read.last().map_or(after, |last| Some(last.position));
            if read.len() < AT_ONCE {
                return Ok(after);
            }
        }
    }

    fn count(&self, event: &Recorded) {
        self.events.inc();
        let Some(payload) = &event.payload else { return };
        let text = |field: &str| payload[field].as_str().unwrap_or_default();
        match event.kind.as_str() {
            events::RUN_FINISHED => {
                let of = OfCommand { command: self.bounded(text("command")), status: text("status").to_string() };
                let us = payload["duration_us"].as_u64().unwrap_or(0);
                self.commands.get_or_create(&of).observe(Duration::from_micros(us).as_secs_f64());
            }
            // What was answered from the cache asked no provider.
            events::CALL_ENDED if payload["from_cache"] != true => {
                let name = self.bounded(text("model"));
                let (provider, model) = name.split_once('/').unwrap_or(("", &name));
                let of = |direction: &str| OfModel {
                    provider: provider.to_string(),
                    model: model.to_string(),
                    direction: direction.to_string(),
                };
                let seconds = |field: &str| payload[field].as_u64().map(|ms| ms as f64 / 1000.0);
                let ended = OfProvider {
                    provider: provider.to_string(),
                    model: model.to_string(),
                    status: text("status").to_string(),
                };
                self.providers.get_or_create(&ended).observe(seconds("duration_ms").unwrap_or(0.0));
                if let Some(first) = seconds("first_token_ms") {
                    self.first_token.get_or_create(&of("")).observe(first);
                }
                for direction in ["input", "output"] {
                    let tokens = payload[direction].as_u64().unwrap_or(0);
                    self.tokens.get_or_create(&of(direction)).inc_by(tokens);
                }
            }
            _ => {}
        }
    }
}
