//! `fac auto test`: what would happen, without doing it; `fac auto run`: firing one by hand.

use std::io::Read;

use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::super::Context;
use super::super::ui::Role;
use crate::app::auto::{Trial, Tried};
use crate::app::views::automation::{FiredByHand, TrialView};
use crate::app::views::job::JobView;
use crate::app::views::run::{StepView, joined};
use crate::automations::trigger::written;
use crate::exec::signals::StopOnSignals;
use crate::kernel::clock::Timestamp;
use crate::kernel::error::{Context as _, Error, Kind, Result};
use crate::kernel::terminal::{safe, safe_line};
use crate::kernel::when;
use crate::store::FiringOutcome;

/// The largest file that `--with` takes, bytes.
const LARGEST: u64 = 1 << 20;

const TEST_EXAMPLES: &str = "\
Examples:
  fac auto test backup                                its next time
  fac auto test backup --at 2026-03-29T02:30          whether it is one of its times
  fac auto test door --with door.json                 a message as it would come
  fac auto test door --with '{\"topic\": \"home/door\", \"payload\": \"open\"}'
  echo '{\"topic\": \"home/door\", \"payload\": \"open\"}' | fac auto test door --with -

Nothing is done and nothing is written. Rate limits and what runs just now count.";

/// Show what would happen, without doing it
#[derive(Debug, clap::Args)]
#[command(after_help = TEST_EXAMPLES)]
pub(super) struct TestArgs {
    /// The command
    #[arg(required = true, value_name = "NAME")]
    automation: Vec<String>,
    /// What happens: a JSON object, or a file with one; `-` for standard input
    #[arg(long = "with", value_name = "JSON|FILE")]
    file: Option<String>,
    /// When it happens: 07:30, 2026-01-31T12:00, or with a zone 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
}

/// Fire one now, whatever its triggers and its condition say, and wait for its end
#[derive(Debug, clap::Args)]
pub(super) struct RunArgs {
    /// The command
    #[arg(required = true, value_name = "NAME")]
    automation: Vec<String>,
    /// What happens: a JSON object, or a file with one; `-` for standard input
    #[arg(long = "with", value_name = "JSON|FILE")]
    file: Option<String>,
}

pub(super) fn test(context: &Context, args: &TestArgs) -> Result<u8> {
    let one = context.app.automation(&args.automation)?;
    let data = args.file.as_deref().map(read).transpose()?;
    let at = args.at.as_deref().map(|text| moment(text, context.app.clock.now())).transpose()?;
    let tried = context.app.try_automation(&one, &Trial { data, at })?;
    if context.ui.json {
        context.ui.value(&json!({"test": TrialView::of(&one, &tried)}))?;
        return Ok(0);
    }
    for one in &tried {
        show(context, one)?;
    }
    Ok(0)
}

/// A moment as it is written on the clock of this machine, or in RFC 3339.
fn moment(text: &str, now: Timestamp) -> Result<Timestamp> {
    when::next(text, now, &TimeZone::system()).ok_or_else(|| {
        Error::new(Kind::Usage, format!("`{text}` is no time"))
            .hint("write 07:30, 2026-01-31T12:00 or 2026-01-31T12:00:00Z")
    })
}

pub(super) fn run(context: &Context, args: &RunArgs) -> Result<u8> {
    let one = context.app.automation(&args.automation)?;
    let data = args.file.as_deref().map(read).transpose()?;
    let signals = StopOnSignals::new()?;
    let (job, carried) = context.app.fire_by_hand(&one, data, signals.stop())?;
    drop(signals);
    let run = job.run.map(|id| context.app.store()?.run(&id.to_string())).transpose()?;
    let code = carried.exit_code.unwrap_or(i32::from(carried.error.is_some()));
    if context.ui.json {
        let steps = run.iter().flat_map(|run| &run.steps).map(StepView::from).collect();
        context.ui.value(&json!(FiredByHand { job: JobView::from(&job), steps }))?;
    } else {
        for step in run.iter().flat_map(|run| &run.steps) {
            context.ui.write(&joined(&step.stdout))?;
            context.ui.write_err(&joined(&step.stderr));
        }
        if let Some(error) = carried.error.filter(|_| job.run.is_none()) {
            return Err(Error::new(Kind::Failed, error));
        }
        if let Some(error) = &job.error {
            context.ui.note(&safe_line(error));
        }
    }
    Ok(u8::try_from(code & 0xff).unwrap_or(1))
}

/// A JSON object, as it was typed or from a file.
fn read(file: &str) -> Result<Value> {
    let mut bytes = Vec::new();
    let typed = file.trim_start().starts_with('{');
    let (file, opened): (_, Result<Box<dyn Read + '_>>) = match file {
        text if typed => ("what was typed", Ok(Box::new(text.as_bytes()))),
        "-" => (file, Ok(Box::new(std::io::stdin()))),
        path => {
            let opened = std::fs::File::open(path).context(Kind::NotFound, || format!("cannot read {path}"));
            (path, opened.map(|file| Box::new(file) as Box<dyn Read>))
        }
    };
    opened?.take(LARGEST + 1).read_to_end(&mut bytes).context(Kind::Failed, || format!("cannot read {file}"))?;
    let example = "write something like {\"kind\": \"mqtt\", \"topic\": \"home/door\", \"payload\": \"open\"}";
    if bytes.len() as u64 > LARGEST {
        return Err(Error::new(Kind::BadData, format!("{file} holds more than {} kB", LARGEST >> 10)));
    }
    let value: Value = serde_json::from_slice(&bytes).map_err(|error| {
        Error::new(Kind::BadData, format!("{file} holds no JSON")).because(error.to_string()).hint(example)
    })?;
    match value.is_object() {
        true => Ok(value),
        false => Err(Error::new(Kind::BadData, format!("{file} holds no JSON object")).hint(example)),
    }
}

fn show(context: &Context, tried: &Tried) -> Result<()> {
    let ui = &context.ui;
    let (word, role) = match tried.outcome {
        Some(FiringOutcome::Fired) => ("would fire", Role::Good),
        Some(outcome) => (outcome.name(), Role::Warn),
        None => ("would not fire", Role::Dim),
    };
    let why = tried.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
    ui.line(&format!(
        "{}  {}{}",
        ui.paint(Role::Name, &safe_line(&written(&tried.trigger))),
        ui.paint(role, word),
        safe_line(&why)
    ))?;
    for (name, value) in tried.data.as_object().into_iter().flatten().filter(|_| tried.outcome.is_some()) {
        ui.line(&ui.paint(Role::Dim, &safe_line(&format!("  trigger.{name} = {value}"))))?;
    }
    for (what, value) in &tried.seen {
        ui.line(&safe_line(&format!("  looked at {what} = {value}")))?;
    }
    for step in &tried.steps {
        ui.line(&ui.paint(Role::Strong, &safe_line(&format!("  step {} by {}", step.id, step.program))))?;
        for (name, value) in step.env.iter().filter(|(name, _)| !name.starts_with("trigger")) {
            ui.line(&safe_line(&format!("    {name}={value}")))?;
        }
        for line in safe(&step.text).trim_end().lines() {
            ui.line(&format!("    {line}"))?;
        }
        for note in &step.notes {
            ui.line(&ui.paint(Role::Dim, &safe_line(&format!("    ({note})"))))?;
        }
    }
    Ok(())
}
