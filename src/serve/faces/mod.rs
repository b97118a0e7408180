//! The faces of other makers' servers: whoever speaks to OpenAI, Anthropic, Ollama or Gemini may speak to this program
//! instead, unchanged, and so reaches every model that is set up here, whatever tongue that speaks.
//!
//! A face reads a question into the values of [`crate::providers::model`] and writes the answer back; both are plain
//! functions. Asking is the same for all faces. They keep no chats and know no sessions: their clients do.

pub mod anthropic;
pub mod ask;
pub mod asked;
mod audio;
pub mod fault;
mod form;
pub mod frame;
pub mod gemini;
pub mod http;
mod list;
pub mod ollama;
pub mod openai;
pub mod read;
mod routes;

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError};

pub use self::http::in_shape;
pub use self::routes::routes;
use crate::app::App;
use crate::kernel::error::Result;
use crate::providers::Models;

/// Whose client is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vendor {
    /// OpenAI's.
    OpenAi,
    /// Anthropic's.
    Anthropic,
    /// Google's, for Gemini.
    Gemini,
    /// Ollama's.
    Ollama,
}

/// What all requests of the faces share: the connections to those who are asked.
#[derive(Clone, Default)]
pub struct Faces {
    standing: Arc<Mutex<Option<(u64, Models)>>>,
}

impl Faces {
    /// The models of these settings, of which this is the `generation`, with their connections.
    ///
    /// # Errors
    /// Those of the settings and the store.
    pub fn models(&self, app: &App, generation: u64) -> Result<Models> {
        let mut standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        match &*standing {
            Some((of, models)) if *of == generation => Ok(models.clone()),
            _ => Ok(standing.insert((generation, app.models()?)).1.clone()),
        }
    }
}
