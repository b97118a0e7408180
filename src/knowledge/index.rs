//! The Tantivy index: opening, folding in what is new, searching.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use tantivy::collector::TopDocs;
use tantivy::directory::error::LockError;
use tantivy::schema::{FAST, Field, INDEXED, STORED, STRING, Schema, TEXT, Value};
use tantivy::{IndexWriter, TantivyDocument, TantivyError, Term};

use super::query;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::files;
use crate::store::{SearchDoc, Store};

/// Rows folded in between two looks at the store.
const BATCH: usize = 2_000;
/// Memory of the writer, bytes; the least Tantivy takes for one thread.
const WRITER_MEMORY: usize = 15_000_000;
/// How often a damaged index is made again before the answer comes from the store alone.
const ATTEMPTS: usize = 3;

/// Something that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// `definition` or `run`.
    pub kind: String,
    /// The row's key in the store.
    pub key: String,
    /// A line about it.
    pub title: String,
    /// The place in its text that matches, on one line.
    pub excerpt: String,
    /// How well it fits.
    pub score: f32,
}

/// The answer to a search.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// Best first.
    pub hits: Vec<Hit>,
    /// Rows that were folded in before.
    pub folded: usize,
    /// Whether the index had to be made.
    pub made: Made,
}

/// Whether a search found an index, and one it could use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Made {
    /// It was there.
    #[default]
    No,
    /// There was none: the first search, or somebody removed it.
    Anew,
    /// It was damaged, or belonged to another store, and was made again.
    Again,
}

/// The index in a folder.
#[derive(Clone, Debug)]
pub struct Index {
    folder: PathBuf,
}

/// An open index and its fields.
struct Open {
    index: tantivy::Index,
    fields: Fields,
    mark: Mark,
}

/// How far the index has read, and in which store: it stands in each commit, so that rows are never lost between two.
#[derive(Clone, Debug, Default, PartialEq)]
struct Mark {
    seq: i64,
    store: String,
}

impl Mark {
    fn parse(payload: &str) -> Option<Mark> {
        let (seq, store) = payload.split_once(' ')?;
        Some(Mark { seq: seq.parse().ok()?, store: store.to_string() })
    }

    fn written(&self) -> String {
        format!("{} {}", self.seq, self.store)
    }
}

/// Why an index gave no answer.
enum Trouble {
    /// Its files cannot be used.
    Damaged(TantivyError),
    /// Something else, which making it again would not mend.
    Other(Error),
}

impl From<TantivyError> for Trouble {
    fn from(error: TantivyError) -> Self {
        Trouble::Damaged(error)
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Trouble::Other(error)
    }
}

#[derive(Clone, Copy)]
struct Fields {
    kind: Field,
    key: Field,
    title: Field,
    body: Field,
    at: Field,
}

impl Index {
    /// The index kept below `folder`, which need not exist.
    pub fn new(folder: &Path) -> Self {
        Index { folder: folder.to_path_buf() }
    }

    /// Folds in what is new and searches. `kind` narrows to `definition` or `run`.
    ///
    /// When another process is writing the index, what it has not folded in yet is read from the store. An index that
    /// cannot be used is made again; one that cannot be made at all is done without.
    pub fn search(&self, store: &Store, words: &str, kind: Option<&str>, limit: usize) -> Result<Found> {
        let mut made = if self.folder.join("meta.json").exists() { Made::No } else { Made::Anew };
        for _ in 0..ATTEMPTS {
            match self.attempt(store, words, kind, limit) {
                Ok(found) => return Ok(Found { made, ..found }),
                Err(Trouble::Other(error)) => return Err(error),
                Err(Trouble::Damaged(error)) => {
                    tracing::warn!(error = error.to_string(), "search index damaged");
                    if self.clear(store)? {
                        made = Made::Again;
                    }
                }
            }
        }
        let mut hits = Vec::new();
        each_row(store, 0, |row| hits.extend(query::match_row(row, words, kind)))?;
        Ok(Found { hits: best(hits, limit), folded: 0, made: Made::Again })
    }

    fn attempt(&self, store: &Store, words: &str, kind: Option<&str>, limit: usize) -> Result<Found, Trouble> {
        let mut open = self.open(store)?;
        let (folded, tail) = self.fold_in(store, &mut open)?;
        let mut hits = self.ask(&open, words, kind, limit + tail.len())?;
        let late: HashSet<&str> = tail.iter().map(|(key, _)| key.as_str()).collect();
        hits.retain(|h| !late.contains(h.key.as_str()));
        hits.extend(tail.iter().filter_map(|(_, row)| query::match_row(row.as_ref()?, words, kind)));
        Ok(Found { hits: best(hits, limit), folded, made: Made::No })
    }

