//! Finding the definition behind a typed name: the hot path of every run.

use rusqlite::{Row, params};

use super::fault::Outcome;
use super::{SourceKind, Store};
use crate::kernel::error::Result;
use crate::kernel::ids::Id;

/// What ranking and trust need to know of a definition's source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceRef {
    /// Its id.
    pub id: Id,
    /// Its name.
    pub name: String,
    /// What kind of place it is.
    pub kind: SourceKind,
    /// Where it is; its identity for trust.
    pub spec: String,
    /// The order in which sources were added.
    pub rank: i64,
    /// The commit its definitions are from.
    pub commit: Option<String>,
}

/// A definition that answers to a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DefinitionHit {
    /// Where it comes from.
    pub source: SourceRef,
    /// Its id.
    pub id: Id,
    /// Its own name, also when an alias was asked for.
    pub name: String,
    /// Whether an alias was asked for.
    pub alias: bool,
    /// The content hash that trust is about.
    pub digest: String,
    /// The file inside the source.
    pub path: String,
    /// The whole definition.
    pub json: String,
}

const COLUMNS: &str = "SELECT s.id, s.name, s.kind, s.spec, s.rank, s.commit_id,
     d.id, d.name, m.alias, d.digest, d.path, b.json
     FROM definition_names m
     JOIN definitions d ON d.n = m.definition
     JOIN definition_bodies b ON b.definition = m.definition
     JOIN sources s ON s.n = m.source";

pub(super) fn by_name_sql() -> String {
    format!(
        "{COLUMNS} WHERE m.folded = ?1 AND s.owner = ?2 AND ifnull(?3, s.name) = s.name ORDER BY s.rank, m.alias, d.n"
    )
}

pub(super) const CHILDREN: &str = "SELECT d.name, d.summary, s.name FROM definition_names m
     JOIN definitions d ON d.n = m.definition JOIN sources s ON s.n = m.source
     WHERE m.folded >= ?1 AND m.folded < ?2 AND m.alias = 0 AND s.owner = ?3 ORDER BY m.folded, s.rank";

impl Store {
    /// Every definition that answers to `folded` by name or alias; sources added earlier first, names before aliases.
    pub fn find_by_name(&self, folded: &str) -> Result<Vec<DefinitionHit>> {
        self.find(folded, None)
    }

    /// The same inside the source called `source`.
    pub fn find_in_source(&self, source: &str, folded: &str) -> Result<Vec<DefinitionHit>> {
        self.find(folded, Some(source))
    }

    fn find(&self, folded: &str, source: Option<&str>) -> Result<Vec<DefinitionHit>> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(&by_name_sql())?;
            let mut rows = statement.query(params![folded, &*self.owner, source])?;
            let mut hits = Vec::new();
            while let Some(row) = rows.next()? {
                hits.push(hit(row)?);
            }
            Ok(hits)
        })
    }

    /// The definition with this id.
    pub fn definition(&self, id: Id) -> Result<Option<DefinitionHit>> {
        self.read(|connection| {
            let mut statement =
                connection.prepare_cached(&format!("{COLUMNS} WHERE d.id = ?1 AND m.alias = 0 AND s.owner = ?2"))?;
            let mut rows = statement.query(params![id, &*self.owner])?;
            rows.next()?.map(hit).transpose()
        })
    }

    /// Name, summary and source name of what is nested under the folded name `prefix` (`git` finds `git log`).
    pub fn children_of(&self, prefix: &str) -> Result<Vec<(String, String, String)>> {
        // `!` is the character after the space.
        let (low, high) = (format!("{prefix} "), format!("{prefix}!"));
        self.read(|connection| {
            let mut statement = connection.prepare_cached(CHILDREN)?;
            let rows = statement
                .query_map(params![low, high, &*self.owner], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }
}

fn hit(row: &Row<'_>) -> Outcome<DefinitionHit> {
    Ok(DefinitionHit {
        source: source_ref(row)?,
        id: row.get(6)?,
        name: row.get(7)?,
        alias: row.get(8)?,
        digest: row.get(9)?,
        path: row.get(10)?,
        json: row.get(11)?,
    })
}

/// The source in the first six columns.
pub(super) fn source_ref(row: &Row<'_>) -> Outcome<SourceRef> {
    Ok(SourceRef {
        id: row.get(0)?,
        name: row.get(1)?,
        kind: row.get(2)?,
        spec: row.get(3)?,
        rank: row.get(4)?,
        commit: row.get(5)?,
    })
}
