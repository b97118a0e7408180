//! Recording runs: before they start, after they end, and those whose process is gone.

use std::fmt;
use std::str::FromStr;

use rusqlite::{OptionalExtension, params};
use serde_json::{Value, json};

use super::fault::Outcome;
use super::jobs::Birth;
use super::search::DocKind;
use super::{Change, Store};
use crate::kernel::clock::Timestamp;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::events::{self, Event};
use crate::kernel::ids::{Id, TraceId};

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum Status {
    /// Recorded, not yet begun.
    Pending,
    /// Begun.
    Running,
    /// Ended well.
    Ok,
    /// Ended badly.
    Failed,
    /// Ended by its time limit.
    TimedOut,
    /// Ended by Ctrl-C or a signal.
    Interrupted,
    /// Ended because somebody asked for it.
    Cancelled,
    /// Never begun: trust, a permission or a policy said no.
    Refused,
    /// Its process is gone and left no word.
    Lost,
}

impl Status {
    /// Every status.
    pub const ALL: [Status; 9] = [
        Status::Pending,
        Status::Running,
        Status::Ok,
        Status::Failed,
        Status::TimedOut,
        Status::Interrupted,
        Status::Cancelled,
        Status::Refused,
        Status::Lost,
    ];

    /// The word used in the database, in JSON and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Status::Pending => "pending",
            Status::Running => "running",
            Status::Ok => "ok",
            Status::Failed => "failed",
            Status::TimedOut => "timed_out",
            Status::Interrupted => "interrupted",
            Status::Cancelled => "cancelled",
            Status::Refused => "refused",
            Status::Lost => "lost",
        }
    }

    /// How something ended that was begun and met an error of this kind.
    pub fn of(kind: Kind) -> Status {
        match kind {
            Kind::TimedOut => Status::TimedOut,
            Kind::Interrupted => Status::Interrupted,
            _ => Status::Failed,
        }
    }

    /// Whether nothing more will happen.
    pub fn is_final(self) -> bool {
        !matches!(self, Status::Pending | Status::Running)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Status {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let found = Status::ALL.into_iter().find(|status| status.name() == text);
        found.ok_or_else(|| {
            Error::new(Kind::Usage, format!("{text:?} is no status of a run"))
                .hint(format!("one of {}", Status::ALL.map(Status::name).join(", ")))
        })
    }
}

/// A process that cannot be mistaken for a later one with the same number.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// When it started, as the system counts (clock ticks since boot on Linux).
    pub start: u64,
    /// Which boot of the machine that was.
    pub boot: String,
}

/// A run that is about to start.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct NewRun {
    /// The command's name.
    pub command: String,
    /// The name of its source.
    pub source: String,
    /// The content hash of its definition.
    pub digest: String,
    /// What fired it: `cli`, `rerun`, `schedule …`.
    pub trigger: String,
    /// The arguments; secret ones are hidden before they come here.
    pub args: Value,
    /// The working folder.
    pub cwd: String,
    /// The time zone of the person, an IANA name.
    pub zone: Option<String>,
    /// The process that carries it out; without one it can never be found lost.
    pub process: Option<Process>,
    /// How many steps it has.
    pub steps_planned: u32,
    /// `Running`, or `Pending` when it waits, or `Refused` when it never will.
    pub status: Status,
    /// The job that it is done for, and which try of it.
    pub job: Option<(Id, u64)>,
}

/// A run as lists show it.
#[derive(Clone, Debug, PartialEq)]
pub struct RunRow {
    /// Its id.
    pub id: Id,
    /// The command's name.
    pub command: String,
    /// The name of its source.
    pub source: String,
    /// The content hash of its definition.
    pub digest: String,
    /// What fired it.
    pub trigger: String,
    /// The arguments.
    pub args: Value,
    /// The working folder.
    pub cwd: String,
    /// The request it belongs to.
    pub trace: TraceId,
    /// The time zone of the person, an IANA name.
    pub zone: Option<String>,
    /// How many steps it was to have.
    pub steps_planned: u32,
    /// Where it stands.
    pub status: Status,
    /// Its exit code, once it has one.
    pub exit_code: Option<i32>,
    /// When it started.
    pub started: Timestamp,
    /// When it ended, or was found lost.
    pub finished: Option<Timestamp>,
    /// Which user it belongs to; nobody for the machine's own.
    pub owner: Option<Id>,
}

impl RunRow {
    /// The arguments on one line; secret ones are hidden.
    pub fn arguments(&self) -> String {
        let values = self.args.get("values").and_then(Value::as_object).into_iter().flatten();
        let rest = self.args.get("rest").and_then(Value::as_array).into_iter().flatten();
        let mut words: Vec<String> = values.map(|(k, v)| format!("{k}={}", v.as_str().unwrap_or(""))).collect();
        words.extend(rest.filter_map(Value::as_str).map(String::from));
        words.join(" ")
    }

