//! The store by exact values.

mod access;
mod begun;
mod calls;
mod chain;
mod chats;
mod concurrency;
mod definitions;
mod erasing;
mod figures;
mod open;
mod plans;
mod plugins;
mod processes;
mod replay;
mod runs;
mod sources;
mod support;
mod work;
