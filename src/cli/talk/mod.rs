//! Talking to models from the shell: what `ask`, `chat` and `compare` share, and the lists around them.
//!
//! A turn is carried out by the chat room; here its pieces are printed, its questions put and its end said.

pub(super) mod ask;
pub(super) mod cache;
pub(super) mod chain;
pub(super) mod compare;
pub(super) mod dear;
mod import;
pub(super) mod memory;
pub(super) mod models;
mod print;
pub(super) mod prompts;
pub(super) mod question;
pub(super) mod sessions;
pub(super) mod tools;
pub(super) mod usage;
pub(super) mod within;

pub(super) use print::{Form, Person, Printer};

use std::future::Future;

use super::Context;
use super::ui::Role;
use crate::chat::driver::{Ended, Outcome, stopped};
pub(super) use crate::chat::saying::{called, fault};
use crate::exec::signals::StopOnSignals;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::terminal::safe_line;
use crate::providers::model::Finish;
use crate::store::Session;

pub(super) use crate::app::runtime::wait;
pub(super) use crate::kernel::figures::dollars;

/// The same, until Ctrl-C gives it up.
pub(super) fn wait_or_stop<T>(future: impl Future<Output = T>) -> Result<T> {
    let signals = StopOnSignals::new()?;
    wait(async {
        tokio::select! {
            biased;
            () = stopped(signals.stop()) => Err(Error::new(Kind::Interrupted, "stopped")),
            done = future => Ok(done),
        }
    })?
}

/// Ends answers whose process is gone, before anything is shown or asked.
pub(super) fn adopt(context: &Context) -> Result<()> {
    context.app.adopt()
}

/// Says who answered and what it took, to a person at a terminal.
pub(super) fn took(context: &Context, outcome: &Outcome) {
    let ui = &context.ui;
    let totals = &outcome.totals;
    if !ui.stderr_terminal || ui.json || ui.quiet || totals.calls == 0 {
        return;
    }
    let mut facts = vec![safe_line(&outcome.model).into_owned()];
    if let (Some(input), Some(output)) = (totals.usage.input, totals.usage.output) {
        facts.push(format!("{input} in, {output} out"));
        facts.extend(totals.cost_micros.map(dollars));
    }
    facts.push(if totals.from_cache {
        "from the cache".to_string()
    } else {
        format!("{:.1} s", outcome.duration_ms as f64 / 1000.0)
    });
    ui.note(&ui.paint_err(Role::Dim, &facts.join(" · ")));
}

/// How to go on from an answer that is not whole.
pub(super) const KEPT: &str = "what came is kept; `fac ask -c \"go on\"` continues it";

/// The same, where it depends on the chat.
pub(super) fn kept(session: &Session) -> &'static str {
    if session.temporary { "ask again: of a chat with --temp nothing is kept" } else { KEPT }
}

/// Says how a turn ended, where that was not simply well, and gives the exit code; `kept` is the way forward from an
/// answer that is not whole.
pub(super) fn end_saying(context: &Context, outcome: &mut Outcome, asked_for_length: bool, kept: &str) -> u8 {
    if let Some(trouble) = outcome.trouble.take() {
        context.ui.warn(&format!("not everything could be kept: {}", safe_line(&trouble.full_message())));
    }
    let empty = matches!(outcome.ended, Ended::Well(Finish::Stop)) && outcome.parts.is_empty();
    let Some(error) = fault(outcome, asked_for_length, kept) else {
        if empty && !context.ui.json {
            context.ui.warn(&format!("{} gave an empty answer", safe_line(&outcome.model)));
        }
        return 0;
    };
    if !context.ui.json {
        context.ui.failure(&error);
    }
    error.kind().exit_code()
}
