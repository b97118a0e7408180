//! Which chat is shown: read, gone to, begun, and what was being written in each kept.

use super::acts::fail;
use super::thread::Thread;
use super::{Chat, Here, Pane, Request, ask, reads};
use crate::kernel::ids::Id;
use crate::store::{MessageStatus, SessionFilter};
use crate::tui::happening::{Effect, Tell};
use crate::tui::tabs::Request as AnyRequest;

impl Chat {
    pub(super) fn shown(&mut self) -> Vec<Effect> {
        let mut out = self.list();
        if !self.begun {
            self.begun = true;
            out.push(ask("knows", Request::Knows));
            out.push(ask("models", Request::Models { open: false }));
            out.push(ask("draft", Request::Draft(None)));
        }
        if let Here::Session(id) = self.here {
            self.side.unread.remove(&id);
            out.extend(self.reload());
        }
        out
    }

    pub(super) fn filter(&self) -> SessionFilter {
        let text = Some(self.side.filter.text().trim().to_string()).filter(|t| !t.is_empty());
        SessionFilter { text, archived: self.side.archived, ..SessionFilter::default() }
    }

    /// Reads the list again.
    pub(super) fn list(&self) -> Vec<Effect> {
        vec![ask("list", Request::List { filter: self.filter(), after: None, limit: self.side.wanted() })]
    }

    /// Reads the conversation again. It goes on from where this screen stands, whatever another one does beside that.
    pub(super) fn reload(&self) -> Vec<Effect> {
        let Here::Session(session) = self.here else { return Vec::new() };
        self.read(session, self.thread.leaf)
    }

    /// Reads the conversation up to a message; `None` for where the chat goes on.
    pub(super) fn read(&self, session: Id, leaf: Option<Id>) -> Vec<Effect> {
        let most = self.thread.entries.len().max(reads::PAGE) + 8;
        vec![ask("thread", Request::Thread { session, leaf, most, to: self.to })]
    }

    /// Puts what is being written away, and what stood in another chat in its place.
    pub(super) fn go(&mut self, here: Here) -> Vec<Effect> {
        if self.here == here {
            return Vec::new();
        }
        let mut out = self.save_draft();
        out.extend(self.forget_here());
        self.menu = None;
        let (of, editing) = (self.here.id(), self.composer.editing.is_some());
        let (text, files) = self.composer.take();
        if !editing {
            self.drafts.insert(of, (text, files));
        }
        self.here = here;
        let notes = std::mem::take(&mut self.thread.notes);
        self.thread = Thread::empty();
        self.thread.notes = notes;
        (self.failed, self.finding) = (None, None);
        match self.drafts.remove(&here.id()) {
            Some((text, files)) => {
                self.composer.set(&text);
                self.composer.files = files;
            }
            None => out.push(ask("draft", Request::Draft(here.id()))),
        }
        self.composer.dirty = false;
        if let Here::Session(id) = here {
            self.side.point_at(id);
            self.side.unread.remove(&id);
            out.extend(self.reload());
        }
        out
    }

    /// Puts back what was being written before a question was put otherwise.
    pub(super) fn restore_draft(&mut self) {
        self.composer.take();
        if let Some((text, files)) = self.drafts.remove(&self.here.id()) {
            self.composer.set(&text);
            self.composer.files = files;
        }
        self.composer.dirty = false;
    }

    /// Saves what is being written, where that is not saved yet.
    pub(super) fn save_draft(&mut self) -> Vec<Effect> {
        if !std::mem::take(&mut self.composer.dirty) || self.composer.editing.is_some() {
            return Vec::new();
        }
        let of = self.here.id();
        let lane = format!("draft:{}", of.map(|id| id.to_string()).unwrap_or_default());
        let (text, files) = (self.composer.text(), self.composer.files.clone());
        vec![ask(lane, Request::SaveDraft { of, text, files, last: false })]
    }

