//! The face: what people and scripts see, whatever the subcommand.

mod commands;
mod hostile;
mod looks;
mod manual;
mod events;
mod secrets;
mod terminal;
mod usage;
