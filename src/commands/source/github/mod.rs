//! GitHub: from a spec to a commit, its listing, and the bytes of the files that are wanted.
//!
//! Octocrab carries base address, authentication and transport through its low-level requests; routes are
//! percent-encoded here, and its cache and retry stay off (both measured wrong for this use). What is fetched is
//! addressed by content: every blob is checked against its SHA before it is kept, so an interrupted fetch leaves only
//! true blobs behind and the next one goes on from there. It knows no store, no trust and no Markdown.

pub mod blobs;
pub mod client;
mod fetch;
pub mod rate;
pub mod spec;
mod tarball;
pub mod token;
pub mod tree;

pub use blobs::{Blobs, blob_sha};
pub use client::{Github, Options, asked};
pub use fetch::{Fetched, Outcome, Progress};
pub use rate::{Limited, Rate};
pub use spec::Spec;
pub use token::Token;
pub use tree::{Entry, Mode, Note, Wanted};
