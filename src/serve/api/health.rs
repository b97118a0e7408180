//! `/livez`, `/readyz` and `/api/v1/health`: whether this process lives, whether it can work, and what is wrong.
//!
//! The first two are for whoever watches it, without a name: they tell words, never places.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Serialize;

use crate::app::App;
use crate::app::health::{Window, gauges, look};
use crate::app::views::health::HealthView;
use crate::kernel::error::Result as Found;
use crate::serve::access::{Caller, Permission};
use crate::serve::call::Call;
use crate::serve::limits::{FREE, PROBE};
use crate::serve::problem::Problem;
use crate::serve::route::{RawCall, Route};

/// Less room than this where the store lies is too little to work, bytes.
const ROOM: u64 = 16 << 20;

/// The routes.
pub fn routes() -> Vec<Route> {
    vec![
        Route::get("/livez", "Whether this process lives")
            .tag("system")
            .public()
            .bucket(FREE, 0)
            .answers::<Lives>()
            .raw(livez),
        Route::get("/readyz", "Whether it can work, and on what that depends")
            .tag("system")
            .public()
            .bucket(PROBE, 900)
            .answers::<Ready>()
            .may_answer(StatusCode::SERVICE_UNAVAILABLE)
            .raw(readyz),
        Route::get("/api/v1/health", "What is installed, what is wrong, and what to do about it")
            .tag("system")
            .may(Permission::SystemRead)
            .with(health),
    ]
}

/// It lives.
#[derive(Debug, Serialize, JsonSchema)]
struct Lives {
    /// `ok`.
    status: &'static str,
}

async fn livez(_: RawCall) -> Result<Response, Problem> {
    Ok(Json(Lives { status: "ok" }).into_response())
}

/// Whether it can work.
#[derive(Debug, Serialize, JsonSchema)]
struct Ready {
    /// `ok`, or `unavailable` when something that it needs is not there.
    status: &'static str,
    /// On what that depends.
    checks: Vec<Check>,
}

/// Something that it depends on.
#[derive(Debug, Serialize, JsonSchema)]
struct Check {
    /// What.
    name: &'static str,
    /// Whether it is there.
    ok: bool,
    /// Whether nothing works without it.
    needed: bool,
}

async fn readyz(call: RawCall) -> Result<Response, Problem> {
    let nobody = Caller::nobody(call.trace);
    let work = |app: &App| -> Result<Ready, Problem> { Ok(ready(app)) };
    let ready = match call.server.desk.sync(&nobody, work).await {
        Ok(ready) => ready,
        // What every request needs is not there.
        Err(_) => Ready { status: "unavailable", checks: vec![Check { name: "store", ok: false, needed: true }] },
    };
    let status = if ready.status == "ok" { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    Ok((status, Json(ready)).into_response())
}

/// Whether all is there that is needed.
pub fn can_work(app: &App) -> bool {
    ready(app).status == "ok"
}

fn ready(app: &App) -> Ready {
    let check = |name, found: Found<bool>, needed| Check { name, ok: found.unwrap_or(false), needed };
    let store = || -> Found<bool> { app.store()?.last_position().map(|_| true) };
    let room = gauges(app).disk.is_none_or(|(used, whole)| whole.saturating_sub(used) >= ROOM);
    let checks = vec![
        check("settings", app.config().map(|_| true), true),
        check("store", store(), true),
        check("disk", Ok(room), true),
        check("commands", app.catalog().map(|_| true), true),
        check("automations", app.keeper_process().map(|keeper| keeper.is_some()), false),
        check("models", app.known_models().map(|models| !models.is_empty()), false),
    ];
    let works = checks.iter().all(|one| one.ok || !one.needed);
    Ready { status: if works { "ok" } else { "unavailable" }, checks }
}

fn health(_: &Call, app: &App) -> Result<HealthView, Problem> {
    let found = look(app, &Window { columns: 80, colour: false }, &mut |_| {});
    Ok(HealthView::from(&found))
}
