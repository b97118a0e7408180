//! Signs that people put on messages: each person each sign once. The log tells them with their message.

use rusqlite::{OptionalExtension, params};

use super::fault::Outcome;
use super::messages::no_message;
use super::{Change, Store};
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::ids::Id;

/// The longest sign, bytes: a picture that is made of several takes 35.
const LONGEST: usize = 64;
/// Different signs that a message may carry.
const MOST: i64 = 50;

/// A sign on a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reaction {
    /// The message.
    pub message: Id,
    /// The sign.
    pub sign: String,
    /// How many put it there.
    pub count: u64,
    /// Whether whoever asks is one of them.
    pub mine: bool,
}

impl Store {
    /// Puts a sign on a message, or takes it off; doing so again changes nothing. Says whether something changed.
    ///
    /// # Errors
    /// `NotFound` when there is no such message, `Usage` when that is no sign, or there are too many.
    pub fn react(&self, message: Id, sign: &str, on: bool) -> Result<bool> {
        let sign = sign.trim();
        if sign.is_empty() || sign.len() > LONGEST || sign.contains(|c: char| c.is_control() || c.is_whitespace()) {
            return Err(Error::new(
                Kind::Usage,
                format!("`{}` is no sign", sign.escape_debug().take(80).collect::<String>()),
            )
            .hint("such as +1, or a single picture"));
        }
        let person = self.acting.person.map(|id| id.to_string()).unwrap_or_default();
        self.write(|change| {
            let n = change.message_of_mine(message)?;
            let changed = if on {
                let sql = "SELECT count(DISTINCT sign) FROM reactions WHERE message = ?1 AND sign <> ?2";
                let others: i64 = change.tx.prepare_cached(sql)?.query_row(params![n, sign], |row| row.get(0))?;
                if others >= MOST {
                    return Err(Error::new(Kind::Usage, format!("a message carries {MOST} signs at most")).into());
                }
                let sql = "INSERT OR IGNORE INTO reactions (message, sign, person, at) VALUES (?1, ?2, ?3, ?4)";
                change.tx.prepare_cached(sql)?.execute(params![n, sign, person, change.at])?
            } else {
                let sql = "DELETE FROM reactions WHERE message = ?1 AND sign = ?2 AND person = ?3";
                change.tx.prepare_cached(sql)?.execute(params![n, sign, person])?
            };
            if changed > 0 {
                change.touch_row("messages", n);
            }
            Ok(changed > 0)
        })
    }

    /// The signs on the messages of a chat.
    pub fn reactions(&self, session: Id) -> Result<Vec<Reaction>> {
        let person = self.acting.person.map(|id| id.to_string()).unwrap_or_default();
        let theirs = self.theirs("s.");
        self.read(|connection| {
            let sql = format!(
                "SELECT m.id, r.sign, count(*), max(r.person = ?3) FROM sessions s
                 JOIN messages m ON m.session = s.n JOIN reactions r ON r.message = m.n
                 WHERE s.id = ?1 AND s.owner = ?2{theirs} GROUP BY m.n, r.sign ORDER BY m.n, min(r.at), r.sign"
            );
            let mut find = connection.prepare_cached(&sql)?;
            let rows = find.query_map(params![session, &*self.owner, person], |row| {
                let count: i64 = row.get(2)?;
                Ok(Reaction { message: row.get(0)?, sign: row.get(1)?, count: count.unsigned_abs(), mine: row.get(3)? })
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }
}

impl Change<'_> {
    /// The internal number of a message that is there for this handle.
    fn message_of_mine(&self, id: Id) -> Outcome<i64> {
        let theirs = self.store.theirs_by_chat("");
        let sql = format!("SELECT n FROM messages WHERE id = ?1 AND owner = ?2{theirs}");
        let n = self.tx.prepare_cached(&sql)?.query_row(params![id, self.owner()], |row| row.get(0)).optional()?;
        n.ok_or_else(|| no_message(&id.to_string()).into())
    }

    /// Forgets the signs on a message.
    pub(super) fn drop_reactions(&self, message: i64) -> Outcome<()> {
        self.tx.prepare_cached("DELETE FROM reactions WHERE message = ?1")?.execute([message])?;
        Ok(())
    }
}
