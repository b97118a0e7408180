//! `fac commands show`.

use serde_json::json;

use super::super::ui::Role;
use super::super::{Context, draw};
use super::list::named;
use crate::commands::bind;
use crate::commands::catalog::{Resolved, Trust};
use crate::commands::model::{Severity, StepKind};
use crate::commands::tool;
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
        let mut value = draw::command_json(&resolved);
        value["text"] = json!(resolved.command.text);
        value["digest"] = json!(resolved.digest);
        for (at, step) in resolved.command.steps.iter().enumerate() {
            value["steps"][at]["text"] = json!(step.text);
        }
        context.ui.value(&json!({"command": value}))?;
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
        out.push_str(&format!("{} {}\n", ui.paint(role, draw::severity(d.severity)), safe_line(&said)));
    }
    out.push_str(&format!("\n{}\n", ui.paint(Role::Strong, "Definition")));
    out.push_str(&draw::markdown(ui, &body(command)));
    if !out.ends_with('\n') {
        out.push('\n');
    }
    out
}

/// The definition as Markdown; snippets and sheets that are none stand in a fence.
fn body(command: &crate::commands::model::Command) -> String {
    use crate::commands::model::Dialect;
    if command.dialect == Dialect::Navi {
        return format!("````sh\n{}\n````\n", command.text.trim_end());
    }
    // The heading is the usage, which stands on top already.
    match command.text.split_once('\n') {
        Some((first, rest)) if first.starts_with('#') => rest.trim_start_matches('\n').to_string(),
        _ => command.text.clone(),
    }
}

fn trust_word(ui: &super::super::ui::Ui, resolved: &Resolved) -> String {
    let role = match resolved.trust {
        Trust::Trusted => Role::Good,
        Trust::Untrusted | Trust::Changed => Role::Warn,
    };
    ui.paint(role, resolved.trust.name())
}

fn details(context: &Context, resolved: &Resolved) -> String {
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
        rows.push(("Timeout", crate::kernel::duration::human_ms(ms)));
    }
    if let Some(wish) = tool::foreign_wish(command) {
        rows.push((
            "Its tools",
            format!("{wish} (another program's: nothing is offered or allowed; `-T` offers yours)"),
        ));
    }
    if !resolved.clashes.is_empty() {
        rows.push(("Same name", resolved.clashes.join(", ")));
    }
    let mut out = String::new();
    for (label, value) in rows {
        let label = context.ui.paint(Role::Dim, &format!("{label:<9}"));
        out.push_str(&format!("  {label}  {}\n", safe_line(&value)));
    }
    if !out.is_empty() {
        out.insert_str(0, &format!("\n{}\n", context.ui.paint(Role::Strong, "Details")));
    }
    out
}
