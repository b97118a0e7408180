//! The arguments of a command as a form, what was filled in as values, and both as a command line.

use crate::commands::catalog::{Trust, quoted};
use crate::commands::describe;
use crate::commands::model::{Command, Param, ParamKind, ParamType};
use crate::kernel::terminal::safe_line;
use crate::tui::happening::Launch;
use crate::tui::popups::{Form, Input};
use crate::tui::widgets::field::Field;

const YES: &str = "yes";
const NO: &str = "no";

/// What was filled in, by the name of the parameter.
pub type Filled = Vec<(String, String)>;

/// What a form is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Whether secret values are asked for.
    pub secrets: bool,
    /// Whether what is required must be there.
    pub strict: bool,
}

/// The parameters that a form asks for.
fn wanted(command: &Command, asked: Asked) -> impl Iterator<Item = &Param> {
    command.params.iter().filter(move |p| asked.secrets || p.ty != ParamType::Secret)
}

/// The parameters that a trusted definition has a command of its own for that suggests values.
pub fn with_suggestions(command: &Command, trust: Trust) -> Vec<String> {
    let has = |p: &&Param| p.required && p.suggest.is_some() && p.choices.is_empty() && p.ty != ParamType::Secret;
    let trusted = trust == Trust::Trusted;
    command.params.iter().filter(has).filter(|_| trusted).map(|p| p.name.clone()).collect()
}

/// The form for a command, filled with what was given before; `None` when it has nothing to ask for.
pub fn form(title: String, command: &Command, before: &Filled, asked: Asked) -> Option<Form> {
    let inputs: Vec<Input> = wanted(command, asked).map(|p| input(p, before, asked)).collect();
    (!inputs.is_empty()).then(|| Form::new(title, inputs))
}

fn input(param: &Param, before: &Filled, asked: Asked) -> Input {
    let given = before.iter().find(|(name, _)| *name == param.name).map(|(_, value)| value.clone());
    let default = param.default.as_ref().map(|d| safe_line(d).into_owned());
    let choices = choices(param);
    let value = match (given, param.kind) {
        (Some(given), _) => given,
        (None, ParamKind::Flag) => if is_on(param) { YES } else { NO }.to_string(),
        (None, _) => default.filter(|_| param.ty != ParamType::Secret).unwrap_or_default(),
    };
    let mut field = if param.ty == ParamType::Secret { Field::hidden() } else { Field::default() };
    field.set(&value);
    let required = asked.strict && param.required && param.default.is_none() && param.kind != ParamKind::Flag;
    Input {
        name: param.name.clone(),
        label: safe_line(&param.name).into_owned(),
        help: help(param),
        required,
        choices,
        field,
    }
}

fn choices(param: &Param) -> Vec<String> {
    match (param.kind, param.ty) {
        (ParamKind::Flag, _) => vec![NO.to_string(), YES.to_string()],
        (_, ParamType::Bool) if param.choices.is_empty() => vec!["true".to_string(), "false".to_string()],
        _ => param.choices.iter().map(|c| safe_line(c).into_owned()).collect(),
    }
}

/// Whether a flag is on when nobody says anything.
fn is_on(param: &Param) -> bool {
    matches!(param.default.as_deref(), Some("true" | "yes" | "on" | "1"))
}

/// The type, then what the definition says about it.
fn help(param: &Param) -> String {
    let kind = match param.kind {
        ParamKind::Flag => "yes or no".to_string(),
        ParamKind::Rest => "words, parted by blanks, quoted as in a shell".to_string(),
        _ if takes_words(param) => "one or more words, quoted as in a shell".to_string(),
        _ if param.ty == ParamType::File => "a file that exists".to_string(),
        _ => describe::type_word(param.ty).to_string(),
    };
    let about = describe::about(param);
    safe_line(&if about.is_empty() { kind } else { format!("{kind} · {about}") }).into_owned()
}

