//! The voice room as the settings want it: devices, the chain, transcribers and speakers.

pub mod listen;
mod recordings;
mod services;
pub mod sound;
mod speakers;
mod transcribers;
