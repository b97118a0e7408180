//! The search tab: one line that is typed, what it finds, counts to narrow it by, and a preview.
//!
//! It asks while somebody types; only the newest question counts. What is found is opened in the tab it belongs to.

mod acts;
mod preview;
#[cfg(test)]
mod tests;
mod view;
mod work;

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::buffer::Buffer;
use ratatui::layout::Position;
use serde_json::Value;

pub use self::preview::{Part, Preview};
pub use self::work::work;
use super::{Answer as AnyAnswer, Request as AnyRequest, Tab, TabId};
use crate::knowledge::{Facets, Hit};
use crate::tui::happening::{Effect, Fault, Happening, Tell, World};
use crate::tui::keymap::{Action, Entry, Section, entry};
use crate::tui::widgets::field::Field;
use crate::tui::widgets::list::Cursor;
use crate::tui::widgets::split::Split;
use crate::tui::widgets::text::Text;

/// Hits that are asked for at once.
const PAGE: usize = 50;
/// Hits that are asked for at most.
const MOST: usize = 1000;
/// Searches that are remembered.
const REMEMBERED: usize = 20;

/// Go to the next part of the tab.
pub const PANE: Action = Action("search-pane");
/// Go to the part before.
pub const BACK_PANE: Action = Action("search-pane-back");
/// Type another search.
pub const FIELD: Action = Action("search-type");
/// Open the hit.
pub const OPEN: Action = Action("search-open");
/// Narrow by a count, or no more.
pub const NARROW: Action = Action("search-narrow");
/// Take all narrowing away.
pub const WIDEN: Action = Action("search-widen");

/// The tab's keys.
#[rustfmt::skip]
pub const TABLE: &[Entry] = &[
    entry(OPEN, Section::Search, &["enter"], "open", "Open the hit in its tab"),
    entry(NARROW, Section::Search, &["space"], "narrow", "Narrow by the count under the cursor, or no more"),
    entry(PANE, Section::Search, &["tab"], "next part", "Go on to the hits, the counts, the preview"),
    entry(BACK_PANE, Section::Search, &["shift-tab"], "", "Go back"),
    entry(FIELD, Section::Search, &["i"], "search", "Type another search"),
    entry(WIDEN, Section::Search, &["ctrl-x"], "widen", "Take all narrowing away"),
];

/// A search.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// The query as it is typed.
    pub words: String,
    /// Fields and values that narrow it.
    pub narrow: Vec<(String, String)>,
    /// Hits at most.
    pub limit: usize,
}

/// A thing whose preview is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Thing {
    /// `definition`, `run`, `message`, `memory` or `recording`.
    pub kind: String,
    /// Its key in the store.
    pub key: String,
    /// The chat of a message.
    pub session: String,
}

/// What it asks for.
#[derive(Debug, PartialEq)]
pub enum Request {
    /// Definitions and the index brought up to date.
    Refresh,
    /// A search.
    Find(Asked),
    /// What a thing holds.
    Preview(Thing),
}

/// What a search found.
#[derive(Debug, Default, PartialEq)]
pub struct Found {
    /// The best ones.
    pub hits: Vec<Hit>,
    /// How many of everything that was found are what.
    pub facets: Facets,
}

/// What it is told.
#[derive(Debug, PartialEq)]
pub enum Answer {
    /// Definitions and the index are up to date.
    Refreshed,
    /// What a search found.
    Found(Asked, std::result::Result<Found, Fault>),
    /// What a thing holds.
    Preview(Thing, std::result::Result<Preview, Fault>),
}

/// Which part has the keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Pane {
    #[default]
    Field,
    Hits,
    Side,
    Preview,
}

