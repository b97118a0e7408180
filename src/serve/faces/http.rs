//! The faces over HTTP: which vendor is meant, bodies in, answers and faults out in that vendor's shape.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::Vendor;
use super::ask::{Question, Room, Telling, UnderWay};
use super::asked::{Asked, Label, Writer};
use super::fault::{Fault, Sort};
use crate::app::App;
use crate::kernel::ids::TraceId;
use crate::providers::entry::Wire;
use crate::serve::Server;
use crate::serve::access::Caller;
use crate::serve::input::{self, Params};
use crate::serve::problem::{MEDIA_TYPE, Problem};
use crate::serve::reply::AsItIs;
use crate::serve::route::RawCall;

/// What a question may take, bytes: pictures go along in it.
pub const MOST: usize = 64 << 20;
/// What is read again of a problem to give it another shape, bytes.
const PROBLEM: usize = 64 << 10;

/// The vendor whose client asks at this path, where it is one of the faces.
pub fn vendor_of(path: &str, headers: &HeaderMap) -> Option<Vendor> {
    let has = |name: &str| headers.contains_key(name);
    match path.strip_prefix('/')?.split('/').collect::<Vec<_>>().as_slice() {
        ["v1beta", ..] => Some(Vendor::Gemini),
        ["v1", "messages", ..] => Some(Vendor::Anthropic),
        // Three vendors list their models at one path, and Gemini asks there too.
        ["v1", "models", ..] if has("anthropic-version") => Some(Vendor::Anthropic),
        ["v1", "models", ..] if has("x-goog-api-key") || has("x-goog-api-client") || is_action(path) => {
            Some(Vendor::Gemini)
        }
        ["v1", ..] => Some(Vendor::OpenAi),
        ["api", "v1", ..] => None,
        ["api", "tags" | "chat" | "generate" | "version" | "show" | "ps" | "embed" | "embeddings", ..] => {
            Some(Vendor::Ollama)
        }
        _ => None,
    }
}

/// Whether a path ends with what a model of Gemini is asked to do; names of models may hold colons too.
fn is_action(path: &str) -> bool {
    path.rsplit_once(':').is_some_and(|(_, action)| action.ends_with("Content") || action.ends_with("Tokens"))
}

/// Says every problem at a face in its vendor's shape, whoever found it.
pub async fn in_shape(request: Request, next: Next) -> Response {
    let path = request.uri().path().replace("%3A", ":").replace("%3a", ":");
    let Some(vendor) = vendor_of(&path, request.headers()) else { return next.run(request).await };
    let response = next.run(request).await;
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    if kind != Some(MEDIA_TYPE) || response.headers().contains_key(CONTENT_ENCODING) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, PROBLEM).await.unwrap_or_default();
    let problem: Value = serde_json::from_slice(&body).unwrap_or_default();
    let text = |name: &str| problem[name].as_str().unwrap_or_default();
    let hint = Some(text("hint")).filter(|hint| !hint.is_empty()).map(|hint| format!(" ({hint})")).unwrap_or_default();
    let fault = Fault::new(parts.status.as_u16(), format!("{}{hint}", text("detail")));
    let body = fault.body(vendor, text("trace")).to_string();
    parts.headers.remove(CONTENT_LENGTH);
    parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Response::from_parts(parts, Body::from(body))
}

/// What a raw route answers.
pub type Answered = Result<Response, Problem>;

