//! The chat that is going on: its session, what goes along with the next question, and turns.

use std::path::PathBuf;
use std::sync::PoisonError;

use super::super::Context;
use super::super::talk::tools;
use super::super::talk::{self, Form, Person, Printer, ask};
use super::super::ui::Role;
use super::super::{draw, search};
use super::complete::{Names, Shared};
use super::hush::{Hush, PasteMarks};
use super::{Args, Next};
use crate::app::chats::OFFERED;
use crate::app::models::{budget_check, this_process};
use crate::app::runtime::patient;
use crate::app::tools::Kit;
use crate::app::views::chat::{AnswerView, status_of};
use crate::chat::driver::{Ask, Chat, Ended, stopped};
use crate::commands::tool::Wanted;
use crate::exec::Stop;
use crate::exec::signals::StopOnSignals;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::ids::Id;
use crate::kernel::terminal::{safe, safe_line, truncate_to_width};
use crate::providers::model::{Part, Tuning};
use crate::providers::{Models, Needs};
use crate::store::{Message, NewSession, Session, SessionEdit, Store};

/// Lines of the last answer that are shown when a chat is gone on with.
const GREETING: usize = 20;

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
    /// Whether what plugins changed is shown.
    explain: bool,
    pub(super) candidates: Shared,
    /// Keeps keys until a line is read.
    pub(super) hush: Option<Hush>,
    /// What was typed and did not reach the store, or is to be changed: it stands on the next line.
    pub(super) unsent: Option<String>,
    /// What was said for the next line.
    pub(super) said: Option<String>,
    /// Whether answers are read aloud.
    pub(super) aloud: bool,
    /// Whether messages are said, one after another.
    pub(super) hands_free: bool,
    /// The question that the next one takes the place of, and where the chat stood before.
    pub(super) replaced: Option<(Id, Option<Id>)>,
    /// Who answered last.
    answered_by: Option<String>,
    /// The exit code of the last turn.
    pub(super) code: u8,
    /// The exit code of the chat.
    pub(super) exit: u8,
    runtime: tokio::runtime::Runtime,
}

