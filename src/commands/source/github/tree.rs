//! What lies in a commit: files, links and submodules, by path, mode and SHA, and what is odd about them.
//!
//! A listing is one request for most repositories. Where GitHub cuts it short, the folders are walked, only those that
//! can hold something wanted. Names are data: nothing here turns one into a path on disk.

use std::collections::HashMap;

use serde::Deserialize;

use super::client::{Ask, Session};
use super::spec::{self, Spec};
use crate::kernel::error::{Context, Error, Kind, Result};

/// So many requests a walk may take; a repository that needs more should be given with a path.
const LONGEST_WALK: usize = 1000;

/// So many files, links and folders a listing may have. GitHub's own answers end at as many.
const MOST_ENTRIES: usize = 100_000;

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// 100644.
    File,
    /// 100755.
    Executable,
    /// 120000: its content is the target.
    Symlink,
    /// 160000: its SHA is a commit of another repository.
    Submodule,
}

/// A file, link or submodule in a commit.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Entry {
    /// The path from the root exactly as GitHub lists it, whatever characters it has. Only a key and a label: never
    /// join it to a folder on disk.
    pub path: String,
    /// What it is.
    pub mode: Mode,
    /// The blob SHA (for a submodule: its commit).
    pub sha: String,
    /// Bytes; 0 for a submodule.
    pub size: u64,
}

/// Chooses what to fetch. A plain `Fn(&Entry) -> bool` is one that looks into every folder.
pub trait Wanted: Send + Sync {
    /// Whether the content of this file or link is wanted.
    fn file(&self, entry: &Entry) -> bool;

    /// Whether a folder can hold anything wanted; asked only where a listing was cut short.
    fn folder(&self, _path: &str) -> bool {
        true
    }
}

impl<F: Fn(&Entry) -> bool + Send + Sync> Wanted for F {
    fn file(&self, entry: &Entry) -> bool {
        self(entry)
    }
}

/// Something in a commit that a person should know of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// A link; links are never followed. The target is known where the link itself was wanted.
    Symlink {
        /// The link.
        path: String,
        /// What it points to.
        target: Option<String>,
    },
    /// Another repository's commit; its files are not fetched.
    Submodule {
        /// Where it would stand.
        path: String,
        /// The commit.
        commit: String,
    },
    /// The file is a git-lfs pointer, its content is elsewhere; it is left out.
    LfsPointer {
        /// The file.
        path: String,
    },
    /// The file is larger than allowed and left out.
    TooLarge {
        /// The file.
        path: String,
        /// Bytes.
        size: u64,
    },
    /// The name would mean something else, or nothing, on a disk. The file is fetched all the same.
    HostileName {
        /// The file.
        path: String,
        /// In what way, for people.
        why: &'static str,
    },
    /// All files together are too much, so only the essential ones were taken.
    OnlyEssential {
        /// How many files there are.
        files: usize,
        /// Their bytes.
        bytes: u64,
    },
    /// One folder has more entries than GitHub lists; some are missing.
    CutShort {
        /// The folder, empty for the root.
        folder: String,
    },
}

/// The entries at and below the spec's path.
pub(super) struct Listing {
    pub entries: Vec<Entry>,
    pub notes: Vec<Note>,
}

#[derive(Deserialize)]
struct Tree {
    tree: Vec<Item>,
    #[serde(default)]
    truncated: bool,
}

#[derive(Deserialize)]
struct Item {
    path: String,
    mode: String,
    sha: String,
    #[serde(default)]
    size: Option<u64>,
}

/// Lists a commit.
pub(super) async fn list(session: &Session<'_>, spec: &Spec, commit: &str, want: &dyn Wanted) -> Result<Listing> {
    let mut listing = Listing { entries: Vec::new(), notes: Vec::new() };
    let mut link_above = None;
    // Folders still to be listed, as (path with a trailing slash or empty, sha).
    let mut folders = vec![(String::new(), commit.to_string())];
    let mut requests = 0;
    while let Some((folder, sha)) = folders.pop() {
        requests += 1;
        let mut tree = ask(session, spec, &sha, true).await?;
        let flat = tree.truncated;
        if flat {
            requests += 1;
            tree = ask(session, spec, &sha, false).await?;
        }
        if requests > LONGEST_WALK {
            return Err(too_large(spec, &format!("listing it takes more than {LONGEST_WALK} requests")));
        }
        if tree.truncated {
            listing.notes.push(Note::CutShort { folder: folder.trim_end_matches('/').to_string() });
        }
        let mut below = Vec::new();
        for item in tree.tree {
            let path = format!("{folder}{}", item.path);
            let covered = spec.covers(&path);
            match mode(&item.mode) {
                Some(mode) if covered => {
                    listing.entries.push(Entry { path, mode, sha: check_sha(item.sha)?, size: item.size.unwrap_or(0) });
                }
                Some(Mode::Symlink) if leads_to(&path, spec) => link_above = Some(path),
                None if flat && (leads_to(&path, spec) || (covered && want.folder(&path))) => {
                    below.push((path + "/", check_sha(item.sha)?));
                }
                _ => {}
            }
        }
        folders.extend(below.into_iter().rev());
        if listing.entries.len() + folders.len() > MOST_ENTRIES {
            return Err(too_large(spec, &format!("it has more than {MOST_ENTRIES} files")));
        }
    }
    match (&spec.path, listing.entries.is_empty()) {
        (Some(path), true) => Err(absent(spec, path, link_above)),
        _ => Ok(listing),
    }
}

