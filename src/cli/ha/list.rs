//! `fac ha states|get|services`: what there is.

use serde_json::{Value as Json, json};

use super::super::Context;
use super::super::table::Table;
use super::super::talk::wait_or_stop;
use super::super::ui::Role;
use crate::automations::ha::mirror::friendly;
use crate::chat::policy;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::terminal::{safe, safe_line};

/// List entities and their states
#[derive(Debug, clap::Args)]
pub(super) struct StatesArgs {
    /// Only those that fit one of these: a name with *, or a part of what people call it
    entities: Vec<String>,
}

/// Show one entity
#[derive(Debug, clap::Args)]
pub(super) struct GetArgs {
    /// The entity
    entity: String,
    /// Only this attribute
    #[arg(short, long, value_name = "NAME")]
    attribute: Option<String>,
    /// Everything that is known of it
    #[arg(long, conflicts_with = "attribute")]
    all: bool,
}

/// List services and what they take
#[derive(Debug, clap::Args)]
pub(super) struct ServicesArgs {
    /// Only those of this domain, or one service of it (light, light.turn_on)
    name: Option<String>,
}

pub(super) fn states(context: &mut Context, args: &StatesArgs) -> Result<u8> {
    let home = context.app.home()?;
    let mut all = wait_or_stop(home.states())??;
    let known: Vec<(String, String)> =
        all.iter().filter_map(|s| Some((s["entity_id"].as_str()?.to_string(), friendly(s).to_string()))).collect();
    context.app.keep_entities(&known);
    all.sort_by(|a, b| a["entity_id"].as_str().cmp(&b["entity_id"].as_str()));
    all.retain(|state| args.entities.is_empty() || args.entities.iter().any(|want| fits(want, state)));
    let code = if all.is_empty() && !args.entities.is_empty() { Kind::NotFound.exit_code() } else { 0 };
    if context.ui.json {
        context.ui.value(&json!({"states": all}))?;
        return Ok(code);
    }
    if all.is_empty() {
        context.ui.note(if code == 0 { "there are no entities" } else { "no entity fits" });
        return Ok(code);
    }
    let mut table = Table::new(&["entity", "state", "name"]);
    for state in &all {
        let entity = state["entity_id"].as_str().unwrap_or_default().to_string();
        table.row(vec![
            (entity, Some(Role::Name)),
            (with_unit(state), None),
            (friendly(state).to_string(), Some(Role::Dim)),
        ]);
    }
    context.page(&table.render(&context.ui))?;
    Ok(0)
}

/// Whether an entity is meant by a pattern, or by a part of what people call it.
fn fits(want: &str, state: &Json) -> bool {
    let entity = state["entity_id"].as_str().unwrap_or_default();
    policy::fits(want, entity) || friendly(state).to_lowercase().contains(&want.to_lowercase())
}

fn with_unit(state: &Json) -> String {
    let value = state["state"].as_str().unwrap_or_default();
    match state["attributes"]["unit_of_measurement"].as_str() {
        Some(unit) => format!("{value} {unit}"),
        None => value.to_string(),
    }
}

