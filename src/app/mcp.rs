//! MCP servers from the settings: secrets filled in, variables looked up, pins kept in the store.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use url::Url;

use super::App;
use crate::chat::Tool;
use crate::chat::mcp::{
    BASE_ENV, Offer, Offers, Pin, Pins, Place, Server, Servers, Standing, TIMEOUT, check_address, check_name, pins,
};
use crate::chat::policy::fits;
use crate::exec;
use crate::kernel::config::{KeyPath, McpServer, schema};
use crate::kernel::error::{Context, Error, Kind, Result};
use crate::kernel::near::nearest;
use crate::kernel::secret::Secret;
use crate::kernel::secrets::Secrets;
use crate::kernel::terminal::safe_line;
use crate::store::Store;

/// What marks the name of a secret where a value could stand.
const SECRET: &str = "secret:";

/// What marks a pattern of MCP tools.
pub const PATTERN: &str = "mcp:";

/// Tools of servers on offer.
#[derive(Default)]
pub struct Offered {
    /// Each by its server and name, `server/tool`.
    pub tools: Vec<(String, Arc<dyn Tool>)>,
    /// A sentence about each that is left out.
    pub left_out: Vec<String>,
    /// Those that nobody had seen, pinned as they are now.
    pub pinned: Vec<String>,
}

/// Says whether a definition that differs from the pinned one, whose text is handed in, is accepted.
pub type Accept<'a> = dyn FnMut(&Offer, &str) -> Result<bool> + 'a;

/// Whether `server` or `server/tool`, in which `*` stands for any text, names this tool. `mcp:` may stand before it.
pub fn wants(pattern: &str, server: &str, tool: &str) -> bool {
    let pattern = pattern.strip_prefix(PATTERN).unwrap_or(pattern);
    match pattern.split_once('/') {
        Some((servers, tools)) => fits(servers, server) && fits(tools, tool),
        None => fits(pattern, server),
    }
}

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
        names.iter().try_for_each(|name| self.mcp_is_there(name))?;
        let mut written = self.config()?.mcp_servers();
        written.retain(|known, server| !server.disabled && names.iter().any(|n| fits(n, known)));
        Ok(self.mcp_of(written))
    }

    /// Checks that a server fits the name, in which `*` stands for any text.
    ///
    /// # Errors
    /// `NotFound` where none does.
    pub fn mcp_is_there(&self, name: &str) -> Result<()> {
        let written = self.config()?.mcp_servers();
        match written.keys().any(|known| fits(name, known)) {
            true => Ok(()),
            false => Err(no_server(name, written.keys().map(String::as_str))),
        }
    }

    /// The tools of `servers` that a model may be offered. `wanted` holds patterns such as `mcp:server` and
    /// `mcp:server/tool`; where it is empty all are wanted.
    ///
    /// A tool that nobody has seen is pinned as it is; one whose definition has changed since is left out unless
    /// `accept`, which is handed what the pinned one said, says yes. The servers run until `servers` is closed.
    ///
    /// # Errors
    /// Those of the store, and of `accept`.
    pub async fn mcp_tools(&self, servers: &Servers, wanted: &[String], accept: &mut Accept<'_>) -> Result<Offered> {
        let store = self.mcp_pins()?;
        let patterns: Vec<&str> = wanted.iter().map(String::as_str).collect();
        offered(servers.offers(&store).await?, &patterns, &store, accept)
    }

    /// Where a server's program or address is, when its settings can be used; nothing is started.
    ///
    /// # Errors
    /// What is wrong with its settings, `NotFound` for a secret that is not there, `Missing` for its program.
    pub fn mcp_check(&self, name: &str, written: &McpServer) -> Result<String> {
        match self.mcp_server(name, written)?.place {
            Place::Address { url, .. } => Ok(url.host_str().unwrap_or_default().to_string()),
            Place::Program { command, env, .. } => {
                let program = command.first().map(String::as_str).unwrap_or_default();
                if program.is_empty() {
                    let what = format!("the MCP server `{name}` has neither a command nor a url");
                    return Err(Error::new(Kind::BadData, what)
                        .hint(format!("fac mcp rm {name}, then fac mcp add {name} -- PROGRAM ARGUMENTS…")));
                }
                let path = env.iter().rfind(|(key, _)| key == "PATH").map(|(_, value)| value.clone());
                let found: Option<PathBuf> = exec::find_program(program, path.unwrap_or_default());
                found.map(|file| file.display().to_string()).ok_or_else(|| {
                    let what = format!("the MCP server `{name}` needs {program}, which is not there");
                    Error::new(Kind::Missing, what).hint(format!("install {program}, or fac mcp disable {name}"))
                })
            }
        }
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
            redactor: self.redactor.clone(),
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
        let http = self.model_http(url.scheme() != "http")?;
        Ok(Place::Address { url, headers, bearer, http })
    }

    /// The whole environment of a server's program.
    fn mcp_env(&self, name: &str, named: &[String], secrets: &Secrets) -> Result<Vec<(OsString, OsString)>> {
        let ours = |name: &str| self.env.os(name).map(|value| (OsString::from(name), value.to_os_string()));
        let mut all: Vec<(OsString, OsString)> = BASE_ENV.into_iter().filter_map(ours).collect();
        for entry in named {
            match entry.split_once('=') {
                Some((key, value)) if !key.is_empty() => {
                    let value = self.value(value, secrets)?;
                    self.learn(key, &value);
                    all.push((key.into(), value.expose().into()));
                }
                Some(_) => {
                    let what = format!("the MCP server `{name}` has a variable without a name: {entry:?}");
                    return Err(Error::new(Kind::BadData, what).hint("write NAME, NAME=text or NAME=secret:NAME"));
                }
                None => match ours(entry) {
                    Some(pair) => {
                        self.learn(entry, &Secret::new(pair.1.to_string_lossy()));
                        all.push(pair);
                    }
                    None => {
                        tracing::warn!(server = name, variable = entry, "a variable that a server wants is not set")
                    }
                },
            }
        }
        Ok(all)
    }

    /// A value whose name says that it is a secret is written nowhere, wherever it comes from.
    fn learn(&self, name: &str, value: &Secret) {
        if schema::looks_secret(&KeyPath::new([name])) {
            self.redactor.learn(value);
        }
    }

    /// A text as it is, or the secret that it names.
    fn value(&self, text: &str, secrets: &Secrets) -> Result<Secret> {
        match text.strip_prefix(SECRET) {
            Some(name) => secrets.get(name),
            None => Ok(Secret::new(text)),
        }
    }
}

