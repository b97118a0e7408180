//! Models as the settings, the environment and the keyring describe them; what must outlive the process is in the store.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::kept::Kept;
use super::{App, open};
use crate::chat::driver::Chat;
use crate::chat::turn::Limits;
use crate::commands::prompt::Desk;
use crate::commands::tool::{self, Offer, Wanted};
use crate::exec::Stop;
use crate::kernel::clock::Timestamp;
use crate::kernel::config::{Member, micro_dollars};
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::http::{Http, Settings as HttpSettings};
use crate::kernel::ids::TraceId;
use crate::kernel::secret::Secret;
use crate::kernel::secrets::Secrets;
use crate::providers::entry::{Entry, KNOWN, LOCAL, Patience, Wire, with_slash};
use crate::providers::table::{Facts, Price};
use crate::providers::{self, Choice, ModelInfo, Models, Needs, Route, Settings};
use crate::store::Process;

/// An answer may think for a long time; its own patience is kept where it is read.
const SILENCE: Duration = Duration::from_secs(24 * 3600);

/// This process, so that others can see when it is gone.
pub fn this_process() -> Process {
    let process = crate::exec::this_process();
    Process { pid: process.pid, start: process.start, boot: process.boot }
}

/// The header by which those who are asked know the request (W3C Trace Context).
pub fn traceparent(trace: TraceId) -> String {
    let trace = trace.to_string();
    format!("00-{trace}-{}-01", &trace[16..])
}

impl App {
    /// Everybody who can be asked.
    pub fn models(&self) -> Result<Models> {
        let config = self.config()?;
        let store = self.store()?.clone();
        let settings = self.model_settings(true)?;
        let http = self.model_http(self.speaks_tls(&settings)?)?;
        let most = config.int("cache.max_mb") << 20;
        let trace = traceparent(self.trace());
        Models::new(http, settings, Arc::new(Kept::new(store, most)), self.clock.clone(), trace)
    }

    /// Names of models that are remembered, and of aliases: nobody is asked, and no keyring is opened.
    pub fn known_models(&self) -> Result<Vec<String>> {
        let kept = Kept::new(self.store()?.clone(), 0);
        Ok(providers::known(&self.model_settings(false)?, &kept))
    }

    /// The models of everybody who is set up or found on this machine whose name holds `part`, and who could not be asked.
    pub async fn all_models(
        &self,
        models: &Models,
        part: Option<&str>,
        refresh: bool,
    ) -> (Vec<ModelInfo>, Vec<(String, Error)>) {
        let (lists, found) = (models.list(refresh).await, models.probe().await);
        let part = part.map(str::to_lowercase);
        let fits = |info: &ModelInfo| part.as_ref().is_none_or(|p| info.name.to_lowercase().contains(p));
        let mut shown: Vec<ModelInfo> = Vec::new();
        let mut failed: Vec<(String, Error)> = Vec::new();
        for (name, result) in lists {
            match result {
                Ok(list) => shown.extend(list.into_iter().filter(&fits)),
                Err(error) => failed.push((name, error)),
            }
        }
        for entry in found {
            let here = models.models_of(&entry).await;
            shown.extend(here.into_iter().flatten().filter(&fits));
        }
        (shown, failed)
    }

