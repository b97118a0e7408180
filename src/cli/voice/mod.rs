//! `fac voice`: devices, a meter, a test and a doctor for them, one file each.

mod devices;
mod doctor;
mod level;
mod test;

use clap::Subcommand;

use super::Context;
use crate::kernel::error::Result;

const EXAMPLES: &str = "\
Examples:
  fac voice devices                   microphones and speakers, and which one is taken
  fac voice level                     a meter of what the microphone hears; Ctrl-C ends it
  fac voice test                      record three seconds, play them back, say how they were
  fac voice doctor                    the reason when nothing is heard

The devices are chosen by voice.microphone and voice.speaker, lists in the order of
preference; where they are empty the default of the system is followed.";

/// Microphones and speakers: what is there, how loud it is, and why nothing is heard
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
}

pub(super) fn run(context: &mut Context, args: Args) -> Result<u8> {
    match args.what {
        VoiceCommand::Devices(args) => devices::run(context, &args),
        VoiceCommand::Level(args) => level::run(context, &args),
        VoiceCommand::Test(args) => test::run(context, &args),
        VoiceCommand::Doctor(args) => doctor::run(context, &args),
    }
}
