//! One of many: typed characters narrow the list down, the best match first.

use crossterm::event::{KeyEvent, MouseEvent};
use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use super::{Outcome, Reply};
use crate::kernel::terminal::{safe_line, truncate_to_width, width};
use crate::tui::actions;
use crate::tui::happening::World;
use crate::tui::keymap::Action;
use crate::tui::theme::Role;
use crate::tui::widgets::field::Field;
use crate::tui::widgets::list::{Clicked, Cursor, Rows};

/// The most rows that it takes.
const TALLEST: u16 = 20;

/// Something that can be chosen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// What it is for whoever asked.
    pub key: String,
    /// What it is called.
    pub label: String,
    /// A word about it.
    pub about: String,
    /// What stands at the right end, such as a key.
    pub aside: String,
}

impl Choice {
    /// A choice.
    pub fn new(key: impl Into<String>, label: impl AsRef<str>, about: impl AsRef<str>) -> Choice {
        Choice {
            key: key.into(),
            label: safe_line(label.as_ref()).into_owned(),
            about: safe_line(about.as_ref()).into_owned(),
            aside: String::new(),
        }
    }
}

/// A list to choose from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Choose {
    /// What is chosen.
    pub title: String,
    choices: Vec<Choice>,
    field: Field,
    shown: Vec<usize>,
    cursor: Cursor,
    /// Whether what is typed is an answer of its own where nothing matches.
    pub free: bool,
}

impl Choose {
    /// A list; `at` is the choice that the cursor begins on.
    pub fn new(title: impl Into<String>, choices: Vec<Choice>, at: usize) -> Choose {
        let shown = (0..choices.len()).collect();
        Choose { title: title.into(), choices, shown, cursor: Cursor::at(at), ..Choose::default() }
    }

    /// Puts other choices in their place; what was typed stays.
    pub fn replace(&mut self, choices: Vec<Choice>) {
        self.choices = choices;
        self.narrow();
    }

    /// The key of the choice under the cursor.
    pub fn current(&self) -> Option<&str> {
        let at = self.shown.get(self.cursor.at)?;
        self.choices.get(*at).map(|choice| choice.key.as_str())
    }

    pub(super) fn height(&self) -> u16 {
        u16::try_from(self.choices.len()).unwrap_or(TALLEST).saturating_add(4).clamp(6, TALLEST + 4)
    }

    pub(super) fn aside(&self) -> String {
        format!("{} of {}", self.shown.len(), self.choices.len())
    }

    fn narrow(&mut self) {
        let words = self.field.text();
        self.shown = if words.trim().is_empty() {
            (0..self.choices.len()).collect()
        } else {
            ranked(words, self.choices.iter().map(|c| (c.label.as_str(), c.about.as_str())))
        };
        self.cursor = Cursor::default();
    }

    fn rows_area(inner: Rect) -> Rect {
        Rect { y: inner.y + 2.min(inner.height), height: inner.height.saturating_sub(2), ..inner }
    }

    fn chosen(&self) -> Outcome {
        let found = self.shown.get(self.cursor.at).and_then(|at| self.choices.get(*at));
        match found {
            Some(choice) => Outcome::Over(Reply::Chosen(choice.key.clone())),
            None if self.free && !self.field.is_empty() => Outcome::Over(Reply::Typed(self.field.text().to_string())),
            None => Outcome::Stays,
        }
    }

    pub(super) fn act(&mut self, action: Action, inner: Rect) -> Outcome {
        let (length, height) = (self.shown.len(), Self::rows_area(inner).height);
        match action {
            actions::ACCEPT => return self.chosen(),
            actions::BACK => return Outcome::Over(Reply::Dismissed),
            actions::NEXT_CHOICE => self.cursor.act(actions::DOWN, length, height),
            actions::PREVIOUS_CHOICE => self.cursor.act(actions::UP, length, height),
            other => self.cursor.act(other, length, height),
        };
        Outcome::Stays
    }

