//! `fac events`: the log of facts, and whether it is whole.

use clap::Subcommand;
use serde_json::json;

use super::Context;
use super::ui::Role;
use crate::app::views::event::EventView;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::terminal::{safe_line, truncate_to_width, width};
use crate::store::Replayed;

/// See what happened, and verify that the log is whole
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Print the latest events, oldest first
    Tail {
        /// Only kinds like this: run.*, trust.granted
        #[arg(default_value = "*")]
        kinds: String,
        /// At most this many
        #[arg(long, short = 'n', default_value_t = 20)]
        limit: usize,
        /// Only after this position (of --json)
        #[arg(long, value_name = "POSITION")]
        after: Option<String>,
    },
    /// Walk the hash chain from the first event to the last, and replay it beside the rows (exit code 6 when one does not hold)
    Verify,
}

pub(super) fn run(context: &mut Context, args: &Args) -> Result<u8> {
    match &args.what {
        What::Tail { kinds, limit, after } => tail(context, kinds, *limit, after.as_deref()),
        What::Verify => verify(context),
    }
}

fn tail(context: &Context, kinds: &str, limit: usize, after: Option<&str>) -> Result<u8> {
    let store = context.app.store()?;
    let events = match after {
        Some(text) => {
            let position = text.parse().map_err(|_| {
                Error::new(Kind::Usage, format!("`{text}` is no position"))
                    .hint("take it from `fac events tail --json`")
            })?;
            store.events(Some(position), kinds, limit)?
        }
        None => store.tail(kinds, limit)?,
    };
    let room = if context.ui.stdout_terminal { context.ui.width() } else { usize::MAX };
    let mut out = String::new();
    for event in &events {
        if context.ui.json {
            context.ui.value(&json!(EventView::from(event)))?;
            continue;
        }
        let payload = event.payload.as_ref().map_or_else(|| "(erased)".to_string(), ToString::to_string);
        let ui = &context.ui;
        let when = ui.paint(Role::Dim, &event.at.local_short());
        let kind = safe_line(&event.kind);
        let left = room.saturating_sub(width(&event.at.local_short()) + width(&kind) + 4);
        let payload = truncate_to_width(&safe_line(&payload), left);
        out.push_str(&format!("{when}  {}  {payload}\n", ui.paint(Role::Name, &kind)));
    }
    context.page(&out)?;
    Ok(0)
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
