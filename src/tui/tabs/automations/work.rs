//! What the automations tab has done for it: reading, switching, running. It draws nothing.

use super::super::Answer as AnyAnswer;
use crate::app::App;
use crate::app::auto::{self, Automation};
use crate::app::views::automation::mode;
use crate::automations::rules::said_of;
use crate::automations::trigger::written;
use crate::kernel::clock::Timestamp;
use crate::kernel::error::{Error, Kind, Result};
use crate::store::{FiringOutcome, Job, JobFilter, JobStatus};
use crate::tui::happening::Fault;
use crate::tui::jobs::Desk;

/// How many firings are shown, and how many jobs are counted.
const SHOWN: usize = 200;

/// What is asked for. Automations are named `source:name`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// All automations.
    List,
    /// The firings of one, the newest first.
    Trace(String),
    /// It may fire.
    Enable(String),
    /// It may not any more.
    Disable(String),
    /// Run it now.
    Run(String),
    /// Run all that may fire, until the lane is stopped.
    Up,
}

/// Whether an automation fires.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// It does.
    On,
    /// Nobody let it.
    #[default]
    Off,
    /// It does not, and why.
    Not(String),
}

/// An automation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// `source:name`.
    pub key: String,
    /// The shortest name that reaches it.
    pub name: String,
    /// Whether it fires.
    pub standing: Standing,
    /// What it waits for, a trigger each.
    pub waits: Vec<String>,
    /// What happens when it is fired while it runs; empty where its definition is gone.
    pub mode: &'static str,
    /// Under which condition it fires.
    pub condition: Option<String>,
    /// Its next time, where it has one.
    pub next: Option<Timestamp>,
    /// When it fired last.
    pub last: Option<Timestamp>,
}

/// All of them, and who runs them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// By name.
    pub rows: Vec<Row>,
    /// Who runs them, a sentence; `None` when nobody does.
    pub holder: Option<String>,
    /// Whether that is this program.
    pub here: bool,
    /// Jobs that are owed.
    pub owed: u64,
}

/// A firing.
#[derive(Clone, Debug, PartialEq)]
pub struct Firing {
    /// When.
    pub at: Timestamp,
    /// What came of it, a word or two.
    pub outcome: String,
    /// Why.
    pub why: Option<String>,
    /// What fired it.
    pub what: String,
    /// The values that its condition looked at.
    pub seen: Vec<(String, String)>,
    /// What happened, as JSON.
    pub data: String,
    /// The work that it owes or owed.
    pub job: Option<Box<Job>>,
    /// Its run.
    pub run: Option<String>,
    /// Whether that ended well; `None` where it did not run, or runs still.
    pub well: Option<bool>,
    /// How often the same came of it.
    pub count: u64,
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// All of them.
    Listed(std::result::Result<Listed, Fault>),
    /// The firings of this one.
    Traced(String, std::result::Result<Vec<Firing>, Fault>),
    /// Something was changed; a word about it.
    Done(std::result::Result<String, Fault>),
}

/// Does what was asked for.
pub fn work(request: Request, desk: &Desk<'_>) {
    let send = |answer| desk.send(AnyAnswer::Automations(answer));
    let done = |what: Result<String>| send(Answer::Done(what.map_err(Fault::from)));
    match request {
        Request::List => send(Answer::Listed(list(desk.app).map_err(Fault::from))),
        Request::Trace(key) => {
            let found = trace(&key, desk.app).map_err(Fault::from);
            send(Answer::Traced(key, found));
        }
        Request::Enable(key) => done(enable(&key, desk.app)),
        Request::Disable(key) => done(disable(&key, desk.app)),
        Request::Run(key) => done(run(&key, desk)),
        Request::Up => match up(desk) {
            Ok(()) => send(Answer::Listed(list(desk.app).map_err(Fault::from))),
            Err(error) => done(Err(error)),
        },
    }
}

/// `source:name`, or the bare name where the definition is gone.
fn key_of(one: &Automation) -> String {
    one.resolved.as_ref().map_or_else(|| one.key.command.clone(), |resolved| resolved.key())
}

fn find(key: &str, app: &App) -> Result<Automation> {
    let found = app.automations()?.into_iter().find(|one| key_of(one) == key);
    found.ok_or_else(|| Error::new(Kind::NotFound, format!("`{key}` is not there any more")))
}

