//! A text to read, with a search in it.

use crossterm::event::{KeyCode, KeyEvent, MouseEvent};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::{Outcome, Popup, Reply};
use crate::kernel::terminal::width;
use crate::tui::actions;
use crate::tui::happening::{Effect, Fault, World};
use crate::tui::keymap::Action;
use crate::tui::theme::Role;
use crate::tui::widgets::field::Field;
use crate::tui::widgets::text::{Row, Text, by_words};

/// The most columns of a page with its frame.
pub(super) const WIDEST: u16 = 100;

/// A text to read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// What it is.
    pub title: String,
    text: Text,
    finding: Option<Field>,
}

impl Page {
    /// A page of these rows.
    pub fn new(title: impl Into<String>, rows: Vec<Row>) -> Page {
        let mut text = Text::default();
        text.set(rows);
        Page { title: title.into(), text, finding: None }
    }

    /// The columns that its text has on a screen of this size.
    pub fn room(screen: Rect) -> u16 {
        WIDEST.min(screen.width.saturating_sub(4)).saturating_sub(4).max(10)
    }

    /// Says what failed: in the bar, or on a page where that would cut it.
    pub fn of_fault(fault: Fault, world: &World<'_>) -> Effect {
        let said = fault.to_string();
        if width(&said) + 4 <= usize::from(world.area.width) {
            return Effect::Fail(fault);
        }
        let rows = by_words(&said, Page::room(world.area), world.theme.style(Role::Bad));
        Effect::Open("fault", Box::new(Popup::Page(Page::new("That was not done", rows))))
    }

    /// Whether a search is being typed.
    pub fn is_finding(&self) -> bool {
        self.finding.is_some()
    }

    pub(super) fn found(&self) -> String {
        self.text.found()
    }

    pub(super) fn height(&self) -> u16 {
        u16::try_from(self.text.rows().len()).unwrap_or(u16::MAX - 2).saturating_add(2)
    }

    fn text_area(&self, inner: Rect) -> Rect {
        Rect { height: inner.height.saturating_sub(u16::from(self.is_finding())), ..inner }
    }

    pub(super) fn act(&mut self, action: Action, inner: Rect) -> Outcome {
        let height = self.text_area(inner).height;
        match action {
            actions::FIND => self.finding = Some(Field::default()),
            actions::ACCEPT => self.finding = None,
            actions::BACK if self.is_finding() => {
                self.finding = None;
                self.text.look_for("");
            }
            actions::BACK | actions::QUIT => return Outcome::Over(Reply::Dismissed),
            actions::COPY => {
                let rows = self.text.rows().iter().map(Row::text).collect::<Vec<_>>();
                return Outcome::Copied(rows.join("\n"));
            }
            other => {
                self.text.act(other, height);
            }
        }
        Outcome::Stays
    }

    pub(super) fn key(&mut self, key: &KeyEvent, inner: Rect) -> Outcome {
        let height = self.text_area(inner).height;
        match &mut self.finding {
            Some(field) => {
                if field.key(key) {
                    self.text.look_for(field.text());
                    self.text.show_hit(height);
                }
                Outcome::Stays
            }
            None if matches!(key.code, KeyCode::Esc | KeyCode::Char('q')) => Outcome::Over(Reply::Dismissed),
            None => Outcome::Stays,
        }
    }

    pub(super) fn mouse(&mut self, event: &MouseEvent, inner: Rect) -> Outcome {
        match self.text.mouse(event, self.text_area(inner)) {
            Some(marked) => Outcome::Copied(marked),
            None => Outcome::Stays,
        }
    }

    pub(super) fn draw(&self, buffer: &mut Buffer, inner: Rect, world: &World<'_>) -> Option<Position> {
        self.text.draw(buffer, self.text_area(inner), world.theme);
        let field = self.finding.as_ref()?;
        let y = inner.bottom().saturating_sub(1);
        buffer.set_string(inner.x, y, "/", world.theme.style(Role::Key));
        let line = Rect { x: inner.x + 1, y, width: inner.width.saturating_sub(1), height: 1 };
        Some(field.draw(buffer, line, world.theme.style(Role::Text)))
    }
}
