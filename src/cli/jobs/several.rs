//! All jobs of a batch at once.

use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::super::Context;
use super::super::bar::Bar;
use super::super::table::Table;
use super::super::ui::Role;
use super::say_who_works;
use crate::app::auto::{Reading, no_batch};
use crate::exec::Stop;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::figures::counted;
use crate::store::{JobFilter, JobStatus, RuleKey, Store};

/// How often its jobs are counted meanwhile.
const COUNTED: Duration = Duration::from_secs(1);

/// How often a batch that is waited for is looked at.
const GLANCE: Duration = Duration::from_millis(200);

/// What it means that a batch is broken off.
const BROKEN_OFF: &str = "broken off: not every line is owed; the same `fac jobs import` again goes on where it ended";

/// Lists batches, and how their jobs stand.
pub(super) fn list(context: &Context, store: &Store, limit: usize) -> Result<u8> {
    let batches = store.batches(limit)?;
    let counts = batches.iter().map(|one| store.batch_counts(&one.id)).collect::<Result<Vec<_>>>()?;
    let all = batches.iter().zip(&counts);
    if context.ui.json {
        let list = all.map(|(one, counts)| {
            let counts: Map<String, Value> = counts.iter().map(|(s, n)| (s.name().to_string(), json!(n))).collect();
            json!({"batch": one.id, "command": one.state.command, "from": one.state.from, "at": one.at,
                "cancelled": one.state.cancelled, "reading": Reading::of(&one.state).name(), "counts": counts})
        });
        context.ui.value(&json!({"batches": list.collect::<Vec<_>>()}))?;
        return Ok(0);
    }
    let mut broken_off = false;
    let mut table = Table::new(&["batch", "begun", "command", "from", "jobs"]);
    for (one, counts) in all {
        let mut stand: Vec<String> = counts.iter().map(|(status, n)| format!("{n} {}", status.name())).collect();
        stand.extend(match Reading::of(&one.state) {
            Reading::Over => None,
            Reading::Now => Some("being read".to_string()),
            Reading::BrokenOff => Some("broken off".to_string()),
        });
        broken_off |= Reading::of(&one.state) == Reading::BrokenOff;
        table.row(vec![
            (one.id.clone(), None),
            (one.at.local_short(), Some(Role::Dim)),
            (one.state.command.clone(), Some(Role::Name)),
            (one.state.from.clone(), None),
            (if stand.is_empty() { "none".to_string() } else { stand.join(", ") }, None),
        ]);
    }
    if batches.is_empty() {
        context.ui.note("there are no batches; `fac jobs import FILE NAME` makes one");
    }
    context.page(&table.render(&context.ui))?;
    if broken_off {
        context.ui.note(BROKEN_OFF);
    }
    Ok(0)
}

pub(super) fn retry(context: &Context, store: &Store, batch: &str) -> Result<u8> {
    known(store, batch)?;
    let of_batch = JobFilter { batch: Some(batch.to_string()), ..JobFilter::default() };
    let again = match store.jobs(&of_batch, None, 1)?.pop() {
        Some(newest) => {
            let key = RuleKey { source: newest.source, command: newest.command };
            let digest = context.app.digest_of(&key, &newest.digest, &newest.kind)?;
            with_bar(context, store, batch, "owed again", |told| store.retry_batch(batch, &digest, told))?
        }
        None => 0,
    };
    if context.ui.json {
        context.ui.value(&json!({"batch": batch, "again": again}))?;
    } else {
        context.ui.note(&format!("{} owed again", jobs(again)));
        if again > 0 {
            say_who_works(context)?;
        }
    }
    Ok(0)
}

pub(super) fn cancel(context: &Context, store: &Store, batch: &str) -> Result<u8> {
    known(store, batch)?;
    let (back, asked) = with_bar(context, store, batch, "taken back", |told| store.cancel_batch(batch, told))?;
    if context.ui.json {
        context.ui.value(&json!({"batch": batch, "cancelled": back, "asked_to_stop": asked}))?;
    } else {
        let asked = if asked > 0 { format!(", {asked} asked to stop") } else { String::new() };
        context.ui.note(&format!("{} taken back{asked}", jobs(back)));
    }
    Ok(0)
}

/// Waits until all of a batch is over.
pub(super) fn wait(
    context: &Context,
    store: &Store,
    batch: &str,
    deadline: Option<Instant>,
    stop: &Stop,
) -> Result<u8> {
    known(store, batch)?;
    let reading = || store.batch(batch).map(|state| state.map_or(Reading::Over, |state| Reading::of(&state)));
    if store.batch_is_open(batch)? && reading()? != Reading::Now {
        say_who_works(context)?;
    }
    let whole = count(&store.batch_counts(batch)?, |_| true);
    let mut bar = Bar::new(&context.ui, Some(whole));
    let mut looked = Instant::now();
    // What is not read yet will be owed.
    while store.batch_is_open(batch)? || reading()? == Reading::Now {
        // To count them takes longer than to see that there is one.
        if bar.is_wanted() && looked.elapsed() >= COUNTED {
            let over = count(&store.batch_counts(batch)?, JobStatus::is_final);
            bar.at(over, || format!("{over} of {} over", jobs(whole)));
            looked = Instant::now();
        }
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Err(Error::new(Kind::TimedOut, format!("batch {batch} is not over yet")));
        }
        if stop.wait(GLANCE) {
            return Err(Error::new(Kind::Interrupted, "interrupted"));
        }
    }
    bar.end();
    let counts = store.batch_counts(batch)?;
    if context.ui.json {
        let counts: Map<String, Value> = counts.iter().map(|(s, count)| (s.name().to_string(), json!(count))).collect();
        context.ui.value(&json!({"batch": batch, "reading": reading()?.name(), "counts": counts}))?;
    } else {
        let said: Vec<String> = counts.iter().map(|(status, count)| format!("{count} {}", status.name())).collect();
        context.ui.note(&said.join(", "));
    }
    let broken_off = reading()? == Reading::BrokenOff;
    if broken_off {
        context.ui.warn(BROKEN_OFF);
    }
    Ok(u8::from(broken_off || counts.iter().any(|(status, _)| *status != JobStatus::Done)))
}

/// Does something with a batch, and shows how far it is where that takes long.
fn with_bar<T>(
    context: &Context,
    store: &Store,
    batch: &str,
    what: &str,
    work: impl FnOnce(&mut dyn FnMut(u64)) -> Result<T>,
) -> Result<T> {
    let mut bar = Bar::new(&context.ui, Some(count(&store.batch_counts(batch)?, |_| true)));
    let done = work(&mut |done| bar.at(done, || format!("{} {what}", jobs(done))));
    bar.end();
    done
}

/// How many jobs have a status of these.
fn count(counts: &[(JobStatus, u64)], of: impl Fn(JobStatus) -> bool) -> u64 {
    counts.iter().filter(|(status, _)| of(*status)).map(|(_, count)| count).sum()
}

/// That there is such a batch.
pub(super) fn known(store: &Store, batch: &str) -> Result<()> {
    store.batch(batch)?.map(drop).ok_or_else(|| no_batch(batch))
}

fn jobs(count: u64) -> String {
    counted(usize::try_from(count).unwrap_or(usize::MAX), "job")
}
