//! `fac exec`: run a piece of code in a sandbox.

use std::ffi::OsString;
use std::fs::File;
use std::io::{IsTerminal, Read};
use std::ops::ControlFlow;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;

use super::Context;
use super::args::time;
use super::table::Table;
use super::ui::Role;
use crate::app::code::Guarding;
use crate::app::views::code::{LanguageView, RanView};
use crate::exec::code::{Code, language_of};
use crate::exec::sandbox::{Bounds, Reach};
use crate::exec::signals::{StopOnSignals, without_suspension};
use crate::exec::{Input, Stream};
use crate::kernel::duration::human_ms;
use crate::kernel::error::{Context as _, Error, Kind, Result};
use crate::kernel::terminal::Sanitizer;

const EXAMPLES: &str = "\
Examples:
  fac exec -l python -c 'print(6 * 7)'
  fac exec solve.cpp < input.txt              the language by the file's name
  pbpaste | fac exec -l js                    code from stdin
  fac exec stats.py --read data.csv -- data.csv
  fac exec fetch.py --net --write out          with the network, and a folder of yours
  fac exec langs                              what runs here

The code sees the system's programs and a folder of its own, which is gone
afterwards: no files of yours, no other processes, no network. It has 30 s,
256 MiB of memory, 64 processes, and 64 MB of files of 10 MB each in its folder.
Bubblewrap keeps it in where that is installed, else Landlock (which lets it see
names and sizes, but nothing in them); where neither works nothing is run.

The system's programs come first, whatever PATH says. What `--read` and `--write`
name is there under that name. The exit code is the code's own; 124 when its
time was over, 137 when it used too much.";

/// The longest code, bytes.
const LONGEST: u64 = 16 << 20;

/// Run code that nobody has read in a sandbox
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The language; by the file's first line or name otherwise
    #[arg(short, long = "lang", value_name = "LANGUAGE")]
    language: Option<String>,
    /// The code
    #[arg(short, long, value_name = "CODE", conflicts_with = "file")]
    code: Option<String>,
    /// How long it may take
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = time)]
    timeout: Duration,
    /// How much memory all its processes may use together, MiB
    #[arg(long, value_name = "MIB", default_value = "256", value_parser = clap::value_parser!(u64).range(32..=1 << 20))]
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
    /// A file with the code; `-` or nothing for stdin, `langs` for a list of the languages
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// What it is given as its arguments
    #[arg(last = true, value_name = "ARGS")]
    args: Vec<OsString>,
}

pub(super) fn run(context: &Context, args: Args) -> Result<u8> {
    let asks_for_list = args.file.as_deref().is_some_and(|file| file == Path::new("langs") && !file.exists());
    if asks_for_list && args.code.is_none() {
        return langs(context);
    }
    let guarding = Guarding {
        wall: args.sandbox.clone(),
        unguarded: args.r#unsafe,
        bounds: Bounds { time: args.timeout, memory: args.memory << 20, ..Bounds::default() },
        reach: reach(&args)?,
    };
    let code = code(context, args)?;
    let signals = StopOnSignals::new()?;
    // Its time goes on, and so it does.
    without_suspension()?;
    let ui = &context.ui;
    let mut clean = [Clean::new(ui.stdout_terminal), Clean::new(ui.stderr_terminal)];
    let mut told = Ok(());
    // Whether a line on the terminal is begun.
    let mut is_open = false;
    let mut sink = |stream: Stream, bytes: &[u8]| {
        if ui.json {
            return ControlFlow::Continue(());
        }
        let bytes = clean[usize::from(stream == Stream::Stderr)].push(bytes);
        match stream {
            Stream::Stdout => told = ui.write(&bytes),
            Stream::Stderr => ui.write_err(&bytes),
        }
        if ui.stderr_terminal && (stream == Stream::Stderr || ui.stdout_terminal) {
            is_open = !bytes.ends_with(b"\n");
        }
        if told.is_err() || ui.closed() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let ran = context.app.execute(code, guarding, &mut sink, signals.stop())?;
    told?;
    if ui.json {
        ui.value(&json!({"exec": ran}))?;
    } else if !ui.closed() && !ui.quiet {
        if is_open {
            ui.write_err(b"\n");
        }
        say(context, &ran);
    }
    let by_signal = signals.stop().signal().filter(|_| ran.status == "interrupted").map(|signal| 128 + signal);
    Ok(u8::try_from(by_signal.unwrap_or(ran.exit_code) & 0xff).unwrap_or(1))
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
fn code(context: &Context, args: Args) -> Result<Code> {
    let is_typed = args.file.as_deref() == Some(Path::new("-"));
    let file = args.file.filter(|_| !is_typed);
    let (text, from_stdin) = match (args.code, &file) {
        (Some(code), _) => (code, false),
        (None, Some(file)) => {
            let cannot = || format!("cannot read {}", file.display());
            let opened = File::open(file)
                .context(Kind::NotFound, cannot)
                .map_err(|error| error.hint("`-c CODE` gives code as it is, `fac exec langs` lists the languages"))?;
            (read(opened, &file.display().to_string())?, false)
        }
        (None, None) if !is_typed && std::io::stdin().is_terminal() => {
            return Err(Error::new(Kind::Usage, "there is no code").hint("name a file, or give `-c CODE`"));
        }
        (None, None) => (read(std::io::stdin(), "stdin")?, true),
    };
    let known = context.app.interpreters()?;
    let by_text = || language_of(&known, file.as_deref(), &text);
    let language = args.language.or_else(by_text).ok_or_else(|| {
        Error::new(Kind::Usage, "it is not known in which language this is")
            .hint("name it with `-l`, such as `-l python`; `fac exec langs` lists them")
    })?;
    let nobody_types = context.ui.no_input && std::io::stdin().is_terminal();
    let stdin = if from_stdin || nobody_types { Input::Null } else { passed_on()? };
    Ok(Code { language, text, args: args.args, stdin })
}

/// What comes on our stdin, through a pipe: a terminal could be written to and set, and a file opened anew.
fn passed_on() -> Result<Input> {
    let cannot = || "cannot hand stdin on".to_string();
    let (reader, mut writer) = std::io::pipe().context(Kind::Failed, cannot)?;
    let copy = move || {
        // Who reads no more has had enough, and what cannot be read ends here.
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut writer);
    };
    // It may wait for a key for ever, so nobody waits for it.
    std::thread::Builder::new().name("stdin".into()).spawn(copy).context(Kind::Failed, cannot)?;
    Ok(Input::File(File::from(OwnedFd::from(reader))))
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

/// What it may see, by whole names, and under which names it finds that.
fn reach(args: &Args) -> Result<Reach> {
    let mut reach = Reach { net: args.net, ..Reach::default() };
    for (named, places) in [(&args.read, &mut reach.reads), (&args.write, &mut reach.writes)] {
        for path in named {
            let cannot = || format!("there is no {}", path.display());
            let place = path.canonicalize().context(Kind::NotFound, cannot)?;
            if PLACES_INSIDE.iter().any(|own| place.starts_with(own)) || place == Path::new("/") {
                return Err(Error::new(Kind::Usage, format!("{} cannot be let in", place.display()))
                    .hint("name the files and folders that it needs"));
            }
            reach.names.push((path.clone(), place.clone()));
            places.push(place);
        }
    }
    Ok(reach)
}

/// What a sandbox has of its own, or what would show others.
const PLACES_INSIDE: [&str; 4] = ["/proc", "/dev", "/sys", "/sandbox"];

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
