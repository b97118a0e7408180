//! What `-T` and prompts of definitions offer a model: commands, and tools of MCP servers.
//!
//! `-T name`, `-T source:*`, `-T marked` are commands; `-T mcp:server`, `-T mcp:server/tool`, `-T 'mcp:*'` are tools of
//! servers in the settings. Offering asks for nothing to run: each use is decided in the chat.

use std::collections::BTreeSet;
use std::sync::Arc;

use dialoguer::Confirm;

use super::super::{Context, draw};
use crate::app::mcp::PATTERN;
use crate::chat::Tool;
use crate::chat::driver::stopped;
use crate::chat::mcp::{Offer, Servers, pins};
use crate::commands::tool::Wanted;
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
    /// Finds the commands that were typed; servers are not started yet.
    pub(in crate::cli) fn new(context: &Context, typed: &[String]) -> Result<Kit> {
        Kit::of(context, Wanted { typed, ..Wanted::default() })
    }

    /// The same, with what a definition names beside it.
    pub(in crate::cli) fn of(context: &Context, wanted: Wanted<'_>) -> Result<Kit> {
        let apart = |all: &[String]| -> (Vec<String>, Vec<String>) {
            all.iter().cloned().partition(|name| name.starts_with(PATTERN))
        };
        let ((mut patterns, typed), (more, defined)) = (apart(wanted.typed), apart(wanted.defined));
        let offer = context.app.tools(Wanted { typed: &typed, defined: &defined, near: wanted.near })?;
        offer.left_out.iter().for_each(|said| context.ui.warn(&safe_line(said)));
        for pattern in more {
            match context.app.mcp_is_there(server(&pattern)) {
                Ok(()) => patterns.push(pattern),
                Err(error) => {
                    let said = format!("`{pattern}` is not offered: {}", error.full_message());
                    context.ui.warn(&safe_line(&said));
                }
            }
        }
        let mut servers = None;
        if !patterns.is_empty() {
            let names: Vec<&str> = patterns.iter().map(|p| server(p)).collect();
            let (found, broken) = context.app.mcp_like(&names)?;
            for (name, error) in broken {
                context.ui.warn(&safe_line(&format!("{name}: {}", error.full_message())));
            }
            servers = Some(found);
        }
        Ok(Kit { commands: offer.tools, servers, patterns })
    }

    /// What commands are offered, and the patterns of what servers will be asked for.
    pub(in crate::cli) fn named(&self) -> Vec<String> {
        let commands = self.commands.iter().map(|tool| tool.origin());
        commands.chain(self.patterns.iter().cloned()).collect()
    }

    /// Starts the servers and gives every tool. What is new is pinned, what has changed is asked about.
    pub(in crate::cli) async fn tools(&self, context: &Context, stop: &Stop) -> Result<Vec<Arc<dyn Tool>>> {
        let mut tools = self.commands.clone();
        let Some(servers) = &self.servers else { return Ok(tools) };
        let mut accept = |offer: &Offer, before: &str| Ok(changed(context, before, offer));
        let offered = tokio::select! {
            offered = context.app.mcp_tools(servers, &self.patterns, &mut accept) => offered?,
            () = stopped(stop) => return Err(Error::new(Kind::Interrupted, "interrupted")),
        };
        offered.left_out.iter().for_each(|said| context.ui.warn(said));
        let mut names: BTreeSet<String> = tools.iter().map(|t| t.spec().name.clone()).collect();
        for (key, tool) in offered.tools {
            if names.insert(tool.spec().name.clone()) {
                tools.push(tool);
            } else {
                context.ui.warn(&safe_line(&format!("{key} is left out: another tool has its name")));
            }
        }
        if !offered.pinned.is_empty() && !context.ui.json {
            let pinned = offered.pinned.len();
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

/// The server of `mcp:server/tool`.
fn server(pattern: &str) -> &str {
    let pattern = pattern.strip_prefix(PATTERN).unwrap_or(pattern);
    pattern.split_once('/').map_or(pattern, |(server, _)| server)
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
