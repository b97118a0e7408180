//! What fires by itself: the automations, which of them may, and what became of each firing.
//!
//! It knows rows that were read for it; it judges nothing and runs nothing.

mod view;
mod work;

use crossterm::event::MouseEvent;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

pub use work::{Answer, Firing, Listed, Request, Row, Standing, work};

use super::{Answer as AnyAnswer, Request as AnyRequest, Tab, TabId};
use crate::kernel::events::Recorded;
use crate::tui::actions;
use crate::tui::happening::{Effect, Fault, Happening, Tell, World};
use crate::tui::keymap::{Action, Entry, Section, entry};
use crate::tui::widgets::frame::Frame;
use crate::tui::widgets::list::{Clicked, Cursor};

/// Let it fire, or not any more.
pub const SWITCH: Action = Action("automations-switch");
/// Run it now.
pub const RUN: Action = Action("automations-run");
/// Go to its command.
pub const COMMAND: Action = Action("automations-command");
/// Run automations here, or not any more.
pub const HERE: Action = Action("automations-here");

/// The tab's keys.
pub const TABLE: &[Entry] = &[
    entry(SWITCH, Section::Automations, &["e"], "on / off", "Let it fire by itself, or not any more"),
    entry(RUN, Section::Automations, &["r"], "run now", "Run it now, whatever its triggers say"),
    entry(COMMAND, Section::Automations, &["o"], "command", "Go to its command"),
    entry(HERE, Section::Automations, &["u"], "run them here", "Run all that are on while this program is open"),
];

/// Actions that mean nothing here.
const LACKS: &[Action] =
    &[actions::WIDER, actions::NARROWER, actions::FIND, actions::FIND_NEXT, actions::FIND_PREVIOUS];

/// The tab.
#[derive(Default)]
pub struct Automations {
    listed: Listed,
    read: bool,
    failed: Option<Fault>,
    cursor: Cursor,
    /// Of which automation the firings are, and these, the newest first.
    traced: (String, Vec<Firing>),
    firing: Cursor,
    /// Whether the firings have the keys.
    below: bool,
}

fn ask(lane: &str, request: Request) -> Effect {
    Effect::Work(lane.into(), AnyRequest::Automations(request))
}

/// Whether a fact of the log is about what is shown.
fn concerns(fact: &Recorded) -> bool {
    ["automation.", "job.", "trust.", "definition."].iter().any(|begin| fact.kind.starts_with(begin))
}

impl Automations {
    fn list() -> Effect {
        ask("list", Request::List)
    }

    fn chosen(&self) -> Option<&Row> {
        self.listed.rows.get(self.cursor.at)
    }

    fn firings(&self) -> &[Firing] {
        match self.chosen() {
            Some(row) if row.key == self.traced.0 => &self.traced.1,
            _ => &[],
        }
    }

    /// The firings of what is chosen are wanted, where they are not there.
    fn trace(&self) -> Vec<Effect> {
        let wanted = self.chosen().filter(|row| row.key != self.traced.0);
        wanted.map(|row| ask("trace", Request::Trace(row.key.clone()))).into_iter().collect()
    }

    fn trace_again(&self) -> Vec<Effect> {
        self.chosen().map(|row| ask("trace", Request::Trace(row.key.clone()))).into_iter().collect()
    }

    fn act(&mut self, action: Action, world: &World<'_>) -> Vec<Effect> {
        match action {
            SWITCH => self.of_chosen(|row| match row.standing {
                Standing::On => ask("change", Request::Disable(row.key.clone())),
                _ => ask("change", Request::Enable(row.key.clone())),
            }),
            RUN => self.of_chosen(|row| ask("change", Request::Run(row.key.clone()))),
            COMMAND => self.of_chosen(|row| Effect::Tell(TabId::Commands, Tell::Command(row.key.clone()))),
            HERE => self.here(),
            actions::NEXT_PANE | actions::PREVIOUS_PANE => {
                self.below = !self.below && self.chosen().is_some();
                Vec::new()
            }
            actions::OPEN if self.below => self.open(),
            actions::OPEN => {
                self.below = self.chosen().is_some();
                Vec::new()
            }
            actions::COPY => self.copied().map(Effect::Copy).into_iter().collect(),
            other => self.step(other, world.area),
        }
    }

    fn of_chosen(&self, then: impl FnOnce(&Row) -> Effect) -> Vec<Effect> {
        vec![self.chosen().map_or_else(|| Effect::Note("there is nothing to choose".to_string()), then)]
    }

