//! Our commands in Home Assistant, by its MQTT discovery: a button that runs each, a sensor that tells its last result.
//!
//! All of them hang on one device, are unavailable while nobody here listens, and go when their command is disabled,
//! also one that was disabled while we were down. What a press runs, and whether, is decided by whoever is told of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use crate::automations::mqtt::link::{Options, Token};
use crate::automations::mqtt::{Arrival, Broker, Link, Message, Publish, Qos, Retained, Session, Subscription, source};
use crate::kernel::error::{Context as _, Kind, Result};
use crate::kernel::files;

/// How long what is to be shown may wait for a broker that is away.
const PATIENCE: Duration = Duration::from_secs(24 * 3600);
/// What a button publishes.
const PRESS: &str = "PRESS";
/// The file that keeps what is shown.
const SHOWN: &str = "ha-shown.json";
/// The largest list of what was shown, bytes.
const LARGEST: u64 = 4 << 20;

/// An enabled command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Its full name, by which it is run.
    pub command: String,
    /// What people call it.
    pub title: String,
}

/// How a command ended last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastRun {
    /// A word: `ok`, `failed` …
    pub result: String,
    /// When, RFC 3339.
    pub at: String,
    /// How long it took, milliseconds.
    pub took_ms: u64,
    /// The run, by its id.
    pub run: String,
}

/// Somebody pressed a button.
pub struct Pressed {
    /// The command that it is for.
    pub command: String,
    /// To be called when it is written down: the broker may then forget the press.
    pub kept: Option<Box<dyn FnOnce() + Send>>,
}

/// Where and as what we are shown.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The broker that both use.
    pub broker: Broker,
    /// The prefix that Home Assistant listens to.
    pub prefix: String,
    /// The first level of our own topics.
    pub topic: String,
    /// What people call this machine.
    pub machine: String,
    /// Where it is kept what was shown.
    pub folder: PathBuf,
}

