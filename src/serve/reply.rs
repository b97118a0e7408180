//! Answers of plain routes: the wanted fields, an entity tag, and whether anybody may keep or compress it.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::problem::Problem;
use super::route::{Answers, Facts};
use super::{fields, input};
use crate::kernel::figures::hex;

/// Marks an answer that must not be compressed: it holds a secret, or it streams.
#[derive(Clone, Copy, Debug)]
pub struct AsItIs;

/// An answer as JSON, or 304 where the asker has it already.
///
/// # Errors
/// 500 when it cannot be written as JSON.
pub fn json<T: Serialize>(facts: &Facts, asked: &HeaderMap, wanted: &[String], value: &T) -> Result<Response, Problem> {
    if matches!(facts.answers, Answers::Nothing) {
        return Ok(facts.status.into_response());
    }
    let value = fields::pick(input::to_json(value)?, wanted);
    let body = value.to_string();
    let mut response = if facts.method == Method::GET && !facts.secret {
        let tag = tag(body.as_bytes());
        let known = asked.get(IF_NONE_MATCH).and_then(|v| v.to_str().ok()).is_some_and(|all| has(all, &tag));
        let mut response =
            if known { StatusCode::NOT_MODIFIED.into_response() } else { (facts.status, body).into_response() };
        if let Ok(tag) = HeaderValue::from_str(&tag) {
            response.headers_mut().insert(ETAG, tag);
        }
        response
    } else {
        (facts.status, body).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers
        .insert(CACHE_CONTROL, HeaderValue::from_static(if facts.secret { "no-store" } else { "private, no-cache" }));
    if facts.secret {
        response.extensions_mut().insert(AsItIs);
    }
    Ok(response)
}

/// A weak entity tag: the same body in another coding has the same one.
fn tag(body: &[u8]) -> String {
    format!("W/\"{}\"", hex(&Sha256::digest(body)[..12]))
}

/// Whether `If-None-Match` or `If-Match` names this tag. Ours are weak, and a change of what they stand for changes them, so
/// both compare weakly (RFC 9110, 8.8.3.2, wants strong ones for the second).
pub fn has(all: &str, tag: &str) -> bool {
    let bare = tag.trim_start_matches("W/");
    all.split(',').map(str::trim).any(|one| one == "*" || one.trim_start_matches("W/") == bare)
}
