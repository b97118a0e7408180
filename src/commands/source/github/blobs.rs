//! The store of file contents as the fetcher sees it, and one blob by its SHA.

use sha1::{Digest, Sha1};

use super::client::{Ask, Session};
use super::spec::{self, Spec};
use crate::kernel::error::{Error, Kind, Result};

/// Contents by their git blob SHA. Whoever keeps them implements this; only verified bytes are put in.
pub trait Blobs: Send + Sync {
    /// Whether the content is there.
    ///
    /// # Errors
    /// Whatever keeps the store from answering.
    fn has(&self, sha: &str) -> Result<bool>;

    /// The content, `None` when it is not there.
    ///
    /// # Errors
    /// Whatever keeps the store from answering.
    fn get(&self, sha: &str) -> Result<Option<Vec<u8>>>;

    /// Keeps the content. Putting the same one twice does no harm.
    ///
    /// # Errors
    /// Whatever keeps the store from writing; the fetch ends with it.
    fn put(&self, sha: &str, bytes: &[u8]) -> Result<()>;
}

/// The SHA git gives to a file of these bytes: `sha1("blob <length>\0" + bytes)`, in lower-case hex.
pub fn blob_sha(bytes: &[u8]) -> String {
    let mut hash = Sha1::new();
    hash.update(format!("blob {}\0", bytes.len()));
    hash.update(bytes);
    hex(&hash.finalize())
}

/// Whether the bytes are a git-lfs pointer, which stands where a large file is meant.
pub fn is_lfs_pointer(bytes: &[u8]) -> bool {
    bytes.len() <= LFS_LONGEST && bytes.starts_with(b"version https://git-lfs.github.com/spec/v1")
}

/// No pointer is longer (git-lfs `docs/spec.md`).
pub(super) const LFS_LONGEST: usize = 1024;

/// Fetches one blob of at most `size` bytes and checks it.
pub(super) async fn fetch_one(session: &Session<'_>, spec: &Spec, sha: &str, size: u64) -> Result<Vec<u8>> {
    let route = format!("/repos/{}/{}/git/blobs/{sha}", spec::encode(&spec.owner), spec::encode(&spec.repo));
    let ask = Ask { accept: "application/vnd.github.raw+json", limit: size, sha: Some(sha), ..Ask::new(&route) };
    let answer = session.get(&ask).await?;
    match answer.status {
        200 => Ok(answer.body),
        _ => Err(Error::new(
            Kind::Unreachable,
            format!(
                "{} did not give the file {sha} of {} (status {})",
                session.host(),
                spec.full_name(),
                answer.status
            ),
        )
        .hint("the repository may have changed just now; try again")),
    }
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|b| [DIGITS[(b >> 4) as usize] as char, DIGITS[(b & 15) as usize] as char]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shas_are_gits() {
        // git hash-object of an empty file, and of "hello\n".
        assert_eq!(blob_sha(b""), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
        assert_eq!(blob_sha(b"hello\n"), "ce013625030ba8dba906f756967f9e9ca394464a");
    }

    #[test]
    fn a_pointer_is_told_by_its_first_line_and_size() {
        let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12345\n";
        assert!(is_lfs_pointer(pointer));
        assert!(!is_lfs_pointer(b"# About version https://git-lfs.github.com/spec/v1"));
        let mut long = pointer.to_vec();
        long.resize(LFS_LONGEST + 1, b'x');
        assert!(!is_lfs_pointer(&long));
    }
}
