//! A stand-in for Home Assistant: its REST and its WebSocket on one port, a few services, states that a test can change.

use std::collections::BTreeMap;
use std::io::{BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine as _;
use serde_json::{Value, json};
use sha1::{Digest, Sha1};
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::{Error as WsError, Message, WebSocket};

use super::http::{Listener, decoded, listen, read_body, read_head};
use super::mosquitto::PATIENCE;

/// The token that it takes.
pub const TOKEN: &str = "long-lived-token-0123456789";

#[derive(Default)]
struct Inner {
    states: BTreeMap<String, Value>,
    calls: Vec<Value>,
    sockets: Vec<Sender<Option<Value>>>,
    connections: usize,
    count: u64,
}

/// A running stand-in.
pub struct HomeAssistant {
    inner: Arc<Mutex<Inner>>,
    listener: Option<Listener>,
    port: u16,
}

impl HomeAssistant {
    pub fn start() -> HomeAssistant {
        let mut home = HomeAssistant { inner: Arc::default(), listener: None, port: 0 };
        for (entity, state) in [("light.kitchen", "off"), ("light.hall", "on"), ("sensor.outside", "21.5")] {
            home.quietly(entity, Some(state));
        }
        home.again();
        home
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Takes connections again, on the same port.
    pub fn again(&mut self) {
        let inner = self.inner.clone();
        // A connection of somebody else may go out from that port for a moment.
        let until = Instant::now() + PATIENCE;
        let socket = loop {
            match TcpListener::bind(("127.0.0.1", self.port)) {
                Ok(socket) => break socket,
                Err(error) => assert!(Instant::now() < until, "{error}"),
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        self.port = socket.local_addr().unwrap().port();
        self.listener = Some(listen(socket, move |stream| serve(&inner, stream)));
    }

    /// Breaks all connections and takes no more.
    pub fn down(&mut self) {
        if let Some(mut listener) = self.listener.take() {
            listener.stop();
        }
        for socket in self.inner.lock().unwrap().sockets.drain(..) {
            let _ = socket.send(None);
        }
    }

    /// An entity becomes something else, and all who listen are told.
    pub fn becomes(&self, entity: &str, state: Option<&str>) {
        change(&self.inner, entity, state, json!({"id": "by-hand"}));
    }

    /// The same, and nobody is told.
    pub fn quietly(&self, entity: &str, state: Option<&str>) {
        put(&mut self.inner.lock().unwrap(), entity, state, json!({"id": "quiet"}));
    }

    /// The services that were called.
    pub fn calls(&self) -> Vec<Value> {
        self.inner.lock().unwrap().calls.clone()
    }

    /// How often somebody came over the WebSocket.
    pub fn connections(&self) -> usize {
        self.inner.lock().unwrap().connections
    }
}

impl Drop for HomeAssistant {
    fn drop(&mut self) {
        self.down();
    }
}

/// Writes a state down; the one before and the one after.
fn put(inner: &mut Inner, entity: &str, state: Option<&str>, context: Value) -> (Value, Value) {
    inner.count += 1;
    let at = format!("2026-11-21T10:00:00.{:06}+00:00", inner.count);
    let before = inner.states.get(entity).cloned().unwrap_or_default();
    let name = entity.split('.').nth(1).unwrap_or_default().replace('_', " ");
    let after = state.map(|state| {
        json!({"entity_id": entity, "state": state, "attributes": {"friendly_name": name}, "last_changed": at,
            "last_updated": at, "context": context})
    });
    match &after {
        Some(after) => inner.states.insert(entity.to_string(), after.clone()),
        None => inner.states.remove(entity),
    };
    (before, after.unwrap_or_default())
}

fn change(inner: &Arc<Mutex<Inner>>, entity: &str, state: Option<&str>, context: Value) {
    let mut inner = inner.lock().unwrap();
    let (before, after) = put(&mut inner, entity, state, context);
    let data = json!({"entity_id": entity, "old_state": before, "new_state": after});
    let event = json!({"event_type": "state_changed", "data": data, "time_fired": "2026-11-21T10:00:00+00:00"});
    inner.sockets.retain(|socket| socket.send(Some(event.clone())).is_ok());
}

fn serve(inner: &Arc<Mutex<Inner>>, stream: TcpStream) {
    let mut lines = BufReader::new(stream.try_clone().unwrap());
    while let Some(head) = read_head(&mut lines) {
        if let Some(key) = head.header("sec-websocket-key") {
            return websocket(inner, stream, key);
        }
        let Some(body) = read_body(&mut lines, &head) else { return };
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        let right = head.header("authorization") == Some(&format!("Bearer {TOKEN}"));
        let (status, said) = match right {
            true => answer(inner, &head.method, &decoded(&head.target), &body),
            false => (401, json!({"message": "401: Unauthorized"})),
        };
        let said = said.to_string();
        let head =
            format!("HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", said.len());
        if (&stream).write_all(format!("{head}{said}").as_bytes()).is_err() {
            return;
        }
    }
}

fn answer(inner: &Arc<Mutex<Inner>>, method: &str, target: &str, body: &Value) -> (u16, Value) {
    let path: Vec<&str> = target.split('?').next().unwrap().trim_matches('/').split('/').collect();
    match (method, path.as_slice()) {
        ("GET", ["api", "states"]) => (200, json!(inner.lock().unwrap().states.values().collect::<Vec<_>>())),
        ("GET", ["api", "states", entity]) => match inner.lock().unwrap().states.get(*entity) {
            Some(state) => (200, state.clone()),
            None => (404, json!({"message": "Entity not found."})),
        },
        ("POST", ["api", "states", entity]) => {
            change(inner, entity, body["state"].as_str(), json!({"id": "written"}));
            (201, inner.lock().unwrap().states[*entity].clone())
        }
        ("GET", ["api", "services"]) => {
            let fields = json!({"brightness_pct": {"description": "How bright", "example": 40, "required": false}});
            (
                200,
                json!([{"domain": "light", "services": {"turn_on": {"description": "Turns a light on", "fields": fields}}}]),
            )
        }
        ("POST", ["api", "services", domain, service]) => match call(inner, domain, service, body) {
            Ok(_) => (200, json!([])),
            Err(_) => (400, json!({"message": "Service not found."})),
        },
        _ => (404, json!({"message": "Not found"})),
    }
}

/// Does what a service does; the context that it happened in.
fn call(inner: &Arc<Mutex<Inner>>, domain: &str, service: &str, data: &Value) -> Result<Value, String> {
    let state = match service {
        "turn_on" => "on",
        "turn_off" => "off",
        _ => return Err(format!("Service {domain}.{service} not found.")),
    };
    let context = {
        let mut inner = inner.lock().unwrap();
        inner.calls.push(json!({"service": format!("{domain}.{service}"), "data": data}));
        json!({"id": format!("call-{}", inner.calls.len())})
    };
    let all = match &data["entity_id"] {
        Value::Array(list) => list.clone(),
        one => vec![one.clone()],
    };
    // Like the real one: success, also where there is no such entity.
    for entity in all.iter().filter_map(Value::as_str) {
        if inner.lock().unwrap().states.contains_key(entity) {
            change(inner, entity, Some(state), context.clone());
        }
    }
    Ok(context)
}

fn websocket(inner: &Arc<Mutex<Inner>>, mut stream: TcpStream, key: &str) {
    let accept = Sha1::digest(format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11"));
    let accept = base64::engine::general_purpose::STANDARD.encode(accept);
    let head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
    stream.write_all(format!("{head}Sec-WebSocket-Accept: {accept}\r\n\r\n").as_bytes()).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
    let mut socket = WebSocket::from_raw_socket(stream, Role::Server, None);
    let (tell, told): (_, Receiver<Option<Value>>) = channel();
    let _ = socket.send(Message::text(json!({"type": "auth_required", "ha_version": "2026.2.3"}).to_string()));
    let mut subscriptions: Vec<(u64, Option<String>)> = Vec::new();
    loop {
        while let Ok(event) = told.try_recv() {
            let Some(event) = event else { return };
            for (id, _) in subscriptions.iter().filter(|(_, k)| k.as_deref().is_none_or(|k| event["event_type"] == k)) {
                let _ = socket.send(Message::text(json!({"id": id, "type": "event", "event": event}).to_string()));
            }
        }
        let said: Value = match socket.read() {
            Ok(Message::Text(text)) => serde_json::from_str(text.as_str()).unwrap(),
            Ok(Message::Close(_)) => return,
            Ok(_) => continue,
            Err(WsError::Io(error)) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
            Err(_) => return,
        };
        let id = said["id"].as_u64().unwrap_or_default();
        let answer = match said["type"].as_str().unwrap() {
            "auth" if said["access_token"] == TOKEN => {
                inner.lock().unwrap().connections += 1;
                inner.lock().unwrap().sockets.push(tell.clone());
                json!({"type": "auth_ok"})
            }
            "auth" => {
                let _ = socket.send(Message::text(json!({"type": "auth_invalid", "message": "Invalid"}).to_string()));
                return;
            }
            "subscribe_events" => {
                subscriptions.push((id, said["event_type"].as_str().map(String::from)));
                json!({"id": id, "type": "result", "success": true, "result": null})
            }
            "get_states" => {
                let all: Vec<Value> = inner.lock().unwrap().states.values().cloned().collect();
                json!({"id": id, "type": "result", "success": true, "result": all})
            }
            "ping" => json!({"id": id, "type": "pong"}),
            "call_service" => {
                let (domain, service) = (said["domain"].as_str().unwrap(), said["service"].as_str().unwrap());
                match call(inner, domain, service, &said["service_data"]) {
                    Ok(context) => {
                        json!({"id": id, "type": "result", "success": true, "result": {"context": context, "response": null}})
                    }
                    Err(why) => {
                        json!({"id": id, "type": "result", "success": false, "error": {"code": "not_found", "message": why}})
                    }
                }
            }
            other => panic!("nobody asks for {other}"),
        };
        let _ = socket.send(Message::text(answer.to_string()));
    }
}
