//! `fac voice devices`: the microphones and speakers that are there.

use serde_json::{Value, json};

use super::Context;
use crate::cli::table::Table;
use crate::cli::ui::Role;
use crate::kernel::error::Result;
use crate::voice::sound::{self, Found, Way};

/// List microphones and speakers, and which ones are taken when nobody chose
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Of every sound system, not only of the first that answers
    #[arg(short, long)]
    all: bool,
    /// What only repeats a speaker's sound too
    #[arg(short, long)]
    monitors: bool,
}

pub(super) fn run(context: &mut Context, args: &Args) -> Result<u8> {
    let microphones = sound::devices(Way::In, args.all);
    let speakers = sound::devices(Way::Out, args.all);
    let mut list: Vec<Found> = Vec::new();
    match (microphones, speakers) {
        (Err(error), Err(_)) => return Err(error),
        (microphones, speakers) => {
            // What is missing is seen by its absence, and said by the doctor.
            list.extend(microphones.unwrap_or_default());
            list.extend(speakers.unwrap_or_default());
        }
    }
    list.retain(|f| args.monitors || !f.monitor || f.default);
    if context.ui.json {
        context.ui.value(&json!({"devices": list.iter().map(as_json).collect::<Vec<_>>()}))?;
    } else {
        context.page(&table(context, &list))?;
        if !list.iter().any(|f| f.way == Way::In && !f.monitor) {
            context.ui.note("there is no microphone; `fac voice doctor` looks for the reason");
        }
    }
    Ok(0)
}

fn table(context: &Context, list: &[Found]) -> String {
    let mut table = Table::new(&["", "kind", "name", "called", "host", "rate", "channels", "state"]);
    for f in list {
        let number = |n: u32| if n == 0 { String::new() } else { n.to_string() };
        let (state, role) = state(f);
        table.row(vec![
            (if f.default { "*" } else { "" }.to_owned(), Some(Role::Good)),
            (f.way.word().to_owned(), Some(Role::Dim)),
            (f.name.clone(), Some(Role::Name)),
            (f.called.clone(), None),
            (f.host.clone(), Some(Role::Dim)),
            (number(f.rate), None),
            (number(u32::from(f.channels)), None),
            (state, role),
        ]);
    }
    table.render(&context.ui)
}

fn state(f: &Found) -> (String, Option<Role>) {
    let Some(status) = &f.status else { return (String::new(), None) };
    let mut words = Vec::new();
    let volume = status.volume.map(|v| format!("volume {v} %"));
    if status.muted {
        words.push("muted".to_owned());
    }
    words.extend(volume);
    if f.monitor {
        words.push("monitor".to_owned());
    }
    let bad = status.muted || status.volume == Some(0) || f.monitor;
    (words.join(", "), bad.then_some(Role::Warn))
}

fn as_json(f: &Found) -> Value {
    let known = |n: u32| (n > 0).then_some(n);
    json!({
        "kind": f.way.word(),
        "name": f.name,
        "called": f.called,
        "host": f.host,
        "rate": known(f.rate),
        "channels": known(u32::from(f.channels)),
        "format": (!f.format.is_empty()).then_some(&f.format),
        "default": f.default,
        "monitor": f.monitor,
        "muted": f.status.as_ref().map(|s| s.muted),
        "volume": f.status.as_ref().and_then(|s| s.volume),
        "suspended": f.status.as_ref().map(|s| s.suspended),
    })
}