/// The tools that fit the patterns, all of them where there are none.
fn offered(offers: Offers, patterns: &[&str], store: &dyn Pins, accept: &mut Accept<'_>) -> Result<Offered> {
    let any = |server: &str, tool: &str| patterns.is_empty() || patterns.iter().any(|p| wants(p, server, tool));
    let mut said: Vec<String> = offers.failures.iter().map(|(_, error)| error.full_message()).collect();
    said.extend(offers.notes.iter().map(|(server, note)| format!("{server}: {note}")));
    for pattern in patterns {
        let of = pattern.strip_prefix(PATTERN).unwrap_or(pattern).split('/').next().unwrap_or_default();
        let is_there = offers.tools.iter().any(|o| wants(pattern, &o.server, &o.definition.name));
        // What a server that failed would have offered, nobody knows.
        if !is_there && !offers.failures.iter().any(|(server, _)| fits(of, server)) {
            said.push(format!("{pattern} names no tool that is offered; `fac mcp tools` lists them"));
        }
    }
    let mut all = Offered::default();
    for offer in offers.tools.into_iter().filter(|o| any(&o.server, &o.definition.name)) {
        let key = pins::key(&offer.server, &offer.definition.name);
        match &offer.standing {
            Standing::Pinned => {}
            Standing::New => {
                pins::accept(&offer.server, &offer.definition, store)?;
                all.pinned.push(key.clone());
            }
            Standing::Changed(before) if accept(&offer, before)? => {
                pins::accept(&offer.server, &offer.definition, store)?;
            }
            Standing::Changed(_) => {
                said.push(left_out(&offer.server, &offer.definition.name));
                continue;
            }
        }
        all.tools.push((key, offer.tool));
    }
    all.left_out = said.iter().map(|text| safe_line(text).into_owned()).collect();
    Ok(all)
}

/// Says that a tool is not offered, because its definition is not the pinned one.
pub fn left_out(server: &str, tool: &str) -> String {
    let text = format!(
        "{server}/{tool} is left out: its definition has changed since it was pinned; `fac mcp tools {server} --accept` accepts it"
    );
    safe_line(&text).into_owned()
}

/// There is no such server; the others are named.
pub fn no_server<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Error {
    let error = Error::new(Kind::NotFound, format!("there is no MCP server `{name}`"));
    match nearest(name, known) {
        Some(other) => error.hint(format!("did you mean `{other}`? `fac mcp ls` lists all")),
        None => error.hint(format!("`fac mcp ls` lists all, `fac mcp add {name} -- PROGRAM` adds one")),
    }
}

#[cfg(test)]
mod tests;
