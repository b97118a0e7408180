//! What a definition would run by, where, and with what: told to a person before it is trusted.
//!
//! It runs nothing, writes nothing and reads no value of a secret.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use super::context;
use crate::commands::catalog::Resolved;
use crate::commands::model::{ParamKind, ParamType, Step, StepKind};
use crate::commands::template;
use crate::exec::Interpreters;
use crate::kernel::config::key::KeyPath;
use crate::kernel::config::schema;
use crate::kernel::env::Env;

/// One thing told of some steps.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// The ids of the steps; empty where it holds for all of them.
    pub steps: Vec<String>,
    /// What is told.
    pub what: String,
}

/// What a definition would reach.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reach {
    /// The language of each step and the program that is found for it, or the room that does it.
    pub by: Vec<Told>,
    /// The folders its scripts start in.
    pub folders: Vec<Told>,
    /// The variables it sets for its scripts, with their values.
    pub env: Vec<(String, String)>,
    /// The variables that its arguments become.
    pub arguments: Vec<String>,
    /// Its secret parameters.
    pub secret_arguments: Vec<String>,
    /// Variables of the caller that its steps name and that look like secrets.
    pub secret_variables: Vec<String>,
    /// Secrets that you keep and its requests send.
    pub kept_secrets: Vec<String>,
}

impl Reach {
    /// The same as lines: a label and what is told.
    pub fn facts(&self) -> Vec<(&'static str, String)> {
        let mut facts = Vec::new();
        facts.extend(self.by.iter().map(|told| ("runs by", told.to_string())));
        facts.extend(self.folders.iter().map(|told| ("in", told.to_string())));
        facts.extend(self.env.iter().map(|(name, value)| ("sets", format!("{name}={value}"))));
        if !self.arguments.is_empty() {
            facts.push(("sets", format!("{} from its arguments", self.arguments.join(", "))));
        }
        let asked = self.secret_arguments.iter().map(|name| format!("the argument {name}"));
        let taken = self.secret_variables.iter().map(|name| format!("{name} of your environment"));
        let kept = self.kept_secrets.iter().map(|name| format!("the secret {name}"));
        let secrets: Vec<String> = asked.chain(taken).chain(kept).collect();
        if !secrets.is_empty() {
            facts.push(("secrets", secrets.join(", ")));
        }
        facts
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        match self.steps.as_slice() {
            [] => Ok(()),
            [one] => write!(f, " for step {one}"),
            many => write!(f, " for steps {}", many.join(", ")),
        }
    }
}

/// What `resolved` would reach if it were run from `cwd`.
pub fn reach(resolved: &Resolved, interpreters: &Interpreters, env: &Env, cwd: &Path) -> Reach {
    let command = &resolved.command;
    let (scripts, others): (Vec<&Step>, Vec<&Step>) = command.steps.iter().partition(|s| is_script(s));
    let folder = |step: &&Step| {
        let there = context::wanted_folder(resolved, step, cwd, env);
        there.map_or_else(|error| error.to_string(), |folder| folder.display().to_string())
    };
    let written = command.params.iter().filter(|p| p.kind != ParamKind::Rest).map(|p| p.var.clone());
    let secret = command.params.iter().filter(|p| p.ty == ParamType::Secret);
    Reach {
        by: told(command.steps.iter().map(|s| (s, by(s, interpreters, env))), others.len() + scripts.len()),
        folders: told(scripts.iter().map(|s| (*s, folder(s))), scripts.len()),
        env: command.env.clone(),
        arguments: written.collect(),
        secret_arguments: secret.map(|p| p.name.clone()).collect(),
        secret_variables: secret_variables(&command.steps, env),
        kept_secrets: kept_secrets(&command.steps),
    }
}

/// What requests name as `{{secret.NAME}}`.
fn kept_secrets(steps: &[Step]) -> Vec<String> {
    let requests = steps.iter().filter(|s| s.kind == StepKind::Http);
    let slots = requests.flat_map(|s| template::placeholders(s.syntax, &s.text));
    let names: BTreeSet<String> =
        slots.filter_map(|slot| slot.name.strip_prefix("secret.").map(String::from)).collect();
    names.into_iter().collect()
}

fn is_script(step: &Step) -> bool {
    matches!(step.kind, StepKind::Script | StepKind::Snippet)
}

/// Who does a step: `sh (/usr/bin/sh)`, `a model`, `other commands`.
fn by(step: &Step, interpreters: &Interpreters, env: &Env) -> String {
    match step.kind {
        StepKind::Script | StepKind::Snippet => {
            let path = env.os("PATH").unwrap_or_default();
            match interpreters.program(&step.lang, &step.text, path) {
                Ok(program) => format!("{} ({})", step.lang, program.display()),
                Err(error) => format!("{} ({error})", step.lang),
            }
        }
        StepKind::Prompt | StepKind::System => {
            step.model.as_ref().map_or_else(|| "a model".to_string(), |model| format!("the model {model}"))
        }
        StepKind::Run => "other commands".to_string(),
        kind => kind.name().to_string(),
    }
}

/// Puts steps of which the same is told together, in the order they are first told of.
fn told<'s>(each: impl Iterator<Item = (&'s Step, String)>, all: usize) -> Vec<Told> {
    let mut groups: Vec<Told> = Vec::new();
    for (step, what) in each {
        match groups.iter_mut().find(|g| g.what == what) {
            Some(group) => group.steps.push(step.id.clone()),
            None => groups.push(Told { steps: vec![step.id.clone()], what }),
        }
    }
    groups.iter_mut().filter(|g| g.steps.len() == all).for_each(|g| g.steps.clear());
    groups
}

/// The caller's variables that a text names as a word of its own and whose names look like secrets. Ours
/// (`FAC_SECRET_…`) reach no script.
fn secret_variables(steps: &[Step], env: &Env) -> Vec<String> {
    let words: BTreeSet<&str> =
        steps.iter().flat_map(|s| s.text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')).collect();
    let there = |word: &&&str| !word.starts_with("FAC_SECRET_") && env.os(word).is_some();
    let looks = |word: &&&str| schema::looks_secret(&KeyPath::new([**word]));
    words.iter().filter(looks).filter(there).map(|word| word.to_string()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::model::Syntax;

    #[test]
    fn the_secrets_that_requests_send_are_told() {
        let mut request =
            Step::new("a", StepKind::Http, "http", "GET https://a/\nX: {{secret.door}} \\{{secret.no}} {{x}}");
        request.syntax = Syntax::Native;
        let mut other = Step::new("b", StepKind::Say, "say", "{{secret.other}}");
        other.syntax = Syntax::Native;
        assert_eq!(kept_secrets(&[request, other]), ["door"]);
        let reach = Reach { kept_secrets: vec!["door".to_string()], ..Reach::default() };
        assert_eq!(reach.facts(), [("secrets", "the secret door".to_string())]);
    }
}
