//! Which automations there are, and how they stand.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::{App, mistake};
use crate::automations::keeper::TAKEN_UP;
use crate::automations::trigger::{self, KINDS, Wanted, written};
use crate::commands::catalog::{Catalog, Resolved, Trust, quoted};
use crate::commands::run as engine;
use crate::commands::scan::fold_name;
use crate::commands::{bind, model};
use crate::kernel::clock::Timestamp;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::events::Position;
use crate::store::{DefinitionHit, Enabled, RuleKey, SourceKind};

/// How long is waited until whoever runs automations listens for what was enabled, and how often it is looked.
const PATIENCE: Duration = Duration::from_secs(2);
const GLANCE: Duration = Duration::from_millis(5);

/// Whether an automation fires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nobody enabled it.
    Off,
    /// It fires.
    On,
    /// It is not what it was when it was enabled, and does not fire.
    Changed,
    /// It is not trusted, and does not fire.
    Untrusted,
    /// The program keeps it from firing, and why.
    Stopped(String),
    /// Its definition has a mistake, and does not fire.
    Broken(String),
    /// Its definition is not there any more.
    Gone,
}

impl Standing {
    /// The word in JSON.
    pub fn name(&self) -> &'static str {
        match self {
            Standing::Off => "off",
            Standing::On => "on",
            Standing::Changed => "changed",
            Standing::Untrusted => "untrusted",
            Standing::Stopped(_) => "stopped",
            Standing::Broken(_) => "broken",
            Standing::Gone => "gone",
        }
    }

    /// Why it does not fire, where that is not plain.
    pub fn why(&self) -> Option<&str> {
        match self {
            Standing::Stopped(why) | Standing::Broken(why) => Some(why),
            _ => None,
        }
    }
}

/// A command with triggers, or one that was enabled and is gone.
#[derive(Clone, Debug)]
pub struct Automation {
    /// Which.
    pub key: RuleKey,
    /// Its definition, as it is now.
    pub resolved: Option<Resolved>,
    /// When and as what it was enabled.
    pub enabled: Option<Enabled>,
    /// Whether it fires.
    pub standing: Standing,
}

impl Automation {
    /// What people call it.
    pub fn name(&self) -> String {
        match &self.resolved {
            Some(resolved) => resolved.full_name(),
            None => self.key.command.clone(),
        }
    }

    /// Its triggers, as written.
    pub fn triggers(&self) -> &[model::Trigger] {
        self.resolved.as_ref().map_or(&[], |resolved| &resolved.command.triggers)
    }
}

/// Something that fires soon.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Coming {
    /// When.
    pub at: Timestamp,
    /// Which automation.
    pub automation: String,
    /// What fires it.
    pub by: String,
}

impl App {
    /// What fires next, the soonest first, at most so many.
    ///
    /// # Errors
    /// Those of the store.
    pub fn coming(&self, now: Timestamp, limit: usize, of: Option<&RuleKey>) -> Result<Vec<Coming>> {
        let mut coming = Vec::new();
        let wanted = |key: &RuleKey| of.is_none_or(|of| of == key);
        for one in self.automations()?.iter().filter(|one| one.standing == Standing::On && wanted(&one.key)) {
            for trigger in one.triggers() {
                let (times, by) = (self.times_of(trigger, now, limit)?, written(trigger));
                coming.extend(times.into_iter().map(|at| Coming { at, automation: one.name(), by: by.clone() }));
            }
        }
        for hold in self.store()?.holds()?.into_iter().filter(|hold| wanted(&hold.key)) {
            let by = format!("{} {}, waiting since {}", hold.kind, hold.subject, hold.since.local_short());
            coming.push(Coming { at: hold.due, automation: hold.key.command.clone(), by });
        }
        coming.sort();
        coming.truncate(limit);
        Ok(coming)
    }

