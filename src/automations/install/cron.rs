//! A line of the user's crontab, between two comments of ours.

use super::{Entry, Machine, Outcome};
use crate::kernel::error::{Error, Kind, Result};

const MISSING: &str = "there is no `crontab` on this machine";

/// What stands before and after the line.
fn marks(label: &str) -> (String, String) {
    let who = if label == "default" { String::new() } else { format!(" ({label})") };
    (format!("# factotum{who}: begin, written by `fac auto install cron`"), format!("# factotum{who}: end"))
}

/// The three lines.
fn lines(entry: &Entry) -> String {
    let (begin, end) = marks(&entry.label);
    let command: Vec<String> = entry.words().iter().map(|word| quoted(word)).collect();
    let env: Vec<String> = entry.env.iter().map(|(name, value)| format!("{name}={}", quoted(value))).collect();
    format!("{begin}\n* * * * * {} {}\n{end}\n", env.join(" "), command.join(" "))
}

/// A word for the shell, in a file where `%` means a line end.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+@".contains(c);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_string(),
        false => format!("'{}'", word.replace('\'', r"'\''").replace('%', r"'\%'")),
    }
}

/// The crontab with these lines in the place of ours, or at its end, or without ours. Other lines stay byte for byte.
pub(super) fn edited(old: &str, label: &str, new: Option<&str>) -> Result<String> {
    let (begin, end) = marks(label);
    let mut out = String::with_capacity(old.len() + 200);
    let (mut inside, mut written) = (false, false);
    for line in old.split_inclusive('\n') {
        let bare = line.trim_end_matches(['\n', '\r']);
        match (inside, bare == begin, bare == end) {
            (false, true, _) => {
                inside = true;
                if let Some(new) = new.filter(|_| !written) {
                    out.push_str(new);
                    written = true;
                }
            }
            (true, _, true) => inside = false,
            (true, ..) => {}
            (false, false, _) => out.push_str(line),
        }
    }
    if inside {
        let said = format!("the crontab has the line `{begin}` and no `{end}`");
        return Err(Error::new(Kind::BadData, said).hint("mend it with: crontab -e"));
    }
    if let Some(new) = new.filter(|_| !written) {
        if !out.is_empty() && !out.ends_with('\n') {
            out.push('\n');
        }
        out.push_str(new);
    }
    Ok(out)
}

/// Our lines, if they are there.
fn ours(table: &str, label: &str) -> Option<String> {
    let (begin, end) = marks(label);
    let from = table.find(&format!("{begin}\n"))?;
    let to = table[from..].find(&end)? + from + end.len();
    Some(format!("{}\n", &table[from..to]))
}

fn read(machine: &Machine<'_>) -> Result<String> {
    let missing = || Error::new(Kind::Missing, MISSING).hint("fac auto install systemd");
    let answer = machine.ask("crontab", &["-l"], None)?.ok_or_else(missing)?;
    match answer.ok {
        true => String::from_utf8(answer.stdout)
            .map_err(|_| Error::new(Kind::BadData, "the crontab is not UTF-8, and is left alone")),
        // That is how it says that there is none yet.
        false if answer.stderr.contains("no crontab") || answer.stderr.is_empty() => Ok(String::new()),
        false => Err(Error::new(Kind::Failed, "the crontab cannot be read").because(answer.stderr)),
    }
}

fn change(entry: &Entry, new: Option<&str>, machine: &Machine<'_>) -> Result<bool> {
    let old = read(machine)?;
    let table = edited(&old, &entry.label, new)?;
    if table == old {
        return Ok(false);
    }
    match machine.ask("crontab", &["-"], Some(table.into_bytes()))? {
        Some(answer) if answer.ok => Ok(true),
        Some(answer) => Err(Error::new(Kind::Failed, "the crontab was not taken").because(answer.stderr)),
        None => Err(Error::new(Kind::Missing, MISSING)),
    }
}

fn refuse_staying(entry: &Entry) -> Result<()> {
    match entry.stays {
        true => Err(Error::new(Kind::Usage, "cron starts programs and does not keep them running")
            .hint("fac auto install systemd keeps `fac auto up` running")),
        false => Ok(()),
    }
}

pub(super) fn plan(entry: &Entry, machine: &Machine<'_>) -> Result<Outcome> {
    refuse_staying(entry)?;
    let missing = machine.find("crontab").is_none();
    let notes = missing.then(|| format!("{MISSING}, so it cannot be written; fac auto install systemd")).into_iter();
    let parts = vec![("crontab".to_string(), lines(entry))];
    Ok(Outcome { parts, notes: notes.collect(), ..Outcome::default() })
}

pub(super) fn write(entry: &Entry, machine: &Machine<'_>) -> Result<Outcome> {
    let planned = plan(entry, machine)?;
    let changed = change(entry, Some(&lines(entry)), machine)?;
    let notes = vec!["messages, files and states are heard only while `fac auto up` or `fac serve` runs".to_string()];
    Ok(Outcome { changed, notes, ..planned })
}

pub(super) fn remove(entry: &Entry, machine: &Machine<'_>) -> Result<Outcome> {
    Ok(Outcome { changed: change(entry, None, machine)?, ..Outcome::default() })
}

pub(super) fn show(entry: &Entry, machine: &Machine<'_>) -> Result<Outcome> {
    let part = ours(&read(machine)?, &entry.label).map(|text| ("crontab".to_string(), text));
    Ok(Outcome { parts: part.into_iter().collect(), ..Outcome::default() })
}
