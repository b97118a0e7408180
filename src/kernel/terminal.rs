//! Text from outside, made safe for a terminal, and how wide text is on it.
//!
//! Model output, fetched Markdown, file names and payloads pass through here before they are shown. It deliberately
//! does not know about colours, terminal sizes or who prints; programs that a user runs on a terminal keep their own
//! control sequences and do not come by.

mod clipboard;
mod sanitizer;
mod width;

pub use clipboard::copy_sequence;
pub use sanitizer::{Sanitizer, is_hidden, safe, safe_line};
pub use width::{clusters, pad, truncate_to_width, width};
