//! What plugins hear by themselves: facts of the event log, and the time.
//!
//! A mark in the store says how far each has heard; whoever moves it delivers, so that of several processes one does.
//! Events are hints: what was claimed by a process that was killed is not told again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use super::halt::Asked;
use super::manifest::Hook;
use super::{Active, Plugins};
use crate::chat::policy::fits;
use crate::exec::Stop;
use crate::kernel::error::{Context, Kind, Result};
use crate::kernel::events::{Position, Recorded};
use crate::store::{Quiet, Store};

/// How often a process that stays looks whether something happened.
const GLANCE: Duration = Duration::from_millis(300);
/// Events that are looked at in one pass.
const MOST: usize = 1000;
/// Where an event of a plugin says which one it answers.
pub(super) const HEARD: &str = "heard";
/// Plugins answer each other so often at most.
const ANSWERS: usize = 8;
const EVENTS: &str = "events";
const TICKED: &str = "ticked";
/// What fires a run that a plugin asks for.
pub(super) const RUN_BY_PLUGIN: &str = "plugin";

impl Plugins {
    /// Tells plugins what happened since they last heard, and wakes those whose time has come. Gives how many calls that
    /// were; nothing is opened where nobody wants to hear.
    ///
    /// # Errors
    /// Those of the store; what a plugin fails at is counted and no error.
    pub fn deliver(&self) -> Result<usize> {
        let mut calls = 0;
        for active in self.hearing(&[Hook::Event, Hook::Tick]) {
            if active.manifest.hooks.contains(&Hook::Event) {
                calls += self.tell(&active)?;
            }
            if active.manifest.hooks.contains(&Hook::Tick) && self.is_due(&active)? {
                calls += 1;
                // What it failed at was counted.
                let _ = self.call(&active, &[Hook::Tick.name()], Vec::new());
            }
        }
        Ok(calls)
    }

    /// Has a thread of its own tell plugins what happens, and wake them, until `stop`.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn follow(&self, stop: Stop) -> Result<()> {
        let plugins = self.clone();
        let work = move || {
            let (mut seen, mut quiet, mut tick) = (None, Quiet::default(), None);
            while !stop.wait(GLANCE) {
                if quiet.is_sure(plugins.store()) && tick.is_none_or(|at| Instant::now() < at) {
                    continue;
                }
                // A store that is busy is looked at again.
                let Ok(now) = plugins.store().last_position() else { continue };
                let next = plugins.next_tick().ok().flatten();
                let due = next == Some(0);
                tick = next.map(|ms| Instant::now() + Duration::from_millis(ms));
                if now == seen && !due {
                    continue;
                }
                if let Err(error) = plugins.deliver() {
                    tracing::warn!(error = error.full_message(), "plugins heard nothing");
                }
                seen = now;
            }
        };
        let thread = std::thread::Builder::new().name("plugin-ears".into()).spawn(work);
        thread.map(drop).context(Kind::Failed, || "cannot start a thread".to_string())
    }

    /// How long until some plugin is to be woken, milliseconds; `None` where none ever is.
    ///
    /// # Errors
    /// Those of the store.
    pub fn next_tick(&self) -> Result<Option<u64>> {
        let now = self.store().now().as_millis();
        let mut soonest = None;
        for active in self.hearing(&[Hook::Tick]) {
            let Some(every) = active.manifest.tick_ms() else { continue };
            let last = self.store().plugin_mark(&active.row.name, TICKED)?;
            let due = last.map_or(0, |last| u64::try_from(last).unwrap_or(0).saturating_add(every).saturating_sub(now));
            soonest = Some(soonest.map_or(due, |soonest: u64| soonest.min(due)));
        }
        Ok(soonest)
    }

    fn tell(&self, active: &Arc<Active>) -> Result<usize> {
        let (store, name) = (self.store(), &active.row.name);
        let Some(last) = store.last_position()?.map(Position::stored) else { return Ok(0) };
        let heard = store.plugin_mark(name, EVENTS)?;
        if heard.is_some_and(|heard| heard >= last) {
            return Ok(0);
        }
        let events = match heard {
            Some(from) => store.events(Some(Position::from_stored(from)), "*", MOST)?,
            // Whoever is new hears of what happens from now on.
            None => Vec::new(),
        };
        // What is more than one pass is heard in the next.
        let to = if events.len() < MOST { last } else { events.last().map_or(last, |event| event.position.stored()) };
        if !store.move_plugin_mark(name, EVENTS, heard, to)? {
            return Ok(0);
        }
        let (mut calls, nobody) = (0, Stop::new()?);
        for event in events {
            let own = event.kind.strip_prefix("plugin.").is_some_and(|rest| rest.split('.').next() == Some(name));
            let wanted = active.manifest.events.iter().any(|pattern| fits(pattern, &event.kind));
            // What plugins run is heard by none: they would run each other for ever.
            let by_plugin = event.payload.as_ref().is_some_and(|told| told["trigger"] == RUN_BY_PLUGIN);
            if own || by_plugin || !wanted || event.position.stored() > to {
                continue;
            }
            if is_late(store, &event)? {
                let by = &event.subject;
                self.say(format!(
                    "`{name}` and `{by}` answer each other without end: after {ANSWERS} times it is told no more"
                ));
                continue;
            }
            let told = json!({
                "kind": event.kind,
                "subject": event.subject,
                "at": event.at,
                "position": event.position.stored(),
                "payload": event.payload.unwrap_or(Json::Null),
            });
            calls += 1;
            let asked = Asked::ever(&nobody).within(event.trace).hearing(event.position);
            if self.call_until(active, &[Hook::Event.name()], vec![told], Some(&asked)).is_err() {
                // It is counted; the rest of this pass is not told to a plugin that just failed.
                break;
            }
        }
        Ok(calls)
    }

    /// Whether it is time to wake a plugin, and nobody else does.
    fn is_due(&self, active: &Active) -> Result<bool> {
        let Some(every) = active.manifest.tick_ms() else { return Ok(false) };
        let name = &active.row.name;
        let now = i64::try_from(self.store().now().as_millis()).unwrap_or(i64::MAX);
        let last = self.store().plugin_mark(name, TICKED)?;
        let due = last.is_none_or(|last| now.saturating_sub(last) >= i64::try_from(every).unwrap_or(i64::MAX));
        Ok(due && self.store().move_plugin_mark(name, TICKED, last, now)?)
    }
}

/// Whether an event of a plugin is the last of a long row of answers.
fn is_late(store: &Store, event: &Recorded) -> Result<bool> {
    let answers = |payload: &Option<Json>| payload.as_ref().and_then(|told| told[HEARD].as_i64());
    let mut next = answers(&event.payload).filter(|_| event.kind.starts_with("plugin."));
    for _ in 0..=ANSWERS {
        let Some(at) = next else { return Ok(false) };
        let found = store.events(Some(Position::from_stored(at.saturating_sub(1))), "*", 1)?;
        let before = found.iter().find(|found| found.position.stored() == at && found.kind.starts_with("plugin."));
        next = before.and_then(|before| answers(&before.payload));
    }
    Ok(true)
}
