//! `fac voice`: everything about sound but listening and saying, one file a subcommand.

mod bench;
mod clean;
mod devices;
mod doctor;
mod engine;
mod level;
mod models;
mod recordings;
pub(super) mod scribe;
mod test;
mod transcribe;
mod voices;

use clap::Subcommand;

use super::Context;
use crate::kernel::error::Result;

const EXAMPLES: &str = "\
Examples:
  fac voice devices                   microphones and speakers, and which one is taken
  fac voice level                     a meter of what the microphone hears; Ctrl-C ends it
  fac voice test                      record three seconds, play them back, say how they were
  fac voice doctor                    the reason when nothing is heard
  fac voice clean noisy.wav out.wav   take the noise out of a recording
  fac voice transcribe talk.ogg       the words of a recording

The devices are chosen by voice.microphones and voice.loudspeakers, lists in the order of
preference; where they are empty the default of the system is followed.";

/// Microphones, cleaning, models, recordings: everything about sound but listening and saying
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    what: VoiceCommand,
}

#[derive(Debug, Subcommand)]
enum VoiceCommand {
    Devices(devices::Args),
    Level(level::Args),
    Test(test::Args),
    Doctor(doctor::Args),
    Clean(clean::Args),
    Bench(bench::Args),
    Transcribe(transcribe::Args),
    Recordings(recordings::Args),
    Retry(recordings::RetryArgs),
    /// Whisper models: list, fetch, remove
    #[command(subcommand)]
    Models(models::Models),
    Voices(voices::Args),
    #[command(hide = true)]
    Engine(engine::Args),
}

pub(super) fn run(context: &mut Context, args: Args) -> Result<u8> {
    match args.what {
        VoiceCommand::Devices(args) => devices::run(context, &args),
        VoiceCommand::Level(args) => level::run(context, &args),
        VoiceCommand::Test(args) => test::run(context, &args),
        VoiceCommand::Doctor(args) => doctor::run(context, &args),
        VoiceCommand::Clean(args) => clean::run(context, &args),
        VoiceCommand::Bench(args) => bench::run(context, &args),
        VoiceCommand::Transcribe(args) => transcribe::run(context, &args),
        VoiceCommand::Recordings(args) => recordings::run(context, args),
        VoiceCommand::Retry(args) => recordings::retry(context, &args),
        VoiceCommand::Models(what) => models::run(context, what),
        VoiceCommand::Voices(args) => voices::run(context, &args),
        VoiceCommand::Engine(args) => engine::run(&args),
    }
}
