//! One WebSocket of Home Assistant: authenticated, questions numbered, answers read.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value as Json, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config};

use super::rest::{Home, refused};
use crate::kernel::error::{Error, Kind, Result};

/// How long a connection, and the first words on it, may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// How long an answer may take that nothing has to be done for; all states of a large home are some megabytes.
const SOON: Duration = Duration::from_secs(30);

/// An authenticated connection.
pub(super) struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    last: u64,
    place: String,
}

impl Socket {
    /// Connects and shows the token.
    pub(super) async fn open(home: &Home) -> Result<Socket> {
        match tokio::time::timeout(PATIENCE, Socket::connect(home)).await {
            Ok(socket) => socket,
            Err(_) => Err(Error::new(Kind::TimedOut, format!("Home Assistant at {} does not answer", home.place()))),
        }
    }

    async fn connect(home: &Home) -> Result<Socket> {
        let place = home.place();
        let mut url = home.at(&["api", "websocket"]);
        let secure = url.scheme() == "https";
        // Between the two schemes of the web this cannot fail.
        let _ = url.set_scheme(if secure { "wss" } else { "ws" });
        let connector = match secure {
            true => Connector::Rustls(home.tls.client()?),
            false => Connector::Plain,
        };
        let opened = connect_async_tls_with_config(url.as_str(), None, true, Some(connector)).await;
        let (stream, _) = opened.map_err(|error| away(&place, &error))?;
        let mut socket = Socket { stream, last: 0, place };
        loop {
            let said = socket.next().await?;
            match said["type"].as_str() {
                Some("auth_required") => {
                    socket.send(&json!({"type": "auth", "access_token": home.token.expose()})).await?;
                }
                Some("auth_ok") => return Ok(socket),
                Some("auth_invalid") => return Err(refused(&socket.place)),
                _ => {}
            }
        }
    }

    /// Asks something; its number, by which the answer is known.
    pub(super) async fn ask(&mut self, mut question: Json) -> Result<u64> {
        self.last += 1;
        question["id"] = json!(self.last);
        self.send(&question).await?;
        Ok(self.last)
    }

    /// Asks and waits for the answer; what else comes before it goes to `meanwhile`.
    pub(super) async fn answer(&mut self, question: Json, meanwhile: &mut Vec<Json>) -> Result<Json> {
        let number = self.ask(question).await?;
        loop {
            let said = self.next().await?;
            if said["id"] == json!(number) && said["type"] == "result" {
                return result(said);
            }
            meanwhile.push(said);
        }
    }

    /// The same for what is answered at once.
    ///
    /// # Errors
    /// `TimedOut` when it is not.
    pub(super) async fn answer_soon(&mut self, question: Json, meanwhile: &mut Vec<Json>) -> Result<Json> {
        match tokio::time::timeout(SOON, self.answer(question, meanwhile)).await {
            Ok(answered) => answered,
            Err(_) => {
                let said = format!("Home Assistant at {} answers nothing it is asked", self.place);
                Err(Error::new(Kind::TimedOut, said))
            }
        }
    }

    /// The next thing it says.
    pub(super) async fn next(&mut self) -> Result<Json> {
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => match serde_json::from_str(text.as_str()) {
                    Ok(json) => return Ok(json),
                    Err(_) => tracing::debug!("Home Assistant said what is no JSON"),
                },
                Some(Ok(Message::Close(_))) | None => {
                    return Err(Error::new(
                        Kind::Unreachable,
                        format!("Home Assistant at {} closed the connection", self.place),
                    ));
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(away(&self.place, &error)),
            }
        }
    }

    /// Says goodbye.
    pub(super) async fn close(&mut self) {
        // It may have gone already.
        let _ = tokio::time::timeout(Duration::from_secs(1), self.stream.close(None)).await;
    }

    async fn send(&mut self, said: &Json) -> Result<()> {
        self.stream.send(Message::text(said.to_string())).await.map_err(|error| away(&self.place, &error))
    }
}

/// What came of a question.
pub(super) fn result(said: Json) -> Result<Json> {
    if said["success"] == json!(true) {
        return Ok(said["result"].clone());
    }
    let code = said["error"]["code"].as_str().unwrap_or_default();
    let message = said["error"]["message"].as_str().unwrap_or("it does not say why");
    let kind = match code {
        "not_found" => Kind::NotFound,
        "unauthorized" => Kind::Refused,
        "invalid_format" | "service_validation_error" => Kind::BadData,
        _ => Kind::Failed,
    };
    Err(Error::new(kind, format!("Home Assistant says: {message}")))
}

fn away(place: &str, error: &tungstenite::Error) -> Error {
    let cause: Arc<str> = error.to_string().into();
    let hint = match error {
        tungstenite::Error::Http(_) => "check homeassistant.url; what answers there speaks no WebSocket",
        _ => "check that it runs, and homeassistant.url",
    };
    Error::new(Kind::Unreachable, format!("Home Assistant at {place} cannot be reached: {cause}")).hint(hint)
}