    /// Every command that something else than a phrase fires and that is seen from here, and every one that is enabled, by
    /// name.
    ///
    /// # Errors
    /// Those of the store.
    pub fn automations(&self) -> Result<Vec<Automation>> {
        let store = self.store()?;
        let catalog = self.launcher()?.catalog();
        let mut hits: BTreeMap<String, DefinitionHit> = BTreeMap::new();
        // Phrases are heard by whoever listens, and need no enabling.
        for kind in KINDS.into_iter().filter(|kind| *kind != "voice") {
            for hit in store.definitions_fired_by(kind)? {
                hits.insert(hit.id.to_string(), hit);
            }
        }
        let mut enabled: BTreeMap<RuleKey, Enabled> =
            store.automations()?.into_iter().map(|one| (one.key.clone(), one)).collect();
        let mut found: Vec<Automation> = Vec::new();
        for hit in hits.into_values() {
            let key = RuleKey { source: hit.source.spec.clone(), command: hit.name.clone() };
            let is_known = found.iter().any(|one| one.key == key);
            if is_known || !catalog.is_visible(&hit.source) && !enabled.contains_key(&key) {
                continue;
            }
            let resolved = catalog.resolved(hit)?;
            let enabled = enabled.remove(&key);
            let standing = standing(&resolved, enabled.as_ref());
            found.push(Automation { key, resolved: Some(resolved), enabled, standing });
        }
        for (key, one) in enabled {
            found.push(Automation { key, resolved: None, enabled: Some(one), standing: Standing::Gone });
        }
        found.sort_by_key(|one| (one.name(), one.key.clone()));
        Ok(found)
    }

    /// The next instants of a trigger after `after`, at most so many; none where it is no schedule.
    ///
    /// # Errors
    /// When the settings cannot be read.
    pub fn times_of(&self, trigger: &model::Trigger, after: Timestamp, most: usize) -> Result<Vec<Timestamp>> {
        let here = self.here()?;
        let Ok((Wanted::Schedule(schedule), _)) = trigger::parse(trigger).map(|(w, t)| (w.settle(&here), t)) else {
            return Ok(Vec::new());
        };
        let next = |at: &Timestamp| schedule.next_after(*at);
        Ok(std::iter::successors(schedule.next_after(after), next).take(most).collect())
    }

    /// When an automation fires next by its schedules; `None` where none of them will, or it does not fire.
    ///
    /// # Errors
    /// Those of [`App::times_of`].
    pub fn next_firing(&self, one: &Automation, now: Timestamp) -> Result<Option<Timestamp>> {
        if one.standing != Standing::On {
            return Ok(None);
        }
        let mut next = None;
        for trigger in one.triggers() {
            let first = self.times_of(trigger, now, 1)?.pop();
            next = next.into_iter().chain(first).min();
        }
        Ok(next)
    }

    /// The automation that the words name.
    ///
    /// # Errors
    /// `NotFound` when there is none, `Usage` for a command without triggers.
    pub fn automation(&self, words: &[String]) -> Result<Automation> {
        self.whole_catalog()?;
        let all = self.automations()?;
        let name = words.join(" ");
        let gone = all.iter().find(|one| one.resolved.is_none() && one.key.command == name);
        // What is there is meant, where something else of that name is gone.
        let (resolved, used) = match (self.resolve(words), gone) {
            (Ok((resolved, used)), _) if used == words.len() => (resolved, used),
            (_, Some(gone)) => return Ok(gone.clone()),
            (resolved, None) => resolved?,
        };
        if let Some(more) = words.get(used) {
            return Err(Error::new(
                Kind::Usage,
                format!("`{}` takes no further word, but got `{more}`", resolved.key()),
            ));
        }
        let key = RuleKey { source: resolved.source.spec.clone(), command: resolved.command.name.clone() };
        all.into_iter().find(|one| one.key == key).ok_or_else(|| {
            let said = Error::new(Kind::Usage, format!("`{}` does not fire by itself", resolved.key()));
            if resolved.command.triggers.is_empty() {
                return said.hint("give its definition an `**On:**`; `fac auto ls` lists those that have one");
            }
            match resolved.command.triggers.iter().find_map(|trigger| trigger::parse(trigger).err()) {
                Some(mistake) => said.hint(mistake.message),
                None => said.hint("its phrases are answered by whoever listens: `fac listen`"),
            }
        })
    }

    /// The same, where what is enabled is meant: also one that is gone, where the one that is there is not enabled.
    ///
    /// # Errors
    /// Those of [`App::automation`].
    pub fn enabled_automation(&self, words: &[String]) -> Result<Automation> {
        let one = self.automation(words)?;
        if one.enabled.is_some() {
            return Ok(one);
        }
        let name = words.join(" ");
        let gone = self.automations()?.into_iter().find(|other| other.resolved.is_none() && other.key.command == name);
        Ok(gone.unwrap_or(one))
    }

