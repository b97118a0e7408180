//! Models as they are shown.

use schemars::JsonSchema;
use serde::Serialize;

use crate::kernel::error::Error;
use crate::providers::table::Price;
use crate::providers::{Choice, ModelInfo};

/// A model, with what is known of it; null is not known.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ModelView {
    /// `provider/model`.
    pub name: String,
    /// Tokens that fit in at once.
    pub context: Option<u64>,
    /// The longest answer, tokens.
    pub max_output: Option<u64>,
    /// What it costs.
    pub price: Option<PriceView>,
    /// Whether it sees pictures.
    pub vision: Option<bool>,
    /// Whether it uses tools.
    pub tools: Option<bool>,
    /// Whether it thinks before it answers.
    pub reasoning: Option<bool>,
    /// Bytes on disk, of a local one.
    pub size: Option<u64>,
}

impl From<&ModelInfo> for ModelView {
    fn from(info: &ModelInfo) -> ModelView {
        let facts = &info.facts;
        ModelView {
            name: info.name.clone(),
            context: facts.context,
            max_output: facts.max_output,
            price: facts.price.as_ref().map(PriceView::from),
            vision: facts.vision,
            tools: facts.tools,
            reasoning: facts.reasoning,
            size: facts.size,
        }
    }
}

/// Prices of a million tokens, in millionths of a dollar.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PriceView {
    /// Tokens in.
    pub input: i64,
    /// Tokens out.
    pub output: i64,
    /// Tokens in that came from the provider's cache.
    pub cached: Option<i64>,
    /// Tokens in that were written to it.
    pub cache_written: Option<i64>,
}

impl From<&Price> for PriceView {
    fn from(price: &Price) -> PriceView {
        let Price { input, output, cached, cache_written } = *price;
        PriceView { input, output, cached, cache_written }
    }
}

/// A provider that could not be asked.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct FailedProvider {
    /// Its name.
    pub provider: String,
    /// Why.
    pub message: String,
}

impl FailedProvider {
    /// Why `provider` could not be asked.
    pub fn of(provider: &str, error: &Error) -> FailedProvider {
        FailedProvider { provider: provider.to_string(), message: error.full_message() }
    }
}

/// The models of everybody who is set up.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ModelList {
    /// The models.
    pub items: Vec<ModelView>,
    /// The providers that could not be asked.
    pub failed: Vec<FailedProvider>,
    /// Always null: they come all at once.
    pub next: Option<String>,
}

/// A model, and where it is.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct WholeModel {
    /// The model.
    pub model: ModelView,
    /// Where it is asked.
    pub url: String,
    /// The protocol that is spoken there.
    pub wire: &'static str,
}

impl WholeModel {
    /// A model that was found, with what is known of it by now.
    pub fn of(choice: &Choice, info: &ModelInfo) -> WholeModel {
        let (url, wire) = (choice.entry.url.clone(), choice.entry.wire.name());
        WholeModel { model: ModelView::from(info), url, wire }
    }
}
