//! Who can be asked: keys and where they come from, whether each provider answers, who is left alone, and what runs on
//! this machine. Only lists of models are asked for, which costs nothing.

use std::time::Duration;

use futures_util::future::join_all;

use super::Findings;
use crate::app::App;
use crate::kernel::error::{Error, Kind};
use crate::providers::Models;
use crate::providers::breaker::{FAILURES, Gate, Health};
use crate::providers::entry::Entry;

/// So long a provider may take for its list.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) fn look(app: &App, found: &mut Findings) {
    if app.config().is_err() || app.store().is_err() {
        // Said already.
        return;
    }
    let models = match app.models() {
        Ok(models) => models,
        Err(error) => return found.error("models", &error, "`fac config edit` shows the settings"),
    };
    let entries = models.settings().entries.clone();
    let asked = super::super::runtime::wait(async {
        tokio::join!(join_all(entries.iter().map(|entry| models.reach(entry, PATIENCE))), here(&models))
    });
    let Ok((reached, here)) = asked else { return };
    for (entry, reached) in entries.iter().zip(&reached) {
        provider(entry, reached, found);
        breaker(entry, &models.health(entry), app.clock.now().as_millis(), found);
    }
    for (entry, count) in &here {
        found.good("models", format!("{} runs on this machine at {} with {}", entry.name, entry.url, listed(*count)));
    }
    if entries.is_empty() && here.is_empty() {
        let fix = "start a local server (`ollama serve`), or set a key such as ANTHROPIC_API_KEY or OPENAI_API_KEY";
        found.note("models", "nobody is set up who could be asked", fix);
    }
}

/// Servers on this machine that are not set up, and how many models they have.
async fn here(models: &Models) -> Vec<(Entry, usize)> {
    let found = models.probe().await;
    let counts = join_all(found.iter().map(|entry| models.reach(entry, PATIENCE))).await;
    found.into_iter().zip(counts).map(|(entry, count)| (entry, count.unwrap_or(0))).collect()
}

fn provider(entry: &Entry, reached: &Result<usize, Error>, found: &mut Findings) {
    let name = &entry.name;
    let key = match (&entry.key, &entry.key_from) {
        (Some(_), Some(from)) => format!("key from {from}"),
        (Some(_), None) => "with a key".to_string(),
        (None, Some(from)) => format!("no key in {from}"),
        (None, None) => "without a key".to_string(),
    };
    match reached {
        Ok(count) => found.good("models", format!("{name} answers at {} with {}, {key}", entry.url, listed(*count))),
        Err(error) if error.kind() == Kind::Refused => {
            let fix = error.way_forward().unwrap_or("give it a key that is valid");
            found.bad("models", format!("{name} lets nobody in ({key}): {}", error.full_message()), fix);
        }
        // A server may know no lists and answer all the same.
        Err(error) if error.kind() == Kind::NotFound => {
            let fix = "if it answers questions, name its models in the settings: providers.NAME.models";
            found.note("models", format!("{name} gives no list of its models at {}, {key}", entry.url), fix);
        }
        Err(error) => {
            let fix = "look whether its address is right and whether it runs; other models can be asked meanwhile";
            found.note("models", format!("{name} cannot be reached ({key}): {}", error.full_message()), fix);
        }
    }
    if entry.key.is_none()
        && let Some(from) = &entry.key_from
    {
        found.note("models", format!("{name} has no key: {from} gives none"), format!("set it: {from}"));
    }
}

/// Whether questions go through, in the words of circuit breakers.
fn breaker(entry: &Entry, health: &Health, now_ms: u64, found: &mut Findings) {
    let (name, failures) = (&entry.name, health.failures);
    match health.gate(now_ms) {
        Gate::Open if failures == 0 => {}
        Gate::Open => {
            found
                .good("models", format!("{name}: closed, {failures} failures in a row of the {FAILURES} that open it"));
        }
        Gate::Closed { until_ms } => {
            let left = until_ms.saturating_sub(now_ms).div_ceil(1000);
            found.note(
                "models",
                format!(
                    "{name}: open after {failures} failures in a row; the next question is let through in {left} s"
                ),
                "wait, or name another model with -m",
            );
        }
        Gate::Probe(_) => found.note(
            "models",
            format!("{name}: half-open after {failures} failures in a row; the next question shows whether it is well"),
            format!("try it: fac ask -m {name} hello"),
        ),
    }
}

fn listed(count: usize) -> String {
    if count == 1 { "1 model".to_string() } else { format!("{count} models") }
}
