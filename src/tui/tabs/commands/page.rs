//! What stands beside the list: a definition with all that is known of it, or what is known of a source.

use ratatui::text::{Line, Span};

use super::tree::{From, Item, Tree};
use super::work::Shown;
use crate::commands::bind;
use crate::commands::catalog::Trust;
use crate::commands::describe;
use crate::commands::model::{Command, ParamKind, Severity, Step, StepKind};
use crate::kernel::terminal::{safe_line, width};
use crate::tui::theme::{Role, Theme};
use crate::tui::widgets::prose;
use crate::tui::widgets::text::{Row, by_words, labelled, wrapped};

/// Definitions larger than this are shown as they stand, without drawing their Markdown, bytes.
const LARGE: usize = 128 << 10;

/// The sign of trust, its word and its colour.
pub fn trust(trust: Trust) -> (char, &'static str, Role) {
    match trust {
        Trust::Trusted => ('✓', "trusted", Role::Good),
        Trust::Untrusted => ('?', "not trusted yet", Role::Warn),
        Trust::Changed => ('±', "changed since it was trusted", Role::Bad),
    }
}

fn heading(text: &str, theme: &Theme) -> [Row; 2] {
    [Row::default(), Row::of(Line::styled(text.to_string(), theme.style(Role::Title)))]
}

/// A definition.
pub fn definition(shown: &Shown, room: u16, theme: &Theme) -> Vec<Row> {
    let command = &shown.resolved.command;
    let text = theme.style(Role::Text);
    let mut rows = by_words(&format!("fac {}", bind::usage(command)), room, theme.style(Role::Title));
    if !command.summary.is_empty() {
        rows.extend(by_words(&command.summary, room, text));
    }
    rows.push(Row::default());
    let (sign, word, role) = trust(shown.resolved.trust);
    let told = match shown.resolved.trust {
        _ if shown.always_trusted => "comes with fac or is your own",
        Trust::Trusted => "exactly as it is now",
        Trust::Untrusted => "shown and asked about before it first runs",
        Trust::Changed => "D shows what changed",
    };
    let (said, told) = (format!("{sign} {word}"), Span::styled(told, theme.style(Role::Dim)));
    let fits = width(&said) + 2 + told.width() <= usize::from(room);
    let mut line = Line::styled(said, theme.style(role));
    if fits {
        line.spans.push(Span::raw("  "));
        line.spans.push(told.clone());
    }
    rows.push(Row::of(line));
    if !fits {
        rows.extend(by_words(&told.content, room, told.style));
    }
    let from = format!("{} · {}", command.dialect.name(), describe::place(&shown.resolved));
    rows.extend(by_words(&from, room, theme.style(Role::Dim)));
    rows.extend(diagnostics(command, room, theme));
    rows.extend(parameters(command, room, theme));
    let details = describe::details(&shown.resolved);
    if !details.is_empty() {
        rows.extend(heading("Details", theme));
        for (label, value) in details {
            rows.extend(labelled(label, 9, &value, room, (theme.style(Role::Dim), text)));
        }
    }
    rows.extend(steps(command, room, theme));
    rows.extend(heading("Definition", theme));
    let body = describe::body(command);
    match body.len() > LARGE {
        true => rows.extend(wrapped(&body, room, text)),
        false => rows.extend(prose::rows(&body, room, theme)),
    }
    rows
}

fn diagnostics(command: &Command, room: u16, theme: &Theme) -> Vec<Row> {
    let mut rows = Vec::new();
    for diagnostic in &command.diagnostics {
        let (sign, role) = match diagnostic.severity {
            Severity::Error => ("✗", Role::Bad),
            Severity::Warning => ("!", Role::Warn),
            Severity::Info => ("·", Role::Dim),
        };
        let word = describe::severity(diagnostic.severity);
        let said = format!("{word} in line {}:{}: {}", diagnostic.line, diagnostic.column, diagnostic.message);
        rows.extend(labelled(sign, 0, &said, room, (theme.style(role), theme.style(role))));
    }
    if !rows.is_empty() {
        rows.insert(0, Row::default());
    }
    rows
}

fn parameters(command: &Command, room: u16, theme: &Theme) -> Vec<Row> {
    let mut rows = Vec::new();
    let written: Vec<String> = command.params.iter().map(|p| safe_line(&describe::signature(p)).into_owned()).collect();
    let widest = written.iter().map(|w| width(w)).max().unwrap_or(0).min(usize::from(room) * 2 / 5);
    for (param, written) in command.params.iter().zip(written) {
        let about = describe::about(param);
        let kind = match param.kind {
            ParamKind::Flag => "flag",
            ParamKind::Rest => "words",
            _ => describe::type_word(param.ty),
        };
        let told = if about.is_empty() { kind.to_string() } else { format!("{kind} · {about}") };
        let styles = (theme.style(Role::Accent), theme.style(Role::Text));
        match width(&written) > widest {
            true => {
                rows.extend(wrapped(&written, room, styles.0));
                rows.extend(labelled("", widest, &told, room, styles));
            }
            false => rows.extend(labelled(&written, widest, &told, room, styles)),
        }
    }
    if !rows.is_empty() {
        rows.splice(0..0, heading("Parameters", theme));
    }
    rows
}

