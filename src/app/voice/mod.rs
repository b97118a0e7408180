//! The voice room as the settings want it: devices, the chain, transcribers and speakers.

mod recordings;
mod services;
pub mod sound;
mod speakers;
mod transcribers;
