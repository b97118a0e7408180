//! Asking with patience: trying again where that is safe, falling back where that is wanted, leaving alone who is ill.
//!
//! Every attempt is told to the [`Watch`], so that whoever counts money counts all of it; every second try and every
//! fallback is said in words.

use std::time::Duration;

use serde_json::json;
use sha2::{Digest, Sha256};

use super::breaker::{Gate, Health};
use super::entry::Entry;
use super::failure::{Failure, FailureKind};
use super::model::{Answer, Finish, Part, Piece, Request, Usage};
use super::{Attempt, Choice, Models, Shared, Watch, wire};
use crate::kernel::duration::human_ms;
use crate::kernel::figures::hex;

/// The pause before the second try, milliseconds; it doubles with each, and a part of it is chance.
const PAUSE_MS: u64 = 500;
/// Longer than this nobody waits for a provider that asks for it, milliseconds.
const LONGEST_WAIT_MS: u64 = 60_000;

impl Models {
    /// Asks the first of `choices`, and the next where it fails. Dropping the future stops the request upstream.
    ///
    /// # Errors
    /// The failure of the last that was asked, with what had come of its answer.
    pub async fn ask(
        &self,
        choices: &[Choice],
        request: &Request,
        use_cache: bool,
        watch: &mut dyn Watch,
    ) -> Result<Answer, Failure> {
        let mut last = None;
        for (at, choice) in choices.iter().enumerate() {
            if let Some(failure) = &last {
                let failure: &Failure = failure;
                let said = format!("{failure}; going on with {}", choice.name());
                watch.piece(Piece::Notice(said));
            }
            match one(self, choice, request, use_cache, watch).await {
                Ok(answer) => return Ok(answer),
                Err(failure) if failure.may_fall_back() && at + 1 < choices.len() => last = Some(failure),
                Err(failure) => return Err(failure),
            }
        }
        Err(last.unwrap_or_else(|| Failure::new(FailureKind::NotFound, "", "no model was named")))
    }
}

async fn one(
    models: &Models,
    choice: &Choice,
    request: &Request,
    use_cache: bool,
    watch: &mut dyn Watch,
) -> Result<Answer, Failure> {
    let shared = &*models.shared;
    let ttl = shared.settings.cache.filter(|_| use_cache);
    let key = ttl.map(|_| cache_key(choice, request, &models.whose));
    if let Some(answer) = key.as_deref().and_then(|key| from_cache(shared, choice, key)) {
        watch.attempt(choice, true);
        let words = answer.parts.iter().filter_map(|p| match p {
            Part::Text { text } => Some(text.clone()),
            _ => None,
        });
        words.for_each(|text| watch.piece(Piece::Text(text)));
        let ended = Attempt { usage: &Usage::default(), first_token_ms: Some(0), duration_ms: 0, failure: None };
        watch.attempt_ended(choice, &ended);
        return Ok(answer);
    }
    let answer = with_retries(models, choice, request, watch).await?;
    if let (Some(ttl), Some(key)) = (ttl, key)
        && matches!(answer.finish, Finish::Stop | Finish::Length)
    {
        let kept = json!({"parts": answer.parts, "finish": answer.finish}).to_string();
        shared.memory.cache(&key, &kept, ttl);
    }
    Ok(answer)
}

