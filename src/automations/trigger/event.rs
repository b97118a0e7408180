//! `event PATTERN… subject= path= value=`: an event of ours, by its dotted name.

use serde_json::Value as Json;
use serde_json_path::JsonPath;

use super::options::Options;
use super::value::{self, Expected};
use crate::chat::policy::fits;
use crate::commands::model::Diagnostic;

/// An event that is waited for.
#[derive(Clone, Debug)]
pub struct Event {
    /// What its name may be; `*` stands for any letters.
    pub patterns: Vec<String>,
    subject: Option<Vec<String>>,
    path: Option<JsonPath>,
    value: Expected,
}

const OPTIONS: [&str; 8] = ["subject", "path", "value", "above", "below", "debounce", "limit", "max"];

impl Event {
    pub(super) fn parse(options: &Options<'_>) -> Result<Event, Diagnostic> {
        options.only(&OPTIONS)?;
        if options.args().is_empty() {
            return Err(options.wrong("`event` needs the name of an event such as `run.finished`, or `run.*`"));
        }
        for pattern in options.args() {
            let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-*".contains(c);
            if pattern.is_empty() || !pattern.chars().all(allowed) {
                return Err(
                    options.wrong(format!("`{pattern}` is no name of an event such as `run.finished`, or `run.*`"))
                );
            }
        }
        let path = value::path(options, "path")?;
        let value = Expected::parse(options, "value")?;
        if path.is_none() && !value.is_anything() {
            return Err(options.wrong("`value=`, `above=` and `below=` belong to a `path=` into what the event says"));
        }
        Ok(Event {
            patterns: options.args().to_vec(),
            subject: options.text("subject").map(value::alternatives),
            path,
            value,
        })
    }

    pub(super) fn matches(&self, data: &Json) -> bool {
        let name = data["name"].as_str().unwrap_or_default();
        let subject = data["subject"].as_str().unwrap_or_default();
        self.patterns.iter().any(|pattern| fits(pattern, name))
            && self.subject.as_ref().is_none_or(|wanted| wanted.iter().any(|w| fits(w, subject)))
            && self.path.as_ref().is_none_or(|path| path.query(&data["payload"]).iter().any(|v| self.value.fits(v)))
    }
}
