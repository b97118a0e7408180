//! `fac mqtt status`: which brokers answer, and how fast.

use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use super::super::Context;
use super::super::table::Table;
use super::super::ui::Role;
use crate::automations::mqtt::broker::shown;
use crate::automations::mqtt::link::{Arrival, Options};
use crate::automations::mqtt::{Broker, Link, Qos, Subscription};
use crate::kernel::error::{Error, Kind, Result};

/// Where brokers say what they are.
const VERSION: &str = "$SYS/broker/version";

/// Connect to the brokers of the settings and say how each answers
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only this one: a name in the settings, or an address
    broker: Option<String>,
}

/// What a broker answered.
struct Answered {
    name: String,
    place: String,
    protocol: &'static str,
    how: Result<(Duration, Option<String>)>,
}

pub(super) fn run(context: &mut Context, args: &Args) -> Result<u8> {
    let brokers = context.app.brokers()?;
    let mut names: Vec<String> = match &args.broker {
        Some(name) => vec![name.clone()],
        None => brokers.names().into_iter().map(String::from).collect(),
    };
    if names.is_empty() {
        names.push(brokers.default_name()?);
    }
    let default = brokers.default_name().ok();
    let all: Vec<Answered> = names
        .iter()
        .map(|name| match brokers.get(Some(name)) {
            Ok(broker) => ask(name, &broker),
            Err(error) => Answered { name: shown(name), place: String::new(), protocol: "", how: Err(error) },
        })
        .collect();
    if context.ui.json {
        let list: Vec<Json> = all.iter().map(|a| as_json(a, default.as_deref())).collect();
        context.ui.value(&json!({"brokers": list}))?;
    } else {
        show(context, &all, default.as_deref())?;
    }
    let failed = all.into_iter().find_map(|a| a.how.err());
    Ok(failed.map_or(0, |error| error.kind().exit_code()))
}

fn ask(name: &str, broker: &Broker) -> Answered {
    Answered { name: shown(name), place: broker.url.to_string(), protocol: broker.version.name(), how: try_it(broker) }
}

fn try_it(broker: &Broker) -> Result<(Duration, Option<String>)> {
    let begun = Instant::now();
    let (tell, told) = sync_channel(16);
    let version = Subscription { filter: VERSION.into(), qos: Qos::Most, ..Subscription::default() };
    let options = Options { subscriptions: vec![version], ..Options::default() };
    let mut link = Link::start(broker, options, move |arrival| {
        // Whoever asked may have gone.
        let _ = tell.try_send(arrival);
        None
    })?;
    link.wait_up(broker.timeout)?;
    let took = begun.elapsed();
    let until = Instant::now() + Duration::from_millis(500).min(broker.timeout);
    let mut said = None;
    // A broker that says nothing about itself, or may not, still answers.
    while let Ok(arrival) = told.recv_timeout(until.saturating_duration_since(Instant::now())) {
        match arrival {
            Arrival::Message(message, _) => {
                said = message.text().map(String::from);
                break;
            }
            Arrival::Refused(..) => break,
            _ => {}
        }
    }
    link.stop();
    Ok((took, said))
}

fn show(context: &Context, all: &[Answered], default: Option<&str>) -> Result<()> {
    let mut table = Table::new(&["name", "state", "took", "mqtt", "broker", "where"]);
    for answered in all {
        let name = match default == Some(&answered.name) && all.len() > 1 {
            true => format!("{} (default)", answered.name),
            false => answered.name.clone(),
        };
        let (state, role, took, said) = match &answered.how {
            Ok((took, said)) => ("answers", Role::Good, ms(*took), said.clone().unwrap_or_default()),
            Err(error) => (word(error), Role::Bad, String::new(), String::new()),
        };
        table.row(vec![
            (name, Some(Role::Name)),
            (state.to_string(), Some(role)),
            (took, None),
            (answered.protocol.to_string(), None),
            (said, None),
            (answered.place.clone(), Some(Role::Dim)),
        ]);
    }
    context.ui.write(table.render(&context.ui).as_bytes())?;
    all.iter().filter_map(|a| a.how.as_ref().err()).for_each(|error| context.ui.failure(error));
    Ok(())
}

fn ms(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

fn word(error: &Error) -> &'static str {
    match error.kind() {
        Kind::Refused => "refuses",
        Kind::Unreachable | Kind::TimedOut => "away",
        _ => "not usable",
    }
}

fn as_json(answered: &Answered, default: Option<&str>) -> Json {
    let (took, said, error) = match &answered.how {
        Ok((took, said)) => (Some((took.as_secs_f64() * 1e4).round() / 10.0), said.clone(), None),
        Err(error) => (None, None, Some(error)),
    };
    json!({
        "name": answered.name,
        "default": default == Some(&answered.name),
        "url": answered.place,
        "protocol": answered.protocol,
        "answers": error.is_none(),
        "connect_ms": took,
        "broker": said,
        "error": error.map(|e| json!({"kind": e.kind().name(), "message": e.full_message(), "hint": e.way_forward()})),
    })
}
