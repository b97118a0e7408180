//! The voice room as the settings want it: devices, the chain, transcribers and speakers.

pub mod sound;
