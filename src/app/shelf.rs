//! The sources that are there: found by name, described, trusted and removed. What the command line and the API both do.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::App;
use super::views::source::{ChangedCommand, RemovedSource, SourceView, WholeSource};

use crate::commands::catalog::{Catalog, Resolved, Trust, trusted_from_the_start};
use crate::commands::model::Dialect;
use crate::commands::names;
use crate::commands::scan::fold_name;
use crate::commands::source::layout;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::near::nearest;
use crate::store::{DefinitionFilter, DefinitionHit, DefinitionRow, NewGrant, Source, SourceKind, Store};

impl App {
    /// The source of this name; `project` is the current project's.
    ///
    /// # Errors
    /// `NotFound` when there is none, with the nearest name.
    pub fn source_named(&self, name: &str) -> Result<Source> {
        let store = self.store()?;
        if let Some(source) = store.source_by_name(name)? {
            return Ok(source);
        }
        if name == "project"
            && let Some(spec) = self.project_spec()
            && let Some(source) = store.source_by_spec(&spec)?
        {
            return Ok(source);
        }
        Err(unknown_source(store, name))
    }

    /// Sources that can be seen from here: those of other projects cannot.
    pub fn visible_sources(&self) -> Result<Vec<Source>> {
        let project = self.project_spec();
        let seen = |s: &Source| s.kind != SourceKind::Project || project.as_deref() == Some(s.spec.as_str());
        Ok(self.store()?.sources()?.into_iter().filter(seen).collect())
    }

    /// How many commands each source has, by its name.
    pub fn command_counts(&self) -> Result<BTreeMap<String, usize>> {
        let counts = self.store()?.definition_counts()?.into_iter();
        Ok(counts.map(|(name, count)| (name, usize::try_from(count).unwrap_or(usize::MAX))).collect())
    }

    /// A source with so many commands, as it is shown.
    pub fn source_view(&self, source: &Source, commands: usize) -> Result<SourceView> {
        Ok(SourceView::of(source, commands, self.trust_in(source)?))
    }

    /// A source with all that is known of it.
    pub fn whole_source(&self, source: &Source) -> Result<WholeSource> {
        let commands = self.command_counts()?.get(&source.name).copied().unwrap_or(0);
        let fetched = matches!(source.kind, SourceKind::Github | SourceKind::Url);
        let commit = source.commit.as_deref().filter(|_| fetched);
        Ok(WholeSource {
            source: self.source_view(source, commands)?,
            files: self.store()?.source_files(source.id)?.len(),
            folder: commit.map(|c| layout::folder(&self.layouts(), source.id, c).display().to_string()),
            rate: source.rate.clone(),
            renamed_to: source.renamed_to.clone(),
        })
    }

    /// `trusted` and `untrusted` speak of every command, `changed` of one at least that was trusted with other content;
    /// `partly` is the rest.
    pub fn trust_in(&self, source: &Source) -> Result<&'static str> {
        if trusted_from_the_start(source.kind) {
            return Ok("trusted");
        }
        let store = self.store()?;
        let granted = store.grants(Some(&source.spec))?;
        let names: HashSet<&str> = granted.iter().map(|g| g.command.as_str()).collect();
        let exact: HashSet<(&str, &str)> = granted.iter().map(|g| (g.command.as_str(), g.digest.as_str())).collect();
        let filter = DefinitionFilter { source: Some(source.name.clone()), ..DefinitionFilter::default() };
        let (rows, _) =
            if names.is_empty() { Default::default() } else { store.list_definitions(&filter, None, 1_000_000)? };
        let is_trusted = |r: &&DefinitionRow| exact.contains(&(r.name.as_str(), r.digest.as_str()));
        let trusted = rows.iter().filter(is_trusted).count();
        let changed = rows.iter().any(|r| names.contains(r.name.as_str()) && !is_trusted(&r));
        Ok(match trusted {
            _ if changed => "changed",
            0 => "untrusted",
            n if n == rows.len() => "trusted",
            _ => "partly",
        })
    }

    /// Removes a source, everything that was fetched from it and what was trusted of it. Names are to be refreshed behind it.
    ///
    /// # Errors
    /// `Usage` for what is always there.
    pub fn remove_source(&self, source: &Source) -> Result<RemovedSource> {
        removable(source)?;
        let store = self.store()?;
        let commands = store.remove_source(source.id)?;
        store.revoke(Some(&source.spec), None)?;
        layout::sweep(&self.layouts(), source.id, None);
        names::refresh(store, &self.paths.cache)?;
        Ok(RemovedSource { name: source.name.clone(), commands })
    }

    /// The commands of a source that are not trusted as they are now; of one command, it and what it requires.
    ///
    /// # Errors
    /// `NotFound` when it has no such command.
    pub fn wanting_trust(
        &self,
        catalog: &Catalog<'_>,
        source: &Source,
        command: Option<&str>,
    ) -> Result<Vec<Resolved>> {
        let all = resolved(catalog, source, command)?;
        Ok(all.into_iter().filter(|one| one.trust != Trust::Trusted).collect())
    }

    /// What trust in the settings of the project is given with, where the project is what is trusted.
    pub fn settings_grant(&self, source: &Source, command: Option<&str>) -> Option<NewGrant> {
        let (spec, name, digest, text) =
            self.project_settings().filter(|_| source.kind == SourceKind::Project && command.is_none())?;
        Some(NewGrant { source: spec, command: name, digest, how: "source trust".into(), text })
    }

    /// Takes trust back; gives how many permissions that were.
    ///
    /// # Errors
    /// `Usage` for what is trusted from the start, `NotFound` when it has no such command.
    pub fn untrust(&self, source: &Source, command: Option<&str>) -> Result<usize> {
        if trusted_from_the_start(source.kind) {
            return Err(Error::new(Kind::Usage, format!("`{}` is trusted from the start", source.name)));
        }
        let store = self.store()?;
        let mut count = 0;
        match command {
            None => count += store.revoke(Some(&source.spec), None)?,
            Some(name) => {
                let names: BTreeSet<String> = hits(store, source, name)?.into_iter().map(|h| h.name).collect();
                for name in names {
                    count += store.revoke(Some(&source.spec), Some(&name))?;
                }
            }
        }
        if let Some(grant) = self.settings_grant(source, command) {
            count += store.revoke(Some(&grant.source), None)?;
        }
        Ok(count)
    }

    /// The commands of these sources that have changed since they were trusted, and the text that was.
    ///
    /// # Errors
    /// Those of the store.
    pub fn changed_since_trusted(&self, catalog: &Catalog<'_>, sources: &[Source]) -> Result<Vec<(Resolved, String)>> {
        let mut changed = Vec::new();
        for source in sources {
            for one in resolved(catalog, source, None)?.into_iter().filter(|r| r.trust == Trust::Changed) {
                let before = catalog.store.last_grant(&one.source.spec, &one.command.name)?;
                changed.push((one, before.map(|grant| grant.text).unwrap_or_default()));
            }
        }
        Ok(changed)
    }
}

