//! `fac plugin new|install|rm`: folders of plugins.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::super::Context;
use crate::kernel::error::{Context as _, Error, Kind, Result};
use crate::kernel::files::{ensure_dir, write_atomic};
use crate::plugins::manifest::{Hook, MANIFEST};
use crate::plugins::{places, scaffold};
use crate::store::SourceRef;

/// Begin a plugin in your plugins folder
#[derive(Debug, clap::Args)]
pub(super) struct NewArgs {
    /// What to call it
    name: String,
    /// What it hears of (may be said again); `prompt` where nothing is said
    #[arg(long = "hook", value_name = "HOOK", value_parser = super::hook)]
    hooks: Vec<Hook>,
    /// Have it bring a command
    #[arg(long)]
    command: bool,
}

pub(super) fn new(context: &mut Context, args: &NewArgs) -> Result<u8> {
    let default = [Hook::Prompt];
    let hooks: &[Hook] = if args.hooks.is_empty() && !args.command { &default } else { &args.hooks };
    let folder = scaffold::new(&context.app.paths.plugins_dir, &args.name, hooks, args.command)?;
    let name = &args.name;
    if context.ui.json {
        context.ui.value(&json!({"name": name, "folder": folder}))?;
    } else {
        context.ui.line(&folder.display().to_string())?;
    }
    context.ui.note(&format!("edit main.luau; `fac plugin test {name}` tries it, `fac plugin enable {name}` uses it"));
    Ok(0)
}

/// Copy a plugin into your plugins folder; it is not enabled by that
#[derive(Debug, clap::Args)]
pub(super) struct InstallArgs {
    /// Its folder, or SOURCE/NAME for one in a source
    #[arg(value_name = "FOLDER")]
    file: PathBuf,
}

pub(super) fn install(context: &mut Context, args: &InstallArgs) -> Result<u8> {
    let found = places::read(&place_of(context, &args.file)?)?;
    let name = &found.manifest.name;
    let folder = context.app.paths.plugins_dir.join(name);
    let was = folder.exists();
    ensure_dir(&folder)?;
    if was {
        // What the new version does not have must not stay.
        let old = places::read(&folder).map(|old| old.files).unwrap_or_default();
        for (file, _) in old.iter().filter(|(file, _)| !found.files.iter().any(|(new, _)| new == file)) {
            std::fs::remove_file(folder.join(file)).context(Kind::Failed, || format!("cannot remove {file}"))?;
        }
    }
    for (file, bytes) in &found.files {
        write_atomic(&folder.join(file), bytes, false)?;
    }
    scaffold::types(&folder)?;
    if context.ui.json {
        context
            .ui
            .value(&json!({"name": name, "folder": folder, "version": found.manifest.version, "replaced": was}))?;
    }
    let word = if was { "replaced" } else { "installed" };
    context.ui.note(&format!("{word} `{name}` {}; `fac plugin enable {name}` uses it", found.manifest.version));
    Ok(0)
}

/// The folder that was typed, or the plugin's folder in a source: `plugins/NAME` of it, or `NAME`.
fn place_of(context: &Context, typed: &Path) -> Result<PathBuf> {
    let text = typed.to_string_lossy();
    let Some((source, name)) = text.split_once('/').filter(|(source, _)| !typed.exists() && !source.is_empty()) else {
        return Ok(typed.to_path_buf());
    };
    let store = context.app.store()?;
    let Some(row) = store.source_by_name(source)? else { return Ok(typed.to_path_buf()) };
    let catalog = context.app.catalog()?;
    let info = catalog.source_info(&SourceRef {
        id: row.id,
        name: row.name,
        kind: row.kind,
        spec: row.spec,
        rank: row.rank,
        commit: row.commit,
    });
    catalog.ensure_laid_out(&info)?;
    let base = info.base.unwrap_or_default();
    let mut folders = [base.join("plugins").join(name), base.join(name)].into_iter();
    folders.find(|folder| folder.join(MANIFEST).is_file()).ok_or_else(|| {
        Error::new(Kind::NotFound, format!("the source `{source}` has no plugin `{name}`"))
            .hint(format!("a plugin lies in plugins/{name} of it, with {MANIFEST} and main.luau"))
    })
}

pub(super) fn rm(context: &mut Context, name: &str) -> Result<u8> {
    let own = places::own(&context.app.paths.plugins_dir);
    let folder = own.iter().find(|(other, _)| other == name).map(|(_, folder)| folder.clone());
    let known = context.app.store()?.plugin(name)?.is_some();
    if folder.is_none() && !known {
        places::find(&context.app.paths.plugins_dir, name)?;
        return Err(Error::new(Kind::Usage, format!("`{name}` is bundled and was never enabled"))
            .hint("there is nothing of it to remove"));
    }
    context.app.plugins()?.remove(name)?;
    if let Some(folder) = &folder {
        std::fs::remove_dir_all(folder).context(Kind::Failed, || format!("cannot remove {}", folder.display()))?;
    }
    context.ui.note(&format!("removed `{name}` and all it kept"));
    if context.ui.json {
        context.ui.value(&json!({"name": name, "removed": true}))?;
    }
    Ok(0)
}
