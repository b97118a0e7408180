//! Trying a plugin out: the same sandbox and the same bounds, in a world of its own that nothing leaves.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value as Json, json};

use super::brought;
use super::filter::meant;
use super::halt::Halt;
use super::limits::Limits;
use super::manifest::{Hook, Manifest};
use super::places::Found;
use super::room::{Loaded, Room};
use super::step;
use super::world::{Level, Question, Ran, Request, Response, World};
use crate::chat::filter::Passed;
use crate::kernel::clock::{Clock, Timestamp};
use crate::kernel::error::{Error, Kind, Result};
use crate::store::too_much;

/// The script with a plugin's own tests.
pub const TESTS: &str = "tests.luau";

/// A plugin on trial.
pub struct Trial {
    name: String,
    manifest: Manifest,
    tests: Option<String>,
    loaded: Loaded,
    world: Arc<Pretended>,
}

/// A world that remembers what was asked of it, and does none of it.
struct Pretended {
    clock: Clock,
    /// How much it may keep, bytes.
    quota: u64,
    kept: Mutex<BTreeMap<String, String>>,
    lines: Mutex<Vec<(Level, String)>>,
}

impl Trial {
    /// Loads a plugin.
    ///
    /// # Errors
    /// What its script says or lacks.
    pub fn new(found: &Found, limits: Limits, quota: u64, clock: Clock) -> Result<Trial> {
        let world = Arc::new(Pretended { clock, quota, kept: Mutex::default(), lines: Mutex::default() });
        let room = Room::new(limits, world.clone(), Arc::default());
        let loaded = room.load(found)?;
        let tests = found.files.iter().find(|(name, _)| name == TESTS);
        let tests = tests.map(|(_, bytes)| String::from_utf8_lossy(bytes).into_owned());
        Ok(Trial { name: found.manifest.name.clone(), manifest: found.manifest.clone(), tests, loaded, world })
    }

    /// Has a text pass a hook.
    ///
    /// # Errors
    /// The plugin's failure.
    pub fn pass(&self, hook: Hook, text: &str) -> Result<Passed> {
        meant(&self.name, hook, self.loaded.pass(&self.name, hook.name(), text)?)
    }

    /// Calls a function.
    ///
    /// # Errors
    /// The plugin's failure.
    pub fn call(&self, path: &[&str], args: &[Json]) -> Result<Json> {
        self.loaded.call(&self.name, path, args)
    }

    /// Calls what does a command, with what the command would give it for these arguments.
    ///
    /// # Errors
    /// `Usage` for arguments that the command does not have or that it lacks; the plugin's failure.
    pub fn command(&self, name: &str, arguments: &Json) -> Result<Json> {
        let args = match brought::bound(&self.manifest, name, arguments)? {
            Some(bound) => [step::arguments(&bound), Json::from(bound.rest)],
            // A function that no command calls yet.
            None => [arguments.clone(), json!([])],
        };
        self.call(&["commands", name], &args)
    }

    /// Runs the plugin's own tests; the name of each with what went wrong.
    ///
    /// # Errors
    /// When their script is broken.
    pub fn own_tests(&self) -> Result<Vec<(String, Option<String>)>> {
        match &self.tests {
            Some(script) => self.loaded.tests(&self.name, TESTS, script),
            None => Ok(Vec::new()),
        }
    }

    /// What it wrote and what it asked for since the last time.
    pub fn lines(&self) -> Vec<(Level, String)> {
        std::mem::take(&mut *self.world.lines.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The bytes that it holds.
    pub fn used_memory(&self) -> usize {
        self.loaded.used_memory()
    }
}

impl Pretended {
    fn note(&self, text: String) {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).push((Level::Debug, text));
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, String>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn pretended<T>(what: &str) -> Result<T> {
    Err(Error::new(Kind::Refused, format!("{what} does nothing in a trial")))
}

impl World for Pretended {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn log(&self, _plugin: &str, level: Level, text: &str) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() < 1000 {
            lines.push((level, text.to_string()));
        }
    }

    fn get(&self, _plugin: &str, key: &str) -> Result<Option<String>> {
        Ok(self.kept().get(key).cloned())
    }

    fn set(&self, plugin: &str, key: &str, value: Option<&str>) -> Result<()> {
        let mut kept = self.kept();
        let Some(value) = value else {
            kept.remove(key);
            return Ok(());
        };
        let others = kept.iter().filter(|(name, _)| *name != key);
        let used: usize = others.map(|(key, value)| key.len() + value.len()).sum();
        if (used + key.len() + value.len()) as u64 > self.quota {
            return Err(too_much(plugin, self.quota));
        }
        kept.insert(key.to_string(), value.to_string());
        Ok(())
    }

    fn replace(&self, plugin: &str, key: &str, old: Option<&str>, new: Option<&str>) -> Result<bool> {
        // Nobody else is here.
        let is_so = self.kept().get(key).map(String::as_str) == old;
        if is_so { self.set(plugin, key, new).map(|()| true) } else { Ok(false) }
    }

    fn keys(&self, _plugin: &str, prefix: &str) -> Result<Vec<String>> {
        Ok(self.kept().keys().filter(|key| key.starts_with(prefix)).cloned().collect())
    }

    fn fetch(&self, request: &Request, _: &Halt) -> Result<Response> {
        self.note(format!("would ask {} {}", request.method, request.url));
        pretended("fac.http")
    }

    fn run(&self, words: &[String], _input: Option<&str>, _allowed: &[String], _: &Halt) -> Result<Ran> {
        self.note(format!("would run {}", words.join(" ")));
        pretended("fac.run")
    }

    fn ask(&self, question: &Question, _: &Halt) -> Result<String> {
        self.note(format!("would ask the model: {}", question.prompt));
        pretended("fac.ask")
    }

    fn emit(&self, plugin: &str, name: &str, payload: &Json, _: &Halt) -> Result<()> {
        self.note(format!("would write plugin.{plugin}.{name} {payload}"));
        Ok(())
    }
}
