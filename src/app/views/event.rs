//! Facts of the event log as they are shown.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value as Json;

use crate::kernel::events::Recorded;

/// A fact.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct EventView {
    /// Where it stands in the log; what comes later is greater.
    pub position: String,
    /// When.
    pub at: String,
    /// What kind of fact, such as `run.finished`.
    pub kind: String,
    /// The id of what it is about.
    pub subject: String,
    /// The trace id of the request that it belongs to.
    pub trace: String,
    /// What is told of it; null once that was erased.
    pub payload: Option<Json>,
    /// The hash of the chain up to here.
    pub hash: String,
}

impl From<&Recorded> for EventView {
    fn from(event: &Recorded) -> EventView {
        EventView {
            position: event.position.to_string(),
            at: event.at.to_string(),
            kind: event.kind.clone(),
            subject: event.subject.clone(),
            trace: event.trace.to_string(),
            payload: event.payload.clone(),
            hash: event.hash.clone(),
        }
    }
}
