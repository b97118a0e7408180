//! Definitions: where they come from, what they mean, whether they are trusted, and how they are run.
//!
//! It knows no argument parser and prints nothing: `cli`, `tui` and `serve` call it and draw what it returns.

pub mod bind;
pub mod catalog;
#[cfg(test)]
pub(crate) mod corpus_tests;
pub mod describe;
pub mod dialect;
pub mod digest;
pub mod export;
pub mod expr;
pub mod model;
pub mod names;
pub mod phrase;
pub mod prompt;
pub mod rerun;
pub mod run;
pub mod scan;
pub mod source;
pub mod template;
pub mod tool;
