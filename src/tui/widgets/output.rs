//! A long output that is scrolled, searched and marked, of which only the rows on the screen are made.
//!
//! It reads no file: what it lacks it says as a [`Want`], and takes the [`Page`] that came of it.

mod doc;
mod lines;

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;
use ratatui::widgets::Widget;
use unicode_width::UnicodeWidthChar;

use self::doc::{Doc, Shown};
pub use self::doc::{Found, Page, Want, Whole};
pub use self::lines::Index;
use super::list::{WHEEL, scrollbar};
use super::text::marked_words;
use crate::exec::Stream;
use crate::tui::actions;
use crate::tui::keymap::Action;
use crate::tui::theme::{Role, Theme};

/// Columns before a line that was written: what stood on stderr has a sign there.
const GUTTER: u16 = 2;
/// Columns that going sideways moves.
const SIDEWAYS: usize = 8;

/// A row: a line, and which of its rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Spot {
    line: u64,
    row: usize,
}

/// A place in the text: a line and a column of it.
type Place = (u64, usize);

/// A row on the screen.
struct Laid {
    line: u64,
    shown: Option<Shown>,
    /// The bytes of the line that it shows.
    bytes: Range<usize>,
    /// The column of the line that it begins with.
    column: usize,
}

/// An output and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    doc: Doc,
    top: Spot,
    /// Whether the end is kept in sight while more comes.
    pub follows: bool,
    /// Whether long lines go on in the next row.
    pub wrap: bool,
    left: usize,
    asked: Option<Want>,
    found: Found,
    hit: usize,
    grabbed: Option<(Place, Place)>,
}

impl Default for Output {
    fn default() -> Self {
        Output {
            doc: Doc::default(),
            top: Spot::default(),
            follows: false,
            wrap: true,
            left: 0,
            asked: None,
            found: Found::default(),
            hit: 0,
            grabbed: None,
        }
    }
}

impl Output {
    /// One that keeps at most so many bytes in memory; what is older goes.
    pub fn bounded(limit: usize) -> Output {
        Output { doc: Doc::bounded(limit), ..Output::default() }
    }

    /// Adds a sentence of ours.
    pub fn say(&mut self, role: Role, text: &str) {
        self.doc.say(role, text);
    }

    /// Adds what was written.
    pub fn bytes(&mut self, stream: Stream, bytes: &[u8]) {
        self.doc.bytes(stream, bytes);
    }

    /// Adds a file with what was written.
    pub fn file(&mut self, stream: Stream, path: PathBuf, index: Arc<Index>) {
        self.doc.file(stream, path, index);
    }

    /// How many lines there are, with those that went.
    pub fn lines(&self) -> u64 {
        self.doc.end()
    }

    /// Lines that went because there was too much.
    pub fn dropped(&self) -> u64 {
        self.doc.dropped
    }

    /// All of it, for another thread.
    pub fn whole(&self) -> Whole {
        self.doc.copy()
    }

    /// Stands where another one stood.
    pub fn stand_as(&mut self, other: &Output) {
        (self.top, self.follows, self.wrap, self.left) = (other.top, other.follows, other.wrap, other.left);
    }

    /// What has to be read for a window of this height; the same is not asked for twice.
    pub fn want(&mut self, area: Rect) -> Option<Want> {
        let top = self.top(area).line;
        let height = u64::from(area.height);
        let want = self.doc.want(top.saturating_sub(height), top + height * 2);
        if want.is_none() || want == self.asked {
            return None;
        }
        self.asked.clone_from(&want);
        want
    }

    /// Takes what was read.
    pub fn take(&mut self, page: Page) {
        self.doc.take(page);
        self.asked = None;
    }

    /// The row at the top of a window.
    fn top(&self, area: Rect) -> Spot {
        let last = self.back(Spot { line: self.doc.end(), row: 0 }, usize::from(area.height), area.width);
        if self.follows { last } else { self.top.clamp(Spot { line: self.doc.begin(), row: 0 }.min(last), last) }
    }

