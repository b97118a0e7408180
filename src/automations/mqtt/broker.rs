//! A broker as the settings describe it: where it is, who we are there, how it is spoken to.
//!
//! Nothing is connected here. A password comes from the secrets, never from an address.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use url::Url;

use crate::kernel::config::{Config, Member};
use crate::kernel::error::{Context, Error, Kind, Result};
use crate::kernel::http::Tls;
use crate::kernel::secret::Secret;

/// The broker that is meant where the settings name none.
const LOCAL: &str = "mqtt://localhost:1883";
/// The largest packet that is taken, bytes, and the largest that the protocol knows.
const PACKET: u64 = 1 << 20;
pub(super) const LARGEST_PACKET: u32 = 268_435_455;
const KEEP_ALIVE: Duration = Duration::from_secs(30);
const TIMEOUT: Duration = Duration::from_secs(10);
const KEEP_SESSION: Duration = Duration::from_secs(24 * 3600);
const QUEUE: u64 = 1000;

/// Which MQTT is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Version {
    /// MQTT 5.
    #[default]
    Five,
    /// MQTT 3.1.1.
    Three,
}

impl Version {
    /// The word of the settings.
    pub fn name(self) -> &'static str {
        match self {
            Version::Five => "5",
            Version::Three => "3.1.1",
        }
    }

    /// The version of this word.
    pub fn of(word: &str) -> Option<Version> {
        match word {
            "5" => Some(Version::Five),
            "3.1.1" => Some(Version::Three),
            _ => None,
        }
    }
}

/// How the bytes get there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// As they are.
    Tcp,
    /// In TLS.
    Tls,
    /// In a WebSocket.
    Ws,
    /// In a WebSocket in TLS.
    Wss,
}

impl Way {
    /// Whether TLS is spoken.
    pub fn is_tls(self) -> bool {
        matches!(self, Way::Tls | Way::Wss)
    }
}

/// Everything that a connection needs to know of a broker.
#[derive(Clone, Debug)]
pub struct Broker {
    /// Its name in the settings, or its address.
    pub name: String,
    /// Its host.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the bytes get there.
    pub way: Way,
    /// The whole address, for WebSockets.
    pub url: Url,
    /// Which MQTT is spoken.
    pub version: Version,
    /// Who we are there.
    pub user: Option<String>,
    /// What proves it.
    pub password: Option<Secret>,
    /// Whose certificates are believed, and which one is ours.
    pub tls: Tls,
    /// Our name there; several connections get endings of their own.
    pub client_id: Option<String>,
    /// How often a silent connection says that it is there.
    pub keep_alive: Duration,
    /// How long a connection and an answer may take.
    pub timeout: Duration,
    /// The largest packet that is taken, bytes.
    pub max_packet: u32,
    /// How many messages wait for a broker that is away.
    pub queue: usize,
    /// How long the broker keeps what automations missed.
    pub keep_session: Duration,
    /// The topic that says, kept, whether we are `online` or `offline`.
    pub status_topic: Option<String>,
}

