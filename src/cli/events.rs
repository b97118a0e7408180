//! `fac events`: the log of facts, and whether it is whole.

use std::time::Duration;

use clap::Subcommand;
use serde_json::json;

use super::Context;
use super::ui::{Role, Ui, json_line};
use crate::app::views::event::EventView;
use crate::exec::Stop;
use crate::exec::signals::StopOnSignals;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::events::{Position, Recorded};
use crate::kernel::terminal::{safe_line, truncate_to_width, width};
use crate::store::{Quiet, Replayed, Store};

/// How often it is looked whether the store was written.
const GLANCE: Duration = Duration::from_millis(100);

/// Events that are read at once.
const AT_ONCE: usize = 500;

/// See what happened, and verify that the log is whole
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Tail(TailArgs),
    /// Walk the hash chain from the first event to the last, and replay it beside the rows (exit code 6 when one does not hold)
    Verify,
}

/// Print the latest events, oldest first
#[derive(Debug, clap::Args)]
struct TailArgs {
    /// Only kinds like this: run.*, trust.granted
    #[arg(default_value = "*")]
    kinds: String,
    /// At most this many; with --follow, of those from before
    #[arg(long, short = 'n', default_value_t = 20)]
    limit: usize,
    /// Only after this position (of --json); with --follow, all of them
    #[arg(long, value_name = "POSITION")]
    after: Option<String>,
    /// Go on with what happens, until Ctrl-C
    #[arg(long, short)]
    follow: bool,
}

pub(super) fn run(context: &mut Context, args: &Args) -> Result<u8> {
    match &args.what {
        What::Tail(args) => tail(context, args),
        What::Verify => verify(context),
    }
}

fn tail(context: &Context, args: &TailArgs) -> Result<u8> {
    let store = context.app.store()?;
    let after = args.after.as_deref().map(position).transpose()?;
    if args.follow {
        return follow(context, store, args, after);
    }
    let events = match after {
        Some(_) => store.events(after, &args.kinds, args.limit)?,
        None => store.tail(&args.kinds, args.limit)?,
    };
    let mut out = String::new();
    for event in &events {
        if context.ui.json {
            context.ui.value(&json!(EventView::from(event)))?;
        } else {
            out.push_str(&line(&context.ui, event));
        }
    }
    context.page(&out)?;
    Ok(0)
}

fn position(text: &str) -> Result<Position> {
    text.parse().map_err(|_| {
        Error::new(Kind::Usage, format!("`{text}` is no position")).hint("take it from `fac events tail --json`")
    })
}

/// The latest, or all that came `after`, and then what happens until it is asked to end.
fn follow(context: &Context, store: &Store, args: &TailArgs, after: Option<Position>) -> Result<u8> {
    let signals = StopOnSignals::new()?;
    let print = |event: &Recorded| match context.ui.json {
        true => context.ui.line(&json_line(&json!(EventView::from(event)))),
        false => context.ui.write(line(&context.ui, event).as_bytes()),
    };
    let (mut seen, mut quiet) = (after, Quiet::default());
    if after.is_none() {
        // What is written from here on is read below, unless it is among the latest already.
        let end = store.last_position()?;
        let latest = store.tail(&args.kinds, args.limit)?;
        latest.iter().try_for_each(&print)?;
        seen = end.max(latest.last().map(|event| event.position));
    }
    while !context.ui.closed() {
        if !quiet.is_sure(store) {
            seen = print_new(store, &args.kinds, seen, signals.stop(), &print)?;
        }
        if signals.stop().wait(GLANCE) {
            return Ok(Kind::Interrupted.exit_code());
        }
    }
    Ok(0)
}

/// Prints what was written after `seen`, and tells how far the log was read.
fn print_new(
    store: &Store,
    kinds: &str,
    mut seen: Option<Position>,
    stop: &Stop,
    print: &dyn Fn(&Recorded) -> Result<()>,
) -> Result<Option<Position>> {
    let end = store.last_position()?;
    while end > seen && !stop.is_requested() {
        let events = store.events(seen, kinds, AT_ONCE)?;
        events.iter().try_for_each(print)?;
        let last = events.last().map(|event| event.position);
        // Whatever stands before the end and was not among them is of another kind.
        seen = if events.len() < AT_ONCE { end.max(last) } else { last };
    }
    Ok(seen)
}

/// An event on a line, no wider than a terminal.
fn line(ui: &Ui, event: &Recorded) -> String {
    let room = if ui.stdout_terminal { ui.width() } else { usize::MAX };
    let payload = event.payload.as_ref().map_or_else(|| "(erased)".to_string(), ToString::to_string);
    let (when, kind) = (event.at.local_seconds(), safe_line(&event.kind));
    let left = room.saturating_sub(width(&when) + width(&kind) + 4);
    let payload = truncate_to_width(&safe_line(&payload), left);
    format!("{}  {}  {payload}\n", ui.paint(Role::Dim, &when), ui.paint(Role::Name, &kind))
}

fn verify(context: &Context) -> Result<u8> {
    let answer = context.app.store()?.verify()?;
    let state = &answer.state;
    let holds = answer.fault.is_none() && state.differ == 0;
    let fault = answer.fault.as_ref().map(|f| (f.position.to_string(), f.what.clone()));
    if let (Some((position, what)), false) = (&fault, context.ui.json) {
        return Err(Error::new(Kind::BadData, format!("the log is broken at event {position}: {what}"))
            .hint("somebody or something changed the database by hand; what comes before that event is sound"));
    }
    if context.ui.json {
        context.ui.value(&json!({"verify": {"events": answer.events, "erased": answer.erased, "ok": holds,
            "position": fault.as_ref().map(|f| &f.0), "fault": fault.as_ref().map(|f| &f.1), "rows": state.rows,
            "older": state.older, "differ": state.differ, "differences": state.differences}}))?;
        return Ok(if holds { 0 } else { Kind::BadData.exit_code() });
    }
    if state.differ > 0 {
        return Err(not_as_told(state));
    }
    let rows = if state.rows == 1 { "one row is".to_string() } else { format!("{} rows are", state.rows) };
    context.ui.line(&format!("{rows} as told by {} events, the chain holds", answer.events))?;
    if state.older > 0 {
        context.ui.note(&format!("{} more rows are from before the log told rows", state.older));
    }
    Ok(0)
}

fn not_as_told(state: &Replayed) -> Error {
    let first = state.differences.join("\n  ");
    let more = match state.differ - state.differences.len() as u64 {
        0 => String::new(),
        more => format!("\n  and {more} more"),
    };
    let summary = state.summary().unwrap_or_default();
    Error::new(Kind::BadData, format!("{summary}:\n  {first}{more}"))
        .hint("somebody or something changed the database by hand; the log itself is whole, restore a backup or go on as it is")
}
