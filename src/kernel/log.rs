//! The log: one JSON object a line in the state folder, with the trace id on each and no secret on any.
//!
//! Rooms write with the macros of `tracing`; `main` installs [`Log::subscriber`] once. A line reads
//! `{"timestamp","level","trace","target","message","fields"}`. Nothing is opened before the first line, and a log
//! that cannot be written stops no command: [`Log::problem`] tells `doctor` why. It does not know who reads it.

mod layer;
mod rotate;

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use serde_json::{Map, Value};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;

use super::config::Config;
use super::error::{Error, Kind};
use super::paths::Paths;
use super::secret::Redactor;
use rotate::RotatingFile;

/// The name of the log in the state folder; older ones end in `.1` to `.3`.
pub const FILE: &str = "fac.log";

/// A longer text of one field is cut, in bytes.
const MAX_TEXT: usize = 16 * 1024;

/// How much is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Nothing.
    Off,
    /// What failed.
    Error,
    /// What may be wrong.
    Warn,
    /// What happened.
    Info,
    /// Why it happened.
    Debug,
    /// Everything.
    Trace,
}

impl Level {
    /// Every level, the quietest first.
    pub const ALL: [Level; 6] = [Level::Off, Level::Error, Level::Warn, Level::Info, Level::Debug, Level::Trace];

    /// The word for it in settings and in the log.
    pub fn name(self) -> &'static str {
        match self {
            Level::Off => "off",
            Level::Error => "error",
            Level::Warn => "warn",
            Level::Info => "info",
            Level::Debug => "debug",
            Level::Trace => "trace",
        }
    }

    /// What `-v` given `verbose` times asks for; without any, what flags, `FAC_LOG` or the settings say.
    pub fn choose(config: &Config, verbose: u8) -> Level {
        match verbose {
            0 => config.text("log.level").and_then(|word| word.parse().ok()).unwrap_or(Level::Info),
            1 => Level::Debug,
            _ => Level::Trace,
        }
    }

    /// What libraries may say at this level of ours: one step less, so that `-vv` shows their debug lines.
    fn for_libraries(self) -> Level {
        match self {
            Level::Off | Level::Error => self,
            Level::Warn => Level::Error,
            Level::Info => Level::Warn,
            Level::Debug => Level::Info,
            Level::Trace => Level::Debug,
        }
    }

    fn filter(self) -> LevelFilter {
        match self {
            Level::Off => LevelFilter::OFF,
            Level::Error => LevelFilter::ERROR,
            Level::Warn => LevelFilter::WARN,
            Level::Info => LevelFilter::INFO,
            Level::Debug => LevelFilter::DEBUG,
            Level::Trace => LevelFilter::TRACE,
        }
    }
}

impl FromStr for Level {
    type Err = Error;

    fn from_str(word: &str) -> Result<Level, Error> {
        Level::ALL.into_iter().find(|level| level.name() == word).ok_or_else(|| {
            Error::new(Kind::Usage, format!("{word:?} is no level")).hint("use off, error, warn, info, debug or trace")
        })
    }
}

/// What a log is made from.
#[derive(Clone)]
pub struct Options {
    /// The file.
    pub file: PathBuf,
    /// Its size in bytes before it is turned over.
    pub max_bytes: u64,
    /// How much is written at first.
    pub level: Level,
    /// The trace id of lines that stand in no span with a field `trace`.
    pub trace: String,
    /// What is taken out of every line.
    pub redactor: Redactor,
    /// The time of a line.
    pub clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

impl Options {
    /// The log of this user, at the level that flags and settings ask for.
    pub fn new(paths: &Paths, config: &Config, verbose: u8, trace: &str, redactor: &Redactor) -> Options {
        Options {
            file: paths.state.join(FILE),
            max_bytes: config.int("log.max_mb").max(1) * 1024 * 1024,
            level: Level::choose(config, verbose),
            trace: trace.to_string(),
            redactor: redactor.clone(),
            clock: Arc::new(Timestamp::now),
        }
    }
}

/// The log. Copies write to the same file.
#[derive(Clone)]
pub struct Log {
    inner: Arc<Inner>,
}

struct Inner {
    options: Options,
    level: AtomicU8,
    /// Held for one line: lines of threads must not mix, and only one thread may turn the file over.
    file: Mutex<RotatingFile>,
    problem: Mutex<Option<String>>,
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Log({}, {})", self.inner.options.file.display(), self.level().name())
    }
}

/// One line before it is written.
pub(super) struct Line {
    pub(super) level: Level,
    pub(super) trace: Option<String>,
    pub(super) target: String,
    pub(super) message: String,
    pub(super) fields: Map<String, Value>,
}

