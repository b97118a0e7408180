//! A long text that is scrolled, searched, and marked with the mouse.
//!
//! A row says whether it only goes on because the line before was too long: what is copied has the lines that were
//! written, not those of the screen.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;
use unicode_width::UnicodeWidthStr;

use super::list::{WHEEL, scrollbar};
use crate::kernel::markdown::render::may_break;
use crate::kernel::terminal::{clusters, pad, safe_line};
use crate::tui::actions;
use crate::tui::keymap::Action;
use crate::tui::pictures::Picture;
use crate::tui::theme::{Role, Theme};

/// A row of the screen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    /// Its words.
    pub line: Line<'static>,
    /// Whether it belongs to the line of the row before.
    pub soft: bool,
    /// Columns at its beginning that are drawn and not part of the line, where it is soft.
    pub lead: usize,
    /// The picture of which this is a row, and which.
    pub picture: Option<(Picture, u16)>,
}

impl Row {
    /// A row that begins a line.
    pub fn of(line: impl Into<Line<'static>>) -> Row {
        Row { line: line.into(), ..Row::default() }
    }

    /// The rows of a picture. Nothing of it is copied with the words around it.
    pub fn of_picture(picture: &Picture) -> impl Iterator<Item = Row> {
        (0..picture.height()).map(|at| Row { soft: true, picture: Some((picture.clone(), at)), ..Row::default() })
    }

    /// Its characters.
    pub fn text(&self) -> String {
        self.line.spans.iter().map(|s| s.content.as_ref()).collect()
    }
}

/// Cuts plain text into rows of this width. Control characters do not survive.
pub fn wrapped(text: &str, width: u16, style: Style) -> Vec<Row> {
    let width = usize::from(width).max(1);
    let mut rows = Vec::new();
    for line in text.split('\n') {
        let line = safe_line(line.strip_suffix('\r').unwrap_or(line));
        let mut row = String::new();
        let mut used = 0;
        let mut soft = false;
        for (piece, wide) in clusters(&line) {
            if used + wide > width && !row.is_empty() {
                rows.push(Row { line: Line::styled(std::mem::take(&mut row), style), soft, ..Row::default() });
                (soft, used) = (true, 0);
            }
            row.push_str(piece);
            used += wide;
        }
        rows.push(Row { line: Line::styled(row, style), soft, ..Row::default() });
    }
    rows
}

/// The same, cut between words where there are any. Blanks at the beginning of a line stay.
pub fn wrapped_words(text: &str, width: u16, style: Style) -> Vec<Row> {
    let columns = usize::from(width).max(1);
    let mut rows = Vec::new();
    for line in text.split('\n') {
        let line = safe_line(line.strip_suffix('\r').unwrap_or(line));
        let mut rest = &*line;
        let mut soft = false;
        while let Some(cut) = full(rest, columns) {
            rows.push(Row { line: Line::styled(rest[..cut].to_string(), style), soft, ..Row::default() });
            (rest, soft) = (&rest[cut..], true);
        }
        rows.push(Row { line: Line::styled(rest.to_string(), style), soft, ..Row::default() });
    }
    rows
}

/// A line cut into rows between its words; only a word that is wider than a row is cut itself.
pub fn by_words(text: &str, room: u16, style: Style) -> Vec<Row> {
    wrapped_words(&safe_line(text), room, style)
}

/// A label and a text that goes on under itself.
pub fn labelled(label: &str, columns: usize, text: &str, room: u16, styles: (Style, Style)) -> Vec<Row> {
    let indent = u16::try_from(columns + 2).unwrap_or(0).min(room / 2);
    let mut rows = by_words(text, room.saturating_sub(indent), styles.1);
    for (number, row) in rows.iter_mut().enumerate() {
        let head = if number == 0 { pad(label, usize::from(indent)) } else { " ".repeat(usize::from(indent)) };
        row.line.spans.insert(0, Span::styled(head, styles.0));
        row.lead = usize::from(indent);
    }
    rows
}

/// Where a row of `columns` ends in `rest`; `None` when all of it fits. A blank there stays on the row, unseen.
fn full(rest: &str, columns: usize) -> Option<usize> {
    let (mut used, mut at, mut before) = (0, 0, ' ');
    // Where a word ends, and whether there was any.
    let (mut blank, mut words) = (None, false);
    for (piece, wide) in clusters(rest) {
        let first = piece.chars().next().unwrap_or(' ');
        if words && before != ' ' && may_break(before, first) {
            blank = Some(at);
        }
        used += wide;
        if used > columns && (piece != " " || used > columns + 1) {
            return Some(blank.unwrap_or(if at > 0 { at } else { piece.len() }));
        }
        at += piece.len();
        blank = if piece == " " && words { Some(at) } else { blank };
        words |= piece != " ";
        before = piece.chars().next_back().unwrap_or(' ');
    }
    None
}

