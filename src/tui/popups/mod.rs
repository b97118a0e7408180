//! Pop-ups: what lies over a tab until it is answered. They are a stack; the one on top has the keys.

pub mod card;
pub mod choose;
pub mod form;
pub mod line;
pub mod page;

use crossterm::event::{KeyEvent, MouseEvent};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::widgets::{Clear, Widget};
use unicode_width::UnicodeWidthStr;

pub use card::Card;
pub use choose::{Choice, Choose};
pub use form::{Form, Input};
pub use line::Ask;
pub use page::Page;

use super::actions;
use super::happening::World;
use super::keymap::{Action, Section};
use super::widgets::frame::Frame;

/// What a pop-up came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// It was closed without an answer.
    Dismissed,
    /// One of its choices, by its key.
    Chosen(String),
    /// A text that was typed.
    Typed(String),
    /// The values of a form, by name; those left empty are not among them.
    Filled(Vec<(String, String)>),
}

/// What a key did to a pop-up.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It stays.
    Stays,
    /// It is over.
    Over(Reply),
    /// It stays, and this goes to the clipboard.
    Copied(String),
}

/// A pop-up.
#[derive(Clone, Debug, PartialEq)]
pub enum Popup {
    /// One of many, found by typing.
    Choose(Choose),
    /// A question with what it is about, answered by a key.
    Card(Card),
    /// A line to type.
    Ask(Ask),
    /// Several values to fill in.
    Form(Form),
    /// A text to read.
    Page(Page),
}

impl Popup {
    /// Where keys hold while it is on top.
    pub fn sections(&self) -> &'static [Section] {
        match self {
            Popup::Choose(_) | Popup::Ask(_) => &[Section::Typing],
            Popup::Form(_) => &[Section::Form, Section::Typing],
            Popup::Page(page) if page.is_finding() => &[Section::Typing],
            Popup::Card(_) | Popup::Page(_) => &[Section::Lists],
        }
    }

    /// What the hint bar says while it is on top.
    pub fn hints(&self) -> &'static [Action] {
        match self {
            Popup::Choose(_) | Popup::Ask(_) => &[actions::ACCEPT, actions::BACK],
            Popup::Form(_) => &[actions::ACCEPT, actions::SEND, actions::BACK],
            Popup::Page(page) if page.is_finding() => &[actions::ACCEPT, actions::BACK],
            Popup::Page(_) => &[actions::FIND, actions::COPY, actions::BACK],
            Popup::Card(_) => &[actions::ACCEPT, actions::BACK],
        }
    }

    /// Whether a key is one of its answers, whatever else the keymap says.
    pub fn wants(&self, key: &KeyEvent) -> bool {
        matches!(self, Popup::Card(card) if card.is_answer(key))
    }

    /// Whether characters are typed into it.
    pub fn is_typing(&self) -> bool {
        match self {
            Popup::Choose(_) | Popup::Ask(_) | Popup::Form(_) => true,
            Popup::Page(page) => page.is_finding(),
            Popup::Card(_) => false,
        }
    }

    /// Takes an action.
    pub fn act(&mut self, action: Action, world: &World<'_>) -> Outcome {
        let inner = Frame::inner(self.area(world.area));
        match self {
            Popup::Choose(choose) => choose.act(action, inner),
            Popup::Card(card) => card.act(action, inner),
            Popup::Ask(ask) => ask.act(action),
            Popup::Form(form) => form.act(action, inner),
            Popup::Page(page) => page.act(action, inner),
        }
    }

    /// Takes a key that is no action here.
    pub fn key(&mut self, key: &KeyEvent, world: &World<'_>) -> Outcome {
        let inner = Frame::inner(self.area(world.area));
        match self {
            Popup::Choose(choose) => choose.key(key),
            Popup::Card(card) => card.key(key, inner),
            Popup::Ask(ask) => ask.key(key),
            Popup::Form(form) => form.key(key),
            Popup::Page(page) => page.key(key, inner),
        }
    }

    /// Takes pasted text.
    pub fn paste(&mut self, text: &str) {
        match self {
            Popup::Choose(choose) => choose.paste(text),
            Popup::Ask(ask) => ask.paste(text),
            Popup::Form(form) => form.paste(text),
            Popup::Card(_) | Popup::Page(_) => {}
        }
    }

    /// Takes the mouse. A click beside it closes it, unless it is a question.
    pub fn mouse(&mut self, event: &MouseEvent, world: &World<'_>) -> Outcome {
        let area = self.area(world.area);
        let inner = Frame::inner(area);
        let outside = !area.contains(Position { x: event.column, y: event.row });
        if outside && matches!(event.kind, crossterm::event::MouseEventKind::Down(_)) {
            return match self {
                Popup::Card(_) | Popup::Form(_) => Outcome::Stays,
                _ => Outcome::Over(Reply::Dismissed),
            };
        }
        match self {
            Popup::Choose(choose) => choose.mouse(event, inner),
            Popup::Card(card) => card.mouse(event, inner),
            Popup::Form(form) => form.mouse(event, inner),
            Popup::Page(page) => page.mouse(event, inner),
            Popup::Ask(_) => Outcome::Stays,
        }
    }

    /// Where it lies on a screen.
    pub fn area(&self, screen: Rect) -> Rect {
        let (width, height) = match self {
            Popup::Choose(choose) => (84, choose.height()),
            Popup::Card(card) => (96, card.height()),
            Popup::Ask(ask) => (72, ask.height()),
            Popup::Form(form) => (84, form.height()),
            Popup::Page(page) => (page::WIDEST, page.height()),
        };
        centred(screen, width, height)
    }

    /// Draws it; gives the place of the cursor where something is typed.
    pub fn draw(&self, buffer: &mut Buffer, world: &World<'_>) -> Option<Position> {
        let area = self.area(world.area);
        // Half of a wide character would stand over the frame.
        for y in area.y..area.bottom() {
            let beside = area.x.checked_sub(1).and_then(|x| buffer.cell_mut((x, y)));
            if let Some(cell) = beside.filter(|cell| cell.symbol().width() == 2) {
                cell.set_symbol(" ");
            }
        }
        Clear.render(area, buffer);
        buffer.set_style(area, world.theme.ground());
        let aside = match self {
            Popup::Choose(choose) => choose.aside(),
            Popup::Page(page) => page.found(),
            _ => String::new(),
        };
        let inner = Frame { title: self.title(), aside: &aside, focused: true }.draw(buffer, area, world.theme);
        match self {
            Popup::Choose(choose) => Some(choose.draw(buffer, inner, world)),
            Popup::Card(card) => {
                card.draw(buffer, inner, world);
                None
            }
            Popup::Ask(ask) => Some(ask.draw(buffer, inner, world)),
            Popup::Form(form) => form.draw(buffer, inner, world),
            Popup::Page(page) => page.draw(buffer, inner, world),
        }
    }

    fn title(&self) -> &str {
        match self {
            Popup::Choose(choose) => &choose.title,
            Popup::Card(card) => &card.title,
            Popup::Ask(ask) => &ask.title,
            Popup::Form(form) => &form.title,
            Popup::Page(page) => &page.title,
        }
    }
}

/// A place in the middle that is at most so large and leaves an edge of the screen free.
fn centred(screen: Rect, width: u16, height: u16) -> Rect {
    let width = width.min(screen.width.saturating_sub(4)).max(screen.width.min(20));
    let height = height.min(screen.height.saturating_sub(2)).max(screen.height.min(3));
    Rect { x: screen.x + (screen.width - width) / 2, y: screen.y + (screen.height - height) / 3, width, height }
}