/// What is shown now. It ends, and all buttons become unavailable, when it is dropped.
pub struct Discovery {
    tell: Sender<Wake>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

enum Wake {
    Up,
    Born,
    Heard(Box<Message>, Option<Token>),
    Show,
    Told(String),
    Stop,
}

struct Shared {
    places: Places,
    file: PathBuf,
    now: Mutex<BTreeMap<String, Entry>>,
    /// What was shown and is to go, by object id: until the broker has that.
    gone: Mutex<BTreeSet<String>>,
}

/// Something that is shown, by its object id.
#[derive(Clone, Debug)]
struct Entry {
    shown: Shown,
    last: Option<LastRun>,
}

/// The topics of one installation.
#[derive(Clone, Debug)]
struct Places {
    prefix: String,
    base: String,
    node: String,
    machine: String,
}

/// Whether something is shown that an earlier process did not take away. `folder` is that of the [`Settings`].
pub fn is_shown(folder: &Path) -> bool {
    !kept(&folder.join(SHOWN)).is_empty()
}

/// What was shown, as it was kept.
fn kept(file: &Path) -> Vec<String> {
    let text = files::read_text(file, LARGEST).ok().flatten().unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

impl Discovery {
    /// Begins to show what [`Discovery::show`] will say; `pressed` is told of presses, on a thread of its own.
    ///
    /// # Errors
    /// When the broker's settings cannot be used. A broker that is away is no error.
    pub fn start(settings: &Settings, pressed: impl FnMut(Pressed) + Send + 'static) -> Result<Discovery> {
        files::ensure_dir(&settings.folder)?;
        let node = source::own_name(&settings.folder)?;
        let places = Places {
            prefix: settings.prefix.clone(),
            base: format!("{}/{node}", settings.topic),
            node: node.clone(),
            machine: settings.machine.clone(),
        };
        let (tell, told) = channel();
        let link = Link::start(&settings.broker, places.options(), hear(places.clone(), tell.clone()))?;
        let shared = Arc::new(Shared {
            places,
            file: settings.folder.join(SHOWN),
            now: Mutex::default(),
            gone: Mutex::default(),
        });
        let worker = Worker { link, shared: shared.clone(), pressed: Box::new(pressed) };
        let thread = std::thread::Builder::new().name("discovery".into()).spawn(move || worker.run(&told));
        let thread = thread.context(Kind::Failed, || "cannot start a thread for discovery".to_string())?;
        Ok(Discovery { tell, shared, thread: Some(thread) })
    }

    /// From now on exactly these are shown; what was shown before and is not among them goes.
    pub fn show(&self, enabled: &[Shown]) {
        let mut now = self.shared.now();
        let mut next = BTreeMap::new();
        for shown in enabled {
            let id = object_id(&shown.command);
            let last = now.remove(&id).and_then(|entry| entry.last);
            next.insert(id, Entry { shown: shown.clone(), last });
        }
        *now = next;
        drop(now);
        self.wake(Wake::Show);
    }

    /// A command ended so.
    pub fn told(&self, command: &str, last: &LastRun) {
        let id = object_id(command);
        if let Some(entry) = self.shared.now().get_mut(&id) {
            entry.last = Some(last.clone());
        }
        self.wake(Wake::Told(id));
    }

    /// Makes all buttons unavailable and ends.
    pub fn stop(&mut self) {
        self.wake(Wake::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }

    fn wake(&self, wake: Wake) {
        // Where the thread has ended there is nobody left to show anything.
        let _ = self.tell.send(wake);
    }
}

impl Drop for Discovery {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    fn now(&self) -> MutexGuard<'_, BTreeMap<String, Entry>> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn gone(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.gone.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps what is shown, and what is not taken away yet.
    fn keep(&self) {
        let mut all: BTreeSet<String> = self.gone().clone();
        all.extend(self.now().keys().cloned());
        let all: Vec<String> = all.into_iter().collect();
        if kept(&self.file) != all
            && let Err(error) = files::write_atomic(&self.file, json!(all).to_string().as_bytes(), true)
        {
            tracing::warn!(error = error.full_message(), "what is shown in Home Assistant is not kept");
        }
    }

    /// The broker has it that this is not shown any more.
    fn went(&self, id: &str) {
        if self.gone().remove(id) {
            self.keep();
        }
    }
}

/// Hands on what is heard; nothing waits here.
fn hear(places: Places, tell: Sender<Wake>) -> impl FnMut(Arrival) -> Option<Arrival> + Send {
    move |arrival| {
        let wake = match arrival {
            Arrival::Up { .. } => Wake::Up,
            Arrival::Message(message, token) => match message.topic == places.birth() {
                true if message.payload == b"online" => Wake::Born,
                true => return None,
                false => Wake::Heard(message, token),
            },
            _ => return None,
        };
        let _ = tell.send(wake);
        None
    }
}

struct Worker {
    link: Link,
    shared: Arc<Shared>,
    pressed: Box<dyn FnMut(Pressed) + Send>,
}

impl Worker {
    fn run(mut self, told: &Receiver<Wake>) {
        let mut begun = false;
        while let Ok(wake) = told.recv() {
            match wake {
                Wake::Show => {
                    begun = true;
                    self.remove_others();
                    self.show_all();
                }
                Wake::Up if begun => self.show_all(),
                Wake::Born if begun => {
                    // All devices answer it; those that come at once only wait for each other.
                    std::thread::sleep(Duration::from_millis(100 + u64::from(self.shared.places.spread()) * 4));
                    self.say(self.shared.places.status("online"));
                    self.show_all();
                }
                Wake::Told(id) => self.say_state(&id),
                Wake::Heard(message, token) => self.press(&message, token),
                Wake::Stop => break,
                Wake::Up | Wake::Born => {}
            }
        }
        self.link.stop();
    }

    fn press(&mut self, message: &Message, token: Option<Token>) {
        let kept = token.map(|token| Box::new(move || token.give()) as Box<dyn FnOnce() + Send>);
        let id = self.shared.places.pressed(&message.topic);
        let entry = id.and_then(|id| self.shared.now().get(id).cloned());
        match entry.filter(|_| !message.retain && message.payload == PRESS.as_bytes()) {
            Some(entry) => (self.pressed)(Pressed { command: entry.shown.command, kept }),
            None => kept.into_iter().for_each(|kept| kept()),
        }
    }

    fn show_all(&self) {
        let all = self.shared.now().clone();
        for (id, entry) in &all {
            self.shared.places.configs(id, &entry.shown).into_iter().for_each(|publish| self.say(publish));
            self.say_state(id);
        }
    }

    fn say_state(&self, id: &str) {
        let last = self.shared.now().get(id).and_then(|entry| entry.last.clone());
        if let Some(last) = last {
            self.say(self.shared.places.state(id, &last));
        }
    }

    /// Takes away what was shown, by this process or one before, and is not shown now; keeps what is.
    fn remove_others(&self) {
        let before = kept(&self.shared.file);
        let going: Vec<String> = {
            let (now, mut gone) = (self.shared.now(), self.shared.gone());
            gone.extend(before);
            gone.retain(|id| !now.contains_key(id));
            gone.iter().cloned().collect()
        };
        self.shared.keep();
        for id in going {
            let [button, sensor, state] = self.shared.places.nothing(&id);
            self.say(button);
            self.say(sensor);
            // What is sent is acknowledged in order.
            let shared = self.shared.clone();
            self.say_and(state, move || shared.went(&id));
        }
    }

    fn say(&self, publish: Publish) {
        self.say_and(publish, || ());
    }

    /// Says something, and does something when the broker has it.
    fn say_and(&self, publish: Publish, done: impl FnOnce() + Send + 'static) {
        let topic = publish.topic.clone();
        let told = move |ended: Result<()>| match ended {
            Ok(()) => done(),
            Err(error) => tracing::warn!(topic, error = error.full_message(), "Home Assistant was not told"),
        };
        if let Err(error) = self.link.send(publish, PATIENCE, told) {
            tracing::warn!(error = error.full_message(), "Home Assistant was not told");
        }
    }
}

impl Places {
    fn options(&self) -> Options {
        let listen =
            |filter: String, retained| Subscription { filter, qos: Qos::Least, retained, ..Subscription::default() };
        Options {
            session: Session {
                client_id: format!("{}-ha", self.node),
                will: Some(self.status("offline")),
                manual: true,
                ..Session::default()
            },
            subscriptions: vec![
                listen(format!("{}/+/press", self.base), Retained::Never),
                listen(self.birth(), Retained::Never),
            ],
            birth: vec![self.status("online")],
            farewell: vec![self.status("offline")],
            ..Options::default()
        }
    }

    fn birth(&self) -> String {
        format!("{}/status", self.prefix)
    }

    fn status(&self, word: &str) -> Publish {
        Publish::new(format!("{}/status", self.base), word, Qos::Least).kept()
    }

    /// The object that a press is for.
    fn pressed<'t>(&self, topic: &'t str) -> Option<&'t str> {
        topic.strip_prefix(&self.base)?.strip_prefix('/')?.strip_suffix("/press")
    }

    /// A number of this installation's own, so that not all of them answer at once.
    fn spread(&self) -> u8 {
        self.node.bytes().fold(0, u8::wrapping_add)
    }

    fn state(&self, id: &str, last: &LastRun) -> Publish {
        let said = json!({"result": last.result, "at": last.at, "took_ms": last.took_ms, "run": last.run});
        Publish::new(format!("{}/{id}/state", self.base), said.to_string(), Qos::Least).kept()
    }

    fn configs(&self, id: &str, shown: &Shown) -> [Publish; 2] {
        let topic = |what: &str| format!("{}/{id}/{what}", self.base);
        let common = json!({
            "availability_topic": format!("{}/status", self.base),
            "device": {
                "identifiers": [self.node],
                "name": format!("factotum on {}", self.machine),
                "manufacturer": "factotum",
                "sw_version": env!("CARGO_PKG_VERSION"),
            },
            "origin": {"name": "factotum", "sw_version": env!("CARGO_PKG_VERSION")},
        });
        let mut button = common.clone();
        button["name"] = json!(shown.title);
        button["unique_id"] = json!(format!("{}_{id}_button", self.node));
        button["command_topic"] = json!(topic("press"));
        button["payload_press"] = json!(PRESS);
        button["qos"] = json!(1);
        let mut sensor = common;
        sensor["name"] = json!(format!("{} result", shown.title));
        sensor["unique_id"] = json!(format!("{}_{id}_result", self.node));
        sensor["state_topic"] = json!(topic("state"));
        sensor["value_template"] = json!("{{ value_json.result }}");
        sensor["json_attributes_topic"] = json!(topic("state"));
        sensor["icon"] = json!("mdi:play-circle-outline");
        [self.config("button", id, &button), self.config("sensor", id, &sensor)]
    }

    /// What takes an object away: empty where it was described, and where its state was kept.
    fn nothing(&self, id: &str) -> [Publish; 3] {
        let empty = |topic: String| Publish::new(topic, "", Qos::Least).kept();
        [
            empty(format!("{}/button/{}/{id}/config", self.prefix, self.node)),
            empty(format!("{}/sensor/{}/{id}/config", self.prefix, self.node)),
            empty(format!("{}/{id}/state", self.base)),
        ]
    }

    fn config(&self, component: &str, id: &str, config: &Json) -> Publish {
        let topic = format!("{}/{component}/{}/{id}/config", self.prefix, self.node);
        Publish::new(topic, config.to_string(), Qos::Least).kept()
    }
}

/// A command's name as an object id may be: letters, digits, `_` and `-`. Where something had to go, an ending keeps it
/// apart from others.
fn object_id(command: &str) -> String {
    let plain: String =
        command.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).take(64).collect();
    if plain == command {
        return plain;
    }
    let hash = Sha256::digest(command.as_bytes());
    format!("{plain}_{:02x}{:02x}{:02x}", hash[0], hash[1], hash[2])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places() -> Places {
        Places {
            prefix: "homeassistant".into(),
            base: "factotum/fac-1".into(),
            node: "fac-1".into(),
            machine: "box".into(),
        }
    }

