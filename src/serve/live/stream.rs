//! Frames as server-sent events: `id`, `event`, `data`, and a comment now and then so that nobody in between hangs up.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use futures_util::stream;

use super::outbox::{Frame, Inbox};
use crate::serve::reply::AsItIs;
use crate::serve::route::EVENTS;

/// So long nothing may come.
const BEAT: Duration = Duration::from_secs(15);

/// What comes, as a body that ends when nothing more comes. `kept` lives as long.
pub(super) fn answer<K: Send + 'static>(inbox: Inbox, kept: K) -> Response {
    let begun = Bytes::from_static(b": \n\n");
    let frames = stream::unfold((inbox, kept, Some(begun)), |(mut inbox, kept, first)| async move {
        if let Some(first) = first {
            return Some((Ok::<_, std::convert::Infallible>(first), (inbox, kept, None)));
        }
        match tokio::time::timeout(BEAT, inbox.take()).await {
            Err(_) => Some((Ok(Bytes::from_static(b": \n\n")), (inbox, kept, None))),
            Ok(None) => None,
            Ok(Some(frame)) => {
                inbox.sent(&frame);
                Some((Ok(Bytes::from(written(&frame))), (inbox, kept, None)))
            }
        }
    });
    let mut response = Body::from_stream(frames).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(EVENTS));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    response.extensions_mut().insert(AsItIs);
    response
}

/// A frame; JSON has no line ends, so its data is one line.
fn written(frame: &Frame) -> String {
    let id = frame.position.as_ref().map_or_else(String::new, |position| format!("id: {position}\n"));
    format!("{id}event: {}\ndata: {}\n\n", frame.kind, frame.body)
}
