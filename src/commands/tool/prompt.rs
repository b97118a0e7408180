//! Commands that are one prompt, for whoever asks a model by themselves: what they are called, what they take, and what
//! they say once it is filled in.

use serde_json::{Map, Value};

use super::name_of;
use super::schema::{given, schema_of};
use crate::commands::bind;
use crate::commands::catalog::{Resolved, Trust};
use crate::commands::model::{Command, ParamType, Severity, StepKind};
use crate::commands::run::{self, Call, Launcher};
use crate::exec::Stop;
use crate::kernel::error::{Error, Kind, Result};
use crate::store::DefinitionFilter;

/// The name by which what a prompt works on is given.
const INPUT: &str = "input";

/// A command that is one prompt.
#[derive(Clone, Debug)]
pub struct Prompt {
    /// A name that no other prompt has.
    pub name: String,
    /// Its whole name, `source:name`.
    pub key: String,
    /// One line about it.
    pub summary: String,
    /// What it takes: name, what it is, whether it is needed. `input` is what it works on.
    pub takes: Vec<(String, String, bool)>,
    resolved: Box<Resolved>,
}

/// Every trusted command that is one prompt, by name.
///
/// # Errors
/// Those of the store.
pub fn prompts(launcher: &Launcher) -> Result<Vec<Prompt>> {
    let catalog = launcher.catalog();
    let filter = DefinitionFilter { with_json: true, ..DefinitionFilter::default() };
    let (mut found, mut names, mut next): (Vec<Prompt>, Vec<String>, Option<String>) = Default::default();
    loop {
        let (rows, more) = catalog.store.list_definitions(&filter, next.as_deref(), 500)?;
        for row in rows.into_iter().filter(|row| catalog.is_visible(&row.source)) {
            let Some(hit) = row.into_hit() else { continue };
            let resolved = catalog.resolved(hit)?;
            if resolved.trust != Trust::Trusted || !is_prompt(&resolved.command) {
                continue;
            }
            let name = name_of(&resolved, &names);
            names.push(name.clone());
            found.push(prompt(name, resolved));
        }
        match more {
            Some(more) => next = Some(more),
            None => return Ok(found),
        }
    }
}

fn is_prompt(command: &Command) -> bool {
    let sound = command.runnable() && !command.diagnostics.iter().any(|d| d.severity == Severity::Error);
    let asks = |kind: StepKind| matches!(kind, StepKind::Prompt | StepKind::System);
    let secret = command.params.iter().any(|p| p.ty == ParamType::Secret && p.required && p.default.is_none());
    sound && !secret && !command.steps.is_empty() && command.steps.iter().all(|step| asks(step.kind))
}

fn prompt(name: String, resolved: Resolved) -> Prompt {
    let schema = schema_of(&resolved.command);
    let needed: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let properties = schema["properties"].as_object().into_iter().flatten();
    let mut takes: Vec<(String, String, bool)> = properties
        .map(|(name, of)| {
            let about = of["description"].as_str().unwrap_or_default().to_string();
            (name.clone(), about, needed.contains(&name.as_str()))
        })
        .collect();
    if !takes.iter().any(|(name, ..)| name == INPUT) {
        takes.push((INPUT.to_string(), "what it works on".to_string(), false));
    }
    let (key, summary) = (resolved.key(), resolved.command.summary.clone());
    Prompt { name, key, summary, takes, resolved: Box::new(resolved) }
}

/// What a prompt says with these arguments, all texts; a list stands in one as JSON.
///
/// # Errors
/// `Usage` for arguments that do not fit and for a command that is more than one prompt, `Refused` for one that is not
/// what it was when it was listed.
pub fn fill(launcher: &Launcher, prompt: &Prompt, arguments: &Map<String, Value>) -> Result<Call> {
    let catalog = launcher.catalog();
    let command = &prompt.resolved.command;
    let mut arguments = arguments.clone();
    let input = if command.param(INPUT).is_none() { arguments.shift_remove(INPUT) } else { None };
    let given = given(command, &Value::Object(arguments.into_iter().map(listed).collect()))?;
    let bound = bind::check(command, &given, &|_| None)?;
    let plan = run::plan(&catalog, (*prompt.resolved).clone(), bound)?;
    let mut engine = launcher.engine(&catalog, Stop::new()?, false, "prompt");
    engine.input = Some(input.as_ref().and_then(Value::as_str).unwrap_or_default().as_bytes().to_vec());
    let (call, _) = run::single_call(&engine, &plan)?;
    if call.is_empty() && call.system.is_none() {
        let said = format!("`{}` has nothing to work on", prompt.key);
        return Err(Error::new(Kind::Usage, said).hint("give `input`"));
    }
    Ok(call)
}

/// A list that came as text.
fn listed((name, value): (String, Value)) -> (String, Value) {
    match value.as_str().filter(|text| text.starts_with('[')).map(serde_json::from_str::<Vec<Value>>) {
        Some(Ok(items)) => (name, Value::Array(items)),
        _ => (name, value),
    }
}
