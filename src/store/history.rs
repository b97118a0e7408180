//! Runs of the past: listing, looking up by a part of the id, and erasing.

use rusqlite::{Connection, Row, params};
use serde_json::json;

use super::fault::Outcome;
use super::runs::no_run;
use super::search::DocKind;
use super::{Captured, Change, Run, RunRow, Status, StepRecord, Store};
use crate::kernel::clock::Timestamp;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::events::{self, Event};
use crate::kernel::ids::Id;

/// Which runs a list should hold; what is `None` does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunFilter {
    /// The command's name.
    pub command: Option<String>,
    /// Where they stand.
    pub status: Option<Status>,
    /// Started then or later.
    pub since: Option<Timestamp>,
    /// Started before then.
    pub until: Option<Timestamp>,
    /// Stands in `source:command`; ASCII letters are alike in upper and lower case.
    pub part: Option<String>,
}

/// What was erased.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// The runs, in the order given (for pruning: oldest first).
    pub runs: Vec<Id>,
    /// The names of files beside the store that held their output; the caller deletes them.
    pub spill_files: Vec<String>,
}

/// The columns of a [`RunRow`].
const COLUMNS: &str = "id, command, source, digest, trigger, args, cwd, trace, zone, steps_planned, status, exit_code,
     started, finished, person";

/// Runs with an id in `[?1, ?2)`, newest first, through the index that the filter allows.
pub(super) fn page_sql(by_command: bool, by_status: bool, theirs: &str) -> String {
    // A condition that does not matter is written so that the planner cannot mistake it for one an index could serve.
    let command = if by_command { "command = ?3" } else { "?3 IS NULL" };
    let status = match (by_status, by_command) {
        (true, true) => "+status = ?4",
        (true, false) => "status = ?4",
        (false, _) => "?4 IS NULL",
    };
    format!(
        "SELECT {COLUMNS} FROM runs WHERE id >= ?1 AND id < ?2 AND {command} AND {status}
         AND +owner = ?5 AND +started >= ?6 AND +started < ?7
         AND (?9 IS NULL OR instr(lower(source || ':' || command), lower(?9)) > 0){theirs} ORDER BY id DESC LIMIT ?8"
    )
}

impl Store {
    /// A page of runs, newest first, and the cursor of the next page (`None` at the end).
    pub fn runs(&self, filter: &RunFilter, after: Option<&str>, limit: usize) -> Result<(Vec<RunRow>, Option<String>)> {
        // Ids grow with time, so a time is also a bound on ids; the exact comparison stands beside it.
        let low = filter.since.map_or(String::new(), |since| Id::floor(since).to_string());
        let mut high = filter.until.map_or("g".to_string(), |until| Id::floor(until.plus_micros(1000)).to_string());
        if let Some(cursor) = after {
            let id: Id = cursor.parse().map_err(|_| {
                Error::new(Kind::Usage, format!("{cursor:?} is no cursor"))
                    .hint("take it from `next` of the page before")
            })?;
            high = high.min(id.to_string());
        }
        let limit = limit.max(1);
        let sql = page_sql(filter.command.is_some(), filter.status.is_some(), &self.theirs(""));
        let mut rows = self.read_whole(|connection| {
            let mut statement = connection.prepare_cached(&sql)?;
            let mut found = statement.query(params![
                low,
                high,
                filter.command,
                filter.status,
                &*self.owner,
                filter.since.map_or(i64::MIN, Timestamp::as_micros),
                filter.until.map_or(i64::MAX, Timestamp::as_micros),
                i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1),
                filter.part,
            ])?;
            let mut rows = Vec::new();
            while let Some(row) = found.next()? {
                rows.push(run_row(row)?);
            }
            Ok(rows)
        })?;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = if more { rows.last().map(|row| row.id.to_string()) } else { None };
        Ok((rows, next))
    }

    /// The run whose id is, begins with, or ends with `wanted`, with its steps. `NotFound` when there is none, `Usage`
    /// when there are several.
    pub fn run(&self, wanted: &str) -> Result<Run> {
        let id = self.resolve_run(wanted)?;
        self.read(|connection| {
            let sql = format!("SELECT {COLUMNS}, n FROM runs WHERE id = ?1");
            let mut statement = connection.prepare_cached(&sql)?;
            let mut rows = statement.query([id])?;
            let row = rows.next()?.ok_or_else(|| no_run(wanted))?;
            Ok(Run { row: run_row(row)?, steps: steps(connection, row.get(15)?)? })
        })
    }

    /// The id that is, begins with, or ends with `wanted` (at least 4 characters).
    pub fn resolve_run(&self, wanted: &str) -> Result<Id> {
        let part = wanted.to_ascii_lowercase();
        if !part.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-') || part.len() < 4 {
            return Err(no_run(wanted));
        }
        let theirs = self.theirs("");
        let beginning: Vec<Id> = self.run_ids(
            &format!(
                "SELECT id FROM runs WHERE id >= ?1 AND id < ?1 || 'g' AND +owner = ?2{theirs} ORDER BY id DESC LIMIT 4"
            ),
            &part,
        )?;
        let found = match beginning.is_empty() {
            false => beginning,
            true => self.run_ids(
                &format!("SELECT id FROM runs WHERE id LIKE '%' || ?1 AND owner = ?2{theirs} ORDER BY id DESC LIMIT 4"),
                &part,
            )?,
        };
        match found[..] {
            [id] => Ok(id),
            [] => Err(no_run(wanted)),
            _ => Err(Error::new(Kind::Usage, format!("several runs are called {wanted}")).hint(format!(
                "write more of the id: {}",
                found.iter().map(Id::to_string).collect::<Vec<_>>().join(", ")
            ))),
        }
    }

    fn run_ids(&self, sql: &str, part: &str) -> Result<Vec<Id>> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map(params![part, &*self.owner], |row| row.get(0))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Erases runs with their arguments and output, also from the event log's payloads and from the file itself; the
    /// chain of the log still holds. Ids that are not there are passed over. While another process reads, the bytes
    /// leave the write-ahead log a little later, when it is folded next.
    pub fn remove_runs(&self, ids: &[Id]) -> Result<Removed> {
        let removed = self.write(|change| {
            let mut removed = Removed::default();
            for id in ids {
                change.remove_run(*id, &mut removed)?;
            }
            Ok(removed)
        })?;
        if !removed.runs.is_empty() {
            self.shared.pool.empty_log()?;
        }
        Ok(removed)
    }

    /// Erases ended runs that started before `older_than` and are not among the newest `keep_last` runs.
    pub fn prune_runs(&self, older_than: Timestamp, keep_last: usize) -> Result<Removed> {
        let ids: Vec<Id> = self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT id FROM runs WHERE id < ?1 AND owner = ?2 AND started < ?3 AND finished IS NOT NULL
                 AND id <= (SELECT id FROM runs WHERE owner = ?2 ORDER BY id DESC LIMIT 1 OFFSET ?4) ORDER BY id",
            )?;
            let keep = i64::try_from(keep_last).unwrap_or(i64::MAX);
            let high = Id::floor(older_than.plus_micros(1000));
            let rows = statement.query_map(params![high, &*self.owner, older_than, keep], |row| row.get(0))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })?;
        if ids.is_empty() {
            return Ok(Removed::default());
        }
        self.remove_runs(&ids)
    }
}