    /// The model that is meant, with what is known of it; Ollama is asked what it knows.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    pub async fn model_named(&self, models: &Models, typed: &str) -> Result<(Choice, ModelInfo)> {
        let choices = models.resolve(Some(typed), &Needs::default()).await?;
        let choice = choices.into_iter().next().ok_or_else(|| Error::new(Kind::NotFound, "no such model"))?;
        let mut facts = choice.facts.clone();
        if choice.entry.wire == Wire::Ollama
            && let Ok(shown) = models.show(&choice.entry, &choice.model).await
        {
            facts = shown.or(facts);
        }
        let info = ModelInfo { name: choice.name(), facts };
        Ok((choice, info))
    }

    /// A client for connections that are silent while somebody thinks.
    pub(super) fn model_http(&self, tls_soon: bool) -> Result<Http> {
        let settings = HttpSettings { read_timeout: SILENCE, tls_soon, ..open::http_settings(self.config()?) };
        Http::new(&settings)
    }

    /// Whether anybody on the way to these models may want TLS: they themselves, or a proxy.
    fn speaks_tls(&self, settings: &Settings) -> Result<bool> {
        let plain = |url: &str| url.starts_with("http://");
        let urls = settings.entries.iter().map(|e| e.url.as_str()).chain(settings.probes.iter().map(|p| p.2.as_str()));
        let proxies =
            ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"].into_iter().filter_map(|n| self.env.text(n));
        let own = self.config()?.text("network.proxy").into_iter();
        Ok(!urls.chain(proxies.chain(own).filter(|p| !p.is_empty())).all(plain))
    }

    /// What chats need of the world, without tools.
    pub fn chat<'a>(&'a self, models: &'a Models, stop: Stop) -> Result<Chat<'a>> {
        let config = self.config()?;
        let limits = Limits {
            calls: u32::try_from(config.int("chat.max_calls")).unwrap_or(20),
            result_bytes: usize::try_from(config.int("tools.result_kb")).unwrap_or(64) << 10,
            cost_micros: config.micro_dollars("chat.max_turn_cost"),
        };
        Ok(Chat {
            store: self.store()?,
            models,
            tools: Vec::new(),
            filters: self.plugins()?.filters()?,
            rules: rules(config.list("tools.allow")),
            limits,
            time: config.duration("chat.max_turn_time"),
            compact: config.flag("chat.compact"),
            use_cache: config.flag("cache.answers"),
            stop,
            process: Some(this_process()),
        })
    }

    /// The commands that are offered to models as tools.
    pub fn tools(&self, wanted: Wanted<'_>) -> Result<Offer> {
        if wanted.is_empty() {
            return Ok(Offer::default());
        }
        self.whole_catalog()?;
        tool::offer(self.launcher()?, wanted)
    }

    /// What the person wants remembered, where the settings let it go along with questions.
    pub fn memories(&self) -> Result<Vec<String>> {
        if !self.config()?.flag("chat.memory") {
            return Ok(Vec::new());
        }
        Ok(self.store()?.memories()?.into_iter().map(|m| m.text).collect())
    }

    /// The largest file that goes along with a question, bytes.
    pub fn largest_attachment(&self) -> Result<u64> {
        Ok(self.config()?.int("chat.max_attachment_mb") << 20)
    }

    /// What prompt steps need of the world. `keep`: whether their chats stay.
    pub fn desk(&self, keep: bool) -> Result<Desk> {
        let models = self.models()?;
        let chat = self.chat(&models, Stop::new()?)?;
        Ok(Desk {
            store: self.store()?.clone(),
            rules: chat.rules,
            limits: chat.limits,
            time: chat.time,
            compact: chat.compact,
            use_cache: chat.use_cache,
            filters: chat.filters,
            process: this_process(),
            keep,
            largest_file: self.largest_attachment()?,
            models: models.clone(),
        })
    }

    /// Who is set up; `keys`: whether keys that are kept in the keyring are needed.
    pub(super) fn model_settings(&self, keys: bool) -> Result<Settings> {
        let config = self.config()?;
        let secrets = keys.then(|| Secrets::new(&self.env, &self.paths, &self.redactor));
        let mut entries = Vec::new();
        for (name, member) in config.members("providers") {
            entries.push(self.entry(&name, &member, secrets.as_ref())?);
        }
        for known in KNOWN {
            if entries.iter().any(|e: &Entry| e.name == known.name) {
                continue;
            }
            let Some((variable, key)) = known.keys.iter().find_map(|k| Some((*k, self.key(k)?))) else { continue };
            let url = known.urls.iter().find_map(|u| self.env.text(u)).filter(|u| !u.is_empty()).unwrap_or(known.url);
            entries.push(Entry {
                name: known.name.to_string(),
                wire: known.wire,
                url: with_slash(url),
                key: Some(key),
                key_from: Some(variable.to_string()),
                headers: Vec::new(),
                body: serde_json::Map::new(),
                models: Vec::new(),
                patience: Patience::default(),
            });
        }
        let facts = config.members("models").into_iter().map(|(name, m)| (name, facts(&m))).collect();
        let routes = config.members("routes").into_iter().map(|(name, m)| route(name, &m)).collect();
        Ok(Settings {
            default: config.text("model").map(String::from),
            fallbacks: config.list("model_fallbacks"),
            aliases: config.names("model_aliases"),
            facts,
            routes,
            cache: config.flag("cache.answers").then(|| config.duration("cache.ttl")).flatten(),
            probes: if config.flag("local_models") { self.probes(&entries) } else { Vec::new() },
            entries,
        })
    }

    fn entry(&self, name: &str, member: &Member, secrets: Option<&Secrets>) -> Result<Entry> {
        let known = KNOWN.iter().find(|k| k.name == name);
        let local = LOCAL.iter().find(|l| l.0 == name);
        let wire = member.text("wire").and_then(Wire::parse).or(known.map(|k| k.wire)).or(local.map(|l| l.1));
        let url = member.text("url").or(known.map(|k| k.url)).or(local.map(|l| l.2)).ok_or_else(|| {
            Error::new(Kind::BadData, format!("nothing says where the provider `{name}` is"))
                .hint(format!("fac config set providers.{name}.url http://host:port/v1/"))
        })?;
        let (key, key_from) = match (member.text("key_env"), member.text("secret")) {
            (Some(variable), _) => (self.key(variable), Some(variable.to_string())),
            (None, Some(secret)) => {
                let found = secrets.map(|secrets| secrets.find(secret)).transpose()?.flatten();
                (found.map(|(secret, _)| secret), Some(format!("fac secret set {secret}")))
            }
            (None, None) => {
                let usual = known.and_then(|k| k.keys.iter().find_map(|v| Some((*v, self.key(v)?))));
                (usual.as_ref().map(|(_, key)| key.clone()), usual.map(|(variable, _)| variable.to_string()))
            }
        };
        let body = match member.text("body").map(serde_json::from_str) {
            None => serde_json::Map::new(),
            Some(Ok(Value::Object(body))) => body,
            Some(_) => {
                return Err(Error::new(Kind::BadData, format!("providers.{name}.body is no JSON object"))
                    .hint(format!("for example: fac config set providers.{name}.body '{{\"top_k\": 40}}'")));
            }
        };
        let headers = headers(&format!("providers.{name}"), member)?;
        let default = Patience::default();
        Ok(Entry {
            name: name.to_string(),
            wire: wire.unwrap_or(Wire::OpenAi),
            url: with_slash(url),
            key,
            key_from,
            headers,
            body,
            models: member.list("models"),
            patience: Patience {
                first_token: member.duration("first_token_timeout").unwrap_or(default.first_token),
                idle: member.duration("idle_timeout").unwrap_or(default.idle),
                retries: member.int("retries").and_then(|n| u32::try_from(n).ok()).unwrap_or(default.retries),
            },
        })
    }

    /// The key in a variable; from now on no log and no record holds it.
    pub(super) fn key(&self, variable: &str) -> Option<Secret> {
        let key = Secret::from_input(self.env.text(variable)?.to_string());
        if key.is_empty() {
            return None;
        }
        self.redactor.learn(&key);
        Some(key)
    }

    /// Where to look for servers on this machine that are not set up already.
    fn probes(&self, entries: &[Entry]) -> Vec<(String, Wire, String)> {
        let moved = |name: &str, url: &str| match (name, self.env.text("OLLAMA_HOST")) {
            ("ollama", Some(host)) if !host.is_empty() => {
                let host = if host.contains("://") { host.to_string() } else { format!("http://{host}") };
                let url = url::Url::parse(&host).ok();
                let port = url.as_ref().is_some_and(|u| u.port().is_none() && u.scheme() == "http");
                with_slash(&if port { format!("{}:11434", host.trim_end_matches('/')) } else { host })
            }
            _ => url.to_string(),
        };
        let all = LOCAL.iter().map(|(name, wire, url)| ((*name).to_string(), *wire, moved(name, url)));
        all.filter(|(name, _, url)| !entries.iter().any(|e| e.name == *name || e.url == *url)).collect()
    }
}

