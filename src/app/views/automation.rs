//! Automations as they are shown: what fires them, what did, what would.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value as Json;

use super::command::DryStep;
use super::job::JobView;
use super::run::StepView;
use crate::app::App;
use crate::app::auto::{Automation, Coming, Tried};
use crate::automations::trigger::{Reference, written};
use crate::commands::model::{Command, Mode, Trigger};
use crate::kernel::clock::Timestamp;
use crate::kernel::error::Result;
use crate::store::{Firing, FiringOutcome};

/// An automation.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct AutomationView {
    /// What people call it.
    pub name: String,
    /// The spec of its source.
    pub source: String,
    /// Its command.
    pub command: String,
    /// off, on, changed, untrusted, stopped, broken or gone.
    pub state: &'static str,
    /// Why it does not fire, where that is not plain.
    pub why: Option<String>,
    /// What fires it.
    pub on: Vec<TriggerView>,
    /// Under which condition.
    #[serde(rename = "if")]
    pub condition: Option<String>,
    /// single, restart, queued or parallel.
    pub mode: Option<&'static str>,
    /// How often what failed is tried again.
    pub retry: Option<u32>,
    /// How long it may take, milliseconds; `null` where it does not say.
    pub timeout_ms: Option<u64>,
    /// Whether its command is trusted.
    pub trust: Option<&'static str>,
    /// When it was enabled.
    pub enabled: Option<String>,
    /// The folder in which it runs.
    pub cwd: Option<String>,
    /// When it fires next, where a clock fires it.
    pub next: Option<String>,
    /// The last times that it was fired, where it is shown alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<Vec<FiringView>>,
}

impl AutomationView {
    /// An automation as it is at `now`.
    ///
    /// # Errors
    /// Those of the store.
    pub fn of(app: &App, one: &Automation, now: Timestamp) -> Result<AutomationView> {
        let resolved = one.resolved.as_ref();
        let command = resolved.map(|resolved| &resolved.command);
        Ok(AutomationView {
            name: one.name(),
            source: one.key.source.clone(),
            command: one.key.command.clone(),
            state: one.standing.name(),
            why: one.standing.why().map(String::from),
            on: one.triggers().iter().map(TriggerView::from).collect(),
            condition: command.and_then(|command| command.condition.clone()),
            mode: command.map(mode),
            retry: command.map(|command| command.retry),
            timeout_ms: command.and_then(|command| command.timeout_ms),
            trust: resolved.map(|resolved| resolved.trust.name()),
            enabled: one.enabled.as_ref().map(|enabled| enabled.at.to_string()),
            cwd: one.enabled.as_ref().map(|enabled| enabled.cwd.clone()),
            next: app.next_firing(one, now)?.map(|t| t.to_string()),
            last: None,
        })
    }
}

/// What happens when it is fired while it runs.
pub fn mode(command: &Command) -> &'static str {
    match command.mode {
        Mode::Single => "single",
        Mode::Restart => "restart",
        Mode::Queued => "queued",
        Mode::Parallel => "parallel",
    }
}

/// Something that fires an automation.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct TriggerView {
    /// The kind of trigger.
    pub kind: String,
    /// Its words.
    pub args: Vec<String>,
    /// Its options.
    pub options: BTreeMap<String, String>,
    /// The line at which it stands.
    pub line: usize,
}

impl From<&Trigger> for TriggerView {
    fn from(one: &Trigger) -> TriggerView {
        TriggerView { kind: one.kind.clone(), args: one.args.clone(), options: one.options.clone(), line: one.line }
    }
}

/// Something that a condition looked at.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct SeenView {
    /// What it is called.
    pub what: String,
    /// What it was.
    pub value: Json,
}

fn seen(all: &[(String, Json)]) -> Vec<SeenView> {
    all.iter().map(|(what, value)| SeenView { what: what.clone(), value: value.clone() }).collect()
}

/// Something that happened, and what came of it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct FiringView {
    /// Its id.
    pub id: String,
    /// The spec of the automation's source.
    pub source: String,
    /// The automation.
    pub automation: String,
    /// The kind of trigger.
    pub kind: String,
    /// What happened.
    pub trigger: Json,
    /// Which of its triggers, from 0.
    pub nr: u32,
    /// fired, blocked, dropped, limited or looped.
    pub outcome: &'static str,
    /// Why it was not fired.
    pub why: Option<String>,
    /// What its condition looked at.
    pub seen: Vec<SeenView>,
    /// The job that it owes.
    pub job: Option<String>,
    /// Of how many firings it is the consequence.
    pub depth: u32,
    /// The trace id of its work.
    pub trace: String,
    /// How often the same came of it.
    pub count: u64,
    /// When, the first time.
    pub at: String,
    /// When, the last time.
    pub last: String,
    /// The digest of the automation then.
    pub digest: String,
}

