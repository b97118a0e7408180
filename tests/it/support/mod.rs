//! What the tests share.
//! What tests share.

pub mod github;
pub mod pty;
pub mod world;
