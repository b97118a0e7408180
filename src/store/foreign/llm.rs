//! The log of `llm` (<https://github.com/simonw/llm>), its file `logs.db`.
//!
//! Up to 0.35 it keeps `conversations` of `responses`, each a question and an answer. Since 0.36 it keeps `threads` whose
//! `messages` name the message before by its hash and consist of `parts`; what older versions wrote stays where it was.
//! A file may hold both.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, Params};
use serde_json::Value;

use super::{columns, count, open, text, unreadable};
use crate::kernel::error::{Error, Kind, Result};

/// A row of `conversations` and its rows of `responses`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LlmConversation {
    /// `id`.
    pub id: String,
    /// `name`.
    pub name: Option<String>,
    /// `model`.
    pub model: Option<String>,
    /// Its responses, the oldest first.
    pub responses: Vec<LlmResponse>,
}

/// A row of `responses`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LlmResponse {
    /// `id`.
    pub id: String,
    /// `model`.
    pub model: Option<String>,
    /// `prompt`, after the fragments that were sent with it.
    pub prompt: String,
    /// `system`, after its fragments.
    pub system: Option<String>,
    /// `response`.
    pub response: String,
    /// `datetime_utc`, RFC 3339 with or without its zone.
    pub at: Option<String>,
    /// `input_tokens`.
    pub input_tokens: Option<u64>,
    /// `output_tokens`.
    pub output_tokens: Option<u64>,
    /// Rows of `tool_calls` of this response: id, name, arguments as JSON text.
    pub tool_calls: Vec<(String, String, String)>,
    /// Rows of `tool_results` that were sent with this prompt: id of the call, name, output.
    pub tool_results: Vec<(String, String, String)>,
    /// Files that were sent with the prompt.
    pub attachments: Vec<LlmAttachment>,
}

/// A row of `attachments`. It has bytes, or only a place where they were.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LlmAttachment {
    /// `type`: a MIME type.
    pub mime: Option<String>,
    /// `path` on the machine that wrote the log.
    pub path: Option<String>,
    /// `url`.
    pub url: Option<String>,
    /// `content`.
    pub content: Option<Vec<u8>>,
}

/// A row of `threads` and the messages that its turns reach.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LlmThread {
    /// `id`.
    pub id: String,
    /// `name`.
    pub name: Option<String>,
    /// `tip_message_hash`.
    pub tip: Option<String>,
    /// Its messages on all branches, in the order in which they were kept.
    pub messages: Vec<LlmMessage>,
}

/// A row of `messages`, with what its turn says of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LlmMessage {
    /// `hash`.
    pub hash: String,
    /// `parent_hash`.
    pub parent: Option<String>,
    /// `role`: system, user, assistant, tool.
    pub role: String,
    /// `datetime_utc` of the turn that it begins or ends.
    pub at: Option<String>,
    /// `model` of the turn that it ends.
    pub model: Option<String>,
    /// `output_tokens` of the turn that it ends.
    pub output_tokens: Option<u64>,
    /// Its rows of `parts`, in order.
    pub parts: Vec<LlmPart>,
}

/// A row of `parts`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LlmPart {
    /// `type`: text, reasoning, attachment, tool_call, tool_result.
    pub kind: String,
    /// `text`, fragments and all.
    pub text: String,
    /// `payload`: of a tool_call `name`, `arguments`, `tool_call_id`; of a tool_result `name`, `output`, `tool_call_id`.
    pub payload: Value,
    /// Its files.
    pub attachments: Vec<LlmAttachment>,
}

/// The log of `llm`, open for reading.
#[derive(Debug)]
pub struct LlmLog {
    path: PathBuf,
    connection: Connection,
}

impl LlmLog {
    /// Opens the log at `path`. `NotFound` when there is no file, `BadData` when it is no log of `llm`.
    pub fn open(path: &Path) -> Result<LlmLog> {
        let log = LlmLog { path: path.to_path_buf(), connection: open(path)? };
        if log.has("responses")? || log.has("threads")? {
            return Ok(log);
        }
        Err(Error::new(
            Kind::BadData,
            format!("{} is no log of llm: it has neither responses nor threads", path.display()),
        )
        .hint("`llm logs path` says where the log is"))
    }

