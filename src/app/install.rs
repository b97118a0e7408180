//! What the system is to start, as this process was started: the same program, the same home, the same settings.

use super::App;
use crate::automations::install::{Entry, Machine};
use crate::kernel::error::{Context as _, Error, Kind, Result};

/// What says where settings and store lie where no home is named, and which times are meant. Whoever is started by the
/// system has none of it.
const PLACES: [&str; 5] = ["XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "TZ"];

impl App {
    /// The entry for `fac tick`, or for `fac auto up` where it `stays`.
    ///
    /// # Errors
    /// `Failed` when this program cannot be found.
    pub fn system_entry(&self, stays: bool) -> Result<Entry> {
        let program = std::env::current_exe().context(Kind::Failed, || "this program cannot be found".to_string())?;
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
