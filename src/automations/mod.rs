//! What happens by itself: commands that are fired by a time, a message, a state, a file or an event.
//!
//! An automation is a command with `On:`. This room knows one verb, run a command; what that does is the business of
//! [`crate::commands`]. It prints nothing.

pub mod conditions;
pub mod happening;
pub mod install;
pub mod schedule;
pub mod steps;
pub mod trigger;
pub mod watch;
