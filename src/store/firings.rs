//! What happened that an automation waits for, and what came of it: the trace. A firing and the job that it owes are written
//! together, before anything of it is done.
//!
//! Whether it may is asked inside the transaction, of the caller, who is told which work of the automation is open.

use rusqlite::{OptionalExtension, Row, params};
use serde_json::{Value as Json, json};

use super::automations::{Along, RuleKey};
use super::begun::Foreseen;
use super::fault::Outcome;
use super::jobs::Birth;
use super::named::{only, part_of_id};
use super::owed::{Job, JobKind, JobStatus, NewJob, OpenJob};
use super::{Change, Process, Store};
use crate::kernel::clock::Timestamp;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::events::{self, Event};
use crate::kernel::ids::{Id, TraceId};

/// What came of something that an automation waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FiringOutcome {
    /// Its work is owed.
    Fired,
    /// Its condition does not hold or cannot be judged, or what it waited for did not last.
    Blocked,
    /// It still ran, and its mode takes no more.
    Dropped,
    /// It was fired often enough for now.
    Limited,
    /// It fires itself, or too often.
    Looped,
}

impl FiringOutcome {
    /// Every outcome.
    pub const ALL: [FiringOutcome; 5] = [
        FiringOutcome::Fired,
        FiringOutcome::Blocked,
        FiringOutcome::Dropped,
        FiringOutcome::Limited,
        FiringOutcome::Looped,
    ];

    /// The word in the store and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            FiringOutcome::Fired => "fired",
            FiringOutcome::Blocked => "blocked",
            FiringOutcome::Dropped => "dropped",
            FiringOutcome::Limited => "limited",
            FiringOutcome::Looped => "looped",
        }
    }

    fn parse(word: &str) -> FiringOutcome {
        FiringOutcome::ALL.into_iter().find(|one| one.name() == word).unwrap_or(FiringOutcome::Blocked)
    }
}

/// Something that an automation waits for, about to be written.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct NewFiring {
    /// The automation.
    pub key: RuleKey,
    /// Its digest.
    pub digest: String,
    /// The kind of trigger; `manual` by hand.
    pub kind: String,
    /// Which of its triggers, from 0.
    pub nr: u32,
    /// What tells it apart from all others: told twice, it fires once.
    pub told: Option<String>,
    /// Of how many firings it is the consequence.
    pub depth: u32,
    /// What happened.
    pub data: Json,
    /// The timer that it comes of: its subject, and since when it waits. Where somebody else ended or prolonged that
    /// meanwhile, it is not.
    pub held: Option<(String, Timestamp)>,
    /// What its condition looked at.
    pub seen: Vec<(String, Json)>,
    /// The work that it would owe.
    pub work: Json,
    /// How often that may be tried.
    pub most: u32,
    /// Work of one lane is done one after another.
    pub lane: Option<String>,
}

/// Where what happened says that nobody listened then.
pub const OWED: &str = "caught_up";

impl NewFiring {
    /// Whether it stands for a time when nobody listened.
    pub fn is_owed(&self) -> bool {
        self.data[OWED] == true
    }

    /// When what is owed came to pass, where that may be part of a loop.
    pub fn happened(&self) -> Option<Timestamp> {
        happened(&self.kind, self.data["at"].as_str().unwrap_or_default())
    }
}

/// Of messages that were kept nobody knows when they came, and times that were missed are no loop.
fn happened(kind: &str, at: &str) -> Option<Timestamp> {
    if matches!(kind, "event" | "webhook") { at.parse().ok() } else { None }
}

/// A firing that was let through, as rate limits count it.
#[derive(Clone, Debug, PartialEq)]
pub struct Admitted {
    /// The automation.
    pub key: RuleKey,
    /// Which of its triggers; none for a button.
    pub nr: Option<u32>,
    /// When it was let through.
    pub at: Timestamp,
    /// When that came to pass; `None` where nobody knows, or where it can be no part of a loop.
    pub happened: Option<Timestamp>,
}

