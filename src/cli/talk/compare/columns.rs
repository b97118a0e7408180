//! Answers side by side on a wide terminal: the ends of them while they come, the whole of them at the end.
//!
//! It draws over what it drew before and never more lines than the terminal has. It does not know who answers.

use super::super::super::table::wrap;
use super::super::super::ui::{Role, Ui};
use super::super::super::{Context, draw};
use crate::kernel::error::Result;
use crate::kernel::markdown::render::{Line, Look, render_as, to_ansi};
use crate::kernel::markdown::{highlight::Highlight, parse};
use crate::kernel::terminal::{pad, safe, truncate_to_width};

/// A column has at least so many characters.
const NARROWEST: usize = 36;
/// Two columns are worth so wide a terminal.
const WIDE: usize = 100;
/// What parts columns.
const RULE: &str = " │ ";

/// What one model says.
#[derive(Debug, Default)]
pub(super) struct Column {
    head: String,
    pub(super) text: String,
    pub(super) done: bool,
}

impl Column {
    pub(super) fn new(head: &str) -> Column {
        Column { head: safe(head).into_owned(), ..Column::default() }
    }
}

/// Where columns are drawn.
pub(super) struct Board<'u> {
    ui: &'u Ui,
    count: usize,
    /// Lines that were drawn last.
    drawn: usize,
}

impl<'u> Board<'u> {
    /// A board, where the terminal has room for so many columns.
    pub(super) fn fitting(context: &'u Context, count: usize) -> Option<Board<'u>> {
        let ui = &context.ui;
        let fits = ui.stdout_terminal && !ui.json && ui.width() >= WIDE.max(count * (NARROWEST + RULE.len()));
        (fits && count > 1).then_some(Board { ui, count, drawn: 0 })
    }

    /// The width of a column now: the terminal may have changed.
    fn room(&self) -> usize {
        let rules = (self.count - 1) * 3;
        (self.ui.width().saturating_sub(rules) / self.count).max(8)
    }

    /// Draws the ends of all answers.
    pub(super) fn draw(&mut self, columns: &[Column]) -> Result<()> {
        let rows = self.ui.height().saturating_sub(3).max(3);
        let text = self.text(columns, Some(rows));
        self.put(&text)
    }

    /// Draws all of them whole, for good.
    pub(super) fn finish(&mut self, columns: &[Column]) -> Result<()> {
        let text = self.text(columns, None);
        self.put(&format!("{text}\n"))?;
        self.drawn = 0;
        Ok(())
    }

    fn put(&mut self, text: &str) -> Result<()> {
        let up = if self.drawn > 0 { format!("\x1b[{}A", self.drawn) } else { String::new() };
        self.drawn = text.matches('\n').count();
        self.ui.write(format!("{up}\r\x1b[J{text}").as_bytes())
    }

    fn text(&self, columns: &[Column], rows: Option<usize>) -> String {
        let room = self.room();
        let highlight = self.ui.colour().then(|| Highlight::new(draw::CODE_THEME)).flatten();
        let look = Look { width: room, html: false, highlight };
        let cells: Vec<Vec<(String, usize)>> = columns.iter().map(|c| self.cells(c, room, &look)).collect();
        let longest = cells.iter().map(Vec::len).max().unwrap_or(0);
        let shown = rows.map_or(longest, |rows| rows.min(longest));
        let heads: Vec<String> = columns.iter().map(|c| self.head(c, room)).collect();
        let mut out = format!("{}\n", heads.join(RULE).trim_end());
        for row in 0..shown {
            let mut line = String::new();
            for (number, cell) in cells.iter().enumerate() {
                // Of an answer that is too long its end is shown.
                let skipped = cell.len().saturating_sub(shown);
                let (text, width) = cell.get(skipped + row).cloned().unwrap_or_default();
                let last = number + 1 == cells.len();
                line.push_str(&text);
                if !last {
                    line.push_str(&" ".repeat(room.saturating_sub(width)));
                    line.push_str(RULE);
                }
            }
            out.push_str(line.trim_end());
            out.push('\n');
        }
        out
    }

    fn head(&self, column: &Column, room: usize) -> String {
        let mark = if column.done { "" } else { " …" };
        let name = truncate_to_width(&column.head, room.saturating_sub(2));
        let text = pad(&format!("{name}{mark}"), room);
        self.ui.paint(Role::Name, &text)
    }

    /// The lines of a column with the width of each.
    fn cells(&self, column: &Column, room: usize, look: &Look) -> Vec<(String, usize)> {
        let clean = safe(&column.text).into_owned();
        let mut cells = Vec::new();
        for line in render_as(&parse(&clean), &clean, look) {
            if line.width() <= room {
                cells.push((self.painted(&line), line.width()));
                continue;
            }
            for part in wrap(&line.text(), room) {
                let part = truncate_to_width(&part, room);
                cells.push((part.clone(), crate::kernel::terminal::width(&part)));
            }
        }
        cells
    }

    fn painted(&self, line: &Line) -> String {
        let text = to_ansi(std::slice::from_ref(line), self.ui.colour());
        text.trim_end_matches('\n').to_string()
    }
}
