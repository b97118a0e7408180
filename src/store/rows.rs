//! What the log says about rows: each change tells what the rows it wrote look like after it, or that they are gone.
//!
//! A long text goes in as its SHA-256. A row that may be erased one day is told only in an event that is erased with it:
//! one about the same thing, and for a chat also one about a message of it.

use std::collections::HashSet;

use rusqlite::types::ValueRef;
use rusqlite::{Params, Row, Statement, params_from_iter};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::Change;
use super::events::hex;
use super::fault::Outcome;
use crate::kernel::error::{Error, Kind};
use crate::kernel::events::{self, Event};

/// Texts longer than this, and all bytes, are told by their SHA-256.
const LONG: usize = 256;

/// A table that can be rebuilt from the log.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    /// What tells its rows apart.
    key: &'static [&'static str],
    /// What is told of a row besides its columns.
    besides: &'static str,
    /// The column by which a row is known to be from before the log told rows.
    pub(super) age: &'static str,
    about: About,
}

/// What the rows of a table are about, which is what they are erased with.
#[derive(Debug, PartialEq)]
enum About {
    /// The thing whose id they hold.
    Own,
    /// The run whose number they hold.
    Run,
    /// Nothing private.
    Open,
}

/// The tables that can be rebuilt from the log. Labels are told with their chat; the files of a message with it, by hash, and the
/// signs that people put on it.
pub(super) const STATE: &[Table] = &[
    table("sources", &["n"], "", "n", About::Open),
    table("grants", &["n"], "", "n", About::Open),
    table("runs", &["n"], "", "n", About::Own),
    table("run_steps", &["run", "n"], "", "run", About::Run),
    table(
        "sessions",
        &["n"],
        ", (SELECT json_group_array(tag) FROM (SELECT tag FROM session_tags WHERE session = sessions.n ORDER BY tag)) AS tags",
        "n",
        About::Own,
    ),
    table(
        "messages",
        &["n"],
        ", (SELECT json_group_array(hash) FROM (SELECT a.hash FROM message_attachments ma JOIN attachments a
         ON a.n = ma.attachment WHERE ma.message = messages.n ORDER BY a.hash)) AS files,
         (SELECT nullif(json_group_array(sign || ' ' || person), '[]') FROM (SELECT sign, person FROM reactions
         WHERE message = messages.n ORDER BY sign, person)) AS reactions",
        "n",
        About::Own,
    ),
    table("calls", &["n"], "", "n", About::Own),
    table("memories", &["n"], "", "n", About::Own),
    table("recordings", &["n"], "", "n", About::Own),
    table("automations", &["n"], "", "n", About::Open),
    table("firings", &["n"], "", "n", About::Own),
    table("jobs", &["n"], "", "n", About::Own),
    table("tool_grants", &["owner", "session", "tool", "digest"], "", "granted_at", About::Open),
    table("pins", &["owner", "kind", "key"], "", "at", About::Open),
    table("plugins", &["owner", "name"], "", "at", About::Open),
    table("users", &["n"], "", "n", About::Own),
    table("access_keys", &["n"], "", "n", About::Own),
    table("logins", &["n"], "", "n", About::Own),
];

/// The other tables: the log itself; what is told with another table; what is read again from the files of a source, from
/// rows, or from the network; and what is true only until something newer is known.
#[cfg(test)]
pub(super) const NOT_STATE: &[&str] = &[
    "events",
    "event_payloads",
    "event_head",
    "replay_start",
    "session_tags",
    "session_holders",
    "message_attachments",
    "reactions",
    "attachments",
    "source_files",
    "definitions",
    "definition_bodies",
    "definition_names",
    "counters",
    "search_docs",
    "cache",
    "state",
    "holds",
    "marks",
    "leases",
    "plugin_values",
    "plugin_lines",
    "plugin_marks",
];

const fn table(
    name: &'static str,
    key: &'static [&'static str],
    besides: &'static str,
    age: &'static str,
    about: About,
) -> Table {
    Table { name, key, besides, age, about }
}

/// A row that was written: its table, and its key as JSON.
pub(super) type Place = (&'static str, Vec<Value>);

impl Table {
    pub(super) fn named(name: &str) -> Option<&'static Table> {
        STATE.iter().find(|table| table.name == name)
    }

    /// All that is told of its rows.
    pub(super) fn all_sql(&self) -> String {
        format!("SELECT *{} FROM {}", self.besides, self.name)
    }

    fn one_sql(&self) -> String {
        let conditions: Vec<String> = self.key.iter().zip(1..).map(|(column, n)| format!("{column} = ?{n}")).collect();
        format!("{} WHERE {}", self.all_sql(), conditions.join(" AND "))
    }

    /// The key of a row that was read whole.
    pub(super) fn key_of(&self, image: &Map<String, Value>) -> Vec<Value> {
        self.key.iter().map(|column| image.get(*column).cloned().unwrap_or_default()).collect()
    }

    /// A row as the log tells it: its columns by name, those that are NULL left out.
    pub(super) fn image(&self, names: &[String], row: &Row<'_>) -> Outcome<Map<String, Value>> {
        let mut image = Map::new();
        for (n, name) in names.iter().enumerate() {
            let value = match row.get_ref(n)? {
                ValueRef::Null => continue,
                ValueRef::Integer(number) => json!(number),
                ValueRef::Real(number) => json!(number),
                ValueRef::Text(text) => match std::str::from_utf8(text) {
                    Ok(text) if text.len() <= LONG || self.key.contains(&&**name) => json!(text),
                    _ => by_hash(text),
                },
                ValueRef::Blob([]) => continue,
                ValueRef::Blob(bytes) => by_hash(bytes),
            };
            image.insert(name.clone(), value);
        }
        // An answer grows many times a second; the log tells it when it is whole.
        if self.name == "messages" && image.get("status").is_some_and(|status| status == "pending") {
            for growing in ["words", "parts", "files"] {
                image.remove(growing);
            }
        }
        Ok(image)
    }
}

