//! Pages that ask from a browser: those from here, and those of the origins that the owner lists; nobody else (CORS is
//! denied by default, also where a browser would send the request anyway).

use axum::extract::Request;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, VARY,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::kernel::error::{Error, Kind, Result};

/// What a listed page may send along.
const SENT: &str = "authorization, content-type, accept, x-api-key, x-goog-api-key, anthropic-version, anthropic-beta, \
     if-match, if-none-match, last-event-id, mcp-session-id, mcp-protocol-version, traceparent, idempotency-key";
/// What a listed page may read.
const READ: &str = "etag, retry-after, ratelimit-limit, ratelimit-remaining, ratelimit-reset, mcp-session-id, traceparent, \
     www-authenticate, location";

/// The origins that the owner lists.
#[derive(Clone, Debug, Default)]
pub(super) struct Origins {
    listed: Vec<String>,
}

impl Origins {
    /// # Errors
    /// `Usage` for what is no origin; `*` is none, as it would let in everybody.
    pub(super) fn new(listed: &[String]) -> Result<Origins> {
        let read = |text: &String| {
            let origin = text.trim().trim_end_matches('/').to_ascii_lowercase();
            let (scheme, rest) = origin.split_once("://").unwrap_or_default();
            if scheme.is_empty() || rest.is_empty() || rest.contains(['/', '*', ' ', '?', '#', '@']) {
                return Err(Error::new(Kind::Usage, format!("{text:?} in serve.origins is no origin"))
                    .hint("write it like https://app.example.org, with a port where it has one"));
            }
            Ok(origin)
        };
        Ok(Origins { listed: listed.iter().map(read).collect::<Result<_>>()? })
    }

    /// Whether it stands in the list.
    pub(super) fn lists(&self, origin: &str) -> bool {
        self.listed.iter().any(|one| one.eq_ignore_ascii_case(origin))
    }

    /// Whether a page of `origin` may ask the server that it calls `host`.
    pub(super) fn may_ask(&self, origin: &str, host: &str) -> bool {
        let own = ["http://", "https://"].iter().filter_map(|scheme| {
            let (head, rest) = origin.split_at_checked(scheme.len())?;
            head.eq_ignore_ascii_case(scheme).then_some(rest)
        });
        self.lists(origin) || own.into_iter().any(|rest| rest.eq_ignore_ascii_case(host))
    }
}

/// The answer to a browser that asks whether it may ask.
pub(super) fn preflight(request: &Request) -> Option<Response> {
    let asks = request.method() == Method::OPTIONS && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    asks.then(|| {
        let headers = [
            (ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD, POST, PUT, PATCH, DELETE"),
            (ACCESS_CONTROL_ALLOW_HEADERS, SENT),
            (ACCESS_CONTROL_MAX_AGE, "600"),
        ];
        (StatusCode::NO_CONTENT, headers).into_response()
    })
}

/// Tells a listed page that it may read the answer, and caches that it depends on the page.
pub(super) fn tell(headers: &mut HeaderMap, page: Option<&str>) {
    headers.append(VARY, HeaderValue::from_static("Origin"));
    if let Some(Ok(page)) = page.map(HeaderValue::from_str) {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, page);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(READ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_is_no_origin() {
        for wrong in ["*", "https://*.example.org", "example.org", "https://", "https://a/b", "null", "https://u@a"] {
            assert_eq!(Origins::new(&[wrong.into()]).unwrap_err().kind(), Kind::Usage, "{wrong}");
        }
        let origins = Origins::new(&["https://App.example.org/".into(), "app://obsidian.md".into()]).unwrap();
        assert!(origins.lists("https://app.example.org") && origins.lists("app://obsidian.md"));
    }
}
