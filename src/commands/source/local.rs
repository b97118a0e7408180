//! Folders as sources: which files in them may hold definitions, and whether they changed.
//!
//! It follows no symbolic link and leaves alone what git ignores. It decides nothing about trust.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use crate::commands::dialect::detect;
use crate::commands::digest;
use crate::commands::model::Command;
use crate::kernel::error::{Context, Error, Kind, Result};

/// Definitions larger than this are left out, bytes.
pub const MAX_DEFINITION: u64 = 2 << 20;
/// Files beside a definition larger than this are not part of its digest, bytes.
const MAX_SIBLING: u64 = 8 << 20;
/// So many files are followed from one definition's scripts.
const MAX_SIBLINGS: usize = 500;
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

/// The digest of the files a definition in a folder names in its scripts, and of all files below a skill.
///
/// A folder under development changes with every keystroke, so unlike a fetched source only files that the
/// scripts name (`./build.sh`, `lib/x.py`, `$FAC_SOURCE_DIR/x`) count, and those that these name in turn.
pub fn sibling_digest(base: &Path, command: &Command) -> String {
    if !digest::reads_siblings(command) {
        return String::new();
    }
    let mut named: BTreeSet<String> = BTreeSet::new();
    for step in &command.steps {
        named_files(base, folder_of(&command.origin.path), &step.text, &mut named);
    }
    let mut unread: Vec<String> = named.iter().cloned().collect();
    while let Some(file) = unread.pop().filter(|_| named.len() < MAX_SIBLINGS) {
        let Ok(text) = std::fs::read_to_string(base.join(&file)) else { continue };
        let before = named.clone();
        named_files(base, folder_of(&file), &text, &mut named);
        unread.extend(named.difference(&before).cloned());
    }
    named.remove(&command.origin.path);
    let hashed: Vec<(String, String)> = named
        .into_iter()
        .filter_map(|path| std::fs::read(base.join(&path)).ok().map(|bytes| (path, digest::git_blob(&bytes))))
        .collect();
    digest::of_files(hashed.iter().map(|(path, id)| (path.as_str(), id.as_str())))
}

fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// Words of `text` that are files below `base`, seen from its root or from `folder`.
fn named_files(base: &Path, folder: &str, text: &str, named: &mut BTreeSet<String>) {
    let word = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | '+' | '@');
    for token in text.split(|c| !word(c)).filter(|t| t.len() > 2 && t.len() < 512) {
        let token = token.trim_start_matches("./").trim_start_matches('/');
        if token.is_empty() || token.split('/').any(|part| part == "..") {
            continue;
        }
        // The first part may be a variable: `$FAC_SOURCE_DIR/x`.
        let behind = token.split_once('/').map(|(_, rest)| rest).filter(|rest| !rest.is_empty());
        for token in std::iter::once(token).chain(behind) {
            let from_folder = if folder.is_empty() { token.to_string() } else { format!("{folder}/{token}") };
            for candidate in [from_folder, token.to_string()] {
                let full = base.join(&candidate);
                if std::fs::metadata(&full).is_ok_and(|m| m.is_file() && m.len() <= MAX_SIBLING) {
                    named.insert(candidate);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::dialect::{SourceFile, native};

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

    #[test]
    fn a_script_that_a_definition_names_is_part_of_it() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("build.sh"), "echo 1").unwrap();
        std::fs::write(dir.path().join("other.sh"), "echo 1").unwrap();
        let text = "---\nfactotum: 1\n---\n## `/a`\n```sh\nsh ./build.sh\n```\n";
        let command = native::read(&SourceFile { path: "a.md", text }).commands.remove(0);
        let before = sibling_digest(dir.path(), &command);
        std::fs::write(dir.path().join("other.sh"), "echo 2").unwrap();
        assert_eq!(sibling_digest(dir.path(), &command), before);
        std::fs::write(dir.path().join("build.sh"), "echo 2").unwrap();
        assert_ne!(sibling_digest(dir.path(), &command), before);
    }
}
