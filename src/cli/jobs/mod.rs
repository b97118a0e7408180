//! `fac jobs`: work owed: what waits, runs, is done, failed for good.

mod feed;
mod import;
mod input;
mod several;

use std::time::{Duration, Instant};

use clap::Subcommand;
use serde_json::{Value, json};

use super::Context;
use super::table::Table;
use super::ui::Role;
use crate::app::auto::lives;
use crate::app::views::job::JobView;
use crate::app::views::problem::ErrorView;
use crate::automations::rules::said_of;
use crate::exec::signals::StopOnSignals;
use crate::kernel::duration::{human_ms, parse_ms};
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::terminal::safe_line;
use crate::store::{Job, JobFilter, JobStatus, RuleKey, Store};

const EXAMPLES: &str = "\
Examples:
  fac jobs ls                       the latest
  fac jobs ls --status dead         those that failed for good
  fac jobs show 3f2a9c1e            one, with what went wrong
  fac jobs retry 3f2a9c1e           owe it again
  fac jobs wait 3f2a9c1e            until it is over; its end is the exit code
  fac jobs import names.txt greet   owe a command for each line of a file
  fac jobs batches                  what was imported, and how far it is

A job is written down before it runs and done at least once: FAC_JOB_ID tells a
script which one it works for, FAC_JOB_TRY how often it was begun.";

/// How often a job that is waited for is looked at.
const GLANCE: Duration = Duration::from_millis(40);

/// See the work that automations and background runs owe
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Ls(LsArgs),
    /// Show one job
    Show {
        /// Its id, its beginning or its end
        job: String,
    },
    /// Owe jobs again that failed or were cancelled, with their definitions as they are now
    Retry(Which),
    /// Take jobs back; those that run are stopped
    Cancel(Which),
    Wait(WaitArgs),
    Import(import::Args),
    /// List the batches that `fac jobs import` made, the last first
    Batches {
        /// At most this many
        #[arg(long, short = 'n', default_value_t = 20)]
        limit: usize,
    },
}

/// Some jobs, or all of a batch.
#[derive(Debug, clap::Args)]
struct Which {
    /// The jobs' ids
    #[arg(required_unless_present = "batch", value_name = "JOB")]
    jobs: Vec<String>,
    /// All of this batch, as `fac jobs import` told it
    #[arg(long, value_name = "BATCH", conflicts_with = "jobs")]
    batch: Option<String>,
}

/// List jobs, newest first
#[derive(Debug, clap::Args)]
#[command(visible_alias = "list")]
struct LsArgs {
    /// Only with this status: waiting, running, done, dead, cancelled
    #[arg(long)]
    status: Option<String>,
    /// Only of this command
    #[arg(long, value_name = "NAME")]
    command: Option<String>,
    /// Only of this batch, as `fac jobs import` told it
    #[arg(long, value_name = "BATCH")]
    batch: Option<String>,
    /// At most this many
    #[arg(long, short = 'n', default_value_t = 20)]
    limit: usize,
    /// Go on where the last page ended (`next` of --json)
    #[arg(long, value_name = "CURSOR")]
    after: Option<String>,
}

/// Wait until jobs are over (exit code 1 when one failed for good, 124 when the time was over)
#[derive(Debug, clap::Args)]
struct WaitArgs {
    #[command(flatten)]
    which: Which,
    /// Give up after so long
    #[arg(long, value_name = "TIME")]
    timeout: Option<String>,
}

pub(super) fn run(context: &mut Context, args: &Args) -> Result<u8> {
    let store = &context.app.store()?.clone();
    match &args.what {
        What::Ls(args) => ls(context, store, args),
        What::Show { job } => show(context, &store.job(job)?),
        What::Retry(Which { batch: Some(batch), .. }) => several::retry(context, store, batch),
        What::Retry(which) => retry(context, store, &which.jobs),
        What::Cancel(Which { batch: Some(batch), .. }) => several::cancel(context, store, batch),
        What::Cancel(which) => cancel(context, store, &which.jobs),
        What::Wait(args) => wait(context, store, args),
        What::Import(args) => import::run(context, args),
        What::Batches { limit } => several::list(context, store, (*limit).clamp(1, 10_000)),
    }
}

