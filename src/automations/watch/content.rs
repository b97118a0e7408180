//! What a file holds, as far as it takes to tell whether that changed; and which files there are.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use crate::automations::trigger;
use crate::kernel::clock::Timestamp;

/// Larger files are known by their length and time only, bytes.
const HASHED: u64 = 64 << 20;

/// What is read when one begins to watch, bytes: a folder of films must not be read through.
const READ_AT_FIRST: u64 = 64 << 20;

/// Files that are looked at below one path; more are not known beforehand.
const MOST_FILES: usize = 100_000;

/// What is known of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Content {
    len: u64,
    modified: Option<SystemTime>,
    hash: Option<[u8; 32]>,
    /// When it came to stand where it stands (its inode changed), ns: also what is moved, or put back with its time.
    placed: i128,
}

impl Content {
    fn of(metadata: &fs::Metadata, hash: Option<[u8; 32]>) -> Content {
        let placed = i128::from(metadata.ctime()) * 1_000_000_000 + i128::from(metadata.ctime_nsec());
        Content { len: metadata.len(), modified: metadata.modified().ok(), hash, placed }
    }

    /// Whether it holds the same as `before`, as far as that is known.
    pub(super) fn is_same(&self, before: &Content) -> bool {
        match (self.hash, before.hash) {
            (Some(now), Some(then)) => now == then,
            _ => self.len == before.len && self.modified == before.modified,
        }
    }

    /// Whether it may be another one, by what costs nothing to look at.
    pub(super) fn may_differ(&self, metadata: &fs::Metadata) -> bool {
        self.len != metadata.len() || self.modified != metadata.modified().ok()
    }

    /// How many bytes it has.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// When it was written last.
    pub(super) fn modified(&self) -> Option<Timestamp> {
        let since = self.modified?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        Some(Timestamp::from_micros(i64::try_from(since.as_micros()).ok()?))
    }

    /// A word that is another one for another content or time.
    pub(super) fn key(&self) -> String {
        let since = self.modified.and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok());
        let hash = self.hash.map(|hash| hash[..8].iter().map(|b| format!("{b:02x}")).collect::<String>());
        format!("{}-{}-{}-{}", self.len, since.map_or(0, |s| s.as_nanos()), self.placed, hash.unwrap_or_default())
    }
}

/// What became of a file.
#[derive(Debug, PartialEq)]
pub(super) enum Found {
    /// It is there, and holds this.
    There(Content),
    /// It is not, or is no file.
    Gone,
    /// It changed while it was read.
    Moving,
}

/// Looks at a file.
pub(super) fn look(path: &Path) -> Found {
    let Ok(before) = fs::symlink_metadata(path) else { return Found::Gone };
    if !before.is_file() {
        return Found::Gone;
    }
    let hash = if before.len() <= HASHED { hash_of(path) } else { None };
    match fs::symlink_metadata(path) {
        Err(_) => Found::Gone,
        Ok(after) if after.len() != before.len() || after.modified().ok() != before.modified().ok() => Found::Moving,
        Ok(after) => Found::There(Content::of(&after, hash)),
    }
}

fn hash_of(path: &Path) -> Option<[u8; 32]> {
    let mut file = File::open(path).ok()?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Some(hash.finalize().into()),
            Ok(count) => hash.update(&buffer[..count]),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
    }
}

/// The files there are below `root` (or itself) that `wanted` names. Links to folders are not followed.
pub(super) fn files(root: &Path, deep: bool, wanted: &trigger::File, ignored: &[PathBuf]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    if wanted.covers(root) && fs::symlink_metadata(root).is_ok_and(|m| m.is_file()) {
        found.push(root.to_path_buf());
    }
    while let Some(folder) = folders.pop() {
        if ignored.iter().any(|own| folder.starts_with(own)) {
            continue;
        }
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            let path = entry.path();
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && deep => folders.push(path),
                Ok(kind) if kind.is_file() && wanted.covers(&path) => found.push(path),
                _ => {}
            }
            if found.len() >= MOST_FILES {
                return found;
            }
        }
    }
    found
}

/// Gets to know files that were there before anybody watched.
pub(super) fn learn(paths: Vec<PathBuf>, known: &mut HashMap<PathBuf, Content>) {
    let mut left = READ_AT_FIRST;
    for path in paths {
        if known.contains_key(&path) {
            continue;
        }
        let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
        let content = match metadata.len() <= left {
            true => look(&path),
            false => Found::There(Content::of(&metadata, None)),
        };
        left = left.saturating_sub(metadata.len());
        if let Found::There(content) = content {
            known.insert(path, content);
        }
    }
}
