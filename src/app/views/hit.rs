//! What a search found, as it is shown.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value as Json;

use crate::app::find::Line;
use crate::knowledge::Hit;

/// Something that was found.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct HitView {
    /// command, run, message, memory or recording.
    pub kind: String,
    /// Its id.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// What it is, in a line.
    pub summary: String,
    /// The place that matches.
    pub excerpt: String,
    /// How well it matches.
    pub score: f32,
    /// The words in the excerpt that match: their first character and the one behind their last.
    pub marks: Vec<[usize; 2]>,
    /// When it was.
    pub when: String,
    /// Of a message: the id of its chat.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<Json>,
    /// Of a message: the name of its chat.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_name: Option<Json>,
    /// Of a message: who said it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Json>,
    /// Of a message: the model that said it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<Json>,
    /// Of a message: where it stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Json>,
    /// Of a message: the labels of its chat.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Json>,
}

impl HitView {
    /// A hit, and what is said about it.
    pub fn of(hit: &Hit, line: &Line) -> HitView {
        let kind = if hit.kind == "definition" { "command" } else { &hit.kind };
        let characters = |bytes: usize| hit.excerpt.get(..bytes).map_or(0, |text| text.chars().count());
        let extra = |key: &str| (hit.kind == "message").then(|| hit.extra.get(key).cloned().unwrap_or_default());
        HitView {
            kind: kind.to_string(),
            id: hit.key.clone(),
            name: line.key.clone(),
            summary: line.summary.clone(),
            excerpt: hit.excerpt.clone(),
            score: hit.score,
            marks: hit.marks.iter().map(|m| [characters(m.start), characters(m.end)]).collect(),
            when: hit.when.to_string(),
            session: extra("session"),
            session_name: extra("session_name"),
            role: extra("role"),
            model: extra("model"),
            status: extra("status"),
            tags: extra("tags"),
        }
    }
}

/// What a search found.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct HitList {
    /// What was found, the best first.
    pub items: Vec<HitView>,
    /// Always null: a search is narrowed, not turned over.
    pub next: Option<String>,
    /// How much there is in all; null for whoever sees only what is theirs.
    pub total: Option<u64>,
    /// How often each value of each field is among it.
    pub facets: Option<BTreeMap<String, Vec<(String, u64)>>>,
}
