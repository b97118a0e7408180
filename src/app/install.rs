//! What the system is to start, as this process was started: the same program, the same home, the same settings.

use super::App;
use crate::automations::install::{Entry, Machine};
use crate::kernel::error::{Context as _, Error, Kind, Result};

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
            label = whole(home)?;
            args.extend(["--home".to_string(), label.clone()]);
        }
        if let Some(file) = &self.options.config {
            args.extend(["--config".to_string(), whole(file)?]);
        }
        if let Some(profile) = &self.options.profile {
            args.extend(["--profile".to_string(), profile.clone()]);
        }
        let path = self.env.text("PATH").unwrap_or("/usr/local/bin:/usr/bin:/bin").to_string();
        Ok(Entry { program, args, label, stays, path })
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
