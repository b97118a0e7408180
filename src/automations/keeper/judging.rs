//! What a condition says against a firing.

use jiff::tz::TimeZone;
use serde_json::{Value as Json, json};

use crate::automations::conditions;
use crate::kernel::clock::Timestamp;
use crate::kernel::error::Result;
use crate::store::{NewFiring, Store};

/// What a condition says against a firing; `None` when it holds. `zone` is that of `now` where no schedule fired. What it looked at is noted in the firing, and what it does
/// not ask for is not looked up.
///
/// # Errors
/// Those of the store. A condition that cannot be judged is no error: it is against.
pub fn judge(
    store: &Store,
    states: &dyn Fn() -> Json,
    zone: &TimeZone,
    condition: &str,
    firing: &mut NewFiring,
    now: Timestamp,
) -> Result<Option<String>> {
    let states = if asks_for_states(condition) { states() } else { json!({}) };
    let last = match asks_for_last_run(condition) {
        true => {
            // What has begun a moment ago is the last.
            store.write_out()?;
            store.last_work_of(&firing.key)?
        }
        false => None,
    };
    let last = last.map(|(at, status)| (at, status.name()));
    // What a clock elsewhere fired is judged by that clock.
    let its_own = firing.work["fired"]["tz"].as_str().and_then(|name| TimeZone::get(name).ok());
    let zone = its_own.as_ref().unwrap_or(zone);
    let facts = conditions::facts(&firing.work["fired"], states, now, zone, last);
    let judged = conditions::judge(condition, &facts);
    let against = match &judged.holds {
        Ok(true) => None,
        Ok(false) => Some(format!("`{condition}` does not hold")),
        Err(error) => Some(error.full_message()),
    };
    firing.seen = judged.seen;
    Ok(against)
}

/// Whether a condition looks at states.
pub(super) fn asks_for_states(condition: &str) -> bool {
    condition.contains("state")
}

/// Whether a condition looks at what its automation did last.
pub(super) fn asks_for_last_run(condition: &str) -> bool {
    condition.contains("last_run")
}
