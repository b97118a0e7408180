//! Lines become work: owed for others, done here, or only shown; and what came of it is said.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use serde_json::{Value, json};

use super::super::Context;
use super::super::ask;
use super::super::bar::Bar;
use super::super::run::dry_run;
use super::input::Read;
use crate::app::auto::Batch;
use crate::automations::batch::{Next, Worked};
use crate::automations::worker::Ended;
use crate::exec::Stop;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::figures::counted;
use crate::kernel::terminal::safe_line;
use crate::store::{JobStatus, NewJob};

/// So many jobs are added in one transaction.
const AT_ONCE: usize = 1000;

/// How long is waited for a line before it is looked whether to stop.
const GLANCE: Duration = Duration::from_millis(100);

/// So many lines are passed over before it is looked whether to stop.
const PASSED: usize = 256;

/// So many mistakes are told one by one.
const TOLD: u64 = 10;

/// What became of the lines.
#[derive(Default)]
pub(super) struct Done {
    /// Owed now.
    added: u64,
    /// Done here, now and before; of what is owed for others only what was before.
    worked: Worked,
}

/// What was found among the lines.
enum Found {
    /// One that is right, and what is owed for it.
    Line(String, Box<NewJob>),
    /// None for now.
    NotYet,
    /// None any more.
    End,
}

/// Lines as work.
pub(super) struct Feed<'a> {
    context: &'a Context,
    batch: &'a Batch,
    lines: Receiver<Read>,
    /// The first line that was right, until it is handed on.
    first: Option<(String, Box<NewJob>)>,
    /// How many bytes were read.
    at: u64,
    /// How many lines.
    read: u64,
    /// How many of those hold nothing.
    empty: u64,
    /// The first lines that are wrong, by their numbers.
    bad: Vec<(u64, Error)>,
    /// How many are.
    wrong: u64,
}

