//! The Tantivy index: opening, folding in what is new, searching.

use std::ops::Range;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tantivy::collector::TopDocs;
use tantivy::directory::error::LockError;
use tantivy::indexer::NoMergePolicy;
use tantivy::schema::{Field, Value as _};
use tantivy::{DocAddress, IndexWriter, Order, ReloadPolicy, Searcher, TantivyDocument, TantivyError, Term};

use super::doc::Doc;
use super::excerpt::excerpt;
use super::facets::{Counting, Counts, Facets};
use super::query::Query;
use super::schema::{Fields, WHEN, schema};
use super::{intact, plan, row, words};
use crate::kernel::clock::Timestamp;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::files;
use crate::kernel::terminal::{safe_line, truncate_to_width, width};
use crate::store::{DocKind, SearchDoc, Store};

/// Rows folded in between two looks at the store.
const BATCH: usize = 2_000;
/// Memory of the writer, bytes; the least Tantivy takes for one thread.
const WRITER_MEMORY: usize = 15_000_000;
/// How often a damaged index is made again before the answer comes from the store alone.
const ATTEMPTS: usize = 3;

/// Something that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// `definition`, `run`, `message` or `memory`.
    pub kind: String,
    /// The row's key in the store.
    pub key: String,
    /// A line about it: the command's name, the title of a message's chat.
    pub title: String,
    /// The place in its text that matches, on one line.
    pub excerpt: String,
    /// The words of the excerpt that match, as bytes of it.
    pub marks: Vec<Range<usize>>,
    /// What the store says of it for lists, as [`SearchDoc::extra`].
    pub extra: Value,
    /// When it was said or started; for a command, when it last changed.
    pub when: Timestamp,
    /// How well it fits.
    pub score: f32,
}

impl Hit {
    /// The excerpt, at most `room` columns of it and safe for a terminal, in pieces: whether each is a word that matches.
    pub fn pieces(&self, room: usize) -> Vec<(bool, String)> {
        let mut cut = Vec::new();
        let mut end = 0;
        for mark in &self.marks {
            cut.push((false, self.excerpt.get(end..mark.start).unwrap_or_default()));
            cut.push((true, self.excerpt.get(mark.clone()).unwrap_or_default()));
            end = mark.end;
        }
        cut.push((false, self.excerpt.get(end..).unwrap_or_default()));
        let (mut pieces, mut left) = (Vec::new(), room);
        for (marked, text) in cut.into_iter().filter(|(_, text)| !text.is_empty()) {
            let text = safe_line(text);
            let shown = truncate_to_width(&text, left);
            let whole = shown.len() == text.len();
            left = left.saturating_sub(width(&shown));
            pieces.push((marked, shown));
            if !whole || left == 0 {
                break;
            }
        }
        pieces
    }
}

/// The answer to a search.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// Best first; newest first where there was no word to judge by.
    pub hits: Vec<Hit>,
    /// Counts over everything found, where they were asked for.
    pub facets: Option<Facets>,
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
    /// There was none: the first search, or somebody removed it, or an older fac wrote it.
    Anew,
    /// It was damaged, or belonged to another store, and was made again.
    Again,
    /// None can be kept in its folder; this search made one for itself.
    NotKept,
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
    /// Another version wrote it, with other fields.
    Outdated,
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

impl Index {
    /// The index kept below `folder`, which need not exist.
    pub fn new(folder: &Path) -> Self {
        Index { folder: folder.to_path_buf() }
    }

    /// Looks for plain words, in which nothing has a meaning of its own; `kind` narrows as in [`Query::of_kind`].
    pub fn search(&self, store: &Store, words: &str, kind: Option<&str>, limit: usize) -> Result<Found> {
        let query = Query::plain(words);
        let query = if let Some(kind) = kind.filter(|_| !query.is_empty()) { query.of_kind(kind) } else { query };
        self.find(store, &query, limit, false)
    }

    /// Folds in what is new and searches; counts everything found when `facets` are wanted.
    ///
    /// When another process is writing the index, what it has not folded in yet is read from the store. An index that
    /// cannot be used is made again; one that cannot be made at all is done without.
    pub fn find(&self, store: &Store, query: &Query, limit: usize, facets: bool) -> Result<Found> {
        let (found, made) = self.persist(store, &mut || self.attempt(store, query, limit, facets))?;
        if let Some(found) = found {
            return Ok(Found { made, ..found });
        }
        let (mut hits, mut counts) = (Vec::new(), Counts::default());
        each_row(store, 0, |row| hits.extend(hit_of_row(row, query, &mut counts)))?;
        Ok(Found { hits: best(hits, query, limit), folded: 0, facets: facets.then(|| counts.finish()), made })
    }

    /// Folds in what is new, so that the next search has less to do and what was erased leaves the index too; how many
    /// rows that were. Nothing when another process is at it.
    pub fn catch_up(&self, store: &Store) -> Result<usize> {
        self.catch_up_and(store, false)
    }