/// The tab.
#[derive(Debug)]
pub struct Search {
    field: Field,
    pane: Pane,
    narrow: Vec<(String, String)>,
    limit: usize,
    /// What the hits answer.
    answered: Option<Asked>,
    hits: Vec<Hit>,
    facets: Facets,
    /// Counts of kinds before one was chosen.
    kinds: Vec<(String, u64)>,
    failed: Option<Fault>,
    busy: bool,
    cursor: Cursor,
    side: Cursor,
    split: Split,
    preview: Option<(Thing, std::result::Result<Preview, Fault>)>,
    text: Text,
    /// Searches of this sitting, the newest last.
    recent: Vec<String>,
    /// Which of them stands in the field.
    recalled: Option<usize>,
}

impl Default for Search {
    fn default() -> Self {
        Search {
            field: Field::default(),
            pane: Pane::Field,
            narrow: Vec::new(),
            limit: PAGE,
            answered: None,
            hits: Vec::new(),
            facets: Facets::default(),
            kinds: Vec::new(),
            failed: None,
            busy: false,
            cursor: Cursor::default(),
            side: Cursor::default(),
            split: Split::beside(48),
            preview: None,
            text: Text::default(),
            recent: Vec::new(),
            recalled: None,
        }
    }
}

fn extra<'h>(hit: &'h Hit, key: &str) -> &'h str {
    hit.extra.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn thing(hit: &Hit) -> Thing {
    Thing { kind: hit.kind.clone(), key: hit.key.clone(), session: extra(hit, "session").to_string() }
}

impl Search {
    /// Asks for what is typed now.
    fn ask(&mut self) -> Vec<Effect> {
        let words = self.field.text().trim().to_string();
        if words.is_empty() && self.narrow.is_empty() {
            (self.busy, self.failed, self.answered) = (false, None, None);
            (self.hits, self.facets, self.kinds) = (Vec::new(), Facets::default(), Vec::new());
            (self.preview, self.text) = (None, Text::default());
            return vec![Effect::Stop("find".into()), Effect::Stop("preview".into())];
        }
        self.busy = true;
        let asked = Asked { words, narrow: self.narrow.clone(), limit: self.limit };
        vec![Effect::Work("find".into(), AnyRequest::Search(Request::Find(asked)))]
    }

    /// Asks anew, from the best hit on.
    fn ask_anew(&mut self) -> Vec<Effect> {
        self.limit = PAGE;
        self.ask()
    }

    /// Whether nothing is looked for.
    fn is_blank(&self) -> bool {
        self.field.text().trim().is_empty() && self.narrow.is_empty()
    }

    fn chosen(&self) -> Option<&Hit> {
        self.hits.get(self.cursor.at)
    }

    /// Reads what stands under the cursor, unless it is shown already; and more hits near the end.
    fn settle(&mut self, mut effects: Vec<Effect>) -> Vec<Effect> {
        let shown = self.preview.as_ref().map(|(thing, _)| thing);
        if let Some(wanted) = self.chosen().map(thing).filter(|wanted| Some(wanted) != shown) {
            effects.push(Effect::Work("preview".into(), AnyRequest::Search(Request::Preview(wanted))));
        }
        let all = self.hits.len();
        let more = (all as u64) < self.facets.total && all >= self.limit && self.limit < MOST;
        if more && self.cursor.at + PAGE / 2 >= all && !self.busy {
            self.limit = (self.limit + PAGE * 2).min(MOST);
            effects.extend(self.ask());
        }
        effects
    }

    fn answered(&mut self, answer: Answer, world: &World<'_>) -> Vec<Effect> {
        match answer {
            Answer::Refreshed if !self.is_blank() => return self.ask(),
            Answer::Refreshed => {}
            Answer::Found(asked, Ok(found)) => {
                self.busy = false;
                let same = |old: &Asked| (&old.words, &old.narrow) == (&asked.words, &asked.narrow);
                if !self.answered.as_ref().is_some_and(same) {
                    (self.cursor, self.side) = (Cursor::default(), self.side);
                }
                if !asked.narrow.iter().any(|(field, _)| field == "kind") {
                    self.kinds = found.facets.fields.get("kind").cloned().unwrap_or_default();
                }
                (self.hits, self.facets, self.failed) = (found.hits, found.facets, None);
                self.answered = Some(asked);
                self.cursor.fit(self.hits.len());
                self.side.fit(self.counts().len());
                if self.hits.is_empty() {
                    (self.preview, self.text) = (None, Text::default());
                }
            }
            Answer::Found(_, Err(fault)) => (self.failed, self.busy) = (Some(fault), false),
            Answer::Preview(thing, preview) => {
                self.preview = Some((thing, preview));
                self.lay(world);
            }
        }
        self.settle(Vec::new())
    }

