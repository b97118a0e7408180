//! The chat that is going on: its session, what goes along with the next question, and turns.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::PoisonError;

use super::super::Context;
use super::super::talk::tools::Kit;
use super::super::talk::{self, Form, Person, Printer, ask, dollars, record, status_of};
use super::super::ui::Role;
use super::complete::{Candidates, Shared};
use super::{Args, Next, attached};
use crate::app::models::budget_check;
use crate::chat::driver::{Ask, Chat, Ended};
use crate::exec::Stop;
use crate::exec::signals::StopOnSignals;
use crate::kernel::error::{Context as _, Error, Kind, Result};
use crate::kernel::ids::Id;
use crate::kernel::terminal::{safe_line, truncate_to_width};
use crate::providers::model::{Part, Tuning};
use crate::providers::{Models, Needs};
use crate::store::{Message, NewSession, Session, SessionEdit, SessionFilter, Store};

/// Chats and messages that Tab offers at most.
const OFFERED: usize = 200;

/// The chat of this process.
pub(super) struct Conversation<'c> {
    pub(super) context: &'c Context,
    pub(super) store: &'c Store,
    pub(super) models: Models,
    /// `None` until something is said.
    pub(super) session: Option<Session>,
    /// How the session begins, when it does.
    pub(super) new: NewSession,
    /// The model as it was asked for.
    pub(super) model: Option<String>,
    pub(super) system: Option<String>,
    pub(super) tuning: Tuning,
    /// Files for the next question: what they are called, and they themselves.
    pub(super) attached: Vec<(String, Part)>,
    /// What `-T` and `/tools` named.
    pub(super) wanted: Vec<String>,
    kit: Option<Kit>,
    pub(super) raw: bool,
    use_cache: bool,
    pub(super) candidates: Shared,
    /// What was typed and did not reach the store.
    pub(super) unsent: Option<String>,
    /// The exit code of the last turn.
    pub(super) code: u8,
    runtime: tokio::runtime::Runtime,
}

