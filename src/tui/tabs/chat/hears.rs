//! Takes in what jobs answer and what others did.

use super::acts::note;
use super::live::Working;
use super::menus::choose;
use super::messages::{self, Drawn, Look};
use super::turn::{End, Step};
use super::{ALOUD, Answer, Chat, Here, Pane, Picking, Request, ask, live_of};
use crate::kernel::events::Recorded;
use crate::kernel::ids::Id;
use crate::store::MessageStatus;
use crate::tui::happening::{Effect, Fault, Tell, World};
use crate::tui::tabs::TabId;
use crate::tui::theme::Role;
use crate::tui::widgets::text::wrapped_words;

/// What turns while something is awaited.
const WHEEL: &[&str] = &["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

impl Chat {
    pub(super) fn answered(&mut self, answer: Answer, world: &World<'_>) -> Vec<Effect> {
        let failed = |fault: Fault| vec![Effect::Fail(fault)];
        match answer {
            Answer::List(Ok(found), more) => {
                let shown = self.here.id();
                self.side.take(found.sessions, found.next, more, shown);
            }
            Answer::Thread(session, loaded) if self.here == Here::Session(session) => match loaded {
                Ok(loaded) => {
                    self.failed = None;
                    self.thread.to = self.to.take();
                    let look = self.look(world);
                    self.thread.take(*loaded, &look);
                    self.settle();
                }
                Err(fault) => self.failed = Some(fault),
            },
            Answer::Older(session, Ok((entries, older))) if self.here == Here::Session(session) => {
                self.thread.take_older(entries, older);
            }
            Answer::Hits(words, Ok(hits)) if words.to_lowercase() == self.thread.wanted => {
                // The place nearest to where one looks comes first.
                let from = self.thread.cursor.0.min(self.thread.entries.len());
                let near =
                    self.thread.entries[from..].iter().find_map(|e| hits.iter().position(|h| *h == e.message.id));
                self.thread.hit = near.unwrap_or(hits.len().saturating_sub(1));
                self.thread.hits = hits;
                let look = self.look(world);
                return self.show_hit(0, &look);
            }
            Answer::Tree(Ok((choices, at))) => {
                return choose("tree", "Branches (● leads to where you are)", choices, at);
            }
            Answer::Edited(session, Ok(())) => {
                let mut out = self.list();
                if self.here == Here::Session(session) {
                    out.extend(self.reload());
                }
                return out;
            }
            Answer::Removed(_, Ok(())) => return self.list(),
            Answer::Knows(knows) => {
                let fault = knows.fault.clone();
                self.models.get_or_insert_with(|| knows.models.clone());
                self.knows = Some(*knows);
                return fault.map(failed).unwrap_or_default();
            }
            Answer::Models(Ok(models), open) => {
                self.models = Some(models);
                if open {
                    let picking = self.picking;
                    return self.open_models(picking);
                }
            }
            Answer::Models(Err(fault), true) => return failed(fault),
            Answer::Tools(Ok(tools)) => return self.offer_tools(tools, 0),
            Answer::File(Ok(file), _) => {
                self.composer.files.push(file);
                self.composer.dirty = true;
            }
            Answer::File(Err(_), Some(text)) => self.composer.insert(&text),
            Answer::File(Err(fault), None) => return failed(fault),
            Answer::Usage(Ok(said)) => return note(said),
            Answer::Message(session, Ok(id)) if self.here == Here::Session(session) => {
                self.pane = Pane::Thread;
                let look = self.look(world);
                return if self.thread.show(id, &look) { Vec::new() } else { self.fetch(id) };
            }
            Answer::Chat(Ok(id)) => {
                self.pane = Pane::Compose;
                return self.go(Here::Session(id));
            }
            Answer::Pieces(Ok(lines)) => return self.read_page("What would be sent now", &lines),
            Answer::Done(session, Ok(said)) => {
                let mut out = note(said);
                if self.here == Here::Session(session) {
                    self.thread.forget_all();
                    out.extend(self.reload());
                }
                return out;
            }
            Answer::Exists(session, path) => return self.ask_to_write_over(session, path),
            Answer::Offers(before, found) => self.offered(&before, found),
            Answer::Draft { of, text, files, rescued } => {
                if self.here.id() == of && self.composer.is_empty() && !text.is_empty() {
                    self.composer.set(&text);
                    self.composer.dirty = false;
                }
                if self.here.id() == of && self.composer.files.is_empty() {
                    self.composer.files = files;
                }
                return rescued.map(note).unwrap_or_default();
            }
            Answer::Picture(place, made) => {
                let look = self.look(world);
                self.picture_made(place, made, &look);
            }
            Answer::Spoken(fault) => {
                // The next answer may be on its way.
                self.speaking = self.reads_aloud() && !self.turns.is_empty();
                return fault.map(failed).unwrap_or_default();
            }
            Answer::Turn(lane, step) => return self.step(&lane, *step, world),
            Answer::List(Err(fault), _) => {
                (self.side.failed, self.side.reading) = (true, false);
                self.side.sessions.get_or_insert_with(Vec::new);
                return failed(fault);
            }
            Answer::Older(_, Err(fault))
            | Answer::Hits(_, Err(fault))
            | Answer::Tree(Err(fault))
            | Answer::Edited(_, Err(fault))
            | Answer::Removed(_, Err(fault))
            | Answer::Tools(Err(fault))
            | Answer::Usage(Err(fault))
            | Answer::Message(_, Err(fault))
            | Answer::Chat(Err(fault))
            | Answer::Pieces(Err(fault))
            | Answer::Done(_, Err(fault))
            | Answer::Failed(fault) => return failed(fault),
            Answer::Thread(..)
            | Answer::Message(..)
            | Answer::Older(..)
            | Answer::Hits(..)
            | Answer::Models(Err(_), false) => {}
        }
        Vec::new()
    }

    fn open_models(&mut self, picking: Picking) -> Vec<Effect> {
        match self.models.as_deref() {
            Some([]) | None => {
                let nobody = self.knows.as_ref().and_then(|k| k.nobody.clone());
                vec![Effect::Fail(nobody.unwrap_or(Fault { said: "no model is known".into(), hint: None }))]
            }
            Some(_) => self.pick_model(picking),
        }
    }

    fn step(&mut self, lane: &str, step: Step, world: &World<'_>) -> Vec<Effect> {
        let here = self.here;
        let Some(at) = self.turns.iter().position(|t| t.lane == lane) else { return Vec::new() };
        let turn = &mut self.turns[at];
        match step {
            Step::Begun(session) => {
                let old = std::mem::replace(&mut turn.here, Here::Session(session.id));
                if old != turn.here {
                    let wishes = self.wishes.remove(&None).unwrap_or_default();
                    self.wishes.insert(Some(session.id), wishes);
                    if here == old {
                        self.here = Here::Session(session.id);
                    }
                }
            }
            Step::Awaited(answer) => {
                let notes = std::mem::take(&mut turn.live.notes);
                match turn.live.answer {
                    Some(before) => drop(self.thread.notes.insert(before, notes)),
                    None => turn.back.0.clear(),
                }
                let first = turn.live.answer.is_none();
                let kept = if first { self.thread.notes.remove(&answer).unwrap_or_default() } else { Vec::new() };
                turn.live.begin(answer);
                turn.live.notes = kept;
                // It is being read aloud already, as soon as there are words.
                let against = Effect::Hand(TabId::Voice, Tell::BargeIn);
                let mut out = Vec::from_iter((first && self.speaking).then_some(against));
                // The question is on the disk: its draft may go.
                if std::mem::take(&mut turn.fresh) {
                    let nothing = Request::SaveDraft { of: None, text: String::new(), files: Vec::new(), last: false };
                    out.push(ask("draft:", nothing));
                }
                let shown = turn.here == here;
                if let (true, Some(session)) = (shown, here.id()) {
                    self.composer.dirty |= first;
                    // What is asked next follows it, however soon.
                    self.thread.leaf = Some(answer);
                    // One's own answer, whoever else asks something here at the same time.
                    out.extend(self.read(session, Some(answer)));
                }
                return out;
            }
            Step::Text(text) => turn.live.text(&text),
            Step::Thought(text) => turn.live.thought(&text),
            Step::Notice(said) => turn.live.note(said),
            Step::ToolBegins(origin, preview) => turn.live.tools.push(Working { origin, preview, ended: None }),
            Step::ToolEnded(origin, said, failed) => {
                let open = turn.live.tools.iter_mut().find(|t| t.origin == origin && t.ended.is_none());
                if let Some(tool) = open {
                    tool.ended = Some((said, failed));
                }
            }
            Step::Asks(question, reply) => {
                self.cards.add(lane, question, reply);
                return self.next_card(world);
            }
            Step::Ended(end) => return self.ended(at, end),
        }
        Vec::new()
    }

    fn ended(&mut self, at: usize, end: End) -> Vec<Effect> {
        let turn = self.turns.remove(at);
        self.cards.give_up(&turn.lane);
        let mut out: Vec<Effect> = end.fault.into_iter().map(Effect::Fail).collect();
        out.extend(self.speaking.then(|| ask(ALOUD, Request::HearOut)));
        if let Some(answer) = turn.live.answer {
            self.thread.notes.entry(answer).or_default().extend(turn.live.notes.iter().cloned());
            self.thread.forget(answer);
        }
        if !end.asked {
            // Nothing was asked: what was written is written still.
            let fresh = self.thread.entries.is_empty();
            if self.here == turn.here && fresh {
                self.news += 1;
                self.here = Here::New(self.news);
            }
            let (text, files) = turn.back;
            match self.composer.is_empty() && (self.here == turn.here || fresh) {
                true => {
                    self.composer.set(&text);
                    self.composer.files = files;
                    self.composer.editing = turn.editing;
                }
                false => drop(self.drafts.insert(turn.here.id(), (text, files))),
            }
            return out;
        }
        match turn.here {
            here if here == self.here => out.extend(self.reload()),
            Here::Session(id) => drop(self.side.unread.insert(id)),
            Here::New(_) => {}
        }
        out.extend(self.list());
        out
    }

    /// Ends turns that were stopped and whose answers are known to have ended.
    fn settle(&mut self) {
        let ended: Vec<Id> = self
            .thread
            .entries
            .iter()
            .filter(|e| e.message.status != MessageStatus::Pending)
            .map(|e| e.message.id)
            .collect();
        self.turns.retain(|turn| !(turn.stopped.is_some() && turn.live.answer.is_some_and(|id| ended.contains(&id))));
    }

    /// Facts of the log.
    pub(super) fn heard(&mut self, events: &[Recorded]) -> Vec<Effect> {
        let (mut list, mut thread) = (false, false);
        for event in events {
            let of = event.payload.as_ref().and_then(|p| p.get("session")).and_then(|s| s.as_str());
            let of = of.and_then(|s| s.parse::<Id>().ok());
            let subject = event.subject.parse::<Id>().ok();
            let known = subject.is_some_and(|id| self.thread.index(id).is_some());
            match event.kind.split_once('.') {
                Some(("session", _)) => {
                    list = true;
                    thread |= subject.is_some() && subject == self.here.id();
                }
                Some(("message", "added")) => {
                    list = true;
                    let mine = of.is_some() && of == self.here.id();
                    thread |= mine && !known;
                    let ours = self.turns.iter().any(|t| t.here.id() == of);
                    if let Some(other) = of.filter(|_| !mine && !ours && self.begun) {
                        self.side.unread.insert(other);
                    }
                }
                Some(("message", what)) => {
                    list |= what == "removed";
                    thread |= known;
                    // A turn that was stopped posts nothing more: the log says that it is over.
                    self.turns
                        .retain(|t| !(t.stopped.is_some() && t.live.answer.is_some() && t.live.answer == subject));
                }
                _ => {}
            }
        }
        let mut out = if list { self.list() } else { Vec::new() };
        if thread {
            out.extend(self.reload());
        }
        // A turn that was stopped before anything was asked leaves nothing behind.
        self.turns.retain(|t| !(t.stopped.is_some() && t.live.answer.is_none()));
        out
    }

    /// Draws what came of the answer here.
    pub(super) fn draw_live(&mut self, world: &World<'_>, look: &Look<'_>) {
        let (here, asks) = (self.here, self.cards.all().next().map(String::from));
        let Some(turn) = self.turns.iter_mut().find(|t| t.here == here) else { return };
        let seconds = world.now.since(turn.since).max(0) / 1_000_000;
        let wheel = match (turn.stopped.is_some(), world.motion) {
            (true, _) => "■",
            (_, true) => WHEEL[usize::try_from(world.moment).unwrap_or(0) % WHEEL.len()],
            (_, false) => "…",
        };
        let stop = look.key(super::keys::STOP);
        let said = match (turn.stopped.is_some(), asks.as_deref() == Some(turn.lane.as_str())) {
            (true, _) => "stopping".to_string(),
            (_, true) => "waits for your permission".to_string(),
            _ if turn.live.is_empty() => format!("waits for the first word · {seconds} s · {stop} stops"),
            _ => format!("answers · {seconds} s · {stop} stops"),
        };
        let entry = turn.live.answer.and_then(|id| self.thread.entries.iter().find(|e| e.message.id == id));
        let (name, goes_on) = (turn.model.clone(), entry.is_some_and(|e| e.goes_on));
        let version = entry.and_then(|e| e.version());
        let head = || {
            let mut spans = vec![look.span(Role::Second, format!("◆ {name}"))];
            if let Some((at, all)) = version {
                spans.push(look.span(Role::Warn, format!("  ‹{at}/{all}›")));
            }
            (!goes_on).then(|| Drawn::of(spans))
        };
        turn.live.draw(head, &format!("{wheel} {said}"), look);
    }

    /// What stands behind the last message: a question on its way, or what to do where nothing was said.
    pub(super) fn tail(&self, look: &Look<'_>) -> Vec<Drawn> {
        let mut out = Vec::new();
        if let Some(turn) = self.turning() {
            let live = live_of(&self.turns, self.here);
            let there = turn.live.answer.is_some_and(|id| self.thread.index(id).is_some());
            if there {
                return out;
            }
            if !turn.asked.is_empty() {
                out.push(Drawn::of(look.span(Role::Title, "› You")));
                out.extend(messages::plain(wrapped_words(&turn.asked, look.width, look.theme.style(Role::Text))));
                out.push(Drawn::default());
            }
            out.extend(live.map(|live| live.rows().to_vec()).unwrap_or_default());
            return out;
        }
        if let Some(fault) = &self.failed {
            out.extend(messages::plain(wrapped_words(&fault.to_string(), look.width, look.theme.style(Role::Bad))));
            return out;
        }
        if self.thread.entries.is_empty() {
            out.extend(self.welcome(look));
        }
        out
    }

    /// What is said where nothing was said yet.
    fn welcome(&self, look: &Look<'_>) -> Vec<Drawn> {
        let style = |role| look.theme.style(role);
        if let Some(nobody) = self.knows.as_ref().and_then(|k| k.nobody.as_ref()) {
            let mut rows = wrapped_words(&nobody.said, look.width, style(Role::Warn));
            rows.push(crate::tui::widgets::text::Row::default());
            rows.extend(wrapped_words(nobody.hint.as_deref().unwrap_or_default(), look.width, style(Role::Text)));
            return messages::plain(rows).collect();
        }
        if self.is_unread() {
            return messages::plain(wrapped_words("reading …", look.width, style(Role::Dim))).collect();
        }
        let model = self.model();
        let who = if model.is_empty() { "A model".to_string() } else { model };
        let said = [
            format!("{who} answers; {} chooses another.", look.key(super::keys::MODEL)),
            format!(
                "{} sends a file along, {} offers tools; drop a file here to attach it.",
                look.key(super::keys::ATTACH),
                look.key(super::keys::TOOLS)
            ),
            "Tab goes to the chats at the side; what you write is kept, wherever you go.".to_string(),
        ];
        messages::plain(wrapped_words(&said.join("\n"), look.width, style(Role::Dim))).collect()
    }
}
