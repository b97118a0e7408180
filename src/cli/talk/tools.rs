//! What `-T` and prompts of definitions offer a model, said and asked about on a terminal.
//!
//! `-T name`, `-T source:*`, `-T marked` are commands; `-T mcp:server`, `-T mcp:server/tool`, `-T 'mcp:*'` are tools of
//! servers in the settings.

use std::sync::Arc;

use dialoguer::Confirm;

use super::super::{Context, draw};
use crate::app::tools::{Host, Kit};
use crate::chat::Tool;
use crate::chat::mcp::{Offer, pins};
use crate::commands::tool::Wanted;
use crate::exec::Stop;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::terminal::{safe, safe_line};

/// Finds what was typed, and what a definition names beside it; servers are not started yet.
pub(in crate::cli) fn find(context: &Context, wanted: Wanted<'_>) -> Result<Kit> {
    context.app.kit(wanted, &mut Teller(context))
}

/// Starts the servers and gives every tool. What is new is pinned, what has changed is asked about.
pub(in crate::cli) async fn gather(context: &Context, kit: &Kit, stop: &Stop) -> Result<Vec<Arc<dyn Tool>>> {
    let gathered = kit.gather(&context.app, stop, &mut Teller(context)).await?;
    gathered.ok_or_else(|| Error::new(Kind::Interrupted, "interrupted"))
}

/// Says it beside the output, and asks at the terminal.
pub(in crate::cli) struct Teller<'a>(pub(in crate::cli) &'a Context);

impl Host for Teller<'_> {
    fn left_out(&mut self, said: &str) {
        self.0.ui.warn(&safe_line(said));
    }

    fn pinned(&mut self, tools: &[String]) {
        if !self.0.ui.json {
            let word = if tools.len() == 1 { "tool is" } else { "tools are" };
            self.0.ui.note(&format!("{} new {word} pinned as they are now; `fac mcp tools` shows them", tools.len()));
        }
    }

    /// Without a person it is not.
    fn accepts(&mut self, offer: &Offer, before: &str) -> Result<bool> {
        let ui = &self.0.ui;
        if !ui.ask {
            return Ok(false);
        }
        let key = pins::key(&offer.server, &offer.definition.name);
        let difference = draw::diff(ui, &safe(before), &safe(&offer.definition.text()));
        ui.note(&format!("the definition of {} has changed:\n{difference}", safe_line(&key)));
        let theme = super::super::ask::theme_of(ui.colour());
        super::super::ask::forget_keys();
        let answer = Confirm::with_theme(&*theme).with_prompt("Offer it as it is now?").default(false).interact();
        Ok(answer.unwrap_or(false))
    }
}
