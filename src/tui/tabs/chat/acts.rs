//! What keys and menus do to the tab. Nothing here waits: what takes time is asked for.

use super::keys as k;
use super::messages::{Entry, Look};
use super::{Chat, Here, Pane, Picking, Request, ask, live_of, reads, rescue};
use crate::chat::saying::GO_ON;
use crate::kernel::markdown::{code_blocks, links};
use crate::kernel::terminal::safe_line;
use crate::store::SessionEdit;
use crate::tui::actions;
use crate::tui::happening::{Effect, Fault, Lend, World};
use crate::tui::keymap::Action;
use crate::tui::popups::{Ask as Line, Choice, Choose, Popup};
use crate::tui::widgets::field::Field;

/// The most that is pasted into the composer at once, bytes: whatever is larger is a file.
const LARGEST_PASTE: usize = 1 << 20;

/// A sentence for the person.
pub(super) fn note(text: impl Into<String>) -> Vec<Effect> {
    vec![Effect::Note(text.into())]
}

pub(super) fn fail(said: impl Into<String>, hint: &str) -> Vec<Effect> {
    let hint = Some(hint.to_string()).filter(|h| !h.is_empty());
    vec![Effect::Fail(Fault { said: said.into(), hint })]
}

impl Chat {
    pub(super) fn act(&mut self, action: Action, world: &World<'_>) -> Vec<Effect> {
        match action {
            actions::NEXT_PANE => self.next_pane(1),
            actions::PREVIOUS_PANE => self.next_pane(2),
            actions::WIDER => self.split.grow(5),
            actions::NARROWER => self.split.grow(-5),
            actions::FIND if self.pane == Pane::Side => self.side.typing = true,
            actions::FIND => {
                self.pane = Pane::Thread;
                self.finding = Some(Field::of(&self.thread.wanted));
            }
            actions::ACCEPT => return self.accept(world),
            actions::BACK => return self.back(),
            k::NEW if self.is_untouched() => return note("this chat is new: write below"),
            k::NEW => return self.begin(),
            k::STOP => return self.stop(),
            k::WRITE if self.pane == Pane::Compose => return note("what you type stands below; Enter sends it"),
            k::ALOUD => return self.read_aloud(!self.reads_aloud()),
            k::WRITE => self.pane = Pane::Compose,
            k::CHATS => {
                self.pane = Pane::Side;
                self.side.typing = true;
            }
            k::SEND => return self.send(),
            k::NEWLINE => {
                self.composer.newline();
                self.menu = None;
            }
            k::EDITOR => {
                let text = self.composer.text();
                return self.edit_outside(text);
            }
            _ => return self.act_in_pane(action, world),
        }
        Vec::new()
    }

    fn next_pane(&mut self, by: usize) {
        const ORDER: [Pane; 3] = [Pane::Side, Pane::Thread, Pane::Compose];
        let at = ORDER.iter().position(|pane| *pane == self.pane).unwrap_or(0);
        self.pane = ORDER[(at + by) % ORDER.len()];
    }

    fn act_in_pane(&mut self, action: Action, world: &World<'_>) -> Vec<Effect> {
        if let Some(effects) = self.menu(action) {
            return effects;
        }
        let look = self.look(world);
        if self.pane == Pane::Side {
            if action == actions::OPEN {
                self.pane = Pane::Compose;
                return self.open_chosen();
            }
            let (length, height) = (self.side.all().len(), super::Frame::inner(self.panes(world.area).side).height);
            if self.side.cursor.act(action, length, height) {
                return self.open_chosen();
            }
        }
        match action {
            k::PREVIOUS_QUESTION | k::NEXT_QUESTION => self.go_to_question(action == k::NEXT_QUESTION, &look),
            k::OLDER_VERSION => self.version(-1),
            k::NEWER_VERSION => self.version(1),
            k::EDIT => self.edit(false),
            k::FIX => self.edit(true),
            k::RETRY => self.retry(None),
            k::CONTINUE => self.ask_for(Some(GO_ON.to_string()), Vec::new(), None),
            k::MARK => self.mark(),
            k::FOLD_ALL => {
                self.thread.toggle_all();
                Vec::new()
            }
            actions::COPY => self.copy(&look),
            actions::OPEN => {
                let place = self.thread.cursor;
                self.thread.toggle(place);
                Vec::new()
            }
            actions::FIND_NEXT => self.find_on(true, &look),
            actions::FIND_PREVIOUS => self.find_on(false, &look),
            other => {
                let live = live_of(&self.turns, self.here);
                match (self.pane, other) {
                    // While something is written the conversation is scrolled as a whole.
                    (Pane::Compose, actions::PAGE_UP) => self.thread.scroll(-self.page(world), live, &look),
                    (Pane::Compose, actions::PAGE_DOWN) => self.thread.scroll(self.page(world), live, &look),
                    _ => drop(self.thread.act(other, live, &look)),
                }
                Vec::new()
            }
        }
    }

