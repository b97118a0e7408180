//! Events of one server to several who follow them: how many miss, and how late they come.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value as Json, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::client::{self, Client};
use crate::measure::percentile;

/// How many are made a second.
const RATE: usize = 1_000;
/// How long.
const LASTS: Duration = Duration::from_secs(20);
/// Who makes them, at once.
const MAKERS: usize = 50;
/// Who follows them.
const FOLLOWERS: usize = 10;

/// A socket.
pub type Socket = WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>;

/// Opens one, where it is let in.
pub async fn socket(address: SocketAddr, key: &str) -> Option<Socket> {
    let mut request = format!("ws://{address}/ws").into_client_request().unwrap();
    request.headers_mut().insert("authorization", format!("Bearer {key}").parse().unwrap());
    Some(connect_async(request).await.ok()?.0)
}

/// Measures and prints.
pub async fn events(address: SocketAddr, key: &str) {
    let wanted = RATE * LASTS.as_secs() as usize;
    let made = Arc::new(AtomicUsize::new(0));
    let mut followers = Vec::new();
    for _ in 0..FOLLOWERS {
        let mut socket = socket(address, key).await.expect("a socket");
        let asked = json!({"id": "e", "type": "subscribe", "events": ["session.begun"]});
        socket.send(Message::text(asked.to_string())).await.unwrap();
        // From the answer on it follows.
        while next(&mut socket).await.is_some_and(|frame| frame["type"] != "subscribed") {}
        followers.push(tokio::spawn(follow(socket, wanted)));
    }
    let begun = Instant::now();
    let makers: Vec<_> = (0..MAKERS)
        .map(|nth| {
            let (request, made) =
                (client::request("POST", "/api/v1/sessions", key, Some(r#"{"title":"E"}"#)), made.clone());
            tokio::spawn(async move {
                let mut client = Client::open(address).await.unwrap();
                for n in 0..wanted / MAKERS {
                    let due = Duration::from_secs_f64((n * MAKERS + nth) as f64 / RATE as f64);
                    tokio::time::sleep_until((begun + due).into()).await;
                    if client.ask(&request).await.is_ok_and(|answer| answer.status == 201) {
                        made.fetch_add(1, Ordering::Relaxed);
                    }
                }
            })
        })
        .collect();
    for maker in makers {
        maker.await.unwrap();
    }
    let (took, made) = (begun.elapsed().as_secs_f64(), made.load(Ordering::Relaxed));
    let (mut heard, mut late) = (0, Vec::new());
    for follower in followers {
        let one = follower.await.unwrap();
        heard += one.len();
        late.extend(one);
    }
    let at = |share| percentile(&late, share);
    println!(
        "  events to {FOLLOWERS} who follow them   {:.0}/s for {took:.0} s, {} of {} missing; late by p50 {:.1}  p99 {:.1} ms (aim 250)",
        made as f64 / took,
        (made * FOLLOWERS).saturating_sub(heard),
        made * FOLLOWERS,
        at(0.5),
        at(0.99)
    );
}

/// How late each came, ms; until so many have, or none comes any more.
async fn follow(mut socket: Socket, wanted: usize) -> Vec<f64> {
    let mut late = Vec::new();
    while late.len() < wanted {
        let Ok(Some(frame)) = tokio::time::timeout(Duration::from_secs(5), next(&mut socket)).await else { break };
        if frame["type"] != "event" {
            continue;
        }
        let at: jiff::Timestamp = frame["event"]["at"].as_str().unwrap().parse().unwrap();
        late.push((jiff::Timestamp::now().as_microsecond() - at.as_microsecond()) as f64 / 1e3);
    }
    late
}

async fn next(socket: &mut Socket) -> Option<Json> {
    loop {
        match socket.next().await?.ok()? {
            Message::Text(text) => return serde_json::from_str(&text).ok(),
            Message::Close(_) => return None,
            _ => {}
        }
    }
}
