//! Messages as a source of triggers: one connection for each broker that a trigger names.
//!
//! A message is acknowledged only when whatever it fires is written down, so that one that we did not live to write
//! down comes again. Whether it fires anything is the business of others.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, TrySendError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use super::broker::{Broker, Brokers};
use super::causes::Causes;
use super::copies::Copies;
use super::dialogue::{Retained, Session, Subscription};
use super::keys::{Keys, content};
use super::link::{Arrival, Flood, Link, Options, Token};
use super::message::{Message, Publish, Qos};
use super::topic;
use crate::automations::happening::{Happening, Trigger};
use crate::commands::model;
use crate::kernel::clock::Clock;
use crate::kernel::error::{Context as _, Error, Kind, Result};
use crate::kernel::files;
use crate::store::OWED;

/// How many messages are held for rules that are busy, beside those that the channel holds.
const HELD: usize = 1000;
/// Of how many topics the last message is remembered.
const TOPICS: usize = 20_000;
/// The largest list of filters that is kept, bytes.
const LARGEST_LIST: u64 = 4 << 20;
/// How closely kept messages follow each other.
const CLOSELY: Duration = Duration::from_millis(300);
/// How long they may take at most; what comes then is new.
const CATCHES_UP: Duration = Duration::from_secs(30);
/// The longest payload that is looked at as JSON, bytes.
const JSON: usize = 1 << 20;

/// Listens to brokers.
pub struct MqttSource {
    brokers: Brokers,
    folder: PathBuf,
    clock: Clock,
    causes: Causes,
    links: BTreeMap<String, (Link, Filters)>,
    /// What cannot be listened to, and why.
    broken: Vec<(String, String)>,
}

impl MqttSource {
    /// A source that listens to nothing yet. `folder` keeps what must be known after a restart.
    pub fn new(brokers: Brokers, folder: &Path, clock: Clock, causes: Causes) -> MqttSource {
        let folder = folder.to_path_buf();
        MqttSource { brokers, folder, clock, causes, links: BTreeMap::new(), broken: Vec::new() }
    }

    fn open(&self, name: &str, all: Vec<Subscription>, heard: &SyncSender<Happening>) -> Result<(Link, Filters)> {
        let broker = self.brokers.get(Some(name))?;
        files::ensure_dir(&self.folder)?;
        let client = match &broker.client_id {
            Some(id) => id.clone(),
            None => name_with(&own_name(&self.folder)?, name, self.brokers.default_name().ok().as_deref()),
        };
        let file_of = |what: &str| self.folder.join(format!("{what}-{}.json", file_name(&format!("{name}-{client}"))));
        let file = file_of("mqtt");
        let filters = Filters::new(file_of("mqtt-filters"));
        let stale = filters.listen(&all);
        let options = Options { stale, ..options(&broker, &client, all) };
        let hearer = Hearer {
            broker: name.to_string(),
            clock: self.clock.clone(),
            causes: self.causes.clone(),
            keys: Keys::open(file, &client),
            last: HashMap::new(),
            copies: Copies::default(),
            filters: filters.clone(),
            offered: None,
            kept: None,
            heard: heard.clone(),
        };
        Ok((Link::start(&broker, options, hearer.closure())?, filters))
    }
}

/// What a session listens to, kept in a file: whoever comes after us with the same session must know what to leave.
#[derive(Clone, Debug)]
struct Filters {
    file: PathBuf,
    now: Arc<Mutex<Vec<String>>>,
}

impl Filters {
    fn new(file: PathBuf) -> Filters {
        Filters { file, now: Arc::default() }
    }

    /// This is listened to from now on; gives what the session may hold beside it.
    fn listen(&self, all: &[Subscription]) -> Vec<String> {
        let now: Vec<String> = all.iter().map(|s| s.filter.clone()).collect();
        let text = files::read_text(&self.file, LARGEST_LIST).ok().flatten().unwrap_or_default();
        let mut stale: Vec<String> = serde_json::from_str(&text).unwrap_or_default();
        stale.retain(|filter| !now.contains(filter));
        self.keep(&[&now[..], &stale[..]].concat());
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = now;
        stale
    }

    /// The broker was told what is listened to.
    fn told(&self) {
        let now = self.now.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.keep(&now);
    }

    fn keep(&self, all: &[String]) {
        let text = json!(all).to_string();
        if files::read_text(&self.file, LARGEST_LIST).ok().flatten().as_deref() == Some(&text) {
            return;
        }
        if let Err(error) = files::write_atomic(&self.file, text.as_bytes(), true) {
            // What is lost is only that a message may come by a subscription that nobody remembers.
            tracing::warn!(error = error.full_message(), "what is listened to is not kept");
        }
    }
}

