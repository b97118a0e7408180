//! Files and folders that only their owner may read, written so that a crash leaves the old or the new content.
//!
//! The kernel's only file with code for one operating system; it does not know what it writes.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::error::{Context, Error, Kind, Result};

/// Makes a folder and what is missing above it, all with mode 0700. One that stands already is left as it is.
pub fn ensure_dir(dir: &Path) -> Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .context(Kind::Failed, || format!("cannot make the folder {}", dir.display()))
}

/// Makes a folder that nobody else may enter, for sockets: a looser one of ours is tightened, a foreign one is refused.
pub fn ensure_private_dir(dir: &Path) -> Result<()> {
    ensure_dir(dir)?;
    let meta = fs::symlink_metadata(dir).context(Kind::Failed, || format!("cannot look at {}", dir.display()))?;
    if !meta.is_dir() || meta.uid() != rustix::process::geteuid().as_raw() {
        return Err(Error::new(Kind::Refused, format!("{} is not a folder of yours", dir.display()))
            .hint("remove it, or set FAC_HOME to a folder of your own"));
    }
    if meta.mode() & 0o077 != 0 {
        fs::set_permissions(dir, Permissions::from_mode(0o700))
            .context(Kind::Failed, || format!("cannot make {} private", dir.display()))?;
    }
    Ok(())
}

/// Refuses a file that others may read or write, saying how to close it.
pub fn refuse_if_shared(path: &Path, meta: &fs::Metadata) -> Result<()> {
    let mode = meta.mode() & 0o777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    Err(Error::new(Kind::Refused, format!("{} can be read by others (mode {mode:04o})", path.display()))
        .hint(format!("close it with: chmod 600 {}", path.display())))
}

/// Reads a text file of at most `limit` bytes; `None` when it does not exist.
pub fn read_text(path: &Path, limit: u64) -> Result<Option<String>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
        Err(e) => return Err(Error::new(Kind::Failed, format!("cannot read {}", path.display())).because(e)),
    };
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).context(Kind::Failed, || format!("cannot read {}", path.display()))?;
    if bytes.len() as u64 > limit {
        return Err(Error::new(Kind::BadData, format!("{} is larger than {limit} bytes", path.display())));
    }
    String::from_utf8(bytes).map(Some).context(Kind::BadData, || format!("{} is not UTF-8 text", path.display()))
}

/// Puts `text` in the place of `path` in one step: a file beside it, flushed to disk, then renamed, then the folder flushed.
///
/// A link is followed, so that a file kept elsewhere stays a link. A new file gets mode 0600; one that stands keeps its
/// mode, unless `private`, which always gives 0600.
pub fn write_atomic(path: &Path, text: &[u8], private: bool) -> Result<()> {
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let dir = parent(&target);
    ensure_dir(&dir)?;
    let mode = match fs::metadata(&target) {
        Ok(meta) if !private => meta.mode() & 0o777,
        _ => 0o600,
    };
    let failed = || format!("cannot write {}", target.display());
    let mut temp = tempfile::Builder::new().prefix(".fac-").tempfile_in(&dir).context(Kind::Failed, failed)?;
    temp.write_all(text).context(Kind::Failed, failed)?;
    temp.as_file().set_permissions(Permissions::from_mode(mode)).context(Kind::Failed, failed)?;
    temp.as_file().sync_all().context(Kind::Failed, failed)?;
    temp.persist(&target).context(Kind::Failed, failed)?;
    File::open(&dir).and_then(|d| d.sync_all()).context(Kind::Failed, failed)
}

/// Holds every other editor of files in this folder back until the value is dropped. Needs no lock file.
pub fn lock_dir(dir: &Path) -> Result<File> {
    ensure_dir(dir)?;
    let handle = File::open(dir).context(Kind::Failed, || format!("cannot open {}", dir.display()))?;
    handle.lock().context(Kind::Failed, || format!("cannot lock {}", dir.display()))?;
    Ok(handle)
}

/// Opens a private file (mode 0600) for appending, making it and its folder when they are missing.
pub fn open_append(path: &Path) -> std::io::Result<File> {
    let open = || File::options().append(true).create(true).mode(0o600).open(path);
    match open() {
        Err(e) if e.kind() == ErrorKind::NotFound => {
            DirBuilder::new().recursive(true).mode(0o700).create(parent(path))?;
            open()
        }
        other => other,
    }
}

/// Whether the open file is still what its path names: false once another process has renamed it away.
pub fn is_still_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::metadata(path)) {
        (Ok(a), Ok(b)) => a.ino() == b.ino() && a.dev() == b.dev(),
        _ => false,
    }
}

fn parent(path: &Path) -> PathBuf {
    match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir.to_path_buf(),
        _ => PathBuf::from("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o777
    }

    #[test]
    fn a_new_file_and_its_folders_are_private_and_leave_nothing_beside() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("a/b/c.toml");
        write_atomic(&file, b"x = 1\n", false).unwrap();
        assert_eq!((mode(&file), mode(&root.path().join("a"))), (0o600, 0o700));
        assert_eq!(fs::read_dir(root.path().join("a/b")).unwrap().count(), 1);
    }

    #[test]
    fn an_edit_keeps_mode_and_link_but_a_private_one_closes_the_file() {
        let root = tempfile::tempdir().unwrap();
        let (real, link) = (root.path().join("real"), root.path().join("link"));
        fs::write(&real, "old").unwrap();
        fs::set_permissions(&real, Permissions::from_mode(0o644)).unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        write_atomic(&link, b"new", false).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!((fs::read_to_string(&real).unwrap().as_str(), mode(&real)), ("new", 0o644));
        write_atomic(&link, b"newer", true).unwrap();
        assert_eq!(mode(&real), 0o600);
    }

    #[test]
    fn a_large_or_foreign_file_is_bad_data_and_a_missing_one_is_none() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("f");
        assert_eq!(read_text(&file, 4).unwrap(), None);
        fs::write(&file, "12345").unwrap();
        assert_eq!(read_text(&file, 4).unwrap_err().kind(), Kind::BadData);
        assert_eq!(read_text(&file, 5).unwrap().as_deref(), Some("12345"));
        fs::write(&file, [0xff]).unwrap();
        assert_eq!(read_text(&file, 5).unwrap_err().kind(), Kind::BadData);
    }

    #[test]
    fn a_loose_private_folder_is_tightened_and_a_link_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("run");
        fs::create_dir(&dir).unwrap();
        fs::set_permissions(&dir, Permissions::from_mode(0o755)).unwrap();
        ensure_private_dir(&dir).unwrap();
        assert_eq!(mode(&dir), 0o700);
        let link = root.path().join("link");
        std::os::unix::fs::symlink(&dir, &link).unwrap();
        assert_eq!(ensure_private_dir(&link).unwrap_err().kind(), Kind::Refused);
    }
}
