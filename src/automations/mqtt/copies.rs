//! One message that comes several times, because several subscriptions of ours fit it: known by their ids.
//!
//! A message that is published again is no copy: it comes by a subscription that the one before came by already.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::keys::content;
use super::message::Message;

/// All copies of a message come within this time.
const TOGETHER: Duration = Duration::from_secs(10);

/// Messages that are remembered before the old ones are looked for and forgotten.
const MOST: usize = 1000;

/// Messages that came lately by subscriptions with ids.
#[derive(Debug, Default)]
pub(super) struct Copies {
    /// By content, each message with the time of its first copy and the ids of all that came.
    came: HashMap<[u8; 8], Vec<(Instant, Vec<u32>)>>,
    count: usize,
}

impl Copies {
    /// Whether this is a copy of a message that came already.
    pub(super) fn is_one(&mut self, message: &Message) -> bool {
        self.is_one_at(message, Instant::now())
    }

    fn is_one_at(&mut self, message: &Message, now: Instant) -> bool {
        let ids = &message.properties.subscriptions;
        // What is delivered again is known by its key.
        if ids.is_empty() || message.dup {
            return false;
        }
        if self.count >= MOST {
            self.forget(now);
        }
        let same = self.came.entry(content(message)).or_default();
        let is_copy = |(at, came): &&mut (Instant, Vec<u32>)| {
            now.duration_since(*at) < TOGETHER && !ids.iter().any(|id| came.contains(id))
        };
        if let Some((_, came)) = same.iter_mut().find(is_copy) {
            came.extend(ids);
            return true;
        }
        same.push((now, ids.clone()));
        self.count += 1;
        false
    }

    fn forget(&mut self, now: Instant) {
        for same in self.came.values_mut() {
            same.retain(|(at, _)| now.duration_since(*at) < TOGETHER);
        }
        self.came.retain(|_, same| !same.is_empty());
        self.count = self.came.values().map(Vec::len).sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::automations::mqtt::message::Properties;

    fn message(payload: &str, ids: &[u32]) -> Message {
        let properties = Properties { subscriptions: ids.to_vec(), ..Properties::default() };
        Message { topic: "a".into(), payload: payload.as_bytes().to_vec(), properties, ..Message::default() }
    }

    #[test]
    fn the_first_of_each_message_counts_in_whichever_order_copies_come() {
        for order in [[1, 2, 3, 1, 2, 3], [1, 1, 2, 2, 3, 3], [2, 1, 2, 1, 3, 3]] {
            let mut copies = Copies::default();
            let first = order.iter().filter(|id| !copies.is_one(&message("on", &[**id]))).count();
            assert_eq!(first, 2, "{order:?}");
        }
        let mut copies = Copies::default();
        assert!(!copies.is_one(&message("on", &[1])) && !copies.is_one(&message("off", &[2])));
        assert!(!copies.is_one(&message("on", &[])) && !copies.is_one(&message("on", &[])));
        let again = Message { dup: true, ..message("on", &[2]) };
        assert!(!copies.is_one(&again) && copies.is_one(&message("on", &[2, 3])));
    }

    #[test]
    fn what_comes_much_later_is_no_copy_and_is_not_remembered_for_ever() {
        let (mut copies, now) = (Copies::default(), Instant::now());
        assert!(!copies.is_one_at(&message("on", &[1]), now));
        assert!(!copies.is_one_at(&message("on", &[2]), now + TOGETHER));
        for n in 0..5 * MOST {
            assert!(!copies.is_one_at(&message(&n.to_string(), &[1]), now + TOGETHER * 2 + TOGETHER * n as u32 / 100));
        }
        assert!(copies.count <= MOST + 1, "{}", copies.count);
    }
}
