//! Fetched sources laid out as read-only files, so that scripts can reach what stands beside them.
//!
//! A layout is made whole in a folder beside its place and then renamed into it; a crash leaves at most a folder
//! that the next layout sweeps. Names that are not safe on this system stay in the blob cache and are reported.

use std::path::{Path, PathBuf};

use super::cache::BlobCache;
use crate::kernel::error::{Context, Error, Kind, Result};
use crate::kernel::files;
use crate::kernel::ids::Id;
use crate::store::FileRow;

/// Where a source's files lie at a commit.
pub fn folder(layouts: &Path, source: Id, commit: &str) -> PathBuf {
    layouts.join(source.to_string()).join(commit)
}

/// One file of a layout.
#[derive(Clone, Debug)]
pub struct LaidOut<'a> {
    /// Path inside the source.
    pub path: &'a str,
    /// Its content's SHA.
    pub sha: &'a str,
    /// Whether it may be executed.
    pub executable: bool,
}

/// Lays the files out, unless that was done already. Returns the names that had to be left out.
pub fn lay_out(
    layouts: &Path,
    source: Id,
    commit: &str,
    files: &[LaidOut<'_>],
    blobs: &BlobCache,
) -> Result<Vec<String>> {
    let place = folder(layouts, source, commit);
    if place.is_dir() {
        return Ok(Vec::new());
    }
    let parent = layouts.join(source.to_string());
    files::ensure_private_dir(&parent)?;
    let failed = || format!("cannot lay out files in {}", parent.display());
    let work = tempfile::Builder::new().prefix(".new-").tempdir_in(&parent).context(Kind::Failed, failed)?;
    let mut left_out = Vec::new();
    for file in files {
        if !is_safe(file.path) {
            left_out.push(file.path.to_string());
            continue;
        }
        let bytes = blobs
            .read(file.sha)
            .ok_or_else(|| Error::new(Kind::BadData, format!("the fetched content of {} is damaged", file.path)))?;
        // Half a layout must never look like a whole one: only names that no disk here can hold are passed over.
        match write(&work.path().join(file.path), &bytes, file.executable) {
            Ok(()) => {}
            Err(e) if is_about_the_name(&e) => left_out.push(file.path.to_string()),
            Err(e) => return Err(e).context(Kind::Failed, failed),
        }
    }
    let made = work.keep();
    if let Err(error) = std::fs::rename(&made, &place) {
        // Another process may have been quicker; then its layout is as good as ours.
        remove(&made);
        if !place.is_dir() {
            return Err(error).context(Kind::Failed, failed);
        }
    }
    Ok(left_out)
}

/// Lays out a commit that was laid out before, from the content that is still there.
///
/// # Errors
/// `Unreachable` when content of it is missing or damaged: it has to be fetched again.
pub fn lay_out_again(layouts: &Path, source: Id, commit: &str, files: &[FileRow], blobs: &BlobCache) -> Result<()> {
    let mut laid = Vec::with_capacity(files.len());
    for file in files {
        let sha = file.blob.as_deref().filter(|sha| blobs.read(sha).is_some());
        let sha = sha.ok_or_else(|| {
            Error::new(Kind::Unreachable, format!("{} was fetched, but is gone from the cache", file.path))
        })?;
        // A fetched file's stamp says whether it may be executed.
        laid.push(LaidOut { path: &file.path, sha, executable: file.stamp == 1 });
    }
    lay_out(layouts, source, commit, &laid, blobs).map(|_| ())
}

/// Names that could leave the folder or confuse whoever lists it are not written. Backslashes are data here.
fn is_safe(path: &str) -> bool {
    let sane = |p: &str| !matches!(p, "" | "." | "..") && p.len() < 256 && !p.eq_ignore_ascii_case(".git");
    path.split('/').all(sane) && !path.chars().any(char::is_control)
}

/// Whether a file could not be made because of its name: too long, or in the way of another.
fn is_about_the_name(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{AlreadyExists, InvalidFilename, NotADirectory};
    matches!(error.kind(), AlreadyExists | InvalidFilename | NotADirectory)
}

fn write(path: &Path, bytes: &[u8], executable: bool) -> std::io::Result<()> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).open(path)?;
    std::io::Write::write_all(&mut file, bytes)?;
    set_mode(&file, if executable { 0o555 } else { 0o444 })
}

#[cfg(unix)]
fn set_mode(file: &std::fs::File, mode: u32) -> std::io::Result<()> {
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(mode))
}

#[cfg(not(unix))]
fn set_mode(_file: &std::fs::File, _mode: u32) -> std::io::Result<()> {
    Ok(())
}

/// Removes all layouts of a source but that of `keep`. Failure leaves files behind, which does no harm.
pub fn sweep(layouts: &Path, source: Id, keep: Option<&str>) {
    let parent = layouts.join(source.to_string());
    for entry in std::fs::read_dir(&parent).into_iter().flatten().flatten() {
        if keep.is_none_or(|k| entry.file_name() != k) {
            remove(&entry.path());
        }
    }
    if keep.is_none() {
        let _ = std::fs::remove_dir(&parent);
    }
}

fn remove(folder: &Path) {
    let _ = std::fs::remove_dir_all(folder);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::source::github::Blobs;
    use crate::kernel::clock::Timestamp;
    use crate::kernel::ids::Ids;

    #[test]
    fn a_layout_is_read_only_and_stays_inside_its_folder() {
        let dir = tempfile::tempdir().unwrap();
        let blobs = BlobCache::new(&dir.path().join("blobs"));
        let sha = crate::commands::digest::git_blob(b"x");
        blobs.put(&sha, b"x").unwrap();
        let id = Ids::seeded(1).next(Timestamp::from_micros(0));
        let names = ["a/b.sh", "../out", "/abs", "c\\d.md", "e\u{1b}f", ".git/hooks/x"];
        let files: Vec<LaidOut<'_>> = names.iter().map(|path| LaidOut { path, sha: &sha, executable: true }).collect();
        let mut left_out = lay_out(&dir.path().join("src"), id, "c1", &files, &blobs).unwrap();
        left_out.sort();
        assert_eq!(left_out, ["../out", ".git/hooks/x", "/abs", "e\u{1b}f"]);
        let made = folder(&dir.path().join("src"), id, "c1");
        let meta = std::fs::metadata(made.join("a/b.sh")).unwrap();
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&meta.permissions()) & 0o777, 0o555);
        assert!(made.join("c\\d.md").is_file());
    }
}
