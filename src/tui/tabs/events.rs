//! The log of facts: the newest first, filtered by kind, the details beside it.

use crossterm::event::{KeyCode, KeyEvent, MouseEvent};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use super::{Answer as AnyAnswer, Request as AnyRequest, Tab, TabId};
use crate::kernel::error::Result;
use crate::kernel::events::{Position as At, Recorded};
use crate::kernel::terminal::{pad, safe_line, truncate_to_width};
use crate::tui::actions;
use crate::tui::happening::{Effect, Fault, Happening, Tell, World};
use crate::tui::jobs::Desk;
use crate::tui::keymap::{Action, Entry, Section, entry};
use crate::tui::popups::{Ask, Popup, Reply};
use crate::tui::theme::Role;
use crate::tui::widgets::field::Field;
use crate::tui::widgets::frame::Frame;
use crate::tui::widgets::list::{Clicked, Cursor, Rows};
use crate::tui::widgets::split::Split;
use crate::tui::widgets::text::{Text, wrapped};

/// Facts that are read at once.
const PAGE: usize = 500;

/// Show only some kinds.
pub const FILTER: Action = Action("events-filter");
/// Read further back.
pub const OLDER: Action = Action("events-older");

/// The tab's keys.
pub const TABLE: &[Entry] = &[
    entry(FILTER, Section::Events, &["f"], "filter", "Show only some kinds of events"),
    entry(OLDER, Section::Events, &["o"], "older", "Read further back"),
];

/// What it asks for.
#[derive(Debug, PartialEq)]
pub enum Request {
    /// The newest facts of these kinds (a glob), at most so many.
    Tail(String, usize),
}

/// What it is told.
#[derive(Debug, PartialEq)]
pub enum Answer {
    /// The facts, the oldest first.
    Tail(std::result::Result<Vec<Recorded>, Fault>),
}

/// Does what was asked for.
pub fn work(request: Request, desk: &Desk<'_>) {
    let Request::Tail(kinds, limit) = request;
    let read = || -> Result<Vec<Recorded>> { desk.app.store()?.tail(&kinds, limit) };
    desk.send(AnyAnswer::Events(Answer::Tail(read().map_err(Fault::from))));
}

/// The tab.
pub struct Events {
    events: Option<Vec<Recorded>>,
    failed: Option<Fault>,
    cursor: Cursor,
    kinds: String,
    limit: usize,
    split: Split,
    details: Text,
    /// Whether the details have the keys.
    inside: bool,
    /// What is looked for in what was read, and whether it is being typed.
    find: Field,
    finding: bool,
    /// What each fact is found by, in small letters.
    words: Vec<String>,
    /// The places of the facts that are shown, the newest first.
    shown: Vec<usize>,
    /// Whether the beginning of the log was read.
    at_end: bool,
}

impl Default for Events {
    fn default() -> Self {
        Events {
            events: None,
            failed: None,
            cursor: Cursor::default(),
            kinds: "*".to_string(),
            limit: PAGE,
            split: Split::beside(55),
            details: Text::default(),
            inside: false,
            find: Field::default(),
            finding: false,
            words: Vec::new(),
            shown: Vec::new(),
            at_end: false,
        }
    }
}

impl Events {
    fn ask(&self) -> Vec<Effect> {
        vec![Effect::Work("tail".into(), AnyRequest::Events(Request::Tail(self.kinds.clone(), self.limit)))]
    }

    /// Shows only these kinds.
    fn show(&mut self, kinds: &str) -> Vec<Effect> {
        (self.kinds, self.events, self.cursor) = (kinds.to_string(), None, Cursor::default());
        (self.words, self.limit, self.at_end) = (Vec::new(), PAGE, false);
        self.arrange();
        self.ask()
    }

    fn all(&self) -> &[Recorded] {
        self.events.as_deref().unwrap_or_default()
    }

    /// The fact of a row.
    fn fact(&self, row: usize) -> Option<&Recorded> {
        self.shown.get(row).and_then(|at| self.all().get(*at))
    }

    /// The fact under the cursor.
    fn chosen(&self) -> Option<&Recorded> {
        self.fact(self.cursor.at)
    }