impl Trigger for MqttSource {
    fn kind(&self) -> &'static str {
        "mqtt"
    }

    fn listen(&mut self, wanted: &[model::Trigger], heard: &SyncSender<Happening>) -> Result<()> {
        let (all, nowhere) = subscriptions(wanted, &self.brokers);
        self.broken.clear();
        self.links.retain(|name, _| all.contains_key(name));
        let mut first = None;
        for (name, subscriptions) in all {
            let done = match self.links.get(&name) {
                Some((link, filters)) => {
                    filters.listen(&subscriptions);
                    link.subscribe(subscriptions)
                }
                None => self.open(&name, subscriptions, heard).map(|link| drop(self.links.insert(name.clone(), link))),
            };
            if let Err(error) = done {
                tracing::warn!(broker = name, error = error.full_message(), "the broker cannot be listened to");
                self.broken.push((format!("the broker `{name}`"), error.full_message()));
                first.get_or_insert(error);
            }
        }
        if let Some((filters, error)) = nowhere {
            let why = format!("{}; broker=NAME says it, or `fac config set mqtt.broker NAME`", error.full_message());
            self.broken.push((filters, why));
            first.get_or_insert(error);
        }
        match first {
            Some(error) if self.links.is_empty() => Err(error),
            _ => Ok(()),
        }
    }

    fn is_settled(&self) -> bool {
        self.links.values().all(|(link, _)| link.is_settled())
    }

    fn made_of(&self) -> Option<String> {
        Some(self.brokers.stamp())
    }

    fn state(&self) -> String {
        let mut said: Vec<String> = self.links.values().map(|(link, _)| link.said()).collect();
        said.extend(self.broken.iter().map(|(name, why)| format!("{name}: {why}")));
        if said.is_empty() { "listening to nothing".to_string() } else { said.join("; ") }
    }

    fn trouble(&self) -> Vec<(String, String)> {
        let away = self.links.iter().flat_map(|(name, (link, _))| {
            let standing = link.standing();
            let broker = format!("the broker `{name}` at {}", link.broker().place());
            let refused = standing.refused.into_iter().filter(|_| standing.up);
            let refused = refused.map(|(filter, why)| (format!("{filter} from {broker}"), format!("refused ({why})")));
            let away = standing.trouble.filter(|_| !standing.up).map(|trouble| (broker.clone(), trouble.said));
            away.into_iter().chain(refused.collect::<Vec<_>>())
        });
        away.chain(self.broken.iter().cloned()).collect()
    }

    fn stop(&mut self) {
        // Each says goodbye as it goes.
        self.links.clear();
    }
}

/// What is to be subscribed to, by broker.
type ByBroker = BTreeMap<String, Vec<Subscription>>;

/// What is to be subscribed to, by broker, and the filters for which nobody says which broker. Triggers of other kinds are
/// passed over.
fn subscriptions(wanted: &[model::Trigger], brokers: &Brokers) -> (ByBroker, Option<(String, Error)>) {
    let mut all = ByBroker::new();
    let mut nowhere: Option<(String, Error)> = None;
    for trigger in wanted.iter().filter(|t| t.kind == "mqtt") {
        let name = match trigger.options.get("broker") {
            Some(name) => name.clone(),
            None => match brokers.default_name() {
                Ok(name) => name,
                Err(error) => {
                    let filters = trigger.args.join(" ");
                    match &mut nowhere {
                        Some((all, _)) => all.push_str(&format!(" {filters}")),
                        None => nowhere = Some((filters, error)),
                    }
                    continue;
                }
            },
        };
        let qos = trigger.options.get("qos").and_then(|q| q.parse().ok()).and_then(Qos::of).unwrap_or(Qos::Least);
        let wants = trigger.options.get("retained").or_else(|| trigger.options.get("retain"));
        // What is to last may have ended while nobody was connected: the broker keeps what was said last.
        let wants = wants.is_some_and(|word| word != "no") || trigger.options.contains_key("for");
        let retained = if wants { Retained::Always } else { Retained::Never };
        let of_broker = all.entry(name).or_default();
        for filter in &trigger.args {
            match of_broker.iter_mut().find(|s| s.filter == *filter) {
                Some(same) => {
                    same.qos = same.qos.max(qos);
                    if wants {
                        same.retained = retained;
                    }
                }
                None => {
                    of_broker.push(Subscription { filter: filter.clone(), qos, retained, ..Subscription::default() })
                }
            }
        }
    }
    all.values_mut().for_each(|of_broker| mark(of_broker));
    (all, nowhere)
}

