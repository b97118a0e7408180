//! Files of which something was told, until they are quiet.

use std::collections::HashMap;
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

/// One file.
#[derive(Debug)]
struct One {
    /// When it is looked at; never while somebody writes.
    due: Option<Instant>,
}

/// Files that are not quiet yet.
#[derive(Debug, Default)]
pub(super) struct Pending(HashMap<PathBuf, One>);

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
        self.0.insert(path.to_path_buf(), One { due });
    }

    /// When the next file is to be looked at.
    pub(super) fn next(&self) -> Option<Instant> {
        self.0.values().filter_map(|one| one.due).min()
    }

    /// The files that are quiet, in the order they became so.
    pub(super) fn due(&mut self, now: Instant) -> Vec<PathBuf> {
        let ready = self.0.iter().filter_map(|(path, one)| Some((one.due.filter(|due| *due <= now)?, path.clone())));
        let mut ready: Vec<(Instant, PathBuf)> = ready.collect();
        ready.sort();
        ready.iter().for_each(|(_, path)| drop(self.0.remove(path)));
        ready.into_iter().map(|(_, path)| path).collect()
    }
}
