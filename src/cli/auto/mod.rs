//! `fac auto`: what runs by itself: list, enable, try without effects, see what fired and why, and run it all.

mod install;
mod list;
mod trace;
mod trial;
mod triggers;
mod up;

use clap::Subcommand;

pub(super) use up::notes;

use super::Context;
use crate::kernel::error::Result;

const EXAMPLES: &str = "\
Examples:
  fac auto ls                         commands with an `**On:**`, and how they stand
  fac auto enable lights              let it fire, as it is now
  fac auto test lights --with t.json  what would happen, without doing it
  fac auto triggers                   what can stand in an `**On:**`
  fac auto up                         run them all until Ctrl-C
  fac auto trace lights               what fired it, what did not, and why
  fac tick                            everything due, once: for cron
  fac auto install cron               let cron do that every minute

Nothing fires that was not trusted and enabled. A definition that changes has to
be enabled again.";

/// Let commands run by themselves: on a schedule, a message, a change, an event
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List the commands with triggers, and whether they fire
    #[command(visible_alias = "list")]
    Ls,
    /// Show one with its triggers, its next times, and what it did last
    Show(Named),
    /// Let commands fire, as they are now
    Enable(Several),
    /// Keep commands from firing
    Disable(Several),
    Run(trial::RunArgs),
    Test(trial::TestArgs),
    Trace(trace::Args),
    Next(list::NextArgs),
    Up(up::Args),
    Install(install::Args),
    Triggers(triggers::Args),
}

/// One automation.
#[derive(Debug, clap::Args)]
struct Named {
    /// The command
    #[arg(required = true, value_name = "NAME")]
    automation: Vec<String>,
}

/// Several automations.
#[derive(Debug, clap::Args)]
struct Several {
    /// The commands; a name of several words stands in quotes
    #[arg(required = true, value_name = "NAME")]
    automations: Vec<String>,
}

pub(super) fn run(context: &mut Context, args: Args) -> Result<u8> {
    match args.what {
        What::Ls => list::ls(context),
        What::Show(named) => list::show(context, &named.automation),
        What::Enable(several) => list::enable(context, &several.automations),
        What::Disable(several) => list::disable(context, &several.automations),
        What::Run(args) => trial::run(context, &args),
        What::Test(args) => trial::test(context, &args),
        What::Trace(args) => trace::run(context, &args),
        What::Next(args) => list::next(context, &args),
        What::Up(args) => up::run(context, &args),
        What::Install(args) => install::run(context, &args),
        What::Triggers(args) => triggers::run(context, &args),
    }
}

/// A name as it was typed, in words.
fn words(name: &str) -> Vec<String> {
    name.split_whitespace().map(String::from).collect()
}
