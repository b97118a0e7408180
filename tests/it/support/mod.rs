//! What the tests share.
//! What tests share.

pub mod github;
pub mod http;
pub mod model;
pub mod pty;
pub mod world;
