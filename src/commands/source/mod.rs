//! Where definitions come from: repositories, folders, addresses, and the bundled ones.
//!
//! It fetches, lays out and reads files into the store. It neither trusts nor runs anything.

pub mod bundled;
pub mod cache;
pub mod github;
pub mod layout;
pub mod local;
pub mod own;
pub mod remote;
pub mod siblings;
pub mod spec;
pub mod sync;
pub mod url;
