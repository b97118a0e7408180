//! Several values to fill in: texts, one of several, yes or no.

use crossterm::event::{KeyCode, KeyEvent, MouseEvent};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;

use super::{Outcome, Reply};
use crate::kernel::terminal::{pad, truncate_to_width, width};
use crate::tui::actions;
use crate::tui::happening::World;
use crate::tui::keymap::Action;
use crate::tui::theme::Role;
use crate::tui::widgets::field::Field;
use crate::tui::widgets::list::{Clicked, Cursor, Rows};

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// Its name for whoever asked.
    pub name: String,
    /// What it is called.
    pub label: String,
    /// A word about it: its type, its help, its default.
    pub help: String,
    /// Whether it must not stay empty.
    pub required: bool,
    /// The values it may have; empty for any text.
    pub choices: Vec<String>,
    /// What is typed or chosen.
    pub field: Field,
}

/// Values to fill in.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Form {
    /// What it is for.
    pub title: String,
    inputs: Vec<Input>,
    cursor: Cursor,
    complaint: String,
}

impl Form {
    /// A form. The last line of it is the one that sends it.
    pub fn new(title: impl Into<String>, inputs: Vec<Input>) -> Form {
        Form { title: title.into(), inputs, ..Form::default() }
    }

    /// Goes to the value of this name.
    pub fn go_to(&mut self, name: &str) {
        self.cursor.at = self.inputs.iter().position(|i| i.name == name).unwrap_or(self.cursor.at);
    }

    /// Says what is wrong with the values, and stays.
    pub fn complain(&mut self, said: impl Into<String>) {
        self.complaint = said.into();
    }

    pub(super) fn height(&self) -> u16 {
        u16::try_from(self.inputs.len()).unwrap_or(40).saturating_add(6)
    }

    fn rows_area(inner: Rect) -> Rect {
        Rect { height: inner.height.saturating_sub(3), ..inner }
    }

    fn current(&mut self) -> Option<&mut Input> {
        self.inputs.get_mut(self.cursor.at)
    }

    fn send(&mut self) -> Outcome {
        let empty = self.inputs.iter().position(|i| i.required && i.field.is_empty());
        if let Some(at) = empty {
            self.complaint = format!("{} is needed", self.inputs[at].label);
            self.cursor.at = at;
            return Outcome::Stays;
        }
        let filled = self.inputs.iter().filter(|i| !i.field.is_empty());
        Outcome::Over(Reply::Filled(filled.map(|i| (i.name.clone(), i.field.text().to_string())).collect()))
    }

    pub(super) fn act(&mut self, action: Action, inner: Rect) -> Outcome {
        let (length, height) = (self.inputs.len(), Self::rows_area(inner).height);
        match action {
            actions::BACK => return Outcome::Over(Reply::Dismissed),
            actions::SEND => return self.send(),
            actions::ACCEPT if self.cursor.at + 1 >= length => return self.send(),
            actions::ACCEPT | actions::NEXT_CHOICE => self.cursor.act(actions::DOWN, length, height),
            actions::PREVIOUS_CHOICE => self.cursor.act(actions::UP, length, height),
            other => self.cursor.act(other, length, height),
        };
        Outcome::Stays
    }

    pub(super) fn key(&mut self, key: &KeyEvent) -> Outcome {
        self.complaint.clear();
        let Some(input) = self.current() else { return Outcome::Stays };
        if input.choices.is_empty() {
            input.field.key(key);
            return Outcome::Stays;
        }
        let at = input.choices.iter().position(|c| c == input.field.text());
        let all = input.choices.len();
        let next = match key.code {
            KeyCode::Right | KeyCode::Char(' ') => at.map_or(0, |at| (at + 1) % all),
            KeyCode::Left => at.map_or(all - 1, |at| (at + all - 1) % all),
            KeyCode::Backspace | KeyCode::Delete if !input.required => {
                input.field.set("");
                return Outcome::Stays;
            }
            KeyCode::Char(typed) => {
                // The next choice that begins with the letter.
                let from = at.map_or(0, |at| at + 1);
                let found = (from..from + all)
                    .map(|i| i % all)
                    .find(|i| input.choices[*i].chars().next().is_some_and(|c| c.eq_ignore_ascii_case(&typed)));
                match found {
                    Some(found) => found,
                    None => return Outcome::Stays,
                }
            }
            _ => return Outcome::Stays,
        };
        let chosen = input.choices[next].clone();
        input.field.set(&chosen);
        Outcome::Stays
    }

    pub(super) fn paste(&mut self, text: &str) {
        if let Some(input) = self.current().filter(|i| i.choices.is_empty()) {
            input.field.paste(text);
        }
    }

    pub(super) fn mouse(&mut self, event: &MouseEvent, inner: Rect) -> Outcome {
        if self.cursor.mouse(event, Self::rows_area(inner), self.inputs.len()) == Clicked::Again {
            // A second click on a choice takes the next one.
            return self.key(&KeyEvent::from(KeyCode::Right));
        }
        Outcome::Stays
    }

    pub(super) fn draw(&self, buffer: &mut Buffer, inner: Rect, world: &World<'_>) -> Option<Position> {
        let theme = world.theme;
        let area = Self::rows_area(inner);
        let names = self.inputs.iter().map(|i| width(&i.label)).max().unwrap_or(0).min(usize::from(inner.width) / 3);
        let rows = Rows { cursor: &self.cursor, length: self.inputs.len(), focused: true, empty: "nothing to fill in" };
        rows.draw(buffer, area, theme, |at, _| {
            let input = &self.inputs[at];
            let sign = if input.required { "*" } else { " " };
            let value = match input.choices.is_empty() {
                false if input.field.is_empty() => "‹ ›".to_string(),
                false => format!("‹ {} ›", input.field.text()),
                // The one that is typed in is drawn by its field.
                true if at == self.cursor.at => String::new(),
                true => input.field.shown(),
            };
            Line::from(vec![
                Span::styled(pad(&truncate_to_width(&input.label, names), names), theme.style(Role::Accent)),
                Span::styled(format!("{sign} "), theme.style(Role::Bad)),
                Span::styled(value, theme.style(Role::Text)),
            ])
        });
        let foot = Rect { y: area.bottom(), height: inner.bottom().saturating_sub(area.bottom()), ..inner };
        let current = self.inputs.get(self.cursor.at);
        let line = |n: u16| Rect { y: foot.y + n, height: 1, ..foot }.intersection(inner);
        if let Some(input) = current {
            Line::styled(input.help.clone(), theme.style(Role::Dim)).render(line(1), buffer);
        }
        if self.complaint.is_empty() {
            let keys = "Enter goes to the next field, and on from the last one";
            Line::styled(keys, theme.style(Role::Dim)).render(line(2), buffer);
        } else {
            Line::styled(self.complaint.clone(), theme.style(Role::Bad)).render(line(2), buffer);
        }
        let input = current.filter(|i| i.choices.is_empty())?;
        let row = self.cursor.at - self.cursor.first_row(self.inputs.len(), area.height);
        let x = area.x + 1 + u16::try_from(names).unwrap_or(0) + 2;
        let y = area.y + u16::try_from(row).unwrap_or(0);
        let field = Rect { x, y, width: area.right().saturating_sub(x), height: 1 };
        Some(input.field.draw(buffer, field, theme.style(Role::Selected)))
    }
}
