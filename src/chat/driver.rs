//! Carries a turn out: does what the machine says with the store, the models, the tools and the person.
//!
//! The question is on the disk before a model hears of it. However the turn ends (an answer, a failure, Ctrl-C), the
//! answer's row says so and holds what had come.

mod request;
mod side;
mod tools;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;

pub use self::request::said;
pub use self::side::Silent;
use super::filter::{self, Change, Filter, Way};
use super::policy::{Asker, Policy};
use super::record::{Recorder, Totals};
use super::saying::title as title_of;
use super::tool::Tool;
use super::turn::{Effect, End, Event, Limits, Turn};
use crate::exec::Stop;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::ids::Id;
use crate::providers::model::{Finish, Part, Piece, Role, Tuning, words};
use crate::providers::{Choice, Models, Needs, tokens};
use crate::store::{MessageEnd, MessageStatus, NewCall, NewMessage, Process, Session, SessionEdit, Store};

/// A look at whether the person stopped it, this often.
const LOOK: Duration = Duration::from_millis(25);

/// What a turn needs of the world.
pub struct Chat<'a> {
    /// Where everything is kept.
    pub store: &'a Store,
    /// Who can be asked.
    pub models: &'a Models,
    /// Tools on offer.
    pub tools: Vec<Arc<dyn Tool>>,
    /// Who reads, and may change, what passes; in order.
    pub filters: Vec<Arc<dyn Filter>>,
    /// Origins that the settings allow without a question.
    pub rules: Vec<String>,
    /// Bounds.
    pub limits: Limits,
    /// The time for a whole turn.
    pub time: Option<Duration>,
    /// Whether older turns may be summarized when they do not fit.
    pub compact: bool,
    /// Whether an answer may come from the cache.
    pub use_cache: bool,
    /// Ends the turn when asked.
    pub stop: Stop,
    /// This process, so that nobody waits for its answers when it is gone.
    pub process: Option<Process>,
}

/// A question.
#[derive(Clone, Debug, Default)]
pub struct Ask {
    /// What the question follows; `None` begins a tree.
    pub parent: Option<Id>,
    /// The question, or `None` to answer the one at `parent` (again).
    pub parts: Option<Vec<Part>>,
    /// The model, as typed.
    pub model: Option<String>,
    /// Whether no other model may step in for it.
    pub alone: bool,
    /// A system text instead of the chat's.
    pub system: Option<String>,
    /// How to answer.
    pub tuning: Tuning,
    /// What it is for: `chat`, `ask`, `step`, `compare`.
    pub purpose: String,
    /// The command that asks.
    pub command: Option<String>,
    /// Remembered things that go along.
    pub memories: Vec<String>,
}