    #[test]
    fn ids_are_what_home_assistant_takes_and_stay_apart() {
        assert_eq!(object_id("deploy"), "deploy");
        let ids = ["user:deploy", "user.deploy", "user deploy", "ünïcode", "a/b", &"x".repeat(200)].map(object_id);
        for id in &ids {
            assert!(id.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')), "{id}");
        }
        assert_eq!(ids.iter().collect::<std::collections::BTreeSet<_>>().len(), ids.len());
    }

    #[test]
    fn a_command_is_a_button_and_a_sensor_of_one_device() {
        let shown = Shown { command: "deploy".into(), title: "Deploy".into() };
        let [button, sensor] = places().configs("deploy", &shown);
        assert_eq!(button.topic, "homeassistant/button/fac-1/deploy/config");
        assert!(button.retain && sensor.retain);
        let of = |p: &Publish| serde_json::from_slice::<Json>(&p.payload).unwrap();
        let (button, sensor) = (of(&button), of(&sensor));
        assert_eq!(button["command_topic"], "factotum/fac-1/deploy/press");
        assert_eq!(button["availability_topic"], "factotum/fac-1/status");
        assert_eq!(button["device"], sensor["device"]);
        assert_ne!(button["unique_id"], sensor["unique_id"]);
        assert_eq!(button["origin"]["name"], "factotum");
        assert!(button.get("object_id").is_none() && button.get("default_entity_id").is_none());
        assert_eq!(places().pressed("factotum/fac-1/deploy/press"), Some("deploy"));
        assert_eq!(places().pressed("factotum/fac-2/deploy/press"), None);
        assert!(places().nothing("deploy").iter().all(|p| p.retain && p.payload.is_empty()));
    }
}
