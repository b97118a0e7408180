//! `fac exec`: run a piece of code in a sandbox.

use std::ffi::OsString;
use std::fs::File;
use std::io::{IsTerminal, Read};
use std::ops::ControlFlow;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;

use super::Context;
use super::table::Table;
use super::ui::Role;
use crate::app::code::Guarding;
use crate::app::views::code::{LanguageView, RanView};
use crate::exec::code::{Code, language_of};
use crate::exec::sandbox::{Bounds, Reach};
use crate::exec::signals::StopOnSignals;
use crate::exec::{Input, Stream};
use crate::kernel::duration::{human_ms, parse_ms};
use crate::kernel::error::{Context as _, Error, Kind, Result};
use crate::kernel::terminal::Sanitizer;

const EXAMPLES: &str = "\
Examples:
  fac exec -l python -c 'print(6 * 7)'
  fac exec solve.cpp < input.txt              the language by the file's name
  pbpaste | fac exec -l js                    code from stdin
  fac exec stats.py --read data.csv -- data.csv
  fac exec -l python --net -c 'import urllib.request as u; print(u.urlopen(\"http://localhost:8080\").status)'
  fac exec langs                              what runs here

The code sees the system's programs and a folder of its own, which is gone
afterwards: no files of yours, no other processes, no network. It has 30 s,
256 MiB of memory, 64 processes and 64 MB of files. Bubblewrap keeps it in where
that is installed, else Landlock; where neither works nothing is run.

The exit code is the code's own; 124 when its time was over, 137 when it used too much.";

/// The longest code, bytes.
const LONGEST: u64 = 16 << 20;

/// Run code that nobody has read in a sandbox
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true, subcommand_value_name = "SUBCOMMAND")]
pub struct Args {
    #[command(subcommand)]
    sub: Option<Sub>,
    /// The language; by the file's first line or name otherwise
    #[arg(short, long, value_name = "LANGUAGE")]
    lang: Option<String>,
    /// The code
    #[arg(short, long, value_name = "CODE", conflicts_with = "file")]
    code: Option<String>,
    /// How long it may take
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = time)]
    timeout: Duration,
    /// How much memory all its processes may use together, MiB
    #[arg(long, value_name = "MIB", default_value = "256", value_parser = clap::value_parser!(u64).range(16..=1 << 20))]
    memory: u64,
    /// A file or folder that it may read
    #[arg(long, value_name = "PATH")]
    read: Vec<PathBuf>,
    /// A file or folder that it may read and change
    #[arg(long, value_name = "PATH")]
    write: Vec<PathBuf>,
    /// Let it use the network
    #[arg(long)]
    net: bool,
    /// What keeps it in, instead of the best that works here
    #[arg(long, value_name = "WALL", value_parser = ["bubblewrap", "landlock"], conflicts_with = "unsafe")]
    sandbox: Option<String>,
    /// Run it with nothing that keeps it in: it may do whatever you may
    #[arg(long)]
    r#unsafe: bool,
    /// A file with the code; `-` or nothing for stdin
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// What it is given as its arguments
    #[arg(last = true, value_name = "ARGS")]
    args: Vec<OsString>,
}

#[derive(Debug, clap::Subcommand)]
enum Sub {
    /// List the languages, and what runs them here
    #[command(visible_alias = "ls")]
    Langs,
}

fn time(text: &str) -> std::result::Result<Duration, String> {
    let read = parse_ms(text).filter(|ms| *ms > 0).map(Duration::from_millis);
    read.ok_or_else(|| "it is no length of time such as `10s`".to_string())
}

