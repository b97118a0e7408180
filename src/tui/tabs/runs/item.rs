//! A run as the list shows it: signs, words, and how long ago.

use jiff::tz::TimeZone;
use ratatui::text::{Line, Span};

use crate::kernel::clock::Timestamp;
use crate::kernel::duration::human_ms;
use crate::kernel::events::Recorded;
use crate::kernel::ids::Id;
use crate::kernel::terminal::{pad, safe_line, truncate_to_width, width};
use crate::store::{RunRow, Status};
use crate::tui::happening::World;
use crate::tui::theme::Role;

/// The moving sign of what runs.
const MOVING: [&str; 4] = ["◐", "◓", "◑", "◒"];

/// A run without what only its details need, so that very many can be kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// Its id.
    pub id: Id,
    /// The command's name.
    pub command: String,
    /// The name of its source.
    pub source: String,
    /// What fired it.
    pub trigger: String,
    /// Where it stands.
    pub status: Status,
    /// Its exit code, once it has one.
    pub exit_code: Option<i32>,
    /// When it started.
    pub started: Timestamp,
    /// When it ended.
    pub finished: Option<Timestamp>,
}

impl From<&RunRow> for Item {
    fn from(row: &RunRow) -> Item {
        Item {
            id: row.id,
            command: row.command.clone(),
            source: row.source.clone(),
            trigger: row.trigger.clone(),
            status: row.status,
            exit_code: row.exit_code,
            started: row.started,
            finished: row.finished,
        }
    }
}

/// The sign of a status.
pub fn sign(status: Status) -> &'static str {
    match status {
        Status::Ok => "✓",
        Status::Failed => "✗",
        Status::Running => "▶",
        Status::Pending => "·",
        Status::TimedOut => "◷",
        Status::Interrupted => "■",
        Status::Cancelled => "○",
        Status::Refused => "⊘",
        Status::Lost => "?",
    }
}

/// The word of a status, with the exit code where it says more.
pub fn word(status: Status, exit_code: Option<i32>) -> String {
    match (status, exit_code) {
        (Status::Failed, Some(code)) => format!("failed {code}"),
        (Status::Pending, _) => "waiting".to_string(),
        (status, _) => status.name().replace('_', " "),
    }
}

/// The same where there is little room.
fn short(status: Status, exit_code: Option<i32>) -> String {
    match status {
        Status::TimedOut => "timeout".to_string(),
        Status::Interrupted => "stopped".to_string(),
        Status::Cancelled => "skipped".to_string(),
        status => word(status, exit_code),
    }
}

/// How a status looks.
pub fn role(status: Status) -> Role {
    match status {
        Status::Ok => Role::Good,
        Status::Failed | Status::TimedOut | Status::Lost => Role::Bad,
        Status::Pending | Status::Running => Role::Accent,
        Status::Interrupted | Status::Cancelled | Status::Refused => Role::Warn,
    }
}

/// A moment in a few columns: the time of today, the day of this year, or the month.
pub fn when(at: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let (at, now) = (at.short_in(zone.clone()), now.short_in(zone.clone()));
    if at.get(..10) == now.get(..10) {
        return at.get(11..).unwrap_or_default().to_string();
    }
    if at.get(..4) == now.get(..4) { at.get(5..10) } else { at.get(..7) }.unwrap_or_default().to_string()
}

/// A length of time from microseconds.
pub fn length(micros: i64) -> String {
    human_ms(u64::try_from(micros / 1000).unwrap_or(0))
}

impl Item {
    /// How long it took, or has taken so far.
    pub fn took(&self, now: Timestamp) -> String {
        let end = self.finished.unwrap_or_else(|| now.max(self.started));
        if self.status == Status::Lost { String::new() } else { length(end.since(self.started)) }
    }

    /// What a fact of the log changes about it.
    pub fn learn(&mut self, fact: &Recorded) {
        let Some(payload) = &fact.payload else { return };
        if let Some(status) = payload.get("status").and_then(|s| s.as_str()).and_then(|s| s.parse().ok()) {
            self.status = status;
            self.exit_code = payload.get("exit_code").and_then(|c| c.as_i64()).and_then(|c| i32::try_from(c).ok());
            let took = payload.get("duration_us").and_then(|d| d.as_i64());
            self.finished = Some(took.map_or(fact.at, |took| self.started.plus_micros(took)));
        }
    }

    /// Its row, for a list of this width.
    pub fn line(&self, columns: u16, marked: bool, world: &World<'_>) -> Line<'static> {
        let theme = world.theme;
        let columns = usize::from(columns);
        let style = theme.style(role(self.status));
        let moving = self.status == Status::Running && world.motion;
        let sign = if moving { MOVING[(world.moment % 4) as usize] } else { sign(self.status) };
        let (words, word) = match columns >= 44 {
            true => (12, word(self.status, self.exit_code)),
            false => (9, short(self.status, self.exit_code)),
        };
        let word = pad(&truncate_to_width(&word, words - 1), words);
        let when = format!("{:>7}", when(self.started, world.now, world.zone));
        let took = if columns >= 44 { format!("{:>8}", self.took(world.now)) } else { String::new() };
        let from = if self.trigger == "manual" || columns < 64 { "" } else { first_word(&self.trigger) };
        let room = columns.saturating_sub(3 + words + width(&when) + took.len());
        let from = if from.is_empty() { String::new() } else { format!(" ↻ {}", safe_line(from)) };
        let name = truncate_to_width(&safe_line(&self.command), room.saturating_sub(width(&from)));
        let left = room.saturating_sub(width(&name) + width(&from));
        Line::from(vec![
            Span::styled(if marked { "*" } else { " " }, theme.style(Role::Key)),
            Span::styled(sign, style),
            Span::styled(format!(" {word}"), style),
            Span::styled(name, theme.style(Role::Text)),
            Span::styled(from, theme.style(Role::Second)),
            Span::styled(format!("{}{when}{took}", " ".repeat(left)), theme.style(Role::Dim)),
        ])
    }
}

fn first_word(text: &str) -> &str {
    text.split(' ').next().unwrap_or(text)
}
