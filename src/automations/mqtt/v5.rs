//! MQTT 5, by the library's words.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use rumqttc::mqttbytes::v5::{ConnectReturnCode, DisconnectReasonCode, LastWill, LastWillProperties, PubAckReason};
use rumqttc::mqttbytes::v5::{Packet, PubRecReason, PublishProperties, SubscribeProperties, SubscribeReasonCode};
use rumqttc::{
    AckMode, AsyncClient, ClientError, ConnectionError, Event, EventLoop, ManualAck, MqttOptions, NetworkOptions,
    PersistedAckMode, PersistedSession, PublishNotice, PublishNoticeError, PublishOptions, QoS, RetainForwardRule,
    SessionStore, SessionStoreError, SessionStoreKey, StateError, SubscribeFilterInput, SubscribeNotice,
    TlsConfiguration, Transport,
};

use super::broker::{Broker, Way};
use super::dialogue::{
    Heard, INFLIGHT, Lost, NotSent, RECEIVE, ROOM, Retained, Session, Subscription, TAKES_LESS, Trouble, Wrong,
    in_words, tls_words,
};
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
            let there = rumqttc::Broker::websocket(broker.whole_url()).context(Kind::BadData, bad)?;
            MqttOptions::new(id, there)
        }
        Way::Wss => {
            let tls = TlsConfiguration::Rustls(broker.tls.client()?);
            MqttOptions::websocket_with_tls_config(id, broker.whole_url(), tls).context(Kind::BadData, bad)?
        }
    };
    options
        .set_keep_alive(u16::try_from(broker.keep_alive.as_secs()).unwrap_or(u16::MAX))
        .set_clean_start(session.keep.is_none())
        .set_connect_timeout(broker.timeout)
        .set_outgoing_inflight_upper_limit(INFLIGHT)
        .set_receive_maximum(Some(RECEIVE))
        .set_max_packet_size(Some(broker.max_packet))
        .set_session_expiry_interval(session.keep.map(|k| u32::try_from(k.as_secs()).unwrap_or(u32::MAX)));
    match (&broker.user, &broker.password) {
        (Some(user), Some(password)) => drop(options.set_credentials(user, password.expose().as_bytes().to_vec())),
        (Some(user), None) => drop(options.set_username(user)),
        (None, Some(password)) => drop(options.set_password(password.expose().as_bytes().to_vec())),
        (None, None) => {}
    }
    if session.manual {
        options.set_ack_mode(AckMode::Manual);
    }
    if let Some(will) = &session.will {
        let properties = will_properties(&will.properties, session.will_delay);
        let (topic, payload) = (will.topic.clone(), will.payload.clone());
        options.set_last_will(LastWill::new(topic, payload, qos(will.qos), will.retain, properties));
    }
    if session.keep.is_some() {
        options.set_session_store(Afresh { manual: session.manual });
    }
    let mut network = NetworkOptions::new();
    network.set_tcp_nodelay(true);
    options.set_network_options(network);
    if broker.host.parse::<std::net::IpAddr>().is_ok() {
        // The usual way tries several addresses in turns, and waits a millisecond before it tries the only one.
        options.set_socket_connector(rumqttc::default_socket_connect);
    }
    let (client, events) = AsyncClient::builder(options).capacity(ROOM).build();
    Ok((Voice(client), Ear { events: Box::new(events), resumed: session.keep.is_none() }))
}

