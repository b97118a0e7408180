//! What is said in chats: a tree of messages, each answer filled in once.
//!
//! A question is on the disk before anything is sent; with it goes the row of its answer, which knows the process that
//! waits for it, so that no answer waits for ever. Bytes of attached files stand apart, once each.

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::fault::Outcome;
use super::search::DocKind;
use super::{Change, Process, Store};
use crate::kernel::clock::Timestamp;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::events::{self, Event};
use crate::kernel::ids::Id;

/// Files whose base64 is shorter than this stay where they are.
const SMALL: usize = 1024;

/// Where a message stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MessageStatus {
    /// An answer that is awaited.
    Pending,
    /// Whole.
    Done,
    /// There is an error instead of (the rest of) it.
    Failed,
    /// A person stopped it.
    Cancelled,
    /// The stream ended without its end.
    CutOff,
}

impl MessageStatus {
    /// Every status.
    pub const ALL: [MessageStatus; 5] = [
        MessageStatus::Pending,
        MessageStatus::Done,
        MessageStatus::Failed,
        MessageStatus::Cancelled,
        MessageStatus::CutOff,
    ];

    /// The word used in the database and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            MessageStatus::Pending => "pending",
            MessageStatus::Done => "done",
            MessageStatus::Failed => "failed",
            MessageStatus::Cancelled => "cancelled",
            MessageStatus::CutOff => "cut_off",
        }
    }

    /// The status of that name.
    pub fn parse(name: &str) -> Option<MessageStatus> {
        MessageStatus::ALL.into_iter().find(|status| status.name() == name)
    }
}

/// A message that is about to be kept.
#[derive(Clone, Debug, PartialEq)]
pub struct NewMessage {
    /// The chat.
    pub session: Id,
    /// What it follows; `None` begins a tree.
    pub parent: Option<Id>,
    /// Who says it: `system`, `user`, `assistant`, `tool`.
    pub role: String,
    /// Its pieces, a JSON array.
    pub parts: Value,
    /// Its plain text, by which it is found.
    pub words: String,
    /// Where it stands.
    pub status: MessageStatus,
    /// The model that says it.
    pub model: Option<String>,
    /// The command that asked.
    pub command: Option<String>,
    /// The messages that it stands for, where it is a summary. A summary stands beside the tree: the chat does not go on
    /// at it.
    pub summary_of: Vec<Id>,
    /// Its size, where it was counted.
    pub tokens: Option<u64>,
    /// The process that fills it in, where it is pending.
    pub process: Option<Process>,
    /// When it was said, where that was not now.
    pub at: Option<Timestamp>,
}

/// A message.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Its id.
    pub id: Id,
    /// The chat.
    pub session: Id,
    /// What it follows.
    pub parent: Option<Id>,
    /// Who says it.
    pub role: String,
    /// Where it stands.
    pub status: MessageStatus,
    /// Its plain text.
    pub words: String,
    /// Its pieces, a JSON array, files and all.
    pub parts: Value,
    /// The model that said it.
    pub model: Option<String>,
    /// The command that asked.
    pub command: Option<String>,
    /// The messages that it stands for.
    pub summary_of: Vec<Id>,
    /// Its size, where it was counted.
    pub tokens: Option<u64>,
    /// What went wrong.
    pub error: Option<String>,
    /// When it was said, or begun.
    pub created: Timestamp,
    /// When it was whole or given up.
    pub finished: Option<Timestamp>,
}

/// How an answer ended.
#[derive(Clone, Debug, PartialEq)]
pub struct MessageEnd {
    /// Not `Pending`.
    pub status: MessageStatus,
    /// Its pieces.
    pub parts: Value,
    /// Its plain text.
    pub words: String,
    /// The model that answered.
    pub model: Option<String>,
    /// What went wrong.
    pub error: Option<String>,
    /// Its size.
    pub tokens: Option<u64>,
}

const COLUMNS: &str = "m.id, s.id, m.parent, m.role, m.status, m.words, m.parts, m.model, m.command, m.summary_of, m.tokens,
     m.error, m.created, m.finished, m.n";

/// Messages of a chat, newest first.
pub(super) fn page_sql() -> String {
    format!(
        "SELECT {COLUMNS} FROM messages m JOIN sessions s ON s.n = m.session
         WHERE m.session = ?1 AND m.id < ?2 ORDER BY m.id DESC LIMIT ?3"
    )
}