/// Gives ids to subscriptions that a message may come by together. It comes once for each of them then, and the ids tell
/// that from a message that is published again. An id is always the same for the same filter, as the broker may keep
/// messages over a restart of ours.
fn mark(all: &mut [Subscription]) {
    let overlaps = |at: usize| {
        let others = all.iter().enumerate().filter(|(other, _)| *other != at);
        others.into_iter().any(|(_, other)| topic::overlap(&all[at].filter, &other.filter))
    };
    let ids: Vec<Option<u32>> = (0..all.len()).map(|at| overlaps(at).then(|| id_of(&all[at].filter))).collect();
    all.iter_mut().zip(ids).for_each(|(subscription, id)| subscription.id = id);
}

fn id_of(filter: &str) -> u32 {
    let hash = Sha256::digest(filter.as_bytes());
    // The largest that MQTT knows has 28 bits.
    (u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]) >> 4).max(1)
}

/// Our name with a broker: of two that are one server, the other must not push us out.
fn name_with(own: &str, broker: &str, default: Option<&str>) -> String {
    if default == Some(broker) {
        return own.to_string();
    }
    let hash = Sha256::digest(format!("{own}/{broker}"));
    let digits: String = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("fac-{digits}")
}

fn options(broker: &Broker, client: &str, subscriptions: Vec<Subscription>) -> Options {
    let status = |word: &str| broker.status_topic.as_ref().map(|topic| Publish::new(topic, word, Qos::Least).kept());
    Options {
        session: Session {
            client_id: client.to_string(),
            keep: Some(broker.keep_session).filter(|keep| !keep.is_zero()),
            will: status("offline"),
            manual: true,
            ..Session::default()
        },
        subscriptions,
        birth: status("online").into_iter().collect(),
        farewell: status("offline").into_iter().collect(),
        flood: Flood::Drop(HELD),
        ..Options::default()
    }
}

/// Our name with brokers: made once, and kept.
///
/// # Errors
/// When it cannot be kept.
pub fn own_name(folder: &Path) -> Result<String> {
    let file = folder.join("mqtt-client");
    if let Some(name) = files::read_text(&file, 256)?.map(|t| t.trim().to_string()).filter(|n| !n.is_empty()) {
        return Ok(name);
    }
    let name = format!("fac-{}", &uuid::Uuid::now_v7().simple().to_string()[16..]);
    files::write_atomic(&file, name.as_bytes(), true).context(Kind::Failed, || "cannot keep our name".to_string())?;
    Ok(name)
}

/// A name without what a file's cannot hold.
fn file_name(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '_' })
        .take(120)
        .collect()
}

/// What is known of messages that a broker kept for us.
struct Kept {
    /// Whether it answered what we listen to.
    listening: bool,
    /// When the last of them came.
    last: Instant,
    /// When we came back.
    begun: Instant,
}

/// Makes happenings of what a link hears.
struct Hearer {
    broker: String,
    clock: Clock,
    causes: Causes,
    keys: Keys,
    /// By topic, what was said there last.
    last: HashMap<String, [u8; 8]>,
    copies: Copies,
    filters: Filters,
    /// The key of the message that found no room, and whether it is owed; it is the next that is offered.
    offered: Option<(Option<String>, bool)>,
    /// Since the broker had kept our session: messages that it kept with it come first, one upon another.
    kept: Option<Kept>,
    heard: SyncSender<Happening>,
}

impl Hearer {
    fn closure(mut self) -> impl FnMut(Arrival) -> Option<Arrival> + Send {
        move |arrival| self.hear(arrival)
    }

    fn hear(&mut self, arrival: Arrival) -> Option<Arrival> {
        match arrival {
            Arrival::Message(message, token) => self.message(message, token),
            Arrival::Up { session_present } => {
                tracing::info!(broker = self.broker, session_present, "connected to the broker");
                if !session_present {
                    self.keys.fresh_session();
                }
                self.kept =
                    session_present.then(|| Kept { listening: false, last: Instant::now(), begun: Instant::now() });
                None
            }
            Arrival::Down(trouble, wait) => {
                let seconds = wait.as_secs();
                tracing::warn!(broker = self.broker, trouble = trouble.said, seconds, "not connected to the broker");
                None
            }
            Arrival::Refused(filter, why) => {
                tracing::warn!(broker = self.broker, filter, why, "the broker refuses a subscription");
                None
            }
            Arrival::TooLarge(topic, bytes) => {
                tracing::warn!(broker = self.broker, topic, bytes, "a message was too large and was skipped");
                None
            }
            Arrival::Listening => {
                // What was to be left was left before: brokers do what they are told in that order.
                self.filters.told();
                if let Some(kept) = &mut self.kept {
                    (kept.listening, kept.last) = (true, Instant::now());
                }
                None
            }
        }
    }

