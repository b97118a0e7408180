//! Plugins as the settings want them, and what they reach.

use std::sync::{Arc, Mutex, PoisonError};

use super::models::budget_check;
use super::runtime::wait;
use super::{App, Options, open};
use crate::commands::run::{Launcher, StepRunner};
use crate::exec::Stop;
use crate::kernel::env::Env;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::http::Http;
use crate::kernel::secret::Redactor;
use crate::plugins::limits::Limits;
use crate::plugins::world::Question;
use crate::plugins::{House, Plugins, Settings};
use crate::store::Store;

/// What a plugin's question is told before, where the plugin says nothing.
const SYSTEM: &str = "Answer briefly and to the point.";

impl App {
    /// The plugins of this process; nothing of them is started here.
    ///
    /// # Errors
    /// When the settings or the store cannot be read.
    pub fn plugins(&self) -> Result<&Plugins> {
        open::once(&self.plugins, || {
            let config = self.config()?;
            let default = Limits::default();
            let limits = Limits {
                memory: usize::try_from(config.int("plugins.memory_mb") << 20).unwrap_or(default.memory),
                wall: config.duration("plugins.timeout").filter(|time| !time.is_zero()).unwrap_or(default.wall),
                steps: config.int("plugins.steps"),
            };
            let rooms = Rooms {
                env: self.env.clone(),
                options: self.options.clone(),
                redactor: self.redactor.clone(),
                store: self.store()?.clone(),
                app: Mutex::new(None),
            };
            Ok(Plugins::new(Settings {
                store: self.store()?.clone(),
                folder: self.paths.plugins_dir.clone(),
                definitions: self.paths.data.join("plugins"),
                limits,
                quota: config.int("plugins.store_kb") << 10,
                redactor: self.redactor.clone(),
                house: Arc::new(rooms),
            }))
        })
    }

    /// Does the `lua` steps of commands.
    pub(super) fn lua_steps(&self) -> Result<Arc<dyn StepRunner + Send + Sync>> {
        Ok(self.plugins()?.steps())
    }
}

/// Rooms of their own for plugins, opened when one first asks for them.
struct Rooms {
    env: Env,
    options: Options,
    redactor: Redactor,
    store: Store,
    app: Mutex<Option<App>>,
}

impl Rooms {
    fn with<T>(&self, ask: impl FnOnce(&App) -> Result<T>) -> Result<T> {
        let mut app = self.app.lock().unwrap_or_else(PoisonError::into_inner);
        if app.is_none() {
            let mut new = App::new(self.env.clone(), &self.options)?;
            new.redactor = self.redactor.clone();
            new.store = std::cell::OnceCell::from(self.store.traced(new.trace));
            *app = Some(new);
        }
        match app.as_ref() {
            Some(app) => ask(app),
            None => Err(Error::new(Kind::Failed, "there are no rooms")),
        }
    }
}

impl House for Rooms {
    fn launcher(&self) -> Result<Launcher> {
        self.with(|app| {
            app.catalog()?;
            Ok(app.launcher()?.clone())
        })
    }

    fn http(&self) -> Result<Http> {
        self.with(|app| open::http(app.config()?))
    }

    fn ask(&self, question: &Question) -> Result<String> {
        self.with(|app| {
            budget_check(app)?;
            let models = app.models()?;
            let mut chat = app.chat(&models, Stop::new()?)?;
            // A plugin does not read what it asks itself.
            chat.filters = Vec::new();
            let system = question.system.as_deref().unwrap_or(SYSTEM);
            let answer = wait(chat.one_answer("plugin", system, &question.prompt))??;
            answer.ok_or_else(|| Error::new(Kind::Interrupted, "stopped"))
        })
    }
}
