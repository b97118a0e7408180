//! Failures of a server as sentences that name it: from the protocol library's errors and what the diary saw.

use std::error::Error as StdError;
use std::time::Duration;

use rmcp::model::ErrorData;
use rmcp::service::{ClientInitializeError, ServiceError};
use rmcp::transport::DynamicTransportError;
use rmcp::transport::streamable_http_client::StreamableHttpError;

use super::diary::{Diary, MAX_LINE};
use super::{Place, Server};
use crate::kernel::error::{Error, Kind};
use crate::kernel::http::{self, ClientError};
use crate::kernel::terminal::safe_line;

/// How much of a server's own words is repeated, in characters.
const WORDS: usize = 400;

/// Why a server could not be spoken to.
pub(super) fn of_start(server: &Server, error: &ClientInitializeError, diary: &Diary, ended: Option<String>) -> Error {
    match error {
        ClientInitializeError::TransportError { error, .. } => match of_transport(server, error) {
            Some(error) => error,
            None => gone(server, diary, ended),
        },
        ClientInitializeError::JsonRpcError(data) => of_answer(server, "it would not begin", data),
        ClientInitializeError::ConnectionClosed(_) | ClientInitializeError::Cancelled => gone(server, diary, ended),
        ClientInitializeError::NoCompatibleProtocolVersion { .. } => {
            about(server, Kind::BadData, "speaks no version of the protocol that is known here")
                .hint("a newer version of it may help")
        }
        other => {
            let words = short(&other.to_string());
            about(server, Kind::BadData, "does not begin as the protocol asks").because(words)
        }
    }
}

/// Why a question to a server has no answer. `doing` is what was asked: `list its tools`, `read`.
pub(super) fn of_call(
    server: &Server,
    doing: &str,
    error: &ServiceError,
    diary: &Diary,
    ended: Option<String>,
) -> Error {
    match error {
        ServiceError::McpError(data) => of_answer(server, &format!("{doing} failed"), data),
        ServiceError::TransportSend(error) => of_transport(server, error).unwrap_or_else(|| gone(server, diary, ended)),
        ServiceError::TransportClosed | ServiceError::Cancelled { .. } => gone(server, diary, ended),
        ServiceError::Timeout { timeout } => late(server, doing, *timeout, diary),
        ServiceError::InputRequiredRoundsExceeded { .. } => {
            about(server, Kind::Failed, &format!("wants to ask the person something for {doing}, which is not offered"))
        }
        other => about(server, Kind::BadData, &format!("gave an answer for {doing} that is none"))
            .because(short(&other.to_string())),
    }
}

/// The server ended, or closed its output.
pub(super) fn gone(server: &Server, diary: &Diary, ended: Option<String>) -> Error {
    let (what, hint) = match &server.place {
        Place::Address { .. } => ("closed the connection".to_string(), "try again".to_string()),
        Place::Program { command, .. } => {
            let how = ended.map_or_else(|| "closed its output".to_string(), |how| format!("ended ({how})"));
            (how, format!("start it by hand to see why: {}", shown_command(command)))
        }
    };
    let error = about(server, Kind::Unreachable, &what).hint(hint);
    match (diary.last_words(), diary.stray()) {
        (Some(words), _) => error.because(format!("its last words: {words}")),
        (None, Some((line, _))) => error.because(format!("it printed {line:?}, which is no message")),
        (None, None) => error,
    }
}

/// The server did not answer in time.
pub(super) fn late(server: &Server, doing: &str, after: Duration, diary: &Diary) -> Error {
    let seconds = after.as_secs_f64();
    let error = about(server, Kind::TimedOut, &format!("did not answer within {seconds} s ({doing})"))
        .hint(format!("give it more time: fac config set mcp.{}.timeout 5m", server.name));
    match (diary.stray(), diary.last_words()) {
        (Some((line, count)), _) => {
            let lines = if count == 1 { "a line".to_string() } else { format!("{count} lines") };
            error.because(format!("it printed {lines} on its stdout that are no messages, the first one {line:?}"))
        }
        (None, Some(words)) => error.because(format!("its last words: {words}")),
        (None, None) => error,
    }
}

/// A line was too long to be read.
pub(super) fn too_long(server: &Server, doing: &str) -> Error {
    about(server, Kind::BadData, &format!("answered with more than {} MB in one message ({doing})", MAX_LINE >> 20))
        .hint("ask for less at once")
}

/// The server's own error. Its words are the server's: they are cut, and shown as text only.
fn of_answer(server: &Server, what: &str, data: &ErrorData) -> Error {
    about(server, Kind::Failed, &format!("says that {what}: {} ({})", short(&data.message), data.code.0))
}

