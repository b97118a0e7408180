//! `ha` steps: a service is called, and a call on an entity that is not there is a failure.
//!
//! The service stands in the info string (`service=light.turn_on`) or in the first line; the text is its data, as YAML or
//! JSON. Values of placeholders are put into texts of that data after it was read, so that no value can add a field.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde_json::Value as Json;

use super::link::call;
use super::source::{Contexts, FindHome};
use crate::automations::mqtt::step::{DepthOf, depth_of};
use crate::automations::steps::fill::literal;
use crate::automations::steps::{performed, sent_as_it_stands};
use crate::commands::model::{Step, StepKind, Syntax};
use crate::commands::run::{Performed, StepRunner, Work};
use crate::commands::template::{self, Values};
use crate::kernel::error::{Context as _, Error, Kind, Result};
use crate::store::Status;

/// How long a call may take where nothing else is said: a service may do a lot before it answers.
const PATIENCE: Duration = Duration::from_secs(300);

/// Calls services for steps.
#[derive(Clone)]
pub struct HomeSteps {
    home: FindHome,
    contexts: Contexts,
    depth: DepthOf,
}

impl HomeSteps {
    /// Steps for this Home Assistant, which is looked up when the first is done.
    pub fn new(home: FindHome, contexts: Contexts, depth: DepthOf) -> HomeSteps {
        HomeSteps { home, contexts, depth }
    }
}

impl StepRunner for HomeSteps {
    fn runs(&self, kind: StepKind) -> bool {
        kind == StepKind::Ha
    }

    fn ready(&self, _: &Step) -> Result<()> {
        (self.home)().map(drop)
    }