/// Hears what happens while it happens.
pub trait Listener: Send {
    /// The row of an answer is on the disk, and so is what it follows; pieces belong to it from here on.
    fn awaited(&mut self, _answer: Id) {}
    /// A piece of the answer, or a notice.
    fn piece(&mut self, piece: &Piece);
    /// A tool begins its work.
    fn tool_begins(&mut self, origin: &str, preview: &str);
    /// A tool is done: what it says, and whether it failed.
    fn tool_ended(&mut self, origin: &str, said: &str, failed: bool);
    /// A filter changed what passes.
    fn changed(&mut self, _change: &Change<'_>) {}
    /// Nothing more comes of this turn.
    fn finished(&mut self) {}
}

/// How a turn ended.
#[derive(Debug)]
pub enum Ended {
    /// With an answer.
    Well(Finish),
    /// With an answer, at a bound of the turn.
    Limited(String),
    /// The stream ended without its end: something may be missing.
    CutOff,
    /// The person stopped it.
    Cancelled,
    /// It failed.
    Failed(Error),
}

/// A turn that is over, with all that is known of it.
#[derive(Debug)]
pub struct Outcome {
    /// The question's message.
    pub question: Id,
    /// The last answer's message.
    pub answer: Id,
    /// The last answer.
    pub parts: Vec<Part>,
    /// How it ended.
    pub ended: Ended,
    /// `provider/model` that answered last.
    pub model: String,
    /// What it took.
    pub totals: Totals,
    /// Milliseconds in all.
    pub duration_ms: u64,
    /// The first thing that could not be written down.
    pub trouble: Option<Error>,
}

impl Outcome {
    /// The answer's words.
    pub fn text(&self) -> String {
        words(&self.parts)
    }
}

/// What changes during a turn.
struct Progress<'r, 'l> {
    recorder: &'r mut Recorder<'l>,
    /// The end of the path: the last message that is whole.
    leaf: Id,
    /// The row that waits for an answer.
    pending: Option<Id>,
    answer: Id,
    parts: Vec<Part>,
    model: String,
    /// Whether a filter refused the answer.
    refused: bool,
}

impl Chat<'_> {
    /// Asks, and goes on until the model has no further wish.
    ///
    /// # Errors
    /// Only what keeps the turn from beginning: no model, no such message, a store that cannot be written. Everything
    /// later is part of the [`Outcome`].
    pub async fn turn(
        &self,
        session: &Session,
        ask: &Ask,
        listener: &mut dyn Listener,
        asker: &mut dyn Asker,
    ) -> Result<Outcome> {
        let begun = Instant::now();
        let ask = &self.filtered(session, ask, listener).await?;
        let typed = ask.model.as_deref().or(session.model.as_deref());
        let has_picture = |parts: &Vec<Part>| {
            parts.iter().any(|p| matches!(p, Part::File { mime, .. } if mime.starts_with("image/")))
        };
        let size = ask.parts.iter().map(|parts| count_parts(parts)).sum();
        let needs =
            Needs { task: ask.purpose.clone(), tokens: size, vision: ask.parts.as_ref().is_some_and(has_picture) };
        let mut choices = self.models.resolve(typed, &needs).await?;
        choices.truncate(if ask.alone { 1 } else { choices.len() });
        let (question, pending) = self.begin(session, ask)?;
        let policy = Policy { rules: self.rules.clone(), allowed: self.store.allowed_tools(session.id)? };
        let standings = self.tools.iter().map(|t| (t.spec().name.clone(), policy.standing(&**t)));
        let mut machine = Turn::new(self.limits, standings.collect::<BTreeMap<_, _>>());
        let new = NewCall {
            session: Some(session.id),
            command: ask.command.clone(),
            purpose: ask.purpose.clone(),
            ..NewCall::default()
        };
        let mut recorder = Recorder::new(self.store, listener, new);
        recorder.hold = filter::any(&self.filters, Way::Answer);
        let mut progress = Progress {
            recorder: &mut recorder,
            leaf: question,
            pending: Some(pending),
            answer: pending,
            parts: Vec::new(),
            model: choices.first().map(Choice::name).unwrap_or_default(),
            refused: false,
        };
        let ended = self.run(session, ask, &choices, &mut machine, &mut progress, asker).await;
        let ended = match ended {
            Ok(ended) => ended,
            Err(error) => Ended::Failed(error),
        };
        let ended = self.close(ended, &mut progress).await;
        let (answer, parts, model) = (progress.answer, progress.parts, progress.model);
        let (totals, trouble) = (recorder.totals, recorder.trouble);
        let duration_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(Outcome { question, answer, parts, ended, model, totals, duration_ms, trouble })
    }

    /// The question after it passed the filters. A chat that just began is not called after what they took out.
    async fn filtered(&self, session: &Session, ask: &Ask, listener: &mut dyn Listener) -> Result<Ask> {
        let mut ask = ask.clone();
        if let Some(parts) = ask.parts.take() {
            let said = words(&parts);
            let passed = filter::parts(&self.filters, Way::Prompt, parts, listener).await;
            let hint = "nothing was kept or sent; `fac plugin ls` lists who reads what you say";
            let passed = passed.map_err(|why| Error::new(Kind::Refused, why).hint(hint))?;
            if session.messages == 0 && session.title.is_some() && words(&passed) != said {
                // The person's own words stand behind the files.
                let own = passed.iter().rev().find_map(|part| match part {
                    Part::Text { text } => Some(title_of(text)),
                    _ => None,
                });
                let title = own.filter(|title| !title.is_empty());
                self.store.edit_session(session.id, &[SessionEdit::Title(title)])?;
            }
            ask.parts = Some(passed);
        }
        let refused = |why| Error::new(Kind::Refused, why).hint("nothing was sent; `fac plugin ls` lists who reads it");
        if let Some(system) = ask.system.clone().or_else(|| session.system.clone()) {
            ask.system = Some(filter::guarded(&self.filters, system, listener).await.map_err(refused)?);
        }
        for memory in &mut ask.memories {
            *memory = filter::guarded(&self.filters, std::mem::take(memory), listener).await.map_err(refused)?;
        }
        Ok(ask)
    }