/// What went wrong on the way; `None` when there was no way any more.
fn of_transport(server: &Server, error: &DynamicTransportError) -> Option<Error> {
    let inner = error.error.as_ref();
    let Some(error) = inner.downcast_ref::<StreamableHttpError<ClientError>>() else {
        let why = || about(server, Kind::Unreachable, "cannot be reached").because(inner.to_string());
        return (!is_cut(inner)).then(why);
    };
    let host = match &server.place {
        Place::Address { url, .. } => url.host_str().unwrap_or("its host").to_string(),
        Place::Program { .. } => server.name.clone(),
    };
    let wanted = || {
        format!("store a token with `fac secret set NAME` and name it: fac config set mcp.{}.secret NAME", server.name)
    };
    Some(match error {
        StreamableHttpError::Client(error) => {
            let cause = http::unreachable(&host, error);
            let hint = cause.way_forward().unwrap_or("try again").to_string();
            about(server, Kind::Unreachable, "does not answer").hint(hint).because(cause.full_message())
        }
        StreamableHttpError::AuthRequired(_) => about(server, Kind::Refused, "wants a token (HTTP 401)").hint(wanted()),
        StreamableHttpError::InsufficientScope(_) => {
            about(server, Kind::Refused, "wants another token (HTTP 403)").hint(wanted())
        }
        StreamableHttpError::HttpStatus(status) => {
            let after = status.retry_after.as_deref().map(|after| format!(", try again after {}", short(after)));
            let what = format!("answered with HTTP {}{}", status.status, after.unwrap_or_default());
            about(server, Kind::Unreachable, &what).hint("try again later")
        }
        StreamableHttpError::UnexpectedServerResponse(words) => of_status(server, words, wanted),
        StreamableHttpError::UnexpectedContentType(kind) => {
            let kind = kind.as_deref().map_or_else(|| "nothing that says what it is".to_string(), short);
            about(server, Kind::BadData, &format!("answered with {kind}, which is not MCP")).hint("check its address")
        }
        StreamableHttpError::ResponseBodyTooLarge { max_size } => {
            about(server, Kind::BadData, &format!("answered with more than {} MB", max_size >> 20))
                .hint("ask for less at once")
        }
        StreamableHttpError::SessionExpired => about(server, Kind::Unreachable, "forgot the session").hint("try again"),
        other => about(server, Kind::Unreachable, "does not answer").because(short(&other.to_string())),
    })
}

/// A status that is no success: `HTTP 302 Found: …`.
fn of_status(server: &Server, words: &str, wanted: impl Fn() -> String) -> Error {
    let status = words.strip_prefix("HTTP ").and_then(|rest| rest.get(..3)).and_then(|n| n.parse::<u16>().ok());
    let Some(status) = status else {
        return about(server, Kind::BadData, "gave an answer that is none").because(short(words));
    };
    let name = &server.name;
    match status {
        300..=399 => {
            about(server, Kind::Refused, &format!("answered with a redirect (HTTP {status}), which is not followed"))
                .hint(format!("set the address it leads to: fac config set mcp.{name}.url URL"))
        }
        401 | 403 => about(server, Kind::Refused, &format!("wants a token (HTTP {status})")).hint(wanted()),
        404 | 405 => about(server, Kind::NotFound, &format!("is not at its address (HTTP {status})"))
            .hint(format!("check the path, often /mcp: fac config set mcp.{name}.url URL")),
        _ => about(server, Kind::Unreachable, &format!("answered with HTTP {status}"))
            .because(short(words.split_once(": ").map_or(words, |(_, body)| body))),
    }
}

fn about(server: &Server, kind: Kind, what: &str) -> Error {
    Error::new(kind, format!("the MCP server `{}` {what}", server.name))
}

/// A program's pipe that nobody reads any more.
fn is_cut(error: &(dyn StdError + 'static)) -> bool {
    use std::io::ErrorKind::{BrokenPipe, NotConnected, UnexpectedEof};
    let broken = error.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
    matches!(broken, Some(BrokenPipe | NotConnected | UnexpectedEof))
}

/// Foreign words on one line, without control characters, cut.
fn short(words: &str) -> String {
    let line = words.split_whitespace().collect::<Vec<_>>().join(" ");
    safe_line(&line).chars().take(WORDS).collect()
}

/// A command as it would be typed.
pub(super) fn shown_command(command: &[String]) -> String {
    let words = shlex::try_join(command.iter().map(String::as_str)).unwrap_or_default();
    safe_line(&words).into_owned()
}
