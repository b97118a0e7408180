//! The parts of `fac`, one file a table.

pub mod ask;
pub mod event;
pub mod http;
pub mod json;
pub mod log;
pub mod run;
pub mod store;
pub mod time;
