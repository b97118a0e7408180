//! Running a command: `POST /api/v1/commands/{name}/runs`, and a run again.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::super::messages::may_offer;
use super::super::wrong;
use crate::app::App;
use crate::app::order::{Doing, Order, Unheard, nobody};
use crate::app::views::command::DryRunView;
use crate::app::views::job::JobView;
use crate::app::views::run::{ReportView, RunView};
use crate::commands::model::Step;
use crate::commands::run::{self as engine, Plan, Report, Unit, Watcher};
use crate::exec::{Stop, Stream};
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::ids::Id;
use crate::serve::call::Call;
use crate::serve::problem::Problem;
use crate::serve::running::{Begun, Running};

/// What is to be run.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// Its arguments: words as they are typed behind its name, or values by the names of its parameters
    #[serde(default)]
    args: Arguments,
    /// What it reads
    #[serde(default)]
    stdin: Option<String>,
    /// Whether the answer waits for its end; otherwise it comes with the run's id when the run has begun
    #[serde(default = "yes")]
    wait: bool,
    /// Let it run as a job, which is not lost when this server ends
    #[serde(default)]
    background: bool,
    /// Say exactly what would run, and run nothing
    #[serde(default)]
    dry_run: bool,
    /// Offer these commands to the models that its prompts ask
    #[serde(default)]
    #[schemars(length(max = 50))]
    tools: Vec<String>,
}

fn yes() -> bool {
    true
}

/// Arguments of a command.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Arguments {
    /// Words
    Words(#[schemars(length(max = 1000))] Vec<String>),
    /// Values by name
    Named(BTreeMap<String, Value>),
}

impl Default for Arguments {
    fn default() -> Self {
        Arguments::Words(Vec::new())
    }
}

/// The value of a parameter.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Value {
    /// A text
    Text(String),
    /// A number
    Number(serde_json::Number),
    /// Whether a flag is set
    Flag(bool),
    /// Several texts
    Several(Vec<String>),
}

impl Value {
    fn texts(&self) -> Vec<String> {
        match self {
            Value::Text(text) => vec![text.clone()],
            Value::Number(number) => vec![number.to_string()],
            Value::Flag(flag) => vec![flag.to_string()],
            Value::Several(texts) => texts.clone(),
        }
    }
}

/// What became of it: one of these.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct Started {
    /// The run, at its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<ReportView>,
    /// The run that has begun, where nobody waits for its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub begun: Option<RunView>,
    /// The job that does it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<JobView>,
    /// What would run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dry_run: Option<DryRunView>,
}

/// Runs what is wanted.
pub fn run(call: &Call<(), Wanted>, app: &App) -> Result<Started, Problem> {
    let mut order = Order { words: super::super::words(call.param("name")), ..Order::default() };
    if order.words.is_empty() {
        return Err(Problem::not_found("there is no command without a name"));
    }
    let names = order.words.len();
    match &call.body.args {
        Arguments::Words(words) => order.words.extend(words.iter().cloned()),
        Arguments::Named(values) => {
            let each = values.iter().flat_map(|(name, value)| value.texts().into_iter().map(move |text| (name, text)));
            order.sets = each.map(|(name, text)| (name.clone(), text)).collect();
        }
    }
    order.tools.clone_from(&call.body.tools);
    check_length(app, &order.words[names..])?;
    let wishes = Wishes { wait: call.body.wait, background: call.body.background, dry: call.body.dry_run };
    start(call, app, order, wishes, call.body.stdin.clone(), "api")
}

/// The settings bound how long a command's words may be in all.
fn check_length(app: &App, words: &[String]) -> Result<(), Problem> {
    let most = app.config()?.int("serve.command_length");
    let long: usize = words.iter().map(|word| word.chars().count() + 1).sum();
    if most > 0 && long as u64 > most {
        return Err(wrong("/args", format!("it is longer than {most} characters")).hint("give a long text as `stdin`"));
    }
    Ok(())
}

/// How a run is wanted.
#[derive(Clone, Copy, Debug)]
pub struct Wishes {
    /// Whether the answer waits for its end.
    pub wait: bool,
    /// Whether a job does it.
    pub background: bool,
    /// Whether nothing is to be run.
    pub dry: bool,
}