impl<'c> Conversation<'c> {
    pub(super) fn new(context: &'c Context, args: &Args) -> Result<Conversation<'c>> {
        let store = context.app.store()?;
        let new = NewSession {
            name: None,
            model: args.model.clone(),
            system: args.system.clone(),
            temporary: args.temp,
            ..NewSession::default()
        };
        let (session, new) = match (&args.session, args.go_on) {
            (Some(name), _) => match store.session(name) {
                Err(error) if error.kind() == Kind::NotFound => (None, NewSession { name: Some(name.clone()), ..new }),
                found => (Some(found?), new),
            },
            (None, true) => (Some(ask::last_session(store)?), new),
            (None, false) => (None, new),
        };
        let tuning = ask::tuning(&args.options, args.think.as_deref())?;
        let home = context.app.paths.user_home.clone();
        let candidates = Candidates { cwd: context.app.cwd.clone(), home, ..Candidates::default() };
        // A thread of its own: connections are closed and servers heard while the person types.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .context(Kind::Failed, || "cannot start the network runtime".to_string())?;
        let mut chat = Conversation {
            context,
            store,
            models: context.app.models()?,
            session,
            new,
            model: args.model.clone(),
            system: args.system.clone(),
            tuning,
            attached: Vec::new(),
            wanted: args.tools.clone(),
            kit: None,
            raw: args.raw,
            use_cache: !args.no_cache,
            candidates: Shared::new(candidates.into()),
            unsent: None,
            code: 0,
            runtime,
        };
        attached(&mut chat, &args.files)?;
        attached(&mut chat, &args.attachments)?;
        // Names that are wrong are said before anything is typed.
        chat.kit()?;
        Ok(chat)
    }

    /// The tools that are offered, found again after they were changed.
    fn kit(&mut self) -> Result<&Kit> {
        if self.kit.is_none() {
            self.kit = Some(Kit::new(self.context, &self.wanted)?);
        }
        self.kit.as_ref().ok_or_else(|| Error::new(Kind::Failed, "no tools"))
    }

    /// Offers other tools from now on; when one of them is wrong, the old ones stay.
    pub(super) fn choose_tools(&mut self, wanted: Vec<String>) -> Result<()> {
        let kit = Kit::new(self.context, &wanted)?;
        if let Some(old) = self.kit.replace(kit) {
            self.runtime.block_on(old.close());
        }
        self.wanted = wanted;
        Ok(())
    }

    /// The session, begun where nothing was said yet.
    pub(super) fn session(&mut self) -> Result<Session> {
        if let Some(session) = &self.session {
            return Ok(session.clone());
        }
        let session = self.store.begin_session(&self.new)?;
        self.session = Some(session.clone());
        Ok(session)
    }

    /// Changes the session, or how it will begin.
    pub(super) fn edit(&mut self, edits: &[SessionEdit]) -> Result<()> {
        let session = self.session()?;
        self.store.edit_session(session.id, edits)?;
        self.reload()
    }

    /// Reads the session again.
    pub(super) fn reload(&mut self) -> Result<()> {
        if let Some(session) = &self.session {
            self.session = Some(self.store.session_by_id(session.id)?);
        }
        Ok(())
    }

    /// The messages from the first to where the chat stands.
    pub(super) fn path(&self) -> Result<Vec<Message>> {
        let head = self.session.as_ref().and_then(|s| s.head);
        head.map(|head| self.store.thread(head)).transpose().map(Option::unwrap_or_default)
    }

    /// What stands before the line.
    pub(super) fn sign(&self) -> String {
        let model = self.model.clone().or_else(|| self.session.as_ref().and_then(|s| s.model.clone()));
        let model = model.or_else(|| self.models.settings().default.clone()).unwrap_or_else(|| "model".to_string());
        let files = match self.attached.len() {
            0 => String::new(),
            1 => " +1 file".to_string(),
            n => format!(" +{n} files"),
        };
        format!("{}{files}", truncate_to_width(&model, 30))
    }

    /// What the chat is called, for the end of the line.
    pub(super) fn called(&self) -> String {
        match &self.session {
            Some(session) if session.temporary => "not kept".to_string(),
            Some(session) => truncate_to_width(&talk::called(session), 40),
            None if self.new.temporary => "not kept".to_string(),
            None => self.new.name.clone().unwrap_or_default(),
        }
    }

    pub(super) fn greet(&self) -> Result<()> {
        let ui = &self.context.ui;
        let dim = |text: &str| ui.note(&ui.paint_err(Role::Dim, text));
        match &self.session {
            None => dim("/help lists the commands, Ctrl-D leaves"),
            Some(session) => {
                dim(&format!("{}: {} messages; the last of them:", talk::called(session), session.messages));
                if let Some(last) = self.path()?.iter().rev().find(|m| m.role == "assistant") {
                    let start: String = last.words.chars().take(300).collect();
                    dim(&safe_line(&start));
                    if let Some(how) = cut_short(last) {
                        dim(&how);
                    }
                }
            }
        }
        Ok(())
    }

    /// Brings what Tab offers up to date; what cannot be read is not offered.
    pub(super) fn refresh(&self) {
        let (sessions, _) = self.store.sessions(&SessionFilter::default(), None, OFFERED).unwrap_or_default();
        let tree = self.session.as_ref().and_then(|s| self.store.tree(s.id).ok()).unwrap_or_default();
        let mut candidates = self.candidates.lock().unwrap_or_else(PoisonError::into_inner);
        let tags: BTreeSet<String> = sessions.iter().flat_map(|s| s.tags.iter().cloned()).collect();
        candidates.tags = tags.into_iter().collect();
        candidates.models = self.models.known();
        candidates.sessions = sessions
            .iter()
            .map(|s| (s.name.clone().unwrap_or_else(|| s.id.tail()), s.title.clone().unwrap_or_default()))
            .collect();
        let recent = tree.iter().rev().take(OFFERED);
        candidates.messages = recent.map(|m| (m.id.tail(), m.words.chars().take(60).collect())).collect();
        candidates.attached = self.attached.iter().map(|(name, _)| name.clone()).collect();
    }

    /// Does what comes next; false leaves.
    pub(super) fn go(&mut self, next: Next) -> Result<bool> {
        match next {
            Next::On => {}
            Next::Leave => return Ok(false),
            Next::Send(text) => {
                self.unsent = Some(text.clone());
                let mut parts: Vec<Part> = self.attached.iter().map(|(_, part)| part.clone()).collect();
                parts.push(Part::text(text));
                let parent = self.session.as_ref().and_then(|s| s.head);
                self.turn(parent, Some(parts), None)?;
            }
            Next::Again(model) => {
                let path = self.path()?;
                let asked = path.iter().rev().find(|m| m.role == "user");
                let asked = asked.ok_or_else(|| Error::new(Kind::Usage, "nothing was asked yet"))?;
                self.turn(Some(asked.id), None, model)?;
            }
        }
        Ok(true)
    }

    /// One question and its answer.
    fn turn(&mut self, parent: Option<Id>, parts: Option<Vec<Part>>, model: Option<String>) -> Result<()> {
        let context = self.context;
        budget_check(&context.app)?.into_iter().for_each(|said| context.ui.warn(&said));
        self.kit()?;
        let fresh = self.session.is_none();
        if fresh && let Some(parts) = &parts {
            self.new.title = Some(ask::title(&crate::providers::model::words(parts))).filter(|t| !t.is_empty());
        }
        let session = self.session()?;
        let ask = Ask {
            parent,
            parts,
            model: model.or_else(|| self.model.clone()),
            system: self.system.clone(),
            tuning: self.tuning.clone(),
            purpose: "chat".to_string(),
            command: None,
            memories: ask::memories(context)?,
        };
        let signals = StopOnSignals::new()?;
        let form = if context.ui.json { Form::Json } else { Form::Words };
        let mut printer = Printer::new(context, form, signals.stop().clone())?;
        if self.raw {
            printer = printer.raw(context);
        }
        let mut chat = self.driver(signals.stop().clone())?;
        chat.use_cache &= self.use_cache;
        let mut person = Person::new(context);
        let kit = self.kit.as_ref();
        let outcome = self.runtime.block_on(async {
            if let Some(kit) = kit {
                chat.tools = kit.tools(context, signals.stop()).await?;
            }
            chat.turn(&session, &ask, &mut printer, &mut person).await
        });
        printer.finish();
        drop(signals);
        let mut outcome = match outcome {
            Ok(outcome) => outcome,
            Err(error) => {
                if fresh && session.name.is_none() {
                    // Nothing was said in it.
                    self.store.remove_session(session.id)?;
                    self.session = None;
                }
                return Err(error);
            }
        };
        // From here on the question is in the store.
        (self.unsent, self.attached) = (None, Vec::new());
        if let Some(kit) = &self.kit {
            kit.settle(context)?;
        }
        self.reload()?;
        let status = status_of(&outcome.ended);
        let line = serde_json::json!({"answer": record(&session, &outcome, status)});
        let cancelled = matches!(outcome.ended, Ended::Cancelled);
        self.say_what_it_took(&outcome);
        if cancelled && self.context.ui.ask {
            // At a prompt this is no failure: the person knows.
            context.ui.note(&context.ui.paint_err(Role::Dim, "stopped; what came is kept, /continue goes on"));
            return Ok(());
        }
        self.code = talk::end(context, &mut outcome, self.tuning.max_tokens.is_some());
        if context.ui.json {
            context.ui.write(format!("{}\n", super::super::ui::json_line(&line)).as_bytes())?;
        }
        if cancelled {
            return Err(Error::new(Kind::Interrupted, "stopped"));
        }
        Ok(())
    }

    fn say_what_it_took(&self, outcome: &crate::chat::Outcome) {
        let ui = &self.context.ui;
        let totals = &outcome.totals;
        if !ui.stderr_terminal || ui.json || ui.quiet || totals.usage.output.is_none() {
            return;
        }
        let mut facts = vec![safe_line(&outcome.model).into_owned()];
        if let (Some(input), Some(output)) = (totals.usage.input, totals.usage.output) {
            facts.push(format!("{input} in, {output} out"));
        }
        facts.extend(totals.cost_micros.map(dollars));
        facts.push(if totals.from_cache {
            "from the cache".to_string()
        } else {
            format!("{:.1} s", outcome.duration_ms as f64 / 1000.0)
        });
        ui.note(&ui.paint_err(Role::Dim, &facts.join(" · ")));
    }

    /// The driver of a turn.
    pub(super) fn driver(&self, stop: Stop) -> Result<Chat<'_>> {
        self.context.app.chat(&self.models, stop)
    }

