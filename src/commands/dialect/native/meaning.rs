//! What the fields of a native definition mean: each label sets one part of the command.

use std::collections::BTreeMap;

use super::fields::{Field, Fields, Line};
use crate::commands::model::{Command, Cwd, Diagnostic, Effect, Mode, Param, ParamKind, ParamType, Trigger};
use crate::kernel::duration::parse_ms;
use crate::kernel::near::near;

/// The labels that no other word is nearly like. The short ones are: somebody's own `Model` is no slip of `Mode`.
const LONG: [&str; 7] = ["description", "aliases", "requires", "platforms", "options", "timeout", "effects"];

/// How much a label must look like one of those to be a slip of it; 1 is the same.
const SLIP: f64 = 0.95;

/// Applies every field to `command`; unknown labels are kept.
pub fn apply(fields: &Fields, command: &mut Command) {
    for field in &fields.fields {
        apply_one(field, command);
    }
    if command.summary.is_empty()
        && let Some(first) = fields.prose.first()
    {
        command.summary = first.clone();
    }
}

fn apply_one(field: &Field, command: &mut Command) {
    match field.label.to_ascii_lowercase().as_str() {
        "description" => command.summary = field.value.clone(),
        "aliases" | "alias" => command.aliases.extend(field.list().iter().map(|a| bare(a))),
        "requires" => requires(field, command),
        "env" => env(field, command),
        "platforms" => command.platforms = field.list().iter().map(|p| platform(p)).collect(),
        "options" => field.items.iter().for_each(|line| option(line, command)),
        "on" => triggers(field, command),
        "if" => command.condition = Some(field.single()).filter(|c| !c.is_empty()),
        "mode" => mode(field, command),
        "timeout" => match parse_ms(&field.single()) {
            Some(ms) => command.timeout_ms = Some(ms),
            None => odd(field, command, "is no length of time such as `10m`"),
        },
        "retry" => match field.single().split_whitespace().next().and_then(|n| n.parse().ok()) {
            Some(times) => command.retry = times,
            None => odd(field, command, "is no number of times"),
        },
        "effects" => effects(field, command),
        "tool" => match field.single().to_ascii_lowercase().as_str() {
            "yes" | "true" => command.tool = Some(true),
            "no" | "false" => command.tool = Some(false),
            _ => odd(field, command, "is neither `yes` nor `no`"),
        },
        "cwd" => command.cwd = cwd(&field.single()),
        own => {
            if let Some(meant) = near(own, LONG, SLIP).first() {
                let said = format!("`{}:` is kept as a field of its own: did you mean `{meant}`?", field.label);
                command.diagnostics.push(Diagnostic::warning(field.line, 1, said));
            }
            let list: Vec<&str> = field.items.iter().map(|i| i.text.as_str()).collect();
            let value = if list.is_empty() { field.value.clone() } else { list.join("; ") };
            command.fields.push((field.label.clone(), value));
        }
    }
}

fn odd(field: &Field, command: &mut Command, what: &str) {
    let said = format!("`{}: {}` {what}", field.label, field.single());
    command.diagnostics.push(Diagnostic::error(field.line, 1, said));
}

fn bare(name: &str) -> String {
    name.trim().trim_start_matches('/').to_string()
}

fn requires(field: &Field, command: &mut Command) {
    for written in field.list() {
        match shlex::split(&bare(&written)).filter(|w| !w.is_empty()) {
            Some(words) => command.requires.push(words),
            None => odd(field, command, "holds a quote that is not closed"),
        }
    }
}

/// `A=1, B=two words` or a list of such.
fn env(field: &Field, command: &mut Command) {
    for pair in field.list() {
        match pair.split_once('=') {
            Some((key, value)) if !key.trim().is_empty() => {
                let value = value.trim().trim_matches('"');
                command.env.push((key.trim().to_string(), value.to_string()));
            }
            _ => odd(field, command, "is not written as `NAME=value`"),
        }
    }
}

fn platform(name: &str) -> String {
    match name.trim().to_ascii_lowercase().as_str() {
        "osx" | "mac" | "darwin" => "macos".to_string(),
        other => other.to_string(),
    }
}

fn mode(field: &Field, command: &mut Command) {
    match field.single().to_ascii_lowercase().as_str() {
        "single" => command.mode = Mode::Single,
        "restart" => command.mode = Mode::Restart,
        "queued" => command.mode = Mode::Queued,
        "parallel" => command.mode = Mode::Parallel,
        more if more.contains(" max=") => {
            odd(field, command, "is one word; `max=` stands in `**On:**`, such as `mqtt home/door max=5`")
        }
        _ => odd(field, command, "is none of single, restart, queued, parallel"),
    }
}

fn effects(field: &Field, command: &mut Command) {
    for effect in field.list() {
        match effect.to_ascii_lowercase().as_str() {
            "read" => command.effects.push(Effect::Read),
            "write" => command.effects.push(Effect::Write),
            "network" => command.effects.push(Effect::Network),
            _ => odd(field, command, "is none of read, write, network"),
        }
    }
}

fn cwd(value: &str) -> Cwd {
    match value {
        "" | "caller" | "$PWD" => Cwd::Caller,
        "file" | "." | "$FAC_SOURCE_DIR" => Cwd::File,
        path if path.starts_with('/') || path.starts_with('~') => Cwd::Path(path.to_string()),
        path => Cwd::Relative(path.to_string()),
    }
}

