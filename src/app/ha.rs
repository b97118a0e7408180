//! Home Assistant from the settings, and the names of its entities for whoever completes them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use url::Url;

use super::{App, open};
use crate::automations::ha::source::{Contexts, FindHome};
use crate::automations::ha::{Home, HomeSteps, discovery};
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::files;
use crate::kernel::http::{Http, Tls};

/// How many entities are kept for completion.
const MOST: usize = 20_000;

impl App {
    /// The Home Assistant of the settings.
    ///
    /// # Errors
    /// `Usage` where the settings name none, `NotFound` where its token is not among the secrets.
    pub fn home(&self) -> Result<Home> {
        self.finds_home()?()
    }

    /// Finds the Home Assistant of the settings, also from other threads.
    ///
    /// # Errors
    /// When the settings cannot be read.
    pub fn finds_home(&self) -> Result<FindHome> {
        let config = self.config()?;
        let written = |name: &str| config.text(name).filter(|t| !t.is_empty()).map(String::from);
        let (address, secret) = (written("homeassistant.url"), written("homeassistant.secret").unwrap_or_default());
        let mut settings = open::http_settings(config);
        settings.ca_files.extend(written("homeassistant.ca_file").map(PathBuf::from));
        let find_secret = self.finds_secrets();
        Ok(Arc::new(move || {
            let address = address.as_deref().ok_or_else(|| {
                Error::new(Kind::Usage, "the settings name no Home Assistant")
                    .hint("fac config set homeassistant.url http://homeassistant.local:8123")
            })?;
            let url = Url::parse(address).ok().filter(|u| matches!(u.scheme(), "http" | "https") && u.host().is_some());
            let url = url.ok_or_else(|| {
                Error::new(Kind::BadData, format!("homeassistant.url is no address: {address:?}"))
                    .hint("fac config set homeassistant.url http://homeassistant.local:8123")
            })?;
            let token = find_secret(&secret).map_err(|error| match error.kind() {
                Kind::NotFound => Error::new(Kind::NotFound, format!("there is no secret {secret}, the token of Home Assistant"))
                    .hint(format!("make a long-lived access token in your profile there, and keep it: fac secret set {secret}")),
                _ => error,
            })?;
            let tls = Tls { only: None, more: settings.ca_files.clone(), identity: None };
            Ok(Home { url, token, http: Http::new(&settings)?, tls })
        }))
    }

    /// Who does `ha` steps; nothing is connected before the first.
    pub(super) fn home_steps(&self) -> Result<HomeSteps> {
        Ok(HomeSteps::new(self.finds_home()?, Contexts::default(), Arc::new(|_| 0)))
    }

    /// How our commands are shown in Home Assistant; `None` where that is not wanted.
    ///
    /// # Errors
    /// When the broker of the settings cannot be used.
    pub fn discovery(&self) -> Result<Option<discovery::Settings>> {
        let config = self.config()?;
        if !config.flag("homeassistant.discovery") {
            return Ok(None);
        }
        let text = |name: &str| config.text(name).filter(|t| !t.is_empty()).map(String::from);
        let machine = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_string();
        Ok(Some(discovery::Settings {
            broker: self.brokers()?.get(text("homeassistant.broker").as_deref())?,
            prefix: text("homeassistant.discovery_prefix").unwrap_or_else(|| "homeassistant".into()),
            topic: text("homeassistant.topic").unwrap_or_else(|| "factotum".into()),
            machine: if machine.is_empty() { "this machine".into() } else { machine },
            folder: self.paths.state.clone(),
        }))
    }

    /// Keeps the names of entities for completion. What cannot be kept is not completed.
    pub fn keep_entities(&self, all: &[(String, String)]) {
        let mut text = String::new();
        for (entity, name) in all.iter().take(MOST) {
            let clean = |t: &str| t.replace(['\t', '\n', '\r'], " ");
            text.push_str(&format!("{}\t{}\n", clean(entity), clean(name)));
        }
        let file = self.paths.cache.join(ENTITIES);
        if files::read_text(&file, 64 << 20).ok().flatten().as_deref() != Some(&text)
            && let Err(error) = files::write_atomic(&file, text.as_bytes(), true)
        {
            tracing::debug!(error = error.full_message(), "the entities are not kept for completion");
        }
    }
}

const ENTITIES: &str = "ha-entities";

/// The entities that were there when somebody last looked, with what people call them.
pub fn entities(cache: &Path) -> Vec<(String, String)> {
    let text = files::read_text(&cache.join(ENTITIES), 64 << 20).ok().flatten().unwrap_or_default();
    text.lines().filter_map(|line| line.split_once('\t')).map(|(e, n)| (e.to_string(), n.to_string())).collect()
}
