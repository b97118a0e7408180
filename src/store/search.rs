//! What a search index has to read: every definition, run, message, memory and text of a recording has a
//! number that is renewed whenever it changes.
//!
//! The texts are put together when they are read, so nothing is kept twice and what was erased is not here either.

use rusqlite::{Connection, Row, params};
use serde_json::{Value, json};

use super::fault::Outcome;
use super::{Captured, Change, Store, history};
use crate::kernel::clock::Timestamp;
use crate::kernel::error::Result;

/// How many bytes of each output stream can be found by its words.
const SEARCHED_OUTPUT: usize = 16 * 1024;

/// What a document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DocKind {
    /// A definition; its key is the definition's id.
    Definition,
    /// A run; its key is the run's id.
    Run,
    /// A message of a chat; its key is the message's id.
    Message,
    /// Something to remember; its key is its id.
    Memory,
    /// What was said into a microphone and written down; its key is the recording's id.
    Recording,
}

impl DocKind {
    /// The word used in the database.
    pub fn name(self) -> &'static str {
        match self {
            DocKind::Definition => "definition",
            DocKind::Run => "run",
            DocKind::Message => "message",
            DocKind::Memory => "memory",
            DocKind::Recording => "recording",
        }
    }

    fn parse(name: &str) -> DocKind {
        let all = [DocKind::Run, DocKind::Message, DocKind::Memory, DocKind::Recording];
        all.into_iter().find(|kind| kind.name() == name).unwrap_or(DocKind::Definition)
    }
}

/// A thing that can be found.
#[derive(Clone, Debug, PartialEq)]
pub struct SearchDoc {
    /// Grows with each change of anything; an index remembers the last one it read.
    pub seq: i64,
    /// What it is.
    pub kind: DocKind,
    /// Its id.
    pub key: String,
    /// Whether it is gone; then the texts are empty.
    pub deleted: bool,
    /// When it last changed.
    pub at: Timestamp,
    /// The command's name; of a message the title of its chat, or its name.
    pub title: String,
    /// The words it should be found by.
    pub body: String,
    /// What a list of finds shows: for a definition `source`, `dialect`, `category`, `summary`, `aliases`; for a run
    /// `source`, `trigger`, `status`, `exit_code`, `started`; for a message `role`, `model`, `status`, `created`, `session`,
    /// `session_name`, `session_title`, `summary`, `source` (the program it was imported from), `tags`; for a memory `source`, `created`; for
    /// a recording `source`, `engine`, `created`.
    pub extra: Value,
}

pub(super) const FEED: &str =
    "SELECT seq, kind, key, at, deleted FROM search_docs WHERE seq > ?1 ORDER BY seq LIMIT ?2";

impl Store {
    /// At most `limit` documents that changed after `after_seq`, in order. A document that changed again meanwhile comes
    /// only with its last number.
    pub fn search_feed(&self, after_seq: i64, limit: usize) -> Result<Vec<SearchDoc>> {
        self.read(|connection| {
            let snapshot = connection.unchecked_transaction()?;
            let mut statement = snapshot.prepare_cached(FEED)?;
            let mut rows = statement.query(params![after_seq, i64::try_from(limit).unwrap_or(i64::MAX)])?;
            let mut docs = Vec::new();
            while let Some(row) = rows.next()? {
                docs.push(document(&snapshot, row)?);
            }
            Ok(docs)
        })
    }

    /// The number of the last change; 0 when there was none.
    pub fn search_high_water(&self) -> Result<i64> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached("SELECT ifnull(max(seq), 0) FROM search_docs")?;
            Ok(statement.query_row([], |row| row.get(0))?)
        })
    }
}

impl Change<'_> {
    /// Gives a document a new number.
    pub(super) fn touch_doc(&self, kind: DocKind, key: &str) -> Outcome<()> {
        self.number_doc(kind, key, false)
    }

    /// Leaves a tombstone.
    pub(super) fn bury_doc(&self, kind: DocKind, key: &str) -> Outcome<()> {
        self.number_doc(kind, key, true)
    }

    fn number_doc(&self, kind: DocKind, key: &str, deleted: bool) -> Outcome<()> {
        self.tx
            .prepare_cached("INSERT OR REPLACE INTO search_docs (kind, key, at, deleted) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![kind.name(), key, self.at, deleted])?;
        Ok(())
    }
}

fn document(connection: &Connection, row: &Row<'_>) -> Outcome<SearchDoc> {
    let kind: String = row.get(1)?;
    let kind = DocKind::parse(&kind);
    let mut doc = SearchDoc {
        seq: row.get(0)?,
        kind,
        key: row.get(2)?,
        at: row.get(3)?,
        deleted: row.get(4)?,
        title: String::new(),
        body: String::new(),
        extra: Value::Null,
    };
    if !doc.deleted {
        match kind {
            DocKind::Definition => fill_definition(connection, &mut doc)?,
            DocKind::Run => fill_run(connection, &mut doc)?,
            DocKind::Message => fill_message(connection, &mut doc)?,
            DocKind::Memory => fill_memory(connection, &mut doc)?,
            DocKind::Recording => fill_recording(connection, &mut doc)?,
        }
    }
    Ok(doc)
}

