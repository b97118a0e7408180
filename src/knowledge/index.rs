//! The Tantivy index: opening, folding in what is new, searching.

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
/// Unfolded rows that are read straight from the store when another process is writing.
const TAIL: usize = 5_000;

/// Something that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// `command` or `run`.
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
    /// Whether the index had to be made again.
    pub rebuilt: bool,
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
    watermark: i64,
    rebuilt: bool,
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

    /// Folds in what is new and searches. `kind` narrows to `command` or `run`.
    ///
    /// When another process is writing the index, what it has not folded in yet is read from the store.
    pub fn search(&self, store: &Store, words: &str, kind: Option<&str>, limit: usize) -> Result<Found> {
        let mut open = self.open(store)?;
        let (folded, tail) = self.fold_in(store, &mut open)?;
        let mut hits = self.ask(&open, words, kind, limit + tail.len())?;
        for doc in &tail {
            hits.retain(|h| h.key != doc.key);
            if let Some(hit) = query::match_row(doc, words, kind) {
                hits.push(hit);
            }
        }
        hits.sort_by(|a, b| b.score.total_cmp(&a.score));
        hits.truncate(limit);
        Ok(Found { hits, folded, rebuilt: open.rebuilt })
    }

    /// Opens the index; what cannot be read, or belongs to another store, is made again.
    fn open(&self, store: &Store) -> Result<Open> {
        let high = store.search_high_water()?;
        if let Ok(open) = self.try_open()
            && open.watermark <= high
        {
            return Ok(open);
        }
        let was_there = self.folder.exists();
        if was_there {
            std::fs::remove_dir_all(&self.folder).map_err(|e| {
                Error::new(
                    Kind::Failed,
                    format!("the search index in {} is damaged and cannot be removed", self.folder.display()),
                )
                .because(e)
                .hint("remove that folder; it is made again")
            })?;
        }
        let mut open = self.try_open().map_err(|e| broken(&self.folder, e))?;
        open.rebuilt = was_there;
        Ok(open)
    }

    fn try_open(&self) -> tantivy::Result<Open> {
        files::ensure_private_dir(&self.folder).map_err(|e| TantivyError::SystemError(e.to_string()))?;
        let (schema, fields) = schema();
        let directory = tantivy::directory::MmapDirectory::open(&self.folder)?;
        let index = tantivy::Index::open_or_create(directory, schema)?;
        let payload = index.load_metas()?.payload;
        let watermark = payload.and_then(|p| p.parse().ok()).unwrap_or(0);
        // Segments are opened here so that a damaged one is noticed now.
        index.reader()?;
        Ok(Open { index, fields, watermark, rebuilt: false })
    }

    /// Adds what the store has beyond the watermark. Without the writer's lock the missing rows come back instead.
    fn fold_in(&self, store: &Store, open: &mut Open) -> Result<(usize, Vec<SearchDoc>)> {
        if store.search_high_water()? <= open.watermark {
            return Ok((0, Vec::new()));
        }
        let mut writer: IndexWriter = match open.index.writer_with_num_threads(1, WRITER_MEMORY) {
            Ok(writer) => writer,
            Err(TantivyError::LockFailure(LockError::LockBusy, _)) => {
                return Ok((0, store.search_feed(open.watermark, TAIL)?));
            }
            Err(error) => return Err(broken(&self.folder, error)),
        };
        let mut folded = 0;
        loop {
            let rows = store.search_feed(open.watermark, BATCH)?;
            let Some(last) = rows.last() else { break };
            let upto = last.seq;
            for row in &rows {
                add(&mut writer, open.fields, row).map_err(|e| broken(&self.folder, e))?;
            }
            folded += rows.len();
            open.watermark = upto;
        }
        // The watermark is part of the commit, so that rows are never lost between the two.
        let committed = writer.prepare_commit().and_then(|mut prepared| {
            prepared.set_payload(&open.watermark.to_string());
            prepared.commit()
        });
        committed.map_err(|e| broken(&self.folder, e))?;
        Ok((folded, Vec::new()))
    }

    fn ask(&self, open: &Open, words: &str, kind: Option<&str>, limit: usize) -> Result<Vec<Hit>> {
        let failed = |e: TantivyError| broken(&self.folder, e);
        let reader = open.index.reader().map_err(failed)?;
        reader.reload().map_err(failed)?;
        let searcher = reader.searcher();
        let fields = [open.fields.title, open.fields.body];
        let Some(query) = query::build(words, fields, kind.map(|k| Term::from_field_text(open.fields.kind, k))) else {
            return Ok(Vec::new());
        };
        let top = searcher.search(&query, &TopDocs::with_limit(limit.max(1)).order_by_score()).map_err(failed)?;
        let mut hits = Vec::with_capacity(top.len());
        for (score, address) in top {
            let doc: TantivyDocument = searcher.doc(address).map_err(failed)?;
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

fn broken(folder: &Path, error: TantivyError) -> Error {
    Error::new(Kind::Failed, format!("the search index in {} cannot be used", folder.display()))
        .because(error)
        .hint("remove that folder; it is made again from the store")
}
