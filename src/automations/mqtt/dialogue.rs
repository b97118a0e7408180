//! One dialogue with a broker, whichever MQTT is spoken: a voice that sends, an ear that hears.
//!
//! It decides nothing: when to connect again, what to send again and whom to tell is the business of
//! [`super::link`] and [`super::once`].

use std::time::Duration;

use super::broker::{Broker, Version, Way};
use super::message::{Message, Publish, Qos};
use super::{topic, v4, v5};
use crate::kernel::error::{Error, Kind, Result};

/// How many messages of ours may wait for their acknowledgement (more, and brokers lose some of QoS 2).
pub(super) const INFLIGHT: u16 = 20;
/// How many messages to us may wait for ours, where the broker heeds it.
pub(super) const RECEIVE: u16 = 200;
/// How many requests the library holds.
pub(super) const ROOM: usize = 1024;

/// What is agreed upon for one or more connections.
#[derive(Clone, Debug, Default)]
pub struct Session {
    /// Our name; empty to be given one.
    pub client_id: String,
    /// How long the broker keeps what we miss; `None` for nothing.
    pub keep: Option<Duration>,
    /// What the broker publishes when we are gone without a word.
    pub will: Option<Publish>,
    /// Seconds that it waits before it does (MQTT 5).
    pub will_delay: Option<u32>,
    /// Whether messages are acknowledged only when that is said.
    pub manual: bool,
}

/// Which retained messages a subscription brings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Retained {
    /// At every subscription, also when a connection came back.
    #[default]
    Always,
    /// Only where the broker did not know the subscription.
    New,
    /// None (MQTT 5; brokers of MQTT 3.1.1 send them all the same).
    Never,
}

/// What is listened to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subscription {
    /// The filter.
    pub filter: String,
    /// The best quality that is wanted.
    pub qos: Qos,
    /// Whether retained messages come.
    pub retained: Retained,
    /// Whether what this very connection publishes is left out (MQTT 5).
    pub no_local: bool,
    /// Whether the retain flag comes as it was published (MQTT 5).
    pub as_published: bool,
    /// What the broker is to say with each message that comes by it (MQTT 5), from 1 to 268,435,455.
    pub id: Option<u32>,
}

/// Something heard.
pub(super) enum Heard {
    /// The connection stands; whether the broker had kept our session, whether subscriptions may have ids, and the largest
    /// packet that the broker takes, bytes, where it says so.
    Up { session_present: bool, ids: bool, largest: Option<u32> },
    /// A message, and what acknowledges it.
    Message(Box<Message>, Option<Ack>),
    /// A message that is too large was dropped.
    TooLarge { topic: String, bytes: usize, ack: Option<Ack> },
    /// Nothing that anybody needs to know.
    Other,
}

/// What acknowledges a message; good for the connection that it came by.
#[derive(Clone, Debug)]
pub(super) enum Ack {
    Five(rumqttc::ManualAck),
    Three(rumqttc_v4::ManualAck),
}

/// Why a request was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotSent {
    Full,
    Invalid,
    Gone,
}

/// Why a message was not acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Lost {
    /// The connection went first; it may be sent again.
    Again,
    /// The broker does not want it.
    Refused(String),
}

/// That the broker wants a certificate of ours.
const WANTS_OURS: &str = "it wants a certificate of yours";
/// How it begins that a message of ours is too large.
pub(super) const TAKES_LESS: &str = "the broker takes less";

/// A reason by its name in the protocol, `NotAuthorized`, in words: `not authorized`.
pub(super) fn in_words(reason: &impl std::fmt::Debug) -> String {
    let mut words = String::new();
    for c in format!("{reason:?}").chars() {
        if c.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(c.to_lowercase());
    }
    words
}

/// What kind of thing went wrong with a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// It is not reached, or does not answer.
    Away,
    /// The connection broke.
    Lost,
    /// User, password or client id are refused.
    Refused,
    /// A certificate is not believed, ours or theirs.
    Certificate,
    /// It does not speak our version.
    Version,
    /// Another client came with our client id.
    TakenOver,
    /// A message was too large.
    TooLarge,
    /// We closed it.
    Done,
}

/// What went wrong with a connection.
#[derive(Clone, Debug)]
pub struct Trouble {
    /// Its kind.
    pub wrong: Wrong,
    /// What happened, a part of a sentence.
    pub said: String,
}

impl Trouble {
    pub(super) fn new(wrong: Wrong, said: impl Into<String>) -> Trouble {
        Trouble { wrong, said: said.into() }
    }

