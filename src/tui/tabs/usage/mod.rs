//! What models took: tokens, money and time, by day and by whom.

mod view;
mod work;

use crossterm::event::MouseEvent;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

pub use work::{Answer, Group, Request, Sums, work};

use super::{Answer as AnyAnswer, Request as AnyRequest, Tab, TabId};
use crate::kernel::events::{CALL_BEGUN, CALL_ENDED};
use crate::tui::actions;
use crate::tui::happening::{Effect, Fault, Happening, Tell, World};
use crate::tui::keymap::{Action, Entry, Section, entry};
use crate::tui::widgets::frame::Frame;
use crate::tui::widgets::list::{Clicked, Cursor};

/// Other sums: by model, chat, command.
pub const GROUP: Action = Action("usage-group");
/// Another measure for the chart.
pub const MEASURE: Action = Action("usage-measure");
/// Another stretch of time.
pub const STRETCH: Action = Action("usage-days");

/// The tab's keys.
pub const TABLE: &[Entry] = &[
    entry(MEASURE, Section::Usage, &["m"], "measure", "Draw cost, tokens, requests or waiting"),
    entry(STRETCH, Section::Usage, &["d"], "days", "Look at 7, 30, 90 days or at all"),
    entry(GROUP, Section::Usage, &["b"], "by", "Sum by model, chat or command"),
];

/// What the chart shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Measure {
    /// Money.
    #[default]
    Cost,
    /// Tokens in and out.
    Tokens,
    /// Requests.
    Calls,
    /// Milliseconds to the first token, the median.
    Waiting,
}

impl Measure {
    fn next(self) -> Measure {
        match self {
            Measure::Cost => Measure::Tokens,
            Measure::Tokens => Measure::Calls,
            Measure::Calls => Measure::Waiting,
            Measure::Waiting => Measure::Cost,
        }
    }
}

/// The stretches of time, days; 0 is since ever.
const STRETCHES: [u32; 4] = [30, 90, 0, 7];

/// The tab.
#[derive(Default)]
pub struct Usage {
    sums: Option<Box<Sums>>,
    failed: Option<Fault>,
    measure: Measure,
    group: Group,
    stretch: usize,
    cursor: Cursor,
}

impl Usage {
    fn ask(&self) -> Vec<Effect> {
        let request = Request { days: STRETCHES[self.stretch], group: self.group };
        vec![Effect::Work("sums".into(), AnyRequest::Usage(request))]
    }

    fn length(&self) -> usize {
        self.sums.as_ref().map_or(0, |sums| sums.rows.len())
    }

    fn act(&mut self, action: Action, world: &World<'_>) -> Vec<Effect> {
        match action {
            MEASURE => self.measure = self.measure.next(),
            STRETCH => {
                self.stretch = (self.stretch + 1) % STRETCHES.len();
                return self.ask();
            }
            GROUP => {
                self.group = self.group.next();
                self.cursor = Cursor::default();
                return self.ask();
            }
            actions::OPEN => return self.open(),
            actions::COPY => return self.chosen().map(|row| Effect::Copy(row.name.clone())).into_iter().collect(),
            other => {
                self.cursor.act(other, self.length(), Self::rows_area(world.area).height);
            }
        }
        Vec::new()
    }

    fn chosen(&self) -> Option<&work::Line> {
        self.sums.as_ref().and_then(|sums| sums.rows.get(self.cursor.at))
    }

    fn open(&self) -> Vec<Effect> {
        match (self.group, self.chosen()) {
            (Group::Session, Some(row)) if !row.key.is_empty() => {
                vec![Effect::Tell(TabId::Chat, Tell::Session(row.key.clone(), None))]
            }
            (Group::Command, Some(row)) if !row.key.is_empty() => {
                vec![Effect::Tell(TabId::Commands, Tell::Command(row.key.clone()))]
            }
            (Group::Session | Group::Command, _) => Vec::new(),
            _ => vec![Effect::Note("chats and commands can be opened: sum by them".to_string())],
        }
    }

    /// The three parts of the tab: figures, chart, table.
    fn parts(area: Rect) -> [Rect; 3] {
        let top = 4.min(area.height);
        let chart = (area.height.saturating_sub(top)) / 2;
        [
            Rect { height: top, ..area },
            Rect { y: area.y + top, height: chart, ..area },
            Rect { y: area.y + top + chart, height: area.height - top - chart, ..area },
        ]
    }

    fn rows_area(area: Rect) -> Rect {
        let inner = Frame::inner(Self::parts(area)[2]);
        // The first line says what the columns are.
        Rect { y: inner.y + 1, height: inner.height.saturating_sub(1), ..inner }
    }

    fn mouse(&mut self, event: &MouseEvent, world: &World<'_>) -> Vec<Effect> {
        let length = self.length();
        match self.cursor.mouse(event, Self::rows_area(world.area), length) {
            Clicked::Again => self.open(),
            Clicked::Moved | Clicked::No => Vec::new(),
        }
    }
}

impl Tab for Usage {
    fn id(&self) -> TabId {
        TabId::Usage
    }

    fn update(&mut self, happening: Happening, world: &World<'_>) -> Vec<Effect> {
        match happening {
            Happening::Shown => self.ask(),
            Happening::News(events) if events.iter().any(|e| e.kind == CALL_ENDED || e.kind == CALL_BEGUN) => {
                self.ask()
            }
            Happening::Act(action) => self.act(action, world),
            Happening::Mouse(event) => self.mouse(&event, world),
            Happening::Answered(AnyAnswer::Usage(Answer(found))) => {
                match found {
                    Ok(sums) => {
                        self.cursor.fit(sums.rows.len());
                        (self.sums, self.failed) = (Some(sums), None);
                    }
                    Err(fault) => self.failed = Some(fault),
                }
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    fn draw(&self, buffer: &mut Buffer, world: &World<'_>) -> Option<Position> {
        view::draw(self, buffer, world);
        None
    }

    fn sections(&self) -> Vec<Section> {
        vec![Section::Usage, Section::Lists]
    }

    fn lacks(&self) -> &'static [Action] {
        actions::OF_PANES
    }

    fn is_bare(&self) -> bool {
        self.length() == 0
    }

    fn hints(&self) -> Vec<Action> {
        let mut hints = vec![MEASURE, STRETCH, GROUP];
        hints.extend(matches!(self.group, Group::Session | Group::Command).then_some(actions::OPEN));
        hints
    }
}

#[cfg(test)]
mod tests;
