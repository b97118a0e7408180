//! The source of `event` triggers: the store's own log, read by position, so that nothing is missed while nobody listened.
//!
//! What happened tells how deep in a chain of firings it stands: its trace is that of the firing behind it.

use std::collections::HashMap;

use serde_json::{Value as Json, json};

use super::happening::Happening;
use crate::kernel::error::Result;
use crate::kernel::events::{self, Position, Recorded};
use crate::kernel::ids::TraceId;
use crate::store::Store;

/// Under which key the store keeps how far the log was read.
pub const CURSOR: &str = "automations.events";

/// So many events are read at once.
const AT_ONCE: usize = 500;

/// Bookkeeping of ours that means nothing to anybody else; whatever it is about has told its own event.
const SILENT: [&str; 4] = [events::STORE_CHANGED, events::FIRING_CHANGED, events::JOB_CHANGED, events::FIRING_REMOVED];

/// What changes which automations there are.
const RULES: [&str; 10] = [
    events::AUTOMATION_ENABLED,
    events::AUTOMATION_DISABLED,
    events::AUTOMATION_LOOPED,
    events::SOURCE_ADDED,
    events::SOURCE_UPDATED,
    events::SOURCE_REMOVED,
    events::DEFINITION_CHANGED,
    events::TRUST_GRANTED,
    events::TRUST_REVOKED,
    events::CONFIG_CHANGED,
];

/// A place in the log.
pub(super) struct Log {
    at: Option<Position>,
    saved: Option<Position>,
}

/// What was read of the log.
#[derive(Default)]
pub(super) struct Read {
    /// What may fire something.
    pub(super) happenings: Vec<Happening>,
    /// Whether the automations may be others now.
    pub(super) rules_changed: bool,
    /// Whether there is more.
    pub(super) more: bool,
}

impl Log {
    /// Where it was left; at its end where nobody read it before.
    pub(super) fn resume(store: &Store) -> Result<Log> {
        let kept = store.state(CURSOR)?.and_then(|(value, _)| value.as_i64()).map(Position::from_stored);
        let at = match kept {
            Some(at) => Some(at),
            None => store.last_position()?,
        };
        Ok(Log { at, saved: kept })
    }

    /// What has happened since. `hears` says whether an event of this name may fire anything.
    pub(super) fn read(&mut self, store: &Store, hears: &dyn Fn(&str) -> bool) -> Result<Read> {
        let fires = |kind: &str| !SILENT.contains(&kind) && hears(kind);
        let wanted = |kind: &str| kind == events::WEBHOOK_RECEIVED || RULES.contains(&kind) || fires(kind);
        let (mut found, mut last, mut more) = store.events_wanted(self.at, AT_ONCE, &wanted)?;
        if let Some(end) = end_of_new_rules(&found) {
            // What came after may be for those that nobody knows yet.
            found.truncate(end + 1);
            let here = found.last().map(|event| event.position);
            more |= here < last;
            last = here;
        }
        self.at = last.or(self.at);
        let mut read = Read { more, ..Read::default() };
        let mut depths = HashMap::new();
        for event in &found {
            read.rules_changed |= RULES.contains(&event.kind.as_str());
            if event.kind == events::WEBHOOK_RECEIVED {
                read.happenings.extend(delivery(event, depth_after(store, event.trace)?));
            }
            if fires(&event.kind) {
                let depth = match depths.get(&event.trace) {
                    Some(depth) => *depth,
                    None => *depths.entry(event.trace).or_insert(depth_after(store, event.trace)?),
                };
                read.happenings.push(happening(event, depth));
            }
        }
        Ok(read)
    }

    /// How far it was read, where that is not written down yet.
    pub(super) fn unsaved(&self) -> Option<(String, Json)> {
        let at = self.at.filter(|_| self.at != self.saved)?;
        Some((CURSOR.to_string(), json!(at.stored())))
    }

    /// It is written down.
    pub(super) fn saved(&mut self) {
        self.saved = self.at;
    }
}

/// The last of the first events in a row that let something fire that did not.
fn end_of_new_rules(found: &[Recorded]) -> Option<usize> {
    let brings = |event: &Recorded| [events::AUTOMATION_ENABLED, events::TRUST_GRANTED].contains(&&*event.kind);
    let first = found.iter().position(brings)?;
    let follows =
        |at: &usize| brings(&found[*at]) && found[*at].position.stored() == found[*at - 1].position.stored() + 1;
    Some((first + 1..found.len()).take_while(follows).last().unwrap_or(first))
}

/// The depth of what follows from the work of this request.
fn depth_after(store: &Store, trace: TraceId) -> Result<u32> {
    Ok(store.depth_of(trace)?.map_or(0, |depth| depth.saturating_add(1)))
}

fn happening(event: &Recorded, depth: u32) -> Happening {
    Happening {
        kind: "event",
        data: json!({
            "kind": "event", "at": event.at, "name": event.kind, "subject": event.subject,
            "payload": event.payload, "seq": event.position.stored(),
        }),
        at: event.at,
        key: Some(format!("event:{}", event.position)),
        depth,
        kept: None,
    }
}

/// What was told to a webhook; `None` once its details were erased.
fn delivery(event: &Recorded, depth: u32) -> Option<Happening> {
    let mut data = event.payload.clone().filter(Json::is_object)?;
    data["kind"] = json!("webhook");
    data["at"] = json!(event.at);
    let key = match data["delivery"].as_str() {
        Some(id) => format!("webhook:{}:{id}", event.subject),
        None => format!("webhook:{}", event.position),
    };
    Some(Happening { kind: "webhook", data, at: event.at, key: Some(key), depth, kept: None })
}
