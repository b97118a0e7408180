//! The database file itself: made private before SQLite sees it.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use crate::kernel::error::{Context, Kind, Result};

/// Makes an empty file that only its owner can read, and its folder, where they do not exist yet.
///
/// SQLite gives the same permissions to the `-wal` and `-shm` files beside it.
pub(super) fn ensure_private(path: &Path) -> Result<()> {
    ensure(path)
        .context(Kind::Failed, || format!("the store {} cannot be made", path.display()))
        .map_err(|error| error.hint("make its folder one that you can write to, or choose another place with --home"))
}

fn ensure(path: &Path) -> io::Result<()> {
    match create(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            if let Some(folder) = path.parent() {
                DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
            }
            create(path)
        }
        other => other,
    }
    .or_else(|error| if error.kind() == ErrorKind::AlreadyExists { Ok(()) } else { Err(error) })
}

fn create(path: &Path) -> io::Result<()> {
    let made: io::Result<File> = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    made.map(drop)
}
