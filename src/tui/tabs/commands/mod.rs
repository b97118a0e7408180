//! The commands tab: what can be run, by source and category, with its definition beside it.
//!
//! Finding, binding, trusting and fetching are done in `work`; running is the business of the runs tab.

mod acts;
#[cfg(test)]
mod done;
mod fetch;
mod form;
mod input;
mod page;
mod pictures;
#[cfg(test)]
mod tests;
mod tree;
mod trust;
mod view;
mod work;

use std::collections::BTreeMap;
use std::path::PathBuf;

use ratatui::buffer::Buffer;
use ratatui::layout::Position;

use self::form::Filled;
use self::tree::{Item, Key, Tree};
use self::trust::Judged;
pub use self::trust::changes;
use self::work::{Errand, Paper, Shown, Want};
use super::{Answer as AnyAnswer, Request as AnyRequest, Tab, TabId};
use crate::commands::catalog::Resolved;
use crate::kernel::ids::Id;
use crate::tui::actions;
use crate::tui::happening::{Effect, Fault, Happening, Lane, Tell, World};
use crate::tui::keymap::{Action, Entry, Section, entry};
use crate::tui::widgets::field::Field;
use crate::tui::widgets::list::Cursor;
use crate::tui::widgets::split::Split;
use crate::tui::widgets::text::Text;

pub use self::work::{Answer, Request, work};

/// Run the command, or fold the heading.
pub const RUN: Action = Action("commands-run");
/// See exactly what would run.
pub const DRY: Action = Action("commands-dry-run");
/// Run it on the whole terminal.
pub const TERMINAL: Action = Action("commands-terminal");
/// Trust it, or take trust back.
pub const TRUST: Action = Action("commands-trust");
/// What changed since it was trusted.
pub const DIFF: Action = Action("commands-diff");
/// Edit the definition.
pub const EDIT: Action = Action("commands-edit");
/// Copy the definition.
pub const COPY_TEXT: Action = Action("commands-copy-definition");
/// Take a prompt to a chat.
pub const CHAT: Action = Action("commands-chat");
/// Update the source.
pub const UPDATE: Action = Action("commands-update");
/// Update every source.
pub const UPDATE_ALL: Action = Action("commands-update-all");
/// Add a source.
pub const ADD: Action = Action("commands-add");
/// With headings or by name alone.
pub const FLAT: Action = Action("commands-flat");
/// Fold or open all headings.
pub const FOLD_ALL: Action = Action("commands-fold-all");
/// Close a heading.
pub const FOLD: Action = Action("commands-fold");
/// Open a heading.
pub const UNFOLD: Action = Action("commands-unfold");

/// The tab's keys.
#[rustfmt::skip]
pub const TABLE: &[Entry] = &[
    entry(RUN, Section::Commands, &["enter"], "run", "Run it, or fold the heading"),
    entry(DRY, Section::Commands, &["d"], "dry run", "Show exactly what would run"),
    entry(TRUST, Section::Commands, &["t"], "trust", "Trust it, or take trust back"),
    entry(DIFF, Section::Commands, &["D"], "diff", "Show what changed since it was trusted"),
    entry(TERMINAL, Section::Commands, &["X"], "on terminal", "Run it on the whole terminal"),
    entry(CHAT, Section::Commands, &["c"], "to chat", "Take a prompt to a new chat"),
    entry(EDIT, Section::Commands, &["e"], "edit", "Edit the definition, where it is yours"),
    entry(COPY_TEXT, Section::Commands, &["Y"], "", "Copy the definition"),
    entry(FLAT, Section::Commands, &["f"], "flat", "With headings, or by name alone"),
    entry(FOLD_ALL, Section::Commands, &["z"], "fold", "Fold or open all headings"),
    entry(FOLD, Section::Commands, &["left", "h"], "", "Close the heading"),
    entry(UNFOLD, Section::Commands, &["right", "l"], "", "Open the heading"),
    entry(UPDATE, Section::Commands, &["u"], "update", "Update the source"),
    entry(UPDATE_ALL, Section::Commands, &["U"], "", "Update every source"),
    entry(ADD, Section::Commands, &["a"], "add", "Add a source"),
];

/// The only line that is typed into, if any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Typing {
    #[default]
    Nothing,
    /// What narrows the list down.
    Filter,
    /// What is looked for in the definition.
    Find,
}

