//! Which triggers may be meant by a happening, found without asking all of them.
//!
//! Each trigger stands under a word that whatever fits it must hold: the whole topic or its first level, the entity, the
//! first part of an event's name. What begins with a wildcard is asked about everything of its kind.

use std::collections::HashMap;

use crate::automations::happening::Happening;
use crate::automations::trigger::Wanted;
use crate::commands::model::Trigger;

/// A trigger: the number of its rule, and its own number there.
pub(super) type At = (usize, u32);

/// Triggers by what a happening must hold to fit them.
#[derive(Debug, Default)]
pub(super) struct Index {
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

    /// Calls `each` with every trigger that may be meant, each once.
    pub(super) fn of(&self, happening: &Happening, mut each: impl FnMut(At)) {
        let kind = happening.kind;
        let about = about(kind, happening);
        let lists = [
            self.exact.get(kind).and_then(|map| map.get(about)),
            self.first.get(kind).and_then(|map| map.get(first(kind, about))),
            self.any.get(kind),
        ];
        for (number, list) in lists.iter().enumerate() {
            for at in list.iter().copied().flatten() {
                // A trigger that names several things may stand in several lists.
                if !lists[..number].iter().flatten().any(|earlier| earlier.contains(at)) {
                    each(*at);
                }
            }
        }
    }

    /// Whether an event of this name may be meant by any trigger.
    pub(super) fn hears_event(&self, name: &str) -> bool {
        self.any.contains_key("event")
            || self.exact.get("event").is_some_and(|map| map.contains_key(name))
            || self.first.get("event").is_some_and(|map| map.contains_key(first("event", name)))
    }

    /// Whether anything waits for this kind.
    pub(super) fn hears(&self, kind: &str) -> bool {
        self.any.contains_key(kind) || self.exact.contains_key(kind) || self.first.contains_key(kind)
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
fn first<'a>(kind: &str, about: &'a str) -> &'a str {
    let end = match kind {
        "mqtt" => '/',
        _ => '.',
    };
    about.split(end).next().unwrap_or_default()
}

/// Where a trigger stands: several places, where it names several things.
fn places(kind: &str, written: &Trigger) -> Vec<Place> {
    let words = match kind {
        // A shared subscription hears topics without its own two first levels.
        "mqtt" => written.args.iter().map(|filter| match filter.strip_prefix("$share/") {
            Some(rest) => rest.split_once('/').map_or(filter.as_str(), |(_, filter)| filter),
            None => filter,
        }),
        "homeassistant" | "event" => return named(kind, written.args.iter().map(String::as_str)),
        _ => return vec![Place::Any],
    };
    named(kind, words)
}

fn named<'a>(kind: &str, words: impl Iterator<Item = &'a str>) -> Vec<Place> {
    let wild = if kind == "mqtt" { ['+', '#'] } else { ['*', '?'] };
    let mut places: Vec<Place> = words
        .flat_map(|word| word.split(',').map(str::trim))
        .map(|word| match word {
            word if !word.contains(wild) => Place::Exact(word.to_string()),
            word if first(kind, word).contains(wild) || !word.contains(if kind == "mqtt" { '/' } else { '.' }) => {
                Place::Any
            }
            word => Place::First(first(kind, word).to_string()),
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
    fn a_trigger_stands_where_what_fits_it_is_looked_for() {
        let (exact, under) = (|t: &str| Place::Exact(t.into()), |t: &str| Place::First(t.into()));
        assert_eq!(of("mqtt", &["home/door"]), [exact("home/door")]);
        assert_eq!(of("mqtt", &["home/+/door"]), [under("home")]);
        assert_eq!(of("mqtt", &["home/#"]), [under("home")]);
        assert_eq!(of("mqtt", &["$share/g/home/#"]), [under("home")]);
        assert_eq!(of("mqtt", &["+/door"]), [Place::Any]);
        assert_eq!(of("mqtt", &["#"]), [Place::Any]);
        assert_eq!(of("event", &["run.*", "job.dead"]), [under("run"), exact("job.dead")]);
        assert_eq!(of("event", &["r*"]), [Place::Any]);
        assert_eq!(of("homeassistant", &["light.*"]), [under("light")]);
        assert_eq!(of("homeassistant", &["light.a,light.b"]), [exact("light.a"), exact("light.b")]);
        assert_eq!(of("file", &["~/notes"]), [Place::Any]);
    }
}
