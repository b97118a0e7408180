//! What a typed name of a model means: a whole name, an alias, a part of one; or none, and the default.

use std::sync::Arc;

use super::entry::{Entry, KNOWN};
use super::table::Facts;
use super::{Choice, Models, Route, list, table};
use crate::kernel::error::{Error, Kind, Result};

/// What a question needs, for rules and fallbacks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// What it is for: `chat`, `ask`, `title`, `summary`, `step`.
    pub task: String,
    /// Tokens that must fit in.
    pub tokens: u64,
    /// Whether pictures go along.
    pub vision: bool,
}

impl Models {
    /// The models to ask, the preferred one first: the one that was `typed` with the fallbacks of the settings, else
    /// what a rule chooses, else the default.
    ///
    /// # Errors
    /// `NotFound` for a name that nobody has, with near ones; `Missing` when nobody is set up, with the way to set
    /// somebody up.
    pub async fn resolve(&self, typed: Option<&str>, needs: &Needs) -> Result<Vec<Choice>> {
        let mut entries: Vec<Arc<Entry>> = self.shared.settings.entries.iter().cloned().map(Arc::new).collect();
        if entries.is_empty() || typed.is_some_and(|t| is_of_local(t, &self.shared.settings.probes)) {
            entries.extend(self.probe().await.into_iter().map(Arc::new));
        }
        if entries.is_empty() {
            return Err(nobody());
        }
        let settings = &self.shared.settings;
        let (mut choices, mut most) = (Vec::new(), None);
        match typed {
            Some(typed) => choices.push(self.named(&entries, typed).await?),
            None => {
                let route = settings.routes.iter().find(|route| fits(route, needs));
                for name in route.into_iter().flat_map(|route| &route.models) {
                    choices.push(self.named(&entries, name).await?);
                }
                most = route.and_then(|route| route.max_output_price);
                choices.retain(|choice| is_affordable(&choice.facts, most));
                if let Some(name) = settings.default.as_ref().filter(|_| choices.is_empty()) {
                    choices.push(self.named(&entries, name).await?);
                }
            }
        }
        if choices.is_empty() {
            choices.push(self.first_of(&entries).await?);
        }
        for name in &settings.fallbacks {
            let choice = self.named(&entries, name).await?;
            if is_affordable(&choice.facts, most) && !choices.iter().any(|c: &Choice| c.name() == choice.name()) {
                choices.push(choice);
            }
        }
        // A fallback that cannot do what is needed is none; the model that was asked for may try.
        let able = |c: &Choice| {
            let fits = c.facts.context.is_none_or(|context| context >= needs.tokens);
            fits && (!needs.vision || c.facts.vision != Some(false))
        };
        let mut at = 0;
        choices.retain(|choice| {
            at += 1;
            at == 1 || able(choice)
        });
        Ok(choices)
    }

    /// The model that `typed` stands for.
    async fn named(&self, entries: &[Arc<Entry>], typed: &str) -> Result<Choice> {
        let settings = &self.shared.settings;
        let alias = settings.aliases.iter().find(|(name, _)| name == typed);
        let typed = alias.map_or(typed, |(_, model)| model.as_str());
        if let Some((provider, model)) = typed.split_once('/').filter(|(_, model)| !model.is_empty())
            && let Some(entry) = entries.iter().find(|e| e.name == provider)
        {
            return Ok(self.choice(entry, model));
        }
        if let Some(entry) = entries.iter().find(|e| e.name == typed) {
            return self.first_of(std::slice::from_ref(entry)).await;
        }
        let all = self.all_names(entries).await;
        let whole = all.iter().find(|(_, model)| model == typed);
        if let Some((at, model)) = whole.or_else(|| part_of_one(&all, typed)) {
            return Ok(self.choice(&entries[*at], model));
        }
        Err(unknown(entries, &all, typed))
    }