/// Messages of an owner between two ids (which grow with time), newest first.
pub(super) fn by_owner_sql() -> String {
    format!(
        "SELECT {COLUMNS} FROM messages m JOIN sessions s ON s.n = m.session
         WHERE m.owner = ?1 AND m.id >= ?2 AND m.id < ?3 AND (?4 IS NULL OR m.role = ?4) ORDER BY m.id DESC LIMIT ?5"
    )
}

impl Store {
    /// Keeps one message; the chat goes on at it unless it is a summary.
    pub fn add_message(&self, new: &NewMessage) -> Result<Id> {
        self.write(|change| change.add_message(new))
    }

    /// Keeps a question and the row of its answer, together. The answer follows the question.
    pub fn add_turn(&self, question: &NewMessage, answer: &NewMessage) -> Result<(Id, Id)> {
        self.write(|change| {
            let asked = change.add_message(question)?;
            let answer = change.add_message(&NewMessage { parent: Some(asked), ..answer.clone() })?;
            Ok((asked, answer))
        })
    }

    /// Keeps what has come of a pending answer so far. It writes no event: the end does.
    pub fn grow_message(&self, id: Id, parts: &Value, words: &str) -> Result<()> {
        self.write(|change| {
            change
                .tx
                .prepare_cached("UPDATE messages SET parts = ?2, words = ?3 WHERE id = ?1 AND status = 'pending'")?
                .execute(params![id, parts.to_string(), words])?;
            Ok(())
        })
    }

    /// Fills a pending answer in. `NotFound` when it was removed or has ended meanwhile.
    pub fn end_message(&self, id: Id, end: &MessageEnd) -> Result<()> {
        self.write(|change| change.end_message(id, end))
    }