    /// Makes the rows anew: all facts, or those that hold every word that is looked for.
    fn arrange(&mut self) {
        let wanted = self.find.text().to_lowercase();
        let wanted: Vec<&str> = wanted.split_whitespace().collect();
        let holds = |at: &usize| wanted.iter().all(|word| self.words.get(*at).is_some_and(|text| text.contains(word)));
        self.shown = (0..self.all().len()).rev().filter(holds).collect();
        self.cursor.fit(self.shown.len());
    }

    /// Something else is looked for.
    fn narrow(&mut self, world: &World<'_>) {
        let chosen = self.chosen().map(|e| e.position);
        self.arrange();
        self.stay(chosen, world);
    }

    /// Leaves what is looked for.
    fn clear(&mut self, world: &World<'_>) {
        self.finding = false;
        self.find.set("");
        self.narrow(world);
    }

    /// The cursor goes to a fact, or stays near where it was.
    fn stay(&mut self, chosen: Option<At>, world: &World<'_>) {
        let row =
            chosen.and_then(|p| (0..self.shown.len()).find(|row| self.fact(*row).is_some_and(|e| e.position == p)));
        self.cursor.at = row.unwrap_or(0);
        self.cursor.fit(self.shown.len());
        self.detail(world);
    }

    /// Where the rows and the details stand.
    fn lists(&self, area: Rect) -> [Rect; 2] {
        let [list, detail] = self.split.panes(area).map(Frame::inner);
        [Rect { height: list.height.saturating_sub(u16::from(self.is_narrowed())), ..list }, detail]
    }

    /// Whether there is a line for what is looked for.
    fn is_narrowed(&self) -> bool {
        self.finding || !self.find.is_empty()
    }

    /// Puts the details of the chosen fact beside it.
    fn detail(&mut self, world: &World<'_>) {
        let [_, inner] = self.lists(world.area);
        let style = world.theme.style(Role::Text);
        let rows = match self.chosen() {
            None => Vec::new(),
            Some(event) => {
                let payload = match &event.payload {
                    Some(value) => serde_json::to_string_pretty(value).unwrap_or_default(),
                    None => "(erased)".to_string(),
                };
                let text = format!(
                    "{}\n\nat        {}\nsubject   {}\nposition  {}\nowner     {}\ntrace     {}\nhash      {}\n\n{}",
                    event.kind, event.at, event.subject, event.position, event.owner, event.trace, event.hash, payload
                );
                wrapped(&text, inner.width, style)
            }
        };
        self.details.set(rows);
        self.details.rewind();
    }

    fn act(&mut self, action: Action, world: &World<'_>) -> Vec<Effect> {
        let [list, detail] = self.lists(world.area);
        match action {
            FILTER => {
                let shown = if self.kinds == "*" { "" } else { &self.kinds };
                let mut ask = Ask::new("Kinds of events", shown);
                ask.note = "run.*, trust.granted, * for all".to_string();
                return vec![Effect::Open("filter", Box::new(Popup::Ask(ask)))];
            }
            OLDER if self.at_end => return vec![Effect::Note("there is nothing older".to_string())],
            OLDER => {
                self.limit += PAGE;
                return self.ask();
            }
            actions::FIND => (self.finding, self.inside) = (true, false),
            actions::ACCEPT => self.finding = false,
            actions::BACK => self.clear(world),
            actions::FIND_NEXT | actions::FIND_PREVIOUS if !self.inside => {
                let by = if action == actions::FIND_NEXT { actions::DOWN } else { actions::UP };
                if !self.find.is_empty() && self.cursor.act(by, self.shown.len(), list.height) {
                    self.detail(world);
                }
            }
            actions::NEXT_CHOICE | actions::PREVIOUS_CHOICE => {
                let by = if action == actions::NEXT_CHOICE { actions::DOWN } else { actions::UP };
                self.cursor.act(by, self.shown.len(), list.height);
                self.detail(world);
            }
            actions::NEXT_PANE | actions::PREVIOUS_PANE => self.inside = !self.inside,
            actions::WIDER => self.split.grow(5),
            actions::NARROWER => self.split.grow(-5),
            actions::COPY => {
                let text = self.details.rows().iter().map(|r| r.text()).collect::<Vec<_>>().join("\n");
                return vec![Effect::Copy(text)];
            }
            actions::OPEN => return self.open(),
            other if self.inside => {
                self.details.act(other, detail.height);
            }
            other => {
                if self.cursor.act(other, self.shown.len(), list.height) {
                    self.detail(world);
                }
            }
        }
        Vec::new()
    }