    /// Keeps what is being written, and forgets chats that are not kept.
    pub(super) fn leaving(&mut self) -> Vec<Effect> {
        let mut out = self.save_draft();
        for effect in &mut out {
            if let Effect::Work(_, AnyRequest::Chat(Request::SaveDraft { last, .. })) = effect {
                *last = true;
            }
        }
        out.extend(self.forget_here());
        out
    }

    /// Forgets the chat that is shown when it is one that is not kept.
    fn forget_here(&mut self) -> Vec<Effect> {
        let kept = self.thread.session.as_ref().is_none_or(|session| !session.temporary);
        let Some(id) = self.here.id().filter(|_| !kept) else { return Vec::new() };
        let mut out = match self.turning() {
            Some(_) => self.stop(),
            None => Vec::new(),
        };
        self.turns.retain(|turn| turn.here != Here::Session(id));
        self.drafts.remove(&Some(id));
        out.push(ask(format!("forget:{id}"), Request::Remove(id)));
        out
    }

    /// Shows the chat under the cursor of the list.
    pub(super) fn open_chosen(&mut self) -> Vec<Effect> {
        match self.side.chosen().map(|s| s.id) {
            Some(id) => self.go(Here::Session(id)),
            None => Vec::new(),
        }
    }

    /// Begins a chat that is forgotten when it ends.
    pub(super) fn begin_unkept(&mut self) -> Vec<Effect> {
        let mut out = self.begin();
        self.wish_mut().temporary = true;
        out.push(Effect::Note("this chat is forgotten when it ends".to_string()));
        out
    }

    /// Whether the chat here is a new one in whose place another would look the same.
    pub(super) fn is_untouched(&self) -> bool {
        let nothing = self.composer.text().trim().is_empty() && self.composer.files.is_empty();
        matches!(self.here, Here::New(_)) && self.pane == Pane::Compose && nothing && !self.wishes.contains_key(&None)
    }

    /// Begins another chat.
    pub(super) fn begin(&mut self) -> Vec<Effect> {
        self.news += 1;
        self.wishes.remove(&None);
        let out = self.go(Here::New(self.news));
        self.pane = Pane::Compose;
        out
    }

    pub(super) fn told(&mut self, tell: Tell) -> Vec<Effect> {
        match tell {
            Tell::Session(session, message) => {
                let Ok(session) = session.parse::<Id>() else { return fail("there is no such chat", "") };
                self.to = message.and_then(|id| id.parse().ok());
                self.pane = if self.to.is_some() { Pane::Thread } else { Pane::Compose };
                match self.here == Here::Session(session) {
                    true => self.reload(),
                    false => self.go(Here::Session(session)),
                }
            }
            Tell::Draft(text) => {
                let out = self.begin();
                self.composer.set(&text);
                // What is in the store is not put over it.
                out.into_iter().filter(|e| !matches!(e, Effect::Work(_, AnyRequest::Chat(Request::Draft(_))))).collect()
            }
            Tell::Heard(text) => {
                self.pane = Pane::Compose;
                let apart = self.composer.text().chars().next_back().is_some_and(|last| !last.is_whitespace());
                self.composer.insert(&format!("{}{text}", if apart { " " } else { "" }));
                self.offer()
            }
            _ => Vec::new(),
        }
    }

    /// Reads as far back as this message, and shows it.
    pub(super) fn fetch(&mut self, id: Id) -> Vec<Effect> {
        self.to = Some(id);
        self.thread.follows = false;
        self.reload()
    }

    /// Whether an answer is shown that another program waits for.
    pub(super) fn is_pending(&self) -> bool {
        let last = self.thread.entries.last();
        let ours = |id: Id| self.turns.iter().any(|turn| turn.live.answer == Some(id));
        last.is_some_and(|e| e.message.status == MessageStatus::Pending && !ours(e.message.id))
    }

    pub(super) fn moment(&mut self) -> Vec<Effect> {
        let mut out = self.save_draft();
        out.extend(self.give_up());
        self.moments += 1;
        // Another program's answer grows without saying so.
        if self.is_pending() && self.moments.is_multiple_of(10) {
            out.extend(self.reload());
        }
        out
    }
}