    /// The names of everybody's models, with the place of who has them: from memory where there is one.
    async fn all_names(&self, entries: &[Arc<Entry>]) -> Vec<(usize, String)> {
        let mut all = Vec::new();
        for (at, entry) in entries.iter().enumerate() {
            let kept = list::remembered(&self.shared, entry);
            let listed = match kept.is_empty() {
                false => kept,
                true => list::of(&self.shared, entry, false).await.unwrap_or_default(),
            };
            let start = entry.name.len() + 1;
            all.extend(listed.into_iter().map(|info| (at, info.name[start..].to_string())));
        }
        all
    }

    /// The model that is used of the first provider that has one.
    async fn first_of(&self, entries: &[Arc<Entry>]) -> Result<Choice> {
        let mut last = None;
        for entry in entries {
            if let Some(model) = entry.models.first() {
                return Ok(self.choice(entry, model));
            }
            let usual = KNOWN.iter().find(|k| k.name == entry.name && k.url == entry.url);
            if let Some(known) = usual {
                return Ok(self.choice(entry, known.default_model));
            }
            match list::of(&self.shared, entry, false).await {
                Ok(listed) => {
                    if let Some(info) = listed.first() {
                        return Ok(self.choice(entry, &info.name[entry.name.len() + 1..]));
                    }
                    let said = format!("{} has no models yet", entry.name);
                    last = Some(Error::new(Kind::NotFound, said).hint("`fac models pull NAME` fetches one for Ollama"));
                }
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(nobody))
    }

    fn choice(&self, entry: &Arc<Entry>, model: &str) -> Choice {
        let name = format!("{}/{model}", entry.name);
        let served = list::remembered(&self.shared, entry).into_iter().find(|info| info.name == name);
        let facts = list::facts_of(&self.shared, entry, model, served.map(|i| i.facts).unwrap_or_default());
        Choice { entry: Arc::clone(entry), model: model.to_string(), facts }
    }
}

fn fits(route: &Route, needs: &Needs) -> bool {
    let task = route.task.as_ref().is_none_or(|task| *task == needs.task);
    let tokens = route.min_tokens.is_none_or(|least| needs.tokens >= least);
    task && tokens && (!route.vision || needs.vision)
}

/// Whether a model's tokens out cost at most `most`, millionths of a dollar a million; one whose price is not known
/// passes.
fn is_affordable(facts: &Facts, most: Option<i64>) -> bool {
    most.zip(facts.price).is_none_or(|(most, price)| price.output <= most)
}

fn is_of_local(typed: &str, probes: &[(String, super::entry::Wire, String)]) -> bool {
    let provider = typed.split('/').next().unwrap_or_default();
    probes.iter().any(|(name, ..)| name == provider)
}

/// The one model of which `typed` is a part, or the shortest of several that begin so.
fn part_of_one<'a>(all: &'a [(usize, String)], typed: &str) -> Option<&'a (usize, String)> {
    let typed = typed.to_lowercase();
    let holds: Vec<&(usize, String)> = all.iter().filter(|(_, model)| model.to_lowercase().contains(&typed)).collect();
    if let [one] = holds[..] {
        return Some(one);
    }
    let begins = holds.into_iter().filter(|(_, model)| model.to_lowercase().starts_with(&typed));
    // Dates and sizes stand behind a name, so the shortest is the plain one.
    begins.min_by_key(|(_, model)| (model.len(), model.clone()))
}

/// So many models are all named where none is near.
const FEW: usize = 5;

fn unknown(entries: &[Arc<Entry>], all: &[(usize, String)], typed: &str) -> Error {
    let error = Error::new(Kind::NotFound, format!("no provider has a model `{typed}`"));
    let wanted = typed.rsplit('/').next().unwrap_or(typed).to_lowercase();
    let mut near: Vec<(f64, String)> = all
        .iter()
        .map(|(at, model)| {
            (strsim::jaro_winkler(&wanted, &model.to_lowercase()), format!("{}/{model}", entries[*at].name))
        })
        .filter(|(score, _)| *score > 0.7)
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    let near: Vec<String> = near.into_iter().take(3).map(|(_, name)| format!("`{name}`")).collect();
    if !near.is_empty() {
        return error.hint(format!("did you mean {}? `fac models ls` lists all", near.join(" or ")));
    }
    if (1..=FEW).contains(&all.len()) {
        let there = all.iter().map(|(at, model)| format!("`{}/{model}`", entries[*at].name)).collect::<Vec<_>>();
        return error.hint(format!("there is {}", there.join(" and ")));
    }
    if table::names().any(|name| typed.starts_with(name)) {
        return error.hint("its provider is not set up here: `fac models ls` shows who is");
    }
    error.hint("`fac models ls` lists what there is")
}

