//! The face: what people and scripts see, whatever the subcommand.

mod commands;
mod events;
mod hostile;
mod looks;
mod manual;
mod secrets;
mod terminal;
mod usage;
