//! `fac compare`: one question, several models, side by side.
//!
//! The question is kept once; each answer is a branch behind it. A model that fails does not stop the others.

mod columns;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use serde_json::{Value, json};

use self::columns::{Board, Column};
use super::super::Context;
use super::super::table::Table;
use super::super::ui::{self, Role};
use super::ask;
use super::question::Question;
use super::{dollars, record, status_of, wait};
use crate::app::models::budget_check;
use crate::chat::driver::{Ask, Ended, Listener, Outcome, within};
use crate::chat::policy::Nobody;
use crate::exec::Stop;
use crate::exec::signals::StopOnSignals;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::terminal::safe_line;
use crate::providers::model::{Piece, Role as Speaker, words};
use crate::store::{MessageStatus, NewMessage, NewSession, Session, SessionEdit};

/// The most models that are asked in one go.
const MOST: usize = 16;
/// How often columns are drawn anew.
const FRAME: Duration = Duration::from_millis(80);

const EXAMPLES: &str = "\
Examples:
  fac compare -m gpt-4o -m claude-sonnet 'explain monads in two sentences'
  git diff | fac compare -m llama3 -m qwen 'review this'
  fac compare -m a -m b 'hello' --json        an object a model, then a summary";

/// Ask several models the same, side by side
#[derive(Debug, clap::Args)]
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
}

/// One model's part.
struct Part {
    typed: String,
    /// The outcome, or why it did not begin.
    result: Result<Outcome>,
}

pub(in crate::cli) fn run(context: &mut Context, args: &Args) -> Result<u8> {
    super::adopt(context)?;
    if args.models.len() > MOST {
        return Err(Error::new(Kind::Usage, format!("{} models are more than {MOST}", args.models.len())));
    }
    let limit = args.timeout.as_deref().map(ask::time).transpose()?;
    let parts = args.question.parts(context)?;
    let tuning = args.question.tuning()?;
    budget_check(&context.app)?.into_iter().for_each(|said| context.ui.warn(&said));
    let store = context.app.store()?;
    let title = ask::title(&words(&parts));
    let session = store.begin_session(&NewSession {
        title: Some(title).filter(|t| !t.is_empty()),
        system: args.question.system.clone(),
        ..NewSession::default()
    })?;
    let question = store.add_message(&NewMessage {
        session: session.id,
        parent: None,
        role: Speaker::User.name().to_string(),
        parts: json!(parts),
        words: words(&parts),
        status: MessageStatus::Done,
        model: None,
        command: None,
        summary_of: Vec::new(),
        tokens: None,
        process: None,
        at: None,
    })?;
    let ask = Ask {
        parent: Some(question),
        tuning,
        purpose: "compare".to_string(),
        memories: ask::memories(context)?,
        ..Ask::default()
    };
    let done = turns(context, args, &session, &ask, limit)?;
    // The chat goes on from the first that answered.
    let first = done.iter().find_map(|p| p.result.as_ref().ok().filter(|o| answered(o)).map(|o| o.answer));
    store.edit_session(session.id, &[SessionEdit::Head(Some(first.unwrap_or(question)))])?;
    show_sums(context, &session, &done)?;
    Ok(code_of(&done))
}

fn answered(outcome: &Outcome) -> bool {
    matches!(outcome.ended, Ended::Well(_) | Ended::Limited(_))
}

/// Asks all of them, and shows what they say as they say it or when each is done.
fn turns(context: &Context, args: &Args, session: &Session, ask: &Ask, limit: Option<Duration>) -> Result<Vec<Part>> {
    let signals = StopOnSignals::new()?;
    let models = context.app.models()?;
    let columns: Vec<Column> = args.models.iter().map(|m| Column::new(m)).collect();
    let columns = Shared::new(Mutex::new(columns));
    let mut board = Board::fitting(context, args.models.len());
    let one = |number: usize, typed: String| {
        let (models, columns, over) = (&models, columns.clone(), signals.stop());
        async move {
            let stop = Stop::new()?;
            let chat = context.app.chat(models, stop.clone())?;
            let ask = Ask { model: Some(typed), ..ask.clone() };
            let mut listener = Ear { number, columns: columns.clone() };
            let turn = async {
                let mut nobody = Nobody;
                chat.turn(session, &ask, &mut listener, &mut nobody).await
            };
            let outcome = within(turn, &stop, over, limit).await;
            locked(&columns)[number].done = true;
            outcome
        }
    };
    let all = args.models.iter().cloned().enumerate().map(|(n, m)| async move { (n, one(n, m).await) });
    let mut results: Vec<Option<Result<Outcome>>> = args.models.iter().map(|_| None).collect();
    let mut printed = 0;
    let shown: Result<()> = wait(async {
        let mut running = futures_util::stream::iter(all).buffer_unordered(args.parallel.clamp(1, MOST));
        let mut drawn = Instant::now();
        loop {
            tokio::select! {
                next = running.next() => match next {
                    Some((number, result)) => results[number] = Some(result),
                    None => break,
                },
                () = tokio::time::sleep(FRAME) => {}
            }
            match &mut board {
                Some(board) if drawn.elapsed() >= FRAME => {
                    board.draw(&locked(&columns))?;
                    drawn = Instant::now();
                }
                Some(_) => {}
                None => {
                    while let Some(Some(result)) = results.get(printed) {
                        print(context, session, &args.models[printed], result)?;
                        printed += 1;
                    }
                }
            }
        }
        Ok(())
    })?;
    drop(signals);
    match &mut board {
        Some(board) => board.finish(&locked(&columns))?,
        None => {
            for (typed, result) in args.models.iter().zip(results.iter().flatten()).skip(printed) {
                print(context, session, typed, result)?;
            }
        }
    }
    shown?;
    let typed = args.models.iter().cloned();
    Ok(typed.zip(results).filter_map(|(typed, result)| Some(Part { typed, result: result? })).collect())
}

