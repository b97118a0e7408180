//! Settings of a family, by member: `providers.NAME.url` is the field `url` of the member NAME.

use std::collections::BTreeMap;
use std::time::Duration;

use super::layers::Config;
use super::value::{self, Value};

/// What is written about one member of a family.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Member {
    fields: BTreeMap<String, Value>,
}

impl Member {
    /// A text that is not empty.
    pub fn text(&self, field: &str) -> Option<&str> {
        match self.fields.get(field)? {
            Value::Text(text) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    /// A number.
    pub fn int(&self, field: &str) -> Option<u64> {
        match self.fields.get(field)? {
            Value::Int(n) => u64::try_from(*n).ok(),
            _ => None,
        }
    }

    /// A switch.
    pub fn flag(&self, field: &str) -> Option<bool> {
        match self.fields.get(field)? {
            Value::Bool(on) => Some(*on),
            _ => None,
        }
    }

    /// A list; empty where nothing is written.
    pub fn list(&self, field: &str) -> Vec<String> {
        match self.fields.get(field) {
            Some(Value::List(list)) => list.clone(),
            _ => Vec::new(),
        }
    }

    /// A length of time.
    pub fn duration(&self, field: &str) -> Option<Duration> {
        value::duration(self.text(field)?)
    }
}

impl Config {
    /// The members of a family whose names have three parts, by name.
    pub fn members(&self, family: &str) -> BTreeMap<String, Member> {
        let mut found: BTreeMap<String, Member> = BTreeMap::new();
        for (path, _, value) in self.winners() {
            if let [head, name, field] = path.parts()
                && head == family
            {
                found.entry(name.clone()).or_default().fields.insert(field.clone(), value.clone());
            }
        }
        found
    }

    /// The members of a family inside another section, such as `voice.transcribers.NAME.url`, by name.
    pub fn members_of(&self, section: &str, family: &str) -> BTreeMap<String, Member> {
        let mut found: BTreeMap<String, Member> = BTreeMap::new();
        for (path, _, value) in self.winners() {
            if let [head, second, name, field] = path.parts()
                && head == section
                && second == family
            {
                found.entry(name.clone()).or_default().fields.insert(field.clone(), value.clone());
            }
        }
        found
    }

    /// The lists of a family whose names have two parts, such as `keys.NAME`.
    pub fn lists(&self, family: &str) -> BTreeMap<String, Vec<String>> {
        let of = |(path, _, value): (&super::key::KeyPath, u8, &Value)| match (path.parts(), value) {
            ([head, name], Value::List(list)) if head == family => Some((name.clone(), list.clone())),
            _ => None,
        };
        self.winners().filter_map(of).collect()
    }

    /// The texts of a family whose names have two parts, such as `model_aliases.NAME`.
    pub fn names(&self, family: &str) -> Vec<(String, String)> {
        let of = |(path, _, value): (&super::key::KeyPath, u8, &Value)| match (path.parts(), value) {
            ([head, name], Value::Text(text)) if head == family => Some((name.clone(), text.clone())),
            _ => None,
        };
        self.winners().filter_map(of).collect()
    }

    /// The numbers of a family whose names have two parts, such as `limits.NAME`.
    pub fn numbers(&self, family: &str) -> BTreeMap<String, u64> {
        let of = |(path, _, value): (&super::key::KeyPath, u8, &Value)| match (path.parts(), value) {
            ([head, name], Value::Int(number)) if head == family => Some((name.clone(), u64::try_from(*number).ok()?)),
            _ => None,
        };
        self.winners().filter_map(of).collect()
    }

    /// A list; empty where nothing is written.
    pub fn list(&self, name: &str) -> Vec<String> {
        match self.get(&super::key::KeyPath::new(name.split('.'))) {
            Some((_, Value::List(list))) => list.clone(),
            _ => Vec::new(),
        }
    }

    /// Dollars, as millionths; `None` where nothing is written or it is no amount.
    pub fn micro_dollars(&self, name: &str) -> Option<i64> {
        micro_dollars(self.text(name)?)
    }
}

/// Dollars as millionths: `1.25`, `$3`.
pub fn micro_dollars(text: &str) -> Option<i64> {
    let dollars: f64 = text.trim().trim_start_matches('$').parse().ok()?;
    (dollars.is_finite() && (0.0..1e12).contains(&dollars)).then(|| (dollars * 1e6).round() as i64)
}
