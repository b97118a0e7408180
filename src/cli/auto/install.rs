//! `fac auto install`: lets the system start what is due.

use serde_json::json;

use super::super::Context;
use crate::automations::install::{self, Outcome, System};
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::terminal::safe;

const EXAMPLES: &str = "\
Examples:
  fac auto install cron               what is due is done every minute
  fac auto install systemd --up       `fac auto up` is kept running, and hears messages too
  fac auto install cron --dry-run     what would be written
  fac auto install cron --show        what stands there now
  fac auto install cron --remove";

/// Let cron, systemd or launchd start what is due
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Who starts it
    #[arg(value_name = "SYSTEM", value_parser = ["cron", "systemd", "launchd"])]
    system: String,
    /// Keep `fac auto up` running, instead of `fac tick` every minute
    #[arg(long)]
    up: bool,
    /// Remove the entry
    #[arg(long, conflicts_with_all = ["show", "up"])]
    remove: bool,
    /// Show what stands there
    #[arg(long)]
    show: bool,
    /// Show what would be written, and write nothing
    #[arg(long, conflicts_with_all = ["show", "remove"])]
    dry_run: bool,
}

pub(super) fn run(context: &mut Context, args: &Args) -> Result<u8> {
    let Some(system) = System::named(&args.system) else { return Ok(2) };
    let entry = context.app.system_entry(args.up, std::env::args_os().next())?;
    let machine = context.app.machine()?;
    let outcome = match (args.remove, args.show, args.dry_run) {
        (true, ..) => install::remove(system, &entry, &machine),
        (_, true, _) => install::show(system, &entry, &machine),
        (_, _, true) => install::plan(system, &entry, &machine),
        _ => install::write(system, &entry, &machine),
    }?;
    if context.ui.json {
        let parts: Vec<_> = outcome.parts.iter().map(|(at, text)| json!({"at": at, "text": text})).collect();
        context.ui.value(&json!({"install": {
            "system": system.name(), "changed": outcome.changed, "parts": parts, "notes": outcome.notes,
            "untold": outcome.untold.iter().map(|(words, _)| words).collect::<Vec<_>>(),
        }}))?;
        return told(system, args, &outcome).map(|()| 0);
    }
    let only_looks = args.show || args.dry_run;
    for (at, text) in outcome.parts.iter().filter(|_| only_looks) {
        context.ui.note(&safe(&format!("{at}:")));
        context.ui.line(safe(text.trim_end()).as_ref())?;
    }
    let said = said(system, args, &outcome);
    if !said.is_empty() {
        context.ui.note(&safe(&said));
    }
    for note in &outcome.notes {
        context.ui.note(&safe(note));
    }
    told(system, args, &outcome).map(|()| 0)
}

/// That what stands there will not run, or what was removed still may, before the system was told of it.
fn told(system: System, args: &Args, outcome: &Outcome) -> Result<()> {
    let Some((_, why)) = outcome.untold.last() else { return Ok(()) };
    let words: Vec<&str> = outcome.untold.iter().map(|(words, _)| words.as_str()).collect();
    let now = if args.remove { "may start it until it is" } else { "does nothing yet" };
    let said = format!("{} could not be told, and {now}: {}", system.name(), safe(why));
    Err(Error::new(Kind::Unreachable, said).hint(format!("where it answers: {}", words.join(" && "))))
}

fn said(system: System, args: &Args, outcome: &Outcome) -> String {
    let who = system.name();
    let places: Vec<&str> = outcome.parts.iter().map(|(at, _)| at.as_str()).collect();
    match (args.remove, args.show || args.dry_run, outcome.changed) {
        (true, _, true) if !outcome.untold.is_empty() => format!("the entry of {who} is removed"),
        (true, _, true) => format!("{who} does not start it any more"),
        (true, _, false) => format!("there was nothing of {who} to remove"),
        (_, true, _) if outcome.parts.is_empty() => format!("{who} has no entry: fac auto install {who}"),
        (_, true, _) => String::new(),
        (_, _, true) => format!("written to {}", places.join(" and ")),
        (_, _, false) => format!("it stands there already, in {}", places.join(" and ")),
    }
}
