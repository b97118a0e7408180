//! Definitions by the page, and the feed for the index that completes names.

use rusqlite::{Row, params};

use super::fault::Outcome;
use super::lookup::source_ref;
use super::{DefinitionHit, SourceRef, Store};
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::ids::Id;

/// Which definitions a list should hold; what is `None` does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DefinitionFilter {
    /// The name of their source.
    pub source: Option<String>,
    /// Their dialect.
    pub dialect: Option<String>,
    /// Their category, exactly.
    pub category: Option<String>,
    /// What their folded name begins with.
    pub prefix: Option<String>,
    /// Whether the rows should carry the whole definition.
    pub with_json: bool,
}

/// A line of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DefinitionRow {
    /// Where it comes from.
    pub source: SourceRef,
    /// Its id.
    pub id: Id,
    /// Its name.
    pub name: String,
    /// Its name as names are compared.
    pub folded: String,
    /// Its aliases as names are compared.
    pub aliases: Vec<String>,
    /// Which adapter read it.
    pub dialect: String,
    /// The heading or folder it stands under.
    pub category: Option<String>,
    /// One line.
    pub summary: String,
    /// The file inside the source.
    pub path: String,
    /// The content hash that trust is about.
    pub digest: String,
    /// The whole definition, when it was asked for.
    pub json: Option<String>,
}

impl DefinitionRow {
    /// The row as the answer to a name; `None` when the definition itself was not asked for.
    pub fn into_hit(self) -> Option<DefinitionHit> {
        let json = self.json?;
        let (alias, name) = (false, self.name);
        Some(DefinitionHit {
            source: self.source,
            id: self.id,
            name,
            alias,
            digest: self.digest,
            path: self.path,
            json,
        })
    }
}

/// A name that can be typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameEntry {
    /// The name or alias, folded.
    pub folded: String,
    /// Whether it is an alias.
    pub alias: bool,
    /// The definition behind it.
    pub row: DefinitionRow,
}

pub(super) const PAGE: &str = "SELECT s.id, s.name, s.kind, s.spec, s.rank, s.commit_id,
     d.id, d.name, d.folded, d.aliases, d.dialect, d.category, d.summary, d.path, d.digest,
     CASE WHEN ?7 THEN (SELECT b.json FROM definition_bodies b WHERE b.definition = d.n) END,
     m.definition
     FROM definition_names m JOIN definitions d ON d.n = m.definition JOIN sources s ON s.n = m.source
     WHERE (m.folded, m.definition) > (?1, ?2) AND m.folded < ?3 AND m.alias = 0
     AND s.owner = ?4 AND ifnull(?5, s.name) = s.name AND ifnull(?6, d.dialect) = d.dialect
     AND (?8 IS NULL OR d.category = ?8)
     ORDER BY m.folded, m.definition LIMIT ?9";

const NAMES: &str = "SELECT s.id, s.name, s.kind, s.spec, s.rank, s.commit_id,
     d.id, d.name, d.folded, d.aliases, d.dialect, d.category, d.summary, d.path, d.digest,
     CASE WHEN ?2 THEN (SELECT b.json FROM definition_bodies b WHERE b.definition = d.n) END,
     m.folded, m.alias
     FROM definition_names m JOIN definitions d ON d.n = m.definition JOIN sources s ON s.n = m.source
     WHERE s.owner = ?1 ORDER BY m.folded, s.rank, m.alias, d.n";

/// The first test is quick and lets through some that the second does not.
const FIRED_BY: &str = "SELECT s.id, s.name, s.kind, s.spec, s.rank, s.commit_id,
     d.id, d.name, d.folded, d.aliases, d.dialect, d.category, d.summary, d.path, d.digest, b.json
     FROM definitions d JOIN definition_bodies b ON b.definition = d.n JOIN sources s ON s.n = d.source
     WHERE s.owner = ?1 AND instr(b.json, '\"kind\":\"' || ?2 || '\"') > 0
     AND EXISTS (SELECT 1 FROM json_each(b.json, '$.triggers') t WHERE json_extract(t.value, '$.kind') = ?2)
     ORDER BY s.rank, d.folded, d.n";