fn ls(context: &Context, store: &Store, args: &LsArgs) -> Result<u8> {
    let status = args.status.as_deref().map(status).transpose()?;
    if let Some(batch) = &args.batch {
        several::known(store, batch)?;
    }
    let filter = JobFilter { status, command: args.command.clone(), batch: args.batch.clone() };
    let after = args.after.as_deref().map(str::parse).transpose()?;
    let limit = args.limit.clamp(1, 10_000);
    let mut jobs = store.jobs(&filter, after, limit + 1)?;
    let more = jobs.len() > limit;
    jobs.truncate(limit);
    let next = jobs.last().filter(|_| more).map(|last| last.id);
    if context.ui.json {
        let counts: serde_json::Map<String, Value> =
            store.job_counts()?.into_iter().map(|(status, count)| (status.name().to_string(), json!(count))).collect();
        let list: Vec<_> = jobs.iter().map(JobView::from).collect();
        context.ui.value(&json!({"jobs": list, "counts": counts, "next": next}))?;
        return Ok(0);
    }
    let mut table = Table::new(&["id", "added", "command", "status", "tries", "by", "error"]);
    for job in &jobs {
        table.row(vec![
            (job.id.tail(), Some(Role::Dim)),
            (job.created.local_seconds(), Some(Role::Dim)),
            (job.command.clone(), Some(Role::Name)),
            (standing(job).to_string(), Some(role(job.status))),
            (job.tries.to_string(), None),
            (by(job), Some(Role::Dim)),
            (job.error.clone().unwrap_or_default(), None),
        ]);
    }
    if jobs.is_empty() {
        context.ui.note("no work is owed, and none was");
    }
    context.page(&table.render(&context.ui))?;
    if more {
        context.ui.note("there are more; -n shows more at once");
    }
    Ok(0)
}

fn show(context: &Context, job: &Job) -> Result<u8> {
    if context.ui.json {
        context.ui.value(&json!({"job": JobView::from(job)}))?;
        return Ok(0);
    }
    let ui = &context.ui;
    let by = Some(by(job)).filter(|by| !by.is_empty()).unwrap_or_else(|| job.kind.clone());
    let head = format!("{}  by {by}", job.command);
    ui.line(&ui.paint(Role::Strong, &safe_line(&head)))?;
    ui.line(&ui.paint(Role::Dim, &format!("{}  added {}", job.id, job.created.local_exact())))?;
    let tries = format!("try {} of {}", job.tries, job.most);
    let lost = match job.lost {
        0 => String::new(),
        lost => format!(", begun {} times as its process was gone {}", job.epoch, times(lost)),
    };
    ui.line(&format!("{}  {tries}{lost}", ui.paint(role(job.status), standing(job))))?;
    if is_cut_off(job) {
        ui.line("its process is gone: whoever runs jobs begins it again")?;
    }
    if let Some(begun) = begun(job) {
        ui.line(&ui.paint(Role::Dim, &begun))?;
    }
    if job.status == JobStatus::Waiting {
        let left = u64::try_from(job.due.since(context.app.clock.now()) / 1000).unwrap_or(0);
        ui.line(&if left > 0 { format!("due in {}", human_ms(left)) } else { "due".to_string() })?;
    }
    if let Some(error) = &job.error {
        ui.line(&safe_line(error))?;
    }
    for (name, value) in job.work["fired"].as_object().into_iter().flatten() {
        ui.line(&safe_line(&format!("  trigger.{name} = {value}")))?;
    }
    if let Some(run) = job.run {
        ui.note(&format!("its run: fac runs show {}", run.tail()));
    }
    Ok(0)
}

/// What owes it, on the clock of whoever reads it.
fn by(job: &Job) -> String {
    let fired = &job.work["fired"];
    match (fired["kind"].as_str(), &fired["slot"]) {
        (Some(kind), Value::String(_)) => said_of(kind, fired),
        _ => job.work["by"].as_str().unwrap_or_default().to_string(),
    }
}

/// When it was begun last, and how long that took. Taken back before it was begun again, both are told apart.
pub(super) fn begun(job: &Job) -> Option<String> {
    let begun = job.begun?;
    let is_apart = job.status == JobStatus::Cancelled && !job.stop;
    let ended = match job.finished {
        None => String::new(),
        Some(at) if is_apart => format!(" for the last time, taken back {}", at.local_exact()),
        Some(at) => format!(", ended after {}", human_ms(u64::try_from(at.since(begun) / 1000).unwrap_or(0))),
    };
    Some(format!("begun {}{ended}", begun.local_exact()))
}

/// How often, as people say it.
pub(super) fn times(count: u32) -> String {
    match count {
        1 => "once".to_string(),
        2 => "twice".to_string(),
        more => format!("{more} times"),
    }
}

fn retry(context: &Context, store: &Store, jobs: &[String]) -> Result<u8> {
    each(context, store, jobs, "is owed again", &|job| {
        let key = RuleKey { source: job.source.clone(), command: job.command.clone() };
        let digest = context.app.digest_of(&key, &job.digest, &job.kind)?;
        store.retry_job(job.id, &digest)
    })
}

fn cancel(context: &Context, store: &Store, jobs: &[String]) -> Result<u8> {
    each(context, store, jobs, "is taken back", &|job| {
        store.cancel_job(job.id)?;
        store.job(&job.id.to_string())
    })
}

