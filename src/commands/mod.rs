//! Definitions: where they come from, what they mean, whether they are trusted, and how they are run.
//!
//! It knows no argument parser and prints nothing: `cli`, `tui` and `serve` call it and draw what it returns.

pub mod dialect;
pub mod export;
pub mod model;
pub mod source;
pub mod template;
