//! The log of facts: appending to it inside a change, and reading it.
//!
//! Each row's hash covers the row before it, its own fields and the hash of its payload. The payload itself
//! stands in a table of its own and can be erased without breaking the chain.

use rusqlite::{Connection, Row, params};
use sha2::{Digest, Sha256};

use super::fault::Outcome;
use super::rows::{Image, Table, Touched};
use super::{Change, Store, replay};
use crate::kernel::clock::Timestamp;
use crate::kernel::error::Result;
use crate::kernel::events::{Event, Position, Recorded};
use crate::kernel::ids::TraceId;

pub(super) const AFTER: &str = "SELECT e.position, e.at, e.owner, e.trace, e.kind, e.subject, e.hash, p.payload
     FROM events e LEFT JOIN event_payloads p ON p.position = e.position
     WHERE e.position > ?1 AND e.kind GLOB ?2 ORDER BY e.position LIMIT ?3";

pub(super) const TAIL: &str = "SELECT e.position, e.at, e.owner, e.trace, e.kind, e.subject, e.hash, p.payload
     FROM events e LEFT JOIN event_payloads p ON p.position = e.position
     WHERE e.position <= ?1 AND e.kind GLOB ?2 ORDER BY e.position DESC LIMIT ?3";

/// SHA-256.
pub(super) type Hash = [u8; 32];

/// The fields the chain covers, besides the hash before and the payload's.
pub(super) struct Fields<'a> {
    pub(super) position: i64,
    pub(super) at: i64,
    pub(super) owner: &'a str,
    pub(super) trace: &'a str,
    pub(super) kind: &'a str,
    pub(super) subject: &'a str,
}

impl Fields<'_> {
    /// The hash of a row. Each text is preceded by its length, so that no two rows read the same.
    pub(super) fn hash(&self, previous: &Hash, payload_hash: &Hash) -> Hash {
        let mut hash = Sha256::new();
        hash.update(b"factotum event 1\n");
        hash.update(previous);
        hash.update(self.position.to_le_bytes());
        hash.update(self.at.to_le_bytes());
        for text in [self.owner, self.trace, self.kind, self.subject] {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text);
        }
        hash.update(payload_hash);
        hash.finalize().into()
    }
}

/// The hash of a payload and of the rows told with it. Neither text holds a line feed, so no two pairs read the same.
pub(super) fn hash_payload(salt: &[u8], payload: &str, rows: Option<&str>) -> Hash {
    let mut hash = Sha256::new().chain_update(salt).chain_update(payload);
    if let Some(rows) = rows {
        hash.update(b"\n");
        hash.update(rows);
    }
    hash.finalize().into()
}

