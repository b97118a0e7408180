//! OpenAI's tongue: chat completions and responses.

pub mod items;
pub mod read;
pub mod responses;
pub mod write;
