//! What an automation waits for, typed: each trigger of a definition is read once, with a diagnostic that names its line
//! where it cannot be.
//!
//! It knows what fits and what does not; it listens to nothing and fires nothing.

mod event;
mod file;
mod homeassistant;
mod misspelt;
mod mqtt;
pub(in crate::automations) mod options;
mod reference;
mod startup;
#[cfg(test)]
mod tests;
mod value;
mod voice;
mod webhook;

use std::path::PathBuf;

use jiff::tz::TimeZone;
use serde_json::Value as Json;

pub use self::event::Event;
pub use self::file::{Change, File};
pub use self::homeassistant::Homeassistant;
pub use self::misspelt::misspelt;
pub use self::mqtt::{Mqtt, Retained, check_filter, filter_fits};
use self::options::Options;
pub use self::reference::{REFERENCE, Reference};
pub use self::startup::Startup;
pub use self::voice::Voice;
pub use self::webhook::Webhook;
use super::happening::Happening;
use super::schedule::{Place, Schedule};
use crate::commands::catalog::quoted;
use crate::commands::expr;
use crate::commands::model::{Command, Diagnostic, Param, Trigger};

/// One trigger, understood.
#[derive(Clone, Debug)]
pub enum Wanted {
    /// A time.
    Schedule(Schedule),
    /// A message of a broker.
    Mqtt(Mqtt),
    /// A change of a state in Home Assistant.
    Homeassistant(Homeassistant),
    /// A change of a file.
    File(File),
    /// An event of ours.
    Event(Event),
    /// A request to our server.
    Webhook(Webhook),
    /// A spoken phrase.
    Voice(Voice),
    /// The beginning of whoever runs automations.
    Startup(Startup),
}

/// When and how often a trigger that fits may fire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timing {
    /// `for=`: how long it must hold, milliseconds.
    pub held_ms: Option<u64>,
    /// `debounce=`: it fires when nothing more came for so long, milliseconds.
    pub debounce_ms: Option<u64>,
    /// `limit=5/1h`: at most so many firings in so many milliseconds.
    pub limit: Option<(u32, u64)>,
    /// `max=`: how many may run or wait in the modes queued and parallel.
    pub max: Option<u32>,
}

/// What triggers take from the settings and the machine where they say nothing themselves.
#[derive(Clone, Debug, Default)]
pub struct Here {
    /// The zone of schedules that name none; `None` for the machine's.
    pub zone: Option<TimeZone>,
    /// Where the sun rises and sets.
    pub place: Option<Place>,
    /// The user's home, for paths that begin with `~/`.
    pub home: Option<PathBuf>,
    /// The broker of `mqtt` triggers that name none.
    pub broker: Option<String>,
}

/// Reads a trigger.
///
/// # Errors
/// What cannot be understood, with the line of the trigger.
pub fn parse(trigger: &Trigger) -> Result<(Wanted, Timing), Diagnostic> {
    let options = Options::new(trigger);
    let wanted = match trigger.kind.as_str() {
        "schedule" => Wanted::Schedule(Schedule::parse(trigger, &options)?),
        "mqtt" => Wanted::Mqtt(Mqtt::parse(&options)?),
        "homeassistant" => Wanted::Homeassistant(Homeassistant::parse(&options)?),
        "file" => Wanted::File(File::parse(&options)?),
        "event" => Wanted::Event(Event::parse(&options)?),
        "webhook" => Wanted::Webhook(Webhook::parse(&options)?),
        "voice" => Wanted::Voice(Voice::parse(&options)?),
        "startup" => Wanted::Startup(Startup::parse(&options)?),
        other => return Err(options.wrong(format!("nothing fires on `{other}`"))),
    };
    let mut timing = options.timing()?;
    if matches!(wanted, Wanted::File(_)) {
        // The watcher waits until a file is quiet.
        timing.debounce_ms = None;
    }
    Ok((wanted, timing))
}

/// A trigger as it is written in a definition.
pub fn written(trigger: &Trigger) -> String {
    let mut words = vec![trigger.kind.clone()];
    words.extend(trigger.args.iter().map(|arg| quoted(arg)));
    words.extend(trigger.options.iter().map(|(key, value)| format!("{key}={}", quoted(value))));
    words.join(" ")
}

/// What is wrong with the triggers and the condition of a command, with their places.
pub fn check(command: &Command) -> Vec<Diagnostic> {
    // A kind that nobody knows has been told by whoever read the definition.
    let known = command.triggers.iter().filter(|trigger| KINDS.contains(&trigger.kind.as_str()));
    let mut found: Vec<Diagnostic> = known.filter_map(|trigger| parse(trigger).err()).collect();
    if let Some(condition) = &command.condition
        && let Some(why) = super::conditions::malformed(condition)
    {
        let line = command.origin.lines.0.max(1);
        found.push(Diagnostic::error(
            line,
            1,
            format!("the condition `{}` cannot be read: {why}", expr::shown(condition)),
        ));
    }
    found
}

