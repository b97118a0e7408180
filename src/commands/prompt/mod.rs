//! Prompt and system steps: a model answers, and the answer is what the step wrote.
//!
//! The prompts of one run are one chat: a later one knows what was said before it, unless it names with `stdin=` what
//! it reads. The text of a step comes filled; here it is asked. Who hears the answer while it comes, and who is asked
//! about tools, is handed in.

mod files;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::runtime::Runtime;

use super::catalog::Resolved;
use super::model::{Dialect, Step, StepKind};
use super::run::{Call, Done, Performed, Plan, StepRunner, Unit, Work};
use crate::chat::attach;
use crate::chat::driver::{Ask, Chat, Ended, Listener, Outcome, within};
use crate::chat::filter::Filter;
use crate::chat::policy::Asker;
use crate::chat::tool::Tool;
use crate::chat::turn::Limits;
use crate::exec::Stop;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::ids::Id;
use crate::providers::model::{Part, Piece, Role, Tuning, words};
use crate::providers::{Models, Needs};
use crate::store::{Captured, NewMessage, NewSession, Process, Session, SessionEdit, Status, Store};

/// What prompts need of the world.
#[derive(Clone)]
pub struct Desk {
    /// Where chats are kept.
    pub store: Store,
    /// Who can be asked.
    pub models: Models,
    /// Origins of tools that the settings allow without a question.
    pub rules: Vec<String>,
    /// Bounds of a turn.
    pub limits: Limits,
    /// The time for a whole turn.
    pub time: Option<Duration>,
    /// Whether older turns may be summarized.
    pub compact: bool,
    /// Whether an answer may come from the cache.
    pub use_cache: bool,
    /// Who reads, and may change, what passes.
    pub filters: Vec<Arc<dyn Filter>>,
    /// This process.
    pub process: Process,
    /// Whether the chat stays when the run is over.
    pub keep: bool,
    /// The largest file that may go along, bytes.
    pub largest_file: u64,
}

/// Who hears and who is asked.
pub struct Hands {
    /// Hears the answer while it comes.
    pub listener: Box<dyn Listener>,
    /// Is asked about tools.
    pub asker: Box<dyn Asker + Send>,
}

/// The chat of a run.
struct Thread {
    run: Id,
    command: String,
    session: Session,
    head: Option<Id>,
}

/// Tools for the steps of a run, found before it began: by command and step.
pub type Tools = BTreeMap<(String, String), Vec<Arc<dyn Tool>>>;

/// Does prompt and system steps.
pub struct Prompts {
    desk: Desk,
    hands: Mutex<Hands>,
    tools: Tools,
    /// Where models are asked; servers whose tools are offered live on it.
    runtime: Arc<Runtime>,
    thread: Mutex<Option<Thread>>,
}

/// The steps of a plan that ask a model something, with their commands.
pub fn asking(plan: &Plan) -> impl Iterator<Item = (&Resolved, &Step)> {
    let asks = |step: &&Step| matches!(step.kind, StepKind::Prompt | StepKind::System);
    plan.all().flat_map(move |resolved| resolved.command.steps.iter().filter(asks).map(move |step| (resolved, step)))
}

/// Whether a plan asks a model anything.
pub fn asks_models(plan: &Plan) -> bool {
    asking(plan).next().is_some()
}

impl Prompts {
    /// A runner with these hands that asks on `runtime`.
    pub fn new(desk: Desk, hands: Hands, tools: Tools, runtime: Arc<Runtime>) -> Prompts {
        Prompts { desk, hands: Mutex::new(hands), tools, runtime, thread: Mutex::new(None) }
    }

    /// The chat that the step belongs to, begun where it is the first of its command, and what the step follows.
    fn chat_of(&self, work: &Work<'_>) -> Result<(Session, Option<Id>)> {
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        let command = work.unit.resolved.full_name();
        if let Some(thread) = thread.as_ref().filter(|t| t.run == work.run && t.command == command) {
            return Ok((thread.session.clone(), thread.head));
        }
        self.forget(thread.take());
        let session = self.desk.store.begin_session(&NewSession {
            title: Some(command.clone()),
            temporary: (!self.desk.keep).then(|| self.desk.process.clone()),
            ..NewSession::default()
        })?;
        *thread = Some(Thread { run: work.run, command, session: session.clone(), head: None });
        Ok((session, None))
    }

