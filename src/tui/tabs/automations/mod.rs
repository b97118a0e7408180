//! What fires by itself: the automations, which of them may, and what became of each firing.
//!
//! It knows rows that were read for it; it judges nothing and runs nothing.

mod about;
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
use crate::tui::popups::{Page, Popup};
use crate::tui::widgets::frame::Frame;
use crate::tui::widgets::list::{Clicked, Cursor};
use crate::tui::widgets::text::Row as TextRow;

/// Let it fire, or not any more.
pub const SWITCH: Action = Action("automations-switch");
/// Run it now.
pub const RUN: Action = Action("automations-run");
/// Go to its command.
pub const COMMAND: Action = Action("automations-command");
/// Run automations here, or not any more.
pub const HERE: Action = Action("automations-here");
/// Read all that is known of what is chosen.
pub const DETAILS: Action = Action("automations-details");
/// Read the job of the chosen firing.
pub const JOB: Action = Action("automations-job");

/// The tab's keys.
pub const TABLE: &[Entry] = &[
    entry(SWITCH, Section::Automations, &["e"], "on / off", "Let it fire by itself, or not any more"),
    entry(RUN, Section::Automations, &["r"], "run now", "Run it now, whatever its triggers say"),
    entry(COMMAND, Section::Automations, &["o"], "command", "Go to its command"),
    entry(HERE, Section::Automations, &["u"], "run them here", "Run all that are on while this program is open"),
    entry(DETAILS, Section::Automations, &["d"], "details", "All about it, or about the chosen firing"),
    entry(JOB, Section::Automations, &["J"], "job", "Show the job of the chosen firing"),
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

fn page(title: String, rows: Vec<TextRow>) -> Effect {
    Effect::Open("page", Box::new(Popup::Page(Page::new(title, rows))))
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
            DETAILS => self.details(world),
            JOB => self.job(world),
            actions::OPEN if self.below => self.open(world),
            actions::OPEN => {
                self.below = self.chosen().is_some();
                Vec::new()
            }
            actions::COPY => self.copied().map(Effect::Copy).into_iter().collect(),
            other => self.step(other, world),
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

    /// The firing under the cursor, where the firings have the keys.
    fn chosen_firing(&self) -> Option<&Firing> {
        self.firings().get(self.firing.at).filter(|_| self.below)
    }

    /// Goes to the run of the chosen firing; one without a run is read itself.
    fn open(&self, world: &World<'_>) -> Vec<Effect> {
        match self.chosen_firing() {
            Some(Firing { run: Some(run), .. }) => vec![Effect::Tell(TabId::Runs, Tell::Run(run.clone()))],
            Some(_) => self.details(world),
            None => Vec::new(),
        }
    }

    fn details(&self, world: &World<'_>) -> Vec<Effect> {
        let rows = about::whole(self, Page::room(world.area), world);
        self.of_chosen(|row| match self.chosen_firing() {
            Some(_) => page(format!("A firing of {}", row.name), rows),
            None => page(row.name.clone(), rows),
        })
    }

    fn job(&self, world: &World<'_>) -> Vec<Effect> {
        self.of_chosen(|row| match self.chosen_firing() {
            Some(Firing { job: Some(job), .. }) => {
                page(format!("The job of {}", row.name), about::job(job, Page::room(world.area), world))
            }
            Some(_) => Effect::Note("no work is known of this firing".to_string()),
            None => Effect::Note("a firing has to be chosen: Enter goes to them".to_string()),
        })
    }

    fn step(&mut self, action: Action, world: &World<'_>) -> Vec<Effect> {
        let [list, firings] = self.lists(world);
        if self.below {
            let length = self.firings().len();
            self.firing.act(action, length, firings.height);
            return Vec::new();
        }
        if self.cursor.act(action, self.listed.rows.len(), list.height) {
            self.firing = Cursor::default();
        }
        self.trace()
    }

    /// Where the rows of automations and of firings stand.
    fn lists(&self, world: &World<'_>) -> [Rect; 2] {
        let [_, list, trace] = Self::parts(world.area);
        let inner = Frame::inner(trace);
        let [firings, _] = self.divided(inner, about::rows(self, inner.width, world).len());
        [Frame::inner(list), firings]
    }

    /// The firings, and below them so many rows about what is chosen, as far as there is room.
    fn divided(&self, inner: Rect, rows: usize) -> [Rect; 2] {
        let kept = self.firings().len().clamp(1, if inner.height < 10 { 2 } else { 3 });
        let most = inner.height.saturating_sub(u16::try_from(kept).unwrap_or(0));
        let wanted = if rows == 0 { 0 } else { u16::try_from(rows + 1).unwrap_or(u16::MAX) };
        let foot = Some(wanted.min(most)).filter(|foot| *foot > 1).unwrap_or(0);
        let list = Rect { height: inner.height - foot, ..inner };
        [list, Rect { y: list.bottom(), height: foot, ..inner }]
    }

    /// Who runs them, the automations, and the firings of the chosen one.
    fn parts(area: Rect) -> [Rect; 3] {
        let top = 3.min(area.height);
        let rest = area.height.saturating_sub(top);
        // On a low screen the reasons need the room.
        let list = if rest < 18 { rest / 3 } else { rest * 2 / 5 };
        [
            Rect { height: top, ..area },
            Rect { y: area.y + top, height: list, ..area },
            Rect { y: area.y + top + list, height: area.height - top - list, ..area },
        ]
    }

    fn mouse(&mut self, event: &MouseEvent, world: &World<'_>) -> Vec<Effect> {
        let [list, firings] = self.lists(world);
        let length = self.firings().len();
        match self.firing.mouse(event, firings, length) {
            Clicked::Again if self.below => return self.open(world),
            Clicked::Moved | Clicked::Again => self.below = true,
            Clicked::No => {}
        }
        match self.cursor.mouse(event, list, self.listed.rows.len()) {
            Clicked::No => Vec::new(),
            Clicked::Moved | Clicked::Again => {
                (self.below, self.firing) = (false, Cursor::default());
                self.trace()
            }
        }
    }

    fn answered(&mut self, answer: Answer, world: &World<'_>) -> Vec<Effect> {
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
            Answer::Traced(_, Err(fault)) => return vec![Effect::Fail(fault)],
            Answer::Done(Err(fault)) => return vec![Page::of_fault(fault, world)],
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
            Happening::Mouse(event) => self.mouse(&event, world),
            Happening::Answered(AnyAnswer::Automations(answer)) => self.answered(answer, world),
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
        match self.below {
            true => vec![actions::OPEN, JOB, DETAILS, SWITCH, RUN, COMMAND, HERE],
            false => vec![SWITCH, RUN, actions::OPEN, COMMAND, HERE, DETAILS],
        }
    }

    fn holds(&self) -> Option<String> {
        self.listed.here.then(|| "automations run here".to_string())
    }
}

#[cfg(test)]
mod tests;