/// Says of a session that we know nothing of what we had in flight. What was not acknowledged to us is published again
/// by whoever wanted it published; what the broker keeps for us is welcome, which it would not be without this word.
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
            clean_start: false,
            session_expiry_interval: None,
            outgoing_inflight_upper_limit: Some(INFLIGHT),
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
        let mut options = PublishOptions::new(qos(publish.qos)).retain(publish.retain);
        if !publish.properties.is_empty() {
            options = options.properties(properties(&publish.properties));
        }
        let sent = self.0.try_publish_tracked(publish.topic.as_str(), publish.payload.clone(), options);
        sent.map_err(|error| not_sent(&error))
    }

    pub(super) fn subscribe(&self, all: &[Subscription]) -> Result<SubscribeNotice, NotSent> {
        let filter = |s: &Subscription| {
            let rule = match s.retained {
                Retained::Always => RetainForwardRule::OnEverySubscribe,
                Retained::New => RetainForwardRule::OnNewSubscribe,
                Retained::Never => RetainForwardRule::Never,
            };
            SubscribeFilterInput::new(s.filter.as_str(), qos(s.qos))
                .no_local(s.no_local)
                .preserve_retain(s.as_published)
                .retain_forward_rule(rule)
        };
        let filters = all.iter().map(filter);
        // All of one packet have the same id.
        let sent = match all.first().and_then(|first| first.id) {
            None => self.0.try_subscribe_many_tracked(filters),
            Some(id) => {
                let properties = SubscribeProperties { id: usize::try_from(id).ok(), user_properties: Vec::new() };
                self.0.try_subscribe_many_with_properties_tracked(filters, properties)
            }
        };
        sent.map_err(|error| not_sent(&error))
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
                    // From here on the library knows the session by itself, without a copy at every packet.
                    self.events.options.clear_session_store();
                    self.resumed = true;
                }
                let said = ack.properties.as_ref();
                let ids = said.and_then(|said| said.subscription_identifiers_available) != Some(0);
                let largest = said.and_then(|said| said.max_packet_size);
                Ok(Heard::Up { session_present: ack.session_present, ids, largest })
            }
            Event::Incoming(Packet::Publish(publish)) => {
                let ack = match publish.qos {
                    QoS::AtMostOnce => None,
                    QoS::AtLeastOnce => {
                        Some(ManualAck::PubAck(rumqttc::mqttbytes::v5::PubAck::new(publish.pkid, None)))
                    }
                    QoS::ExactlyOnce => {
                        Some(ManualAck::PubRec(rumqttc::mqttbytes::v5::PubRec::new(publish.pkid, None)))
                    }
                };
                let properties = publish.properties.map(heard).unwrap_or_default();
                let message = Message {
                    topic: String::from_utf8_lossy(&publish.topic).into_owned(),
                    payload: publish.payload.into(),
                    qos: qos_back(publish.qos),
                    retain: publish.retain,
                    dup: publish.dup,
                    id: publish.pkid,
                    properties,
                };
                Ok(Heard::Message(Box::new(message), ack.map(super::dialogue::Ack::Five)))
            }
            Event::Incoming(Packet::Disconnect(left)) => Err(disconnected(left.reason_code)),
            _ => Ok(Heard::Other),
        }
    }
}

/// Waits until a message is acknowledged as its quality asks.
pub(super) async fn settled(notice: PublishNotice) -> Result<(), Lost> {
    match notice.wait_completion_async().await {
        Ok(()) => Ok(()),
        Err(PublishNoticeError::V5PubAck(PubAckReason::NoMatchingSubscribers)) => Ok(()),
        Err(PublishNoticeError::V5PubRec(PubRecReason::NoMatchingSubscribers)) => Ok(()),
        // What is said of the end of the exchange takes nothing back: the broker took the message before.
        Err(PublishNoticeError::V5PubComp(_)) => Ok(()),
        Err(PublishNoticeError::SessionReset | PublishNoticeError::Recv | PublishNoticeError::Qos0NotFlushed) => {
            Err(Lost::Again)
        }
        Err(error) => Err(Lost::Refused(match error {
            PublishNoticeError::V5PubAck(reason) => in_words(&reason),
            PublishNoticeError::V5PubRec(reason) => in_words(&reason),
            other => other.to_string(),
        })),
    }
}

