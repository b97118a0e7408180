//! The one table of routes: the router, the OpenAPI document, the permission check, the limits and the authorization
//! matrix are all made from it, so that none of them can forget a route.
//!
//! A plain route is a function over an [`App`] and what was sent, checked against the schema of its types before it is
//! called; a raw one answers by itself (streams, other vendors' shapes).

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::extract::{RawPathParams, Request, State};
use axum::http::header::{ACCEPT, ETAG, IF_MATCH};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, on};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;

use super::Server;
use super::access::{Caller, Permission};
use super::call::{Call, Streaming, Talk, checked, plain, talking};
use super::input::{self, Body, Checks, Params, Query};
use super::problem::Problem;
use super::reply;
use super::traced::Traced;
use super::watch::Served;
use crate::app::App;
use crate::kernel::ids::TraceId;

/// What a body may take unless its route says more, bytes.
const BODY: usize = 1 << 20;

/// What a request to a raw route brought.
pub struct RawCall {
    /// The rooms of this server.
    pub server: Arc<Server>,
    /// Who asks; nobody on a public route.
    pub caller: Option<Caller>,
    /// What stands in the path.
    pub params: Params,
    /// The trace id of this request.
    pub trace: TraceId,
    /// The facts of the route.
    pub facts: Arc<Facts>,
    /// Everything else.
    pub request: Request,
}

impl RawCall {
    /// Who asks.
    ///
    /// # Errors
    /// `unidentified` on a public route that nobody was asked for.
    pub fn caller(&self) -> Result<&Caller, Problem> {
        self.caller.as_ref().ok_or_else(|| Problem::unidentified("say who you are"))
    }
}

/// Who may use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// Everybody, without saying who they are.
    Public,
    /// Everybody who says who they are.
    Identity,
    /// Who has this permission.
    May(Permission),
}

impl Guard {
    /// Says no to who said who they are, and may not.
    ///
    /// # Errors
    /// 403 with the permission that is missing.
    pub fn admits(self, caller: &Caller) -> Result<(), Problem> {
        match self {
            Guard::May(permission) => caller.needs(permission),
            Guard::Public | Guard::Identity => Ok(()),
        }
    }
}

/// A limit of a route's own, beside those of the address and the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Its name; routes of one name share it.
    pub name: &'static str,
    /// Requests in a window.
    pub most: u32,
}

/// What a route answers with.
#[derive(Clone, Copy, Debug)]
pub enum Answers {
    /// JSON of this schema.
    Json(fn(&mut SchemaGenerator) -> Schema),
    /// The same, or a stream of events for whoever accepts one.
    JsonOrEvents(fn(&mut SchemaGenerator) -> Schema),
    /// Nothing.
    Nothing,
    /// This media type.
    Media(&'static str),
}

/// The media type of a stream of events (HTML, "Server-sent events").
pub const EVENTS: &str = "text/event-stream";

/// What is known of a route without calling it.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The method.
    pub method: Method,
    /// The path, with `{name}` for what varies.
    pub path: &'static str,
    /// What it does, as a short sentence.
    pub summary: &'static str,
    /// The group that it belongs to.
    pub tag: &'static str,
    /// Who may use it.
    pub guard: Guard,
    /// Its own limit.
    pub bucket: Option<Bucket>,
    /// The schema of what stands behind the `?`.
    pub query: Option<fn(&mut SchemaGenerator) -> Schema>,
    /// The schema of what is sent.
    pub body: Option<fn(&mut SchemaGenerator) -> Schema>,
    /// What it answers with.
    pub answers: Answers,
    /// The status when it goes well.
    pub status: StatusCode,
    /// Others with which it goes well.
    pub also: Vec<StatusCode>,
    /// Statuses of problems beside those that routes of its kind have.
    pub refuses: &'static [u16],
    /// What a body may take, bytes.
    pub most: usize,
    /// Whether the answer holds a secret: it is never compressed and never kept by anybody.
    pub secret: bool,
    /// Whether it belongs into the OpenAPI document.
    pub listed: bool,
}

type Handler = Arc<dyn Fn(RawCall) -> Pin<Box<dyn Future<Output = Result<Response, Problem>> + Send>> + Send + Sync>;

/// A route with what does its work.
#[derive(Clone)]
pub struct Route {
    /// What is known of it.
    pub facts: Arc<Facts>,
    handler: Handler,
}

/// A route that is being written down.
pub struct Draft<Q = (), B = ()> {
    facts: Facts,
    types: PhantomData<fn() -> (Q, B)>,
}

impl Route {
    /// A route that reads.
    pub fn get(path: &'static str, summary: &'static str) -> Draft {
        Draft::new(Method::GET, path, summary)
    }

    /// A route that makes or does something.
    pub fn post(path: &'static str, summary: &'static str) -> Draft {
        Draft::new(Method::POST, path, summary)
    }

    /// A route that puts something in the place of something.
    pub fn put(path: &'static str, summary: &'static str) -> Draft {
        Draft::new(Method::PUT, path, summary)
    }