/// Above every folded name.
const LAST: &str = "\u{10FFFF}";

impl Store {
    /// A page of definitions by folded name, and the cursor of the next page (`None` at the end). Names that several
    /// definitions have come in the order in which they were read.
    pub fn list_definitions(
        &self,
        filter: &DefinitionFilter,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<DefinitionRow>, Option<String>)> {
        let prefix = filter.prefix.as_deref().unwrap_or("");
        let (folded, definition) = match after {
            Some(cursor) => read_cursor(cursor)?,
            None => (prefix.to_string(), 0),
        };
        let limit = i64::try_from(limit.max(1)).unwrap_or(i64::MAX - 1);
        let (mut rows, mut places) = (Vec::new(), Vec::new());
        self.read(|connection| {
            let mut statement = connection.prepare_cached(PAGE)?;
            let mut found = statement.query(params![
                folded,
                definition,
                format!("{prefix}{LAST}"),
                &*self.owner,
                filter.source,
                filter.dialect,
                filter.with_json,
                filter.category,
                limit + 1
            ])?;
            while let Some(row) = found.next()? {
                rows.push(definition_row(row)?);
                places.push(row.get::<_, i64>(16)?);
            }
            Ok(())
        })?;
        let mut next = None;
        if rows.len() as i64 > limit {
            rows.pop();
            next = rows.last().zip(places.get(rows.len() - 1)).map(|(row, n)| write_cursor(&row.folded, *n));
        }
        Ok((rows, next))
    }

    /// The definitions that a trigger of `kind` fires, whole, in the order in which names are found.
    pub fn definitions_fired_by(&self, kind: &str) -> Result<Vec<DefinitionHit>> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(FIRED_BY)?;
            let mut found = statement.query(params![&*self.owner, kind])?;
            let mut hits = Vec::new();
            while let Some(row) = found.next()? {
                hits.extend(definition_row(row)?.into_hit());
            }
            Ok(hits)
        })
    }

    /// Every name and alias with the definition behind it, by folded name and then in the order of sources.
    pub fn names_feed(&self, with_json: bool) -> Result<Vec<NameEntry>> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(NAMES)?;
            let mut found = statement.query(params![&*self.owner, with_json])?;
            let mut names = Vec::new();
            while let Some(row) = found.next()? {
                names.push(NameEntry { folded: row.get(16)?, alias: row.get(17)?, row: definition_row(row)? });
            }
            Ok(names)
        })
    }

    /// How many definitions each source has, by source name; sources without any are left out.
    pub fn definition_counts(&self) -> Result<Vec<(String, u64)>> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT s.name, (SELECT count(*) FROM definitions d WHERE d.source = s.n) AS total FROM sources s
                 WHERE s.owner = ?1 AND total > 0 ORDER BY s.name",
            )?;
            let rows = statement.query_map([&*self.owner], |row| Ok((row.get(0)?, row.get::<_, i64>(1)? as u64)))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }
}

fn definition_row(row: &Row<'_>) -> Outcome<DefinitionRow> {
    Ok(DefinitionRow {
        source: source_ref(row)?,
        id: row.get(6)?,
        name: row.get(7)?,
        folded: row.get(8)?,
        aliases: serde_json::from_str(&row.get::<_, String>(9)?)?,
        dialect: row.get(10)?,
        category: row.get(11)?,
        summary: row.get(12)?,
        path: row.get(13)?,
        digest: row.get(14)?,
        json: row.get(15)?,
    })
}

fn write_cursor(folded: &str, definition: i64) -> String {
    format!("{definition}.{}", super::events::hex(folded.as_bytes()))
}

fn read_cursor(cursor: &str) -> Result<(String, i64)> {
    let parts = cursor.split_once('.').and_then(|(n, name)| Some((unhex(name)?, n.parse().ok()?)));
    parts.ok_or_else(|| {
        Error::new(Kind::Usage, format!("{cursor:?} is no cursor")).hint("take it from `next` of the page before")
    })
}

fn unhex(text: &str) -> Option<String> {
    let digits: Option<Vec<u32>> = text.chars().map(|c| c.to_digit(16)).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    String::from_utf8(digits.chunks(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect()).ok()
}
