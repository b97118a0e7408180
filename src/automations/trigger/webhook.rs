//! `webhook NAME method=`: a request to our server.

use serde_json::Value as Json;

use super::options::Options;
use super::value;
use crate::commands::model::Diagnostic;

/// A request that is waited for.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// The last part of its address.
    pub name: String,
    /// The methods it may have, upper case.
    pub methods: Vec<String>,
    /// The secret (by name) that callers prove to know.
    pub secret: Option<String>,
}

const OPTIONS: [&str; 5] = ["method", "secret", "debounce", "limit", "max"];

impl Webhook {
    pub(super) fn parse(options: &Options<'_>) -> Result<Webhook, Diagnostic> {
        options.only(&OPTIONS)?;
        let name = options.one("a name such as `deploy`")?.trim_matches('/');
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) {
            return Err(
                options.wrong(format!("`{name}` is no name of a webhook: letters, digits, `-`, `_` and `.` are"))
            );
        }
        let written = options.text("method").unwrap_or("POST");
        let methods: Vec<String> = value::alternatives(written).iter().map(|m| m.to_ascii_uppercase()).collect();
        if let Some(odd) = methods.iter().find(|m| !["GET", "POST", "PUT", "PATCH"].contains(&m.as_str())) {
            return Err(options.wrong(format!("`{odd}` is no method of a webhook")));
        }
        Ok(Webhook { name: name.to_string(), methods, secret: options.text("secret").map(String::from) })
    }

    pub(super) fn matches(&self, data: &Json) -> bool {
        let method = data["method"].as_str();
        // What nobody proved by our secret was not meant for us, even if the name is the same.
        let proved = data["secret"].as_str();
        if proved.is_some_and(|proved| proved != self.secret.as_deref().unwrap_or_default()) && proved != Some("") {
            return false;
        }
        data["name"].as_str() == Some(&self.name) && method.is_none_or(|m| self.methods.iter().any(|known| known == m))
    }
}
