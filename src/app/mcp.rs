//! MCP servers from the settings: secrets filled in, variables looked up, pins kept in the store.

use std::collections::BTreeMap;
use std::ffi::OsString;

use url::Url;

use super::App;
use crate::chat::mcp::{BASE_ENV, Pin, Pins, Place, Server, Servers, TIMEOUT, check_address, check_name};
use crate::chat::policy::fits;
use crate::kernel::config::McpServer;
use crate::kernel::error::{Context, Error, Kind, Result};
use crate::kernel::secret::Secret;
use crate::kernel::secrets::Secrets;
use crate::store::Store;

/// What marks the name of a secret where a value could stand.
const SECRET: &str = "secret:";

/// Pins of tool definitions, in the store.
pub struct McpPins<'a>(&'a Store);

impl Pins for McpPins<'_> {
    fn pinned(&self, key: &str) -> Result<Option<Pin>> {
        Ok(self.0.pinned("mcp", key)?.map(|(digest, text)| Pin { digest, text }))
    }

    fn pin(&self, key: &str, pin: &Pin) -> Result<()> {
        self.0.pin("mcp", key, &pin.digest, &pin.text)
    }

    fn forget(&self, server: &str) -> Result<()> {
        self.0.unpin("mcp", &format!("{server}/")).map(drop)
    }
}

impl App {
    /// The pins of MCP tools.
    pub fn mcp_pins(&self) -> Result<McpPins<'_>> {
        Ok(McpPins(self.store()?))
    }

    /// The MCP servers that are switched on, not started; and those whose settings cannot be used. `only` names one,
    /// which is then used even when it is switched off.
    ///
    /// # Errors
    /// `NotFound` when `only` is not in the settings.
    pub fn mcp(&self, only: Option<&str>) -> Result<(Servers, Vec<(String, Error)>)> {
        let mut written = self.config()?.mcp_servers();
        match only {
            Some(name) => {
                if !written.contains_key(name) {
                    return Err(no_server(name, written.keys().map(String::as_str)));
                }
                written.retain(|other, _| other == name);
            }
            None => written.retain(|_, server| !server.disabled),
        }
        Ok(self.mcp_of(written))
    }

    /// The same of the servers that are switched on and fit one of the names, in which `*` stands for any text.
    ///
    /// # Errors
    /// `NotFound` for a name that no server fits.
    pub fn mcp_like(&self, names: &[&str]) -> Result<(Servers, Vec<(String, Error)>)> {
        let mut written = self.config()?.mcp_servers();
        if let Some(name) = names.iter().find(|n| !written.keys().any(|known| fits(n, known))) {
            return Err(no_server(name, written.keys().map(String::as_str)));
        }
        written.retain(|known, server| !server.disabled && names.iter().any(|n| fits(n, known)));
        Ok(self.mcp_of(written))
    }

    fn mcp_of(&self, written: BTreeMap<String, McpServer>) -> (Servers, Vec<(String, Error)>) {
        let (mut servers, mut failures) = (Vec::new(), Vec::new());
        for (name, server) in written {
            match self.mcp_server(&name, &server) {
                Ok(server) => servers.push(server),
                Err(error) => failures.push((name, error)),
            }
        }
        (Servers::new(servers), failures)
    }

    fn mcp_server(&self, name: &str, written: &McpServer) -> Result<Server> {
        check_name(name)?;
        let secrets = Secrets::new(&self.env, &self.paths, &self.redactor);
        let place = match &written.url {
            Some(address) => self.mcp_address(name, address, written, &secrets)?,
            None => Place::Program {
                command: written.command.clone(),
                env: self.mcp_env(name, &written.env, &secrets)?,
                cwd: self.cwd.clone(),
            },
        };
        Ok(Server {
            name: name.to_string(),
            place,
            tools: written.tools.clone(),
            timeout: written.timeout.unwrap_or(TIMEOUT),
            trust_hints: written.trust_hints,
        })
    }

    fn mcp_address(&self, name: &str, address: &str, written: &McpServer, secrets: &Secrets) -> Result<Place> {
        let url = Url::parse(address).context(Kind::BadData, || {
            format!("the MCP server `{name}` has no address that can be read: {address:?}")
        })?;
        let mut headers = Vec::new();
        for line in &written.headers {
            let (header, value) = line.split_once(':').ok_or_else(|| {
                Error::new(Kind::BadData, format!("the header {line:?} of the MCP server `{name}` is none"))
                    .hint("write it as Name: text, or Name: secret:NAME")
            })?;
            headers.push((header.trim().to_string(), self.value(value.trim(), secrets)?));
        }
        let bearer = written.secret.as_deref().map(|secret| secrets.get(secret)).transpose()?;
        check_address(name, &url, bearer.is_some() || !headers.is_empty())?;
        let http = self.model_http()?;
        Ok(Place::Address { url, headers, bearer, http })
    }

    /// The whole environment of a server's program.
    fn mcp_env(&self, name: &str, named: &[String], secrets: &Secrets) -> Result<Vec<(OsString, OsString)>> {
        let ours = |name: &str| self.env.os(name).map(|value| (OsString::from(name), value.to_os_string()));
        let mut all: Vec<(OsString, OsString)> = BASE_ENV.into_iter().filter_map(ours).collect();
        for entry in named {
            match entry.split_once('=') {
                Some((key, value)) if !key.is_empty() => {
                    all.push((key.into(), self.value(value, secrets)?.expose().into()));
                }
                Some(_) => {
                    let what = format!("the MCP server `{name}` has a variable without a name: {entry:?}");
                    return Err(Error::new(Kind::BadData, what).hint("write NAME, NAME=text or NAME=secret:NAME"));
                }
                None => match ours(entry) {
                    Some(pair) => all.push(pair),
                    None => {
                        tracing::warn!(server = name, variable = entry, "a variable that a server wants is not set")
                    }
                },
            }
        }
        Ok(all)
    }

    /// A text as it is, or the secret that it names.
    fn value(&self, text: &str, secrets: &Secrets) -> Result<Secret> {
        match text.strip_prefix(SECRET) {
            Some(name) => secrets.get(name),
            None => Ok(Secret::new(text)),
        }
    }
}

/// There is no such server; the others are named.
pub fn no_server<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Error {
    let error = Error::new(Kind::NotFound, format!("there is no MCP server `{name}`"));
    let near = known.map(|other| (strsim::jaro_winkler(other, name), other)).max_by(|a, b| a.0.total_cmp(&b.0));
    match near.filter(|(score, _)| *score > 0.7) {
        Some((_, other)) => error.hint(format!("did you mean `{other}`? `fac mcp ls` lists all")),
        None => error.hint(format!("`fac mcp ls` lists all, `fac mcp add {name} -- PROGRAM` adds one")),
    }
}
