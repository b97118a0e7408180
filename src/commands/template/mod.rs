//! Placeholders: each dialect's own, replaced in one pass; a value is never looked at again.
//!
//! [`render`] fills text for models, [`snippet::fill`] fills shell snippets with references to variables. Both are
//! plain functions over values: no disk, no process, no clock.

mod shell;
pub mod slot;
pub mod snippet;

#[cfg(test)]
mod snippet_tests;
