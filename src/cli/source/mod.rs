//! `fac source`: add, list, update, compare, trust, pin and remove where definitions come from.

mod add;
mod list;
mod progress;
mod trust;
mod update;

use clap::Subcommand;

use super::Context;
use crate::commands::bind::nearest;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::figures::counted;
use crate::store::{Source, SourceKind, Store};

const EXAMPLES: &str = "\
Examples:
  fac source add github:owner/repo
  fac source add github:owner/repo/docs/commands@v2 --name ops
  fac source add https://github.com/owner/repo/tree/main/tasks
  fac source add ./scripts --as xc
  fac source trust ops
  fac source update";

/// Add, list, update, compare, trust and remove sources of commands
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Add(add::Args),
    Ls(list::Args),
    Info(list::InfoArgs),
    Update(update::Args),
    Diff(trust::DiffArgs),
    Trust(trust::Args),
    Untrust(trust::UntrustArgs),
    Pin(update::PinArgs),
    Rm(list::RmArgs),
}

pub(super) fn run(context: &mut Context, args: Args) -> Result<u8> {
    match args.what {
        What::Add(args) => add::run(context, &args),
        What::Ls(args) => list::run(context, &args),
        What::Info(args) => list::info(context, &args),
        What::Update(args) => update::run(context, &args),
        What::Diff(args) => trust::diff(context, &args),
        What::Trust(args) => trust::run(context, &args),
        What::Untrust(args) => trust::untrust(context, &args),
        What::Pin(args) => update::pin(context, &args),
        What::Rm(args) => list::rm(context, &args),
    }
}

/// Adds a source as `fac source add SPEC` does.
pub(super) fn add_spec(context: &mut Context, spec: &str) -> Result<u8> {
    add::run(context, &add::Args::of(spec))
}

/// The source of that name. `project` means the current project's.
pub(super) fn named(context: &Context, name: &str) -> Result<Source> {
    let store = context.app.store()?;
    if let Some(source) = store.source_by_name(name)? {
        return Ok(source);
    }
    if name == "project"
        && let Some(spec) = context.app.project_spec()
        && let Some(source) = store.source_by_spec(&spec)?
    {
        return Ok(source);
    }
    Err(unknown(store, name))
}

/// Sources that can be seen from here: those of other projects cannot.
fn visible(context: &Context, sources: Vec<Source>) -> Vec<Source> {
    let project = context.app.project_spec();
    let seen = |s: &Source| s.kind != SourceKind::Project || project.as_deref() == Some(s.spec.as_str());
    sources.into_iter().filter(seen).collect()
}

/// There is no such source; the nearest one is named.
pub(super) fn unknown(store: &Store, name: &str) -> Error {
    let error = Error::new(Kind::NotFound, format!("there is no source `{name}`"));
    let sources = store.sources().unwrap_or_default();
    match nearest(name, sources.iter().map(|s| s.name.as_str())) {
        Some(near) => error.hint(format!("did you mean `{near}`? `fac source ls` lists all")),
        None => error.hint("`fac source ls` lists all, `fac source add SPEC` adds one"),
    }
}
