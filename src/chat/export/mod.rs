//! Chats written to files: Markdown to read, JSON to keep.
//!
//! Both take plain values and write to anything that takes bytes; where it lies and who may read it is the caller's.

pub mod json;
pub mod markdown;
