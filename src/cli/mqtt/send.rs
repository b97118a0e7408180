//! `fac mqtt pub`: one message, or one for each line of what is piped in.

use std::io::Read;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::json;

use super::super::Context;
use super::super::lines::{self, Line};
use super::{There, Will, only_five, pair, qos, time};
use crate::app::runtime::wait;
use crate::automations::mqtt::broker::Version;
use crate::automations::mqtt::causes::DEPTH;
use crate::automations::mqtt::link::Options;
use crate::automations::mqtt::{Broker, Link, Properties, Publish, Qos, Session, once, topic};
use crate::kernel::error::{Context as _, Error, Kind, Result};

/// The largest message of the protocol, bytes.
const LARGEST: u64 = 268_435_455;

/// Publish a message
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Where to
    topic: String,
    /// What; without it, what is piped in
    #[arg(allow_negative_numbers = true)]
    message: Option<String>,
    /// Send a file
    #[arg(short, long, value_name = "FILE", conflicts_with = "message")]
    file: Option<PathBuf>,
    /// Send each line that is piped in as a message of its own, as it comes
    #[arg(short, long, conflicts_with_all = ["message", "file"])]
    lines: bool,
    /// Send an empty message; with --retain that takes the kept one away
    #[arg(short, long, conflicts_with_all = ["message", "file", "lines"])]
    null: bool,
    /// Have the broker keep it for those who subscribe later
    #[arg(short, long)]
    retain: bool,
    /// How surely it arrives: 0 at most once, 1 at least once, 2 exactly once
    #[arg(short = 'Q', long, value_name = "N", value_parser = qos, default_value = "0")]
    qos: Qos,
    /// Send it so often
    #[arg(long, value_name = "N", default_value_t = 1, conflicts_with = "lines")]
    repeat: usize,
    /// How long to wait between two times
    #[arg(long, value_name = "TIME", value_parser = time, requires = "repeat")]
    every: Option<Duration>,
    #[command(flatten)]
    said: Said,
    #[command(flatten)]
    there: There,
    #[command(flatten)]
    will: Will,
}

/// What MQTT 5 says beside a message.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "MQTT 5")]
struct Said {
    /// The kind of content, such as application/json
    #[arg(long, value_name = "TYPE")]
    content_type: Option<String>,
    /// Where an answer is wanted
    #[arg(long, value_name = "TOPIC")]
    response_topic: Option<String>,
    /// What an answer is to be marked with
    #[arg(long, value_name = "TEXT")]
    correlation: Option<String>,
    /// How long the message is of use to anybody
    #[arg(long, value_name = "TIME", value_parser = time)]
    expiry: Option<Duration>,
    /// A pair of your own (may be said again)
    #[arg(long = "property", value_name = "NAME=TEXT", value_parser = pair)]
    properties: Vec<(String, String)>,
    /// Declare the message to be UTF-8 text
    #[arg(long = "text")]
    is_text: bool,
}

impl Said {
    fn properties(&self, version: Version) -> Result<Properties> {
        let properties = Properties {
            content_type: self.content_type.clone(),
            response_topic: self.response_topic.clone(),
            correlation: self.correlation.as_ref().map(|text| text.clone().into_bytes()),
            expiry: self.expiry.map(|time| u32::try_from(time.as_secs().max(1)).unwrap_or(u32::MAX)),
            is_text: self.is_text,
            user: self.properties.clone(),
            subscriptions: Vec::new(),
        };
        match version {
            Version::Three if !properties.is_empty() => Err(only_five("what is said beside a message")),
            _ => Ok(properties),
        }
    }
}

pub(super) fn run(context: &mut Context, args: &Args) -> Result<u8> {
    let broker = args.there.broker(context)?;
    let mut properties = args.said.properties(broker.version)?;
    if broker.version == Version::Five && context.app.env.text("FAC_JOB_ID").is_some() {
        // A script that an automation began says so, as its steps do: what comes of it may be a loop.
        let store = context.app.store()?;
        let depth = store.depth_of(store.trace())?.map(|depth| depth.saturating_add(1).to_string());
        properties.user.extend(depth.map(|depth| (DEPTH.to_string(), depth)));
    }
    let like = |payload: Vec<u8>| Publish {
        topic: args.topic.clone(),
        payload,
        qos: args.qos,
        retain: args.retain,
        properties: properties.clone(),
    };
    topic::check_publish(&like(Vec::new()))?;
    let id = args.there.id.clone().unwrap_or_default();
    let session = Session { client_id: id, will: args.will.publish(), ..Session::default() };
    if args.lines || args.repeat > 1 {
        let sent = many(context, &broker, session, args, &like)?;
        return told(context, args, sent);
    }
    let all = vec![like(payload(context, args)?); args.repeat];
    wait(once::publish(&broker, &session, all))??;
    told(context, args, args.repeat)
}

fn told(context: &Context, args: &Args, sent: usize) -> Result<u8> {
    if context.ui.json {
        context
            .ui
            .value(&json!({"topic": args.topic, "qos": args.qos.number(), "retain": args.retain, "sent": sent}))?;
    }
    Ok(0)
}

