//! What a person sees before trusting something: which commands, what each would run by, where and with what, and its
//! text or what changed of it.

use super::draw;
use super::ui::{Role, Ui};
use crate::commands::catalog::{Resolved, Trust};
use crate::commands::run::Reach;
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
    for (label, text) in reach.facts() {
        let label = ui.paint_err(Role::Dim, &format!("{label:>8}"));
        out.push_str(&format!("\n{label}  {}", safe_line(&text)));
    }
    out
}
