//! The shell around the tabs: which one is in front, pop-ups, keys, notes.
//!
//! It decides where an event goes and does what concerns the screen itself; everything else leaves it as an effect with
//! the tab that asked.

mod menus;
mod view;

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, MouseButton, MouseEvent, MouseEventKind};
use jiff::tz::TimeZone;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::actions;
use super::extras::Extras;
use super::happening::{Effect, Fault, Happening, Talk, Tell, World};
use super::keymap::{Action, Chord, Keymap, Section};
use super::permission::CARD as PERMISSION;
use super::pictures::Way;
use super::popups::{Outcome, Popup, Reply};
use super::tabs::{Answer, Tab, TabId};
use super::theme::{Role, Theme};
use crate::kernel::clock::{Clock, Timestamp};
use crate::kernel::events::Recorded;
use crate::kernel::terminal::safe;

/// The smallest screen, columns and rows.
pub const SMALLEST: (u16, u16) = (60, 15);

/// How long a note stands, in moments of 100 ms.
const NOTED: u64 = 50;

/// A key that is down for so long was held and not tapped, µs.
const HELD: i64 = 400_000;

/// How long it stands whatever is pressed.
const READ: u64 = 10;

/// Who opened a pop-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    Tab(TabId),
    Shell,
}

struct Open {
    owner: Owner,
    name: &'static str,
    popup: Popup,
    guard: Guard,
}

/// What keeps keys that were typed for something else from answering a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Guard {
    /// The person asked for it with the key before.
    Down,
    /// It came by itself and was not seen yet.
    Unseen,
    /// It was seen, or a key came too soon, at this time.
    Since(Timestamp),
}

/// A sentence for a moment.
struct Note {
    text: String,
    role: Role,
    until: u64,
}

/// Something that came in.
#[derive(Debug)]
pub enum Incoming {
    /// From the terminal.
    Terminal(Event),
    /// From a job.
    Answered(TabId, std::result::Result<Answer, Fault>),
    /// From the log.
    News(Vec<Recorded>),
    /// A text was edited in another program.
    Edited(TabId, &'static str, Option<String>),
    /// Another program had the terminal.
    Returned(TabId, &'static str),
    /// 100 ms passed while something moves.
    Moment,
}

/// How the screen behaves.
pub struct Settings {
    /// Keys.
    pub keys: Keymap,
    /// Colours.
    pub theme: Theme,
    /// Whether things may move.
    pub motion: bool,
    /// The clock.
    pub clock: Clock,
    /// How long a question that came by itself must have been seen, with no key pressed, before a key or a click answers
    /// it; microseconds.
    pub patience: i64,
    /// The person's time zone.
    pub zone: TimeZone,
    /// How pictures are shown.
    pub pictures: Way,
    /// What plugins added.
    pub extras: Extras,
    /// Other themes by name, for the menu.
    pub themes: Box<dyn Fn(&str) -> Theme>,
}

impl Settings {
    /// What a tab that is drawn there may look at.
    fn world(&self, area: Rect, now: Timestamp, moment: u64) -> World<'_> {
        World {
            keys: &self.keys,
            theme: &self.theme,
            now,
            zone: &self.zone,
            area,
            motion: self.motion,
            moment,
            pictures: if self.theme.has_colour() { self.pictures } else { Way::Off },
            covered: false,
        }
    }
}

/// The whole screen.
pub struct Shell {
    settings: Settings,
    tabs: Vec<Box<dyn Tab>>,
    at: usize,
    popups: Vec<Open>,
    note: Option<Note>,
    size: Rect,
    now: Timestamp,
    moment: u64,
    focused: bool,
    /// The theme to go back to when none is chosen.
    before: Option<String>,
    /// Whether what is done now follows from a key or a click.
    by_hand: bool,
    /// When the key to talk went down.
    talking: Option<Timestamp>,
}

impl Shell {
    /// A screen of this size with these tabs.
    pub fn new(settings: Settings, tabs: Vec<Box<dyn Tab>>, size: Rect) -> Shell {
        let now = settings.clock.now();
        Shell {
            settings,
            tabs,
            at: 0,
            popups: Vec::new(),
            note: None,
            size,
            now,
            moment: 0,
            focused: true,
            before: None,
            by_hand: false,
            talking: None,
        }
    }

