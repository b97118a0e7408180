//! Topic filters as a tree of levels: which triggers may be meant by a topic is found by walking down its levels, however
//! many filters there are (MQTT 5.0, section 4.7).

use std::collections::HashMap;

use super::index::At;

/// Filters below one level.
#[derive(Debug, Default)]
pub(super) struct Topics {
    /// By the next level as it is written.
    named: HashMap<String, Topics>,
    /// Below `+`.
    single: Option<Box<Topics>>,
    /// Filters that end here.
    here: Vec<At>,
    /// Filters that end with `#` here.
    rest: Vec<At>,
}

impl Topics {
    /// Adds a filter.
    pub(super) fn add(&mut self, filter: &str, at: At) {
        let mut node = self;
        for level in filter.split('/') {
            node = match level {
                "#" => return push(&mut node.rest, at),
                "+" => node.single.get_or_insert_default(),
                named => node.named.entry(named.to_string()).or_default(),
            };
        }
        push(&mut node.here, at);
    }

    /// Adds to `found` what a topic may mean. A wildcard in the first level does not mean topics that begin with `$`.
    pub(super) fn of(&self, topic: &str, found: &mut Vec<At>) {
        let mut nodes: Vec<&Topics> = vec![self];
        for (depth, level) in topic.split('/').enumerate() {
            let hidden = depth == 0 && level.starts_with('$');
            let mut below = Vec::with_capacity(nodes.len() * 2);
            for node in nodes {
                if !hidden {
                    found.extend(&node.rest);
                    below.extend(node.single.as_deref());
                }
                below.extend(node.named.get(level));
            }
            if below.is_empty() {
                return;
            }
            nodes = below;
        }
        // `home/#` means `home` too.
        nodes.iter().for_each(|node| found.extend(node.here.iter().chain(&node.rest)));
    }

    /// Whether there is no filter.
    pub(super) fn is_empty(&self) -> bool {
        self.named.is_empty() && self.single.is_none() && self.rest.is_empty()
    }
}

fn push(list: &mut Vec<At>, at: At) {
    if !list.contains(&at) {
        list.push(at);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::automations::mqtt::topic;

    proptest! {
        #[test]
        fn it_finds_exactly_what_fits(
            filters in proptest::collection::vec("(\\$s/)?([ab+]/){0,3}([ab+#]|)", 1..30),
            topics in proptest::collection::vec("(\\$s/)?([ab]/){0,3}[ab]?", 1..20),
        ) {
            let mut tree = Topics::default();
            filters.iter().enumerate().for_each(|(n, filter)| tree.add(filter, (n, 0)));
            for named in &topics {
                let mut found = Vec::new();
                tree.of(named, &mut found);
                found.sort_unstable();
                let fits: Vec<At> = filters.iter().enumerate()
                    .filter(|(_, filter)| topic::fits(filter, named)).map(|(n, _)| (n, 0)).collect();
                prop_assert_eq!(found, fits, "{} in {:?}", named, filters);
            }
        }
    }
}
