//! A question with everything it is about, answered by one key: permission, trust, anything that cannot be undone.
//!
//! Enter alone never says yes: the cursor begins on the choice that does nothing.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;

use super::{Outcome, Reply};
use crate::tui::actions;
use crate::tui::happening::World;
use crate::tui::keymap::Action;
use crate::tui::theme::Role;
use crate::tui::widgets::text::{Row, Text};

/// A question.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Card {
    /// The question.
    pub title: String,
    text: Text,
    answers: Vec<(char, String)>,
    at: usize,
}

impl Card {
    /// A question about `rows`; each answer has the key that gives it. The last one is what Escape gives, and where the
    /// cursor begins.
    pub fn new(title: impl Into<String>, rows: Vec<Row>, answers: &[(char, &str)]) -> Card {
        let mut text = Text::default();
        text.set(rows);
        let answers: Vec<(char, String)> = answers.iter().map(|(key, said)| (*key, said.to_string())).collect();
        Card { title: title.into(), text, at: answers.len().saturating_sub(1), answers }
    }

    /// Whether a key gives one of the answers, whatever it does elsewhere.
    pub(super) fn is_answer(&self, key: &KeyEvent) -> bool {
        let plain = !key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
        plain && self.answers.iter().any(|(answer, _)| key.code == KeyCode::Char(*answer))
    }

    pub(super) fn height(&self) -> u16 {
        u16::try_from(self.text.rows().len()).unwrap_or(u16::MAX - 4).saturating_add(4)
    }

    fn text_area(inner: Rect) -> Rect {
        Rect { height: inner.height.saturating_sub(2), ..inner }
    }

    fn give(&self, at: usize) -> Outcome {
        match self.answers.get(at) {
            Some((key, _)) => Outcome::Over(Reply::Chosen(key.to_string())),
            None => Outcome::Over(Reply::Dismissed),
        }
    }

    pub(super) fn act(&mut self, action: Action, inner: Rect) -> Outcome {
        match action {
            actions::OPEN | actions::ACCEPT => return self.give(self.at),
            actions::BACK => return Outcome::Over(Reply::Dismissed),
            other => {
                self.text.act(other, Self::text_area(inner).height);
            }
        }
        Outcome::Stays
    }

    pub(super) fn key(&mut self, key: &KeyEvent) -> Outcome {
        let last = self.answers.len().saturating_sub(1);
        match key.code {
            KeyCode::Esc => return Outcome::Over(Reply::Dismissed),
            KeyCode::Left | KeyCode::BackTab => self.at = self.at.checked_sub(1).unwrap_or(last),
            KeyCode::Right | KeyCode::Tab => self.at = if self.at == last { 0 } else { self.at + 1 },
            KeyCode::Char(typed) => {
                if let Some(at) = self.answers.iter().position(|(c, _)| *c == typed) {
                    return self.give(at);
                }
            }
            _ => {}
        }
        Outcome::Stays
    }

    /// The places of the answers on their line.
    fn buttons(&self, inner: Rect) -> Vec<Rect> {
        let y = inner.bottom().saturating_sub(1);
        let mut x = inner.x;
        let mut all = Vec::new();
        for (_, said) in &self.answers {
            let width = u16::try_from(said.width() + 6).unwrap_or(u16::MAX);
            all.push(Rect { x, y, width, height: 1 }.intersection(inner));
            x = x.saturating_add(width + 1);
        }
        all
    }

    pub(super) fn mouse(&mut self, event: &MouseEvent, inner: Rect) -> Outcome {
        if event.kind == MouseEventKind::Down(MouseButton::Left) {
            let hit = self.buttons(inner).iter().position(|b| b.contains((event.column, event.row).into()));
            if let Some(at) = hit {
                return self.give(at);
            }
        }
        match self.text.mouse(event, Self::text_area(inner)) {
            Some(marked) => Outcome::Copied(marked),
            None => Outcome::Stays,
        }
    }

    pub(super) fn draw(&self, buffer: &mut Buffer, inner: Rect, world: &World<'_>) {
        self.text.draw(buffer, Self::text_area(inner), world.theme);
        for (at, (place, (key, said))) in self.buttons(inner).into_iter().zip(&self.answers).enumerate() {
            if place.is_empty() {
                continue;
            }
            let role = if at == self.at { Role::Selected } else { Role::Text };
            let (before, after) = if at == self.at { ("[", "]") } else { (" ", " ") };
            let style = world.theme.style(role);
            buffer.set_stringn(
                place.x,
                place.y,
                format!("{before}{key}  {said} {after}"),
                usize::from(place.width),
                style,
            );
            buffer.set_string(place.x + 1, place.y, key.to_string(), style.patch(world.theme.style(Role::Key)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enter_alone_does_not_say_yes() {
        let mut card = Card::new("Run it?", Vec::new(), &[('y', "once"), ('s', "session"), ('n', "no")]);
        assert_eq!(card.act(actions::OPEN, Rect::new(0, 0, 40, 5)), Outcome::Over(Reply::Chosen("n".into())));
        assert_eq!(card.key(&KeyEvent::from(KeyCode::Char('y'))), Outcome::Over(Reply::Chosen("y".into())));
        assert_eq!(card.key(&KeyEvent::from(KeyCode::Char('x'))), Outcome::Stays);
        assert_eq!(card.key(&KeyEvent::from(KeyCode::Esc)), Outcome::Over(Reply::Dismissed));
    }
}