    /// What the library says in its own words, in ours.
    pub(super) fn other(said: &str) -> Trouble {
        const HEADS: [&str; 5] =
            ["Mqtt state: ", "Mqtt serialization/deserialization error: ", "I/O: ", "IO: ", "Io error: "];
        let mut said = said;
        while let Some(rest) = HEADS.iter().find_map(|head| said.strip_prefix(head)) {
            said = rest;
        }
        match said {
            _ if said.contains("CertificateRequired") => Trouble::new(Wrong::Certificate, WANTS_OURS),
            _ if said.contains("greater than the broker's maximum packet size") => {
                Trouble::new(Wrong::TooLarge, format!("{TAKES_LESS} than this message has ({said})"))
            }
            _ if said.ends_with(" = 149") || said.contains("Payload is too long") => {
                Trouble::new(Wrong::TooLarge, format!("{TAKES_LESS} than this message has"))
            }
            _ if said.contains("Connection reset") || said.contains("Broken pipe") => {
                Trouble::new(Wrong::Lost, "the broker closed the connection")
            }
            _ if is_about_certificates(said) => Trouble::new(Wrong::Certificate, said),
            _ => Trouble::new(Wrong::Lost, said),
        }
    }

    pub(super) fn io(error: &std::io::Error) -> Trouble {
        if is_about_certificates(&error.to_string()) {
            return Trouble::new(Wrong::Certificate, error.to_string());
        }
        let wrong = match error.kind() {
            std::io::ErrorKind::ConnectionReset | std::io::ErrorKind::BrokenPipe => Wrong::Lost,
            std::io::ErrorKind::UnexpectedEof | std::io::ErrorKind::ConnectionAborted => Wrong::Lost,
            _ => Wrong::Away,
        };
        Trouble::new(wrong, error.to_string())
    }

    /// Whether a message of ours was too much for the broker.
    pub(super) fn is_about_ours(&self) -> bool {
        self.said.starts_with(TAKES_LESS)
    }

    /// Whether trying again soon is no use.
    pub fn is_hopeless(&self) -> bool {
        matches!(self.wrong, Wrong::Refused | Wrong::Certificate | Wrong::Version | Wrong::TakenOver)
    }

    /// The same as an error, with a way forward.
    pub fn error(&self, broker: &Broker) -> Error {
        let name = &broker.name;
        let place = broker.place();
        let called = if broker.name.contains("://") { place.clone() } else { format!("`{name}` ({place})") };
        let (kind, hint) = match self.wrong {
            Wrong::Refused => (
                Kind::Refused,
                match broker.user {
                    Some(_) => "check user and secret; `fac secret set NAME` keeps a password".to_string(),
                    None => "it may want a user and a password: broker.NAME.user and broker.NAME.secret".to_string(),
                },
            ),
            Wrong::Certificate if self.said == WANTS_OURS => (
                Kind::Unreachable,
                "name yours and its key: broker.NAME.cert_file and broker.NAME.key_file".to_string(),
            ),
            Wrong::Certificate => (Kind::Unreachable, certificate_hint(&self.said).to_string()),
            Wrong::Version => {
                let other = if broker.version == Version::Five { "3.1.1" } else { "5" };
                (Kind::Unreachable, format!("try the other version: {other}"))
            }
            Wrong::TakenOver => (Kind::Failed, "give each program a client id of its own".to_string()),
            Wrong::TooLarge if self.is_about_ours() => {
                (Kind::Failed, "send less at once, or have the broker take more".to_string())
            }
            Wrong::TooLarge => (Kind::BadData, "broker.NAME.max_packet_kb says how much is taken".to_string()),
            Wrong::Away | Wrong::Lost | Wrong::Done => {
                let tls = match broker.way.is_tls() {
                    true => ", and whether TLS is spoken there (mqtt:// and ws:// are without)",
                    false => ", and whether it wants TLS (mqtts://)",
                };
                (Kind::Unreachable, format!("check that it runs, the port{tls}"))
            }
        };
        Error::new(kind, format!("the broker {called} cannot be talked to: {}", self.said)).hint(hint)
    }
}

/// What to do about a certificate that is not taken, by the words of rustls about it.
fn certificate_hint(said: &str) -> &'static str {
    let has = |words: &[&str]| words.iter().any(|word| said.contains(word));
    if has(&["alert: "]) {
        match has(&["UnknownCA", "UnknownCa", "Certificate", "AccessDenied"]) {
            true => {
                "the broker does not take your certificate: broker.NAME.cert_file is to be of an authority it knows"
            }
            false => "the broker ended the handshake: see that it speaks TLS 1.2 or 1.3",
        }
    } else if has(&["expired", "Expired"]) {
        "the broker's certificate is over: it needs a new one, or a clock here is wrong"
    } else if has(&["not valid yet", "NotValidYet"]) {
        "the broker's certificate begins later: a clock is wrong, here or where it was made"
    } else if has(&["not valid for name", "NotValidForName"]) {
        "call the broker by a name that its certificate has"
    } else {
        "name the authority that vouches for it: broker.NAME.ca_file"
    }
}

/// The words of a failure of TLS, and whether it is about certificates.
pub(super) fn tls_words(error: &rumqttc::TlsError) -> (String, bool) {
    let said = error.to_string();
    let said = ["I/O: ", "TLS error: "].iter().fold(said.as_str(), |s, head| s.strip_prefix(head).unwrap_or(s));
    (said.to_string(), is_about_certificates(said))
}

fn is_about_certificates(said: &str) -> bool {
    said.contains("certificate") || said.contains("UnknownCA") || said.contains("alert: ")
}

