//! Entries that let the system start `fac` for what is due: a line of the crontab, a unit of systemd, an agent of launchd.
//!
//! Each is written, removed and shown; doing so twice changes nothing more, and no line of anybody else is touched.

mod cron;
mod launchd;
mod systemd;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::exec::{self, CaptureLimits, Input, Job, Status, Stop, Stream};
use crate::kernel::env::Env;
use crate::kernel::error::{Context as _, Error, Kind, Result};
use crate::kernel::files;

/// How long a program of the system may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Who starts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum System {
    /// The user's crontab.
    Cron,
    /// The user's systemd.
    Systemd,
    /// The user's launchd, on macOS.
    Launchd,
}

impl System {
    /// The word of it: `cron`, `systemd`, `launchd`.
    pub fn name(self) -> &'static str {
        match self {
            System::Cron => "cron",
            System::Systemd => "systemd",
            System::Launchd => "launchd",
        }
    }

    /// The one of this name.
    pub fn named(name: &str) -> Option<System> {
        [System::Cron, System::Systemd, System::Launchd].into_iter().find(|system| system.name() == name)
    }
}

/// What is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The program, a whole path.
    pub program: PathBuf,
    /// Its arguments before the subcommand, such as `--home DIR`.
    pub args: Vec<String>,
    /// What tells several of them apart: `default`, or the home they are for.
    pub label: String,
    /// Whether `auto up` is kept running instead of `tick` being started every minute. Cron cannot.
    pub stays: bool,
    /// The variables that commands get: `PATH`, and those that say where settings and store lie.
    pub env: Vec<(String, String)>,
}

impl Entry {
    /// The whole command, word by word.
    fn words(&self) -> Vec<String> {
        let ends: &[&str] = if self.stays { &["auto", "up"] } else { &["tick", "--quiet"] };
        let program = self.program.display().to_string();
        [program].into_iter().chain(self.args.iter().cloned()).chain(ends.iter().map(|w| w.to_string())).collect()
    }

    fn check(&self) -> Result<()> {
        let texts = self.args.iter().chain([&self.label]).chain(self.env.iter().map(|(_, value)| value));
        if texts.chain([&self.program.display().to_string()]).any(|text| text.contains(['\n', '\r', '\0'])) {
            return Err(Error::new(Kind::Usage, "an entry cannot hold a line end"));
        }
        if !self.program.is_absolute() {
            let said = format!("{} is no whole path", self.program.display());
            return Err(Error::new(Kind::Usage, said));
        }
        Ok(())
    }

    /// The label as a name of a file: letters, digits and `-`, and what tells two that look alike apart.
    fn file_label(&self) -> String {
        if self.label == "default" {
            return String::new();
        }
        let plain: String =
            self.label.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(40).collect();
        let digest = crate::commands::digest::git_blob(self.label.as_bytes());
        format!("-{}-{}", plain.trim_matches('-'), &digest[..6])
    }
}

/// The machine on which it is done.
pub struct Machine<'a> {
    /// The environment, for the programs of the system and the folders of the user.
    pub env: &'a Env,
    /// The user's home.
    pub home: &'a Path,
}

/// What stands there after an entry was written, removed or looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Whether something was changed.
    pub changed: bool,
    /// Where each part stands (`crontab`, or a file), and its text; nothing when there is none.
    pub parts: Vec<(String, String)>,
    /// What else there is to say or to do, a sentence each.
    pub notes: Vec<String>,
    /// What was written stands there, but the system could not be told: what to type, and what it said.
    pub untold: Vec<(String, String)>,
}

/// Writes the entry; one that is there already becomes this.
///
/// # Errors
/// `Usage` where it cannot be, `Missing` when the system is not there, `Failed` when it refuses.
pub fn write(system: System, entry: &Entry, machine: &Machine<'_>) -> Result<Outcome> {
    entry.check()?;
    match system {
        System::Cron => cron::write(entry, machine),
        System::Systemd => systemd::write(entry, machine),
        System::Launchd => launchd::write(entry, machine),
    }
}

/// Removes the entry; one that is not there is no error.
///
/// # Errors
/// As for [`write`].
pub fn remove(system: System, entry: &Entry, machine: &Machine<'_>) -> Result<Outcome> {
    match system {
        System::Cron => cron::remove(entry, machine),
        System::Systemd => systemd::remove(entry, machine),
        System::Launchd => launchd::remove(entry, machine),
    }
}