    /// The same; `purge`: what rows held before they changed leaves the files too.
    fn catch_up_and(&self, store: &Store, purge: bool) -> Result<usize> {
        let (folded, _) = self.persist(store, &mut || {
            let mut open = self.open(store)?;
            Ok(self.fold_in(store, &mut open, purge)?.0)
        })?;
        Ok(folded.unwrap_or(0))
    }

    /// Lets what was erased, or blacked out in its place, leave the index at once, where there is one.
    pub fn drop_erased(&self, store: &Store) -> Result<usize> {
        if self.folder.join("meta.json").exists() { self.catch_up_and(store, true) } else { Ok(0) }
    }

    /// Tries until it works, making an index that cannot be used again in between; `None` when it cannot be made.
    fn persist<T>(&self, store: &Store, attempt: &mut dyn FnMut() -> Result<T, Trouble>) -> Result<(Option<T>, Made)> {
        let mut made = if self.folder.join("meta.json").exists() { Made::No } else { Made::Anew };
        for _ in 0..ATTEMPTS {
            match attempt() {
                Ok(value) => return Ok((Some(value), made)),
                Err(Trouble::Other(error)) => return Err(error),
                Err(Trouble::Outdated) => {
                    self.clear(store)?;
                    made = Made::Anew;
                }
                Err(Trouble::Damaged(error)) => {
                    tracing::warn!(error = error.to_string(), "search index damaged");
                    if self.clear(store)? {
                        made = Made::Again;
                    }
                }
            }
        }
        Ok((None, Made::NotKept))
    }

