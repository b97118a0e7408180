//! Opens rooms when they are first needed and plugs them together. Wiring only: it decides nothing.

pub mod auto;
pub mod carry;
pub mod chain;
pub mod chats;
pub mod check;
pub mod code;
pub mod compare;
pub mod find;
pub mod ha;
pub mod health;
pub mod house;
mod install;
mod kept;
pub mod mcp;
pub mod models;
pub mod moment;
mod mqtt;
mod open;
pub mod order;
pub mod plugins;
pub mod prompts;
pub mod runtime;
pub mod shelf;
pub mod sources;
mod steps;
pub mod talk;
pub mod tools;
pub mod views;
pub mod voice;

use std::cell::{Cell, OnceCell};
use std::ffi::OsString;
use std::path::PathBuf;

use crate::automations::mqtt::{Causes, MqttSteps};
use crate::commands::catalog::{Catalog, Resolved};
use crate::commands::model::{Command, StepKind};
use crate::commands::run::{self, Engine, Launcher, Reach, Threads};
use crate::commands::source::cache::BlobCache;
use crate::commands::source::remote::Remote;
use crate::commands::source::{github, own};
use crate::commands::{names, source};
use crate::exec::{self, Stop};
use crate::kernel::clock::Clock;
use crate::kernel::config::{self, Config};
use crate::kernel::env::Env;
use crate::kernel::error::{Kind, Result};
use crate::kernel::http::Http;
use crate::kernel::ids::{Id, Ids, TraceId};
use crate::kernel::log::{self, Log};
use crate::kernel::paths::{Paths, Project};
use crate::kernel::secret::{Redactor, Secret};
use crate::plugins::Plugins;
use crate::store::{SourceKind, Store};
use crate::voice::aloud::Speaking;

/// What the command line says about the world.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Everything under this folder.
    pub home: Option<PathBuf>,
    /// The settings file.
    pub config: Option<PathBuf>,
    /// The profile of the settings.
    pub profile: Option<String>,
    /// `--color`.
    pub color: Option<String>,
    /// `-v`, counted.
    pub verbose: u8,
}

/// The rooms of one process.
pub struct App {
    /// The environment, read once.
    pub env: Env,
    /// Where things are kept.
    pub paths: Paths,
    /// The caller's folder.
    pub cwd: PathBuf,
    /// The project around it.
    pub project: Option<Project>,
    /// What time it is.
    pub clock: Clock,
    /// Knows the secrets that must not be written anywhere.
    pub redactor: Redactor,
    /// Whether programs that are run have no terminal at all, since something else is drawn on it. To be set before
    /// anything is run.
    pub apart: bool,
    /// What is read aloud, of all rooms of this process together.
    pub speaking: Speaking,
    options: Options,
    trace: TraceId,
    ids: OnceCell<Ids>,
    config: OnceCell<Config>,
    store: OnceCell<Store>,
    log: OnceCell<Log>,
    launcher: OnceCell<Launcher>,
    mqtt: OnceCell<MqttSteps>,
    causes: Causes,
    home: ha::Shared,
    plugins: OnceCell<Plugins>,
    /// How many commands of plugins stand around what is done here.
    nested: u32,
    fresh: Cell<bool>,
}

impl App {
    /// Finds the places; opens nothing.
    pub fn new(env: Env, options: &Options) -> Result<App> {
        let mut paths = Paths::find(&env, options.home.as_deref())?;
        if let Some(file) = &options.config {
            paths = paths.with_config_file(file)?;
        }
        let cwd = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
        let project = paths.project(&cwd);
        let clock = Clock::from_test_value(env.text("FAC_TEST_CLOCK"))?;
        let ids = match env.text("FAC_TEST_SEED").and_then(|seed| seed.parse().ok()) {
            Some(seed) => Ids::seeded(seed),
            None => Ids::random(),
        };
        // Whoever is run by one of our runs belongs to the same request.
        let trace = env.text("FAC_TRACE").and_then(|text| text.parse().ok()).unwrap_or_else(|| ids.trace());
        let ids = OnceCell::from(ids);
        Ok(App {
            env,
            paths,
            cwd,
            project,
            clock,
            redactor: Redactor::default(),
            apart: false,
            speaking: Speaking::default(),
            options: options.clone(),
            trace,
            ids,
            config: OnceCell::new(),
            store: OnceCell::new(),
            log: OnceCell::new(),
            launcher: OnceCell::new(),
            mqtt: OnceCell::new(),
            causes: Causes::default(),
            home: ha::Shared::default(),
            plugins: OnceCell::new(),
            nested: 0,
            fresh: Cell::new(false),
        })
    }

