//! What the tests share.

pub mod world;
//! What tests share.

pub mod github;
