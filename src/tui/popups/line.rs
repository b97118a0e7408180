//! A question that is answered by typing a line.

use crossterm::event::KeyEvent;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::{Outcome, Reply};
use crate::tui::actions;
use crate::tui::happening::World;
use crate::tui::keymap::Action;
use crate::tui::theme::Role;
use crate::tui::widgets::field::Field;

/// A line to type.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ask {
    /// What is asked for.
    pub title: String,
    /// A word about it; may be empty.
    pub note: String,
    /// What is typed.
    pub field: Field,
}

impl Ask {
    /// Asks for a line that begins as `text`.
    pub fn new(title: impl Into<String>, text: &str) -> Ask {
        Ask { title: title.into(), note: String::new(), field: Field::of(text) }
    }

    pub(super) fn height(&self) -> u16 {
        if self.note.is_empty() { 3 } else { 4 }
    }

    pub(super) fn act(&mut self, action: Action) -> Outcome {
        match action {
            actions::ACCEPT => Outcome::Over(Reply::Typed(self.field.text().to_string())),
            actions::BACK => Outcome::Over(Reply::Dismissed),
            _ => Outcome::Stays,
        }
    }

    pub(super) fn key(&mut self, key: &KeyEvent) -> Outcome {
        self.field.key(key);
        Outcome::Stays
    }

    pub(super) fn paste(&mut self, text: &str) {
        self.field.paste(text);
    }

    pub(super) fn draw(&self, buffer: &mut Buffer, inner: Rect, world: &World<'_>) -> Position {
        let style = world.theme.style(Role::Text);
        if inner.height > 1 && !self.note.is_empty() {
            let dim = world.theme.style(Role::Dim);
            buffer.set_stringn(inner.x, inner.y + 1, &self.note, usize::from(inner.width), dim);
        }
        self.field.draw(buffer, Rect { height: inner.height.min(1), ..inner }, style)
    }
}