/// What a card is about, until it is answered.
#[derive(Debug)]
enum Question {
    /// Whether to trust these, and what to do then.
    Trust(Vec<Resolved>, Option<Errand>),
    /// Whether to take trust back: spec, and the command unless it is for all.
    Untrust(String, Option<String>),
    /// Whether to run what was shown.
    Run(Errand),
}

/// The tab.
pub struct Commands {
    tree: Tree,
    listed: bool,
    failed: Option<Fault>,
    cursor: Cursor,
    filter: Field,
    find: Field,
    typing: Typing,
    split: Split,
    page: Text,
    /// Whether the definition has the keys.
    inside: bool,
    shown: Option<Box<Shown>>,
    /// Why the chosen one cannot be shown.
    unshown: Option<Fault>,
    /// What was wanted of a definition that is not here yet.
    waiting: Option<Want>,
    /// A command of another tab that is to be shown once it is listed.
    wanted: Option<String>,
    asked: Option<Want>,
    /// What is wanted once the parameters left have one of the values that are suggested for them.
    suggesting: Option<(Want, Vec<String>)>,
    question: Option<Question>,
    /// What was filled in last for a command, in this sitting; nothing secret.
    given: BTreeMap<Id, Filled>,
    /// What was filled in just now, until it is known to be right.
    filled: Filled,
    editing: Option<(PathBuf, String)>,
    /// What is being fetched, and how far it is.
    fetching: BTreeMap<String, String>,
}

impl Default for Commands {
    fn default() -> Self {
        Commands {
            tree: Tree::default(),
            listed: false,
            failed: None,
            cursor: Cursor::default(),
            filter: Field::default(),
            find: Field::default(),
            typing: Typing::Nothing,
            split: Split::beside(42),
            page: Text::default(),
            inside: false,
            shown: None,
            unshown: None,
            waiting: None,
            wanted: None,
            asked: None,
            suggesting: None,
            question: None,
            given: BTreeMap::new(),
            filled: Filled::new(),
            editing: None,
            fetching: BTreeMap::new(),
        }
    }
}

/// Work in a lane of its own.
fn ask(lane: &str, request: Request) -> Effect {
    Effect::Work(Lane::from(lane), AnyRequest::Commands(request))
}

/// Something that cannot be done, said.
fn cannot(said: &str) -> Vec<Effect> {
    vec![Effect::Note(said.to_string())]
}

impl Commands {
    fn item(&self) -> Option<Item> {
        self.tree.items().get(self.cursor.at).copied()
    }

    /// The command under the cursor.
    fn chosen(&self) -> Option<Id> {
        match self.item()? {
            Item::Command(at) => self.tree.listing().commands.get(at).map(|c| c.id),
            _ => None,
        }
    }

    /// The definition under the cursor, once it is here.
    fn definition(&self) -> Option<&Shown> {
        let id = self.chosen()?;
        self.shown.as_deref().filter(|shown| shown.id == id)
    }

    /// The source of the row under the cursor, by its place.
    fn source(&self) -> Option<usize> {
        Some(match self.item()? {
            Item::Source(at, _) => at,
            Item::Category(at, _) | Item::Command(at) => self.tree.listing().commands[at].source,
        })
    }

    /// Another row is chosen: asks for its definition; the old one stays until the new one is here.
    fn moved(&mut self, world: &World<'_>) -> Vec<Effect> {
        (self.waiting, self.suggesting, self.unshown) = (None, None, None);
        match self.chosen() {
            Some(id) => {
                if self.definition().is_some() {
                    return Vec::new();
                }
                vec![self.look_at(id, world)]
            }
            None => {
                self.shown = None;
                self.lay_out_heading(world);
                self.page.rewind();
                Vec::new()
            }
        }
    }

    /// Asks for a definition, laid out as it is drawn now.
    fn look_at(&self, id: Id, world: &World<'_>) -> Effect {
        let paper =
            Paper { room: self.panes(world.area)[1].width, theme: world.theme.clone(), pictures: world.pictures };
        ask("show", Request::Show(id, paper))
    }