/// What stands there now.
///
/// # Errors
/// As for [`write`].
pub fn show(system: System, entry: &Entry, machine: &Machine<'_>) -> Result<Outcome> {
    match system {
        System::Cron => cron::show(entry, machine),
        System::Systemd => systemd::show(entry, machine),
        System::Launchd => launchd::show(entry, machine),
    }
}

/// What [`write`] would write, without doing it.
///
/// # Errors
/// As for [`write`].
pub fn plan(system: System, entry: &Entry, machine: &Machine<'_>) -> Result<Outcome> {
    entry.check()?;
    match system {
        System::Cron => cron::plan(entry, machine),
        System::Systemd => systemd::plan(entry, machine),
        System::Launchd => launchd::plan(entry, machine),
    }
}

/// What a program of the system answered.
struct Answer {
    ok: bool,
    stdout: Vec<u8>,
    stderr: String,
}

impl Machine<'_> {
    /// A program of the system; `None` when it is not there.
    fn find(&self, program: &str) -> Option<PathBuf> {
        exec::find_program(program, self.env.os("PATH").unwrap_or_default())
    }

    /// Runs a program of the system; `None` when it is not there.
    fn ask(&self, program: &str, args: &[&str], input: Option<Vec<u8>>) -> Result<Option<Answer>> {
        let Some(found) = self.find(program) else { return Ok(None) };
        let mut job = Job::new(found, self.home);
        job.args = args.iter().map(OsString::from).collect();
        let open = |name: &std::ffi::OsStr| !name.to_string_lossy().starts_with("FAC_SECRET_");
        job.env = self.env.iter().filter(|(k, _)| open(k)).map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
        job.stdin = input.map_or(Input::Null, Input::Bytes);
        job.timeout = Some(PATIENCE);
        job.apart = true;
        // A crontab is read whole, or it would be written back cut.
        job.capture = CaptureLimits { head: 0, tail: 0, ..CaptureLimits::default() };
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let mut sink = |stream: Stream, bytes: &[u8]| {
            match stream {
                Stream::Stdout => stdout.extend_from_slice(bytes),
                Stream::Stderr => stderr.extend_from_slice(bytes),
            }
            ControlFlow::Continue(())
        };
        let outcome = exec::run(job, &mut sink, &Stop::new()?)?;
        let ok = outcome.status == Status::Exited(0);
        Ok(Some(Answer { ok, stdout, stderr: String::from_utf8_lossy(&stderr).trim().to_string() }))
    }
}

/// Asks the system for something; where that could not be done, the words to type are noted.
fn told(machine: &Machine<'_>, program: &str, words: &[&str], outcome: &mut Outcome) -> Result<()> {
    let why = match machine.ask(program, words, None)? {
        Some(answer) if answer.ok => return Ok(()),
        Some(answer) => plain(&answer.stderr),
        None => format!("there is no `{program}` here"),
    };
    outcome.untold.push((format!("{program} {}", words.join(" ")), why));
    Ok(())
}

/// The line of what a program said that tells what went wrong: the last, and not what it did before.
fn plain(said: &str) -> String {
    let mut lines = said.lines().map(str::trim).filter(|line| !line.is_empty());
    let line = lines.rfind(|line| !line.starts_with("Created ") && !line.starts_with("Removed "));
    line.unwrap_or("it gave no reason").to_string()
}

/// Writes a file of the system's; whether it was another one before.
fn write_file(path: &Path, text: &str) -> Result<bool> {
    if std::fs::read_to_string(path).is_ok_and(|there| there == text) {
        return Ok(false);
    }
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).context(Kind::Failed, || format!("cannot make {}", folder.display()))?;
    }
    files::write_atomic(path, text.as_bytes(), false)?;
    Ok(true)
}

/// Removes a file; whether it was there.
fn remove_file(path: &Path) -> Result<bool> {
    match std::fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Error::new(Kind::Failed, format!("cannot remove {}", path.display())).because(error)),
    }
}

/// The files that are there, with their texts.
fn parts_of(paths: &[PathBuf]) -> Vec<(String, String)> {
    let read = |path: &PathBuf| Some((path.display().to_string(), std::fs::read_to_string(path).ok()?));
    paths.iter().filter_map(read).collect()
}