    /// Remembers the search that led somewhere.
    fn remember(&mut self) {
        let words = self.field.text().trim().to_string();
        if !words.is_empty() {
            self.recent.retain(|old| *old != words);
            self.recent.push(words);
            let old = self.recent.len().saturating_sub(REMEMBERED);
            self.recent.drain(..old);
        }
        self.recalled = None;
    }

    /// An older search (or a newer one) in the place of what is typed.
    fn recall(&mut self, older: bool) -> Option<Vec<Effect>> {
        let at = match (self.recalled, older) {
            (None, true) if self.field.is_empty() => self.recent.len().checked_sub(1)?,
            (Some(at), true) if self.cursor.at == 0 => at.saturating_sub(1),
            _ => return None,
        };
        self.recalled = Some(at);
        self.field.set(&self.recent.get(at)?.clone());
        Some(self.ask_anew())
    }

    fn typed(&mut self, key: &KeyEvent) -> Vec<Effect> {
        if self.pane != Pane::Field {
            if key.code == KeyCode::Esc {
                self.pane = Pane::Field;
            }
            return Vec::new();
        }
        if !self.field.key(key) {
            return Vec::new();
        }
        self.changed()
    }

    fn changed(&mut self) -> Vec<Effect> {
        self.recalled = None;
        self.ask_anew()
    }
}

impl Tab for Search {
    fn id(&self) -> TabId {
        TabId::Search
    }

    fn update(&mut self, happening: Happening, world: &World<'_>) -> Vec<Effect> {
        let before = self.places(world.area).preview;
        let effects = match happening {
            Happening::Shown => {
                vec![Effect::Work("refresh".into(), AnyRequest::Search(Request::Refresh))]
            }
            Happening::Act(action) => self.act(action, world),
            Happening::Key(key) => self.typed(&key),
            Happening::Pasted(text) if self.pane == Pane::Field && self.field.paste(&text) => self.changed(),
            Happening::Mouse(event) => self.mouse(&event, world),
            Happening::Answered(AnyAnswer::Search(answer)) => self.answered(answer, world),
            Happening::Resized => {
                self.lay(world);
                Vec::new()
            }
            Happening::Told(Tell::Search(words)) => {
                self.field.set(&words);
                (self.narrow, self.pane) = (Vec::new(), Pane::Field);
                self.changed()
            }
            _ => Vec::new(),
        };
        // Where there is little room, the preview comes and goes with its keys.
        if self.places(world.area).preview != before {
            self.lay(world);
        }
        effects
    }

    fn draw(&self, buffer: &mut Buffer, world: &World<'_>) -> Option<Position> {
        self.view(buffer, world)
    }

    fn sections(&self) -> Vec<Section> {
        vec![Section::Search, if self.is_typing() { Section::Typing } else { Section::Lists }]
    }

    fn is_typing(&self) -> bool {
        self.pane == Pane::Field
    }

    fn is_bare(&self) -> bool {
        self.hits.is_empty()
    }

    fn hints(&self) -> Vec<Action> {
        let mut hints = vec![if self.pane == Pane::Side { NARROW } else { OPEN }, PANE];
        if !self.is_typing() {
            hints.push(FIELD);
        }
        if !self.narrow.is_empty() {
            hints.push(WIDEN);
        }
        hints
    }
}
