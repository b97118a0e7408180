//! Messages as rows: who says it, its words as Markdown, thoughts and tools that can be opened, how it ended.
//!
//! Everything here is made of values; what was made is kept by [`super::thread`].

use jiff::tz::TimeZone;
use ratatui::text::{Line, Span};

use super::keys;
use super::pictures::Pictures;
use crate::kernel::clock::Timestamp;
use crate::kernel::figures::{bytes as size, dollars};
use crate::kernel::ids::Id;
use crate::kernel::terminal::{safe_line, truncate_to_width};
use crate::providers::model::{Part, ToolCall, ToolResult};
use crate::store::{AnswerCost, Message, MessageStatus};
use crate::tui::keymap::{Action, Keymap};
use crate::tui::theme::{Role, Theme};
use crate::tui::widgets::prose;
use crate::tui::widgets::text::{Row, wrapped, wrapped_words};

/// Lines of a tool's account that are shown when it is opened.
const SHOWN: usize = 200;

/// A message of the conversation with what stands around it.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The message.
    pub message: Message,
    /// Its pieces.
    pub parts: Vec<Part>,
    /// What the tools that it asked for said.
    pub results: Vec<ToolResult>,
    /// All versions of it, the oldest first.
    pub versions: Vec<Id>,
    /// What it took.
    pub cost: Option<AnswerCost>,
    /// Whether it goes on after tools that the answer before asked for.
    pub goes_on: bool,
}

impl Entry {
    /// Whether it is a question.
    pub fn is_question(&self) -> bool {
        self.message.role == "user"
    }

    /// The words of a question without the files that go along.
    pub fn asked(&self) -> String {
        let texts: Vec<&str> = self.texts();
        texts.last().map_or_else(String::new, |text| (*text).to_string())
    }

    fn texts(&self) -> Vec<&str> {
        self.parts
            .iter()
            .filter_map(|part| match part {
                Part::Text { text } => Some(text.as_str()),
                _ => None,
            })
            .collect()
    }

    /// Which version this is, counted from one, and how many there are.
    pub fn version(&self) -> Option<(usize, usize)> {
        let at = self.versions.iter().position(|id| *id == self.message.id)?;
        (self.versions.len() > 1).then_some((at + 1, self.versions.len()))
    }
}

/// How rows are made.
#[derive(Clone, Copy)]
pub struct Look<'a> {
    /// Columns.
    pub width: u16,
    /// Colours.
    pub theme: &'a Theme,
    /// Which key does what.
    pub keys: &'a Keymap,
    /// The person's time zone.
    pub zone: &'a TimeZone,
    /// What time it is.
    pub now: Timestamp,
    /// Whether answers are shown as they were written.
    pub raw: bool,
}

impl Look<'_> {
    /// A span in a role.
    pub fn span(&self, role: Role, text: impl AsRef<str>) -> Span<'static> {
        Span::styled(safe_line(text.as_ref()).into_owned(), self.theme.style(role))
    }

    /// An answer: drawn, or as it was written.
    pub fn answer(&self, text: &str) -> Vec<Row> {
        match self.raw {
            true => wrapped_words(text.trim_end_matches('\n'), self.width, self.theme.style(Role::Text)),
            false => prose::rows(text, self.width, self.theme),
        }
    }

    /// The key of an action, as it is shown.
    pub fn key(&self, action: Action) -> String {
        self.keys.key(action).map_or_else(|| "Ctrl-P".to_string(), |chord| chord.to_string())
    }

    /// The time of a moment, with the day where that is another one.
    pub fn time(&self, at: Timestamp) -> String {
        let (then, now) = (at.short_in(self.zone.clone()), self.now.short_in(self.zone.clone()));
        match (then.get(..10) == now.get(..10), then.get(11..)) {
            (true, Some(time)) => time.to_string(),
            _ => then,
        }
    }
}

/// A row of a message.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Drawn {
    /// The row.
    pub row: Row,
    /// The piece of the message that is opened or closed here.
    pub fold: Option<usize>,
}

impl Drawn {
    /// A row that does nothing.
    pub fn of(line: impl Into<Line<'static>>) -> Drawn {
        Drawn { row: Row::of(line), ..Drawn::default() }
    }
}

/// Rows that do nothing.
pub fn plain(rows: Vec<Row>) -> impl Iterator<Item = Drawn> {
    rows.into_iter().map(|row| Drawn { row, ..Drawn::default() })
}

/// What is to be known of a message's pieces.
pub struct Pieces<'a> {
    /// Which of them the person opened or closed.
    pub opened: &'a dyn Fn(usize) -> bool,
    /// The pictures that can be shown.
    pub pictures: &'a Pictures,
}

/// All rows of a message; `notes` are what was said beside it.
pub fn rows(entry: &Entry, pieces: &Pieces<'_>, notes: &[String], look: &Look<'_>) -> Vec<Drawn> {
    let mut out = Vec::new();
    if !entry.goes_on {
        out.push(head(entry, look));
    }
    match entry.is_question() {
        true => question(entry, pieces, look, &mut out),
        false => answer(entry, pieces, look, &mut out),
    }
    out.extend(notes.iter().flat_map(|note| plain(note_rows(note, look))));
    ending(entry, look, &mut out);
    out.push(Drawn::default());
    out
}