impl<'c> Conversation<'c> {
    pub(super) fn new(context: &'c Context, args: &Args) -> Result<Conversation<'c>> {
        let store = context.app.store()?;
        let new = NewSession {
            name: None,
            model: args.model.clone(),
            system: args.question.system.clone(),
            temporary: args.temp.then(this_process),
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
        let tuning = args.question.tuning()?;
        // A thread of its own: connections are closed and servers heard while the person types.
        let runtime = patient()?;
        let mut chat = Conversation {
            context,
            store,
            models: context.app.models()?,
            session,
            new,
            model: args.model.clone(),
            system: args.question.system.clone(),
            tuning,
            attached: Vec::new(),
            wanted: args.tools.clone(),
            kit: None,
            raw: args.raw,
            explain: args.explain,
            use_cache: !args.no_cache,
            candidates: Shared::default(),
            hush: None,
            unsent: None,
            said: None,
            aloud: context.app.config()?.flag("voice.answers"),
            hands_free: false,
            replaced: None,
            answered_by: None,
            code: 0,
            exit: 0,
            runtime,
        };
        // Names that are wrong are said before anything is typed, and so is that there is nobody to talk to.
        chat.kit()?;
        if chat.models.settings().entries.is_empty() {
            chat.check_model(chat.model.as_deref())?;
        }
        Ok(chat)
    }

    /// The tools that are offered, found again after they were changed.
    fn kit(&mut self) -> Result<&Kit> {
        if self.kit.is_none() {
            self.kit = Some(self.find_tools(&self.wanted)?);
        }
        self.kit.as_ref().ok_or_else(|| Error::new(Kind::Failed, "no tools"))
    }

    fn find_tools(&self, typed: &[String]) -> Result<Kit> {
        tools::find(self.context, Wanted { typed, ..Wanted::default() })
    }

    /// Offers other tools from now on; when one of them is wrong, the old ones stay.
    pub(super) fn choose_tools(&mut self, wanted: Vec<String>) -> Result<()> {
        let kit = self.find_tools(&wanted)?;
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

    /// The last messages up to where the chat stands.
    pub(super) fn path(&self) -> Result<Vec<Message>> {
        let head = self.session.as_ref().and_then(|s| s.head);
        head.map(|head| self.store.thread_end(head, OFFERED)).transpose().map(Option::unwrap_or_default)
    }

    /// What stands before the line.
    pub(super) fn sign(&self) -> String {
        let model = self.model.clone().or_else(|| self.session.as_ref().and_then(|s| s.model.clone()));
        let model = model.or_else(|| self.answered_by.clone()).or_else(|| self.models.settings().default.clone());
        let model = model.unwrap_or_else(|| "you".to_string());
        let files = match self.attached.len() {
            0 => String::new(),
            1 => " +1 file".to_string(),
            n => format!(" +{n} files"),
        };
        let tools = if self.wanted.is_empty() { "" } else { " +tools" };
        format!("{}{files}{tools}", truncate_to_width(&model, 30))
    }

    /// What the chat is called, for the end of the line.
    pub(super) fn called(&self) -> String {
        match &self.session {
            Some(session) if session.temporary => "not kept".to_string(),
            Some(session) => truncate_to_width(&talk::called(session), 40),
            None if self.new.temporary.is_some() => "not kept".to_string(),
            None => self.new.name.clone().unwrap_or_default(),
        }
    }

    /// Whether the chat is forgotten when it ends.
    pub(super) fn is_temporary(&self) -> bool {
        self.session.as_ref().map_or(self.new.temporary.is_some(), |session| session.temporary)
    }

    /// A file for a text that is being edited.
    pub(super) fn scratch(&self) -> PathBuf {
        self.context.app.paths.state.join(format!("draft-{}.md", std::process::id()))
    }

    /// Says where the chat stands: its last question, and the end of the answer.
    pub(super) fn greet(&self) -> Result<()> {
        let ui = &self.context.ui;
        let dim = |text: &str| ui.note(&ui.paint_err(Role::Dim, text));
        let Some(session) = &self.session else {
            dim("/help lists the commands, Ctrl-D leaves");
            return Ok(());
        };
        dim(&format!("{}: {} messages; the last of them:", talk::called(session), session.messages));
        let Some(head) = session.head else { return Ok(()) };
        let path = self.store.thread_end(head, 2)?;
        for message in path.iter().filter(|m| !m.words.is_empty()) {
            let drawn = match message.role.as_str() {
                "user" => {
                    let line = message.words.split_whitespace().collect::<Vec<_>>().join(" ");
                    dim(&format!("› {}", truncate_to_width(&safe_line(&line), ui.width().saturating_sub(4))));
                    continue;
                }
                _ if ui.stdout_terminal && !self.raw => draw::markdown(ui, &message.words),
                _ => safe(&message.words).into_owned(),
            };
            let lines: Vec<&str> = drawn.lines().collect();
            let from = lines.len().saturating_sub(GREETING);
            if from > 0 {
                dim(&format!("… {from} lines before; /show prints all"));
            }
            ui.write(format!("{}\n", lines[from..].join("\n")).as_bytes())?;
        }
        if let Some(how) = path.last().filter(|m| m.role == "assistant").and_then(cut_short) {
            dim(&how);
        }
        Ok(())
    }

    /// Brings what Tab offers up to date; what cannot be read is not offered.
    pub(super) fn refresh(&self) {
        let mut now = self.context.app.candidates(self.models.known(), self.session.as_ref().map(|s| s.id));
        now.attached = self.attached.iter().map(|(name, _)| name.clone()).collect();
        *self.candidates.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }

    /// What `/tools` can be given, found when it is asked for; what cannot be read is not offered.
    pub(super) fn tools_by_name(&self) -> Names {
        match self.context.app.tool_names() {
            Ok(names) => Box::new(names),
            Err(_) => Box::new(Vec::new),
        }
    }

    /// Does what comes next; false leaves.
    pub(super) fn go(&mut self, next: Next) -> Result<bool> {
        match next {
            Next::On => {}
            Next::Leave => return Ok(false),
            Next::Send(text) => {
                self.unsent = Some(text.clone());
                if self.session.is_none() {
                    self.new.title = Some(ask::title(&text)).filter(|title| !title.is_empty());
                }
                let mut parts: Vec<Part> = self.attached.iter().map(|(_, part)| part.clone()).collect();
                parts.push(Part::text(text));
                let parent = self.session.as_ref().and_then(|s| s.head);
                let well = self.turn(parent, Some(parts), None)?;
                // Until there is another answer the old one stays.
                if let Some((old, _)) = self.replaced.take().filter(|_| well) {
                    self.store.remove_message(old)?;
                    search::after_erasing(self.context)?;
                    self.reload()?;
                }
            }
            Next::Again(model) => {
                let path = self.path()?;
                let asked = path.iter().rev().find(|m| m.role == "user");
                let asked = asked.ok_or_else(|| Error::new(Kind::Usage, "nothing was asked yet"))?;
                self.turn(Some(asked.id), None, model)?;
            }
        }
        Ok(self.exit == 0)
    }

    /// The question that was to be changed stays as it is.
    pub(super) fn leave_as_it_is(&mut self) -> Result<()> {
        match self.replaced.take() {
            Some((_, head)) => self.edit(&[SessionEdit::Head(head)]),
            None => Ok(()),
        }
    }

    /// One question and its answer; whether that went well.
    fn turn(&mut self, parent: Option<Id>, parts: Option<Vec<Part>>, model: Option<String>) -> Result<bool> {
        let context = self.context;
        budget_check(&context.app)?.into_iter().for_each(|said| context.ui.warn(&said));
        self.kit()?;
        let fresh = self.session.is_none();
        let session = self.session()?;
        let ask = Ask {
            parent,
            parts,
            model: model.or_else(|| self.model.clone()),
            alone: false,
            system: self.system.clone(),
            tuning: self.tuning.clone(),
            purpose: "chat".to_string(),
            command: None,
            memories: ask::memories(context)?,
        };
        let signals = StopOnSignals::new()?;
        let form = if context.ui.json { Form::Json } else { Form::Words };
        let mut printer = Printer::new(context, form, signals.stop().clone())?.explaining(context, self.explain);
        if self.raw {
            printer = printer.raw(context);
        }
        if self.begin_aloud() {
            printer = printer.aloud(context);
        }
        let mut chat = self.driver(signals.stop().clone())?;
        chat.use_cache &= self.use_cache;
        let mut person = Person::new(context);
        let kit = self.kit.as_ref();
        let outcome = self.runtime.block_on(async {
            talk::dear::confirm(context, &chat, &session, &ask).await?;
            if let Some(kit) = kit {
                chat.tools = tools::gather(context, kit, signals.stop()).await?;
            }
            let _marks = context.ui.ask.then(PasteMarks::new);
            let outcome = chat.turn(&session, &ask, &mut printer, &mut person).await;
            printer.finish();
            outcome
        });
        let signal = signals.stop().end_of_all();
        drop(signals);
        context.app.speaking.finish();
        let mut outcome = match outcome {
            Ok(outcome) => outcome,
            Err(error) => {
                context.app.speaking.hush();
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
            kit.settle(&context.app)?;
        }
        self.reload()?;
        let status = status_of(&outcome.ended);
        let line = serde_json::json!({"answer": AnswerView::of(&session, &outcome, status)});
        let cancelled = matches!(outcome.ended, Ended::Cancelled);
        talk::took(context, &outcome);
        if let Some(signal) = signal {
            // The terminal went away, or somebody ends us.
            self.exit = u8::try_from(128 + signal).unwrap_or(1);
            return Ok(false);
        }
        let failed = matches!(outcome.ended, Ended::Failed(_));
        self.answered_by = Some(outcome.model.clone()).filter(|m| !m.is_empty() && !failed).or(self.answered_by.take());
        if cancelled {
            context.app.speaking.hush();
        }
        if cancelled && context.ui.ask {
            // At a prompt this is no failure: the person knows.
            self.aside("stopped; what came is kept, /continue goes on");
            return Ok(false);
        }
        let kept = "what came is kept; /continue goes on, /retry asks again";
        self.code = talk::end_saying(context, &mut outcome, self.tuning.max_tokens.is_some(), kept);
        if failed && context.ui.ask {
            self.aside("your question is kept; /retry [model] asks again");
        }
        if context.ui.json {
            context.ui.write(format!("{}\n", super::super::ui::json_line(&line)).as_bytes())?;
        }
        if cancelled {
            return Err(Error::new(Kind::Interrupted, "stopped"));
        }
        Ok(self.code == 0)
    }

    /// What is read aloud falls silent; whether the answer that comes is read.
    fn begin_aloud(&mut self) -> bool {
        let (app, ui) = (&self.context.app, &self.context.ui);
        let failed = app.speaking.failure();
        app.speaking.hush();
        let begun = match failed {
            Some(error) if self.aloud => Err(error),
            _ if self.aloud => app.read_aloud(),
            _ => return false,
        };
        if let Err(error) = begun {
            ui.failure(&error);
            self.aloud = false;
        }
        self.aloud
    }

    /// Waits until what is read aloud was heard.
    pub(super) fn hear_out(&self) -> Result<()> {
        let signals = StopOnSignals::new()?;
        self.context.app.speaking.hear_out(signals.stop()).map_or(Ok(()), Err)
    }

    /// Gives the terminal to another program as it was.
    pub(super) fn lend<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let hushed = self.hush.take().is_some();
        let done = work();
        self.hush = hushed.then(Hush::new);
        done
    }

    /// A word beside the talk.
    pub(super) fn aside(&self, text: &str) {
        self.context.ui.note(&self.context.ui.paint_err(Role::Dim, text));
    }

    /// The driver of a turn.
    pub(super) fn driver(&self, stop: Stop) -> Result<Chat<'_>> {
        self.context.app.chat(&self.models, stop)
    }

    /// Waits for something beside a turn.
    pub(super) fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// Waits for something that Ctrl-C gives up without leaving the chat.
    pub(super) fn until_stopped<T>(&self, future: impl Future<Output = T>) -> Result<T> {
        let signals = StopOnSignals::new()?;
        self.wait(async {
            tokio::select! {
                done = future => Ok(done),
                () = stopped(signals.stop()) => Err(Error::new(Kind::Interrupted, "stopped")),
            }
        })
    }

    /// Checks that a model can be asked; gives its whole name.
    pub(super) fn check_model(&self, typed: Option<&str>) -> Result<String> {
        let choices = self.until_stopped(self.models.resolve(typed, &Needs::default()))??;
        Ok(choices.first().map(|c| c.name()).or_else(|| typed.map(String::from)).unwrap_or_default())
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
        (self.session, self.new, self.replaced, self.answered_by) = (session, new, None, None);
        (self.model, self.system) = (None, None);
        Ok(())
    }

    /// Removes a chat that is not kept, or in which nothing was said and that nobody named.
    fn forget(&mut self) -> Result<()> {
        match self.session.take() {
            Some(session) if session.temporary || (session.messages == 0 && session.name.is_none()) => {
                self.store.remove_session(session.id)
            }
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