/// Rules as they were meant: `command git:*` that lost its quotes on the way is one rule and not two.
fn rules(written: Vec<String>) -> Vec<String> {
    let mut rules: Vec<String> = Vec::new();
    for word in written {
        match rules.last_mut().filter(|last| matches!(last.as_str(), "command" | "mcp")) {
            Some(last) => *last = format!("{last} {word}"),
            None => rules.push(word),
        }
    }
    rules
}

/// The headers that the settings at `place` want sent along, each `Name: value`.
pub(super) fn headers(place: &str, member: &Member) -> Result<Vec<(String, String)>> {
    let parted = |line: String| match line.split_once(':') {
        Some((header, value)) => Ok((header.trim().to_string(), value.trim().to_string())),
        None => Err(Error::new(Kind::BadData, format!("{place}.headers wants `Name: value`, not `{line}`"))),
    };
    member.list("headers").into_iter().map(parted).collect()
}

fn facts(member: &Member) -> Facts {
    let dollars = |field: &str| member.text(field).and_then(micro_dollars);
    let price = dollars("input_price").zip(dollars("output_price")).map(|(input, output)| Price {
        input,
        output,
        cached: dollars("cached_price"),
        cache_written: dollars("cache_write_price"),
    });
    Facts {
        context: member.int("context"),
        max_output: member.int("max_output"),
        price,
        vision: member.flag("vision"),
        tools: member.flag("tools"),
        reasoning: member.flag("reasoning"),
        size: None,
    }
}