/// A word beside the talk.
pub fn note_rows(note: &str, look: &Look<'_>) -> Vec<Row> {
    wrapped_words(&format!("• {note}"), look.width, look.theme.style(Role::Warn))
}

/// Who speaks.
pub fn head(entry: &Entry, look: &Look<'_>) -> Drawn {
    let (role, name) = match entry.message.role.as_str() {
        "user" => (Role::Title, "You".to_string()),
        "assistant" => (Role::Second, entry.message.model.clone().unwrap_or_else(|| "model".to_string())),
        other => (Role::Dim, other.to_string()),
    };
    let sign = if entry.is_question() { "› " } else { "◆ " };
    let room = usize::from(look.width).saturating_sub(30).max(12);
    let mut spans = vec![
        look.span(role, sign),
        look.span(role, truncate_to_width(&safe_line(&name), room)),
        look.span(Role::Dim, format!("  {}", look.time(entry.message.created))),
    ];
    if let Some((at, all)) = entry.version() {
        spans.push(look.span(Role::Warn, format!("  ‹{at}/{all}›")));
    }
    if let Some(command) = &entry.message.command {
        spans.push(look.span(Role::Dim, format!("  by {command}")));
    }
    Drawn::of(spans)
}

fn question(entry: &Entry, pieces: &Pieces<'_>, look: &Look<'_>, out: &mut Vec<Drawn>) {
    let texts = entry.texts().len();
    let mut text_at = 0;
    for (at, part) in entry.parts.iter().enumerate() {
        match part {
            Part::Text { text } => {
                text_at += 1;
                match text_at < texts {
                    true => attached_text(at, text, (pieces.opened)(at), look, out),
                    false => {
                        out.extend(plain(wrapped_words(text.trim_end(), look.width, look.theme.style(Role::Text))))
                    }
                }
            }
            other => piece(entry, at, other, pieces, look, out),
        }
    }
}

/// A text file that went along with a question.
fn attached_text(at: usize, text: &str, open: bool, look: &Look<'_>, out: &mut Vec<Drawn>) {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let name = first.strip_prefix("File: ").unwrap_or(first);
    out.push(fold_line(at, open, "⊞", &format!("{name} · {}", lines_of(rest.lines().count().saturating_sub(2))), look));
    if open {
        out.extend(inside(rest, Role::Dim, look));
    }
}

fn answer(entry: &Entry, pieces: &Pieces<'_>, look: &Look<'_>, out: &mut Vec<Drawn>) {
    for (at, part) in entry.parts.iter().enumerate() {
        match part {
            Part::Text { text } => out.extend(plain(look.answer(text))),
            Part::Reasoning { text, .. } if text.trim().is_empty() => {}
            Part::Reasoning { text, .. } => {
                let open = (pieces.opened)(at);
                out.push(fold_line(
                    at,
                    open,
                    "┊",
                    &format!("thoughts · {}", lines_of(text.trim().lines().count())),
                    look,
                ));
                if open {
                    out.extend(thoughts(text.trim(), look));
                }
            }
            other => piece(entry, at, other, pieces, look, out),
        }
    }
}

/// Thoughts behind a mark of their own.
pub fn thoughts(text: &str, look: &Look<'_>) -> Vec<Drawn> {
    let style = look.theme.style(Role::Dim).add_modifier(ratatui::style::Modifier::ITALIC);
    behind("┊ ", wrapped_words(text, look.width.saturating_sub(2), style), look)
}

/// Rows behind a mark that is not copied with what only goes on.
fn behind(mark: &str, rows: Vec<Row>, look: &Look<'_>) -> Vec<Drawn> {
    let put = |mut row: Row| {
        row.line.spans.insert(0, look.span(Role::Dim, mark));
        row.lead = 2;
        Drawn { row, ..Drawn::default() }
    };
    rows.into_iter().map(put).collect()
}

fn inside(text: &str, role: Role, look: &Look<'_>) -> Vec<Drawn> {
    let shown: Vec<&str> = text.trim_end().lines().take(SHOWN).collect();
    let left = text.trim_end().lines().count().saturating_sub(shown.len());
    let mut rows = behind("│ ", wrapped(&shown.join("\n"), look.width.saturating_sub(2), look.theme.style(role)), look);
    if left > 0 {
        rows.push(Drawn::of(look.span(Role::Dim, format!("│ … {}", lines_of(left)))));
    }
    rows
}

fn fold_line(at: usize, open: bool, sign: &str, said: &str, look: &Look<'_>) -> Drawn {
    let mark = if open { "▾" } else { "▸" };
    let said = truncate_to_width(&safe_line(said), usize::from(look.width).saturating_sub(4));
    let spans = vec![look.span(Role::Accent, format!("{mark} {sign} ")), look.span(Role::Dim, said)];
    Drawn { row: Row::of(spans), fold: Some(at) }
}

