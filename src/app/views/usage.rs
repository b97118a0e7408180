//! Tokens and money as they are shown.

use schemars::JsonSchema;
use serde::Serialize;

use crate::store::UsageRow;

/// A sum. Its first member is what it is a sum of: `day`, `model`, `session`, `command`, or `key` for all.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct UsageView {
    /// The day, such as 2026-01-31.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub day: Option<String>,
    /// The model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The id of the chat.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// Of everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Requests.
    pub calls: u64,
    /// Of these: failed or cancelled.
    pub failed: u64,
    /// Of these: begun and never ended.
    pub open: u64,
    /// Of these: answered from our own cache.
    pub from_cache: u64,
    /// Tokens in.
    pub input: u64,
    /// Tokens out.
    pub output: u64,
    /// Tokens read from a provider's cache.
    pub cached: u64,
    /// Tokens written to one.
    pub cache_written: u64,
    /// Tokens of reasoning.
    pub reasoning: u64,
    /// What it cost where a price is known, dollars.
    pub cost_usd: f64,
    /// Requests that took tokens and whose price is not known.
    pub unpriced_calls: u64,
    /// Mean milliseconds to the first piece of an answer.
    pub first_token_ms: Option<u64>,
}

impl UsageView {
    /// A sum by `day`, `model`, `session` or `command`; by any other word of everything.
    pub fn by(what: &str, row: &UsageRow) -> UsageView {
        let key = |name: &str| (what == name).then(|| row.key.clone());
        let named = matches!(what, "day" | "model" | "session" | "command");
        UsageView {
            day: key("day"),
            model: key("model"),
            session: key("session"),
            command: key("command"),
            key: (!named).then(|| row.key.clone()),
            calls: row.calls,
            failed: row.failed,
            open: row.open,
            from_cache: row.from_cache,
            input: row.input,
            output: row.output,
            cached: row.cached,
            cache_written: row.cache_written,
            reasoning: row.reasoning,
            cost_usd: row.cost_micros as f64 / 1e6,
            unpriced_calls: row.unpriced,
            first_token_ms: row.first_token_ms,
        }
    }
}

/// Sums, and the sum of them.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct UsageList {
    /// The sums.
    pub items: Vec<UsageView>,
    /// Of everything.
    pub total: UsageView,
    /// Always null: they come all at once.
    pub next: Option<String>,
}