    /// Shows every conversation to `each`, one at a time. One that went on in a thread is left to [`LlmLog::threads`].
    pub fn conversations(&self, each: &mut dyn FnMut(LlmConversation) -> Result<()>) -> Result<()> {
        if !self.has("responses")? {
            return Ok(());
        }
        let known = columns(&self.connection, "responses").map_err(|e| self.wrong(e))?;
        if !known.contains("conversation_id") || !self.has("conversations")? {
            return Err(Error::new(Kind::BadData, format!("the log {} is of a very old llm", self.path.display()))
                .hint("`llm logs list` of a newer llm brings it up to date"));
        }
        let threads = if self.has("threads")? { "SELECT id FROM threads" } else { "SELECT NULL WHERE 0" };
        // A response without a conversation is one of its own.
        let sql = format!(
            "SELECT DISTINCT ifnull(r.conversation_id, r.id), c.name, c.model FROM responses r
             LEFT JOIN conversations c ON c.id = r.conversation_id
             WHERE ifnull(r.conversation_id, '') NOT IN ({threads}) ORDER BY 1"
        );
        let found = self.rows(&sql, [], |row| {
            let (id, name, model) = (text(row, 0)?.unwrap_or_default(), text(row, 1)?, text(row, 2)?);
            Ok(LlmConversation { id, name, model, responses: Vec::new() })
        })?;
        for mut conversation in found {
            conversation.responses = self.responses(&conversation.id, &known)?;
            each(conversation)?;
        }
        Ok(())
    }

    fn responses(&self, conversation: &str, known: &std::collections::HashSet<String>) -> Result<Vec<LlmResponse>> {
        let column = |name: &'static str| if known.contains(name) { name } else { "NULL" };
        let sql = format!(
            "SELECT id, model, prompt, system, response, datetime_utc, {}, {} FROM responses
             WHERE conversation_id = ?1 OR (conversation_id IS NULL AND id = ?1) ORDER BY datetime_utc, id",
            column("input_tokens"),
            column("output_tokens")
        );
        let mut responses = self.rows(&sql, [conversation], |row| {
            Ok(LlmResponse {
                id: text(row, 0)?.unwrap_or_default(),
                model: text(row, 1)?,
                prompt: text(row, 2)?.unwrap_or_default(),
                system: text(row, 3)?,
                response: text(row, 4)?.unwrap_or_default(),
                at: text(row, 5)?,
                input_tokens: count(row, 6)?,
                output_tokens: count(row, 7)?,
                ..LlmResponse::default()
            })
        })?;
        for response in &mut responses {
            self.fill(response)?;
        }
        Ok(responses)
    }

    /// Adds what stands in other tables, where this version has them.
    fn fill(&self, response: &mut LlmResponse) -> Result<()> {
        let id = response.id.as_str();
        let fragments = |table: &str| -> Result<Vec<String>> {
            if !self.has(table)? {
                return Ok(Vec::new());
            }
            let sql = format!(
                "SELECT f.content FROM {table} p JOIN fragments f ON f.id = p.fragment_id WHERE p.response_id = ?1
                 ORDER BY p.\"order\""
            );
            self.rows(&sql, [id], |row| Ok(text(row, 0)?.unwrap_or_default()))
        };
        let tools = |table: &str, said: &str| -> Result<Vec<(String, String, String)>> {
            if !self.has(table)? {
                return Ok(Vec::new());
            }
            let sql = format!("SELECT tool_call_id, name, {said} FROM {table} WHERE response_id = ?1 ORDER BY id");
            self.rows(&sql, [id], |row| {
                let word = |at| text(row, at).map(Option::unwrap_or_default);
                Ok((word(0)?, word(1)?, word(2)?))
            })
        };
        let (prompt, system) = (fragments("prompt_fragments")?, fragments("system_fragments")?);
        let (calls, results) = (tools("tool_calls", "arguments")?, tools("tool_results", "output")?);
        if self.has("prompt_attachments")? {
            let sql = "SELECT a.type, a.path, a.url, a.content FROM prompt_attachments p
                 JOIN attachments a ON a.id = p.attachment_id WHERE p.response_id = ?1 ORDER BY p.\"order\"";
            response.attachments = self.rows(sql, [id], attachment)?;
        }
        (response.tool_calls, response.tool_results) = (calls, results);
        response.prompt = joined(prompt, Some(std::mem::take(&mut response.prompt))).unwrap_or_default();
        response.system = joined(system, response.system.take());
        Ok(())
    }

    /// Shows every thread to `each`, one at a time.
    pub fn threads(&self, each: &mut dyn FnMut(LlmThread) -> Result<()>) -> Result<()> {
        if !self.has("threads")? {
            return Ok(());
        }
        let found = self.rows("SELECT id, name, tip_message_hash FROM threads ORDER BY id", [], |row| {
            let (id, name, tip) = (text(row, 0)?.unwrap_or_default(), text(row, 1)?, text(row, 2)?);
            Ok(LlmThread { id, name, tip, messages: Vec::new() })
        })?;
        for mut thread in found {
            thread.messages = self.messages(&thread)?;
            each(thread)?;
        }
        Ok(())
    }

