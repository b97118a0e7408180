//! `/metrics`, for who is on this machine and for who may see figures.

use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

use super::Works;
use super::text::MEDIA_TYPE;
use crate::serve::access::{Caller, Permission};
use crate::serve::api::health::can_work;
use crate::serve::call::Call;
use crate::serve::limits::FREE;
use crate::serve::problem::Problem;
use crate::serve::route::{RawCall, Route};
use crate::serve::traced::Traced;

/// The route.
pub fn routes() -> Vec<Route> {
    let figures = Route::get("/metrics", "Figures for Prometheus; for this machine, and for who may see them");
    // It asks by itself who it is.
    let figures = figures.tag("system").public().bucket(FREE, 0).refuses(&[401, 403]).media("text/plain").raw(answer);
    let broken = Route::post("/debug/panic", "Break off, to see that nothing else does");
    let broken = broken.tag("system").may(Permission::SystemWrite).unlisted();
    // Only builds for tests have it.
    if cfg!(debug_assertions) { vec![figures, broken.with(break_off)] } else { vec![figures] }
}

#[allow(clippy::panic)]
fn break_off(_: &Call, _: &crate::app::App) -> Result<(), Problem> {
    panic!("somebody asked for it")
}

async fn answer(call: RawCall) -> Result<Response, Problem> {
    let traced = Traced::of(&call.request);
    let caller = if call.server.guard.is_this_machine(traced.address) {
        Caller::local(traced.trace)
    } else {
        let caller = call.server.access.who(call.request.headers(), traced.address, traced.trace);
        call.server.limits.admit(caller.as_ref().ok(), traced.address, None)?;
        caller?
    };
    if !caller.may(Permission::SystemRead) {
        return Err(Problem::refused(format!("{} may not see figures", caller.name)));
    }
    let metrics = call.server.metrics.clone();
    let work = move |app: &crate::app::App| {
        let automations = app.keeper_process()?.is_some();
        Ok::<_, crate::kernel::error::Error>(metrics.text(
            app.store()?,
            &app.paths.data,
            &Works { all: can_work(app), automations },
        ))
    };
    let text = call.server.desk.sync(&caller, work).await?;
    let mut response = text.into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