fn takes_words(param: &Param) -> bool {
    param.multiple || param.kind == ParamKind::Rest
}

/// What was filled in as a launch of `key`; what is as the definition says anyway is left out.
///
/// # Errors
/// The name of the parameter and what is wrong with it.
pub fn launch(command: &Command, key: String, filled: &Filled) -> std::result::Result<Launch, (String, String)> {
    let mut launch = Launch { command: key, ..Launch::default() };
    for param in &command.params {
        let Some((_, value)) = filled.iter().find(|(name, _)| *name == param.name) else { continue };
        if takes_words(param) {
            let words = shlex::split(value)
                .ok_or_else(|| (param.name.clone(), format!("{}: a quote is not closed", safe_line(&param.name))))?;
            match param.kind {
                ParamKind::Rest => launch.rest = words,
                _ => launch.values.extend(words.into_iter().map(|word| (param.name.clone(), word))),
            }
        } else if param.kind == ParamKind::Flag {
            let on = value == YES;
            if on != is_on(param) {
                launch.values.push((param.name.clone(), on.to_string()));
            }
        } else if param.default.as_ref() != Some(value) {
            launch.values.push((param.name.clone(), value.clone()));
        }
    }
    Ok(launch)
}

/// What may be kept of what was filled in: nothing secret.
pub fn without_secrets(command: &Command, filled: &Filled) -> Filled {
    let secret = |name: &str| command.param(name).is_none_or(|p| p.ty == ParamType::Secret);
    filled.iter().filter(|(name, _)| !secret(name)).cloned().collect()
}

/// The words behind `fac` that run it with these values; secret ones are left out, so that they are asked for.
pub fn words(command: &Command, name: &str, launch: &Launch) -> Vec<String> {
    let (mut sets, mut behind, mut options) = (Vec::new(), Vec::new(), Vec::new());
    let mut in_order = true;
    for param in command.params.iter().filter(|p| p.ty != ParamType::Secret && p.kind != ParamKind::Rest) {
        let given: Vec<&String> = launch.values.iter().filter(|(n, _)| *n == param.name).map(|(_, v)| v).collect();
        match param.kind {
            ParamKind::Positional if given.len() == 1 && in_order && !given[0].starts_with('-') => {
                behind.push(given[0].clone());
            }
            ParamKind::Flag => options.extend(given.iter().map(|on| match on.as_str() {
                "true" => format!("--{}", param.name),
                _ => format!("--no-{}", param.name),
            })),
            ParamKind::Option => options.extend(given.iter().map(|v| format!("--{}={v}", param.name))),
            _ => {
                in_order = false;
                sets.extend(given.iter().flat_map(|v| ["--set".to_string(), format!("{}={v}", param.name)]));
            }
        }
    }
    let rest = command.params.iter().find(|p| p.kind == ParamKind::Rest && p.ty != ParamType::Secret);
    let mut words: &[String] = if rest.is_some() { &launch.rest } else { &[] };
    if let Some(rest) = rest.filter(|_| !in_order) {
        // A word behind the name would be taken for the position that was left out.
        sets.extend(words.iter().flat_map(|w| ["--set".to_string(), format!("{}={w}", rest.name)]));
        words = &[];
    }
    let dashes = words.iter().any(|w| w.starts_with('-')).then(|| "--".to_string());
    let all = ["run".to_string()].into_iter().chain(sets).chain([name.to_string()]);
    all.chain(options).chain(behind).chain(dashes).chain(words.iter().cloned()).collect()
}

/// The command line to type in a shell; words of the name stand by themselves where that means the same.
pub fn line(command: &Command, name: &str, launch: &Launch) -> String {
    let words = words(command, name, launch);
    let plain = |word: &String| if *word == name && !name.contains(':') { name.to_string() } else { quoted(word) };
    let words: Vec<String> = words.iter().map(plain).collect();
    format!("fac {}", words.join(" "))
}