    /// What stands beside a heading.
    fn lay_out_heading(&mut self, world: &World<'_>) {
        let room = self.panes(world.area)[1].width;
        let rows = self.item().map(|item| page::of_heading(&self.tree, item, room, world.theme));
        self.page.set(rows.unwrap_or_default());
    }

    /// The page has another width now.
    pub(super) fn lay_out(&mut self, world: &World<'_>) -> Vec<Effect> {
        match self.chosen() {
            Some(id) => vec![self.look_at(id, world)],
            None => {
                self.lay_out_heading(world);
                Vec::new()
            }
        }
    }

    /// The rows of the list are others now: the cursor stays on `key`, or near where it was.
    fn stay(&mut self, key: Option<&Key>, world: &World<'_>) -> Vec<Effect> {
        if let Some(at) = key.and_then(|key| self.tree.place(key)) {
            self.cursor.at = at;
        }
        self.cursor.fit(self.tree.items().len());
        self.moved(world)
    }

    fn key_of_row(&self) -> Option<Key> {
        self.item().map(|item| self.tree.key(item))
    }

    /// Narrows the list down to what is typed.
    fn narrow(&mut self, world: &World<'_>) -> Vec<Effect> {
        let key = self.key_of_row();
        let words = self.filter.text().to_string();
        self.tree.narrow(&words);
        if words.trim().is_empty() {
            if let Some(Key::Command(id)) = &key {
                let at = self.tree.listing().commands.iter().position(|c| c.id == *id);
                at.into_iter().for_each(|at| self.tree.reveal(at));
            }
            return self.stay(key.as_ref(), world);
        }
        // The best match is what is meant.
        self.cursor = Cursor::default();
        self.moved(world)
    }

    fn clear_filter(&mut self, world: &World<'_>) -> Vec<Effect> {
        self.filter.set("");
        self.narrow(world)
    }

    /// Shows the command that another tab means; says so when there is none.
    fn select(&mut self, key: &str, world: &World<'_>) -> Option<Vec<Effect>> {
        let at = self.tree.find(key)?;
        self.filter.set("");
        self.tree.narrow("");
        self.tree.reveal(at);
        let place = self.tree.place(&Key::Command(self.tree.listing().commands[at].id));
        self.cursor.at = place.unwrap_or(0);
        self.inside = false;
        Some(self.moved(world))
    }

    fn answered(&mut self, answer: Answer, world: &World<'_>) -> Vec<Effect> {
        match answer {
            Answer::Listed(Err(fault)) => {
                let again = self.listed;
                self.failed = Some(fault.clone());
                self.listed = true;
                if again { vec![Effect::Fail(fault)] } else { Vec::new() }
            }
            Answer::Listed(Ok(listing)) => {
                let key = self.key_of_row().filter(|_| self.listed);
                (self.listed, self.failed) = (true, None);
                self.tree.set(listing);
                let effects = self.stay(key.as_ref(), world);
                let wanted = self.wanted.clone().and_then(|key| self.select(&key, world));
                if wanted.is_some() {
                    self.wanted = None;
                }
                // What is shown may be another one now.
                let again = self.chosen().map(|id| self.look_at(id, world));
                wanted.or(again.map(|a| vec![a])).unwrap_or(effects)
            }
            Answer::Looked => match self.wanted.take() {
                Some(key) => vec![Effect::Fail(Fault { said: format!("there is no command `{key}`"), hint: None })],
                None => Vec::new(),
            },
            Answer::Shown(id, _) if self.chosen() != Some(id) => Vec::new(),
            Answer::Shown(_, Ok(mut shown)) => {
                let other = self.shown.as_ref().is_none_or(|before| before.id != shown.id);
                self.page.set(std::mem::take(&mut shown.rows));
                if other {
                    self.page.rewind();
                }
                (self.shown, self.unshown) = (Some(shown), None);
                match self.waiting.take() {
                    Some(want) => self.begin(want, world),
                    None => Vec::new(),
                }
            }
            Answer::Shown(_, Err(fault)) => {
                (self.shown, self.unshown, self.waiting) = (None, Some(fault), None);
                Vec::new()
            }
            Answer::Suggested(id, name, values) if self.chosen() == Some(id) => self.suggested(&name, values),
            Answer::Suggested(..) => Vec::new(),
            Answer::Prepared(_, Err(fault)) | Answer::Judged(Err(fault)) | Answer::Done(Err(fault)) => {
                vec![Effect::Fail(fault)]
            }
            Answer::Prepared(errand, Ok(prepared)) => self.prepared(errand, prepared, world),
            Answer::Judged(Ok(all)) => self.judged(&all, None, world),
            Answer::Done(Ok(said)) => vec![Effect::Note(said)],
            Answer::Read(_, Err(fault)) => vec![Effect::Fail(fault)],
            Answer::Read(file, Ok(text)) => self.edit(file, text),
            Answer::Unsaved(text, fault) => vec![Effect::Copy(text), Effect::Fail(fault)],
            Answer::Progress(name, said) => {
                self.fetching.insert(name, said);
                Vec::new()
            }
            Answer::Fetched(name, done) => {
                self.fetching.remove(&name);
                // All of them were asked for at once, or a new one had no name yet.
                self.fetching.retain(|_, said| said == acts::ASKED);
                let said = match done {
                    Ok(said) => Effect::Note(said),
                    Err(fault) => Effect::Fail(fault),
                };
                vec![said, ask("list", Request::List)]
            }
        }
    }
}