/// What speaks.
#[derive(Clone)]
pub(super) enum Voice {
    Five(v5::Voice),
    Three(v4::Voice),
}

/// What hears. Nothing is sent either unless it is asked again and again.
pub(super) enum Ear {
    Five(v5::Ear),
    Three(v4::Ear),
}

/// A message under way.
pub(super) enum Receipt {
    Five(rumqttc::PublishNotice),
    Three(rumqttc_v4::PublishNotice),
}

/// Subscriptions under way.
pub(super) enum Answer {
    Five(rumqttc::SubscribeNotice),
    Three(rumqttc_v4::SubscribeNotice),
}

/// A dialogue that has not begun: the first time that the ear is asked it connects, and again whenever the
/// connection was lost.
///
/// # Errors
/// When a certificate cannot be read, or the address cannot be used.
pub(super) fn open(broker: &Broker, session: &Session) -> Result<(Voice, Ear)> {
    topic::check_text("the name of the connection", &session.client_id)?;
    broker.user.as_deref().map_or(Ok(()), |user| topic::check_text("the user's name", user))?;
    session.will.as_ref().map_or(Ok(()), topic::check_will)?;
    Ok(match broker.version {
        Version::Five => {
            let (voice, ear) = v5::open(broker, session)?;
            (Voice::Five(voice), Ear::Five(ear))
        }
        Version::Three => {
            let (voice, ear) = v4::open(broker, session)?;
            (Voice::Three(voice), Ear::Three(ear))
        }
    })
}

impl Broker {
    /// The address in the form that WebSockets need.
    pub(super) fn whole_url(&self) -> String {
        let scheme = if self.way == Way::Wss { "wss" } else { "ws" };
        format!("{scheme}://{}:{}{}", self.host, self.port, self.url.path())
    }
}

impl Voice {
    pub(super) fn publish(&self, publish: &Publish) -> Result<Receipt, NotSent> {
        Ok(match self {
            Voice::Five(voice) => Receipt::Five(voice.publish(publish)?),
            Voice::Three(voice) => Receipt::Three(voice.publish(publish)?),
        })
    }

    pub(super) fn subscribe(&self, all: &[Subscription]) -> Result<Answer, NotSent> {
        Ok(match self {
            Voice::Five(voice) => Answer::Five(voice.subscribe(all)?),
            Voice::Three(voice) => Answer::Three(voice.subscribe(all)?),
        })
    }

    pub(super) fn unsubscribe(&self, filters: &[String]) -> Result<(), NotSent> {
        match self {
            Voice::Five(voice) => voice.unsubscribe(filters),
            Voice::Three(voice) => voice.unsubscribe(filters),
        }
    }

    pub(super) fn ack(&self, ack: Ack) -> Result<(), NotSent> {
        match (self, ack) {
            (Voice::Five(voice), Ack::Five(ack)) => voice.ack(ack),
            (Voice::Three(voice), Ack::Three(ack)) => voice.ack(ack),
            _ => Err(NotSent::Invalid),
        }
    }

    /// Ends the dialogue when what was sent is settled, or when the time is over.
    pub(super) fn leave(&self, within: Duration) {
        match self {
            Voice::Five(voice) => voice.leave(within),
            Voice::Three(voice) => voice.leave(within),
        }
    }
}

impl Ear {
    /// The next thing heard. After trouble it connects again, unless we had left.
    pub(super) async fn hear(&mut self) -> Result<Heard, Trouble> {
        match self {
            Ear::Five(ear) => ear.hear().await,
            Ear::Three(ear) => ear.hear().await,
        }
    }
}

impl Receipt {
    /// Waits until the message is acknowledged as its quality asks.
    pub(super) async fn settled(self) -> Result<(), Lost> {
        match self {
            Receipt::Five(notice) => v5::settled(notice).await,
            Receipt::Three(notice) => v4::settled(notice).await,
        }
    }
}

impl Answer {
    /// Waits for the broker's word; which subscriptions it refused, by their place, and why.
    pub(super) async fn answered(self) -> Result<Vec<(usize, String)>, Lost> {
        match self {
            Answer::Five(notice) => v5::answered(notice).await,
            Answer::Three(notice) => v4::answered(notice).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_librarys_words_become_ours() {
        let state = "Mqtt state: Mqtt serialization/deserialization error: ";
        let of = |said: &str| {
            let trouble = Trouble::other(&format!("{state}{said}"));
            (trouble.wrong, trouble.said)
        };
        assert_eq!(of("IO: received fatal alert: CertificateRequired"), (Wrong::Certificate, WANTS_OURS.to_string()));
        assert_eq!(of("IO: Connection reset by peer (os error 104)").0, Wrong::Lost);
        assert_eq!(of("IO: Connection reset by peer (os error 104)").1, "the broker closed the connection");
        let large = "Cannot send packet of size '5007'. It's greater than the broker's maximum packet size of: '2000'";
        assert!(of(large).0 == Wrong::TooLarge && of(large).1.starts_with(TAKES_LESS));
        assert_eq!(of("something else"), (Wrong::Lost, "something else".to_string()));
    }
}