fn list(app: &App) -> Result<Listed> {
    let (store, now) = (app.store()?, app.clock.now());
    let mut rows = Vec::new();
    for one in app.automations()? {
        let command = one.resolved.as_ref().map(|resolved| &resolved.command);
        rows.push(Row {
            key: key_of(&one),
            name: one.name(),
            standing: standing(&one),
            waits: one.triggers().iter().map(written).collect(),
            mode: command.map(mode).unwrap_or_default(),
            condition: command.and_then(|command| command.condition.clone()),
            next: app.next_firing(&one, now)?,
            last: store.last_fired(&one.key)?,
        });
    }
    let keeper = app.keeper_process()?;
    let owed = store.job_counts()?.into_iter().filter(|(status, _)| !status.is_final()).map(|(_, n)| n).sum();
    Ok(Listed {
        rows,
        here: keeper.as_ref().is_some_and(|process| *process == auto::myself()),
        holder: keeper.map(|process| format!("process {}", process.pid)),
        owed,
    })
}

fn standing(one: &Automation) -> Standing {
    let not = |why: &str| Standing::Not(why.to_string());
    match &one.standing {
        auto::Standing::On => Standing::On,
        auto::Standing::Off => Standing::Off,
        auto::Standing::Changed => not("it has changed since it was let fire; e lets it fire as it is now"),
        auto::Standing::Untrusted => not("it is not trusted; o goes to its command, where it can be read and trusted"),
        auto::Standing::Gone => not("its definition is not there any more"),
        auto::Standing::Stopped(why) => Standing::Not(format!("it was stopped: {why}; e lets it go on")),
        auto::Standing::Broken(why) => Standing::Not(format!("it cannot fire: {why}")),
    }
}

fn trace(key: &str, app: &App) -> Result<Vec<Firing>> {
    let (store, one) = (app.store()?, find(key, app)?);
    let jobs =
        store.jobs(&JobFilter { command: Some(one.key.command.clone()), ..JobFilter::default() }, None, SHOWN)?;
    let firings = store.firings(Some(&one.key), None, SHOWN)?;
    Ok(firings
        .into_iter()
        .map(|firing| {
            let job = firing.job.and_then(|id| jobs.iter().find(|job| job.id == id));
            let said = job.filter(|_| firing.outcome == FiringOutcome::Fired).map(|job| job.status.name());
            Firing {
                at: firing.last,
                outcome: said.unwrap_or(firing.outcome.name()).to_string(),
                why: firing.why.or_else(|| job.and_then(|job| job.error.clone())),
                what: said_of(&firing.kind, &firing.data),
                seen: firing.seen.into_iter().map(|(name, value)| (name, value.to_string())).collect(),
                data: firing.data.to_string(),
                job: job.cloned().map(Box::new),
                run: job.and_then(|job| job.run).map(|run| run.to_string()),
                well: job.and_then(well),
                count: firing.count,
            }
        })
        .collect())
}

/// Whether a job ended well; `None` while it has not ended.
fn well(job: &Job) -> Option<bool> {
    job.status.is_final().then_some(job.status == JobStatus::Done)
}

fn enable(key: &str, app: &App) -> Result<String> {
    let one = find(key, app)?;
    app.enable_automation(&one)?;
    Ok(format!("{} fires by itself now", one.name()))
}

fn disable(key: &str, app: &App) -> Result<String> {
    let one = find(key, app)?;
    app.store()?.disable_automation(&one.key)?;
    Ok(format!("{} fires no more", one.name()))
}

fn run(key: &str, desk: &Desk<'_>) -> Result<String> {
    let one = find(key, desk.app)?;
    let (job, carried) = desk.app.fire_by_hand(&one, None, desk.stop)?;
    match carried.error {
        Some(error) => Err(Error::new(Kind::Failed, format!("{}: {error}", one.name()))),
        None => Ok(format!("{}: {}", one.name(), job.status.name())),
    }
}

/// Runs them all until the lane is stopped.
fn up(desk: &Desk<'_>) -> Result<()> {
    let epoch = desk.app.take_lease()?;
    desk.send(AnyAnswer::Automations(Answer::Listed(list(desk.app).map_err(Fault::from))));
    // What happens is told by the log, which the tab hears of anyway.
    desk.app.run_automations(epoch, desk.stop, &mut |_| {})
}