    /// The messages from the root to `leaf`, in order.
    pub fn thread(&self, leaf: Id) -> Result<Vec<Message>> {
        self.read(|connection| {
            let sql = format!(
                "WITH RECURSIVE up (id, parent, depth) AS (
                   SELECT id, parent, 0 FROM messages WHERE id = ?1 AND owner = ?2
                   UNION ALL SELECT m.id, m.parent, up.depth + 1 FROM messages m JOIN up ON m.id = up.parent)
                 SELECT {COLUMNS} FROM up JOIN messages m ON m.id = up.id JOIN sessions s ON s.n = m.session
                 ORDER BY up.depth DESC"
            );
            all(connection, &sql, params![leaf, &*self.owner], true)
        })
    }

    /// The message with this id, or whose id begins or ends so within `session`.
    pub fn message(&self, session: Id, wanted: &str) -> Result<Message> {
        let part = wanted.to_ascii_lowercase();
        let sane = part.len() >= 4 && part.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
        let mut found = self.read(|connection| {
            let sql = format!(
                "SELECT {COLUMNS} FROM messages m JOIN sessions s ON s.n = m.session
                 WHERE s.id = ?1 AND m.owner = ?2 AND (m.id LIKE ?3 || '%' OR m.id LIKE '%' || ?3) LIMIT 2"
            );
            if sane { all(connection, &sql, params![session, &*self.owner, part], true) } else { Ok(Vec::new()) }
        })?;
        match found.len() {
            1 => Ok(found.swap_remove(0)),
            0 => Err(no_message(wanted)),
            _ => Err(Error::new(Kind::Usage, format!("several messages are called {wanted}")).hint("write more of the id")),
        }
    }

    /// Every message of a chat in the order in which they were kept, without the bytes of files.
    pub fn tree(&self, session: Id) -> Result<Vec<Message>> {
        self.read(|connection| {
            let sql = format!(
                "SELECT {COLUMNS} FROM messages m JOIN sessions s ON s.n = m.session
                 WHERE s.id = ?1 AND s.owner = ?2 ORDER BY m.id"
            );
            all(connection, &sql, params![session, &*self.owner], false)
        })
    }

    /// The same with the bytes of files, for whoever takes the chat elsewhere.
    pub fn whole_tree(&self, session: Id) -> Result<Vec<Message>> {
        self.read(|connection| {
            let sql = format!(
                "SELECT {COLUMNS} FROM messages m JOIN sessions s ON s.n = m.session
                 WHERE s.id = ?1 AND s.owner = ?2 ORDER BY m.id"
            );
            all(connection, &sql, params![session, &*self.owner], true)
        })
    }

    /// The summaries of a chat.
    pub fn summaries(&self, session: Id) -> Result<Vec<Message>> {
        self.read(|connection| {
            let sql = format!(
                "SELECT {COLUMNS} FROM messages m JOIN sessions s ON s.n = m.session
                 WHERE m.session = (SELECT n FROM sessions WHERE id = ?1 AND owner = ?2) AND m.summary_of IS NOT NULL
                 AND m.status = 'done' ORDER BY m.id"
            );
            all(connection, &sql, params![session, &*self.owner], false)
        })
    }

    /// A page of a chat's messages, newest first, without the bytes of files, and the cursor of the next page.
    pub fn messages(&self, session: Id, after: Option<&str>, limit: usize) -> Result<(Vec<Message>, Option<String>)> {
        let n = self.write_free_session_number(session)?;
        let high = after.map_or("g".to_string(), String::from);
        let rows = self.read(|connection| {
            all(connection, &page_sql(), params![n, high, limit.clamp(1, 1 << 30) as i64 + 1], false)
        })?;
        Ok(page(rows, limit))
    }

    /// A page of everybody's messages of this owner between two moments, newest first.
    pub fn messages_between(
        &self,
        since: Option<Timestamp>,
        until: Option<Timestamp>,
        role: Option<&str>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<Message>, Option<String>)> {
        let low = since.map_or(String::new(), |t| Id::floor(t).to_string());
        let high = until.map_or("g".to_string(), |t| Id::floor(t).to_string());
        let high = after.map_or(high.clone(), |cursor| high.min(cursor.to_string()));
        let rows = self.read(|connection| {
            let limit = limit.clamp(1, 1 << 30) as i64 + 1;
            all(connection, &by_owner_sql(), params![&*self.owner, low, high, role, limit], false)
        })?;
        Ok(page(rows, limit))
    }

    /// Turns every pending answer whose process `is_alive` no more into a failed one that keeps what had come. Says how
    /// many those were; writes nothing when all are alive.
    pub fn adopt_pending(&self, is_alive: &dyn Fn(&Process) -> bool) -> Result<usize> {
        let open: Vec<(Id, Option<Process>)> = self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT id, pid, process_start, boot FROM messages WHERE status = 'pending' AND +owner = ?1",
            )?;
            let rows = statement.query_map([&*self.owner], |row| {
                let pid: Option<i64> = row.get(1)?;
                let process = match pid {
                    Some(pid) => {
                        let start = row.get::<_, i64>(2)? as u64;
                        Some(Process { pid: pid as u32, start, boot: row.get(3)? })
                    }
                    None => None,
                };
                Ok((row.get(0)?, process))
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })?;
        let gone = |process: &Option<Process>| process.as_ref().is_none_or(|p| !is_alive(p));
        let dead: Vec<Id> = open.iter().filter(|(_, process)| gone(process)).map(|(id, _)| *id).collect();
        if dead.is_empty() {
            return Ok(0);
        }
        self.write(|change| {
            for id in &dead {
                let sql = "UPDATE messages SET status = 'failed', finished = ?2, error = ?3 WHERE id = ?1 AND status = 'pending'";
                let said = "the program was ended before the answer was whole";
                change.tx.prepare_cached(sql)?.execute(params![id, change.at, said])?;
                change.record(&Event::new(events::MESSAGE_ENDED, id.to_string(), json!({"status": "failed", "lost": true})))?;
                change.touch_doc(DocKind::Message, &id.to_string())?;
            }
            Ok(dead.len())
        })
    }

    /// Erases a message and all that follow it, also from the event log's payloads. The chat goes on at what it followed.
    pub fn remove_message(&self, id: Id) -> Result<usize> {
        self.shared.pool.overwrite_deleted()?;
        let removed = self.write(|change| {
            let below: Vec<(i64, Id)> = change
                .tx
                .prepare_cached(
                    "WITH RECURSIVE down (n, id) AS (SELECT n, id FROM messages WHERE id = ?1 AND owner = ?2
                       UNION ALL SELECT m.n, m.id FROM messages m JOIN down ON m.parent = down.id)
                     SELECT n, id FROM down",
                )?
                .query_map(params![id, change.owner()], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<rusqlite::Result<_>>()?;
            let Some((first, _)) = below.first() else { return Err(no_message(&id.to_string()).into()) };
            let (session, parent): (i64, Option<Id>) = change
                .tx
                .prepare_cached("SELECT session, parent FROM messages WHERE n = ?1")?
                .query_row([first], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let head: Option<Id> = change
                .tx
                .prepare_cached("SELECT head FROM sessions WHERE n = ?1")?
                .query_row([session], |row| row.get(0))?;
            if head.is_some_and(|head| below.iter().any(|(_, id)| *id == head)) {
                change.tx.prepare_cached("UPDATE sessions SET head = ?2 WHERE n = ?1")?.execute(params![session, parent])?;
            }
            for (n, id) in &below {
                change.erase_message(*n, *id)?;
            }
            let sql = "UPDATE sessions SET messages = messages - ?2, updated = ?3 WHERE n = ?1";
            change.tx.prepare_cached(sql)?.execute(params![session, below.len() as i64, change.at])?;
            Ok(below.len())
        })?;
        self.shared.pool.empty_log()?;
        Ok(removed)
    }

    fn write_free_session_number(&self, session: Id) -> Result<i64> {
        let found = self.read(|connection| {
            let mut find = connection.prepare_cached("SELECT n FROM sessions WHERE id = ?1 AND owner = ?2")?;
            Ok(find.query_row(params![session, &*self.owner], |row| row.get(0)).optional()?)
        })?;
        found.ok_or_else(|| super::sessions::no_session(&session.to_string()))
    }
}