fn piece(entry: &Entry, at: usize, part: &Part, pieces: &Pieces<'_>, look: &Look<'_>, out: &mut Vec<Drawn>) {
    match part {
        Part::File { mime, name, data, url } => {
            let bytes = entry.message.parts.get(at).and_then(|p| p.get("bytes")).and_then(serde_json::Value::as_u64);
            let bytes = bytes.or_else(|| (!data.is_empty()).then(|| data.len() as u64 / 4 * 3));
            let name = match (name.is_empty(), url) {
                (false, _) => name.as_str(),
                (true, Some(url)) => url.as_str(),
                (true, None) => "file",
            };
            let made = pieces.pictures.get((entry.message.id, at));
            let wrong = made.and_then(|made| made.as_ref().err()).cloned();
            let facts = [Some(name.to_string()), Some(mime.clone()), bytes.map(size), wrong];
            let facts: Vec<String> = facts.into_iter().flatten().collect();
            let style = look.theme.style(Role::Accent);
            out.extend(plain(wrapped_words(&format!("⊞ {}", facts.join(" · ")), look.width, style)));
            if let Some(Ok(picture)) = made {
                out.extend(plain(Row::of_picture(picture).collect()));
            }
        }
        Part::ToolCall(call) => tool(entry, at, call, (pieces.opened)(at), look, out),
        Part::ToolResult(_) | Part::Text { .. } | Part::Reasoning { .. } => {}
    }
}

/// A tool that was asked for, and what came of it.
fn tool(entry: &Entry, at: usize, call: &ToolCall, open: bool, look: &Look<'_>, out: &mut Vec<Drawn>) {
    let result = entry.results.iter().find(|r| r.id == call.id);
    let (sign, role, said) = match result {
        None => ("…", Role::Warn, "no answer of it".to_string()),
        Some(result) if result.is_error => ("✗", Role::Bad, format!("failed: {}", first_line(&result.content))),
        Some(result) => ("✓", Role::Good, lines_of(result.content.trim_end().lines().count())),
    };
    let arguments = match &call.arguments {
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let mark = if open { "▾" } else { "▸" };
    let room = usize::from(look.width).saturating_sub(12);
    let name = truncate_to_width(&safe_line(&call.name), room / 2);
    let left = room.saturating_sub(crate::kernel::terminal::width(&name));
    let said = truncate_to_width(&safe_line(&said), left / 2);
    let left = left.saturating_sub(crate::kernel::terminal::width(&said));
    let line = vec![
        look.span(Role::Accent, format!("{mark} ⚙ ")),
        look.span(Role::Text, name),
        look.span(Role::Dim, format!(" {}", truncate_to_width(&safe_line(&arguments), left))),
        look.span(role, format!("  {sign} {said}")),
    ];
    out.push(Drawn { row: Row::of(line), fold: Some(at) });
    if open {
        let pretty = serde_json::to_string_pretty(&call.arguments).unwrap_or(arguments);
        out.extend(inside(&pretty, Role::Dim, look));
        if let Some(result) = result {
            out.extend(inside(&result.content, if result.is_error { Role::Bad } else { Role::Text }, look));
        }
    }
}

fn ending(entry: &Entry, look: &Look<'_>, out: &mut Vec<Drawn>) {
    use MessageStatus as S;
    if entry.is_question() {
        return;
    }
    let (go_on, again) = (look.key(keys::CONTINUE), look.key(keys::RETRY));
    let said = match entry.message.status {
        S::Done if entry.parts.is_empty() => Some((Role::Dim, "(no words)".to_string())),
        S::Done => None,
        S::Pending => Some((Role::Warn, "… another program waits for this answer".to_string())),
        S::Cancelled => Some((Role::Warn, format!("■ you stopped it there; {go_on} goes on, {again} asks again"))),
        S::CutOff => Some((
            Role::Warn,
            format!(
                "✂ the stream ended without its end mark: it may lack its rest; {go_on} goes on, {again} asks again"
            ),
        )),
        S::Failed => {
            let error = entry.message.error.as_deref().map(first_line).unwrap_or_default();
            Some((Role::Bad, format!("✗ {error}; {again} asks again, {} another model", look.key(keys::RETRY_WITH))))
        }
    };
    if let Some((role, said)) = said {
        out.extend(plain(wrapped_words(&said, look.width, look.theme.style(role))));
    }
    let mut facts = Vec::new();
    if let Some(cost) = entry.cost.filter(|c| c.input + c.output > 0) {
        facts.push(format!("{} in, {} out", cost.input, cost.output));
        facts.extend(cost.cost_micros.map(dollars));
    }
    if let Some(finished) = entry.message.finished.filter(|_| !facts.is_empty()) {
        facts.push(format!("{:.1} s", finished.since(entry.message.created) as f64 / 1e6));
    }
    if !facts.is_empty() {
        out.push(Drawn::of(look.span(Role::Dim, facts.join(" · "))));
    }
}

fn first_line(text: &str) -> String {
    safe_line(text.trim().lines().next().unwrap_or_default()).into_owned()
}

fn lines_of(count: usize) -> String {
    if count == 1 { "1 line".to_string() } else { format!("{count} lines") }
}