    /// Goes to what the fact is about.
    fn open(&mut self) -> Vec<Effect> {
        let Some(event) = self.chosen() else { return Vec::new() };
        let id = event.subject.clone();
        // Only the first fact of a message says where it stands.
        let mut of_it = self.all().iter().filter(|other| other.subject == id);
        let chat = of_it.find_map(within).filter(|_| event.kind.starts_with("message."));
        if let Some(session) = chat {
            return vec![Effect::Tell(TabId::Chat, Tell::Session(session, Some(id)))];
        }
        match event.kind.split('.').next() {
            Some("run") => vec![Effect::Tell(TabId::Runs, Tell::Run(id))],
            Some("session") => vec![Effect::Tell(TabId::Chat, Tell::Session(id, None))],
            _ => vec![Effect::Note("nothing to open here; runs and chats can be opened".to_string())],
        }
    }

    fn back(&mut self, world: &World<'_>) -> Vec<Effect> {
        let was_inside = std::mem::take(&mut self.inside);
        if !was_inside && !self.find.is_empty() {
            self.clear(world);
            return Vec::new();
        }
        if was_inside || self.kinds == "*" { Vec::new() } else { self.show("*") }
    }

    fn key(&mut self, key: &KeyEvent, world: &World<'_>) -> Vec<Effect> {
        if self.finding {
            if self.find.key(key) {
                self.narrow(world);
            }
            return Vec::new();
        }
        // One step back: out of the details, then to all that was read, then to all kinds.
        if key.code == KeyCode::Esc { self.back(world) } else { Vec::new() }
    }

    fn mouse(&mut self, event: &MouseEvent, world: &World<'_>) -> Vec<Effect> {
        if self.split.mouse(event, world.area) {
            self.detail(world);
            return Vec::new();
        }
        let [list, detail] = self.lists(world.area);
        let length = self.shown.len();
        match self.cursor.mouse(event, list, length) {
            Clicked::No => {}
            Clicked::Moved => {
                self.inside = false;
                self.detail(world);
            }
            Clicked::Again => return self.open(),
        }
        self.details.mouse(event, detail).map(Effect::Copy).into_iter().collect()
    }

    fn answered(&mut self, answer: Answer, world: &World<'_>) {
        let Answer::Tail(found) = answer;
        match found {
            Ok(events) => {
                // The cursor stays on its fact when newer ones come above it.
                let chosen = self.chosen().map(|e| e.position).filter(|_| self.cursor.at > 0);
                (self.words, self.at_end) = (events.iter().map(words).collect(), events.len() < self.limit);
                (self.events, self.failed) = (Some(events), None);
                self.arrange();
                self.stay(chosen, world);
            }
            Err(fault) => self.failed = Some(fault),
        }
    }
}

/// The chat that a fact belongs to.
fn within(event: &Recorded) -> Option<String> {
    event.payload.as_ref()?.get("session")?.as_str().map(String::from)
}

/// A moment in five letters: the time of today, the day of any other.
fn brief<'t>(at: &'t str, now: &str) -> &'t str {
    let day = |text: &'_ str| text.get(..10).map(str::to_string);
    if day(at) == day(now) { at.get(11..) } else { at.get(5..10) }.unwrap_or(at)
}

/// What a fact is found by: everything that its row and its details show.
fn words(event: &Recorded) -> String {
    let payload = event.payload.as_ref().map(ToString::to_string).unwrap_or_default();
    format!("{} {} {payload}", event.kind, event.subject).to_lowercase()
}

/// What a person knows the fact's subject by, or else its id.
fn about(event: &Recorded) -> String {
    let payload = event.payload.as_ref();
    let text = |name: &&str| payload.and_then(|p| p.get(*name)).and_then(|v| v.as_str()).filter(|v| !v.is_empty());
    let words: Vec<&str> = ["command", "name", "title", "model", "status", "reason"].iter().filter_map(text).collect();
    if words.is_empty() { event.subject.clone() } else { words.join(" · ") }
}

