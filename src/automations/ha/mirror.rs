//! What every entity was last known to be, and what changed about it.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use serde_json::{Value as Json, json};

/// Something changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// What.
    pub entity: String,
    /// What it was, as Home Assistant says states; `None` where it was not there.
    pub before: Option<Json>,
    /// What it is; `None` where it is gone.
    pub after: Option<Json>,
    /// Whether it was found only when we came back, so that what lay between is not known.
    pub found_late: bool,
}

impl Change {
    /// What tells it apart from other changes.
    pub fn key(&self) -> Option<String> {
        let after = self.after.as_ref()?;
        let at = after["last_updated"].as_str()?;
        Some(format!("ha:{}:{at}:{}", self.entity, self.context().unwrap_or_default()))
    }

    /// The context that it happened in.
    pub fn context(&self) -> Option<&str> {
        self.after.as_ref()?["context"]["id"].as_str()
    }

    /// The change as rules see it.
    pub fn data(&self, at: &str) -> Json {
        let state = |one: &Option<Json>| one.as_ref().and_then(|s| s["state"].as_str().map(String::from));
        let of = |one: &Option<Json>, field: &str| one.as_ref().map_or(Json::Null, |s| s[field].clone());
        json!({
            "kind": "homeassistant",
            "at": at,
            "entity": self.entity,
            "from": state(&self.before),
            "to": state(&self.after),
            "attributes": of(&self.after, "attributes"),
            "from_attributes": of(&self.before, "attributes"),
            "last_changed": of(&self.after, "last_changed"),
            "found_late": self.found_late,
        })
    }
}

/// All states that are known. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct States(Arc<RwLock<Known>>);

#[derive(Debug, Default)]
struct Known {
    all: BTreeMap<String, Json>,
    seeded: bool,
}

impl States {
    /// The state of an entity, as Home Assistant says it.
    pub fn get(&self, entity: &str) -> Option<Json> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).all.get(entity).cloned()
    }

    /// Every entity with its state alone, for conditions: `states['light.kitchen']`.
    pub fn values(&self) -> Json {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.all.iter().map(|(entity, state)| (entity.clone(), state["state"].clone())).collect()
    }

    /// How many are known.
    pub fn len(&self) -> usize {
        self.0.read().unwrap_or_else(PoisonError::into_inner).all.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The names of all, with what people call them.
    pub fn names(&self) -> Vec<(String, String)> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.all.iter().map(|(entity, state)| (entity.clone(), friendly(state).to_string())).collect()
    }

    /// Takes what an event says; `None` where nothing is new.
    pub(super) fn apply(&self, entity: &str, after: Option<Json>) -> Option<Change> {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let before = match &after {
            Some(state) => known.all.insert(entity.to_string(), state.clone()),
            None => known.all.remove(entity),
        };
        let differs = differ(before.as_ref(), after.as_ref());
        differs.then(|| Change { entity: entity.to_string(), before, after, found_late: false })
    }

    /// Takes everything as it is now. The first time that is simply known; later, what differs are changes that nobody
    /// told us.
    pub(super) fn seed(&self, all: Vec<Json>) -> Vec<Change> {
        let named = all.into_iter().filter_map(|s| Some((s["entity_id"].as_str()?.to_string(), s)));
        let now: BTreeMap<String, Json> = named.collect();
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut known.all, now.clone());
        if !std::mem::replace(&mut known.seeded, true) {
            return Vec::new();
        }
        let mut changes = Vec::new();
        for (entity, after) in &now {
            let was = before.get(entity);
            if differ(was, Some(after)) {
                let (before, after) = (was.cloned(), Some(after.clone()));
                changes.push(Change { entity: entity.clone(), before, after, found_late: true });
            }
        }
        for (entity, was) in before.into_iter().filter(|(entity, _)| !now.contains_key(entity)) {
            changes.push(Change { entity, before: Some(was), after: None, found_late: true });
        }
        changes
    }
}

/// What people call an entity.
pub fn friendly(state: &Json) -> &str {
    state["attributes"]["friendly_name"].as_str().unwrap_or_default()
}

fn differ(before: Option<&Json>, after: Option<&Json>) -> bool {
    match (before, after) {
        (Some(a), Some(b)) => a["state"] != b["state"] || a["attributes"] != b["attributes"],
        (None, None) => false,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(entity: &str, state: &str) -> Json {
        json!({"entity_id": entity, "state": state, "attributes": {"friendly_name": "X"}, "last_updated": "2026-01-01T00:00:00+00:00", "context": {"id": "c1"}})
    }

    #[test]
    fn the_first_look_is_no_change_and_a_later_one_tells_what_was_missed() {
        let states = States::default();
        assert!(states.seed(vec![state("a.x", "on"), state("a.y", "on"), state("a.z", "1")]).is_empty());
        let changes = states.seed(vec![state("a.x", "off"), state("a.y", "on"), state("a.new", "1")]);
        let told: Vec<_> = changes
            .iter()
            .map(|c| (c.entity.as_str(), c.data("t")["from"].clone(), c.data("t")["to"].clone()))
            .collect();
        let null = Json::Null;
        assert_eq!(
            told,
            [("a.new", null.clone(), json!("1")), ("a.x", json!("on"), json!("off")), ("a.z", json!("1"), null)]
        );
        assert!(changes.iter().all(|c| c.found_late));
    }

    #[test]
    fn the_same_state_again_is_no_change_and_an_attribute_is_one() {
        let states = States::default();
        states.seed(vec![state("a.x", "on")]);
        assert_eq!(states.apply("a.x", Some(state("a.x", "on"))), None);
        let mut brighter = state("a.x", "on");
        brighter["attributes"]["brightness"] = json!(9);
        let change = states.apply("a.x", Some(brighter)).unwrap();
        assert_eq!(change.data("t")["attributes"]["brightness"], json!(9));
        assert_eq!(change.key().unwrap(), "ha:a.x:2026-01-01T00:00:00+00:00:c1");
        let gone = states.apply("a.x", None).unwrap();
        assert_eq!((gone.after, gone.before.is_some()), (None, true));
        assert_eq!(states.values(), json!({}));
    }
}
