//! What jobs meant lately, kept as long as nothing that it hangs on has changed: definitions, permissions, plugins.
//!
//! Each time it is looked whether the files beside a definition are what they were; what is spared is to find it, to read it
//! and to judge it.

use std::collections::HashMap;

use super::App;
use super::carrier::{Owed, by, prepare};
use super::list::definition;
use crate::automations::keeper::Foresight;
use crate::commands::catalog::{Catalog, Resolved};
use crate::commands::prompt;
use crate::commands::run::{self as engine, Launcher, Plan};
use crate::kernel::error::Result;
use crate::store::{Foreseen, NewFiring, RuleKey, Store};

/// So many are kept.
const MOST: usize = 256;

/// The definitions of one version of the store's.
#[derive(Default)]
pub(super) struct Known {
    version: Option<i64>,
    found: HashMap<(RuleKey, String), Kept>,
    /// Whether anybody is asked before runs.
    asks: Option<bool>,
}

struct Kept {
    resolved: Resolved,
    /// The project in which it is seen.
    project: Option<String>,
}

impl Known {
    /// Forgets what may not be so any more; the version that the rest is of.
    ///
    /// # Errors
    /// Those of the store.
    pub(super) fn refresh(&mut self, store: &Store) -> Result<i64> {
        // Asked before anything is looked for: what changes meanwhile is found at the next time.
        let version = store.allowed_version()?;
        if self.version != Some(version) {
            *self = Known { version: Some(version), ..Known::default() };
        }
        Ok(version)
    }

    /// The definition that a job means, as [`definition`] finds it.
    ///
    /// # Errors
    /// Those of the store.
    pub(super) fn definition(
        &mut self,
        catalog: &mut Catalog<'_>,
        key: &RuleKey,
        digest: &str,
    ) -> Result<Option<Resolved>> {
        let place = (key.clone(), digest.to_string());
        if let Some(kept) = self.found.get(&place).filter(|kept| kept.resolved.check_unchanged().is_ok()) {
            catalog.project.clone_from(&kept.project);
            return Ok(Some(kept.resolved.clone()));
        }
        let found = definition(catalog, key, digest)?;
        if let Some(resolved) = found.as_ref().filter(|resolved| resolved.digest == digest) {
            if self.found.len() >= MOST {
                self.found.clear();
            }
            let kept = Kept { resolved: resolved.clone(), project: catalog.project.clone() };
            self.found.insert(place, kept);
        }
        Ok(found)
    }
}

/// Sees what is to be run for firings, with rooms of its own.
pub(super) struct Seer {
    launcher: Launcher,
    /// The project of those rooms.
    project: Option<String>,
    known: Known,
}

impl Seer {
    pub(super) fn new(app: &App) -> Result<Seer> {
        let launcher = app.launcher()?.clone();
        Ok(Seer { project: launcher.project.clone(), launcher, known: Known::default() })
    }

    /// What is foreseen; `None` where anything stands in the way, which whoever does the work will say.
    fn look(&mut self, firing: &NewFiring) -> Result<Option<(Foreseen, Plan)>> {
        let version = match self.known.version {
            Some(version) => version,
            None => self.known.refresh(&self.launcher.store)?,
        };
        let around = &self.launcher.around;
        if *self.known.asks.get_or_insert_with(|| around.as_ref().is_some_and(|around| around.asks())) {
            return Ok(None);
        }
        self.launcher.project.clone_from(&self.project);
        let plan = prepare(&mut self.launcher, &mut self.known, &Owed::by(firing))?;
        if prompt::asks_models(&plan) {
            return Ok(None);
        }
        let record = engine::foresee(&self.launcher, &self.launcher.catalog(), &plan, by(&firing.work));
        Ok(record.map(|record| (Foreseen { record, version }, plan)))
    }
}

impl Foresight for Seer {
    fn foresee(&mut self, firing: &NewFiring) -> Option<(Foreseen, Plan)> {
        self.look(firing).ok().flatten()
    }

    fn forget(&mut self) {
        self.known = Known::default();
    }
}