async fn ask(session: &Session<'_>, spec: &Spec, sha: &str, recursive: bool) -> Result<Tree> {
    // Any value means recursive, even 0, so a flat listing must leave it out.
    let query = if recursive { "?recursive=1" } else { "" };
    let route = format!("/repos/{}/{}/git/trees/{sha}{query}", spec::encode(&spec.owner), spec::encode(&spec.repo));
    let answer = session.get(&Ask::new(&route)).await?;
    if answer.status != 200 {
        return Err(Error::new(
            Kind::Unreachable,
            format!("{} did not list {} (status {})", session.host(), spec.full_name(), answer.status),
        )
        .hint("the repository may have changed just now; try again"));
    }
    serde_json::from_slice(&answer.body)
        .context(Kind::BadData, || format!("{} sent a listing that cannot be read", session.host()))
}

/// The mode of a leaf; `None` for a folder.
fn mode(text: &str) -> Option<Mode> {
    match text {
        "040000" | "40000" => None,
        "100755" => Some(Mode::Executable),
        "120000" => Some(Mode::Symlink),
        "160000" => Some(Mode::Submodule),
        // 100644, and 100664 of very old commits.
        _ => Some(Mode::File),
    }
}

/// SHAs become parts of routes and keys, so they must be what they claim.
fn check_sha(sha: String) -> Result<String> {
    if spec::is_sha(&sha) {
        Ok(sha)
    } else {
        Err(Error::new(Kind::BadData, format!("a listing has the bad SHA {sha:?}")))
    }
}

fn leads_to(folder: &str, spec: &Spec) -> bool {
    spec.path.as_ref().is_some_and(|p| p.starts_with(folder) && p.as_bytes().get(folder.len()) == Some(&b'/'))
}

fn absent(spec: &Spec, path: &str, link: Option<String>) -> Error {
    let error = Error::new(Kind::NotFound, format!("{} has no {path:?}", spec.full_name()));
    match link {
        Some(link) => {
            error.hint(format!("{link:?} is a link, and links are not followed: name the folder it points to"))
        }
        None => error.hint("check the path and the branch; both are case-sensitive"),
    }
}

fn too_large(spec: &Spec, why: &str) -> Error {
    Error::new(Kind::Failed, format!("{} is too large to be listed whole: {why}", spec.full_name()))
        .hint(format!("name the folder with the definitions: github:{}/FOLDER", spec.full_name()))
}

/// Notes on the names among `entries` that a disk would not take as they are.
pub(super) fn hostile_names(entries: &[Entry]) -> Vec<Note> {
    let mut folded: HashMap<String, usize> = HashMap::new();
    for entry in entries {
        *folded.entry(entry.path.to_lowercase()).or_default() += 1;
    }
    let why = |entry: &Entry| {
        hostile(&entry.path).or_else(|| {
            let twins = folded.get(&entry.path.to_lowercase()).copied().unwrap_or(0) > 1;
            twins.then_some("it differs from another name only in upper and lower case")
        })
    };
    entries.iter().filter_map(|e| Some(Note::HostileName { path: e.path.clone(), why: why(e)? })).collect()
}

/// Why a name must not be used on a disk, `None` when it may.
pub fn hostile(path: &str) -> Option<&'static str> {
    if path.starts_with('/') {
        return Some("it is absolute");
    }
    if path.contains('\\') {
        return Some("it has a backslash");
    }
    if path.contains(char::is_control) {
        return Some("it has a control character");
    }
    if path.contains(':') {
        return Some("it has a colon");
    }
    path.split('/').find_map(|part| match part {
        "" => Some("it has an empty part"),
        "." | ".." => Some("it leaves its folder"),
        _ if part.eq_ignore_ascii_case(".git") => Some("it lies in .git"),
        _ if part.ends_with(['.', ' ']) => Some("a part ends in a dot or a space"),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_a_disk_would_misread() {
        let why = |path: &str| hostile(path).unwrap_or("-");
        assert_eq!(why("docs/a b%é#?.md"), "-");
        assert_eq!(why("../x.md"), "it leaves its folder");
        assert_eq!(why("/etc/passwd"), "it is absolute");
        assert_eq!(why(r"JAEGIS\v2\a.md"), "it has a backslash");
        assert_eq!(why("C:/x.md"), "it has a colon");
        assert_eq!(why("a\nb.md"), "it has a control character");
        assert_eq!(why("sub/.GIT/config"), "it lies in .git");
        assert_eq!(why("a//b"), "it has an empty part");
        assert_eq!(why("a. /b"), "a part ends in a dot or a space");
    }

    #[test]
    fn names_that_differ_in_case_are_told() {
        let entry = |path: &str| Entry { path: path.into(), mode: Mode::File, sha: String::new(), size: 0 };
        let why = "it differs from another name only in upper and lower case";
        let told = hostile_names(&[entry("README.md"), entry("other.md"), entry("Readme.md")]);
        let note = |path: &str| Note::HostileName { path: path.into(), why };
        assert_eq!(told, [note("README.md"), note("Readme.md")]);
    }
}
