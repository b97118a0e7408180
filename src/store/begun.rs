//! Work that begins in the moment its firing comes: one row says all of it, so that it begins soon, and the next change of the
//! store, whoever makes it, writes the firing, its job and its run out of that row before it does anything else.

use rusqlite::{Connection, Row, params};

use super::fault::Outcome;
use super::firings::{Fired, FiringOutcome, NewFiring, owed};
use super::jobs::Birth;
use super::owed::{Job, JobStatus};
use super::runs::NewRun;
use super::{Change, Process, Store};
use crate::kernel::clock::Timestamp;
use crate::kernel::error::Result;
use crate::kernel::ids::{Id, TraceId};

/// What is recorded of the run of a firing whose work begins at once, as it was foreseen.
#[derive(Clone, Debug, PartialEq)]
pub struct Foreseen {
    /// The run, without its process and its job.
    pub record: NewRun,
    /// What [`Store::allowed_version`] was before that was looked up. Where it is another now, it counts for nothing.
    pub version: i64,
}

/// What tells whether anything that decides over runs has changed: the definitions, the permissions, the plugins.
const VERSION: &str = "SELECT sum(value) FROM counters WHERE name IN ('definitions', 'allowed')";

const ALL: &str = "SELECT n, firing, job, run, trace, at, person, what, record, process FROM begun
     WHERE owner = ?1 AND unread IS NULL ORDER BY n";

/// What could not be written out, one sentence each.
pub(super) fn unread(connection: &Connection) -> Outcome<Vec<String>> {
    let mut find = connection.prepare("SELECT firing, unread FROM begun WHERE unread IS NOT NULL ORDER BY n")?;
    let said = find.query_map([], |row| {
        Ok(format!("the firing {} cannot be read: {}", row.get::<_, String>(0)?, row.get::<_, String>(1)?))
    })?;
    Ok(said.collect::<rusqlite::Result<_>>()?)
}

/// A firing whose work has begun, as it stands in its row.
struct Begun {
    firing: Id,
    job: Id,
    run: Id,
    trace: TraceId,
    at: Timestamp,
    person: Option<Id>,
    new: NewFiring,
    record: NewRun,
    process: Process,
}

impl Store {
    /// A number that changes whenever a definition, a permission or a plugin does.
    pub fn allowed_version(&self) -> Result<i64> {
        self.glance(|connection| Ok(connection.prepare_cached(VERSION)?.query_row([], |row| row.get(0))?))
    }

    /// Writes out what has begun, where anything has. It does not wait for the disk.
    pub fn write_out(&self) -> Result<()> {
        let any = self.glance(|connection| {
            Ok(connection
                .prepare_cached("SELECT 1 FROM begun WHERE owner = ?1 AND unread IS NULL LIMIT 1")?
                .exists([&*self.owner])?)
        })?;
        // Each change begins with it.
        if any { self.write_with_next(|_| Ok(())) } else { Ok(()) }
    }

    /// Asks about what has begun, too, as whoever looks at firings and jobs does: whoever began it may be gone. Where it cannot
    /// be written out, what stands in the tables is told.
    pub(super) fn read_whole<T>(&self, ask: impl FnOnce(&Connection) -> Outcome<T>) -> Result<T> {
        if let Err(error) = self.write_out() {
            tracing::warn!(error = error.full_message(), "what has begun is not among what is shown");
        }
        self.read(ask)
    }
}