impl Tab for Commands {
    fn id(&self) -> TabId {
        TabId::Commands
    }

    fn update(&mut self, happening: Happening, world: &World<'_>) -> Vec<Effect> {
        match happening {
            Happening::Shown => vec![ask("list", Request::List)],
            Happening::News(events) => {
                let ours = |kind: &str| ["source.", "trust.", "definition."].iter().any(|p| kind.starts_with(p));
                match self.listed && events.iter().any(|e| ours(&e.kind)) {
                    true => vec![ask("list", Request::List)],
                    false => Vec::new(),
                }
            }
            Happening::Resized => self.lay_out(world),
            Happening::Act(action) if self.typing != Typing::Nothing => self.typed(action, world),
            Happening::Act(action) => self.act(action, world),
            Happening::Key(key) => self.key(&key, world),
            Happening::Pasted(text) => match self.typing {
                Typing::Filter if self.filter.paste(&text) => self.narrow(world),
                Typing::Find if self.find.paste(&text) => {
                    self.page.look_for(self.find.text());
                    Vec::new()
                }
                _ => Vec::new(),
            },
            Happening::Mouse(event) => self.mouse(&event, world),
            Happening::Answered(AnyAnswer::Commands(answer)) => self.answered(answer, world),
            Happening::Closed(name, reply) => self.closed(name, reply, world),
            Happening::Edited(_, text) => self.edited(text),
            Happening::Returned(_) => vec![ask("list", Request::List)],
            Happening::Told(Tell::Command(key)) => match self.select(&key, world) {
                Some(effects) => effects,
                None => {
                    self.wanted = Some(key);
                    vec![ask("list", Request::List)]
                }
            },
            _ => Vec::new(),
        }
    }

    fn draw(&self, buffer: &mut Buffer, world: &World<'_>) -> Option<Position> {
        self.draw_all(buffer, world)
    }

    fn sections(&self) -> Vec<Section> {
        match self.typing {
            Typing::Nothing => vec![Section::Commands, Section::Lists],
            _ => vec![Section::Typing],
        }
    }

    fn is_typing(&self) -> bool {
        self.typing != Typing::Nothing
    }

    fn is_bare(&self) -> bool {
        self.item().is_none()
    }

    fn hints(&self) -> Vec<Action> {
        if self.is_typing() {
            return vec![actions::ACCEPT, actions::BACK];
        }
        let mut hints = Vec::new();
        match self.item() {
            Some(Item::Command(_)) => {
                hints.extend([RUN, actions::FIND, DRY, TRUST]);
                let shown = self.definition();
                hints.extend(shown.filter(|s| s.before.is_some()).map(|_| DIFF));
                hints.extend(shown.filter(|s| acts::is_prompt(s)).map(|_| CHAT));
                hints.extend(shown.filter(|s| s.file.is_some()).map(|_| EDIT));
                hints.extend([actions::COPY, TERMINAL]);
            }
            _ => hints.extend([actions::FIND, FOLD_ALL, FLAT, TRUST]),
        }
        hints.extend([UPDATE, ADD]);
        hints
    }

    fn badge(&self) -> Option<char> {
        (!self.fetching.is_empty()).then_some('↻')
    }
}