/// A place in a text: row, column of the screen.
type Place = (usize, usize);

/// A text and where it stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Text {
    rows: Vec<Row>,
    top: usize,
    /// Whether the end is kept in sight while more comes.
    pub follows: bool,
    wanted: String,
    hits: Vec<usize>,
    hit: usize,
    grabbed: Option<(Place, Place)>,
}

impl Text {
    /// Puts another text in the place of this one; what was scrolled to stays in sight.
    pub fn set(&mut self, rows: Vec<Row>) {
        self.rows = rows;
        self.grabbed = None;
        let wanted = std::mem::take(&mut self.wanted);
        self.look_for(&wanted);
    }

    /// Its rows.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// To the beginning.
    pub fn rewind(&mut self) {
        (self.top, self.follows) = (0, false);
    }

    /// The row at the top of a window of this height.
    pub fn first_row(&self, height: u16) -> usize {
        let last = self.rows.len().saturating_sub(usize::from(height));
        if self.follows { last } else { self.top.min(last) }
    }

    /// Shows this row at the top.
    pub fn show(&mut self, row: usize) {
        (self.top, self.follows) = (row, false);
    }

    /// Scrolls; whether the action was one of movement.
    pub fn act(&mut self, action: Action, height: u16) -> bool {
        let page = usize::from(height).max(1);
        let top = self.first_row(height);
        let last = self.rows.len().saturating_sub(page);
        let moved = match action {
            actions::UP => top.saturating_sub(1),
            actions::DOWN => top + 1,
            actions::PAGE_UP => top.saturating_sub(page.saturating_sub(1).max(1)),
            actions::PAGE_DOWN => top + page.saturating_sub(1).max(1),
            actions::HALF_UP => top.saturating_sub(page / 2),
            actions::HALF_DOWN => top + page / 2,
            actions::FIRST => 0,
            actions::LAST => last,
            actions::FIND_NEXT => return self.go_to_hit(1, height),
            actions::FIND_PREVIOUS => return self.go_to_hit(self.hits.len().saturating_sub(1), height),
            _ => return false,
        };
        self.top = moved.min(last);
        // Whoever scrolls to the end wants to see what comes.
        self.follows = self.top == last && matches!(action, actions::LAST | actions::DOWN | actions::PAGE_DOWN);
        true
    }

    /// Looks for words, upper and lower case alike; gives how many rows hold them.
    pub fn look_for(&mut self, words: &str) -> usize {
        self.wanted = words.to_lowercase();
        self.hits = match self.wanted.is_empty() {
            true => Vec::new(),
            false => {
                let holds = |row: &Row| row.text().to_lowercase().contains(&self.wanted);
                self.rows.iter().enumerate().filter(|(_, row)| holds(row)).map(|(at, _)| at).collect()
            }
        };
        self.hit = self.hits.iter().position(|at| *at >= self.top).unwrap_or(0);
        self.hits.len()
    }

    /// Shows the place that was found first from here on.
    pub fn show_hit(&mut self, height: u16) {
        self.go_to_hit(0, height);
    }

    /// Which place is shown and how many there are, as words; empty when nothing is looked for.
    pub fn found(&self) -> String {
        match (self.wanted.is_empty(), self.hits.len()) {
            (true, _) => String::new(),
            (_, 0) => "not found".to_string(),
            (_, all) => format!("{} of {all}", self.hit + 1),
        }
    }

    fn go_to_hit(&mut self, by: usize, height: u16) -> bool {
        if self.hits.is_empty() {
            return false;
        }
        self.hit = (self.hit + by) % self.hits.len();
        self.top = self.hits[self.hit].saturating_sub(usize::from(height) / 3);
        self.follows = false;
        true
    }

    /// Does what the mouse says inside of `area`; gives the text that was marked when the button is let go.
    pub fn mouse(&mut self, event: &MouseEvent, area: Rect) -> Option<String> {
        let inside = area.contains(Position { x: event.column, y: event.row });
        match event.kind {
            MouseEventKind::ScrollUp if inside => {
                self.top = self.first_row(area.height).saturating_sub(WHEEL);
                self.follows = false;
            }
            MouseEventKind::ScrollDown if inside => {
                (0..WHEEL).for_each(|_| {
                    self.act(actions::DOWN, area.height);
                });
            }
            MouseEventKind::Down(MouseButton::Left) if inside => {
                let place = self.place(event, area);
                self.grabbed = Some((place, place));
                self.top = self.first_row(area.height);
                self.follows = false;
            }
            MouseEventKind::Drag(MouseButton::Left) => {
                let place = self.place(event, area);
                if let Some((_, end)) = &mut self.grabbed {
                    *end = place;
                }
            }
            MouseEventKind::Up(MouseButton::Left) => {
                let marked = self.grabbed.filter(|(from, to)| from != to).map(|_| self.marked());
                if marked.is_none() {
                    self.grabbed = None;
                }
                return marked.filter(|text| !text.is_empty());
            }
            _ => {}
        }
        None
    }

