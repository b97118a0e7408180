//! Typed characters and the mouse in the commands tab.

use crossterm::event::{KeyCode, KeyEvent, MouseEvent, MouseEventKind};
use ratatui::layout::Position;

use super::{Commands, RUN, Typing};
use crate::tui::actions;
use crate::tui::happening::{Effect, World};
use crate::tui::keymap::Action;
use crate::tui::widgets::list::Clicked;

impl Commands {
    pub(super) fn key(&mut self, key: &KeyEvent, world: &World<'_>) -> Vec<Effect> {
        match self.typing {
            Typing::Filter => {
                if self.filter.key(key) {
                    return self.narrow(world);
                }
            }
            Typing::Find => {
                if self.find.key(key) {
                    self.page.look_for(self.find.text());
                    self.page.show_hit(self.panes(world.area)[1].height);
                }
            }
            Typing::Nothing if key.code == KeyCode::Esc => {
                if self.inside && !self.find.is_empty() {
                    self.find.set("");
                    self.page.look_for("");
                } else if self.inside {
                    self.inside = false;
                } else if !self.filter.is_empty() {
                    return self.clear_filter(world);
                }
            }
            Typing::Nothing => {}
        }
        Vec::new()
    }

    pub(super) fn mouse(&mut self, event: &MouseEvent, world: &World<'_>) -> Vec<Effect> {
        if self.split.mouse(event, world.area) {
            let released = matches!(event.kind, MouseEventKind::Up(_));
            return if released { self.lay_out(world) } else { Vec::new() };
        }
        let [list, page] = self.panes(world.area);
        let before = self.cursor.at;
        match self.cursor.mouse(event, list, self.tree.items().len()) {
            Clicked::No => {}
            Clicked::Moved => {
                (self.inside, self.typing) = (false, Typing::Nothing);
                return if before == self.cursor.at { Vec::new() } else { self.moved(world) };
            }
            Clicked::Again => return self.act(RUN, world),
        }
        let marked = self.page.mouse(event, page).map(Effect::Copy);
        let clicked = matches!(event.kind, MouseEventKind::Down(_));
        if clicked && page.contains(Position { x: event.column, y: event.row }) {
            (self.inside, self.typing) = (true, Typing::Nothing);
        }
        marked.into_iter().collect()
    }

    pub(super) fn typed(&mut self, action: Action, world: &World<'_>) -> Vec<Effect> {
        let [list, page] = self.panes(world.area);
        let rows = self.tree.items().len();
        match (self.typing, action) {
            (_, actions::ACCEPT) => self.typing = Typing::Nothing,
            (Typing::Filter, actions::BACK) => {
                self.typing = Typing::Nothing;
                return self.clear_filter(world);
            }
            (Typing::Find, actions::BACK) => {
                self.typing = Typing::Nothing;
                self.find.set("");
                self.page.look_for("");
            }
            (Typing::Filter, action) => {
                let action = match action {
                    actions::NEXT_CHOICE => actions::DOWN,
                    actions::PREVIOUS_CHOICE => actions::UP,
                    other => other,
                };
                if self.cursor.act(action, rows, list.height) {
                    return self.moved(world);
                }
            }
            (_, action) => {
                self.page.act(action, page.height);
            }
        }
        Vec::new()
    }
}
