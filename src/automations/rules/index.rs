//! Which triggers may be meant by a happening, found without asking all of them.
//!
//! Topic filters stand in a tree of their levels. Other triggers stand under a word that whatever fits them must hold: the
//! entity or its domain, the name of an event or its first part. What begins with a wildcard is asked about everything of
//! its kind.

use std::collections::HashMap;

use super::topics::Topics;
use crate::automations::happening::Happening;
use crate::automations::trigger::Wanted;
use crate::commands::model::Trigger;

/// What stands for any characters in names of entities and events.
const WILD: [char; 2] = ['*', '?'];

/// A trigger: the number of its rule, and its own number there.
pub(super) type At = (usize, u32);

/// Triggers by what a happening must hold to fit them.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// Those of MQTT.
    topics: Topics,
    /// By kind and the whole of what it is about.
    exact: HashMap<&'static str, HashMap<String, Vec<At>>>,
    /// By kind and its first part.
    first: HashMap<&'static str, HashMap<String, Vec<At>>>,
    /// By kind alone.
    any: HashMap<&'static str, Vec<At>>,
}

/// Where a trigger stands.
#[derive(Debug, PartialEq)]
enum Place {
    Exact(String),
    First(String),
    Any,
}

impl Index {
    /// Adds a trigger.
    pub(super) fn add(&mut self, at: At, written: &Trigger, wanted: &Wanted) {
        let kind = wanted.kind();
        if kind == "mqtt" {
            return written.args.iter().for_each(|filter| self.topics.add(unshared(filter), at));
        }
        for place in places(kind, written) {
            let list = match place {
                Place::Exact(word) => self.exact.entry(kind).or_default().entry(word).or_default(),
                Place::First(word) => self.first.entry(kind).or_default().entry(word).or_default(),
                Place::Any => self.any.entry(kind).or_default(),
            };
            if !list.contains(&at) {
                list.push(at);
            }
        }
    }

    /// Every trigger that may be meant, each once, in the order of rules.
    pub(super) fn of(&self, happening: &Happening) -> Vec<At> {
        let kind = happening.kind;
        let about = about(kind, happening);
        let mut found = Vec::new();
        if kind == "mqtt" {
            self.topics.of(about, &mut found);
        } else {
            let lists = [
                self.exact.get(kind).and_then(|map| map.get(about)),
                self.first.get(kind).and_then(|map| map.get(first(about))),
                self.any.get(kind),
            ];
            found.extend(lists.into_iter().flatten().flatten());
        }
        // A trigger that names several things may stand in several places.
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Whether an event of this name may be meant by any trigger.
    pub(super) fn hears_event(&self, name: &str) -> bool {
        self.any.contains_key("event")
            || self.exact.get("event").is_some_and(|map| map.contains_key(name))
            || self.first.get("event").is_some_and(|map| map.contains_key(first(name)))
    }

    /// Whether anything waits for this kind.
    pub(super) fn hears(&self, kind: &str) -> bool {
        (kind == "mqtt" && !self.topics.is_empty())
            || self.any.contains_key(kind)
            || self.exact.contains_key(kind)
            || self.first.contains_key(kind)
    }
}

/// What a happening is about.
fn about<'h>(kind: &str, happening: &'h Happening) -> &'h str {
    let field = match kind {
        "mqtt" => "topic",
        "homeassistant" => "entity",
        "event" => "name",
        _ => return "",
    };
    happening.data[field].as_str().unwrap_or_default()
}

/// The first part of what a happening is about.
fn first(about: &str) -> &str {
    about.split('.').next().unwrap_or_default()
}

/// A shared subscription hears topics without its own two first levels.
fn unshared(filter: &str) -> &str {
    filter.strip_prefix("$share/").and_then(|rest| rest.split_once('/')).map_or(filter, |(_, filter)| filter)
}

/// Where a trigger stands: several places, where it names several things.
fn places(kind: &str, written: &Trigger) -> Vec<Place> {
    if !["homeassistant", "event"].contains(&kind) {
        return vec![Place::Any];
    }
    let words = written.args.iter().flat_map(|word| word.split(',').map(str::trim));
    let mut places: Vec<Place> = words
        .map(|word| match word {
            word if !word.contains(WILD) => Place::Exact(word.to_string()),
            word if first(word).contains(WILD) || !word.contains('.') => Place::Any,
            word => Place::First(first(word).to_string()),
        })
        .collect();
    if places.is_empty() {
        places.push(Place::Any);
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kind: &str, words: &[&str]) -> Vec<Place> {
        let args = words.iter().map(|w| w.to_string()).collect();
        places(kind, &Trigger { kind: kind.into(), args, options: Default::default(), line: 1 })
    }

    #[test]
    fn a_shared_subscription_hears_what_stands_behind_its_group() {
        assert_eq!(["$share/g/home/#", "$share/g", "home/+"].map(unshared), ["home/#", "$share/g", "home/+"]);
    }

    #[test]
    fn a_trigger_stands_where_what_fits_it_is_looked_for() {
        let (exact, under) = (|t: &str| Place::Exact(t.into()), |t: &str| Place::First(t.into()));
        assert_eq!(of("event", &["run.*", "job.dead"]), [under("run"), exact("job.dead")]);
        assert_eq!(of("event", &["r*"]), [Place::Any]);
        assert_eq!(of("homeassistant", &["light.*"]), [under("light")]);
        assert_eq!(of("homeassistant", &["light.a,light.b"]), [exact("light.a"), exact("light.b")]);
        assert_eq!(of("file", &["~/notes"]), [Place::Any]);
    }
}
