//! The one test program: the real library and the real binary in a world of their own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bundled;
mod crash;
mod github;
mod layers;
mod readme;
mod run;
mod sources;
mod support;
