//! Reading what was said: one line of a conversation, the whole tree, pages through time.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::fault::Outcome;
use super::messages::no_message;
use super::named::part_of_id;
use super::sessions::no_session;
use super::{Message, MessageStatus, Store, attachments};
use crate::kernel::clock::Timestamp;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::ids::Id;

const COLUMNS: &str =
    "m.id, s.id, m.parent, m.role, m.status, m.words, m.parts, m.model, m.command, m.summary_of, m.tokens,
     m.error, m.created, m.finished, m.n";

/// Messages of a chat, the last kept first.
pub(super) fn page_sql() -> String {
    format!(
        "SELECT {COLUMNS} FROM messages m JOIN sessions s ON s.n = m.session
         WHERE m.session = ?1 AND m.id < ?2 ORDER BY m.id DESC LIMIT ?3"
    )
}

/// Messages of an owner between two moments, newest first.
pub(super) fn by_time_sql(theirs: &str) -> String {
    format!(
        "SELECT {COLUMNS} FROM messages m JOIN sessions s ON s.n = m.session
         WHERE m.owner = ?1 AND m.created >= ?2 AND (m.created, m.id) < (?3, ?4) AND (?5 IS NULL OR m.role = ?5){theirs}
         ORDER BY m.created DESC, m.id DESC LIMIT ?6"
    )
}

/// Every message of a chat in the order in which they were kept.
pub(super) fn tree_sql(theirs: &str) -> String {
    format!(
        "SELECT {COLUMNS} FROM sessions s JOIN messages m ON m.session = s.n
         WHERE s.id = ?1 AND s.owner = ?2{theirs} ORDER BY m.id"
    )
}

/// The messages from the root to a leaf. CROSS JOIN keeps the planner from reading all messages instead.
pub(super) fn thread_sql(theirs: &str) -> String {
    format!(
        "WITH RECURSIVE up (id, parent, depth) AS (
           SELECT id, parent, 0 FROM messages WHERE id = ?1 AND owner = ?2{theirs}
           UNION ALL SELECT m.id, m.parent, up.depth + 1 FROM up JOIN messages m ON m.id = up.parent)
         SELECT {COLUMNS} FROM up CROSS JOIN messages m ON m.id = up.id JOIN sessions s ON s.n = m.session
         ORDER BY up.depth DESC"
    )
}

/// The last messages of them.
pub(super) fn thread_end_sql(theirs: &str) -> String {
    thread_sql(theirs).replace("m.id = up.parent)", "m.id = up.parent WHERE up.depth < ?3)")
}

/// What follows a message, the oldest first, without summaries.
pub(super) const FOLLOWING: &str =
    "SELECT m.id FROM messages m WHERE m.parent = ?1 AND +m.owner = ?2 AND m.summary_of IS NULL ORDER BY m.id";

/// The beginnings of the chat of a message.
pub(super) const BEGINNINGS: &str =
    "SELECT m.id FROM messages m WHERE m.session = (SELECT session FROM messages WHERE id = ?1 AND owner = ?2)
     AND m.parent IS NULL AND m.summary_of IS NULL ORDER BY m.id";

/// From a message on, the newest of what follows, to the end.
pub(super) const NEWEST_BELOW: &str = "WITH RECURSIVE down (id, depth) AS (
       SELECT id, 0 FROM messages WHERE id = ?1 AND owner = ?2
       UNION ALL SELECT (SELECT max(m.id) FROM messages m WHERE m.parent = down.id AND m.summary_of IS NULL), depth + 1
       FROM down WHERE down.id IS NOT NULL)
     SELECT id FROM down WHERE id IS NOT NULL ORDER BY depth DESC LIMIT 1";

/// The words of all messages from the root to a leaf.
pub(super) const SAID: &str = "WITH RECURSIVE up (id, parent, depth) AS (
       SELECT id, parent, 0 FROM messages WHERE id = ?1 AND owner = ?2
       UNION ALL SELECT m.id, m.parent, up.depth + 1 FROM up JOIN messages m ON m.id = up.parent)
     SELECT m.id, m.words FROM up CROSS JOIN messages m ON m.id = up.id ORDER BY up.depth DESC";

