//! `fac voice`: the sound side of the program, one file a subcommand.

mod bench;
mod clean;

use super::Context;
use crate::kernel::error::Result;

/// Devices, recordings, and what is made of them
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: VoiceCommand,
}

#[derive(Debug, clap::Subcommand)]
enum VoiceCommand {
    Clean(clean::Args),
    Bench(bench::Args),
}

pub(super) fn run(context: &mut Context, args: Args) -> Result<u8> {
    match args.what {
        VoiceCommand::Clean(args) => clean::run(context, &args),
        VoiceCommand::Bench(args) => bench::run(context, &args),
    }
}
