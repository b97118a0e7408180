//! Running a plan: recorded before it starts, step by step, recorded when it ended.
//!
//! It knows neither terminals nor arguments as typed. Steps that belong to higher rooms (models, MQTT, Lua …)
//! are handed to the [`StepRunner`]s it was given.

mod allowed;
mod around;
mod call;
mod context;
mod dangerous;
mod dry;
mod facts;
mod fired;
mod launcher;
mod pause;
mod plan;
mod progress;
mod reach;
mod step;
mod suggest;
mod walk;

pub use allowed::check_runnable;
pub use around::{About, Around};
pub use call::{Call, single as single_call};
pub use dry::{Dry, dry_run};
pub use launcher::{Launcher, Threads};
pub use plan::{Plan, Unit, make as plan};
pub use reach::{Reach, Told, reach};
pub use suggest::suggestions;

use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use self::allowed::refuse_untrusted;
use self::progress::{Progress, Since};
use super::bind::Bound;
use super::catalog::Catalog;
use super::model::{Step, StepKind};
use super::template::Lookup;
use crate::exec::{self, Began, Stop, Stream};
use crate::kernel::clock::Timestamp;
use crate::kernel::duration::human_ms;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::ids::{Id, TraceId};
use crate::kernel::secret::{Redactor, Secret};
use crate::kernel::terminal::safe_line;
use crate::store::{Captured, NewRun, Process, RunEnd, Status, StepRecord};

/// Steps that a higher room knows how to do.
pub trait StepRunner {
    /// Whether it does this kind of step.
    fn runs(&self, kind: StepKind) -> bool;

    /// Whether a step has what it needs, asked before the first step of a run begins; nobody is connected to for it.
    ///
    /// # Errors
    /// What the settings lack.
    fn ready(&self, _step: &Step) -> Result<()> {
        Ok(())
    }

    /// Does the step.
    ///
    /// # Errors
    /// What kept it from beginning; what went wrong later is the [`Performed::trouble`].
    fn run(&self, work: &Work<'_>) -> Result<Performed>;

    /// Whether it shows by itself what its steps write, while they do. What the others' wrote is handed to the watcher.
    fn shows(&self) -> bool {
        false
    }

    /// What a step would do, for `--dry-run`; `None` where its filled text says it.
    ///
    /// # Errors
    /// What would keep it from beginning.
    fn dry(&self, _unit: &Unit, _step: &Step, _look: Lookup<'_>) -> Result<Option<Planned>> {
        Ok(None)
    }
}

/// What a step would do.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Planned {
    /// The exact text, secrets left out.
    pub text: String,
    /// What could not be filled, and what else there is to say, as sentences.
    pub notes: Vec<String>,
}

/// A step for a higher room, with everything filled in.
pub struct Work<'a> {
    /// The run it belongs to.
    pub run: Id,
    /// The request that this belongs to.
    pub trace: TraceId,
    /// Its command with the arguments.
    pub unit: &'a Unit,
    /// The step.
    pub step: &'a Step,
    /// Its text, placeholders filled.
    pub text: String,
    /// Placeholders of the text without a value, each once; they stay as they are.
    pub missing: Vec<String>,
    /// The values of its placeholders, for a runner that fills each as its place asks.
    pub look: Lookup<'a>,
    /// What a model is told, where the step is for one.
    pub call: Option<Call>,
    /// What it reads.
    pub input: Option<Vec<u8>>,
    /// How long it may take.
    pub timeout: Option<Duration>,
    /// The most of its output that a record keeps.
    pub capture: &'a exec::CaptureLimits,
    /// Ends it when asked.
    pub stop: &'a Stop,
    /// Of how many firings its run is the consequence, where that is known.
    pub depth: Option<u32>,
}

/// What came of a step.
pub struct Performed {
    /// How it ended.
    pub done: Done,
    /// What it wrote, whole and as it was written.
    pub wrote: Vec<u8>,
    /// What went wrong after it had begun.
    pub trouble: Option<Error>,
}

