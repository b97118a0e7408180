//! Automations as they are wired here: which there are and how they stand, who hears what happens, who does the work.

mod carrier;
mod known;
mod lacking;
mod list;
mod owing;
mod trial;

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use jiff::tz::TimeZone;

pub use self::lacking::Lack;
pub use self::list::{Automation, Coming, Standing};
pub use self::owing::{Batch, Each, From, Reading, no_batch};
pub use self::trial::{Trial, Tried};
use super::App;
use crate::automations::happening::Trigger;
use crate::automations::keeper::{Crew, Keeper, Note, Tell, World};
use crate::automations::rules::{Bounds, Rule};
use crate::automations::schedule::Place;
use crate::automations::scripts::Scripts;
use crate::automations::trigger::{self, Here};
use crate::automations::watch::Watcher;
use crate::automations::worker::Hands;
use crate::commands::catalog::{Trust, quoted};
use crate::commands::model::{Command, Severity};
use crate::commands::source::own;
use crate::exec::{Stop, is_alive, this_process};
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::secrets;
use crate::store::{Enabled, JobKind, Process, RuleKey, SourceKind};

/// What a process holds that runs automations; there is one on a machine.
pub const LEASE: &str = "automations";

/// When files were changed, how long they are, and which they are.
pub type SettingsStamp = Vec<Option<(std::time::SystemTime, u64, u64)>>;

/// The rooms with the newest settings, where those have changed since the start.
type Newest = Rc<RefCell<Option<App>>>;

/// This process, as the store tells processes apart.
pub fn myself() -> Process {
    let this = this_process();
    Process { pid: this.pid, start: this.start, boot: this.boot }
}

/// Whether a process lives.
pub fn lives(process: &Process) -> bool {
    is_alive(process.pid, process.start, &process.boot)
}

impl App {
    /// What triggers take from the settings where they say nothing themselves.
    pub fn here(&self) -> Result<Here> {
        let config = self.config()?;
        let text = |key: &str| config.text(key).filter(|text| !text.is_empty());
        let wrong = |key: &str, what: &str| {
            let said = format!("{key} is `{}`, which is no {what}", text(key).unwrap_or_default());
            Error::new(Kind::BadData, said).hint(format!("fac config set {key} …"))
        };
        let zone = match text("automations.timezone") {
            None => None,
            Some(name) => Some(
                jiff::tz::TimeZone::get(name)
                    .map_err(|_| wrong("automations.timezone", "time zone such as Europe/Berlin"))?,
            ),
        };
        let degrees = |key: &str| text(key).and_then(|written| written.parse::<f64>().ok());
        let place = match (degrees("automations.latitude"), degrees("automations.longitude")) {
            (Some(latitude), Some(longitude)) => Place::new(latitude, longitude),
            _ => None,
        };
        let broker = self.brokers()?.default_name().ok();
        Ok(Here { home: self.paths.user_home.clone(), zone, place, broker })
    }

    /// The process that runs automations now, where there is one.
    pub fn keeper_process(&self) -> Result<Option<Process>> {
        Ok(self.store()?.lease_holder(LEASE)?.filter(lives))
    }

    /// Takes what only one process on a machine holds; the number of this start.
    ///
    /// # Errors
    /// `Failed` when another process runs automations already.
    pub fn take_lease(&self) -> Result<u64> {
        let taken = self.store()?.take_lease(LEASE, &myself(), &lives)?;
        taken.map_err(|other| {
            Error::new(Kind::Failed, format!("another fac runs the automations already (process {})", other.pid))
                .hint("one is enough: `fac auto ls` shows what it does")
        })
    }

    /// Gives that back.
    pub fn leave_lease(&self) -> Result<()> {
        self.store()?.leave_lease(LEASE, &myself())
    }

    /// Whoever runs automations, with everything it needs. `listens`: whether it hears what happens outside.
    ///
    /// # Errors
    /// When settings or store cannot be read.
    pub fn keeper(&self, listens: bool) -> Result<Keeper> {
        self.keeper_with(listens, &Newest::default())
    }

    fn keeper_with(&self, listens: bool, newest: &Newest) -> Result<Keeper> {
        Keeper::new(self.world(listens, newest)?, self.crew(listens)?)
    }

    fn world(&self, listens: bool, newest: &Newest) -> Result<World> {
        self.mark_lost()?;
        Ok(World {
            store: self.store()?.clone(),
            clock: self.clock.clone(),
            zone: self.here()?.zone.unwrap_or_else(TimeZone::system),
            process: myself(),
            is_alive: Arc::new(lives),
            end_left: Arc::new({
                let scripts = Scripts::new(&self.paths.state);
                move |lost| scripts.end_all_left(lost)
            }),
            renew: if listens { self.renewing(newest.clone())? } else { Box::new(|| Ok(None)) },
        })
    }

