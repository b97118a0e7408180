//! What went wrong, as `application/problem+json` (RFC 9457): one shape for every route.
//!
//! Beside the members of the RFC: `kind`, the word of [`Kind`] that the command line prints too, `hint`, the way
//! forward, `trace`, by which the log finds the request, and `errors`, the fields that were wrong.

use std::ops::Deref;

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Serialize;

use crate::kernel::error::{Error, Kind};
use crate::kernel::ids::TraceId;

/// The media type of RFC 9457.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// A field that was wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Wrong {
    /// Where it stands: a JSON pointer into the body, or the name of a parameter.
    pub field: String,
    /// What is wrong with it.
    pub detail: String,
}

/// What went wrong with a request. It is small, since every answer might be one; what it says is behind it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct Problem(Box<Said>);

/// What a problem says.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Problem")]
pub struct Said {
    /// Always `about:blank`: `kind` says which it is.
    #[serde(rename = "type")]
    pub type_: &'static str,
    /// The status in words.
    pub title: String,
    /// The status as a number.
    pub status: u16,
    /// What happened, to what.
    pub detail: String,
    /// The kind: usage, not_found, refused, unidentified, limited, unreachable, missing, bad_data, timed_out, failed.
    pub kind: &'static str,
    /// What to do next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The trace id of the request.
    pub trace: String,
    /// The fields that were wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    pub errors: Vec<Wrong>,
    /// After how many seconds it may be tried again; also said by the header.
    #[serde(skip)]
    pub retry_after: Option<u64>,
}

impl Deref for Problem {
    type Target = Said;

    fn deref(&self) -> &Said {
        &self.0
    }
}

impl Problem {
    /// A problem of this status and kind.
    pub fn new(status: StatusCode, kind: &'static str, detail: impl Into<String>) -> Problem {
        Problem(Box::new(Said {
            type_: "about:blank",
            title: status.canonical_reason().unwrap_or("Error").to_string(),
            status: status.as_u16(),
            detail: detail.into(),
            kind,
            hint: None,
            trace: String::new(),
            errors: Vec::new(),
            retry_after: None,
        }))
    }

    fn change(mut self, change: impl FnOnce(&mut Said)) -> Problem {
        change(&mut self.0);
        self
    }

    /// Nobody said who asks, or it could not be believed.
    pub fn unidentified(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::UNAUTHORIZED, "unidentified", detail)
    }

    /// Who asks may not do this.
    pub fn refused(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::FORBIDDEN, "refused", detail)
    }

    /// Too much in too short a time; `seconds` until it may be tried again.
    pub fn limited(detail: impl Into<String>, seconds: u64) -> Problem {
        Problem::new(StatusCode::TOO_MANY_REQUESTS, "limited", detail).after(seconds)
    }

    /// The same, to be tried again after as many seconds.
    pub fn after(self, seconds: u64) -> Problem {
        self.change(|said| said.retry_after = Some(seconds.max(1)))
    }

    /// What is there no longer, never was, or is somebody else's: nobody can tell which.
    pub fn not_found(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    /// Fields that were wrong.
    pub fn wrong(errors: Vec<Wrong>) -> Problem {
        let said = match errors.as_slice() {
            [one] if one.field.is_empty() => one.detail.clone(),
            [one] => format!("{}: {}", one.field, one.detail),
            many => format!("{} fields are wrong", many.len()),
        };
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "usage", said).change(|said| said.errors = errors)
    }

    /// The same with a way forward.
    pub fn hint(self, hint: impl Into<String>) -> Problem {
        self.change(|said| said.hint = Some(hint.into()))
    }

    /// The same about this request.
    pub fn traced(self, trace: TraceId) -> Problem {
        self.change(|said| said.trace = trace.to_string())
    }
}

/// What a kind means over HTTP.
fn status_of(kind: Kind) -> StatusCode {
    match kind {
        Kind::Usage | Kind::BadData => StatusCode::UNPROCESSABLE_ENTITY,
        Kind::NotFound => StatusCode::NOT_FOUND,
        Kind::Refused => StatusCode::FORBIDDEN,
        Kind::Unreachable => StatusCode::BAD_GATEWAY,
        Kind::Missing => StatusCode::SERVICE_UNAVAILABLE,
        Kind::TimedOut => StatusCode::GATEWAY_TIMEOUT,
        Kind::Interrupted => StatusCode::SERVICE_UNAVAILABLE,
        Kind::Failed => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl From<Error> for Problem {
    /// What went wrong inside is for the log; it may name places and people.
    fn from(error: Error) -> Problem {
        let status = status_of(error.kind());
        let inside = status == StatusCode::INTERNAL_SERVER_ERROR;
        if inside {
            tracing::error!(error = error.full_message(), "a request failed");
        }
        let detail = if inside { error.message().to_string() } else { error.full_message() };
        let problem = Problem::new(status, error.kind().name(), detail);
        match error.way_forward() {
            Some(hint) => problem.hint(hint),
            None => problem,
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