    /// Waits for something beside a turn.
    pub(super) fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// Checks that a model can be asked; gives its whole name.
    pub(super) fn check_model(&self, typed: &str) -> Result<String> {
        let choices = self.wait(self.models.resolve(Some(typed), &Needs::default()))?;
        Ok(choices.first().map(|c| c.name()).unwrap_or_else(|| typed.to_string()))
    }

    /// A path as the person wrote it.
    pub(super) fn path_of(&self, written: &str) -> PathBuf {
        match (written.strip_prefix("~/"), &self.context.app.paths.user_home) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => self.context.app.cwd.join(written),
        }
    }

    /// Moves to another session, or to none.
    pub(super) fn move_to(&mut self, session: Option<Session>, new: NewSession) -> Result<()> {
        self.forget()?;
        (self.session, self.new) = (session, new);
        (self.model, self.system) = (None, None);
        Ok(())
    }

    /// Removes a chat that is not kept.
    fn forget(&mut self) -> Result<()> {
        match self.session.take() {
            Some(session) if session.temporary => self.store.remove_session(session.id),
            _ => Ok(()),
        }
    }

    /// Ends what was begun.
    pub(super) fn close(mut self) -> Result<()> {
        if let Some(kit) = self.kit.take() {
            self.runtime.block_on(kit.close());
        }
        let forgotten = self.forget();
        self.runtime.shutdown_background();
        forgotten
    }
}

/// How an answer ended, where it did not end well.
pub(super) fn cut_short(answer: &Message) -> Option<String> {
    use crate::store::MessageStatus as S;
    match answer.status {
        S::Done | S::Pending => None,
        S::Cancelled => Some("(you stopped it there; /continue goes on)".to_string()),
        S::CutOff => Some("(it was cut off there; /continue goes on, /retry asks again)".to_string()),
        S::Failed => {
            let error = answer.error.as_deref().map(safe_line).unwrap_or_default();
            Some(format!("(it failed: {error}; /retry asks again)"))
        }
    }
}