impl Change<'_> {
    /// What was foreseen, as long as nothing that it hangs on has changed.
    pub(super) fn still<'f>(&self, foreseen: Option<&'f Foreseen>) -> Outcome<Option<&'f NewRun>> {
        let Some(Foreseen { record, version }) = foreseen else { return Ok(None) };
        let now: i64 = self.tx.prepare_cached(VERSION)?.query_row([], |row| row.get(0))?;
        Ok((now == *version).then_some(record))
    }

    /// Writes down that the work of a firing begins.
    pub(super) fn begin_at_once(
        &self,
        firing: Id,
        new: &NewFiring,
        record: &NewRun,
        process: &Process,
    ) -> Outcome<Fired> {
        let begun = Begun {
            firing,
            job: self.ids().next(self.at),
            run: self.ids().next(self.at),
            trace: self.ids().trace(),
            at: self.at,
            person: self.person(),
            new: new.clone(),
            record: record.clone(),
            process: process.clone(),
        };
        let sql = "INSERT INTO begun (owner, firing, job, run, trace, at, person, what, record, process)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
        self.tx.prepare_cached(sql)?.execute(params![
            self.owner(),
            begun.firing,
            begun.job,
            begun.run,
            begun.trace,
            begun.at,
            begun.person,
            serde_json::to_string(&begun.new)?,
            serde_json::to_string(&begun.record)?,
            serde_json::to_string(&begun.process)?,
        ])?;
        let run = Some(begun.run);
        let outcome = Some(FiringOutcome::Fired);
        Ok(Fired { id: firing, outcome, why: None, job: Some(begun.into_job()), run, stops: Vec::new() })
    }

    /// Writes the rows of all that has begun. What cannot be read, which nothing of ours writes, is left where it is with the
    /// reason, and keeps nobody from anything.
    pub(super) fn write_out(&self) -> Outcome<()> {
        let mut find = self.tx.prepare_cached(ALL)?;
        let mut rows = find.query([self.owner()])?;
        let mut all = Vec::new();
        while let Some(row) = rows.next()? {
            all.push((row.get(0)?, begun(row)));
        }
        for (n, one) in all {
            match one {
                Ok(one) => {
                    self.tx.prepare_cached("DELETE FROM begun WHERE n = ?1")?.execute([n])?;
                    self.write_rows(&one)?;
                }
                Err(fault) => self.leave_unread(n, &fault.explain(self.store.path()).full_message())?,
            }
        }
        Ok(())
    }

    fn leave_unread(&self, n: i64, why: &str) -> Outcome<()> {
        tracing::error!(row = n, why, "a firing whose work had begun cannot be read");
        self.tx.prepare_cached("UPDATE begun SET unread = ?2 WHERE n = ?1")?.execute(params![n, why])?;
        Ok(())
    }

    fn write_rows(&self, one: &Begun) -> Outcome<()> {
        let birth = |id| Birth { id, at: one.at, person: one.person };
        let job = self.insert_job(&birth(one.job), &owed(&one.new, one.firing), one.trace, Some(&one.process))?;
        let fired = (FiringOutcome::Fired, None);
        self.insert_firing(&birth(one.firing), &one.new, one.trace, fired, Some(job.id))?;
        let (job, process) = (Some((job.id, job.epoch)), Some(one.process.clone()));
        self.insert_run(&birth(one.run), one.trace, &NewRun { job, process, ..one.record.clone() })
    }
}

impl Begun {
    /// The job, as it is read from its row.
    fn into_job(self) -> Job {
        let new = owed(&self.new, self.firing);
        Job {
            id: self.job,
            kind: new.kind.name().into(),
            source: new.source,
            command: new.command,
            digest: new.digest,
            work: new.work,
            unique: new.unique,
            lane: new.lane,
            trace: self.trace,
            priority: new.priority,
            status: JobStatus::Running,
            due: self.at,
            tries: 1,
            lost: 0,
            most: new.most.max(1),
            epoch: 1,
            stop: false,
            process: Some(self.process),
            run: None,
            exit_code: None,
            error: None,
            created: self.at,
            begun: Some(self.at),
            finished: None,
            owner: self.person,
        }
    }
}

fn begun(row: &Row<'_>) -> Outcome<Begun> {
    Ok(Begun {
        firing: row.get(1)?,
        job: row.get(2)?,
        run: row.get(3)?,
        trace: row.get(4)?,
        at: row.get(5)?,
        person: row.get(6)?,
        new: serde_json::from_str(&row.get::<_, String>(7)?)?,
        record: serde_json::from_str(&row.get::<_, String>(8)?)?,
        process: serde_json::from_str(&row.get::<_, String>(9)?)?,
    })
}