fn fill_definition(connection: &Connection, doc: &mut SearchDoc) -> Outcome<()> {
    let mut statement = connection.prepare_cached(
        "SELECT d.name, d.aliases, d.dialect, d.category, d.summary, b.search_body, s.name
         FROM definitions d JOIN definition_bodies b ON b.definition = d.n JOIN sources s ON s.n = d.source WHERE d.id = ?1",
    )?;
    let mut rows = statement.query([&doc.key])?;
    if let Some(row) = rows.next()? {
        let aliases: Value = serde_json::from_str(&row.get::<_, String>(1)?)?;
        doc.title = row.get(0)?;
        doc.body = row.get(5)?;
        doc.extra = json!({
            "source": row.get::<_, String>(6)?,
            "dialect": row.get::<_, String>(2)?,
            "category": row.get::<_, Option<String>>(3)?,
            "summary": row.get::<_, String>(4)?,
            "aliases": aliases,
        });
    }
    Ok(())
}

fn fill_run(connection: &Connection, doc: &mut SearchDoc) -> Outcome<()> {
    let mut statement = connection.prepare_cached(
        "SELECT command, source, trigger, args, status, exit_code, started, n FROM runs WHERE id = ?1",
    )?;
    let mut rows = statement.query([&doc.key])?;
    if let Some(row) = rows.next()? {
        doc.title = row.get(0)?;
        let mut body = String::new();
        words(&serde_json::from_str(&row.get::<_, String>(3)?)?, &mut body);
        for step in history::steps(connection, row.get(7)?)? {
            add_output(&step.stdout, &mut body);
            add_output(&step.stderr, &mut body);
        }
        doc.body = body;
        doc.extra = json!({
            "source": row.get::<_, String>(1)?,
            "trigger": row.get::<_, String>(2)?,
            "status": row.get::<_, String>(4)?,
            "exit_code": row.get::<_, Option<i32>>(5)?,
            "started": row.get::<_, Timestamp>(6)?,
        });
    }
    Ok(())
}

fn fill_message(connection: &Connection, doc: &mut SearchDoc) -> Outcome<()> {
    let mut statement = connection.prepare_cached(
        "SELECT m.words, m.role, m.model, m.status, m.created, s.id, s.title, s.name, m.summary_of IS NOT NULL, s.imported_from,
         (SELECT json_group_array(tag) FROM session_tags WHERE session = s.n)
         FROM messages m JOIN sessions s ON s.n = m.session WHERE m.id = ?1",
    )?;
    let mut rows = statement.query([&doc.key])?;
    if let Some(row) = rows.next()? {
        let (title, name): (Option<String>, Option<String>) = (row.get(6)?, row.get(7)?);
        doc.title = title.clone().or(name.clone()).unwrap_or_default();
        doc.body = row.get(0)?;
        doc.extra = json!({
            "role": row.get::<_, String>(1)?,
            "model": row.get::<_, Option<String>>(2)?,
            "status": row.get::<_, String>(3)?,
            "created": row.get::<_, Timestamp>(4)?,
            "session": row.get::<_, String>(5)?,
            "session_name": name,
            "session_title": title,
            "summary": row.get::<_, bool>(8)?,
            "source": row.get::<_, Option<String>>(9)?,
            "tags": serde_json::from_str::<Value>(&row.get::<_, String>(10)?)?,
        });
    }
    Ok(())
}

fn fill_memory(connection: &Connection, doc: &mut SearchDoc) -> Outcome<()> {
    let mut statement = connection.prepare_cached("SELECT text, source, created FROM memories WHERE id = ?1")?;
    let mut rows = statement.query([&doc.key])?;
    if let Some(row) = rows.next()? {
        doc.body = row.get(0)?;
        doc.extra = json!({"source": row.get::<_, String>(1)?, "created": row.get::<_, Timestamp>(2)?});
    }
    Ok(())
}

fn fill_recording(connection: &Connection, doc: &mut SearchDoc) -> Outcome<()> {
    let mut statement = connection
        .prepare_cached("SELECT text, source, engine, created FROM recordings WHERE id = ?1 AND text IS NOT NULL")?;
    let mut rows = statement.query([&doc.key])?;
    if let Some(row) = rows.next()? {
        doc.body = row.get(0)?;
        doc.extra = json!({
            "source": row.get::<_, String>(1)?,
            "engine": row.get::<_, Option<String>>(2)?,
            "created": row.get::<_, Timestamp>(3)?,
        });
    }
    Ok(())
}

/// The values inside JSON, one a line.
fn words(value: &Value, text: &mut String) {
    match value {
        Value::Null => {}
        Value::String(word) => {
            text.push_str(word);
            text.push('\n');
        }
        Value::Array(values) => values.iter().for_each(|value| words(value, text)),
        Value::Object(fields) => fields.values().for_each(|value| words(value, text)),
        Value::Bool(_) | Value::Number(_) => {
            text.push_str(&value.to_string());
            text.push('\n');
        }
    }
}

/// The beginning and the end of an output, together at most [`SEARCHED_OUTPUT`] bytes.
fn add_output(output: &Captured, text: &mut String) {
    let head = &output.head[..output.head.len().min(SEARCHED_OUTPUT)];
    let tail = &output.tail[output.tail.len().saturating_sub(SEARCHED_OUTPUT - head.len())..];
    for part in [head, tail] {
        if !part.is_empty() {
            text.push_str(&String::from_utf8_lossy(part));
            text.push('\n');
        }
    }
}
