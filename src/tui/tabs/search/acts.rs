//! What keys and the mouse do in the search tab.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Rect;

use super::view::Places;
use super::{BACK_PANE, FIELD, NARROW, OPEN, PANE, Pane, Search, WIDEN, extra};
use crate::tui::actions;
use crate::tui::happening::{Effect, Tell, World};
use crate::tui::keymap::Action;
use crate::tui::tabs::TabId;
use crate::tui::widgets::list::Clicked;

/// The parts in the order in which they come.
const ORDER: [Pane; 4] = [Pane::Field, Pane::Hits, Pane::Side, Pane::Preview];

impl Search {
    pub(super) fn act(&mut self, action: Action, world: &World<'_>) -> Vec<Effect> {
        let places = self.places(world.area);
        match action {
            PANE | actions::NEXT_PANE => self.step(1),
            BACK_PANE | actions::PREVIOUS_PANE => self.step(ORDER.len() - 1),
            FIELD | actions::FIND => self.pane = Pane::Field,
            actions::BACK if !self.hits.is_empty() => self.pane = Pane::Hits,
            WIDEN => {
                self.narrow.clear();
                return self.ask_anew();
            }
            actions::WIDER | actions::NARROWER => {
                self.split.grow(if action == actions::WIDER { 5 } else { -5 });
                self.lay(world);
            }
            NARROW | OPEN if self.pane == Pane::Side => return self.toggle(),
            OPEN => return self.open(),
            NARROW => return self.act(actions::PAGE_DOWN, world),
            actions::PREVIOUS_CHOICE => {
                if let Some(effects) = self.recall(true) {
                    return effects;
                }
                return self.step_hits(actions::UP, &places);
            }
            actions::NEXT_CHOICE => return self.step_hits(actions::DOWN, &places),
            actions::COPY => return self.copy(),
            other => match self.pane {
                Pane::Side => {
                    self.side.act(other, self.counts().len(), places.side.height);
                }
                Pane::Preview => {
                    self.text.act(other, places.preview.height);
                }
                Pane::Field | Pane::Hits => return self.step_hits(other, &places),
            },
        }
        Vec::new()
    }

    fn step(&mut self, by: usize) {
        let at = ORDER.iter().position(|pane| *pane == self.pane).unwrap_or(0);
        self.pane = ORDER[(at + by) % ORDER.len()];
    }

    fn step_hits(&mut self, action: Action, places: &Places) -> Vec<Effect> {
        self.cursor.act(action, self.hits.len(), places.rows());
        self.settle(Vec::new())
    }

    fn copy(&self) -> Vec<Effect> {
        let text = self.text.rows().iter().map(|row| row.text()).collect::<Vec<_>>().join("\n");
        if text.is_empty() { Vec::new() } else { vec![Effect::Copy(text)] }
    }

    /// Opens the hit in the tab that it belongs to.
    fn open(&mut self) -> Vec<Effect> {
        let Some(hit) = self.chosen() else { return Vec::new() };
        let key = hit.key.clone();
        let effect = match hit.kind.as_str() {
            "run" => Effect::Tell(TabId::Runs, Tell::Run(key)),
            "message" => Effect::Tell(TabId::Chat, Tell::Session(extra(hit, "session").to_string(), Some(key))),
            "definition" => {
                Effect::Tell(TabId::Commands, Tell::Command(format!("{}:{}", extra(hit, "source"), hit.title)))
            }
            "recording" => Effect::Note("all of it is beside it; `fac voice recordings` has its sound".to_string()),
            _ => Effect::Note("all of it is beside it; `fac memory` changes what is remembered".to_string()),
        };
        self.remember();
        vec![effect]
    }

    /// Counts, by field: value, how many, and whether the search is narrowed to it. Kinds come first and stay.
    pub(super) fn counts(&self) -> Vec<(&str, &str, u64, bool)> {
        let on = |field: &str, value: &str| self.narrow.iter().any(|(f, v)| (f.as_str(), v.as_str()) == (field, value));
        let kinds = self.kinds.iter().map(|(kind, count)| ("kind", kind.as_str(), *count));
        let others = ["role", "status", "source", "model", "tag"].into_iter().flat_map(|field| {
            let values = self.facets.fields.get(field).into_iter().flatten();
            values.map(move |(value, count)| (field, value.as_str(), *count))
        });
        kinds.chain(others).map(|(field, value, count)| (field, value, count, on(field, value))).collect()
    }

    /// Narrows the search by the count under the cursor, or no more.
    fn toggle(&mut self) -> Vec<Effect> {
        let counts = self.counts();
        let Some((field, value, _, on)) = counts.get(self.side.at).copied() else { return Vec::new() };
        let (field, value) = (field.to_string(), value.to_string());
        self.narrow.retain(|(f, _)| *f != field);
        if !on {
            self.narrow.push((field, value));
        }
        self.ask_anew()
    }

    pub(super) fn mouse(&mut self, event: &MouseEvent, world: &World<'_>) -> Vec<Effect> {
        let places = self.places(world.area);
        if self.split.mouse(event, places.divided) {
            self.lay(world);
            return Vec::new();
        }
        let at = (event.column, event.row).into();
        if event.kind == MouseEventKind::Down(MouseButton::Left) {
            let order = [
                (places.field, Pane::Field),
                (places.hits, Pane::Hits),
                (places.side, Pane::Side),
                (places.preview, Pane::Preview),
            ];
            if let Some((_, pane)) = order.into_iter().find(|(place, _)| place.contains(at)) {
                self.pane = pane;
            }
        }
        if self.side.mouse(event, places.side, self.counts().len()) == Clicked::Again {
            return self.toggle();
        }
        if let Some(copied) = self.text.mouse(event, places.preview) {
            return vec![Effect::Copy(copied)];
        }
        // Where a hit has two rows, the cursor counts them as one.
        let mut event = *event;
        let area = Rect { height: places.rows(), ..places.hits };
        if places.hits.contains(at) {
            event.row = area.y + (event.row - area.y) / places.tall();
        }
        match self.cursor.mouse(&event, area, self.hits.len()) {
            Clicked::Again => self.open(),
            Clicked::Moved => self.settle(Vec::new()),
            Clicked::No => Vec::new(),
        }
    }
}
