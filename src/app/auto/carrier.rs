//! Carrying out one job: the definition found as it was when the work was owed, its parameters filled from what happened,
//! run and recorded as any run.

use serde_json::Value as Json;

use super::App;
use super::known::Known;
use crate::app::order::{Unheard, nobody};
use crate::app::prompts::{Asking, Wishes};
use crate::automations::scripts::Scripts;
use crate::automations::worker::{Carried, FirstTry, Hands};
use crate::commands::bind::{self, Given};
use crate::commands::catalog::{Catalog, Resolved};
use crate::commands::model::{Command, ParamKind};
use crate::commands::prompt;
use crate::commands::run::{self as engine, Launcher, Plan, Report};
use crate::exec::Stop;
use crate::kernel::error::{Error, Kind, Result};
use crate::store::{Job, NewFiring, RuleKey, RunEnd, Status};

/// Does jobs, with rooms of its own.
pub(super) struct Carrier {
    app: App,
    scripts: Scripts,
    known: Known,
}

impl Carrier {
    pub(super) fn new(app: App) -> Carrier {
        let scripts = Scripts::new(&app.paths.state);
        Carrier { app, scripts, known: Known::default() }
    }

    fn report(&mut self, job: &Job, begun: Option<FirstTry>, stop: &Stop) -> Result<Report> {
        // What is done for somebody is theirs, as its job is.
        let theirs = job.owner.map(|owner| self.app.acting_for(job.trace, Some(owner), true)).transpose()?;
        let app = theirs.as_ref().unwrap_or(&self.app);
        let mut launcher = app.launcher()?.clone();
        launcher.store = launcher.store.traced(job.trace);
        launcher.apart = true;
        launcher.own_env.push(("FAC_TRACE".into(), job.trace.to_string().into()));
        let (run, depth) = begun.as_ref().map(|begun| (begun.run, begun.depth)).unzip();
        let plan = match begun {
            Some(begun) => {
                stand(&mut launcher, &Owed::of(job));
                begun.plan
            }
            None => {
                self.known.refresh(&launcher.store)?;
                prepare(&mut launcher, &mut self.known, &Owed::of(job))?
            }
        };
        let catalog = launcher.catalog();
        let mut engine = launcher.engine(&catalog, stop.clone(), false, by(&job.work));
        // Nobody types for it.
        engine.input = Some(Vec::new());
        engine.fired = Some(job.work["fired"].clone()).filter(Json::is_object);
        engine.job = Some((job.id, job.epoch));
        (engine.begun, engine.depth) = (run, depth);
        // It is recorded with the job's.
        engine.leaves_end = true;
        engine.began = Some(self.scripts.noting(job.id, job.epoch));
        let asking = prompt::asks_models(&plan).then(|| asking(app, &plan, stop)).transpose()?;
        engine.runners.extend(asking.iter().map(|asking| asking.runner()));
        let report = engine.run(&plan, &mut engine::Unheard);
        drop(engine);
        asking.map_or(Ok(()), |asking| asking.end(app))?;
        report
    }
}

impl Hands for Carrier {
    fn carry_out(&mut self, job: &Job, begun: Option<FirstTry>, stop: &Stop) -> Carried {
        if job.epoch > 1 {
            // What a try left whose process was killed would go on beside this one.
            self.scripts.end_left(job.id, job.epoch, job.lost > 0);
        }
        let run = begun.as_ref().map(|begun| begun.run);
        let report = self.report(job, begun, stop);
        self.scripts.over(job.id);
        match report {
            Ok(report) => carried(&report),
            Err(error) => {
                let ran = run.map(|_| unbegun(&error));
                // What is refused or wrong now is so the next time too; what cannot be reached may come back.
                let hopeless = !matches!(error.kind(), Kind::Unreachable | Kind::TimedOut | Kind::Failed);
                let stopped = error.kind() == Kind::Interrupted;
                Carried { run, ran, exit_code: None, error: Some(error.full_message()), hopeless, stopped }
            }
        }
    }
}

/// The end of a run that is recorded and did not begin after all.
fn unbegun(error: &Error) -> RunEnd {
    let status = match error.kind() {
        Kind::Refused => Status::Refused,
        kind => Status::of(kind),
    };
    RunEnd { status, exit_code: Some(i32::from(error.kind().exit_code())), steps: Vec::new() }
}

