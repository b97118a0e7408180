//! What every room stands on: errors, paths, settings, time, ids, secrets, safe terminal text, Markdown, HTTP and the log.
//!
//! It knows no command, no run and no table: only what strangers must agree on to talk to each other.

pub mod certificate;
pub mod clock;
pub mod config;
pub mod difference;
pub mod door;
pub mod duration;
pub mod env;
pub mod error;
pub mod events;
pub mod figures;
pub mod files;
pub mod http;
pub mod ids;
pub mod log;
pub mod markdown;
pub mod near;
pub mod paths;
pub mod secret;
pub mod secrets;
pub mod terminal;
pub mod when;
