//! Who may let a tool act: rules that a person wrote, what a person said in this chat, and nobody else.
//!
//! It knows neither terminals nor the store: answers come from an [`Asker`], rules and earlier permissions are handed in.

use std::collections::BTreeSet;

use super::tool::{Effects, Tool};
use super::turn::Standing;
use crate::kernel::error::Result;

/// A question for the person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The tool's name, as the model says it.
    pub tool: String,
    /// What it is: `command git:recent`, `mcp files/read`.
    pub origin: String,
    /// What it may touch.
    pub read_only: bool,
    /// Exactly what would run.
    pub preview: String,
}

/// The person's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Yes, this once.
    Once,
    /// Yes, and not asked again in this chat; only tools that merely look can be allowed so.
    Session,
    /// No, with words for the model where the person gave some.
    No(Option<String>),
}

/// Puts questions to the person.
pub trait Asker {
    /// Whether somebody is there to be asked.
    fn is_there(&self) -> bool;

    /// Asks.
    ///
    /// # Errors
    /// When the answer cannot be read; it counts as no.
    fn allow(&mut self, question: &Question) -> Result<Verdict>;

    /// Hears what was not run because nobody is there.
    fn refused(&mut self, _question: &Question) {}
}

/// Nobody to ask.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nobody;

impl Asker for Nobody {
    fn is_there(&self) -> bool {
        false
    }

    fn allow(&mut self, _question: &Question) -> Result<Verdict> {
        Ok(Verdict::No(None))
    }
}

/// What is allowed before anybody is asked.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// Patterns of origins that a person wrote into the settings (`command git:*`, `mcp files/read`); `*` stands for
    /// any text.
    pub rules: Vec<String>,
    /// Digests of tools that the person allowed for this chat.
    pub allowed: BTreeSet<String>,
}

impl Policy {
    /// Where a tool stands.
    pub fn standing(&self, tool: &dyn Tool) -> Standing {
        let origin = tool.origin();
        let by_rule = self.rules.iter().any(|rule| fits(rule, &origin));
        let by_person = tool.effects() == Effects::ReadOnly && self.allowed.contains(&tool.digest());
        Standing { effects: tool.effects(), allowed: by_rule || by_person }
    }
}

/// Whether `pattern`, in which `*` stands for any text, fits the whole of `text`.
pub fn fits(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = text.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_fits_the_whole_origin() {
        for (pattern, text, expected) in [
            ("command git:recent", "command git:recent", true),
            ("command git:recent", "command git:recent2", false),
            ("command git:*", "command git:recent", true),
            ("command git:*", "command github:recent", false),
            ("mcp */read", "mcp files/read", true),
            ("mcp */read", "mcp files/read_all", false),
            ("*", "anything", true),
            ("", "anything", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "ac", false),
            ("ab*ba", "aba", false),
        ] {
            assert_eq!(fits(pattern, text), expected, "{pattern} {text}");
        }
    }
}
