//! What whoever runs automations is given, and what it tells.

use std::sync::Arc;

use jiff::tz::TimeZone;
use serde_json::Value as Json;

use crate::automations::happening::Trigger;
use crate::automations::rules::{Bounds, Rule};
use crate::automations::worker::{Ended, Hands};
use crate::commands::run::Plan;
use crate::kernel::clock::Clock;
use crate::kernel::error::{Error, Result};
use crate::store::{Fired, Foreseen, Lost, NewFiring, Process, Store};

/// What a keeper needs of the world.
pub struct World {
    /// Where everything is kept.
    pub store: Store,
    /// What time it is.
    pub clock: Clock,
    /// The zone of conditions.
    pub zone: TimeZone,
    /// This process.
    pub process: Process,
    /// Which processes live.
    pub is_alive: Arc<dyn Fn(&Process) -> bool + Send + Sync>,
    /// Ends what the scripts of lost jobs have left.
    pub end_left: Arc<EndLeft>,
    /// Everything that hangs on the settings, anew where they have changed since it was last asked. After an error what
    /// was there goes on.
    pub renew: Box<dyn FnMut() -> Result<Option<Crew>>>,
}

/// Ends what the scripts of lost jobs have left, and comes back when that is done.
pub type EndLeft = dyn Fn(&[Lost]) + Send + Sync;

/// Sees what is to be run for a firing, and recorded of that, from what it knows: it is asked while a firing waits.
pub trait Foresight {
    /// What is to be run for a firing whose work begins at once, and recorded of that; `None` where whoever does it is to see.
    fn foresee(&mut self, firing: &NewFiring) -> Option<(Foreseen, Plan)>;

    /// What it knew is not true any more.
    fn forget(&mut self);
}

/// What a keeper needs that hangs on the settings.
pub struct Crew {
    /// What bounds all automations.
    pub bounds: Bounds,
    /// What may fire now.
    pub rules: Box<dyn FnMut() -> Result<Vec<Rule>>>,
    /// Looks at definitions again.
    pub refresh: Box<dyn FnMut() -> Result<()>>,
    /// What others that go along have to say since it was asked last.
    pub said: Box<dyn FnMut() -> Vec<String>>,
    /// Who sees what is to be run.
    pub foresight: Box<dyn Foresight>,
    /// The states that conditions see.
    pub states: Arc<dyn Fn() -> Json + Send + Sync>,
    /// Is told that conditions will ask for states, so that they are known by then.
    pub expect_states: Box<dyn Fn()>,
    /// Where facts come from.
    pub sources: Vec<Box<dyn Trigger>>,
    /// Who does the work.
    pub hands: Vec<Box<dyn Hands>>,
}

/// What is worth saying.
#[derive(Debug)]
pub enum Note<'a> {
    /// So many automations may fire from now on.
    Rules(&'a [Rule]),
    /// Something that an automation waits for happened, and this came of it.
    Heard(&'a NewFiring, &'a Fired),
    /// A job is over for now.
    Ended(&'a Ended),
    /// The settings have changed, and hold from now on as they are.
    Settings,
    /// This is not heard any more, or cannot be: what it is, and why.
    Away(&'a str, &'a str),
    /// It is heard again.
    Back(&'a str),
    /// Something went wrong that does not end it.
    Trouble(&'a Error),
}

/// Hears notes.
pub type Tell<'a> = dyn FnMut(Note<'_>) + 'a;

/// What one pass over everything due did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ticked {
    /// Firings whose work was owed.
    pub fired: usize,
    /// Firings that were kept back.
    pub kept_back: usize,
    /// Jobs that are done.
    pub done: usize,
    /// Jobs that failed and are tried again later.
    pub again: usize,
    /// Jobs that failed for good.
    pub dead: usize,
}
