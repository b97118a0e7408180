//! Erasing what was said: rows, what the event log says of it, and the bytes in the file. What was spent stays in the sums.

use rusqlite::params;
use serde_json::json;

use super::fault::Outcome;
use super::messages::no_message;
use super::search::DocKind;
use super::{Change, Store};
use crate::kernel::error::Result;
use crate::kernel::events::{self, Event};
use crate::kernel::ids::Id;

impl Store {
    /// Erases a message and all that follow it. The chat goes on at what it followed. Says how many went; `NotFound` when
    /// it is not there.
    pub fn remove_message(&self, id: Id) -> Result<usize> {
        self.erase(|change| {
            let below: Vec<(i64, Id)> = change
                .tx
                .prepare_cached(&below_sql(&change.store.theirs_by_chat("")))?
                .query_map(params![id, change.owner()], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<rusqlite::Result<_>>()?;
            let Some((first, _)) = below.first() else { return Err(no_message(&id.to_string()).into()) };
            let sql =
                "SELECT m.session, m.parent, s.head FROM messages m JOIN sessions s ON s.n = m.session WHERE m.n = ?1";
            let (session, parent, head): (i64, Option<Id>, Option<Id>) =
                change.tx.prepare_cached(sql)?.query_row([first], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
            if head.is_some_and(|head| below.iter().any(|(_, id)| *id == head)) {
                let sql = "UPDATE sessions SET head = ?2 WHERE n = ?1";
                change.alter(sql, params![session, parent])?;
            }
            for (n, id) in &below {
                change.erase_message(*n, *id)?;
            }
            let sql = "UPDATE sessions SET messages = messages - ?2 WHERE n = ?1";
            change.alter(sql, params![session, below.len() as i64])?;
            Ok(below.len())
        })
    }

    /// Erases a chat with all that was said in it. `NotFound` when it is not there.
    pub fn remove_session(&self, id: Id) -> Result<()> {
        self.erase(|change| {
            let n = change.session_number(id)?;
            let messages: Vec<(i64, Id)> = change
                .tx
                .prepare_cached("SELECT n, id FROM messages WHERE session = ?1 ORDER BY n")?
                .query_map([n], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<rusqlite::Result<_>>()?;
            for (number, message) in messages {
                change.erase_message(number, message)?;
            }
            let owner = change.owner();
            change.tx.prepare_cached("DELETE FROM session_tags WHERE session = ?1")?.execute([n])?;
            change.hold(n, None)?;
            change.alter("DELETE FROM sessions WHERE n = ?1", [n])?;
            let sql = "DELETE FROM tool_grants WHERE owner = ?1 AND session = ?2";
            change.alter(sql, params![owner, id])?;
            change.forget_errors("session = ?1 AND +owner = ?2", params![id, owner])?;
            change.erase_payloads(&id.to_string())?;
            change.record(&Event::new(events::SESSION_REMOVED, id.to_string(), json!({})))?;
            Ok(())
        })
    }
}

/// A message and all that follow it.
pub(super) fn below_sql(theirs: &str) -> String {
    format!(
        "WITH RECURSIVE down (n, id) AS (
           SELECT n, id FROM messages WHERE id = ?1 AND owner = ?2{theirs}
           UNION ALL SELECT m.n, m.id FROM down JOIN messages m ON m.parent = down.id)
         SELECT n, id FROM down"
    )
}

impl Change<'_> {
    /// Erases one message; who follows it and how many there are is the caller's to mend. What a provider said about a
    /// request for it may quote it, so that goes too.
    pub(super) fn erase_message(&self, n: i64, id: Id) -> Outcome<()> {
        self.drop_files(n)?;
        self.drop_reactions(n)?;
        self.forget_errors(
            "session = (SELECT s.id FROM messages m JOIN sessions s ON s.n = m.session WHERE m.n = ?1) AND message = ?2",
            params![n, id],
        )?;
        self.alter("DELETE FROM messages WHERE n = ?1", [n])?;
        self.erase_payloads(&id.to_string())?;
        self.bury_doc(DocKind::Message, &id.to_string())?;
        self.record(&Event::new(events::MESSAGE_REMOVED, id.to_string(), json!({})))?;
        Ok(())
    }

    /// Erases what a provider said about some requests, also where the log tells it.
    pub(super) fn forget_errors(&self, which: &str, params: impl rusqlite::Params) -> Outcome<()> {
        let sql = format!("SELECT n, id FROM calls WHERE {which} AND error IS NOT NULL ORDER BY n");
        let mut find = self.tx.prepare_cached(&sql)?;
        let calls: Vec<(i64, String)> =
            find.query_map(params, |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<_>>()?;
        for (n, id) in calls {
            self.alter("UPDATE calls SET error = NULL WHERE n = ?1", [n])?;
            self.erase_payloads(&id)?;
            self.record(&Event::new(events::CALL_ERROR_REMOVED, id, json!({})))?;
        }
        Ok(())
    }
}