    fn messages(&self, thread: &LlmThread) -> Result<Vec<LlmMessage>> {
        // Hashes are visited once, so that a circle in a damaged file ends.
        let sql = "WITH RECURSIVE reached (hash) AS (
               SELECT ?2 UNION SELECT tip_message_hash FROM turns WHERE thread_id = ?1
               UNION SELECT m.parent_hash FROM reached JOIN messages m ON m.hash = reached.hash)
             SELECT m.hash, m.parent_hash, m.role FROM messages m WHERE m.hash IN (SELECT hash FROM reached) ORDER BY m.rowid";
        let mut messages = self.rows(sql, [Some(thread.id.as_str()), thread.tip.as_deref()], |row| {
            Ok(LlmMessage {
                hash: text(row, 0)?.unwrap_or_default(),
                parent: text(row, 1)?,
                role: text(row, 2)?.unwrap_or_default(),
                ..LlmMessage::default()
            })
        })?;
        let sql = "SELECT parent_message_hash, tip_message_hash, datetime_utc, model, output_tokens FROM turns
             WHERE thread_id = ?1 ORDER BY id DESC";
        let turns = self.rows(sql, [&thread.id], |row| {
            Ok((text(row, 0)?, text(row, 1)?, text(row, 2)?, text(row, 3)?, count(row, 4)?))
        })?;
        let at: HashMap<String, usize> = messages.iter().enumerate().map(|(n, m)| (m.hash.clone(), n)).collect();
        // The newest turn first, so that the oldest has the last word: a message was said when it was first said.
        for (question, answer, when, model, tokens) in turns {
            if let Some(message) = question.and_then(|hash| at.get(&hash)).and_then(|n| messages.get_mut(*n)) {
                message.at = when.clone();
            }
            if let Some(message) = answer.and_then(|hash| at.get(&hash)).and_then(|n| messages.get_mut(*n)) {
                (message.at, message.model, message.output_tokens) = (when, model, tokens);
            }
        }
        for message in &mut messages {
            message.parts = self.parts(&message.hash)?;
        }
        Ok(messages)
    }

    fn parts(&self, message: &str) -> Result<Vec<LlmPart>> {
        let sql = "SELECT type, text, payload FROM parts WHERE message_hash = ?1 ORDER BY position";
        let mut parts = self.rows(sql, [message], |row| {
            let payload = text(row, 2)?.map_or(Value::Null, |t| serde_json::from_str(&t).unwrap_or(Value::String(t)));
            let (kind, text) = (text(row, 0)?.unwrap_or_default(), text(row, 1)?.unwrap_or_default());
            Ok(LlmPart { kind, text, payload, attachments: Vec::new() })
        })?;
        for part in &mut parts {
            for piece in part.payload.get("text_ref").and_then(Value::as_array).into_iter().flatten() {
                match (piece.get("literal").and_then(Value::as_str), piece.get("fragment").and_then(Value::as_i64)) {
                    (Some(literal), _) => part.text.push_str(literal),
                    (None, Some(fragment)) => part.text.push_str(&self.fragment(fragment)?),
                    (None, None) => {}
                }
            }
            let many = part.payload.get("attachments").and_then(Value::as_array).into_iter().flatten();
            let ids = part.payload.get("attachment").into_iter().chain(many);
            for id in ids.filter_map(|a| a.get("id")?.as_str()) {
                let sql = "SELECT type, path, url, content FROM attachments WHERE id = ?1";
                part.attachments.extend(self.rows(sql, [id], attachment)?);
            }
        }
        Ok(parts)
    }

    fn fragment(&self, id: i64) -> Result<String> {
        let sql = "SELECT content FROM fragments WHERE id = ?1";
        let found = self.connection.query_row(sql, [id], |row| text(row, 0)).optional().map_err(|e| self.wrong(e))?;
        Ok(found.flatten().unwrap_or_default())
    }

    fn has(&self, table: &str) -> Result<bool> {
        columns(&self.connection, table).map(|found| !found.is_empty()).map_err(|error| self.wrong(error))
    }

    fn rows<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        let all =
            || -> rusqlite::Result<Vec<T>> { self.connection.prepare_cached(sql)?.query_map(params, read)?.collect() };
        all().map_err(|error| self.wrong(error))
    }

    fn wrong(&self, error: rusqlite::Error) -> Error {
        unreadable(&self.path, error)
    }
}

fn attachment(row: &rusqlite::Row<'_>) -> rusqlite::Result<LlmAttachment> {
    let content = row.get_ref(3)?.as_bytes_or_null().ok().flatten().map(<[u8]>::to_vec);
    Ok(LlmAttachment { mime: text(row, 0)?, path: text(row, 1)?, url: text(row, 2)?, content })
}

/// Fragments and the text after them, one below the other, as `llm` sends them.
fn joined(mut fragments: Vec<String>, text: Option<String>) -> Option<String> {
    if fragments.is_empty() {
        return text;
    }
    fragments.extend(text.filter(|text| !text.is_empty()));
    Some(fragments.join("\n"))
}
