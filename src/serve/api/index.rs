//! `/api/v1`: what there is.

use schemars::JsonSchema;
use serde::Serialize;

use crate::app::App;
use crate::serve::call::Call;
use crate::serve::problem::Problem;
use crate::serve::route::{Guard, Route};

/// The routes.
pub fn routes() -> Vec<Route> {
    vec![Route::get("/api/v1", "What there is, and what you may").tag("system").with(index)]
}

/// What there is.
#[derive(Debug, Serialize, JsonSchema)]
struct Index {
    /// What this is.
    name: &'static str,
    /// Its version.
    version: &'static str,
    /// The version of this API.
    api: &'static str,
    /// Who you are.
    you: String,
    /// What you are here.
    role: &'static str,
    /// Where each route is described.
    openapi: &'static str,
    /// The same to read.
    docs: &'static str,
    /// Every route.
    routes: Vec<Line>,
}

/// A route.
#[derive(Debug, Serialize, JsonSchema)]
struct Line {
    /// Its method.
    method: String,
    /// Its path.
    path: &'static str,
    /// What it does.
    summary: &'static str,
    /// What you need for it.
    permission: Option<&'static str>,
    /// Whether you have it.
    allowed: bool,
}

fn index(call: &Call, _: &App) -> Result<Index, Problem> {
    let listed = call.server.routes.iter().filter(|route| route.facts.listed);
    let line = |route: &Route| {
        let permission = match route.facts.guard {
            Guard::May(permission) => Some(permission),
            Guard::Public | Guard::Identity => None,
        };
        Line {
            method: route.facts.method.to_string(),
            path: route.facts.path,
            summary: route.facts.summary,
            permission: permission.map(|one| one.name()),
            allowed: permission.is_none_or(|one| call.caller.may(one)),
        }
    };
    Ok(Index {
        name: "factotum",
        version: env!("CARGO_PKG_VERSION"),
        api: crate::serve::VERSION,
        you: call.caller.name.clone(),
        role: call.caller.role.name(),
        openapi: "/openapi.json",
        docs: "/docs",
        routes: listed.map(line).collect(),
    })
}
