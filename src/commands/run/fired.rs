//! What fired a run, as its steps see it: the whole under `trigger`, and each value under a name of its own. Texts also see
//! what lies inside of a value, as conditions do: `trigger.json.name`, `trigger.json.list.0`.
//!
//! It is data from outside: it reaches scripts as variables and texts by placeholders, and is never read as anything else.

use std::ffi::OsString;
use std::path::Path;

use serde_json::Value as Json;

use super::Engine;
use crate::kernel::error::Result;
use crate::kernel::files;

/// What all of these names begin with.
const NAME: &str = "trigger";

/// The most that a variable holds, bytes: the system takes no more than twice this.
const MOST: usize = 64 << 10;

/// The value of `trigger`, `trigger_x` or `trigger.x.y`; `None` for any other name.
pub(super) fn of(fired: &Json, name: &str) -> Option<String> {
    let rest = name.strip_prefix(NAME)?;
    if rest.is_empty() {
        return whole(fired);
    }
    if let Some(path) = rest.strip_prefix('.') {
        return path.split('.').try_fold(fired, inside).and_then(text);
    }
    let key = rest.strip_prefix('_')?;
    let fields = fired.as_object()?;
    fields.iter().find(|(field, _)| plain(field) == key).and_then(|(_, value)| text(value))
}

/// A member of an object by its name, or of a list by its place, from 0.
fn inside<'j>(value: &'j Json, part: &str) -> Option<&'j Json> {
    match value {
        Json::Object(fields) => fields.get(part),
        Json::Array(list) => list.get(part.parse::<usize>().ok()?),
        _ => None,
    }
}

/// `trigger` and every `trigger_x`, with their values.
pub(super) fn variables(fired: &Json) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = whole(fired).map(|text| (NAME.to_string(), text)).into_iter().collect();
    for (field, value) in fired.as_object().into_iter().flatten() {
        all.extend(text(value).map(|text| (format!("{NAME}_{}", plain(field)), text)));
    }
    all
}

/// Adds them to the environment of a script, with what tells it for which job it works. A parameter of the same name stays.
/// Where something is too large for a variable, the whole is written to `file`, and variables say which one and what.
pub(super) fn add_variables(engine: &Engine<'_>, env: &mut Vec<(OsString, OsString)>, file: &Path) {
    for (name, value) in engine.fired.iter().flat_map(variables) {
        if !env.iter().any(|(known, _)| *known == *name) {
            // What no variable can hold is shown instead.
            env.push((name.into(), value.replace('\0', "\u{fffd}").into()));
        }
    }
    if let Some(fired) = &engine.fired {
        let left_out = left_out(fired);
        if !left_out.is_empty() {
            env.push((format!("{NAME}_left_out").into(), left_out.join(" ").into()));
            match written(fired, file) {
                Ok(()) => env.push(("FAC_TRIGGER_FILE".into(), file.into())),
                Err(error) => tracing::warn!(error = error.full_message(), "a script does not get all that fired it"),
            }
        }
    }
    if let Some((id, epoch)) = engine.job {
        env.push(("FAC_JOB_ID".into(), id.to_string().into()));
        env.push(("FAC_JOB_TRY".into(), epoch.to_string().into()));
    }
}

/// The fields that no variable can hold.
fn left_out(fired: &Json) -> Vec<String> {
    let fields = fired.as_object().into_iter().flatten();
    fields.filter(|(_, value)| !value.is_null() && text(value).is_none()).map(|(field, _)| plain(field)).collect()
}

fn written(fired: &Json, file: &Path) -> Result<()> {
    file.parent().map_or(Ok(()), files::ensure_private_dir)?;
    files::write_atomic(file, fired.to_string().as_bytes(), true)
}

fn whole(fired: &Json) -> Option<String> {
    Some(fired.to_string()).filter(|text| text.len() <= MOST)
}

fn text(value: &Json) -> Option<String> {
    let text = match value {
        Json::String(text) => text.clone(),
        Json::Bool(_) | Json::Number(_) | Json::Array(_) | Json::Object(_) => value.to_string(),
        Json::Null => return None,
    };
    Some(text).filter(|text| text.len() <= MOST)
}

/// A field's name as part of a variable's.
fn plain(field: &str) -> String {
    field.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_plain_value_has_a_name() {
        let fired = json!({"topic": "home/a", "n": 3, "on": true, "json": {"x": 1}, "gone": null, "a-b": "c"});
        let names: Vec<String> = variables(&fired).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["trigger", "trigger_topic", "trigger_n", "trigger_on", "trigger_json", "trigger_a_b"]);
        assert_eq!(of(&fired, "trigger_json").as_deref(), Some("{\"x\":1}"));
        assert_eq!(of(&fired, "trigger_topic").as_deref(), Some("home/a"));
        assert_eq!(of(&fired, "trigger_a_b").as_deref(), Some("c"));
        assert_eq!((of(&fired, "trigger_gone"), of(&fired, "topic"), of(&fired, "triggers")), (None, None, None));
        assert!(of(&fired, "trigger").unwrap().starts_with('{'));
        let fired = json!({"json": {"x": 1, "list": [{"a": "b"}]}, "topic": "t"});
        assert_eq!(of(&fired, "trigger.json.x").as_deref(), Some("1"));
        assert_eq!(of(&fired, "trigger.json.list.0.a").as_deref(), Some("b"));
        assert_eq!(of(&fired, "trigger.topic").as_deref(), Some("t"));
        for none in ["trigger.json.y", "trigger.json.list.1", "trigger.topic.x", "trigger.json.list.-1"] {
            assert_eq!(of(&fired, none), None, "{none}");
        }
    }

    #[test]
    fn what_is_too_large_for_a_variable_is_left_out() {
        let fired = json!({"payload": "x".repeat(MOST + 1), "topic": "t"});
        assert_eq!(variables(&fired), [("trigger_topic".to_string(), "t".to_string())]);
        assert_eq!(left_out(&fired), ["payload"]);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("run/trigger.json");
        written(&fired, &file).unwrap();
        assert_eq!(std::fs::read_to_string(file).unwrap(), fired.to_string());
    }
}
