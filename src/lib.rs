//! factotum: the Markdown in your repositories, as commands.
//!
//! The map, lowest room first. A room may use only rooms above it in this list.
//!
//! - [`kernel`]: errors, paths, settings, time, ids, secrets, safe terminal text, Markdown, HTTP, the log
//! - [`store`]: the SQLite database; all SQL
//! - [`exec`]: processes, pseudo-terminals, limits, sandboxes
//! - [`providers`]: models of every vendor behind one face
//! - [`knowledge`]: the full-text index, derived from the store
//! - [`voice`]: sound in, cleaned and written down; text read aloud
//! - [`chat`]: turns, tools and permissions, what fits into a context
//! - [`commands`]: sources, dialects, trust, arguments, running
//! - [`automations`]: what happens by itself: triggers, conditions, jobs, MQTT, Home Assistant
//! - [`plugins`]: Lua, in a sandbox
//! - [`app`]: opens rooms when first needed and plugs them together
//! - [`tui`]: the full-screen terminal
//! - [`serve`]: the same headless, over HTTP
//! - [`cli`]: arguments, dispatch, the only printing, exit codes

pub mod app;
pub mod automations;
pub mod chat;
pub mod cli;
pub mod commands;
pub mod exec;
pub mod kernel;
pub mod knowledge;
pub mod plugins;
pub mod providers;
pub mod serve;
pub mod store;
pub mod tui;
pub mod voice;
