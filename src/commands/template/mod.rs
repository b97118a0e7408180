//! Placeholders: each dialect's own, replaced in one pass; a value is never looked at again.
//!
//! [`render`] fills text for models, [`snippet::fill`] fills shell snippets with references to variables. Both are
//! plain functions over values: no disk, no process, no clock. What a dialect would run or read from disk while
//! filling (`` !`cmd` ``, `@path`, `{{plugin:…}}`) is left as it stands and reported.

mod aichat;
mod claude;
mod copilot;
mod curly;
mod naming;
mod shell;
pub mod slot;
pub mod snippet;

#[cfg(test)]
mod corpus_tests;
#[cfg(test)]
mod snippet_tests;

use super::model::Syntax;

/// Finds the value of a name.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// What placeholders may ask for.
#[derive(Clone, Copy)]
pub struct Values<'a> {
    /// Named values: parameters, and facts such as `__os__` or `selection`.
    pub lookup: Lookup<'a>,
    /// Standard input, or the output of the step named by `stdin=`.
    pub input: Option<&'a str>,
    /// The arguments as typed, for `$ARGUMENTS`.
    pub arguments: &'a str,
    /// The arguments as words, for `$ARGUMENTS[n]` (from 0) and `$n`.
    pub words: &'a [String],
    /// Names of the words in order, for Claude's `$name`.
    pub declared: &'a [String],
    /// The number of the first word in `$n` (0, or 1 in older commands); `None` where `$1` is text, as it is wherever
    /// the definition declares no arguments: text for models is full of `$1` that mean something else.
    pub positional: Option<usize>,
}

impl<'a> Values<'a> {
    /// Values with names only.
    pub fn new(lookup: Lookup<'a>) -> Self {
        Values { lookup, input: None, arguments: "", words: &[], declared: &[], positional: None }
    }
}

/// A text with its placeholders replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rendered {
    /// The text; what could not be replaced stands as it was.
    pub text: String,
    /// Names without a value, each once, in order.
    pub missing: Vec<String>,
    /// What was left alone and why, one sentence each without its full stop.
    pub notes: Vec<String>,
    /// Names that were replaced, each once, in order.
    pub used: Vec<String>,
    /// The turns the text stands for; only aichat roles have any.
    pub messages: Vec<Message>,
}

/// One turn of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Who says it.
    pub role: Role,
    /// What is said.
    pub text: String,
}

/// Who says something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Instructions.
    System,
    /// The person.
    User,
    /// The model.
    Assistant,
}

/// A placeholder in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placeholder {
    /// The name it asks for.
    pub name: String,
    /// Byte offset of its first byte.
    pub start: usize,
    /// Byte offset behind its last byte.
    pub end: usize,
    /// The hint it carries (`${input:name:hint}`), or empty.
    pub hint: String,
}

/// Replaces the placeholders of `text`, once; values are inserted as they are. `Plain`, tldr and navi text comes back
/// unchanged: snippets are filled by [`snippet::fill`].
pub fn render(syntax: Syntax, text: &str, values: &Values<'_>) -> Rendered {
    match syntax {
        Syntax::Plain | Syntax::Tldr | Syntax::Navi => Rendered { text: text.to_string(), ..Rendered::default() },
        Syntax::Native => curly::native(text, values),
        Syntax::Fabric => curly::fabric(text, values),
        Syntax::Claude => claude::render(text, values),
        Syntax::Copilot => copilot::render(text, values),
        Syntax::Aichat => aichat::render(text, values),
    }
}

/// The placeholders of `text` in order, repeated ones too. For Claude text these are the ones that need no declaration.
pub fn placeholders(syntax: Syntax, text: &str) -> Vec<Placeholder> {
    match syntax {
        Syntax::Plain => Vec::new(),
        Syntax::Native => curly::find(text, curly::Form::Native),
        Syntax::Fabric => curly::find(text, curly::Form::Fabric),
        Syntax::Claude => claude::find(text),
        Syntax::Copilot => copilot::find(text),
        Syntax::Aichat => aichat::find(text),
        Syntax::Tldr | Syntax::Navi => {
            let snippet = slot::Snippet::parse(syntax, text);
            let slots = snippet.pieces.iter().filter_map(|p| match p {
                slot::Piece::Slot { index, start, end } => Some((*index, *start, *end)),
                _ => None,
            });
            slots
                .filter_map(|(index, start, end)| {
                    let slot = snippet.slots.get(index)?;
                    Some(Placeholder { name: slot.name.clone(), start, end, hint: slot.raw.clone() })
                })
                .collect()
        }
    }
}

impl Rendered {
    // Texts name few things: the lists stay short, and a hostile one is cut rather than searched for ever.
    const LIST_LIMIT: usize = 1000;

    fn miss(&mut self, name: &str) {
        if self.missing.len() < Self::LIST_LIMIT && !self.missing.iter().any(|n| n == name) {
            self.missing.push(name.to_string());
        }
    }

    fn uses(&mut self, name: &str) {
        if self.used.len() < Self::LIST_LIMIT && !self.used.iter().any(|n| n == name) {
            self.used.push(name.to_string());
        }
    }

    fn note(&mut self, note: String) {
        if self.notes.len() < Self::LIST_LIMIT && !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// Appends the value of `name`, or the placeholder as it was.
    fn put(&mut self, name: &str, value: Option<String>, written: &str) {
        match value {
            Some(value) => {
                self.text.push_str(&value);
                self.uses(name);
            }
            None => {
                self.text.push_str(written);
                self.miss(name);
            }
        }
    }
}
