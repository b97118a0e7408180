//! The one test program: it drives the real binary in worlds of its own.

mod bundled;
mod support;
