//! The states of the plugins, used by one thread at a time.
//!
//! A state is made when its plugin is first called and holds what was allowed: a script that changed since is not loaded.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use mlua::{Function, MultiValue, Table, Value};
use serde_json::Value as Json;

use super::halt::{Asked, Halt};
use super::inside::{self, Inside, on_purpose};
use super::limits::Limits;
use super::manifest::{Hook, Manifest, Permissions, SCRIPT};
use super::places::Found;
use super::state::State;
use super::values;
use super::world::World;
use crate::kernel::error::{Error, Kind, Result};

/// A plugin with its state.
pub struct Loaded {
    state: State,
    table: Table,
    digest: String,
    used: Mutex<Instant>,
}

/// What a function came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// What it returned.
    Value(Json),
    /// The words of `fac.fail`.
    No(String),
}

/// What the thread works with.
pub struct Room {
    limits: Limits,
    world: Arc<dyn World>,
    halt: Arc<Halt>,
    states: Mutex<HashMap<String, Arc<Loaded>>>,
}

impl Room {
    /// A room without a thread, as [`Lane`](super::lane::Lane) and tests make it. `halt` ends what runs in it.
    pub fn new(limits: Limits, world: Arc<dyn World>, halt: Arc<Halt>) -> Room {
        Room { limits, world, halt, states: Mutex::default() }
    }

    /// A sandbox for `name` that reaches `world`.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub fn sandbox(&self, name: &str, permissions: &Permissions, world: Arc<dyn World>) -> Result<State> {
        let (name, permissions) = (name.to_string(), permissions.clone());
        State::new(self.limits, self.halt.clone(), move |lua, meter, globals| {
            inside::furnish(lua, globals, Inside { name, permissions, world, meter: meter.clone() })
        })
    }

    /// Loads a plugin and calls nothing of it.
    ///
    /// # Errors
    /// What its script says or lacks.
    pub fn load(&self, found: &Found) -> Result<Loaded> {
        let name = &found.manifest.name;
        let state = self.sandbox(name, &found.manifest.permissions, self.world.clone())?;
        let what = format!("`{name}`");
        let table = match state.run(&what, &format!("{name}/{SCRIPT}"), &found.script)? {
            Value::Table(table) => table,
            other => {
                let kind = if other.is_number() || other.is_integer() { "number" } else { other.type_name() };
                let said = format!("{what} returns a {kind} and no table of functions");
                return Err(Error::new(Kind::BadData, said).hint(format!("{SCRIPT} ends with `return plugin`")));
            }
        };
        let loaded = Loaded { state, table, digest: found.digest.clone(), used: Mutex::new(Instant::now()) };
        loaded.check(&found.manifest)?;
        loaded.state.tidy();
        Ok(loaded)
    }

    /// The state of a plugin: the one that is there where it holds these bytes, else a new one. `find` reads them.
    ///
    /// # Errors
    /// Those of `find` and [`Room::load`].
    pub fn loaded(&self, name: &str, digest: &str, find: impl FnOnce() -> Result<Found>) -> Result<Arc<Loaded>> {
        if let Some(loaded) = self.ready(name, digest) {
            return Ok(loaded);
        }
        let loaded = Arc::new(self.load(&find()?)?);
        self.states().insert(name.to_string(), loaded.clone());
        Ok(loaded)
    }

    /// The state of a plugin where it is there and holds these bytes.
    pub fn ready(&self, name: &str, digest: &str) -> Option<Arc<Loaded>> {
        let loaded = self.states().get(name).filter(|loaded| loaded.digest == digest)?.clone();
        *loaded.used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        Some(loaded)
    }

    /// Lets the states go that nobody called for so long; whether any is left. The next call makes another, so what a plugin
    /// is to remember stands in `fac.store`.
    pub fn let_go(&self, idle: Duration) -> bool {
        let mut states = self.states();
        states.retain(|_, loaded| loaded.used.lock().unwrap_or_else(PoisonError::into_inner).elapsed() < idle);
        !states.is_empty()
    }

    /// The bytes that each state holds.
    pub fn memory(&self) -> Vec<(String, usize)> {
        self.states().iter().map(|(name, loaded)| (name.clone(), loaded.state.used_memory())).collect()
    }

    fn states(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Loaded>>> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something that ends when somebody asks for it.
    pub fn heeding<T>(&self, asked: Option<&Asked>, job: impl FnOnce(&Room) -> T) -> T {
        let _heeding = self.halt.heed(asked);
        job(self)
    }

    /// What the states reach.
    pub fn world(&self) -> &Arc<dyn World> {
        &self.world
    }
}

/// The bytes of the texts in a value.
fn bytes_of(value: &Json) -> usize {
    match value {
        Json::String(text) => text.len(),
        Json::Array(list) => list.iter().map(bytes_of).sum(),
        Json::Object(fields) => fields.iter().map(|(name, one)| name.len() + bytes_of(one)).sum(),
        _ => 0,
    }
}

