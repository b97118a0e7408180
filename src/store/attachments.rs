//! The bytes of attached files: once each however often they are sent, apart from the messages, so that lists stay quick.
//!
//! A message's parts hold `{"sha256": …}` where the base64 was. Whoever reads a message gets the bytes back or an empty
//! text, and never sees the difference otherwise.

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Change;
use super::fault::Outcome;

/// Base64 that is shorter than this stays where it is.
const SMALL: usize = 1024;

impl Change<'_> {
    /// Keeps the files of a message.
    pub(super) fn keep_files(&self, message: i64, files: &[(String, String)]) -> Outcome<()> {
        for (hash, data) in files {
            let sql = "INSERT OR IGNORE INTO attachments (hash, data) VALUES (?1, ?2)";
            self.tx.prepare_cached(sql)?.execute(params![hash, data])?;
            let sql = "INSERT OR IGNORE INTO message_attachments (message, attachment)
                 SELECT ?1, n FROM attachments WHERE hash = ?2";
            self.tx.prepare_cached(sql)?.execute(params![message, hash])?;
            self.touch_row("messages", message);
        }
        Ok(())
    }

    /// Forgets the files of a message; their bytes go with the last message that has them.
    pub(super) fn drop_files(&self, message: i64) -> Outcome<()> {
        let sql = "DELETE FROM message_attachments WHERE message = ?1 RETURNING attachment";
        let mut delete = self.tx.prepare_cached(sql)?;
        let dropped: Vec<i64> = delete.query_map([message], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
        for attachment in dropped {
            let sql = "DELETE FROM attachments WHERE n = ?1
                 AND NOT EXISTS (SELECT 1 FROM message_attachments WHERE attachment = ?1)";
            self.tx.prepare_cached(sql)?.execute([attachment])?;
        }
        Ok(())
    }
}

/// The parts with large files replaced by their hash, and those files.
pub(super) fn take_files_out(parts: &Value) -> (Value, Vec<(String, String)>) {
    let mut parts = parts.clone();
    let mut files = Vec::new();
    for part in parts.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        let Some(Value::String(data)) = part.get("data").filter(|d| d.as_str().is_some_and(|d| d.len() >= SMALL))
        else {
            continue;
        };
        let digest = Sha256::digest(data.as_bytes());
        let hash: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        files.push((hash.clone(), data.clone()));
        part.insert("data".to_string(), json!({"sha256": hash}));
    }
    (parts, files)
}

/// Puts the files back where they were.
pub(super) fn put_files_back(connection: &Connection, parts: &mut Value) -> Outcome<()> {
    for part in parts.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        let Some(hash) = part.get("data").and_then(|d| d.get("sha256")).and_then(Value::as_str) else { continue };
        let mut find = connection.prepare_cached("SELECT data FROM attachments WHERE hash = ?1")?;
        let data: Option<String> = find.query_row([hash], |row| row.get(0)).optional()?;
        part.insert("data".to_string(), Value::String(data.unwrap_or_default()));
    }
    Ok(())
}

/// Leaves an empty text where a file was, and beside it (`bytes`) how large the file is.
pub(super) fn leave_files_out(connection: &Connection, parts: &mut Value) -> Outcome<()> {
    for part in parts.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        let Some(hash) = part.get("data").and_then(|d| d.get("sha256")).and_then(Value::as_str) else { continue };
        let mut find = connection.prepare_cached("SELECT length(data) FROM attachments WHERE hash = ?1")?;
        let length: Option<i64> = find.query_row([hash], |row| row.get(0)).optional()?;
        part.insert("data".to_string(), Value::String(String::new()));
        part.insert("bytes".to_string(), json!(length.map(|length| length / 4 * 3)));
    }
    Ok(())
}
