//! The tools that a turn offers: commands, and tools of MCP servers. Offering asks for nothing to run: each use is
//! decided in the chat.
//!
//! It prints nothing: a [`Host`] says what was left out, and asks whether a changed definition is accepted.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::App;
use super::mcp::PATTERN;
use crate::chat::Tool;
use crate::chat::driver::stopped;
use crate::chat::mcp::{Offer, Servers};
use crate::commands::tool::Wanted;
use crate::exec::Stop;
use crate::kernel::error::Result;
use crate::plugins::tool::PATTERN as OF_PLUGINS;

/// Tools for the turns of one chat. Servers run until [`Kit::close`].
#[derive(Default)]
pub struct Kit {
    commands: Vec<Arc<dyn Tool>>,
    servers: Option<Servers>,
    patterns: Vec<String>,
}

/// Who says what happens to tools, and asks the person about them.
pub trait Host {
    /// A sentence about something that is left out.
    fn left_out(&mut self, said: &str);

    /// Tools of servers that nobody had seen, each as `server/tool`; they are pinned as they are now.
    fn pinned(&mut self, tools: &[String]);

    /// Whether a definition that differs from the pinned one, whose text is `before`, is accepted.
    ///
    /// # Errors
    /// When that cannot be asked.
    fn accepts(&mut self, offer: &Offer, before: &str) -> Result<bool>;
}

impl App {
    /// Finds commands and servers; servers are not started yet.
    ///
    /// # Errors
    /// `NotFound` for what was typed and is not there; the settings and the store may be unreadable.
    pub fn kit(&self, wanted: Wanted<'_>, host: &mut dyn Host) -> Result<Kit> {
        let apart = |all: &[String]| -> (Vec<String>, Vec<String>) {
            all.iter().cloned().partition(|name| name.starts_with(PATTERN))
        };
        let (of_plugins, rest): (Vec<String>, Vec<String>) =
            wanted.typed.iter().cloned().partition(|name| name.starts_with(OF_PLUGINS));
        let ((mut patterns, typed), (more, defined)) = (apart(&rest), apart(wanted.defined));
        let offer = self.tools(Wanted { typed: &typed, defined: &defined, near: wanted.near })?;
        offer.left_out.iter().for_each(|said| host.left_out(said));
        for pattern in more {
            match self.mcp_is_there(server(&pattern)) {
                Ok(()) => patterns.push(pattern),
                Err(error) => host.left_out(&format!("`{pattern}` is not offered: {}", error.full_message())),
            }
        }
        let mut commands = offer.tools;
        for pattern in &of_plugins {
            commands.extend(self.plugins()?.tools(pattern)?);
        }
        let mut servers = None;
        if !patterns.is_empty() {
            let names: Vec<&str> = patterns.iter().map(|p| server(p)).collect();
            let (found, broken) = self.mcp_like(&names)?;
            broken.iter().for_each(|(name, error)| host.left_out(&format!("{name}: {}", error.full_message())));
            servers = Some(found);
        }
        Ok(Kit { commands, servers, patterns })
    }
}

impl Kit {
    /// What commands are offered, and the patterns of what servers will be asked for.
    pub fn named(&self) -> Vec<String> {
        let commands = self.commands.iter().map(|tool| tool.origin());
        commands.chain(self.patterns.iter().cloned()).collect()
    }

    /// Starts the servers and gives every tool, no two of the same name. What is new is pinned, what has changed is left
    /// out unless the host accepts it. `None` when that was stopped.
    ///
    /// # Errors
    /// Those of the store, and of the host.
    pub async fn gather(&self, app: &App, stop: &Stop, host: &mut dyn Host) -> Result<Option<Vec<Arc<dyn Tool>>>> {
        let mut tools = self.commands.clone();
        let Some(servers) = &self.servers else { return Ok(Some(tools)) };
        let mut accept = |offer: &Offer, before: &str| host.accepts(offer, before);
        let offered = tokio::select! {
            offered = app.mcp_tools(servers, &self.patterns, &mut accept) => offered?,
            () = stopped(stop) => return Ok(None),
        };
        offered.left_out.iter().for_each(|said| host.left_out(said));
        let mut names: BTreeSet<String> = tools.iter().map(|t| t.spec().name.clone()).collect();
        for (key, tool) in offered.tools {
            if names.insert(tool.spec().name.clone()) {
                tools.push(tool);
            } else {
                host.left_out(&format!("{key} is left out: another tool has its name"));
            }
        }
        if !offered.pinned.is_empty() {
            host.pinned(&offered.pinned);
        }
        Ok(Some(tools))
    }

    /// Ends the servers.
    pub async fn close(&self) {
        if let Some(servers) = &self.servers {
            servers.close().await;
        }
    }

    /// Waits until commands that were stopped have ended.
    ///
    /// # Errors
    /// When the settings cannot be read.
    pub fn settle(&self, app: &App) -> Result<()> {
        if !self.commands.is_empty() {
            app.launcher()?.threads.settle();
        }
        Ok(())
    }
}

/// The server of `mcp:server/tool`.
fn server(pattern: &str) -> &str {
    let pattern = pattern.strip_prefix(PATTERN).unwrap_or(pattern);
    pattern.split_once('/').map_or(pattern, |(server, _)| server)
}