pub(super) fn run(context: &Context, args: Args) -> Result<u8> {
    if args.sub.is_some() {
        return langs(context);
    }
    let guarding = Guarding {
        wall: args.sandbox.clone(),
        unguarded: args.r#unsafe,
        bounds: Bounds { time: args.timeout, memory: args.memory << 20, ..Bounds::default() },
        reach: Reach { net: args.net, reads: places(&args.read)?, writes: places(&args.write)? },
    };
    let code = code(args)?;
    let signals = StopOnSignals::new()?;
    let json = context.ui.json;
    let mut clean = [Clean::new(context.ui.stdout_terminal), Clean::new(context.ui.stderr_terminal)];
    let mut told = Ok(());
    let mut sink = |stream: Stream, bytes: &[u8]| {
        if json {
            return ControlFlow::Continue(());
        }
        match stream {
            Stream::Stdout => told = context.ui.write(&clean[0].push(bytes)),
            Stream::Stderr => context.ui.write_err(&clean[1].push(bytes)),
        }
        if told.is_err() || context.ui.closed() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let ran = context.app.execute(code, guarding, &mut sink, signals.stop())?;
    told?;
    if json {
        context.ui.value(&json!({"exec": ran}))?;
    } else {
        say(context, &ran);
    }
    Ok(u8::try_from(ran.exit_code & 0xff).unwrap_or(1))
}

/// What is not to be seen in its output.
fn say(context: &Context, ran: &RanView) {
    let during = human_ms(ran.duration_ms);
    match (&ran.limit, ran.status) {
        (Some(limit), _) => context.ui.warn(&format!("ended after {during}: {limit}")),
        (None, "timed_out") => context.ui.warn(&format!("ended after {during}: its time was over")),
        (None, "failed") if ran.stage == "compile" => context.ui.warn("it could not be compiled"),
        (None, "failed") if ran.exit_code > 128 => {
            context.ui.warn(&format!("it was ended by signal {}", ran.exit_code - 128));
        }
        _ => {}
    }
}

/// The code, and its input where the code does not come from there.
fn code(args: Args) -> Result<Code> {
    let file = args.file.filter(|file| file != Path::new("-"));
    let (text, from_stdin) = match (args.code, &file) {
        (Some(code), _) => (code, false),
        (None, Some(file)) => {
            let cannot = || format!("cannot read {}", file.display());
            let opened = File::open(file).context(Kind::NotFound, cannot)?;
            (read(opened, &file.display().to_string())?, false)
        }
        (None, None) if std::io::stdin().is_terminal() => {
            return Err(Error::new(Kind::Usage, "there is no code").hint("name a file, or give `-c CODE`"));
        }
        (None, None) => (read(std::io::stdin(), "stdin")?, true),
    };
    let language = args.lang.or_else(|| language_of(file.as_deref(), &text)).ok_or_else(|| {
        Error::new(Kind::Usage, "it is not known in which language this is")
            .hint("name it with `-l`, such as `-l python`; `fac exec langs` lists them")
    })?;
    let stdin = match from_stdin {
        true => Input::Null,
        false => {
            let ours = std::io::stdin().as_fd().try_clone_to_owned();
            Input::File(File::from(ours.context(Kind::Failed, || "cannot hand stdin on".to_string())?))
        }
    };
    Ok(Code { language, text, args: args.args, stdin })
}

fn read(from: impl Read, called: &str) -> Result<String> {
    let mut bytes = Vec::new();
    let cannot = || format!("cannot read {called}");
    from.take(LONGEST + 1).read_to_end(&mut bytes).context(Kind::Failed, cannot)?;
    if bytes.len() as u64 > LONGEST {
        return Err(Error::new(Kind::Usage, format!("{called} is longer than 16 MiB")));
    }
    String::from_utf8(bytes).context(Kind::BadData, || format!("{called} is not UTF-8"))
}

/// Files and folders, by their whole names.
fn places(named: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let whole =
        |path: &PathBuf| path.canonicalize().context(Kind::NotFound, || format!("there is no {}", path.display()));
    named.iter().map(whole).collect()
}

/// What code prints, without what would command a terminal where it goes to one.
struct Clean(Option<Sanitizer>);

impl Clean {
    fn new(terminal: bool) -> Clean {
        Clean(terminal.then(Sanitizer::new))
    }

    fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        let Some(sanitizer) = &mut self.0 else { return bytes.to_vec() };
        let mut text = String::new();
        sanitizer.push(bytes, &mut text);
        text.into_bytes()
    }
}

fn langs(context: &Context) -> Result<u8> {
    let known: Vec<LanguageView> = context.app.languages()?.iter().map(LanguageView::from).collect();
    if context.ui.json {
        context.ui.value(&json!({"languages": known}))?;
        return Ok(0);
    }
    let mut table = Table::new(&["language", "by"]);
    for one in &known {
        let by = match &one.install {
            _ if one.installed => (one.programs.join(", "), None),
            Some(hint) => (format!("not here: {hint}"), Some(Role::Dim)),
            None => ("not here".to_string(), Some(Role::Dim)),
        };
        table.row(vec![(one.name.clone(), Some(Role::Name)), by]);
    }
    context.ui.write(table.render(&context.ui).as_bytes())?;
    Ok(0)
}