    /// Begins: the tab in front is shown.
    pub fn begin(&mut self, first: Option<TabId>, tell: Option<Tell>) -> Vec<(TabId, Effect)> {
        if let Some(at) = first.and_then(|id| self.place(id)) {
            self.at = at;
        }
        let id = self.tabs[self.at].id();
        let mut out = self.tell(id, Happening::Shown);
        if let Some(tell) = tell {
            out.extend(self.tell(id, Happening::Told(tell)));
        }
        out
    }

    fn place(&self, id: TabId) -> Option<usize> {
        self.tabs.iter().position(|tab| tab.id() == id)
    }

    /// The tab in front.
    pub fn front(&self) -> TabId {
        self.tabs[self.at].id()
    }

    /// Whether something moves by itself, so that moments are wanted.
    pub fn is_moving(&self) -> bool {
        self.note.is_some() || self.tabs.iter().any(|tab| tab.is_moving())
    }

    /// How large the screen is.
    pub fn size(&self) -> Rect {
        self.size
    }

    /// The part of the screen that has the keys: the pop-up on top, or everything.
    pub fn focus(&self) -> Rect {
        self.popups.last().map_or(self.size, |open| open.popup.area(self.body()))
    }

    /// Where tabs are drawn.
    fn body(&self) -> Rect {
        Rect { y: self.size.y + 1, height: self.size.height.saturating_sub(2), ..self.size }
    }

    fn world(&self, area: Rect) -> World<'_> {
        World { covered: !self.popups.is_empty(), ..self.settings.world(area, self.now, self.moment) }
    }

    /// Takes what came in; gives what is left to do for whoever owns the terminal and the threads.
    pub fn update(&mut self, incoming: Incoming) -> Vec<(TabId, Effect)> {
        self.now = self.settings.clock.now();
        self.by_hand = matches!(incoming, Incoming::Terminal(_));
        match incoming {
            Incoming::Terminal(event) => self.event(event),
            Incoming::Answered(tab, Ok(answer)) => self.tell(tab, Happening::Answered(answer)),
            Incoming::Answered(tab, Err(fault)) => self.perform(tab, vec![Effect::Fail(fault)]),
            Incoming::News(events) => {
                let ids: Vec<TabId> = self.tabs.iter().map(|tab| tab.id()).collect();
                ids.into_iter().flat_map(|id| self.tell(id, Happening::News(events.clone()))).collect()
            }
            Incoming::Edited(tab, name, text) => self.tell(tab, Happening::Edited(name, text)),
            Incoming::Returned(tab, name) => self.tell(tab, Happening::Returned(name)),
            Incoming::Moment => {
                self.moment += 1;
                if self.note.as_ref().is_some_and(|note| note.until <= self.moment) {
                    self.note = None;
                }
                let moving: Vec<TabId> = self.tabs.iter().filter(|tab| tab.is_moving()).map(|tab| tab.id()).collect();
                moving.into_iter().flat_map(|id| self.tell(id, Happening::Moment)).collect()
            }
        }
    }

    /// The program is being left: every tab keeps what must not be lost.
    pub fn leaving(&mut self) -> Vec<(TabId, Effect)> {
        let ids: Vec<TabId> = self.tabs.iter().map(|tab| tab.id()).collect();
        ids.into_iter().flat_map(|id| self.tell(id, Happening::Leaving)).collect()
    }

    /// Hands something to a tab from outside.
    pub fn hand(&mut self, id: TabId, happening: Happening) -> Vec<(TabId, Effect)> {
        self.tell(id, happening)
    }

    /// Hands something to a tab and does what it wants.
    fn tell(&mut self, id: TabId, happening: Happening) -> Vec<(TabId, Effect)> {
        let Some(at) = self.place(id) else { return Vec::new() };
        let world = self.settings.world(self.body(), self.now, self.moment);
        let effects = self.tabs[at].update(happening, &world);
        self.perform(id, effects)
    }

    /// Does what concerns the screen; gives the rest.
    fn perform(&mut self, tab: TabId, effects: Vec<Effect>) -> Vec<(TabId, Effect)> {
        let mut out = Vec::new();
        for effect in effects {
            match effect {
                Effect::Open(name, popup) => {
                    self.note = None;
                    self.popups.push(self.opened(Owner::Tab(tab), name, *popup));
                }
                Effect::Go(id) if self.place(id).is_some() => out.extend(self.go(id)),
                Effect::Tell(id, tell) if self.place(id).is_some() => {
                    out.extend(self.go(id));
                    out.extend(self.tell(id, Happening::Told(tell)));
                }
                Effect::Hand(id, tell) => out.extend(self.tell(id, Happening::Told(tell))),
                Effect::Note(text) => self.say(text, Role::Good),
                Effect::Fail(fault) => self.say(fault.to_string(), Role::Bad),
                other => out.push((tab, other)),
            }
        }
        out
    }

