//! `/api/v1/runs`: what ran, when, with what, and how it ended.

use axum::body::Body;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::commands::{Started, Wishes, start};
use super::{conflict, wrong};
use crate::app::App;
use crate::app::moment::when;
use crate::app::order::Order;
use crate::app::views::page::{Page, Paging};
use crate::app::views::run::{RunView, WholeRun, joined};
use crate::commands::rerun::Again;
use crate::serve::access::Permission;
use crate::serve::call::Call;
use crate::serve::problem::Problem;
use crate::serve::route::{Draft, RawCall, Route};
use crate::store::{JobFilter, JobStatus, Run, RunFilter, Status};

/// The routes.
pub fn routes() -> Vec<Route> {
    let read = |draft: Draft| draft.tag("runs").may(Permission::RunsRead);
    let write = |draft: Draft| draft.tag("runs").may(Permission::RunsWrite);
    vec![
        read(Route::get("/api/v1/runs", "List runs, newest first")).query::<Wanted>().with(ls),
        read(Route::get("/api/v1/runs/{id}", "Show a run with what it printed; `last` is the newest")).with(one),
        read(Route::get("/api/v1/runs/{id}/steps/{step}/{stream}", "What a step wrote to stdout or stderr, as it was"))
            .media("application/octet-stream")
            .raw(output),
        write(Route::post("/api/v1/runs/{id}/cancel", "Ask a run to end"))
            .may_answer(StatusCode::ACCEPTED)
            .with(cancel),
        Route::post("/api/v1/runs/{id}/rerun", "Run the same command again with the same arguments")
            .tag("runs")
            .may(Permission::CommandsRun)
            .takes::<Rerun>()
            .may_answer(StatusCode::ACCEPTED)
            .with(rerun),
        write(Route::delete("/api/v1/runs/{id}", "Remove a run and its output for good")).with(rm),
    ]
}

/// Which runs.
#[derive(Debug, Deserialize, JsonSchema)]
struct Wanted {
    #[serde(flatten)]
    page: Paging,
    /// Only of this command
    command: Option<String>,
    /// Only with this status: pending, running, ok, failed, timed_out, interrupted, cancelled, refused, lost
    status: Option<String>,
    /// Only since: 2h, 3d, 2026-01-31 or 2026-01-31T12:00:00Z
    since: Option<String>,
    /// Only until
    until: Option<String>,
}

fn ls(call: &Call<Wanted>, app: &App) -> Result<Page<RunView>, Problem> {
    let wanted = &call.query;
    let status = match &wanted.status {
        None => None,
        Some(word) => Some(Status::ALL.into_iter().find(|s| s.name() == word).ok_or_else(|| {
            let names: Vec<&str> = Status::ALL.iter().map(|s| s.name()).collect();
            wrong("status", format!("there is no status `{word}`"))
                .hint(format!("the statuses are {}", names.join(", ")))
        })?),
    };
    let now = app.clock.now();
    let moment = |name: &str, text: &Option<String>| {
        text.as_deref().map(|text| when(text, now).map_err(|error| super::wrong_as(name, &error))).transpose()
    };
    let filter = RunFilter {
        command: wanted.command.clone(),
        status,
        since: moment("since", &wanted.since)?,
        until: moment("until", &wanted.until)?,
        part: None,
    };
    let (rows, next) = app.store()?.runs(&filter, wanted.page.after.as_deref(), wanted.page.limit)?;
    Ok(Page { items: rows.iter().map(RunView::from).collect(), next })
}

/// The run that is named; `last` is the newest.
fn named(app: &App, wanted: &str) -> Result<Run, Problem> {
    let store = app.store()?;
    if wanted != "last" {
        return Ok(store.run(wanted)?);
    }
    let (rows, _) = store.runs(&RunFilter::default(), None, 1)?;
    let newest = rows.first().ok_or_else(|| Problem::not_found("nothing has run yet"))?;
    Ok(store.run(&newest.id.to_string())?)
}

fn one(call: &Call, app: &App) -> Result<WholeRun, Problem> {
    Ok(WholeRun::from(&named(app, call.param("id"))?))
}

/// What a step wrote, from the file beside the store where it was large.
async fn output(call: RawCall) -> Result<Response, Problem> {
    let caller = call.caller()?.clone();
    let param = |name: &str| call.params.get(name).cloned().unwrap_or_default();
    let (id, step, stream) = (param("id"), param("step"), param("stream"));
    let work = move |app: &App| -> Result<Vec<u8>, Problem> {
        let run = named(app, &id)?;
        let wanted = run.steps.iter().find(|one| one.id == step || one.n.to_string() == step);
        let wanted = wanted.ok_or_else(|| Problem::not_found(format!("the run has no step `{step}`")))?;
        let kept = match stream.as_str() {
            "stdout" => &wanted.stdout,
            "stderr" => &wanted.stderr,
            _ => return Err(Problem::not_found("a step writes to stdout and to stderr")),
        };
        let file = app.outputs().join(run.row.id.to_string()).join(format!("{}.{stream}", wanted.n));
        Ok(std::fs::read(file).unwrap_or_else(|_| joined(kept)))
    };
    let bytes = call.server.desk.sync(&caller, work).await?;
    let mut response = Body::from(bytes).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    Ok(response)
}

fn cancel(call: &Call, app: &App) -> Result<RunView, Problem> {
    let run = named(app, call.param("id"))?.row;
    if run.status.is_final() {
        return Err(conflict(format!("it has ended already: {}", run.status.name())));
    }
    let store = app.store()?;
    if !call.server.running.stop(run.id) {
        let of_job = JobFilter { status: Some(JobStatus::Running), ..JobFilter::default() };
        let job = store.jobs(&of_job, None, 10_000)?.into_iter().find(|job| job.run == Some(run.id));
        match job {
            Some(job) => drop(store.cancel_job(job.id)?),
            None => return Err(conflict("it runs in another process of this machine, which nobody can ask from here")),
        }
    }
    call.says(StatusCode::ACCEPTED, format!("/api/v1/runs/{}", run.id));
    Ok(RunView::from(&run))
}

/// How it is run again.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Rerun {
    /// Whether the answer waits for its end
    #[serde(default = "yes")]
    wait: bool,
}

fn yes() -> bool {
    true
}

fn rerun(call: &Call<(), Rerun>, app: &App) -> Result<Started, Problem> {
    let run = named(app, call.param("id"))?.row;
    let again = Again::of(&run);
    if let Some(first) = again.hidden.first() {
        let what = first.as_ref().map_or("the arguments".to_string(), |name| format!("`{name}`"));
        return Err(
            conflict(format!("{what} of that run was secret and is not kept")).hint("run the command by its name")
        );
    }
    let order = Order { words: vec![again.command], sets: again.values, rest: again.rest, tools: Vec::new() };
    let wishes = Wishes { wait: call.body.wait, background: false, dry: false };
    start(call, app, order, wishes, None, &format!("rerun {}", run.id))
}

/// What was removed.
#[derive(Debug, Serialize, JsonSchema)]
struct Removed {
    /// How many runs.
    removed: usize,
}

fn rm(call: &Call, app: &App) -> Result<Removed, Problem> {
    let run = named(app, call.param("id"))?.row;
    if !run.status.is_final() {
        return Err(conflict("it has not ended yet").hint("cancel it first"));
    }
    let removed = app.store()?.remove_runs(&[run.id])?;
    app.erased(&removed)?;
    Ok(Removed { removed: removed.runs.len() })
}
