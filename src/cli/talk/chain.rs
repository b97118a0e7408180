//! `fac chain`: questions in a row, each of which is given what the one before it was answered.
//!
//! What was answered before a failure is kept and printed.

use serde_json::json;

use super::super::Context;
use super::super::ui::{self, Role};
use super::ask;
use super::print::{Form, Printer};
use super::question::{Question, limit};
use super::{KEPT, end_saying, record, status_of, wait};
use crate::app::models::budget_check;
use crate::chat::attach;
use crate::chat::driver::{Ask, Ended, within};
use crate::chat::policy::Nobody;
use crate::exec::Stop;
use crate::exec::signals::StopOnSignals;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::terminal::safe_line;
use crate::providers::model::Part;
use crate::store::NewSession;

/// The most steps of a chain.
const MOST: usize = 10;
/// Where a step wants the answer before it; without it the answer goes along as a file.
const INPUT: &str = "{{input}}";

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
    if steps.is_empty() || steps.len() > MOST {
        return Err(Error::new(Kind::Usage, format!("a chain has 1 to {MOST} steps, not {}", steps.len()))
            .hint("fac chain 'summarize this' 'translate it into German'"));
    }
    if args.models.len() > 1 && args.models.len() != steps.len() {
        let said = format!("{} models for {} steps", args.models.len(), steps.len());
        return Err(Error::new(Kind::Usage, said).hint("name one model for all steps, or one for each"));
    }
    let patience = args.timeout.as_deref().map(ask::time).transpose()?;
    let piped = args.question.piped(context)?;
    let mut input = Input { files: args.question.attached(context)?, text: None };
    match piped.map(String::from_utf8) {
        Some(Ok(text)) => input.text = Some(("stdin".to_string(), text)),
        Some(Err(error)) => input.files.push(attach::part("stdin", error.into_bytes(), limit(context)?)?),
        None => {}
    }
    let tuning = args.question.tuning()?;
    let ui = &context.ui;
    let store = context.app.store()?;
    let session = store.begin_session(&NewSession {
        title: Some(ask::title(&steps.join(" → "))),
        system: args.question.system.clone(),
        ..NewSession::default()
    })?;
    let models = context.app.models()?;
    let signals = StopOnSignals::new()?;
    let mut records = Vec::new();
    for (number, step) in steps.iter().enumerate() {
        budget_check(&context.app)?.into_iter().for_each(|said| ui.warn(&said));
        let last = number + 1 == steps.len();
        let shown = last || args.all || ui.stdout_terminal;
        let form = if shown && !ui.json { Form::Words } else { Form::Silent };
        if shown && steps.len() > 1 && !ui.json && (args.all || ui.stdout_terminal) {
            ui.line(&ui.paint(Role::Name, &format!("── {} {}", number + 1, safe_line(step))))?;
        }
        let stop = Stop::new()?;
        let mut printer = Printer::new(context, form, stop.clone())?;
        let chat = context.app.chat(&models, stop.clone())?;
        let model = args.models.get(number).or_else(|| args.models.first()).cloned();
        let ask = Ask {
            parts: Some(std::mem::take(&mut input).joined(step, limit(context)?)?),
            model,
            tuning: tuning.clone(),
            purpose: "chain".to_string(),
            ..Ask::default()
        };
        let mut nobody = Nobody;
        let turn = chat.turn(&session, &ask, &mut printer, &mut nobody);
        let outcome = wait(within(turn, &stop, signals.stop(), patience))?;
        printer.finish();
        let mut outcome = outcome?;
        let value = record(&session, &outcome, status_of(&outcome.ended));
        if ui.json {
            let line = json!({"step": {"n": number + 1, "prompt": step, "answer": value}});
            ui.write(format!("{}\n", ui::json_line(&line)).as_bytes())?;
        }
        records.push(value);
        let well = matches!(outcome.ended, Ended::Well(_));
        let text = outcome.text();
        let code = end_saying(context, &mut outcome, tuning.max_tokens.is_some(), KEPT);
        if !well || code != 0 {
            rest(context, args, &records, number)?;
            return Ok(code.max(1));
        }
        if !last {
            input.text = Some((format!("answer-{}.md", number + 1), text));
        }
    }
    if ui.json {
        let line = json!({"chain": {"session": session.id, "steps": records.len(), "answer": records.last()}});
        ui.write(format!("{}\n", ui::json_line(&line)).as_bytes())?;
    }
    Ok(0)
}

/// After a failure the last whole answer is printed, where it was not yet.
fn rest(context: &Context, args: &Args, records: &[serde_json::Value], failed: usize) -> Result<()> {
    let ui = &context.ui;
    let Some(before) = failed.checked_sub(1).and_then(|n| records.get(n)) else { return Ok(()) };
    if ui.json || args.all || ui.stdout_terminal {
        return Ok(());
    }
    ui.note(&format!("step {} failed; this is what step {failed} said", failed + 1));
    let text = before["text"].as_str().unwrap_or_default();
    ui.write(format!("{}\n", crate::kernel::terminal::safe(text).trim_end_matches('\n')).as_bytes())
}

/// What a step is given.
#[derive(Default)]
struct Input {
    files: Vec<Part>,
    /// A text and what it is called.
    text: Option<(String, String)>,
}

impl Input {
    /// The step with the text in its place, or with it as a file beside it.
    fn joined(self, step: &str, limit: u64) -> Result<Vec<Part>> {
        let mut parts = self.files;
        match self.text.filter(|(_, text)| !text.is_empty()) {
            Some((_, text)) if step.contains(INPUT) => parts.push(Part::text(step.replacen(INPUT, &text, 1))),
            Some((name, text)) => {
                parts.push(attach::part(&name, text.into_bytes(), limit)?);
                parts.push(Part::text(step));
            }
            None => parts.push(Part::text(step)),
        }
        Ok(parts)
    }
}
