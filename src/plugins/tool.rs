//! Tools for models that plugins bring: `-T plugin:NAME`, `-T plugin:NAME/TOOL`. Each use is asked about as any other.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::calls::Told;
use super::manifest::NewTool;
use super::room::{Answer, Loaded};
use super::{Active, Plugins};
use crate::chat::policy::fits;
use crate::chat::tool::{Effects, Tool, Working};
use crate::kernel::error::{Error, Kind, Result};
use crate::providers::model::ToolSpec;

/// What a name of a plugin's tool begins with.
pub const PATTERN: &str = "plugin:";

/// The tools of enabled plugins that a pattern (`plugin:name`, `plugin:name/tool`, with `*`) means.
///
/// # Errors
/// `NotFound` when it means none, and those of the store.
pub(super) fn offered(plugins: &Plugins, pattern: &str) -> Result<Vec<Arc<dyn Tool>>> {
    let wanted = pattern.strip_prefix(PATTERN).unwrap_or(pattern);
    let wanted = if wanted.contains('/') { wanted.to_string() } else { format!("{wanted}/*") };
    let mut found: Vec<Arc<dyn Tool>> = Vec::new();
    for active in plugins.enabled()? {
        for tool in &active.manifest.tools {
            if fits(&wanted, &format!("{}/{}", active.row.name, tool.name)) {
                found.push(Arc::new(One::new(plugins.clone(), active.clone(), tool)));
            }
        }
    }
    if found.is_empty() {
        return Err(Error::new(Kind::NotFound, format!("`{pattern}` names no tool of an enabled plugin"))
            .hint("`fac plugin ls --json` lists what they bring"));
    }
    Ok(found)
}

struct One {
    plugins: Plugins,
    active: Arc<Active>,
    tool: String,
    spec: ToolSpec,
    effects: Effects,
}

impl One {
    fn new(plugins: Plugins, active: Arc<Active>, tool: &NewTool) -> One {
        let schema = match &tool.schema {
            Json::Null => json!({"type": "object", "properties": {}}),
            schema => schema.clone(),
        };
        // No two plugins have the same name, so no two tools have.
        let name: String = format!("{}_{}", active.row.name, tool.name).chars().take(64).collect();
        let spec = ToolSpec { name, description: tool.description.clone(), schema };
        let effects = if tool.read_only { Effects::ReadOnly } else { Effects::Other };
        One { plugins, active, tool: tool.name.clone(), spec, effects }
    }
}

impl Tool for One {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    fn effects(&self) -> Effects {
        self.effects
    }

    fn origin(&self) -> String {
        format!("plugin {}/{}", self.active.row.name, self.tool)
    }

    fn digest(&self) -> String {
        format!("{}/{}", self.active.row.digest, self.tool)
    }

    fn preview(&self, arguments: &Json) -> Result<String> {
        Ok(format!("plugin {} {}\n  {arguments:#}", self.active.row.name, self.tool))
    }

    fn call<'a>(&'a self, arguments: &'a Json) -> Working<'a> {
        Box::pin(async move {
            let (tool, arguments) = (self.tool.clone(), arguments.clone());
            let work = move |name: &str, loaded: &Loaded| loaded.answer(name, &["tools", &tool], &[arguments]);
            let part = format!("tools.{}", self.tool);
            match self.plugins.within_async(&self.active, &part, Told::Last, work).await? {
                Answer::Value(Json::String(text)) => Ok(text),
                Answer::Value(Json::Null) => Ok("done".to_string()),
                Answer::Value(other) => Ok(other.to_string()),
                Answer::No(said) => Err(Error::new(Kind::Failed, said)),
            }
        })
    }
}
