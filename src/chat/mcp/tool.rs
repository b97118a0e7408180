//! A server's tool as the model is offered it.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::Definition;
use super::servers::Running;
use crate::chat::tool::{Effects, Tool, Working};
use crate::kernel::error::{Error, Kind, Result};
use crate::providers::model::ToolSpec;

/// A tool of a server, allowed for one definition.
pub(super) struct McpTool {
    spec: ToolSpec,
    raw: String,
    digest: String,
    effects: Effects,
    running: Arc<Running>,
}

impl McpTool {
    /// The tool of `running` under the name `offered`.
    pub(super) fn new(offered: String, definition: &Definition, running: Arc<Running>) -> McpTool {
        // A hint is the server's word about itself; only the settings make it count.
        let read_only = running.server.trust_hints && definition.read_only_hint;
        McpTool {
            spec: ToolSpec {
                name: offered,
                description: definition.description.clone(),
                schema: Value::Object(definition.schema.clone()),
            },
            raw: definition.name.clone(),
            digest: definition.digest.clone(),
            effects: if read_only { Effects::ReadOnly } else { Effects::Other },
            running,
        }
    }
}

/// The arguments of a call as the object that the protocol wants.
pub(super) fn object(arguments: &Value) -> Result<Map<String, Value>> {
    match arguments {
        Value::Object(fields) => Ok(fields.clone()),
        Value::Null => Ok(Map::new()),
        _ => {
            Err(Error::new(Kind::Usage, "the arguments are not a JSON object")
                .hint("for example {\"name\": \"value\"}"))
        }
    }
}

impl Tool for McpTool {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    fn effects(&self) -> Effects {
        self.effects
    }

    fn origin(&self) -> String {
        format!("mcp {}/{}", self.running.server.name, self.raw)
    }

    fn digest(&self) -> String {
        self.digest.clone()
    }

    fn preview(&self, arguments: &Value) -> Result<String> {
        let arguments = serde_json::to_string_pretty(&object(arguments)?).unwrap_or_default();
        Ok(format!("{} of the MCP server {}\n{arguments}", self.raw, self.running.server.name))
    }

    fn call<'a>(&'a self, arguments: &'a Value) -> Working<'a> {
        Box::pin(async move {
            let text = self.running.call(&self.raw, Some(&self.digest), object(arguments)?).await?;
            // A model has no business with a secret that its tool was given.
            Ok(self.running.server.redactor.redact(&text).into_owned())
        })
    }
}
