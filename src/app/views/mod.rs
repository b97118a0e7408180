//! What is shown of things, as typed shapes: what `--json` prints is what the API answers, and the OpenAPI document
//! describes it.

pub mod access;
pub mod automation;
pub mod chat;
pub mod code;
pub mod command;
pub mod event;
pub mod health;
pub mod hit;
pub mod job;
pub mod model;
pub mod page;
pub mod plugin;
pub mod problem;
pub mod run;
pub mod source;
pub mod usage;
