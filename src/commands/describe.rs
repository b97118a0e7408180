//! A definition in words: its signature, where it stands, what is worth knowing about it. Plain texts as they are,
//! which whoever shows them has to make safe.

use super::catalog::Resolved;
use super::model::{Command, Dialect, Param, ParamKind, ParamType, Severity};
use super::run::Plan;
use super::tool;
use crate::kernel::duration::human_ms;

/// How a parameter is written: `<version>`, `-n, --count <integer>`.
pub fn signature(param: &Param) -> String {
    let short = param.short.map(|c| format!("-{c}, ")).unwrap_or_default();
    match param.kind {
        ParamKind::Positional if param.required => format!("<{}>", param.name),
        ParamKind::Positional => format!("[{}]", param.name),
        ParamKind::Rest => format!("[{}...]", param.name),
        ParamKind::Flag => format!("{short}--{}", param.name),
        ParamKind::Option => format!("{short}--{} <{}>", param.name, type_word(param.ty)),
    }
}

/// The word for a type.
pub fn type_word(ty: ParamType) -> &'static str {
    match ty {
        ParamType::Text => "text",
        ParamType::Integer => "integer",
        ParamType::Number => "number",
        ParamType::Path => "path",
        ParamType::File => "file",
        ParamType::Secret => "secret",
        ParamType::Bool => "bool",
    }
}

/// Help, choices and default of a parameter in one line.
pub fn about(param: &Param) -> String {
    let mut parts = Vec::new();
    if !param.help.is_empty() {
        parts.push(param.help.clone());
    }
    let mut notes = Vec::new();
    // A placeholder such as `{{tcp|udp}}` is its own help.
    let choices = param.choices.join("|");
    if !choices.is_empty() && !param.help.contains(&choices) {
        notes.push(choices);
    }
    if let Some(default) = &param.default {
        notes.push(format!("default {default}"));
    }
    if param.required && param.kind == ParamKind::Option {
        notes.push("required".to_string());
    }
    if !notes.is_empty() {
        parts.push(format!("[{}]", notes.join("; ")));
    }
    parts.join(" ")
}

/// The word for a severity.
pub fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

/// Where a definition stands: `source owner/repo@abc12345 path:12-30`.
pub fn place(resolved: &Resolved) -> String {
    let origin = &resolved.command.origin;
    let mut out = format!("{} ", resolved.source.name);
    if let Some(repo) = origin.repo.as_ref().filter(|r| **r != "factotum") {
        out.push_str(repo);
        if let Some(commit) = &origin.commit {
            out.push_str(&format!("@{}", commit.get(..8).unwrap_or(commit)));
        }
        out.push(' ');
    }
    out.push_str(&format!("{}:{}-{}", origin.path, origin.lines.0, origin.lines.1));
    out
}

/// What else is worth knowing: label and value.
pub fn details(resolved: &Resolved) -> Vec<(&'static str, String)> {
    let command = &resolved.command;
    let mut rows: Vec<(&str, String)> = Vec::new();
    if !command.effects.is_empty() {
        rows.push(("Effects", command.effects.iter().map(|e| e.name()).collect::<Vec<_>>().join(", ")));
    }
    if !command.aliases.is_empty() {
        rows.push(("Aliases", command.aliases.join(", ")));
    }
    if let Some(category) = &command.category {
        rows.push(("Category", category.clone()));
    }
    if !command.requires.is_empty() {
        rows.push(("Requires", command.requires.iter().map(|w| w.join(" ")).collect::<Vec<_>>().join(", ")));
    }
    if !command.platforms.is_empty() {
        rows.push(("Platforms", command.platforms.join(", ")));
    }
    for trigger in &command.triggers {
        rows.push(("On", format!("{} {}", trigger.kind, trigger.args.join(" "))));
    }
    if let Some(ms) = command.timeout_ms {
        rows.push(("Timeout", human_ms(ms)));
    }
    if let Some(wish) = tool::foreign_wish(command) {
        let said = format!("{wish} (another program's: nothing is offered or allowed; `-T` offers yours)");
        rows.push(("Its tools", said));
    }
    if !resolved.clashes.is_empty() {
        rows.push(("Same name", resolved.clashes.join(", ")));
    }
    rows
}

/// The definition as Markdown, without the heading, which is the signature; sheets that are none stand in a fence.
pub fn body(command: &Command) -> String {
    if command.dialect == Dialect::Navi {
        return format!("````sh\n{}\n````\n", command.text.trim_end());
    }
    match command.text.split_once('\n') {
        Some((first, rest)) if first.starts_with('#') => rest.trim_start_matches('\n').to_string(),
        _ => command.text.clone(),
    }
}

/// The texts of the command that was asked for, and the values it would get; secret ones are `***`.
pub fn texts_and_values(plan: &Plan) -> (Vec<&str>, Vec<(&str, &str)>) {
    let unit = plan.root();
    let texts = unit.resolved.command.steps.iter().map(|s| s.text.as_str()).collect();
    let values = unit.bound.values.iter().map(|v| (v.var.as_str(), if v.secret { "***" } else { v.text.as_str() }));
    (texts, values.collect())
}
