//! The store by exact values.

mod chain;
mod concurrency;
mod definitions;
mod figures;
mod open;
mod plans;
mod processes;
mod runs;
mod sources;
mod support;
