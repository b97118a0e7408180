//! Units of the user's systemd: a service with a timer, or a service that stays.

use std::path::PathBuf;

use super::{Entry, Machine, Outcome, parts_of, remove_file, told, write_file};
use crate::kernel::error::{Error, Kind, Result};

const HEAD: &str = "# Written by `fac auto install systemd`; `fac auto install systemd --remove` removes it.\n";

/// Where the units stand: the service, and the timer.
fn paths(entry: &Entry, machine: &Machine<'_>) -> [PathBuf; 2] {
    let config = machine.env.path("XDG_CONFIG_HOME").filter(|path| path.is_absolute());
    let folder = config.unwrap_or_else(|| machine.home.join(".config")).join("systemd/user");
    ["service", "timer"].map(|kind| folder.join(format!("factotum{}.{kind}", entry.file_label())))
}

/// A word in a unit: quoted, and `%` and `$` meaning themselves.
fn quoted(word: &str) -> String {
    let inner = word.replace('\\', r"\\").replace('"', "\\\"").replace('%', "%%").replace('$', "$$");
    format!("\"{inner}\"")
}

fn service(entry: &Entry) -> String {
    let command: Vec<String> = entry.words().iter().map(|word| quoted(word)).collect();
    // In `Environment=` a dollar has no meaning.
    let variable = |(name, value): &(String, String)| quoted(&format!("{name}={value}")).replace("$$", "$");
    let env = entry.env.iter().map(variable).collect::<Vec<_>>().join(" ");
    let command = command.join(" ");
    match entry.stays {
        true => format!(
            "{HEAD}[Unit]\nDescription=factotum's automations\nAfter=network-online.target\n\n[Service]\nType=exec\nEnvironment={env}\nExecStart={command}\nRestart=on-failure\nRestartSec=5\n\n[Install]\nWantedBy=default.target\n"
        ),
        false => format!(
            "{HEAD}[Unit]\nDescription=What is due of factotum's automations\n\n[Service]\nType=oneshot\nEnvironment={env}\nExecStart={command}\n"
        ),
    }
}

const TIMER: &str = "[Unit]\nDescription=Every minute: what is due of factotum's automations\n\n[Timer]\nOnCalendar=minutely\nAccuracySec=1s\nPersistent=true\n\n[Install]\nWantedBy=timers.target\n";

fn texts(entry: &Entry) -> Vec<String> {
    match entry.stays {
        true => vec![service(entry)],
        false => vec![service(entry), format!("{HEAD}{TIMER}")],
    }
}

pub(super) fn plan(entry: &Entry, machine: &Machine<'_>) -> Result<Outcome> {
    let paths = paths(entry, machine).map(|path| path.display().to_string());
    Ok(Outcome { parts: paths.into_iter().zip(texts(entry)).collect(), ..Outcome::default() })
}

/// The unit that is enabled.
fn unit(entry: &Entry) -> String {
    format!("factotum{}.{}", entry.file_label(), if entry.stays { "service" } else { "timer" })
}

/// Tells systemd something.
fn control(machine: &Machine<'_>, args: &[&str], outcome: &mut Outcome) -> Result<()> {
    let words: Vec<&str> = ["--user"].iter().chain(args).copied().collect();
    told(machine, "systemctl", &words, outcome)
}

pub(super) fn write(entry: &Entry, machine: &Machine<'_>) -> Result<Outcome> {
    if cfg!(target_os = "macos") {
        return Err(Error::new(Kind::Missing, "macOS has no systemd").hint("fac auto install launchd"));
    }
    let mut outcome = plan(entry, machine)?;
    let [service, timer] = paths(entry, machine);
    let other = Entry { stays: !entry.stays, ..entry.clone() };
    if entry.stays && timer.exists() {
        control(machine, &["disable", "--now", &unit(&other)], &mut outcome)?;
        outcome.changed |= remove_file(&timer)?;
    }
    let stood = service.exists();
    // One that went on by itself does so until it is told.
    if !entry.stays && std::fs::read_to_string(&service).is_ok_and(|text| text.contains("\nRestart=")) {
        control(machine, &["disable", "--now", &unit(&other)], &mut outcome)?;
    }
    for (path, text) in [&service, &timer].into_iter().zip(texts(entry)) {
        outcome.changed |= write_file(path, &text)?;
    }
    control(machine, &["daemon-reload"], &mut outcome)?;
    control(machine, &["enable", "--now", &unit(entry)], &mut outcome)?;
    if entry.stays && stood && outcome.changed {
        // What runs already goes on as it was begun.
        control(machine, &["try-restart", &unit(entry)], &mut outcome)?;
    }
    outcome.notes.push("`loginctl enable-linger` lets it run while you are not logged in".to_string());
    Ok(outcome)
}

pub(super) fn remove(entry: &Entry, machine: &Machine<'_>) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    let paths = paths(entry, machine);
    if !paths.iter().any(|path| path.exists()) {
        return Ok(outcome);
    }
    let stays = !paths[1].exists();
    let unit = unit(&Entry { stays, ..entry.clone() });
    control(machine, &["disable", "--now", &unit], &mut outcome)?;
    for path in &paths {
        outcome.changed |= remove_file(path)?;
    }
    control(machine, &["daemon-reload"], &mut outcome)?;
    Ok(outcome)
}

pub(super) fn show(entry: &Entry, machine: &Machine<'_>) -> Result<Outcome> {
    Ok(Outcome { parts: parts_of(&paths(entry, machine)), ..Outcome::default() })
}
