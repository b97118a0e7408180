//! `fac source`: add, list, update, compare, trust, pin and remove where definitions come from.

mod add;
mod list;
pub(super) mod progress;
mod trust;
mod update;

use clap::Subcommand;

use super::Context;
use crate::kernel::error::Result;
use crate::kernel::figures::counted;
use crate::store::Source;

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
    context.app.source_named(name)
}