    fn opened(&self, owner: Owner, name: &'static str, popup: Popup) -> Open {
        let guarded = matches!(popup, Popup::Card(_)) && !self.by_hand && self.settings.patience > 0;
        Open { owner, name, popup, guard: if guarded { Guard::Unseen } else { Guard::Down } }
    }

    /// A frame is on the screen: from now on its question can be read.
    pub fn seen(&mut self) {
        let now = self.settings.clock.now();
        if let Some(open) = self.popups.last_mut().filter(|open| open.guard == Guard::Unseen) {
            open.guard = Guard::Since(now);
        }
    }

    /// Whether a key or a click comes too soon to be meant for the question on top. It waits anew then.
    fn too_soon(&mut self) -> bool {
        let (now, patience) = (self.now, self.settings.patience);
        let Some(open) = self.popups.last_mut() else { return false };
        match open.guard {
            Guard::Down => return false,
            Guard::Unseen => {}
            Guard::Since(at) if now.since(at) >= patience => {
                open.guard = Guard::Down;
                return false;
            }
            Guard::Since(_) => open.guard = Guard::Since(now),
        }
        self.say("that came before this could be read: press it again".to_string(), Role::Warn);
        true
    }

    /// Says something for a moment.
    pub fn say(&mut self, text: String, role: Role) {
        self.note = Some(Note { text: safe(&text).replace('\n', " "), role, until: self.moment + NOTED });
    }

    /// Plugins added something else: what they have to say is said.
    pub fn added(&mut self) {
        let said = std::mem::take(&mut self.settings.extras.now().said);
        if !said.is_empty() {
            self.say(said.join("; "), Role::Warn);
        }
    }

    /// Says what failed.
    pub fn fail(&mut self, fault: &Fault) {
        self.say(fault.to_string(), Role::Bad);
    }

    fn go(&mut self, id: TabId) -> Vec<(TabId, Effect)> {
        match self.place(id) {
            Some(at) if at != self.at => {
                let mut out = self.tell(self.front(), Happening::Hidden);
                self.at = at;
                out.extend(self.tell(id, Happening::Shown));
                out
            }
            _ => Vec::new(),
        }
    }

    fn event(&mut self, event: Event) -> Vec<(TabId, Effect)> {
        let front = self.front();
        match event {
            Event::Key(key) if key.kind == KeyEventKind::Release => self.let_go(&key),
            // A key that is held repeats itself where the terminal tells; it is pressed once.
            Event::Key(key) if key.kind == KeyEventKind::Repeat && self.is_talk(&key) => Vec::new(),
            Event::Key(key) => self.key(key),
            Event::Paste(text) => match self.popups.last_mut() {
                Some(open) => {
                    open.popup.paste(&text);
                    Vec::new()
                }
                None => self.tell(front, Happening::Pasted(text)),
            },
            Event::Mouse(mouse) => self.mouse(mouse),
            Event::Resize(width, height) => {
                self.size = Rect { width, height, ..self.size };
                self.lay_out()
            }
            Event::FocusGained | Event::FocusLost => {
                self.focused = event == Event::FocusGained;
                Vec::new()
            }
        }
    }

    fn is_talk(&self, key: &KeyEvent) -> bool {
        self.settings.keys.action(&[Section::Everywhere], Chord::of(key)) == Some(actions::TALK)
    }

    /// A key was let go, on a terminal that tells. Only the key to talk means something then: held for a while it is let
    /// go when one has spoken; a tap begins, and the next one ends.
    fn let_go(&mut self, key: &KeyEvent) -> Vec<(TabId, Effect)> {
        if !self.is_talk(key) {
            return Vec::new();
        }
        match self.talking.take() {
            Some(pressed) if self.now.since(pressed) >= HELD => self.tell(TabId::Voice, Happening::Talk(Talk::Release)),
            _ => Vec::new(),
        }
    }

    /// Every tab makes its texts anew.
    fn lay_out(&mut self) -> Vec<(TabId, Effect)> {
        let ids: Vec<TabId> = self.tabs.iter().map(|tab| tab.id()).collect();
        ids.into_iter().flat_map(|id| self.tell(id, Happening::Resized)).collect()
    }

