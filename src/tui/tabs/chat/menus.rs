//! Lists, lines and cards that the tab opens, and what becomes of them.

use ratatui::style::Style;

use super::keys as k;
use super::messages::Look;
use super::turn::Ask;
use super::{Chat, Here, Pane, Picking, Request, Wishes, ask, reads};
use crate::chat::saying::called;
use crate::kernel::ids::Id;
use crate::kernel::terminal::{safe_line, truncate_to_width};
use crate::providers::model::Effort;
use crate::store::{Session, SessionEdit};
use crate::tui::happening::{Effect, Lend, World};
use crate::tui::keymap::Action;
use crate::tui::popups::{Card, Choice, Choose, Page, Popup, Reply};
use crate::tui::widgets::text::{Row, wrapped_words};

use super::acts::note;

const EFFORTS: &[(&str, &str, Option<Effort>)] = &[
    ("as it wants", "the model thinks as it wants to", None),
    ("none", "the model does not think first", Some(Effort::None)),
    ("low", "the model thinks a little", Some(Effort::Low)),
    ("medium", "the model thinks", Some(Effort::Medium)),
    ("high", "the model thinks hard", Some(Effort::High)),
];

impl Chat {
    /// Opens what belongs to an action; `None` where nothing does.
    pub(super) fn menu(&mut self, action: Action) -> Option<Vec<Effect>> {
        Some(match action {
            k::MODEL => self.pick_model(Picking::Chat),
            k::RETRY_WITH => self.pick_model(Picking::Again),
            k::TOOLS => vec![ask("tools", Request::Tools)],
            k::ATTACH => self.line("attach", "Send a file along", "", "a path; ~ and quotes are understood"),
            k::DETACH => self.detach(),
            k::SYSTEM => {
                let text = self.system();
                self.line("system", "What the model is to be and to do", &text, "empty for none")
            }
            k::THINK => {
                let choices = EFFORTS.iter().map(|(key, about, _)| Choice::new(*key, key, about)).collect();
                let now = self.wish().tuning.effort;
                let at = EFFORTS.iter().position(|(_, _, effort)| *effort == now).unwrap_or(0);
                choose("think", "How hard the model thinks", choices, at)
            }
            k::QUESTIONS => self.questions(),
            k::COPY_CODE => self.copy_one_of(true),
            k::COPY_LINK => self.copy_one_of(false),
            k::TREE => match self.here.id() {
                Some(id) => vec![ask("tree", Request::Tree(id))],
                None => note("nothing was said yet"),
            },
            k::USAGE => match self.here.id() {
                Some(id) => vec![ask("usage", Request::Usage(id))],
                None => note("nothing was asked yet"),
            },
            k::CONTEXT => match (self.here.id(), self.thread.leaf) {
                (Some(session), Some(leaf)) => {
                    let Wishes { model, system, tuning, .. } = self.wish();
                    let asked = Box::new(Ask { model, system, tuning, ..Ask::default() });
                    vec![ask("pieces", Request::Pieces { session, leaf, ask: asked })]
                }
                _ => note("nothing was said yet"),
            },
            k::SAVE => match self.here.id() {
                Some(_) => self.line("save", "Write this chat into a file", "", "FILE.md, FILE.json or FILE.html"),
                None => note("nothing was said yet"),
            },
            k::REDACT => match self.thread.chosen().map(|e| e.message.id) {
                Some(id) => {
                    self.black = Some((id, None));
                    self.line(
                        "black",
                        "Black out which words of this message?",
                        "",
                        "as they stand there; empty: all of it",
                    )
                }
                None => note("nothing was said yet"),
            },
            k::RAW => self.set_raw(!self.raw),
            k::TEMP => self.begin_unkept(),
            k::SHELL => self.line("shell", "A line for your shell", "", "it has the whole terminal; Enter comes back"),
            k::COMMANDS => self.help(),
            k::RENAME | k::TITLE | k::PIN | k::ARCHIVE | k::TAG | k::DELETE => match self.named() {
                Some(session) => self.side_menu(action, &session),
                None => note("this chat has not begun yet"),
            },
            k::ARCHIVED => {
                self.side.archived = !self.side.archived;
                self.side.sessions = None;
                self.list()
            }
            _ => return None,
        })
    }