    fn place(&self, event: &MouseEvent, area: Rect) -> Place {
        let row = event.row.clamp(area.y, area.bottom().saturating_sub(1)) - area.y;
        let row = (self.first_row(area.height) + usize::from(row)).min(self.rows.len().saturating_sub(1));
        (row, usize::from(event.column.saturating_sub(area.x)))
    }

    fn ordered(&self) -> Option<(Place, Place)> {
        self.grabbed.map(|(a, b)| if a <= b { (a, b) } else { (b, a) }).filter(|(a, b)| a != b)
    }

    /// The columns of a row that are marked.
    fn marked_columns(&self, row: usize) -> Option<(usize, usize)> {
        let (from, to) = self.ordered()?;
        if row < from.0 || row > to.0 {
            return None;
        }
        let start = if row == from.0 { from.1 } else { 0 };
        let end = if row == to.0 { to.1 + 1 } else { usize::MAX };
        Some((start, end))
    }

    /// What is marked: rows that only went on because of the width are joined again.
    fn marked(&self) -> String {
        let Some((from, to)) = self.ordered() else { return String::new() };
        let rows = self.rows[from.0..=to.0.min(self.rows.len() - 1)].iter().zip(from.0..);
        taken(rows.map(|(row, index)| (row, self.marked_columns(index).unwrap_or((0, usize::MAX)))))
    }

    /// Draws the pictures that can be seen of it.
    pub fn draw_pictures(&self, buffer: &mut Buffer, area: Rect, covered: bool) {
        draw_pictures(buffer, area, self.rows[self.first_row(area.height).min(self.rows.len())..].iter(), covered);
    }

    /// Draws what can be seen of it.
    pub fn draw(&self, buffer: &mut Buffer, area: Rect, theme: &Theme) {
        let first = self.first_row(area.height);
        for ((index, row), y) in self.rows.iter().enumerate().skip(first).zip(area.y..area.bottom()) {
            let line_area = Rect { x: area.x, y, width: area.width, height: 1 };
            if self.wanted.is_empty() || self.hits.binary_search(&index).is_err() {
                (&row.line).render(line_area, buffer);
            } else {
                marked_words(&row.line, &self.wanted, theme.style(Role::Match)).render(line_area, buffer);
            }
            if let Some((start, end)) = self.marked_columns(index) {
                let wide = row.text().width();
                let (start, end) = (start.min(wide), end.min(wide));
                let cut = |n: usize| u16::try_from(n).unwrap_or(u16::MAX).min(area.width);
                let grabbed = Rect { x: area.x + cut(start), width: cut(end) - cut(start), ..line_area };
                buffer.set_style(grabbed, theme.style(Role::Grabbed));
            }
        }
        let edge = Rect { width: area.width + 1, ..area };
        scrollbar(buffer, edge.intersection(*buffer.area()), theme, self.rows.len(), first);
    }
}

/// Draws the pictures among rows that stand below each other from the top of `area` on, each as far as it can be seen.
/// `covered`: something lies on top.
pub fn draw_pictures<'r>(buffer: &mut Buffer, area: Rect, rows: impl Iterator<Item = &'r Row>, covered: bool) {
    let mut before: Option<(&Picture, u16)> = None;
    for (row, y) in rows.zip(area.y..area.bottom()) {
        let here = row.picture.as_ref().map(|(picture, at)| (picture, *at));
        // The rest of one that began above is drawn already.
        let goes_on = matches!((before, here), (Some((a, at)), Some((b, row))) if a == b && row == at + 1);
        if let Some((picture, at)) = here.filter(|_| !goes_on) {
            picture.draw(buffer, Rect { y, height: area.bottom() - y, ..area }, at, covered);
        }
        before = here;
    }
}

/// The columns of rows as the text that was written: rows that only went on because of the width are joined again, and
/// what was drawn before them is left out.
pub fn taken<'r>(rows: impl Iterator<Item = (&'r Row, (usize, usize))>) -> String {
    let mut text = String::new();
    for (index, (row, (start, end))) in rows.enumerate() {
        if index > 0 && !row.soft {
            text.truncate(text.trim_end_matches(' ').len());
            text.push('\n');
        }
        let start = if row.soft { start.max(row.lead) } else { start };
        let mut column = 0;
        for (piece, wide) in clusters(&row.text()) {
            if (start..end).contains(&column) {
                text.push_str(piece);
            }
            column += wide;
        }
    }
    text.truncate(text.trim_end().len());
    text
}

