//! What is right and wrong here, and what this program takes, while one looks.

mod view;

use std::time::Duration;

use crossterm::event::MouseEvent;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::{Answer as AnyAnswer, Request as AnyRequest, Tab, TabId};
use crate::app::health::{self, Finding, Gauges, Kept, Level, Window};
use crate::tui::actions;
use crate::tui::happening::{Effect, Happening, World};
use crate::tui::jobs::Desk;
use crate::tui::keymap::{Action, Entry, Section, entry};
use crate::tui::widgets::frame::Frame;
use crate::tui::widgets::list::Cursor;

/// Look again.
pub const AGAIN: Action = Action("health-again");
/// Show what is good too, or only what is not.
pub const ALL: Action = Action("health-all");

/// The tab's keys.
pub const TABLE: &[Entry] = &[
    entry(AGAIN, Section::Health, &["r"], "look again", "Look at everything again"),
    entry(ALL, Section::Health, &["a"], "all / problems", "Show only what is not as it should be, or all"),
];

/// The figures are read this often.
const EVERY: Duration = Duration::from_secs(2);

/// The folders are measured each so many readings.
const MEASURED: u32 = 15;

/// Readings that are kept for the curves.
const REMEMBERED: usize = 120;

/// What it asks for.
#[derive(Debug, PartialEq)]
pub enum Request {
    /// Everything that the doctor knows; the columns of the screen and whether it has colours.
    Look(usize, bool),
    /// Figures, until they are not wanted any more.
    Watch,
}

/// What it is told.
#[derive(Debug, PartialEq)]
pub enum Answer {
    /// What was found so far, and whether that is all.
    Found(Vec<Finding>, bool),
    /// Figures of now, and of the folders when these were measured.
    Figures(Gauges, Option<Kept>),
}

/// Does what was asked for.
pub fn work(request: Request, desk: &Desk<'_>) {
    let send = |answer| desk.send(AnyAnswer::Health(answer));
    match request {
        Request::Look(columns, colour) => {
            let window = Window { columns, colour };
            let found = health::look(desk.app, &window, &mut |found| send(Answer::Found(found.all().to_vec(), false)));
            send(Answer::Found(found.all().to_vec(), true));
        }
        Request::Watch => {
            for round in 0.. {
                let kept = (round % MEASURED == 0).then(|| health::kept(desk.app));
                send(Answer::Figures(health::gauges(desk.app), kept));
                if desk.stop.wait(EVERY) {
                    return;
                }
            }
        }
    }
}

/// The tab.
#[derive(Default)]
pub struct Health {
    found: Vec<Finding>,
    whole: bool,
    only_bad: bool,
    cursor: Cursor,
    gauges: Gauges,
    kept: Option<Kept>,
    /// Hundredths of a processor that were used between readings.
    cpu: Vec<u64>,
    /// Bytes of memory at each reading.
    memory: Vec<u64>,
}

impl Health {
    fn look(&mut self, world: &World<'_>) -> Effect {
        self.whole = false;
        let request = Request::Look(usize::from(world.area.width), world.theme.has_colour());
        Effect::Work("look".into(), AnyRequest::Health(request))
    }

    /// The findings that are shown.
    fn shown(&self) -> Vec<&Finding> {
        self.found.iter().filter(|f| !self.only_bad || f.level != Level::Good).collect()
    }

    fn chosen(&self) -> Option<&Finding> {
        self.shown().get(self.cursor.at).copied()
    }

    /// Figures above, findings below, and beneath them how to mend the chosen one.
    fn parts(area: Rect) -> [Rect; 3] {
        let top = 6.min(area.height / 3);
        let foot = 5.min(area.height / 4);
        let middle = area.height - top - foot;
        [
            Rect { height: top, ..area },
            Rect { y: area.y + top, height: middle, ..area },
            Rect { y: area.y + top + middle, height: foot, ..area },
        ]
    }

    fn list(area: Rect) -> Rect {
        Frame::inner(Self::parts(area)[1])
    }

    fn act(&mut self, action: Action, world: &World<'_>) -> Vec<Effect> {
        match action {
            AGAIN => return vec![self.look(world)],
            ALL => {
                self.only_bad = !self.only_bad;
                self.cursor = Cursor::default();
            }
            actions::COPY => {
                let text = self.chosen().map(|f| match &f.fix {
                    Some(fix) => format!("{}\n{fix}", f.said),
                    None => f.said.clone(),
                });
                return text.map(Effect::Copy).into_iter().collect();
            }
            other => {
                self.cursor.act(other, self.shown().len(), Self::list(world.area).height);
            }
        }
        Vec::new()
    }

    fn figures(&mut self, gauges: Gauges, kept: Option<Kept>) {
        if let (Some(now), Some(before)) = (gauges.cpu, self.gauges.cpu) {
            let used = now.saturating_sub(before).as_millis() * 100 / EVERY.as_millis();
            self.cpu.push(u64::try_from(used).unwrap_or(0));
        }
        self.memory.extend(gauges.memory);
        for values in [&mut self.cpu, &mut self.memory] {
            let old = values.len().saturating_sub(REMEMBERED);
            values.drain(..old);
        }
        self.gauges = gauges;
        self.kept = kept.or_else(|| self.kept.take());
    }

    fn mouse(&mut self, event: &MouseEvent, world: &World<'_>) {
        let length = self.shown().len();
        self.cursor.mouse(event, Self::list(world.area), length);
    }
}

impl Tab for Health {
    fn id(&self) -> TabId {
        TabId::Health
    }

    fn update(&mut self, happening: Happening, world: &World<'_>) -> Vec<Effect> {
        match happening {
            Happening::Shown => {
                let mut effects = vec![Effect::Work("watch".into(), AnyRequest::Health(Request::Watch))];
                if !self.whole {
                    effects.push(self.look(world));
                }
                return effects;
            }
            Happening::Hidden => return vec![Effect::Stop("watch".into())],
            Happening::Act(action) => return self.act(action, world),
            Happening::Mouse(event) => self.mouse(&event, world),
            Happening::Answered(AnyAnswer::Health(Answer::Found(found, whole))) => {
                (self.found, self.whole) = (found, whole);
                let length = self.shown().len();
                self.cursor.fit(length);
            }
            Happening::Answered(AnyAnswer::Health(Answer::Figures(gauges, kept))) => self.figures(gauges, kept),
            _ => {}
        }
        Vec::new()
    }

    fn draw(&self, buffer: &mut Buffer, world: &World<'_>) -> Option<Position> {
        view::draw(self, buffer, world);
        None
    }

    fn sections(&self) -> Vec<Section> {
        vec![Section::Health, Section::Lists]
    }

    fn lacks(&self) -> &'static [Action] {
        actions::OF_PANES_AND_OPEN
    }

    fn is_bare(&self) -> bool {
        self.shown().is_empty()
    }

    fn hints(&self) -> Vec<Action> {
        vec![AGAIN, ALL, actions::COPY]
    }
}

#[cfg(test)]
mod tests;
