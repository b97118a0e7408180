//! `fac mqtt sub`: what is said on topics, as it comes.

use std::collections::BTreeSet;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use super::super::Context;
use super::format::{LETTERS, Pattern};
use super::{There, Will, only_five, qos, time};
use crate::automations::mqtt::broker::Version;
use crate::automations::mqtt::link::{Arrival, Options};
use crate::automations::mqtt::{Link, Message, Qos, Retained, Session, Subscription, topic};
use crate::exec::signals::StopOnSignals;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::terminal::{safe, safe_line};

/// Show what is published on topics
#[derive(Debug, clap::Args)]
#[command(after_help = format!("Letters of --format:\n  {LETTERS}"))]
pub(super) struct Args {
    /// Topics; + stands for one level and # for all that follow
    #[arg(required = true)]
    topics: Vec<String>,
    /// The best quality that is wanted: 0, 1 or 2
    #[arg(short = 'Q', long, value_name = "N", value_parser = qos, default_value = "0")]
    qos: Qos,
    /// End after so many messages
    #[arg(short = 'C', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// End after this time; with --count, exit code 124 when fewer came
    #[arg(short = 'W', long, value_name = "TIME", value_parser = time)]
    wait: Option<Duration>,
    /// A line by a pattern such as '%I %t %p' (letters below)
    #[arg(short = 'F', long, value_name = "PATTERN", conflicts_with = "raw")]
    format: Option<String>,
    /// Write payloads and nothing else, without ends of lines
    #[arg(long)]
    raw: bool,
    /// Leave retained messages out
    #[arg(short = 'R', long)]
    no_retained: bool,
    /// Only retained messages; ends when they are through
    #[arg(long, conflicts_with = "no_retained")]
    retained: bool,
    /// Leave out what fits this filter (may be said again)
    #[arg(short = 'T', long = "without", value_name = "FILTER")]
    without: Vec<String>,
    /// Have the broker keep what is missed for so long; needs --id
    #[arg(long, value_name = "TIME", value_parser = time, requires = "id")]
    keep: Option<Duration>,
    /// Wait for a broker that is away
    #[arg(long)]
    patient: bool,
    #[command(flatten)]
    there: There,
    #[command(flatten)]
    will: Will,
}

/// What wakes the loop.
enum Wake {
    Heard(Arrival),
    Stop,
}

pub(super) fn run(context: &mut Context, args: &Args) -> Result<u8> {
    let broker = args.there.broker(context)?;
    args.without.iter().try_for_each(|filter| topic::check_filter(filter))?;
    if args.topics.iter().any(|t| t.starts_with("$share/")) && broker.version == Version::Three {
        return Err(only_five("a shared subscription"));
    }
    let retained = if args.no_retained { Retained::Never } else { Retained::Always };
    let all = args.topics.iter().map(|filter| Subscription {
        filter: filter.clone(),
        qos: args.qos,
        retained,
        ..Subscription::default()
    });
    let session = Session {
        client_id: args.there.id.clone().unwrap_or_default(),
        keep: args.keep,
        will: args.will.publish(),
        // Only what was printed is acknowledged: whoever is killed loses nothing that a kept session holds.
        manual: args.qos != Qos::Most,
        ..Session::default()
    };
    let options = Options { session, subscriptions: all.collect(), ..Options::default() };
    let lines = Lines::new(context, args)?;
    let signals = StopOnSignals::new()?;
    let (tell, told) = sync_channel(1000);
    watch(signals.stop().clone(), tell.clone());
    let mut link = Link::start(&broker, options, hear(tell))?;
    let until = args.wait.map(|wait| Instant::now() + wait);
    if !args.patient {
        let within = args.wait.map_or(broker.timeout, |wait| wait.min(broker.timeout));
        match link.wait_up_unless(within, &|| signals.stop().is_requested()) {
            Err(error) if error.kind() == Kind::Interrupted => return Ok(Kind::Interrupted.exit_code()),
            Err(_) if args.count.is_some() && until.is_some_and(|until| until <= Instant::now()) => {
                return over(args, args.count);
            }
            waited => waited?,
        }
    }
    let ended = follow(context, args, until, &lines, &told);
    link.stop();
    ended
}

/// Hands on what is heard; where there is no room it is offered again.
fn hear(tell: SyncSender<Wake>) -> impl FnMut(Arrival) -> Option<Arrival> + Send {
    move |arrival| match tell.try_send(Wake::Heard(arrival)) {
        Err(TrySendError::Full(Wake::Heard(arrival))) => Some(arrival),
        _ => None,
    }
}

