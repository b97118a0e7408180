//! Carries a turn out: does what the machine says with the store, the models, the tools and the person.
//!
//! The question is on the disk before a model hears of it. However the turn ends (an answer, a failure, Ctrl-C), the
//! answer's row says so and holds what had come.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;

use super::context::{self, Budget, Fit, Said, Size, Summary};
use super::policy::{Asker, Policy, Question, Verdict};
use super::record::{Recorder, Totals};
use super::tool::{Effects, Tool};
use super::turn::{Decision, Effect, End, Event, Limits, Turn};
use crate::exec::Stop;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::ids::Id;
use crate::providers::model::{Answer, Finish, Part, Piece, Request, Role, ToolCall, Tuning, words};
use crate::providers::{self, Choice, Failure, Models, Needs, tokens};
use crate::store::{Message, MessageEnd, MessageStatus, NewCall, NewMessage, Process, Session, Store};

/// The most characters of a chat that a title is made from.
const TITLED: usize = 6_000;

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
        let mut progress = Progress {
            recorder: &mut recorder,
            leaf: question,
            pending: Some(pending),
            answer: pending,
            parts: Vec::new(),
            model: choices.first().map(Choice::name).unwrap_or_default(),
        };
        let ended = self.run(session, ask, &choices, &mut machine, &mut progress, asker).await;
        let ended = match ended {
            Ok(ended) => ended,
            Err(error) => Ended::Failed(error),
        };
        let ended = self.close(ended, &mut progress);
        let (answer, parts, model) = (progress.answer, progress.parts, progress.model);
        let (totals, trouble) = (recorder.totals, recorder.trouble);
        let duration_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(Outcome { question, answer, parts, ended, model, totals, duration_ms, trouble })
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
                Effect::KeepAnswer(parts, finish) => self.keep_answer(parts, &finish, progress)?,
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

    /// Everything that is sent, after older turns gave way where they had to. `None` when the person stopped it.
    async fn request(
        &self,
        session: &Session,
        ask: &Ask,
        choices: &[Choice],
        progress: &mut Progress<'_, '_>,
    ) -> Result<Option<Request>> {
        let tools: Vec<_> = self.tools.iter().map(|t| t.spec().clone()).collect();
        let first = choices.first();
        loop {
            let name = first.map(Choice::name).unwrap_or_default();
            let mut pieces = self.pieces(session, ask, progress.leaf, &name, false)?;
            let room = |c: &Choice| Some(Budget::new(c.facts.context?, ask.tuning.max_tokens.map(u64::from), 0).room());
            if first.and_then(room).is_some_and(|room| context::total(&pieces).tokens > room / 4 * 3) {
                // Where it matters an estimate is not enough.
                pieces = self.pieces(session, ask, progress.leaf, &name, true)?;
            }
            let request =
                || Request { turns: context::turns(&pieces), tools: tools.clone(), tuning: ask.tuning.clone() };
            let Some(context) = first.and_then(|c| c.facts.context) else { return Ok(Some(request())) };
            let of_tools = tokens::count("", &json!(tools).to_string(), false).tokens;
            let answer = ask.tuning.max_tokens.map(u64::from);
            let budget = Budget::new(context, answer, if tools.is_empty() { 0 } else { of_tools });
            match context::fit(&pieces, budget) {
                Fit::Fits => return Ok(Some(request())),
                Fit::Compact { keep_from } if self.compact => {
                    if self.compact(session, choices, &pieces[..keep_from], budget, progress).await?.is_none() {
                        return Ok(None);
                    }
                }
                Fit::Compact { .. } => {
                    let tokens = context::total(&pieces).tokens;
                    return Err(too_long(tokens, budget)
                        .hint("allow summaries with `fac config set chat.compact true`, or go on in a new chat"));
                }
                Fit::TooLong { tokens, .. } => {
                    return Err(too_long(tokens, budget).hint("shorten it, or name a model with a larger context"));
                }
            }
        }
    }

    /// What would be sent for the path that ends at `leaf`, piece by piece; tokens as `model` counts them. `precise`:
    /// exact where its encoding is known, which takes a moment to load.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn pieces(
        &self,
        session: &Session,
        ask: &Ask,
        leaf: Id,
        model: &str,
        precise: bool,
    ) -> Result<Vec<context::Piece>> {
        let path = self.store.thread(leaf)?;
        let said: Vec<Said> = path.iter().map(said).collect();
        let summaries: Vec<Summary> = self
            .store
            .summaries(session.id)?
            .into_iter()
            .map(|m| Summary { id: m.id, text: m.words, of: m.summary_of })
            .collect();
        let system = ask.system.as_deref().or(session.system.as_deref());
        let count = |text: &str| {
            let count = tokens::count(model, text, precise);
            Size { tokens: count.tokens, exact: count.exact }
        };
        Ok(context::assemble(system, &ask.memories, &summaries, &said, &count))
    }

    /// Has the model write a summary of the older pieces, and keeps it beside the tree. `None` when stopped.
    async fn compact(
        &self,
        session: &Session,
        choices: &[Choice],
        older: &[context::Piece],
        budget: Budget,
        progress: &mut Progress<'_, '_>,
    ) -> Result<Option<()>> {
        let replaced: Vec<Id> = self.replaced_by(session, older)?;
        let notice = format!(
            "this no longer fits into the model's context, so the oldest {} messages are summarized",
            replaced.len()
        );
        progress.recorder.listener.piece(&Piece::Notice(notice));
        let room = usize::try_from(budget.room().saturating_mul(2)).unwrap_or(usize::MAX);
        let request = Request { turns: context::summary_request(older, room), ..Request::default() };
        let new = NewCall { purpose: "summary".to_string(), ..progress.recorder.new.clone() };
        let answer = self.aside(choices, &request, new).await.map_err(|failure| {
            Error::new(Kind::Failed, format!("the older messages could not be summarized: {failure}"))
                .hint("try again, or go on in a new chat")
        })?;
        let Some(answer) = answer else { return Ok(None) };
        let text = words(&answer.parts);
        if text.trim().is_empty() {
            return Err(Error::new(Kind::Failed, "the model gave no summary of the older messages")
                .hint("try again, or name a model with a larger context"));
        }
        let parts = json!([Part::text(text.clone())]);
        self.store.add_message(&NewMessage {
            parent: replaced.last().copied(),
            model: Some(answer.model),
            summary_of: replaced,
            tokens: answer.usage.output,
            ..NewMessage::whole(session.id, Role::System.name(), parts, text)
        })?;
        Ok(Some(()))
    }

    /// Asks something beside the chat: it is counted, and leaves no message. `None` when stopped.
    async fn aside(
        &self,
        choices: &[Choice],
        request: &Request,
        new: NewCall,
    ) -> std::result::Result<Option<Answer>, Failure> {
        let mut silent = Silent;
        let mut recorder = Recorder::new(self.store, &mut silent, new);
        let asked = self.models.ask(choices, request, false, &mut recorder);
        let answered = tokio::select! {
            answered = asked => Some(answered),
            () = stopped(&self.stop) => None,
        };
        match answered {
            Some(answered) => answered.map(Some),
            None => {
                recorder.cancel();
                Ok(None)
            }
        }
    }

    /// Has the model find a title for what was said up to `leaf`. `None` when stopped.
    ///
    /// # Errors
    /// No model, or its failure, or an answer without words.
    pub async fn title(&self, session: &Session, leaf: Id, model: Option<&str>) -> Result<Option<String>> {
        let needs = Needs { task: "title".to_string(), ..Needs::default() };
        let choices = self.models.resolve(model.or(session.model.as_deref()), &needs).await?;
        let said: Vec<String> =
            self.store.thread(leaf)?.into_iter().map(|m| format!("{}: {}", m.role, m.words)).collect();
        let said: String = said.join("\n\n").chars().take(TITLED).collect();
        let question = format!(
            "Give this conversation a title of at most six words, in its own language. Answer with the title alone.\n\n\
             <conversation>\n{said}\n</conversation>"
        );
        let request = Request { turns: vec![providers::model::Turn::text(Role::User, question)], ..Request::default() };
        let new = NewCall { session: Some(session.id), purpose: needs.task, ..NewCall::default() };
        let Some(answer) = self.aside(&choices, &request, new).await? else { return Ok(None) };
        let text = words(&answer.parts);
        let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
        let title: String = line.trim_matches(['"', '*', '#', '\'', ' ', '.']).chars().take(80).collect();
        if title.is_empty() {
            return Err(Error::new(Kind::Failed, "the model gave no title").hint("write one yourself"));
        }
        Ok(Some(title))
    }

    /// The messages that a summary of these pieces stands for: a summary among them stands for its own.
    fn replaced_by(&self, session: &Session, older: &[context::Piece]) -> Result<Vec<Id>> {
        let mut ids = Vec::new();
        for piece in older {
            match (piece.why, piece.id) {
                (context::Why::Summary, Some(id)) => {
                    let summary = self.store.summaries(session.id)?.into_iter().find(|m| m.id == id);
                    ids.extend(summary.map(|m| m.summary_of).unwrap_or_default());
                }
                (context::Why::Message, Some(id)) => ids.push(id),
                _ => {}
            }
        }
        Ok(ids)
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
    fn close(&self, ended: Ended, progress: &mut Progress<'_, '_>) -> Ended {
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

    fn decide(&self, session: &Session, call: &ToolCall, asker: &mut dyn Asker) -> Result<Decision> {
        let Some(tool) = self.tool(&call.name) else { return Ok(Decision::No("there is no such tool".to_string())) };
        let preview = match tool.preview(&call.arguments) {
            Ok(preview) => preview,
            Err(error) => return Ok(Decision::No(format!("not run: {}", told(&error)))),
        };
        if !asker.is_there() {
            return Ok(Decision::No(
                "not run: nobody is there to allow it, and no rule of the settings does".to_string(),
            ));
        }
        let read_only = tool.effects() == Effects::ReadOnly;
        let question = Question { tool: call.name.clone(), origin: tool.origin(), read_only, preview };
        Ok(match asker.allow(&question)? {
            Verdict::Once => Decision::Once,
            Verdict::Session if read_only => {
                self.store.allow_tool(session.id, &tool.origin(), &tool.digest())?;
                Decision::Session
            }
            Verdict::Session => Decision::Once,
            Verdict::No(Some(said)) => Decision::No(format!("the person said no: {said}")),
            Verdict::No(None) => Decision::No("the person said no".to_string()),
        })
    }

    fn tool(&self, name: &str) -> Option<&Arc<dyn Tool>> {
        self.tools.iter().find(|t| t.spec().name == name)
    }

    /// Uses tools side by side; `None` when the person stopped it.
    async fn work(
        &self,
        calls: &[ToolCall],
        progress: &mut Progress<'_, '_>,
    ) -> Option<Vec<(String, std::result::Result<String, String>)>> {
        for call in calls {
            if let Some(tool) = self.tool(&call.name) {
                let preview = tool.preview(&call.arguments).unwrap_or_default();
                progress.recorder.listener.tool_begins(&tool.origin(), &preview);
            }
        }
        let work = calls.iter().map(|call| async move {
            let result = match self.tool(&call.name) {
                Some(tool) => tool.call(&call.arguments).await.map_err(|e| told(&e)),
                None => Err("there is no such tool".to_string()),
            };
            (call, result)
        });
        let results = tokio::select! {
            results = futures_util::future::join_all(work) => results,
            () = stopped(&self.stop) => return None,
        };
        let mut said = Vec::new();
        for (call, result) in results {
            let (text, failed) = match &result {
                Ok(text) => (text, false),
                Err(text) => (text, true),
            };
            let origin = self.tool(&call.name).map(|t| t.origin()).unwrap_or_default();
            progress.recorder.listener.tool_ended(&origin, text, failed);
            said.push((call.id.clone(), result));
        }
        Some(said)
    }
}

/// An error as the model is told of it, with the way forward.
fn told(error: &Error) -> String {
    match error.way_forward() {
        Some(hint) => format!("{} ({hint})", error.full_message()),
        None => error.full_message(),
    }
}

/// Hears nothing.
struct Silent;

impl Listener for Silent {
    fn piece(&mut self, _piece: &Piece) {}
    fn tool_begins(&mut self, _origin: &str, _preview: &str) {}
    fn tool_ended(&mut self, _origin: &str, _said: &str, _failed: bool) {}
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

fn too_long(tokens: u64, budget: Budget) -> Error {
    let said = format!(
        "this chat has about {tokens} tokens, and {} of the model's {} are left for it",
        budget.room(),
        budget.context
    );
    Error::new(Kind::Usage, said)
}

fn count_parts(parts: &[Part]) -> u64 {
    tokens::count("", &words(parts), false).tokens
}

/// A stored message as the model hears it again.
pub fn said(message: &Message) -> Said {
    let parts: Vec<Part> = serde_json::from_value(message.parts.clone()).unwrap_or_default();
    let role = Role::parse(&message.role).unwrap_or(Role::User);
    let whole = message.status == MessageStatus::Done;
    // Wishes of an answer that did not end as it should were never acted on.
    let parts = parts.into_iter().filter(|p| whole || !matches!(p, Part::ToolCall(_))).collect();
    Said { id: message.id, turn: crate::providers::model::Turn { role, parts }, whole }
}
