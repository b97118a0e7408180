//! The same, headless: one listener that offers everything the program can do to other programs.
//!
//! It deliberately does not know how anything is done: every request goes to the rooms that the command line uses, and
//! what it answers are the shapes that `--json` prints.

pub mod access;
pub mod api;
pub mod call;
pub mod desk;
pub mod faces;
pub mod fields;
pub mod gone;
pub mod guard;
pub mod hooks;
pub mod input;
pub mod limits;
pub mod listen;
pub mod live;
pub mod mcp;
pub mod metrics;
pub mod openapi;
pub mod problem;
pub mod reply;
pub mod route;
pub mod run;
pub mod running;
pub mod systemd;
pub mod tls;
pub mod traced;
pub mod watch;

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate, SizeAbove};

use self::access::Access;
use self::desk::Desk;
use self::guard::Guard;
use self::limits::Limits;
use self::live::Live;
use self::metrics::Metrics;
use self::problem::Problem;
use self::route::Route;
use self::traced::Traced;
use crate::kernel::config::Config;
use crate::kernel::error::Result;
use crate::store::traffic::Traffic;

/// Smaller answers are not worth compressing, bytes.
const WORTH: u16 = 1025;

/// The rooms of a server, shared by all of its requests.
pub struct Server {
    /// Where work is done.
    pub desk: Desk,
    /// Who is who.
    pub access: Access,
    /// How much of it.
    pub limits: Limits,
    /// What is true for minutes.
    pub traffic: Arc<Traffic>,
    /// The runs that are done for somebody.
    pub running: running::Running,
    /// Deliveries that are being taken.
    pub taking: hooks::Taking,
    /// What the faces share.
    pub faces: faces::Faces,
    /// How much room there is for pieces of code.
    pub code: api::code::Room,
    /// From where, and by which name.
    pub guard: Guard,
    /// Figures about all of it.
    pub metrics: Arc<Metrics>,
    /// What lasts longer than a request.
    pub live: Live,
    /// Every route that is mounted.
    pub routes: Vec<Route>,
}

impl Server {
    /// Takes up other settings of who may come in, from where, and how much; `tls` and `behind_proxy` as when it started.
    ///
    /// # Errors
    /// `Usage` for settings that cannot be read; then nothing changed.
    pub fn renew(&self, config: &Config, tls: bool, behind_proxy: bool) -> Result<()> {
        let rules = guard::Rules::of(config, tls, behind_proxy)?;
        self.guard.renew(rules);
        self.access.renew(access::Rules::of(config));
        self.limits.renew(limits::Rules::of(config));
        Ok(())
    }
}

/// The version of the API, as it stands in its paths.
pub const VERSION: &str = "1";

/// Every route there is.
pub fn routes() -> Vec<Route> {
    let mut all = api::routes();
    all.extend(faces::routes());
    all.extend(mcp::routes());
    all.extend(live::routes());
    all.extend(hooks::routes());
    all.extend(metrics::routes());
    all
}

/// The service of a server: its routes with what surrounds each of them.
pub fn service(server: Arc<Server>) -> Router {
    let worth = SizeAbove::new(WORTH)
        .and(NotForContentType::SSE)
        .and(NotForContentType::const_new("application/x-ndjson"))
        .and(Compressible);
    route::mount(Router::new(), &server.routes)
        .fallback(|request: Request| async move {
            let hint = "the list of routes: /openapi.json";
            Problem::not_found("there is nothing here").hint(hint).traced(Traced::of(&request).trace)
        })
        .method_not_allowed_fallback(|request: Request| async move {
            let (said, hint) = ("this route does not know the method", "the list of routes: /openapi.json");
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "usage", said).hint(hint).traced(Traced::of(&request).trace)
        })
        .layer(CompressionLayer::new().compress_when(worth))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(axum::middleware::from_fn_with_state(server.guard.clone(), guard::around))
        .layer(axum::middleware::from_fn_with_state(server.metrics.clone(), watch::around))
        .layer(axum::middleware::map_response(versioned))
        .layer(axum::middleware::from_fn(faces::in_shape))
        .with_state(server)
}

/// Every answer says of which version the API is.
async fn versioned(mut response: Response) -> Response {
    response.headers_mut().insert("x-api-version", HeaderValue::from_static(VERSION));
    response
}

/// Not what holds a secret, nor what streams.
#[derive(Clone, Copy, Debug)]
struct Compressible;

impl Predicate for Compressible {
    fn should_compress<B>(&self, response: &axum::http::Response<B>) -> bool
    where
        B: http_body::Body,
    {
        response.extensions().get::<reply::AsItIs>().is_none()
    }
}

/// A handler that panicked takes nobody with it.
fn panicked(_: Box<dyn std::any::Any + Send + 'static>) -> Response {
    tracing::error!("a request panicked");
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "failed", "the work on this request broke off").into_response()
}
