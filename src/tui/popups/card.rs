//! A question with everything it is about, answered by one key: permission, trust, anything that cannot be undone.
//!
//! Enter alone never says yes: the cursor begins on the choice that does nothing. An answer that lets something happen
//! is taken once all that it is about was on the screen.

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
    /// Answers that are not given before the end was seen.
    careful: Vec<char>,
    /// Which rows were on the screen.
    seen: Vec<bool>,
    /// Whether such an answer came too early.
    early: bool,
}

impl Card {
    /// A question about `rows`; each answer has the key that gives it. The last one is what Escape gives, and where the
    /// cursor begins.
    pub fn new(title: impl Into<String>, rows: Vec<Row>, answers: &[(char, &str)]) -> Card {
        let mut text = Text::default();
        text.set(rows);
        let answers: Vec<(char, String)> = answers.iter().map(|(key, said)| (*key, said.to_string())).collect();
        Card { title: title.into(), text, at: answers.len().saturating_sub(1), answers, ..Card::default() }
    }

    /// The same where these answers are not given before the end of the text was on the screen.
    pub fn read_before(mut self, answers: &[char]) -> Card {
        self.careful = answers.to_vec();
        self
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

    /// How many rows nobody saw yet.
    fn unseen(&self, inner: Rect) -> usize {
        if self.careful.is_empty() {
            return 0;
        }
        let now = self.shown(inner);
        let seen = |row: &usize| now.contains(row) || self.seen.get(*row).copied().unwrap_or(false);
        (0..self.text.rows().len()).filter(|row| !seen(row)).count()
    }

    /// The rows on the screen.
    fn shown(&self, inner: Rect) -> std::ops::Range<usize> {
        let height = Self::text_area(inner).height;
        let top = self.text.first_row(height);
        top..self.text.rows().len().min(top + usize::from(height))
    }

    fn give(&mut self, at: usize, inner: Rect) -> Outcome {
        match self.answers.get(at) {
            Some((key, _)) if self.careful.contains(key) && self.unseen(inner) > 0 => {
                self.early = true;
                Outcome::Stays
            }
            Some((key, _)) => Outcome::Over(Reply::Chosen(key.to_string())),
            None => Outcome::Over(Reply::Dismissed),
        }
    }

    /// What is on the screen now was seen.
    fn look(&mut self, inner: Rect) {
        self.seen.resize(self.text.rows().len(), false);
        self.shown(inner).for_each(|row| self.seen[row] = true);
    }

    pub(super) fn act(&mut self, action: Action, inner: Rect) -> Outcome {
        self.look(inner);
        match action {
            actions::OPEN | actions::ACCEPT => return self.give(self.at, inner),
            actions::BACK => return Outcome::Over(Reply::Dismissed),
            other => {
                self.text.act(other, Self::text_area(inner).height);
                self.look(inner);
            }
        }
        Outcome::Stays
    }

    pub(super) fn key(&mut self, key: &KeyEvent, inner: Rect) -> Outcome {
        self.look(inner);
        let last = self.answers.len().saturating_sub(1);
        match key.code {
            KeyCode::Esc => return Outcome::Over(Reply::Dismissed),
            KeyCode::Left | KeyCode::BackTab => self.at = self.at.checked_sub(1).unwrap_or(last),
            KeyCode::Right | KeyCode::Tab => self.at = if self.at == last { 0 } else { self.at + 1 },
            KeyCode::Char(typed) => {
                if let Some(at) = self.answers.iter().position(|(c, _)| *c == typed) {
                    return self.give(at, inner);
                }
            }
            _ => {}
        }
        Outcome::Stays
    }

    /// The places of the answers on their line.
    fn buttons(&self, inner: Rect) -> Vec<Rect> {
        let y = inner.bottom().saturating_sub(1);
        let (mut x, around) = (inner.x, self.around(inner.width));
        let mut all = Vec::new();
        for (_, said) in &self.answers {
            let width = u16::try_from(said.width() + around).unwrap_or(u16::MAX);
            all.push(Rect { x, y, width, height: 1 }.intersection(inner));
            x = x.saturating_add(width + 1);
        }
        all
    }

    /// Columns that an answer takes beside its words: fewer where there is little room.
    fn around(&self, width: u16) -> usize {
        let words: usize = self.answers.iter().map(|(_, said)| said.width() + 7).sum();
        if words > usize::from(width) + 1 { 4 } else { 6 }
    }

    pub(super) fn mouse(&mut self, event: &MouseEvent, inner: Rect) -> Outcome {
        self.look(inner);
        if event.kind == MouseEventKind::Down(MouseButton::Left) {
            let hit = self.buttons(inner).iter().position(|b| b.contains((event.column, event.row).into()));
            if let Some(at) = hit {
                return self.give(at, inner);
            }
        }
        let marked = self.text.mouse(event, Self::text_area(inner));
        self.look(inner);
        match marked {
            Some(marked) => Outcome::Copied(marked),
            None => Outcome::Stays,
        }
    }

    pub(super) fn draw(&self, buffer: &mut Buffer, inner: Rect, world: &World<'_>) {
        self.text.draw(buffer, Self::text_area(inner), world.theme);
        self.draw_rest(buffer, inner, world);
        for (at, (place, (key, said))) in self.buttons(inner).into_iter().zip(&self.answers).enumerate() {
            if place.is_empty() {
                continue;
            }
            let role = if at == self.at { Role::Selected } else { Role::Text };
            let (before, after) = if at == self.at { ("[", "]") } else { (" ", " ") };
            let style = world.theme.style(role);
            let shown = match self.around(inner.width) {
                4 => format!("{before}{key} {said}{after}"),
                _ => format!("{before}{key}  {said} {after}"),
            };
            buffer.set_stringn(place.x, place.y, shown, usize::from(place.width), style);
            buffer.set_string(place.x + 1, place.y, key.to_string(), style.patch(world.theme.style(Role::Key)));
        }
    }
}

impl Card {
    /// Says what was not seen yet, above the answers.
    fn draw_rest(&self, buffer: &mut Buffer, inner: Rect, world: &World<'_>) {
        let unseen = self.unseen(inner);
        if unseen == 0 || inner.height < 2 {
            return;
        }
        let key = |action| world.keys.key(action).map(|chord| chord.to_string()).unwrap_or_default();
        let lines = if unseen == 1 { "1 line was".to_string() } else { format!("{unseen} lines were") };
        let said = format!("↕ {lines} not on the screen yet; {} scrolls, then a yes counts", key(actions::PAGE_DOWN));
        let role = if self.early { Role::Bad } else { Role::Warn };
        buffer.set_stringn(inner.x, inner.bottom() - 2, said, usize::from(inner.width), world.theme.style(role));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enter_alone_does_not_say_yes() {
        let mut card = Card::new("Run it?", Vec::new(), &[('y', "once"), ('s', "session"), ('n', "no")]);
        assert_eq!(card.act(actions::OPEN, Rect::new(0, 0, 40, 5)), Outcome::Over(Reply::Chosen("n".into())));
        let inner = Rect::new(0, 0, 40, 5);
        assert_eq!(card.key(&KeyEvent::from(KeyCode::Char('y')), inner), Outcome::Over(Reply::Chosen("y".into())));
        assert_eq!(card.key(&KeyEvent::from(KeyCode::Char('x')), inner), Outcome::Stays);
        assert_eq!(card.key(&KeyEvent::from(KeyCode::Esc), inner), Outcome::Over(Reply::Dismissed));
    }

    #[test]
    fn a_yes_counts_once_all_of_it_was_on_the_screen() {
        let inner = Rect::new(0, 0, 40, 12);
        let rows = (0..25).map(|n| Row::of(format!("line {n}"))).collect();
        let mut card = Card::new("Run it?", rows, &[('y', "once"), ('n', "no")]).read_before(&['y']);
        let yes = KeyEvent::from(KeyCode::Char('y'));
        assert_eq!((card.key(&yes, inner), card.unseen(inner)), (Outcome::Stays, 15));
        // The end alone is not all of it.
        card.act(actions::LAST, inner);
        assert_eq!((card.key(&yes, inner), card.unseen(inner)), (Outcome::Stays, 5));
        card.act(actions::PAGE_UP, inner);
        assert_eq!(card.key(&yes, inner), Outcome::Over(Reply::Chosen("y".into())));
        let mut no = card.clone();
        no.seen.clear();
        let said = no.key(&KeyEvent::from(KeyCode::Char('n')), inner);
        assert_eq!(said, Outcome::Over(Reply::Chosen("n".into())));
    }
}
