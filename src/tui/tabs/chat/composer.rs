//! Where a message is written: lines, files that go along, earlier questions.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseEvent};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::widgets::Widget;
use ratatui_textarea::{CursorMove, TextArea, WrapMode};

use crate::kernel::figures;
use crate::kernel::ids::Id;
use crate::kernel::terminal::{safe, safe_line, width};
use crate::tui::theme::{Role, Theme};

/// The most rows that are written in at once.
const TALLEST: u16 = 10;

/// A file that goes along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attached {
    /// Where it is.
    pub path: String,
    /// Its MIME type.
    pub mime: String,
    /// Its size.
    pub bytes: u64,
}

impl Attached {
    /// Its name, type and size.
    pub fn said(&self) -> String {
        let name = self.path.rsplit('/').next().unwrap_or(&self.path);
        safe_line(&format!("{name} · {} · {}", self.mime, figures::bytes(self.bytes))).into_owned()
    }
}

/// A question that is put otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Editing {
    /// The old one.
    pub id: Id,
    /// What it follows.
    pub parent: Option<Id>,
    /// Whether the new one takes its place; otherwise it stands beside it.
    pub replaces: bool,
}

/// What is being written.
pub struct Composer {
    area: TextArea<'static>,
    /// Files that go along.
    pub files: Vec<Attached>,
    /// The question that is put otherwise.
    pub editing: Option<Editing>,
    /// Whether there is something that was not saved.
    pub dirty: bool,
    /// Which of the earlier questions stands there, counted from the last.
    back: usize,
}

impl Default for Composer {
    fn default() -> Composer {
        Composer { area: area(""), files: Vec::new(), editing: None, dirty: false, back: 0 }
    }
}

fn area(text: &str) -> TextArea<'static> {
    let text = safe(text).replace('\t', "    ");
    let mut area = TextArea::new(text.split('\n').map(String::from).collect());
    area.set_cursor_line_style(Style::default());
    area.set_cursor_style(Style::default());
    area.set_wrap_mode(WrapMode::WordOrGlyph);
    area.move_cursor(CursorMove::Bottom);
    area.move_cursor(CursorMove::End);
    area
}

impl Composer {
    /// What was written.
    pub fn text(&self) -> String {
        self.area.lines().join("\n")
    }

    /// Whether the cursor stands behind all of it.
    pub fn at_end(&self) -> bool {
        let lines = self.area.lines();
        let at = self.area.cursor();
        let last = lines.last().map_or(0, |line| line.chars().count());
        (at.0 + 1, at.1) == (lines.len(), last)
    }

    /// Whether nothing was.
    pub fn is_empty(&self) -> bool {
        self.area.is_empty()
    }

    /// Puts a text there, the cursor behind it.
    pub fn set(&mut self, text: &str) {
        self.area = area(text);
        self.back = 0;
        self.dirty = true;
    }

    /// Takes out what is there.
    pub fn take(&mut self) -> (String, Vec<Attached>) {
        let old = std::mem::replace(self, Composer { dirty: true, ..Composer::default() });
        (old.text(), old.files)
    }

    /// Puts text in at the cursor.
    pub fn insert(&mut self, text: &str) {
        self.area.insert_str(safe(text).replace('\t', "    ").replace("\r\n", "\n").replace('\r', "\n"));
        self.dirty = true;
    }

    /// Begins a new line.
    pub fn newline(&mut self) {
        self.area.insert_newline();
        self.dirty = true;
    }

    /// Whether a key is for the text, though the keymap may know it.
    pub fn wants(&self, key: &KeyEvent) -> bool {
        let plain = !key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
        match key.code {
            KeyCode::Left | KeyCode::Right => plain || !self.is_empty(),
            KeyCode::Up | KeyCode::Down | KeyCode::Home | KeyCode::End => plain,
            KeyCode::Delete | KeyCode::Backspace => true,
            _ => false,
        }
    }

