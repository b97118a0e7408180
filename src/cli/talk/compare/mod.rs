//! `fac compare`: one question to several models at the same time, their answers side by side.
//!
//! The question is kept once and each answer follows it, so that a comparison is a chat with branches, and `fac ask -c`
//! goes on with any of them. How it looks is the business of [`columns`] and [`show`].

mod columns;
mod show;
mod side;

use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args as Arguments;
use futures_util::StreamExt;
use futures_util::stream;
use serde_json::{Value, json};

use self::show::{Place, Show};
use self::side::{Board, Ear};
use super::super::Context;
use super::question::Question;
use super::{adopt, ask, fault, kept, record, status_of, wait};
use crate::app::models::{budget_check, this_process};
use crate::chat::driver::{Ask, Outcome, within};
use crate::chat::policy::Nobody;
use crate::exec::Stop;
use crate::exec::signals::StopOnSignals;
use crate::kernel::duration::human_ms;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::ids::Id;
use crate::providers::model::{Part, Role, Tuning, words};
use crate::providers::{Choice, Models, Needs};
use crate::store::{NewMessage, NewSession, Session, SessionEdit};

/// The most models that are asked in one go.
const MOST: usize = 16;
/// Time between two pictures of answers that grow.
const FRAME: Duration = Duration::from_millis(80);

const EXAMPLES: &str = "\
Examples:
  fac compare -m gpt-4o -m claude-sonnet 'explain the CAP theorem'
  git diff | fac compare -m a -m b -m c 'review this'
  fac compare -m ollama/llama3.2 -m ollama/qwen3 -f notes.md 'sum it up' --json
  fac sessions show --tree            all answers, with the ids that `fac sessions branch` takes";

/// Ask several models the same, side by side
#[derive(Debug, Arguments)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// A model; say it once for each
    #[arg(short, long = "model", value_name = "MODEL", required = true)]
    models: Vec<String>,
    #[command(flatten)]
    question: Question,
    /// How many are asked at the same time
    #[arg(long, default_value_t = 4, value_name = "N")]
    parallel: usize,
    /// How long each may take
    #[arg(long, value_name = "TIME")]
    timeout: Option<String>,
    /// One after another, also where columns would fit
    #[arg(long)]
    rows: bool,
    /// Keep nothing of it
    #[arg(long)]
    temp: bool,
    /// Ask anew, whatever the cache holds
    #[arg(long)]
    no_cache: bool,
}

/// How one model fared.
pub(super) struct Verdict {
    /// What was typed.
    pub asked: String,
    /// `provider/model`, or what was typed where that is nobody.
    pub name: String,
    /// The end of its turn; `None` where it could not begin.
    pub outcome: Option<Outcome>,
    /// In one word.
    pub status: &'static str,
    /// What went wrong.
    pub error: Option<Error>,
}

pub(in crate::cli) fn run(context: &mut Context, args: &Args) -> Result<u8> {
    if args.models.len() < 2 {
        return Err(Error::new(Kind::Usage, "one model alone cannot be compared")
            .hint("name another with -m, or use `fac ask`"));
    }
    if args.models.len() > MOST {
        return Err(Error::new(Kind::Usage, format!("{} models are more than {MOST}", args.models.len())));
    }
    adopt(context)?;
    let limit = args.timeout.as_deref().map(ask::time).transpose()?;
    let tuning = args.question.tuning()?;
    let parts = args.question.parts(context)?;
    budget_check(&context.app)?.into_iter().for_each(|said| context.ui.warn(&said));
    let signals = StopOnSignals::new()?;
    let models = context.app.models()?;
    let begun = Instant::now();
    let (comparison, verdicts) = wait(async {
        let choices = resolve(&models, &args.models).await;
        if !choices.iter().any(std::result::Result::is_ok) {
            // Nobody can be asked, so nothing is kept.
            let error = choices.into_iter().find_map(std::result::Result::err);
            return Err(error.unwrap_or_else(|| Error::new(Kind::Usage, "no model was named")));
        }
        let comparison = begin(context, args, parts, tuning, &choices)?;
        let verdicts = compare(context, args, &models, &comparison, choices, (signals.stop(), limit)).await?;
        Ok((comparison, verdicts))
    })??;
    let stopped = signals.stop().is_requested();
    drop(signals);
    end(context, &comparison, &verdicts, begun.elapsed(), stopped)
}