impl<'a> Feed<'a> {
    /// The lines of what was opened.
    pub(super) fn new(context: &'a Context, batch: &'a Batch, lines: Receiver<Read>) -> Feed<'a> {
        Feed { context, batch, lines, first: None, at: 0, read: 0, empty: 0, bad: Vec::new(), wrong: 0 }
    }

    /// Reads up to the first line that is right, which [`Feed::next`] hands on later.
    pub(super) fn find_first(&mut self, stop: &Stop) -> Result<()> {
        while !stop.is_requested() {
            match self.read(GLANCE)? {
                Found::Line(line, job) => {
                    self.first = Some((line, job));
                    break;
                }
                Found::NotYet => {}
                Found::End => break,
            }
        }
        Ok(())
    }

    /// The next work.
    fn next(&mut self, patience: Duration) -> Result<Next> {
        if let Some((_, job)) = self.first.take() {
            return Ok(Next::Job(job));
        }
        Ok(match self.read(patience)? {
            Found::Line(_, job) => Next::Job(job),
            Found::NotYet => Next::NotYet,
            Found::End => Next::End,
        })
    }

    /// The next line that is work. Those that are empty are passed over, those that are wrong noted.
    fn read(&mut self, patience: Duration) -> Result<Found> {
        for _ in 0..PASSED {
            let text = match self.lines.recv_timeout(patience) {
                Ok(Read::Line { text, bytes }) => {
                    self.at += bytes;
                    text
                }
                Ok(Read::Failed(error)) => {
                    return Err(Error::new(Kind::Failed, format!("cannot read line {}", self.read + 1)).because(error));
                }
                Ok(Read::End) | Err(RecvTimeoutError::Disconnected) => return Ok(Found::End),
                Err(RecvTimeoutError::Timeout) => return Ok(Found::NotYet),
            };
            self.read += 1;
            let text = text.map(|text| match text.strip_prefix('\u{feff}').filter(|_| self.read == 1) {
                Some(rest) => rest.to_string(),
                None => text,
            });
            if text.as_ref().is_ok_and(|text| text.trim().is_empty()) {
                self.empty += 1;
                continue;
            }
            let job = text.map_err(|why| Error::new(Kind::BadData, why)).and_then(|text| {
                let job = self.batch.job(&self.context.app, self.read, &text)?;
                Ok((job, text))
            });
            match job {
                Ok((job, text)) => return Ok(Found::Line(text, Box::new(job))),
                // It is so for every line.
                Err(error) if error.kind() == Kind::Refused => return Err(error),
                Err(error) => self.note_wrong(error),
            }
        }
        // Who waits looks about between so many.
        Ok(Found::NotYet)
    }

    fn note_wrong(&mut self, error: Error) {
        self.wrong += 1;
        if self.wrong <= TOLD {
            self.bad.push((self.read, error));
        }
    }

    /// Asks for what the command needs before it runs, where there is a line to run it for.
    pub(super) fn allow(&self) -> Result<()> {
        let Some((line, _)) = &self.first else { return Ok(()) };
        let app = &self.context.app;
        let mut plan = app.planned(self.batch.resolved().clone(), self.batch.given(line)?, &[], false)?;
        ask::allow(self.context, &app.catalog()?, &mut plan)
    }

    /// Shows what would run for the first line that is right.
    pub(super) fn rehearse(mut self) -> Result<u8> {
        let Some((line, _)) = &self.first else {
            let nothing = Error::new(Kind::BadData, "no line can be done");
            return Err(self.bad.pop().map_or(nothing, |(_, error)| error));
        };
        let plan = self.context.app.planned(self.batch.resolved().clone(), self.batch.given(line)?, &[], true)?;
        dry_run(self.context, &plan, None)
    }

    /// Adds jobs for whoever runs them.
    pub(super) fn owe(&mut self, stop: &Stop, bar: &mut Bar) -> Result<Done> {
        let store = self.context.app.store()?;
        let mut done = Done::default();
        let mut jobs: Vec<NewJob> = Vec::with_capacity(AT_ONCE);
        let mut ended = false;
        while !ended {
            let mut waits = false;
            match self.next(GLANCE)? {
                Next::Job(job) => jobs.push(*job),
                Next::NotYet => waits = true,
                Next::End => ended = true,
            }
            // Asked to stop, what was read is owed, so that all before the place where it stopped is; and what was read
            // need not wait for what comes slowly.
            ended |= stop.is_requested();
            if jobs.len() == AT_ONCE || ended || waits && !jobs.is_empty() {
                let added = store.add_jobs(&jobs)? as u64;
                done.added += added;
                done.worked.before += jobs.len() as u64 - added;
                jobs.clear();
                bar.at(self.at, || format!("{} owed", counted_lines(done.added)));
            }
        }
        Ok(done)
    }

    /// Does the work here.
    pub(super) fn work_off(&mut self, workers: usize, stop: &Stop, bar: &mut Bar) -> Result<Done> {
        let (context, batch) = (self.context, self.batch);
        let mut told = 0;
        let at = std::cell::Cell::new((0, 0));
        let mut feed = || {
            let next = self.next(Duration::ZERO);
            at.set((self.at, self.read - self.empty));
            next
        };
        let mut tell = |worked: &Worked, ended: &[Ended]| {
            for one in ended.iter().filter(|one| one.status == Some(JobStatus::Dead)) {
                told += 1;
                if told <= TOLD && !context.ui.json {
                    bar.above(|| context.ui.warn(&failure(one)));
                }
            }
            let (bytes, lines): (u64, u64) = at.get();
            // As much of what was read as of the lines that were.
            let part = u128::from(bytes) * u128::from(worked.over()) / u128::from(lines.max(1));
            let failed = if worked.failed > 0 { format!(", {} failed", worked.failed) } else { String::new() };
            bar.at(u64::try_from(part).unwrap_or(bytes), || format!("{} of {lines} lines{failed}", worked.over()));
        };
        let worked = context.app.work_off(batch, workers, &mut feed, stop, &mut tell)?;
        context.app.keep_house();
        Ok(Done { worked, added: 0 })
    }

    /// Says what became of it; `stopped` how to go on, where it was stopped.
    pub(super) fn report(&self, done: &Done, here: bool, stopped: Option<String>) -> Result<u8> {
        let (ui, id, lines) = (&self.context.ui, &self.batch.id, self.read - self.empty);
        let Worked { failed, cancelled, before, taken_back, .. } = done.worked;
        if ui.json {
            let bad: Vec<Value> =
                self.bad.iter().map(|(line, error)| json!({"line": line, "error": error.full_message()})).collect();
            ui.value(&json!({"import": {
                "batch": id, "lines": lines, "added": done.added, "before": before, "done": done.worked.done,
                "failed": failed, "cancelled": cancelled, "wrong": self.wrong, "mistakes": bad,
                "stopped": stopped.is_some(), "taken_back": taken_back,
            }}))?;
        } else {
            for (line, error) in &self.bad {
                ui.warn(&safe_line(&format!("line {line}: {}", error.full_message())));
            }
            if self.wrong > TOLD {
                ui.warn(&format!("and {} more", counted_lines(self.wrong - TOLD)));
            }
            ui.line(id)?;
            let did = if here {
                format!("{} done, {failed} failed", done.worked.done)
            } else {
                format!("{} owed", done.added)
            };
            let more = [(cancelled, "cancelled"), (before, "before"), (self.wrong, "wrong")];
            let more: String =
                more.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!(", {count} {what}")).collect();
            ui.note(&format!("{}: {did}{more}", counted_lines(lines)));
        }
        if let Some(on) = stopped {
            let said = if here { "stopped; what was under way is owed again" } else { "stopped" };
            return Err(Error::new(Kind::Interrupted, said).hint(on));
        }
        if taken_back {
            ui.warn("the batch was taken back, and what was left of it was not begun");
        }
        if !ui.json && failed + cancelled > 0 {
            ui.note(&format!("fac jobs ls --batch {id} shows them, fac jobs retry --batch {id} owes them again"));
        } else if !ui.json && done.added > 0 {
            ui.note(&format!("fac jobs wait --batch {id} waits for it"));
            if self.context.app.keeper_process()?.is_none() {
                ui.note("nobody runs jobs just now: `fac auto up`, `fac tick`, or the same with --jobs 4");
            }
        }
        Ok(u8::from(failed + cancelled + self.wrong > 0 || taken_back))
    }
}

fn counted_lines(count: u64) -> String {
    counted(usize::try_from(count).unwrap_or(usize::MAX), "line")
}

fn failure(ended: &Ended) -> String {
    let by = ended.job.work["by"].as_str().unwrap_or_default();
    let error = ended.carried.error.as_deref().unwrap_or("it failed");
    let run = ended.carried.run.map(|id| format!(" (fac runs show {})", id.tail())).unwrap_or_default();
    safe_line(&format!("{by}: {error}{run}")).into_owned()
}
