//! What passes between a person, a model and its tools may be read and changed on its way: before it is kept, sent or
//! shown. Whoever brings a filter stands above this room.
//!
//! What a filter made of a text is what the chat holds from then on. A filter that fails is left out and it is said so.

use std::future::Future;
use std::pin::Pin;

use super::driver::Listener;
use crate::providers::model::{Part, Piece};

/// Which way a text goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From the person to the model.
    Prompt,
    /// From a tool to the model.
    Result,
    /// From the model to the person.
    Answer,
}

impl Way {
    /// The word for people and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Way::Prompt => "prompt",
            Way::Result => "result",
            Way::Answer => "answer",
        }
    }
}

/// What became of a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Passed {
    /// The text instead, where it is another one.
    pub text: Option<String>,
    /// Why it must not pass, where it must not.
    pub refused: Option<String>,
    /// What the person is told beside.
    pub notes: Vec<String>,
}

/// The work of a filter, under way.
pub type Passing<'a> = Pin<Box<dyn Future<Output = Passed> + Send + 'a>>;

/// Reads texts on their way, and may change them.
pub trait Filter: Send + Sync {
    /// What it is called.
    fn name(&self) -> &str;

    /// Whether it reads what goes this way.
    fn hears(&self, way: Way) -> bool;

    /// Whether it guards somebody: nothing passes it by, system texts neither.
    fn guards(&self) -> bool {
        false
    }

    /// Reads a text. A failure of its own is no refusal: the text passes as it was, with a note.
    fn pass<'a>(&'a self, way: Way, text: &'a str) -> Passing<'a>;
}

/// A change that a filter made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change<'a> {
    /// The filter.
    pub by: &'a str,
    /// Which way the text went.
    pub way: Way,
    /// As it came.
    pub before: &'a str,
    /// As it went on.
    pub after: &'a str,
}

/// Whether any of them reads what goes this way.
pub fn any(filters: &[std::sync::Arc<dyn Filter>], way: Way) -> bool {
    filters.iter().any(|filter| filter.hears(way))
}

/// Passes a text through all filters, in order.
///
/// # Errors
/// Who refused it, and why.
pub async fn text(
    filters: &[std::sync::Arc<dyn Filter>],
    way: Way,
    mut text: String,
    listener: &mut dyn Listener,
) -> Result<String, String> {
    for filter in filters.iter().filter(|filter| filter.hears(way)) {
        let passed = filter.pass(way, &text).await;
        passed.notes.into_iter().for_each(|note| listener.piece(&Piece::Notice(note)));
        if let Some(why) = passed.refused {
            return Err(format!("`{}` does not let this pass: {why}", filter.name()));
        }
        if let Some(after) = passed.text.filter(|after| *after != text) {
            listener.changed(&Change { by: filter.name(), way, before: &text, after: &after });
            text = after;
        }
    }
    Ok(text)
}

/// Passes what a person did not type now, but what is sent all the same, through those that guard: a system text, what is
/// remembered.
///
/// # Errors
/// Who refused it, and why.
pub async fn guarded(
    filters: &[std::sync::Arc<dyn Filter>],
    said: String,
    listener: &mut dyn Listener,
) -> Result<String, String> {
    let guards: Vec<_> = filters.iter().filter(|filter| filter.guards()).cloned().collect();
    text(&guards, Way::Prompt, said, listener).await
}

/// Passes the texts among parts through all filters; files and thoughts stay as they are.
///
/// # Errors
/// Who refused one, and why.
pub async fn parts(
    filters: &[std::sync::Arc<dyn Filter>],
    way: Way,
    parts: Vec<Part>,
    listener: &mut dyn Listener,
) -> Result<Vec<Part>, String> {
    if !any(filters, way) {
        return Ok(parts);
    }
    let mut passed = Vec::with_capacity(parts.len());
    for part in parts {
        passed.push(match part {
            Part::Text { text: said } => Part::Text { text: text(filters, way, said, listener).await? },
            other => other,
        });
    }
    Ok(passed)
}
