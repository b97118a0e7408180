//! What the log says about rows: each change tells what the rows it wrote look like after it, or that they are gone.
//!
//! A long text goes in as its SHA-256. A row that may be erased one day is told only in an event that is erased with it:
//! one about the same thing, and for a chat also one about a message of it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

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
    "begun",
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

/// A row that was written.
#[derive(Clone)]
pub(super) struct Touched {
    pub(super) table: &'static Table,
    /// Its key as JSON.
    pub(super) key: Vec<Value>,
    pub(super) image: Image,
}

/// How a row that was written looks now.
#[derive(Clone)]
pub(super) enum Image {
    /// As it stands in its table when it is told.
    AsItStands,
    /// So.
    Row(Map<String, Value>),
    /// It is gone.
    Gone,
}

impl From<Option<Map<String, Value>>> for Image {
    fn from(row: Option<Map<String, Value>>) -> Image {
        row.map_or(Image::Gone, Image::Row)
    }
}

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
        // What is told besides stands in other tables, which may change yet.
        let whole = table.besides.is_empty();
        let told = if whole { "*".to_string() } else { table.key.join(", ") };
        let is_gone = sql.trim_start().starts_with("DELETE");
        let mut statement = self.tx.prepare_cached(&format!("{sql} RETURNING {told}"))?;
        let names = names(&statement);
        let mut rows = statement.query(params)?;
        let mut count = 0;
        // It is finished by reading to its end.
        while let Some(row) = rows.next()? {
            let image = table.image(&names, row)?;
            let key = table.key_of(&image);
            let image = match whole {
                true if is_gone => Image::Gone,
                true => Image::Row(image),
                false => Image::AsItStands,
            };
            self.touched.borrow_mut().push(Touched { table, key, image });
            count += 1;
        }
        Ok(count)
    }

    /// The log is to tell this row again, as something told with it changed.
    pub(super) fn touch_row(&self, table: &'static str, n: i64) {
        // Only tables that are told are named here.
        let table = Table::named(table).into_iter();
        self.touched.borrow_mut().extend(table.map(|table| Touched {
            table,
            key: vec![json!(n)],
            image: Image::AsItStands,
        }));
    }

    /// What an event tells of the rows that were written and not yet told: a JSON array of table, key and the row, `null`
    /// when it is gone. What the event may not tell is left for another.
    pub(super) fn told_by(&self, event: &Event) -> Outcome<Option<String>> {
        if self.touched.borrow().is_empty() {
            return Ok(None);
        }
        let mut told = Vec::new();
        let mut left = Vec::new();
        for touched in last_of_each(self.touched.take()) {
            let image = self.row_now(&touched)?;
            let Touched { table, key, .. } = touched;
            if self.may_tell(event, table, &key, image.as_ref())? {
                told.push(json!([table.name, key, image]));
            } else {
                left.push(Touched { table, key, image: image.into() });
            }
        }
        self.touched.replace(left);
        Ok((!told.is_empty()).then(|| Value::from(told).to_string()))
    }

    /// Tells what no event of this change could tell.
    pub(super) fn tell_the_rest(&self) -> Outcome<()> {
        loop {
            let Some(first) = self.touched.borrow().first().cloned() else { return Ok(()) };
            let image = self.row_now(&first)?;
            let subject = self.subject(first.table, &first.key, image.as_ref())?;
            let name = first.table.name;
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

    fn row_now(&self, touched: &Touched) -> Outcome<Option<Map<String, Value>>> {
        match &touched.image {
            Image::AsItStands => {}
            Image::Row(image) => return Ok(Some(image.clone())),
            Image::Gone => return Ok(None),
        }
        let mut statement = self.tx.prepare_cached(&touched.table.one_sql())?;
        let names = names(&statement);
        let mut rows = statement.query(params_from_iter(touched.key.iter().map(bound)))?;
        rows.next()?.map(|row| touched.table.image(&names, row)).transpose()
    }

    /// What a row is erased with; `None` when it holds nothing private.
    fn subject(&self, table: &Table, key: &[Value], image: Option<&Map<String, Value>>) -> Outcome<Option<String>> {
        let Some(image) = image else { return Ok(None) };
        Ok(match table.about {
            About::Open => None,
            About::Own => image.get("id").and_then(Value::as_str).map(String::from),
            About::Run => {
                let mut find = self.tx.prepare_cached("SELECT id FROM runs WHERE n = ?1")?;
                Some(find.query_row(params_from_iter(key.first().map(bound)), |row| row.get(0))?)
            }
        })
    }

    fn may_tell(
        &self,
        event: &Event,
        table: &Table,
        key: &[Value],
        image: Option<&Map<String, Value>>,
    ) -> Outcome<bool> {
        let of_a_message = matches!(event.kind.as_str(), events::MESSAGE_ADDED | events::MESSAGE_ENDED);
        Ok((of_a_message && table.name == "sessions")
            || self.subject(table, key, image)?.is_none_or(|subject| subject == event.subject))
    }
}

/// Each row once, where it was written first, as it was written last.
fn last_of_each(all: Vec<Touched>) -> Vec<Touched> {
    let mut each: Vec<Touched> = Vec::with_capacity(all.len());
    let mut places: HashMap<(&str, String), usize> = HashMap::new();
    for touched in all {
        match places.entry((touched.table.name, Value::from(touched.key.clone()).to_string())) {
            Entry::Occupied(place) => each[*place.get()] = touched,
            Entry::Vacant(place) => {
                place.insert(each.len());
                each.push(touched);
            }
        }
    }
    each
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