impl Change<'_> {
    /// Appends what this change did.
    pub(super) fn record(&self, event: &Event) -> Outcome<Position> {
        self.record_as(self.store.trace, event)
    }

    /// The same for what belongs to another request than the rest of this change.
    pub(super) fn record_as(&self, trace: TraceId, event: &Event) -> Outcome<Position> {
        let (last, previous) = match self.head.get() {
            Some(head) => head,
            None => self
                .tx
                .prepare_cached("SELECT position, hash FROM event_head WHERE one = 1")?
                .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?,
        };
        let position = last + 1;
        let payload = event.payload.to_string();
        let salt = self.ids().bytes16();
        let rows = self.told_by(event)?;
        let payload_hash = hash_payload(&salt, &payload, rows.as_deref());
        let trace = trace.to_string();
        let fields = Fields {
            position,
            at: self.at.as_micros(),
            owner: self.owner(),
            trace: &trace,
            kind: &event.kind,
            subject: &event.subject,
        };
        let hash = fields.hash(&previous, &payload_hash);
        self.tx
            .prepare_cached(
                "INSERT INTO events (position, at, owner, trace, kind, subject, payload_hash, previous, hash)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?
            .execute(params![
                position,
                self.at,
                self.owner(),
                trace,
                event.kind,
                event.subject,
                payload_hash,
                previous,
                hash
            ])?;
        self.tx
            .prepare_cached("INSERT INTO event_payloads (position, salt, payload, rows) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![position, salt, payload, rows])?;
        self.head.set(Some((position, hash)));
        Ok(Position::from_stored(position))
    }

    /// Writes down where the log ends after this change.
    pub(super) fn keep_head(&self) -> Outcome<()> {
        let Some((position, hash)) = self.head.get() else { return Ok(()) };
        self.tx
            .prepare_cached("UPDATE event_head SET position = ?1, hash = ?2 WHERE one = 1")?
            .execute(params![position, hash])?;
        Ok(())
    }

    /// Erases what the log says in detail about `subject`; that it was about it stays. Rows that were told there, and are
    /// not erased themselves, are told again.
    pub(super) fn erase_payloads(&self, subject: &str) -> Outcome<()> {
        let mut delete = self.tx.prepare_cached(
            "DELETE FROM event_payloads WHERE position IN (SELECT position FROM events WHERE subject = ?1)
             RETURNING rows",
        )?;
        let erased: Vec<Option<String>> =
            delete.query_map([subject], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
        for (name, key, _) in
            erased.iter().flatten().map(|rows| replay::read(rows)).collect::<Outcome<Vec<_>>>()?.concat()
        {
            if let Some(table) = Table::named(&name) {
                self.touched.borrow_mut().push(Touched { table, key, image: Image::AsItStands });
            }
        }
        Ok(())
    }
}

impl Store {
    /// Records a fact that changes no row of the store, such as a setting written to a file.
    pub fn append(&self, event: &Event) -> Result<Position> {
        self.write(|change| change.record(event))
    }

    /// Events after `after` (from the first when `None`), oldest first, at most `limit`.
    ///
    /// `kinds` is a kind, or a pattern such as `run.*`; `*` is everything.
    pub fn events(&self, after: Option<Position>, kinds: &str, limit: usize) -> Result<Vec<Recorded>> {
        let after = after.map_or(0, Position::stored);
        Ok(self.read(|connection| select(connection, AFTER, after, kinds, limit, usize::MAX))?.0)
    }

    /// The same, and no more once their payloads take `bytes`; with whether more may follow.
    pub fn events_up_to(
        &self,
        after: Option<Position>,
        kinds: &str,
        limit: usize,
        bytes: usize,
    ) -> Result<(Vec<Recorded>, bool)> {
        let after = after.map_or(0, Position::stored);
        self.read(|connection| select(connection, AFTER, after, kinds, limit, bytes))
    }

    /// Of at most `limit` events after `after`, oldest first, those whose kind is `wanted`; the position of the last that was
    /// looked at, and whether more may follow.
    pub fn events_wanted(
        &self,
        after: Option<Position>,
        limit: usize,
        wanted: &dyn Fn(&str) -> bool,
    ) -> Result<(Vec<Recorded>, Option<Position>, bool)> {
        let after = after.map_or(0, Position::stored);
        self.glance(|connection| {
            let (mut found, mut last) = (Vec::new(), None);
            let more = walk(connection, AFTER, after, "*", limit, |row| {
                last = Some(row.get(0)?);
                if wanted(row.get_ref(4)?.as_str().unwrap_or_default()) {
                    found.push(recorded(row)?);
                }
                Ok(true)
            })?;
            Ok((found, last, more))
        })
    }

    /// The last `limit` events of `kinds`, oldest first.
    pub fn tail(&self, kinds: &str, limit: usize) -> Result<Vec<Recorded>> {
        let (mut events, _) = self.read(|connection| select(connection, TAIL, i64::MAX, kinds, limit, usize::MAX))?;
        events.reverse();
        Ok(events)
    }

    /// When the file that takes all changes was written last, and how long it is; `None` where there is none. It asks
    /// nothing of the database.
    pub fn touched(&self) -> Option<(std::time::SystemTime, u64)> {
        let meta = std::fs::metadata(self.shared.pool.log()).ok()?;
        Some((meta.modified().ok()?, meta.len()))
    }

    /// Where the log ends; `None` while it is empty.
    pub fn last_position(&self) -> Result<Option<Position>> {
        self.glance(|connection| {
            let last: i64 = connection
                .prepare_cached("SELECT position FROM event_head WHERE one = 1")?
                .query_row([], |row| row.get(0))?;
            Ok((last > 0).then(|| Position::from_stored(last)))
        })
    }
}

/// At most `limit` events, and no more once their payloads take `bytes`; with whether more may follow.
fn select(
    connection: &Connection,
    sql: &str,
    from: i64,
    kinds: &str,
    limit: usize,
    bytes: usize,
) -> Outcome<(Vec<Recorded>, bool)> {
    let (mut events, mut held) = (Vec::new(), 0);
    let more = walk(connection, sql, from, kinds, limit, |row| {
        held += row.get_ref(7)?.as_str_or_null().ok().flatten().map_or(0, str::len);
        events.push(recorded(row)?);
        Ok(held < bytes)
    })?;
    Ok((events, more))
}

/// Shows `each` at most `limit` rows, as long as it says that it wants more; whether more may follow.
fn walk(
    connection: &Connection,
    sql: &str,
    from: i64,
    kinds: &str,
    limit: usize,
    mut each: impl FnMut(&Row<'_>) -> Outcome<bool>,
) -> Outcome<bool> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![from, kinds, i64::try_from(limit).unwrap_or(i64::MAX)])?;
    let mut count = 0;
    while let Some(row) = rows.next()? {
        count += 1;
        if !each(row)? {
            return Ok(true);
        }
    }
    Ok(count == limit)
}

fn recorded(row: &Row<'_>) -> Outcome<Recorded> {
    let payload: Option<String> = row.get(7)?;
    Ok(Recorded {
        position: row.get(0)?,
        at: row.get::<_, Timestamp>(1)?,
        owner: row.get(2)?,
        trace: row.get::<_, TraceId>(3)?,
        kind: row.get(4)?,
        subject: row.get(5)?,
        hash: hex(&row.get::<_, Hash>(6)?),
        payload: payload.map(|text| serde_json::from_str(&text)).transpose()?,
    })
}

/// Lower-case hex.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