type Shared = Arc<Mutex<Vec<Column>>>;

fn locked(columns: &Shared) -> MutexGuard<'_, Vec<Column>> {
    columns.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Hears one model.
struct Ear {
    number: usize,
    columns: Shared,
}

impl Listener for Ear {
    fn piece(&mut self, piece: &Piece) {
        if let Piece::Text(text) = piece {
            locked(&self.columns)[self.number].text.push_str(text);
        }
    }

    fn tool_begins(&mut self, _origin: &str, _preview: &str) {}

    fn tool_ended(&mut self, _origin: &str, _said: &str, _failed: bool) {}
}

/// One answer under its heading, or as an object on a line.
fn print(context: &Context, session: &Session, typed: &str, result: &Result<Outcome>) -> Result<()> {
    let ui = &context.ui;
    if ui.json {
        return ui.write(format!("{}\n", ui::json_line(&as_json(session, typed, result))).as_bytes());
    }
    ui.line(&ui.paint(Role::Name, &format!("── {}", safe_line(typed))))?;
    if let Ok(outcome) = result {
        let text = outcome.text();
        let body = match ui.stdout_terminal {
            true => super::super::draw::markdown(ui, &text),
            false => crate::kernel::terminal::safe(&text).into_owned(),
        };
        ui.write(format!("{}\n\n", body.trim_end_matches('\n')).as_bytes())?;
    }
    if let Some(error) = failure(result) {
        ui.failure(error);
    }
    Ok(())
}

fn failure(result: &Result<Outcome>) -> Option<&Error> {
    match result {
        Err(error) => Some(error),
        Ok(Outcome { ended: Ended::Failed(error), .. }) => Some(error),
        Ok(_) => None,
    }
}

fn as_json(session: &Session, typed: &str, result: &Result<Outcome>) -> Value {
    let mut value = match result {
        Ok(outcome) => record(session, outcome, status_of(&outcome.ended)),
        Err(_) => json!({"session": session.id, "status": "failed", "text": ""}),
    };
    value["asked"] = json!(typed);
    if let Some(error) = failure(result) {
        value["error"] =
            json!({"kind": error.kind().name(), "message": error.full_message(), "hint": error.way_forward()});
    }
    json!({"answer": value})
}

/// How they did, in a table.
fn show_sums(context: &Context, session: &Session, done: &[Part]) -> Result<()> {
    let ui = &context.ui;
    if ui.json {
        let well = done.iter().filter(|p| p.result.as_ref().is_ok_and(answered)).count();
        let line = json!({"compared": {"session": session.id, "models": done.len(), "answered": well}});
        return ui.write(format!("{}\n", ui::json_line(&line)).as_bytes());
    }
    let mut table = Table::new(&["model", "first word", "whole", "in", "out", "cost", "ended"]);
    for part in done {
        let seconds = |ms: Option<u64>| ms.map(|ms| format!("{:.2} s", ms as f64 / 1000.0)).unwrap_or_default();
        let row = match &part.result {
            Err(error) => {
                let said = error.kind().name().to_string();
                [part.typed.clone(), String::new(), String::new(), String::new(), String::new(), String::new(), said]
            }
            Ok(outcome) => {
                let count = |n: Option<u64>| n.map(|n| n.to_string()).unwrap_or_default();
                let totals = &outcome.totals;
                [
                    outcome.model.clone(),
                    seconds(totals.first_token_ms),
                    seconds(Some(outcome.duration_ms)),
                    count(totals.usage.input),
                    count(totals.usage.output),
                    totals.cost_micros.map(dollars).unwrap_or_else(|| "?".to_string()),
                    status_of(&outcome.ended).to_string(),
                ]
            }
        };
        let last = row.len() - 1;
        let good = part.result.as_ref().is_ok_and(answered);
        let role = |at: usize| match at {
            0 => Some(Role::Name),
            at if at == last => Some(if good { Role::Good } else { Role::Bad }),
            _ => None,
        };
        table.row(row.into_iter().enumerate().map(|(at, text)| (text, role(at))).collect());
    }
    ui.write(table.render(ui).as_bytes())
}

/// Done when anybody answered; else as the first of them failed.
fn code_of(done: &[Part]) -> u8 {
    let mut first = 1;
    for part in done.iter().rev() {
        match &part.result {
            Ok(outcome) if answered(outcome) => return 0,
            Ok(Outcome { ended: Ended::Cancelled, .. }) => first = Kind::Interrupted.exit_code(),
            result => first = failure(result).map_or(1, |error| error.kind().exit_code()),
        }
    }
    first
}
