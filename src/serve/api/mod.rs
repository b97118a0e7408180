//! The resources: what the command line has subcommands for.

pub mod auth;
pub mod automations;
pub mod code;
pub mod commands;
pub mod docs;
pub mod events;
pub mod files;
pub mod health;
pub mod index;
pub mod jobs;
pub mod keys;
pub mod messages;
pub mod models;
pub mod plugins;
pub mod processor;
pub mod runs;
pub mod search;
pub mod sessions;
pub mod sources;
pub mod usage;
pub mod users;

use super::problem::{Problem, Wrong};
use super::route::Route;
use crate::kernel::error::{Error, Kind};

/// Every route of the API, in the order of the document.
pub fn routes() -> Vec<Route> {
    let all = [
        index::routes(),
        auth::routes(),
        users::routes(),
        keys::routes(),
        commands::routes(),
        runs::routes(),
        sources::routes(),
        sessions::routes(),
        messages::routes(),
        files::routes(),
        models::routes(),
        processor::routes(),
        code::routes(),
        search::routes(),
        automations::routes(),
        events::routes(),
        jobs::routes(),
        usage::routes(),
        plugins::routes(),
        health::routes(),
        docs::routes(),
    ];
    all.into_iter().flatten().collect()
}

/// One field that is wrong.
fn wrong(field: &str, detail: impl Into<String>) -> Problem {
    Problem::wrong(vec![Wrong { field: field.to_string(), detail: detail.into() }])
}

/// A mistake in one field, with the way forward.
fn wrong_as(field: &str, error: &Error) -> Problem {
    let problem = wrong(field, error.full_message());
    match error.way_forward() {
        Some(hint) => problem.hint(hint),
        None => problem,
    }
}

/// It cannot be done as things stand.
fn conflict(detail: impl Into<String>) -> Problem {
    Problem::new(axum::http::StatusCode::CONFLICT, Kind::Refused.name(), detail)
}

/// A name as it stands in a path, in words.
fn words(name: &str) -> Vec<String> {
    name.split_whitespace().map(String::from).collect()
}