    /// The same rooms for another thread: its own settings and trace, the same database.
    pub fn another(&self) -> Result<App> {
        Ok(App { home: self.home.clone(), mqtt: self.mqtt.clone(), ..self.renewed()? })
    }

    /// Rooms with the settings as they are now; what hangs on those is not taken along.
    fn renewed(&self) -> Result<App> {
        let mut app = App::new(self.env.clone(), &self.options)?;
        app.redactor = self.redactor.clone();
        app.log = self.log.clone();
        app.apart = self.apart;
        app.speaking = self.speaking.clone();
        app.causes = self.causes.clone();
        app.store = OnceCell::from(self.store()?.traced(app.trace));
        app.plugins = OnceCell::from(self.plugins()?.clone());
        Ok(app)
    }

    /// Records of what is done from now on carry this trace id.
    pub fn set_trace(&mut self, trace: TraceId) {
        self.trace = trace;
        if let Some(store) = self.store.get_mut() {
            *store = store.traced(trace);
        }
        if let Some(launcher) = self.launcher.get_mut() {
            launcher.store = launcher.store.traced(trace);
        }
    }

    /// The same for the work of a user: what is recorded from now on is theirs (`None`: the machine's own), and unless they
    /// see all, the runs, chats and jobs of others are not there.
    pub fn set_acting(&mut self, trace: TraceId, person: Option<Id>, sees_all: bool) {
        if let Some(store) = self.store.get_mut() {
            *store = store.acting(person, sees_all);
        }
        if self.launcher.get().is_some_and(|launcher| !launcher.store.is_acting(person, sees_all)) {
            // What carries out steps holds the store too.
            self.launcher = OnceCell::new();
        }
        self.set_trace(trace);
    }

    /// These rooms for the work of a user, beside others that use them: the same settings, the same connections.
    ///
    /// # Errors
    /// When the store or the settings cannot be opened.
    pub fn acting_for(&self, trace: TraceId, person: Option<Id>, sees_all: bool) -> Result<App> {
        let mut app = App {
            env: self.env.clone(),
            paths: self.paths.clone(),
            cwd: self.cwd.clone(),
            project: self.project.clone(),
            clock: self.clock.clone(),
            redactor: self.redactor.clone(),
            apart: self.apart,
            speaking: self.speaking.clone(),
            options: self.options.clone(),
            trace,
            ids: self.ids.clone(),
            config: OnceCell::from(self.config()?.clone()),
            store: OnceCell::from(self.store()?.clone()),
            log: self.log.clone(),
            launcher: OnceCell::new(),
            mqtt: self.mqtt.clone(),
            causes: self.causes.clone(),
            home: self.home.clone(),
            plugins: self.plugins.clone(),
            nested: self.nested,
            fresh: self.fresh.clone(),
        };
        app.set_acting(trace, person, sees_all);
        Ok(app)
    }

    /// Folders of commands are read again when they are next needed.
    pub fn look_again(&self) {
        self.fresh.set(false);
    }

    /// The same options over again: settings and all else are read anew.
    ///
    /// # Errors
    /// Those of [`App::new`].
    pub fn anew(&self) -> Result<App> {
        let mut app = App::new(self.env.clone(), &self.options)?;
        app.redactor = self.redactor.clone();
        app.log = self.log.clone();
        app.apart = self.apart;
        Ok(app)
    }

    /// The settings, read when first asked for.
    pub fn config(&self) -> Result<&Config> {
        open::once(&self.config, || {
            let flags: Vec<config::Flag> = self
                .options
                .color
                .iter()
                .map(|value| config::Flag { flag: "--color".into(), key: "color".into(), value: value.clone() })
                .collect();
            let has_file = self.project.as_ref().is_some_and(|p| p.config_file.is_some());
            Config::load(&config::Input {
                paths: &self.paths,
                file_named: self.options.config.is_some(),
                env: &self.env,
                flags: &flags,
                profile: self.options.profile.as_deref(),
                project: self.project.as_ref(),
                project_trusted: has_file && self.project_is_trusted().unwrap_or(false),
            })
        })
    }

    /// The log, opened when first asked for.
    pub fn log(&self) -> Result<&Log> {
        open::once(&self.log, || {
            let config = self.config()?;
            let trace = self.trace.to_string();
            Ok(Log::new(log::Options::new(&self.paths, config, self.options.verbose, &trace, &self.redactor)))
        })
    }

