//! `fac ha set|call`: something is changed there, and it is looked whether it was.

use std::time::{Duration, Instant};

use serde_json::{Map, Value as Json, json};

use super::super::Context;
use super::super::talk::wait_or_stop;
use crate::automations::ha::{Home, set};
use crate::kernel::error::{Context as _, Error, Kind, Result};
use crate::kernel::terminal::safe_line;

/// How long a device may take to become what it was told.
const SETTLE: Duration = Duration::from_millis(1500);

/// Make an entity on, off, a number, an option
#[derive(Debug, clap::Args)]
pub(super) struct SetArgs {
    /// The entity
    entity: String,
    /// What it is to be
    #[arg(allow_hyphen_values = true)]
    value: String,
    /// Write only what Home Assistant believes, which changes no device
    #[arg(long)]
    state: bool,
    /// With --state: an attribute, NAME=text or NAME:=JSON (may be said again)
    #[arg(short, long = "attribute", value_name = "NAME=TEXT", requires = "state")]
    attributes: Vec<String>,
}

/// Call a service
#[derive(Debug, clap::Args)]
pub(super) struct CallArgs {
    /// The service, such as light.turn_on
    service: String,
    /// Its data: NAME=text, NAME:=JSON, or one JSON object
    data: Vec<String>,
    /// An entity that it is for (may be said again)
    #[arg(short, long = "entity", value_name = "ENTITY")]
    entities: Vec<String>,
    /// Print what it answers
    #[arg(long)]
    response: bool,
}

pub(super) fn set(context: &mut Context, args: &SetArgs) -> Result<u8> {
    let home = context.app.home()?;
    let entity = &args.entity;
    if args.state {
        let attributes = fields(&args.attributes)?;
        let attributes = Some(&attributes).filter(|a| !a.is_empty());
        let state = wait_or_stop(home.write_state(entity, &args.value, attributes))??;
        return told(context, entity, &state);
    }
    let setting = set::to(entity, &args.value)?;
    let state = wait_or_stop(async {
        let before = home.state(entity).await?;
        home.call(setting.domain, setting.service, &setting.data, false).await?;
        let after = settled(&home, entity, before.as_ref(), &args.value).await?;
        let is_still = before.as_ref().is_some_and(|before| before["last_updated"] == after["last_updated"]);
        Ok::<_, Error>((is_still && after["state"] != json!(args.value), after))
    })??;
    let (is_still, state) = state;
    if is_still {
        context.ui.warn(&safe_line(&format!("Home Assistant took it, and {entity} did not change")));
    }
    told(context, entity, &state)
}

/// What an entity is after a call: as soon as it differs from what it was, or is what it should be, or after a while.
async fn settled(home: &Home, entity: &str, before: Option<&Json>, wanted: &str) -> Result<Json> {
    let until = Instant::now() + SETTLE;
    loop {
        let now = home.state(entity).await?.unwrap_or_default();
        let is_it = now["state"] == json!(wanted) || before.is_some_and(|b| b["last_updated"] != now["last_updated"]);
        if is_it || Instant::now() >= until {
            return Ok(now);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn told(context: &Context, entity: &str, state: &Json) -> Result<u8> {
    if context.ui.json {
        context.ui.value(state)?;
    } else {
        let now = state["state"].as_str().unwrap_or_default();
        context.ui.line(&safe_line(&format!("{entity} is {now}")))?;
    }
    Ok(0)
}

pub(super) fn call(context: &mut Context, args: &CallArgs) -> Result<u8> {
    let parts = args.service.split_once('.').filter(|(domain, service)| !domain.is_empty() && !service.is_empty());
    let (domain, service) = parts.ok_or_else(|| {
        Error::new(Kind::Usage, format!("{:?} is no service; one looks like light.turn_on", args.service))
    })?;
    let mut data = fields(&args.data)?;
    if !args.entities.is_empty() {
        data.insert("entity_id".into(), json!(args.entities));
    }
    let home = context.app.home()?;
    let result = wait_or_stop(home.call(domain, service, &Json::Object(data), args.response))??;
    if context.ui.json {
        context.ui.value(&result)?;
    } else if args.response {
        let answer = result.get("service_response").unwrap_or(&result);
        context.ui.line(&safe_line(&answer.to_string()))?;
    } else {
        let changed: Vec<String> = result
            .as_array()
            .into_iter()
            .flatten()
            .map(|s| {
                format!(
                    "{} is {}",
                    s["entity_id"].as_str().unwrap_or_default(),
                    s["state"].as_str().unwrap_or_default()
                )
            })
            .collect();
        changed.iter().try_for_each(|line| context.ui.line(&safe_line(line)))?;
        if changed.is_empty() {
            context.ui.note("done; nothing changed at once");
        }
    }
    Ok(0)
}

/// Fields as they are typed.
fn fields(words: &[String]) -> Result<Map<String, Json>> {
    let mut all = Map::new();
    for word in words {
        if word.starts_with('{') {
            let object: Json =
                serde_json::from_str(word).context(Kind::Usage, || format!("{word} is no JSON object"))?;
            all.extend(object.as_object().cloned().unwrap_or_default());
        } else if let Some((name, value)) = word.split_once(":=").filter(|(name, _)| !name.contains('=')) {
            let value = serde_json::from_str(value).context(Kind::Usage, || format!("{value:?} is no JSON"))?;
            all.insert(name.to_string(), value);
        } else if let Some((name, value)) = word.split_once('=') {
            all.insert(name.to_string(), json!(value));
        } else {
            return Err(Error::new(Kind::Usage, format!("{word:?} is no field"))
                .hint("write NAME=text, NAME:=JSON, or one JSON object; -e names an entity"));
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_text_json_or_an_object() {
        let words = ["a=b=c", "n:=5", r#"{"x": [1]}"#, "e="].map(String::from);
        assert_eq!(Json::Object(fields(&words).unwrap()), json!({"a": "b=c", "n": 5, "x": [1], "e": ""}));
        for wrong in ["a", "a:=x", "{"] {
            assert_eq!(fields(&[wrong.to_string()]).unwrap_err().kind(), Kind::Usage, "{wrong}");
        }
    }
}
