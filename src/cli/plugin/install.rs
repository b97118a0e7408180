//! `fac plugin install`: a plugin of a folder, a source or a repository is copied into the user's own folder.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::super::source::progress::watched;
use super::super::{Context, ask};
use crate::commands::source::spec::Spec;
use crate::kernel::error::{Context as _, Error, Kind, Result};
use crate::kernel::files::{ensure_dir, write_atomic};
use crate::kernel::terminal::safe_line;
use crate::plugins::manifest::MANIFEST;
use crate::plugins::origin::Origin;
use crate::plugins::places::{self, Found};
use crate::plugins::scaffold;
use crate::store::SourceRef;

const EXAMPLES: &str = "\
Examples:
  fac plugin install ./tidy
  fac plugin install github:owner/repo              the only plugin of a repository
  fac plugin install github:owner/repo/plugins/tidy@v2
  fac plugin install kit/tidy                       one of a source that was added

Nothing of it runs until you allowed it. The same again fetches what is new.";

/// Copy a plugin into your plugins folder; it is not enabled by that
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Its folder, github:owner/repo[/path][@ref], or SOURCE/NAME for one in a source
    #[arg(value_name = "FOLDER")]
    file: PathBuf,
}

pub(super) fn run(context: &mut Context, args: &Args) -> Result<u8> {
    let (found, origin) = bring(context, &args.file)?;
    let name = &found.manifest.name;
    let folder = context.app.paths.plugins_dir.join(name);
    let was = folder.exists();
    let same = || places::read(&folder).is_ok_and(|old| old.digest == found.digest);
    if was && !same() {
        may_replace(context, name, &folder, origin.as_ref())?;
    }
    write(&found, origin.as_ref(), &folder)?;
    if context.ui.json {
        context.ui.value(&json!({
            "name": name, "folder": folder, "version": found.manifest.version, "replaced": was, "origin": origin,
        }))?;
    }
    let word = if was { "replaced" } else { "installed" };
    let from = origin.map(|origin| format!(" from {}", origin.said())).unwrap_or_default();
    let said = format!("{word} `{name}` {}{from}", found.manifest.version);
    context.ui.note(&safe_line(&said));
    if places::bundled_names().contains(&name.as_str()) {
        context.ui.note("a bundled plugin has that name too; once this one is enabled it is used instead");
    }
    context.ui.note(&format!("`fac plugin enable {name}` shows what it wants, asks, and uses it"));
    Ok(0)
}

/// Reads or fetches what was typed.
fn bring(context: &Context, typed: &Path) -> Result<(Found, Option<Origin>)> {
    let remote = typed.to_str().filter(|text| text.contains(':') && !typed.exists());
    let spec = remote.map(|text| context.app.source_spec(text)).transpose()?;
    let Some(spec) = spec else { return Ok((places::read(&place_of(context, typed)?)?, None)) };
    match spec {
        Spec::Dir(folder) => Ok((places::read(&folder)?, None)),
        Spec::Url(url) => Err(Error::new(Kind::Usage, format!("{url} is one file and no plugin"))
            .hint("a plugin is fetched from github:owner/repo[/path][@ref]")),
        Spec::Github(spec) => {
            let app = &context.app;
            let (found, origin, notes) = watched(&context.ui, |watch| app.fetch_plugin(&spec, watch))?;
            notes.iter().take(8).for_each(|note| context.ui.note(&safe_line(note)));
            Ok((found, Some(origin)))
        }
    }
}

/// What lies there and came from elsewhere, or is the user's own work, is not replaced unasked.
fn may_replace(context: &Context, name: &str, folder: &Path, new: Option<&Origin>) -> Result<()> {
    let old = Origin::of(folder);
    if new.is_some_and(|new| old.as_ref().is_some_and(|old| old.from == new.from)) {
        return Ok(());
    }
    let theirs = old.map_or_else(
        || "is another, and was not fetched from a repository".to_string(),
        |old| format!("is {}", old.said()),
    );
    let said = format!("the plugin `{name}` that is installed {theirs}");
    if ask::yes(context, &format!("{}; replace it?", safe_line(&said)), false)? {
        return Ok(());
    }
    let hint = format!("`--yes` replaces it; `fac plugin rm {name}` removes it with all it keeps");
    Err(Error::new(Kind::Refused, said).hint(hint))
}

/// Makes the folder hold these files and no others of a plugin.
fn write(found: &Found, origin: Option<&Origin>, folder: &Path) -> Result<()> {
    ensure_dir(folder)?;
    // What the new version does not have must not stay.
    let old = places::part_files(folder)?;
    for file in old.iter().filter(|file| !found.files.iter().any(|(new, _)| new == *file)) {
        std::fs::remove_file(folder.join(file)).context(Kind::Failed, || format!("cannot remove {file}"))?;
    }
    for (file, bytes) in &found.files {
        write_atomic(&folder.join(file), bytes, false)?;
    }
    Origin::keep(origin, folder)?;
    scaffold::types(folder)
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
