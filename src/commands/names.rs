//! The name index: one small file that answers shell completion without opening the database.
//!
//! A line a name: folded name, source, the project it belongs to (or `-`), summary and parameters as JSON, parted by
//! tabs, sorted by name. The first line carries the store's version of definitions; another number there means that
//! the file is stale. It is derived: deleting it loses nothing.

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

const HEAD: &str = "factotum-names-1";

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
    let mut text = version;
    text.push('\n');
    for entry in store.names_feed(true)? {
        let command: Option<Command> = entry.row.json.as_deref().and_then(|json| serde_json::from_str(json).ok());
        let project = if entry.row.source.kind == SourceKind::Project { entry.row.source.spec.as_str() } else { "-" };
        let params = command.map_or(json!([]), |c| params(&c));
        let fields = [entry.folded.as_str(), &entry.row.source.name, project, &entry.row.summary, &params.to_string()];
        let line: Vec<String> = fields.iter().map(|f| safe_line(f).replace('\t', " ")).collect();
        text.push_str(&line.join("\t"));
        text.push('\n');
    }
    files::ensure_private_dir(cache)?;
    files::write_atomic(&path, text.as_bytes(), true)
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
