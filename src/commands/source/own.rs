//! The sources nobody has to add: the bundled definitions, the user's own folder, the current project's.
//!
//! Their rows are made when they are first seen and brought up to date whenever somebody asks.

use std::path::Path;

use serde_json::json;

use super::{bundled, local, spec, sync};
use crate::kernel::error::Result;
use crate::store::{NewSource, Source, SourceKind, Store};

/// The name of the bundled source.
pub const BUNDLED: &str = "bundled";
/// The name of the user's own source.
pub const USER: &str = "user";

/// Names that no added source gets: they mean what is there without adding.
pub const RESERVED: [&str; 3] = [BUNDLED, USER, "project"];

/// Makes or refreshes the bundled source; true when rows changed.
pub fn refresh_bundled(store: &Store) -> Result<bool> {
    let source = match store.source_by_name(BUNDLED)? {
        Some(source) if source.commit.as_deref() == Some(bundled::version().as_str()) => return Ok(false),
        Some(source) => source,
        None => ensure(store, BUNDLED, SourceKind::Bundled, BUNDLED)?,
    };
    sync::bundle(store, &source)?;
    Ok(true)
}

/// Makes or refreshes the user's own source; true when rows changed. No row is made for a folder that is not there.
pub fn refresh_user(store: &Store, folder: &Path) -> Result<bool> {
    refresh_folder(store, folder, SourceKind::User, || USER.to_string())
}

/// Makes or refreshes the source of a project; true when rows changed.
pub fn refresh_project(store: &Store, folder: &Path, root: &Path) -> Result<bool> {
    let name = || {
        let last = root.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        format!("project-{}", spec::clean_name(&last))
    };
    refresh_folder(store, folder, SourceKind::Project, name)
}

/// Refreshes every added folder; true when rows changed.
pub fn refresh_added(store: &Store) -> Result<bool> {
    let mut changed = false;
    for source in store.sources()?.iter().filter(|s| s.kind == SourceKind::Dir) {
        changed |= refresh(store, source)?;
    }
    Ok(changed)
}

/// Refreshes one folder's source; true when rows changed. A folder that is gone keeps its rows and is marked stale.
pub fn refresh(store: &Store, source: &Source) -> Result<bool> {
    let root = Path::new(crate::commands::catalog::local_path(&source.spec)).to_path_buf();
    if source.kind == SourceKind::Dir && !root.exists() {
        if source.state != "gone" {
            let mut stale = source.clone();
            stale.state = "gone".to_string();
            stale.error = Some(format!("{} is not there any more", root.display()));
            store.update_source(&stale)?;
        }
        return Ok(false);
    }
    let synced = sync::folder(store, source, &root)?;
    if source.state != "ok" {
        let mut well = source.clone();
        (well.state, well.error) = ("ok".to_string(), None);
        store.update_source(&well)?;
    }
    Ok(synced.replaced.touched() > 0)
}

/// Whether the file of a definition is the one that was read.
pub fn is_fresh(store: &Store, source: &Source, path: &str) -> Result<bool> {
    let base = local::base(Path::new(crate::commands::catalog::local_path(&source.spec)));
    let Ok(meta) = std::fs::metadata(base.join(path)) else { return Ok(false) };
    let known = store.source_files(source.id)?;
    Ok(known.iter().any(|f| f.path == path && f.stamp == local::stamp(&meta)))
}

fn refresh_folder(store: &Store, folder: &Path, kind: SourceKind, name: impl FnOnce() -> String) -> Result<bool> {
    let identity = format!("{}:{}", kind.name(), folder.display());
    let source = match store.source_by_spec(&identity)? {
        Some(source) => source,
        None if !folder.is_dir() => return Ok(false),
        None => ensure(store, &unique(store, &name())?, kind, &identity)?,
    };
    Ok(sync::folder(store, &source, folder)?.replaced.touched() > 0)
}

/// A name nobody has yet: `x`, `x-2`, …
pub fn unique(store: &Store, name: &str) -> Result<String> {
    let mut candidate = name.to_string();
    let mut number = 1;
    while store.source_by_name(&candidate)?.is_some() {
        number += 1;
        candidate = format!("{name}-{number}");
    }
    Ok(candidate)
}

/// The same for a source that is added: never one of [`RESERVED`].
pub fn unused(store: &Store, name: &str) -> Result<String> {
    if RESERVED.contains(&name) { unique(store, &format!("{name}-2")) } else { unique(store, name) }
}

/// Adds a source, or takes the one that another process added meanwhile.
fn ensure(store: &Store, name: &str, kind: SourceKind, identity: &str) -> Result<Source> {
    let new =
        NewSource { name: name.to_string(), kind, spec: identity.to_string(), reference: None, options: json!({}) };
    match store.add_source(&new) {
        Ok(source) => Ok(source),
        Err(error) => store.source_by_name(name)?.ok_or(error),
    }
}