impl From<&Firing> for FiringView {
    fn from(firing: &Firing) -> FiringView {
        FiringView {
            id: firing.id.to_string(),
            source: firing.key.source.clone(),
            automation: firing.key.command.clone(),
            kind: firing.kind.clone(),
            trigger: firing.data.clone(),
            nr: firing.nr,
            outcome: firing.outcome.name(),
            why: firing.why.clone(),
            seen: seen(&firing.seen),
            job: firing.job.map(|id| id.to_string()),
            depth: firing.depth,
            trace: firing.trace.to_string(),
            count: firing.count,
            at: firing.at.to_string(),
            last: firing.last.to_string(),
            digest: firing.digest.clone(),
        }
    }
}

/// A firing with everything that is known of it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct WholeFiring {
    /// The firing.
    #[serde(flatten)]
    pub firing: FiringView,
    /// The job that it owed.
    pub work: Option<JobView>,
    /// What its steps did.
    pub steps: Vec<StepView>,
}

impl WholeFiring {
    /// A firing with its work, as far as that is still there.
    ///
    /// # Errors
    /// Those of the store.
    pub fn of(app: &App, firing: &Firing) -> Result<WholeFiring> {
        let store = app.store()?;
        let job = firing.job.and_then(|id| store.job(&id.to_string()).ok());
        let run = job.as_ref().and_then(|job| job.run).and_then(|id| store.run(&id.to_string()).ok());
        Ok(WholeFiring {
            firing: FiringView::from(firing),
            work: job.as_ref().map(JobView::from),
            steps: run.iter().flat_map(|run| &run.steps).map(StepView::from).collect(),
        })
    }
}

/// A job that was done by hand.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct FiredByHand {
    /// The job.
    pub job: JobView,
    /// What its steps did.
    pub steps: Vec<StepView>,
}

/// What a trigger would lead to.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct TriedView {
    /// The trigger, as it is written.
    pub on: String,
    /// The line at which it stands.
    pub line: usize,
    /// What would come of it; null when it does not fit.
    pub outcome: Option<&'static str>,
    /// Why it would not fire, or when it would.
    pub why: Option<String>,
    /// What it would be fired by.
    pub trigger: Json,
    /// What its condition looked at.
    pub seen: Vec<SeenView>,
    /// What its steps would do.
    pub steps: Vec<DryStep>,
}

impl From<&Tried> for TriedView {
    fn from(tried: &Tried) -> TriedView {
        TriedView {
            on: written(&tried.trigger),
            line: tried.trigger.line,
            outcome: tried.outcome.map(FiringOutcome::name),
            why: tried.why.clone(),
            trigger: tried.data.clone(),
            seen: seen(&tried.seen),
            steps: tried.steps.iter().map(DryStep::from).collect(),
        }
    }
}

/// What would happen.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct TrialView {
    /// The automation.
    pub automation: String,
    /// Whether one of its triggers would fire it.
    pub fires: bool,
    /// Each of them.
    pub triggers: Vec<TriedView>,
}

impl TrialView {
    /// What would come of each trigger of `automation`.
    pub fn of(automation: &Automation, tried: &[Tried]) -> TrialView {
        TrialView {
            automation: automation.name(),
            fires: tried.iter().any(|tried| tried.outcome == Some(FiringOutcome::Fired)),
            triggers: tried.iter().map(TriedView::from).collect(),
        }
    }
}

/// What fires next.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ComingView {
    /// When.
    pub at: String,
    /// Which automation.
    pub automation: String,
    /// What fires it.
    pub by: String,
}

impl From<&Coming> for ComingView {
    fn from(one: &Coming) -> ComingView {
        ComingView { at: one.at.to_string(), automation: one.automation.clone(), by: one.by.clone() }
    }
}

/// What a kind of trigger takes.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct TriggerKind {
    /// The kind.
    pub kind: &'static str,
    /// What it is.
    pub what: &'static str,
    /// How it is written.
    pub examples: Vec<&'static str>,
    /// Its options, and what each says.
    #[schemars(with = "BTreeMap<String, String>")]
    pub options: serde_json::Map<String, Json>,
    /// What it tells.
    pub tells: Vec<&'static str>,
}

impl From<&Reference> for TriggerKind {
    fn from(one: &Reference) -> TriggerKind {
        TriggerKind {
            kind: one.kind,
            what: one.what,
            examples: one.examples.to_vec(),
            options: one.options.iter().map(|(name, help)| (name.to_string(), Json::from(*help))).collect(),
            tells: one.tells.to_vec(),
        }
    }
}
