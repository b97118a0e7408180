//! `fac commands show`.

use serde_json::json;

use super::super::ui::Role;
use super::super::{Context, draw};
use super::list::named;
use crate::app::views::command::WholeCommand;
use crate::commands::bind;
use crate::commands::catalog::{Resolved, Trust};
use crate::commands::describe;
use crate::commands::model::{Severity, StepKind};
use crate::kernel::error::Result;
use crate::kernel::terminal::{safe, safe_line};

/// Show a command: its text, parameters, steps, origin and trust
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The command's name
    #[arg(required = true, value_name = "NAME")]
    words: Vec<String>,
    /// Print the definition as it stands in its file
    #[arg(long)]
    raw: bool,
}

pub(super) fn run(context: &mut Context, args: &Args) -> Result<u8> {
    let resolved = named(context, &args.words)?;
    if context.ui.json {
        context.ui.value(&json!({"command": WholeCommand::from(&resolved)}))?;
        return Ok(0);
    }
    if args.raw {
        context.ui.write(safe(&resolved.command.text).as_bytes())?;
        return Ok(0);
    }
    let text = page(context, &resolved);
    context.page(&text)?;
    Ok(0)
}

fn page(context: &Context, resolved: &Resolved) -> String {
    let ui = &context.ui;
    let command = &resolved.command;
    let mut out = String::new();
    out.push_str(&format!("{}\n", ui.paint(Role::Strong, &safe_line(&format!("fac {}", bind::usage(command))))));
    if !command.summary.is_empty() {
        out.push_str(&format!("{}\n", safe_line(&command.summary)));
    }
    let from = format!("{} · {}", command.dialect.name(), draw::place(resolved));
    out.push_str(&format!("{}  {}\n", ui.paint(Role::Dim, &from), trust_word(ui, resolved)));
    if !command.params.is_empty() {
        out.push_str(&format!("\n{}\n{}", ui.paint(Role::Strong, "Parameters"), draw::params(ui, command)));
    }
    out.push_str(&details(context, resolved));
    if !command.steps.is_empty() {
        out.push_str(&format!("\n{}\n", ui.paint(Role::Strong, "Steps")));
        for step in &command.steps {
            let lang = if step.lang == step.kind.name() { String::new() } else { format!(" {}", step.lang) };
            let model = if matches!(step.kind, StepKind::Prompt | StepKind::System) { " (for a model)" } else { "" };
            let line = format!(
                "{}  {}{lang}{model}  line {}",
                step.id,
                step.kind.name(),
                step.line.max(command.origin.lines.0)
            );
            out.push_str(&format!("  {}\n", safe_line(&line)));
            if !step.tools.is_empty() {
                let said = format!("offers it {} (each use is asked about)", step.tools.join(", "));
                out.push_str(&format!("    {}\n", ui.paint(Role::Dim, &safe_line(&said))));
            }
        }
    } else if command.requires.is_empty() {
        let name = safe_line(&command.name).into_owned();
        out.push_str(&format!(
            "\nA reference entry: there is nothing to run. Bind it with `fac commands bind '{name}' --to OTHER`,\n--shell '…' or --prompt '…'.\n"
        ));
    }
    if !command.diagnostics.is_empty() {
        out.push('\n');
    }
    for d in &command.diagnostics {
        let role = if d.severity == Severity::Error { Role::Bad } else { Role::Warn };
        let said = format!("{}:{}: {}", d.line, d.column, d.message);
        out.push_str(&format!("{} {}\n", ui.paint(role, describe::severity(d.severity)), safe_line(&said)));
    }
    out.push_str(&format!("\n{}\n", ui.paint(Role::Strong, "Definition")));
    out.push_str(&draw::markdown(ui, &describe::body(command)));
    if !out.ends_with('\n') {
        out.push('\n');
    }
    out
}

fn trust_word(ui: &super::super::ui::Ui, resolved: &Resolved) -> String {
    let role = match resolved.trust {
        Trust::Trusted => Role::Good,
        Trust::Untrusted | Trust::Changed => Role::Warn,
    };
    ui.paint(role, resolved.trust.name())
}

fn details(context: &Context, resolved: &Resolved) -> String {
    let mut out = String::new();
    for (label, value) in describe::details(resolved) {
        let label = context.ui.paint(Role::Dim, &format!("{label:<9}"));
        out.push_str(&format!("  {label}  {}\n", safe_line(&value)));
    }
    if !out.is_empty() {
        out.insert_str(0, &format!("\n{}\n", context.ui.paint(Role::Strong, "Details")));
    }
    out
}
