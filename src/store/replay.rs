//! Replaying the log: the rows it tells, one after the other, beside the rows that are there.
//!
//! Long texts are compared by their SHA-256. Rows from before the log told rows are passed over until their next change.

use std::collections::{BTreeMap, HashMap};

use rusqlite::{Connection, OptionalExtension};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::events::{Hash, hex};
use super::fault::Outcome;
use super::rows::{STATE, Table, names};

/// So many differences are told one by one.
const TOLD: usize = 10;

/// What a replay of the log found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Rows that are as the log tells them.
    pub rows: u64,
    /// Rows from before the log told rows, which did not change since.
    pub older: u64,
    /// Rows that are not as the log tells them.
    pub differ: u64,
    /// The first of those, one sentence each without its full stop.
    pub differences: Vec<String>,
}

/// A row told by the log: where, and the hash of what was told. `None` once it was told to be gone.
type Told = HashMap<&'static str, BTreeMap<String, Option<(i64, Hash)>>>;

/// Replays the whole log in one snapshot.
pub(super) fn replay(connection: &Connection) -> Outcome<Replayed> {
    let mut told = fold(connection)?;
    let mut found = Replayed::default();
    for table in STATE {
        compare(connection, table, told.remove(table.name).unwrap_or_default(), &mut found)?;
    }
    files(connection, &mut found)?;
    Ok(found)
}

impl Replayed {
    /// One sentence about the rows that differ, without its full stop; `None` when none does.
    pub fn summary(&self) -> Option<String> {
        match self.differ {
            0 => None,
            1 => Some("one row is not as the log tells it".to_string()),
            count => Some(format!("{count} rows are not as the log tells them")),
        }
    }

    fn differs(&mut self, what: String) {
        self.differ += 1;
        if self.differences.len() < TOLD {
            self.differences.push(what);
        }
    }
}

fn fold(connection: &Connection) -> Outcome<Told> {
    let mut told = Told::new();
    let mut statement =
        connection.prepare("SELECT position, rows FROM event_payloads WHERE rows IS NOT NULL ORDER BY position")?;
    let mut payloads = statement.query([])?;
    while let Some(payload) = payloads.next()? {
        let position: i64 = payload.get(0)?;
        for (name, key, image) in read(payload.get_ref(1)?.as_str().unwrap_or_default())? {
            let Some(table) = Table::named(&name) else { continue };
            told.entry(table.name).or_default().insert(text(&key), image.map(|image| (position, hash(&image))));
        }
    }
    Ok(told)
}

type TellsRow = (String, Vec<Value>, Option<Map<String, Value>>);

/// The rows that an event tells.
pub(super) fn read(rows: &str) -> Outcome<Vec<TellsRow>> {
    Ok(serde_json::from_str(rows)?)
}

fn compare(
    connection: &Connection,
    table: &Table,
    mut told: BTreeMap<String, Option<(i64, Hash)>>,
    found: &mut Replayed,
) -> Outcome<()> {
    let sql = "SELECT last FROM replay_start WHERE name = ?1";
    let start: i64 = connection.query_row(sql, [table.name], |row| row.get(0)).optional()?.unwrap_or(0);
    let mut statement = connection.prepare(&table.all_sql())?;
    let names = names(&statement);
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let image = table.image(&names, row)?;
        let key = text(&table.key_of(&image));
        match told.remove(&key) {
            Some(Some((_, expected))) if expected == hash(&image) => found.rows += 1,
            Some(Some((position, _))) => {
                let expected = told_at(connection, position, table.name, &key)?;
                found.differs(format!(
                    "{} is not as event {position} tells it: {}",
                    called(table, &key, &image),
                    column(&expected, &image)
                ));
            }
            None if image.get(table.age).and_then(Value::as_i64).is_some_and(|age| age <= start) => found.older += 1,
            Some(None) => found.differs(format!("{} is there although it was removed", called(table, &key, &image))),
            None => found.differs(format!("{} is there although no event tells of it", called(table, &key, &image))),
        }
    }
    for (key, last) in told {
        let Some((position, _)) = last else { continue };
        let image = told_at(connection, position, table.name, &key)?;
        found.differs(format!("{} is gone; event {position} tells it", called(table, &key, &image)));
    }
    Ok(())
}

/// The bytes of files that are not what their own hash says.
fn files(connection: &Connection, found: &mut Replayed) -> Outcome<()> {
    let mut statement = connection.prepare("SELECT hash, data FROM attachments ORDER BY n")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let own: String = row.get(0)?;
        if hex(&Sha256::digest(row.get_ref(1)?.as_bytes().unwrap_or_default())) != own {
            found.differs(format!("the file {own} of attachments has other bytes than its hash says"));
        }
    }
    Ok(())
}

fn told_at(connection: &Connection, position: i64, table: &str, key: &str) -> Outcome<Map<String, Value>> {
    let sql = "SELECT rows FROM event_payloads WHERE position = ?1";
    let rows: String = connection.query_row(sql, [position], |row| row.get(0))?;
    let image = read(&rows)?.into_iter().find(|(name, of, _)| name == table && text(of) == key);
    Ok(image.and_then(|(_, _, image)| image).unwrap_or_default())
}

/// The first column that differs.
fn column(expected: &Map<String, Value>, found: &Map<String, Value>) -> String {
    let all = expected.keys().chain(found.keys());
    let differs = all.into_iter().find(|name| expected.get(*name) != found.get(*name));
    differs.map_or_else(|| "its columns stand in another order".to_string(), |name| format!("its {name} differs"))
}

/// How a row is called to people: its table, and its id or its key.
fn called(table: &Table, key: &str, image: &Map<String, Value>) -> String {
    match image.get("id").and_then(Value::as_str).filter(|_| table.name != "run_steps") {
        Some(id) => format!("the row {id} of {}", table.name),
        None => format!("the row {key} of {}", table.name),
    }
}

fn text(key: &[Value]) -> String {
    Value::from(key).to_string()
}

fn hash(image: &Map<String, Value>) -> Hash {
    let mut sorted: Vec<_> = image.iter().collect();
    sorted.sort_by_key(|(name, _)| *name);
    Sha256::digest(serde_json::to_vec(&sorted).unwrap_or_default()).into()
}
