//! Plugins as the settings want them, and what they reach.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::models::budget_check;
use super::runtime::wait;
use super::{App, Options, open};
use crate::chat::driver::Silent;
use crate::chat::filter;
use crate::commands::run::{Launcher, StepRunner};
use crate::exec::Stop;
use crate::kernel::env::Env;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::http::Http;
use crate::kernel::secret::Redactor;
use crate::plugins::limits::Limits;
use crate::plugins::origin::Origin;
use crate::plugins::places::{self, Found};
use crate::plugins::world::Question;
use crate::plugins::{House, Plugins, Settings};
use crate::store::{NewGrant, PluginRow, Store};

/// What a plugin's question is told before, where the plugin says nothing.
const SYSTEM: &str = "Answer briefly and to the point.";

/// Under which source the store keeps what was allowed of plugins.
const GRANTED: &str = "plugin";

/// So deep may plugins run commands that are done by plugins.
const MOST_NESTED: u32 = 4;

/// A plugin as it lies there, and what is known of it.
pub struct Known {
    /// Its name.
    pub name: String,
    /// What lies there.
    pub found: Result<Found>,
    /// What the store says.
    pub row: Option<PluginRow>,
}

impl Known {
    /// Where it stands, in a word: on, off, changed, failed or broken.
    pub fn state(&self) -> &'static str {
        match (&self.found, &self.row) {
            (Err(_), _) => "broken",
            (Ok(found), Some(row)) if row.enabled && row.digest != found.digest => "changed",
            (_, Some(row)) if row.enabled => "on",
            (_, Some(row)) if row.failures > 0 => "failed",
            _ => "off",
        }
    }

    /// Where it is from: a repository, `bundled`, or `yours`.
    pub fn from(&self) -> String {
        let found = self.found.as_ref().ok();
        match found.and_then(|found| Origin::of(found.folder.as_deref()?)) {
            Some(origin) => origin.from,
            None if found.is_some_and(|found| found.folder.is_none()) => places::BUNDLED_PLACE.to_string(),
            None => "yours".to_string(),
        }
    }
}

impl App {
    /// Every plugin that lies somewhere, or is switched on.
    ///
    /// # Errors
    /// Those of the store.
    pub fn known_plugins(&self) -> Result<Vec<Known>> {
        let rows = self.store()?.plugins(false)?;
        // One that is used from elsewhere says nothing of this.
        let row = |name: &str, place: &str| {
            rows.iter().find(|row| row.name == name && (row.place == place || !row.enabled)).cloned()
        };
        let own = places::own(&self.paths.plugins_dir);
        let of_person = |(name, folder): &(String, PathBuf)| Known {
            name: name.clone(),
            found: places::find(&self.paths.plugins_dir, name),
            row: row(name, &folder.display().to_string()),
        };
        let mut all: Vec<Known> = own.iter().map(of_person).collect();
        for name in places::bundled_names().into_iter().filter(|name| !own.iter().any(|(other, _)| other == name)) {
            all.push(Known {
                name: name.to_string(),
                found: places::bundled(name),
                row: row(name, places::BUNDLED_PLACE),
            });
        }
        for row in rows.iter().filter(|row| row.enabled) {
            if !all.iter().any(|one| one.row.as_ref().is_some_and(|other| other.name == row.name)) {
                let found = places::at(&row.place, &row.name);
                all.push(Known { name: row.name.clone(), found, row: Some(row.clone()) });
            }
        }
        Ok(all)
    }

    /// Whether a plugin was allowed once exactly as it is now, so that nobody need be asked.
    ///
    /// # Errors
    /// Those of the store.
    pub fn is_plugin_allowed(&self, found: &Found) -> Result<bool> {
        let row = self.store()?.plugin(&found.manifest.name)?;
        Ok(row.is_some_and(|row| row.digest == found.digest && row.place == found.place()))
    }

    /// The text of a plugin as it was allowed last, where that was another one.
    ///
    /// # Errors
    /// Those of the store.
    pub fn plugin_before(&self, found: &Found) -> Result<Option<String>> {
        let before = self.store()?.last_grant(GRANTED, &found.manifest.name)?.map(|grant| grant.text);
        Ok(before.filter(|before| *before != found.text()))
    }

    /// Keeps that a person allowed a plugin as it is now; `how` is `asked` or `yes`.
    ///
    /// # Errors
    /// Those of the store.
    pub fn allow_plugin(&self, found: &Found, how: &str) -> Result<()> {
        self.store()?.grant(&[NewGrant {
            source: GRANTED.to_string(),
            command: found.manifest.name.clone(),
            digest: found.digest.clone(),
            how: how.to_string(),
            text: found.text(),
        }])
    }

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
                nested: self.nested,
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
    /// How many commands of plugins stand around these.
    nested: u32,
    app: Mutex<Option<App>>,
}

impl Rooms {
    fn with<T>(&self, ask: impl FnOnce(&App) -> Result<T>) -> Result<T> {
        let mut app = self.app.lock().unwrap_or_else(PoisonError::into_inner);
        if app.is_none() {
            let mut new = App::new(self.env.clone(), &self.options)?;
            new.redactor = self.redactor.clone();
            new.nested = self.nested + 1;
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
        if self.nested >= MOST_NESTED {
            let said = format!("commands of plugins run each other more than {MOST_NESTED} deep");
            return Err(Error::new(Kind::Refused, said));
        }
        self.with(|app| {
            app.catalog()?;
            Ok(app.launcher()?.clone())
        })
    }

    fn http(&self) -> Result<Http> {
        self.with(|app| open::http(app.config()?))
    }

    fn ask(&self, question: &Question, stop: Stop) -> Result<String> {
        self.with(|app| {
            budget_check(app)?;
            let models = app.models()?;
            let mut chat = app.chat(&models, stop)?;
            // A plugin does not read what it asks itself; those that guard read what others ask.
            let guards = std::mem::take(&mut chat.filters);
            let guards: Vec<_> = guards.into_iter().filter(|filter| filter.guards()).collect();
            let asks_itself = guards.iter().any(|guard| guard.name() == question.by);
            let guards = if asks_itself { Vec::new() } else { guards };
            let guarded = wait(filter::guarded(&guards, question.prompt.clone(), &mut Silent))?;
            let prompt = guarded.map_err(|why| Error::new(Kind::Refused, why))?;
            let system = question.system.as_deref().unwrap_or(SYSTEM);
            let answer = wait(chat.one_answer("plugin", system, &prompt))??;
            answer.ok_or_else(|| Error::new(Kind::Interrupted, "stopped"))
        })
    }
}
