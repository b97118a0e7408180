//! The name index: one small file that answers shell completion without opening the database.
//!
//! A line a name: folded name, source, the project it belongs to (or `-`), summary, parameters as JSON and the beginning
//! of the definition's digest, parted by tabs, sorted by name. The first line carries the store's version of
//! definitions; another number there means that the file is stale. It is derived: deleting it loses nothing.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;

use serde_json::{Value, json};

use super::model::{Command, ParamKind};
use crate::kernel::error::Result;
use crate::kernel::files;
use crate::kernel::terminal::safe_line;
use crate::store::{SourceKind, Store};

/// The file's name in the cache folder.
pub const FILE: &str = "names.idx";

const HEAD: &str = "factotum-names-3";

/// One name that can be completed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Name<'a> {
    /// Folded.
    pub name: &'a str,
    /// The source's name.
    pub source: &'a str,
    /// The project's spec, where it belongs to one.
    pub project: Option<&'a str>,
    /// One line.
    pub summary: &'a str,
    params: &'a str,
}

impl Name<'_> {
    /// Its parameters: `{"n":name,"k":kind,"s":short,"c":[choices],"h":help,"f":is a path}` each.
    pub fn params(&self) -> Value {
        serde_json::from_str(self.params).unwrap_or_default()
    }
}

/// Writes the index anew when the store has moved on.
pub fn refresh(store: &Store, cache: &Path) -> Result<()> {
    let version = format!("{HEAD} {}", store.definitions_version()?);
    let path = cache.join(FILE);
    if head(&path).as_deref() == Some(version.as_str()) {
        return Ok(());
    }
    let old = std::fs::read_to_string(&path).unwrap_or_default();
    let before = known_params(&old);
    let mut lines = Vec::new();
    for entry in store.names_feed(false)? {
        let row = &entry.row;
        let project = if row.source.kind == SourceKind::Project { row.source.spec.as_str() } else { "-" };
        let digest = row.digest.get(..16).unwrap_or(&row.digest);
        let params = match before.get(&(row.source.name.as_str(), digest)) {
            Some(params) => (*params).to_string(),
            None => {
                let json = store.definition(row.id)?.map(|d| d.json).unwrap_or_default();
                serde_json::from_str(&json).map_or_else(|_| "[]".to_string(), |c: Command| params(&c).to_string())
            }
        };
        let fields = [entry.folded.as_str(), &row.source.name, project, &row.summary, &params, digest];
        let line: Vec<String> = fields.iter().map(|f| safe_line(f).replace('\t', " ")).collect();
        lines.push(line.join("\t") + "\n");
    }
    // A name that was made safe may stand elsewhere. Equal names stay in the order in which they are found.
    lines.sort_by(|a, b| a.split('\t').next().cmp(&b.split('\t').next()));
    let text = format!("{version}\n{}", lines.concat());
    files::ensure_private_dir(cache)?;
    files::write_atomic(&path, text.as_bytes(), true)
}

/// The parameters that the index on disk knows, by source and digest: what did not change is not parsed again.
fn known_params(text: &str) -> HashMap<(&str, &str), &str> {
    let mut known = HashMap::new();
    for line in text.lines().skip(1) {
        let mut fields = line.split('\t').skip(1);
        if let (Some(source), Some(params), Some(digest)) = (fields.next(), fields.nth(2), fields.next()) {
            known.insert((source, digest), params);
        }
    }
    known
}

/// Writes the index anew whatever stands there.
pub fn remake(store: &Store, cache: &Path) -> Result<()> {
    // What cannot be removed is replaced.
    let _ = std::fs::remove_file(cache.join(FILE));
    refresh(store, cache)
}

/// Whether an index that claims to be of this version of the store is not what would be written now.
pub fn is_damaged(store: &Store, cache: &Path) -> Result<bool> {
    let path = cache.join(FILE);
    let version = format!("{HEAD} {}", store.definitions_version()?);
    match std::fs::read(&path) {
        Err(e) => Ok(e.kind() != std::io::ErrorKind::NotFound),
        Ok(bytes) => {
            let Ok(text) = String::from_utf8(bytes) else { return Ok(true) };
            let mut lines = text.lines();
            let head = lines.next().unwrap_or_default();
            if head != version {
                // An older one is only stale.
                return Ok(!head.starts_with(HEAD));
            }
            let names: Vec<Option<Name<'_>>> = lines.map(parse).collect();
            Ok(names.iter().any(Option::is_none) || names.len() != store.names_feed(false)?.len())
        }
    }
}

fn head(path: &Path) -> Option<String> {
    let mut line = String::new();
    let file = std::fs::File::open(path).ok()?;
    BufReader::new(file.take(100)).read_line(&mut line).ok()?;
    Some(line.trim_end().to_string())
}

fn params(command: &Command) -> Value {
    let list = command.params.iter().map(|p| {
        let kind = match p.kind {
            ParamKind::Positional => "positional",
            ParamKind::Option => "option",
            ParamKind::Flag => "flag",
            ParamKind::Rest => "rest",
        };
        let path = matches!(p.ty, super::model::ParamType::Path | super::model::ParamType::File);
        json!({"n": p.name, "k": kind, "s": p.short, "c": p.choices, "h": p.help, "f": path})
    });
    Value::Array(list.collect())
}