    /// Rooms of their own with these settings, whatever stands in the files by the time they are asked for.
    fn beside(&self) -> Result<App> {
        Ok(App { config: OnceCell::from(self.config()?.clone()), ..self.another()? })
    }

    /// Those who do jobs, so many.
    fn hands(&self, count: usize) -> Result<Vec<Box<dyn Hands>>> {
        // Made here, it is shared by all who work.
        self.mqtt_steps()?;
        self.catalog()?;
        (0..count.max(1)).map(|_| Ok(Box::new(carrier::Carrier::new(self.beside()?)) as Box<dyn Hands>)).collect()
    }

    /// Looks whether the files of the settings or of the secrets have changed; where they did, everything that hangs on them
    /// is made anew, and stands in `newest`.
    fn renewing(&self, newest: Newest) -> Result<Box<dyn FnMut() -> Result<Option<Crew>>>> {
        let before = self.renewed()?;
        let mut known = before.settings_stamp();
        Ok(Box::new(move || {
            let now = before.settings_stamp();
            if std::mem::replace(&mut known, now.clone()) == now {
                return Ok(None);
            }
            let made = before.renewed().and_then(|app| Ok((app.crew(true)?, app)));
            let (crew, app) = made.map_err(|error| {
                let said = "the settings have changed and cannot be used, so those from before hold";
                Error::new(error.kind(), format!("{said}: {}", error.full_message()))
            })?;
            app.renew_log_level()?;
            *newest.borrow_mut() = Some(app);
            Ok(Some(crew))
        }))
    }

    /// What tells the files of the settings and of the secrets apart from what they were before.
    pub fn settings_stamp(&self) -> SettingsStamp {
        let project = self.project.as_ref().and_then(|project| project.config_file.clone());
        let files = [Some(self.paths.config_file.clone()), project, Some(secrets::file(&self.paths))];
        let stamp = |file: std::path::PathBuf| {
            let meta = std::fs::metadata(file).ok()?;
            Some((meta.modified().ok()?, meta.len(), std::os::unix::fs::MetadataExt::ino(&meta)))
        };
        files.into_iter().map(|file| file.and_then(stamp)).collect()
    }

    /// Everything of a keeper that hangs on the settings.
    fn crew(&self, listens: bool) -> Result<Crew> {
        let hands = self.hands(usize::try_from(self.config()?.int("automations.workers")).unwrap_or(1))?;
        let foresight = Box::new(known::Seer::new(&self.beside()?)?);
        let (of_rules, of_files) = (Rc::new(self.beside()?), Rc::new(self.beside()?));
        Ok(Crew {
            bounds: self.bounds()?,
            rules: Box::new(move || of_rules.rules()),
            refresh: Box::new(move || {
                // Whoever runs for months forgets what is old as others do.
                of_files.keep_house();
                of_files.look_at_definitions()
            }),
            said: {
                let plugins = self.plugins()?.clone();
                Box::new(move || plugins.said())
            },
            foresight,
            states: self.home_states(),
            expect_states: self.expect_home_states(),
            sources: if listens { self.trigger_sources()? } else { Vec::new() },
            hands,
        })
    }

    /// Runs automations until `stop`, with all that goes along: what plugins write is heard, and Home Assistant shows which
    /// there are. `epoch` is what [`App::take_lease`] gave; the lease is given back.
    ///
    /// # Errors
    /// Those of [`App::keeper`] and [`Keeper::up`].
    pub fn run_automations(&self, epoch: u64, stop: &Stop, say: &mut Tell<'_>) -> Result<()> {
        let ran = self.up(epoch, stop, say);
        let left = self.leave_lease();
        self.keep_house();
        ran.and(left)
    }