    fn page(&self, world: &World<'_>) -> isize {
        isize::try_from(self.text_area(world.area).height.saturating_sub(2)).unwrap_or(1).max(1)
    }

    /// What was typed into a line is taken.
    fn accept(&mut self, world: &World<'_>) -> Vec<Effect> {
        if self.side.typing {
            self.side.typing = false;
            self.pane = Pane::Side;
            return self.open_chosen();
        }
        if let Some(field) = self.finding.take() {
            self.thread.wanted = field.text().to_lowercase();
            return self.show_hit(0, &self.look(world));
        }
        Vec::new()
    }

    fn back(&mut self) -> Vec<Effect> {
        if self.side.typing {
            self.side.typing = false;
            self.side.filter = Field::default();
            return self.list();
        }
        self.leave_find();
        Vec::new()
    }

    pub(super) fn leave_find(&mut self) {
        self.finding = None;
        self.thread.wanted.clear();
        self.thread.hits.clear();
    }

    /// Looks for what is typed.
    pub(super) fn find(&mut self, _world: &World<'_>) -> Vec<Effect> {
        self.look_for(self.finding.as_ref().map(|f| f.text().to_string()).unwrap_or_default())
    }

    /// Looks for words in the whole conversation.
    pub(super) fn look_for(&mut self, words: String) -> Vec<Effect> {
        self.thread.wanted = words.to_lowercase();
        self.thread.hits.clear();
        match self.thread.leaf.filter(|_| !words.trim().is_empty()) {
            Some(leaf) => vec![ask("find", Request::Find { leaf, words })],
            None => Vec::new(),
        }
    }

    /// Goes on to the next place, or back to the one before: in this message, or in the next one that has some.
    fn find_on(&mut self, forward: bool, look: &Look<'_>) -> Vec<Effect> {
        let Some(id) = self.thread.hits.get(self.thread.hit).copied() else { return Vec::new() };
        if self.thread.show_within(id, forward, look) {
            return Vec::new();
        }
        let out = self.show_hit(if forward { 1 } else { self.thread.hits.len().saturating_sub(1) }, look);
        if let Some(id) = self.thread.hits.get(self.thread.hit).copied().filter(|_| !forward) {
            while self.thread.show_within(id, true, look) {}
        }
        out
    }

    /// Shows the place that was found so many further on.
    pub(super) fn show_hit(&mut self, by: usize, look: &Look<'_>) -> Vec<Effect> {
        let hits = self.thread.hits.len();
        if hits == 0 {
            return Vec::new();
        }
        self.thread.hit = (self.thread.hit + by) % hits;
        let id = self.thread.hits[self.thread.hit];
        match self.thread.show(id, look) {
            true => Vec::new(),
            false => self.fetch(id),
        }
    }

    fn go_to_question(&mut self, forward: bool, look: &Look<'_>) -> Vec<Effect> {
        let live = live_of(&self.turns, self.here);
        if self.thread.go_to_question(forward, live, look) {
            return Vec::new();
        }
        match (forward, self.thread.older, self.here.id()) {
            (false, Some(leaf), Some(session)) if !self.thread.reading => {
                self.thread.reading = true;
                vec![ask("older", Request::Older { session, leaf, most: reads::PAGE * 4 })]
            }
            _ => note("there is no further question"),
        }
    }

    /// Shows another version of the message under the cursor.
    fn version(&mut self, by: isize) -> Vec<Effect> {
        let Some(session) = self.here.id() else { return Vec::new() };
        let Some(entry) = self.thread.chosen() else { return Vec::new() };
        let Some(at) = entry.versions.iter().position(|id| *id == entry.message.id) else { return Vec::new() };
        let Some(version) = at.checked_add_signed(by).and_then(|at| entry.versions.get(at)).copied() else {
            return note("there is no further version of this message");
        };
        if self.turning().is_some() {
            return note("an answer comes here; stop it first");
        }
        let most = self.thread.entries.len().max(reads::PAGE);
        vec![ask("thread", Request::Switch { session, version, most })]
    }

    fn mark(&mut self) -> Vec<Effect> {
        self.pane = Pane::Thread;
        self.thread.marking = !self.thread.marking;
        let place = self.thread.cursor;
        self.thread.marked = self.thread.marking.then_some(((place, 0), (place, usize::MAX)));
        Vec::new()
    }

    /// Copies what is marked, else the message under the cursor as it was written.
    fn copy(&mut self, look: &Look<'_>) -> Vec<Effect> {
        let live = live_of(&self.turns, self.here);
        if let Some(text) = self.thread.marked_text(live, look) {
            (self.thread.marked, self.thread.marking) = (None, false);
            return vec![Effect::Copy(text)];
        }
        match self.chosen_words() {
            Some(words) => vec![Effect::Copy(words)],
            None => note("there is nothing to copy here"),
        }
    }