    /// Removes an index that cannot be used. Others may have found the same, so one at a time looks again first; says
    /// whether there was something to remove.
    fn clear(&self, store: &Store) -> Result<bool> {
        let _alone = files::lock_dir(self.folder.parent().unwrap_or(&self.folder))?;
        if !self.folder.exists() || matches!(self.open(store), Ok(open) if open.mark != Mark::default()) {
            return Ok(false);
        }
        let removed = match self.folder.symlink_metadata() {
            Ok(meta) if meta.is_dir() => std::fs::remove_dir_all(&self.folder),
            _ => std::fs::remove_file(&self.folder),
        };
        match removed {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                let said = format!("the search index in {} is damaged and cannot be removed", self.folder.display());
                Err(Error::new(Kind::Failed, said).because(e).hint("remove that folder; it is made again"))
            }
            _ => Ok(true),
        }
    }

    /// Opens the index and reads all of it once, so that damage is noticed here; one of another store is damaged too.
    fn open(&self, store: &Store) -> Result<Open, Trouble> {
        files::ensure_private_dir(&self.folder).map_err(|e| TantivyError::SystemError(e.to_string()))?;
        let (schema, fields) = schema();
        let directory = tantivy::directory::MmapDirectory::open(&self.folder).map_err(TantivyError::from)?;
        let index = tantivy::Index::open_or_create(directory, schema)?;
        let mark = match index.load_metas()?.payload {
            Some(payload) => Mark::parse(&payload).ok_or_else(|| foreign("its mark cannot be read"))?,
            None => Mark::default(),
        };
        if !index.validate_checksum()?.is_empty() {
            return Err(foreign("a file of it was changed").into());
        }
        index.reader()?;
        if mark != Mark::default() && (mark.store != identity(store)? || mark.seq > store.search_high_water()?) {
            return Err(foreign("it belongs to another store").into());
        }
        Ok(Open { index, fields, mark })
    }

    /// Adds what the store has beyond the mark. Without the writer's lock the missing rows come back instead, by key;
    /// a row that is gone comes as `None`.
    fn fold_in(&self, store: &Store, open: &mut Open) -> Result<(usize, Tail), Trouble> {
        if store.search_high_water()? <= open.mark.seq {
            return Ok((0, Vec::new()));
        }
        let mut writer: IndexWriter = match open.index.writer_with_num_threads(1, WRITER_MEMORY) {
            Ok(writer) => writer,
            Err(TantivyError::LockFailure(LockError::LockBusy, _)) => {
                let mut tail = Vec::new();
                each_row(store, open.mark.seq, |row| {
                    tail.push((row.key.clone(), (!row.deleted).then(|| row.clone())));
                })?;
                return Ok((0, tail));
            }
            Err(error) => return Err(error.into()),
        };
        let (mut folded, mut failed) = (0, None);
        let last = each_row(store, open.mark.seq, |row| {
            folded += 1;
            failed = failed.take().or_else(|| add(&mut writer, open.fields, row).err());
        })?;
        if let Some(error) = failed {
            return Err(error.into());
        }
        open.mark = Mark { seq: last, store: identity(store)? };
        let mut prepared = writer.prepare_commit()?;
        prepared.set_payload(&open.mark.written());
        prepared.commit()?;
        // A process is short; without this no merge would ever come to its end and the index fall to pieces.
        writer.wait_merging_threads()?;
        Ok((folded, Vec::new()))
    }

    fn ask(&self, open: &Open, words: &str, kind: Option<&str>, limit: usize) -> Result<Vec<Hit>, Trouble> {
        let searcher = open.index.reader()?.searcher();
        let fields = [open.fields.title, open.fields.body];
        let Some(query) = query::build(words, fields, kind.map(|k| Term::from_field_text(open.fields.kind, k))) else {
            return Ok(Vec::new());
        };
        let top = searcher.search(&query, &TopDocs::with_limit(limit.max(1)).order_by_score())?;
        let mut hits = Vec::with_capacity(top.len());
        for (score, address) in top {
            let doc: TantivyDocument = searcher.doc(address)?;
            let text = |field: Field| doc.get_first(field).and_then(|v| v.as_str()).unwrap_or("").to_string();
            hits.push(Hit {
                kind: text(open.fields.kind),
                key: text(open.fields.key),
                title: text(open.fields.title),
                excerpt: query::excerpt(&text(open.fields.body), words),
                score,
            });
        }
        Ok(hits)
    }
}

/// Rows beyond the index by their keys.
type Tail = Vec<(String, Option<SearchDoc>)>;

/// Shows every row after `seq` to `see`, a batch at a time; the number of the last one.
fn each_row(store: &Store, mut seq: i64, mut see: impl FnMut(&SearchDoc)) -> Result<i64> {
    loop {
        let rows = store.search_feed(seq, BATCH)?;
        let Some(last) = rows.last() else { return Ok(seq) };
        seq = last.seq;
        rows.iter().for_each(&mut see);
    }
}

fn best(mut hits: Vec<Hit>, limit: usize) -> Vec<Hit> {
    hits.sort_by(|a, b| b.score.total_cmp(&a.score));
    hits.truncate(limit);
    hits
}

/// What tells one store from another: the hash of its first event.
fn identity(store: &Store) -> Result<String> {
    Ok(store.events(None, "*", 1)?.first().map(|event| event.hash.to_string()).unwrap_or_default())
}

fn foreign(why: &str) -> TantivyError {
    TantivyError::SystemError(why.to_string())
}

fn schema() -> (Schema, Fields) {
    let mut builder = Schema::builder();
    let fields = Fields {
        kind: builder.add_text_field("kind", STRING | STORED),
        key: builder.add_text_field("key", STRING | STORED),
        title: builder.add_text_field("title", TEXT | STORED),
        body: builder.add_text_field("body", TEXT | STORED),
        at: builder.add_i64_field("at", INDEXED | FAST | STORED),
    };
    (builder.build(), fields)
}

fn add(writer: &mut IndexWriter, fields: Fields, row: &SearchDoc) -> tantivy::Result<()> {
    writer.delete_term(Term::from_field_text(fields.key, &row.key));
    if row.deleted {
        return Ok(());
    }
    let mut doc = TantivyDocument::new();
    doc.add_text(fields.kind, row.kind.name());
    doc.add_text(fields.key, &row.key);
    doc.add_text(fields.title, &row.title);
    doc.add_text(fields.body, &row.body);
    doc.add_i64(fields.at, row.at.as_micros());
    writer.add_document(doc).map(drop)
}
