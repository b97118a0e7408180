//! The tools that a turn offers: commands, and tools of MCP servers. Offering asks for nothing to run: each use is
//! decided in the chat.
//!
//! It prints nothing: whoever uses it says what was left out, and asks whether a changed definition is accepted.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::App;
use super::mcp::{Accept, PATTERN};
use crate::chat::Tool;
use crate::chat::driver::stopped;
use crate::chat::mcp::Servers;
use crate::commands::tool::Wanted;
use crate::exec::Stop;
use crate::kernel::error::Result;

/// Tools for the turns of one chat. Servers run until [`Kit::close`].
#[derive(Default)]
pub struct Kit {
    commands: Vec<Arc<dyn Tool>>,
    servers: Option<Servers>,
    patterns: Vec<String>,
}

/// The tools that are there.
#[derive(Default)]
pub struct Gathered {
    /// All of them; no two have the same name.
    pub tools: Vec<Arc<dyn Tool>>,
    /// A sentence about each that is left out.
    pub left_out: Vec<String>,
    /// Those of servers that nobody had seen, `server/tool`, pinned as they are now.
    pub pinned: Vec<String>,
}

impl App {
    /// Finds commands and servers, with a sentence about each that is left out; servers are not started yet.
    ///
    /// # Errors
    /// `NotFound` for what was typed and is not there; the settings and the store may be unreadable.
    pub fn kit(&self, wanted: Wanted<'_>) -> Result<(Kit, Vec<String>)> {
        let apart = |all: &[String]| -> (Vec<String>, Vec<String>) {
            all.iter().cloned().partition(|name| name.starts_with(PATTERN))
        };
        let ((mut patterns, typed), (more, defined)) = (apart(wanted.typed), apart(wanted.defined));
        let offer = self.tools(Wanted { typed: &typed, defined: &defined, near: wanted.near })?;
        let mut said = offer.left_out;
        for pattern in more {
            match self.mcp_is_there(server(&pattern)) {
                Ok(()) => patterns.push(pattern),
                Err(error) => said.push(format!("`{pattern}` is not offered: {}", error.full_message())),
            }
        }
        let mut servers = None;
        if !patterns.is_empty() {
            let names: Vec<&str> = patterns.iter().map(|p| server(p)).collect();
            let (found, broken) = self.mcp_like(&names)?;
            said.extend(broken.into_iter().map(|(name, error)| format!("{name}: {}", error.full_message())));
            servers = Some(found);
        }
        Ok((Kit { commands: offer.tools, servers, patterns }, said))
    }
}

impl Kit {
    /// What commands are offered, and the patterns of what servers will be asked for.
    pub fn named(&self) -> Vec<String> {
        let commands = self.commands.iter().map(|tool| tool.origin());
        commands.chain(self.patterns.iter().cloned()).collect()
    }

    /// Starts the servers and gives every tool. What is new is pinned, what has changed is left out unless `accept`
    /// says yes. `None` when that was stopped.
    ///
    /// # Errors
    /// Those of the store, and of `accept`.
    pub async fn gather(&self, app: &App, stop: &Stop, accept: &mut Accept<'_>) -> Result<Option<Gathered>> {
        let mut tools = self.commands.clone();
        let Some(servers) = &self.servers else { return Ok(Some(Gathered { tools, ..Gathered::default() })) };
        let offered = tokio::select! {
            offered = app.mcp_tools(servers, &self.patterns, accept) => offered?,
            () = stopped(stop) => return Ok(None),
        };
        let mut left_out = offered.left_out;
        let mut names: BTreeSet<String> = tools.iter().map(|t| t.spec().name.clone()).collect();
        for (key, tool) in offered.tools {
            if names.insert(tool.spec().name.clone()) {
                tools.push(tool);
            } else {
                left_out.push(format!("{key} is left out: another tool has its name"));
            }
        }
        Ok(Some(Gathered { tools, left_out, pinned: offered.pinned }))
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
