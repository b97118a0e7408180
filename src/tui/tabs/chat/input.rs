//! Typed characters and the mouse in the chat tab.

use crossterm::event::{KeyCode, KeyEvent, MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Position;

use super::messages::Entry;
use super::{Chat, Pane, live_of};
use crate::tui::happening::{Effect, World};
use crate::tui::widgets::field::Field;
use crate::tui::widgets::frame::Frame;
use crate::tui::widgets::list::{Clicked, WHEEL};

impl Chat {
    pub(super) fn mouse(&mut self, event: &MouseEvent, world: &World<'_>) -> Vec<Effect> {
        let panes = self.panes(world.area);
        if world.area.width >= 70 && self.split.mouse(event, world.area) {
            return Vec::new();
        }
        let at = Position { x: event.column, y: event.row };
        let pressed = event.kind == MouseEventKind::Down(MouseButton::Left);
        let side = Frame::inner(panes.side);
        if panes.side.contains(at) {
            if pressed {
                self.leave_find();
                self.pane = Pane::Side;
            }
            let length = self.side.all().len();
            return match self.side.cursor.mouse(event, side, length) {
                Clicked::No => Vec::new(),
                Clicked::Moved => self.open_chosen(),
                Clicked::Again => {
                    self.pane = Pane::Compose;
                    Vec::new()
                }
            };
        }
        if self.pane == Pane::Compose
            && let Some(effects) = self.menu_mouse(event, panes.compose, panes.thread)
        {
            return effects;
        }
        if panes.compose.contains(at) && pressed {
            self.pane = Pane::Compose;
            self.composer.click(event, Frame::inner(panes.compose));
            return Vec::new();
        }
        self.mouse_thread(event, world)
    }

    fn mouse_thread(&mut self, event: &MouseEvent, world: &World<'_>) -> Vec<Effect> {
        let area = self.text_area(world.area);
        let look = self.look(world);
        let inside = event.row >= area.y && event.row < area.bottom();
        let live = live_of(&self.turns, self.here);
        let by = isize::try_from(WHEEL).unwrap_or(3);
        let place =
            self.thread.visible(live, area.height).get(usize::from(event.row.saturating_sub(area.y))).map(|v| v.0);
        let column = usize::from(event.column.saturating_sub(area.x));
        match (event.kind, place) {
            (MouseEventKind::ScrollUp, _) => self.thread.scroll(-by, live, &look),
            (MouseEventKind::ScrollDown, _) => self.thread.scroll(by, live, &look),
            (MouseEventKind::Down(MouseButton::Left), Some(place)) if inside => {
                self.pane = Pane::Thread;
                self.thread.marking = false;
                self.thread.marked = Some(((place, column), (place, column)));
                self.thread.cursor = place;
                self.thread.follows = false;
                self.dragging = true;
            }
            (MouseEventKind::Drag(MouseButton::Left), Some(place)) if self.dragging => {
                if let Some((_, end)) = &mut self.thread.marked {
                    *end = (place, column);
                }
            }
            (MouseEventKind::Up(MouseButton::Left), _) if std::mem::take(&mut self.dragging) => {
                let moved = self.thread.marked.is_some_and(|(from, to)| from != to);
                if moved {
                    return self.thread.marked_text(live, &look).map(Effect::Copy).into_iter().collect();
                }
                self.thread.marked = None;
                if let Some(place) = place {
                    self.thread.toggle(place);
                }
            }
            _ => {}
        }
        Vec::new()
    }

    pub(super) fn key(&mut self, key: &KeyEvent, world: &World<'_>) -> Vec<Effect> {
        if let Some(field) = &mut self.finding {
            if field.key(key) {
                return self.find(world);
            }
            return Vec::new();
        }
        if self.side.typing {
            return if self.side.filter.key(key) { self.list() } else { Vec::new() };
        }
        if self.pane == Pane::Compose
            && self.menu_wants(key)
            && let Some(effects) = self.menu_key(key)
        {
            return effects;
        }
        match (key.code, self.pane) {
            (KeyCode::Esc, _) => self.escape(),
            (_, Pane::Compose) => {
                let recalls = matches!(key.code, KeyCode::Up | KeyCode::Down);
                let past = if recalls { self.past() } else { Vec::new() };
                self.composer.key(key, &past);
                self.offer()
            }
            _ => Vec::new(),
        }
    }

    /// Escape ends what is nearest: marking, an answer that comes, a question that is put otherwise, writing.
    fn escape(&mut self) -> Vec<Effect> {
        if self.thread.marked.take().is_some() {
            self.thread.marking = false;
            return Vec::new();
        }
        if self.turning().is_some_and(|turn| turn.stopped.is_none()) {
            return self.stop();
        }
        if self.composer.editing.is_some() {
            self.restore_draft();
            return vec![Effect::Note("the question stays as it is".to_string())];
        }
        if self.pane == Pane::Side && !self.side.filter.is_empty() {
            self.side.filter = Field::default();
            return self.list();
        }
        if !self.thread.wanted.is_empty() {
            self.leave_find();
            return Vec::new();
        }
        self.pane = if self.pane == Pane::Compose { Pane::Thread } else { Pane::Compose };
        Vec::new()
    }

    /// Questions that Up brings back: those of this chat, and what was sent since the start.
    fn past(&self) -> Vec<String> {
        let mut past: Vec<String> = self.thread.entries.iter().filter(|e| e.is_question()).map(Entry::asked).collect();
        past.extend(self.past.iter().cloned());
        past.dedup();
        past
    }
}