impl Broker {
    /// The broker at an address, with what is written beside it.
    ///
    /// # Errors
    /// `Usage` for an address that is none, or that holds a password.
    pub fn at(name: &str, address: &str, written: &Member) -> Result<Broker> {
        let url =
            Url::parse(address).context(Kind::Usage, || format!("{:?} is no address of a broker", shown(address)));
        let url =
            url.map_err(|e| e.hint("write it like mqtt://host:1883, mqtts://host, ws://host/mqtt or wss://host/mqtt"))?;
        let (way, port) = match url.scheme() {
            "mqtt" | "tcp" => (Way::Tcp, 1883),
            "mqtts" | "ssl" => (Way::Tls, 8883),
            "ws" => (Way::Ws, 80),
            "wss" => (Way::Wss, 443),
            other => {
                return Err(Error::new(Kind::Usage, format!("a broker is not reached by {other}://"))
                    .hint("write mqtt://, mqtts://, ws:// or wss://"));
            }
        };
        if url.password().is_some() {
            return Err(Error::new(Kind::Refused, "the address of a broker is no place for a password")
                .hint("keep it with `fac secret set NAME` and name it: fac config set broker.BROKER.secret NAME"));
        }
        let host = url.host_str().filter(|h| !h.is_empty());
        let host =
            host.ok_or_else(|| Error::new(Kind::Usage, format!("{:?} names no host", shown(address))))?.to_string();
        let in_address = Some(url.username()).filter(|u| !u.is_empty()).map(String::from);
        let file = |field: &str| written.text(field).map(PathBuf::from);
        let identity = match (file("cert_file"), file("key_file")) {
            (Some(cert), Some(key)) => Some((cert, key)),
            (None, None) => None,
            _ => {
                return Err(Error::new(
                    Kind::BadData,
                    format!("the broker `{name}` has one of cert_file and key_file"),
                )
                .hint("a certificate of ours needs both"));
            }
        };
        Ok(Broker {
            name: name.to_string(),
            port: url.port().unwrap_or(port),
            host,
            way,
            version: written.text("version").and_then(Version::of).unwrap_or_default(),
            user: written.text("user").map(String::from).or(in_address),
            password: None,
            tls: Tls { only: file("ca_file"), more: Vec::new(), identity },
            client_id: written.text("client_id").map(String::from),
            keep_alive: written.duration("keep_alive").unwrap_or(KEEP_ALIVE),
            timeout: written.duration("timeout").filter(|t| !t.is_zero()).unwrap_or(TIMEOUT),
            max_packet: u32::try_from(written.int("max_packet_kb").map_or(PACKET, |kb| kb * 1024))
                .unwrap_or(LARGEST_PACKET)
                .min(LARGEST_PACKET),
            queue: usize::try_from(written.int("queue").unwrap_or(QUEUE)).unwrap_or(usize::MAX),
            keep_session: written.duration("keep_session").unwrap_or(KEEP_SESSION),
            status_topic: written.text("status_topic").map(String::from),
            url,
        })
    }