/// Does something with each job, once all are known to be there. One that it cannot be done with keeps none of the others
/// from it, and what was done is said.
fn each(
    context: &Context,
    store: &Store,
    jobs: &[String],
    what: &str,
    work: &dyn Fn(&Job) -> Result<Job>,
) -> Result<u8> {
    let found = jobs.iter().map(|wanted| store.job(wanted)).collect::<Result<Vec<_>>>()?;
    let (mut done, mut failed) = (Vec::new(), Vec::new());
    for job in &found {
        match work(job) {
            Ok(job) => done.push(job),
            Err(error) => failed.push(error),
        }
    }
    let Some(last) = failed.pop() else { return said(context, &done, what) };
    if context.ui.json && !done.is_empty() {
        let jobs: Vec<_> = done.iter().map(JobView::from).collect();
        let code = last.kind().exit_code();
        failed.push(last);
        let errors: Vec<_> = failed.iter().map(ErrorView::with_code).collect();
        context.ui.value(&json!({"jobs": jobs, "errors": errors}))?;
        return Ok(code);
    }
    if !done.is_empty() {
        said(context, &done, what)?;
    }
    for error in &failed {
        context.ui.warn(&safe_line(&error.full_message()));
    }
    Err(last)
}

fn said(context: &Context, jobs: &[Job], what: &str) -> Result<u8> {
    if context.ui.json {
        let list: Vec<_> = jobs.iter().map(JobView::from).collect();
        context.ui.value(&json!({"jobs": list}))?;
        return Ok(0);
    }
    for job in jobs {
        let what = if job.status == JobStatus::Running { "is asked to stop" } else { what };
        context.ui.note(&safe_line(&format!("{} {} {what}", job.id.tail(), job.command)));
    }
    Ok(0)
}

fn wait(context: &Context, store: &Store, args: &WaitArgs) -> Result<u8> {
    let limit = args.timeout.as_deref().map(|text| {
        parse_ms(text).map(Duration::from_millis).ok_or_else(|| {
            Error::new(Kind::Usage, format!("`{text}` is no length of time")).hint("write it like `30s` or `10m`")
        })
    });
    let deadline = limit.transpose()?.map(|limit| Instant::now() + limit);
    let signals = StopOnSignals::new()?;
    let mut said = false;
    if let Some(batch) = &args.which.batch {
        return several::wait(context, store, batch, deadline, signals.stop());
    }
    let ids = args.which.jobs.iter().map(|wanted| store.job(wanted).map(|job| job.id)).collect::<Result<Vec<_>>>()?;
    let ended = loop {
        let jobs = ids.iter().map(|id| store.job(&id.to_string())).collect::<Result<Vec<_>>>()?;
        if jobs.iter().all(|job| job.status.is_final()) {
            break jobs;
        }
        if !std::mem::replace(&mut said, true) {
            say_who_works(context)?;
        }
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            let open = jobs.iter().filter(|job| !job.status.is_final()).count();
            return Err(Error::new(Kind::TimedOut, format!("{open} of {} are not over yet", jobs.len())));
        }
        if signals.stop().wait(GLANCE) {
            return Err(Error::new(Kind::Interrupted, "interrupted"));
        }
    };
    if context.ui.json {
        let list: Vec<_> = ended.iter().map(JobView::from).collect();
        context.ui.value(&json!({"jobs": list}))?;
    } else {
        for job in &ended {
            let error = job.error.as_ref().map(|error| format!(": {error}")).unwrap_or_default();
            context.ui.note(&safe_line(&format!("{} {} {}{error}", job.id.tail(), job.command, job.status.name())));
        }
    }
    Ok(u8::from(ended.iter().any(|job| job.status != JobStatus::Done)))
}

/// Says so where nobody runs jobs.
fn say_who_works(context: &Context) -> Result<()> {
    if context.app.keeper_process()?.is_none() {
        context.ui.note("nobody runs jobs just now: `fac auto up`, or `fac tick`");
    }
    Ok(())
}

fn status(word: &str) -> Result<JobStatus> {
    let found = JobStatus::ALL.into_iter().find(|status| status.name() == word);
    found.ok_or_else(|| {
        Error::new(Kind::Usage, format!("there is no status `{word}`"))
            .hint(format!("the statuses are {}", JobStatus::ALL.map(JobStatus::name).join(", ")))
    })
}

/// Whether it runs no more, as its process is gone, and nobody who runs jobs has found that yet.
fn is_cut_off(job: &Job) -> bool {
    job.status == JobStatus::Running && job.process.as_ref().is_some_and(|process| !lives(process))
}

/// How it stands, for people.
fn standing(job: &Job) -> &'static str {
    if is_cut_off(job) { "cut off" } else { job.status.name() }
}

fn role(status: JobStatus) -> Role {
    match status {
        JobStatus::Done => Role::Good,
        JobStatus::Dead => Role::Bad,
        JobStatus::Waiting | JobStatus::Running => Role::Warn,
        JobStatus::Cancelled => Role::Dim,
    }
}
