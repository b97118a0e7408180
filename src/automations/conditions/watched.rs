//! Values that tell which of them were looked at.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use minijinja::value::{Enumerator, Object, ObjectRepr};
use minijinja::{Error, ErrorKind, State, Value};
use serde_json::Value as Json;

/// More are not told: a condition that looks at everything explains nothing.
const MOST: usize = 100;

/// The name of the one function there is.
const IS_STATE: &str = "is_state";

/// What was looked at, by its path.
#[derive(Clone, Debug, Default)]
pub(super) struct Looked(Arc<Mutex<Vec<(String, Json)>>>);

impl Looked {
    fn at(&self, path: &str, value: &Json) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() < MOST && !all.iter().any(|(known, _)| known == path) {
            all.push((path.to_string(), value.clone()));
        }
    }

    /// Without those that were only passed on the way to something inside them.
    pub(super) fn seen(&self) -> Vec<(String, Json)> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let inside =
            |path: &str, other: &str| other.strip_prefix(path).is_some_and(|rest| rest.starts_with(['.', '[']));
        all.iter().filter(|(path, _)| !all.iter().any(|(other, _)| inside(path, other))).cloned().collect()
    }
}

/// An object or a list that tells what of it is looked at.
struct Watched {
    path: String,
    value: Arc<Json>,
    looked: Looked,
}

impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.value)
    }
}

impl Watched {
    fn child(&self, key: &Value, value: &Json) -> Value {
        let path = match (self.path.as_str(), key.as_str()) {
            ("", Some(name)) => name.to_string(),
            (path, Some(name)) if is_name(name) => format!("{path}.{name}"),
            (path, Some(name)) => format!("{path}['{name}']"),
            (path, None) => format!("{path}[{key}]"),
        };
        self.looked.at(&path, value);
        wrapped(path, value, &self.looked)
    }

    fn find(&self, key: &Value) -> Option<&Json> {
        match &*self.value {
            Json::Object(map) => map.get(key.as_str()?),
            Json::Array(list) => list.get(usize::try_from(key.as_i64()?).ok()?),
            _ => None,
        }
    }
}

impl Object for Watched {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        match &*self.value {
            Json::Array(_) => ObjectRepr::Seq,
            _ => ObjectRepr::Map,
        }
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match self.find(key) {
            Some(value) => Some(self.child(key, value)),
            // Our own functions are asked for among the facts first.
            None if self.path.is_empty() && key.as_str().is_some_and(|k| k == IS_STATE || k.starts_with("__")) => None,
            None => {
                self.child(key, &Json::Null);
                None
            }
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        match &*self.value {
            Json::Array(list) => Enumerator::Seq(list.len()),
            Json::Object(map) => Enumerator::Values(map.keys().map(|key| Value::from(key.as_str())).collect()),
            _ => Enumerator::Empty,
        }
    }

    /// `states('light.kitchen')` is what `states['light.kitchen']` is.
    fn call(self: &Arc<Self>, _state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let [key] = args else {
            return Err(Error::new(ErrorKind::MissingArgument, "it takes the name of one thing"));
        };
        self.get_value(key).ok_or_else(|| missing(&self.path, key))
    }
}

fn missing(path: &str, key: &Value) -> Error {
    Error::new(ErrorKind::UndefinedError, format!("there is no `{key}` in `{path}`"))
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(|c: char| c.is_ascii_digit())
        && text.chars().all(|c| c.is_alphanumeric() || c == '_')
}

fn wrapped(path: String, value: &Json, looked: &Looked) -> Value {
    match value {
        Json::Null => Value::from(()),
        Json::Bool(truth) => Value::from(*truth),
        Json::Number(number) => match number.as_i64() {
            Some(whole) => Value::from(whole),
            None => Value::from(number.as_f64().unwrap_or(0.0)),
        },
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(_) | Json::Object(_) => {
            Value::from_object(Watched { path, value: Arc::new(value.clone()), looked: looked.clone() })
        }
    }
}

/// The facts as a condition sees them.
pub(super) fn root(facts: &Json, looked: &Looked) -> Value {
    wrapped(String::new(), facts, looked)
}

/// `is_state('light.kitchen', 'on')`, as people know it from Home Assistant.
pub(super) fn functions(facts: &Json, looked: &Looked) -> Vec<(&'static str, Value)> {
    let states = wrapped("states".to_string(), facts.get("states").unwrap_or(&Json::Null), looked);
    let known: BTreeSet<String> = facts["states"].as_object().map(|m| m.keys().cloned().collect()).unwrap_or_default();
    let is_state = move |entity: String, wanted: Value| -> Result<bool, Error> {
        if !known.contains(&entity) {
            return Err(missing("states", &Value::from(entity)));
        }
        let state = states.get_item(&Value::from(entity))?;
        // A state may come with what belongs to it.
        let state = match state.kind() {
            minijinja::value::ValueKind::Map => state.get_attr("state")?,
            _ => state,
        };
        Ok(state == wanted)
    };
    vec![(IS_STATE, Value::from_function(is_state))]
}