/// Whether a firing may be, asked of the caller.
#[derive(Clone, Debug, PartialEq)]
pub enum Admission {
    /// Its work begins now, in the process that asks.
    Begin,
    /// Its work waits for somebody to take it.
    Wait,
    /// What the automation has open is taken back first, and its work waits until that is over.
    Replace,
    /// It may not.
    No {
        /// What came of it.
        outcome: FiringOutcome,
        /// Why, a sentence without its full stop.
        why: String,
        /// The firing on which it is counted instead of being written itself.
        onto: Option<Id>,
        /// Whether the automation is kept from firing from now on.
        stop: bool,
    },
}

/// What a firing became.
#[derive(Clone, Debug, PartialEq)]
pub struct Fired {
    /// Its id; that of the firing it was counted on where it was.
    pub id: Id,
    /// What came of it; `None` when it had been told before.
    pub outcome: Option<FiringOutcome>,
    /// Why it was not fired.
    pub why: Option<String>,
    /// The job that it owes.
    pub job: Option<Job>,
    /// The run that was recorded with it, whose steps are to begin.
    pub run: Option<Id>,
    /// Jobs that run and are to be stopped for it.
    pub stops: Vec<Id>,
}

impl Fired {
    /// What was told before, or is no more, comes to nothing.
    fn nothing(id: Id) -> Fired {
        Fired { id, outcome: None, why: None, job: None, run: None, stops: Vec::new() }
    }
}

/// A firing as it was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Firing {
    /// Its id.
    pub id: Id,
    /// The automation.
    pub key: RuleKey,
    /// Its digest then.
    pub digest: String,
    /// The kind of trigger.
    pub kind: String,
    /// Which of its triggers, from 0.
    pub nr: u32,
    /// The request that its work belongs to.
    pub trace: TraceId,
    /// Of how many firings it is the consequence.
    pub depth: u32,
    /// What happened.
    pub data: Json,
    /// What came of it.
    pub outcome: FiringOutcome,
    /// Why it was not fired.
    pub why: Option<String>,
    /// What its condition looked at.
    pub seen: Vec<(String, Json)>,
    /// The job that it owes.
    pub job: Option<Id>,
    /// How often the same came of it.
    pub count: u64,
    /// When, and when the last of them.
    pub at: Timestamp,
    /// The last time.
    pub last: Timestamp,
}

const COLUMNS: &str = "id, source, command, digest, kind, nr, trace, depth, data, outcome, why, seen, job, count, at, last, n FROM firings";

/// So many firings or jobs are erased in one transaction.
const PRUNED: usize = 1000;

/// A page of firings, newest first: all, which stand in that order as they are, or those of one automation.
pub(super) fn page_sql(of_one: bool) -> String {
    let these = if of_one { "WHERE source = ?2 AND command = ?3 AND" } else { "NOT INDEXED WHERE" };
    format!(
        "SELECT {COLUMNS} {these} owner = ?1
         AND n < ifnull((SELECT n FROM firings WHERE id = ?4), 9223372036854775807) ORDER BY n DESC LIMIT ?5"
    )
}

impl Store {
    /// Writes firings, the jobs that they owe, and what changes along with them. `admit` is asked about each that was not
    /// told before: with its number, the id it would get, and the open jobs of its automation. It must not call the store.
    /// Where `runs` holds one for a firing whose work begins now, that is recorded too, as the first try of its job; these stand
    /// in their tables after the next change, such as that of [`Store::write_out`]. It does not wait for the disk:
    /// [`Store::wait_for_disk`] does.
    pub fn fire(
        &self,
        all: &[NewFiring],
        runs: &[Option<Foreseen>],
        process: &Process,
        along: &Along,
        admit: &mut dyn FnMut(usize, Id, &[OpenJob]) -> Admission,
    ) -> Result<Vec<Fired>> {
        self.write_with_next(|change| {
            let stale = all.iter().map(|new| change.is_stale(new)).collect::<Outcome<Vec<bool>>>()?;
            change.keep_along(along)?;
            let run = |at: usize| runs.get(at).and_then(Option::as_ref);
            let fire = |(at, new): (usize, &NewFiring)| {
                if at > 0 {
                    // Each counts for those that come after it.
                    change.write_out()?;
                }
                match stale.get(at) {
                    Some(true) => Ok(Fired::nothing(change.ids().next(change.at))),
                    _ => change.fire(at, new, run(at), process, admit),
                }
            };
            all.iter().enumerate().map(fire).collect()
        })
    }