    fn run(&self, work: &Work<'_>) -> Result<Performed> {
        let begun = Instant::now();
        let wish = read(work)?;
        let home = (self.home)()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.context(Kind::Failed, || "cannot start the network runtime".to_string())?;
        let ended = runtime.block_on(async {
            let called = call(&home, &wish.domain, &wish.service, &wish.data, wish.answer);
            let stopped = async {
                while !work.stop.is_requested() {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            };
            let late = tokio::time::sleep(work.timeout.unwrap_or(PATIENCE));
            tokio::select! {
                done = called => done,
                () = stopped => Err(Error::new(Kind::Interrupted, "stopped before Home Assistant answered")),
                () = late => Err(Error::new(Kind::TimedOut, "Home Assistant did not answer in time")),
            }
        });
        runtime.shutdown_background();
        let (status, code, wrote, trouble) = match ended {
            Ok(result) => {
                if let Some(context) = result["context"]["id"].as_str() {
                    self.contexts.note(context, depth_of(work, &self.depth));
                }
                let said = if wish.answer { format!("{}\n", result["response"]) } else { String::new() };
                (Status::Ok, 0, said.into_bytes(), None)
            }
            Err(error) => {
                let status = Status::of(error.kind());
                (status, i32::from(error.kind().exit_code()), Vec::new(), Some(error))
            }
        };
        let notes: Vec<String> = wish.missing.iter().map(|name| sent_as_it_stands(name)).collect();
        Ok(performed(work, begun, wrote, &notes.join(" "), (status, code, trouble)))
    }
}

/// A call as a step wishes it.
struct Wish {
    domain: String,
    service: String,
    data: Json,
    answer: bool,
    /// Placeholders without a value, each once; they stay as they are.
    missing: Vec<String>,
}

fn read(work: &Work<'_>) -> Result<Wish> {
    let (service, text) = match work.step.options.get("service") {
        Some(service) => (service.trim(), work.step.text.as_str()),
        None => {
            work.step.text.split_once('\n').map_or((work.step.text.trim(), ""), |(first, rest)| (first.trim(), rest))
        }
    };
    let service = template::render(Syntax::Native, service, &Values::new(work.look)).text;
    let input = work.input.as_ref().map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let value = |name: &str| match name {
        "input" => input.clone().or_else(|| (work.look)(name)),
        name => (work.look)(name),
    };
    let Some((domain, service)) = service.split_once('.').filter(|(d, s)| is_word(d) && is_word(s)) else {
        return Err(Error::new(Kind::BadData, format!("{service:?} is no service"))
            .hint("write it in the info string, ha {service=light.turn_on}, or as the first line"));
    };
    let (data, missing) = data(text, &value)?;
    Ok(Wish {
        domain: domain.to_string(),
        service: service.to_string(),
        data,
        missing,
        answer: work.step.options.get("response").is_some_and(|word| word != "false"),
    })
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// What stands for a value while the text is read: this, a number, and an `X`.
const MARK: &str = "FACMARK";

/// What stands where a mark does.
struct Marked {
    value: String,
    /// Whether it stands without quotes, where YAML would read a number.
    is_bare: bool,
}

/// The text with marks for its placeholders, what stands for them, and which have no value: those stand for themselves.
fn marked(text: &str, value: &dyn Fn(&str) -> Option<String>) -> (String, HashMap<String, Marked>, Vec<String>) {
    let (mut out, mut marks, mut missing, mut from) = (String::new(), HashMap::new(), Vec::new(), 0);
    for slot in template::placeholders(Syntax::Native, text) {
        out.push_str(&literal(&text[from..slot.start]));
        let found = value(&slot.name);
        if found.is_none() && !missing.contains(&slot.name) {
            missing.push(slot.name.clone());
        }
        let is_bare = found.is_some() && !out.ends_with(['"', '\'']);
        let value = found.unwrap_or_else(|| text[slot.start..slot.end].to_string());
        let mark = format!("{MARK}{}X", marks.len());
        out.push_str(&mark);
        marks.insert(mark, Marked { value, is_bare });
        from = slot.end;
    }
    out.push_str(&literal(&text[from..]));
    (out, marks, missing)
}

/// The data of a call, and which placeholders have no value: the text is read first, with marks for its placeholders, and
/// values are put in then.
fn data(text: &str, value: &dyn Fn(&str) -> Option<String>) -> Result<(Json, Vec<String>)> {
    if text.trim().is_empty() {
        return Ok((Json::Object(serde_json::Map::new()), Vec::new()));
    }
    let (text, marks, missing) = marked(text, value);
    let bad = || "the data of the service is neither YAML nor JSON".to_string();
    let mut data: Json = serde_saphyr::from_str(&text).context(Kind::BadData, bad)?;
    if !data.is_object() {
        return Err(Error::new(Kind::BadData, "the data of a service are fields, such as `entity_id: light.kitchen`"));
    }
    fill(&mut data, &marks)?;
    Ok((data, missing))
}

/// Puts values where their marks stand. A text that is a mark and nothing else, without quotes, becomes a number where the
/// value is one and reads the same as one.
///
/// # Errors
/// `BadData` where one stands in the name of a field.
fn fill(json: &mut Json, marks: &HashMap<String, Marked>) -> Result<()> {
    match json {
        Json::String(text) if text.contains(MARK) => {
            if let Some(Marked { value, is_bare }) = marks.get(text.as_str()) {
                let number = value.parse::<serde_json::Number>().ok();
                let number = number.filter(|number| *is_bare && number.to_string() == *value);
                *json = number.map_or_else(|| Json::String(value.clone()), Json::Number);
                return Ok(());
            }
            *text = filled(text, marks);
            Ok(())
        }
        Json::Array(list) => list.iter_mut().try_for_each(|one| fill(one, marks)),
        Json::Object(fields) => fields.iter_mut().try_for_each(|(name, one)| match name.contains(MARK) {
            true => Err(Error::new(Kind::BadData, "the name of a field of the data cannot be a placeholder")),
            false => fill(one, marks),
        }),
        _ => Ok(()),
    }
}

/// The text with its marks replaced in one go: what looks like a mark inside of a value is none.
fn filled(text: &str, marks: &HashMap<String, Marked>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(MARK) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = rest.find('X').map_or(rest.len(), |end| end + 1);
        let (value, end) = marks.get(&rest[..end]).map_or((MARK, MARK.len()), |marked| (marked.value.as_str(), end));
        out.push_str(value);
        rest = &rest[end..];
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> Result<Json> {
        data(text, &value).map(|(data, _)| data)
    }

    fn value(name: &str) -> Option<String> {
        match name {
            "room" => Some("kitchen".to_string()),
            "level" => Some("40".to_string()),
            "version" => Some("1.10".to_string()),
            "code" => Some("0042".to_string()),
            "mark" => Some("FACMARK1X FACMARK".to_string()),
            "evil" => Some("x\nentity_id: lock.front_door".to_string()),
            _ => None,
        }
    }

    #[test]
    fn data_is_yaml_or_json_and_no_value_can_add_a_field() {
        assert_eq!(read("").unwrap(), json!({}));
        let text = "entity_id: light.{{room}}\nbrightness_pct: {{level}}\ncolors:\n  - \"{{room}} {{level}}\"\n";
        let want = json!({"entity_id": "light.kitchen", "brightness_pct": 40, "colors": ["kitchen 40"]});
        assert_eq!(read(text).unwrap(), want);
        assert_eq!(read(r#"{"entity_id": "light.{{room}}"}"#).unwrap(), json!({"entity_id": "light.kitchen"}));
        let hostile = read("message: {{evil}}\n").unwrap();
        assert_eq!(hostile, json!({"message": "x\nentity_id: lock.front_door"}));
        let marks = read("message: \"{{mark}} {{room}}, FACMARK7X {{mark}}\"\n").unwrap();
        assert_eq!(marks, json!({"message": "FACMARK1X FACMARK kitchen, FACMARK7X FACMARK1X FACMARK"}));
        let (data, missing) = data("a: \"{{gone}} {{room}}\"\nb: [\"{{gone}}\", 1]\n", &value).unwrap();
        assert_eq!((data, missing), (json!({"a": "{{gone}} kitchen", "b": ["{{gone}}", 1]}), vec!["gone".to_string()]));
        let (bare, missing) = super::data("a: {{gone}}\nb: [{{gone}}, {{level}}]\n", &value).unwrap();
        assert_eq!((bare, missing), (json!({"a": "{{gone}}", "b": ["{{gone}}", 40]}), vec!["gone".to_string()]));
        // A number is one only where it stands as one and reads the same.
        let text = "a: {{version}}\nb: \"{{level}}\"\nc: '{{level}}'\nd: {{code}}\n";
        assert_eq!(read(text).unwrap(), json!({"a": "1.10", "b": "40", "c": "40", "d": "0042"}));
        for bad in ["\"{{room}}\": 1", "a: [{\"x{{room}}\": 1}]", "- a\n- b\n", "just text", "a: [1"] {
            assert_eq!(read(bad).unwrap_err().kind(), Kind::BadData, "{bad}");
        }
    }
}
