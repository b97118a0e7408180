//! MCP servers: programs and addresses from the settings whose tools a model may be offered.
//!
//! The protocol is the `rmcp` crate's; here stands what a person relies on: a server sees no more of the environment
//! than the settings say, its program ends with us, its time and its words are bounded, and every failure names it.
//! Its definitions are pinned: what is new or changed is asked about ([`pins`]). It offers the model nothing else of
//! the protocol: no sampling, no roots, no questions to the person.
//!
//! Settings, secrets and the store are the caller's: a [`Server`] is made of plain values.

mod connection;
mod diary;
mod failure;
mod names;
pub mod pins;
mod process;
mod result;
mod servers;
mod tool;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Map, Value};
use url::Url;

use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::http::Http;
use crate::kernel::secret::{Redactor, Secret};

pub use names::{check_name, tool_name};
pub use pins::{Pin, Pins, Standing};
pub use servers::{Offer, Offers, Servers, differs};

/// How long a server may take where the settings say nothing.
pub const TIMEOUT: Duration = Duration::from_secs(60);

/// Variables that every server's program gets when we have them; all others must be named in the settings.
pub const BASE_ENV: [&str; 15] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "TERM",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TZ",
    "TMPDIR",
    "XDG_CONFIG_HOME",
    "XDG_CACHE_HOME",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];

/// A server as the settings describe it, secrets filled in.
#[derive(Clone, Debug)]
pub struct Server {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub place: Place,
    /// The only tools that are offered; `None` for all.
    pub tools: Option<Vec<String>>,
    /// How long it may take to start, and to answer.
    pub timeout: Duration,
    /// Whether `readOnlyHint` makes a tool read-only.
    pub trust_hints: bool,
    /// Knows the secrets that it gets: what it says of itself when it fails, and what the model is told, goes without.
    pub redactor: Redactor,
}

/// Where a server is.
#[derive(Clone, Debug)]
pub enum Place {
    /// A program that speaks on its stdin and stdout.
    Program {
        /// The program and its arguments.
        command: Vec<String>,
        /// Its whole environment.
        env: Vec<(OsString, OsString)>,
        /// Where it starts.
        cwd: PathBuf,
    },
    /// An address (streamable HTTP).
    Address {
        /// The address.
        url: Url,
        /// More headers.
        headers: Vec<(String, Secret)>,
        /// The bearer token.
        bearer: Option<Secret>,
        /// The client, whose read timeout must be longer than a tool may take.
        http: Http,
    },
}

/// What a server says about one of its tools.
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    /// The tool's name at its server.
    pub name: String,
    /// What it does, in the server's words, control characters removed.
    pub description: String,
    /// JSON Schema of its arguments.
    pub schema: Map<String, Value>,
    /// `readOnlyHint`: the server's word, no more.
    pub read_only_hint: bool,
    /// `destructiveHint`, true where nothing is said.
    pub destructive_hint: bool,
    /// Hash over all of it.
    pub digest: String,
}

impl Definition {
    /// The definition as a person reads it: what a pin keeps, so that a change can be shown.
    pub fn text(&self) -> String {
        let schema = serde_json::to_string_pretty(&self.schema).unwrap_or_default();
        format!("{}\n\n{}\n\n{schema}\n", self.name, self.description)
    }
}

/// A token, unlike a plain text, is never sent where anyone on the way can read it.
///
/// # Errors
/// `Refused` for an address without encryption that is not on this machine.
pub fn check_address(name: &str, url: &Url, has_secrets: bool) -> Result<()> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Error::new(
            Kind::Usage,
            format!("the MCP server `{name}` has an address that is not http or https"),
        ));
    }
    if has_secrets && !crate::kernel::http::is_safe(url) {
        return Err(Error::new(Kind::Refused, format!("the MCP server `{name}` would get its token unencrypted"))
            .hint(format!("give it an https address: fac config set mcp.{name}.url https://…")));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