    /// Puts the question and the row of its answer on the disk.
    fn begin(&self, session: &Session, ask: &Ask) -> Result<(Id, Id)> {
        let pending = self.pending(session, ask, None);
        match (&ask.parts, ask.parent) {
            (Some(parts), parent) => {
                let question = NewMessage {
                    parent,
                    command: ask.command.clone(),
                    ..NewMessage::whole(session.id, Role::User.name(), json!(parts), words(parts))
                };
                self.store.add_turn(&question, &pending)
            }
            (None, Some(parent)) => {
                let answer = self.store.add_message(&NewMessage { parent: Some(parent), ..pending })?;
                Ok((parent, answer))
            }
            (None, None) => Err(Error::new(Kind::Usage, "there is no question to answer")),
        }
    }

    fn pending(&self, session: &Session, ask: &Ask, parent: Option<Id>) -> NewMessage {
        NewMessage {
            parent,
            status: MessageStatus::Pending,
            command: ask.command.clone(),
            process: self.process.clone(),
            ..NewMessage::whole(session.id, Role::Assistant.name(), json!([]), "")
        }
    }

    async fn run(
        &self,
        session: &Session,
        ask: &Ask,
        choices: &[Choice],
        machine: &mut Turn,
        progress: &mut Progress<'_, '_>,
        asker: &mut dyn Asker,
    ) -> Result<Ended> {
        let deadline = self.time.map(|time| Instant::now() + time);
        let mut effects: VecDeque<Effect> = machine.step(Event::Begin).into();
        let mut time_is_up = false;
        while let Some(effect) = effects.pop_front() {
            if self.stop.is_requested() {
                return Ok(Ended::Cancelled);
            }
            if !time_is_up && deadline.is_some_and(|d| d <= Instant::now()) {
                time_is_up = true;
                effects.extend(machine.step(Event::TimeUp));
            }
            match effect {
                Effect::CallModel => match self.call_model(session, ask, choices, progress).await? {
                    Some(event) => effects.extend(machine.step(event)),
                    None => return Ok(Ended::Cancelled),
                },
                Effect::KeepAnswer(parts, finish) => {
                    // What is refused is kept nowhere, nor are the tools called that it wished for.
                    let parts = self.passed(parts, progress).await?;
                    self.keep_answer(parts, &finish, progress)?;
                }
                Effect::Ask(call) => {
                    let decision = self.decide(session, &call, asker)?;
                    effects.extend(machine.step(Event::Decided { id: call.id, decision }));
                }
                Effect::Work(calls) => match self.work(&calls, progress).await {
                    Some(results) => {
                        for (id, result) in results {
                            effects.extend(machine.step(Event::Worked { id, result }));
                        }
                    }
                    None => return Ok(Ended::Cancelled),
                },
                Effect::KeepResults(results) => {
                    let parts: Vec<Part> = results.into_iter().map(Part::ToolResult).collect();
                    let message = NewMessage {
                        parent: Some(progress.leaf),
                        command: ask.command.clone(),
                        ..NewMessage::whole(session.id, Role::Tool.name(), json!(parts), "")
                    };
                    progress.leaf = self.store.add_message(&message)?;
                }
                Effect::End(End::Done(Finish::CutOff)) => return Ok(Ended::CutOff),
                Effect::End(End::Done(finish)) => return Ok(Ended::Well(finish)),
                Effect::End(End::Limited(why)) => return Ok(Ended::Limited(why)),
            }
        }
        Err(Error::new(Kind::Failed, "the turn stopped without an end"))
    }

    /// One question to the model; `None` when the person stopped it.
    async fn call_model(
        &self,
        session: &Session,
        ask: &Ask,
        choices: &[Choice],
        progress: &mut Progress<'_, '_>,
    ) -> Result<Option<Event>> {
        let pending = match progress.pending {
            Some(pending) => pending,
            None => self.store.add_message(&self.pending(session, ask, Some(progress.leaf)))?,
        };
        (progress.pending, progress.answer, progress.parts) = (Some(pending), pending, Vec::new());
        progress.recorder.answer(Some(pending));
        progress.recorder.listener.awaited(pending);
        let Some(request) = self.request(session, ask, choices, progress).await? else { return Ok(None) };
        let asked = self.models.ask(choices, &request, self.use_cache, progress.recorder);
        let answered = tokio::select! {
            answered = asked => answered,
            () = stopped(&self.stop) => return Ok(None),
        };
        match answered {
            Ok(answer) => {
                progress.model.clone_from(&answer.model);
                Ok(Some(Event::Answered { answer, cost_micros: progress.recorder.last_cost }))
            }
            Err(failure) => {
                progress.parts.clone_from(&failure.partial);
                if !failure.model.is_empty() {
                    progress.model.clone_from(&failure.model);
                }
                Err(failure.into())
            }
        }
    }

