//! Files become rows: reads what changed of a source and replaces just that in the store.
//!
//! Definitions are rows derived from files, and a file that did not change is not read again.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use super::cache::BlobCache;
use super::{bundled, local, siblings};
use crate::commands::dialect::detect;
use crate::commands::digest;
use crate::commands::model::{Command, Diagnostic, Dialect};
use crate::commands::scan::{self, Place, Scanned, fold_name};
use crate::kernel::error::{Error, Kind, Result};
use crate::store::{FileRow, NewDefinition, Replaced, Source, Store};

/// What a refresh did.
#[derive(Clone, Debug, Default)]
pub struct Synced {
    /// Rows added, changed, removed.
    pub replaced: Replaced,
    /// Files that were read.
    pub read: usize,
    /// What was left out and why.
    pub notes: Vec<String>,
    /// What was odd in files: path and diagnostic.
    pub diagnostics: Vec<(String, Diagnostic)>,
}

/// The dialect the user insists on for a source.
pub fn forced(source: &Source) -> Option<Dialect> {
    let name = source.options.get("as")?.as_str()?;
    Dialect::ALL.into_iter().find(|d| d.name() == name)
}

/// Brings the rows of a local source up to date with its folder.
pub fn folder(store: &Store, source: &Source, root: &Path) -> Result<Synced> {
    let walk = if root.exists() { local::walk(root)? } else { local::Walk::default() };
    let known: HashMap<String, FileRow> =
        store.source_files(source.id)?.into_iter().map(|f| (f.path.clone(), f)).collect();
    let base = local::base(root);
    let place = Place { repo: Some(root.display().to_string()), commit: None, forced: forced(source) };
    let mut synced = Synced { notes: walk.notes, ..Synced::default() };
    let (mut files, mut definitions) = (Vec::new(), Vec::new());
    for file in &walk.files {
        let size = i64::try_from(file.size).unwrap_or(i64::MAX);
        if known.get(&file.path).is_some_and(|k| k.stamp == file.stamp && k.size == size) {
            continue;
        }
        let bytes = match local::read(root, &file.path) {
            Ok(bytes) => bytes,
            Err(error) => {
                synced.notes.push(format!("left out: {error}"));
                continue;
            }
        };
        let scanned = scan::file(&file.path, &bytes, &place, &local::OnDisk { base: &base });
        synced.read += 1;
        files.push(FileRow { path: file.path.clone(), stamp: file.stamp, size, blob: Some(digest::git_blob(&bytes)) });
        take(&file.path, scanned, |c| siblings::digest(&base, c), &mut definitions, &mut synced.diagnostics);
    }
    let present: HashSet<&str> = walk.files.iter().map(|f| f.path.as_str()).collect();
    let gone: Vec<String> = known.into_keys().filter(|path| !present.contains(path.as_str())).collect();
    if !files.is_empty() || !gone.is_empty() {
        synced.replaced = store.replace_file_definitions(source.id, &files, &gone, &definitions)?;
    }
    Ok(synced)
}

/// Brings the rows of the bundled source up to date with the program.
pub fn bundle(store: &Store, source: &Source) -> Result<Synced> {
    let mut source = source.clone();
    source.commit = Some(bundled::version());
    let mut synced = Synced::default();
    let (mut files, mut definitions) = (Vec::new(), Vec::new());
    let place = Place { repo: Some("factotum".to_string()), ..Place::default() };
    for (path, bytes) in bundled::files() {
        let scanned = scan::file(path, bytes, &place, &Nowhere);
        let size = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
        files.push(FileRow { path: path.to_string(), stamp: 0, size, blob: Some(digest::git_blob(bytes)) });
        take(path, scanned, |_| String::new(), &mut definitions, &mut synced.diagnostics);
    }
    synced.read = files.len();
    synced.replaced = store.replace_definitions(&source, &files, &definitions)?;
    Ok(synced)
}

/// A file of a fetched source.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// Path inside the repository.
    pub path: String,
    /// Its content's SHA.
    pub sha: String,
    /// Bytes.
    pub size: u64,
    /// Whether it may be executed.
    pub executable: bool,
}

/// Makes the rows of a fetched source those of a commit. The source's own new columns are written in the same
/// transaction, so that a commit is taken over whole or not at all.
pub fn commit(store: &Store, source: &Source, fetched: &[Fetched], blobs: &BlobCache) -> Result<Synced> {
    let scanned = scan_commit(source, fetched, blobs)?;
    let replaced = store.replace_definitions(source, &scanned.files, &scanned.definitions)?;
    Ok(Synced { replaced, read: scanned.read, notes: Vec::new(), diagnostics: scanned.diagnostics })
}

