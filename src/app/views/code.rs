//! What came of a piece of code, as it is shown.

use schemars::JsonSchema;
use serde::Serialize;

use crate::exec::code::{Language, Ran};
use crate::exec::sandbox::Sandbox;
use crate::exec::{Captured, Status};

/// A piece of code that ran, or was to.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct RanView {
    /// Its language, as it was asked for.
    pub language: String,
    /// ok, failed, timed_out, limited or interrupted.
    pub status: &'static str,
    /// run; compile where it came no further.
    pub stage: &'static str,
    /// The exit code; 124 when its time was over, 137 when it used too much.
    pub exit_code: i32,
    /// What it used too much of, for which it was ended.
    pub limit: Option<String>,
    /// What it printed; what is no text is replaced.
    pub stdout: String,
    /// What it complained about; where it was not compiled, what the compiler said.
    pub stderr: String,
    /// Whether bytes are missing in the middle of one of them.
    pub truncated: bool,
    /// How long all took, milliseconds.
    pub duration_ms: u64,
    /// What kept it in: bubblewrap, landlock or none.
    pub sandbox: &'static str,
}

impl RanView {
    /// What came of code in this language behind this wall.
    pub fn of(language: &str, sandbox: &Sandbox, ran: &Ran) -> RanView {
        let (status, exit_code) = match ran.status {
            _ if ran.limit.is_some() => ("limited", 137),
            Status::Exited(0) => ("ok", 0),
            status @ (Status::Exited(_) | Status::Signalled(_)) => ("failed", status.code()),
            status @ Status::TimedOut => ("timed_out", status.code()),
            status @ Status::Interrupted => ("interrupted", status.code()),
        };
        RanView {
            language: language.to_string(),
            status,
            stage: ran.stage.name(),
            exit_code,
            limit: ran.limit.clone(),
            stdout: text(&ran.stdout),
            stderr: text(&ran.stderr),
            truncated: ran.stdout.truncated() || ran.stderr.truncated(),
            duration_ms: u64::try_from(ran.duration.as_millis()).unwrap_or(u64::MAX),
            sandbox: sandbox.wall.name(),
        }
    }
}

/// What was kept, with a word about what is missing where it is.
fn text(kept: &Captured) -> String {
    if !kept.truncated() {
        return String::from_utf8_lossy(&kept.joined()).into_owned();
    }
    let missing = kept.total - (kept.head.len() + kept.tail.len()) as u64;
    let (head, tail) = (String::from_utf8_lossy(&kept.head), String::from_utf8_lossy(&kept.tail));
    format!("{head}\n[… {missing} bytes left out …]\n{tail}")
}

/// A language, and what runs it here.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct LanguageView {
    /// Its name.
    pub name: String,
    /// Whether all that it needs is installed.
    pub installed: bool,
    /// The programs that are used, in their order.
    pub programs: Vec<String>,
    /// How to get what is missing.
    pub install: Option<String>,
}

impl From<&Language> for LanguageView {
    fn from(language: &Language) -> LanguageView {
        let installed = !language.programs.is_empty();
        LanguageView {
            name: language.name.clone(),
            installed,
            programs: language.programs.iter().map(|path| path.display().to_string()).collect(),
            install: Some(language.hint.clone()).filter(|hint| !installed && !hint.is_empty()),
        }
    }
}
