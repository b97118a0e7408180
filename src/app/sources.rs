//! Sources are added and updated: what the command line and the screen both do.

use std::path::Path;

use serde_json::json;

use super::App;
use super::runtime::wait;
use crate::commands::catalog::local_path;
use crate::commands::model::Dialect;
use crate::commands::names;
use crate::commands::source::remote::{Download, Remote, Report, github_spec};
use crate::commands::source::spec::{Spec, clean_name};
use crate::commands::source::sync::{self, Synced};
use crate::commands::source::{github, own};
use crate::exec::Stop;
use crate::kernel::clock::Timestamp;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::ids::Ids;
use crate::kernel::secret::Secret;
use crate::plugins::origin::{self, Origin};
use crate::plugins::places::Found;
use crate::store::{DefinitionFilter, NewSource, Source, SourceKind, Store};

/// Who watches a download: hears how far it is, and may end it.
#[derive(Clone, Copy)]
pub struct Watch<'a> {
    /// Hears how far it is.
    pub report: &'a Report,
    /// Ends it; nothing is changed then.
    pub stop: &'a Stop,
}

/// What became of a source that was updated.
pub struct Updated {
    /// As it was before.
    pub source: Source,
    /// What was read.
    pub result: Result<Synced>,
    /// `+` new, `~` changed, `-` gone, with the name of the command.
    pub changes: Vec<(char, String)>,
}

impl App {
    /// Takes definitions from a place; gives the source's name and what was read. Trusts nothing.
    ///
    /// # Errors
    /// `Usage` when the place is a source already or the name is taken; what keeps it from being read.
    pub fn add_source(
        &self,
        spec: &Spec,
        name: Option<&str>,
        dialect: Option<Dialect>,
        watch: Watch<'_>,
    ) -> Result<(String, Synced)> {
        let store = self.store()?;
        let identity = spec.identity();
        let left = unfinished(store, &identity)?;
        let name = match name {
            Some(name) => free(store, name, left.as_ref())?,
            None => match left {
                Some(left) => left.name,
                None => own::unused(store, &spec.suggested_name())?,
            },
        };
        let new = NewSource {
            name: name.clone(),
            kind: spec.kind(),
            spec: identity,
            reference: reference(spec),
            options: options(spec, dialect),
        };
        let synced = match spec {
            Spec::Dir(root) => self.read_folder(store, &new, root)?,
            _ => self.fetch_new(store, &new, watch)?,
        };
        // The names of all sources, the bundled ones too, are completed from now on.
        self.fresh.set(false);
        self.catalog()?;
        Ok((name, synced))
    }

    fn read_folder(&self, store: &Store, new: &NewSource, root: &Path) -> Result<Synced> {
        let mut source = begun(store, new)?;
        let synced = kept(store, &source, sync::folder(store, &source, root))?;
        source.state = "ok".to_string();
        source.fetched_at = Some(self.clock.now());
        store.update_source(&source)?;
        Ok(synced)
    }

    /// Downloads first; only what arrived whole becomes a source.
    fn fetch_new(&self, store: &Store, new: &NewSource, watch: Watch<'_>) -> Result<Synced> {
        let now = self.clock.now();
        let (remote, mut downloads) = self.download(&[not_yet(new, now)], watch)?;
        let mut download = downloads.pop().unwrap_or_else(no_answer)?;
        // A pasted address is settled, and a renamed repository known, only now.
        let source = begun(store, &NewSource { spec: download.source.spec.clone(), ..new.clone() })?;
        (download.source.id, download.source.rank) = (source.id, source.rank);
        kept(store, &source, remote.take_over(store, &download, now))
    }

    /// Fetches a plugin from a repository that need not be a source. Nothing is written but the cache of contents.
    ///
    /// # Errors
    /// `NotFound` or `Usage` when it has none or several, `BadData` for a broken one; what keeps it from being fetched.
    pub fn fetch_plugin(&self, spec: &github::Spec, watch: Watch<'_>) -> Result<(Found, Origin, Vec<String>)> {
        let spec = Spec::Github(spec.clone());
        let place = spec.identity();
        let new = NewSource {
            name: place.clone(),
            kind: spec.kind(),
            spec: place.clone(),
            reference: reference(&spec),
            options: options(&spec, None),
        };
        let (remote, mut downloads) = self.download(&[not_yet(&new, self.clock.now())], watch)?;
        let download = downloads.pop().unwrap_or_else(no_answer)?;
        let settled = github_spec(&download.source)?;
        let files = download.files.unwrap_or_default();
        let read = |sha: &str| remote.blobs.read(sha);
        let (found, folder) = origin::pick(&place, &files, settled.path.as_deref(), read)?;
        let path = (!folder.is_empty()).then_some(folder);
        let origin = Origin {
            from: github::Spec { git_ref: None, path, ..settled.clone() }.to_string(),
            reference: settled.git_ref,
            commit: download.source.commit.unwrap_or_default(),
        };
        Ok((found, origin, download.notes))
    }