/// How one step ended.
#[derive(Clone, Debug)]
pub struct Done {
    /// How.
    pub status: Status,
    /// The exit code, where there is one.
    pub exit_code: Option<i32>,
    /// What it wrote.
    pub stdout: Captured,
    /// What it complained.
    pub stderr: Captured,
    /// How long it took, microseconds.
    pub duration_us: i64,
}

/// Watches a run while it happens.
pub trait Watcher {
    /// The run has begun and is on the disk.
    fn begins(&mut self, _run: Id) {}
    /// A step is about to run. `shown` is the text of a snippet with its placeholders filled.
    fn starts(&mut self, unit: &Unit, step: &Step, shown: Option<&str>);
    /// A step was left out, and why.
    fn skips(&mut self, step: &Step, why: &str);
    /// A whole command was left out, since its `If:` does not hold.
    fn leaves_out(&mut self, unit: &Unit, condition: &str);
    /// It failed with this code and begins again: the try of this number, of so many.
    fn tries_again(&mut self, _exit_code: i32, _number: u32, _of: u32) {}
    /// Output, as it comes. `Break` says that nobody reads any more.
    fn output(&mut self, stream: Stream, bytes: &[u8]) -> ControlFlow<()>;
}

/// Watches nothing: whoever began the run reads what came of it at its end.
pub struct Unheard;

impl Watcher for Unheard {
    fn starts(&mut self, _unit: &Unit, _step: &Step, _shown: Option<&str>) {}
    fn skips(&mut self, _step: &Step, _why: &str) {}
    fn leaves_out(&mut self, _unit: &Unit, _condition: &str) {}
    fn output(&mut self, _stream: Stream, _bytes: &[u8]) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// What every run needs to know of the world.
pub struct Engine<'a> {
    /// What all runs need of the world.
    pub world: &'a Launcher,
    /// Where `run` steps find their commands.
    pub catalog: &'a Catalog<'a>,
    /// Rooms above that do some kinds of step.
    pub runners: Vec<&'a dyn StepRunner>,
    /// What was piped in, where it was read for a prompt; otherwise scripts read it themselves.
    pub input: Option<Vec<u8>>,
    /// Ends everything when asked.
    pub stop: Stop,
    /// Whether programs get a pseudo-terminal.
    pub terminal: bool,
    /// What fired it: `manual`, `rerun:<id>` …
    pub trigger: String,
    /// What happened, where it was not a person who asked: an object.
    pub fired: Option<Json>,
    /// The job that it is done for, and which try of it.
    pub job: Option<(Id, u64)>,
    /// Its run, where that was recorded as it was foreseen.
    pub begun: Option<Id>,
    /// Of how many firings it is the consequence, where that is known.
    pub depth: Option<u32>,
    /// Whether its end is left to be recorded, by whoever began it, where nobody is told of it here.
    pub leaves_end: bool,
    /// Who is told of each script that has begun.
    pub began: Option<Began>,
}

/// A finished run.
#[derive(Clone, Debug)]
pub struct Report {
    /// Its id in the store.
    pub id: Id,
    /// The command's full name.
    pub command: String,
    /// What fired it.
    pub trigger: String,
    /// How it ended.
    pub status: Status,
    /// The code to pass through.
    pub exit_code: i32,
    /// When it started.
    pub started: Timestamp,
    /// How long it took, milliseconds.
    pub duration_ms: u64,
    /// What its steps did.
    pub steps: Vec<StepRecord>,
    /// Why the end of the run is not, or not wholly, in the store.
    pub unrecorded: Option<String>,
    /// Whether that is left to whoever began it.
    pub leaves_end: bool,
    /// What went wrong beside an exit code: no interpreter, a condition that cannot be judged … Without secrets.
    pub problem: Option<(Kind, String, Option<String>)>,
}

impl Report {
    /// The end of the run, as it is recorded.
    pub fn end(&self) -> RunEnd {
        RunEnd { status: self.status, exit_code: Some(self.exit_code), steps: self.steps.clone() }
    }

