//! Walking the event log to see whether anybody touched it, or a row that it tells.
//!
//! It notices a row that was edited, deleted, inserted or moved, a payload that was edited, and one that vanished
//! without an event saying so. A tail cut off together with the kept head cannot be noticed from inside: compare
//! the hash of [`Verified::head`] with one written down elsewhere.

use std::collections::HashMap;

use rusqlite::{Connection, Row};

use super::Store;
use super::events::{Fields, Hash, hash_payload, hex};
use super::fault::Outcome;
use super::replay::{Replayed, replay};
use crate::kernel::error::Result;
use crate::kernel::events::Position;

/// What a walk over the log found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Rows that were walked, up to and including the first bad one.
    pub events: u64,
    /// Rows whose payload was erased, as an event of theirs says.
    pub erased: u64,
    /// The last row's position and hash (64 hex digits); `None` when the log is empty.
    pub head: Option<(Position, String)>,
    /// The first thing that does not hold.
    pub fault: Option<ChainFault>,
    /// Whether the rows are as the log tells them; empty when the log itself does not hold.
    pub state: Replayed,
}

/// The first thing in the log that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainFault {
    /// The row it concerns; for a deleted one, where it stood.
    pub position: Position,
    /// One sentence without its full stop.
    pub what: String,
}

impl Store {
    /// Walks the whole log. A broken chain is no error here but an answer.
    pub fn verify(&self) -> Result<Verified> {
        self.read(|connection| {
            // One snapshot, so that nobody's append looks like damage.
            let snapshot = connection.unchecked_transaction()?;
            let mut verified = walk(&snapshot)?;
            if verified.fault.is_none() {
                verified.state = replay(&snapshot)?;
            }
            Ok(verified)
        })
    }
}

#[derive(Default)]
struct Walk {
    position: i64,
    hash: Hash,
    events: u64,
    /// Subjects with erased payloads: how many, and the first such row.
    erased: HashMap<String, (u64, i64)>,
    removed: HashMap<String, i64>,
}

fn walk(connection: &Connection) -> Outcome<Verified> {
    let mut walk = Walk::default();
    let mut statement = connection.prepare(
        "SELECT e.position, e.at, e.owner, e.trace, e.kind, e.subject, e.payload_hash, e.previous, e.hash, p.salt, p.payload, p.rows
         FROM events e LEFT JOIN event_payloads p ON p.position = e.position ORDER BY e.position",
    )?;
    let mut rows = statement.query([])?;
    let mut fault = None;
    while let Some(row) = rows.next()? {
        fault = walk.step(row)?;
        if fault.is_some() {
            break;
        }
    }
    if fault.is_none() {
        fault = walk.cut(connection)?.or_else(|| walk.vanished());
    }
    Ok(Verified {
        events: walk.events,
        erased: walk.erased.values().map(|(count, _)| count).sum(),
        head: (walk.position > 0).then(|| (Position::from_stored(walk.position), hex(&walk.hash))),
        fault,
        state: Replayed::default(),
    })
}

impl Walk {
    /// Looks at the next row.
    fn step(&mut self, row: &Row<'_>) -> Outcome<Option<ChainFault>> {
        let position: i64 = row.get(0)?;
        let expected = self.position + 1;
        self.events += 1;
        if position != expected {
            return Ok(fault(expected, format!("event {expected} is missing; the next one there is {position}")));
        }
        let owner: String = row.get(2)?;
        let trace: String = row.get(3)?;
        let kind: String = row.get(4)?;
        let subject: String = row.get(5)?;
        let fields = Fields { position, at: row.get(1)?, owner: &owner, trace: &trace, kind: &kind, subject: &subject };
        let Some([payload_hash, previous, hash]) =
            hashes(row)?.filter(|[payload, before, own]| fields.hash(before, payload) == *own)
        else {
            return Ok(fault(position, format!("event {position} was changed after it was recorded")));
        };
        if previous != self.hash {
            let before = position - 1;
            return Ok(fault(
                before.max(1),
                format!("event {position} does not continue event {before}: that one was changed"),
            ));
        }
        match (row.get::<_, Option<Vec<u8>>>(9)?, row.get::<_, Option<String>>(10)?) {
            (Some(salt), Some(payload))
                if hash_payload(&salt, &payload, row.get::<_, Option<String>>(11)?.as_deref()) != payload_hash =>
            {
                return Ok(fault(
                    position,
                    format!("the payload of event {position} was changed after it was recorded"),
                ));
            }
            (Some(_), Some(_)) => {}
            _ => self.erased.entry(subject.clone()).or_insert((0, position)).0 += 1,
        }
        if kind.ends_with(".removed") {
            self.removed.insert(subject, position);
        }
        (self.position, self.hash) = (position, hash);
        Ok(None)
    }

    /// Whether the log ends where its head says.
    fn cut(&self, connection: &Connection) -> Outcome<Option<ChainFault>> {
        let (position, hash): (i64, Vec<u8>) =
            connection.query_row("SELECT position, hash FROM event_head WHERE one = 1", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
        if position > self.position {
            let first = self.position + 1;
            return Ok(fault(first, format!("events {first} to {position} are missing from the end")));
        }
        if position != self.position || hash != self.hash {
            return Ok(fault(self.position, format!("event {} is not the one the log was closed with", self.position)));
        }
        Ok(None)
    }

    /// A payload that is gone although nothing says that its subject was removed.
    fn vanished(&self) -> Option<ChainFault> {
        let unexplained =
            self.erased.iter().filter(|(subject, (_, first))| self.removed.get(*subject).is_none_or(|at| at < first));
        let first = unexplained.map(|(_, (_, first))| *first).min()?;
        fault(first, format!("the payload of event {first} is gone although nothing says it was removed"))
    }
}

/// The hashes of a payload, of the row before and of the row; `None` when one has not the length of a hash.
fn hashes(row: &Row<'_>) -> Outcome<Option<[Hash; 3]>> {
    let [payload, previous, own]: [Vec<u8>; 3] = [row.get(6)?, row.get(7)?, row.get(8)?];
    Ok(payload.try_into().ok().zip(previous.try_into().ok()).zip(own.try_into().ok()).map(|((a, b), c)| [a, b, c]))
}

fn fault(position: i64, what: String) -> Option<ChainFault> {
    Some(ChainFault { position: Position::from_stored(position), what })
}
