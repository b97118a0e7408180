//! The folder of a sandboxed program: made, linked to what it may see under the names by which that was asked for, and taken
//! away again whatever the program made of it. What a killed process of ours left is taken away by the next.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

use tempfile::TempDir;

use crate::exec::process::{is_alive, this_process};
use crate::exec::unix;
use crate::kernel::error::{Context, Kind, Result};

/// How such folders are called, before who made them.
const PREFIX: &str = "fac-exec-";

/// A folder that is gone when this is.
pub(in crate::exec) struct Folder {
    made: Option<TempDir>,
    /// Its real name.
    pub(in crate::exec) path: PathBuf,
}

impl Folder {
    /// An empty one for nobody but us.
    ///
    /// # Errors
    /// `Failed` when there is no room for one.
    pub(in crate::exec) fn new() -> Result<Folder> {
        sweep(&std::env::temp_dir());
        let me = this_process();
        let prefix = format!("{PREFIX}{}-{}-", me.pid, me.start);
        let cannot = || "cannot make a temporary folder".to_string();
        let made = unix::private_folder(tempfile::Builder::new().prefix(&prefix)).context(Kind::Failed, cannot)?;
        // Landlock and mounts name folders as they are.
        let path = made.path().canonicalize().context(Kind::Failed, cannot)?;
        Ok(Folder { made: Some(made), path })
    }

    /// Lets a place be reached by the name that it has from the caller's folder. Names that lead elsewhere have none here.
    pub(in crate::exec) fn link(&self, name: &Path, place: &Path) -> io::Result<()> {
        if name.as_os_str().is_empty() || !name.components().all(|part| matches!(part, Component::Normal(_))) {
            return Ok(());
        }
        let here = self.path.join(name);
        if let Some(above) = here.parent() {
            fs::create_dir_all(above)?;
        }
        match std::os::unix::fs::symlink(place, here) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            other => other,
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = clear(&self.path) {
            tracing::warn!(folder = %self.path.display(), %error, "a sandbox's folder could not be cleared");
        }
        // What is left is one folder.
        drop(self.made.take());
    }
}

/// Empties a folder, however deep it is and whatever modes it has. Nobody may change it meanwhile. Folders are moved to the
/// top before they are looked into, so that no name is ever long and nothing is called again from within itself.
fn clear(top: &Path) -> io::Result<()> {
    let mut number = 0u64;
    let mut folders = vec![top.to_path_buf()];
    while let Some(folder) = folders.pop() {
        fs::set_permissions(&folder, Permissions::from_mode(0o700))?;
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            if !entry.file_type()?.is_dir() {
                fs::remove_file(entry.path())?;
                continue;
            }
            // To be moved a folder must be writable itself.
            fs::set_permissions(entry.path(), Permissions::from_mode(0o700))?;
            let moved = loop {
                number += 1;
                let name = top.join(format!(".{number}"));
                if fs::symlink_metadata(&name).is_err() {
                    break name;
                }
            };
            fs::rename(entry.path(), &moved)?;
            folders.push(moved);
        }
        if folder != top {
            fs::remove_dir(&folder)?;
        }
    }
    Ok(())
}

/// Takes away what processes of ours left that were killed.
fn sweep(temp: &Path) {
    let boot = this_process().boot;
    for entry in fs::read_dir(temp).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some(maker) = name.to_str().and_then(|name| name.strip_prefix(PREFIX)) else { continue };
        let mut parts = maker.split('-');
        let (pid, start) = (parts.next().and_then(|p| p.parse().ok()), parts.next().and_then(|s| s.parse().ok()));
        let (Some(pid), Some(start), Ok(true)) = (pid, start, entry.file_type().map(|kind| kind.is_dir())) else {
            continue;
        };
        // Others' folders stay, as we may not clear them.
        if !is_alive(pid, start, &boot) && clear(&entry.path()).is_ok() {
            let _ = fs::remove_dir(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_lies_in_a_folder_is_taken_away() {
        let folder = Folder::new().unwrap();
        let top = folder.path.clone();
        let deep = 5000;
        let mut below = 0;
        // As a program makes it that goes into each folder; names as ours take theirs.
        let mut at = rustix::fs::open(&top, rustix::fs::OFlags::DIRECTORY, rustix::fs::Mode::empty()).unwrap();
        while below < deep {
            rustix::fs::mkdirat(&at, ".1", rustix::fs::Mode::RWXU).unwrap();
            at = rustix::fs::openat(&at, ".1", rustix::fs::OFlags::DIRECTORY, rustix::fs::Mode::empty()).unwrap();
            below += 1;
        }
        drop(at);
        for (name, mode) in [("closed", 0o000), ("blind", 0o300), ("fixed", 0o500)] {
            fs::create_dir_all(top.join(name).join("inner")).unwrap();
            fs::write(top.join(name).join("file"), "x").unwrap();
            fs::set_permissions(top.join(name), Permissions::from_mode(mode)).unwrap();
        }
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("kept"), "x").unwrap();
        std::os::unix::fs::symlink(outside.path(), top.join("link")).unwrap();
        folder.link(Path::new("a/b.csv"), &outside.path().join("kept")).unwrap();
        folder.link(Path::new("../up"), outside.path()).unwrap();
        assert_eq!(fs::read_to_string(top.join("a/b.csv")).unwrap(), "x");
        drop(folder);
        assert!(!top.exists());
        assert!(outside.path().join("kept").exists());
    }

    #[test]
    fn what_the_killed_left_is_taken_away_and_nothing_else() {
        let temp = tempfile::tempdir().unwrap();
        let me = this_process();
        let names =
            [format!("{PREFIX}{}-{}-x", me.pid, me.start), format!("{PREFIX}{}-1-x", me.pid), "other".to_string()];
        for name in &names {
            fs::create_dir_all(temp.path().join(name).join("inner")).unwrap();
        }
        sweep(temp.path());
        let left: Vec<bool> = names.iter().map(|name| temp.path().join(name).exists()).collect();
        assert_eq!(left, [true, false, true]);
    }
}
