//! The room as a caller meets it: real programs, pipes and terminals.

mod pipes;
mod terminal;

use std::ops::ControlFlow;
use std::time::Duration;

use super::{Job, Outcome, Sink, Status, Stop, Stream, run};

/// A shell script in the root folder, with a path and nothing else in its environment.
pub(super) fn sh(script: &str) -> Job {
    let mut job = Job::new("sh", "/");
    job.args = vec!["-c".into(), script.into()];
    job.env = vec![("PATH".into(), "/usr/local/bin:/usr/bin:/bin".into())];
    job
}

pub(super) fn go(job: Job) -> Outcome {
    run(job, &mut quiet, &Stop::new().unwrap()).unwrap()
}

fn quiet(_: Stream, _: &[u8]) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

pub(super) fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

/// Calls `then` once, when `word` has been put out.
fn when(word: &'static str, mut then: impl FnMut()) -> impl Sink {
    let mut seen = String::new();
    move |_: Stream, bytes: &[u8]| {
        let before = seen.contains(word);
        seen.push_str(&String::from_utf8_lossy(bytes));
        if !before && seen.contains(word) {
            then();
        }
        ControlFlow::Continue(())
    }
}

/// Whether a process of this number lives (and is no zombie).
fn lives(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| rest.trim().starts_with(['R', 'S', 'D']))
}

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(150);
/// Far less than [`LONG`], far more than a busy machine needs.
const SOON: Duration = Duration::from_secs(20);

#[test]
fn statuses_have_the_codes_of_a_shell() {
    let codes = [Status::Exited(3), Status::Signalled(9), Status::TimedOut, Status::Interrupted].map(Status::code);
    assert_eq!(codes, [3, 137, 124, 130]);
}
