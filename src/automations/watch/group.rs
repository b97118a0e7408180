//! The files that are wanted with the same silence: what is known of them, and which are not quiet yet.
//!
//! Each silence keeps its own view of the files, so that no trigger waits for another, or misses what came and went
//! while that one waited.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::content::{self, Content, Found};
use super::pending::{Pending, Told};
use crate::automations::trigger::{self, Change};
use crate::kernel::clock::Timestamp;

/// The files of one silence.
pub(super) struct Group {
    /// How long a file must be quiet, milliseconds.
    pub(super) quiet_ms: u64,
    pub(super) wanted: Vec<trigger::File>,
    known: HashMap<PathBuf, Content>,
    pending: Pending,
}

/// What became of a file that is quiet.
pub(super) struct Settled {
    pub(super) change: Change,
    /// How many bytes it holds; `None` where it is gone.
    pub(super) size: Option<u64>,
    /// When it was written last; `None` where it is gone.
    pub(super) modified: Option<Timestamp>,
    /// What tells its content from others; `None` where it is gone.
    pub(super) key: Option<String>,
}

/// The groups of what is wanted now; those that were there before remember what they knew.
pub(super) fn regroup(before: Vec<Group>, wanted: Vec<trigger::File>) -> Vec<Group> {
    let mut before: HashMap<u64, Group> = before.into_iter().map(|group| (group.quiet_ms, group)).collect();
    let mut groups: Vec<Group> = Vec::new();
    for file in wanted {
        match groups.iter_mut().find(|group| group.quiet_ms == file.quiet_ms) {
            Some(group) => group.wanted.push(file),
            None => {
                let (known, pending) =
                    before.remove(&file.quiet_ms).map(|old| (old.known, old.pending)).unwrap_or_default();
                groups.push(Group { quiet_ms: file.quiet_ms, wanted: vec![file], known, pending });
            }
        }
    }
    groups
}

impl Group {
    fn quiet(&self) -> Duration {
        Duration::from_millis(self.quiet_ms)
    }

    fn covers(&self, path: &Path) -> bool {
        self.wanted.iter().any(|wanted| wanted.covers(path))
    }

    /// When the next file is to be looked at.
    pub(super) fn next(&self) -> Option<Instant> {
        self.pending.next()
    }

    /// The files that are quiet now.
    pub(super) fn due(&mut self, now: Instant) -> Vec<PathBuf> {
        self.pending.due(now)
    }

    /// Gets to know what is there already, and forgets what nobody wants any more.
    pub(super) fn learn(&mut self, ignored: &[PathBuf]) {
        let wanted = &self.wanted;
        self.known.retain(|path, _| wanted.iter().any(|w| w.covers(path)));
        for wanted in &self.wanted {
            let (root, deep) = wanted.root();
            content::learn(content::files(&root, deep, wanted, ignored), &mut self.known);
        }
    }

    /// Something was told of a file.
    pub(super) fn note(&mut self, path: &Path, told: Told) {
        if self.covers(path) {
            self.pending.note(path, told, self.quiet());
        }
    }

    /// A folder is gone, with all that was in it.
    pub(super) fn gone_below(&mut self, folder: &Path) {
        let below: Vec<PathBuf> =
            self.known.keys().filter(|path| *path != folder && path.starts_with(folder)).cloned().collect();
        for path in below {
            self.pending.note(&path, Told::Gone, self.quiet());
        }
    }

    /// A folder came: files may have come with it, or before anybody watched it.
    pub(super) fn look_into(&mut self, folder: &Path, ignored: &[PathBuf]) {
        for wanted in &self.wanted {
            let (root, deep) = wanted.root();
            let from = if folder.starts_with(&root) { folder } else { root.as_path() };
            if !from.starts_with(folder) {
                continue;
            }
            for path in content::files(from, deep, wanted, ignored) {
                if !self.known.contains_key(&path) {
                    self.pending.note(&path, Told::Whole, Duration::from_millis(self.quiet_ms));
                }
            }
        }
    }

    /// Looks at everything again.
    pub(super) fn look_again(&mut self, ignored: &[PathBuf]) {
        for wanted in &self.wanted {
            let (root, deep) = wanted.root();
            for path in content::files(&root, deep, wanted, ignored) {
                let differs =
                    |content: &Content| std::fs::symlink_metadata(&path).is_ok_and(|m| content.may_differ(&m));
                if self.known.get(&path).is_none_or(differs) {
                    self.pending.find(&path, Duration::from_millis(self.quiet_ms));
                }
            }
        }
        let gone: Vec<PathBuf> = self.known.keys().filter(|path| !path.exists()).cloned().collect();
        for path in gone {
            self.pending.find(&path, self.quiet());
        }
    }

    /// What became of a file that is quiet; `None` where that is nothing to tell.
    pub(super) fn settle(&mut self, path: &Path) -> Option<Settled> {
        let before = self.known.get(path);
        let (change, content) = match (content::look(path), before) {
            (Found::Moving, _) => {
                self.pending.note(path, Told::Whole, self.quiet());
                return None;
            }
            (Found::Gone, None) => return None,
            (Found::Gone, Some(_)) => (Change::Removed, None),
            (Found::There(now), None) => (Change::Created, Some(now)),
            (Found::There(now), Some(before)) if now.is_same(before) => {
                self.known.insert(path.to_path_buf(), now);
                return None;
            }
            (Found::There(now), Some(_)) => (Change::Changed, Some(now)),
        };
        let settled = Settled {
            change,
            size: content.as_ref().map(Content::len),
            modified: content.as_ref().and_then(Content::modified),
            key: content.as_ref().map(Content::key),
        };
        match content {
            Some(content) => drop(self.known.insert(path.to_path_buf(), content)),
            None => drop(self.known.remove(path)),
        }
        Some(settled)
    }
}
