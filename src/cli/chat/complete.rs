//! What Tab offers at the prompt. The lists are kept up to date by whoever runs the chat.

use std::sync::{Arc, Mutex, PoisonError};

use reedline::{Completer, CompletionResult, Span, Suggestion};

pub use crate::chat::offers::Candidates;
use crate::chat::offers::{MOST, offers};
use crate::kernel::terminal::safe_line;

/// The lists, shared with whoever runs the chat.
pub type Shared = Arc<Mutex<Candidates>>;

/// Names with a word about each, found when they are asked for.
pub type Names = Box<dyn Fn() -> Vec<(String, String)> + Send>;

/// Completes lines of a chat.
pub struct ChatCompleter {
    /// What can be named now.
    pub shared: Shared,
    /// Tools that can be offered to the model.
    pub tools: Names,
}

impl Completer for ChatCompleter {
    fn complete(&mut self, line: &str, pos: usize) -> CompletionResult {
        let candidates = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        let before = line.get(..pos).unwrap_or(line);
        let offers = offers(before, &candidates, &*self.tools);
        let span = Span::new(offers.from, before.len());
        let suggestions: Vec<Suggestion> = offers
            .all
            .into_iter()
            .take(MOST)
            .map(|(value, about)| Suggestion {
                append_whitespace: !value.ends_with('/'),
                description: Some(safe_line(&about).into_owned()).filter(|a| !a.is_empty()),
                value,
                span,
                ..Suggestion::default()
            })
            .collect();
        CompletionResult::fresh(suggestions)
    }
}