    /// The chat that a key is about: the one under the cursor of the list, else the one that is shown.
    fn named(&self) -> Option<Session> {
        let shown = || self.thread.session.clone();
        match self.pane {
            Pane::Side => self.side.chosen().cloned().or_else(shown),
            _ => shown().or_else(|| self.here.id().and_then(|id| self.side.find(id)).cloned()),
        }
    }

    fn side_menu(&mut self, action: Action, session: &Session) -> Vec<Effect> {
        let name = called(session);
        self.about = Some(session.id);
        match action {
            k::RENAME => {
                let now = session.name.clone().unwrap_or_default();
                self.line("rename", &format!("A name for `{name}`"), &now, "fac chat --session NAME goes on in it")
            }
            k::TITLE => {
                let now = session.title.clone().unwrap_or_default();
                self.line("title", "What it is about", &now, "empty: the model finds a title")
            }
            k::TAG => {
                let now = session.tags.join(" ");
                self.line("tag", &format!("Labels of `{name}`"), &now, "parted by blanks")
            }
            k::PIN => self.change(session.id, vec![SessionEdit::Pinned(!session.pinned)]),
            k::ARCHIVE => self.change(session.id, vec![SessionEdit::Archived(!session.archived)]),
            _ => {
                let row = |text: String| Row::of(safe_line(&text).into_owned());
                let rows = vec![
                    row(name),
                    row(format!("{} messages, begun {}", session.messages, session.created.local_short())),
                    Row::default(),
                    row("It is erased with everything that was said in it, from the search too.".to_string()),
                ];
                let card = Card::new("Erase this chat?", rows, &[('e', "erase it"), ('n', "no")]);
                vec![Effect::Open("delete", Box::new(Popup::Card(card)))]
            }
        }
    }

    /// Shows answers as they are written, or drawn.
    pub(super) fn set_raw(&mut self, raw: bool) -> Vec<Effect> {
        self.raw = raw;
        self.thread.forget_all();
        self.turns.iter_mut().for_each(|turn| turn.live.forget());
        note(if raw { "answers come as they are written" } else { "answers are drawn" })
    }

    /// Writes the chat into a file.
    pub(super) fn save(&self, path: String) -> Vec<Effect> {
        match self.here.id() {
            Some(session) => vec![ask("save", Request::Save { session, path, over: false })],
            None => note("nothing was said yet"),
        }
    }

    /// Asks whether the file that is there may go.
    pub(super) fn ask_to_write_over(&mut self, session: Id, path: String) -> Vec<Effect> {
        let rows = vec![Row::of(safe_line(&path).into_owned()), Row::of("It is there already; what it holds is lost.")];
        (self.about, self.over) = (Some(session), path);
        let card = Card::new("Write over it?", rows, &[('w', "write over it"), ('n', "no")]);
        vec![Effect::Open("over", Box::new(Popup::Card(card)))]
    }

    /// Asks whether words, or a whole message, are to be blacked out for good.
    fn ask_to_black_out(&mut self, words: Option<String>) -> Vec<Effect> {
        let Some((id, _)) = self.black.take() else { return Vec::new() };
        let entry = self.thread.index(id).and_then(|at| self.thread.entries.get(at));
        let said = entry.map(|e| e.message.words.split_whitespace().take(40).collect::<Vec<_>>().join(" "));
        let what = words.as_ref().map_or_else(|| said.unwrap_or_default(), |words| format!("`{words}`"));
        let row = |text: &str| Row::of(truncate_to_width(&safe_line(text), 80));
        let rows =
            vec![row(&what), Row::default(), row("It is erased for good, from the search too, and never sent again.")];
        self.black = Some((id, words));
        let card = Card::new("Black it out?", rows, &[('b', "black it out"), ('n', "no")]);
        vec![Effect::Open("black-out", Box::new(Popup::Card(card)))]
    }

    /// A text to read.
    pub(super) fn read_page(&self, title: &str, lines: &[String]) -> Vec<Effect> {
        let room = self.room.saturating_sub(8).min(96);
        let rows = lines.iter().flat_map(|line| wrapped_words(line, room, Style::default())).collect();
        vec![Effect::Open("page", Box::new(Popup::Page(Page::new(title, rows))))]
    }