impl Change<'_> {
    fn add_message(&self, new: &NewMessage) -> Outcome<Id> {
        let n = self.session_number(new.session)?;
        let at = new.at.unwrap_or(self.at);
        let id = self.ids().next(at);
        let (parts, files) = take_files_out(&new.parts);
        let process = new.process.as_ref();
        let summary_of = (!new.summary_of.is_empty()).then(|| json!(new.summary_of).to_string());
        self.tx
            .prepare_cached(
                "INSERT INTO messages (id, owner, session, parent, role, status, words, parts, model, command, summary_of,
                 tokens, pid, process_start, boot, created, finished)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
            )?
            .execute(params![
                id,
                self.owner(),
                n,
                new.parent,
                new.role,
                new.status.name(),
                new.words,
                parts.to_string(),
                new.model,
                new.command,
                summary_of,
                new.tokens.map(|t| t as i64),
                process.map(|p| i64::from(p.pid)),
                process.map(|p| p.start as i64),
                process.map(|p| p.boot.as_str()),
                at,
                (new.status != MessageStatus::Pending).then_some(at),
            ])?;
        self.keep_files(self.tx.last_insert_rowid(), &files)?;
        let head = if new.summary_of.is_empty() { Some(id) } else { None };
        let sql = "UPDATE sessions SET messages = messages + 1, updated = max(updated, ?2), head = ifnull(?3, head) WHERE n = ?1";
        self.tx.prepare_cached(sql)?.execute(params![n, at, head])?;
        let payload = json!({"session": new.session, "role": new.role, "status": new.status.name(), "model": new.model});
        self.record(&Event::new(events::MESSAGE_ADDED, id.to_string(), payload))?;
        if new.status != MessageStatus::Pending {
            self.touch_doc(DocKind::Message, &id.to_string())?;
        }
        Ok(id)
    }

    fn end_message(&self, id: Id, end: &MessageEnd) -> Outcome<()> {
        let mut find =
            self.tx.prepare_cached("SELECT n FROM messages WHERE id = ?1 AND owner = ?2 AND status = 'pending'")?;
        let n: Option<i64> = find.query_row(params![id, self.owner()], |row| row.get(0)).optional()?;
        let Some(n) = n else { return Err(no_message(&id.to_string()).into()) };
        let (parts, files) = take_files_out(&end.parts);
        self.tx
            .prepare_cached(
                "UPDATE messages SET status = ?2, parts = ?3, words = ?4, model = ifnull(?5, model), error = ?6, tokens = ?7,
                 finished = ?8, pid = NULL, process_start = NULL, boot = NULL WHERE n = ?1",
            )?
            .execute(params![
                n,
                end.status.name(),
                parts.to_string(),
                end.words,
                end.model,
                end.error,
                end.tokens.map(|t| t as i64),
                self.at
            ])?;
        self.keep_files(n, &files)?;
        let sql = "UPDATE sessions SET updated = max(updated, ?2) WHERE n = (SELECT session FROM messages WHERE n = ?1)";
        self.tx.prepare_cached(sql)?.execute(params![n, self.at])?;
        let payload = json!({"status": end.status.name(), "model": end.model, "error": end.error});
        self.record(&Event::new(events::MESSAGE_ENDED, id.to_string(), payload))?;
        self.touch_doc(DocKind::Message, &id.to_string())
    }

    fn keep_files(&self, message: i64, files: &[(String, String)]) -> Outcome<()> {
        for (hash, data) in files {
            let sql = "INSERT OR IGNORE INTO attachments (hash, data) VALUES (?1, ?2)";
            self.tx.prepare_cached(sql)?.execute(params![hash, data])?;
            let sql = "INSERT OR IGNORE INTO message_attachments (message, attachment)
                 SELECT ?1, n FROM attachments WHERE hash = ?2";
            self.tx.prepare_cached(sql)?.execute(params![message, hash])?;
        }
        Ok(())
    }

    /// Erases one message; who follows it and how many there are is the caller's to mend.
    pub(super) fn erase_message(&self, n: i64, id: Id) -> Outcome<()> {
        let of_it: Vec<i64> = self
            .tx
            .prepare_cached("DELETE FROM message_attachments WHERE message = ?1 RETURNING attachment")?
            .query_map([n], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        for attachment in of_it {
            let sql = "DELETE FROM attachments WHERE n = ?1
                 AND NOT EXISTS (SELECT 1 FROM message_attachments WHERE attachment = ?1)";
            self.tx.prepare_cached(sql)?.execute([attachment])?;
        }
        self.tx.prepare_cached("DELETE FROM messages WHERE n = ?1")?.execute([n])?;
        self.erase_payloads(&id.to_string())?;
        self.bury_doc(DocKind::Message, &id.to_string())?;
        self.record(&Event::new(events::MESSAGE_REMOVED, id.to_string(), json!({})))?;
        Ok(())
    }
}