    /// Fetches or reads what is new of `chosen`; one that fails keeps what it had.
    ///
    /// # Errors
    /// When the store fails, or the watcher ends it.
    pub fn update_sources(&self, chosen: Vec<Source>, watch: Watch<'_>) -> Result<Vec<Updated>> {
        let store = self.store()?;
        let mut all = Vec::new();
        let (remote, local): (Vec<Source>, Vec<Source>) =
            chosen.into_iter().partition(|s| matches!(s.kind, SourceKind::Github | SourceKind::Url));
        for source in local.into_iter().filter(|s| s.kind != SourceKind::Bundled) {
            let before = digests(store, &source)?;
            let result = folder(store, &source, self.clock.now());
            let changes = changed(&before, &digests(store, &source)?);
            all.push(Updated { source, result, changes });
        }
        if !remote.is_empty() {
            all.extend(self.fetch(store, remote, watch)?);
        }
        names::refresh(store, &self.paths.cache)?;
        self.blobs().sweep(self.clock.now());
        Ok(all)
    }

    /// Downloads, then takes each complete download over.
    fn fetch(&self, store: &Store, sources: Vec<Source>, watch: Watch<'_>) -> Result<Vec<Updated>> {
        let (remote, downloads) = self.download(&sources, watch)?;
        let mut all = Vec::new();
        for (source, download) in sources.into_iter().zip(downloads) {
            let before = digests(store, &source)?;
            let now = self.clock.now();
            let result = download.and_then(|d: Download| remote.take_over(store, &d, now));
            if let Err(error) = &result {
                let mut stale = source.clone();
                stale.state = if source.commit.is_some() { "stale" } else { "failed" }.to_string();
                stale.error = Some(error.full_message());
                store.update_source(&stale)?;
            }
            let changes = changed(&before, &digests(store, &source)?);
            all.push(Updated { source, result, changes });
        }
        Ok(all)
    }

    /// Downloads all of `sources`. Whoever watches may end it, which changes nothing.
    fn download(&self, sources: &[Source], watch: Watch<'_>) -> Result<(Remote, Vec<Result<Download>>)> {
        let mut remote = self.remote()?;
        remote.find_tokens(sources, &|token| self.redactor.learn(&Secret::new(token.expose())));
        let downloads = wait(async {
            tokio::select! {
                biased;
                () = asked_to_stop(watch.stop) => None,
                downloads = remote.download(sources, watch.report) => Some(downloads),
            }
        })?;
        let stopped = || Error::new(Kind::Interrupted, "interrupted; nothing was changed");
        Ok((remote, downloads.ok_or_else(stopped)?))
    }
}

/// A name that a person chose for a source; `left` is what is left of adding it before.
fn free(store: &Store, name: &str, left: Option<&Source>) -> Result<String> {
    if clean_name(name) != *name || name.is_empty() {
        let error = Error::new(Kind::Usage, format!("`{name}` cannot be the name of a source"));
        return Err(error.hint("use lower case letters, digits, `-`, `_` and `.`"));
    }
    if own::RESERVED.contains(&name) {
        return Err(Error::new(Kind::Usage, format!("the name `{name}` is kept")).hint("choose another --name"));
    }
    if store.source_by_name(name)?.is_some_and(|s| left.is_none_or(|l| l.id != s.id)) {
        let error = Error::new(Kind::Usage, format!("there is a source `{name}` already"));
        return Err(error.hint("choose another --name"));
    }
    Ok(name.to_string())
}

/// How far a download is, as words.
pub fn said(progress: github::Progress) -> String {
    use github::Progress;
    match progress {
        Progress::Asking => "asking for changes".to_string(),
        Progress::Listing => "listing files".to_string(),
        Progress::Listed { wanted, missing } => format!("{wanted} files, {missing} to fetch"),
        Progress::Archive { bytes } => format!("archive, {:.1} MB", bytes as f64 / 1e6),
        Progress::Blob { done, total } => format!("{done} of {total} files"),
    }
}

/// How many came, changed and went, as words; empty when there is nothing to tell.
pub fn summary(changes: &[(char, String)]) -> String {
    let count = |c: char| changes.iter().filter(|x| x.0 == c).count();
    let parts = [(count('+'), "new"), (count('~'), "changed"), (count('-'), "gone")];
    let said: Vec<String> = parts.iter().filter(|p| p.0 > 0).map(|(n, w)| format!("{n} {w}")).collect();
    said.join(", ")
}

