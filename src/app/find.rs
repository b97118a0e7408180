//! The search as it is wired here: where its index lies, and what it must not show.

use jiff::tz::TimeZone;
use serde_json::Value;

use super::App;
use crate::commands::catalog::Catalog;
use crate::kernel::error::Result;
use crate::knowledge::{Hit, Index, Query};
use crate::store::SourceKind;

impl App {
    /// The index over everything that is kept.
    pub fn index(&self) -> Index {
        Index::new(&self.paths.cache.join("index"))
    }

    /// Takes what was erased out of the index too.
    ///
    /// # Errors
    /// When the store or the index cannot be read.
    pub fn drop_erased(&self) -> Result<()> {
        self.index().drop_erased(self.store()?).map(drop)
    }

    /// A query without the commands of other projects; `kind` narrows it, where it asks for something.
    pub fn query(&self, catalog: &Catalog<'_>, words: &str, kind: Option<&str>) -> Result<Query> {
        let query = Query::parse(words, self.clock.now(), &TimeZone::system())?;
        let sources = catalog.store.sources()?.into_iter();
        let hidden = sources.filter(|source| !catalog.shows(source.kind, &source.spec));
        let query = query.hiding(hidden.map(|source| source.name).collect());
        Ok(if let Some(kind) = kind.filter(|_| !query.is_empty()) { query.of_kind(kind) } else { query })
    }
}

/// A line about a hit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What it is, before the name; empty for a command.
    pub kind: &'static str,
    /// What `--json` calls it: a command with its source.
    pub key: String,
    /// The shortest name that reaches it.
    pub name: String,
    /// What it is, briefly.
    pub summary: String,
}

/// What is said about a hit; `None` when its row is gone meanwhile.
///
/// # Errors
/// Those of the store.
pub fn describe(catalog: &Catalog<'_>, hit: &Hit) -> Result<Option<Line>> {
    let text = |key: &str| hit.extra.get(key).and_then(Value::as_str).unwrap_or_default();
    match hit.kind.as_str() {
        "run" => {
            let Ok(run) = catalog.store.run(&hit.key) else { return Ok(None) };
            let summary =
                format!("{} {} ({})", run.row.id.tail(), run.row.status.name(), run.row.started.local_short());
            Ok(Some(Line { kind: "run ", key: run.row.command.clone(), name: run.row.command, summary }))
        }
        "message" => {
            let session = text("session");
            if session.parse().is_ok_and(|id| catalog.store.session_by_id(id).is_err()) {
                return Ok(None);
            }
            let tail = session.get(session.len().saturating_sub(8)..).unwrap_or_default();
            let handle = Some(text("session_name")).filter(|name| !name.is_empty()).unwrap_or(tail);
            let name = if hit.title.is_empty() { handle } else { &hit.title }.to_string();
            let place = if name == handle { String::new() } else { format!("{handle} ") };
            let summary = format!("{place}{} ({})", text("role"), hit.when.local_short());
            Ok(Some(Line { kind: "chat ", key: name.clone(), name, summary }))
        }
        "memory" | "recording" => {
            let tail = hit.key.get(hit.key.len().saturating_sub(8)..).unwrap_or_default().to_string();
            let summary = format!("({})", hit.when.local_short());
            let kind = if hit.kind == "memory" { "memory " } else { "recording " };
            Ok(Some(Line { kind, key: tail.clone(), name: tail, summary }))
        }
        _ => command(catalog, hit),
    }
}

fn command(catalog: &Catalog<'_>, hit: &Hit) -> Result<Option<Line>> {
    let Ok(id) = hit.key.parse() else { return Ok(None) };
    let visible = catalog.store.definition(id)?.filter(|row| catalog.is_visible(&row.source));
    let Some(row) = visible else { return Ok(None) };
    let summary = serde_json::from_str::<Value>(&row.json)
        .ok()
        .and_then(|v| v.get("summary").and_then(|s| s.as_str()).map(String::from))
        .unwrap_or_default();
    let key = format!("{}:{}", row.source.name, row.name);
    let own = matches!(row.source.kind, SourceKind::Bundled | SourceKind::User);
    Ok(Some(Line { kind: "", name: if own { row.name } else { key.clone() }, key, summary }))
}