fn route(name: String, member: &Member) -> Route {
    Route {
        name,
        task: member.text("task").map(String::from),
        min_tokens: member.int("min_tokens"),
        vision: member.flag("vision").unwrap_or(false),
        max_output_price: member.text("max_output_price").and_then(micro_dollars),
        models: member.list("models"),
    }
}

/// Refuses when today's budget is spent; gives the warning that is due, if any.
///
/// # Errors
/// `Refused` when `usage.daily_budget` is reached.
pub fn budget_check(app: &App) -> Result<Option<String>> {
    let config = app.config()?;
    let (budget, warning) = (config.micro_dollars("usage.daily_budget"), config.micro_dollars("usage.daily_warning"));
    if budget.is_none() && warning.is_none() {
        return Ok(None);
    }
    let zone = jiff::tz::TimeZone::system();
    let now = jiff::Timestamp::from_microsecond(app.clock.now().as_micros()).unwrap_or_default();
    let midnight = now.to_zoned(zone).start_of_day().map_or(now, |day| day.timestamp());
    let spent = app.store()?.spent(Timestamp::from_micros(midnight.as_microsecond()))?;
    let dollars = |micros: i64| format!("${:.2}", micros as f64 / 1e6);
    if let Some(budget) = budget.filter(|budget| spent >= *budget) {
        return Err(Error::new(
            Kind::Refused,
            format!("today's budget of {} is spent ({} so far)", dollars(budget), dollars(spent)),
        )
        .hint("wait until tomorrow, or raise `fac config set usage.daily_budget`; `fac usage` shows what was spent"));
    }
    let due = warning.filter(|warning| spent >= *warning);
    Ok(due.map(|warning| format!("{} was spent today, more than the {} you set", dollars(spent), dollars(warning))))
}
