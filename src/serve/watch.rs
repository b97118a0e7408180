//! The outermost layer: every request is counted, timed and written down as one line of the log, however it ends; what
//! it answers with carries the trace id.
//!
//! What stands behind the `?` is never written: it may be a ticket.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method};
use axum::middleware::Next;
use axum::response::Response;

use super::metrics::Metrics;
use super::traced::Traced;

/// Nothing longer of a path is written down, characters.
const LONGEST: usize = 200;
/// The status of a request whose asker went away before it was answered.
const GONE: u16 = 499;

/// Which route answered, and to whom: written by the route into its answer.
#[derive(Clone, Debug, Default)]
pub struct Served {
    /// The route's template.
    pub route: &'static str,
    /// The user's name.
    pub user: Option<String>,
}

/// Watches one request from its head to the head of its answer.
pub async fn around(State(metrics): State<Arc<Metrics>>, request: Request, next: Next) -> Response {
    let path: String = request.uri().path().chars().take(LONGEST).collect();
    let method = known(request.method());
    let mut pending = Pending { metrics, method, path, begun: Instant::now(), answered: false };
    pending.metrics.in_flight.inc();
    let mut response = next.run(request).await;
    let traced = response.extensions_mut().remove::<Traced>();
    let served = response.extensions_mut().remove::<Served>().unwrap_or_default();
    if let Some(traced) = traced {
        tell(&mut response, &traced.trace.to_string());
    }
    pending.end(response.status().as_u16(), &served, traced);
    response
}

/// The trace id, in the forms that programs look for.
fn tell(response: &mut Response, trace: &str) {
    let parent = format!("00-{trace}-{}-01", trace.get(16..).unwrap_or_default());
    for (name, value) in [("traceparent", parent.as_str()), ("x-request-id", trace)] {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(name, value);
        }
    }
}

/// The method, or one word for all that nobody knows: anybody may invent some.
fn known(method: &Method) -> String {
    const METHODS: [Method; 7] =
        [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];
    if METHODS.contains(method) { method.to_string() } else { "OTHER".to_string() }
}

/// A request that is not answered yet.
struct Pending {
    metrics: Arc<Metrics>,
    method: String,
    path: String,
    begun: Instant,
    answered: bool,
}

impl Pending {
    fn end(&mut self, status: u16, served: &Served, traced: Option<Traced>) {
        self.answered = true;
        self.metrics.in_flight.dec();
        let took = self.begun.elapsed();
        let route = if served.route.is_empty() { "none" } else { served.route };
        self.metrics.answered(&self.method, route, status, took);
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let (method, path) = (self.method.as_str(), self.path.as_str());
        let user = served.user.as_deref().unwrap_or("");
        let Some(Traced { trace, address }) = traced else {
            tracing::info!(method, path, route, status, us, "request given up");
            return;
        };
        let span = tracing::info_span!("request", trace = %trace);
        let _in = span.enter();
        let address = address.to_string();
        match route {
            // Asked every few seconds by machines.
            "/livez" | "/readyz" | "/metrics" => {
                tracing::debug!(method, path, route, status, us, user, address, "request");
            }
            _ => tracing::info!(method, path, route, status, us, user, address, "request"),
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if !self.answered {
            self.end(GONE, &Served::default(), None);
        }
    }
}