    fn up(&self, epoch: u64, stop: &Stop, say: &mut Tell<'_>) -> Result<()> {
        // What plugins write into the event log fires automations as any other event does.
        self.plugins()?.follow(stop.clone())?;
        let newest = Newest::default();
        let mut keeper = self.keeper_with(true, &newest)?;
        let ear = keeper.ear();
        let mut showing = self.showing(&ear)?;
        let mut tell = |note: Note<'_>| {
            match (&showing, &note) {
                (_, Note::Settings) => {
                    let app = newest.borrow();
                    let app = app.as_ref().unwrap_or(self);
                    // Two at once would be one to the broker.
                    if let Some(before) = showing.take().filter(|_| matches!(app.discovery(), Ok(None))) {
                        before.rules(&[]);
                    }
                    match app.showing(&ear) {
                        Ok(new) => showing = new,
                        Err(error) => say(Note::Trouble(&error)),
                    }
                }
                (Some(showing), Note::Rules(rules)) => showing.rules(rules),
                (Some(showing), Note::Ended(ended)) => showing.ended(ended, self.clock.now()),
                _ => {}
            }
            say(note);
        };
        keeper.up(epoch, stop, &mut tell)
    }

    /// What bounds all automations.
    fn bounds(&self) -> Result<Bounds> {
        let config = self.config()?;
        let small = |key: &str| u32::try_from(config.int(key)).unwrap_or(u32::MAX);
        Ok(Bounds { depth: small("automations.max_depth"), per_minute: small("automations.max_per_minute") })
    }

    /// The digest of the definition behind a job as it is now, where it may run.
    ///
    /// # Errors
    /// `NotFound` when it is gone, `Refused` when it is not trusted, or is the work of an automation that is not enabled as
    /// it is.
    pub fn digest_of(&self, key: &RuleKey, before: &str, kind: &str) -> Result<String> {
        self.whole_catalog()?;
        let mut catalog = self.launcher()?.catalog();
        let found = list::definition(&mut catalog, key, before)?;
        let found = found.ok_or_else(|| {
            Error::new(Kind::NotFound, format!("the definition of `{}` is not there any more", key.command))
        })?;
        if found.trust != Trust::Trusted {
            return Err(found.refusal());
        }
        // What a person put into the background needs nobody's leave to fire.
        let fires = kind == JobKind::Automation.name() && found.digest != before;
        if fires && !self.store()?.automations()?.iter().any(|e| e.digest == found.digest) {
            return Err(Error::new(Kind::Refused, format!("`{}` has changed since its work was owed", found.key()))
                .hint(format!(
                    "look at it, and allow it as it is now: fac auto enable {}",
                    quoted(&found.full_name())
                )));
        }
        Ok(found.digest)
    }

    /// Where this program writes by itself.
    fn own_folders(&self) -> Vec<std::path::PathBuf> {
        let paths = &self.paths;
        [&paths.data, &paths.cache, &paths.state, &paths.runtime].map(Clone::clone).into()
    }

    /// Where facts from outside come from: one line each.
    fn trigger_sources(&self) -> Result<Vec<Box<dyn Trigger>>> {
        Ok(vec![
            Box::new(Watcher::new(self.paths.user_home.clone(), self.own_folders(), self.clock.clone())),
            Box::new(self.mqtt_source()?),
            Box::new(self.home_source()?),
        ])
    }

    /// The automations that may fire now: enabled, trusted, and as they were when they were enabled.
    fn rules(&self) -> Result<Vec<Rule>> {
        let here = self.here()?;
        let mut rules = Vec::new();
        for one in self.automations()? {
            if let (Standing::On, Some(enabled), Some(resolved)) = (&one.standing, &one.enabled, &one.resolved) {
                rules.push(rule(&resolved.command, enabled, one.name(), &here));
            }
        }
        Ok(rules)
    }

    /// Reads definitions again whose files have changed.
    fn look_at_definitions(&self) -> Result<()> {
        let store = self.store()?;
        let mut changed = own::refresh_user(store, &self.paths.commands_dir)?;
        changed |= own::refresh_added(store)?;
        let enabled = store.automations()?;
        for source in store.sources()?.iter().filter(|source| source.kind == SourceKind::Project) {
            if enabled.iter().any(|one| one.key.source == source.spec) {
                changed |= own::refresh(store, source)?;
            }
        }
        if changed {
            crate::commands::names::refresh(store, &self.paths.cache)?;
        }
        Ok(())
    }
}

/// A definition as a rule. What is wrong with it was told when it was enabled.
fn rule(command: &Command, enabled: &Enabled, name: String, here: &Here) -> Rule {
    let read = |trigger: &crate::commands::model::Trigger| {
        let (wanted, timing) = trigger::parse(trigger).ok()?;
        Some((trigger.clone(), wanted.settle(here), timing))
    };
    Rule {
        key: enabled.key.clone(),
        name,
        digest: enabled.digest.clone(),
        triggers: command.triggers.iter().filter_map(read).collect(),
        condition: command.condition.clone(),
        mode: command.mode,
        retry: command.retry,
        enabled: enabled.at,
        cwd: enabled.cwd.clone(),
    }
}

/// What keeps a definition from firing, with its place; `None` when nothing does.
pub fn mistake(command: &Command) -> Option<String> {
    let own = command.diagnostics.iter().filter(|d| d.severity == Severity::Error).cloned();
    let found = own.chain(trigger::check(command)).next()?;
    Some(format!("{} ({}:{}:{})", found.message, command.origin.path, found.line, found.column))
}
