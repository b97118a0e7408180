//! `homeassistant ENTITY… from= to= attribute= above= below= for= unavailable=`: a state changes.
//!
//! `unavailable` and `unknown` say nothing about a thing: coming from or going to them is no change, unless asked for.

use serde_json::Value as Json;

use super::options::Options;
use super::value::{self, Expected};
use crate::chat::policy::fits;
use crate::commands::model::Diagnostic;

/// States that say nothing.
const SILENT: [&str; 2] = ["unavailable", "unknown"];

/// A change of a state that is waited for.
#[derive(Clone, Debug)]
pub struct Homeassistant {
    /// The entities; `*` stands for any letters.
    pub entities: Vec<String>,
    /// The attribute whose value is looked at instead of the state.
    pub attribute: Option<String>,
    from: Vec<String>,
    to: Expected,
    silent_too: bool,
}

const OPTIONS: [&str; 10] =
    ["from", "to", "attribute", "above", "below", "unavailable", "for", "debounce", "limit", "max"];

impl Homeassistant {
    pub(super) fn parse(options: &Options<'_>) -> Result<Homeassistant, Diagnostic> {
        options.only(&OPTIONS)?;
        if options.args().is_empty() {
            return Err(options.wrong("`homeassistant` needs an entity such as `binary_sensor.door`"));
        }
        for entity in options.args() {
            let (domain, name) = entity.split_once('.').unwrap_or((entity, ""));
            let allowed = |text: &str| {
                !text.is_empty()
                    && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_*".contains(c))
            };
            if !allowed(domain) || !allowed(name) {
                return Err(options.wrong(format!("`{entity}` is no entity such as `binary_sensor.door` or `light.*`")));
            }
        }
        Ok(Homeassistant {
            entities: options.args().to_vec(),
            attribute: options.text("attribute").map(String::from),
            from: options.text("from").map(value::alternatives).unwrap_or_default(),
            to: Expected::parse(options, "to")?,
            silent_too: options.yes("unavailable")?.unwrap_or(false),
        })
    }

    pub(super) fn concerns(&self, data: &Json) -> bool {
        data["entity"].as_str().is_some_and(|entity| self.entities.iter().any(|wanted| fits(wanted, entity)))
    }

    /// Whether the new state is as wanted, wherever it came from.
    pub(super) fn holds(&self, data: &Json) -> bool {
        let Some(now) = self.now(data) else { return false };
        let is_silent = SILENT.contains(&value::text(&data["to"]).as_str());
        self.to.fits(now) && (!is_silent || self.silent_too || self.to.any_of.contains(&value::text(now)))
    }

    /// Whether nothing is known of it now.
    pub(super) fn is_silent(&self, data: &Json) -> bool {
        SILENT.contains(&value::text(&data["to"]).as_str())
    }

    pub(super) fn matches(&self, data: &Json) -> bool {
        if !self.concerns(data) || !self.holds(data) {
            return false;
        }
        let (before, now) = (self.before(data), self.now(data));
        let was = before.map(value::text);
        let was_silent = match data["from"].as_str() {
            None => true,
            Some(state) => SILENT.contains(&state),
        };
        let named = was.as_ref().is_some_and(|was| self.from.contains(was));
        let may_be_left = !was_silent || self.silent_too || named;
        let as_wanted = self.from.is_empty() || named;
        // What was beyond a bound before has not gone beyond it now.
        let is_new = before.is_none_or(|before| match self.to.above.is_some() || self.to.below.is_some() {
            true => !self.to.fits(before),
            false => Some(before) != now,
        });
        may_be_left && as_wanted && is_new
    }

    /// What is told of a change: where an attribute is looked at, what that was and is.
    pub(super) fn told(&self, mut data: Json) -> Json {
        if let Some(name) = &self.attribute {
            let (from, to) = (self.before(&data).cloned(), self.now(&data).cloned());
            data["state"] = data["to"].take();
            (data["attribute"], data["from"], data["to"]) =
                (Json::from(name.as_str()), from.unwrap_or_default(), to.unwrap_or_default());
        }
        data
    }

    fn now<'d>(&self, data: &'d Json) -> Option<&'d Json> {
        match &self.attribute {
            None => Some(&data["to"]),
            Some(name) => data["attributes"].get(name),
        }
        .filter(|value| !value.is_null())
    }

    fn before<'d>(&self, data: &'d Json) -> Option<&'d Json> {
        match &self.attribute {
            None => Some(&data["from"]),
            Some(name) => data["from_attributes"].get(name),
        }
        .filter(|value| !value.is_null())
    }
}