/// What is to be sent.
fn payload(context: &Context, args: &Args) -> Result<Vec<u8>> {
    if args.null {
        return Ok(Vec::new());
    }
    if let Some(message) = &args.message {
        return Ok(message.clone().into_bytes());
    }
    let (bytes, what) = match &args.file {
        Some(file) => {
            let opened =
                std::fs::File::open(file).context(Kind::NotFound, || format!("cannot read {}", file.display()));
            (read(opened?), file.display().to_string())
        }
        None if context.ui.no_input || std::io::IsTerminal::is_terminal(&std::io::stdin()) => {
            return Err(Error::new(Kind::Usage, "what is to be sent is missing")
                .hint("write it behind the topic, pipe it in, name a --file, or say --null for nothing"));
        }
        None => (read(std::io::stdin().lock()), "what is piped in".to_string()),
    };
    let bytes = bytes.context(Kind::Failed, || format!("cannot read {what}"))?;
    if bytes.is_empty() && args.retain {
        let said = format!("{what} is empty, and an empty message takes the kept one away");
        return Err(Error::new(Kind::Usage, said).hint("say --null where that is meant"));
    }
    if bytes.len() as u64 > LARGEST {
        return Err(Error::new(Kind::BadData, format!("{what} is larger than a message can be (256 MB)")));
    }
    Ok(bytes)
}

fn read(from: impl Read) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(LARGEST + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Messages one after another over a connection that may come and go meanwhile.
fn many(
    context: &Context,
    broker: &Broker,
    session: Session,
    args: &Args,
    like: &dyn Fn(Vec<u8>) -> Publish,
) -> Result<usize> {
    let mut link = Link::start(broker, Options { session, ..Options::default() }, |_| None)?;
    link.wait_up(broker.timeout)?;
    let stream =
        Stream { link: &link, broker, failed: Arc::default(), refused: Arc::default(), under_way: Arc::default() };
    let mut sent = 0;
    if args.lines {
        if context.ui.no_input {
            return Err(Error::new(Kind::Usage, "--lines reads what is piped in, and --no-input forbids that"));
        }
        let mut piped = std::io::stdin().lock();
        let mut next = || lines::next(&mut piped, LARGEST as usize);
        while let Some(line) = next().context(Kind::Failed, || "cannot read what is piped in".to_string())? {
            let Line::Whole(line) = line else {
                let said = format!("line {} is larger than a message can be (256 MB)", sent + 1);
                return Err(Error::new(Kind::BadData, said));
            };
            stream.send(like(line))?;
            sent += 1;
        }
    } else {
        let payload = payload(context, args)?;
        let signals = crate::exec::signals::StopOnSignals::new()?;
        while sent < args.repeat {
            if sent > 0 && signals.stop().wait(args.every.unwrap_or_default()) {
                return Err(Error::new(Kind::Interrupted, format!("stopped after {sent} messages")));
            }
            stream.send(like(payload.clone()))?;
            sent += 1;
        }
    }
    stream.settle(sent)?;
    link.stop();
    Ok(sent)
}

/// Messages on their way, not too many at a time. What the broker refuses keeps none of the others from it; any other
/// failure ends it.
struct Stream<'a> {
    link: &'a Link,
    broker: &'a Broker,
    failed: Arc<Mutex<Option<Error>>>,
    /// How many the broker refused, and why it did the first.
    refused: Arc<Mutex<(usize, Option<Error>)>>,
    under_way: Arc<(AtomicUsize, std::sync::Condvar, Mutex<()>)>,
}

/// How many may be under way.
const AT_A_TIME: usize = 200;
/// How many bytes, where that is more than one message.
const MOST_BYTES: usize = 64 << 20;

impl Stream<'_> {
    fn send(&self, publish: Publish) -> Result<()> {
        self.until_fewer_than((MOST_BYTES / publish.payload.len().max(1)).clamp(1, AT_A_TIME))?;
        let (failed, refused, under_way) = (self.failed.clone(), self.refused.clone(), self.under_way.clone());
        under_way.0.fetch_add(1, Ordering::SeqCst);
        self.link.send(publish, self.broker.timeout, move |ended| {
            if let Err(error) = ended {
                if error.kind() == Kind::Refused {
                    let mut refused = refused.lock().unwrap_or_else(PoisonError::into_inner);
                    refused.0 += 1;
                    refused.1.get_or_insert(error);
                } else {
                    failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                }
            }
            let _guard = under_way.2.lock().unwrap_or_else(PoisonError::into_inner);
            under_way.0.fetch_sub(1, Ordering::SeqCst);
            under_way.1.notify_all();
        })
    }

    /// Waits for all, of so many.
    fn settle(&self, sent: usize) -> Result<()> {
        self.until_fewer_than(1)?;
        let (count, first) = std::mem::take(&mut *self.refused.lock().unwrap_or_else(PoisonError::into_inner));
        match first {
            Some(first) if count > 1 => {
                let said = format!("{count} of {sent} messages were refused");
                Err(Error::new(Kind::Refused, said).because(first).hint("check what you may publish there"))
            }
            Some(first) => Err(first),
            None => Ok(()),
        }
    }

    fn until_fewer_than(&self, most: usize) -> Result<()> {
        let (count, changed, guard) = &*self.under_way;
        let mut guard = guard.lock().unwrap_or_else(PoisonError::into_inner);
        while count.load(Ordering::SeqCst) >= most {
            guard = changed.wait(guard).unwrap_or_else(PoisonError::into_inner);
        }
        drop(guard);
        match self.failed.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }
}