/// Starts what is ordered, as wished.
///
/// # Errors
/// 422 for wrong arguments, 403 for what is not trusted.
pub fn start<Q, B>(
    call: &Call<Q, B>,
    app: &App,
    order: Order,
    wishes: Wishes,
    stdin: Option<String>,
    trigger: &str,
) -> Result<Started, Problem> {
    let (running, gone) = (call.server.running.clone(), &call.gone);
    may_offer(&call.caller, &order.tools)?;
    let (resolved, given) = app.ordered(&order)?;
    let plan = app.planned(resolved, given, &order.tools, wishes.dry)?;
    let input = Some(stdin.clone().unwrap_or_default().into_bytes());
    if wishes.dry {
        let doing = Doing { trigger, input, terminal: false, tools: &order.tools, keep: false, stop: &gone.stop()? };
        let steps = app.rehearsed(&plan, doing, &mut Unheard)?;
        return Ok(Started { dry_run: Some(DryRunView::of(&plan, &steps)), ..Started::default() });
    }
    app.all_trusted(&plan)?;
    engine::check_runnable(&plan.root().resolved.command)?;
    if wishes.background {
        if stdin.is_some() {
            return Err(wrong("/stdin", "what waits in the background reads nothing"));
        }
        let job = app.put_into_background(&plan)?;
        call.says(StatusCode::ACCEPTED, format!("/api/v1/jobs/{}", job.id));
        return Ok(Started { job: Some(JobView::from(&job)), ..Started::default() });
    }
    if wishes.wait {
        let report = carry_out(app, &running, &plan, (trigger, input, &order.tools), &gone.stop()?, None)?;
        call.says(StatusCode::OK, format!("/api/v1/runs/{}", report.id));
        return Ok(Started { run: Some(ReportView::from(&report)), ..Started::default() });
    }
    let own = app.acting_for(call.caller.trace, call.caller.person(), call.caller.role.sees_all())?;
    let id = detached(own, running, plan, (trigger.to_string(), input, order.tools))?;
    let begun = app.store()?.run(&id.to_string())?;
    call.says(StatusCode::ACCEPTED, format!("/api/v1/runs/{id}"));
    Ok(Started { begun: Some(RunView::from(&begun.row)), ..Started::default() })
}

/// Runs a plan to its end. `told` hears its id.
fn carry_out(
    app: &App,
    running: &Running,
    plan: &Plan,
    (trigger, input, tools): (&str, Option<Vec<u8>>, &[String]),
    stop: &Stop,
    told: Option<oneshot::Sender<Id>>,
) -> Result<Report> {
    let catalog = app.catalog()?;
    let doing = Doing { trigger, input, terminal: false, tools, keep: true, stop };
    let mut watcher = Listed { running, stop, begun: None, told };
    let report = app.carried_out(&catalog, plan, doing, &mut watcher, (|| Ok(nobody()), &mut Unheard))?;
    app.keep_house();
    Ok(report)
}

/// Runs a plan on a thread of its own; gives the run's id as soon as it has begun.
fn detached(own: App, running: Running, plan: Plan, given: (String, Option<Vec<u8>>, Vec<String>)) -> Result<Id> {
    let (told, begun) = oneshot::channel();
    let (failed, why) = std::sync::mpsc::channel();
    let work = move || {
        let result = Stop::new().and_then(|stop| {
            let (trigger, input, tools) = given;
            carry_out(&own, &running, &plan, (&trigger, input, &tools), &stop, Some(told))
        });
        if let Err(error) = result {
            // Where the run has begun nobody listens any more; the record says what became of it.
            let _ = failed.send(error);
        }
    };
    let cannot = |error: std::io::Error| Error::new(Kind::Failed, "cannot start a thread").because(error);
    std::thread::Builder::new().name("run".into()).spawn(work).map_err(cannot)?;
    match begun.blocking_recv() {
        Ok(id) => Ok(id),
        Err(_) => Err(why.recv().unwrap_or_else(|_| Error::new(Kind::Failed, "the run did not begin"))),
    }
}

/// Keeps the list of what runs; what it writes stands in the record.
struct Listed<'a> {
    running: &'a Running,
    stop: &'a Stop,
    begun: Option<Begun>,
    told: Option<oneshot::Sender<Id>>,
}

impl Watcher for Listed<'_> {
    fn begins(&mut self, run: Id) {
        self.begun = Some(self.running.begins(run, self.stop));
        if let Some(told) = self.told.take() {
            // Whoever asked may have gone.
            let _ = told.send(run);
        }
    }

    fn starts(&mut self, _unit: &Unit, _step: &Step, _shown: Option<&str>) {}
    fn skips(&mut self, _step: &Step, _why: &str) {}
    fn leaves_out(&mut self, _unit: &Unit, _condition: &str) {}

    fn output(&mut self, _stream: Stream, _bytes: &[u8]) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}
