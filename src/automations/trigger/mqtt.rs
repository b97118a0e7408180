//! `mqtt FILTER… payload= path= value= above= below= retained= qos= broker=`: a message of a broker.

use serde_json::Value as Json;
use serde_json_path::JsonPath;

use super::Here;
use super::options::Options;
use super::value::{self, Expected};
use crate::commands::model::Diagnostic;

/// The longest topic or filter of the protocol, bytes.
const LONGEST: usize = 65_535;

/// A message that is waited for.
#[derive(Clone, Debug)]
pub struct Mqtt {
    /// The topic filters, at least one.
    pub filters: Vec<String>,
    /// The broker's name in the settings.
    pub broker: Option<String>,
    /// At which quality it is subscribed to.
    pub qos: u8,
    /// What a message that the broker kept does.
    pub retained: Retained,
    payload: Option<Vec<String>>,
    path: Option<JsonPath>,
    value: Expected,
}

/// What a retained message, told on subscribing, does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retained {
    /// It fires nothing.
    No,
    /// It fires as any other.
    Yes,
    /// Nothing else fires.
    Only,
}

const OPTIONS: [&str; 13] = [
    "payload", "path", "value", "above", "below", "retained", "retain", "qos", "broker", "for", "debounce", "limit",
    "max",
];

impl Mqtt {
    pub(super) fn parse(options: &Options<'_>) -> Result<Mqtt, Diagnostic> {
        options.only(&OPTIONS)?;
        if options.args().is_empty() {
            return Err(options.wrong("`mqtt` needs a topic filter such as `home/+/button`"));
        }
        for filter in options.args() {
            check_filter(filter)
                .map_err(|why| options.wrong(format!("the topic filter `{filter}` is invalid: {why}")))?;
        }
        const RETAINED: [(&str, Retained); 3] =
            [("no", Retained::No), ("yes", Retained::Yes), ("only", Retained::Only)];
        let retained = options.choice("retained", &RETAINED)?.or(options.choice("retain", &RETAINED)?);
        let path = value::path(options, "path")?;
        let value = Expected::parse(options, "value")?;
        if path.is_none() && options.text("value").is_some() {
            return Err(options.wrong("`value=` belongs to a `path=`; the whole message is compared by `payload=`"));
        }
        Ok(Mqtt {
            filters: options.args().to_vec(),
            broker: options.text("broker").map(String::from),
            qos: options.choice("qos", &[("0", 0), ("1", 1), ("2", 2)])?.unwrap_or(1),
            retained: retained.unwrap_or(Retained::No),
            payload: options.text("payload").map(value::alternatives),
            path,
            value,
        })
    }

    pub(super) fn settle(&mut self, here: &Here) {
        if self.broker.is_none() {
            self.broker.clone_from(&here.broker);
        }
    }

    /// Whether it is about a topic that is waited for, and no retained message that is ignored.
    pub fn concerns(&self, data: &Json) -> bool {
        let is_retained = data["retain"].as_bool().unwrap_or(false);
        let counts = match self.retained {
            Retained::No => !is_retained,
            Retained::Yes => true,
            Retained::Only => is_retained,
        };
        counts && self.is_about(data)
    }

    /// Whether it is about a topic that is waited for.
    fn is_about(&self, data: &Json) -> bool {
        let from = data["broker"].as_str();
        let topic = data["topic"].as_str().unwrap_or_default();
        (self.broker.is_none() || from.is_none() || self.broker.as_deref() == from)
            && self.filters.iter().any(|filter| filter_fits(filter, topic))
    }

    pub(super) fn matches(&self, data: &Json) -> bool {
        self.concerns(data) && self.says(data)
    }

    /// Whether something else is said of what is waited for now, also by what the broker had kept.
    pub fn ends(&self, data: &Json) -> bool {
        self.is_about(data) && !self.says(data)
    }

    fn says(&self, data: &Json) -> bool {
        let payload = &data["payload"];
        if let Some(wanted) = &self.payload
            && !wanted.iter().any(|w| payload.as_str() == Some(w))
        {
            return false;
        }
        match &self.path {
            Some(path) => path.query(&data["json"]).iter().any(|found| self.value.fits(found)),
            None => self.value.fits(payload),
        }
    }
}

/// What is wrong with a topic filter.
///
/// # Errors
/// A sentence that says it.
pub fn check_filter(filter: &str) -> Result<(), String> {
    let shared = filter.strip_prefix("$share/");
    let levels = match shared {
        None => filter,
        Some(rest) => match rest.split_once('/') {
            Some((group, levels)) if !group.is_empty() && !group.contains(['+', '#']) => levels,
            _ => return Err("`$share/` needs a group and a filter".to_string()),
        },
    };
    if levels.is_empty() {
        return Err("it is empty".to_string());
    }
    if filter.len() > LONGEST {
        return Err(format!("it is longer than {LONGEST} bytes"));
    }
    if levels.contains('\0') {
        return Err("it holds a NUL".to_string());
    }
    let mut parts = levels.split('/').peekable();
    while let Some(part) = parts.next() {
        match part {
            "#" if parts.peek().is_some() => return Err("`#` may only stand at the end".to_string()),
            "#" | "+" => {}
            _ if part.contains('#') => return Err("`#` must be a level of its own".to_string()),
            _ if part.contains('+') => return Err("`+` must be a level of its own".to_string()),
            _ => {}
        }
    }
    Ok(())
}

/// Whether a topic is among those that a filter names.
pub fn filter_fits(filter: &str, topic: &str) -> bool {
    let filter = match filter.strip_prefix("$share/").and_then(|rest| rest.split_once('/')) {
        Some((_, levels)) => levels,
        None => filter,
    };
    // Topics of the broker itself are only meant by filters that say so.
    if topic.is_empty() || topic.starts_with('$') && filter.starts_with(['+', '#']) {
        return false;
    }
    let (mut wanted, mut levels) = (filter.split('/'), topic.split('/'));
    loop {
        match (wanted.next(), levels.next()) {
            (Some("#"), _) => return true,
            (Some("+"), Some(_)) => {}
            (Some(want), Some(level)) if want == level => {}
            (None, None) => return true,
            _ => return false,
        }
    }
}
