//! Models of every vendor behind one face: who there is, what a name means, asking with patience, what it costs.
//!
//! It knows no chats and no store; what must outlive the process goes through [`Memory`], which someone above keeps.

mod ask;
pub mod breaker;
pub mod entry;
pub mod failure;
mod list;
pub mod model;
mod names;
pub mod ollama;
pub mod table;
pub mod tokens;
mod trouble;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use crate::kernel::clock::{Clock, Timestamp};
use crate::kernel::error::{Context, Kind, Result};
use crate::kernel::http::Http;
use entry::Entry;
use model::{Piece, Usage};
use table::Facts;

pub use failure::{Failure, FailureKind};
pub use list::known;
pub use names::Needs;

/// Keeps what must outlive a process: lists of models, the health of hosts, answers that may be given again. What it
/// cannot keep is done without.
pub trait Memory: Send + Sync {
    /// What was kept under `key`, and when.
    fn recall(&self, key: &str) -> Option<(Value, Timestamp)>;
    /// Keeps it.
    fn keep(&self, key: &str, value: &Value);
    /// An answer that was kept and is not too old.
    fn cached(&self, key: &str) -> Option<String>;
    /// Keeps an answer for so long.
    fn cache(&self, key: &str, value: &str, ttl: Duration);
}

/// What the person set up.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Providers, the preferred one first.
    pub entries: Vec<Entry>,
    /// The model that is used when none is named.
    pub default: Option<String>,
    /// Models that step in when one fails.
    pub fallbacks: Vec<String>,
    /// Other names for models.
    pub aliases: Vec<(String, String)>,
    /// What the person says of models, by `provider/model` or by model.
    pub facts: Vec<(String, Facts)>,
    /// Rules that choose a model.
    pub routes: Vec<Route>,
    /// How long answers may be given again; `None` for never.
    pub cache: Option<Duration>,
    /// What local servers are looked for: name, wire, address. Empty for none.
    pub probes: Vec<(String, entry::Wire, String)>,
}

/// A rule that chooses models for some questions. Everything it says must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Route {
    /// Its name in the settings.
    pub name: String,
    /// For this task (`chat`, `ask`, `title`, `summary`, `step`).
    pub task: Option<String>,
    /// For questions of at least so many tokens.
    pub min_tokens: Option<u64>,
    /// For questions with pictures.
    pub vision: bool,
    /// Only models whose tokens out cost at most this, millionths of a dollar a million.
    pub max_output_price: Option<i64>,
    /// The models, the preferred one first.
    pub models: Vec<String>,
}

/// A model, with what is known of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelInfo {
    /// `provider/model`.
    pub name: String,
    /// What is known.
    #[serde(flatten)]
    pub facts: Facts,
}

/// A model that will be asked.
#[derive(Clone, Debug)]
pub struct Choice {
    /// Who has it.
    pub entry: Arc<Entry>,
    /// Its name there.
    pub model: String,
    /// What is known of it.
    pub facts: Facts,
}

impl Choice {
    /// `provider/model`.
    pub fn name(&self) -> String {
        format!("{}/{}", self.entry.name, self.model)
    }
}

/// Watches a question to a model.
pub trait Watch: Send {
    /// A piece came.
    fn piece(&mut self, piece: Piece);
    /// A request is about to be sent to `model`, or (`cached`) answered from what was kept.
    fn attempt(&mut self, model: &Choice, cached: bool);
    /// That request ended.
    fn attempt_ended(&mut self, model: &Choice, ended: &Attempt<'_>);
}

/// How one request ended.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// What it took.
    pub usage: &'a Usage,
    /// Milliseconds to the first piece.
    pub first_token_ms: Option<u64>,
    /// Milliseconds in all.
    pub duration_ms: u64,
    /// What went wrong.
    pub failure: Option<&'a Failure>,
}

/// Everything needed to talk to models. Cheap to clone.
#[derive(Clone)]
pub struct Models {
    shared: Arc<Shared>,
    trace: Arc<str>,
    /// For whom it is asked: answers that were kept for one are given to no other.
    whose: Arc<str>,
}

struct Shared {
    http: Http,
    client: genai::Client,
    settings: Settings,
    memory: Arc<dyn Memory>,
    clock: Clock,
}

impl Models {
    /// The models of `settings`. `trace` goes along with requests as W3C `traceparent`.
    ///
    /// # Errors
    /// `Failed` when the client library cannot be set up.
    pub fn new(http: Http, settings: Settings, memory: Arc<dyn Memory>, clock: Clock, trace: String) -> Result<Models> {
        let client = genai::Client::builder().with_reqwest(http.client()).build();
        let client = client.context(Kind::Failed, || "cannot set up the client for models".to_string())?;
        let shared = Arc::new(Shared { http, client, settings, memory, clock });
        Ok(Models { shared, trace: trace.into(), whose: "".into() })
    }

    /// The same connections for another request, of `whose` (nobody in particular, when empty).
    pub fn on_behalf(&self, trace: String, whose: &str) -> Models {
        Models { shared: self.shared.clone(), trace: trace.into(), whose: whose.into() }
    }

    /// What the person set up.
    pub fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    /// What is remembered of a host's failures.
    pub fn health(&self, entry: &Entry) -> breaker::Health {
        ask::health(&self.shared, entry)
    }
}
