//! What models a provider has: asked of it, remembered for a day, and joined with what else is known.

use std::time::Duration;

use serde_json::{Value, json};
use url::Url;

use super::entry::{Entry, Wire};
use super::table::{self, Facts, Price};
use super::{Memory, ModelInfo, Models, Settings, Shared, trouble};
use crate::kernel::error::{Context, Error, Kind, Result};
use crate::kernel::http::{HeaderMap, header};

/// A list is asked for again after a day.
const FRESH_US: i64 = 86_400_000_000;
/// A list is no longer than this, bytes.
const LONGEST: u64 = 32 << 20;
/// A server on this machine answers within this, or is not there.
const PROBE: Duration = Duration::from_millis(300);

impl Models {
    /// The models of every provider, each list or why there is none. A list that was asked for within a day is not
    /// asked for again unless `refresh` says so; one that cannot be had now is answered from memory.
    pub async fn list(&self, refresh: bool) -> Vec<(String, Result<Vec<ModelInfo>>)> {
        let lists = self
            .shared
            .settings
            .entries
            .iter()
            .map(|entry| async move { (entry.name.clone(), of(&self.shared, entry, refresh).await) });
        futures_util::future::join_all(lists).await
    }

    /// Asks a provider for its list, which costs nothing, and gives its length.
    ///
    /// # Errors
    /// Why it cannot be had; `Unreachable` when nobody answers within `patience`.
    pub async fn reach(&self, entry: &Entry, patience: Duration) -> Result<usize> {
        let slow =
            || Error::new(Kind::Unreachable, format!("{} does not answer within {} s", entry.name, patience.as_secs()));
        let listed = tokio::time::timeout(patience, ask(&self.shared, entry)).await.map_err(|_| slow())??;
        self.shared.memory.keep(&format!("models:{}", entry.url), &json!(listed));
        Ok(listed.len())
    }

    /// Whole names of the models that are remembered, and of aliases; nobody is asked.
    pub fn known(&self) -> Vec<String> {
        known(&self.shared.settings, &*self.shared.memory)
    }

    /// Servers on this machine that answer where they usually do, and are not set up already.
    pub async fn probe(&self) -> Vec<Entry> {
        let probes = self.shared.settings.probes.iter().map(|(name, wire, url)| async move {
            let entry = Entry {
                name: name.clone(),
                wire: *wire,
                url: url.clone(),
                key: None,
                key_from: None,
                headers: Vec::new(),
                body: serde_json::Map::new(),
                models: Vec::new(),
                patience: super::entry::Patience::default(),
            };
            let answered = tokio::time::timeout(PROBE, ask(&self.shared, &entry)).await;
            matches!(answered, Ok(Ok(_))).then_some(entry)
        });
        futures_util::future::join_all(probes).await.into_iter().flatten().collect()
    }
}

/// Whole names of the models that are remembered, and of aliases, sorted; nobody is asked.
pub fn known(settings: &Settings, memory: &dyn Memory) -> Vec<String> {
    let mut names: Vec<String> = settings.aliases.iter().map(|(alias, _)| alias.clone()).collect();
    let mut add = |name: &str, url: &str, models: &[String]| {
        let kept = memory.recall(&format!("models:{url}"));
        let facts: Vec<(String, Facts)> =
            kept.and_then(|(value, _)| serde_json::from_value(value).ok()).unwrap_or_default();
        let listed = models.iter().cloned().chain(facts.into_iter().map(|(model, _)| model));
        names.extend(listed.map(|model| format!("{name}/{model}")));
    };
    settings.entries.iter().for_each(|entry| add(&entry.name, &entry.url, &entry.models));
    settings.probes.iter().for_each(|(name, _, url)| add(name, url, &[]));
    names.sort();
    names.dedup();
    names
}

/// The models of one provider.
pub(super) async fn of(shared: &Shared, entry: &Entry, refresh: bool) -> Result<Vec<ModelInfo>> {
    let key = format!("models:{}", entry.url);
    let kept = shared.memory.recall(&key).and_then(|(value, at)| {
        let facts: Vec<(String, Facts)> = serde_json::from_value(value).ok()?;
        Some((facts, at))
    });
    let fresh = kept.as_ref().is_some_and(|(_, at)| shared.clock.now().since(*at) < FRESH_US);
    let listed = match (kept, fresh && !refresh) {
        (Some((listed, _)), true) => listed,
        (kept, _) => match ask(shared, entry).await {
            Ok(listed) => {
                shared.memory.keep(&key, &json!(listed));
                listed
            }
            Err(error) => match kept.filter(|_| !refresh) {
                Some((listed, _)) => listed,
                None if !entry.models.is_empty() => Vec::new(),
                None => return Err(error),
            },
        },
    };
    Ok(joined(shared, entry, listed))
}

/// What is kept of a provider's list, without asking anybody.
pub(super) fn remembered(shared: &Shared, entry: &Entry) -> Vec<ModelInfo> {
    let kept = shared.memory.recall(&format!("models:{}", entry.url));
    let listed = kept.and_then(|(value, _)| serde_json::from_value(value).ok()).unwrap_or_default();
    joined(shared, entry, listed)
}

fn joined(shared: &Shared, entry: &Entry, mut listed: Vec<(String, Facts)>) -> Vec<ModelInfo> {
    for model in &entry.models {
        if !listed.iter().any(|(name, _)| name == model) {
            listed.push((model.clone(), Facts::default()));
        }
    }
    listed.sort_by(|a, b| a.0.cmp(&b.0));
    let info = |(model, facts): (String, Facts)| {
        let name = format!("{}/{model}", entry.name);
        ModelInfo { facts: facts_of(shared, entry, &model, facts), name }
    };
    listed.into_iter().map(info).collect()
}

