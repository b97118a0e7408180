//! Facts from outside that may fire automations, and where they come from.
//!
//! A source knows how to listen; which automation a fact fires, and whether it may, is not its business.

use std::sync::mpsc::SyncSender;

use serde_json::Value as Json;

use crate::commands::model;
use crate::kernel::clock::Timestamp;
use crate::kernel::error::Result;

/// Something that happened.
pub struct Happening {
    /// The kind of trigger that it may fire: `mqtt`, `homeassistant`, `file`, `event` …, as in a definition.
    pub kind: &'static str,
    /// What it was, as conditions and steps see it under `trigger`: an object. For `mqtt`: `topic`, `payload` (text),
    /// `json` (where the payload is JSON), `qos`, `retain`, `broker`; for `homeassistant`: `entity`, `from`, `to`,
    /// `attributes`; for `file`: `path`, `change`; for `event`: `name`, `subject`, `payload`, `seq`; all with `kind` and
    /// `at` (RFC 3339).
    pub data: Json,
    /// When.
    pub at: Timestamp,
    /// What tells it apart from all others of its kind, where its source can say so: told twice, it fires once.
    pub key: Option<String>,
    /// Of how many firings, each caused by the one before, it is the consequence; 0 when nobody of ours caused it.
    pub depth: u32,
    /// Called once whatever it fires is written down, or nothing is: the source may then forget it.
    pub kept: Option<Box<dyn FnOnce() + Send>>,
}

/// A place where facts come from.
pub trait Trigger: Send {
    /// The kind of trigger that it serves, as in a definition.
    fn kind(&self) -> &'static str;

    /// From now on it listens for what these triggers ask for, and no more for what earlier ones did; what is wanted as
    /// before goes on undisturbed. Facts go to `heard`, which is bounded: whoever finds it full waits, or says what was
    /// lost.
    ///
    /// # Errors
    /// When nothing can be heard at all and no later attempt by the source itself could change that. A broker that is
    /// away is no error: it is tried again.
    fn listen(&mut self, wanted: &[model::Trigger], heard: &SyncSender<Happening>) -> Result<()>;

    /// How it stands, a sentence for people: connected, trying again, listening to nothing.
    fn state(&self) -> String;

    /// What keeps it from hearing now, and why; nothing while all is well. The words stay the same while it does.
    fn trouble(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    /// Whether it listens for what it was last told to, or cannot for now.
    fn is_settled(&self) -> bool {
        true
    }

    /// What of the settings it was made of, where one made anew of the same can be done without: it would have to learn what
    /// this one knows. `None` where it is to be made anew whatever has changed.
    fn made_of(&self) -> Option<String> {
        None
    }

    /// Stops listening; what it owes the other side (such as being offline) is said first.
    fn stop(&mut self);
}
