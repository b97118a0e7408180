//! Speech to text: one face, and whoever the settings name behind it.
//!
//! It knows nothing of devices and of what the text is for.

pub mod careful;
pub mod command;
pub mod http;
pub mod models;
pub mod seams;
pub mod text;
pub mod whisper;

use serde::{Deserialize, Serialize};

use crate::exec::Stop;
use crate::kernel::error::Result;
use crate::voice::clip::Clip;

/// Is told what is certain so far.
pub type SoFar<'a> = &'a mut dyn FnMut(&str);

/// Somebody who writes down what was said.
pub trait Transcriber: Send {
    /// Its name in the settings, for messages and records.
    fn name(&self) -> &str;

    /// Writes down a clip of [`crate::voice::clip::SPEECH_RATE`] Hz. `heard` is told what is certain so far, where the
    /// transcriber can. Ends soon after `stop`.
    ///
    /// # Errors
    /// `Missing` or `Unreachable` when the engine is not there, `BadData` for a broken model or an answer that is none,
    /// `TimedOut`, `Interrupted` after `stop`.
    fn transcribe(&mut self, clip: &Clip, wishes: &Wishes, stop: &Stop, heard: SoFar<'_>) -> Result<Transcript>;
}

/// What is asked of a transcriber.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Wishes {
    /// The language, two letters; `None` lets it find out.
    pub language: Option<String>,
    /// Words to expect, or the sentence before.
    pub prompt: Option<String>,
}

/// How much of the text before goes along with what comes next, characters.
const BEFORE: usize = 200;

impl Wishes {
    /// The same for what comes after this text: its end goes along, which helps with names and half sentences.
    pub fn after(&self, text: &str) -> Wishes {
        let skip = text.chars().count().saturating_sub(BEFORE);
        let end: String = text.chars().skip(skip).collect();
        // Half a word at the front helps nobody.
        let end = if skip > 0 { end.split_once(' ').map_or("", |(_, rest)| rest) } else { end.as_str() };
        let prompt = match (&self.prompt, end.is_empty()) {
            (Some(wish), false) => Some(format!("{wish} {end}")),
            (None, false) => Some(end.to_string()),
            (wish, true) => wish.clone(),
        };
        Wishes { prompt, ..self.clone() }
    }
}

/// What was said.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Transcript {
    /// The whole text, without spaces around it. Empty when nothing was said.
    pub text: String,
    /// Its pieces, in order; empty when the transcriber knows no times.
    pub segments: Vec<Segment>,
    /// The language that was heard, where the transcriber says so.
    pub language: Option<String>,
}

/// A piece of a transcript.
#[derive(Clone, Debug, PartialEq)]
pub struct Segment {
    /// Where it begins, ms from the start of the clip.
    pub start_ms: u64,
    /// Where it ends, ms.
    pub end_ms: u64,
    /// Its text, trimmed.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_before_goes_along_from_a_whole_word_on() {
        let prompt = |wish: Option<&str>, before: &str| {
            Wishes { prompt: wish.map(String::from), ..Wishes::default() }.after(before).prompt
        };
        assert_eq!(prompt(None, ""), None);
        assert_eq!(prompt(Some("Kubernetes"), "").as_deref(), Some("Kubernetes"));
        assert_eq!(prompt(Some("Rust"), "so far").as_deref(), Some("Rust so far"));
        let long = prompt(None, &"words ".repeat(60)).unwrap();
        assert!(long.starts_with("words ") && long.len() <= BEFORE, "{long:?}");
    }
}
