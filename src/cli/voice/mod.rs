//! `fac voice`: devices, cleaning, models, recordings and their texts. One file a subcommand.

mod engine;
mod models;
mod recordings;
mod transcribe;
mod voices;

use clap::Subcommand;

use super::Context;
use crate::kernel::error::Result;

/// Microphones, models, recordings: everything about sound but listening and saying
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: VoiceCommand,
}

#[derive(Debug, Subcommand)]
enum VoiceCommand {
    Transcribe(transcribe::Args),
    Recordings(recordings::Args),
    Retry(recordings::RetryArgs),
    Models(models::Args),
    Voices(voices::Args),
    #[command(hide = true)]
    Engine(engine::Args),
}

pub(super) fn run(context: &mut Context, args: Args) -> Result<u8> {
    match args.what {
        VoiceCommand::Transcribe(args) => transcribe::run(context, &args),
        VoiceCommand::Recordings(args) => recordings::run(context, args),
        VoiceCommand::Retry(args) => recordings::retry(context, &args),
        VoiceCommand::Models(args) => models::run(context, args),
        VoiceCommand::Voices(args) => voices::run(context, &args),
        VoiceCommand::Engine(args) => engine::run(&args),
    }
}
