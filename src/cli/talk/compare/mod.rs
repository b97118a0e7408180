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
use serde_json::json;

use self::show::{Place, Show};
use self::side::{Board, Ear};
use super::super::Context;
use super::question::Question;
use super::{adopt, ask, kept, wait};
pub(super) use crate::app::compare::Verdict;
use crate::app::compare::{Chosen, Comparing, Comparison, Manner};
use crate::app::models::budget_check;
use crate::exec::signals::StopOnSignals;
use crate::kernel::error::{Error, Kind, Result};
use crate::providers::Models;

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

pub(in crate::cli) fn run(context: &mut Context, args: &Args) -> Result<u8> {
    adopt(context)?;
    let limit = args.timeout.as_deref().map(ask::time).transpose()?;
    let tuning = args.question.tuning()?;
    let parts = args.question.parts(context)?;
    budget_check(&context.app)?.into_iter().for_each(|said| context.ui.warn(&said));
    let signals = StopOnSignals::new()?;
    let models = context.app.models()?;
    let begun = Instant::now();
    let wish = Comparing {
        models: args.models.clone(),
        parts,
        title: args.question.words.join(" "),
        system: args.question.system.clone(),
        tuning,
        temporary: args.temp,
    };
    let (comparison, verdicts) = wait(async {
        let (comparison, choices) = context.app.begin_comparison(&models, &wish).await?;
        let manner = Manner {
            parallel: args.parallel,
            limit,
            use_cache: !args.no_cache,
            memories: ask::memories(context)?,
            kept: kept(&comparison.session),
            stop: signals.stop().clone(),
        };
        let verdicts = compare(context, args, &models, &comparison, choices, &manner).await?;
        Ok::<_, Error>((comparison, verdicts))
    })??;
    let stopped = signals.stop().is_requested();
    drop(signals);
    end(context, &comparison, &verdicts, begun.elapsed(), stopped)
}

/// Asks everybody; shows what comes while it comes.
async fn compare(
    context: &Context,
    args: &Args,
    models: &Models,
    comparison: &Comparison,
    choices: Vec<Chosen>,
    manner: &Manner,
) -> Result<Vec<Verdict>> {
    let board = Arc::new(Board::new(&comparison.names));
    let place = match (context.ui.json, args.rows) {
        (true, _) => Place::Json,
        (_, true) => Place::Rows,
        _ => Place::of(context, comparison.names.len()),
    };
    let mut show = Show::new(context, place, Arc::clone(&board))?;
    let ear = |at| Ear::new(Arc::clone(&board), at);
    let mut turns = std::pin::pin!(context.app.verdicts(models, comparison, choices, manner, ear));
    let mut verdicts: Vec<Option<Verdict>> = comparison.names.iter().map(|_| None).collect();
    loop {
        tokio::select! {
            ended = turns.next() => match ended {
                Some(ended) => {
                    let (at, verdict) = ended?;
                    verdicts[at] = Some(verdict);
                    if show.ended(&verdicts, &comparison.session).is_err() || context.ui.closed() {
                        // Nobody reads any more, so nothing more is asked for.
                        manner.stop.request();
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

/// Sums up, says what is left to say, and gives the exit code.
fn end(context: &Context, comparison: &Comparison, verdicts: &[Verdict], took: Duration, stopped: bool) -> Result<u8> {
    let session = &comparison.session;
    let sum = context.app.end_comparison(comparison, verdicts, took)?;
    let troubles = verdicts.iter().filter_map(|v| v.outcome.as_ref()?.trouble.as_ref());
    for trouble in troubles {
        context.ui.warn(&format!("not everything could be kept: {}", trouble.full_message()));
    }
    if context.ui.json {
        context.ui.write(format!("{}\n", super::super::ui::json_line(&json!({"compared": sum}))).as_bytes())?;
    } else if let Some(best) = verdicts.iter().find(|v| v.error.is_none()).filter(|_| !session.temporary) {
        context.ui.note(&format!(
            "`fac ask -c` goes on with the answer of {}; `fac sessions branch {} ANSWER` chooses another",
            crate::kernel::terminal::safe_line(&best.name),
            session.id.tail()
        ));
    }
    if stopped && sum.answered < sum.models {
        return Ok(Kind::Interrupted.exit_code());
    }
    let failure = verdicts.iter().find_map(|v| v.error.as_ref()).filter(|_| sum.answered == 0);
    Ok(failure.map_or(0, |error| error.kind().exit_code()))
}
