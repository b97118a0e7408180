//! `/api/v1/hooks/…`: requests of other programs that something has happened.
//!
//! A delivery becomes an event in the log; whoever runs automations reads it there, also when that is another process or
//! a later one. One that shows the same delivery id again is answered and does nothing. GitHub's marks the sources of the
//! repository as stale: nothing is fetched, and nothing is trusted.

mod github;
mod proof;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::HeaderMap;
use axum::response::Response;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use super::Server;
use super::access::{Caller, Permission};
use super::input;
use super::limits::FREE;
use super::problem::Problem;
use super::reply;
use super::route::{RawCall, Route};
use super::traced::Traced;
use crate::app::App;
use crate::app::auto::Standing;
use crate::automations::trigger::{self, Wanted};
use crate::kernel::error::Result;
use crate::kernel::events::{self, Event};
use crate::kernel::figures::hex;
use crate::kernel::secret::Secret;
use crate::kernel::secrets::Secrets;

/// The longest delivery, bytes: it is written down.
const LONGEST: usize = 256 << 10;
/// Deliveries of one webhook in a quarter of an hour.
const MOST: u32 = 900;
/// That time, microseconds.
const WINDOW: i64 = 15 * 60 * 1_000_000;
/// So long a delivery id is remembered, microseconds.
const REMEMBERED: i64 = 3 * 24 * 3600 * 1_000_000;
/// The longest delivery id, bytes.
const ID: usize = 128;

/// What a delivery is answered with.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Delivered {
    /// `accepted`, `seen` when the same delivery came before, `pong`, or `ignored`.
    pub status: &'static str,
    /// The event that it became.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<String>,
    /// The sources that are stale now.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stale: Vec<String>,
}

impl Delivered {
    fn only(status: &'static str) -> Delivered {
        Delivered { status, position: None, stale: Vec::new() }
    }
}

/// The routes.
pub fn routes() -> Vec<Route> {
    // They ask for a proof by themselves, and count what has none.
    let of = |draft: super::route::Draft| {
        draft
            .tag("hooks")
            .public()
            .bucket(FREE, 0)
            .body_up_to(LONGEST)
            .accepts()
            .refuses(&[401, 413])
            .answers::<Delivered>()
    };
    let path = "/api/v1/hooks/{name}";
    vec![
        of(Route::post("/api/v1/hooks/github", "Take a delivery of GitHub: a push marks sources as stale"))
            .raw(github::deliver),
        of(Route::post(path, "Fire automations that wait for this webhook")).raw(deliver),
        of(Route::get(path, "The same for programs that can only GET")).raw(deliver),
        of(Route::put(path, "The same by PUT")).raw(deliver),
        of(Route::patch(path, "The same by PATCH")).raw(deliver),
    ]
}

/// A delivery with all that is known of it.
struct Delivery {
    name: String,
    method: String,
    headers: HeaderMap,
    body: Vec<u8>,
    caller: Caller,
}

async fn read(call: RawCall) -> Result<(Arc<Server>, Delivery, Traced, Arc<super::route::Facts>), Problem> {
    let traced = Traced::of(&call.request);
    let RawCall { server, params, request, facts, .. } = call;
    let (parts, body) = request.into_parts();
    let body = input::bytes(body, LONGEST).await?.to_vec();
    let caller = Caller { address: traced.address, ..Caller::local(traced.trace) };
    let name = params.get("name").cloned().unwrap_or_default();
    let delivery = Delivery { name, method: parts.method.to_string(), headers: parts.headers, body, caller };
    Ok((server, delivery, traced, facts))
}

async fn deliver(call: RawCall) -> Result<Response, Problem> {
    let (server, delivery, traced, facts) = read(call).await?;
    let asked = delivery.headers.clone();
    // Who has a key needs no secret.
    let by_key = match server.access.who(&delivery.headers, traced.address, traced.trace) {
        Ok(caller) => caller.may(Permission::AutomationsWrite),
        Err(_) => false,
    };
    if !by_key && !delivery.headers.contains_key("x-hub-signature-256") {
        // A signature cannot be guessed; of what can be, nothing is looked at any more after too many.
        server.limits.is_open(traced.address)?;
    }
    let (of_work, caller) = (server.clone(), delivery.caller.clone());
    let done = server.desk.sync(&caller, move |app| accept(&of_work, app, &delivery, by_key)).await;
    answer(&server, &facts, &asked, traced, done)
}

fn answer(
    server: &Arc<Server>,
    facts: &super::route::Facts,
    asked: &HeaderMap,
    traced: Traced,
    done: Result<Delivered, Problem>,
) -> Result<Response, Problem> {
    match done {
        Ok(delivered) => {
            server.metrics.hook(delivered.status);
            server.live.hub().ring();
            reply::json(facts, asked, &[], &delivered)
        }
        Err(problem) => {
            server.metrics.hook("refused");
            if matches!(problem.status, 401 | 404) {
                // Whoever guesses is counted.
                server.limits.admit(None, traced.address, None)?;
            }
            Err(problem)
        }
    }
}