    /// A route that changes a part of something.
    pub fn patch(path: &'static str, summary: &'static str) -> Draft {
        Draft::new(Method::PATCH, path, summary)
    }

    /// A route that removes something.
    pub fn delete(path: &'static str, summary: &'static str) -> Draft {
        Draft::new(Method::DELETE, path, summary)
    }
}

impl Draft {
    fn new(method: Method, path: &'static str, summary: &'static str) -> Draft {
        let facts = Facts {
            method,
            path,
            summary,
            tag: "",
            guard: Guard::Identity,
            bucket: None,
            query: None,
            body: None,
            answers: Answers::Nothing,
            status: StatusCode::OK,
            also: Vec::new(),
            refuses: &[],
            most: BODY,
            secret: false,
            listed: true,
        };
        Draft { facts, types: PhantomData }
    }
}

impl<Q, B> Draft<Q, B> {
    fn change(mut self, change: impl FnOnce(&mut Facts)) -> Self {
        change(&mut self.facts);
        self
    }

    fn typed<Q2, B2>(self) -> Draft<Q2, B2> {
        Draft { facts: self.facts, types: PhantomData }
    }

    /// The group that it belongs to.
    pub fn tag(self, tag: &'static str) -> Self {
        self.change(|facts| facts.tag = tag)
    }

    /// Only who has this permission.
    pub fn may(self, permission: Permission) -> Self {
        self.change(|facts| facts.guard = Guard::May(permission))
    }

    /// Everybody, without saying who they are.
    pub fn public(self) -> Self {
        self.change(|facts| facts.guard = Guard::Public)
    }

    /// A limit of its own: `most` requests in a window.
    pub fn bucket(self, name: &'static str, most: u32) -> Self {
        self.change(|facts| facts.bucket = Some(Bucket { name, most }))
    }

    /// Problems that routes of its kind do not have, by their statuses.
    pub fn refuses(self, statuses: &'static [u16]) -> Self {
        self.change(|facts| facts.refuses = statuses)
    }

    /// Bodies of as many bytes.
    pub fn body_up_to(self, bytes: usize) -> Self {
        self.change(|facts| facts.most = bytes)
    }

    /// It answers 201.
    pub fn creates(self) -> Self {
        self.change(|facts| facts.status = StatusCode::CREATED)
    }

    /// It answers 202: the work goes on.
    pub fn accepts(self) -> Self {
        self.change(|facts| facts.status = StatusCode::ACCEPTED)
    }

    /// It may answer with this status too, with the same shape.
    pub fn may_answer(self, status: StatusCode) -> Self {
        self.change(|facts| facts.also.push(status))
    }

    /// The answer holds a secret.
    pub fn secret(self) -> Self {
        self.change(|facts| facts.secret = true)
    }

    /// Not in the OpenAPI document: another vendor's shape is described by that vendor.
    pub fn unlisted(self) -> Self {
        self.change(|facts| facts.listed = false)
    }

    /// A raw route answers with this media type.
    pub fn media(self, media: &'static str) -> Self {
        self.change(|facts| facts.answers = Answers::Media(media))
    }

    /// A raw route answers with JSON of this type.
    pub fn answers<T: JsonSchema>(self) -> Self {
        self.change(|facts| facts.answers = Answers::Json(input::schema::<T>))
    }

    /// What stands behind the `?`.
    pub fn query<Q2: JsonSchema>(self) -> Draft<Q2, B> {
        self.change(|facts| facts.query = Some(input::whole_schema::<Q2>)).typed()
    }

    /// What is sent, as JSON.
    pub fn takes<B2: JsonSchema>(self) -> Draft<Q, B2> {
        self.change(|facts| facts.body = Some(input::schema::<B2>)).typed()
    }

