//! What plugins reach of the program, as a face: the real one, one for trying a plugin out, and none at all.

use serde_json::Value as Json;

use super::halt::Halt;
use crate::kernel::clock::Timestamp;
use crate::kernel::error::{Error, Kind, Result};

/// The longest line of a log, bytes.
pub const LONGEST_LINE: usize = 4000;

/// How much a line of a plugin's log matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// For whoever writes the plugin.
    Debug,
    /// What it does.
    Info,
    /// Something to look at.
    Warn,
    /// Something that failed.
    Error,
}

impl Level {
    /// The word in the store and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Warn => "warn",
            Level::Error => "error",
        }
    }
}

/// A request of a plugin; its host was allowed.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// `GET` or `POST`.
    pub method: String,
    /// The address.
    pub url: String,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// What is sent.
    pub body: Option<Vec<u8>>,
    /// The hosts that it may be sent on to.
    pub allowed: Vec<String>,
}

/// An answer to a plugin.
#[derive(Clone, Debug, Default)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// How a command ended that a plugin ran.
#[derive(Clone, Debug, Default)]
pub struct Ran {
    /// Its exit code.
    pub code: i32,
    /// What it wrote.
    pub stdout: Vec<u8>,
    /// What it complained.
    pub stderr: Vec<u8>,
    /// Whether it wrote or complained more than that.
    pub truncated: bool,
    /// The run in the store.
    pub id: String,
}

/// A question of a plugin.
#[derive(Clone, Debug, Default)]
pub struct Question {
    /// The plugin that asks.
    pub by: String,
    /// What is asked.
    pub prompt: String,
    /// How to answer.
    pub system: Option<String>,
}

/// What plugins reach. Every call may wait; those that wait for others end when they are asked to.
pub trait World: Send + Sync {
    /// What time it is.
    fn now(&self) -> Timestamp;

    /// A line for the log of `plugin`.
    fn log(&self, plugin: &str, level: Level, text: &str);

    /// What `plugin` keeps under a key.
    ///
    /// # Errors
    /// Those of the store.
    fn get(&self, plugin: &str, key: &str) -> Result<Option<String>>;

    /// Keeps a value, or forgets it.
    ///
    /// # Errors
    /// `Refused` beyond the quota, and those of the store.
    fn set(&self, plugin: &str, key: &str, value: Option<&str>) -> Result<()>;

    /// [`World::set`] where what is kept is `old` still; whether it was.
    ///
    /// # Errors
    /// Those of [`World::set`].
    fn replace(&self, plugin: &str, key: &str, old: Option<&str>, new: Option<&str>) -> Result<bool>;

    /// The keys that begin so, in order.
    ///
    /// # Errors
    /// Those of the store.
    fn keys(&self, plugin: &str, prefix: &str) -> Result<Vec<String>>;

    /// Asks a server.
    ///
    /// # Errors
    /// `Refused` where it is sent on to a host that is not allowed, `Unreachable` where none answers.
    fn fetch(&self, request: &Request, halt: &Halt) -> Result<Response>;

    /// Runs a command that is trusted and fits one of the patterns.
    ///
    /// # Errors
    /// `NotFound`, `Refused`, and what keeps a run from beginning.
    fn run(&self, words: &[String], input: Option<&str>, allowed: &[String], halt: &Halt) -> Result<Ran>;

    /// Asks the default model.
    ///
    /// # Errors
    /// No model, its failure, or a budget that is spent.
    fn ask(&self, question: &Question, halt: &Halt) -> Result<String>;

    /// Writes a fact: `plugin.<plugin>.<name>`.
    ///
    /// # Errors
    /// Those of the store.
    fn emit(&self, plugin: &str, name: &str, payload: &Json, halt: &Halt) -> Result<()>;

    /// The longest line that is logged, bytes.
    fn longest_line(&self) -> usize {
        LONGEST_LINE
    }

    /// Whether something was put off.
    fn has_rest(&self) -> bool {
        false
    }

    /// Does what was put off until there is nothing else to do.
    fn rest(&self) {}
}

/// What is not there for a script.
pub fn not_here<T>(what: &str) -> Result<T> {
    Err(Error::new(Kind::Usage, format!("{what} is not allowed here")))
}
