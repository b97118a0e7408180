//! `fac tick`: everything due, once.

use serde_json::json;

use super::Context;
use super::auto::notes;
use crate::exec::signals::StopOnSignals;
use crate::kernel::error::Result;
use crate::kernel::figures::counted;

const EXAMPLES: &str = "\
Examples:
  fac tick                              what is due now, and the work that comes of it
  * * * * *  fac tick -q                in a crontab
  fac auto install cron                 writes that line

It does what schedules, timers, events and waiting jobs ask for, waits until that
work has ended, and exits: 0, or 1 when a job failed for good. It may run beside
`fac auto up`: what one of them does, the other does not.";

/// Do everything that is due, once, and exit: for cron and timers
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {}

pub(super) fn run(context: &Context, _args: &Args) -> Result<u8> {
    let signals = StopOnSignals::new()?;
    let mut keeper = context.app.keeper(false)?;
    let mut heard = notes(context);
    let json = context.ui.json;
    let mut tell = |note: crate::automations::keeper::Note<'_>| {
        if !json && !matches!(note, crate::automations::keeper::Note::Rules(_)) {
            heard(note);
        }
    };
    let done = keeper.tick(signals.stop(), &mut tell)?;
    context.app.keep_house();
    if json {
        context.ui.value(&json!({"tick": {
            "fired": done.fired, "kept_back": done.kept_back, "done": done.done, "again": done.again, "dead": done.dead,
        }}))?;
    } else if done.fired + done.kept_back + done.done + done.dead + done.again == 0 {
        context.ui.note("nothing is due");
    } else {
        let mut said = format!("{} fired, {} done", done.fired, counted(done.done, "job"));
        for (count, what) in [(done.kept_back, "kept back"), (done.again, "tried again later"), (done.dead, "given up")]
        {
            if count > 0 {
                said.push_str(&format!(", {count} {what}"));
            }
        }
        context.ui.note(&said);
    }
    Ok(u8::from(done.dead > 0))
}
