//! `fac auto trace`: what happened that automations wait for, and what came of it.

use serde_json::json;

use super::super::Context;
use super::super::jobs::begun;
use super::super::table::Table;
use super::super::ui::{Role, Ui};
use crate::app::views::automation::{FiringView, WholeFiring};
use crate::automations::rules::said_of;
use crate::kernel::duration::human_ms;
use crate::kernel::error::{Kind, Result};
use crate::kernel::terminal::safe_line;
use crate::store::{Firing, FiringOutcome, Job, JobStatus, Run, Store};

/// Show what fired automations, what did not, and why
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only of this command; or one firing by its id
    #[arg(value_name = "NAME")]
    automation: Vec<String>,
    /// At most this many
    #[arg(long, short = 'n', default_value_t = 20)]
    limit: usize,
    /// Go on where the last page ended (`next` of --json)
    #[arg(long, value_name = "CURSOR")]
    after: Option<String>,
}

pub(super) fn run(context: &Context, args: &Args) -> Result<u8> {
    let store = context.app.store()?;
    let of = match args.automation.as_slice() {
        [] => None,
        words => match context.app.automation(words) {
            Ok(one) => Some(one.key),
            Err(error) if error.kind() == Kind::NotFound && words.len() == 1 => match store.firing(&words[0]) {
                Ok(firing) => return one(context, &firing),
                Err(_) => return Err(error),
            },
            Err(error) => return Err(error),
        },
    };
    let after = args.after.as_deref().map(str::parse).transpose()?;
    let limit = args.limit.clamp(1, 10_000);
    let mut firings = store.firings(of.as_ref(), after, limit + 1)?;
    let more = firings.len() > limit;
    firings.truncate(limit);
    let next = firings.last().filter(|_| more).map(|last| last.id);
    if context.ui.json {
        let list: Vec<_> = firings.iter().map(FiringView::from).collect();
        context.ui.value(&json!({"firings": list, "next": next}))?;
        return Ok(0);
    }
    let mut table = Table::new(&["id", "when", "name", "outcome", "by", "why"]);
    for firing in &firings {
        let times = if firing.count > 1 { format!(" ×{}", firing.count) } else { String::new() };
        table.row(vec![
            (firing.id.tail(), Some(Role::Dim)),
            (firing.at.local_seconds(), Some(Role::Dim)),
            (firing.key.command.clone(), Some(Role::Name)),
            (format!("{}{times}", firing.outcome.name()), Some(role(firing.outcome))),
            (said_of(&firing.kind, &firing.data), None),
            (firing.why.clone().or_else(|| fate(store, firing)).unwrap_or_default(), Some(Role::Dim)),
        ]);
    }
    if firings.is_empty() {
        context.ui.note("nothing has fired yet");
    }
    context.page(&table.render(&context.ui))?;
    if more {
        context.ui.note("there are more; -n shows more at once, an id shows one with all its values");
    }
    Ok(0)
}

/// What became of the work of a firing, where it did not go well.
fn fate(store: &Store, firing: &Firing) -> Option<String> {
    let job = store.job(&firing.job?.to_string()).ok()?;
    let said = match job.status {
        JobStatus::Dead => "failed for good",
        JobStatus::Waiting if job.tries > 0 => "failed, and is tried again",
        JobStatus::Cancelled => "was cancelled",
        _ => return None,
    };
    Some(format!("its work {said}"))
}

/// One firing with everything that is known of it.
fn one(context: &Context, firing: &Firing) -> Result<u8> {
    let store = context.app.store()?;
    let job = firing.job.map(|id| store.job(&id.to_string())).transpose().unwrap_or_default();
    let run = job.as_ref().and_then(|job| job.run).map(|id| store.run(&id.to_string())).transpose().unwrap_or_default();
    if context.ui.json {
        context.ui.value(&json!({"firing": WholeFiring::of(&context.app, firing)?}))?;
        return Ok(0);
    }
    let ui = &context.ui;
    ui.line(&line_of(ui, firing))?;
    ui.line(&ui.paint(Role::Dim, &format!("{}  {}  depth {}", firing.id, firing.at.local_exact(), firing.depth)))?;
    for (name, value) in firing.data.as_object().into_iter().flatten() {
        ui.line(&safe_line(&format!("  trigger.{name} = {value}")))?;
    }
    for (what, value) in &firing.seen {
        ui.line(&safe_line(&format!("  looked at {what} = {value}")))?;
    }
    if let Some(job) = &job {
        lines_of_job(context, job, run.as_ref())?;
    }
    Ok(0)
}

fn lines_of_job(context: &Context, job: &Job, run: Option<&Run>) -> Result<()> {
    let ui = &context.ui;
    let error = job.error.as_ref().map(|error| format!(": {error}")).unwrap_or_default();
    let after = if job.tries == 1 { "1 try".to_string() } else { format!("{} tries", job.tries) };
    ui.line(&safe_line(&format!("  job {} {} after {after}{error}", job.id.tail(), job.status.name())))?;
    if let Some(begun) = begun(job) {
        ui.line(&format!("  {begun}"))?;
    }
    for step in run.iter().flat_map(|run| &run.steps) {
        let took = human_ms(u64::try_from(step.duration_us / 1000).unwrap_or(0));
        let said = format!("  step {} ({}) {} in {took}{}", step.id, step.lang, step.status, step.purpose());
        ui.line(&safe_line(&said))?;
    }
    if let Some(run) = run {
        ui.note(&format!("its output: fac runs show {}", run.row.id.tail()));
    }
    Ok(())
}

/// A firing on one line, safe for a terminal.
pub(super) fn line_of(ui: &Ui, firing: &Firing) -> String {
    let by = said_of(&firing.kind, &firing.data);
    let times = if firing.count > 1 { format!(" ×{}", firing.count) } else { String::new() };
    let why = firing.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
    format!(
        "{}  {}  {}  {}",
        ui.paint(Role::Dim, &firing.at.local_seconds()),
        ui.paint(Role::Name, &safe_line(&firing.key.command)),
        ui.paint(role(firing.outcome), &format!("{}{times}", firing.outcome.name())),
        safe_line(&format!("by {by}{why}")),
    )
}

fn role(outcome: FiringOutcome) -> Role {
    match outcome {
        FiringOutcome::Fired => Role::Good,
        FiringOutcome::Looped => Role::Bad,
        FiringOutcome::Blocked | FiringOutcome::Dropped | FiringOutcome::Limited => Role::Warn,
    }
}
