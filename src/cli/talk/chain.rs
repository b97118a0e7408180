//! `fac chain`: questions in a row, each of which is given what the one before it was answered.
//!
//! What was answered before a failure is kept and printed.

use serde_json::json;

use super::super::Context;
use super::super::ui::{self, Role};
use super::ask;
use super::print::{Form, Printer};
use super::question::{Question, limit};
use super::{KEPT, end_saying, wait};
use crate::app::chain::{Chain, Input, passed_on};
use crate::app::views::chat::{AnswerView, status_of};
use crate::chat::attach;
use crate::chat::driver::Ended;
use crate::exec::Stop;
use crate::exec::signals::StopOnSignals;
use crate::kernel::error::Result;
use crate::kernel::terminal::safe_line;

const EXAMPLES: &str = "\
Examples:
  fac chain 'list three facts about bees' 'write a limerick from them'
  fac chain -m fast -m careful 'draft a mail about {{input}}' 'correct it' < notes.txt
  fac chain --all 'summarize' 'translate into German' < article.md

Each step is a model of its own when -m is said once for each; it sees what is piped in or answered before it
where {{input}} stands, or as a file.";

/// Ask questions in a row, each with the answer before it
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// A model for all steps, or one for each
    #[arg(short, long = "model", value_name = "MODEL")]
    models: Vec<String>,
    /// Print every step's answer, not only the last
    #[arg(long)]
    all: bool,
    /// How long each step may take
    #[arg(long, value_name = "TIME")]
    timeout: Option<String>,
    #[command(flatten)]
    question: Question,
}

pub(in crate::cli) fn run(context: &mut Context, args: &Args) -> Result<u8> {
    super::adopt(context)?;
    let steps = &args.question.words;
    let chain = Chain {
        steps: steps.clone(),
        models: args.models.clone(),
        system: args.question.system.clone(),
        tuning: args.question.tuning()?,
        limit: args.timeout.as_deref().map(ask::time).transpose()?,
    };
    chain.check()?;
    let piped = args.question.piped(context)?;
    let mut input = Input { files: args.question.attached(context)?, text: None };
    match piped.map(String::from_utf8) {
        Some(Ok(text)) => input.text = Some(("stdin".to_string(), text)),
        Some(Err(error)) => input.files.push(attach::part("stdin", error.into_bytes(), limit(context)?)?),
        None => {}
    }
    let (app, ui) = (&context.app, &context.ui);
    let session = app.begin_chain(&chain)?;
    let models = app.models()?;
    let signals = StopOnSignals::new()?;
    let mut records = Vec::new();
    for (number, step) in steps.iter().enumerate() {
        app.may_link()?.into_iter().for_each(|said| ui.warn(&said));
        let last = number + 1 == steps.len();
        let shown = last || args.all || ui.stdout_terminal;
        let form = if shown && !ui.json { Form::Words } else { Form::Silent };
        if shown && steps.len() > 1 && !ui.json && (args.all || ui.stdout_terminal) {
            ui.line(&ui.paint(Role::Name, &format!("── {} {}", number + 1, safe_line(step))))?;
        }
        let stop = Stop::new()?;
        let mut printer = Printer::new(context, form, stop.clone())?;
        let given = (number, std::mem::take(&mut input));
        let outcome = wait(app.link((&models, &session, &chain), given, &mut printer, (&stop, signals.stop())))?;
        printer.finish();
        let mut outcome = outcome?;
        let view = AnswerView::of(&session, &outcome, status_of(&outcome.ended));
        if ui.json {
            let line = json!({"step": {"n": number + 1, "prompt": step, "answer": view}});
            ui.write(format!("{}\n", ui::json_line(&line)).as_bytes())?;
        }
        records.push(view);
        let well = matches!(outcome.ended, Ended::Well(_));
        let text = outcome.text();
        let code = end_saying(context, &mut outcome, chain.tuning.max_tokens.is_some(), KEPT);
        if !well || code != 0 {
            rest(context, args, &records, number)?;
            return Ok(code.max(1));
        }
        if !last {
            input = passed_on(number, text);
        }
    }
    if ui.json {
        let line = json!({"chain": {"session": session.id, "steps": records.len(), "answer": records.last()}});
        ui.write(format!("{}\n", ui::json_line(&line)).as_bytes())?;
    }
    Ok(0)
}

/// After a failure the last whole answer is printed, where it was not yet.
fn rest(context: &Context, args: &Args, records: &[AnswerView], failed: usize) -> Result<()> {
    let ui = &context.ui;
    let Some(before) = failed.checked_sub(1).and_then(|n| records.get(n)) else { return Ok(()) };
    if ui.json || args.all || ui.stdout_terminal {
        return Ok(());
    }
    ui.note(&format!("step {} failed; this is what step {failed} said", failed + 1));
    let text = &before.text;
    ui.write(format!("{}\n", crate::kernel::terminal::safe(text).trim_end_matches('\n')).as_bytes())
}