    /// Whether an automation could be enabled as it is now.
    ///
    /// # Errors
    /// `Refused` when it or what it needs is not trusted, `BadData` when it has a mistake, `Usage` when it needs arguments
    /// that no trigger gives.
    pub fn may_be_enabled<'o>(&self, one: &'o Automation) -> Result<&'o Resolved> {
        let resolved = one.resolved.as_ref().ok_or_else(|| {
            Error::new(Kind::NotFound, format!("the definition of `{}` is not there any more", one.name()))
                .hint(format!("fac auto disable {}", quoted(&one.name())))
        })?;
        if let Some(mistake) = mistake(&resolved.command) {
            let said = format!("`{}` cannot fire: {mistake}", one.name());
            return Err(Error::new(Kind::BadData, said).hint("mend the definition and enable it again"));
        }
        if let Some(lack) = self.lacks(&resolved.command)?.into_iter().find(|lack| lack.refuses) {
            return Err(lack.refusal(&one.name()));
        }
        engine::check_runnable(&resolved.command)?;
        let catalog = self.launcher()?.catalog();
        let mut given = bind::Given::default();
        given.stand_in(&resolved.command, &|_| None)?;
        let bound = bind::check_loosely(&resolved.command, &given, &|_| None)?;
        let plan = engine::plan(&catalog, resolved.clone(), bound)?;
        if let Some(stranger) = plan.all().find(|needed| needed.trust != Trust::Trusted) {
            return Err(stranger.refusal());
        }
        Ok(resolved)
    }

    /// Lets an automation fire, as it is now.
    ///
    /// # Errors
    /// Those of [`App::may_be_enabled`].
    pub fn enable_automation(&self, one: &Automation) -> Result<()> {
        let resolved = self.may_be_enabled(one)?;
        let store = self.store()?;
        if store.state(crate::automations::CURSOR)?.is_none() {
            // From now on no event is missed, whoever reads them first.
            let at = store.last_position()?.map_or(0, Position::stored);
            store.set_state(crate::automations::CURSOR, &serde_json::json!(at))?;
        }
        store.enable_automation(&one.key, &resolved.digest, &self.cwd.display().to_string())
    }
}

impl App {
    /// Waits until whoever runs automations listens for these; false where nobody runs them or it takes too long.
    ///
    /// # Errors
    /// Those of the store.
    pub fn until_taken_up(&self, all: &[Automation]) -> Result<bool> {
        let store = self.store()?;
        let enabled = store.automations()?.into_iter().filter(|one| all.iter().any(|wanted| wanted.key == one.key));
        let Some(newest) = enabled.map(|one| one.at).max() else { return Ok(false) };
        let deadline = Instant::now() + PATIENCE;
        while self.keeper_process()?.is_some() {
            let taken_up = store.state(TAKEN_UP)?.and_then(|(at, _)| at.as_i64());
            if taken_up.is_some_and(|at| at >= newest.as_micros()) {
                return Ok(true);
            }
            if Instant::now() >= deadline {
                break;
            }
            std::thread::sleep(GLANCE);
        }
        Ok(false)
    }
}

fn standing(resolved: &Resolved, enabled: Option<&Enabled>) -> Standing {
    let Some(enabled) = enabled else {
        return match mistake(&resolved.command) {
            Some(mistake) => Standing::Broken(mistake),
            None => Standing::Off,
        };
    };
    if enabled.digest != resolved.digest {
        return Standing::Changed;
    }
    if resolved.trust != Trust::Trusted {
        return Standing::Untrusted;
    }
    if let Some((_, why)) = &enabled.stopped {
        return Standing::Stopped(why.clone());
    }
    mistake(&resolved.command).map_or(Standing::On, Standing::Broken)
}

/// The definition that a job or a rule means, with a view in which it is seen: that of its own project.
pub(super) fn definition<'a>(catalog: &mut Catalog<'a>, key: &RuleKey, digest: &str) -> Result<Option<Resolved>> {
    let Some(source) = catalog.store.source_by_spec(&key.source)? else { return Ok(None) };
    if source.kind == SourceKind::Project {
        catalog.project = Some(source.spec.clone());
    }
    let mut found = None;
    for hit in catalog.store.find_in_source(&source.name, &fold_name(&key.command))? {
        if hit.name != key.command {
            continue;
        }
        let resolved = catalog.resolved(hit)?;
        let is_it = resolved.digest == digest;
        if is_it || found.is_none() {
            found = Some(resolved);
        }
        if is_it {
            break;
        }
    }
    Ok(found)
}