    /// Rows of a line; one as long as it was not read.
    fn rows(&self, line: u64, width: u16) -> usize {
        match (self.wrap, self.doc.line(line)) {
            (true, Some(shown)) => cuts(&shown.text, room(&shown, width)).len(),
            _ => 1,
        }
    }

    fn back(&self, mut spot: Spot, mut rows: usize, width: u16) -> Spot {
        while rows > spot.row {
            if spot.line <= self.doc.begin() {
                return Spot { line: self.doc.begin(), row: 0 };
            }
            rows -= spot.row;
            spot.line -= 1;
            spot.row = self.rows(spot.line, width);
        }
        Spot { row: spot.row - rows, ..spot }
    }

    fn forward(&self, mut spot: Spot, mut rows: usize, width: u16) -> Spot {
        while spot.line < self.doc.end() {
            let here = self.rows(spot.line, width);
            if spot.row + rows < here {
                return Spot { row: spot.row + rows, ..spot };
            }
            rows -= here.saturating_sub(spot.row).min(rows);
            spot = Spot { line: spot.line + 1, row: 0 };
        }
        spot
    }

    /// Scrolls; whether the action was one of movement.
    pub fn act(&mut self, action: Action, area: Rect) -> bool {
        let page = usize::from(area.height).max(1);
        let (top, width) = (self.top(area), area.width);
        let last = self.back(Spot { line: self.doc.end(), row: 0 }, page, width);
        let step = page.saturating_sub(1).max(1);
        let moved = match action {
            actions::UP => self.back(top, 1, width),
            actions::DOWN => self.forward(top, 1, width),
            actions::PAGE_UP => self.back(top, step, width),
            actions::PAGE_DOWN => self.forward(top, step, width),
            actions::HALF_UP => self.back(top, page / 2, width),
            actions::HALF_DOWN => self.forward(top, page / 2, width),
            actions::FIRST => Spot { line: self.doc.begin(), row: 0 },
            actions::LAST => last,
            actions::FIND_NEXT => return self.go_to_hit(1, area),
            actions::FIND_PREVIOUS => return self.go_to_hit(self.found.hits.len().saturating_sub(1), area),
            _ => return false,
        };
        self.top = moved.min(last);
        // Whoever scrolls to the end wants to see what comes.
        self.follows = self.top == last && matches!(action, actions::LAST | actions::DOWN | actions::PAGE_DOWN);
        true
    }

    /// Goes sideways where lines are not wrapped.
    pub fn sideways(&mut self, right: bool) {
        self.left = if right { self.left + SIDEWAYS } else { self.left.saturating_sub(SIDEWAYS) };
    }

    /// Wraps long lines, or no more.
    pub fn toggle_wrap(&mut self, area: Rect) {
        self.top = Spot { row: 0, ..self.top(area) };
        (self.wrap, self.left) = (!self.wrap, 0);
    }

    /// Takes what a search found, and shows the first place from here on.
    pub fn show_found(&mut self, found: Found, area: Rect) {
        let again = found.words == self.found.words;
        let at = if again { self.found.hits.get(self.hit).copied() } else { None };
        let from = at.unwrap_or(self.top(area).line);
        self.found = found;
        self.hit = self.found.hits.iter().position(|hit| *hit >= from).unwrap_or(0);
        if !again {
            self.go_to_hit(0, area);
        }
    }

    /// The words that are looked for; empty when there are none.
    pub fn wanted(&self) -> &str {
        &self.found.words
    }

    /// Whether lines came since the search.
    pub fn is_searched(&self) -> bool {
        self.found.end >= self.doc.end()
    }

    /// Which place is shown and how many there are, as words; empty when nothing is looked for.
    pub fn found(&self) -> String {
        match (self.found.words.is_empty(), self.found.hits.len()) {
            (true, _) => String::new(),
            (_, 0) => "not found".to_string(),
            (_, all) => format!("{} of {all}{}", self.hit + 1, if self.found.more { "+" } else { "" }),
        }
    }

