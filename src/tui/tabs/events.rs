//! The log of facts: the newest first, filtered by kind, the details beside it.

use crossterm::event::{KeyCode, MouseEvent};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use super::{Answer as AnyAnswer, Request as AnyRequest, Tab, TabId};
use crate::kernel::error::Result;
use crate::kernel::events::Recorded;
use crate::kernel::terminal::{pad, safe_line, truncate_to_width};
use crate::tui::actions;
use crate::tui::happening::{Effect, Fault, Happening, Tell, World};
use crate::tui::jobs::Desk;
use crate::tui::keymap::{Action, Entry, Section, entry};
use crate::tui::popups::{Ask, Popup, Reply};
use crate::tui::theme::Role;
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
        self.ask()
    }

    /// One step back: out of the details, then to all kinds.
    fn back(&mut self) -> Vec<Effect> {
        match std::mem::take(&mut self.inside) || self.kinds == "*" {
            true => Vec::new(),
            false => self.show("*"),
        }
    }

    fn all(&self) -> &[Recorded] {
        self.events.as_deref().unwrap_or_default()
    }

    /// The fact under the cursor; the list shows the newest first.
    fn chosen(&self) -> Option<&Recorded> {
        let all = self.all();
        all.len().checked_sub(1 + self.cursor.at).and_then(|at| all.get(at))
    }

    fn lists(&self, area: Rect) -> [Rect; 2] {
        self.split.panes(area).map(Frame::inner)
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
            OLDER => {
                self.limit += PAGE;
                return self.ask();
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
                if self.cursor.act(other, self.all().len(), list.height) {
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
        match event.kind.split('.').next() {
            Some("run") => vec![Effect::Tell(TabId::Runs, Tell::Run(id))],
            Some("session") => vec![Effect::Tell(TabId::Chat, Tell::Session(id, None))],
            _ => vec![Effect::Note("nothing to open here; runs and chats can be opened".to_string())],
        }
    }

    fn mouse(&mut self, event: &MouseEvent, world: &World<'_>) -> Vec<Effect> {
        if self.split.mouse(event, world.area) {
            self.detail(world);
            return Vec::new();
        }
        let [list, detail] = self.lists(world.area);
        let length = self.all().len();
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
                let at = chosen.and_then(|p| events.iter().rev().position(|e| e.position == p));
                self.cursor.at = at.unwrap_or(0);
                self.cursor.fit(events.len());
                (self.events, self.failed) = (Some(events), None);
            }
            Err(fault) => self.failed = Some(fault),
        }
        self.detail(world);
    }
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
            Happening::Key(key) if key.code == KeyCode::Esc => return self.back(),
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
        let aside = self.events.as_ref().map(|e| e.len().to_string()).unwrap_or_default();
        let list = Frame { title: &title, aside: &aside, focused: !self.inside }.draw(buffer, left, theme);
        let empty = match (&self.failed, &self.events) {
            (Some(fault), _) => fault.to_string(),
            (None, None) => "reading …".to_string(),
            (None, Some(_)) if self.kinds == "*" => "nothing happened yet".to_string(),
            (None, Some(_)) => "no event of this kind; f chooses another".to_string(),
        };
        let all = self.all();
        let rows = Rows { cursor: &self.cursor, length: all.len(), focused: !self.inside, empty: &empty };
        rows.draw(buffer, list, theme, |index, width| {
            let Some(event) = all.len().checked_sub(1 + index).and_then(|at| all.get(at)) else {
                return Line::default();
            };
            let kind = pad(&truncate_to_width(&safe_line(&event.kind), 20), 20);
            let room = usize::from(width).saturating_sub(17 + 21);
            Line::from(vec![
                Span::styled(format!("{} ", event.at.short_in(world.zone.clone())), theme.style(Role::Dim)),
                Span::styled(format!("{kind} "), theme.style(Role::Accent)),
                Span::styled(truncate_to_width(&safe_line(&about(event)), room), theme.style(Role::Text)),
            ])
        });
        let detail = Frame { title: "Details", aside: "", focused: self.inside }.draw(buffer, right, theme);
        self.details.draw(buffer, detail, theme);
        None
    }

    fn sections(&self) -> Vec<Section> {
        vec![Section::Events, Section::Lists]
    }

    fn hints(&self) -> Vec<Action> {
        vec![FILTER, OLDER, actions::OPEN, actions::COPY]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::stage::{LARGE, SMALL, Stage, fact};

    fn stage(size: (u16, u16)) -> Stage {
        Stage::with(Box::new(Events::default()), size)
    }

    fn filled(size: (u16, u16)) -> Stage {
        let mut stage = stage(size);
        let kinds = ["source.added", "run.started", "run.finished", "memory.added"];
        let facts = kinds.iter().zip(1..).map(|(kind, at)| fact(at, kind, &format!("01a1fd71-{at}")));
        stage.answer(AnyAnswer::Events(Answer::Tail(Ok(facts.collect()))));
        stage.take();
        stage
    }

    #[test]
    fn the_newest_stands_first_and_its_details_beside_it() {
        insta::assert_snapshot!(filled(LARGE).text());
        insta::assert_snapshot!(filled(SMALL).keys("j j").text());
    }

    #[test]
    fn nothing_and_a_failure_are_said() {
        let mut stage = stage(SMALL);
        assert_eq!(stage.take(), [Effect::Work("tail".into(), AnyRequest::Events(Request::Tail("*".into(), PAGE)))]);
        stage.answer(AnyAnswer::Events(Answer::Tail(Ok(Vec::new()))));
        assert!(stage.text().contains("nothing happened yet"), "{}", stage.text());
        let fault = Fault { said: "the store is broken".into(), hint: Some("fac doctor".into()) };
        stage.answer(AnyAnswer::Events(Answer::Tail(Err(fault))));
        assert!(stage.text().contains("the store is broken (fac doctor)"), "{}", stage.text());
    }

    #[test]
    fn a_filter_is_typed_and_asked_for() {
        let mut stage = filled(SMALL);
        stage.keys("f").types("run.*").keys("enter");
        assert_eq!(
            stage.take(),
            [Effect::Work("tail".into(), AnyRequest::Events(Request::Tail("run.*".into(), PAGE)))]
        );
        stage.keys("tab esc");
        assert_eq!(stage.take(), [], "the first step leads out of the details");
        stage.keys("esc");
        assert_eq!(stage.take(), [Effect::Work("tail".into(), AnyRequest::Events(Request::Tail("*".into(), PAGE)))]);
    }

    #[test]
    fn the_cursor_stays_on_its_fact_when_newer_ones_come() {
        let mut stage = filled(SMALL);
        stage.keys("j");
        let facts = (1..=5).map(|at| fact(at, if at == 3 { "run.finished" } else { "x.y" }, "s")).collect();
        stage.answer(AnyAnswer::Events(Answer::Tail(Ok(facts))));
        let text = stage.text();
        let chosen = text.lines().find(|l| l.contains('▌')).unwrap();
        assert!(chosen.contains("run.finished"), "{text}");
    }
}