    fn forget(&self, thread: Option<Thread>) {
        let Some(thread) = thread.filter(|t| t.session.temporary || t.head.is_none()) else { return };
        if let Err(error) = self.desk.store.remove_session(thread.session.id) {
            tracing::warn!(error = error.full_message(), "a temporary chat stays");
        }
    }

    /// Puts example turns before the question; gives the last of them.
    fn examples(&self, session: &Session, call: &Call, parent: Option<Id>) -> Result<Option<Id>> {
        let mut last = parent;
        for (asked, answer) in &call.examples {
            for (role, text) in [(Role::User, asked), (Role::Assistant, answer)] {
                let parts = json!([Part::text(text.clone())]);
                let said = NewMessage::whole(session.id, role.name(), parts, text.clone());
                last = Some(self.desk.store.add_message(&NewMessage { parent: last, ..said })?);
            }
        }
        Ok(last)
    }

    async fn ask(
        &self,
        work: &Work<'_>,
        session: &Session,
        ask: Ask,
        stop: Stop,
        hands: &mut Hands,
    ) -> Result<Outcome> {
        let mut rules = self.desk.rules.clone();
        let mut tools = skill_tools(work.unit);
        rules.extend(tools.iter().map(|t| t.origin()));
        tools.extend(self.tools.get(&key(&work.unit.resolved, work.step)).into_iter().flatten().cloned());
        let chat = Chat {
            store: &self.desk.store,
            models: &self.desk.models,
            tools,
            rules,
            limits: self.desk.limits,
            time: self.desk.time,
            compact: self.desk.compact,
            use_cache: self.desk.use_cache,
            filters: self.desk.filters.clone(),
            stop,
            process: Some(self.desk.process.clone()),
        };
        let model = model_of(&self.desk.models, work.step, &mut *hands.listener).await;
        let ask = Ask { model: model.or(ask.model), ..ask };
        chat.turn(session, &ask, &mut *hands.listener, &mut *hands.asker).await
    }

    /// Asks, and stops when the run is stopped or its time is over. Says whether it was.
    fn turn(&self, work: &Work<'_>, session: &Session, ask: Ask) -> Result<(Outcome, bool)> {
        let stop = Stop::new()?;
        let mut hands = self.hands.lock().unwrap_or_else(PoisonError::into_inner);
        let asked = self.ask(work, session, ask, stop.clone(), &mut hands);
        let outcome = self.runtime.block_on(within(asked, &stop, work.stop, work.timeout));
        hands.listener.finished();
        Ok((outcome?, stop.is_requested() && !work.stop.is_requested()))
    }
}

impl StepRunner for Prompts {
    fn shows(&self) -> bool {
        true
    }

    fn runs(&self, kind: StepKind) -> bool {
        matches!(kind, StepKind::Prompt | StepKind::System)
    }

    fn run(&self, work: &Work<'_>) -> Result<Performed> {
        let begun = Instant::now();
        let call = work.call.clone().unwrap_or_default();
        if call.is_empty() || call.wants_input() {
            let said = format!("`{}` has nothing to work on", work.unit.resolved.full_name());
            return Err(Error::new(Kind::Usage, said).hint("pipe something in, or write it behind the name"));
        }
        let tuning = tuning(work.step)?;
        let parts = parts(&call, work.step, self.desk.largest_file)?;
        let (session, head) = self.chat_of(work)?;
        let alone = work.step.stdin.as_deref().is_some_and(|from| from != "-");
        let parent = self.examples(&session, &call, head.filter(|_| !alone))?;
        let ask = Ask {
            parent,
            parts: Some(parts),
            system: call.system.clone(),
            tuning,
            purpose: "step".to_string(),
            command: Some(work.unit.resolved.full_name()),
            ..Ask::default()
        };
        let (outcome, out_of_time) = self.turn(work, &session, ask)?;
        if let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            thread.head = Some(outcome.answer);
        }
        if !session.temporary {
            self.desk.store.edit_session(session.id, &[SessionEdit::Head(Some(outcome.answer))])?;
        }
        Ok(performed(work, outcome, out_of_time, begun))
    }
}

