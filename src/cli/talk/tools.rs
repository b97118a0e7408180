//! What `-T` offers a model: commands, and tools of MCP servers.
//!
//! `-T name`, `-T source:*`, `-T marked` are commands; `-T mcp:server`, `-T mcp:server/tool`, `-T 'mcp:*'` are tools of
//! servers in the settings. Offering asks for nothing to run: each use is decided in the chat.

use std::collections::BTreeSet;
use std::sync::Arc;

use dialoguer::Confirm;

use super::super::{Context, draw};
use crate::app::mcp::{PATTERN, left_out, wants};
use crate::chat::Tool;
use crate::chat::driver::stopped;
use crate::chat::mcp::{Offer, Servers, Standing, pins};
use crate::exec::Stop;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::terminal::{safe, safe_line};

/// Tools for the turns of one chat. Servers run until [`Kit::close`].
#[derive(Default)]
pub(in crate::cli) struct Kit {
    commands: Vec<Arc<dyn Tool>>,
    servers: Option<Servers>,
    patterns: Vec<String>,
}

impl Kit {
    /// Finds the commands of `wanted`; servers are not started yet.
    pub(in crate::cli) fn new(context: &Context, wanted: &[String]) -> Result<Kit> {
        let (patterns, commands): (Vec<_>, Vec<_>) = wanted.iter().cloned().partition(|w| w.starts_with(PATTERN));
        let offer = context.app.tools(&commands)?;
        offer.left_out.iter().for_each(|said| context.ui.warn(&safe_line(said)));
        let patterns: Vec<String> = patterns.iter().map(|p| p[PATTERN.len()..].to_string()).collect();
        let mut servers = None;
        if !patterns.is_empty() {
            let names: Vec<&str> = patterns.iter().map(|p| p.split_once('/').map_or(p.as_str(), |(n, _)| n)).collect();
            let (found, broken) = context.app.mcp_like(&names)?;
            for (name, error) in broken {
                context.ui.warn(&safe_line(&format!("{name}: {}", error.full_message())));
            }
            servers = Some(found);
        }
        Ok(Kit { commands: offer.tools, servers, patterns })
    }

    /// Starts the servers and gives every tool. What is new is pinned, what has changed is asked about.
    pub(in crate::cli) async fn tools(&self, context: &Context, stop: &Stop) -> Result<Vec<Arc<dyn Tool>>> {
        let mut tools = self.commands.clone();
        let Some(servers) = &self.servers else { return Ok(tools) };
        let store = context.app.mcp_pins()?;
        let offers = tokio::select! {
            offers = servers.offers(&store) => offers?,
            () = stopped(stop) => return Err(Error::new(Kind::Interrupted, "interrupted")),
        };
        for (server, note) in &offers.notes {
            context.ui.warn(&safe_line(&format!("{server}: {note}")));
        }
        for (_, error) in &offers.failures {
            context.ui.warn(&safe_line(&error.full_message()));
        }
        let mut names: BTreeSet<String> = tools.iter().map(|t| t.spec().name.clone()).collect();
        let mut pinned = 0;
        for offer in offers.tools {
            let key = pins::key(&offer.server, &offer.definition.name);
            if !self.patterns.iter().any(|p| wants(p, &offer.server, &offer.definition.name)) {
                continue;
            }
            match &offer.standing {
                Standing::Pinned => {}
                Standing::New => {
                    pins::accept(&offer.server, &offer.definition, &store)?;
                    pinned += 1;
                }
                Standing::Changed(before) => {
                    if !changed(context, &key, before, &offer)? {
                        continue;
                    }
                    pins::accept(&offer.server, &offer.definition, &store)?;
                }
            }
            if names.insert(offer.tool.spec().name.clone()) {
                tools.push(offer.tool);
            } else {
                context.ui.warn(&safe_line(&format!("{key} is left out: another tool has its name")));
            }
        }
        if pinned > 0 && !context.ui.json {
            let word = if pinned == 1 { "tool is" } else { "tools are" };
            context.ui.note(&format!("{pinned} new {word} pinned as they are now; `fac mcp tools` shows them"));
        }
        Ok(tools)
    }

    /// Ends the servers.
    pub(in crate::cli) async fn close(&self) {
        if let Some(servers) = &self.servers {
            servers.close().await;
        }
    }

    /// Waits until commands that were stopped have ended.
    pub(in crate::cli) fn settle(&self, context: &Context) -> Result<()> {
        if !self.commands.is_empty() {
            context.app.launcher()?.threads.settle();
        }
        Ok(())
    }
}

/// Whether a changed definition is accepted. Without a person it is not.
fn changed(context: &Context, key: &str, before: &str, offer: &Offer) -> Result<bool> {
    let key = safe_line(key);
    if !context.ui.ask {
        context.ui.warn(&left_out(&offer.server, &offer.definition.name));
        return Ok(false);
    }
    let difference = draw::diff(&context.ui, &safe(before), &safe(&offer.definition.text()));
    context.ui.note(&format!("the definition of {key} has changed:\n{difference}"));
    let theme = super::super::ask::theme_of(context.ui.colour());
    super::super::ask::forget_keys();
    let answer = Confirm::with_theme(&*theme).with_prompt("Offer it as it is now?").default(false).interact();
    Ok(answer.unwrap_or(false))
}