    /// Firings, newest first: all, or those of one automation; at most `limit`, before the one `after`.
    pub fn firings(&self, of: Option<&RuleKey>, after: Option<Id>, limit: usize) -> Result<Vec<Firing>> {
        self.read_whole(|connection| {
            let mut find = connection.prepare_cached(&page_sql(of.is_some()))?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let (source, command) = (of.map(|key| &key.source), of.map(|key| &key.command));
            let mut rows = find.query(params![&*self.owner, source, command, after, limit])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                found.push(firing(row)?);
            }
            Ok(found)
        })
    }

    /// The firing whose id is, begins or ends so. `NotFound` when there is none, `Usage` when several.
    pub fn firing(&self, wanted: &str) -> Result<Firing> {
        let part = part_of_id(wanted).ok_or_else(|| no_firing(wanted))?;
        let found = self.read_whole(|connection| {
            let sql = format!("SELECT {COLUMNS} WHERE owner = ?1 AND (id LIKE ?2 || '%' OR id LIKE '%' || ?2) LIMIT 2");
            let mut find = connection.prepare_cached(&sql)?;
            let mut rows = find.query(params![&*self.owner, part])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                found.push(firing(row)?);
            }
            Ok(found)
        })?;
        only(found, wanted, "firings", no_firing)
    }

    /// How deep in a chain of firings this request stands; `None` when no firing of ours is behind it.
    pub fn depth_of(&self, trace: TraceId) -> Result<Option<u32>> {
        self.read(|connection| {
            let mut find =
                connection.prepare_cached("SELECT depth FROM firings WHERE trace = ?1 AND owner = ?2 LIMIT 1")?;
            Ok(find.query_row(params![trace, &*self.owner], |row| row.get(0)).optional()?)
        })
    }

    /// The same of a run.
    pub fn depth_of_run(&self, run: Id) -> Result<Option<u32>> {
        self.read(|connection| {
            let mut find = connection.prepare_cached(
                "SELECT f.depth FROM runs r JOIN firings f ON f.trace = r.trace WHERE r.id = ?1 AND r.owner = ?2 LIMIT 1",
            )?;
            Ok(find.query_row(params![run, &*self.owner], |row| row.get(0)).optional()?)
        })
    }

    /// The firings that were let through since `since`: those that count for rate limits, oldest first.
    pub fn fired_since(&self, since: Timestamp) -> Result<Vec<Admitted>> {
        self.read(|connection| {
            let mut find = connection.prepare_cached(
                "SELECT source, command, CASE WHEN kind <> 'button' THEN nr END, at,
                 CASE WHEN json_extract(data, '$.caught_up') IS 1 THEN kind END, json_extract(data, '$.at') FROM firings
                 WHERE owner = ?1 AND id >= ?2 AND outcome = 'fired' AND kind <> 'manual'
                 ORDER BY n",
            )?;
            let rows = find.query_map(params![&*self.owner, Id::floor(since)], |row| {
                let key = RuleKey { source: row.get(0)?, command: row.get(1)? };
                let (at, owed): (_, Option<String>) = (row.get(3)?, row.get(4)?);
                let happened = match owed {
                    Some(kind) => happened(&kind, row.get_ref(5)?.as_str().unwrap_or_default()),
                    None => Some(at),
                };
                Ok(Admitted { key, nr: row.get(2)?, at, happened })
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// When an automation was last fired.
    pub fn last_fired(&self, key: &RuleKey) -> Result<Option<Timestamp>> {
        self.read_whole(|connection| {
            let mut find = connection.prepare_cached(
                "SELECT at FROM firings WHERE owner = ?1 AND source = ?2 AND command = ?3 AND outcome = 'fired'
                 ORDER BY n DESC LIMIT 1",
            )?;
            Ok(find.query_row(params![&*self.owner, key.source, key.command], |row| row.get(0)).optional()?)
        })
    }

    /// The open jobs of an automation, oldest first.
    pub fn open_jobs_of(&self, key: &RuleKey) -> Result<Vec<OpenJob>> {
        self.read(|connection| super::jobs::open_jobs(connection, &self.owner, key))
    }

    /// When work of an automation last began, and where that stands.
    pub fn last_work_of(&self, key: &RuleKey) -> Result<Option<(Timestamp, JobStatus)>> {
        self.read(|connection| {
            let mut find = connection.prepare_cached(
                "SELECT begun, status FROM jobs WHERE owner = ?1 AND source = ?2 AND command = ?3 AND begun IS NOT NULL
                 AND kind = 'automation' ORDER BY n DESC LIMIT 1",
            )?;
            let found = find.query_row(params![&*self.owner, key.source, key.command], |row| {
                Ok((row.get(0)?, JobStatus::parse(&row.get::<_, String>(1)?)))
            });
            Ok(found.optional()?)
        })
    }

    /// Erases firings that are older than `before`, and jobs that ended before; how many of both.
    pub fn prune_work(&self, before: Timestamp) -> Result<(usize, usize)> {
        let (firings, jobs) = self.read(|connection| {
            let ids = |sql: &str| -> Outcome<Vec<Id>> {
                let mut find = connection.prepare_cached(sql)?;
                let rows = find.query_map(params![&*self.owner, before], |row| row.get(0))?;
                Ok(rows.collect::<rusqlite::Result<_>>()?)
            };
            Ok((
                ids("SELECT id FROM firings WHERE owner = ?1 AND last < ?2")?,
                ids("SELECT id FROM jobs WHERE owner = ?1 AND finished < ?2")?,
            ))
        })?;
        // Some in each transaction, so that nobody waits long for theirs.
        for some in firings.chunks(PRUNED) {
            self.erase(|change| {
                some.iter().try_for_each(|id| {
                    change.alter("DELETE FROM firings WHERE id = ?1", [id])?;
                    change.erase_payloads(&id.to_string())?;
                    change.record(&Event::new(events::FIRING_REMOVED, id.to_string(), json!({}))).map(drop)
                })
            })?;
        }
        for some in jobs.chunks(PRUNED) {
            self.erase(|change| some.iter().try_for_each(|id| change.erase_job(*id)))?;
        }
        self.forget_batches(before)?;
        Ok((firings.len(), jobs.len()))
    }
}

fn no_firing(wanted: &str) -> Error {
    Error::new(Kind::NotFound, format!("there is no firing {wanted}")).hint("`fac auto trace` lists them")
}

impl Change<'_> {
    fn fire(
        &self,
        at: usize,
        new: &NewFiring,
        run: Option<&Foreseen>,
        process: &Process,
        admit: &mut dyn FnMut(usize, Id, &[OpenJob]) -> Admission,
    ) -> Outcome<Fired> {
        if let Some(id) = self.told_before(new)? {
            return Ok(Fired::nothing(id));
        }
        let id = self.ids().next(self.at);
        let open = super::jobs::open_jobs(self.tx, self.owner(), &new.key)?;
        let admission = admit(at, id, &open);
        let (outcome, why) = match &admission {
            Admission::No { outcome, why, onto, stop } => {
                if *stop {
                    self.stop_automation(&new.key, why)?;
                }
                if let Some(id) = onto.filter(|onto| *onto != id) {
                    let sql = "UPDATE firings SET count = count + 1, last = ?2 WHERE id = ?1";
                    if self.alter(sql, params![id, self.at])? > 0 {
                        let why = Some(why.clone());
                        return Ok(Fired { id, outcome: Some(*outcome), why, job: None, run: None, stops: Vec::new() });
                    }
                }
                (*outcome, Some(why.clone()))
            }
            _ => (FiringOutcome::Fired, None),
        };
        if admission == Admission::Begin
            && let Some(record) = self.still(run)?
        {
            return self.begin_at_once(id, new, record, process);
        }
        let trace = self.ids().trace();
        let mut stops = Vec::new();
        if admission == Admission::Replace {
            stops = self.take_back_open(&open)?;
        }
        let job = match outcome {
            FiringOutcome::Fired => {
                let begins = (admission == Admission::Begin).then_some(process);
                Some(self.add_job(&owed(new, id), trace, begins)?)
            }
            _ => None,
        };
        let birth = Birth { id, ..self.birth() };
        self.insert_firing(&birth, new, trace, (outcome, why.as_deref()), job.as_ref().map(|job| job.id))?;
        Ok(Fired { id, outcome: Some(outcome), why, job, run: None, stops })
    }

    /// Whether the timer that a firing comes of is another one by now.
    fn is_stale(&self, new: &NewFiring) -> Outcome<bool> {
        let Some((subject, since)) = &new.held else { return Ok(false) };
        let sql = "SELECT 1 FROM holds WHERE owner = ?1 AND source = ?2 AND command = ?3 AND nr = ?4 AND subject = ?5
             AND since = ?6 AND due <= ?7";
        let row = params![self.owner(), new.key.source, new.key.command, new.nr, subject, since, self.at];
        Ok(!self.tx.prepare_cached(sql)?.exists(row)?)
    }

    fn told_before(&self, new: &NewFiring) -> Outcome<Option<Id>> {
        let Some(told) = &new.told else { return Ok(None) };
        let sql = "SELECT id FROM firings WHERE owner = ?1 AND source = ?2 AND command = ?3 AND key = ?4";
        let mut find = self.tx.prepare_cached(sql)?;
        let row = params![self.owner(), new.key.source, new.key.command, told];
        Ok(find.query_row(row, |row| row.get(0)).optional()?)
    }

    /// Writes a firing and what came of it, and tells it.
    pub(super) fn insert_firing(
        &self,
        birth: &Birth,
        new: &NewFiring,
        trace: TraceId,
        (outcome, why): (FiringOutcome, Option<&str>),
        job: Option<Id>,
    ) -> Outcome<()> {
        let seen: Vec<Json> = new.seen.iter().map(|(what, value)| json!([what, value])).collect();
        self.alter(
            "INSERT INTO firings (id, owner, source, command, digest, kind, nr, key, trace, depth, data, outcome, why,
             seen, job, count, at, last)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, 1, ?16, ?16)",
            params![
                birth.id,
                self.owner(),
                new.key.source,
                new.key.command,
                new.digest,
                new.kind,
                new.nr,
                new.told,
                trace,
                new.depth,
                new.data.to_string(),
                outcome.name(),
                why,
                Json::from(seen).to_string(),
                job,
                birth.at,
            ],
        )?;
        let kind = match outcome {
            FiringOutcome::Fired => events::AUTOMATION_FIRED,
            FiringOutcome::Looped => events::AUTOMATION_LOOPED,
            _ => events::AUTOMATION_BLOCKED,
        };
        let told = json!({"source": new.key.source, "command": new.key.command, "kind": new.kind,
            "outcome": outcome.name(), "why": why, "job": job});
        self.record_as(trace, &Event::new(kind, birth.id.to_string(), told))?;
        Ok(())
    }
}

/// The job that a firing owes.
pub(super) fn owed(new: &NewFiring, firing: Id) -> NewJob {
    NewJob {
        kind: JobKind::Automation,
        source: new.key.source.clone(),
        command: new.key.command.clone(),
        digest: new.digest.clone(),
        work: new.work.clone(),
        unique: Some(format!("firing:{firing}")),
        lane: new.lane.clone(),
        priority: 0,
        due: None,
        most: new.most,
    }
}

fn firing(row: &Row<'_>) -> Outcome<Firing> {
    Ok(Firing {
        id: row.get(0)?,
        key: RuleKey { source: row.get(1)?, command: row.get(2)? },
        digest: row.get(3)?,
        kind: row.get(4)?,
        nr: row.get(5)?,
        trace: row.get(6)?,
        depth: row.get(7)?,
        data: serde_json::from_str(&row.get::<_, String>(8)?)?,
        outcome: FiringOutcome::parse(&row.get::<_, String>(9)?),
        why: row.get(10)?,
        seen: serde_json::from_str(&row.get::<_, String>(11)?)?,
        job: row.get(12)?,
        count: u64::try_from(row.get::<_, i64>(13)?).unwrap_or(1),
        at: row.get(14)?,
        last: row.get(15)?,
    })
}