/// A commit read but not yet taken over, for a diff.
#[derive(Clone, Debug, Default)]
pub struct Scan {
    /// Rows of its files.
    pub files: Vec<FileRow>,
    /// Its definitions.
    pub definitions: Vec<NewDefinition>,
    /// Files that an adapter read.
    pub read: usize,
    /// What was odd.
    pub diagnostics: Vec<(String, Diagnostic)>,
}

/// Reads the definitions of a commit.
pub fn scan_commit(source: &Source, fetched: &[Fetched], blobs: &BlobCache) -> Result<Scan> {
    let place = Place {
        repo: Some(source.spec.trim_start_matches("github:").to_string()),
        commit: source.commit.clone(),
        forced: forced(source),
    };
    let tree = Tree::new(fetched);
    let mut found = Scan::default();
    let mut folders: HashMap<(String, bool), String> = HashMap::new();
    for file in fetched {
        let size = i64::try_from(file.size).unwrap_or(i64::MAX);
        let stamp = i64::from(file.executable);
        found.files.push(FileRow { path: file.path.clone(), stamp, size, blob: Some(file.sha.clone()) });
        if !detect::could_be(&file.path) || file.size > local::MAX_DEFINITION {
            continue;
        }
        let bytes = blobs.read(&file.sha).ok_or_else(|| {
            Error::new(Kind::BadData, format!("the fetched content of {} is damaged", file.path))
                .hint(format!("fetch it again with `fac source update {}`", source.name))
        })?;
        let scanned = scan::file(&file.path, &bytes, &place, &tree);
        found.read += usize::from(scanned.dialect.is_some());
        let siblings = |command: &Command| {
            if !digest::reads_siblings(command) {
                return String::new();
            }
            let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
            let skill = command.dialect == Dialect::Skill;
            folders.entry((folder.to_string(), skill)).or_insert_with(|| tree.digest_below(folder, skill)).clone()
        };
        take(&file.path, scanned, siblings, &mut found.definitions, &mut found.diagnostics);
    }
    Ok(found)
}

/// The rows of one scanned file.
fn take(
    path: &str,
    scanned: Scanned,
    mut siblings: impl FnMut(&Command) -> String,
    definitions: &mut Vec<NewDefinition>,
    diagnostics: &mut Vec<(String, Diagnostic)>,
) {
    diagnostics.extend(scanned.diagnostics.into_iter().map(|d| (path.to_string(), d)));
    for command in scanned.commands {
        let digest = digest::of(&command, &siblings(&command));
        definitions.push(row(&command, digest));
    }
}

/// The row of a definition.
pub fn row(command: &Command, digest: String) -> NewDefinition {
    NewDefinition {
        name: command.name.clone(),
        folded: fold_name(&command.name),
        aliases: command.aliases.iter().map(|a| fold_name(a)).filter(|a| !a.is_empty()).collect(),
        dialect: command.dialect.name().to_string(),
        category: command.category.clone(),
        summary: command.summary.clone(),
        path: command.origin.path.clone(),
        digest,
        json: serde_json::to_string(command).unwrap_or_default(),
        search_body: search_body(command),
    }
}

/// What a search finds a definition by, besides its name and summary.
fn search_body(command: &Command) -> String {
    const LONGEST: usize = 20_000;
    let mut body = command.category.clone().unwrap_or_default();
    for part in command.aliases.iter().chain(std::iter::once(&command.text)) {
        body.push('\n');
        body.push_str(part);
    }
    let mut end = body.len().min(LONGEST);
    while !body.is_char_boundary(end) {
        end -= 1;
    }
    body.truncate(end);
    body
}

/// The paths of a commit.
struct Tree<'a> {
    files: BTreeMap<&'a str, &'a str>,
}

impl<'a> Tree<'a> {
    fn new(fetched: &'a [Fetched]) -> Self {
        Tree { files: fetched.iter().map(|f| (f.path.as_str(), f.sha.as_str())).collect() }
    }

    /// The digest of what scripts in `folder` can read: every file below it that holds no definitions. A skill's
    /// own Markdown files are part of it.
    fn digest_below(&self, folder: &str, markdown: bool) -> String {
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let below = self.files.range(prefix.as_str()..).take_while(|(path, _)| path.starts_with(&prefix));
        digest::of_files(below.filter(|(path, _)| markdown || !path.ends_with(".md")).map(|(path, sha)| (*path, *sha)))
    }
}

impl detect::Siblings for Tree<'_> {
    fn exists(&self, path: &str) -> bool {
        self.files.contains_key(path)
    }
}

/// No files beside the definition.
struct Nowhere;

impl detect::Siblings for Nowhere {
    fn exists(&self, _path: &str) -> bool {
        false
    }
}
