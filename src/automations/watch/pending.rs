//! Files of which something was told, until they are quiet.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use notify::EventKind;
use notify::event::{AccessKind, AccessMode, CreateKind, ModifyKind, RemoveKind, RenameMode};

/// How long a file that was made, and that nobody was seen to close, may still be written.
const MADE: Duration = Duration::from_secs(2);

/// What one thing that the system told means for a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// It was made; whoever made it may go on to write.
    Made,
    /// Somebody writes.
    Written,
    /// It is whole: closed by who wrote it, or moved here.
    Whole,
    /// It is gone, or moved away.
    Gone,
    /// Reading, and other things that change nothing.
    Nothing,
}

/// What the system told.
pub(super) fn told(kind: &EventKind) -> Told {
    match kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => Told::Whole,
        EventKind::Access(_) => Told::Nothing,
        EventKind::Create(CreateKind::Folder) => Told::Whole,
        EventKind::Create(_) => Told::Made,
        EventKind::Modify(ModifyKind::Name(RenameMode::From)) => Told::Gone,
        EventKind::Modify(ModifyKind::Name(_)) => Told::Whole,
        // Only its rights or its times.
        EventKind::Modify(ModifyKind::Metadata(_)) => Told::Nothing,
        // Where no closing is told, quiet is all one can wait for.
        EventKind::Modify(_) if cfg!(target_os = "linux") => Told::Written,
        EventKind::Modify(_) => Told::Whole,
        EventKind::Remove(RemoveKind::Folder | RemoveKind::File | RemoveKind::Any | RemoveKind::Other) => Told::Gone,
        EventKind::Any | EventKind::Other => Told::Nothing,
    }
}

/// Files that are not quiet yet.
#[derive(Debug, Default)]
pub(super) struct Pending {
    /// When each is looked at; never while somebody writes.
    files: HashMap<PathBuf, Option<Instant>>,
    /// The same by time, so that a flood of files costs no more than each of them.
    by_time: BTreeSet<(Instant, PathBuf)>,
}

impl Pending {
    /// Something was told of a file that must be quiet for so long.
    pub(super) fn note(&mut self, path: &Path, told: Told, quiet: Duration) {
        let now = Instant::now();
        let due = match told {
            Told::Nothing => return,
            Told::Made => Some(now + quiet.max(MADE)),
            Told::Written => None,
            Told::Whole | Told::Gone => Some(now + quiet),
        };
        if let Some(Some(before)) = self.files.insert(path.to_path_buf(), due) {
            self.by_time.remove(&(before, path.to_path_buf()));
        }
        if let Some(due) = due {
            self.by_time.insert((due, path.to_path_buf()));
        }
    }

    /// It was found that a file is another; where it is waited for already, it needs no longer for that.
    pub(super) fn find(&mut self, path: &Path, quiet: Duration) {
        if !matches!(self.files.get(path), Some(Some(_))) {
            self.note(path, Told::Whole, quiet);
        }
    }

    /// When the next file is to be looked at.
    pub(super) fn next(&self) -> Option<Instant> {
        self.by_time.first().map(|(due, _)| *due)
    }

    /// The files that are quiet, in the order they became so.
    pub(super) fn due(&mut self, now: Instant) -> Vec<PathBuf> {
        let mut ready = Vec::new();
        while self.next().is_some_and(|due| due <= now) {
            let Some((_, path)) = self.by_time.pop_first() else { break };
            self.files.remove(&path);
            ready.push(path);
        }
        ready
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_due_when_nothing_more_was_told_of_it() {
        let mut pending = Pending::default();
        let (a, b) = (Path::new("/a"), Path::new("/b"));
        let second = Duration::from_secs(1);
        let soon = || Instant::now() + second * 10;
        pending.note(a, Told::Whole, second);
        pending.note(b, Told::Made, Duration::ZERO);
        assert!(pending.due(Instant::now()).is_empty());
        // Somebody writes: it is not due however long that lasts.
        pending.note(b, Told::Written, second);
        assert_eq!(pending.due(soon()), [a]);
        pending.note(b, Told::Whole, second);
        pending.note(b, Told::Nothing, second);
        pending.find(b, second * 20);
        assert_eq!(pending.due(soon()), [b]);
        assert_eq!((pending.next(), pending.due(soon()).len()), (None, 0));
    }
}
