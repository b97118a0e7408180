//! From the client library's errors to ours: which sort it is, and a sentence that names the host and holds no secret.

use std::str::Utf8Error;
use std::string::FromUtf8Error;

use serde_json::Value;

use super::entry::Entry;
use super::failure::{Failure, FailureKind};
use crate::kernel::duration::human_ms;
use crate::kernel::http::{self, HeaderMap};
use crate::kernel::secret::Redactor;

/// At most so many characters of what a provider says about an error.
const LONGEST: usize = 400;

/// The failure behind an error of the library.
pub(super) fn of_library(error: &genai::Error, entry: &Entry, model: &str) -> Failure {
    match error {
        genai::Error::HttpError { status, body, headers, .. } => {
            of_status(status.as_u16(), headers, body, entry, model)
        }
        genai::Error::WebStream { error, .. } => match error.downcast_ref::<genai::Error>() {
            Some(inner) => of_library(inner, entry, model),
            None if error.is::<FromUtf8Error>() || error.is::<Utf8Error>() => {
                Failure::new(FailureKind::Broken, model, format!("{model} sent bytes that are no text"))
            }
            None => of_connection(&**error, entry, model),
        },
        genai::Error::ChatResponse { body, .. } => {
            in_stream(entry, model, &message_in(body).unwrap_or_else(|| body.to_string()))
        }
        genai::Error::StreamParse { .. }
        | genai::Error::JsonValueExt(_)
        | genai::Error::InvalidJsonResponseElement { .. } => {
            Failure::new(FailureKind::Broken, model, format!("{model} sent something that is no answer"))
                .hint(format!("is providers.{}.wire right for this server?", entry.name))
        }
        genai::Error::WebModelCall { webc_error, .. } | genai::Error::WebAdapterCall { webc_error, .. } => {
            of_connection(webc_error, entry, model)
        }
        other => {
            let said = redacted(entry, &other.to_string());
            Failure::new(FailureKind::BadRequest, model, format!("{model} cannot be asked this: {said}"))
        }
    }
}

/// The failure that a provider told in the middle of its answer.
pub(super) fn in_stream(entry: &Entry, model: &str, said: &str) -> Failure {
    let said = redacted(entry, said);
    Failure::new(FailureKind::InStream, model, format!("{model} broke off with an error: {said}"))
}

/// The failure of an answer in which nothing was that a stream of this wire is made of.
pub(super) fn no_stream(entry: &Entry, model: &str) -> Failure {
    let said = format!("{model} answered with something that is no stream of an answer");
    let hint = format!(
        "look what answers at {} (a web page? a proxy's error?); providers.{}.url and .wire say where and how it is asked",
        entry.url, entry.name
    );
    Failure::new(FailureKind::Broken, model, said).hint(hint)
}