fn carried(report: &Report) -> Carried {
    let (run, exit_code) = (Some(report.id), Some(report.exit_code));
    let ran = report.leaves_end.then(|| report.end());
    let error = match (&report.problem, report.status) {
        (_, Status::Ok | Status::Cancelled) => None,
        (Some((_, message, _)), _) => Some(message.clone()),
        (None, Status::TimedOut) => Some("its time was over".to_string()),
        (None, Status::Interrupted) => Some("it was stopped".to_string()),
        (None, status) => Some(format!("it {} with exit code {}", status.name(), report.exit_code)),
    };
    Carried { run, ran, exit_code, error, stopped: report.status == Status::Interrupted, hopeless: false }
}

/// Work that is owed.
pub(super) struct Owed<'a> {
    source: &'a str,
    command: &'a str,
    digest: &'a str,
    work: &'a Json,
}

impl<'a> Owed<'a> {
    fn of(job: &'a Job) -> Owed<'a> {
        Owed { source: &job.source, command: &job.command, digest: &job.digest, work: &job.work }
    }

    pub(super) fn by(firing: &'a NewFiring) -> Owed<'a> {
        let RuleKey { source, command } = &firing.key;
        Owed { source, command, digest: &firing.digest, work: &firing.work }
    }
}

/// Who asked for a run.
pub(super) fn by(work: &Json) -> &str {
    work["by"].as_str().unwrap_or("job")
}

/// What is to be run, with a launcher that stands where it is run.
pub(super) fn prepare(launcher: &mut Launcher, known: &mut Known, owed: &Owed<'_>) -> Result<Plan> {
    let mut catalog = launcher.catalog();
    let key = RuleKey { source: owed.source.into(), command: owed.command.into() };
    let found = known.definition(&mut catalog, &key, owed.digest)?.ok_or_else(|| {
        Error::new(Kind::NotFound, format!("the definition of `{}` is not there any more", owed.command))
    })?;
    let plan = plan(&catalog, found, owed)?;
    drop(catalog);
    stand(launcher, owed);
    Ok(plan)
}

/// Puts the launcher where the work is to be run.
fn stand(launcher: &mut Launcher, owed: &Owed<'_>) {
    if let Some(cwd) = owed.work["cwd"].as_str() {
        launcher.cwd = cwd.into();
    }
    if owed.source.starts_with("project:") {
        launcher.project = Some(owed.source.to_string());
    }
}

/// What is to be run, the definition being at hand. Only what was allowed when the work was owed is.
pub(super) fn plan(catalog: &Catalog<'_>, mut resolved: Resolved, owed: &Owed<'_>) -> Result<Plan> {
    if resolved.digest != owed.digest {
        return Err(Error::new(Kind::Refused, format!("`{}` has changed since its work was owed", resolved.key()))
            .hint("look at it, enable it again, and `fac jobs retry` owes the work again"));
    }
    let bound = bind::check(&resolved.command, &given(&resolved, owed.work)?, &|_| None)?;
    if owed.work["fired"].is_object() {
        // It held when it was fired, and each try is a job's own.
        resolved.command.condition = None;
        resolved.command.retry = 0;
    }
    engine::plan(catalog, resolved, bound)
}

/// The arguments: those that were typed, and fields of what happened whose names are parameters'.
fn given(resolved: &Resolved, work: &Json) -> Result<Given> {
    let command = &resolved.command;
    let mut given = Given::default();
    for (name, value) in work["values"].as_object().into_iter().flatten() {
        let words = value.as_array().map_or_else(|| std::slice::from_ref(value), Vec::as_slice);
        for word in words.iter().filter_map(Json::as_str) {
            given.set(command, name, word)?;
        }
    }
    for word in work["rest"].as_array().into_iter().flatten() {
        given.push_rest(word.as_str().unwrap_or_default());
    }
    for (name, value) in filled(command, &work["fired"]) {
        given.set(command, &name, &value)?;
    }
    Ok(given)
}

/// Fields of what happened that fill parameters, by the parameter's name.
fn filled(command: &Command, fired: &Json) -> Vec<(String, String)> {
    let fields = fired.as_object().into_iter().flatten();
    let fits = |name: &str| command.params.iter().find(|p| p.var == name && p.kind != ParamKind::Rest);
    let text = |value: &Json| match value {
        Json::String(text) => Some(text.clone()),
        Json::Null => None,
        other => Some(other.to_string()),
    };
    fields.filter_map(|(name, value)| Some((fits(name)?.name.clone(), text(value)?))).collect()
}

/// Who asks the models for the prompts of a job. Nobody is there to be asked about tools.
fn asking(app: &App, plan: &Plan, stop: &Stop) -> Result<Asking> {
    let wishes = Wishes { typed: &[], keep: true, stop };
    Asking::new(app, plan, &wishes, nobody(), &mut Unheard)
}