    /// Where keys hold now, and whether characters are typed.
    fn keyboard(&self) -> (Vec<Section>, bool) {
        if let Some(open) = self.popups.last() {
            return (open.popup.sections().to_vec(), open.popup.is_typing());
        }
        let tab = &self.tabs[self.at];
        let mut sections = tab.sections();
        sections.push(Section::Everywhere);
        (sections, tab.is_typing())
    }

    /// Whether characters are typed now.
    pub fn is_typing(&self) -> bool {
        self.keyboard().1
    }

    /// Everything that can be done by a key now, and what only the palette offers.
    #[cfg(test)]
    pub fn offered(&self) -> Vec<super::stage::Press> {
        use super::stage::Press;
        let (sections, typing) = self.keyboard();
        let more = self.tabs[self.at].more_sections();
        let mut out = Vec::new();
        for (entry, chords) in self.settings.keys.entries() {
            let holds = |chord: &&Chord| {
                let first = self.settings.keys.action(&sections, **chord) == Some(entry.action);
                first && !(typing && (chord.is_character() || self.tabs[self.at].wants(&chord.pressed())))
            };
            let here = sections.contains(&entry.section);
            let keys: Vec<Press> =
                chords.iter().filter(|_| here).filter(holds).map(|c| Press::Key(*c, entry.action)).collect();
            let palette = !matches!(entry.section, Section::Typing | Section::Lists | Section::Form);
            if keys.is_empty() && palette && (here || more.contains(&entry.section)) {
                out.push(Press::Chosen(entry.action));
            }
            out.extend(keys);
        }
        out
    }

    fn key(&mut self, key: KeyEvent) -> Vec<(TabId, Effect)> {
        let chord = Chord::of(&key);
        // Who goes on has read it; the hints come back.
        if self.note.as_ref().is_some_and(|note| note.until <= self.moment + NOTED - READ) {
            self.note = None;
        }
        let (sections, typing) = self.keyboard();
        let mut action = self.settings.keys.action(&sections, chord).filter(|_| !typing || !chord.is_character());
        let own = match self.popups.last() {
            Some(open) => open.popup.wants(&key),
            None => typing && self.tabs[self.at].wants(&key),
        };
        action = action.filter(|_| !own);
        // Two things work under every pop-up, and what leaves the program elsewhere leaves the pop-up.
        if !self.popups.is_empty() && action.is_none() && !chord.is_character() {
            action = match self.settings.keys.action(&[Section::Everywhere], chord) {
                // Whoever says it twice means it.
                Some(actions::QUIT) if self.asks_to_leave() => {
                    self.popups.pop();
                    return vec![(self.front(), Effect::Quit)];
                }
                Some(actions::QUIT) => Some(actions::BACK),
                global => global.filter(|a| matches!(*a, actions::SUSPEND | actions::REPAINT)),
            };
        }
        match action {
            Some(action @ (actions::SUSPEND | actions::REPAINT)) => self.act(action),
            _ if key.code != KeyCode::Esc && self.too_soon() => Vec::new(),
            Some(action) => self.act(action),
            None => match self.popups.last_mut() {
                Some(_) => self.on_popup(|popup, world| popup.key(&key, world)),
                None => {
                    let front = self.front();
                    self.tell(front, Happening::Key(key))
                }
            },
        }
    }

