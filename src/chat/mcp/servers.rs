//! All servers of the settings: started when first needed, at once, each for itself.

use std::collections::HashSet;
use std::sync::Arc;

use futures_util::future::join_all;
use serde_json::{Map, Value};
use tokio::sync::Mutex;

use super::connection::Connection;
use super::pins::{Pins, Standing};
use super::tool::{McpTool, object};
use super::{Definition, Server, tool_name};
use crate::chat::tool::Tool;
use crate::kernel::error::{Error, Kind, Result};

/// A server and, once it was needed, the conversation with it.
pub(super) struct Running {
    pub(super) server: Server,
    slot: Mutex<Option<Arc<Connection>>>,
}

/// The servers that may be used. They run until [`Servers::close`], or until this is dropped.
pub struct Servers {
    all: Vec<Arc<Running>>,
}

/// A tool on offer, and how its definition stands.
#[derive(Clone)]
pub struct Offer {
    /// The tool.
    pub tool: Arc<dyn Tool>,
    /// Its server.
    pub server: String,
    /// What the server says of it.
    pub definition: Definition,
    /// Whether a person has seen it so.
    pub standing: Standing,
}

/// What the servers offer.
#[derive(Default)]
pub struct Offers {
    /// The tools, by server and name.
    pub tools: Vec<Offer>,
    /// Servers that could not be used.
    pub failures: Vec<(String, Error)>,
    /// Servers and what was left out of theirs.
    pub notes: Vec<(String, String)>,
}

impl Running {
    /// An error without the secrets that the server may have repeated in it.
    fn clean(&self, error: Error) -> Error {
        let redact = |text: &str| self.server.redactor.redact(text).into_owned();
        let (before, hint) = (error.full_message(), error.way_forward().map(redact));
        let after = redact(&before);
        if after == before && hint.as_deref() == error.way_forward() {
            return error;
        }
        let error = Error::new(error.kind(), after);
        match hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }

    /// The conversation; a new one when there is none, or the last one ended.
    async fn connection(&self) -> Result<(Arc<Connection>, Vec<String>)> {
        let mut slot = self.slot.lock().await;
        if let Some(open) = slot.as_ref().filter(|open| !open.is_closed()) {
            return Ok((open.clone(), Vec::new()));
        }
        *slot = None;
        let opened = Connection::open(&self.server).await;
        let (connection, notes) = opened.map_err(|error| self.clean(error))?;
        let connection = Arc::new(connection);
        *slot = Some(connection.clone());
        Ok((connection, notes))
    }

    /// What it offers, of what the settings let through.
    async fn definitions(&self) -> Result<(Vec<Definition>, Vec<String>)> {
        let (connection, mut notes) = self.connection().await?;
        if connection.is_stale() {
            notes.extend(connection.list(&self.server).await.map_err(|error| self.clean(error))?);
        }
        let mut all = connection.definitions();
        if let Some(wanted) = &self.server.tools {
            let missing = wanted.iter().filter(|name| !all.iter().any(|d| d.name == **name));
            notes.extend(missing.map(|name| format!("it has no tool `{name}`, which the settings name")));
            all.retain(|definition| wanted.contains(&definition.name));
        }
        Ok((all, notes))
    }

    /// Calls a tool, if its definition is still the one that was allowed.
    pub(super) async fn call(
        &self,
        tool: &str,
        allowed: Option<&str>,
        arguments: Map<String, Value>,
    ) -> Result<String> {
        let (connection, _) = self.connection().await?;
        let name = &self.server.name;
        let Some(now) = connection.definition(tool) else { return Err(no_tool(name, tool)) };
        if allowed.is_some_and(|allowed| allowed != now.digest) {
            return Err(differs(name, tool));
        }
        connection.call(&self.server, tool, arguments).await.map_err(|error| self.clean(error))
    }
}

fn no_tool(server: &str, tool: &str) -> Error {
    Error::new(Kind::NotFound, format!("the MCP server `{server}` has no tool `{tool}`"))
        .hint(format!("`fac mcp tools {server}` lists what it has"))
}

/// A tool's definition is not the one that was accepted.
pub fn differs(server: &str, tool: &str) -> Error {
    Error::new(Kind::Refused, format!("the MCP server `{server}` now describes `{tool}` differently"))
        .hint(format!("look at it and accept it: fac mcp tools {server} --accept"))
}

impl Servers {
    /// Servers by these descriptions. Nothing starts yet.
    pub fn new(servers: Vec<Server>) -> Servers {
        Servers {
            all: servers.into_iter().map(|server| Arc::new(Running { server, slot: Mutex::default() })).collect(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Starts all servers that do not run yet, at the same time, and gives their tools. One that fails keeps none from
    /// the others.
    ///
    /// # Errors
    /// Those of the place where pins are kept.
    pub async fn offers(&self, pins: &dyn Pins) -> Result<Offers> {
        let asked = join_all(self.all.iter().map(|running| running.definitions())).await;
        let mut offers = Offers::default();
        let mut taken = HashSet::new();
        for (running, outcome) in self.all.iter().zip(asked) {
            let server = &running.server.name;
            let (definitions, notes) = match outcome {
                Ok(found) => found,
                Err(error) => {
                    offers.failures.push((server.clone(), error));
                    continue;
                }
            };
            offers.notes.extend(notes.into_iter().map(|note| (server.clone(), note)));
            for definition in definitions {
                let offered = tool_name(server, &definition.name, &mut taken);
                let standing = Standing::of(server, &definition, pins)?;
                let tool = Arc::new(McpTool::new(offered, &definition, running.clone()));
                offers.tools.push(Offer { tool, server: server.clone(), definition, standing });
            }
        }
        Ok(offers)
    }

    fn running(&self, server: &str) -> Result<&Arc<Running>> {
        self.all.iter().find(|running| running.server.name == server).ok_or_else(|| {
            Error::new(Kind::NotFound, format!("there is no MCP server `{server}`")).hint("`fac mcp ls` lists them")
        })
    }

    /// What a server says of one of its tools, also of one that the settings do not offer; it is started for that.
    ///
    /// # Errors
    /// `NotFound` for an unknown server or tool, and why the server cannot be used.
    pub async fn definition(&self, server: &str, tool: &str) -> Result<Definition> {
        let (connection, _) = self.running(server)?.connection().await?;
        connection.definition(tool).ok_or_else(|| no_tool(server, tool))
    }

    /// Calls a tool of a server by their own names, because a person asked for it. `allowed` is the hash of the only
    /// definition that will do.
    ///
    /// # Errors
    /// `NotFound` for an unknown server or tool, `Refused` for another definition, `Usage` for arguments that are no
    /// object, whatever the server says.
    pub async fn call(&self, server: &str, tool: &str, allowed: Option<&str>, arguments: &Value) -> Result<String> {
        self.running(server)?.call(tool, allowed, object(arguments)?).await
    }

    /// Ends all conversations, and the programs of servers.
    pub async fn close(&self) {
        let closing = self.all.iter().map(|running| async {
            let open = running.slot.lock().await.take();
            if let Some(connection) = open.and_then(Arc::into_inner) {
                connection.close().await;
            }
        });
        join_all(closing).await;
    }
}
