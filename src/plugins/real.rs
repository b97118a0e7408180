//! What plugins reach of this program: the store, servers, commands, the model.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value as Json;
use url::Url;

use super::api::http::{is_allowed, refusal};
use super::halt::Halt;
use super::heard::{HEARD, RUN_BY_PLUGIN};
use super::world::{Level, Question, Ran, Request, Response, World};
use crate::chat::policy::fits;
use crate::commands::bind;
use crate::commands::catalog::Trust;
use crate::commands::model::Step;
use crate::commands::run::{self, Launcher, Unit, Watcher};
use crate::exec::{Stop, Stream};
use crate::kernel::clock::Timestamp;
use crate::kernel::error::{Context, Error, Kind, Result};
use crate::kernel::events::{Event, Position};
use crate::kernel::http::{HeaderMap, Http, header};
use crate::kernel::secret::Redactor;
use crate::store::{PluginLine, Store};

/// The most bytes of an answer that a plugin is given.
const MOST_BYTES: u64 = 5 << 20;
/// The most that a plugin is given of what a command wrote, and of what it complained, bytes.
const MOST_WRITTEN: usize = 8 << 20;
/// How often a request may be sent on.
const MOST_HOPS: usize = 5;
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a command of a plugin may take, milliseconds.
const RUN_MS: u64 = 60_000;
/// Lines of logs that are kept in memory before they are written.
const WAITING: usize = 200;
/// Lines that wait at most: a plugin that writes more loses what comes after.
const MOST_WAITING: usize = 5000;

/// Opens rooms for plugins when they first ask for them.
pub trait House: Send + Sync {
    /// What runs need.
    ///
    /// # Errors
    /// When the settings or the store cannot be read.
    fn launcher(&self) -> Result<Launcher>;

    /// The client.
    ///
    /// # Errors
    /// When the settings cannot be read.
    fn http(&self) -> Result<Http>;

    /// One question to the default model, which ends when it is asked to.
    ///
    /// # Errors
    /// No model, its failure, or a budget that is spent.
    fn ask(&self, question: &Question, stop: Stop) -> Result<String>;
}

/// The world of enabled plugins.
pub(super) struct Real {
    store: Store,
    quota: u64,
    redactor: Redactor,
    house: Arc<dyn House>,
    lines: Mutex<Vec<PluginLine>>,
}

impl Real {
    pub(super) fn new(store: Store, quota: u64, redactor: Redactor, house: Arc<dyn House>) -> Real {
        Real { store, quota, redactor, house, lines: Mutex::default() }
    }

    /// Writes down the lines of the logs that wait.
    fn flush(&self) {
        let lines = std::mem::take(&mut *self.lines.lock().unwrap_or_else(PoisonError::into_inner));
        if lines.is_empty() {
            return;
        }
        if let Err(error) = self.store.add_plugin_lines(&lines) {
            tracing::warn!(error = error.full_message(), "lines of plugins are lost");
        }
    }

    async fn fetch_on(&self, http: &Http, request: &Request) -> Result<Response> {
        let mut url = Url::parse(&request.url).context(Kind::Usage, || "that is no address".to_string())?;
        let (mut post, mut hops) = (request.method == "POST", 0);
        let first = url.host_str().map(String::from);
        loop {
            if !is_allowed(&url, &request.allowed) {
                return Err(Error::new(Kind::Usage, refusal(&url)));
            }
            let same = url.host_str().map(String::from) == first;
            let headers = headers(&request.headers, same)?;
            let response = match (&request.body, post) {
                (Some(body), true) => http.post_bytes(&url, headers, body.clone()).await?,
                (None, true) => http.post_bytes(&url, headers, Vec::new()).await?,
                (_, false) => http.get(&url, headers).await?,
            };
            let status = response.status();
            let next = response.header("location").filter(|_| matches!(status, 301 | 302 | 303 | 307 | 308));
            match next.map(|next| url.join(next)) {
                Some(Ok(next)) => {
                    hops += 1;
                    if hops > MOST_HOPS {
                        return Err(Error::new(Kind::Unreachable, "the server sends the request on without end"));
                    }
                    post &= matches!(status, 307 | 308);
                    url = next;
                }
                _ => {
                    let text = |value: &crate::kernel::http::header::HeaderValue| {
                        value.to_str().unwrap_or_default().to_string()
                    };
                    let headers =
                        response.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect();
                    return Ok(Response { status, headers, body: response.bytes(MOST_BYTES).await? });
                }
            }
        }
    }
}

/// Headers of a request; what tells who asks goes only to the host that was asked first.
fn headers(written: &[(String, String)], same: bool) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, value) in written {
        let wrong = || Error::new(Kind::Usage, format!("`{name}` is no header"));
        let key = header::HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?;
        let value = header::HeaderValue::from_str(value).map_err(|_| wrong())?;
        let telling = ["authorization", "cookie", "proxy-authorization"].contains(&key.as_str());
        if key != header::HOST && (same || !telling) {
            headers.insert(key, value);
        }
    }
    Ok(headers)
}

impl World for Real {
    fn now(&self) -> Timestamp {
        self.store.now()
    }

    fn log(&self, plugin: &str, level: Level, text: &str) {
        let line = PluginLine {
            plugin: plugin.to_string(),
            at: self.store.now(),
            level: level.name().to_string(),
            text: self.redactor.redact(text).into_owned(),
        };
        let full = {
            let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
            if lines.len() < MOST_WAITING {
                lines.push(line);
            }
            lines.len().is_multiple_of(WAITING) && lines.len() < MOST_WAITING
        };
        if full {
            self.flush();
        }
    }