    fn attempt(&self, store: &Store, query: &Query, limit: usize, facets: bool) -> Result<Found, Trouble> {
        let mut open = self.open(store)?;
        let (folded, tail) = self.fold_in(store, &mut open, false)?;
        if query.is_empty() {
            return Ok(Found { folded, facets: facets.then(Facets::default), ..Found::default() });
        }
        let (mut hits, mut counts) = ask(&open, query, &tail, limit, facets)?;
        hits.extend(tail.iter().filter_map(|row| hit_of_row(row, query, &mut counts)));
        let facets = facets.then(|| counts.finish());
        Ok(Found { hits: best(hits, query, limit), folded, facets, made: Made::No })
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

    /// Opens the index and looks whether it is whole, so that damage is noticed here; one of another store is damaged too.
    fn open(&self, store: &Store) -> Result<Open, Trouble> {
        files::ensure_private_dir(&self.folder).map_err(|e| TantivyError::SystemError(e.to_string()))?;
        let (schema, fields) = schema();
        let directory = tantivy::directory::MmapDirectory::open(&self.folder).map_err(TantivyError::from)?;
        let index = match tantivy::Index::open_or_create(directory, schema) {
            Err(TantivyError::SchemaError(_)) => return Err(Trouble::Outdated),
            other => other?,
        };
        index.tokenizers().register(words::NAME, words::analyzer());
        let mark = match index.load_metas()?.payload {
            Some(payload) => Mark::parse(&payload).ok_or_else(|| foreign("its mark cannot be read"))?,
            None => Mark::default(),
        };
        if !intact::intact(&index, &self.folder)? {
            return Err(foreign("a file of it was changed").into());
        }
        searcher(&index)?;
        if mark != Mark::default() && (mark.store != identity(store)? || mark.seq > store.search_high_water()?) {
            return Err(foreign("it belongs to another store").into());
        }
        Ok(Open { index, fields, mark })
    }

    /// Adds what the store has beyond the mark. Without the writer's lock the missing rows come back instead.
    fn fold_in(&self, store: &Store, open: &mut Open, purge: bool) -> Result<(usize, Vec<SearchDoc>), Trouble> {
        if !purge && store.search_high_water()? <= open.mark.seq {
            return Ok((0, Vec::new()));
        }
        let mut writer: IndexWriter = match open.index.writer_with_num_threads(1, WRITER_MEMORY) {
            Ok(writer) => writer,
            Err(TantivyError::LockFailure(LockError::LockBusy, _)) => {
                let mut tail = Vec::new();
                each_row(store, open.mark.seq, |row| tail.push(row.clone()))?;
                return Ok((0, tail));
            }
            Err(error) => return Err(error.into()),
        };
        let (mut folded, mut erased, mut failed) = (0, purge, None);
        let last = each_row(store, open.mark.seq, |row| {
            folded += 1;
            erased |= row.deleted && row.kind != DocKind::Definition;
            failed = failed.take().or_else(|| add(&mut writer, &open.fields, row).err());
        })?;
        if let Some(error) = failed {
            return Err(error.into());
        }
        if erased {
            writer.set_merge_policy(Box::new(NoMergePolicy));
        }
        open.mark = Mark { seq: last, store: identity(store)? };
        let mut prepared = writer.prepare_commit()?;
        prepared.set_payload(&open.mark.written());
        prepared.commit()?;
        if erased {
            drop_deleted(&mut writer, &open.index)?;
        }
        // A process is short; without this no merge would ever come to its end and the index fall to pieces.
        writer.wait_merging_threads()?;
        Ok((folded, Vec::new()))
    }
}

/// Writes the segments that hold deleted things again without them: a deletion alone leaves their words in the files.
fn drop_deleted(writer: &mut IndexWriter, index: &tantivy::Index) -> tantivy::Result<()> {
    // Whoever holds a segment's description keeps its files from being removed.
    let metas = index.searchable_segment_metas()?.into_iter();
    let holding: Vec<_> = metas.filter(|meta| meta.num_deleted_docs() > 0).map(|meta| meta.id()).collect();
    if !holding.is_empty() {
        writer.merge(&holding).wait()?;
    }
    writer.garbage_collect_files().wait()?;
    Ok(())
}

/// The index as it stands. A reader of Tantivy's own accord begins a thread that reads everything once more at once and
/// lives on for half a second, with the files mapped into memory: whoever shortens one of them then ends the process.
fn searcher(index: &tantivy::Index) -> tantivy::Result<Searcher> {
    let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
    Ok(reader.searcher())
}

/// What the index itself answers; things that stand in `tail` are left out.
fn ask(
    open: &Open,
    query: &Query,
    tail: &[SearchDoc],
    limit: usize,
    facets: bool,
) -> tantivy::Result<(Vec<Hit>, Counts)> {
    let searcher = searcher(&open.index)?;
    let asked = plan::plan(query, &open.fields, tail.iter().map(|row| row.key.as_str()));
    let counting = facets.then_some(Counting);
    let top = TopDocs::with_limit(limit.max(1));
    let (found, counts): (Vec<(f32, DocAddress)>, _) = if query.words().is_empty() {
        let newest = top.order_by_fast_field::<i64>(WHEN, Order::Desc);
        let (found, counts) = searcher.search(&asked, &(newest, counting))?;
        (found.into_iter().map(|(_, address)| (0.0, address)).collect(), counts)
    } else {
        searcher.search(&asked, &(top.order_by_score(), counting))?
    };
    let hits = found.into_iter().map(|(score, address)| hit(&searcher, &open.fields, query, score, address));
    Ok((hits.collect::<tantivy::Result<_>>()?, counts.unwrap_or_default()))
}

fn hit(searcher: &Searcher, fields: &Fields, query: &Query, score: f32, at: DocAddress) -> tantivy::Result<Hit> {
    let doc: TantivyDocument = searcher.doc(at)?;
    let text = |field: Field| doc.get_first(field).and_then(|v| v.as_str()).unwrap_or_default();
    let excerpt = excerpt(text(fields.body), query);
    let title = [text(fields.title), text(fields.chat)].into_iter().find(|title| !title.is_empty());
    Ok(Hit {
        kind: text(fields.kind).to_string(),
        key: text(fields.key).to_string(),
        title: title.unwrap_or_default().to_string(),
        excerpt: excerpt.text,
        marks: excerpt.marks,
        extra: serde_json::from_str(text(fields.extra)).unwrap_or_default(),
        when: Timestamp::from_micros(doc.get_first(fields.when).and_then(|v| v.as_i64()).unwrap_or_default()),
        score,
    })
}

/// A row that the index has not read, if it is found; it is counted too.
fn hit_of_row(row: &SearchDoc, query: &Query, counts: &mut Counts) -> Option<Hit> {
    if row.deleted || query.is_empty() {
        return None;
    }
    let doc = Doc::of(row);
    let score = row::fits(&doc, query)?;
    counts.add(&doc);
    let excerpt = excerpt(doc.body, query);
    Some(Hit {
        kind: doc.kind.name().to_string(),
        key: doc.key.to_string(),
        title: doc.name().to_string(),
        excerpt: excerpt.text,
        marks: excerpt.marks,
        extra: doc.extra.clone(),
        when: doc.when,
        score,
    })
}

/// Shows every row after `seq` to `see`, a batch at a time; the number of the last one.
fn each_row(store: &Store, mut seq: i64, mut see: impl FnMut(&SearchDoc)) -> Result<i64> {
    loop {
        let rows = store.search_feed(seq, BATCH)?;
        let Some(last) = rows.last() else { return Ok(seq) };
        seq = last.seq;
        rows.iter().for_each(&mut see);
    }
}

fn best(mut hits: Vec<Hit>, query: &Query, limit: usize) -> Vec<Hit> {
    if query.words().is_empty() {
        hits.sort_by(|a, b| (b.when, &b.key).cmp(&(a.when, &a.key)));
    } else {
        hits.sort_by(|a, b| b.score.total_cmp(&a.score));
    }
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

fn add(writer: &mut IndexWriter, fields: &Fields, row: &SearchDoc) -> tantivy::Result<()> {
    writer.delete_term(Term::from_field_text(fields.key, &row.key));
    if row.deleted {
        return Ok(());
    }
    writer.add_document(fields.document(&Doc::of(row))).map(drop)
}
