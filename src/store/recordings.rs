//! What was said into a microphone: recordings whose text is owed, and the texts of the last days.
//!
//! The sound itself is a file whose name stands here; making and deleting it is the business of whoever asks.

use rusqlite::{Row, params};
use serde_json::json;

use super::named::only;
use super::{Change, DocKind, Store};
use crate::kernel::clock::Timestamp;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::events::{self, Event};
use crate::kernel::ids::Id;
use crate::store::fault::Outcome;

/// Where a recording stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordingStatus {
    /// Its text is owed; somebody may be writing it down just now.
    Pending,
    /// Its text is here.
    Done,
    /// Nobody could write it down so far.
    Failed,
}

impl RecordingStatus {
    /// The word in the store and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            RecordingStatus::Pending => "pending",
            RecordingStatus::Done => "done",
            RecordingStatus::Failed => "failed",
        }
    }

    fn parse(word: &str) -> RecordingStatus {
        match word {
            "done" => RecordingStatus::Done,
            "failed" => RecordingStatus::Failed,
            _ => RecordingStatus::Pending,
        }
    }
}

/// A recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// Its id.
    pub id: Id,
    /// The name of its file in the folder of recordings.
    pub file: String,
    /// Where it was made: `listen`, `chat`, `tui`.
    pub source: String,
    /// Where it stands.
    pub status: RecordingStatus,
    /// Its length, ms; 0 when that was not known yet.
    pub ms: u64,
    /// How often somebody tried to write it down.
    pub tries: u64,
    /// Who wrote it down, or tried last.
    pub engine: Option<String>,
    /// The language that was heard.
    pub language: Option<String>,
    /// Its text, once it is done.
    pub text: Option<String>,
    /// Why nobody could write it down.
    pub error: Option<String>,
    /// When it was made.
    pub created: Timestamp,
    /// When its text came, or the last try failed.
    pub finished: Option<Timestamp>,
}

const COLUMNS: &str =
    "id, file, source, status, ms, tries, engine, language, text, error, created, finished FROM recordings";

impl Store {
    /// A recording begins: its text is owed from now on. `file` gets the id of the recording and gives the name of its file.
    pub fn begin_recording(&self, source: &str, ms: u64, file: impl FnOnce(Id) -> String) -> Result<Recording> {
        self.write(|change| {
            let id: Id = change.ids().next(change.at);
            let file = file(id);
            let sql = "INSERT INTO recordings (id, owner, file, source, status, ms, tries, created)
                 VALUES (?1, ?2, ?3, ?4, 'pending', ?5, 0, ?6)";
            change.alter(sql, params![id, change.owner(), file, source, ms as i64, change.at])?;
            let what = json!({"source": source, "ms": ms});
            change.record(&Event::new(events::RECORDING_ADDED, id.to_string(), what))?;
            Ok(Recording {
                id,
                file,
                source: source.to_string(),
                status: RecordingStatus::Pending,
                ms,
                tries: 0,
                engine: None,
                language: None,
                text: None,
                error: None,
                created: change.at,
                finished: None,
            })
        })
    }

    /// The text of a recording is there. `NotFound` when the recording is not.
    pub fn write_recording(&self, id: Id, engine: &str, text: &str, language: Option<&str>, ms: u64) -> Result<()> {
        self.write(|change| {
            let sql = "UPDATE recordings SET status = 'done', tries = tries + 1, engine = ?3, text = ?4, language = ?5,
                 ms = ?6, error = NULL, finished = ?7 WHERE id = ?1 AND owner = ?2";
            let row = params![id, change.owner(), engine, text, language, ms as i64, change.at];
            if change.alter(sql, row)? == 0 {
                return Err(no_recording(&id.to_string()).into());
            }
            change.touch_doc(DocKind::Recording, &id.to_string())?;
            change.record(&Event::new(events::RECORDING_WRITTEN, id.to_string(), json!({"engine": engine})))?;
            Ok(())
        })
    }

    /// Nobody could write a recording down; it is kept. `NotFound` when it is not there.
    pub fn fail_recording(&self, id: Id, engine: &str, error: &str) -> Result<()> {
        self.write(|change| {
            let sql =
                "UPDATE recordings SET status = 'failed', tries = tries + 1, engine = ?3, error = ?4, finished = ?5
                 WHERE id = ?1 AND owner = ?2";
            if change.alter(sql, params![id, change.owner(), engine, error, change.at])? == 0 {
                return Err(no_recording(&id.to_string()).into());
            }
            change.record(&Event::new(events::RECORDING_FAILED, id.to_string(), json!({"engine": engine})))?;
            Ok(())
        })
    }

    /// Recordings, oldest first: all, or those that stand so.
    pub fn recordings(&self, status: Option<RecordingStatus>) -> Result<Vec<Recording>> {
        self.read(|connection| {
            let sql = format!("SELECT {COLUMNS} WHERE owner = ?1 AND (?2 IS NULL OR status = ?2) ORDER BY id");
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_map(params![&*self.owner, status.map(RecordingStatus::name)], recording)?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// The recording whose id is, begins or ends so. `NotFound` when there is none, `Usage` when several.
    pub fn recording(&self, wanted: &str) -> Result<Recording> {
        let part = wanted.to_ascii_lowercase();
        let fits = |id: &str| part.len() >= 4 && (id.starts_with(&part) || id.ends_with(&part));
        let found = self.recordings(None)?.into_iter().filter(|one| fits(&one.id.to_string())).collect();
        only(found, wanted, "recordings", no_recording)
    }

    /// Erases a recording and its text. Its file is the caller's to delete.
    pub fn remove_recording(&self, id: Id) -> Result<()> {
        self.erase(|change| change.erase_recording(id))
    }

    /// Erases recordings whose text came before `until`, and gives them back: their files are the caller's to delete.
    pub fn prune_recordings(&self, until: Timestamp) -> Result<Vec<Recording>> {
        let old: Vec<Recording> = self
            .recordings(Some(RecordingStatus::Done))?
            .into_iter()
            .filter(|one| one.finished.is_some_and(|at| at < until))
            .collect();
        if !old.is_empty() {
            self.erase(|change| old.iter().try_for_each(|one| change.erase_recording(one.id)))?;
        }
        Ok(old)
    }
}

impl Change<'_> {
    fn erase_recording(&self, id: Id) -> Outcome<()> {
        let sql = "DELETE FROM recordings WHERE id = ?1 AND owner = ?2";
        if self.alter(sql, params![id, self.owner()])? == 0 {
            return Err(no_recording(&id.to_string()).into());
        }
        self.bury_doc(DocKind::Recording, &id.to_string())?;
        self.erase_payloads(&id.to_string())?;
        self.record(&Event::new(events::RECORDING_REMOVED, id.to_string(), json!({})))?;
        Ok(())
    }
}

fn recording(row: &Row<'_>) -> rusqlite::Result<Recording> {
    let whole = |at: usize| Ok::<_, rusqlite::Error>(u64::try_from(row.get::<_, i64>(at)?).unwrap_or(0));
    Ok(Recording {
        id: row.get(0)?,
        file: row.get(1)?,
        source: row.get(2)?,
        status: RecordingStatus::parse(&row.get::<_, String>(3)?),
        ms: whole(4)?,
        tries: whole(5)?,
        engine: row.get(6)?,
        language: row.get(7)?,
        text: row.get(8)?,
        error: row.get(9)?,
        created: row.get(10)?,
        finished: row.get(11)?,
    })
}

fn no_recording(wanted: &str) -> Error {
    Error::new(Kind::NotFound, format!("there is no recording {wanted}"))
        .hint("`fac voice recordings` lists them with their ids")
}
