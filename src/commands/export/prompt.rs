//! Claude Code commands and fabric patterns: one text for a model, with placeholders put into their syntax.

use super::super::model::{Command, ParamKind, Step, Syntax};
use super::super::template::placeholders;
use super::{Exported, cannot, has_placeholders, is_prompt, lost_fields, one_line};
use crate::kernel::error::Result;

/// Writes a slash command: front matter and the text.
pub(super) fn claude(command: &Command) -> Result<Exported> {
    let mut out = Exported { text: String::new(), lost: lost_fields(command) };
    let body = text(command, "Claude Code", Syntax::Claude, &mut out.lost)?;
    let mut front = String::new();
    let mut key = |name: &str, value: String| {
        if !value.is_empty() {
            front.push_str(&format!("{name}: {value}\n"));
        }
    };
    key("description", yaml(&one_line(&command.summary)));
    let hint: Vec<String> = command
        .params
        .iter()
        .map(|p| match (p.kind, p.required) {
            (ParamKind::Rest, _) if !p.help.is_empty() => one_line(&p.help),
            (_, true) => format!("<{}>", p.name),
            _ => format!("[{}]", p.name),
        })
        .collect();
    key("argument-hint", yaml(&hint.join(" ")));
    let declared: Vec<&str> =
        command.params.iter().filter(|p| p.kind != ParamKind::Rest).map(|p| p.var.as_str()).collect();
    key("arguments", if declared.is_empty() { String::new() } else { format!("[{}]", declared.join(", ")) });
    key("model", command.steps.iter().find_map(|s| s.model.as_deref()).map(yaml).unwrap_or_default());
    if !front.is_empty() {
        out.text = format!("---\n{front}---\n");
    }
    out.text.push_str(&body);
    for param in command.params.iter().filter(|p| p.kind != ParamKind::Rest) {
        if param.default.is_some() || !param.choices.is_empty() {
            out.lost.push(format!("default and choices of `{}`", param.name));
        }
        if matches!(param.kind, ParamKind::Option | ParamKind::Flag) {
            out.lost.push(format!("that `{}` is given as `--{}` and not by position", param.name, param.name));
        }
    }
    Ok(out)
}

/// Writes a pattern's `system.md`: the text and nothing else.
pub(super) fn fabric(command: &Command) -> Result<Exported> {
    let mut out = Exported { text: String::new(), lost: lost_fields(command) };
    out.text = text(command, "fabric", Syntax::Fabric, &mut out.lost)?;
    if !command.summary.trim().is_empty() {
        out.lost.push("the description".to_string());
    }
    for param in &command.params {
        if param.default.is_some() || !param.choices.is_empty() {
            out.lost.push(format!("default and choices of `{}`", param.name));
        }
    }
    Ok(out)
}

/// The prompts of a command as one text.
fn text(command: &Command, format: &str, to: Syntax, lost: &mut Vec<String>) -> Result<String> {
    if let Some(step) = command.steps.iter().find(|s| !is_prompt(s)) {
        let why = format!("it holds text for a model, and the step `{}` is `{}`", step.id, step.kind.name());
        return Err(cannot(command, format, &why));
    }
    if command.steps.is_empty() {
        return Err(cannot(command, format, "the command has no text for a model"));
    }
    if command.steps.len() > 1 {
        lost.push(format!("that it has {} texts, now one after another", command.steps.len()));
    }
    let parts: Vec<String> = command.steps.iter().map(|s| rewrite(command, s, to, lost)).collect();
    let mut text = parts.iter().map(|p| p.trim_end_matches('\n')).collect::<Vec<_>>().join("\n\n");
    text.push('\n');
    Ok(text)
}

/// The text of a step with its placeholders in another syntax. Literal text that the other syntax would take for a
/// placeholder is escaped where it can be, else reported.
pub(super) fn rewrite(command: &Command, step: &Step, to: Syntax, lost: &mut Vec<String>) -> String {
    if step.syntax == to {
        return step.text.clone();
    }
    let found = if has_placeholders(step.syntax) { placeholders(step.syntax, &step.text) } else { Vec::new() };
    let mut out = String::new();
    let mut at = 0;
    for placeholder in found {
        literal(&step.text[at..placeholder.start], step.syntax, to, &mut out, lost);
        out.push_str(&reference(command, &placeholder.name, step.syntax, to));
        at = placeholder.end;
    }
    literal(&step.text[at..], step.syntax, to, &mut out, lost);
    out
}

fn reference(command: &Command, name: &str, from: Syntax, to: Syntax) -> String {
    let all = match from {
        Syntax::Claude => name == "ARGUMENTS",
        _ => name == "input" || command.params.iter().any(|p| p.kind == ParamKind::Rest && p.name == name),
    };
    // `$ARGUMENTS[n]` is the n-th declared parameter.
    let item = name.parse::<usize>().ok().filter(|_| from == Syntax::Claude).and_then(|n| command.params.get(n));
    let name = item.map_or(name, |p| p.name.as_str());
    let var = command.param(name).map_or(name, |p| p.var.as_str());
    match to {
        Syntax::Claude if all => "$ARGUMENTS".to_string(),
        Syntax::Claude => format!("${var}"),
        Syntax::Fabric if all => "{{input}}".to_string(),
        _ if all && from == Syntax::Claude => "{{arguments}}".to_string(),
        _ => format!("{{{{{name}}}}}"),
    }
}

fn literal(text: &str, from: Syntax, to: Syntax, out: &mut String, lost: &mut Vec<String>) {
    let text = if from == Syntax::Native { text.replace("\\{{", "{{") } else { text.to_string() };
    match to {
        Syntax::Native => out.push_str(&text.replace("{{", "\\{{")),
        _ => {
            if !placeholders(to, &text).is_empty() {
                lost.push("that some of its text only looks like a placeholder".to_string());
            }
            out.push_str(&text);
        }
    }
}

/// A YAML scalar in double quotes, or nothing for nothing.
fn yaml(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
