//! Which messages are the consequence of a run of ours, and of how many firings in a row: what a loop is found by.
//!
//! In MQTT 5 a message carries that itself. What went out in MQTT 3.1.1 is remembered for a while, by its content.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::keys::content;
use super::message::{Message, Publish};

/// The pair of a message that says it.
pub const DEPTH: &str = "factotum-depth";

/// How long a message of ours is remembered, and how many are.
const MEMORY: Duration = Duration::from_secs(30);
const MOST: usize = 4096;

/// What went out lately. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Causes(Arc<Mutex<HashMap<[u8; 8], Noted>>>);

/// Of how many firings a message is the consequence, and when it went out.
type Noted = (u32, Instant);

impl Causes {
    /// A message goes out that is the consequence of so many firings.
    pub fn note(&self, publish: &mut Publish, depth: u32) {
        if depth == 0 {
            return;
        }
        publish.properties.user.push((DEPTH.to_string(), depth.to_string()));
        let message = Message { topic: publish.topic.clone(), payload: publish.payload.clone(), ..Message::default() };
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if all.len() >= MOST {
            all.retain(|_, (_, at)| now.duration_since(*at) < MEMORY);
        }
        if all.len() < MOST {
            all.insert(content(&message), (depth, now));
        }
    }

    /// Of how many firings a message is the consequence, as far as that is known.
    pub fn depth(&self, message: &Message) -> u32 {
        if let Some(said) = message.properties.of_user(DEPTH).and_then(|text| text.parse().ok()) {
            return said;
        }
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.is_empty() {
            return 0;
        }
        let noted = all.get(&content(message)).filter(|(_, at)| at.elapsed() < MEMORY);
        noted.map_or(0, |(depth, _)| *depth)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::automations::mqtt::message::Qos;

    #[test]
    fn what_went_out_is_known_again_with_and_without_properties() {
        let causes = Causes::default();
        let mut publish = Publish::new("a", "1", Qos::Least);
        causes.note(&mut publish, 3);
        let heard = |topic: &str, user: &[(String, String)]| {
            let mut message = Message { topic: topic.into(), payload: b"1".to_vec(), ..Message::default() };
            message.properties.user = user.to_vec();
            causes.depth(&message)
        };
        assert_eq!(heard("b", &publish.properties.user), 3, "an echo elsewhere carries it in MQTT 5");
        assert_eq!((heard("a", &[]), heard("b", &[])), (3, 0));
        let mut own = Publish::new("c", "1", Qos::Least);
        causes.note(&mut own, 0);
        assert!(own.properties.is_empty() && heard("c", &[]) == 0);
    }
}