    /// Tells the redactor the secrets of the environment, so that no log line and no record can hold them.
    pub fn learn_secrets(&self) {
        const TOKENS: [&str; 4] = ["GH_TOKEN", "GITHUB_TOKEN", "GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN"];
        for (name, value) in self.env.iter() {
            let name = name.to_string_lossy();
            if TOKENS.contains(&&*name) || name.starts_with("FAC_SECRET_") {
                self.redactor.learn(&Secret::new(value.to_string_lossy()));
            }
        }
    }

    /// The database, opened when first asked for.
    pub fn store(&self) -> Result<&Store> {
        open::once(&self.store, || {
            let ids = self.ids.get().cloned().unwrap_or_else(Ids::random);
            let store = Store::open(&self.paths.data.join("store.db"), self.clock.clone(), ids)?;
            Ok(store.traced(self.trace))
        })
    }

    /// Whether the database is open.
    pub fn has_store(&self) -> bool {
        self.store.get().is_some()
    }

    /// Whether the terminal can only print lines.
    pub fn is_dumb(&self) -> bool {
        self.env.text("TERM").is_none_or(|term| term.is_empty() || term == "dumb")
    }

    /// The trace id of this process's work.
    pub fn trace(&self) -> TraceId {
        self.trace
    }

    /// What trust in the current project's settings file is given under: source spec, name, digest and text.
    pub fn project_settings(&self) -> Option<(String, String, String, String)> {
        let project = self.project.as_ref()?;
        let file = project.config_file.as_ref()?;
        let text = std::fs::read_to_string(file).ok()?;
        let digest = crate::commands::digest::git_blob(text.as_bytes());
        Some((format!("settings:{}", project.root.display()), ".factotum.toml".to_string(), digest, text))
    }

    fn project_is_trusted(&self) -> Result<bool> {
        let Some((source, name, digest, _)) = self.project_settings() else { return Ok(false) };
        self.store()?.is_granted(&source, &name, &digest)
    }

    /// The spec of the current project's own commands.
    pub fn project_spec(&self) -> Option<String> {
        let folder = self.project.as_ref()?.commands_dir.as_ref()?;
        Some(format!("{}:{}", SourceKind::Project.name(), folder.display()))
    }

