//! All jobs of a batch at once.

use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::super::Context;
use super::say_who_works;
use crate::app::auto::no_batch;
use crate::exec::Stop;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::figures::counted;
use crate::store::{JobFilter, JobStatus, RuleKey, Store};

/// How often a batch that is waited for is looked at.
const GLANCE: Duration = Duration::from_millis(200);

pub(super) fn retry(context: &Context, store: &Store, batch: &str) -> Result<u8> {
    known(store, batch)?;
    let of_batch = JobFilter { batch: Some(batch.to_string()), ..JobFilter::default() };
    let again = match store.jobs(&of_batch, None, 1)?.pop() {
        Some(newest) => {
            let key = RuleKey { source: newest.source, command: newest.command };
            store.retry_batch(batch, &context.app.digest_of(&key, &newest.digest)?)?
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
    let (back, asked) = store.cancel_batch(batch)?;
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
    if store.batch_is_open(batch)? {
        say_who_works(context)?;
    }
    while store.batch_is_open(batch)? {
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Err(Error::new(Kind::TimedOut, format!("batch {batch} is not over yet")));
        }
        if stop.wait(GLANCE) {
            return Err(Error::new(Kind::Interrupted, "interrupted"));
        }
    }
    let counts = store.batch_counts(batch)?;
    if context.ui.json {
        let counts: Map<String, Value> = counts.iter().map(|(s, count)| (s.name().to_string(), json!(count))).collect();
        context.ui.value(&json!({"batch": batch, "counts": counts}))?;
    } else {
        let said: Vec<String> = counts.iter().map(|(status, count)| format!("{count} {}", status.name())).collect();
        context.ui.note(&said.join(", "));
    }
    Ok(u8::from(counts.iter().any(|(status, _)| *status != JobStatus::Done)))
}

/// That there is such a batch.
pub(super) fn known(store: &Store, batch: &str) -> Result<()> {
    store.batch(batch)?.map(drop).ok_or_else(|| no_batch(batch))
}

fn jobs(count: u64) -> String {
    counted(usize::try_from(count).unwrap_or(usize::MAX), "job")
}
