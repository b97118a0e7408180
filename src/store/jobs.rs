//! Work owed: written before any of it is done, taken by one process at a time, ended by the one that took it last.
//!
//! A process is told from a later one with the same number, so work whose process is gone is known at once and needs no
//! time to run out. How long to wait before another try, and how often, is the caller's to say.

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::{Value as Json, json};

use super::automations::RuleKey;
use super::batches::keys_of;
use super::fault::Outcome;
use super::named::{only, part_of_id};
use super::owed::{Job, JobEnd, JobFilter, JobStatus, Lost, NewJob, OpenJob, Recovery};
use super::{Change, Process, RunEnd, Status, Store};
use crate::kernel::clock::Timestamp;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::events::{self, Event};
use crate::kernel::ids::{Id, TraceId};

const COLUMNS: &str =
    "id, kind, source, command, digest, work, key, lane, trace, priority, status, due, tries, lost, most,
     epoch, stop, pid, process_start, boot, run, exit_code, error, created, begun, finished, person";

/// The next job that may be taken.
pub(super) const NEXT: &str =
    "SELECT n FROM jobs AS j INDEXED BY jobs_next WHERE owner = ?1 AND status = 'waiting' AND due <= ?2 AND finished IS NULL
     AND (lane IS NULL OR NOT EXISTS (SELECT 1 FROM jobs AS o WHERE o.lane = j.lane AND o.status = 'running'))
     ORDER BY priority DESC, due, n LIMIT 1";

/// The open jobs of an automation, oldest first. Left to itself SQLite goes through all that the automation ever did, as
/// those are in order already.
pub(super) const OPEN_OF: &str = "SELECT id, status = 'running' FROM jobs INDEXED BY jobs_open_of
     WHERE owner = ?1 AND source = ?2 AND command = ?3 AND finished IS NULL AND kind = 'automation' ORDER BY n";

/// A page of jobs, newest first, which is the order they stand in: left to itself SQLite sorts all there are.
pub(super) fn page_sql(theirs: &str) -> String {
    format!(
        "SELECT {COLUMNS} FROM jobs NOT INDEXED WHERE owner = ?1 AND (?2 IS NULL OR status = ?2)
         AND (?3 IS NULL OR command = ?3) AND (?6 IS NULL OR (key > ?6 AND key < ?7)){theirs}
         AND n < ifnull((SELECT n FROM jobs WHERE id = ?4), 9223372036854775807) ORDER BY n DESC LIMIT ?5"
    )
}

impl Store {
    /// Adds work. Where it is owed already, that job.
    pub fn add_job(&self, new: &NewJob) -> Result<Job> {
        self.write(|change| change.add_job(new, change.store.trace, None))
    }

    /// Takes the next job that is due at `now`; nobody else gets it while the process lives.
    pub fn take_job(&self, now: Timestamp, process: &Process) -> Result<Option<Job>> {
        // Most of the time there is none, and to ask is cheaper than to write.
        let is_one =
            self.glance(|connection| Ok(connection.prepare_cached(NEXT)?.exists(params![&*self.owner, now])?))?;
        if !is_one {
            return Ok(None);
        }
        // A power cut leaves it to be taken again, as work that it cut off is.
        self.write_with_next(|change| {
            let mut find = change.tx.prepare_cached(NEXT)?;
            let n: Option<i64> = find.query_row(params![change.owner(), now], |row| row.get(0)).optional()?;
            n.map(|n| change.take(n, process)).transpose()
        })
    }

    /// When the next job comes due that waits for a time; lanes are not looked at.
    pub fn next_job_due(&self) -> Result<Option<Timestamp>> {
        self.glance(|connection| {
            let sql = "SELECT min(due) FROM jobs WHERE owner = ?1 AND status = 'waiting' AND finished IS NULL";
            Ok(connection.prepare_cached(sql)?.query_row([&*self.owner], |row| row.get(0))?)
        })
    }

    /// How a try ended, said by whoever took the job with this epoch; where it stands now. `None` when somebody else has
    /// taken it since: then nothing is written. It does not wait for the disk: [`Store::wait_for_disk`] does.
    pub fn end_job(
        &self,
        id: Id,
        epoch: u64,
        run: Option<Id>,
        exit_code: Option<i32>,
        end: &JobEnd,
    ) -> Result<Option<JobStatus>> {
        self.write_with_next(|change| change.end_try(id, epoch, run, exit_code, end))
    }