/// What is known of a model: what the person says, what its server says, what the table says.
pub(super) fn facts_of(shared: &Shared, entry: &Entry, model: &str, served: Facts) -> Facts {
    let whole = format!("{}/{model}", entry.name);
    let said = shared.settings.facts.iter().find(|(name, _)| *name == whole || name == model);
    let facts = said.map(|(_, facts)| facts.clone()).unwrap_or_default().or(served);
    // What runs at home costs nothing, whatever its name.
    let mut known = table::known(model);
    if crate::kernel::http::is_local(&entry.url) {
        known.price = Some(Price::default());
    }
    facts.or(known)
}

/// The headers that let us in.
pub(super) fn headers(entry: &Entry) -> Result<HeaderMap> {
    let mut map = HeaderMap::new();
    let mut add = |name: &str, value: &str, secret: bool| {
        let bad = || format!("a header of providers.{} cannot be sent", entry.name);
        let name = header::HeaderName::from_bytes(name.as_bytes()).context(Kind::BadData, bad)?;
        let mut value = header::HeaderValue::from_str(value).context(Kind::BadData, bad)?;
        value.set_sensitive(secret);
        map.insert(name, value);
        Ok::<(), Error>(())
    };
    if let Some(key) = &entry.key {
        match entry.wire {
            Wire::Anthropic => add("x-api-key", key.expose(), true)?,
            Wire::Gemini => add("x-goog-api-key", key.expose(), true)?,
            _ => add("authorization", &format!("Bearer {}", key.expose()), true)?,
        }
    }
    if entry.wire == Wire::Anthropic {
        add("anthropic-version", "2023-06-01", false)?;
    }
    entry.headers.iter().try_for_each(|(name, value)| add(name, value, true))?;
    Ok(map)
}

pub(super) fn address(entry: &Entry, path: &str) -> Result<Url> {
    let bad = || format!("providers.{}.url is no address: {}", entry.name, entry.url);
    Url::parse(&entry.url).and_then(|url| url.join(path)).context(Kind::BadData, bad)
}

async fn ask(shared: &Shared, entry: &Entry) -> Result<Vec<(String, Facts)>> {
    let path = match entry.wire {
        Wire::Ollama => "api/tags",
        Wire::Gemini => "models?pageSize=1000",
        Wire::Anthropic => "models?limit=1000",
        Wire::OpenAi | Wire::Responses => "models",
    };
    let answer = shared.http.get(&address(entry, path)?, headers(entry)?).await?;
    let value = read_json(answer, entry).await?;
    let field = if matches!(entry.wire, Wire::Ollama | Wire::Gemini) { "models" } else { "data" };
    let list = value.get(field).and_then(Value::as_array).cloned().unwrap_or_default();
    Ok(list.iter().filter_map(|item| described(entry.wire, item)).collect())
}

/// The JSON of an answer that must be a success.
pub(super) async fn read_json(answer: crate::kernel::http::Response, entry: &Entry) -> Result<Value> {
    let (status, headers) = (answer.status(), answer.headers().clone());
    let body = answer.bytes(LONGEST).await?;
    if status != 200 {
        let text = String::from_utf8_lossy(&body);
        return Err(trouble::of_status(status, &headers, &text, entry, &entry.name).into());
    }
    serde_json::from_slice(&body).context(Kind::BadData, || format!("{} sent something that is no JSON", entry.name))
}

/// A model as its server describes it. Beside the vendors' own fields: `context_length` (OpenRouter, LM Studio,
/// Together), `max_model_len` (vLLM), `meta.n_ctx_train` (llama.cpp), `max_context_length` (Mistral).
fn described(wire: Wire, item: &Value) -> Option<(String, Facts)> {
    let text = |key: &str| item.get(key).and_then(Value::as_str);
    let number = |path: &str| item.pointer(path).and_then(Value::as_u64);
    let mut facts = Facts::default();
    let name = match wire {
        Wire::Gemini => {
            let methods = item.get("supportedGenerationMethods").and_then(Value::as_array);
            if methods.is_some_and(|m| !m.iter().any(|m| m == "generateContent")) {
                return None;
            }
            facts.context = number("/inputTokenLimit");
            facts.max_output = number("/outputTokenLimit");
            text("name")?.trim_start_matches("models/")
        }
        Wire::Ollama => {
            facts.size = number("/size");
            text("name").or_else(|| text("model"))?
        }
        _ => {
            let fields =
                ["/context_length", "/max_model_len", "/max_context_length", "/context_window", "/meta/n_ctx_train"];
            facts.context = fields.iter().find_map(|path| number(path));
            facts.price = priced(item);
            text("id")?
        }
    };
    Some((name.to_string(), facts))
}

/// OpenRouter's prices: dollars a token, as text.
fn priced(item: &Value) -> Option<Price> {
    let of = |key: &str| {
        let text = item.get("pricing")?.get(key)?.as_str()?;
        text.parse::<f64>().ok().filter(|d| *d >= 0.0).map(|dollars| (dollars * 1e12).round() as i64)
    };
    Some(Price {
        input: of("prompt")?,
        output: of("completion")?,
        cached: of("input_cache_read"),
        cache_written: of("input_cache_write"),
    })
}

impl Models {
    /// The models of one provider.
    ///
    /// # Errors
    /// Why there is no list.
    pub async fn models_of(&self, entry: &Entry) -> Result<Vec<ModelInfo>> {
        of(&self.shared, entry, false).await
    }
}