    fn go_to_hit(&mut self, by: usize, area: Rect) -> bool {
        if self.found.hits.is_empty() {
            return false;
        }
        self.hit = (self.hit + by) % self.found.hits.len();
        let line = self.found.hits[self.hit];
        self.top = self.back(Spot { line, row: 0 }, usize::from(area.height) / 3, area.width);
        self.follows = false;
        true
    }

    /// The rows of a window.
    fn layout(&self, area: Rect) -> Vec<Laid> {
        let top = self.top(area);
        let mut laid: Vec<Laid> = Vec::new();
        let mut skip = top.row;
        for line in top.line..self.doc.end() {
            if laid.len() >= usize::from(area.height) {
                break;
            }
            let shown = self.doc.line(line);
            let Some(known) = &shown else {
                laid.push(Laid { line, shown, bytes: 0..0, column: 0 });
                continue;
            };
            if !self.wrap {
                let bytes = from_column(&known.text, self.left)..known.text.len();
                laid.push(Laid { line, shown, bytes, column: self.left });
                continue;
            }
            let mut column = 0;
            for bytes in cuts(&known.text, room(known, area.width)) {
                let wide = columns(&known.text[bytes.clone()]);
                if skip == 0 {
                    laid.push(Laid { line, shown: shown.clone(), bytes, column });
                } else {
                    skip -= 1;
                }
                column += wide;
            }
        }
        laid.truncate(usize::from(area.height));
        laid
    }

    /// Does what the mouse says inside of `area`; gives the text that was marked when the button is let go.
    pub fn mouse(&mut self, event: &MouseEvent, area: Rect) -> Option<String> {
        let inside = area.contains(Position { x: event.column, y: event.row });
        match event.kind {
            MouseEventKind::ScrollUp if inside => {
                self.top = self.back(self.top(area), WHEEL, area.width);
                self.follows = false;
            }
            MouseEventKind::ScrollDown if inside => (0..WHEEL).for_each(|_| {
                self.act(actions::DOWN, area);
            }),
            MouseEventKind::Down(MouseButton::Left) if inside => {
                self.top = self.top(area);
                self.follows = false;
                self.grabbed = self.place(event, area).map(|place| (place, place));
            }
            MouseEventKind::Drag(MouseButton::Left) => {
                if let (Some(place), Some((_, end))) = (self.place(event, area), &mut self.grabbed) {
                    *end = place;
                }
            }
            MouseEventKind::Up(MouseButton::Left) => {
                let marked = self.marked();
                if marked.is_none() {
                    self.grabbed = None;
                }
                return marked;
            }
            _ => {}
        }
        None
    }

    fn place(&self, event: &MouseEvent, area: Rect) -> Option<Place> {
        let row = usize::from(event.row.clamp(area.y, area.bottom().saturating_sub(1)) - area.y);
        let laid = self.layout(area);
        let at = laid.get(row).or(laid.last())?;
        let gutter = at.shown.as_ref().map_or(0, gutter);
        Some((at.line, at.column + usize::from(event.column.saturating_sub(area.x + gutter))))
    }

    fn ordered(&self) -> Option<(Place, Place)> {
        self.grabbed.map(|(a, b)| if a <= b { (a, b) } else { (b, a) }).filter(|(a, b)| a != b)
    }

    /// The columns of a line that are marked.
    fn marked_columns(&self, line: u64) -> Option<Range<usize>> {
        let (from, to) = self.ordered()?;
        let start = if line == from.0 { from.1 } else { 0 };
        let end = if line == to.0 { to.1 + 1 } else { usize::MAX };
        (from.0..=to.0).contains(&line).then_some(start..end)
    }

