//! Sessions as plain values, on their way in or out of a file.
//!
//! A session is a list of messages that name their parents: a tree, kept flat so that a chat of a hundred thousand
//! messages needs no recursion. It knows neither the store nor any file format; [`super::import`] and
//! [`super::export`] do.

use std::collections::{BTreeSet, HashMap};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::kernel::clock::Timestamp;
use crate::providers::model::{Part, Role};

/// The most remarks that are kept about one file.
const MAX_NOTES: usize = 200;

/// A session. Fields are only ever added; what is missing in a file has its default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Chat {
    /// Its id where it comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its unique handle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Its model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Its system prompt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// Its tags.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Whether it is pinned.
    #[serde(skip_serializing_if = "is_false")]
    pub pinned: bool,
    /// Whether it is put away.
    #[serde(skip_serializing_if = "is_false")]
    pub archived: bool,
    /// The program it was imported from: `chatgpt`, `claude`, `aichat`, `llm`, `codex`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// When it began.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "time")]
    pub created: Option<Timestamp>,
    /// When it last changed.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "time")]
    pub updated: Option<Timestamp>,
    /// Its settings, an object.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub settings: Value,
    /// The message it stands at: the end of the current branch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head: Option<String>,
    /// Its messages, parents before children.
    pub messages: Vec<Message>,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Its id, unique in the session.
    pub id: String,
    /// The message it answers; none for a beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// Who speaks.
    pub role: Role,
    /// What, in order.
    #[serde(default)]
    pub parts: Vec<Part>,
    /// How it ended: done, failed, cancelled, cut_off, pending.
    #[serde(default = "done", skip_serializing_if = "is_done")]
    pub status: String,
    /// `provider/model` that wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The command it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// The messages that it stands for when the context is sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub summary_of: Vec<String>,
    /// Its tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// When it began.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "time")]
    pub created: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "time")]
    pub finished: Option<Timestamp>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What it cost, in millionths of a dollar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_micros: Option<i64>,
}

fn done() -> String {
    "done".to_string()
}

fn is_done(status: &str) -> bool {
    status == "done"
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

fn time<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Timestamp>, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    text.map(|text| Timestamp::from_str(&text).map_err(serde::de::Error::custom)).transpose()
}

impl Message {
    /// A finished message.
    pub fn new(id: impl Into<String>, parent: Option<String>, role: Role, parts: Vec<Part>) -> Message {
        Message {
            id: id.into(),
            parent,
            role,
            parts,
            status: done(),
            model: None,
            command: None,
            summary_of: Vec::new(),
            tokens: None,
            created: None,
            finished: None,
            error: None,
            cost_micros: None,
        }
    }
}

/// Remarks about a file that was read: what was left out, what was mended.
#[derive(Debug, Default, PartialEq)]
pub struct Notes {
    all: Vec<String>,
    more: usize,
}

impl Notes {
    /// Adds one; the same twice in a row counts once.
    pub fn add(&mut self, note: impl Into<String>) {
        let note = note.into();
        if self.all.len() >= MAX_NOTES {
            self.more += 1;
        } else if self.all.last() != Some(&note) {
            self.all.push(note);
        }
    }

    /// All of them, with a last line for those beyond the limit.
    pub fn finish(mut self) -> Vec<String> {
        if self.more > 0 {
            self.all.push(format!("{} more remarks of this kind", self.more));
        }
        self.all
    }
}

/// Puts parents before children, keeping the order otherwise, and mends what is no tree: a missing parent makes a
/// beginning, a circle is cut at its first message, an id that comes twice gets a number. The head is made to exist.
pub fn arrange(chat: &mut Chat, notes: &mut Notes) {
    unique_ids(&mut chat.messages, notes);
    let at: HashMap<&str, usize> = chat.messages.iter().enumerate().map(|(n, m)| (m.id.as_str(), n)).collect();
    let mut parents: Vec<Option<usize>> = Vec::with_capacity(chat.messages.len());
    let mut lost = 0;
    for message in &chat.messages {
        let parent = message.parent.as_deref().and_then(|id| at.get(id).copied());
        lost += usize::from(parent.is_none() && message.parent.is_some());
        parents.push(parent);
    }
    if lost > 0 {
        notes.add(format!("{}: {lost} messages name a parent that is not there; they begin branches", label(chat)));
    }
    let order = parents_first(&mut parents, chat, notes);
    let ids: Vec<String> = chat.messages.iter().map(|m| m.id.clone()).collect();
    let mut old: Vec<Option<Message>> = std::mem::take(&mut chat.messages).into_iter().map(Some).collect();
    for n in order {
        if let Some(mut message) = old.get_mut(n).and_then(Option::take) {
            message.parent = parents.get(n).copied().flatten().and_then(|p| ids.get(p).cloned());
            chat.messages.push(message);
        }
    }
    let known = |id: &String| chat.messages.iter().any(|m| m.id == *id);
    if !chat.head.as_ref().is_some_and(known) {
        chat.head = chat.messages.last().map(|m| m.id.clone());
    }
}

