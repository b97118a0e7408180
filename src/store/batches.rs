//! Work owed for many things at once, such as the lines of a file: added in one go, and told apart by keys, so that whoever
//! begins the same batch anew goes on where it ended.

use rusqlite::{OptionalExtension, params};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::fault::Outcome;
use super::owed::{Claim, Job, JobStatus, NewJob};
use super::{Change, Process, Store};
use crate::kernel::clock::Timestamp;
use crate::kernel::error::Result;

/// So many jobs are changed in one transaction where all of a batch are.
const AT_ONCE: usize = 500;

/// The next job of a batch that may be taken.
pub(super) const NEXT_OF: &str = "SELECT n FROM jobs INDEXED BY jobs_open_by_key
     WHERE owner = ?1 AND kind = 'run' AND finished IS NULL AND key > ?3 AND key < ?4 AND status = 'waiting' AND due <= ?2
     ORDER BY key LIMIT 1";

/// Whether a batch has open jobs.
pub(super) const IS_OPEN: &str = "SELECT 1 FROM jobs INDEXED BY jobs_open_by_key
     WHERE owner = ?1 AND kind = 'run' AND finished IS NULL AND key > ?2 AND key < ?3 LIMIT 1";

/// The key of what is owed for a line of a batch: of what it says, as a digest, and of how often that came before it.
pub fn key_in_batch(batch: &str, digest: &str, times: u64) -> String {
    format!("batch:{batch}:{digest}:{times}")
}

/// Between which two all keys of a batch are.
pub(super) fn keys_of(batch: &str) -> (String, String) {
    // `;` follows `:`.
    (format!("batch:{batch}:"), format!("batch:{batch};"))
}

/// What is known of a batch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BatchState {
    /// The command.
    pub command: String,
    /// What its lines come from.
    pub from: String,
    /// Whether it was taken back, so that nobody goes on with it.
    pub cancelled: bool,
    /// Who reads its lines, or was the last to and did not come to their end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_by: Option<Process>,
}

/// A batch, as lists show it.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchRow {
    /// What all of it is called by.
    pub id: String,
    /// What is known of it.
    pub state: BatchState,
    /// When it was last begun, gone on with or taken back.
    pub at: Timestamp,
}

fn state_key(batch: &str) -> String {
    format!("batch:{batch}")
}

impl Store {
    /// What is known of a batch, where it was ever begun.
    pub fn batch(&self, batch: &str) -> Result<Option<BatchState>> {
        let known = self.state(&state_key(batch))?;
        Ok(known.map(|(value, _)| serde_json::from_value(value).unwrap_or_default()))
    }