    /// What is marked, with the lines that were written and not those of the screen.
    pub fn marked(&self) -> Option<String> {
        let (from, to) = self.ordered()?;
        let mut text = String::new();
        for line in from.0..=to.0 {
            let (Some(shown), Some(marked)) = (self.doc.line(line), self.marked_columns(line)) else { continue };
            if line > from.0 && !shown.soft {
                text.push('\n');
            }
            let (start, end) = (from_column(&shown.text, marked.start), from_column(&shown.text, marked.end));
            text.push_str(&shown.text[start..end.max(start)]);
        }
        Some(text).filter(|text| !text.is_empty())
    }

    /// Draws what can be seen of it.
    pub fn draw(&self, buffer: &mut Buffer, area: Rect, theme: &Theme) {
        let (laid, wanted) = (self.layout(area), self.found.words.to_lowercase());
        let hit = self.found.hits.get(self.hit);
        for (row, y) in laid.iter().zip(area.y..area.bottom()) {
            let Some(shown) = &row.shown else {
                buffer.set_string(area.x, y, "…", theme.style(Role::Dim));
                continue;
            };
            let gutter = gutter(shown).min(area.width);
            if shown.stream == Some(Stream::Stderr) {
                buffer.set_string(area.x, y, "!", theme.style(Role::Bad));
            }
            if hit == Some(&row.line) && gutter > 0 {
                buffer.set_string(area.x, y, "›", theme.style(Role::Match));
            }
            let place = Rect { x: area.x + gutter, y, width: area.width - gutter, height: 1 };
            let line = Line::styled(shown.text[row.bytes.clone()].to_string(), theme.style(shown.role));
            match wanted.is_empty() {
                true => line.render(place, buffer),
                false => marked_words(&line, &wanted, theme.style(Role::Match)).render(place, buffer),
            }
            if let Some(marked) = self.marked_columns(row.line) {
                let wide = columns(&shown.text[row.bytes.clone()]);
                let cut = |n: usize| u16::try_from(n.saturating_sub(row.column).min(wide)).unwrap_or(u16::MAX);
                let (start, end) = (cut(marked.start).min(place.width), cut(marked.end).min(place.width));
                let grabbed = Rect { x: place.x + start, width: end - start, ..place };
                buffer.set_style(grabbed, theme.style(Role::Grabbed));
            }
        }
        let edge = Rect { width: area.width + 1, ..area };
        let line = |n: u64| usize::try_from(n - self.doc.begin()).unwrap_or(usize::MAX);
        let first = laid.first().map_or(0, |row| line(row.line));
        scrollbar(buffer, edge.intersection(*buffer.area()), theme, line(self.doc.end()), first);
    }
}

fn gutter(shown: &Shown) -> u16 {
    if shown.stream.is_some() { GUTTER } else { 0 }
}

fn room(shown: &Shown, width: u16) -> usize {
    usize::from(width.saturating_sub(gutter(shown))).max(1)
}

fn columns(text: &str) -> usize {
    text.chars().map(|c| c.width().unwrap_or(0)).sum()
}

/// The byte at which a column begins; the end of the text when it is shorter.
fn from_column(text: &str, wanted: usize) -> usize {
    let mut column = 0;
    for (at, c) in text.char_indices() {
        if column >= wanted {
            return at;
        }
        column += c.width().unwrap_or(0);
    }
    text.len()
}

/// The rows of a text of this width, at least one.
fn cuts(text: &str, width: usize) -> Vec<Range<usize>> {
    if text.len() <= width {
        return std::iter::once(0..text.len()).collect();
    }
    let (mut rows, mut start, mut used) = (Vec::new(), 0, 0);
    for (at, c) in text.char_indices() {
        let wide = c.width().unwrap_or(0);
        if used + wide > width && at > start {
            rows.push(start..at);
            (start, used) = (at, 0);
        }
        used += wide;
    }
    rows.push(start..text.len());
    rows
}

#[cfg(test)]
mod tests;
