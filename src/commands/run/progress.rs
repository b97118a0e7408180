//! What the steps of a run share, and how one that ended is recorded and told.
//!
//! It knows neither what a step does nor which comes next: those stand in `step.rs` and `walk.rs`.

use std::time::{Duration, Instant};

use super::{Done, Performed, Unit, Watcher};
use crate::commands::model::{Command, Step};
use crate::exec::Stream;
use crate::kernel::duration::human_ms;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::ids::Id;
use crate::kernel::secret::Redactor;
use crate::kernel::terminal::safe;
use crate::store::{Captured, Status, StepRecord};

/// State that steps of one run share.
pub(super) struct Progress {
    pub(super) id: Id,
    pub(super) steps: Vec<StepRecord>,
    /// What steps wrote, as they wrote it: it feeds other steps and conditions and is never recorded.
    pub(super) full: Vec<(String, Vec<u8>)>,
    /// System texts of the command that wait for its prompts.
    pub(super) systems: Vec<String>,
    /// Whether a prompt took what was piped in.
    pub(super) fed: bool,
    pub(super) deadline: Option<Instant>,
    /// Knows the secret arguments of this run too.
    pub(super) redactor: Redactor,
    pub(super) since: Since,
}

/// Where in a [`Progress`] that begins which the steps at hand may know of: another try, and another call of the same
/// command, have steps of the same names.
#[derive(Clone, Copy, Default)]
pub(super) struct Since {
    steps: usize,
    full: usize,
}

impl Progress {
    pub(super) fn now(&self) -> Since {
        Since { steps: self.steps.len(), full: self.full.len() }
    }

    /// The steps of this try of this call.
    pub(super) fn own_steps(&self) -> &[StepRecord] {
        self.steps.get(self.since.steps..).unwrap_or_default()
    }

    /// What they wrote.
    pub(super) fn own_full(&self) -> &[(String, Vec<u8>)] {
        self.full.get(self.since.full..).unwrap_or_default()
    }

    /// The `If:` of a whole command cannot be judged: its record says so, as there is no step that could.
    pub(super) fn note_unjudged(&mut self, unit: &Unit, error: &Error) {
        let mut done = failed_before_start(error.kind());
        complain(&mut done, error, &self.redactor);
        let told = told_of(self.steps.len(), format!("{}if", unit.prefix), done);
        self.steps.push(StepRecord { kind: "if".to_string(), ..told });
    }

    /// Whether there is no time left.
    pub(super) fn is_late(&self) -> bool {
        self.deadline.is_some_and(|end| end <= Instant::now())
    }

    /// The end of whichever comes first: what is running already, or `limit` from now.
    pub(super) fn sooner(&self, limit: Option<u64>) -> Option<Instant> {
        let new = limit.map(|ms| Instant::now() + Duration::from_millis(ms));
        self.deadline.into_iter().chain(new).min()
    }
}
/// The step that names this one in `undo=`, which then runs only to compensate it.
pub(super) fn undone_by<'c>(command: &'c Command, step: &Step) -> Option<&'c Step> {
    command.steps.iter().find(|s| s.undo.as_deref() == Some(step.id.as_str()))
}

impl Performed {
    /// A step that did not even begin.
    pub(super) fn never(error: Error) -> Performed {
        Performed { done: failed_before_start(error.kind()), wrote: Vec::new(), trouble: Some(error) }
    }
}

/// Records what came of a step, and says how it goes on.
pub(super) fn end(
    unit: &Unit,
    step: &Step,
    performed: Performed,
    progress: &mut Progress,
    watcher: &mut dyn Watcher,
) -> Result<(Status, i32)> {
    let Performed { mut done, wrote, trouble } = performed;
    let ended = (done.status, done.exit_code.unwrap_or(1));
    if let Some(error) = &trouble {
        complain(&mut done, error, &progress.redactor);
    }
    let id = format!("{}{}", unit.prefix, step.id);
    progress.full.push((id, wrote));
    progress.steps.push(record(unit, step, progress.steps.len(), done));
    match trouble {
        Some(error) => forgive(step, error, ended, progress, watcher),
        None => Ok(ended),
    }
}

pub(super) fn record(unit: &Unit, step: &Step, number: usize, done: Done) -> StepRecord {
    let named = |step: &Step| format!("{}{}", unit.prefix, step.id);
    StepRecord {
        kind: step.kind.name().to_string(),
        lang: step.lang.clone(),
        undoes: undone_by(&unit.resolved.command, step).map(named),
        ..told_of(number, named(step), done)
    }
}

pub(super) fn told_of(number: usize, id: String, done: Done) -> StepRecord {
    StepRecord {
        n: number as u32,
        id,
        kind: String::new(),
        lang: String::new(),
        status: done.status.name().to_string(),
        exit_code: done.exit_code,
        stdout: done.stdout,
        stderr: done.stderr,
        duration_us: done.duration_us,
        undoes: None,
    }
}

/// Whether a step may end in this way and the next ones are done all the same. The time of the whole run is no step's own.
pub(super) fn is_allowed(step: &Step, status: Status, progress: &Progress) -> bool {
    step.allow_failure
        && match status {
            Status::Failed => true,
            Status::TimedOut => !progress.is_late(),
            _ => false,
        }
}

/// What went wrong with a step, where it may not; otherwise whoever watches hears of it, and how it `ended` is all there is.
pub(super) fn forgive(
    step: &Step,
    error: Error,
    ended: (Status, i32),
    progress: &Progress,
    watcher: &mut dyn Watcher,
) -> Result<(Status, i32)> {
    if !is_allowed(step, ended.0, progress) {
        return Err(error);
    }
    tell(&error, progress, watcher);
    Ok(ended)
}

/// Tells whoever watches that a step was ended and the run goes on: it says nothing of it itself.
pub(super) fn tell_late(step: &Step, status: Status, watcher: &mut dyn Watcher) {
    if let (Status::TimedOut, Some(ms)) = (status, step.timeout_ms) {
        let said = format!("step `{}` was ended: it took longer than {}\n", step.id, human_ms(ms));
        let _ = watcher.output(Stream::Stderr, safe(&said).as_bytes());
    }
}

/// Tells whoever watches what went wrong with a step where the run goes on.
pub(super) fn tell(error: &Error, progress: &Progress, watcher: &mut dyn Watcher) {
    let said = format!("{}\n", progress.redactor.redact(&error.full_message()));
    // Where nobody reads any more, that is heard at the next output.
    let _ = watcher.output(Stream::Stderr, safe(&said).as_bytes());
}

/// Puts what went wrong behind what a step complained about, so that its record says why it failed.
pub(super) fn complain(done: &mut Done, error: &Error, redactor: &Redactor) {
    if done.stderr.tail.is_empty() && done.stderr.spill.is_none() {
        let mut all = std::mem::take(&mut done.stderr.head);
        all.extend_from_slice(format!("{}\n", redactor.redact(&error.full_message())).as_bytes());
        done.stderr = Captured::whole(all);
    }
}

pub(super) fn failed_before_start(kind: Kind) -> Done {
    Done {
        status: Status::of(kind),
        exit_code: Some(i32::from(kind.exit_code())),
        stdout: Captured::default(),
        stderr: Captured::default(),
        duration_us: 0,
    }
}