/// Says no to a place that is a source already. One whose adding was cut off is taken up again.
fn unfinished(store: &Store, identity: &str) -> Result<Option<Source>> {
    match store.source_by_spec(identity)? {
        Some(known) if known.state != "new" => {
            let error = Error::new(Kind::Usage, format!("{identity} was added already, as `{}`", known.name));
            Err(error.hint(format!("`fac source update {}` fetches what is new", known.name)))
        }
        other => Ok(other),
    }
}

/// The row of a source that is being added.
fn begun(store: &Store, new: &NewSource) -> Result<Source> {
    match unfinished(store, &new.spec)? {
        Some(left) => Ok(Source { name: new.name.clone(), options: new.options.clone(), ..left }),
        None => store.add_source(new),
    }
}

/// A source that could not be read is not kept.
fn kept(store: &Store, source: &Source, read: Result<Synced>) -> Result<Synced> {
    if read.is_err() {
        store.remove_source(source.id)?;
    }
    read
}

/// The source as it will be, for the download.
fn not_yet(new: &NewSource, now: Timestamp) -> Source {
    Source {
        id: Ids::random().next(now),
        name: new.name.clone(),
        kind: new.kind,
        spec: new.spec.clone(),
        rank: 0,
        reference: new.reference.clone(),
        commit: None,
        etag: None,
        last_modified: None,
        fetched_at: None,
        state: "new".to_string(),
        error: None,
        rate: None,
        options: new.options.clone(),
        renamed_to: None,
        added_at: now,
    }
}

fn no_answer() -> Result<Download> {
    Err(Error::new(Kind::Failed, "the download gave no answer"))
}

/// The version that was asked for.
fn reference(spec: &Spec) -> Option<String> {
    match spec {
        Spec::Github(github) => github.git_ref.clone(),
        _ => None,
    }
}

fn options(spec: &Spec, dialect: Option<Dialect>) -> serde_json::Value {
    let mut options = serde_json::Map::new();
    if let Some(dialect) = dialect {
        options.insert("as".into(), json!(dialect.name()));
    }
    if let Spec::Github(github) = spec {
        if github.host != crate::commands::source::github::spec::GITHUB {
            options.insert("host".into(), json!(github.host));
        }
        if !github.open.is_empty() {
            options.insert("open".into(), json!(github.open));
        }
    }
    serde_json::Value::Object(options)
}

/// Reads a folder again. One that is gone keeps its commands and is marked.
fn folder(store: &Store, source: &Source, now: Timestamp) -> Result<Synced> {
    let root = Path::new(local_path(&source.spec));
    let mut after = source.clone();
    if !root.exists() {
        let error = Error::new(Kind::NotFound, format!("{} is not there any more", root.display()));
        after.state = "gone".to_string();
        after.error = Some(error.full_message());
        store.update_source(&after)?;
        return Err(error.hint(format!("bring it back, or `fac source rm {}`", source.name)));
    }
    let synced = sync::folder(store, source, root)?;
    (after.state, after.error, after.fetched_at) = ("ok".to_string(), None, Some(now));
    store.update_source(&after)?;
    Ok(synced)
}

/// Ends when somebody wants it to.
async fn asked_to_stop(stop: &Stop) {
    const OFTEN: std::time::Duration = std::time::Duration::from_millis(50);
    while !stop.is_requested() {
        tokio::time::sleep(OFTEN).await;
    }
}

/// Names and digests of a source's definitions.
fn digests(store: &Store, source: &Source) -> Result<Vec<(String, String)>> {
    let filter = DefinitionFilter { source: Some(source.name.clone()), ..DefinitionFilter::default() };
    let (rows, _) = store.list_definitions(&filter, None, 1_000_000)?;
    let mut list: Vec<(String, String)> = rows.into_iter().map(|r| (r.name, r.digest)).collect();
    list.sort();
    Ok(list)
}

/// `+` new, `~` changed, `-` gone.
fn changed(before: &[(String, String)], after: &[(String, String)]) -> Vec<(char, String)> {
    let old: std::collections::BTreeMap<&str, &str> = before.iter().map(|(n, d)| (n.as_str(), d.as_str())).collect();
    let new: std::collections::BTreeMap<&str, &str> = after.iter().map(|(n, d)| (n.as_str(), d.as_str())).collect();
    let mut list = Vec::new();
    for (name, digest) in &new {
        match old.get(name) {
            None => list.push(('+', name.to_string())),
            Some(before) if before != digest => list.push(('~', name.to_string())),
            Some(_) => {}
        }
    }
    list.extend(old.keys().filter(|n| !new.contains_key(*n)).map(|n| ('-', n.to_string())));
    list
}
