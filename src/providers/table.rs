//! What is known of models without asking anybody: a small dated table, and what the settings say instead.
//!
//! Money is whole millionths of a dollar, so that sums are exact.

use serde::{Deserialize, Serialize};

use super::model::Usage;

const TABLE: &str = include_str!("models.tsv");

/// Prices of a million tokens, in millionths of a dollar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// Tokens in.
    pub input: i64,
    /// Tokens out.
    pub output: i64,
    /// Tokens in that came from the provider's cache; as `input` where nothing is said.
    #[serde(default)]
    pub cached: Option<i64>,
    /// Tokens in that were written to it; as `input` where nothing is said.
    #[serde(default)]
    pub cache_written: Option<i64>,
}

impl Price {
    /// What `usage` costs, millionths of a dollar, each sort of token rounded up by itself.
    pub fn cost_micros(&self, usage: &Usage) -> i64 {
        let cached = usage.cached.unwrap_or(0);
        let written = usage.cache_written.unwrap_or(0);
        let fresh = usage.input.unwrap_or(0).saturating_sub(cached).saturating_sub(written);
        let of = |tokens: u64, price: i64| {
            let product = i128::from(tokens) * i128::from(price);
            i64::try_from((product + 999_999) / 1_000_000).unwrap_or(i64::MAX)
        };
        of(fresh, self.input)
            .saturating_add(of(cached, self.cached.unwrap_or(self.input)))
            .saturating_add(of(written, self.cache_written.unwrap_or(self.input)))
            .saturating_add(of(usage.output.unwrap_or(0), self.output))
    }
}

/// What is known of a model; `None` is not known.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// Tokens that fit in at once.
    pub context: Option<u64>,
    /// The longest answer, tokens.
    pub max_output: Option<u64>,
    /// What it costs.
    pub price: Option<Price>,
    /// Whether it sees pictures.
    pub vision: Option<bool>,
    /// Whether it uses tools.
    pub tools: Option<bool>,
    /// Whether it thinks before it answers.
    pub reasoning: Option<bool>,
    /// Bytes on disk, of a local one.
    pub size: Option<u64>,
}

impl Facts {
    /// These facts, and `other`'s where these say nothing.
    pub fn or(self, other: Facts) -> Facts {
        Facts {
            context: self.context.or(other.context),
            max_output: self.max_output.or(other.max_output),
            price: self.price.or(other.price),
            vision: self.vision.or(other.vision),
            tools: self.tools.or(other.tools),
            reasoning: self.reasoning.or(other.reasoning),
            size: self.size.or(other.size),
        }
    }
}

/// What the table says of `model`, whatever stands before a slash in its name.
pub fn known(model: &str) -> Facts {
    let name = model.rsplit('/').next().unwrap_or(model).to_ascii_lowercase();
    let line = TABLE.lines().filter(|l| !l.starts_with('#')).find(|line| {
        let pattern = line.split('\t').next().unwrap_or_default();
        match pattern.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => name == pattern,
        }
    });
    line.map(facts).unwrap_or_default()
}

/// The names in the table that stand for one model each.
pub fn names() -> impl Iterator<Item = &'static str> {
    let lines = TABLE.lines().filter(|l| !l.starts_with('#'));
    lines.filter_map(|l| l.split('\t').next()).map(|name| name.trim_end_matches('*'))
}

fn facts(line: &str) -> Facts {
    let mut fields = line.split('\t').skip(1);
    let mut number = || fields.next().and_then(|f| f.parse::<u64>().ok());
    let (context, max_output) = (number(), number());
    let mut dollars = || fields.next().and_then(|f| f.parse::<f64>().ok()).map(|d| (d * 1e6).round() as i64);
    let (input, output, cached, cache_written) = (dollars(), dollars(), dollars(), dollars());
    let abilities = fields.next().unwrap_or_default();
    let price = input.zip(output).map(|(input, output)| Price { input, output, cached, cache_written });
    let can = |letter: char| Some(abilities.contains(letter));
    Facts { context, max_output, price, vision: can('v'), tools: can('t'), reasoning: can('r'), size: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_whole_and_the_first_fitting_line_counts() {
        for line in TABLE.lines().filter(|l| !l.starts_with('#')) {
            assert_eq!(line.split('\t').count(), 8, "{line}");
        }
        assert_eq!(known("gpt-4o-mini-2024-07-18").price.unwrap().input, 150_000);
        assert_eq!(known("anthropic/claude-sonnet-4-5-20250929").context, Some(200_000));
        assert_eq!(known("gpt-4").context, Some(8192));
        assert_eq!(known("gpt-45").context, None);
        assert_eq!(known("my-own"), Facts::default());
    }

    #[test]
    fn each_sort_of_token_has_its_price() {
        let price =
            Price { input: 3_000_000, output: 15_000_000, cached: Some(300_000), cache_written: Some(3_750_000) };
        let usage = Usage {
            input: Some(1_000),
            output: Some(10),
            cached: Some(400),
            cache_written: Some(100),
            reasoning: Some(5),
        };
        assert_eq!(price.cost_micros(&usage), 500 * 3 + 120 + 375 + 150);
        assert_eq!(price.cost_micros(&Usage { input: Some(1), ..Usage::default() }), 3);
        assert_eq!(
            Price { input: 1, output: 1, ..price }.cost_micros(&Usage { output: Some(1), ..Usage::default() }),
            1,
            "rounded up"
        );
    }
}