/// The same as they are shown.
pub fn changed_views(changed: &[(Resolved, String)]) -> Vec<ChangedCommand> {
    changed.iter().map(|(one, before)| ChangedCommand::of(one, before)).collect()
}

/// Says no to removing what is always there.
///
/// # Errors
/// `Usage` for the bundled and the user's own.
pub fn removable(source: &Source) -> Result<()> {
    if trusted_from_the_start(source.kind) {
        let error = Error::new(Kind::Usage, format!("`{}` is always there", source.name));
        return Err(error.hint("a command of your own with the same name comes before a bundled one"));
    }
    Ok(())
}

/// There is no such source; the nearest one is named.
pub fn unknown_source(store: &Store, name: &str) -> Error {
    let error = Error::new(Kind::NotFound, format!("there is no source `{name}`"));
    let sources = store.sources().unwrap_or_default();
    match nearest(name, sources.iter().map(|s| s.name.as_str())) {
        Some(near) => error.hint(format!("did you mean `{near}`? `fac source ls` lists all")),
        None => error.hint("`fac source ls` lists all, `fac source add SPEC` adds one"),
    }
}

/// The dialect of this name.
///
/// # Errors
/// `Usage` when there is none, with the nearest.
pub fn dialect(name: &str) -> Result<Dialect> {
    let found = Dialect::ALL.into_iter().find(|d| d.name() == name);
    found.ok_or_else(|| {
        let error = Error::new(Kind::Usage, format!("there is no dialect `{name}`"));
        let names: Vec<&str> = Dialect::ALL.iter().map(|d| d.name()).collect();
        match nearest(name, names.iter().copied()) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error.hint(format!("the dialects are {}", names.join(", "))),
        }
    })
}

/// The commands of a source; of one, it and what it requires.
fn resolved(catalog: &Catalog<'_>, source: &Source, command: Option<&str>) -> Result<Vec<Resolved>> {
    if let Some(name) = command {
        let hits = hits(catalog.store, source, name)?;
        let mut all: Vec<Resolved> = hits.into_iter().map(|h| catalog.resolved(h)).collect::<Result<_>>()?;
        catalog.add_others(&mut all);
        return Ok(all);
    }
    let filter = DefinitionFilter { source: Some(source.name.clone()), with_json: true, ..DefinitionFilter::default() };
    let (rows, _) = catalog.store.list_definitions(&filter, None, 1_000_000)?;
    rows.into_iter().filter_map(DefinitionRow::into_hit).map(|hit| catalog.resolved(hit)).collect()
}

/// The definitions that `name`, with or without its source, means in `source`.
fn hits(store: &Store, source: &Source, name: &str) -> Result<Vec<DefinitionHit>> {
    let name = fold_name(name.strip_prefix(&format!("{}:", source.name)).unwrap_or(name));
    let hits = store.find_in_source(&source.name, &name)?;
    if hits.is_empty() {
        let error = Error::new(Kind::NotFound, format!("`{}` has no command `{name}`", source.name));
        return Err(error.hint(format!("`fac commands ls --source {}` lists what it has", source.name)));
    }
    Ok(hits)
}