    fn change(&self, session: Id, edits: Vec<SessionEdit>) -> Vec<Effect> {
        vec![ask("edit", Request::Edit(session, edits))]
    }

    /// The system text that holds here.
    fn system(&self) -> String {
        let own = self.wish().system;
        own.or_else(|| self.thread.session.as_ref().and_then(|s| s.system.clone())).unwrap_or_default()
    }

    fn detach(&mut self) -> Vec<Effect> {
        match self.composer.files.len() {
            0 => note("no file goes along"),
            1 => {
                self.composer.files.clear();
                self.composer.dirty = true;
                Vec::new()
            }
            _ => {
                let files = self.composer.files.iter().enumerate();
                let choices = files.map(|(at, f)| Choice::new(at.to_string(), f.said(), "")).collect();
                choose("detach", "Leave which file out?", choices, 0)
            }
        }
    }

    fn questions(&mut self) -> Vec<Effect> {
        let asked = self.thread.entries.iter().filter(|e| e.is_question());
        let line = |text: &str| truncate_to_width(&text.split_whitespace().collect::<Vec<_>>().join(" "), 70);
        let choices: Vec<Choice> = asked.map(|e| Choice::new(e.message.id.to_string(), line(&e.asked()), "")).collect();
        if choices.is_empty() {
            return note("nothing was asked yet");
        }
        let last = choices.len() - 1;
        choose("question", "Questions", choices, last)
    }

    /// Offers the tools, those that are offered already marked.
    pub(super) fn offer_tools(&mut self, all: Vec<Choice>, at: usize) -> Vec<Effect> {
        let wanted = self.wish().tools;
        self.offered.clone_from(&all);
        let mut choices = Vec::with_capacity(all.len() + 1);
        for mut choice in all {
            if wanted.contains(&choice.key) {
                choice.aside = "✓ offered".to_string();
            }
            choices.push(choice);
        }
        let title = match wanted.len() {
            0 => "Tools that the model may ask for (each use is asked about)".to_string(),
            n => format!("Tools that the model may ask for: {n} chosen; Enter takes one on or off"),
        };
        let mut choose = Choose::new(title, choices, at);
        choose.free = true;
        vec![Effect::Open("tools", Box::new(Popup::Choose(choose)))]
    }

    fn toggle_tool(&mut self, key: String) -> Vec<Effect> {
        let at = self.offered.iter().position(|c| c.key == key).unwrap_or(0);
        let tools = &mut self.wish_mut().tools;
        match tools.iter().position(|t| *t == key) {
            Some(at) => drop(tools.remove(at)),
            None => tools.push(key),
        }
        let offered = std::mem::take(&mut self.offered);
        self.offer_tools(offered, at)
    }

    /// What became of what was opened.
    pub(super) fn closed(&mut self, name: &'static str, reply: Reply, world: &World<'_>) -> Vec<Effect> {
        if let Some((mut out, _)) = self.cards.closed(name, &reply) {
            out.extend(self.next_card(world));
            return out;
        }
        let look = self.look(world);
        match reply {
            Reply::Dismissed | Reply::Filled(_) => Vec::new(),
            Reply::Chosen(key) => self.chosen(name, key, &look),
            Reply::Typed(text) => self.typed(name, text),
        }
    }