    /// What went wrong, where none of the steps says it.
    pub fn untold(&self) -> Option<&str> {
        let (_, said, _) = self.problem.as_ref()?;
        let holds = |kept: &[u8]| String::from_utf8_lossy(kept).contains(said.as_str());
        let is_told = self.steps.iter().any(|step| holds(&step.stderr.head) || holds(&step.stderr.tail));
        (!is_told).then_some(said)
    }
}

/// From now on the secret arguments of `unit` are kept out of everything that `redactor` cleans.
pub fn hide(unit: &Unit, redactor: &Redactor) {
    let secret = unit.bound.values.iter().filter(|v| v.secret);
    let rest = unit.bound.rest.iter().filter(|_| unit.bound.rest_is_secret);
    let texts = secret.flat_map(|v| v.words.iter().flatten().chain([&v.text])).chain(rest);
    texts.for_each(|text| redactor.learn_any(&Secret::new(text.as_str())));
}

/// Whether every step has what it needs, so that nothing is done by half for want of a setting.
fn ready(plan: &Plan, runners: &[&dyn StepRunner]) -> Result<()> {
    plan.steps().try_for_each(|(_, step)| lacks(step, runners.iter().copied()).map_or(Ok(()), Err))
}

/// What a step lacks that it cannot do without. One with a condition may have no need of it.
pub fn lacks<'r>(step: &Step, mut runners: impl Iterator<Item = &'r dyn StepRunner>) -> Option<Error> {
    let is_sure = step.condition.is_none() && !step.allow_failure;
    let runner = runners.find(|runner| runner.runs(step.kind)).filter(|_| is_sure)?;
    runner.ready(step).err()
}

impl Engine<'_> {
    /// Runs `plan`. An error means that nothing was run, and that no record was made.
    pub fn run(&self, plan: &Plan, watcher: &mut dyn Watcher) -> Result<Report> {
        let root = plan.root();
        let about = About::of(plan, &self.trigger, self.world.store.trace());
        if self.begun.is_none() {
            self.allow(plan, &about)?;
        }
        let started_at = Instant::now();
        let started = self.world.clock.now();
        let id = match self.begun {
            Some(id) => id,
            None => self.begin(plan)?,
        };
        watcher.begins(id);
        let limit = root.resolved.command.timeout_ms.or(self.world.timeout_ms);
        let mut progress = Progress {
            id,
            steps: Vec::new(),
            full: Vec::new(),
            systems: Vec::new(),
            fed: false,
            deadline: limit.map(|ms| started_at + Duration::from_millis(ms)),
            redactor: self.world.redactor.fork(),
            since: Since::default(),
        };
        // What was begun as it was foreseen was allowed then; what it needs may be missing all the same.
        let ready = self.begun.map_or(Ok(()), |_| ready(plan, &self.runners));
        let ended = ready.and_then(|()| self.with_retries(plan, &mut progress, watcher));
        let (status, exit_code, problem) = match ended {
            Ok((status, code)) => (status, code, None),
            Err(e) => {
                let clean = |text: &str| progress.redactor.redact(text).into_owned();
                let problem = (e.kind(), clean(&e.full_message()), e.way_forward().map(clean));
                (Status::of(e.kind()), i32::from(e.kind().exit_code()), Some(problem))
            }
        };
        let around = self.world.around.as_ref();
        let mut report = Report {
            unrecorded: None,
            leaves_end: self.leaves_end && !around.is_some_and(|around| around.is_told()),
            id,
            command: root.resolved.full_name(),
            trigger: self.trigger.clone(),
            status,
            exit_code,
            started,
            duration_ms: u64::try_from(started_at.elapsed().as_millis()).unwrap_or(u64::MAX),
            steps: progress.steps,
            problem,
        };
        if report.leaves_end {
            return Ok(report);
        }
        report.unrecorded = self.finish(id, report.end());
        if let Some(around) = around {
            around.after(&about, &report, &self.stop);
        }
        Ok(report)
    }

    /// The room above that does this kind of step.
    pub(super) fn runner(&self, kind: StepKind) -> Option<&dyn StepRunner> {
        self.runners.iter().find(|runner| runner.runs(kind)).copied()
    }

    /// Asks everybody who may forbid it.
    fn allow(&self, plan: &Plan, about: &About) -> Result<()> {
        refuse_untrusted(plan)?;
        for unit in &plan.units {
            check_runnable(&unit.resolved.command)?;
        }
        for resolved in plan.all() {
            self.catalog.ensure_laid_out(&resolved.source)?;
        }
        ready(plan, &self.runners)?;
        self.world.around.as_ref().map_or(Ok(()), |around| around.before(about, &self.stop))
    }

    /// Records the end. Where there is no room for what the steps wrote, at least how they ended; what went wrong comes
    /// back as a sentence, because the script has run and its exit code must not be lost.
    fn finish(&self, id: Id, end: RunEnd) -> Option<String> {
        let store = &self.world.store;
        let told = |end: &RunEnd| match self.job {
            Some(_) => store.finish_run_of_job(id, end),
            None => store.finish_run(id, end),
        };
        let error = told(&end).err()?;
        match told(&end.without_output()) {
            Ok(_) => Some(format!("the output could not be recorded: {}", error.full_message())),
            Err(_) => Some(format!("the run could not be recorded: {}", error.full_message())),
        }
    }

    fn begin(&self, plan: &Plan) -> Result<Id> {
        let process = exec::this_process();
        let process = Some(Process { pid: process.pid, start: process.start, boot: process.boot });
        let record = record_of(plan, &self.trigger, &self.world.cwd);
        self.world.store.begin_run(&NewRun { process, job: self.job, ..record })
    }
}

