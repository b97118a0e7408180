//! `fac ha`: Home Assistant's states, services and events.

mod act;
mod list;
mod watch;

use clap::Subcommand;

use super::Context;
use crate::kernel::error::Result;

const EXAMPLES: &str = "\
Examples:
  fac ha states                               all entities and what they are
  fac ha states 'light.*' kitchen             those that fit
  fac ha get sensor.outside -a temperature    one attribute
  fac ha set light.kitchen on
  fac ha set input_number.level 42
  fac ha call light.turn_on -e light.kitchen brightness_pct:=40
  fac ha services light                       what can be called, and with what
  fac ha watch binary_sensor.door             changes, as they happen
  fac ha events call_service --json

  fac config set homeassistant.url http://homeassistant.local:8123
  fac secret set homeassistant                a long-lived access token
  fac config set homeassistant.discovery true (enabled commands become buttons)";

/// See and change what Home Assistant knows
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    States(list::StatesArgs),
    Get(list::GetArgs),
    Set(act::SetArgs),
    Call(act::CallArgs),
    Watch(watch::WatchArgs),
    Events(watch::EventsArgs),
    Services(list::ServicesArgs),
}

pub(super) fn run(context: &mut Context, args: Args) -> Result<u8> {
    match args.what {
        What::States(args) => list::states(context, &args),
        What::Get(args) => list::get(context, &args),
        What::Set(args) => act::set(context, &args),
        What::Call(args) => act::call(context, &args),
        What::Watch(args) => watch::watch(context, &args),
        What::Events(args) => watch::events(context, &args),
        What::Services(args) => list::services(context, &args),
    }
}
