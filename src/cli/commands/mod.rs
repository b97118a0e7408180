//! `fac commands`: list, show, search, check, write, bind and export definitions.

mod bind;
mod check;
mod export;
mod list;
mod new;
mod show;

pub(super) use new::open_editor;

use clap::Subcommand;

use super::Context;
use crate::kernel::error::Result;

/// List, show, check, write and export commands
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Ls(list::Args),
    Show(show::Args),
    Search(list::SearchArgs),
    Check(check::Args),
    New(new::Args),
    Edit(new::EditArgs),
    Export(export::Args),
    Bind(bind::Args),
}

pub(super) fn run(context: &mut Context, args: Args) -> Result<u8> {
    match args.what {
        What::Ls(args) => list::run(context, &args),
        What::Show(args) => show::run(context, &args),
        What::Search(args) => list::search(context, &args),
        What::Check(args) => check::run(context, &args),
        What::New(args) => new::run(context, &args),
        What::Edit(args) => new::edit(context, &args),
        What::Export(args) => export::run(context, &args),
        What::Bind(args) => bind::run(context, &args),
    }
}