impl Store {
    /// The other versions of a message and itself, the oldest first: all that follow what it follows.
    pub fn versions(&self, message: &Message) -> Result<Vec<Id>> {
        let (sql, of) = match message.parent {
            Some(parent) => (FOLLOWING, parent),
            None => (BEGINNINGS, message.id),
        };
        self.read(|connection| {
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map(params![of, &*self.owner], |row| row.get(0))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// The end of the newest branch below a message; itself where nothing follows it, `None` where it is not there.
    pub fn newest_below(&self, message: Id) -> Result<Option<Id>> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(NEWEST_BELOW)?;
            Ok(statement.query_row(params![message, &*self.owner], |row| row.get(0)).optional()?)
        })
    }

    /// The messages on the way to `leaf` in which `words` are said, in order; upper and lower case are alike.
    pub fn said_on_the_way(&self, leaf: Id, words: &str) -> Result<Vec<Id>> {
        let wanted = words.to_lowercase();
        self.read(|connection| {
            let mut statement = connection.prepare_cached(SAID)?;
            let mut rows = statement.query(params![leaf, &*self.owner])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                if row.get::<_, String>(1)?.to_lowercase().contains(&wanted) {
                    found.push(row.get(0)?);
                }
            }
            Ok(found)
        })
    }

    /// The messages from the root to `leaf`, in order, with the bytes of files; none when `leaf` is not there.
    pub fn thread(&self, leaf: Id) -> Result<Vec<Message>> {
        self.read(|connection| {
            all(connection, &thread_sql(&self.theirs_by_chat("")), params![leaf, &*self.owner], true)
        })
    }

    /// The last `most` of them without the bytes of files, in order.
    pub fn thread_end(&self, leaf: Id, most: usize) -> Result<Vec<Message>> {
        let last = i64::try_from(most).unwrap_or(i64::MAX).saturating_sub(1);
        self.read(|connection| {
            all(connection, &thread_end_sql(&self.theirs_by_chat("")), params![leaf, &*self.owner, last], false)
        })
    }

    /// The message with this id, or whose id begins or ends so within `session`. `NotFound` when there is none, `Usage`
    /// when there are several.
    pub fn message(&self, session: Id, wanted: &str) -> Result<Message> {
        let part = part_of_id(wanted).ok_or_else(|| no_message(wanted))?;
        let sql = format!(
            "SELECT {COLUMNS} FROM sessions s JOIN messages m ON m.session = s.n
             WHERE s.id = ?1 AND s.owner = ?2 AND (m.id LIKE ?3 || '%' OR m.id LIKE '%' || ?3){} ORDER BY m.id DESC LIMIT 4",
            self.theirs("s.")
        );
        let mut found = self.read(|connection| all(connection, &sql, params![session, &*self.owner, part], true))?;
        match found.len() {
            1 => Ok(found.swap_remove(0)),
            0 => Err(no_message(wanted)),
            _ => {
                let ids: Vec<String> = found.iter().map(|m| m.id.to_string()).collect();
                Err(Error::new(Kind::Usage, format!("several messages are called {wanted}"))
                    .hint(format!("write more of the id: {}", ids.join(", "))))
            }
        }
    }

    /// Every message of a chat in the order in which they were kept, without the bytes of files.
    pub fn tree(&self, session: Id) -> Result<Vec<Message>> {
        self.read(|connection| all(connection, &tree_sql(&self.theirs("s.")), params![session, &*self.owner], false))
    }

    /// The same with the bytes of files, for whoever takes the chat elsewhere.
    pub fn whole_tree(&self, session: Id) -> Result<Vec<Message>> {
        self.read(|connection| all(connection, &tree_sql(&self.theirs("s.")), params![session, &*self.owner], true))
    }

    /// The finished summaries of a chat, oldest first.
    pub fn summaries(&self, session: Id) -> Result<Vec<Message>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM messages m JOIN sessions s ON s.n = m.session
             WHERE m.session = (SELECT n FROM sessions WHERE id = ?1 AND owner = ?2{}) AND m.summary_of IS NOT NULL
             AND m.status = 'done' ORDER BY m.id",
            self.theirs("")
        );
        self.read(|connection| all(connection, &sql, params![session, &*self.owner], false))
    }

    /// A page of a chat's messages, the last kept first, without the bytes of files, and the cursor of the next page.
    pub fn messages(&self, session: Id, after: Option<&str>, limit: usize) -> Result<(Vec<Message>, Option<String>)> {
        let high = match after {
            Some(cursor) => cursor.parse::<Id>().map_err(|_| no_cursor(cursor))?.to_string(),
            None => "g".to_string(),
        };
        let rows = self.read(|connection| {
            let sql = format!("SELECT n FROM sessions WHERE id = ?1 AND owner = ?2{}", self.theirs(""));
            let mut find = connection.prepare_cached(&sql)?;
            let n: Option<i64> = find.query_row(params![session, &*self.owner], |row| row.get(0)).optional()?;
            let n = n.ok_or_else(|| no_session(&session.to_string()))?;
            all(connection, &page_sql(), params![n, high, limit_and_one(limit)], false)
        })?;
        Ok(page(rows, limit, |m| m.id.to_string()))
    }

    /// A page of what was said in all chats between two moments (the second is left out), newest first, without the bytes
    /// of files, and the cursor of the next page.
    pub fn messages_between(
        &self,
        since: Option<Timestamp>,
        until: Option<Timestamp>,
        role: Option<&str>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<Message>, Option<String>)> {
        let low = since.map_or(i64::MIN, Timestamp::as_micros);
        let mut high = (until.map_or(i64::MAX, Timestamp::as_micros), String::new());
        if let Some(cursor) = after {
            high = high.min(read_cursor(cursor)?);
        }
        let rows = self.read(|connection| {
            let params = params![&*self.owner, low, high.0, high.1, role, limit_and_one(limit)];
            all(connection, &by_time_sql(&self.theirs("s.")), params, false)
        })?;
        Ok(page(rows, limit, |m| cursor(m.created, m.id)))
    }
}

