//! What was being written when the program was killed, with the editor open or the database locked: it stands in a file
//! beside the database until it is a draft again.

use std::path::{Path, PathBuf};

use rustix::process::{Pid, test_kill_process};

use crate::kernel::error::Result;
use crate::kernel::files::write_atomic;
use crate::kernel::ids::Id;

/// The name of a chat in a file's name.
pub fn name(of: Option<Id>) -> String {
    of.map_or_else(|| "new".to_string(), |id| id.to_string())
}

/// The file of this process for a chat, as the editor gets it too.
fn file(state: &Path, of: Option<Id>) -> PathBuf {
    state.join(format!("edit-{}-{}.md", std::process::id(), name(of)))
}

/// Keeps a text until it is kept better.
///
/// # Errors
/// When the file cannot be written.
pub fn keep(state: &Path, of: Option<Id>, text: &str) -> Result<()> {
    write_atomic(&file(state, of), text.as_bytes(), true)
}

/// It is kept better.
pub fn drop(state: &Path, of: Option<Id>) {
    // What stays is brought back once more than it has to be.
    let _ = std::fs::remove_file(file(state, of));
}

/// The texts of processes that are gone: where they stand, and their chats.
pub fn lost(state: &Path) -> Vec<(PathBuf, Option<Id>)> {
    let entries = std::fs::read_dir(state).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let (pid, of) = name.strip_prefix("edit-")?.strip_suffix(".md")?.split_once('-')?;
            let gone = Pid::from_raw(pid.parse().ok()?).is_some_and(|pid| test_kill_process(pid).is_err());
            let of = if of == "new" { None } else { Some(of.parse::<Id>().ok()?) };
            gone.then(|| (entry.path(), of))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_nobody_edits_any_more_is_lost() {
        let place = tempfile::tempdir().unwrap();
        let id = crate::kernel::ids::Ids::seeded(1).next(crate::kernel::clock::Timestamp::from_micros(1));
        keep(place.path(), Some(id), "mine").unwrap();
        assert_eq!(lost(place.path()), []);
        // Process numbers end far below this one.
        let gone = place.path().join(format!("edit-2147483600-{id}.md"));
        for file in [&gone, &place.path().join("edit-2147483600.toml"), &place.path().join("edit-x-new.md")] {
            std::fs::write(file, "text").unwrap();
        }
        assert_eq!(lost(place.path()), [(gone, Some(id))]);
        drop(place.path(), Some(id));
        assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 3);
    }
}
