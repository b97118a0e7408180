//! `fac auto up`: running automations until somebody ends it.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::Context;
use super::super::ui::Role;
use super::list::automations;
use crate::automations::keeper::Note;
use crate::automations::rules::said_of;
use crate::exec::signals::StopOnSignals;
use crate::kernel::error::{Kind, Result};
use crate::kernel::terminal::safe_line;
use crate::store::{FiringOutcome, JobStatus};

/// How often somebody who waits to take over looks whether it may.
const PATIENCE: Duration = Duration::from_millis(500);

/// Run automations until Ctrl-C
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Where another fac runs them, wait until it ends and take over
    #[arg(long)]
    wait: bool,
}

pub(super) fn run(context: &Context, args: &Args) -> Result<u8> {
    let signals = StopOnSignals::new()?;
    let stop = signals.stop();
    let mut said = false;
    let epoch = loop {
        match context.app.take_lease() {
            Ok(epoch) => break epoch,
            Err(error) if args.wait && error.kind() == Kind::Failed => {
                if !std::mem::replace(&mut said, true) {
                    context.ui.note(&safe_line(&format!("{}; waiting for it to end", error.message())));
                }
                if stop.wait(PATIENCE) {
                    return Ok(0);
                }
            }
            Err(error) if error.kind() == Kind::Failed => {
                return Err(
                    error.hint("one is enough: `fac auto ls` shows what it does; --wait takes over when it ends")
                );
            }
            Err(error) => return Err(error),
        }
    };
    context.app.run_automations(epoch, stop, &mut notes(context))?;
    if context.ui.json {
        context.ui.value(&json!({"note": "ended"}))?;
    }
    Ok(0)
}

/// Says what happens: one line each.
pub(in crate::cli) fn notes(context: &Context) -> impl FnMut(Note<'_>) + '_ {
    let mut known: Option<Vec<String>> = None;
    move |note| {
        if let Note::Rules(rules) = &note {
            let names: Vec<String> = rules.iter().map(|rule| rule.name.clone()).collect();
            let before = known.replace(names.clone());
            if before.as_ref() == Some(&names) {
                return;
            }
            let gone: Vec<String> = before.into_iter().flatten().filter(|name| !names.contains(name)).collect();
            if !gone.is_empty() && !context.ui.json {
                let said = format!("{} may not fire any more; `fac auto ls` says why", gone.join(", "));
                context.ui.warn(&safe_line(&said));
            }
        }
        if context.ui.json {
            // Whoever reads went away; the work goes on.
            let _ = context.ui.value(&note_json(&note));
        } else {
            say(context, &note);
        }
    }
}

fn say(context: &Context, note: &Note<'_>) {
    let ui = &context.ui;
    match note {
        Note::Rules(rules) => ui.note(&format!("{} may fire; Ctrl-C ends", automations(rules.len()))),
        Note::Heard(firing, fired) => {
            let by = said_of(&firing.kind, &firing.data);
            let why = fired.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
            let outcome = fired.outcome.unwrap_or(FiringOutcome::Blocked);
            let role = if outcome == FiringOutcome::Fired { Role::Good } else { Role::Warn };
            let name = ui.paint_err(Role::Name, &safe_line(&firing.key.command));
            ui.note(&format!("{name} {} {}", ui.paint_err(role, outcome.name()), safe_line(&format!("by {by}{why}"))));
        }
        Note::Ended(ended) => {
            let Some(status) = ended.status else { return };
            let role = if status == JobStatus::Done { Role::Good } else { Role::Bad };
            let word = if status == JobStatus::Waiting { "failed, tried again later" } else { status.name() };
            let error = ended.carried.error.as_ref().map(|error| format!(": {error}")).unwrap_or_default();
            let name = ui.paint_err(Role::Name, &safe_line(&ended.job.command));
            ui.note(&format!("{name} {}{}", ui.paint_err(role, word), safe_line(&error)));
        }
        Note::Away(what, why) => ui.warn(&safe_line(&format!("{what} is not heard: {why}; it is tried again"))),
        Note::Back(what) => ui.note(&safe_line(&format!("{what} is heard again"))),
        Note::Settings => ui.note("the settings have changed, and hold as they are now"),
        Note::Trouble(error) => ui.warn(&safe_line(&error.full_message())),
    }
}

fn note_json(note: &Note<'_>) -> Value {
    match note {
        Note::Rules(rules) => json!({"note": "rules", "count": rules.len()}),
        Note::Heard(firing, fired) => json!({
            "note": "heard", "automation": firing.key.command, "kind": firing.kind, "firing": fired.id,
            "outcome": fired.outcome.map(FiringOutcome::name), "why": fired.why,
            "job": fired.job.as_ref().map(|job| job.id),
        }),
        Note::Ended(ended) => json!({
            "note": "ended_job", "job": ended.job.id, "automation": ended.job.command,
            "status": ended.status.map(JobStatus::name), "run": ended.carried.run,
            "exit_code": ended.carried.exit_code, "error": ended.carried.error,
        }),
        Note::Away(what, why) => json!({"note": "away", "what": what, "why": why}),
        Note::Back(what) => json!({"note": "back", "what": what}),
        Note::Settings => json!({"note": "settings"}),
        Note::Trouble(error) => {
            json!({"note": "trouble", "kind": error.kind().name(), "message": error.full_message()})
        }
    }
}