/// A fault as the vendor says it.
pub fn refuse(vendor: Vendor, fault: &Fault, trace: TraceId) -> Response {
    let status = StatusCode::from_u16(fault.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = json(status, &fault.body(vendor, &trace.to_string()));
    let headers = response.headers_mut();
    if let Some(seconds) = fault.retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    // Its client would send the same again, for which the answer is the same.
    if vendor == Vendor::OpenAi && matches!(fault.sort, Sort::NoModel | Sort::TooLong) {
        headers.insert("x-should-retry", HeaderValue::from_static("false"));
    }
    tag(response, vendor, trace)
}

/// A JSON answer.
pub fn json(status: StatusCode, value: &Value) -> Response {
    let mut response = (status, value.to_string()).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Names the request where the vendor's client looks for its name.
pub fn tag(mut response: Response, vendor: Vendor, trace: TraceId) -> Response {
    let name = match vendor {
        Vendor::OpenAi => "x-request-id",
        Vendor::Anthropic => "request-id",
        Vendor::Gemini | Vendor::Ollama => return response,
    };
    if let Ok(value) = HeaderValue::from_str(&trace.to_string()) {
        response.headers_mut().insert(HeaderName::from_static(name), value);
    }
    response
}

/// A request without its body.
pub struct Call {
    /// The rooms.
    pub server: Arc<Server>,
    /// Who asks.
    pub caller: Caller,
    /// The request's name in the logs.
    pub trace: TraceId,
    /// What stands in the path.
    pub params: Params,
    /// What stands behind the `?`.
    pub query: Params,
    /// Whose client asks.
    pub vendor: Vendor,
    /// The headers.
    pub headers: HeaderMap,
}

impl Call {
    /// Takes a request apart.
    ///
    /// # Errors
    /// When nobody said who asks.
    pub fn of(call: RawCall) -> Result<(Call, Body), Problem> {
        let caller = call.caller()?.clone();
        let (parts, body) = call.request.into_parts();
        let path = parts.uri.path().replace("%3A", ":").replace("%3a", ":");
        let vendor = vendor_of(&path, &parts.headers).unwrap_or(Vendor::OpenAi);
        let query = parts.uri.query().unwrap_or_default();
        let query = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let (server, trace, params) = (call.server, call.trace, call.params);
        Ok((Call { server, caller, trace, params, query, vendor, headers: parts.headers }, body))
    }
}

/// A request with its body.
pub struct Taken {
    /// The request.
    pub call: Call,
    /// Its body.
    pub bytes: Bytes,
}

impl Taken {
    /// Takes the body.
    ///
    /// # Errors
    /// When it is too large, or does not come.
    pub async fn of(call: RawCall) -> Result<Taken, Problem> {
        let most = call.facts.most;
        let (call, body) = Call::of(call)?;
        Ok(Taken { call, bytes: input::bytes(body, most).await? })
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// When it is none.
    pub fn json(&self) -> Result<Value, Fault> {
        serde_json::from_slice(&self.bytes).map_err(|error| Fault::new(400, format!("the body is no JSON: {error}")))
    }
}

/// What asking needs, for whoever asks.
///
/// # Errors
/// When the rooms do not open, or the budget is spent.
pub async fn room(call: &Call) -> Result<Room, Fault> {
    let person = call.caller.person();
    let (faces, generation) = (call.server.faces.clone(), call.server.desk.generation());
    let open = move |app: &App| Room::open(app, &faces.models(app, generation)?, person);
    let opened = call.server.desk.sync(&call.caller, open).await;
    opened.map_err(|error| Fault::of(&error))
}

/// Asks and answers, whole or piece by piece. `own` is the tongue of the face; `writer` is made of the answer's name.
pub async fn answer(
    call: &Call,
    vendor: Vendor,
    own: Wire,
    asked: Result<Asked, Fault>,
    writer: impl FnOnce(Label) -> Box<dyn Writer>,
) -> Response {
    let told = async {
        let asked = asked?;
        let stream = asked.stream;
        let question = room(call).await?.prepare(asked, own).await?;
        let writer = writer(question.label());
        let under_way = UnderWay::begin(&call.server.live)?;
        if stream { streamed(question, writer, under_way).await } else { whole(question, writer, under_way).await }
    };
    match told.await {
        Ok(response) => tag(response, vendor, call.trace),
        Err(fault) => refuse(vendor, &fault, call.trace),
    }
}

async fn whole(question: Question, writer: Box<dyn Writer>, under_way: UnderWay) -> Result<Response, Fault> {
    let answer = under_way.bound(question.ask(Default::default())).await?;
    Ok(json(StatusCode::OK, &writer.whole(&answer)))
}

async fn streamed(question: Question, writer: Box<dyn Writer>, under_way: UnderWay) -> Result<Response, Fault> {
    let media = writer.framing().media_type();
    let telling = Telling::begin(question, writer, under_way).await?;
    let mut response = Body::from_stream(telling).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    // Whoever stands between keeps nothing back.
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    response.extensions_mut().insert(AsItIs);
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vendors_are_told_apart() {
        let none = HeaderMap::new();
        let with =
            |name: &'static str| HeaderMap::from_iter([(HeaderName::from_static(name), HeaderValue::from_static("x"))]);
        for (path, headers, wanted) in [
            ("/v1/models", &none, Some(Vendor::OpenAi)),
            ("/v1/models", &with("anthropic-version"), Some(Vendor::Anthropic)),
            ("/v1/models", &with("x-goog-api-key"), Some(Vendor::Gemini)),
            ("/v1/models/ollama/llama3:8b", &none, Some(Vendor::OpenAi)),
            ("/v1/models/a/b:generateContent", &none, Some(Vendor::Gemini)),
            ("/v1/models/a/b:7b:countTokens", &none, Some(Vendor::Gemini)),
            ("/v1beta/models", &none, Some(Vendor::Gemini)),
            ("/v1/messages/count_tokens", &none, Some(Vendor::Anthropic)),
            ("/v1/chat/completions", &with("anthropic-version"), Some(Vendor::OpenAi)),
            ("/api/chat", &none, Some(Vendor::Ollama)),
            ("/api/v1/models", &none, None),
            ("/openapi.json", &none, None),
            ("/", &none, None),
        ] {
            assert_eq!(vendor_of(path, headers), wanted, "{path}");
        }
    }
}