/// What each step is; its code too, where the definition does not show it.
fn steps(command: &Command, room: u16, theme: &Theme) -> Vec<Row> {
    let mut rows = Vec::from(heading("Steps", theme));
    if command.steps.is_empty() && command.requires.is_empty() {
        let name = &command.name;
        let said = format!(
            "A reference entry: there is nothing to run. `fac commands bind '{name}' --to OTHER`, --shell or --prompt gives it something."
        );
        rows.extend(by_words(&said, room, theme.style(Role::Dim)));
        return rows;
    }
    if command.steps.is_empty() {
        return Vec::new();
    }
    for step in &command.steps {
        rows.extend(labelled(&safe_line(&step.id), 0, "", room, (theme.style(Role::Accent), theme.style(Role::Text))));
        if let Some(row) = rows.last_mut() {
            row.line = Line::from(vec![
                Span::styled(safe_line(&step.id).into_owned(), theme.style(Role::Accent)),
                Span::styled(format!("  {}", safe_line(&about(step, command))), theme.style(Role::Dim)),
            ]);
        }
        if !command.text.contains(step.text.trim()) {
            rows.extend(code(&step.text, &step.lang, room, theme));
        }
    }
    rows
}

fn about(step: &Step, command: &Command) -> String {
    let mut parts = vec![step.kind.name().to_string()];
    if step.lang != step.kind.name() && !step.lang.is_empty() {
        parts.push(step.lang.clone());
    }
    if matches!(step.kind, StepKind::Prompt | StepKind::System) {
        parts.push(step.model.as_ref().map_or_else(|| "for a model".to_string(), |m| format!("for the model {m}")));
    }
    parts.push(format!("line {}", step.line.max(command.origin.lines.0)));
    parts.extend(step.stdin.as_ref().map(|from| format!("reads {from}")));
    parts.extend(step.condition.as_ref().map(|condition| format!("if {condition}")));
    if step.allow_failure {
        parts.push("may fail".to_string());
    }
    parts.join(" · ")
}

/// Code with its colours and a bar before it.
pub fn code(text: &str, lang: &str, room: u16, theme: &Theme) -> Vec<Row> {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    let lang: String = lang.chars().filter(|c| c.is_ascii_alphanumeric() || "+-_#.".contains(*c)).collect();
    let fenced = format!("{fence}{lang}\n{}\n{fence}\n", text.trim_end_matches('\n'));
    let mut rows = prose::rows(&fenced, room.saturating_sub(2), theme);
    // The fence is ours, not theirs.
    let is_fence = |row: Option<&Row>| row.is_some_and(|row| row.text().trim_start().starts_with(&fence));
    if is_fence(rows.last()) {
        rows.pop();
    }
    if is_fence(rows.first()) {
        rows.remove(0);
    }
    rows.iter_mut().for_each(|row| row.line.spans.insert(0, Span::styled("│ ", theme.style(Role::Border))));
    rows
}

/// What is known of the heading under the cursor.
pub fn of_heading(tree: &Tree, item: Item, room: u16, theme: &Theme) -> Vec<Row> {
    let listing = tree.listing();
    let (source, first, count) = match item {
        Item::Source(at, count) => (at, listing.commands.iter().position(|c| c.source == at), count),
        Item::Category(first, count) => (listing.commands[first].source, Some(first), count),
        Item::Command(_) => return Vec::new(),
    };
    let from = &listing.sources[source];
    let title = match (item, first) {
        (Item::Category(..), Some(first)) => listing.commands[first].category.clone().unwrap_or_default(),
        _ => from.name.clone(),
    };
    let mut rows = wrapped(&title, room, theme.style(Role::Title));
    rows.push(Row::default());
    rows.extend(facts(from, room, theme));
    let of_it = first.map(|first| &listing.commands[first..first + count]).unwrap_or_default();
    rows.push(Row::default());
    let said = if count == 1 { "1 command".to_string() } else { format!("{count} commands") };
    rows.push(Row::of(Line::styled(said, theme.style(Role::Text))));
    for state in [Trust::Trusted, Trust::Untrusted, Trust::Changed] {
        let number = of_it.iter().filter(|c| c.trust == state).count();
        if number > 0 {
            let (sign, word, role) = trust(state);
            rows.push(Row::of(Line::styled(format!("{sign} {number} {word}"), theme.style(role))));
        }
    }
    rows
}

fn facts(from: &From, room: u16, theme: &Theme) -> Vec<Row> {
    let mut facts = vec![("kind", from.kind.name().to_string()), ("from", from.spec.clone())];
    facts.extend(from.commit.as_ref().map(|commit| ("commit", commit.clone())));
    facts.extend(from.fetched.as_ref().map(|at| ("fetched", at.clone())));
    let styles = (theme.style(Role::Dim), theme.style(Role::Text));
    let mut rows: Vec<Row> = facts.iter().flat_map(|(label, value)| labelled(label, 8, value, room, styles)).collect();
    if let Some(error) = &from.error {
        let bad = theme.style(Role::Bad);
        rows.extend(labelled("✗", 8, &format!("the last update failed: {error}"), room, (bad, bad)));
    }
    rows
}