    fn message(&mut self, message: Box<Message>, token: Option<Token>) -> Option<Arrival> {
        let (key, owed) = match self.offered.take() {
            Some(offered) => offered,
            None => {
                if self.is_known(&message) || self.copies.is_one(&message) {
                    token.into_iter().for_each(Token::give);
                    return None;
                }
                (self.keys.key(&message), self.was_kept(&message))
            }
        };
        let at = self.clock.now();
        let acknowledge = token.clone();
        let mut data = data(&message, &self.broker, &at.to_string());
        if owed {
            data[OWED] = json!(true);
        }
        let happening = Happening {
            kind: "mqtt",
            data,
            at,
            key: key.clone(),
            depth: self.causes.depth(&message),
            kept: acknowledge.map(|token| Box::new(move || token.give()) as Box<dyn FnOnce() + Send>),
        };
        match self.heard.try_send(happening) {
            Ok(()) | Err(TrySendError::Disconnected(_)) => None,
            Err(TrySendError::Full(_)) => {
                self.offered = Some((key, owed));
                Some(Arrival::Message(message, token))
            }
        }
    }

    /// Whether the broker kept this one while nobody listened. It says of none when it came: those are it that come before
    /// it answered what we listen to, and those that follow each other closely since.
    fn was_kept(&mut self, message: &Message) -> bool {
        let Some(kept) = &mut self.kept else { return false };
        if kept.begun.elapsed() > CATCHES_UP || (kept.listening && kept.last.elapsed() > CLOSELY) {
            self.kept = None;
            return false;
        }
        kept.last = Instant::now();
        message.qos != Qos::Most && !message.retain
    }

    /// Whether this is a retained message that says what we heard last on its topic: a broker that we came back to says
    /// all of them again.
    fn is_known(&mut self, message: &Message) -> bool {
        let now = content(message);
        if self.last.len() >= TOPICS && !self.last.contains_key(&message.topic) {
            self.last.clear();
        }
        self.last.insert(message.topic.clone(), now) == Some(now) && message.retain
    }
}

/// A message as rules see it.
fn data(message: &Message, broker: &str, at: &str) -> Json {
    let mut all = message.to_json();
    all.insert("kind".into(), json!("mqtt"));
    all.insert("at".into(), json!(at));
    all.insert("broker".into(), json!(broker));
    if message.payload.len() <= JSON
        && let Some(json) = message.json()
    {
        all.insert("json".into(), json);
    }
    Json::Object(all)
}