impl Change<'_> {
    fn remove_run(&self, id: Id, removed: &mut Removed) -> Outcome<()> {
        let theirs = self.store.theirs("");
        let mut find = self.tx.prepare_cached(&format!("SELECT n FROM runs WHERE id = ?1 AND owner = ?2{theirs}"))?;
        let mut rows = find.query(params![id, self.owner()])?;
        let Some(row) = rows.next()? else { return Ok(()) };
        let n: i64 = row.get(0)?;
        for step in steps(self.tx, n)? {
            removed.spill_files.extend([step.stdout.spill, step.stderr.spill].into_iter().flatten());
        }
        self.alter("DELETE FROM run_steps WHERE run = ?1", [n])?;
        self.alter("DELETE FROM runs WHERE n = ?1", [n])?;
        self.erase_payloads(&id.to_string())?;
        self.bury_doc(DocKind::Run, &id.to_string())?;
        self.record(&Event::new(events::RUN_REMOVED, id.to_string(), json!({})))?;
        removed.runs.push(id);
        Ok(())
    }
}

fn run_row(row: &Row<'_>) -> Outcome<RunRow> {
    Ok(RunRow {
        id: row.get(0)?,
        command: row.get(1)?,
        source: row.get(2)?,
        digest: row.get(3)?,
        trigger: row.get(4)?,
        args: serde_json::from_str(&row.get::<_, String>(5)?)?,
        cwd: row.get(6)?,
        trace: row.get(7)?,
        zone: row.get(8)?,
        steps_planned: row.get(9)?,
        status: row.get(10)?,
        exit_code: row.get(11)?,
        started: row.get(12)?,
        finished: row.get(13)?,
        owner: row.get(14)?,
    })
}

/// What the steps of the run with the internal number `run` did.
pub(super) fn steps(connection: &Connection, run: i64) -> Outcome<Vec<StepRecord>> {
    let mut statement = connection.prepare_cached(
        "SELECT n, id, kind, lang, status, exit_code, duration_us, stdout_total, stdout_spill, stderr_total, stderr_spill,
         stdout_head, stdout_tail, stderr_head, stderr_tail, undoes FROM run_steps WHERE run = ?1 ORDER BY n",
    )?;
    let rows = statement.query_map([run], |row| {
        let total = |i| Ok::<_, rusqlite::Error>(row.get::<_, i64>(i)? as u64);
        Ok(StepRecord {
            n: row.get(0)?,
            id: row.get(1)?,
            kind: row.get(2)?,
            lang: row.get(3)?,
            status: row.get(4)?,
            exit_code: row.get(5)?,
            duration_us: row.get(6)?,
            stdout: Captured { total: total(7)?, spill: row.get(8)?, head: row.get(11)?, tail: row.get(12)? },
            stderr: Captured { total: total(9)?, spill: row.get(10)?, head: row.get(13)?, tail: row.get(14)? },
            undoes: row.get(15)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
