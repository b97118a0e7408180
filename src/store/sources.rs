//! Where definitions come from: the rows, not the fetching.

use std::fmt;
use std::str::FromStr;

use rusqlite::{OptionalExtension, Row, params};
use serde_json::{Value, json};

use super::fault::{Fault, Outcome};
use super::{Change, Store};
use crate::kernel::clock::Timestamp;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::events::{self, Event};
use crate::kernel::ids::Id;

/// What kind of place a source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SourceKind {
    /// A repository on GitHub or a GitHub Enterprise host.
    Github,
    /// A raw address.
    Url,
    /// A folder somebody added.
    Dir,
    /// The `.factotum/commands` folder of a project.
    Project,
    /// The user's own `commands` folder.
    User,
    /// The definitions inside the program.
    Bundled,
}

impl SourceKind {
    /// Every kind.
    pub const ALL: [SourceKind; 6] = [
        SourceKind::Github,
        SourceKind::Url,
        SourceKind::Dir,
        SourceKind::Project,
        SourceKind::User,
        SourceKind::Bundled,
    ];

    /// The word used in the database and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            SourceKind::Github => "github",
            SourceKind::Url => "url",
            SourceKind::Dir => "dir",
            SourceKind::Project => "project",
            SourceKind::User => "user",
            SourceKind::Bundled => "bundled",
        }
    }
}

impl fmt::Display for SourceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for SourceKind {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let found = SourceKind::ALL.into_iter().find(|kind| kind.name() == text);
        found.ok_or_else(|| Error::new(Kind::BadData, format!("{text:?} is no kind of source")))
    }
}

/// A source that is about to be added.
#[derive(Clone, Debug, PartialEq)]
pub struct NewSource {
    /// Unique among the owner's sources.
    pub name: String,
    /// What kind of place it is.
    pub kind: SourceKind,
    /// Where it is, in its canonical spelling; also its identity for trust.
    pub spec: String,
    /// The branch, tag or commit asked for.
    pub reference: Option<String>,
    /// What only the room that fetches understands.
    pub options: Value,
}

/// A source as it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// Its id.
    pub id: Id,
    /// Unique among the owner's sources.
    pub name: String,
    /// What kind of place it is.
    pub kind: SourceKind,
    /// Where it is, in its canonical spelling; also its identity for trust.
    pub spec: String,
    /// The order in which sources were added; smaller ones resolve first.
    pub rank: i64,
    /// The branch, tag or commit asked for.
    pub reference: Option<String>,
    /// The commit its definitions are from.
    pub commit: Option<String>,
    /// For the next conditional request.
    pub etag: Option<String>,
    /// For the next conditional request, as the server wrote it.
    pub last_modified: Option<String>,
    /// When the place was last asked with success.
    pub fetched_at: Option<Timestamp>,
    /// `ok`, `stale`, `failed` and what else the room that fetches says.
    pub state: String,
    /// Why it failed.
    pub error: Option<String>,
    /// What its host last said about rate limits.
    pub rate: Option<Value>,
    /// What only the room that fetches understands.
    pub options: Value,
    /// The new spec, when the host said that the place moved.
    pub renamed_to: Option<String>,
    /// When it was added.
    pub added_at: Timestamp,
}

const COLUMNS: &str =
    "id, name, kind, spec, rank, reference, commit_id, etag, last_modified, fetched_at, state, error, rate,
     options, renamed_to, added_at";

impl Store {
    /// Adds a source behind those already there. `Usage` when the name is taken.
    pub fn add_source(&self, new: &NewSource) -> Result<Source> {
        self.write(|change| {
            if change.source_number(&new.name)?.is_some() {
                return Err(Error::new(Kind::Usage, format!("there is already a source called {}", new.name))
                    .hint("choose another name with --name, or see fac source ls")
                    .into());
            }
            let source = change.insert_source(new)?;
            change.definitions_changed()?;
            let payload = json!({"name": source.name, "kind": source.kind.name(), "spec": source.spec});
            change.record(&Event::new(events::SOURCE_ADDED, source.id.to_string(), payload))?;
            Ok(source)
        })
    }

    /// Writes every column of a source but its id, rank and time of adding. `NotFound` when it is gone.
    pub fn update_source(&self, source: &Source) -> Result<()> {
        self.write(|change| {
            change.store_source(source)?;
            change.definitions_changed()?;
            let payload =
                json!({"name": source.name, "state": source.state, "commit": source.commit, "error": source.error});
            change.record(&Event::new(events::SOURCE_UPDATED, source.id.to_string(), payload))?;
            Ok(())
        })
    }

    /// Removes a source with its definitions and says how many those were. `NotFound` when it is gone.
    pub fn remove_source(&self, id: Id) -> Result<usize> {
        let removed = self.write(|change| {
            let source = change.source_row(id)?;
            let removed = change.remove_all_definitions(source.0)?;
            change.tx.prepare_cached("DELETE FROM source_files WHERE source = ?1")?.execute([source.0])?;
            change.alter("DELETE FROM sources WHERE n = ?1", [source.0])?;
            change.definitions_changed()?;
            let payload = json!({"name": source.1, "definitions": removed});
            change.record(&Event::new(events::SOURCE_REMOVED, id.to_string(), payload))?;
            Ok(removed)
        })?;
        self.settle(removed)?;
        Ok(removed)
    }

