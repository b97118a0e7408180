//! How things look: a command, its help, a dry run, a diff, live output. Everything shown here was made safe first.

use std::ops::ControlFlow;

use serde_json::{Value, json};
use similar::{ChangeTag, TextDiff};

use super::ui::{Role, Ui};
use crate::commands::bind;
use crate::commands::catalog::Resolved;
use crate::commands::model::{Command, Param, ParamKind, ParamType, Severity, Step};
use crate::commands::run::{Dry, Plan, Report, Unit, Watcher};
use crate::exec::Stream;
use crate::kernel::error::{Error, Result};
use crate::kernel::markdown::highlight::Highlight;
use crate::kernel::markdown::{self, render};
use crate::kernel::terminal::{pad, safe, safe_line, width};
use crate::store::{Captured, StepRecord};

/// The colours of code: the terminal's own.
pub(super) const CODE_THEME: &str = "ansi";

/// The width that text is read at: lines of more than 100 columns tire.
pub(super) fn text_width(ui: &Ui) -> usize {
    ui.width().min(100)
}

/// A text from outside as terminal lines: Markdown rendered to the width.
pub(super) fn markdown(ui: &Ui, text: &str) -> String {
    let clean = safe(text).into_owned();
    let doc = markdown::parse(&clean);
    // Without colours no grammar is loaded.
    let highlight = Highlight::new(CODE_THEME).filter(|_| ui.colour());
    let look = render::Look { width: text_width(ui), html: false, highlight };
    render::to_ansi(&render::render_as(&doc, &clean, &look), ui.colour())
}

/// `fac NAME --help`.
pub(super) fn command_help(ui: &Ui, resolved: &Resolved) -> String {
    let command = &resolved.command;
    let mut out = String::new();
    if !command.summary.is_empty() {
        out.push_str(&format!("{}\n\n", safe(&command.summary)));
    }
    out.push_str(&format!("{} fac {}\n", ui.paint(Role::Strong, "Usage:"), safe_line(&bind::usage(command))));
    if !command.params.is_empty() {
        out.push_str(&format!("\n{}\n", ui.paint(Role::Strong, "Parameters:")));
        out.push_str(&params(ui, command));
    }
    if !command.aliases.is_empty() {
        out.push_str(&format!(
            "\n{} {}\n",
            ui.paint(Role::Strong, "Also called:"),
            safe_line(&command.aliases.join(", "))
        ));
    }
    out.push_str(&format!("\n{} {} ({})\n", ui.paint(Role::Strong, "From:"), place(resolved), resolved.trust.name()));
    out
}

