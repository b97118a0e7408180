//! The program as a server of the Model Context Protocol, over HTTP at `/mcp` and over standard input: commands are tools,
//! chats and the definitions of commands are resources, commands that are one prompt are prompts.
//!
//! Every request stands for itself: over HTTP it says who asks and nothing is kept between two of them, so that there is
//! no session that anybody could take over. Host and Origin are looked at where all requests are.

mod handler;
mod resources;

use std::sync::Arc;

use axum::body::Body;
use axum::http::Method;
use axum::response::{IntoResponse, Response};
use rmcp::ServiceExt;
use rmcp::transport::io::stdio;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use serde_json::json;

use self::handler::{Gone, Handler};
use super::access::Caller;
use super::desk::Desk;
use super::input;
use super::problem::Problem;
use super::reply::AsItIs;
use super::route::{RawCall, Route};
use crate::app::App;
use crate::kernel::error::{Context, Error, Kind, Result};

/// What a request may take, bytes.
const MOST: usize = 4 << 20;

/// What is offered when nobody says more: every command that is trusted and can be a tool.
pub const ALL: &str = "*";

/// The routes of the protocol: its clients post; nothing is ever sent to them unasked, so there is nothing to get.
pub fn routes() -> Vec<Route> {
    let speaks = |route: super::route::Draft| route.tag("mcp").unlisted().body_up_to(MOST).media("application/json");
    vec![
        speaks(Route::post("/mcp", "Speak the Model Context Protocol")).raw(answer),
        speaks(Route::get("/mcp", "Listen to the server, which says nothing unasked")).raw(answer),
        speaks(Route::delete("/mcp", "End a session, of which there are none")).raw(answer),
    ]
}

async fn answer(call: RawCall) -> Result<Response, Problem> {
    let caller = call.caller()?.clone();
    let (handler, mut request) = (Handler::new(call.server.desk.clone(), vec![ALL.to_string()]), call.request);
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .with_sse_keep_alive(None)
        .with_max_request_body_bytes(call.facts.most)
        .disable_allowed_hosts();
    // As long as somebody waits for the answer: when they go away, this future is dropped, and the handler sees it.
    let (_here, gone) = tokio::sync::watch::channel(());
    request.extensions_mut().insert(caller);
    request.extensions_mut().insert(Gone(gone));
    let bare = request.method() == Method::POST && !request.headers().contains_key(axum::http::header::ACCEPT);
    if bare {
        return Err(Problem::new(
            axum::http::StatusCode::NOT_ACCEPTABLE,
            "usage",
            "the client must accept application/json and text/event-stream",
        ));
    }
    let (parts, body) = request.into_parts();
    let body = input::bytes(body, call.facts.most).await?;
    if parts.method == Method::POST && serde_json::from_slice::<serde::de::IgnoredAny>(&body).is_err() {
        let said = json!({"jsonrpc": "2.0", "id": null, "error": {"code": -32700, "message": "this is no JSON"}});
        return Ok((axum::http::StatusCode::BAD_REQUEST, axum::Json(said)).into_response());
    }
    let request = axum::extract::Request::from_parts(parts, Body::from(body));
    let service =
        StreamableHttpService::new(move || Ok(handler.clone()), Arc::new(NeverSessionManager::default()), config);
    let mut response = service.handle(request).await.map(Body::new).into_response();
    response.extensions_mut().insert(AsItIs);
    Ok(response)
}

/// Speaks on standard input and output until that ends; what is offered fits one of the `patterns`.
///
/// # Errors
/// When it cannot be begun, or breaks off.
pub fn serve(app: &App, patterns: Vec<String>) -> Result<()> {
    app.store()?;
    let desk = Desk::new(app.another()?, 1)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .context(Kind::Failed, || "cannot start the network runtime".to_string())?;
    let caller = Caller::local(app.trace());
    let done = runtime.block_on(async {
        let handler = Handler::new(desk, patterns).of(caller);
        let begun = handler.serve(stdio()).await;
        let running = match begun {
            Ok(running) => running,
            // Whoever opens it and says nothing wanted nothing.
            Err(rmcp::service::ServerInitializeError::ConnectionClosed(_)) => return Ok(()),
            Err(error) => {
                return Err(
                    Error::new(Kind::Failed, "the client does not speak the Model Context Protocol").because(error)
                );
            }
        };
        running.waiting().await.map(drop).context(Kind::Failed, || "the server broke off".to_string())
    });
    // A thread may still wait for a line that nobody will write.
    runtime.shutdown_background();
    done
}
