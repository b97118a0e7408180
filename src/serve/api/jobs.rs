//! `/api/v1/jobs`: work owed: what waits, runs, is done, failed for good.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{wrong, wrong_as};
use crate::app::App;
use crate::app::views::job::JobView;
use crate::app::views::page::Paging;
use crate::serve::access::Permission;
use crate::serve::call::Call;
use crate::serve::problem::Problem;
use crate::serve::route::{Draft, Route};
use crate::store::{JobFilter, JobStatus, RuleKey};

/// The routes.
pub fn routes() -> Vec<Route> {
    let read = |draft: Draft| draft.tag("jobs").may(Permission::JobsRead);
    let write = |draft: Draft| draft.tag("jobs").may(Permission::JobsWrite);
    vec![
        read(Route::get("/api/v1/jobs", "List jobs, newest first")).query::<Wanted>().with(ls),
        read(Route::get("/api/v1/jobs/{id}", "Show a job")).with(one),
        write(Route::post("/api/v1/jobs/{id}/retry", "Owe a job again, with its definition as it is now")).with(retry),
        write(Route::post("/api/v1/jobs/{id}/cancel", "Take a job back; one that runs is stopped")).with(cancel),
    ]
}

/// Which jobs.
#[derive(Debug, Deserialize, JsonSchema)]
struct Wanted {
    #[serde(flatten)]
    page: Paging,
    /// Only with this status: waiting, running, done, dead, cancelled
    status: Option<String>,
    /// Only of this command
    command: Option<String>,
    /// Only of this batch, as `fac jobs import` tells it
    batch: Option<String>,
}

/// A part of the jobs.
#[derive(Debug, Serialize, JsonSchema)]
struct Jobs {
    /// The part.
    items: Vec<JobView>,
    /// The `after` of the next part; null when this was the last.
    next: Option<String>,
    /// How many there are of each status.
    counts: BTreeMap<&'static str, u64>,
}

fn ls(call: &Call<Wanted>, app: &App) -> Result<Jobs, Problem> {
    let wanted = &call.query;
    let status = match &wanted.status {
        None => None,
        Some(word) => Some(JobStatus::ALL.into_iter().find(|status| status.name() == word).ok_or_else(|| {
            wrong("status", format!("there is no status {word:?}"))
                .hint(format!("the statuses are {}", JobStatus::ALL.map(JobStatus::name).join(", ")))
        })?),
    };
    let filter = JobFilter { status, command: wanted.command.clone(), batch: wanted.batch.clone() };
    let after = wanted.page.after.as_deref().map(str::parse).transpose().map_err(|error| wrong_as("after", &error))?;
    let (store, limit) = (app.store()?, wanted.page.limit);
    let mut jobs = store.jobs(&filter, after, limit + 1)?;
    let more = jobs.len() > limit;
    jobs.truncate(limit);
    Ok(Jobs {
        next: jobs.last().filter(|_| more).map(|last| last.id.to_string()),
        items: jobs.iter().map(JobView::from).collect(),
        counts: store.job_counts()?.into_iter().map(|(status, count)| (status.name(), count)).collect(),
    })
}

fn one(call: &Call, app: &App) -> Result<JobView, Problem> {
    Ok(JobView::from(&app.store()?.job(call.param("id"))?))
}

fn retry(call: &Call, app: &App) -> Result<JobView, Problem> {
    let store = app.store()?;
    let job = store.job(call.param("id"))?;
    let key = RuleKey { source: job.source.clone(), command: job.command.clone() };
    let digest = app.digest_of(&key, &job.digest, &job.kind)?;
    Ok(JobView::from(&store.retry_job(job.id, &digest)?))
}

fn cancel(call: &Call, app: &App) -> Result<JobView, Problem> {
    let store = app.store()?;
    let job = store.job(call.param("id"))?;
    store.cancel_job(job.id)?;
    Ok(JobView::from(&store.job(&job.id.to_string())?))
}