    /// The catalog with the bundled, the user's and the project's definitions brought up to date, once a process.
    pub fn catalog(&self) -> Result<Catalog<'_>> {
        let store = self.store()?;
        if !self.fresh.get() {
            own::refresh_bundled(store)?;
            own::refresh_user(store, &self.paths.commands_dir)?;
            if let Some(project) = &self.project
                && let Some(folder) = &project.commands_dir
            {
                own::refresh_project(store, folder, &project.root)?;
            }
            names::refresh(store, &self.paths.cache)?;
            self.fresh.set(true);
        }
        Ok(self.launcher()?.catalog())
    }

    /// The same with added folders brought up to date too.
    pub fn whole_catalog(&self) -> Result<Catalog<'_>> {
        self.fresh.set(!own::refresh_added(self.store()?)? && self.fresh.get());
        self.catalog()
    }

    /// Finds a command by its words. Added folders are looked at again only when the stored answer may be old.
    pub fn resolve(&self, words: &[String]) -> Result<(Resolved, usize)> {
        let catalog = self.catalog()?;
        let store = self.store()?;
        match catalog.resolve(words, None) {
            Ok((found, used)) if found.source.kind == SourceKind::Dir => {
                let row = store.source_by_name(&found.source.name)?;
                let Some(row) = row else { return Ok((found, used)) };
                // What it requires or runs may stand in other files.
                let alone =
                    found.command.requires.is_empty() && !found.command.steps.iter().any(|s| s.kind == StepKind::Run);
                if alone && own::is_fresh(store, &row, &found.command.origin.path)? {
                    return Ok((found, used));
                }
                own::refresh(store, &row)?;
                self.fresh.set(false);
                self.catalog()?.resolve(words, None)
            }
            Err(error) if error.kind() == Kind::NotFound => {
                if !own::refresh_added(store)? {
                    return Err(error);
                }
                self.fresh.set(false);
                self.catalog()?.resolve(words, None)
            }
            other => other,
        }
    }

    /// Where fetched sources are laid out.
    pub fn layouts(&self) -> PathBuf {
        self.paths.cache.join("sources")
    }

    /// Fetched content.
    pub fn blobs(&self) -> BlobCache {
        BlobCache::new(&self.paths.cache.join("blobs"))
    }

    /// Where the whole text of large outputs goes.
    pub fn outputs(&self) -> PathBuf {
        self.paths.state.join("outputs")
    }

    /// The pooled HTTP client with everything that fetching needs.
    pub fn remote(&self) -> Result<Remote> {
        let config = self.config()?;
        let env = self.env.clone();
        Ok(Remote {
            http: open::http(config)?,
            env: std::sync::Arc::new(move |name: &str| env.text(name).map(String::from)),
            blobs: self.blobs(),
            layouts: self.layouts(),
            parallel: usize::try_from(config.int("sources.parallel")).unwrap_or(8),
            largest_file: config.int("sources.max_file_kb") * 1024,
            largest_total: config.int("sources.max_total_mb") << 20,
            tokens: std::collections::HashMap::new(),
        })
    }

    /// The pooled client.
    ///
    /// # Errors
    /// When the settings or a certificate cannot be read.
    pub fn http(&self) -> Result<Http> {
        open::http(self.config()?)
    }

    /// A source as somebody typed it.
    pub fn source_spec(&self, text: &str) -> Result<source::spec::Spec> {
        source::spec::Spec::parse(
            text,
            &self.cwd,
            self.paths.user_home.as_deref(),
            self.env.text("GH_HOST").filter(|h| *h != github::spec::GITHUB),
        )
    }

    /// The interpreter table with what the user wrote about it.
    pub fn interpreters(&self) -> Result<exec::Interpreters> {
        open::interpreters(self.config()?)
    }

    /// What a definition would reach if it were run here.
    pub fn reach(&self, resolved: &Resolved) -> Result<Reach> {
        Ok(run::reach(resolved, &self.interpreters()?, &self.env, &self.cwd))
    }

    /// An engine for one run.
    pub fn engine<'a>(
        &'a self,
        catalog: &'a Catalog<'a>,
        stop: Stop,
        terminal: bool,
        trigger: &str,
    ) -> Result<Engine<'a>> {
        Ok(self.launcher()?.engine(catalog, stop, terminal, trigger))
    }

    /// Everything that runs need.
    pub fn launcher(&self) -> Result<&Launcher> {
        open::once(&self.launcher, || {
            let config = self.config()?;
            let kilobytes = |key: &str| usize::try_from(config.int(key)).unwrap_or(64) * 1024;
            Ok(Launcher {
                store: self.store()?.clone(),
                clock: self.clock.clone(),
                env: self.env.clone(),
                cwd: self.cwd.clone(),
                project: self.project_spec(),
                layouts: self.layouts(),
                blobs: self.blobs(),
                bindings: config.bindings(),
                aliases: config.aliases(),
                interpreters: self.interpreters()?,
                timeout_ms: config.duration("run.timeout").and_then(|d| u64::try_from(d.as_millis()).ok()),
                capture: exec::CaptureLimits {
                    head: kilobytes("run.output_head_kb"),
                    tail: kilobytes("run.output_tail_kb"),
                    ..exec::CaptureLimits::default()
                },
                feed_bytes: kilobytes("run.feed_mb").saturating_mul(1024),
                redactor: self.redactor.clone(),
                own_env: self.own_env(),
                outputs: self.outputs(),
                runners: self.step_runners()?,
                around: Some(self.plugins()?.around()),
                apart: self.apart,
                threads: Threads::default(),
            })
        })
    }

    /// How scripts reach this very program and its folders: `FAC_PROGRAM` is its path, and its home is named
    /// where a flag said it.
    fn own_env(&self) -> Vec<(OsString, OsString)> {
        let mut all = Vec::new();
        if let Ok(program) = std::env::current_exe() {
            all.push(("FAC_PROGRAM".into(), program.into()));
        }
        if let Some(home) = self.options.home.as_ref().and_then(|p| std::path::absolute(p).ok()) {
            all.push(("FAC_HOME".into(), home.into()));
        }
        all
    }

    /// Whether a dialect's parameters may come from the caller's environment (xc inputs may).
    pub fn param_env(&self, command: &Command) -> impl Fn(&str) -> Option<String> + use<'_> {
        let allowed = command.dialect == crate::commands::model::Dialect::Xc;
        move |name: &str| self.env.text(name).filter(|_| allowed).map(String::from)
    }
}