    /// Takes a key; `past` are earlier questions, the last one last.
    pub fn key(&mut self, key: &KeyEvent, past: &[String]) {
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        let before = self.text();
        match key.code {
            KeyCode::Up if self.is_empty() || self.back > 0 => return self.recall(self.back + 1, past),
            KeyCode::Down if self.back > 0 => return self.recall(self.back - 1, past),
            KeyCode::Char('u') if ctrl => drop(self.area.delete_line_by_head()),
            KeyCode::Char('_' | '/') if ctrl => drop(self.area.undo()),
            KeyCode::Left if ctrl => self.area.move_cursor(CursorMove::WordBack),
            KeyCode::Right if ctrl => self.area.move_cursor(CursorMove::WordForward),
            KeyCode::Tab | KeyCode::Enter | KeyCode::Esc => {}
            _ => drop(self.area.input(*key)),
        }
        if self.text() != before {
            (self.back, self.dirty) = (0, true);
        }
    }

    /// Puts one of the earlier questions there, counted from the last; 0 is an empty line.
    fn recall(&mut self, back: usize, past: &[String]) {
        if back == 0 {
            return self.set("");
        }
        let Some(text) = past.len().checked_sub(back).and_then(|at| past.get(at)) else { return };
        self.set(text);
        self.back = back;
    }

    /// Puts the cursor where the mouse is.
    pub fn click(&mut self, event: &MouseEvent, inner: Rect) {
        let (top, left) = self.area.scroll_offset();
        let row = usize::from(event.row.saturating_sub(inner.y) + top);
        let column = usize::from(event.column.saturating_sub(inner.x) + left);
        let to = self.area.screen_to_data(row, column);
        let small = |n: usize| u16::try_from(n).unwrap_or(u16::MAX);
        self.area.move_cursor(CursorMove::Jump(small(to.0), small(to.1)));
    }

    /// Rows that the text takes in so many columns.
    pub fn rows(&self, columns: u16) -> u16 {
        let columns = usize::from(columns).max(1);
        let rows: usize = self.area.lines().iter().take(64).map(|l| (width(l) + 1).div_ceil(columns).max(1)).sum();
        u16::try_from(rows).unwrap_or(TALLEST).clamp(1, TALLEST)
    }

    /// The files that go along, as a line.
    pub fn chips(&self) -> Option<String> {
        let all: Vec<String> = self.files.iter().map(|f| format!("[⊞ {}]", f.said())).collect();
        (!all.is_empty()).then(|| all.join(" "))
    }

    /// Draws it; gives the place of the cursor.
    pub fn draw(&self, buffer: &mut Buffer, inner: Rect, theme: &Theme, hint: &str) -> Position {
        if inner.is_empty() {
            return inner.as_position();
        }
        if self.is_empty() {
            buffer.set_stringn(inner.x, inner.y, hint, usize::from(inner.width), theme.style(Role::Dim));
            return inner.as_position();
        }
        buffer.set_style(inner, theme.style(Role::Text));
        self.area.render(inner, buffer);
        let cursor = self.area.screen_cursor();
        let (top, left) = self.area.scroll_offset();
        let small = |n: usize| u16::try_from(n).unwrap_or(u16::MAX);
        let x = inner.x.saturating_add(small(cursor.col).saturating_sub(left)).min(inner.right() - 1);
        let y = inner.y.saturating_add(small(cursor.row).saturating_sub(top)).min(inner.bottom() - 1);
        Position { x, y }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(composer: &mut Composer, code: KeyCode) {
        let past = ["one".to_string(), "two\nlines".to_string()];
        composer.key(&KeyEvent::from(code), &past);
    }

    #[test]
    fn earlier_questions_come_back_from_an_empty_line_only() {
        let mut composer = Composer::default();
        press(&mut composer, KeyCode::Up);
        assert_eq!(composer.text(), "two\nlines");
        press(&mut composer, KeyCode::Up);
        assert_eq!(composer.text(), "one");
        press(&mut composer, KeyCode::Up);
        assert_eq!(composer.text(), "one");
        press(&mut composer, KeyCode::Down);
        press(&mut composer, KeyCode::Down);
        assert_eq!(composer.text(), "");
        composer.insert("mine");
        press(&mut composer, KeyCode::Up);
        assert_eq!(composer.text(), "mine");
    }

    #[test]
    fn what_is_pasted_keeps_its_lines_and_nothing_that_acts_on_a_terminal() {
        let mut composer = Composer::default();
        composer.insert("a\r\nb\x1b[31m\tc");
        assert!(!composer.text().contains('\x1b'));
        assert_eq!(composer.text().lines().count(), 2);
        assert_eq!(composer.rows(80), 2);
        let (text, files) = composer.take();
        assert!(text.starts_with("a\nb") && files.is_empty() && composer.is_empty());
    }
}