fn all(connection: &Connection, sql: &str, params: impl rusqlite::Params, with_files: bool) -> Outcome<Vec<Message>> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut found = statement.query(params)?;
    let mut messages = Vec::new();
    while let Some(row) = found.next()? {
        let mut message = message(row)?;
        if with_files {
            attachments::put_files_back(connection, &mut message.parts)?;
        } else {
            attachments::leave_files_out(connection, &mut message.parts)?;
        }
        messages.push(message);
    }
    Ok(messages)
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

/// How many rows to ask for, so that it shows whether there are more than `limit`.
pub(super) fn limit_and_one(limit: usize) -> i64 {
    limit.clamp(1, 1 << 30) as i64 + 1
}

/// Cuts rows that were asked for with [`limit_and_one`] to a page, with the cursor of the next.
pub(super) fn page<T>(mut rows: Vec<T>, limit: usize, cursor: impl Fn(&T) -> String) -> (Vec<T>, Option<String>) {
    let limit = limit.clamp(1, 1 << 30);
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(cursor);
    (rows, next)
}

/// A place in a list by time.
pub(super) fn cursor(at: Timestamp, id: Id) -> String {
    format!("{}.{id}", at.as_micros())
}

pub(super) fn read_cursor(text: &str) -> Result<(i64, String)> {
    let read = || {
        let (at, id) = text.split_once('.')?;
        Some((at.parse().ok()?, id.parse::<Id>().ok()?.to_string()))
    };
    read().ok_or_else(|| no_cursor(text))
}

/// The error for a cursor nobody gave out.
pub(super) fn no_cursor(text: &str) -> Error {
    Error::new(Kind::Usage, format!("{text:?} is no cursor")).hint("take it from `next` of the page before")
}
