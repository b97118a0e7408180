//! What happens by itself: commands that are fired by a time, a message, a state, a file or an event.
//!
//! An automation is a command with `On:`. This room knows one verb, run a command; what that does is the business of
//! [`crate::commands`]. It prints nothing.

pub mod ha;
pub mod happening;
pub mod mqtt;
