//! The one test program: it drives the real binary in worlds of its own.

mod bundled;
mod support;
fn main() {}
//! The one test program: the real library and the real binary in a world of their own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod github;
mod support;
//! The one test program: the real library and the real binary in a world of their own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod layers;