/// One line a parameter, aligned.
pub(super) fn params(ui: &Ui, command: &Command) -> String {
    let written: Vec<(String, String)> = command
        .params
        .iter()
        .map(|p| (safe_line(&signature(p)).into_owned(), safe_line(&about(p)).into_owned()))
        .collect();
    let widest = written.iter().map(|w| width(&w.0)).max().unwrap_or(0).min(34);
    let mut out = String::new();
    for (name, help) in written {
        let line = format!("  {}  {help}", ui.paint(Role::Name, &pad(&name, widest)));
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

fn signature(param: &Param) -> String {
    let short = param.short.map(|c| format!("-{c}, ")).unwrap_or_default();
    match param.kind {
        ParamKind::Positional if param.required => format!("<{}>", param.name),
        ParamKind::Positional => format!("[{}]", param.name),
        ParamKind::Rest => format!("[{}...]", param.name),
        ParamKind::Flag => format!("{short}--{}", param.name),
        ParamKind::Option => format!("{short}--{} <{}>", param.name, kind_word(param)),
    }
}

fn kind_word(param: &Param) -> &'static str {
    match param.ty {
        ParamType::Text => "text",
        ParamType::Integer => "integer",
        ParamType::Number => "number",
        ParamType::Path => "path",
        ParamType::File => "file",
        ParamType::Secret => "secret",
        ParamType::Bool => "bool",
    }
}

fn about(param: &Param) -> String {
    let mut parts = Vec::new();
    if !param.help.is_empty() {
        parts.push(param.help.clone());
    }
    let mut notes = Vec::new();
    if !param.choices.is_empty() {
        notes.push(param.choices.join("|"));
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

/// Where a definition stands: `owner/repo@abc1234 path:12-30`.
pub(super) fn place(resolved: &Resolved) -> String {
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
    safe_line(&out).into_owned()
}

/// A snippet with the values it would get.
pub(super) fn snippet_card(ui: &Ui, plan: &Plan) -> String {
    let unit = plan.root();
    let mut out = String::new();
    for step in &unit.resolved.command.steps {
        out.push_str(&format!("{} {}\n", ui.paint_err(Role::Dim, "$"), safe(&step.text)));
    }
    for value in &unit.bound.values {
        let text = if value.secret { "***" } else { &value.text };
        out.push_str(&format!("  {} = {}\n", ui.paint_err(Role::Name, &safe_line(&value.var)), safe_line(text)));
    }
    out.trim_end().to_string()
}

/// What changed of a definition since `before` was accepted.
pub(super) fn trust_diff(ui: &Ui, before: &str, resolved: &Resolved) -> String {
    let shown = diff(ui, before, &resolved.accepted_text());
    if shown.is_empty() {
        return "  its text is the same; files beside it that it can read have changed".to_string();
    }
    shown
}

/// A line diff of two definitions, three lines around each change.
pub(super) fn diff(ui: &Ui, before: &str, after: &str) -> String {
    let diff = TextDiff::from_lines(before, after);
    let mut out = String::new();
    for (number, group) in diff.grouped_ops(3).iter().enumerate() {
        if number > 0 {
            out.push_str(&ui.paint(Role::Dim, "  ⋮"));
            out.push('\n');
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let line = safe(change.value().trim_end_matches(['\n', '\r'])).into_owned();
            let line = match change.tag() {
                ChangeTag::Delete => ui.paint(Role::Bad, &format!("- {line}")),
                ChangeTag::Insert => ui.paint(Role::Good, &format!("+ {line}")),
                ChangeTag::Equal => format!("  {line}"),
            };
            out.push_str(&line);
            out.push('\n');
        }
    }
    out.trim_end().to_string()
}

/// Prints what would run.
pub(super) fn dry_run(ui: &Ui, plan: &Plan, steps: &[Dry]) -> Result<u8> {
    if ui.json {
        let steps: Vec<Value> = steps.iter().map(dry_json).collect();
        let root = &plan.root().resolved;
        ui.value(&json!({"dry_run": {"command": root.key(), "trust": root.trust.name(), "steps": steps}}))?;
        return Ok(0);
    }
    let mut out = String::new();
    for step in steps {
        let title = format!("# {} ({}) {}", step.id, step.kind.name(), step.program);
        out.push_str(&ui.paint(Role::Strong, &safe_line(&title)));
        out.push('\n');
        if let Some(cwd) = &step.cwd {
            out.push_str(&ui.paint(Role::Dim, &format!("# in {}", safe_line(cwd))));
            out.push('\n');
        }
        if !step.tools.is_empty() {
            let said = format!("# offers the model {} (each use is asked about)", step.tools.join(", "));
            out.push_str(&ui.paint(Role::Dim, &safe_line(&said)));
            out.push('\n');
        }
        for note in &step.notes {
            out.push_str(&ui.paint(Role::Dim, &format!("# {}", safe_line(note))));
            out.push('\n');
        }
        for (name, value) in &step.env {
            out.push_str(&format!("{}={}\n", ui.paint(Role::Name, &safe_line(name)), quoted(value)));
        }
        for word in &step.argv {
            out.push_str(&format!("{} {}\n", ui.paint(Role::Name, "argv"), quoted(word)));
        }
        out.push_str(safe(&step.text).trim_end_matches('\n'));
        out.push_str("\n\n");
        if let Some(input) = &step.input {
            let title = format!("# {} (input)", step.id);
            out.push_str(&format!("{}\n", ui.paint(Role::Strong, &safe_line(&title))));
            out.push_str(safe(input).trim_end_matches('\n'));
            out.push_str("\n\n");
        }
    }
    ui.write(format!("{}\n", out.trim_end()).as_bytes())?;
    Ok(0)
}

fn quoted(text: &str) -> String {
    let safe = safe_line(text).into_owned();
    shlex::try_quote(&safe).map(|q| q.into_owned()).unwrap_or(safe)
}

fn dry_json(step: &Dry) -> Value {
    let env: serde_json::Map<String, Value> = step.env.iter().map(|(k, v)| (k.clone(), json!(v))).collect();
    json!({"id": step.id, "kind": step.kind.name(), "program": step.program, "text": step.text, "env": env,
           "argv": step.argv, "cwd": step.cwd, "notes": step.notes, "input": step.input, "tools": step.tools})
}

/// Shows a run while it happens.
pub(super) struct Live<'u> {
    ui: &'u Ui,
    /// Why the output could not be written on, where it could not.
    pub(super) stuck: Option<Error>,
}

impl<'u> Live<'u> {
    pub(super) fn new(ui: &'u Ui) -> Self {
        Live { ui, stuck: None }
    }
}

impl Watcher for Live<'_> {
    fn starts(&mut self, unit: &Unit, _step: &Step, shown: Option<&str>) {
        if let Some(script) = shown.filter(|_| !self.ui.json) {
            let values: Vec<String> = unit
                .bound
                .values
                .iter()
                .map(|v| format!("{}={}", v.var, if v.secret { "***".to_string() } else { quoted(&v.text) }))
                .collect();
            let said = format!("$ {}", safe(script));
            self.ui.note(&self.ui.paint_err(Role::Dim, said.trim_end()));
            if !values.is_empty() {
                self.ui.note(&self.ui.paint_err(Role::Dim, &format!("  with {}", safe_line(&values.join(" ")))));
            }
        }
    }

    fn skips(&mut self, step: &Step, why: &str) {
        if self.ui.verbose > 0 && !self.ui.json {
            self.ui.note(&format!("skipped {}: {}", safe_line(&step.id), safe_line(why)));
        }
    }

    fn leaves_out(&mut self, unit: &Unit, condition: &str) {
        if !self.ui.json {
            let said = format!("left out `{}`: it runs only if {condition}", unit.resolved.command.name);
            self.ui.note(&safe_line(&said));
        }
    }

    fn output(&mut self, stream: Stream, bytes: &[u8]) -> ControlFlow<()> {
        if self.ui.json {
            return ControlFlow::Continue(());
        }
        match stream {
            Stream::Stdout => {
                self.stuck = self.ui.write(bytes).err();
                if self.stuck.is_some() || self.ui.closed() {
                    return ControlFlow::Break(());
                }
            }
            Stream::Stderr => self.ui.write_err(bytes),
        }
        ControlFlow::Continue(())
    }
}

/// `{"run":…}`.
pub(super) fn report_json(report: &Report) -> Value {
    let mut run = json!({
        "id": report.id.to_string(),
        "command": report.command,
        "trigger": report.trigger,
        "status": report.status.name(),
        "exit_code": report.exit_code,
        "started": report.started.to_string(),
        "duration_ms": report.duration_ms,
        "steps": report.steps.iter().map(step_json).collect::<Vec<_>>(),
    });
    if let Some((kind, message, hint)) = &report.problem {
        run["problem"] = json!({"kind": kind.name(), "message": message, "hint": hint});
    }
    json!({"run": run})
}

/// One step of a run.
pub(super) fn step_json(step: &StepRecord) -> Value {
    let (stdout, out_encoding) = encoded(&step.stdout);
    let (stderr, err_encoding) = encoded(&step.stderr);
    let encoding = if out_encoding == "base64" || err_encoding == "base64" { "base64" } else { "utf-8" };
    let (stdout, stderr) = match encoding {
        "base64" => (base64_of(&step.stdout), base64_of(&step.stderr)),
        _ => (stdout, stderr),
    };
    json!({
        "id": step.id, "kind": step.kind, "lang": step.lang, "status": step.status, "exit_code": step.exit_code,
        "stdout": stdout, "stderr": stderr, "truncated": step.stdout.truncated() || step.stderr.truncated(),
        "encoding": encoding, "duration_ms": step.duration_us / 1000,
        "stdout_bytes": step.stdout.total, "stderr_bytes": step.stderr.total,
    })
}

/// Head and tail in one piece, with a word where something is missing.
pub(super) fn joined(captured: &Captured) -> Vec<u8> {
    let mut bytes = captured.head.clone();
    if captured.truncated() {
        let missing = captured.total - (captured.head.len() + captured.tail.len()) as u64;
        bytes.extend(format!("\n… {missing} bytes left out …\n").bytes());
    }
    bytes.extend(&captured.tail);
    bytes
}

fn encoded(captured: &Captured) -> (String, &'static str) {
    match String::from_utf8(joined(captured)) {
        Ok(text) => (text, "utf-8"),
        Err(_) => (String::new(), "base64"),
    }
}

fn base64_of(captured: &Captured) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(joined(captured))
}