/// Wakes the loop when it is to end.
fn watch(stop: crate::exec::Stop, tell: SyncSender<Wake>) {
    // Without a thread the signal is seen at the next message.
    let _ = std::thread::Builder::new().name("stop".into()).spawn(move || {
        while !stop.wait(Duration::from_secs(3600)) {}
        let _ = tell.send(Wake::Stop);
    });
}

fn follow(context: &Context, args: &Args, until: Option<Instant>, lines: &Lines, told: &Receiver<Wake>) -> Result<u8> {
    let mut left = args.count;
    let (mut listening, mut down, mut refused) = (false, false, BTreeSet::new());
    loop {
        // The broker sends what it kept right behind its answer; a moment of silence says that this was all.
        let quiet = (args.retained && listening).then(|| Duration::from_millis(300));
        let patience = until.map(|at| at.saturating_duration_since(Instant::now()));
        let patience = [quiet, patience].into_iter().flatten().min().unwrap_or(Duration::from_secs(3600));
        let wake = match told.recv_timeout(patience) {
            Ok(wake) => wake,
            Err(RecvTimeoutError::Timeout) if until.is_some_and(|at| at <= Instant::now()) => {
                return over(args, left);
            }
            Err(RecvTimeoutError::Timeout) if quiet.is_some() => return over(args, left),
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => return Ok(0),
        };
        match wake {
            Wake::Stop => return Ok(Kind::Interrupted.exit_code()),
            Wake::Heard(Arrival::Message(message, token)) => {
                if wanted(args, &message) {
                    lines.print(context, &message)?;
                    left = left.map(|n| n.saturating_sub(1));
                }
                token.into_iter().for_each(crate::automations::mqtt::link::Token::give);
                if left == Some(0) || context.ui.closed() {
                    return Ok(0);
                }
            }
            Wake::Heard(Arrival::Listening) => listening = true,
            Wake::Heard(Arrival::Refused(filter, why)) => {
                let said = format!("the broker refuses the subscription {filter}: {why}");
                refused.insert(filter);
                if args.topics.iter().all(|topic| refused.contains(topic)) {
                    return Err(Error::new(Kind::Refused, said).hint("check what you may listen to there"));
                }
                context.ui.warn(&safe_line(&said));
            }
            Wake::Heard(Arrival::TooLarge(topic, bytes)) => {
                context.ui.warn(&safe_line(&format!("a message of {bytes} bytes on {topic} was skipped")));
            }
            Wake::Heard(Arrival::Down(trouble, wait)) => {
                down = true;
                let seconds = wait.as_secs_f32();
                context.ui.note(&safe_line(&format!("{}; trying again in {seconds:.1} s", trouble.said)));
            }
            Wake::Heard(Arrival::Up { session_present }) if std::mem::take(&mut down) => {
                let lost = args.keep.is_some() && !session_present;
                let but = if lost { "; the broker kept nothing of what came meanwhile" } else { "" };
                context.ui.note(&format!("connected again{but}"));
            }
            Wake::Heard(Arrival::Up { .. }) => {}
        }
    }
}

fn over(args: &Args, left: Option<u64>) -> Result<u8> {
    match (left, args.count) {
        (Some(left), Some(count)) if left > 0 => {
            let said = format!("{} of {count} messages came in time", count - left);
            Err(Error::new(Kind::TimedOut, said))
        }
        _ => Ok(0),
    }
}

fn wanted(args: &Args, message: &Message) -> bool {
    let kind = match message.retain {
        true => !args.no_retained,
        false => !args.retained,
    };
    kind && !args.without.iter().any(|filter| topic::fits(filter, &message.topic))
}

/// How messages are printed.
struct Lines {
    pattern: Pattern,
    end: &'static [u8],
}

impl Lines {
    fn new(context: &Context, args: &Args) -> Result<Lines> {
        let several = args.topics.len() > 1 || args.topics.iter().any(|t| t.contains(['+', '#']));
        let pattern = match &args.format {
            Some(text) => Pattern::parse(text)?,
            None if context.ui.json => Pattern::parse("%j")?,
            None if several && !args.raw => Pattern::parse("%t %p")?,
            None => Pattern::parse("%p")?,
        };
        Ok(Lines { pattern, end: if args.raw && !context.ui.json { b"" } else { b"\n" } })
    }

    fn print(&self, context: &Context, message: &Message) -> Result<()> {
        let at = context.app.clock.now();
        let whole = || {
            let mut all = message.to_json();
            all.insert("at".into(), json!(at.to_string()));
            Json::Object(all)
        };
        let mut line = self.pattern.show(message, at, &whole);
        if context.ui.stdout_terminal {
            line = safe(&String::from_utf8_lossy(&line)).into_owned().into_bytes();
        }
        line.extend_from_slice(self.end);
        context.ui.write(&line)
    }
}