    fn has_rest(&self) -> bool {
        !self.lines.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    fn rest(&self) {
        self.flush();
    }

    fn get(&self, plugin: &str, key: &str) -> Result<Option<String>> {
        self.store.plugin_value(plugin, key)
    }

    fn set(&self, plugin: &str, key: &str, value: Option<&str>) -> Result<()> {
        self.store.set_plugin_value(plugin, key, value, self.quota)
    }

    fn replace(&self, plugin: &str, key: &str, old: Option<&str>, new: Option<&str>) -> Result<bool> {
        self.store.replace_plugin_value(plugin, key, old, new, self.quota)
    }

    fn keys(&self, plugin: &str, prefix: &str) -> Result<Vec<String>> {
        self.store.plugin_keys(plugin, prefix)
    }

    fn fetch(&self, request: &Request, halt: &Halt) -> Result<Response> {
        let http = self.house.http()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.context(Kind::Failed, || "cannot start the network runtime".to_string())?;
        let done = runtime.block_on(async {
            tokio::select! {
                done = self.fetch_on(&http, request) => done,
                () = tokio::time::sleep(PATIENCE) => Err(Error::new(Kind::TimedOut, "the server took too long to answer")),
                () = halt.asked() => Err(Error::new(Kind::Interrupted, "stopped")),
            }
        });
        runtime.shutdown_background();
        done
    }

    fn run(&self, words: &[String], input: Option<&str>, allowed: &[String], halt: &Halt) -> Result<Ran> {
        let mut launcher = self.house.launcher()?;
        if let Some(trace) = halt.trace() {
            launcher.store = launcher.store.traced(trace);
        }
        // A plugin does not hear of what it causes itself.
        launcher.around = None;
        launcher.timeout_ms = Some(launcher.timeout_ms.map_or(RUN_MS, |ms| ms.min(RUN_MS)));
        let catalog = launcher.catalog();
        let (resolved, used) = catalog.resolve(words, None)?;
        let names = [resolved.key(), resolved.full_name(), resolved.command.name.clone()];
        if !allowed.iter().any(|pattern| names.iter().any(|name| fits(pattern, name))) {
            let said = format!("`{}` is not among the commands that plugin.toml allows", resolved.key());
            return Err(Error::new(Kind::Usage, said));
        }
        if resolved.trust != Trust::Trusted {
            return Err(resolved.refusal());
        }
        let given = bind::take_apart(&resolved.command, &words[used..])?;
        let bound = bind::check(&resolved.command, &given, &|_| None)?;
        let plan = run::plan(&catalog, resolved, bound)?;
        let mut engine = launcher.engine(&catalog, halt.stop().map_or_else(Stop::new, Ok)?, false, RUN_BY_PLUGIN);
        engine.input = Some(input.unwrap_or_default().as_bytes().to_vec());
        let mut heard = Overheard::default();
        let report = engine.run(&plan, &mut heard)?;
        if let Some((_, problem, _)) = &report.problem {
            let _ = heard.output(Stream::Stderr, problem.as_bytes());
        }
        let clean = |bytes: &[u8]| launcher.redactor.redact_bytes(bytes).into_owned();
        let (stdout, stderr) = (clean(&heard.stdout), clean(&heard.stderr));
        Ok(Ran { code: report.exit_code, stdout, stderr, truncated: heard.truncated, id: report.id.to_string() })
    }

    fn ask(&self, question: &Question, halt: &Halt) -> Result<String> {
        self.house.ask(question, halt.stop().map_or_else(Stop::new, Ok)?)
    }

    fn emit(&self, plugin: &str, name: &str, payload: &Json, halt: &Halt) -> Result<()> {
        // What a firing causes must be known as that, or nobody could tell that it fires itself.
        let store = halt.trace().map_or_else(|| self.store.clone(), |trace| self.store.traced(trace));
        let payload = answering(payload.clone(), halt.heard());
        store.append(&Event::new(format!("plugin.{plugin}.{name}"), plugin, payload)).map(drop)
    }
}

/// What an event says that answers another: which one, so that one sees where plugins answer each other without end.
fn answering(payload: Json, heard: Option<Position>) -> Json {
    let Some(heard) = heard else { return payload };
    let mut fields = match payload {
        Json::Object(fields) => fields,
        Json::Null => serde_json::Map::new(),
        value => [("value".to_string(), value)].into_iter().collect(),
    };
    fields.insert(HEARD.into(), heard.stored().into());
    Json::Object(fields)
}

/// What the steps of a run wrote, as much as a plugin is given.
#[derive(Default)]
struct Overheard {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    truncated: bool,
}

impl Watcher for Overheard {
    fn starts(&mut self, _unit: &Unit, _step: &Step, _shown: Option<&str>) {}
    fn skips(&mut self, _step: &Step, _why: &str) {}
    fn leaves_out(&mut self, _unit: &Unit, _condition: &str) {}

    fn output(&mut self, stream: Stream, bytes: &[u8]) -> ControlFlow<()> {
        let place = if stream == Stream::Stdout { &mut self.stdout } else { &mut self.stderr };
        let room = MOST_WRITTEN.saturating_sub(place.len());
        self.truncated |= bytes.len() > room;
        place.extend_from_slice(&bytes[..bytes.len().min(room)]);
        ControlFlow::Continue(())
    }
}