/// One command as the JSON contract wants it.
pub(super) fn command_json(resolved: &Resolved) -> Value {
    let command = &resolved.command;
    let origin = &command.origin;
    json!({
        "name": command.name,
        "source": resolved.source.name,
        "dialect": command.dialect.name(),
        "summary": command.summary,
        "category": command.category,
        "aliases": command.aliases,
        "effects": command.effects,
        "tool": command.tool,
        "params": command.params.iter().map(param_json).collect::<Vec<_>>(),
        "steps": command.steps.iter().map(|s| json!({"id": s.id, "kind": s.kind.name(), "lang": s.lang, "tools": s.tools})).collect::<Vec<_>>(),
        "triggers": command.triggers.iter().map(|t| json!({"kind": t.kind, "args": t.args, "options": t.options})).collect::<Vec<_>>(),
        "runnable": command.runnable(),
        "trust": resolved.trust.name(),
        "origin": {"repo": origin.repo, "commit": origin.commit, "path": origin.path, "blob": origin.blob,
                   "lines": [origin.lines.0, origin.lines.1]},
        "diagnostics": command.diagnostics.iter().map(|d| json!({"line": d.line, "column": d.column,
            "severity": severity(d.severity), "message": d.message})).collect::<Vec<_>>(),
    })
}

/// The word for a severity.
pub(super) fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

fn param_json(param: &Param) -> Value {
    let kind = match param.kind {
        ParamKind::Positional => "positional",
        ParamKind::Option => "option",
        ParamKind::Flag => "flag",
        ParamKind::Rest => "rest",
    };
    json!({
        "name": param.name, "kind": kind, "type": kind_word(param), "short": param.short, "required": param.required,
        "default": param.default, "choices": param.choices, "help": param.help,
        "secret": param.ty == ParamType::Secret,
    })
}
