//! `fac jobs import`: a command owed for each line of a file, and done at once where that is wished.

use std::ffi::OsString;
use std::path::PathBuf;

use super::super::Context;
use super::super::bar::Bar;
use super::super::draw;
use super::super::run::{Asked, pairs, take_own_flags, text_words};
use super::feed::Feed;
use super::input::open;
use crate::app::auto::{Batch, Each, From};
use crate::commands::catalog;
use crate::commands::run as engine;
use crate::exec::signals::StopOnSignals;
use crate::kernel::error::{Error, Kind, Result};

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
    let mut feed = Feed::new(context, &batch, opened.lines);
    feed.find_first(signals.stop())?;
    if asked.dry_run {
        return feed.rehearse();
    }
    feed.allow()?;
    // Not before: what was only shown, or refused, is no batch that others go on with.
    batch.begin(&context.app)?;
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
    if done.is_ok() && !signals.stop().is_requested() {
        batch.was_read(&context.app)?;
    }
    let done = done.map_err(|error| if error.kind() == Kind::Failed { error.hint(on.clone()) } else { error })?;
    feed.report(&done, args.workers.is_some(), signals.stop().is_requested().then_some(on))
}
