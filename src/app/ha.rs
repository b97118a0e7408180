//! Home Assistant from the settings, and the names of its entities for whoever completes them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};
use url::Url;

use super::{App, open};
use crate::automations::ha::discovery::{self, Discovery, LastRun, Shown};
use crate::automations::ha::source::{Contexts, FindHome};
use crate::automations::ha::{Home, HomeLink, HomeSource, HomeSteps, States};
use crate::automations::happening::Happening;
use crate::automations::rules::{BUTTON, Rule};
use crate::automations::worker::Ended;
use crate::kernel::clock::Timestamp;
use crate::kernel::error::{Context, Error, Kind, Result};
use crate::kernel::files;
use crate::kernel::http::{Http, Tls};
use crate::store::{JobStatus, RuleKey};

/// How many entities are kept for completion.
const MOST: usize = 20_000;

/// How long conditions wait for the states when nothing is known of them yet, from when they were first looked for.
const LOOK: Duration = Duration::from_secs(3);

/// How long it is remembered that they cannot be looked for.
const AGAIN: Duration = Duration::from_secs(60);

/// What all rooms of a process know of Home Assistant together.
#[derive(Clone, Default)]
pub(super) struct Shared {
    states: States,
    contexts: Contexts,
    link: Arc<Mutex<Looking>>,
}

/// Whether somebody follows the states for conditions.
#[derive(Default)]
enum Looking {
    /// Nobody asked for them.
    #[default]
    Not,
    /// They cannot be looked for; when that was found.
    InVain(Instant),
    /// They are followed since then.
    Since(Instant, HomeLink),
}

impl Shared {
    /// Follows the states from now on, where nobody does yet. Nothing is waited for.
    fn follow(&self, find: &FindHome) -> MutexGuard<'_, Looking> {
        let mut looking = self.link.lock().unwrap_or_else(PoisonError::into_inner);
        let begins = match &*looking {
            Looking::Not => true,
            Looking::InVain(at) => at.elapsed() > AGAIN,
            Looking::Since(..) => false,
        };
        if begins {
            let begun = find().and_then(|home| HomeLink::start(&home, self.states.clone(), Vec::new(), |_| None));
            *looking = match begun {
                Ok(link) => Looking::Since(Instant::now(), link),
                Err(error) => {
                    tracing::warn!(error = error.full_message(), "conditions see no states");
                    Looking::InVain(Instant::now())
                }
            };
        }
        looking
    }

    /// The same, and waits a moment for the first look where that was only just begun.
    fn look(&self, find: &FindHome) {
        if let Looking::Since(begun, link) = &*self.follow(find)
            && let Some(left) = LOOK.checked_sub(begun.elapsed())
            && let Err(error) = link.wait_told(left)
        {
            tracing::warn!(error = error.full_message(), "conditions see no states");
        }
    }
}

/// Our automations as Home Assistant shows them.
pub struct Showing {
    discovery: Discovery,
    names: RefCell<BTreeMap<RuleKey, String>>,
    /// Whether it only takes away what was shown before.
    leaves: bool,
}

impl Showing {
    /// From now on exactly these are shown.
    pub fn rules(&self, rules: &[Rule]) {
        if self.leaves {
            return;
        }
        let shown = rules.iter().map(|r| Shown { command: r.name.clone(), title: r.key.command.clone() });
        self.discovery.show(&shown.collect::<Vec<_>>());
        *self.names.borrow_mut() = rules.iter().map(|r| (r.key.clone(), r.name.clone())).collect();
    }

    /// Work of one of them is over for now.
    pub fn ended(&self, ended: &Ended, at: Timestamp) {
        let key = RuleKey { source: ended.job.source.clone(), command: ended.job.command.clone() };
        let (Some(name), Some(status)) = (self.names.borrow().get(&key).cloned(), ended.status) else { return };
        let result = match status {
            JobStatus::Done => "ok",
            JobStatus::Waiting => "failed, tried again",
            JobStatus::Cancelled => "cancelled",
            _ => "failed",
        };
        let took = ended.job.begun.map_or(0, |begun| at.since(begun).max(0));
        self.discovery.told(
            &name,
            &LastRun {
                result: result.to_string(),
                at: at.to_string(),
                took_ms: took.unsigned_abs() / 1000,
                run: ended.carried.run.map(|id| id.to_string()).unwrap_or_default(),
            },
        );
    }
}

impl App {
    /// The Home Assistant of the settings.
    ///
    /// # Errors
    /// `Missing` where the settings name none, `NotFound` where its token is not among the secrets.
    pub fn home(&self) -> Result<Home> {
        self.finds_home()?()
    }

    /// Finds the Home Assistant of the settings, also from other threads.
    ///
    /// # Errors
    /// When the settings cannot be read.
    pub fn finds_home(&self) -> Result<FindHome> {
        let config = self.config()?;
        let written = |name: &str| config.text(name).filter(|t| !t.is_empty()).map(String::from);
        let (address, secret) = (written("homeassistant.url"), written("homeassistant.secret").unwrap_or_default());
        let mut settings = open::http_settings(config);
        settings.ca_files.extend(written("homeassistant.ca_file").map(PathBuf::from));
        let find_secret = self.finds_secrets();
        Ok(Arc::new(move || {
            let address = address.as_deref().ok_or_else(|| {
                Error::new(Kind::Missing, "the settings name no Home Assistant")
                    .hint("fac config set homeassistant.url http://homeassistant.local:8123")
            })?;
            let url = Url::parse(address).context(Kind::BadData, || "homeassistant.url is no address".to_string())?;
            let token = find_secret(&secret).map_err(|error| match error.kind() {
                Kind::NotFound => {
                    Error::new(Kind::NotFound, format!("there is no secret {secret}, the token of Home Assistant"))
                        .hint(format!(
                            "make a long-lived access token in your profile there, and keep it: fac secret set {secret}"
                        ))
                }
                _ => error,
            })?;
            let tls = Tls { only: None, more: settings.ca_files.clone(), identity: None };
            Ok(Home { url, token, http: Http::new(&settings)?, tls })
        }))
    }