async fn with_retries(
    models: &Models,
    choice: &Choice,
    request: &Request,
    watch: &mut dyn Watch,
) -> Result<Answer, Failure> {
    let shared = &*models.shared;
    let (entry, name) = (&choice.entry, choice.name());
    let mut pause = PAUSE_MS;
    for try_number in 0..=entry.patience.retries {
        let before = health(shared, entry);
        match before.gate(now_ms(shared)) {
            Gate::Open => {}
            Gate::Probe(probing) => remember(shared, entry, probing),
            Gate::Closed { until_ms } => return Err(left_alone(shared, entry, &name, until_ms)),
        }
        let failure = match attempt(models, choice, request, watch).await {
            Ok(answer) => {
                if let Some(health) = health(shared, entry).after(true, now_ms(shared)) {
                    remember(shared, entry, health);
                }
                return Ok(answer);
            }
            Err(failure) => failure,
        };
        if failure.is_hosts_fault()
            && let Some(health) = health(shared, entry).after(false, now_ms(shared))
        {
            remember(shared, entry, health);
        }
        let wait = failure.retry_after_ms().unwrap_or_else(|| pause / 2 + chance(pause / 2));
        if !failure.may_retry() || try_number == entry.patience.retries || wait > LONGEST_WAIT_MS {
            return Err(failure);
        }
        let (number, of) = (try_number + 2, entry.patience.retries + 1);
        watch.piece(Piece::Notice(format!("{failure}; trying again in {} ({number} of {of})", human_ms(wait))));
        tokio::time::sleep(Duration::from_millis(wait)).await;
        pause *= 2;
    }
    Err(Failure::new(FailureKind::Broken, &name, format!("{name} gave no answer")))
}

async fn attempt(
    models: &Models,
    choice: &Choice,
    request: &Request,
    watch: &mut dyn Watch,
) -> Result<Answer, Failure> {
    watch.attempt(choice, false);
    let begun = std::time::Instant::now();
    let mut sink = |piece: Piece| watch.piece(piece);
    let result =
        wire::send(&models.shared.client, &choice.entry, &choice.model, request, &models.trace, &mut sink).await;
    let took = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    let ended = match &result {
        Ok(answer) => Attempt {
            usage: &answer.usage,
            first_token_ms: answer.first_token_ms,
            duration_ms: answer.duration_ms,
            failure: None,
        },
        Err(failure) => {
            let first_token_ms = failure.first_token_ms;
            Attempt { usage: &failure.usage, first_token_ms, duration_ms: took, failure: Some(failure) }
        }
    };
    watch.attempt_ended(choice, &ended);
    result
}

fn left_alone(shared: &Shared, entry: &Entry, name: &str, until_ms: u64) -> Failure {
    let left = human_ms(until_ms.saturating_sub(now_ms(shared)).div_ceil(1000) * 1000);
    let said =
        format!("{} failed {} times in a row and is left alone for {left}", entry.name, super::breaker::FAILURES);
    Failure::new(FailureKind::CircuitOpen { until_ms }, name, said)
        .hint("wait, or name another model with -m; `fac doctor` shows how each provider fares")
}

/// Whatever stands on one host fails together.
fn health_key(entry: &Entry) -> String {
    let host = url::Url::parse(&entry.url).map(|url| url.origin().ascii_serialization());
    format!("breaker:{}", host.unwrap_or_else(|_| entry.url.clone()))
}

pub(super) fn health(shared: &Shared, entry: &Entry) -> Health {
    let kept = shared.memory.recall(&health_key(entry));
    kept.and_then(|(value, _)| serde_json::from_value(value).ok()).unwrap_or_default()
}

fn remember(shared: &Shared, entry: &Entry, health: Health) {
    shared.memory.keep(&health_key(entry), &json!(health));
}

fn now_ms(shared: &Shared) -> u64 {
    shared.clock.now().as_millis()
}

/// A number below `most`, for pauses that no two processes share.
fn chance(most: u64) -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(most) % most.max(1)
}

/// The same question to the same model, tuned the same, with the same tools, for the same person.
fn cache_key(choice: &Choice, request: &Request, whose: &str) -> String {
    let mut whole =
        json!({"url": choice.entry.url, "model": choice.model, "body": choice.entry.body, "request": request});
    if !whose.is_empty() {
        whole["whose"] = json!(whose);
    }
    hex(&Sha256::digest(whole.to_string().as_bytes()))
}

fn from_cache(shared: &Shared, choice: &Choice, key: &str) -> Option<Answer> {
    let kept = shared.memory.cached(key)?;
    let mut value: serde_json::Value = serde_json::from_str(&kept).ok()?;
    Some(Answer {
        parts: serde_json::from_value(value.get_mut("parts")?.take()).ok()?,
        finish: serde_json::from_value(value.get_mut("finish")?.take()).ok()?,
        usage: Usage::default(),
        model: choice.name(),
        first_token_ms: Some(0),
        duration_ms: 0,
    })
}
