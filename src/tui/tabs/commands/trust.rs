//! What a person reads before something is trusted or run: cards and pages as rows.

use ratatui::text::{Line, Span};

use super::page::trust;
use crate::commands::catalog::{Resolved, Trust};
use crate::commands::describe;
use crate::commands::model::StepKind;
use crate::commands::run::{Dry, Reach};
use crate::kernel::difference::{self, Change};
use crate::kernel::terminal::safe_line;
use crate::tui::theme::{Role, Theme};
use crate::tui::widgets::text::{Row, labelled, wrapped};

/// Definitions that are shown whole; of more, only the names.
const WHOLE: usize = 20;

/// A definition with what it would reach, to be judged by a person.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// The definition, exactly as it would be trusted.
    pub resolved: Resolved,
    /// What it would reach.
    pub reach: Reach,
    /// The text that was trusted before, where it was.
    pub before: Option<String>,
}

/// All that would be trusted: which, then each in turn.
pub fn card(all: &[Judged], room: u16, theme: &Theme) -> Vec<Row> {
    let mut rows = Vec::new();
    if all.len() > 1 {
        rows.push(strong(format!("{} commands are not trusted yet:", all.len()), theme));
        for (number, one) in (1..).zip(all) {
            let (sign, _, role) = trust(one.resolved.trust);
            let line = safe_line(&format!("{}  {}", one.resolved.key(), one.resolved.command.summary)).into_owned();
            let label = format!("{number:>3}. {sign}");
            rows.extend(labelled(&label, 6, &line, room, (theme.style(role), theme.style(Role::Text))));
        }
    }
    for (number, one) in (1..).zip(all.iter().take(WHOLE)) {
        if number > 1 || all.len() > 1 {
            rows.push(Row::default());
        }
        rows.extend(head(one, (all.len() > 1).then_some((number, all.len())), room, theme));
        rows.push(Row::default());
        rows.extend(match &one.before {
            Some(before) => changes(before, &one.resolved.accepted_text(), room, theme),
            None => barred(&one.resolved.accepted_text(), room, theme),
        });
    }
    if all.len() > WHOLE {
        rows.push(Row::default());
        let said = format!("… and {} more, which can be read in the list", all.len() - WHOLE);
        rows.push(Row::of(Line::styled(said, theme.style(Role::Warn))));
    }
    rows
}

fn strong(text: String, theme: &Theme) -> Row {
    Row::of(Line::styled(text, theme.style(Role::Title)))
}

/// Its name and place, what it would run by, where, with what, and what it says it touches.
fn head(one: &Judged, number: Option<(usize, usize)>, room: u16, theme: &Theme) -> Vec<Row> {
    let count = number.map(|(n, of)| format!("{n} of {of}  ")).unwrap_or_default();
    let (dim, text) = (theme.style(Role::Dim), theme.style(Role::Text));
    let mut rows = wrapped(&safe_line(&format!("{count}{}", one.resolved.key())), room, theme.style(Role::Title));
    let (sign, word, role) = trust(one.resolved.trust);
    rows.push(Row::of(Line::styled(format!("{sign} {word}"), theme.style(role))));
    let command = &one.resolved.command;
    let mut facts = vec![("from", describe::place(&one.resolved))];
    facts.extend(one.reach.facts());
    let effects: Vec<&str> = command.effects.iter().map(|e| e.name()).collect();
    facts.push(("effects", if effects.is_empty() { "it does not say".to_string() } else { effects.join(", ") }));
    if !command.requires.is_empty() {
        let names: Vec<String> = command.requires.iter().map(|words| words.join(" ")).collect();
        facts.push(("requires", format!("{}: {}", names.len(), names.join(", "))));
    }
    for (label, value) in facts {
        rows.extend(labelled(&format!("{label:>8}"), 8, &value, room, (dim, text)));
    }
    rows
}

/// A text with a bar before each line, so that it cannot be taken for words of ours.
fn barred(text: &str, room: u16, theme: &Theme) -> Vec<Row> {
    let mut rows = wrapped(text.trim_end(), room.saturating_sub(2), theme.style(Role::Text));
    for row in &mut rows {
        row.line.spans.insert(0, Span::styled("│ ", theme.style(Role::Warn)));
    }
    rows
}

/// What changed of a text; what is new and what is gone have a sign of their own.
pub fn changes(before: &str, after: &str, room: u16, theme: &Theme) -> Vec<Row> {
    let mut rows = Vec::new();
    for change in difference::lines(before, after) {
        let (sign, line, role) = match &change {
            Change::Gap => ("⋮ ", "", Role::Dim),
            Change::Kept(line) => ("  ", line.as_str(), Role::Text),
            Change::Gone(line) => ("- ", line.as_str(), Role::Removed),
            Change::New(line) => ("+ ", line.as_str(), Role::Added),
        };
        let style = theme.style(role);
        rows.extend(wrapped(line, room.saturating_sub(2), style).into_iter().map(|mut row| {
            row.line.spans.insert(0, Span::styled(sign, style));
            row
        }));
    }
    if rows.is_empty() {
        let said = "its text is the same; files beside it that it can read have changed";
        rows = wrapped(said, room, theme.style(Role::Warn));
    }
    rows
}

/// Exactly what would run.
pub fn dry_run(steps: &[Dry], room: u16, theme: &Theme) -> Vec<Row> {
    let (dim, text) = (theme.style(Role::Dim), theme.style(Role::Text));
    let mut rows = Vec::new();
    for step in steps {
        if !rows.is_empty() {
            rows.push(Row::default());
        }
        let title = format!("{} ({})  {}", step.id, step.kind.name(), step.program);
        rows.extend(wrapped(&safe_line(&title), room, theme.style(Role::Title)));
        let folder = step.cwd.iter().map(|cwd| ("in", cwd.clone()));
        let notes = step.notes.iter().map(|note| ("note", note.clone()));
        let env = step.env.iter().map(|(name, value)| ("sets", format!("{name}={value}")));
        let argv = step.argv.iter().map(|word| ("argv", word.clone()));
        for (label, value) in folder.chain(notes).chain(env).chain(argv) {
            rows.extend(labelled(label, 4, &value, room, (dim, text)));
        }
        rows.extend(super::page::code(&step.text, language(step), room, theme));
        if let Some(input) = &step.input {
            rows.push(strong("as the user's message".to_string(), theme));
            rows.extend(wrapped(input.trim_end(), room, text));
        }
    }
    if rows.is_empty() {
        rows = wrapped("nothing would run", room, dim);
    }
    rows
}

/// The title of a card about these.
pub fn title(all: &[Judged], runs: bool) -> String {
    let what = match all {
        [one] if one.resolved.trust == Trust::Changed => "This has changed. Trust it as it is now".to_string(),
        [_] => "This comes from outside. Trust exactly this".to_string(),
        all => format!("Trust these {} commands exactly as they are now", all.len()),
    };
    if runs { format!("{what}, and run it?") } else { format!("{what}?") }
}

/// The language to colour a step's text by.
fn language(step: &Dry) -> &str {
    match step.kind {
        StepKind::Script | StepKind::Snippet => step.program.rsplit('/').next().unwrap_or(""),
        StepKind::Run => "sh",
        _ => "",
    }
}