    /// Microseconds from start to end, once it has ended.
    pub fn duration_us(&self) -> Option<i64> {
        self.finished.map(|finished| finished.since(self.started))
    }
}

/// A run with all that is known of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// The run.
    pub row: RunRow,
    /// What its steps did, in order.
    pub steps: Vec<StepRecord>,
}

/// What a step printed on one stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captured {
    /// The first bytes; all of them when nothing is missing.
    pub head: Vec<u8>,
    /// The last bytes, when something between is missing.
    pub tail: Vec<u8>,
    /// How many bytes there were.
    pub total: u64,
    /// The name of the file that holds all of them.
    pub spill: Option<String>,
}

impl Captured {
    /// Everything, when it is small enough to keep whole.
    pub fn whole(bytes: impl Into<Vec<u8>>) -> Self {
        let head = bytes.into();
        Captured { total: head.len() as u64, head, ..Captured::default() }
    }

    /// The first `head` bytes and the last `tail`; everything where that is no more.
    pub fn cut(bytes: &[u8], head: usize, tail: usize) -> Self {
        if bytes.len() <= head + tail {
            return Captured::whole(bytes);
        }
        let total = bytes.len() as u64;
        Captured { head: bytes[..head].to_vec(), tail: bytes[bytes.len() - tail..].to_vec(), total, spill: None }
    }

    /// Whether bytes are missing between head and tail.
    pub fn truncated(&self) -> bool {
        self.total > (self.head.len() + self.tail.len()) as u64
    }
}

/// What a step did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StepRecord {
    /// Its place, from 0.
    pub n: u32,
    /// Its id within the command.
    pub id: String,
    /// What kind of step it is.
    pub kind: String,
    /// Its language.
    pub lang: String,
    /// One of the words of [`Status`], or `skipped`.
    pub status: String,
    /// Its exit code, when it has one.
    pub exit_code: Option<i32>,
    /// How long it took, microseconds.
    pub duration_us: i64,
    /// What it printed.
    pub stdout: Captured,
    /// What it complained about.
    pub stderr: Captured,
    /// The step that it undid, where it ran only for that.
    pub undoes: Option<String>,
}

impl StepRecord {
    /// What it ran for, to be said behind how it ended; empty for what the command asks for anyway.
    pub fn purpose(&self) -> String {
        self.undoes.as_ref().map(|done| format!(", undoing {done}")).unwrap_or_default()
    }
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunEnd {
    /// A final status.
    pub status: Status,
    /// Its exit code, when it has one.
    pub exit_code: Option<i32>,
    /// What its steps did, in order.
    pub steps: Vec<StepRecord>,
}

impl RunEnd {
    /// The same without what the steps wrote, for where there is no room for that.
    pub fn without_output(mut self) -> RunEnd {
        for step in &mut self.steps {
            (step.stdout, step.stderr) = (Captured::default(), Captured::default());
        }
        self
    }
}

pub(super) const OPEN: &str = "SELECT id, pid, process_start, boot FROM runs
     WHERE finished IS NULL AND pid IS NOT NULL AND owner = ?1";

impl Store {
    /// Records a run before anything of it happens. When this returns, the record is on the disk; that of a job is as sure as
    /// its job, which a power cut may leave to be done again.
    pub fn begin_run(&self, new: &NewRun) -> Result<Id> {
        let begin = |change: &Change<'_>| {
            let birth = change.birth();
            change.insert_run(&birth, self.trace, new)?;
            Ok(birth.id)
        };
        if new.job.is_some() { self.write_with_next(begin) } else { self.write(begin) }
    }

    /// Marks a pending run as begun. `NotFound` when it was removed or has ended meanwhile.
    pub fn start_run(&self, id: Id) -> Result<()> {
        self.write(|change| {
            let sql = "UPDATE runs SET status = 'running' WHERE id = ?1 AND owner = ?2 AND status = 'pending'";
            if change.alter(sql, params![id, change.owner()])? == 0 {
                return Err(no_run(&id.to_string()).into());
            }
            change.record(&Event::new(events::RUN_CHANGED, id.to_string(), json!({"status": "running"})))?;
            Ok(())
        })
    }

    /// Records how a run ended, with all its steps, and when. `NotFound` when it was removed meanwhile.
    pub fn finish_run(&self, id: Id, end: &RunEnd) -> Result<Timestamp> {
        self.write(|change| change.finish_run(id, end))
    }

    /// The same for the run of a job: it is on the disk when the end of its job is.
    pub fn finish_run_of_job(&self, id: Id, end: &RunEnd) -> Result<Timestamp> {
        self.write_with_next(|change| change.finish_run(id, end))
    }

    /// Turns every run whose process `is_alive` no more into `lost`, and says which those were. Writes nothing when all
    /// are alive.
    pub fn mark_lost(&self, is_alive: &dyn Fn(&Process) -> bool) -> Result<Vec<Id>> {
        self.write_out()?;
        let dead = self.orphans(OPEN, is_alive)?;
        if dead.is_empty() {
            return Ok(dead);
        }
        self.write(|change| {
            let mut lost = Vec::new();
            for id in dead {
                // It may have ended, and so its process, between the question and now.
                if change.is_open(id)? {
                    change.end_run(id, Status::Lost, None, None)?;
                    lost.push(id);
                }
            }
            Ok(lost)
        })
    }
}