/// Some of the index: the lines of names that were asked for, read and nothing else.
#[derive(Debug, Default)]
pub struct Names {
    text: String,
    project: Option<String>,
}

impl Names {
    /// Each name that is seen from the project, sorted.
    pub fn iter(&self) -> impl Iterator<Item = Name<'_>> {
        let seen = |n: &Name<'_>| n.project.is_none() || n.project == self.project.as_deref();
        self.text.lines().filter_map(parse).filter(seen)
    }
}

/// The names that begin with `prefix`, seen from `project`. Reads only the part of the file where they stand: the
/// lines are sorted, so both ends are found by halving. None when there is no file.
pub fn read(cache: &Path, prefix: &str, project: Option<&str>) -> Names {
    let text = File::open(cache.join(FILE)).and_then(|file| part(&file, prefix.as_bytes()));
    Names { text: text.unwrap_or_default(), project: project.map(String::from) }
}

/// The entries of one name, seen from `project`.
pub fn exactly(cache: &Path, name: &str, project: Option<&str>) -> Names {
    read(cache, &format!("{name}\t"), project)
}

/// The lines that begin with `prefix`.
fn part(file: &File, prefix: &[u8]) -> io::Result<String> {
    let len = file.metadata()?.len();
    let head = line_at(file, 0)?.len() as u64 + 1;
    let from = first_line(file, head..len, |line| line >= prefix)?;
    let to = first_line(file, from..len, |line| line > prefix && !line.starts_with(prefix))?;
    let mut bytes = vec![0; usize::try_from(to - from).map_err(io::Error::other)?];
    file.read_exact_at(&mut bytes, from)?;
    String::from_utf8(bytes).map_err(io::Error::other)
}

/// The offset of the first line in `range`, which begins at a line, that is `far` enough; its end when none is. What
/// is far stays far for all lines after it.
fn first_line(file: &File, range: Range<u64>, far: impl Fn(&[u8]) -> bool) -> io::Result<u64> {
    let Range { start: mut low, end: mut high } = range;
    // All lines before `low` are near, the line at `high` is far or the end.
    while low < high {
        let begin = begin_within(file, low, high)?;
        let line = line_at(file, begin)?;
        match far(&line) {
            true => high = begin,
            false => low = begin + line.len() as u64 + 1,
        }
    }
    Ok(low.min(range.end))
}

/// Where a line begins near the middle between `low`, where one begins, and `high`.
fn begin_within(file: &File, low: u64, high: u64) -> io::Result<u64> {
    let mut middle = high;
    loop {
        middle = low + (middle - low) / 2;
        if middle == low {
            return Ok(low);
        }
        let begin = middle + line_at(file, middle - 1)?.len() as u64;
        if begin < high {
            return Ok(begin);
        }
    }
}

/// The bytes from `offset` to the end of the line, without its newline.
fn line_at(file: &File, offset: u64) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    loop {
        let mut piece = [0; 512];
        let got = file.read_at(&mut piece, offset + line.len() as u64)?;
        match piece[..got].iter().position(|b| *b == b'\n') {
            Some(end) => line.extend_from_slice(&piece[..end]),
            None => line.extend_from_slice(&piece[..got]),
        }
        if got == 0 || piece[..got].contains(&b'\n') {
            return Ok(line);
        }
    }
}

fn parse(line: &str) -> Option<Name<'_>> {
    let mut fields = line.split('\t');
    let (name, source, project) = (fields.next()?, fields.next()?, fields.next()?);
    let (summary, params) = (fields.next()?, fields.next()?);
    Some(Name { name, source, project: (project != "-").then_some(project), summary, params })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn file(names: &[String]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let mut names: Vec<&String> = names.iter().collect();
        names.sort();
        let lines: String = names.iter().map(|n| format!("{n}\ts\t-\tabout {n}\t[]\tabc\n")).collect();
        std::fs::write(folder.path().join(FILE), format!("{HEAD} 7\n{lines}")).unwrap();
        folder
    }

    fn read_names(names: &Names) -> Vec<String> {
        names.iter().map(|n| n.name.to_string()).collect()
    }

    proptest! {
        #[test]
        fn halving_finds_what_looking_at_all_lines_finds(
            mut names in prop::collection::vec("([ab ]|é){0,6}(x{0,900})?", 0..60),
            prefix in "([ab ]|é){0,4}",
        ) {
            let folder = file(&names);
            names.sort();
            let expected: Vec<String> = names.iter().filter(|n| n.starts_with(&prefix)).cloned().collect();
            prop_assert_eq!(read_names(&read(folder.path(), &prefix, None)), expected);
            let expected: Vec<String> = names.iter().filter(|n| **n == prefix).cloned().collect();
            prop_assert_eq!(read_names(&exactly(folder.path(), &prefix, None)), expected);
        }
    }

    #[test]
    fn a_torn_or_missing_file_gives_what_can_be_read() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read_names(&read(folder.path(), "a", None)), Vec::<String>::new());
        for torn in ["", "factotum", "factotum-names-3 7\n", "factotum-names-3 7\nab", "x\nab\ts\t-\tq\t[]"] {
            std::fs::write(folder.path().join(FILE), torn).unwrap();
            let expected = usize::from(torn.starts_with('x'));
            assert_eq!(read_names(&read(folder.path(), "a", None)).len(), expected, "{torn:?}");
        }
    }
}
