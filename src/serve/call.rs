//! What a request to a plain route brought: checked, worked on, and told what came of it.

use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::http::header::LOCATION;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use futures_util::future::LocalBoxFuture;
use serde::Serialize;

use super::Server;
use super::access::Caller;
use super::gone::Gone;
use super::input::{self, Body, Checks, Params, Query};
use super::problem::Problem;
use super::reply;
use super::route::{Guard, RawCall};
use crate::app::App;
use crate::kernel::error::{Error, Kind};

/// What a request to a plain route brought.
pub struct Call<Q = (), B = ()> {
    /// Who asks.
    pub caller: Caller,
    /// What stands in the path.
    pub params: Params,
    /// What stands behind the `?`.
    pub query: Q,
    /// What was sent.
    pub body: B,
    /// Whether whoever asks is still there.
    pub gone: Gone,
    /// The rooms of this server.
    pub server: Arc<Server>,
    /// What the answer says beside its body.
    pub beside: Beside,
}

/// What an answer says beside its body: another status than usual, and where something is.
pub type Beside = Arc<Mutex<Option<(StatusCode, String)>>>;

impl<Q, B> Call<Q, B> {
    /// What stands in the path under this name; empty where there is no such name.
    pub fn param(&self, name: &str) -> &str {
        self.params.get(name).map_or("", String::as_str)
    }

    /// The answer has this status, and what it is about is there.
    pub fn says(&self, status: StatusCode, location: String) {
        *self.beside.lock().unwrap_or_else(PoisonError::into_inner) = Some((status, location));
    }
}

/// What a route that streams does.
pub type Streaming<Q, B> = fn(&Arc<Server>, &Call<Q, B>) -> Result<Response, Problem>;

/// What a route that talks does.
pub type Talk<Q, B, T> = fn(Call<Q, B>, Rc<App>) -> LocalBoxFuture<'static, Result<T, Problem>>;

/// What was sent, checked.
pub(super) async fn checked<Q: Query, B: Body>(
    call: RawCall,
    checks: &Checks,
) -> Result<(Parts, Fields, Call<Q, B>), Problem> {
    let caller = match call.facts.guard {
        Guard::Public => Caller::nobody(call.trace),
        _ => call.caller()?.clone(),
    };
    let RawCall { server, params, facts, request, .. } = call;
    let (parts, body) = request.into_parts();
    let begun = Instant::now();
    let (wanted, query) = input::query::<Q>(parts.uri.query(), checks)?;
    checks.has(&facts.answers, &wanted)?;
    let body = input::body::<B>(&parts.headers, body, facts.most, checks).await?;
    server.metrics.read("body", begun.elapsed());
    Ok((parts, wanted, Call { caller, params, query, body, gone: Gone::default(), server, beside: Beside::default() }))
}

/// The fields that are wanted.
type Fields = Vec<String>;

pub(super) async fn talking<Q: Query, B: Body, T: Serialize + Send + 'static>(
    call: RawCall,
    work: Talk<Q, B, T>,
    checks: Arc<Checks>,
) -> Result<Response, Problem> {
    worked(call, &checks, async move |server, caller, call| {
        let task = server.desk.local(&caller, move |app| work(call, app));
        // It is not cut off: it hears that nobody is there any more, and writes down what had come.
        let done = tokio::spawn(task.done()).await;
        done.map_err(|_| Problem::from(Error::new(Kind::Failed, "the work on this request broke off")))??
    })
    .await
}

/// Checks what was sent, has it worked on, and tells what came of it.
async fn worked<Q: Query, B: Body, T: Serialize>(
    call: RawCall,
    checks: &Checks,
    work: impl AsyncFnOnce(Arc<Server>, Caller, Call<Q, B>) -> Result<T, Problem>,
) -> Result<Response, Problem> {
    let facts = call.facts.clone();
    let (parts, wanted, call) = checked::<Q, B>(call, checks).await?;
    let _there = call.gone.guard();
    let (server, caller, beside) = (call.server.clone(), call.caller.clone(), call.beside.clone());
    let answer = work(server, caller, call).await?;
    Ok(told(reply::json(&facts, &parts.headers, &wanted, &answer)?, &beside))
}

/// An answer with what is said beside it.
fn told(mut response: Response, beside: &Beside) -> Response {
    if let Some((status, location)) = beside.lock().unwrap_or_else(PoisonError::into_inner).take() {
        *response.status_mut() = status;
        if let Ok(location) = HeaderValue::from_str(&location) {
            response.headers_mut().insert(LOCATION, location);
        }
    }
    response
}

pub(super) async fn plain<Q: Query, B: Body, T: Serialize + Send + 'static>(
    call: RawCall,
    work: fn(&Call<Q, B>, &App) -> Result<T, Problem>,
    checks: Arc<Checks>,
) -> Result<Response, Problem> {
    worked(call, &checks, async move |server, caller, call| {
        server.desk.sync(&caller, move |app| work(&call, app)).await
    })
    .await
}
