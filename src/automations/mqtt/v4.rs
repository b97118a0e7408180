//! MQTT 3.1.1, by the library's words.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use rumqttc_v4::mqttbytes::v4::{ConnectReturnCode, LastWill, Packet, PubAck, PubRec, SubscribeReasonCode};
use rumqttc_v4::{
    AckMode, AsyncClient, ClientError, ConnectionError, Event, EventLoop, ManualAck, MqttOptions, NetworkOptions,
    PersistedAckMode, PersistedSession, PublishNotice, PublishNoticeError, PublishOptions, QoS, SessionStore,
    SessionStoreError, SessionStoreKey, StateError, SubscribeFilterInput, SubscribeNotice, TlsConfiguration, Transport,
};

use super::broker::{Broker, LARGEST_PACKET, Way};
use super::dialogue::{Ack, Heard, INFLIGHT, Lost, NotSent, ROOM, Session, Subscription};
use super::dialogue::{Trouble, Wrong, in_words, tls_words};
use super::message::{Message, Properties, Publish, Qos};
use crate::kernel::error::{Context, Kind, Result};

/// What a session store answers.
type Later<'a, T> = Pin<Box<dyn Future<Output = Result<T, SessionStoreError>> + Send + 'a>>;

/// What speaks.
#[derive(Clone)]
pub(super) struct Voice(AsyncClient);

/// What hears; nothing is sent unless it is asked again and again.
pub(super) struct Ear {
    events: Box<EventLoop>,
    resumed: bool,
    largest: usize,
}

/// A client that has connected to nothing yet.
pub(super) fn open(broker: &Broker, session: &Session) -> Result<(Voice, Ear)> {
    let bad = || format!("the broker `{}` has no address that can be used", broker.name);
    let id = session.client_id.as_str();
    let mut options = match broker.way {
        Way::Tcp => MqttOptions::new(id, (broker.host.as_str(), broker.port)),
        Way::Tls => {
            let mut options = MqttOptions::new(id, (broker.host.as_str(), broker.port));
            options.set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(broker.tls.client()?)));
            options
        }
        Way::Ws => {
            let there = rumqttc_v4::Broker::websocket(broker.whole_url()).context(Kind::BadData, bad)?;
            MqttOptions::new(id, there)
        }
        Way::Wss => {
            let tls = TlsConfiguration::Rustls(broker.tls.client()?);
            MqttOptions::websocket_with_tls_config(id, broker.whole_url(), tls).context(Kind::BadData, bad)?
        }
    };
    let clean = session.keep.is_none();
    options
        .try_set_clean_session(clean)
        .context(Kind::Usage, || "a session that is kept needs a client id".to_string())?;
    // This version cannot tell the broker how much is too much, and would break the connection at each such message,
    // again and again. So all are taken, and those that are too large are dropped here.
    let largest = LARGEST_PACKET as usize;
    options
        .set_keep_alive(u16::try_from(broker.keep_alive.as_secs()).unwrap_or(u16::MAX))
        .set_inflight(INFLIGHT)
        .set_max_packet_size(largest, largest);
    match (&broker.user, &broker.password) {
        (Some(user), Some(password)) => drop(options.set_credentials(user, password.expose().as_bytes().to_vec())),
        (Some(user), None) => drop(options.set_username(user)),
        (None, Some(password)) => drop(options.set_credentials("", password.expose().as_bytes().to_vec())),
        (None, None) => {}
    }
    if session.manual {
        options.set_ack_mode(AckMode::Manual);
    }
    if let Some(will) = &session.will {
        options.set_last_will(LastWill::new(will.topic.clone(), will.payload.clone(), qos(will.qos), will.retain));
    }
    if !clean {
        options.set_session_store(Afresh { manual: session.manual });
    }
    if broker.host.parse::<std::net::IpAddr>().is_ok() {
        // The usual way tries several addresses in turns, and waits a millisecond before it tries the only one.
        options.set_socket_connector(rumqttc_v4::default_socket_connect);
    }
    let (client, mut events) = AsyncClient::builder(options).capacity(ROOM).build();
    let mut network = NetworkOptions::new();
    network.set_tcp_nodelay(true);
    network.set_connection_timeout(broker.timeout.as_secs().max(1));
    events.set_network_options(network);
    Ok((Voice(client), Ear { events: Box::new(events), resumed: clean, largest: broker.max_packet as usize }))
}

/// The same word as in MQTT 5: of a session from before we know nothing.
#[derive(Debug)]
struct Afresh {
    manual: bool,
}

impl SessionStore for Afresh {
    fn load<'a>(&'a self, key: &'a SessionStoreKey) -> Later<'a, Option<PersistedSession>> {
        let ack_mode = if self.manual { PersistedAckMode::Manual } else { PersistedAckMode::Automatic };
        let session = PersistedSession {
            format_version: 1,
            client_id: key.client_id().to_string(),
            clean_session: false,
            max_inflight: INFLIGHT,
            ack_mode,
            last_pkid: 0,
            last_puback: 0,
            replay: Vec::new(),
            incoming_qos2: Vec::new(),
        };
        Box::pin(async move { Ok(Some(session)) })
    }

    fn save<'a>(&'a self, _: &'a SessionStoreKey, _: &'a PersistedSession) -> Later<'a, ()> {
        Box::pin(async { Ok(()) })
    }

    fn clear<'a>(&'a self, _: &'a SessionStoreKey) -> Later<'a, ()> {
        Box::pin(async { Ok(()) })
    }
}

impl Voice {
    pub(super) fn publish(&self, publish: &Publish) -> Result<PublishNotice, NotSent> {
        let options = PublishOptions::new(qos(publish.qos)).retain(publish.retain);
        let sent = self.0.try_publish_tracked(publish.topic.as_str(), publish.payload.clone(), options);
        sent.map_err(|error| not_sent(&error))
    }

