//! The chat tab: chats at the side, the conversation, and where a message is written.
//!
//! [`sessions`] is the list, [`thread`] the conversation with the rows of [`messages`] and [`live`], [`composer`] what is
//! written. [`input`] and [`acts`] do what keys say, [`going`] changes the chat, [`asking`] asks, [`hears`] takes in what
//! jobs answer, [`pictures`] are made ready, [`view`] draws. [`asks`] is what other threads are asked for; [`turn`] and [`reads`] work on them.

mod acts;
mod asking;
mod asks;
mod composer;
mod going;
mod hears;
mod input;
mod keys;
mod live;
mod menus;
mod messages;
mod offering;
mod pictures;
mod reads;
mod rescue;
mod sessions;
mod slash;
mod thread;
mod turn;
mod view;

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use crossterm::event::KeyEvent;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

pub use self::asks::{Answer, Found, Knows, Request, work};
use self::asks::{ask, post};
use self::composer::{Attached, Composer, Editing};
pub use self::keys::TABLE;
use self::live::Live;
use self::messages::Look;
use self::sessions::Side;
use self::thread::Thread;
use super::{Answer as AnyAnswer, Tab, TabId};
use crate::kernel::clock::Timestamp;
use crate::kernel::ids::Id;
use crate::providers::model::Tuning;
use crate::tui::actions;
use crate::tui::happening::{Effect, Fault, Happening, World};
use crate::tui::keymap::{Action, Section};
use crate::tui::permission::Cards;
use crate::tui::popups::Choice;
use crate::tui::widgets::field::Field;
use crate::tui::widgets::frame::Frame;
use crate::tui::widgets::split::Split;

/// Which part has the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pane {
    Side,
    Thread,
    Compose,
}

/// The lane of what is read aloud.
const ALOUD: &str = "aloud";

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

/// What a chat is to be like from here on.
#[derive(Clone, Debug, Default, PartialEq)]
struct Wishes {
    model: Option<String>,
    system: Option<String>,
    tuning: Tuning,
    tools: Vec<String>,
    /// The name of a chat that begins.
    name: Option<String>,
    /// Whether a chat that begins is forgotten when it ends.
    temporary: bool,
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
    /// Tools that wait for permission, by the lane of their turn.
    cards: Cards,
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
    /// The message that is to be blacked out, and the words of it.
    black: Option<(Id, Option<String>)>,
    /// The file that is written over if the person says so.
    over: String,
    /// What is offered behind `/`.
    menu: Option<offering::Menu>,
    /// Whether answers are shown as they were written.
    raw: bool,
    /// Whether answers are read aloud, where the person said so.
    aloud: Option<bool>,
    /// Whether something is being read aloud.
    speaking: bool,
    /// Columns of the screen.
    room: u16,
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
            cards: Cards::default(),
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
            black: None,
            over: String::new(),
            menu: None,
            raw: false,
            aloud: None,
            speaking: false,
            room: 80,
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
        Look { width, theme: world.theme, keys: world.keys, zone: world.zone, now: world.now, raw: self.raw }
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

    /// Work that nobody asked for by a key: older messages, further chats, drafts.
    fn wanted(&mut self, world: &World<'_>) -> Vec<Effect> {
        let mut out: Vec<Effect> = self.picture_wanted(world).into_iter().collect();
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

impl Tab for Chat {
    fn id(&self) -> TabId {
        TabId::Chat
    }

    fn update(&mut self, happening: Happening, world: &World<'_>) -> Vec<Effect> {
        (self.now, self.room) = (world.now, world.area.width);
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
                self.offer()
            }
            Happening::Leaving => self.leaving(),
            Happening::News(events) => self.heard(&events),
            Happening::Resized => {
                // What a terminal that was lent or cleared had of them is gone.
                self.thread.pictures.forget();
                self.thread.forget_all();
                Vec::new()
            }
            Happening::Moment => self.moment(),
            Happening::Told(tell) => self.told(tell),
            _ => Vec::new(),
        };
        self.prepare(world);
        effects.extend(self.wanted(world));
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
        let composing = self.pane == Pane::Compose && self.finding.is_none() && !self.side.typing;
        composing && (self.menu_wants(key) || self.composer.wants(key))
    }

    fn is_bare(&self) -> bool {
        self.thread.chosen().is_none() && self.turns.is_empty()
    }

    fn hints(&self) -> Vec<Action> {
        use keys as k;
        if self.finding.is_some() || self.side.typing {
            return vec![actions::ACCEPT, actions::BACK];
        }
        let stop = (self.turning().is_some() || self.speaking).then_some(k::STOP);
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
        match (self.cards.is_empty(), self.turns.is_empty(), self.side.unread.is_empty()) {
            (false, _, _) => Some('?'),
            (_, false, _) => Some('…'),
            (_, _, false) => Some('•'),
            _ => None,
        }
    }
}
