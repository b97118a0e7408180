//! Calls of plugins that were allowed, and what their failures come to.

use std::sync::Arc;

use serde_json::Value as Json;

use super::halt::Asked;
use super::lane::{Ends, gone};
use super::manifest::Manifest;
use super::places::{self, Found};
use super::room::{Answer, Loaded, Room};
use super::{MOST_FAILURES, Plugins, brought};
use crate::kernel::error::{Error, Kind, Result};
use crate::store::PluginRow;

/// What of a plugin's failures is said beside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// Every one: whoever called goes on without it.
    All,
    /// Only that it is used no more: whoever called says the failure itself.
    Last,
}

/// A plugin that is used.
#[derive(Clone, Debug)]
pub struct Active {
    /// What was allowed.
    pub row: PluginRow,
    /// What it hears of, brings and may do.
    pub manifest: Manifest,
}

impl Active {
    /// The plugin of a row; `None` when its manifest is from another time.
    pub fn of(row: PluginRow) -> Option<Active> {
        let manifest = serde_json::from_value(row.manifest.clone()).ok()?;
        Some(Active { row, manifest })
    }

    /// Its files, where they are what was allowed.
    fn read(&self) -> Result<Found> {
        let (name, place) = (&self.row.name, &self.row.place);
        let found = places::at(place, name).map_err(|error| match error.kind() {
            Kind::NotFound => {
                let said = format!("`{name}` is gone from {place} (`fac plugin rm {name}` forgets it)");
                Error::new(Kind::NotFound, said).because(error)
            }
            _ => error,
        })?;
        if found.digest == self.row.digest {
            return Ok(found);
        }
        Err(changed(name))
    }
}

/// A plugin is not what was allowed.
pub fn changed(name: &str) -> Error {
    Error::new(Kind::Refused, format!("the plugin `{name}` has changed since you allowed it"))
        .hint(format!("`fac plugin enable {name}` shows what is different and asks"))
}

impl Plugins {
    /// Calls a function of a plugin and waits for it.
    ///
    /// # Errors
    /// Its failure, which was counted.
    pub fn call(&self, active: &Arc<Active>, path: &[&str], args: Vec<Json>) -> Result<Json> {
        self.call_until(active, path, args, None)
    }

    /// The same until it is `asked` to end.
    ///
    /// # Errors
    /// Those of [`Plugins::call`]; `Interrupted`, which is no failure.
    pub fn call_until(
        &self,
        active: &Arc<Active>,
        path: &[&str],
        args: Vec<Json>,
        asked: Option<&Asked>,
    ) -> Result<Json> {
        let name = &active.row.name;
        let lane = self.lane()?;
        // What has a state already needs no other thread.
        let ready = lane.at_once(asked, |room| {
            let loaded = room.ready(name, &active.row.digest);
            loaded.map(|loaded| loaded.call(name, path, &args)).transpose()
        });
        let done = match ready {
            Some(Ok(None)) | None => {
                let path: Vec<String> = path.iter().map(|part| (*part).to_string()).collect();
                let what = format!("`{name}` ({})", path.join("."));
                let work = in_state(active, move |name, loaded| {
                    let path: Vec<&str> = path.iter().map(String::as_str).collect();
                    loaded.call(name, &path, &args)
                });
                match asked {
                    Some(asked) => lane.wait_until(&what, Ends { asked, limit: None }, work),
                    None => lane.wait(work),
                }
            }
            Some(Ok(Some(answer))) => Ok(answer),
            Some(Err(error)) => Err(error),
        };
        self.judge(active, &path.join("."), Told::All, done)
    }

    /// Calls what a person asked for and waits for its answer.
    ///
    /// # Errors
    /// Its failure, which was counted; whoever asked is to be told.
    pub fn answer(&self, active: &Arc<Active>, function: &str, args: Vec<Json>, ends: Ends<'_>) -> Result<Answer> {
        let function = function.to_string();
        let what = format!("`{}` (commands.{function})", active.row.name);
        let part = format!("commands.{function}");
        let work = in_state(active, move |name, loaded| loaded.answer(name, &["commands", function.as_str()], &args));
        let done = self.lane().and_then(|lane| lane.wait_until(&what, ends, work));
        self.judge(active, &part, Told::Last, done)
    }

    /// Does something with the state of a plugin, without holding the thread of whoever waits. `part` is what is called.
    pub(super) async fn within_async<T: Send + 'static>(
        &self,
        active: &Arc<Active>,
        part: &str,
        told: Told,
        work: impl FnOnce(&str, &Loaded) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let work = in_state(active, work);
        let (answer, answered) = tokio::sync::oneshot::channel();
        // Nobody waits any more when the turn was stopped.
        let sent = self.lane().map(|lane| lane.send(move |room| drop(answer.send(work(room)))));
        let done = match sent {
            Ok(()) => answered.await.unwrap_or_else(|_| Err(gone())),
            Err(error) => Err(error),
        };
        self.judge(active, part, told, done)
    }

    /// Counts a failure of a part, and says what it comes to; forgets its earlier ones when it went well.
    fn judge<T>(&self, active: &Active, part: &str, told: Told, done: Result<T>) -> Result<T> {
        let name = &active.row.name;
        match &done {
            Ok(_) if active.row.fails_at(part) => {
                if let Err(error) = self.store().plugin_recovered(name, part) {
                    tracing::warn!(plugin = name, error = error.full_message(), "not written down");
                }
            }
            Ok(_) => {}
            Err(error) if error.kind() == Kind::Interrupted => {}
            // Neither that it may not be used now nor that something outside is away is a failure of its own.
            Err(error) if matches!(error.kind(), Kind::Refused | Kind::Unreachable | Kind::Missing) => {
                if told == Told::Last || active.manifest.required {
                    return done;
                }
                let hint = error.way_forward().map_or(String::new(), |hint| format!("; {hint}"));
                self.say(format!("{}, and is left out{hint}", error.full_message()));
            }
            Err(error) => self.failed(active, part, told, error),
        }
        done
    }

    fn failed(&self, active: &Active, part: &str, told: Told, error: &Error) {
        let (name, required) = (active.row.name.as_str(), active.manifest.required);
        let why = error.full_message();
        tracing::warn!(plugin = name, error = why, "a plugin failed");
        // What protects somebody is not taken away from them because it fails.
        match self.store().plugin_failed(name, part, &why, if required { u32::MAX } else { MOST_FAILURES }) {
            Ok((times, true)) => {
                self.say(format!(
                    "the plugin {why}; it failed {times} times in a row and is disabled (`fac plugin enable {name}` uses it again)"
                ));
                if let Err(error) = brought::take_back(self.store(), &self.0.settings.definitions, name) {
                    self.say(format!("its commands are still there: {}", error.full_message()));
                }
            }
            // Whoever asked is told that it did not pass, and why.
            Ok(_) if told == Told::Last || required => {}
            Ok(_) => self.say(format!("the plugin {why}; what it was for is left out")),
            Err(trouble) => tracing::warn!(plugin = name, error = trouble.full_message(), "not written down"),
        }
    }
}

/// Work with the state of a plugin, for the thread.
fn in_state<T>(
    active: &Arc<Active>,
    work: impl FnOnce(&str, &Loaded) -> Result<T> + Send + 'static,
) -> impl FnOnce(&Room) -> Result<T> + Send + 'static {
    let there = active.clone();
    move |room| {
        let loaded = room.loaded(&there.row.name, &there.row.digest, || there.read())?;
        work(&there.row.name, &loaded)
    }
}
