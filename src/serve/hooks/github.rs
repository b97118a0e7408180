//! GitHub's deliveries: a push marks the sources of that repository and branch as stale.
//!
//! https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries

use std::sync::Arc;

use axum::response::Response;
use serde_json::Value as Json;

use super::{Delivered, Delivery, ID, answer, once, proof, read, secret};
use crate::app::App;
use crate::kernel::error::{Kind, Result};
use crate::serve::Server;
use crate::serve::problem::Problem;
use crate::serve::route::RawCall;
use crate::store::{Source, Store};

/// What `Delivery` ids and limits are counted under.
const HOOK: &str = "github";
/// The secret that signs, by its name.
const SECRET: &str = "github-webhook";

pub(super) async fn deliver(call: RawCall) -> Result<Response, Problem> {
    let (server, delivery, traced, facts) = read(call).await?;
    let asked = delivery.headers.clone();
    let (of_work, caller) = (server.clone(), delivery.caller.clone());
    let done = server.desk.sync(&caller, move |app| accept(&of_work, app, &delivery)).await;
    answer(&server, &facts, &asked, traced, done)
}

fn accept(server: &Arc<Server>, app: &App, delivery: &Delivery) -> Result<Delivered, Problem> {
    let header = |name: &str| delivery.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let good = secret(app, SECRET)?;
    let good = good.is_some_and(|secret| proof::signed(&secret, header("x-hub-signature-256"), &delivery.body));
    if !good {
        return Err(Problem::unidentified("the signature of this delivery is missing or wrong")
            .hint(format!("set the webhook's secret here too: fac secret set {SECRET}")));
    }
    let id = proof::delivery_id(&delivery.headers, ID)?;
    once(server, app, HOOK, id.as_deref(), || match header("x-github-event") {
        "ping" => Ok(Delivered::only("pong")),
        "push" => {
            let payload: Json = serde_json::from_slice(&delivery.body).map_err(|_| {
                Problem::new(axum::http::StatusCode::BAD_REQUEST, "bad_data", "the delivery is no JSON")
                    .hint("choose application/json as the webhook's content type")
            })?;
            let stale = mark(app.store()?, &payload)?;
            Ok(Delivered { stale, ..Delivered::only("accepted") })
        }
        _ => Ok(Delivered::only("ignored")),
    })
}

/// Marks what comes from that repository and branch; gives their names.
fn mark(store: &Store, payload: &Json) -> Result<Vec<String>, Problem> {
    let repository = payload["repository"]["full_name"].as_str().unwrap_or_default();
    let branch = payload["ref"].as_str().unwrap_or_default().strip_prefix("refs/heads/").unwrap_or_default();
    let default = payload["repository"]["default_branch"].as_str().unwrap_or_default();
    if repository.is_empty() || branch.is_empty() {
        // A tag, or something that is no push.
        return Ok(Vec::new());
    }
    let mut stale = Vec::new();
    for mut source in store.sources()? {
        if !is_of(&source, repository) || source.reference.as_deref().unwrap_or(default) != branch {
            continue;
        }
        if payload["after"].as_str().is_some() && payload["after"].as_str() == source.commit.as_deref() {
            continue;
        }
        source.state = "stale".to_string();
        source.error = Some(format!("{branch} was pushed to; `fac source update {}` fetches it", source.name));
        match store.update_source(&source) {
            Ok(()) => stale.push(source.name),
            // Somebody removed it just now.
            Err(error) if error.kind() == Kind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(stale)
}

/// Whether a source is in this repository of github.com.
fn is_of(source: &Source, repository: &str) -> bool {
    let Some(place) = source.spec.strip_prefix("github:") else { return false };
    let Some(head) = place.get(..repository.len()) else { return false };
    let rest = place.get(repository.len()..).unwrap_or_default();
    head.eq_ignore_ascii_case(repository) && (rest.is_empty() || rest.starts_with(['/', '@']))
}