    /// The same together with the end of its run, which is written whoever has the job now; where the run was removed meanwhile
    /// there is none to write.
    pub fn end_job_and_run(
        &self,
        id: Id,
        epoch: u64,
        run: Id,
        ended: &RunEnd,
        end: &JobEnd,
    ) -> Result<Option<JobStatus>> {
        self.write_with_next(|change| {
            if change.has_run(run)? {
                change.finish_run(run, ended)?;
            }
            change.end_try(id, epoch, Some(run), ended.exit_code, end)
        })
    }

    /// Jobs whose process `is_alive` no more.
    pub fn lost_jobs(&self, is_alive: &dyn Fn(&Process) -> bool) -> Result<Vec<Lost>> {
        self.write_out()?;
        let running = self.read(|connection| {
            let sql = "SELECT n, id, epoch, pid, process_start, boot FROM jobs
                 WHERE owner = ?1 AND status = 'running' AND finished IS NULL";
            let mut find = connection.prepare_cached(sql)?;
            let rows = find.query_map([&*self.owner], |row| {
                let process = Process { pid: row.get(3)?, start: row.get::<_, i64>(4)? as u64, boot: row.get(5)? };
                Ok(Lost { n: row.get(0)?, id: row.get(1)?, epoch: row.get::<_, i64>(2)? as u64, process })
            })?;
            Ok(rows.collect::<rusqlite::Result<Vec<_>>>()?)
        })?;
        Ok(running.into_iter().filter(|job| !is_alive(&job.process)).collect())
    }

    /// Takes over lost jobs. One whose run is in the store as ended is taken for what that run was; the others are tried
    /// again when `again` says, who is told of the job with the loss counted, or die.
    pub fn recover_jobs(
        &self,
        lost: &[Lost],
        again: &dyn Fn(&Job, bool) -> Option<Timestamp>,
    ) -> Result<Vec<Recovery>> {
        if lost.is_empty() {
            return Ok(Vec::new());
        }
        self.write(|change| {
            let mut recovered = Vec::new();
            for one in lost {
                let job = change.job_at(one.n)?;
                // Another process may have been here between the question and now.
                if job.status == JobStatus::Running && job.epoch == one.epoch {
                    recovered.push(Recovery { id: one.id, status: change.recover(one.n, job, again)? });
                }
            }
            Ok(recovered)
        })
    }

    /// Asks for a job to be taken back: at once where nobody works on it, else whoever does is told when it asks. Where it
    /// stands now.
    pub fn cancel_job(&self, id: Id) -> Result<JobStatus> {
        self.write(|change| {
            let (n, job) = change.open_job(id)?;
            change.cancel(n, &job)
        })
    }

    /// Owes a job again that is over: from its first try, with the definition of this digest.
    pub fn retry_job(&self, id: Id, digest: &str) -> Result<Job> {
        self.write(|change| {
            let theirs = self.theirs("");
            let sql = format!("SELECT n FROM jobs WHERE id = ?1 AND owner = ?2{theirs}");
            let mut find = change.tx.prepare_cached(&sql)?;
            let n: Option<i64> = find.query_row(params![id, change.owner()], |row| row.get(0)).optional()?;
            let n = n.ok_or_else(|| no_job(&id.to_string()))?;
            let job = change.job_at(n)?;
            if !job.status.is_final() {
                let said = format!("job {} is {} already", id.tail(), job.status.name());
                return Err(Error::new(Kind::Usage, said).hint("`fac jobs wait` waits for it").into());
            }
            change.owe_again(n, digest)?;
            change.job_at(n)
        })
    }