/// What a `mqtt` trigger asks for that a source cannot give, for checks before anything runs.
///
/// # Errors
/// `NotFound` for a broker that is not in the settings.
pub fn check(trigger: &model::Trigger, brokers: &Brokers) -> Result<()> {
    match trigger.options.get("broker") {
        Some(name) => brokers.get(Some(name)).map(drop),
        None => brokers.default_name().map(drop).map_err(|e| Error::new(e.kind(), e.message().to_string())),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::mpsc::sync_channel;

    use super::*;
    use crate::kernel::clock::Timestamp;

    fn hearer(room: usize) -> (Hearer, std::sync::mpsc::Receiver<Happening>, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let (heard, told) = sync_channel(room);
        let hearer = Hearer {
            broker: "home".into(),
            clock: Clock::fixed(Timestamp::from_micros(0)),
            causes: Causes::default(),
            keys: Keys::open(folder.path().join("k"), "c"),
            last: HashMap::new(),
            copies: Copies::default(),
            filters: Filters::new(folder.path().join("f")),
            offered: None,
            kept: None,
            heard,
        };
        (hearer, told, folder)
    }

    fn say(topic: &str, payload: &[u8], retain: bool) -> Arrival {
        let message = Message { topic: topic.into(), payload: payload.to_vec(), retain, ..Message::default() };
        Arrival::Message(Box::new(message), None)
    }

    #[test]
    fn a_message_becomes_what_rules_see() {
        let (mut hearer, told, _folder) = hearer(9);
        hearer.hear(say("a/b", br#"{"on": [1, 2]}"#, false));
        let happening = told.recv().unwrap();
        assert_eq!(happening.data["json"], json!({"on": [1, 2]}));
        assert_eq!((&happening.data["topic"], &happening.data["retain"]), (&json!("a/b"), &json!(false)));
        assert_eq!((&happening.data["broker"], &happening.data["kind"]), (&json!("home"), &json!("mqtt")));
        hearer.hear(say("a/b", &[0xff, 0xfe], false));
        let happening = told.recv().unwrap();
        assert_eq!((&happening.data["encoding"], happening.data.get("json")), (&json!("base64"), None));
    }

    #[test]
    fn what_is_retained_is_not_said_again_when_we_come_back() {
        let (mut hearer, told, _folder) = hearer(9);
        for (payload, retain) in
            [("on", true), ("on", true), ("off", false), ("off", true), ("on", true), ("on", false)]
        {
            hearer.hear(say("lamp", payload.as_bytes(), retain));
        }
        let heard: Vec<(String, bool)> = told
            .try_iter()
            .map(|h| (h.data["payload"].as_str().unwrap().to_string(), h.data["retain"].as_bool().unwrap()))
            .collect();
        let want = [("on", true), ("off", false), ("on", true), ("on", false)].map(|(p, r)| (p.to_string(), r));
        assert_eq!(heard, want);
    }

    #[test]
    fn what_finds_no_room_comes_again_with_the_same_key() {
        let (mut hearer, told, _folder) = hearer(1);
        let message = |id| Message { topic: "a".into(), qos: Qos::Least, id, ..Message::default() };
        assert!(hearer.hear(Arrival::Message(Box::new(message(1)), None)).is_none());
        let back = hearer.hear(Arrival::Message(Box::new(message(2)), None)).expect("full");
        let back = hearer.hear(back).expect("still full");
        let first = told.recv().unwrap();
        assert!(hearer.hear(back).is_none());
        let second = told.recv().unwrap();
        assert_ne!(first.key, second.key);
        assert_eq!(second.key.as_deref().map(|k| k.split(':').nth(2)), Some(Some("1")), "{:?}", second.key);
    }

    #[test]
    fn what_the_broker_kept_for_us_is_owed_and_what_comes_later_is_not() {
        let (mut hearer, told, _folder) = hearer(9);
        let say = |id| Message { topic: "a".into(), qos: Qos::Least, id, ..Message::default() };
        let mut hear = |message| drop(hearer.hear(Arrival::Message(Box::new(message), None)));
        hear(say(1));
        hearer.hear(Arrival::Up { session_present: true });
        let mut hear = |message| drop(hearer.hear(Arrival::Message(Box::new(message), None)));
        hear(say(2));
        hear(Message { qos: Qos::Most, ..say(0) });
        hear(Message { retain: true, topic: "b".into(), ..say(3) });
        hearer.hear(Arrival::Listening);
        hearer.hear(Arrival::Message(Box::new(say(4)), None));
        hearer.kept.as_mut().unwrap().last -= CLOSELY * 2;
        hearer.hear(Arrival::Message(Box::new(say(5)), None));
        hearer.hear(Arrival::Message(Box::new(say(6)), None));
        let owed: Vec<bool> = told.try_iter().map(|happening| happening.data[OWED] == true).collect();
        assert_eq!(owed, [false, true, false, false, true, false, false]);
    }

    #[test]
    fn triggers_are_gathered_by_broker() {
        let trigger = |filter: &str, options: &[(&str, &str)]| model::Trigger {
            kind: "mqtt".into(),
            args: vec![filter.into()],
            options: options.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect(),
            line: 1,
        };
        let paths = tempfile::tempdir().unwrap();
        let _ = paths;
        let brokers = Brokers::none(Arc::new(|name: &str| Err(Error::new(Kind::NotFound, name.to_string()))));
        let all = [
            trigger("a/#", &[]),
            trigger("a/#", &[("qos", "2"), ("retained", "yes")]),
            trigger("b", &[("broker", "mqtt://other"), ("qos", "0")]),
        ];
        let (all, nowhere) = subscriptions(&all, &brokers);
        assert!(nowhere.is_none());
        let of = |name: &str| all[name].iter().map(|s| (s.filter.as_str(), s.qos, s.retained)).collect::<Vec<_>>();
        assert_eq!(of("mqtt://localhost:1883"), [("a/#", Qos::Exactly, Retained::Always)]);
        assert_eq!(of("mqtt://other"), [("b", Qos::Most, Retained::Never)]);
    }
}
