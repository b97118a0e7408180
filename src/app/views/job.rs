//! Owed work as it is shown.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value as Json;

use crate::store::Job;

/// A job.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct JobView {
    /// Its id.
    pub id: String,
    /// automation or run.
    pub kind: String,
    /// The spec of its command's source.
    pub source: String,
    /// The command.
    pub command: String,
    /// What owes it.
    pub by: Json,
    /// What happened, where something fired it.
    pub trigger: Json,
    /// waiting, running, done, dead or cancelled.
    pub status: &'static str,
    /// How often it was tried.
    pub tries: u32,
    /// How often it may be tried.
    pub most: u32,
    /// How often whoever worked on it was gone without a word.
    pub lost: u32,
    /// Not before.
    pub due: String,
    /// What it is owed once for.
    pub key: Option<String>,
    /// The run of its last try.
    pub run: Option<String>,
    /// Its exit code.
    pub exit_code: Option<i32>,
    /// What went wrong last.
    pub error: Option<String>,
    /// Higher ones come first.
    pub priority: i64,
    /// The trace id of the request that it belongs to.
    pub trace: String,
    /// When it was added.
    pub created: String,
    /// When its last try began.
    pub begun: Option<String>,
    /// When it ended.
    pub finished: Option<String>,
    /// The process that works on it, or did last.
    pub pid: Option<u32>,
}

impl From<&Job> for JobView {
    fn from(job: &Job) -> JobView {
        JobView {
            id: job.id.to_string(),
            kind: job.kind.clone(),
            source: job.source.clone(),
            command: job.command.clone(),
            by: job.work["by"].clone(),
            trigger: job.work["fired"].clone(),
            status: job.status.name(),
            tries: job.tries,
            most: job.most,
            lost: job.lost,
            due: job.due.to_string(),
            key: job.unique.clone(),
            run: job.run.map(|id| id.to_string()),
            exit_code: job.exit_code,
            error: job.error.clone(),
            priority: job.priority,
            trace: job.trace.to_string(),
            created: job.created.to_string(),
            begun: job.begun.map(|t| t.to_string()),
            finished: job.finished.map(|t| t.to_string()),
            pid: job.process.as_ref().map(|process| process.pid),
        }
    }
}
