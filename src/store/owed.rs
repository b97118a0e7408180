//! Work owed, as values: what kind it is, where it stands, how a try of it ended.
//!
//! How it is written, taken and ended stands in [`super::jobs`].

use serde_json::Value as Json;

use super::Process;
use crate::kernel::clock::Timestamp;
use crate::kernel::ids::{Id, TraceId};

/// What kind of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobKind {
    /// What an automation owes.
    Automation,
    /// A run that a person put into the background.
    Run,
}

impl JobKind {
    /// The word in the store and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            JobKind::Automation => "automation",
            JobKind::Run => "run",
        }
    }
}

/// Where work stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JobStatus {
    /// Nobody works on it, for now or yet.
    Waiting,
    /// Somebody works on it.
    Running,
    /// It is done.
    Done,
    /// It failed for good.
    Dead,
    /// It was taken back.
    Cancelled,
}

impl JobStatus {
    /// Every status.
    pub const ALL: [JobStatus; 5] =
        [JobStatus::Waiting, JobStatus::Running, JobStatus::Done, JobStatus::Dead, JobStatus::Cancelled];

    /// The word in the store and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            JobStatus::Waiting => "waiting",
            JobStatus::Running => "running",
            JobStatus::Done => "done",
            JobStatus::Dead => "dead",
            JobStatus::Cancelled => "cancelled",
        }
    }

    /// Whether nothing more will happen by itself.
    pub fn is_final(self) -> bool {
        !matches!(self, JobStatus::Waiting | JobStatus::Running)
    }

    pub(super) fn parse(word: &str) -> JobStatus {
        JobStatus::ALL.into_iter().find(|one| one.name() == word).unwrap_or(JobStatus::Dead)
    }
}

/// Work that is about to be owed.
#[derive(Clone, Debug, PartialEq)]
pub struct NewJob {
    /// What kind.
    pub kind: JobKind,
    /// The spec of the definition's source.
    pub source: String,
    /// The command.
    pub command: String,
    /// The digest of the definition.
    pub digest: String,
    /// What it is to be run with.
    pub work: Json,
    /// Owed once, however often it is added.
    pub unique: Option<String>,
    /// Work of one lane is done one after another.
    pub lane: Option<String>,
    /// Higher ones come first.
    pub priority: i64,
    /// Not before.
    pub due: Option<Timestamp>,
    /// How often it may be tried, at least 1.
    pub most: u32,
}

/// Work owed.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Its id.
    pub id: Id,
    /// What kind.
    pub kind: String,
    /// The spec of the definition's source.
    pub source: String,
    /// The command.
    pub command: String,
    /// The digest of the definition.
    pub digest: String,
    /// What it is to be run with.
    pub work: Json,
    /// What it is owed once for.
    pub unique: Option<String>,
    /// Work of one lane is done one after another.
    pub lane: Option<String>,
    /// The request that it belongs to.
    pub trace: TraceId,
    /// Higher ones come first.
    pub priority: i64,
    /// Where it stands.
    pub status: JobStatus,
    /// Not before.
    pub due: Timestamp,
    /// How often it was tried.
    pub tries: u32,
    /// How often whoever worked on it was gone without a word.
    pub lost: u32,
    /// How often it may be tried.
    pub most: u32,
    /// Grows with everyone who takes it.
    pub epoch: u64,
    /// Whether somebody asked for it to be stopped.
    pub stop: bool,
    /// Who works on it, or did last.
    pub process: Option<Process>,
    /// The run of the last try.
    pub run: Option<Id>,
    /// Its exit code.
    pub exit_code: Option<i32>,
    /// What went wrong last.
    pub error: Option<String>,
    /// When it was added.
    pub created: Timestamp,
    /// When the last try began.
    pub begun: Option<Timestamp>,
    /// When it ended.
    pub finished: Option<Timestamp>,
    /// Which user it belongs to; nobody for the machine's own.
    pub owner: Option<Id>,
}

/// Open work of an automation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenJob {
    /// Its id.
    pub id: Id,
    /// Whether somebody works on it.
    pub running: bool,
}

/// Which jobs a list shows.
#[derive(Clone, Debug, Default)]
pub struct JobFilter {
    /// Only with this status.
    pub status: Option<JobStatus>,
    /// Only of this command.
    pub command: Option<String>,
    /// Only of this batch.
    pub batch: Option<String>,
}

/// What became of work that was to be begun at once.
#[derive(Clone, Debug, PartialEq)]
pub enum Claim {
    /// It was taken.
    Taken {
        /// The job.
        job: Box<Job>,
        /// Whether it was not owed before.
        new: bool,
    },
    /// It was owed before, and is over.
    Over(JobStatus),
    /// It was owed before, and is somebody else's, or due later.
    Open(Id),
}

/// How a try ended.
#[derive(Clone, Debug, PartialEq)]
pub enum JobEnd {
    /// Well.
    Done,
    /// Badly; it is tried again then, or never.
    Failed {
        /// Why.
        error: String,
        /// When it is tried again.
        again: Option<Timestamp>,
    },
    /// Its process was asked to end; it is tried again as if it had not been tried.
    Given,
    /// Somebody took it back.
    Cancelled {
        /// Why.
        why: String,
    },
}

/// A job whose process is gone. It counts as running, and keeps its lane, until it is taken over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    pub(super) n: i64,
    /// The job.
    pub id: Id,
    /// Which try of it was lost.
    pub epoch: u64,
    /// Who worked on it.
    pub process: Process,
}

/// What became of work whose process is gone.
#[derive(Clone, Debug, PartialEq)]
pub struct Recovery {
    /// The job.
    pub id: Id,
    /// Where it stands now.
    pub status: JobStatus,
}