    fn chosen(&mut self, name: &'static str, key: String, look: &Look<'_>) -> Vec<Effect> {
        match name {
            "model" if self.picking == Picking::Again => self.retry(Some(key)),
            "model" => self.set_model(key),
            "tools" => self.toggle_tool(key),
            "think" => {
                let found = EFFORTS.iter().find(|(name, _, _)| *name == key);
                let Some((_, said, effort)) = found else { return Vec::new() };
                self.wish_mut().tuning.effort = *effort;
                note(*said)
            }
            "detach" => {
                if let Some(at) = key.parse::<usize>().ok().filter(|at| *at < self.composer.files.len()) {
                    self.composer.files.remove(at);
                    self.composer.dirty = true;
                }
                Vec::new()
            }
            "question" => {
                self.pane = Pane::Thread;
                if let Ok(id) = key.parse::<Id>() {
                    self.thread.show(id, look);
                }
                Vec::new()
            }
            "pick" => {
                let found = key.parse::<usize>().ok().and_then(|at| self.picks.get(at).cloned());
                found.map(|text| Effect::Copy(text.trim_end_matches('\n').to_string())).into_iter().collect()
            }
            "tree" => match (key.parse::<Id>(), self.here.id()) {
                (Ok(version), Some(session)) if self.turning().is_none() => {
                    self.pane = Pane::Thread;
                    vec![ask("thread", Request::Switch { session, version, most: reads::PAGE })]
                }
                _ => note("an answer comes here; stop it first"),
            },
            "over" if key == "w" => match self.about.take() {
                Some(session) => {
                    let path = std::mem::take(&mut self.over);
                    vec![ask("save", Request::Save { session, path, over: true })]
                }
                None => Vec::new(),
            },
            "black-out" if key == "b" => match (self.black.take(), self.here.id()) {
                (Some((id, words)), Some(session)) => {
                    vec![ask("black", Request::BlackOut { session, message: id.to_string(), words })]
                }
                _ => Vec::new(),
            },
            "delete" if key == "e" => match self.about.take() {
                Some(id) => {
                    let mut out = if self.here == Here::Session(id) { self.begin() } else { Vec::new() };
                    self.pane = Pane::Side;
                    out.push(ask("remove", Request::Remove(id)));
                    out
                }
                None => Vec::new(),
            },
            _ => Vec::new(),
        }
    }

    fn typed(&mut self, name: &'static str, text: String) -> Vec<Effect> {
        let text = text.trim().to_string();
        let full = Some(text.clone()).filter(|t| !t.is_empty());
        match (name, self.about) {
            ("attach", _) if !text.is_empty() => vec![ask("file", Request::File { path: text, pasted: None })],
            ("save", _) if !text.is_empty() => self.save(text),
            ("black", _) => self.ask_to_black_out(full),
            ("shell", _) if !text.is_empty() => vec![Effect::Lend(Lend::Shell { name: "shell", line: text })],
            ("model", _) if self.picking == Picking::Again => self.retry(Some(text)),
            ("model", _) => self.set_model(text),
            ("tools", _) => self.toggle_tool(text),
            ("system", _) => self.set_system(full),
            ("rename", Some(id)) => self.change(id, vec![SessionEdit::Name(full)]),
            ("title", Some(id)) => match (full, self.thread.leaf.filter(|_| self.here == Here::Session(id))) {
                (None, Some(leaf)) => vec![ask("title", Request::Title(id, leaf))],
                (title, _) => self.change(id, vec![SessionEdit::Title(title)]),
            },
            ("tag", Some(id)) => {
                let old =
                    self.side.find(id).or(self.thread.session.as_ref()).map(|s| s.tags.clone()).unwrap_or_default();
                let new: Vec<String> = text.split_whitespace().map(|t| t.trim_start_matches('#').to_string()).collect();
                let gone = old.iter().filter(|t| !new.contains(t)).cloned().map(SessionEdit::Untag);
                let come = new.iter().filter(|t| !old.contains(t)).cloned().map(SessionEdit::Tag);
                let edits: Vec<SessionEdit> = gone.chain(come).collect();
                if edits.is_empty() { Vec::new() } else { self.change(id, edits) }
            }
            _ => Vec::new(),
        }
    }

    pub(super) fn set_system(&mut self, text: Option<String>) -> Vec<Effect> {
        match self.here {
            Here::Session(id) => self.change(id, vec![SessionEdit::System(text)]),
            Here::New(_) => {
                self.wish_mut().system = text;
                note("the system text is set")
            }
        }
    }

    /// Opens the card of the tool that waits longest, when none is open.
    pub(super) fn next_card(&mut self, world: &World<'_>) -> Vec<Effect> {
        let (turns, side, here) = (&self.turns, &self.side, self.here);
        let about = |lane: &str| {
            let elsewhere = turns.iter().find(|t| t.lane == lane && t.here != here)?.here.id()?;
            let name = side.find(elsewhere).map_or_else(|| elsewhere.tail(), called);
            Some(format!("In the chat `{name}`:"))
        };
        self.cards.open(about, world)
    }
}

/// A list to choose from.
pub(super) fn choose(name: &'static str, title: &str, choices: Vec<Choice>, at: usize) -> Vec<Effect> {
    vec![Effect::Open(name, Box::new(Popup::Choose(Choose::new(title, choices, at))))]
}
