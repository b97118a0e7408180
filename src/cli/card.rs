//! What a person sees before trusting something: which commands, what each would run by, where and with what, and its
//! text or what changed of it.

use super::draw;
use super::ui::{Role, Ui};
use crate::commands::catalog::{Resolved, Trust};
use crate::commands::run::{Reach, Told};
use crate::kernel::terminal::{safe, safe_line};

/// The commands that will be asked about, before the first question.
pub(super) fn overview(ui: &Ui, wanting: &[&Resolved]) -> String {
    let said = format!("{} commands of this run are not trusted yet:", wanting.len());
    let mut out = ui.paint_err(Role::Strong, &said);
    for (number, one) in wanting.iter().enumerate() {
        let word = if one.trust == Trust::Changed { " (changed)" } else { "" };
        let line = safe_line(&format!("{}{word}  {}", one.key(), one.command.summary)).trim_end().to_string();
        out.push_str(&format!("\n  {}. {line}", number + 1));
    }
    out
}

/// One command to be trusted for the first time; `number` is its place among several.
pub(super) fn whole(ui: &Ui, resolved: &Resolved, reach: &Reach, number: Option<(usize, usize)>) -> String {
    let mut out = head(ui, resolved, reach, number);
    let bar = ui.paint_err(Role::Warn, "│");
    for line in safe(&resolved.accepted_text()).lines() {
        out.push_str(&format!("\n{bar} {line}"));
    }
    out
}

/// One command that was trusted when its text was `before`.
pub(super) fn changed(
    ui: &Ui,
    resolved: &Resolved,
    reach: &Reach,
    number: Option<(usize, usize)>,
    before: &str,
) -> String {
    format!("{}\n{}", head(ui, resolved, reach, number), draw::trust_diff(ui, before, resolved))
}

/// Its name and place, and what it would reach.
fn head(ui: &Ui, resolved: &Resolved, reach: &Reach, number: Option<(usize, usize)>) -> String {
    let count = number.map(|(n, of)| format!("{n} of {of}  ")).unwrap_or_default();
    let name = ui.paint_err(Role::Strong, &safe_line(&resolved.key()));
    let mut out = format!("{count}{name}  {}", draw::place(resolved));
    for (label, text) in facts(reach) {
        let label = ui.paint_err(Role::Dim, &format!("{label:>8}"));
        out.push_str(&format!("\n{label}  {}", safe_line(&text)));
    }
    out
}

fn facts(reach: &Reach) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    facts.extend(reach.by.iter().map(|told| ("runs by", text(told))));
    facts.extend(reach.folders.iter().map(|told| ("in", text(told))));
    facts.extend(reach.env.iter().map(|(name, value)| ("sets", format!("{name}={value}"))));
    if !reach.arguments.is_empty() {
        facts.push(("sets", format!("{} from its arguments", reach.arguments.join(", "))));
    }
    let asked = reach.secret_arguments.iter().map(|name| format!("the argument {name}"));
    let taken = reach.secret_variables.iter().map(|name| format!("{name} of your environment"));
    let secrets: Vec<String> = asked.chain(taken).collect();
    if !secrets.is_empty() {
        facts.push(("secrets", secrets.join(", ")));
    }
    facts
}

fn text(told: &Told) -> String {
    match told.steps.as_slice() {
        [] => told.what.clone(),
        [one] => format!("{} for step {one}", told.what),
        many => format!("{} for steps {}", told.what, many.join(", ")),
    }
}
