//! `fac jobs import`: a command owed for each line of a file, and done at once where that is wished.

use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use serde_json::{Value, json};

use super::super::Context;
use super::super::ask;
use super::super::bar::Bar;
use super::super::draw;
use super::super::lines::{self, Line};
use super::super::run::{Asked, dry_run, pairs, take_own_flags, text_words};
use crate::app::auto::{Batch, Each};
use crate::automations::batch::{Next, Worked};
use crate::automations::worker::Ended;
use crate::commands::catalog;
use crate::commands::run as engine;
use crate::exec::Stop;
use crate::exec::signals::StopOnSignals;
use crate::kernel::error::{Context as _, Error, Kind, Result};
use crate::kernel::figures::counted;
use crate::kernel::terminal::safe_line;
use crate::store::{JobStatus, NewJob};

const EXAMPLES: &str = "\
Examples:
  fac jobs import names.txt greet            owe `greet` for each line
  fac jobs import names.txt --jobs 4 greet   do it here, four at once
  ls *.png | fac jobs import - -j4 resize {} {}.jpg
                                             `{}` stands for the line
  fac jobs import people.ndjson --fields greet
                                             each line is {\"name\": \"Ada\", …}
  fac jobs wait --batch 3f2a9c1e0b7d         until all of it is over

A line is an argument: it is never read as an option, nor as a part of a script.
The same command over the same file is one batch. Whoever begins it anew, after
a Ctrl-C or a crash, goes on where it ended: lines that were owed before are not
owed again, and lines that were added since are.";

/// The longest line, bytes.
const LONGEST: usize = 64 << 10;

/// So many lines are read ahead.
const AHEAD: usize = 256;

/// So many jobs are added in one transaction.
const AT_ONCE: usize = 1000;

/// How long is waited for a line before it is looked whether to stop.
const GLANCE: Duration = Duration::from_millis(100);

/// So many mistakes are told one by one.
const TOLD: u64 = 10;

/// Owe a command once for each line of a file, or do it here
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Do it here, so many at once, until all of it is over; without it whoever runs jobs does it later
    #[arg(long = "jobs", short = 'j', value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    workers: Option<u16>,
    /// Each line is a JSON object: its fields are parameters of the command
    #[arg(long)]
    fields: bool,
    /// Owe all lines anew, also those that were owed before
    #[arg(long)]
    again: bool,
    /// The file; `-` reads stdin
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The command's name and its arguments; `{}` stands for the line, which comes last where it does not
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true, value_name = "NAME")]
    words: Vec<OsString>,
}

pub(super) fn run(context: &mut Context, args: &Args) -> Result<u8> {
    let mut typed = text_words(args.words.clone())?;
    let workers = args.workers.or_else(|| glued(&mut typed));
    let words = catalog::expand(&context.app.config()?.aliases(), &typed).unwrap_or(typed);
    let (resolved, used) = context.app.resolve(&words)?;
    let mut asked = Asked { words, ..Asked::default() };
    take_own_flags(context, &resolved.command, &mut asked, used);
    let context = &*context;
    if asked.help {
        context.ui.write(draw::command_help(&context.ui, &resolved).as_bytes())?;
        return Ok(0);
    }
    if !asked.tools.is_empty() {
        return Err(Error::new(Kind::Usage, "a batch offers no tools").hint("leave -T out"));
    }
    engine::check_runnable(&resolved.command)?;
    let (from, lines) = open(&args.file)?;
    let (words, sets) = (asked.words.split_off(used), pairs(&asked.sets)?);
    let each = Each { words, sets, fields: args.fields, from, again: args.again };
    let batch = Batch::new(&context.app, resolved, each)?;
    let signals = StopOnSignals::new()?;
    let mut feed = Feed {
        context,
        batch: &batch,
        lines,
        line: String::new(),
        allowed: false,
        at: 0,
        read: 0,
        empty: 0,
        bad: Vec::new(),
        wrong: 0,
    };
    let whole = std::fs::metadata(&args.file).ok().filter(std::fs::Metadata::is_file).map(|meta| meta.len());
    let mut bar = Bar::new(&context.ui, whole);
    if asked.dry_run {
        return feed.rehearse(signals.stop(), &asked);
    }
    let done = match workers {
        Some(workers) => feed.work_off(usize::from(workers), signals.stop(), &mut bar),
        None => feed.owe(signals.stop(), &mut bar),
    };
    bar.end();
    let done = done?;
    feed.report(&done, workers.is_some(), signals.stop().is_requested())
}

/// `-j4` behind the file, which clap takes for a part of the command as it is no flag by itself.
fn glued(words: &mut Vec<String>) -> Option<u16> {
    let count = words.first()?.strip_prefix("-j")?.parse().ok().filter(|count| (1..=256).contains(count))?;
    words.remove(0);
    Some(count)
}

