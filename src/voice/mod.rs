//! The voice room: sound in, cleaned, cut into utterances, turned into text; text turned into sound and played.
//!
//! Everything happens in this process, on threads of its own: the device's callback only copies into a lock-free
//! ring, one thread cleans frame by frame, transcribers and speakers are whoever the settings name. Samples are `f32`
//! between -1 and 1, one channel ([`clip`]). The room knows no chat, no command and no terminal: text that it heard is
//! a value, and what is to be said is handed to it.

pub mod aloud;
pub mod chain;
pub mod clean;
pub mod clip;
pub mod file;
pub mod listen;
pub mod service;
pub mod sound;
pub mod speak;
pub mod transcribe;
