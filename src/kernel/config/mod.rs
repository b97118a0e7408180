//! Settings: what the user wrote, in layers.
//!
//! Flags beat the environment, that beats the project's `.factotum.toml`, that the chosen profile, that the user's
//! `config.toml`, that the defaults. Live state is not here but in the store, and secrets are in [`super::secret`].
//!
//! - [`schema`]: the list of settings
//! - [`layers`]: which value wins, and why
//! - [`entries`]: what the texts of some lists may be
//! - [`families`]: interpreters, bindings, aliases and MCP servers as values
//! - [`members`]: other families, by member
//! - [`edit`]: changing the user's file, comments kept

pub mod edit;
pub mod entries;
pub mod families;
pub mod key;
pub mod layers;
pub mod members;
pub mod read;
pub mod schema;
pub mod value;

use std::path::Path;

pub use families::{Binding, Interpreter, McpServer, Style};
pub use key::KeyPath;
pub use layers::{Config, Explained, Flag, Input, Origin};
pub use members::{Member, micro_dollars};
pub use read::Problem;
pub use value::Value;

/// The largest settings file that is read, in bytes.
pub const MAX_FILE: u64 = 256 * 1024;

/// Everything wrong with the text of a settings file, in its order.
pub fn check(text: &str, file: &Path) -> Vec<Problem> {
    read::read(text, file).problems
}
