//! Questions: sent, put otherwise, asked again, stopped.

use super::acts::note;
use super::composer::{Attached, Editing};
use super::live::Live;
use super::messages::Entry;
use super::slash::Meant;
use super::turn::Ask;
use super::{Chat, Pane, Request, Turning, Wishes, ask};
use crate::kernel::ids::Id;
use crate::store::MessageStatus;
use crate::tui::happening::{Effect, Lane};

/// A turn that was stopped is forgotten after this, microseconds.
const GIVEN_UP: i64 = 3_000_000;

impl Chat {
    /// Puts a question otherwise: the one under the cursor, or the last one in its place.
    pub(super) fn edit(&mut self, fix: bool) -> Vec<Effect> {
        let last = self.thread.last_question().map(|e| e.message.id);
        let found =
            if fix || self.pane == Pane::Compose { self.thread.last_question() } else { self.thread.question() };
        let Some(entry) = found else { return note("nothing was asked yet") };
        let entry = entry.clone();
        self.edit_entry(&entry, last, fix)
    }

    /// Puts this question otherwise.
    pub(super) fn edit_entry(&mut self, entry: &Entry, last: Option<Id>, fix: bool) -> Vec<Effect> {
        let (id, parent, text) = (entry.message.id, entry.message.parent, entry.asked());
        // A last question without a whole answer is merely corrected.
        let unanswered = self.thread.entries.last().is_none_or(|e| {
            e.is_question()
                || matches!(e.message.status, MessageStatus::Failed | MessageStatus::Cancelled)
                    && e.message.words.is_empty()
        });
        let replaces = last == Some(id) && (fix || unanswered);
        let out = self.save_draft();
        if self.composer.editing.is_none() {
            let (text, files) = self.composer.take();
            self.drafts.insert(self.here.id(), (text, files));
        }
        self.composer.set(&text);
        self.composer.editing = Some(Editing { id, parent, replaces });
        self.composer.dirty = false;
        self.pane = Pane::Compose;
        out
    }

    /// Asks for the answer under the cursor once more.
    pub(super) fn retry(&mut self, model: Option<String>) -> Vec<Effect> {
        let Some(parent) = self.thread.question().map(|e| e.message.id) else { return note("nothing was asked yet") };
        if self.turning().is_some() {
            return note("an answer comes already; Esc stops it");
        }
        let asked = Ask { parent: Some(parent), model, ..Ask::default() };
        self.start(asked, String::new(), Vec::new())
    }

    /// Sends what was written, or does the command that it is.
    pub(super) fn send(&mut self) -> Vec<Effect> {
        let text = self.composer.text();
        if text.trim().is_empty() && self.composer.files.is_empty() {
            return note("there is nothing to send yet");
        }
        let text = match self.meant(text) {
            Meant::Message(text) => text,
            Meant::Done(effects) => return effects,
        };
        if self.turning().is_some() {
            return note("an answer comes already; Esc stops it, and what you wrote stays here");
        }
        let editing = self.composer.editing.take();
        let (_, files) = self.composer.take();
        if editing.is_some() {
            self.restore_draft();
        }
        // The draft stays in the store until the question is there.
        self.composer.dirty = false;
        self.past.push(text.clone());
        self.ask_for(Some(text), files, editing)
    }

    /// Asks something behind what is shown, or in the place of an old question.
    pub(super) fn ask_for(
        &mut self,
        text: Option<String>,
        files: Vec<Attached>,
        editing: Option<Editing>,
    ) -> Vec<Effect> {
        if self.turning().is_some() {
            return note("an answer comes already; Esc stops it");
        }
        let parent = match &editing {
            Some(editing) => editing.parent,
            None => self.thread.leaf,
        };
        let replaces = editing.as_ref().filter(|e| e.replaces).map(|e| e.id);
        let asked = Ask {
            parent,
            unread: editing.is_none() && self.is_unread(),
            to: self.to,
            text: text.clone(),
            files: files.iter().map(|f| f.path.clone()).collect(),
            replaces,
            ..Ask::default()
        };
        let out = self.start(asked, text.unwrap_or_default(), files);
        if let Some(turn) = self.turns.last_mut() {
            turn.editing = editing;
        }
        out
    }

    /// Whether the chat that is shown has still to be read.
    pub(super) fn is_unread(&self) -> bool {
        self.here.id().is_some() && self.thread.session.is_none()
    }

    fn start(&mut self, asked: Ask, text: String, files: Vec<Attached>) -> Vec<Effect> {
        self.lanes += 1;
        let lane = format!("turn:{}", self.lanes);
        let Wishes { model, system, tuning, tools, name, temporary } = self.wish();
        let request = Ask {
            lane: lane.clone(),
            session: self.here.id(),
            model: asked.model.clone().or(model),
            system,
            tuning,
            tools,
            name,
            temporary,
            aloud: self.reads_aloud(),
            ..asked
        };
        self.speaking |= request.aloud;
        let model = request.model.clone().unwrap_or_else(|| self.model());
        self.turns.push(Turning {
            lane: lane.clone(),
            here: self.here,
            asked: text.clone(),
            back: (text, files),
            editing: None,
            fresh: self.here.id().is_none(),
            live: Live::default(),
            since: self.now,
            model,
            stopped: None,
        });
        self.thread.follows = true;
        self.thread.marked = None;
        vec![ask(lane, Request::Turn(Box::new(request)))]
    }

    /// Stops the answer that comes here.
    pub(super) fn stop(&mut self) -> Vec<Effect> {
        let here = self.here;
        let Some(turn) = self.turns.iter_mut().find(|t| t.here == here) else {
            return self.fall_silent().unwrap_or_else(|| note("no answer comes here"));
        };
        turn.stopped = Some(self.now);
        let lane = turn.lane.clone();
        self.cards.give_up(&lane);
        vec![Effect::Stop(Lane(lane))]
    }

    /// Whether answers are read aloud.
    pub(super) fn reads_aloud(&self) -> bool {
        self.aloud.unwrap_or_else(|| self.knows.as_ref().is_some_and(|knows| knows.aloud))
    }

    /// Reads answers aloud from now on, or not.
    pub(super) fn read_aloud(&mut self, aloud: bool) -> Vec<Effect> {
        self.aloud = Some(aloud);
        let silence = if aloud { None } else { self.fall_silent() };
        let said = if aloud { "answers are read aloud" } else { "answers are not read aloud" };
        silence.into_iter().flatten().chain(note(said)).collect()
    }

    /// Silences what is read aloud; none where nothing is.
    fn fall_silent(&mut self) -> Option<Vec<Effect>> {
        std::mem::take(&mut self.speaking).then(|| vec![Effect::Stop(Lane(super::ALOUD.to_string()))])
    }

    /// Forgets turns that were stopped and of which nothing more was heard.
    pub(super) fn give_up(&mut self) -> Vec<Effect> {
        let now = self.now;
        let over = |turn: &Turning| turn.stopped.is_some_and(|at| now.since(at) > GIVEN_UP);
        let Some(at) = self.turns.iter().position(over) else { return Vec::new() };
        let turn = self.turns.remove(at);
        let (text, files) = turn.back;
        if turn.here == self.here && turn.live.answer.is_none() && self.composer.is_empty() {
            self.composer.set(&text);
            self.composer.files = files;
        }
        self.reload()
    }
}
