//! A part of a list.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A part of a list, and where it goes on.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "{T}Page")]
pub struct Page<T> {
    /// The part.
    pub items: Vec<T>,
    /// The `after` of the next part; null when this was the last.
    pub next: Option<String>,
}

/// Which part is wanted.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct Paging {
    /// At most this many
    #[serde(default = "usual")]
    #[schemars(range(min = 1, max = 200))]
    pub limit: usize,
    /// Go on where the last page ended: its `next`
    pub after: Option<String>,
}

fn usual() -> usize {
    50
}
