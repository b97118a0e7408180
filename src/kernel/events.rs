//! Facts in the past tense, and where they stand in the log.
//!
//! The log itself is the store's; this is only what rooms hand over and get back. Events are hints, the
//! rows are the truth: whoever misses an event loses nothing.

use std::fmt;
use std::str::FromStr;

use serde_json::Value;

use crate::kernel::clock::Timestamp;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::ids::TraceId;

/// A run was recorded; nothing of it has happened yet. Subject: the run's id.
pub const RUN_STARTED: &str = "run.started";
/// A run ended, well or not, or was found lost. Subject: the run's id.
pub const RUN_FINISHED: &str = "run.finished";
/// A run was erased with all it printed. Subject: the run's id.
pub const RUN_REMOVED: &str = "run.removed";
/// A source was added. Subject: the source's id.
pub const SOURCE_ADDED: &str = "source.added";
/// A source or its definitions changed. Subject: the source's id.
pub const SOURCE_UPDATED: &str = "source.updated";
/// A source was removed with its definitions. Subject: the source's id.
pub const SOURCE_REMOVED: &str = "source.removed";
/// A definition that was there before has other bytes, or is gone. Subject: the definition's id.
pub const DEFINITION_CHANGED: &str = "definition.changed";
/// A person allowed a definition to run. Subject: source and command name.
pub const TRUST_GRANTED: &str = "trust.granted";
/// An earlier permission was taken back. Subject: source and command name.
pub const TRUST_REVOKED: &str = "trust.revoked";
/// A chat began. Subject: the chat's id.
pub const SESSION_BEGUN: &str = "session.begun";
/// A chat got another name, label, model or place to go on. Subject: the chat's id.
pub const SESSION_CHANGED: &str = "session.changed";
/// A chat was erased with all that was said in it. Subject: the chat's id.
pub const SESSION_REMOVED: &str = "session.removed";
/// A message was kept. Subject: the message's id.
pub const MESSAGE_ADDED: &str = "message.added";
/// An answer is whole, or was given up. Subject: the message's id.
pub const MESSAGE_ENDED: &str = "message.ended";
/// A message was erased. Subject: the message's id.
pub const MESSAGE_REMOVED: &str = "message.removed";
/// Words of a message were blacked out, and what the log said of it went with them. Subject: the message's id.
pub const MESSAGE_WORDS_REMOVED: &str = "message.words.removed";
/// Words of a chat's messages were blacked out, and what the log said of the chat went with them. Subject: its id.
pub const SESSION_WORDS_REMOVED: &str = "session.words.removed";
/// A request to a model is about to be sent. Subject: the call's id.
pub const CALL_BEGUN: &str = "call.begun";
/// A request to a model was answered or given up. Subject: the call's id.
pub const CALL_ENDED: &str = "call.ended";
/// Something is remembered because a person asked for it. Subject: the memory's id.
pub const MEMORY_ADDED: &str = "memory.added";
/// Something is not remembered any more. Subject: the memory's id.
pub const MEMORY_REMOVED: &str = "memory.removed";
/// Something was recorded, and its text is owed. Subject: the recording's id.
pub const RECORDING_ADDED: &str = "recording.added";
/// The text of a recording is there. Subject: the recording's id.
pub const RECORDING_WRITTEN: &str = "recording.written";
/// Nobody could write a recording down. Subject: the recording's id.
pub const RECORDING_FAILED: &str = "recording.failed";
/// A recording was erased with its text. Subject: the recording's id.
pub const RECORDING_REMOVED: &str = "recording.removed";
/// A person allowed a tool for a chat. Subject: the tool.
pub const TOOL_ALLOWED: &str = "tool.allowed";
/// A tool is not allowed for a chat any more. Subject: the tool.
pub const TOOL_REVOKED: &str = "tool.revoked";
/// A definition from elsewhere was accepted as it is. Subject: its key.
pub const PINNED: &str = "definition.pinned";
/// A run changed otherwise, or was begun after it waited. Subject: the run's id.
pub const RUN_CHANGED: &str = "run.changed";
/// A message changed otherwise. Subject: the message's id.
pub const MESSAGE_CHANGED: &str = "message.changed";
/// A request to a model is kept in another way. Subject: the call's id.
pub const CALL_CHANGED: &str = "call.changed";
/// What a provider said about a request was erased, as it may quote what was. Subject: the call's id.
pub const CALL_ERROR_REMOVED: &str = "call.error.removed";
/// Something remembered changed. Subject: the memory's id.
pub const MEMORY_CHANGED: &str = "memory.changed";
/// A recording changed otherwise. Subject: the recording's id.
pub const RECORDING_CHANGED: &str = "recording.changed";
/// A person let a definition fire by itself. Subject: source and command name.
pub const AUTOMATION_ENABLED: &str = "automation.enabled";
/// A definition does not fire by itself any more. Subject: source and command name.
pub const AUTOMATION_DISABLED: &str = "automation.disabled";
/// An automation was fired: its work is owed. Subject: the firing's id.
pub const AUTOMATION_FIRED: &str = "automation.fired";
/// What an automation waits for happened, and it was not fired. Subject: the firing's id.
pub const AUTOMATION_BLOCKED: &str = "automation.blocked";
/// An automation fires itself, or too often, and was kept from it. Subject: the firing's id.
pub const AUTOMATION_LOOPED: &str = "automation.looped";
/// The trace of an automation changed otherwise. Subject: the firing's id.
pub const FIRING_CHANGED: &str = "automation.changed";
/// A firing was erased. Subject: the firing's id.
pub const FIRING_REMOVED: &str = "automation.removed";
/// Work is owed. Subject: the job's id.
pub const JOB_ADDED: &str = "job.added";
/// Somebody works on it. Subject: the job's id.
pub const JOB_BEGUN: &str = "job.begun";
/// It is done. Subject: the job's id.
pub const JOB_DONE: &str = "job.done";
/// A try failed, or its process is gone; it will be tried again. Subject: the job's id.
pub const JOB_FAILED: &str = "job.failed";
/// It failed for good. Subject: the job's id.
pub const JOB_DEAD: &str = "job.dead";
/// Somebody, or a later firing, took it back. Subject: the job's id.
pub const JOB_CANCELLED: &str = "job.cancelled";
/// A job changed otherwise. Subject: the job's id.
pub const JOB_CHANGED: &str = "job.changed";
/// A job was erased. Subject: the job's id.
pub const JOB_REMOVED: &str = "job.removed";
/// Something else in the store changed. Subject: the table.
pub const STORE_CHANGED: &str = "store.changed";
/// A definition from elsewhere is not accepted any more. Subject: what its keys begin with.
pub const UNPINNED: &str = "definition.unpinned";
/// A person allowed a plugin as it is now. Subject: the plugin.
pub const PLUGIN_ENABLED: &str = "plugin.enabled";
/// A plugin is not used any more. Subject: the plugin.
pub const PLUGIN_DISABLED: &str = "plugin.disabled";
/// A plugin failed, or did well again. Subject: the plugin.
pub const PLUGIN_FAILED: &str = "plugin.failed";
/// What is known of a plugin was removed. Subject: the plugin.
pub const PLUGIN_REMOVED: &str = "plugin.removed";
/// Somebody may come in from outside. Subject: the user's id.
pub const USER_ADDED: &str = "user.added";
/// A user got another name, role, password or state. Subject: the user's id.
pub const USER_CHANGED: &str = "user.changed";
/// A user was erased with keys and logins. Subject: the user's id.
pub const USER_REMOVED: &str = "user.removed";
/// Too many wrong passwords: a user is not let in from an address for a while. Subject: the user's id.
pub const USER_LOCKED: &str = "user.locked";
/// A user is let in again before that while is over. Subject: the user's id.
pub const USER_UNLOCKED: &str = "user.unlocked";
/// A key was made. Subject: the key's id.
pub const KEY_MADE: &str = "key.made";
/// A key is good no more. Subject: the key's id.
pub const KEY_REVOKED: &str = "key.revoked";
/// A key was erased with its user. Subject: the key's id.
pub const KEY_REMOVED: &str = "key.removed";
/// Somebody logged in. Subject: the login's id.
pub const LOGIN_BEGUN: &str = "login.begun";
/// A login goes on with a new refresh token. Subject: the login's id.
pub const LOGIN_REFRESHED: &str = "login.refreshed";
/// A login is over. Subject: the login's id.
pub const LOGIN_ENDED: &str = "login.ended";
/// A refresh token was used twice, so that somebody has one that is not theirs; its login ended. Subject: the login's id.
pub const TOKEN_REUSE: &str = "login.token_reuse";
/// A login was erased, with its user or long after its end. Subject: the login's id.
pub const LOGIN_REMOVED: &str = "login.removed";
/// Somebody told a webhook that something has happened. Subject: the webhook's name.
pub const WEBHOOK_RECEIVED: &str = "webhook.received";
/// A piece of code ran in a sandbox. Subject: its language.
pub const CODE_RAN: &str = "code.ran";
/// An address that is watched does not answer as it should. Subject: the address, without what may be secret.
pub const WATCH_DOWN: &str = "watch.down";
/// It answers as it should again. Subject: the address.
pub const WATCH_UP: &str = "watch.up";
/// A setting was written to a config file. Subject: the key.
pub const CONFIG_CHANGED: &str = "config.changed";

