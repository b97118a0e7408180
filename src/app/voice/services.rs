//! What transcribers and speakers share: the environment of programs, and servers with their keys.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use crate::app::App;
use crate::app::models::headers;
use crate::kernel::config::Member;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::near::nearest;
use crate::kernel::secret::Secret;
use crate::kernel::secrets::Secrets;
use crate::providers::entry::{Entry, Wire};
use crate::voice::service::Service;

impl App {
    /// The private folder in which sound is handed to programs.
    pub(super) fn voice_folder(&self) -> PathBuf {
        self.paths.cache.join("voice")
    }

    /// What programs that hear or speak get: everything but the secrets of fac.
    pub(super) fn voice_env(&self) -> Vec<(OsString, OsString)> {
        let open = |name: &std::ffi::OsStr| !name.to_string_lossy().starts_with("FAC_SECRET_");
        self.env
            .iter()
            .filter(|(name, _)| open(name))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    /// Whether a program is on the PATH.
    pub(super) fn has_program(&self, name: &str) -> bool {
        crate::exec::find_program(name, self.env.os("PATH").unwrap_or_default()).is_some()
    }

    /// The server that is written down for `name` in `voice.FAMILY.name`.
    pub(super) fn voice_server(
        &self,
        family: &str,
        name: &str,
        member: &Member,
        patience: Duration,
    ) -> Result<Service> {
        let place = format!("voice.{family}.{name}");
        let provider = self.voice_provider(name)?;
        let url = member.text("url").map(String::from).or(provider.as_ref().map(|entry| entry.url.clone()));
        let url = url.ok_or_else(|| {
            Error::new(Kind::BadData, format!("nothing says where {name} is"))
                .hint(format!("fac config set {place}.url http://127.0.0.1:8000/v1"))
        })?;
        let (key, key_from) = match (member.text("key_env"), member.text("secret")) {
            (Some(variable), _) => (self.key(variable), Some(variable.to_string())),
            (None, Some(secret)) => {
                let found = Secrets::new(&self.env, &self.paths, &self.redactor).find(secret)?;
                (found.map(|found| found.0), Some(format!("`fac secret set {secret}`")))
            }
            (None, None) => match provider.filter(|entry| same_server(&entry.url, &url)) {
                Some(entry) => (entry.key, entry.key_from),
                None => (None, None),
            },
        };
        let headers = headers(&place, member)?;
        self.service(name, url, key, key_from, headers, member.duration("timeout").unwrap_or(patience))
    }

    /// A server at `url`, to which a key goes only where nobody on the way can read it.
    pub(super) fn service(
        &self,
        name: &str,
        url: String,
        key: Option<Secret>,
        key_from: Option<String>,
        headers: Vec<(String, String)>,
        timeout: Duration,
    ) -> Result<Service> {
        let safe = url::Url::parse(&url).is_ok_and(|url| crate::kernel::http::is_safe(&url));
        if key.is_some() && !safe {
            return Err(Error::new(
                Kind::Refused,
                format!("the key of {name} is not sent to {url}, which is not encrypted"),
            )
            .hint("use an address that begins with https://"));
        }
        if let Some(key) = &key {
            self.redactor.learn(key);
        }
        let http = self.model_http(url.starts_with("https"))?;
        let redactor = self.redactor.clone();
        Ok(Service { name: name.to_string(), url, key, key_from, headers, timeout, retries: 2, http, redactor })
    }

    /// A provider of models that speaks as OpenAI does.
    pub(super) fn voice_provider(&self, name: &str) -> Result<Option<Entry>> {
        let fits = |entry: &Entry| entry.name == name && matches!(entry.wire, Wire::OpenAi | Wire::Responses);
        Ok(self.model_settings(true)?.entries.into_iter().find(fits))
    }
}

fn same_server(a: &str, b: &str) -> bool {
    let origin = |text: &str| url::Url::parse(text).ok().map(|url| url.origin());
    origin(a).is_some() && origin(a) == origin(b)
}

/// There is nobody of this name; the nearest is named, or all.
pub(super) fn nobody(what: &str, wanted: &str, known: &[String]) -> Error {
    let hint = match nearest(wanted, known.iter().map(String::as_str)) {
        Some(name) => format!("is it {name}?"),
        None => format!("there are {}", known.join(", ")),
    };
    Error::new(Kind::NotFound, format!("there is no {what} `{wanted}`")).hint(hint)
}