    /// Which of the jobs of this process are to be stopped.
    pub fn jobs_to_stop(&self, process: &Process) -> Result<Vec<Id>> {
        self.glance(|connection| {
            let sql = "SELECT id FROM jobs WHERE owner = ?1 AND status = 'running' AND finished IS NULL AND stop = 1
                 AND pid = ?2 AND process_start = ?3";
            let mut find = connection.prepare_cached(sql)?;
            let rows = find.query_map(params![&*self.owner, process.pid, process.start as i64], |row| row.get(0))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Jobs, newest first, at most `limit`, before the one `after`.
    pub fn jobs(&self, filter: &JobFilter, after: Option<Id>, limit: usize) -> Result<Vec<Job>> {
        self.read_whole(|connection| {
            let mut find = connection.prepare_cached(&page_sql(&self.theirs("")))?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let status = filter.status.map(JobStatus::name);
            let (from, to) = filter.batch.as_deref().map(keys_of).unzip();
            let mut rows = find.query(params![&*self.owner, status, filter.command, after, limit, from, to])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                found.push(job(row)?);
            }
            Ok(found)
        })
    }

    /// The job whose id is, begins or ends so. `NotFound` when there is none, `Usage` when several.
    pub fn job(&self, wanted: &str) -> Result<Job> {
        let part = part_of_id(wanted).ok_or_else(|| no_job(wanted))?;
        let found = self.read_whole(|connection| {
            let sql = format!(
                "SELECT {COLUMNS} FROM jobs WHERE owner = ?1 AND (id LIKE ?2 || '%' OR id LIKE '%' || ?2){} LIMIT 2",
                self.theirs("")
            );
            let mut find = connection.prepare_cached(&sql)?;
            let mut rows = find.query(params![&*self.owner, part])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                found.push(job(row)?);
            }
            Ok(found)
        })?;
        only(found, wanted, "jobs", no_job)
    }

    /// How many jobs stand so, by status.
    pub fn job_counts(&self) -> Result<Vec<(JobStatus, u64)>> {
        self.read_whole(|connection| {
            let theirs = self.theirs("");
            let sql =
                format!("SELECT status, count(*) FROM jobs WHERE owner = ?1{theirs} GROUP BY status ORDER BY status");
            let mut find = connection.prepare_cached(&sql)?;
            let rows = find.query_map([&*self.owner], |row| {
                Ok((JobStatus::parse(&row.get::<_, String>(0)?), row.get::<_, i64>(1)? as u64))
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }
}

/// What a new row is called, since when it is there, and whose it is.
pub(super) struct Birth {
    pub(super) id: Id,
    pub(super) at: Timestamp,
    /// The user; nobody for the machine's own.
    pub(super) person: Option<Id>,
}

impl Change<'_> {
    /// A row of now.
    pub(super) fn birth(&self) -> Birth {
        Birth { id: self.ids().next(self.at), at: self.at, person: self.person() }
    }

    /// Adds work; where `begins` is a process, it has taken it in the same moment.
    pub(super) fn add_job(&self, new: &NewJob, trace: TraceId, begins: Option<&Process>) -> Outcome<Job> {
        match self.job_with_key(new.unique.as_deref())? {
            Some(n) => self.job_at(n),
            None => self.insert_job(&self.birth(), new, trace, begins),
        }
    }

    /// The same for what is not owed yet.
    pub(super) fn insert_job(
        &self,
        birth: &Birth,
        new: &NewJob,
        trace: TraceId,
        begins: Option<&Process>,
    ) -> Outcome<Job> {
        let (status, count) = if begins.is_some() { ("running", 1) } else { ("waiting", 0) };
        self.alter(
            "INSERT INTO jobs (id, owner, kind, source, command, digest, work, key, lane, trace, priority, status, due,
             tries, lost, most, epoch, stop, pid, process_start, boot, created, begun, person)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, 0, ?15, ?14, 0, ?16, ?17, ?18, ?19, ?20,
             ?21)",
            params![
                birth.id,
                self.owner(),
                new.kind.name(),
                new.source,
                new.command,
                new.digest,
                new.work.to_string(),
                new.unique,
                new.lane,
                trace,
                new.priority,
                status,
                new.due.unwrap_or(birth.at),
                count,
                new.most.max(1),
                begins.map(|p| p.pid),
                begins.map(|p| p.start as i64),
                begins.map(|p| &p.boot),
                birth.at,
                begins.map(|_| birth.at),
                birth.person,
            ],
        )?;
        let n = self.tx.last_insert_rowid();
        let job = self.job_at(n)?;
        self.tell(&job, events::JOB_ADDED, json!({"command": job.command, "kind": job.kind}))?;
        if begins.is_some() {
            self.tell(&job, events::JOB_BEGUN, json!({"command": job.command, "try": job.tries}))?;
        }
        Ok(job)
    }

    /// Gives a job that waits to a process.
    pub(super) fn take(&self, n: i64, process: &Process) -> Outcome<Job> {
        let sql = "UPDATE jobs SET status = 'running', tries = tries + 1, epoch = epoch + 1, pid = ?2,
             process_start = ?3, boot = ?4, begun = ?5, run = NULL WHERE n = ?1";
        self.alter(sql, params![n, process.pid, process.start as i64, process.boot, self.at])?;
        let job = self.job_at(n)?;
        self.tell(&job, events::JOB_BEGUN, json!({"command": job.command, "try": job.tries}))?;
        Ok(job)
    }

    /// Takes an open job back, or asks whoever works on it to stop. Where it stands now.
    pub(super) fn cancel(&self, n: i64, job: &Job) -> Outcome<JobStatus> {
        if job.status != JobStatus::Running {
            return self.end_job(n, None, None, &JobEnd::Cancelled { why: "taken back by hand".into() }, false);
        }
        self.ask_to_stop(n, job)?;
        Ok(JobStatus::Running)
    }

    fn ask_to_stop(&self, n: i64, job: &Job) -> Outcome<()> {
        self.alter("UPDATE jobs SET stop = 1 WHERE n = ?1", [n])?;
        self.tell(job, events::JOB_CHANGED, json!({"stop": true}))
    }

    /// Owes a job that is over from its first try.
    pub(super) fn owe_again(&self, n: i64, digest: &str) -> Outcome<()> {
        let sql = "UPDATE jobs SET status = 'waiting', due = ?2, tries = 0, lost = 0, stop = 0, finished = NULL,
             error = NULL, exit_code = NULL, digest = ?3 WHERE n = ?1";
        self.alter(sql, params![n, self.at, digest])?;
        let job = self.job_at(n)?;
        self.tell(&job, events::JOB_ADDED, json!({"command": job.command, "again": true}))
    }

    /// Takes back what an automation has open, for a later firing; those that run, which are to be stopped.
    pub(super) fn take_back_open(&self, open: &[OpenJob]) -> Outcome<Vec<Id>> {
        let mut running = Vec::new();
        for one in open {
            let (n, job) = self.open_job(one.id)?;
            if one.running {
                self.ask_to_stop(n, &job)?;
                running.push(one.id);
            } else {
                self.end_job(n, None, None, &JobEnd::Cancelled { why: "a later firing came".into() }, false)?;
            }
        }
        Ok(running)
    }

    fn recover(&self, n: i64, job: Job, again: &dyn Fn(&Job, bool) -> Option<Timestamp>) -> Outcome<JobStatus> {
        // The run of the very try that was lost: what it says of its end was acknowledged.
        let sql = "SELECT id, status, exit_code FROM runs WHERE job = ?1 AND job_epoch = ?2 ORDER BY n DESC LIMIT 1";
        let mut find = self.tx.prepare_cached(sql)?;
        let run: Option<(Id, Status, Option<i32>)> = find
            .query_row(params![job.id, job.epoch as i64], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .optional()?;
        let id = run.map(|(id, ..)| id);
        let code = run.and_then(|(.., code)| code);
        let end = match run.map(|(_, status, _)| status) {
            Some(Status::Ok) => return self.end_job(n, id, code, &JobEnd::Done, false),
            Some(Status::Failed | Status::TimedOut) => {
                JobEnd::Failed { error: "it failed".into(), again: again(&job, false) }
            }
            _ if job.stop => JobEnd::Cancelled { why: "it was asked to stop".into() },
            _ => {
                let job = Job { lost: job.lost + 1, ..job };
                let error = "the process that worked on it is gone".to_string();
                return self.end_job(n, id, None, &JobEnd::Failed { error, again: again(&job, true) }, true);
            }
        };
        self.end_job(n, id, code, &end, false)
    }

    /// Ends a try, where whoever took it with this epoch is the last who did.
    fn end_try(
        &self,
        id: Id,
        epoch: u64,
        run: Option<Id>,
        exit_code: Option<i32>,
        end: &JobEnd,
    ) -> Outcome<Option<JobStatus>> {
        let sql = "SELECT n FROM jobs WHERE id = ?1 AND owner = ?2 AND epoch = ?3 AND status = 'running'";
        let mut find = self.tx.prepare_cached(sql)?;
        let row = params![id, self.owner(), epoch as i64];
        let n: Option<i64> = find.query_row(row, |row| row.get(0)).optional()?;
        n.map(|n| self.end_job(n, run, exit_code, end, false)).transpose()
    }

    fn end_job(&self, n: i64, run: Option<Id>, exit_code: Option<i32>, end: &JobEnd, lost: bool) -> Outcome<JobStatus> {
        let waits = matches!(end, JobEnd::Given | JobEnd::Failed { again: Some(_), .. });
        let stopped = JobEnd::Cancelled { why: "it was asked to stop".into() };
        // It may have failed in the very moment in which it was asked.
        let end = if waits && self.job_at(n)?.stop { &stopped } else { end };
        let (status, error, due, kind) = match end {
            JobEnd::Done => (JobStatus::Done, None, None, events::JOB_DONE),
            JobEnd::Failed { error, again: Some(at) } => {
                (JobStatus::Waiting, Some(error), Some(*at), events::JOB_FAILED)
            }
            JobEnd::Failed { error, again: None } => (JobStatus::Dead, Some(error), None, events::JOB_DEAD),
            // It keeps its place among those that wait.
            JobEnd::Given => (JobStatus::Waiting, None, None, events::JOB_CHANGED),
            JobEnd::Cancelled { why } => (JobStatus::Cancelled, Some(why), None, events::JOB_CANCELLED),
        };
        // A loss is no try of the work's own, nor is one whose process was asked to end.
        let given = i64::from(lost || matches!(end, JobEnd::Given));
        let sql =
            "UPDATE jobs SET status = ?2, run = ifnull(?3, run), exit_code = ?4, error = ?5, due = ifnull(?6, due),
             tries = max(tries - ?7, 0), lost = lost + ?8, finished = ?9 WHERE n = ?1";
        let finished = status.is_final().then_some(self.at);
        let row = params![n, status.name(), run, exit_code, error, due, given, i64::from(lost), finished];
        self.alter(sql, row)?;
        let job = self.job_at(n)?;
        let told = json!({"command": job.command, "run": job.run, "exit_code": exit_code, "error": error,
            "status": status.name(), "lost": lost, "again": (status == JobStatus::Waiting).then_some(job.due)});
        self.tell(&job, kind, told)?;
        Ok(status)
    }

    pub(super) fn erase_job(&self, id: Id) -> Outcome<()> {
        self.alter("DELETE FROM jobs WHERE id = ?1", [id])?;
        self.erase_payloads(&id.to_string())?;
        self.record(&Event::new(events::JOB_REMOVED, id.to_string(), json!({})))?;
        Ok(())
    }

    fn open_job(&self, id: Id) -> Outcome<(i64, Job)> {
        let theirs = self.store.theirs("");
        let mut find = self.tx.prepare_cached(&format!("SELECT n FROM jobs WHERE id = ?1 AND owner = ?2{theirs}"))?;
        let n: Option<i64> = find.query_row(params![id, self.owner()], |row| row.get(0)).optional()?;
        let n = n.ok_or_else(|| no_job(&id.to_string()))?;
        let job = self.job_at(n)?;
        if job.status.is_final() {
            let said = format!("job {} is {} already", id.tail(), job.status.name());
            return Err(Error::new(Kind::Usage, said).hint("`fac jobs retry` owes it again").into());
        }
        Ok((n, job))
    }

    pub(super) fn job_at(&self, n: i64) -> Outcome<Job> {
        let sql = format!("SELECT {COLUMNS} FROM jobs WHERE n = ?1");
        let mut find = self.tx.prepare_cached(&sql)?;
        let mut rows = find.query([n])?;
        match rows.next()? {
            Some(row) => job(row),
            None => Err(no_job(&n.to_string()).into()),
        }
    }

    fn tell(&self, job: &Job, kind: &str, what: Json) -> Outcome<()> {
        self.record_as(job.trace, &Event::new(kind, job.id.to_string(), what))?;
        Ok(())
    }
}

/// The open jobs of an automation, oldest first.
pub(super) fn open_jobs(connection: &Connection, owner: &str, key: &RuleKey) -> Outcome<Vec<OpenJob>> {
    let mut find = connection.prepare_cached(OPEN_OF)?;
    let rows = find.query_map(params![owner, key.source, key.command], |row| {
        Ok(OpenJob { id: row.get(0)?, running: row.get(1)? })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn no_job(wanted: &str) -> Error {
    Error::new(Kind::NotFound, format!("there is no job {wanted}")).hint("`fac jobs ls` lists them")
}

fn job(row: &Row<'_>) -> Outcome<Job> {
    let whole = |at: usize| Ok::<_, rusqlite::Error>(u64::try_from(row.get::<_, i64>(at)?).unwrap_or(0));
    let process = match row.get::<_, Option<u32>>(17)? {
        Some(pid) => Some(Process { pid, start: whole(18)?, boot: row.get(19)? }),
        None => None,
    };
    Ok(Job {
        id: row.get(0)?,
        kind: row.get(1)?,
        source: row.get(2)?,
        command: row.get(3)?,
        digest: row.get(4)?,
        work: serde_json::from_str(&row.get::<_, String>(5)?)?,
        unique: row.get(6)?,
        lane: row.get(7)?,
        trace: row.get(8)?,
        priority: row.get(9)?,
        status: JobStatus::parse(&row.get::<_, String>(10)?),
        due: row.get(11)?,
        tries: row.get(12)?,
        lost: row.get(13)?,
        most: row.get(14)?,
        epoch: whole(15)?,
        stop: row.get(16)?,
        process,
        run: row.get(20)?,
        exit_code: row.get(21)?,
        error: row.get(22)?,
        created: row.get(23)?,
        begun: row.get(24)?,
        finished: row.get(25)?,
        owner: row.get(26)?,
    })
}
