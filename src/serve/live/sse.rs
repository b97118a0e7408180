//! The twins of the socket for whoever only listens: events, and the answer of a chat, as server-sent events.

use std::sync::Arc;

use axum::http::HeaderMap;
use axum::response::Response;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::chat::{self, Telling};
use super::feed::{Feed, Kinds};
use super::outbox::{Outbox, outbox};
use super::standing::Standing;
use super::{Phase, stream};
use crate::app::views::event::EventView;
use crate::kernel::events::Position;
use crate::serve::Server;
use crate::serve::access::{Caller, Permission};
use crate::serve::api::messages::Said;
use crate::serve::input::{self, Checks};
use crate::serve::problem::{Problem, Wrong};
use crate::serve::route::{EVENTS, RawCall, Route};

/// The routes.
pub fn routes() -> Vec<Route> {
    let checks = Arc::new(Checks::of::<Wanted, ()>());
    let events = Route::get("/api/v1/events/stream", "Follow the event log, from now or from a place on");
    let events = events.tag("events").may(Permission::EventsRead).media(EVENTS).query::<Wanted>();
    vec![events.raw(move |call| follow(call, checks.clone()))]
}

/// Which events.
#[derive(Debug, Deserialize, JsonSchema)]
struct Wanted {
    /// Kinds, or patterns such as `job.*`, with commas between them; all where nothing is said
    kinds: Option<String>,
    /// Those behind this place in the log; the header Last-Event-ID says the same
    after: Option<String>,
}

async fn follow(call: RawCall, checks: Arc<Checks>) -> Result<Response, Problem> {
    let (_, wanted) = input::query::<Wanted>(call.request.uri().query(), &checks)?;
    let kinds = Kinds::list(wanted.kinds.as_deref().unwrap_or("*"))?;
    let after = match wanted.after.or_else(|| last_seen(call.request.headers())) {
        None => None,
        Some(text) => Some(text.parse::<Position>().map_err(|error| {
            Problem::wrong(vec![Wrong { field: "after".into(), detail: error.message().to_string() }])
        })?),
    };
    let server = call.server;
    let mut phase = server.live.phase();
    if *phase.borrow() != Phase::Serving {
        // Says that the server is ending.
        server.live.begin()?;
    }
    let caller = call.caller.ok_or_else(|| Problem::unidentified("say who you are"))?;
    let mut standing = Standing::new(server.live.hub(), &caller);
    let still = server.clone();
    let mut feed = Feed::new(server.live.hub(), kinds, after).await?;
    let (out, inbox) = outbox();
    let counted = Counted::new(&server);
    tokio::spawn(async move {
        let pumping = pump(&mut feed, &out);
        tokio::select! {
            () = pumping => {}
            _ = phase.wait_for(|phase| *phase != Phase::Serving) => {}
            () = async {
                let may = || still.access.still(&caller).is_ok_and(|caller| caller.may(Permission::EventsRead));
                loop {
                    standing.asks_again().await;
                    if !may() {
                        return;
                    }
                }
            } => {}
        }
    });
    Ok(stream::answer(inbox, counted))
}

/// What a browser says that connects again.
fn last_seen(headers: &HeaderMap) -> Option<String> {
    headers.get("last-event-id")?.to_str().ok().map(String::from).filter(|text| !text.is_empty())
}

/// Puts events where there is room, until nobody reads any more.
async fn pump(feed: &mut Feed, out: &Outbox) {
    loop {
        let events = tokio::select! {
            events = feed.next() => events,
            () = out.closed() => return,
        };
        let Ok(events) = events else { return };
        for event in events {
            let position = event.position.to_string();
            if !out.room().await {
                return;
            }
            let _turn = feed.turn().await;
            if !out.put_at(None, "event", Some(position), json!({"event": EventView::from(&event)})) {
                return;
            }
        }
    }
}

/// A subscription that is counted while it lives.
pub(super) struct Counted(Arc<Server>);

impl Counted {
    pub(super) fn new(server: &Arc<Server>) -> Counted {
        server.metrics.subscriptions.inc();
        Counted(server.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.metrics.subscriptions.dec();
    }
}

/// Answers a question as a stream of server-sent events: what the route for messages gives to whoever accepts
/// `text/event-stream`.
///
/// # Errors
/// 503 when the server is ending.
pub(in crate::serve) fn chat(
    server: &Arc<Server>,
    caller: &Caller,
    session: String,
    said: Said,
) -> Result<Response, Problem> {
    said.allowed(caller)?;
    let work = server.live.begin()?;
    let (out, inbox) = outbox();
    let stop = work.stop.clone();
    let telling = Telling { id: None, out: out.clone(), stop: stop.clone(), owners: caller.sees(None) };
    let task = server.desk.local(caller, move |app| chat::turn(app, Some(session), said, telling));
    tokio::spawn(async move {
        let mut task = std::pin::pin!(task.done());
        tokio::select! {
            _ = &mut task => {}
            () = out.closed() => {
                // Nobody reads: the model is stopped, and what had come is kept.
                stop.request();
                let _ = task.await;
            }
        }
        drop(work);
    });
    Ok(stream::answer(inbox, ()))
}