    /// Where it is, for people: `localhost:1883`.
    pub fn place(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

/// Finds the secret of a name.
pub type FindSecret = Arc<dyn Fn(&str) -> Result<Secret> + Send + Sync>;

/// The brokers of the settings.
#[derive(Clone)]
pub struct Brokers {
    written: BTreeMap<String, Member>,
    default: Option<String>,
    ca_files: Vec<PathBuf>,
    secret: FindSecret,
}

impl Brokers {
    /// Reads the settings; secrets are looked up when a broker is asked for.
    pub fn new(config: &Config, secret: FindSecret) -> Brokers {
        let ca = config.text("network.ca_file").filter(|f| !f.is_empty()).map(PathBuf::from);
        Brokers {
            written: config.members("broker"),
            default: config.text("mqtt.broker").filter(|b| !b.is_empty()).map(String::from),
            ca_files: ca.into_iter().collect(),
            secret,
        }
    }

    /// No brokers in the settings: only addresses can be named, and the one on this machine is the default.
    pub fn none(secret: FindSecret) -> Brokers {
        Brokers { written: BTreeMap::new(), default: None, ca_files: Vec::new(), secret }
    }

    /// A word that is another one where anything is said otherwise of any broker, its secret too.
    pub fn stamp(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(format!("{:?} {:?}", self.default, self.ca_files));
        for (name, written) in &self.written {
            let secret = written.text("secret").map(|secret| (self.secret)(secret));
            let secret = secret.map(|found| found.map(|s| s.expose().to_string()).map_err(|e| e.full_message()));
            hash.update(format!("{name} {written:?} {secret:?}"));
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The names in the settings.
    pub fn names(&self) -> Vec<&str> {
        self.written.keys().map(String::as_str).collect()
    }

    /// The name of the broker that is meant where none is named.
    ///
    /// # Errors
    /// `Usage` when there are several and none is the default.
    pub fn default_name(&self) -> Result<String> {
        if let Some(name) = &self.default {
            return Ok(name.clone());
        }
        match self.written.len() {
            0 => Ok(LOCAL.to_string()),
            1 => Ok(self.written.keys().next().cloned().unwrap_or_default()),
            _ if self.written.contains_key("default") => Ok("default".to_string()),
            _ => Err(Error::new(Kind::Usage, format!("which broker? There are {}", self.names().join(", ")))
                .hint("name it with --broker, or choose one: fac config set mqtt.broker NAME")),
        }
    }

    /// A broker by its name in the settings or its address; without a name, the default.
    ///
    /// # Errors
    /// `NotFound` for a name that is not in the settings and for a secret that is not there; otherwise what is wrong.
    pub fn get(&self, name: Option<&str>) -> Result<Broker> {
        let name = name.map_or_else(|| self.default_name(), |name| Ok(name.to_string()))?;
        let nothing = Member::default();
        let (written, address) = match self.written.get(&name) {
            Some(written) => {
                let address = written.text("url").ok_or_else(|| {
                    Error::new(Kind::BadData, format!("the broker `{name}` has no url"))
                        .hint(format!("fac config set broker.{name}.url mqtt://host:1883"))
                })?;
                (written, address)
            }
            None if name.contains("://") => (&nothing, name.as_str()),
            None => return Err(self.unknown(&name)),
        };
        let mut broker = Broker::at(&name, address, written)?;
        broker.tls.more.clone_from(&self.ca_files);
        broker.password = written.text("secret").map(|secret| (self.secret)(secret)).transpose()?;
        Ok(broker)
    }

    /// A secret by its name.
    ///
    /// # Errors
    /// `NotFound` when it is not there.
    pub fn secret(&self, name: &str) -> Result<Secret> {
        (self.secret)(name)
    }

    fn unknown(&self, name: &str) -> Error {
        let error = Error::new(Kind::NotFound, format!("there is no broker `{}` in the settings", shown(name)));
        match self.names().as_slice() {
            _ if shown(name) != name => error.hint("an address begins with mqtt://, and is no place for a password"),
            [] => error.hint(format!("fac config set broker.{name}.url mqtt://host:1883")),
            some => error.hint(format!("there are {}", some.join(", "))),
        }
    }
}

/// A broker as somebody named it, by name or address, without a password that may stand in it.
pub fn shown(name: &str) -> String {
    let (scheme, rest) = name.split_once("://").map_or(("", name), |(scheme, rest)| (scheme, rest));
    let end = if scheme.is_empty() { "" } else { "://" };
    match rest.rsplit_once('@') {
        Some((who, host)) if who.contains(':') => format!("{scheme}{end}…@{host}"),
        _ => name.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_of_an_address_is_shown() {
        for (name, want) in [
            ("mqtt://ada:secret@host:1883", "mqtt://…@host:1883"),
            ("ada:sec@ret@host", "…@host"),
            ("mqtt://ada@host", "mqtt://ada@host"),
            ("mqtt://host:1883", "mqtt://host:1883"),
            ("home", "home"),
        ] {
            assert_eq!(shown(name), want);
        }
    }

    fn at(address: &str) -> Result<Broker> {
        Broker::at("x", address, &Member::default())
    }

    #[test]
    fn addresses_say_how_and_where() {
        for (address, way, place) in [
            ("mqtt://host", Way::Tcp, "host:1883"),
            ("tcp://host:1884", Way::Tcp, "host:1884"),
            ("mqtts://host", Way::Tls, "host:8883"),
            ("ws://host/mqtt", Way::Ws, "host:80"),
            ("wss://host:9001/x", Way::Wss, "host:9001"),
            ("mqtt://[::1]:1", Way::Tcp, "[::1]:1"),
        ] {
            let broker = at(address).unwrap();
            assert_eq!((broker.way, broker.place().as_str()), (way, place), "{address}");
        }
        assert_eq!(at("mqtt://ada@host").unwrap().user.as_deref(), Some("ada"));
    }

    #[test]
    fn what_is_no_address_of_a_broker() {
        for address in ["", "host", "http://host", "mqtt://", "mqtt:host"] {
            assert_eq!(at(address).unwrap_err().kind(), Kind::Usage, "{address:?}");
        }
        let error = at("mqtt://ada:open-sesame@host").unwrap_err();
        assert_eq!(error.kind(), Kind::Refused);
        assert!(!error.full_message().contains("sesame"));
    }
}
