//! `fac watch`: whether addresses answer as they should, told when that changes.

mod live;

use std::collections::HashSet;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use serde_json::{Value as Json, json};

use self::live::Live;
use super::Context;
use super::args::time;
use super::ui::Role;
use crate::automations::watchdog::{Expected, Plan, Seen, Standing, Watchdog, address, shown};
use crate::exec::Stop;
use crate::exec::signals::StopOnSignals;
use crate::kernel::duration::human_ms;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::events::{Event, WATCH_DOWN, WATCH_UP};
use crate::kernel::terminal::safe_line;

const EXAMPLES: &str = "\
Examples:
  fac watch https://example.org
  fac watch example.org localhost:8080/health --every 10s
  fac watch https://example.org/status --expect '\"ok\"'
  fac watch localhost:8080 --expect 204 --timeout 2s
  fac watch https://example.org --once && echo up     exit code 1 where one is down

Each change is an event: `event watch.down` and `event watch.up` fire automations,
with $trigger_subject the address and $trigger_payload what was wrong.";

/// How often it is looked whether it is to end.
const GLANCE: Duration = Duration::from_millis(100);

/// Watch addresses, and tell when one stops answering as it should
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The addresses
    #[arg(required = true, value_name = "URL")]
    urls: Vec<String>,
    /// How long from one look to the next
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = time)]
    every: Duration,
    /// The status that must come (three digits), or a text that the answer must hold; any status below 400 otherwise
    #[arg(long, value_name = "CODE|TEXT")]
    expect: Option<String>,
    /// How long an answer may take
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = time)]
    timeout: Duration,
    /// Look once at each and end; exit code 1 where one is down
    #[arg(long)]
    once: bool,
}

pub(super) fn run(context: &mut Context, args: &Args) -> Result<u8> {
    let urls = args.urls.iter().map(|text| address(text)).collect::<Result<Vec<_>>>()?;
    let mut known = HashSet::new();
    let urls: Vec<_> = urls.into_iter().filter(|url| known.insert(url.clone())).collect();
    let names: Vec<String> = urls.iter().map(shown).collect();
    let expected = args.expect.as_deref().map_or(Expected::Fine, Expected::read);
    let plan = Plan { urls, expected, every: args.every, timeout: args.timeout, once: args.once };
    let signals = StopOnSignals::new()?;
    let (tell, told) = channel();
    let dog = Watchdog::start(context.app.http()?, plan, tell)?;
    let mut watch = Watch { standings: vec![Standing::default(); names.len()], names, context, once: args.once };
    let ended = watch.until_end(&told, signals.stop());
    drop(dog);
    match ended? {
        true => Ok(Kind::Interrupted.exit_code()),
        false => Ok(u8::from(watch.standings.iter().any(Standing::is_down))),
    }
}

struct Watch<'a> {
    names: Vec<String>,
    standings: Vec<Standing>,
    context: &'a Context,
    once: bool,
}

impl Watch<'_> {
    /// Hears what was seen until everything was, or it is asked to end; whether it was.
    fn until_end(&mut self, told: &Receiver<Seen>, stop: &Stop) -> Result<bool> {
        let ui = &self.context.ui;
        let mut live = Live::new(ui).filter(|_| !self.once);
        loop {
            if let Some(live) = &mut live {
                live.draw(&self.names, &self.standings)?;
            }
            let seen = told.recv_timeout(GLANCE);
            if stop.is_requested() {
                return Ok(true);
            }
            match seen {
                Ok(seen) => {
                    let number = seen.number;
                    let before = self.standings[number].clone();
                    if self.standings[number].take(seen) {
                        if let Some(live) = &mut live {
                            live.clear()?;
                        }
                        self.changed(number, &before)?;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(false),
            }
            if ui.closed() {
                return Ok(false);
            }
        }
    }

    /// Says that an address stands otherwise than before, and writes it into the log of events.
    fn changed(&self, number: usize, before: &Standing) -> Result<()> {
        let (name, standing) = (&self.names[number], &self.standings[number]);
        let Some(seen) = &standing.last else { return Ok(()) };
        let (ui, at) = (&self.context.ui, self.context.app.clock.now());
        let value = json!({
            "url": name, "state": if seen.wrong.is_some() { "down" } else { "up" }, "at": at, "status": seen.status,
            "took_ms": seen.took_ms, "why": seen.wrong, "looks": standing.looks, "wrong": standing.wrong,
        });
        // That it is up at first is how it should be, and no news; looking once leaves no trace.
        if !self.once && (seen.wrong.is_some() || before.last.is_some()) {
            self.tell(name, value.clone());
        }
        if ui.json {
            return ui.line(&super::ui::json_line(&value));
        }
        let took = human_ms(seen.took_ms);
        let (word, role, said) = match &seen.wrong {
            None => ("up", Role::Good, took),
            Some(wrong) => ("down", Role::Bad, wrong.clone()),
        };
        let (time, word) = (ui.paint(Role::Dim, &at.local_slot()), ui.paint(role, &format!("{word:<4}")));
        ui.line(&format!("{time}  {word}  {}  {}", ui.paint(Role::Name, &safe_line(name)), safe_line(&said)))
    }

    /// Writes it into the log, where automations hear it. Where that cannot be, the watch goes on.
    fn tell(&self, name: &str, value: Json) {
        let kind = if value["state"] == "down" { WATCH_DOWN } else { WATCH_UP };
        let written = self.context.app.store().and_then(|store| store.append(&Event::new(kind, name, value)).map(drop));
        if let Err(error) = written {
            let error = Error::new(error.kind(), "it could not be written into the log of events").because(error);
            self.context.ui.warn(&error.full_message());
        }
    }
}
