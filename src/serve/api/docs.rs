//! `/openapi.json` and `/docs`: every route, described for programs and for people.
//!
//! The page is ours and asks nobody else for anything.

use axum::body::Body;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

use crate::serve::openapi::document;
use crate::serve::problem::Problem;
use crate::serve::route::{RawCall, Route};

const PAGE: &str = include_str!("../../../assets/docs/index.html");
const SCRIPT: &str = include_str!("../../../assets/docs/docs.js");
const LOOK: &str = include_str!("../../../assets/docs/docs.css");

/// What the page may load: itself, and nothing of others.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The routes.
pub fn routes() -> Vec<Route> {
    let page = |path, summary| Route::get(path, summary).tag("system").public();
    vec![
        page("/openapi.json", "Every route, as an OpenAPI 3.1 document").media("application/json").raw(openapi),
        page("/docs", "Every route, to read")
            .media("text/html")
            .raw(|_| async { shown("text/html; charset=utf-8", PAGE) }),
        page("/docs/docs.js", "What moves on that page")
            .media("text/javascript")
            .unlisted()
            .raw(|_| async { shown("text/javascript; charset=utf-8", SCRIPT) }),
        page("/docs/docs.css", "How that page looks")
            .media("text/css")
            .unlisted()
            .raw(|_| async { shown("text/css; charset=utf-8", LOOK) }),
    ]
}

async fn openapi(call: RawCall) -> Result<Response, Problem> {
    let text = document(&call.server.routes).to_string();
    answer("application/json", text.into())
}

fn shown(media: &'static str, text: &'static str) -> Result<Response, Problem> {
    answer(media, text.into())
}

fn answer(media: &'static str, body: Body) -> Result<Response, Problem> {
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    Ok(response)
}