impl Tab for Events {
    fn id(&self) -> TabId {
        TabId::Events
    }

    fn update(&mut self, happening: Happening, world: &World<'_>) -> Vec<Effect> {
        match happening {
            Happening::Shown | Happening::News(_) => return self.ask(),
            Happening::Resized => self.detail(world),
            Happening::Act(action) => return self.act(action, world),
            Happening::Key(key) => return self.key(&key, world),
            Happening::Pasted(text) if self.finding && self.find.paste(&text) => self.narrow(world),
            Happening::Mouse(event) => return self.mouse(&event, world),
            Happening::Answered(AnyAnswer::Events(answer)) => self.answered(answer, world),
            Happening::Closed("filter", Reply::Typed(kinds)) => {
                return self.show(if kinds.trim().is_empty() { "*" } else { kinds.trim() });
            }
            _ => {}
        }
        Vec::new()
    }

    fn draw(&self, buffer: &mut Buffer, world: &World<'_>) -> Option<Position> {
        let theme = world.theme;
        let [left, right] = self.split.panes(world.area);
        let title = if self.kinds == "*" { "Events".to_string() } else { format!("Events: {}", self.kinds) };
        let aside = match (&self.events, self.find.is_empty()) {
            (None, _) => String::new(),
            (Some(all), true) => format!("{}{}", all.len(), if self.at_end { "" } else { "+" }),
            (Some(all), false) => format!("{} of {}", self.shown.len(), all.len()),
        };
        Frame { title: &title, aside: &aside, focused: !self.inside }.draw(buffer, left, theme);
        let [list, _] = self.lists(world.area);
        let empty = match (&self.failed, &self.events) {
            (Some(fault), _) => fault.to_string(),
            (None, None) => "reading …".to_string(),
            (None, Some(all)) if !all.is_empty() => "nothing that was read holds this".to_string(),
            (None, Some(_)) if self.kinds == "*" => "nothing happened yet".to_string(),
            (None, Some(_)) => "no event of this kind; f chooses another".to_string(),
        };
        let rows = Rows { cursor: &self.cursor, length: self.shown.len(), focused: !self.inside, empty: &empty };
        rows.draw(buffer, list, theme, |index, width| {
            let Some(event) = self.fact(index) else { return Line::default() };
            let at = event.at.short_in(world.zone.clone());
            let (at, wide) = match width < 56 {
                true => (brief(&at, &world.now.short_in(world.zone.clone())).to_string(), 15),
                false => (at, 20),
            };
            let kind = pad(&truncate_to_width(&safe_line(&event.kind), wide), wide);
            let room = usize::from(width).saturating_sub(at.len() + 1 + wide + 1);
            Line::from(vec![
                Span::styled(format!("{at} "), theme.style(Role::Dim)),
                Span::styled(format!("{kind} "), theme.style(Role::Accent)),
                Span::styled(truncate_to_width(&safe_line(&about(event)), room), theme.style(Role::Text)),
            ])
        });
        let detail = Frame { title: "Details", aside: "", focused: self.inside }.draw(buffer, right, theme);
        self.details.draw(buffer, detail, theme);
        if !self.is_narrowed() {
            return None;
        }
        let line = Rect { y: list.bottom(), height: 1, ..list };
        buffer.set_string(line.x, line.y, "/", theme.style(Role::Key));
        let field = Rect { x: line.x + 1, width: line.width.saturating_sub(1), ..line };
        let at = self.find.draw(buffer, field, theme.style(Role::Text));
        self.finding.then_some(at)
    }

    fn sections(&self) -> Vec<Section> {
        if self.finding { vec![Section::Typing] } else { vec![Section::Events, Section::Lists] }
    }

    fn is_typing(&self) -> bool {
        self.finding
    }

    fn is_bare(&self) -> bool {
        self.shown.is_empty()
    }

    fn hints(&self) -> Vec<Action> {
        if self.finding {
            return vec![actions::ACCEPT, actions::BACK];
        }
        let mut hints = vec![actions::OPEN, actions::FIND, FILTER];
        hints.extend((!self.at_end).then_some(OLDER));
        hints.push(actions::COPY);
        hints
    }
}

#[cfg(test)]
mod tests;
