//! The commands tab.

use ratatui::buffer::Buffer;
use ratatui::layout::Position;

use super::{Tab, TabId};
use crate::tui::happening::{Effect, Happening, World};
use crate::tui::jobs::Desk;
use crate::tui::keymap::{Action, Entry, Section};

/// The tab's keys.
pub const TABLE: &[Entry] = &[];

/// What it asks for.
#[derive(Debug, PartialEq)]
pub enum Request {}

/// What it is told.
#[derive(Debug, PartialEq)]
pub enum Answer {}

/// Does what was asked for.
pub fn work(request: Request, _desk: &Desk<'_>) {
    match request {}
}

/// The tab.
#[derive(Default)]
pub struct Commands {}

impl Tab for Commands {
    fn id(&self) -> TabId {
        TabId::Commands
    }

    fn update(&mut self, _happening: Happening, _world: &World<'_>) -> Vec<Effect> {
        Vec::new()
    }

    fn draw(&self, _buffer: &mut Buffer, _world: &World<'_>) -> Option<Position> {
        None
    }

    fn sections(&self) -> Vec<Section> {
        vec![Section::Commands, Section::Lists]
    }

    fn hints(&self) -> Vec<Action> {
        Vec::new()
    }
}