/// A part of a key, as a statement takes it.
fn bound(part: &Value) -> rusqlite::types::Value {
    match (part.as_i64(), part.as_str()) {
        (Some(number), _) => number.into(),
        (_, Some(text)) => text.to_string().into(),
        _ => rusqlite::types::Value::Null,
    }
}

fn by_hash(bytes: &[u8]) -> Value {
    json!({"sha256": hex(&Sha256::digest(bytes))})
}

pub(super) fn names(statement: &Statement<'_>) -> Vec<String> {
    statement.column_names().map(String::from).collect()
}

impl Change<'_> {
    /// Runs a statement that inserts, updates or deletes rows of one of [`STATE`], so that the log tells them. Says how many
    /// those were.
    pub(super) fn alter(&self, sql: &str, params: impl Params) -> Outcome<usize> {
        let table = table_of(sql)?;
        let mut statement = self.tx.prepare_cached(&format!("{sql} RETURNING {}", table.key.join(", ")))?;
        let names = names(&statement);
        let mut rows = statement.query(params)?;
        let mut count = 0;
        // It is finished by reading to its end.
        while let Some(row) = rows.next()? {
            self.touched.borrow_mut().push((table.name, table.key_of(&table.image(&names, row)?)));
            count += 1;
        }
        Ok(count)
    }

    /// The log is to tell this row again, as something told with it changed.
    pub(super) fn touch_row(&self, table: &'static str, n: i64) {
        self.touched.borrow_mut().push((table, vec![json!(n)]));
    }

    /// What an event tells of the rows that were written and not yet told: a JSON array of table, key and the row, `null`
    /// when it is gone. What the event may not tell is left for another.
    pub(super) fn told_by(&self, event: &Event) -> Outcome<Option<String>> {
        if self.touched.borrow().is_empty() {
            return Ok(None);
        }
        let mut told = Vec::new();
        let mut left = Vec::new();
        let mut seen = HashSet::new();
        for (name, key) in self.touched.take() {
            if !seen.insert((name, Value::from(key.clone()).to_string())) {
                continue;
            }
            let image = self.row_now(name, &key)?;
            if self.may_tell(event, name, &key, image.as_ref())? {
                told.push(json!([name, key, image]));
            } else {
                left.push((name, key));
            }
        }
        self.touched.replace(left);
        Ok((!told.is_empty()).then(|| Value::from(told).to_string()))
    }

    /// Tells what no event of this change could tell.
    pub(super) fn tell_the_rest(&self) -> Outcome<()> {
        loop {
            let Some((name, key)) = self.touched.borrow().first().cloned() else { return Ok(()) };
            let image = self.row_now(name, &key)?;
            let subject = self.subject(name, &key, image.as_ref())?;
            let kind = match (name, &subject) {
                (_, None) => events::STORE_CHANGED,
                ("sessions", _) => events::SESSION_CHANGED,
                ("messages", _) => events::MESSAGE_CHANGED,
                ("calls", _) => events::CALL_CHANGED,
                ("memories", _) => events::MEMORY_CHANGED,
                ("recordings", _) => events::RECORDING_CHANGED,
                ("firings", _) => events::FIRING_CHANGED,
                ("jobs", _) => events::JOB_CHANGED,
                ("users", _) => events::USER_CHANGED,
                ("access_keys", _) => events::KEY_REVOKED,
                ("logins", _) => events::LOGIN_ENDED,
                _ => events::RUN_CHANGED,
            };
            self.record(&Event::new(kind, subject.unwrap_or_else(|| name.to_string()), json!({})))?;
        }
    }

    fn row_now(&self, name: &str, key: &[Value]) -> Outcome<Option<Map<String, Value>>> {
        let table = known(name)?;
        let mut statement = self.tx.prepare_cached(&table.one_sql())?;
        let names = names(&statement);
        let mut rows = statement.query(params_from_iter(key.iter().map(bound)))?;
        rows.next()?.map(|row| table.image(&names, row)).transpose()
    }

    /// What a row is erased with; `None` when it holds nothing private.
    fn subject(&self, name: &str, key: &[Value], image: Option<&Map<String, Value>>) -> Outcome<Option<String>> {
        let Some(image) = image else { return Ok(None) };
        Ok(match known(name)?.about {
            About::Open => None,
            About::Own => image.get("id").and_then(Value::as_str).map(String::from),
            About::Run => {
                let mut find = self.tx.prepare_cached("SELECT id FROM runs WHERE n = ?1")?;
                Some(find.query_row(params_from_iter(key.first().map(bound)), |row| row.get(0))?)
            }
        })
    }

    fn may_tell(&self, event: &Event, name: &str, key: &[Value], image: Option<&Map<String, Value>>) -> Outcome<bool> {
        let of_a_message = matches!(event.kind.as_str(), events::MESSAGE_ADDED | events::MESSAGE_ENDED);
        Ok((of_a_message && name == "sessions")
            || self.subject(name, key, image)?.is_none_or(|subject| subject == event.subject))
    }
}

fn known(name: &str) -> Outcome<&'static Table> {
    Table::named(name).ok_or_else(|| Error::new(Kind::Failed, format!("the log tells nothing of {name}")).into())
}

/// The table that a statement changes: the word after INTO, UPDATE or FROM.
fn table_of(sql: &str) -> Outcome<&'static Table> {
    let mut words = sql.split_ascii_whitespace();
    words.find(|word| matches!(*word, "INTO" | "UPDATE" | "FROM"));
    known(words.next().unwrap_or_default())
}