pub(super) fn get(context: &mut Context, args: &GetArgs) -> Result<u8> {
    let home = context.app.home()?;
    let entity = &args.entity;
    let found = wait_or_stop(home.state(entity))??;
    let state = found.ok_or_else(|| {
        Error::new(Kind::NotFound, format!("Home Assistant has no entity {entity}"))
            .hint("`fac ha states` lists what there is")
    })?;
    if let Some(name) = &args.attribute {
        let value = state["attributes"].get(name).ok_or_else(|| {
            let all: Vec<&str> =
                state["attributes"].as_object().map(|a| a.keys().map(String::as_str).collect()).unwrap_or_default();
            Error::new(Kind::NotFound, format!("{entity} has no attribute {name}"))
                .hint(format!("it has {}", all.join(", ")))
        })?;
        if context.ui.json {
            context.ui.value(&json!({"entity": entity, "attribute": name, "value": value}))?;
        } else {
            context.ui.line(&safe_line(&plain(value)))?;
        }
        return Ok(0);
    }
    if context.ui.json {
        context.ui.value(&state)?;
        return Ok(0);
    }
    if !args.all {
        context.ui.line(&safe_line(state["state"].as_str().unwrap_or_default()))?;
        return Ok(0);
    }
    let mut table = Table::new(&["what", "value"]);
    for field in ["entity_id", "state", "last_changed", "last_updated"] {
        table.row(vec![(field.to_string(), Some(Role::Name)), (plain(&state[field]), None)]);
    }
    for (name, value) in state["attributes"].as_object().into_iter().flatten() {
        table.row(vec![(name.clone(), Some(Role::Name)), (plain(value), None)]);
    }
    context.page(&table.render(&context.ui))?;
    Ok(0)
}

/// A value as a person reads it: a text without its quotes.
fn plain(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), String::from)
}

pub(super) fn services(context: &mut Context, args: &ServicesArgs) -> Result<u8> {
    let home = context.app.home()?;
    let all = wait_or_stop(home.services())??;
    let (domain, service) = match args.name.as_deref().map(|n| n.split_once('.').unwrap_or((n, ""))) {
        Some((domain, service)) => (Some(domain), Some(service).filter(|s| !s.is_empty())),
        None => (None, None),
    };
    let mut found = Vec::new();
    for one in &all {
        let of = one["domain"].as_str().unwrap_or_default();
        for (name, said) in one["services"].as_object().into_iter().flatten() {
            if domain.is_none_or(|d| d == of) && service.is_none_or(|s| s == name) {
                found.push((format!("{of}.{name}"), said));
            }
        }
    }
    if found.is_empty() {
        let name = args.name.as_deref().unwrap_or_default();
        return Err(Error::new(Kind::NotFound, format!("Home Assistant has no service {name}"))
            .hint("`fac ha services` lists all"));
    }
    if context.ui.json {
        let list: Vec<Json> = found
            .iter()
            .map(|(name, said)| json!({"service": name, "description": said["description"], "fields": said["fields"]}))
            .collect();
        context.ui.value(&json!({"services": list}))?;
        return Ok(0);
    }
    if let ([(name, said)], Some(_)) = (found.as_slice(), service) {
        return one_service(context, name, said);
    }
    let mut table = Table::new(&["service", "takes", "what it does"]);
    for (name, said) in &found {
        let fields: Vec<&str> =
            said["fields"].as_object().map(|f| f.keys().map(String::as_str).collect()).unwrap_or_default();
        let what = said["description"].as_str().or(said["name"].as_str()).unwrap_or_default().to_string();
        table.row(vec![(name.clone(), Some(Role::Name)), (fields.join(" "), Some(Role::Dim)), (what, None)]);
    }
    context.page(&table.render(&context.ui))?;
    Ok(0)
}

fn one_service(context: &Context, name: &str, said: &Json) -> Result<u8> {
    let what = said["description"].as_str().unwrap_or_default();
    let mut out = format!("{}  {}\n", context.ui.paint(Role::Name, &safe_line(name)), safe(what));
    let mut table = Table::new(&["field", "needed", "example", "what it is"]);
    for (field, about) in said["fields"].as_object().into_iter().flatten() {
        let needed = if about["required"] == json!(true) { "yes" } else { "" };
        let example = if about["example"].is_null() { String::new() } else { plain(&about["example"]) };
        let what = about["description"].as_str().unwrap_or_default().to_string();
        table.row(vec![
            (field.clone(), Some(Role::Name)),
            (needed.into(), None),
            (example, Some(Role::Dim)),
            (what, None),
        ]);
    }
    out.push_str(&table.render(&context.ui));
    context.page(&out)?;
    Ok(0)
}