impl Change<'_> {
    pub(super) fn finish_run(&self, id: Id, end: &RunEnd) -> Outcome<Timestamp> {
        self.end_run(id, end.status, end.exit_code, Some(&end.steps))?;
        Ok(self.at)
    }

    /// Records a run that is about to start, as part of the request `trace`, and tells it.
    pub(super) fn insert_run(&self, birth: &Birth, trace: TraceId, new: &NewRun) -> Outcome<()> {
        let id = birth.id;
        // Ids carry the time they are found by; a clock that went back must not put the two at odds.
        let started = birth.at.max(Timestamp::from_micros(id.millis() as i64 * 1000));
        let finished = new.status.is_final().then_some(started);
        let process = new.process.as_ref();
        self.alter(
            "INSERT INTO runs (id, owner, command, source, digest, trigger, args, cwd, trace, zone, pid, process_start,
             boot, steps_planned, status, started, finished, job, job_epoch, person)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19,
             ifnull(?20, (SELECT person FROM jobs WHERE id = ?18)))",
            params![
                id,
                self.owner(),
                new.command,
                new.source,
                new.digest,
                new.trigger,
                new.args.to_string(),
                new.cwd,
                trace,
                new.zone,
                process.map(|p| p.pid),
                process.map(|p| p.start as i64),
                process.map(|p| &p.boot),
                new.steps_planned,
                new.status,
                started,
                finished,
                new.job.map(|(id, _)| id),
                new.job.map(|(_, epoch)| epoch as i64),
                birth.person,
            ],
        )?;
        let payload = json!({
            "command": new.command, "source": new.source, "digest": new.digest, "trigger": new.trigger,
            "args": new.args, "cwd": new.cwd, "status": new.status.name(),
        });
        self.record_as(trace, &Event::new(events::RUN_STARTED, id.to_string(), payload))?;
        self.touch_doc(DocKind::Run, &id.to_string())
    }

    pub(super) fn has_run(&self, id: Id) -> Outcome<bool> {
        let mut find = self.tx.prepare_cached("SELECT 1 FROM runs WHERE id = ?1 AND owner = ?2")?;
        Ok(find.exists(params![id, self.owner()])?)
    }

    fn is_open(&self, id: Id) -> Outcome<bool> {
        Ok(self.tx.prepare_cached("SELECT 1 FROM runs WHERE id = ?1 AND finished IS NULL")?.exists([id])?)
    }

    /// Sets the end of a run, and what its steps did where that is known, and reports it.
    fn end_run(&self, id: Id, status: Status, exit_code: Option<i32>, steps: Option<&[StepRecord]>) -> Outcome<()> {
        let ended: Option<(i64, String, i64, String)> = self
            .tx
            .prepare_cached(
                "UPDATE runs SET status = ?3, exit_code = ?4, finished = max(?5, started)
                 WHERE id = ?1 AND owner = ?2 RETURNING n, command, finished - started, trigger",
            )?
            .query_row(params![id, self.owner(), status, exit_code, self.at], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })
            .optional()?;
        let (n, command, duration, trigger) = ended.ok_or_else(|| no_run(&id.to_string()))?;
        self.touch_row("runs", n);
        if let Some(steps) = steps {
            self.alter("DELETE FROM run_steps WHERE run = ?1", [n])?;
            steps.iter().try_for_each(|step| self.insert_step(n, step))?;
        }
        let payload = json!({
            "command": command, "status": status.name(), "exit_code": exit_code, "duration_us": duration,
            "trigger": trigger,
        });
        self.record(&Event::new(events::RUN_FINISHED, id.to_string(), payload))?;
        self.touch_doc(DocKind::Run, &id.to_string())
    }

    fn insert_step(&self, run: i64, step: &StepRecord) -> Outcome<()> {
        self.alter(
            "INSERT INTO run_steps (run, n, id, kind, lang, status, exit_code, duration_us, stdout_total, stdout_spill,
             stderr_total, stderr_spill, stdout_head, stdout_tail, stderr_head, stderr_tail, undoes)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
            params![
                run,
                step.n,
                step.id,
                step.kind,
                step.lang,
                step.status,
                step.exit_code,
                step.duration_us,
                step.stdout.total as i64,
                step.stdout.spill,
                step.stderr.total as i64,
                step.stderr.spill,
                step.stdout.head,
                step.stdout.tail,
                step.stderr.head,
                step.stderr.tail,
                step.undoes,
            ],
        )?;
        Ok(())
    }
}

/// The error for a run nobody knows.
pub(super) fn no_run(wanted: &str) -> Error {
    Error::new(Kind::NotFound, format!("there is no run {wanted}")).hint("`fac runs ls` shows them")
}
