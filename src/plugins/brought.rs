//! Commands that plugins bring: definitions like any other, in a source that has the plugin's name. Their one step calls
//! the plugin; whoever allowed the plugin allowed them.

use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};

use super::manifest::Manifest;
use super::places::Found;
use crate::commands::bind::{self, Bound};
use crate::commands::dialect::{SourceFile, native};
use crate::commands::model::{Command, Step, StepKind};
use crate::commands::source::{own, sync};
use crate::commands::tool::given;
use crate::kernel::error::{Context, Error, Kind, Result};
use crate::kernel::files::{ensure_private_dir, write_atomic};
use crate::store::{DefinitionFilter, DefinitionRow, NewGrant, NewSource, SourceKind, Store};

/// The option of a step that names the plugin which does it.
pub(super) const BY: &str = "plugin";
/// The option that names the function.
pub(super) const CALL: &str = "call";

/// Where the definitions of a plugin lie.
pub(super) fn folder(root: &Path, name: &str) -> PathBuf {
    root.join(name)
}

/// The identity of the source that holds them.
pub(super) fn spec(root: &Path, name: &str) -> String {
    format!("{}:{}", SourceKind::Dir.name(), folder(root, name).display())
}

/// Brings the commands of a plugin that was allowed: those of its manifest, and those of Markdown files beside it.
pub(super) fn bring(store: &Store, root: &Path, found: &Found) -> Result<()> {
    let name = &found.manifest.name;
    take_back(store, root, name)?;
    let pages = pages(found);
    if pages.is_empty() {
        return Ok(());
    }
    let folder = folder(root, name);
    ensure_private_dir(root)?;
    ensure_private_dir(&folder)?;
    for (file, text) in &pages {
        write_atomic(&folder.join(file), text, true)?;
    }
    let spec = spec(root, name);
    let source = store.add_source(&NewSource {
        name: own::unused(store, name)?,
        kind: SourceKind::Dir,
        spec: spec.clone(),
        reference: None,
        options: json!({}),
    })?;
    sync::folder(store, &source, &folder)?;
    let filter = DefinitionFilter { source: Some(source.name.clone()), with_json: true, ..DefinitionFilter::default() };
    let (rows, _) = store.list_definitions(&filter, None, 10_000)?;
    let own = page_name(name);
    if let Some(row) = rows.iter().find(|row| row.path == own && !is_promised(row, &found.manifest)) {
        let said = format!("the command `{}` of `{name}` would be more than a call of the plugin", row.name);
        take_back(store, root, name)?;
        return Err(Error::new(Kind::Refused, said).hint("look at its name, summary and params in plugin.toml"));
    }
    let grant = |row: DefinitionRow| NewGrant {
        source: spec.clone(),
        command: row.name,
        digest: row.digest,
        how: "plugin".to_string(),
        text: String::new(),
    };
    store.grant(&rows.into_iter().map(grant).collect::<Vec<_>>())
}

/// Whether a definition is what the manifest promises and its person was shown: one call of the plugin, under no other name,
/// and fired by nothing.
fn is_promised(row: &DefinitionRow, manifest: &Manifest) -> bool {
    let Some(Ok(command)) = row.json.as_deref().map(serde_json::from_str::<Command>) else { return false };
    let Some(promised) = manifest.commands.iter().find(|one| one.name == command.name) else { return false };
    let calls = |step: &Step| {
        let says = |name: &str, what: &str| step.options.get(name).is_some_and(|said| said == what);
        step.kind == StepKind::Lua && says(BY, &manifest.name) && says(CALL, &promised.name)
    };
    matches!(command.steps.as_slice(), [step] if calls(step))
        && command.tool.unwrap_or(false) == promised.tool
        && [command.aliases.len(), command.env.len(), command.triggers.len(), command.requires.len()] == [0; 4]
}

/// What a command of a manifest is given, with its defaults; `None` where the manifest has no such command.
///
/// # Errors
/// `Usage` for what does not fit its parameters.
pub(super) fn bound(manifest: &Manifest, command: &str, arguments: &Json) -> Result<Option<Bound>> {
    let path = page_name(&manifest.name);
    let commands = native::read(&SourceFile { path: &path, text: &page(manifest) }).commands;
    let Some(command) = commands.iter().find(|one| one.name == command) else { return Ok(None) };
    bind::check(command, &given(command, arguments)?, &|_| None).map(Some)
}

/// Takes the commands of a plugin back.
pub(super) fn take_back(store: &Store, root: &Path, name: &str) -> Result<()> {
    let spec = spec(root, name);
    if let Some(source) = store.source_by_spec(&spec)? {
        store.revoke(Some(&spec), None)?;
        store.remove_source(source.id)?;
    }
    let folder = folder(root, name);
    if folder.is_dir() {
        std::fs::remove_dir_all(&folder).context(Kind::Failed, || format!("cannot remove {}", folder.display()))?;
    }
    Ok(())
}

/// Files of definitions, by name.
fn pages(found: &Found) -> Vec<(String, Vec<u8>)> {
    let mut pages: Vec<(String, Vec<u8>)> = Vec::new();
    if !found.manifest.commands.is_empty() {
        pages.push((page_name(&found.manifest.name), page(&found.manifest).into_bytes()));
    }
    pages.extend(found.pages().cloned());
    pages
}

fn page_name(plugin: &str) -> String {
    format!("{plugin}.plugin.md")
}

/// The commands of a manifest as definitions.
fn page(manifest: &Manifest) -> String {
    let mut text = format!("---\nfactotum: 1\n---\n# {0}\n\n## {0}\n", manifest.name);
    for command in &manifest.commands {
        let params = if command.params.is_empty() { String::new() } else { format!(" {}", command.params) };
        text.push_str(&format!("\n### `/{}{params}`\n", command.name));
        let mut fields = vec![format!("**Description:** {}", command.summary)];
        if !command.effects.is_empty() {
            fields.push(format!("**Effects:** {}", command.effects));
        }
        if command.tool {
            fields.push("**Tool:** yes".to_string());
        }
        text.push_str(&fields.join("\\\n"));
        let (by, name) = (BY, &manifest.name);
        text.push_str(&format!("\n\n```lua {{{by}={name} {CALL}=\"{}\"}}\n", command.name));
        text.push_str(&format!("-- The plugin `{name}` does this.\n```\n"));
    }
    text
}
