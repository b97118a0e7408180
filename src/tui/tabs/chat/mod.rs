//! The chat tab: chats at the side, the conversation, and where a message is written.
//!
//! [`sessions`] is the list, [`thread`] the conversation with the rows of [`messages`] and [`live`], [`composer`] what is
//! written. [`acts`] does what keys say, [`hears`] takes in what jobs answer, [`view`] draws. [`turn`] and [`reads`] work
//! on other threads.

mod acts;
mod composer;
mod hears;
mod keys;
mod live;
mod menus;
mod messages;
mod reads;
mod sessions;
mod slash;
mod thread;
mod tools;
mod turn;
mod view;

#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;

use crossterm::event::{KeyCode, KeyEvent, MouseButton, MouseEvent, MouseEventKind};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use self::composer::{Attached, Composer, Editing};
pub use self::keys::TABLE;
use self::live::Live;
use self::messages::{Entry, Look};
use self::sessions::Side;
use self::thread::{Loaded, Thread};
use self::turn::{Ask, Step};
use super::{Answer as AnyAnswer, Request as AnyRequest, Tab, TabId};
use crate::chat::policy::{Question, Verdict};
use crate::kernel::clock::Timestamp;
use crate::kernel::ids::Id;
use crate::providers::model::Tuning;
use crate::store::{Session, SessionEdit, SessionFilter};
use crate::tui::actions;
use crate::tui::happening::{Effect, Fault, Happening, ReplyTo, World};
use crate::tui::jobs::Desk;
use crate::tui::keymap::{Action, Section};
use crate::tui::popups::Choice;
use crate::tui::widgets::field::Field;
use crate::tui::widgets::list::{Clicked, WHEEL};
use crate::tui::widgets::split::Split;

/// What it asks for.
#[derive(Debug, PartialEq)]
pub enum Request {
    /// A page of chats.
    List {
        /// Which ones.
        filter: SessionFilter,
        /// Where the page before ended.
        after: Option<String>,
        /// How many.
        limit: usize,
    },
    /// The end of a conversation.
    Thread {
        /// The chat.
        session: Id,
        /// The message at the end; `None` for where the chat goes on.
        leaf: Option<Id>,
        /// How many messages.
        most: usize,
        /// A message that must be among them.
        to: Option<Id>,
    },
    /// Messages up to one.
    Older {
        /// The chat.
        session: Id,
        /// The last of them.
        leaf: Id,
        /// How many.
        most: usize,
    },
    /// Go on below another version of a message.
    Switch {
        /// The chat.
        session: Id,
        /// The version.
        version: Id,
        /// How many messages to read.
        most: usize,
    },
    /// Where words are said on the way to a message.
    Find {
        /// The message.
        leaf: Id,
        /// The words.
        words: String,
    },
    /// All branches of a chat.
    Tree(Id),
    /// Change a chat.
    Edit(Id, Vec<SessionEdit>),
    /// Have the model find a title for what was said up to a message.
    Title(Id, Id),
    /// Erase a chat.
    Remove(Id),
    /// Who can be asked.
    Knows,
    /// All models with what they cost; `open`: to choose one now.
    Models {
        /// Whether the list is to be opened.
        open: bool,
    },
    /// What can be offered as a tool.
    Tools,
    /// A file that goes along.
    File {
        /// As it was typed.
        path: String,
        /// The text that it stands in where it is no file.
        pasted: Option<String>,
    },
    /// What a chat took.
    Usage(Id),
    /// Keep what is being written.
    SaveDraft {
        /// The chat; `None` for one that has not begun.
        of: Option<Id>,
        /// The text.
        text: String,
        /// Files that go along.
        files: Vec<Attached>,
    },
    /// What was being written.
    Draft(Option<Id>),
    /// Ask.
    Turn(Box<Ask>),
}

/// A page of chats.
#[derive(Debug, Default, PartialEq)]
pub struct Found {
    /// The chats.
    pub sessions: Vec<Session>,
    /// Where the next page begins.
    pub next: Option<String>,
}

/// What the tab knows of the world.
#[derive(Debug, Default, PartialEq)]
pub struct Knows {
    /// Models that are remembered.
    pub models: Vec<Choice>,
    /// The model that is asked when none is named.
    pub default: Option<String>,
    /// What to do when nobody can be asked.
    pub nobody: Option<Fault>,
    /// The person's home.
    pub home: Option<PathBuf>,
    /// What went wrong.
    pub fault: Option<Fault>,
}

