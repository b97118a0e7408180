//! What is odd about definitions: those that are installed, or a text.

use std::collections::BTreeMap;

use super::App;
use super::views::command::{CheckView, DiagnosticView, PlacedDiagnostic};
use crate::automations::trigger;
use crate::commands::dialect::detect::Siblings;
use crate::commands::model::{Command, Diagnostic, Severity};
use crate::commands::scan::{self, Place};
use crate::kernel::error::Result;
use crate::store::DefinitionFilter;

/// A diagnostic with the file it is about.
pub type Placed = (String, Diagnostic);

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    /// What is odd.
    pub found: Vec<Placed>,
    /// Commands that were looked at.
    pub commands: usize,
}

impl Checked {
    /// As it is shown.
    pub fn view(&self) -> CheckView {
        let count = |severity| self.found.iter().filter(|(_, one)| one.severity == severity).count();
        let placed =
            |(path, one): &Placed| PlacedDiagnostic { path: path.clone(), diagnostic: DiagnosticView::from(one) };
        CheckView {
            commands: self.commands,
            errors: count(Severity::Error),
            warnings: count(Severity::Warning),
            diagnostics: self.found.iter().map(placed).collect(),
        }
    }
}

/// What was odd when it was read, what is wrong with its triggers, and what those want that is not here, each once.
pub fn all_here(app: &App, command: Command) -> Vec<Diagnostic> {
    let lacks = app.warnings_of_lacks(&command);
    let mut all = all_of(command);
    all.extend(lacks);
    all.sort_by_key(|d| (d.line, d.column));
    all
}

/// What was odd when it was read, what is wrong with its triggers, and what nobody tells, each once.
fn all_of(mut command: Command) -> Vec<Diagnostic> {
    let mut all = std::mem::take(&mut command.diagnostics);
    for one in trigger::check(&command).into_iter().chain(trigger::misspelt(&command)) {
        if !all.contains(&one) {
            all.push(one);
        }
    }
    all.sort_by_key(|d| (d.line, d.column));
    all
}

/// Looks at what is installed, of one source or of all.
///
/// # Errors
/// Those of the store.
pub fn check_installed(app: &App, source: Option<&str>) -> Result<Checked> {
    let catalog = app.whole_catalog()?;
    let filter = DefinitionFilter { source: source.map(String::from), with_json: true, ..DefinitionFilter::default() };
    let (rows, _) = catalog.store.list_definitions(&filter, None, 1_000_000)?;
    let mut checked = Checked::default();
    for row in rows.iter().filter(|r| catalog.is_visible(&r.source)) {
        let Some(json) = &row.json else { continue };
        checked.commands += 1;
        match serde_json::from_str::<Command>(json) {
            Ok(command) => {
                let place = format!("{}:{}", row.source.name, row.path);
                checked.found.extend(all_here(app, command).into_iter().map(|d| (place.clone(), d)));
            }
            Err(e) => {
                checked.found.push((row.path.clone(), Diagnostic::error(1, 1, format!("its row cannot be read: {e}"))));
            }
        }
    }
    Ok(checked)
}

/// Looks at a text as if it stood at `path`, beside these other texts.
pub fn check_text(path: &str, text: &[u8], beside: &BTreeMap<String, String>) -> Checked {
    let scanned = scan::file(path, text, &Place::default(), &Beside(beside));
    let mut found = Vec::new();
    if scanned.dialect.is_none() {
        found.push(no_dialect());
    }
    let commands = scanned.commands.len();
    found.extend(scanned.diagnostics);
    found.extend(scanned.commands.into_iter().flat_map(all_of));
    Checked { found: found.into_iter().map(|one| (path.to_string(), one)).collect(), commands }
}

/// A file that nobody understands.
pub fn no_dialect() -> Diagnostic {
    let said = "no dialect fits this file: name it as its dialect asks, or begin it with `factotum: 1` in front matter";
    Diagnostic::error(1, 1, said)
}

struct Beside<'a>(&'a BTreeMap<String, String>);

impl Siblings for Beside<'_> {
    fn exists(&self, path: &str) -> bool {
        self.0.contains_key(path)
    }
}