/// Parameters that must be given and that a trigger never tells, a sentence each: what it fires fails. A phrase fills what it
/// names, and is looked at by whoever hears it.
pub fn untold(command: &Command) -> Vec<String> {
    let mut said = Vec::new();
    for trigger in &command.triggers {
        let reference = REFERENCE.iter().find(|one| one.kind == trigger.kind && one.kind != "voice");
        let Some(tells) = reference.map(|one| one.tells) else { continue };
        let is_told = |param: &Param| ["kind", "at"].iter().chain(tells).any(|field| *field == param.var);
        let untold = command.params.iter().filter(|param| param.required && param.default.is_none() && !is_told(param));
        let on = written(trigger);
        said.extend(untold.map(|param| {
            format!("`{on}` never tells its `{0}`, without which it fails; it wants a default: `[{0}=…]`", param.name)
        }));
    }
    said
}

/// The kinds of trigger there are.
pub const KINDS: [&str; 8] = ["schedule", "mqtt", "homeassistant", "file", "event", "webhook", "voice", "startup"];

impl Wanted {
    /// The kind of trigger, as in a definition.
    pub fn kind(&self) -> &'static str {
        match self {
            Wanted::Schedule(_) => "schedule",
            Wanted::Mqtt(_) => "mqtt",
            Wanted::Homeassistant(_) => "homeassistant",
            Wanted::File(_) => "file",
            Wanted::Event(_) => "event",
            Wanted::Webhook(_) => "webhook",
            Wanted::Voice(_) => "voice",
            Wanted::Startup(_) => "startup",
        }
    }

    /// The same with what the settings and the machine say where the trigger says nothing. To be called before
    /// [`matches`](Self::matches) and before a schedule is asked for its times.
    pub fn settle(mut self, here: &Here) -> Wanted {
        match &mut self {
            Wanted::Schedule(schedule) => schedule.settle(here),
            Wanted::Mqtt(mqtt) => mqtt.settle(here),
            Wanted::File(file) => file.settle(here),
            _ => {}
        }
        self
    }

    /// Whether this is what it waits for. A schedule waits for no happening but for [`Schedule::due`].
    pub fn matches(&self, happening: &Happening) -> bool {
        let data = &happening.data;
        self.kind() == happening.kind
            && match self {
                Wanted::Schedule(_) => false,
                Wanted::Mqtt(mqtt) => mqtt.matches(data),
                Wanted::Homeassistant(states) => states.matches(data),
                Wanted::File(file) => file.matches(data),
                Wanted::Event(event) => event.matches(data),
                Wanted::Webhook(webhook) => webhook.matches(data),
                Wanted::Voice(voice) => voice.matches(data),
                Wanted::Startup(_) => true,
            }
    }

    /// What steps and conditions are told of what it waited for.
    pub fn told(&self, data: &Json) -> Json {
        match self {
            Wanted::Homeassistant(states) => states.told(data.clone()),
            _ => data.clone(),
        }
    }

    /// Whether what was held (`for=`) is over with this: it is about the same thing, and no longer as wanted.
    pub fn ends(&self, happening: &Happening) -> bool {
        let data = &happening.data;
        self.kind() == happening.kind
            && match self {
                Wanted::Mqtt(mqtt) => mqtt.ends(data),
                Wanted::Homeassistant(states) => states.concerns(data) && !states.holds(data),
                _ => false,
            }
    }

    /// Whether it is only that nothing is known of it for a while: what was held begins anew when it is as wanted again.
    pub fn is_silent(&self, happening: &Happening) -> bool {
        matches!(self, Wanted::Homeassistant(states) if self.kind() == happening.kind && states.is_silent(&happening.data))
    }

    /// Whether it is as wanted now, whatever it was before.
    pub fn is_so(&self, happening: &Happening) -> bool {
        let data = &happening.data;
        matches!(self, Wanted::Homeassistant(states) if states.concerns(data) && states.holds(data))
    }

    /// What a happening is about: the topic, the entity, the path … Each has a `for=` and a debounce of its own.
    pub fn subject(happening: &Happening) -> String {
        let key = match happening.kind {
            "mqtt" => "topic",
            "homeassistant" => "entity",
            "file" => "path",
            _ => "name",
        };
        happening.data[key].as_str().unwrap_or_default().to_string()
    }
}