    /// Hands something to the pop-up on top.
    fn on_popup(&mut self, work: impl FnOnce(&mut Popup, &World<'_>) -> Outcome) -> Vec<(TabId, Effect)> {
        let Some(mut open) = self.popups.pop() else { return Vec::new() };
        let outcome = work(&mut open.popup, &self.world(self.body()));
        // A question that follows another one was not asked for by the key that answered that.
        self.by_hand &= !matches!(open.popup, Popup::Card(_)) && !open.name.starts_with(PERMISSION);
        let front = self.front();
        match outcome {
            Outcome::Stays => {
                let shown = self.tried(&open);
                self.popups.push(open);
                shown.map(|name| self.wear(&name)).unwrap_or_default()
            }
            Outcome::Copied(text) => {
                self.popups.push(open);
                vec![(front, Effect::Copy(text))]
            }
            Outcome::Over(reply) => self.closed(open.owner, open.name, reply),
        }
    }

    fn closed(&mut self, owner: Owner, name: &'static str, reply: Reply) -> Vec<(TabId, Effect)> {
        match owner {
            Owner::Tab(tab) => self.tell(tab, Happening::Closed(name, reply)),
            Owner::Shell => self.chosen(name, reply),
        }
    }

    /// Does what an action says.
    pub(in crate::tui) fn act(&mut self, action: Action) -> Vec<(TabId, Effect)> {
        let front = self.front();
        match action {
            actions::SUSPEND => vec![(front, Effect::Suspend)],
            actions::REPAINT => vec![(front, Effect::Repaint)],
            _ if !self.popups.is_empty() => self.on_popup(|popup, world| popup.act(action, world)),
            actions::QUIT => self.leave(),
            actions::PALETTE => self.open_palette(),
            actions::HELP => self.open_help(),
            actions::THEME => self.open_themes(),
            actions::NEXT_TAB => self.go_by(1),
            actions::PREVIOUS_TAB => self.go_by(self.tabs.len() - 1),
            actions::TALK if self.place(TabId::Voice).is_none() => {
                self.silent("there is no tab to talk to".to_string())
            }
            actions::TALK => {
                self.talking = Some(self.now);
                self.tell(TabId::Voice, Happening::Talk(Talk::Press(front)))
            }
            Action(name) => match name.strip_prefix("tab-").and_then(|n| n.parse::<usize>().ok()) {
                Some(number) => match self.tabs.get(number.wrapping_sub(1)).map(|tab| tab.id()) {
                    Some(id) if id == front => self.silent(format!("{} is in front", id.title())),
                    Some(id) => self.go(id),
                    None => self.silent(format!("there is no such tab: the last is {}", self.tabs.len())),
                },
                None => self.act_in_tab(action),
            },
        }
    }

    /// Says why nothing is done.
    fn silent(&mut self, why: String) -> Vec<(TabId, Effect)> {
        self.say(why, Role::Warn);
        Vec::new()
    }

    /// Hands an action to the tab in front. A key that does nothing says so where nothing tells why: in a tab that has
    /// nothing to do it with, which costs next to nothing to draw twice.
    fn act_in_tab(&mut self, action: Action) -> Vec<(TabId, Effect)> {
        let front = self.front();
        let title = self.settings.keys.entry(action).map_or("", |entry| entry.title);
        if self.is_lacking(action) {
            return self.silent(format!("not in {}: {title}", front.title()));
        }
        let before = self.tabs[self.at].is_bare().then(|| self.looks());
        let open = self.popups.len();
        let out = self.tell(front, Happening::Act(action));
        let same = || self.popups.len() == open && self.front() == front && before.as_ref() == Some(&self.looks());
        // A sentence that still stands is the reason, or worth more.
        if out.is_empty() && self.note.is_none() && before.is_some() && same() {
            return self.silent(format!("nothing to do that with yet: {title}"));
        }
        out
    }

    /// What is seen of the tab in front, and where its cursor stands.
    fn looks(&self) -> (Buffer, Option<Position>) {
        let body = self.body();
        let mut buffer = Buffer::empty(body);
        let cursor = self.tabs[self.at].draw(&mut buffer, &self.world(body));
        (buffer, cursor)
    }

    fn go_by(&mut self, by: usize) -> Vec<(TabId, Effect)> {
        if self.tabs.len() == 1 {
            return self.silent("there is no other tab".to_string());
        }
        let id = self.tabs[(self.at + by) % self.tabs.len()].id();
        self.go(id)
    }

    fn mouse(&mut self, event: MouseEvent) -> Vec<(TabId, Effect)> {
        let pressed = event.kind == MouseEventKind::Down(MouseButton::Left);
        if matches!(event.kind, MouseEventKind::Down(_)) && self.too_soon() {
            return Vec::new();
        }
        if pressed && event.row + 1 == self.size.bottom() {
            return match self.hint_at(event.column) {
                // Where a sentence stands are no hints.
                _ if self.note.take().is_some() => Vec::new(),
                Some(action) => self.act(action),
                None => Vec::new(),
            };
        }
        if !self.popups.is_empty() {
            return self.on_popup(|popup, world| popup.mouse(&event, world));
        }
        if pressed && event.row == self.size.y {
            return match self.tab_at(event.column) {
                Some(id) => self.go(id),
                None => Vec::new(),
            };
        }
        let front = self.front();
        self.tell(front, Happening::Mouse(event))
    }
}

#[cfg(test)]
mod tests;
