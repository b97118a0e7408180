//! Fetched content on disk, by its git blob SHA: `ab/cdef…`, written whole or not at all, checked when read.
//!
//! It knows neither repositories nor commits. A file that was damaged on disk counts as absent, so it is fetched again.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::github::Blobs;
use crate::commands::digest::git_blob;
use crate::kernel::clock::Timestamp;
use crate::kernel::error::{Context, Kind, Result};
use crate::kernel::files;

/// A folder of contents.
#[derive(Clone, Debug)]
pub struct BlobCache {
    folder: PathBuf,
}

impl BlobCache {
    /// The contents kept below `folder`, which need not exist yet.
    pub fn new(folder: &Path) -> Self {
        BlobCache { folder: folder.to_path_buf() }
    }

    /// Removes what killed processes left half written, when it is a day old at `now`; says how much.
    pub fn sweep(&self, now: Timestamp) -> usize {
        const DAY: u64 = 86_400_000;
        let folders = std::fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let files = folders.flat_map(|folder| std::fs::read_dir(folder.path()).into_iter().flatten().flatten());
        let old = |file: &std::fs::DirEntry| {
            let changed = file.metadata().and_then(|m| m.modified()).ok()?;
            let changed = changed.duration_since(std::time::UNIX_EPOCH).ok()?.as_millis();
            Some(u128::from(now.as_millis()) > changed + u128::from(DAY))
        };
        let left = files.filter(|f| f.file_name().to_string_lossy().starts_with(".tmp") && old(f) == Some(true));
        // What cannot be removed now is tried again the next time.
        left.filter(|f| std::fs::remove_file(f.path()).is_ok()).count()
    }

    fn path(&self, sha: &str) -> Option<PathBuf> {
        let sane = sha.len() >= 40 && sha.bytes().all(|b| b.is_ascii_hexdigit());
        sane.then(|| self.folder.join(&sha[..2]).join(&sha[2..]))
    }

    /// The content, when it is there and undamaged.
    pub fn read(&self, sha: &str) -> Option<Vec<u8>> {
        let bytes = std::fs::read(self.path(sha)?).ok()?;
        (git_blob(&bytes) == sha).then_some(bytes)
    }
}

impl Blobs for BlobCache {
    fn has(&self, sha: &str) -> Result<bool> {
        Ok(self.read(sha).is_some())
    }

    fn get(&self, sha: &str) -> Result<Option<Vec<u8>>> {
        Ok(self.read(sha))
    }

    fn put(&self, sha: &str, bytes: &[u8]) -> Result<()> {
        let Some(path) = self.path(sha) else { return Ok(()) };
        let parent = path.parent().unwrap_or(&self.folder);
        files::ensure_private_dir(parent)?;
        let failed = || format!("cannot keep fetched content in {}", parent.display());
        let mut file = tempfile::NamedTempFile::new_in(parent).context(Kind::Failed, failed)?;
        file.write_all(bytes).context(Kind::Failed, failed)?;
        file.persist(&path).context(Kind::Failed, failed)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_process_left_is_swept_a_day_later() {
        let dir = tempfile::tempdir().unwrap();
        let cache = BlobCache::new(dir.path());
        let sha = git_blob(b"hello\n");
        cache.put(&sha, b"hello\n").unwrap();
        let left = dir.path().join(&sha[..2]).join(".tmpAbCdEf");
        std::fs::write(&left, "hel").unwrap();
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_micros() as i64;
        assert_eq!(cache.sweep(Timestamp::from_micros(now)), 0);
        assert_eq!(cache.sweep(Timestamp::from_micros(now + 86_500_000_000)), 1);
        assert!(!left.exists() && cache.read(&sha).is_some());
    }

    #[test]
    fn damaged_content_counts_as_absent() {
        let dir = tempfile::tempdir().unwrap();
        let cache = BlobCache::new(dir.path());
        let sha = git_blob(b"hello\n");
        cache.put(&sha, b"hello\n").unwrap();
        assert_eq!(cache.get(&sha).unwrap().as_deref(), Some(&b"hello\n"[..]));
        std::fs::write(dir.path().join(&sha[..2]).join(&sha[2..]), "hullo\n").unwrap();
        assert!(!cache.has(&sha).unwrap());
        assert!(cache.get("../../etc/passwd").unwrap().is_none());
    }
}