fn unique_ids(messages: &mut [Message], notes: &mut Notes) {
    let mut seen: HashMap<String, usize> = HashMap::new();
    for message in messages {
        let count = seen.entry(message.id.clone()).or_default();
        *count += 1;
        if *count > 1 || message.id.is_empty() {
            let mut number = *count;
            let base = message.id.clone();
            while seen.contains_key(&format!("{base}#{number}")) {
                number += 1;
            }
            message.id = format!("{base}#{number}");
            seen.insert(message.id.clone(), 1);
            seen.insert(base.clone(), number);
            notes.add(format!("the message id {base:?} comes twice"));
        }
    }
}

/// The order of the messages, by their numbers; cuts circles in `parents`.
fn parents_first(parents: &mut [Option<usize>], chat: &Chat, notes: &mut Notes) -> Vec<usize> {
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); parents.len()];
    let mut ready = BTreeSet::new();
    for (n, parent) in parents.iter().enumerate() {
        match parent.and_then(|p| children.get_mut(p)) {
            Some(list) => list.push(n),
            None => drop(ready.insert(n)),
        }
    }
    let mut placed = vec![false; parents.len()];
    let mut order = Vec::with_capacity(parents.len());
    let mut scan = 0;
    loop {
        while let Some(n) = ready.pop_first() {
            if std::mem::replace(&mut placed[n], true) {
                continue;
            }
            order.push(n);
            ready.extend(children[n].iter().copied());
        }
        while placed.get(scan).copied().unwrap_or(false) {
            scan += 1;
        }
        if scan >= placed.len() {
            return order;
        }
        notes.add(format!("{}: messages that are each other's parents were parted", label(chat)));
        parents[scan] = None;
        ready.insert(scan);
    }
}

/// How a remark names a chat.
pub fn label(chat: &Chat) -> String {
    let name = chat.title.as_deref().or(chat.name.as_deref()).or(chat.id.as_deref()).unwrap_or("a chat without a name");
    name.chars().take(60).collect()
}

/// The numbers of the messages from the beginning to `head` (or to the last message).
pub fn path(chat: &Chat) -> Vec<usize> {
    let at: HashMap<&str, usize> = chat.messages.iter().enumerate().map(|(n, m)| (m.id.as_str(), n)).collect();
    let head = chat.head.as_deref().and_then(|id| at.get(id).copied());
    let mut next = head.or_else(|| chat.messages.len().checked_sub(1));
    let mut found = Vec::new();
    // Parents come first, so each step goes to a smaller number and the walk ends.
    while let Some(n) = next {
        found.push(n);
        let parent = chat.messages.get(n).and_then(|m| m.parent.as_deref());
        next = parent.and_then(|id| at.get(id).copied()).filter(|p| *p < n);
    }
    found.reverse();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chat(pairs: &[(&str, Option<&str>)]) -> Chat {
        let message = |(id, parent): &(&str, Option<&str>)| {
            Message::new(*id, parent.map(String::from), Role::User, vec![Part::text(*id)])
        };
        Chat { title: Some("t".into()), messages: pairs.iter().map(message).collect(), ..Chat::default() }
    }

    fn arranged(pairs: &[(&str, Option<&str>)]) -> (Vec<(String, Option<String>)>, Vec<String>) {
        let (mut chat, mut notes) = (chat(pairs), Notes::default());
        arrange(&mut chat, &mut notes);
        assert_eq!(chat.head, chat.messages.last().map(|m| m.id.clone()));
        (chat.messages.into_iter().map(|m| (m.id, m.parent)).collect(), notes.finish())
    }

    fn owned(pairs: &[(&str, Option<&str>)]) -> Vec<(String, Option<String>)> {
        pairs.iter().map(|(id, parent)| (id.to_string(), parent.map(String::from))).collect()
    }

    #[test]
    fn parents_come_first_and_a_right_order_is_kept() {
        let right = [("a", None), ("c", Some("a")), ("b", Some("a")), ("d", Some("c"))];
        assert_eq!(arranged(&right), (owned(&right), vec![]));
        let wrong = [("d", Some("c")), ("b", Some("a")), ("a", None), ("c", Some("a"))];
        let order = [("a", None), ("b", Some("a")), ("c", Some("a")), ("d", Some("c"))];
        assert_eq!(arranged(&wrong), (owned(&order), vec![]));
    }

    #[test]
    fn what_is_no_tree_is_mended_and_said() {
        let (order, notes) = arranged(&[("a", Some("b")), ("b", Some("a")), ("c", Some("gone")), ("a", None)]);
        assert_eq!(order, owned(&[("c", None), ("a#2", None), ("a", None), ("b", Some("a"))]));
        assert_eq!(
            notes,
            [
                "the message id \"a\" comes twice",
                "t: 1 messages name a parent that is not there; they begin branches",
                "t: messages that are each other's parents were parted"
            ]
        );
    }

    #[test]
    fn a_chat_a_hundred_thousand_messages_deep_is_a_plain_list() {
        let mut deep = Chat::default();
        for n in (0..100_000usize).rev() {
            let parent = n.checked_sub(1).map(|p| p.to_string());
            deep.messages.push(Message::new(n.to_string(), parent, Role::User, vec![]));
        }
        arrange(&mut deep, &mut Notes::default());
        assert_eq!(deep.messages[99_999].id, "99999");
        assert_eq!(path(&deep).len(), 100_000);
    }
}