/// Who is meant by each name.
async fn resolve(models: &Models, typed: &[String]) -> Vec<std::result::Result<Choice, Error>> {
    let mut choices = Vec::new();
    for typed in typed {
        let found = models.resolve(Some(typed), &Needs { task: "compare".to_string(), ..Needs::default() }).await;
        let nobody = || Error::new(Kind::NotFound, format!("no provider has a model `{typed}`"));
        choices.push(found.and_then(|found| found.into_iter().next().ok_or_else(nobody)));
    }
    choices
}

/// A question that is kept, and how it is to be answered.
struct Comparison {
    session: Session,
    question: Id,
    asked: Vec<String>,
    names: Vec<String>,
    tuning: Tuning,
}

/// Puts the question on the disk before anybody hears of it.
fn begin(
    context: &Context,
    args: &Args,
    parts: Vec<Part>,
    tuning: Tuning,
    choices: &[std::result::Result<Choice, Error>],
) -> Result<Comparison> {
    let store = context.app.store()?;
    let names: Vec<String> = args
        .models
        .iter()
        .zip(choices)
        .map(|(typed, choice)| choice.as_ref().map_or_else(|_| typed.clone(), Choice::name))
        .collect();
    let title = match args.question.words.is_empty() {
        true => ask::title(&words(&parts)),
        false => ask::title(&args.question.words.join(" ")),
    };
    let session = store.begin_session(&NewSession {
        title: Some(title).filter(|t| !t.is_empty()),
        model: choices.iter().find_map(|c| Some(c.as_ref().ok()?.name())),
        system: args.question.system.clone(),
        temporary: args.temp.then(this_process),
        ..NewSession::default()
    })?;
    let said = NewMessage::whole(session.id, Role::User.name(), json!(parts), words(&parts));
    let question = store.add_message(&said)?;
    Ok(Comparison { session, question, asked: args.models.clone(), names, tuning })
}

/// Asks everybody; shows what comes while it comes.
async fn compare(
    context: &Context,
    args: &Args,
    models: &Models,
    comparison: &Comparison,
    choices: Vec<std::result::Result<Choice, Error>>,
    (stop, limit): (&Stop, Option<Duration>),
) -> Result<Vec<Verdict>> {
    let board = Arc::new(Board::new(&comparison.names));
    let place = match (context.ui.json, args.rows) {
        (true, _) => Place::Json,
        (_, true) => Place::Rows,
        _ => Place::of(context, comparison.names.len()),
    };
    let mut show = Show::new(context, place, Arc::clone(&board))?;
    let memories = ask::memories(context)?;
    let turns = choices.into_iter().enumerate().map(|(at, choice)| {
        let (mut ear, memories) = (Ear::new(Arc::clone(&board), at), memories.clone());
        async move {
            let own = Stop::new()?;
            let turn = async {
                let choice = choice?;
                let mut chat = context.app.chat(models, own.clone())?;
                chat.use_cache &= !args.no_cache;
                let ask = Ask {
                    parent: Some(comparison.question),
                    model: Some(choice.name()),
                    alone: true,
                    tuning: comparison.tuning.clone(),
                    purpose: "compare".to_string(),
                    memories,
                    ..Ask::default()
                };
                chat.turn(&comparison.session, &ask, &mut ear, &mut Nobody).await
            };
            let result = within(turn, &own, stop, limit).await;
            Ok::<_, Error>((at, verdict(comparison, at, result, limit.filter(|_| !stop.is_requested()))))
        }
    });
    let mut turns = std::pin::pin!(stream::iter(turns).buffer_unordered(args.parallel.clamp(1, MOST)));
    let mut verdicts: Vec<Option<Verdict>> = comparison.names.iter().map(|_| None).collect();
    loop {
        tokio::select! {
            ended = turns.next() => match ended {
                Some(ended) => {
                    let (at, verdict) = ended?;
                    verdicts[at] = Some(verdict);
                    if show.ended(&verdicts, &comparison.session).is_err() || context.ui.closed() {
                        // Nobody reads any more, so nothing more is asked for.
                        stop.request();
                    }
                }
                None => break,
            },
            () = tokio::time::sleep(FRAME), if show.is_live() => show.frame(),
        }
    }
    let verdicts: Vec<Verdict> = verdicts.into_iter().flatten().collect();
    show.finish(&verdicts)?;
    Ok(verdicts)
}

