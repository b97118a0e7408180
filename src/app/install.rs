//! What the system is to start, as this process was started: the same program, the same home, the same settings.

use std::ffi::OsString;
use std::path::PathBuf;

use super::App;
use crate::automations::install::{Entry, Machine};
use crate::exec::find_program;
use crate::kernel::error::{Context as _, Error, Kind, Result};

/// What says where settings and store lie where no home is named, and which times are meant. Whoever is started by the
/// system has none of it.
const PLACES: [&str; 5] = ["XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "TZ"];

impl App {
    /// The entry for `fac tick`, or for `fac auto up` where it `stays`; `called` is the first of our own words.
    ///
    /// # Errors
    /// `Failed` when this program cannot be found.
    pub fn system_entry(&self, stays: bool, called: Option<OsString>) -> Result<Entry> {
        let program = self.own_program(called)?;
        let whole = |path: &std::path::Path| -> Result<String> {
            let path = std::path::absolute(path).context(Kind::Failed, || format!("{} is no path", path.display()))?;
            path.into_os_string().into_string().map_err(|p| {
                Error::new(Kind::Usage, format!("{} is not UTF-8, and cannot stand in an entry", p.display()))
            })
        };
        let mut args = Vec::new();
        let mut label = "default".to_string();
        if let Some(home) = &self.paths.fac_home {
            // One folder has one entry, however it was spelt.
            label = whole(&home.canonicalize().unwrap_or_else(|_| home.clone()))?;
            args.extend(["--home".to_string(), label.clone()]);
        }
        if let Some(file) = &self.options.config {
            args.extend(["--config".to_string(), whole(file)?]);
        }
        let profile = self.options.profile.as_deref().or_else(|| self.env.text("FAC_PROFILE"));
        if let Some(profile) = profile.filter(|name| !name.is_empty()) {
            args.extend(["--profile".to_string(), profile.to_string()]);
        }
        let mut env =
            vec![("PATH".to_string(), self.env.text("PATH").unwrap_or("/usr/local/bin:/usr/bin:/bin").into())];
        let chosen = |name: &&str| !name.starts_with("XDG_") || self.paths.fac_home.is_none();
        for name in PLACES.into_iter().filter(chosen) {
            env.extend(self.env.text(name).filter(|text| !text.is_empty()).map(|text| (name.to_string(), text.into())));
        }
        Ok(Entry { program, args, label, stays, env })
    }

    /// This program by the path under which it was called, where that is a whole one or stands in PATH: it still holds after
    /// an update has put another program behind a link. Elsewhere the path at which it lies.
    fn own_program(&self, called: Option<OsString>) -> Result<PathBuf> {
        let lies = std::env::current_exe().context(Kind::Failed, || "this program cannot be found".to_string())?;
        let found = called.and_then(|called| find_program(called, self.env.os("PATH").unwrap_or_default()));
        let is_us = |path: &PathBuf| path.is_absolute() && path.canonicalize().ok() == lies.canonicalize().ok();
        Ok(found.filter(is_us).unwrap_or(lies))
    }

    /// The machine on which entries are made.
    ///
    /// # Errors
    /// `Missing` when the user has no home.
    pub fn machine(&self) -> Result<Machine<'_>> {
        let home = self.paths.user_home.as_deref();
        let home = home.ok_or_else(|| Error::new(Kind::Missing, "HOME is not set, so there is nobody to do it for"))?;
        Ok(Machine { env: &self.env, home })
    }
}
