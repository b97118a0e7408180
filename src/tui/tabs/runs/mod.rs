//! The runs tab: what runs and ran at the left, what it wrote at the right.
//!
//! The list holds no outputs: the run under the cursor is read when it is looked at, and of a large output only what is
//! on the screen. Runs that were begun here are watched while they go on, whichever tab is in front.

mod acts;
pub mod item;
mod keys;
mod launch;
mod list;
mod live;
mod pipe;
mod record;
#[cfg(test)]
mod tests;
mod view;
mod work;

use std::collections::BTreeSet;

use crossterm::event::{KeyCode, MouseEvent};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use self::item::Item;
pub use self::keys::TABLE;
use self::keys::{COMMAND, COPY_ALL, FILTER, LEFT, MARK, REMOVE, RERUN, RIGHT, STATUS, STOP, WRAP, ZOOM};
use self::live::Live;
use self::pipe::{Chunk, Token};
use self::record::Record;
pub use self::work::work;
use super::{Answer as AnyAnswer, Request as AnyRequest, Tab, TabId};
use crate::exec::Stop;
use crate::kernel::ids::Id;
use crate::store::{RunRow, Status};
use crate::tui::actions;
use crate::tui::happening::{Effect, Fault, Happening, Launch, Tell, World};
use crate::tui::keymap::{Action, Section};
use crate::tui::permission::Cards;
use crate::tui::theme::Role;
use crate::tui::widgets::frame::Frame;
use crate::tui::widgets::list::{Clicked, Cursor};
use crate::tui::widgets::output::{Found, Output, Page, Want, Whole};
use crate::tui::widgets::split::Split;

/// Runs that are read at once.
const PAGE: usize = 300;
/// Runs below the cursor at which more are read.
const AHEAD: usize = 100;
/// All runs, for whoever wants to see the first one.
const ALL: usize = 200_000;

/// Which runs are listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// A part of `source:command`; empty for all.
    pub part: String,
    /// How they ended.
    pub status: Option<Status>,
}

/// Which part of the list is wanted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct List {
    /// Which runs.
    pub filter: Filter,
    /// The cursor of the page; `None` for the newest.
    pub after: Option<String>,
    /// All down to this run.
    pub until: Option<Id>,
    /// At most this many.
    pub limit: usize,
}

/// A part of the list, newest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listed {
    /// The runs.
    pub items: Vec<Item>,
    /// Where it goes on.
    pub next: Option<String>,
}

/// A command to be run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Start {
    /// Which of the tab's runs it is.
    pub number: u64,
    /// What to run.
    pub launch: Launch,
    /// What fired it.
    pub trigger: String,
}

/// The handle that ends a run.
#[derive(Clone, Debug)]
pub struct Halt(pub Stop);

impl PartialEq for Halt {
    fn eq(&self, _: &Halt) -> bool {
        true
    }
}

/// What it asks for. Where an id stands first, it is the run that is looked at.
#[derive(Debug, PartialEq)]
pub enum Request {
    /// A part of the list.
    List(List),
    /// A run with all it wrote.
    Read(Id),
    /// Lines of a large output.
    Page(Id, Want),
    /// Words in an output.
    Find(Id, String, Whole),
    /// An output as text.
    Copy(Whole),
    /// Erase runs.
    Remove(Vec<Id>),
    /// Run something.
    Start(Box<Start>),
    /// End a run.
    Halt(Halt),
}

/// How a run ended, a row a sentence.
pub type Last = Vec<(Role, String)>;

/// What it is told.
#[derive(Debug, PartialEq)]
pub enum Answer {
    /// A part of the list.
    Listed(List, std::result::Result<Listed, Fault>),
    /// A run.
    Read(Id, std::result::Result<Box<Record>, Fault>),
    /// Lines of a large output.
    Page(Id, Page),
    /// Where words stand.
    Found(Id, Found),
    /// An output as text.
    Copied(String),
    /// So many runs were erased.
    Removed(std::result::Result<usize, Fault>),
    /// One of the tab's runs has begun.
    Began(u64, Box<RunRow>, Halt),
    /// It wrote something.
    Wrote(u64, Vec<Chunk>, Token),
    /// It is over, and this is said below what it wrote; an error where it never began.
    Ended(u64, std::result::Result<Last, Fault>),
}

/// What is at the right.
#[derive(Debug, Default)]
enum Shown {
    #[default]
    Nothing,
    /// One of the tab's own runs.
    Live(u64),
    /// A run from the store.
    Record(Box<Record>),
    /// A run that cannot be read.
    Failed(Id, Fault),
}

