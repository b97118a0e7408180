//! What tells a message apart from all others, so that one delivered twice counts once.
//!
//! A broker that was not told that we have a message delivers it again, with the same number, also to the process that
//! comes after ours. Numbers begin anew with each session and come round within one; so they count together with a
//! generation, which is kept in a file and changes whenever a message that is new has the number and the content of
//! another of it, and with the first that is new to a process: what those before it heard is not known any more. The file
//! is written then and with each new session: never for a message as such.

use std::collections::HashSet;
use std::path::PathBuf;

use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use super::message::{Message, Qos};
use crate::kernel::files;

/// The largest such file, bytes.
const LARGEST: u64 = 4096;

/// So many messages make up a generation at most.
const MOST: usize = 70_000;

/// Makes the keys of one client's messages.
#[derive(Debug)]
pub(super) struct Keys {
    file: PathBuf,
    client: String,
    generation: u64,
    /// The one before it: what is delivered again may be of that.
    before: u64,
    /// Whether nothing new came to this process yet.
    is_first: bool,
    /// The numbers of this generation with what came by them.
    seen: HashSet<(u16, [u8; 8])>,
}

impl Keys {
    /// The keys of a client, which go on where an earlier process ended.
    pub(super) fn open(file: PathBuf, client: &str) -> Keys {
        let text = files::read_text(&file, LARGEST).ok().flatten().unwrap_or_default();
        let json: Json = serde_json::from_str(&text).unwrap_or_default();
        let generation = json["generation"].as_u64().unwrap_or_default();
        let client = client.to_string();
        Keys { file, client, generation, before: generation, is_first: true, seen: HashSet::new() }
    }

    /// The broker knows nothing of an earlier session: numbers begin anew.
    pub(super) fn fresh_session(&mut self) {
        self.is_first = false;
        self.next_generation();
        // What is delivered again now was never delivered before: it is of this session.
        self.before = self.generation;
    }

    fn next_generation(&mut self) {
        self.before = self.generation;
        self.generation = self.generation.wrapping_add(1);
        self.seen.clear();
        let text = json!({"generation": self.generation}).to_string();
        if let Err(error) = files::write_atomic(&self.file, text.as_bytes(), true) {
            // What is lost is only that a message delivered again might fire again.
            tracing::warn!(error = error.full_message(), "the number of the MQTT session is not kept");
        }
    }

    /// The key of a message; `None` where nothing tells it apart (QoS 0).
    pub(super) fn key(&mut self, message: &Message) -> Option<String> {
        if message.qos == Qos::Most {
            return None;
        }
        let content = content(message);
        let is_known = self.seen.contains(&(message.id, content));
        let number = u64::from_be_bytes(content);
        let key = |generation: u64| format!("mqtt:{}:{generation}:{}:{number:016x}", self.client, message.id);
        if message.dup && !is_known && self.before != self.generation {
            return Some(key(self.before));
        }
        if !message.dup && (is_known || std::mem::take(&mut self.is_first) || self.seen.len() >= MOST) {
            self.next_generation();
        }
        self.seen.insert((message.id, content));
        let key = |generation: u64| format!("mqtt:{}:{generation}:{}:{number:016x}", self.client, message.id);
        Some(key(self.generation))
    }
}

/// What a message says, as a number.
pub(super) fn content(message: &Message) -> [u8; 8] {
    let mut hash = Sha256::new();
    hash.update((message.topic.len() as u64).to_be_bytes());
    hash.update(message.topic.as_bytes());
    hash.update(&message.payload);
    let whole = hash.finalize();
    let mut first = [0; 8];
    first.copy_from_slice(&whole[..8]);
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(id: u16, payload: &str, dup: bool) -> Message {
        let payload = payload.as_bytes().to_vec();
        Message { topic: "a/b".into(), payload, qos: Qos::Least, dup, id, ..Message::default() }
    }

    #[test]
    fn delivered_again_is_the_same_also_to_the_next_process_and_new_ones_differ() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Keys::open(folder.path().join("m.json"), "fac-1");
        let mut keys = open();
        keys.fresh_session();
        let first = keys.key(&message(1, "press", false)).unwrap();
        let second = keys.key(&message(2, "press", false)).unwrap();
        assert_ne!(first, second);
        // Delivered again after the connection was lost, and after we were killed.
        assert_eq!(keys.key(&message(2, "press", true)).unwrap(), second);
        assert_eq!(open().key(&message(2, "press", true)).unwrap(), second);
        // The broker forgot us, and numbers begin anew; what it says to deliver again it did not deliver to us.
        keys.fresh_session();
        let lost = keys.key(&message(2, "press", true)).unwrap();
        assert_ne!(lost, second);
        assert_eq!(keys.key(&message(2, "press", true)).unwrap(), lost);
        assert_ne!(keys.key(&message(1, "press", false)).unwrap(), first);
    }

    #[test]
    fn the_same_press_with_the_same_number_is_a_new_one_unless_the_broker_says_otherwise() {
        let folder = tempfile::tempdir().unwrap();
        let mut keys = Keys::open(folder.path().join("m.json"), "fac-1");
        let first = keys.key(&message(7, "press", false)).unwrap();
        let again = keys.key(&message(7, "press", false)).unwrap();
        assert_ne!(first, again, "a broker that lost its memory counts anew");
        assert_eq!(keys.key(&message(7, "press", true)).unwrap(), again);
        assert_eq!(keys.key(&Message { qos: Qos::Most, ..message(7, "press", false) }), None);
        // Also where something else came by that number meanwhile.
        assert_ne!(keys.key(&message(7, "other", false)), Some(again.clone()));
        assert_ne!(keys.key(&message(7, "press", false)).unwrap(), again);
    }

    #[test]
    fn what_is_new_to_a_process_is_none_of_what_those_before_it_heard() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Keys::open(folder.path().join("m.json"), "fac-1");
        let mut keys = open();
        keys.fresh_session();
        let all: Vec<_> = (1..9).map(|id| keys.key(&message(id, "press", false)).unwrap()).collect();
        let mut next = open();
        // What was not acknowledged comes again before anything new, and after it.
        assert_eq!(next.key(&message(8, "press", true)).unwrap(), all[7]);
        let new = next.key(&message(1, "press", false)).unwrap();
        assert!(!all.contains(&new), "numbers came round while the broker kept our session");
        assert_eq!(next.key(&message(7, "press", true)).unwrap(), all[6]);
        assert_eq!(next.key(&message(1, "press", true)).unwrap(), new);
    }
}
