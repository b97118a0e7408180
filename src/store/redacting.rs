//! Blacking out what was said, in its place: the tree and the answers stay, the words go from the rows, from what the
//! event log says and from what is derived of them.

use rusqlite::params;
use serde_json::{Value, json};

use super::fault::Outcome;
use super::messages::no_message;
use super::{Change, Store};
use crate::kernel::error::Result;
use crate::kernel::events::{self, Event};
use crate::kernel::ids::Id;

/// What stands where something was.
pub const BLACK: &str = "[redacted]";

/// A message's row as far as words stand in it.
struct Said {
    n: i64,
    id: Id,
    words: String,
    parts: Value,
    error: Option<String>,
}

impl Store {
    /// Blacks out `words` in all messages of a chat, or in `message` alone; without words all of that message, with its
    /// files. Summaries that were made of a changed message go. Says how many messages changed; `NotFound` when the chat
    /// or the message is not there.
    pub fn redact(&self, session: Id, message: Option<Id>, words: Option<&str>) -> Result<usize> {
        self.erase(|change| {
            let n = change.session_number(session)?;
            let mut said = change.said_in(n)?;
            if let Some(id) = message {
                said.retain(|said| said.id == id);
                if said.is_empty() {
                    return Err(no_message(&id.to_string()).into());
                }
            }
            let mut changed = 0;
            for row in said {
                if change.blacken(&row, words)? {
                    changed += 1;
                    change.forget_summaries(n, row.id)?;
                    change.blacken_title(n, words.unwrap_or(&row.words), words.is_some())?;
                }
            }
            if changed > 0 {
                change.erase_payloads(&session.to_string())?;
                let payload = json!({"messages": changed});
                change.record(&Event::new(events::SESSION_WORDS_REMOVED, session.to_string(), payload))?;
            }
            Ok(changed)
        })
    }
}

impl Change<'_> {
    fn said_in(&self, session: i64) -> Outcome<Vec<Said>> {
        let sql =
            "SELECT n, id, words, parts, error FROM messages WHERE session = ?1 AND status <> 'pending' ORDER BY n";
        let mut find = self.tx.prepare_cached(sql)?;
        let mut rows = find.query([session])?;
        let mut said = Vec::new();
        while let Some(row) = rows.next()? {
            let parts = serde_json::from_str(&row.get::<_, String>(3)?)?;
            said.push(Said { n: row.get(0)?, id: row.get(1)?, words: row.get(2)?, parts, error: row.get(4)? });
        }
        Ok(said)
    }

    /// Whether anything was there to black out.
    fn blacken(&self, said: &Said, words: Option<&str>) -> Outcome<bool> {
        let mut parts = said.parts.clone();
        let (text, error) = match words {
            None => {
                self.drop_files(said.n)?;
                parts.as_array_mut().into_iter().flatten().for_each(blank);
                (BLACK.to_string(), said.error.as_ref().map(|_| BLACK.to_string()))
            }
            Some(words) => {
                strike(&mut parts, words);
                (said.words.replace(words, BLACK), said.error.as_ref().map(|e| e.replace(words, BLACK)))
            }
        };
        if (&parts, &text, &error) == (&said.parts, &said.words, &said.error) {
            return Ok(false);
        }
        let sql = "UPDATE messages SET words = ?2, parts = ?3, error = ?4 WHERE n = ?1";
        self.alter(sql, params![said.n, text, parts.to_string(), error])?;
        self.forget_errors(
            "session = (SELECT s.id FROM messages m JOIN sessions s ON s.n = m.session WHERE m.n = ?1) AND message = ?2",
            params![said.n, said.id],
        )?;
        self.erase_payloads(&said.id.to_string())?;
        self.record(&Event::new(events::MESSAGE_WORDS_REMOVED, said.id.to_string(), json!({})))?;
        self.touch_message(said.id)?;
        Ok(true)
    }

    /// A summary repeats what was said.
    fn forget_summaries(&self, session: i64, of: Id) -> Outcome<()> {
        let sql = "SELECT n, id FROM messages WHERE session = ?1 AND summary_of LIKE '%' || ?2 || '%'";
        let found: Vec<(i64, Id)> = self
            .tx
            .prepare_cached(sql)?
            .query_map(params![session, of], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        for (n, id) in found {
            self.erase_message(n, id)?;
            self.alter("UPDATE sessions SET messages = messages - 1 WHERE n = ?1", [session])?;
        }
        Ok(())
    }

    /// A title is the beginning of a question, or made of one.
    fn blacken_title(&self, session: i64, words: &str, only: bool) -> Outcome<()> {
        let sql = "SELECT title FROM sessions WHERE n = ?1";
        let title: Option<String> = self.tx.prepare_cached(sql)?.query_row([session], |row| row.get(0))?;
        let Some(title) = title else { return Ok(()) };
        let new = match only {
            true => Some(title.replace(words, BLACK)),
            false => {
                let line = words.split_whitespace().collect::<Vec<_>>().join(" ");
                let begin = title.trim_end_matches('…');
                if line.starts_with(begin) { None } else { Some(title.clone()) }
            }
        };
        if new.as_ref() == Some(&title) {
            return Ok(());
        }
        self.alter("UPDATE sessions SET title = ?2 WHERE n = ?1", params![session, new])?;
        // All its messages are found by the title.
        self.touch_messages_of(session)
    }
}

/// One part of a message without what it said; what belongs together by its id stays together.
fn blank(part: &mut Value) {
    let Some(fields) = part.as_object_mut() else { return };
    match fields.get("type").and_then(Value::as_str) {
        Some("tool_call") => drop(fields.insert("arguments".to_string(), json!({}))),
        Some("tool_result") => drop(fields.insert("content".to_string(), json!(BLACK))),
        _ => *part = json!({"type": "text", "text": BLACK}),
    }
}

/// Every text below `value` without `words`; what says what a thing is, is no text.
fn strike(value: &mut Value, words: &str) {
    match value {
        Value::String(text) if text.contains(words) => *text = text.replace(words, BLACK),
        Value::Array(items) => items.iter_mut().for_each(|item| strike(item, words)),
        Value::Object(fields) => fields
            .iter_mut()
            .filter(|(key, _)| !matches!(key.as_str(), "type" | "id" | "mime" | "data" | "sha256" | "signature"))
            .for_each(|(_, item)| strike(item, words)),
        _ => {}
    }
}
