//! What tests share.

pub mod github;