type Outcome<T> = std::result::Result<T, Fault>;

/// What it is told.
#[derive(Debug, PartialEq)]
pub enum Answer {
    /// Chats; whether they are a further page.
    List(Outcome<Found>, bool),
    /// A conversation.
    Thread(Id, Outcome<Box<Loaded>>),
    /// Older messages of it, and what the first of them follows.
    Older(Id, Outcome<(Vec<Entry>, Option<Id>)>),
    /// The messages in which the words are said.
    Hits(String, Outcome<Vec<Id>>),
    /// All branches, and the place of the current one.
    Tree(Outcome<(Vec<Choice>, usize)>),
    /// A chat was changed.
    Edited(Id, Outcome<()>),
    /// A chat is gone.
    Removed(Id, Outcome<()>),
    /// What is known.
    Knows(Box<Knows>),
    /// The models; whether one is chosen now.
    Models(Outcome<Vec<Choice>>, bool),
    /// The tools.
    Tools(Outcome<Vec<Choice>>),
    /// A file, or the text that was none.
    File(Outcome<Attached>, Option<String>),
    /// What a chat took.
    Usage(Outcome<String>),
    /// What was being written.
    Draft {
        /// The chat.
        of: Option<Id>,
        /// The text.
        text: String,
        /// Files.
        files: Vec<Attached>,
    },
    /// Something happened in a turn.
    Turn(String, Box<Step>),
    /// Something failed that nobody waits for.
    Failed(Fault),
}

/// Does what was asked for.
pub fn work(request: Request, desk: &Desk<'_>) {
    reads::work(request, desk);
}

fn post(desk: &Desk<'_>, answer: Answer) {
    desk.send(AnyAnswer::Chat(answer));
}

/// Something to be done in a lane.
fn ask(lane: impl Into<String>, request: Request) -> Effect {
    Effect::Work(crate::tui::happening::Lane(lane.into()), AnyRequest::Chat(request))
}

/// Which part has the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pane {
    Side,
    Thread,
    Compose,
}

/// The chat that is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Here {
    /// One that has not begun; the number tells several of them apart.
    New(u64),
    /// One in the store.
    Session(Id),
}

impl Here {
    fn id(self) -> Option<Id> {
        match self {
            Here::New(_) => None,
            Here::Session(id) => Some(id),
        }
    }
}

/// A turn under way.
struct Turning {
    lane: String,
    here: Here,
    /// What is being asked, until it is on the disk.
    asked: String,
    /// What goes back to the composer when nothing could be asked.
    back: (String, Vec<Attached>),
    editing: Option<Editing>,
    /// Whether the chat begins with it.
    fresh: bool,
    live: Live,
    since: Timestamp,
    model: String,
    /// When it was told to stop.
    stopped: Option<Timestamp>,
}

/// A tool that waits for permission.
struct Asking {
    lane: String,
    question: Question,
    reply: ReplyTo<Verdict>,
}

/// What a chat is to be like from here on.
#[derive(Clone, Debug, Default, PartialEq)]
struct Wishes {
    model: Option<String>,
    system: Option<String>,
    tuning: Tuning,
    tools: Vec<String>,
}

/// What a list of models is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Picking {
    /// The chat.
    Chat,
    /// One more answer.
    Again,
}

/// The tab.
pub struct Chat {
    pane: Pane,
    split: Split,
    side: Side,
    here: Here,
    news: u64,
    thread: Thread,
    failed: Option<Fault>,
    composer: Composer,
    drafts: HashMap<Option<Id>, (String, Vec<Attached>)>,
    past: Vec<String>,
    turns: Vec<Turning>,
    lanes: u64,
    asking: VecDeque<Asking>,
    /// Whether a card is open.
    card: bool,
    knows: Option<Knows>,
    models: Option<Vec<Choice>>,
    picking: Picking,
    offered: Vec<Choice>,
    wishes: HashMap<Option<Id>, Wishes>,
    finding: Option<Field>,
    begun: bool,
    /// The rows of the thread are marked with the mouse.
    dragging: bool,
    /// Links or blocks of code that are chosen from.
    picks: Vec<String>,
    /// A message that is shown once its chat is.
    to: Option<Id>,
    moments: u64,
    now: Timestamp,
    /// The chat that a menu is about.
    about: Option<Id>,
}

