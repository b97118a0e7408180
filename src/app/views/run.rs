//! Runs as they are shown.

use base64::Engine;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value as Json;

use super::problem::ErrorView;
use crate::commands::run::Report;
use crate::store::{Captured, Run, RunRow, StepRecord};

/// A run without what it printed.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct RunView {
    /// Its id.
    pub id: String,
    /// The command's name.
    pub command: String,
    /// The name of its source.
    pub source: String,
    /// What fired it.
    pub trigger: String,
    /// pending, running, ok, failed, timed_out, interrupted, cancelled, refused or lost.
    pub status: &'static str,
    /// Its exit code, once it has one.
    pub exit_code: Option<i32>,
    /// When it started, RFC 3339 UTC.
    pub started: String,
    /// When it ended.
    pub finished: Option<String>,
    /// How long it took, milliseconds.
    pub duration_ms: Option<i64>,
    /// The arguments; secret ones are hidden.
    pub args: Json,
    /// The working folder.
    pub cwd: String,
    /// The trace id of the request that it belongs to.
    pub trace: String,
}

impl From<&RunRow> for RunView {
    fn from(row: &RunRow) -> RunView {
        RunView {
            id: row.id.to_string(),
            command: row.command.clone(),
            source: row.source.clone(),
            trigger: row.trigger.clone(),
            status: row.status.name(),
            exit_code: row.exit_code,
            started: row.started.to_string(),
            finished: row.finished.map(|t| t.to_string()),
            duration_ms: row.duration_us().map(|us| us / 1000),
            args: row.args.clone(),
            cwd: row.cwd.clone(),
            trace: row.trace.to_string(),
        }
    }
}

/// A run with what its steps printed.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct WholeRun {
    /// The run.
    #[serde(flatten)]
    pub run: RunView,
    /// Its steps, in order.
    pub steps: Vec<StepView>,
}

impl From<&Run> for WholeRun {
    fn from(run: &Run) -> WholeRun {
        WholeRun { run: RunView::from(&run.row), steps: run.steps.iter().map(StepView::from).collect() }
    }
}

/// A run that has ended just now.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ReportView {
    /// Its id.
    pub id: String,
    /// The command, with its source.
    pub command: String,
    /// What fired it.
    pub trigger: String,
    /// ok, failed, timed_out, interrupted, cancelled or refused.
    pub status: &'static str,
    /// Its exit code.
    pub exit_code: i32,
    /// When it started, RFC 3339 UTC.
    pub started: String,
    /// How long it took, milliseconds.
    pub duration_ms: u64,
    /// Its steps, in order.
    pub steps: Vec<StepView>,
    /// What went wrong beside an exit code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<ErrorView>,
}

impl From<&Report> for ReportView {
    fn from(report: &Report) -> ReportView {
        let problem = report.problem.as_ref().map(|(kind, message, hint)| ErrorView {
            kind: kind.name(),
            message: message.clone(),
            hint: hint.clone(),
            exit_code: None,
        });
        ReportView {
            id: report.id.to_string(),
            command: report.command.clone(),
            trigger: report.trigger.clone(),
            status: report.status.name(),
            exit_code: report.exit_code,
            started: report.started.to_string(),
            duration_ms: report.duration_ms,
            steps: report.steps.iter().map(StepView::from).collect(),
            problem,
        }
    }
}

/// What a step did.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct StepView {
    /// Its id within the command.
    pub id: String,
    /// What kind of step it is.
    pub kind: String,
    /// Its language.
    pub lang: String,
    /// A status of runs, or `skipped`.
    pub status: String,
    /// Its exit code, when it has one.
    pub exit_code: Option<i32>,
    /// What it printed, with a word where something is missing.
    pub stdout: String,
    /// What it complained about.
    pub stderr: String,
    /// Whether something of them is missing.
    pub truncated: bool,
    /// `utf-8`, or `base64` where either of them is no UTF-8.
    pub encoding: &'static str,
    /// How long it took, milliseconds.
    pub duration_ms: i64,
    /// Bytes that it printed.
    pub stdout_bytes: u64,
    /// Bytes that it complained with.
    pub stderr_bytes: u64,
    /// The step that it undid, where it ran only for that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undoes: Option<String>,
}

impl From<&StepRecord> for StepView {
    fn from(step: &StepRecord) -> StepView {
        let (stdout, stderr, encoding) = texts(&step.stdout, &step.stderr);
        StepView {
            id: step.id.clone(),
            kind: step.kind.clone(),
            lang: step.lang.clone(),
            status: step.status.clone(),
            exit_code: step.exit_code,
            stdout,
            stderr,
            truncated: step.stdout.truncated() || step.stderr.truncated(),
            encoding,
            duration_ms: step.duration_us / 1000,
            stdout_bytes: step.stdout.total,
            stderr_bytes: step.stderr.total,
            undoes: step.undoes.clone(),
        }
    }
}

fn texts(stdout: &Captured, stderr: &Captured) -> (String, String, &'static str) {
    match (String::from_utf8(joined(stdout)), String::from_utf8(joined(stderr))) {
        (Ok(stdout), Ok(stderr)) => (stdout, stderr, "utf-8"),
        (stdout, stderr) => {
            let bytes = |text: Result<String, std::string::FromUtf8Error>| {
                let bytes = text.map_or_else(std::string::FromUtf8Error::into_bytes, String::into_bytes);
                base64::engine::general_purpose::STANDARD.encode(bytes)
            };
            (bytes(stdout), bytes(stderr), "base64")
        }
    }
}

/// Head and tail in one piece, with a word where something is missing.
pub fn joined(captured: &Captured) -> Vec<u8> {
    let mut bytes = captured.head.clone();
    if captured.truncated() {
        let missing = captured.total - (captured.head.len() + captured.tail.len()) as u64;
        bytes.extend(format!("\n… {missing} bytes left out …\n").bytes());
    }
    bytes.extend(&captured.tail);
    bytes
}
