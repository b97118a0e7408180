//! Writes a command in another dialect.
//!
//! What the other dialect has no word for is listed, not hidden; a command whose work it cannot express at all
//! (a prompt in a maskfile, a script in a fabric pattern) is an error. It writes text and touches no file.

mod mask;
mod native;
mod prompt;
mod tldr;

use std::collections::BTreeMap;

use super::model::{Command, Cwd, Mode, Param, ParamKind, Step, StepKind, Syntax};
use super::template::snippet::{Options, fill};
use crate::kernel::error::{Error, Kind, Result};

/// A dialect that can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    /// A `maskfile.md`.
    Mask,
    /// A Claude Code slash command.
    Claude,
    /// A fabric pattern's `system.md`.
    Fabric,
    /// A tldr page.
    Tldr,
    /// Our own format.
    Native,
}

impl ExportFormat {
    /// Every format.
    pub const ALL: [ExportFormat; 5] =
        [ExportFormat::Mask, ExportFormat::Claude, ExportFormat::Fabric, ExportFormat::Tldr, ExportFormat::Native];

    /// The word for it on the command line.
    pub fn name(self) -> &'static str {
        match self {
            ExportFormat::Mask => "mask",
            ExportFormat::Claude => "claude",
            ExportFormat::Fabric => "fabric",
            ExportFormat::Tldr => "tldr",
            ExportFormat::Native => "native",
        }
    }
}

/// A command as text of another dialect.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    /// The file's text; it ends with a newline.
    pub text: String,
    /// What the text does not say, one phrase each.
    pub lost: Vec<String>,
}

/// Writes `command` as `to`.
///
/// # Errors
/// `Usage` when the format cannot express what the command does; `BadData` when the command itself cannot be
/// written (a name or a value that would break out of its place); `Refused` when a snippet cannot be filled safely.
pub fn export(command: &Command, to: ExportFormat) -> Result<Exported> {
    match to {
        ExportFormat::Mask => mask::write(command),
        ExportFormat::Claude => prompt::claude(command),
        ExportFormat::Fabric => prompt::fabric(command),
        ExportFormat::Tldr => tldr::write(command),
        ExportFormat::Native => native::write(command),
    }
}

fn cannot(command: &Command, format: &str, why: &str) -> Error {
    Error::new(Kind::Usage, format!("`{}` cannot be written for {format}: {why}", command.name))
        .hint("`--to native` keeps everything a command can do")
}

fn unwritable(command: &Command, what: &str) -> Error {
    Error::new(Kind::BadData, format!("`{}` cannot be written: {what}", command.name))
}

/// What only the native format has a word for, as far as `command` uses it.
fn lost_fields(command: &Command) -> Vec<String> {
    let step = |f: &dyn Fn(&Step) -> bool| command.steps.iter().any(f);
    let table: [(&str, bool); 18] = [
        ("aliases", !command.aliases.is_empty()),
        ("Requires", !command.requires.is_empty()),
        ("Env", !command.env.is_empty()),
        ("Platforms", !command.platforms.is_empty()),
        ("On", !command.triggers.is_empty()),
        ("If", command.condition.is_some()),
        ("Mode", command.mode != Mode::Single),
        ("Timeout", command.timeout_ms.is_some()),
        ("Retry", command.retry > 0),
        ("Effects", !command.effects.is_empty()),
        ("Tool", command.tool.is_some()),
        ("Cwd", command.cwd != Cwd::Caller),
        ("suggested values", command.params.iter().any(|p| p.suggest.is_some())),
        ("other fields", !command.fields.is_empty()),
        ("conditions of steps", step(&|s| s.condition.is_some())),
        ("stdin of steps", step(&|s| s.stdin.is_some())),
        (
            "limits of steps",
            step(&|s| s.timeout_ms.is_some() || s.sandbox.is_some() || s.allow_failure || s.undo.is_some()),
        ),
        ("Cwd of steps", step(&|s| s.cwd.is_some())),
    ];
    table.iter().filter(|(_, used)| *used).map(|(name, _)| (*name).to_string()).collect()
}

/// The script of a script or snippet step, with snippet placeholders as variables named like the parameters.
fn script_of(step: &Step) -> Result<String> {
    if step.kind != StepKind::Snippet {
        return Ok(step.text.clone());
    }
    let counts = BTreeMap::new();
    let options = Options { lang: &step.lang, short_options: false, counts: &counts, bare_names: true };
    Ok(fill(step.syntax, &step.text, &options)?.script)
}

/// The parameters as scripts see them: those of snippets go by their variable's name.
fn params_of(command: &Command) -> Vec<Param> {
    let snippet = command.steps.iter().any(|s| s.kind == StepKind::Snippet);
    let mut params = command.params.clone();
    if snippet {
        let shape = |s: &Step| super::template::slot::Snippet::parse(s.syntax, &s.text).slots;
        let slots: Vec<_> = command.steps.iter().filter(|s| s.kind == StepKind::Snippet).flat_map(shape).collect();
        for param in &mut params {
            if let Some(slot) = slots.iter().find(|s| s.name == param.name) {
                param.name.clone_from(&slot.var);
                param.var.clone_from(&slot.var);
            }
        }
    }
    params
}

/// Variables a shell or a loader gives a meaning of its own.
fn is_taken(var: &str) -> bool {
    const TAKEN: &[&str] =
        &["PATH", "IFS", "HOME", "PWD", "SHELL", "USER", "ENV", "PS1", "PS2", "PS4", "BASH_ENV", "CDPATH"];
    TAKEN.contains(&var) || var.starts_with("LD_") || var.starts_with("FAC_")
}

/// A fence no line of `text` closes.
fn fence(text: &str) -> String {
    let longest = text.lines().map(|l| l.trim_start().bytes().take_while(|b| *b == b'`').count()).max().unwrap_or(0);
    "`".repeat(longest.max(2) + 1)
}

/// `text` on one line.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `text` on one line, with what Markdown would read as markup escaped.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in one_line(text).chars() {
        if matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '&') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// Whether the step is text for a model.
fn is_prompt(step: &Step) -> bool {
    matches!(step.kind, StepKind::Prompt | StepKind::System)
}

/// The line that calls the command, for people who read the page.
fn invocation(command: &Command) -> String {
    let mut line = format!("fac run {}", command.name);
    for param in &command.params {
        let value = match (param.choices.is_empty(), &param.default) {
            (false, _) => param.choices.join("|"),
            (true, Some(default)) if !default.is_empty() => default.clone(),
            _ => param.name.clone(),
        };
        match param.kind {
            ParamKind::Positional => line.push_str(&format!(" {{{{{value}}}}}")),
            ParamKind::Option => line.push_str(&format!(" --{} {{{{{value}}}}}", param.name)),
            ParamKind::Flag => line.push_str(&format!(" --{}", param.name)),
            ParamKind::Rest => line.push_str(&format!(" {{{{{value}1 {value}2 ...}}}}")),
        }
    }
    line
}

/// Whether the step's text uses `{{name}}` and friends at all.
fn has_placeholders(syntax: Syntax) -> bool {
    syntax != Syntax::Plain
}

#[cfg(test)]
mod tests;
