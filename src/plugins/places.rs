//! Where plugins lie: the user's folder, and the program itself. It reads them; whether one may run is decided elsewhere.

use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};
use sha2::{Digest, Sha256};

use super::manifest::{MANIFEST, Manifest, SCRIPT};
use crate::kernel::error::{Context, Error, Kind, Result};
use crate::kernel::near::nearest;

static BUNDLED: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/plugins");

/// What stands in the store as the place of a bundled plugin.
pub const BUNDLED_PLACE: &str = "bundled";

/// The definitions for editors, which a plugin does not need.
pub const TYPES: &str = "fac.d.luau";

/// The largest file of a plugin, bytes.
const MOST_BYTES: u64 = 1 << 20;
/// The most files of a plugin.
const MOST_FILES: usize = 100;

/// A plugin as it lies there.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// What it says of itself.
    pub manifest: Manifest,
    /// Its script.
    pub script: String,
    /// Its files, by name.
    pub files: Vec<(String, Vec<u8>)>,
    /// The content hash of all its files.
    pub digest: String,
    /// Its folder; `None` for a bundled one.
    pub folder: Option<PathBuf>,
}

impl Found {
    /// Where it lies, as the store keeps it.
    pub fn place(&self) -> String {
        self.folder.as_ref().map_or_else(|| BUNDLED_PLACE.to_string(), |folder| folder.display().to_string())
    }

    /// The Markdown files whose commands it brings.
    pub fn pages(&self) -> impl Iterator<Item = &(String, Vec<u8>)> {
        self.files.iter().filter(|(name, _)| name.ends_with(".md") && !name.eq_ignore_ascii_case("readme.md"))
    }

    /// All that it hears of, brings and may do, a sentence each.
    pub fn sentences(&self) -> Vec<String> {
        let mut all = self.manifest.sentences();
        let pages: Vec<&str> = self.pages().map(|(name, _)| name.as_str()).collect();
        if !pages.is_empty() {
            let pages = pages.join(", ");
            all.push(format!(
                "brings Markdown commands, whose scripts run outside the sandbox as any command does: {pages}"
            ));
        }
        all
    }

    /// All that a person is asked about, as text: what it wants, and its files.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (name, bytes) in &self.files {
            text.push_str(&format!("--- {name}\n{}\n", String::from_utf8_lossy(bytes)));
        }
        text
    }

    /// A plugin that lies in no folder here yet: its files by name, in order.
    ///
    /// # Errors
    /// `BadData` when it is none.
    pub(super) fn of(files: Vec<(String, Vec<u8>)>, place: &str) -> Result<Found> {
        Found::new(files, None, place)
    }

    fn new(files: Vec<(String, Vec<u8>)>, folder: Option<PathBuf>, place: &str) -> Result<Found> {
        let text = |name: &str| -> Result<String> {
            let bytes = files.iter().find(|(other, _)| other == name).map(|(_, bytes)| bytes);
            let bytes = bytes.ok_or_else(|| {
                Error::new(Kind::BadData, format!("{place} has no {name}"))
                    .hint(format!("a plugin is a folder with {MANIFEST} and {SCRIPT}"))
            })?;
            String::from_utf8(bytes.clone()).context(Kind::BadData, || format!("{place}/{name} is not UTF-8"))
        };
        let manifest = Manifest::parse(&text(MANIFEST)?, &format!("{place}/{MANIFEST}"))?;
        let script = text(SCRIPT)?;
        let mut hash = Sha256::new();
        for (name, bytes) in &files {
            for part in [name.as_bytes(), bytes] {
                hash.update((part.len() as u64).to_le_bytes());
                hash.update(part);
            }
        }
        let digest = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Found { manifest, script, files, digest, folder })
    }
}

/// The names of the bundled plugins.
pub fn bundled_names() -> Vec<&'static str> {
    BUNDLED.dirs().filter_map(|dir| dir.path().file_name()?.to_str()).collect()
}

/// A bundled plugin.
///
/// # Errors
/// `NotFound` when there is none of that name.
pub fn bundled(name: &str) -> Result<Found> {
    let dir =
        BUNDLED.get_dir(name).ok_or_else(|| Error::new(Kind::NotFound, format!("no plugin `{name}` is bundled")))?;
    let mut files: Vec<(String, Vec<u8>)> = dir
        .files()
        .filter_map(|file| Some((file.path().file_name()?.to_str()?.to_string(), file.contents().to_vec())))
        .collect();
    files.sort();
    Found::new(files, None, &format!("plugins/{name}"))
}

