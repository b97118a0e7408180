//! `voice "PHRASE"…`: something is said. What fits a phrase is the business of [`crate::commands::phrase`].

use serde_json::Value as Json;

use super::options::Options;
use crate::commands::model::Diagnostic;
use crate::commands::phrase::Phrase;

/// Phrases that are waited for.
#[derive(Clone, Debug)]
pub struct Voice {
    /// As they are written.
    pub phrases: Vec<String>,
}

impl Voice {
    pub(super) fn parse(options: &Options<'_>) -> Result<Voice, Diagnostic> {
        options.only(&["limit", "max"])?;
        if options.args().is_empty() {
            return Err(options.wrong("a voice trigger needs its phrase in quotes"));
        }
        for text in options.args() {
            Phrase::parse(text).map_err(|said| options.wrong(format!("the phrase `{text}`: {said}")))?;
        }
        Ok(Voice { phrases: options.args().to_vec() })
    }

    /// Whoever heard it has found the phrase, which it tells.
    pub(super) fn matches(&self, data: &Json) -> bool {
        data["phrase"].as_str().is_some_and(|phrase| self.phrases.iter().any(|known| known == phrase))
    }
}