    /// The words of the message under the cursor, as they were written.
    pub(super) fn chosen_words(&self) -> Option<String> {
        let of = |e: &Entry| if e.is_question() { e.asked() } else { e.message.words.clone() };
        let live = live_of(&self.turns, self.here);
        let entry = self.thread.chosen();
        let words = match (entry, live) {
            (Some(entry), Some(live)) if live.answer == Some(entry.message.id) => live.words().to_string(),
            (Some(entry), _) => of(entry),
            (None, live) => live?.words().to_string(),
        };
        Some(words.trim_end_matches('\n').to_string()).filter(|w| !w.is_empty())
    }

    /// Copies a block of code, or a link, of the message under the cursor; several are chosen from.
    pub(super) fn copy_one_of(&mut self, code: bool) -> Vec<Effect> {
        let words = self.chosen_words().unwrap_or_default();
        let found = if code { code_blocks(&words) } else { links(&words) };
        let what = if code { "block of code" } else { "link" };
        match found.as_slice() {
            [] => note(format!("this message has no {what}")),
            [one] => vec![Effect::Copy(one.trim_end_matches('\n').to_string())],
            several => {
                let line = |text: &str| text.lines().find(|l| !l.trim().is_empty()).unwrap_or_default().to_string();
                let about = |text: &str| if code { format!("{} lines", text.lines().count()) } else { String::new() };
                let choices = several.iter().enumerate();
                let choices = choices.map(|(at, t)| Choice::new(at.to_string(), line(t), about(t))).collect();
                self.picks = found;
                let title = format!("Copy which {what}?");
                vec![Effect::Open("pick", Box::new(Popup::Choose(Choose::new(title, choices, 0))))]
            }
        }
    }

    pub(super) fn pasted(&mut self, text: &str, world: &World<'_>) -> Vec<Effect> {
        if let Some(field) = &mut self.finding {
            field.paste(text);
            return self.find(world);
        }
        if self.side.typing {
            self.side.filter.paste(text);
            return self.list();
        }
        self.pane = Pane::Compose;
        let line = text.trim();
        let path = ["/", "~/", "./", "file://", "'/", "\"/"].iter().any(|start| line.starts_with(start));
        if path && line.len() < 1000 && !line.contains('\n') {
            // Perhaps a file that was dragged here.
            return vec![ask("pasted", Request::File { path: line.to_string(), pasted: Some(text.to_string()) })];
        }
        if text.len() > LARGEST_PASTE {
            let key = world.keys.key(k::ATTACH).map(|chord| chord.to_string()).unwrap_or_default();
            let hint = format!("put it into a file: {key} attaches that");
            return fail("this is too much for a message", &hint);
        }
        self.composer.insert(text);
        self.offer()
    }

    /// Opens the person's editor on a text that becomes the message.
    pub(super) fn edit_outside(&mut self, text: String) -> Vec<Effect> {
        self.menu = None;
        let of = rescue::name(self.here.id());
        vec![Effect::Lend(Lend::Edit { name: "message", text, extension: ".md", of })]
    }

    /// The model that is asked here, as far as that is known.
    pub(super) fn model(&self) -> String {
        let wish = self.wishes.get(&self.here.id()).and_then(|w| w.model.clone());
        let session = || self.thread.session.as_ref().and_then(|s| s.model.clone());
        let answered = || self.thread.entries.iter().rev().find_map(|e| e.message.model.clone());
        let default = || self.knows.as_ref().and_then(|k| k.default.clone());
        let found = wish.or_else(session).or_else(default).or_else(answered);
        found.map(|name| safe_line(&name).into_owned()).unwrap_or_default()
    }

    /// Asks the list of models to be opened.
    pub(super) fn pick_model(&mut self, picking: Picking) -> Vec<Effect> {
        self.picking = picking;
        match &self.models {
            Some(models) if !models.is_empty() => {
                let now = self.model();
                let at = models.iter().position(|m| m.key == now).unwrap_or(0);
                let title = if picking == Picking::Chat { "Who answers from here on" } else { "Who answers this once" };
                let mut choose = Choose::new(title, models.clone(), at);
                choose.free = true;
                vec![Effect::Open("model", Box::new(Popup::Choose(choose)))]
            }
            _ => {
                let mut out = note("asking which models there are …");
                out.push(ask("models", Request::Models { open: true }));
                out
            }
        }
    }

    pub(super) fn set_model(&mut self, name: String) -> Vec<Effect> {
        let said = note(format!("{} answers from now on", safe_line(&name)));
        self.wish_mut().model = Some(name.clone());
        match self.here {
            Here::Session(id) => {
                let edit = Request::Edit(id, vec![SessionEdit::Model(Some(name))]);
                said.into_iter().chain([ask("edit", edit)]).collect()
            }
            Here::New(_) => said,
        }
    }

    /// A line to type that is answered under a name.
    pub(super) fn line(&self, name: &'static str, title: &str, text: &str, about: &str) -> Vec<Effect> {
        let mut line = Line::new(title, text);
        line.note = about.to_string();
        vec![Effect::Open(name, Box::new(Popup::Ask(line)))]
    }
}