/// The plugin in a folder. Folders in it, links and files that begin with a dot are no part of it.
///
/// # Errors
/// `NotFound` when there is no such folder, `BadData` when it is no plugin.
pub fn read(folder: &Path) -> Result<Found> {
    let place = folder.display().to_string();
    let folder = std::path::absolute(folder).context(Kind::NotFound, || format!("cannot read {place}"))?;
    let entries = std::fs::read_dir(&folder).context(Kind::NotFound, || format!("cannot read {place}"))?;
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry.context(Kind::Failed, || format!("cannot read {place}"))?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let meta = std::fs::symlink_metadata(entry.path()).context(Kind::Failed, || format!("cannot read {name}"))?;
        if !meta.is_file() || !is_part(&name) {
            continue;
        }
        bounded(&place, &name, meta.len(), files.len())?;
        let bytes = std::fs::read(entry.path()).context(Kind::Failed, || format!("cannot read {place}/{name}"))?;
        files.push((name, bytes));
    }
    files.sort();
    Found::new(files, Some(folder), &place)
}

/// The names of the files in a folder that are part of a plugin, also of one that cannot be read.
///
/// # Errors
/// When the folder cannot be read.
pub fn part_files(folder: &Path) -> Result<Vec<String>> {
    let unread = || format!("cannot read {}", folder.display());
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).context(Kind::NotFound, unread)? {
        let entry = entry.context(Kind::Failed, unread)?;
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        names.extend(entry.file_name().into_string().ok().filter(|name| is_file && is_part(name)));
    }
    Ok(names)
}

/// Whether a file of this name belongs to the plugin in whose folder it lies.
pub(super) fn is_part(name: &str) -> bool {
    !name.starts_with('.') && !name.ends_with('~') && name != TYPES
}

/// Says no to a file of `bytes` that is too large, or comes after `before` others that are enough.
pub(super) fn bounded(place: &str, name: &str, bytes: u64, before: usize) -> Result<()> {
    if bytes > MOST_BYTES || before >= MOST_FILES {
        let said = format!("{place} has a file larger than 1 MB ({name}), or more than {MOST_FILES} files");
        return Err(Error::new(Kind::BadData, said));
    }
    Ok(())
}

/// The folders of the user's own plugins, by name.
pub fn own(plugins_dir: &Path) -> Vec<(String, PathBuf)> {
    let Ok(entries) = std::fs::read_dir(plugins_dir) else { return Vec::new() };
    let mut found: Vec<(String, PathBuf)> = entries
        .flatten()
        .filter(|entry| entry.path().join(MANIFEST).is_file())
        .filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.path())))
        .collect();
    found.sort();
    found
}

/// The plugin of a name: the user's own before a bundled one.
///
/// # Errors
/// `NotFound` when there is none, `BadData` when it is broken.
pub fn find(plugins_dir: &Path, name: &str) -> Result<Found> {
    let mine = own(plugins_dir);
    if let Some((_, folder)) = mine.iter().find(|(other, _)| other == name) {
        let found = read(folder)?;
        if found.manifest.name != name {
            let said = format!("{} calls itself `{}`", folder.display(), found.manifest.name);
            return Err(Error::new(Kind::BadData, said).hint("a plugin's folder has its name"));
        }
        return Ok(found);
    }
    if bundled_names().contains(&name) {
        return bundled(name);
    }
    let known = mine.iter().map(|(name, _)| name.as_str()).chain(bundled_names());
    let error = Error::new(Kind::NotFound, format!("there is no plugin `{name}`"));
    Err(match nearest(name, known) {
        Some(other) => error.hint(format!("did you mean `{other}`? `fac plugin ls` lists all")),
        None => error.hint("`fac plugin ls` lists all, `fac plugin new NAME` begins one"),
    })
}

/// The plugin that lies at a place of the store.
///
/// # Errors
/// Those of [`read`] and [`bundled`].
pub fn at(place: &str, name: &str) -> Result<Found> {
    if place == BUNDLED_PLACE { bundled(name) } else { read(Path::new(place)) }
}