/// What became of the lines.
#[derive(Default)]
struct Done {
    added: u64,
    before: u64,
    worked: Worked,
}

/// Where the lines come from, told apart from others, and they themselves.
fn open(file: &Path) -> Result<(String, Receiver<Read>)> {
    let (send, receive) = sync_channel(AHEAD);
    let spawn = |work: Box<dyn FnOnce() + Send>| {
        let thread = std::thread::Builder::new().name("lines".into()).spawn(work);
        thread.context(Kind::Failed, || "cannot start a thread".to_string())
    };
    // It may wait for a line for ever, so nobody waits for it.
    if file == Path::new("-") {
        spawn(Box::new(move || read(std::io::stdin().lock(), &send)))?;
        return Ok(("stdin".to_string(), receive));
    }
    let cannot = || format!("cannot read {}", file.display());
    let opened = File::open(file).context(Kind::NotFound, cannot)?;
    if opened.metadata().context(Kind::Failed, cannot)?.is_dir() {
        return Err(Error::new(Kind::Usage, format!("{} is a folder", file.display())));
    }
    let whole = file.canonicalize().context(Kind::Failed, cannot)?.display().to_string();
    spawn(Box::new(move || read(BufReader::with_capacity(64 << 10, opened), &send)))?;
    Ok((whole, receive))
}

/// A line that was read.
enum Read {
    Line { text: std::result::Result<String, &'static str>, bytes: u64 },
    Failed(std::io::Error),
    End,
}

fn read(mut from: impl BufRead, send: &SyncSender<Read>) {
    loop {
        let next = match lines::next(&mut from, LONGEST) {
            Ok(None) => Read::End,
            Err(error) => Read::Failed(error),
            Ok(Some(Line::TooLong)) => Read::Line { text: Err("it is longer than 64 KiB"), bytes: LONGEST as u64 },
            Ok(Some(Line::Whole(bytes))) => {
                let length = bytes.len() as u64 + 1;
                Read::Line { text: String::from_utf8(bytes).map_err(|_| "it is not UTF-8"), bytes: length }
            }
        };
        let goes_on = matches!(next, Read::Line { .. });
        if send.send(next).is_err() || !goes_on {
            return;
        }
    }
}

/// Lines as work.
struct Feed<'a> {
    context: &'a Context,
    batch: &'a Batch,
    lines: Receiver<Read>,
    /// The last line that was right.
    line: String,
    /// Whether it was asked for trust.
    allowed: bool,
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

impl Feed<'_> {
    /// The next line that is work. Those that are empty are passed over, those that are wrong noted.
    fn next(&mut self, patience: Duration) -> Result<Next> {
        loop {
            let text = match self.lines.recv_timeout(patience) {
                Ok(Read::Line { text, bytes }) => {
                    self.at += bytes;
                    text
                }
                Ok(Read::Failed(error)) => {
                    return Err(Error::new(Kind::Failed, format!("cannot read line {}", self.read + 1)).because(error));
                }
                Ok(Read::End) | Err(RecvTimeoutError::Disconnected) => return Ok(Next::End),
                Err(RecvTimeoutError::Timeout) => return Ok(Next::NotYet),
            };
            self.read += 1;
            if text.as_ref().is_ok_and(|text| text.trim().is_empty()) {
                self.empty += 1;
                continue;
            }
            let job = text.map_err(|why| Error::new(Kind::BadData, why)).and_then(|text| {
                let job = self.batch.job(&self.context.app, self.read, &text)?;
                Ok((job, text))
            });
            match job {
                Ok((job, text)) => {
                    self.allow(&text)?;
                    self.line = text;
                    return Ok(Next::Job(Box::new(job)));
                }
                // It is so for every line.
                Err(error) if error.kind() == Kind::Refused => return Err(error),
                Err(error) => self.note_wrong(error),
            }
        }
    }

    fn note_wrong(&mut self, error: Error) {
        self.wrong += 1;
        if self.wrong <= TOLD {
            self.bad.push((self.read, error));
        }
    }

    /// Asks once for what the command needs before it runs.
    fn allow(&mut self, line: &str) -> Result<()> {
        if !std::mem::replace(&mut self.allowed, true) {
            let app = &self.context.app;
            let mut plan = app.planned(self.batch.resolved().clone(), self.batch.given(line)?, &[], false)?;
            let catalog = app.catalog()?;
            ask::allow(self.context, &catalog, &mut plan)?;
        }
        Ok(())
    }

