//! One line that is typed.

use crossterm::event::{Event, KeyEvent};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use tui_input::Input;
use tui_input::backend::crossterm::EventHandler;

use crate::kernel::terminal::safe_line;

/// A line of text with a cursor in it.
#[derive(Clone, Debug, Default)]
pub struct Field {
    input: Input,
    hidden: bool,
}

impl PartialEq for Field {
    fn eq(&self, other: &Field) -> bool {
        (self.text(), self.input.cursor(), self.hidden) == (other.text(), other.input.cursor(), other.hidden)
    }
}

impl Field {
    /// A line that holds this, the cursor behind it.
    pub fn of(text: &str) -> Field {
        Field { input: Input::new(safe_line(text).into_owned()), hidden: false }
    }

    /// The same with a dot for each character.
    pub fn hidden() -> Field {
        Field { hidden: true, ..Field::default() }
    }

    /// What stands in it.
    pub fn text(&self) -> &str {
        self.input.value()
    }

    /// What of it may be seen.
    pub fn shown(&self) -> String {
        if self.hidden { "•".repeat(self.text().chars().count()) } else { self.text().to_string() }
    }

    /// Whether nothing stands in it.
    pub fn is_empty(&self) -> bool {
        self.text().is_empty()
    }

    /// Takes a key; whether the text is another one now.
    pub fn key(&mut self, key: &KeyEvent) -> bool {
        self.input.handle_event(&Event::Key(*key)).is_some_and(|changed| changed.value)
    }

    /// Puts text in at the cursor; line ends become blanks.
    pub fn paste(&mut self, text: &str) -> bool {
        let line = safe_line(text);
        line.chars().for_each(|c| {
            self.input.handle(tui_input::InputRequest::InsertChar(c));
        });
        !line.is_empty()
    }

    /// Puts another text in its place.
    pub fn set(&mut self, text: &str) {
        *self = Field { hidden: self.hidden, ..Field::of(text) };
    }

    /// Draws it; gives the place of the cursor.
    pub fn draw(&self, buffer: &mut Buffer, area: Rect, style: Style) -> Position {
        if area.is_empty() {
            return area.as_position();
        }
        let scroll = self.input.visual_scroll(usize::from(area.width).saturating_sub(1));
        let shown = self.shown();
        let mut skipped = 0;
        let rest: String = shown
            .chars()
            .skip_while(|c| {
                let skip = skipped < scroll;
                skipped += unicode_width::UnicodeWidthChar::width(*c).unwrap_or(0);
                skip
            })
            .collect();
        buffer.set_style(area, style);
        buffer.set_stringn(area.x, area.y, rest, usize::from(area.width), style);
        let column = if self.hidden { self.input.cursor() } else { self.input.visual_cursor() };
        let column = u16::try_from(column.saturating_sub(scroll)).unwrap_or(u16::MAX);
        Position { x: area.x + column.min(area.width - 1), y: area.y }
    }
}
