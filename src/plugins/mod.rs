//! Lua plugins: small programs of other people that see what passes and may change it, in a sandbox each.
//!
//! This room sees the ones below; none of them knows it. It prints nothing. A plugin is a folder with `plugin.toml`
//! ([`manifest`]) and a script; it is found ([`places`]), allowed once by a person (the store keeps what), and called by
//! one thread at a time ([`room`]) within bounds that it cannot swallow ([`limits`]). Nothing is opened while no plugin is enabled.

mod api;
mod around;
mod brought;
mod calls;
mod filter;
pub mod halt;
mod heard;
mod inside;
mod lane;
pub mod limits;
pub mod manifest;
pub mod origin;
pub mod places;
mod real;
mod right;
pub mod room;
pub mod scaffold;
mod state;
mod step;
#[cfg(test)]
mod tests;
pub mod tool;
pub mod trial;
mod values;
pub mod world;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

pub use self::calls::Active;
use self::lane::Lane;
use self::limits::Limits;
use self::manifest::Hook;
use self::places::Found;
pub use self::real::House;
use self::real::Real;
use crate::chat::{Filter, Tool};
use crate::commands::run::{Around, StepRunner};
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::secret::Redactor;
use crate::store::{NewPlugin, Store};

/// So many failures in a row, and a plugin is used no more.
pub const MOST_FAILURES: u32 = 3;
/// So many sentences wait to be told.
const MOST_SAID: usize = 100;

/// What plugins need of the world.
pub struct Settings {
    /// Where is kept what was allowed.
    pub store: Store,
    /// The user's own plugins.
    pub folder: PathBuf,
    /// Where the definitions of commands are written that plugins bring.
    pub definitions: PathBuf,
    /// Bounds of a call.
    pub limits: Limits,
    /// The most that one plugin may keep, bytes.
    pub quota: u64,
    /// Knows what no log may hold.
    pub redactor: Redactor,
    /// Opens what plugins ask for.
    pub house: Arc<dyn House>,
}

/// All plugins of this process. Clones share them; nothing is started before something is called.
#[derive(Clone)]
pub struct Plugins(Arc<Inner>);

struct Inner {
    settings: Settings,
    lane: OnceLock<Lane>,
    starting: Mutex<()>,
    said: Mutex<Vec<String>>,
}

impl Plugins {
    /// Plugins as the settings want them.
    pub fn new(settings: Settings) -> Plugins {
        let inner = Inner { settings, lane: OnceLock::new(), starting: Mutex::new(()), said: Mutex::default() };
        Plugins(Arc::new(inner))
    }

    fn store(&self) -> &Store {
        &self.0.settings.store
    }

    /// The user's own plugins.
    pub fn folder(&self) -> &PathBuf {
        &self.0.settings.folder
    }

    /// Bounds of a call.
    pub fn limits(&self) -> Limits {
        self.0.settings.limits
    }

    /// How much each of them may keep, bytes.
    pub fn quota(&self) -> u64 {
        self.0.settings.quota
    }

    /// The thread, started when it is first needed.
    fn lane(&self) -> Result<&Lane> {
        let _one = self.0.starting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lane) = self.0.lane.get() {
            return Ok(lane);
        }
        let settings = &self.0.settings;
        let real = Real::new(settings.store.clone(), settings.quota, settings.redactor.clone(), settings.house.clone());
        let lane = Lane::start(settings.limits, Arc::new(real))?;
        Ok(self.0.lane.get_or_init(|| lane))
    }

    /// Those that a person allowed and that are used, in the order in which they hear things.
    ///
    /// # Errors
    /// Those of the store.
    pub fn enabled(&self) -> Result<Vec<Arc<Active>>> {
        let mut all: Vec<Active> = self.store().plugins(true)?.into_iter().filter_map(Active::of).collect();
        all.sort_by(|a, b| (a.manifest.order, &a.row.name).cmp(&(b.manifest.order, &b.row.name)));
        Ok(all.into_iter().map(Arc::new).collect())
    }

    /// Those of them that hear this. A store that cannot be read is said by whoever needs it.
    fn hearing(&self, hooks: &[Hook]) -> Vec<Arc<Active>> {
        let all = self.enabled().unwrap_or_default();
        all.into_iter().filter(|active| hooks.iter().any(|hook| active.manifest.hooks.contains(hook))).collect()
    }

    /// Who reads what passes in chats.
    ///
    /// # Errors
    /// Those of the store: what must be read first is not sent because nobody knows who reads it.
    pub fn filters(&self) -> Result<Vec<Arc<dyn Filter>>> {
        filter::all(self)
    }

    /// Tells those that hear of runs.
    pub fn around(&self) -> Arc<dyn Around> {
        around::of(self)
    }

    /// Does the `lua` steps of commands.
    pub fn steps(&self) -> Arc<dyn StepRunner + Send + Sync> {
        step::runner(self)
    }

    /// Allows a plugin as it is now, and uses it. Whether a person agreed is the caller's business.
    ///
    /// # Errors
    /// What its script says or lacks, and those of the store.
    pub fn enable(&self, found: &Found) -> Result<()> {
        self.check(found)?;
        brought::bring(self.store(), &self.0.settings.definitions, found)?;
        self.store().enable_plugin(&NewPlugin {
            name: found.manifest.name.clone(),
            place: found.place(),
            digest: found.digest.clone(),
            manifest: serde_json::to_value(&found.manifest).unwrap_or_default(),
        })
    }

    /// Loads a plugin without using it.
    ///
    /// # Errors
    /// What its script says or lacks.
    pub fn check(&self, found: &Found) -> Result<()> {
        let tried = found.clone();
        self.lane()?.wait(move |room| room.load(&tried).map(drop))
    }

    /// Uses a plugin no more. Says whether it was used.
    ///
    /// # Errors
    /// Those of the store, and of the folder with its definitions.
    pub fn disable(&self, name: &str) -> Result<bool> {
        brought::take_back(self.store(), &self.0.settings.definitions, name)?;
        self.store().disable_plugin(name, "a person said so")
    }

    /// Forgets a plugin with all it keeps. Says whether anything was known of it.
    ///
    /// # Errors
    /// Those of [`Plugins::disable`].
    pub fn remove(&self, name: &str) -> Result<bool> {
        brought::take_back(self.store(), &self.0.settings.definitions, name)?;
        self.store().remove_plugin(name)
    }

    /// The tools of enabled plugins that a pattern means.
    ///
    /// # Errors
    /// `NotFound` when it means none, and those of the store.
    pub fn tools(&self, pattern: &str) -> Result<Vec<Arc<dyn Tool>>> {
        tool::offered(self, pattern)
    }

    /// Those that are called so and used.
    ///
    /// # Errors
    /// `NotFound`, and those of the store.
    pub fn active(&self, name: &str) -> Result<Arc<Active>> {
        let row = self.store().plugin(name)?.filter(|row| row.enabled);
        row.and_then(Active::of).map(Arc::new).ok_or_else(|| {
            Error::new(Kind::NotFound, format!("the plugin `{name}` is not enabled"))
                .hint(format!("`fac plugin enable {name}` uses it"))
        })
    }

    /// What is to be said to the person since somebody last asked, each a sentence.
    pub fn said(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.said.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn say(&self, said: String) {
        let mut all = self.0.said.lock().unwrap_or_else(PoisonError::into_inner);
        // What fails each second is said once until somebody reads it.
        if all.len() < MOST_SAID && !all.contains(&said) {
            all.push(said);
        }
    }
}
