//! Where definitions come from: repositories, folders, addresses, and the bundled ones.

pub mod github;
pub mod url;