    /// An answer after it passed the filters; where they read it, it is shown only now.
    ///
    /// # Errors
    /// `Refused` by one of them.
    async fn passed(&self, parts: Vec<Part>, progress: &mut Progress<'_, '_>) -> Result<Vec<Part>> {
        if !progress.recorder.hold {
            return Ok(parts);
        }
        let listener = &mut *progress.recorder.listener;
        let passed = filter::parts(&self.filters, Way::Answer, parts, listener).await.map_err(|why| {
            progress.refused = true;
            Error::new(Kind::Refused, why).hint("the answer was not kept; `fac plugin ls` lists who reads answers")
        })?;
        let text = words(&passed);
        if !text.is_empty() {
            listener.piece(&Piece::Text(text));
        }
        Ok(passed)
    }

    fn keep_answer(&self, parts: Vec<Part>, finish: &Finish, progress: &mut Progress<'_, '_>) -> Result<()> {
        let Some(pending) = progress.pending.take() else { return Ok(()) };
        let status = if *finish == Finish::CutOff { MessageStatus::CutOff } else { MessageStatus::Done };
        let end = MessageEnd {
            status,
            parts: json!(parts),
            words: words(&parts),
            model: Some(progress.model.clone()),
            error: (status == MessageStatus::CutOff).then(|| "the stream ended without its end mark".to_string()),
            tokens: progress.recorder.totals.usage.output.filter(|_| progress.recorder.totals.calls == 1),
        };
        progress.parts = parts;
        progress.leaf = pending;
        self.store.end_message(pending, &end)
    }

    /// Gives the row that still waits its end.
    async fn close(&self, ended: Ended, progress: &mut Progress<'_, '_>) -> Ended {
        let (status, error) = match &ended {
            Ended::Cancelled => (MessageStatus::Cancelled, None),
            Ended::Failed(error) => (MessageStatus::Failed, Some(error.full_message())),
            _ => return ended,
        };
        if matches!(ended, Ended::Cancelled) {
            progress.recorder.cancel();
        }
        let Some(pending) = progress.pending.take() else { return ended };
        let so_far = progress.recorder.so_far();
        if progress.parts.is_empty() || matches!(ended, Ended::Cancelled) {
            progress.parts = so_far;
        }
        let parts = std::mem::take(&mut progress.parts);
        // Of an answer that broke off nothing is shown that is refused either.
        progress.parts = match parts.is_empty() || progress.refused {
            true => Vec::new(),
            false => self.passed(parts, progress).await.unwrap_or_default(),
        };
        let end = MessageEnd {
            status,
            parts: json!(progress.parts),
            words: words(&progress.parts),
            model: Some(progress.model.clone()),
            error,
            tokens: None,
        };
        if let Err(error) = self.store.end_message(pending, &end) {
            progress.recorder.trouble.get_or_insert(error);
        }
        ended
    }
}

/// Waits for `turn`, whose stop is `stop`, and stops it when `over` is asked to stop or `limit` is over.
pub async fn within<T>(turn: impl Future<Output = T>, stop: &Stop, over: &Stop, limit: Option<Duration>) -> T {
    let watch = async {
        match limit {
            Some(limit) => drop(tokio::time::timeout(limit, stopped(over)).await),
            None => stopped(over).await,
        }
        stop.request();
    };
    let mut turn = std::pin::pin!(turn);
    tokio::select! {
        done = &mut turn => return done,
        () = watch => {}
    }
    turn.await
}

/// Waits until somebody asks to stop.
pub async fn stopped(stop: &Stop) {
    while !stop.is_requested() {
        tokio::time::sleep(LOOK).await;
    }
}

fn count_parts(parts: &[Part]) -> u64 {
    tokens::count("", &words(parts), false).tokens
}