impl Default for Chat {
    fn default() -> Chat {
        Chat {
            pane: Pane::Compose,
            split: Split::beside(27),
            side: Side::default(),
            here: Here::New(0),
            news: 0,
            thread: Thread::empty(),
            failed: None,
            composer: Composer::default(),
            drafts: HashMap::new(),
            past: Vec::new(),
            turns: Vec::new(),
            lanes: 0,
            asking: VecDeque::new(),
            card: false,
            knows: None,
            models: None,
            picking: Picking::Chat,
            offered: Vec::new(),
            wishes: HashMap::new(),
            finding: None,
            begun: false,
            dragging: false,
            picks: Vec::new(),
            to: None,
            moments: 0,
            now: Timestamp::from_micros(0),
            about: None,
        }
    }
}

/// Where everything stands.
struct Panes {
    side: Rect,
    thread: Rect,
    compose: Rect,
}

/// The answer that comes in the chat that is shown.
fn live_of(turns: &[Turning], here: Here) -> Option<&Live> {
    turns.iter().find(|turn| turn.here == here).map(|turn| &turn.live)
}

impl Chat {
    fn panes(&self, area: Rect) -> Panes {
        let narrow = area.width < 70;
        let [side, right] = match (narrow, self.pane) {
            (true, Pane::Side) => Split::beside(45).panes(area),
            (true, _) => [Rect { width: 0, ..area }, area],
            (false, _) => self.split.panes(area),
        };
        let columns = Frame::inner(right).width;
        let extra = u16::from(!self.composer.files.is_empty());
        let most = (right.height / 3).max(3);
        let height = (self.composer.rows(columns) + 2 + extra).min(most).max(3);
        let thread = Rect { height: right.height.saturating_sub(height), ..right };
        let compose = Rect { y: thread.bottom(), height: right.height - thread.height, ..right };
        Panes { side, thread, compose }
    }

    /// Where the rows of the conversation stand, without their margin.
    fn text_area(&self, area: Rect) -> Rect {
        let inner = Frame::inner(self.panes(area).thread);
        let line = u16::from(self.finding.is_some());
        Rect {
            x: inner.x + 2.min(inner.width),
            width: inner.width.saturating_sub(2),
            height: inner.height.saturating_sub(line),
            ..inner
        }
    }