    /// The batches of which anything is known, the last that was begun first, at most `limit`.
    pub fn batches(&self, limit: usize) -> Result<Vec<BatchRow>> {
        self.read(|connection| {
            let mut find = connection.prepare_cached(
                "SELECT substr(key, length('batch:') + 1), value, at FROM state
                 WHERE owner = ?1 AND key > 'batch:' AND key < 'batch;' ORDER BY at DESC, key LIMIT ?2",
            )?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let rows = find.query_map(params![&*self.owner, limit], |row| {
                let state = serde_json::from_str(&row.get::<_, String>(1)?).unwrap_or_default();
                Ok(BatchRow { id: row.get(0)?, state, at: row.get(2)? })
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Notes that a batch is begun, or gone on with.
    pub fn begin_batch(&self, batch: &str, state: &BatchState) -> Result<()> {
        self.set_state(&state_key(batch), &json!(state))
    }

    /// Notes that all lines of a batch were read, and are owed or over.
    pub fn batch_was_read(&self, batch: &str) -> Result<()> {
        self.write(|change| {
            let sql = "UPDATE state SET value = json_remove(value, '$.read_by') WHERE owner = ?1 AND key = ?2";
            change.tx.prepare_cached(sql)?.execute(params![change.owner(), state_key(batch)])?;
            Ok(())
        })
    }

    /// Forgets the batches that were begun last before `before` and of which no job is kept.
    pub(super) fn forget_batches(&self, before: Timestamp) -> Result<()> {
        let old = "owner = ?1 AND at < ?2 AND key > 'batch:' AND key < 'batch;' AND NOT EXISTS
             (SELECT 1 FROM jobs WHERE jobs.owner = ?1 AND jobs.key > state.key || ':' AND jobs.key < state.key || ';')";
        let is_one = format!("SELECT 1 FROM state WHERE {old} LIMIT 1");
        let row = params![&*self.owner, before];
        if !self.read(|connection| Ok(connection.prepare_cached(&is_one)?.exists(row)?))? {
            return Ok(());
        }
        self.write(|change| {
            change.tx.prepare_cached(&format!("DELETE FROM state WHERE {old}"))?.execute(row)?;
            Ok(())
        })
    }

    /// Adds what is not owed yet, in one transaction; how many those were.
    pub fn add_jobs(&self, new: &[NewJob]) -> Result<usize> {
        self.write(|change| {
            let mut added = 0;
            for one in new {
                if change.job_with_key(one.unique.as_deref())?.is_none() {
                    change.insert_job(&change.birth(), one, change.store.trace, None)?;
                    added += 1;
                }
            }
            Ok(added)
        })
    }

    /// Takes work as it comes, adding what is not owed yet, until `most` jobs are taken; what became of each that was
    /// looked at, in order. It does not wait for the disk, as [`Store::take_job`] does not.
    pub fn claim_jobs(&self, new: &[NewJob], most: usize, process: &Process) -> Result<Vec<Claim>> {
        self.write_with_next(|change| {
            let mut claims = Vec::new();
            let mut taken = 0;
            for one in new {
                if taken == most {
                    break;
                }
                let claim = change.claim(one, process)?;
                taken += usize::from(matches!(claim, Claim::Taken { .. }));
                claims.push(claim);
            }
            Ok(claims)
        })
    }

    /// Takes the next job of a batch that is due at `now`, as [`Store::take_job`] does.
    pub fn take_job_of(&self, batch: &str, now: Timestamp, process: &Process) -> Result<Option<Job>> {
        let (from, to) = keys_of(batch);
        let is_one = self.read(|connection| {
            Ok(connection.prepare_cached(NEXT_OF)?.exists(params![&*self.owner, now, from, to])?)
        })?;
        if !is_one {
            return Ok(None);
        }
        self.write_with_next(|change| {
            let mut find = change.tx.prepare_cached(NEXT_OF)?;
            let row = params![change.owner(), now, from, to];
            let n: Option<i64> = find.query_row(row, |row| row.get(0)).optional()?;
            n.map(|n| change.take(n, process)).transpose()
        })
    }

    /// Whether anything of a batch is not over yet.
    pub fn batch_is_open(&self, batch: &str) -> Result<bool> {
        let (from, to) = keys_of(batch);
        self.read(|connection| Ok(connection.prepare_cached(IS_OPEN)?.exists(params![&*self.owner, from, to])?))
    }

    /// How many jobs of a batch stand so, by status.
    pub fn batch_counts(&self, batch: &str) -> Result<Vec<(JobStatus, u64)>> {
        let (from, to) = keys_of(batch);
        self.read(|connection| {
            let sql = format!(
                "SELECT status, count(*) FROM jobs WHERE owner = ?1 AND key >= ?2 AND key < ?3{}
                 GROUP BY status ORDER BY status",
                self.theirs("")
            );
            let mut find = connection.prepare_cached(&sql)?;
            let rows = find.query_map(params![&*self.owner, from, to], |row| {
                Ok((JobStatus::parse(&row.get::<_, String>(0)?), row.get::<_, i64>(1)? as u64))
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Takes back what of a batch is not over; how many were, and how many run and are asked to stop.
    /// `told` hears how many it was so far.
    pub fn cancel_batch(&self, batch: &str, told: &mut dyn FnMut(u64)) -> Result<(u64, u64)> {
        let (mut back, mut asked) = (0, 0);
        if let Some(known) = self.batch(batch)? {
            self.begin_batch(batch, &BatchState { cancelled: true, ..known })?;
        }
        let statuses = [JobStatus::Waiting, JobStatus::Running];
        self.each_of_batch(
            batch,
            &statuses,
            &mut |change, n, job| {
                let status = change.cancel(n, job)?;
                if status == JobStatus::Running {
                    asked += 1
                } else {
                    back += 1
                }
                Ok(())
            },
            told,
        )?;
        Ok((back, asked))
    }

    /// Owes again what of a batch failed for good or was taken back, with the definition of this digest; how many those
    /// were. `told` hears how many it was so far.
    pub fn retry_batch(&self, batch: &str, digest: &str, told: &mut dyn FnMut(u64)) -> Result<u64> {
        let mut again = 0;
        self.each_of_batch(
            batch,
            &[JobStatus::Dead, JobStatus::Cancelled],
            &mut |change, n, _| {
                change.owe_again(n, digest)?;
                again += 1;
                Ok(())
            },
            told,
        )?;
        Ok(again)
    }

    /// Changes every job of a batch that has one of these statuses now, some in each transaction.
    fn each_of_batch(
        &self,
        batch: &str,
        statuses: &[JobStatus],
        each: &mut dyn FnMut(&Change<'_>, i64, &Job) -> Outcome<()>,
        told: &mut dyn FnMut(u64),
    ) -> Result<()> {
        let (from, to) = keys_of(batch);
        let theirs = self.theirs("");
        let among = statuses.iter().map(|status| format!("'{}'", status.name())).collect::<Vec<_>>().join(", ");
        let sql = format!(
            "SELECT n, key FROM jobs WHERE owner = ?1 AND key > ?2 AND key < ?3 AND status IN ({among}){theirs}
             ORDER BY key LIMIT ?4"
        );
        let (mut last, mut done) = (from, 0);
        loop {
            let ended = self.write(|change| {
                let mut find = change.tx.prepare_cached(&sql)?;
                let row = params![change.owner(), last, to, AT_ONCE as i64];
                let found = find.query_map(row, |row| Ok((row.get(0)?, row.get(1)?)))?;
                let found: Vec<(i64, String)> = found.collect::<rusqlite::Result<_>>()?;
                for (n, _) in &found {
                    let job = change.job_at(*n)?;
                    each(change, *n, &job)?;
                }
                let ended = found.len() < AT_ONCE;
                done += found.len() as u64;
                if let Some((_, key)) = found.into_iter().next_back() {
                    last = key;
                }
                Ok(ended)
            })?;
            told(done);
            if ended {
                return Ok(());
            }
        }
    }
}

impl Change<'_> {
    /// The number of the job that is owed once for this key.
    pub(super) fn job_with_key(&self, key: Option<&str>) -> Outcome<Option<i64>> {
        let Some(key) = key else { return Ok(None) };
        let mut find = self.tx.prepare_cached("SELECT n FROM jobs WHERE owner = ?1 AND key = ?2")?;
        Ok(find.query_row(params![self.owner(), key], |row| row.get(0)).optional()?)
    }

    fn claim(&self, new: &NewJob, process: &Process) -> Outcome<Claim> {
        let Some(n) = self.job_with_key(new.unique.as_deref())? else {
            let job = Box::new(self.insert_job(&self.birth(), new, self.store.trace, Some(process))?);
            return Ok(Claim::Taken { job, new: true });
        };
        let job = self.job_at(n)?;
        Ok(match job.status {
            JobStatus::Waiting if job.due <= self.at => {
                if (&job.digest, &job.work) != (&new.digest, &new.work) {
                    // It waits since before the definition was changed, or the line stands elsewhere now.
                    let sql = "UPDATE jobs SET digest = ?2, work = ?3 WHERE n = ?1";
                    self.alter(sql, params![n, new.digest, new.work.to_string()])?;
                }
                Claim::Taken { job: Box::new(self.take(n, process)?), new: false }
            }
            JobStatus::Waiting | JobStatus::Running => Claim::Open(job.id),
            over => Claim::Over(over),
        })
    }
}