    pub(super) fn key(&mut self, key: &KeyEvent) -> Outcome {
        if self.field.key(key) {
            self.narrow();
        }
        Outcome::Stays
    }

    pub(super) fn paste(&mut self, text: &str) {
        if self.field.paste(text) {
            self.narrow();
        }
    }

    pub(super) fn mouse(&mut self, event: &MouseEvent, inner: Rect) -> Outcome {
        match self.cursor.mouse(event, Self::rows_area(inner), self.shown.len()) {
            Clicked::Again => self.chosen(),
            Clicked::Moved | Clicked::No => Outcome::Stays,
        }
    }

    pub(super) fn draw(&self, buffer: &mut Buffer, inner: Rect, world: &World<'_>) -> Position {
        let theme = world.theme;
        buffer.set_string(inner.x, inner.y, "› ", theme.style(Role::Accent));
        let typed = Rect { x: inner.x + 2, width: inner.width.saturating_sub(2), height: inner.height.min(1), ..inner };
        let at = self.field.draw(buffer, typed, theme.style(Role::Text));
        let rows = Rows { cursor: &self.cursor, length: self.shown.len(), focused: true, empty: "nothing matches" };
        let wide = self.choices.iter().map(|c| width(&c.label)).max().unwrap_or(0).min(usize::from(inner.width) / 2);
        rows.draw(buffer, Self::rows_area(inner), theme, |index, columns| {
            let Some(choice) = self.shown.get(index).and_then(|at| self.choices.get(*at)) else {
                return Line::default();
            };
            let aside = width(&choice.aside);
            let gap = usize::from(aside > 0);
            let about = usize::from(columns).saturating_sub(wide + 2 + gap + aside);
            Line::from(vec![
                Span::styled(
                    crate::kernel::terminal::pad(&truncate_to_width(&choice.label, wide), wide),
                    theme.style(Role::Text),
                ),
                Span::raw("  "),
                Span::styled(
                    crate::kernel::terminal::pad(&truncate_to_width(&choice.about, about), about),
                    theme.style(Role::Dim),
                ),
                Span::raw(" ".repeat(gap)),
                Span::styled(choice.aside.clone(), theme.style(Role::Key)),
            ])
        });
        at
    }
}

/// The places of those that match, the best first. Each has a name and words about it; the name counts twice.
pub fn ranked<'a>(words: &str, all: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<usize> {
    let mut matcher = Matcher::new(Config::DEFAULT);
    let pattern = Pattern::parse(words, CaseMatching::Smart, Normalization::Smart);
    let mut letters = Vec::new();
    let mut found: Vec<(u32, usize)> = all
        .enumerate()
        .filter_map(|(at, (name, about))| {
            let of_name = pattern.score(Utf32Str::new(name, &mut letters), &mut matcher).map(|s| s * 2);
            let both = || {
                let text = format!("{name} {about}");
                pattern.score(Utf32Str::new(&text, &mut letters), &mut matcher)
            };
            of_name.or_else(both).map(|score| (score, at))
        })
        .collect();
    found.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    found.into_iter().map(|(_, at)| at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_counts_more_than_the_words_about_it() {
        let all = [("disk free", "how full"), ("git log", "what went into the disk"), ("disk usage", "")];
        assert_eq!(ranked("disk", all.iter().copied()), [0, 2, 1]);
        assert_eq!(ranked("dsku", all.iter().copied()).first(), Some(&2));
        assert!(ranked("zzz", all.iter().copied()).is_empty());
    }

    #[test]
    fn what_is_typed_counts_where_it_is_welcome() {
        let mut choose = Choose::new("x", vec![Choice::new("a", "Alpha", "")], 0);
        choose.paste("qqq");
        assert_eq!(choose.act(actions::ACCEPT, Rect::new(0, 0, 40, 10)), Outcome::Stays);
        choose.free = true;
        let typed = Outcome::Over(Reply::Typed("qqq".into()));
        assert_eq!(choose.act(actions::ACCEPT, Rect::new(0, 0, 40, 10)), typed);
    }
}