fn of_connection(error: &(dyn std::error::Error + 'static), entry: &Entry, model: &str) -> Failure {
    let host = host(entry);
    let said = http::unreachable(&host, error);
    let kind = if http::is_passing(error) { FailureKind::Broken } else { FailureKind::NoConnection };
    let failure = Failure::new(kind, model, redacted(entry, &said.full_message()));
    match (said.way_forward(), http::is_local(&entry.url)) {
        (_, true) if failure.kind == FailureKind::NoConnection => {
            failure.hint(format!("is the server of `{}` running? Its address is {}", entry.name, entry.url))
        }
        (Some(hint), _) => failure.hint(hint),
        (None, _) => failure,
    }
}

/// The failure that a status stands for. The vendors agree on the numbers and on little else.
pub(super) fn of_status(status: u16, headers: &HeaderMap, body: &str, entry: &Entry, model: &str) -> Failure {
    let parsed: Option<Value> = serde_json::from_str(body).ok();
    let said = parsed.as_ref().and_then(message_in).unwrap_or_else(|| body.trim().to_string());
    let said = redacted(entry, &said);
    let retry_after_ms = retry_after(headers);
    let lower = said.to_lowercase();
    let is_long = [
        "context length",
        "context window",
        "context_length",
        "too long",
        "maximum context",
        "too many tokens",
        "exceeds the maximum number of tokens",
    ]
    .iter()
    .any(|word| lower.contains(word));
    let because = if said.is_empty() { String::new() } else { format!(": {said}") };
    let host = host(entry);
    // Gemini answers a wrong key with 400: https://ai.google.dev/gemini-api/docs/troubleshooting
    let wrong_key = status == 400 && body.contains("API_KEY_INVALID");
    match status {
        300..400 => elsewhere(status, headers, entry, model),
        _ if wrong_key || matches!(status, 401 | 403) => {
            let failure = Failure::new(FailureKind::Auth, model, format!("{host} does not accept the key{because}"));
            failure.hint(match &entry.key_from {
                Some(from) if entry.key.is_some() => format!("the key comes from {from}; renew it there"),
                Some(from) => format!("set {from}"),
                None => format!(
                    "`fac secret set {0}` keeps one; `fac config set providers.{0}.secret {0}` uses it",
                    entry.name
                ),
            })
        }
        404 => {
            Failure::new(FailureKind::NotFound, model, format!("{host} has no model or address for {model}{because}"))
                .hint(format!("`fac models ls` lists what there is; the address is {}", entry.url))
        }
        429 => Failure::new(
            FailureKind::RateLimited { retry_after_ms },
            model,
            format!("{host} has had too many requests{because}"),
        )
        .hint(match retry_after_ms.filter(|ms| *ms > 1000) {
            Some(ms) => format!("it asks to wait {}; or name another model with -m", human_ms(ms)),
            None => "wait, or name another model with -m".to_string(),
        }),
        408 | 409 | 425 | 500.. => Failure::new(
            FailureKind::Server { status, retry_after_ms },
            model,
            format!("{host} has trouble (status {status}){because}"),
        )
        .hint("try again in a moment, or name another model with -m"),
        _ if is_long => Failure::new(FailureKind::TooLong, model, format!("this is too long for {model}{because}"))
            .hint("shorten it, or name a model with a larger context"),
        _ => Failure::new(
            FailureKind::BadRequest,
            model,
            format!("{host} refuses the request (status {status}){because}"),
        )
        .hint("see `fac models info` for what the model can do"),
    }
}

/// Redirects are not followed: the key and the question would go to somebody else.
fn elsewhere(status: u16, headers: &HeaderMap, entry: &Entry, model: &str) -> Failure {
    let place = headers.get("location").and_then(|v| v.to_str().ok()).unwrap_or("nowhere");
    let said = format!("{} sends the question elsewhere (status {status}): to {}", host(entry), redacted(entry, place));
    let hint =
        format!("it was not followed; if that is the right address: fac config set providers.{}.url …", entry.name);
    Failure::new(FailureKind::NotFound, model, said).hint(hint)
}

/// The sentence inside a vendor's error object.
pub(super) fn message_in(body: &Value) -> Option<String> {
    let of = |v: &Value| match v {
        Value::String(text) => Some(text.clone()),
        other => other.get("message").and_then(Value::as_str).map(String::from),
    };
    let body = body.get(0).unwrap_or(body);
    body.get("error").and_then(of).or_else(|| of(body)).or_else(|| body.get("detail").and_then(of))
}

/// How long a provider asks to wait, milliseconds: `retry-after-ms`, or `retry-after` in seconds or as a date.
fn retry_after(headers: &HeaderMap) -> Option<u64> {
    let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).map(str::trim);
    if let Some(ms) = text("retry-after-ms").and_then(|t| t.parse::<f64>().ok()).filter(|ms| *ms >= 0.0) {
        return Some(ms as u64);
    }
    let after = text("retry-after")?;
    if let Some(seconds) = after.parse::<f64>().ok().filter(|s| *s >= 0.0) {
        return Some((seconds * 1000.0) as u64);
    }
    let at = jiff::fmt::rfc2822::parse(after).ok()?.timestamp();
    let now = jiff::Timestamp::now();
    u64::try_from(at.as_millisecond().saturating_sub(now.as_millisecond())).ok()
}

fn host(entry: &Entry) -> String {
    let host = url::Url::parse(&entry.url).ok().and_then(|u| u.host_str().map(String::from));
    match host {
        Some(host) if !http::is_local(&entry.url) => host,
        _ => entry.name.clone(),
    }
}

/// What a provider says, short, on one line and without our key.
fn redacted(entry: &Entry, text: &str) -> String {
    let redactor = Redactor::default();
    if let Some(key) = &entry.key {
        redactor.learn_any(key);
    }
    let text = redactor.redact(text).split_whitespace().collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}
