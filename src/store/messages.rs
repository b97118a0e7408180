//! What is said in chats: a tree of messages, each answer filled in once.
//!
//! A question is on the disk before anything is sent; with it goes the row of its answer, which knows the process that
//! waits for it, so that no answer waits for ever. Reading them is the business of [`super::threads`].

use rusqlite::{OptionalExtension, params};
use serde_json::{Value, json};

use super::fault::Outcome;
use super::search::DocKind;
use super::{Change, Process, Store, attachments};
use crate::kernel::clock::Timestamp;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::events::{self, Event};
use crate::kernel::ids::Id;

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

/// A message that is about to be kept; `S` is how its chat is named, `M` how other messages are.
#[derive(Clone, Debug, PartialEq)]
pub struct NewMessage<S = Id, M = Id> {
    /// The chat.
    pub session: S,
    /// What it follows; `None` begins a tree.
    pub parent: Option<M>,
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
    pub summary_of: Vec<M>,
    /// Its size, where it was counted.
    pub tokens: Option<u64>,
    /// The process that fills it in, where it is pending.
    pub process: Option<Process>,
    /// When it was said, where that was not now.
    pub at: Option<Timestamp>,
}

impl<S, M> NewMessage<S, M> {
    /// A whole message of `session` that begins a tree, said now and by no model or command.
    pub fn whole(session: S, role: &str, parts: Value, words: impl Into<String>) -> NewMessage<S, M> {
        NewMessage {
            session,
            parent: None,
            role: role.to_string(),
            parts,
            words: words.into(),
            status: MessageStatus::Done,
            model: None,
            command: None,
            summary_of: Vec::new(),
            tokens: None,
            process: None,
            at: None,
        }
    }
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

pub(super) const OPEN: &str =
    "SELECT id, pid, process_start, boot FROM messages WHERE status = 'pending' AND +owner = ?1";

impl Store {
    /// Keeps one message; the chat goes on at it unless it is a summary. `NotFound` when the chat, or what the message
    /// follows in it, is not there.
    pub fn add_message(&self, new: &NewMessage) -> Result<Id> {
        self.write(|change| change.add_message(new))
    }

    /// Keeps a question and the row of its answer, together. The answer follows the question. They are on the disk with the
    /// request that is kept next ([`Store::begin_call`]), before that is sent, or with the end of the answer.
    pub fn add_turn(&self, question: &NewMessage, answer: &NewMessage) -> Result<(Id, Id)> {
        self.write_with_next(|change| {
            let asked = change.add_message(question)?;
            let answer = change.add_message(&NewMessage { parent: Some(asked), ..answer.clone() })?;
            Ok((asked, answer))
        })
    }

    /// Keeps what has come of a pending answer so far; nothing when it was removed or has ended meanwhile. It writes no
    /// event: the end does.
    pub fn grow_message(&self, id: Id, parts: &Value, words: &str) -> Result<()> {
        self.write(|change| {
            let sql = "UPDATE messages SET parts = ?3, words = ?4 WHERE id = ?1 AND owner = ?2 AND status = 'pending'";
            let (parts, files) = attachments::take_files_out(parts);
            change.tx.prepare_cached(sql)?.execute(params![id, change.owner(), parts.to_string(), words])?;
            match change.open_message(id)? {
                Some(n) if !files.is_empty() => change.keep_files(n, &files),
                _ => Ok(()),
            }
        })
    }

    /// Fills a pending answer in. `NotFound` when it was removed or has ended meanwhile.
    pub fn end_message(&self, id: Id, end: &MessageEnd) -> Result<()> {
        self.write(|change| change.end_message(id, end))
    }

