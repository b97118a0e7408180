//! What is to be sent: it waits here in order, is marked under way, and comes back when its connection was lost first.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::Full;
use crate::automations::mqtt::message::Publish;
use crate::kernel::error::{Error, Kind, Result};

/// How many of ours are under way at a time; the protocol's own limit lies below, in the library.
const UNDER_WAY: usize = 400;
/// A message that was under way at so many losses of the connection may be why.
const SUSPECT: u32 = 2;
/// One that was alone under way at so many in a row is, where those lie so far apart that no restart is why.
const GUILTY: u32 = 3;
const GUILTY_FOR: Duration = Duration::from_secs(4);

/// Whoever is told how a message ended.
pub(super) type Told = Box<dyn FnOnce(Result<()>) + Send>;

/// A message that is to be sent until a moment.
pub(super) struct Entry {
    pub(super) publish: Publish,
    pub(super) deadline: Instant,
    pub(super) told: Option<Told>,
    /// How often the connection was lost while it was under way.
    lost: u32,
    /// How often in a row that was with nothing else under way.
    alone: u32,
    /// When that was first so.
    alone_since: Option<Instant>,
}

impl Entry {
    pub(super) fn new(publish: Publish, deadline: Instant, told: impl FnOnce(Result<()>) + Send + 'static) -> Entry {
        Entry { publish, deadline, told: Some(Box::new(told)), lost: 0, alone: 0, alone_since: None }
    }

    pub(super) fn end(mut self, how: Result<()>) {
        if let Some(told) = self.told.take() {
            told(how);
        }
    }
}

/// The messages that wait and those under way, by their number.
pub(super) struct Outbox {
    waiting: BTreeMap<u64, Entry>,
    under_way: BTreeMap<u64, Entry>,
    /// No message's time is over before this.
    soonest: Option<Instant>,
    next: u64,
    room: usize,
    full: Full,
    /// Up to this number they are sent one at a time: one of them may be what ends the connection.
    careful_until: Option<u64>,
}

impl Outbox {
    pub(super) fn new(room: usize, full: Full) -> Outbox {
        Outbox {
            waiting: BTreeMap::new(),
            under_way: BTreeMap::new(),
            soonest: None,
            next: 0,
            room,
            full,
            careful_until: None,
        }
    }

    /// How many wait or are under way.
    pub(super) fn len(&self) -> usize {
        self.waiting.len() + self.under_way.len()
    }

    /// How many are under way.
    pub(super) fn flying(&self) -> usize {
        self.under_way.len()
    }

    /// How many may be under way of those that wait now.
    pub(super) fn at_a_time(&mut self) -> usize {
        let first = [&self.waiting, &self.under_way].into_iter().filter_map(|all| all.keys().next()).min();
        if first.is_none_or(|first| self.careful_until.is_none_or(|until| *first > until)) {
            self.careful_until = None;
        }
        if self.careful_until.is_some() { 1 } else { UNDER_WAY }
    }

    /// The connection was lost; `about_ours` where that was for a message of ours. Gives the one that it must have been:
    /// others are not held up, or sent over and over, for the sake of it.
    pub(super) fn connection_lost(&mut self, about_ours: bool, now: Instant) -> Option<Entry> {
        let is_alone = self.under_way.len() == 1;
        for (number, entry) in &mut self.under_way {
            entry.lost += 1;
            entry.alone = if is_alone { entry.alone + 1 } else { 0 };
            entry.alone_since = entry.alone_since.filter(|_| is_alone).or(is_alone.then_some(now));
            if about_ours || entry.lost >= SUSPECT {
                self.careful_until = self.careful_until.max(Some(*number));
            }
        }
        let guilty = self.under_way.first_key_value().filter(|_| is_alone);
        let is_guilty = |entry: &Entry| {
            let long = entry.alone_since.is_some_and(|since| now.duration_since(since) >= GUILTY_FOR);
            about_ours || (entry.alone >= GUILTY && long)
        };
        let guilty = guilty.filter(|(_, entry)| is_guilty(entry)).map(|(number, _)| *number)?;
        self.under_way.remove(&guilty)
    }

    /// Takes a message; the one that has to go for it, where there is no room.
    pub(super) fn push(&mut self, entry: Entry, is_up: bool) -> Option<Entry> {
        // While the broker is there the queue empties itself as fast as it can.
        let too_many = !is_up && self.waiting.len() >= self.room;
        if too_many && (self.full == Full::Newest || self.room == 0) {
            return Some(entry);
        }
        let gone = if too_many { self.waiting.pop_first().map(|(_, entry)| entry) } else { None };
        self.soonest = Some(self.soonest.map_or(entry.deadline, |soonest| soonest.min(entry.deadline)));
        self.waiting.insert(self.next, entry);
        self.next += 1;
        gone
    }