    /// Who does `ha` steps; nothing is connected before the first.
    pub(super) fn home_steps(&self) -> Result<HomeSteps> {
        let store = self.store()?.clone();
        // What a run of ours causes stands one deeper than what fired it.
        let depth = move |run| store.depth_of_run(run).ok().flatten().map_or(0, |depth| depth.saturating_add(1));
        Ok(HomeSteps::new(self.finds_home()?, self.home.contexts.clone(), Arc::new(depth)))
    }

    /// Changes of states as a source of triggers.
    pub(super) fn home_source(&self) -> Result<HomeSource> {
        let (states, contexts) = (self.home.states.clone(), self.home.contexts.clone());
        Ok(HomeSource::new(self.finds_home()?, states, contexts, self.clock.clone()))
    }

    /// The Home Assistant whose states conditions see, where the settings name one.
    fn finds_states(&self) -> Option<FindHome> {
        let is_named = self.config().is_ok_and(|c| c.text("homeassistant.url").is_some_and(|u| !u.is_empty()));
        self.finds_home().ok().filter(|_| is_named)
    }

    /// The states that conditions see. Where nothing is known yet it is connected, and waited for a moment.
    pub(super) fn home_states(&self) -> Arc<dyn Fn() -> Json + Send + Sync> {
        let (find, shared) = (self.finds_states(), self.home.clone());
        Arc::new(move || {
            if let Some(find) = find.as_ref().filter(|_| shared.states.is_empty()) {
                shared.look(find);
            }
            shared.states.values()
        })
    }

    /// Begins to follow the states that conditions will ask for.
    pub(super) fn expect_home_states(&self) -> Box<dyn Fn()> {
        let (find, shared) = (self.finds_states(), self.home.clone());
        Box::new(move || {
            if let Some(find) = find.as_ref().filter(|_| shared.states.is_empty()) {
                drop(shared.follow(find));
            }
        })
    }

    /// Shows the automations that may fire in Home Assistant, where that is wanted; a press there is told to `ear` as any
    /// other happening. What was shown before it was switched off is taken away.
    ///
    /// # Errors
    /// When the settings cannot be used.
    pub fn showing(&self, ear: &SyncSender<Happening>) -> Result<Option<Showing>> {
        let wanted = self.discovery()?;
        let leaves = wanted.is_none();
        let left = || self.discovery_settings().ok().filter(|settings| discovery::is_shown(&settings.folder));
        let Some(settings) = wanted.or_else(left) else { return Ok(None) };
        let (ear, clock) = (ear.clone(), self.clock.clone());
        let discovery = Discovery::start(&settings, move |pressed| {
            let (command, at) = (pressed.command, clock.now());
            let data = json!({"kind": BUTTON, "at": at, "by": "homeassistant", "command": command});
            let heard = Happening { kind: BUTTON, data, at, key: None, depth: 0, kept: pressed.kept };
            // Where nobody listens the broker keeps it.
            if ear.try_send(heard).is_err() {
                tracing::warn!(command, "nobody heard the press of a button");
            }
        })?;
        if leaves {
            discovery.show(&[]);
        }
        Ok(Some(Showing { discovery, names: RefCell::default(), leaves }))
    }

    /// How our commands are shown in Home Assistant; `None` where that is not wanted.
    ///
    /// # Errors
    /// When the broker of the settings cannot be used.
    pub fn discovery(&self) -> Result<Option<discovery::Settings>> {
        let is_wanted = self.config()?.flag("homeassistant.discovery");
        is_wanted.then(|| self.discovery_settings()).transpose()
    }

    fn discovery_settings(&self) -> Result<discovery::Settings> {
        let config = self.config()?;
        let text = |name: &str| config.text(name).filter(|t| !t.is_empty()).map(String::from);
        let machine = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_string();
        Ok(discovery::Settings {
            broker: self.brokers()?.get(text("homeassistant.broker").as_deref())?,
            prefix: text("homeassistant.discovery_prefix").unwrap_or_else(|| "homeassistant".into()),
            topic: text("homeassistant.topic").unwrap_or_else(|| "factotum".into()),
            machine: if machine.is_empty() { "this machine".into() } else { machine },
            folder: self.paths.state.clone(),
        })
    }

    /// Keeps the names of entities for completion. What cannot be kept is not completed.
    pub fn keep_entities(&self, all: &[(String, String)]) {
        let mut text = String::new();
        for (entity, name) in all.iter().take(MOST) {
            let clean = |t: &str| t.replace(['\t', '\n', '\r'], " ");
            text.push_str(&format!("{}\t{}\n", clean(entity), clean(name)));
        }
        let file = self.paths.cache.join(ENTITIES);
        if files::read_text(&file, 64 << 20).ok().flatten().as_deref() != Some(&text)
            && let Err(error) = files::write_atomic(&file, text.as_bytes(), true)
        {
            tracing::debug!(error = error.full_message(), "the entities are not kept for completion");
        }
    }
}

const ENTITIES: &str = "ha-entities";

/// The entities that were there when somebody last looked, with what people call them.
pub fn entities(cache: &Path) -> Vec<(String, String)> {
    let text = files::read_text(&cache.join(ENTITIES), 64 << 20).ok().flatten().unwrap_or_default();
    text.lines().filter_map(|line| line.split_once('\t')).map(|(e, n)| (e.to_string(), n.to_string())).collect()
}
