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
use crate::app::auto::{Batch, Each, From};
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
The same command over the same file, in the same folder, is one batch: begun
anew, after a Ctrl-C or a crash, it goes on where it ended. What was owed for a
line is not owed again, and lines that are new are done. It is so as long as
jobs are kept (automations.keep_days). What is piped in is a batch of its own
each time; --batch goes on with one.";

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

/// So many lines are passed over before it is looked whether to stop.
const PASSED: usize = 256;

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
    /// Begin another batch, of all lines
    #[arg(long, conflicts_with = "batch")]
    again: bool,
    /// Go on with this batch, whatever is read
    #[arg(long, value_name = "BATCH")]
    batch: Option<String>,
    /// Print what would run for the first line, and owe nothing
    #[arg(long)]
    dry_run: bool,
    /// The file; `-` reads stdin
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The command
    #[arg(value_name = "NAME")]
    command: OsString,
    /// The rest of its name, and its arguments; `{}` stands for the line, which comes last where it does not
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGS")]
    args: Vec<OsString>,
}

pub(super) fn run(context: &mut Context, args: &Args) -> Result<u8> {
    let typed = text_words(std::iter::once(&args.command).chain(&args.args).cloned().collect())?;
    let words = catalog::expand(&context.app.config()?.aliases(), &typed).unwrap_or(typed);
    let (resolved, used) = context.app.resolve(&words)?;
    let mut asked = Asked { words, dry_run: args.dry_run, ..Asked::default() };
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
    let opened = open(&args.file)?;
    let (words, sets) = (asked.words.split_off(used), pairs(&asked.sets)?);
    let from = match (&args.batch, opened.path) {
        (Some(batch), _) => From::Batch(batch.clone()),
        (None, Some(path)) => From::File { path, again: args.again },
        (None, None) => From::Pipe,
    };
    let each = Each { words, sets, fields: args.fields, from };
    let batch = Batch::new(&context.app, resolved, each, &opened.called)?;
    let signals = StopOnSignals::new()?;
    let mut feed = Feed {
        context,
        batch: &batch,
        lines: opened.lines,
        line: String::new(),
        allowed: false,
        at: 0,
        read: 0,
        empty: 0,
        bad: Vec::new(),
        wrong: 0,
    };
    if asked.dry_run {
        return feed.rehearse(signals.stop());
    }
    let mut bar = Bar::new(&context.ui, opened.bytes);
    let done = match args.workers {
        Some(workers) => feed.work_off(usize::from(workers), signals.stop(), &mut bar),
        None => feed.owe(signals.stop(), &mut bar),
    };
    bar.end();
    // Whatever ended it, it can be gone on with.
    let on = match (&args.batch, opened.bytes) {
        (None, None) => format!("the same with `--batch {}` before FILE goes on where it ended", batch.id),
        _ if args.again => "the same without --again goes on where it ended".to_string(),
        _ => "the same command goes on where it ended".to_string(),
    };
    let done = done.map_err(|error| if error.kind() == Kind::Failed { error.hint(on.clone()) } else { error })?;
    feed.report(&done, args.workers.is_some(), signals.stop().is_requested().then_some(on))
}

/// What became of the lines.
#[derive(Default)]
struct Done {
    added: u64,
    before: u64,
    worked: Worked,
}

/// What lines are read from.
struct Opened {
    /// What people call it.
    called: String,
    /// Its absolute path, where it is a file that can be read again.
    path: Option<String>,
    /// How long that is.
    bytes: Option<u64>,
    lines: Receiver<Read>,
}

fn open(file: &Path) -> Result<Opened> {
    let (send, lines) = sync_channel(AHEAD);
    let spawn = |work: Box<dyn FnOnce() + Send>| {
        let thread = std::thread::Builder::new().name("lines".into()).spawn(work);
        thread.context(Kind::Failed, || "cannot start a thread".to_string())
    };
    // It may wait for a line for ever, so nobody waits for it.
    if file == Path::new("-") {
        spawn(Box::new(move || read(std::io::stdin().lock(), &send)))?;
        return Ok(Opened { called: "stdin".to_string(), path: None, bytes: None, lines });
    }
    let cannot = || format!("cannot read {}", file.display());
    let opened = File::open(file).context(Kind::NotFound, cannot)?;
    let meta = opened.metadata().context(Kind::Failed, cannot)?;
    if meta.is_dir() {
        return Err(Error::new(Kind::Usage, format!("{} is a folder", file.display())));
    }
    spawn(Box::new(move || read(BufReader::with_capacity(64 << 10, opened), &send)))?;
    let called = file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned();
    let is_file = meta.is_file();
    let path =
        if is_file { Some(file.canonicalize().context(Kind::Failed, cannot)?.display().to_string()) } else { None };
    Ok(Opened { called, path, bytes: is_file.then_some(meta.len()), lines })
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
        for _ in 0..PASSED {
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
        // Who waits looks about between so many.
        Ok(Next::NotYet)
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
    fn rehearse(&mut self, stop: &Stop) -> Result<u8> {
        self.allowed = true;
        let app = &self.context.app;
        while !stop.is_requested() {
            match self.next(GLANCE)? {
                Next::Job(_) => {
                    let given = self.batch.given(&self.line)?;
                    let plan = app.planned(self.batch.resolved().clone(), given, &[], true)?;
                    return dry_run(self.context, &plan, None);
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
        Ok(Done { worked, before: worked.before, ..Done::default() })
    }

    /// Says what became of it; `stopped` how to go on, where it was stopped.
    fn report(&self, done: &Done, here: bool, stopped: Option<String>) -> Result<u8> {
        let (ui, id, lines) = (&self.context.ui, &self.batch.id, self.read - self.empty);
        let Worked { failed, cancelled, taken_back, .. } = done.worked;
        if ui.json {
            let bad: Vec<Value> =
                self.bad.iter().map(|(line, error)| json!({"line": line, "error": error.full_message()})).collect();
            ui.value(&json!({"import": {
                "batch": id, "lines": lines, "added": done.added, "before": done.before, "done": done.worked.done,
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
            let more = [(cancelled, "cancelled"), (done.before, "before"), (self.wrong, "wrong")];
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
