//! A server's program: started in a session of its own, without a terminal, and ended with everything it started.

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;

use super::diary::{Diary, Watched, follow};
use crate::kernel::error::{Error, Kind, Result};

/// How long a program may take to end by itself once its stdin is closed, and again after SIGTERM.
const GRACE: Duration = Duration::from_millis(500);

/// How long a program that closed its output may take to end and to say its last words.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// A running program. Dropping it kills its whole group.
pub(super) struct Process {
    child: Child,
    group: Option<Pid>,
    stderr: Option<JoinHandle<()>>,
}

/// What is read from it and written to it.
pub(super) type Pipes = (Watched<ChildStdout>, ChildStdin);

/// Starts the program of the server `name`.
///
/// # Errors
/// `Missing` when there is no such program, `Failed` when it cannot be started.
pub(super) fn start(
    name: &str,
    command: &[String],
    env: &[(OsString, OsString)],
    cwd: &Path,
    diary: &Arc<Diary>,
) -> Result<(Process, Pipes)> {
    let [program, arguments @ ..] = command else {
        return Err(Error::new(Kind::BadData, format!("the MCP server `{name}` has neither a command nor a url"))
            .hint(format!("fac mcp add {name} -- PROGRAM ARGUMENTS… or fac mcp add {name} --url URL")));
    };
    // The last one is the one that the program gets.
    let path = env.iter().rfind(|(key, _)| key == "PATH").map(|(_, value)| value.clone());
    let mut start = Command::new(located(program, path.as_deref(), cwd));
    start.args(arguments).env_clear().envs(env.iter().map(|(k, v)| (k, v))).current_dir(cwd);
    start.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    start.kill_on_drop(true);
    // It can neither read keys nor write to the screen.
    crate::exec::without_terminal(start.as_std_mut());
    let mut child = start.spawn().map_err(|error| not_started(name, program, error))?;
    let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    let stderr = child.stderr.take().map(|stderr| tokio::spawn(follow(name.to_string(), stderr, diary.clone())));
    match (child.stdout.take(), child.stdin.take()) {
        (Some(stdout), Some(stdin)) => {
            Ok((Process { child, group, stderr }, (Watched::new(stdout, diary.clone()), stdin)))
        }
        _ => Err(Error::new(Kind::Failed, format!("the MCP server `{name}` has no pipes"))),
    }
}

/// The program by the `PATH` that it gets itself, so that what runs is what the settings mean.
fn located(program: &str, path: Option<&std::ffi::OsStr>, cwd: &Path) -> OsString {
    if program.contains('/') {
        return program.into();
    }
    let folders = path.map(std::env::split_paths).into_iter().flatten();
    let found = folders.map(|folder| cwd.join(folder).join(program)).find(|file| file.is_file());
    found.map_or_else(|| program.into(), OsString::from)
}

fn not_started(name: &str, program: &str, error: std::io::Error) -> Error {
    match error.kind() {
        std::io::ErrorKind::NotFound => {
            Error::new(Kind::Missing, format!("the MCP server `{name}` needs {program}, which is not there")).hint(
                format!("install it, or give its full path: fac config set mcp.{name}.command '[\"/…/{program}\"]'"),
            )
        }
        _ => Error::new(Kind::Failed, format!("the MCP server `{name}` cannot be started")).because(error),
    }
}

impl Process {
    /// How it ended, when it ends soon: `exit code 3`, `signal 9`. Its last words are in the diary then.
    pub(super) async fn ended(&mut self) -> Option<String> {
        self.within(LAST_WORDS).await
    }

    async fn within(&mut self, patience: Duration) -> Option<String> {
        let status = tokio::time::timeout(patience, self.child.wait()).await.ok()?.ok()?;
        // What it left behind ends too, now: later the number of its group may be another's.
        self.signal(Signal::KILL);
        self.group = None;
        if let Some(reader) = self.stderr.take() {
            // Its last words are read to their end, unless a daemon that it left holds the pipe.
            let _ = tokio::time::timeout(patience, reader).await;
        }
        Some(match (status.code(), status.signal()) {
            (Some(code), _) => format!("exit code {code}"),
            (None, Some(signal)) => format!("signal {signal}"),
            (None, None) => "no exit code".to_string(),
        })
    }

    /// Ends it, its stdin being closed: waits a moment, asks it to end, kills what is left of its group.
    pub(super) async fn end(mut self) {
        if self.within(GRACE).await.is_none() {
            self.signal(Signal::TERM);
            self.within(GRACE).await;
        }
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.group {
            // Nobody left in the group is the usual case.
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}
