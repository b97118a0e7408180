//! `fac mqtt`: publish, subscribe, and see which brokers answer.

mod format;
mod listen;
mod send;
mod status;

use std::path::PathBuf;

use clap::Subcommand;

use super::Context;
use super::args::time;
use crate::automations::mqtt::broker::Version;
use crate::automations::mqtt::{Broker, Publish, Qos};
use crate::kernel::error::{Error, Kind, Result};

const EXAMPLES: &str = "\
Examples:
  fac mqtt pub home/lamp/set on                       a message
  fac mqtt pub home/state '{\"on\":true}' --retain --qos 1
  sensor | fac mqtt pub home/raw --lines              a message for each line
  fac mqtt sub 'home/#'                               what is said there
  fac mqtt sub 'home/+/button' -C 1 -W 30s --json     wait for one message
  fac mqtt sub home/temp --format '%I %p'
  fac mqtt status                                     which brokers answer

  fac config set broker.home.url mqtts://broker.example.org
  fac config set broker.home.user ada
  fac secret set broker_home && fac config set broker.home.secret broker_home

Without a broker in the settings the one on this machine is meant
(mqtt://localhost:1883).";

/// Publish and subscribe to MQTT topics
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    #[command(visible_alias = "publish")]
    Pub(Box<send::Args>),
    #[command(visible_alias = "subscribe")]
    Sub(Box<listen::Args>),
    Status(status::Args),
}

/// Which broker, and who we are there.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Broker")]
struct There {
    /// The broker: its name in the settings, or an address such as mqtts://host
    #[arg(short, long, value_name = "BROKER")]
    broker: Option<String>,
    /// Who you are there
    #[arg(short, long, value_name = "NAME")]
    user: Option<String>,
    /// The secret that is the password (`fac secret set`)
    #[arg(long, value_name = "NAME")]
    secret: Option<String>,
    /// The MQTT that is spoken: 5 or 3.1.1
    #[arg(long, value_name = "VERSION", value_parser = ["5", "3.1.1"])]
    #[arg(hide_possible_values = true)]
    protocol: Option<String>,
    /// The name of this connection
    #[arg(short, long, value_name = "CLIENT")]
    id: Option<String>,
    /// The only certificate authorities that are believed (PEM)
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// A certificate of yours (PEM)
    #[arg(long, value_name = "FILE", requires = "key_file")]
    cert_file: Option<PathBuf>,
    /// The key of that certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "cert_file")]
    key_file: Option<PathBuf>,
    /// How long a connection or an answer may take (10s)
    #[arg(long, value_name = "TIME", value_parser = time)]
    timeout: Option<std::time::Duration>,
    /// How often a silent connection shows that it is there (30s)
    #[arg(long, value_name = "TIME", value_parser = time)]
    keep_alive: Option<std::time::Duration>,
}

/// What the broker publishes when the connection is lost.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Last will")]
struct Will {
    /// Where the broker says that the connection was lost
    #[arg(long, value_name = "TOPIC")]
    will_topic: Option<String>,
    /// What it says
    #[arg(long, value_name = "TEXT", requires = "will_topic", default_value = "")]
    will_message: String,
    /// How surely: 0, 1 or 2
    #[arg(long, value_name = "N", requires = "will_topic", value_parser = qos, default_value = "0")]
    will_qos: Qos,
    /// Whether it is kept
    #[arg(long, requires = "will_topic")]
    will_retain: bool,
}

impl There {
    /// The broker with what the command line says about it.
    fn broker(&self, context: &Context) -> Result<Broker> {
        let brokers = context.app.brokers()?;
        let mut broker = brokers.get(self.broker.as_deref())?;
        if let Some(user) = &self.user {
            broker.user = Some(user.clone());
        }
        if let Some(secret) = &self.secret {
            broker.password = Some(brokers.secret(secret)?);
        }
        if let Some(version) = self.protocol.as_deref().and_then(Version::of) {
            broker.version = version;
        }
        if (self.ca_file.is_some() || self.cert_file.is_some()) && !broker.way.is_tls() {
            let said = format!("{} is without TLS, so no certificate would be looked at", broker.place());
            return Err(Error::new(Kind::Usage, said).hint("write mqtts:// or wss:// before the host"));
        }
        if let Some(file) = &self.ca_file {
            broker.tls.only = Some(file.clone());
        }
        if let (Some(cert), Some(key)) = (&self.cert_file, &self.key_file) {
            broker.tls.identity = Some((cert.clone(), key.clone()));
        }
        if let Some(timeout) = self.timeout {
            broker.timeout = timeout;
        }
        if let Some(keep_alive) = self.keep_alive {
            broker.keep_alive = keep_alive;
        }
        Ok(broker)
    }
}

impl Will {
    fn publish(&self) -> Option<Publish> {
        let topic = self.will_topic.as_ref()?;
        let will = Publish::new(topic, self.will_message.as_bytes(), self.will_qos);
        Some(if self.will_retain { will.kept() } else { will })
    }
}

/// A quality as it is typed.
fn qos(text: &str) -> Result<Qos, String> {
    text.parse().ok().and_then(Qos::of).ok_or_else(|| "it is 0, 1 or 2".to_string())
}

/// A pair as it is typed.
fn pair(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').filter(|(name, _)| !name.is_empty());
    pair.map(|(name, value)| (name.to_string(), value.to_string())).ok_or_else(|| "write it NAME=TEXT".to_string())
}

/// The error of an option that only MQTT 5 knows.
fn only_five(what: &str) -> Error {
    Error::new(Kind::Usage, format!("{what} needs MQTT 5")).hint("leave --protocol 3.1.1 out")
}

pub(super) fn run(context: &mut Context, args: Args) -> Result<u8> {
    match args.what {
        What::Pub(args) => send::run(context, &args),
        What::Sub(args) => listen::run(context, &args),
        What::Status(args) => status::run(context, &args),
    }
}
