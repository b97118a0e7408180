//! `/ws`: one socket on which many things happen at once. Frames come and go as JSON objects with a type; what goes bears
//! a `seq`, and the id of what it answers.
//!
//! Who it is may be said by a header, by a ticket in the address, or by the first frame. What a socket may hold is
//! bounded; a reader that is too slow is cut off with code 1013 and goes on where it was by `after`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::json;

use super::Phase;
use super::frame::{Asked, LONGEST};
use super::outbox::{Inbox, outbox};
use super::standing::Standing;
use super::talks::{IN_FLIGHT, SUBSCRIPTIONS, Talks};
use crate::serve::Server;
use crate::serve::access::{Caller, credential};
use crate::serve::limits::FREE;
use crate::serve::problem::Problem;
use crate::serve::route::{RawCall, Route};
use crate::serve::traced::Traced;

/// Open sockets of one server.
const MOST: i64 = 20_000;
/// So long somebody may take to say who they are.
const WHO: Duration = Duration::from_secs(10);
/// So long a frame may take to be taken.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it is asked whether the other side is there.
const BEAT: Duration = Duration::from_secs(30);
/// The time for the last words.
const LAST: Duration = Duration::from_secs(1);
/// What is read and written at once, bytes; thousands of sockets are idle.
const BUFFER: usize = 4 << 10;

/// The route.
pub fn routes() -> Vec<Route> {
    let socket = Route::get("/ws", "Open a socket for chats, runs and events");
    // It asks by itself who it is, and counts them then.
    vec![socket.tag("live").public().bucket(FREE, 0).refuses(&[401, 426]).media("application/json").raw(open)]
}

/// Why a socket ends: the code and the reason of its last frame.
#[derive(Clone, Debug)]
pub(super) struct End(u16, &'static str);

async fn open(call: RawCall) -> Result<Response, Problem> {
    static NUMBER: AtomicU64 = AtomicU64::new(1);
    let RawCall { server, request, .. } = call;
    let traced = Traced::of(&request);
    let (mut parts, _) = request.into_parts();
    let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &()).await.map_err(|_| {
        Problem::new(StatusCode::UPGRADE_REQUIRED, "usage", "this is for WebSockets")
            .hint("ask with Upgrade: websocket")
    })?;
    let caller = match (shows(&parts.headers), ticket(parts.uri.query())) {
        (true, _) => Some(server.access.who(&parts.headers, traced.address, traced.trace)),
        (false, Some(ticket)) => Some(server.access.redeem(&ticket, traced.address, traced.trace)),
        (false, None) => None,
    };
    let known = caller.as_ref().and_then(|caller| caller.as_ref().ok());
    server.limits.admit(known, traced.address, None)?;
    let caller = caller.transpose()?;
    if *server.live.phase().borrow() != Phase::Serving {
        drop(server.live.begin()?);
    }
    if server.metrics.sockets.get() >= MOST {
        let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "limited", "too many sockets are open");
        return Err(problem.after(30));
    }
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let upgrade = upgrade.protocols(["factotum.v1"]).max_message_size(LONGEST).max_frame_size(LONGEST);
    let upgrade = upgrade.read_buffer_size(BUFFER).write_buffer_size(BUFFER);
    Ok(upgrade.on_upgrade(move |socket| serve(server, socket, caller, traced, number)))
}

fn shows(headers: &HeaderMap) -> bool {
    ["authorization", "x-api-key", "api-key", "x-goog-api-key"].iter().any(|name| headers.contains_key(*name))
}

fn ticket(query: Option<&str>) -> Option<String> {
    let mut pairs = url::form_urlencoded::parse(query?.as_bytes());
    pairs.find(|(name, _)| name == "ticket").map(|(_, value)| value.into_owned())
}

/// One socket that is counted while it lives.
struct Open(Arc<Server>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.metrics.sockets.dec();
    }
}

async fn serve(server: Arc<Server>, mut socket: WebSocket, caller: Option<Caller>, traced: Traced, number: u64) {
    server.metrics.sockets.inc();
    let _open = Open(server.clone());
    let caller = match caller {
        Some(caller) => caller,
        None => match tokio::time::timeout(WHO, introduced(&server, &mut socket, traced)).await {
            Ok(Some(caller)) => caller,
            _ => {
                let frame = CloseFrame { code: close_code::POLICY, reason: "say who you are".into() };
                let _ = tokio::time::timeout(LAST, socket.send(Message::Close(Some(frame)))).await;
                return;
            }
        },
    };
    let _there = server.live.attend();
    let (out, mut inbox) = outbox();
    let limits = json!({"frame_bytes": LONGEST, "subscriptions": SUBSCRIPTIONS, "in_flight": IN_FLIGHT});
    out.put(
        None,
        "hello",
        json!({"user": caller.name, "role": caller.role, "trace": caller.trace.to_string(), "limits": limits}),
    );
    let mut talks = Talks::new(server.clone(), caller, out, number);
    let (mut sink, mut stream) = socket.split();
    let mut seq = 0;
    let end = tokio::select! {
        end = write(&mut sink, &mut inbox, &mut seq) => end,
        end = read(&server, &mut stream, &mut talks) => end,
    };
    if end.0 == close_code::AGAIN {
        server.metrics.cut_off.inc();
    }
    // What is under way is stopped, and its end is written down; nobody hears it any more.
    talks.leave();
    let last = async {
        if end.0 == close_code::AWAY {
            while let Some(frame) = inbox.at_once() {
                seq += 1;
                sink.feed(Message::text(numbered(seq, &frame.body))).await?;
            }
        }
        sink.send(Message::Close(Some(CloseFrame { code: end.0, reason: end.1.into() }))).await?;
        sink.close().await
    };
    let _ = tokio::time::timeout(LAST, last).await;
}