    /// A raw route: it answers by itself, on the runtime of the server.
    pub fn raw<Fut>(self, handler: impl Fn(RawCall) -> Fut + Send + Sync + 'static) -> Route
    where
        Fut: Future<Output = Result<Response, Problem>> + Send + 'static,
    {
        Route { facts: Arc::new(self.facts), handler: Arc::new(move |call| Box::pin(handler(call))) }
    }
}

impl<Q: Query, B: Body> Draft<Q, B> {
    /// A plain route: a function that is called on a blocking thread, once what was sent is checked.
    pub fn with<T>(mut self, work: fn(&Call<Q, B>, &App) -> Result<T, Problem>) -> Route
    where
        T: Serialize + JsonSchema + Send + 'static,
    {
        if std::mem::size_of::<T>() == 0 {
            (self.facts.answers, self.facts.status) = (Answers::Nothing, StatusCode::NO_CONTENT);
        } else {
            self.facts.answers = Answers::Json(input::schema::<T>);
        }
        let checks = Arc::new(Checks::of::<Q, B>());
        self.raw(move |call| plain(call, work, checks.clone()))
    }
}

impl<Q: Query, B: Body> Draft<Q, B> {
    /// A route that talks: a future on one of the threads for that, once what was sent is checked. Where whoever asked
    /// goes, its [`Gone`] says so, and it ends by itself.
    pub fn talks<T>(mut self, work: Talk<Q, B, T>) -> Route
    where
        T: Serialize + JsonSchema + Send + 'static,
    {
        self.facts.answers = Answers::Json(input::schema::<T>);
        let checks = Arc::new(Checks::of::<Q, B>());
        self.raw(move |call| talking(call, work, checks.clone()))
    }
}

impl<Q: Query, B: Body> Draft<Q, B> {
    /// The same; whoever accepts `text/event-stream` gets what `stream` answers with.
    pub fn talks_or_streams<T>(mut self, work: Talk<Q, B, T>, stream: Streaming<Q, B>) -> Route
    where
        T: Serialize + JsonSchema + Send + 'static,
    {
        self.facts.answers = Answers::JsonOrEvents(input::schema::<T>);
        let checks = Arc::new(Checks::of::<Q, B>());
        self.raw(move |call| {
            let checks = checks.clone();
            async move {
                let accepts = call.request.headers().get(ACCEPT).and_then(|value| value.to_str().ok());
                if !accepts.is_some_and(|accepts| accepts.contains(EVENTS)) {
                    return talking(call, work, checks).await;
                }
                let (_, _, call) = checked::<Q, B>(call, &checks).await?;
                stream(&call.server, &call)
            }
        })
    }
}

/// Puts routes into a router.
pub fn mount(mut router: Router<Arc<Server>>, routes: &[Route]) -> Router<Arc<Server>> {
    for route in routes {
        let Ok(filter) = MethodFilter::try_from(route.facts.method.clone()) else { continue };
        let route = route.clone();
        let path = route.facts.path;
        router = router.route(
            path,
            on(filter, move |State(server): State<Arc<Server>>, params: RawPathParams, request: Request| async move {
                answer(&route, server, &params, request).await
            }),
        );
    }
    router
}

async fn answer(route: &Route, server: Arc<Server>, params: &RawPathParams, request: Request) -> Response {
    let traced = Traced::of(&request);
    let mut served = Served { route: route.facts.path, user: None };
    let mut response = match admitted(route, server, params, request, traced, &mut served.user).await {
        Ok(response) => response,
        Err(problem) => problem.traced(traced.trace).into_response(),
    };
    response.extensions_mut().insert(served);
    response
}

/// Identity, permission, limits; then the work.
async fn admitted(
    route: &Route,
    server: Arc<Server>,
    params: &RawPathParams,
    request: Request,
    traced: Traced,
    user: &mut Option<String>,
) -> Result<Response, Problem> {
    let facts = &route.facts;
    let caller = match facts.guard {
        Guard::Public => None,
        Guard::Identity | Guard::May(_) => Some(server.access.who(request.headers(), traced.address, traced.trace)),
    };
    // Who cannot say who they are is counted by address, before anything else is done for them.
    let known = caller.as_ref().and_then(|caller| caller.as_ref().ok());
    let left = server.limits.admit(known, traced.address, facts.bucket)?;
    let caller = caller.transpose()?;
    *user = caller.as_ref().map(|caller| caller.name.clone());
    if let Some(caller) = &caller {
        facts.guard.admits(caller)?;
    }
    let params = params.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    let trace = traced.trace;
    let mut call = RawCall { server, caller, params, trace, facts: facts.clone(), request };
    if let Some(seen) = call.request.headers().get(IF_MATCH).filter(|_| !facts.method.is_safe()).cloned() {
        call = unless_changed(call, &seen).await?;
    }
    let mut response = (route.handler)(call).await?;
    left.tell(response.headers_mut());
    Ok(response)
}

/// Whoever changes something may say as what they saw it (`If-Match`): where it is something else by now, nothing is changed.
async fn unless_changed(call: RawCall, seen: &HeaderValue) -> Result<RawCall, Problem> {
    let reads = |route: &&Route| route.facts.method == Method::GET && route.facts.path == call.facts.path;
    let Some(read) = call.server.routes.iter().find(reads) else { return Ok(call) };
    if let Some(caller) = &call.caller {
        read.facts.guard.admits(caller)?;
    }
    let now = RawCall {
        server: call.server.clone(),
        caller: call.caller.clone(),
        params: call.params.clone(),
        trace: call.trace,
        facts: read.facts.clone(),
        request: Request::default(),
    };
    let now = (read.handler)(now).await?;
    let tag = now.headers().get(ETAG).and_then(|tag| tag.to_str().ok());
    if tag.is_some_and(|tag| seen.to_str().is_ok_and(|seen| reply::has(seen, tag))) {
        return Ok(call);
    }
    let said = "somebody changed it since you saw it";
    Err(Problem::new(StatusCode::PRECONDITION_FAILED, "usage", said).hint("read it again, and change that"))
}