    /// Turns every pending answer whose process `is_alive` no more into a failed one that keeps what had come. Says how
    /// many those were; writes nothing when all are alive.
    pub fn adopt_pending(&self, is_alive: &dyn Fn(&Process) -> bool) -> Result<usize> {
        let dead = self.orphans(OPEN, is_alive)?;
        if dead.is_empty() {
            return Ok(0);
        }
        self.write(|change| {
            let mut adopted = 0;
            for id in dead {
                adopted += usize::from(change.give_up(id)?);
            }
            Ok(adopted)
        })
    }
}

impl Change<'_> {
    pub(super) fn add_message(&self, new: &NewMessage) -> Outcome<Id> {
        let n = self.session_number(new.session)?;
        let at = new.at.unwrap_or(self.at);
        // Ids carry the time they were made, whatever an imported chat says of itself.
        let id = self.ids().next(self.at);
        if let Some(parent) = new.parent {
            let sql = "SELECT 1 FROM messages WHERE id = ?1 AND session = ?2";
            if !self.tx.prepare_cached(sql)?.exists(params![parent, n])? {
                return Err(no_message(&parent.to_string()).into());
            }
        }
        let (parts, files) = attachments::take_files_out(&new.parts);
        let process = new.process.as_ref();
        let summary_of = (!new.summary_of.is_empty()).then(|| json!(new.summary_of).to_string());
        self.alter(
            "INSERT INTO messages (id, owner, session, parent, role, status, words, parts, model, command, summary_of,
             tokens, pid, process_start, boot, created, finished)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
            params![
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
            ],
        )?;
        self.keep_files(self.tx.last_insert_rowid(), &files)?;
        let head = if new.summary_of.is_empty() { Some(id) } else { None };
        let sql = "UPDATE sessions SET messages = messages + 1, updated = max(updated, ?2), head = ifnull(?3, head) WHERE n = ?1";
        self.alter(sql, params![n, at, head])?;
        let payload =
            json!({"session": new.session, "role": new.role, "status": new.status.name(), "model": new.model});
        self.record(&Event::new(events::MESSAGE_ADDED, id.to_string(), payload))?;
        if new.status != MessageStatus::Pending {
            self.touch_message(id)?;
        }
        Ok(id)
    }

    /// Lets a message be found, unless its chat goes when it ends.
    pub(super) fn touch_message(&self, id: Id) -> Outcome<()> {
        let sql = "SELECT 1 FROM messages m JOIN sessions s ON s.n = m.session WHERE m.id = ?1 AND NOT s.temporary";
        if self.tx.prepare_cached(sql)?.exists([id])? {
            self.touch_doc(DocKind::Message, &id.to_string())
        } else {
            Ok(())
        }
    }

    /// The internal number of an answer that is awaited.
    fn open_message(&self, id: Id) -> Outcome<Option<i64>> {
        let sql = "SELECT n FROM messages WHERE id = ?1 AND owner = ?2 AND status = 'pending'";
        Ok(self.tx.prepare_cached(sql)?.query_row(params![id, self.owner()], |row| row.get(0)).optional()?)
    }

    /// Ends an answer whose process is gone; it keeps what had come. It may have ended between the question and now.
    fn give_up(&self, id: Id) -> Outcome<bool> {
        let Some(n) = self.open_message(id)? else { return Ok(false) };
        let sql = "UPDATE messages SET status = 'failed', finished = max(?2, created), error = ?3, pid = NULL,
             process_start = NULL, boot = NULL WHERE n = ?1";
        let said = "the program was ended before the answer was whole";
        self.alter(sql, params![n, self.at, said])?;
        let payload = json!({"status": "failed", "lost": true});
        self.record(&Event::new(events::MESSAGE_ENDED, id.to_string(), payload))?;
        self.touch_message(id)?;
        Ok(true)
    }

    fn end_message(&self, id: Id, end: &MessageEnd) -> Outcome<()> {
        let Some(n) = self.open_message(id)? else { return Err(no_message(&id.to_string()).into()) };
        let (parts, files) = attachments::take_files_out(&end.parts);
        self.alter(
            "UPDATE messages SET status = ?2, parts = ?3, words = ?4, model = ifnull(?5, model), error = ?6, tokens = ?7,
             finished = ?8, pid = NULL, process_start = NULL, boot = NULL WHERE n = ?1",
            params![
                n,
                end.status.name(),
                parts.to_string(),
                end.words,
                end.model,
                end.error,
                end.tokens.map(|t| t as i64),
                self.at
            ],
        )?;
        self.drop_files(n)?;
        self.keep_files(n, &files)?;
        let sql =
            "UPDATE sessions SET updated = max(updated, ?2) WHERE n = (SELECT session FROM messages WHERE n = ?1)";
        self.alter(sql, params![n, self.at])?;
        let payload = json!({"status": end.status.name(), "model": end.model, "error": end.error});
        self.record(&Event::new(events::MESSAGE_ENDED, id.to_string(), payload))?;
        self.touch_message(id)
    }
}

/// The error for a message nobody knows.
pub(super) fn no_message(wanted: &str) -> Error {
    Error::new(Kind::NotFound, format!("there is no message {wanted}"))
        .hint("`fac sessions show CHAT --tree` shows the messages and their ids")
}
