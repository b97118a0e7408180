//! Text to speech: one face, and whoever the settings name behind it.
//!
//! A speaker only makes sound; playing it is the business of [`crate::voice`]'s sound side.

pub mod ear;
pub mod guard;
pub mod program;
pub mod reading;
pub mod sentences;
pub mod server;

use crate::exec::Stop;
use crate::kernel::error::Result;
use crate::voice::clip::Clip;

/// Somebody who reads text aloud.
pub trait Speaker: Send {
    /// Its name in the settings, for messages.
    fn name(&self) -> &str;

    /// The voices it has; empty when it cannot tell.
    ///
    /// # Errors
    /// As [`Speaker::speak`].
    fn voices(&mut self) -> Result<Vec<Voice>>;

    /// The sound of a sentence, or of a few.
    ///
    /// # Errors
    /// `Missing` or `Unreachable` when the engine is not there, `NotFound` for a voice that it has not, `BadData` for
    /// sound that is none, `TimedOut`, `Interrupted` after `stop`.
    fn speak(&mut self, text: &str, wishes: &Wishes, stop: &Stop) -> Result<Clip>;
}

/// A voice that a speaker has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Voice {
    /// What it is called when asked for.
    pub name: String,
    /// Its language, as the engine says it: `en-us`.
    pub language: Option<String>,
}

/// How to read aloud.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wishes {
    /// The voice; `None` for the engine's own.
    pub voice: Option<String>,
    /// How fast, 1 being as usual.
    pub speed: Option<f32>,
}
