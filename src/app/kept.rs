//! What the models room keeps: in the store, and answers of a moment ago at hand in memory.
//!
//! What is at hand counts like what stands in the store: as long, until somebody has it forgotten, and as a hit.

use std::time::Duration;

use serde_json::Value;

use crate::kernel::clock::Timestamp;
use crate::providers::Memory;
use crate::store::Store;

/// Bytes of answers that are at hand at most.
const AT_HAND: u64 = 16 << 20;

/// The memory of the models room.
pub(super) struct Kept {
    store: Store,
    /// Bytes of answers that the store keeps at most.
    most: u64,
    at_hand: moka::sync::Cache<String, Answer>,
}

#[derive(Clone)]
struct Answer {
    text: String,
    expires: Timestamp,
    /// What [`Store::cache_forgettings`] said when it was kept.
    forgettings: i64,
}

impl Kept {
    pub(super) fn new(store: Store, most: u64) -> Kept {
        let weigh = |key: &String, answer: &Answer| u32::try_from(key.len() + answer.text.len()).unwrap_or(u32::MAX);
        let at_hand = moka::sync::Cache::builder().max_capacity(AT_HAND.min(most)).weigher(weigh).build();
        Kept { store, most, at_hand }
    }

    /// An answer at hand that may still be given.
    fn at_hand(&self, key: &str) -> Option<String> {
        let answer = self.at_hand.get(key)?;
        let may = self.store.now() < answer.expires && self.store.cache_forgettings().ok()? == answer.forgettings;
        if !may {
            self.at_hand.invalidate(key);
            return None;
        }
        if let Err(error) = self.store.cache_hit() {
            tracing::warn!(error = error.full_message(), "a hit is not counted");
        }
        Some(answer.text)
    }
}

impl Memory for Kept {
    fn recall(&self, key: &str) -> Option<(Value, Timestamp)> {
        self.store.state(key).ok().flatten()
    }

    fn keep(&self, key: &str, value: &Value) {
        if let Err(error) = self.store.set_state(key, value) {
            tracing::warn!(error = error.full_message(), "not kept");
        }
    }

    fn cached(&self, key: &str) -> Option<String> {
        self.at_hand(key).or_else(|| self.store.cache_get(key).ok().flatten())
    }

    fn cache(&self, key: &str, value: &str, ttl: Duration) {
        let expires = self.store.now().plus_micros(i64::try_from(ttl.as_micros()).unwrap_or(i64::MAX / 2));
        // Asked before: what is forgotten meanwhile is not at hand.
        let forgettings = self.store.cache_forgettings();
        match self.store.cache_put(key, value, expires, self.most).and(forgettings) {
            Ok(forgettings) => {
                self.at_hand.insert(key.to_string(), Answer { text: value.to_string(), expires, forgettings });
            }
            Err(error) => tracing::warn!(error = error.full_message(), "answer not kept"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::clock::Clock;
    use crate::kernel::ids::Ids;

    #[test]
    fn what_is_at_hand_goes_when_it_is_old_or_forgotten_and_counts_as_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let clock = |at: &str| Clock::from_test_value(Some(at)).unwrap();
        let store = Store::open(&path, clock("2026-03-10T12:00:00Z"), Ids::seeded(1)).unwrap();
        let other = Store::open(&path, clock("2026-03-10T12:00:00Z"), Ids::seeded(2)).unwrap();
        let kept = Kept::new(store.clone(), 1 << 20);
        kept.cache("a", "yes", Duration::from_secs(60));
        assert_eq!(kept.cached("a").as_deref(), Some("yes"));
        assert!(kept.at_hand("a").is_some());
        let stats = store.cache_stats().unwrap();
        assert_eq!((stats.hits, stats.misses), (2, 0));
        assert_eq!(other.cache_clear().unwrap(), 1);
        assert_eq!(kept.cached("a"), None);
        assert_eq!(store.cache_stats().unwrap().misses, 1);
        kept.cache("b", "no", Duration::ZERO);
        assert_eq!(kept.cached("b"), None);
    }
}
