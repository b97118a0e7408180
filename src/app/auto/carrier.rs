//! Carrying out one job: the definition found as it was when the work was owed, its parameters filled from what happened,
//! run and recorded as any run.

use serde_json::Value as Json;

use super::App;
use super::list::definition;
use crate::app::order::{Unheard, nobody};
use crate::app::prompts::{Asking, Wishes};
use crate::automations::scripts::Scripts;
use crate::automations::worker::{Carried, Hands};
use crate::commands::bind::{self, Given};
use crate::commands::catalog::Resolved;
use crate::commands::model::{Command, ParamKind};
use crate::commands::prompt;
use crate::commands::run::{self as engine, Launcher, Plan, Report};
use crate::exec::Stop;
use crate::kernel::error::{Error, Kind, Result};
use crate::store::{Job, RuleKey, Status};

/// Does jobs, with rooms of its own.
pub(super) struct Carrier {
    app: App,
    scripts: Scripts,
}

impl Carrier {
    pub(super) fn new(app: App) -> Carrier {
        let scripts = Scripts::new(&app.paths.state);
        Carrier { app, scripts }
    }

    fn report(&self, job: &Job, stop: &Stop) -> Result<Report> {
        // What is done for somebody is theirs, as its job is.
        let theirs = job.owner.map(|owner| self.app.acting_for(job.trace, Some(owner), true)).transpose()?;
        let app = theirs.as_ref().unwrap_or(&self.app);
        let mut launcher = app.launcher()?.clone();
        launcher.store = launcher.store.traced(job.trace);
        launcher.apart = true;
        launcher.own_env.push(("FAC_TRACE".into(), job.trace.to_string().into()));
        if let Some(cwd) = job.work["cwd"].as_str() {
            launcher.cwd = cwd.into();
        }
        let plan = plan(&launcher, job, None)?;
        if let Some(spec) = Some(&job.source).filter(|spec| spec.starts_with("project:")) {
            launcher.project = Some(spec.clone());
        }
        let catalog = launcher.catalog();
        let by = job.work["by"].as_str().unwrap_or("job");
        let mut run = launcher.engine(&catalog, stop.clone(), false, by);
        // Nobody types for it.
        run.input = Some(Vec::new());
        run.fired = Some(job.work["fired"].clone()).filter(Json::is_object);
        run.job = Some((job.id, job.epoch));
        run.began = Some(self.scripts.noting(job.id, job.epoch));
        let asking = prompt::asks_models(&plan).then(|| asking(app, &plan, stop)).transpose()?;
        run.runners.extend(asking.iter().map(|asking| asking.runner()));
        let report = run.run(&plan, &mut engine::Unheard);
        drop(run);
        asking.map_or(Ok(()), |asking| asking.end(app))?;
        report
    }
}

impl Hands for Carrier {
    fn carry_out(&mut self, job: &Job, stop: &Stop) -> Carried {
        // What a try left whose process was killed would go on beside this one.
        self.scripts.end_left(job.id, job.epoch, job.lost > 0);
        let report = self.report(job, stop);
        self.scripts.over(job.id);
        match report {
            Ok(report) => carried(&report),
            Err(error) => {
                // What is refused or wrong now is so the next time too; what cannot be reached may come back.
                let hopeless = !matches!(error.kind(), Kind::Unreachable | Kind::TimedOut | Kind::Failed);
                let stopped = error.kind() == Kind::Interrupted;
                Carried { error: Some(error.full_message()), hopeless, stopped, ..Carried::default() }
            }
        }
    }
}

fn carried(report: &Report) -> Carried {
    let (run, exit_code) = (Some(report.id), Some(report.exit_code));
    let error = match (&report.problem, report.status) {
        (_, Status::Ok | Status::Cancelled) => None,
        (Some((_, message, _)), _) => Some(message.clone()),
        (None, Status::TimedOut) => Some("its time was over".to_string()),
        (None, Status::Interrupted) => Some("it was stopped".to_string()),
        (None, status) => Some(format!("it {} with exit code {}", status.name(), report.exit_code)),
    };
    Carried { run, exit_code, error, stopped: report.status == Status::Interrupted, hopeless: false }
}

/// What is to be run for a job. Only what was allowed when the work was owed is; where the definition is at hand it need not
/// be found.
pub(super) fn plan(launcher: &Launcher, job: &Job, at_hand: Option<Resolved>) -> Result<Plan> {
    let mut catalog = launcher.catalog();
    let key = RuleKey { source: job.source.clone(), command: job.command.clone() };
    let found = match at_hand {
        Some(resolved) => Some(resolved),
        None => definition(&mut catalog, &key, &job.digest)?,
    };
    let mut resolved = found.ok_or_else(|| {
        Error::new(Kind::NotFound, format!("the definition of `{}` is not there any more", job.command))
    })?;
    if resolved.digest != job.digest {
        return Err(Error::new(Kind::Refused, format!("`{}` has changed since its work was owed", resolved.key()))
            .hint("look at it, enable it again, and `fac jobs retry` owes the work again"));
    }
    let bound = bind::check(&resolved.command, &given(&resolved, &job.work)?, &|_| None)?;
    if job.work["fired"].is_object() {
        // It held when it was fired, and each try is a job's own.
        resolved.command.condition = None;
        resolved.command.retry = 0;
    }
    engine::plan(&catalog, resolved, bound)
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
