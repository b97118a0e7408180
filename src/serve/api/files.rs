//! `/api/v1/attachments`: the files of messages. Who may read a chat may read its files, and nobody else.

use axum::body::Body;
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::response::{IntoResponse, Response};
use base64::Engine;

use crate::app::App;
use crate::kernel::ids::Id;
use crate::providers::model::Part;
use crate::serve::access::Permission;
use crate::serve::problem::Problem;
use crate::serve::route::{RawCall, Route};

/// The routes.
pub fn routes() -> Vec<Route> {
    let get = Route::get("/api/v1/attachments/{id}", "A file of a message, as it was sent");
    vec![get.tag("messages").may(Permission::ChatRead).media("*/*").raw(file)]
}

async fn file(call: RawCall) -> Result<Response, Problem> {
    let caller = call.caller()?.clone();
    let id = call.params.get("id").cloned().unwrap_or_default();
    let (bytes, mime) = call.server.desk.sync(&caller, move |app| found(app, &id)).await?;
    let mut response = Body::from(bytes).into_response();
    let headers = response.headers_mut();
    let mime = HeaderValue::from_str(&mime).unwrap_or(HeaderValue::from_static("application/octet-stream"));
    headers.insert(CONTENT_TYPE, mime);
    // It is somebody's file: no browser is to take it for a page of ours.
    headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    Ok(response)
}

/// The bytes of a file, and what it is. Its id is that of its message, and its place there.
fn found(app: &App, id: &str) -> Result<(Vec<u8>, String), Problem> {
    let nothing = || Problem::not_found("there is no such file");
    let (message, place) = id.rsplit_once('.').ok_or_else(nothing)?;
    let place: usize = place.parse().map_err(|_| nothing())?;
    let message: Id = message.parse().map_err(|_| nothing())?;
    let store = app.store()?;
    // Its chat is there for whoever may read it.
    let found = store.thread_end(message, 1)?;
    let session = found.last().filter(|found| found.id == message).ok_or_else(nothing)?.session;
    let part = store.message(session, &message.to_string())?.parts.get(place).cloned().ok_or_else(nothing)?;
    match serde_json::from_value(part) {
        Ok(Part::File { mime, data, .. }) if !data.is_empty() => {
            let bytes = base64::engine::general_purpose::STANDARD.decode(data).map_err(|_| nothing())?;
            Ok((bytes, mime))
        }
        _ => Err(nothing()),
    }
}