/// Who it is, by the first frame.
async fn introduced(server: &Arc<Server>, socket: &mut WebSocket, traced: Traced) -> Option<Caller> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Who {
        token: Option<String>,
        ticket: Option<String>,
    }
    loop {
        let text = match socket.recv().await?.ok()? {
            Message::Text(text) => text,
            Message::Ping(_) | Message::Pong(_) => continue,
            _ => return None,
        };
        let asked = Asked::read(&text).ok().filter(|asked| asked.kind == "auth")?;
        let who: Who = asked.rest().ok()?;
        return match (who.token, who.ticket) {
            (Some(token), None) => {
                let mut headers = HeaderMap::new();
                headers.insert(AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {token}")).ok()?);
                credential::shown(&headers).ok()?;
                let caller = server.access.who(&headers, traced.address, traced.trace).ok()?;
                server.limits.admit(Some(&caller), traced.address, None).ok()?;
                Some(caller)
            }
            (None, Some(ticket)) => server.access.redeem(&ticket, traced.address, traced.trace).ok(),
            _ => None,
        };
    }
}

fn numbered(seq: u64, body: &str) -> String {
    format!("{{\"seq\":{seq},{}", body.get(1..).unwrap_or("}"))
}

/// Sends what waits, and asks now and then whether somebody is there.
async fn write(sink: &mut SplitSink<WebSocket, Message>, inbox: &mut Inbox, seq: &mut u64) -> End {
    const SLOW: End = End(close_code::AGAIN, "you read too slowly; come back and say after=POSITION");
    const GONE: End = End(close_code::NORMAL, "");
    loop {
        let next = tokio::time::timeout(BEAT, inbox.take()).await;
        let sending = async {
            let mut frame = match next {
                Err(_) => return sink.send(Message::Ping(Vec::new().into())).await.map_err(|_| GONE),
                Ok(None) => return Err(SLOW),
                Ok(Some(frame)) => frame,
            };
            loop {
                *seq += 1;
                sink.feed(Message::text(numbered(*seq, &frame.body))).await.map_err(|_| GONE)?;
                inbox.sent(&frame);
                match inbox.at_once() {
                    Some(next) => frame = next,
                    None => break,
                }
            }
            sink.flush().await.map_err(|_| GONE)
        };
        match tokio::time::timeout(PATIENCE, sending).await {
            Ok(Ok(())) => {}
            Ok(Err(end)) => return end,
            Err(_) => {
                inbox.cut();
                return SLOW;
            }
        }
    }
}

const NOT_GOOD: End = End(close_code::POLICY, "what you showed is not good any more");

/// Does what the frames say, until the socket is to end.
async fn read(server: &Arc<Server>, stream: &mut SplitStream<WebSocket>, talks: &mut Talks) -> End {
    let mut phase = server.live.phase();
    let mut standing = Standing::new(server.live.hub(), talks.caller());
    let mut beat = tokio::time::interval_at(tokio::time::Instant::now() + BEAT, BEAT);
    let mut silent = 0;
    loop {
        let ending = *phase.borrow_and_update() != Phase::Serving;
        if ending && talks.is_idle() {
            return End(close_code::AWAY, "the server is ending");
        }
        let message = tokio::select! {
            message = stream.next() => message,
            () = talks.one_ends() => continue,
            _ = phase.changed(), if !ending => continue,
            _ = beat.tick() => {
                silent += 1;
                if silent > 3 {
                    return End(close_code::AWAY, "nothing was heard of you");
                }
                continue;
            }
            () = standing.asks_again() => {
                if !talks.is_still_known() {
                    return NOT_GOOD;
                }
                continue;
            }
        };
        silent = 0;
        match message {
            None | Some(Ok(Message::Close(_))) => return End(close_code::NORMAL, ""),
            Some(Ok(Message::Text(text))) => talks.hear(&text),
            Some(Ok(Message::Binary(_))) => return End(close_code::UNSUPPORTED, "frames are text"),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Err(error)) => {
                let too_long = error.to_string().contains("too long") || error.to_string().contains("too big");
                return match too_long {
                    true => End(close_code::SIZE, "a frame is too long"),
                    false => End(close_code::PROTOCOL, "that is no WebSocket frame"),
                };
            }
        }
    }
}
