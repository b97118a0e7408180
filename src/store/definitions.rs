//! Definitions of a source: replaced as a whole or file by file, writing only what changed.

use std::collections::{HashMap, HashSet};

use rusqlite::{OptionalExtension, params};
use serde_json::{Value, json};

use super::fault::Outcome;
use super::search::DocKind;
use super::{Change, Source, Store};
use crate::kernel::error::Result;
use crate::kernel::events::{self, Event};
use crate::kernel::ids::Id;

/// After so many changed rows the write-ahead log is folded at once, so that the next start is quick.
const LARGE: usize = 200;

/// A definition as its file says now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewDefinition {
    /// As it is shown; nested names are joined with a space.
    pub name: String,
    /// The name as names are compared.
    pub folded: String,
    /// The aliases as names are compared.
    pub aliases: Vec<String>,
    /// Which adapter read it.
    pub dialect: String,
    /// The heading or folder it stands under.
    pub category: Option<String>,
    /// One line for lists.
    pub summary: String,
    /// The file inside the source.
    pub path: String,
    /// The content hash that trust is about.
    pub digest: String,
    /// The whole definition.
    pub json: String,
    /// The words a search should find it by, besides name and summary.
    pub search_body: String,
}

/// A file of a source as it was when it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileRow {
    /// Inside the source, `/` between parts.
    pub path: String,
    /// What tells a touched file from an untouched one: for local files the modification time in nanoseconds.
    pub stamp: i64,
    /// Bytes.
    pub size: i64,
    /// Git blob id, 40 or 64 hex digits.
    pub blob: Option<String>,
}

/// What a replacement did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replaced {
    /// Definitions that were not there before.
    pub added: usize,
    /// Definitions with another digest, JSON or list entry.
    pub changed: usize,
    /// Definitions that are gone.
    pub removed: usize,
    /// Definitions left alone.
    pub unchanged: usize,
}

impl Replaced {
    /// Rows that were written.
    pub fn touched(&self) -> usize {
        self.added + self.changed + self.removed
    }
}

impl Store {
    /// Makes `files` and `definitions` all that the source has, and writes the source's own columns, in one
    /// transaction. Definitions keep their ids by path and name. `NotFound` when the source is gone.
    pub fn replace_definitions(
        &self,
        source: &Source,
        files: &[FileRow],
        definitions: &[NewDefinition],
    ) -> Result<Replaced> {
        let replaced = self.write(|change| {
            let n = change.store_source(source)?;
            change.replace_files(n, files)?;
            let before = change.existing(n, None)?;
            let replaced = change.replace(n, &source.name, before, definitions)?;
            if replaced.touched() > 0 {
                change.definitions_changed()?;
            }
            change.source_updated(source.id, &source.name, source.commit.as_deref(), &replaced)?;
            Ok(replaced)
        })?;
        self.settle(replaced.touched())?;
        Ok(replaced)
    }

    /// Replaces what stands in some files of a source: `files` were read again, `gone` are no longer there, and
    /// `definitions` is all that `files` hold now. Writes no event when only stamps changed.
    pub fn replace_file_definitions(
        &self,
        source: Id,
        files: &[FileRow],
        gone: &[String],
        definitions: &[NewDefinition],
    ) -> Result<Replaced> {
        let replaced = self.write(|change| {
            let (n, name) = change.source_row(source)?;
            let paths: HashSet<&str> =
                files.iter().map(|file| &*file.path).chain(gone.iter().map(|path| &**path)).collect();
            let before = change.existing(n, Some(&paths))?;
            for path in gone {
                change
                    .tx
                    .prepare_cached("DELETE FROM source_files WHERE source = ?1 AND path = ?2")?
                    .execute(params![n, path])?;
            }
            change.put_files(n, files)?;
            let replaced = change.replace(n, &name, before, definitions)?;
            if replaced.touched() > 0 {
                change.definitions_changed()?;
                change.source_updated(source, &name, None, &replaced)?;
            }
            Ok(replaced)
        })?;
        self.settle(replaced.touched())?;
        Ok(replaced)
    }