/// `schedule "0 9 * * 1-5" tz=Europe/Berlin`, one a line.
fn triggers(field: &Field, command: &mut Command) {
    let lines = field.items.iter().map(|i| i.line).chain(std::iter::repeat(field.line));
    for (written, line) in field.list().iter().zip(lines) {
        let Some(words) = shlex::split(written).filter(|w| !w.is_empty()) else {
            let said = format!("the trigger `{written}` holds a quote that is not closed");
            command.diagnostics.push(Diagnostic::error(line, 1, said));
            continue;
        };
        let mut trigger =
            Trigger { kind: words[0].to_ascii_lowercase(), args: Vec::new(), options: BTreeMap::new(), line };
        for word in &words[1..] {
            match word.split_once('=').filter(|(k, _)| k.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')) {
                Some((key, value)) => drop(trigger.options.insert(key.to_string(), value.to_string())),
                None => trigger.args.push(word.clone()),
            }
        }
        const KINDS: [&str; 8] = ["schedule", "mqtt", "homeassistant", "file", "event", "webhook", "voice", "startup"];
        if !KINDS.contains(&trigger.kind.as_str()) {
            let said = format!("nothing fires on `{}`: known are {}", trigger.kind, KINDS.join(", "));
            command.diagnostics.push(Diagnostic::error(line, 1, said));
        }
        command.triggers.push(trigger);
    }
}

/// ``- `-n`, `--dry-run` (bool): help`` refines a parameter of the signature.
fn option(line: &Line, command: &mut Command) {
    let names: Vec<&str> = line.codes.iter().map(|c| c.trim_matches(['<', '>', '[', ']'])).collect();
    let Some(name) = names.iter().find(|n| !short_only(n)) else {
        return command.fields.push(("Options".to_string(), line.text.clone()));
    };
    if name.starts_with('/') {
        return command.fields.push(("Options".to_string(), line.text.clone()));
    }
    let name = name.trim_start_matches('-').split(['=', ' ']).next().unwrap_or("").trim_end_matches("...");
    let var = super::signature::variable(name);
    let short = names.iter().find(|n| short_only(n)).and_then(|n| n.chars().nth(1));
    let Some(param) = command.params.iter_mut().find(|p| p.var == var) else {
        let said = format!("the option `{name}` does not stand in the signature");
        return command.diagnostics.push(Diagnostic::warning(line.line, 1, said));
    };
    if short.is_some() {
        param.short = short;
    }
    let first = line.rest.trim_start_matches([' ', ':']).split_whitespace().next().unwrap_or_default();
    if let Some(meant) = first.strip_prefix("type=").or(Some(first).filter(|f| f.starts_with("default="))) {
        let said =
            format!("`{first}` is read as help for `{name}`: what refines it stands in parentheses, `({meant})`");
        command.diagnostics.push(Diagnostic::warning(line.line, 1, said));
    }
    let mut problems = Vec::new();
    let help = match line.rest.strip_prefix('(').and_then(|r| r.split_once(')')) {
        Some((notes, help)) => {
            notes.split(',').for_each(|note| refine(param, note.trim(), &mut problems));
            help
        }
        None => line.rest.as_str(),
    };
    param.help = help.trim_start_matches([' ', ':', '-', '–', '—']).trim().to_string();
    let said = problems.into_iter().map(|p| Diagnostic::error(line.line, 1, p));
    command.diagnostics.extend(said);
}

fn short_only(name: &str) -> bool {
    name.len() == 2 && name.starts_with('-') && name != "--"
}

/// One note in the parentheses: a type, `default=x`, `required`, `a|b`.
fn refine(param: &mut Param, note: &str, problems: &mut Vec<String>) {
    let ty = match note.strip_prefix("type=").unwrap_or(note) {
        "text" | "string" => Some(ParamType::Text),
        "integer" | "int" => Some(ParamType::Integer),
        "number" | "float" => Some(ParamType::Number),
        "path" => Some(ParamType::Path),
        "file" => Some(ParamType::File),
        "secret" => Some(ParamType::Secret),
        "bool" | "boolean" | "flag" => Some(ParamType::Bool),
        _ => None,
    };
    if let Some(ty) = ty {
        param.ty = ty;
    } else if short_only(note) {
        param.short = note.chars().nth(1);
    } else if note == "required" {
        param.required = true;
        param.default = None;
    } else if note == "optional" {
        param.required = false;
    } else if let Some(value) = note.strip_prefix("default=").or_else(|| note.strip_prefix("default ")) {
        param.default = Some(value.trim().to_string());
    } else if note.contains('|') {
        param.choices = note.split('|').map(|c| c.trim().to_string()).collect();
    } else if !note.is_empty() {
        problems.push(format!(
            "`{note}` says nothing about `{}`: a type is text, integer, number, path, file, secret or bool",
            param.name
        ));
    }
    if let Some(default) = param.default.clone().filter(|d| !param.choices.is_empty() && !param.choices.contains(d)) {
        problems.push(format!("the default `{default}` of `{}` is none of its choices", param.name));
    }
    if param.ty == ParamType::Bool && param.kind == ParamKind::Option {
        param.choices = vec!["true".to_string(), "false".to_string()];
    }
}
