//! Plugins as they are shown.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value as Json, json};

use crate::app::plugins::Known;
use crate::kernel::error::Error;
use crate::plugins::origin::Origin;
use crate::plugins::places::Found;

/// A plugin; what cannot be read of it is null.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PluginView {
    /// Its name.
    pub name: String,
    /// on, off, changed, failed or broken.
    pub state: &'static str,
    /// Whether it is switched on.
    pub enabled: bool,
    /// Its version.
    pub version: Option<String>,
    /// What it is for.
    pub summary: Option<String>,
    /// Where it lies.
    pub place: Option<String>,
    /// Where it was fetched from (`from`, `ref`, `commit`); null where it was not.
    pub origin: Json,
    /// The content hash of its files.
    pub digest: Option<String>,
    /// What it hears of.
    pub hooks: Json,
    /// What it may do.
    pub permissions: Json,
    /// The same, a sentence each.
    pub wants: Option<Vec<String>>,
    /// The commands that it brings.
    pub commands: Option<Vec<String>>,
    /// The tools that it brings.
    pub tools: Option<Vec<String>>,
    /// How often it failed in a row.
    pub failures: u32,
    /// What is wrong with it.
    pub error: Option<String>,
}

impl From<&Known> for PluginView {
    fn from(known: &Known) -> PluginView {
        let found = known.found.as_ref().ok();
        let row = known.row.as_ref();
        PluginView {
            name: known.name.clone(),
            state: known.state(),
            enabled: row.is_some_and(|row| row.enabled),
            version: found.map(|f| f.manifest.version.clone()),
            summary: found.map(|f| f.manifest.summary.clone()),
            place: found.map(Found::place),
            origin: json!(found.and_then(|f| Origin::of(f.folder.as_deref()?))),
            digest: found.map(|f| f.digest.clone()),
            hooks: json!(found.map(|f| &f.manifest.hooks)),
            permissions: json!(found.map(|f| &f.manifest.permissions)),
            wants: found.map(Found::sentences),
            commands: found.map(|f| f.manifest.commands.iter().map(|c| c.name.clone()).collect()),
            tools: found.map(|f| f.manifest.tools.iter().map(|t| t.name.clone()).collect()),
            failures: row.map_or(0, |row| row.failures),
            error: known.found.as_ref().err().map(Error::full_message).or_else(|| row?.error.clone()),
        }
    }
}
