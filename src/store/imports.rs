//! Chats that come from elsewhere, kept whole: all of one in one transaction, with the times it says of itself.

use rusqlite::params;

use super::fault::Outcome;
use super::sessions::{NewSession, SessionEdit};
use super::{Change, NewMessage, Store};
use crate::kernel::clock::Timestamp;
use crate::kernel::error::Result;
use crate::kernel::ids::Id;

/// The purpose of calls that stand for what an imported answer cost; no sum of usage counts them.
pub(super) const PURPOSE: &str = "import";

/// A chat from elsewhere.
#[derive(Clone, Debug, Default)]
pub struct Imported {
    /// What it is begun with.
    pub session: NewSession,
    /// Changes to make of it when its messages are kept. A head is not among them.
    pub edits: Vec<SessionEdit>,
    /// When something was last said in it.
    pub updated: Option<Timestamp>,
    /// The place of the message at which it goes on; the last one where nothing is said.
    pub head: Option<usize>,
    /// Its messages, each after what it follows.
    pub messages: Vec<ImportedMessage>,
}

/// A message of it.
#[derive(Clone, Debug)]
pub struct ImportedMessage {
    /// What is kept, never pending. Others are named by their places before it.
    pub said: NewMessage<(), usize>,
    /// What went wrong.
    pub error: Option<String>,
    /// When it was whole.
    pub finished: Option<Timestamp>,
    /// What it cost, millionths of a dollar.
    pub cost_micros: Option<i64>,
}

impl Store {
    /// Keeps a chat from elsewhere, or nothing of it. `Usage` when its name is taken.
    pub fn import_session(&self, chat: &Imported) -> Result<Id> {
        self.write(|change| {
            let session = change.begin_session(&chat.session)?;
            let mut ids: Vec<Id> = Vec::with_capacity(chat.messages.len());
            for message in &chat.messages {
                ids.push(change.import_message(session, message, &ids)?);
            }
            let n = change.session_number(session)?;
            let head = chat.head.and_then(|at| ids.get(at)).map(|id| SessionEdit::Head(Some(*id)));
            for edit in chat.edits.iter().chain(&head) {
                change.edit_session(n, edit)?;
            }
            if let Some(updated) = chat.updated {
                change.alter("UPDATE sessions SET updated = ?2 WHERE n = ?1", params![n, updated])?;
            }
            Ok(session)
        })
    }
}

impl Change<'_> {
    fn import_message(&self, session: Id, message: &ImportedMessage, ids: &[Id]) -> Outcome<Id> {
        let said = message.said.clone();
        let place = |at: usize| ids.get(at).copied();
        let id = self.add_message(&NewMessage {
            session,
            parent: said.parent.and_then(place),
            role: said.role,
            parts: said.parts,
            words: said.words,
            status: said.status,
            model: said.model,
            command: said.command,
            summary_of: said.summary_of.into_iter().filter_map(place).collect(),
            tokens: said.tokens,
            process: said.process,
            at: said.at,
        })?;
        let said = &message.said;
        if message.finished.is_some() || message.error.is_some() {
            let sql = "UPDATE messages SET finished = ifnull(?2, finished), error = ?3 WHERE id = ?1";
            self.alter(sql, params![id, message.finished, message.error])?;
        }
        if let Some(cost) = message.cost_micros {
            let at = said.at.unwrap_or(self.at);
            self.alter(
                "INSERT INTO calls (id, owner, session, message, command, purpose, model, trace, status, cost_micros,
                 from_cache, started, finished) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, '', 'ok', ?8, 0, ?9, ?9)",
                params![
                    self.ids().next(self.at),
                    self.owner(),
                    session,
                    id,
                    said.command,
                    PURPOSE,
                    said.model.as_deref().unwrap_or_default(),
                    cost.max(0),
                    at
                ],
            )?;
        }
        Ok(id)
    }
}
