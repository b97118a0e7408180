//! What a command accepts.

use serde::{Deserialize, Serialize};

/// How a parameter is given on the command line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ParamKind {
    /// By position.
    #[default]
    Positional,
    /// `--name value`.
    Option,
    /// `--name`, `true` or unset.
    Flag,
    /// All remaining words; reaches scripts as argv.
    Rest,
}

/// What a parameter's value must look like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ParamType {
    /// Any text.
    #[default]
    Text,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// A path, existing or not.
    Path,
    /// A path of a readable file.
    File,
    /// Text that is never shown, logged or recorded.
    Secret,
    /// `true` or `false`.
    Bool,
}

/// One thing a command accepts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Param {
    /// As written in the signature.
    pub name: String,
    /// The environment variable scripts read: lower case, `-` to `_` (dialects that say otherwise are kept).
    pub var: String,
    /// How it is given.
    #[serde(default)]
    pub kind: ParamKind,
    /// What it must look like.
    #[serde(default, rename = "type")]
    pub ty: ParamType,
    /// A one-letter flag.
    #[serde(default)]
    pub short: Option<char>,
    /// Whether it must be given.
    #[serde(default)]
    pub required: bool,
    /// Used when it is not given.
    #[serde(default)]
    pub default: Option<String>,
    /// The only values accepted; empty means any.
    #[serde(default)]
    pub choices: Vec<String>,
    /// One line of help.
    #[serde(default)]
    pub help: String,
    /// A shell command whose lines are suggested values (navi `$ name: command`); run only for trusted sources.
    #[serde(default)]
    pub suggest: Option<String>,
    /// Whether a `Rest` parameter or an option may hold several words parted by blanks in a snippet.
    #[serde(default)]
    pub multiple: bool,
}