/// Whether a proof is good, whether it came before, and then the event.
fn accept(server: &Server, app: &App, delivery: &Delivery, by_key: bool) -> Result<Delivered, Problem> {
    let waiting = waiting(app, &delivery.name, &delivery.method)?;
    if waiting.is_empty() {
        return Err(nobody());
    }
    let mut proved = None;
    for name in waiting.iter().flatten() {
        let secret = secret(app, name)?;
        if secret.is_some_and(|secret| proof::holds(&secret, &delivery.headers, &delivery.body)) {
            proved = Some(name.clone());
            break;
        }
    }
    if proved.is_none() && !by_key {
        return Err(Problem::unidentified("nothing proves that this delivery is from whom it should be")
            .hint("sign the body: X-Hub-Signature-256: sha256=HMAC; or show a key that may automations:write"));
    }
    let id = proof::delivery_id(&delivery.headers, ID)?;
    once(server, app, &delivery.name, id.as_deref(), || {
        let told = payload(delivery, proved.as_deref(), id.as_deref());
        let position = app.store()?.append(&Event::new(events::WEBHOOK_RECEIVED, &delivery.name, told))?;
        Ok(Delivered { position: Some(position.to_string()), ..Delivered::only("accepted") })
    })
}

/// Deliveries that are being taken. Of those with one id the second waits for the first.
#[derive(Debug, Default)]
pub struct Taking([Mutex<()>; 16]);

impl Taking {
    fn turn(&self, key: &str) -> MutexGuard<'_, ()> {
        let at = key.bytes().map(usize::from).sum::<usize>() % self.0.len();
        self.0[at].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes a delivery to `hook` unless one with this id was taken before.
fn once(
    server: &Server,
    app: &App,
    hook: &str,
    id: Option<&str>,
    take: impl FnOnce() -> Result<Delivered, Problem>,
) -> Result<Delivered, Problem> {
    let Some(id) = id else {
        count(server, app, hook)?;
        return take();
    };
    let digest = Sha256::digest(format!("{hook}\n{id}"));
    let key = hex(&digest[..16]);
    let _turn = server.taking.turn(&key);
    if seen(server, app, &key, 0)? {
        return Ok(Delivered::only("seen"));
    }
    count(server, app, hook)?;
    let taken = take()?;
    // Only now: a delivery that a killed process had not written down yet is sent again.
    seen(server, app, &key, 1)?;
    Ok(taken)
}

/// What conditions and steps see under `trigger`.
fn payload(delivery: &Delivery, secret: Option<&str>, id: Option<&str>) -> Json {
    let text = String::from_utf8_lossy(&delivery.body).into_owned();
    let mut payload = json!({
        "name": delivery.name, "method": delivery.method, "secret": secret.unwrap_or_default(), "delivery": id,
    });
    if let Ok(read) = serde_json::from_slice::<Json>(&delivery.body) {
        payload["json"] = read;
    }
    payload["body"] = json!(text);
    let told = ["x-github-event", "x-gitlab-event", "x-event-key", "content-type", "user-agent"];
    for name in told {
        if let Some(value) = delivery.headers.get(name).and_then(|value| value.to_str().ok()) {
            payload["headers"][name] = json!(value.chars().take(200).collect::<String>());
        }
    }
    payload
}

/// The secrets of the automations that wait for this; `None` for one that has none.
fn waiting(app: &App, name: &str, method: &str) -> Result<Vec<Option<String>>> {
    let mut found = Vec::new();
    for one in app.automations()? {
        let Some(resolved) = one.resolved.filter(|_| one.standing == Standing::On) else { continue };
        for trigger in resolved.command.triggers.iter().filter(|trigger| trigger.kind == "webhook") {
            if let Ok((Wanted::Webhook(webhook), _)) = trigger::parse(trigger)
                && webhook.name == name
                && webhook.methods.iter().any(|known| known == method)
            {
                found.push(webhook.secret);
            }
        }
    }
    found.sort();
    found.dedup();
    Ok(found)
}

fn secret(app: &App, name: &str) -> Result<Option<Secret>> {
    Ok(Secrets::new(&app.env, &app.paths, &app.redactor).find(name)?.map(|(secret, _)| secret))
}

/// Whether this delivery came before; counts it where `count` is 1.
fn seen(server: &Server, app: &App, key: &str, count: u32) -> Result<bool> {
    let taken = server.traffic.take("delivery", key, (1, REMEMBERED), count, app.clock.now())?;
    Ok(taken.granted == 0 && taken.left == 0)
}

fn count(server: &Server, app: &App, hook: &str) -> Result<(), Problem> {
    let taken = server.traffic.take("hook", hook, (MOST, WINDOW), 1, app.clock.now())?;
    if taken.granted == 0 {
        let seconds = u64::try_from(taken.wait_us).unwrap_or(0).div_ceil(1_000_000);
        return Err(Problem::limited(format!("more than {MOST} deliveries came to this webhook"), seconds));
    }
    Ok(())
}

fn nobody() -> Problem {
    Problem::not_found("nothing waits for this webhook").hint("`fac auto ls` lists automations; they are to be enabled")
}