/// What became of one; `limit` is the time it had, where nobody else stopped it.
fn verdict(comparison: &Comparison, at: usize, result: Result<Outcome>, limit: Option<Duration>) -> Verdict {
    let (asked, name) = (comparison.asked[at].clone(), comparison.names[at].clone());
    match result {
        Ok(mut outcome) => {
            let status = status_of(&outcome.ended);
            let error = fault(&mut outcome, comparison.tuning.max_tokens.is_some(), kept(&comparison.session));
            let error = match limit.filter(|_| status == "cancelled") {
                Some(limit) => Some(too_slow(limit)),
                None => error,
            };
            Verdict { asked, name, outcome: Some(outcome), status, error }
        }
        Err(error) => Verdict { asked, name, outcome: None, status: "failed", error: Some(error) },
    }
}

fn too_slow(limit: Duration) -> Error {
    let time = human_ms(u64::try_from(limit.as_millis()).unwrap_or(u64::MAX));
    Error::new(Kind::TimedOut, format!("not whole within {time}")).hint("give it longer with --timeout")
}

/// The record of one model's answer, for `--json`.
pub(super) fn verdict_json(session: &Session, verdict: &Verdict) -> Value {
    let mut answer = match &verdict.outcome {
        Some(outcome) => record(session, outcome, verdict.status),
        None => json!({"session": session.id, "status": verdict.status, "text": ""}),
    };
    answer["asked"] = json!(verdict.asked);
    if let Some(error) = &verdict.error {
        answer["error"] = ask::error_json(error);
    }
    answer["model"] = json!(verdict.name);
    json!({"answer": answer})
}

/// Chooses the branch that the chat goes on with, says what is left to say, and gives the exit code.
fn end(context: &Context, comparison: &Comparison, verdicts: &[Verdict], took: Duration, stopped: bool) -> Result<u8> {
    let (store, session) = (context.app.store()?, &comparison.session);
    let answered: Vec<&Verdict> = verdicts.iter().filter(|v| v.error.is_none()).collect();
    let best = answered.first().copied().or_else(|| verdicts.iter().find(|v| v.outcome.is_some()));
    let head = best.and_then(|v| Some((v.outcome.as_ref()?.answer, &v.name)));
    if session.temporary {
        store.remove_session(session.id)?;
    } else if let Some((answer, name)) = head {
        let model = SessionEdit::Model(Some(name.clone()));
        store.edit_session(session.id, &[SessionEdit::Head(Some(answer)), model])?;
    }
    let troubles = verdicts.iter().filter_map(|v| v.outcome.as_ref()?.trouble.as_ref());
    for trouble in troubles {
        context.ui.warn(&format!("not everything could be kept: {}", trouble.full_message()));
    }
    if context.ui.json {
        let costs = verdicts.iter().filter_map(|v| v.outcome.as_ref());
        let cost: Option<i64> = costs.map(|o| o.totals.cost_micros).sum();
        context.ui.write(
            format!(
                "{}\n",
                super::super::ui::json_line(&json!({"compared": {
                    "session": session.id,
                    "question": comparison.question,
                    "models": verdicts.len(),
                    "answered": answered.len(),
                    "failed": verdicts.len() - answered.len(),
                    "head": head.map(|(answer, _)| answer),
                    "cost_usd": cost.map(|micros| micros as f64 / 1e6),
                    "duration_ms": u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
                }}))
            )
            .as_bytes(),
        )?;
    } else if let Some((_, name)) = head.filter(|_| !session.temporary && !answered.is_empty()) {
        context.ui.note(&format!(
            "`fac ask -c` goes on with the answer of {}; `fac sessions branch {} ANSWER` chooses another",
            crate::kernel::terminal::safe_line(name),
            session.id.tail()
        ));
    }
    if stopped && answered.len() < verdicts.len() {
        return Ok(Kind::Interrupted.exit_code());
    }
    let failure = verdicts.iter().find_map(|v| v.error.as_ref()).filter(|_| answered.is_empty());
    Ok(failure.map_or(0, |error| error.kind().exit_code()))
}