    fn look<'w>(&self, world: &World<'w>) -> Look<'w> {
        let width = self.text_area(world.area).width;
        Look { width, theme: world.theme, keys: world.keys, zone: world.zone, now: world.now }
    }

    fn wish(&self) -> Wishes {
        self.wishes.get(&self.here.id()).cloned().unwrap_or_default()
    }

    fn wish_mut(&mut self) -> &mut Wishes {
        self.wishes.entry(self.here.id()).or_default()
    }

    /// The turn in the chat that is shown.
    fn turning(&self) -> Option<&Turning> {
        self.turns.iter().find(|turn| turn.here == self.here)
    }

    /// Makes what is drawn.
    fn prepare(&mut self, world: &World<'_>) {
        let look = self.look(world);
        let height = self.text_area(world.area).height;
        self.draw_live(world, &look);
        let tail = self.tail(&look);
        self.thread.set_tail(tail);
        let live = live_of(&self.turns, self.here);
        self.thread.prepare(live, height, &look);
    }

    fn mouse(&mut self, event: &MouseEvent, world: &World<'_>) -> Vec<Effect> {
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

    fn key(&mut self, key: &KeyEvent, world: &World<'_>) -> Vec<Effect> {
        if let Some(field) = &mut self.finding {
            if field.key(key) {
                return self.find(world);
            }
            return Vec::new();
        }
        if self.side.typing {
            return if self.side.filter.key(key) { self.list() } else { Vec::new() };
        }
        match (key.code, self.pane) {
            (KeyCode::Esc, _) => self.escape(),
            (_, Pane::Compose) => {
                let recalls = matches!(key.code, KeyCode::Up | KeyCode::Down);
                let past = if recalls { self.past() } else { Vec::new() };
                self.composer.key(key, &past);
                Vec::new()
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

    /// Work that nobody asked for by a key: older messages, further chats, drafts.
    fn wanted(&mut self) -> Vec<Effect> {
        let mut out = Vec::new();
        if let (true, Some(leaf), Some(session)) = (self.thread.wants_older(), self.thread.older, self.here.id()) {
            self.thread.reading = true;
            out.push(ask("older", Request::Older { session, leaf, most: reads::PAGE }));
        }
        if self.side.wants_more() {
            self.side.reading = true;
            let (filter, after) = (self.filter(), self.side.next.clone());
            out.push(ask("more", Request::List { filter, after, limit: sessions::PAGE }));
        }
        out
    }
}

use crate::tui::widgets::frame::Frame;

impl Tab for Chat {
    fn id(&self) -> TabId {
        TabId::Chat
    }

    fn update(&mut self, happening: Happening, world: &World<'_>) -> Vec<Effect> {
        self.now = world.now;
        let mut effects = match happening {
            Happening::Shown => self.shown(),
            Happening::Act(action) => self.act(action, world),
            Happening::Key(key) => self.key(&key, world),
            Happening::Pasted(text) => self.pasted(&text, world),
            Happening::Mouse(event) => self.mouse(&event, world),
            Happening::Answered(AnyAnswer::Chat(answer)) => self.answered(answer, world),
            Happening::Closed(name, reply) => self.closed(name, reply, world),
            Happening::Edited(_, Some(text)) => {
                self.composer.set(&text);
                Vec::new()
            }
            Happening::News(events) => self.heard(&events),
            Happening::Resized => {
                self.thread.forget_all();
                Vec::new()
            }
            Happening::Moment => self.moment(),
            Happening::Told(tell) => self.told(tell),
            _ => Vec::new(),
        };
        self.prepare(world);
        effects.extend(self.wanted());
        effects
    }

    fn draw(&self, buffer: &mut Buffer, world: &World<'_>) -> Option<Position> {
        self.view(buffer, world)
    }

    fn sections(&self) -> Vec<Section> {
        if self.finding.is_some() || self.side.typing {
            return vec![Section::Typing];
        }
        match self.pane {
            Pane::Side => vec![Section::Sessions, Section::Chat, Section::Lists],
            Pane::Thread => vec![Section::Thread, Section::Chat, Section::Lists],
            Pane::Compose => vec![Section::Compose, Section::Chat],
        }
    }

    fn more_sections(&self) -> Vec<Section> {
        match self.pane {
            Pane::Side => vec![Section::Thread],
            Pane::Thread => vec![Section::Sessions],
            Pane::Compose => vec![Section::Thread, Section::Sessions],
        }
    }

    fn is_typing(&self) -> bool {
        self.pane == Pane::Compose || self.finding.is_some() || self.side.typing
    }

    fn wants(&self, key: &KeyEvent) -> bool {
        self.pane == Pane::Compose && self.finding.is_none() && !self.side.typing && self.composer.wants(key)
    }

    fn hints(&self) -> Vec<Action> {
        use keys as k;
        if self.finding.is_some() || self.side.typing {
            return vec![actions::ACCEPT, actions::BACK];
        }
        let stop = self.turning().map(|_| k::STOP);
        let own: &[Action] = match self.pane {
            Pane::Compose => &[k::SEND, k::NEWLINE, k::MODEL, k::NEW, k::ATTACH, k::TOOLS, k::EDITOR],
            Pane::Thread if self.thread.is_unfinished() => {
                &[k::CONTINUE, k::RETRY, actions::COPY, k::EDIT, k::COPY_CODE, actions::FIND, k::TREE, k::WRITE]
            }
            Pane::Thread => &[actions::COPY, k::EDIT, k::RETRY, k::COPY_CODE, actions::FIND, k::TREE, k::WRITE],
            Pane::Side => &[actions::OPEN, k::NEW, k::RENAME, k::PIN, k::TAG, k::ARCHIVE, k::DELETE, actions::FIND],
        };
        stop.into_iter().chain(own.iter().copied()).collect()
    }

    fn is_moving(&self) -> bool {
        !self.turns.is_empty() || self.composer.dirty || self.is_pending()
    }

    fn badge(&self) -> Option<char> {
        match (self.asking.is_empty(), self.turns.is_empty(), self.side.unread.is_empty()) {
            (false, _, _) => Some('?'),
            (_, false, _) => Some('…'),
            (_, _, false) => Some('•'),
            _ => None,
        }
    }
}