/// Nobody is set up: the three lines that help.
fn nobody() -> Error {
    Error::new(Kind::Missing, "no model is set up here, and no local server answers").hint(
        "one of these is enough:\n\
         \x20 a local model     ollama serve, then `fac models pull llama3.2`\n\
         \x20 a key             export ANTHROPIC_API_KEY=… (or OPENAI_API_KEY, GEMINI_API_KEY, OPENROUTER_API_KEY …)\n\
         \x20 any other server  fac config set providers.NAME.url http://host:port/v1/",
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::Value;

    use super::super::entry::{Patience, Wire};
    use super::super::table::Price;
    use super::super::{Memory, Settings};
    use super::*;
    use crate::kernel::clock::{Clock, Timestamp};
    use crate::kernel::http::Http;

    struct Nothing;

    impl Memory for Nothing {
        fn recall(&self, _key: &str) -> Option<(Value, Timestamp)> {
            None
        }
        fn keep(&self, _key: &str, _value: &Value) {}
        fn cached(&self, _key: &str) -> Option<String> {
            None
        }
        fn cache(&self, _key: &str, _value: &str, _ttl: Duration) {}
    }

    /// What is chosen among `dear` (9 dollars), `fair` (3 dollars) and `odd` (nobody knows) by such a rule.
    fn chosen(most: Option<i64>, models: &[&str], fallbacks: &[&str]) -> Vec<String> {
        let entry = Entry {
            name: "far".to_string(),
            wire: Wire::OpenAi,
            url: "https://models.example/v1/".to_string(),
            key: None,
            key_from: None,
            headers: Vec::new(),
            body: serde_json::Map::new(),
            models: vec!["dear".into(), "fair".into(), "odd".into(), "usual".into()],
            patience: Patience::default(),
        };
        let priced = |name: &str, output: i64| {
            let price = Some(Price { input: 1, output, cached: None, cache_written: None });
            (name.to_string(), Facts { price, ..Facts::default() })
        };
        let list = |names: &[&str]| names.iter().map(|n| format!("far/{n}")).collect::<Vec<_>>();
        let settings = Settings {
            entries: vec![entry],
            default: Some("far/usual".to_string()),
            fallbacks: list(fallbacks),
            facts: vec![priced("dear", 9_000_000), priced("fair", 3_000_000), priced("usual", 50_000_000)],
            routes: vec![Route { max_output_price: most, models: list(models), ..Route::default() }],
            ..Settings::default()
        };
        let http = Http::new(&crate::kernel::http::Settings::default()).unwrap();
        let models = Models::new(http, settings, Arc::new(Nothing), Clock::system(), String::new()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let choices = runtime.block_on(models.resolve(None, &Needs::default())).unwrap();
        choices.iter().map(|c| c.model.clone()).collect()
    }

    #[test]
    fn a_rule_leaves_out_models_that_cost_more_than_it_allows() {
        assert_eq!(chosen(None, &["dear", "fair"], &[]), ["dear", "fair"]);
        assert_eq!(chosen(Some(3_000_000), &["dear", "fair"], &[]), ["fair"]);
        assert_eq!(chosen(Some(2_999_999), &["dear", "fair", "odd"], &[]), ["odd"], "what is not known passes");
        assert_eq!(chosen(Some(1), &["dear", "fair"], &[]), ["usual"], "nobody is left, so the default answers");
        assert_eq!(chosen(Some(3_000_000), &["fair"], &["dear", "odd"]), ["fair", "odd"], "nor may a dear one step in");
    }
}