    /// Every source, in the order of adding.
    pub fn sources(&self) -> Result<Vec<Source>> {
        self.read(|connection| {
            let sql = format!("SELECT {COLUMNS} FROM sources WHERE owner = ?1 ORDER BY rank, n");
            let mut statement = connection.prepare_cached(&sql)?;
            let mut rows = statement.query([&*self.owner])?;
            let mut sources = Vec::new();
            while let Some(row) = rows.next()? {
                sources.push(source(row)?);
            }
            Ok(sources)
        })
    }

    /// The source called `name`.
    pub fn source_by_name(&self, name: &str) -> Result<Option<Source>> {
        self.one_source("name", name)
    }

    /// The first source at `spec`.
    pub fn source_by_spec(&self, spec: &str) -> Result<Option<Source>> {
        self.one_source("spec", spec)
    }

    fn one_source(&self, column: &str, value: &str) -> Result<Option<Source>> {
        self.read(|connection| {
            let sql = format!("SELECT {COLUMNS} FROM sources WHERE owner = ?1 AND {column} = ?2 ORDER BY rank LIMIT 1");
            let mut statement = connection.prepare_cached(&sql)?;
            let mut rows = statement.query(params![&*self.owner, value])?;
            rows.next()?.map(source).transpose()
        })
    }
}

impl Change<'_> {
    /// The internal number and the name of a source; `NotFound` when it is gone.
    pub(super) fn source_row(&self, id: Id) -> Outcome<(i64, String)> {
        let found = self
            .tx
            .prepare_cached("SELECT n, name FROM sources WHERE id = ?1 AND owner = ?2")?
            .query_row(params![id, self.owner()], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        found.ok_or_else(gone)
    }

    fn source_number(&self, name: &str) -> Outcome<Option<i64>> {
        let mut statement = self.tx.prepare_cached("SELECT n FROM sources WHERE owner = ?1 AND name = ?2")?;
        Ok(statement.query_row(params![self.owner(), name], |row| row.get(0)).optional()?)
    }

    fn insert_source(&self, new: &NewSource) -> Outcome<Source> {
        let id = self.ids().next(self.at);
        let sql = format!(
            "INSERT INTO sources (id, owner, name, kind, spec, rank, reference, state, options, added_at)
             VALUES (?1, ?2, ?3, ?4, ?5, (SELECT 1 + ifnull(max(rank), 0) FROM sources WHERE owner = ?2), ?6, 'new', ?7, ?8)
             RETURNING {COLUMNS}"
        );
        let mut statement = self.tx.prepare_cached(&sql)?;
        let mut rows = statement.query(params![
            id,
            self.owner(),
            new.name,
            new.kind,
            new.spec,
            new.reference,
            new.options.to_string(),
            self.at
        ])?;
        let added = rows.next()?.map(source).transpose()?.ok_or_else(gone)?;
        // An INSERT … RETURNING is finished by reading to its end.
        while rows.next()?.is_some() {}
        self.touch_row("sources", self.tx.last_insert_rowid());
        Ok(added)
    }

    /// Writes a source's columns; `NotFound` when it is gone, `Usage` when its new name is taken.
    pub(super) fn store_source(&self, source: &Source) -> Outcome<i64> {
        let (n, name) = self.source_row(source.id)?;
        if name != source.name && self.source_number(&source.name)?.is_some() {
            return Err(Error::new(Kind::Usage, format!("there is already a source called {}", source.name)).into());
        }
        self.alter(
            "UPDATE sources SET name = ?2, kind = ?3, spec = ?4, reference = ?5, commit_id = ?6, etag = ?7,
             last_modified = ?8, fetched_at = ?9, state = ?10, error = ?11, rate = ?12, options = ?13, renamed_to = ?14
             WHERE n = ?1",
            params![
                n,
                source.name,
                source.kind,
                source.spec,
                source.reference,
                source.commit,
                source.etag,
                source.last_modified,
                source.fetched_at,
                source.state,
                source.error,
                source.rate.as_ref().map(Value::to_string),
                source.options.to_string(),
                source.renamed_to,
            ],
        )?;
        Ok(n)
    }
}

fn gone() -> Fault {
    Error::new(Kind::NotFound, "that source is gone").hint("see fac source ls").into()
}

fn source(row: &Row<'_>) -> Outcome<Source> {
    let rate: Option<String> = row.get(12)?;
    Ok(Source {
        id: row.get(0)?,
        name: row.get(1)?,
        kind: row.get(2)?,
        spec: row.get(3)?,
        rank: row.get(4)?,
        reference: row.get(5)?,
        commit: row.get(6)?,
        etag: row.get(7)?,
        last_modified: row.get(8)?,
        fetched_at: row.get(9)?,
        state: row.get(10)?,
        error: row.get(11)?,
        rate: rate.map(|text| serde_json::from_str(&text)).transpose()?,
        options: serde_json::from_str(&row.get::<_, String>(13)?)?,
        renamed_to: row.get(14)?,
        added_at: row.get(15)?,
    })
}