/// The tab.
pub struct Runs {
    items: Option<Vec<Item>>,
    next: Option<String>,
    loading: bool,
    failed: Option<Fault>,
    filter: Filter,
    cursor: Cursor,
    marked: BTreeSet<Id>,
    lives: Vec<Live>,
    /// Tools that wait for permission, by the number of their run.
    cards: Cards,
    number: u64,
    shown: Shown,
    /// The run to go to once it is listed.
    sought: Option<Id>,
    /// What waits for its secret arguments.
    unfinished: Option<Start>,
    split: Split,
    /// Whether the output has the keys.
    inside: bool,
    zoomed: bool,
}

impl Default for Runs {
    fn default() -> Self {
        Runs {
            items: None,
            next: None,
            loading: false,
            failed: None,
            filter: Filter::default(),
            cursor: Cursor::default(),
            marked: BTreeSet::new(),
            lives: Vec::new(),
            cards: Cards::default(),
            number: 0,
            shown: Shown::Nothing,
            sought: None,
            unfinished: None,
            split: Split::beside(45),
            inside: false,
            zoomed: false,
        }
    }
}

fn ask(lane: &str, request: Request) -> Effect {
    Effect::Work(lane.into(), AnyRequest::Runs(request))
}

impl Runs {
    fn all(&self) -> &[Item] {
        self.items.as_deref().unwrap_or_default()
    }

    fn chosen(&self) -> Option<&Item> {
        self.all().get(self.cursor.at)
    }

    /// The place of a run in the list, where the newest stand first.
    fn place(&self, id: Id) -> std::result::Result<usize, usize> {
        self.all().binary_search_by(|item| id.cmp(&item.id))
    }

    /// The insides of the two panes.
    fn panes(&self, area: Rect) -> [Rect; 2] {
        if self.zoomed {
            return [Rect { width: 0, ..area }, area];
        }
        self.split.panes(area)
    }

    fn inner(&self, area: Rect) -> [Rect; 2] {
        self.panes(area).map(Frame::inner)
    }

    /// The output that is looked at, and whose it is.
    fn output(&self) -> Option<(Id, &Output)> {
        match &self.shown {
            Shown::Live(number) => {
                let live = self.lives.iter().find(|live| live.number == *number)?;
                Some((live.row.as_ref()?.id, &live.output))
            }
            Shown::Record(record) => Some((record.row.id, &record.output)),
            Shown::Nothing | Shown::Failed(..) => None,
        }
    }

    fn output_mut(&mut self) -> Option<(Id, &mut Output)> {
        match &mut self.shown {
            Shown::Live(number) => {
                let live = self.lives.iter_mut().find(|live| live.number == *number)?;
                Some((live.row.as_ref()?.id, &mut live.output))
            }
            Shown::Record(record) => Some((record.row.id, &mut record.output)),
            Shown::Nothing | Shown::Failed(..) => None,
        }
    }

    fn shown_id(&self) -> Option<Id> {
        match &self.shown {
            Shown::Failed(id, _) => Some(*id),
            _ => self.output().map(|(id, _)| id),
        }
    }

    /// After anything: the run under the cursor is shown, what its output lacks is read, and more of the list.
    fn settle(&mut self, mut effects: Vec<Effect>, before: Option<Id>, world: &World<'_>) -> Vec<Effect> {
        let chosen = self.chosen().map(|item| item.id);
        if chosen != self.shown_id() && (chosen != before || self.shown_id().is_none()) && self.sought.is_none() {
            effects.extend(self.show(chosen));
        }
        let [_, detail] = self.inner(world.area);
        if let Some((id, output)) = self.output_mut()
            && let Some(want) = output.want(detail)
        {
            effects.push(ask("page", Request::Page(id, want)));
        }
        if self.cursor.at + AHEAD >= self.all().len() {
            effects.extend(self.read_more(PAGE));
        }
        effects
    }

    fn show(&mut self, id: Option<Id>) -> Vec<Effect> {
        let Some(id) = id else {
            self.shown = Shown::Nothing;
            return Vec::new();
        };
        match self.whole(id) {
            Some(live) => {
                self.shown = live;
                Vec::new()
            }
            None => vec![ask("read", Request::Read(id))],
        }
    }