/// The parts with large files replaced by their hash, and those files.
fn take_files_out(parts: &Value) -> (Value, Vec<(String, String)>) {
    let mut parts = parts.clone();
    let mut files = Vec::new();
    for part in parts.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        let Some(Value::String(data)) = part.get("data").filter(|d| d.as_str().is_some_and(|d| d.len() >= SMALL)) else {
            continue;
        };
        let digest = Sha256::digest(data.as_bytes());
        let hash: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        files.push((hash.clone(), data.clone()));
        part.insert("data".to_string(), json!({"sha256": hash}));
    }
    (parts, files)
}

fn put_files_back(connection: &Connection, parts: &mut Value) -> Outcome<()> {
    for part in parts.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        let Some(hash) = part.get("data").and_then(|d| d.get("sha256")).and_then(Value::as_str) else { continue };
        let mut find = connection.prepare_cached("SELECT data FROM attachments WHERE hash = ?1")?;
        let data: Option<String> = find.query_row([hash], |row| row.get(0)).optional()?;
        part.insert("data".to_string(), Value::String(data.unwrap_or_default()));
    }
    Ok(())
}

fn all(connection: &Connection, sql: &str, params: impl rusqlite::Params, with_files: bool) -> Outcome<Vec<Message>> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut found = statement.query(params)?;
    let mut messages = Vec::new();
    while let Some(row) = found.next()? {
        let mut message = message(row)?;
        if with_files {
            put_files_back(connection, &mut message.parts)?;
        } else {
            leave_files_out(&mut message.parts);
        }
        messages.push(message);
    }
    Ok(messages)
}

fn leave_files_out(parts: &mut Value) {
    for part in parts.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        if part.get("data").is_some_and(Value::is_object) {
            part.insert("data".to_string(), Value::String(String::new()));
        }
    }
}

fn message(row: &Row<'_>) -> Outcome<Message> {
    let status: String = row.get(4)?;
    let summary_of: Option<String> = row.get(9)?;
    Ok(Message {
        id: row.get(0)?,
        session: row.get(1)?,
        parent: row.get(2)?,
        role: row.get(3)?,
        status: MessageStatus::parse(&status).unwrap_or(MessageStatus::Failed),
        words: row.get(5)?,
        parts: serde_json::from_str(&row.get::<_, String>(6)?)?,
        model: row.get(7)?,
        command: row.get(8)?,
        summary_of: summary_of.map(|text| serde_json::from_str(&text)).transpose()?.unwrap_or_default(),
        tokens: row.get::<_, Option<i64>>(10)?.map(|t| t as u64),
        error: row.get(11)?,
        created: row.get(12)?,
        finished: row.get(13)?,
    })
}

fn page(mut rows: Vec<Message>, limit: usize) -> (Vec<Message>, Option<String>) {
    let limit = limit.max(1);
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|m| m.id.to_string());
    (rows, next)
}

fn no_message(wanted: &str) -> Error {
    Error::new(Kind::NotFound, format!("there is no message {wanted}"))
        .hint("`fac sessions show CHAT --tree` shows the messages and their ids")
}