    pub(super) fn subscribe(&self, all: &[Subscription]) -> Result<SubscribeNotice, NotSent> {
        let filter = |s: &Subscription| SubscribeFilterInput::new(s.filter.as_str(), qos(s.qos));
        self.0.try_subscribe_many_tracked(all.iter().map(filter)).map_err(|error| not_sent(&error))
    }

    pub(super) fn unsubscribe(&self, filters: &[String]) -> Result<(), NotSent> {
        self.0.try_unsubscribe_many(filters.iter().map(String::as_str)).map_err(|error| not_sent(&error))
    }

    pub(super) fn ack(&self, ack: ManualAck) -> Result<(), NotSent> {
        self.0.try_manual_ack(ack).map_err(|error| not_sent(&error))
    }

    pub(super) fn leave(&self, within: Duration) {
        // When the channel is full or closed, dropping the connection is all that is left.
        let _ = self.0.try_disconnect_with_timeout(within);
    }
}

impl Ear {
    pub(super) async fn hear(&mut self) -> Result<Heard, Trouble> {
        match self.events.poll().await.map_err(trouble)? {
            Event::Incoming(Packet::ConnAck(ack)) => {
                if !self.resumed {
                    self.events.mqtt_options.clear_session_store();
                    self.resumed = true;
                }
                Ok(Heard::Up { session_present: ack.session_present, ids: false, largest: None })
            }
            Event::Incoming(Packet::Publish(publish)) => {
                let ack = match publish.qos {
                    QoS::AtMostOnce => None,
                    QoS::AtLeastOnce => Some(ManualAck::PubAck(PubAck::new(publish.pkid))),
                    QoS::ExactlyOnce => Some(ManualAck::PubRec(PubRec::new(publish.pkid))),
                };
                let topic = String::from_utf8_lossy(&publish.topic).into_owned();
                if publish.payload.len() + publish.topic.len() > self.largest {
                    return Ok(Heard::TooLarge { topic, bytes: publish.payload.len(), ack: ack.map(Ack::Three) });
                }
                let message = Message {
                    topic,
                    payload: publish.payload.into(),
                    qos: qos_back(publish.qos),
                    retain: publish.retain,
                    dup: publish.dup,
                    id: publish.pkid,
                    properties: Properties::default(),
                };
                Ok(Heard::Message(Box::new(message), ack.map(Ack::Three)))
            }
            _ => Ok(Heard::Other),
        }
    }
}

/// Waits until a message is acknowledged as its quality asks.
pub(super) async fn settled(notice: PublishNotice) -> Result<(), Lost> {
    match notice.wait_async().await {
        Ok(_) => Ok(()),
        Err(PublishNoticeError::SessionPersistence(why)) => Err(Lost::Refused(why)),
        Err(_) => Err(Lost::Again),
    }
}

/// Waits until subscriptions are answered; which of them were refused, by their place.
pub(super) async fn answered(notice: SubscribeNotice) -> Result<Vec<(usize, String)>, Lost> {
    let answer = notice.wait_async().await.map_err(|_| Lost::Again)?;
    let all = answer.return_codes.iter().enumerate().filter(|(_, c)| matches!(c, SubscribeReasonCode::Failure));
    Ok(all.map(|(at, _)| (at, "it may not be listened to".to_string())).collect())
}

fn qos(qos: Qos) -> QoS {
    match qos {
        Qos::Most => QoS::AtMostOnce,
        Qos::Least => QoS::AtLeastOnce,
        Qos::Exactly => QoS::ExactlyOnce,
    }
}

fn qos_back(qos: QoS) -> Qos {
    match qos {
        QoS::AtMostOnce => Qos::Most,
        QoS::AtLeastOnce => Qos::Least,
        QoS::ExactlyOnce => Qos::Exactly,
    }
}

fn not_sent(error: &ClientError) -> NotSent {
    match error {
        ClientError::RequestChannelFull(_) => NotSent::Full,
        ClientError::RequestChannelDisconnected(_) | ClientError::TrackingUnavailable => NotSent::Gone,
        _ => NotSent::Invalid,
    }
}

fn trouble(error: ConnectionError) -> Trouble {
    match error {
        ConnectionError::RequestsDone => Trouble::new(Wrong::Done, "the connection is closed"),
        ConnectionError::ConnectionRefused(code) => match code {
            ConnectReturnCode::BadUserNamePassword | ConnectReturnCode::NotAuthorized => {
                Trouble::new(Wrong::Refused, format!("it refuses user and password ({})", in_words(&code)))
            }
            ConnectReturnCode::RefusedProtocolVersion => Trouble::new(Wrong::Version, "it does not speak MQTT 3.1.1"),
            ConnectReturnCode::BadClientId => Trouble::new(Wrong::Refused, "it refuses our client id"),
            other => Trouble::new(Wrong::Away, format!("it refuses the connection ({})", in_words(&other))),
        },
        ConnectionError::NetworkTimeout | ConnectionError::FlushTimeout => {
            Trouble::new(Wrong::Away, "it does not answer")
        }
        ConnectionError::Tls(error) => {
            let words = tls_words(&error);
            Trouble::new(if words.1 { Wrong::Certificate } else { Wrong::Away }, words.0)
        }
        ConnectionError::Io(error) | ConnectionError::MqttState(StateError::Io(error)) => Trouble::io(&error),
        ConnectionError::MqttState(StateError::ConnectionAborted) => {
            Trouble::new(Wrong::Lost, "the broker closed the connection")
        }
        other => Trouble::other(&other.to_string()),
    }
}
