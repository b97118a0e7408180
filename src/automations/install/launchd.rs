//! An agent of the user's launchd, on macOS.

use std::fmt::Write as _;
use std::path::PathBuf;

use super::{Entry, Machine, Outcome, parts_of, remove_file, told, write_file};
use crate::kernel::error::{Error, Kind, Result};

fn name(entry: &Entry) -> String {
    format!("factotum{}", entry.file_label())
}

fn path(entry: &Entry, machine: &Machine<'_>) -> PathBuf {
    machine.home.join("Library/LaunchAgents").join(format!("{}.plist", name(entry)))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

pub(super) fn text(entry: &Entry) -> String {
    let mut text = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n<plist version=\"1.0\">\n<dict>\n",
    );
    let _ = writeln!(text, "\t<key>Label</key>\n\t<string>{}</string>", escaped(&name(entry)));
    text.push_str("\t<key>ProgramArguments</key>\n\t<array>\n");
    for word in entry.words() {
        let _ = writeln!(text, "\t\t<string>{}</string>", escaped(&word));
    }
    text.push_str("\t</array>\n");
    text.push_str("\t<key>EnvironmentVariables</key>\n\t<dict>\n");
    for (name, value) in &entry.env {
        let _ = writeln!(text, "\t\t<key>{name}</key>\n\t\t<string>{}</string>", escaped(value));
    }
    text.push_str("\t</dict>\n");
    text.push_str(match entry.stays {
        true => "\t<key>RunAtLoad</key>\n\t<true/>\n\t<key>KeepAlive</key>\n\t<dict>\n\t\t<key>SuccessfulExit</key>\n\t\t<false/>\n\t</dict>\n",
        false => "\t<key>StartInterval</key>\n\t<integer>60</integer>\n",
    });
    text.push_str("</dict>\n</plist>\n");
    text
}

pub(super) fn plan(entry: &Entry, machine: &Machine<'_>) -> Result<Outcome> {
    let path = path(entry, machine).display().to_string();
    Ok(Outcome { parts: vec![(path, text(entry))], ..Outcome::default() })
}

fn only_there() -> Result<()> {
    match cfg!(target_os = "macos") {
        true => Ok(()),
        false => Err(Error::new(Kind::Missing, "there is no launchd on this machine")
            .hint("fac auto install systemd, or fac auto install cron")),
    }
}

pub(super) fn write(entry: &Entry, machine: &Machine<'_>) -> Result<Outcome> {
    only_there()?;
    let mut outcome = plan(entry, machine)?;
    let path = path(entry, machine);
    outcome.changed = write_file(&path, &text(entry))?;
    let file = path.display().to_string();
    if outcome.changed {
        // It is read when it is loaded: what was loaded before goes first, and may not have been.
        told(machine, "launchctl", &["unload", &file], &mut Outcome::default())?;
        told(machine, "launchctl", &["load", "-w", &file], &mut outcome)?;
    }
    Ok(outcome)
}

pub(super) fn remove(entry: &Entry, machine: &Machine<'_>) -> Result<Outcome> {
    only_there()?;
    let mut outcome = Outcome::default();
    let path = path(entry, machine);
    if path.exists() {
        told(machine, "launchctl", &["unload", "-w", &path.display().to_string()], &mut outcome)?;
    }
    outcome.changed = remove_file(&path)?;
    Ok(outcome)
}

pub(super) fn show(entry: &Entry, machine: &Machine<'_>) -> Result<Outcome> {
    Ok(Outcome { parts: parts_of(&[path(entry, machine)]), ..Outcome::default() })
}