impl Log {
    /// A log that has opened nothing yet.
    pub fn new(options: Options) -> Log {
        let file = Mutex::new(RotatingFile::new(options.file.clone(), options.max_bytes));
        let level = AtomicU8::new(options.level as u8);
        Log { inner: Arc::new(Inner { options, level, file, problem: Mutex::new(None) }) }
    }

    /// What `main` installs: `tracing::subscriber::set_global_default(log.subscriber())`.
    pub fn subscriber(&self) -> impl tracing::Subscriber + Send + Sync + use<> {
        tracing_subscriber::registry().with(layer::JsonLines::new(self.clone()))
    }

    /// How much is written now.
    pub fn level(&self) -> Level {
        let now = self.inner.level.load(Ordering::Relaxed);
        Level::ALL.into_iter().find(|level| *level as u8 == now).unwrap_or(Level::Info)
    }

    /// Changes how much is written from now on.
    pub fn set_level(&self, level: Level) {
        self.inner.level.store(level as u8, Ordering::Relaxed);
        tracing::callsite::rebuild_interest_cache();
    }

    /// The trace id of this process.
    pub fn trace(&self) -> &str {
        &self.inner.options.trace
    }

    /// Why the last line could not be written, if so.
    pub fn problem(&self) -> Option<String> {
        self.inner.problem.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether a line of this level from this target is written. Our own targets begin with the crate's name.
    fn wants(&self, level: Level, target: &str) -> bool {
        let ours = target.split("::").next() == Some(env!("CARGO_CRATE_NAME"));
        let most = if ours { self.level() } else { self.level().for_libraries() };
        level <= most
    }

    pub(super) fn write(&self, line: Line) {
        let options = &self.inner.options;
        let fields: Map<String, Value> =
            line.fields.into_iter().map(|(name, value)| (name, self.clean(value))).collect();
        let object = serde_json::json!({
            "timestamp": (options.clock)().strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string(),
            "level": line.level.name(),
            "trace": line.trace.as_deref().unwrap_or(&options.trace),
            "target": line.target,
            "message": self.clean(Value::String(line.message)),
            "fields": fields,
        });
        let text = format!("{object}\n");
        let written = self.inner.file.lock().unwrap_or_else(PoisonError::into_inner).append(text.as_bytes());
        let problem = written.err().map(|e| format!("cannot write {}: {e}", options.file.display()));
        *self.inner.problem.lock().unwrap_or_else(PoisonError::into_inner) = problem;
    }

    /// The value without secrets, cut to a sensible length.
    fn clean(&self, value: Value) -> Value {
        let plain = match &value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let clean = self.inner.options.redactor.redact(&plain);
        if !value.is_string() && *clean == *plain {
            return value;
        }
        let end = (0..=MAX_TEXT.min(clean.len())).rev().find(|at| clean.is_char_boundary(*at)).unwrap_or(0);
        let dots = if end < clean.len() { "…" } else { "" };
        Value::String(format!("{}{dots}", &clean[..end]))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::kernel::secret::Secret;

    pub(super) struct World {
        root: tempfile::TempDir,
        pub(super) redactor: Redactor,
    }

    impl World {
        pub(super) fn new() -> World {
            World { root: tempfile::tempdir().unwrap(), redactor: Redactor::default() }
        }

        pub(super) fn file(&self) -> PathBuf {
            self.root.path().join("state").join(FILE)
        }

        pub(super) fn log(&self, level: Level, max_bytes: u64) -> Log {
            Log::new(Options {
                file: self.file(),
                max_bytes,
                level,
                trace: "0af7651916cd43dd8448eb211c80319c".into(),
                redactor: self.redactor.clone(),
                clock: Arc::new(|| Timestamp::from_microsecond(1_795_219_200_000_001).unwrap()),
            })
        }

        pub(super) fn lines(&self) -> Vec<Value> {
            let text = fs::read_to_string(self.file()).unwrap_or_default();
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
        }
    }

    #[test]
    fn a_line_has_every_field_in_order() {
        let w = World::new();
        let log = w.log(Level::Info, 1 << 20);
        tracing::subscriber::with_default(log.subscriber(), || {
            tracing::info!(source = "demo", files = 3, ok = true, "fetched");
        });
        assert_eq!(
            fs::read_to_string(w.file()).unwrap(),
            "{\"timestamp\":\"2026-11-21T00:00:00.000001Z\",\"level\":\"info\",\
             \"trace\":\"0af7651916cd43dd8448eb211c80319c\",\"target\":\"factotum::kernel::log::tests\",\
             \"message\":\"fetched\",\"fields\":{\"source\":\"demo\",\"files\":3,\"ok\":true}}\n"
        );
        assert_eq!(log.problem(), None);
    }

    #[test]
    fn nothing_is_opened_before_the_first_line() {
        let w = World::new();
        let log = w.log(Level::Info, 1 << 20);
        tracing::subscriber::with_default(log.subscriber(), || tracing::debug!("too quiet"));
        assert!(!w.file().parent().unwrap().exists());
    }

    #[test]
    fn a_secret_is_on_no_line_whatever_its_shape() {
        let w = World::new();
        for secret in ["canary-1", "canary\"2\\", "77777777"] {
            w.redactor.learn(&Secret::new(secret));
        }
        let log = w.log(Level::Trace, 1 << 20);
        let error = std::io::Error::other("bad canary-1");
        tracing::subscriber::with_default(log.subscriber(), || {
            let span = tracing::info_span!("work", token = "canary-1");
            let _in = span.enter();
            tracing::error!(error = &error as &dyn std::error::Error, debug = ?"canary\"2\\", "failed with {}", "canary\"2\\");
            tracing::trace!(number = 77777777, text = "xcanary-1x", other = %"canary-1");
        });
        let text = fs::read_to_string(w.file()).unwrap();
        assert!(!text.contains("canary") && !text.contains("77777777"), "{text}");
        let lines = w.lines();
        assert_eq!(lines[0]["message"], "failed with ***");
        assert_eq!(lines[0]["fields"]["error"], "bad ***");
        assert_eq!(lines[1]["fields"], serde_json::json!({"number": "***", "text": "x***x", "other": "***"}));
    }

    #[test]
    fn the_trace_id_of_a_span_stands_on_its_lines_and_ours_on_the_rest() {
        let w = World::new();
        let log = w.log(Level::Info, 1 << 20);
        tracing::subscriber::with_default(log.subscriber(), || {
            tracing::info!("outside");
            let outer = tracing::info_span!("request", trace = "feed");
            let _outer = outer.enter();
            let inner = tracing::info_span!("step");
            let _inner = inner.enter();
            tracing::info!("inside");
        });
        let traces: Vec<String> = w.lines().iter().map(|line| line["trace"].as_str().unwrap().to_string()).collect();
        assert_eq!(traces, ["0af7651916cd43dd8448eb211c80319c", "feed"]);
    }

    #[test]
    fn levels_hold_change_at_run_time_and_are_one_step_quieter_for_libraries() {
        let w = World::new();
        let log = w.log(Level::Warn, 1 << 20);
        tracing::subscriber::with_default(log.subscriber(), || {
            let say = |n: u8| {
                tracing::warn!(n, "ours");
                tracing::debug!(n, "ours");
                tracing::warn!(target: "hyper::client", n, "theirs");
                tracing::debug!(target: "octocrab", n, "theirs");
                tracing::trace!(target: "h2", n, "theirs");
            };
            for (n, level) in [Level::Warn, Level::Info, Level::Trace, Level::Off].into_iter().enumerate() {
                log.set_level(level);
                say(n as u8);
            }
        });
        let seen: Vec<String> = w
            .lines()
            .iter()
            .map(|line| {
                format!(
                    "{} {} {}",
                    line["fields"]["n"],
                    line["level"].as_str().unwrap(),
                    line["message"].as_str().unwrap()
                )
            })
            .collect();
        assert_eq!(
            seen,
            [
                "0 warn ours",
                "1 warn ours",
                "1 warn theirs",
                "2 warn ours",
                "2 debug ours",
                "2 warn theirs",
                "2 debug theirs"
            ]
        );
    }

    #[test]
    fn verbosity_beats_settings() {
        let config = Config::defaults();
        assert_eq!(
            [0, 1, 2, 9].map(|n| Level::choose(&config, n)),
            [Level::Info, Level::Debug, Level::Trace, Level::Trace]
        );
        assert_eq!("loud".parse::<Level>().unwrap_err().kind(), Kind::Usage);
    }

    #[test]
    fn a_long_text_is_cut_at_a_character() {
        let w = World::new();
        let log = w.log(Level::Info, 1 << 20);
        tracing::subscriber::with_default(log.subscriber(), || tracing::info!("x{}", "é".repeat(MAX_TEXT)));
        let message = w.lines()[0]["message"].as_str().unwrap().to_string();
        assert_eq!(message.len(), MAX_TEXT - 1 + "…".len());
        assert!(message.ends_with("é…"));
    }

    #[test]
    fn a_log_that_cannot_be_written_is_a_problem_and_no_failure() {
        let w = World::new();
        fs::write(w.file().parent().unwrap(), "a file where the folder belongs").unwrap();
        let log = w.log(Level::Info, 1 << 20);
        tracing::subscriber::with_default(log.subscriber(), || tracing::info!("x"));
        assert!(log.problem().unwrap().starts_with(&format!("cannot write {}", w.file().display())));
    }
}
