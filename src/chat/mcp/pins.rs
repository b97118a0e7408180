//! Pinned definitions: what a person has seen of a tool, by hash.
//!
//! A server may describe its tools differently tomorrow. So each definition's hash is kept once it was accepted, and
//! one that is new or has changed says so. Where pins are kept is the caller's: the store's, as a rule.

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::Definition;
use crate::kernel::error::Result;

/// A definition as it was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    /// Its hash.
    pub digest: String,
    /// Its text, to show what changed.
    pub text: String,
}

/// Keeps pins. The key is `server/tool`.
pub trait Pins {
    /// What was accepted under `key`.
    ///
    /// # Errors
    /// Those of the place where pins are kept.
    fn pinned(&self, key: &str) -> Result<Option<Pin>>;

    /// Accepts a definition under `key`.
    ///
    /// # Errors
    /// Those of the place where pins are kept.
    fn pin(&self, key: &str, pin: &Pin) -> Result<()>;

    /// Forgets every pin of a server.
    ///
    /// # Errors
    /// Those of the place where pins are kept.
    fn forget(&self, server: &str) -> Result<()>;
}

/// How a definition stands to what was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nobody accepted it yet.
    New,
    /// Another definition was accepted: its text.
    Changed(String),
    /// It is the accepted one.
    Pinned,
}

impl Standing {
    /// The word for it.
    pub fn name(&self) -> &'static str {
        match self {
            Standing::New => "new",
            Standing::Changed(_) => "changed",
            Standing::Pinned => "pinned",
        }
    }

    /// How `definition` of `server` stands.
    ///
    /// # Errors
    /// Those of the place where pins are kept.
    pub fn of(server: &str, definition: &Definition, pins: &dyn Pins) -> Result<Standing> {
        Ok(match pins.pinned(&key(server, &definition.name))? {
            None => Standing::New,
            Some(pin) if pin.digest == definition.digest => Standing::Pinned,
            Some(pin) => Standing::Changed(pin.text),
        })
    }
}

/// The key of a tool's pin.
pub fn key(server: &str, tool: &str) -> String {
    format!("{server}/{tool}")
}

/// Accepts a definition.
///
/// # Errors
/// Those of the place where pins are kept.
pub fn accept(server: &str, definition: &Definition, pins: &dyn Pins) -> Result<()> {
    pins.pin(&key(server, &definition.name), &Pin { digest: definition.digest.clone(), text: definition.text() })
}

/// Hex SHA-256 over a tool's name, description, schema and hints, each with its length; keys of objects in order, so
/// that a server that only writes its fields in another order has not changed anything.
pub(super) fn digest(name: &str, title: &str, description: &str, schema: &Value, hints: &Value) -> String {
    let mut hash = Sha256::new();
    let (schema, hints) = (sorted(schema).to_string(), sorted(hints).to_string());
    for field in ["fac-mcp-tool-1", name, title, description, &schema, &hints] {
        hash.update((field.len() as u64).to_le_bytes());
        hash.update(field.as_bytes());
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The value with every object's keys in order. JSON that was read is at most 128 deep, so this may call itself.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut keys: Vec<&String> = fields.keys().collect();
            keys.sort_unstable();
            Value::Object(keys.into_iter().map(|key| (key.clone(), sorted(&fields[key.as_str()]))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_hash_changes_with_each_word_and_not_with_the_order_of_fields() {
        let schema = json!({"type": "object", "properties": {"b": {"type": "string"}, "a": {}}});
        let same = json!({"properties": {"a": {}, "b": {"type": "string"}}, "type": "object"});
        let of = |name: &str, title: &str, text: &str, schema: &Value| digest(name, title, text, schema, &Value::Null);
        let first = of("n", "t", "d", &schema);
        assert_eq!((first.len(), &first), (64, &of("n", "t", "d", &same)));
        let others = [
            of("m", "t", "d", &schema),
            of("n", "", "d", &schema),
            of("n", "td", "", &schema),
            of("n", "t", "e", &schema),
            of("n", "t", "d", &json!({"type": "object"})),
            digest("n", "t", "d", &schema, &json!({"readOnlyHint": true})),
        ];
        assert!(others.iter().all(|other| *other != first));
    }
}