/// A line in which each place of `wanted` (lower case) has a style of its own.
pub fn marked_words(line: &Line<'static>, wanted: &str, style: Style) -> Line<'static> {
    let mut spans = Vec::new();
    for span in &line.spans {
        let lower = span.content.to_lowercase();
        if lower.len() != span.content.len() || !lower.contains(wanted) {
            spans.push(span.clone());
            continue;
        }
        let mut rest = 0;
        for (at, found) in lower.match_indices(wanted) {
            let end = at + found.len();
            if !span.content.is_char_boundary(at) || !span.content.is_char_boundary(end) || at < rest {
                continue;
            }
            spans.push(Span::styled(span.content[rest..at].to_string(), span.style));
            spans.push(Span::styled(span.content[at..end].to_string(), span.style.patch(style)));
            rest = end;
        }
        spans.push(Span::styled(span.content[rest..].to_string(), span.style));
    }
    Line::from(spans).style(line.style)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crossterm::event::KeyModifiers;

    fn text(lines: &str, width: u16) -> Text {
        let mut text = Text::default();
        text.set(wrapped(lines, width, Style::new()));
        text
    }

    fn mouse(kind: MouseEventKind, column: u16, row: u16) -> MouseEvent {
        MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }
    }

    #[test]
    fn what_is_copied_has_the_lines_that_were_written() {
        let mut text = text("alpha beta gamma\nsecond", 6);
        let area = Rect::new(0, 0, 6, 10);
        text.mouse(&mouse(MouseEventKind::Down(MouseButton::Left), 2, 0), area);
        text.mouse(&mouse(MouseEventKind::Drag(MouseButton::Left), 2, 3), area);
        let copied = text.mouse(&mouse(MouseEventKind::Up(MouseButton::Left), 2, 3), area);
        assert_eq!(copied.as_deref(), Some("pha beta gamma\nsec"));
    }

    #[test]
    fn a_click_marks_nothing() {
        let mut text = text("alpha", 6);
        let area = Rect::new(0, 0, 6, 10);
        text.mouse(&mouse(MouseEventKind::Down(MouseButton::Left), 2, 0), area);
        assert_eq!(text.mouse(&mouse(MouseEventKind::Up(MouseButton::Left), 2, 0), area), None);
    }

    #[test]
    fn the_end_is_followed_until_somebody_scrolls_up() {
        let mut text = text(&"x\n".repeat(50), 6);
        text.follows = true;
        assert_eq!(text.first_row(10), 41);
        text.act(actions::UP, 10);
        assert_eq!((text.first_row(10), text.follows), (40, false));
        text.act(actions::LAST, 10);
        assert!(text.follows);
    }

    #[test]
    fn places_are_found_in_turn() {
        let mut text = text("one\ntwo\nONE more\nthree", 20);
        assert_eq!(text.look_for("one"), 2);
        assert_eq!(text.found(), "1 of 2");
        text.act(actions::FIND_NEXT, 2);
        assert_eq!((text.found(), text.first_row(2)), ("2 of 2".into(), 2));
        assert_eq!(text.look_for("zzz"), 0);
        assert_eq!(text.found(), "not found");
    }

    #[test]
    fn words_stay_whole_and_joining_the_rows_gives_the_line_again() {
        for (text, width, expected) in [
            ("alpha beta gamma", 10, &["alpha beta ", "gamma"][..]),
            ("alpha beta gamma", 6, &["alpha ", "beta ", "gamma"]),
            ("abcdefgh ij", 4, &["abcd", "efgh ", "ij"]),
            ("    fn x()", 6, &["    fn ", "x()"]),
            ("日本語 x", 4, &["日本", "語 x"]),
            ("a", 1, &["a"]),
        ] {
            let rows = wrapped_words(text, width, Style::new());
            let shown: Vec<String> = rows.iter().map(Row::text).collect();
            assert_eq!(shown, expected, "{text}");
            assert_eq!(shown.concat(), text);
            assert!(rows.iter().skip(1).all(|row| row.soft) && !rows[0].soft);
        }
    }

    #[test]
    fn wide_characters_are_not_cut_in_half() {
        let rows: Vec<String> = wrapped("日本語x", 3, Style::new()).iter().map(Row::text).collect();
        assert_eq!(rows, ["日", "本", "語x"]);
    }
}