impl Drop for Prompts {
    fn drop(&mut self) {
        let thread = self.thread.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        self.forget(thread);
    }
}

/// What a step's tools are found by.
pub fn key(resolved: &Resolved, step: &Step) -> (String, String) {
    (resolved.key(), step.id.clone())
}

/// The model a definition asks for, where it is to be had; the person's own otherwise.
pub async fn model_of(models: &Models, step: &Step, listener: &mut dyn Listener) -> Option<String> {
    let written = step.model.as_deref().map(str::trim).filter(|m| !matches!(*m, "" | "default" | "inherit"))?;
    let mut spellings = vec![written.to_string()];
    // aichat parts provider and model with a colon.
    spellings.extend(written.split_once(':').map(|(provider, model)| format!("{provider}/{model}")));
    for spelling in spellings {
        if models.resolve(Some(&spelling), &Needs::default()).await.is_ok() {
            return Some(spelling);
        }
    }
    let said = format!("`{written}`, which the definition asks for, is not among your models; yours answers");
    listener.piece(&Piece::Notice(said));
    None
}

/// What the person says: the message and the file beside it, of at most `largest` bytes.
///
/// # Errors
/// As for [`attach::part`].
pub fn parts(call: &Call, step: &Step, largest: u64) -> Result<Vec<Part>> {
    let mut parts = Vec::new();
    if let Some(bytes) = &call.attached {
        let name = step.stdin.as_deref().filter(|from| *from != "-").unwrap_or("stdin");
        parts.push(attach::part(name, bytes.clone(), largest)?);
    }
    if !call.message.trim().is_empty() {
        parts.push(Part::text(call.message.clone()));
    }
    Ok(parts)
}

/// `temperature=0.2` and its like; what says something else about the step is not for the model.
///
/// # Errors
/// `BadData` for a value of another kind.
pub fn tuning(step: &Step) -> Result<Tuning> {
    let mut tuning = Tuning::default();
    for key in ["temperature", "top_p", "max_tokens", "seed"] {
        if let Some(value) = step.options.get(key) {
            tuning
                .set(key, value)
                .map_err(|what| Error::new(Kind::BadData, format!("`{key}={value}` of step `{}` {what}", step.id)))?;
        }
    }
    Ok(tuning)
}

/// A skill's own files, which its text sends the model to.
fn skill_tools(unit: &Unit) -> Vec<Arc<dyn Tool>> {
    let resolved = &unit.resolved;
    if resolved.command.dialect != Dialect::Skill {
        return Vec::new();
    }
    let Some(base) = &resolved.source.base else { return Vec::new() };
    let folder = match resolved.command.origin.path.rsplit_once('/') {
        Some((folder, _)) => base.join(folder),
        None => base.clone(),
    };
    vec![Arc::new(files::SkillFiles::new(&resolved.key(), &resolved.digest, folder))]
}

fn performed(work: &Work<'_>, outcome: Outcome, out_of_time: bool, begun: Instant) -> Performed {
    let wrote = words(&outcome.parts).into_bytes();
    let failed = |error: Error| (Status::Failed, i32::from(error.kind().exit_code()), Some(error));
    let (status, code, trouble) = match outcome.ended {
        Ended::Well(_) => (Status::Ok, 0, outcome.trouble),
        Ended::Cancelled if out_of_time => (Status::TimedOut, 124, None),
        Ended::Cancelled => (Status::Interrupted, 130, None),
        Ended::Limited(why) => failed(Error::new(Kind::Failed, why).hint("`chat.max_calls` sets the bound of a turn")),
        Ended::CutOff => failed(
            Error::new(Kind::Failed, "the stream ended without its end mark: the answer may lack its rest")
                .hint("run it again"),
        ),
        Ended::Failed(error) => failed(error),
    };
    let done = Done {
        status,
        exit_code: Some(code),
        // The chat has all of it.
        stdout: Captured::cut(&wrote, work.capture.head, work.capture.tail),
        stderr: Captured::default(),
        duration_us: i64::try_from(begun.elapsed().as_micros()).unwrap_or(i64::MAX),
    };
    Performed { done, wrote, trouble }
}
