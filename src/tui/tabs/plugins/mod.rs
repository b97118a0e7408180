//! The plugins: which are used, what each hears, brings and may do, how it fared, and what it wrote.
//!
//! It knows rows that were read for it. Nothing of a plugin is used before a person answered a card that shows what it
//! wants; what was allowed exactly so before needs no second word.

mod view;
mod work;

use crossterm::event::{KeyCode, MouseEvent};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

pub use work::{Answer, Request, Row, Wish, work};

use super::{Answer as AnyAnswer, Request as AnyRequest, Tab, TabId};
use crate::kernel::events::{PLUGIN_DISABLED, PLUGIN_ENABLED, PLUGIN_FAILED, PLUGIN_REMOVED, Recorded};
use crate::tui::actions;
use crate::tui::happening::{Effect, Fault, Happening, World};
use crate::tui::keymap::{Action, Entry, Section, entry};
use crate::tui::popups::{Card, Page, Popup, Reply};
use crate::tui::widgets::frame::Frame;
use crate::tui::widgets::list::{Clicked, Cursor};
use crate::tui::widgets::split::Split;
use crate::tui::widgets::text::{Row as TextRow, Text};

/// Use it: shows what it wants, and asks.
pub const ENABLE: Action = Action("plugins-enable");
/// Use it no more.
pub const DISABLE: Action = Action("plugins-disable");
/// Read what it wrote.
pub const LOG: Action = Action("plugins-log");
/// Look at their files again.
pub const AGAIN: Action = Action("plugins-again");

/// The tab's keys.
pub const TABLE: &[Entry] = &[
    entry(ENABLE, Section::Plugins, &["e"], "enable", "Use it: shows what it wants, and asks"),
    entry(DISABLE, Section::Plugins, &["x"], "disable", "Use it no more; what it keeps stays"),
    entry(LOG, Section::Plugins, &["l"], "log", "Read what it wrote into its log"),
    entry(AGAIN, Section::Plugins, &["r"], "look again", "Look at the files of all plugins again"),
];

/// Actions that mean nothing here.
const LACKS: &[Action] = &[actions::FIND, actions::FIND_NEXT, actions::FIND_PREVIOUS];

/// The facts after which something else is to be shown. What plugins say themselves is none of them.
const NEWS: [&str; 4] = [PLUGIN_ENABLED, PLUGIN_DISABLED, PLUGIN_FAILED, PLUGIN_REMOVED];

/// The name under which the card answers.
const CARD: &str = "allow";

/// The tab.
pub struct Plugins {
    rows: Option<Vec<Row>>,
    failed: Option<Fault>,
    cursor: Cursor,
    split: Split,
    details: Text,
    /// Whether the details have the keys.
    inside: bool,
    /// What is asked about: the plugin and the content hash that was shown.
    asked: Option<(String, String)>,
}

impl Default for Plugins {
    fn default() -> Self {
        Plugins {
            rows: None,
            failed: None,
            cursor: Cursor::default(),
            split: Split::beside(45),
            details: Text::default(),
            inside: false,
            asked: None,
        }
    }
}

fn ask(lane: &str, request: Request) -> Effect {
    Effect::Work(lane.into(), AnyRequest::Plugins(request))
}

fn concerns(fact: &Recorded) -> bool {
    NEWS.contains(&fact.kind.as_str())
}

fn page(title: String, rows: Vec<TextRow>) -> Vec<Effect> {
    vec![Effect::Open("page", Box::new(Popup::Page(Page::new(title, rows))))]
}

impl Plugins {
    fn list() -> Effect {
        ask("list", Request::List)
    }

    fn all(&self) -> &[Row] {
        self.rows.as_deref().unwrap_or_default()
    }

    fn chosen(&self) -> Option<&Row> {
        self.all().get(self.cursor.at)
    }

    fn of_chosen(&self, lane: &str, request: impl FnOnce(String) -> Request) -> Vec<Effect> {
        vec![match self.chosen() {
            Some(row) => ask(lane, request(row.name.clone())),
            None => Effect::Note("there is nothing to choose".to_string()),
        }]
    }

    /// Where the rows and the details stand.
    fn lists(&self, area: Rect) -> [Rect; 2] {
        self.split.panes(area).map(Frame::inner)
    }

    /// Makes the details anew; those of another plugin from their beginning.
    fn detail(&mut self, world: &World<'_>, another: bool) {
        let [_, inner] = self.lists(world.area);
        let rows = self.chosen().map_or_else(Vec::new, |row| view::details(row, inner.width, world));
        self.details.set(rows);
        if another {
            self.details.rewind();
        }
    }

