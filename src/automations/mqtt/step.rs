//! `mqtt` steps: a message is published, over a connection that stays for the next one.
//!
//! The topic stands in the info string (`topic=`) or in the first line; the payload is the text, or what another step
//! feeds. Attributes: `qos`, `retain`, `broker`, `content_type`, `expiry`.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::broker::Brokers;
use super::causes::Causes;
use super::link::{Full, Link, Options};
use super::message::{Publish, Qos};
use super::topic;
use crate::automations::steps::fill::fill_json;
use crate::automations::steps::{performed, sent_as_it_stands};
use crate::commands::model::{Step, StepKind, Syntax};
use crate::commands::run::{Performed, Planned, StepRunner, Unit, Work};
use crate::commands::template::{self, Lookup, Values};
use crate::kernel::duration::parse_ms;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::ids::Id;
use crate::store::Status;

/// How often is looked whether a step is to end.
const GLANCE: Duration = Duration::from_millis(100);

/// Says of how many firings a run is the consequence.
pub type DepthOf = Arc<dyn Fn(Id) -> u32 + Send + Sync>;

/// Publishes for steps. Clones share their connections, which end with the last of them.
#[derive(Clone)]
pub struct MqttSteps {
    brokers: Brokers,
    causes: Causes,
    depth: DepthOf,
    links: Arc<Mutex<HashMap<String, Arc<Link>>>>,
}

impl MqttSteps {
    /// Steps that publish to these brokers. No connection is made before the first.
    pub fn new(brokers: Brokers, causes: Causes, depth: DepthOf) -> MqttSteps {
        MqttSteps { brokers, causes, depth, links: Arc::default() }
    }

    fn link(&self, name: Option<&str>) -> Result<Arc<Link>> {
        let name = name.map_or_else(|| self.brokers.default_name(), |name| Ok(name.to_string()))?;
        let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(link) = links.get(&name) {
            return Ok(link.clone());
        }
        let broker = self.brokers.get(Some(&name))?;
        let options = Options { full: Full::Oldest, ..Options::default() };
        let link = Arc::new(Link::start(&broker, options, |_| None)?);
        links.insert(name, link.clone());
        Ok(link)
    }
}

impl StepRunner for MqttSteps {
    fn runs(&self, kind: StepKind) -> bool {
        kind == StepKind::Mqtt
    }

    fn ready(&self, step: &Step) -> Result<()> {
        let name = step.options.get("broker");
        // What is yet to be filled in is not known here.
        let is_open = name.is_some_and(|name| !template::placeholders(Syntax::Native, name).is_empty());
        if is_open { Ok(()) } else { self.brokers.get(name.map(String::as_str)).map(drop) }
    }

    fn run(&self, work: &Work<'_>) -> Result<Performed> {
        let begun = Instant::now();
        let filled = fill(work.step, work.look, work.input.as_deref())?;
        let said: Vec<String> = filled.missing.iter().map(|name| sent_as_it_stands(name)).collect();
        let mut publish = publish_of(work, filled)?;
        self.causes.note(&mut publish, depth_of(work, &self.depth));
        let name = work.step.options.get("broker");
        let name = name.map(|name| template::render(Syntax::Native, name, &Values::new(work.look)).text);
        let link = self.link(name.as_deref())?;
        let patience = link.broker().timeout;
        let limit = work.timeout.map_or(patience, |most| most.min(patience));
        let sent_at = Instant::now();
        let ended = send(&link, publish, limit, work).map_err(|error| {
            // The step's own time was over before the patience with the broker was.
            let is_late = error.kind() == Kind::Unreachable && limit < patience && sent_at.elapsed() >= limit;
            if is_late { Error::new(Kind::TimedOut, error.full_message()) } else { error }
        });
        let (status, code, trouble) = match ended {
            Ok(()) => (Status::Ok, 0, None),
            Err(error) => {
                let status = Status::of(error.kind());
                (status, i32::from(error.kind().exit_code()), Some(error))
            }
        };
        Ok(performed(work, begun, Vec::new(), &said.join(" "), (status, code, trouble)))
    }

    fn dry(&self, _unit: &Unit, step: &Step, look: Lookup<'_>) -> Result<Option<Planned>> {
        let filled = fill(step, look, None)?;
        let mut notes = vec![format!("topic={}", filled.topic)];
        notes.extend(
            step.options.iter().filter(|(name, _)| *name != "topic").map(|(name, text)| format!("{name}={text}")),
        );
        let mut notes = vec![notes.join(" ")];
        notes.extend(filled.missing.iter().map(|name| format!("`{name}` has no value and stays as it is")));
        Ok(Some(Planned { text: filled.text, notes }))
    }
}

