//! What `-T` and prompts of definitions offer a model, said and asked about on a terminal.
//!
//! `-T name`, `-T source:*`, `-T marked` are commands; `-T mcp:server`, `-T mcp:server/tool`, `-T 'mcp:*'` are tools of
//! servers in the settings.

use std::sync::Arc;

use dialoguer::Confirm;

use super::super::{Context, draw};
use crate::app::tools::Kit;
use crate::chat::Tool;
use crate::chat::mcp::{Offer, pins};
use crate::commands::tool::Wanted;
use crate::exec::Stop;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::terminal::{safe, safe_line};

/// Finds what was typed, and what a definition names beside it; servers are not started yet.
pub(in crate::cli) fn find(context: &Context, wanted: Wanted<'_>) -> Result<Kit> {
    let (kit, left_out) = context.app.kit(wanted)?;
    left_out.iter().for_each(|said| context.ui.warn(&safe_line(said)));
    Ok(kit)
}

/// Starts the servers and gives every tool. What is new is pinned, what has changed is asked about.
pub(in crate::cli) async fn gather(context: &Context, kit: &Kit, stop: &Stop) -> Result<Vec<Arc<dyn Tool>>> {
    let mut accept = |offer: &Offer, before: &str| Ok(changed(context, before, offer));
    let gathered = kit.gather(&context.app, stop, &mut accept).await?;
    let gathered = gathered.ok_or_else(|| Error::new(Kind::Interrupted, "interrupted"))?;
    gathered.left_out.iter().for_each(|said| context.ui.warn(&safe_line(said)));
    let pinned = gathered.pinned.len();
    if pinned > 0 && !context.ui.json {
        let word = if pinned == 1 { "tool is" } else { "tools are" };
        context.ui.note(&format!("{pinned} new {word} pinned as they are now; `fac mcp tools` shows them"));
    }
    Ok(gathered.tools)
}

/// Whether a changed definition is accepted. Without a person it is not.
fn changed(context: &Context, before: &str, offer: &Offer) -> bool {
    if !context.ui.ask {
        return false;
    }
    let key = pins::key(&offer.server, &offer.definition.name);
    let difference = draw::diff(&context.ui, &safe(before), &safe(&offer.definition.text()));
    context.ui.note(&format!("the definition of {} has changed:\n{difference}", safe_line(&key)));
    let theme = super::super::ask::theme_of(context.ui.colour());
    super::super::ask::forget_keys();
    let answer = Confirm::with_theme(&*theme).with_prompt("Offer it as it is now?").default(false).interact();
    answer.unwrap_or(false)
}