/// What is recorded of the run of a plan that nothing keeps from beginning, with the working folder of `world`; `None` where
/// it is refused. Whether those [around](Around) it are to be asked, and the process, are for whoever begins it to say.
pub fn foresee(world: &Launcher, catalog: &Catalog<'_>, plan: &Plan, trigger: &str) -> Option<NewRun> {
    let begins = plan.units.iter().all(|unit| check_runnable(&unit.resolved.command).is_ok())
        && refuse_untrusted(plan).is_ok()
        && plan.all().all(|resolved| catalog.ensure_laid_out(&resolved.source).is_ok());
    begins.then(|| record_of(plan, trigger, &world.cwd))
}

fn record_of(plan: &Plan, trigger: &str, cwd: &Path) -> NewRun {
    let root = plan.root();
    NewRun {
        command: root.resolved.command.name.clone(),
        source: root.resolved.source.name.clone(),
        digest: root.resolved.digest.clone(),
        trigger: trigger.to_string(),
        args: recorded_args(&root.bound),
        cwd: cwd.display().to_string(),
        process: None,
        zone: None,
        steps_planned: plan.units.iter().map(|u| u.resolved.command.steps.len() as u32).sum(),
        status: Status::Running,
        job: None,
    }
}

pub(super) fn recorded_args(bound: &Bound) -> Json {
    let (mut args, mut lists) = (serde_json::Map::new(), serde_json::Map::new());
    for value in &bound.values {
        let text = if value.secret { "***" } else { &value.text };
        args.insert(value.var.clone(), json!(text));
        if let Some(words) = value.words.as_ref().filter(|w| w.len() > 1 && !value.secret) {
            lists.insert(value.var.clone(), json!(words));
        }
    }
    let hidden = |word: &String| if bound.rest_is_secret { "***".to_string() } else { word.clone() };
    let rest: Vec<String> = bound.rest.iter().map(hidden).collect();
    let mut all = json!({"values": args, "rest": rest});
    if !lists.is_empty() {
        all["lists"] = Json::Object(lists);
    }
    all
}

/// What is said of a placeholder without a value, where the text it stands in is used all the same.
pub fn stays_as_it_is(name: &str) -> String {
    format!("`{}` has no value and stays as it is.", safe_line(name))
}

/// A sentence about how a run ended, for people.
pub fn ending(report: &Report) -> Option<String> {
    let took = human_ms(report.duration_ms);
    match report.status {
        Status::TimedOut => Some(format!("`{}` was stopped: its time was over after {took}", report.command)),
        Status::Interrupted => Some(format!("`{}` was interrupted after {took}", report.command)),
        _ => None,
    }
}
