//! What happens by itself: commands that are fired by a time, a message, a state, a file or an event.
//!
//! An automation is a command with `On:`. This room knows one verb, run a command; what that does is the business of
//! [`crate::commands`]. It prints nothing.

pub mod batch;
pub mod conditions;
pub mod ha;
pub mod happening;
pub mod install;
pub mod keeper;
mod log;
pub mod mqtt;
pub mod rules;
pub mod schedule;
pub mod scripts;
pub mod steps;
mod times;
pub mod trigger;
pub mod watch;
pub mod watchdog;
pub mod worker;

pub use log::CURSOR;
pub use times::fire as fire_slot;