    fn act(&mut self, action: Action, world: &World<'_>) -> Vec<Effect> {
        let [list, detail] = self.lists(world.area);
        match action {
            ENABLE => return self.of_chosen("change", Request::Enable),
            DISABLE => return self.of_chosen("change", Request::Disable),
            LOG => return self.of_chosen("log", Request::Log),
            AGAIN => return vec![Self::list()],
            actions::NEXT_PANE | actions::PREVIOUS_PANE => self.inside = !self.inside && self.chosen().is_some(),
            actions::OPEN => self.inside = self.chosen().is_some(),
            actions::WIDER | actions::NARROWER => {
                self.split.grow(if action == actions::WIDER { 5 } else { -5 });
                self.detail(world, false);
            }
            actions::COPY if self.chosen().is_some() => {
                let text = self.details.rows().iter().map(TextRow::text).collect::<Vec<_>>().join("\n");
                return vec![Effect::Copy(text)];
            }
            other if self.inside => {
                self.details.act(other, detail.height);
            }
            other => {
                if self.cursor.act(other, self.all().len(), list.height) {
                    self.detail(world, true);
                }
            }
        }
        Vec::new()
    }

    fn mouse(&mut self, event: &MouseEvent, world: &World<'_>) -> Vec<Effect> {
        if self.split.mouse(event, world.area) {
            self.detail(world, false);
            return Vec::new();
        }
        let [list, detail] = self.lists(world.area);
        let length = self.all().len();
        match self.cursor.mouse(event, list, length) {
            Clicked::No => {}
            Clicked::Moved => {
                self.inside = false;
                self.detail(world, true);
            }
            Clicked::Again => self.inside = true,
        }
        self.details.mouse(event, detail).map(Effect::Copy).into_iter().collect()
    }

    fn answered(&mut self, answer: Answer, world: &World<'_>) -> Vec<Effect> {
        match answer {
            Answer::Listed(Ok(rows)) => self.take(rows, world),
            Answer::Listed(Err(fault)) => self.failed = Some(fault),
            Answer::Logged(name, Ok(lines)) => {
                let rows = view::log(&lines, Page::room(world.area), world);
                return page(format!("The log of {name}"), rows);
            }
            Answer::Asks(wish) => return self.asks(*wish, world),
            Answer::Done(Ok(said)) => return vec![Effect::Note(said), Self::list()],
            Answer::Logged(_, Err(fault)) | Answer::Done(Err(fault)) => return vec![Page::of_fault(fault, world)],
        }
        Vec::new()
    }

    /// The cursor stays on its plugin, wherever that stands now.
    fn take(&mut self, rows: Vec<Row>, world: &World<'_>) {
        let chosen = self.chosen().map(|row| row.name.clone());
        let at = chosen.as_ref().and_then(|name| rows.iter().position(|row| row.name == *name));
        self.cursor.at = at.unwrap_or(self.cursor.at);
        self.cursor.fit(rows.len());
        (self.rows, self.failed) = (Some(rows), None);
        let same = self.chosen().map(|row| &row.name) == chosen.as_ref();
        self.detail(world, !same);
    }

    /// Shows what a plugin wants, and what changed of it, before it is used.
    fn asks(&mut self, wish: Wish, world: &World<'_>) -> Vec<Effect> {
        let rows = view::wish(&wish, Page::room(world.area).min(92), world.theme);
        let title = format!("Allow {} to do this, and use it?", wish.name);
        let card = Card::new(title, rows, &[('y', "allow it"), ('n', "no")]).read_before(&['y']);
        self.asked = Some((wish.name, wish.digest));
        vec![Effect::Open(CARD, Box::new(Popup::Card(card)))]
    }

    fn allowed(&mut self, reply: &Reply) -> Vec<Effect> {
        let Some((name, digest)) = self.asked.take() else { return Vec::new() };
        match reply {
            Reply::Chosen(key) if key == "y" => vec![ask("change", Request::Allow(name, digest))],
            _ => vec![Effect::Note(format!("`{name}` was not allowed"))],
        }
    }
}

impl Tab for Plugins {
    fn id(&self) -> TabId {
        TabId::Plugins
    }

    fn update(&mut self, happening: Happening, world: &World<'_>) -> Vec<Effect> {
        match happening {
            Happening::Shown => return vec![Self::list()],
            // Whoever never looks at them reads no files for it.
            Happening::News(facts) if self.rows.is_some() && facts.iter().any(concerns) => return vec![Self::list()],
            Happening::Resized => self.detail(world, false),
            Happening::Act(action) => return self.act(action, world),
            Happening::Key(key) if key.code == KeyCode::Esc => self.inside = false,
            Happening::Mouse(event) => return self.mouse(&event, world),
            Happening::Answered(AnyAnswer::Plugins(answer)) => return self.answered(answer, world),
            Happening::Closed(CARD, reply) => return self.allowed(&reply),
            _ => {}
        }
        Vec::new()
    }

    fn draw(&self, buffer: &mut Buffer, world: &World<'_>) -> Option<Position> {
        view::draw(self, buffer, world);
        None
    }

    fn sections(&self) -> Vec<Section> {
        vec![Section::Plugins, Section::Lists]
    }

    fn lacks(&self) -> &'static [Action] {
        LACKS
    }

    fn is_bare(&self) -> bool {
        self.all().is_empty()
    }

    fn hints(&self) -> Vec<Action> {
        vec![ENABLE, DISABLE, LOG, actions::OPEN, AGAIN]
    }
}

#[cfg(test)]
mod tests;
