//! Chats written to files: Markdown and HTML to read, JSON to keep.
//!
//! All take plain values and write to anything that takes bytes; where it lies and who may read it is the caller's.

pub mod html;
pub mod json;
pub mod markdown;
