//! The line side of a chat: reading what a person types, and what the words behind `/` mean.
//!
//! It knows keys, lines and the table of commands. It does not know models or the store: whoever runs the chat acts on
//! an [`input::Input`] and says what can be completed through [`complete::Candidates`].

pub mod complete;
pub mod copy;
pub mod editor;
pub mod input;
pub mod plain;
pub mod slash;
