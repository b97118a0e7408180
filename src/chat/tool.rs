//! What a model may ask for: the face of every tool, whoever brings it.

use std::future::Future;
use std::pin::Pin;

use serde_json::Value;

use crate::kernel::error::Result;
use crate::providers::model::ToolSpec;

/// What a tool may touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effects {
    /// It only looks.
    ReadOnly,
    /// It may change something, or nobody said.
    Other,
}

/// The work of a tool, under way.
pub type Working<'a> = Pin<Box<dyn Future<Output = Result<String>> + Send + 'a>>;

/// Something that a model may use once a person, or a rule a person wrote, allowed it.
pub trait Tool: Send + Sync {
    /// What the model is told of it.
    fn spec(&self) -> &ToolSpec;

    /// What it may touch, as its owner vouches for.
    fn effects(&self) -> Effects;

    /// What it is, as rules and people name it: `command git:recent`, `mcp files/read`.
    fn origin(&self) -> String;

    /// The content hash of its definition: a permission holds for these bytes only.
    fn digest(&self) -> String;

    /// Exactly what would run with these arguments, for the person who is asked.
    ///
    /// # Errors
    /// `Usage` when the arguments do not fit; the model is told.
    fn preview(&self, arguments: &Value) -> Result<String>;

    /// Does it. The text is for the model. Dropping the future ends the work.
    ///
    /// # Errors
    /// Whatever went wrong; the model is told.
    fn call<'a>(&'a self, arguments: &'a Value) -> Working<'a>;
}