/// How deep in a chain of firings stands what a step causes.
pub fn depth_of(work: &Work<'_>, look: &DepthOf) -> u32 {
    work.depth.map_or_else(|| look(work.run), |depth| depth.saturating_add(1))
}

fn send(link: &Link, publish: Publish, limit: Duration, work: &Work<'_>) -> Result<()> {
    let (tell, told) = sync_channel(1);
    link.send(publish, limit, move |ended| drop(tell.try_send(ended)))?;
    loop {
        match told.recv_timeout(GLANCE) {
            Ok(ended) => return ended,
            Err(RecvTimeoutError::Timeout) if work.stop.is_requested() => {
                return Err(Error::new(Kind::Interrupted, "stopped before the broker had the message"));
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Error::new(Kind::Failed, "the connection to the broker has ended"));
            }
        }
    }
}

/// What a step says, its placeholders filled.
struct Filled {
    topic: String,
    text: String,
    /// Placeholders of the text without a value, each once; they stay as they are.
    missing: Vec<String>,
}

/// Takes the text of a step apart before anything is filled in, so that no value becomes another topic or payload. In JSON
/// each value is one, and adds no field.
///
/// # Errors
/// `BadData` for a topic that cannot be published to.
fn fill(step: &Step, look: Lookup<'_>, input: Option<&[u8]>) -> Result<Filled> {
    let (topic, text) = match step.options.get("topic") {
        Some(topic) => (topic.as_str(), step.text.as_str()),
        None => step.text.split_once('\n').unwrap_or((&step.text, "")),
    };
    let topic = template::render(Syntax::Native, topic, &Values::new(look));
    if let Some(name) = topic.missing.first() {
        return Err(Error::new(Kind::BadData, format!("`{name}` has no value, and is part of the topic"))
            .hint("a topic is made of parameters and of what `fac auto triggers mqtt` lists: {{trigger_topic}}"));
    }
    let topic = topic.text.trim().to_string();
    topic::check_name(&topic).map_err(|error| {
        Error::new(Kind::BadData, error.message().to_string())
            .hint("write it in the info string, mqtt {topic=home/lamp}, or as the first line")
    })?;
    let input = input.map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let missing = RefCell::new(Vec::new());
    let value = |name: &str| {
        let found = input.clone().filter(|_| name == "input").or_else(|| look(name));
        let mut missing = missing.borrow_mut();
        if found.is_none() && !missing.iter().any(|known| known == name) {
            missing.push(name.to_string());
        }
        found
    };
    let mut text = match fill_json(text, &value) {
        Some(filled) => filled?,
        None => template::render(Syntax::Native, text, &Values::new(&value)).text,
    };
    if text.ends_with('\n') {
        text.pop();
    }
    Ok(Filled { topic, text, missing: missing.into_inner() })
}

/// The message of a step.
fn publish_of(work: &Work<'_>, filled: Filled) -> Result<Publish> {
    let step = work.step;
    let payload = match &work.input {
        Some(input) if filled.text.is_empty() => input.clone(),
        _ => filled.text.into_bytes(),
    };
    let mut publish = Publish::new(filled.topic, payload, qos(step)?);
    publish.retain = step.options.get("retain").is_some_and(|word| !matches!(word.as_str(), "false" | "no"));
    publish.properties.content_type = step.options.get("content_type").cloned();
    publish.properties.expiry = match step.options.get("expiry") {
        Some(text) => Some(seconds(text)?),
        None => None,
    };
    Ok(publish)
}

fn qos(step: &Step) -> Result<Qos> {
    let Some(word) = step.options.get("qos") else { return Ok(Qos::Least) };
    let qos = word.parse().ok().and_then(Qos::of);
    qos.ok_or_else(|| Error::new(Kind::BadData, format!("`qos={word}` is none of 0, 1 and 2")))
}

fn seconds(text: &str) -> Result<u32> {
    let ms = parse_ms(text)
        .ok_or_else(|| Error::new(Kind::BadData, format!("`expiry={text}` is no length of time such as `10s`")))?;
    Ok(u32::try_from(ms.div_ceil(1000)).unwrap_or(u32::MAX))
}