    fn answered(&mut self, answer: Answer, world: &World<'_>) -> Vec<Effect> {
        let [_, detail] = self.inner(world.area);
        match answer {
            // What was asked with another filter is of no use any more.
            Answer::Listed(list, _) if list.filter != self.filter => {}
            Answer::Listed(list, Ok(listed)) => {
                self.failed = None;
                self.take_list(list, listed);
            }
            Answer::Listed(_, Err(fault)) => (self.failed, self.loading) = (Some(fault), false),
            Answer::Read(id, Ok(mut record)) => {
                if let Some((_, old)) = self.output().filter(|(old, _)| *old == id) {
                    record.output.stand_as(old);
                }
                // What was asked for before it was known to be one of ours comes late.
                self.shown = self.whole(id).unwrap_or(Shown::Record(record));
            }
            Answer::Read(id, Err(fault)) => self.shown = Shown::Failed(id, fault),
            Answer::Page(id, page) => {
                if let Some((_, output)) = self.output_mut().filter(|(shown, _)| *shown == id) {
                    output.take(page);
                }
            }
            Answer::Found(id, found) => {
                if let Some((_, output)) = self.output_mut().filter(|(shown, _)| *shown == id) {
                    output.show_found(found, detail);
                }
            }
            Answer::Copied(text) => return vec![Effect::Copy(text)],
            Answer::Removed(Ok(1)) => return vec![Effect::Note("removed the run".to_string())],
            Answer::Removed(Ok(count)) => return vec![Effect::Note(format!("removed {count} runs"))],
            Answer::Removed(Err(fault)) => return vec![Effect::Fail(fault)],
            Answer::Began(number, row, halt) => self.began(number, *row, halt, world),
            Answer::Wrote(number, chunks, _token) => return self.wrote(number, chunks, world),
            Answer::Ended(number, result) => return self.ended(number, result),
        }
        Vec::new()
    }

    fn mouse(&mut self, event: &MouseEvent, world: &World<'_>) -> Vec<Effect> {
        if !self.zoomed && self.split.mouse(event, world.area) {
            return Vec::new();
        }
        let [list, detail] = self.inner(world.area);
        let length = self.all().len();
        match self.cursor.mouse(event, list, length) {
            Clicked::No => {}
            Clicked::Moved => self.inside = false,
            Clicked::Again => self.inside = true,
        }
        let copied = self.output_mut().and_then(|(_, output)| output.mouse(event, detail));
        copied.map(Effect::Copy).into_iter().collect()
    }
}

impl Tab for Runs {
    fn id(&self) -> TabId {
        TabId::Runs
    }

    fn update(&mut self, happening: Happening, world: &World<'_>) -> Vec<Effect> {
        let before = self.chosen().map(|item| item.id);
        let effects = match happening {
            Happening::Shown => vec![self.read_list()],
            Happening::News(facts) => self.news(&facts),
            Happening::Act(action) => self.act(action, world),
            // One step back: out of the output, then to all runs.
            Happening::Key(key) if key.code == KeyCode::Esc => {
                if !self.inside && !self.zoomed && self.filter != Filter::default() {
                    return self.set_filter(Filter::default());
                }
                (self.inside, self.zoomed) = (self.inside && self.zoomed, false);
                Vec::new()
            }
            Happening::Mouse(event) => self.mouse(&event, world),
            Happening::Answered(AnyAnswer::Runs(answer)) => self.answered(answer, world),
            Happening::Closed(name, reply) => match self.permitted(name, &reply, world) {
                Some(effects) => effects,
                None => self.closed(name, reply),
            },
            Happening::Told(Tell::Launch(launch)) => self.launch(launch, "manual".to_string()),
            Happening::Told(Tell::Run(id)) => id.parse().map_or_else(|_| Vec::new(), |id| self.seek(id)),
            _ => Vec::new(),
        };
        self.settle(effects, before, world)
    }

    fn draw(&self, buffer: &mut Buffer, world: &World<'_>) -> Option<Position> {
        self.view(buffer, world);
        None
    }

    fn sections(&self) -> Vec<Section> {
        vec![Section::Runs, Section::Lists]
    }

    fn is_bare(&self) -> bool {
        self.items.as_ref().is_none_or(Vec::is_empty) && self.lives.is_empty()
    }

    fn hints(&self) -> Vec<Action> {
        let running = self.chosen_live().is_some_and(|live| self.goes_on(live));
        let mut hints = if running { vec![STOP] } else { vec![RERUN] };
        hints.extend([actions::FIND, FILTER, STATUS, COMMAND, ZOOM, WRAP, REMOVE]);
        hints
    }

    fn is_moving(&self) -> bool {
        self.lives.iter().any(|live| self.goes_on(live))
    }

    fn holds(&self) -> Option<String> {
        let going = self.lives.iter().filter(|live| self.goes_on(live));
        let going: Vec<&str> = going.map(|live| live.command.as_str()).collect();
        (!going.is_empty()).then(|| format!("would be stopped: {}", going.join(", ")))
    }

    fn badge(&self) -> Option<char> {
        match self.cards.is_empty() {
            false => Some('?'),
            true => self.is_moving().then_some('▶'),
        }
    }
}
