//! The name index: one small file that answers shell completion without opening the database.
//!
//! A line a name: folded name, source, the project it belongs to (or `-`), summary, parameters as JSON and the beginning
//! of the definition's digest, parted by tabs, sorted by name. The first line carries the store's version of
//! definitions; another number there means that the file is stale. It is derived: deleting it loses nothing.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use serde_json::{Value, json};

use super::model::{Command, ParamKind};
use crate::kernel::error::Result;
use crate::kernel::files;
use crate::kernel::terminal::safe_line;
use crate::store::{SourceKind, Store};

/// The file's name in the cache folder.
pub const FILE: &str = "names.idx";

const HEAD: &str = "factotum-names-2";

/// One name that can be completed.
#[derive(Clone, Debug, PartialEq)]
pub struct Name {
    /// Folded.
    pub name: String,
    /// The source's name.
    pub source: String,
    /// The project's spec, where it belongs to one.
    pub project: Option<String>,
    /// One line.
    pub summary: String,
    params: String,
}

impl Name {
    /// Its parameters: `{"n":name,"k":kind,"s":short,"c":[choices],"h":help,"f":is a path}` each.
    pub fn params(&self) -> Value {
        serde_json::from_str(&self.params).unwrap_or_default()
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
    let mut text = version;
    text.push('\n');
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
        text.push_str(&line.join("\t"));
        text.push('\n');
    }
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
            let names: Vec<Option<Name>> = lines.map(parse).collect();
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

/// The names that begin with `prefix`, seen from `project`. Reads nothing but the file; none when there is none.
pub fn read(cache: &Path, prefix: &str, project: Option<&str>) -> Vec<Name> {
    let Ok(text) = std::fs::read_to_string(cache.join(FILE)) else { return Vec::new() };
    // The lines are sorted, so those of a prefix stand together.
    let lines = text.lines().skip(1).skip_while(|l| !l.starts_with(prefix)).take_while(|l| l.starts_with(prefix));
    lines.filter_map(parse).filter(|n| n.project.is_none() || n.project.as_deref() == project).collect()
}

fn parse(line: &str) -> Option<Name> {
    let mut fields = line.split('\t');
    let (name, source, project) = (fields.next()?, fields.next()?, fields.next()?);
    let (summary, params) = (fields.next()?, fields.next()?);
    Some(Name {
        name: name.to_string(),
        source: source.to_string(),
        project: (project != "-").then(|| project.to_string()),
        summary: summary.to_string(),
        params: params.to_string(),
    })
}