/// A fact that is about to be recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// A dotted name in the past tense, such as `run.started`.
    pub kind: String,
    /// What it is about: an id or a name. It stays when the payload is erased, so it holds nothing private.
    pub subject: String,
    /// The details.
    pub payload: Value,
}

impl Event {
    /// An event of `kind` about `subject`.
    pub fn new(kind: impl Into<String>, subject: impl Into<String>, payload: Value) -> Self {
        Event { kind: kind.into(), subject: subject.into(), payload }
    }
}

/// A fact as it stands in the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// Its place.
    pub position: Position,
    /// When it was recorded.
    pub at: Timestamp,
    /// Whose it is.
    pub owner: String,
    /// The request it belongs to.
    pub trace: TraceId,
    /// Its dotted name.
    pub kind: String,
    /// What it is about.
    pub subject: String,
    /// The details; `None` once they were erased.
    pub payload: Option<Value>,
    /// The chain up to and including it, 64 hex digits. Whoever keeps one elsewhere can prove the log was not cut short.
    pub hash: String,
}

/// A place in the log. Later events have greater positions; nothing else follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(i64);

impl Position {
    /// The position behind the number a store keeps.
    pub fn from_stored(number: i64) -> Self {
        Position(number)
    }

    /// The number a store keeps.
    pub fn stored(self) -> i64 {
        self.0
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl FromStr for Position {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.parse() {
            Ok(number) if number >= 0 => Ok(Position(number)),
            _ => Err(Error::new(Kind::Usage, format!("{text:?} is no position in the event log"))
                .hint("`fac events tail` shows positions")),
        }
    }
}

impl serde::Serialize for Position {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_compare_and_survive_text() {
        let (early, late) = (Position::from_stored(9), Position::from_stored(10));
        assert!(early < late);
        assert_eq!("10".parse::<Position>().unwrap(), late);
        assert_eq!(serde_json::to_string(&late).unwrap(), "\"10\"");
        for wrong in ["", "x", "-1", "1.5"] {
            assert_eq!(wrong.parse::<Position>().unwrap_err().kind(), Kind::Usage);
        }
    }
}