    /// The next that waits, marked as under way, with its number.
    pub(super) fn take(&mut self) -> Option<(u64, &Publish)> {
        let (number, entry) = self.waiting.pop_first()?;
        Some((number, &self.under_way.entry(number).or_insert(entry).publish))
    }

    /// It is not under way after all, and waits again in its place.
    pub(super) fn put_back(&mut self, number: u64) {
        if let Some(entry) = self.under_way.remove(&number) {
            self.waiting.insert(number, entry);
        }
    }

    /// It is settled.
    pub(super) fn settled(&mut self, number: u64) -> Option<Entry> {
        self.under_way.remove(&number)
    }

    /// Those whose time is over.
    pub(super) fn overdue(&mut self, now: Instant) -> Vec<Entry> {
        let late = |all: &BTreeMap<u64, Entry>| -> Vec<u64> {
            all.iter().filter(|(_, e)| e.deadline <= now).map(|(n, _)| *n).collect()
        };
        let mut gone: Vec<Entry> = late(&self.waiting).iter().filter_map(|n| self.waiting.remove(n)).collect();
        gone.extend(late(&self.under_way).iter().filter_map(|n| self.under_way.remove(n)));
        self.soonest = self.waiting.values().chain(self.under_way.values()).map(|e| e.deadline).min();
        gone
    }

    /// When it is to be looked again for messages whose time is over.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.soonest
    }

    /// Everything, in order, because nothing will be sent any more.
    pub(super) fn drain(&mut self) -> Vec<Entry> {
        let mut all = std::mem::take(&mut self.under_way);
        all.append(&mut self.waiting);
        all.into_values().collect()
    }
}

/// The error of a message that found no room.
pub(super) fn no_room(place: &str) -> Error {
    Error::new(Kind::Failed, format!("too many messages wait for the broker {place}"))
        .hint("broker.NAME.queue says how many may")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::automations::mqtt::message::Qos;

    fn entry(topic: &str, seconds: u64) -> Entry {
        let deadline = Instant::now() + Duration::from_secs(seconds);
        Entry { told: None, ..Entry::new(Publish::new(topic, "", Qos::Least), deadline, |_| ()) }
    }

    fn names(all: Vec<Entry>) -> Vec<String> {
        all.into_iter().map(|e| e.publish.topic).collect()
    }

    #[test]
    fn what_comes_back_keeps_its_place() {
        let mut outbox = Outbox::new(10, Full::Newest);
        for topic in ["a", "b", "c"] {
            assert!(outbox.push(entry(topic, 9), false).is_none());
        }
        let (first, _) = outbox.take().unwrap();
        let (second, publish) = outbox.take().unwrap();
        assert_eq!(publish.topic, "b");
        outbox.put_back(second);
        outbox.put_back(first);
        assert_eq!(outbox.flying(), 0);
        assert_eq!(names(outbox.drain()), ["a", "b", "c"]);
    }

    #[test]
    fn a_message_is_why_connections_are_lost_when_that_goes_on_with_it_alone() {
        let mut outbox = Outbox::new(9, Full::Newest);
        let begun = Instant::now();
        outbox.push(entry("a", 60), true);
        outbox.push(entry("b", 60), true);
        outbox.take().unwrap();
        outbox.take().unwrap();
        for _ in 0..5 {
            assert!(outbox.connection_lost(false, begun + GUILTY_FOR * 2).is_none(), "it may be either");
        }
        outbox.settled(1);
        // A broker that begins anew loses connections too.
        for _ in 0..5 {
            assert!(outbox.connection_lost(false, begun).is_none());
        }
        let guilty = outbox.connection_lost(false, begun + GUILTY_FOR);
        assert_eq!(guilty.map(|entry| entry.publish.topic), Some("a".to_string()));
    }

    #[test]
    fn where_there_is_no_room_the_policy_says_which_goes() {
        for (full, gone, stays) in [(Full::Newest, "c", ["a", "b"]), (Full::Oldest, "a", ["b", "c"])] {
            let mut outbox = Outbox::new(2, full);
            assert!(outbox.push(entry("a", 9), false).is_none() && outbox.push(entry("b", 9), false).is_none());
            assert_eq!(outbox.push(entry("c", 9), false).unwrap().publish.topic, gone);
            assert_eq!(names(outbox.drain()), stays);
        }
        let mut none = Outbox::new(0, Full::Oldest);
        assert!(none.push(entry("a", 9), false).is_some() && none.push(entry("b", 9), true).is_none());
    }

    #[test]
    fn what_is_too_old_is_given_up_wherever_it_is() {
        let mut outbox = Outbox::new(9, Full::Newest);
        for (topic, seconds) in [("a", 0), ("b", 90), ("c", 0)] {
            outbox.push(entry(topic, seconds), false);
        }
        outbox.take();
        assert_eq!(names(outbox.overdue(Instant::now())), ["c", "a"]);
        assert_eq!(names(outbox.drain()), ["b"]);
    }
}
