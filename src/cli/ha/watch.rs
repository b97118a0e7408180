//! `fac ha watch|events`: what happens there, as it happens.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

use serde_json::Value as Json;

use super::super::Context;
use super::super::ui::Role;
use crate::automations::ha::link::News;
use crate::automations::ha::{Change, HomeLink, States};
use crate::chat::policy::fits;
use crate::exec::signals::StopOnSignals;
use crate::kernel::duration::parse_ms;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::terminal::safe_line;

/// How long the first connection may take.
const PATIENCE: Duration = Duration::from_secs(15);
/// How often it is looked meanwhile whether to end.
const LOOK: Duration = Duration::from_millis(100);

/// Show changes of states as they happen
#[derive(Debug, clap::Args)]
pub(super) struct WatchArgs {
    /// Only these entities; * stands for any text
    entities: Vec<String>,
    /// Also when only an attribute changes
    #[arg(short, long)]
    attributes: bool,
    #[command(flatten)]
    end: End,
}

/// Show events of all kinds as they happen
#[derive(Debug, clap::Args)]
pub(super) struct EventsArgs {
    /// Only these kinds, such as call_service
    kinds: Vec<String>,
    #[command(flatten)]
    end: End,
}

/// When to end.
#[derive(Debug, clap::Args)]
struct End {
    /// End after so many
    #[arg(short = 'C', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// End after this time; with --count, exit code 124 when fewer came
    #[arg(short = 'W', long, value_name = "TIME", value_parser = time)]
    wait: Option<Duration>,
}

fn time(text: &str) -> Result<Duration, String> {
    parse_ms(text).map(Duration::from_millis).ok_or_else(|| "it is no length of time such as `10s`".to_string())
}

enum Wake {
    News(News),
    Stop,
}

pub(super) fn watch(context: &mut Context, args: &WatchArgs) -> Result<u8> {
    let wanted = |change: &Change| {
        let same = change.before.as_ref().map(|s| &s["state"]) == change.after.as_ref().map(|s| &s["state"]);
        (args.attributes || !same)
            && (args.entities.is_empty() || args.entities.iter().any(|e| fits(e, &change.entity)))
    };
    follow(context, Vec::new(), &args.entities, &args.end, &mut |context, news| match news {
        News::Changed(change) if wanted(&change) => print_change(context, &change).map(|()| true),
        _ => Ok(false),
    })
}

pub(super) fn events(context: &mut Context, args: &EventsArgs) -> Result<u8> {
    let kinds = if args.kinds.is_empty() { vec!["*".to_string()] } else { args.kinds.clone() };
    follow(context, kinds, &[], &args.end, &mut |context, news| match news {
        News::Event(event) => print_event(context, &event).map(|()| true),
        _ => Ok(false),
    })
}

fn follow(
    context: &Context,
    kinds: Vec<String>,
    entities: &[String],
    end: &End,
    take: &mut dyn FnMut(&Context, News) -> Result<bool>,
) -> Result<u8> {
    let home = context.app.home()?;
    let signals = StopOnSignals::new()?;
    let (tell, told) = sync_channel(1000);
    stop_wakes(signals.stop().clone(), tell.clone());
    let mut link = HomeLink::start(&home, States::default(), kinds, hand_on(tell))?;
    let within = end.wait.map_or(PATIENCE, |wait| wait.min(PATIENCE));
    let until = Instant::now() + within;
    loop {
        // In short looks, so that Ctrl-C is heard meanwhile.
        match link.wait_up(LOOK.min(until.saturating_duration_since(Instant::now()))) {
            Ok(()) => break,
            Err(_) if signals.stop().is_requested() => return Ok(Kind::Interrupted.exit_code()),
            Err(error) if error.kind() == Kind::Refused || Instant::now() >= until => return Err(error),
            Err(_) => {}
        }
    }
    let names = link.states().names();
    context.app.keep_entities(&names);
    for entity in entities.iter().filter(|entity| !names.iter().any(|(name, _)| fits(entity, name))) {
        context
            .ui
            .warn(&safe_line(&format!("there is nothing called {entity} now; `fac ha states` lists what there is")));
    }
    let ended = until_end(context, end, take, &told);
    link.stop();
    ended
}

fn until_end(
    context: &Context,
    end: &End,
    take: &mut dyn FnMut(&Context, News) -> Result<bool>,
    told: &Receiver<Wake>,
) -> Result<u8> {
    let until = end.wait.map(|wait| Instant::now() + wait);
    let mut seen = 0;
    loop {
        let patience = until.map_or(Duration::from_secs(3600), |at| at.saturating_duration_since(Instant::now()));
        match told.recv_timeout(patience) {
            Ok(Wake::Stop) => return Ok(Kind::Interrupted.exit_code()),
            Ok(Wake::News(News::Down(said, wait))) => {
                context.ui.note(&safe_line(&format!("{said}; trying again in {:.1} s", wait.as_secs_f32())));
            }
            Ok(Wake::News(news)) => seen += u64::from(take(context, news)?),
            Err(RecvTimeoutError::Timeout) if until.is_some_and(|at| at <= Instant::now()) => {
                return match end.count {
                    Some(count) => Err(Error::new(Kind::TimedOut, format!("{seen} of {count} came in time"))),
                    None => Ok(0),
                };
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Ok(0),
        }
        if end.count.is_some_and(|count| seen >= count) || context.ui.closed() {
            return Ok(0);
        }
    }
}

fn hand_on(tell: SyncSender<Wake>) -> impl FnMut(News) -> Option<News> + Send {
    move |news| match tell.try_send(Wake::News(news)) {
        Err(TrySendError::Full(Wake::News(news))) => Some(news),
        _ => None,
    }
}

fn stop_wakes(stop: crate::exec::Stop, tell: SyncSender<Wake>) {
    // Without a thread the signal is seen at the next change.
    let _ = std::thread::Builder::new().name("stop".into()).spawn(move || {
        while !stop.wait(Duration::from_secs(3600)) {}
        let _ = tell.send(Wake::Stop);
    });
}

fn print_change(context: &Context, change: &Change) -> Result<()> {
    let at = context.app.clock.now();
    let data = change.data(&at.to_string());
    if context.ui.json {
        return context.ui.line(&super::super::ui::json_line(&data));
    }
    let word = |value: &Json| value.as_str().map_or_else(|| "(none)".to_string(), |text| safe_line(text).into_owned());
    let ui = &context.ui;
    let late = if change.found_late { ui.paint(Role::Dim, "  (while not connected)") } else { String::new() };
    let entity = ui.paint(Role::Name, &safe_line(&change.entity));
    let time = ui.paint(Role::Dim, &clock_time(at.as_micros()));
    ui.line(&format!("{time}  {entity}  {} → {}{late}", word(&data["from"]), word(&data["to"])))
}

fn print_event(context: &Context, event: &Json) -> Result<()> {
    if context.ui.json {
        return context.ui.line(&super::super::ui::json_line(event));
    }
    let ui = &context.ui;
    let kind = ui.paint(Role::Name, &safe_line(event["event_type"].as_str().unwrap_or_default()));
    let at = clock_time(context.app.clock.now().as_micros());
    ui.line(&format!("{}  {kind}  {}", ui.paint(Role::Dim, &at), safe_line(&event["data"].to_string())))
}

/// `hours:minutes:seconds` on the clock of this machine.
fn clock_time(micros: i64) -> String {
    let at = jiff::Timestamp::from_microsecond(micros).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    at.to_zoned(jiff::tz::TimeZone::system()).strftime("%H:%M:%S").to_string()
}
