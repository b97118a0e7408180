//! A list of any length of which only the rows on the screen are made.

use std::ops::Range;

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;
use ratatui::widgets::{Paragraph, Scrollbar, ScrollbarOrientation, ScrollbarState, StatefulWidget, Widget, Wrap};

use crate::tui::actions;
use crate::tui::keymap::Action;
use crate::tui::theme::{Role, Theme};

/// Rows that the wheel moves at once.
pub const WHEEL: usize = 3;

/// Where a list stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// The row that is chosen.
    pub at: usize,
    top: usize,
}

/// What the mouse did to a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clicked {
    /// Nothing that concerns it.
    No,
    /// Another row is chosen, or the list was scrolled.
    Moved,
    /// The row that was chosen already was clicked.
    Again,
}

impl Cursor {
    /// At this row.
    pub fn at(at: usize) -> Cursor {
        Cursor { at, top: 0 }
    }

    /// Keeps the cursor inside a list that has another length now.
    pub fn fit(&mut self, length: usize) {
        self.at = self.at.min(length.saturating_sub(1));
        self.top = self.top.min(length.saturating_sub(1));
    }

    /// Moves as an action says; whether the action was one of movement.
    pub fn act(&mut self, action: Action, length: usize, height: u16) -> bool {
        let page = usize::from(height).max(1);
        let last = length.saturating_sub(1);
        self.at = match action {
            actions::UP => self.at.saturating_sub(1),
            actions::DOWN => self.at.saturating_add(1),
            actions::PAGE_UP => self.at.saturating_sub(page),
            actions::PAGE_DOWN => self.at.saturating_add(page),
            actions::HALF_UP => self.at.saturating_sub(page / 2),
            actions::HALF_DOWN => self.at.saturating_add(page / 2),
            actions::FIRST => 0,
            actions::LAST => last,
            _ => return false,
        }
        .min(last);
        self.top = self.first_row(length, height);
        true
    }

    /// The row at the top of a window of this height.
    pub fn first_row(&self, length: usize, height: u16) -> usize {
        let height = usize::from(height).max(1);
        let lowest = self.at.saturating_sub(height - 1);
        self.top.clamp(lowest, self.at.max(lowest)).min(length.saturating_sub(height.min(length)))
    }

    /// The rows of a window of this height.
    pub fn rows(&self, length: usize, height: u16) -> Range<usize> {
        let first = self.first_row(length, height);
        first..(first + usize::from(height)).min(length)
    }

    /// Does what the mouse says inside of `area`, where each row is one line high.
    pub fn mouse(&mut self, event: &MouseEvent, area: Rect, length: usize) -> Clicked {
        if !area.contains(Position { x: event.column, y: event.row }) || length == 0 {
            return Clicked::No;
        }
        match event.kind {
            MouseEventKind::ScrollDown => self.at = (self.at + WHEEL).min(length - 1),
            MouseEventKind::ScrollUp => self.at = self.at.saturating_sub(WHEEL),
            MouseEventKind::Down(MouseButton::Left) => {
                let row = self.first_row(length, area.height) + usize::from(event.row - area.y);
                if row >= length {
                    return Clicked::No;
                }
                let again = row == self.at;
                self.top = self.first_row(length, area.height);
                self.at = row;
                return if again { Clicked::Again } else { Clicked::Moved };
            }
            _ => return Clicked::No,
        }
        self.top = self.first_row(length, area.height);
        Clicked::Moved
    }
}

/// How a list is drawn.
#[derive(Clone, Copy)]
pub struct Rows<'a> {
    /// Where it stands.
    pub cursor: &'a Cursor,
    /// How many rows there are.
    pub length: usize,
    /// Whether it has the keys.
    pub focused: bool,
    /// What is said when there are none.
    pub empty: &'a str,
}

impl Rows<'_> {
    /// Draws the rows that can be seen; `row` makes one of them for this width. The chosen one has a sign before it, so
    /// that it can be seen without colour.
    pub fn draw<'l>(&self, buffer: &mut Buffer, area: Rect, theme: &Theme, row: impl Fn(usize, u16) -> Line<'l>) {
        if area.is_empty() {
            return;
        }
        if self.length == 0 {
            Paragraph::new(self.empty).style(theme.style(Role::Dim)).wrap(Wrap { trim: true }).render(area, buffer);
            return;
        }
        let rows = self.cursor.rows(self.length, area.height);
        let width = area.width;
        for (y, index) in (area.y..).zip(rows.clone()) {
            let line_area = Rect { x: area.x, y, width, height: 1 };
            let chosen = index == self.cursor.at;
            if chosen {
                let role = if self.focused { Role::Selected } else { Role::Marked };
                buffer.set_style(line_area, theme.style(role));
                buffer.set_string(area.x, y, if self.focused { "▌" } else { "│" }, theme.style(Role::Accent));
            }
            let text = Rect { x: area.x + 1, width: width.saturating_sub(1), ..line_area };
            row(index, text.width).render(text, buffer);
            if chosen {
                // The ground of the row stays under whatever colours its words have.
                let ground = theme.style(if self.focused { Role::Selected } else { Role::Marked });
                let style = ratatui::style::Style { fg: None, ..ground };
                buffer.set_style(line_area, style);
            }
        }
        // It stands in the margin that every frame leaves, beside the rows as it does beside texts.
        let edge = Rect { width: area.width + 1, ..area };
        scrollbar(buffer, edge.intersection(*buffer.area()), theme, self.length, rows.start);
    }
}

/// A scrollbar at the right edge of an area that shows `length` rows from `first` on.
pub fn scrollbar(buffer: &mut Buffer, area: Rect, theme: &Theme, length: usize, first: usize) {
    let height = usize::from(area.height);
    if length <= height || area.is_empty() {
        return;
    }
    let mut state = ScrollbarState::new(length - height).position(first).viewport_content_length(height);
    Scrollbar::new(ScrollbarOrientation::VerticalRight)
        .begin_symbol(None)
        .end_symbol(None)
        .track_symbol(Some("│"))
        .thumb_symbol("┃")
        .track_style(theme.style(Role::Border))
        .thumb_style(theme.style(Role::Dim))
        .render(area, buffer, &mut state);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_follows_the_cursor_and_no_further() {
        let mut cursor = Cursor::default();
        for _ in 0..12 {
            cursor.act(actions::DOWN, 100, 10);
        }
        assert_eq!((cursor.at, cursor.rows(100, 10)), (12, 3..13));
        cursor.act(actions::UP, 100, 10);
        assert_eq!(cursor.rows(100, 10), 3..13, "moving inside the window does not scroll");
        cursor.act(actions::LAST, 100, 10);
        assert_eq!(cursor.rows(100, 10), 90..100);
        assert_eq!(cursor.rows(100, 40), 60..100, "a taller window shows more");
        cursor.fit(5);
        assert_eq!((cursor.at, cursor.rows(5, 10)), (4, 0..5));
        cursor.fit(0);
        assert_eq!((cursor.at, cursor.rows(0, 10)), (0, 0..0));
    }
}