    /// Shows what would run for the first line that is right.
    fn rehearse(&mut self, stop: &Stop, asked: &Asked) -> Result<u8> {
        self.allowed = true;
        let app = &self.context.app;
        while !stop.is_requested() {
            match self.next(GLANCE)? {
                Next::Job(_) => {
                    let given = self.batch.given(&self.line)?;
                    let plan = app.planned(self.batch.resolved().clone(), given, &[], true)?;
                    return dry_run(self.context, &plan, asked);
                }
                Next::NotYet => {}
                Next::End => break,
            }
        }
        let nothing = Error::new(Kind::BadData, "no line can be done");
        Err(self.bad.pop().map_or(nothing, |(_, error)| error))
    }

    /// Adds jobs for whoever runs them.
    fn owe(&mut self, stop: &Stop, bar: &mut Bar) -> Result<Done> {
        let store = self.context.app.store()?;
        let mut done = Done::default();
        let mut jobs: Vec<NewJob> = Vec::with_capacity(AT_ONCE);
        let mut ended = false;
        while !ended && !stop.is_requested() {
            match self.next(GLANCE)? {
                Next::Job(job) => jobs.push(*job),
                Next::NotYet => {}
                Next::End => ended = true,
            }
            if jobs.len() == AT_ONCE || ended {
                let added = store.add_jobs(&jobs)? as u64;
                done.added += added;
                done.before += jobs.len() as u64 - added;
                jobs.clear();
                bar.at(self.at, || format!("{} owed", counted_lines(done.added)));
            }
        }
        // What was read is owed, so that all before the place where it stopped is.
        done.added += store.add_jobs(&jobs)? as u64;
        Ok(done)
    }

    /// Does the work here.
    fn work_off(&mut self, workers: usize, stop: &Stop, bar: &mut Bar) -> Result<Done> {
        let (context, batch) = (self.context, self.batch);
        let mut told = 0;
        let at = std::cell::Cell::new(0);
        let mut feed = || {
            let next = self.next(Duration::ZERO);
            at.set(self.at);
            next
        };
        let mut tell = |worked: &Worked, ended: &[Ended]| {
            for one in ended.iter().filter(|one| one.status == Some(JobStatus::Dead)) {
                told += 1;
                if told <= TOLD && !context.ui.json {
                    bar.above(|| context.ui.warn(&failure(one)));
                }
            }
            bar.at(at.get(), || format!("{} done, {} failed", worked.done, worked.failed));
        };
        let worked = context.app.work_off(batch, workers, &mut feed, stop, &mut tell)?;
        context.app.keep_house();
        Ok(Done { worked, before: worked.before, ..Done::default() })
    }

    fn report(&self, done: &Done, here: bool, stopped: bool) -> Result<u8> {
        let (context, id, lines) = (self.context, &self.batch.id, self.read - self.empty);
        let store = context.app.store()?;
        let failed = store.batch_counts(id)?.into_iter().find(|(status, _)| *status == JobStatus::Dead);
        let failed = failed.map_or(0, |(_, count)| count);
        if context.ui.json {
            let bad: Vec<Value> =
                self.bad.iter().map(|(line, error)| json!({"line": line, "error": error.full_message()})).collect();
            context.ui.value(&json!({"import": {
                "batch": id, "lines": lines, "added": done.added, "before": done.before, "done": done.worked.done,
                "failed": failed, "wrong": self.wrong, "mistakes": bad, "stopped": stopped,
            }}))?;
        } else {
            for (line, error) in &self.bad {
                context.ui.warn(&safe_line(&format!("line {line}: {}", error.full_message())));
            }
            if self.wrong > TOLD {
                context.ui.warn(&format!("and {} more", counted_lines(self.wrong - TOLD)));
            }
            context.ui.line(id)?;
            let did = if here {
                format!("{} done, {failed} failed", done.worked.done)
            } else {
                format!("{} owed", done.added)
            };
            let before = if done.before > 0 { format!(", {} before", done.before) } else { String::new() };
            let wrong = if self.wrong > 0 { format!(", {} wrong", self.wrong) } else { String::new() };
            context.ui.note(&format!("{}: {did}{before}{wrong}", counted_lines(lines)));
        }
        if stopped {
            let said = format!("stopped at line {}", self.read);
            return Err(Error::new(Kind::Interrupted, said).hint("the same command goes on where it ended"));
        }
        if !context.ui.json {
            if failed > 0 {
                context.ui.note(&format!(
                    "fac jobs ls --batch {id} --status dead lists what failed, fac jobs retry --batch {id} owes it again"
                ));
            } else if !here {
                context.ui.note(&format!("fac jobs wait --batch {id} waits for it"));
                if context.app.keeper_process()?.is_none() {
                    context.ui.note("nobody runs jobs just now: `fac auto up`, `fac tick`, or the same with --jobs 4");
                }
            }
        }
        Ok(u8::from(failed > 0 || self.wrong > 0))
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