    /// The files of a source as they were when they were last read, by path.
    pub fn source_files(&self, source: Id) -> Result<Vec<FileRow>> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT f.path, f.stamp, f.size, f.blob FROM sources s JOIN source_files f ON f.source = s.n
                 WHERE s.id = ?1 ORDER BY f.path",
            )?;
            let rows = statement.query_map([source], |row| {
                Ok(FileRow { path: row.get(0)?, stamp: row.get(1)?, size: row.get(2)?, blob: row.get(3)? })
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// A number that changes whenever a source or a definition does; a derived index remembers it.
    pub fn definitions_version(&self) -> Result<i64> {
        self.glance(|connection| {
            let mut statement = connection.prepare_cached("SELECT value FROM counters WHERE name = 'definitions'")?;
            Ok(statement.query_row([], |row| row.get(0)).optional()?.unwrap_or(0))
        })
    }

    /// Folds the write-ahead log after a large change.
    pub(super) fn settle(&self, touched: usize) -> Result<()> {
        if touched > LARGE { self.shared.pool.empty_log() } else { Ok(()) }
    }
}

/// A definition that is there already.
struct Existing {
    n: i64,
    id: Id,
    new: NewDefinition,
}

/// What stays the same while a definition changes: its file, its name, and which of several namesakes it is.
type Identity = (String, String, usize);

impl Change<'_> {
    fn existing(&self, source: i64, paths: Option<&HashSet<&str>>) -> Outcome<HashMap<Identity, Existing>> {
        const COLUMNS: &str =
            "SELECT d.n, d.id, d.path, d.name, d.folded, d.aliases, d.dialect, d.category, d.summary, d.digest,
             b.json, b.search_body FROM definitions d JOIN definition_bodies b ON b.definition = d.n";
        let mut found = HashMap::new();
        let mut namesakes = HashMap::new();
        let whole = [""];
        let scope: Vec<&str> = paths.map_or_else(|| whole.to_vec(), |paths| paths.iter().copied().collect());
        let sql = if paths.is_some() {
            format!("{COLUMNS} WHERE d.source = ?1 AND d.path = ?2 ORDER BY d.n")
        } else {
            format!("{COLUMNS} WHERE d.source = ?1 AND ?2 = '' ORDER BY d.n")
        };
        let mut statement = self.tx.prepare_cached(&sql)?;
        for path in scope {
            let mut rows = statement.query(params![source, path])?;
            while let Some(row) = rows.next()? {
                let new = NewDefinition {
                    path: row.get(2)?,
                    name: row.get(3)?,
                    folded: row.get(4)?,
                    aliases: serde_json::from_str(&row.get::<_, String>(5)?)?,
                    dialect: row.get(6)?,
                    category: row.get(7)?,
                    summary: row.get(8)?,
                    digest: row.get(9)?,
                    json: row.get(10)?,
                    search_body: row.get(11)?,
                };
                found.insert(identity(&new, &mut namesakes), Existing { n: row.get(0)?, id: row.get(1)?, new });
            }
        }
        Ok(found)
    }

    /// Turns `before` into `after`.
    fn replace(
        &self,
        source: i64,
        source_name: &str,
        mut before: HashMap<Identity, Existing>,
        after: &[NewDefinition],
    ) -> Outcome<Replaced> {
        let mut replaced = Replaced::default();
        let mut namesakes = HashMap::new();
        for new in after {
            match before.remove(&identity(new, &mut namesakes)) {
                None => {
                    self.insert_definition(source, new)?;
                    replaced.added += 1;
                }
                Some(old) if old.new == *new => replaced.unchanged += 1,
                Some(old) => {
                    self.update_definition(source, source_name, &old, new)?;
                    replaced.changed += 1;
                }
            }
        }
        let mut gone: Vec<Existing> = before.into_values().collect();
        gone.sort_by_key(|old| old.n);
        for old in &gone {
            self.delete_definition(old.n, old.id)?;
            let payload =
                json!({"source": source_name, "name": old.new.name, "from": old.new.digest, "to": Value::Null});
            self.record(&Event::new(events::DEFINITION_CHANGED, old.id.to_string(), payload))?;
        }
        replaced.removed = gone.len();
        Ok(replaced)
    }

    fn insert_definition(&self, source: i64, new: &NewDefinition) -> Outcome<()> {
        let id = self.ids().next(self.at);
        self.tx
            .prepare_cached(
                "INSERT INTO definitions (id, source, path, name, folded, aliases, dialect, category, summary, digest, at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            )?
            .execute(params![
                id,
                source,
                new.path,
                new.name,
                new.folded,
                serde_json::to_string(&new.aliases)?,
                new.dialect,
                new.category,
                new.summary,
                new.digest,
                self.at
            ])?;
        let n = self.tx.last_insert_rowid();
        self.tx
            .prepare_cached("INSERT INTO definition_bodies (definition, json, search_body) VALUES (?1, ?2, ?3)")?
            .execute(params![n, new.json, new.search_body])?;
        self.insert_names(source, n, new)?;
        self.touch_doc(DocKind::Definition, &id.to_string())
    }

    fn update_definition(&self, source: i64, source_name: &str, old: &Existing, new: &NewDefinition) -> Outcome<()> {
        self.tx
            .prepare_cached(
                "UPDATE definitions SET folded = ?2, aliases = ?3, dialect = ?4, category = ?5, summary = ?6, digest = ?7, at = ?8
                 WHERE n = ?1",
            )?
            .execute(params![
                old.n,
                new.folded,
                serde_json::to_string(&new.aliases)?,
                new.dialect,
                new.category,
                new.summary,
                new.digest,
                self.at
            ])?;
        self.tx
            .prepare_cached("UPDATE definition_bodies SET json = ?2, search_body = ?3 WHERE definition = ?1")?
            .execute(params![old.n, new.json, new.search_body])?;
        if (&old.new.folded, &old.new.aliases) != (&new.folded, &new.aliases) {
            self.delete_names(old.n)?;
            self.insert_names(source, old.n, new)?;
        }
        if old.new.digest != new.digest {
            let payload = json!({"source": source_name, "name": new.name, "from": old.new.digest, "to": new.digest});
            self.record(&Event::new(events::DEFINITION_CHANGED, old.id.to_string(), payload))?;
        }
        self.touch_doc(DocKind::Definition, &old.id.to_string())
    }

    fn insert_names(&self, source: i64, definition: i64, new: &NewDefinition) -> Outcome<()> {
        // An alias that repeats the name, or another alias, says nothing new.
        let mut statement = self.tx.prepare_cached(
            "INSERT OR IGNORE INTO definition_names (folded, definition, source, alias) VALUES (?1, ?2, ?3, ?4)",
        )?;
        statement.execute(params![new.folded, definition, source, false])?;
        for alias in &new.aliases {
            statement.execute(params![alias, definition, source, true])?;
        }
        Ok(())
    }

    fn delete_names(&self, definition: i64) -> Outcome<()> {
        self.tx.prepare_cached("DELETE FROM definition_names WHERE definition = ?1")?.execute([definition])?;
        Ok(())
    }

    fn delete_definition(&self, n: i64, id: Id) -> Outcome<()> {
        self.delete_names(n)?;
        self.tx.prepare_cached("DELETE FROM definition_bodies WHERE definition = ?1")?.execute([n])?;
        self.tx.prepare_cached("DELETE FROM definitions WHERE n = ?1")?.execute([n])?;
        self.bury_doc(DocKind::Definition, &id.to_string())
    }

    /// Removes every definition of a source and says how many those were.
    pub(super) fn remove_all_definitions(&self, source: i64) -> Outcome<usize> {
        let mut statement = self.tx.prepare_cached("SELECT n, id FROM definitions WHERE source = ?1 ORDER BY n")?;
        let all: Vec<(i64, Id)> =
            statement.query_map([source], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<_>>()?;
        for (n, id) in &all {
            self.delete_definition(*n, *id)?;
        }
        Ok(all.len())
    }

    fn replace_files(&self, source: i64, files: &[FileRow]) -> Outcome<()> {
        let keep: HashSet<&str> = files.iter().map(|file| &*file.path).collect();
        let mut statement = self.tx.prepare_cached("SELECT path FROM source_files WHERE source = ?1")?;
        let paths: Vec<String> = statement.query_map([source], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
        for path in paths.iter().filter(|path| !keep.contains(&***path)) {
            self.tx
                .prepare_cached("DELETE FROM source_files WHERE source = ?1 AND path = ?2")?
                .execute(params![source, path])?;
        }
        self.put_files(source, files)
    }

    fn put_files(&self, source: i64, files: &[FileRow]) -> Outcome<()> {
        let mut statement = self.tx.prepare_cached(
            "INSERT INTO source_files (source, path, stamp, size, blob) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (source, path) DO UPDATE SET stamp = excluded.stamp, size = excluded.size, blob = excluded.blob
             WHERE (stamp, size, blob) IS NOT (excluded.stamp, excluded.size, excluded.blob)",
        )?;
        for file in files {
            statement.execute(params![source, file.path, file.stamp, file.size, file.blob])?;
        }
        Ok(())
    }

    /// Tells derived indexes that they are stale.
    pub(super) fn definitions_changed(&self) -> Outcome<()> {
        self.tx.prepare_cached("UPDATE counters SET value = value + 1 WHERE name = 'definitions'")?.execute([])?;
        Ok(())
    }

    fn source_updated(&self, id: Id, name: &str, commit: Option<&str>, replaced: &Replaced) -> Outcome<()> {
        let payload = json!({
            "name": name,
            "commit": commit,
            "added": replaced.added,
            "changed": replaced.changed,
            "removed": replaced.removed,
        });
        self.record(&Event::new(events::SOURCE_UPDATED, id.to_string(), payload))?;
        Ok(())
    }
}

fn identity(new: &NewDefinition, namesakes: &mut HashMap<(String, String), usize>) -> Identity {
    let count = namesakes.entry((new.path.clone(), new.name.clone())).or_insert(0);
    *count += 1;
    (new.path.clone(), new.name.clone(), *count)
}