    fn here(&self) -> Vec<Effect> {
        match self.listed.here {
            true => vec![Effect::Stop("here".into()), Self::list()],
            false => vec![ask("here", Request::Up)],
        }
    }

    fn copied(&self) -> Option<String> {
        match self.below {
            true => self.firings().get(self.firing.at).map(|firing| firing.data.clone()),
            false => self.chosen().map(|row| row.key.clone()),
        }
    }

    fn open(&self) -> Vec<Effect> {
        match self.firings().get(self.firing.at) {
            Some(Firing { run: Some(run), .. }) => vec![Effect::Tell(TabId::Runs, Tell::Run(run.clone()))],
            Some(_) => vec![Effect::Note("this firing has no run".to_string())],
            None => Vec::new(),
        }
    }

    fn step(&mut self, action: Action, area: Rect) -> Vec<Effect> {
        let [_, list, trace] = Self::parts(area);
        if self.below {
            let length = self.firings().len();
            self.firing.act(action, length, Frame::inner(trace).height);
            return Vec::new();
        }
        if self.cursor.act(action, self.listed.rows.len(), Frame::inner(list).height) {
            self.firing = Cursor::default();
        }
        self.trace()
    }

    /// Who runs them, the automations, and the firings of the chosen one.
    fn parts(area: Rect) -> [Rect; 3] {
        let top = 3.min(area.height);
        let list = area.height.saturating_sub(top) * 2 / 5;
        [
            Rect { height: top, ..area },
            Rect { y: area.y + top, height: list, ..area },
            Rect { y: area.y + top + list, height: area.height - top - list, ..area },
        ]
    }

    fn mouse(&mut self, event: &MouseEvent, area: Rect) -> Vec<Effect> {
        let [_, list, trace] = Self::parts(area);
        let length = self.firings().len();
        match self.firing.mouse(event, Frame::inner(trace), length) {
            Clicked::Again => return self.open(),
            Clicked::Moved => self.below = true,
            Clicked::No => {}
        }
        match self.cursor.mouse(event, Frame::inner(list), self.listed.rows.len()) {
            Clicked::No => Vec::new(),
            Clicked::Moved | Clicked::Again => {
                (self.below, self.firing) = (false, Cursor::default());
                self.trace()
            }
        }
    }

    fn answered(&mut self, answer: Answer) -> Vec<Effect> {
        match answer {
            Answer::Listed(Ok(listed)) => {
                (self.listed, self.read, self.failed) = (listed, true, None);
                self.cursor.fit(self.listed.rows.len());
                return self.trace();
            }
            Answer::Listed(Err(fault)) => self.failed = Some(fault),
            Answer::Traced(key, Ok(firings)) => {
                self.firing.fit(firings.len());
                self.traced = (key, firings);
            }
            Answer::Traced(_, Err(fault)) | Answer::Done(Err(fault)) => return vec![Effect::Fail(fault)],
            Answer::Done(Ok(said)) => {
                let again = self.trace_again();
                return [Effect::Note(said), Self::list()].into_iter().chain(again).collect();
            }
        }
        Vec::new()
    }
}

impl Tab for Automations {
    fn id(&self) -> TabId {
        TabId::Automations
    }

    fn update(&mut self, happening: Happening, world: &World<'_>) -> Vec<Effect> {
        match happening {
            Happening::Shown => std::iter::once(Self::list()).chain(self.trace_again()).collect(),
            Happening::News(facts) if facts.iter().any(concerns) => {
                std::iter::once(Self::list()).chain(self.trace_again()).collect()
            }
            Happening::Act(action) => self.act(action, world),
            Happening::Mouse(event) => self.mouse(&event, world.area),
            Happening::Answered(AnyAnswer::Automations(answer)) => self.answered(answer),
            _ => Vec::new(),
        }
    }

    fn draw(&self, buffer: &mut Buffer, world: &World<'_>) -> Option<Position> {
        view::draw(self, buffer, world);
        None
    }

    fn sections(&self) -> Vec<Section> {
        vec![Section::Automations, Section::Lists]
    }

    fn lacks(&self) -> &'static [Action] {
        LACKS
    }

    fn is_bare(&self) -> bool {
        self.listed.rows.is_empty()
    }

    fn hints(&self) -> Vec<Action> {
        vec![SWITCH, RUN, actions::OPEN, COMMAND, HERE]
    }

    fn holds(&self) -> Option<String> {
        self.listed.here.then(|| "automations run here".to_string())
    }
}

#[cfg(test)]
mod tests;
