//! Figures about a server, for Prometheus and for `fac top`.
//!
//! Everything that is measured is listed here. Series are bounded: routes by their templates, commands and models by a
//! number of names, after which all others are one. What commands and models took is read from the event log, so that
//! work which another process of this machine did is counted too.

pub mod follow;
pub mod panics;
pub mod process;
pub mod read;
mod route;
pub mod text;

pub use route::routes;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::store::{JobStatus, Store};

/// Names of commands and of models that have series of their own; later ones are `other`.
const NAMES: usize = 200;

/// Upper bounds of the buckets of requests, seconds.
const FAST: [f64; 13] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Those of commands and models.
const SLOW: [f64; 12] = [0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];

/// A request.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct OfRoute {
    /// The method.
    pub method: String,
    /// The route's template; `none` where no route is meant.
    pub route: String,
    /// The status code.
    pub status: u16,
}

/// A run.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct OfCommand {
    /// The command's name.
    pub command: String,
    /// How it ended.
    pub status: String,
}

/// A request to a model.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct OfProvider {
    /// The provider.
    pub provider: String,
    /// The model.
    pub model: String,
    /// How it ended.
    pub status: String,
}

/// Tokens of a model.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct OfModel {
    /// The provider.
    pub provider: String,
    /// The model.
    pub model: String,
    /// `input` or `output`; empty where that is not said.
    pub direction: String,
}

/// One word.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct Named {
    /// It.
    pub name: String,
}

/// A state.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct InState {
    /// Which.
    pub status: String,
}

type Times<L> = Family<L, Histogram, fn() -> Histogram>;
type Number = Gauge<f64, AtomicU64>;

/// All figures of a server.
pub struct Metrics {
    registry: Registry,
    begun: Instant,
    known: Mutex<BTreeSet<String>>,
    http: Times<OfRoute>,
    latency: Histogram,
    commands: Times<OfCommand>,
    providers: Times<OfProvider>,
    first_token: Times<OfModel>,
    content: Times<Named>,
    tokens: Family<OfModel, Counter>,
    events: Counter,
    github: Counter,
    /// Requests that are being answered.
    pub in_flight: Gauge,
    /// Tasks and requests that broke off in a panic.
    pub panics: Counter,
    /// Open sockets.
    pub sockets: Gauge,
    /// Subscriptions to events, on sockets and as streams.
    pub subscriptions: Gauge,
    /// Frames that sockets sent, by type.
    frames: Family<Named, Counter>,
    /// Readers that were too slow and were cut off.
    pub cut_off: Counter,
    /// Deliveries to webhooks, by how they ended.
    pub hooks: Family<InState, Counter>,
    uptime: Number,
    health: Gauge,
    services: Family<Named, Gauge>,
    jobs: Family<InState, Gauge>,
    memory: Number,
    cpu: Counter<f64, AtomicU64>,
    files: Gauge,
    threads: Gauge,
    data: Number,
    disk: Number,
}

fn fast() -> Histogram {
    Histogram::new(FAST)
}

fn slow() -> Histogram {
    Histogram::new(SLOW)
}

fn times<L: Clone + std::hash::Hash + Eq>(of: fn() -> Histogram) -> Times<L> {
    Family::new_with_constructor(of)
}

impl Metrics {
    /// All at zero.
    pub fn new() -> Metrics {
        let mut metrics = Metrics {
            registry: Registry::default(),
            begun: Instant::now(),
            known: Mutex::default(),
            http: times(fast),
            latency: fast(),
            commands: times(slow),
            providers: times(slow),
            first_token: times(slow),
            content: times(fast),
            tokens: Family::default(),
            events: Counter::default(),
            github: Counter::default(),
            in_flight: Gauge::default(),
            panics: Counter::default(),
            sockets: Gauge::default(),
            subscriptions: Gauge::default(),
            frames: Family::default(),
            cut_off: Counter::default(),
            hooks: Family::default(),
            uptime: Number::default(),
            health: Gauge::default(),
            services: Family::default(),
            jobs: Family::default(),
            memory: Number::default(),
            cpu: Counter::default(),
            files: Gauge::default(),
            threads: Gauge::default(),
            data: Number::default(),
            disk: Number::default(),
        };
        metrics.register();
        metrics.begin();
        metrics
    }

    /// A series without a figure of each name, so that every name is there from the start.
    fn begin(&self) {
        let word = || "other".to_string();
        drop(self.http.get_or_create(&OfRoute {
            method: "GET".to_string(),
            route: "/metrics".to_string(),
            status: 200,
        }));
        drop(self.commands.get_or_create(&OfCommand { command: word(), status: "ok".to_string() }));
        // Only that they are there counts.
        let ok = OfProvider { provider: word(), model: word(), status: "ok".to_string() };
        drop(self.providers.get_or_create(&ok));
        let of = |direction: &str| OfModel { provider: word(), model: word(), direction: direction.to_string() };
        drop(self.first_token.get_or_create(&of("")));
        drop(self.tokens.get_or_create(&of("input")));
        drop(self.content.get_or_create(&Named { name: "body".to_string() }));
        drop(self.frames.get_or_create(&Named { name: "ping".to_string() }));
        drop(self.hooks.get_or_create(&InState { status: "accepted".to_string() }));
        drop(self.services.get_or_create(&Named { name: "store".to_string() }));
        drop(self.jobs.get_or_create(&InState { status: "dead".to_string() }));
    }