/// Waits until subscriptions are answered; which of them were refused, by their place.
pub(super) async fn answered(notice: SubscribeNotice) -> Result<Vec<(usize, String)>, Lost> {
    // The library's own judgement leaves out which of them it was.
    let answer = notice.wait_async().await.map_err(|_| Lost::Again)?;
    let all = answer.return_codes.iter().enumerate().filter(|(_, c)| !matches!(c, SubscribeReasonCode::Success(_)));
    Ok(all.map(|(at, code)| (at, in_words(code))).collect())
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

fn properties(said: &Properties) -> PublishProperties {
    PublishProperties {
        payload_format_indicator: said.is_text.then_some(1),
        message_expiry_interval: said.expiry,
        topic_alias: None,
        response_topic: said.response_topic.clone(),
        correlation_data: said.correlation.clone().map(Into::into),
        user_properties: said.user.clone(),
        subscription_identifiers: Vec::new(),
        content_type: said.content_type.clone(),
    }
}

fn heard(all: PublishProperties) -> Properties {
    Properties {
        content_type: all.content_type,
        response_topic: all.response_topic,
        correlation: all.correlation_data.map(|bytes| bytes.to_vec()),
        expiry: all.message_expiry_interval,
        is_text: all.payload_format_indicator == Some(1),
        user: all.user_properties,
        subscriptions: all.subscription_identifiers.into_iter().filter_map(|id| u32::try_from(id).ok()).collect(),
    }
}

fn will_properties(said: &Properties, delay: Option<u32>) -> Option<LastWillProperties> {
    (!said.is_empty() || delay.is_some()).then(|| LastWillProperties {
        delay_interval: delay,
        payload_format_indicator: said.is_text.then_some(1),
        message_expiry_interval: said.expiry,
        content_type: said.content_type.clone(),
        response_topic: said.response_topic.clone(),
        correlation_data: said.correlation.clone().map(Into::into),
        user_properties: said.user.clone(),
    })
}

fn not_sent(error: &ClientError) -> NotSent {
    match error {
        ClientError::RequestChannelFull(_) => NotSent::Full,
        ClientError::RequestChannelDisconnected(_) | ClientError::TrackingUnavailable => NotSent::Gone,
        _ => NotSent::Invalid,
    }
}

fn disconnected(reason: DisconnectReasonCode) -> Trouble {
    let wrong = match reason {
        DisconnectReasonCode::PacketTooLarge => {
            return Trouble::new(Wrong::TooLarge, format!("{TAKES_LESS} than this message has"));
        }
        DisconnectReasonCode::SessionTakenOver => Wrong::TakenOver,
        DisconnectReasonCode::NotAuthorized | DisconnectReasonCode::AdministrativeAction => Wrong::Refused,
        _ => Wrong::Lost,
    };
    Trouble::new(wrong, format!("the broker ended the connection: {}", in_words(&reason)))
}

fn trouble(error: ConnectionError) -> Trouble {
    match error {
        ConnectionError::RequestsDone => Trouble::new(Wrong::Done, "the connection is closed"),
        ConnectionError::ConnectionRefused(code) => refused(code),
        ConnectionError::MqttState(StateError::ConnFail { reason }) => refused(reason),
        ConnectionError::MqttState(StateError::ServerDisconnect { reason_code, .. }) => disconnected(reason_code),
        ConnectionError::MqttState(StateError::IncomingPacketTooLarge { pkt_size, max }) => {
            Trouble::new(Wrong::TooLarge, format!("a message of {pkt_size} bytes came, and {max} are allowed"))
        }
        ConnectionError::MqttState(StateError::OutgoingPacketTooLarge { pkt_size, max }) => {
            Trouble::new(Wrong::TooLarge, format!("{TAKES_LESS} than the {pkt_size} bytes of this message: {max}"))
        }
        ConnectionError::Timeout(_) => Trouble::new(Wrong::Away, "it does not answer"),
        ConnectionError::Tls(error) => {
            let words = tls_words(&error);
            Trouble::new(if words.1 { Wrong::Certificate } else { Wrong::Away }, words.0)
        }
        ConnectionError::Io(error) => Trouble::io(&error),
        ConnectionError::MqttState(StateError::Io(error)) => Trouble::io(&error),
        ConnectionError::MqttState(StateError::ConnectionAborted) => {
            Trouble::new(Wrong::Lost, "the broker closed the connection")
        }
        other => Trouble::other(&other.to_string()),
    }
}

fn refused(code: ConnectReturnCode) -> Trouble {
    use ConnectReturnCode as Code;
    match code {
        Code::BadUserNamePassword | Code::NotAuthorized | Code::Banned | Code::BadAuthenticationMethod => {
            Trouble::new(Wrong::Refused, format!("it refuses user and password ({})", in_words(&code)))
        }
        Code::RefusedProtocolVersion | Code::UnsupportedProtocolVersion => {
            Trouble::new(Wrong::Version, "it does not speak MQTT 5")
        }
        Code::BadClientId | Code::ClientIdentifierNotValid => {
            Trouble::new(Wrong::Refused, "it refuses our client id".to_string())
        }
        other => Trouble::new(Wrong::Away, format!("it refuses the connection ({})", in_words(&other))),
    }
}