impl Loaded {
    /// Every function that the manifest promises is there.
    fn check(&self, manifest: &Manifest) -> Result<()> {
        let mut missing = Vec::new();
        let mut wants = |path: &[&str]| {
            if self.function(path).is_none() {
                missing.push(path.join("."));
            }
        };
        manifest.hooks.iter().for_each(|hook| wants(&[hook.name()]));
        manifest.commands.iter().for_each(|command| wants(&["commands", &command.name]));
        manifest.tools.iter().for_each(|tool| wants(&["tools", &tool.name]));
        if missing.is_empty() {
            return Ok(());
        }
        let said = format!("`{}` has no function for what plugin.toml names: {}", manifest.name, missing.join(", "));
        Err(Error::new(Kind::BadData, said))
    }

    fn function(&self, path: &[&str]) -> Option<Function> {
        let (last, tables) = path.split_last()?;
        let mut table = self.table.clone();
        for name in tables {
            table = table.raw_get(*name).ok()?;
        }
        table.raw_get(*last).ok()
    }

    /// Calls a function of the plugin's table with JSON, and gives JSON back.
    ///
    /// # Errors
    /// Those of [`State::call`]; `NotFound` when there is no such function.
    pub fn call(&self, name: &str, path: &[&str], args: &[Json]) -> Result<Json> {
        match self.answer(name, path, args)? {
            Answer::Value(value) => Ok(value),
            Answer::No(said) => Err(Error::new(Kind::Failed, said)),
        }
    }

    /// The same for what a person or a model asked for: `fac.fail` is an answer and no failure.
    ///
    /// # Errors
    /// Those of [`Loaded::call`].
    pub fn answer(&self, name: &str, path: &[&str], args: &[Json]) -> Result<Answer> {
        let what = format!("`{name}` ({})", path.join("."));
        let missing = || Error::new(Kind::NotFound, format!("{what} has no function there"));
        let function = self.function(path).ok_or_else(missing)?;
        let bytes = args.iter().map(bytes_of).sum();
        self.state.call_about(&what, bytes, |lua| {
            let args: MultiValue = args.iter().map(|arg| values::to_lua(lua, arg)).collect::<mlua::Result<_>>()?;
            match function.call::<(Value, Value)>(args) {
                // A hook that refuses may say why as the filters do.
                Ok((Value::Boolean(false), why)) if why.is_string() && path == [Hook::BeforeCommand.name()] => {
                    values::to_json(&why).map(Answer::Value)
                }
                Ok((value, _)) => values::to_json(&value).map(Answer::Value),
                Err(error) => on_purpose(&error).map(Answer::No).ok_or(error),
            }
        })
    }

    /// Runs a plugin's own tests: a script that returns functions by name, and finds the plugin's table as `plugin`.
    ///
    /// # Errors
    /// When the script itself fails.
    pub fn tests(&self, name: &str, file: &str, script: &str) -> Result<Vec<(String, Option<String>)>> {
        let function = self.state.compile(&format!("{name}/{file}"), script)?;
        let what = format!("`{name}` ({file})");
        let tests: Table = self.state.call(&what, |lua| {
            lua.globals().set("plugin", &self.table)?;
            function.call(())
        })?;
        let mut pairs: Vec<(String, Function)> = tests.pairs().collect::<mlua::Result<_>>().map_err(|error| {
            Error::new(Kind::BadData, format!("{what} returns no table of functions by name")).because(error)
        })?;
        pairs.sort_by(|a, b| a.0.cmp(&b.0));
        let wrong = |(test, function): (String, Function)| {
            let done: Result<()> = self.state.call(&test, |_| function.call(()));
            let wrong = done.err().map(|error| error.full_message());
            (test, wrong)
        };
        Ok(pairs.into_iter().map(wrong).collect())
    }

    /// The bytes that it holds.
    pub fn used_memory(&self) -> usize {
        self.state.used_memory()
    }

    /// Calls a function with a text and a table; gives what it returns, a text, `false` with a reason, or nothing.
    ///
    /// # Errors
    /// Those of [`Loaded::call`].
    pub fn pass(&self, name: &str, hook: &str, text: &str) -> Result<Json> {
        let what = format!("`{name}` ({hook})");
        let missing = || Error::new(Kind::NotFound, format!("{what} has no function there"));
        let function = self.function(&[hook]).ok_or_else(missing)?;
        self.state.call_about(&what, text.len(), |lua| {
            let (first, why): (Value, Value) = function.call(lua.create_string(text)?)?;
            match first {
                Value::Boolean(false) => {
                    Ok(serde_json::json!({"refused": values::to_json(&why).unwrap_or(Json::Null)}))
                }
                other => values::to_json(&other),
            }
        })
    }
}