    /// The list: names and what they mean.
    fn register(&mut self) {
        let mut all = Registry::default();
        let r = &mut all;
        r.register("http_request_duration_seconds", "Time until a request was answered, by route", self.http.clone());
        r.register("http_requests_in_flight", "Requests that are being answered", self.in_flight.clone());
        r.register("command_processing_duration_seconds", "Time that runs of commands took", self.commands.clone());
        r.register("content_processing_duration_seconds", "Time to read and check what was sent", self.content.clone());
        r.register("github_requests", "Requests to GitHub by this process", self.github.clone());
        r.register("provider_request_duration_seconds", "Time that requests to models took", self.providers.clone());
        r.register("provider_first_token_seconds", "Time to the first piece of an answer", self.first_token.clone());
        r.register("provider_tokens", "Tokens that models took and gave", self.tokens.clone());
        r.register("api_latency", "Time until a request was answered, of all routes", self.latency.clone());
        r.register("service_uptime", "Seconds since the start", self.uptime.clone());
        r.register("system_health", "Whether all that is needed works: 1 or 0", self.health.clone());
        r.register("service_status", "Whether a part of it works: 1 or 0", self.services.clone());
        r.register("panics", "Tasks that broke off in a panic", self.panics.clone());
        r.register("events", "Events that were appended to the log", self.events.clone());
        r.register("jobs", "Jobs by status", self.jobs.clone());
        r.register("websocket_connections", "Open sockets", self.sockets.clone());
        r.register("websocket_frames", "Frames that sockets sent, by type", self.frames.clone());
        r.register("event_subscriptions", "Subscriptions to events", self.subscriptions.clone());
        r.register("slow_readers_cut_off", "Readers that were too slow", self.cut_off.clone());
        r.register("webhook_deliveries", "Deliveries to webhooks, by how they ended", self.hooks.clone());
        r.register("process_resident_memory_bytes", "Memory of the process", self.memory.clone());
        r.register("process_cpu_seconds", "Time of the processor that the process took", self.cpu.clone());
        r.register("process_open_fds", "Open files of the process", self.files.clone());
        r.register("process_threads", "Threads of the process", self.threads.clone());
        r.register("data_dir_bytes", "What the data folder takes", self.data.clone());
        r.register("disk_free_bytes", "What is free where the data is", self.disk.clone());
        self.registry = all;
    }

    /// A request was answered, or given up by who asked (status 499).
    pub fn answered(&self, method: &str, route: &str, status: u16, took: Duration) {
        let of = OfRoute { method: method.to_string(), route: route.to_string(), status };
        self.http.get_or_create(&of).observe(took.as_secs_f64());
        self.latency.observe(took.as_secs_f64());
    }

    /// Something that was sent was read and checked.
    pub fn read(&self, what: &str, took: Duration) {
        self.content.get_or_create(&Named { name: what.to_string() }).observe(took.as_secs_f64());
    }

    /// A frame came.
    pub fn frame(&self, kind: &str) {
        self.frames.get_or_create(&Named { name: kind.to_string() }).inc();
    }

    /// A delivery to a webhook ended so.
    pub fn hook(&self, status: &str) {
        self.hooks.get_or_create(&InState { status: status.to_string() }).inc();
    }

    /// The name, or `other` where there are too many.
    fn bounded(&self, name: &str) -> String {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.contains(name) {
            return name.to_string();
        }
        if known.len() >= NAMES || name.is_empty() || name.len() > 200 {
            return "other".to_string();
        }
        known.insert(name.to_string());
        name.to_string()
    }

    /// Everything as text, after a look at the store, the folder and the process.
    pub fn text(&self, store: &Store, data: &Path, works: &Works) -> String {
        self.look(store, data, works);
        let mut written = String::new();
        // Writing into a string does not fail.
        let _ = prometheus_client::encoding::text::encode(&mut written, &self.registry);
        text::plain(&written)
    }

    fn look(&self, store: &Store, data: &Path, works: &Works) {
        self.uptime.set(self.begun.elapsed().as_secs_f64());
        let jobs = store.job_counts();
        self.health.set(i64::from(works.all));
        let service = |name: &str, works: bool| {
            self.services.get_or_create(&Named { name: name.to_string() }).set(i64::from(works));
        };
        service("listener", true);
        service("store", jobs.is_ok());
        service("automations", works.automations);
        if let Ok(counts) = jobs {
            // What there are none of any more is told as well.
            for status in JobStatus::ALL {
                let count = counts.iter().find(|(other, _)| *other == status).map_or(0, |(_, count)| *count);
                let state = InState { status: status.name().to_string() };
                self.jobs.get_or_create(&state).set(i64::try_from(count).unwrap_or(i64::MAX));
            }
        }
        let now = process::look();
        self.memory.set(now.memory);
        self.files.set(now.files);
        self.threads.set(now.threads);
        self.cpu.inc_by((now.cpu - self.cpu.get()).max(0.0));
        self.data.set(process::size_of(data));
        self.disk.set(process::free_at(data));
        let asked = crate::commands::source::github::asked();
        self.github.inc_by(asked.saturating_sub(self.github.get()));
    }
}

/// What was asked elsewhere.
#[derive(Clone, Copy, Debug)]
pub struct Works {
    /// Whether all is there that is needed.
    pub all: bool,
    /// Whether somebody runs automations.
    pub automations: bool,
}

impl Default for Metrics {
    fn default() -> Self {
        Metrics::new()
    }
}

/// Every name that may stand in `/metrics`, with what histograms add to theirs.
pub fn names() -> BTreeSet<String> {
    let metrics = Metrics::new();
    let mut written = String::new();
    let _ = prometheus_client::encoding::text::encode(&mut written, &metrics.registry);
    let mut names = BTreeSet::new();
    for line in text::plain(&written).lines() {
        let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) else { continue };
        names.insert(name.to_string());
        if kind == "histogram" {
            names.extend(["_bucket", "_sum", "_count"].map(|end| format!("{name}{end}")));
        }
    }
    names
}
