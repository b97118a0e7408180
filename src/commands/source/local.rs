//! Folders as sources: which files in them may hold definitions, and whether they changed.
//!
//! It follows no symbolic link and leaves alone what git ignores. It decides nothing about trust.

use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use crate::commands::dialect::detect;
use crate::kernel::error::{Context, Error, Kind, Result};

/// Definitions larger than this are left out, bytes.
pub const MAX_DEFINITION: u64 = 2 << 20;
/// More candidate files than this are not read from one folder.
const MAX_FILES: usize = 50_000;

/// A file that may hold definitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalFile {
    /// Path below the root, parts joined by `/`.
    pub path: String,
    /// Size and time of change: what tells that a file is another one now.
    pub stamp: i64,
    /// Bytes.
    pub size: u64,
}

/// What a walk found.
#[derive(Clone, Debug, Default)]
pub struct Walk {
    /// Candidates, sorted by path.
    pub files: Vec<LocalFile>,
    /// What was left out and why, one sentence each.
    pub notes: Vec<String>,
}

/// Lists the files below `root` that may hold definitions. When `root` is a file, only that one.
pub fn walk(root: &Path) -> Result<Walk> {
    let meta = std::fs::metadata(root).context(Kind::NotFound, || format!("cannot read {}", root.display()))?;
    let mut found = Walk::default();
    if meta.is_file() {
        let name = root.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        found.files.push(LocalFile { path: name, stamp: stamp(&meta), size: meta.len() });
        return Ok(found);
    }
    let mut walker = ignore::WalkBuilder::new(root);
    walker.hidden(false).git_global(false).require_git(false).parents(false).follow_links(false);
    walker.filter_entry(|e| !matches!(e.file_name().to_str(), Some(".git" | "node_modules" | "target" | ".hg")));
    for entry in walker.build() {
        match entry {
            Ok(entry) => add(root, &entry, &mut found),
            Err(error) => found.notes.push(format!("left out: {error}")),
        }
        if found.files.len() >= MAX_FILES {
            found.notes.push(format!("only the first {MAX_FILES} files were read"));
            break;
        }
    }
    found.files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

fn add(root: &Path, entry: &ignore::DirEntry, found: &mut Walk) {
    let Ok(relative) = entry.path().strip_prefix(root) else { return };
    let Some(path) = relative.to_str() else {
        return found.notes.push(format!("left out: the name {} is not UTF-8", relative.display()));
    };
    if !detect::could_be(path) {
        return;
    }
    let kind = entry.file_type();
    if kind.is_some_and(|k| k.is_symlink()) {
        return found.notes.push(format!("left out: {path} is a symbolic link"));
    }
    let Some(meta) = kind.filter(|k| k.is_file()).and_then(|_| entry.metadata().ok()) else { return };
    if meta.len() > MAX_DEFINITION {
        return found.notes.push(format!("left out: {path} is larger than {} MiB", MAX_DEFINITION >> 20));
    }
    found.files.push(LocalFile { path: path.to_string(), stamp: stamp(&meta), size: meta.len() });
}

/// Time of change (nanoseconds) and inode of a file in one number.
pub fn stamp(meta: &std::fs::Metadata) -> i64 {
    let changed = meta.modified().ok().and_then(|m| m.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    let mixed = (changed.as_nanos() as u64).wrapping_add(inode(meta).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    i64::from_ne_bytes(mixed.to_ne_bytes())
}

#[cfg(unix)]
fn inode(meta: &std::fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(meta)
}

#[cfg(not(unix))]
fn inode(_meta: &std::fs::Metadata) -> u64 {
    0
}

/// The folder that paths of this root are relative to: the root itself, or a file's folder.
pub fn base(root: &Path) -> PathBuf {
    if root.is_file() { root.parent().map(Path::to_path_buf).unwrap_or_default() } else { root.to_path_buf() }
}

/// Reads a definition's file.
pub fn read(root: &Path, path: &str) -> Result<Vec<u8>> {
    let full = base(root).join(path);
    let meta = std::fs::metadata(&full).context(Kind::NotFound, || format!("cannot read {}", full.display()))?;
    if meta.len() > MAX_DEFINITION {
        return Err(Error::new(
            Kind::BadData,
            format!("{} is larger than {} MiB", full.display(), MAX_DEFINITION >> 20),
        ));
    }
    std::fs::read(&full).context(Kind::Failed, || format!("cannot read {}", full.display()))
}

/// Looks for sibling files on disk.
pub struct OnDisk<'a> {
    /// The folder paths are relative to.
    pub base: &'a Path,
}

impl detect::Siblings for OnDisk<'_> {
    fn exists(&self, path: &str) -> bool {
        self.base.join(path).is_file()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_leaves_alone_what_is_ignored_linked_or_no_definition() {
        let dir = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let full = dir.path().join(path);
            std::fs::create_dir_all(full.parent().unwrap()).unwrap();
            std::fs::write(full, text).unwrap();
        };
        write("a.md", "x");
        write("sub/b.cheat", "x");
        write("sub/c.txt", "x");
        write("node_modules/d.md", "x");
        write("hidden/e.md", "x");
        write(".gitignore", "hidden/\n");
        write(".claude/commands/f.md", "x");
        std::os::unix::fs::symlink("a.md", dir.path().join("g.md")).unwrap();
        let found = walk(dir.path()).unwrap();
        let paths: Vec<&str> = found.files.iter().map(|f| f.path.as_str()).collect();
        assert_eq!(paths, [".claude/commands/f.md", "a.md", "sub/b.cheat"]);
        assert_eq!(found.notes, ["left out: g.md is a symbolic link"]);
    }
}
